//! Two operators at once, operators that hang, and operators that have nothing to do.
use crate::running::{Running, agreed, approvers, end_reason, is_complete};
use chrono::{TimeDelta, Utc};
use curfew::api::reasons::{BeginReason, EndReason, Ready, RemovalVerified, Screened};
use curfew::operate::clock::Clock;
use curfew_testbed::bed::{Bed, until};
use curfew_testbed::faults::Faults;
use curfew_testbed::trail::Trail;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn of_two_replicas_one_grants_and_the_other_takes_over_when_it_dies() {
    let bed = Bed::new("replicas").await;
    let policy = bed.policy_with(json!({"limits": {"activePerRequester": 2}})).await;
    let first = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let second = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "10s").await;
    let grant = agreed(&bob, &request).await;
    grant.becomes(BeginReason::Bound).await;
    let made: Vec<_> = second.faults.writes().into_iter().filter(|w| w.starts_with("POST")).collect();
    assert!(made.is_empty(), "without the lease nothing begins: {made:?}");
    let ends = grant.record().await.spec.expires_at.unwrap().get();
    first.dies();

    // The dead one's lease has not run out: an end needs none.
    alice.may_no_more("get", "pods/log").await;
    assert!(Utc::now() - ends < TimeDelta::seconds(3), "in time, although nobody holds the lease");
    let deletes =
        second.faults.writes().iter().filter(|w| w.starts_with("DELETE") && w.contains("rolebindings")).count();
    assert!(deletes >= 1, "the replica ended it, not the fuse");
    let record = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&record), Some(EndReason::Expired));
    is_complete(&record);

    let mut manifest = alice.request("sup-4813", &policy, "30m");
    manifest["spec"]["ticket"] = json!("SUP-4813");
    let next = alice.applies(manifest).await.unwrap();
    agreed(&bob, &next).await.becomes(BeginReason::Bound).await;
}

#[tokio::test]
async fn two_that_both_believe_they_hold_the_lease_make_one_binding() {
    let bed = Bed::new("split").await;
    let policy = bed.policy(approvers()).await;
    let (first, second) = tokio::join!(bed.operator(), bed.rival(Faults::none()));
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "9s").await;
    let grant = agreed(&bob, &request).await;
    let record = grant.becomes(BeginReason::Bound).await;
    assert_eq!((bed.bindings().await.len(), bed.fuses().await.len(), bed.grants().await.len()), (1, 1, 1));
    assert_eq!(request.now().await.status.unwrap().expires_at, record.spec.expires_at, "one end");
    let record = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&record), Some(EndReason::Expired));
    is_complete(&record);
    assert!(!alice.may("get", "pods/log").await);
    // What both still do cannot bring it back.
    for operator in [first, second] {
        operator.stops().await;
    }
    assert!(bed.bindings().await.is_empty() && bed.fuses().await.is_empty());
}

#[tokio::test]
async fn a_binding_that_was_under_way_when_it_was_closed_does_not_stay() {
    let bed = Bed::new("under-way").await;
    let policy = bed.policy(approvers()).await;
    let slow = bed.operator_with(Faults::hold_at(Method::POST, "rolebindings"), Clock::system()).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    let grant = agreed(&bob, &request).await;
    slow.faults.held().await;
    // Another replica sees the close, and ends what has not begun, while the first is still about to bind.
    let other = bed.rival(Faults::none()).await;
    alice.closes(&request, "").await.unwrap();
    let record = grant.becomes(EndReason::Closed).await;
    until("the fuse is gone", || async { bed.fuses().await.is_empty().then_some(()) }).await;
    slow.faults.releases();
    until("the binding was sent late", || async {
        let sent = slow.faults.writes();
        sent.iter().any(|w| w.starts_with("POST") && w.contains("rolebindings")).then_some(())
    })
    .await;
    until("nothing is bound", || async { bed.bindings().await.is_empty().then_some(()) }).await;
    alice.may_no_more("get", "pods/log").await;
    for operator in [slow, other] {
        operator.stops().await;
    }
    until("nothing is bound", || async { bed.bindings().await.is_empty().then_some(()) }).await;
    let after = grant.record().await;
    assert_eq!((end_reason(&after), after.spec), (Some(EndReason::Closed), record.spec), "an end is final");
    is_complete(&grant.becomes(RemovalVerified::Removed).await);
}

#[tokio::test]
async fn g7_access_ends_on_time_when_everything_but_the_ending_connection_hangs() {
    let bed = Bed::new("hangs").await;
    let policy = bed.policy(approvers()).await;
    let (granting, ending) = (Faults::none(), Faults::none());
    let _operator = bed.operator_of(granting.clone(), ending.clone(), Clock::system()).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "8s").await;
    let grant = agreed(&bob, &request).await;
    let ends = grant.becomes(BeginReason::Bound).await.spec.expires_at.unwrap().get();
    granting.stop();
    alice.may_no_more("get", "pods/log").await;
    let now = Utc::now();
    assert!(now >= ends, "never early");
    assert!(now - ends < TimeDelta::seconds(3), "before the fuse: {}", now - ends);
    assert!(
        ending.writes().iter().any(|w| w.starts_with("DELETE") && w.contains("rolebindings")),
        "{:?}",
        ending.writes()
    );
}

#[tokio::test]
async fn g7_a_delete_that_hangs_on_one_connection_is_made_on_the_other() {
    let bed = Bed::new("delete-hangs").await;
    let policy = bed.policy(approvers()).await;
    let ending = Faults::none();
    let _operator = bed.operator_of(Faults::hang_at_delete(), ending.clone(), Clock::system()).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "8s").await;
    let grant = agreed(&bob, &request).await;
    let ends = grant.becomes(BeginReason::Bound).await.spec.expires_at.unwrap().get();
    alice.may_no_more("get", "pods/log").await;
    assert!(Utc::now() - ends < TimeDelta::seconds(3), "before the fuse");
    assert!(
        ending.writes().iter().any(|w| w.starts_with("DELETE") && w.contains("rolebindings")),
        "{:?}",
        ending.writes()
    );
}

#[tokio::test]
async fn a_graceful_stop_leaves_live_access_alone() {
    let live = Running::begin("stop", "30m").await;
    let Running { bed, operator, alice, request, grant, .. } = live;
    request.becomes(BeginReason::Bound).await;
    operator.stops().await;
    assert!(alice.may("get", "pods/log").await);
    let next = bed.operator().await;
    let before = grant.record().await.status;
    until("the next one holds the lease", || async { next.health.standing().borrow().lease_held.then_some(()) }).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(grant.record().await.status, before, "nothing new to say");
    let writes = next.faults.writes();
    assert!(writes.is_empty(), "{writes:?}");
}

#[tokio::test]
async fn nothing_is_written_in_sixty_quiet_seconds() {
    let bed = Bed::new("quiet").await;
    let policy = bed.policy_with(json!({"limits": {"activePerRequester": 5, "pendingPerRequester": 20}})).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let asks = async |number: u32, reason: &str| {
        let mut manifest = alice.request(&format!("sup-{number}"), &policy, "30m");
        manifest["spec"]["ticket"] = json!(format!("SUP-{number}"));
        manifest["spec"]["reason"] = json!(reason);
        alice.applies(manifest).await.unwrap()
    };
    let good = "Check why invoice totals changed for customer account 4812.";
    let (active, pending) = (asks(1, good).await, asks(2, good).await);
    let (denied, closed) = (asks(4, good).await, asks(5, good).await);
    agreed(&bob, &active).await.becomes(BeginReason::Bound).await;
    pending.becomes(Screened::Complete).await;
    denied.becomes(Screened::Complete).await;
    bob.decides(&denied, json!({"step": "service-owner", "decision": "Deny"})).await.unwrap();
    denied.recorded().await;
    let ended = agreed(&bob, &closed).await;
    ended.becomes(BeginReason::Bound).await;
    alice.closes(&closed, "").await.unwrap();
    ended.becomes(EndReason::Closed).await;
    // The ended one still finds the active one's binding, and asks now and then, but has nothing new to write.
    ended.becomes(RemovalVerified::HeldByAnother).await;
    // An incomplete one tells of other live access, and is screened again after half a minute: filed when that stands.
    asks(3, "Need access to investigate").await.becomes(Screened::Incomplete).await;
    let shared = bed.person("shared", &["engineers"]).await;
    shared.files("by-shared", &policy, "30m").await.becomes(Screened::Refused).await;
    tokio::time::sleep(Duration::from_secs(15)).await;

    let (minute, counted) = (Trail::begins(&bed.connection), operator.faults.writes().len());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let written = writes_about(&bed.namespace, &bed.installation().operator, &minute);
    assert!(written.is_empty(), "{written:#?}");
    assert_eq!(operator.faults.writes().len(), counted);
    assert!(operator.health.standing().borrow().lease_held, "it was not dead");
}

/// What this account wrote about objects of this namespace, or of this name; questions and rehearsals are no writes.
fn writes_about(namespace: &str, account: &str, trail: &Trail) -> Vec<String> {
    let mut found = vec![];
    for event in trail.events(namespace) {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let is_write = !["get", "list", "watch"].contains(&text("/verb"));
        let (resource, uri) = (text("/objectRef/resource"), text("/requestURI"));
        let is_question = resource.ends_with("accessreviews") || uri.contains("dryRun");
        if is_write && !is_question && resource != "leases" && text("/user/username") == account {
            found.push(format!("{} {uri}", text("/verb")));
        }
    }
    found
}
