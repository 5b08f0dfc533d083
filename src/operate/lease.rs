//! Competes for the lease, keeps it, and lets it go at a graceful stop.
use super::clock::Clock;
use crate::cluster::{Cluster, Error};
use crate::decide::lease::{Contender, RENEW};
use crate::decide::{Installation, Standing};
use k8s_openapi::api::coordination::v1::Lease;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How often a release is tried that comes between.
const RACES: u32 = 3;
/// After a round that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Keeps [`Standing::lease_held`] true to what this replica may believe, until `stop`; then releases the lease.
pub async fn run(
    cluster: Cluster,
    clock: Clock,
    installation: Installation,
    standing: Arc<watch::Sender<Standing>>,
    stop: impl Future<Output = ()>,
) {
    let (believe, believed) = watch::channel(None);
    let mut seat = Seat {
        contender: Contender::new(identity(&installation.pod)),
        start: Instant::now(),
        mine: None,
        cluster,
        clock,
        installation,
    };
    tokio::select! {
        () = seat.compete(&believe) => {}
        () = publish(believed, &standing) => {}
        () = stop => {}
    }
    note(&standing, false);
    seat.release().await;
}

/// The Pod, and something of this process: one Pod may run two of them.
fn identity(pod: &str) -> String {
    format!("{pod}_{:016x}", RandomState::new().build_hasher().finish())
}

struct Seat {
    cluster: Cluster,
    clock: Clock,
    installation: Installation,
    contender: Contender,
    start: Instant,
    /// The record as this one stored it last: the next renewal needs no read.
    mine: Option<Lease>,
}

impl Seat {
    async fn compete(&mut self, believe: &watch::Sender<Option<Instant>>) {
        loop {
            let round = timeout(RENEW, self.round()).await;
            believe.send_replace(self.contender.until().map(|until| self.start + until));
            let pause = match round {
                Ok(Ok(())) => RENEW,
                Ok(Err(error)) => {
                    let (operation, error) = (error.label(), &error as &(dyn std::error::Error + 'static));
                    tracing::warn!(operation, error, name = self.installation.lease, "the lease could not be renewed");
                    AGAIN
                }
                Err(_) => {
                    tracing::warn!(outcome = "late", name = self.installation.lease, "the lease could not be renewed");
                    AGAIN
                }
            };
            sleep(pause).await;
        }
    }

    /// One renewal, or one look and a claim where it is due.
    async fn round(&mut self) -> Result<(), Error> {
        // Taken: after a failure nobody knows which version is stored.
        if let Some(mine) = self.mine.take()
            && self.claim(Some(&mine)).await?
        {
            return Ok(());
        }
        let found = self.cluster.lease(&self.installation.home, &self.installation.lease).await?;
        if self.contender.claims(found.as_ref(), self.start.elapsed()) {
            self.claim(found.as_ref()).await?;
        }
        Ok(())
    }

    async fn claim(&mut self, found: Option<&Lease>) -> Result<bool, Error> {
        let Installation { home, lease, .. } = &self.installation;
        let claim = self.contender.claim(found, home, lease, self.clock.now().wall);
        let sent = self.start.elapsed();
        self.mine = self.cluster.write_lease(&claim).await?;
        if self.mine.is_some() {
            self.contender.claimed(sent);
        }
        Ok(self.mine.is_some())
    }

    /// Lets it go, so that another replica need not wait. Failing that, they wait.
    async fn release(&mut self) {
        self.contender.gives_up();
        if let Err(error) = self.let_go().await {
            let (operation, error) = (error.label(), &error as &(dyn std::error::Error + 'static));
            tracing::warn!(operation, error, name = self.installation.lease, "the lease was not released");
        }
    }
    async fn let_go(&mut self) -> Result<(), Error> {
        for _ in 0..RACES {
            // Read, not remembered: a renewal may be on its way still, and be stored in between.
            let found = self.cluster.lease(&self.installation.home, &self.installation.lease).await?;
            let Some(released) = found.and_then(|found| self.contender.release(&found)) else { return Ok(()) };
            if self.cluster.write_lease(&released).await?.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Says what is believed, and takes it back when its time is over, whatever the renewal is doing.
async fn publish(mut believed: watch::Receiver<Option<Instant>>, standing: &watch::Sender<Standing>) {
    loop {
        let until = believed.borrow_and_update().filter(|until| *until > Instant::now());
        note(standing, until.is_some());
        tokio::select! {
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
            changed = believed.changed() => if changed.is_err() { return },
        }
    }
}

fn note(standing: &watch::Sender<Standing>, held: bool) {
    let changed = standing.send_if_modified(|s| std::mem::replace(&mut s.lease_held, held) != held);
    if changed {
        tracing::info!(kind = "Lease", outcome = if held { "held" } else { "not held" }, "the lease changed hands");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_of_one_pod_are_two() {
        assert_ne!(identity("curfew-0"), identity("curfew-0"));
    }

    #[tokio::test]
    async fn a_belief_is_taken_back_on_time_also_while_a_renewal_hangs() {
        let standing = Arc::new(watch::Sender::new(Standing::unknown()));
        let (believe, believed) = watch::channel(Some(Instant::now() + Duration::from_millis(100)));
        let published = standing.clone();
        let task = tokio::spawn(async move { publish(believed, &published).await });
        let mut seen = standing.subscribe();
        let wait = Duration::from_secs(5);
        timeout(wait, seen.wait_for(|s| s.lease_held)).await.unwrap().unwrap();
        timeout(wait, seen.wait_for(|s| !s.lease_held)).await.unwrap().unwrap();
        drop(believe);
        task.await.unwrap();
    }
}
