//! Burns a fuse of one second, when the lease comes and every hour: does Kubernetes end access without us?
use crate::cluster::fuse_test::Made;
use crate::cluster::{Cluster, Error};
use crate::decide::fuse_test::{Left, fuse, judge, name, owned, refused};
use crate::decide::{Fuses, Installation, Standing};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Between two tests while fuses burn.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Between two tests while they do not.
const WHILE_BAD: Duration = Duration::from_secs(60);
/// After a test that could not be run.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two looks at a test.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps [`Standing::fuses`] true while this replica holds the lease, for as long as it is polled.
///
/// Without the lease nothing is tested and what was seen last stays: only who holds the lease grants.
pub async fn run(cluster: Cluster, installation: Installation, standing: Arc<watch::Sender<Standing>>) {
    let mut standings = standing.subscribe();
    loop {
        // The sender is ours, so it is never closed.
        drop(standings.wait_for(|s| s.lease_held).await);
        let pause = match test(&cluster, &installation).await {
            Ok(fuses) => {
                let pause = if fuses == Fuses::Burn { EVERY } else { WHILE_BAD };
                note(&standing, fuses);
                pause
            }
            Err(error) => {
                let (operation, error) = (error.label(), &error as &(dyn std::error::Error + 'static));
                tracing::warn!(operation, error, "the fuse test could not be run");
                AGAIN
            }
        };
        sleep(pause).await;
    }
}

/// One test.
///
/// # Errors
/// When the API server failed us: then nothing was learnt.
pub async fn test(cluster: &Cluster, installation: &Installation) -> Result<Fuses, Error> {
    let (home, name) = (&installation.home, name(installation));
    let (fuse_left, owned_left) = cluster.fuse_test(home, &name).await?;
    cluster.clear_fuse_test(fuse_left.as_ref(), owned_left.as_ref()).await?;
    let fuse = match cluster.make_test_fuse(&fuse(installation)).await? {
        Made::Done(fuse) => fuse,
        Made::Refused(words) => return Ok(refused(&words)),
    };
    if let Made::Refused(words) = cluster.make_owned(&owned(installation, &fuse)).await? {
        return Ok(refused(&words));
    }
    let start = Instant::now();
    loop {
        sleep(LOOK).await;
        let (fuse, owned) = cluster.fuse_test(home, &name).await?;
        if let Some(fuses) = judge(Left::of(fuse.as_ref(), owned.as_ref()), start.elapsed()) {
            return Ok(fuses);
        }
    }
}

fn note(standing: &watch::Sender<Standing>, fuses: Fuses) {
    let mut changed = false;
    standing.send_if_modified(|s| {
        changed = s.fuses != fuses;
        if changed {
            s.fuses = fuses.clone();
        }
        changed
    });
    match fuses {
        Fuses::DoNotBurn(words) if changed => tracing::warn!(outcome = "not burnt", "{words}"),
        Fuses::Burn if changed => tracing::info!(outcome = "burnt", "fuses burn in this cluster"),
        _ => {}
    }
}
