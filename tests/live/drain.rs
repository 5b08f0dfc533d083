//! `curfew drain`, as an administrator runs it before Curfew is taken away.
use crate::running::{Running, end_reason};
use chrono::{TimeDelta, Utc};
use curfew::api::reasons::{BeginReason, EndReason, RemovalVerified, Screened};
use curfew::api::time::Instant;
use curfew_testbed::bed::Bed;
use serde_json::json;
use std::process::Output;
use tokio::process::Command;

/// The real program, on the namespace of the test alone.
async fn drain(bed: &Bed, more: &[&str]) -> (Output, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_curfew"));
    command.args(["drain", "--log=warn", "-n", &bed.namespace, "--kubeconfig"]).arg(bed.connection.admin()).args(more);
    let done = command.output().await.unwrap();
    let (out, said) =
        (String::from_utf8(done.stdout.clone()).unwrap(), String::from_utf8(done.stderr.clone()).unwrap());
    (done, out, said)
}

#[tokio::test]
async fn l9_a_drain_ends_all_access_and_says_what_may_still_begin() {
    let running = Running::begin("drain", "30m").await;
    let (bed, bob) = (&running.bed, &running.bob);
    let policy = running.request.now().await.spec.policy;
    let carol = bed.person("carol", &["engineers"]).await;
    let mut planned = carol.request("planned", &policy, "15m");
    planned["spec"]["startTime"] = json!(Instant::new(Utc::now() + TimeDelta::minutes(30)));
    let planned = carol.applies(planned).await.unwrap();
    planned.becomes(Screened::Complete).await;
    bob.approves(&planned, "service-owner").await.unwrap();
    let planned = planned.recorded().await;
    planned.becomes(BeginReason::Scheduled).await;
    let dave = bed.person("dave", &["engineers"]).await;
    dave.files("waits", &policy, "30m").await.becomes(Screened::Complete).await;

    let (done, out, said) = drain(bed, &["--dry-run"]).await;
    assert!(done.status.success() && out.contains("rolebinding/") && out.contains("drained"), "{out}{said}");
    assert!(running.alice.may("get", "pods/log").await, "a dry run ends nothing");

    let (done, out, said) = drain(bed, &[]).await;
    assert!(done.status.success(), "{out}{said}");
    assert!(out.contains("alice") && out.lines().count() == 3, "its binding and its fuse: {out}");
    assert!(bed.bindings().await.is_empty() && bed.fuses().await.is_empty());
    assert!(said.contains(&format!("{} of carol begins at", planned.name)), "{said}");
    assert!(said.contains("requests that wait for a decision: 1;"), "{said}");
    let record = running.grant.becomes(RemovalVerified::Removed).await;
    // Both are gone at once: which the operator misses first is chance.
    assert!(matches!(end_reason(&record), Some(EndReason::BindingDeleted | EndReason::FuseBurned)), "{record:?}");
    assert!(!said.contains(record.metadata.name.as_deref().unwrap()), "it waited until the record said so: {said}");
    planned.becomes(BeginReason::Scheduled).await;
}

#[tokio::test]
async fn l9_a_drain_needs_no_operator_and_says_which_records_do_not_know_yet() {
    let Running { bed, operator, alice, grant, .. } = Running::begin("drain-dead", "30m").await;
    operator.dies();
    let (done, _, said) = drain(&bed, &["--wait=1s"]).await;
    assert!(done.status.success(), "all access is gone: {said}");
    assert!(said.contains(&format!("{} does not say yet that it has ended", grant.name)), "{said}");
    alice.may_no_more("get", "pods/log").await;
    let (done, out, said) = drain(&bed, &["--wait=1s"]).await;
    assert!(done.status.success() && out.is_empty(), "nothing is left: {out}{said}");
}
