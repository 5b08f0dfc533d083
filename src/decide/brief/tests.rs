use super::*;
use crate::api::policy::AccessPolicy;
use crate::api::request::AccessRequest;
use crate::decide::screening::tests::{filing, installation, policy};
use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};

fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("2026-12-01T{time}Z")).unwrap().to_utc()
}
fn request(spec: Value) -> AccessRequest {
    let mut whole = json!({"policy": "customer-support", "ticket": "SUP-4812", "reason": "Check why invoice totals changed for customer account 4812.",
        "requester": {"username": "alice", "groups": ["support"]}});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1}, "spec": whole}))
    .unwrap()
}
fn full() -> Value {
    json!({
        "data": [{"system": "billing-db", "kind": "invoice", "tenant": "4812", "records": ["99017"], "fields": ["total"]}],
        "whyNotSafer": "The billing board shows totals only.", "whyNotLower": "Logs do not hold the invoice lines.",
        "plan": ["kubectl logs deploy/invoicer", "compare the lines"],
        "legalBasis": {"type": "CustomerConsent", "ref": "SUP-4812"},
        "attachments": [{"kind": "Screenshot", "url": "https://files.example.com/1.png"}],
    })
}
fn status() -> AccessRequestStatus {
    serde_json::from_value(json!({
        "permissions": {"adds": ["get pods/log"], "had": ["list pods: RBAC: allowed by RoleBinding view"]},
        "checks": [
            {"name": "RealTask", "passed": true, "message": "PatternOnly: SUP-4812 has the right form: https://tracker.example.com/SUP-4812"},
            {"name": "OtherActiveGrants", "passed": true, "message": "other live access: SUP-1 in orders until 2026-12-01T10:00:00Z"}],
        "decisions": [{"by": "kim", "revision": "7f3a2c1b-1", "counted": true, "reason": "Counted", "message": "Approve for security counts", "firstSeen": "2026-12-01T09:06:00Z"}],
    }))
    .unwrap()
}
fn brief_of(request: &AccessRequest, policy: &AccessPolicy, status: &AccessRequestStatus) -> Vec<String> {
    let installation = installation();
    let namespace = Namespace::default();
    let filing = Filing { now: at("09:05:00"), ..filing(request, policy, &namespace, &installation) };
    let steps: Vec<Waiting> =
        serde_json::from_value(json!([{"step": "service-owner", "revision": "7f3a2c1b-1", "need": 1,
        "approvers": [{"kind": "Group", "name": "billing-owners"}], "command": "kubectl …"}]))
        .unwrap();
    let notes = ["AuditTrail: Unknown: no audit source".to_owned()];
    let (since, until) = (at("09:05:00"), at("10:00:00"));
    lines(&Facts { filing: &filing, status, notes: &notes, steps: &steps, since, until, alone: None, given: None })
}

#[test]
fn b26_everything_that_an_approver_needs_is_in_it() {
    let lines = brief_of(&request(full()), &policy(json!({"dataClass": "Personal"})), &status());
    let expected = [
        "Asks: alice (Group support) for logs (ReadOnly, ClusterRole curfew-logs) in billing for 30m",
        "Ends: by itself, at 2026-12-01T09:35:00Z if agreed at 2026-12-01T09:05:00Z, at the latest at 2026-12-01T10:30:00Z; an open",
        "Reason: Check why invoice totals changed for customer account 4812.",
        "Ticket: PatternOnly: SUP-4812 has the right form: https://tracker.example.com/SUP-4812",
        "Case: customer-support (data class Personal): A customer reported a problem",
        "Data, declared and not enforced: billing-db invoice, of 4812, records 99017, fields total",
        "Why not a safer way: The billing board shows totals only.",
        "Why not a lower level: Logs do not hold the invoice lines.",
        "Plan: 1. kubectl logs deploy/invoicer 2. compare the lines",
        "Legal basis: CustomerConsent SUP-4812",
        "Attachments: Screenshot https://files.example.com/1.png",
        "Would gain: get pods/log",
        "Can do already: list pods: RBAC: allowed by RoleBinding view",
        "Checks: 2 of 2 passed. AuditTrail: Unknown: no audit source",
        "Other live access: SUP-1 in orders until 2026-12-01T10:00:00Z",
        "Agreed so far: kim (Approve for security counts)",
        "Until 2026-12-01T10:00:00Z must decide: service-owner, 1 of Group billing-owners",
        "Decide: kubectl -n billing get areq sup-4812 -o jsonpath='{.status.waitingFor[*].command}'",
    ];
    for part in expected {
        assert!(lines.iter().any(|line| line.starts_with(part)), "{part} is missing in {lines:#?}");
    }
    assert!(lines.len() <= 22, "{lines:#?}");
}

#[test]
fn c9_it_stays_short_and_plain_whatever_people_write() {
    let long = |n: usize| "wörter \u{1b}[31m\u{202e}\n".repeat(n / 10);
    let spec = json!({
        "reason": long(490), "whyNotSafer": "x".repeat(500), "whyNotLower": long(490), "plan": vec![long(190); 16],
        "data": vec![json!({"system": "s".repeat(63), "records": vec!["r".repeat(64); 50], "fields": vec![long(60); 32]}); 8],
        "attachments": vec![json!({"kind": "Log", "url": format!("https://{}", "u".repeat(500))}); 8],
        "legalBasis": {"type": "Contract", "ref": long(120)},
    });
    let mut status = status();
    status.checks.iter_mut().for_each(|check| check.message = long(1000));
    let mut request = request(spec);
    request.metadata.name = Some("n".repeat(63));
    request.metadata.namespace = Some("n".repeat(63));
    let mut policy = policy(json!({"description": "d ".repeat(500)}));
    policy.spec.requesters[0].name = "g".repeat(253);
    let lines = brief_of(&request, &policy, &status);
    assert_eq!(lines.len(), 24, "full, and no more: {lines:#?}");
    for line in &lines {
        assert!(line.chars().count() <= 160 && line.is_ascii() | !line.chars().any(char::is_control), "{line}");
        assert!(!line.contains('\u{202e}') && !line.contains('\u{1b}'), "{line}");
    }
    for label in [
        "Asks",
        "Ends",
        "Reason",
        "Ticket",
        "Data",
        "Why not a safer",
        "Why not a lower",
        "Plan",
        "Would gain",
        "Until 2026-12-01T10:00:00Z must decide",
        "Decide",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(label)), "{label} was pushed out: {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.ends_with('…')), "and it says what was cut");
    assert_eq!(lines.last().unwrap(), "Decide: paste the command in status.waitingFor", "half a command is none");
}

#[test]
fn who_gains_nothing_is_told_apart() {
    let mut status = status();
    status.permissions.as_mut().unwrap().adds.clear();
    let lines = brief_of(&request(json!({})), &policy(json!({})), &status);
    assert!(lines.iter().any(|line| line == "Would gain: nothing: alice can do all of it already"), "{lines:#?}");
}

#[test]
fn what_changes_something_is_not_cut_off_behind_what_only_reads() {
    let mut status = status();
    let reads = (0..40).map(|n| format!("get things{n}"));
    status.permissions.as_mut().unwrap().adds = reads.chain(["patch deployments.apps".to_owned()]).collect();
    let lines = brief_of(&request(json!({})), &policy(json!({})), &status);
    assert!(lines.iter().any(|line| line.starts_with("Would gain: patch deployments.apps, get things0")), "{lines:#?}");
}

#[test]
fn n6_what_is_dangerous_and_that_it_is_a_trial_is_in_it() {
    let (mut status, policy) = (status(), policy(json!({})));
    let said = |status: &AccessRequestStatus| brief_of(&request(full()), &policy, status).join("\n");
    assert!(!said(&status).contains("Dangerous") && !said(&status).contains("Trial"));
    let shell = json!({"type": "OpensConnections", "message": "`create pods/exec`: one that is open outlives the end"});
    status.permissions.as_mut().unwrap().flags = vec![serde_json::from_value(shell).unwrap()];
    status.mode = Some(Mode::DryRun);
    assert!(
        said(&status).contains("Dangerous: `create pods/exec`: one that is open outlives the end"),
        "{}",
        said(&status)
    );
    assert!(said(&status).contains("Trial: nothing will be granted"), "{}", said(&status));
    assert!(!said(&status).contains("second access"));
    status.then_permissions = status.permissions.clone();
    let says = "Dangerous in the second access: `create pods/exec`: one that is open outlives the end";
    assert!(said(&status).contains(says), "{}", said(&status));
}
