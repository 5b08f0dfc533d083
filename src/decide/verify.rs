//! Whether records are what they were: each by its own history, and all of them against an earlier export.
//!
//! Records are judged as JSON, whatever release wrote them.
mod show;

use super::timeline::{Chain, digest_of, entries};
use super::{Now, record};
use crate::api::grant::AccessGrant;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use strum::IntoStaticStr;

pub use show::table;

/// From so many entries on the rest may be in Events only.
const NEARLY_FULL: usize = 240;

/// What was found about one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Its name.
    pub record: String,
    /// Who asked.
    pub user: String,
    /// The ticket.
    pub ticket: String,
    /// How many entries its timeline has.
    pub entries: usize,
    /// The digest of the last one; empty where there is none.
    pub head: String,
    /// What is wrong with it; empty: nothing.
    pub found: Vec<Finding>,
}
/// One thing that is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub fault: Fault,
    /// The same in words.
    pub message: String,
}
/// What can be wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr)]
pub enum Fault {
    /// An entry of its timeline does not follow from what is before it.
    Broken,
    /// Its status says what its timeline does not.
    Contradicts,
    /// Something in it is not what the export has.
    Changed,
    /// Its timeline is shorter than in the export.
    Shortened,
    /// The export has another record of its name: that was deleted, and this one made.
    Replaced,
    /// The export has it, and it is gone before its retention is over.
    Missing,
}

/// Judges one record by itself; `None`: it is none.
pub fn judge(record: &Value) -> Option<Verdict> {
    if !is_record(record) {
        return None;
    }
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut found = Vec::new();
    if let Some(seq) = Chain::of(record).fault() {
        let words = match seq {
            1 => "entry 1 of the timeline does not follow from the spec: one of them was changed".to_owned(),
            _ => format!("entry {seq} of the timeline does not follow from the one before it"),
        };
        found.push(Finding { fault: Fault::Broken, message: words });
    }
    let words = contradictions(record);
    found.extend(words.into_iter().map(|message| Finding { fault: Fault::Contradicts, message }));
    Some(Verdict {
        record: text("/metadata/name"),
        user: text("/spec/user"),
        ticket: text("/spec/ticket"),
        entries: entries(record).len(),
        head: entries(record).last().map_or(String::new(), |last| digest_of(last).to_owned()),
        found,
    })
}

/// Whether this is an AccessGrant, and not a line of a log that speaks of one.
pub fn is_record(object: &Value) -> bool {
    object["kind"] == "AccessGrant" && object["metadata"]["uid"].is_string() && object["spec"].is_object()
}

/// What the status says and the timeline does not: times, who, flags and conditions are all told there first.
fn contradictions(record: &Value) -> Vec<String> {
    let (status, told) = (&record["status"], entries(record));
    if told.len() >= NEARLY_FULL {
        return vec![];
    }
    let tells = |what: &str, at: Option<&Value>, by: Option<&Value>| {
        let is_same = |entry: &&Value| {
            entry["what"] == what && at.is_none_or(|at| entry["at"] == *at) && by.is_none_or(|by| entry["by"] == *by)
        };
        told.iter().any(|entry| is_same(&entry))
    };
    let mut wrong = Vec::new();
    if let Some(reason) = status["endReason"].as_str()
        && !tells(&format!("Active=False/{reason}"), status.get("endedAt"), status.get("endedBy"))
    {
        wrong.push("its timeline does not tell of its end as endReason, endedAt and endedBy do".to_owned());
    }
    if status["startedAt"].is_string() && !tells("Active=True/Bound", status.get("startedAt"), None) {
        wrong.push("its timeline does not tell that it began at startedAt".to_owned());
    }
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let [type_, truth, reason] = ["type", "status", "reason"].map(|f| condition[f].as_str().unwrap_or_default());
        let last = told.iter().rev().filter_map(|e| e["what"].as_str()).find(|w| w.split('=').next() == Some(type_));
        if last != Some(&format!("{type_}={truth}/{reason}")) {
            wrong.push(format!("condition {type_} is {truth}/{reason}, which is not the last that its timeline tells"));
        }
    }
    let flags = status["flags"].as_array().into_iter().flatten().filter_map(|flag| flag["type"].as_str());
    let flags: BTreeSet<&str> = flags.collect();
    let raised = told.iter().filter_map(|e| e["what"].as_str()?.strip_prefix("Flagged=True/"));
    let raised: BTreeSet<&str> = raised.collect();
    let gone = raised.difference(&flags).map(|flag| format!("flag {flag} was raised, and is gone"));
    let made_up = flags.difference(&raised).map(|flag| format!("flag {flag} is not in its timeline"));
    wrong.extend(gone.chain(made_up));
    wrong
}

/// An earlier export, to hold records against.
#[derive(Debug, Default)]
pub struct Export {
    /// All states of each record, by its name.
    by_name: BTreeMap<String, Vec<Value>>,
    seen: BTreeSet<String>,
}
impl Export {
    /// Only what this says yes to.
    pub fn only(mut self, is_wanted: impl Fn(&Value) -> bool) -> Self {
        self.by_name.retain(|_, states| states.iter().any(&is_wanted));
        self
    }
    /// Of these objects, those that are records; one may be among them several times, as it grew.
    pub fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut by_name: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for record in objects.into_iter().filter(is_record) {
            by_name.entry(name(&record)).or_default().push(record);
        }
        Self { by_name, seen: BTreeSet::new() }
    }
    /// What in this record is not as it was exported.
    pub fn compare(&mut self, record: &Value) -> Vec<Finding> {
        self.seen.insert(name(record));
        let then = self.by_name.get(&name(record)).into_iter().flatten();
        let mut found: Vec<Finding> = then.flat_map(|then| differences(then, record)).collect();
        found.dedup();
        found
    }
    /// What was exported and is not there, once all records were compared.
    pub fn missing(&self, now: Now) -> Vec<Verdict> {
        let gone = self.by_name.iter().filter(|(name, _)| !self.seen.contains(*name));
        let last = gone.filter_map(|(_, states)| states.iter().max_by_key(|record| entries(record).len()));
        let message = "the export has it, and it is gone before its retention is over";
        let verdict = |record: &Value| {
            let found = vec![Finding { fault: Fault::Missing, message: message.to_owned() }];
            judge(record).map(|verdict| Verdict { found, ..verdict })
        };
        last.filter(|record| !is_past(record, now)).filter_map(verdict).collect()
    }
}

/// Records, judged one after the other: each by itself, and all against an earlier export where there is one.
#[derive(Debug, Default)]
pub struct Inspection {
    export: Option<Export>,
    verdicts: Vec<Verdict>,
}
impl Inspection {
    /// Before any record.
    pub fn against(export: Option<Export>) -> Self {
        Self { export, verdicts: vec![] }
    }
    /// The next object; one that is no record is passed over.
    pub fn judge(&mut self, object: &Value) {
        if let Some(mut verdict) = judge(object) {
            verdict.found.extend(self.export.iter_mut().flat_map(|export| export.compare(object)));
            self.verdicts.push(verdict);
        }
    }
    /// All verdicts, once there are no more records: at the end those about what was exported and is not there.
    pub fn verdicts(mut self, now: Now) -> Vec<Verdict> {
        self.verdicts.extend(self.export.iter().flat_map(|export| export.missing(now)));
        self.verdicts
    }
}

/// Whether nothing was found.
pub fn is_fine(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(|verdict| verdict.found.is_empty())
}

fn name(record: &Value) -> String {
    record["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}
fn uid(record: &Value) -> String {
    record["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// What is other than it was then. A timeline may only have grown.
fn differences(then: &Value, now: &Value) -> Vec<Finding> {
    if uid(then) != uid(now) {
        let message = "the export has another record of this name: that was deleted, and this one made".to_owned();
        return vec![Finding { fault: Fault::Replaced, message }];
    }
    let mut found = Vec::new();
    if then["spec"] != now["spec"] {
        let (was, is) = (fields(&then["spec"]), fields(&now["spec"]));
        let all: BTreeSet<_> = was.keys().chain(is.keys()).collect();
        let differ: Vec<&str> = all.into_iter().filter(|f| was.get(*f) != is.get(*f)).map(|f| f.as_str()).collect();
        let message = format!("spec is not as it was exported: {}", super::text::few(differ, 8));
        found.push(Finding { fault: Fault::Changed, message });
    }
    let (was, is) = (entries(then), entries(now));
    if is.len() < was.len() {
        let message = format!("its timeline has {} entries, and had {} in the export", is.len(), was.len());
        found.push(Finding { fault: Fault::Shortened, message });
    }
    if let Some(at) = was.iter().zip(is).position(|(was, is)| was != is) {
        let message = format!("entry {} of its timeline is not as it was exported", at + 1);
        found.push(Finding { fault: Fault::Changed, message });
    }
    found
}
fn fields(object: &Value) -> BTreeMap<String, Value> {
    BTreeMap::deserialize(object).unwrap_or_default()
}

/// Whether it may have gone after its retention. Of one that was exported before its end, its last possible end counts.
fn is_past(record: &Value, now: Now) -> bool {
    let Ok(grant) = AccessGrant::deserialize(record) else { return false };
    let days = TimeDelta::days(grant.spec.policy.retention_days.into());
    let last = || grant.spec.expires_at.unwrap_or(grant.spec.not_before).get().checked_add_signed(days);
    record::kept_until(&grant).or_else(last).is_some_and(|until: DateTime<Utc>| until <= now.wall)
}

/// One line of an export: the object, where it comes from and when. Later lines of the same record are later states of it.
pub fn line(object: &Value, cluster: &str, now: Now) -> String {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object["exported"] = json!({"at": now.for_record(), "cluster": cluster});
    object.to_string()
}

/// Reads JSON lines, a list as `kubectl get -o json` prints it, or one object.
///
/// # Errors
/// In words for who gave the file, with the line. A last line without its end was cut off before anything relied on it:
/// it is left out.
pub fn read(text: &str) -> Result<Vec<Value>, String> {
    if let Ok(mut whole) = serde_json::from_str::<Value>(text) {
        return Ok(match whole.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items.into_iter().map(|item| with_kind(item, &whole)).collect(),
            _ => vec![whole],
        });
    }
    let lines = text.split_inclusive('\n').zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let read = |(line, number): (&str, usize)| match serde_json::from_str(line) {
        Ok(object) => Some(Ok(object)),
        Err(_) if !line.ends_with('\n') && number > 1 => None,
        Err(error) => Some(Err(format!(
            "line {number} is no JSON object ({error}): it must be JSON lines, as `curfew export` writes them, or what `kubectl get accessgrants -o json` prints"
        ))),
    };
    lines.filter_map(read).collect()
}
/// The items of a typed list do not say what they are.
fn with_kind(mut item: Value, list: &Value) -> Value {
    if let (Some(kind), None) = (list["kind"].as_str().and_then(|k| k.strip_suffix("List")), item.get("kind")) {
        item["kind"] = json!(kind);
    }
    item
}

#[cfg(test)]
mod tests;
