//! What a filer attests, when the rules that protect requests change.
use super::guard::anew;
use curfew::api::reasons::Ready;
use curfew::api::{admission::DECISIONS, names, request::AccessRequest};
use curfew::decide::guard::Epoch;
use curfew_testbed::bed::{Bed, until};
use curfew_testbed::chart::RELEASE;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

fn now() -> chrono::DateTime<chrono::Utc> {
    std::time::SystemTime::now().into()
}

#[tokio::test]
async fn l11_what_was_attested_before_the_rules_were_made_anew_counts_no_more() {
    super::Bed::new().await;
    let bed = Bed::new("attested").await;
    let users = |names: [&str; 2]| names.map(|name| json!({"kind": "User", "name": name}));
    let policy = bed
        .policy_with(json!({
            "requesters": [{"kind": "User", "name": "alice"}], "onBehalf": {"filers": ["admin"], "satisfies": ["service-owner"]},
            "approval": {"steps": [
                {"name": "service-owner", "approvers": users(["bob", "dora"])},
                {"name": "security", "approvers": [{"kind": "Group", "name": "security"}]}]}}))
        .await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    until("the epoch is old enough", || async {
        let maps = Api::<ConfigMap>::namespaced(bed.admin.clone(), RELEASE);
        let epoch = Epoch::from_data(maps.get_opt(names::EPOCH).await.unwrap()?.data?)?;
        (now() - epoch.since.get() > chrono::TimeDelta::seconds(4)).then_some(())
    })
    .await;

    let deadline = (now() + chrono::TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let manifest = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest", "metadata": {"name": "sup-4812"}, "spec": {
        "policy": policy, "reason": "Check why invoice totals changed for customer account 4812.", "ticket": "SUP-4812",
        "requester": {"username": "alice"}, "startDeadline": deadline,
        "attestation": {"change": "https://git.example.com/access/pull/7", "author": "frank", "reviewers": ["bob"]}}});
    let requests = Api::<AccessRequest>::namespaced(bed.admin.clone(), &bed.namespace);
    requests.patch("sup-4812", &PatchParams::apply("engine"), &Patch::Apply(&manifest)).await.unwrap();
    let filed = bed.person("alice", &[]).await.filed("sup-4812");
    let judged = |reason: &'static str| {
        let filed = filed.clone();
        async move {
            until(reason, || async {
                let status = filed.now().await.status?;
                (status.attested.first()?.reason == reason && !status.waiting_for.is_empty()).then_some(status)
            })
            .await
        }
    };
    let waits = |status: curfew::api::request::AccessRequestStatus| {
        status.waiting_for.into_iter().map(|w| w.step).collect::<Vec<_>>()
    };
    assert_eq!(waits(judged("Counted").await), ["security"]);

    anew::<ValidatingAdmissionPolicyBinding>(&bed.admin, DECISIONS).await;
    assert_eq!(waits(judged("OtherEpoch").await), ["service-owner", "security"], "people have to decide");
    let carol = bed.person("carol", &["security"]).await;
    carol.decides(&filed, json!({"step": "security", "as": "security", "decision": "Approve"})).await.unwrap();
    until("it waits for the service owner alone", || async {
        (waits(filed.now().await.status?) == ["service-owner"]).then_some(())
    })
    .await;
    assert!(bed.grants().await.is_empty());
}
