//! The whole life of one access.
use curfew::api::reasons::{Approved, BeginReason, EndReason, RemovalVerified, Screened};
use curfew_testbed::bed::Bed;
use serde_json::json;

#[tokio::test]
async fn e24_access_begins_when_agreed_and_ends_by_itself() {
    let bed = Bed::new("e24").await;
    let policy = bed.policy(json!([{"kind": "Group", "name": "billing-owners"}])).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;

    let request = alice.files("sup-4812", &policy, "8s").await;
    request.becomes(Screened::Complete).await;
    alice.approves(&request, "service-owner").await.unwrap_err();
    assert!(!alice.may("get", "pods/log").await, "D10: nothing before somebody else agreed");

    bob.decides(&request, json!({"as": "billing-owners", "step": "service-owner", "decision": "Approve"}))
        .await
        .unwrap();
    let grant = request.recorded().await;
    grant.becomes(BeginReason::Bound).await;
    assert!(alice.may("get", "pods/log").await);
    request.becomes(Approved::StepsMet).await;

    grant.becomes(EndReason::Expired).await;
    assert!(!alice.may("get", "pods/log").await);
    let record = grant.becomes(RemovalVerified::Removed).await;
    let status = record.status.unwrap();
    assert!(status.ended_at.unwrap() >= record.spec.expires_at.unwrap(), "never early");
    assert_eq!(record.spec.approved_by.as_deref(), Some("bob (billing-owners)"));
}
