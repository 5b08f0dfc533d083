//! Notifications, to a real receiver, and to one that never answers.
use crate::running::{agreed, approvers};
use curfew::api::reasons::{BeginReason, EndReason, RemovalVerified};
use curfew_testbed::bed::{Bed, until};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

type Heard = Arc<Mutex<Vec<Value>>>;
/// A receiver on this machine: what it heard; whether it answers.
async fn receiver(answers: bool) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, heard) = (format!("http://{}/hook", listener.local_addr().unwrap()), Heard::default());
    let all = heard.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let all = all.clone();
            tokio::spawn(async move {
                let (mut read, mut part) = (vec![], [0; 65536]);
                while let Ok(count @ 1..) = stream.read(&mut part).await {
                    read.extend_from_slice(&part[..count]);
                    let body = read.windows(4).position(|four| four == b"\r\n\r\n").map(|at| &read[at + 4..]);
                    let Some(event) = body.and_then(|body| serde_json::from_slice(body).ok()) else { continue };
                    read.clear();
                    all.lock().unwrap().push(event);
                    if answers {
                        stream.write_all(b"HTTP/1.1 204 x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    }
                }
            });
        }
    });
    (url, heard)
}
async fn hears(heard: &Heard, of: &str) -> Value {
    until(of, || async {
        heard.lock().unwrap().iter().find(|event| event["type"] == format!("dev.curfew.{of}")).cloned()
    })
    .await
}

#[tokio::test]
async fn k5_those_concerned_hear_of_each_step_once_with_all_that_they_need() {
    let bed = Bed::new("notify").await;
    let policy = bed.policy(approvers()).await;
    let (url, heard) = receiver(true).await;
    let operator = bed.operator_that_notifies(&url).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    let asked = hears(&heard, "AccessRequest.Approved.Waiting").await;
    assert_eq!(asked["data"]["user"], alice.name.as_str());
    let waits = &asked["data"]["waitingFor"][0];
    assert!(
        waits["command"].as_str().unwrap().contains("kubectl") && waits["approvers"][0]["name"] == "bob",
        "{asked:#}"
    );
    let grant = agreed(&bob, &request).await;
    grant.becomes(BeginReason::Bound).await;
    alice.closes(&request, "").await.unwrap();
    grant.becomes(RemovalVerified::Removed).await;
    let ended = hears(&heard, "AccessGrant.Active.Closed").await;
    assert_eq!(ended["data"]["ticket"], asked["data"]["ticket"]);
    hears(&heard, "AccessGrant.RemovalVerified.Removed").await;
    operator.dies();
    let all = heard.lock().unwrap().clone();
    let mut ids: Vec<_> = all.iter().map(|event| event["id"].to_string()).collect();
    ids.sort();
    let told = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), told, "nothing is told twice");
    let at = |of: &str| all.iter().position(|event| event["type"] == format!("dev.curfew.{of}")).unwrap();
    assert!(at("AccessRequest.Approved.StepsMet") < at("AccessGrant.Active.Bound"));
    assert!(at("AccessGrant.Active.Bound") < at("AccessGrant.Active.Closed"));
}

#[tokio::test]
async fn k5_a_receiver_that_never_answers_delays_neither_beginning_nor_end() {
    let bed = Bed::new("notify-silent").await;
    let policy = bed.policy(approvers()).await;
    let (url, heard) = receiver(false).await;
    let _operator = bed.operator_that_notifies(&url).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    let grant = agreed(&bob, &request).await;
    grant.becomes(BeginReason::Bound).await;
    alice.closes(&request, "").await.unwrap();
    grant.becomes(EndReason::Closed).await;
    alice.may_no_more("get", "pods/log").await;
    let heard = heard.lock().unwrap().iter().map(|event| event["type"].to_string()).collect::<Vec<_>>();
    assert!(!heard.iter().any(|of| of.contains("Closed")), "it hangs in what came before: {heard:?}");
}
