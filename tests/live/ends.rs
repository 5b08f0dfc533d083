//! Every way in which access ends, who did it, and the proof that it is gone.
use crate::running::{Running, agreed, approvers, binds_by_hand, cluster_role, end_reason, ended_by};
use curfew::api::reasons::{BeginReason, EndReason, FlagType, RemovalVerified, Screened};
use curfew_testbed::bed::{Bed, until};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{DeleteParams, DynamicObject, ObjectMeta, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::process::Command;

/// Longer than any test: what ends before has been ended.
const LONG: &str = "30m";

#[tokio::test]
async fn g1_the_requester_ends_it_without_giving_a_reason() {
    let live = Running::begin("closed", LONG).await;
    live.alice.closes(&live.request, "").await.unwrap();
    let record = live.ends(EndReason::Closed, "alice").await;
    assert!(record.status.unwrap().ended_at.unwrap() < record.spec.expires_at.unwrap());
    live.request.becomes(EndReason::Closed).await;
}

#[tokio::test]
async fn g1_an_approver_takes_it_away_and_says_why() {
    let live = Running::begin("revoked", LONG).await;
    live.bob.closes(&live.request, " ").await.unwrap_err();
    assert!(live.alice.may("get", "pods/log").await, "no reason, no end");
    live.bob.closes(&live.request, "The case was solved otherwise.").await.unwrap();
    let record = live.ends(EndReason::Revoked, "bob").await;
    let told = record.status.unwrap().conditions.into_iter().find(|c| c.type_ == "Active").unwrap().message;
    assert!(told.contains("The case was solved otherwise."), "{told}");
}

#[tokio::test]
async fn g1_a_responder_takes_it_away_and_a_stranger_does_not() {
    let live = Running::begin("responder", LONG).await;
    let ruth = live.bed.person("ruth", &[]).await;
    let refused = ruth.closes(&live.request, "An attack is under way.").await.unwrap_err().to_string();
    assert!(refused.contains("status.closers") && refused.contains("curfew-responder"), "{refused}");
    assert!(live.alice.may("get", "pods/log").await, "a stranger ends nothing");

    binds_by_hand(&live.bed, "responders", cluster_role("curfew-responder"), "ruth").await;
    until("the binding of the responder works", || async {
        ruth.closes(&live.request, "An attack is under way.").await.ok()
    })
    .await;
    live.ends(EndReason::Revoked, "ruth").await;
}

#[tokio::test]
async fn g1_a_responder_ends_it_also_when_the_policy_is_gone() {
    let live = Running::begin("no-policy", LONG).await;
    live.bed.deletes_policy().await;
    binds_by_hand(&live.bed, "responders", cluster_role("curfew-responder"), "ruth").await;
    let ruth = live.bed.person("ruth", &[]).await;
    until("the binding of the responder works", || async { ruth.closes(&live.request, "Found by audit.").await.ok() })
        .await;
    live.ends(EndReason::Revoked, "ruth").await;
}

#[tokio::test]
async fn a_deleted_request_ends_what_came_of_it() {
    let live = Running::begin("unrequested", LONG).await;
    live.request.is_deleted_by(&live.bed.admin).await;
    live.ends(EndReason::RequestDeleted, "unknown").await;
}

#[tokio::test]
async fn a_binding_deleted_by_hand_stays_deleted() {
    let live = Running::begin("unbound", LONG).await;
    let (namespace, name) = live.grant.child().await;
    let bindings = Api::<RoleBinding>::namespaced(live.bed.admin.clone(), &namespace);
    bindings.delete(&name, &DeleteParams::background()).await.unwrap();
    live.ends(EndReason::BindingDeleted, "unknown").await;
    assert!(live.bed.bindings().await.is_empty(), "it is not made again");
    nothing_is_left(&live).await;
}

#[tokio::test]
async fn the_kill_switch_is_one_kubectl_command() {
    let live = Running::begin("kill-switch", LONG).await;
    let (namespace, name) = live.grant.child().await;
    let kubectl = |arguments: &[&str]| {
        let connection = &live.bed.connection;
        let mut command = Command::new(connection.kubectl());
        command.arg("--kubeconfig").arg(connection.admin()).args(["-n", &namespace]).args(arguments);
        command.output().unwrap()
    };
    let done = kubectl(&["delete", "job", &name, "--cascade=background"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    live.ends(EndReason::FuseBurned, "unknown").await;
    nothing_is_left(&live).await;
}

#[tokio::test]
async fn the_record_outlives_its_namespace() {
    let live = Running::begin("no-namespace", LONG).await;
    let namespaces = Api::<Namespace>::all(live.bed.admin.clone());
    namespaces.delete(&live.bed.namespace, &DeleteParams::default()).await.unwrap();
    live.ends(EndReason::NamespaceDeleted, "unknown").await;
    until("the namespace is gone", || async {
        namespaces.get_opt(&live.bed.namespace).await.unwrap().is_none().then_some(())
    })
    .await;
    let record = live.grant.record().await;
    assert_eq!(record.spec.reason, "Check why invoice totals changed for customer account 4812.");
}

#[tokio::test]
async fn f1_a_binding_that_somebody_mutates_is_deleted_and_flagged_for_ever() {
    let bed = Bed::new("tampered").await;
    let mutation = Mutation::of(
        &bed,
        json!({"patchType": "JSONPatch", "jsonPatch": {
        "expression": r#"[JSONPatch{op: "replace", path: "/roleRef/name", value: "curfew-exec"}]"#}}),
    )
    .await;
    let policy = bed.policy(approvers()).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, LONG).await;
    let grant = agreed(&bob, &request).await;
    let record = grant.becomes(EndReason::Tampered).await;
    assert!(record.status.unwrap().flags.iter().any(|f| f.type_ == FlagType::ExternallyModified));
    for permission in ["pods/log", "pods/exec"] {
        alice.may_no_more("get", permission).await;
    }
    grant.becomes(RemovalVerified::Removed).await;
    assert!(bed.bindings().await.is_empty());
    let made = operator.faults.writes().iter().filter(|w| w.starts_with("POST") && w.contains("rolebindings")).count();
    assert_eq!(made, 1, "what was tampered with is not made again");
    mutation.goes().await;
}

#[tokio::test]
async fn f1_a_label_that_somebody_adds_is_tampering_too() {
    let bed = Bed::new("labelled").await;
    let mutation = Mutation::of(
        &bed,
        json!({"patchType": "ApplyConfiguration", "applyConfiguration": {
        "expression": r#"Object{metadata: Object.metadata{labels: {"team": "billing"}}}"#}}),
    )
    .await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, LONG).await;
    let grant = agreed(&bob, &request).await;
    let record = grant.becomes(EndReason::Tampered).await;
    assert_eq!(ended_by(&record), Some(bed.installation().operator));
    alice.may_no_more("get", "pods/log").await;
    mutation.goes().await;
}

#[tokio::test]
async fn g4_a_binding_that_still_allows_it_is_named_until_it_is_gone() {
    let live = Running::begin("still", LONG).await;
    binds_by_hand(&live.bed, "by-hand", cluster_role("curfew-logs"), "alice").await;
    live.alice.closes(&live.request, "").await.unwrap();
    let record = live.grant.becomes(RemovalVerified::StillAllowed).await;
    assert_eq!(end_reason(&record), Some(EndReason::Closed));
    let said = record.status.unwrap().conditions.into_iter().find(|c| c.type_ == "RemovalVerified").unwrap().message;
    assert!(said.contains("by-hand") && said.contains("alice"), "{said}");
    assert!(live.alice.may("get", "pods/log").await, "it is true");

    let bindings = Api::<RoleBinding>::namespaced(live.bed.admin.clone(), &live.bed.namespace);
    bindings.delete("by-hand", &DeleteParams::default()).await.unwrap();
    live.ends(EndReason::Closed, "alice").await;
}

#[tokio::test]
async fn g4_what_the_person_had_before_is_apart() {
    let bed = Bed::new("had").await;
    let role =
        json!({"metadata": {"name": "pods"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    let roles = Api::<k8s_openapi::api::rbac::v1::Role>::namespaced(bed.admin.clone(), &bed.namespace);
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods"});
    binds_by_hand(&bed, "long-since", role, "alice").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    until("alice may get pods", || async { alice.may("get", "pods").await.then_some(()) }).await;

    let request = alice.files("sup-4812", &policy, LONG).await;
    let grant = agreed(&bob, &request).await;
    grant.becomes(BeginReason::Bound).await;
    alice.closes(&request, "").await.unwrap();
    let spec = grant.becomes(RemovalVerified::Removed).await.spec;
    assert!(spec.adds.contains(&"get pods/log".to_owned()) && !spec.adds.contains(&"get pods".to_owned()), "{spec:?}");
    assert!(spec.had.iter().any(|had| had.starts_with("get pods:") && had.contains("long-since")), "{:?}", spec.had);
    assert!(alice.may("get", "pods").await, "what was hers stays hers");
    assert!(!alice.may("get", "pods/log").await);
}

#[tokio::test]
async fn e19_overlapping_grants_of_one_person_never_cut_each_other() {
    let bed = Bed::new("overlap").await;
    let policy = bed.policy_with(json!({"limits": {"activePerRequester": 2}})).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let first = alice.files("sup-4812", &policy, LONG).await;
    let mut manifest = alice.request("sup-4813", &policy, LONG);
    manifest["spec"]["ticket"] = json!("SUP-4813");
    let second = alice.applies(manifest).await.unwrap();
    second.becomes(Screened::Complete).await;
    let (first_grant, second_grant) = (agreed(&bob, &first).await, agreed(&bob, &second).await);
    first_grant.becomes(BeginReason::Bound).await;
    second_grant.becomes(BeginReason::Bound).await;
    assert_eq!(bed.bindings().await.len(), 2, "one binding each");

    alice.closes(&first, "").await.unwrap();
    first_grant.becomes(EndReason::Closed).await;
    let [left] = &bed.bindings().await[..] else { panic!("one binding is left") };
    assert_eq!(left.name_any(), second_grant.child().await.1);
    assert!(alice.may("get", "pods/log").await, "the other one still holds");
    let record = first_grant.becomes(RemovalVerified::HeldByAnother).await;
    let said = record.status.unwrap().conditions.into_iter().find(|c| c.type_ == "RemovalVerified").unwrap().message;
    assert!(said.contains(&left.name_any()), "what allows it is named: {said}");

    alice.closes(&second, "").await.unwrap();
    second_grant.becomes(RemovalVerified::Removed).await;
    first_grant.becomes(RemovalVerified::Removed).await;
    assert!(!alice.may("get", "pods/log").await);
}

async fn nothing_is_left(live: &Running) {
    until("fuse and binding are gone", || async {
        (live.bed.bindings().await.is_empty() && live.bed.fuses().await.is_empty()).then_some(())
    })
    .await;
}

/// A mutating policy of somebody else, for this test's namespace only.
struct Mutation {
    policies: Api<DynamicObject>,
    bindings: Api<DynamicObject>,
    name: String,
}
impl Mutation {
    /// Installs it, and waits until it is at work.
    async fn of(bed: &Bed, mutation: Value) -> Self {
        let api = |kind| {
            let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
            Api::<DynamicObject>::all_with(bed.admin.clone(), &ApiResource::from_gvk(&kind))
        };
        let (policies, bindings) = (api("MutatingAdmissionPolicy"), api("MutatingAdmissionPolicyBinding"));
        let name = bed.namespace.clone();
        let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
        let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {"namespaceSelector": selector, "resourceRules": [{"apiGroups": ["rbac.authorization.k8s.io"],
                "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["rolebindings"]}]},
            "mutations": [mutation]}});
        let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name}, "spec": {"policyName": name}});
        for (api, object) in [(&policies, policy), (&bindings, binding)] {
            api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        }
        let probe = RoleBinding {
            metadata: ObjectMeta { name: Some("probe".into()), ..Default::default() },
            role_ref: serde_json::from_value(cluster_role("curfew-logs")).unwrap(),
            subjects: None,
        };
        let (unchanged, dry_run) = (probe.clone(), PostParams { dry_run: true, ..Default::default() });
        let probed = Api::<RoleBinding>::namespaced(bed.admin.clone(), &bed.namespace);
        until("the mutating policy works", || async {
            let made = probed.create(&dry_run, &probe).await.ok()?;
            (made.role_ref != unchanged.role_ref || made.labels() != unchanged.labels()).then_some(())
        })
        .await;
        Self { policies, bindings, name }
    }
    async fn goes(self) {
        self.bindings.delete(&self.name, &DeleteParams::default()).await.unwrap();
        self.policies.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_foreign_object_of_our_name_is_neither_adopted_nor_deleted() {
    let bed = Bed::new("foreign").await;
    let policy = bed.policy(approvers()).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, LONG).await;
    let uid = request.becomes(Screened::Complete).await.uid().unwrap();
    let name = curfew::api::names::child("sup-4812", &uid);
    binds_by_hand(&bed, &name, cluster_role("curfew-read"), "carol").await;
    let grant = agreed(&bob, &request).await;
    let record = grant.becomes(BeginReason::NameTaken).await;
    let said = record.status.unwrap().conditions.into_iter().find(|c| c.type_ == "Active").unwrap().message;
    assert!(said.contains(&name), "{said}");
    assert!(!alice.may("get", "pods/log").await);
    let writes = operator.faults.writes();
    assert!(!writes.iter().any(|w| w.contains("rolebindings") || w.contains("jobs")), "{writes:?}");

    let bindings = Api::<RoleBinding>::namespaced(bed.admin.clone(), &bed.namespace);
    bindings.delete(&name, &DeleteParams::default()).await.unwrap();
    grant.becomes(BeginReason::Bound).await;
    assert!(Api::<Job>::namespaced(bed.admin.clone(), &bed.namespace).get_opt(&name).await.unwrap().is_some());
}
