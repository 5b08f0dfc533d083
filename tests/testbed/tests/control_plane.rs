//! The test bed itself: it starts, knows people, takes orders, and leaves nothing behind.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use curfew_testbed::{
    arguments::Ports,
    connection::Connection,
    control,
    control_plane::{ControlPlane, Options},
    kubernetes::Kubernetes,
    supervise::Supervised,
};
use k8s_openapi::api::admissionregistration::v1::MutatingAdmissionPolicy;
use kube::{Api, api::ListParams};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::Mutex;

fn options() -> Options {
    Options { kubernetes: Kubernetes::chosen().unwrap(), helm: false, keep: false }
}

fn alive(pid: u32) -> bool {
    // A process that has ended and that nobody has waited for yet is not running.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn whoami(connection: &Connection, kubeconfig: &Path) -> Value {
    let answer = Command::new(connection.kubectl())
        .args(["auth", "whoami", "-o", "json", "--kubeconfig"])
        .arg(kubeconfig)
        .output()
        .unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice::<Value>(&answer.stdout).unwrap()["status"]["userInfo"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_starts_knows_people_takes_orders_and_leaves_nothing_behind() {
    let control_plane = ControlPlane::start(&options()).await.unwrap();
    let (connection, pids) = (control_plane.connection().clone(), control_plane.pids());
    assert_eq!(pids.len(), 6, "a supervisor and a program for each of the three");

    knows_people(&connection).await;
    offers_mutating_admission(&connection).await;
    let control_plane = takes_orders(control_plane, &connection).await;
    assert!(fs::read_to_string(connection.audit_log()).unwrap().contains(r#""username":"alice""#));

    let pids: Vec<u32> = pids.into_iter().chain(control_plane.pids()).collect();
    drop(control_plane);
    assert!(pids.iter().all(|pid| !alive(*pid)), "{pids:?}");
    assert!(!connection.directory().exists(), "its directory is removed");
}

async fn knows_people(connection: &Connection) {
    let alice = whoami(connection, &connection.user("alice", &["dev", "on, call"]).unwrap());
    assert_eq!(alice["username"], "alice");
    assert_eq!(alice["groups"], serde_json::json!(["dev", "on, call", "system:authenticated"]));

    let bound = whoami(connection, &connection.service_account("default", "default").await.unwrap());
    assert_eq!(bound["username"], "system:serviceaccount:default:default");
    let pod = bound["extra"]["authentication.kubernetes.io/pod-name"][0].as_str().unwrap();
    assert!(pod.starts_with("default-"), "{pod}");

    let loose = whoami(connection, &connection.loose_service_account("default", "default").await.unwrap());
    assert_eq!(loose["username"], "system:serviceaccount:default:default");
    assert!(loose["extra"]["authentication.kubernetes.io/pod-name"].is_null());
}

async fn offers_mutating_admission(connection: &Connection) {
    let client = connection.client(&connection.admin()).await.unwrap();
    let policies: Api<MutatingAdmissionPolicy> = Api::all(client);
    policies.list(&ListParams::default()).await.unwrap();
}

/// Through the socket, as a test in another process would.
async fn takes_orders(control_plane: ControlPlane, connection: &Connection) -> ControlPlane {
    let before = control_plane.pids();
    let shared = Arc::new(Mutex::new(control_plane));
    let server = tokio::spawn(control::serve(shared.clone()));
    let socket = connection.directory().join("control.sock");
    becomes_true("orders are taken", || socket.exists()).await;

    connection.stop_controller_manager().await.unwrap();
    let left = shared.lock().await.pids();
    assert_eq!(left.len(), 4);
    assert!(before.iter().filter(|pid| !left.contains(pid)).all(|pid| !alive(*pid)));
    connection.start_controller_manager().await.unwrap();
    connection.restart_api_server().await.unwrap();
    assert_eq!(whoami(connection, &connection.admin())["username"], "admin");

    server.abort();
    let _ = server.await;
    Arc::into_inner(shared).unwrap().into_inner()
}

async fn becomes_true(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn number_in(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[tokio::test]
async fn a_supervised_process_takes_its_own_children_along() {
    let directory = tempfile::tempdir().unwrap();
    let note = directory.path().join("grandchild");
    let script = format!("sleep 300 & echo $! > {}; wait", note.display());
    let toy = Supervised::start("toy", directory.path(), Path::new("/bin/sh"), ["-c", &script]).unwrap();
    becomes_true("the grandchild runs", || number_in(&note).is_some() && toy.pids().len() == 2).await;
    let pids: Vec<u32> = toy.pids().into_iter().chain(number_in(&note)).collect();
    assert!(pids.iter().all(|pid| alive(*pid)), "{pids:?}");

    toy.stop().unwrap();
    becomes_true("all three are gone", || pids.iter().all(|pid| !alive(*pid))).await;
}

#[tokio::test]
async fn a_supervised_process_goes_when_its_owner_panics() {
    let directory = tempfile::tempdir().unwrap();
    let toy = Supervised::start("toy", directory.path(), Path::new("/bin/sleep"), ["300"]).unwrap();
    becomes_true("it runs", || toy.pids().len() == 2).await;
    let pids = toy.pids();
    let owner = std::thread::spawn(move || {
        let _toy = toy;
        panic!("as a failing test does");
    });
    assert!(owner.join().is_err());
    assert!(pids.iter().all(|pid| !alive(*pid)), "{pids:?}");
}

#[tokio::test]
async fn another_process_on_a_chosen_port_only_means_another_choice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port();
    let mut choices = 0;
    let choose = || {
        choices += 1;
        let free = Ports::free()?;
        Ok(match choices {
            1 => Ports { etcd: taken, ..free },
            2 => Ports { api_server: taken, ..free },
            3 => Ports { controller_manager: taken, ..free },
            _ => free,
        })
    };
    ControlPlane::start_on(&options(), choose).await.unwrap();
    assert_eq!(choices, 4);
}

/// `curfew-testbed run` in a temporary directory of its own; the shell is told to note where the control plane is.
fn run(place: &Path, script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_curfew-testbed"));
    let script = format!("echo $CURFEW_BED > {}/bed; {script}", place.display());
    command.env("TMPDIR", place).args(["run", "--", "sh", "-c", &script]).stdin(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running `curfew-testbed run` and the pids of the programs under it.
async fn running(place: &Path) -> (Child, [u32; 3]) {
    // `cat` ends when this test lets go of its standard input.
    let mut child = run(place, "cat").spawn().unwrap();
    let (start, bed) = (Instant::now(), place.join("bed"));
    while !fs::read_to_string(&bed).is_ok_and(|text| text.ends_with('\n')) {
        let waiting = child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(120);
        assert!(waiting, "it did not start");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let logs = Path::new(fs::read_to_string(bed).unwrap().trim()).join("logs");
    let names = ["etcd", "kube-apiserver", "kube-controller-manager"];
    let pids = names.map(|name| number_in(&logs.join(format!("{name}.pid"))).unwrap());
    assert!(pids.iter().all(|pid| alive(*pid)), "{pids:?}");
    (child, pids)
}

#[tokio::test]
async fn a_control_plane_goes_when_the_one_who_runs_it_is_killed() {
    let place = tempfile::tempdir().unwrap();
    let (mut child, pids) = running(place.path()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    becomes_true("all processes are gone", || pids.iter().all(|pid| !alive(*pid))).await;
}

#[tokio::test]
async fn a_control_plane_goes_at_ctrl_c_with_its_directory() {
    let place = tempfile::tempdir().unwrap();
    let (mut child, pids) = running(place.path()).await;
    // `wait` would close it, and `cat` could end before the signal is seen.
    let held = child.stdin.take();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(held);
    assert!(pids.iter().all(|pid| !alive(*pid)), "{pids:?}");
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["bed"], "only the note of the shell is left");
}

#[test]
fn the_exit_code_is_the_commands_and_the_logs_of_a_failure_are_kept_without_keys() {
    let place = tempfile::tempdir().unwrap();
    let ended = run(place.path(), "kubectl get namespace default && exit 7").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(7), "{said}");
    let bed = fs::read_to_string(place.path().join("bed")).unwrap();
    let bed = Path::new(bed.trim());
    assert!(said.contains(&format!("logs are kept: {}", bed.display())), "{said}");
    assert!(bed.join("logs/kube-apiserver.log").exists());
    assert!(!bed.join("pki").exists() && !bed.join("admin.kubeconfig").exists());
}
