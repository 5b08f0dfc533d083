//! The record: an AccessGrant as a snapshot of what was asked and agreed, and how long it is kept.
use super::matrix::Judgement;
use super::screening::Filing;
use super::{Now, duties, edits, lane, role, second, term};
use crate::api::grant::*;
use crate::api::policy::{ApprovalRule, Ruling};
use crate::api::reasons::Outcome;
use crate::api::request::{AccessRequestSpec, Lane, Permissions};
use crate::api::time::{Instant, Span};
use crate::api::{names, subject::Subject};
use chrono::{DateTime, TimeDelta, Utc};
use kube::ResourceExt;

/// The record of a decision. `expiresAt` is decided here and nowhere else: the shortest of what was asked for, what each of
/// those who agreed allowed (C11) and the lowest cap, from the start on. `None` while the API server has not named the
/// objects that it speaks of, or no time is left.
pub fn award(
    judgement: &Judgement<'_>,
    outcome: Outcome,
    approvals: Vec<ApprovalOf>,
    permissions: Permissions,
    rule: Option<&ApprovalRule>,
    epoch: &str,
    now: Now,
) -> Option<AccessGrant> {
    let Filing { request, policy, access, namespace, rules, entitled_by, duration, renews, then, installation, now: _ } =
        judgement.filing;
    // In full, so that whatever a request says has its place in the record; `access` and `duration` are resolved.
    let AccessRequestSpec {
        policy: _,
        access: _,
        reason,
        ticket,
        duration: _,
        start_time: _,
        start_deadline,
        data,
        why_not_safer,
        why_not_lower,
        plan,
        legal_basis,
        attachments,
        emergency,
        renewal: _,
        then: _,
        requester,
        filed_by,
        attestation,
    } = request.spec.clone();
    let (uid, at) = (request.uid()?, now.for_record());
    let place = request.namespace()?;
    let not_before = if outcome == Outcome::Approved { Instant::new(judgement.filing.begins(at.get())) } else { at };
    let (longest, _) = term::longest(&policy.spec, access, installation, not_before.get());
    let shortest = approvals.iter().filter_map(|a| a.duration).map(Span::delta).chain([duration, longest]).min()?;
    let ends = not_before.checked_add(shortest).filter(|ends| *ends > not_before);
    let expires_at = if outcome == Outcome::Approved { Some(ends?) } else { None };
    let Permissions { adds, had, flags: _, rules_sha256: _ } = permissions;
    let then_gains = request.status.as_ref().and_then(|s| s.then_permissions.as_ref());
    let is_agreed = matches!(outcome, Outcome::Approved | Outcome::DryRun);
    let mut grant = AccessGrant::new(
        &names::grant(&place, &request.name_any(), &uid),
        AccessGrantSpec {
            request: RequestOf {
                namespace: place.clone(),
                name: request.name_any(),
                uid,
                generation: request.metadata.generation?,
            },
            policy: PolicyOf {
                name: policy.name_any(),
                uid: policy.uid()?,
                generation: policy.metadata.generation?,
                filed_generation: edits::filed_generation(request, policy),
                description: policy.spec.description.clone(),
                data_class: policy.spec.data_class,
                retention_days: policy.spec.retention_days,
            },
            outcome,
            user: requester.username,
            groups: requester.groups,
            filed_by,
            attestation,
            entitled_by: entitled_by.clone(),
            namespace: place,
            namespace_labels: namespace.labels().clone(),
            lane: lane::of(&request.spec),
            emergency,
            access: access.name.clone(),
            level: access.level,
            role_ref: access.role_ref.clone(),
            rules: rules.to_vec(),
            permission_flags: role::dangers(rules),
            rules_sha256: role::digest(rules),
            adds,
            had,
            ticket,
            reason,
            data,
            why_not_safer,
            why_not_lower,
            plan,
            legal_basis,
            attachments,
            asked_for: Span::from(duration),
            renewal: renews.map(|renews| renews.record()),
            then: then.map(|stage| second::agreed(&stage, then_gains, &approvals)),
            provisional: false,
            self_approved: None,
            follows: None,
            why: None,
            rule: rule.map(|rule| RuleOf {
                name: rule.name.clone(),
                policy_generation: policy.metadata.generation.unwrap_or_default(),
                then: rule.then,
                message: rule.message.clone(),
            }),
            not_needed: judgement.needs.not_needed.iter().map(|step| step.name.clone()).collect(),
            approved_by: rule
                .map(|rule| format!("rule {}", rule.name))
                .or_else(|| in_one_line(&approvals))
                .filter(|_| is_agreed),
            approvals,
            admission_epoch: epoch.to_owned(),
            not_before,
            start_deadline,
            expires_at,
            unused_after: policy.spec.duration.unused_after,
            duties: duties::declared(&judgement.filing, outcome),
        },
    );
    grant.labels_mut().insert(names::MANAGED_BY_LABEL.into(), names::FIELD_MANAGER.into());
    grant.labels_mut().insert(names::POLICY_LABEL.into(), policy.name_any());
    grant.labels_mut().insert(names::REQUEST_LABEL.into(), request.name_any());
    if let Some(rule) = rule.filter(|rule| rule.then == Ruling::Approve) {
        grant.labels_mut().insert(names::RULE_LABEL.into(), rule.name.clone());
    }
    if grant.spec.lane == Lane::Emergency {
        grant.labels_mut().insert(names::LANE_LABEL.into(), <&str>::from(Lane::Emergency).into());
    }
    Some(grant)
}

/// Who or what said no, and why.
pub fn refusal(grant: &AccessGrant) -> String {
    match (&grant.spec.rule, grant.spec.approvals.last()) {
        (Some(RuleOf { name, message, .. }), _) => format!("rule {name} says no: {message}"),
        (None, Some(ApprovalOf { by, comment: Some(why), .. })) => format!("{by} said no: {why}"),
        (None, Some(ApprovalOf { by, .. })) => format!("{by} said no"),
        (None, None) => "refused".into(),
    }
}

/// `bob (billing-owners), dana, erin (attested by deployer)`: who decided, and in whose name.
pub fn in_one_line(approvals: &[ApprovalOf]) -> Option<String> {
    let one = |a: &ApprovalOf| match (&a.as_, &a.attested_by) {
        (_, Some(filer)) => format!("{} (attested by {filer})", a.by),
        (Subject { name, .. }, None) if *name == a.by => a.by.clone(),
        (Subject { name, .. }, None) => format!("{} ({name})", a.by),
    };
    let line = approvals.iter().map(one).collect::<Vec<_>>().join(", ");
    (!line.is_empty()).then(|| line.chars().take(1024).collect())
}

/// When the record may go (J10): its retention counts from the end, or from the decision where nothing was granted.
pub fn kept_until(grant: &AccessGrant) -> Option<DateTime<Utc>> {
    let ended = grant.status.as_ref().and_then(|s| s.ended_at);
    let since = if grant.spec.outcome == Outcome::Approved { ended? } else { grant.spec.not_before };
    since.get().checked_add_signed(TimeDelta::days(grant.spec.policy.retention_days.into()))
}

/// When access of this grant must be gone; `None` where nothing was granted, or it has ended.
pub fn due(grant: &AccessGrant) -> Option<Instant> {
    let ended = grant.status.as_ref().is_some_and(|s| s.ended_at.is_some());
    grant.spec.expires_at.filter(|_| !ended)
}
