//! What is judged: a policy as people write it, and the largest that the schema allows.
use chrono::{DateTime, TimeDelta, Utc};
use curfew::api::grant::AccessGrant;
use curfew::api::policy::AccessPolicy;
use curfew::api::request::{AccessRequest, AccessRequestStatus};
use curfew::decide::edits::Edits;
use curfew::decide::effect::Answer;
use curfew::decide::request::{self, Observed};
use curfew::decide::screening::{Filing, Seen, screen};
use curfew::decide::{Audit, Fuses, Guard, Installation, Now, Plan, Standing, manifest, replay, role};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest `when`: 512 characters, a loop over all that may be asked for, and comparisons of every kind.
const LOOP: &str = "data.all(d, !has(d.tenant) || (d.tenant.matches('^[0-9a-z-]+$') && d.system != 'ledger'))";
const COMPARED: &str = " && duration <= duration('2h') && access.level != 'None' && !request.ticket.startsWith('OPS')";
/// Lists of the policy, and how many entries each may have.
const LISTS: &[(&str, usize)] = &[
    ("/spec/requesters", 32),
    ("/spec/neverFor", 16),
    ("/spec/saferMethods", 16),
    ("/spec/access", 8),
    ("/spec/calendar/holidays", 128),
    ("/spec/evidence/reason/rejectPhrases", 64),
    ("/spec/approval/steps", 9),
    ("/spec/approval/steps/0/approvers", 32),
    ("/spec/approval/steps/0/backups/approvers", 32),
    ("/spec/approval/rules", 16),
    ("/spec/onBehalf/filers", 16),
    ("/spec/onBehalf/satisfies", 9),
];

/// All that a pass reads.
pub struct Case {
    policy: AccessPolicy,
    policies: Vec<Arc<AccessPolicy>>,
    request: AccessRequest,
    namespace: Namespace,
    rules: Vec<PolicyRule>,
    live: Vec<Arc<AccessGrant>>,
    earlier: Vec<Arc<AccessGrant>>,
    pending: Vec<ObjectMeta>,
    installation: Installation,
    standing: Standing,
}
impl Case {
    /// Two steps, one of them under a condition, and a rule.
    pub fn ordinary() -> Self {
        Self::of(ordinary_policy(), ordinary_request(), 4)
    }
    /// Every list, text and expression at its bound.
    pub fn largest_policy() -> Self {
        Self::of(largest_policy(), ordinary_request(), 4)
    }
    /// The same, asked by somebody in 512 groups who fills in everything, decided on by as many as can, with all that
    /// somebody may hold.
    pub fn largest() -> Self {
        Self::of(largest_policy(), largest_request(), 19)
    }

    fn of(policy: Value, request: Value, others: usize) -> Self {
        let installation = installation();
        let text = manifest::policy(&policy.to_string()).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!(replay::faults(&text, &installation), vec![], "something could be granted under it");
        let mut policy = text;
        (policy.metadata.uid, policy.metadata.generation) = (Some("11111111-0000".into()), Some(3));
        let ready = json!({"conditions": [{"type": "Ready", "status": "True", "reason": "Complete", "message": "",
            "observedGeneration": 3, "lastTransitionTime": "2026-11-21T05:00:00Z"}]});
        policy.status = serde_json::from_value(ready).unwrap();
        let rules = (0..12)
            .map(|n| json!({"apiGroups": [""], "resources": [format!("kind{n}")], "verbs": ["get", "list", "watch"]}));
        let namespace = json!({"metadata": {"name": "billing", "labels": labels()}});
        let mut case = Self {
            policies: std::iter::repeat_with(|| Arc::new(policy.clone())).take(50).collect(),
            policy,
            request: serde_json::from_value(request).unwrap(),
            namespace: serde_json::from_value(namespace).unwrap(),
            rules: serde_json::from_value(rules.collect()).unwrap(),
            live: (0..others).map(|n| grant(n, &format!("SUP-{n}"))).collect(),
            earlier: (0..others).map(|n| grant(n, "SUP-1")).collect(),
            pending: (0..others).map(|_| ObjectMeta::default()).collect(),
            installation,
            standing: Standing {
                lease_held: true,
                guard: Guard::Intact { epoch: "2026-11-01T00:00:00Z/e1".into() },
                fuses: Fuses::Burn,
                audit: Audit::Absent,
            },
        };
        case.waits();
        case
    }
    /// Lets the operator look until the request waits for people, as most do most of the time.
    fn waits(&mut self) {
        let people = self.request.status.take().map(|status| status.approvals).unwrap_or_default();
        for _ in 0..4 {
            let mut status = self.pass().status.unwrap_or_else(|| self.request.status.clone().unwrap());
            status.approvals = people.clone();
            self.request.status = Some(status);
        }
        let status = self.request.status.as_ref().unwrap();
        assert_eq!(
            (status.state.as_deref(), status.decisions.len()),
            (Some("Waiting"), people.len()),
            "{:?}",
            status.conditions
        );
        assert_eq!(status.permissions.as_ref().map(|p| p.rules_sha256.clone()), Some(role::digest(&self.rules)));
    }

    pub fn seen(&self) -> Seen<'_> {
        Seen {
            request: &self.request,
            policy: Some(&self.policy),
            edits: &Edits::None,
            missed: &[],
            audit: Audit::Absent,
            policies: &self.policies,
            namespace: Some(&self.namespace),
            rules: Some(&self.rules),
            then_rules: self.request.spec.then.as_ref().map(|_| self.rules.as_slice()),
            live: &self.live,
            earlier: &self.earlier,
            pending: &self.pending,
            installation: &self.installation,
            now: now().wall,
        }
    }
    pub fn filing(&self) -> Filing<'_> {
        screen(&self.seen()).judgement.expect("all that it names is there").filing
    }
    /// What the operator computes between reading and writing.
    pub fn pass(&self) -> Plan<AccessRequestStatus> {
        let seen = self.seen();
        let screening = request::screened(&seen, None, &self.standing);
        let unasked = Observed {
            seen,
            screening: screening.as_ref(),
            grant: None,
            second: None,
            installation: &self.installation,
            standing: &self.standing,
            answers: &[],
            refused: None,
        };
        let answer = |question| Answer { question, yes: false, words: String::new() };
        let answers: Vec<_> = request::questions(&unasked).into_iter().map(answer).collect();
        request::decide(&Observed { answers: &answers, ..unasked }, now())
    }
}

fn now() -> Now {
    let wall: DateTime<Utc> = "2026-12-01T09:05:00Z".parse().unwrap();
    Now { wall, server_ahead: TimeDelta::zero() }
}
fn installation() -> Installation {
    curfew_testbed::chart::installation("bench", "bench")
}
fn labels() -> Value {
    (0..16).map(|n| (format!("curfew.dev/label-{n}"), json!("l".repeat(63)))).collect::<serde_json::Map<_, _>>().into()
}
fn users(prefix: &str, count: usize) -> Value {
    (0..count).map(|n| json!({"kind": "User", "name": format!("{prefix}-{n}-{}", "u".repeat(230))})).collect()
}

fn ordinary_policy() -> Value {
    let group = |name: &str| json!([{"kind": "Group", "name": name}]);
    json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy", "metadata": {"name": "customer-support"}, "spec": {
        "description": "One account, after a real report from a customer.",
        "owner": {"kind": "Group", "name": "platform"},
        "namespaces": {"matchLabels": {"curfew.dev/label-0": "l".repeat(63)}},
        "requesters": [{"kind": "Group", "name": "engineers"}],
        "saferMethods": [{"name": "dashboards"}],
        "access": [{"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}},
            {"name": "restart", "level": "LimitedWrite", "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}],
        "duration": {"default": "30m", "max": "2h"},
        "evidence": {"ticket": {"pattern": "^(SUP|INC)-[0-9]+$", "message": "A support case or an incident."}},
        "limits": {"activePerRequester": 20, "pendingPerRequester": 20, "renewals": 20},
        "approval": {"pendingTimeout": "1h", "steps": [
            {"name": "service-owner", "approvers": group("billing-owners"), "backups": {"after": "15m", "approvers": group("platform-leads")}},
            {"name": "security", "when": "access.level != 'ReadOnly' || duration > duration('30m')", "approvers": group("security")}],
            "rules": [{"name": "freeze", "when": "'freeze' in namespaceObject.metadata.labels", "then": "Deny", "message": "Change freeze."}]}}})
}

/// A `when` of 512 characters that holds, or not; no two are the same.
fn when(number: usize, holds: bool) -> String {
    let end = format!(" && {}(size(requester.groups) >= {})", if holds { "" } else { "!" }, number % 10);
    let mut text = LOOP.to_owned() + COMPARED;
    while text.len() + end.len() + 20 <= 512 {
        text += " && size(data) < 9";
    }
    format!("{text}{end:>0$}", 512 - text.len())
}

fn largest_policy() -> Value {
    let mut policy = ordinary_policy();
    let texts = |count: usize, length: usize| -> Value {
        (0..count)
            .map(|n| {
                json!(format!("{n} {}", "word ".repeat(length / 5)).chars().take(length).collect::<String>().trim_end())
            })
            .collect()
    };
    let step = |n: usize| {
        json!({"name": format!("step-{n}"), "count": 5, "when": when(n, n < 8), "approvers": users(&format!("a{n}"), 32),
        "backups": {"after": "15m", "approvers": users(&format!("b{n}"), 32)}})
    };
    let rule = |n: usize| json!({"name": format!("rule-{n}"), "when": when(n + 10, false), "then": if n.is_multiple_of(2) { "Approve" } else { "Deny" }, "message": "m".repeat(200)});
    let mut requesters = users("r", 31);
    requesters.as_array_mut().unwrap().push(json!({"kind": "Group", "name": "engineers"}));
    let access = |n: usize| json!({"name": format!("{}-{n}", if n == 0 { "logs" } else { "other" }), "level": "Admin", "roleRef": {"kind": "ClusterRole", "name": "r".repeat(253)}});
    let expression = |n: usize| {
        json!({"key": format!("curfew.dev/label-{n}"), "operator": "In",
        "values": (0..31).map(|v| format!("v{v}")).chain(["l".repeat(63)]).collect::<Vec<_>>()})
    };
    let holiday = |n: u64| json!((DateTime::UNIX_EPOCH + chrono::Days::new(20_000 + n)).format("%Y-%m-%d").to_string());
    let spec = json!({
        "description": "d".repeat(1000),
        "namespaces": {"matchLabels": labels(), "matchExpressions": (0..16).map(expression).collect::<Vec<_>>()},
        "requesters": requesters,
        "neverFor": texts(16, 200),
        "saferMethods": (0..16).map(|n| json!({"name": format!("method-{n}-{}", "m".repeat(50)), "url": format!("https://{}", "u".repeat(504)), "note": "n".repeat(200)})).collect::<Vec<_>>(),
        "dataClass": "Regulated",
        "access": (0..8).map(access).collect::<Vec<_>>(),
        "duration": {"default": "30m", "max": "12h", "sameDay": true},
        "calendar": {"timeZone": "Europe/Berlin", "workDays": ["Mon", "Tue", "Wed", "Thu", "Fri"], "workHours": "09:00-18:00", "holidays": (0..128).map(holiday).collect::<Vec<_>>()},
        "evidence": {"ticket": {"pattern": format!("^(SUP|INC|{})-[0-9]{{1,9}}$", (0..39).map(|n| format!("T{n:03}X")).collect::<Vec<_>>().join("|")), "message": "m".repeat(200)},
            "reason": {"minWords": 4, "rejectPhrases": texts(64, 100)}, "require": ["WhyNotSafer", "Data"], "maxRecords": 400},
        "onBehalf": {"filers": (0..16).map(|n| format!("filer-{n}-{}", "f".repeat(240))).collect::<Vec<_>>(), "satisfies": (0..9).map(|n| format!("step-{n}")).collect::<Vec<_>>()},
        "approval": {"pendingTimeout": "1h", "commentMinLength": 200, "steps": (0..9).map(step).collect::<Vec<_>>(), "rules": (0..16).map(rule).collect::<Vec<_>>()},
    });
    policy["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    is_full(&policy);
    policy
}
/// Each list has as many entries as it may: with one more the schema refuses it.
fn is_full(policy: &Value) {
    for (list, most) in LISTS {
        let mut more = policy.clone();
        let entries = more.pointer_mut(list).and_then(Value::as_array_mut).unwrap_or_else(|| panic!("no {list}"));
        assert_eq!(entries.len(), *most, "{list}");
        let another = entries[0].clone();
        entries.push(another);
        let faults = manifest::policy(&more.to_string()).expect_err(list);
        assert!(faults.iter().any(|fault| fault.words.contains("must be at most")), "{list}: {faults:?}");
    }
}

fn ordinary_request() -> Value {
    let groups: Vec<_> =
        (0..20).map(|n| format!("group-{n}")).chain(["engineers".into(), "system:authenticated".into()]).collect();
    json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1, "creationTimestamp": "2026-12-01T09:00:00Z"},
        "spec": {"policy": "customer-support", "reason": "Check why invoice totals changed for customer account 4812.", "ticket": "SUP-4812",
            "duration": "20m", "whyNotSafer": "The billing board shows totals only, not single invoices.",
            "legalBasis": {"type": "CustomerConsent", "ref": "SUP-4812"},
            "data": [{"system": "billing-db", "kind": "invoice", "tenant": "4812", "records": ["99017"], "fields": ["total"]}],
            "requester": {"username": "alice", "groups": groups}}})
}
/// So many characters of words that all say something.
fn words(length: usize) -> String {
    let mut text: String = (0..length / 5).map(|n| format!("invoice{n} ")).collect();
    text.truncate(length);
    text.trim_end().to_owned()
}
fn largest_request() -> Value {
    let mut request = ordinary_request();
    let groups: Vec<_> =
        (0..511).map(|n| format!("group-{n}-{}", "g".repeat(240))).chain(["engineers".into()]).collect();
    let texts = |count: usize| (0..count).map(|n| format!("{n}-{}", "t".repeat(60))).collect::<Vec<_>>();
    let data = |n: usize| json!({"system": format!("system-{n}"), "kind": "k".repeat(63), "tenant": "4".repeat(64), "records": texts(50), "fields": texts(32)});
    let spec = json!({
        "reason": words(500), "whyNotSafer": words(500), "whyNotLower": words(500),
        "plan": (0..16).map(|_| words(200)).collect::<Vec<_>>(),
        "data": (0..8).map(data).collect::<Vec<_>>(),
        "attachments": (0..8).map(|n| json!({"url": format!("https://{n}{}", "u".repeat(500)), "sha256": "0".repeat(64), "kind": "Screenshot"})).collect::<Vec<_>>(),
        "then": {"access": "other-7", "duration": "10m"},
        "requester": {"username": "alice", "groups": groups},
    });
    request["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let decided = |n: usize| {
        let by = format!("a0-{n}-{}", "u".repeat(230));
        json!({"by": by, "as": by, "step": "step-0", "decision": "Approve", "revision": "7f3a2c1b-1", "comment": words(500)})
    };
    request["status"] = json!({"approvals": (0..32).map(decided).collect::<Vec<_>>()});
    request
}
fn grant(number: usize, ticket: &str) -> Arc<AccessGrant> {
    let grant = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": format!("other-{number}"), "uid": format!("other-{number}"), "creationTimestamp": "2026-11-20T09:00:00Z"},
        "spec": {"request": {"namespace": "billing", "name": format!("other-{number}"), "uid": format!("other-{number}"), "generation": 1},
            "policy": {"name": "customer-support", "uid": "1", "generation": 1, "description": "", "retentionDays": 400}, "outcome": "Approved",
            "user": "alice", "groups": [], "entitledBy": {"kind": "Group", "name": "engineers"}, "namespace": "billing", "access": "logs", "level": "ReadOnly",
            "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [], "rulesSha256": "", "ticket": ticket, "reason": "r", "askedFor": "30m",
            "notBefore": "2026-12-01T09:00:00Z", "expiresAt": "2026-12-01T09:30:00Z"}});
    Arc::new(serde_json::from_value(grant).unwrap())
}
