//! Every name and label that Curfew makes: deterministic, so that a repeated write is the same write.
use super::grant::AccessGrantSpec;
use super::request::AccessRequest;
use kube::ResourceExt;

/// Who writes, in `managedFields` and Events.
pub const FIELD_MANAGER: &str = "curfew";
/// The UID of the grant that a binding or a fuse belongs to.
pub const GRANT_LABEL: &str = "curfew.dev/grant";
/// Where a namespace belongs, such as `curfew.dev/zone: production`; any value counts.
pub const ZONE_LABEL: &str = "curfew.dev/zone";
/// Namespaces with data that calls for more care, such as `curfew.dev/sensitivity: cardholder`; any value counts.
pub const SENSITIVITY_LABEL: &str = "curfew.dev/sensitivity";
/// The policy that it was decided under.
pub const POLICY_LABEL: &str = "curfew.dev/policy";
/// The request that it was filed as.
pub const REQUEST_LABEL: &str = "curfew.dev/request";
/// The rule that approved; on AccessGrants only.
pub const RULE_LABEL: &str = "curfew.dev/rule";
/// `Emergency`, on AccessGrants of that lane only.
pub const LANE_LABEL: &str = "curfew.dev/lane";
/// When the access ends, for people and tools: the truth is the grant's spec.
pub const EXPIRES_ANNOTATION: &str = "curfew.dev/expires-at";
/// On an Event of an AccessGrant: `SEQ DIGEST` of the last entry of its timeline.
pub const TIMELINE_ANNOTATION: &str = "curfew.dev/timeline";
/// On a namespace: what happens to RoleBindings for people that are made there by hand. It is protected then.
pub const HAND_MADE_LABEL: &str = "curfew.dev/hand-made";
/// Who answers for a standing binding.
pub const OWNER_ANNOTATION: &str = "curfew.dev/owner";
/// The day until which somebody must look at a standing binding again.
pub const REVIEW_BY_ANNOTATION: &str = "curfew.dev/review-by";
/// What begins the names of the ConfigMaps that keep snapshots of standing access.
pub const SNAPSHOT: &str = "curfew-standing";
/// Who made it, by the field's common label.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The value of [`GRANT_LABEL`] on the hourly test fuse.
pub const FUSE_TEST: &str = "fuse-test";
/// The ConfigMap, in the operator's namespace, in which the guard records what it has seen.
pub const EPOCH: &str = "curfew-admission";
/// The verb that lets somebody end any access.
pub const CLOSE_VERB: &str = "close";

/// Labels and annotations with a meaning, for the reference: name, where it is, and what it says.
pub const MARKS: &[(&str, &str, &str)] = &[
    (
        GRANT_LABEL,
        "label on RoleBinding and Job",
        "The UID of the AccessGrant that it belongs to. What carries it is Curfew's: made and deleted, never changed.",
    ),
    (POLICY_LABEL, "label on RoleBinding, Job and AccessGrant", "The policy that it was decided under."),
    (REQUEST_LABEL, "label on RoleBinding, Job and AccessGrant", "The request that it was filed as."),
    (RULE_LABEL, "label on AccessGrant", "The rule of the policy that approved it, where no person did."),
    (LANE_LABEL, "label on AccessGrant", "`Emergency`, where it was one."),
    (MANAGED_BY_LABEL, "label on RoleBinding, Job and AccessGrant", "`curfew`."),
    (
        EXPIRES_ANNOTATION,
        "annotation on RoleBinding and Job",
        "When the access ends, for people and tools. The truth is `spec.expiresAt` of the AccessGrant.",
    ),
    (
        TIMELINE_ANNOTATION,
        "annotation on Event of AccessGrant",
        "Number and digest of the last entry of the record's timeline at that time.",
    ),
    (
        ZONE_LABEL,
        "label on Namespace",
        "Where it belongs, such as `production`: the value is yours, and policies select by it.",
    ),
    (
        SENSITIVITY_LABEL,
        "label on Namespace",
        "How sensitive its systems and data are: the value is yours, and policies select by it.",
    ),
    (
        HAND_MADE_LABEL,
        "label on Namespace",
        "What happens to RoleBindings for people that are made here past Curfew: `audit`, `warn` or `deny`.",
    ),
    (
        OWNER_ANNOTATION,
        "annotation on RoleBinding and ClusterRoleBinding",
        "Who answers for this standing access: a person or a group. `curfew report standing` shows it, and who lacks one.",
    ),
    (
        REVIEW_BY_ANNOTATION,
        "annotation on RoleBinding and ClusterRoleBinding",
        "The day until which its owner looks at it again, such as `2026-12-24`: at most 92 days ahead.",
    ),
    ("curfew.dev/level", "label on ClusterRole of the catalogue", "The least level that covers the role."),
    (
        "curfew.dev/catalogue",
        "label on ClusterRole of the catalogue",
        "`true`: the chart brought the role for policies to offer.",
    ),
    ("curfew.dev/description", "annotation on ClusterRole of the catalogue", "What the role is for."),
];
/// Verbs of Curfew's own, which no API call has and admission asks for: verb, resource of group `curfew.dev`, and what its holder may do.
pub const VERBS: &[(&str, &str, &str)] = &[
    (
        CLOSE_VERB,
        "accessrequests",
        "End any access, also when its policy is gone. ClusterRole `curfew-responder` holds it.",
    ),
    (
        "file",
        "accesspolicies",
        "File requests for others under that policy, where it names them in `onBehalf.filers`. ClusterRole `curfew-filer` has what else a filer needs.",
    ),
    ("classify", "accesspolicies", "Set, change and remove the labels `curfew.dev/*` of namespaces."),
    ("bypass", "accesspolicies", "Make RoleBindings for people by hand in namespaces labelled `curfew.dev/hand-made`."),
];

/// What ends the names of a second access.
const SECOND: &str = "2";

/// The first 8 characters of a UID.
pub fn short(uid: &str) -> &str {
    uid.get(..8).unwrap_or(uid)
}

/// `<namespace>.<request>.<8 of its UID>`: the record of a decision.
pub fn grant(namespace: &str, request: &str, uid: &str) -> String {
    format!("{namespace}.{request}.{}", short(uid))
}

/// `curfew-<request, cut>-<8 of its UID>`: the binding and its fuse, at most 56 characters.
///
/// The API server's audit log names the binding that allowed a call, so the name leads back to the request.
pub fn child(request: &str, uid: &str) -> String {
    let cut = request.get(..40).unwrap_or(request).trim_end_matches(['.', '-']);
    format!("curfew-{cut}-{}", short(uid))
}

/// How the API server names a RoleBinding when it says what allows something.
pub fn in_words(binding: &str, namespace: &str) -> String {
    format!("by RoleBinding \"{binding}/{namespace}\"")
}

/// The record of the second access of a request.
pub fn second(namespace: &str, request: &str, uid: &str) -> String {
    format!("{}.{SECOND}", grant(namespace, request, uid))
}

/// The binding of this grant and its fuse.
pub fn child_of(grant: &AccessGrantSpec) -> String {
    let first = child(&grant.request.name, &grant.request.uid);
    if grant.follows.is_some() { format!("{first}-{SECOND}") } else { first }
}

/// Whether the API server says that a managed binding is what allows something: `RBAC: allowed by RoleBinding "…/…" of …`.
pub fn is_by_managed_binding(words: &str) -> bool {
    words.contains("by RoleBinding \"curfew-")
}

/// The binding of a grant and its fuse, from the grant's own metadata alone.
pub fn child_of_grant(grant: &impl ResourceExt) -> Option<String> {
    let (namespace, request) = request_of_grant(grant)?;
    let name = grant.name_any();
    let rest = name.strip_prefix(&format!("{namespace}.{request}."))?;
    match rest.strip_suffix(&format!(".{SECOND}")) {
        Some(uid) => Some(format!("{}-{SECOND}", child(&request, uid))),
        None => Some(child(&request, rest)),
    }
}

/// The grant that a binding or a fuse belongs to, from its own metadata alone; `None` if it is not one of ours.
pub fn grant_of_child(child: &impl ResourceExt) -> Option<String> {
    let name = child.name_any();
    let (rest, last) = name.rsplit_once('-')?;
    let (namespace, request) = (child.namespace()?, child.labels().get(REQUEST_LABEL)?.clone());
    // What ends in 8 characters of a UID is a first one: `2` is shorter.
    match rest.rsplit_once('-').filter(|_| last == SECOND) {
        Some((_, short)) => Some(format!("{namespace}.{request}.{short}.{SECOND}")),
        None => Some(format!("{namespace}.{request}.{last}")),
    }
}

/// The grant of a request, from its own metadata alone.
pub fn grant_of_request(request: &impl ResourceExt) -> Option<String> {
    Some(grant(&request.namespace()?, &request.name_any(), &request.uid()?))
}

/// The record of its second access, from its own metadata alone.
pub fn second_of_request(request: &impl ResourceExt) -> Option<String> {
    Some(second(&request.namespace()?, &request.name_any(), &request.uid()?))
}

/// Namespace and name of the request of a grant, from its own metadata alone.
pub fn request_of_grant(grant: &impl ResourceExt) -> Option<(String, String)> {
    let name = grant.name_any();
    // A namespace has no dots.
    let (namespace, _) = name.split_once('.')?;
    Some((namespace.to_owned(), grant.labels().get(REQUEST_LABEL)?.clone()))
}

/// What a decision is about: which object, and which version of it.
pub fn revision(request: &AccessRequest) -> String {
    format!("{}-{}", short(&request.uid().unwrap_or_default()), request.metadata.generation.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admission;
    use k8s_openapi::api::rbac::v1::RoleBinding;

    #[test]
    fn admission_asks_for_each_verb_of_ours_and_for_no_other() {
        let asked: std::collections::BTreeSet<(&str, &str)> = admission::FILES
            .iter()
            .flat_map(|(_, text)| text.split("authorizer.group('curfew.dev').resource('").skip(1))
            .filter_map(|rest| {
                let (resource, rest) = rest.split_once('\'')?;
                let (verb, _) = rest.split_once("check('")?.1.split_once('\'')?;
                Some((verb, resource))
            })
            .collect();
        assert_eq!(asked, VERBS.iter().map(|(verb, resource, _)| (*verb, *resource)).collect());
    }

    #[test]
    fn what_a_managed_binding_allows_is_told_from_the_rest() {
        let words =
            |binding: &str| format!("RBAC: allowed by {binding} of ClusterRole \"curfew-logs\" to User \"alice\"");
        assert!(is_by_managed_binding(&words("RoleBinding \"curfew-sup-4812-7f3a2c1b/billing\"")));
        assert!(!is_by_managed_binding(&words("RoleBinding \"by-hand/billing\"")));
        assert!(!is_by_managed_binding(&words("ClusterRoleBinding \"curfew-users\"")));
    }
    #[test]
    fn a_binding_names_its_grant() {
        for request in ["sup-4812", "sup-2", "a.very-long.name-that-is-cut-in-the-middle-of.its-many.parts-here"] {
            let uid = "7f3a2c1b-0000-0000-0000-000000000000";
            let mut binding = RoleBinding::default();
            binding.metadata.name = Some(child(request, uid));
            binding.metadata.namespace = Some("billing".into());
            binding.metadata.labels = Some([(REQUEST_LABEL.to_owned(), request.to_owned())].into());
            assert_eq!(grant_of_child(&binding), Some(grant("billing", request, uid)));
            assert!(child(request, uid).len() <= 56);
            binding.metadata.name = Some(format!("{}-2", child(request, uid)));
            assert_eq!(grant_of_child(&binding), Some(second("billing", request, uid)), "of a second access");
            let mut record = RoleBinding { metadata: binding.metadata.clone(), ..Default::default() };
            record.metadata.name = Some(second("billing", request, uid));
            assert_eq!(child_of_grant(&record), binding.metadata.name, "and the other way round");
            record.metadata.name = Some(grant("billing", request, uid));
            assert_eq!(child_of_grant(&record), Some(child(request, uid)));
        }
    }
}
