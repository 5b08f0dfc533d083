//! Whether a role gives anything in a namespace that people would call access to what runs there.
use super::level::nature_of;
use super::{MOST_COMBINATIONS, Permission, combinations, size};
use crate::api::names::SNAPSHOT;
use k8s_openapi::api::rbac::v1::PolicyRule;

/// What belongs to no namespace, by group. A kind of somebody else is not here, so it counts: too much in an inventory is
/// seen, too little is not.
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    ("", &["nodes", "namespaces", "persistentvolumes", "componentstatuses"]),
    ("authentication.k8s.io", &["selfsubjectreviews", "tokenreviews"]),
    ("authorization.k8s.io", &["selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"]),
    ("node.k8s.io", &["runtimeclasses"]),
    ("scheduling.k8s.io", &["priorityclasses"]),
    ("storage.k8s.io", &["storageclasses", "volumeattachments", "csinodes", "csidrivers"]),
    ("metrics.k8s.io", &["nodes"]),
    ("networking.k8s.io", &["ingressclasses", "ipaddresses", "servicecidrs"]),
    ("flowcontrol.apiserver.k8s.io", &["flowschemas", "prioritylevelconfigurations"]),
];
const RBAC: &str = "rbac.authorization.k8s.io";
/// Verbs of Curfew's own that go past approvals.
const PAST_APPROVALS: &[&str] = &["bypass", "classify", "file"];

/// Whether the rules give access in namespaces, or to something that leads there.
///
/// Asking for access, and deciding about it, is none: admission judges each such write. Neither is seeing who holds what.
pub fn reaches_namespaces(rules: &[PolicyRule]) -> bool {
    rules.iter().any(|rule| size(rule) > MOST_COMBINATIONS || combinations(rule).any(|p| reaches(&p)))
}

fn reaches(permission: &Permission) -> bool {
    let Permission { verb, group, resource, subresource, name } = permission;
    if group == "curfew.dev" {
        let is_policy = resource == "accesspolicies" && subresource.is_empty();
        let writes_policies = is_policy && !["get", "list", "watch"].contains(&verb.as_str());
        return writes_policies || verb == "*" || resource == "*" || PAST_APPROVALS.contains(&verb.as_str());
    }
    let reads = ["get", "list", "watch"].contains(&verb.as_str());
    let is_snapshot = group.is_empty() && resource == "configmaps" && name.starts_with(SNAPSHOT);
    if reads && (group == RBAC && resource != "*" || is_snapshot) {
        return false;
    }
    let is_cluster_scoped = CLUSTER_SCOPED.iter().any(|(of, all)| of == group && all.contains(&resource.as_str()));
    !is_cluster_scoped || nature_of(permission).danger.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn g9_only_what_gives_access_in_a_namespace_is_standing_access() {
        for (group, resource, verb, is_access) in [
            ("", "pods", "get", true),
            ("*", "*", "*", true),
            ("example.com", "widgets", "list", true),
            ("", "nodes", "get", false),
            ("", "nodes/proxy", "get", true),
            ("", "namespaces", "list", false),
            ("", "namespaces", "patch", true),
            ("authorization.k8s.io", "selfsubjectaccessreviews", "create", false),
            ("certificates.k8s.io", "certificatesigningrequests", "create", true),
            ("curfew.dev", "accessrequests", "create", false),
            ("curfew.dev", "accessrequests/status", "patch", false),
            ("curfew.dev", "accesspolicies/status", "patch", false),
            ("curfew.dev", "accessrequests", "close", false),
            ("curfew.dev", "accesspolicies", "create", true),
            ("curfew.dev", "accesspolicies", "bypass", true),
            ("curfew.dev", "accesspolicies", "classify", true),
            ("curfew.dev", "*", "get", true),
            ("rbac.authorization.k8s.io", "rolebindings", "list", false),
            ("rbac.authorization.k8s.io", "rolebindings", "create", true),
            ("rbac.authorization.k8s.io", "*", "list", true),
            ("", "configmaps", "get", true),
        ] {
            let rules = json!([{"apiGroups": [group], "resources": [resource], "verbs": [verb]}]);
            let rules: Vec<PolicyRule> = serde_json::from_value(rules).unwrap();
            assert_eq!(reaches_namespaces(&rules), is_access, "{verb} {resource}.{group}");
        }
        let named = |name: &str| json!([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [name], "verbs": ["get"]}]);
        let reaches = |rules| reaches_namespaces(&serde_json::from_value::<Vec<_>>(rules).unwrap());
        assert!(!reaches(named("curfew-standing-00")) && reaches(named("flags")));
        let urls = json!([{"nonResourceURLs": ["/healthz", "/metrics"], "verbs": ["get"]}]);
        assert!(!reaches_namespaces(&serde_json::from_value::<Vec<_>>(urls).unwrap()));
        let many: Vec<_> = (0..200).map(|n| n.to_string()).collect();
        let huge = json!([{"apiGroups": ["curfew.dev"], "resources": many, "verbs": many}]);
        assert!(reaches_namespaces(&serde_json::from_value::<Vec<_>>(huge).unwrap()), "nobody can judge it");
    }
}
