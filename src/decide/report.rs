//! Reports: what records, requests and policies say about a time, as tables. Each is a pure function of what was read.
mod emergencies;
mod export;
mod html;
mod monthly;
mod pilot;
mod show;
mod usage;
mod weekly;
mod writes;

use super::Now;
use super::standing::Inventory;
use super::sweep::Listed;
use super::table::Table;
use crate::api::grant::AccessGrant;
use crate::api::policy::AccessPolicy;
use crate::api::request::AccessRequest;
use crate::api::time::{self, Instant};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use clap::ValueEnum;
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub use show::{Format, file_name, show};
pub use writes::Writes;

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// What has to be cleaned up (G6, I1).
    Weekly,
    /// What somebody has to look at (I2, I5).
    Monthly,
    /// Who asks for what again and again, and how long it takes (I4).
    Usage,
    /// Who took the lane for emergencies, and what is owed for it (H3, H16).
    Emergencies,
    /// What a trial shows (I9).
    Pilot,
    /// One line for each decision (L8, I10).
    Export,
}
impl Subject {
    /// About which time it is, where nobody says, and how it looks then.
    pub fn usual(self) -> (When, Format) {
        let last = |days| When::Since(TimeDelta::days(days));
        match self {
            Self::Weekly => (last(7), Format::Table),
            Self::Monthly => (When::Last(Period::Month), Format::Table),
            Self::Usage | Self::Emergencies => (last(30), Format::Table),
            Self::Pilot => (last(14), Format::Table),
            Self::Export => (When::All, Format::Csv),
        }
    }
    /// Whether access past Curfew is looked at, which takes rights of its own.
    pub fn has_standing(self) -> bool {
        matches!(self, Self::Monthly | Self::Weekly)
    }
}

/// A whole part of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Period {
    /// Monday to Sunday.
    Week,
    /// The first to the last day.
    Month,
    /// Three months, the first of them January, April, July or October.
    Quarter,
}

/// Which time is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All that is kept.
    All,
    /// The last so long.
    Since(TimeDelta),
    /// The last whole one that is over.
    Last(Period),
}

/// What somebody asks to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which report.
    pub of: Subject,
    /// About which time.
    pub when: When,
    /// How it looks.
    pub format: Format,
    /// User names that several people share, by the installation.
    pub shared_accounts: Vec<String>,
    /// A file of audit events.
    pub audit_source: Option<PathBuf>,
    /// Where it is written too.
    pub directory: Option<PathBuf>,
}

/// A time: from its first instant to before its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `None`: from the beginning.
    pub from: Option<Instant>,
    /// Not itself within it.
    pub until: Instant,
}
impl Window {
    /// What is meant by that now.
    pub fn of(when: When, now: Instant) -> Self {
        // What was made in this very second is within it.
        let until = now.checked_add(TimeDelta::seconds(1)).unwrap_or(now);
        match when {
            When::All => Self { from: None, until },
            When::Since(long) => Self { from: now.get().checked_sub_signed(long).map(Instant::new), until },
            When::Last(period) => last(period, now.get().date_naive()),
        }
    }
    /// Whether something was then. What has no time is in none that has a beginning.
    pub fn has(&self, at: Option<Instant>) -> bool {
        match at {
            Some(at) => self.from.is_none_or(|from| from <= at) && at < self.until,
            None => self.from.is_none(),
        }
    }
}

fn last(period: Period, today: NaiveDate) -> Window {
    let first_of_month = today.with_day(1).unwrap_or(today);
    let (until, from) = match period {
        Period::Week => {
            let monday = today - Days::new(today.weekday().num_days_from_monday().into());
            (monday, monday - Days::new(7))
        }
        Period::Month => (first_of_month, first_of_month - Months::new(1)),
        Period::Quarter => {
            let first = first_of_month - Months::new(today.month0() % 3);
            (first, first - Months::new(3))
        }
    };
    let midnight = |day: NaiveDate| Instant::new(day.and_time(NaiveTime::MIN).and_utc());
    Window { from: Some(midnight(from)), until: midnight(until) }
}

/// Everything that a report is made of.
#[derive(Debug)]
pub struct Seen {
    /// Bindings that Curfew made, and all records; fuses are nobody's business here.
    pub listed: Listed,
    /// All requests that are kept and can be understood.
    pub requests: Vec<AccessRequest>,
    /// All policies.
    pub policies: Vec<AccessPolicy>,
    /// Access past Curfew; `None`: it was not asked for.
    pub standing: Option<Inventory>,
    /// Changes that no access by Curfew allowed, where somebody gave audit events.
    pub writes: Option<Writes>,
    /// Objects that cannot be understood.
    pub unread: usize,
    /// User names that several people share, by the installation.
    pub shared_accounts: Vec<String>,
    /// Which time it is about.
    pub window: Window,
    /// When it is made.
    pub now: Now,
}
impl Seen {
    fn grants(&self) -> impl Iterator<Item = &AccessGrant> {
        self.listed.grants.iter().flat_map(BTreeMap::values).flatten()
    }
    /// The records of decisions that were made in that time, the oldest first.
    fn decided(&self) -> Vec<&AccessGrant> {
        let mut all: Vec<_> = self.grants().filter(|grant| self.window.has(time::made(&grant.metadata))).collect();
        all.sort_by_key(|grant| (time::made(&grant.metadata), grant.name_any()));
        all
    }
    /// The requests that were filed in that time, the oldest first.
    fn filed(&self) -> Vec<&AccessRequest> {
        let mut all: Vec<_> = self.requests.iter().filter(|r| self.window.has(time::made(&r.metadata))).collect();
        all.sort_by_key(|request| (time::made(&request.metadata), request.namespace(), request.name_any()));
        all
    }
    /// The requests by their UIDs.
    fn by_uid(&self) -> BTreeMap<&str, &AccessRequest> {
        self.requests.iter().filter_map(|request| Some((request.meta().uid.as_deref()?, request))).collect()
    }
    fn owner(&self, policy: &str) -> String {
        let of = self.policies.iter().find(|known| known.name_any() == policy);
        of.map(|known| known.spec.owner.to_string()).unwrap_or_default()
    }
}

/// A report as tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it is called in JSON.
    pub kind: &'static str,
    /// What it is called for people.
    pub title: &'static str,
    /// Which time it is about.
    pub window: Window,
    /// When it was made.
    pub made: Instant,
    /// Objects that cannot be understood, and so are in none of the tables.
    pub unread: usize,
    /// The tables.
    pub sections: Vec<Section>,
}

/// One table, and what to make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it is called in JSON and CSV.
    pub name: &'static str,
    /// What it is called for people.
    pub title: &'static str,
    /// What is in it, and what to do about it.
    pub note: String,
    /// What was found.
    pub table: Table,
}

/// Makes a report.
pub fn page(of: Subject, seen: &Seen) -> Page {
    let (kind, title, sections) = match of {
        Subject::Weekly => ("WeeklyReport", "Clean-up of the week", weekly::sections(seen)),
        Subject::Monthly => ("MonthlyReport", "What somebody has to look at", monthly::sections(seen)),
        Subject::Usage => ("UsageReport", "How access is used", usage::sections(seen)),
        Subject::Emergencies => ("EmergencyReport", "Emergencies", emergencies::sections(seen)),
        Subject::Pilot => ("PilotReport", "What the trial shows", pilot::sections(seen)),
        Subject::Export => ("ExportReport", "Decisions", export::sections(seen)),
    };
    Page { kind, title, window: seen.window, made: seen.now.for_record(), unread: seen.unread, sections }
}

/// The instant, or nothing.
fn or_none(at: Option<Instant>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// How much later, never below zero.
fn between(earlier: Instant, later: Instant) -> TimeDelta {
    (later.get() - earlier.get()).max(TimeDelta::zero())
}

/// The time as people say it, with its two greatest parts.
fn lasting(time: TimeDelta) -> String {
    let seconds = time.num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h{minutes:02}m"),
        _ => format!("{days}d{hours:02}h"),
    }
}

/// Since when, until now.
fn ago(since: Option<Instant>, now: DateTime<Utc>) -> String {
    since.map(|since| lasting((now - since.get()).max(TimeDelta::zero()))).unwrap_or_default()
}

#[cfg(test)]
mod tests;
