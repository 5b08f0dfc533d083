//! Whether a role gives more than it did: people agree to what a role gives, not to its name.
use super::{MOST_COMBINATIONS, Permission, combinations, in_lines, size};
use crate::decide::text;
use k8s_openapi::api::rbac::v1::PolicyRule;
use std::collections::BTreeSet;

/// How many permissions are looked for, to be named.
const LOOKED_FOR: usize = 32;
/// How many lines of them are named.
const NAMED: usize = 4;

/// What the role gives now and its recorded rules do not, in words; `None`: nothing. A rule that became narrower is no
/// growth, and neither is the same in other words.
pub fn grew(recorded: &[PolicyRule], current: &[PolicyRule]) -> Option<String> {
    if recorded == current {
        return None;
    }
    gained(&recorded.iter().flat_map(combinations).collect::<Vec<_>>(), current)
}

/// What the rules give beyond these permissions, in words; `None`: nothing.
pub fn gained(agreed: &[Permission], current: &[PolicyRule]) -> Option<String> {
    if current.iter().map(size).fold(0, usize::saturating_add) > MOST_COMBINATIONS {
        return Some("more than anybody can judge".to_owned());
    }
    let is_new = |p: &Permission| !agreed.iter().any(|agreed| covers(agreed, p));
    let new: BTreeSet<_> = current.iter().flat_map(combinations).filter(is_new).take(LOOKED_FOR).collect();
    let lines = in_lines(&new);
    (!new.is_empty()).then(|| text::line(&text::few(lines.iter().map(|line| format!("`{line}`")), NAMED), 512))
}

/// Whether who holds the one holds the other, as the RBAC authorizer matches them: `*` alone is every resource with every
/// subresource, `*/scale` every resource's, and `pods/*` nothing but itself.
fn covers(wide: &Permission, narrow: &Permission) -> bool {
    let is = |wide: &str, narrow: &str| wide == "*" || wide == narrow;
    let resource = (wide.resource == "*" && wide.subresource.is_empty())
        || (is(&wide.resource, &narrow.resource) && wide.subresource == narrow.subresource);
    is(&wide.verb, &narrow.verb)
        && is(&wide.group, &narrow.group)
        && resource
        && (wide.name.is_empty() || wide.name == narrow.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::role::permissions;
    use proptest::prelude::*;

    type Rule = (Vec<&'static str>, Vec<&'static str>, Vec<&'static str>, Vec<&'static str>);
    fn rule((verbs, groups, resources, names): &Rule) -> PolicyRule {
        let list = |of: &[&str]| of.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        PolicyRule {
            verbs: list(verbs),
            api_groups: Some(list(groups)),
            resources: Some(list(resources)),
            resource_names: (!names.is_empty()).then(|| list(names)),
            ..PolicyRule::default()
        }
    }
    fn rules(lines: &[&str]) -> Vec<PolicyRule> {
        let one = |line: &&str| {
            super::super::read(line).unwrap().into_iter().map(|p| {
                let resource =
                    if p.subresource.is_empty() { p.resource } else { format!("{}/{}", p.resource, p.subresource) };
                PolicyRule {
                    verbs: vec![p.verb],
                    api_groups: Some(vec![p.group]),
                    resources: Some(vec![resource]),
                    resource_names: (!p.name.is_empty()).then_some(vec![p.name]),
                    ..PolicyRule::default()
                }
            })
        };
        lines.iter().flat_map(one).collect()
    }

    #[test]
    fn f1_a_role_grew_if_it_gives_something_that_it_did_not() {
        for (sentence, before, now, gains) in [
            ("the same", &["get,list pods"][..], &["get,list pods"][..], None),
            ("the same in other words", &["get pods", "list pods"], &["get,list pods"], None),
            ("less", &["get,list pods", "get pods/log"], &["get pods"], None),
            ("nothing", &["get pods"], &[], None),
            ("a verb", &["get pods"], &["get,list pods"], Some("`list pods`")),
            ("a resource", &["get pods"], &["get pods", "get secrets"], Some("`get secrets`")),
            ("a subresource", &["get pods"], &["get pods", "create pods/exec"], Some("`create pods/exec`")),
            (
                "another group's resource",
                &["get deployments"],
                &["get deployments.apps"],
                Some("`get deployments.apps`"),
            ),
            ("one name of all", &["get configmaps"], &["get configmaps flags"], None),
            ("all names of one", &["get configmaps flags"], &["get configmaps"], Some("`get configmaps`")),
            ("another name", &["get configmaps flags"], &["get configmaps keys"], Some("`get configmaps keys`")),
            ("a wildcard", &["get pods"], &["get *"], Some("`get *`")),
            ("a wildcard that became narrow", &["* pods", "get *"], &["get,list,delete pods", "get secrets"], None),
            ("every resource covers subresources", &["get *"], &["get pods/log", "get */scale"], None),
            ("the scale of every resource", &["get */scale"], &["get deployments/scale"], None),
            ("a star behind the slash is no wildcard", &["get pods/*"], &["get pods/log"], Some("`get pods/log`")),
            ("every group", &["get deployments.*"], &["get deployments.apps"], None),
            (
                "many",
                &[],
                &["get a", "get b", "get c", "get d", "get e", "get f"],
                Some("`get a`, `get b`, `get c`, `get d` and 2 more"),
            ),
        ] {
            assert_eq!(grew(&rules(before), &rules(now)).as_deref(), gains, "{sentence}");
        }
    }

    #[test]
    fn urls_outside_the_api_are_no_growth_as_a_role_binding_gives_none() {
        let urls = PolicyRule {
            non_resource_urls: Some(vec!["/metrics".into()]),
            verbs: vec!["get".into()],
            ..PolicyRule::default()
        };
        assert_eq!(grew(&[], &[urls]), None);
    }

    #[test]
    fn what_nobody_can_judge_is_growth() {
        let many: Vec<_> = (0..20_000).map(|i| format!("r{i}")).collect();
        let huge = PolicyRule { resources: Some(many), ..rule(&(vec!["get"], vec![""], vec![], vec![])) };
        assert_eq!(grew(&rules(&["get *"]), &[huge]).as_deref(), Some("more than anybody can judge"));
    }

    fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
        prop::sample::subsequence(of, 1..=of.len())
    }
    fn any_rule() -> impl Strategy<Value = Rule> {
        let names = prop::sample::subsequence(&["a", "b"][..], 0..=2);
        (some(&["get", "list", "*"]), some(&["", "apps", "*"]), some(&["pods", "pods/log", "*", "*/log"]), names)
    }
    /// What the RBAC authorizer does with one question (kubernetes pkg/apis/rbac/v1/evaluation_helpers.go).
    fn allows(rules: &[PolicyRule], verb: &str, group: &str, resource: &str, sub: &str, name: &str) -> bool {
        let has = |list: &[String], what: &str| list.iter().any(|l| l == "*" || l == what);
        let combined = if sub.is_empty() { resource.to_owned() } else { format!("{resource}/{sub}") };
        rules.iter().any(|r| {
            let resources = r.resources.as_deref().unwrap_or_default();
            let names = r.resource_names.as_deref().unwrap_or_default();
            has(&r.verbs, verb)
                && has(r.api_groups.as_deref().unwrap_or_default(), group)
                && (has(resources, &combined) || (!sub.is_empty() && resources.contains(&format!("*/{sub}"))))
                && (names.is_empty() || names.iter().any(|n| n == name))
        })
    }
    proptest! {
        #[test]
        fn f1_what_did_not_grow_allows_nothing_new_and_what_grew_does(
            before in prop::collection::vec(any_rule(), 0..3),
            now in prop::collection::vec(any_rule(), 0..3),
        ) {
            let [before, now] = [before, now].map(|rules| rules.iter().map(rule).collect::<Vec<_>>());
            let mut more = false;
            for verb in ["get", "list", "other"] {
                for group in ["", "apps", "other"] {
                    for resource in ["pods", "other"] {
                        for sub in ["", "log", "other"] {
                            for name in ["", "a", "b", "other"] {
                                more |= allows(&now, verb, group, resource, sub, name)
                                    && !allows(&before, verb, group, resource, sub, name);
                            }
                        }
                    }
                }
            }
            prop_assert_eq!(grew(&before, &now).is_some(), more);
        }
        #[test]
        fn a_role_that_loses_rules_verbs_or_resources_did_not_grow(
            before in prop::collection::vec(any_rule(), 1..4),
            keep in prop::collection::vec(any::<bool>(), 4),
        ) {
            let whole: Vec<PolicyRule> = before.iter().map(rule).collect();
            let part: Vec<PolicyRule> = whole.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(r, _)| r.clone()).collect();
            prop_assert_eq!(grew(&whole, &part), None);
            let narrow: Vec<PolicyRule> = permissions(&whole).0.into_iter().step_by(2).map(|p| {
                let resource = if p.subresource.is_empty() { p.resource } else { format!("{}/{}", p.resource, p.subresource) };
                let names = if p.name.is_empty() { vec!["one".to_owned()] } else { vec![p.name] };
                PolicyRule { verbs: vec![p.verb], api_groups: Some(vec![p.group]), resources: Some(vec![resource]), resource_names: Some(names), ..PolicyRule::default() }
            }).collect();
            prop_assert_eq!(grew(&whole, &narrow), None);
        }
    }
}
