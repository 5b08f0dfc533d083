//! What is done with an access, by the audit log of the control plane.
use crate::running::{agreed, approvers, ended_by, is_complete};
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{BeginReason, EndReason, FlagType, RemovalVerified};
use curfew_testbed::bed::{Bed, Granted, until};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, LogParams};
use serde_json::json;

async fn record(bed: &Bed, grant: &Granted) -> AccessGrant {
    Api::<AccessGrant>::all(bed.admin.clone()).get(&grant.name).await.unwrap()
}

#[tokio::test]
async fn j7_what_somebody_did_is_on_their_record_and_k4_so_is_what_they_were_refused() {
    let bed = Bed::new("usage").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator_that_watches().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    let grant = agreed(&bob, &request).await;
    let bound = grant.becomes(BeginReason::Bound).await;
    assert!(bound.status.unwrap().usage.is_none(), "nothing was done yet");
    let pods = Api::<Pod>::namespaced(alice.client.clone(), &bed.namespace);
    let used = until("the binding works", || async {
        let read = pods.logs("web-1", &LogParams::default()).await;
        // There is no such pod, and she may ask for it.
        matches!(&read, Err(kube::Error::Api(status)) if status.code == 404).then_some(())
    });
    used.await;
    let usage = until("what she did is on record", || async { record(&bed, &grant).await.status?.usage }).await;
    assert!(usage.count >= 1 && usage.verbs == ["get pods/log"], "{usage:?}");
    let refused = pods.delete("web-1", &DeleteParams::default()).await.unwrap_err().to_string();
    assert!(refused.contains("forbidden"), "{refused}");
    let flagged = until("what she was refused is flagged", || async {
        let flags = record(&bed, &grant).await.status?.flags;
        flags.into_iter().find(|flag| flag.type_ == FlagType::RefusedCalls && flag.message.contains("delete pods"))
    });
    flagged.await;
    alice.closes(&request, "").await.unwrap();
    let over = grant.becomes(RemovalVerified::Removed).await;
    assert!(over.status.as_ref().unwrap().timeline.iter().any(|entry| entry.what == "Flagged=True/RefusedCalls"));
    is_complete(&over);
}

#[tokio::test]
async fn e15_access_that_nobody_uses_ends_early() {
    let bed = Bed::new("unused").await;
    let policy = bed.policy_with(json!({"duration": {"default": "30m", "max": "1h", "unusedAfter": "2s"}})).await;
    let _operator = bed.operator_that_watches().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    let grant = agreed(&bob, &request).await;
    let ended = grant.becomes(EndReason::Unused).await;
    assert_eq!(ended_by(&ended), Some(bed.installation().operator));
    alice.may_no_more("get", "pods/log").await;
}
