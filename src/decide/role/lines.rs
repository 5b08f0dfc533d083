//! Permissions as people read them: the verbs of one resource in one line, `get,list,watch pods`. What is written is read back
//! exactly, as the removal is verified by it.
use super::{MOST_LENGTH, Permission};
use std::collections::{BTreeMap, BTreeSet};

/// Between permissions and the words on what allows them.
const BY: &str = ": ";
/// The most characters of a line with words.
const MOST: usize = 1024;

/// One line for each resource, `get,list,watch pods`; more where it would be too long.
pub fn in_lines<'a>(permissions: impl IntoIterator<Item = &'a Permission>) -> Vec<String> {
    grouped(permissions.into_iter().map(|p| (p, ""))).into_iter().map(|(line, _)| line).collect()
}

/// The same, with the words that go with each: `get,list pods: RBAC: allowed by …`.
pub fn in_lines_with<'a>(each: impl IntoIterator<Item = (&'a Permission, &'a str)>) -> Vec<String> {
    let one = |(line, words): (String, &str)| format!("{line}{BY}{words}").chars().take(MOST).collect();
    grouped(each).into_iter().map(one).collect()
}

/// The permissions of a line, with words or without.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(line: &str) -> Result<Vec<Permission>, String> {
    let line = line.split_once(BY).map_or(line, |(line, _)| line);
    let (verbs, rest) = line.split_once(' ').unwrap_or((line, ""));
    verbs.split(',').map(|verb| format!("{verb} {rest}").parse()).collect()
}

/// Whether a permission can be read from a line as it was written there.
pub(super) fn is_exact(permission: &Permission) -> bool {
    let line = permission.to_string();
    !line.chars().any(char::is_control) && read(&line).is_ok_and(|read| read == [permission.clone()])
}

fn grouped<'a>(each: impl IntoIterator<Item = (&'a Permission, &'a str)>) -> Vec<(String, &'a str)> {
    // By resource first, as people look for it.
    let mut lines: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    for (p, words) in each {
        let target = (&p.resource, &p.group, &p.subresource, &p.name);
        lines.entry((target, words)).or_default().insert(&p.verb);
    }
    let text = |((resource, group, subresource, name), words), verbs: BTreeSet<&str>| {
        let [group, resource, subresource, name]: [&String; 4] = [group, resource, subresource, name];
        let [group, resource, subresource, name] = [group, resource, subresource, name].map(Clone::clone);
        let rest = Permission { verb: String::new(), group, resource, subresource, name }.to_string();
        joined(verbs, &rest).into_iter().map(move |line| (line, words)).collect::<Vec<_>>()
    };
    lines.into_iter().flat_map(|(target, verbs)| text(target, verbs)).collect()
}

/// `get,list` before the rest, in as many lines as it takes.
fn joined(verbs: BTreeSet<&str>, rest: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for verb in verbs {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + verb.len() + rest.len() <= MOST_LENGTH => {
                line.push(',');
                line.push_str(verb);
            }
            _ => lines.push(verb.to_owned()),
        }
    }
    lines.iter_mut().for_each(|line| line.push_str(rest));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn permissions(lines: &[&str]) -> BTreeSet<Permission> {
        lines.iter().flat_map(|line| read(line).unwrap()).collect()
    }

    #[test]
    fn c4_permissions_are_read_by_resource() {
        let all = permissions(&["get,list,watch pods", "get pods/log", "create,get pods/exec", "get configmaps flags"]);
        assert_eq!(all.len(), 7);
        assert_eq!(
            in_lines(&all),
            ["get configmaps flags", "get,list,watch pods", "create,get pods/exec", "get pods/log"]
        );
        let by = "RBAC: allowed by RoleBinding \"a/b\"";
        let had = in_lines_with(all.iter().map(|p| (p, if p.verb == "get" { by } else { "x" })));
        assert!(had.contains(&format!("get pods: {by}")) && had.contains(&"list,watch pods: x".to_owned()), "{had:?}");
        assert_eq!(had.iter().flat_map(|line| read(line).unwrap()).collect::<BTreeSet<_>>(), all);
    }

    #[test]
    fn what_a_line_cannot_say_exactly_is_known() {
        let exact = |verb: &str, group: &str, resource: &str, subresource: &str, name: &str| {
            let [verb, group, resource, subresource, name] =
                [verb, group, resource, subresource, name].map(str::to_owned);
            is_exact(&Permission { verb, group, resource, subresource, name })
        };
        assert!(exact("impersonate-on:user-info:get", "", "pods", "", ""));
        assert!(exact("get", "rbac.authorization.k8s.io", "roles", "", "system:node.1"));
        for (verb, group, resource, subresource, name) in [
            ("get,list", "", "pods", "", ""),
            ("get it", "", "pods", "", ""),
            ("get", "", "po.ds", "", ""),
            ("get", "", "po ds", "", ""),
            ("get:", "", "pods", "", ""),
            ("get", "", "pods", "", "a: b"),
            ("get", "", "pods", "", "a\nb"),
            ("get", "", "", "", ""),
        ] {
            assert!(!exact(verb, group, resource, subresource, name), "{verb} {group} {resource} {subresource} {name}");
        }
    }

    proptest! {
        #[test]
        fn lines_fit_and_are_read_back_exactly(
            all in prop::collection::btree_set(
                ("[a-z*]{1,30}", "([a-z]{1,6}(\\.[a-z0-9]{1,6}){0,2})?", "[a-z*]{1,8}", "[a-z*]{0,8}", "([a-z0-9:.-]{1,20})?")
                    .prop_map(|(verb, group, resource, subresource, name)| Permission { verb, group, resource, subresource, name })
                    .prop_filter("exact", is_exact),
                0..40,
            ),
            few in prop::collection::btree_set("[a-z]{1,30}", 0..40),
        ) {
            let of_one = few.iter().map(|verb| Permission { verb: verb.clone(), ..permissions(&["get pods"]).pop_first().unwrap() });
            let all: BTreeSet<Permission> = all.into_iter().chain(of_one).collect();
            let lines = in_lines(&all);
            prop_assert!(lines.iter().all(|line| line.len() <= MOST_LENGTH));
            prop_assert!(lines.len() <= all.len());
            let back: Vec<Permission> = lines.iter().flat_map(|line| read(line).unwrap()).collect();
            prop_assert_eq!(back.len(), all.len());
            prop_assert_eq!(back.into_iter().collect::<BTreeSet<_>>(), all);
        }
    }
}
