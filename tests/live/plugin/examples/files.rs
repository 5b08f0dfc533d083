//! Policies in files, and what a shell is told.
use super::super::{auditor, no_auditor};
use super::{Left, Scene, has};
use serde_json::json;

pub async fn plays(left: &Left) {
    let scene = Scene::begins("files", left, json!({})).await;
    let (alice, audrey) = (scene.person("alice", "engineers").await, auditor(&scene.bed).await);
    let small_team = include_str!("../../../../examples/policies/small-team.yaml");
    // Only who asks the cluster knows that no namespace has it.
    let nowhere = format!("example.com/nowhere: {}", scene.bed.namespace);
    let support = small_team.replace("curfew.dev/zone: production", &nowhere);
    let chart = format!("apiVersion: v2\nname: {}\nversion: 1.0.0\n", scene.bed.namespace);
    std::fs::create_dir_all(scene.folder.join("policies/templates")).unwrap();
    for (file, text) in [
        ("support.yaml", support.as_str()),
        ("incident.yaml", include_str!("../../../../examples/policies/incident-response.yaml")),
        ("Chart.yaml", &chart),
        ("templates/support.yaml", &support),
    ] {
        std::fs::write(scene.folder.join("policies").join(file), text).unwrap();
    }

    let found = scene.types(&alice, "lint policies/support.yaml policies/incident.yaml").await.ok();
    has(&found, &["warning: small-team: ThinEvidence", "\n2 policies: 0 errors, 1 warnings\n"]);
    let strict = scene.types(&alice, "lint policies/support.yaml --strict").await;
    assert_eq!(strict.code, Some(1), "a warning is enough: {strict:?}");
    let found = scene.types(&audrey, "lint policies/support.yaml --cluster").await.ok();
    has(&found, &["warning: small-team: NoNamespaces"]);
    let found = scene.types(&alice, "helm template").await.ok();
    has(&found, &["warning: small-team: ThinEvidence", "\n1 policies: "]);
    no_auditor(&scene.bed, &audrey).await;

    let completes = scene.types_and(&alice, "source", "complete -p kubectl-access").await.ok();
    assert!(completes.starts_with("complete ") && completes.ends_with(" kubectl-access\n"), "{completes}");
}
