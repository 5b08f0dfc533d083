use super::*;
use crate::decide::screening::tests::{World, data, had, policy, renewal_of};
use serde_json::{Value, json};
use std::sync::Arc;

const NONE: &[&str] = &[];

/// The earlier access, as it stands and as old as this, and a request filed at nine.
fn world(mut spec: Value, made: &str, status: Value, asks: Value) -> World {
    spec.as_object_mut().unwrap().entry("expiresAt").or_insert(json!("2026-12-01T09:30:00Z"));
    let mut world = had(spec, asks);
    let grant = Arc::make_mut(&mut world.earlier[0]);
    grant.metadata.creation_timestamp = Some(at(made).into());
    grant.status = serde_json::from_value(status).unwrap();
    world.request.metadata.creation_timestamp = Some(at("2026-12-01T09:00:00Z").into());
    world
}
fn at(time: &str) -> Instant {
    serde_json::from_value(json!(time)).unwrap()
}
fn ended(at: &str, reason: &str) -> Value {
    json!({"endedAt": at, "endedBy": "curfew", "endReason": reason})
}
fn depth_of(depth: i32) -> Value {
    json!({"renewal": {"of": "first", "grant": "g", "depth": depth, "whatChanged": "", "whatRemains": "", "whyNotEnough": ""}})
}
fn and(mut one: Value, more: Value) -> Value {
    one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one
}

#[test]
fn e19_more_of_the_same_within_a_day_has_to_be_a_renewal() {
    let before = "2026-12-01T08:30:00Z";
    let required: &[&str] = &["RenewalRequired"];
    for (sentence, spec, made, status, expected) in [
        ("it is live", json!({}), before, json!({}), required),
        ("it waits for its beginning", json!({}), before, Value::Null, required),
        ("it ended just now", json!({}), before, ended("2026-12-01T08:59:00Z", "Closed"), required),
        ("it ended 23:59 ago", json!({}), before, ended("2026-11-30T09:00:01Z", "Expired"), required),
        ("it ended 24:00 ago", json!({}), before, ended("2026-11-30T09:00:00Z", "Expired"), NONE),
        ("it never began", json!({}), before, ended("2026-12-01T08:59:00Z", "NeverStarted"), NONE),
        ("it was for another ticket", json!({"ticket": "SUP-1"}), before, json!({}), NONE),
        ("it was another access", json!({"access": "restart"}), before, json!({}), NONE),
        ("it was somebody else's", json!({"user": "eve"}), before, json!({}), NONE),
        ("it was elsewhere", json!({"namespace": "search"}), before, json!({}), NONE),
        ("it was refused", json!({"outcome": "Denied"}), before, json!({}), NONE),
        (
            "E18 a step of the same work, filed before that one was agreed to",
            json!({}),
            "2026-12-01T09:01:00Z",
            json!({}),
            NONE,
        ),
    ] {
        let world = world(spec, made, status, json!({}));
        assert_eq!(world.codes(), *expected, "{sentence}");
    }
    let world = world(json!({}), before, json!({}), json!({}));
    let Finding::Failed(_, words) = renewal(&world.seen()) else { panic!("it is required") };
    for part in ["`of: other`", "whatChanged", "whatRemains", "whyNotEnough", "2026-12-01T09:30:00Z"] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[test]
fn e21_a_renewal_is_of_ones_own_access_and_no_wider() {
    let before = "2026-12-01T08:30:00Z";
    let other = || renewal_of("other");
    for (sentence, spec, asks, expected) in [
        ("the same", json!({}), other(), NONE),
        ("less time than before", json!({}), and(other(), json!({"duration": "5m"})), NONE),
        ("a lower access", json!({"access": "restart", "level": "LimitedWrite"}), other(), NONE),
        (
            "a higher access",
            json!({}),
            and(
                other(),
                json!({"access": "restart", "whyNotLower": "The worker hangs, and only a restart frees its queue."}),
            ),
            &["RenewalWidens"],
        ),
        (
            "a second access that is higher",
            json!({}),
            and(
                other(),
                json!({"then": {"access": "restart"}, "whyNotLower": "The worker hangs, and only a restart frees its queue."}),
            ),
            &["RenewalWidens"],
        ),
        ("another ticket", json!({"ticket": "SUP-1"}), other(), &["RenewalWidens"]),
        (
            "another policy",
            json!({"policy": {"name": "incident", "uid": "9", "generation": 1, "description": "", "retentionDays": 400}}),
            other(),
            &["RenewalWidens"],
        ),
        ("the same data", json!({"data": [data("4812")]}), and(other(), json!({"data": [data("4812")]})), NONE),
        (
            "one field of what was named whole",
            json!({"data": [{"system": "billing-db"}]}),
            and(other(), json!({"data": [data("4812")]})),
            NONE,
        ),
        (
            "another customer",
            json!({"data": [data("4812")]}),
            and(other(), json!({"data": [data("4813")]})),
            &["RenewalWidens"],
        ),
        (
            "all records, where one was named",
            json!({"data": [data("4812")]}),
            and(
                other(),
                json!({"data": [{"system": "billing-db", "kind": "invoice", "tenant": "4812", "fields": ["total"]}]}),
            ),
            &["RenewalWidens"],
        ),
        ("somebody else's request", json!({"user": "eve"}), other(), &["RenewalRequired"]),
        ("a request in another namespace", json!({"namespace": "search"}), other(), &["RenewalRequired"]),
        ("a request that was refused", json!({"outcome": "Denied"}), other(), &["RenewalRequired"]),
        ("a request that there never was", json!({}), renewal_of("nothing"), &["RenewalRequired"]),
    ] {
        let mut world = world(spec, before, json!({}), asks);
        (world.rules, world.then_rules) = (Some(vec![]), Some(vec![]));
        assert_eq!(world.codes(), *expected, "{sentence}");
    }
    let own = serde_json::from_value(json!("7f3a2c1b-0000")).unwrap();
    let mut world = world(json!({}), before, json!({}), other());
    Arc::make_mut(&mut world.earlier[0]).spec.request.uid = own;
    assert_eq!(world.codes(), ["RenewalRequired"], "nothing renews itself");
}

#[test]
fn e22_the_depth_is_counted_over_all_that_was_granted_for_it_and_shown() {
    let before = "2026-12-01T08:30:00Z";
    let check = |world: &World| match depth_allowed(&world.seen()) {
        Finding::Passed(words) | Finding::Noted(words) | Finding::Unknown(words) | Finding::Failed(_, words) => words,
    };
    let first = world(json!({}), before, json!({}), renewal_of("other"));
    assert_eq!(check(&first), "first renewal of SUP-4812, at most 2");
    let second = world(depth_of(1), before, json!({}), renewal_of("other"));
    assert_eq!(check(&second), "second renewal of SUP-4812, at most 2");
    let third = world(depth_of(2), before, json!({}), renewal_of("other"));
    assert_eq!(third.codes(), ["LimitReached"]);
    assert!(check(&third).contains("third renewal of SUP-4812, and the policy allows 2"), "{}", check(&third));
    assert!(check(&third).contains("2026-12-02T09:30:00Z"), "it says when it is free: {}", check(&third));

    let mut around = world(json!({}), before, json!({}), renewal_of("other"));
    let last = world(
        and(depth_of(2), json!({"request": {"namespace": "billing", "name": "last", "uid": "3", "generation": 1}})),
        before,
        ended("2026-12-01T08:50:00Z", "Closed"),
        json!({}),
    );
    around.earlier.extend(last.earlier);
    assert_eq!(around.codes(), ["LimitReached"], "who names the first one has renewed as often");

    let mut never = world(json!({}), before, json!({}), renewal_of("other"));
    never.policy = Some(policy(json!({"limits": {"renewals": 0}})));
    assert_eq!(never.codes(), ["LimitReached"]);
    let numbers = [1, 2, 3, 4, 11, 12, 13, 20, 21, 22, 23, 111].map(ordinal).join(" ");
    assert_eq!(numbers, "first second third 4th 11th 12th 13th 20th 21st 22nd 23rd 111th");
}

#[test]
fn e20_each_answer_has_to_say_something() {
    for field in ["whatChanged", "whatRemains", "whyNotEnough"] {
        let mut asks = renewal_of("other");
        asks["renewal"][field] = json!("Just in case, need to investigate");
        let world = world(json!({}), "2026-12-01T08:30:00Z", json!({}), asks);
        assert_eq!(world.codes(), ["VagueReason"], "{field}");
        let Finding::Failed(_, words) = answers(&world.seen()) else { panic!("{field}") };
        assert!(words.starts_with(&format!("spec.renewal.{field} (")), "{words}");
    }
}

#[test]
fn e19_it_begins_when_the_access_that_it_renews_ends() {
    for (sentence, status, decided, begins) in [
        ("agreed to while that is live", json!({}), "2026-12-01T09:10:00Z", "2026-12-01T09:30:00Z"),
        ("agreed to when its time is up", json!({}), "2026-12-01T09:30:01Z", "2026-12-01T09:30:01Z"),
        (
            "it was closed before",
            ended("2026-12-01T09:05:00Z", "Closed"),
            "2026-12-01T09:10:00Z",
            "2026-12-01T09:10:00Z",
        ),
    ] {
        let world = world(json!({}), "2026-12-01T08:30:00Z", status, renewal_of("other"));
        let seen = world.seen();
        assert_eq!(of(&seen).unwrap().begins(at(decided)), at(begins), "{sentence}");
    }
}
