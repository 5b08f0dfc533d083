use super::*;
use crate::decide::screening::tests::grant as record;
use serde_json::{Value, json};

fn at(time: &str) -> Instant {
    serde_json::from_value(json!(format!("2026-11-21T{time}:00Z"))).unwrap()
}
fn window(from: &str, until: &str) -> Window {
    Window { from: at(from), until: at(until) }
}
/// alice's access: asked for from 05:00 until 05:35.
fn given(status: Value) -> AccessGrant {
    let mut given = record(json!({"approvedBy": "bob"})).as_ref().clone();
    given.status = serde_json::from_value(status).unwrap();
    given
}
fn ended() -> Value {
    let verbs = ["get pods/log", "delete pods", "create pods/exec"];
    json!({"startedAt": at("05:01"), "endedAt": at("05:20"), "endedBy": "alice", "endReason": "Closed",
        "usage": {"firstSeen": at("05:02"), "lastSeen": at("05:19"), "count": 7, "verbs": verbs}})
}

#[test]
fn j12_j14_a_record_answers_for_the_time_in_which_its_access_held() {
    for (sentence, status, asked, is_there) in [
        ("it began before and ended after", ended(), window("05:10", "05:10"), true),
        ("its first second", ended(), window("05:01", "05:01"), true),
        ("before it", ended(), window("04:00", "05:00"), false),
        ("its last second", ended(), window("05:20", "05:30"), true),
        ("after it", ended(), window("05:21", "05:30"), false),
        ("it still holds", json!({"startedAt": at("05:01")}), window("05:30", "05:30"), true),
        ("it is agreed to, and its binding may be there", json!({}), window("05:00", "05:00"), true),
        ("planned work that has not begun", json!({}), window("04:00", "04:59"), false),
        ("it never began", json!({"endedAt": at("05:02"), "endReason": "Closed"}), window("05:01", "05:02"), false),
    ] {
        let found = granted(&[given(status)], "billing", asked);
        assert_eq!(!found.is_empty(), is_there, "{sentence}");
        assert!(granted(&[given(ended())], "orders", asked).is_empty(), "another namespace");
    }
    let denied = record(json!({"outcome": "Denied", "expiresAt": null})).as_ref().clone();
    assert!(granted(&[denied], "billing", window("05:00", "05:30")).is_empty(), "nothing was granted");
}
#[test]
fn j14_what_was_done_is_told_with_the_ticket_and_writes_apart() {
    let found = granted(&[given(ended())], "billing", window("05:00", "06:00")).remove(0);
    let of = found.grant.unwrap();
    assert_eq!((of.ticket.as_str(), of.approved_by.as_deref()), ("SUP-1", Some("bob")));
    assert_eq!(of.usage.map(|usage| usage.count), Some(7));
    assert_eq!(of.writes, ["delete pods", "create pods/exec"], "looking is none");
    assert_eq!((found.from, found.until, found.expires), (Some(at("05:01")), Some(at("05:20")), None));
    let still = granted(&[given(json!({"startedAt": at("05:01")}))], "billing", window("05:02", "05:02")).remove(0);
    assert_eq!((still.until, still.expires), (None, Some(at("05:35"))));
}

fn held(binding: &str, subjects: Value, made: &str) -> Value {
    json!({"level": "Write", "namespace": "billing", "binding": binding, "made": at(made), "subjects": subjects,
        "role": {"kind": "ClusterRole", "name": "edit"}, "owner": "Group leads"})
}
fn user(name: &str) -> Value {
    json!({"kind": "User", "name": name})
}
fn snapshot(taken: &str, seen: &str, bindings: Value) -> Inventory {
    let roles = json!([{"role": {"kind": "ClusterRole", "name": "edit"}, "gives": ["update deployments.apps"]}]);
    serde_json::from_value(json!({"takenAt": at(taken), "seenUntil": at(seen), "namespaces": ["billing", "orders"],
        "bindings": bindings, "roles": roles}))
    .unwrap()
}
/// alice all the time, bob until some time before noon, carol from 10:30 on, a robot, and dora elsewhere.
fn kept() -> Vec<Inventory> {
    let robot = json!({"kind": "ServiceAccount", "name": "ci", "namespace": "ci"});
    let mut elsewhere = held("dora", json!([user("dora")]), "01:00");
    elsewhere["namespace"] = json!("orders");
    vec![
        snapshot(
            "12:00",
            "12:00",
            json!([
                held("team", json!([user("alice"), robot]), "01:00"),
                held("carol", json!([user("carol")]), "10:30")
            ]),
        ),
        snapshot(
            "03:00",
            "09:00",
            json!([held("team", json!([user("alice"), user("bob"), robot]), "01:00"), elsewhere]),
        ),
    ]
}

#[test]
fn j12_standing_access_is_told_by_the_snapshots_before_and_within() {
    let told = |asked: Window| {
        let (found, notes) = standing(kept(), "billing", asked);
        let one = |access: &Access| format!("{} {:?}-{:?}", access.who.name, access.from, access.until);
        (
            found.iter().map(|access| access.who.name.clone()).collect::<Vec<_>>(),
            found.iter().map(one).collect::<Vec<_>>(),
            notes,
        )
    };
    for (sentence, asked, names, unknown) in [
        ("by the snapshot before", window("08:00", "08:30"), &["alice", "bob"][..], &[][..]),
        ("and those within", window("08:00", "12:00"), &["alice", "bob", "carol"], &[]),
        ("the last one holds until somebody looks again", window("12:00", "12:00"), &["alice", "carol"], &[]),
        (
            "after it nobody has looked",
            window("13:00", "13:00"),
            &["alice", "carol"],
            &["after 2026-11-21T12:00:00Z is not known"],
        ),
        (
            "between two looks",
            window("10:00", "10:00"),
            &["alice", "bob"],
            &["after 2026-11-21T09:00:00Z is not known"],
        ),
        (
            "before the first",
            window("02:00", "04:00"),
            &["alice", "bob"],
            &["before 2026-11-21T03:00:00Z is not known"],
        ),
        ("there is none", window("01:00", "02:00"), &[], &["nothing is known"]),
    ] {
        let (found, all, notes) = told(asked);
        assert_eq!(found, names, "{sentence}: {all:?}");
        assert_eq!(notes.len(), unknown.len(), "{sentence}: {notes:?}");
        for words in unknown {
            assert!(notes.iter().any(|note| note.contains(words)), "{sentence}: {notes:?}");
        }
    }
}
#[test]
fn j12_nobody_is_said_to_have_had_access_for_shorter_than_can_be_known() {
    let (found, _) = standing(kept(), "billing", window("00:00", "12:00"));
    let of = |name: &str| found.iter().find(|access| access.who.name == name).map(|a| (a.from, a.until)).unwrap();
    assert_eq!(of("alice"), (Some(at("01:00")), None), "since its binding was made, and still");
    assert_eq!(of("bob"), (Some(at("01:00")), Some(at("12:00"))), "until it was first seen gone");
    assert_eq!(of("carol"), (Some(at("10:30")), None), "made between two looks");
    let one = found.iter().find(|access| access.who.name == "alice").unwrap();
    assert_eq!((one.level, one.name.as_str(), one.owner.as_deref()), (Level::Write, "team", Some("Group leads")));
    assert_eq!(one.gives, ["update deployments.apps"]);
    assert_eq!(found.len(), 3, "neither robots nor elsewhere: {found:?}");
}
#[test]
fn j12_who_was_added_to_an_old_binding_has_it_since_that_was_seen() {
    let before = snapshot("03:00", "09:00", json!([held("team", json!([user("alice")]), "01:00")]));
    let after = snapshot("12:00", "12:00", json!([held("team", json!([user("alice"), user("bob")]), "01:00")]));
    let (found, _) = standing(vec![before, after], "billing", window("00:00", "12:00"));
    let bob = found.iter().find(|access| access.who.name == "bob").unwrap();
    assert_eq!(bob.from, Some(at("12:00")));
}
#[test]
fn j12_a_namespace_that_was_not_protected_is_told() {
    let (found, notes) = standing(kept(), "shop", window("12:00", "12:00"));
    assert!(found.is_empty() && notes[0].contains("shop was not protected"), "{notes:?}");
}
