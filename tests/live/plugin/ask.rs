//! Asking: by flags, from a refusal, again, and in a terminal.
use super::access;
use super::session::Session;
use crate::running::{agreed, approvers};
use curfew::api::reasons::{BeginReason, Ready, Screened};
use curfew_testbed::bed::{Bed, Person};
use serde_json::{Value, json};

const REASON: &str = "Check why invoice totals changed for customer account 4812.";

/// bob agrees to a request of this name once it waits for him.
pub async fn agrees(bob: &Person, name: &str) {
    let filed = bob.filed(name);
    curfew_testbed::bed::until(&format!("{name} is filed"), || async {
        let status = filed.exists().await?.status?;
        (!status.waiting_for.is_empty()).then_some(())
    })
    .await;
    agreed(bob, &filed).await.becomes(BeginReason::Bound).await;
}

#[tokio::test]
async fn b22_two_things_are_typed_and_the_rest_is_inferred_judged_and_followed() {
    let bed = Bed::new("ask").await;
    let role = |name: &str| json!({"kind": "ClusterRole", "name": name});
    let evidence =
        json!({"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A support case."}, "require": ["WhyNotSafer"]});
    let limits = json!({"pendingPerRequester": 20, "activePerRequester": 5});
    bed.policy_with(json!({"evidence": evidence, "limits": limits, "access": [
        {"name": "logs", "level": "ReadOnly", "roleRef": role("curfew-logs")},
        {"name": "restart", "level": "LimitedWrite", "roleRef": role("curfew-restart")}]}))
        .await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;

    // What would come back is not sent, and every gap is told at once.
    let refused = access(&bed, &alice, &["request", "-t", "INC-1", "-p", &bed.namespace, "-r", "debugging"]).await;
    let said = refused.said(2, "nothing was sent");
    for part in ["spec.reason", "spec.ticket: `INC-1` does not match", "spec.whyNotSafer"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    access(&bed, &bob, &["request", "-p", &bed.namespace, "-t", "SUP-1", "-r", REASON])
        .await
        .said(3, "does not let you ask");
    access(&bed, &alice, &["request", "-p", "none-of-it", "-t", "SUP-1"])
        .await
        .said(1, "there is no policy `none-of-it`");

    let why = "The billing board shows totals only, not single invoices.";
    let typed = ["request", "-t", "SUP-1", "-r", REASON, "--why-not-safer", why];
    let manifest = access(&bed, &alice, &[&typed[..], &["--dry-run=client", "-o", "yaml"]].concat()).await.ok();
    let manifest: Value = serde_saphyr::from_str(&manifest).unwrap();
    assert_eq!((&manifest["metadata"]["name"], &manifest["spec"]["policy"]), (&json!("sup-1"), &json!(bed.namespace)));
    let tried = access(&bed, &alice, &[&typed[..], &["--dry-run=server"]].concat()).await.ok();
    assert!(tried.contains("the API server would take it"), "{tried}");

    let waited = [&typed[..], &["--wait"]].concat();
    let (asked, ()) = tokio::join!(access(&bed, &alice, &waited), agrees(&bob, "sup-1"));
    assert!(asked.err.contains("Policy:") && asked.err.contains("You would gain: get,list"), "{asked:?}");
    assert!(asked.err.contains("Waiting for service-owner") && asked.err.contains("bob agreed"), "{asked:?}");
    assert!(asked.ok().contains("sup-1 in"), "it says until when");
    assert!(alice.may("get", "pods/log").await);

    // A name that is taken is another request, and the earlier one is used again.
    let again = access(&bed, &alice, &["request", "--from", "sup-1", "-t", "SUP-2", "-o", "name"]).await.ok();
    assert_eq!(again, "accessrequest.curfew.dev/sup-2\n");
    let next = access(&bed, &alice, &["request", "--from", "sup-1", "-t", "SUP-3", "--after", "sup-1"]).await;
    assert_eq!(next.code, Some(0), "{next:?}");
    let planned = alice.filed("sup-3").now().await.spec.start_time;
    assert_eq!(planned, alice.filed("sup-1").now().await.status.unwrap().expires_at, "E18: the next step");

    // One that is returned is corrected by the same verb, under its name.
    bob.decides(&alice.filed("sup-2"), json!({"step": "service-owner", "decision": "RequestDetail"})).await.unwrap();
    alice.filed("sup-2").becomes(Screened::DetailRequested).await;
    let longer = "Check why invoice totals changed in June for customer account 4812.";
    let amended = access(&bed, &alice, &["request", "--from", "sup-2", "-r", longer]).await;
    assert_eq!(amended.code, Some(0), "{amended:?}");
    assert_eq!(alice.filed("sup-2").becomes(Screened::Complete).await.spec.reason, longer);

    // More of the same is a renewal.
    access(&bed, &alice, &["renew", "sup-1"]).await.said(2, "--changed is missing");
    let answers = [
        "--changed",
        "Totals of May match the ledger, totals of June differ.",
        "--remains",
        "Compare June invoices with ledger entries.",
        "--why",
        "The service restarts hourly, which took half the time.",
    ];
    let renewed = access(&bed, &alice, &[&["renew", "sup-1"][..], &answers[..]].concat()).await;
    assert_eq!(renewed.code, Some(0), "{renewed:?}");
    assert_eq!(alice.filed("sup-1-2").now().await.spec.renewal.unwrap().of, "sup-1");

    let told = access(&bed, &alice, &["explain", &bed.namespace]).await.ok();
    assert!(told.contains("It ends by itself") && told.contains("Who may ask: Group engineers"), "{told}");
    access(&bed, &alice, &["explain", "nothing"]).await.said(1, "there is no policy `nothing`");
}

#[tokio::test]
async fn a_command_that_is_refused_runs_once_the_least_access_for_it_is_there() {
    let bed = Bed::new("run").await;
    let role = |name: &str| json!({"kind": "ClusterRole", "name": name});
    bed.policy_with(json!({"access": [
        {"name": "logs", "level": "ReadOnly", "roleRef": role("curfew-logs")},
        {"name": "restart", "level": "LimitedWrite", "roleRef": role("curfew-restart")}]}))
        .await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let kubectl = bed.connection.kubectl();
    let kubectl = kubectl.to_str().unwrap();
    let place = bed.namespace.clone();
    let command = ["--", kubectl, "-n", &place, "get", "pods", "-o", "name"];
    let asks = ["run", "-t", "SUP-7", "-r", REASON];
    let typed = [&asks[..], &command[..]].concat();
    let (ran, ()) = tokio::join!(access(&bed, &alice, &typed), agrees(&bob, "sup-7"));
    assert!(ran.err.contains("The least that gives it: logs of"), "{ran:?}");
    ran.ok();
    let request = alice.filed("sup-7").now().await;
    assert_eq!(request.spec.access.as_deref(), Some("logs"));
    assert!(request.spec.plan[0].ends_with("get pods -o name"), "what is run is the plan");
    let wide = ["run", "--", kubectl, "get", "nodes"];
    access(&bed, &alice, &wide).await.said(3, "Curfew grants nothing there (N7)");
    let none = ["run", "--", kubectl, "-n", &place, "get", "secrets"];
    access(&bed, &alice, &none).await.said(3, "no policy offers you `list secrets`");
    assert_eq!(access(&bed, &alice, &["run", "--", "false"]).await.code, Some(1), "its own exit code");
}

#[tokio::test]
async fn l5_in_a_terminal_at_most_five_things_are_typed_until_there_is_access() {
    let bed = Bed::new("typed").await;
    let safer = json!([{"name": "dashboards", "url": "https://dashboards.example.com", "note": "Totals by month."}]);
    bed.policy_with(json!({"saferMethods": safer, "neverFor": ["curiosity"]})).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let mut session = Session::start(&bed, &alice, &["request"]);
    session.expects("What is wrong, and what is to be reached? >").await;
    session.types("Need prod access to investigate");
    session.expects("at least 4 words must say something").await;
    session.expects("What is wrong, and what is to be reached? >").await;
    session.types(REASON);
    session.expects("Ticket (A support case.) >").await;
    session.types("SUP-9");
    session.expects("For how long [30m, at most 1h] >").await;
    session.types("");
    session.expects("Waiting for service-owner").await;
    agrees(&bob, "sup-9").await;
    session.expects("it ends by itself").await;
    // The command, a reason, a ticket, and enter, and one reason in vain.
    let things = 1 + session.typed;
    assert!(things <= 5, "{things} things");
    assert_eq!(session.ends().await, Some(0));
    session.is_as(include_str!("wizard.txt"), &bed);
    assert!(alice.may("get", "pods/log").await);
}

#[tokio::test]
async fn what_is_waited_for_may_be_refused_and_nobody_is_asked_without_a_terminal() {
    let bed = Bed::new("waits").await;
    bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    access(&bed, &alice, &["request"]).await.said(2, "nothing was sent, as this would come back");
    let typed = ["request", "-t", "SUP-1", "-r", REASON];
    let late = access(&bed, &alice, &[&typed[..], &["--wait", "--timeout", "1s"]].concat()).await;
    late.said(4, "it goes on: kubectl access status");
    let session = ["request", "-t", "SUP-2", "-r", REASON, "--wait"];
    let denies = async {
        let filed = bob.filed("sup-2");
        curfew_testbed::bed::until("sup-2 waits", || async {
            (!filed.exists().await?.status?.waiting_for.is_empty()).then_some(())
        })
        .await;
        let no = json!({"step": "service-owner", "decision": "Deny", "comment": "The board has it: look there."});
        bob.decides(&filed, no).await.unwrap();
    };
    let (asked, ()) = tokio::join!(access(&bed, &alice, &session), denies);
    asked.said(3, "The board has it: look there.");
}
