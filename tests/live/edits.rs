//! A policy that is edited while a request waits, and permissions that are republished while somebody reads them.
use crate::examples::{said, shell};
use curfew::api::names::FIELD_MANAGER;
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::{Approved, BeginReason, Ready, Screened};
use curfew::api::request::AccessRequest;
use curfew_testbed::bed::{Bed, Filed, Operator, Person, conditions, until};
use k8s_openapi::api::rbac::v1::Role;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// These steps, the owner's by bob's group, any other by carol's; at most so long.
fn decided_by(names: &[&str], max: &str) -> Value {
    let group = |name: &str| if name == "owner" { "billing-owners" } else { "security" };
    let steps = names.iter().map(|name| json!({"name": name, "approvers": [{"kind": "Group", "name": group(name)}]}));
    json!({"approval": {"steps": steps.collect::<Vec<_>>()}, "duration": {"default": "10m", "max": max}})
}
fn yes(step: &str, as_: &str) -> Value {
    json!({"step": step, "as": as_, "decision": "Approve"})
}
fn waits_for(request: &AccessRequest) -> Vec<String> {
    request.status.iter().flat_map(|s| &s.waiting_for).map(|w| w.step.clone()).collect()
}

/// alice asks for what is allowed at most, under a policy that is edited then.
struct Edited {
    bed: Bed,
    _operator: Operator,
    policy: String,
    alice: Person,
    bob: Person,
    carol: Person,
    request: Filed,
}
impl Edited {
    async fn new(test: &str, before: Value) -> Self {
        let bed = Bed::new(test).await;
        let policy = bed.policy_with(before).await;
        let _operator = bed.operator().await;
        bed.policy_becomes(Ready::Complete).await;
        let (alice, bob) = bed.alice_and_bob().await;
        let carol = bed.person("carol", &["security"]).await;
        let mut manifest = alice.request("sup-4812", &policy, "10m");
        manifest["spec"].as_object_mut().unwrap().remove("duration");
        let request = alice.applies(manifest).await.unwrap();
        request.becomes(Screened::Complete).await;
        Self { bed, _operator, policy, alice, bob, carol, request }
    }
    async fn says(&self, what: &str) -> AccessRequest {
        until(what, || async {
            let now = self.request.now().await;
            conditions(now.status.as_ref()?).join("\n").contains(what).then_some(now)
        })
        .await
    }
}

#[tokio::test]
async fn a15_an_edited_policy_binds_who_waits_only_where_it_is_stricter() {
    let (one, two) = (decided_by(&["owner"], "30m"), decided_by(&["owner", "security"], "20m"));
    let (tightened, loosened) =
        tokio::join!(Edited::new("tightened", one.clone()), Edited::new("loosened", two.clone()));
    for (work, after, generations) in [(&tightened, two, (2, Some(1))), (&loosened, one, (2, Some(1)))] {
        work.bed.policy_with(after).await;
        let told = work.says("the policy was edited since this was filed (generation 1, now 2)").await;
        assert_eq!(waits_for(&told), ["owner", "security"]);
        assert!(told.status.as_ref().unwrap().brief.join(" ").contains("PolicyEdits: the policy was edited"));
        work.bob.decides(&work.request, yes("owner", "billing-owners")).await.unwrap();
        until("one of two is not enough", || async {
            (waits_for(&work.request.now().await) == ["security"]).then_some(())
        })
        .await;
        assert!(work.bed.bindings().await.is_empty());
        work.carol.decides(&work.request, yes("security", "security")).await.unwrap();
        let record = work.request.recorded().await.becomes(BeginReason::Bound).await;
        assert_eq!((record.spec.policy.generation, record.spec.policy.filed_generation), generations);
    }
    // A new request is judged by the present text alone.
    let work = &loosened;
    let anew = work.alice.request("sup-4813", &work.policy, "30m");
    let anew = work.alice.applies(anew).await.unwrap();
    let limited = conditions(anew.becomes(Screened::Incomplete).await.status.as_ref().unwrap()).join("\n");
    assert!(limited.contains("LimitReached") && !limited.contains("DurationTooLong"), "{limited}");
}

#[tokio::test]
async fn a15_texts_that_cannot_both_be_held_to_send_the_request_back_and_amending_it_helps() {
    let work = Edited::new("apart", decided_by(&["owner"], "30m")).await;
    let mut other = decided_by(&["owner"], "30m");
    other["access"] = json!([{"name": "logs", "level": "LimitedWrite", "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}]);
    work.bed.policy_with(other).await;
    let told = work.says("PolicyEdited: spec.policy: ").await;
    assert!(waits_for(&told).is_empty());
    work.bob.decides(&work.request, yes("owner", "billing-owners")).await.unwrap_err();
    let mut manifest = work.alice.request("sup-4812", &work.policy, "10m");
    manifest["spec"]["reason"] =
        json!("Check why invoice totals changed for customer account 4812, and restart the worker.");
    work.alice.applies(manifest).await.unwrap();
    work.request.becomes(Approved::Waiting).await;
    work.request.becomes(Screened::Complete).await;
    work.bob.decides(&work.request, yes("owner", "billing-owners")).await.unwrap();
    let record = work.request.recorded().await.becomes(BeginReason::Bound).await;
    assert_eq!((record.spec.policy.filed_generation, record.spec.role_ref.name.as_str()), (None, "curfew-restart"));
}

#[tokio::test]
async fn a15_a_policy_of_the_same_name_made_anew_is_another_one() {
    let work = Edited::new("made-anew", decided_by(&["owner", "security"], "30m")).await;
    // While no operator looks, so that it never sees the request without a policy.
    let Edited { bed, _operator: operator, bob, request, .. } = work;
    operator.faults.stop();
    bed.frees_lease().await;
    bed.deletes_policy().await;
    bed.policy_with(decided_by(&["owner"], "30m")).await;
    let _next = bed.operator().await;
    let told = until("it is told", || async {
        let now = request.now().await;
        conditions(now.status.as_ref()?).join("\n").contains("it was deleted and made anew").then_some(now)
    })
    .await;
    assert!(waits_for(&told).is_empty());
    bob.decides(&request, yes("owner", "billing-owners")).await.unwrap_err();
    assert!(bed.grants().await.is_empty());
}

/// The Role `reader` allows this verb on pods.
async fn reads(bed: &Bed, verbs: &[&str]) {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]});
    let api = Api::<Role>::namespaced(bed.admin.clone(), &bed.namespace);
    api.patch("reader", &PatchParams::apply("testbed").force(), &Patch::Apply(role)).await.unwrap();
}

#[tokio::test]
async fn f1_who_read_other_permissions_cannot_agree_by_the_command_that_was_shown_with_them() {
    let bed = Bed::new("republished").await;
    crate::permissions::reader(&bed, json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])).await;
    let access = json!([{"name": "read", "level": "Write", "roleRef": {"kind": "Role", "name": "reader"}}]);
    let mut spec = decided_by(&["owner"], "30m");
    spec["access"] = access;
    let policy = bed.policy_with(spec).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "10m").await;
    let shown = request.becomes(Screened::Complete).await.status.unwrap();
    let command = |of: &curfew::api::request::AccessRequestStatus| {
        of.waiting_for[0].command.replace("SAY WHY", "Narrow, and tied to a case.")
    };
    reads(&bed, &["get", "delete"]).await;
    let now = until("more is shown", || async {
        let status = request.now().await.status?;
        let grown = status.permissions.as_ref()?.adds == ["delete,get pods"];
        grown.then_some(status)
    })
    .await;
    let pasted = shell(&bed, &bob.kubeconfig, &command(&shown));
    assert!(!pasted.status.success() && said(&pasted).contains("The request is invalid"), "{}", said(&pasted));
    let pasted = shell(&bed, &bob.kubeconfig, &command(&now));
    assert!(pasted.status.success(), "{}", said(&pasted));
    let record = request.recorded().await.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.adds, ["delete,get pods"]);
}

#[tokio::test]
async fn a15_people_do_not_write_what_a_request_was_filed_under() {
    let work = Edited::new("forged", decided_by(&["owner", "security"], "30m")).await;
    let policies = Api::<AccessPolicy>::all(work.bed.admin.clone());
    let uid = policies.get(&work.policy).await.unwrap().metadata.uid;
    let forged = json!({"status": {"filedUnder": {"uid": uid, "generation": 1, "spec": "{}"}}});
    let api = Api::<AccessRequest>::namespaced(work.alice.client.clone(), &work.bed.namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let refused = api.patch_status(&work.request.name, &params, &Patch::Merge(forged)).await.unwrap_err().to_string();
    assert!(refused.contains("not: filedUnder"), "{refused}");
}
