//! What can be said of a policy before it is applied: by its text alone, and by what somebody may see of a cluster.
use super::{Concern, FINDINGS, Finding, Observed, RoleSeen, Severity};
use crate::api::grant::AccessGrant;
use crate::api::policy::AccessPolicy;
use crate::api::reasons::Ready;
use crate::api::request::AccessRequest;
use crate::api::subject::{Subject, SubjectKind};
use crate::decide::{Installation, Now, Standing, approvers, lane, matrix, text};
use chrono::{DateTime, TimeDelta};
use k8s_openapi::api::authentication::v1::UserInfo;
use std::collections::BTreeSet;

/// The warning that only a lint gives: a group that the policy names is in nobody's login, as far as there are any on record.
pub const GROUP_NEVER_SEEN: &str = "GroupNeverSeen";

/// What somebody may see of a cluster. What they may not see is not judged.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The namespaces that the policy covers; `None`: nobody knows.
    pub namespaces: Option<Vec<String>>,
    /// Those of them that are labelled as sensitive.
    pub sensitive: Vec<String>,
    /// The roles that were looked for.
    pub roles: Vec<RoleSeen>,
    /// The groups that people log in with; `None`: nobody knows.
    pub groups: Option<BTreeSet<String>>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Whether nothing could be granted under the policy; else it works.
    pub is_fatal: bool,
    /// The reason, as `status` has it.
    pub reason: String,
    /// What was found, and what to do; it begins with the field where there is one.
    pub message: String,
}

/// By what a finding is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The text.
    Text,
    /// Text and roles: nothing is found about a role that was not looked for.
    Roles,
    /// Text and namespaces.
    Namespaces,
    /// What only the operator knows, or what is on record of the policy.
    Operator,
}
fn by(severity: Severity) -> By {
    match severity {
        Severity::Missing(reason) => match reason {
            Ready::NoApprovers
            | Ready::SingleApprover
            | Ready::BadExpression
            | Ready::NoEvidence
            | Ready::NeverGranted
            | Ready::BadCalendar
            | Ready::DurationAboveCap => By::Text,
            Ready::RoleNotFound | Ready::LevelMismatch | Ready::RoleTooLarge => By::Roles,
            Ready::MayNotBind | Ready::FuseRefused | Ready::FusesDoNotBurn | Ready::Complete => By::Operator,
        },
        Severity::Warning(concern) => match concern {
            Concern::BroadApprovers
            | Concern::NoBackups
            | Concern::FirstAccessWrites
            | Concern::LongForData
            | Concern::DefaultIsMax
            | Concern::ThinEvidence
            | Concern::FilerDecidesAlone
            | Concern::NoAttestable => By::Text,
            Concern::NoNamespaces => By::Namespaces,
            Concern::StaleApprovers
            | Concern::CleanUpDue
            | Concern::DutiesOverdue
            | Concern::EmergencyRepeats
            | Concern::NobodyWatches => By::Operator,
        },
    }
}

/// What of a text alone keeps everything from being granted under it: what can be said without looking at a cluster.
pub fn faults_of_text(policy: &AccessPolicy, installation: &Installation) -> Vec<(Ready, String)> {
    let around = Around::default();
    let observed = observed(policy, installation, &around, &STANDING);
    let fault = |finding: &Finding| match finding.severity {
        Severity::Missing(reason) if by(finding.severity) == By::Text => Some((reason, (finding.examine)(&observed)?)),
        Severity::Missing(_) | Severity::Warning(_) => None,
    };
    FINDINGS.iter().filter_map(fault).collect()
}

/// All that can be said of it; what keeps it from being used comes first, as `status` has it.
pub fn remarks(policy: &AccessPolicy, installation: &Installation, around: &Around) -> Vec<Remark> {
    let observed = observed(policy, installation, around, &STANDING);
    let is_known = |finding: &&Finding| match by(finding.severity) {
        By::Text | By::Roles => true,
        By::Namespaces => around.namespaces.is_some(),
        By::Operator => false,
    };
    let of_finding = |finding: &Finding| match finding.severity {
        // Each in a line of its own, as each has a place of its own.
        Severity::Missing(Ready::BadExpression) => matrix::faults(&policy.spec.approval)
            .into_iter()
            .map(|words| remark(true, Ready::BadExpression.into(), &words))
            .collect(),
        Severity::Missing(reason) => {
            (finding.examine)(&observed).map(|words| remark(true, reason.into(), &words)).into_iter().collect()
        }
        Severity::Warning(concern) => {
            (finding.examine)(&observed).map(|words| remark(false, concern.into(), &words)).into_iter().collect()
        }
    };
    let found = FINDINGS.iter().filter(is_known).flat_map(|finding| -> Vec<Remark> { of_finding(finding) });
    found.chain(never_seen(policy, around)).collect()
}
fn remark(is_fatal: bool, reason: &str, words: &str) -> Remark {
    Remark { is_fatal, reason: reason.to_owned(), message: text::line(words, super::MOST_MESSAGE) }
}

/// Nothing of it is looked at by what is found here.
static STANDING: std::sync::LazyLock<Standing> = std::sync::LazyLock::new(Standing::unknown);

fn observed<'a>(
    policy: &'a AccessPolicy,
    installation: &'a Installation,
    around: &'a Around,
    standing: &'a Standing,
) -> Observed<'a> {
    Observed {
        policy,
        roles: &around.roles,
        namespaces: around.namespaces.as_deref().unwrap_or_default(),
        sensitive: &around.sensitive,
        answers: &[],
        trial: None,
        active: 0,
        overdue: &[],
        emergencies: &[],
        installation,
        standing,
        now: Now { wall: DateTime::UNIX_EPOCH, server_ahead: TimeDelta::zero() },
    }
}

/// Every group that somebody was in who asked or decided, and the caller's own.
pub fn groups_seen(requests: &[AccessRequest], records: &[AccessGrant], me: &UserInfo) -> BTreeSet<String> {
    let asked = requests.iter().flat_map(|request| &request.spec.requester.groups);
    let had = records.iter().flat_map(|record| &record.spec.groups);
    let decided = records.iter().flat_map(|record| &record.spec.approvals).map(|approval| &approval.as_);
    let decided = decided.filter(|subject| subject.kind == SubjectKind::Group).map(|subject| &subject.name);
    asked.chain(had).chain(decided).chain(me.groups.iter().flatten()).cloned().collect()
}

fn never_seen(policy: &AccessPolicy, around: &Around) -> Option<Remark> {
    let seen = around.groups.as_ref()?;
    let spec = &policy.spec;
    let lane = spec.emergency.as_ref().map(lane::step);
    let deciders = spec.approval.steps.iter().chain(&lane).flat_map(approvers::of_step);
    let named: BTreeSet<&Subject> = spec.requesters.iter().chain(deciders).chain([&spec.owner]).collect();
    let unseen =
        named.into_iter().filter(|subject| subject.kind == SubjectKind::Group && !seen.contains(&subject.name));
    let unseen: Vec<_> = unseen.map(|subject| format!("`{}`", subject.name)).collect();
    (!unseen.is_empty()).then(|| {
        let words = format!(
            "groups: nobody who asked or decided here was in {}; see that they are spelled as your cluster's login names them: kubectl auth whoami",
            text::few(unseen, 8)
        );
        remark(false, GROUP_NEVER_SEEN, &words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::screening::tests::{grant, installation, policy};
    use serde_json::{Value, json};

    fn reasons(changes: Value, around: &Around) -> Vec<String> {
        remarks(&policy(changes), &installation(), around).into_iter().map(|remark| remark.reason).collect()
    }

    #[test]
    fn d19_i7_a_text_alone_tells_who_and_what_is_missing() {
        let alone = Around::default();
        let step = |extra: Value| {
            let mut step = json!({"name": "owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]});
            step.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            json!({"approval": {"steps": [step]}})
        };
        for (changes, reason, is_fatal) in [
            (json!({"approval": {"steps": []}}), "NoApprovers", true),
            (step(json!({"approvers": [{"kind": "User", "name": "bob"}]})), "SingleApprover", true),
            (step(json!({"when": "duration > "})), "BadExpression", true),
            (json!({"evidence": {"ticket": {"pattern": ".*", "message": "x"}}}), "NoEvidence", true),
            (step(json!({})), "NoBackups", false),
            (step(json!({"approvers": [{"kind": "Group", "name": "everyone"}]})), "BroadApprovers", false),
            (json!({"duration": {"default": "1h", "max": "1h"}}), "DefaultIsMax", false),
            (
                json!({"evidence": {"ticket": {"pattern": "^A-1$", "message": "x"}, "require": []}}),
                "ThinEvidence",
                false,
            ),
        ] {
            let found = remarks(&policy(changes), &installation(), &alone);
            let one = found.iter().find(|remark| remark.reason == reason);
            assert_eq!(one.map(|remark| remark.is_fatal), Some(is_fatal), "{reason}: {found:#?}");
        }
    }
    #[test]
    fn an_expression_that_cannot_be_read_has_its_place_and_each_a_line_of_its_own() {
        let step =
            |name: &str| json!({"name": name, "when": "duration >", "approvers": [{"kind": "Group", "name": "a"}]});
        let policy = policy(json!({"approval": {"steps": [step("one"), step("two")]}}));
        let found = remarks(&policy, &installation(), &Around::default());
        let bad: Vec<_> = found.iter().filter(|remark| remark.reason == "BadExpression").collect();
        assert_eq!(bad.len(), 2, "{found:#?}");
        assert!(bad[0].message.starts_with("spec.approval.steps[one].when: line 1, column "), "{bad:?}");
    }
    #[test]
    fn i7_what_only_a_cluster_tells_is_told_only_where_it_was_seen() {
        let alone = reasons(json!({}), &Around::default());
        let of_cluster = ["NoNamespaces", GROUP_NEVER_SEEN, "RoleNotFound", "LevelMismatch", "RoleTooLarge"];
        // Of what nobody but the operator knows nothing is said either way.
        let of_operator =
            ["MayNotBind", "FuseRefused", "FusesDoNotBurn", "StaleApprovers", "CleanUpDue", "NobodyWatches"];
        for reason in of_cluster.iter().chain(&of_operator) {
            assert!(!alone.iter().any(|found| found == reason), "{reason}: {alone:?}");
        }
        let missing = |access: &str| RoleSeen { access: access.into(), namespace: String::new(), rules: None };
        let first = policy(json!({})).spec.access[0].name.clone();
        let around = Around {
            namespaces: Some(vec![]),
            groups: Some(BTreeSet::new()),
            roles: vec![missing(&first)],
            ..Around::default()
        };
        let found = reasons(json!({}), &around);
        for reason in ["NoNamespaces", GROUP_NEVER_SEEN, "RoleNotFound"] {
            assert!(found.iter().any(|of| of == reason), "{reason}: {found:?}");
        }
        assert!(!found.iter().any(|of| of_operator.contains(&of.as_str())), "{found:?}");
    }
    #[test]
    fn i7_a_group_is_seen_where_somebody_of_it_asked_decided_or_looks() {
        let text = policy(json!({"owner": {"kind": "Group", "name": "owner"}}));
        let groups = |found: &Around| {
            let found = remarks(&text, &installation(), found);
            found.into_iter().find(|remark| remark.reason == GROUP_NEVER_SEEN).map(|remark| remark.message)
        };
        let named = groups(&Around { groups: Some(BTreeSet::new()), ..Around::default() }).unwrap();
        let all: BTreeSet<String> = named.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert!(all.contains("owner") && all.len() > 2, "{named}");
        assert_eq!(groups(&Around { groups: Some(all.clone()), ..Around::default() }), None);
        let me = UserInfo { groups: Some(vec!["owner".into()]), ..UserInfo::default() };
        let approval = json!({"by": "bob", "step": "owner", "as": {"kind": "Group", "name": "billing-owners"},
            "decision": "Approve", "revision": "1", "at": "2026-11-21T05:00:00Z"});
        let record = grant(json!({"groups": ["support"], "approvals": [approval]})).as_ref().clone();
        let seen = groups_seen(&[], &[record], &me);
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["billing-owners", "owner", "support"]);
    }
}
