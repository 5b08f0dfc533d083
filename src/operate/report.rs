//! `curfew report`: reads, and prints. It changes nothing.
use super::clock::Clock;
use crate::cluster::Cluster;
use crate::decide::report::{self, Ask, Subject, Window};
use std::error::Error;
use std::io::Write;

/// Prints a report.
///
/// # Errors
/// When something could not be read or written: then nothing is printed.
pub async fn report(cluster: &Cluster, clock: &Clock, ask: Ask, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let now = clock.now();
    let window = Window::of(ask.when, now.for_record());
    let with_standing = ask.of == Subject::Monthly;
    let seen = cluster.seen(window, now, with_standing, ask.shared_accounts).await?;
    out.write_all(report::show(&report::page(ask.of, &seen), ask.format)?.as_bytes())?;
    Ok(out.flush()?)
}
