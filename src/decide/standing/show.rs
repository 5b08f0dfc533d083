//! An inventory as people and programs read it.
use super::{Change, Given, Held, Inventory, Need, changes, needs};
use crate::api::names::{SENSITIVITY_LABEL, ZONE_LABEL};
use crate::api::time::Instant;
use crate::decide::table::{self, Format, Table, markdown};
use crate::decide::text;
use serde::Serialize;
use std::collections::BTreeMap;

const HEAD: &[&str] =
    &["LEVEL", "NAMESPACE", "BINDING", "ROLE", "SUBJECTS", "OWNER", "REVIEW-BY", "AGE", "NEEDS", "DANGERS"];
const CHANGES: &[&str] = &["CHANGE", "LEVEL", "NAMESPACE", "BINDING", "ROLE", "SUBJECTS", "WHAT"];
/// How many subjects a table for people names.
const NAMED: usize = 4;

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The access itself.
    pub inventory: &'a Inventory,
    /// When it is looked at: what is overdue is judged by that.
    pub now: Instant,
    /// What it is compared with.
    pub before: Option<&'a Inventory>,
}
impl Report<'_> {
    /// Whether somebody has to do something about a binding.
    pub fn needs_somebody(&self) -> bool {
        self.inventory.bindings.iter().any(|held| !self.needs(held).is_empty())
    }
    fn needs(&self, held: &Held) -> Vec<Need> {
        needs(held, self.now.get().date_naive())
    }
    fn changes(&self) -> Option<(&Inventory, Vec<Change>)> {
        self.before.map(|before| (before, changes(before, self.inventory)))
    }
}

/// The whole report.
///
/// # Errors
/// As [`table::json`].
pub fn show(report: &Report<'_>, format: Format) -> serde_json::Result<String> {
    Ok(match format {
        Format::Table => for_people(report),
        Format::Markdown => page(report),
        Format::Csv => sheet(report),
        Format::Json => table::json(&Whole::of(report))? + "\n",
    })
}

fn for_people(report: &Report<'_>) -> String {
    let mut text = format!("{}\n", summary(report));
    if !report.inventory.bindings.is_empty() {
        text += &format!("\n{}", bindings(report, |subjects| text::few(subjects, NAMED)).aligned());
    }
    if !report.inventory.namespaces.is_empty() {
        text += &format!("\n{}", counts(report).aligned());
    }
    if !report.inventory.unmarked.is_empty() {
        text += &format!("\n{}\n", unmarked(report));
    }
    if let Some((before, changes)) = report.changes() {
        text += &format!("\n{}\n", since(before, &changes));
        if !changes.is_empty() {
            text += &changed(&changes, |subjects| text::few(subjects, NAMED)).aligned();
        }
    }
    text
}

fn page(report: &Report<'_>) -> String {
    let mut text = format!("# Standing access\n\n{}\n\n", markdown(&summary(report)));
    text += &bindings(report, |subjects| subjects.join(", ")).markdown();
    text += &format!("\n{}", counts(report).markdown());
    if !report.inventory.unmarked.is_empty() {
        text += &format!("\n## Not marked\n\n{}\n", markdown(&unmarked(report)));
    }
    if let Some((before, changes)) = report.changes() {
        text += &format!("\n## Since then\n\n{}\n\n", markdown(&since(before, &changes)));
        text += &changed(&changes, |subjects| subjects.join(", ")).markdown();
    }
    text
}

/// One table: what changed if that was asked for, else all of it.
fn sheet(report: &Report<'_>) -> String {
    match report.changes() {
        Some((_, changes)) => changed(&changes, |subjects| subjects.join(", ")).csv(),
        None => bindings(report, |subjects| subjects.join(", ")).csv(),
    }
}

fn summary(report: &Report<'_>) -> String {
    let Inventory { taken_at, seen_until, namespaces, bindings, .. } = report.inventory;
    if namespaces.is_empty() {
        return format!(
            "Standing access at {taken_at}: no namespace here is protected. One is if an AccessPolicy covers it, or if it is labelled curfew.dev/hand-made."
        );
    }
    let held = if seen_until > taken_at { format!(", and still at {seen_until}") } else { String::new() };
    let wanting = bindings.iter().filter(|held| !report.needs(held).is_empty()).count();
    format!(
        "Standing access at {taken_at}{held}: {} users and groups hold {} bindings that reach {} protected namespaces. {wanting} need somebody.",
        report.inventory.people(),
        bindings.len(),
        namespaces.len()
    )
}

/// F10.
fn unmarked(report: &Report<'_>) -> String {
    let all = &report.inventory.unmarked;
    format!(
        "{} namespaces carry neither `{ZONE_LABEL}` nor `{SENSITIVITY_LABEL}`, so nobody has said whether they are sensitive: {}.",
        all.len(),
        all.join(", ")
    )
}

fn since(before: &Inventory, changes: &[Change]) -> String {
    let words = if changes.is_empty() { "nothing has changed" } else { "this has changed" };
    format!("Since the snapshot of {} {words}.", before.taken_at)
}

fn bindings(report: &Report<'_>, named: fn(Vec<String>) -> String) -> Table {
    let row = |held: &Held| {
        let needs: Vec<_> = report.needs(held).iter().map(ToString::to_string).collect();
        let dangers: Vec<_> = held.dangers.iter().map(|danger| format!("{danger:?}")).collect();
        let [level, namespace, binding, role, subjects] = what(held, named);
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let (owner, review_by) = (or_none(&held.owner), or_none(&held.review_by));
        let age = days(held, report.now).map_or("-".to_owned(), |days| format!("{days}d"));
        let [needs, dangers] = [needs, dangers].map(|all| if all.is_empty() { "-".to_owned() } else { all.join(", ") });
        vec![level, namespace, binding, role, subjects, owner, review_by, age, needs, dangers]
    };
    Table { head: HEAD, rows: report.inventory.bindings.iter().map(row).collect() }
}
fn changed(changes: &[Change], named: fn(Vec<String>) -> String) -> Table {
    let row = |Change { turn, held, what: words }: &Change| {
        let words = if words.is_empty() { "-".to_owned() } else { words.clone() };
        std::iter::once(format!("{turn:?}")).chain(what(held, named)).chain([words]).collect()
    };
    Table { head: CHANGES, rows: changes.iter().map(row).collect() }
}
fn what(held: &Held, named: fn(Vec<String>) -> String) -> [String; 5] {
    let level = held.level.map_or("-".to_owned(), |level| format!("{level:?}"));
    let namespace = held.namespace.clone().unwrap_or_else(|| "*".to_owned());
    let subjects = named(held.subjects.iter().map(ToString::to_string).collect());
    [level, namespace, held.binding.clone(), held.role.to_string(), subjects]
}
fn days(held: &Held, now: Instant) -> Option<i64> {
    held.made.map(|made| (now.get() - made.get()).num_days())
}

fn counts(report: &Report<'_>) -> Table {
    let before = report.before.map(Inventory::holders);
    let row = |(namespace, count): (String, usize)| {
        let then = before.as_ref().map(|all| all.get(&namespace).map_or("-".to_owned(), ToString::to_string));
        [namespace, count.to_string()].into_iter().chain(then).collect()
    };
    let head: &[&str] = match before {
        Some(_) => &["NAMESPACE", "HOLDERS", "THEN"],
        None => &["NAMESPACE", "HOLDERS"],
    };
    Table { head, rows: report.inventory.holders().into_iter().map(row).collect() }
}

/// All of it, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'a> {
    kind: &'static str,
    taken_at: Instant,
    seen_until: Instant,
    /// Holders by namespace.
    namespaces: BTreeMap<String, usize>,
    /// Namespaces that nobody has marked; only of now.
    unmarked: &'a [String],
    bindings: Vec<Row<'a>>,
    roles: &'a [Given],
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Since>,
}
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(flatten)]
    held: &'a Held,
    needs: Vec<Need>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<i64>,
}
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Since {
    taken_at: Instant,
    namespaces: BTreeMap<String, usize>,
    changes: Vec<Change>,
}
impl<'a> Whole<'a> {
    fn of(report: &Report<'a>) -> Self {
        let inventory = report.inventory;
        let row = |held| Row { held, needs: report.needs(held), age_days: days(held, report.now) };
        Self {
            kind: "StandingAccess",
            taken_at: inventory.taken_at,
            seen_until: inventory.seen_until,
            namespaces: inventory.holders(),
            unmarked: &inventory.unmarked,
            bindings: inventory.bindings.iter().map(row).collect(),
            roles: &inventory.roles,
            since: report.changes().map(|(before, changes)| Since {
                taken_at: before.taken_at,
                namespaces: before.holders(),
                changes,
            }),
        }
    }
}
