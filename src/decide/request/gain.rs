//! What a request would give: asked of the API server, shown to those who decide, and agreed to.
use crate::api::names;
use crate::api::policy::Mode;
use crate::api::request::{AccessRequestStatus, Permissions};
use crate::decide::effect::{Answer, Question};
use crate::decide::role::{self, Permission};
use crate::decide::screening::Filing;
use crate::decide::text;
use k8s_openapi::api::rbac::v1::PolicyRule;
use std::collections::BTreeSet;

/// What the answers say about each permission of the role; `None` until all were asked.
fn permissions(rules: &[PolicyRule], answers: &[Answer]) -> Option<Permissions> {
    let (all, _) = role::permissions(rules);
    let (mut adds, mut had) = (vec![], vec![]);
    for permission in &all {
        let asked = |a: &&Answer| matches!(&a.question, Question::IsAllowed { permission: p, .. } if p == permission);
        let answer = answers.iter().find(asked)?;
        // What another temporary access allows will go as well, so it is none of what the person had before.
        if answer.yes && !names::is_by_managed_binding(&answer.words) {
            had.push((permission, answer.words.as_str()));
        } else {
            adds.push(permission);
        }
    }
    Some(Permissions {
        adds: role::in_lines(adds),
        had: role::in_lines_with(had),
        flags: role::dangers(rules),
        rules_sha256: role::digest(rules),
    })
}

/// Brings up to date what is shown of a role, and says what it gives beyond what people were shown.
pub(super) fn update(shown: &mut Option<Permissions>, rules: &[PolicyRule], answers: &[Answer]) -> Option<String> {
    if is_of(shown.as_ref(), rules) {
        return None;
    }
    let before = shown.take();
    let gains = before.as_ref().and_then(|before| role::gained(&all_of(before), rules));
    *shown = permissions(rules, answers).or(before);
    gains
}
/// Whether this speaks of what the role gives now.
fn is_of(shown: Option<&Permissions>, rules: &[PolicyRule]) -> bool {
    shown.is_some_and(|shown| shown.rules_sha256 == role::digest(rules))
}
/// Whether these, of the first access and of the second, speak of what the roles give now.
pub(super) fn are_known(shown: (Option<&Permissions>, Option<&Permissions>), filing: &Filing<'_>) -> bool {
    is_of(shown.0, filing.rules) && filing.then.is_none_or(|stage| is_of(shown.1, stage.rules))
}

/// All that the role gave when people were asked.
fn all_of(shown: &Permissions) -> Vec<Permission> {
    shown.adds.iter().chain(&shown.had).filter_map(|line| role::read(line).ok()).flatten().collect()
}

/// What those who decide must know of the roles, and of the policy's mode: their dangers, and whether they add anything.
pub(super) fn in_words(status: &AccessRequestStatus) -> String {
    let trial = match status.mode {
        Some(Mode::DryRun) => "; nothing will be granted, as the policy's mode is DryRun",
        _ => "",
    };
    let Some(first) = &status.permissions else { return trial.to_owned() };
    let second = status.then_permissions.as_ref();
    let mut words = in_danger(first, "") + &second.map_or(String::new(), |p| in_danger(p, " in the second access"));
    if first.adds.is_empty() && !first.had.is_empty() {
        let what = if second.is_some() { "nothing is added by the first access" } else { "nothing is added" };
        words += &format!("; {what}: you already have this through {}", through(&first.had));
    }
    words + trial
}
fn in_danger(permissions: &Permissions, place: &str) -> String {
    let flags: Vec<_> = permissions.flags.iter().map(|f| <&str>::from(f.type_)).collect();
    if flags.is_empty() { String::new() } else { format!("; dangerous{place}: {}", flags.join(", ")) }
}
/// What allows it already, from lines such as `get pods: RBAC: allowed by RoleBinding "readers/billing" of …`.
fn through(had: &[String]) -> String {
    let of = |line: &String| {
        let words = line.split_once(": ").map_or("", |(_, words)| words);
        text::line(words.trim_start_matches("RBAC: allowed by "), 160)
    };
    let all: BTreeSet<_> = had.iter().map(of).filter(|words| !words.is_empty()).collect();
    if all.is_empty() { "other rights of yours".to_owned() } else { text::few(all, 3) }
}
