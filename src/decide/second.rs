//! The second access of a request: agreed to along with the first, started by its requester with a finding (B23).
//!
//! All that it may be is on record with the first one: starting it reads no policy.
use super::screening::checks::not_in_the_lane;
use super::screening::{Code, Finding, Seen, access_of, role_fault, words};
use super::{Guard, Installation, Now, Standing, at_once, record, role, term, text};
use crate::api::grant::{AccessGrant, AccessGrantSpec, ApprovalOf, FollowsOf, ThenOf};
use crate::api::names;
use crate::api::policy::{Access, AccessPolicy, ReasonRule};
use crate::api::reasons::{self, BeginReason, Outcome, SecondStage};
use crate::api::request::{AccessRequest, Permissions, Then};
use crate::api::time::Span;
use chrono::TimeDelta;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::ResourceExt;

/// A second access with everything that it names resolved.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// Which access of the policy.
    pub access: &'a Access,
    /// What its role allows.
    pub rules: &'a [PolicyRule],
    /// For how long, from its own start.
    pub duration: TimeDelta,
}

/// The access that a request asks for second.
pub fn access<'a>(request: &AccessRequest, policy: &'a AccessPolicy) -> Option<&'a Access> {
    let then = request.spec.then.as_ref()?;
    policy.spec.access.iter().find(|access| access.name == then.access)
}
/// The higher of the two accesses that a request asks for, by the order of its policy.
pub fn higher<'a>(request: &AccessRequest, policy: &'a AccessPolicy) -> Option<&'a Access> {
    let place = |asked: &&Access| policy.spec.access.iter().position(|access| access.name == asked.name);
    access_of(request, policy).into_iter().chain(access(request, policy)).max_by_key(place)
}
fn duration(then: &Then, policy: &AccessPolicy) -> TimeDelta {
    then.duration.unwrap_or(policy.spec.duration.default).delta()
}

/// What is asked for second, as far as all that it names is there.
pub fn of<'a>(seen: &Seen<'a>) -> Option<Stage<'a>> {
    let (policy, then) = (seen.policy?, seen.request.spec.then.as_ref()?);
    Some(Stage { access: access(seen.request, policy)?, rules: seen.then_rules?, duration: duration(then, policy) })
}

/// Whether the second access could be granted like a first: it is offered, its role is within its level, and its time is
/// within the lowest maximum.
pub fn second_stage(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return Finding::Unknown("Not judged: it needs the policy.".to_owned()) };
    let Some(then) = &seen.request.spec.then else {
        return Finding::Passed("no second access is asked for".to_owned());
    };
    let Some(second) = access(seen.request, policy) else {
        let offered = text::few(policy.spec.access.iter().map(|a| format!("`{}` ({:?})", a.name, a.level)), 8);
        let words = format!("spec.then.access: the policy offers no `{}`; it offers {offered}", then.access);
        return Finding::Failed(Code::AccessNotOffered, words);
    };
    if access_of(seen.request, policy).is_some_and(|first| first.name == second.name) {
        let words = format!("spec.then.access: `{}` is what is asked for first: leave spec.then out", then.access);
        return Finding::Failed(Code::AccessNotOffered, words);
    }
    if at_once::is_lane(policy) {
        let words = "spec.then: an emergency that begins at once has one access: leave spec.then out, and file the other access \
                     on its own";
        return Finding::Failed(Code::AccessNotOffered, words.to_owned());
    }
    if let Some(fault) = not_in_the_lane(policy, &second.name) {
        return Finding::Failed(Code::AccessNotOffered, format!("spec.then.access: {fault}"));
    }
    let Some(rules) = seen.then_rules else {
        let words = format!("spec.then.access: `{}` names {}, which does not exist here", second.name, second.role_ref);
        return Finding::Failed(Code::PolicyNotReady, words);
    };
    if let Some(fault) = role_fault(second, rules) {
        return Finding::Failed(Code::PolicyNotReady, format!("spec.then.access: `{}`: {fault}", second.name));
    }
    time(then, policy, second, seen.installation)
}
fn time(then: &Then, policy: &AccessPolicy, second: &Access, installation: &Installation) -> Finding {
    let (longest, cap) = term::always(&policy.spec, second, installation);
    let asked = duration(then, policy);
    let (asked_words, longest_words) = (term::in_words(asked), term::in_words(longest));
    if asked > longest {
        let said = if then.duration.is_some() { "" } else { " by the policy's default" };
        return Finding::Failed(
            Code::DurationTooLong,
            format!("spec.then.duration: {asked_words}{said} is too long; at most {longest_words} ({cap})"),
        );
    }
    Finding::Passed(format!(
        "`{}` ({:?}) for {asked_words} from its own start, once a finding is written",
        second.name, second.level
    ))
}

/// `, then restart (LimitedWrite) for 10m once a finding is written`: what a yes would give too.
pub fn in_words(stage: Option<Stage<'_>>) -> String {
    stage.map_or(String::new(), |Stage { access, duration, .. }| {
        let (name, level, time) = (&access.name, access.level, term::in_words(duration));
        format!(", then {name} ({level:?}) for {time} once a finding is written")
    })
}

/// For the record of the first: what was agreed to, the shortest time that anybody allowed included.
pub fn agreed(stage: &Stage<'_>, gains: Option<&Permissions>, approvals: &[ApprovalOf]) -> ThenOf {
    let Permissions { adds, had, flags: _, rules_sha256: _ } = gains.cloned().unwrap_or_default();
    let shortest = approvals.iter().filter_map(|a| a.duration).map(Span::delta).fold(stage.duration, TimeDelta::min);
    ThenOf {
        access: stage.access.name.clone(),
        level: stage.access.level,
        role_ref: stage.access.role_ref.clone(),
        rules: stage.rules.to_vec(),
        rules_sha256: role::digest(stage.rules),
        adds,
        had,
        duration: Span::from(shortest),
    }
}

/// Where the second access stands, with words for people.
pub fn stands(
    request: &AccessRequest,
    first: &AccessGrant,
    second: Option<&AccessGrant>,
    rule: &ReasonRule,
    standing: &Standing,
) -> Option<(SecondStage, String)> {
    let then = first.spec.then.as_ref().filter(|_| first.spec.outcome == Outcome::Approved)?;
    if let Some(second) = second {
        let end = second.spec.expires_at.map_or_else(String::new, |end| format!("; it ends by itself at {end}"));
        return Some((SecondStage::Started, format!("{} was started{end}", then.access)));
    }
    if first.status.as_ref().is_some_and(|s| s.ended_at.is_some() || s.end_reason.is_some()) {
        let words = format!("{} was not started while the first access held: file a new request", then.access);
        return Some((SecondStage::Lapsed, words));
    }
    let Some(start) = request.status.as_ref().and_then(|s| s.then.as_ref()).filter(|s| s.by == first.spec.user) else {
        return Some((SecondStage::Agreed, invitation(request, then)));
    };
    let (vague, weight) = words::is_vague(&start.finding, rule);
    if vague {
        let words = format!(
            "status.then.finding: say what was found and what is to be changed; at least {} words must say something, here {} \
             do. Write it again",
            rule.min_words, weight.words
        );
        return Some((SecondStage::VagueFinding, words));
    }
    let words = obstacle(first, standing).unwrap_or("it begins as soon as the first access holds");
    Some((SecondStage::Held, words.to_owned()))
}
fn invitation(request: &AccessRequest, then: &ThenOf) -> String {
    let (place, name, who) =
        (request.namespace().unwrap_or_default(), request.name_any(), &request.spec.requester.username);
    format!(
        r#"{} for {} is agreed to as well: {who} starts it while the first access holds, with what was found: kubectl -n {place} patch accessrequest {name} --subresource=status --type=merge -p '{{"status":{{"then":{{"by":"'"$(kubectl auth whoami -o jsonpath='{{.status.userInfo.username}}')"'","finding":"SAY WHAT YOU FOUND AND WILL CHANGE"}}}}}}'"#,
        then.access, then.duration
    )
}
/// What keeps it from beginning: who started it is known only as far as admission protects what people write.
pub(super) fn obstacle(first: &AccessGrant, standing: &Standing) -> Option<&'static str> {
    match &standing.guard {
        Guard::Intact { epoch } if *epoch == first.spec.admission_epoch => None,
        Guard::Intact { .. } => {
            Some("the rules that protect decisions were changed after this was agreed to: file a new request")
        }
        Guard::Broken(_) | Guard::Unknown => Some("nothing begins while admission is not as installed"),
    }
}

/// The longest that the second access may last from here on; `None`: the policy does not offer it any more, and then
/// nothing of it begins.
pub fn longest(seen: &Seen<'_>, now: Now) -> Option<TimeDelta> {
    let policy = seen.policy?;
    let access = access(seen.request, policy)?;
    Some(term::longest(&policy.spec, access, seen.installation, now.wall).0)
}

/// The record of the second access, if it is to be made now: it was started well, the first one holds, and nothing
/// stands against it. Its end is fixed here, once.
pub fn award(
    request: &AccessRequest,
    first: &AccessGrant,
    stands: SecondStage,
    standing: &Standing,
    longest: Option<TimeDelta>,
    now: Now,
) -> Option<AccessGrant> {
    let holds = first.status.as_ref().is_some_and(|s| reasons::is(s, BeginReason::Bound));
    let in_time = record::due(first).is_some_and(|due| due.get() > now.for_ending());
    let open =
        request.status.as_ref().is_some_and(|s| s.close.is_none()) && request.metadata.deletion_timestamp.is_none();
    let started = stands == SecondStage::Held && obstacle(first, standing).is_none();
    if !(holds && in_time && open && started) {
        return None;
    }
    let finding = request.status.as_ref()?.then.as_ref()?.finding.clone();
    let ThenOf { access, level, role_ref, rules, rules_sha256, adds, had, duration } = first.spec.then.clone()?;
    let (at, of) = (now.for_record(), &first.spec.request);
    let lasts = longest.map_or(duration.delta(), |longest| longest.min(duration.delta()));
    let mut second = AccessGrant::new(
        &names::second(&of.namespace, &of.name, &of.uid),
        AccessGrantSpec {
            access,
            level,
            role_ref,
            permission_flags: role::dangers(&rules),
            rules,
            rules_sha256,
            adds,
            had,
            asked_for: duration,
            renewal: None,
            then: None,
            follows: Some(FollowsOf { grant: first.name_any(), finding, goes_on: false }),
            not_before: at,
            // It speaks of the first.
            start_deadline: None,
            expires_at: Some(at.checked_add(lasts).filter(|ends| *ends > at)?),
            ..first.spec.clone()
        },
    );
    second.metadata.labels = first.metadata.labels.clone();
    // A rule approved one request, whatever comes of it.
    second.labels_mut().remove(names::RULE_LABEL);
    Some(second)
}

/// The grant that the request's `Active` speaks of: the second one while it is not over; where both are, the one that
/// ended last. What goes on is spoken of once the first one has ended.
pub fn shown<'a>(first: &'a AccessGrant, second: Option<&'a AccessGrant>) -> &'a AccessGrant {
    let ended = |grant: &AccessGrant| grant.status.as_ref().and_then(|s| s.ended_at);
    let second = second.filter(|second| !at_once::goes_on(&second.spec) || ended(first).is_some());
    let is_last = |second: &AccessGrant| match (ended(first), ended(second)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(first), Some(second)) => second > first,
    };
    second.filter(|second| is_last(second)).unwrap_or(first)
}

/// Whether nothing more will be said of it.
pub fn is_settled(request: &AccessRequest) -> bool {
    let settled = [SecondStage::Started, SecondStage::Lapsed];
    let says = |reason: &SecondStage| request.status.as_ref().is_some_and(|s| reasons::is(s, *reason));
    request.spec.then.is_none() || settled.iter().any(says)
}

#[cfg(test)]
mod tests;
