//! What is owed for an access, until when, and what follows if it is not done.
//!
//! A grant holds its duties from its making, so that nothing that happens to the policy changes them. What people wrote is
//! taken once and is final; a duty that was missed is missed until it is met, or a reviewer waives it in writing.
mod command;
mod writing;

use super::calendar::Calendar;
use super::screening::{Filing, evidence, words};
use super::{Now, at_once, lane, text};
use crate::api::duty::{CloseOut, Duties, DutiesOf, Duty, DutyState, Moment, Needed, Obligation, Owed, Waiver, Within};
use crate::api::grant::{AccessGrant, AccessGrantStatus, Flag};
use crate::api::policy::{AccessPolicySpec, Emergency};
use crate::api::reasons::{self, DutiesMet, EndReason, FlagType, Outcome};
use crate::api::request::Lane;
use crate::api::subject::{Subject, SubjectKind};
use crate::api::time::{self, Instant};
use chrono::{DateTime, TimeDelta, Utc};
use kube::ResourceExt;
use strum::VariantArray;

pub use command::{PLACEHOLDER, data_in_words, field, seen};
pub use writing::{Who, is_listed, is_open, meeting, objection, waiving};

/// The most characters of what is said about one duty.
const MOST: usize = 1024;

/// The longest command that is quoted in another message.
const LONGEST_COMMAND: usize = 800;

/// What sets one duty apart from the others.
struct Kind {
    /// What people call it.
    name: &'static str,
    /// Whether missing it costs the person who owes it their access.
    strikes: bool,
    /// Who wrote it, if somebody did.
    written: fn(&Duties) -> Option<&str>,
    /// What is wrong with it.
    fault: fn(&Duties, &Obligation) -> Option<String>,
    /// The waiver, if somebody wrote one.
    waiver: fn(&Duties) -> Option<&Waiver>,
}
/// What people call it.
pub fn name(duty: Duty) -> &'static str {
    kind(duty).name
}
fn kind(duty: Duty) -> Kind {
    match duty {
        Duty::Note => Kind {
            name: "note",
            strikes: true,
            written: |duties| duties.note.as_ref().map(|note| &*note.by),
            fault: |duties, _| vague([("text", duties.note.as_ref().map(|note| &*note.text))]),
            waiver: |duties| duties.waiver.as_ref()?.note.as_ref(),
        },
        Duty::CloseOut => Kind {
            name: "close-out",
            strikes: true,
            written: |duties| duties.closeout.as_ref().map(|closeout| &*closeout.by),
            fault: |duties, of| duties.closeout.as_ref().and_then(|closeout| incomplete(closeout, of)),
            waiver: |duties| duties.waiver.as_ref()?.closeout.as_ref(),
        },
        Duty::Review => Kind {
            name: "review",
            strikes: false,
            written: |duties| duties.review.as_ref().map(|review| &*review.by),
            fault: |duties, _| {
                let review = duties.review.as_ref()?;
                vague([
                    ("realEmergency", Some(&*review.real_emergency)),
                    ("smallestOption", Some(&*review.smallest_option)),
                    ("evidenceAdded", Some(&*review.evidence_added)),
                    ("improvement", Some(&*review.improvement)),
                ])
            },
            waiver: |duties| duties.waiver.as_ref()?.review.as_ref(),
        },
    }
}

/// The fields that say nothing.
fn vague<'a>(fields: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Option<String> {
    let empty: Vec<_> =
        fields.into_iter().filter(|(_, text)| text.is_some_and(says_nothing)).map(|(field, _)| field).collect();
    (!empty.is_empty()).then(|| format!("{} says nothing: say it in words of your own", text::few(empty, 9)))
}

/// Whether an answer says nothing.
pub fn says_nothing(text: &str) -> bool {
    text.starts_with(PLACEHOLDER) || words::weigh(text, &[]).words < words::ANSWER
}

/// What a close-out lacks. Admission refuses what is not there; what says nothing is judged here.
fn incomplete(closeout: &CloseOut, of: &Obligation) -> Option<String> {
    let has = |needed: &Needed| match needed {
        Needed::Cause => closeout.cause.is_some(),
        Needed::FollowUps => closeout.follow_ups.is_some(),
        Needed::DataReviewed => closeout.data_reviewed.is_some(),
        Needed::Timeline => !closeout.timeline.is_empty(),
        Needed::Commands => !closeout.commands.is_empty(),
        Needed::Attachments => !closeout.attachments.is_empty(),
        Needed::WhyNotBroader => closeout.why_not_broader.is_some(),
        Needed::WhyNotSafer => closeout.why_not_safer.is_some(),
        Needed::LegalBasis => closeout.legal_basis.is_some(),
    };
    let missing: Vec<_> = of.needs.iter().filter(|needed| !has(needed)).map(command::field).collect();
    if !missing.is_empty() {
        return Some(format!("add {}", text::few(missing, 9)));
    }
    if !closeout.work_done {
        return Some("workDone: finish the work, or hand it on in followUps, then say true".to_owned());
    }
    let is_placeholder = |text: &String| text.starts_with(PLACEHOLDER);
    let is_left = [
        // What follows may be nothing, and is said in one word.
        ("followUps", closeout.follow_ups.iter().any(is_placeholder)),
        ("dataReviewed", closeout.data_reviewed.iter().any(is_placeholder)),
        ("timeline", closeout.timeline.iter().any(is_placeholder)),
        ("commands", closeout.commands.iter().any(is_placeholder)),
        ("attachments", closeout.attachments.iter().any(|a| a.url == command::NO_URL)),
        ("legalBasis", closeout.legal_basis.iter().any(|basis| is_placeholder(&basis.ref_))),
    ];
    let left: Vec<_> = is_left.into_iter().filter(|(_, is_left)| *is_left).map(|(field, _)| field).collect();
    if !left.is_empty() {
        return Some(format!("replace the words in capitals: {}", text::few(left, 6)));
    }
    vague([
        ("summary", Some(&*closeout.summary)),
        ("cause", closeout.cause.as_deref()),
        ("whyNotBroader", closeout.why_not_broader.as_deref()),
        ("whyNotSafer", closeout.why_not_safer.as_deref()),
    ])
}

/// What a grant owes, fixed when it is made; `None`: nothing. An emergency owes more with the close-out, which is due sooner
/// (H12, H13), and a review, also where nothing was granted (H14).
pub fn declared(filing: &Filing<'_>, outcome: Outcome) -> Option<DutiesOf> {
    let policy = &filing.policy.spec;
    let lane = policy.emergency.as_ref();
    let closeout = (outcome == Outcome::Approved).then(|| closeout_of(filing, lane));
    let owes: Vec<_> = closeout.into_iter().chain(lane.map(review_of)).collect();
    if owes.is_empty() {
        return None;
    }
    let mut reviewers = vec![policy.owner.clone()];
    reviewers.extend(lane.iter().flat_map(|lane| &lane.review.reviewers).filter(|s| **s != policy.owner).cloned());
    let calendar = calendar_for(&owes, policy, filing);
    Some(DutiesOf { owes, reviewers, calendar })
}
/// What the second record of an access owes that was given at once: the close-out of all of it. Its review is owed with the first.
pub fn of_the_rest(filing: &Filing<'_>) -> Option<DutiesOf> {
    let mut duties = declared(filing, Outcome::Approved)?;
    duties.owes.retain(|of| of.duty == Duty::CloseOut);
    Some(duties)
}
/// The review of what nobody approved is due the same day, or earlier where the policy says so (H11).
pub fn are_reviewed_the_same_day(duties: &mut Option<DutiesOf>, filing: &Filing<'_>) {
    let Some(duties) = duties else { return };
    for review in duties.owes.iter_mut().filter(|of| of.duty == Duty::Review) {
        review.within.retain(|within| matches!(within, Within::Span(_)));
        review.within.insert(0, Within::SameDay);
    }
    duties.calendar = calendar_for(&duties.owes, &filing.policy.spec, filing);
}
fn closeout_of(filing: &Filing<'_>, lane: Option<&Emergency>) -> Obligation {
    let (policy, request) = (&filing.policy.spec, filing.request);
    let requester = Subject { kind: SubjectKind::User, name: request.spec.requester.username.clone() };
    let named_data = (!request.spec.data.is_empty()).then_some(Needed::DataReviewed);
    let in_lane = lane.map_or(vec![], |_| of_an_emergency(filing));
    let mut within = vec![policy.closeout.within];
    within.extend(lane.map(|lane| lane.evidence_within).filter(|of| *of != policy.closeout.within));
    let mut needs = vec![];
    for needed in [Needed::Cause, Needed::FollowUps].into_iter().chain(named_data).chain(in_lane) {
        if !needs.contains(&needed) {
            needs.push(needed);
        }
    }
    Obligation { duty: Duty::CloseOut, since: Moment::Ended, within, by: vec![requester], needs }
}
/// What shows how an emergency went, and what the request was not asked for when it was filed.
fn of_an_emergency(filing: &Filing<'_>) -> Vec<Needed> {
    let asked = evidence::needed(&filing.policy.spec, Some(filing.access), Lane::Routine);
    let put_off =
        evidence::missing(&asked, &filing.request.spec).into_iter().filter_map(|form| lane::put_off(form.what));
    let always = [Needed::Timeline, Needed::Attachments, Needed::Commands, Needed::WhyNotBroader];
    always.into_iter().chain(put_off).collect()
}
fn review_of(lane: &Emergency) -> Obligation {
    let review = &lane.review;
    Obligation {
        duty: Duty::Review,
        since: Moment::Decided,
        within: vec![review.within],
        by: review.reviewers.clone(),
        needs: vec![],
    }
}
/// The calendar that these duties are counted by.
fn calendar_for(
    owes: &[Obligation],
    policy: &AccessPolicySpec,
    filing: &Filing<'_>,
) -> Option<crate::api::calendar::Calendar> {
    let is_needed = owes.iter().flat_map(|of| &of.within).any(|within| !matches!(within, Within::Span(_)));
    // A policy whose calendar cannot be read is not Ready, so that nothing is granted under it.
    let calendar = || Calendar::of(policy, filing.installation).unwrap_or_default().written();
    is_needed.then(calendar)
}

/// The last instant of a duty whose time began then: the earliest of what was agreed.
fn due(of: &Obligation, duties: &DutiesOf, since: DateTime<Utc>) -> Instant {
    let calendar = || {
        let written = duties.calendar.clone().unwrap_or_default();
        Calendar::default().with(&written).unwrap_or_default()
    };
    let ends = |within: &Within| match within {
        Within::Span(span) => since.checked_add_signed(span.delta()).unwrap_or(since),
        Within::SameDay => calendar().same_day(since),
        Within::NextBusinessDay => calendar().next_business_day(since),
    };
    Instant::new(of.within.iter().map(ends).min().unwrap_or(since))
}

/// Whether access was seen to hold, or may have.
fn has_begun(status: &AccessGrantStatus) -> bool {
    status.started_at.is_some() || status.end_reason == Some(EndReason::Expired)
}

/// From when on the time of a duty runs, and whether that is settled. `None`: it is not owed (yet).
fn runs_from(of: &Obligation, grant: &AccessGrant, status: &AccessGrantStatus) -> Option<(DateTime<Utc>, bool)> {
    let decided = time::made(&grant.metadata).unwrap_or(grant.spec.not_before);
    // What goes on has begun with the first record, also if the rest of it never did.
    let begun = (has_begun(status) || at_once::goes_on(&grant.spec)).then_some(grant.spec.not_before);
    let ended = status.ended_at.map(|at| (at.get(), true));
    match of.since {
        Moment::Decided => Some((decided.get(), true)),
        Moment::Begun => begun.map(|at| (at.get(), true)),
        Moment::Ended if status.goes_on_as.is_some() => None,
        Moment::Ended => begun.and(ended.or_else(|| Some((grant.spec.expires_at?.get(), false)))),
    }
}

/// Brings `owed`, the condition and the flags of a status up to date. `responders` had access for the same incident themselves.
pub fn judge(grant: &AccessGrant, responders: &[String], status: &mut AccessGrantStatus, now: Now) {
    let Some(duties) = &grant.spec.duties else { return };
    let owed = duties.owes.iter().filter_map(|of| stands(of, grant, responders, status, now)).collect();
    status.owed = owed;
    if let Some((reason, words)) = sum_up(status) {
        let name: &str = reason.into();
        status.duties_state = Some(name.to_owned());
        reasons::set(status, reason, text::line(&words, 4096), grant.metadata.generation, now.for_record());
    }
    flag(status, now);
}

/// How one duty stands; `None`: it is not owed.
fn stands(
    of: &Obligation,
    grant: &AccessGrant,
    responders: &[String],
    status: &AccessGrantStatus,
    now: Now,
) -> Option<Owed> {
    let duties = grant.spec.duties.as_ref()?;
    let before = status.owed.iter().find(|owed| owed.duty == of.duty);
    if let Some(settled) = before.filter(|owed| owed.settled_at.is_some()) {
        return Some(settled.clone());
    }
    let (since, is_final) = runs_from(of, grant, status)?;
    let (due, missed_at) = (due(of, duties, since), before.and_then(|owed| owed.missed_at));
    let (duty, by) = (of.duty, of.by.clone());
    let fault = match settlement(of, grant, responders, status) {
        Ok((state, settled_by, consequence)) => {
            let (settled_by, settled_at) = (Some(settled_by), Some(now.for_record()));
            return Some(Owed { duty, by, due, state, consequence, command: None, missed_at, settled_by, settled_at });
        }
        Err(fault) => fault,
    };
    // A clock that is wrong costs nobody their access.
    let strikes_now = is_final && due.get() <= now.wall && now.is_trusted();
    let missed_at = missed_at.or_else(|| strikes_now.then(|| now.for_record()));
    let state = if missed_at.is_some() { DutyState::Overdue } else { DutyState::Open };
    let consequence = text::line(&consequence(of, grant, due, is_final, missed_at, fault), MOST);
    let command = is_final.then(|| command::to_meet(of, grant));
    Some(Owed { duty, by, due, state, consequence, command, missed_at, settled_by: None, settled_at: None })
}

/// How a duty was settled, by whom, and in words; else what is wrong with what was written.
fn settlement(
    of: &Obligation,
    grant: &AccessGrant,
    responders: &[String],
    status: &AccessGrantStatus,
) -> Result<(DutyState, String, String), Option<String>> {
    let Some(duties) = &status.duties else { return Err(None) };
    let kind = kind(of.duty);
    let waiver = (kind.waiver)(duties).filter(|waiver| may_waive(grant, &waiver.by));
    if let Some(Waiver { by, why }) = waiver.filter(|waiver| vague([("why", Some(&*waiver.why))]).is_none()) {
        return Ok((DutyState::Waived, by.clone(), text::line(&format!("waived by {by}: {why}"), MOST)));
    }
    let Some(by) = (kind.written)(duties) else { return Err(None) };
    if !may_meet(of, grant, by) {
        return Err(Some(format!("{by} may not write it")));
    }
    if of.duty == Duty::Review && responders.iter().any(|who| who == by) {
        let ticket = &grant.spec.ticket;
        return Err(Some(format!("{by} had access for {ticket} as well: somebody who was not involved reviews it")));
    }
    match (kind.fault)(duties, of) {
        Some(fault) => Err(Some(fault)),
        None => Ok((DutyState::Met, by.to_owned(), format!("done by {by}"))),
    }
}

/// Whether this person may meet it. Groups only admission knows; that it let them write says that they are in one.
fn may_meet(of: &Obligation, grant: &AccessGrant, by: &str) -> bool {
    let listed = of.by.iter().any(|who| who.kind == SubjectKind::Group || who.name == by);
    let is_own = of.by.iter().any(|who| who.kind == SubjectKind::User && who.name == grant.spec.user);
    listed && (is_own || !was_involved(grant, by))
}
fn may_waive(grant: &AccessGrant, by: &str) -> bool {
    let reviewers = grant.spec.duties.iter().flat_map(|duties| &duties.reviewers);
    reviewers.into_iter().any(|who| who.kind == SubjectKind::Group || who.name == by) && !was_involved(grant, by)
}
/// Who wrote a review that is not accepted yet: whether they had access for the same incident is to be read.
pub fn reviewer(grant: &AccessGrant) -> Option<&str> {
    let status = grant.status.as_ref().filter(|_| grant.spec.lane == Lane::Emergency)?;
    let is_settled = status.owed.iter().any(|owed| owed.duty == Duty::Review && owed.settled_at.is_some());
    status.duties.as_ref()?.review.as_ref().filter(|_| !is_settled).map(|review| review.by.as_str())
}
/// Whether they asked, in whatever way, or decided.
fn was_involved(grant: &AccessGrant, who: &str) -> bool {
    let spec = &grant.spec;
    let author = spec.attestation.as_ref().map(|said| said.author.as_str());
    let have_asked = [Some(spec.user.as_str()), spec.filed_by.as_deref(), author];
    have_asked.contains(&Some(who)) || spec.approvals.iter().any(|a| a.by == who)
}

/// What is missing, and what follows.
fn consequence(
    of: &Obligation,
    grant: &AccessGrant,
    due: Instant,
    is_final: bool,
    missed_at: Option<Instant>,
    fault: Option<String>,
) -> String {
    let name = name(of.duty);
    let (who, follows) = (text::few(&of.by, 4), follows(grant, of.duty));
    let fault = fault.map_or_else(String::new, |fault| format!("; the one that was written does not do: {fault}"));
    let until = format!(
        "until it is done or waived; the policy's owner {}",
        if missed_at.is_some() { "was told" } else { "is told" }
    );
    match missed_at {
        Some(at) => format!("the {name} of {who} was due at {due} and not there at {at}{fault}: {follows}, {until}"),
        None => {
            let when = if is_final { "" } else { " at the latest, once the access has ended" };
            format!("the {name} is owed by {who} until {due}{when}{fault}; else: {follows}, {until}")
        }
    }
}

/// What follows if it is not done in time.
pub fn follows(grant: &AccessGrant, duty: Duty) -> String {
    let (user, policy) = (&grant.spec.user, &grant.spec.policy.name);
    let ends = if duty == Duty::Note { "the access does not go on, " } else { "" };
    match kind(duty).strikes {
        true => format!(
            "{ends}live access of {user} ends, routine requests of {user} under policy `{policy}` are refused, and this record is flagged"
        ),
        false => "this record is flagged".to_owned(),
    }
}

/// What all duties amount to; `None`: nothing is owed yet.
fn sum_up(status: &AccessGrantStatus) -> Option<(DutiesMet, String)> {
    let of = |state: DutyState| {
        let words: Vec<_> =
            status.owed.iter().filter(|owed| owed.state == state).map(|owed| owed.consequence.clone()).collect();
        (!words.is_empty()).then(|| words.join(" | "))
    };
    if status.owed.is_empty() {
        let nothing = "nothing is owed: access never began".to_owned();
        return status.ended_at.map(|_| (DutiesMet::NothingOwed, nothing));
    }
    let all = [
        (DutyState::Overdue, DutiesMet::Overdue),
        (DutyState::Open, DutiesMet::Open),
        (DutyState::Waived, DutiesMet::Waived),
        (DutyState::Met, DutiesMet::Met),
    ];
    all.into_iter().find_map(|(state, reason)| Some((reason, of(state)?)))
}

/// What was missed is flagged, and the flag says who cleared it; it stays on record.
fn flag(status: &mut AccessGrantStatus, now: Now) {
    let missed: Vec<_> = status.owed.iter().filter(|owed| owed.missed_at.is_some()).collect();
    if missed.is_empty() {
        return;
    }
    let names = text::few(missed.iter().map(|owed| format!("{} (due {})", kind(owed.duty).name, owed.due)), 3);
    let since = missed.iter().filter_map(|owed| owed.missed_at).min().unwrap_or_else(|| now.for_record());
    let stands = missed.iter().any(|owed| owed.state == DutyState::Overdue);
    let cleared = missed.iter().map(|owed| format!("{}: {}", kind(owed.duty).name, owed.consequence));
    let cleared_by = (!stands).then(|| text::line(&cleared.collect::<Vec<_>>().join("; "), 512));
    let message = text::line(&format!("not done in time: {names}"), 512);
    let flag = Flag { type_: FlagType::DutyOverdue, since, message, cleared_by };
    match status.flags.iter_mut().find(|old| old.type_ == FlagType::DutyOverdue) {
        Some(old) => *old = flag,
        None => status.flags.push(flag),
    }
}

/// Who settled the duties last, if they are settled: the timeline names them.
pub fn settled_by(status: &AccessGrantStatus) -> Option<String> {
    let is_settled = status.owed.iter().all(|owed| owed.settled_at.is_some());
    let last = status.owed.iter().max_by_key(|owed| owed.settled_at)?;
    last.settled_by.clone().filter(|_| is_settled)
}

/// How long until the next duty is due that is still open; `None`: none is.
pub fn next(status: &AccessGrantStatus, now: Now) -> Option<TimeDelta> {
    let open = status.owed.iter().filter(|owed| owed.state == DutyState::Open && owed.command.is_some());
    open.map(|owed| (owed.due.get() - now.wall).max(TimeDelta::zero())).min()
}

/// A duty that somebody missed, and has not made good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Whose it is.
    pub user: String,
    /// On which record.
    pub grant: String,
    /// Under which policy.
    pub policy: String,
    /// For which ticket.
    pub ticket: String,
    /// Which.
    pub duty: Duty,
    /// Until when it was owed.
    pub due: Instant,
    /// Since when it is on record as missed.
    pub since: Instant,
    /// Who may waive it.
    pub reviewers: Vec<Subject>,
    /// What to paste to make it good.
    pub command: Option<String>,
}
impl Missed {
    /// Whether it ends this grant: what the same person was granted before it was missed. What is granted since was granted
    /// in spite of it, such as an emergency that somebody agreed to.
    pub fn ends(&self, grant: &AccessGrant) -> bool {
        let made = time::made(&grant.metadata).unwrap_or(grant.spec.not_before);
        grant.spec.user == self.user && made <= self.since
    }
    /// Whether it closes this policy's routine requests and its access at once to the person.
    pub fn closes(&self, policy: &str) -> bool {
        self.policy == policy
    }
    /// What was missed, in words.
    pub fn in_words(&self) -> String {
        let Self { grant, ticket, duty, due, .. } = self;
        format!("the {} of {grant} ({ticket}), due at {due}", kind(*duty).name)
    }
    /// How to make it good: the command, if it is not too long, else the one that prints it.
    pub fn remedy(&self) -> String {
        let (duty, name): (&str, _) = (self.duty.into(), &self.grant);
        match self.command.as_ref().filter(|command| command.len() <= LONGEST_COMMAND) {
            Some(command) => format!("To do it: {command}"),
            None => format!(
                "The command is printed by: kubectl get accessgrant {name} -o jsonpath='{{.status.owed[?(@.duty==\"{duty}\")].command}}'"
            ),
        }
    }
}

/// What a person missed on this record, and what costs them access; the first that was missed.
pub fn missed(grant: &AccessGrant) -> Option<Missed> {
    let owed = grant.status.iter().flat_map(|status| &status.owed);
    let strikes = owed.filter(|owed| owed.state == DutyState::Overdue && kind(owed.duty).strikes);
    let first = strikes.min_by_key(|owed| owed.missed_at)?;
    Some(Missed {
        user: grant.spec.user.clone(),
        grant: grant.name_any(),
        policy: grant.spec.policy.name.clone(),
        ticket: grant.spec.ticket.clone(),
        duty: first.duty,
        due: first.due,
        since: first.missed_at?,
        reviewers: grant.spec.duties.iter().flat_map(|duties| duties.reviewers.clone()).collect(),
        command: first.command.clone(),
    })
}

/// Whether `status.dutiesState` says that a duty was missed.
pub fn is_overdue(state: Option<&str>) -> bool {
    state == Some(DutiesMet::Overdue.into())
}

/// What is overdue on these records, in words; `None`: nothing.
pub fn overdue_in_words(grants: &[AccessGrant]) -> Option<String> {
    let of = |grant: &AccessGrant| {
        let owed = grant.status.iter().flat_map(|status| &status.owed);
        let overdue = owed.filter(|owed| owed.state == DutyState::Overdue);
        let one = |owed: &Owed| format!("{} of {} (due {})", kind(owed.duty).name, grant.name_any(), owed.due);
        overdue.map(one).collect::<Vec<_>>()
    };
    let all: Vec<_> = grants.iter().flat_map(of).collect();
    (!all.is_empty()).then(|| format!("overdue: {}; see status.owed there", text::few(all, 4)))
}

/// How many duties of each kind are overdue on these records, for the metric.
pub fn overdue<'a>(grants: impl IntoIterator<Item = &'a AccessGrant>) -> Vec<(Duty, usize)> {
    let all: Vec<_> = grants.into_iter().filter_map(|grant| grant.status.as_ref()).flat_map(|s| &s.owed).collect();
    let count = |duty: Duty| all.iter().filter(|o| o.duty == duty && o.state == DutyState::Overdue).count();
    Duty::VARIANTS.iter().map(|duty| (*duty, count(*duty))).collect()
}

#[cfg(test)]
mod tests;
