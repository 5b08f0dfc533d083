//! What is dangerous in a role.
use super::schema::no_nulls;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumMessage, IntoStaticStr, VariantArray};

/// What is dangerous in a role, worst first. What it leads to may outlive the grant: tokens, pods, copies and bindings that are
/// made in the window stay (N6).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    IntoStaticStr,
    EnumMessage,
    VariantArray,
)]
pub enum DangerType {
    /// A rule is larger than anybody can judge.
    Unjudged,
    /// A wildcard covers what nobody has looked at, Secrets and connections included.
    Wildcard,
    /// `bind` and `escalate` lead to more rights; a binding made with them stays.
    Escalates,
    /// Somebody acts as another, and only the API server's audit log shows it.
    Impersonates,
    /// Roles and bindings are written; what was made in the window stays.
    WritesRbac,
    /// What protects the cluster is written: admission, API registrations, certificates, namespaces, Curfew's own kinds.
    WritesProtection,
    /// A verb that is not one of Kubernetes' own may mean anything.
    UnknownVerb,
    /// `nodes/proxy` opens the kubelet, and with it every container of the node.
    OpensKubelet,
    /// Tokens of ServiceAccounts are made, and outlive the grant.
    MakesTokens,
    /// Secrets are read: they are keys to other systems, and stay known.
    ReadsSecrets,
    /// Pods are started or changed, with any image and any Secret of the namespace; they run on after the end.
    RunsWorkloads,
    /// Debug containers are added to pods: they may name any Secret of the namespace, and stay while the pod does.
    AddsContainers,
    /// exec, attach, portforward or proxy open a connection into something that runs; one that is open outlives the end (N5).
    OpensConnections,
}

/// Something dangerous in a role, in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[schemars(transform = no_nulls)]
pub struct Danger {
    /// Which.
    #[serde(rename = "type")]
    #[schemars(rename = "type")]
    pub type_: DangerType,
    /// By which permissions, and what may come of it.
    #[schemars(length(max = 512))]
    pub message: String,
}
