//! What an auditor sees of a record: in the API server, in Events, and in an export, with rights to read and no others.
use crate::running::Running;
use curfew::api::names::TIMELINE_ANNOTATION;
use curfew::api::reasons::{EndReason, Screened};
use curfew::decide::timeline::{Chain, digest_of, entries};
use curfew_testbed::bed::{Bed, until};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, ListParams, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Somebody who holds `curfew-auditor`, and nothing else.
async fn auditor(bed: &Bed) -> PathBuf {
    let name = format!("auditor-{}", bed.namespace);
    let binding = json!({"metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "curfew-auditor"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}]});
    let bindings = Api::<ClusterRoleBinding>::all(bed.admin.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    bed.connection.user(&name, &[]).unwrap()
}
/// What `curfew` exits with and prints.
async fn curfew(arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_curfew")).args(arguments).output().await.unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.is_empty(), "{arguments:?}: {said}");
    (done.status.code(), String::from_utf8(done.stdout).unwrap())
}
fn file(bed: &Bed, lines: &[String]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{}.jsonl", bed.namespace));
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    path
}

#[tokio::test]
async fn j1_a_life_is_whole_in_its_record_its_events_and_an_export() {
    let running = Running::begin("j1", "30m").await;
    let refused = running.alice.files("nowhere", "no-such-policy", "30m").await;
    refused.becomes(Screened::Refused).await;
    running.alice.closes(&running.request, "Done.").await.unwrap();
    let record = json!(running.ends(EndReason::Closed, "alice").await);
    let told: Vec<&str> = entries(&record).iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    let active: Vec<&str> = told.iter().copied().filter(|what| what.starts_with("Active=")).collect();
    assert_eq!(active, ["Active=False/Preparing", "Active=True/Bound", "Active=False/Closed"], "{told:?}");
    assert_eq!(Chain::of(&record).fault(), None);

    let bed = &running.bed;
    let digests: BTreeSet<&str> = entries(&record).iter().map(digest_of).collect();
    let head = digest_of(entries(&record).last().unwrap());
    until("an Event holds the last digest, and each holds one", || async {
        let events = Api::<Event>::namespaced(bed.admin.clone(), "default");
        let all = events.list(&ListParams::default()).await.unwrap().items;
        let uid = record["metadata"]["uid"].as_str();
        let mine = all.into_iter().filter(|e| e.regarding.as_ref().is_some_and(|about| about.uid.as_deref() == uid));
        let marks: Vec<String> =
            mine.map(|event| event.metadata.annotations.unwrap()[TIMELINE_ANNOTATION].clone()).collect();
        assert!(marks.iter().all(|mark| digests.contains(mark.split(' ').nth(1).unwrap())), "{marks:?}");
        marks.iter().any(|mark| *mark == format!("{} {head}", digests.len())).then_some(())
    })
    .await;

    let kubeconfig = auditor(bed).await;
    let kubeconfig = ["--kubeconfig", kubeconfig.to_str().unwrap()];
    let (code, exported) = curfew(&[&["export", "--cluster-name=west"], &kubeconfig[..]].concat()).await;
    assert_eq!(code, Some(0));
    let mine = format!("\"namespace\":\"{}\"", bed.namespace);
    let lines: Vec<String> = exported.lines().filter(|line| line.contains(&mine)).map(str::to_owned).collect();
    let objects: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&Value> = objects.iter().map(|object| &object["kind"]).collect();
    assert_eq!(kinds, ["AccessGrant", "AccessRequest"], "the record, and what was refused at screening (J10)");
    assert_eq!(objects[0]["spec"], record["spec"]);
    assert_eq!(objects[0]["exported"]["cluster"], "west");

    let export = file(bed, &lines);
    let export = export.to_str().unwrap();
    let (code, table) = curfew(&["verify", "--file", export]).await;
    assert!(code == Some(0) && table.contains("1 records: 1 fine, 0 not"), "{table}");
    let (_, said) = curfew(&[&["verify", "--against", export, "-o", "json"], &kubeconfig[..]].concat()).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    let found = |name: &Value| said["records"].as_array().unwrap().iter().find(|r| r["record"] == *name).cloned();
    let live = found(&record["metadata"]["name"]).expect("it is in the cluster");
    assert_eq!((&live["found"], &live["head"]), (&json!([]), &json!(head)));

    // Whether the duties are told of before or after the end depends on when the operator saw which.
    let by_alice = entries(&record).iter().position(|entry| entry["by"] == "alice").expect("alice ended it");
    let changed = lines[0].replace("\"by\":\"alice\"", "\"by\":\"mallory\"");
    assert_ne!(changed, lines[0]);
    let changed = file(bed, &[changed]);
    let (code, table) = curfew(&["verify", "--file", changed.to_str().unwrap()]).await;
    let broken = format!("Broken: entry {} of the timeline", by_alice + 1);
    assert!(code == Some(3) && table.contains(&broken), "{table}");
}
