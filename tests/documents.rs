//! What people copy from README, `docs/` and `examples/` is what the program understands.
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::FlagType;
use curfew::api::request::AccessRequest;
use curfew::api::subject::{Level, Subject};
use curfew::api::{crds, time::Span};
use curfew::decide::timeline;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}
/// README, changelog, `docs/`, and what is explained in `examples/`, as `(path, text)`.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = [files(&root().join("docs"), "md"), files(&root().join("examples"), "md")].concat();
    paths.extend(["README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}
/// The code blocks of a document in this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    text.split(&begin).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}
fn objects(yaml: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap_or_else(|e| panic!("{e}\n{yaml}"));
    all.into_iter().filter(|object| !object.is_null()).collect()
}

/// Whether everything in `written` is in `understood` as well: what a type does not know, it drops.
fn lost(at: &str, written: &Value, understood: &Value) -> Option<String> {
    match (written, understood) {
        (Value::Object(written), Value::Object(known)) => {
            written.iter().find_map(|(key, value)| match known.get(key) {
                Some(found) => lost(&format!("{at}.{key}"), value, found),
                None => Some(format!("{at}.{key}")),
            })
        }
        (Value::Array(written), Value::Array(known)) if written.len() == known.len() => {
            written.iter().zip(known).find_map(|(w, k)| lost(at, w, k))
        }
        (written, known) => (written != known).then(|| at.to_owned()),
    }
}
fn understood<T: DeserializeOwned + Serialize>(object: &Value) -> T {
    let typed: T = serde_json::from_value(object.clone()).unwrap_or_else(|e| panic!("{e}: {object}"));
    assert_eq!(lost("", object, &json!(typed)), None, "{object}");
    typed
}
/// Reads an object of ours as the API server would, with the requester that it stamps.
fn check(object: &Value) {
    match object["kind"].as_str().unwrap_or_default() {
        "AccessPolicy" => drop(understood::<AccessPolicy>(object)),
        "AccessRequest" => {
            let mut stamped = object.clone();
            stamped["spec"]["requester"] = json!({"username": "alice"});
            drop(understood::<AccessRequest>(&stamped));
        }
        other => panic!("{other} is not written by people"),
    }
}
fn policy(name: &str) -> AccessPolicy {
    understood(&objects(&read(&format!("examples/policies/{name}.yaml")))[0])
}
fn policies() -> Vec<AccessPolicy> {
    let all = files(&root().join("examples/policies"), "yaml");
    all.iter().map(|path| policy(path.file_stem().unwrap().to_str().unwrap())).collect()
}
fn groups(subjects: &[Subject]) -> Vec<&str> {
    subjects.iter().map(|s| s.name.as_str()).collect()
}
fn span(text: &str) -> Span {
    text.parse().unwrap()
}

#[test]
fn what_documents_show_as_yaml_can_be_read_and_ours_is_understood() {
    let mut ours = 0;
    for (path, text) in documents() {
        for object in blocks(&text, "yaml").into_iter().flat_map(objects) {
            if object["apiVersion"].as_str().is_some_and(|version| version.starts_with("curfew.dev/")) {
                check(&object);
                ours += 1;
            } else if object.get("apiVersion").is_none() {
                values_are_known(&path, &object);
            }
        }
    }
    assert!(ours > 0, "README shows a request");
}
/// A block without `apiVersion` is one of chart values.
fn values_are_known(path: &Path, values: &Value) {
    let known: Value = serde_saphyr::from_str(&read("charts/curfew/values.yaml")).unwrap();
    for key in values.as_object().unwrap().keys() {
        assert!(known.get(key).is_some(), "{}: the chart has no value {key}", path.display());
    }
}

#[test]
fn every_example_is_understood() {
    let all = files(&root().join("examples"), "yaml");
    assert!(!all.is_empty());
    for object in all.iter().flat_map(|path| objects(&fs::read_to_string(path).unwrap())) {
        match object["kind"].as_str().unwrap_or_default() {
            "Role" => drop(understood::<Role>(&object)),
            "RoleBinding" => drop(understood::<RoleBinding>(&object)),
            _ if object["apiVersion"].as_str().is_some_and(|version| version.starts_with("curfew.dev/")) => {
                check(&object)
            }
            _ => {}
        }
    }
}

#[test]
fn the_request_of_the_readme_is_the_example() {
    let text = read("README.md");
    let shown = blocks(&text, "yaml").into_iter().flat_map(objects).find(|o| o["kind"] == "AccessRequest").unwrap();
    assert_eq!(shown, objects(&read("examples/requests/small-team.yaml"))[0]);
}

#[test]
fn every_make_target_that_documents_name_exists() {
    let makefile = read("Makefile");
    let targets: BTreeSet<&str> = makefile.lines().filter_map(|line| line.split_once(':')).map(|(t, _)| t).collect();
    for (path, text) in documents() {
        let code = text.split('`').skip(1).step_by(2).chain(text.lines());
        for target in code.filter_map(|line| line.strip_prefix("make ")) {
            let target = target.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap();
            assert!(targets.contains(target), "{}: make {target}", path.display());
        }
    }
}

#[test]
fn every_file_that_documents_link_exists() {
    for (path, text) in documents() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let there = link.starts_with("https://") || path.parent().unwrap().join(file).exists();
            assert!(there, "{} links {link}", path.display());
        }
    }
}

#[test]
fn every_chart_value_and_alert_that_operations_names_exists() {
    let text = read("docs/operations.md");
    let values: Value = serde_saphyr::from_str(&read("charts/curfew/values.yaml")).unwrap();
    for name in text.split('`').skip(1).step_by(2) {
        let parts: Vec<&str> = name.split(':').next().unwrap().split('.').collect();
        if ["operator", "metrics", "sweep", "roles", "crds"].contains(&parts[0]) && parts.len() > 1 {
            assert!(values.pointer(&format!("/{}", parts.join("/"))).is_some(), "there is no value {name}");
        }
    }
    let rules = read("charts/curfew/templates/metrics.yaml");
    let alerts: BTreeSet<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let is_alert = |word: &&str| word.len() > 6 && word.starts_with("Curfew");
    let named: BTreeSet<_> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_alert).collect();
    assert_eq!(named, alerts, "each alert has its remedy");
}

/// The record that `docs/record.md` shows, on one line as an export has it.
fn shown_record() -> Value {
    let text = read("docs/record.md");
    serde_json::from_str(blocks(&text, "json")[0]).unwrap()
}
/// Whether the documented verifier finds fault with these records; `None` where there is no Python.
fn verified_by_python(name: &str, records: &[Value]) -> Option<(bool, String)> {
    let folder = root().join("target/tmp");
    fs::create_dir_all(&folder).unwrap();
    let (program, lines) = (folder.join(format!("{name}.py")), folder.join(format!("{name}.jsonl")));
    fs::write(&program, blocks(&read("docs/record.md"), "python")[0]).unwrap();
    fs::write(&lines, records.iter().map(|record| format!("{record}\n")).collect::<String>()).unwrap();
    let said = Command::new("python3").arg(&program).stdin(fs::File::open(&lines).unwrap()).output().ok()?;
    assert!(said.stderr.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    Some((said.status.success(), String::from_utf8(said.stdout).unwrap()))
}

#[test]
fn j13_the_record_that_is_documented_is_whole_by_our_digests_and_by_the_documented_verifier() {
    let whole = shown_record();
    assert_eq!(timeline::Chain::of(&whole).fault(), None);
    let mut changed = whole.clone();
    changed["status"]["timeline"][1]["by"] = json!("mallory");
    assert_eq!(timeline::Chain::of(&changed).fault(), Some(2));
    if let Some(said) = verified_by_python("documented", &[whole.clone(), json!({"kind": "AccessRequest"})]) {
        assert_eq!(said, (true, String::new()));
    }
    if let Some(said) = verified_by_python("documented-changed", &[whole, changed]) {
        assert_eq!(said, (false, "billing.sup-4812.7f3a2c1b is broken at entry 2\n".to_owned()));
    }
}

#[test]
fn j13_the_documented_verifier_agrees_with_ours_on_any_text() {
    let texts =
        ["\u{1b}[31m\t\r\n\u{8}\u{c}", "\u{7f}\u{80}\u{2028}é漢😀", "\"quoted\" \\ / </script>", "", "\u{0}\u{1f}"];
    let record = |text: &str| {
        let spec = json!({"user": text, "nested": {"é": [true, null, -7], "z": text, "a": {}, "😀": 1, "\u{ffff}": 2}});
        let mut record = json!({"kind": "AccessGrant", "metadata": {"name": "r", "uid": "u"}, "spec": spec});
        let mut entry =
            json!({"seq": 1, "at": "2026-12-01T09:00:00Z", "what": "Active=True/Bound", "by": text, "note": text});
        entry["digest"] = json!(timeline::digest(&timeline::anchor(&record), &entry));
        record["status"] = json!({"timeline": [entry]});
        record
    };
    let records: Vec<_> = texts.iter().map(|text| record(text)).collect();
    assert!(records.iter().all(|record| timeline::Chain::of(record).fault().is_none()));
    if let Some(said) = verified_by_python("any-text", &records) {
        assert_eq!(said, (true, String::new()));
    }
}

#[test]
fn operations_says_what_to_do_about_each_reason_that_needs_somebody() {
    let text = read("docs/operations.md");
    let fine = ["Complete", "Removed", "Bound", "Preparing", "Approved", "Expired", "Closed", "Revoked", "StepsMet"];
    let told_by_itself =
        ["Denied", "TimedOut", "Withdrawn", "RequestDeleted", "BindingDeleted", "FuseBurned", "NamespaceDeleted"];
    for (condition, _, reason, _) in curfew::api::reasons::reference() {
        let known = text.contains(&format!("`{reason}`")) || [&fine[..], &told_by_itself].concat().contains(&reason);
        assert!(known, "{condition}/{reason}");
    }
    for flag in <FlagType as strum::VariantArray>::VARIANTS {
        assert!(text.contains(&format!("`{}`", <&str>::from(*flag))), "{flag:?}");
    }
}

#[test]
fn a2_every_example_policy_says_what_it_is_for() {
    for policy in policies() {
        assert!(policy.spec.description.split_whitespace().count() >= 8, "{:?}", policy.metadata.name);
        assert!(!policy.spec.never_for.is_empty() && !policy.spec.safer_methods.is_empty());
    }
}

#[test]
fn a5_every_example_names_a_replica_and_a_screenshot_first() {
    for policy in policies() {
        for method in ["read-replica", "screenshot"] {
            let named = policy.spec.safer_methods.iter().any(|safer| safer.name == method);
            assert!(named, "{:?} does not name {method}", policy.metadata.name);
        }
    }
}

#[test]
fn a12_a_request_without_ticket_or_reason_is_refused() {
    let crd = json!(crds().into_iter().find(|c| c.spec.names.kind == "AccessRequest").unwrap());
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    for field in ["policy", "ticket", "reason"] {
        assert!(spec["required"].as_array().unwrap().contains(&json!(field)), "{field}");
    }
    for field in ["ticket", "reason"] {
        assert_eq!(spec["properties"][field]["pattern"], r"\S", "{field} may be blank");
    }
}

/// Default, maximum, and whether access ends with its day.
type Window = (&'static str, &'static str, bool);
/// Each step, with the groups whose members may agree.
type Steps = &'static [(&'static str, &'static [&'static str])];
/// What each case is for, with its example: the window, and who agrees.
const CASES: &[(&str, &str, Window, Steps)] = &[
    (
        "E5: a support task takes 8 hours at most, and half an hour by itself; D4, X11: a manager or the data owner",
        "customer-support",
        ("30m", "8h", false),
        &[("manager", &["managers"]), ("data-owner", &["data-owners"])],
    ),
    (
        "E4: a small check ends the same day",
        "finance-check",
        ("1h", "8h", true),
        &[("finance-lead", &["finance-leads"])],
    ),
    (
        "A9: counsel and data owner",
        "legal-request",
        ("1h", "2h", false),
        &[("counsel", &["legal-counsel"]), ("data-owner", &["data-owners"])],
    ),
    (
        "E3: one to four hours; D6: the incident manager outside work hours",
        "incident-response",
        ("1h", "4h", false),
        &[("service-owner", &["service-owners"]), ("incident-manager", &["incident-managers"])],
    ),
    (
        "E12: at once in an emergency, else an incident manager agrees",
        "live-incident",
        ("30m", "1h", false),
        &[("incident-manager", &["incident-managers"])],
    ),
    ("E5: 8 hours at most", "live-debugging", ("1h", "8h", false), &[("service-owner", &["service-owners"])]),
    (
        "E10: half an hour; D8: a manager is enough",
        "read-only-check",
        ("30m", "1h", false),
        &[("service-owner-or-manager", &["service-owners", "managers"])],
    ),
    (
        "E9: an hour; D12: a second reviewer where it is sensitive",
        "hotfix",
        ("1h", "2h", false),
        &[("service-owner", &["service-owners"]), ("second-reviewer", &["tech-leads"])],
    ),
    (
        "E13: two hours, then a renewal",
        "disaster-recovery",
        ("1h", "2h", false),
        &[("incident-manager", &["incident-managers"]), ("service-owner", &["service-owners"])],
    ),
    (
        "E7: the shortest; D5: security lead or CTO",
        "database-console",
        ("30m", "1h", false),
        &[("security-lead", &["security-leads", "cto-office"])],
    ),
    (
        "D7: data owner and security lead",
        "bulk-export",
        ("1h", "2h", false),
        &[("data-owner", &["data-owners"]), ("security-lead", &["security-leads"])],
    ),
    (
        "E6: a business day at most",
        "planned-maintenance",
        ("4h", "12h", true),
        &[("service-owner", &["service-owners"])],
    ),
    (
        "E11, X12: two hours and a second reviewer; D13: leads",
        "deploy-or-migration",
        ("1h", "2h", false),
        &[("service-owner", &["service-owners"]), ("second-reviewer", &["tech-leads", "release-managers"])],
    ),
    ("F4: a failed job", "failed-job", ("30m", "2h", false), &[("service-owner", &["service-owners"])]),
    ("I8: one approver, an hour", "small-team", ("1h", "2h", false), &[("service-owner", &["service-owners"])]),
];

#[test]
fn e2_d1_each_case_has_its_window_and_its_approvers() {
    let names: BTreeSet<_> = CASES.iter().map(|(_, name, ..)| (*name).to_owned()).collect();
    assert_eq!(names, policies().into_iter().filter_map(|policy| policy.metadata.name).collect());
    for (says, name, (default, max, same_day), approvers) in CASES {
        let spec = policy(name).spec;
        let window = (spec.duration.default, spec.duration.max, spec.duration.same_day);
        assert_eq!(window, (span(default), span(max), *same_day), "{name}: {says}");
        let steps: Vec<_> = spec.approval.steps.iter().map(|s| (s.name.as_str(), groups(&s.approvers))).collect();
        let wanted: Vec<_> = approvers.iter().map(|(step, groups)| (*step, groups.to_vec())).collect();
        assert_eq!(steps, wanted, "{name}: {says}");
        assert!(spec.approval.steps.iter().all(|step| step.count == 1 && step.backups.is_some()), "{name}: D14");
        assert!(!same_day || spec.calendar.is_some_and(|calendar| calendar.time_zone.is_some()), "{name}: E4");
    }
}

#[test]
fn e16_what_does_more_has_less_time() {
    let caps = policies().into_iter().flat_map(|policy| {
        let name = policy.metadata.name.unwrap();
        let of = move |access: curfew::api::policy::Access| {
            Some(format!("{name}: {} {}", access.name, access.max_duration?))
        };
        policy.spec.access.into_iter().filter_map(of)
    });
    let expected = [
        "customer-support: restart 30m",
        "database-console: privileges 30m",
        "disaster-recovery: config 1h",
        "failed-job: replay 30m",
        "hotfix: restart 30m",
        "incident-response: restart 1h",
        "live-debugging: shell 1h",
        "live-incident: restart 30m",
        "small-team: restart 30m",
    ];
    assert_eq!(caps.collect::<Vec<_>>(), expected);
}

#[test]
fn d2_the_matrix_says_of_each_example_who_agrees_and_for_how_long() {
    let text = read("docs/approval.md");
    let known = read("examples/README.md");
    for (_, name, (default, max, same_day), approvers) in CASES {
        let row = text.lines().find(|line| line.ends_with(&format!("(../examples/policies/{name}.yaml) |")));
        let cells: Vec<_> = row.unwrap_or_else(|| panic!("no row for {name}")).split(" | ").collect();
        for group in approvers.iter().flat_map(|(_, groups)| *groups) {
            let words = group.replace('-', " ").replace("cto", "CTO");
            assert!(cells[1].contains(&words), "{name}: who agrees does not name the {words}");
        }
        let time = format!("{default}, {max}{}", if *same_day { ", same day" } else { "" });
        assert_eq!(cells[3], time, "{name}");
        for file in
            [format!("policies/{name}.yaml"), format!("requests/{name}.yaml"), format!("requests/{name}-refused.yaml")]
        {
            assert!(known.contains(&format!("]({file})")), "examples/README.md does not link {file}");
        }
    }
}

#[test]
fn a6_a8_a9_each_case_asks_for_its_evidence_and_reads_first() {
    use curfew::api::evidence::DataClass::{Personal, Regulated};
    use curfew::api::evidence::Required::{self, Data, LegalBasis, Tenant, WhyNotSafer};
    let evidence = |name: &str| {
        let spec = policy(name).spec;
        let asked: BTreeSet<Required> = spec.evidence.require.into_iter().collect();
        (asked, spec.evidence.max_records, spec.data_class)
    };
    let (asked, most, class) = evidence("customer-support");
    assert_eq!((asked, class), (BTreeSet::from([WhyNotSafer, Data, Tenant]), Personal), "A6");
    assert!(most <= 10, "A6: one account");
    assert_eq!(evidence("finance-check").0, BTreeSet::from([WhyNotSafer, Data]), "A8");
    let (asked, most, class) = evidence("legal-request");
    assert_eq!((asked, most, class), (BTreeSet::from([WhyNotSafer, Data, LegalBasis]), 1, Regulated), "A9: one record");
    assert_eq!(evidence("database-console").2, Personal, "E16");
    for policy in policies() {
        assert_eq!(policy.spec.access[0].level, Level::ReadOnly, "{:?}", policy.metadata.name);
    }
    for name in ["finance-check", "legal-request", "read-only-check"] {
        assert!(policy(name).spec.access.iter().all(|access| access.level == Level::ReadOnly), "{name}");
    }
}

#[test]
fn a7_an_incident_is_the_ticket_of_what_is_for_incidents() {
    for name in ["incident-response", "live-incident", "disaster-recovery"] {
        assert_eq!(policy(name).spec.evidence.ticket.pattern, "^INC-[0-9]+$", "{name}");
    }
}

#[test]
fn d3_live_debugging_is_agreed_to_by_the_service_owner() {
    let spec = policy("live-debugging").spec;
    assert_eq!(spec.access[0].level, Level::ReadOnly);
    let steps: Vec<_> = spec.approval.steps.iter().map(|s| (s.name.as_str(), groups(&s.approvers))).collect();
    assert_eq!(steps, [("service-owner", vec!["service-owners"])]);
    assert!(spec.duration.max <= span("8h"), "E5");
}

#[test]
fn d8_a_manager_is_enough_for_a_read_only_check() {
    let spec = policy("read-only-check").spec;
    assert!(spec.access.iter().all(|access| access.level == Level::ReadOnly));
    assert_eq!(spec.approval.steps.len(), 1, "X9: either group, not both");
    assert_eq!(groups(&spec.approval.steps[0].approvers), ["service-owners", "managers"]);
    assert_eq!((spec.duration.default, spec.duration.max), (span("30m"), span("1h")), "E10");
}

#[test]
fn e6_planned_maintenance_takes_a_business_day_at_most() {
    let spec = policy("planned-maintenance").spec;
    assert!(spec.duration.same_day && spec.duration.max == span("12h"), "X8, X12");
    assert!(spec.calendar.is_some_and(|calendar| calendar.time_zone.is_some()), "whose midnight it is");
}

#[test]
fn e8_the_default_is_an_hour() {
    let mut object = objects(&read("examples/policies/small-team.yaml")).remove(0);
    object["spec"]["duration"].as_object_mut().unwrap().remove("default");
    assert_eq!(understood::<AccessPolicy>(&object).spec.duration.default, span("1h"));
}

#[test]
fn i8_the_small_team_has_one_approver_a_ticket_and_two_hours_at_most() {
    let spec = policy("small-team").spec;
    let steps: Vec<_> = spec.approval.steps.iter().map(|s| (s.count, s.approvers.len())).collect();
    assert_eq!(steps, [(1, 1)]);
    assert!(spec.evidence.ticket.pattern.contains("[0-9]+"));
    assert_eq!((spec.duration.default, spec.duration.max), (span("1h"), span("2h")));
}

#[test]
fn l10_the_default_of_every_example_is_below_its_maximum() {
    for policy in policies() {
        assert!(policy.spec.duration.default < policy.spec.duration.max, "{:?}", policy.metadata.name);
    }
}
