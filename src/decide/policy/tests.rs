use super::*;
use crate::api::subject::RoleRef;
use crate::decide::Audit;
use crate::decide::Guard;
use crate::decide::screening::tests::{installation, policy};
use chrono::{DateTime, Utc};
use kube::ResourceExt;
use serde_json::{Value, json};
use strum::VariantArray;

fn now() -> Now {
    Now { wall: "2026-11-21T05:00:00Z".parse::<DateTime<Utc>>().unwrap(), server_ahead: TimeDelta::zero() }
}

/// A record on which a close-out is overdue.
fn owing() -> AccessGrant {
    let owed =
        json!({"duty": "CloseOut", "by": [], "due": "2026-11-20T05:00:00Z", "state": "Overdue", "consequence": "c"});
    let mut record = crate::decide::screening::tests::grant(json!({})).as_ref().clone();
    record.status = serde_json::from_value(json!({"owed": [owed]})).unwrap();
    record
}

fn rules(resource: &str) -> Option<Vec<PolicyRule>> {
    Some(serde_json::from_value(json!([{"apiGroups": [""], "resources": [resource], "verbs": ["get"]}])).unwrap())
}

/// A policy that asks for the default evidence.
fn asking(changes: Value) -> AccessPolicy {
    let mut policy = policy(changes);
    policy.spec.evidence.require = Required::DEFAULT.to_vec();
    policy
}

/// A policy that can be granted under, and everything that was seen of it; each row changes a little.
struct World {
    policy: AccessPolicy,
    roles: Vec<RoleSeen>,
    namespaces: Vec<String>,
    sensitive: Vec<String>,
    refuses: Vec<&'static str>,
    not_bindable: Vec<&'static str>,
    trial: Option<Trial>,
    active: usize,
    overdue: Vec<AccessGrant>,
    emergencies: Vec<String>,
    installation: Installation,
    standing: Standing,
}
impl World {
    fn new() -> Self {
        let policy = asking(backed("billing-owners"));
        let role =
            |access: &str| RoleSeen { access: access.into(), namespace: String::new(), rules: rules("pods/log") };
        Self {
            policy,
            roles: vec![role("logs"), role("restart")],
            namespaces: vec!["billing".into(), "orders".into()],
            sensitive: vec![],
            refuses: vec![],
            not_bindable: vec![],
            trial: None,
            active: 0,
            overdue: vec![],
            emergencies: vec![],
            installation: installation(),
            standing: Standing { lease_held: true, guard: Guard::Unknown, fuses: Fuses::Burn, audit: Audit::Absent },
        }
    }
    fn with(changes: Value) -> Self {
        let mut spec = backed("billing-owners");
        spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Self { policy: asking(spec), ..Self::new() }
    }
    /// Three emergencies of late, each in one of these namespaces.
    fn after(emergencies: [&str; 3]) -> Self {
        Self { emergencies: emergencies.map(str::to_owned).to_vec(), ..Self::new() }
    }
    fn observed<'a>(&'a self, answers: &'a [Answer], trial: Option<&'a Trial>) -> Observed<'a> {
        Observed {
            policy: &self.policy,
            roles: &self.roles,
            namespaces: &self.namespaces,
            sensitive: &self.sensitive,
            answers,
            trial,
            active: self.active,
            emergencies: &self.emergencies,
            overdue: &self.overdue,
            installation: &self.installation,
            standing: &self.standing,
            now: now(),
        }
    }
    /// Asks and answers, as the shell does.
    fn answers(&self) -> Vec<Answer> {
        let answer = |question: Question| {
            let yes = match &question {
                Question::MayBind { role, .. } => !self.not_bindable.contains(&role.name.as_str()),
                Question::IsFuseAccepted { fuse } => {
                    !self.refuses.contains(&fuse.metadata.namespace.as_deref().unwrap())
                }
                other => panic!("{other:?} is none of a policy's questions"),
            };
            Answer { question, yes, words: if yes { String::new() } else { "exceeded quota: jobs".into() } }
        };
        questions(&self.observed(&[], self.trial.as_ref()), now()).into_iter().map(answer).collect()
    }
    fn plan(&self) -> Plan<AccessPolicyStatus> {
        let answers = self.answers();
        let observed = self.observed(&answers, self.trial.as_ref());
        let trial = trial_of(&observed, &answers, now()).or_else(|| self.trial.clone());
        decide(&self.observed(&answers, trial.as_ref()), now())
    }
    fn status(&self) -> AccessPolicyStatus {
        self.plan().status.or_else(|| self.policy.status.clone()).unwrap()
    }
    fn ready(&self) -> (String, String) {
        let ready = &self.status().conditions[0];
        (ready.reason.clone(), ready.message.clone())
    }
}

/// One step with this group, and somebody who stands in.
fn backed(group: &str) -> Value {
    json!({"approval": {"steps": [{"name": "owner", "approvers": [{"kind": "Group", "name": group}],
        "backups": {"approvers": [{"kind": "Group", "name": "platform-leads"}]}}]}})
}
/// A policy that was made so many days ago.
fn old(days: i64) -> World {
    let mut world = World::new();
    let created = crate::api::time::Instant::new(now().wall - TimeDelta::days(days));
    world.policy.metadata.creation_timestamp = serde_json::from_value(json!(created)).unwrap();
    world
}
/// The same, whose owner looked after it so many days ago.
fn reviewed(mut world: World, what: &str, days: i64) -> World {
    let at = crate::api::time::Instant::new(now().wall - TimeDelta::days(days));
    let mut status = json!(world.policy.status);
    let mut reviews = status["reviews"].as_array().cloned().unwrap_or_default();
    reviews.push(json!({"what": what, "by": "olga", "at": at}));
    status["reviews"] = json!(reviews);
    world.policy.status = serde_json::from_value(status).unwrap();
    world
}

fn steps(steps: Value) -> World {
    World::with(json!({"approval": {"steps": steps}}))
}
fn pattern_(pattern: &str) -> World {
    World::with(json!({"evidence": {"ticket": {"pattern": pattern, "message": "m"}}}))
}

/// A sentence led by the requirement, a policy that is not as it says, and the reason that names it.
fn not_ready() -> Vec<(&'static str, World, Ready)> {
    let burnt_out = |stop| World {
        standing: Standing { fuses: Fuses::DoNotBurn("still there after 60 s".into()), ..Standing::unknown() },
        installation: Installation { stop_without_fuse_test: stop, ..installation() },
        ..World::new()
    };
    let role = |name: &str, level: &str| {
        World::with(json!({"access": [
            {"name": "logs", "level": level, "roleRef": {"kind": "ClusterRole", "name": name}}]}))
    };
    let gone = |mut world: World| {
        world.roles[1].rules = None;
        world
    };
    let large = |mut world: World| {
        world.roles[0].rules = rules("pods").map(|rules| vec![rules[0].clone(); 129]);
        world
    };
    let more = |mut world: World| {
        world.roles[0].rules = rules("pods/exec");
        world
    };
    vec![
        ("A16 no step", steps(json!([])), Ready::NoApprovers),
        (
            "H3 nobody who could agree in an emergency",
            in_lane(json!({"approvers": [{"kind": "Group", "name": "system:masters"}]})),
            Ready::NoApprovers,
        ),
        (
            "D16 one person for emergencies, who stands in for themselves",
            in_lane(json!({"approvers": [{"kind": "User", "name": "bob"}],
                "backups": {"approvers": [{"kind": "User", "name": "bob"}]}})),
            Ready::SingleApprover,
        ),
        (
            "H5 any ticket as an incident",
            in_lane(json!({"ticket": {"pattern": "^.*$", "message": "An incident."}})),
            Ready::NoEvidence,
        ),
        (
            "D21 only a system group",
            steps(json!([{"name": "all", "approvers": [{"kind": "Group", "name": "system:authenticated"}]}])),
            Ready::NoApprovers,
        ),
        (
            "D16 a step with one person",
            steps(json!([{"name": "owner", "approvers": [{"kind": "User", "name": "bob"}]}])),
            Ready::SingleApprover,
        ),
        (
            "D16 a step with one person and a system group",
            steps(json!([{"name": "owner", "approvers": [
                {"kind": "User", "name": "bob"}, {"kind": "Group", "name": "system:masters"}]}])),
            Ready::SingleApprover,
        ),
        (
            "D16 three seats for two people",
            steps(json!([{"name": "owner", "count": 3, "approvers": [
                {"kind": "User", "name": "bob"}, {"kind": "User", "name": "kim"}]}])),
            Ready::SingleApprover,
        ),
        (
            "D16 the one who stands in is the same person",
            steps(json!([{"name": "owner", "approvers": [{"kind": "User", "name": "bob"}],
                "backups": {"approvers": [{"kind": "User", "name": "bob"}]}}])),
            Ready::SingleApprover,
        ),
        (
            "D12 a step's condition that names nothing",
            steps(
                json!([{"name": "owner", "when": "acces.level == 'x'", "approvers": [{"kind": "Group", "name": "owners"}]}]),
            ),
            Ready::BadExpression,
        ),
        (
            "C12 a rule that is no yes or no",
            World::with(
                json!({"approval": {"steps": [{"name": "owner", "approvers": [{"kind": "Group", "name": "owners"}]}],
                "rules": [{"name": "small", "when": "access.level", "then": "Approve", "message": "m"}]}}),
            ),
            Ready::BadExpression,
        ),
        ("A16 a pattern that accepts anything", pattern_("^.*$"), Ready::NoEvidence),
        ("A16 a pattern that cannot be read", pattern_("^(SUP$"), Ready::NoEvidence),
        ("F11 the cluster's own administrator", role("cluster-admin", "Admin"), Ready::NeverGranted),
        ("F11 a system role", role("system:node", "Admin"), Ready::NeverGranted),
        ("F4 a role that is gone", gone(World::new()), Ready::RoleNotFound),
        ("B14 a role that gives more", more(World::new()), Ready::LevelMismatch),
        ("J5 a role that no record can hold", large(World::new()), Ready::RoleTooLarge),
        (
            "F4 a role that was not allowed",
            World { not_bindable: vec!["curfew-restart"], ..World::new() },
            Ready::MayNotBind,
        ),
        (
            "E4 a midnight that nobody can find",
            World::with(json!({"calendar": {"timeZone": "Mars/Olympus"}})),
            Ready::BadCalendar,
        ),
        (
            "E15 more than the installation allows",
            World {
                installation: Installation { max_duration: TimeDelta::hours(1), ..installation() },
                ..World::new()
            },
            Ready::DurationAboveCap,
        ),
        ("E24 one namespace refuses the fuse", World { refuses: vec!["orders"], ..World::new() }, Ready::FuseRefused),
        ("E24 fuses do not burn", burnt_out(true), Ready::FusesDoNotBurn),
    ]
}

fn warned() -> Vec<(&'static str, World, &'static str)> {
    let group = |name: &str| World::with(backed(name));
    let stand_in = |name: &str| {
        let owners = json!([{"kind": "Group", "name": "billing-owners"}]);
        steps(
            json!([{"name": "owner", "approvers": owners, "backups": {"approvers": [{"kind": "Group", "name": name}]}}]),
        )
    };
    vec![
        (
            "D15 nobody stands in for those who agree in an emergency",
            {
                let mut world = in_lane(json!({}));
                world.policy.spec.emergency.as_mut().unwrap().backups = None;
                world
            },
            "NoBackups",
        ),
        (
            "H3 everybody may agree in an emergency",
            in_lane(json!({"approvers": [{"kind": "Group", "name": "engineering"}]})),
            "BroadApprovers",
        ),
        ("H16 three emergencies in one namespace", World::after(["billing"; 3]), "EmergencyRepeats"),
        ("D1 a whole department", group("engineering"), "BroadApprovers"),
        ("D1 everybody, by another directory", group("oidc:All-Staff"), "BroadApprovers"),
        ("D1 everybody, by mail", group("everyone@example.com"), "BroadApprovers"),
        ("D1 everybody stands in", stand_in("everyone"), "BroadApprovers"),
        (
            "D15 nobody stands in",
            steps(json!([{"name": "owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]}])),
            "NoBackups",
        ),
        ("D14 nobody ever looked", reviewed(old(90), "CleanUp", 6), "StaleApprovers"),
        ("D14 somebody looked long ago", reviewed(reviewed(old(200), "CleanUp", 6), "Approvers", 90), "StaleApprovers"),
        ("G6 nobody ever cleaned up", old(7), "CleanUpDue"),
        ("G6 somebody did long ago", reviewed(reviewed(old(200), "Approvers", 89), "CleanUp", 7), "CleanUpDue"),
        ("H12 a close-out is overdue", World { overdue: vec![owing()], ..World::new() }, "DutiesOverdue"),
        (
            "F2 the first access writes",
            World {
                roles: vec![RoleSeen { access: "restart".into(), namespace: String::new(), rules: rules("pods") }],
                ..World::with(json!({"access": [{"name": "restart", "level": "LimitedWrite",
                                                 "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}]}))
            },
            "FirstAccessWrites",
        ),
        (
            "E16 long for a namespace that is sensitive",
            World {
                sensitive: vec!["billing".into()],
                ..World::with(json!({"duration": {"default": "61m", "max": "2h"}}))
            },
            "LongForData",
        ),
        (
            "E2 everybody gets the most",
            World::with(json!({"duration": {"default": "2h", "max": "2h"}})),
            "DefaultIsMax",
        ),
        (
            "E16 two hours for personal data",
            World::with(json!({"dataClass": "Personal", "duration": {"default": "2h", "max": "4h"}})),
            "LongForData",
        ),
        (
            "X13 nothing but ticket and reason",
            World { policy: policy(backed("billing-owners")), ..World::new() },
            "ThinEvidence",
        ),
        (
            "L11 whoever runs the filer can give access alone",
            World::with(json!({
                "onBehalf": {"filers": ["deployer"], "satisfies": ["owner"]},
                "approval": {"steps": [{"name": "owner", "backups": {"approvers": [{"kind": "Group", "name": "leads"}]}, "approvers": [
                    {"kind": "User", "name": "bob"}, {"kind": "User", "name": "kim"}]}]}})),
            "FilerDecidesAlone",
        ),
        (
            "L11 nobody could be attested",
            World::with(json!({"onBehalf": {"filers": ["deployer"], "satisfies": ["owner"]}})),
            "NoAttestable",
        ),
        (
            "E15 nobody sees whether access is used",
            World::with(json!({"duration": {"default": "30m", "max": "1h", "unusedAfter": "15m"}})),
            "NobodyWatches",
        ),
        ("A11 no namespace is covered", World { namespaces: vec![], ..World::new() }, "NoNamespaces"),
    ]
}

#[test]
fn a16_a_policy_that_lacks_something_says_what() {
    for (sentence, world, reason) in not_ready() {
        let (found, message) = world.ready();
        assert_eq!(found, <&str>::from(reason), "{sentence}: {message}");
        assert!(message.starts_with(&found), "{sentence}: {message}");
    }
}

/// With a lane for emergencies, with these parts of it replaced.
fn in_lane(changes: Value) -> World {
    let mut lane = json!({"access": ["logs"], "approvers": [{"kind": "Group", "name": "incident-managers"}],
        "backups": {"approvers": [{"kind": "Group", "name": "platform-leads"}]},
        "review": {"reviewers": [{"kind": "Group", "name": "security"}]}});
    lane.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    World::with(json!({"emergency": lane}))
}

#[test]
fn d15_d16_the_emergency_lane_has_two_people_and_somebody_who_stands_in() {
    assert_eq!(in_lane(json!({})).status().warnings, []);
    let two = json!({"approvers": [{"kind": "User", "name": "bob"}], "backups": {"approvers": [{"kind": "User", "name": "kim"}]}});
    assert_eq!(in_lane(two).status().conditions[0].reason, "Complete", "a backup is the second person");
}
#[test]
fn h16_three_emergencies_in_one_namespace_are_too_many_and_two_are_not() {
    assert_eq!(World::after(["billing", "orders", "billing"]).status().warnings, []);
}

#[test]
fn every_reason_and_warning_has_an_example() {
    for finding in FINDINGS {
        match finding.severity {
            Severity::Missing(reason) => assert!(not_ready().iter().any(|(_, _, r)| *r == reason), "{reason:?}"),
            Severity::Warning(concern) => {
                let name: &str = concern.into();
                assert!(warned().iter().any(|(_, _, n)| *n == name), "{name}");
            }
        }
        assert!(!finding.covers.is_empty());
    }
    for reason in Ready::VARIANTS.iter().filter(|reason| **reason != Ready::Complete) {
        assert!(FINDINGS.iter().any(|f| f.severity == Severity::Missing(*reason)), "nothing finds {reason:?}");
    }
}

#[test]
fn what_deserves_a_second_look_still_grants() {
    for (sentence, world, name) in warned() {
        let status = world.status();
        let names: Vec<_> = status.warnings.iter().map(|w| w.reason.as_str()).collect();
        assert_eq!(names, [name], "{sentence}");
        assert_eq!(status.conditions[0].reason, "Complete", "{sentence}");
    }
    assert_eq!(World::new().status().warnings, []);
    let hour = World::with(json!({"duration": {"default": "1h", "max": "2h"}}));
    assert_eq!(World { sensitive: vec!["billing".into()], ..hour }.status().warnings, [], "E16: an hour is not long");
    let people_too = World::with(json!({
        "onBehalf": {"filers": ["deployer"], "satisfies": ["owner"]},
        "approval": {"steps": [
            {"name": "owner", "backups": {"approvers": [{"kind": "Group", "name": "leads"}]}, "approvers": [{"kind": "User", "name": "bob"}, {"kind": "User", "name": "kim"}]},
            {"name": "security", "backups": {"approvers": [{"kind": "Group", "name": "leads"}]}, "approvers": [{"kind": "Group", "name": "security"}]}]}}));
    assert_eq!(people_too.status().warnings, [], "a step is left to people");
    assert_eq!(reviewed(reviewed(old(200), "Approvers", 89), "CleanUp", 6).status().warnings, [], "D14, G6: in time");
    assert!(!is_broad("billing-engineering-leads") && !is_broad("developers-of-billing"));
}

#[test]
fn a16_everything_that_is_missing_is_named_and_the_first_decides() {
    let mut world = World {
        refuses: vec!["billing"],
        ..World::with(json!({"evidence": {"ticket": {"pattern": "^.*$", "message": "m"}}, "approval": {"steps": []}}))
    };
    world.roles[0].rules = None;
    let (reason, message) = world.ready();
    assert_eq!(reason, "NoApprovers");
    for part in ["NoApprovers: ", "NoEvidence: ", "RoleNotFound: ", "FuseRefused: ", "billing: exceeded quota: jobs"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn e24_fuses_that_do_not_burn_stop_grants_only_where_the_installation_says_so() {
    let mut world = World::new();
    world.standing.fuses = Fuses::DoNotBurn("seen".into());
    world.installation.stop_without_fuse_test = false;
    assert_eq!(world.ready().0, "Complete");
    world.installation.stop_without_fuse_test = true;
    world.standing.fuses = Fuses::Unknown;
    assert_eq!(world.ready().0, "Complete");
}

#[test]
fn no_answer_is_never_a_yes() {
    let world = World::new();
    let reasons = |observed: &Observed<'_>| decide(observed, now()).status.unwrap().conditions[0].message.clone();
    let message = reasons(&world.observed(&[], None));
    assert!(message.contains("MayNotBind") && message.contains("billing: not tried"), "{message}");
}

#[test]
fn a_policy_that_did_not_change_is_not_written_again() {
    let mut world = World::new();
    world.policy.status = Some(world.status());
    let plan = world.plan();
    assert_eq!((plan.status, plan.effects), (None, vec![]));
    assert_eq!(plan.next, Next::After(TimeDelta::minutes(5)));
    world.active = 1;
    assert_eq!(world.plan().status.unwrap().active_grants, Some(1));
    world.policy.metadata.generation = Some(4);
    let status = world.plan().status.unwrap();
    assert_eq!((status.observed_generation, status.conditions[0].observed_generation), (Some(4), Some(4)));
}

#[test]
fn namespaces_are_asked_again_only_for_a_reason() {
    let world = World::new();
    let answers = world.answers();
    let trial = trial_of(&world.observed(&answers, None), &answers, now()).unwrap();
    let tries = |world: &World, later: TimeDelta| {
        let at = Now { wall: now().wall + later, ..now() };
        let asked = questions(&world.observed(&[], Some(&trial)), at);
        asked.iter().filter(|q| matches!(q, Question::IsFuseAccepted { .. })).count()
    };
    assert_eq!(tries(&world, TimeDelta::minutes(59)), 0);
    assert_eq!(tries(&world, TimeDelta::minutes(60)), 2, "an hour is over");
    assert_eq!(tries(&world, TimeDelta::minutes(-1)), 2, "the clock went back");
    let refusing = World { refuses: vec!["orders"], ..World::new() };
    let refused = refusing.answers();
    let refused = trial_of(&refusing.observed(&refused, None), &refused, now()).unwrap();
    let tried = |later| {
        let at = Now { wall: now().wall + TimeDelta::seconds(later), ..now() };
        trial_of(&refusing.observed(&[], Some(&refused)), &[], at).is_some()
    };
    assert_eq!((tried(29), tried(30)), (false, true), "a refusal is looked at again soon");
    let labelled = World { namespaces: vec!["billing".into()], ..World::new() };
    assert_eq!(tries(&labelled, TimeDelta::zero()), 1, "other namespaces");
    let mut changed = World::new();
    changed.policy.metadata.generation = Some(4);
    assert_eq!(tries(&changed, TimeDelta::zero()), 2, "another version of the policy");
    let many = World { namespaces: (0..99).map(|i| format!("n{i:02}")).collect(), ..World::new() };
    assert_eq!(tries(&many, TimeDelta::zero()), MOST_TRIALS);
    assert_eq!(many.ready().0, "Complete", "those beyond are tried when something is granted there");
}

#[test]
fn a_role_of_a_namespace_is_looked_for_in_each() {
    let mut world = World::with(json!({"access": [
        {"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "Role", "name": "reader"}}]}));
    let places_ = places(&world.policy, &world.namespaces);
    assert_eq!(places_.iter().map(|(_, n)| *n).collect::<Vec<_>>(), ["billing", "orders"]);
    let seen = |namespace: &str, rules| RoleSeen { access: "logs".into(), namespace: namespace.into(), rules };
    world.roles = vec![seen("billing", rules("pods")), seen("orders", None)];
    assert_eq!(world.ready().0, "Complete", "one namespace has it");
    let asked: Vec<_> = world.answers().into_iter().map(|a| a.question).collect();
    let role = RoleRef { kind: RoleKind::Role, name: "reader".into() };
    assert!(asked.contains(&Question::MayBind { namespace: "billing".into(), role }));
    world.roles[0].rules = None;
    assert_eq!(world.ready().0, "RoleNotFound");
    world.roles[0].rules = rules("secrets");
    assert!(world.ready().1.contains("Role reader in billing `get secrets` is Write"), "{}", world.ready().1);
}

#[test]
fn a11_namespaces_are_covered_by_label_and_left_out_when_they_go() {
    let namespace = |name: &str, zone: &str, going: Value| {
        let metadata = json!({"name": name, "labels": {"curfew.dev/zone": zone}, "deletionTimestamp": going});
        serde_json::from_value::<k8s_openapi::api::core::v1::Namespace>(json!({"metadata": metadata})).unwrap()
    };
    let all = [
        namespace("orders", "production", Value::Null),
        namespace("billing", "production", Value::Null),
        namespace("going", "production", json!("2026-11-21T05:00:00Z")),
        namespace("lab", "staging", Value::Null),
    ];
    assert_eq!(covered(&policy(json!({})), &all), ["billing", "orders"]);
    let mut all = all;
    for i in [1, 3] {
        all[i].labels_mut().insert(names::SENSITIVITY_LABEL.into(), "cardholder".into());
    }
    assert_eq!(sensitive(&policy(json!({})), &all), ["billing"], "E16: covered, and labelled");
}

#[test]
fn b25_all_text_is_bounded_and_one_line() {
    let long = "n\u{1b}".repeat(100);
    let world = World {
        namespaces: (0..40).map(|i| format!("n{i}{long}")).collect(),
        refuses: vec![],
        ..World::with(json!({
            "access": (0..8).map(|i| json!({"name": format!("a{i}{long}"), "level": "Write",
                "roleRef": {"kind": "ClusterRole", "name": format!("system:{long}")}})).collect::<Vec<_>>(),
            "approval": {"steps": [{"name": long, "approvers": [{"kind": "Group", "name": "engineering"}]}]},
            "evidence": {"ticket": {"pattern": format!("^({long}"), "message": "m"}},
        }))
    };
    let status = decide(&world.observed(&[], None), now()).status.unwrap();
    assert!(status.conditions[0].message.chars().count() <= 4096);
    let texts = status.warnings.iter().map(|w| &w.message).chain([&status.conditions[0].message]);
    assert!(texts.clone().all(|text| !text.chars().any(char::is_control)));
    assert!(status.warnings.iter().all(|w| w.message.chars().count() <= 512));
}

#[test]
fn c12_a_bad_expression_is_named_with_its_place_and_cause() {
    let (reason, message) = steps(json!([{"name": "owner", "when": "inWorkHours ||\n  freeze",
        "approvers": [{"kind": "Group", "name": "owners"}]}]))
    .ready();
    assert_eq!(reason, "BadExpression");
    assert!(
        message.contains("spec.approval.steps[owner].when: line 2, column 3: there is no `freeze`; there are request"),
        "{message}"
    );
}

#[test]
fn d16_a_backup_is_the_second_person() {
    let world = steps(json!([{"name": "owner", "approvers": [{"kind": "User", "name": "bob"}],
        "backups": {"approvers": [{"kind": "User", "name": "kim"}]}}]));
    assert_eq!(world.ready().0, "Complete");
}

#[test]
fn d14_what_the_owner_looked_after_is_counted_once_seen() {
    let world = reviewed(old(200), "Approvers", -30);
    let status = world.status();
    assert_eq!(status.reviewed.len(), 1);
    assert_eq!(status.reviewed[0].since, now().for_record(), "nobody looks ahead");
    assert_eq!(status.reviews, world.policy.status.as_ref().unwrap().reviews, "what the owner wrote stays");
}

#[test]
fn d14_a_warning_holds_its_whole_command() {
    let mut world = old(200);
    world.policy.metadata.name = Some("p".repeat(63));
    world.policy.spec.owner.name = "platform-security".into();
    let warnings = world.status().warnings;
    assert_eq!(warnings.len(), 2);
    assert!(warnings.iter().all(|w| w.message.ends_with("}]}]'")), "{warnings:?}");
}
