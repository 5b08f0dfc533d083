//! Operator and kube-controller-manager are dead, or the API server restarts, while access is live.
use super::Bed as Installed;
use chrono::Utc;
use curfew::api::reasons::{BeginReason, EndReason, RemovalVerified, Screened};
use curfew_testbed::bed::{Bed, Granted, Operator, Person};
use curfew_testbed::chart::{RELEASE, SWEEPER};
use std::path::Path;
use std::process::{Command, Output};

struct Live {
    bed: Bed,
    operator: Operator,
    alice: Person,
    grant: Granted,
}

async fn live(test: &str, duration: &str) -> Live {
    drop(Installed::new().await);
    let bed = Bed::new(test).await;
    let policy = bed.policy_with(serde_json::json!({})).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, duration).await;
    request.becomes(Screened::Complete).await;
    bob.approves(&request, "service-owner").await.unwrap();
    let grant = request.recorded().await;
    grant.becomes(BeginReason::Bound).await;
    Live { bed, operator, alice, grant }
}

/// The real program, as the CronJob runs it.
fn sweep(kubeconfig: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_curfew"));
    command.args(["sweep", "--log-format", "text", "--kubeconfig"]).arg(kubeconfig).args(arguments);
    command.output().unwrap()
}

#[tokio::test]
async fn e24_the_sweep_ends_it_when_operator_and_controller_manager_are_dead() {
    let Live { bed, operator, alice, grant } = live("sweep", "8s").await;
    let sweeper = bed.connection.service_account(RELEASE, SWEEPER).await.unwrap();
    let name = grant.child().await.1;
    let early = sweep(&sweeper, &[]);
    assert!(early.status.success(), "{}", String::from_utf8_lossy(&early.stderr));
    assert!(!String::from_utf8_lossy(&early.stdout).contains(&name), "what is live is left alone");
    bed.connection.stop_controller_manager().await.unwrap();
    operator.dies();
    let ends = grant.record().await.spec.expires_at.unwrap().get();
    tokio::time::sleep((ends - Utc::now()).to_std().unwrap_or_default() + std::time::Duration::from_secs(5)).await;
    assert!(alice.may("get", "pods/log").await, "nobody is left but the sweep");

    let dry = sweep(&sweeper, &["--dry-run"]);
    let table = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert!(
        dry.status.success() && table.contains(&format!("rolebinding/{name}")) && table.contains("alice"),
        "{table}"
    );
    assert!(alice.may("get", "pods/log").await, "a dry run ends nothing");
    let real = sweep(&sweeper, &[]);
    assert!(real.status.success(), "{}", String::from_utf8_lossy(&real.stderr));
    assert_eq!(String::from_utf8_lossy(&real.stdout), table, "what was announced is what went");
    alice.may_no_more("get", "pods/log").await;
    assert!(bed.bindings().await.is_empty());
    let again = sweep(&sweeper, &[]);
    assert!(again.status.success() && again.stdout.is_empty(), "{}", String::from_utf8_lossy(&again.stdout));

    bed.connection.start_controller_manager().await.unwrap();
    bed.frees_lease().await;
    let _next = bed.operator().await;
    let record = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(record.status.unwrap().end_reason, Some(EndReason::Expired));
}

#[tokio::test]
async fn without_the_controller_manager_nothing_begins_as_no_fuse_would_burn() {
    drop(Installed::new().await);
    let bed = Bed::new("no-fuse").await;
    let policy = bed.policy_with(serde_json::json!({})).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    bed.connection.stop_controller_manager().await.unwrap();
    bob.approves(&request, "service-owner").await.unwrap();
    let grant = request.recorded().await;
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let state = grant.record().await.status.and_then(|s| s.state);
    assert!(!alice.may("get", "pods/log").await && bed.bindings().await.is_empty(), "{state:?}");
    bed.connection.start_controller_manager().await.unwrap();
    grant.becomes(BeginReason::Bound).await;
}

#[tokio::test]
async fn a_restart_of_the_api_server_neither_ends_nor_prolongs_access() {
    let Live { bed, operator, alice, grant } = live("api-server", "25s").await;
    bed.connection.restart_api_server().await.unwrap();
    assert!(alice.may("get", "pods/log").await, "it goes on");
    let record = grant.becomes(EndReason::Expired).await;
    let late = record.status.unwrap().ended_at.unwrap().get() - record.spec.expires_at.unwrap().get();
    assert!(late <= chrono::TimeDelta::seconds(2), "{late} late");
    alice.may_no_more("get", "pods/log").await;
    grant.becomes(RemovalVerified::Removed).await;
    let deleted = operator.faults.writes().iter().any(|w| w.starts_with("DELETE") && w.contains("rolebindings"));
    assert!(deleted, "the operator ended it, not the fuse");
}
