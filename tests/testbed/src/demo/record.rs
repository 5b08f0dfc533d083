//! The record of a grant, cut to what a reader looks for first.

/// What stands in for what was cut.
const CUT: &str = "…";
/// The keys whose values are cut: for machines.
const HIDDEN: &[&str] = &[
    "creationTimestamp",
    "digest",
    "generation",
    "groups",
    "labels",
    "lastTransitionTime",
    "namespaceLabels",
    "observedGeneration",
    "resourceVersion",
    "rules",
    "uid",
];
/// The keys of lists of which only the first items are shown.
const LONG: &[&str] = &["adds"];
const ITEMS: usize = 3;

/// The YAML of an object with what is long or for machines cut to `…`.
pub fn shortened(yaml: &str) -> String {
    let (mut kept, mut within) = (Vec::new(), None);
    for line in yaml.lines() {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        let key = line[indent..].split(':').next().unwrap_or_default();
        match within {
            // The items of a list stand at the indent of its key.
            Some((at, left)) if indent > at => {
                within = Some((at, usize::saturating_sub(left, 1)));
                match left {
                    0 => {}
                    1 => kept.push(format!("{}{CUT}", &line[..indent])),
                    _ => kept.push(line.to_owned()),
                }
            }
            _ if HIDDEN.contains(&key) => {
                kept.push(format!("{}{key}: {CUT}", &line[..indent]));
                within = Some((indent, 0));
            }
            _ => {
                kept.push(line.to_owned());
                within = LONG.contains(&key).then_some((indent, ITEMS + 1));
            }
        }
    }
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_cut_whole_and_nothing_else_is() {
        let yaml = "spec:\n  adds:\n  - a\n  - b\n  - c\n  - d\n  - e\n  groups:\n  - a\n  - b\n  user: alice\nstatus:\n  timeline:\n  - at: now\n    digest: 12\n    what: x\n";
        let short = "spec:\n  adds:\n  - a\n  - b\n  - c\n  - …\n  groups: …\n  user: alice\nstatus:\n  timeline:\n  - at: now\n    digest: …\n    what: x";
        assert_eq!(shortened(yaml), short);
    }
}
