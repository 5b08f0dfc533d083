//! What was done with an access, by the API server's audit events.
//!
//! Events come late, twice, out of order or never, and whoever writes the source can forge them. So nothing here gives
//! access or moves its end: what is counted is written down, flagged, and keeps access from ending as unused before its end.
pub mod event;
mod extraction;

pub use event::Event;

use super::{Audit, Now, timeline};
use crate::api::grant::{AccessGrant, AccessGrantStatus, Usage};
use crate::api::reasons::FlagType;
use crate::api::time::Instant;
use chrono::{DateTime, TimeDelta, Utc};
use event::Verdict;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

/// Most entries of `usage.verbs`.
pub const MOST_VERBS: usize = 32;
/// How often what was counted for one grant is written.
const EVERY: TimeDelta = TimeDelta::seconds(10);
/// For how long after its end events of an access are still taken.
const AFTER_THE_END: TimeDelta = TimeDelta::minutes(10);
/// How many events are remembered, so that none counts twice.
const REMEMBERED: usize = 16_384;
/// How many minutes of one grant are remembered, as events come out of order.
const MINUTES: usize = 16;
/// Without any event for so long, a source delivers nothing.
pub const SILENCE: TimeDelta = TimeDelta::minutes(5);

/// One grant whose use is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The grant's name.
    pub grant: String,
    /// Where it holds.
    pub namespace: String,
    /// Its binding, which the API server names where it allowed a call.
    pub binding: String,
    /// Who holds it.
    pub user: String,
    /// Since when; `None`: the binding was not seen yet.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// What was counted for one grant and is not written yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The first and the last call of these.
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    count: i64,
    verbs: BTreeSet<String>,
    flags: Vec<(FlagType, String)>,
}
impl Tally {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.flags.is_empty()
    }
    fn call(&mut self, at: DateTime<Utc>, verb: String) {
        self.extend(at, at);
        self.count += 1;
        if self.verbs.len() < MOST_VERBS {
            self.verbs.insert(verb);
        }
    }
    fn extend(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) {
        let (first, last) = self.span.unwrap_or((from, to));
        self.span = Some((first.min(from), last.max(to)));
    }
    fn flag(&mut self, type_: FlagType, words: String) {
        if self.flags.iter().all(|(known, _)| *known != type_) {
            self.flags.push((type_, words));
        }
    }
    /// What could not be written comes back, and what was counted since is added to it.
    fn add(&mut self, later: Tally) {
        if let Some((first, last)) = later.span {
            self.extend(first, last);
        }
        self.count = self.count.saturating_add(later.count);
        self.verbs.extend(later.verbs);
        later.flags.into_iter().for_each(|(type_, words)| self.flag(type_, words));
    }
}

#[derive(Debug)]
struct Account {
    holder: Holder,
    ended: Option<DateTime<Utc>>,
    open: Tally,
    written: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    minutes: BTreeMap<i64, usize>,
    pages: usize,
    /// Each is raised once: the record keeps it.
    raised: Vec<FlagType>,
}
impl Account {
    /// Whether a call at this time was made while the access held.
    fn held(&self, at: DateTime<Utc>) -> bool {
        let begun = self.holder.started_at.is_some_and(|since| since <= at);
        begun && at <= self.ended.unwrap_or(self.holder.expires_at)
    }
    /// No later than now and no earlier than its start, whatever an event says.
    fn at(&self, event: &Event, now: DateTime<Utc>) -> DateTime<Utc> {
        let at = event.at.map_or(now, |at| at.min(now));
        self.holder.started_at.map_or(at, |since| at.max(since.min(now)))
    }
    fn raise(&mut self, type_: FlagType, words: String) {
        if !self.raised.contains(&type_) {
            self.raised.push(type_);
            self.open.flag(type_, words);
        }
    }
    fn used(&mut self, event: &Event, per_minute: usize, now: DateTime<Utc>) {
        let at = self.at(event, now);
        self.open.call(at, event.what());
        self.last = self.last.max(Some(at));
        if let Some(words) = extraction::found(event, &mut self.pages) {
            self.raise(FlagType::DataExtraction, words);
        }
        let minute = self.minutes.entry(at.timestamp().div_euclid(60)).or_default();
        *minute += 1;
        if *minute > per_minute {
            let words = format!("more than {per_minute} calls in the minute of {}", at.format("%Y-%m-%dT%H:%MZ"));
            self.raise(FlagType::HighVolume, words);
        }
        while self.minutes.len() > MINUTES {
            self.minutes.pop_first();
        }
    }
}

/// What is counted, for all grants that hold or ended a moment ago.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<String, Account>,
    by_binding: HashMap<(String, String), String>,
    seen: HashSet<String>,
    order: VecDeque<String>,
}
impl Ledger {
    /// Notes a grant that gives access, or may yet.
    pub fn holds(&mut self, holder: Holder) {
        if let Some(known) = self.accounts.get_mut(&holder.grant) {
            known.holder = holder;
            return;
        }
        let (grant, binding) = (holder.grant.clone(), (holder.namespace.clone(), holder.binding.clone()));
        let account = Account {
            holder,
            ended: None,
            open: Tally::default(),
            written: None,
            last: None,
            minutes: BTreeMap::new(),
            pages: 0,
            raised: vec![],
        };
        self.accounts.insert(grant.clone(), account);
        self.by_binding.insert(binding, grant);
    }
    /// Notes that a grant ended: its events are taken for a while longer.
    pub fn ended(&mut self, grant: &str, now: DateTime<Utc>) {
        if let Some(account) = self.accounts.get_mut(grant) {
            account.ended.get_or_insert(now);
        }
    }
    /// Takes one event; whether it concerns a grant.
    pub fn take(&mut self, event: &Event, per_minute: usize, now: DateTime<Utc>) -> bool {
        match event.verdict() {
            Verdict::AllowedBy { namespace, binding } => {
                let grant = self.by_binding.get(&(namespace.to_owned(), binding.to_owned())).cloned();
                let is_theirs = |account: &Account| account.holder.user == event.user();
                let Some(grant) = grant.filter(|g| self.accounts.get(g).is_some_and(is_theirs)) else { return false };
                if self.is_known(&event.id) {
                    return false;
                }
                self.accounts.get_mut(&grant).into_iter().for_each(|account| account.used(event, per_minute, now));
                true
            }
            Verdict::Refused => {
                let concerns = |account: &&mut Account| {
                    account.holder.user == event.user()
                        && event.namespace() == Some(&account.holder.namespace)
                        && account.held(event.at.unwrap_or(now))
                };
                let concerned = self.accounts.values_mut().filter(concerns).map(|account| {
                    let Holder { user, namespace, .. } = &account.holder;
                    let words = format!("{user} tried to {} in {namespace} and was refused", event.what());
                    account.raise(FlagType::RefusedCalls, words);
                });
                concerned.count() > 0
            }
            Verdict::Other => false,
        }
    }
    /// Remembers an event by its ID; whether it was known.
    fn is_known(&mut self, id: &str) -> bool {
        if !self.seen.insert(id.to_owned()) {
            return true;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        false
    }
    /// What is to be written now, each once in a while; grants that ended long ago are forgotten.
    pub fn due(&mut self, now: DateTime<Utc>) -> Vec<(String, Tally)> {
        let over = |account: &Account| account.ended.unwrap_or(account.holder.expires_at) + AFTER_THE_END < now;
        let gone = self.accounts.extract_if(.., |_, account| over(account));
        let bindings = gone.map(|(_, Account { holder, .. })| (holder.namespace, holder.binding));
        bindings.for_each(|binding| drop(self.by_binding.remove(&binding)));
        let is_due = |account: &&mut Account| {
            !account.open.is_empty() && account.written.is_none_or(|at| (now - at).abs() >= EVERY)
        };
        let due = self.accounts.values_mut().filter(is_due).map(|account| {
            account.written = Some(now);
            (account.holder.grant.clone(), std::mem::take(&mut account.open))
        });
        due.collect()
    }
    /// What could not be written is written with what comes next.
    pub fn put_back(&mut self, grant: &str, tally: Tally) {
        if let Some(account) = self.accounts.get_mut(grant) {
            let later = std::mem::replace(&mut account.open, tally);
            account.open.add(later);
        }
    }
    /// The last call of a grant, written or not.
    pub fn last(&self, grant: &str) -> Option<DateTime<Utc>> {
        self.accounts.get(grant)?.last
    }
}

/// What a pass over a grant knows of its use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch<'a> {
    /// Since when the source has delivered; `None`: nobody watches.
    pub since: Option<DateTime<Utc>>,
    /// The last call that was seen, written or not.
    pub last: Option<DateTime<Utc>>,
    /// What is to be written in this pass.
    pub tally: Option<&'a Tally>,
}
impl Watch<'_> {
    /// By what is known of the source, and of this grant.
    pub fn of(audit: Audit, last: Option<DateTime<Utc>>) -> Self {
        let since = match audit {
            Audit::Delivers { since } => Some(since),
            Audit::Absent | Audit::Silent => None,
        };
        Self { since, last, tally: None }
    }
    /// When the access ends because nobody used it: `unusedAfter` past its start, its last use, or since when somebody
    /// watches, whichever is last. `None`: it did not begin, the policy does not ask for it, or nobody watches.
    pub fn unused_at(&self, grant: &AccessGrant) -> Option<DateTime<Utc>> {
        let after = grant.spec.unused_after?.delta();
        let status = grant.status.as_ref()?;
        let written = status.usage.as_ref().map(|usage| usage.last_seen.get());
        let since = status.started_at?.get().max(self.since?);
        Some([written, self.last].into_iter().flatten().fold(since, DateTime::max) + after)
    }
    /// Whether the record does not say yet what was counted.
    pub fn is_news(&self, grant: &AccessGrant, now: Now) -> bool {
        let mut status = grant.status.clone().unwrap_or_default();
        self.write(&mut status, now);
        grant.status.as_ref().is_some_and(|old| *old != status)
    }
    /// Adds to the record what was counted.
    pub fn write(&self, status: &mut AccessGrantStatus, now: Now) {
        let Some(tally) = self.tally else { return };
        if let Some((first, last)) = tally.span {
            let (first, last) = (Instant::new(first), Instant::new(last));
            let none = Usage { first_seen: first, last_seen: last, count: 0, verbs: vec![] };
            let usage = status.usage.get_or_insert(none);
            usage.first_seen = usage.first_seen.min(first);
            usage.last_seen = usage.last_seen.max(last);
            usage.count = usage.count.saturating_add(tally.count);
            let mut verbs: BTreeSet<String> = usage.verbs.drain(..).collect();
            for verb in &tally.verbs {
                if verbs.len() < MOST_VERBS {
                    verbs.insert(verb.clone());
                }
            }
            usage.verbs = verbs.into_iter().collect();
        }
        for (type_, words) in &tally.flags {
            timeline::flag(status, *type_, words, now);
        }
    }
}

#[cfg(test)]
mod tests;
