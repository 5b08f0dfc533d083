//! What kubectl completes, requests that are decided together, a command that is refused, and the end of all that one person
//! holds.
use super::super::ask::agrees;
use super::{Left, Scene, has};
use curfew::api::reasons::{BeginReason, DutiesMet, EndReason, Screened};
use curfew_testbed::bed::Person;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use serde_json::json;

pub async fn plays(left: &Left) {
    let scene = Scene::begins("together", left, json!({})).await;
    let _operator = scene.operator().await;
    let place = scene.bed.namespace.as_str();
    let (alice, bob) = (scene.person("alice", "engineers").await, scene.person("bob", "billing-owners").await);
    for name in ["sup-4812", "sup-4813"] {
        alice.files(name, place, "30m").await.becomes(Screened::Complete).await;
    }
    is_completed(&scene, &bob).await;
    let erin = scene.person("erin", "engineers").await;
    let filed = scene.types(&erin, "request -p customer-support").await.ok();
    assert_eq!(filed, format!("sup-4812-2 in {place}: filed\n"));
    let data = erin.filed("sup-4812-2").becomes(Screened::Complete).await.spec.data;
    assert_eq!(json!(data), json!([{"system": "billing-db", "tenant": "4812", "records": ["99017"]}]));

    let agreed = scene.types(&bob, "approve sup-4812 sup-4813").await.ok();
    let mut granted = vec![];
    for name in ["sup-4812", "sup-4813"] {
        has(&agreed, &[&format!("{name} in {place}: approved, for service-owner as {}\n", bob.name)]);
        let grant = alice.filed(name).recorded().await;
        let spec = grant.becomes(BeginReason::Bound).await.spec;
        assert_eq!(spec.expires_at.unwrap().get() - spec.not_before.get(), chrono::TimeDelta::minutes(20), "{name}");
        granted.push(grant);
    }
    is_run(&scene, &bob).await;

    let closed = scene.types(&bob, "close --user").await.ok();
    has(&closed, &[&format!("sup-4812 in {place}: closed"), &format!("sup-4813 in {place}: closed")]);
    for grant in &granted {
        let ended = grant.becomes(EndReason::Revoked).await.status.unwrap();
        assert_eq!(ended.ended_by.as_deref(), Some(bob.name.as_str()));
    }
    let olga = scene.person("olga", "platform").await;
    let waived = scene.types(&olga, "waive").await.ok();
    assert_eq!(waived, format!("close-out of sup-4812 in {place}: waived\n"));
    granted[0].becomes(DutiesMet::Waived).await;
}

/// `kubectl` itself asks the program that is installed so, and shows what it offers.
async fn is_completed(scene: &Scene<'_>, bob: &Person) {
    let place = scene.bed.namespace.as_str();
    let offered = |words: &str| format!("kubectl __complete access {words}");
    let verbs = scene.types_and(bob, "install", &offered("app")).await;
    assert_eq!((verbs.code, verbs.out.as_str()), (Some(0), "approve\n:4\n"), "{verbs:?}");
    for (words, offered_is) in [
        ("approve ''".to_owned(), "sup-4812\nsup-4813\n:4\n".to_owned()),
        (format!("show -n {place} sup-48"), "sup-4812\nsup-4813\n:4\n".to_owned()),
        (format!("explain {place}"), format!("{place}\n:4\n")),
        ("request --dry-run=s".to_owned(), "--dry-run=server\n:4\n".to_owned()),
        ("lint ''".to_owned(), ":0\n".to_owned()),
    ] {
        let said = super::ran(scene.shell(bob, &offered(&words))).await;
        assert_eq!((said.code, said.out), (Some(0), offered_is), "{words}: {}", said.err);
    }
}

/// Both get what the command takes, and nothing more.
async fn is_run(scene: &Scene<'_>, bob: &Person) {
    let container = json!({"name": "invoicer", "image": "example.com/invoicer"});
    let labels = json!({"app": "invoicer"});
    let pod = json!({"metadata": {"name": "invoicer-1", "labels": labels}, "spec": {"containers": [container],
        "automountServiceAccountToken": false, "schedulingGates": [{"name": "curfew.dev/never-runs"}]}});
    let deployment = json!({"metadata": {"name": "invoicer"}, "spec": {"selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}});
    let (admin, place) = (&scene.bed.admin, scene.bed.namespace.as_str());
    let deployments = Api::<Deployment>::namespaced(admin.clone(), place);
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment).unwrap()).await.unwrap();
    let pods = Api::<Pod>::namespaced(admin.clone(), place);
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();

    let dana = scene.person("dana", "engineers").await;
    let (ran, ()) = tokio::join!(scene.types(&dana, "run -t SUP-4812"), agrees(bob, "sup-4812-3"));
    has(&ran.err, &["The least that gives it: logs of"]);
    has(&ran.ok(), &["invoicer-1"]);

    let frank = scene.person("frank", "engineers").await;
    let mut session = scene.asks(&frank, "run -- kubectl");
    session.expects("The least that gives it: read of").await;
    session.expects("What is wrong, and what is to be reached? >").await;
    session.types("Find out why the invoicer drops the invoices of account 4815.");
    session.expects("Ticket (A case or an incident.) >").await;
    session.types("SUP-4815");
    session.expects("Why will a lower level not do? >").await;
    session.types("Logs alone do not show which pods the deployment has.");
    session.expects("For how long [30m, at most 1h] >").await;
    session.types("");
    session.expects("Waiting for service-owner").await;
    agrees(bob, "sup-4815").await;
    session.expects("it ends by itself").await;
    assert_eq!(session.ends().await, Some(0), "logs of what never ran are empty");
}
