use super::*;
use crate::api::policy::AccessPolicy;
use crate::api::request::AccessRequest;
use crate::decide::Installation;

use crate::decide::screening::tests::{filing, installation, policy};
use crate::decide::second::Stage;
use chrono::{DateTime, TimeDelta};
use k8s_openapi::api::core::v1::Namespace;
use proptest::prelude::*;
use serde_json::{Value, json};

const REVISION: &str = "7f3a2c1b-2";

fn two_steps() -> AccessPolicy {
    policy(json!({"approval": {"steps": [
        {"name": "owner", "approvers": [{"kind": "Group", "name": "billing-owners"}],
            "backups": {"after": "15m", "approvers": [{"kind": "Group", "name": "leads"}, {"kind": "User", "name": "alice"}]}},
        {"name": "security", "count": 2, "approvers": [{"kind": "Group", "name": "security"}, {"kind": "User", "name": "carol"},
            {"kind": "Group", "name": "system:authenticated"}, {"kind": "User", "name": "system:serviceaccount:bots:tickets"},
            {"kind": "User", "name": "system:serviceaccount:bots:tracker"}]},
    ]}}))
}
fn request(approvals: Vec<Value>, epoch: &str) -> AccessRequest {
    serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 2},
        "spec": {"policy": "customer-support", "reason": "Check why invoice totals changed.", "ticket": "SUP-4812", "requester": {"username": "alice"},
            "filedBy": "system:serviceaccount:bots:tickets", "attestation": {"change": "https://git.example.com/1", "author": "frank", "reviewers": ["kim"]}},
        "status": {"approvals": approvals, "admissionEpoch": epoch}}))
    .unwrap()
}
fn entry(by: &str, as_: &str, step: &str, decision: &str) -> Value {
    json!({"by": by, "as": as_, "step": step, "decision": decision, "revision": REVISION, "comment": "Narrow and tied to a case."})
}
fn with(mut entry: Value, field: &str, value: Value) -> Value {
    entry[field] = value;
    entry
}
fn counted(policy: &AccessPolicy, request: &AccessRequest, guard: &Guard) -> Count {
    counted_at(0, policy, request, guard)
}
/// So many seconds after the request was complete.
fn counted_at(after: i64, policy: &AccessPolicy, request: &AccessRequest, guard: &Guard) -> Count {
    let wall = DateTime::from_timestamp(1_800_000_000 + after, 0).unwrap();
    let now = Now { wall, server_ahead: TimeDelta::zero() };
    let installation: Installation = installation();
    let namespace = Namespace::default();
    let filing = Filing { now: now.wall, ..filing(request, policy, &namespace, &installation) };
    count(&Judgement::of(filing), guard, &[], now)
}
fn intact() -> Guard {
    Guard::Intact { epoch: "e1".into() }
}
fn reasons(approvals: Vec<Value>) -> Vec<String> {
    counted(&two_steps(), &request(approvals, "e1"), &intact()).judged.into_iter().map(|j| j.reason).collect()
}

#[test]
fn d21_each_decision_counts_or_says_why_not() {
    let ok = || entry("bob", "billing-owners", "owner", "Approve");
    let rows: &[(&str, Vec<Value>, &[&str])] = &[
        ("a member of a listed group decides in its name", vec![ok()], &["Counted"]),
        ("a listed user decides in their own", vec![entry("carol", "carol", "security", "Approve")], &["Counted"]),
        ("D11 an older text", vec![with(ok(), "revision", json!("7f3a2c1b-1"))], &["OtherRevision"]),
        ("D22 another request of the same name", vec![with(ok(), "revision", json!("00000000-2"))], &["OtherRevision"]),
        ("D9 one's own request", vec![entry("alice", "alice", "owner", "Approve")], &["OwnRequest"]),
        (
            "D9 one's own request, through a group",
            vec![entry("alice", "billing-owners", "owner", "Approve")],
            &["OwnRequest"],
        ),
        (
            "F8 who filed it for her",
            vec![entry(
                "system:serviceaccount:bots:tickets",
                "system:serviceaccount:bots:tickets",
                "security",
                "Approve",
            )],
            &["HasAsked"],
        ),
        (
            "L11 who wrote the change, through a group",
            vec![entry("frank", "billing-owners", "owner", "Approve")],
            &["HasAsked"],
        ),
        (
            "a user called like a group",
            vec![entry("billing-owners", "billing-owners", "owner", "Approve")],
            &["NotListed"],
        ),
        ("another step's group", vec![entry("bob", "billing-owners", "security", "Approve")], &["NotListed"]),
        ("a step that is not there", vec![entry("bob", "billing-owners", "emergency", "Approve")], &["NotListed"]),
        ("everybody's group", vec![entry("erin", "system:authenticated", "security", "Approve")], &["NotListed"]),
        ("somebody else's name", vec![entry("erin", "carol", "security", "Approve")], &["NotListed"]),
        (
            "B3 a bot that is listed by its full name",
            vec![entry(
                "system:serviceaccount:bots:tracker",
                "system:serviceaccount:bots:tracker",
                "security",
                "Approve",
            )],
            &["Counted"],
        ),
        (
            "a machine in a group",
            vec![entry("system:serviceaccount:a:b", "billing-owners", "owner", "Approve")],
            &["NotListed"],
        ),
        ("C13 a bare yes", vec![with(ok(), "comment", json!("ok"))], &["BareYes"]),
        ("C13 a yes without a word", vec![with(ok(), "comment", Value::Null)], &["BareYes"]),
        (
            "a bare no is a no",
            vec![with(entry("bob", "billing-owners", "owner", "Deny"), "comment", Value::Null)],
            &["Counted"],
        ),
        ("a backup before its time", vec![entry("eve", "leads", "owner", "Approve")], &["TooEarly"]),
        ("a backup's no before its time", vec![entry("eve", "leads", "owner", "Deny")], &["TooEarly"]),
        (
            "D12 one person, two steps",
            vec![entry("bob", "billing-owners", "owner", "Approve"), entry("bob", "security", "security", "Approve")],
            &["Counted", "CountedBefore"],
        ),
    ];
    for (sentence, approvals, expected) in rows {
        assert_eq!(reasons(approvals.clone()), *expected, "{sentence}");
    }
    let told: BTreeSet<String> = rows.iter().flat_map(|(_, _, r)| r.iter().map(|r| (*r).to_owned())).collect();
    for why in Disregard::VARIANTS.iter().filter(|w| **w != Disregard::OtherEpoch) {
        assert!(told.contains(<&str>::from(*why)), "{why:?} has no example");
    }
}
#[test]
fn d12_every_step_needs_its_own_people() {
    let (bob, carol, dora) = (
        entry("bob", "billing-owners", "owner", "Approve"),
        entry("carol", "carol", "security", "Approve"),
        entry("dora", "security", "security", "Approve"),
    );
    let verdict = |approvals: &[&Value]| {
        counted(&two_steps(), &request(approvals.iter().map(|a| (*a).clone()).collect(), "e1"), &intact()).verdict
    };
    let waits = |verdict: Verdict| match verdict {
        Verdict::Waiting(steps) => steps.into_iter().map(|w| (w.step, w.need)).collect(),
        _ => vec![],
    };
    assert_eq!(waits(verdict(&[])), [("owner".into(), 1), ("security".into(), 2)]);
    assert_eq!(waits(verdict(&[&bob, &carol])), [("security".into(), 1)]);
    assert_eq!(waits(verdict(&[&carol, &dora])), [("owner".into(), 1)]);
    assert!(matches!(verdict(&[&bob, &carol, &dora]), Verdict::StepsMet(all) if all.len() == 3));
    let no = entry("dora", "security", "security", "Deny");
    assert!(matches!(verdict(&[&bob, &carol, &no]), Verdict::Denied(by) if by.by == "dora"));
    let more = entry("dora", "security", "security", "RequestDetail");
    assert!(matches!(verdict(&[&bob, &more]), Verdict::DetailWanted(by) if by.by == "dora"));
}
fn complete_since(mut request: AccessRequest, seconds: i64, groups: &[&str]) -> AccessRequest {
    let at = Instant::new(DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap());
    let condition =
        json!({"type": "Screened", "status": "True", "reason": "Complete", "message": "", "lastTransitionTime": at});
    request.status.as_mut().unwrap().conditions = vec![serde_json::from_value(condition).unwrap()];
    request.spec.requester.groups = groups.iter().map(|g| (*g).to_owned()).collect();
    request
}
fn first_waiting(count: &Count) -> Waiting {
    let Verdict::Waiting(steps) = &count.verdict else { panic!("{count:?}") };
    steps[0].clone()
}
#[test]
fn d15_backups_may_decide_after_their_delay_and_not_before() {
    let backup = || vec![entry("eve", "leads", "owner", "Approve")];
    let at = |seconds, approvals| {
        let filed = complete_since(request(approvals, "e1"), 0, &["support"]);
        counted_at(seconds, &two_steps(), &filed, &intact())
    };
    let leads = Subject { kind: SubjectKind::Group, name: "leads".into() };
    let early = first_waiting(&at(899, vec![]));
    assert!(!early.approvers.contains(&leads) && early.backups == [leads.clone()], "{early:?}");
    assert_eq!(early.backups_from.map(|from| from.get().timestamp()), Some(1_800_000_900));
    let due = first_waiting(&at(900, vec![]));
    assert!(due.approvers.contains(&leads) && due.backups_from == early.backups_from, "{due:?}");
    assert_eq!(at(899, backup()).judged[0].reason, "TooEarly");
    assert_eq!(at(900, backup()).judged[0].reason, COUNTED);
    assert_eq!(at(900, backup()).agreed.len(), 1);
    let now = |seconds: i64| Now {
        wall: DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap(),
        server_ahead: TimeDelta::zero(),
    };
    assert_eq!(next_backups(&[early], now(899)), Some(TimeDelta::seconds(1)));
    assert_eq!(next_backups(&[due], now(900)), None);
}
#[test]
fn d15_what_a_backup_said_is_judged_by_when_it_was_first_seen() {
    let mut filed = complete_since(request(vec![entry("eve", "leads", "owner", "Approve")], "e1"), 0, &[]);
    let early = counted_at(899, &two_steps(), &filed, &intact());
    filed.status.as_mut().unwrap().decisions = early.judged;
    assert_eq!(counted_at(2000, &two_steps(), &filed, &intact()).judged[0].reason, "TooEarly", "it stays so");
    filed.status.as_mut().unwrap().decisions.clear();
    let due = counted_at(900, &two_steps(), &filed, &intact());
    filed.status.as_mut().unwrap().decisions = due.judged;
    let again = complete_since(filed, 1000, &[]);
    assert_eq!(counted_at(1001, &two_steps(), &again, &intact()).judged[0].reason, COUNTED, "screened anew since");
}
#[test]
fn d16_backups_act_at_once_where_the_requester_belongs_to_the_step() {
    let leads = Subject { kind: SubjectKind::Group, name: "leads".into() };
    let by_group = complete_since(request(vec![], "e1"), 0, &["support", "billing-owners"]);
    let waiting = first_waiting(&counted(&two_steps(), &by_group, &intact()));
    assert!(waiting.approvers.contains(&leads), "{waiting:?}");
    assert_eq!(waiting.backups_from.map(|from| from.get().timestamp()), Some(1_800_000_000));
    let by_name =
        policy(json!({"approval": {"steps": [{"name": "owner", "approvers": [{"kind": "User", "name": "alice"}],
        "backups": {"after": "15m", "approvers": [{"kind": "Group", "name": "leads"}]}}]}}));
    let waiting = first_waiting(&counted(&by_name, &complete_since(request(vec![], "e1"), 0, &[]), &intact()));
    assert_eq!(waiting.approvers, [leads], "and alice is not asked about herself");
    // A name that may never decide is nobody's membership.
    let system = policy(json!({"approval": {"steps": [{"name": "owner",
        "approvers": [{"kind": "Group", "name": "system:authenticated"}, {"kind": "Group", "name": "billing-owners"}],
        "backups": {"after": "15m", "approvers": [{"kind": "Group", "name": "leads"}]}}]}}));
    let everybody = complete_since(request(vec![], "e1"), 0, &["system:authenticated"]);
    assert_eq!(first_waiting(&counted(&system, &everybody, &intact())).approvers.len(), 1);
}
#[test]
fn d12_a_step_that_is_not_needed_is_not_waited_for_and_no_needed_one_is_skipped() {
    let steps = |when: &str| {
        policy(json!({"approval": {"steps": [
            {"name": "owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]},
            {"name": "security", "when": when, "approvers": [{"kind": "Group", "name": "security"}]}]}}))
    };
    let owner = || request(vec![entry("bob", "billing-owners", "owner", "Approve")], "e1");
    let verdict = |when: &str| counted(&steps(when), &owner(), &intact()).verdict;
    assert!(matches!(verdict("access.level != 'ReadOnly'"), Verdict::StepsMet(all) if all.len() == 1));
    assert!(matches!(verdict("access.level == 'ReadOnly'"), Verdict::Waiting(steps) if steps[0].step == "security"));
    assert!(matches!(verdict("request.plan == 'x'"), Verdict::Waiting(steps) if steps[0].step == "security"));
    let unjudged = counted(&steps("request.plan == 'x'"), &owner(), &intact()).unjudged;
    assert!(unjudged[0].starts_with("`security` is needed, as its `when` cannot be judged: "), "{unjudged:?}");
    // Where nothing is needed, nobody agreed.
    let none = policy(
        json!({"approval": {"steps": [{"name": "owner", "when": "false", "approvers": [{"kind": "Group", "name": "billing-owners"}]}]}}),
    );
    assert!(matches!(counted(&none, &owner(), &intact()).verdict, Verdict::Waiting(steps) if steps.is_empty()));
}
#[test]
fn c13_the_length_of_a_comment_is_published() {
    let policy = policy(json!({"approval": {"commentMinLength": 33,
        "steps": [{"name": "owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]}]}}));
    assert_eq!(first_waiting(&counted(&policy, &request(vec![], "e1"), &intact())).comment_min_length, 33);
}
#[test]
fn g1_backups_may_end_it_and_approvers_have_the_first_places() {
    let many = |of: &str| (0..32).map(|n| json!({"kind": "Group", "name": format!("{of}-{n:02}")})).collect::<Vec<_>>();
    let policy = policy(json!({"approval": {"steps": [
        {"name": "a", "approvers": many("z"), "backups": {"approvers": many("a")}},
        {"name": "b", "approvers": many("y"), "backups": {"approvers": many("b")}}]}}));
    let installation = installation();
    let filed = request(vec![], "e1");
    let namespace = Namespace::default();
    let filing = filing(&filed, &policy, &namespace, &installation);
    let all = closers(&filing);
    assert!(all.len() == CLOSERS && all.iter().all(|s| s.name.starts_with(['y', 'z'])), "{all:?}");
    let mut fewer = policy.clone();
    fewer.spec.approval.steps.remove(1);
    let all = closers(&Filing { policy: &fewer, ..filing });
    assert!(all.len() == CLOSERS && all.iter().any(|s| s.name == "a-00"), "backups too: {all:?}");
}
#[test]
fn a16_a_policy_without_steps_approves_nothing() {
    let policy = policy(json!({"approval": {"steps": []}}));
    assert!(matches!(counted(&policy, &request(vec![], "e1"), &intact()).verdict, Verdict::Waiting(_)));
}
#[test]
fn decisions_from_before_an_epoch_of_admission_do_not_count() {
    let policy = policy(json!({}));
    let approved = || vec![entry("bob", "billing-owners", "service-owner", "Approve")];
    let old = counted(&policy, &request(approved(), "e0"), &intact());
    assert_eq!((old.judged[0].reason.as_str(), old.judged[0].counted), ("OtherEpoch", false));
    // Once the new epoch is on the request, the same entry is still the old one.
    let mut later = request(approved(), "e1");
    later.status.as_mut().unwrap().decisions = old.judged;
    assert_eq!(counted(&policy, &later, &intact()).judged[0].reason, "OtherEpoch");
    // A refusal is a refusal whenever it was written.
    let no = vec![entry("bob", "billing-owners", "service-owner", "Deny")];
    assert!(matches!(counted(&policy, &request(no, "e0"), &intact()).verdict, Verdict::Denied(_)));
    // A guard that has not looked yet voids nothing for good.
    assert_eq!(counted(&policy, &request(approved(), "e0"), &Guard::Unknown).judged[0].reason, COUNTED);
}
#[test]
fn d20_the_command_is_ready_to_paste() {
    let Verdict::Waiting(steps) = counted(&policy(json!({})), &request(vec![], "e1"), &intact()).verdict else {
        panic!("it waits")
    };
    let command = &steps[0].command;
    assert!(
        command.starts_with("kubectl -n billing patch accessrequest sup-4812 --subresource=status --type=json -p '["),
        "{command}"
    );
    assert!(
        command
            .contains(r#""as":"billing-owners","step":"service-owner","decision":"Approve","revision":"7f3a2c1b-2""#),
        "{command}"
    );
}
#[test]
fn f1_the_command_writes_nothing_once_other_permissions_are_shown() {
    let (request, policy, namespace, installation) =
        (request(vec![], "e1"), policy(json!({})), Namespace::default(), installation());
    let rules = |verb: &str| -> Vec<PolicyRule> {
        serde_json::from_value(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}])).unwrap()
    };
    let (first, second) = (rules("get"), rules("delete"));
    let filing = filing(&request, &policy, &namespace, &installation);
    let stage = Stage { access: &policy.spec.access[1], rules: &second, duration: TimeDelta::minutes(5) };
    let filing = Filing { rules: &first, then: Some(stage), ..filing };
    let command = command(&filing, "service-owner", None);
    let patch = command.split("-p '").nth(1).unwrap().replace(r#"'"$("#, "").trim_end_matches('\'').replace(")\"'", "");
    let whoami = "kubectl auth whoami -o jsonpath='{.status.userInfo.username}'";
    let patch: Value = serde_json::from_str(&patch.replace(whoami, "bob")).unwrap();
    let tests = |field: &str, rules: &[PolicyRule]| json!({"op": "test", "path": format!("/status/{field}/rulesSha256"), "value": role::digest(rules)});
    assert_eq!(patch[0], tests("permissions", &first));
    assert_eq!(patch[1], tests("thenPermissions", &second));
    assert_eq!((&patch[2]["op"], patch.as_array().unwrap().len()), (&json!("add"), 3));
}

fn any_entry() -> impl Strategy<Value = Value> {
    let who = prop::sample::select(vec!["alice", "bob", "carol", "dora", "eve", "billing-owners", "system:admin"]);
    let as_ = prop::sample::select(vec![
        "alice",
        "bob",
        "carol",
        "billing-owners",
        "leads",
        "security",
        "lawyers",
        "system:authenticated",
    ]);
    let step = prop::sample::select(vec!["owner", "security", "legal", "emergency"]);
    let decision = prop::sample::select(vec!["Approve", "Approve", "Approve", "Deny", "RequestDetail"]);
    let revision = prop::sample::select(vec![REVISION, REVISION, REVISION, "7f3a2c1b-1"]);
    (who, as_, step, decision, revision).prop_map(|(who, as_, step, decision, revision)| {
        with(entry(who, as_, step, decision), "revision", json!(revision))
    })
}
proptest! {
    #[test]
    fn removing_an_approval_never_grants(
        entries in prop::collection::vec(any_entry(), 0..8),
        gone in any::<prop::sample::Index>(),
        when in any_when(),
        after in 0i64..2000,
    ) {
        let approves = |entries: &[Value]| {
            let filed = complete_since(request(entries.to_vec(), "e1"), 0, &[]);
            matches!(counted_at(after, &matrix_of(when), &filed, &intact()).verdict, Verdict::StepsMet(_))
        };
        if let Some(at) = (!entries.is_empty()).then(|| gone.index(entries.len())) {
            let mut fewer = entries.clone();
            let removed = fewer.remove(at);
            if removed["decision"] == "Approve" && approves(&fewer) {
                prop_assert!(approves(&entries), "without {removed} it is granted, with it not");
            }
        }
    }
    #[test]
    fn d9_the_requester_never_counts_and_d12_every_needed_step_has_its_own_people(
        entries in prop::collection::vec(any_entry(), 0..8),
        when in any_when(),
        after in 0i64..2000,
    ) {
        let filed = complete_since(request(entries, "e1"), 0, &["billing-owners", "leads"]);
        let count = counted_at(after, &matrix_of(when), &filed, &intact());
        prop_assert!(count.judged.iter().all(|j| j.by != "alice" || !j.counted));
        if let Verdict::StepsMet(all) = count.verdict {
            let people: BTreeSet<_> = all.iter().map(|a| &a.by).collect();
            prop_assert_eq!(people.len(), all.len(), "one person twice");
            let of = |step: &str| all.iter().filter(|a| a.step == step).count();
            prop_assert!(of("owner") >= 1 && of("security") >= 2 && (when == "false" || of("legal") >= 1), "a step was skipped");
        }
    }
    #[test]
    fn d15_a_backup_counts_only_from_its_time_on(
        entries in prop::collection::vec(any_entry(), 0..8), after in 0i64..2000,
    ) {
        let filed = complete_since(request(entries.clone(), "e1"), 0, &[]);
        let count = counted_at(after, &matrix_of("true"), &filed, &intact());
        for (entry, judged) in entries.iter().zip(&count.judged) {
            let stands_in = entry["as"] == "leads";
            prop_assert!(!stands_in || !judged.counted || after >= 900, "{entry} after {after} s");
        }
    }
}
/// Two steps, and a third that is needed by its condition.
fn matrix_of(when: &str) -> AccessPolicy {
    let mut policy = two_steps();
    let legal = json!({"name": "legal", "when": when, "approvers": [{"kind": "Group", "name": "lawyers"}]});
    policy.spec.approval.steps.push(serde_json::from_value(legal).unwrap());
    policy
}
fn any_when() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["true", "false", "request.plan == 'x'", "acces"])
}
