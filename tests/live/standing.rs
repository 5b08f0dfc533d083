//! Standing access: an auditor lists it, somebody adopts it, the operator counts it, and the audit log names what is made
//! by hand.
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::Ready;
use curfew_testbed::bed::{Bed, until};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const RBAC: &str = "rbac.authorization.k8s.io";

fn user(name: &str) -> Value {
    json!({"apiGroup": RBAC, "kind": "User", "name": name})
}
fn group(name: &str) -> Value {
    json!({"apiGroup": RBAC, "kind": "Group", "name": name})
}
fn binding(name: &str, role: &str, subjects: Value, annotations: Value) -> Value {
    json!({"metadata": {"name": name, "annotations": annotations}, "subjects": subjects,
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}})
}
async fn binds(bed: &Bed, object: Value) {
    let bindings = Api::<RoleBinding>::namespaced(bed.admin.clone(), &bed.namespace);
    bindings.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}
async fn binds_everywhere(bed: &Bed, object: Value) -> String {
    let bindings = Api::<ClusterRoleBinding>::all(bed.admin.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap().name_any()
}
async fn unbinds_everywhere(bed: &Bed, name: &str) {
    let bindings = Api::<ClusterRoleBinding>::all(bed.admin.clone());
    bindings.delete(name, &DeleteParams::default()).await.unwrap();
}
/// Somebody with ClusterRole `curfew-auditor` and nothing else.
async fn auditor(bed: &Bed) -> (String, PathBuf) {
    let name = format!("{}-auditor", bed.namespace);
    let made = binds_everywhere(bed, binding(&name, "curfew-auditor", json!([user(&name)]), json!({}))).await;
    (made, bed.connection.user(&name, &[]).unwrap())
}

async fn runs(kubeconfig: &Path, arguments: &[&str]) -> Output {
    let mut curfew = Command::new(env!("CARGO_BIN_EXE_curfew"));
    curfew.args(arguments).arg("--kubeconfig").arg(kubeconfig).output().await.unwrap()
}
async fn says(kubeconfig: &Path, arguments: &[&str]) -> String {
    let done = runs(kubeconfig, arguments).await;
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test]
async fn g9_an_auditor_sees_who_holds_what_past_curfew_and_i6_what_has_changed_since() {
    let bed = Bed::new("standing").await;
    let here = bed.namespace.as_str();
    bed.policy_with(json!({})).await;
    let owned = json!({"curfew.dev/owner": "Group platform", "curfew.dev/review-by": "2026-01-01"});
    binds(&bed, binding("engineers", "curfew-read", json!([group("engineers"), group("on-call\u{1b}[2J")]), owned))
        .await;
    let robot = json!([{"kind": "ServiceAccount", "name": "default", "namespace": here}]);
    binds(&bed, binding("robots", "curfew-read", robot, json!({}))).await;
    let root = format!("{here}-root");
    let everywhere = binds_everywhere(&bed, binding(&root, "cluster-admin", json!([user(&root)]), json!({}))).await;
    let (made, audrey) = auditor(&bed).await;
    let report = ["report", "standing", "--namespace", here];

    let table = says(&audrey, &report).await;
    let line =
        |what: &str| table.lines().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {table}"));
    assert!(line(&root) < line(" engineers "), "broad admin first: {table}");
    let engineers = table.lines().nth(line(" engineers ")).unwrap();
    for cell in ["ReadOnly", "Group engineers, Group on-call\\u{1b}[2J", "Group platform", "2026-01-01", "its review"] {
        assert!(engineers.contains(cell), "{cell}: {engineers}");
    }
    assert!(
        !table.contains("robots") && !table.contains(&made),
        "neither robots nor who may only look at Curfew: {table}"
    );
    assert!(says(&audrey, &[&report[..], &["--all"]].concat()).await.contains("robots"));
    assert_eq!(runs(&audrey, &[&report[..], &["--check"]].concat()).await.status.code(), Some(3));
    let json: Value = serde_json::from_str(&says(&audrey, &[&report[..], &["-o", "json"]].concat()).await).unwrap();
    let of =
        |name: &str| json["bindings"].as_array().unwrap().iter().find(|held| held["binding"] == name).unwrap().clone();
    assert_eq!((&of(&root)["level"], &of(&root)["dangers"]), (&json!("Admin"), &json!(["Wildcard"])));
    assert_eq!(of("engineers")["needs"], json!(["Review"]));

    // What another day's snapshot says.
    let kept = std::env::temp_dir().join(format!("curfew-{here}"));
    std::fs::create_dir_all(&kept).unwrap();
    let directory = ["--directory", kept.to_str().unwrap()];
    says(&audrey, &[&["report", "standing", "--snapshot"], &directory[..]].concat()).await;
    let file = std::fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    let mut snapshot: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    snapshot["takenAt"] = json!("2026-01-02T03:00:00Z");
    std::fs::write(&file, snapshot.to_string()).unwrap();
    unbinds_everywhere(&bed, &everywhere).await;
    binds(&bed, binding("dana", "curfew-exec", json!([user("dana")]), json!({}))).await;
    let since = says(&audrey, &[&report[..], &["--since", "1d"], &directory].concat()).await;
    let change = |turn: &str, name: &str| {
        since.lines().any(|line| line.starts_with(turn) && line.split_whitespace().any(|word| word == name))
    };
    assert!(change("Added", "dana") && change("Gone", root.as_str()), "{since}");
    let then = says(&audrey, &[&report[..], &["--at", "2026-01-02"], &directory].concat()).await;
    assert!(then.contains("2026-01-02T03:00:00Z") && then.contains(&root) && !then.contains("dana"), "{then}");
    let early = runs(&audrey, &[&report[..], &["--at", "2026-01-01"], &directory].concat()).await;
    assert!(String::from_utf8_lossy(&early.stderr).contains("the oldest snapshot was taken at 2026-01-02T03:00:00Z"));
    assert_eq!(early.status.code(), Some(1));
    std::fs::remove_dir_all(kept).unwrap();

    let alice = bed.person("alice", &["engineers"]).await;
    let refused = runs(&alice.kubeconfig, &report).await;
    assert_eq!(refused.status.code(), Some(1), "half a report is none");
    assert!(refused.stdout.is_empty() && String::from_utf8_lossy(&refused.stderr).contains("forbidden"));
    unbinds_everywhere(&bed, &made).await;
}

async fn applies(bed: &Bed, manifest: &str, more: &[&str]) -> Output {
    let mut kubectl = Command::new(bed.connection.kubectl());
    kubectl.arg("--kubeconfig").arg(bed.connection.admin()).args(["apply", "-f", "-"]).args(more);
    let mut child = kubectl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(manifest.as_bytes()).await.unwrap();
    child.wait_with_output().await.unwrap()
}

#[tokio::test]
async fn g9_a_standing_binding_is_adopted_by_a_policy_and_goes() {
    let bed = Bed::new("adopt").await;
    let here = bed.namespace.as_str();
    binds(&bed, binding("team:logs", "curfew-logs", json!([group("engineers"), user("dana")]), json!({}))).await;
    let (made, audrey) = auditor(&bed).await;
    let adopt = ["adopt", "team:logs", "--namespace", here];

    let unfilled = says(&audrey, &adopt).await;
    let refused = applies(&bed, &unfilled, &["--dry-run=server"]).await;
    assert!(!refused.status.success(), "what has to be filled in is");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("spec.owner.name"), "{refused:?}");

    let manifest = says(&audrey, &[&adopt[..], &["--approvers", "platform"]].concat()).await;
    let applied = applies(&bed, &manifest, &[]).await;
    assert!(applied.status.success(), "{}\n{manifest}", String::from_utf8_lossy(&applied.stderr));
    let name = manifest.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap();
    let policies = Api::<AccessPolicy>::all(bed.admin.clone());
    let label = json!({"metadata": {"labels": {"bed": here}}});
    policies.patch(name, &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    let _operator = bed.operator().await;
    let policy = until("the policy is ready", || async {
        let policy = policies.get(name).await.ok()?;
        curfew::api::reasons::is(policy.status.as_ref()?, Ready::Complete).then_some(policy)
    })
    .await;
    let asks: Vec<_> = policy.spec.requesters.iter().map(ToString::to_string).collect();
    assert_eq!(asks, ["Group engineers", "User dana"]);

    let removal = manifest.lines().last().unwrap().trim_start_matches("#   kubectl ");
    let mut kubectl = Command::new(bed.connection.kubectl());
    kubectl.arg("--kubeconfig").arg(bed.connection.admin()).args(removal.split(' '));
    let done = kubectl.output().await.unwrap();
    assert!(done.status.success(), "{removal}: {}", String::from_utf8_lossy(&done.stderr));
    let bindings = Api::<RoleBinding>::namespaced(bed.admin.clone(), here);
    assert!(bindings.get_opt("team:logs").await.unwrap().is_none());
    let gone = runs(&audrey, &adopt).await;
    assert!(String::from_utf8_lossy(&gone.stderr).contains("there is no RoleBinding team:logs"), "{gone:?}");
    policies.delete(name, &DeleteParams::default()).await.unwrap();
    unbinds_everywhere(&bed, &made).await;
}

#[tokio::test]
async fn i6_the_operator_counts_who_holds_standing_access() {
    let bed = Bed::new("counted").await;
    bed.policy_with(json!({})).await;
    let root = format!("{}-root", bed.namespace);
    let made = binds_everywhere(&bed, binding(&root, "curfew-read", json!([user(&root)]), json!({}))).await;
    binds(&bed, binding("engineers", "curfew-read", json!([group("engineers"), user(&root)]), json!({}))).await;
    let operator = bed.operator().await;
    let series = format!("curfew_standing_subjects{{namespace=\"{}\"}} ", bed.namespace);
    let count = until("it is counted", || async {
        let text = String::from_utf8(operator.metrics.text()).unwrap();
        text.lines().find_map(|line| line.strip_prefix(&series)?.parse::<usize>().ok())
    })
    .await;
    // Other tests bind people everywhere too.
    assert!(count >= 2, "{count}");
    let only = String::from_utf8(operator.metrics.text()).unwrap();
    assert_eq!(
        only.lines().filter(|line| line.starts_with("curfew_standing_subjects{")).count(),
        1,
        "only what is protected"
    );
    unbinds_everywhere(&bed, &made).await;
}

#[tokio::test]
async fn b19_the_audit_log_names_each_binding_by_hand_and_who_went_past() {
    let bed = Bed::new("by-hand").await;
    let namespaces = Api::<k8s_openapi::api::core::v1::Namespace>::all(bed.admin.clone());
    let label = json!({"metadata": {"labels": {"curfew.dev/hand-made": "audit"}}});
    namespaces.patch(&bed.namespace, &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    let noted = |name: &str| {
        let events = bed.trail.events(&bed.namespace);
        let event = events.iter().find(|event| {
            event["objectRef"]["name"] == name && !event["annotations"]["curfew-hand-made/by-hand"].is_null()
        })?;
        let failed = !event["annotations"]["validation.policy.admission.k8s.io/validation_failure"].is_null();
        Some((event["annotations"]["curfew-hand-made/by-hand"].as_str().unwrap().to_owned(), failed))
    };
    let rules = json!([{"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": ["create"]},
        {"apiGroups": [RBAC], "resources": ["clusterroles"], "verbs": ["bind"]}]);
    let role = json!({"metadata": {"name": "binds"}, "rules": rules});
    let roles = Api::<k8s_openapi::api::rbac::v1::Role>::namespaced(bed.admin.clone(), &bed.namespace);
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    let mut may = binding("binds", "binds", json!([user("nadia")]), json!({}));
    may["roleRef"]["kind"] = json!("Role");
    binds(&bed, may).await;
    let nadia = bed.person("nadia", &[]).await;
    let hers = Api::<RoleBinding>::namespaced(nadia.client.clone(), &bed.namespace);
    let robots = json!([{"kind": "ServiceAccount", "name": "default", "namespace": bed.namespace}]);
    for object in [
        binding("for-erin", "curfew-logs", json!([user("erin"), group("engineers")]), json!({})),
        binding("for-robots", "curfew-logs", robots, json!({})),
    ] {
        let object: RoleBinding = serde_json::from_value(object).unwrap();
        until("RBAC has seen it", || async { hers.create(&PostParams::default(), &object).await.ok() }).await;
    }
    let said = until("it is in the log", || async { noted("for-erin") }).await;
    assert_eq!(said, ("ClusterRole curfew-logs for User erin and 1 more".to_owned(), true));
    let said = until("it is in the log", || async { noted("binds") }).await;
    assert_eq!(said, ("Role binds for User nadia".to_owned(), false), "an administrator holds `bypass`");
    assert_eq!(noted("for-robots"), None);
}
