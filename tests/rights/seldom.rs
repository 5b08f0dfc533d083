//! What an operator does seldom, and what would disturb others on a control plane that they share.
use curfew::api::names;
use curfew::api::reasons::Ready;
use curfew::decide::fuse_test;
use curfew::decide::guard::Epoch;
use curfew_testbed::bed::{Bed, until};
use curfew_testbed::chart::RELEASE;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;

/// What a crash left is cleared, an epoch that cannot be read is recorded anew, and a Role in a namespace is looked at.
pub async fn what_no_shared_control_plane_can_show(bed: &Bed) {
    let maps = Api::<ConfigMap>::namespaced(bed.admin.clone(), RELEASE);
    let left = left_by_a_crash(&maps, &fuse_test::name(&bed.installation())).await;
    spoil_the_epoch(&bed.admin).await;
    let operator = bed.operator().await;
    until("what the last fuse test left is cleared", || async {
        let there = maps.get_opt(&left.name_any()).await.ok()?;
        there.is_none_or(|map| map.uid() != left.uid()).then_some(())
    })
    .await;
    until("the epoch is recorded anew", || async {
        Epoch::from_data(maps.get_opt(names::EPOCH).await.ok()??.data.unwrap_or_default())
    })
    .await;
    let role = json!([{"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "Role", "name": "of-the-team"}}]);
    bed.policy_with(json!({"access": role})).await;
    bed.policy_becomes(Ready::RoleNotFound).await;
    operator.stops().await;
}

async fn left_by_a_crash(maps: &Api<ConfigMap>, name: &str) -> ConfigMap {
    let map = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap()
}

async fn spoil_the_epoch(admin: &Client) {
    let maps = Api::<ConfigMap>::namespaced(admin.clone(), RELEASE);
    let spoilt = Patch::Merge(json!({"data": {"since": "soon"}}));
    maps.patch(names::EPOCH, &PatchParams::default(), &spoilt).await.unwrap();
}
