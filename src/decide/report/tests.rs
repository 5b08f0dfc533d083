use super::*;
use crate::decide::screening::tests::{grant, policy};
use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T12:00:00Z";

fn instant(text: &str) -> Instant {
    Instant::new(text.parse().unwrap())
}
fn now() -> Now {
    Now { wall: instant(NOW).get(), server_ahead: TimeDelta::zero() }
}
/// A record of that name, made then; its request has the UID `of-NAME`.
fn record(name: &str, made: &str, spec: Value, status: Value) -> AccessGrant {
    let mut with =
        json!({"request": {"namespace": "billing", "name": name, "uid": format!("of-{name}"), "generation": 1}});
    with.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    if with.get("outcome").is_some_and(|outcome| outcome != "Approved") {
        with["expiresAt"] = Value::Null;
    }
    let mut grant = AccessGrant::clone(&grant(with));
    grant.metadata = serde_json::from_value(json!({"name": name, "uid": name, "creationTimestamp": made})).unwrap();
    grant.status = serde_json::from_value(status).unwrap();
    grant
}
fn request(name: &str, made: &str, status: Value) -> AccessRequest {
    serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": name, "namespace": "billing", "uid": format!("of-{name}"), "creationTimestamp": made},
        "spec": {"policy": "customer-support", "reason": "r", "ticket": "SUP-1", "requester": {"username": "alice"}},
        "status": status}))
    .unwrap()
}
fn condition(type_: &str, status: &str, reason: &str, at: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": "", "lastTransitionTime": at})
}
fn seen(grants: Vec<AccessGrant>, requests: Vec<AccessRequest>) -> Seen {
    let grants = grants.into_iter().map(|grant| (grant.uid().unwrap(), Some(grant))).collect();
    let listed = Listed { bindings: Some(vec![]), fuses: None, grants: Some(grants) };
    let window = Window::of(When::Since(TimeDelta::days(7)), now().for_record());
    let (policies, shared_accounts) = (vec![policy(json!({}))], vec!["ops-shared".to_owned()]);
    Seen { listed, requests, policies, standing: None, writes: None, unread: 0, shared_accounts, window, now: now() }
}
/// The rows of one section, each as one text.
fn rows(of: Subject, seen: &Seen, name: &str) -> Vec<String> {
    let page = page(of, seen);
    let section = page.sections.iter().find(|section| section.name == name).unwrap();
    assert!(section.table.rows.iter().all(|row| row.len() == section.table.head.len()), "{name}");
    section.table.rows.iter().map(|row| row.join("|")).collect()
}
fn ended(at: &str, duties: &str, owed: Value) -> Value {
    let status = match duties {
        "Met" => "True",
        "Overdue" => "False",
        _ => "Unknown",
    };
    json!({"startedAt": "2026-11-20T09:00:00Z", "endedAt": at, "endedBy": "curfew", "endReason": "Expired", "owed": owed,
        "conditions": [condition("RemovalVerified", "True", "Removed", at), condition("DutiesMet", status, duties, at)]})
}
fn owed(state: &str, due: &str) -> Value {
    json!([{"duty": "CloseOut", "by": [{"kind": "User", "name": "alice"}], "due": due, "state": state, "consequence": ""}])
}

#[test]
fn a_period_is_the_last_whole_one_and_ends_before_its_end() {
    let window = |when, now: &str| {
        let Window { from, until } = Window::of(when, instant(now));
        format!("{}..{until}", or_none(from))
    };
    for (when, now, expected) in [
        (When::Last(Period::Week), NOW, "2026-11-16T00:00:00Z..2026-11-23T00:00:00Z"),
        (When::Last(Period::Week), "2026-11-22T23:59:59Z", "2026-11-09T00:00:00Z..2026-11-16T00:00:00Z"),
        (When::Last(Period::Month), NOW, "2026-10-01T00:00:00Z..2026-11-01T00:00:00Z"),
        (When::Last(Period::Month), "2027-01-01T00:00:00Z", "2026-12-01T00:00:00Z..2027-01-01T00:00:00Z"),
        (When::Last(Period::Quarter), NOW, "2026-07-01T00:00:00Z..2026-10-01T00:00:00Z"),
        (When::Last(Period::Quarter), "2027-03-31T12:00:00Z", "2026-10-01T00:00:00Z..2027-01-01T00:00:00Z"),
        (When::Since(TimeDelta::days(7)), NOW, "2026-11-16T12:00:00Z..2026-11-23T12:00:01Z"),
        (When::All, NOW, "..2026-11-23T12:00:01Z"),
    ] {
        assert_eq!(window(when, now), expected, "{when:?}");
    }
    let october = Window::of(When::Last(Period::Month), instant(NOW));
    for (at, is_in) in [
        ("2026-09-30T23:59:59Z", false),
        ("2026-10-01T00:00:00Z", true),
        ("2026-10-31T23:59:59Z", true),
        ("2026-11-01T00:00:00Z", false),
    ] {
        assert_eq!(october.has(Some(instant(at))), is_in, "{at}");
    }
    assert!(!october.has(None) && Window::of(When::All, instant(NOW)).has(None));
}

#[test]
fn i1_the_weekly_report_names_what_ended_and_is_not_closed_out() {
    let made = "2026-01-01T09:00:00Z"; // whenever it began
    let unproven = json!({"startedAt": made, "endedAt": "2026-11-23T11:00:00Z", "endedBy": "c", "endReason": "Expired",
        "conditions": [condition("DutiesMet", "True", "Met", made)]});
    let seen = seen(
        vec![
            record("closed", made, json!({}), ended("2026-11-20T10:00:00Z", "Met", owed("Met", NOW))),
            record(
                "open",
                made,
                json!({}),
                ended("2026-11-23T10:00:00Z", "Open", owed("Open", "2026-11-24T10:00:00Z")),
            ),
            record(
                "late",
                made,
                json!({}),
                ended("2026-11-20T10:00:00Z", "Overdue", owed("Overdue", "2026-11-21T10:00:00Z")),
            ),
            record("unproven", made, json!({}), unproven),
            record("live", made, json!({}), json!({"startedAt": made})),
            record("denied", made, json!({"outcome": "Denied"}), json!({})),
        ],
        vec![],
    );
    assert_eq!(
        rows(Subject::Weekly, &seen, "never-closed"),
        [
            "late|SUP-1|alice|customer-support|2026-11-20T10:00:00Z|3d02h|CloseOut until 2026-11-21T10:00:00Z",
            "open|SUP-1|alice|customer-support|2026-11-23T10:00:00Z|2h00m|CloseOut until 2026-11-24T10:00:00Z",
            "unproven|SUP-1|alice|customer-support|2026-11-23T11:00:00Z|1h00m|proof that it is gone",
        ]
    );
    assert_eq!(
        rows(Subject::Weekly, &seen, "overdue"),
        ["late|SUP-1|close-out|User alice|2026-11-21T10:00:00Z|2d02h|customer-support|Group billing-owners"]
    );
}

#[test]
fn g8_the_weekly_report_lists_managed_bindings_without_a_live_grant() {
    let mut seen = seen(vec![record("live", NOW, json!({"expiresAt": "2026-11-23T13:00:00Z"}), json!({}))], vec![]);
    let binding = |name: &str, grant: &str| -> RoleBinding {
        serde_json::from_value(
            json!({"metadata": {"name": name, "namespace": "billing", "labels": {"curfew.dev/grant": grant}},
            "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": "r"},
            "subjects": [{"apiGroup": "", "kind": "User", "name": "alice"}]}),
        )
        .unwrap()
    };
    seen.listed.bindings = Some(vec![binding("fine", "live"), binding("left", "gone")]);
    assert_eq!(rows(Subject::Weekly, &seen, "leftovers"), ["billing|left|alice|its grant does not exist"]);
    let unapproved = rows(Subject::Monthly, &seen, "without-approval");
    assert_eq!(
        unapproved,
        [
            "billing|fine|User alice||its record names nobody who agreed",
            "billing|left|User alice||its record does not exist",
        ]
    );
}

#[test]
fn e22_the_weekly_report_names_each_chain_once_the_longest_first() {
    let of = |grant: &str, depth: i32, ticket: &str| {
        json!({"ticket": ticket, "renewal": {"of": "r", "grant": grant, "depth": depth, "whatChanged": "",
            "whatRemains": "", "whyNotEnough": "the export runs for hours"}})
    };
    let day = "2026-11-22T09:00:00Z";
    let mut all = vec![
        record("a", "2026-10-01T09:00:00Z", json!({}), json!({})),
        record("a1", day, of("a", 1, "SUP-1"), json!({})),
        record("a2", day, of("a1", 2, "SUP-1"), json!({})),
        record("b1", day, of("gone", 1, "SUP-2"), json!({})),
        record("old", "2026-10-01T09:00:00Z", of("gone", 3, "SUP-3"), json!({})),
        record("itself", day, of("itself", 1, "SUP-4"), json!({})),
    ];
    let mut refused = record("a3", day, of("a2", 3, "SUP-1"), json!({}));
    refused.spec.expires_at = None;
    all.push(refused);
    let chains = rows(Subject::Weekly, &seen(all, vec![]), "renewals");
    assert_eq!(chains.len(), 3, "{chains:?}");
    assert!(chains[0].starts_with("SUP-1|alice|customer-support|billing|2|2|a|"), "{chains:?}");
    assert!(chains[0].ends_with("|the export runs for hours"), "{chains:?}");
    assert!(chains[1].starts_with("SUP-2|") && chains[2].starts_with("SUP-4|"), "{chains:?}");
}

#[test]
fn g6_the_weekly_report_names_policies_whose_owner_is_late() {
    let mut seen = seen(vec![], vec![]);
    let made = |time: &str| serde_json::from_value(json!(time)).unwrap();
    for (time, late) in [
        ("2026-11-16T12:00:01Z", &[][..]),
        ("2026-11-16T12:00:00Z", &["customer-support|CleanUp|Group billing-owners|7d00h|"]),
        (
            "2026-08-25T12:00:00Z",
            &[
                "customer-support|Approvers|Group billing-owners|90d00h|",
                "customer-support|CleanUp|Group billing-owners|90d00h|",
            ],
        ),
    ] {
        seen.policies[0].metadata.creation_timestamp = Some(made(time));
        let found = rows(Subject::Weekly, &seen, "reviews");
        assert_eq!(found.len(), late.len(), "{time}: {found:?}");
        for (row, begins) in found.iter().zip(late) {
            assert!(row.starts_with(begins) && row.contains("kubectl patch accesspolicy"), "{row}");
        }
    }
}

#[test]
fn c11_the_monthly_report_lists_approvals_given_within_seconds() {
    let approved = |name: &str, at: &str, more: Value| {
        let mut approval = json!({"by": "bob", "step": "owner", "as": {"kind": "Group", "name": "billing-owners"},
            "decision": "Approve", "revision": "1", "comment": "looks fine", "at": at});
        approval.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record(name, "2026-11-20T09:10:00Z", json!({"approvals": [approval]}), json!({}))
    };
    let asked = |name: &str| {
        let screened = condition("Screened", "True", "Complete", "2026-11-20T09:00:00Z");
        request(name, "2026-11-20T08:00:00Z", json!({"conditions": [screened]}))
    };
    let grants = vec![
        approved("hasty", "2026-11-20T09:00:29Z", json!({})),
        approved("read", "2026-11-20T09:00:30Z", json!({})),
        approved("denied", "2026-11-20T09:00:05Z", json!({"decision": "Deny"})),
        approved("attested", "2026-11-20T09:00:05Z", json!({"attestedBy": "flux"})),
        approved("returned", "2026-11-20T08:59:59Z", json!({})),
        approved("gone", "2026-11-20T09:00:05Z", json!({})),
    ];
    let seen = seen(grants, ["hasty", "read", "denied", "attested", "returned"].map(asked).to_vec());
    assert_eq!(
        rows(Subject::Monthly, &seen, "hasty-approvals"),
        ["hasty|bob|owner|29s|alice|customer-support|looks fine"]
    );
    let page = page(Subject::Monthly, &seen);
    let note = &page.sections.iter().find(|section| section.name == "hasty-approvals").unwrap().note;
    assert!(note.contains("Of 2 approvals nobody can tell"), "{note}");
}

#[test]
fn i2_the_monthly_report_looks_for_shared_accounts_and_access_without_an_end_or_an_approval() {
    let refused = json!({"checks": [{"name": "Person", "passed": false, "code": "SharedAccount", "message": ""}]});
    let mut seen = seen(
        vec![record("by-shared", "2026-11-20T09:00:00Z", json!({"user": "ops-shared"}), json!({}))],
        vec![request("by-root", "2026-11-20T09:00:00Z", refused)],
    );
    let held = |binding: &str, kind: &str, name: &str, made: &str| {
        json!({"level": "Admin", "namespace": "billing", "binding": binding, "role": {"kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": kind, "name": name}], "dangers": [], "made": made})
    };
    let inventory = json!({"takenAt": NOW, "seenUntil": NOW, "namespaces": ["billing"], "roles": [], "bindings": [
        held("everybody", "Group", "system:authenticated", "2025-01-01T09:00:00Z"),
        held("new", "User", "mallory", "2026-11-20T09:00:00Z")]});
    seen.standing = Some(serde_json::from_value(inventory).unwrap());
    let of = |name| rows(Subject::Monthly, &seen, name);
    assert_eq!(
        of("shared-accounts"),
        [
            "alice|billing|request billing/by-root",
            "ops-shared|billing|record by-shared",
            "system:authenticated|billing|binding everybody"
        ]
    );
    assert_eq!(of("without-end").len(), 2);
    assert_eq!(of("without-approval"), ["billing|new|User mallory|2026-11-20T09:00:00Z|made by hand in this time"]);
    assert_eq!(of("without-task"), Vec::<String>::new());
    let page = page(Subject::Monthly, &seen);
    let task = page.sections.iter().find(|section| section.name == "without-task").unwrap();
    assert!(task.note.starts_with("Unknown here"));
}

/// An event of that time, by alice in namespace billing, with these fields replaced.
fn event(id: &str, changes: Value) -> crate::decide::usage::Event {
    let mut event = json!({"auditID": id, "verb": "patch", "user": {"username": "alice"},
        "objectRef": {"resource": "deployments", "apiGroup": "apps", "namespace": "billing"}, "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-11-20T09:10:00.5Z", "annotations": {"authorization.k8s.io/decision": "allow",
        "authorization.k8s.io/reason": "RBAC: allowed by ClusterRoleBinding \"admins\" of ClusterRole \"admin\" to User \"alice\""}});
    event.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    crate::decide::usage::Event::read(event.to_string().as_bytes()).unwrap()
}

#[test]
fn i2_changes_that_no_access_allowed_are_listed_where_somebody_gives_audit_events() {
    let binding = |name: &str| {
        let reason = format!("RBAC: allowed by RoleBinding \"{name}/billing\" of ClusterRole \"r\" to User \"alice\"");
        json!({"annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": reason}})
    };
    let of = |resource: &str, group: &str, namespace: &str| json!({"objectRef": {"resource": resource, "apiGroup": group, "namespace": namespace}});
    let mut record = record("billing.sup-1.7f3a2c1b", "2026-11-20T09:00:00Z", json!({}), json!({}));
    record.metadata.labels = Some([("curfew.dev/request".to_owned(), "sup-1".to_owned())].into());
    let mut seen = seen(vec![record], vec![]);
    assert!(Writes::of(&seen).is_none(), "which namespaces matter is not known");
    let inventory = json!({"takenAt": NOW, "seenUntil": NOW, "namespaces": ["billing"], "roles": [], "bindings": []});
    seen.standing = Some(serde_json::from_value(inventory).unwrap());
    let found = |changes: Value| {
        let mut writes = Writes::of(&seen).unwrap();
        writes.take(&event("a", changes));
        writes.rows().len()
    };
    for (what, changes, listed) in [
        ("what standing access allowed", json!({}), 1),
        ("a binding of a record", binding("curfew-sup-1-7f3a2c1b"), 0),
        ("a binding of no record", binding("curfew-sup-2-00000000"), 1),
        (
            "a binding of the same name elsewhere",
            json!({"annotations": {"authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": "RBAC: allowed by RoleBinding \"curfew-sup-1-7f3a2c1b/other\" of Role \"r\" to User \"alice\""}}),
            1,
        ),
        ("a look", json!({"verb": "list"}), 0),
        ("elsewhere", of("deployments", "apps", "play"), 0),
        ("asking and deciding", of("accessrequests", "curfew.dev", "billing"), 0),
        ("a question to the API server", of("localsubjectaccessreviews", "authorization.k8s.io", "billing"), 0),
        ("no person", json!({"user": {"username": "system:serviceaccount:ci:deployer"}}), 0),
        ("refused by admission", json!({"responseStatus": {"code": 403}}), 0),
        ("forbidden", json!({"annotations": {"authorization.k8s.io/decision": "forbid"}}), 0),
        ("before that time", json!({"requestReceivedTimestamp": "2026-11-16T11:59:59Z"}), 0),
        ("a command in a container", of("pods", "", "billing"), 1),
    ] {
        assert_eq!(found(changes), listed, "{what}");
    }
    let mut writes = Writes::of(&seen).unwrap();
    let later = json!({"requestReceivedTimestamp": "2026-11-21T09:10:00Z"});
    for event in [event("a", json!({})), event("a", json!({})), event("b", later)] {
        writes.take(&event);
    }
    seen.writes = Some(writes);
    assert_eq!(
        rows(Subject::Monthly, &seen, "without-task"),
        [
            "billing|patch deployments.apps|alice|2|2026-11-20T09:10:00Z|2026-11-21T09:10:00Z|RBAC: allowed by ClusterRoleBinding \"admins\" of ClusterRole \"admin\" to User \"alice\""
        ]
    );
    let page = page(Subject::Monthly, &seen);
    let task = page.sections.iter().find(|section| section.name == "without-task").unwrap();
    assert!(task.note.contains("by 3 audit events"), "{}", task.note);
}

#[test]
fn h3_h16_emergencies_are_counted_by_service_and_person_denied_ones_too() {
    let crisis = |more: Value| {
        let mut with = json!({"lane": "Emergency", "ticket": "INC-1", "policy": {"name": "incident-response", "uid": "9",
            "generation": 1, "description": "", "retentionDays": 400},
            "emergency": {"harm": "BusinessOutage", "impact": "Nobody can pay."}});
        with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with
    };
    let review = |state: &str, due: &str| {
        json!({"owed": [{"duty": "Review", "by": [{"kind": "Group", "name": "security"}], "due": due, "state": state, "consequence": ""}],
            "dutiesState": state})
    };
    let denied = json!({"by": "dana", "step": "emergency", "as": {"kind": "Group", "name": "incident-managers"},
        "decision": "Deny", "revision": "1", "comment": "no", "at": "2026-11-20T09:04:00Z"});
    let seen = seen(
        vec![
            record(
                "first",
                "2026-11-18T09:02:00Z",
                crisis(json!({"approvedBy": "dana"})),
                review("Overdue", "2026-11-19T18:00:00Z"),
            ),
            record(
                "second",
                "2026-11-19T09:00:00Z",
                crisis(json!({"ticket": "INC-2"})),
                review("Met", "2026-11-20T18:00:00Z"),
            ),
            record(
                "third",
                "2026-11-20T09:04:00Z",
                crisis(json!({"user": "bob", "outcome": "Denied", "approvals": [denied]})),
                review("Open", "2026-11-24T18:00:00Z"),
            ),
            record("elsewhere", "2026-11-20T09:00:00Z", crisis(json!({"namespace": "shop"})), json!({})),
            record("old", "2026-09-01T09:00:00Z", crisis(json!({})), review("Waived", "2026-09-02T18:00:00Z")),
            record("routine", "2026-11-20T09:00:00Z", json!({}), review("Overdue", "2026-11-20T18:00:00Z")),
        ],
        vec![
            request("first", "2026-11-18T09:00:00Z", json!({})),
            request("third", "2026-11-20T09:00:00Z", json!({})),
            request("routine", "2026-11-20T08:00:00Z", json!({})),
        ],
    );
    let of = |name| rows(Subject::Emergencies, &seen, name);
    assert_eq!(of("services"), ["billing|incident-response|3|2|1|2|2|yes", "shop|incident-response|1|1|0|1|1|no"]);
    assert_eq!(of("people"), ["alice|3|3|0|billing, shop", "bob|1|0|1|billing"]);
    let decisions = of("decisions");
    assert_eq!(decisions.len(), 4);
    assert_eq!(
        decisions[0],
        "first|INC-1|alice|incident-response|billing|BusinessOutage|Approved|dana|2m00s|2026-11-18T09:02:00Z|Overdue||Nobody can pay."
    );
    assert!(
        decisions[3].starts_with("third|INC-1|bob|incident-response|billing|BusinessOutage|Denied|dana|4m00s|"),
        "{decisions:?}"
    );
    assert_eq!(of("to-decision"), ["*|2|2m00s|4m00s|4m00s|4m00s", "incident-response|2|2m00s|4m00s|4m00s|4m00s"]);
    assert_eq!(
        of("owed"),
        [
            "first|INC-1|alice|Approved|review|Group security|2026-11-19T18:00:00Z|3d18h|incident-response|",
            "third|INC-1|bob|Denied|review|Group security|2026-11-24T18:00:00Z||incident-response|",
        ]
    );
}

#[test]
fn h12_standing_access_of_who_missed_a_duty_is_reported_to_the_owner() {
    let made = "2026-01-01T09:00:00Z";
    let late = |duty: &str, state: &str| json!({"owed": [{"duty": duty, "by": [{"kind": "User", "name": "alice"}], "due": made, "state": state, "consequence": ""}]});
    let of = |user: &str| json!({"user": user, "groups": ["engineers"]});
    let mut seen = seen(
        vec![
            record("missed", made, of("alice"), late("CloseOut", "Overdue")),
            record("met", made, of("bob"), late("CloseOut", "Met")),
            record("review", made, of("carol"), late("Review", "Overdue")),
        ],
        vec![],
    );
    let held = |binding: &str, kind: &str, name: &str| {
        json!({"level": "Write", "namespace": "billing", "binding": binding, "role": {"kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": "User", "name": "zoe"}, {"kind": kind, "name": name}], "dangers": []})
    };
    let inventory = json!({"takenAt": NOW, "seenUntil": NOW, "namespaces": ["billing"], "roles": [], "bindings": [
        held("own", "User", "alice"), held("team", "Group", "engineers"), held("namesake", "Group", "alice"),
        held("hers", "User", "carol"), held("his", "User", "bob"), held("robots", "ServiceAccount", "alice")]});
    seen.standing = Some(serde_json::from_value(inventory).unwrap());
    assert_eq!(
        rows(Subject::Weekly, &seen, "debtors"),
        [
            "alice|missed|customer-support|Group billing-owners|Write|billing|own|User alice",
            "alice|missed|customer-support|Group billing-owners|Write|billing|team|Group engineers",
        ]
    );
}

#[test]
fn i4_what_was_begun_and_never_used_is_told_where_somebody_watched_and_k6_the_plan_is_beside_what_was_seen() {
    let day = "2026-11-20T09:00:00Z";
    let held = |from: &str, usage: Value| {
        let mut status =
            json!({"startedAt": from, "endedAt": "2026-11-20T09:30:00Z", "endedBy": "c", "endReason": "Expired"});
        if !usage.is_null() {
            status["usage"] = usage;
        }
        status
    };
    let usage = json!({"firstSeen": "2026-11-20T09:00:00Z", "lastSeen": day, "count": 7, "verbs": ["get pods/log", "list pods"]});
    let plan = json!({"plan": ["kubectl logs deploy/invoicer", "look at totals"]});
    let blind = seen(vec![record("unused", day, plan.clone(), held(day, Value::Null))], vec![]);
    assert_eq!(rows(Subject::Usage, &blind, "never-used"), [""; 0]);
    let page = page(Subject::Usage, &blind);
    let note = &page.sections.iter().find(|section| section.name == "never-used").unwrap().note;
    assert!(note.starts_with("Unknown here"), "{note}");
    let seen = seen(
        vec![
            record("used", day, plan, held(day, usage)),
            record("unused", day, json!({}), held(day, Value::Null)),
            record("before", day, json!({}), held("2026-11-20T08:59:59Z", Value::Null)),
            record(
                "never-begun",
                day,
                json!({"plan": ["x"]}),
                json!({"endedAt": day, "endedBy": "c", "endReason": "NeverStarted"}),
            ),
            record("live", day, json!({}), json!({"startedAt": day})),
        ],
        vec![],
    );
    assert_eq!(
        rows(Subject::Usage, &seen, "never-used"),
        ["unused|alice|customer-support|billing|2026-11-20T09:00:00Z|30m00s|Expired"]
    );
    assert_eq!(
        rows(Subject::Usage, &seen, "planned"),
        ["used|SUP-1|alice|customer-support|kubectl logs deploy/invoicer; look at totals|7|get pods/log, list pods"]
    );
}

#[test]
fn i5_refusals_are_counted_and_ideas_collected_and_i11_who_looked_is_said() {
    let check = |code: &str| json!({"name": code, "passed": false, "code": code, "message": ""});
    let vague = |name: &str| {
        request(name, "2026-11-20T09:00:00Z", json!({"checks": [check("VagueReason"), check("TicketInvalid")]}))
    };
    let answer = "a sentence of its own";
    let review = json!({"by": "dana", "realEmergency": answer, "smallestOption": answer, "evidenceAdded": answer,
        "improvement": "A dashboard for totals."});
    let mut seen = seen(
        vec![
            record("reviewed", "2026-11-20T09:00:00Z", json!({}), json!({"duties": {"review": review}})),
            record("denied", "2026-11-20T09:00:00Z", json!({"outcome": "Denied"}), json!({})),
            record("before", "2026-11-01T09:00:00Z", json!({"outcome": "Denied"}), json!({})),
        ],
        vec![
            vague("one"),
            vague("two"),
            request("before", "2026-11-01T09:00:00Z", json!({"checks": [check("VagueReason")]})),
        ],
    );
    let reviews = json!({"reviews": [{"what": "CleanUp", "by": "olga", "at": "2026-11-20T09:00:00Z"},
        {"what": "Approvers", "by": "olga", "at": "2026-01-20T09:00:00Z"}]});
    seen.policies[0].status = serde_json::from_value(reviews).unwrap();
    assert_eq!(
        rows(Subject::Monthly, &seen, "refusals"),
        ["TicketInvalid|2|1|customer-support", "VagueReason|2|1|customer-support", "Denied|1|1|customer-support"]
    );
    assert_eq!(
        rows(Subject::Monthly, &seen, "improvements"),
        ["reviewed|customer-support|dana|A dashboard for totals."]
    );
    assert_eq!(
        rows(Subject::Monthly, &seen, "looked"),
        [
            "customer-support|CleanUp|olga|2026-11-20T09:00:00Z|yes",
            "customer-support|Approvers|olga|2026-01-20T09:00:00Z|no"
        ]
    );
    assert_eq!(
        rows(Subject::Pilot, &seen, "vague"),
        ["customer-support|TicketInvalid|2|2|1", "customer-support|VagueReason|2|2|1"]
    );
}

#[test]
fn i4_the_usage_report_counts_repeats_and_what_was_never_begun() {
    let day = "2026-11-20T09:00:00Z";
    let renewal = json!({"renewal": {"of": "r", "grant": "one", "depth": 1, "whatChanged": "", "whatRemains": "", "whyNotEnough": ""}});
    let never = json!({"endedAt": day, "endedBy": "c", "endReason": "NeverStarted"});
    let seen = seen(
        vec![
            record("one", day, json!({}), json!({})),
            record("two", day, json!({"ticket": "SUP-2"}), never),
            record("more", day, renewal, json!({})),
            record("denied", day, json!({"user": "bob", "outcome": "Denied"}), json!({})),
        ],
        vec![],
    );
    let of = |name| rows(Subject::Usage, &seen, name);
    assert_eq!(of("people"), ["alice|3|3|0|1|2", "bob|1|0|1|0|1"]);
    assert_eq!(of("policies"), ["customer-support|4|3|1|1|2"]);
    assert_eq!(of("namespaces"), ["billing|4|3|1|1|2"]);
    assert_eq!(of("repeats"), ["alice|customer-support|billing|2|SUP-1, SUP-2"]);
    assert_eq!(of("never-begun"), ["two|alice|customer-support|billing|2026-11-21T05:00:00Z|NeverStarted"]);
}

#[test]
fn l6_how_long_people_wait_is_said_in_percentiles() {
    let minutes = |all: &[i64]| all.iter().map(|m| TimeDelta::minutes(*m)).collect::<Vec<_>>();
    let ten = minutes(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (percent, expected) in [(0, 1), (10, 1), (50, 5), (51, 6), (90, 9), (99, 10), (100, 10)] {
        assert_eq!(usage::percentile(&ten, percent), Some(TimeDelta::minutes(expected)), "{percent}");
    }
    assert_eq!(usage::percentile(&[], 50), None);
    let started = |at: &str| json!({"startedAt": at});
    let mut planned = request("planned", "2026-11-20T09:00:00Z", json!({}));
    planned.spec.start_time = Some(instant("2026-11-21T09:00:00Z"));
    let seen = seen(
        vec![
            record("quick", "2026-11-20T09:01:00Z", json!({}), started("2026-11-20T09:01:30Z")),
            record("planned", "2026-11-20T09:03:00Z", json!({}), started("2026-11-21T09:00:00Z")),
            record("gone", "2026-11-20T10:00:00Z", json!({}), started("2026-11-20T10:00:00Z")),
        ],
        vec![request("quick", "2026-11-20T09:00:00Z", json!({})), planned],
    );
    assert_eq!(
        rows(Subject::Usage, &seen, "to-decision"),
        ["*|2|1m00s|3m00s|3m00s|3m00s", "customer-support|2|1m00s|3m00s|3m00s|3m00s"]
    );
    let access = rows(Subject::Usage, &seen, "to-access");
    assert_eq!(access, ["*|1|1m30s|1m30s|1m30s|1m30s", "customer-support|1|1m30s|1m30s|1m30s|1m30s"]);
}

#[test]
fn i9_the_pilot_report_shows_waits_and_renewals() {
    let day = "2026-11-20T09:00:00Z";
    let waiting = json!({"waitingFor": [{"step": "service-owner", "revision": "1", "need": 1, "command": "",
        "approvers": [{"kind": "Group", "name": "billing-owners"}]}]});
    let nobody = json!({"checks": [{"name": "Approvers", "passed": false, "code": "NoApprover", "message": ""}]});
    let renewal = json!({"outcome": "DryRun", "renewal": {"of": "r", "grant": "one", "depth": 1, "whatChanged": "", "whatRemains": "", "whyNotEnough": ""}});
    let seen = seen(
        vec![
            record("one", day, json!({"outcome": "DryRun"}), json!({})),
            record("more", day, renewal, json!({})),
            record("late", day, json!({"outcome": "TimedOut"}), json!({})),
        ],
        vec![request("waits", day, waiting), request("alone", day, nobody), request("done", day, json!({}))],
    );
    assert_eq!(
        rows(Subject::Pilot, &seen, "waits"),
        [
            "billing/alone|customer-support|alice|||2026-11-20T09:00:00Z|3d03h|NoApprover",
            "billing/waits|customer-support|alice|service-owner|Group billing-owners|2026-11-20T09:00:00Z|3d03h|Waiting",
            "billing/late|customer-support|alice|||2026-11-20T09:00:00Z||TimedOut",
        ]
    );
    assert_eq!(rows(Subject::Pilot, &seen, "defaults"), ["customer-support|30m|2|1|50%"]);
}

#[test]
fn l8_each_decision_is_one_row_with_the_same_columns() {
    let day = "2026-11-20T09:00:00Z";
    let refused = json!({"conditions": [condition("Screened", "False", "Refused", day)],
        "checks": [{"name": "Eligible", "passed": false, "code": "NotEligible", "message": "not in support"}]});
    let status =
        json!({"startedAt": day, "endedAt": day, "endedBy": "curfew", "endReason": "Expired", "flagged": "RoleGrew"});
    let seen = seen(
        vec![record("one", day, json!({"approvedBy": "bob"}), status)],
        vec![request("refused", day, refused), request("one", day, json!({}))],
    );
    let page = page(Subject::Export, &seen);
    let csv = show(&page, Format::Csv).unwrap();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 3, "{csv}");
    assert!(lines[0].starts_with("\"RECORD\",\"REQUEST\",\"TICKET\""), "{csv}");
    assert!(
        lines[1].starts_with("\"one\",\"billing/one\",\"SUP-1\",\"alice\"") && lines[1].contains("\"bob\""),
        "{csv}"
    );
    assert!(lines[2].contains("\"Refused\",\"r\",\"NotEligible: not in support\""), "{csv}");
    let commas = |line: &str| line.matches("\",\"").count();
    assert!(lines.iter().all(|line| commas(line) == commas(lines[0])), "{csv}");
    let json: Value = serde_json::from_str(&show(&page, Format::Json).unwrap()).unwrap();
    assert_eq!(json["sections"][0]["rows"][0]["FLAGS"], "RoleGrew");
    assert_eq!(json["sections"][0]["rows"].as_array().unwrap().len(), 2);
}

#[test]
fn a_report_is_a_file_of_its_day() {
    let page = page(Subject::Weekly, &seen(vec![], vec![]));
    assert_eq!(file_name(&page, Format::Html), "WeeklyReport-2026-11-23.html");
    assert_eq!(file_name(&page, Format::Table), "WeeklyReport-2026-11-23.txt");
}

#[test]
fn what_people_wrote_acts_in_no_format() {
    let evil = "=cmd|'/C calc'!A0\u{1b}[2J\u{202e}<script>alert(1)</script>";
    let day = "2026-11-20T09:00:00Z";
    let seen = seen(vec![record("one", day, json!({"user": evil}), json!({}))], vec![]);
    let page = page(Subject::Usage, &seen);
    for format in [Format::Table, Format::Markdown, Format::Csv, Format::Json, Format::Html] {
        let shown = show(&page, format).unwrap();
        let acts = |c: char| super::super::text::acts(c) && c != '\n' && c != '\r';
        assert!(!shown.chars().any(acts), "{format:?}: {shown:?}");
        assert!(shown.contains("cmd"), "{format:?}");
    }
    assert!(show(&page, Format::Csv).unwrap().contains("\"people\",\"'=cmd|"));
    let markdown = show(&page, Format::Markdown).unwrap();
    assert!(markdown.contains("=cmd\\|") && !markdown.contains("<script"), "{markdown}");
}

#[test]
fn all_sections_are_in_every_format_and_what_is_empty_is_said_to_be() {
    let mut seen = seen(vec![], vec![]);
    seen.unread = 2;
    for of in [Subject::Weekly, Subject::Monthly, Subject::Usage, Subject::Emergencies, Subject::Pilot] {
        let page = page(of, &seen);
        let names: std::collections::BTreeSet<_> = page.sections.iter().map(|section| section.name).collect();
        assert_eq!(names.len(), page.sections.len());
        for section in &page.sections {
            for format in [Format::Table, Format::Markdown, Format::Html] {
                let shown = show(&page, format).unwrap();
                assert!(shown.contains(section.title) && shown.contains("2 objects cannot be understood"), "{shown}");
            }
            let csv = show(&page, Format::Csv).unwrap();
            assert!(csv.contains(&format!("\"{}\",\"{}\"", section.name, section.table.head[0])), "{csv}");
            let lengths: std::collections::BTreeSet<_> =
                csv.lines().map(|line| line.matches("\",\"").count()).collect();
            assert_eq!(lengths.len(), 1, "{csv}");
        }
        assert!(show(&page, Format::Table).unwrap().contains("\nnone\n"));
    }
}

#[test]
fn i1_a_duty_is_overdue_from_its_time_on_whatever_the_record_says_yet() {
    let made = "2026-01-01T09:00:00Z";
    let of = |name: &str, due: &str| record(name, made, json!({}), json!({"owed": owed("Open", due)}));
    let seen = seen(vec![of("late", "2026-11-23T11:59:59Z"), of("in-time", "2026-11-23T12:00:00Z")], vec![]);
    let rows = rows(Subject::Weekly, &seen, "overdue");
    assert!(rows.len() == 1 && rows[0].starts_with("late|"), "{rows:?}");
}

#[test]
fn i2_a_rule_or_somebody_agreed_and_a_refusal_is_no_agreement() {
    let decided = |decision: &str| {
        json!({"approvals": [{"by": "bob", "step": "s", "as": {"kind": "Group", "name": "billing-owners"},
            "decision": decision, "revision": "1", "at": "2026-11-20T09:00:00Z"}]})
    };
    let rule = json!({"rule": {"name": "reads", "policyGeneration": 1, "then": "Approve", "message": ""}});
    for (words, spec, listed) in [
        ("somebody agreed", decided("Approve"), 0),
        ("somebody refused", decided("Deny"), 1),
        ("a rule agreed", rule, 0),
        ("nobody", json!({}), 1),
    ] {
        let mut seen = seen(vec![record("one", NOW, spec, json!({}))], vec![]);
        let binding = json!({"metadata": {"name": "b", "namespace": "billing", "labels": {"curfew.dev/grant": "one"}},
            "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": "r"}});
        seen.listed.bindings = Some(vec![serde_json::from_value(binding).unwrap()]);
        assert_eq!(rows(Subject::Monthly, &seen, "without-approval").len(), listed, "{words}");
    }
}

#[test]
fn l8_a_refusal_that_has_a_record_is_one_row_and_not_two() {
    let day = "2026-11-20T09:00:00Z";
    let refused = json!({"conditions": [condition("Screened", "False", "Refused", day)], "grant": "billing.one.1"});
    let seen =
        seen(vec![record("one", day, json!({"outcome": "Denied"}), json!({}))], vec![request("one", day, refused)]);
    assert_eq!(rows(Subject::Export, &seen, "decisions").len(), 1);
}

#[test]
fn i4_what_was_agreed_to_and_never_began_counts_whatever_ended_it() {
    let day = "2026-11-20T09:00:00Z";
    let closed = json!({"endedAt": day, "endedBy": "alice", "endReason": "Closed"});
    let began = json!({"startedAt": day, "endedAt": day, "endedBy": "alice", "endReason": "Closed"});
    let seen = seen(vec![record("before", day, json!({}), closed), record("after", day, json!({}), began)], vec![]);
    let rows = rows(Subject::Usage, &seen, "never-begun");
    assert!(rows.len() == 1 && rows[0].starts_with("before|"), "{rows:?}");
}

#[test]
fn l6_neither_a_second_access_nor_a_renewal_waited_for_anybody() {
    let (filed, day) = ("2026-11-20T09:00:00Z", "2026-11-20T11:00:00Z");
    let renewal = json!({"renewal": {"of": "r", "grant": "g", "depth": 1, "whatChanged": "", "whatRemains": "", "whyNotEnough": ""}});
    let follows = json!({"follows": {"grant": "g", "finding": "f"}});
    let begun = || json!({"startedAt": day});
    let seen = seen(
        vec![record("more", day, renewal, begun()), record("second", day, follows, begun())],
        vec![request("more", filed, json!({})), request("second", filed, json!({}))],
    );
    assert_eq!(rows(Subject::Usage, &seen, "to-access"), [""; 0]);
    assert_eq!(
        rows(Subject::Usage, &seen, "to-decision")[0],
        "*|1|2h00m|2h00m|2h00m|2h00m",
        "the renewal was decided on"
    );
}

#[test]
fn i9_only_what_people_wrote_is_vague() {
    let checks = json!({"checks": [{"name": "Eligible", "passed": false, "code": "NotEligible", "message": ""},
        {"name": "Reason", "passed": false, "code": "VagueReason", "message": ""}]});
    let seen = seen(vec![], vec![request("one", "2026-11-20T09:00:00Z", checks)]);
    assert_eq!(rows(Subject::Pilot, &seen, "vague"), ["customer-support|VagueReason|1|1|1"]);
}
