//! Who holds the lease: decided by compare-and-swap, and by the time that passes *here*, never by a peer's clock.
//!
//! A holder believes in its lease for [`TRUST`] from the moment *before* it sent the last renewal that was stored. Nobody
//! else takes it before they saw the record unchanged for [`PATIENCE`]. So a belief is over before the next one begins,
//! also where two clocks run up to a tenth apart.
use crate::api::names::{FIELD_MANAGER, MANAGED_BY_LABEL};
use crate::api::time::micro;
use chrono::{DateTime, Utc};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a record must stay unchanged before somebody else takes it.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is renewed, or looked at.
pub const RENEW: Duration = Duration::from_secs(5);
/// How long a stored renewal is believed in.
pub const TRUST: Duration = Duration::from_secs(10);

/// One that would hold the lease. Its moments are those of one monotonic clock of its own.
#[derive(Clone, Debug)]
pub struct Contender {
    me: String,
    seen: Option<Seen>,
    until: Option<Duration>,
}

/// A version of the record, and when it was seen first; no version: there was no record.
#[derive(Clone, Debug)]
struct Seen {
    version: Option<String>,
    since: Duration,
}

impl Contender {
    /// `me` must be another for every process.
    pub fn new(me: String) -> Self {
        Self { me, seen: None, until: None }
    }
    /// Until when it believes that it holds the lease.
    pub fn until(&self) -> Option<Duration> {
        self.until
    }
    /// Whether it believes so at that moment.
    pub fn holds(&self, at: Duration) -> bool {
        self.until.is_some_and(|until| at < until)
    }
    /// Takes in what was read, at a moment after it was; says whether to claim it now.
    pub fn claims(&mut self, found: Option<&Lease>, at: Duration) -> bool {
        let first = self.seen.is_none();
        let unchanged = at.saturating_sub(self.see(found, at));
        match found.map(holder) {
            // Nobody deletes a Lease in good order: whoever held it may still believe so.
            None => first || self.holds(at) || unchanged >= PATIENCE,
            Some(None) => true,
            Some(Some(holder)) if holder == self.me => true,
            Some(Some(_)) => {
                self.until = None;
                unchanged >= PATIENCE
            }
        }
    }
    /// A claim that was sent at that moment has been stored.
    pub fn claimed(&mut self, sent: Duration) {
        self.until = Some(sent + TRUST);
    }
    /// It gives up: before the release is sent.
    pub fn gives_up(&mut self) {
        self.until = None;
    }
    /// The record that says that it holds the lease; its times are for people.
    pub fn claim(&self, found: Option<&Lease>, home: &str, name: &str, wall: DateTime<Utc>) -> Lease {
        let before = found.and_then(|l| l.spec.clone()).unwrap_or_default();
        let mine = before.holder_identity.as_deref() == Some(self.me.as_str());
        let transitions = before.lease_transitions.unwrap_or_default();
        let spec = LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(PATIENCE.as_secs()).ok(),
            acquire_time: if mine { before.acquire_time } else { micro(wall) },
            renew_time: micro(wall),
            lease_transitions: Some(if mine || found.is_none() { transitions } else { transitions.saturating_add(1) }),
            ..Default::default()
        };
        let mut lease = found.cloned().unwrap_or_default();
        lease.metadata.name = Some(name.to_owned());
        lease.metadata.namespace = Some(home.to_owned());
        lease.metadata.managed_fields = None;
        let labels = lease.metadata.labels.get_or_insert_with(BTreeMap::new);
        labels.insert(MANAGED_BY_LABEL.to_owned(), FIELD_MANAGER.to_owned());
        Lease { spec: Some(spec), ..lease }
    }
    /// The record that says that nobody holds it; `None`: it is not this one's to release.
    pub fn release(&self, found: &Lease) -> Option<Lease> {
        if holder(found) != Some(self.me.as_str()) {
            return None;
        }
        let mut lease = found.clone();
        lease.metadata.managed_fields = None;
        lease.spec.get_or_insert_default().holder_identity = None;
        Some(lease)
    }

    fn see(&mut self, found: Option<&Lease>, at: Duration) -> Duration {
        let version = found.and_then(|l| l.metadata.resource_version.clone());
        match &self.seen {
            Some(seen) if seen.version == version => seen.since,
            _ => {
                self.seen = Some(Seen { version, since: at });
                at
            }
        }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|h| !h.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lease(holder: &str, version: &str) -> Lease {
        let mut lease = Lease::default();
        lease.metadata.resource_version = Some(version.into());
        lease.spec = Some(LeaseSpec { holder_identity: Some(holder.into()), ..Default::default() });
        lease
    }
    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_free_lease_is_claimed_at_once() {
        assert!(Contender::new("a".into()).claims(None, s(0)));
        assert!(Contender::new("a".into()).claims(Some(&lease("", "1")), s(0)));
        assert!(Contender::new("a".into()).claims(Some(&lease("a", "1")), s(0)));
    }

    #[test]
    fn a_held_lease_is_claimed_only_when_it_was_seen_unchanged_for_fifteen_seconds() {
        let mut b = Contender::new("b".into());
        for (at, version, claims) in
            [(0, "1", false), (14, "1", false), (14, "2", false), (28, "2", false), (29, "2", true)]
        {
            assert_eq!(b.claims(Some(&lease("a", version)), s(at)), claims, "at {at}");
        }
    }

    #[test]
    fn a_lease_that_was_deleted_is_not_taken_from_who_may_still_believe_in_it() {
        let mut b = Contender::new("b".into());
        assert!(!b.claims(Some(&lease("a", "1")), s(0)));
        assert!(!b.claims(None, s(5)));
        assert!(b.claims(None, s(20)));
    }

    #[test]
    fn a_holder_that_could_not_renew_for_ten_seconds_stops_believing_it() {
        let mut a = Contender::new("a".into());
        a.claimed(s(3));
        assert!(a.holds(s(12)));
        assert!(!a.holds(s(13)));
        a.claimed(s(20));
        assert!(!a.claims(Some(&lease("b", "2")), s(21)));
        assert!(!a.holds(s(21)), "another holds it");
    }

    #[test]
    fn only_the_holder_releases() {
        let a = Contender::new("a".into());
        assert_eq!(a.release(&lease("b", "1")), None);
        assert_eq!(holder(&a.release(&lease("a", "1")).unwrap()), None);
    }

    #[test]
    fn a_claim_carries_the_version_that_was_read_and_counts_who_came_and_went() {
        let (b, wall) = (Contender::new("b".into()), DateTime::UNIX_EPOCH);
        let taken = b.claim(Some(&lease("a", "7")), "home", "curfew", wall);
        assert_eq!(taken.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(taken.spec.as_ref().unwrap().lease_transitions, Some(1));
        let renewed = b.claim(Some(&taken), "home", "curfew", wall + TRUST);
        let (taken, renewed) = (taken.spec.unwrap(), renewed.spec.unwrap());
        assert_eq!((renewed.lease_transitions, &renewed.acquire_time), (Some(1), &taken.acquire_time));
        assert_ne!(renewed.renew_time, taken.renew_time);
    }

    /// What the API server stores: a counter is its resourceVersion, a write must name the one that it replaces.
    #[derive(Default)]
    struct Server {
        stored: Option<Lease>,
        version: u64,
    }
    impl Server {
        fn write(&mut self, mut lease: Lease) -> bool {
            let current = self.stored.as_ref().and_then(|l| l.metadata.resource_version.clone());
            if lease.metadata.resource_version != current {
                return false;
            }
            self.version += 1;
            lease.metadata.resource_version = Some(self.version.to_string());
            self.stored = Some(lease);
            true
        }
    }

    /// A peer between two steps of its loop. Each step may come at any time after the one before.
    enum At {
        Idle,
        Read(Option<Lease>),
        Sent(Lease, Duration),
        Stored(bool, Duration),
    }
    struct Peer {
        contender: Contender,
        at: At,
        /// Its clock runs at so many hundredths of true time.
        rate: u32,
        /// Its clock began then.
        offset: Duration,
    }
    impl Peer {
        fn clock(&self, truth: Duration) -> Duration {
            self.offset + truth * self.rate / 100
        }
        fn step(&mut self, server: &mut Server, truth: Duration, lose: bool, stop: bool) {
            let at = self.clock(truth);
            self.at = match std::mem::replace(&mut self.at, At::Idle) {
                At::Idle if stop => {
                    self.contender.gives_up();
                    if let Some(release) = server.stored.as_ref().and_then(|l| self.contender.release(l)) {
                        server.write(release);
                    }
                    At::Idle
                }
                At::Idle => At::Read(server.stored.clone()),
                At::Read(found) if self.contender.claims(found.as_ref(), at) => {
                    At::Sent(self.contender.claim(found.as_ref(), "home", "curfew", DateTime::UNIX_EPOCH), at)
                }
                At::Read(_) => At::Idle,
                At::Sent(claim, sent) => At::Stored(server.write(claim), sent),
                At::Stored(stored, sent) => {
                    if stored && !lose {
                        self.contender.claimed(sent);
                    }
                    At::Idle
                }
            };
        }
    }

    /// Mostly quick, at times late, now and then silent for about as long as it takes to lose the lease.
    fn moves() -> impl Strategy<Value = (bool, u64, bool, bool)> {
        let after = prop_oneof![8 => 0u64..200, 2 => 0u64..4000, 1 => 9_000u64..18_000];
        (any::<bool>(), after, prop::bool::weighted(0.1), prop::bool::weighted(0.02))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn there_are_never_two_holders_whatever_is_late_or_lost(
            rates in (90u32..=110, 90u32..=110),
            offsets in (0u64..1000, 0u64..1000),
            // Which peer moves, after how many ms, whether the answer is lost, whether it stops in good order.
            schedule in prop::collection::vec(moves(), 1..200),
        ) {
            let peer = |name: &str, rate, offset| Peer { contender: Contender::new(name.into()), at: At::Idle, rate, offset: s(offset) };
            let mut peers = [peer("a", rates.0, offsets.0), peer("b", rates.1, offsets.1)];
            let (mut server, mut truth) = (Server::default(), Duration::ZERO);
            for (which, after, lose, stop) in schedule {
                truth += Duration::from_millis(after);
                peers[usize::from(which)].step(&mut server, truth, lose, stop);
                let both = peers.iter().all(|p| p.contender.holds(p.clock(truth)));
                prop_assert!(!both, "two holders at {truth:?}");
            }
        }
    }

    #[test]
    fn the_schedules_of_that_property_do_hand_the_lease_over() {
        let mut server = Server::default();
        let peer = |name: &str| Peer { contender: Contender::new(name.into()), at: At::Idle, rate: 100, offset: s(0) };
        let (mut a, mut b) = (peer("a"), peer("b"));
        (0..4).for_each(|_| a.step(&mut server, s(0), false, false));
        assert!(a.contender.holds(s(1)));
        (0..60).for_each(|i| b.step(&mut server, s(1 + i), false, false));
        assert!(b.contender.holds(s(60)) && !a.contender.holds(s(60)));
    }
}
