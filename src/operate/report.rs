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
    let page = report::page(ask.of, &seen);
    let shown = report::show(&page, ask.format)?;
    if let Some(directory) = &ask.directory {
        let file = report::file_name(&page, ask.format);
        keep(directory, &file, &shown).map_err(|error| format!("{}/{file}: {error}", directory.display()))?;
    }
    out.write_all(shown.as_bytes())?;
    Ok(out.flush()?)
}

/// Written whole or not at all.
fn keep(directory: &Path, name: &str, shown: &str) -> io::Result<()> {
    let unfinished = directory.join(format!(".{name}"));
    std::fs::write(&unfinished, shown)?;
    std::fs::rename(unfinished, directory.join(name))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Now;
    use crate::decide::report::{Seen, Subject, When};
    use crate::decide::sweep::Listed;
    use chrono::TimeDelta;
    use serde_json::json;

    #[test]
    fn i2_a_file_of_audit_events_is_read_to_its_end_whatever_stands_between() {
        let now = Now { wall: "2026-11-23T12:00:00Z".parse().unwrap(), server_ahead: TimeDelta::zero() };
        let inventory = json!({"takenAt": "2026-11-23T12:00:00Z", "seenUntil": "2026-11-23T12:00:00Z", "namespaces": ["billing"], "bindings": [], "roles": []});
        let seen = Seen {
            listed: Listed { bindings: Some(vec![]), fuses: None, grants: Some(Default::default()) },
            requests: vec![],
            policies: vec![],
            standing: Some(serde_json::from_value(inventory).unwrap()),
            writes: None,
            unread: 0,
            shared_accounts: vec![],
            window: Window::of(When::Since(TimeDelta::days(7)), now.for_record()),
            now,
        };
        let event = |id: &str| {
            json!({"auditID": id, "verb": "delete", "user": {"username": "alice"}, "objectRef": {"resource": id, "namespace": "billing"},
                "responseStatus": {"code": 200}, "requestReceivedTimestamp": "2026-11-22T09:00:00Z",
                "annotations": {"authorization.k8s.io/decision": "allow"}})
            .to_string()
        };
        let long = "x".repeat(usize::try_from(LONGEST).unwrap() + 7);
        let file = std::env::temp_dir().join(format!("curfew-audited-{}", std::process::id()));
        std::fs::write(&file, format!("{}\nno event\n{long}\n\n{}", event("pods"), event("secrets"))).unwrap();
        let writes = audited(&file, Writes::of(&seen).unwrap()).unwrap();
        std::fs::remove_file(&file).unwrap();
        let seen = Seen { writes: Some(writes), ..seen };
        let shown = report::show(&report::page(Subject::Monthly, &seen), report::Format::Csv).unwrap();
        assert!(shown.contains("\"delete pods\"") && shown.contains("\"delete secrets\""), "{shown}");
        assert!(audited(&file, Writes::of(&seen).unwrap()).is_err(), "what is not there is an error");
    }
}
