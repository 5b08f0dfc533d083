//! The history of a grant: append-only and bounded. The digest of each entry covers the entry, all entries before it, and
//! the record's UID and spec: whoever changes one of them breaks the chain, here or against an export.
use super::transition::{self, Transition};
use super::{Now, text};
use crate::api::grant::{AccessGrant, AccessGrantStatus, Flag, TimelineEntry};
use crate::api::reasons::FlagType;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Most entries of a timeline.
const MOST: usize = 256;
/// How many there may be before the end: the other places are kept for it.
const BEFORE_THE_END: usize = 240;
/// How many there may be after the end: the other places are kept for what closes the record.
const AFTER_THE_END: usize = 252;
/// Most characters of a note.
const NOTE: usize = 512;

/// The chain of a record as the API server has it, whatever else a later release wrote into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    anchor: String,
    fault: Option<usize>,
}
impl Chain {
    /// Reads the chain of this record: an AccessGrant as JSON.
    pub fn of(record: &Value) -> Self {
        let anchor = anchor(record);
        let digests = std::iter::once(anchor.as_str()).chain(entries(record).iter().map(digest_of));
        let follows = |(seq, (before, entry)): (usize, (&str, &Value))| {
            (entry["seq"] != json!(seq) || digest_of(entry) != digest(before, entry)).then_some(seq)
        };
        let fault = (1..).zip(digests.zip(entries(record))).find_map(follows);
        Self { fault, anchor }
    }
    /// The same of a record that was seen before: one that was rewritten from its beginning is whole, and is not that one.
    pub fn since(seen: Option<&Head>, record: &Value) -> Self {
        let Self { anchor, fault } = Self::of(record);
        let lost = seen.and_then(|head| head.lost_in(record));
        Self { anchor, fault: fault.into_iter().chain(lost).min() }
    }
    /// The first entry, from 1, that does not follow from what is before it; `None`: the chain is whole.
    pub fn fault(&self) -> Option<usize> {
        self.fault
    }
}

/// The last entry of a record when it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    uid: Option<String>,
    seq: usize,
    digest: String,
}
impl Head {
    /// Of this record.
    pub fn of(record: &Value) -> Self {
        let (uid, last) = (record.pointer("/metadata/uid").and_then(Value::as_str), entries(record).last());
        let digest = last.map_or(String::new(), |last| digest_of(last).to_owned());
        Self { uid: uid.map(str::to_owned), seq: entries(record).len(), digest }
    }
    /// The first entry of this record that was not added since this was seen; `None`: it only grew.
    fn lost_in(&self, record: &Value) -> Option<usize> {
        let is_there = self.seq == 0 || entries(record).get(self.seq - 1).is_some_and(|e| digest_of(e) == self.digest);
        (!is_there || Self::of(record).uid != self.uid).then_some(self.seq.max(1))
    }
}

/// The timeline of a record, as it is written there.
pub fn entries(record: &Value) -> &[Value] {
    record.pointer("/status/timeline").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
/// The digest that an entry carries.
pub fn digest_of(entry: &Value) -> &str {
    entry["digest"].as_str().unwrap_or_default()
}

/// What the first entry follows: the digest of `[UID, spec]`.
pub fn anchor(record: &Value) -> String {
    sha256(&json!([record.pointer("/metadata/uid"), record.get("spec")]))
}
/// The digest of `[digest before, entry without its digest]`.
pub fn digest(before: &str, entry: &Value) -> String {
    let mut entry = entry.clone();
    if let Some(fields) = entry.as_object_mut() {
        fields.remove("digest");
    }
    sha256(&json!([before, entry]))
}
/// SHA-256 of the canonical form, in lower-case hexadecimal.
fn sha256(value: &Value) -> String {
    Sha256::digest(canonical(value)).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON without blanks, the fields of each object by name, in UTF-8 with nothing escaped but what JSON demands.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            let fields: Vec<_> = sorted.into_iter().map(|(k, v)| format!("{}:{}", json!(k), canonical(v))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// Flags a record whose chain is broken, once and for ever. Nothing is repaired: what is there is the evidence.
pub fn notice(status: &mut AccessGrantStatus, chain: &Chain, now: Now) {
    let Some(seq) = chain.fault else { return };
    let message = format!(
        "Entry {seq} of the timeline is not what it was, or does not follow from what is before it: this record was changed past Curfew. An export, and the Events and logs of the time, say what it was."
    );
    flag(status, FlagType::ChainBroken, &message, now);
}
/// Whether a record says that its chain is broken.
pub fn is_known_broken(grant: &AccessGrant) -> bool {
    grant.status.as_ref().is_some_and(|status| status.flags.iter().any(|flag| flag.type_ == FlagType::ChainBroken))
}
/// Adds a flag that is not there yet; whether it was added.
pub fn flag(status: &mut AccessGrantStatus, type_: FlagType, message: &str, now: Now) -> bool {
    let is_new = status.flags.iter().all(|flag| flag.type_ != type_);
    if is_new {
        status.flags.push(Flag {
            type_,
            since: now.for_record(),
            message: text::line(message, NOTE),
            cleared_by: None,
        });
    }
    is_new
}

/// Adds one entry for each transition, with who made it so. The last places are kept for the end and for what closes the
/// record; what has no place is in Events and log only, and flag `TimelineFull` says so.
pub fn extend(status: &mut AccessGrantStatus, chain: &Chain, transitions: Vec<(Transition, String)>, now: Now) {
    // Out of order, nothing can be appended that admission accepts.
    if status.timeline.iter().zip(1..).any(|(entry, seq)| entry.seq != seq) {
        return;
    }
    for (transition, by) in transitions {
        if status.timeline.len() < room(status, &transition) {
            append(status, chain, &transition, by, now);
        } else if status.timeline.len() < MOST && flag(status, FlagType::TimelineFull, FULL, now) {
            let raised = status.flags.last().map(transition::of_flag);
            raised.into_iter().for_each(|raised| append(status, chain, &raised, by.clone(), now));
        }
    }
}
const FULL: &str = "The timeline has no place but for the end of the access and for what closes the record: what else happened after its last entries is in Events and log only.";

fn room(status: &AccessGrantStatus, transition: &Transition) -> usize {
    let closes = transition.condition == "Active" || transition.status == "True";
    match (status.ended_at.is_some(), transition.condition == transition::FLAGGED) {
        (false, _) => BEFORE_THE_END,
        (true, false) if closes => MOST,
        (true, _) => AFTER_THE_END,
    }
}

fn append(status: &mut AccessGrantStatus, chain: &Chain, transition: &Transition, by: String, now: Now) {
    let note: String = transition.message.chars().take(NOTE).collect();
    let mut entry = TimelineEntry {
        seq: i32::try_from(status.timeline.len() + 1).unwrap_or(i32::MAX),
        at: now.for_record(),
        what: transition.to_string(),
        by,
        note: (!note.is_empty()).then_some(note),
        digest: String::new(),
    };
    let before = status.timeline.last().map_or(&chain.anchor, |last| &last.digest);
    entry.digest = digest(before, &json!(entry));
    status.timeline.push(entry);
}

#[cfg(test)]
mod tests;
