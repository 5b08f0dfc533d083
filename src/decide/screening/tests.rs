use super::*;
use kube::ResourceExt;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Why something above the first access is needed.
const WHY_NOT_LOWER: &str = "The worker hangs, and only a restart frees its queue.";

/// What the tests of this layer take as installed.
pub(crate) fn installation() -> Installation {
    Installation {
        max_duration: TimeDelta::hours(12),
        shared_accounts: vec!["ops-shared".into()],
        calendar: Default::default(),
        fuse_image: "registry.example.com/pause:1".into(),
        grants_per_namespace: 100,
        stop_without_fuse_test: true,
        operator: "system:serviceaccount:curfew:curfew".into(),
        sweeper: "system:serviceaccount:curfew:curfew-sweep".into(),
        home: "curfew".into(),
        pod: "curfew-0".into(),
        lease: "curfew".into(),
        cluster_name: String::new(),
        export: None,
        audit_source: None,
        calls_per_minute: 300,
        notify: None,
    }
}

/// A policy that grants, with these parts of its spec replaced.
pub(crate) fn policy(changes: Value) -> AccessPolicy {
    let mut spec = json!({
        "description": "A customer reported a problem that nothing else can explain.",
        "owner": {"kind": "Group", "name": "billing-owners"},
        "namespaces": {"matchLabels": {"curfew.dev/zone": "production"}},
        "requesters": [{"kind": "Group", "name": "support"}],
        "saferMethods": [{"name": "dashboards", "url": "https://dashboards.example.com"}],
        "access": [
            {"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}},
            {"name": "restart", "level": "LimitedWrite", "maxDuration": "30m",
             "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}],
        "duration": {"default": "30m", "max": "2h"},
        "evidence": {"ticket": {"pattern": "^(SUP|INC)-[0-9]+$", "message": "A support case or an incident.",
                                "url": "https://tracker.example.com/{ticket}"}, "require": []},
        "approval": {"steps": [{"name": "service-owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]}]},
    });
    merge(&mut spec, changes);
    serde_json::from_value(json!({
        "apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy",
        "metadata": {"name": "customer-support", "uid": "11111111-0000", "generation": 3},
        "spec": spec,
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Complete", "message": "",
                                   "observedGeneration": 3, "lastTransitionTime": "2026-11-21T05:00:00Z"}]},
    }))
    .unwrap()
}

fn merge(into: &mut Value, changes: Value) {
    let (Value::Object(into), Value::Object(changes)) = (into, changes) else { unreachable!("specs are objects") };
    into.extend(changes);
}

/// A policy with a lane for emergencies, with these parts of that replaced.
pub(crate) fn with_lane(changes: Value) -> AccessPolicy {
    let mut lane = json!({"access": ["logs", "restart"], "ticket": {"pattern": "^INC-[0-9]+$", "message": "An incident."},
        "approvers": [{"kind": "Group", "name": "incident-managers"}],
        "backups": {"approvers": [{"kind": "Group", "name": "platform-leads"}]},
        "review": {"reviewers": [{"kind": "Group", "name": "security"}]}});
    merge(&mut lane, changes);
    let ticket = json!({"pattern": "^(SUP|INC)-[0-9]+$", "message": "A support case or an incident."});
    policy(json!({"emergency": lane, "dataClass": "Personal", "access": [
            {"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}},
            {"name": "restart", "level": "LimitedWrite", "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}],
        "duration": {"default": "30m", "max": "8h", "sameDay": true},
        "evidence": {"ticket": ticket, "require": ["WhyNotSafer", "Data", "Tenant", "Plan", "Attachments", "WhyNotLower"]},
        "approval": {"steps": [{"name": "service-owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]}],
            "rules": [{"name": "yes", "when": "true", "then": "Approve", "message": "m"}]}}))
}
pub(crate) fn crisis(impact: &str) -> Value {
    json!({"harm": "CustomerHarm", "impact": impact})
}
/// The same, by somebody who would go on alone.
pub(crate) fn alone(why: &str) -> Value {
    json!({"harm": "CustomerHarm", "impact": "No customer can pay since 02:40.", "whySelf": why})
}

fn request(changes: Value) -> AccessRequest {
    let mut spec = json!({
        "policy": "customer-support",
        "reason": "Check why invoice totals changed for customer account 4812.",
        "ticket": "SUP-4812",
        "requester": {"username": "alice", "groups": ["support", "system:authenticated"]},
    });
    merge(&mut spec, changes);
    serde_json::from_value(json!({
        "apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1},
        "spec": spec,
    }))
    .unwrap()
}

/// One record of one customer.
/// What a request under the first access asks for, of the first who may ask, for 30 minutes; seen long ago.
pub(crate) fn filing<'a>(
    request: &'a AccessRequest,
    policy: &'a AccessPolicy,
    namespace: &'a Namespace,
    installation: &'a Installation,
) -> Filing<'a> {
    Filing {
        request,
        policy,
        access: &policy.spec.access[0],
        namespace,
        rules: &[],
        entitled_by: &policy.spec.requesters[0],
        duration: TimeDelta::minutes(30),
        renews: None,
        then: None,
        installation,
        now: DateTime::UNIX_EPOCH,
    }
}
pub(crate) fn data(tenant: &str) -> Value {
    json!({"system": "billing-db", "kind": "invoice", "tenant": tenant, "records": ["99017"], "fields": ["total"]})
}
fn records(count: usize) -> Value {
    json!({"system": "billing-db", "records": (0..count).map(|n| n.to_string()).collect::<Vec<_>>()})
}

pub(crate) fn grant(changes: Value) -> Arc<AccessGrant> {
    let mut spec = json!({
        "request": {"namespace": "billing", "name": "other", "uid": "2", "generation": 1},
        "policy": {"name": "customer-support", "uid": "1", "generation": 1, "description": "", "retentionDays": 400},
        "outcome": "Approved", "user": "alice", "entitledBy": {"kind": "Group", "name": "support"},
        "namespace": "billing", "access": "logs", "level": "ReadOnly",
        "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [], "rulesSha256": "",
        "ticket": "SUP-1", "reason": "r", "askedFor": "30m",
        "notBefore": "2026-11-21T05:00:00Z", "expiresAt": "2026-11-21T05:35:00Z",
    });
    merge(&mut spec, changes);
    let grant = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
                       "metadata": {"name": "billing.other.2"}, "spec": spec});
    Arc::new(serde_json::from_value(grant).unwrap())
}

/// Everything that is read for a request; each row of the tables changes a little of it.
pub(crate) struct World {
    pub(crate) request: AccessRequest,
    pub(crate) policy: Option<AccessPolicy>,
    edits: Edits,
    policies: Vec<Arc<AccessPolicy>>,
    namespace: Option<Namespace>,
    pub(crate) rules: Option<Vec<PolicyRule>>,
    pub(crate) then_rules: Option<Vec<PolicyRule>>,
    pub(crate) live: Vec<Arc<AccessGrant>>,
    pub(crate) earlier: Vec<Arc<AccessGrant>>,
    pending: Vec<ObjectMeta>,
    pub(crate) missed: Vec<Missed>,
    audit: Audit,
    installation: Installation,
    now: DateTime<Utc>,
}
impl World {
    fn new() -> Self {
        let namespace = json!({"metadata": {"name": "billing", "labels": {"curfew.dev/zone": "production"}}});
        let rules = json!([{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}]);
        Self {
            request: request(json!({})),
            policy: Some(policy(json!({}))),
            edits: Edits::None,
            policies: vec![Arc::new(policy(json!({})))],
            namespace: Some(serde_json::from_value(namespace).unwrap()),
            rules: Some(serde_json::from_value(rules).unwrap()),
            then_rules: None,
            live: vec![],
            earlier: vec![],
            pending: vec![],
            missed: vec![],
            audit: Audit::Absent,
            installation: installation(),
            now: "2026-11-21T05:00:00Z".parse().unwrap(),
        }
    }
    pub(crate) fn asks(changes: Value) -> Self {
        Self { request: request(changes), ..Self::new() }
    }
    /// Asks in an emergency, under a policy whose lane is so, and which asks the routine lane for all evidence.
    pub(crate) fn in_lane(lane_: Value, changes: Value) -> Self {
        let mut asks = json!({"ticket": "INC-1842", "emergency": crisis("No customer can pay since 02:40.")});
        merge(&mut asks, changes);
        let mut world = Self::asks(asks);
        world.policy = Some(lane::applied(&with_lane(lane_), &world.request).into_owned());
        world
    }
    fn under(changes: Value) -> Self {
        Self { policy: Some(policy(changes)), ..Self::new() }
    }
    /// Under a policy that asks for this evidence.
    fn demands(require: Value) -> Self {
        let ticket = json!({"pattern": "^SUP-[0-9]+$", "message": "A support case."});
        Self::under(json!({"evidence": {"ticket": ticket, "require": require}}))
    }
    pub(crate) fn seen(&self) -> Seen<'_> {
        Seen {
            now: self.now,
            request: &self.request,
            policy: self.policy.as_ref(),
            edits: &self.edits,
            policies: &self.policies,
            namespace: self.namespace.as_ref(),
            rules: self.rules.as_deref(),
            then_rules: self.then_rules.as_deref(),
            live: &self.live,
            earlier: &self.earlier,
            pending: &self.pending,
            missed: &self.missed,
            audit: self.audit,
            installation: &self.installation,
        }
    }
    pub(crate) fn codes(&self) -> Vec<String> {
        screen(&self.seen()).checks.into_iter().filter_map(|check| check.code).collect()
    }
}

/// A request that is undecided, filed in the same second: names tell the order.
fn filed_before(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        namespace: Some("billing".into()),
        uid: Some(name.into()),
        ..ObjectMeta::default()
    }
}
/// A close-out under this policy that alice missed.
pub(crate) fn missed(policy: &str) -> Missed {
    let at = |time: &str| Instant::new(time.parse().unwrap());
    Missed {
        user: "alice".into(),
        grant: "billing.sup-7.12345678".into(),
        policy: policy.into(),
        ticket: "SUP-7".into(),
        duty: crate::api::duty::Duty::CloseOut,
        due: at("2026-11-20T05:00:00Z"),
        since: at("2026-11-20T05:00:01Z"),
        reviewers: vec![Subject { kind: SubjectKind::Group, name: "platform-security".into() }],
        command: Some("kubectl patch accessgrant billing.sup-7.12345678 …".into()),
    }
}
/// Asks for a second access, whose role allows this.
pub(crate) fn then(access: &str, duration: Option<&str>, rules: Option<Vec<PolicyRule>>) -> World {
    let mut then = json!({"access": access});
    if let Some(duration) = duration {
        then["duration"] = json!(duration);
    }
    let why = "The worker hangs, and only a restart frees its queue.";
    World { then_rules: rules, ..World::asks(json!({"then": then, "whyNotLower": why})) }
}
fn wildcard() -> Vec<PolicyRule> {
    serde_json::from_value(json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])).unwrap()
}
/// What a renewal of this request says.
pub(crate) fn renewal_of(request: &str) -> Value {
    json!({"renewal": {"of": request, "whatChanged": "Invoice totals of May match the ledger, totals of June differ.",
        "whatRemains": "Compare June invoices with ledger entries of account 4812.",
        "whyNotEnough": "Reading logs of May took half an hour, as the service restarts hourly."}})
}
/// Somebody who has access for the ticket, by request `other`, and asks.
pub(crate) fn had(grant_: Value, changes: Value) -> World {
    let mut before = json!({"ticket": "SUP-4812"});
    merge(&mut before, grant_);
    World { earlier: vec![grant(before)], ..World::asks(changes) }
}

fn without_status(mut policy: AccessPolicy) -> AccessPolicy {
    policy.status = None;
    policy
}

/// 23:40 in Berlin.
fn evening() -> DateTime<Utc> {
    "2026-11-21T22:40:00Z".parse().unwrap()
}
/// A policy whose access ends with the day.
fn same_day() -> AccessPolicy {
    policy(
        json!({"duration": {"default": "30m", "max": "2h", "sameDay": true}, "calendar": {"timeZone": "Europe/Berlin"}}),
    )
}
/// A request that was filed then, seen in the evening.
fn filed(at: &str, changes: Value) -> World {
    let mut world = World { now: evening(), ..World::asks(changes) };
    world.request.metadata.creation_timestamp = Some(at.parse::<DateTime<Utc>>().map(Instant::new).unwrap().into());
    world
}
const DEPLOYER: &str = "system:serviceaccount:flux-system:kustomize-controller";
/// For alice, by a change that frank wrote.
fn by_a_filer() -> World {
    World::asks(
        json!({"filedBy": DEPLOYER, "requester": {"username": "alice"}, "startDeadline": "2026-12-01T12:00:00Z",
        "attestation": {"change": "https://git.example.com/1", "author": "frank", "reviewers": ["bob"]}}),
    )
}

/// A sentence led by the requirement, a request that is not as it says, and the one code that names it.
fn refused() -> Vec<(&'static str, World, Code)> {
    let not_ready = |status: Value| {
        let mut policy = policy(json!({}));
        policy.status = Some(serde_json::from_value(status).unwrap());
        World { policy: Some(policy), ..World::new() }
    };
    let condition = |truth: &str, generation: i64| {
        json!({"conditions": [{"type": "Ready", "status": truth, "reason": "MayNotBind", "message": "name it",
                              "observedGeneration": generation, "lastTransitionTime": "2026-11-21T05:00:00Z"}]})
    };
    let user = |name: &str| json!([{"kind": "User", "name": name}]);
    vec![
        (
            "H2 a policy without a lane for it",
            World::asks(json!({"emergency": crisis("No customer can pay since 02:40.")})),
            Code::NotAnEmergency,
        ),
        (
            "H2 haste is no emergency",
            World::in_lane(json!({}), json!({"emergency": crisis("I need to debug faster")})),
            Code::NotAnEmergency,
        ),
        (
            "H4 not offered in an emergency",
            World::in_lane(json!({"access": ["restart"]}), json!({})),
            Code::AccessNotOffered,
        ),
        (
            "H9 more than reading, and not why",
            World::in_lane(json!({}), json!({"access": "restart"})),
            Code::MissingEvidence,
        ),
        (
            "H11 going on alone where nobody does",
            World::in_lane(json!({}), json!({"emergency": alone("Everybody else of the rota is on a plane.")})),
            Code::NotAlone,
        ),
        (
            "H11 going on alone, and not why",
            World::in_lane(json!({"selfApprovalAfter": "5m"}), json!({"emergency": alone("just in case")})),
            Code::VagueReason,
        ),
        (
            "H10 what begins at once has one access",
            World {
                then_rules: Some(vec![]),
                ..World::in_lane(
                    json!({"grant": "AtOnce"}),
                    json!({"then": {"access": "restart"}, "whyNotLower": "The worker hangs, and only a restart frees its queue."}),
                )
            },
            Code::AccessNotOffered,
        ),
        ("H5 no incident", World::in_lane(json!({}), json!({"ticket": "SUP-4812"})), Code::TicketInvalid),
        (
            "H3 who may not ask in an emergency",
            World::in_lane(json!({"requesters": [{"kind": "Group", "name": "on-call"}]}), json!({})),
            Code::NotEligible,
        ),
        ("H8 longer than two hours", World::in_lane(json!({}), json!({"duration": "2h1m"})), Code::DurationTooLong),
        (
            "H8 longer than the lane allows",
            World::in_lane(json!({"duration": {"default": "15m", "max": "30m"}}), json!({"duration": "31m"})),
            Code::DurationTooLong,
        ),
        (
            "A3 a case that fits no policy",
            World { policy: None, ..World::asks(json!({"policy": "curiosity"})) },
            Code::PolicyNotFound,
        ),
        ("A16 a policy that lacks something", not_ready(condition("False", 3)), Code::PolicyNotReady),
        ("A16 a policy that was changed just then", not_ready(condition("True", 2)), Code::PolicyNotReady),
        (
            "A16 a policy that nobody has examined",
            World { policy: Some(without_status(policy(json!({})))), ..World::new() },
            Code::PolicyNotReady,
        ),
        (
            "A3 a namespace that the policy does not cover",
            World {
                namespace: Some(serde_json::from_value(json!({"metadata": {"name": "billing"}})).unwrap()),
                ..World::new()
            },
            Code::NamespaceNotCovered,
        ),
        (
            "A3 a namespace that an expression leaves out",
            World::under(json!({"namespaces": {"matchExpressions": [
                {"key": "curfew.dev/zone", "operator": "NotIn", "values": ["production"]}]}})),
            Code::NamespaceNotCovered,
        ),
        ("A11 an empty selector covers nothing", World::under(json!({"namespaces": {}})), Code::NamespaceNotCovered),
        (
            "F6 a service account asks",
            World {
                policy: Some(policy(json!({"requesters": [{"kind": "Group", "name": "bots"}]}))),
                ..World::asks(
                    json!({"requester": {"username": "system:serviceaccount:ci:deployer", "groups": ["bots"]}}),
                )
            },
            Code::NotAPerson,
        ),
        (
            "F6 a shared account asks",
            World::asks(json!({"requester": {"username": "ops-shared", "groups": ["support"]}})),
            Code::SharedAccount,
        ),
        (
            "A1 somebody whom the policy does not name",
            World::asks(json!({"requester": {"username": "eve"}})),
            Code::NotEligible,
        ),
        ("A1 a user of a group's name", World::asks(json!({"requester": {"username": "support"}})), Code::NotEligible),
        (
            "A1 everybody who can log in",
            World::under(json!({"requesters": [{"kind": "Group", "name": "system:authenticated"}]})),
            Code::NotEligible,
        ),
        (
            "F8 somebody files for her whom the policy does not name",
            World { policy: Some(policy(json!({"requesters": [{"kind": "User", "name": "alice"}]}))), ..by_a_filer() },
            Code::FilerNotListed,
        ),
        (
            "F8 somebody files for her who is in a group alone",
            World { policy: Some(policy(json!({"onBehalf": {"filers": [DEPLOYER]}}))), ..by_a_filer() },
            Code::NotEligible,
        ),
        (
            "F8 whoever filed it claims her groups",
            World {
                policy: Some(policy(json!({"onBehalf": {"filers": [DEPLOYER]}}))),
                ..World::asks(json!({"filedBy": DEPLOYER, "requester": {"username": "alice", "groups": ["support"]}}))
            },
            Code::NotEligible,
        ),
        (
            "L11 a step that only the author of the change could meet",
            World {
                policy: Some(policy(json!({
                    "onBehalf": {"filers": [DEPLOYER]}, "requesters": [{"kind": "User", "name": "alice"}],
                    "approval": {"steps": [{"name": "owner", "approvers": [
                        {"kind": "User", "name": "frank"}, {"kind": "User", "name": DEPLOYER}]}]}}))),
                ..by_a_filer()
            },
            Code::NoApprover,
        ),
        ("F4 an access that is not offered", World::asks(json!({"access": "admin"})), Code::AccessNotOffered),
        ("F4 a role that is gone", World { rules: None, ..World::new() }, Code::PolicyNotReady),
        (
            "B14 a role that gives more than it did",
            World {
                rules: Some(
                    serde_json::from_value(json!([{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}]))
                        .unwrap(),
                ),
                ..World::new()
            },
            Code::PolicyNotReady,
        ),
        (
            "F11 the cluster's own administrator",
            World::under(json!({"access": [{"name": "all", "level": "Admin",
                                            "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}]})),
            Code::PolicyNotReady,
        ),
        ("B2 a ticket of another form", World::asks(json!({"ticket": "JIRA-1"})), Code::TicketInvalid),
        ("B2 a ticket with something behind it", World::asks(json!({"ticket": "SUP-1 or so"})), Code::TicketInvalid),
        (
            "A16 a pattern that cannot be read",
            World::under(json!({"evidence": {"ticket": {"pattern": "^($", "message": "m"}, "require": []}})),
            Code::PolicyNotReady,
        ),
        ("B20 a vague reason", World::asks(json!({"reason": "Need access to investigate"})), Code::VagueReason),
        (
            "B20 a phrase of the policy's own",
            World::under(json!({"evidence": {
                "ticket": {"pattern": "^SUP-[0-9]+$", "message": "m"}, "require": [],
                "reason": {"rejectPhrases": ["customer account", "invoice totals"]}}})),
            Code::VagueReason,
        ),
        (
            "B9 an answer that says nothing",
            World::asks(json!({"whyNotSafer": "Because it is faster, please."})),
            Code::VagueReason,
        ),
        ("B9 no word on safer methods", World::demands(json!(["WhyNotSafer"])), Code::MissingEvidence),
        ("B6 no word on which data", World::demands(json!(["Data"])), Code::MissingEvidence),
        (
            "B7 data of nobody in particular",
            World {
                request: request(json!({"data": [data("4812"), {"system": "crm", "fields": ["plan"]}]})),
                ..World::demands(json!(["Tenant"]))
            },
            Code::MissingEvidence,
        ),
        ("B11 no word on what will be done", World::demands(json!(["Plan"])), Code::MissingEvidence),
        ("B24 no proof", World::demands(json!(["Attachments"])), Code::MissingEvidence),
        (
            "B10 no word on why reading will not do, although the policy does not list it",
            World { rules: Some(vec![]), ..World::asks(json!({"access": "restart"})) },
            Code::MissingEvidence,
        ),
        ("B10 the policy asks for it at every level", World::demands(json!(["WhyNotLower"])), Code::MissingEvidence),
        ("B8 personal data without a basis", World::under(json!({"dataClass": "Personal"})), Code::MissingEvidence),
        ("B8 regulated data without a basis", World::under(json!({"dataClass": "Regulated"})), Code::MissingEvidence),
        ("B8 the policy asks for a basis", World::demands(json!(["LegalBasis"])), Code::MissingEvidence),
        (
            "B18 a whole system",
            World { request: request(json!({"data": [{"system": "billing-db"}]})), ..World::demands(json!(["Data"])) },
            Code::ScopeTooBroad,
        ),
        (
            "B18 one system by its records, and another as a whole",
            World {
                request: request(json!({"data": [data("4812"), {"system": "crm", "tenant": "4812"}]})),
                ..World::demands(json!(["Data"]))
            },
            Code::ScopeTooBroad,
        ),
        (
            "B18 more records than the policy allows, over all systems",
            World::asks(json!({"data": [records(11), records(10)]})),
            Code::ScopeTooBroad,
        ),
        ("B13 more than the policy's maximum", World::asks(json!({"duration": "2h1s"})), Code::DurationTooLong),
        (
            "E16 more than the access's maximum",
            World {
                rules: Some(vec![]),
                ..World::asks(json!({"access": "restart", "duration": "31m", "whyNotLower": WHY_NOT_LOWER}))
            },
            Code::DurationTooLong,
        ),
        (
            "E15 more than the installation's maximum",
            World {
                installation: Installation { max_duration: TimeDelta::minutes(20), ..installation() },
                ..World::new()
            },
            Code::DurationTooLong,
        ),
        (
            "E4 an hour, with twenty minutes left of the day",
            World { now: evening(), policy: Some(same_day()), ..World::asks(json!({"duration": "1h"})) },
            Code::DurationTooLong,
        ),
        (
            "E4 planned work that would go beyond its day",
            World {
                policy: Some(same_day()),
                ..World::asks(json!({"duration": "1h", "startTime": "2026-11-23T22:30:00Z"}))
            },
            Code::DurationTooLong,
        ),
        ("B12 a start in the past", World::asks(json!({"startTime": "2026-11-21T04:54:59Z"})), Code::StartPassed),
        (
            "E25 a deadline in the past",
            World::asks(json!({"startDeadline": "2026-11-21T05:00:00Z"})),
            Code::StartPassed,
        ),
        ("B12 a start next year", World::asks(json!({"startTime": "2026-12-21T05:00:01Z"})), Code::StartTooFar),
        ("E25 a deadline next year", World::asks(json!({"startDeadline": "2026-12-21T05:00:01Z"})), Code::StartTooFar),
        (
            "A15 a policy whose texts cannot both be held to",
            World { edits: Edits::Apart("spec.access has another order".into()), ..World::new() },
            Code::PolicyEdited,
        ),
        (
            "D9 a step that lists the requester alone",
            World::under(json!({"approval": {"steps": [{"name": "owner", "approvers": user("alice")}]}})),
            Code::NoApprover,
        ),
        (
            "D15 a later step that lists the requester alone",
            World::under(json!({"approval": {"steps": [
                {"name": "owner", "approvers": user("bob")}, {"name": "lead", "approvers": user("alice")}]}})),
            Code::NoApprover,
        ),
        (
            "D16 a step that lists the requester alone, and as the backup",
            World::under(json!({"approval": {"steps": [
                {"name": "owner", "approvers": user("alice"), "backups": {"approvers": user("alice")}}]}})),
            Code::NoApprover,
        ),
        (
            "D15 a step that is needed by its condition, and lists the requester alone",
            World::under(json!({"approval": {"steps": [
                {"name": "owner", "approvers": user("bob")}, {"name": "lead", "when": "access.level == 'ReadOnly'", "approvers": user("alice")}]}})),
            Code::NoApprover,
        ),
        (
            "D15 no step is needed, and no rule agrees",
            World::under(
                json!({"approval": {"steps": [{"name": "owner", "when": "access.level == 'Admin'", "approvers": user("bob")}],
                "rules": [{"name": "long", "when": "duration > duration('1h')", "then": "Approve", "message": "m"}]}}),
            ),
            Code::NoApprover,
        ),
        ("A16 a policy without a step", World::under(json!({"approval": {}})), Code::PolicyNotReady),
        (
            "H12 a duty under this policy that was missed",
            World { missed: vec![missed("customer-support")], ..World::new() },
            Code::DutyOverdue,
        ),
        ("C6 another live ticket", World { live: vec![grant(json!({}))], ..World::new() }, Code::LimitReached),
        (
            "C6 another ticket that is planned for the same time",
            World {
                live: vec![grant(json!({"notBefore": "2026-11-21T05:29:00Z", "expiresAt": "2026-11-21T06:00:00Z"}))],
                ..World::new()
            },
            Code::LimitReached,
        ),
        (
            "C6 three undecided requests before it",
            World { pending: ["a", "b", "c"].map(filed_before).into(), ..World::new() },
            Code::LimitReached,
        ),
        ("B23 a second access that is not offered", then("admin", None, Some(vec![])), Code::AccessNotOffered),
        ("B23 the first access once more", then("logs", None, Some(vec![])), Code::AccessNotOffered),
        ("B23 a second role that is gone", then("restart", None, None), Code::PolicyNotReady),
        (
            "B23 a second role that gives more than its level",
            then("restart", None, Some(wildcard())),
            Code::PolicyNotReady,
        ),
        (
            "B23 more time than the second access allows",
            then("restart", Some("31m"), Some(vec![])),
            Code::DurationTooLong,
        ),
        ("E19 more of what is live", had(json!({}), json!({})), Code::RenewalRequired),
        ("E19 a renewal of nothing", World::asks(renewal_of("sup-1")), Code::RenewalRequired),
        ("E21 a renewal for another ticket", had(json!({"ticket": "SUP-1"}), renewal_of("other")), Code::RenewalWidens),
        (
            "E20 answers that say nothing",
            had(
                json!({}),
                json!({"renewal": {"of": "other", "whatChanged": "Just in case", "whatRemains": "more",
                "whyNotEnough": "Need more time to investigate"}}),
            ),
            Code::VagueReason,
        ),
        (
            "E22 a third renewal",
            had(
                json!({"renewal": {"of": "first", "grant": "g", "depth": 2, "whatChanged": "", "whatRemains": "", "whyNotEnough": ""}}),
                renewal_of("other"),
            ),
            Code::LimitReached,
        ),
    ]
}

/// A sentence, and a request that is complete.
fn complete() -> Vec<(&'static str, World)> {
    let other_policy =
        json!({"name": "incident", "uid": "9", "generation": 1, "description": "", "retentionDays": 400});
    let lists_alice = json!({"requesters": [{"kind": "User", "name": "alice"}]});
    let two = json!({"approval": {"steps": [{"name": "owner", "approvers": [
        {"kind": "User", "name": "alice"}, {"kind": "User", "name": "bob"}]}]}});
    let world = |live: Value| World { live: vec![grant(live)], ..World::new() };
    vec![
        ("B22 two things to type are enough", World::new()),
        (
            "B6 one record of one customer",
            World { request: request(json!({"data": [data("4812")]})), ..World::demands(json!(["Data", "Tenant"])) },
        ),
        (
            "B18 two fields of all records are narrower than the table",
            World {
                request: request(json!({"data": [{"system": "crm", "fields": ["plan", "since"]}]})),
                ..World::demands(json!(["Data"]))
            },
        ),
        ("B18 exactly as many records as the policy allows", World::asks(json!({"data": [records(12), records(8)]}))),
        ("B8 internal data needs no basis", World::under(json!({"dataClass": "Internal"}))),
        (
            "B8 personal data with its basis",
            World {
                request: request(json!({"legalBasis": {"type": "CustomerConsent", "ref": "SUP-4812"}})),
                ..World::under(json!({"dataClass": "Personal"}))
            },
        ),
        (
            "B10 a restart, and why reading will not do",
            World { rules: Some(vec![]), ..World::asks(json!({"access": "restart", "whyNotLower": WHY_NOT_LOWER})) },
        ),
        ("E17 any value up to the maximum", World::asks(json!({"duration": "20m"}))),
        ("E16 exactly the maximum", World::asks(json!({"duration": "2h"}))),
        (
            "E4 the default is shortened, not refused",
            World { now: evening(), policy: Some(same_day()), ..World::new() },
        ),
        (
            "E4 who asks for what is left may take a while to type it",
            World { now: evening(), policy: Some(same_day()), ..World::asks(json!({"duration": "25m"})) },
        ),
        (
            "E4 who asked when there was time is not refused while people decide",
            World { policy: Some(same_day()), ..filed("2026-11-21T20:00:00Z", json!({"duration": "1h"})) },
        ),
        ("B12 planned work", World::asks(json!({"startTime": "2026-11-23T09:00:00Z"}))),
        ("B12 a start that was just now", World::asks(json!({"startTime": "2026-11-21T04:55:00Z"}))),
        ("B12 thirty days ahead", World::asks(json!({"startTime": "2026-12-21T05:00:00Z"}))),
        ("E25 a deadline in thirty days", World::asks(json!({"startDeadline": "2026-12-21T05:00:00Z"}))),
        ("A15 a policy that was edited since", World { edits: Edits::Both(2), ..World::new() }),
        (
            "E25 a start that has come while people decide",
            filed("2026-11-20T05:00:00Z", json!({"startTime": "2026-11-20T09:00:00Z"})),
        ),
        (
            "C6 access that is planned for another day",
            world(json!({
            "notBefore": "2026-11-22T05:00:00Z", "expiresAt": "2026-11-22T06:00:00Z"})),
        ),
        (
            "C6 work that is planned for when other access has ended",
            World { live: vec![grant(json!({}))], ..World::asks(json!({"startTime": "2026-11-21T05:35:00Z"})) },
        ),
        (
            "A1 a person named as a user",
            World { policy: Some(policy(lists_alice)), ..World::asks(json!({"requester": {"username": "alice"}})) },
        ),
        (
            "F8 a filer whom the policy names, for a User whom it names",
            World {
                policy: Some(policy(json!({
                    "onBehalf": {"filers": [DEPLOYER]}, "requesters": [{"kind": "User", "name": "alice"}]}))),
                ..by_a_filer()
            },
        ),
        ("D16 a step that lists the requester and somebody else", World::under(two)),
        ("C6 more access for the same ticket", world(json!({"ticket": "SUP-4812"}))),
        (
            "C6 three undecided requests, one of them later",
            World { pending: vec![filed_before("a"), filed_before("b"), filed_before("z")], ..World::new() },
        ),
        ("E19 a renewal of what is live", had(json!({}), renewal_of("other"))),
        ("B23 a second access within its time", then("restart", Some("30m"), Some(vec![]))),
        (
            "H12 a duty under another policy that was missed",
            World { missed: vec![missed("incident-response")], ..World::new() },
        ),
        ("C6 live access under another policy", world(json!({"policy": other_policy}))),
        (
            "C6 a policy that allows two tickets",
            World { policy: Some(policy(json!({"limits": {"activePerRequester": 2}}))), ..world(json!({})) },
        ),
    ]
}

#[test]
fn b17_each_gap_has_its_code_and_no_other() {
    for (sentence, world, code) in refused() {
        let code_: &str = code.into();
        assert_eq!(world.codes(), [code_], "{sentence}");
        let seen = world.seen();
        let screening = screen(&seen);
        let expected = if code.is_fixable() { Screened::Incomplete } else { Screened::Refused };
        assert_eq!(screening.screened, expected, "{sentence}");
        assert!(screening.message.contains(code_), "{sentence}: {}", screening.message);
    }
}

#[test]
fn h12_who_owes_something_is_told_what_where_and_how_and_those_who_decide_read_of_the_rest() {
    let find = |world: World| screen(&world.seen()).checks.into_iter().find(|c| c.name == "DutiesDone").unwrap();
    let check = find(World { missed: vec![missed("customer-support")], ..World::new() });
    assert_eq!(
        check.message,
        "you owe the close-out of billing.sup-7.12345678 (SUP-7), due at 2026-11-20T05:00:00Z. Do it, or ask one of Group \
         platform-security to waive it, with status.duties.waiver; this is screened again once it is done. To do it: kubectl \
         patch accessgrant billing.sup-7.12345678 …"
    );
    let world = World { missed: vec![missed("incident-response")], ..World::new() };
    assert!(screen(&world.seen()).notes.iter().any(|note| note.contains("overdue under other policies")));
    let long = Missed { command: Some("x".repeat(801)), ..missed("customer-support") };
    let check = find(World { missed: vec![long], ..World::new() });
    assert!(check.message.contains("kubectl get accessgrant billing.sup-7.12345678 -o jsonpath="), "{}", check.message);
}

#[test]
fn every_code_has_an_example_and_a_meaning() {
    let examples: Vec<Code> = refused().into_iter().map(|(_, _, code)| code).collect();
    for code in Code::VARIANTS {
        assert!(examples.contains(code), "{code:?} has no refused example");
        assert!(code.get_documentation().is_some_and(|words| words.ends_with('.')), "{code:?} has no sentence");
    }
}

#[test]
fn every_check_has_a_requirement_and_an_example() {
    let mut failing = BTreeSet::new();
    for (_, world, _) in refused() {
        failing.extend(screen(&world.seen()).checks.into_iter().filter(|c| c.code.is_some()).map(|c| c.name));
    }
    // These inform those who decide: the declared level, and whoever installs an audit source, answer for them.
    failing.extend(["NarrowScope", "AuditTrail"].map(str::to_owned));
    let names: BTreeSet<_> = CHECKS.iter().map(|check| check.name.to_owned()).collect();
    assert_eq!(names, failing);
    assert_eq!(names.len(), CHECKS.len());
    assert!(CHECKS.iter().all(|check| !check.covers.is_empty()));
}

#[test]
fn b22_requests_that_say_what_is_asked_are_complete() {
    for (sentence, world) in complete() {
        let seen = world.seen();
        let screening = screen(&seen);
        assert_eq!(world.codes(), Vec::<String>::new(), "{sentence}");
        assert_eq!(screening.screened, Screened::Complete, "{sentence}: {}", screening.message);
        assert!(screening.checks.iter().all(|check| check.passed), "{sentence}");
        assert!(screening.judgement.is_some(), "{sentence}");
    }
}

#[test]
fn b17_all_gaps_are_named_at_once() {
    let world = World {
        live: vec![grant(json!({}))],
        ..World::asks(json!({"reason": "debugging in production please", "ticket": "none", "duration": "9h"}))
    };
    assert_eq!(world.codes(), ["TicketInvalid", "VagueReason", "DurationTooLong", "LimitReached"]);
    let seen = world.seen();
    let message = screen(&seen).message;
    for part in
        ["TicketInvalid: spec.ticket", "VagueReason: spec.reason", "DurationTooLong: spec.duration", "LimitReached"]
    {
        assert!(message.contains(part), "{message}");
    }
}

/// A policy that asks for everything, and every form of evidence as a refusal shows it.
fn everything() -> World {
    let all: Vec<&str> = crate::api::evidence::Required::VARIANTS.iter().map(<&str>::from).collect();
    World { rules: Some(vec![]), ..World::demands(json!(all)) }
}

#[test]
fn b17_what_is_missing_is_named_in_full_with_an_example_that_can_be_pasted() {
    let world = everything();
    let seen = world.seen();
    let screening = screen(&seen);
    let evidence = &screening.checks.iter().find(|check| check.name == "Evidence").unwrap().message;
    assert!(!evidence.ends_with('…'), "{evidence}");
    let mut spec = json!({});
    for form in evidence::FORMS {
        assert!(evidence.contains(&format!("spec.{}: {}: `{}`", form.field, form.says, form.example)), "{evidence}");
        merge(&mut spec, serde_saphyr::from_str(form.example).unwrap());
    }
    assert!(evidence.contains("Safer methods: dashboards"), "A4: {evidence}");
    let corrected = World { request: request(spec), ..everything() };
    assert_eq!(corrected.codes(), Vec::<String>::new(), "what the refusal shows is enough");
    let order = ["data[].tenant", "data", "whyNotSafer", "whyNotLower", "plan", "legalBasis", "attachments"];
    assert!(evidence.starts_with(&format!("add to spec: {}.", order.join(", "))), "{evidence}");
}

#[test]
fn b17_the_order_is_what_failed_whose_account_which_data_and_how_long() {
    let at = |name: &str| CHECKS.iter().position(|check| check.name == name).unwrap();
    assert!(
        at("ClearReason") < at("Evidence") && at("Evidence") < at("ExactData") && at("ExactData") < at("EndTimeSet")
    );
    assert_eq!(evidence::FORMS[0].what, crate::api::evidence::Required::Tenant);
    let mut world = everything();
    world.request = request(json!({"reason": "debugging in production please", "ticket": "none", "duration": "9h"}));
    let seen = world.seen();
    let message = screen(&seen).message;
    for form in evidence::FORMS {
        assert!(message.contains(form.field), "with {} other gaps: {message}", form.field);
    }
    let places: Vec<_> =
        ["VagueReason", "MissingEvidence", "DurationTooLong"].iter().map(|c| message.find(c)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{message}");
}

#[test]
fn a15_what_is_asked_follows_from_policy_and_access_alone() {
    use crate::api::evidence::Required;
    let asked = |policy: Value, access: usize| {
        let spec = policy_spec(policy);
        let needed = evidence::needed(&spec, Some(&spec.access[access]), Lane::Routine);
        needed.iter().map(|form| form.what).collect::<Vec<_>>()
    };
    let by_default = json!({"evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "m"}}});
    assert_eq!(asked(by_default.clone(), 0), [Required::Data, Required::WhyNotSafer], "X13: the default");
    assert_eq!(asked(by_default, 1), [Required::Data, Required::WhyNotSafer, Required::WhyNotLower]);
    assert_eq!(asked(json!({"dataClass": "Regulated"}), 0), [Required::LegalBasis]);
    assert_eq!(asked(json!({}), 0), []);
}
fn policy_spec(changes: Value) -> crate::api::policy::AccessPolicySpec {
    policy(changes).spec
}

#[test]
fn b20_answers_are_judged_by_the_same_words_as_reasons() {
    let answered = |field: &str, answer: &str| World::asks(json!({field: answer})).codes();
    for field in ["whyNotSafer", "whyNotLower"] {
        for empty in [
            "n/a",
            "not possible",
            "because it was faster",
            "I need access to production",
            "....................",
            "see ticket",
        ] {
            assert_eq!(answered(field, empty), ["VagueReason"], "{field}: {empty}");
        }
        for said in [
            "Dashboards show totals only.",
            "No replica has data of today.",
            "Masked copies lack invoice lines.",
            "テスト環境には請求書がありません。",
        ] {
            assert_eq!(answered(field, said), Vec::<String>::new(), "{field}: {said}");
        }
    }
}

#[test]
fn c4_the_line_on_scope_names_what_is_more_than_reading_and_fails_nobody() {
    let line = |rules: Value| {
        let world = World { rules: Some(serde_json::from_value(rules).unwrap()), ..World::new() };
        let screening = screen(&world.seen()).checks.into_iter().find(|c| c.name == "NarrowScope").unwrap();
        (screening.passed, screening.message)
    };
    let rule = |resource: &str, verb: &str| json!([{"apiGroups": [""], "resources": [resource], "verbs": [verb]}]);
    assert!(line(rule("pods/log", "get")).1.contains("only reads"));
    for (resource, verb) in [("secrets", "get"), ("pods/exec", "create"), ("*", "get"), ("pods", "delete")] {
        let (passed, words) = line(rule(resource, verb));
        assert!(passed && words.contains(&format!("{verb} {resource}")), "{words}");
    }
}
#[test]
fn c4_the_line_on_scope_speaks_of_the_second_access_too() {
    let line = |rules: Option<Value>| {
        let rules = rules.map(|rules| serde_json::from_value(rules).unwrap());
        let world = then("restart", None, rules);
        let found = screen(&world.seen()).checks.into_iter().find(|c| c.name == "NarrowScope").unwrap();
        (found.passed, found.message)
    };
    let rule = |verb: &str| Some(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}]));
    assert_eq!(line(rule("get")), (true, "it only reads: no Secrets, no commands in containers, no wildcards".into()));
    let (passed, words) = line(rule("delete"));
    assert!(passed && words.starts_with("the role of the second access does more than read: `delete pods`"), "{words}");
    let (passed, words) = line(None);
    assert!(!passed && words.contains("it needs the role of the second access"), "{words}");
}

#[test]
fn c7_without_an_audit_source_the_trail_is_unknown_and_nothing_fails() {
    let world = World::new();
    let seen = world.seen();
    let screening = screen(&seen);
    let trail = screening.checks.iter().find(|check| check.name == "AuditTrail").unwrap();
    assert!(trail.passed && trail.message.starts_with("Unknown: "), "{}", trail.message);
    assert!(screening.notes.iter().any(|note| note.starts_with("AuditTrail: Unknown")), "who decides reads it");
    assert_eq!(screening.screened, Screened::Complete);
}
#[test]
fn c7_the_trail_is_there_while_audit_events_arrive_and_else_k1_nobody_watches() {
    let line = |audit: Audit| {
        let world = World { audit, ..World::new() };
        let seen = world.seen();
        let screening = screen(&seen);
        assert_eq!(screening.screened, Screened::Complete, "it never fails");
        let noted = screening.notes.iter().any(|note| note.starts_with("AuditTrail: Unknown"));
        (screening.checks.into_iter().find(|check| check.name == "AuditTrail").unwrap().message, noted)
    };
    let (delivers, noted) = line(Audit::Delivers { since: DateTime::UNIX_EPOCH });
    assert!(delivers.starts_with("audit events arrive") && !noted, "{delivers}");
    for audit in [Audit::Absent, Audit::Silent] {
        let (words, noted) = line(audit);
        assert!(words.starts_with("Unknown: ") && words.contains("nobody watches") && noted, "{words}");
    }
}

#[test]
fn b3_a_ticket_is_confirmed_by_the_bot_that_holds_a_step() {
    let bot = "system:serviceaccount:bots:tickets";
    let steps = json!({"approval": {"steps": [{"name": "ticket", "approvers": [{"kind": "User", "name": bot}, {"kind": "Group", "name": "support-leads"}]}]}});
    let line = |approval: Value, decisions: Value| {
        let mut request = request(json!({}));
        request.status =
            Some(serde_json::from_value(json!({"approvals": [approval], "decisions": decisions})).unwrap());
        let world = World { request, ..World::under(steps.clone()) };
        screen(&world.seen()).checks.into_iter().find(|c| c.name == "RealTask").unwrap().message
    };
    let entry = |by: &str, decision: &str, revision: &str| json!({"by": by, "as": by, "step": "ticket", "decision": decision, "revision": revision, "comment": "Open, and of this customer."});
    assert!(line(entry(bot, "Approve", "7f3a2c1b-1"), json!([])).starts_with(&format!("Confirmed by {bot}: SUP-4812")));
    let void = json!([{"by": bot, "revision": "7f3a2c1b-1", "counted": false, "reason": "OtherEpoch", "message": "", "firstSeen": "2026-11-21T05:00:00Z"}]);
    for (sentence, entry, decisions) in [
        ("a person does not look it up for all", entry("bob", "Approve", "7f3a2c1b-1"), json!([])),
        ("a bot that nobody listed", entry("system:serviceaccount:bots:other", "Approve", "7f3a2c1b-1"), json!([])),
        ("another text", entry(bot, "Approve", "7f3a2c1b-0"), json!([])),
        ("the bot asks for more", entry(bot, "RequestDetail", "7f3a2c1b-1"), json!([])),
        ("what it said does not count", entry(bot, "Approve", "7f3a2c1b-1"), void),
    ] {
        assert!(line(entry, decisions).starts_with("PatternOnly: "), "{sentence}");
    }
}

#[test]
fn b25_no_refusal_says_which_records_or_attachments() {
    let secret = "PII-canary-99017";
    let attachment = json!([{"kind": "Other", "url": format!("https://files.example.com/{secret}")}]);
    let rows: Vec<Vec<String>> = vec![vec![secret.into(); 21], vec![secret.into()], vec![]];
    for records in rows {
        let data = json!([{"system": "billing-db", "records": records}, {"system": "crm"}]);
        let mut world = everything();
        world.request = request(json!({"data": data, "attachments": attachment}));
        let seen = world.seen();
        let screening = screen(&seen);
        assert_ne!(screening.screened, Screened::Complete);
        let said = screening.checks.iter().map(|c| &c.message).chain(&screening.notes).chain([&screening.message]);
        assert!(said.into_iter().all(|text| !text.contains(secret)));
    }
}

#[test]
fn what_cannot_be_judged_does_not_fail_twice() {
    let world = World { policy: None, ..World::new() };
    assert_eq!(world.codes(), ["PolicyNotFound"]);
    let seen = world.seen();
    let screening = screen(&seen);
    let open = screening.checks.iter().filter(|c| !c.passed && c.code.is_none()).count();
    assert_eq!(
        open,
        CHECKS.len() - 6,
        "all but the policy, the person, who filed it, the role, the start and the audit trail"
    );
    assert!(screening.judgement.is_none());
}

#[test]
fn nothing_is_complete_that_was_not_judged() {
    let world = World { namespace: None, ..World::new() };
    let seen = world.seen();
    let screening = screen(&seen);
    assert_eq!(world.codes(), Vec::<String>::new());
    assert_eq!(screening.screened, Screened::Incomplete);
    assert!(screening.judgement.is_none());
}

#[test]
fn a3_a_refusal_names_other_policies_and_safer_methods() {
    let world = World { policy: None, ..World::asks(json!({"policy": "curiosity"})) };
    let message = &screen(&world.seen()).checks[0].message;
    for part in
        ["`curiosity`", "`customer-support`", "A customer reported", "dashboards https://dashboards.example.com"]
    {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a3_a_namespace_that_is_not_covered_is_pointed_elsewhere() {
    let mut elsewhere = policy(json!({"namespaces": {"matchLabels": {"zone": "staging"}}, "saferMethods": []}));
    elsewhere.metadata.name = Some("staging-debug".into());
    let world = World {
        policies: vec![Arc::new(policy(json!({}))), Arc::new(elsewhere)],
        namespace: Some(
            serde_json::from_value(json!({"metadata": {"name": "lab", "labels": {"zone": "staging"}}})).unwrap(),
        ),
        ..World::new()
    };
    let message = |world: &World| screen(&world.seen()).checks[1].message.clone();
    for part in ["lab is none", "`staging-debug`", "Safer methods: dashboards"] {
        assert!(message(&world).contains(part), "{}", message(&world));
    }
    let unread = message(&World { policies: vec![], ..world });
    assert!(unread.contains("See `kubectl get accesspolicies`. Safer methods: dashboards"), "{unread}");
}

#[test]
fn b3_the_ticket_is_linked_and_never_leaves_its_part_of_the_url() {
    let check = |world: World| screen(&world.seen()).checks.into_iter().find(|c| c.name == "RealTask").unwrap();
    assert!(
        check(World::new())
            .message
            .ends_with("PatternOnly: SUP-4812 has the right form: https://tracker.example.com/SUP-4812")
    );
    let world = World {
        policy: Some(policy(json!({"evidence": {"ticket": {
            "pattern": "^SUP .+$", "message": "m", "url": "https://tracker.example.com/{ticket}"}, "require": []}}))),
        ..World::asks(json!({"ticket": "SUP ../?x=é"}))
    };
    assert!(check(world).message.ends_with("/SUP%20..%2F%3Fx%3D%C3%A9"));
}

#[test]
fn c6_the_limit_says_what_is_live_and_when_it_is_free() {
    let world = World { live: vec![grant(json!({}))], ..World::new() };
    let message = screen(&world.seen()).message;
    assert!(message.starts_with("It is screened again by itself"), "{message}");
    assert!(message.contains("SUP-1 in billing until 2026-11-21T05:35:00Z"), "{message}");
}

#[test]
fn e17_a_filing_says_what_for_how_long_and_who_may_ask() {
    let world = World { rules: Some(vec![]), ..World::asks(json!({"access": "restart", "duration": "5m"})) };
    let seen = world.seen();
    let filing = screen(&seen).judgement.unwrap().filing;
    assert_eq!((filing.access.name.as_str(), filing.duration), ("restart", TimeDelta::minutes(5)));
    assert_eq!(filing.entitled_by.to_string(), "Group support");
    assert_eq!(filing.namespace.name_any(), "billing");
    let world = World::new();
    let seen = world.seen();
    let filing = screen(&seen).judgement.unwrap().filing;
    assert_eq!((filing.access.name.as_str(), filing.duration), ("logs", TimeDelta::minutes(30)));
}

#[test]
fn e23_the_end_is_known_before_anybody_agrees() {
    let check =
        |world: World| screen(&world.seen()).checks.into_iter().find(|c| c.name == "EndTimeSet").unwrap().message;
    let planned = check(World::asks(json!({"startTime": "2026-11-23T09:00:00Z"})));
    assert!(planned.contains("30m after 2026-11-23T09:00:00Z, or being agreed to; at most 2h"), "{planned}");
    let late = check(World { now: evening(), policy: Some(same_day()), ..World::new() });
    assert!(
        late.contains("until 2026-11-22 00:00 (Europe/Berlin) at the latest (the policy's duration.sameDay)"),
        "{late}"
    );
    let too_long = World { now: evening(), policy: Some(same_day()), ..World::asks(json!({"duration": "1h"})) };
    let said = check(too_long);
    for part in
        ["spec.duration: 1h is too long for what is left of the day, 20m", "(Europe/Berlin)", "leave spec.duration out"]
    {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn b25_all_text_is_bounded_and_one_line() {
    let long = "x\n\u{1b}[31m".repeat(60);
    let mut others = Vec::new();
    for i in 0..40 {
        let mut other = policy(json!({"description": "é".repeat(1000)}));
        other.metadata.name = Some(format!("policy-{i}-{}", "n".repeat(50)));
        others.push(Arc::new(other));
    }
    let world = World {
        policies: others,
        policy: Some(policy(
            json!({"requesters": [{"kind": "User", "name": "n".repeat(253)}], "approval": {"steps": []}}),
        )),
        namespace: Some(Namespace::default()),
        live: (0..20).map(|i| grant(json!({"ticket": format!("SUP-{i}\n{long}")}))).collect(),
        rules: None,
        ..World::asks(json!({"ticket": long, "reason": "n\n".repeat(250), "duration": "9h"}))
    };
    let seen = world.seen();
    let screening = screen(&seen);
    assert!(screening.checks.iter().all(|c| c.message.chars().count() <= 1536));
    for text in screening.checks.iter().map(|c| &c.message).chain([&screening.message]) {
        assert!(text.chars().count() <= 2048 && !text.chars().any(char::is_control), "{text}");
    }
    for code in world.codes() {
        assert!(screening.message.contains(&code), "{code}: {}", screening.message);
    }
    assert!(world.codes().len() >= 7);
}
