use super::*;
use crate::decide::screening::tests::{grant, policy};
use crate::decide::table::Format;
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
    Seen { listed, requests, policies, standing: None, unread: 0, shared_accounts, window, now: now() }
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
fn what_people_wrote_acts_in_no_format() {
    let evil = "=cmd|'/C calc'!A0\u{1b}[2J\u{202e}<script>alert(1)</script>";
    let day = "2026-11-20T09:00:00Z";
    let seen = seen(vec![record("one", day, json!({"user": evil}), json!({}))], vec![]);
    let page = page(Subject::Usage, &seen);
    for format in [Format::Table, Format::Markdown, Format::Csv, Format::Json] {
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
    for of in [Subject::Weekly, Subject::Monthly, Subject::Usage, Subject::Pilot] {
        let page = page(of, &seen);
        let names: std::collections::BTreeSet<_> = page.sections.iter().map(|section| section.name).collect();
        assert_eq!(names.len(), page.sections.len());
        for section in &page.sections {
            for format in [Format::Table, Format::Markdown] {
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
