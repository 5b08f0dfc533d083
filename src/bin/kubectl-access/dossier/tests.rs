use super::*;
use crate::when::Zone;
use serde_json::json;

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            changes.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, changes) => *into = changes,
    }
}
/// A record of alice's access, which bob agreed to and which ended on a Tuesday at 09:12 UTC, with these parts replaced.
pub fn record(changes: Value) -> AccessGrant {
    let rules = json!([{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]);
    let digest = role::digest(&serde_json::from_value::<Vec<_>>(rules.clone()).unwrap());
    let mut record = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": "billing.sup-4812.7f3a2c1b", "uid": "u"},
        "spec": {
            "request": {"namespace": "billing", "name": "sup-4812", "uid": "7f3a2c1b-0000", "generation": 1},
            "policy": {"name": "customer-support", "uid": "11111111-0000", "generation": 3, "description": "", "retentionDays": 400},
            "outcome": "Approved", "user": "alice", "groups": [], "entitledBy": {"kind": "Group", "name": "support"},
            "namespace": "billing", "access": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"},
            "rules": rules, "rulesSha256": digest, "adds": ["get pods/log"], "ticket": "SUP-4812",
            "reason": "Check why invoice totals changed for customer account 4812.", "askedFor": "1h",
            "plan": ["kubectl logs deploy/invoicer", "compare the lines"],
            "approvals": [{"by": "bob", "step": "service-owner", "as": {"kind": "Group", "name": "billing-owners"},
                "decision": "Approve", "revision": "7f3a2c1b-1", "at": "2026-12-01T09:00:00Z", "comment": "Narrow and tied to a case."}],
            "notBefore": "2026-12-01T09:00:00Z", "expiresAt": "2026-12-01T10:00:00Z"},
        "status": {"startedAt": "2026-12-01T09:00:02Z", "endedAt": "2026-12-01T09:12:00Z", "endedBy": "alice", "endReason": "Closed",
            "state": "Closed", "fuse": {"name": "curfew-sup-4812-7f3a2c1b", "uid": "f"},
            "conditions": [condition("RemovalVerified", "True", "Removed", "the API server says no")]}});
    merge(&mut record, changes);
    serde_json::from_value(record).unwrap()
}
fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-12-01T09:12:01Z"})
}
/// On that Tuesday at 11:00 UTC.
pub fn when() -> When {
    When { now: "2026-12-01T11:00:00Z".parse().unwrap(), zone: Zone::Named(chrono_tz::UTC) }
}
fn request(trail: &str) -> AccessRequest {
    let check = |name: &str, message: &str| json!({"name": name, "passed": true, "message": message});
    serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000"},
        "spec": {"policy": "customer-support", "reason": "r", "ticket": "SUP-4812", "requester": {"username": "alice"}},
        "status": {"checks": [check("RealTask", "PatternOnly: SUP-4812 has the right form: https://tracker.example.com/SUP-4812"),
            check("AuditTrail", trail)]}}))
    .unwrap()
}
/// With a timeline of these entries, each with its digest.
fn with_history(mut record: AccessGrant, entries: usize) -> (AccessGrant, Value) {
    let mut before = timeline::anchor(&json!(record));
    let status = record.status.get_or_insert_default();
    for seq in 1..=entries {
        let mut entry = json!({"seq": seq, "at": "2026-12-01T09:00:02Z", "what": "Active=True/Bound", "by": "curfew", "digest": ""});
        before = timeline::digest(&before, &entry);
        entry["digest"] = json!(before);
        status.timeline.push(serde_json::from_value(entry).unwrap());
    }
    let written = json!(record);
    (record, written)
}
fn shown(record: AccessGrant, request: Option<&AccessRequest>) -> Vec<String> {
    let (record, written) = with_history(record, 3);
    Dossier { record: &record, written: &written, request, when: &when() }.lines()
}
fn says(lines: &[String], part: &str) {
    let flat = lines.join("\n").replace("\n  ", " ");
    assert!(flat.contains(part), "{part}\n{}", lines.join("\n"));
}
/// What was done with it, and the close-out.
fn used_and_closed_out() -> Value {
    json!({"spec": {"duties": {"owes": [{"duty": "CloseOut", "since": "Ended", "within": ["24h"], "by": [{"kind": "User", "name": "alice"}]}]}},
        "status": {
            "usage": {"firstSeen": "2026-12-01T09:01:00Z", "lastSeen": "2026-12-01T09:10:00Z", "count": 14, "verbs": ["get pods/log", "list pods"]},
            "conditions": [condition("RemovalVerified", "True", "Removed", "no"), condition("DutiesMet", "True", "Met", "")],
            "owed": [{"duty": "CloseOut", "by": [{"kind": "User", "name": "alice"}], "due": "2026-12-02T09:12:00Z", "state": "Met",
                "consequence": "done by alice", "settledBy": "alice", "settledAt": "2026-12-01T09:30:00Z"}],
            "duties": {"closeout": {"by": "alice", "summary": "Totals differ by a rounding in the export job.", "workDone": true,
                "cause": "The export rounds each line.", "followUps": "SUP-4900",
                "changes": [{"kind": "Config", "what": "export.rounding from line to total"}]}}}})
}

#[test]
fn j5_a_record_opens_with_who_asked_who_agreed_what_could_be_done_why_and_when_it_ended() {
    let lines = shown(record(json!({})), None);
    let expected = [
        "billing.sup-4812.7f3a2c1b: Closed; the task is closed",
        "Asked: alice (as Group support)",
        "Agreed: bob agreed at 09:00 for service-owner (as Group billing-owners): “Narrow and tied to a case.”",
        "Could: logs (ReadOnly, ClusterRole curfew-logs) in billing: get pods/log",
        "Why: Check why invoice totals changed for customer account 4812. (SUP-4812, policy customer-support)",
        "When: 09:00 to 09:12, Closed by alice; at most until 10:00 (1h ago)",
    ];
    assert_eq!(lines[..6], expected);
    let last = lines.last().unwrap();
    assert!(last.starts_with("Rules: SHA-256 ") && last.ends_with(", of the rules on record"), "{last}");
    let other = shown(record(json!({"spec": {"rulesSha256": "0".repeat(64)}})), None);
    says(&other, "NOT OF THE RULES ON RECORD");
}

#[test]
fn c10_five_checks_are_told_for_each_record() {
    let audited = request("audit events arrive, the last one at 2026-12-01T09:00:00Z");
    let lines = shown(record(json!({})), Some(&audited));
    for part in [
        "1. A real task: PatternOnly: SUP-4812 has the right form: https://tracker.example.com/SUP-4812",
        "2. Agreed before it began: yes: it began 2s after the last decision",
        "3. Ends by itself: at 10:00, also without Curfew: fuse curfew-sup-4812-7f3a2c1b",
        "4. Others see it: this record, its Events and the log of the operator. audit events arrive",
        "5. Proved to be gone: Removed: the API server says no",
    ] {
        says(&lines, part);
    }
    let early = shown(record(json!({"status": {"startedAt": "2026-12-01T08:59:59Z"}})), None);
    says(&early, "2. Agreed before it began: NO");
    says(&early, "1. A real task: SUP-4812; its request is gone");
}

#[test]
fn j8_k6_what_was_done_stands_beside_what_was_to_be_done_and_what_came_of_it() {
    let lines = shown(record(used_and_closed_out()), None);
    for part in [
        "Planned: 1. kubectl logs deploy/invoicer 2. compare the lines",
        "Done: alice made 14 calls between 09:01 and 09:10, of get pods/log, list pods",
        "Found: Totals differ by a rounding in the export job. (alice; the work is done)",
        "Changed: Config: export.rounding from line to total",
        "Cause: The export rounds each line. Follows: SUP-4900",
        "Settled: close-out: done by alice, seen at 09:30",
    ] {
        says(&lines, part);
    }
    let planned = lines.iter().position(|line| line.starts_with("Planned: ")).unwrap();
    assert!(lines[planned + 1].starts_with("Done: "), "{lines:#?}");
}

#[test]
fn k1_where_nobody_watches_the_record_says_so() {
    let blind = request("Unknown: no audit source");
    says(&shown(record(json!({})), Some(&blind)), "Done: nobody watches: no audit events are read here (K1)");
    says(&shown(record(json!({})), None), "Done: nobody watches");
    let audited = request("audit events arrive");
    says(&shown(record(json!({})), Some(&audited)), "Done: no call of it was seen");
}

#[test]
fn g5_a_task_is_closed_when_access_is_proved_to_be_gone_and_nothing_is_owed() {
    let owes = json!({"spec": {"duties": {"owes": []}}});
    let (removed, met) =
        (condition("RemovalVerified", "True", "Removed", ""), condition("DutiesMet", "True", "Met", ""));
    let (still, open) =
        (condition("RemovalVerified", "False", "StillAllowed", ""), condition("DutiesMet", "Unknown", "Open", ""));
    for (sentence, outcome, conditions, closed) in [
        ("both are true", "Approved", json!([removed, met]), true),
        ("access may still hold", "Approved", json!([still, met]), false),
        ("a duty is open", "Approved", json!([removed, open]), false),
        ("nothing is known yet", "Approved", json!([]), false),
        ("nothing was granted, and the review is there", "Denied", json!([met]), true),
        ("nothing was granted, and a review is owed", "Denied", json!([open]), false),
    ] {
        let mut changes = owes.clone();
        merge(&mut changes, json!({"spec": {"outcome": outcome}, "status": {"conditions": conditions}}));
        let of = record(changes);
        assert_eq!(is_closed(&of), closed, "{sentence}");
        let heading = &shown(of, None)[0];
        assert_eq!(heading.contains("not closed"), !closed, "{sentence}: {heading}");
    }
}

#[test]
fn what_is_owed_and_flagged_says_until_when_what_follows_and_what_to_type() {
    let owed = |state: &str| {
        json!({"spec": {"duties": {"owes": []}}, "status": {"owed": [{"duty": "CloseOut", "by": [{"kind": "User", "name": "alice"}],
            "due": "2026-12-02T09:12:00Z", "state": state, "consequence": "x", "command": "y"}],
            "flags": [{"type": "RefusedCalls", "since": "2026-12-01T09:05:00Z", "message": "alice tried to list secrets"}]}})
    };
    let open = shown(record(owed("Open")), None);
    says(
        &open,
        "Owed: close-out by User alice is due 2026-12-02 09:12 (in 22h 12m): kubectl access closeout sup-4812 -n billing. Else live access of alice ends",
    );
    says(&open, "Flags: RefusedCalls since 09:05: alice tried to list secrets");
    let overdue = shown(record(owed("Overdue")), None);
    says(&overdue, "close-out by User alice was due 2026-12-02 09:12 (in 22h 12m), so live access of alice ends");
}

#[test]
fn its_history_is_told_and_a_broken_one_is_named() {
    let (grant, written) = with_history(record(json!({})), 60);
    let lines = |written: &Value| Dossier { record: &grant, written, request: None, when: &when() }.lines();
    let whole = lines(&written);
    assert!(whole.len() <= LINES, "{}", whole.len());
    says(&whole, "History: 60 entries, the last ");
    says(&whole, "of them; unbroken, head ");
    let mut changed = written.clone();
    changed["spec"]["reason"] = json!("Another reason, which nobody has read.");
    says(&lines(&changed), "BROKEN AT ENTRY 1");
}

#[test]
fn it_stays_short_and_acts_on_no_terminal_whatever_people_wrote() {
    let long = |most: usize| "a long word \u{1b}[2J\u{202e} ".repeat(50).chars().take(most).collect::<String>();
    let mut changes = used_and_closed_out();
    let flag = |type_: &str| json!({"type": type_, "since": "2026-12-01T09:05:00Z", "message": long(500)});
    merge(
        &mut changes,
        json!({
            "spec": {"reason": long(490), "whyNotSafer": long(490), "whyNotLower": long(490), "plan": vec![long(190); 16],
                "filedBy": long(200), "adds": vec![long(200); 200], "had": vec![long(900); 200], "emergency": {"harm": "CustomerHarm", "impact": long(490)},
                "data": vec![json!({"system": "s".repeat(63), "records": vec!["r".repeat(64); 50]}); 8],
                "attachments": vec![json!({"kind": "Log", "url": format!("https://{}", "u".repeat(500))}); 8],
                "legalBasis": {"type": "Contract", "ref": long(120)},
                "follows": {"grant": long(200), "finding": long(490)},
                "renewal": {"of": "x", "grant": long(200), "depth": 1, "whatChanged": "x", "whatRemains": long(490), "whyNotEnough": "x"}},
            "status": {"flags": [flag("RefusedCalls"), flag("HighVolume"), flag("DataExtraction"), flag("DutyOverdue")],
                "duties": {"note": {"by": "alice", "text": long(490)},
                    "review": {"by": "rob", "realEmergency": long(490), "smallestOption": long(490), "evidenceAdded": long(490), "improvement": long(490)},
                    "closeout": {"summary": long(990), "cause": long(490), "timeline": vec![long(190); 32], "commands": vec![long(190); 32],
                        "dataReviewed": long(490), "whyNotBroader": long(490)}}}}),
    );
    let (grant, written) = with_history(record(changes), 200);
    let lines =
        Dossier { record: &grant, written: &written, request: Some(&request(&long(900))), when: &when() }.lines();
    assert!(lines.len() <= LINES, "{}", lines.len());
    for line in &lines {
        assert!(line.chars().count() <= WIDTH && !line.chars().any(text::acts), "{line:?}");
    }
    for part in [
        "Asked", "Agreed", "Could", "Why", "When", "Flags", "5. ", "Done", "Found", "Reviewed", "Settled", "History",
        "Rules",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(part)), "{part} was pushed out: {lines:#?}");
    }
}
