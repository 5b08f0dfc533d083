//! A record that somebody rewrites while admission is switched off.
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{FlagType, Outcome, Screened};
use curfew::decide::timeline::{self, Chain};
use curfew_testbed::bed::{Bed, Granted, Operator, Person, until};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// What protects records.
const PROTECTION: [&str; 2] = ["curfew-grants", "curfew-grant-status"];

async fn denied(policy: &str, name: &str, alice: &Person, bob: &Person) -> Granted {
    let request = alice.files(name, policy, "30m").await;
    request.becomes(Screened::Complete).await;
    bob.decides(&request, json!({"step": "service-owner", "decision": "Deny"})).await.unwrap();
    let grant = request.recorded().await;
    grant.becomes(Outcome::Denied).await;
    grant
}
/// Takes the bindings of the protection away, does this, and puts them back.
async fn without_admission<T, F: Future<Output = Option<T>>>(admin: &Client, act: impl Fn() -> F) -> T {
    let api = Api::<ValidatingAdmissionPolicyBinding>::all(admin.clone());
    let mut kept = vec![];
    for name in PROTECTION {
        let mut binding = api.get(name).await.unwrap();
        api.delete(name, &DeleteParams::default()).await.unwrap();
        (binding.metadata.resource_version, binding.metadata.uid) = (None, None);
        kept.push(binding);
    }
    let done = until("admission is off", act).await;
    for binding in kept {
        api.create(&PostParams::default(), &binding).await.unwrap();
    }
    done
}
async fn written(admin: &Client, name: &str) -> Value {
    json!(Api::<AccessGrant>::all(admin.clone()).get(name).await.unwrap())
}
async fn is_flagged(bed: &Bed, grant: &Granted) -> AccessGrant {
    let (admin, name) = (bed.admin.clone(), grant.name.clone());
    until(&format!("{name} is flagged"), || async {
        let record = Api::<AccessGrant>::all(admin.clone()).get(&name).await.ok()?;
        let status = record.status.as_ref()?;
        let is_flagged = status.flags.iter().any(|flag| flag.type_ == FlagType::ChainBroken);
        (is_flagged && status.flagged.as_deref() == Some("ChainBroken")).then_some(record)
    })
    .await
}
/// What `curfew verify` finds about this record.
fn found(kubeconfig: &PathBuf, name: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut verify = Command::new(env!("CARGO_BIN_EXE_curfew"));
    let said = verify.args(["verify", "-o", "json", "--kubeconfig"]).arg(kubeconfig).args(more).output().unwrap();
    let all: Value = serde_json::from_slice(&said.stdout).unwrap();
    let record = all["records"].as_array().unwrap().iter().find(|record| record["record"] == name).cloned();
    (said.status.code(), record.map_or(String::new(), |record| record["found"].to_string()))
}

#[tokio::test]
async fn j13_a_record_that_was_rewritten_without_admission_is_flagged_and_verify_says_so() {
    super::Bed::new().await;
    let bed = Bed::new("rewritten").await;
    let policy = bed.policy_with(json!({})).await;
    let operator: Operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let first = denied(&policy, "sup-1", &alice, &bob).await;
    let second = denied(&policy, "sup-2", &alice, &bob).await;
    let kubeconfig = bed.connection.admin();
    assert_eq!(found(&kubeconfig, &first.name, &[]), (Some(0), "[]".into()));
    let grants = Api::<AccessGrant>::all(bed.admin.clone());
    let export = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rewritten.jsonl");
    let lines = [written(&bed.admin, &first.name).await, written(&bed.admin, &second.name).await];
    std::fs::write(&export, format!("{}\n{}\n", lines[0], lines[1])).unwrap();

    // An entry that nobody wrote, with a digest that does not fit.
    let added = json!([{"op": "add", "path": "/status/timeline/-", "value":
        {"seq": 2, "at": "2026-12-01T09:00:00Z", "what": "Active=False/Withdrawn", "by": "alice", "digest": "0".repeat(64)}}]);
    let added: Patch<()> = Patch::Json(serde_json::from_value(added).unwrap());
    without_admission(&bed.admin, || async {
        grants.patch_status(&first.name, &PatchParams::default(), &added).await.ok().map(drop)
    })
    .await;
    let record = is_flagged(&bed, &first).await;
    let status = record.status.unwrap();
    assert_eq!(status.timeline[1].what, "Active=False/Withdrawn", "nothing is repaired");
    assert_eq!(status.timeline.last().unwrap().what, "Flagged=True/ChainBroken");
    let (code, said) = found(&kubeconfig, &first.name, &[]);
    assert!(code == Some(3) && said.contains("entry 2 of the timeline"), "{said}");

    // Another whole record in its place, by somebody who knows how digests are computed.
    let mut forged = written(&bed.admin, &second.name).await;
    forged["spec"]["user"] = json!("carol");
    let (spec, status) = (
        json!({"apiVersion": forged["apiVersion"], "kind": forged["kind"], "spec": forged["spec"],
        "metadata": {"name": second.name, "labels": forged["metadata"]["labels"]}}),
        forged["status"].clone(),
    );
    without_admission(&bed.admin, || async {
        drop(grants.delete(&second.name, &DeleteParams::background()).await);
        let made = grants.create(&PostParams::default(), &serde_json::from_value(spec.clone()).unwrap()).await.ok()?;
        let (mut status, mut before) = (status.clone(), timeline::anchor(&json!(made)));
        for entry in status["timeline"].as_array_mut().unwrap() {
            before = timeline::digest(&before, entry);
            entry["digest"] = json!(before);
        }
        let patch = Patch::Merge(json!({"metadata": {"resourceVersion": made.resource_version()}, "status": status}));
        grants.patch_status(&second.name, &PatchParams::default(), &patch).await.ok().map(drop)
    })
    .await;
    let record = is_flagged(&bed, &second).await;
    assert_eq!(record.spec.user, "carol");
    assert_eq!(Chain::of(&json!(record)).fault(), None, "its digests alone say nothing");
    let (code, said) = found(&kubeconfig, &second.name, &["--against", export.to_str().unwrap()]);
    assert!(code == Some(3) && said.contains("Replaced"), "{said}");
    operator.stops().await;
}
