//! Records and policies: `curfew-grants`, `curfew-grant-status`, `curfew-policies`, `curfew-policy-status`.
use super::scene::{GRANTS, Given::*, POLICIES, Scene, at, create, delete, json_patch, merge};
use super::world::Who::*;
use super::{Row, accepted, refused, rejected};
use serde_json::{Value, json};

const RECORDS: &str = "curfew-grants";
const OUTCOMES: &str = "curfew-grant-status";
const AUTHORS: &str = "curfew-policies";
const DAY: i64 = 24 * 3600;
const STATUS: &str = "curfew-policy-status";

pub const ROWS: &[Row] = &[
    // Records.
    Row {
        says: "the operator makes a record",
        given: Nothing,
        who: Operator,
        call: |s| create(GRANTS, s.record()),
        answer: accepted(),
    },
    Row {
        says: "an administrator makes a record",
        given: Nothing,
        who: Admin,
        call: |s| create(GRANTS, s.record()),
        answer: refused(RECORDS, "made by the operator only"),
    },
    Row {
        says: "a record with a finalizer",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut record = s.record();
            record["metadata"]["finalizers"] = json!(["example.com/held"]);
            create(GRANTS, record)
        },
        answer: refused(RECORDS, "begins without owner, finalizer"),
    },
    Row {
        says: "a record with an owner",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut record = s.record();
            record["metadata"]["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "Namespace", "name": "x", "uid": "x"}]);
            create(GRANTS, record)
        },
        answer: refused(RECORDS, "begins without owner, finalizer"),
    },
    Row {
        says: "a grant that has ended before it began",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut record = s.record();
            record["spec"]["notBefore"] = json!(at(-600));
            record["spec"]["expiresAt"] = json!(at(-5));
            create(GRANTS, record)
        },
        answer: refused(RECORDS, "expiresAt is past"),
    },
    Row {
        says: "work that is planned for the end of the month",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut record = s.record();
            record["spec"]["notBefore"] = json!(at(30 * DAY));
            record["spec"]["startDeadline"] = json!(at(30 * DAY + 600));
            record["spec"]["expiresAt"] = json!(at(31 * DAY));
            create(GRANTS, record)
        },
        answer: accepted(),
    },
    Row {
        says: "work that is planned for later",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut record = s.record();
            record["spec"]["notBefore"] = json!(at(30 * DAY + 120));
            record["spec"]["expiresAt"] = json!(at(30 * DAY + 3600));
            create(GRANTS, record)
        },
        answer: refused(RECORDS, "notBefore is more than 30 days away"),
    },
    Row {
        says: "planned work that lasts longer than a day",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut record = s.record();
            record["spec"]["notBefore"] = json!(at(7 * DAY));
            record["spec"]["expiresAt"] = json!(at(8 * DAY + 2));
            create(GRANTS, record)
        },
        answer: rejected("within 24h of it"),
    },
    Row {
        says: "the record of a trial, which grants nothing",
        given: Nothing,
        who: Operator,
        call: |s| create(GRANTS, of(s.record(), "DryRun", false)),
        answer: accepted(),
    },
    Row {
        says: "the record of a trial that grants something",
        given: Nothing,
        who: Operator,
        call: |s| create(GRANTS, of(s.record(), "DryRun", true)),
        answer: rejected("one that was not has none"),
    },
    Row {
        says: "the record of a role that grew, with what it gained and what is dangerous",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut record = of(s.record(), "RoleGrew", false);
            record["spec"]["why"] = json!("the ClusterRole curfew-logs grew after it was agreed to");
            record["spec"]["permissionFlags"] = json!([{"type": "ReadsSecrets", "message": "`get secrets`: keys"}]);
            create(GRANTS, record)
        },
        answer: accepted(),
    },
    Row {
        says: "the record of a role that grew and was granted",
        given: Nothing,
        who: Operator,
        call: |s| create(GRANTS, of(s.record(), "RoleGrew", true)),
        answer: rejected("one that was not has none"),
    },
    Row {
        says: "a record with a danger that nobody knows",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut record = s.record();
            record["spec"]["permissionFlags"] = json!([{"type": "Harmless", "message": "Nothing to see."}]);
            create(GRANTS, record)
        },
        answer: rejected("Unsupported value"),
    },
    Row {
        says: "an administrator turns the record of a grant into that of a trial",
        given: Record,
        who: Admin,
        call: |s| merge(s.record_path(), json!({"spec": {"outcome": "DryRun", "expiresAt": null}})),
        answer: rejected("a grant's spec is a snapshot"),
    },
    Row {
        says: "an administrator gives a grant a later end",
        given: Record,
        who: Admin,
        call: |s| merge(s.record_path(), json!({"spec": {"expiresAt": at(900)}})),
        answer: rejected("a grant's spec is a snapshot"),
    },
    Row {
        says: "the operator relabels a record",
        given: Record,
        who: Operator,
        call: |s| merge(s.record_path(), json!({"metadata": {"labels": {"team": "billing"}}})),
        answer: rejected("cannot patch"),
    },
    Row {
        says: "an administrator annotates a record",
        given: Record,
        who: Admin,
        call: |s| merge(s.record_path(), json!({"metadata": {"annotations": {"team": "billing"}}})),
        answer: refused(RECORDS, "a record does not change"),
    },
    Row {
        says: "an administrator gives a record an owner, to be collected with it",
        given: Record,
        who: Admin,
        call: |s| {
            merge(
                s.record_path(),
                json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": "x", "uid": "x"}]}}),
            )
        },
        answer: refused(RECORDS, "a record does not change"),
    },
    Row {
        says: "an administrator adds a finalizer to a record",
        given: Record,
        who: Admin,
        call: |s| merge(s.record_path(), json!({"metadata": {"finalizers": ["example.com/held"]}})),
        answer: refused(RECORDS, "a record does not change"),
    },
    Row {
        says: "an administrator deletes a record",
        given: Over,
        who: Admin,
        call: |s| delete(s.record_path(), json!({})),
        answer: refused(RECORDS, "deleted by the operator only"),
    },
    Row {
        says: "the operator deletes a record whose access is not verified to be gone",
        given: Record,
        who: Operator,
        call: |s| delete(s.record_path(), json!({"propagationPolicy": "Background"})),
        answer: refused(RECORDS, "with its removal verified"),
    },
    Row {
        says: "the operator deletes a record of something over",
        given: Over,
        who: Operator,
        call: |s| delete(s.record_path(), json!({"propagationPolicy": "Background"})),
        answer: accepted(),
    },
    Row {
        says: "the operator deletes a record of something that was denied",
        given: Denied,
        who: Operator,
        call: |s| delete(s.record_path(), json!({"propagationPolicy": "Background"})),
        answer: accepted(),
    },
    Row {
        says: "the operator deletes a record and orphans its fuse",
        given: Over,
        who: Operator,
        call: |s| delete(s.record_path(), json!({"propagationPolicy": "Orphan"})),
        answer: refused(RECORDS, "--cascade=background"),
    },
    // What became of them.
    Row {
        says: "the operator writes what became of a grant",
        given: Record,
        who: Operator,
        call: |s| merge(s.grant_status(), json!({"status": {"fuse": {"name": s.child, "uid": "x"}}})),
        answer: accepted(),
    },
    Row {
        says: "somebody writes that a grant has ended",
        given: Record,
        who: Alice,
        call: |s| merge(s.grant_status(), json!({"status": {"state": "Expired"}})),
        answer: refused(OUTCOMES, "the operator's, not yours: state"),
    },
    Row {
        says: "an administrator takes a flag away",
        given: Over,
        who: Admin,
        call: |s| merge(s.grant_status(), json!({"status": {"conditions": null}})),
        answer: refused(OUTCOMES, "the operator's, not yours: conditions"),
    },
    Row {
        says: "an administrator writes that the access was used",
        given: Over,
        who: Admin,
        call: |s| {
            merge(s.grant_status(), json!({"status": {"usage": {"firstSeen": at(0), "lastSeen": at(0), "count": 1}}}))
        },
        answer: refused(OUTCOMES, "the operator's, not yours: usage"),
    },
    Row {
        says: "the operator writes that the access was used",
        given: Over,
        who: Operator,
        call: |s| {
            merge(s.grant_status(), json!({"status": {"usage": {"firstSeen": at(0), "lastSeen": at(0), "count": 1}}}))
        },
        answer: accepted(),
    },
    Row {
        says: "an administrator adds to the timeline",
        given: History,
        who: Admin,
        call: |s| {
            let added = json!([{"op": "add", "path": "/status/timeline/-", "value": s.entry(3, "c")}]);
            json_patch(s.grant_status(), added)
        },
        answer: refused(OUTCOMES, "the operator's, not yours: timeline"),
    },
    Row {
        says: "the operator takes an entry of the timeline back",
        given: History,
        who: Operator,
        call: |s| {
            let mut other = s.entry(2, "b");
            other["by"] = json!("mallory");
            merge(s.grant_status(), json!({"status": {"timeline": [s.entry(1, "a"), other]}}))
        },
        answer: rejected("the timeline is append-only"),
    },
    Row {
        says: "the operator writes on without a word in the timeline",
        given: History,
        who: Operator,
        call: |s| {
            merge(
                s.grant_status(),
                json!({"status": {"timeline": [s.entry(1, "a"), s.entry(2, "b")], "state": "Bound"}}),
            )
        },
        answer: accepted(),
    },
    Row {
        says: "the operator adds to the timeline",
        given: History,
        who: Operator,
        call: |s| {
            merge(
                s.grant_status(),
                json!({"status": {"timeline": [s.entry(1, "a"), s.entry(2, "b"), s.entry(3, "c")]}}),
            )
        },
        answer: accepted(),
    },
    Row {
        says: "the operator tells the timeline in another order",
        given: History,
        who: Operator,
        call: |s| merge(s.grant_status(), json!({"status": {"timeline": [s.entry(2, "b"), s.entry(1, "a")]}})),
        answer: refused(OUTCOMES, "the timeline is append-only"),
    },
    Row {
        says: "the operator shortens the timeline",
        given: History,
        who: Operator,
        call: |s| merge(s.grant_status(), json!({"status": {"timeline": [s.entry(1, "a")]}})),
        answer: rejected("the timeline is append-only"),
    },
    Row {
        says: "the operator moves an end",
        given: Over,
        who: Operator,
        call: |s| merge(s.grant_status(), json!({"status": {"endedAt": at(60)}})),
        answer: rejected("the end is final"),
    },
    // Policies.
    Row {
        says: "an author offers a role that she may bind",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&["curfew-logs"])),
        answer: accepted(),
    },
    Row {
        says: "an author writes a policy for a trial",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["mode"] = json!("DryRun");
            create(POLICIES, policy)
        },
        answer: accepted(),
    },
    Row {
        says: "an author writes a policy of a mode that there is not",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["mode"] = json!("Audit");
            create(POLICIES, policy)
        },
        answer: rejected("Unsupported value"),
    },
    Row {
        says: "a policy that names its filers, and the step that their word meets",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["onBehalf"] = json!({"filers": ["system:serviceaccount:flux-system:kustomize-controller"], "satisfies": ["service-owner"]});
            create(POLICIES, policy)
        },
        answer: accepted(),
    },
    Row {
        says: "H4: a lane for emergencies that offers what the policy does not",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["emergency"] = lane(json!({"access": ["everything"]}));
            create(POLICIES, policy)
        },
        answer: rejected("emergency.access names an access that spec.access does not have"),
    },
    Row {
        says: "E14: an emergency of more than two hours",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            let name = policy["spec"]["access"][0]["name"].clone();
            policy["spec"]["emergency"] = lane(json!({"access": [name], "duration": {"max": "2h1m"}}));
            create(POLICIES, policy)
        },
        answer: rejected("an emergency lasts 2h at most"),
    },
    Row {
        says: "H10: access at once for more than half an hour",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            let name = policy["spec"]["access"][0]["name"].clone();
            policy["spec"]["emergency"] = lane(json!({"access": [name], "grant": "AtOnce", "noteWithin": "31m"}));
            create(POLICIES, policy)
        },
        answer: rejected("noteWithin is 30m at most"),
    },
    Row {
        says: "H10: a note where somebody agrees first",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            let name = policy["spec"]["access"][0]["name"].clone();
            policy["spec"]["emergency"] = lane(json!({"access": [name], "noteWithin": "15m"}));
            create(POLICIES, policy)
        },
        answer: rejected("noteWithin is for grant: AtOnce"),
    },
    Row {
        says: "H11: going on alone where access is given at once",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            let name = policy["spec"]["access"][0]["name"].clone();
            policy["spec"]["emergency"] = lane(json!({"access": [name], "grant": "AtOnce", "selfApprovalAfter": "5m"}));
            create(POLICIES, policy)
        },
        answer: rejected("selfApprovalAfter is for grant: AfterApproval"),
    },
    Row {
        says: "H11: going on alone after nobody is asked any more",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            let name = policy["spec"]["access"][0]["name"].clone();
            policy["spec"]["emergency"] = lane(json!({"access": [name], "selfApprovalAfter": "15m"}));
            create(POLICIES, policy)
        },
        answer: rejected("selfApprovalAfter must be shorter than pendingTimeout"),
    },
    Row {
        says: "H11: going on alone",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            let name = policy["spec"]["access"][0]["name"].clone();
            policy["spec"]["emergency"] = lane(json!({"access": [name], "selfApprovalAfter": "5m"}));
            create(POLICIES, policy)
        },
        answer: accepted(),
    },
    Row {
        says: "H10: access at once",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            let name = policy["spec"]["access"][0]["name"].clone();
            policy["spec"]["emergency"] = lane(json!({"access": [name], "grant": "AtOnce", "noteWithin": "30m"}));
            create(POLICIES, policy)
        },
        answer: accepted(),
    },
    Row {
        says: "a lane for emergencies",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            let name = policy["spec"]["access"][0]["name"].clone();
            policy["spec"]["emergency"] = lane(json!({"access": [name]}));
            create(POLICIES, policy)
        },
        answer: accepted(),
    },
    Row {
        says: "filers whose word meets a step that there is not",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["onBehalf"] = json!({"filers": ["deployer"], "satisfies": ["service-owner", "security"]});
            create(POLICIES, policy)
        },
        answer: rejected("onBehalf.satisfies names a step"),
    },
    Row {
        says: "an empty list of filers",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["onBehalf"] = json!({"filers": []});
            create(POLICIES, policy)
        },
        answer: rejected("spec.onBehalf.filers"),
    },
    Row {
        says: "an author offers eight roles that she may bind",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&["curfew-logs"; 8])),
        answer: accepted(),
    },
    Row {
        says: "a calendar whose hours go over midnight",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["calendar"] = json!({"workHours": "22:00-06:00"});
            create(POLICIES, policy)
        },
        answer: rejected("two times of one day, the earlier first, like 09:00-18:00"),
    },
    Row {
        says: "a calendar with a day that there is not",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["calendar"] = json!({"holidays": ["2026-02-30"]});
            create(POLICIES, policy)
        },
        answer: rejected("spec.calendar.holidays"),
    },
    Row {
        says: "an author offers cluster-admin first",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&["cluster-admin"])),
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author offers cluster-admin second",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&offer(1))),
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author offers cluster-admin third",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&offer(2))),
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author offers cluster-admin fourth",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&offer(3))),
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author offers cluster-admin fifth",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&offer(4))),
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author offers cluster-admin sixth",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&offer(5))),
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author offers cluster-admin seventh",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&offer(6))),
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author offers cluster-admin eighth",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, s.policy(&offer(7))),
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author changes her policy to a role that she may not bind",
        given: Policy,
        who: Ann,
        call: |s| {
            merge(
                s.policy_path(),
                json!({"spec": {"access": [{"name": "a0", "level": "Admin", "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}]}}),
            )
        },
        answer: refused(AUTHORS, "you may not offer cluster-admin"),
    },
    Row {
        says: "an author offers a Role that she may not bind",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["access"][0]["roleRef"]["kind"] = json!("Role");
            create(POLICIES, policy)
        },
        answer: refused(AUTHORS, "you may not offer curfew-logs"),
    },
    Row {
        says: "an author labels her policy",
        given: Policy,
        who: Ann,
        call: |s| merge(s.policy_path(), json!({"metadata": {"labels": {"team": "billing"}}})),
        answer: accepted(),
    },
    Row {
        says: "a policy lets everybody approve",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["approval"]["steps"][0]["approvers"] =
                json!([{"kind": "Group", "name": "system:authenticated"}]);
            create(POLICIES, policy)
        },
        answer: refused(AUTHORS, "the approvers of a step are people"),
    },
    Row {
        says: "a policy lets a machine approve that is no ServiceAccount",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["approval"]["steps"][0]["approvers"] =
                json!([{"kind": "User", "name": "system:kube-scheduler"}]);
            create(POLICIES, policy)
        },
        answer: refused(AUTHORS, "the approvers of a step are people"),
    },
    Row {
        says: "a policy lets a bot approve by its full name",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["approval"]["steps"][0]["approvers"] =
                json!([{"kind": "User", "name": "system:serviceaccount:ci:bot"}]);
            create(POLICIES, policy)
        },
        answer: accepted(),
    },
    Row {
        says: "a step that takes the reserved name",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["approval"]["steps"][0]["name"] = json!("emergency");
            create(POLICIES, policy)
        },
        answer: rejected("`emergency` is reserved"),
    },
    Row {
        says: "a policy that everybody owns",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["owner"] = json!({"kind": "Group", "name": "system:authenticated"});
            create(POLICIES, policy)
        },
        answer: refused(AUTHORS, "the owner is a person or a group of people"),
    },
    Row {
        says: "a policy for every namespace",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["spec"]["namespaces"] = json!({});
            create(POLICIES, policy)
        },
        answer: rejected("an empty selector would mean every namespace"),
    },
    Row {
        says: "a policy lets everybody stand in",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, backed(s, json!({"kind": "Group", "name": "system:authenticated"}))),
        answer: refused("curfew-policies", "the backups of a step are people"),
    },
    Row {
        says: "a policy lets a bot stand in by its full name",
        given: Nothing,
        who: Ann,
        call: |s| create(POLICIES, backed(s, json!({"kind": "User", "name": "system:serviceaccount:bots:tickets"}))),
        answer: accepted(),
    },
    Row {
        says: "an owner of a policy reviews it",
        given: Policy,
        who: Olga,
        call: |s| s.review("olga", "2026-01-02T00:00:00Z"),
        answer: accepted(),
    },
    Row {
        says: "the one owner of a policy reviews it",
        given: PolicyOfOlga,
        who: Olga,
        call: |s| s.review("olga", "2026-01-02T00:00:00Z"),
        answer: accepted(),
    },
    Row {
        says: "somebody else reviews the policy of one owner",
        given: PolicyOfOlga,
        who: Bob,
        call: |s| s.review("bob", "2026-01-02T00:00:00Z"),
        answer: refused(STATUS, "only the owner of the policy reviews it: User olga"),
    },
    Row {
        says: "somebody reviews a policy that they do not own",
        given: Policy,
        who: Bob,
        call: |s| s.review("bob", "2026-01-02T00:00:00Z"),
        answer: refused(STATUS, "only the owner of the policy reviews it: Group platform-security"),
    },
    Row {
        says: "an administrator reviews a policy",
        given: Policy,
        who: Admin,
        call: |s| s.review("root", "2026-01-02T00:00:00Z"),
        answer: refused(STATUS, "only the owner of the policy reviews it"),
    },
    Row {
        says: "the operator reviews a policy",
        given: Policy,
        who: Operator,
        call: |s| s.review(&format!("system:serviceaccount:{}:curfew", s.home), "2026-01-02T00:00:00Z"),
        answer: refused(STATUS, "only the owner of the policy reviews it"),
    },
    Row {
        says: "an owner reviews in another's name",
        given: Policy,
        who: Olga,
        call: |s| s.review("otto", "2026-01-02T00:00:00Z"),
        answer: refused(STATUS, "a review is written by the person who made it"),
    },
    Row {
        says: "an owner reviews again",
        given: Reviewed,
        who: Olga,
        call: |s| s.review("olga", "2026-01-02T00:00:01Z"),
        answer: accepted(),
    },
    Row {
        says: "an owner adds a review of something else",
        given: Reviewed,
        who: Olga,
        call: |s| {
            let path = format!("{}/status", s.policy_path());
            json_patch(
                path,
                json!([{"op": "add", "path": "/status/reviews/-", "value": {"what": "CleanUp", "by": "olga", "at": "2026-01-01T00:00:00Z"}}]),
            )
        },
        answer: accepted(),
    },
    Row {
        says: "an owner dates her review back",
        given: Reviewed,
        who: Olga,
        call: |s| s.review("olga", "2026-01-01T00:00:00Z"),
        answer: refused(STATUS, "a review is replaced by a later one"),
    },
    Row {
        says: "an owner takes her review away",
        given: Reviewed,
        who: Olga,
        call: |s| s.reviews(Value::Null),
        answer: refused(STATUS, "a review is replaced by a later one"),
    },
    Row {
        says: "the operator empties the reviews",
        given: Reviewed,
        who: Operator,
        call: |s| s.reviews(json!([])),
        answer: refused(STATUS, "a review is replaced by a later one"),
    },
    Row {
        says: "an owner writes since when her review counts",
        given: Reviewed,
        who: Olga,
        call: |s| {
            let reviewed = json!([{"what": "Approvers", "by": "olga", "at": "2026-01-02T00:00:00Z", "since": "2026-01-02T00:00:00Z"}]);
            merge(format!("{}/status", s.policy_path()), json!({"status": {"reviewed": reviewed}}))
        },
        answer: refused(STATUS, "the operator's, not yours: reviewed"),
    },
    Row {
        says: "the operator writes what it found about a policy",
        given: Policy,
        who: Operator,
        call: |s| merge(format!("{}/status", s.policy_path()), json!({"status": {"activeGrants": 0}})),
        answer: accepted(),
    },
    Row {
        says: "an administrator writes that a policy is ready",
        given: Policy,
        who: Admin,
        call: |s| merge(format!("{}/status", s.policy_path()), json!({"status": {"activeGrants": 0}})),
        answer: refused("curfew-policy-status", "the operator's, not yours: activeGrants"),
    },
];

/// The same record of another outcome, with an end or without.
fn of(mut record: Value, outcome: &str, ends: bool) -> Value {
    record["spec"]["outcome"] = json!(outcome);
    if !ends {
        record["spec"].as_object_mut().unwrap().remove("expiresAt");
    }
    record
}
/// A policy with this backup.
fn backed(s: &Scene, backup: Value) -> Value {
    let mut policy = s.policy(&["curfew-logs"]);
    policy["spec"]["approval"]["steps"][0]["backups"] = json!({"after": "15m", "approvers": [backup]});
    policy
}
fn offer(n: usize) -> Vec<&'static str> {
    [vec!["curfew-logs"; n], vec!["cluster-admin"]].concat()
}

/// What a policy says of emergencies, with these parts replaced.
fn lane(changes: Value) -> Value {
    let mut lane = json!({"approvers": [{"kind": "Group", "name": "incident-managers"}],
        "review": {"reviewers": [{"kind": "Group", "name": "security"}]}});
    lane.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    lane
}
