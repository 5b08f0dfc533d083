//! The chart, installed as an administrator would: by Helm.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use kube::{
    api::{Api, DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use std::time::Duration;

use crate::connection::Connection;
use curfew::decide::Installation;

/// The namespace and the name of the release.
pub const RELEASE: &str = "curfew";
/// The operator's ServiceAccount.
pub const OPERATOR: &str = "curfew";
/// The sweeper's ServiceAccount.
pub const SWEEPER: &str = "curfew-sweep";
/// The ServiceAccount of reports.
pub const REPORTER: &str = "curfew-report";
/// The ServiceAccount of the weekly and monthly reports.
pub const REVIEWER: &str = "curfew-reviews";
/// The group of those who may use Curfew on a test bed: value `users` of the chart.
pub const USERS: &str = "people";

/// The user name of one of Curfew's ServiceAccounts.
pub fn account(name: &str) -> String {
    format!("system:serviceaccount:{RELEASE}:{name}")
}

/// What the chart's defaults come to, for an operator of this Pod and lease.
pub fn installation(pod: &str, lease: &str) -> Installation {
    Installation {
        max_duration: chrono::TimeDelta::hours(12),
        shared_accounts: vec![],
        fuse_image: "registry.k8s.io/pause:3.10".into(),
        grants_per_namespace: 200,
        calendar: Default::default(),
        stop_without_fuse_test: true,
        operator: account(OPERATOR),
        sweeper: account(SWEEPER),
        home: RELEASE.into(),
        pod: pod.into(),
        lease: lease.into(),
        cluster_name: String::new(),
        export: None,
        audit_source: None,
        calls_per_minute: 300,
        notify: None,
    }
}

/// The chart as every test expects it: [`USERS`] may use Curfew, and its rules are in force when this returns.
pub async fn install_for_tests(connection: &Connection, chart: &Path) -> Result<()> {
    let users = format!(r#"users=[{{"kind":"Group","name":"{USERS}"}}]"#);
    install(connection, chart, &["--set-json", &users])?;
    in_force(connection).await
}

/// Installs a chart, or upgrades what is installed, with these further arguments of `helm upgrade`.
///
/// Returns when the API server has stored everything. It does not wait for Pods, as nothing here runs them; and just
/// after the CRDs are new, the API server answers 503 to requests of their kinds for up to 3 seconds.
pub fn install(connection: &Connection, chart: &Path, arguments: &[&str]) -> Result<()> {
    let answer = Command::new(connection.helm())
        .args(["upgrade", RELEASE])
        .arg(chart)
        .args(["--install", "--namespace", RELEASE, "--create-namespace", "--kubeconfig"])
        .arg(connection.admin())
        .args(arguments)
        .output()
        .with_context(|| connection.helm().display().to_string())?;
    if !answer.status.success() {
        bail!("helm could not install {}: {}", chart.display(), String::from_utf8_lossy(&answer.stderr).trim());
    }
    Ok(())
}

/// Waits until each policy that protects something refuses a forgery of it.
pub async fn in_force(bed: &Connection) -> Result<()> {
    let client = bed.client(&bed.admin()).await?;
    let curfew = |kind: &str| GroupVersionKind::gvk("curfew.dev", "v1alpha1", kind);
    let label = json!({"curfew.dev/grant": "forged"});
    let request = json!({"policy": "none", "ticket": "T-1", "reason": "A request that is never stored.", "requester": {"username": "somebody"}, "startDeadline": "2099-01-01T00:00:00Z"});
    let forgeries: [(GroupVersionKind, Value); 3] = [
        (
            GroupVersionKind::gvk("batch", "v1", "Job"),
            json!({"metadata": {"name": "forged", "labels": label}, "spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "none", "image": "none"}]}}}}),
        ),
        (
            GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", "RoleBinding"),
            json!({"metadata": {"name": "forged", "labels": label},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}}),
        ),
        (
            curfew("AccessRequest"),
            json!({"metadata": {"name": "forged", "finalizers": ["example.com/forged"]}, "spec": request}),
        ),
    ];
    let dry = PostParams { dry_run: true, ..Default::default() };
    for (kind, forgery) in forgeries {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), RELEASE, &ApiResource::from_gvk(&kind));
        let mut object: DynamicObject = serde_json::from_value(forgery)?;
        object.types = Some(kube::core::TypeMeta { api_version: kind.api_version(), kind: kind.kind.clone() });
        let mut said = String::new();
        let mut refused = false;
        for _ in 0..150 {
            said = match api.create(&dry, &object).await {
                Ok(_) => "accepted".into(),
                Err(error) => error.to_string(),
            };
            refused = said.contains("ValidatingAdmissionPolicy 'curfew-");
            if refused {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ensure!(refused, "a forged {} is not refused: {said}", kind.kind);
    }
    Ok(())
}
