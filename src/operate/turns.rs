//! One request of a person at a time: what the limits count is read before a record is made, so that of two requests that
//! are agreed to at the same moment the second finds the record of the first.
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::{Mutex, MutexGuard};

/// How many people are told apart: those of one place wait for each other, which does no harm.
const PLACES: usize = 256;

/// Whose requests are being decided.
pub struct Turns([Mutex<()>; PLACES]);
impl Default for Turns {
    fn default() -> Self {
        Self([const { Mutex::const_new(()) }; PLACES])
    }
}
impl Turns {
    /// Waits until no other request of this person is being decided.
    pub async fn of(&self, person: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        person.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % PLACES as u64).unwrap_or(0);
        self.0[place].lock().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_person_waits_for_their_own_turn_only() {
        let turns = Turns::default();
        let turn = turns.of("alice").await;
        assert!(futures::poll!(std::pin::pin!(turns.of("alice"))).is_pending());
        let others = ["bob", "carol", "dana", "eve"].map(|name| turns.of(name));
        let free =
            futures::future::join_all(others.map(|other| async { futures::poll!(std::pin::pin!(other)).is_ready() }));
        assert!(free.await.contains(&true), "the requests of others go on");
        drop(turn);
        drop(turns.of("alice").await);
    }
}
