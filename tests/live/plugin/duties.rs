//! What is owed: shown, written, waived and reviewed by the verbs, each with its refusals.
use super::access;
use super::session::Session;
use crate::running::agreed;
use curfew::api::reasons::{BeginReason, DutiesMet, EndReason, Ready, RemovalVerified};
use curfew_testbed::bed::{Bed, Filed, Granted, Person, until};
use serde_json::{Value, json};

const WHY: &str = "She was called away, and bob wrote the report in SUP-2.";

/// A policy under which one may work on several tickets.
async fn policy(bed: &Bed, more: Value) -> String {
    let mut changes = json!({"limits": {"activePerRequester": 5, "pendingPerRequester": 20}});
    changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bed.policy_with(changes).await
}
/// Ends it, and waits until that is proved.
async fn ended(bed: &Bed, who: &Person, request: &Filed, grant: &Granted) {
    access(bed, who, &["close", &request.name, "--wait"]).await.ok();
    grant.becomes(RemovalVerified::Removed).await;
}

#[tokio::test]
async fn g3_what_is_owed_is_shown_and_written_with_the_close_and_waived_by_a_reviewer() {
    let bed = Bed::new("owed").await;
    let policy = policy(&bed, json!({})).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let olga = bed.person("olga", &["platform"]).await;
    let mut asks = alice.request("sup-1", &policy, "30m");
    asks["spec"]["data"] = json!([{"system": "billing-db", "kind": "invoice", "records": ["99017"]}]);
    asks["spec"]["plan"] = json!(["kubectl logs deploy/invoicer"]);
    let first = alice.applies(asks).await.unwrap();
    let first_record = agreed(&bob, &first).await;
    first_record.becomes(BeginReason::Bound).await;

    // Known before it is due, and refused before it is sent.
    let owed = access(&bed, &alice, &["duties"]).await.ok();
    for part in [
        "close-out for sup-1 in",
        "at the latest",
        "once it has ended: kubectl access closeout sup-1 -n",
        "Else live access of alice ends",
    ] {
        assert!(owed.contains(part), "{part}: {owed}");
    }
    access(&bed, &alice, &["closeout", "sup-1"]).await.said(3, "the access still holds: end it first");
    access(&bed, &alice, &["evidence", "sup-1"]).await.said(3, "was no emergency");
    access(&bed, &alice, &["note", "sup-1", "-m", "The export job fails since the deploy."])
        .await
        .said(3, "no note is owed");
    access(&bed, &alice, &["review", "sup-1"]).await.said(3, "no review is owed for it");
    access(&bed, &alice, &["closeout", "nothing"]).await.said(1, "nothing is on record of `nothing`");

    // Closing asks for the close-out as well.
    let mut session = Session::start(&bed, &alice, &["close", "sup-1"]);
    session.expects("Write the close-out now? [Y/n] >").await;
    session.types("y");
    session.expects("What did you find or do? >").await;
    session.types("debugging");
    session.expects("say it in words of your own").await;
    session.expects("What did you find or do? >").await;
    session.types("Totals differ by a rounding in the export job.");
    session.expects("1. >").await;
    session.types("rounding from line to total");
    session.expects("is KIND=WHAT").await;
    session.expects("1. >").await;
    session.types("Config=export.rounding from line to total");
    session.expects("2. >").await;
    session.types("");
    session.expects("Why was it so? >").await;
    session.types("The export rounds each line.");
    session.expects("What follows? Tickets, or none [none] >").await;
    session.types("SUP-4900");
    session.expects("[billing-db invoice 99017] >").await;
    session.types("");
    session.expects("or handed on in what follows? [y/n] >").await;
    session.types("y");
    assert_eq!(session.ends().await, Some(0));
    session.is_as(include_str!("closeout.txt"), &bed);
    let status = first_record.becomes(DutiesMet::Met).await.status.unwrap();
    let closeout = status.duties.unwrap().closeout.unwrap();
    assert_eq!((closeout.by.as_str(), closeout.data_reviewed.as_deref()), ("alice", Some("billing-db invoice 99017")));
    access(&bed, &alice, &["closeout", "sup-1"]).await.said(3, "the close-out is not owed any more: done by alice");

    // Without a terminal every gap is told at once, and nothing is sent.
    let second_record = agreed(&bob, &alice.files("sup-2", &policy, "30m").await).await;
    second_record.becomes(BeginReason::Bound).await;
    let mut session = Session::start(&bed, &alice, &["close", "sup-2"]);
    session.expects("Write the close-out now? [Y/n] >").await;
    session.types("n");
    session.expects("later: kubectl access closeout sup-2").await;
    assert_eq!(session.ends().await, Some(0));
    second_record.becomes(RemovalVerified::Removed).await;
    access(&bed, &bob, &["closeout", "sup-2"]).await.said(3, "only who owes it writes it: User alice");
    access(&bed, &alice, &["closeout"]).await.said(2, "closeout.summary: must be at least 10 characters");
    let says = ["closeout", "sup-2", "--summary", "Totals differ by a rounding in the export job."];
    access(&bed, &alice, &says).await.said(2, "add cause, followUps");
    let rest = [&says[..], &["--cause", "debugging", "--follow-ups", "none"]].concat();
    access(&bed, &alice, &rest).await.said(2, "workDone: finish the work");
    access(&bed, &alice, &[&rest[..], &["--done"]].concat()).await.said(2, "cause says nothing");

    for (who, args, code, words) in [
        (&alice, &["waive", "sup-2", "-m", WHY][..], 3, "only a reviewer waives a duty: Group platform"),
        (&olga, &["waive", "sup-2"], 2, "say why it need not be met"),
        (&olga, &["waive", "sup-2", "-m", "just because it was faster"], 2, "why: say it in words of your own"),
        (&olga, &["waive", "sup-2", "--duty", "review", "-m", WHY], 3, "nothing of that kind is owed"),
        (&olga, &["waive", "-m", WHY], 2, "REQUEST"),
    ] {
        access(&bed, who, args).await.said(code, words);
    }
    assert!(second_record.record().await.status.unwrap().duties.is_none(), "nothing was sent");
    let waived = access(&bed, &olga, &["waive", "sup-2", "-m", WHY]).await.ok();
    assert!(waived.starts_with("close-out of sup-2 in") && waived.ends_with(": waived\n"), "{waived}");
    second_record.becomes(DutiesMet::Waived).await;
    access(&bed, &olga, &["waive", "sup-2", "-m", WHY]).await.said(3, "nothing of that kind is owed");
    let nothing = access(&bed, &alice, &["duties"]).await;
    assert!(nothing.out.is_empty() && nothing.err.contains("You owe nothing."), "{nothing:?}");

    shown(&bed, &bob, &first, &first_record).await;
}

/// The record by its request, by its own name, by its ticket, and once the request is gone.
async fn shown(bed: &Bed, bob: &Person, request: &Filed, record: &Granted) {
    let by_request = access(bed, bob, &["show", "sup-1"]).await.ok();
    let flat = by_request.replace("\n  ", " ");
    for part in [
        ": Closed; the task is closed",
        "Asked: alice (as Group engineers)",
        "Agreed: bob agreed at ",
        "Could: logs (ReadOnly, ClusterRole curfew-logs) in",
        "Why: Check why invoice totals changed for customer account 4812. (SUP-1, policy ",
        ", Closed by alice; at most until ",
        "1. A real task: PatternOnly: SUP-1",
        "2. Agreed before it began: yes",
        "5. Proved to be gone: Removed: ",
        "Planned: 1. kubectl logs deploy/invoicer",
        "Done: nobody watches",
        "Changed: Config: export.rounding from line to total",
        "Settled: close-out: done by alice",
        "unbroken, head ",
        ", of the rules on record",
    ] {
        assert!(flat.contains(part), "{part}: {by_request}");
    }
    let lines = by_request.lines().count();
    assert!((20..=40).contains(&lines), "{lines} lines: {by_request}");
    assert_eq!(access(bed, bob, &["show", &record.name]).await.ok(), by_request);
    assert_eq!(access(bed, bob, &["show", "--ticket", "SUP-1"]).await.ok(), by_request, "J15");
    access(bed, bob, &["show", "--ticket", "SUP-99"]).await.said(1, "nothing was asked for `SUP-99`");
    request.is_deleted_by(&bed.admin).await;
    let after = access(bed, bob, &["show", "sup-1"]).await.ok();
    assert!(after.contains("SUP-1; its request is gone") && after.contains("the task is closed"), "{after}");
}

#[tokio::test]
async fn h13_h15_an_emergency_is_asked_for_evidenced_and_reviewed_by_the_verbs() {
    let bed = Bed::new("crisis").await;
    let group = |name: &str| json!([{"kind": "Group", "name": name}]);
    let role = |name: &str| json!({"kind": "ClusterRole", "name": name});
    let lane = json!({"access": ["logs"], "requesters": group("on-call"), "approvers": group("incident-managers"),
        "ticket": {"pattern": "^INC-[0-9]+$", "message": "An open incident."}, "review": {"reviewers": group("security")}});
    let offered = json!([{"name": "logs", "level": "ReadOnly", "roleRef": role("curfew-logs")},
        {"name": "restart", "level": "LimitedWrite", "roleRef": role("curfew-restart")}]);
    let evidence =
        json!({"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A support case."}, "require": ["WhyNotSafer"]});
    policy(&bed, json!({"emergency": lane, "access": offered, "evidence": evidence})).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let alice = bed.person("alice", &["engineers", "on-call"]).await;
    let eve = bed.person("eve", &["engineers"]).await;
    let kim = bed.person("kim", &["incident-managers", "security"]).await;
    let rob = bed.person("rob", &["security"]).await;

    let reason = "Find out why checkout returns 502 since 02:40.";
    let crisis = ["request", "-t", "INC-7", "-r", reason, "--emergency"];
    access(&bed, &alice, &crisis).await.said(2, "--harm is missing");
    let harm = [&crisis[..], &["--harm", "CustomerHarm"]].concat();
    access(&bed, &alice, &harm).await.said(2, "--impact is missing");
    let haste = [&harm[..], &["--impact", "I need to debug faster."]].concat();
    let told = access(&bed, &alice, &haste).await.said(2, "haste and comfort are no emergency");
    assert!(told.contains("routine, which is the default: leave --emergency out"), "{told}");
    let whole = [&harm[..], &["--impact", "No customer can pay since 02:40.", "-p", &bed.namespace]].concat();
    access(&bed, &eve, &whole).await.said(3, "does not let you ask; who may: Group on-call");
    access(&bed, &alice, &["request", "-t", "INC-7", "-r", reason, "--harm", "CustomerHarm"])
        .await
        .said(2, "--emergency");
    access(&bed, &alice, &["request", "-t", "SUP-7", "-r", reason]).await.said(2, "spec.whyNotSafer");

    let mut session = Session::start(&bed, &alice, &["request", "--emergency"]);
    session.expects("What is at stake (CustomerHarm, DataExposure, BusinessOutage, RecoveryDelay)? >").await;
    session.types("Haste");
    session.expects("CustomerHarm").await;
    session.expects("What is at stake (CustomerHarm, DataExposure, BusinessOutage, RecoveryDelay)? >").await;
    session.types("CustomerHarm");
    session.expects("suffer, in one sentence? >").await;
    session.types("I need to debug faster.");
    session.expects("haste and comfort are no emergency").await;
    session.expects("suffer, in one sentence? >").await;
    session.types("No customer can pay since 02:40.");
    session.expects("what is to be reached? >").await;
    session.types(reason);
    session.expects("Ticket (An open incident.) >").await;
    session.types("INC-7");
    session.expects("For how long [30m, at most 1h] >").await;
    session.types("");
    session.expects("Waiting for emergency").await;
    let filed = alice.filed("inc-7");
    until("inc-7 waits", || async { (!filed.exists().await?.status?.waiting_for.is_empty()).then_some(()) }).await;
    access(&bed, &kim, &["approve", "inc-7", "-m", "Checkout is down, as the status page says."]).await.ok();
    session.expects("it ends by itself").await;
    assert_eq!(session.ends().await, Some(0));
    session.is_as(include_str!("emergency.txt"), &bed);
    let grant = filed.recorded().await;
    grant.becomes(BeginReason::Bound).await;

    // While it holds: what to keep for the close-out.
    let needed = access(&bed, &alice, &["evidence"]).await.ok();
    for part in [
        "The close-out of inc-7 is due",
        "at the latest. It holds:",
        "  timeline ",
        "  commands ",
        "  attachments ",
        "  whyNotSafer ",
    ] {
        assert!(needed.contains(part), "{part}: {needed}");
    }
    access(&bed, &kim, &["evidence", "inc-7"]).await.said(3, "only who owes it writes it: User alice");
    ended(&bed, &alice, &filed, &grant).await;
    grant.becomes(EndReason::Closed).await;
    let says = [
        "evidence",
        "inc-7",
        "--summary",
        "The queue was full: it was drained.",
        "--cause",
        "The broker was never scaled.",
    ];
    let without = [&says[..], &["--follow-ups", "INC-8", "--done"]].concat();
    access(&bed, &alice, &without).await.said(2, "add timeline, attachments, commands, whyNotBroader, whyNotSafer");
    let proof = [
        "--when",
        "02:40 checkout returns 502",
        "--ran",
        "kubectl logs deploy/queue",
        "--attach",
        "Log=https://logs.example.com/7",
        "--why-not-broader",
        "A write to the queue may lose orders.",
        "--why-not-safer",
        "The board shows no single message.",
    ];
    let written = access(&bed, &alice, &[&without[..], &proof[..]].concat()).await;
    assert!(written.err.contains("Still owed: review by Group security"), "{written:?}");
    assert!(written.ok().starts_with("close-out of inc-7 in"), "it says what was written");

    // The review is for somebody who was not involved.
    let his = access(&bed, &rob, &["duties"]).await.ok();
    assert!(his.contains("review for inc-7 in") && his.contains("kubectl access review inc-7 -n"), "{his}");
    assert!(!his.contains("close-out"), "{his}");
    access(&bed, &kim, &["review", "inc-7"]).await.said(3, "who asked or decided neither reviews nor waives");
    access(&bed, &alice, &["review", "inc-7"]).await.said(3, "only who owes it writes it: Group security");
    access(&bed, &rob, &["review", "inc-7"]).await.said(2, "a review answers four questions: --real is missing");
    let mut session = Session::start(&bed, &rob, &["review", "inc-7"]);
    session.expects("Asked: alice (as Group on-call)").await;
    session.expects("Was it a real emergency, and how do you know? >").await;
    session.types("yes");
    session.expects("say it in words of your own").await;
    session.expects("Was it a real emergency, and how do you know? >").await;
    session.types("Yes: no customer could pay for half an hour.");
    session.expects("Was it the smallest way that worked? >").await;
    session.types("Yes: logs of one namespace were read.");
    session.expects("Is the evidence complete? >").await;
    session.types("Yes: timeline and logs are linked.");
    session.expects("unnecessary next time? >").await;
    session.types("An alert on the length of the queue.");
    assert_eq!(session.ends().await, Some(0));
    session.is_as_from("Was it a real emergency", include_str!("review.txt"), &bed);
    assert_eq!(
        grant
            .becomes(DutiesMet::Met)
            .await
            .status
            .unwrap()
            .owed
            .iter()
            .filter(|owed| owed.settled_at.is_some())
            .count(),
        2
    );
    let shown = access(&bed, &rob, &["show", "inc-7"]).await.ok();
    assert!(
        shown.contains("Reviewed: by rob.") && shown.contains("Emergency: CustomerHarm: No customer can pay"),
        "{shown}"
    );
}
