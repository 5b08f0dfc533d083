//! What is dangerous in a role, for those who decide and for the record.
use super::level::{Nature, nature_of};
use super::{MOST_COMBINATIONS, Permission, combinations, in_lines, size};
use crate::api::permission::{Danger, DangerType};
use crate::decide::text;
use k8s_openapi::api::rbac::v1::PolicyRule;
use std::collections::{BTreeMap, BTreeSet};

/// The most characters of one message.
const MOST: usize = 512;
/// How many lines of permissions one message names.
const NAMED: usize = 3;

/// What is dangerous in these rules, worst first, one entry for each kind of danger.
pub fn dangers(rules: &[PolicyRule]) -> Vec<Danger> {
    let mut found: BTreeMap<DangerType, (BTreeSet<Permission>, &'static str)> = BTreeMap::new();
    for rule in rules {
        if size(rule) > MOST_COMBINATIONS {
            found.entry(DangerType::Unjudged).or_insert((BTreeSet::new(), "nobody can judge it"));
            continue;
        }
        for permission in combinations(rule) {
            if let Nature { danger: Some(danger), why, .. } = nature_of(&permission) {
                found.entry(danger).or_insert((BTreeSet::new(), why)).0.insert(permission);
            }
        }
    }
    let danger = |(type_, (permissions, why)): (DangerType, (BTreeSet<Permission>, &str))| {
        let what = match permissions.is_empty() {
            true => "a rule with thousands of combinations".to_owned(),
            false => text::few(in_lines(&permissions).iter().map(|line| format!("`{line}`")), NAMED),
        };
        let stays = stays(type_).map_or(String::new(), |words| format!("; {words}"));
        Danger { type_, message: text::line(&format!("{what}: {why}{stays}"), MOST) }
    };
    found.into_iter().map(danger).collect()
}

/// What of it outlives the grant (N6).
fn stays(danger: DangerType) -> Option<&'static str> {
    match danger {
        DangerType::Unjudged | DangerType::Wildcard | DangerType::UnknownVerb => {
            Some("nobody knows what stays after the end")
        }
        DangerType::Escalates | DangerType::WritesRbac => Some("roles and bindings that were made stay after the end"),
        DangerType::Impersonates => Some("only the API server's audit log shows who did it"),
        DangerType::WritesProtection => Some("what was changed stays so after the end"),
        DangerType::OpensKubelet | DangerType::OpensConnections => Some("one that is open outlives the end"),
        DangerType::MakesTokens => Some("tokens outlive the end"),
        DangerType::ReadsSecrets => Some("what was read stays known"),
        DangerType::RunsWorkloads => Some("what was started runs on after the end"),
        DangerType::AddsContainers => Some("it stays as long as the pod"),
    }
}
