//! How much a role lets somebody do.
use super::{MOST_COMBINATIONS, Permission, combinations, size};
use crate::api::permission::DangerType;
use crate::api::subject::Level;
use k8s_openapi::api::rbac::v1::PolicyRule;

/// The least level that covers all rules.
///
/// - `ReadOnly`: get, list and watch; no secrets, and no subresource that opens a connection into a container, since
///   `get pods/exec` alone opens one by WebSocket.
/// - `LimitedWrite`: what is undone by itself or by one command: deleting or evicting a pod, scaling, and connections
///   into what runs (exec, attach, portforward, proxy).
/// - `Write`: every other change, and reading secrets. `patch deployments.apps` is one, although
///   `kubectl rollout restart` needs it: RBAC cannot tell an annotation from an image. A role that restarts at
///   `LimitedWrite` deletes pods instead. So are ephemeral containers, which may name any Secret of the namespace.
/// - `Admin`: wildcards, verbs that are not Kubernetes' own, and whatever leads to more rights.
pub fn least_level(rules: &[PolicyRule]) -> Level {
    highest(rules).map_or(Level::ReadOnly, |worst| worst.level)
}

/// What a role gives beyond a level, in words; `None` if it stays within.
pub fn excess(rules: &[PolicyRule], declared: Level) -> Option<String> {
    let worst = highest(rules).filter(|worst| worst.level > declared)?;
    Some(format!("`{}` is {:?}: {}", worst.what, worst.level, worst.why))
}

struct Worst {
    level: Level,
    what: String,
    why: &'static str,
}

/// The first of the permissions that need the highest level.
fn highest(rules: &[PolicyRule]) -> Option<Worst> {
    let mut worst: Option<Worst> = None;
    for rule in rules {
        if size(rule) > MOST_COMBINATIONS {
            let what = "a rule with thousands of combinations".to_owned();
            return Some(Worst { level: Level::Admin, what, why: "nobody can judge it" });
        }
        for permission in combinations(rule) {
            let Nature { level, why, .. } = nature_of(&permission);
            if worst.as_ref().is_none_or(|worst| level > worst.level) {
                worst = Some(Worst { level, what: permission.to_string(), why });
            }
            if level == Level::Admin {
                return worst;
            }
        }
    }
    worst
}

/// Whether what was done, as a record has it (`get pods/log`), was looking: no change, and no connection into what runs.
pub fn is_reading(done: &str) -> bool {
    let looks = |of: Permission| READS.contains(&&*of.verb) && !CONNECTIONS.contains(&&*of.subresource);
    done.parse().is_ok_and(looks)
}

const READS: &[&str] = &["get", "list", "watch"];
const CHANGES: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const RBAC: &str = "rbac.authorization.k8s.io";
/// Other groups in which a change is a change of what people may do.
const GUARDED_GROUPS: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiregistration.k8s.io",
    "apiextensions.k8s.io",
    "certificates.k8s.io",
    "curfew.dev",
];
/// Subresources that open a connection into something, whatever the verb: WebSockets begin with a GET.
const CONNECTIONS: &[&str] = &["exec", "attach", "portforward", "proxy", "console", "vnc", "ssh"];

/// How much one permission lets somebody do.
pub(super) struct Nature {
    pub(super) level: Level,
    pub(super) danger: Option<DangerType>,
    pub(super) why: &'static str,
}
fn nature(level: Level, danger: impl Into<Option<DangerType>>, why: &'static str) -> Nature {
    Nature { level, danger: danger.into(), why }
}

/// One table for both: what needs level `Admin` is a danger, so that nothing of it goes unsaid.
pub(super) fn nature_of(permission: &Permission) -> Nature {
    use DangerType::*;
    use Level::*;
    let Permission { verb, group, resource, subresource, .. } = permission;
    let (verb, group, resource, subresource) = (&**verb, &**group, &**resource, &**subresource);
    let reads = READS.contains(&verb);
    match (verb, group, resource, subresource) {
        _ if [verb, group, resource, subresource].contains(&"*") => {
            nature(Admin, Wildcard, "a wildcard covers what nobody has looked at")
        }
        ("bind" | "escalate", ..) => nature(Admin, Escalates, "it leads to more rights"),
        _ if verb.starts_with("impersonate") => nature(Admin, Impersonates, "it lets somebody act as another"),
        (_, "", "nodes", "proxy") => {
            nature(Admin, OpensKubelet, "it opens the kubelet, and with it every container of the node")
        }
        _ if CONNECTIONS.contains(&subresource) => nature(
            LimitedWrite,
            OpensConnections,
            "it opens a connection into something that runs, and a get is enough for that",
        ),
        (_, "", "secrets", _) if reads => {
            nature(Write, ReadsSecrets, "it reads secrets, which are keys to other systems")
        }
        _ if reads => nature(ReadOnly, None, "it only reads"),
        _ if !CHANGES.contains(&verb) => {
            nature(Admin, UnknownVerb, "the verb is not one of Kubernetes' own, so it may mean anything")
        }
        (_, "", "serviceaccounts", "token") => nature(Admin, MakesTokens, "it makes tokens of service accounts"),
        (_, RBAC, ..) => nature(Admin, WritesRbac, "it changes what people may do"),
        _ if GUARDED_GROUPS.contains(&group) => nature(Admin, WritesProtection, "it changes what people may do"),
        (_, "", "namespaces", _) => nature(Admin, WritesProtection, "it changes the labels that protect the namespace"),
        ("create", "", "secrets", _) => {
            nature(Write, MakesTokens, "a secret may ask for a token of a service account, which does not expire")
        }
        ("update" | "patch" | "deletecollection", "", "secrets", _) => {
            nature(Write, ReadsSecrets, "the answer to a change of secrets shows what is in them")
        }
        ("delete", "", "pods", "") | ("create", "", "pods", "eviction") => {
            nature(LimitedWrite, None, "it stops a pod, which its controller makes again")
        }
        ("update" | "patch", _, _, "scale") => nature(LimitedWrite, None, "it changes a number of replicas"),
        ("update" | "patch", "", "pods", "resize") => {
            nature(LimitedWrite, None, "it gives a pod more, or less, until it goes")
        }
        ("update" | "patch", "", "pods", "ephemeralcontainers") => {
            nature(Write, AddsContainers, "a debug container may name any Secret of the namespace in its environment")
        }
        ("create" | "update" | "patch", "" | "apps" | "batch", ..) if runs_pods(resource) && subresource.is_empty() => {
            nature(Write, RunsWorkloads, "it can choose the image that runs, and the secrets that it sees")
        }
        _ => nature(Write, None, "it creates, changes or deletes"),
    }
}

fn runs_pods(resource: &str) -> bool {
    matches!(
        resource,
        "pods"
            | "replicationcontrollers"
            | "deployments"
            | "replicasets"
            | "statefulsets"
            | "daemonsets"
            | "jobs"
            | "cronjobs"
    )
}
