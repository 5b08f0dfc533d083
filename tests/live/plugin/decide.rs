//! Deciding: what waits, what is needed to decide it, and each decision with its refusals.
use super::access;
use curfew::api::reasons::{Approved, BeginReason, Ready, Screened};
use curfew_testbed::bed::Bed;
use serde_json::json;

const WHY: &str = "Narrow, and tied to a case that I know.";

#[tokio::test]
async fn l2_those_who_decide_see_what_waits_and_decide_it_once_in_their_own_name() {
    let bed = Bed::new("deciding").await;
    let limits = json!({"pendingPerRequester": 20, "activePerRequester": 5});
    let approvers = json!([{"kind": "Group", "name": "billing-owners"}, {"kind": "User", "name": "carol"}]);
    let steps = json!([{"name": "service-owner", "count": 1, "approvers": approvers}]);
    let approval = json!({"steps": steps, "commentMinLength": 20});
    let policy = bed.policy_with(json!({"limits": limits, "approval": approval})).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let carol = bed.person("carol", &["billing-owners"]).await;
    for name in ["sup-1", "sup-2", "sup-3"] {
        alice.files(name, &policy, "30m").await.becomes(Screened::Complete).await;
    }

    let waiting = access(&bed, &bob, &["waiting"]).await;
    let names: Vec<_> = waiting.out.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(names, ["sup-1", "sup-2", "sup-3"], "the oldest first: {waiting:?}");
    let hers = access(&bed, &alice, &["waiting"]).await;
    assert!(hers.out.is_empty() && hers.err.contains("Nothing waits for you"), "{hers:?}");
    let shown = access(&bed, &bob, &["show", "sup-1"]).await.ok();
    for part in ["Asks: alice", "Reason: ", "Would gain: get,list", "kubectl access approve|deny|send-back sup-1"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    access(&bed, &bob, &["show", "nothing"]).await.said(1, "there is no request or record `nothing`");

    // What admission would refuse, and what would count for nothing, is not sent.
    access(&bed, &alice, &["approve", "sup-1", "-m", WHY]).await.said(3, "nobody decides their own request");
    let eve = bed.person("eve", &["engineers"]).await;
    access(&bed, &eve, &["approve", "sup-1", "-m", WHY])
        .await
        .said(3, "it does not wait for you, but for service-owner");
    access(&bed, &bob, &["approve", "sup-1", "-m", "ok"]).await.said(2, "at least 20 characters");
    access(&bed, &bob, &["approve", "sup-1", "-m", WHY, "--shorten", "31m"]).await.said(2, "longer than the 30m");
    access(&bed, &bob, &["approve", "sup-1", "-m", WHY, "--revision", "00000000-1"]).await.said(3, "it has changed");
    access(&bed, &bob, &["approve", "-m", WHY]).await.said(2, "REQUEST");
    access(&bed, &bob, &["send-back", "sup-2"]).await.said(2, "say what is missing");
    for name in ["sup-1", "sup-2", "sup-3"] {
        let status = alice.filed(name).now().await.status.unwrap();
        assert!(status.approvals.is_empty(), "nothing was sent: {name} {:?}", status.approvals);
    }

    let agreed = access(&bed, &bob, &["approve", "sup-1", "-m", WHY, "--shorten", "20m"]).await;
    assert!(agreed.err.contains("Would gain: get,list"), "whoever agrees is told to what: {agreed:?}");
    assert!(agreed.ok().contains("sup-1 in"), "it says what was done");
    alice.filed("sup-1").becomes(BeginReason::Bound).await;
    let entry = alice.filed("sup-1").now().await.status.unwrap().approvals.remove(0);
    assert_eq!((entry.by.as_str(), entry.as_.as_str()), ("bob", "billing-owners"));
    assert_eq!(entry.duration, Some("20m".parse().unwrap()));
    access(&bed, &carol, &["approve", "sup-1", "-m", WHY]).await.said(3, "it waits for nobody");
    let over = access(&bed, &bob, &["show", "sup-1"]).await.ok();
    let over = over.replace("\n  ", " ");
    assert!(over.contains("Agreed: bob agreed") && over.contains(WHY) && over.contains("it ends by itself"), "{over}");

    // One that fails keeps nobody from deciding the others, and is told.
    let some = access(&bed, &carol, &["deny", "nothing", "sup-3", "-m", "The board shows it."]).await;
    some.said(1, "sup-3 in");
    alice.filed("sup-3").becomes(Approved::Denied).await;
    let entry = alice.filed("sup-3").now().await.status.unwrap().approvals.remove(0);
    assert_eq!((entry.by.as_str(), entry.as_.as_str()), ("carol", "carol"), "her own name comes first");
    let sent = access(&bed, &bob, &["send-back", "sup-2", "-m", "Which invoices are wrong?", "-o", "name"]).await;
    assert_eq!(sent.ok(), "accessrequest.curfew.dev/sup-2\n");
    alice.filed("sup-2").becomes(Screened::DetailRequested).await;
    access(&bed, &bob, &["approve", "sup-2", "-m", WHY]).await.said(3, "you decided it already (RequestDetail");
}
