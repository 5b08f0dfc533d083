//! When access is due to end, and what to delete then: all that the expiry task knows.
use super::effect::Identity;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeSet, HashMap};

/// How long before its end an access counts as about to end: what a pass has begun by then is done when the end comes.
pub const AHEAD: TimeDelta = TimeDelta::milliseconds(250);
/// How many ends disturb each other: fewer are done before anything else is noticed.
const FEW: usize = 8;

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
    /// How long to wait before looking again: until the first end is near, then until it is there.
    pub fn next(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let left = self.order.first().map(|(due, _)| *due - now)?;
        Some(if left > AHEAD { left - AHEAD } else { left.max(TimeDelta::zero()) })
    }
    /// How many bindings belong to no grant that can end: their grant has ended, or there is none.
    pub fn unclaimed(&self) -> usize {
        self.bindings.keys().filter(|grant| !self.due.contains_key(*grant)).count()
    }
    /// Whether so many accesses end now or in a moment, those among them whose delete is under way, that what can wait
    /// should.
    pub fn is_rush(&self, now: DateTime<Utc>, under_way: usize) -> bool {
        let soon = self.order.iter().take_while(|(due, _)| *due <= now + AHEAD);
        under_way + soon.take(FEW + 1).count() > FEW
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
        assert_eq!(index.next(noon()), Some(TimeDelta::hours(1) - AHEAD));
    }
    #[test]
    fn it_is_looked_when_an_end_is_near_and_when_it_is_there() {
        let index = index();
        let next = |from_noon: TimeDelta| index.next(noon() + from_noon);
        assert_eq!(next(TimeDelta::seconds(-1)), Some(TimeDelta::seconds(1) - AHEAD));
        assert_eq!(next(-AHEAD), Some(AHEAD));
        assert_eq!(next(TimeDelta::zero()), Some(TimeDelta::zero()));
        assert_eq!(next(TimeDelta::seconds(9)), Some(TimeDelta::zero()));
    }
    #[test]
    fn only_many_ends_that_are_near_or_under_way_are_a_rush() {
        let a_few = FEW as i64;
        let index_of = |ends: i64| {
            let mut index = Index::default();
            for name in (0..ends).map(|n| n.to_string()) {
                index.note_grant(&name, Some(noon()));
                index.note_binding(&name, Some(binding(&name)));
            }
            index
        };
        let (long_before, before, at) = (noon() - AHEAD * 2, noon() - AHEAD, noon());
        for (words, ends, now, under_way, is_rush) in [
            ("nothing ends", 0, at, 0, false),
            ("one ends now", 1, at, 0, false),
            ("a few end now", a_few, at, 0, false),
            ("many end now", a_few + 1, at, 0, true),
            ("many end in a moment", a_few + 1, before, 0, true),
            ("many end later", 1000, long_before, 0, false),
            ("many are under way, and none is left to begin", 0, at, FEW + 1, true),
            ("some are under way and some follow", 1, before, FEW, true),
            ("the last ones are under way", 0, at, FEW, false),
        ] {
            assert_eq!(index_of(ends).is_rush(now, under_way), is_rush, "{words}");
        }
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
        assert_eq!(index.next(noon()), None);
        index.note_grant("a", Some(noon()));
        assert_eq!(index.next(noon()), Some(TimeDelta::zero()));
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
