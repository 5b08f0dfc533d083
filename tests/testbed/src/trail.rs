//! The audit log of a control plane from a place on: everybody writes into it, hundreds of megabytes in one run of the tests.
use crate::connection::Connection;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

/// What comes into the log after this was made.
#[derive(Clone, Debug)]
pub struct Trail {
    log: PathBuf,
    from: u64,
}
impl Trail {
    /// From now on.
    ///
    /// # Panics
    /// When there is no audit log.
    pub fn begins(connection: &Connection) -> Self {
        let log = connection.audit_log();
        let from = log.metadata().unwrap().len();
        Self { log, from }
    }
    /// The events since then that have this text somewhere in them, oldest first; of those that are just being written,
    /// none.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn events(&self, with: &str) -> Vec<Value> {
        let mut log = File::open(&self.log).unwrap();
        log.seek(SeekFrom::Start(self.from)).unwrap();
        let lines = BufReader::new(log).lines().map_while(Result::ok).filter(|line| line.contains(with));
        // The first line may begin, and the last end, in the middle.
        lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
    }
}
