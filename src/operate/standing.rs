//! Standing access: counted for the metrics, reported, and adopted. It changes nothing.
use super::clock::Clock;
use crate::api::subject::{RoleRef, Subject};
use crate::cluster::Cluster;
use crate::decide::adopt::{self, Adoption};
use crate::decide::standing::{self, Ask, Bound, Inventory, Keep, Report};
use crate::decide::{Standing, table, text};
use crate::telemetry::Metrics;
use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

type Failure = Box<dyn Error>;

/// Before the first count: a new leader has more urgent things to read.
const FIRST: Duration = Duration::from_secs(30);
/// Between two counts; up to a quarter more, so that clusters that were installed together do not count together.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// After a count that failed.
const AGAIN: Duration = Duration::from_secs(60);

/// Keeps `curfew_standing_subjects` while this replica holds the lease, for as long as it is polled.
pub async fn run(cluster: Cluster, clock: Clock, metrics: Metrics, mut standing: watch::Receiver<Standing>) {
    loop {
        // The sender lives as long as the operator.
        drop(standing.wait_for(|s| s.lease_held).await);
        sleep(FIRST).await;
        let pause = match cluster.standing(standing::Whose::People, clock.now().for_record()).await {
            Ok(inventory) => {
                metrics.standing_subjects(&inventory.holders());
                EVERY + jitter(EVERY / 4)
            }
            Err(error) => {
                metrics.failed_call(error.label());
                let (operation, error) = (error.label(), &error as &(dyn Error + 'static));
                tracing::warn!(operation, error, "standing access could not be counted");
                AGAIN
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            // Else two replicas would tell of two times.
            _ = standing.wait_for(|s| !s.lease_held) => metrics.standing_subjects(&Default::default()),
        }
    }
}

/// Something up to this much, other in each process and each time.
fn jitter(most: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    most.mul_f64((random % 1024) as f64 / 1024.0)
}

/// Prints what is asked for; `true`: some binding needs somebody.
///
/// # Errors
/// When something could not be read or written.
pub async fn report(cluster: &Cluster, clock: &Clock, ask: &Ask, out: &mut impl Write) -> Result<bool, Failure> {
    let now = clock.now().for_record();
    let kept = match ask.at.is_some() || ask.since.is_some() {
        true => kept(cluster, &ask.keep).await?,
        false => vec![],
    };
    let inventory = match ask.at {
        Some(at) => standing::as_of(&kept, at)?.clone(),
        None => cluster.standing(ask.whose, now).await?,
    };
    let at = ask.at.unwrap_or(now.get());
    let before = ask.since.map(|since| standing::as_of(&kept, at - since).cloned()).transpose()?;
    let within = |inventory: Inventory| match &ask.namespace {
        Some(namespace) => inventory.within(namespace),
        None => inventory,
    };
    let (inventory, before) = (within(inventory), before.map(within));
    let report = Report { inventory: &inventory, now, before: before.as_ref() };
    out.write_all(standing::show(&report, ask.format)?.as_bytes())?;
    out.flush()?;
    Ok(report.needs_somebody())
}

/// Takes a snapshot, prints it in one line, and keeps it where that was asked for.
///
/// # Errors
/// When something could not be read or written.
pub async fn snapshot(cluster: &Cluster, clock: &Clock, ask: &Ask, out: &mut impl Write) -> Result<(), Failure> {
    let inventory = cluster.standing(ask.whose, clock.now().for_record()).await?;
    // What does not fit into a ConfigMap is printed all the same.
    writeln!(out, "{}", table::json(&inventory)?)?;
    out.flush()?;
    match &ask.keep {
        Keep::Nowhere => Ok(()),
        Keep::InDirectory(directory) => file(Path::new(directory), &inventory),
        Keep::InCluster { home, slots } => {
            let all = cluster.snapshots(home, *slots).await?;
            let (slot, kept) = standing::place(&all, &inventory).ok_or("there is no place for a snapshot: --keep")?;
            match cluster.keep_snapshot(home, slot, standing::line(&kept)?).await? {
                true => Ok(()),
                false => Err(format!("{} was written by somebody else meanwhile", slot.name).into()),
            }
        }
    }
}

/// Written whole or not at all.
fn file(directory: &Path, inventory: &Inventory) -> Result<(), Failure> {
    let name = format!("standing-{}.json", inventory.taken_at.get().format("%Y-%m-%dT%H%M%SZ"));
    let unfinished = directory.join(format!(".{name}"));
    std::fs::write(&unfinished, table::json(inventory)? + "\n")?;
    Ok(std::fs::rename(unfinished, directory.join(name))?)
}

async fn kept(cluster: &Cluster, keep: &Keep) -> Result<Vec<Inventory>, Failure> {
    Ok(match keep {
        Keep::Nowhere => vec![],
        Keep::InCluster { home, slots } => {
            let slots = cluster.snapshots(home, *slots).await?;
            slots.into_iter().filter_map(|slot| slot.inventory).collect()
        }
        Keep::InDirectory(directory) => {
            let mut kept = vec![];
            for entry in std::fs::read_dir(directory)? {
                let name = entry?.path();
                let is_snapshot = name.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("standing-"));
                if is_snapshot {
                    let read = standing::read(std::fs::read_to_string(&name)?.trim_end());
                    kept.push(read.ok_or_else(|| format!("{} is no snapshot", name.display()))?);
                }
            }
            kept
        }
    })
}

/// Prints the policy that would replace a standing binding.
///
/// # Errors
/// When it could not be read, or no policy can replace it: what to do instead.
pub async fn adopt(
    cluster: &Cluster,
    (namespace, name): (Option<&str>, &str),
    roles: &[RoleRef],
    approvers: &[Subject],
    out: &mut impl Write,
) -> Result<(), Failure> {
    let found = cluster.bound(namespace, name).await?;
    let bound: Bound = found.ok_or_else(|| {
        let (kind, place) = match namespace {
            Some(namespace) => ("RoleBinding", format!(" in {namespace}")),
            None => ("ClusterRoleBinding", String::new()),
        };
        let name = text::line(name, 120);
        format!("there is no {kind} {name}{place} that somebody made by hand: curfew report standing lists them")
    })?;
    let own = [bound.role.clone()];
    let roles = cluster.offered(if roles.is_empty() { &own } else { roles }, &bound).await?;
    let manifest = adopt::manifest(&Adoption { bound: &bound, roles: &roles, approvers })?;
    out.write_all(manifest.as_bytes())?;
    Ok(out.flush()?)
}
