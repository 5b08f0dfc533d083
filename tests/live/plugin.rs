//! The plugin, as the binary that people run, each with their own credentials.
mod ask;
mod before_and_after;
mod decide;
mod duties;
mod look;
mod session;

use curfew_testbed::bed::{Bed, Person};
use tokio::process::Command;

/// What a run of the plugin came to.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output: the data.
    pub out: String,
    /// Standard error: talk.
    pub err: String,
}
impl Ran {
    /// It did what was asked: what it printed.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{} {}", self.out, self.err);
        self.out
    }
    /// It exited with this code, and said this.
    pub fn said(self, code: i32, words: &str) -> String {
        assert!(self.code == Some(code) && self.err.contains(words), "{code} {words}: {self:?}");
        self.err
    }
}

/// Runs `kubectl access ARGS` in the test's namespace as this person, in UTC, with nothing that is a terminal.
pub async fn access(bed: &Bed, person: &Person, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-access"));
    command.args(args).env("KUBECONFIG", &person.kubeconfig).env("TZ", "UTC").kill_on_drop(true);
    // `who` takes the namespace that it is asked about.
    if !["-A", "--user", "-n", "who"].iter().any(|word| args.contains(word)) {
        command.args(["-n", &bed.namespace]);
    }
    let ran = command.stdin(std::process::Stdio::null()).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr) }
}
