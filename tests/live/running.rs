//! An access that runs, to be ended in one way or another.
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{BeginReason, EndReason, RemovalVerified, Screened};
use curfew::decide::timeline::Chain;
use curfew_testbed::bed::{Bed, Filed, Granted, Operator, Person};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

/// What was agreed and has begun.
pub struct Running {
    pub bed: Bed,
    pub operator: Operator,
    pub alice: Person,
    pub bob: Person,
    pub request: Filed,
    pub grant: Granted,
}
impl Running {
    /// alice asked, bob agreed, the binding is there.
    pub async fn begin(test: &str, duration: &str) -> Self {
        let bed = Bed::new(test).await;
        let policy = bed.policy(approvers()).await;
        let operator = bed.operator().await;
        let (alice, bob) = bed.alice_and_bob().await;
        let request = alice.files("sup-4812", &policy, duration).await;
        let grant = agreed(&bob, &request).await;
        grant.becomes(BeginReason::Bound).await;
        assert!(alice.may("get", "pods/log").await);
        Self { bed, operator, alice, bob, request, grant }
    }
    /// Waits for this end and for the proof of it, and checks what is true of every end.
    pub async fn ends(&self, reason: EndReason, by: &str) -> AccessGrant {
        self.grant.becomes(reason).await;
        self.alice.may_no_more("get", "pods/log").await;
        let record = self.grant.becomes(RemovalVerified::Removed).await;
        assert_eq!((end_reason(&record), ended_by(&record)), (Some(reason), Some(by.to_owned())));
        is_complete(&record);
        record
    }
    pub fn operator_name(&self) -> String {
        self.bed.installation().operator
    }
}

/// bob and another, so that the policy can be met whoever asks.
pub fn approvers() -> Value {
    json!([{"kind": "User", "name": "bob"}, {"kind": "Group", "name": "billing-owners"}])
}

/// Waits until the request waits for bob, and agrees as him.
pub async fn agreed(bob: &Person, request: &Filed) -> Granted {
    request.becomes(Screened::Complete).await;
    bob.approves(request, "service-owner").await.unwrap();
    request.recorded().await
}

pub fn end_reason(record: &AccessGrant) -> Option<EndReason> {
    record.status.as_ref()?.end_reason
}
pub fn ended_by(record: &AccessGrant) -> Option<String> {
    record.status.as_ref()?.ended_by.clone()
}

/// A record tells from when to when, and its history cannot have been changed.
pub fn is_complete(record: &AccessGrant) {
    let status = record.status.as_ref().unwrap();
    assert!(status.ended_at.is_some() && status.end_reason.is_some() && status.ended_by.is_some());
    assert_eq!(Chain::of(&json!(record)).fault(), None, "{}: the chain is broken", record.name_any());
    let ends = status.timeline.iter().filter(|e| is_an_end(&e.what)).count();
    assert_eq!(ends, 1, "one end: {:?}", status.timeline.iter().map(|e| &e.what).collect::<Vec<_>>());
}
fn is_an_end(what: &str) -> bool {
    let ends = <EndReason as strum::VariantArray>::VARIANTS;
    ends.iter().any(|end| what == format!("Active=False/{}", <&str>::from(*end)))
}

/// A binding made by hand, for one person.
pub async fn binds_by_hand(bed: &Bed, name: &str, role: Value, user: &str) {
    let binding = json!({"metadata": {"name": name}, "roleRef": role,
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
    let api = Api::<RoleBinding>::namespaced(bed.admin.clone(), &bed.namespace);
    api.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
}
/// A reference to a ClusterRole.
pub fn cluster_role(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name})
}
