//! `curfew replay`, run by a person who may do nothing but read the three kinds.
use crate::running::agreed;
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::{Approved, BeginReason, Screened};
use curfew_testbed::bed::Bed;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Somebody whose only right is ClusterRole `curfew-auditor`; with their user name.
async fn auditor(bed: &Bed) -> (String, PathBuf) {
    let name = format!("auditor-{}", bed.namespace);
    let binding = json!({"metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "curfew-auditor"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}]});
    let bindings = Api::<ClusterRoleBinding>::all(bed.admin.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    let kubeconfig = bed.connection.user(&name, &[]).unwrap();
    (name, kubeconfig)
}

/// What the program prints, what it complains of, and its exit code.
async fn replay(kubeconfig: &Path, file: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_curfew"));
    let output =
        command.arg("replay").arg(file).arg("--kubeconfig").arg(kubeconfig).args(arguments).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}
/// The text of the policy of this test with these changes, in a file of its own.
async fn text(bed: &Bed, name: &str, changes: impl FnOnce(&mut Value)) -> PathBuf {
    let policy = Api::<AccessPolicy>::all(bed.admin.clone()).get(&bed.namespace).await.unwrap();
    let mut text = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy",
        "metadata": {"name": bed.namespace}, "spec": policy.spec});
    changes(&mut text);
    let file = std::env::temp_dir().join(format!("{}-{name}.json", bed.namespace));
    std::fs::write(&file, serde_json::to_string_pretty(&text).unwrap()).unwrap();
    file
}
/// Every verb and resource that this person asked the API server for, as its audit log has it.
fn asked(bed: &Bed, user: &str) -> Vec<(String, String)> {
    let by_them = bed.trail.events(user).into_iter().filter(|event| event["user"]["username"] == user);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    by_them.map(|event| (text(&event["verb"]), text(&event["objectRef"]["resource"]))).collect()
}

#[tokio::test]
async fn a_stricter_text_shows_which_requests_it_would_have_stopped_and_writes_nothing() {
    let bed = Bed::new("replay").await;
    let policy = bed.policy(crate::running::approvers()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let short = alice.files("sup-1", &policy, "10m").await;
    agreed(&bob, &short).await.becomes(BeginReason::Bound).await;
    alice.closes(&short, "done").await.unwrap();
    let long = alice.files("sup-2", &policy, "40m").await;
    agreed(&bob, &long).await.becomes(BeginReason::Bound).await;
    alice.closes(&long, "done").await.unwrap();
    let denied = alice.files("sup-3", &policy, "10m").await;
    denied.becomes(Screened::Complete).await;
    bob.decides(&denied, json!({"step": "service-owner", "decision": "Deny"})).await.unwrap();
    denied.becomes(Approved::Denied).await;
    let (user, kubeconfig) = auditor(&bed).await;

    let same = text(&bed, "same", |_| {}).await;
    let (out, complaint, code) = replay(&kubeconfig, &same, &[]).await;
    assert_eq!((complaint.as_str(), code), ("", 0));
    let first = format!("3 requests of policy {policy}: 3 the same, 0 stricter, 0 looser, 0 cannot be judged");
    assert_eq!(out.lines().next(), Some(first.as_str()), "{out}");

    let stricter = text(&bed, "stricter", |text| {
        text["spec"]["duration"] = json!({"default": "10m", "max": "30m"});
        text["spec"]["approval"]["steps"][0]["name"] = json!("service-owner");
    })
    .await;
    let (out, _, code) = replay(&kubeconfig, &stricter, &["-o", "json", "--since", "1d", "-n", &bed.namespace]).await;
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["summary"]["stoppedBy"]), (0, &json!({"DurationTooLong": 1})), "{out}");
    let changes: Vec<_> = answer["requests"].as_array().unwrap().iter().map(|r| (&r["name"], &r["change"])).collect();
    let expected = [("sup-1", "Same"), ("sup-2", "Stricter"), ("sup-3", "Same")].map(|(n, c)| (json!(n), json!(c)));
    assert_eq!(changes, expected.iter().map(|(n, c)| (n, c)).collect::<Vec<_>>(), "{out}");
    assert_eq!(answer["requests"][1]["then"]["duration"], "40m");
    assert_eq!(answer["requests"][1]["now"]["codes"], json!(["DurationTooLong"]));

    // A policy that is not in the cluster, over the requests of one that is, whose step nobody of it met.
    let another = text(&bed, "another", |text| {
        text["metadata"]["name"] = json!("not-there-yet");
        text["spec"]["approval"]["steps"][0]["name"] = json!("security");
    })
    .await;
    let (out, _, code) = replay(&kubeconfig, &another, &["--policy", &policy]).await;
    assert!(code == 0 && out.contains("2 stricter") && out.contains("needs the approval of security"), "{out}");
    let (out, _, code) = replay(&kubeconfig, &another, &[]).await;
    assert!(code == 0 && out.starts_with("No request of policy not-there-yet is kept here"), "{out}");

    let asked = asked(&bed, &user);
    assert!(asked.len() >= 8, "the audit log has what they did: {asked:?}");
    let reads = [("list", "accessrequests"), ("list", "accessgrants")].map(|(v, r)| (v.to_owned(), r.to_owned()));
    assert!(asked.iter().all(|call| reads.contains(call)), "{asked:?}");
}

#[tokio::test]
async fn what_cannot_be_replayed_says_why_and_exits_with_1_or_2() {
    let bed = Bed::new("replay-no").await;
    bed.policy(crate::running::approvers()).await;
    let (_, kubeconfig) = auditor(&bed).await;
    let good = text(&bed, "good", |_| {}).await;
    let bad = text(&bed, "bad", |text| text["spec"]["durations"] = json!({})).await;
    let (out, complaint, code) = replay(&kubeconfig, &bad, &[]).await;
    assert_eq!((out.as_str(), code), ("", 1));
    let place = format!("curfew: {}: line ", bad.display());
    assert!(
        complaint.starts_with(&place) && complaint.contains("spec.durations: there is no such field"),
        "{complaint}"
    );
    let (_, complaint, code) = replay(&kubeconfig, &good, &["--since", "soon"]).await;
    assert!(code == 2 && complaint.contains("a span like 7d"), "{complaint}");
    let nobody = bed.connection.user("nobody-in-particular", &[]).unwrap();
    let (out, complaint, code) = replay(&nobody, &good, &[]).await;
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(complaint.contains("forbidden") && complaint.contains("cannot list resource"), "{complaint}");
}
