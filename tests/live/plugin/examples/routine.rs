//! One request, from the choice of a policy to the records of what is long over.
use super::super::{auditor, no_auditor};
use super::{Left, Scene, has};
use curfew::api::reasons::{BeginReason, DutiesMet, RemovalVerified, Screened};
use curfew_testbed::bed::{Granted, Person};
use serde_json::{Value, json};

pub async fn plays(left: &Left) {
    let mut scene = Scene::begins("routine", left, json!({})).await;
    let _operator = scene.operator().await;
    let (alice, bob) = (scene.person("alice", "engineers").await, scene.person("bob", "billing-owners").await);
    is_asked_for(&scene, &alice, &bob).await;
    is_decided(&scene, &alice, &bob).await;
    let record = alice.filed("sup-4812").recorded().await;
    record.becomes(BeginReason::Bound).await;
    is_held(&scene, &alice, &bob).await;
    is_looked_at(&mut scene, &record).await;

    let place = scene.bed.namespace.clone();
    has(&scene.types(&alice, "close").await.ok(), &[&format!("sup-4812 in {place}: closed")]);
    record.becomes(RemovalVerified::Removed).await;
    let written = scene.types(&alice, "closeout sup-4812 -n billing --summary").await.ok();
    assert_eq!(written, format!("close-out of sup-4812 in {place}: written\n"));
    record.becomes(DutiesMet::Met).await;
    is_over(&mut scene, &bob, &record).await;
}

async fn is_asked_for(scene: &Scene<'_>, alice: &Person, bob: &Person) {
    let place = scene.bed.namespace.as_str();
    let row = |table: &str| table.lines().find(|line| line.starts_with(place)).unwrap_or_default().to_owned();
    has(&row(&scene.types(alice, "policies -n").await.ok()), &["logs, read", "One account, after a real report"]);
    has(&row(&scene.types(bob, "policies --all").await.ok()), &["not you"]);
    has(&scene.types(alice, "explain").await.ok(), &["Who may ask: Group engineers", "It ends by itself"]);

    let manifest = scene.types(alice, "request -n billing -t SUP-4812 -r 'Check why invoice totals of").await.ok();
    let manifest: Value = serde_saphyr::from_str(&manifest).unwrap();
    assert_eq!((&manifest["metadata"]["name"], &manifest["spec"]["policy"]), (&json!("sup-4812"), &json!(place)));
    assert!(alice.filed("sup-4812").exists().await.is_none(), "it is for Git");
    let filed = scene.types(alice, "request -n billing -t SUP-4812 -r 'Check why invoice totals changed").await.ok();
    assert_eq!(filed, format!("sup-4812 in {place}: filed\n"));
    let request = alice.filed("sup-4812").becomes(Screened::Complete).await.spec;
    assert_eq!((request.duration, request.ticket.as_str()), (Some("30m".parse().unwrap()), "SUP-4812"));

    let mut session = scene.asks(alice, "request -n billing");
    session.expects("What is wrong, and what is to be reached? >").await;
    session.types("Check why invoice totals changed for account 4813.");
    session.expects("Ticket (A case or an incident.) >").await;
    session.types("SUP-4813");
    session.expects("Which of these is enough?").await;
    session.expects("[1] >").await;
    session.types("");
    session.expects("For how long [30m, at most 1h] >").await;
    session.types("");
    session.expects("Waiting for service-owner").await;
    alice.filed("sup-4813").becomes(Screened::Complete).await;
}

async fn is_decided(scene: &Scene<'_>, alice: &Person, bob: &Person) {
    let place = scene.bed.namespace.as_str();
    let waiting = scene.types(bob, "waiting").await.ok();
    assert!(waiting.lines().any(|line| line.starts_with(place) && line.contains(" sup-4812 ")), "{waiting}");
    let mut names: Vec<_> = scene.types(bob, "waiting -n").await.ok().lines().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, ["sup-4812", "sup-4813"].map(|name| format!("accessrequest.curfew.dev/{name}")));
    let shown = scene.types(bob, "show sup-4812").await.ok();
    has(&shown, &[&format!("Asks: {}", alice.name), "Decide: kubectl access approve|deny|send-back sup-4812"]);
    let agreed = scene.types(bob, "approve sup-4812 -n billing -m 'Narrow").await.ok();
    assert_eq!(agreed, format!("sup-4812 in {place}: approved, for service-owner as {}\n", bob.name));
}

async fn is_held(scene: &Scene<'_>, alice: &Person, bob: &Person) {
    let place = scene.bed.namespace.as_str();
    has(&scene.types(alice, "status").await.ok(), &["SUP-4812", place, "Bound"]);
    // As the shell shows it.
    let prompt = scene.types_and(alice, "PS1", "echo \"${PS1@P}\"").await.ok();
    assert!(prompt.starts_with(&format!("logs@{place} ")) && prompt.ends_with("m $ \n"), "{prompt:?}");
    has(&scene.types(bob, "list -n").await.ok(), &["SUP-4812", &alice.name, &bob.name, "Bound"]);
    has(&scene.types(bob, "list --decided").await.ok(), &["SUP-4812", &alice.name]);
    let owed = scene.types(alice, "duties").await.ok();
    has(&owed, &[&format!("close-out for sup-4812 in {place}")]);
    assert_eq!(scene.types(bob, "duties --user").await.ok(), owed);

    let renewed = scene.types(alice, "renew --changed").await.ok();
    assert_eq!(renewed, format!("sup-4812-2 in {place}: filed\n"));
    let mut session = scene.asks(alice, "renew sup-4812");
    session.expects("What is different from what you said then? >").await;
    session.types("Totals of May match the ledger, totals of June differ.");
    session.expects("What is left to do? >").await;
    session.types("Compare June invoices with ledger entries.");
    session.expects("Why was the time not enough? >").await;
    session.types("The service restarts hourly, which took half the time.");
    session.expects("Waiting for service-owner").await;
    for name in ["sup-4812-2", "sup-4812-3"] {
        let renewal = alice.filed(name).becomes(Screened::Complete).await.spec.renewal;
        assert_eq!(renewal.unwrap().of, "sup-4812", "{name}");
    }
}

async fn is_looked_at(scene: &mut Scene<'_>, record: &Granted) {
    let audrey = auditor(&scene.bed).await;
    let begun = record.record().await.status.unwrap().started_at.unwrap().to_string();
    let day = begun.split('T').next().unwrap_or_default().to_owned();
    scene.names.extend([("2026-11-20T09:00:00Z", begun.clone()), ("2026-11-20", day)]);
    let who = format!("User alice-{}", scene.bed.namespace);
    for example in ["who billing", "who billing --since", "who billing --at 2026-11-20"] {
        let table = scene.types(&audrey, example).await.ok();
        let row = table.lines().find(|line| line.starts_with(&who)).unwrap_or_else(|| panic!("{example}: {table}"));
        has(row, &["logs (ClusterRole curfew-logs)", "ends ", "SUP-4812"]);
    }
    let at: Value = serde_json::from_str(&scene.types(&audrey, "who billing --at").await.ok()).unwrap();
    assert_eq!((&at["from"], &at["until"]), (&json!(begun), &json!(begun)));
    let hers = at["access"].as_array().unwrap().iter().find(|access| access["name"] == record.name.as_str());
    assert!(hers.is_some(), "{at}");

    for (example, parts) in [
        ("report weekly", &["Clean-up of the week\nFrom ", "\nOverdue duties ("][..]),
        ("report monthly", &["# What somebody has to look at\n\n", "\n## Access without an end ("]),
        ("report export", &["\"RECORD\","]),
    ] {
        let report = scene.types(&audrey, example).await.ok();
        has(&report, parts);
        assert!(report.starts_with(parts[0]), "{report}");
    }
    let usage: Value = serde_json::from_str(&scene.types(&audrey, "report usage").await.ok()).unwrap();
    assert!(usage["kind"] == "UsageReport" && usage["sections"].to_string().contains(&scene.bed.namespace), "{usage}");
    no_auditor(&scene.bed, &audrey).await;
}

async fn is_over(scene: &mut Scene<'_>, bob: &Person, record: &Granted) {
    let name = record.name.as_str();
    scene
        .names
        .extend([("billing.sup-4812.7f3a2c1b", name.to_owned()), ("billing.sup-4812.5f0c1d2e-0000", name.to_owned())]);
    let all = scene.types(bob, "list -A --all").await.ok();
    assert!(all.lines().any(|line| line.ends_with(name) && line.contains("Closed")), "{all}");
    has(&scene.types(bob, "show billing.sup-4812").await.ok(), &[&format!("{name}: Closed; the task is closed\n")]);
    has(&scene.types(bob, "show --ticket").await.ok(), &[&format!("{name}: Closed; the task is closed\n")]);

    let written = json!(record.record().await);
    let friday = scene.folder.join("friday.jsonl");
    std::fs::write(&friday, format!("{written}\n")).unwrap();
    let fine = "\n1 records: 1 fine, 0 not\n";
    has(&scene.types(bob, "verify billing.sup-4812").await.ok(), &[name, fine]);
    has(&scene.types(bob, "verify --file").await.ok(), &[name, fine]);
    let mut gone = written.clone();
    gone["metadata"]["name"] = json!("gone");
    std::fs::write(&friday, format!("{written}\n{gone}\n")).unwrap();
    let wrong = scene.types(bob, "verify --against").await;
    let names: Vec<_> = wrong.out.lines().collect();
    let of = |name: &str| names.contains(&format!("accessgrant.curfew.dev/{name}").as_str());
    assert!(wrong.code == Some(1) && of("gone") && !of(name), "{wrong:?}");
    // What others have in their records is theirs.
    let all = scene.types(bob, "verify").await;
    let row = all.out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{all:?}"));
    assert!(matches!(all.code, Some(0 | 1)) && row.ends_with(" fine"), "{row}");
}
