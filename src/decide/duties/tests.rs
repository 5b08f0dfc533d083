use super::*;
use serde_json::{Value, json};

fn at(time: &str) -> Now {
    Now { wall: time.parse().unwrap(), server_ahead: TimeDelta::zero() }
}
fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            changes.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, changes) => *into = changes,
    }
}
const BERLIN: &str = "Europe/Berlin";
/// A record of alice's access, which bob agreed to, that ended on a Tuesday at 10:00 UTC, with these parts replaced.
fn record(changes: Value) -> AccessGrant {
    let mut record = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": "billing.sup-4812.7f3a2c1b", "uid": "u", "creationTimestamp": "2026-12-01T09:00:00Z"},
        "spec": {
            "request": {"namespace": "billing", "name": "sup-4812", "uid": "7f3a2c1b-0000", "generation": 1},
            "policy": {"name": "customer-support", "uid": "11111111-0000", "generation": 3, "description": "", "retentionDays": 400},
            "outcome": "Approved", "user": "alice", "groups": [], "entitledBy": {"kind": "Group", "name": "support"},
            "namespace": "billing", "access": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"},
            "rules": [], "rulesSha256": "", "adds": [], "ticket": "SUP-4812", "reason": "r", "askedFor": "1h",
            "approvals": [{"by": "bob", "step": "s", "as": {"kind": "Group", "name": "billing-owners"}, "decision": "Approve",
                "revision": "7f3a2c1b-1", "at": "2026-12-01T09:00:00Z"}],
            "notBefore": "2026-12-01T09:00:00Z", "expiresAt": "2026-12-01T10:00:00Z",
            "duties": {"owes": [owes("CloseOut", "Ended", json!(["24h"]))],
                "reviewers": [{"kind": "Group", "name": "platform-security"}],
                "calendar": {"timeZone": BERLIN, "workDays": ["Mon", "Tue", "Wed", "Thu", "Fri"], "workHours": "09:00-18:00",
                    "holidays": ["2026-12-24"]}}},
        "status": {"startedAt": "2026-12-01T09:00:00Z", "endedAt": "2026-12-01T10:00:00Z", "endedBy": "curfew", "endReason": "Expired"}});
    merge(&mut record, changes);
    serde_json::from_value(record).unwrap()
}
fn owes(duty: &str, since: &str, within: Value) -> Value {
    json!({"duty": duty, "since": since, "within": within, "by": [{"kind": "User", "name": "alice"}],
        "needs": if duty == "CloseOut" { json!(["Cause", "FollowUps"]) } else { json!([]) }})
}
fn owing(obligations: Value) -> Value {
    json!({"spec": {"duties": {"owes": obligations}}})
}
fn closeout(changes: Value) -> Value {
    let mut closeout = json!({"by": "alice", "summary": "Totals differ by a rounding in the export job.", "workDone": true,
        "cause": "The export rounds each line.", "followUps": "none"});
    merge(&mut closeout, changes);
    json!({"status": {"duties": {"closeout": closeout}}})
}
fn waiver(by: &str, why: &str) -> Value {
    json!({"status": {"duties": {"waiver": {"closeout": {"by": by, "why": why}}}}})
}
/// The record as it is judged then.
fn judged(mut grant: AccessGrant, time: &str) -> AccessGrant {
    let mut status = grant.status.clone().unwrap_or_default();
    judge(&grant, &[], &mut status, at(time));
    grant.status = Some(status);
    grant
}
fn state(grant: &AccessGrant) -> Option<String> {
    grant.status.as_ref()?.duties_state.clone()
}
fn owed(grant: &AccessGrant, n: usize) -> &Owed {
    &grant.status.as_ref().unwrap().owed[n]
}

#[test]
fn g3_each_duty_is_due_to_the_second_by_the_calendar_it_was_agreed_with() {
    let rows = [
        ("a day after the end", "Ended", json!(["24h"]), "2026-12-01T10:00:00Z", "2026-12-02T10:00:00Z"),
        ("15 minutes after the start", "Begun", json!(["15m"]), "2026-12-01T10:00:00Z", "2026-12-01T09:15:00Z"),
        ("the earlier of two", "Ended", json!(["24h", "SameDay"]), "2026-12-01T10:00:00Z", "2026-12-01T23:00:00Z"),
        (
            "the earlier of two, the other way round",
            "Ended",
            json!(["2h", "SameDay"]),
            "2026-12-01T10:00:00Z",
            "2026-12-01T12:00:00Z",
        ),
        ("the same day, before work", "Ended", json!(["SameDay"]), "2026-12-01T06:00:00Z", "2026-12-01T23:00:00Z"),
        (
            "the same day, after work: as work begins",
            "Ended",
            json!(["SameDay"]),
            "2026-12-01T20:00:00Z",
            "2026-12-02T08:00:00Z",
        ),
        (
            "the same day, the last second of work",
            "Ended",
            json!(["SameDay"]),
            "2026-12-01T16:59:59Z",
            "2026-12-01T23:00:00Z",
        ),
        (
            "the same day, the second after work",
            "Ended",
            json!(["SameDay"]),
            "2026-12-01T17:00:00Z",
            "2026-12-02T08:00:00Z",
        ),
        ("the same day, on a Saturday", "Ended", json!(["SameDay"]), "2026-12-05T12:00:00Z", "2026-12-07T08:00:00Z"),
        ("the same day, before a holiday", "Ended", json!(["SameDay"]), "2026-12-23T20:00:00Z", "2026-12-25T08:00:00Z"),
        ("the next business day", "Ended", json!(["NextBusinessDay"]), "2026-12-01T10:00:00Z", "2026-12-02T23:00:00Z"),
        (
            "the next business day, after a Friday",
            "Ended",
            json!(["NextBusinessDay"]),
            "2026-12-04T10:00:00Z",
            "2026-12-07T23:00:00Z",
        ),
        (
            "the next business day, in a summer's time",
            "Ended",
            json!(["NextBusinessDay"]),
            "2026-07-01T10:00:00Z",
            "2026-07-02T22:00:00Z",
        ),
        (
            "a day, over the change of the clock: 24 hours",
            "Ended",
            json!(["24h"]),
            "2026-10-24T22:30:00Z",
            "2026-10-25T22:30:00Z",
        ),
        (
            "the day on which the clock goes back has 25 hours",
            "Ended",
            json!(["SameDay"]),
            "2026-10-25T12:00:00Z",
            "2026-10-26T08:00:00Z",
        ),
        (
            "the next business day, over the weekend on which the clock goes back",
            "Ended",
            json!(["NextBusinessDay"]),
            "2026-10-23T10:00:00Z",
            "2026-10-26T23:00:00Z",
        ),
        (
            "after work, over the weekend on which the clock goes on",
            "Ended",
            json!(["SameDay"]),
            "2026-03-27T20:00:00Z",
            "2026-03-30T07:00:00Z",
        ),
    ];
    for (sentence, since, within, ended, due) in rows {
        let moved = json!({"status": {"endedAt": ended}});
        let mut grant = record(owing(json!([owes("CloseOut", since, within)])));
        let mut value = json!(grant);
        merge(&mut value, moved);
        grant = serde_json::from_value(value).unwrap();
        let due: DateTime<Utc> = due.parse().unwrap();
        let time = |seconds: i64| Instant::new(due + TimeDelta::seconds(seconds)).to_string();
        for (seconds, expected) in [(-1, "Open"), (0, "Overdue"), (1, "Overdue")] {
            let grant = judged(grant.clone(), &time(seconds));
            assert_eq!(owed(&grant, 0).due.get(), due, "{sentence}");
            assert_eq!(state(&grant).as_deref(), Some(expected), "{sentence}: {seconds} s");
        }
    }
}

#[test]
fn g3_how_a_duty_stands() {
    let good = || closeout(json!({}));
    let rows = [
        ("nothing was written", json!({}), "2026-12-02T09:59:59Z", "Open"),
        ("nothing was written in time", json!({}), "2026-12-02T10:00:00Z", "Overdue"),
        ("it was written", good(), "2026-12-01T11:00:00Z", "Met"),
        ("it was written, and seen after the deadline", good(), "2026-12-03T11:00:00Z", "Met"),
        ("a summary that says nothing", closeout(json!({"summary": "just in case"})), "2026-12-01T11:00:00Z", "Open"),
        ("a cause that says nothing", closeout(json!({"cause": "debugging"})), "2026-12-01T11:00:00Z", "Open"),
        ("no cause", closeout(json!({"cause": null})), "2026-12-01T11:00:00Z", "Open"),
        (
            "a command that was pasted as it is",
            closeout(json!({"cause": "SAY WHY IT WAS SO"})),
            "2026-12-01T11:00:00Z",
            "Open",
        ),
        ("work that is not done", closeout(json!({"workDone": false})), "2026-12-01T11:00:00Z", "Open"),
        ("somebody else wrote it", closeout(json!({"by": "bob"})), "2026-12-01T11:00:00Z", "Open"),
        ("and in time nobody wrote another", closeout(json!({"by": "bob"})), "2026-12-02T10:00:00Z", "Overdue"),
        ("waived", waiver("olga", "She left the company last week."), "2026-12-01T11:00:00Z", "Waived"),
        ("waived late", waiver("olga", "She left the company last week."), "2026-12-04T11:00:00Z", "Waived"),
        ("waived without a reason", waiver("olga", "just because it was faster"), "2026-12-02T10:00:00Z", "Overdue"),
        (
            "waived by who owes it",
            waiver("alice", "She left the company last week."),
            "2026-12-02T10:00:00Z",
            "Overdue",
        ),
        ("waived by who approved", waiver("bob", "She left the company last week."), "2026-12-02T10:00:00Z", "Overdue"),
        (
            "it never began",
            json!({"status": {"startedAt": null, "endReason": "NeverStarted"}}),
            "2026-12-09T10:00:00Z",
            "NothingOwed",
        ),
        ("whether it began was not seen", json!({"status": {"startedAt": null}}), "2026-12-02T10:00:00Z", "Overdue"),
        (
            "it still holds",
            json!({"status": {"endedAt": null, "endedBy": null, "endReason": null}}),
            "2026-12-09T10:00:00Z",
            "Open",
        ),
    ];
    for (sentence, changes, time, expected) in rows {
        let grant = judged(record(changes), time);
        assert_eq!(state(&grant).as_deref(), Some(expected), "{sentence}");
        let is_flagged = grant.status.unwrap().flags.iter().any(|flag| flag.type_ == FlagType::DutyOverdue);
        assert_eq!(is_flagged, expected == "Overdue", "{sentence}");
    }
    let scheduled = record(json!({"status": {"startedAt": null, "endedAt": null, "endedBy": null, "endReason": null}}));
    assert_eq!(state(&judged(scheduled, "2026-12-09T10:00:00Z")), None, "nothing is owed before it begins");
    let mut of_old = record(json!({}));
    of_old.spec.duties = None;
    assert_eq!(state(&judged(of_old, "2026-12-09T10:00:00Z")), None, "a record without duties owes none");
}

#[test]
fn h12_a_clock_that_is_wrong_costs_nobody_their_access() {
    let mut grant = record(json!({}));
    let mut status = grant.status.clone().unwrap();
    let wrong = Now { server_ahead: TimeDelta::hours(-3), ..at("2026-12-02T10:00:01Z") };
    judge(&grant, &[], &mut status, wrong);
    grant.status = Some(status);
    assert_eq!((state(&grant).as_deref(), missed(&grant)), (Some("Open"), None));
}

#[test]
fn h12_what_was_missed_stays_missed_until_it_is_done_and_late_stays_late() {
    let late = judged(record(json!({})), "2026-12-02T10:00:05Z");
    let still = judged(late.clone(), "2026-12-05T10:00:00Z");
    assert_eq!(owed(&still, 0).missed_at, owed(&late, 0).missed_at);
    let mut value = json!(still);
    merge(&mut value, closeout(json!({})));
    let done = judged(serde_json::from_value(value).unwrap(), "2026-12-05T11:00:00Z");
    assert_eq!((state(&done).as_deref(), owed(&done, 0).state), (Some("Met"), DutyState::Met));
    assert_eq!(owed(&done, 0).missed_at.map(|at| at.to_string()).as_deref(), Some("2026-12-02T10:00:05Z"));
    assert_eq!(
        (owed(&done, 0).settled_by.as_deref(), settled_by(done.status.as_ref().unwrap()).as_deref()),
        (Some("alice"), Some("alice"))
    );
    let flag = &done.status.as_ref().unwrap().flags[0];
    assert_eq!(flag.cleared_by.as_deref(), Some("close-out: done by alice"));
    assert_eq!(missed(&done), None);
    let later = judged(done.clone(), "2026-12-09T11:00:00Z");
    assert_eq!(later.status, done.status, "what is settled is not judged again");
}

#[test]
fn h12_a_missed_duty_ends_what_was_granted_before_and_not_what_is_granted_since() {
    let late = judged(record(json!({})), "2026-12-02T10:00:05Z");
    let missed = missed(&late).unwrap();
    for (sentence, user, made, ends) in [
        ("granted before", "alice", "2026-12-02T08:00:00Z", true),
        ("granted in that second", "alice", "2026-12-02T10:00:05Z", true),
        ("granted since, such as an emergency that somebody agreed to", "alice", "2026-12-02T10:00:06Z", false),
        ("somebody else's", "dana", "2026-12-02T08:00:00Z", false),
    ] {
        let other = record(json!({"metadata": {"creationTimestamp": made}, "spec": {"user": user}}));
        assert_eq!(missed.ends(&other), ends, "{sentence}");
    }
    assert!(missed.closes("customer-support") && !missed.closes("incident-response"));
    let note = judged(record(owing(json!([owes("Note", "Begun", json!(["15m"]))]))), "2026-12-01T09:15:00Z");
    assert_eq!(super::missed(&note).map(|missed| missed.duty), Some(Duty::Note), "H10: a note as well");
    assert_eq!(missed.in_words(), "the close-out of billing.sup-4812.7f3a2c1b (SUP-4812), due at 2026-12-02T10:00:00Z");
}

#[test]
fn h14_a_review_that_is_late_is_flagged_and_costs_the_requester_nothing() {
    let review = json!({"duty": "Review", "since": "Decided", "within": ["NextBusinessDay"], "by": [{"kind": "Group", "name": "security"}]});
    let denied =
        json!({"spec": {"outcome": "Denied", "expiresAt": null, "duties": {"owes": [review]}}, "status": null});
    let grant = judged(record(denied.clone()), "2026-12-02T22:59:59Z");
    assert_eq!(state(&grant).as_deref(), Some("Open"), "owed for what was denied, too");
    let late = judged(grant, "2026-12-02T23:00:00Z");
    assert_eq!((state(&late).as_deref(), missed(&late)), (Some("Overdue"), None));
    let said = &owed(&late, 0).consequence;
    assert!(said.contains("this record is flagged") && !said.contains("live access"), "{said}");
    let answers = |by: &str| {
        json!({"status": {"duties": {"review": {"by": by, "realEmergency": "Yes: customers could not pay.", "smallestOption": "Yes: it only read logs.",
            "evidenceAdded": "Yes: timeline and logs are linked.", "improvement": "A dashboard of export errors."}}}})
    };
    for (by, expected) in [("carol", "Met"), ("bob", "Overdue"), ("alice", "Overdue")] {
        let mut value = json!(late);
        merge(&mut value, answers(by));
        let grant = judged(serde_json::from_value(value).unwrap(), "2026-12-03T10:00:00Z");
        assert_eq!(state(&grant).as_deref(), Some(expected), "{by}");
    }
}

#[test]
fn h12_each_deadline_and_what_follows_is_told_before_it_strikes() {
    let live = json!({"status": {"endedAt": null, "endedBy": null, "endReason": null}});
    let grant = judged(record(live), "2026-12-01T09:30:00Z");
    let Owed { consequence, command, due, .. } = owed(&grant, 0);
    assert_eq!((due.to_string().as_str(), command), ("2026-12-02T10:00:00Z", &None));
    assert_eq!(
        consequence,
        "the close-out is owed by User alice until 2026-12-02T10:00:00Z at the latest, once the access has ended; else: live access \
         of alice ends, routine requests of alice under policy `customer-support` are refused, and this record is flagged, until \
         it is done or waived; the policy's owner is told"
    );
    let vague = judged(record(closeout(json!({"cause": "debugging"}))), "2026-12-01T11:00:00Z");
    assert!(owed(&vague, 0).consequence.contains("cause says nothing"), "{}", owed(&vague, 0).consequence);
    assert_eq!(next(vague.status.as_ref().unwrap(), at("2026-12-01T11:00:00Z")), Some(TimeDelta::hours(23)));
    let late = judged(vague, "2026-12-02T10:00:00Z");
    assert!(
        owed(&late, 0).consequence.starts_with("the close-out of User alice was due at"),
        "{}",
        owed(&late, 0).consequence
    );
    assert_eq!(next(late.status.as_ref().unwrap(), at("2026-12-02T10:00:00Z")), None);
}

#[test]
fn g3_the_command_has_all_that_is_needed_and_nothing_ends_its_quotes() {
    let all = [
        "Cause",
        "FollowUps",
        "DataReviewed",
        "Timeline",
        "Commands",
        "Attachments",
        "WhyNotBroader",
        "WhyNotSafer",
        "LegalBasis",
    ];
    let mut of = owes("CloseOut", "Ended", json!(["24h"]));
    of["needs"] = json!(all);
    let data = |tenant: &str| json!([{"system": "billing-db", "kind": "invoice", "tenant": tenant}]);
    for (tenant, reviewed) in
        [("4812", "billing-db invoice 4812"), ("4'; rm -rf /; '", "SAY WHICH DATA"), ("4\"812", "SAY WHICH DATA")]
    {
        let mut changes = owing(json!([of]));
        changes["spec"]["data"] = data(tenant);
        let grant = judged(record(changes), "2026-12-01T11:00:00Z");
        let command = owed(&grant, 0).command.clone().unwrap();
        let patch = command.split_once("-p '").unwrap().1.strip_suffix('\'').unwrap();
        assert_eq!(patch.matches('\'').count(), 4, "only those around whoami: {patch}");
        let patch = patch.replace(r#"'"$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"'"#, "alice");
        let patch: Value = serde_json::from_str(&patch).unwrap();
        let said = &patch["status"]["duties"]["closeout"];
        assert_eq!((&said["by"], &said["dataReviewed"]), (&json!("alice"), &json!(reviewed)));
        let written: CloseOut = serde_json::from_value(said.clone()).unwrap();
        let of = &grant.spec.duties.as_ref().unwrap().owes[0];
        assert!(incomplete(&written, of).unwrap().starts_with("replace the words in capitals"));
        assert!(command.len() < 2048, "the schema holds it: {}", command.len());
    }
}

#[test]
fn h14_who_had_access_for_the_same_incident_does_not_review_it() {
    let says = "It was the least that worked, by the logs of that night.";
    let review =
        json!({"by": "rob", "realEmergency": says, "smallestOption": says, "evidenceAdded": says, "improvement": says});
    let mut reviewed = record(
        json!({"spec": {"lane": "Emergency", "duties": {"owes": [{"duty": "Review", "since": "Decided",
        "within": ["24h"], "by": [{"kind": "Group", "name": "security"}]}]}}, "status": {"duties": {"review": review}}}),
    );
    assert_eq!(reviewer(&reviewed), Some("rob"));
    let state = |responders: &[String]| {
        let mut status = reviewed.status.clone().unwrap();
        judge(&reviewed, responders, &mut status, at("2026-12-01T10:30:00Z"));
        (status.owed[0].state, status.owed[0].consequence.clone())
    };
    let (still, why) = state(&["rob".to_owned()]);
    assert!(still == DutyState::Open && why.contains("rob had access for SUP-4812 as well"), "{why}");
    assert_eq!(state(&["kim".to_owned()]).0, DutyState::Met);
    reviewed = judged(reviewed, "2026-12-01T10:30:00Z");
    assert_eq!(reviewer(&reviewed), None, "what was accepted is asked about no more");
}
#[test]
fn h14_a_denied_emergency_is_reviewed_too() {
    let mut denied = record(
        json!({"spec": {"lane": "Emergency", "outcome": "Denied", "expiresAt": null, "duties": {"owes": [{"duty": "Review",
        "since": "Decided", "within": ["NextBusinessDay"], "by": [{"kind": "Group", "name": "security"}]}]}}}),
    );
    denied.status = None;
    let open = judged(denied.clone(), "2026-12-02T22:59:59Z");
    assert_eq!(
        (state(&open).as_deref(), owed(&open, 0).due.to_string().as_str()),
        (Some("Open"), "2026-12-02T23:00:00Z")
    );
    assert!(owed(&open, 0).command.is_some(), "what to paste is there at once");
    assert_eq!(state(&judged(denied, "2026-12-02T23:00:00Z")).as_deref(), Some("Overdue"), "to the second");
}

#[test]
fn h13_the_commands_of_a_closeout_are_prefilled_by_what_was_seen_and_nothing_ends_their_quotes() {
    let mut of = owes("CloseOut", "Ended", json!(["24h"]));
    of["needs"] = json!(["Commands"]);
    for (verbs, expected) in [
        (json!(["get pods/log", "list deployments.apps"]), json!(["get pods/log", "list deployments.apps"])),
        (json!(["get pods'; rm -rf /; '", "list pods"]), json!(["list pods"])),
        (json!([]), json!(["SAY WHAT YOU RAN"])),
    ] {
        let mut changes = owing(json!([of]));
        let at = "2026-12-01T09:10:00Z";
        changes["status"]["usage"] = json!({"firstSeen": at, "lastSeen": at, "count": 2, "verbs": verbs});
        let grant = judged(record(changes), "2026-12-01T11:00:00Z");
        let command = owed(&grant, 0).command.clone().unwrap();
        assert!(command.contains(&format!("\"commands\":{expected}")), "{command}");
    }
}

#[test]
fn g3_what_admission_would_refuse_is_known_before_it_is_sent() {
    let review = json!({"duty": "Review", "since": "Decided", "within": ["24h"],
        "by": [{"kind": "Group", "name": "security"}, {"kind": "Group", "name": "system:masters"}, {"kind": "User", "name": "carol"}]});
    let mut owing =
        owing(json!([owes("CloseOut", "Ended", json!(["24h"])), review, owes("Note", "Begun", json!(["15m"]))]));
    owing["spec"]["filedBy"] = json!("fil");
    owing["spec"]["attestation"] =
        json!({"change": "https://git.example.com/1", "author": "ann", "reviewers": ["rob"]});
    let ended = judged(record(owing.clone()), "2026-12-01T10:30:00Z");
    merge(&mut owing, json!({"status": {"endedAt": null, "endedBy": null, "endReason": null}}));
    let live = judged(record(owing), "2026-12-01T09:10:00Z");
    let done = {
        let mut value = json!(ended);
        merge(&mut value, closeout(json!({})));
        judged(serde_json::from_value(value).unwrap(), "2026-12-01T10:40:00Z")
    };
    let security = ["security".to_owned(), "platform-security".to_owned()];
    let masters = ["system:masters".to_owned()];
    let (alone, secure): (&[String], &[String]) = (&[], &security);
    for (sentence, grant, duty, name, groups, answer) in [
        ("who owes it, once it has ended", &ended, Duty::CloseOut, "alice", alone, ""),
        ("while it holds", &live, Duty::CloseOut, "alice", alone, "the access still holds: end it first"),
        ("a note while it holds", &live, Duty::Note, "alice", alone, ""),
        ("somebody else", &ended, Duty::CloseOut, "bob", secure, "only who owes it writes it: User alice"),
        ("what was done", &done, Duty::CloseOut, "alice", alone, "the close-out is not owed any more: done by alice"),
        ("one of those who review", &ended, Duty::Review, "rob", secure, ""),
        ("a reviewer by name", &ended, Duty::Review, "carol", alone, ""),
        ("who asked", &ended, Duty::Review, "alice", secure, "who asked or decided neither reviews nor waives"),
        ("who decided", &ended, Duty::Review, "bob", secure, "who asked or decided"),
        ("who filed it", &ended, Duty::Review, "fil", secure, "who asked or decided"),
        ("who wrote the change", &ended, Duty::Review, "ann", secure, "who asked or decided"),
        ("a stranger", &ended, Duty::Review, "dana", alone, "only who owes it writes it: Group security"),
        ("who is called like the group", &ended, Duty::Review, "security", alone, "only who owes it writes it"),
        ("a system group", &ended, Duty::Review, "dana", &masters, "only who owes it writes it"),
        ("a system user", &ended, Duty::Review, "system:serviceaccount:a:b", secure, "only who owes it writes it"),
    ] {
        let said = meeting(grant, duty, Who { name, groups }).err().unwrap_or_default();
        assert!(said.starts_with(answer) && said.is_empty() == answer.is_empty(), "{sentence}: {said}");
    }
    for (sentence, grant, name, groups, answer) in [
        ("the owner of the policy", &ended, "olga", secure, ""),
        ("while it holds, too", &live, "olga", secure, ""),
        ("who owes it", &ended, "alice", secure, "who asked or decided"),
        ("who wrote the change", &ended, "ann", secure, "who asked or decided"),
        ("a stranger", &ended, "dana", alone, "only a reviewer waives a duty: Group platform-security"),
        ("what was done", &done, "olga", secure, "the close-out is not owed any more"),
    ] {
        let said = waiving(grant, Duty::CloseOut, Who { name, groups }).err().unwrap_or_default();
        assert!(said.starts_with(answer) && said.is_empty() == answer.is_empty(), "{sentence}: {said}");
    }
    let who = Who { name: "alice", groups: alone };
    let never = record(json!({}));
    assert_eq!(meeting(&never, Duty::Review, who).unwrap_err(), "no review is owed for it");
    assert_eq!(meeting(&never, Duty::CloseOut, who).unwrap_err(), "the close-out is not owed: access has not begun");
    // The operator holds to the same where admission was not there.
    let says = "It was the least that worked, by the logs of that night.";
    let by_ann = json!({"status": {"duties": {"review": {"by": "ann", "realEmergency": says, "smallestOption": says,
        "evidenceAdded": says, "improvement": says}}}});
    let mut value = json!(ended);
    merge(&mut value, by_ann);
    let judged = judged(serde_json::from_value(value).unwrap(), "2026-12-01T10:40:00Z");
    assert!(owed(&judged, 1).consequence.contains("ann may not write it"), "{}", owed(&judged, 1).consequence);
}

#[test]
fn h13_the_commands_of_the_closeout_are_filled_in_with_what_audit_events_have_shown() {
    let mut of = owes("CloseOut", "Ended", json!(["24h"]));
    of["needs"] = json!(["Commands"]);
    let used = |verbs: Value| {
        let mut changes = owing(json!([of]));
        changes["status"] = json!({"usage": {"firstSeen": "2026-12-01T09:01:00Z", "lastSeen": "2026-12-01T09:10:00Z", "count": 14, "verbs": verbs}});
        let grant = judged(record(changes), "2026-12-01T11:00:00Z");
        owed(&grant, 0).command.clone().unwrap()
    };
    let command = used(json!(["get pods/log", "list pods", "get x'y"]));
    assert!(command.contains(r#""commands":["get pods/log","list pods"]"#), "{command}");
    let many: Vec<_> = (0..32).map(|n| format!("get {}{n}", "r".repeat(100))).collect();
    assert!(used(json!(many)).len() < 1500, "the schema holds it");
    assert!(used(json!([])).contains("SAY WHAT YOU RAN"));
}
