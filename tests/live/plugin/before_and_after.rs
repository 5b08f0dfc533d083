//! Looking: at policies before they are applied, at who had access, and at records long after.
use super::{access, auditor, no_auditor};
use crate::running::{Running, binds_by_hand, cluster_role};
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::EndReason;
use curfew_testbed::bed::{Bed, until};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A file of this test's own.
fn file(bed: &Bed, name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("{}-{name}", bed.namespace));
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn j12_j14_who_had_access_to_what_and_why_and_whether_the_record_is_what_it_was() {
    let running = Running::begin("who", "20m").await;
    let Running { bed, alice, bob, .. } = &running;
    let here = bed.namespace.as_str();
    binds_by_hand(bed, "by-hand", cluster_role("curfew-restart"), "erin").await;
    let audrey = auditor(bed).await;

    let now = access(bed, &audrey, &["who", here]).await.ok();
    let row = |table: &str, who: &str| {
        table.lines().find(|line| line.starts_with(who)).unwrap_or_else(|| panic!("{who}: {table}")).to_owned()
    };
    let hers = row(&now, "User alice");
    for part in ["ReadOnly", "logs (ClusterRole curfew-logs)", "ends ", "SUP-4812"] {
        assert!(hers.contains(part), "{part}: {hers}");
    }
    assert!(row(&now, "User erin").contains("standing by by-hand, answers for it: nobody"), "{now}");
    access(bed, alice, &["who", here]).await.said(3, "--grants-only");
    let alone = access(bed, alice, &["who", here, "--grants-only"]).await;
    assert!(alone.out.contains("User alice") && !alone.out.contains("erin"), "{alone:?}");
    assert!(alone.err.contains("Standing access was not looked at"), "what is left out is told: {alone:?}");

    access(bed, alice, &["close", "--wait"]).await.ok();
    let record = running.ends(EndReason::Closed, "alice").await;
    let before = access(bed, alice, &["who", here, "--since", "1h", "--grants-only", "-o", "json"]).await.ok();
    let before: Value = serde_json::from_str(&before).unwrap();
    assert_eq!(before["access"][0]["until"], json!(record.status.as_ref().unwrap().ended_at));
    // In the second of its end she had it still.
    until("she has it no more", || async {
        access(bed, bob, &["who", here, "--grants-only"]).await.ok().is_empty().then_some(())
    })
    .await;

    let name = record.metadata.name.clone().unwrap();
    let fine = access(bed, bob, &["verify", &name]).await.ok();
    assert!(fine.ends_with("1 records: 1 fine, 0 not\n"), "{fine}");
    let mut gone: Value = json!(AccessGrant::clone(&record));
    gone["metadata"]["name"] = json!("gone");
    let export = file(bed, "export.jsonl", &format!("{}\n{gone}\n", json!(record)));
    let export = export.to_str().unwrap();
    let missing = access(bed, bob, &["verify", "--against", export, "-o", "name"]).await;
    assert_eq!((missing.code, missing.out.as_str()), (Some(1), "accessgrant.curfew.dev/gone\n"), "{missing:?}");
    access(bed, bob, &["verify", "nothing"]).await.said(1, "there is no record `nothing`");
    no_auditor(bed, &audrey).await;
}

#[tokio::test]
async fn i7_a_lint_with_a_cluster_knows_its_roles_namespaces_and_groups_as_far_as_its_user_may() {
    let bed = Bed::new("lint").await;
    let (audrey, eve) = (auditor(&bed).await, bed.person("eve", &["engineers"]).await);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policies/small-team.yaml");
    let text = std::fs::read_to_string(example).unwrap();
    let group = format!("nobodys-{}", bed.namespace);
    let text = text
        .replace("name: curfew-restart", "name: curfew-no-such")
        .replace("name: engineers", &format!("name: {group}"));
    let text = text.replace("curfew.dev/zone: production", &format!("example.com/nowhere: {}", bed.namespace));
    let policy = file(&bed, "policy.yaml", &text);
    let policy = policy.to_str().unwrap();
    let alone = access(&bed, &eve, &["lint", policy]).await;
    assert_eq!(alone.code, Some(0), "{alone:?}");
    let found = access(&bed, &audrey, &["lint", policy, "--cluster"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    for part in [
        "error: small-team: RoleNotFound",
        "warning: small-team: NoNamespaces",
        "warning: small-team: GroupNeverSeen",
        &group,
    ] {
        assert!(found.out.contains(part), "{part}: {found:?}");
    }
    let hers = access(&bed, &eve, &["lint", policy, "--cluster"]).await;
    assert!(hers.err.contains("You may not list namespaces") && !hers.out.contains("NoNamespaces"), "{hers:?}");
    no_auditor(&bed, &audrey).await;
}
