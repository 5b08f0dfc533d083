//! How a grant's access ends: the binding first, then the fuse, then the proof, then the record.
use super::{Found, Observed, added, changed, until_retention};
use crate::api::grant::{AccessGrant, AccessGrantStatus, Flag};
use crate::api::names;
use crate::api::reasons::{self, EndReason, FlagType, Reason, RemovalVerified};
use crate::decide::duties::Missed;
use crate::decide::effect::{Answer, Effect, Identity, Question};
use crate::decide::{Next, Now, Plan, at_once, children, role, text};
use chrono::TimeDelta;

/// How soon to ask again while the API server's authorizer has not seen the delete yet.
pub(super) const AT_ONCE: TimeDelta = TimeDelta::milliseconds(50);
/// How long after the end our own binding may still be what allows, before that is worth a condition.
const LAG: TimeDelta = TimeDelta::seconds(10);
/// The most characters of the condition's message.
const MOST: usize = 4096;
/// How soon to ask again about what somebody else's binding allows.
const SOON: TimeDelta = TimeDelta::seconds(5);

pub(super) fn end(observed: &Observed<'_>, reason: EndReason, now: Now) -> Plan<AccessGrantStatus> {
    ends(observed, reason, None, now)
}

/// Ends what has not begun: what was agreed to does not hold any more.
pub(super) fn never_begins(observed: &Observed<'_>, why: String, now: Now) -> Plan<AccessGrantStatus> {
    ends(observed, EndReason::NeverStarted, Some(format!("{why}: file a new request")), now)
}

fn ends(observed: &Observed<'_>, reason: EndReason, why: Option<String>, now: Now) -> Plan<AccessGrantStatus> {
    let (found, grant) = (&observed.found, observed.found.grant);
    // The binding first: everything else can wait for it (G7).
    let fuse = found.own_fuse().filter(|f| !children::is_dying(*f)).map(|f| Effect::DeleteFuse(Identity::of(f)));
    if let Some(binding) = found.own_binding() {
        let effects = [Effect::DeleteBinding(Identity::of(binding))].into_iter().chain(fuse).collect();
        // A finding that goes with the delete is put on record along with it.
        let mut status = found.status();
        flag(found, &mut status, reason, now);
        let is_found = status.flags.len() > found.status().flags.len();
        let status = if is_found { changed(observed, status, now) } else { None };
        return Plan { effects, status, next: Next::AtOnce };
    }
    let (at, generation, mut status) = (now.for_record(), grant.metadata.generation, found.status());
    flag(found, &mut status, reason, now);
    let reason = if status.flags.iter().any(|f| f.type_ == FlagType::ExternallyModified) && status.end_reason.is_none()
    {
        EndReason::Tampered
    } else {
        reason
    };
    let by = ended_by(found, reason, &observed.installation.operator);
    if status.end_reason.is_none() {
        (status.ended_at, status.ended_by, status.end_reason) = (Some(at), Some(by.clone()), Some(reason));
        let words = why.unwrap_or_else(|| end_in_words(observed, reason, &by, now));
        reasons::set(&mut status, reason, words.chars().take(MOST).collect::<String>(), generation, at);
        if observed.follower.is_none() {
            at_once::flag(grant, found.request, &mut status, now);
        }
    }
    let next = verify(observed, &mut status, now);
    Plan { effects: fuse.into_iter().collect(), status: changed(observed, status, now), next }
}

/// A binding that is not as made, a role that gave more than was agreed to, and an end for a missed duty are flagged for
/// ever (F1, H12).
fn flag(found: &Found<'_>, status: &mut AccessGrantStatus, reason: EndReason, now: Now) {
    let audit = "The API server's audit log says who changed it.";
    let (type_, message) = match (reason, found.growth()) {
        (EndReason::Tampered, _) => {
            (FlagType::ExternallyModified, format!("The binding was not what Curfew had made: it was deleted. {audit}"))
        }
        (EndReason::RoleChanged, Some(gains)) => {
            let role = &found.grant.spec.role_ref;
            (
                FlagType::RoleGrew,
                format!("{role} gave more than was agreed to ({gains}), so the access was ended. {audit}"),
            )
        }
        (EndReason::DutyMissed, _) => match found.missed_duty() {
            Some(missed) => (
                FlagType::EndedForDuty,
                format!("{} missed {}, so the access was ended.", missed.user, missed.in_words()),
            ),
            None => return,
        },
        _ => return,
    };
    if status.flags.iter().all(|flag| flag.type_ != type_) {
        status.flags.push(Flag {
            type_,
            since: now.for_record(),
            message: text::line(&message, 512),
            cleared_by: None,
        });
    }
}

fn ended_by(found: &Found<'_>, reason: EndReason, operator: &str) -> String {
    let close = found.request.and_then(|r| r.status.as_ref()?.close.as_ref());
    match (reason, close) {
        (EndReason::Closed | EndReason::Revoked, Some(close)) => close.by.clone(),
        (EndReason::Revoked, None) => {
            let no = found.request.and_then(|request| at_once::refusal(request, found.grant));
            no.map_or_else(|| "unknown".into(), |no| no.by.clone())
        }
        (
            EndReason::Expired
            | EndReason::NeverStarted
            | EndReason::Tampered
            | EndReason::RoleChanged
            | EndReason::DutyMissed
            | EndReason::Unused,
            _,
        ) => operator.to_owned(),
        _ => "unknown".into(),
    }
}

fn end_in_words(observed: &Observed<'_>, reason: EndReason, by: &str, now: Now) -> String {
    let (found, spec) = (&observed.found, &observed.found.grant.spec);
    let begun = if spec.not_before.get() > now.wall { " before it began" } else { "" };
    let audit = "the API server's audit log says by whom";
    match reason {
        EndReason::Expired => match found.grant.status.as_ref().and_then(|s| s.started_at) {
            Some(_) => format!("its time was up{}", at_once::in_words(found.grant, found.request, observed.follower)),
            None => "its time was up; whether it had begun was not seen".into(),
        },
        EndReason::Closed => format!("{by} ended it{begun}{}", because(found)),
        EndReason::Revoked => format!("{by} took it away{begun}{}", because(found)),
        EndReason::RequestDeleted => {
            format!("its request {}/{} was deleted: {audit}", spec.namespace, spec.request.name)
        }
        EndReason::BindingDeleted => format!("its RoleBinding was deleted: {audit}"),
        EndReason::FuseBurned => format!("its fuse (a Job) was deleted: {audit}"),
        EndReason::NamespaceDeleted => format!("namespace {} was deleted", spec.namespace),
        EndReason::Tampered => "its RoleBinding was not what Curfew had made, so it was deleted".into(),
        EndReason::RoleChanged => match found.growth() {
            Some(gains) => {
                format!("{} grew after it was agreed to (gains {gains}): file a new request; {audit}", spec.role_ref)
            }
            None => format!("{} grew after it was agreed to: file a new request; {audit}", spec.role_ref),
        },
        EndReason::DutyMissed => match found.missed_duty() {
            Some(missed) => format!("{} was missed: {}", missed.in_words(), remedy(missed)),
            None => "its person had missed a duty: the flag EndedForDuty says which".into(),
        },
        EndReason::Unused => {
            let after = spec.unused_after.map_or(String::new(), |after| format!(" for {after}"));
            format!("nobody used it{after}, so it ended early: file a new request when it is needed")
        }
        EndReason::NeverStarted => {
            let why =
                found.grant.status.as_ref().and_then(|s| s.conditions.iter().find(|c| c.type_ == EndReason::CONDITION));
            match (why, spec.start_deadline.filter(|deadline| deadline.get() < now.for_ending())) {
                (why, Some(deadline)) => {
                    let why = why.map_or_else(String::new, |why| format!(" ({})", why.reason));
                    format!("it could not begin before its startDeadline, {deadline}{why}: file a new request")
                }
                (Some(why), None) => format!("it could not begin in time ({}): file a new request", why.reason),
                (None, None) => "it could not begin in time: file a new request".into(),
            }
        }
    }
}
/// How to make it good.
fn remedy(missed: &Missed) -> String {
    format!("do it, or ask a reviewer to waive it; {}", missed.remedy())
}
fn because(found: &Found<'_>) -> String {
    let closed = found.request.and_then(|r| r.status.as_ref()?.close.as_ref()?.reason.as_deref());
    let no = || found.request.and_then(|request| at_once::refusal(request, found.grant)?.comment.as_deref());
    let reason = closed.or_else(no);
    reason.map_or(String::new(), |words| format!(": {words}"))
}

/// Writes what the API server answered, and says when to ask again.
fn verify(observed: &Observed<'_>, status: &mut AccessGrantStatus, now: Now) -> Next {
    let grant = observed.found.grant;
    let (at, generation) = (now.for_record(), grant.metadata.generation);
    if reasons::is(status, RemovalVerified::Removed) {
        return until_retention(grant, now);
    }
    let since = status.ended_at.map_or(TimeDelta::zero(), |ended| now.wall - ended.get());
    let asked = observed.answers.iter().filter(|a| matches!(a.question, Question::IsAllowed { .. }));
    let added = added(grant).len();
    if asked.clone().count() < added {
        return Next::AtOnce;
    }
    let allowed: Vec<&Answer> = asked.filter(|a| a.yes).collect();
    if allowed.is_empty() {
        let words = match added {
            0 => "it added nothing that the person could not do before".into(),
            _ => format!("the API server denies all {added} permissions that it added{}", apart(grant)),
        };
        reasons::set(status, RemovalVerified::Removed, words, generation, at);
        return until_retention(grant, now);
    }
    let own = names::in_words(&names::child_of(&grant.spec), &grant.spec.namespace);
    let is_own = |a: &&&Answer| a.words.contains(&own);
    // What ends by itself, such as its renewal, is no standing right.
    let is_temporary = |a: &&&Answer| names::is_by_managed_binding(&a.words) && !is_own(a);
    if since < LAG && allowed.iter().any(|a| is_own(&a)) && allowed.iter().all(|a| is_own(&a) || is_temporary(&a)) {
        return Next::After(AT_ONCE);
    }
    let Some(first) = allowed.iter().find(|a| !is_temporary(a)) else {
        let next = Next::After(since.clamp(SOON, TimeDelta::minutes(1)));
        // Of several, the API server names one or another.
        if reasons::is(status, RemovalVerified::HeldByAnother) {
            return next;
        }
        let words = format!(
            "{} is allowed to {} by another temporary access, which ends by itself: {}{}",
            permission_of(allowed[0]),
            grant.spec.user,
            allowed[0].words,
            and_more(allowed.len())
        );
        reasons::set(status, RemovalVerified::HeldByAnother, words, generation, at);
        return next;
    };
    let words = format!(
        "{} is still allowed to {}: {}{}",
        permission_of(first),
        grant.spec.user,
        first.words,
        and_more(allowed.len())
    );
    reasons::set(status, RemovalVerified::StillAllowed, words, generation, at);
    Next::After(since.clamp(SOON, TimeDelta::hours(1)))
}
fn permission_of(answer: &Answer) -> String {
    match &answer.question {
        Question::IsAllowed { permission, .. } => permission.to_string(),
        _ => String::new(),
    }
}
fn and_more(all: usize) -> String {
    if all > 1 { format!(" (and {} more permissions)", all - 1) } else { String::new() }
}
fn apart(grant: &AccessGrant) -> String {
    match grant.spec.had.iter().filter_map(|line| role::read(line).ok()).flatten().count() {
        0 => String::new(),
        had => format!("; {had} that the person had before are not its business: see spec.had"),
    }
}
