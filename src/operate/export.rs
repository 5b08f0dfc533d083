//! Where records go before they are deleted: what could not be written there is not deleted.
use crate::decide::Now;
use crate::decide::verify;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A folder, or standard output.
#[derive(Clone)]
pub struct Sink {
    folder: Option<Arc<Path>>,
    cluster: Arc<str>,
    pod: Arc<str>,
    one_at_a_time: Arc<Mutex<()>>,
}
impl Sink {
    /// This folder, which must exist; `None`: standard output. Files carry the Pod's name: replicas may share a folder.
    pub fn new(folder: Option<&Path>, cluster: &str, pod: &str) -> Self {
        let folder = folder.map(Into::into);
        Self { folder, cluster: cluster.into(), pod: pod.into(), one_at_a_time: Arc::default() }
    }

    /// Writes one record, and returns when it is on disk, or handed to whoever reads standard output.
    ///
    /// # Errors
    /// When it is not. Some of it may have been written: it is then written once more.
    pub async fn keep(&self, record: &Value, now: Now) -> io::Result<()> {
        let (sink, line) = (self.clone(), verify::line(record, &self.cluster, now));
        let day = now.wall.date_naive().to_string();
        tokio::task::spawn_blocking(move || sink.write(&line, &day)).await.map_err(io::Error::other)?
    }

    fn write(&self, line: &str, day: &str) -> io::Result<()> {
        let _one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.folder {
            Some(folder) => append(folder, &file_of(folder, day, &self.pod), line),
            None => {
                let mut out = io::stdout().lock();
                writeln!(out, "{line}")?;
                out.flush()
            }
        }
    }
}

fn file_of(folder: &Path, day: &str, pod: &str) -> PathBuf {
    folder.join(format!("accessgrants-{day}.{pod}.jsonl"))
}

/// Appends a line, and returns when file and folder are on disk.
fn append(folder: &Path, path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    cut_torn_end(&mut file)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

/// What a crash left of a line goes: nothing was deleted on its account.
fn cut_torn_end(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
    }
    if last == [b'\n'] {
        return Ok(());
    }
    let mut all = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut all)?;
    let whole = all.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    file.set_len(u64::try_from(whole).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};
    use serde_json::json;
    use std::fs;

    fn noon() -> Now {
        Now { wall: DateTime::from_timestamp(1_800_000_000, 0).unwrap(), server_ahead: TimeDelta::zero() }
    }
    /// A folder of this test's own, empty.
    fn folder(test: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp").join(test);
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn records_are_appended_to_the_file_of_the_day_and_a_torn_line_goes() {
        let folder = folder("curfew-export");
        let sink = Sink::new(Some(&folder), "west", "curfew-0");
        let record = |name: &str| json!({"kind": "AccessGrant", "metadata": {"name": name, "uid": name}, "spec": {}});
        sink.keep(&record("a"), noon()).await.unwrap();
        let file = folder.join("accessgrants-2027-01-15.curfew-0.jsonl");
        let mut torn = fs::read_to_string(&file).unwrap();
        torn.push_str("{\"kind\": \"Acc");
        fs::write(&file, torn).unwrap();
        sink.keep(&record("b"), noon()).await.unwrap();
        let read = verify::read(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(read.iter().map(|r| &r["metadata"]["name"]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(read[0]["exported"]["cluster"], "west");
    }
    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error() {
        let sink = Sink::new(Some(&folder("curfew-no-export").join("none")), "", "curfew-0");
        sink.keep(&json!({}), noon()).await.unwrap_err();
    }
}
