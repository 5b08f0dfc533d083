//! Access that is given at once in an emergency, before anybody has agreed, where the policy says so (H10).
//!
//! It is two records. The first is provisional: it ends by itself within minutes. The second begins as the first ends,
//! without a gap and without cutting it, and is made only while the first one holds, once its responder has written a note
//! and somebody has agreed. Everything else is as for any other access: an end that is fixed once, a fuse, one binding each.
use super::duties;
use super::screening::{Filing, Seen};
use super::{Now, edits, lane, record, term, text};
use crate::api::duty::{Duty, DutyState, Moment, Obligation, Within};
use crate::api::grant::{AccessGrant, AccessGrantSpec, AccessGrantStatus, ApprovalOf, Flag, FollowsOf, PolicyOf};
use crate::api::names;
use crate::api::policy::{AccessPolicy, Emergency, EmergencyGrant};
use crate::api::reasons::{EndReason, FlagType};
use crate::api::request::{AccessRequest, ApprovalEntry, Decision};
use crate::api::subject::{Subject, SubjectKind};
use crate::api::time::{Instant, Span};
use kube::ResourceExt;

/// For how long access is given before anybody has agreed, where the policy does not say, in seconds.
const NOTE_WITHIN: u32 = 15 * 60;
/// Who agreed to what is given at once, as one line for the record.
const NOBODY_YET: &str = "nobody yet (at once)";

/// For how long access is given in this lane before anybody has agreed.
pub fn note_within(lane: &Emergency) -> Span {
    lane.note_within.unwrap_or(Span::from_secs(NOTE_WITHIN))
}

/// Whether this is a policy, as it applies in its lane, under which access is given at once.
pub fn is_lane(policy: &AccessPolicy) -> bool {
    policy.spec.emergency.as_ref().is_some_and(|lane| lane.grant == EmergencyGrant::AtOnce)
}

/// Whether a request gets access before anybody has agreed: this access once for an incident, and only where that
/// [may be](lane::may_precede_approval).
pub fn is_open_to(filing: &Filing<'_>, seen: &Seen<'_>) -> bool {
    let had = |record: &AccessGrant| {
        let of = &record.spec;
        of.provisional && of.ticket == filing.request.spec.ticket && of.access == filing.access.name
    };
    is_lane(filing.policy)
        && lane::may_precede_approval(filing, seen.missed)
        && !seen.earlier.iter().any(|record| had(record))
}

/// The record of access that is given at once: what was asked for, but only until a note is due and somebody has agreed.
pub fn provisional(mut record: AccessGrant, lane: &Emergency) -> AccessGrant {
    let within = note_within(lane);
    let spec = &mut record.spec;
    spec.expires_at = spec.expires_at.into_iter().chain(spec.not_before.checked_add(within.delta())).min();
    spec.provisional = true;
    spec.approved_by = Some(NOBODY_YET.to_owned());
    let responder = Subject { kind: SubjectKind::User, name: spec.user.clone() };
    let (duty, since, within) = (Duty::Note, Moment::Begun, vec![Within::Span(within)]);
    let note = Obligation { duty, since, within, by: vec![responder], needs: vec![] };
    spec.duties.get_or_insert_default().owes.insert(0, note);
    record
}

/// Whether it is still to be decided if this access goes on.
pub fn is_open(first: &AccessGrant) -> bool {
    first.spec.provisional && first.status.as_ref().is_none_or(|s| s.ended_at.is_none())
}

/// Whether this is the record by which an access goes on.
pub fn goes_on(spec: &AccessGrantSpec) -> bool {
    spec.follows.as_ref().is_some_and(|of| of.goes_on)
}

/// The record of the access that this one follows without a gap: what it renews, or goes on with.
pub fn predecessor(spec: &AccessGrantSpec) -> Option<&str> {
    let before = spec.follows.as_ref().filter(|of| of.goes_on).map(|of| of.grant.as_str());
    spec.renewal.as_ref().map(|renewal| renewal.grant.as_str()).or(before)
}

/// What its responder wrote, once that was accepted.
pub fn note(first: &AccessGrant) -> Option<&str> {
    let status = first.status.as_ref()?;
    let is_met = status.owed.iter().any(|owed| owed.duty == Duty::Note && owed.state == DutyState::Met);
    status.duties.as_ref()?.note.as_ref().filter(|_| is_met).map(|note| note.text.as_str())
}

/// Somebody's no to what was given at once, as admission let them write it: it ends the access, whatever else is known.
pub fn refusal<'a>(request: &'a AccessRequest, first: &AccessGrant) -> Option<&'a ApprovalEntry> {
    let spec = &first.spec;
    let revision = format!("{}-{}", names::short(&spec.request.uid), spec.request.generation);
    let refuses = |entry: &&ApprovalEntry| {
        entry.decision == Decision::Deny && entry.revision == revision && entry.by != spec.user
    };
    request.status.as_ref()?.approvals.iter().filter(|_| spec.provisional).find(refuses)
}

/// Who agreed to it by now, as the operator has counted.
pub fn agreed<'a>(request: &'a AccessRequest, first: &AccessGrant) -> Option<&'a str> {
    let status = request.status.as_ref()?;
    let revision = format!("{}-{}", names::short(&first.spec.request.uid), first.spec.request.generation);
    let counts = |entry: &&ApprovalEntry| {
        let judged = |d: &&crate::api::request::Judged| d.by == entry.by && d.revision == entry.revision;
        let agrees = entry.decision == Decision::Approve && entry.revision == revision;
        agrees && status.decisions.iter().find(judged).is_some_and(|d| d.counted)
    };
    status.approvals.iter().find(counts).map(|entry| entry.by.as_str())
}

/// When the access ends if it goes on: what was asked for, or less where somebody who agreed said so, counted from when the
/// first one began; `None`: it goes no further than that.
pub fn until(first: &AccessGrant, filing: &Filing<'_>, approvals: &[ApprovalOf]) -> Option<Instant> {
    let begun = first.spec.not_before;
    let (longest, _) = term::longest(&filing.policy.spec, filing.access, filing.installation, begun.get());
    let allowed = approvals.iter().filter_map(|approval| approval.duration).chain([first.spec.asked_for]);
    let ends = begun.checked_add(allowed.map(Span::delta).chain([longest]).min()?)?;
    (ends > first.spec.expires_at?).then_some(ends)
}

/// The record by which it goes on: the same access, from when the first one ends. Its end is fixed here, once. `None`: the
/// first one does not hold any more, or no further was agreed to.
pub fn rest(
    first: &AccessGrant,
    filing: &Filing<'_>,
    approvals: Vec<ApprovalOf>,
    note: &str,
    now: Now,
) -> Option<AccessGrant> {
    let ends = until(first, filing, &approvals)?;
    let holds = record::due(first).is_some_and(|due| due.get() > now.for_ending());
    let (of, policy) = (&first.spec.request, filing.policy);
    let duties = duties::of_the_rest(filing);
    let spec = AccessGrantSpec {
        policy: PolicyOf {
            generation: policy.metadata.generation?,
            filed_generation: edits::filed_generation(filing.request, policy),
            ..first.spec.policy.clone()
        },
        provisional: false,
        follows: Some(FollowsOf { grant: first.name_any(), finding: note.to_owned(), goes_on: true }),
        approved_by: record::in_one_line(&approvals),
        approvals,
        not_before: first.spec.expires_at?,
        expires_at: Some(ends),
        duties,
        ..first.spec.clone()
    };
    let mut rest = AccessGrant::new(&names::second(&of.namespace, &of.name, &of.uid), spec);
    rest.metadata.labels = first.metadata.labels.clone();
    holds.then_some(rest)
}

/// Why what was agreed to go on does not: the access that it goes on with ended before its time.
pub fn broken_off(spec: &AccessGrantSpec, first: Option<&AccessGrant>) -> Option<String> {
    let status = first?.status.as_ref().filter(|_| goes_on(spec))?;
    let reason = status.end_reason.filter(|reason| *reason != EndReason::Expired)?;
    Some(format!("the access that it goes on with ended before its time ({})", <&str>::from(reason)))
}

/// What an end by time is told with: how it goes on, or why it does not.
pub fn in_words(first: &AccessGrant, request: Option<&AccessRequest>, follower: Option<&str>) -> String {
    if let Some(follower) = follower.filter(|_| first.spec.provisional) {
        return format!(", and it goes on as {follower}");
    }
    if !first.spec.provisional {
        return String::new();
    }
    let by = request.and_then(|request| agreed(request, first));
    match (by, note(first)) {
        (None, None) => ": nobody had agreed by then, and there was no note".to_owned(),
        (None, Some(_)) => ": nobody had agreed by then".to_owned(),
        (Some(by), None) => format!(": {by} had agreed, but there was no note"),
        (Some(by), Some(_)) => format!(", as {by} had agreed"),
    }
}

/// Flags what was given at once and ended before anybody had agreed.
pub fn flag(first: &AccessGrant, request: Option<&AccessRequest>, status: &mut AccessGrantStatus, now: Now) {
    let has_begun = status.started_at.is_some() || status.end_reason == Some(EndReason::Expired);
    let is_agreed = request.is_some_and(|request| agreed(request, first).is_some()) || status.goes_on_as.is_some();
    if !first.spec.provisional || !has_begun || is_agreed {
        return;
    }
    let message = "Access was given at once, and ended before anybody had agreed to it.".to_owned();
    status.flags.push(Flag { type_: FlagType::NotApproved, since: now.for_record(), message, cleared_by: None });
}

/// What somebody has to look at in the review is cleared by it; it stays on record.
pub fn clear(status: &mut AccessGrantStatus) {
    let review = status.owed.iter().find(|owed| owed.duty == Duty::Review && owed.settled_at.is_some());
    let Some(by) = review.map(|owed| format!("review: {}", owed.consequence)) else { return };
    let is_for_the_review = |flag: &Flag| [FlagType::NotApproved, FlagType::SelfApproved].contains(&flag.type_);
    let stands = |flag: &&mut Flag| is_for_the_review(flag) && flag.cleared_by.is_none();
    status.flags.iter_mut().filter(stands).for_each(|flag| flag.cleared_by = Some(text::line(&by, 512)));
}

#[cfg(test)]
pub(crate) mod tests;
