//! What the chart grants, as it is installed.
use curfew_testbed::chart::RELEASE;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

/// One verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// As an audit event's reason names it: `ClusterRole "curfew-operator"`.
    pub role: String,
    pub verb: String,
    pub group: String,
    /// With its subresource: `accessgrants/status`.
    pub resource: String,
    /// Only on the object of this name.
    pub name: Option<String>,
}

/// All that the chart's roles allow a ServiceAccount of the release.
pub async fn of(admin: &Client, account: &str) -> Vec<Right> {
    let mut rights = vec![];
    for binding in all::<ClusterRoleBinding>(admin).await {
        if is_of_the_chart(&binding) && is_to(binding.subjects.as_deref(), account) {
            rights.extend(held(admin, &binding.role_ref, "").await);
        }
    }
    for binding in all::<RoleBinding>(admin).await {
        if is_of_the_chart(&binding) && is_to(binding.subjects.as_deref(), account) {
            rights.extend(held(admin, &binding.role_ref, &binding.namespace().unwrap()).await);
        }
    }
    rights
}

async fn all<K>(admin: &Client) -> Vec<K>
where
    K: kube::Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    Api::<K>::all(admin.clone()).list(&ListParams::default()).await.unwrap().items
}

/// Not by a label: that which tests give beyond the chart has none of Helm's notes.
fn is_of_the_chart(binding: &impl ResourceExt) -> bool {
    binding.annotations().get("meta.helm.sh/release-name").is_some_and(|release| release == RELEASE)
}
fn is_to(subjects: Option<&[Subject]>, account: &str) -> bool {
    let is = |s: &Subject| s.kind == "ServiceAccount" && s.name == account && s.namespace.as_deref() == Some(RELEASE);
    subjects.unwrap_or_default().iter().any(is)
}

async fn held(admin: &Client, of: &RoleRef, namespace: &str) -> Vec<Right> {
    let rules = match of.kind.as_str() {
        "ClusterRole" => Api::<ClusterRole>::all(admin.clone()).get(&of.name).await.unwrap().rules,
        _ => Api::<Role>::namespaced(admin.clone(), namespace).get(&of.name).await.unwrap().rules,
    };
    let role = format!("{} \"{}\"", of.kind, of.name);
    rules.iter().flatten().flat_map(|rule| each(&role, rule)).collect()
}

/// A rule is the product of its lists.
pub fn each(role: &str, rule: &PolicyRule) -> Vec<Right> {
    let names: Vec<Option<String>> = match rule.resource_names.as_deref() {
        None | Some([]) => vec![None],
        Some(names) => names.iter().cloned().map(Some).collect(),
    };
    let mut rights = vec![];
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for verb in &rule.verbs {
                rights.extend(names.iter().map(|name| Right {
                    role: role.to_owned(),
                    verb: verb.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    name: name.clone(),
                }));
            }
        }
    }
    rights
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { role, verb, group, resource, name } = self;
        let dot = if group.is_empty() { "" } else { "." };
        write!(f, "{role}: {verb} {resource}{dot}{group}")?;
        name.as_ref().map_or(Ok(()), |name| write!(f, " named {name}"))
    }
}
