//! Bindings and fuses: `curfew-bindings`, `curfew-fuses`, `curfew-fuse-status`.
use super::scene::{Given::*, at, create, delete, json_patch, merge};
use super::world::Who::*;
use super::{Row, accepted, refused};
use serde_json::json;

const BINDINGS: &str = "curfew-bindings";
const FUSES: &str = "curfew-fuses";
const STATUS: &str = "curfew-fuse-status";

pub const ROWS: &[Row] = &[
    // Bindings: made.
    Row {
        says: "the operator binds one person on a fuse",
        given: Fuse,
        who: Operator,
        call: |s| create(s.bindings(), s.binding()),
        answer: accepted(),
    },
    Row {
        says: "an administrator makes a binding with our label",
        given: Record,
        who: Admin,
        call: |s| create(s.bindings(), s.binding()),
        answer: refused(BINDINGS, "made by the operator only"),
    },
    Row {
        says: "the operator makes a binding without the label",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["metadata"].as_object_mut().unwrap().remove("labels");
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "carries the label curfew.dev/grant"),
    },
    Row {
        says: "the operator makes a binding with a finalizer",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["metadata"]["finalizers"] = json!(["example.com/held"]);
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "and no finalizer"),
    },
    Row {
        says: "the operator makes a binding that nothing would collect",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["metadata"].as_object_mut().unwrap().remove("ownerReferences");
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "has one owner"),
    },
    Row {
        says: "the operator makes a binding on another fuse",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["metadata"]["ownerReferences"][0]["name"] = json!("curfew-another");
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "has one owner"),
    },
    Row {
        says: "the operator makes a binding that holds up its fuse",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(true);
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "has one owner"),
    },
    Row {
        says: "the operator binds a group",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["subjects"][0] =
                json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "engineers"});
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "is for one person"),
    },
    Row {
        says: "the operator binds two people",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["subjects"] = json!([binding["subjects"][0], {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "erin"}]);
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "is for one person"),
    },
    Row {
        says: "the operator binds a ServiceAccount",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["subjects"][0] = json!({"kind": "ServiceAccount", "name": "robot", "namespace": s.namespace});
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "is for one person"),
    },
    Row {
        says: "the operator binds a system: user",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["subjects"][0]["name"] = json!("system:kube-scheduler");
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "is for one person"),
    },
    Row {
        says: "the operator binds a system: role, though somebody gave it `bind`",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["roleRef"]["name"] = json!("system:tests-nothing");
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "this role is never granted"),
    },
    Row {
        says: "a binding that comes after its end",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["metadata"]["annotations"]["curfew.dev/expires-at"] = json!(at(-1));
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "this grant has ended"),
    },
    Row {
        says: "a binding for more than a day",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["metadata"]["annotations"]["curfew.dev/expires-at"] = json!(at(90_000));
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "more than 24 h away"),
    },
    Row {
        says: "a binding without an end",
        given: Record,
        who: Operator,
        call: |s| {
            let mut binding = s.binding();
            binding["metadata"].as_object_mut().unwrap().remove("annotations");
            create(s.bindings(), binding)
        },
        answer: refused(BINDINGS, "is missing"),
    },
    // Bindings: changed.
    Row {
        says: "an administrator gives a binding a later end",
        given: Binding,
        who: Admin,
        call: |s| merge(s.binding_path(), json!({"metadata": {"annotations": {"curfew.dev/expires-at": at(9000)}}})),
        answer: refused(BINDINGS, "a managed binding does not change"),
    },
    Row {
        says: "an administrator takes the label off a binding",
        given: Binding,
        who: Admin,
        call: |s| merge(s.binding_path(), json!({"metadata": {"labels": {"curfew.dev/grant": null}}})),
        answer: refused(BINDINGS, "a managed binding does not change"),
    },
    Row {
        says: "an administrator takes the owner off a binding",
        given: Binding,
        who: Admin,
        call: |s| merge(s.binding_path(), json!({"metadata": {"ownerReferences": null}})),
        answer: refused(BINDINGS, "a managed binding does not change"),
    },
    Row {
        says: "an administrator adds a finalizer to a binding",
        given: Binding,
        who: Admin,
        call: |s| merge(s.binding_path(), json!({"metadata": {"finalizers": ["example.com/held"]}})),
        answer: refused(BINDINGS, "a managed binding does not change"),
    },
    Row {
        says: "an administrator adds a person to a binding",
        given: Binding,
        who: Admin,
        call: |s| {
            json_patch(
                s.binding_path(),
                json!([{"op": "add", "path": "/subjects/-", "value": {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "erin"}}]),
            )
        },
        answer: refused(BINDINGS, "a managed binding does not change"),
    },
    Row {
        says: "an administrator puts our label on a binding of his own",
        given: Foreign,
        who: Admin,
        call: |s| merge(s.binding_path(), json!({"metadata": {"labels": {"curfew.dev/grant": "x"}}})),
        answer: refused(BINDINGS, "a managed binding does not change"),
    },
    Row {
        says: "an administrator changes a binding of his own",
        given: Foreign,
        who: Admin,
        call: |s| merge(s.binding_path(), json!({"metadata": {"labels": {"team": "billing"}}})),
        answer: accepted(),
    },
    // Bindings: deleted.
    Row {
        says: "an administrator deletes a binding, which ends the access",
        given: Binding,
        who: Admin,
        call: |s| delete(s.binding_path(), json!({})),
        answer: accepted(),
    },
    Row {
        says: "the operator deletes a binding in the background",
        given: Binding,
        who: Operator,
        call: |s| delete(s.binding_path(), json!({"propagationPolicy": "Background"})),
        answer: accepted(),
    },
    Row {
        says: "the sweeper deletes a binding in the background",
        given: Binding,
        who: Sweeper,
        call: |s| delete(s.binding_path(), json!({"propagationPolicy": "Background"})),
        answer: accepted(),
    },
    Row {
        says: "a binding is deleted in the foreground, so it would go on to allow",
        given: Binding,
        who: Admin,
        call: |s| delete(s.binding_path(), json!({"propagationPolicy": "Foreground"})),
        answer: refused(BINDINGS, "--cascade=background"),
    },
    Row {
        says: "the garbage collector deletes a binding in the foreground",
        given: Binding,
        who: Collector,
        call: |s| delete(s.binding_path(), json!({"propagationPolicy": "Foreground"})),
        answer: refused(BINDINGS, "--cascade=background"),
    },
    Row {
        says: "the garbage collector deletes a binding in the background",
        given: Binding,
        who: Collector,
        call: |s| delete(s.binding_path(), json!({"propagationPolicy": "Background"})),
        answer: accepted(),
    },
    Row {
        says: "a binding is deleted as an orphan",
        given: Binding,
        who: Admin,
        call: |s| delete(s.binding_path(), json!({"propagationPolicy": "Orphan"})),
        answer: refused(BINDINGS, "--cascade=background"),
    },
    Row {
        says: "a binding is deleted as an orphan, in the old spelling",
        given: Binding,
        who: Admin,
        call: |s| delete(s.binding_path(), json!({"orphanDependents": true})),
        answer: refused(BINDINGS, "--cascade=background"),
    },
    Row {
        says: "all bindings are deleted as orphans at once",
        given: Binding,
        who: Admin,
        call: |s| {
            delete(
                format!("{}?labelSelector=curfew.dev/grant%3D{}", s.bindings(), s.grant_uid),
                json!({"propagationPolicy": "Orphan"}),
            )
        },
        answer: refused(BINDINGS, "--cascade=background"),
    },
    Row {
        says: "the operator deletes a binding that is not ours",
        given: Foreign,
        who: Operator,
        call: |s| delete(s.binding_path(), json!({"propagationPolicy": "Background"})),
        answer: refused(BINDINGS, "delete only bindings with the label"),
    },
    Row {
        says: "the sweeper deletes a binding that is not ours",
        given: Foreign,
        who: Sweeper,
        call: |s| delete(s.binding_path(), json!({"propagationPolicy": "Background"})),
        answer: refused(BINDINGS, "delete only bindings with the label"),
    },
    // Fuses: made.
    Row {
        says: "the operator makes a fuse",
        given: Record,
        who: Operator,
        call: |s| create(s.jobs(), s.fuse()),
        answer: accepted(),
    },
    Row {
        says: "the operator tries a fuse without effect",
        given: Nothing,
        who: Operator,
        call: |s| create(s.jobs(), s.fuse()).dry(),
        answer: accepted(),
    },
    Row {
        says: "the operator makes a test fuse at home",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["metadata"]["labels"] = json!({"curfew.dev/grant": "fuse-test"});
            fuse["metadata"].as_object_mut().unwrap().remove("ownerReferences");
            fuse["spec"]["ttlSecondsAfterFinished"] = json!(1);
            create(format!("/apis/batch/v1/namespaces/{}/jobs", s.home), fuse)
        },
        answer: accepted(),
    },
    Row {
        says: "a test fuse that burns for ten minutes",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["metadata"]["labels"] = json!({"curfew.dev/grant": "fuse-test"});
            fuse["metadata"].as_object_mut().unwrap().remove("ownerReferences");
            create(format!("/apis/batch/v1/namespaces/{}/jobs", s.home), fuse)
        },
        answer: refused(FUSES, "ttlSecondsAfterFinished is missing or too long"),
    },
    Row {
        says: "a test fuse in somebody's namespace",
        given: Nothing,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["metadata"]["labels"] = json!({"curfew.dev/grant": "fuse-test"});
            fuse["metadata"].as_object_mut().unwrap().remove("ownerReferences");
            fuse["spec"]["ttlSecondsAfterFinished"] = json!(1);
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "has one owner: an AccessGrant"),
    },
    Row {
        says: "an administrator makes a fuse",
        given: Record,
        who: Admin,
        call: |s| create(s.jobs(), s.fuse()),
        answer: refused(FUSES, "made by the operator only"),
    },
    Row {
        says: "the operator makes a Job without the label",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["metadata"].as_object_mut().unwrap().remove("labels");
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "carries the label curfew.dev/grant"),
    },
    Row {
        says: "the operator makes a fuse with a finalizer",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["metadata"]["finalizers"] = json!(["example.com/held"]);
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "and no finalizer"),
    },
    Row {
        says: "a fuse without an owner",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["metadata"].as_object_mut().unwrap().remove("ownerReferences");
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "has one owner: an AccessGrant"),
    },
    Row {
        says: "a fuse that belongs to something else",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["metadata"]["ownerReferences"][0] =
                json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"});
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "has one owner: an AccessGrant"),
    },
    Row {
        says: "a fuse that runs a pod",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["spec"]["completions"] = json!(1);
            fuse["spec"]["parallelism"] = json!(1);
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "a fuse runs nothing"),
    },
    Row {
        says: "a fuse that waits",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["spec"]["suspend"] = json!(true);
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "a fuse runs nothing"),
    },
    Row {
        says: "a fuse that another controller steers",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["spec"]["managedBy"] = json!("example.com/other");
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "a fuse runs nothing"),
    },
    Row {
        says: "a fuse that is Indexed",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["spec"]["completionMode"] = json!("Indexed");
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "a fuse runs nothing"),
    },
    Row {
        says: "a fuse that burns long after the end",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["spec"]["ttlSecondsAfterFinished"] = json!(3600);
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "ttlSecondsAfterFinished is missing or too long"),
    },
    Row {
        says: "a fuse that never burns",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["spec"].as_object_mut().unwrap().remove("ttlSecondsAfterFinished");
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "ttlSecondsAfterFinished is missing or too long"),
    },
    Row {
        says: "a fuse that does not say when it burns",
        given: Record,
        who: Operator,
        call: |s| {
            let mut fuse = s.fuse();
            fuse["metadata"].as_object_mut().unwrap().remove("annotations");
            create(s.jobs(), fuse)
        },
        answer: refused(FUSES, "ttlSecondsAfterFinished is missing or too long"),
    },
    // Fuses: changed.
    Row {
        says: "an administrator lets a fuse burn longer",
        given: Fuse,
        who: Admin,
        call: |s| merge(s.job(), json!({"spec": {"ttlSecondsAfterFinished": 86400}})),
        answer: refused(FUSES, "a fuse does not change"),
    },
    Row {
        says: "an administrator takes the label off a fuse",
        given: Fuse,
        who: Admin,
        call: |s| merge(s.job(), json!({"metadata": {"labels": {"curfew.dev/grant": null}}})),
        answer: refused(FUSES, "a fuse does not change"),
    },
    Row {
        says: "an administrator takes the owner off a fuse",
        given: Fuse,
        who: Admin,
        call: |s| merge(s.job(), json!({"metadata": {"ownerReferences": null}})),
        answer: refused(FUSES, "a fuse does not change"),
    },
    Row {
        says: "an administrator adds a finalizer to a fuse",
        given: Fuse,
        who: Admin,
        call: |s| merge(s.job(), json!({"metadata": {"finalizers": ["example.com/held"]}})),
        answer: refused(FUSES, "a fuse does not change"),
    },
    Row {
        says: "an administrator suspends a fuse",
        given: Fuse,
        who: Admin,
        call: |s| merge(s.job(), json!({"spec": {"suspend": true}})),
        answer: refused(FUSES, "a fuse does not change"),
    },
    Row {
        says: "an administrator changes a Job of his own",
        given: Foreign,
        who: Admin,
        call: |s| merge(s.job(), json!({"metadata": {"labels": {"team": "billing"}}})),
        answer: accepted(),
    },
    // Fuses: deleted.
    Row {
        says: "a fuse is deleted in the background, which ends the access",
        given: Binding,
        who: Admin,
        call: |s| delete(s.job(), json!({"propagationPolicy": "Background"})),
        answer: accepted(),
    },
    Row {
        says: "a fuse is deleted in the foreground",
        given: Binding,
        who: Admin,
        call: |s| delete(s.job(), json!({"propagationPolicy": "Foreground"})),
        answer: accepted(),
    },
    Row {
        says: "the sweeper deletes a fuse in the background",
        given: Binding,
        who: Sweeper,
        call: |s| delete(s.job(), json!({"propagationPolicy": "Background"})),
        answer: accepted(),
    },
    Row {
        says: "a fuse is deleted without options, which would leave its binding behind",
        given: Binding,
        who: Admin,
        call: |s| delete(s.job(), json!({})),
        answer: refused(FUSES, "--cascade=background"),
    },
    Row {
        says: "a fuse is deleted as an orphan",
        given: Binding,
        who: Admin,
        call: |s| delete(s.job(), json!({"propagationPolicy": "Orphan"})),
        answer: refused(FUSES, "--cascade=background"),
    },
    Row {
        says: "a fuse is deleted as an orphan, in the old spelling",
        given: Binding,
        who: Admin,
        call: |s| delete(s.job(), json!({"orphanDependents": true})),
        answer: refused(FUSES, "--cascade=background"),
    },
    Row {
        says: "the operator deletes a Job that is not ours",
        given: Foreign,
        who: Operator,
        call: |s| delete(s.job(), json!({"propagationPolicy": "Background"})),
        answer: refused(FUSES, "delete only jobs with the label"),
    },
    Row {
        says: "the sweeper deletes a Job that is not ours",
        given: Foreign,
        who: Sweeper,
        call: |s| delete(s.job(), json!({"propagationPolicy": "Background"})),
        answer: refused(FUSES, "delete only jobs with the label"),
    },
    // jobs/status.
    Row {
        says: "an administrator takes the label off a fuse through jobs/status",
        given: Fuse,
        who: Admin,
        call: |s| merge(format!("{}/status", s.job()), json!({"metadata": {"labels": {"curfew.dev/grant": null}}})),
        answer: refused(STATUS, "metadata does not change"),
    },
    Row {
        says: "an administrator takes the owner off a fuse through jobs/status",
        given: Fuse,
        who: Admin,
        call: |s| merge(format!("{}/status", s.job()), json!({"metadata": {"ownerReferences": null}})),
        answer: refused(STATUS, "metadata does not change"),
    },
    Row {
        says: "an administrator gives a fuse a finalizer through jobs/status",
        given: Fuse,
        who: Admin,
        call: |s| merge(format!("{}/status", s.job()), json!({"metadata": {"finalizers": ["example.com/held"]}})),
        answer: refused(STATUS, "metadata does not change"),
    },
    Row {
        says: "an administrator moves the time since when a fuse burns",
        given: BurningFuse,
        who: Admin,
        call: |s| {
            json_patch(
                format!("{}/status", s.job()),
                json!([{"op": "replace", "path": "/status/conditions/0/lastTransitionTime", "value": at(30)}]),
            )
        },
        answer: refused(STATUS, "a fuse stays complete"),
    },
    Row {
        says: "a fuse that completes late",
        given: FreshFuse,
        who: Admin,
        call: |s| {
            merge(
                format!("{}/status", s.job()),
                json!({"status": {"conditions": [{"type": "Suspended", "status": "False", "lastTransitionTime": at(300)}]}}),
            )
        },
        answer: refused(STATUS, "would burn late"),
    },
];
