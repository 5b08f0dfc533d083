//! Whether admission is as it was installed, and since when.
use super::{Bed, HOME, Standings, Task, becomes, installation, must, standings};
use curfew::api::admission::{DECISIONS, Kind};
use curfew::api::names;
use curfew::cluster::Cluster;
use curfew::decide::{Guard, Standing};
use curfew::operate::clock::Clock;
use curfew::operate::guard;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;
use tokio::time::sleep;

async fn look(cluster: &Cluster, lease_held: bool) -> Guard {
    guard::look(cluster, &Clock::system(), &installation("guard"), &must(), lease_held).await.unwrap()
}
async fn intact(cluster: &Cluster) -> String {
    match look(cluster, true).await {
        Guard::Intact { epoch } => epoch,
        other => panic!("{other:?}"),
    }
}
fn epoch(standing: &Standing) -> Option<String> {
    match &standing.guard {
        Guard::Intact { epoch } => Some(epoch.clone()),
        _ => None,
    }
}
fn words(standing: &Standing) -> &str {
    match &standing.guard {
        Guard::Broken(words) => words,
        _ => "",
    }
}
fn watched(cluster: &Cluster, standing: &Standings) -> Task {
    Task::new(guard::run(cluster.clone(), Clock::system(), installation("guard"), standing.clone()))
}
pub(super) async fn anew<K>(client: &Client, name: &str)
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Debug,
{
    let api = Api::<K>::all(client.clone());
    let mut object = api.get(name).await.unwrap();
    api.delete(name, &DeleteParams::background()).await.unwrap();
    object.meta_mut().resource_version = None;
    object.meta_mut().uid = None;
    api.create(&PostParams::default(), &object).await.unwrap();
}
async fn change<K>(client: &Client, name: &str, patch: Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    Api::<K>::all(client.clone()).patch(name, &PatchParams::default(), &patch).await.unwrap();
}
async fn map(bed: &Bed) -> ConfigMap {
    Api::<ConfigMap>::namespaced(bed.admin.clone(), HOME).get(names::EPOCH).await.unwrap()
}
async fn forget(bed: &Bed) {
    let maps = Api::<ConfigMap>::namespaced(bed.admin.clone(), HOME);
    drop(maps.delete(names::EPOCH, &DeleteParams::default()).await);
}

#[tokio::test]
async fn what_the_chart_installs_comes_back_unchanged_and_is_recorded_once() {
    let bed = Bed::new().await;
    forget(&bed).await;
    let cluster = bed.cluster().await;
    assert!(
        matches!(look(&cluster, false).await, Guard::Broken(words) if words.contains("waiting for the lease holder"))
    );
    let first = intact(&cluster).await;
    assert_eq!(intact(&cluster).await, first);
    assert_eq!(look(&cluster, false).await, Guard::Intact { epoch: first }, "replicas without the lease read it");
}

#[tokio::test]
async fn admission_deleted_and_restored_while_nobody_looks_starts_a_new_epoch() {
    let bed = Bed::new().await;
    let cluster = bed.cluster().await;
    for kind in [Kind::Policy, Kind::Binding] {
        let before = intact(&cluster).await;
        match kind {
            Kind::Policy => anew::<ValidatingAdmissionPolicy>(&bed.admin, DECISIONS).await,
            _ => anew::<ValidatingAdmissionPolicyBinding>(&bed.admin, DECISIONS).await,
        }
        assert!(matches!(look(&cluster, false).await, Guard::Broken(words) if words.contains("made anew")), "{kind}");
        assert_ne!(intact(&cluster).await, before, "{kind}");
    }
}

#[tokio::test]
async fn a_schema_that_was_changed_and_changed_back_starts_a_new_epoch() {
    let bed = Bed::new().await;
    let cluster = bed.cluster().await;
    let before = intact(&cluster).await;
    let (name, at) =
        ("accessrequests.curfew.dev", "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/decisions");
    let whole = Api::<CustomResourceDefinition>::all(bed.admin.clone()).get(name).await.unwrap();
    let decisions = json!(whole).pointer(at).unwrap().clone();
    change::<CustomResourceDefinition>(&bed.admin, name, json!([{"op": "remove", "path": at}])).await;
    let said = look(&cluster, true).await;
    assert!(
        matches!(&said, Guard::Broken(words) if words.contains("CustomResourceDefinition accessrequests.curfew.dev differs at")),
        "{said:?}"
    );
    change::<CustomResourceDefinition>(&bed.admin, name, json!([{"op": "add", "path": at, "value": decisions}])).await;
    assert_ne!(intact(&cluster).await, before);
}

#[tokio::test]
async fn a_policy_that_is_weakened_is_noticed_at_once_named_and_a_new_epoch_begins_when_it_is_back() {
    let bed = Bed::new().await;
    let (cluster, standing) = (bed.cluster().await, standings(true));
    let _task = watched(&cluster, &standing);
    let before = epoch(&becomes(&standing, 10, |s| epoch(s).is_some()).await).unwrap();
    // Right after a look, so that only the watch can tell.
    sleep(Duration::from_secs(1)).await;
    change::<ValidatingAdmissionPolicy>(
        &bed.admin,
        DECISIONS,
        json!([{"op": "replace", "path": "/spec/failurePolicy", "value": "Ignore"}]),
    )
    .await;
    let broken = becomes(&standing, 3, |s| matches!(s.guard, Guard::Broken(_))).await;
    assert!(
        words(&broken).contains("ValidatingAdmissionPolicy curfew-request-status differs at spec.failurePolicy"),
        "{broken:?}"
    );
    change::<ValidatingAdmissionPolicy>(
        &bed.admin,
        DECISIONS,
        json!([{"op": "replace", "path": "/spec/failurePolicy", "value": "Fail"}]),
    )
    .await;
    let after = epoch(&becomes(&standing, 3, |s| epoch(s).is_some()).await).unwrap();
    assert_ne!(after, before);
}

#[tokio::test]
async fn a_binding_that_only_warns_is_noticed() {
    let bed = Bed::new().await;
    let cluster = bed.cluster().await;
    let action = |value: &str| json!([{"op": "replace", "path": "/spec/validationActions", "value": [value]}]);
    change::<ValidatingAdmissionPolicyBinding>(&bed.admin, "curfew-grants", action("Warn")).await;
    let said = look(&cluster, true).await;
    change::<ValidatingAdmissionPolicyBinding>(&bed.admin, "curfew-grants", action("Deny")).await;
    assert!(
        matches!(&said, Guard::Broken(words) if words.contains("curfew-grants differs at spec.validationActions[0]")),
        "{said:?}"
    );
}

#[tokio::test]
async fn two_operators_of_one_release_agree_on_the_epoch_from_the_first_look_on() {
    let bed = Bed::new().await;
    forget(&bed).await;
    let cluster = bed.cluster().await;
    let (one, two) = (standings(true), standings(true));
    let _tasks = (watched(&cluster, &one), watched(&cluster, &two));
    let first = epoch(&becomes(&one, 10, |s| epoch(s).is_some()).await);
    assert_eq!(epoch(&becomes(&two, 10, |s| epoch(s).is_some()).await), first);
    let stored = map(&bed).await.resource_version();
    sleep(Duration::from_secs(22)).await;
    assert_eq!((epoch(&one.borrow()), epoch(&two.borrow())), (first.clone(), first));
    assert_eq!(map(&bed).await.resource_version(), stored, "a quiet operator writes nothing");
}

#[tokio::test]
async fn the_replica_that_gets_the_lease_records_at_once() {
    let bed = Bed::new().await;
    forget(&bed).await;
    let (cluster, standing) = (bed.cluster().await, standings(false));
    let _task = watched(&cluster, &standing);
    becomes(&standing, 5, |s| words(s).contains("waiting for the lease holder")).await;
    standing.send_modify(|s| s.lease_held = true);
    becomes(&standing, 3, |s| epoch(s).is_some()).await;
}

#[tokio::test]
async fn what_may_not_be_read_is_not_intact() {
    let bed = Bed::new().await;
    let nobody = bed.connection.client(&bed.connection.user("nobody", &[]).unwrap()).await.unwrap();
    let standing = standings(true);
    let _task = watched(&Cluster::new(nobody), &standing);
    let said = becomes(&standing, 5, |s| matches!(s.guard, Guard::Broken(_))).await;
    assert!(words(&said).contains("could not be looked at"), "{said:?}");
}
