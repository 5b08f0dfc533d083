//! Deciding and closing: `curfew-request-status`.
use super::scene::{Given::*, json_patch, merge};
use super::world::Who::*;
use super::{Row, accepted, refused, rejected};
use serde_json::{Value, json};

const RULE: &str = "curfew-request-status";
const NOT_LISTED: &str = "you are not among those this request waits for";
const FORGED: &str = "a decision is written by the person who makes it";

pub const ROWS: &[Row] = &[
    Row {
        says: "F8 a filer decides what it filed, though the policy lists it",
        given: WaitingAttested,
        who: Robot,
        call: |s| {
            let me = format!("system:serviceaccount:{}:robot", s.namespace);
            s.decide(&me, "service-owner", &me)
        },
        answer: refused(RULE, "nobody decides what they filed"),
    },
    Row {
        says: "L11 the author of the change decides, through a group",
        given: WaitingAttested,
        who: Frank,
        call: |s| s.decide("frank", "service-owner", "billing-owners"),
        answer: refused(RULE, "nobody decides what they filed"),
    },
    Row {
        says: "F8 for whom it was filed decides",
        given: WaitingAttested,
        who: Alice,
        call: |s| s.decide("alice", "service-owner", "billing-owners"),
        answer: refused(RULE, "nobody decides their own request"),
    },
    Row {
        says: "F8 another approver decides what a filer filed",
        given: WaitingAttested,
        who: Bob,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: accepted(),
    },
    Row {
        says: "F8 for whom it was filed closes it",
        given: WaitingAttested,
        who: Alice,
        call: |s| s.close(json!({"by": "alice"})),
        answer: accepted(),
    },
    Row {
        says: "F8 a filer closes it: it deletes the manifest instead",
        given: WaitingAttested,
        who: Robot,
        call: |s| {
            s.close(json!({"by": format!("system:serviceaccount:{}:robot", s.namespace), "reason": "No more needed."}))
        },
        answer: refused(RULE, "may end this access"),
    },
    // Who may decide.
    Row {
        says: "one of the listed group decides",
        given: Waiting,
        who: Bob,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: accepted(),
    },
    Row {
        says: "a listed person decides",
        given: Waiting,
        who: Carol,
        call: |s| s.decide("carol", "security", "carol"),
        answer: accepted(),
    },
    Row {
        says: "a second person adds to the first",
        given: Approved,
        who: Carol,
        call: |s| s.decide("carol", "security", "carol"),
        answer: accepted(),
    },
    Row {
        says: "a listed ServiceAccount decides",
        given: WaitingRobots,
        who: Robot,
        call: |s| {
            let robot = format!("system:serviceaccount:{}:robot", s.namespace);
            s.decide(&robot, "service-owner", &robot)
        },
        answer: accepted(),
    },
    Row {
        says: "a stranger decides",
        given: Waiting,
        who: Erin,
        call: |s| s.decide("erin", "service-owner", "erin"),
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "the refusal of a stranger names those who may",
        given: Waiting,
        who: Erin,
        call: |s| s.decide("erin", "service-owner", "erin"),
        answer: refused(RULE, "service-owner (Group billing-owners)"),
    },
    Row {
        says: "an administrator decides: `*` makes nobody an approver",
        given: Waiting,
        who: Admin,
        call: |s| s.decide("root", "service-owner", "root"),
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "a holder of `close` decides",
        given: Waiting,
        who: Rita,
        call: |s| s.decide("rita", "service-owner", "rita"),
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "somebody decides for another step",
        given: Waiting,
        who: Bob,
        call: |s| s.decide("bob", "security", "billing-owners"),
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "somebody decides for a step that does not exist",
        given: Waiting,
        who: Bob,
        call: |s| s.decide("bob", "board", "billing-owners"),
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "somebody decides in the name of a group that they are not in",
        given: Waiting,
        who: Erin,
        call: |s| s.decide("erin", "service-owner", "billing-owners"),
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "a user who is called like the group decides",
        given: Waiting,
        who: Namesake,
        call: |s| s.decide("billing-owners", "service-owner", "billing-owners"),
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "everybody is listed, which is nobody",
        given: WaitingEverybody,
        who: Erin,
        call: |s| s.decide("erin", "service-owner", "system:authenticated"),
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "a request that has not been screened is decided",
        given: Filed,
        who: Bob,
        call: |s| {
            merge(
                s.request_status(),
                json!({"status": {"approvals": [{"by": "bob", "step": "service-owner", "as": "billing-owners", "decision": "Approve", "revision": s.revision}]}}),
            )
        },
        answer: refused(RULE, "wait until status.waitingFor names you"),
    },
    Row {
        says: "a backup decides before backups may",
        given: Waiting,
        who: Rita,
        call: |s| s.says("rita", "service-owner", "rita", "Deny", json!("Not while the invoices run.")),
        answer: refused(RULE, NOT_LISTED),
    },
    // Why.
    Row {
        says: "an approval without a comment",
        given: Waiting,
        who: Bob,
        call: |s| s.says("bob", "service-owner", "billing-owners", "Approve", Value::Null),
        answer: refused(RULE, "of at least 10 characters"),
    },
    Row {
        says: "an approval with a comment that is too short",
        given: Waiting,
        who: Bob,
        call: |s| s.says("bob", "service-owner", "billing-owners", "Approve", json!("go ahead!")),
        answer: refused(RULE, "of at least 10 characters"),
    },
    Row {
        says: "an approval with a comment of blanks",
        given: Waiting,
        who: Bob,
        call: |s| s.says("bob", "service-owner", "billing-owners", "Approve", json!("             ")),
        answer: refused(RULE, "of at least 10 characters"),
    },
    Row {
        says: "an approval with a comment of just the length that is asked",
        given: Waiting,
        who: Bob,
        call: |s| s.says("bob", "service-owner", "billing-owners", "Approve", json!("Case 4812.")),
        answer: accepted(),
    },
    Row {
        says: "a refusal without a comment",
        given: Waiting,
        who: Bob,
        call: |s| s.says("bob", "service-owner", "billing-owners", "Deny", Value::Null),
        answer: accepted(),
    },
    // In whose name.
    Row {
        says: "somebody decides as somebody else",
        given: Waiting,
        who: Bob,
        call: |s| s.decide("dana", "service-owner", "billing-owners"),
        answer: refused(RULE, FORGED),
    },
    Row {
        says: "a stranger decides as an approver",
        given: Waiting,
        who: Erin,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: refused(RULE, FORGED),
    },
    Row {
        says: "an administrator decides as an approver",
        given: Waiting,
        who: Admin,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: refused(RULE, FORGED),
    },
    Row {
        says: "the guard's probe meets the very rule that protects people",
        given: Waiting,
        who: Operator,
        call: |s| s.decide("bob", "service-owner", "billing-owners").dry(),
        answer: refused(RULE, FORGED),
    },
    Row {
        says: "the operator decides, though a policy lists it",
        given: WaitingRobots,
        who: Operator,
        call: |s| {
            let operator = format!("system:serviceaccount:{}:curfew", s.home);
            s.decide(&operator, "service-owner", &operator)
        },
        answer: refused(RULE, "the operator decides nothing"),
    },
    Row {
        says: "the requester decides her own request",
        given: Waiting,
        who: Alice,
        call: |s| s.decide("alice", "service-owner", "alice"),
        answer: refused(RULE, "nobody decides their own request"),
    },
    Row {
        says: "a requester who is one of the approvers decides his own request",
        given: WaitingFrank,
        who: Frank,
        call: |s| s.decide("frank", "service-owner", "billing-owners"),
        answer: refused(RULE, "nobody decides their own request"),
    },
    Row {
        says: "another approver decides it",
        given: WaitingFrank,
        who: Bob,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: accepted(),
    },
    // About what.
    Row {
        says: "a decision about an older version of the request",
        given: Amended,
        who: Bob,
        call: |s| s.decide_at(&s.stale, "bob", "service-owner", "billing-owners"),
        answer: refused(RULE, "read it again before you decide"),
    },
    Row {
        says: "a decision about another request of the same name",
        given: Again,
        who: Bob,
        call: |s| s.decide_at(&s.stale, "bob", "service-owner", "billing-owners"),
        answer: refused(RULE, "read it again before you decide"),
    },
    Row {
        says: "a decision about a version that was never screened",
        given: Amended,
        who: Bob,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: refused(RULE, "wait until status.waitingFor names you"),
    },
    Row {
        says: "a decision about a request that is being deleted",
        given: Dying,
        who: Bob,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: refused(RULE, "wait until status.waitingFor names you"),
    },
    // Once.
    Row {
        says: "the same person decides twice",
        given: Approved,
        who: Bob,
        call: |s| s.decide("bob", "service-owner", "billing-owners"),
        answer: rejected("Duplicate value"),
    },
    Row {
        says: "somebody replaces the list by a merge patch",
        given: Approved,
        who: Carol,
        call: |s| {
            merge(
                s.request_status(),
                json!({"status": {"approvals": [{"by": "carol", "step": "security", "as": "carol", "decision": "Approve", "revision": s.revision}]}}),
            )
        },
        answer: refused(RULE, "decisions are append-only"),
    },
    Row {
        says: "somebody changes their own decision",
        given: Approved,
        who: Bob,
        call: |s| {
            json_patch(
                s.request_status(),
                json!([{"op": "replace", "path": "/status/approvals/0/decision", "value": "Deny"}]),
            )
        },
        answer: refused(RULE, "decisions are append-only"),
    },
    Row {
        says: "an administrator takes a decision away",
        given: Approved,
        who: Admin,
        call: |s| json_patch(s.request_status(), json!([{"op": "remove", "path": "/status/approvals/0"}])),
        answer: refused(RULE, "decisions are append-only"),
    },
    Row {
        says: "the operator empties the list",
        given: Approved,
        who: Operator,
        call: |s| merge(s.request_status(), json!({"status": {"approvals": []}})),
        answer: refused(RULE, "decisions are append-only"),
    },
    Row {
        says: "an administrator replaces the whole status",
        given: Approved,
        who: Admin,
        call: |s| {
            json_patch(s.request_status(), json!([{"op": "replace", "path": "/status", "value": {"approvals": []}}]))
        },
        answer: refused(RULE, "decisions are append-only"),
    },
    // The operator's fields.
    Row {
        says: "somebody sets a condition",
        given: Waiting,
        who: Bob,
        call: |s| {
            merge(
                s.request_status(),
                json!({"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "StepsMet", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}),
            )
        },
        answer: refused(RULE, "people write only status.approvals, status.close and status.then, not: conditions"),
    },
    Row {
        says: "an administrator writes himself among those it waits for",
        given: Waiting,
        who: Admin,
        call: |s| {
            json_patch(
                s.request_status(),
                json!([{"op": "add", "path": "/status/waitingFor/0/approvers/-", "value": {"kind": "User", "name": "root"}}]),
            )
        },
        answer: refused(RULE, "not: waitingFor"),
    },
    Row {
        says: "somebody decides and lists themselves in one call",
        given: Waiting,
        who: Erin,
        call: |s| {
            json_patch(
                s.request_status(),
                json!([{"op": "add", "path": "/status/waitingFor/0/approvers/-", "value": {"kind": "User", "name": "erin"}},
            {"op": "add", "path": "/status/approvals/-", "value": {"by": "erin", "step": "service-owner", "as": "erin", "decision": "Approve", "revision": s.revision}}]),
            )
        },
        answer: refused(RULE, NOT_LISTED),
    },
    Row {
        says: "somebody takes the dangers of a role out of the sight of those who decide",
        given: Waiting,
        who: Alice,
        call: |s| merge(s.request_status(), json!({"status": {"permissions": {"adds": ["get pods"]}}})),
        answer: refused(RULE, "not: permissions"),
    },
    Row {
        says: "somebody says that a request is no trial",
        given: Waiting,
        who: Alice,
        call: |s| merge(s.request_status(), json!({"status": {"mode": "Enforce"}})),
        answer: refused(RULE, "not: mode"),
    },
    Row {
        says: "somebody takes a field of the operator's away",
        given: Waiting,
        who: Bob,
        call: |s| json_patch(s.request_status(), json!([{"op": "remove", "path": "/status/closers"}])),
        answer: refused(RULE, "not: closers"),
    },
    Row {
        says: "spec through the status subresource changes nothing",
        given: Waiting,
        who: Bob,
        call: |s| merge(s.request_status(), json!({"spec": {"duration": "8h"}})),
        answer: accepted(),
    },
    Row {
        says: "the operator publishes those that it waits for, at the current revision",
        given: Filed,
        who: Operator,
        call: |s| {
            merge(
                s.request_status(),
                json!({"status": s.screening(json!([{"kind": "Group", "name": "billing-owners"}]), "True")}),
            )
        },
        answer: accepted(),
    },
    Row {
        says: "a stale operator publishes them for an older text",
        given: Amended,
        who: Operator,
        call: |s| {
            merge(
                s.request_status(),
                json!({"status": {"revision": s.stale, "waitingFor": [{"step": "service-owner", "revision": s.stale, "need": 1, "command": "",
            "approvers": [{"kind": "User", "name": "dana"}]}]}}),
            )
        },
        answer: refused(RULE, "waitingFor must be published with the current revision"),
    },
    // The end.
    Row {
        says: "the requester closes, without a reason",
        given: Approved,
        who: Alice,
        call: |s| s.close(json!({"by": "alice"})),
        answer: accepted(),
    },
    Row {
        says: "who approved closes",
        given: Approved,
        who: Bob,
        call: |s| s.close(json!({"by": "bob", "reason": "The case is solved."})),
        answer: accepted(),
    },
    Row {
        says: "who is listed among the closers closes",
        given: Approved,
        who: Carol,
        call: |s| s.close(json!({"by": "carol", "reason": "The case is solved."})),
        answer: accepted(),
    },
    Row {
        says: "a holder of `close` closes",
        given: Approved,
        who: Rita,
        call: |s| s.close(json!({"by": "rita", "reason": "Not during the freeze."})),
        answer: accepted(),
    },
    Row {
        says: "an administrator closes: `*` holds `close`",
        given: Approved,
        who: Admin,
        call: |s| s.close(json!({"by": "root", "reason": "Not during the freeze."})),
        answer: accepted(),
    },
    Row {
        says: "a request that nobody has screened is closed",
        given: Filed,
        who: Alice,
        call: |s| s.close(json!({"by": "alice"})),
        answer: accepted(),
    },
    Row {
        says: "a stranger closes, though system:authenticated is listed",
        given: Approved,
        who: Erin,
        call: |s| s.close(json!({"by": "erin", "reason": "I do not like it."})),
        answer: refused(RULE, "only the requester, an approver listed for it"),
    },
    Row {
        says: "somebody closes in another's name",
        given: Approved,
        who: Bob,
        call: |s| s.close(json!({"by": "carol", "reason": "The case is solved."})),
        answer: refused(RULE, "close in your own name"),
    },
    Row {
        says: "the requester closes in an approver's name",
        given: Approved,
        who: Alice,
        call: |s| s.close(json!({"by": "bob", "reason": "The case is solved."})),
        answer: refused(RULE, "close in your own name"),
    },
    Row {
        says: "the operator closes",
        given: Approved,
        who: Operator,
        call: |s| s.close(json!({"by": format!("system:serviceaccount:{}:curfew", s.home), "reason": "Why not."})),
        answer: refused(RULE, "close in your own name"),
    },
    Row {
        says: "an approver closes without a reason",
        given: Approved,
        who: Bob,
        call: |s| s.close(json!({"by": "bob"})),
        answer: refused(RULE, "say in close.reason why"),
    },
    Row {
        says: "an approver closes with a reason of blanks",
        given: Approved,
        who: Bob,
        call: |s| s.close(json!({"by": "bob", "reason": "   "})),
        answer: refused(RULE, "say in close.reason why"),
    },
    Row {
        says: "a close is taken back",
        given: Closed,
        who: Alice,
        call: |s| merge(s.request_status(), json!({"status": {"close": null}})),
        answer: rejected("`close` is final"),
    },
    Row {
        says: "a close is written again",
        given: Closed,
        who: Bob,
        call: |s| s.close(json!({"by": "bob", "reason": "I wanted to be the one."})),
        answer: rejected("`close` is final"),
    },
];
