//! What stands around them: `curfew-operator`, `curfew-sweeper`, `curfew-namespaces`, `curfew-hand-made`, `curfew-schema`.
use super::scene::{Given::*, Scene, bindings_in, create, delete, json_patch, merge, replace};
use super::world::Who::*;
use super::{Row, accepted, refused, warned};
use serde_json::{Value, json};

const OPERATOR: &str = "curfew-operator";
const LABELS: &str = "curfew-namespaces";
const BY_HAND: &str = "curfew-hand-made";
const KINDS: &str = "curfew-schema";
pub const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

pub const ROWS: &[Row] = &[
    // The operator and the sweeper.
    Row {
        says: "a token of the operator's that is bound to no pod",
        given: Nothing,
        who: Loose,
        call: |s| create(super::scene::GRANTS, s.record()),
        answer: refused(OPERATOR, "writes from its own pod only"),
    },
    Row {
        says: "an administrator impersonates the operator",
        given: Nothing,
        who: Impersonator,
        call: |s| create(super::scene::GRANTS, s.record()),
        answer: refused(OPERATOR, "writes from its own pod only"),
    },
    Row {
        says: "the operator writes a Secret, though somebody lets it",
        given: Nothing,
        who: Operator,
        call: |s| create(format!("/api/v1/namespaces/{}/secrets", s.namespace), json!({"metadata": {"name": s.name}})),
        answer: refused(OPERATOR, "does not write /secrets"),
    },
    Row {
        says: "the operator writes a ConfigMap away from home",
        given: Nothing,
        who: Operator,
        call: |s| {
            create(format!("/api/v1/namespaces/{}/configmaps", s.namespace), json!({"metadata": {"name": s.name}}))
        },
        answer: refused(OPERATOR, "does not write /configmaps"),
    },
    Row {
        says: "the operator writes a ConfigMap at home",
        given: Nothing,
        who: Operator,
        call: |s| {
            create(format!("/api/v1/namespaces/{}/configmaps", s.home), json!({"metadata": {"name": s.name}})).dry()
        },
        answer: accepted(),
    },
    Row {
        says: "the operator takes the lease",
        given: Nothing,
        who: Operator,
        call: |s| {
            create(
                format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", s.home),
                json!({"metadata": {"name": s.name}}),
            )
            .dry()
        },
        answer: accepted(),
    },
    Row {
        says: "the operator asks what somebody may do",
        given: Nothing,
        who: Operator,
        call: |s| {
            create(
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                json!({"spec": {"user": "alice", "resourceAttributes": {"namespace": s.namespace, "verb": "get", "resource": "pods"}}}),
            )
        },
        answer: accepted(),
    },
    Row {
        says: "the operator writes an Event",
        given: Nothing,
        who: Operator,
        call: |s| {
            create(
                format!("/apis/events.k8s.io/v1/namespaces/{}/events", s.namespace),
                json!({"metadata": {"name": s.name}, "eventTime": "2026-01-01T00:00:00.000000Z", "action": "Screen",
            "reason": "Screened", "type": "Normal", "reportingController": "curfew", "reportingInstance": "curfew", "regarding": {"namespace": s.namespace}}),
            )
        },
        answer: accepted(),
    },
    Row {
        says: "the operator edits a binding, though somebody lets it",
        given: Binding,
        who: Operator,
        call: |s| merge(s.binding_path(), json!({"metadata": {"finalizers": []}})),
        answer: refused(OPERATOR, "it does not edit them"),
    },
    Row {
        says: "the operator edits a fuse, though somebody lets it",
        given: Fuse,
        who: Operator,
        call: |s| merge(s.job(), json!({"metadata": {"finalizers": []}})),
        answer: refused(OPERATOR, "it does not edit them"),
    },
    Row {
        says: "the sweeper writes a ConfigMap, though somebody lets it",
        given: Nothing,
        who: Sweeper,
        call: |s| {
            create(format!("/api/v1/namespaces/{}/configmaps", s.namespace), json!({"metadata": {"name": s.name}}))
        },
        answer: refused("curfew-sweeper", "only deletes managed bindings and fuses"),
    },
    // Labels of namespaces.
    Row {
        says: "a holder of `classify` labels a namespace",
        given: Nothing,
        who: Clara,
        call: |s| create("/api/v1/namespaces", labelled(s, "curfew.dev/zone")).dry(),
        answer: accepted(),
    },
    Row {
        says: "an administrator labels a namespace: `*` holds `classify`",
        given: Nothing,
        who: Admin,
        call: |s| create("/api/v1/namespaces", labelled(s, "curfew.dev/zone")).dry(),
        answer: accepted(),
    },
    Row {
        says: "somebody makes a namespace with another label",
        given: Nothing,
        who: Tom,
        call: |s| create("/api/v1/namespaces", labelled(s, "team")).dry(),
        answer: accepted(),
    },
    Row {
        says: "somebody makes a namespace with our label",
        given: Nothing,
        who: Tom,
        call: |s| create("/api/v1/namespaces", labelled(s, "curfew.dev/zone")).dry(),
        answer: refused(LABELS, "you need the verb `classify`"),
    },
    Row {
        says: "somebody moves a namespace to another zone",
        given: Nothing,
        who: Tom,
        call: |s| merge(namespace(s), json!({"metadata": {"labels": {"curfew.dev/zone": "playground"}}})).dry(),
        answer: refused(LABELS, "you need the verb `classify`"),
    },
    Row {
        says: "somebody takes our label off a namespace",
        given: Nothing,
        who: Tom,
        call: |s| merge(namespace(s), json!({"metadata": {"labels": {"curfew.dev/zone": null}}})).dry(),
        answer: refused(LABELS, "you need the verb `classify`"),
    },
    Row {
        says: "somebody does so through namespaces/status",
        given: Nothing,
        who: Tom,
        call: |s| {
            merge(
                format!("{}/status", namespace(s)),
                json!({"metadata": {"labels": {"curfew.dev/zone": "playground"}}}),
            )
            .dry()
        },
        answer: refused(LABELS, "you need the verb `classify`"),
    },
    Row {
        says: "somebody does so through namespaces/finalize",
        given: Nothing,
        who: Tom,
        call: |s| {
            replace(format!("{}/finalize", namespace(s)), json!({"metadata": {"name": s.namespace, "labels": {"curfew.dev/zone": "playground"}}, "spec": {"finalizers": ["kubernetes"]}})).dry()
        },
        answer: refused(LABELS, "you need the verb `classify`"),
    },
    Row {
        says: "somebody labels a namespace otherwise",
        given: Nothing,
        who: Tom,
        call: |s| merge(namespace(s), json!({"metadata": {"labels": {"team": "billing"}}})).dry(),
        answer: accepted(),
    },
    // Bindings by hand.
    Row {
        says: "a binding by hand for a person where that is denied",
        given: Nothing,
        who: Nadia,
        call: |s| create(bindings_in(&s.guarded), by_hand(s, user("alice"))),
        answer: refused(BY_HAND, "access for User alice in this namespace goes through Curfew"),
    },
    Row {
        says: "a binding by hand for several people where that is denied",
        given: Nothing,
        who: Nadia,
        call: |s| {
            let mut binding = by_hand(s, user("alice"));
            binding["subjects"] = json!([user("alice"), user("bob"), user("carol")]);
            create(bindings_in(&s.guarded), binding)
        },
        answer: refused(BY_HAND, "access for User alice and 2 more in this namespace goes through Curfew"),
    },
    Row {
        says: "a binding by hand for a name that is no name where people are warned",
        given: Nothing,
        who: Nadia,
        call: |s| create(bindings_in(&s.guarded.replace("-deny", "-warn")), by_hand(s, user("a\n\u{1b}[2J"))),
        answer: warned("access for User of an odd name in this namespace goes through Curfew"),
    },
    Row {
        says: "a binding by hand for everybody where that is denied",
        given: Nothing,
        who: Nadia,
        call: |s| {
            create(
                bindings_in(&s.guarded),
                by_hand(
                    s,
                    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}),
                ),
            )
        },
        answer: refused(BY_HAND, "access for Group system:authenticated in this namespace goes through Curfew"),
    },
    Row {
        says: "a binding by hand for a group where that is denied",
        given: Nothing,
        who: Nadia,
        call: |s| {
            create(
                bindings_in(&s.guarded),
                by_hand(s, json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "engineers"})),
            )
        },
        answer: refused(BY_HAND, "goes through Curfew"),
    },
    Row {
        says: "a binding by hand where people are warned",
        given: Nothing,
        who: Nadia,
        call: |s| create(bindings_in(&s.guarded.replace("-deny", "-warn")), by_hand(s, user("alice"))),
        answer: warned("goes through Curfew"),
    },
    Row {
        says: "a binding by hand where it is only noted",
        given: Nothing,
        who: Nadia,
        call: |s| create(bindings_in(&s.guarded.replace("-deny", "-audit")), by_hand(s, user("alice"))),
        answer: accepted(),
    },
    Row {
        says: "a binding by hand elsewhere",
        given: Nothing,
        who: Nadia,
        call: |s| create(s.bindings(), by_hand(s, user("alice"))),
        answer: accepted(),
    },
    Row {
        says: "a binding by hand by a holder of `bypass`",
        given: Nothing,
        who: Basil,
        call: |s| create(bindings_in(&s.guarded), by_hand(s, user("alice"))),
        answer: accepted(),
    },
    Row {
        says: "a binding by hand for a ServiceAccount",
        given: Nothing,
        who: Nadia,
        call: |s| {
            create(
                bindings_in(&s.guarded),
                by_hand(s, json!({"kind": "ServiceAccount", "name": "robot", "namespace": s.namespace})),
            )
        },
        answer: accepted(),
    },
    Row {
        says: "a binding by hand for a ServiceAccount, spelt as a user",
        given: Nothing,
        who: Nadia,
        call: |s| {
            create(bindings_in(&s.guarded), by_hand(s, user(&format!("system:serviceaccount:{}:robot", s.namespace))))
        },
        answer: accepted(),
    },
    Row {
        says: "a binding by hand for all ServiceAccounts of a namespace, spelt as a group",
        given: Nothing,
        who: Nadia,
        call: |s| {
            create(
                bindings_in(&s.guarded),
                by_hand(
                    s,
                    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": format!("system:serviceaccounts:{}", s.namespace)}),
                ),
            )
        },
        answer: accepted(),
    },
    // The kinds themselves.
    Row {
        says: "an administrator takes the status subresource from a kind",
        given: Nothing,
        who: Admin,
        call: |_| {
            json_patch(
                format!("{CRDS}/accessrequests.curfew.dev"),
                json!([{"op": "remove", "path": "/spec/versions/0/subresources"}]),
            )
            .dry()
        },
        answer: refused(KINDS, "keep the status subresource"),
    },
    Row {
        says: "an administrator gives a kind a scale",
        given: Nothing,
        who: Admin,
        call: |_| {
            json_patch(
                format!("{CRDS}/accessrequests.curfew.dev"),
                json!([{"op": "add", "path": "/spec/versions/0/subresources/scale",
            "value": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}}]),
            )
            .dry()
        },
        answer: refused(KINDS, "no scale"),
    },
    Row {
        says: "an administrator describes a kind anew",
        given: Nothing,
        who: Admin,
        call: |_| {
            merge(
                format!("{CRDS}/accessrequests.curfew.dev"),
                json!({"metadata": {"annotations": {"team": "billing"}}}),
            )
            .dry()
        },
        answer: accepted(),
    },
    Row {
        says: "an administrator deletes the kind of all records",
        given: Nothing,
        who: Admin,
        call: |_| delete(format!("{CRDS}/accessgrants.curfew.dev"), json!({})).dry(),
        answer: refused(KINDS, "destroys every record"),
    },
    Row {
        says: "an administrator deletes the kind of policies",
        given: Nothing,
        who: Admin,
        call: |_| delete(format!("{CRDS}/accesspolicies.curfew.dev"), json!({})).dry(),
        answer: accepted(),
    },
];

fn namespace(s: &Scene) -> String {
    format!("/api/v1/namespaces/{}", s.namespace)
}
fn labelled(s: &Scene, label: &str) -> Value {
    json!({"metadata": {"name": s.name, "labels": {label: "production"}}})
}
fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}
fn by_hand(s: &Scene, subject: Value) -> Value {
    json!({"metadata": {"name": s.name}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "curfew-logs"}, "subjects": [subject]})
}
