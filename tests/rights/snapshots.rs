//! `curfew report standing --snapshot`, as the chart's CronJob runs it, and what an auditor reads of it.
//!
//! Not among the live tests: the ConfigMaps are shared, and who writes one changes what all others read.
use curfew::decide::standing::{self, Inventory};
use curfew_testbed::bed::Bed;
use curfew_testbed::chart::{RELEASE, REPORTER};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::path::Path;
use tokio::process::Command;

/// As the chart has it.
const KEEP: usize = 60;

pub async fn i6_each_slot_is_used_and_an_auditor_reads_who_held_what(bed: &Bed) {
    bed.policy_with(json!({})).await;
    role_and_binding(bed).await;
    let reporter = bed.connection.service_account(RELEASE, REPORTER).await.unwrap();
    let maps = Api::<ConfigMap>::namespaced(bed.admin.clone(), RELEASE);
    let take = async || snapshot(&reporter).await;

    let first = take().await;
    assert_eq!(kept(&maps, 0).await, Some(first.clone()), "there is room");
    let again = take().await;
    let noted = kept(&maps, 0).await.unwrap();
    assert_eq!((noted.taken_at, noted.seen_until), (first.taken_at, again.taken_at), "nothing has changed");
    assert_eq!(kept(&maps, 1).await, None);

    // All slots full, each in turn with the oldest, and the newest says something else.
    let day = |day: usize| format!("2026-01-{:02}T02:00:00Z", day % 28 + 1);
    for number in 0..KEEP {
        fill(&maps, number, &day(1)).await;
    }
    for number in 0..KEEP {
        fill(&maps, number, "2025-01-01T02:00:00Z").await;
        let taken = take().await;
        assert_eq!(kept(&maps, number).await, Some(taken), "{number}");
        fill(&maps, number, &day(number + 2)).await;
    }

    let auditor = auditor(bed).await;
    take().await;
    let holder = format!("User {}-lead", bed.namespace);
    let now = reports(&auditor, &["--at", "2099-01-01", "--namespace", &bed.namespace]).await;
    assert!(now.contains(&holder), "{now}");
    let then = reports(&auditor, &["--at", "2026-01-01", "--output=json"]).await;
    let then: Value = serde_json::from_str(&then).unwrap();
    assert_eq!((&then["bindings"], &then["takenAt"]), (&json!([]), &json!("2026-01-01T02:00:00Z")));
    let changed = reports(&auditor, &["--since", "1d", "--namespace", &bed.namespace, "--output=csv"]).await;
    assert!(changed.contains("\"Added\"") && changed.contains(&holder), "{changed}");
    for number in 0..KEEP {
        maps.delete(&standing::slot(number), &DeleteParams::default()).await.unwrap();
    }
}

/// A Role of the namespace, so that the report has to look at one.
async fn role_and_binding(bed: &Bed) {
    let rbac = "rbac.authorization.k8s.io/v1";
    let path = |plural: &str| format!("/apis/{rbac}/namespaces/{}/{plural}", bed.namespace);
    let role = json!({"apiVersion": rbac, "kind": "Role", "metadata": {"name": "team"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    let binding = json!({"apiVersion": rbac, "kind": "RoleBinding", "metadata": {"name": "team"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "team"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": format!("{}-lead", bed.namespace)}]});
    for (plural, object) in [("roles", role), ("rolebindings", binding)] {
        let request = http::Request::post(path(plural)).header("Content-Type", "application/json");
        bed.admin.request::<Value>(request.body(object.to_string().into_bytes()).unwrap()).await.unwrap();
    }
}

async fn auditor(bed: &Bed) -> std::path::PathBuf {
    let name = format!("{}-auditor", bed.namespace);
    let binding = json!({"metadata": {"name": name}, "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "curfew-auditor"}});
    let bindings = Api::<k8s_openapi::api::rbac::v1::ClusterRoleBinding>::all(bed.admin.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    bed.connection.user(&name, &[]).unwrap()
}

/// An empty inventory of that day, written by an administrator.
async fn fill(maps: &Api<ConfigMap>, number: usize, at: &str) {
    let inventory = json!({"takenAt": at, "seenUntil": at, "namespaces": ["gone"], "bindings": [], "roles": []});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": standing::slot(number)},
        "data": {"snapshot.json": inventory.to_string()}});
    let params = PatchParams::apply("tests").force();
    maps.patch(&standing::slot(number), &params, &Patch::Apply(map)).await.unwrap();
}
async fn kept(maps: &Api<ConfigMap>, number: usize) -> Option<Inventory> {
    let map = maps.get_opt(&standing::slot(number)).await.unwrap()?;
    standing::read(&map.data.unwrap()["snapshot.json"])
}

async fn snapshot(kubeconfig: &Path) -> Inventory {
    let line = reports(kubeconfig, &["--snapshot", "--keep=60"]).await;
    assert_eq!(line.lines().count(), 1, "one line for the log");
    standing::read(line.trim_end()).unwrap()
}
async fn reports(kubeconfig: &Path, flags: &[&str]) -> String {
    let mut report = Command::new(env!("CARGO_BIN_EXE_curfew"));
    report.args(["report", "standing", "--home", RELEASE, "--kubeconfig"]).arg(kubeconfig).args(flags);
    let done = report.output().await.unwrap();
    assert!(done.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
