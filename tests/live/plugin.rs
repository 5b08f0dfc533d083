//! The plugin, as the binary that people run, each with their own credentials.
mod ask;
mod before_and_after;
mod decide;
mod duties;
mod examples;
mod look;
mod session;

use crate::running::cluster_role;
use curfew_testbed::bed::{Bed, Person};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;
use std::process::Stdio;
use tokio::process::Command;

/// What a run of the plugin came to.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output: the data.
    pub out: String,
    /// Standard error: talk.
    pub err: String,
}
impl Ran {
    /// It did what was asked: what it printed.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{} {}", self.out, self.err);
        self.out
    }
    /// It exited with this code, and said this.
    pub fn said(self, code: i32, words: &str) -> String {
        assert!(self.code == Some(code) && self.err.contains(words), "{code} {words}: {self:?}");
        self.err
    }
}

/// Runs `kubectl access ARGS` in the test's namespace as this person, in UTC, with nothing that is a terminal.
pub async fn access(bed: &Bed, person: &Person, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-access"));
    command.args(args).env("KUBECONFIG", &person.kubeconfig).env("TZ", "UTC");
    // `who` takes the namespace that it is asked about.
    if !["-A", "--user", "-n", "who"].iter().any(|word| args.contains(word)) {
        command.args(["-n", &bed.namespace]);
    }
    ran(command).await
}
async fn ran(mut command: Command) -> Ran {
    let ran = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr) }
}

/// Somebody who may read who holds what past Curfew; until [`no_auditor()`].
pub async fn auditor(bed: &Bed) -> Person {
    let audrey = bed.person(&format!("audrey-{}", bed.namespace), &[]).await;
    let user = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": audrey.name});
    let binding =
        json!({"metadata": {"name": audrey.name}, "roleRef": cluster_role("curfew-auditor"), "subjects": [user]});
    let bindings = Api::<ClusterRoleBinding>::all(bed.admin.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    audrey
}
/// They may no more.
pub async fn no_auditor(bed: &Bed, audrey: &Person) {
    let bindings = Api::<ClusterRoleBinding>::all(bed.admin.clone());
    bindings.delete(&audrey.name, &DeleteParams::default()).await.unwrap();
}
