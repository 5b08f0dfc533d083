//! Emergencies: access at once, which goes on once there is a note and somebody has agreed, and ends otherwise.
use crate::duties::{pasted, writes};
use crate::running::{ended_by, is_complete};
use chrono::{TimeDelta, Utc};
use curfew::api::duty::{Duty, DutyState};
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{Approved, BeginReason, DutiesMet, EndReason, FlagType, RemovalVerified, Screened};
use curfew_testbed::bed::{Bed, Filed, Granted, Person, until};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use std::time::Duration;

/// A lane in which incident managers agree, with these parts replaced.
pub fn lane(changes: Value) -> Value {
    let group = |name: &str| json!([{"kind": "Group", "name": name}]);
    let mut lane = json!({"access": ["logs"], "approvers": group("incident-managers"), "review": {"reviewers": group("security")}});
    lane.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({"emergency": lane})
}
/// Files an emergency.
pub async fn files(who: &Person, name: &str, policy: &str, changes: Value) -> Filed {
    let mut asks = who.request(name, policy, "30m");
    asks["spec"]["emergency"] = json!({"harm": "CustomerHarm", "impact": "No customer can pay since 02:40."});
    asks["spec"].as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    who.applies(asks).await.unwrap()
}
pub fn note() -> Value {
    json!({"note": {"by": "alice", "text": "The payment queue stands since 02:40; I look for the stuck consumer."}})
}
pub fn agrees() -> Value {
    json!({"step": "emergency", "as": "incident-managers", "decision": "Approve", "comment": "The incident is open, and she leads it."})
}
fn flags(record: &AccessGrant) -> Vec<FlagType> {
    record.status.iter().flat_map(|status| &status.flags).map(|flag| flag.type_).collect()
}
/// Waits until this is owed.
async fn owed(grant: &Granted, duty: Duty) -> String {
    until("it is owed", || async {
        let owed = grant.record().await.status?.owed;
        owed.into_iter().find(|owed| owed.duty == duty && owed.state == DutyState::Open)?.command
    })
    .await
}

#[tokio::test]
async fn h10_access_comes_at_once_and_goes_on_without_a_gap_once_it_is_noted_and_agreed_to() {
    let bed = Bed::new("at-once").await;
    let policy = bed.policy_with(lane(json!({"grant": "AtOnce", "noteWithin": "30s"}))).await;
    let _operator = bed.operator().await;
    let (alice, kim) = (bed.person("alice", &["engineers"]).await, bed.person("kim", &["incident-managers"]).await);
    let request = files(&alice, "inc-1", &policy, json!({"duration": "45s"})).await;
    let first = request.recorded().await;
    let given = first.becomes(BeginReason::Bound).await;
    assert!(given.spec.provisional && given.spec.approvals.is_empty());
    assert_eq!((given.spec.expires_at.unwrap().get() - given.spec.not_before.get()).num_seconds(), 30);
    assert!(alice.may("get", "pods/log").await, "before anybody has agreed");
    let told = request.becomes(Approved::AtOnce).await.status.unwrap();
    assert_eq!(told.state.as_deref(), Some("AtOnce"));

    let line = owed(&first, Duty::Note).await;
    let refused =
        pasted(&bed, &kim, &line.replace("SAY WHAT YOU SEE AND DO", "The queue stands, and she looks at it."));
    assert!(!refused.status.success(), "somebody else's note is none");
    let said = line.replace("SAY WHAT YOU SEE AND DO", "The payment queue stands; I look for the stuck consumer.");
    assert!(pasted(&bed, &alice, &said).status.success(), "{said}");
    kim.decides(&request, agrees()).await.unwrap();
    let rest = request.recorded_again().await;
    let record = rest.record().await.spec;
    assert_eq!(Some(record.not_before), given.spec.expires_at, "it begins when the first one ends");
    assert_eq!(
        (record.expires_at.unwrap().get() - given.spec.not_before.get()).num_seconds(),
        45,
        "what was asked for"
    );
    assert_eq!(record.approved_by.as_deref(), Some("kim (incident-managers)"));

    let never_interrupted = async {
        loop {
            assert!(alice.may("get", "pods/log").await, "there is no gap");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let change = async {
        first.becomes(EndReason::Expired).await;
        rest.becomes(BeginReason::Bound).await
    };
    tokio::pin!(never_interrupted);
    let begun = tokio::select! {
        () = &mut never_interrupted => unreachable!("it never ends"),
        begun = change => begun,
    };
    assert!(begun.status.unwrap().started_at.unwrap() <= record.not_before, "there before the other went");
    let told = request.becomes(Approved::StepsMet).await.status.unwrap();
    assert_eq!(told.expires_at, record.expires_at, "END is where it ends now");
    assert_eq!(bed.bindings().await.len(), 1, "one binding");

    rest.becomes(EndReason::Expired).await;
    alice.may_no_more("get", "pods/log").await;
    for grant in [&first, &rest] {
        is_complete(&grant.becomes(RemovalVerified::Removed).await);
    }
    let (first, rest) = (first.record().await, rest.record().await);
    let duties = |record: &AccessGrant| record.status.as_ref().unwrap().owed.iter().map(|o| o.duty).collect::<Vec<_>>();
    assert_eq!((duties(&first), duties(&rest)), (vec![Duty::Note, Duty::Review], vec![Duty::CloseOut]));
    assert_eq!((flags(&first), flags(&rest)), (vec![], vec![]));
}

#[tokio::test]
async fn h10_what_nobody_agrees_to_ends_flagged_and_h12_a_missing_note_closes_access_at_once() {
    let bed = Bed::new("at-once-alone").await;
    let policy = bed.policy_with(lane(json!({"grant": "AtOnce", "noteWithin": "6s"}))).await;
    let _operator = bed.operator().await;
    let (alice, kim) = (bed.person("alice", &["engineers"]).await, bed.person("kim", &["incident-managers"]).await);
    let request = files(&alice, "inc-1", &policy, json!({})).await;
    let first = request.recorded().await;
    first.becomes(EndReason::Expired).await;
    alice.may_no_more("get", "pods/log").await;
    let record = first.becomes(DutiesMet::Overdue).await;
    let mut flagged = flags(&record);
    flagged.sort_by_key(|flag| <&str>::from(*flag));
    assert_eq!(flagged, [FlagType::DutyOverdue, FlagType::NotApproved]);
    request.becomes(Approved::TimedOut).await;
    assert!(kim.decides(&request, agrees()).await.is_err(), "nobody is asked any more");
    // What is granted in the second in which the duty was missed counts as granted before.
    let missed = first.record().await.status.unwrap().owed.into_iter().find_map(|owed| owed.missed_at).unwrap();
    until("that second is over", || async { (Utc::now() >= missed.get() + TimeDelta::seconds(1)).then_some(()) }).await;

    // Another incident: somebody agrees first, as the note is missing.
    let again = files(&alice, "inc-2", &policy, json!({"ticket": "SUP-2"})).await;
    again.becomes(Screened::Complete).await;
    assert_eq!(again.becomes(Approved::Waiting).await.status.unwrap().grant, None);
    kim.decides(&again, agrees()).await.unwrap();
    let agreed = again.recorded().await;
    assert!(!agreed.becomes(BeginReason::Bound).await.spec.provisional);

    writes(&alice, &first, note()).await.unwrap();
    until("the note is there, late", || async {
        let flags = first.record().await.status?.flags;
        flags.into_iter().find(|flag| flag.type_ == FlagType::DutyOverdue)?.cleared_by
    })
    .await;
    // Long enough for somebody to say no meanwhile, however slow the machine.
    bed.policy_with(lane(json!({"grant": "AtOnce", "noteWithin": "30m"}))).await;
    let third = files(&alice, "inc-3", &policy, json!({"ticket": "SUP-3"})).await;
    third.becomes(Approved::AtOnce).await;
    let given = third.recorded().await;
    assert!(given.becomes(BeginReason::Bound).await.spec.provisional);
    kim.decides(&third, json!({"step": "emergency", "as": "incident-managers", "decision": "Deny", "comment": "The status page says otherwise."}))
        .await
        .unwrap();
    let record = given.becomes(EndReason::Revoked).await;
    assert_eq!(ended_by(&record).as_deref(), Some("kim"));
    third.becomes(Approved::Denied).await;
}

#[tokio::test]
async fn h11_nobody_decides_and_access_comes_flagged_with_an_event_that_names_those_asked() {
    let bed = Bed::new("alone").await;
    let policy = bed.policy_with(lane(json!({"selfApprovalAfter": "4s"}))).await;
    let operator = bed.operator().await;
    let alice = bed.person("alice", &["engineers"]).await;
    let why = "Everybody else of the rota is on a plane until the morning.";
    let crisis = json!({"harm": "CustomerHarm", "impact": "No customer can pay since 02:40.", "whySelf": why});
    let request = files(&alice, "inc-1", &policy, json!({"emergency": crisis})).await;
    let grant = request.recorded().await;
    let record = grant.becomes(BeginReason::Bound).await;
    assert!(alice.may("get", "pods/log").await);
    assert_eq!(record.spec.approved_by.as_deref(), Some("nobody (self-approved)"));
    assert_eq!((flags(&record), record.spec.approvals.len()), (vec![FlagType::SelfApproved], 0));
    let metric = format!("curfew_unapproved_total{{flag=\"SelfApproved\",policy=\"{policy}\"}} 1");
    assert!(String::from_utf8(operator.metrics.text()).unwrap().contains(&metric));
    let told = request.becomes(Approved::SelfApproved).await.status.unwrap();
    assert!(told.asked_since.is_none() && told.waiting_for.is_empty());
    let events = Api::<Event>::namespaced(bed.admin.clone(), &bed.namespace);
    until("an Event names those asked", || async {
        let all = events.list(&ListParams::default()).await.unwrap().items;
        let names = |event: &Event| {
            let says =
                event.note.iter().any(|note| note.contains("Group incident-managers were asked") && note.contains(why));
            event.reason.as_deref() == Some("SelfApproved") && event.type_.as_deref() == Some("Warning") && says
        };
        all.iter().any(names).then_some(())
    })
    .await;
}
