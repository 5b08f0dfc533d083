//! Look first, then change: a second access that is agreed to along with the first.
use crate::running::{agreed, is_complete};
use curfew::api::reasons::{BeginReason, EndReason, RemovalVerified, Screened, SecondStage};
use curfew_testbed::bed::{Bed, Filed, Granted, Operator, Person};
use kube::ResourceExt;
use serde_json::json;

const FINDING: &str = "The worker holds a stale lock since the deploy: a restart frees it.";

/// alice looks, and may restart once she has found something.
struct Looking {
    bed: Bed,
    _operator: Operator,
    alice: Person,
    bob: Person,
    request: Filed,
    first: Granted,
}
impl Looking {
    async fn begin(test: &str, first: &str, then: &str) -> Self {
        let bed = Bed::new(test).await;
        let role = |name: &str| json!({"kind": "ClusterRole", "name": name});
        let access = json!([{"name": "logs", "level": "ReadOnly", "roleRef": role("curfew-logs")},
            {"name": "restart", "level": "LimitedWrite", "roleRef": role("curfew-restart")}]);
        let policy = bed.policy_with(json!({"access": access})).await;
        let operator = bed.operator().await;
        let (alice, bob) = bed.alice_and_bob().await;
        let mut manifest = alice.request("sup-4812", &policy, first);
        manifest["spec"]["then"] = json!({"access": "restart", "duration": then});
        manifest["spec"]["whyNotLower"] = json!("The worker hangs, and only a restart frees its queue.");
        let request = alice.applies(manifest).await.unwrap();
        let told = request.becomes(Screened::Complete).await.status.unwrap();
        let said = &told.conditions.iter().find(|c| c.type_ == "Approved").unwrap().message;
        assert!(
            said.contains("logs (ReadOnly)") && said.contains("then restart (LimitedWrite)"),
            "who agrees reads both: {said}"
        );
        assert!(!told.then_permissions.unwrap().adds.is_empty(), "and what would be gained");
        alice.starts(&request, FINDING).await.unwrap_err();
        let grant = agreed(&bob, &request).await;
        grant.becomes(BeginReason::Bound).await;
        let said = request.becomes(SecondStage::Agreed).await.status.unwrap().conditions;
        let command = &said.iter().find(|c| c.type_ == "SecondStage").unwrap().message;
        assert!(command.contains("kubectl -n") && command.contains("SAY WHAT YOU FOUND"), "{command}");
        request.becomes(BeginReason::Bound).await;
        assert!(alice.may("get", "pods/log").await && !alice.may("delete", "pods").await);
        Self { bed, _operator: operator, alice, bob, request, first: grant }
    }
    async fn goes_on(&self) -> Granted {
        self.alice.starts(&self.request, FINDING).await.unwrap();
        let second = self.request.recorded_again().await;
        second.becomes(BeginReason::Bound).await;
        second
    }
}

#[tokio::test]
async fn b23_the_second_access_begins_with_a_finding_and_ends_by_itself() {
    let looking = Looking::begin("then", "10m", "20s").await;
    let Looking { bed, alice, bob, request, first, .. } = &looking;
    bob.starts(request, FINDING).await.unwrap_err();
    alice.starts(request, "Need to investigate, just in case").await.unwrap();
    request.becomes(SecondStage::VagueFinding).await;
    assert_eq!(bed.grants().await.len(), 1, "a vague finding starts nothing");
    let second = looking.goes_on().await;
    assert!(alice.may("delete", "pods").await && alice.may("get", "pods/log").await);
    alice.starts(request, "It was something else altogether, as it turned out.").await.unwrap_err();
    let told = request.becomes(SecondStage::Started).await.status.unwrap();
    let record = second.record().await;
    assert_eq!(second.name, format!("{}.2", first.name));
    assert_eq!(told.then_expires_at, record.spec.expires_at);
    assert_eq!((record.spec.expires_at.unwrap().get() - record.spec.not_before.get()).num_seconds(), 20);
    assert_eq!(record.spec.follows.unwrap().finding, FINDING);
    assert_eq!(record.spec.approved_by, first.record().await.spec.approved_by);
    assert_eq!(bed.bindings().await.len(), 2, "one binding each");

    second.becomes(EndReason::Expired).await;
    is_complete(&second.becomes(RemovalVerified::HeldByAnother).await);
    assert!(!alice.may("delete", "pods").await && alice.may("get", "pods/log").await, "the first one is not cut");
    request.becomes(BeginReason::Bound).await;
    alice.closes(request, "").await.unwrap();
    first.becomes(RemovalVerified::Removed).await;
    second.becomes(RemovalVerified::Removed).await;
    request.becomes(EndReason::Closed).await;
}

#[tokio::test]
async fn b23_a_close_ends_both_and_so_does_deleting_the_request() {
    let closed = Looking::begin("then-closed", "10m", "10m").await;
    let second = closed.goes_on().await;
    closed.bob.closes(&closed.request, "The case is solved.").await.unwrap();
    for grant in [&closed.first, &second] {
        grant.becomes(EndReason::Revoked).await;
        grant.becomes(RemovalVerified::Removed).await;
    }
    assert!(!closed.alice.may("delete", "pods").await && !closed.alice.may("get", "pods/log").await);
    closed.request.becomes(EndReason::Revoked).await;
    drop(closed);

    let deleted = Looking::begin("then-deleted", "10m", "10m").await;
    let second = deleted.goes_on().await;
    deleted.request.is_deleted_by(&deleted.bed.admin).await;
    for grant in [&deleted.first, &second] {
        grant.becomes(EndReason::RequestDeleted).await;
        grant.becomes(RemovalVerified::Removed).await;
    }
    assert!(deleted.bed.bindings().await.is_empty());
}

#[tokio::test]
async fn b23_what_is_not_started_while_the_first_one_holds_lapses() {
    let looking = Looking::begin("then-late", "8s", "10m").await;
    looking.first.becomes(RemovalVerified::Removed).await;
    let lapsed = looking.request.becomes(SecondStage::Lapsed).await;
    let said = looking.alice.starts(&looking.request, FINDING).await.unwrap_err().to_string();
    assert!(said.contains("while the first one holds"), "{said}");
    assert_eq!(looking.bed.grants().await.len(), 1, "{}", lapsed.name_any());
}

#[tokio::test]
async fn b23_the_second_access_outlives_the_first_and_still_ends() {
    let looking = Looking::begin("then-longer", "12s", "20s").await;
    let second = looking.goes_on().await;
    looking.first.becomes(EndReason::Expired).await;
    assert!(looking.alice.may("delete", "pods").await, "the end of the first cuts nothing of the second");
    second.becomes(EndReason::Expired).await;
    second.becomes(RemovalVerified::Removed).await;
    looking.first.becomes(RemovalVerified::Removed).await;
    looking.request.becomes(EndReason::Expired).await;
    assert!(!looking.alice.may("delete", "pods").await);
}
