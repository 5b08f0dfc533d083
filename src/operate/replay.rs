//! `curfew replay`: what a policy text would have decided about the requests that are kept. Reads only.
mod table;

use super::clock::Clock;
use crate::api::policy::AccessPolicy;
use crate::cluster::{Cluster, Error};
use crate::decide::replay::{self, Asked, Replayed, Summary};
use crate::decide::{Installation, manifest};
use chrono::TimeDelta;
use kube::ResourceExt;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What is to be replayed.
#[derive(Clone, Debug)]
pub struct Order {
    /// The file with the text.
    pub file: PathBuf,
    /// The policy whose requests are judged; `None`: the one that the text names.
    pub policy: Option<String>,
    /// Only requests filed within this time; `None`: all that are kept.
    pub since: Option<TimeDelta>,
    /// Only requests of these namespaces; empty: of all.
    pub namespaces: Vec<String>,
    /// Whether the answer is JSON, and not a table.
    pub json: bool,
    /// What the installation fixes.
    pub installation: Installation,
}

/// Why nothing was replayed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The text cannot be used: one line for each fault.
    #[error("{}", .0.join("\ncurfew: "))]
    Text(Vec<String>),
    /// The API server failed us, or does not let us read.
    #[error(transparent)]
    Cluster(#[from] Error),
    /// The answer cannot be written.
    #[error("cannot write the answer")]
    Out(#[from] io::Error),
}

/// The answer as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    policy: &'a str,
    summary: Summary,
    unreadable: usize,
    requests: &'a [Replayed],
}

/// Reads the text, the requests and the records, and prints what would have been decided.
///
/// # Errors
/// When the text cannot be used, the API server cannot be read, or `out` cannot be written to.
pub async fn replay(cluster: &Cluster, clock: &Clock, order: &Order, out: &mut impl Write) -> Result<(), Failure> {
    let mut policy = read(&order.file, &order.installation)?;
    if let Some(name) = &order.policy {
        policy.metadata.name = Some(name.clone());
    }
    let (name, now) = (policy.name_any(), clock.now().wall);
    let (kept, unreadable) = cluster.kept(&name).await?;
    let asked = Asked {
        policy: &policy,
        installation: &order.installation,
        since: order.since.map(|since| now - since),
        namespaces: &order.namespaces,
        now,
    };
    let requests = replay::replay(&kept, &asked);
    let summary = replay::sum_up(&requests);
    if order.json {
        let answer = Answer { policy: &name, summary, unreadable, requests: &requests };
        serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        table::write(&name, &summary, unreadable, &requests, out)?;
    }
    Ok(out.flush()?)
}

fn read(file: &Path, installation: &Installation) -> Result<AccessPolicy, Failure> {
    let place = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| Failure::Text(vec![format!("{place}: {error}")]))?;
    usable(&place, &text, installation)
}
/// The text, if anything could be granted under it.
fn usable(place: &str, text: &str, installation: &Installation) -> Result<AccessPolicy, Failure> {
    let of = |words: String| format!("{place}: {words}");
    let policy = manifest::policy(text)
        .map_err(|faults| Failure::Text(faults.iter().map(|fault| of(fault.to_string())).collect()))?;
    let faults: Vec<_> = replay::faults(&policy, installation)
        .into_iter()
        .map(|(reason, words)| of(format!("nothing could be granted under it: {}: {words}", <&str>::from(reason))))
        .collect();
    if faults.is_empty() { Ok(policy) } else { Err(Failure::Text(faults)) }
}

#[cfg(test)]
mod tests;
