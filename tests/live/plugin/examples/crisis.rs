//! An emergency that somebody agrees to first, the next step of the work, what is owed for it, and a request that is denied.
use super::{Left, Scene, has};
use crate::emergency::{agrees, lane};
use curfew::api::reasons::{Approved, BeginReason, DutiesMet, RemovalVerified, Screened};
use serde_json::json;

pub async fn plays(left: &Left) {
    let scene = Scene::begins("crisis", left, lane(json!({}))).await;
    let _operator = scene.operator().await;
    let place = scene.bed.namespace.as_str();
    let (alice, kim) = (scene.person("alice", "engineers").await, scene.person("kim", "incident-managers").await);
    let rob = scene.person("rob", "security").await;
    let filed = scene.types(&alice, "request -n billing -t INC-7 -r 'Find out").await.ok();
    assert_eq!(filed, format!("inc-7 in {place}: filed\n"));
    let request = alice.filed("inc-7");
    request.becomes(Screened::Complete).await;
    kim.decides(&request, agrees()).await.unwrap();
    let grant = request.recorded().await;
    let record = grant.becomes(BeginReason::Bound).await.spec;
    assert_eq!(record.emergency.unwrap().impact, "No customer can pay since 02:40.");

    let next = scene.types(&alice, "request -n billing -t INC-8 -r 'Move the queue").await.ok();
    assert_eq!(next, format!("inc-8 in {place}: filed\n"));
    let next = alice.filed("inc-8").becomes(Screened::Complete).await.spec;
    assert_eq!(next.start_time, record.expires_at, "the next step (E18)");
    let his = scene.types(&rob, "duties -n").await.ok();
    assert_eq!(his, format!("accessgrant.curfew.dev/{}\n", grant.name), "the review");
    let needed = scene.types(&alice, "evidence inc-7 -n billing").await.ok();
    has(&needed, &["The close-out of inc-7 is due", "at the latest. It holds:", "  whyNotBroader "]);

    alice.closes(&request, "").await.unwrap();
    grant.becomes(RemovalVerified::Removed).await;
    let written = scene.types(&alice, "evidence inc-7 -n billing --summary").await;
    has(&written.err, &["Still owed: review by Group security"]);
    assert_eq!(written.ok(), format!("close-out of inc-7 in {place}: written\n"));
    let written = scene.types(&rob, "review inc-7 -n billing --real").await.ok();
    assert_eq!(written, format!("review of inc-7 in {place}: written\n"));
    let duties = grant.becomes(DutiesMet::Met).await.status.unwrap().duties.unwrap();
    assert_eq!((duties.closeout.unwrap().by, duties.review.unwrap().by), (alice.name.clone(), rob.name.clone()));

    let (dana, bob) = (scene.person("dana", "engineers").await, scene.person("bob", "billing-owners").await);
    let routine = dana.files("sup-4812", place, "30m").await;
    routine.becomes(Screened::Complete).await;
    let denied = scene.types(&bob, "deny").await.ok();
    has(&denied, &[&format!("sup-4812 in {place}: denied: this ends it")]);
    routine.becomes(Approved::Denied).await;
}
