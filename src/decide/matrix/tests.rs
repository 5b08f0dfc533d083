use super::*;
use crate::api::policy::AccessPolicy;
use crate::api::request::AccessRequest;
use crate::decide::screening::tests::{filing, installation, policy};
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};

/// One request for 30m of `logs` (ReadOnly) by alice, on a Saturday morning.
fn filed<T>(approval: Value, labels: Value, of: impl FnOnce(&Filing<'_>) -> T) -> T {
    let policy: AccessPolicy = policy(json!({"approval": approval}));
    let request: AccessRequest =
        serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1},
        "spec": {"policy": "customer-support", "reason": "Check why invoice totals changed.", "ticket": "SUP-4812",
            "requester": {"username": "alice", "groups": ["support"]}}}))
        .unwrap();
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"name": "billing", "labels": labels}})).unwrap();
    let installation = installation();
    let saturday = "2026-11-21T05:00:00Z".parse().unwrap();
    of(&Filing { now: saturday, ..filing(&request, &policy, &namespace, &installation) })
}
fn step(name: &str, when: Value) -> Value {
    let mut step = json!({"name": name, "approvers": [{"kind": "Group", "name": "billing-owners"}]});
    if !when.is_null() {
        step["when"] = when;
    }
    step
}
fn needed(when: Value, labels: Value) -> (Vec<String>, Vec<String>, usize) {
    let approval = json!({"steps": [step("owner", Value::Null), step("security", when)]});
    filed(approval, labels, |filing| {
        let Needs { needed, not_needed, unjudged } = Judgement::of(*filing).needs;
        let names = |steps: Vec<&Step>| steps.into_iter().map(|s| s.name.clone()).collect();
        (names(needed), names(not_needed), unjudged.len())
    })
}

#[test]
fn d12_a_step_is_needed_where_its_when_holds_and_where_nobody_can_tell() {
    let high = "namespaceObject.metadata.labels['curfew.dev/sensitivity'] == 'high'";
    let both = || vec!["owner".to_owned(), "security".to_owned()];
    for (sentence, when, labels, is_needed, unjudged) in [
        ("no condition", Value::Null, json!({}), true, 0),
        ("it holds", json!("access.level == 'ReadOnly'"), json!({}), true, 0),
        ("it does not", json!("access.level != 'ReadOnly' || duration > duration('30m')"), json!({}), false, 0),
        ("D12 a sensitive namespace", json!(high), json!({"curfew.dev/sensitivity": "high"}), true, 0),
        ("D12 another one", json!(high), json!({"curfew.dev/sensitivity": "low"}), false, 0),
        ("one that nobody classified", json!(high), json!({}), true, 1),
        ("one that cannot be read", json!("acces.level == 'x'"), json!({}), true, 1),
        ("no yes or no", json!("request.ticket"), json!({}), true, 1),
        ("D6 outside work hours", json!("!inWorkHours"), json!({}), true, 0),
        ("D6 within them", json!("inWorkHours"), json!({}), false, 0),
        ("X11 no data is asked for", json!("size(data) > 1"), json!({}), false, 0),
    ] {
        let (needed, not_needed, why) = needed(when, labels);
        assert_eq!((needed == both(), not_needed.is_empty(), why), (is_needed, is_needed, unjudged), "{sentence}");
    }
}

fn rule(name: &str, then: &str, when: &str) -> Value {
    json!({"name": name, "then": then, "when": when, "message": "So it is written."})
}
#[test]
fn c12_deny_beats_approve_and_what_cannot_be_judged_never_approves() {
    let yes = || rule("yes", "Approve", "true");
    let no = || rule("no", "Deny", "true");
    let open = || rule("open", "Approve", "duration > duration('1h')");
    let errs = |then| rule("errs", then, "namespaceObject.metadata.labels['zone'] == 'x'");
    for (sentence, rules, ruled_) in [
        ("no rule", vec![], "Open"),
        ("one that does not hold", vec![open()], "Open"),
        ("one that agrees", vec![open(), yes()], "Approved yes"),
        ("the first that agrees", vec![rule("first", "Approve", "true"), yes()], "Approved first"),
        ("Deny beats Approve", vec![yes(), no()], "Denied no"),
        ("a Deny that cannot be judged", vec![yes(), errs("Deny")], "Held"),
        ("an Approve that cannot be judged", vec![yes(), errs("Approve")], "Held"),
        ("a Deny is one whatever else there is", vec![errs("Deny"), yes(), no()], "Denied no"),
        ("one that cannot be read", vec![yes(), rule("bad", "Deny", "freeze")], "Held"),
    ] {
        let approval = json!({"steps": [step("owner", Value::Null)], "rules": rules});
        let said = filed(approval, json!({}), |filing| match Judgement::of(*filing).ruled {
            Ruled::Open => "Open".to_owned(),
            Ruled::Denied(rule) => format!("Denied {}", rule.name),
            Ruled::Approved(rule) => format!("Approved {}", rule.name),
            Ruled::Held(why) => {
                assert!(why.contains('`') && why.contains(": "), "{why}");
                "Held".to_owned()
            }
        });
        assert_eq!(said, ruled_, "{sentence}");
    }
}

#[test]
fn c12_every_expression_of_a_policy_is_read_when_it_is_written() {
    let approval: Approval = serde_json::from_value(json!({
        "steps": [step("owner", json!("inWorkHours")), step("security", json!("acces.level == 'x'"))],
        "rules": [rule("freeze", "Deny", "inWorkHours ||\n  freeze"), rule("fine", "Approve", "inWorkHours")]}))
    .unwrap();
    let faults = faults(&approval);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with("spec.approval.steps[security].when: line 1, column 1: there is no `acces`"),
        "{faults:?}"
    );
    assert!(
        faults[1].starts_with("spec.approval.rules[freeze].when: line 2, column 3: there is no `freeze`"),
        "{faults:?}"
    );
}

#[test]
fn b23_conditions_and_rules_look_at_the_second_access_too() {
    let writes = "access.level != 'ReadOnly'";
    let rule =
        |then: &str, when: &str| json!({"name": "r", "when": when, "then": then, "message": "So it is written."});
    let with_second = |approval: Value, of: &dyn Fn(&Filing<'_>)| {
        let offered = policy(json!({}));
        let restart = offered.spec.access.iter().find(|access| access.level > crate::api::subject::Level::ReadOnly);
        let then =
            super::super::second::Stage { access: restart.unwrap(), rules: &[], duration: TimeDelta::minutes(10) };
        filed(approval, json!({}), |filing| of(&Filing { then: Some(then), ..*filing }));
    };
    with_second(json!({"steps": [step("security", json!(writes))]}), &|filing| {
        assert_eq!(Judgement::of(*filing).needs.needed.len(), 1, "whoever agrees, agrees to both");
    });
    let errs = json!([
        step("errs", json!("request.nothing == 1")),
        step("never", json!("false")),
        step("always", json!("true"))
    ]);
    with_second(json!({"steps": errs}), &|filing| {
        let Needs { needed, not_needed, unjudged } = Judgement::of(*filing).needs;
        let names = |of: Vec<&Step>| of.into_iter().map(|step| step.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (names(needed), names(not_needed), unjudged.len()),
            (vec!["errs".into(), "always".into()], vec!["never".into()], 1),
            "what cannot be judged for either changes no other answer"
        );
    });
    let steps = || json!([step("owner", Value::Null)]);
    with_second(json!({"steps": steps(), "rules": [rule("Deny", writes)]}), &|filing| {
        assert!(matches!(Judgement::of(*filing).ruled, Ruled::Denied(_)));
    });
    with_second(json!({"steps": steps(), "rules": [rule("Approve", "access.level == 'ReadOnly'")]}), &|filing| {
        assert_eq!(Judgement::of(*filing).ruled, Ruled::Open, "a rule for reading approves no more than that");
    });
}
