//! The lane for emergencies: what a policy asks of a request that takes it.
//!
//! The lane is no second path: the policy's text is put as it applies in the lane of a request, and everything else reads that.
use super::approvers;
use super::duties::Missed;
use super::screening::{Filing, words};
use crate::api::duty::Needed;
use crate::api::evidence::Required;
use crate::api::policy::{
    AccessPolicy, AccessPolicySpec, Approval, Backups, Durations, Emergency, Evidence, Mode, Ruling, Step,
};
use crate::api::request::{AccessRequest, AccessRequestSpec, Lane};
use crate::api::subject::Subject;
use std::borrow::Cow;

/// The step of those who agree in an emergency; no policy has one of its own of that name.
pub const STEP: &str = "emergency";

/// Which way a request asks to take.
pub fn of(request: &AccessRequestSpec) -> Lane {
    if request.emergency.is_some() { Lane::Emergency } else { Lane::Routine }
}

/// The policy as it applies in the lane of this request; its `emergency` is there in that lane only.
pub fn applied<'a>(policy: &'a AccessPolicy, request: &AccessRequest) -> Cow<'a, AccessPolicy> {
    match text(&policy.spec, request) {
        Cow::Borrowed(_) => Cow::Borrowed(policy),
        Cow::Owned(spec) => Cow::Owned(AccessPolicy { spec, ..policy.clone() }),
    }
}

/// The same of a text alone. Applied twice it is the same.
pub fn text<'a>(policy: &'a AccessPolicySpec, request: &AccessRequest) -> Cow<'a, AccessPolicySpec> {
    let Some(lane) = &policy.emergency else { return Cow::Borrowed(policy) };
    if of(&request.spec) == Lane::Routine {
        return Cow::Owned(AccessPolicySpec { emergency: None, ..policy.clone() });
    }
    let requesters = if lane.requesters.is_empty() { &policy.requesters } else { &lane.requesters };
    let ticket = lane.ticket.as_ref().unwrap_or(&policy.evidence.ticket);
    // Nobody agrees to an emergency unasked; a refusal counts in every lane.
    let rules = policy.approval.rules.iter().filter(|rule| rule.then == Ruling::Deny).cloned().collect();
    Cow::Owned(AccessPolicySpec {
        requesters: requesters.clone(),
        duration: Durations {
            default: lane.duration.default,
            max: policy.duration.max,
            same_day: false,
            unused_after: policy.duration.unused_after,
        },
        evidence: Evidence { ticket: ticket.clone(), ..policy.evidence.clone() },
        approval: Approval {
            pending_timeout: lane.pending_timeout,
            steps: vec![step(lane)],
            rules,
            comment_min_length: policy.approval.comment_min_length,
        },
        ..policy.clone()
    })
}

/// Those who agree in an emergency, as a step.
pub fn step(lane: &Emergency) -> Step {
    let backups = lane.backups.as_ref();
    Step {
        name: STEP.to_owned(),
        count: 1,
        when: None,
        approvers: lane.approvers.clone(),
        backups: backups.map(|of| Backups { after: of.after, approvers: of.approvers.clone() }),
    }
}

/// Whether an access may be asked for under this text, as it applies in a lane.
pub fn offers(policy: &AccessPolicySpec, access: &str) -> bool {
    policy.emergency.as_ref().is_none_or(|lane| lane.access.iter().any(|name| name == access))
}

/// Whether a sentence gives no effect on customers or business: haste and comfort are no emergency (H2).
pub fn is_none(impact: &str) -> bool {
    words::weigh_impact(impact) < words::ANSWER
}

/// What the routine lane asks for when it is filed, and the close-out of an emergency makes up for.
pub fn put_off(what: Required) -> Option<Needed> {
    match what {
        Required::Tenant | Required::Data => Some(Needed::DataReviewed),
        Required::WhyNotSafer => Some(Needed::WhyNotSafer),
        Required::LegalBasis => Some(Needed::LegalBasis),
        Required::Attachments => Some(Needed::Attachments),
        Required::Plan => Some(Needed::Commands),
        // Asked for when it is filed, wherever it says something.
        Required::WhyNotLower => None,
    }
}

/// Everybody who may ever agree in an emergency.
pub fn deciders(lane: &Emergency) -> Vec<Subject> {
    approvers::of_step(&step(lane)).cloned().collect()
}

/// Whether access may come of this request before anybody has agreed. Somebody agrees first where a duty under this policy is
/// overdue (H12), to a renewal, which always takes an approval of its own (E20), and to what a filer asks for somebody else.
pub fn may_precede_approval(filing: &Filing<'_>, missed: &[Missed]) -> bool {
    let (policy, request) = (&filing.policy.spec, &filing.request.spec);
    policy.mode == Mode::Enforce
        && filing.renews.is_none()
        && request.filed_by.is_none()
        && !missed.iter().any(|missed| missed.closes(&request.policy))
}

#[cfg(test)]
mod tests;
