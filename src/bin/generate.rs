//! Writes the files that are generated from the code: `crds/`, the chart's copy of them, and `docs/reference.md`.
//!
//! `generate` writes; `generate --check` writes nothing and fails where a committed file differs.
use curfew::api::permission::DangerType;
use curfew::api::{self, names, reasons};
use curfew::decide::approval::{COUNTED, Disregard};
use curfew::decide::attestation::Objection;
use curfew::decide::expression::{LONGEST, VARIABLES};
use curfew::decide::policy::{FINDINGS, Severity};
use curfew::decide::screening::{CHECKS, Code, words};
use curfew::telemetry::Metrics;
use kube::ResourceExt;
use std::fmt::Display;
use std::{fs, path::PathBuf, process::ExitCode};
use strum::{EnumMessage, VariantArray};

fn main() -> ExitCode {
    let check = std::env::args().any(|a| a == "--check");
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut stale = vec![];
    for (path, text) in files() {
        let file = root.join(&path);
        if fs::read_to_string(&file).is_ok_and(|committed| committed == text) {
            continue;
        }
        stale.push(path);
        if !check
            && let Err(error) = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, text))
        {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    for path in &stale {
        println!("{} {path}", if check { "differs:" } else { "written:" });
    }
    if check && !stale.is_empty() {
        eprintln!("run `make generate` and commit what it writes");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn files() -> Vec<(String, String)> {
    let mut files = vec![("docs/reference.md".to_owned(), reference())];
    for crd in api::crds() {
        let text = serde_saphyr::to_string(&crd).unwrap_or_default();
        let name = crd.name_any();
        let plural = name.split('.').next().unwrap_or_default();
        for folder in ["crds", "charts/curfew/files/crds"] {
            files.push((format!("{folder}/{plural}.yaml"), text.clone()));
        }
    }
    files
}

const HEAD: &str = "# Reference

Generated from the code by `make generate`. The fields of each kind: `kubectl explain accesspolicies.spec`, and so on. The flags: `curfew COMMAND --help`;
the chart sets those of the operator. What `curfew verify` finds, and how records are digested: [record.md](record.md). What an operator of Curfew does
about a reason: [operations.md](operations.md).

";

/// Everything with a closed vocabulary, as `docs/reference.md`.
fn reference() -> String {
    [HEAD.to_owned(), conditions(), checks(), decisions(), expressions(), findings(), marks(), metrics(), phrases()]
        .concat()
}

fn conditions() -> String {
    const OF: &[(&str, &str)] = &[
        ("Ready", "AccessPolicy: whether requests can be granted under it."),
        ("Screened", "AccessRequest: whether it says what its policy asks."),
        ("Approved", "AccessRequest: what those who decide made of it. Final once it is not `Unknown`."),
        ("Active", "AccessGrant, and copied to its AccessRequest: whether access holds, and why not."),
        ("RemovalVerified", "AccessGrant: whether the API server itself says no, after the end."),
        (
            "DutiesMet",
            "AccessGrant: whether what is owed for the access was done. Also column DUTIES (`-o wide`) and the field selector `status.dutiesState`.",
        ),
    ];
    let mut text = "## Conditions and their reasons\n\nColumn STATE, `status.state` and the field selector `status.state` show the reason that decides at the moment. An AccessRequest without a status is `New`.\n\n".to_owned();
    for (condition, about) in OF {
        let reasons = reasons::reference().into_iter().filter(|(of, ..)| of == condition);
        let rows =
            reasons.map(|(_, status, reason, meaning)| vec![status.to_owned(), code(reason), meaning.to_owned()]);
        text += &format!("### {condition}\n\n{about}\n\n{}", table(&["Status", "Reason", "Meaning"], rows));
    }
    text + &format!(
        "### Flags of an AccessGrant\n\n{}### Dangers of a role\n\nIn `status.permissions.flags[]` of an AccessRequest and `spec.permissionFlags[]` of an AccessGrant, worst first; the messages name the permissions and what may outlive the grant (F11, N6).\n\n{}",
        table(&["Flag", "Meaning"], documented::<reasons::FlagType>()),
        table(&["Danger", "Meaning"], documented::<DangerType>())
    )
}

fn checks() -> String {
    let names = CHECKS.iter().map(|check| vec![code(check.name), check.asks.to_owned(), ids(check.covers)]);
    let codes = Code::VARIANTS.iter().map(|found| {
        let name: &str = found.into();
        let then = match (found.passes_by_itself(), found.is_fixable()) {
            (true, _) => "`Incomplete`: screened again by itself",
            (false, true) => "`Incomplete`: correct the manifest and apply it again",
            (false, false) => "`Refused`: final, file another",
        };
        vec![code(name), found.get_documentation().unwrap_or_default().to_owned(), then.to_owned()]
    });
    format!(
        "## Screening of a request\n\nEvery check runs, and all gaps are named at once in `status.checks[]`.\n\n{}A check that fails says why by a code:\n\n{}",
        table(&["Check", "What it asks", "Covers"], names),
        table(&["Code", "Meaning", "What follows"], codes)
    )
}

fn decisions() -> String {
    let counted = || std::iter::once(vec![code(COUNTED), "It counts.".to_owned()]);
    let rows = counted().chain(documented::<Disregard>());
    let attested = counted().chain(documented::<Objection>());
    format!(
        "## Whether a decision counts\n\nWhat the operator made of each entry of `status.approvals[]`, as `status.decisions[].reason`. The first that applies is on record.\n\n{}What it made of each reviewer whom `spec.attestation` names, as `status.attested[].reason`.\n\n{}",
        table(&["Reason", "Meaning"], rows),
        table(&["Reason", "Meaning"], attested)
    )
}

fn expressions() -> String {
    let rows = VARIABLES.iter().map(|(name, about)| vec![code(name), (*about).to_owned()]);
    format!(
        "## What an expression may speak of\n\nIn CEL, as `approval.steps[].when` and `approval.rules[].when`: at most {LONGEST} characters, true or false. What cannot be judged (a field that is not there) makes a step needed, and holds a request for a rule.\n\n{}",
        table(&["Variable", "What it is"], rows)
    )
}

fn findings() -> String {
    let rows = FINDINGS.iter().map(|finding| {
        let (name, meaning, follows): (&str, _, _) = match finding.severity {
            Severity::Missing(reason) => (reason.into(), reason.get_documentation(), "not `Ready`: nothing is granted"),
            Severity::Warning(concern) => {
                (concern.into(), concern.get_documentation(), "`status.warnings[]`: it works")
            }
        };
        vec![code(name), meaning.unwrap_or_default().to_owned(), follows.to_owned(), ids(finding.covers)]
    });
    format!(
        "## What is looked for in a policy\n\nIn this order; the first that is missing gives `Ready` its reason, and the message names all.\n\n{}",
        table(&["Finding", "Meaning", "What follows", "Covers"], rows)
    )
}

fn marks() -> String {
    let marks =
        names::MARKS.iter().map(|(name, place, says)| vec![code(name), (*place).to_owned(), (*says).to_owned()]);
    let verbs = names::VERBS.iter().map(|(verb, on, may)| vec![code(verb), code(on), (*may).to_owned()]);
    format!(
        "## Labels and annotations\n\nLabels `curfew.dev/*` of namespaces are set by holders of `classify` only. Which of them a policy reads is for the policy to say (`spec.namespaces`).\n\n{}## Verbs of its own\n\nNo API call has these; admission asks for them. Grant them by RBAC in API group `curfew.dev`. Who holds `*` holds them all.\n\n{}",
        table(&["Name", "Where", "What it says"], marks),
        table(&["Verb", "Resource", "Its holder may"], verbs)
    )
}

fn metrics() -> String {
    let rows = Metrics::new().reference().into_iter().map(|metric| {
        let labels = metric.labels.iter().map(code).collect::<Vec<_>>().join(", ");
        vec![code(metric.name), labels, metric.help]
    });
    format!("## Metrics\n\nAt `/metrics` of each replica.\n\n{}", table(&["Metric", "Labels", "What it says"], rows))
}

fn phrases() -> String {
    let list = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        lines.collect::<Vec<_>>().join(", ")
    };
    let words = |text: &str| list(text).replace(", ", " ");
    format!(
        "## Words that say nothing\n\nTaken out of a reason before its words are counted (B20); case, blanks, punctuation and accents do not matter. A policy adds its own in `evidence.reason.rejectPhrases`. Listed phrases inside a sentence that says something do no harm.\n\nPhrases: {}.\n\nSingle words: {}.\n\nTaken out of an approver's comment as well (C13): {}.\n",
        list(words::PHRASES),
        words(words::FILLER),
        list(words::BARE)
    )
}

fn documented<T: EnumMessage + VariantArray + Copy + Into<&'static str> + 'static>() -> impl Iterator<Item = Vec<String>>
{
    T::VARIANTS.iter().map(|variant| {
        let name: &'static str = (*variant).into();
        vec![code(name), variant.get_documentation().unwrap_or_default().to_owned()]
    })
}

fn code(name: impl Display) -> String {
    format!("`{name}`")
}

fn ids(covers: &[&str]) -> String {
    covers.join(", ")
}

/// A table of Markdown; a `|` inside a cell would begin another.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let escaped = |row: Vec<String>| line(row.into_iter().map(|cell| cell.replace('|', "\\|")).collect());
    let rows: String = rows.into_iter().map(escaped).collect();
    format!(
        "{}{}{rows}\n",
        line(head.iter().map(|h| (*h).to_owned()).collect()),
        line(vec!["---".to_owned(); head.len()])
    )
}
