use super::*;
use crate::api::reasons::Screened;
use crate::decide::Audit;
use crate::decide::approval::{self, Verdict};
use crate::decide::matrix::Ruled;
use crate::decide::screening;
use crate::decide::screening::tests::{installation, policy};
use crate::decide::{Guard, Now, term};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::PolicyRule;
use proptest::prelude::*;
use serde_json::{Value, json};

const ROLE: &str = "curfew-logs";

fn noon() -> DateTime<Utc> {
    "2026-12-01T12:00:00Z".parse().unwrap()
}
/// A request of alice, with these parts of its spec.
fn request(changes: Value) -> AccessRequest {
    let mut spec = json!({"policy": "customer-support", "ticket": "SUP-4812", "duration": "10m",
        "reason": "Check why invoice totals changed for customer account 4812.",
        "requester": {"username": "alice", "groups": ["support"]}});
    spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1,
            "creationTimestamp": "2026-12-01T12:00:00Z"}, "spec": spec}))
    .unwrap()
}
/// The request once it was filed under this policy.
fn filed_under_it(policy: &AccessPolicy) -> AccessRequest {
    let mut filed = request(json!({}));
    let status = json!({"revision": "7f3a2c1b-1", "filedUnder": filed_under(policy).unwrap()});
    filed.status = Some(serde_json::from_value(status).unwrap());
    filed
}
/// The same policy, edited.
fn edited(changes: Value) -> AccessPolicy {
    let mut now = policy(changes);
    now.metadata.generation = Some(4);
    now.status.as_mut().unwrap().conditions[0].observed_generation = Some(4);
    now
}
fn people(names: &[&str]) -> Value {
    json!(names.iter().map(|name| json!({"kind": "User", "name": name})).collect::<Vec<_>>())
}
fn step(name: &str, changes: Value) -> Value {
    let mut step = json!({"name": name, "approvers": people(&["bob", "carol"])});
    step.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    step
}
fn steps(steps: Value) -> Value {
    json!({"approval": {"steps": steps}})
}
fn rule(then: &str, when: &str) -> Value {
    json!({"name": "it", "then": then, "when": when, "message": "So it is written."})
}
fn rules(rules: Value) -> Value {
    json!({"approval": {"rules": rules, "steps": [step("owner", json!({}))]}})
}
fn access(name: &str, level: &str, max: Value) -> Value {
    let mut access = json!({"name": name, "level": level, "roleRef": {"kind": "ClusterRole", "name": ROLE}});
    if !max.is_null() {
        access["maxDuration"] = max;
    }
    access
}
fn ticket(pattern: &str) -> Value {
    json!({"evidence": {"ticket": {"pattern": pattern, "message": "m"}, "require": []}})
}

#[test]
fn a15_of_each_part_of_a_policy_the_stricter_text_counts() {
    let evidence = |changes: Value| {
        let mut evidence = json!({"ticket": {"pattern": "^SUP-[0-9]+$", "message": "m"}, "require": []});
        evidence.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        json!({"evidence": evidence})
    };
    let limits = |active: i32, pending: i32, renewals: i32, auto: i32| json!({"limits": {"activePerRequester": active, "pendingPerRequester": pending, "renewals": renewals, "autoApprovalsPerDay": auto}});
    let backups = |after: &str, names: &[&str]| json!({"backups": {"after": after, "approvers": people(names)}});
    let of = |names: &[&str]| json!({"approvers": people(names)});
    let approval = |changes: Value| {
        let mut approval = json!({"steps": [step("owner", json!({}))]});
        approval.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        json!({"approval": approval})
    };
    let rows: Vec<(&str, Value, Value, &str, Value)> = vec![
        ("mode", json!({"mode": "DryRun"}), json!({}), "/mode", json!("DryRun")),
        ("class of data", json!({"dataClass": "Personal"}), json!({}), "/dataClass", json!("Personal")),
        ("maximum", json!({"duration": {"default": "5m", "max": "1h"}}), json!({}), "/duration/max", json!("1h")),
        ("default", json!({"duration": {"default": "5m", "max": "1h"}}), json!({}), "/duration/default", json!("5m")),
        (
            "end of the day",
            json!({"duration": {"default": "5m", "max": "1h", "sameDay": true}}),
            json!({}),
            "/duration/sameDay",
            json!(true),
        ),
        (
            "cap of the access",
            json!({"access": [access("logs", "ReadOnly", json!("7m"))]}),
            json!({"access": [access("logs", "ReadOnly", Value::Null)]}),
            "/access/0/maxDuration",
            json!("7m"),
        ),
        ("evidence", evidence(json!({"require": ["Plan"]})), evidence(json!({})), "/evidence/require", json!(["Plan"])),
        ("records", evidence(json!({"maxRecords": 2})), evidence(json!({})), "/evidence/maxRecords", json!(2)),
        (
            "words",
            evidence(json!({"reason": {"minWords": 9}})),
            evidence(json!({})),
            "/evidence/reason/minWords",
            json!(9),
        ),
        (
            "phrases",
            evidence(json!({"reason": {"rejectPhrases": ["look at it"]}})),
            evidence(json!({})),
            "/evidence/reason/rejectPhrases",
            json!(["look at it"]),
        ),
        (
            "a ticket of both forms has to be of the one that it is not",
            ticket("^INC-[0-9]+$"),
            ticket("^SUP-[0-9]+$"),
            "/evidence/ticket/pattern",
            json!("^INC-[0-9]+$"),
        ),
        (
            "and of the other",
            ticket("^SUP-[0-9]+$"),
            ticket("^INC-[0-9]+$"),
            "/evidence/ticket/pattern",
            json!("^INC-[0-9]+$"),
        ),
        ("active", limits(1, 3, 2, 5), limits(2, 4, 3, 6), "/limits", limits(1, 3, 2, 5)["limits"].clone()),
        ("in part", limits(1, 4, 2, 6), limits(2, 3, 3, 5), "/limits", limits(1, 3, 2, 5)["limits"].clone()),
        (
            "who may not ask under one of them",
            json!({"requesters": people(&["eve"])}),
            json!({}),
            "/requesters",
            people(&["eve"]),
        ),
        (
            "labels",
            json!({"namespaces": {"matchLabels": {"team": "billing"}}}),
            json!({"namespaces": {"matchLabels": {"zone": "production"}}}),
            "/namespaces",
            json!({"matchLabels": {"team": "billing", "zone": "production"}}),
        ),
        ("an empty selector selects nothing", json!({"namespaces": {}}), json!({}), "/namespaces", json!({})),
        (
            "timeout",
            approval(json!({"pendingTimeout": "10m"})),
            approval(json!({})),
            "/approval/pendingTimeout",
            json!("10m"),
        ),
        (
            "comment",
            approval(json!({"commentMinLength": 50})),
            approval(json!({})),
            "/approval/commentMinLength",
            json!(50),
        ),
        (
            "a step that was dropped",
            steps(json!([step("owner", json!({})), step("security", json!({}))])),
            steps(json!([step("owner", json!({}))])),
            "/approval/steps/1/name",
            json!("security"),
        ),
        (
            "a step that was added",
            steps(json!([step("owner", json!({}))])),
            steps(json!([step("owner", json!({})), step("security", json!({}))])),
            "/approval/steps/1/name",
            json!("security"),
        ),
        (
            "how many agree",
            steps(json!([step("owner", json!({"count": 2}))])),
            steps(json!([step("owner", json!({}))])),
            "/approval/steps/0/count",
            json!(2),
        ),
        (
            "D12 who both let decide",
            steps(json!([step("owner", of(&["bob", "eve"]))])),
            steps(json!([step("owner", of(&["dora", "bob"]))])),
            "/approval/steps/0/approvers",
            people(&["bob"]),
        ),
        (
            "D15 who stands in under one of them stands in",
            steps(json!([step("owner", of(&["bob", "eve"]))])),
            steps(json!([step("owner", backups("20m", &["eve"]))])),
            "/approval/steps/0/backups",
            backups("20m", &["eve"])["backups"].clone(),
        ),
        (
            "D15 as late as the later says",
            steps(json!([step("owner", backups("30m", &["dora", "eve"]))])),
            steps(json!([step("owner", backups("5m", &["dora"]))])),
            "/approval/steps/0/backups",
            backups("30m", &["dora"])["backups"].clone(),
        ),
        (
            "a step is needed where one of them needs it",
            steps(json!([step("owner", json!({"when": "access.name == 'logs'"})), step("all", json!({}))])),
            steps(json!([step("owner", json!({"when": "size(data) > 1"})), step("all", json!({}))])),
            "/approval/steps/0/when",
            json!("(access.name == 'logs'\n) || (size(data) > 1\n)"),
        ),
        (
            "always, where one of them always needs it",
            steps(json!([step("owner", json!({})), step("all", json!({}))])),
            steps(json!([step("owner", json!({"when": "size(data) > 1"})), step("all", json!({}))])),
            "/approval/steps/0/when",
            Value::Null,
        ),
        (
            "always, where the two are too long for one",
            steps(json!([
                step("owner", json!({"when": format!("request.ticket != '{}'", "x".repeat(400))})),
                step("all", json!({}))
            ])),
            steps(json!([
                step("owner", json!({"when": format!("request.ticket != '{}'", "y".repeat(400))})),
                step("all", json!({}))
            ])),
            "/approval/steps/0/when",
            Value::Null,
        ),
        (
            "C12 a refusal that was dropped",
            rules(json!([rule("Deny", "true")])),
            rules(json!([])),
            "/approval/rules/0",
            json!({"name": "it", "then": "Deny", "when": "true", "message": "as the policy was when this was filed: So it is written."}),
        ),
        (
            "C12 a rule approves only where it stands in both",
            rules(json!([])),
            rules(json!([rule("Approve", "true")])),
            "/approval/rules/0/when",
            json!("(true\n) ? false : false"),
        ),
        (
            "C12 and there it does",
            rules(json!([rule("Approve", "true"), rule("Deny", "false")])),
            rules(json!([rule("Approve", "true")])),
            "/approval/rules/0/when",
            json!("true"),
        ),
        (
            "L4 who files for others under both",
            json!({"onBehalf": {"filers": ["flux", "argo"], "satisfies": ["service-owner"]}}),
            json!({"onBehalf": {"filers": ["flux"]}}),
            "/onBehalf",
            json!({"filers": ["flux"]}),
        ),
        (
            "L4 nobody, where one of them lets nobody",
            json!({}),
            json!({"onBehalf": {"filers": ["flux"]}}),
            "/onBehalf",
            Value::Null,
        ),
    ];
    for (sentence, filed, now, at, expected) in rows {
        let (filed, now) = (policy(filed).spec, policy(now).spec);
        let both = serde_json::to_value(stricter(&filed, &now, &request(json!({}))).unwrap()).unwrap();
        assert_eq!(both.pointer(at).unwrap_or(&Value::Null), &expected, "{sentence}");
    }
}

#[test]
fn a15_what_cannot_both_be_held_to_is_said_and_never_guessed() {
    let two = |first: &str, second: &str| json!({"access": [access(first, "ReadOnly", Value::Null), access(second, "ReadOnly", Value::Null)]});
    let one = |level: &str| json!({"access": [access("logs", level, Value::Null)]});
    let zone = |zone: &str, more: Value| {
        let mut policy = json!({"calendar": {"timeZone": zone}});
        policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        policy
    };
    let work = || steps(json!([step("owner", json!({})), step("lead", json!({"when": "!inWorkHours"}))]));
    let same_day = || json!({"duration": {"default": "5m", "max": "1h", "sameDay": true}});
    let named: Vec<_> = (0..6).map(|n| step(&format!("a{n}"), json!({}))).collect();
    let others: Vec<_> = (0..6).map(|n| step(&format!("b{n}"), json!({}))).collect();
    let long = format!("request.ticket != '{}'", "x".repeat(480));
    for (sentence, filed, now, says) in [
        (
            "its level",
            one("ReadOnly"),
            one("Write"),
            Some("access `logs` was ReadOnly by ClusterRole curfew-logs and is Write"),
        ),
        (
            "what it asks for without saying",
            two("logs", "read"),
            two("debug", "logs"),
            Some("its first access is another"),
        ),
        ("what is higher", two("logs", "read"), two("read", "logs"), Some("first access")),
        ("work hours that a step speaks of", zone("Europe/Berlin", work()), zone("UTC", work()), Some("spec.calendar")),
        (
            "the end of a day",
            zone("Europe/Berlin", same_day()),
            zone("UTC", same_day()),
            Some("spec.calendar.timeZone"),
        ),
        ("a calendar that nothing depends on", zone("Europe/Berlin", json!({})), zone("UTC", json!({})), None),
        (
            "nobody decides under both",
            steps(json!([step("owner", json!({}))])),
            steps(json!([step("owner", json!({"approvers": people(&["dora"])}))])),
            Some("step `owner` lists nobody whom it listed then"),
        ),
        (
            "a text under which perhaps nobody could agree",
            steps(json!([step("owner", json!({}))])),
            steps(json!([step("owner", json!({"when": "duration > duration('9m')"}))])),
            Some("one of the texts has no step without `when`"),
        ),
        ("more steps than can be waited for", steps(json!(named)), steps(json!(others)), Some("12 steps")),
        (
            "a rule that is too long",
            rules(json!([rule("Approve", &long)])),
            rules(json!([])),
            Some("rule `it` stands in one"),
        ),
        ("a rule that cannot be read counts as it is", rules(json!([rule("Approve", "1 +")])), rules(json!([])), None),
    ] {
        let (filed, now) = (policy(filed).spec, policy(now).spec);
        let found = stricter(&filed, &now, &request(json!({}))).err();
        assert_eq!(found.is_some(), says.is_some(), "{sentence}: {found:?}");
        assert!(found.is_none_or(|words| words.contains(says.unwrap())), "{sentence}");
    }
}

#[test]
fn a15_an_access_is_offered_where_both_offer_it_and_keeps_its_place() {
    let offers = |names: &[&str]| {
        let all: Vec<_> = names.iter().map(|name| access(name, "ReadOnly", Value::Null)).collect();
        policy(json!({"access": all})).spec
    };
    for (sentence, filed, now, asks, expected) in [
        ("a lower one was added", &["logs"][..], &["read", "logs"][..], "logs", &["read", "logs"][..]),
        ("the lower one was dropped", &["read", "logs"], &["logs"], "logs", &["read", "logs"]),
        ("a higher one was dropped", &["logs", "exec"], &["logs"], "logs", &["logs", "exec"]),
        ("one in between", &["a", "x", "b"], &["a", "y", "b"], "b", &["a", "x", "y", "b"]),
        ("it was dropped", &["logs", "exec"], &["logs"], "exec", &["logs"]),
        ("it was added", &["logs"], &["logs", "exec"], "exec", &["logs"]),
    ] {
        let both = stricter(&offers(filed), &offers(now), &request(json!({"access": asks}))).unwrap();
        assert_eq!(both.access.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), expected, "{sentence}");
    }
}

#[test]
fn a15_a_request_is_held_to_the_text_that_it_was_filed_under() {
    let (before, mut filed) = (policy(json!({"duration": {"default": "5m", "max": "20m"}})), request(json!({})));
    assert_eq!(law(&filed, &edited(json!({}))).edits, Edits::None, "filed by nothing yet");
    filed = filed_under_it(&before);
    let max = |law: &Law<'_>| law.policy.spec.duration.max.to_string();
    assert_eq!((law(&filed, &before).edits, max(&law(&filed, &before))), (Edits::None, "20m".into()));
    let looser = edited(json!({}));
    assert_eq!((law(&filed, &looser).edits, max(&law(&filed, &looser))), (Edits::Both(3), "20m".into()));
    assert_eq!(law(&filed, &looser).policy.metadata, looser.metadata, "it is Ready as the present one is");
    assert_eq!((filed_generation(&filed, &looser), filed_generation(&filed, &before)), (Some(3), None));
    let stricter = edited(json!({"duration": {"default": "5m", "max": "10m"}}));
    assert_eq!(max(&law(&filed, &stricter)), "10m");

    let mut amended = filed.clone();
    amended.metadata.generation = Some(2);
    assert_eq!((law(&amended, &looser).edits, max(&law(&amended, &looser))), (Edits::None, "2h".into()), "a new text");
    let mut anew = before.clone();
    anew.metadata.uid = Some("another".into());
    assert!(matches!(law(&filed, &anew).edits, Edits::Apart(why) if why.contains("made anew")));
    for (kept, says) in [(None, "too long"), (Some("{"), "cannot be read")] {
        let mut lost = filed.clone();
        lost.status.as_mut().unwrap().filed_under.as_mut().unwrap().spec = kept.map(str::to_owned);
        assert!(matches!(law(&lost, &looser).edits, Edits::Apart(why) if why.contains(says)), "{says}");
        assert_eq!(law(&lost, &before).edits, Edits::None, "nothing was edited");
    }
}

#[test]
fn a15_a_text_counts_as_filed_under_once_it_is_ready_and_what_is_only_told_is_not_kept() {
    let ready = policy(json!({"neverFor": ["curiosity"]}));
    let kept = filed_under(&ready).unwrap();
    let spec = kept.spec.unwrap();
    assert_eq!((kept.uid.as_str(), kept.generation), ("11111111-0000", 3));
    assert!(
        !spec.contains("curiosity") && !spec.contains("dashboards") && !spec.contains("A customer reported"),
        "{spec}"
    );
    let mut unready = ready;
    unready.metadata.generation = Some(4);
    assert_eq!(filed_under(&unready), None, "a text that nothing can be granted under binds nobody");
    let approvers: Vec<_> = (0..1200).map(|n| format!("{n}-{}", "x".repeat(240))).collect();
    let names: Vec<_> = approvers.iter().map(String::as_str).collect();
    let vast = policy(steps(json!([step("owner", json!({"approvers": people(&names)}))])));
    assert_eq!(filed_under(&vast).unwrap().spec, None);
}

#[test]
fn a15_who_asks_and_who_decides_read_that_the_policy_was_edited() {
    let policy = edited(json!({}));
    let said = in_words(&Edits::Both(3), Some(&policy));
    assert!(
        said.starts_with("; the policy was edited since this was filed (generation 3, now 4): what both texts ask"),
        "{said}"
    );
    assert_eq!(in_words(&Edits::None, Some(&policy)), "");
}

/// What a request comes to under one text.
#[derive(Debug, PartialEq)]
struct Comes {
    complete: bool,
    ruled: &'static str,
    agreed: bool,
    longest: Option<TimeDelta>,
}
fn comes(spec: &AccessPolicySpec, request: &AccessRequest, labels: &Value) -> Comes {
    let mut policy = policy(json!({}));
    policy.spec = spec.clone();
    let (installation, rules, edits) = (installation(), Vec::<PolicyRule>::new(), Edits::None);
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"name": "billing", "labels": labels}})).unwrap();
    let seen = Seen {
        now: noon(),
        request,
        policy: Some(&policy),
        edits: &edits,
        missed: &[],
        audit: Audit::Absent,
        policies: &[],
        namespace: Some(&namespace),
        rules: Some(&rules),
        then_rules: Some(&rules),
        live: &[],
        earlier: &[],
        pending: &[],
        installation: &installation,
    };
    let screening = screening::screen(&seen);
    let judgement = screening.judgement.as_ref();
    let ruled = judgement.map_or("none", |judgement| match judgement.ruled {
        Ruled::Open => "open",
        Ruled::Denied(_) => "denied",
        Ruled::Approved(_) => "approved",
        Ruled::Held(_) => "held",
    });
    let now = Now { wall: noon(), server_ahead: TimeDelta::zero() };
    let guard = Guard::Intact { epoch: "e1".into() };
    let agreed =
        judgement.is_some_and(|of| matches!(approval::count(of, &guard, &[], now).verdict, Verdict::StepsMet(_)));
    let longest = judgement.map(|of| term::longest(spec, of.filing.access, &installation, noon()).0);
    Comes { complete: screening.screened == Screened::Complete, ruled, agreed, longest }
}

/// A policy of parts that people change.
fn any_policy() -> impl Strategy<Value = Value> {
    let pick = |of: Vec<Value>| prop::sample::select(of);
    let names = |least: usize| prop::sample::subsequence(vec!["bob", "carol", "dora", "eve"], least..=4);
    let whens = || {
        let missing = "namespaceObject.metadata.labels['no'] == 'x'";
        pick(vec![
            Value::Null,
            Value::Null,
            json!("access.name == 'logs'"),
            json!("duration > duration('9m')"),
            json!("size(data) > 1"),
            json!(missing),
        ])
    };
    let backups = || prop::option::of((pick(vec![json!("0s"), json!("20m")]), names(1)));
    let step = move |name: &'static str| {
        (names(1), 1..3i32, whens(), backups()).prop_map(move |(who, count, when, backups)| {
            let mut step = json!({"name": name, "count": count, "approvers": people(&who)});
            if !when.is_null() {
                step["when"] = when;
            }
            if let Some((after, who)) = backups {
                step["backups"] = json!({"after": after, "approvers": people(&who)});
            }
            step
        })
    };
    let steps = (step("owner"), step("security"), step("lead"), 1..8usize).prop_map(|(a, b, c, which)| {
        let all = [a, b, c].into_iter().enumerate().filter(|(at, _)| which >> at & 1 == 1).map(|(_, step)| step);
        all.collect::<Vec<_>>()
    });
    let rules = prop::sample::subsequence(
        vec![
            rule("Approve", "access.name == 'logs'"),
            rule("Approve", "duration < duration('15m')"),
            rule("Deny", "access.name == 'exec'"),
            rule("Deny", "duration > duration('15m')"),
            rule("Approve", "namespaceObject.metadata.labels['team'] == 'billing'"),
        ],
        0..4,
    );
    let offered = prop::sample::subsequence(vec!["logs", "restart", "exec"], 1..=3);
    let max = pick(vec![Value::Null, json!("10m"), json!("15m")]);
    let access = (offered, max)
        .prop_map(|(names, max)| names.iter().map(|n| access(n, "ReadOnly", max.clone())).collect::<Vec<_>>());
    let selector = pick(vec![
        json!({"matchLabels": {"zone": "production"}}),
        json!({"matchLabels": {"zone": "production", "team": "billing"}}),
        json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["production", "staging"]}]}),
        json!({"matchLabels": {"zone": "staging"}}),
    ]);
    let requesters = pick(vec![
        json!([{"kind": "Group", "name": "support"}]),
        json!([{"kind": "User", "name": "alice"}]),
        json!([{"kind": "Group", "name": "support"}, {"kind": "User", "name": "alice"}]),
        json!([{"kind": "Group", "name": "others"}]),
    ]);
    let evidence = (
        pick(vec![json!("^SUP-[0-9]+$"), json!("^(SUP|INC)-[0-9]+$"), json!("^INC-[0-9]+$")]),
        prop::sample::subsequence(vec!["Plan", "Data"], 0..=2),
        4..8i32,
        1..3i32,
    )
        .prop_map(|(pattern, require, words, records)| {
            json!({"ticket": {"pattern": pattern, "message": "m"}, "require": require, "reason": {"minWords": words}, "maxRecords": records})
        });
    let duration = (pick(vec![json!("10m"), json!("20m"), json!("1h")]), any::<bool>())
        .prop_map(|(max, same_day)| json!({"default": "5m", "max": max, "sameDay": same_day}));
    let class = pick(vec![json!("None"), json!("None"), json!("Personal")]);
    (access, steps, rules, selector, requesters, evidence, duration, class, 0..40i32).prop_map(
        |(access, steps, rules, selector, requesters, evidence, duration, class, comment)| {
            json!({"access": access, "namespaces": selector, "requesters": requesters, "evidence": evidence, "duration": duration, "dataClass": class,
                "approval": {"steps": steps, "rules": rules, "commentMinLength": comment}})
        },
    )
}
fn any_request() -> impl Strategy<Value = AccessRequest> {
    let access = prop::option::of(prop::sample::select(vec!["logs", "restart", "exec"]));
    let then = prop::option::weighted(0.2, prop::sample::select(vec!["restart", "exec"]));
    let duration = prop::sample::select(vec!["5m", "10m", "12m", "18m"]);
    let entries = prop::collection::vec(prop::option::of(prop::sample::select(vec!["owner", "security", "lead"])), 4);
    let given = prop::sample::subsequence(vec!["plan", "whyNotLower", "legalBasis"], 0..=3);
    (access, then, duration, prop::sample::select(vec!["SUP-1", "INC-1"]), entries, given, 0..3usize).prop_map(
        |(access, then, duration, ticket, entries, given, records)| {
            let mut spec = json!({"duration": duration, "ticket": ticket});
            if let Some(access) = access {
                spec["access"] = json!(access);
            }
            if let Some(then) = then {
                spec["then"] = json!({"access": then, "duration": "9m"});
            }
            for field in given {
                spec[field] = match field {
                    "plan" => json!(["kubectl logs deploy/invoicer"]),
                    "legalBasis" => json!({"type": "CustomerConsent", "ref": "SUP-1"}),
                    _ => json!("The worker hangs, and only a restart frees its queue."),
                };
            }
            if records > 0 {
                let keys: Vec<_> = (0..records).map(|n| n.to_string()).collect();
                spec["data"] = json!([{"system": "billing-db", "records": keys}]);
            }
            let entries = ["bob", "carol", "dora", "eve"].iter().zip(entries).filter_map(|(who, step)| {
                Some(json!({"by": who, "as": who, "step": step?, "decision": "Approve", "revision": "7f3a2c1b-1", "comment": "Narrow and tied to a case."}))
            });
            let mut filed = request(spec);
            let since = json!([{"type": "Screened", "status": "True", "reason": "Complete", "message": "", "lastTransitionTime": "2026-12-01T11:50:00Z"}]);
            let status = json!({"revision": "7f3a2c1b-1", "admissionEpoch": "e1", "approvals": entries.collect::<Vec<_>>(), "conditions": since});
            filed.status = Some(serde_json::from_value(status).unwrap());
            filed
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a15_what_passes_under_both_texts_together_passes_under_each(
        filed in any_policy(), now in any_policy(), request in any_request(),
        labels in prop::sample::select(vec![json!({"zone": "production"}), json!({"zone": "production", "team": "billing"}), json!({"zone": "staging"})]),
    ) {
        let (filed, now) = (policy(filed).spec, policy(now).spec);
        let (one, other) = (stricter(&filed, &now, &request), stricter(&now, &filed, &request));
        prop_assert_eq!(one.is_ok(), other.is_ok(), "{:?} {:?}", one, other);
        let (Ok(one), Ok(other)) = (one, other) else { return Ok(()) };
        let both = comes(&one, &request, &labels);
        prop_assert_eq!(&both, &comes(&other, &request, &labels), "whichever came first");
        for text in [&filed, &now] {
            let alone = comes(text, &request, &labels);
            prop_assert!(!both.complete || alone.complete, "incomplete under {text:?}");
            prop_assert!(both.longest.is_none() || both.longest <= alone.longest, "longer than {:?}", alone.longest);
            if !both.complete {
                continue;
            }
            prop_assert!(!both.agreed || alone.agreed, "not agreed to under {text:?}");
            prop_assert!(both.ruled != "approved" || alone.ruled == "approved", "not approved under {text:?}");
            prop_assert!(alone.ruled != "denied" || both.ruled == "denied", "denied under {text:?}");
            prop_assert!(alone.ruled != "held" || ["held", "denied"].contains(&both.ruled), "held under {text:?}");
        }
    }
    #[test]
    fn a15_a_text_that_was_not_edited_is_itself(text in any_policy(), request in any_request()) {
        let text = policy(text).spec;
        prop_assert_eq!(stricter(&text, &text, &request), Ok(text.clone()));
        let kept = AccessPolicySpec { description: String::new(), ..text.clone() };
        let both = stricter(&kept, &text, &request).unwrap();
        let labels = json!({"zone": "production"});
        prop_assert_eq!(comes(&both, &request, &labels), comes(&text, &request, &labels), "what is only told counts for nothing");
    }
}
