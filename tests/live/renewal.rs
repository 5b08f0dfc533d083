//! More time for the same work, and how much one person may have and ask for at a time.
use crate::running::{agreed, approvers};
use curfew::api::reasons::{BeginReason, EndReason, RemovalVerified, Screened};
use curfew::api::request::{AccessRequest, Check};
use curfew_testbed::bed::{Bed, Filed, Granted, Person, until};
use serde_json::{Value, json};
use std::time::Duration;

/// The manifest of a request for ticket SUP-4812 that renews another.
fn renewing(person: &Person, name: &str, policy: &str, duration: &str, of: &str) -> Value {
    let mut manifest = person.request(name, policy, duration);
    manifest["spec"]["renewal"] = json!({"of": of,
        "whatChanged": "Invoice totals of May match the ledger, totals of June differ.",
        "whatRemains": "Compare June invoices with ledger entries of account 4812.",
        "whyNotEnough": "Reading logs of May took half an hour, as the service restarts hourly."});
    manifest
}
fn check(request: &AccessRequest, name: &str) -> Check {
    request.status.iter().flat_map(|s| &s.checks).find(|c| c.name == name).unwrap().clone()
}
fn codes(request: &AccessRequest) -> Vec<String> {
    request.status.iter().flat_map(|s| &s.checks).filter_map(|c| c.code.clone()).collect()
}
/// Closes it, and waits for its end.
async fn ended(person: &Person, request: &Filed, grant: &Granted) {
    person.closes(request, "").await.unwrap();
    grant.becomes(RemovalVerified::Removed).await;
}

#[tokio::test]
async fn e19_more_time_is_a_renewal_that_follows_without_a_gap_and_ends() {
    let bed = Bed::new("renewal").await;
    let policy = bed.policy(approvers()).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let first = alice.files("sup-4812", &policy, "40s").await;
    let old = agreed(&bob, &first).await;
    let old_record = old.becomes(BeginReason::Bound).await;

    let again = alice.applies(alice.request("more", &policy, "9s")).await.unwrap();
    let told = again.becomes(Screened::Incomplete).await;
    assert_eq!(codes(&told), ["RenewalRequired"]);
    let said = check(&told, "Renewal").message;
    for part in ["`of: sup-4812`", "whatChanged", "whatRemains", "whyNotEnough"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    alice.applies(renewing(&alice, "more", &policy, "9s", "sup-4812")).await.unwrap();
    let told = again.becomes(Screened::Complete).await;
    assert_eq!(check(&told, "Renewals").message, "first renewal of SUP-4812, at most 2");
    let new = agreed(&bob, &again).await;
    let spec = new.becomes(BeginReason::Scheduled).await.spec;
    assert_eq!(Some(spec.not_before), old_record.spec.expires_at, "it begins when the other ends");
    assert_eq!((spec.expires_at.unwrap().get() - spec.not_before.get()).num_seconds(), 9);
    let renewal = spec.renewal.unwrap();
    assert_eq!((renewal.of.as_str(), renewal.grant, renewal.depth), ("sup-4812", old.name.clone(), 1));
    assert_eq!(bed.bindings().await.len(), 1, "nothing is made before its time");

    let never_interrupted = async {
        loop {
            assert!(alice.may("get", "pods/log").await, "there is no gap");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let change = async {
        old.becomes(EndReason::Expired).await;
        let said = old.becomes(RemovalVerified::HeldByAnother).await.status.unwrap().conditions;
        let message = &said.iter().find(|c| c.type_ == "RemovalVerified").unwrap().message;
        assert!(message.contains("by another temporary access"), "{message}");
        new.becomes(BeginReason::Bound).await
    };
    tokio::pin!(never_interrupted);
    let begun = tokio::select! {
        () = &mut never_interrupted => unreachable!("it never ends"),
        begun = change => begun,
    };
    assert!(begun.status.unwrap().started_at.unwrap() <= spec.not_before, "there before the other went");
    new.becomes(EndReason::Expired).await;
    new.becomes(RemovalVerified::Removed).await;
    assert!(!alice.may("get", "pods/log").await, "it ends, and nothing is left of either");
    old.becomes(RemovalVerified::Removed).await;
    let count = String::from_utf8(operator.metrics.text()).unwrap();
    assert!(count.contains(&format!("curfew_renewals_total{{policy=\"{policy}\"}} 1")), "{count}");
}

#[tokio::test]
async fn e21_a_renewal_is_of_ones_own_access_no_wider_and_e20_says_why() {
    let bed = Bed::new("widens").await;
    let role = |name: &str| json!({"kind": "ClusterRole", "name": name});
    let access = json!([{"name": "logs", "level": "ReadOnly", "roleRef": role("curfew-logs")},
        {"name": "restart", "level": "LimitedWrite", "roleRef": role("curfew-restart")}]);
    let policy = bed.policy_with(json!({"access": access})).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let carol = bed.person("carol", &["engineers"]).await;
    let hers = carol.files("sup-4812", &policy, "30m").await;
    agreed(&bob, &hers).await.becomes(BeginReason::Bound).await;
    let mut manifest = alice.request("mine", &policy, "30m");
    let mine = alice.applies(manifest.clone()).await.unwrap();
    let grant = agreed(&bob, &mine).await;
    grant.becomes(BeginReason::Bound).await;

    manifest = renewing(&alice, "again", &policy, "30m", "sup-4812");
    let again = alice.applies(manifest.clone()).await.unwrap();
    let told = again.becomes(Screened::Incomplete).await;
    assert_eq!(codes(&told), ["RenewalRequired"]);
    assert!(check(&told, "Renewal").message.contains("`sup-4812` is no request of yours"), "carol asked for that");
    manifest["spec"]["renewal"]["of"] = json!("mine");
    let with = |field: &str, value: Value| {
        let mut manifest = manifest.clone();
        manifest["spec"][field] = value;
        manifest
    };
    let mut vague = manifest["spec"]["renewal"].clone();
    vague["whyNotEnough"] = json!("Need more time, just in case");
    for (changed, check_, code) in [
        (with("access", json!("restart")), "Renewal", "RenewalWidens"),
        (with("ticket", json!("SUP-4813")), "Renewal", "RenewalWidens"),
        (with("renewal", vague), "RenewalAnswers", "VagueReason"),
    ] {
        alice.applies(changed).await.unwrap();
        let told = again.becomes(Screened::Incomplete).await;
        assert_eq!(check(&told, check_).code.as_deref(), Some(code), "{:?}", codes(&told));
    }
    mine.is_deleted_by(&bed.admin).await;
    grant.becomes(EndReason::RequestDeleted).await;
    alice.applies(manifest).await.unwrap();
    again.becomes(Screened::Complete).await;
    let record = agreed(&bob, &again).await.becomes(BeginReason::Bound).await.spec;
    assert_eq!(record.renewal.unwrap().grant, grant.name, "the record proves it, also when the request is gone");
}

#[tokio::test]
async fn e22_the_third_renewal_is_one_too_many() {
    let bed = Bed::new("third").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let mut last = "sup-4812".to_owned();
    let request = alice.files(&last, &policy, "30m").await;
    let grant = agreed(&bob, &request).await;
    ended(&alice, &request, &grant).await;
    for (nth, words) in [(1, "first renewal of SUP-4812, at most 2"), (2, "second renewal of SUP-4812, at most 2")] {
        let name = format!("renewal-{nth}");
        let request = alice.applies(renewing(&alice, &name, &policy, "30m", &last)).await.unwrap();
        let told = request.becomes(Screened::Complete).await;
        assert_eq!(check(&told, "Renewals").message, words);
        let grant = agreed(&bob, &request).await;
        assert_eq!(grant.record().await.spec.renewal.unwrap().depth, nth);
        ended(&alice, &request, &grant).await;
        last = name;
    }
    for of in [last.as_str(), "sup-4812"] {
        let third = alice.applies(renewing(&alice, &format!("after-{of}"), &policy, "30m", of)).await.unwrap();
        let told = third.becomes(Screened::Incomplete).await;
        assert_eq!(codes(&told), ["LimitReached"], "of {of}");
        let said = check(&told, "Renewals").message;
        assert!(said.contains("third renewal of SUP-4812, and the policy allows 2"), "{said}");
        bob.approves(&third, "service-owner").await.unwrap_err();
    }
}

#[tokio::test]
async fn c6_who_has_undecided_requests_waits_with_more_of_them() {
    let bed = Bed::new("pending").await;
    let policy = bed.policy_with(json!({"limits": {"pendingPerRequester": 2}})).await;
    let _operator = bed.operator().await;
    let (alice, _) = bed.alice_and_bob().await;
    let carol = bed.person("carol", &["engineers"]).await;
    let first = alice.files("sup-1", &policy, "30m").await;
    alice.files("sup-2", &policy, "30m").await.becomes(Screened::Complete).await;
    let third = alice.files("sup-3", &policy, "30m").await;
    let told = third.becomes(Screened::Incomplete).await;
    assert_eq!(codes(&told), ["LimitReached"]);
    let said = check(&told, "PendingRequests").message;
    assert!(said.contains("sup-1 in") && said.contains("is decided by"), "what waits, and when it is free: {said}");
    first.becomes(Screened::Complete).await;
    carol.files("sup-4", &policy, "30m").await.becomes(Screened::Complete).await;
    alice.closes(&first, "").await.unwrap();
    third.becomes(Screened::Complete).await;
}

#[tokio::test]
async fn c6_of_two_that_are_agreed_to_at_the_same_moment_one_begins() {
    let bed = Bed::new("at-once").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let carol = bed.person("carol", &["billing-owners"]).await;
    let one = alice.files("sup-1", &policy, "30m").await;
    let two = alice.files("sup-2", &policy, "30m").await;
    one.becomes(Screened::Complete).await;
    two.becomes(Screened::Complete).await;
    let yes = json!({"step": "service-owner", "decision": "Approve", "as": "billing-owners"});
    let (by_bob, by_carol) = tokio::join!(bob.approves(&one, "service-owner"), carol.decides(&two, yes));
    by_bob.unwrap();
    by_carol.unwrap();
    until("one is granted and the other waits", || async {
        let (one, two) = tokio::join!(one.now(), two.now());
        let granted = |request: &AccessRequest| request.status.as_ref().is_some_and(|s| s.grant.is_some());
        let waits = |request: &AccessRequest| codes(request) == ["LimitReached"];
        ((granted(&one) && waits(&two)) || (granted(&two) && waits(&one))).then_some(())
    })
    .await;
    assert_eq!(bed.grants().await.len(), 1);
}
