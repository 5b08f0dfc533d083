//! Starting the second access of a request, and deciding on what was given at once: `curfew-request-status`.
use super::scene::{Given::*, at, merge};
use super::world::Who::*;
use super::{Row, accepted, refused, rejected};
use serde_json::json;

const RULE: &str = "curfew-request-status";
const NOT_YOURS: &str = "only who asked starts the second access";
const NOT_NOW: &str = "the second access is started while the first one holds";

pub const ROWS: &[Row] = &[
    Row {
        says: "the requester starts the second access",
        given: Agreed,
        who: Alice,
        call: |s| s.start("alice"),
        answer: accepted(),
    },
    Row {
        says: "the requester writes a vague finding again",
        given: Vague,
        who: Alice,
        call: |s| s.start_with("alice", "The worker holds a stale lock since the last deploy."),
        answer: accepted(),
    },
    Row {
        says: "an approver starts it in their own name",
        given: Agreed,
        who: Bob,
        call: |s| s.start("bob"),
        answer: refused(RULE, NOT_YOURS),
    },
    Row {
        says: "an approver starts it in the requester's name",
        given: Agreed,
        who: Bob,
        call: |s| s.start("alice"),
        answer: refused(RULE, NOT_YOURS),
    },
    Row {
        says: "an administrator starts it in the requester's name",
        given: Agreed,
        who: Admin,
        call: |s| s.start("alice"),
        answer: refused(RULE, NOT_YOURS),
    },
    Row {
        says: "the operator starts it in the requester's name",
        given: Agreed,
        who: Operator,
        call: |s| s.start("alice"),
        answer: refused(RULE, NOT_YOURS),
    },
    Row {
        says: "the requester starts it in another's name",
        given: Agreed,
        who: Alice,
        call: |s| s.start("bob"),
        answer: refused(RULE, NOT_YOURS),
    },
    Row {
        says: "a second access is started that was not asked for",
        given: Approved,
        who: Alice,
        call: |s| s.start("alice"),
        answer: refused(RULE, NOT_NOW),
    },
    Row {
        says: "it is started after the first one ended",
        given: AgreedLate,
        who: Alice,
        call: |s| s.start("alice"),
        answer: refused(RULE, NOT_NOW),
    },
    Row {
        says: "it is started after it was closed",
        given: AgreedClosed,
        who: Alice,
        call: |s| s.start("alice"),
        answer: refused(RULE, NOT_NOW),
    },
    Row {
        says: "a finding is changed afterwards",
        given: Started,
        who: Alice,
        call: |s| s.start_with("alice", "It was something else altogether, as it turned out."),
        answer: rejected("`then` is final"),
    },
    Row {
        says: "a start is taken back",
        given: Started,
        who: Alice,
        call: |s| merge(s.request_status(), json!({"status": {"then": null}})),
        answer: rejected("`then` is final"),
    },
    Row {
        says: "the command is pasted as it is",
        given: Agreed,
        who: Alice,
        call: |s| s.start_with("alice", "SAY WHAT YOU FOUND AND WILL CHANGE"),
        answer: rejected("in place of SAY WHAT YOU FOUND"),
    },
    Row {
        says: "it is started without a finding",
        given: Agreed,
        who: Alice,
        call: |s| merge(s.request_status(), json!({"status": {"then": {"by": "alice"}}})),
        answer: rejected("finding"),
    },
    Row {
        says: "it is started with a word",
        given: Agreed,
        who: Alice,
        call: |s| s.start_with("alice", "Found it."),
        answer: rejected("finding"),
    },
    Row {
        says: "somebody changes the record of the second access",
        given: Agreed,
        who: Alice,
        call: |s| merge(s.request_status(), json!({"status": {"thenGrant": "another"}})),
        answer: refused(RULE, "not: thenGrant"),
    },
    Row {
        says: "H10: an approver agrees to what was given at once",
        given: AtOnce,
        who: Bob,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: accepted(),
    },
    Row {
        says: "H10: an approver denies what was given at once",
        given: AtOnce,
        who: Bob,
        call: |s| s.says("bob", "service-owner", "billing-owners", "Deny", json!("The status page says otherwise.")),
        answer: accepted(),
    },
    Row {
        says: "H10: an approver asks for detail of what was given at once",
        given: AtOnce,
        who: Bob,
        call: |s| {
            s.says("bob", "service-owner", "billing-owners", "RequestDetail", json!("Which customers are meant?"))
        },
        answer: refused(RULE, "access was given at once"),
    },
    Row {
        says: "the operator writes when it ends that goes on",
        given: AtOnce,
        who: Operator,
        call: |s| s.says_end(json!({"thenGrant": "x.2", "expiresAt": at(1800)})),
        answer: accepted(),
    },
    Row {
        says: "the operator moves an end, and nothing goes on",
        given: AtOnce,
        who: Operator,
        call: |s| s.says_end(json!({"expiresAt": at(1800)})),
        answer: rejected("`expiresAt` is final"),
    },
    Row {
        says: "the operator cuts what goes on",
        given: AtOnce,
        who: Operator,
        call: |s| s.says_end(json!({"thenGrant": "x.2", "expiresAt": at(300)})),
        answer: rejected("`expiresAt` is final"),
    },
    Row {
        says: "the operator moves an end twice",
        given: GoesOn,
        who: Operator,
        call: |s| s.says_end(json!({"expiresAt": at(3600)})),
        answer: rejected("`expiresAt` is final"),
    },
];
