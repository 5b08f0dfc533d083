//! An emergency that gives access at once, with its note (H10), its review, and an access that its holder closes by name.
use super::super::access;
use super::{Left, Scene, has};
use crate::emergency::lane;
use crate::running::agreed;
use curfew::api::duty::Duty;
use curfew::api::reasons::{BeginReason, DutiesMet, EndReason};
use curfew_testbed::bed::{Granted, Person, until};
use serde_json::json;

pub async fn plays(left: &Left) {
    let scene = Scene::begins("at-once", left, lane(json!({"grant": "AtOnce"}))).await;
    let _operator = scene.operator().await;
    let place = scene.bed.namespace.as_str();
    let (alice, kim) = (scene.person("alice", "engineers").await, scene.person("kim", "incident-managers").await);
    let asks = ["request", "-t", "INC-7", "-r", "Find out why checkout returns 502 since 02:40.", "--emergency"];
    let crisis = ["--harm", "CustomerHarm", "--impact", "No customer can pay since 02:40.", "--wait"];
    let given = access(&scene.bed, &alice, &[&asks[..], &crisis[..]].concat()).await.ok();
    has(&given, &[&format!("inc-7 in {place}: you have access until ")]);
    let request = alice.filed("inc-7");
    let first = request.recorded().await;
    assert!(first.becomes(BeginReason::Bound).await.spec.provisional, "nobody has agreed to it");
    is_noted(&scene, &alice, &kim, &first).await;

    let why = "Checkout is down, as the status page says.";
    access(&scene.bed, &kim, &["approve", "inc-7", "-m", why]).await.ok();
    let rest = request.recorded_again().await;
    let rest = rest.becomes(BeginReason::Scheduled).await.spec;
    assert_eq!(Some(rest.not_before), first.record().await.spec.expires_at, "it goes on without a gap");
    assert!(rest.follows.unwrap().finding.starts_with("The queue is full since 02:40"), "the note is what it follows");

    let rob = scene.person("rob", "security").await;
    let mut session = scene.asks(&rob, "review inc-7 -n billing");
    session.expects(&format!("Asked: {}", alice.name)).await;
    for (question, answer) in [
        ("Was it a real emergency, and how do you know? >", "Yes: no customer could pay for half an hour."),
        ("Was it the smallest way that worked? >", "Yes: logs of one namespace were read."),
        ("Is the evidence complete? >", "Yes: timeline and logs are linked."),
        ("unnecessary next time? >", "An alert on the length of the queue."),
    ] {
        session.expects(question).await;
        session.types(answer);
    }
    assert_eq!(session.ends().await, Some(0));
    first.becomes(DutiesMet::Met).await;

    let (dana, bob) = (scene.person("dana", "engineers").await, scene.person("bob", "billing-owners").await);
    let held = agreed(&bob, &dana.files("sup-4812", place, "30m").await).await;
    held.becomes(BeginReason::Bound).await;
    has(&scene.types(&dana, "close sup-4812 -n billing").await.ok(), &[&format!("sup-4812 in {place}: closed")]);
    held.becomes(EndReason::Closed).await;
}

/// Written by who asked, once, in words that say something.
async fn is_noted(scene: &Scene<'_>, alice: &Person, kim: &Person, record: &Granted) {
    let (bed, place) = (&scene.bed, scene.bed.namespace.as_str());
    let owed = access(bed, alice, &["duties"]).await.ok();
    has(&owed, &[&format!("note for inc-7 in {place} (INC-7) is due "), "Do it: kubectl access note inc-7 -n"]);
    let says = ["note", "inc-7", "-m", "The queue is full, and she reads its logs."];
    access(bed, kim, &says).await.said(3, "only who owes it writes it: User alice");
    access(bed, alice, &["note", "inc-7"]).await.said(2, "say what you see and do, with -m");
    access(bed, alice, &["note", "inc-7", "-m", "debugging"]).await.said(2, "nothing was sent");
    let olga = scene.person("olga", "platform").await;
    let waived = access(bed, &olga, &["waive", "inc-7", "-m", "She was called away, and bob wrote the report."]).await;
    let each = ["note", "closeout", "review"].map(|duty| format!("inc-7 -n {place} --duty {duty}"));
    waived.said(2, &format!("several are owed, name one: {}", each.join(", ")));
    assert!(record.record().await.status.unwrap().duties.is_none(), "nothing was sent");

    let written = scene.types(alice, "note").await;
    has(&written.err, &["Still owed: review by Group security"]);
    assert_eq!(written.ok(), format!("note of inc-7 in {place}: written\n"));
    until("the note is met", || async {
        let status = record.record().await.status?;
        let note = status.owed.iter().find(|owed| owed.duty == Duty::Note)?.settled_at;
        note.and(status.duties?.note).filter(|note| note.by == alice.name)
    })
    .await;
    access(bed, alice, &says).await.said(3, "the note is not owed any more: done by alice");
}
