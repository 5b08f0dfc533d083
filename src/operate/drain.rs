//! `curfew drain`: ends all access that Curfew gave, before it is taken away (L9).
use super::sweep;
use crate::api::request::AccessRequest;
use crate::api::time::Instant;
use crate::cluster::Cluster;
use crate::decide::sweep::{Leftover, Listed, all, unfinished};
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

/// How soon it is looked again whether all is gone.
const PAUSE: Duration = Duration::from_secs(1);

/// What is drained, and how.
#[derive(Clone, Debug)]
pub struct Order {
    /// Only this namespace; `None`: all of them.
    pub namespace: Option<String>,
    /// Whether it only prints what would go.
    pub dry_run: bool,
    /// How long it waits for all to be gone, and for the records to say so.
    pub wait: Duration,
}
impl Order {
    fn covers(&self, namespace: Option<&str>) -> bool {
        self.namespace.as_deref().is_none_or(|only| Some(only) == namespace)
    }
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// What went wrong, for people: access may be left.
    pub failed: Vec<String>,
    /// What somebody should know although all access is gone.
    pub notes: Vec<String>,
}

/// Deletes every binding, then every fuse, until none is left and the records say that they have ended; prints what went.
///
/// # Errors
/// When `out` cannot be written to.
pub async fn drain(cluster: &Cluster, order: &Order, out: &mut impl Write) -> io::Result<Drained> {
    let mut rows: Vec<Leftover> = Vec::new();
    let mut seen = BTreeSet::new();
    let begun = tokio::time::Instant::now();
    let (listed, mut failed) = loop {
        // Judged before it is looked: whatever is deleted is looked for once more.
        let is_last = order.dry_run || begun.elapsed() >= order.wait;
        let mut failed = Vec::new();
        let listed = sweep::list(cluster, &mut failed).await;
        let mut found = all(&listed);
        found.retain(|leftover| order.covers(leftover.identity().namespace.as_deref()));
        let is_gone = found.is_empty() && failed.is_empty();
        let gone = if order.dry_run { found } else { sweep::delete(cluster, found, &mut failed).await };
        rows.extend(gone.into_iter().filter(|leftover| seen.insert(leftover.identity().uid.clone())));
        let is_recorded = began(&listed, order).is_empty();
        if is_last || (is_gone && is_recorded) {
            if !is_gone && !order.dry_run {
                failed.push(format!("not all of it was gone after {} s: run it again", begun.elapsed().as_secs()));
            }
            break (listed, failed);
        }
        tokio::time::sleep(PAUSE).await;
    };
    sweep::table(&rows, out)?;
    let undecided = sweep::kept(cluster.undecided().await, &mut failed).unwrap_or_default();
    Ok(Drained { failed, notes: notes(&listed, &undecided, order) })
}

/// The records of access that began and do not say yet that it has ended.
fn began<'a>(listed: &'a Listed, order: &Order) -> Vec<&'a str> {
    let of_it = unfinished(listed).into_iter().filter(|grant| order.covers(Some(&grant.spec.namespace)));
    of_it
        .filter(|g| g.status.as_ref().is_some_and(|s| s.fuse.is_some()))
        .filter_map(|g| g.metadata.name.as_deref())
        .collect()
}

fn notes(listed: &Listed, undecided: &[AccessRequest], order: &Order) -> Vec<String> {
    let mut notes = Vec::new();
    if !order.dry_run {
        let say = |name| format!("{name} does not say yet that it has ended: it will once an operator runs");
        notes.extend(began(listed, order).into_iter().map(say));
    }
    let planned = unfinished(listed).into_iter().filter(|grant| {
        order.covers(Some(&grant.spec.namespace)) && grant.status.as_ref().is_none_or(|s| s.fuse.is_none())
    });
    notes.extend(planned.map(|grant| {
        let from: Instant = grant.spec.not_before;
        let user = &grant.spec.user;
        format!(
            "{} of {user} begins at {from}, unless its request is closed or no operator runs then",
            grant.name_any()
        )
    }));
    let waiting = undecided.iter().filter(|r| order.covers(r.metadata.namespace.as_deref())).count();
    if waiting > 0 {
        notes.push(format!(
            "requests that wait for a decision: {waiting}; what is agreed to begins while an operator runs"
        ));
    }
    notes
}
