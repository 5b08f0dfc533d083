//! `curfew sweep`, the program itself, as its own ServiceAccount, with operator and kube-controller-manager dead.
//!
//! Not among the live tests: a sweep sees the whole cluster, and would tidy up under the hands of the others.
use curfew::api::reasons::{BeginReason, Screened};
use curfew_testbed::bed::{Bed, Person, until};
use curfew_testbed::chart::{RELEASE, SWEEPER};
use serde_json::json;
use std::path::Path;
use tokio::process::Command;

pub async fn g8_a_sweep_ends_what_operator_and_kubernetes_did_not(shared: &Bed) {
    let (over, live) = (Bed::new("sweep-over").await, Bed::new("sweep-live").await);
    let kubeconfig = shared.connection.service_account(RELEASE, SWEEPER).await.unwrap();
    let (alice, dana) = (begins(&over, "alice", "8s").await, begins(&live, "dana", "30m").await);
    shared.connection.stop_controller_manager().await.unwrap();
    let end = over.grants().await[0].spec.expires_at.unwrap();
    until("the time is up", || async { (end.get() < chrono::Utc::now()).then_some(()) }).await;

    let dry = sweeps(&kubeconfig, &["--dry-run"]).await;
    assert!(alice.may("get", "pods/log").await, "a dry run takes nothing away");
    let said = sweeps(&kubeconfig, &[]).await;
    assert_eq!(of(&said, &over), of(&dry, &over), "a dry run says what would be done");
    let (binding, fuse) = (&of(&said, &over)[0], &of(&said, &over)[1]);
    assert!(binding.contains("rolebinding/") && binding.contains("alice"), "{said}");
    assert!(binding.ends_with("its grant has expired") && fuse.contains("job/"), "{said}");
    assert!(!alice.may("get", "pods/log").await);
    assert!(over.bindings().await.is_empty() && over.fuses().await.is_empty());

    assert_eq!(of(&said, &live), [""; 0], "what is live stays");
    assert!(dana.may("get", "pods/log").await);
    assert_eq!(of(&sweeps(&kubeconfig, &[]).await, &over), [""; 0], "nothing is left for another sweep");
    shared.connection.start_controller_manager().await.unwrap();
}

/// Access begins; then the operator dies.
async fn begins(bed: &Bed, name: &str, duration: &str) -> Person {
    let policy = bed.policy_with(json!({})).await;
    let operator = bed.operator().await;
    let (person, bob) = (bed.person(name, &["engineers"]).await, bed.person("bob", &[]).await);
    let request = person.files("sup-4812", &policy, duration).await;
    request.becomes(Screened::Complete).await;
    bob.approves(&request, "service-owner").await.unwrap();
    request.recorded().await.becomes(BeginReason::Bound).await;
    operator.dies();
    person
}

async fn sweeps(kubeconfig: &Path, flags: &[&str]) -> String {
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_curfew"));
    let done = sweep.arg("sweep").arg("--kubeconfig").arg(kubeconfig).args(flags).output().await.unwrap();
    let errors = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{errors}");
    String::from_utf8(done.stdout).unwrap()
}
/// The lines about the namespace of a test.
fn of<'a>(said: &'a str, bed: &Bed) -> Vec<&'a str> {
    said.lines().filter(|line| line.contains(&bed.namespace)).collect()
}
