use super::*;
use crate::when::Zone;

fn request() -> AccessRequest {
    let user = |name: &str| json!({"kind": "User", "name": name});
    let group = |name: &str| json!({"kind": "Group", "name": name});
    let step = |name: &str, approvers: Value, backups: Value| {
        json!({"step": name, "revision": "5f0c1d2e-1", "need": 1, "approvers": approvers, "backups": backups,
            "backupsFrom": "2026-12-01T09:00:00Z", "commentMinLength": 10, "command": "-"})
    };
    serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-1", "namespace": "billing"},
        "spec": {"policy": "support", "reason": "r", "ticket": "SUP-1", "requester": {"username": "alice"}},
        "status": {"revision": "5f0c1d2e-1", "duration": "30m", "state": "Waiting",
            "permissions": {"rulesSha256": "a".repeat(64)},
            "approvals": [
                {"by": "gil", "as": "gil", "step": "owner", "decision": "Approve", "revision": "5f0c1d2e-1"},
                {"by": "hal", "as": "hal", "step": "owner", "decision": "Approve", "revision": "5f0c1d2e-0"}],
            "waitingFor": [
                step("owner", json!([user("bob"), user("gil"), user("hal"), group("owners"), group("leads"), user("owners")]),
                    json!([user("fay")])),
                step("security", json!([group("security"), user("bob")]), json!([]))]}}))
    .unwrap()
}
fn person(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo {
        username: Some(name.into()),
        groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()),
        ..UserInfo::default()
    }
}
fn typed(step: Option<&str>, in_name_of: Option<&str>, revision: Option<&str>) -> Decide {
    let owned = |of: Option<&str>| of.map(str::to_owned);
    Decide {
        names: vec!["sup-1".into()],
        comment: None,
        step: owned(step),
        in_name_of: owned(in_name_of),
        revision: owned(revision),
    }
}
fn when() -> When {
    When { now: "2026-12-01T08:15:00Z".parse().unwrap(), zone: Zone::Named(chrono_tz::UTC) }
}
fn found(me: &UserInfo, flags: &Decide) -> Result<String, Failure> {
    fitting(&request(), me, flags, &when())
        .map(|seats| seats.iter().map(|seat| format!("{} as {}", seat.step, seat.as_)).collect::<Vec<_>>().join(", "))
}

#[test]
fn step_and_name_are_found_and_what_fits_twice_is_narrowed_by_what_is_typed() {
    let free = typed(None, None, None);
    for (name, groups, flags, seats) in [
        ("eve", &["owners"][..], &free, "owner as owners"),
        ("bob", &["owners"][..], &free, "owner as bob, security as bob"),
        ("bob", &["owners"][..], &typed(Some("security"), None, Some("5f0c1d2e-1")), "security as bob"),
        ("eve", &["owners", "leads"][..], &free, "owner as owners, owner as leads"),
        ("eve", &["owners", "leads"][..], &typed(None, Some("leads"), None), "owner as leads"),
        // A decision about an older text is none about this one.
        ("hal", &[][..], &free, "owner as hal"),
        ("owners", &[][..], &free, "owner as owners"),
    ] {
        let me = person(name, groups);
        assert_eq!(found(&me, flags).unwrap(), seats, "{name} {groups:?}");
        assert!(waits_for(&request(), &me), "{name}");
    }
}

#[test]
fn what_admission_would_refuse_is_refused_in_plain_words() {
    let free = typed(None, None, None);
    for (name, groups, flags, words) in [
        ("alice", &["owners"][..], &free, "nobody decides their own request: ask owner (User bob"),
        ("gil", &[][..], &free, "you decided it already (Approve for owner)"),
        ("eve", &["engineers"][..], &free, "it does not wait for you, but for owner"),
        ("security", &[][..], &free, "it does not wait for you"),
        ("fay", &[][..], &free, "you stand in for them from 09:00 (in 45m)"),
        ("bob", &[][..], &typed(None, None, Some("5f0c1d2e-0")), "it is at revision 5f0c1d2e-1, not 5f0c1d2e-0"),
    ] {
        let refused = found(&person(name, groups), flags);
        assert!(matches!(&refused, Err(Failure::Denied(said)) if said.contains(words)), "{name}: {refused:?}");
    }
    let wrong = found(&person("eve", &["owners"]), &typed(Some("security"), None, None));
    assert!(
        matches!(&wrong, Err(Failure::Usage(said)) if said.contains("--step owner --in-name-of owners")),
        "{wrong:?}"
    );
    for (name, groups) in [("alice", &["owners"][..]), ("gil", &[]), ("eve", &["engineers"]), ("fay", &[])] {
        assert!(!waits_for(&request(), &person(name, groups)), "{name}");
    }
    let mut filed = request();
    filed.spec.filed_by = Some("bob".into());
    let refused = fitting(&filed, &person("bob", &[]), &free, &when());
    assert!(matches!(&refused, Err(Failure::Denied(said)) if said.contains("you filed it")), "{refused:?}");
    filed.status.as_mut().unwrap().waiting_for.clear();
    let refused = fitting(&filed, &person("eve", &["owners"]), &free, &when());
    assert_eq!(refused, Err(Failure::Denied("it waits for nobody: it is Waiting".into())));
}

#[test]
fn an_entry_is_what_the_pasted_command_writes_and_what_counts_for_nothing_is_not_sent() {
    let (me, seat) = (person("eve", &["owners"]), Seat { step: "owner".into(), as_: "owners".into() });
    let made = |decision, comment, shorten: Option<&str>| {
        entry(&request(), &me, &seat, decision, comment, shorten.map(|span| span.parse().unwrap()))
    };
    let why = "Narrow, and tied to a case that I know.";
    assert_eq!(
        made(Decision::Approve, Some(why), Some("20m")),
        Ok(json!({"by": "eve", "as": "owners", "step": "owner", "decision": "Approve", "revision": "5f0c1d2e-1",
            "comment": why, "duration": "20m"}))
    );
    assert!(made(Decision::Deny, None, None).is_ok(), "a refusal needs no words");
    let long = "x".repeat(501);
    for (decision, comment, shorten, words) in [
        (Decision::Approve, None, None, "in at least 10 characters"),
        (Decision::Approve, Some("ok"), None, "in at least 10 characters"),
        (Decision::Approve, Some("approved approved"), None, "in at least 10 characters"),
        (Decision::RequestDetail, Some("  "), None, "say what is missing"),
        (Decision::Deny, Some(long.as_str()), None, "longer than 500"),
        (Decision::Approve, Some(why), Some("31m"), "--shorten 31m is longer than the 30m"),
    ] {
        let refused = made(decision, comment, shorten);
        assert!(matches!(&refused, Err(Failure::Usage(said)) if said.contains(words)), "{words}: {refused:?}");
    }
}

#[test]
fn j5_an_approval_is_bound_to_what_was_shown_and_to_nothing_unseen() {
    let mut of = request();
    assert_eq!(shown(&of), Ok(vec![("permissions", "a".repeat(64))]));
    of.spec.then = Some(curfew::api::request::Then { access: "restart".into(), duration: None });
    assert!(matches!(shown(&of), Err(Failure::Denied(words)) if words.contains("status.thenPermissions")));
    of.spec.then = None;
    of.status.as_mut().unwrap().permissions = None;
    assert!(matches!(shown(&of), Err(Failure::Denied(words)) if words.contains("status.permissions")));
}
