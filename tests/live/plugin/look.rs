//! What one may ask, what one holds, and its end.
use super::access;
use crate::running::{Running, approvers, end_reason};
use curfew::api::reasons::{EndReason, Ready, Screened};
use curfew_testbed::bed::{Bed, until};
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test]
async fn a1_policies_are_those_that_one_may_ask_under_here() {
    let bed = Bed::new("policies").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let shown = access(&bed, &alice, &["policies"]).await.ok();
    let row = shown.lines().find(|line| line.starts_with(&policy)).unwrap_or_else(|| panic!("{shown}"));
    for part in ["logs", "30m, at most 1h", "service-owner", "One account, after a real report"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    let his = access(&bed, &bob, &["policies"]).await;
    assert!(!his.out.contains(&policy) && his.err.contains("policies --all"), "{his:?}");
    let all = access(&bed, &bob, &["policies", "--all"]).await.ok();
    assert!(all.lines().any(|line| line.starts_with(&policy) && line.contains("not you")), "{all}");
    let names = access(&bed, &alice, &["policies", "-o", "name"]).await.ok();
    assert!(names.lines().any(|line| line == format!("accesspolicy.curfew.dev/{policy}")), "{names}");
    access(&bed, &alice, &["policies", "-o", "table"]).await.said(2, "must be wide, json");
}

#[tokio::test]
async fn g1_status_says_what_one_holds_and_close_ends_it() {
    let running = Running::begin("status", "20m").await;
    let Running { bed, alice, bob, .. } = &running;
    let shown = access(bed, alice, &["status"]).await;
    let row = shown.out.lines().nth(1).unwrap_or_else(|| panic!("{shown:?}"));
    assert!(row.starts_with("SUP-4812   logs") && row.contains("(in ") && row.contains("Bound"), "{row}");
    let short = access(bed, alice, &["status", "--short"]).await.ok();
    // alice holds something in other tests too, and the line is cut: what ends first is there.
    let (what, left) = short.trim_end().split(", ").next().and_then(|first| first.split_once(' ')).unwrap();
    assert!(what.contains('@') && left.ends_with(['h', 'm', 's']), "{short}");
    let path = access(bed, alice, &["status", "-o", "jsonpath={.items[*].spec.request.name}"]).await.ok();
    assert_eq!(path, "sup-4812");
    let held = access(bed, bob, &["list"]).await.ok();
    assert!(held.lines().any(|line| line.contains("alice") && line.contains("bob")), "{held}");
    assert_eq!(access(bed, bob, &["list", "--mine"]).await.ok(), "");

    access(bed, bob, &["close"]).await.said(1, "you hold nothing");
    access(bed, bob, &["close", "sup-4812"]).await.said(2, "say why you end it, with --reason");
    access(bed, bob, &["close", "nothing"]).await.said(1, "there is no request `nothing`");
    let carol = bed.person("carol", &["engineers"]).await;
    let refused = access(bed, &carol, &["close", "sup-4812", "--reason", "It is not needed any more."]).await;
    let words = refused.said(3, "only the requester, an approver listed for it");
    assert!(!words.contains("ValidatingAdmissionPolicy"), "the rule's own words, alone: {words}");

    let closed = access(bed, alice, &["close", "--wait"]).await.ok();
    assert!(closed.contains("ended, and nothing is left of it. A close-out of it is due"), "{closed}");
    let record = running.ends(EndReason::Closed, "alice").await;
    assert_eq!(end_reason(&record), Some(EndReason::Closed));
    let after = access(bed, alice, &["status"]).await;
    assert!(after.out.is_empty() && after.err.contains("You owe: a close-out for sup-4812"), "{after:?}");
    let decided = access(bed, bob, &["list", "--decided"]).await.ok();
    assert!(decided.contains("Closed"), "{decided}");
}

#[tokio::test]
async fn g1_all_that_one_person_holds_is_ended_at_once_with_a_reason() {
    let running = Running::begin("user", "20m").await;
    let Running { bed, alice, bob, .. } = &running;
    let second = alice.files("sup-2", &bed.namespace, "20m").await;
    second.becomes(Screened::Incomplete).await;
    let args = ["close", "--user", "alice", "-n", &bed.namespace];
    access(bed, bob, &args).await.said(2, "--reason");
    let reason = ["--reason", "She left the team today."];
    let closed = access(bed, bob, &[&args[..], &reason[..]].concat()).await;
    assert!(closed.err.contains("sup-4812") || closed.out.contains("sup-4812"), "{closed:?}");
    running.ends(EndReason::Revoked, "bob").await;
}

#[tokio::test]
async fn no_verb_takes_ten_calls_of_the_api() {
    let bed = Bed::new("calls").await;
    bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let dora = bed.person(&format!("dora-{}", bed.namespace), &["engineers"]).await;
    let calls = || {
        let text = |event: &Value, at: &str| event[at].as_str().unwrap_or_default().to_owned();
        let events = bed.trail.events(&dora.name).into_iter().filter(|event| {
            // The tests beside this one have hundreds of policies, which come a hundred at a time.
            event["user"]["username"] == dora.name.as_str()
                && text(event, "userAgent").starts_with("kubectl-access/")
                && !text(event, "requestURI").contains("continue=")
        });
        // A call that is answered bit by bit is there twice, and a watch is opened anew while somebody waits for long.
        let calls: BTreeMap<String, bool> = events
            .map(|event| (event["auditID"].as_str().unwrap_or_default().to_owned(), event["verb"] == "watch"))
            .collect();
        calls.values().filter(|is_watch| !**is_watch).count()
    };
    let reason = "Check why invoice totals changed for customer account 4812.";
    let asks = ["request", "-t", "SUP-1", "-r", reason];
    let name = bed.namespace.clone();
    let mut before = 0;
    for args in [
        &["policies"][..],
        &["explain", &name],
        &["status"],
        &["status", "--short"],
        &["list"],
        &["who", &name, "--grants-only"],
        &["verify"],
        &asks,
        &["close", "sup-1"],
        &["close", "--user", &dora.name, "-r", "It is not needed any more."],
        &["show", "sup-1"],
        &["show", "--ticket", "SUP-1"],
        &["duties"],
        &["closeout", "sup-1"],
        &["evidence", "sup-1"],
        &["review"],
        &["waive", "sup-1", "-m", "She was called away, and bob wrote the report."],
        &["note"],
    ] {
        access(&bed, &dora, args).await;
        // The log is written behind the answer.
        until(&format!("{args:?} is in the log"), || async { (calls() > before).then_some(()) }).await;
        let now = calls();
        println!("{args:?}: {}", now - before);
        assert!(now - before < 9, "{args:?}: {} calls, and perhaps a watch", now - before);
        before = now;
    }
}

#[tokio::test]
async fn who_logs_in_by_an_exec_plugin_or_acts_as_another_is_who_is_asked_for() {
    let bed = Bed::new("exec").await;
    let alice = bed.person("alice", &["engineers"]).await;
    let mut config: Value = serde_saphyr::from_str(&std::fs::read_to_string(&alice.kubeconfig).unwrap()).unwrap();
    let user = config["users"][0]["user"].take();
    let pem = |field: &str| {
        let encoded = user[field].as_str().unwrap().to_owned();
        serde_json::from_value::<ByteString>(json!(encoded)).map(|bytes| String::from_utf8(bytes.0).unwrap()).unwrap()
    };
    let (certificate, key) = (pem("client-certificate-data"), pem("client-key-data"));
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"clientCertificateData": certificate, "clientKeyData": key}});
    let beside = |end: &str| alice.kubeconfig.with_file_name(format!("{}.{end}", bed.namespace));
    std::fs::write(beside("credential"), credential.to_string()).unwrap();
    config["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "cat",
        "args": [beside("credential")], "interactiveMode": "Never"}});
    std::fs::write(beside("kubeconfig"), config.to_string()).unwrap();
    let file = beside("kubeconfig");
    let typed = ["status", "--kubeconfig", file.to_str().unwrap()];
    // Just after the start the API server may know the kinds and not serve them yet.
    until("alice is known by what the program says", || async {
        access(&bed, &alice, &typed).await.err.contains("You hold nothing").then_some(())
    })
    .await;
    access(&bed, &alice, &["status", "--as", "bob"]).await.said(3, "cannot impersonate");
    access(&bed, &alice, &["status", "--context", "nowhere"]).await.said(1, "nowhere");
    access(&bed, &alice, &["status", "--kubeconfig", "/nonexistent"]).await.said(1, "/nonexistent");
}
