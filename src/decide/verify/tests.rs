use super::*;
use crate::api::grant::AccessGrantStatus;
use crate::decide::timeline;
use crate::decide::transition::Transition;

fn at(days: i64) -> Now {
    let wall = DateTime::parse_from_rfc3339("2026-12-01T09:30:00Z").unwrap().to_utc();
    Now { wall: wall + TimeDelta::days(days), server_ahead: TimeDelta::zero() }
}
fn bare(name: &str) -> Value {
    json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant", "metadata": {"name": name, "uid": format!("uid-{name}")}, "spec": {
        "request": {"namespace": "billing", "name": "sup-4812", "uid": "7f3a2c1b-0000", "generation": 1},
        "policy": {"name": "customer-support", "uid": "11111111-0000", "generation": 3, "description": "", "dataClass": "None", "retentionDays": 400},
        "outcome": "Approved", "user": "alice", "entitledBy": {"kind": "Group", "name": "support"},
        "namespace": "billing", "access": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"},
        "rules": [], "rulesSha256": "", "ticket": "SUP-4812", "reason": "r", "askedFor": "30m",
        "notBefore": "2026-12-01T09:00:00Z", "expiresAt": "2026-12-01T09:30:00Z"}})
}
/// A record that told so much and ended, with the status that belongs to it.
fn record(name: &str, told: usize) -> Value {
    let mut record = bare(name);
    let all = [
        ("Active", "False", "Preparing"),
        ("Active", "True", "Bound"),
        ("Flagged", "True", "RoleGrew"),
        ("Active", "False", "Closed"),
    ];
    let transitions = all[..told].iter().map(|(condition, status, reason)| {
        let [condition, status, reason] = [condition, status, reason].map(|text| (*text).to_owned());
        (Transition { condition, status, reason, before: String::new(), message: String::new() }, "bob".to_owned())
    });
    let mut status = AccessGrantStatus::default();
    timeline::extend(&mut status, &Chain::of(&record), transitions.collect(), at(0));
    record["status"] = json!(status);
    let (_, truth, reason) = all[if told == 3 { 1 } else { told - 1 }];
    record["status"]["conditions"] = json!([{"type": "Active", "status": truth, "reason": reason, "message": "", "lastTransitionTime": "2026-12-01T09:30:00Z"}]);
    if told > 1 {
        record["status"]["startedAt"] = json!("2026-12-01T09:30:00Z");
    }
    if told > 2 {
        record["status"]["flags"] = json!([{"type": "RoleGrew", "since": "2026-12-01T09:30:00Z", "message": ""}]);
    }
    if told > 3 {
        let end = json!({"endReason": "Closed", "endedBy": "bob", "endedAt": "2026-12-01T09:30:00Z"});
        record["status"].as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
    }
    record
}
fn faults(found: &[Finding]) -> Vec<Fault> {
    found.iter().map(|finding| finding.fault).collect()
}

#[test]
fn j13_a_record_at_any_time_of_its_life_is_fine() {
    for told in 1..=4 {
        let verdict = judge(&record("a", told)).unwrap();
        assert_eq!((verdict.entries, verdict.found), (told, vec![]), "{told}");
    }
    assert_eq!(judge(&bare("a")).unwrap().found, vec![], "its first pass is still to come");
}

#[test]
fn j13_what_was_changed_is_found_and_named() {
    type Change = fn(&mut Value);
    let rows: &[(&str, Change, Fault, &str)] = &[
        ("who asked", |r| r["spec"]["user"] = json!("mallory"), Fault::Broken, "from the spec"),
        ("an entry", |r| r["status"]["timeline"][2]["by"] = json!("mallory"), Fault::Broken, "entry 3"),
        ("who ended it", |r| r["status"]["endedBy"] = json!("mallory"), Fault::Contradicts, "tell of its end"),
        ("why it ended", |r| r["status"]["endReason"] = json!("Expired"), Fault::Contradicts, "tell of its end"),
        (
            "when it ended",
            |r| r["status"]["endedAt"] = json!("2026-12-01T09:00:01Z"),
            Fault::Contradicts,
            "tell of its end",
        ),
        ("when it began", |r| r["status"]["startedAt"] = json!("2026-12-01T09:29:59Z"), Fault::Contradicts, "began"),
        (
            "a condition",
            |r| r["status"]["conditions"][0]["reason"] = json!("Expired"),
            Fault::Contradicts,
            "Active is False/Expired",
        ),
        ("a flag is gone", |r| r["status"]["flags"] = json!([]), Fault::Contradicts, "RoleGrew was raised"),
        ("a flag is made up", |r| r["status"]["flags"][0]["type"] = json!("Made"), Fault::Contradicts, "Made is not"),
        ("all history is gone", |r| r["status"]["timeline"] = json!([]), Fault::Contradicts, "tell of its end"),
    ];
    for (says, change, fault, words) in rows {
        let mut changed = record("a", 4);
        change(&mut changed);
        let found = judge(&changed).unwrap().found;
        let is_found = found.iter().any(|f| f.fault == *fault && f.message.contains(words));
        assert!(is_found, "{says}: {found:?}");
    }
}

#[test]
fn j13_an_export_tells_what_was_changed_shortened_or_taken_away() {
    let mut export = Export::of([
        record("same", 4),
        record("grew", 2),
        record("grew", 3),
        record("spec", 4),
        record("cut", 4),
        record("other", 4),
        record("gone", 4),
        record("again", 4),
    ]);
    assert_eq!(export.compare(&record("same", 4)), vec![]);
    assert_eq!(export.compare(&record("grew", 4)), vec![], "a timeline may grow");
    assert_eq!(export.compare(&record("new", 1)), vec![], "what came later is in no export");
    let mut rewritten = bare("spec");
    rewritten["spec"]["user"] = json!("mallory");
    rewritten["status"] = record("spec", 4)["status"].clone();
    let found = export.compare(&rewritten);
    assert_eq!(faults(&found), [Fault::Changed]);
    assert_eq!(found[0].message, "spec is not as it was exported: user");
    assert_eq!(faults(&export.compare(&record("cut", 2))), [Fault::Shortened]);
    let mut other = bare("other");
    let mut status = AccessGrantStatus::default();
    let said = Transition {
        condition: "Active".into(),
        status: "False".into(),
        reason: "Expired".into(),
        before: String::new(),
        message: String::new(),
    };
    timeline::extend(&mut status, &Chain::of(&other), vec![(said, "bob".into()); 4], at(0));
    other["status"] = json!(status);
    assert_eq!(Chain::of(&other).fault(), None, "whoever rewrites all of it leaves no trace in it");
    assert_eq!(faults(&export.compare(&other)), [Fault::Changed]);
    let mut again = record("again", 4);
    again["metadata"]["uid"] = json!("another");
    assert_eq!(faults(&export.compare(&again)), [Fault::Replaced]);
    let missing = export.missing(at(399));
    let named: Vec<_> = missing.iter().map(|v| (v.record.as_str(), v.found[0].message.as_str())).collect();
    assert_eq!(named, [("gone", "the export has it, and it is gone before its retention is over")]);
    assert_eq!(export.missing(at(400)), vec![], "after its retention it may go");
}

#[test]
fn exports_are_read_as_lines_as_lists_and_as_logs_with_lines_among_others() {
    let (one, two) = (record("a", 4), record("b", 1));
    let lines = format!("{}\n\n{}\n", line(&one, "west", at(0)), line(&two, "west", at(0)));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [one, two]}).to_string();
    let mut typed = json!({"kind": "AccessGrantList", "items": [one, two]});
    typed["items"][0].as_object_mut().unwrap().remove("kind");
    let log =
        format!("{}\n{lines}", json!({"level": "INFO", "kind": "AccessGrant", "name": "a", "message": "transition"}));
    for (text, all) in [
        (&lines, 2),
        (&list, 2),
        (&typed.to_string(), 2),
        (&log, 3),
        (&format!("{lines}{{\"cut o"), 2),
        (&String::new(), 0),
    ] {
        let read = read(text).unwrap();
        let verdicts: Vec<_> = read.iter().filter_map(judge).collect();
        assert_eq!((read.len(), verdicts.len()), (all, if all == 0 { 0 } else { 2 }), "{text}");
        assert!(verdicts.iter().all(|v| v.found.is_empty()), "{verdicts:?}");
    }
    for bad in ["no json\n", "{\"cut o", "{}\n{\"cut o\n{}\n"] {
        assert!(read(bad).unwrap_err().contains("is no JSON object"), "{bad}");
    }
}

#[test]
fn b5_a_line_of_an_export_names_the_cluster_and_leaves_out_who_wrote_which_field() {
    let mut object = record("a", 1);
    object["metadata"]["managedFields"] = json!([{"manager": "curfew"}]);
    let line = line(&object, "west", at(0));
    let written: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(written["exported"], json!({"at": "2026-12-01T09:30:00Z", "cluster": "west"}));
    assert!(!line.contains("managedFields") && !line.contains('\n'));
    assert_eq!(written["spec"], object["spec"]);
}
