//! What holds for an undecided request whose policy was edited: what both texts ask, the one that it was filed under and the
//! present one.
//!
//! Both are composed into one policy that asks at least as much as each, so that nothing else needs to know of two. What cannot be
//! composed is never guessed: the request is incomplete until it is filed anew.
use super::screening::{Code, Finding, Seen, checks, entitlement, pattern};
use super::{expression, lane, selector, text};
use crate::api::duty::Within;
use crate::api::names;
use crate::api::policy::{
    Access, AccessPolicy, AccessPolicySpec, Approval, ApprovalRule, Backups, Closeout, Durations, Evidence, Limits,
    Mode, OnBehalf, ReasonRule, Ruling, Step, TicketRule,
};
use crate::api::request::{AccessRequest, FiledUnder};
use crate::api::subject::Subject;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::ResourceExt;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The longest text that is kept, in bytes; the schema has the same bound.
const LONGEST: usize = 262_144;
/// The most steps of a composed policy, as `status.waitingFor` has room for.
const MOST_STEPS: usize = 9;
/// The most backups of one step there.
const MOST_BACKUPS: usize = 32;
/// The most characters of a rule's message.
const MOST_MESSAGE: usize = 200;

/// What became of a policy since a request was filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edits {
    /// It has the text that the request was filed under.
    None,
    /// It was edited since this version, and what both texts ask applies.
    Both(i64),
    /// Both texts cannot be held to, and why.
    Apart(String),
}

/// What a request is held to.
#[derive(Clone, Debug)]
pub struct Law<'a> {
    /// The policy as it is or, where it was edited since, one that asks what both texts ask.
    pub policy: Cow<'a, AccessPolicy>,
    /// How it came about.
    pub edits: Edits,
}

/// What this request is held to under its policy as it is, in its [lane].
pub fn law<'a>(request: &AccessRequest, policy: &'a AccessPolicy) -> Law<'a> {
    let as_it_is = |edits| Law { policy: lane::applied(policy, request), edits };
    let Some(filed) = filed(request) else { return as_it_is(Edits::None) };
    if policy.uid().as_ref() != Some(&filed.uid) {
        return as_it_is(Edits::Apart("it was deleted and made anew".to_owned()));
    }
    if policy.metadata.generation == Some(filed.generation) {
        return as_it_is(Edits::None);
    }
    let in_lane = |text: &AccessPolicySpec| lane::text(text, request).into_owned();
    match read(filed).and_then(|before| stricter(&in_lane(&before), &in_lane(&policy.spec), request)) {
        Ok(spec) => {
            let both = AccessPolicy { spec, ..policy.clone() };
            Law { policy: Cow::Owned(both), edits: Edits::Both(filed.generation) }
        }
        Err(words) => as_it_is(Edits::Apart(words)),
    }
}

/// The text that a request is filed under from here on: the present one, once anything can be granted under it.
pub fn filed_under(policy: &AccessPolicy) -> Option<FiledUnder> {
    checks::readiness(policy).ok()?;
    // What is only told to people is told as it is.
    let judged = AccessPolicySpec {
        description: String::new(),
        never_for: vec![],
        safer_methods: vec![],
        ..policy.spec.clone()
    };
    let spec = serde_json::to_string(&judged).ok().filter(|spec| spec.len() <= LONGEST);
    Some(FiledUnder { uid: policy.uid()?, generation: policy.metadata.generation?, spec })
}

/// The version that a request was filed under, where its policy was edited since: for the record.
pub fn filed_generation(request: &AccessRequest, policy: &AccessPolicy) -> Option<i64> {
    let filed = filed(request)?.generation;
    (policy.metadata.generation != Some(filed)).then_some(filed)
}

/// The text that the request as it is was filed under: a request that was amended is judged by the present one.
fn filed(request: &AccessRequest) -> Option<&FiledUnder> {
    let status = request.status.as_ref()?;
    status.filed_under.as_ref().filter(|_| status.revision == Some(names::revision(request)))
}
fn read(filed: &FiledUnder) -> Result<AccessPolicySpec, String> {
    let spec = filed.spec.as_deref().ok_or("its text was too long to be kept")?;
    serde_json::from_str(spec).map_err(|error| format!("what was kept of it cannot be read: {error}"))
}

/// Whether both texts can be held to; where they are, those who decide read that they are.
pub fn policy_edits(seen: &Seen<'_>) -> Finding {
    let name = &seen.request.spec.policy;
    match seen.edits {
        Edits::None if seen.policy.is_none() => Finding::Unknown("Not judged: it needs the policy.".to_owned()),
        Edits::None => Finding::Passed("not edited since this was filed".to_owned()),
        Edits::Both(_) => Finding::Noted(in_words(seen.edits, seen.policy).trim_start_matches("; ").to_owned()),
        Edits::Apart(why) => Finding::Failed(
            Code::PolicyEdited,
            format!(
                "spec.policy: `{name}` was edited since this was filed, and what it asked then and asks now cannot both be \
                 held to: {why}; file a new request, or amend and apply this one (say more in spec.reason): it is then \
                 judged by the policy as it is now"
            ),
        ),
    }
}

/// `; the policy was edited …`: for those who decide, and for who asked; empty where nothing was edited.
pub fn in_words(edits: &Edits, policy: Option<&AccessPolicy>) -> String {
    let Edits::Both(filed) = edits else { return String::new() };
    let now = policy.and_then(|policy| policy.metadata.generation).unwrap_or_default();
    format!(
        "; the policy was edited since this was filed (generation {filed}, now {now}): what both texts ask applies, and a new \
         request is judged by the present one alone"
    )
}

/// One text that asks of this request at least what each of the two asks, and gives no more than each gives.
///
/// # Errors
/// What of them cannot be held to at once.
pub fn stricter(
    filed: &AccessPolicySpec,
    now: &AccessPolicySpec,
    request: &AccessRequest,
) -> Result<AccessPolicySpec, String> {
    if filed == now {
        return Ok(now.clone());
    }
    // In full, so that a field which is added to a policy has its place here.
    let AccessPolicySpec {
        description,
        owner,
        mode: _,
        namespaces: _,
        requesters: _,
        never_for,
        safer_methods,
        data_class: _,
        access: _,
        duration: _,
        calendar: _,
        evidence: _,
        approval: _,
        limits: _,
        emergency,
        closeout: _,
        on_behalf: _,
        retention_days,
    } = now.clone();
    same_calendar(filed, now)?;
    if filed.emergency != emergency {
        return Err("spec.emergency was edited".to_owned());
    }
    let is_trial = [filed.mode, now.mode].contains(&Mode::DryRun);
    // Who may not ask under one of them may not ask.
    let requesters = if entitlement(request, filed).is_some() { &now.requesters } else { &filed.requesters };
    Ok(AccessPolicySpec {
        description,
        owner,
        mode: if is_trial { Mode::DryRun } else { Mode::Enforce },
        namespaces: both_select(&filed.namespaces, &now.namespaces),
        requesters: requesters.clone(),
        never_for,
        safer_methods,
        data_class: filed.data_class.max(now.data_class),
        access: both_offer(filed, now, request)?,
        duration: Durations {
            default: filed.duration.default.min(now.duration.default),
            max: filed.duration.max.min(now.duration.max),
            same_day: filed.duration.same_day || now.duration.same_day,
            unused_after: [filed.duration.unused_after, now.duration.unused_after].into_iter().flatten().min(),
        },
        calendar: now.calendar.clone(),
        evidence: both_ask(&filed.evidence, &now.evidence, request),
        approval: both_approve(&filed.approval, &now.approval)?,
        limits: lower(&filed.limits, &now.limits),
        emergency,
        closeout: Closeout { within: sooner(filed.closeout.within, now.closeout.within)? },
        on_behalf: both_let_file(filed, now),
        retention_days,
    })
}

/// Two calendars cannot be held to at once where something depends on them.
fn same_calendar(filed: &AccessPolicySpec, now: &AccessPolicySpec) -> Result<(), String> {
    let rules = |approval: &Approval| approval.rules.iter().map(|rule| rule.when.clone()).collect::<Vec<_>>();
    let steps = |approval: &Approval| approval.steps.iter().filter_map(|step| step.when.clone()).collect::<Vec<_>>();
    let whens = [filed, now].map(|spec| [rules(&spec.approval), steps(&spec.approval)].concat()).concat();
    let is_asked_for = whens.iter().any(|when| when.contains("inWorkHours"));
    let zone = |spec: &AccessPolicySpec| spec.calendar.as_ref().and_then(|calendar| calendar.time_zone.clone());
    let ends_days = filed.duration.same_day || now.duration.same_day;
    if is_asked_for && filed.calendar != now.calendar {
        return Err("spec.calendar is another".to_owned());
    }
    if ends_days && zone(filed) != zone(now) {
        return Err("spec.calendar.timeZone is another, and access ends with the day".to_owned());
    }
    Ok(())
}

/// Which of two deadlines comes first. Of a span and a day nobody can tell before the access ends.
fn sooner(filed: Within, now: Within) -> Result<Within, String> {
    match (filed, now) {
        (Within::Span(filed), Within::Span(now)) => Ok(Within::Span(filed.min(now))),
        (filed, now) if filed == now => Ok(now),
        _ => Err(format!("spec.closeout.within was {filed} and is {now}")),
    }
}

/// Selects what both select. A selector that is empty selects nothing.
fn both_select(filed: &LabelSelector, now: &LabelSelector) -> LabelSelector {
    if [filed, now].map(selector::in_words).iter().any(String::is_empty) {
        return LabelSelector::default();
    }
    let has = |key: &str, values: &[&String]| LabelSelectorRequirement {
        key: key.to_owned(),
        operator: "In".to_owned(),
        values: Some(values.iter().map(|value| (*value).clone()).collect()),
    };
    let mut labels = now.match_labels.clone().unwrap_or_default();
    let mut expressions = now.match_expressions.clone().unwrap_or_default();
    for (key, value) in filed.match_labels.iter().flatten() {
        match labels.get(key) {
            Some(other) if other != value => expressions.push(has(key, &[value])),
            _ => drop(labels.insert(key.clone(), value.clone())),
        }
    }
    let more = filed.match_expressions.iter().flatten().filter(|e| !expressions.contains(e)).cloned();
    let more: Vec<_> = more.collect();
    expressions.extend(more);
    LabelSelector {
        match_labels: (!labels.is_empty()).then_some(labels),
        match_expressions: (!expressions.is_empty()).then_some(expressions),
    }
}

/// What is offered: what is asked for only where both offer it, for the least of all maxima. What else one of them offers keeps its
/// place, as the order says what is higher.
fn both_offer(
    filed: &AccessPolicySpec,
    now: &AccessPolicySpec,
    request: &AccessRequest,
) -> Result<Vec<Access>, String> {
    let named = |of: &AccessPolicySpec, name: &str| of.access.iter().find(|access| access.name == name).cloned();
    let first = |of: &AccessPolicySpec| of.access.first().map(|access| access.name.clone());
    if request.spec.access.is_none() && first(filed) != first(now) {
        return Err("its first access is another, and spec.access names none".to_owned());
    }
    let common = |of: &AccessPolicySpec, other: &AccessPolicySpec| {
        let names = of.access.iter().map(|access| access.name.clone());
        names.filter(|name| named(other, name).is_some()).collect::<Vec<_>>()
    };
    if common(filed, now) != common(now, filed) {
        return Err("spec.access has another order".to_owned());
    }
    let mut all = now.access.clone();
    let mut place = 0;
    for access in &filed.access {
        match all.iter().position(|other| other.name == access.name) {
            Some(at) => place = at + 1,
            None => {
                all.insert(place, access.clone());
                place += 1;
            }
        }
    }
    let then = request.spec.then.as_ref().map(|then| then.access.clone());
    for name in request.spec.access.clone().or_else(|| first(now)).into_iter().chain(then) {
        match (named(filed, &name), named(now, &name)) {
            (Some(before), Some(after)) => {
                if (before.level, &before.role_ref) != (after.level, &after.role_ref) {
                    let words = |a: &Access| format!("{:?} by {}", a.level, a.role_ref);
                    return Err(format!("access `{name}` was {} and is {}", words(&before), words(&after)));
                }
                let least = [before.max_duration, after.max_duration].into_iter().flatten().min();
                all.iter_mut().filter(|access| access.name == name).for_each(|access| access.max_duration = least);
            }
            _ => all.retain(|access| access.name != name),
        }
    }
    Ok(all)
}

fn both_ask(filed: &Evidence, now: &Evidence, request: &AccessRequest) -> Evidence {
    // A ticket must be of both forms: of one it is or is not, and then that form says so.
    let is_met = |rule: &TicketRule| pattern::compile(&rule.pattern).is_ok_and(|p| p.is_match(&request.spec.ticket));
    Evidence {
        ticket: if is_met(&filed.ticket) { now.ticket.clone() } else { filed.ticket.clone() },
        reason: ReasonRule {
            min_words: filed.reason.min_words.max(now.reason.min_words),
            reject_phrases: union(&now.reason.reject_phrases, &filed.reason.reject_phrases),
        },
        require: union(&now.require, &filed.require),
        max_records: filed.max_records.min(now.max_records),
    }
}

fn both_approve(filed: &Approval, now: &Approval) -> Result<Approval, String> {
    // Under a text whose steps all have conditions perhaps nobody could agree: then the steps of the other must not make up for it.
    let may_need_nobody = [filed, now].iter().any(|text| text.steps.iter().all(|step| step.when.is_some()));
    if may_need_nobody && (&filed.steps, &filed.rules) != (&now.steps, &now.rules) {
        return Err("spec.approval was edited, and one of the texts has no step without `when`".to_owned());
    }
    let before = |step: &Step| filed.steps.iter().find(|other| other.name == step.name);
    let both = |step: &Step| before(step).map_or_else(|| Ok(step.clone()), |before| both_decide(before, step));
    let mut steps = now.steps.iter().map(both).collect::<Result<Vec<_>, _>>()?;
    let dropped = filed.steps.iter().filter(|step| !now.steps.iter().any(|other| other.name == step.name));
    steps.extend(dropped.cloned());
    if steps.len() > MOST_STEPS {
        return Err(format!("together they have {} steps, and a request waits for {MOST_STEPS} at most", steps.len()));
    }
    Ok(Approval {
        pending_timeout: filed.pending_timeout.min(now.pending_timeout),
        steps,
        rules: both_rule(&filed.rules, &now.rules)?,
        comment_min_length: filed.comment_min_length.max(now.comment_min_length),
    })
}

/// A step that is needed where either needs it, decided by those whom both let decide, as late as the later says.
fn both_decide(filed: &Step, now: &Step) -> Result<Step, String> {
    let backups = |step: &Step| step.backups.as_ref().map_or(vec![], |backups| backups.approvers.clone());
    let everybody = |step: &Step| [step.approvers.clone(), backups(step)].concat();
    let both = |of: Vec<Subject>, other: Vec<Subject>| of.into_iter().filter(|s| other.contains(s)).collect::<Vec<_>>();
    let approvers = both(now.approvers.clone(), filed.approvers.clone());
    let mut later = both(everybody(now), everybody(filed));
    later.retain(|subject| !approvers.contains(subject));
    later.truncate(MOST_BACKUPS);
    if approvers.is_empty() && later.is_empty() {
        return Err(format!("step `{}` lists nobody whom it listed then", now.name));
    }
    let after = [filed, now].into_iter().filter_map(|step| step.backups.as_ref()).map(|backups| backups.after).max();
    let backups = after.filter(|_| !later.is_empty()).map(|after| Backups { after, approvers: later });
    Ok(Step {
        name: now.name.clone(),
        count: filed.count.max(now.count),
        when: either(filed.when.as_deref(), now.when.as_deref()),
        approvers,
        backups,
    })
}

/// Holds where one of the two does. What cannot be read as one expression always holds.
fn either(filed: Option<&str>, now: Option<&str>) -> Option<String> {
    let (filed, now) = (filed?, now?);
    if filed == now {
        return Some(now.to_owned());
    }
    let whole = format!("({filed}\n) || ({now}\n)");
    [filed, now, &whole].iter().all(|part| expression::read(part).is_ok()).then_some(whole)
}

/// A refusal of either refuses. A rule approves only where it stands in both; elsewhere people decide, but what cannot be judged
/// still holds it.
fn both_rule(filed: &[ApprovalRule], now: &[ApprovalRule]) -> Result<Vec<ApprovalRule>, String> {
    let stands = |rule: &ApprovalRule, other: &[ApprovalRule]| {
        other.iter().any(|other| (other.then, &other.when) == (rule.then, &rule.when))
    };
    let as_it_counts = |rule: &ApprovalRule, other: &[ApprovalRule]| match rule.then {
        Ruling::Approve if !stands(rule, other) => never(rule),
        Ruling::Approve | Ruling::Deny => Ok(rule.clone()),
    };
    let of_now = now.iter().map(|rule| as_it_counts(rule, filed));
    let of_before = filed.iter().filter(|rule| !stands(rule, now)).map(|rule| {
        let message = text::line(&format!("as the policy was when this was filed: {}", rule.message), MOST_MESSAGE);
        as_it_counts(&ApprovalRule { message, ..rule.clone() }, now)
    });
    of_now.chain(of_before).collect()
}
/// The rule without effect, but where it cannot be judged.
fn never(rule: &ApprovalRule) -> Result<ApprovalRule, String> {
    let when = format!("({}\n) ? false : false", rule.when);
    match (expression::read(&rule.when), expression::read(&when)) {
        (Ok(_), Ok(_)) => Ok(ApprovalRule { when, ..rule.clone() }),
        // It cannot be judged in the one text either.
        (Err(_), _) => Ok(rule.clone()),
        (Ok(_), Err(_)) => Err(format!("rule `{}` stands in one of them only", rule.name)),
    }
}

fn lower(filed: &Limits, now: &Limits) -> Limits {
    Limits {
        active_per_requester: filed.active_per_requester.min(now.active_per_requester),
        pending_per_requester: filed.pending_per_requester.min(now.pending_per_requester),
        renewals: filed.renewals.min(now.renewals),
        auto_approvals_per_day: filed.auto_approvals_per_day.min(now.auto_approvals_per_day),
    }
}

/// Filers of both, whose word counts for a step where each text that has the step takes it.
fn both_let_file(filed: &AccessPolicySpec, now: &AccessPolicySpec) -> Option<OnBehalf> {
    let (before, after) = (filed.on_behalf.as_ref()?, now.on_behalf.as_ref()?);
    let takes = |spec: &AccessPolicySpec, on_behalf: &OnBehalf, step: &String| {
        on_behalf.satisfies.contains(step) || !spec.approval.steps.iter().any(|other| other.name == *step)
    };
    let steps: BTreeSet<_> = before.satisfies.iter().chain(&after.satisfies).collect();
    Some(OnBehalf {
        filers: after.filers.iter().filter(|filer| before.filers.contains(filer)).cloned().collect(),
        satisfies: steps.into_iter().filter(|s| takes(filed, before, s) && takes(now, after, s)).cloned().collect(),
    })
}

/// The first list, and what of the second it has not.
fn union<T: Clone + PartialEq>(of: &[T], more: &[T]) -> Vec<T> {
    of.iter().chain(more.iter().filter(|item| !of.contains(item))).cloned().collect()
}

#[cfg(test)]
mod tests;
