//! A request as an earlier one that is sent back, corrected, agreed to as it was read, and ended by somebody else.
use super::super::access;
use super::{Left, Scene, has};
use curfew::api::reasons::{BeginReason, DutiesMet, EndReason, RemovalVerified, Screened};
use serde_json::json;

pub async fn plays(left: &Left) {
    let mut scene = Scene::begins("returned", left, json!({})).await;
    let _operator = scene.operator().await;
    let place = scene.bed.namespace.clone();
    let (alice, bob) = (scene.person("alice", "engineers").await, scene.person("bob", "billing-owners").await);
    let earlier = alice.files("sup-4711", &place, "30m").await.becomes(Screened::Complete).await.spec;
    let filed = scene.types(&alice, "request -n billing -t SUP-4812 --from").await.ok();
    assert_eq!(filed, format!("sup-4812 in {place}: filed\n"));
    let request = alice.filed("sup-4812");
    let asked = request.becomes(Screened::Complete).await.spec;
    assert_eq!((asked.reason, asked.ticket.as_str()), (earlier.reason, "SUP-4812"));

    let sent = scene.types(&bob, "send-back").await.ok();
    has(&sent, &[&format!("sup-4812 in {place}: sent back"), &bob.name]);
    request.becomes(Screened::DetailRequested).await;
    let longer = "Check why invoice totals changed in June for customer account 4812.";
    let amended = access(&scene.bed, &alice, &["request", "--from", "sup-4812", "-r", longer]).await;
    assert_eq!(amended.code, Some(0), "{amended:?}");
    let corrected = request.becomes(Screened::Complete).await;
    scene.names.push(("5f0c1d2e-1", corrected.status.unwrap().revision.unwrap()));
    let agreed = scene.types(&bob, "approve sup-4812 -n billing -m 'As we discussed").await.ok();
    has(&agreed, &[&format!("sup-4812 in {place}: approved")]);
    let record = request.recorded().await;
    assert_eq!(record.becomes(BeginReason::Bound).await.spec.reason, longer);

    let closed = scene.types(&bob, "close sup-4812 --reason").await.ok();
    has(&closed, &[&format!("sup-4812 in {place}: closed")]);
    let ended = record.becomes(EndReason::Revoked).await.status.unwrap();
    assert_eq!(ended.ended_by.as_deref(), Some(bob.name.as_str()));
    record.becomes(RemovalVerified::Removed).await;
    let mut session = scene.asks(&alice, "closeout sup-4812 -n billing");
    for (question, answer) in [
        ("What did you find or do? >", "Totals differ by a rounding in the export job."),
        ("1. >", ""),
        ("Why was it so? >", "The export rounds each line."),
        ("What follows? Tickets, or none [none] >", ""),
        ("or handed on in what follows? [y/n] >", "y"),
    ] {
        session.expects(question).await;
        session.types(answer);
    }
    assert_eq!(session.ends().await, Some(0));
    record.becomes(DutiesMet::Met).await;
}
