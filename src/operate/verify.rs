//! `curfew verify` and `curfew export`: read records, change nothing.
use super::clock::Clock;
use crate::cluster::people::Which;
use crate::cluster::{Cluster, Error};
use crate::decide::verify::{self, Export, Inspection};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Where the records are.
pub enum Source {
    /// In the API server.
    Cluster(Cluster),
    /// In a file; `-` is standard input.
    File(PathBuf),
}

/// Why it could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The API server did not say.
    #[error(transparent)]
    Read(#[from] Error),
    /// A file cannot be read, or understood.
    #[error("{0}")]
    File(String),
    /// Nobody reads what is printed.
    #[error("cannot print")]
    Print(#[from] io::Error),
}

/// Judges each record, and all against an earlier export where there is one; prints what was found. Whether nothing was.
///
/// # Errors
/// When the records could not be read, or nothing printed.
pub async fn verify(
    source: Source,
    against: Option<&Path>,
    clock: &Clock,
    as_json: bool,
    out: &mut impl Write,
) -> Result<bool, Failed> {
    let mut inspection = Inspection::against(against.map(read).transpose()?.map(Export::of));
    match source {
        Source::File(path) => read(&path)?.iter().for_each(|record| inspection.judge(record)),
        Source::Cluster(cluster) => {
            let mut next = None;
            loop {
                let (page, more) = cluster.records_as_written(&Which::default(), next).await?;
                page.iter().for_each(|record| inspection.judge(record));
                next = more;
                if next.is_none() {
                    break;
                }
            }
        }
    }
    let verdicts = inspection.verdicts(clock.now());
    match as_json {
        true => writeln!(out, "{}", json!({"records": verdicts}))?,
        false => out.write_all(verify::table(&verdicts).as_bytes())?,
    }
    out.flush()?;
    Ok(verify::is_fine(&verdicts))
}

fn read(path: &Path) -> Result<Vec<Value>, Failed> {
    let failed = |words: String| Failed::File(format!("{}: {words}", path.display()));
    let mut text = String::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().read_to_string(&mut text).map(drop),
        _ => fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)).map(drop),
    };
    read.map_err(|error| failed(error.to_string()))?;
    verify::read(&text).map_err(failed)
}

/// Prints every record, and every request that was refused at screening and so has none, as JSON lines.
///
/// # Errors
/// When they could not be read, or nothing printed.
pub async fn export(cluster: &Cluster, clock: &Clock, name: &str, out: &mut impl Write) -> Result<(), Failed> {
    let mut next = None;
    loop {
        let (page, more) = cluster.records_as_written(&Which::default(), next).await?;
        print(&page, clock, name, out)?;
        next = more;
        if next.is_none() {
            break;
        }
    }
    loop {
        let (page, more) = cluster.refused_as_written(next).await?;
        print(&page, clock, name, out)?;
        next = more;
        if next.is_none() {
            return Ok(out.flush()?);
        }
    }
}
fn print(objects: &[Value], clock: &Clock, name: &str, out: &mut impl Write) -> io::Result<()> {
    objects.iter().try_for_each(|object| writeln!(out, "{}", verify::line(object, name, clock.now())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, user: &str) -> Value {
        json!({"kind": "AccessGrant", "metadata": {"name": name, "uid": name}, "spec": {"user": user, "ticket": "SUP-4812"}})
    }
    /// A file of this test's own with these records.
    fn file(name: &str, records: &[Value]) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.jsonl"));
        fs::write(&path, records.iter().map(|record| format!("{record}\n")).collect::<String>()).unwrap();
        path
    }
    async fn printed(records: PathBuf, against: Option<&Path>, as_json: bool) -> (bool, String) {
        let mut out = Vec::new();
        let fine = verify(Source::File(records), against, &Clock::system(), as_json, &mut out).await.unwrap();
        (fine, String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn the_table_says_of_each_record_what_was_found_and_shows_no_control_characters() {
        let mut odd = record("b", "mal\u{1b}[2Jlory");
        odd["status"] = json!({"startedAt": "2026-12-01T09:00:00Z", "endReason": "Expired"});
        let (fine, table) =
            printed(file("verify-table", &[record("a", "alice"), odd, json!({"kind": "Pod"})]), None, false).await;
        assert!(!fine);
        let rows = [
            "RECORD   TICKET     USER               ENTRIES   HEAD   FOUND",
            "a        SUP-4812   alice                    0   -      fine",
            "b        SUP-4812   mal\\u{1b}[2Jlory         0   -      Contradicts: its timeline does not tell of its end as endReason, endedAt and endedBy do",
            "b        SUP-4812   mal\\u{1b}[2Jlory         0   -      Contradicts: its timeline does not tell that it began at startedAt",
            "",
            "2 records: 1 fine, 1 not",
        ];
        assert_eq!(table.lines().collect::<Vec<_>>(), rows, "{table}");
    }
    #[tokio::test]
    async fn what_is_gone_is_found_by_the_export_and_said_as_json_too() {
        let export = file("verify-export", &[record("a", "alice"), record("b", "alice")]);
        let (fine, json) = printed(file("verify-now", &[record("a", "alice")]), Some(&export), true).await;
        let said: Value = serde_json::from_str(&json).unwrap();
        assert!(!fine);
        assert_eq!(said["records"][1]["record"], "b");
        assert_eq!(said["records"][1]["found"][0]["fault"], "Missing");
        assert!(printed(export.clone(), Some(&export), true).await.0);
    }
    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_named() {
        let mut out = Vec::new();
        let missing = Source::File("/nonexistent/records".into());
        let error = verify(missing, None, &Clock::system(), false, &mut out).await.unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/records: "), "{error}");
    }
}
