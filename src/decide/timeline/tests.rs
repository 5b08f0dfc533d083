use super::*;
use crate::api::grant::AccessGrantStatus;
use crate::decide::transition::FLAGGED;
use chrono::{DateTime, TimeDelta};

fn noon() -> Now {
    Now { wall: DateTime::from_timestamp(1_800_000_000, 0).unwrap(), server_ahead: TimeDelta::zero() }
}
fn transition(condition: &str, status: &str, reason: &str) -> (Transition, String) {
    let [condition, status, reason] = [condition, status, reason].map(str::to_owned);
    (Transition { condition, status, reason, before: String::new(), message: "Words.".into() }, "curfew".into())
}
fn waits() -> (Transition, String) {
    transition("Active", "False", "Unguarded")
}
/// A record without a history.
fn bare() -> Value {
    json!({"metadata": {"name": "billing.sup-4812.7f3a2c1b", "uid": "u-1"},
        "spec": {"user": "alice", "reason": "Check why “totals”\n changed.", "rules": [{"verbs": ["get"], "apiGroups": [""]}]}})
}
/// The same with this history.
fn told(transitions: Vec<(Transition, String)>) -> Value {
    let mut status = AccessGrantStatus::default();
    extend(&mut status, &Chain::of(&bare()), transitions, noon());
    let mut record = bare();
    record["status"] = json!(status);
    record
}
fn three() -> Value {
    told(vec![
        transition("Active", "False", "Preparing"),
        transition("Active", "True", "Bound"),
        transition("Active", "False", "Expired"),
    ])
}

#[test]
fn j13_each_entry_digests_the_one_before_and_the_first_one_the_spec() {
    let record = three();
    assert_eq!(entries(&record).len(), 3);
    assert_eq!(Chain::of(&record).fault(), None);
    let [first, second, _] = entries(&record) else { panic!("three entries") };
    assert_eq!(digest_of(first), digest(&anchor(&bare()), first));
    assert_eq!(digest_of(second), digest(digest_of(first), second));
}

#[test]
fn j13_whatever_is_changed_breaks_the_chain_where_it_was_changed() {
    type Change = fn(&mut Value);
    let rows: &[(&str, Change, usize)] = &[
        ("who asked", |r| r["spec"]["user"] = json!("mallory"), 1),
        ("a field that this release does not know", |r| r["spec"]["later"] = json!(true), 1),
        ("the same record under another UID", |r| r["metadata"]["uid"] = json!("u-2"), 1),
        ("who did it", |r| r["status"]["timeline"][0]["by"] = json!("mallory"), 1),
        ("when", |r| r["status"]["timeline"][1]["at"] = json!("2027-01-15T08:00:01Z"), 2),
        ("what", |r| r["status"]["timeline"][1]["what"] = json!("Active=False/Closed"), 2),
        ("the words", |r| r["status"]["timeline"][2]["note"] = json!("Other words."), 3),
        ("the words are gone", |r| drop(r["status"]["timeline"][2].as_object_mut().unwrap().remove("note")), 3),
        ("a digest", |r| r["status"]["timeline"][1]["digest"] = json!("0".repeat(64)), 2),
        ("an entry is gone", |r| drop(r["status"]["timeline"].as_array_mut().unwrap().remove(1)), 2),
        ("two are swapped", |r| r["status"]["timeline"].as_array_mut().unwrap().swap(0, 1), 1),
        (
            "one is told twice",
            |r| {
                let again = r["status"]["timeline"][2].clone();
                r["status"]["timeline"].as_array_mut().unwrap().push(again);
            },
            4,
        ),
        (
            "one is made up",
            |r| {
                let made_up = json!({"seq": 4, "at": "2027-01-15T08:00:00Z", "what": "RemovalVerified=True/Removed", "by": "curfew", "digest": "0".repeat(64)});
                r["status"]["timeline"].as_array_mut().unwrap().push(made_up);
            },
            4,
        ),
    ];
    for (says, change, at) in rows {
        let mut record = three();
        change(&mut record);
        assert_eq!(Chain::of(&record).fault(), Some(*at), "{says}");
    }
}

#[test]
fn j13_a_record_that_was_rewritten_whole_is_not_the_one_that_was_seen() {
    let (empty, whole) = (Head::of(&bare()), Head::of(&three()));
    let closed = told(vec![transition("Active", "False", "Closed"); 3]);
    let mut again = three();
    again["metadata"]["uid"] = json!("u-2");
    for (says, seen, record, fault) in [
        ("it is the same", &whole, &three(), None),
        ("it grew", &empty, &three(), None),
        ("it was rewritten", &whole, &closed, Some(3)),
        ("it is shorter", &whole, &bare(), Some(3)),
        ("it was deleted and made again", &empty, &again, Some(1)),
    ] {
        assert_eq!(Chain::since(Some(seen), record).fault(), fault, "{says}");
    }
    assert_eq!(Chain::since(None, &closed).fault(), None, "nobody can tell who has not seen it");
}

#[test]
fn j13_the_canonical_form_is_the_documented_one() {
    let value = json!({"b": [1, true, null, {"z": "é\n\"\\\u{7}/", "a": []}], "a😀": "", "a": "x"});
    let written = r#"{"a":"x","a😀":"","b":[1,true,null,{"a":[],"z":"é\n\"\\\u0007/"}]}"#;
    assert_eq!(canonical(&value), written);
}

#[test]
fn a_record_without_a_history_is_whole_and_what_is_no_record_does_no_harm() {
    for record in [bare(), json!({}), json!(null), json!({"status": {"timeline": "none"}})] {
        assert_eq!(Chain::of(&record).fault(), None, "{record}");
    }
    assert_eq!(Chain::of(&json!({"status": {"timeline": [7]}})).fault(), Some(1));
}

#[test]
fn a_broken_chain_is_flagged_once_and_never_repaired() {
    let mut record = three();
    record["status"]["timeline"][1]["by"] = json!("mallory");
    let chain = Chain::of(&record);
    let mut status: AccessGrantStatus = serde_json::from_value(record["status"].clone()).unwrap();
    let before = status.timeline.clone();
    for _ in 0..2 {
        notice(&mut status, &chain, noon());
    }
    assert_eq!(status.flags.len(), 1);
    assert_eq!(status.flags[0].type_, FlagType::ChainBroken);
    assert!(status.flags[0].message.starts_with("Entry 2 of the timeline"), "{}", status.flags[0].message);
    assert_eq!(status.timeline, before);
}

#[test]
fn j13_a_full_timeline_still_has_room_for_the_end_and_says_that_it_is_full() {
    let mut status = AccessGrantStatus::default();
    let chain = Chain::of(&bare());
    extend(&mut status, &chain, vec![waits(); 300], noon());
    assert_eq!(status.timeline.len(), BEFORE_THE_END + 1);
    assert_eq!(status.timeline.last().unwrap().what, "Flagged=True/TimelineFull");
    assert_eq!(status.flags.iter().map(|flag| flag.type_).collect::<Vec<_>>(), [FlagType::TimelineFull]);
    status.ended_at = Some(noon().for_record());
    let held = transition("RemovalVerified", "Unknown", "HeldByAnother");
    let end = vec![transition("Active", "False", "Expired")];
    extend(&mut status, &chain, end.into_iter().chain(vec![held; 300]).collect(), noon());
    assert_eq!(status.timeline[BEFORE_THE_END + 1].what, "Active=False/Expired");
    assert_eq!(status.timeline.len(), AFTER_THE_END);
    extend(&mut status, &chain, vec![transition(FLAGGED, "True", "RoleGrew")], noon());
    assert_eq!(status.timeline.len(), AFTER_THE_END, "a flag is in the status anyway");
    extend(&mut status, &chain, vec![transition("RemovalVerified", "True", "Removed"); 300], noon());
    assert_eq!(status.timeline.len(), MOST);
    let mut record = bare();
    record["status"] = json!(status);
    assert_eq!(Chain::of(&record).fault(), None);
}

#[test]
fn nothing_is_appended_to_a_history_out_of_order() {
    let mut record = three();
    record["status"]["timeline"].as_array_mut().unwrap().swap(0, 1);
    let mut status: AccessGrantStatus = serde_json::from_value(record["status"].clone()).unwrap();
    extend(&mut status, &Chain::of(&record), vec![waits()], noon());
    assert_eq!(status.timeline.len(), 3);
}
