//! What a role's rules amount to: single permissions, the least level that covers them, what is dangerous in them, and whether
//! they give more than they did.
mod danger;
mod growth;
mod level;
mod lines;
mod reach;

use crate::api::subject::RoleRef;
use k8s_openapi::api::rbac::v1::PolicyRule;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub use danger::dangers;
pub use growth::{gained, grew};
pub use level::{excess, is_reading, least_level};
pub use lines::{in_lines, in_lines_with, read};
pub use reach::reaches_namespaces;

/// How many permissions of a role are listed, and asked about one by one.
pub const MOST_PERMISSIONS: usize = 256;
/// How many rules a record holds.
const MOST_RULES: usize = 128;
/// How many entries each list of a rule may have there.
const MOST_ENTRIES: usize = 64;
/// How long a permission may be there, as it is written.
const MOST_LENGTH: usize = 256;
/// Above so many combinations in one rule nobody can judge it, and nothing tries to.
const MOST_COMBINATIONS: usize = 16_384;

/// One thing that RBAC allows or not: a verb on a resource, written `get pods/log`, `patch deployments.apps`,
/// `get configmaps feature-flags`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// The verb, or `*`.
    pub verb: String,
    /// The API group; empty for the core group; or `*`.
    pub group: String,
    /// The resource, or `*`.
    pub resource: String,
    /// The subresource; empty for none.
    pub subresource: String,
    /// The object's name; empty for all.
    pub name: String,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        Ok(())
    }
}
impl FromStr for Permission {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a permission like `get pods/log` or `patch deployments.apps`");
        let (verb, rest) = text.split_once(' ').ok_or_else(bad)?;
        let (target, name) = rest.split_once(' ').unwrap_or((rest, ""));
        let (kind, subresource) = target.split_once('/').unwrap_or((target, ""));
        let (resource, group) = kind.split_once('.').unwrap_or((kind, ""));
        if verb.is_empty() || verb.contains(',') || resource.is_empty() {
            return Err(bad());
        }
        let [verb, group, resource, subresource, name] = [verb, group, resource, subresource, name].map(str::to_owned);
        Ok(Self { verb, group, resource, subresource, name })
    }
}

/// Every permission that the rules give, sorted and each once, and whether some were left out beyond
/// [`MOST_PERMISSIONS`].
///
/// URLs outside the API's resources are not listed: a RoleBinding gives nothing on them.
pub fn permissions(rules: &[PolicyRule]) -> (Vec<Permission>, bool) {
    let mut all = BTreeSet::new();
    for permission in rules.iter().flat_map(combinations) {
        if all.len() == MOST_PERMISSIONS && !all.contains(&permission) {
            return (all.into_iter().collect(), true);
        }
        all.insert(permission);
    }
    (all.into_iter().collect(), false)
}

/// What of the rules a record cannot hold, in words; the bounds are those of an AccessGrant's schema.
pub fn too_large(rules: &[PolicyRule]) -> Option<String> {
    let lists = |rule: &PolicyRule| {
        [&rule.api_groups, &rule.resources, &rule.resource_names, &rule.non_resource_urls]
            .into_iter()
            .filter_map(Option::as_ref)
            .chain([&rule.verbs])
            .map(Vec::len)
            .max()
    };
    let longest = rules.iter().filter_map(lists).max().unwrap_or_default();
    let (all, cut) = permissions(rules);
    if rules.len() > MOST_RULES {
        return Some(format!("{} rules, more than {MOST_RULES}", rules.len()));
    }
    if longest > MOST_ENTRIES {
        return Some(format!("a list of {longest} entries in one rule, more than {MOST_ENTRIES}"));
    }
    if cut {
        return Some(format!("more than {MOST_PERMISSIONS} permissions"));
    }
    if let Some(odd) = all.iter().find(|p| !lines::is_exact(p)) {
        return Some(format!("a permission that no API has: `{}`", super::text::line(&odd.to_string(), 80)));
    }
    let long = all.iter().map(|p| p.to_string().len()).max().filter(|len| *len > MOST_LENGTH)?;
    Some(format!("a permission of {long} characters, more than {MOST_LENGTH}"))
}

/// SHA-256 of the rules as JSON without blanks and with sorted keys, in lower-case hexadecimal.
///
/// `kubectl get accessgrant NAME -o json | jq -cjS .spec.rules | sha256sum` says the same.
pub fn digest(rules: &[PolicyRule]) -> String {
    // A `Value` keeps its keys sorted.
    let json = serde_json::to_value(rules).unwrap_or_default().to_string();
    Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a role is on the list of those that nobody gets through Curfew: the cluster's own.
pub fn is_never_granted(role: &RoleRef) -> bool {
    role.name == "cluster-admin" || role.name.starts_with("system:")
}

/// Each value once, in order.
fn distinct(values: Option<&[String]>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    values.unwrap_or_default().iter().map(String::as_str).filter(|value| seen.insert(*value)).collect()
}

/// How many combinations a rule has.
fn size(rule: &PolicyRule) -> usize {
    let length = |list: Option<&Vec<String>>| list.map_or(0, Vec::len);
    // Names are not counted: the level does not depend on them.
    [rule.verbs.len(), length(rule.api_groups.as_ref()), length(rule.resources.as_ref())]
        .into_iter()
        .fold(1, usize::saturating_mul)
        .saturating_mul(length(rule.resource_names.as_ref()).max(1))
}

/// Every verb, on every group's every resource, by every name; lazily, as a rule may be made to be large.
fn combinations(rule: &PolicyRule) -> impl Iterator<Item = Permission> + '_ {
    let groups = distinct(rule.api_groups.as_deref());
    let resources = distinct(rule.resources.as_deref());
    let mut names = distinct(rule.resource_names.as_deref());
    if names.is_empty() {
        names.push("");
    }
    distinct(Some(&rule.verbs)).into_iter().flat_map(move |verb| {
        let (resources, names) = (resources.clone(), names.clone());
        groups.clone().into_iter().flat_map(move |group| {
            let names = names.clone();
            resources.clone().into_iter().flat_map(move |resource| {
                let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                names.clone().into_iter().map(move |name| {
                    let [verb, group, resource, subresource, name] =
                        [verb, group, resource, subresource, name].map(str::to_owned);
                    Permission { verb, group, resource, subresource, name }
                })
            })
        })
    })
}

#[cfg(test)]
mod tests;
