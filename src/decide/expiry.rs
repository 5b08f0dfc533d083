//! When access is due to end, and what to delete then: all that the expiry task knows.
use super::effect::Identity;
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashMap};

/// Every live binding by the time at which it must be gone; the key is the UID of its grant.
#[derive(Debug, Default)]
pub struct Index {
    due: HashMap<String, DateTime<Utc>>,
    bindings: HashMap<String, Identity>,
    order: BTreeSet<(DateTime<Utc>, String)>,
}
impl Index {
    /// Notes when a grant ends; `None` once it has ended.
    pub fn note_grant(&mut self, grant: &str, due: Option<DateTime<Utc>>) {
        self.unlink(grant);
        match due {
            Some(due) => drop(self.due.insert(grant.to_owned(), due)),
            None => drop(self.due.remove(grant)),
        }
        self.link(grant);
    }
    /// Notes the binding of a grant; `None` once it is gone.
    pub fn note_binding(&mut self, grant: &str, binding: Option<Identity>) {
        self.unlink(grant);
        match binding {
            Some(binding) => drop(self.bindings.insert(grant.to_owned(), binding)),
            None => drop(self.bindings.remove(grant)),
        }
        self.link(grant);
    }
    /// Keeps only what a whole list named: what vanished while nobody watched is forgotten.
    pub fn keep_grants(&mut self, listed: &BTreeSet<String>) {
        let gone: Vec<_> = self.due.keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
        gone.iter().for_each(|uid| self.note_grant(uid, None));
    }
    /// The same for bindings.
    pub fn keep_bindings(&mut self, listed: &BTreeSet<String>) {
        let gone: Vec<_> = self.bindings.keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
        gone.iter().for_each(|uid| self.note_binding(uid, None));
    }
    /// Takes out what is due now, the most overdue first: its grant, when it was due, and the binding to delete.
    /// A delete that fails is put back by [`Self::note_binding`].
    pub fn take_overdue(&mut self, now: DateTime<Utc>) -> Option<(String, DateTime<Utc>, Identity)> {
        let (due, grant) = self.order.first().filter(|(due, _)| *due <= now).cloned()?;
        let binding = self.bindings.get(&grant).cloned()?;
        self.note_binding(&grant, None);
        Some((grant, due, binding))
    }
    /// When to look next.
    pub fn next(&self) -> Option<DateTime<Utc>> {
        self.order.first().map(|(due, _)| *due)
    }
    /// How many bindings belong to no grant that can end: their grant has ended, or there is none.
    pub fn unclaimed(&self) -> usize {
        self.bindings.keys().filter(|grant| !self.due.contains_key(*grant)).count()
    }
    /// How many bindings are overdue.
    pub fn overdue(&self, now: DateTime<Utc>) -> usize {
        self.order.iter().take_while(|(due, _)| *due <= now).count()
    }

    fn link(&mut self, grant: &str) {
        if let (Some(due), true) = (self.due.get(grant), self.bindings.contains_key(grant)) {
            self.order.insert((*due, grant.to_owned()));
        }
    }
    fn unlink(&mut self, grant: &str) {
        if let Some(due) = self.due.get(grant) {
            self.order.remove(&(*due, grant.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }
    fn binding(name: &str) -> Identity {
        Identity { namespace: Some("billing".into()), name: name.into(), uid: name.into() }
    }
    fn index() -> Index {
        let mut index = Index::default();
        for (name, seconds) in [("b", 1), ("a", 0), ("c", 3600)] {
            index.note_grant(name, Some(noon() + TimeDelta::seconds(seconds)));
            index.note_binding(name, Some(binding(name)));
        }
        index
    }
    fn taken(index: &mut Index, now: DateTime<Utc>) -> Vec<String> {
        std::iter::from_fn(|| index.take_overdue(now)).map(|(grant, ..)| grant).collect()
    }

    #[test]
    fn e24_what_is_due_ends_in_the_order_of_its_lateness() {
        let mut index = index();
        assert_eq!(index.overdue(noon() - TimeDelta::seconds(1)), 0);
        assert_eq!(taken(&mut index, noon() - TimeDelta::seconds(1)), [""; 0]);
        assert_eq!(taken(&mut index, noon() + TimeDelta::seconds(1)), ["a", "b"]);
        assert_eq!(index.next(), Some(noon() + TimeDelta::hours(1)));
    }
    #[test]
    fn a_delete_that_failed_is_tried_again() {
        let mut index = index();
        let (grant, _, identity) = index.take_overdue(noon()).unwrap();
        assert_eq!(taken(&mut index, noon()), [""; 0]);
        index.note_binding(&grant, Some(identity));
        assert_eq!(taken(&mut index, noon()), ["a"]);
    }
    #[test]
    fn the_order_in_which_the_two_are_seen_does_not_matter() {
        let mut index = Index::default();
        index.note_binding("a", Some(binding("a")));
        assert_eq!(index.next(), None);
        index.note_grant("a", Some(noon()));
        assert_eq!(index.next(), Some(noon()));
    }
    #[test]
    fn g8_a_binding_without_a_live_grant_is_noticed() {
        let mut index = index();
        assert_eq!(index.unclaimed(), 0);
        index.note_binding("stray", Some(binding("stray")));
        index.note_grant("a", None);
        assert_eq!(index.unclaimed(), 2);
    }
    #[test]
    fn what_a_whole_list_does_not_name_is_forgotten() {
        let mut index = index();
        index.keep_bindings(&BTreeSet::from(["b".to_owned(), "c".to_owned()]));
        index.keep_grants(&BTreeSet::from(["c".to_owned()]));
        assert_eq!(taken(&mut index, noon() + TimeDelta::hours(2)), ["c"]);
    }
}
