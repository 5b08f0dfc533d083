//! Who has a pass when: in the order in which they came, so many at once; what is over takes few places and gives way to
//! ends, so that records are made while others end and keep nobody's end waiting.
use crate::telemetry::Health;
use chrono::TimeDelta;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Passes at once over what has not ended: somebody waits for it to begin, or closes it. They mostly wait for the API server.
const LIVE: usize = 24;
/// Passes at once over what is over: its fuse, its record, its request.
const OVER: usize = 4;
/// For how long after its end what is over gives way to the ends of others. Not for ever: a pass deletes bindings too,
/// should the expiry task fail.
const PATIENCE: TimeDelta = TimeDelta::seconds(5);

/// The places of both.
#[derive(Debug)]
pub struct Lanes {
    live: Semaphore,
    over: Semaphore,
}
impl Default for Lanes {
    fn default() -> Self {
        Self { live: Semaphore::new(LIVE), over: Semaphore::new(OVER) }
    }
}
impl Lanes {
    /// Waits for a place; the pass keeps it. `since` is for how long access has been over, negative or `None` if it is not.
    pub async fn place(&self, since: Option<TimeDelta>, health: &Health) -> Option<SemaphorePermit<'_>> {
        let Some(since) = since.filter(|since| *since >= TimeDelta::zero()) else {
            return self.live.acquire().await.ok();
        };
        let place = self.over.acquire().await.ok();
        drop(tokio::time::timeout(patience(since), health.calm()).await);
        place
    }
}

/// For how long what has been over for so long still gives way.
fn patience(since: TimeDelta) -> Duration {
    (PATIENCE - since).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::poll;
    use std::pin::pin;

    const ENDED: Option<TimeDelta> = Some(TimeDelta::zero());

    #[tokio::test]
    async fn what_is_over_never_takes_the_places_of_what_begins() {
        let (lanes, calm) = (Lanes::default(), Health::new());
        let mut places = vec![];
        for _ in 0..OVER {
            places.push(lanes.place(ENDED, &calm).await);
        }
        assert!(poll!(pin!(lanes.place(ENDED, &calm))).is_pending(), "others that are over wait for one of these");
        for since in [None, Some(TimeDelta::milliseconds(-1))] {
            assert!(lanes.place(since, &calm).await.is_some(), "what has not ended does not");
        }
        places.pop();
        assert!(lanes.place(ENDED, &calm).await.is_some());
    }
    #[tokio::test]
    async fn only_what_has_just_ended_gives_way_to_the_ends_of_others() {
        let (lanes, busy) = (Lanes::default(), Health::new());
        busy.rush(true);
        for (words, since, waits) in [
            ("nobody knows an end", None, false),
            (
                "it has not ended: somebody waits for it to begin, or closes it",
                Some(TimeDelta::milliseconds(-1)),
                false,
            ),
            ("it ends now", ENDED, true),
            ("it ended a moment ago", Some(PATIENCE - TimeDelta::seconds(1)), true),
            ("it has waited for long enough: nothing is put off for ever", Some(PATIENCE), false),
        ] {
            let place = tokio::time::timeout(Duration::from_millis(20), lanes.place(since, &busy));
            assert_eq!(place.await.is_err(), waits, "{words}");
        }
        let waiting = lanes.place(ENDED, &busy);
        busy.rush(false);
        assert!(waiting.await.is_some(), "it goes on as soon as they have ended");
    }
}
