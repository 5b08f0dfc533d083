//! `curfew report`, as somebody who holds ClusterRole `curfew-auditor` and nothing else runs it.
use crate::running::Running;
use curfew_testbed::bed::{Bed, until};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use kube::api::{Api, ListParams, PostParams};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::process::Command;

async fn auditor(bed: &Bed) -> PathBuf {
    let name = format!("{}-auditor", bed.namespace);
    let binding = json!({"metadata": {"name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "curfew-auditor"}});
    let bindings = Api::<ClusterRoleBinding>::all(bed.admin.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    let kubeconfig = bed.connection.user(&name, &[]).unwrap();
    let reader = Api::<RoleBinding>::all(bed.connection.client(&kubeconfig).await.unwrap());
    until("the binding is known", || async { reader.list(&ListParams::default().limit(1)).await.ok().map(drop) }).await;
    kubeconfig
}
async fn report(kubeconfig: &Path, flags: &[&str]) -> String {
    let mut report = Command::new(env!("CARGO_BIN_EXE_curfew"));
    let done = report.arg("report").args(flags).arg("--kubeconfig").arg(kubeconfig).output().await.unwrap();
    assert!(done.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
async fn rows(kubeconfig: &Path, of: &str, section: &str) -> Vec<Value> {
    let whole: Value = serde_json::from_str(&report(kubeconfig, &[of, "--since=1d", "-o=json"]).await).unwrap();
    let sections = whole["sections"].as_array().unwrap();
    let found = sections.iter().find(|found| found["name"] == section).unwrap_or_else(|| panic!("{whole}"));
    found["rows"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_auditor_reads_each_report() {
    let running = Running::begin("reports", "30m").await;
    let auditor = auditor(&running.bed).await;
    let of_ours = |rows: Vec<Value>| {
        let ours = rows.iter().filter(|row| row["NAMESPACE"] == running.bed.namespace.as_str());
        ours.count()
    };
    assert_eq!(of_ours(rows(&auditor, "export", "decisions").await), 1);
    assert_eq!(of_ours(rows(&auditor, "usage", "namespaces").await), 1);
    for (of, title) in
        [("weekly", "Clean-up"), ("emergencies", "Emergencies"), ("monthly", "look at"), ("pilot", "trial")]
    {
        let text = report(&auditor, &[of]).await;
        assert!(text.lines().next().unwrap().contains(title), "{text}");
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&running.bed.namespace);
    std::fs::create_dir_all(&folder).unwrap();
    let printed = report(&auditor, &["usage", "-o=html", "--directory", folder.to_str().unwrap()]).await;
    let kept: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(kept.len() == 1 && kept[0].to_str().unwrap().ends_with(".html"), "{kept:?}");
    assert_eq!(std::fs::read_to_string(&kept[0]).unwrap(), printed);
    std::fs::remove_dir_all(folder).unwrap();
}
