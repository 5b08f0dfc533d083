//! The example that is played.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use curfew::api::{
    policy::AccessPolicy,
    subject::{Subject, SubjectKind},
};
use serde_json::Value;

/// Under `examples/policies` and `examples/requests`.
const EXAMPLE: &str = "small-team.yaml";

/// What the demo takes from the example, so that it shows the example as it is.
#[derive(Debug)]
pub struct Example {
    /// The policy's file.
    pub policy_file: String,
    /// The request's file.
    pub request_file: String,
    /// The policy's name.
    pub policy: String,
    /// Its step.
    pub step: String,
    /// The groups of those who may ask.
    pub askers: Vec<String>,
    /// The groups of those who agree.
    pub approvers: Vec<String>,
    /// The labels of the namespaces that it covers, as `kubectl label` takes them.
    pub labels: String,
    /// The request's namespace.
    pub namespace: String,
    /// The request's name.
    pub request: String,
    /// Its ticket.
    pub ticket: String,
    /// Its reason.
    pub reason: String,
}

impl Example {
    pub fn read() -> Result<Self> {
        let policy_file = format!("examples/policies/{EXAMPLE}");
        let request_file = format!("examples/requests/{EXAMPLE}");
        let policy: AccessPolicy = serde_json::from_value(document(&policy_file, "AccessPolicy")?)?;
        let request = document(&request_file, "AccessRequest")?;
        let text = |path: &str| request.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let spec = &policy.spec;
        let step = spec.approval.steps.first().context("the example has no step")?;
        let labels = spec.namespaces.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
        Ok(Self {
            policy: policy.metadata.name.unwrap_or_default(),
            step: step.name.clone(),
            askers: groups(&spec.requesters),
            approvers: groups(&step.approvers),
            labels: labels.collect::<Vec<_>>().join(" "),
            namespace: text("/metadata/namespace"),
            request: text("/metadata/name"),
            ticket: text("/spec/ticket"),
            reason: text("/spec/reason"),
            policy_file,
            request_file,
        })
    }

    /// A `sed` expression that makes another request of the example's, and that request's name.
    pub fn another(&self, nth: u32) -> (String, String) {
        let number: String = self.request.chars().filter(char::is_ascii_digit).collect();
        let next = (number.parse::<u32>().unwrap_or_default() + nth).to_string();
        (format!("s/{number}/{next}/g"), self.request.replace(&number, &next))
    }
}

fn groups(subjects: &[Subject]) -> Vec<String> {
    subjects.iter().filter(|s| s.kind == SubjectKind::Group).map(|s| s.name.clone()).collect()
}

/// The document of this kind in a file of the repository.
fn document(file: &str, kind: &str) -> Result<Value> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let all: Vec<Value> = serde_saphyr::from_multiple(&text).with_context(|| file.to_owned())?;
    all.into_iter().find(|one| one["kind"] == kind).with_context(|| format!("{file} has no {kind}"))
}
