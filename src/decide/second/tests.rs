use super::*;
use crate::decide::Audit;
use crate::decide::Fuses;
use crate::decide::screening::tests::{grant, then};
use chrono::DateTime;
use serde_json::{Value, json};
use std::sync::Arc;

const FINDING: &str = "The worker holds a stale lock since the deploy: a restart frees it.";

fn at(time: &str) -> Now {
    let wall = DateTime::parse_from_rfc3339(&format!("2026-12-01T{time}Z")).unwrap().to_utc();
    Now { wall, server_ahead: TimeDelta::zero() }
}
fn well() -> Standing {
    Standing { lease_held: true, guard: Guard::Intact { epoch: "e1".into() }, fuses: Fuses::Burn, audit: Audit::Absent }
}
/// The record of the first access, from nine to half past, in this status.
fn first(status: Value) -> AccessGrant {
    let role = json!({"kind": "ClusterRole", "name": "curfew-restart"});
    let second = json!({"access": "restart", "level": "LimitedWrite", "roleRef": role, "rules": [], "rulesSha256": "ab",
        "adds": ["patch deployments.apps"], "duration": "10m"});
    let request = json!({"namespace": "billing", "name": "sup-4812", "uid": "7f3a2c1b-0000", "generation": 1});
    let grant = grant(json!({"then": second, "request": request, "admissionEpoch": "e1", "ticket": "SUP-4812",
        "notBefore": "2026-12-01T09:00:00Z", "expiresAt": "2026-12-01T09:30:00Z"}));
    let mut grant = Arc::unwrap_or_clone(grant);
    grant.metadata.name = Some("billing.sup-4812.7f3a2c1b".into());
    grant.status = serde_json::from_value(status).unwrap();
    grant
}
fn bound() -> Value {
    json!({"startedAt": "2026-12-01T09:00:01Z", "conditions": [{"type": "Active", "status": "True", "reason": "Bound", "message": "",
        "lastTransitionTime": "2026-12-01T09:00:01Z"}]})
}
fn over() -> Value {
    json!({"endedAt": "2026-12-01T09:20:00Z", "endedBy": "alice", "endReason": "Closed"})
}
fn request(status: Value) -> AccessRequest {
    let mut request = then("restart", Some("10m"), None).request;
    request.status = serde_json::from_value(status).unwrap();
    request
}
fn started(by: &str, finding: &str) -> Value {
    json!({"then": {"by": by, "finding": finding}})
}

#[test]
fn b23_it_begins_only_once_its_requester_found_something_while_the_first_one_holds() {
    let broken = Standing { guard: Guard::Broken("curfew-requests is missing".into()), ..well() };
    let later = Standing { guard: Guard::Intact { epoch: "e2".into() }, ..well() };
    let closed = json!({"then": {"by": "alice", "finding": FINDING}, "close": {"by": "alice"}});
    let waits = json!({"conditions": [{"type": "Active", "status": "False", "reason": "Scheduled", "message": "",
        "lastTransitionTime": "2026-12-01T08:50:00Z"}]});
    for (sentence, status, first_is, standing, time, stands_as, made) in [
        ("nobody started it", json!({}), bound(), well(), "09:10:00", SecondStage::Agreed, false),
        ("its requester did", started("alice", FINDING), bound(), well(), "09:10:00", SecondStage::Held, true),
        ("somebody else did", started("bob", FINDING), bound(), well(), "09:10:00", SecondStage::Agreed, false),
        (
            "the finding is vague",
            started("alice", "Need to investigate, just in case"),
            bound(),
            well(),
            "09:10:00",
            SecondStage::VagueFinding,
            false,
        ),
        ("the first one has not begun", started("alice", FINDING), waits, well(), "08:55:00", SecondStage::Held, false),
        (
            "the first one is due to end",
            started("alice", FINDING),
            bound(),
            well(),
            "09:30:00",
            SecondStage::Held,
            false,
        ),
        ("the first one has ended", started("alice", FINDING), over(), well(), "09:21:00", SecondStage::Lapsed, false),
        ("it was closed", closed, bound(), well(), "09:10:00", SecondStage::Held, false),
        ("admission is broken", started("alice", FINDING), bound(), broken, "09:10:00", SecondStage::Held, false),
        ("another epoch began", started("alice", FINDING), bound(), later, "09:10:00", SecondStage::Held, false),
    ] {
        let (first, request) = (first(first_is), request(status));
        let (reason, words) = stands(&request, &first, None, &ReasonRule::default(), &standing).unwrap();
        assert_eq!(reason, stands_as, "{sentence}");
        assert!(!words.is_empty(), "{sentence}");
        assert_eq!(award(&request, &first, reason, &standing, None, at(time)).is_some(), made, "{sentence}");
    }
}

#[test]
fn b23_the_second_record_is_what_was_agreed_with_an_end_and_a_finding_of_its_own() {
    let (first, request) = (first(bound()), request(started("alice", FINDING)));
    let second =
        award(&request, &first, SecondStage::Held, &well(), Some(TimeDelta::hours(1)), at("09:10:00")).unwrap();
    assert_eq!(second.name_any(), "billing.sup-4812.7f3a2c1b.2");
    let spec = &second.spec;
    assert_eq!((spec.access.as_str(), spec.role_ref.name.as_str()), ("restart", "curfew-restart"));
    assert_eq!(spec.adds, ["patch deployments.apps"]);
    assert_eq!(spec.not_before.to_string(), "2026-12-01T09:10:00Z");
    assert_eq!(spec.expires_at.unwrap().to_string(), "2026-12-01T09:20:00Z", "ten minutes from its own start");
    let short =
        award(&request, &first, SecondStage::Held, &well(), Some(TimeDelta::minutes(3)), at("09:10:00")).unwrap();
    assert_eq!(
        short.spec.expires_at.unwrap().to_string(),
        "2026-12-01T09:13:00Z",
        "no longer than what is left of the day"
    );
    let follows = spec.follows.as_ref().unwrap();
    assert_eq!((follows.grant.as_str(), follows.finding.as_str()), ("billing.sup-4812.7f3a2c1b", FINDING));
    assert_eq!((&spec.user, &spec.ticket, &spec.then), (&first.spec.user, &first.spec.ticket, &None));
    assert_eq!(names::child_of(spec), "curfew-sup-4812-7f3a2c1b-2", "its binding is not the first one's");

    let (reason, words) = stands(&request, &first, Some(&second), &ReasonRule::default(), &well()).unwrap();
    assert_eq!((reason, words.contains("2026-12-01T09:20:00Z")), (SecondStage::Started, true));
}

#[test]
fn b23_an_approver_who_allows_less_time_allows_it_for_both() {
    let world = then("restart", Some("20m"), Some(vec![]));
    let seen = world.seen();
    let stage = of(&seen).unwrap();
    let approval = |duration: Value| -> ApprovalOf {
        serde_json::from_value(
            json!({"by": "bob", "step": "s", "as": {"kind": "User", "name": "bob"}, "decision": "Approve",
            "revision": "r", "duration": duration, "at": "2026-12-01T09:00:00Z"}),
        )
        .unwrap()
    };
    assert_eq!(agreed(&stage, None, &[]).duration.to_string(), "20m");
    assert_eq!(agreed(&stage, None, &[approval(json!("5m"))]).duration.to_string(), "5m");
    assert_eq!(agreed(&stage, None, &[approval(json!("1h"))]).duration.to_string(), "20m", "nobody lengthens");
}

#[test]
fn b23_the_request_shows_whichever_access_holds() {
    let (live, ended) = (first(bound()), first(over()));
    assert!(std::ptr::eq(shown(&live, None), &live));
    assert!(std::ptr::eq(shown(&ended, None), &ended));
    let (second, second_over) = (first(bound()), first(over()));
    assert!(std::ptr::eq(shown(&live, Some(&second)), &second));
    assert!(std::ptr::eq(shown(&ended, Some(&second)), &second));
    assert!(std::ptr::eq(shown(&live, Some(&second_over)), &live), "the first one still holds");
    assert!(std::ptr::eq(shown(&ended, Some(&second_over)), &ended), "both at once");
    let mut later = first(over());
    let status = later.status.as_mut().unwrap();
    status.ended_at = status.ended_at.and_then(|at| at.checked_add(TimeDelta::seconds(1)));
    assert!(std::ptr::eq(shown(&ended, Some(&later)), &later), "the one that ended last");
    assert!(std::ptr::eq(shown(&later, Some(&ended)), &later));
}
