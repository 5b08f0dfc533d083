//! Filing and amending: `curfew-requests`, and the stamp `curfew-identity`.
use super::scene::{self, Given::*, create, json_patch, merge};
use super::world::Who::*;
use super::{Row, accepted, refused, rejected};
use serde_json::json;

const RULE: &str = "curfew-requests";

pub const ROWS: &[Row] = &[
    Row {
        says: "an engineer files for herself without saying who she is",
        given: Nothing,
        who: Alice,
        call: |s| create(s.requests(), s.asks()),
        answer: accepted(),
    },
    Row {
        says: "an engineer plans work, and says how late it may begin",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["startTime"] = json!("2026-12-01T10:00:00+01:00");
            request["spec"]["startDeadline"] = json!("2026-12-01T09:00:01Z");
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "an emergency",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["emergency"] =
                json!({"harm": "DataExposure", "impact": "Invoices of one tenant are visible to all."});
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "H1: an emergency that harms nobody on the list",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["emergency"] =
                json!({"harm": "Boredom", "impact": "Invoices of one tenant are visible to all."});
            create(s.requests(), request)
        },
        answer: rejected("CustomerHarm"),
    },
    Row {
        says: "an emergency that is planned",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["emergency"] =
                json!({"harm": "DataExposure", "impact": "Invoices of one tenant are visible to all."});
            request["spec"]["startTime"] = json!("2026-12-01T10:00:00Z");
            create(s.requests(), request)
        },
        answer: rejected("an emergency is not planned"),
    },
    Row {
        says: "planned work that may only begin before its start",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["startTime"] = json!("2026-12-01T10:00:00+01:00");
            request["spec"]["startDeadline"] = json!("2026-12-01T09:00:00Z");
            create(s.requests(), request)
        },
        answer: rejected("startDeadline must be later than startTime"),
    },
    Row {
        says: "a name that she writes for somebody else is overwritten by the stamp",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["requester"] = json!({"username": "bob", "groups": ["system:masters"]});
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "applying is filing too",
        given: Nothing,
        who: Alice,
        call: |s| scene::apply(s.request(), s.asks()),
        answer: accepted(),
    },
    Row {
        says: "an administrator files for himself like anybody",
        given: Nothing,
        who: Admin,
        call: |s| create(s.requests(), s.asks()),
        answer: accepted(),
    },
    Row {
        says: "a ServiceAccount cannot ask",
        given: Nothing,
        who: Robot,
        call: |s| create(s.requests(), s.asks()),
        answer: refused(RULE, "access is for a person"),
    },
    Row {
        says: "a filer files for somebody",
        given: Nothing,
        who: Robot,
        call: |s| create(s.requests(), s.asks_for("alice")),
        answer: accepted(),
    },
    Row {
        says: "a filer says whose review it stands on",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["attestation"] = s.attests();
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "a filer applies it",
        given: Nothing,
        who: Robot,
        call: |s| scene::apply(s.request(), s.asks_for("alice")),
        answer: accepted(),
    },
    Row {
        says: "a filer writes no groups, as an empty list",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["requester"]["groups"] = json!([]);
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "an administrator holds `file`, and is named as the filer",
        given: Nothing,
        who: Admin,
        call: |s| create(s.requests(), s.asks_for("alice")),
        answer: accepted(),
    },
    Row {
        says: "another filer's name is overwritten by the stamp",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["filedBy"] = json!("erin");
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "a filer names no deadline",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"].as_object_mut().unwrap().remove("startDeadline");
            create(s.requests(), request)
        },
        answer: rejected("startDeadline is required"),
    },
    Row {
        says: "a filer names no time zone in the deadline",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["startDeadline"] = json!("2026-12-01T09:00:00");
            create(s.requests(), request)
        },
        answer: rejected("spec.startDeadline"),
    },
    Row {
        says: "a filer claims groups for another",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["requester"]["groups"] = json!(["engineers"]);
            create(s.requests(), request)
        },
        answer: refused(RULE, "claims no groups and no uid"),
    },
    Row {
        says: "a filer claims a UID for another",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["requester"]["uid"] = json!("u-alice");
            create(s.requests(), request)
        },
        answer: refused(RULE, "claims no groups and no uid"),
    },
    Row {
        says: "a filer files for a machine",
        given: Nothing,
        who: Robot,
        call: |s| create(s.requests(), s.asks_for("system:serviceaccount:ci:deployer")),
        answer: refused(RULE, "access is for a person"),
    },
    Row {
        says: "a filer files under a policy on which it does not hold `file`",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["policy"] = json!("incident");
            create(s.requests(), request)
        },
        answer: refused(RULE, "hold `file` on the policy"),
    },
    Row {
        says: "an engineer says openly that she files for another",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks_for("bob");
            request["spec"]["filedBy"] = json!("alice");
            create(s.requests(), request)
        },
        answer: refused(RULE, "you may not file for others under policy customer-support"),
    },
    Row {
        says: "an engineer attests a review of her own request",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["attestation"] = s.attests();
            create(s.requests(), request)
        },
        answer: rejected("attestation is for those who file for somebody else"),
    },
    Row {
        says: "an attestation of a change that is nowhere",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["attestation"] = s.attests();
            request["spec"]["attestation"]["change"] = json!("the one of yesterday");
            create(s.requests(), request)
        },
        answer: rejected("spec.attestation.change"),
    },
    Row {
        says: "an attestation without a reviewer",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["attestation"] = s.attests();
            request["spec"]["attestation"]["reviewers"] = json!([]);
            create(s.requests(), request)
        },
        answer: rejected("spec.attestation.reviewers"),
    },
    Row {
        says: "an attestation that names a reviewer twice",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["attestation"] = s.attests();
            request["spec"]["attestation"]["reviewers"] = json!(["bob", "bob"]);
            create(s.requests(), request)
        },
        answer: rejected("Duplicate value"),
    },
    Row {
        says: "its filer amends it",
        given: IncompleteAttested,
        who: Robot,
        call: |s| s.amend("Check why invoice totals changed for account 4813."),
        answer: accepted(),
    },
    Row {
        says: "its filer says whose review the amended text stands on",
        given: IncompleteForAlice,
        who: Robot,
        call: |s| merge(s.request(), json!({"spec": {"attestation": s.attests()}})),
        answer: accepted(),
    },
    Row {
        says: "for whom it was filed amends it",
        given: IncompleteForAlice,
        who: Alice,
        call: |s| s.amend("Check why invoice totals changed for account 4813."),
        answer: accepted(),
    },
    Row {
        says: "for whom it was filed puts another text under the review",
        given: IncompleteAttested,
        who: Alice,
        call: |s| s.amend("Look at every account there is, for ever."),
        answer: refused(RULE, "merge a correction"),
    },
    Row {
        says: "for whom it was filed takes the review away",
        given: IncompleteAttested,
        who: Alice,
        call: |s| merge(s.request(), json!({"spec": {"attestation": null}})),
        answer: refused(RULE, "merge a correction"),
    },
    Row {
        says: "for whom it was filed invents a review",
        given: IncompleteForAlice,
        who: Alice,
        call: |s| merge(s.request(), json!({"spec": {"attestation": s.attests()}})),
        answer: refused(RULE, "merge a correction"),
    },
    Row {
        says: "another holder of `file` amends it",
        given: IncompleteForAlice,
        who: Admin,
        call: |s| s.amend("Check why invoice totals changed for account 4813."),
        answer: refused(RULE, "or who filed it"),
    },
    Row {
        says: "its filer hides that it filed it",
        given: IncompleteForAlice,
        who: Robot,
        call: |s| merge(s.request(), json!({"spec": {"filedBy": null}})),
        answer: rejected("requester, filedBy and policy never change"),
    },
    Row {
        says: "its requester pretends that it was filed by a machine",
        given: Incomplete,
        who: Alice,
        call: |s| {
            merge(
                s.request(),
                json!({"spec": {"filedBy": "system:serviceaccount:ci:deployer", "startDeadline": scene::at(3600)}}),
            )
        },
        answer: rejected("requester, filedBy and policy never change"),
    },
    Row {
        says: "an amendment by its filer makes it another's",
        given: IncompleteForAlice,
        who: Robot,
        call: |s| merge(s.request(), json!({"spec": {"requester": {"username": "erin"}}})),
        answer: rejected("requester, filedBy and policy never change"),
    },
    Row {
        says: "an amendment by its filer takes the deadline away",
        given: IncompleteForAlice,
        who: Robot,
        call: |s| merge(s.request(), json!({"spec": {"startDeadline": null}})),
        answer: rejected("startDeadline is required"),
    },
    Row {
        says: "a status that comes with a new request is dropped",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["status"] = json!({"state": "Bound"});
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "a finalizer on a new request",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["metadata"]["finalizers"] = json!(["example.com/held"]);
            create(s.requests(), request)
        },
        answer: refused(RULE, "no finalizers"),
    },
    Row {
        says: "an owner on a new request",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["metadata"]["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}]);
            create(s.requests(), request)
        },
        answer: refused(RULE, "no ownerReferences"),
    },
    Row {
        says: "an administrator adds a finalizer later",
        given: Filed,
        who: Admin,
        call: |s| merge(s.request(), json!({"metadata": {"finalizers": ["example.com/held"]}})),
        answer: refused(RULE, "no finalizers"),
    },
    Row {
        says: "an administrator adds an owner later",
        given: Filed,
        who: Admin,
        call: |s| {
            merge(
                s.request(),
                json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}]}}),
            )
        },
        answer: refused(RULE, "no ownerReferences"),
    },
    Row {
        says: "its requester amends a request for which detail was asked",
        given: Incomplete,
        who: Alice,
        call: |s| s.amend("Check why invoice totals changed for account 4813."),
        answer: accepted(),
    },
    Row {
        says: "another engineer amends it",
        given: Incomplete,
        who: Erin,
        call: |s| s.amend("Check why invoice totals changed for account 4813."),
        answer: refused(RULE, "only the requester"),
    },
    Row {
        says: "an administrator amends it",
        given: Incomplete,
        who: Admin,
        call: |s| s.amend("Check why invoice totals changed for account 4813."),
        answer: refused(RULE, "only the requester"),
    },
    Row {
        says: "a spec edited after approval",
        given: Approved,
        who: Alice,
        call: |s| s.amend("Look at every account there is, for ever."),
        answer: rejected("a request changes only while"),
    },
    Row {
        says: "a spec edited while people decide",
        given: Waiting,
        who: Alice,
        call: |s| s.amend("Look at every account there is, for ever."),
        answer: rejected("a request changes only while"),
    },
    Row {
        says: "an amendment that makes it another's",
        given: Incomplete,
        who: Alice,
        call: |s| merge(s.request(), json!({"spec": {"requester": {"username": "erin"}}})),
        answer: rejected("requester, filedBy and policy never change"),
    },
    Row {
        says: "an amendment that moves it to another policy",
        given: Incomplete,
        who: Alice,
        call: |s| merge(s.request(), json!({"spec": {"policy": "another"}})),
        answer: rejected("requester, filedBy and policy never change"),
    },
    Row {
        says: "somebody labels it",
        given: Waiting,
        who: Alice,
        call: |s| merge(s.request(), json!({"metadata": {"labels": {"team": "billing"}}})),
        answer: accepted(),
    },
    Row {
        says: "a status through the main resource is dropped",
        given: Waiting,
        who: Alice,
        call: |s| merge(s.request(), json!({"status": {"state": "Bound"}})),
        answer: accepted(),
    },
    Row {
        says: "its requester deletes it: every request is kept",
        given: Waiting,
        who: Alice,
        call: |s| scene::delete(s.request(), json!({})),
        answer: rejected("cannot delete"),
    },
    Row {
        says: "an administrator deletes it, which ends the access",
        given: Approved,
        who: Admin,
        call: |s| scene::delete(s.request(), json!({})),
        answer: accepted(),
    },
    Row {
        says: "a requester patch by position",
        given: Incomplete,
        who: Erin,
        call: |s| {
            json_patch(
                s.request(),
                json!([{"op": "replace", "path": "/spec/requester/username", "value": "erin"}, {"op": "replace", "path": "/spec/duration", "value": "45m"}]),
            )
        },
        answer: rejected("requester, filedBy and policy never change"),
    },
];

/// Where the stamp is missing (before Kubernetes 1.36), people write who they are, and it must be true.
pub const UNSTAMPED: &[Row] = &[
    Row {
        says: "an engineer says who she is",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["requester"] =
                json!({"username": "alice", "groups": ["engineers", "system:authenticated"]});
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "she says that she is bob",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["requester"] = json!({"username": "bob", "groups": ["engineers", "system:authenticated"]});
            create(s.requests(), request)
        },
        answer: refused(RULE, "must be your own user name"),
    },
    Row {
        says: "she says that she is in a group that she is not in",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["requester"] =
                json!({"username": "alice", "groups": ["engineers", "platform-leads", "system:authenticated"]});
            create(s.requests(), request)
        },
        answer: refused(RULE, "must be yours as the API server sees them"),
    },
    Row {
        says: "she leaves her groups out",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["requester"] = json!({"username": "alice"});
            create(s.requests(), request)
        },
        answer: refused(RULE, "must be yours as the API server sees them"),
    },
    Row {
        says: "she claims a UID",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["requester"] =
                json!({"username": "alice", "uid": "u-bob", "groups": ["engineers", "system:authenticated"]});
            create(s.requests(), request)
        },
        answer: refused(RULE, "must be yours as the API server sees them"),
    },
    Row {
        says: "an administrator files for somebody else",
        given: Nothing,
        who: Admin,
        call: |s| {
            let mut request = s.asks();
            request["spec"]["requester"] =
                json!({"username": "alice", "groups": ["system:masters", "system:authenticated"]});
            create(s.requests(), request)
        },
        answer: refused(RULE, "must be your own user name"),
    },
    Row {
        says: "a filer says that it files for somebody",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["filedBy"] = json!(format!("system:serviceaccount:{}:robot", s.namespace));
            create(s.requests(), request)
        },
        answer: accepted(),
    },
    Row {
        says: "a filer does not say so",
        given: Nothing,
        who: Robot,
        call: |s| create(s.requests(), s.asks_for("alice")),
        answer: refused(RULE, "must be your own user name"),
    },
    Row {
        says: "a filer says that somebody else files",
        given: Nothing,
        who: Robot,
        call: |s| {
            let mut request = s.asks_for("alice");
            request["spec"]["filedBy"] = json!("erin");
            create(s.requests(), request)
        },
        answer: refused(RULE, "sets spec.filedBy to their own"),
    },
    Row {
        says: "nobody is named",
        given: Nothing,
        who: Alice,
        call: |s| create(s.requests(), s.asks()),
        answer: rejected("spec.requester"),
    },
];

/// Should somebody take the status subresource from the CRD, then the main resource would write status.
pub const WITHOUT_SUBRESOURCE: &[Row] = &[
    Row {
        says: "a request without status",
        given: Nothing,
        who: Alice,
        call: |s| create(s.requests(), s.asks()),
        answer: accepted(),
    },
    Row {
        says: "a request that begins decided",
        given: Nothing,
        who: Alice,
        call: |s| {
            let mut request = s.asks();
            request["status"] = json!({"approvals": [], "state": "Bound"});
            create(s.requests(), request)
        },
        answer: refused(RULE, "status is written through its subresource only"),
    },
    Row {
        says: "a status written through the main resource",
        given: Filed,
        who: Alice,
        call: |s| merge(s.request(), json!({"status": {"approvals": [], "state": "Bound"}})),
        answer: refused(RULE, "status is written through its subresource only"),
    },
    Row {
        says: "a policy that begins ready",
        given: Nothing,
        who: Ann,
        call: |s| {
            let mut policy = s.policy(&["curfew-logs"]);
            policy["status"] = json!({"activeGrants": 0});
            create(scene::POLICIES, policy)
        },
        answer: refused("curfew-policies", "status is written through its subresource only"),
    },
    Row {
        says: "a policy without status",
        given: Nothing,
        who: Ann,
        call: |s| create(scene::POLICIES, s.policy(&["curfew-logs"])),
        answer: accepted(),
    },
];
