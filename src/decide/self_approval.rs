//! Going on alone in an emergency: where the policy says so, nobody has answered, and who asked wrote why (H11).
//!
//! Never silent: those asked read of it before and after, the record says that nobody approved, and it is reviewed the same day.
use super::duties::{self, Missed};
use super::screening::Filing;
use super::{Now, lane, text};
use crate::api::grant::{AccessGrant, AccessGrantStatus, Flag, SelfApprovedOf};
use crate::api::names;
use crate::api::reasons::FlagType;
use crate::api::request::{AccessRequestStatus, Waiting};
use crate::api::subject::Subject;
use crate::api::time::{Instant, Span};

/// Who agreed, as one line for the record.
const NOBODY: &str = "nobody (self-approved)";
/// The most subjects that the record names.
const MOST: usize = 64;

/// How long those asked have before who asked may go on alone; `None`: somebody has to agree. That is so unless the policy says
/// otherwise, the request says why, and it [may be](lane::may_precede_approval).
fn after(filing: &Filing<'_>, missed: &[Missed]) -> Option<Span> {
    filing.request.spec.emergency.as_ref()?.why_self.as_ref()?;
    let after = filing.policy.spec.emergency.as_ref()?.self_approval_after;
    after.filter(|_| lane::may_precede_approval(filing, missed))
}

/// From when on who asked may go on alone, if those asked leave it at that. It counts from when they were asked without a
/// break; an answer of any of them, whatever it says and whether or not it counts, leaves it to people.
pub fn from(filing: &Filing<'_>, status: &AccessRequestStatus, missed: &[Missed]) -> Option<Instant> {
    let revision = names::revision(filing.request);
    let is_answered = status.approvals.iter().any(|entry| entry.revision == revision);
    let after = after(filing, missed).filter(|_| !is_answered)?;
    status.asked_since?.checked_add(after.delta())
}

/// The record of it: what `record` says, that nobody approved, and that it is reviewed the same day.
pub fn on_record(mut record: AccessGrant, filing: &Filing<'_>, steps: &[Waiting]) -> AccessGrant {
    let lane = filing.policy.spec.emergency.as_ref();
    let why = filing.request.spec.emergency.as_ref().and_then(|of| of.why_self.clone());
    let asked: Vec<Subject> = steps.iter().flat_map(|step| step.approvers.iter()).take(MOST).cloned().collect();
    let after = lane.and_then(|lane| lane.self_approval_after);
    record.spec.self_approved = why.zip(after).map(|(why, after)| SelfApprovedOf { why, after, asked });
    record.spec.approved_by = Some(NOBODY.to_owned());
    duties::are_reviewed_the_same_day(&mut record.spec.duties, filing);
    record
}

/// What those asked read while they are: what follows if nobody answers.
pub fn warning(filing: &Filing<'_>, from: Instant) -> String {
    let spec = &filing.request.spec;
    let why = spec.emergency.as_ref().and_then(|of| of.why_self.as_deref()).unwrap_or_default();
    format!("if nobody answers by {from}, {} goes on alone: {why}", spec.requester.username)
}

/// That nobody approved, whom that concerns, and why: for the request, and for the flag of the record.
pub fn in_words(of: &SelfApprovedOf, user: &str) -> String {
    let asked = text::few(&of.asked, 8);
    format!(
        "nobody approved: {asked} were asked and nobody answered within {}, so {user} went on alone: {}",
        of.after, of.why
    )
}

/// Flags it, once.
pub fn flag(grant: &AccessGrant, status: &mut AccessGrantStatus, now: Now) {
    let Some(of) = &grant.spec.self_approved else { return };
    if status.flags.iter().all(|flag| flag.type_ != FlagType::SelfApproved) {
        let message = text::line(&in_words(of, &grant.spec.user), 512);
        status.flags.push(Flag { type_: FlagType::SelfApproved, since: now.for_record(), message, cleared_by: None });
    }
}

#[cfg(test)]
mod tests;
