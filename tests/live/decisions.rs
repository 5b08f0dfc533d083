//! How a request is screened and decided, by real people against the real API server.
use crate::running::{agreed, approvers, end_reason};
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{Approved, BeginReason, EndReason, Outcome, Ready, RemovalVerified, Screened};
use curfew::api::request::{AccessRequest, Check};
use curfew_testbed::bed::{Bed, Filed, until};
use kube::ResourceExt;
use serde_json::{Value, json};

#[tokio::test]
async fn j1_a_refusal_by_an_approver_is_on_record_and_gives_nothing() {
    let bed = Bed::new("denied").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    let words = "The billing board shows this already.";
    bob.decides(&request, json!({"step": "service-owner", "decision": "Deny", "comment": words})).await.unwrap();
    let record = refused(&bed, &request, Outcome::Denied).await;
    assert_eq!(record.spec.approvals[0].comment.as_deref(), Some(words));
    request.becomes(Approved::Denied).await;
    bob.approves(&request, "service-owner").await.unwrap_err();
}

#[tokio::test]
async fn j1_what_nobody_decides_in_time_is_on_record_and_gives_nothing() {
    let bed = Bed::new("timed-out").await;
    let approval =
        json!({"approval": {"pendingTimeout": "4s", "steps": [{"name": "service-owner", "approvers": approvers()}]}});
    let policy = bed.policy_with(approval).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    refused(&bed, &request, Outcome::TimedOut).await;
    request.becomes(Approved::TimedOut).await;
    bob.approves(&request, "service-owner").await.unwrap_err();
}

#[tokio::test]
async fn j1_what_is_closed_before_it_is_decided_is_on_record_and_gives_nothing() {
    let bed = Bed::new("withdrawn").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    alice.closes(&request, "").await.unwrap();
    refused(&bed, &request, Outcome::Withdrawn).await;
    request.becomes(Approved::Withdrawn).await;
    bob.approves(&request, "service-owner").await.unwrap_err();
}

#[tokio::test]
async fn c11_an_approver_shortens_it_and_never_lengthens() {
    let bed = Bed::new("shorter").await;
    let policy = bed.policy_with(two_steps()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let carol = bed.person("carol", &["security"]).await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    let longer = json!({"step": "owner", "decision": "Approve", "as": "billing-owners", "duration": "1h"});
    let shorter = json!({"step": "security", "decision": "Approve", "as": "security", "duration": "20m"});
    bob.decides(&request, longer).await.unwrap();
    carol.decides(&request, shorter).await.unwrap();
    let record = request.recorded().await.becomes(BeginReason::Bound).await.spec;
    assert_eq!(record.expires_at.unwrap().get() - record.not_before.get(), chrono::TimeDelta::minutes(20));
    assert_eq!(request.now().await.status.unwrap().expires_at, record.expires_at, "the request says the same");
}

#[tokio::test]
async fn d17_detail_is_asked_for_given_by_the_same_manifest_and_then_agreed() {
    let bed = Bed::new("detail").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    let asks = json!({"step": "service-owner", "decision": "RequestDetail", "comment": "Which invoice is it about?"});
    bob.decides(&request, asks).await.unwrap();
    let told = request.becomes(Screened::DetailRequested).await;
    assert!(message(&told, "Screened").contains("Which invoice is it about?"), "{}", message(&told, "Screened"));
    assert!(told.status.unwrap().waiting_for.is_empty(), "nobody decides a text that is to change");
    assert!(bed.grants().await.is_empty());

    let reason = "Check why invoice 99017 changed its total for customer account 4812.";
    let mut manifest = alice.request("sup-4812", &policy, "30m");
    manifest["spec"]["reason"] = json!(reason);
    alice.applies(manifest).await.unwrap();
    let record = agreed(&bob, &request).await.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.reason, reason);
    assert_eq!(record.spec.request.generation, 2);
    assert_eq!(record.spec.approvals.len(), 1, "what was said of the older text is not an approval");
}

#[tokio::test]
async fn b17_all_gaps_are_named_at_once_and_the_corrected_manifest_is_applied_again() {
    let bed = Bed::new("gaps").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    for (name, way) in [("sup-1", "apply"), ("sup-2", "replace")] {
        let mut manifest = alice.request(name, &policy, "9h");
        manifest["spec"]["ticket"] = json!("none");
        manifest["spec"]["reason"] = json!("Need to investigate, just in case");
        let request = alice.applies(manifest).await.unwrap();
        let told = request.becomes(Screened::Incomplete).await;
        let codes = codes(&told);
        assert_eq!(codes, ["TicketInvalid", "VagueReason", "DurationTooLong"], "{way}");
        let said = message(&told, "Screened");
        assert!(codes.iter().all(|code| said.contains(code)), "the condition names all: {said}");

        let corrected = alice.request(name, &policy, "30m");
        if way == "apply" {
            alice.applies(corrected).await.unwrap()
        } else {
            alice.replaces(corrected).await.unwrap()
        };
        let grant = agreed(&bob, &request).await;
        grant.becomes(BeginReason::Bound).await;
        alice.closes(&request, "").await.unwrap();
        grant.becomes(EndReason::Closed).await;
    }
}

#[tokio::test]
async fn c2_approvals_of_an_older_text_are_void() {
    let bed = Bed::new("older").await;
    let policy = bed.policy_with(two_steps()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let (carol, dana) = (bed.person("carol", &["security"]).await, bed.person("dana", &["security"]).await);
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    bob.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    let asks = json!({"step": "security", "as": "security", "decision": "RequestDetail", "comment": "Which invoice is it about?"});
    carol.decides(&request, asks).await.unwrap();
    request.becomes(Screened::DetailRequested).await;
    let mut manifest = alice.request("sup-4812", &policy, "30m");
    manifest["spec"]["reason"] = json!("Check why invoice 99017 changed its total for customer account 4812.");
    alice.applies(manifest).await.unwrap();
    request.becomes(Screened::Complete).await;
    dana.decides(&request, yes("security", "security")).await.unwrap();
    let told = decision_is(&request, "dana", "Counted").await;
    assert!(told.status.as_ref().unwrap().decisions.iter().any(|d| d.by == "bob" && d.reason == "OtherRevision"));
    assert_eq!(waits_for(&told), ["owner"], "bob agreed to another text");
    assert!(bed.grants().await.is_empty());
    bob.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    request.recorded().await.becomes(BeginReason::Bound).await;
}

#[tokio::test]
async fn d12_two_steps_need_two_people_and_one_in_two_groups_counts_once() {
    let bed = Bed::new("two-steps").await;
    let policy = bed.policy_with(two_steps()).await;
    let _operator = bed.operator().await;
    let (alice, _) = bed.alice_and_bob().await;
    let carol = bed.person("carol", &["security", "billing-owners"]).await;
    let dana = bed.person("dana", &["security"]).await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    carol.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    let told = decision_is(&request, "carol", "Counted").await;
    assert_eq!(waits_for(&told), ["security"]);
    carol.decides(&request, yes("security", "security")).await.unwrap_err();
    assert!(bed.grants().await.is_empty(), "one person, two groups, one voice");
    dana.decides(&request, yes("security", "security")).await.unwrap();
    let record = request.recorded().await.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.approved_by.as_deref(), Some("carol (billing-owners), dana (security)"));
}

#[tokio::test]
async fn c13_a_bare_yes_is_no_approval_and_is_told_so() {
    let bed = Bed::new("bare-yes").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let carol = bed.person("carol", &["billing-owners"]).await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    let bare = json!({"step": "service-owner", "decision": "Approve", "comment": "ok, go ahead, approve"});
    bob.decides(&request, bare).await.unwrap();
    let told = decision_is(&request, "bob", "BareYes").await;
    assert_eq!(waits_for(&told), ["service-owner"]);
    assert!(bed.grants().await.is_empty());
    carol.decides(&request, yes("service-owner", "billing-owners")).await.unwrap();
    let record = request.recorded().await.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.approved_by.as_deref(), Some("carol (billing-owners)"));
}

#[tokio::test]
async fn d21_an_approver_who_was_removed_counts_no_more() {
    let bed = Bed::new("removed").await;
    let step =
        |approvers: Value| json!({"approval": {"steps": [{"name": "owner", "count": 2, "approvers": approvers}]}});
    let owners = json!({"kind": "Group", "name": "billing-owners"});
    let policy = bed.policy_with(step(json!([{"kind": "User", "name": "bob"}, owners]))).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let (carol, dana) = (bed.person("carol", &["billing-owners"]).await, bed.person("dana", &["billing-owners"]).await);
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    bob.decides(&request, yes("owner", "bob")).await.unwrap();
    decision_is(&request, "bob", "Counted").await;

    bed.policy_with(step(json!([owners]))).await;
    bed.policy_becomes(Ready::Complete).await;
    decision_is(&request, "bob", "NotListed").await;
    request.becomes(Screened::Complete).await;
    carol.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    decision_is(&request, "carol", "Counted").await;
    assert!(bed.grants().await.is_empty(), "one of two");
    dana.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    let record = request.recorded().await.becomes(BeginReason::Bound).await;
    assert!(record.spec.approvals.iter().all(|a| a.by != "bob"));
}

#[tokio::test]
async fn a16_without_its_policy_nothing_can_be_agreed_to_and_the_others_are_listed() {
    let bed = Bed::new("unlisted").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    bed.policy_becomes(Ready::Complete).await;
    let astray = alice.files("sup-1", "customer-suport", "30m").await;
    let told = until("the refusal", || async { astray_is_told(&astray.now().await) }).await;
    assert!(
        told.contains(&policy) && told.contains("One account"),
        "the policies are listed, with what they are for: {told}"
    );

    let pending = alice.files("sup-2", &policy, "30m").await;
    pending.becomes(Screened::Complete).await;
    let revision = pending.now().await.status.unwrap().revision;
    bed.deletes_policy().await;
    until("nobody can decide any more", || async { pending.now().await.status?.waiting_for.is_empty().then_some(()) })
        .await;
    let late = json!({"step": "service-owner", "decision": "Approve", "revision": revision});
    bob.decides(&pending, late).await.unwrap_err();
    assert!(codes(&pending.now().await).contains(&"PolicyNotFound".to_owned()));
    assert!(bed.grants().await.is_empty() && bed.bindings().await.is_empty());
}

#[tokio::test]
async fn e24_access_ends_on_time_when_its_policy_is_edited_or_gone() {
    for gone in [false, true] {
        let bed = Bed::new(if gone { "gone" } else { "edited" }).await;
        let policy = bed.policy(approvers()).await;
        let _operator = bed.operator().await;
        let (alice, bob) = bed.alice_and_bob().await;
        let request = alice.files("sup-4812", &policy, "8s").await;
        let grant = agreed(&bob, &request).await;
        let promised = grant.becomes(BeginReason::Bound).await.spec.expires_at;
        if gone {
            bed.deletes_policy().await;
        } else {
            bed.policy_with(json!({"requesters": [{"kind": "Group", "name": "nobody"}], "duration": {"default": "1m", "max": "12h"}}))
                .await;
        }
        let record = grant.becomes(RemovalVerified::Removed).await;
        assert_eq!(end_reason(&record), Some(EndReason::Expired));
        assert_eq!(record.spec.expires_at, promised);
        assert!(
            record.status.unwrap().ended_at.unwrap().get() - promised.unwrap().get() <= chrono::TimeDelta::seconds(1)
        );
    }
}

#[tokio::test]
async fn e19_a_text_that_waits_or_was_agreed_to_does_not_change() {
    let bed = Bed::new("fixed").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    let longer = || alice.request("sup-4812", &policy, "1h");
    let said = alice.applies(longer()).await.map(drop).unwrap_err().to_string();
    assert!(said.contains("changes only while"), "{said}");
    let grant = agreed(&bob, &request).await;
    grant.becomes(BeginReason::Bound).await;
    request.becomes(Approved::StepsMet).await;
    let said = alice.applies(longer()).await.map(drop).unwrap_err().to_string();
    assert!(said.contains("changes only while"), "{said}");
    let said = alice.replaces(longer()).await.map(drop).unwrap_err().to_string();
    assert!(said.contains("changes only while"), "{said}");
    let record = grant.record().await.spec;
    assert_eq!(record.expires_at.unwrap().get() - record.not_before.get(), chrono::TimeDelta::minutes(30));
}

#[tokio::test]
async fn an_approval_of_another_request_of_the_same_name_is_refused() {
    let bed = Bed::new("namesake").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "5m").await;
    let read = request.becomes(Screened::Complete).await.status.unwrap().revision.unwrap();
    request.is_deleted_by(&bed.admin).await;
    let request = alice.files("sup-4812", &policy, "1h").await;
    let now = request.becomes(Screened::Complete).await.status.unwrap().revision.unwrap();
    assert_ne!(read, now);
    let stale = json!({"step": "service-owner", "decision": "Approve", "revision": read});
    let said = bob.decides(&request, stale).await.unwrap_err().to_string();
    assert!(said.contains(&now), "the current revision is named: {said}");
    assert!(bed.grants().await.is_empty());
}

#[tokio::test]
async fn c6_one_live_access_at_a_time_and_the_next_waits_for_its_end() {
    let bed = Bed::new("limit").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let first = alice.files("sup-4812", &policy, "30m").await;
    agreed(&bob, &first).await.becomes(BeginReason::Bound).await;
    let mut manifest = alice.request("sup-4813", &policy, "30m");
    manifest["spec"]["ticket"] = json!("SUP-4813");
    let second = alice.applies(manifest).await.unwrap();
    let told = second.becomes(Screened::Incomplete).await;
    assert_eq!(codes(&told), ["LimitReached"]);
    let said = check(&told, "OtherActiveGrants").message;
    assert!(said.contains("SUP-4812") && said.contains(&bed.namespace), "the live one is named: {said}");
    alice.closes(&first, "").await.unwrap();
    second.becomes(Screened::Complete).await;
}

#[tokio::test]
async fn b20_vague_reasons_are_refused_and_b21_good_ones_pass() {
    let bed = Bed::new("reasons").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let vague =
        ["Need access to investigate", "just five minutes in prod", "Need database access to look into a login issue"];
    let good = [
        "Need read-only access to check why invoice totals changed for customer account 4812",
        "Restart payment worker for incident 1842",
    ];
    let reasons = vague.iter().map(|r| (*r, true)).chain(good.iter().map(|r| (*r, false)));
    for (i, (reason, is_vague)) in reasons.enumerate() {
        let mut manifest = alice.request(&format!("sup-{i}"), &policy, "30m");
        manifest["spec"]["reason"] = json!(reason);
        let request = alice.applies(manifest).await.unwrap();
        if is_vague {
            let told = request.becomes(Screened::Incomplete).await;
            assert_eq!(codes(&told), ["VagueReason"], "{reason}");
            bob.approves(&request, "service-owner").await.unwrap_err();
        } else {
            request.becomes(Screened::Complete).await;
        }
    }
    let blanks = json!({"reason": " ".repeat(40)});
    let mut manifest = alice.request("sup-blank", &policy, "30m");
    manifest["spec"].as_object_mut().unwrap().extend(blanks.as_object().unwrap().clone());
    let said = alice.applies(manifest).await.map(drop).unwrap_err().to_string();
    assert!(said.contains("spec.reason"), "a reason of blanks is not even stored: {said}");
}

#[tokio::test]
async fn f6_shared_accounts_and_machines_cannot_ask() {
    let bed = Bed::new("shared").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let shared = bed.person("shared", &["engineers"]).await;
    let request = shared.files("by-shared", &policy, "30m").await;
    let told = request.becomes(Screened::Refused).await;
    assert_eq!(codes(&told), ["SharedAccount"]);
    assert!(check(&told, "Person").message.contains("shared"));
    let robot = bed.person("system:robot", &["engineers"]).await;
    let said = robot.applies(robot.request("by-robot", &policy, "30m")).await.map(drop).unwrap_err().to_string();
    assert!(said.contains("access is for a person"), "{said}");
    assert!(bed.grants().await.is_empty());
}

#[tokio::test]
async fn a1_who_is_not_listed_cannot_ask_whatever_the_request_claims() {
    let bed = Bed::new("not-eligible").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let eve = bed.person("eve", &[]).await;
    let mut manifest = eve.request("sup-4812", &policy, "30m");
    manifest["spec"]["requester"] = json!({"username": "eve", "groups": ["engineers"]});
    let stored = eve.applies(manifest).await;
    let request = match stored {
        Ok(request) => request,
        Err(refused) => {
            assert!(refused.to_string().contains("requester"), "{refused}");
            eve.files("sup-4812", &policy, "30m").await
        }
    };
    assert!(!request.now().await.spec.requester.groups.contains(&"engineers".to_owned()), "groups are stamped");
    let told = request.becomes(Screened::Refused).await;
    assert!(codes(&told).contains(&"NotEligible".to_owned()), "{:?}", codes(&told));
}

/// Two steps, each for a group of its own.
fn two_steps() -> Value {
    let step = |name: &str, group: &str| json!({"name": name, "approvers": [{"kind": "Group", "name": group}]});
    json!({"approval": {"steps": [step("owner", "billing-owners"), step("security", "security")]}})
}
fn yes(step: &str, as_: &str) -> Value {
    json!({"step": step, "as": as_, "decision": "Approve"})
}

/// The record of what was not granted: complete, without an end, with nothing bound.
async fn refused(bed: &Bed, request: &Filed, outcome: Outcome) -> AccessGrant {
    let record = request.recorded().await.becomes(outcome).await;
    assert_eq!((record.spec.outcome, record.spec.expires_at), (outcome, None));
    assert_eq!(record.spec.user, "alice");
    assert_eq!(record.spec.ticket, "SUP-4812");
    assert!(record.metadata.owner_references.is_none(), "it outlives its request");
    assert!(bed.bindings().await.is_empty() && bed.fuses().await.is_empty());
    record
}

fn message(request: &AccessRequest, condition: &str) -> String {
    let conditions = request.status.iter().flat_map(|s| &s.conditions);
    conditions.into_iter().find(|c| c.type_ == condition).map(|c| c.message.clone()).unwrap_or_default()
}
fn check(request: &AccessRequest, name: &str) -> Check {
    request.status.iter().flat_map(|s| &s.checks).find(|c| c.name == name).unwrap().clone()
}
fn codes(request: &AccessRequest) -> Vec<String> {
    request.status.iter().flat_map(|s| &s.checks).filter_map(|c| c.code.clone()).collect()
}
fn waits_for(request: &AccessRequest) -> Vec<String> {
    request.status.iter().flat_map(|s| &s.waiting_for).map(|w| w.step.clone()).collect()
}
fn astray_is_told(request: &AccessRequest) -> Option<String> {
    codes(request).contains(&"PolicyNotFound".to_owned()).then(|| check(request, "Policy").message)
}

/// Waits until the operator has said this of a decision on the current text.
async fn decision_is(request: &Filed, by: &str, reason: &str) -> AccessRequest {
    until(&format!("the decision of {by} on {} is {reason}", request.name), || async {
        let now = request.now().await;
        let revision = curfew::api::names::revision(&now);
        let status = now.status.as_ref()?;
        let said = status.decisions.iter().any(|d| d.by == by && d.revision == revision && d.reason == reason);
        (said && now.uid().is_some()).then_some(now)
    })
    .await
}
