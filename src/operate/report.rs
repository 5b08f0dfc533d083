//! `curfew report`: reads, and prints. It changes nothing.
use super::clock::Clock;
use crate::cluster::Cluster;
use crate::decide::report::{self, Ask, Window, Writes};
use crate::decide::usage::Event;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// The longest line that is read as one event: as the operator's own reader.
const LONGEST: u64 = 1 << 20;

/// Prints a report.
///
/// # Errors
/// When something could not be read or written: then nothing is printed.
pub async fn report(cluster: &Cluster, clock: &Clock, ask: Ask, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let now = clock.now();
    let window = Window::of(ask.when, now.for_record());
    let mut seen = cluster.seen(window, now, ask.of.has_standing(), ask.shared_accounts).await?;
    if let Some((source, writes)) = ask.audit_source.as_ref().zip(Writes::of(&seen)) {
        let read = audited(source, writes);
        seen.writes = Some(read.map_err(|error| format!("--audit-source {}: {error}", source.display()))?);
    }
    out.write_all(report::show(&report::page(ask.of, &seen), ask.format)?.as_bytes())?;
    Ok(out.flush()?)
}

/// Reads a whole file, a line at a time; what is no event is left out.
fn audited(source: &Path, mut writes: Writes) -> io::Result<Writes> {
    let mut source = BufReader::new(File::open(source)?);
    let mut line = vec![];
    loop {
        line.clear();
        if source.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(writes);
        }
        if let Some(event) = Event::read(&line) {
            writes.take(&event);
        }
    }
}
