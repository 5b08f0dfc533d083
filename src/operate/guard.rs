//! Looks at what protects decisions: every ten seconds, whenever it may have changed, and when the lease comes or goes.
use super::clock::Clock;
use crate::api::admission::{self, Protection};
use crate::cluster::{Cluster, Error};
use crate::decide::guard::{Verdict, judge};
use crate::decide::{Guard, Installation, Standing};
use futures::StreamExt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often admission is looked at.
const EVERY: Duration = Duration::from_secs(10);
/// How often while it is broken: it may be mended, or recorded by another replica.
const WHILE_BROKEN: Duration = Duration::from_secs(3);
/// What changes seldom comes alone: a release is installed, a watch begins, the lease comes. So long is waited for the rest.
const TOGETHER: Duration = Duration::from_millis(50);
/// How often a race for the record is run.
const RACES: u32 = 3;
/// After so many looks that failed, nothing is known any more.
const FAILURES: u32 = 3;

/// Keeps [`Standing::guard`] true, for as long as it is polled.
pub async fn run(cluster: Cluster, clock: Clock, installation: Installation, standing: Arc<watch::Sender<Standing>>) {
    let must = match admission::protections(&installation.operator, &installation.sweeper) {
        Ok(must) => must,
        Err(words) => {
            return note(&standing, Guard::Broken(format!("this release cannot read its own policies: {words}")));
        }
    };
    let mut changes = pin!(cluster.admission_changes(&must));
    let mut standings = standing.subscribe();
    let mut failures = 0u32;
    loop {
        let lease_held = standings.borrow_and_update().lease_held;
        match look(&cluster, &clock, &installation, &must, lease_held).await {
            Ok(guard) => {
                failures = 0;
                note(&standing, guard);
            }
            Err(error) => {
                failures += 1;
                failed(&standing, &error, failures);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause(&standing, failures)) => {}
            Some(()) = changes.next() => {}
            _ = standings.wait_for(|s| s.lease_held != lease_held) => {}
        }
        let rest = async { while changes.next().await.is_some() {} };
        drop(tokio::time::timeout(TOGETHER, rest).await);
    }
}

/// One look: live, and recorded where this replica may and must.
///
/// # Errors
/// When the API server failed us.
pub async fn look(
    cluster: &Cluster,
    clock: &Clock,
    installation: &Installation,
    must: &[Protection],
    lease_held: bool,
) -> Result<Guard, Error> {
    for _ in 0..RACES {
        // The record first: what changes in between differs from it.
        let recorded = cluster.epoch(&installation.home).await?;
        let live = cluster.admission(must).await?;
        match judge(must, &live, recorded.epoch.as_ref(), lease_held, clock.now()) {
            Verdict::Stands(guard) => return Ok(guard),
            Verdict::Record(epoch) => {
                if cluster.record_epoch(&installation.home, &epoch, &recorded).await? {
                    return Ok(Guard::Intact { epoch: epoch.name() });
                }
            }
        }
    }
    Ok(Guard::Broken("other replicas record admission at the same time, each something else".into()))
}

fn failed(standing: &watch::Sender<Standing>, error: &Error, failures: u32) {
    let operation = error.label();
    let words = error.words().map_or_else(|| error.to_string(), |words| format!("{error}: {words}"));
    tracing::warn!(
        operation,
        error = error as &(dyn std::error::Error + 'static),
        failures,
        "admission could not be looked at"
    );
    // A refusal stays; anything else may be over at the next look.
    if failures >= FAILURES || error.code() == Some(403) {
        note(standing, Guard::Broken(format!("admission could not be looked at: {words}")));
    }
}

fn pause(standing: &watch::Sender<Standing>, failures: u32) -> Duration {
    match (failures, &standing.borrow().guard) {
        (0, Guard::Broken(_)) => WHILE_BROKEN,
        (0, _) => EVERY,
        (failures, _) => EVERY.min(Duration::from_secs(1 << failures.min(4))),
    }
}

fn note(standing: &watch::Sender<Standing>, guard: Guard) {
    let mut changed = false;
    standing.send_if_modified(|s| {
        changed = s.guard != guard;
        if changed {
            s.guard = guard.clone();
        }
        changed
    });
    match guard {
        Guard::Intact { epoch } if changed => tracing::info!(outcome = "intact", epoch, "admission protects decisions"),
        Guard::Broken(words) if changed => tracing::warn!(outcome = "broken", "{words}"),
        _ => {}
    }
}
