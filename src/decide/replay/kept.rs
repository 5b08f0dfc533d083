//! What is on record of a request: its text, who wrote what when, and what came of it.
use super::{Kept, Said, Verdict, is_decided, made};
use crate::api::grant::{AccessGrant, ApprovalOf};
use crate::api::policy::{Access, AccessPolicy};
use crate::api::reasons::{self, Approved, Outcome, Reason, Screened};
use crate::api::request::{
    AccessRequest, AccessRequestSpec, AccessRequestStatus, ApprovalEntry, Close, Renewal, Requester, Then,
};
use crate::api::time::{self, Instant, Span};
use crate::decide::approval::Disregard;
use crate::decide::{screening, second, selector};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::core::ObjectMeta;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A request, from itself or, where it is gone, from its record.
pub(super) struct Case<'a> {
    pub request: Cow<'a, AccessRequest>,
    pub grant: Option<&'a AccessGrant>,
    /// Whether the request itself is gone.
    pub is_from_record: bool,
    /// When it was filed.
    pub filed: Instant,
    /// Until when what was written is looked at: the decision, or the time of the replay.
    until: Instant,
    /// The epoch of admission that it was decided in.
    pub epoch: String,
}

/// Every request that is kept of this policy.
pub(super) fn cases<'a>(kept: &'a Kept, policy: &str, now: DateTime<Utc>) -> Vec<Case<'a>> {
    let records: BTreeMap<&str, &AccessGrant> = kept
        .grants
        .iter()
        .filter(|grant| grant.spec.follows.is_none())
        .map(|grant| (grant.spec.request.uid.as_str(), grant.as_ref()))
        .collect();
    let requests = kept.requests.iter().filter(|request| request.spec.policy == policy);
    let there: BTreeSet<_> = kept.requests.iter().filter_map(ResourceExt::uid).collect();
    let of_request = |request: &'a AccessRequest| {
        let grant = request.uid().and_then(|uid| records.get(uid.as_str()).copied());
        let filed = time::made(&request.metadata).unwrap_or(Instant::new(now));
        let until = decided_at(request, grant).unwrap_or(Instant::new(now));
        Case {
            request: Cow::Borrowed(request),
            grant,
            is_from_record: false,
            filed,
            until,
            epoch: epoch(request, grant, filed),
        }
    };
    let gone =
        records.values().filter(|grant| grant.spec.policy.name == policy && !there.contains(&grant.spec.request.uid));
    requests.map(of_request).chain(gone.map(|grant| of_record(grant))).collect()
}

/// What a record says of a request that is gone.
fn of_record(grant: &AccessGrant) -> Case<'_> {
    let spec = grant.spec.clone();
    let until = at_decision(grant);
    let filed = spec.approvals.iter().map(|a| a.at).min().unwrap_or(until).min(until);
    let renewal = spec.renewal.map(|of| Renewal {
        of: of.of,
        what_changed: of.what_changed,
        what_remains: of.what_remains,
        why_not_enough: of.why_not_enough,
    });
    // Planned work: nothing else puts its start so far behind the decision.
    let planned = renewal.is_none() && spec.not_before.get() - until.get() > TimeDelta::seconds(60);
    let text = AccessRequestSpec {
        policy: spec.policy.name,
        access: Some(spec.access),
        reason: spec.reason,
        ticket: spec.ticket,
        duration: Some(spec.asked_for),
        start_time: planned.then_some(spec.not_before),
        start_deadline: spec.start_deadline,
        data: spec.data,
        why_not_safer: spec.why_not_safer,
        why_not_lower: spec.why_not_lower,
        plan: spec.plan,
        legal_basis: spec.legal_basis,
        attachments: spec.attachments,
        emergency: spec.emergency,
        renewal,
        then: spec.then.map(|then| Then { access: then.access, duration: Some(then.duration) }),
        requester: Requester { username: spec.user, uid: None, groups: spec.groups },
        filed_by: spec.filed_by,
        attestation: spec.attestation,
    };
    let mut request = AccessRequest::new(&spec.request.name, text);
    request.metadata.namespace = Some(spec.request.namespace);
    (request.metadata.uid, request.metadata.generation) = (Some(spec.request.uid), Some(spec.request.generation));
    request.metadata.creation_timestamp = Some(Time::from(filed));
    let by_people = spec.approvals.iter().filter(|a| a.attested_by.is_none());
    let status = AccessRequestStatus { approvals: by_people.map(entry).collect(), ..Default::default() };
    request.status = Some(status);
    let epoch = epoch(&request, Some(grant), filed);
    Case { request: Cow::Owned(request), grant: Some(grant), is_from_record: true, filed, until, epoch }
}
fn entry(of: &ApprovalOf) -> ApprovalEntry {
    ApprovalEntry {
        by: of.by.clone(),
        step: of.step.clone(),
        as_: of.as_.name.clone(),
        decision: of.decision,
        revision: of.revision.clone(),
        comment: of.comment.clone(),
        duration: of.duration,
    }
}
/// The one on record; where nobody was asked, one that began before.
fn epoch(request: &AccessRequest, grant: Option<&AccessGrant>, filed: Instant) -> String {
    let asked = request.status.as_ref().and_then(|s| s.admission_epoch.clone());
    let epoch = grant.map(|g| g.spec.admission_epoch.clone()).filter(|e| !e.is_empty()).or(asked);
    let before = filed.checked_add(TimeDelta::hours(-1)).unwrap_or(filed);
    epoch.unwrap_or_else(|| format!("{before}/replay"))
}

/// When a record was decided on, by the operator's clock where that is known.
fn at_decision(grant: &AccessGrant) -> Instant {
    let (spec, made) = (&grant.spec, made(grant));
    let at = if spec.outcome == Outcome::Approved { spec.not_before.min(made) } else { spec.not_before };
    spec.approvals.iter().map(|a| a.at).max().map_or(at, |last| last.max(at))
}
/// When a request was decided; `None`: it is not.
fn decided_at(request: &AccessRequest, grant: Option<&AccessGrant>) -> Option<Instant> {
    let of_status = || {
        let status = request.status.as_ref().filter(|status| is_decided(status))?;
        let by = if reasons::is(status, Screened::Refused) { Screened::CONDITION } else { Approved::CONDITION };
        status.conditions.iter().find(|c| c.type_ == by).and_then(|c| Instant::try_from(&c.last_transition_time).ok())
    };
    grant.map(at_decision).or_else(of_status)
}

impl Case<'_> {
    pub fn namespace(&self) -> String {
        self.request.namespace().unwrap_or_default()
    }
    /// What was decided.
    pub fn said(&self) -> Said {
        let steps = self.grant.map_or(vec![], |grant| {
            let names: BTreeSet<_> = grant.spec.approvals.iter().map(|a| a.step.clone()).collect();
            names.into_iter().collect()
        });
        match (self.grant, &self.request.status) {
            (Some(grant), _) => of_grant(grant, steps),
            (None, Some(status)) => {
                let codes = status.checks.iter().filter_map(|check| check.code.clone()).collect();
                of_status(status, steps, codes)
            }
            (None, None) => of_status(&AccessRequestStatus::default(), steps, vec![]),
        }
    }
    /// That a role grew is seen by what it gives today alone: where everybody agrees again, it had grown all the same.
    pub fn settled(&self, now: Said, then: &Said) -> Said {
        let grew = then.verdict == Verdict::RoleGrew && matches!(now.verdict, Verdict::Granted | Verdict::DryRun);
        if grew { Said { verdict: Verdict::RoleGrew, duration: None, ..now } } else { now }
    }
    /// As it was filed: nobody has looked at it.
    pub fn unread(&self) -> AccessRequest {
        AccessRequest { status: None, ..self.request.as_ref().clone() }
    }
    /// Every time at which something of it changed: filed, amended, found complete, decided upon.
    pub fn times(&self) -> Vec<Instant> {
        let status = self.request.status.as_ref();
        let complete = status.and_then(|s| screening::complete_since(&s.conditions));
        let amended = self.request.metadata.generation.is_some_and(|generation| generation > 1);
        // The text that is kept was not there before; it was seen no later than it was complete, or decided.
        let first = if amended && !self.is_from_record { complete.unwrap_or(self.until) } else { self.filed };
        let seen = self.entries().into_iter().map(|(at, _)| at);
        let all: BTreeSet<_> = seen.chain([first, self.until]).chain(complete).collect();
        all.into_iter().filter(|at| *at >= first && *at <= self.until.max(first)).collect()
    }
    /// Puts there what people had written by this time.
    pub fn shows(&self, request: &mut AccessRequest, at: Instant) {
        let written: Vec<_> = self.entries().into_iter().filter(|(seen, _)| *seen <= at).map(|(_, e)| e).collect();
        let close = self.closed().filter(|_| at >= self.until);
        if written.is_empty() && close.is_none() {
            return;
        }
        let shown = request.status.get_or_insert_default();
        shown.approvals = written;
        shown.close = close;
        // Nothing of it was void, or it would not be here.
        shown.admission_epoch.get_or_insert(self.epoch.clone());
    }
    /// Closed before it was decided: later it ends the access, and decides nothing.
    fn closed(&self) -> Option<Close> {
        let status = self.request.status.as_ref()?;
        let withdrawn =
            self.grant.map_or(reasons::is(status, Approved::Withdrawn), |g| g.spec.outcome == Outcome::Withdrawn);
        let unknown = || Close { by: self.request.spec.requester.username.clone(), reason: None };
        withdrawn.then(|| status.close.clone().unwrap_or_else(unknown))
    }
    /// The decisions that were not void for what no policy says, each with when it was seen.
    fn entries(&self) -> Vec<(Instant, ApprovalEntry)> {
        let Some(status) = &self.request.status else { return vec![] };
        let void: &str = Disregard::OtherEpoch.into();
        let of = |entry: &ApprovalEntry| {
            let judged = status.decisions.iter().find(|d| d.by == entry.by && d.revision == entry.revision);
            let on_record = self.grant.and_then(|g| g.spec.approvals.iter().find(|a| a.by == entry.by)).map(|a| a.at);
            let at = judged.map(|judged| judged.first_seen).or(on_record).unwrap_or(self.until);
            (judged.is_none_or(|judged| judged.reason != void) && at <= self.until).then(|| (at, entry.clone()))
        };
        status.approvals.iter().filter_map(of).collect()
    }
    /// The labels of its namespace: on record where anybody was asked. Else they are those that the policy asks for, if the
    /// screening found the same selector to hold, and nothing else speaks of labels.
    pub fn labels(&self, policy: &AccessPolicy) -> Option<BTreeMap<String, String>> {
        if let Some(grant) = self.grant {
            return Some(grant.spec.namespace_labels.clone());
        }
        let checks = self.request.status.as_ref().map(|status| status.checks.as_slice()).unwrap_or_default();
        let wanted = &policy.spec.namespaces;
        let words = format!("{} has the labels {}", self.namespace(), selector::in_words(wanted));
        let was_covered = checks.iter().any(|check| check.name == "Covered" && check.passed && check.message == words);
        let approval = &policy.spec.approval;
        let whens = approval.steps.iter().filter_map(|step| step.when.as_deref());
        let mut all = whens.chain(approval.rules.iter().map(|rule| rule.when.as_str()));
        let speaks = all.any(|when| when.contains("namespaceObject"));
        let is_plain = wanted.match_expressions.as_ref().is_none_or(Vec::is_empty);
        wanted.match_labels.clone().filter(|_| was_covered && is_plain && !speaks)
    }
    /// What the roles allowed. Where it is not on record, a role is taken to be within its level.
    pub fn rules(&self, policy: &AccessPolicy) -> (Vec<PolicyRule>, Vec<PolicyRule>) {
        let of = |access: Option<&Access>| {
            let (access, spec) = (access?, &self.grant?.spec);
            if access.role_ref == spec.role_ref {
                return Some(spec.rules.clone());
            }
            spec.then.as_ref().filter(|then| then.role_ref == access.role_ref).map(|then| then.rules.clone())
        };
        let (first, then) = (screening::access_of(&self.request, policy), second::access(&self.request, policy));
        (of(first).unwrap_or_default(), of(then).unwrap_or_default())
    }
}

/// What a record says.
pub(super) fn of_grant(grant: &AccessGrant, steps: Vec<String>) -> Said {
    let spec = &grant.spec;
    let verdict = match spec.outcome {
        Outcome::Approved => Verdict::Granted,
        Outcome::Denied => Verdict::Denied,
        Outcome::DryRun => Verdict::DryRun,
        Outcome::RoleGrew => Verdict::RoleGrew,
        Outcome::TimedOut => Verdict::TimedOut,
        Outcome::Withdrawn => Verdict::Withdrawn,
    };
    // What is given at once goes on for as long as was asked for, once that is agreed to.
    let lasts = spec.expires_at.map(|end| Span::from(end.get() - spec.not_before.get()));
    let duration = lasts.map(|lasts| if spec.provisional { spec.asked_for } else { lasts });
    let rule = spec.rule.as_ref().map(|rule| rule.name.clone());
    Said { verdict, codes: vec![], rule, steps, unmet: vec![], duration }
}

/// What a request without a record says of itself.
pub(super) fn of_status(status: &AccessRequestStatus, steps: Vec<String>, codes: Vec<String>) -> Said {
    let decided = [(Approved::TimedOut, Verdict::TimedOut), (Approved::Withdrawn, Verdict::Withdrawn)];
    let decided = decided.into_iter().find(|(reason, _)| reasons::is(status, *reason)).map(|(_, verdict)| verdict);
    let screened = [(Screened::Refused, Verdict::Refused), (Screened::Incomplete, Verdict::Incomplete)];
    let screened = screened.into_iter().find(|(reason, _)| reasons::is(status, *reason)).map(|(_, verdict)| verdict);
    let verdict = decided.or(screened).unwrap_or(Verdict::Waiting);
    let unmet = status.waiting_for.iter().map(|waiting| waiting.step.clone()).collect();
    Said { verdict, codes, rule: None, steps, unmet, duration: None }
}

/// This person's records from before, as they were then.
pub(super) fn grants_before(kept: &Kept, user: &str, at: Instant) -> Vec<Arc<AccessGrant>> {
    let before = kept.grants.iter().filter(|grant| grant.spec.user == user && made(grant) < at);
    before.map(|grant| as_of(grant, at)).collect()
}
fn as_of(grant: &Arc<AccessGrant>, at: Instant) -> Arc<AccessGrant> {
    let ended = grant.status.as_ref().and_then(|s| s.ended_at);
    if ended.is_none_or(|ended| ended <= at) {
        return grant.clone();
    }
    let mut then = grant.as_ref().clone();
    if let Some(status) = &mut then.status {
        (status.ended_at, status.end_reason, status.ended_by) = (None, None, None);
    }
    Arc::new(then)
}
/// The other requests of this person under its policy that nobody had decided then.
pub(super) fn pending_at(kept: &Kept, request: &AccessRequest, at: Instant) -> Vec<ObjectMeta> {
    let of = |other: &&AccessRequest| {
        let same = other.spec.policy == request.spec.policy
            && other.spec.requester.username == request.spec.requester.username
            && other.metadata.uid != request.metadata.uid;
        let grant = kept.grants.iter().find(|g| Some(&g.spec.request.uid) == other.metadata.uid.as_ref());
        let open = || decided_at(other, grant.map(AsRef::as_ref)).is_none_or(|decided| decided > at);
        same && time::made(&other.metadata).is_some_and(|filed| filed <= at) && open()
    };
    kept.requests.iter().filter(of).map(|other| other.metadata.clone()).collect()
}
