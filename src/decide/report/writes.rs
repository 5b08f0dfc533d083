//! Changes without a task: what people changed in protected namespaces, and no access by Curfew allowed (I2).
use super::{Seen, Window};
use crate::api::names;
use crate::api::time::Instant;
use crate::decide::standing::Holder;
use crate::decide::text;
use crate::decide::usage::Event;
use crate::decide::usage::event::Verdict;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Verbs that change something. Whoever starts a command in a container creates `pods/exec`.
const CHANGING: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
/// What changes nothing that is kept, or is asking and deciding itself.
const NO_CHANGE: [&str; 3] = ["authorization.k8s.io", "authentication.k8s.io", "curfew.dev"];
/// The most rows: of what is beyond, nothing but the number is kept.
const MOST: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    namespace: String,
    what: String,
    by: String,
    allowed_by: String,
}
#[derive(Clone, Debug)]
struct Times {
    count: usize,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

/// Changes without a task, gathered one audit event after the other.
#[derive(Clone, Debug)]
pub struct Writes {
    /// Namespace and name of the binding of each record.
    known: HashSet<(String, String)>,
    protected: BTreeSet<String>,
    window: Window,
    all: BTreeMap<Change, Times>,
    /// A long call is two events.
    ids: HashSet<String>,
    read: usize,
}
impl Writes {
    /// To be told what happened in that time; `None`: which namespaces are protected was not asked for.
    pub fn of(seen: &Seen) -> Option<Self> {
        let protected = seen.standing.as_ref()?.namespaces.iter().cloned().collect();
        let binding = |grant: &_| Some((names::request_of_grant(grant)?.0, names::child_of_grant(grant)?));
        let known = seen.grants().filter_map(binding).collect();
        let (all, ids, read) = (BTreeMap::new(), HashSet::new(), 0);
        Some(Self { known, protected, window: seen.window, all, ids, read })
    }
    /// Takes one event.
    pub fn take(&mut self, event: &Event) {
        let Some(at) = event.at.filter(|at| self.window.has(Some(Instant::new(*at)))) else { return };
        self.read += 1;
        let (user, (group, ..)) = (event.user(), event.resource());
        let by = Holder { kind: "User".to_owned(), name: user.to_owned(), namespace: None };
        let is_change = CHANGING.contains(&event.verb.as_str()) && !NO_CHANGE.contains(&group) && event.is_done();
        let Some(namespace) = event.namespace().filter(|of| self.protected.contains(*of)) else { return };
        if !is_change || !by.is_person() {
            return;
        }
        if let Verdict::AllowedBy { namespace, binding } = event.verdict()
            && self.known.contains(&(namespace.to_owned(), binding.to_owned()))
        {
            return;
        }
        if !self.ids.insert(event.id.clone()) {
            return;
        }
        let change = Change {
            namespace: namespace.clone(),
            what: event.what(),
            by: text::line(user, 253),
            allowed_by: text::line(event.reason(), 253),
        };
        if self.all.len() >= MOST && !self.all.contains_key(&change) {
            return;
        }
        let times = self.all.entry(change).or_insert(Times { count: 0, first: at, last: at });
        *times = Times { count: times.count + 1, first: times.first.min(at), last: times.last.max(at) };
    }
    /// How many events were of that time.
    pub(super) fn read(&self) -> usize {
        self.read
    }
    /// By namespace.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let at = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let row = |(change, times): (&Change, &Times)| {
            let Change { namespace, what, by, allowed_by } = change.clone();
            vec![namespace, what, by, times.count.to_string(), at(times.first), at(times.last), allowed_by]
        };
        self.all.iter().map(row).collect()
    }
}
