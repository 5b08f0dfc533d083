//! How far the API server's clock is ahead of this machine's, at least.
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;
use std::time::Duration;

/// So many measurements count: the best of them is at most that old, so that two clocks may drift.
const KEPT: usize = 6;
/// The wall clock was set if it moved so much more, or less, than the monotonic one.
const STEP: TimeDelta = TimeDelta::milliseconds(250);

/// What was measured, from this machine's two clocks and the `Date` of the API server.
///
/// `Date` has whole seconds and is older than its receipt, so `Date - wall` is a lower bound: it never makes an access end
/// earlier than the clocks are truly apart, and clocks that agree give zero or less.
#[derive(Clone, Debug, Default)]
pub struct Skew {
    bounds: VecDeque<TimeDelta>,
    last: Option<(Duration, DateTime<Utc>)>,
}

impl Skew {
    /// Compares this machine's clocks; `true`: the wall clock was set since last time (or the machine slept), so measure.
    pub fn stepped(&mut self, monotonic: Duration, wall: DateTime<Utc>) -> bool {
        let Some((then, was)) = self.last.replace((monotonic, wall)) else { return false };
        let passed = TimeDelta::from_std(monotonic.saturating_sub(then)).unwrap_or(TimeDelta::MAX);
        let Some(step) = (wall - was).checked_sub(&passed) else { return false };
        if step.abs() < STEP {
            return false;
        }
        // The server did not move with it. After a sleep it did: then these bounds are too low, which no end suffers from.
        self.bounds.iter_mut().for_each(|bound| *bound -= step);
        true
    }
    /// Takes in an answer of the server, with this machine's clock at its receipt.
    pub fn measured(&mut self, date: DateTime<Utc>, wall: DateTime<Utc>) {
        self.bounds.push_front(date - wall);
        self.bounds.truncate(KEPT);
    }
    /// Whether enough was measured, so that more is only to follow a drift.
    pub fn is_settled(&self) -> bool {
        self.bounds.len() == KEPT
    }
    /// How far the server is ahead, at least; `None` before the first measurement.
    pub fn ahead(&self) -> Option<TimeDelta> {
        self.bounds.iter().max().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Now;
    use chrono::SubsecRound;
    use proptest::prelude::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap()
    }
    fn date(ms: i64) -> DateTime<Utc> {
        at(ms).trunc_subsecs(0)
    }

    proptest! {
        #[test]
        fn the_bound_is_never_above_the_truth_and_clocks_that_agree_are_trusted(
            apart in -10_000i64..10_000,
            answers in prop::collection::vec((0i64..60_000, 0i64..900), 1..12),
        ) {
            let mut skew = Skew::default();
            for (sent, latency) in answers {
                // True time is the server's; this machine is `apart` behind it.
                skew.measured(date(sent), at(sent + latency - apart));
            }
            let ahead = skew.ahead().unwrap();
            prop_assert!(ahead <= TimeDelta::milliseconds(apart));
            prop_assert!(ahead >= TimeDelta::milliseconds(apart - 1900));
            let now = Now { wall: at(0), server_ahead: ahead };
            prop_assert!(now.for_ending() <= at(0).max(at(apart)));
            if (-1000..=2000).contains(&apart) {
                prop_assert!(now.is_trusted());
            }
            if !(-3000..=3900).contains(&apart) {
                prop_assert!(!now.is_trusted());
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_prolong_anything_even_before_the_next_answer() {
        let mut skew = Skew::default();
        assert!(!skew.stepped(Duration::from_secs(0), at(0)));
        skew.measured(date(0), at(0));
        assert!(!skew.stepped(Duration::from_secs(1), at(1100)));
        assert!(skew.stepped(Duration::from_secs(2), at(2100 - 3_600_000)));
        let now = Now { wall: at(2100 - 3_600_000), server_ahead: skew.ahead().unwrap() };
        assert!((now.for_ending() - at(2100)).abs() <= TimeDelta::seconds(1), "{now:?}");
        assert!(!now.is_trusted());
    }

    #[test]
    fn a_sleep_of_the_machine_is_noticed_and_ends_nothing_early() {
        let mut skew = Skew::default();
        skew.stepped(Duration::from_secs(0), at(0));
        skew.measured(date(0), at(0));
        assert!(skew.stepped(Duration::from_secs(1), at(60_000)));
        let now = Now { wall: at(60_000), server_ahead: skew.ahead().unwrap() };
        assert_eq!(now.for_ending(), at(60_000));
    }

    #[test]
    fn nothing_is_known_before_the_first_answer() {
        assert_eq!(Skew::default().ahead(), None);
    }
}
