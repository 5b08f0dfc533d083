//! `docs/requirements.md`: every rule is in exactly one of its lists, and every proof that it names exists.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How many rules each chapter has. Numbers are never reused.
const RULES: &[(char, u32)] = &[
    ('A', 17),
    ('B', 27),
    ('C', 13),
    ('D', 25),
    ('E', 25),
    ('F', 12),
    ('G', 11),
    ('H', 17),
    ('I', 11),
    ('J', 15),
    ('K', 6),
    ('L', 11),
    ('X', 13),
    ('N', 8),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
fn list() -> String {
    fs::read_to_string(root().join("docs/requirements.md")).unwrap()
}
/// Whether a word is the number of a rule.
fn is_rule(word: &str) -> bool {
    let mut letters = word.chars();
    let number = |rest: &str| rest.parse::<u32>().ok();
    letters.next().is_some_and(|letter| {
        RULES.iter().any(|(l, last)| *l == letter && number(letters.as_str()).is_some_and(|n| (1..=*last).contains(&n)))
    })
}
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Every rule that has a proof, with its proofs: names of tests, and documents.
fn proofs() -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let text = list();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| row.split(" | ").collect::<Vec<_>>()).filter(|cells| is_rule(cells[0]));
    rows.map(|cells| {
        let tests = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let documents = cells[2].split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned);
        (cells[0].to_owned(), (tests, documents.collect()))
    })
    .collect()
}

fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            *all += &fs::read_to_string(&path).unwrap();
        }
    }
}
/// The name of every function below a `#[test]`, as far as text can tell.
fn tests() -> BTreeSet<String> {
    let mut all = String::new();
    sources(&root().join("src"), &mut all);
    sources(&root().join("tests"), &mut all);
    let lines: Vec<&str> = all.lines().map(str::trim).collect();
    let mut found = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        if !(line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
            continue;
        }
        let function = lines[at..].iter().take(6).find_map(|l| l.split_once("fn ")).map(|(_, rest)| rest);
        found.extend(function.and_then(|rest| rest.split('(').next()).map(str::to_owned));
    }
    // A property is a test by its macro.
    let properties = all.split("proptest! {").skip(1).flat_map(|block| block.split("fn ").skip(1).take(8));
    found.extend(properties.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
    found
}

#[test]
fn every_rule_is_in_exactly_one_list() {
    let text = list();
    let (proved, rest) = text.split_once("## Not yet").unwrap();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let rows = proved.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
    for rule in rows.chain(words(rest)).filter(|word| is_rule(word)) {
        *seen.entry(rule).or_default() += 1;
    }
    let all = RULES.iter().flat_map(|(letter, last)| (1..=*last).map(move |n| format!("{letter}{n}")));
    let wrong: Vec<_> = all.filter(|rule| seen.get(rule.as_str()) != Some(&1)).collect();
    assert!(wrong.is_empty(), "in no list, or in two: {wrong:?}");
}

#[test]
fn every_proof_exists() {
    let (known, mut missing) = (tests(), vec![]);
    for (rule, (names, documents)) in proofs() {
        if names.is_empty() && documents.is_empty() {
            missing.push(format!("{rule}: no proof"));
        }
        missing.extend(names.iter().filter(|n| !known.contains(*n)).map(|n| format!("{rule}: there is no test {n}")));
        for document in documents {
            let path = root().join("docs").join(&document);
            let names_it = fs::read_to_string(&path).is_ok_and(|text| words(&text).any(|word| word == rule));
            if !names_it {
                missing.push(format!("{rule}: {document} does not name it"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn what_the_code_says_it_covers_is_listed_as_covered() {
    let proved = proofs();
    let checks = curfew::decide::screening::CHECKS.iter().flat_map(|check| check.covers);
    let findings = curfew::decide::policy::FINDINGS.iter().flat_map(|finding| finding.covers);
    let forgotten: BTreeSet<_> = checks.chain(findings).filter(|rule| !proved.contains_key(**rule)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

#[test]
fn a_test_that_leads_with_a_rule_is_not_for_one_that_is_not_yet() {
    let proved = proofs();
    let rule = |test: &String| test.split('_').next().map(str::to_uppercase).filter(|word| is_rule(word));
    let early: Vec<_> =
        tests().into_iter().filter(|test| rule(test).is_some_and(|rule| !proved.contains_key(&rule))).collect();
    assert!(early.is_empty(), "these rules are listed as not yet: {early:?}");
}
