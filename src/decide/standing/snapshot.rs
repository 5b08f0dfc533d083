//! Inventories of other days: where one is kept, and which one answers for a day.
use super::Inventory;
use crate::api::names::SNAPSHOT;
use crate::decide::table;
use chrono::{DateTime, Utc};

/// The most bytes of a snapshot: what a ConfigMap takes, with room for its metadata.
pub const MOST_SNAPSHOT: usize = 900_000;

/// A place for one snapshot, as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// The name of the ConfigMap.
    pub name: String,
    /// Its resourceVersion; `None`: it is not there.
    pub version: Option<String>,
    /// What is in it; `None`: nothing, or what this release cannot read.
    pub inventory: Option<Inventory>,
}

/// The name of a slot. There are so few that RBAC can name each.
pub fn slot(number: usize) -> String {
    format!("{SNAPSHOT}-{number:02}")
}

/// A snapshot in one line of JSON.
///
/// # Errors
/// In words, when it is too large to be kept.
pub fn line(inventory: &Inventory) -> Result<String, String> {
    let line = table::json(inventory).map_err(|error| error.to_string())?;
    match line.len() {
        0..=MOST_SNAPSHOT => Ok(line),
        size => Err(format!(
            "a snapshot of {size} bytes does not fit into a ConfigMap ({MOST_SNAPSHOT}): cover fewer namespaces, or keep it with --directory instead of --keep"
        )),
    }
}

/// A snapshot from its line.
pub fn read(line: &str) -> Option<Inventory> {
    serde_json::from_str(line).ok()
}

/// Which slot takes an inventory, and what is written there.
///
/// What the newest snapshot says already is not kept twice: it is noted there that it still held. So a few slots reach back
/// over many changes instead of few days. Otherwise an empty slot takes it, else that of the oldest. What cannot be read stays as long
/// as there is another place: a newer release may have written it.
pub fn place<'a>(slots: &'a [Slot], now: &Inventory) -> Option<(&'a Slot, Inventory)> {
    let taken = |slot: &&Slot| slot.inventory.as_ref().map(|inventory| inventory.taken_at);
    let readable = || slots.iter().filter(|slot| slot.inventory.is_some());
    let newest = readable().max_by_key(taken);
    if let Some((slot, same)) = newest.and_then(|slot| Some((slot, slot.inventory.as_ref()?)))
        && same.says_what(now)
        && same.seen_until <= now.taken_at
    {
        return Some((slot, Inventory { seen_until: now.taken_at, ..same.clone() }));
    }
    let empty = slots.iter().find(|slot| slot.version.is_none());
    let slot = empty.or_else(|| readable().min_by_key(taken)).or_else(|| slots.first())?;
    Some((slot, now.clone()))
}

/// The snapshot that answers for an instant: the last one that was taken before.
///
/// # Errors
/// In words, when there is none.
pub fn as_of(kept: &[Inventory], at: DateTime<Utc>) -> Result<&Inventory, String> {
    let before = kept.iter().filter(|inventory| inventory.taken_at.get() <= at).max_by_key(|i| i.taken_at);
    before.ok_or_else(|| match kept.iter().map(|inventory| inventory.taken_at).min() {
        None => {
            "there are no snapshots: is the chart's value report.snapshots.enabled true, and has it run?".to_owned()
        }
        Some(first) => format!("the oldest snapshot was taken at {first}: ask for that day or later"),
    })
}
