//! The operator is dead when it matters: what ends access then, and what the next operator makes of it.
use crate::running::{Running, agreed, approvers, end_reason, is_complete};
use chrono::{TimeDelta, Utc};
use curfew::api::grant::AccessGrant;
use curfew::api::names::EXPIRES_ANNOTATION;
use curfew::api::reasons::{BeginReason, EndReason, Outcome, RemovalVerified, Screened};
use curfew::operate::clock::Clock;
use curfew_testbed::bed::{Bed, until};
use curfew_testbed::faults::Faults;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::time::Duration;

/// How long after the end a fuse may take: its grace of 3 s, and what TTL controller and garbage collector need on a
/// machine that does much else.
const FUSE: TimeDelta = TimeDelta::seconds(10);

#[tokio::test]
async fn e24_the_fuse_ends_it_when_the_operator_is_dead() {
    let live = Running::begin("fuse", "8s").await;
    let ends = live.grant.record().await.spec.expires_at.unwrap().get();
    let Running { bed, operator, alice, grant, .. } = live;
    operator.dies();

    alice.may_no_more("get", "pods/log").await;
    let late = Utc::now() - ends;
    assert!(late > TimeDelta::zero(), "never early: {late}");
    assert!(late < FUSE, "{late} after the end");
    until("fuse and binding are gone", || async {
        (bed.bindings().await.is_empty() && bed.fuses().await.is_empty()).then_some(())
    })
    .await;
    assert!(end_reason(&grant.record().await).is_none(), "nobody could write it down");

    bed.frees_lease().await;
    let _next = bed.operator().await;
    let record = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&record), Some(EndReason::Expired));
    assert!(record.status.as_ref().unwrap().ended_at.unwrap().get() >= ends);
    is_complete(&record);
}

#[tokio::test]
async fn the_kill_switch_works_while_the_operator_is_dead() {
    let live = Running::begin("dead-kill", "30m").await;
    let (namespace, name) = live.grant.child().await;
    let Running { bed, operator, alice, grant, .. } = live;
    operator.dies();
    Api::<Job>::namespaced(bed.admin.clone(), &namespace).delete(&name, &DeleteParams::background()).await.unwrap();
    alice.may_no_more("get", "pods/log").await;

    bed.frees_lease().await;
    let next = bed.operator().await;
    let record = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&record), Some(EndReason::FuseBurned));
    let writes = next.faults.writes();
    assert!(!writes.iter().any(|w| w.starts_with("POST")), "a grant whose fuse is gone never gets another: {writes:?}");
}

#[tokio::test]
async fn a_request_or_namespace_deleted_while_the_operator_is_dead_ends_it() {
    let (first, second) = tokio::join!(Running::begin("dead-request", "30m"), Running::begin("dead-namespace", "30m"));
    first.operator.faults.stop();
    second.operator.faults.stop();
    first.request.is_deleted_by(&first.bed.admin).await;
    let namespaces = Api::<Namespace>::all(second.bed.admin.clone());
    namespaces.delete(&second.bed.namespace, &DeleteParams::default()).await.unwrap();
    second.alice.may_no_more("get", "pods/log").await;
    until("the namespace is gone", || async {
        namespaces.get_opt(&second.bed.namespace).await.unwrap().is_none().then_some(())
    })
    .await;
    for (live, reason) in [(first, EndReason::RequestDeleted), (second, EndReason::NamespaceDeleted)] {
        live.bed.frees_lease().await;
        let next = live.bed.operator().await;
        live.ends(reason, "unknown").await;
        drop(next);
    }
}

#[tokio::test]
async fn a_close_while_the_operator_is_dead_is_done_first_thing() {
    let live = Running::begin("dead-close", "30m").await;
    live.operator.faults.stop();
    live.bob.closes(&live.request, "The case was solved otherwise.").await.unwrap();
    // No lease is freed: an end needs none.
    let _next = live.bed.operator().await;
    live.alice.may_no_more("get", "pods/log").await;
    live.ends(EndReason::Revoked, "bob").await;
}

/// To one whose clock is ahead, everything is overdue, while no fuse burns yet.
fn an_hour_on() -> chrono::DateTime<Utc> {
    Utc::now() + TimeDelta::hours(1)
}

#[tokio::test]
async fn what_is_overdue_at_a_start_ends_before_anything_else() {
    let live = Running::begin("overdue", "30m").await;
    live.operator.faults.stop();
    // No lease is freed: an end needs none.
    let next = live.bed.operator_with(Faults::none(), Clock::from(an_hour_on)).await;
    live.ends(EndReason::Expired, &live.operator_name()).await;
    let first = next.faults.writes().into_iter().next().unwrap();
    assert!(first.starts_with("DELETE") && first.contains("rolebindings"), "{first}");
}

#[tokio::test]
async fn a_binding_made_late_is_refused_or_collected() {
    let live = Running::begin("late", "30m").await;
    let bed = &live.bed;
    let bindings = Api::<RoleBinding>::namespaced(bed.admin.clone(), &bed.namespace);
    let (_, name) = live.grant.child().await;
    let mut late = bindings.get(&name).await.unwrap();
    live.alice.closes(&live.request, "").await.unwrap();
    live.ends(EndReason::Closed, "alice").await;
    live.operator.faults.stop();

    // As a pass that hung for long would send it.
    let operator = bed.connection.client(&bed.operator_kubeconfig().await).await.unwrap();
    let by_operator = Api::<RoleBinding>::namespaced(operator, &bed.namespace);
    late.metadata.resource_version = None;
    late.metadata.uid = None;
    late.metadata.creation_timestamp = None;
    late.metadata.managed_fields = None;
    by_operator.create(&PostParams::default(), &late).await.unwrap();
    until("the late binding is collected", || async { bindings.get_opt(&name).await.unwrap().is_none().then_some(()) })
        .await;
    live.alice.may_no_more("get", "pods/log").await;

    let past = (Utc::now() - TimeDelta::seconds(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    late.annotations_mut().insert(EXPIRES_ANNOTATION.into(), past);
    let said = by_operator.create(&PostParams::default(), &late).await.unwrap_err().to_string();
    assert!(said.contains("this grant has ended"), "{said}");
}

#[tokio::test]
async fn a_restart_finds_expired_denied_and_active_grants_and_treats_each_as_what_it_is() {
    let bed = Bed::new("restart").await;
    let policy = bed.policy_with(json!({"limits": {"activePerRequester": 5, "pendingPerRequester": 20}})).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let asks = async |number: u32, duration: &str| {
        let mut manifest = alice.request(&format!("sup-{number}"), &policy, duration);
        manifest["spec"]["ticket"] = json!(format!("SUP-{number}"));
        alice.applies(manifest).await.unwrap()
    };
    let (denied, expired, active, expiring) =
        (asks(1, "30m").await, asks(2, "5s").await, asks(3, "30m").await, asks(4, "12s").await);
    denied.becomes(Screened::Complete).await;
    bob.decides(&denied, json!({"step": "service-owner", "decision": "Deny"})).await.unwrap();
    let denied = denied.recorded().await;
    denied.becomes(Outcome::Denied).await;
    let expired = agreed(&bob, &expired).await;
    let active = agreed(&bob, &active).await;
    let expiring = agreed(&bob, &expiring).await;
    for grant in [&expired, &active, &expiring] {
        grant.becomes(BeginReason::Bound).await;
    }
    expired.becomes(EndReason::Expired).await;
    let before = [expired.record().await.spec, denied.record().await.spec, active.record().await.spec];
    let timeline = |record: &AccessGrant| record.status.clone().unwrap().timeline;
    let histories =
        [timeline(&expired.record().await), timeline(&denied.record().await), timeline(&active.record().await)];
    operator.dies();
    let ends = expiring.record().await.spec.expires_at.unwrap().get();
    tokio::time::sleep((ends - Utc::now()).to_std().unwrap_or_default()).await;

    bed.frees_lease().await;
    let next = bed.operator().await;
    expiring.becomes(EndReason::Expired).await;
    // What the active one still allows is not gone, and the record of the other one says so.
    expiring.becomes(RemovalVerified::HeldByAnother).await;
    assert!(alice.may("get", "pods/log").await, "what is active goes on");
    assert_eq!(bed.bindings().await.len(), 1);
    for ((grant, spec), history) in [&expired, &denied, &active].into_iter().zip(before).zip(histories) {
        let record = grant.record().await;
        assert_eq!(record.spec, spec);
        assert!(timeline(&record).starts_with(&history), "history is not rewritten");
    }
    assert_eq!(bed.grants().await.len(), 4);
    let posts: Vec<_> = next.faults.writes().into_iter().filter(|w| w.starts_with("POST")).collect();
    assert!(posts.is_empty(), "nothing begins again: {posts:?}");
}

#[tokio::test]
async fn what_was_agreed_to_while_the_operator_was_dead_begins_later_and_is_no_longer() {
    let bed = Bed::new("agreed-dead").await;
    let policy = bed.policy(approvers()).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    operator.dies();
    bob.approves(&request, "service-owner").await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!alice.may("get", "pods/log").await && bed.grants().await.is_empty());
    bed.frees_lease().await;
    let _next = bed.operator().await;
    let record = request.recorded().await.becomes(BeginReason::Bound).await.spec;
    assert_eq!(record.expires_at.unwrap().get() - record.not_before.get(), TimeDelta::minutes(30));
}
