//! A terminal: the plugin as somebody sees it who types.
use curfew_testbed::bed::{Bed, Person, until};
use regex::Regex;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::process::{Child, Command};

/// The plugin in a terminal of its own.
pub struct Session {
    terminal: File,
    child: Child,
    seen: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
    /// How much of it was expected already.
    passed: usize,
    /// How often something was typed.
    pub typed: usize,
}
impl Session {
    /// Starts it in the test's namespace, in UTC and without colours.
    pub fn start(bed: &Bed, person: &Person, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-access"));
        command.args(args).args(["-n", &bed.namespace]);
        command.env("KUBECONFIG", &person.kubeconfig).env("TZ", "UTC").env("NO_COLOR", "1");
        Self::of(command)
    }
    /// Starts this.
    pub fn of(mut command: Command) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let end = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let child = command.stdin(end()).stdout(end()).stderr(end()).kill_on_drop(true).spawn().unwrap();
        let (terminal, seen) = (File::from(terminal), Arc::new(Mutex::new(String::new())));
        let (mut reader, shown) = (terminal.try_clone().unwrap(), seen.clone());
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // An error is the end: nobody holds the other side any more.
            while let Ok(length @ 1..) = reader.read(&mut piece) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        Self { terminal, child, seen, reader, passed: 0, typed: 0 }
    }
    /// Waits until this is shown, after all that was expected before.
    pub async fn expects(&mut self, words: &str) {
        let (seen, passed) = (&self.seen, self.passed);
        self.passed = until(&format!("`{words}` is shown"), || async {
            let seen = seen.lock().unwrap();
            seen[passed..].find(words).map(|at| passed + at + words.len())
        })
        .await;
    }
    /// Types a line.
    pub fn types(&mut self, line: &str) {
        self.typed += 1;
        self.terminal.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    /// Waits for the end, until all that was shown is read, and what it exited with.
    pub async fn ends(&mut self) -> Option<i32> {
        let code = self.child.wait().await.unwrap().code();
        until("all is read", || async { self.reader.is_finished().then_some(()) }).await;
        code
    }
    /// All that was shown is this, but for names and times.
    pub fn is_as(&self, snapshot: &str, bed: &Bed) {
        self.is_as_from("", snapshot, bed);
    }
    /// The same from the first line on that begins so.
    pub fn is_as_from(&self, first: &str, snapshot: &str, bed: &Bed) {
        let seen = self.seen.lock().unwrap().replace("\r\n", "\n");
        let from = if seen.starts_with(first) { 0 } else { seen.find(&format!("\n{first}")).unwrap() + 1 };
        let seen = seen[from..].replace(&bed.namespace, "NAMESPACE");
        let times = Regex::new(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d \(in [^)]*\)").unwrap();
        let seen = times.replace_all(&seen, "TIME (in A WHILE)");
        assert_eq!(seen.trim_end(), snapshot.trim_end(), "the session has changed:\n{seen}");
    }
}
impl Drop for Session {
    fn drop(&mut self) {
        // Shown where the test fails.
        println!("{}", self.seen.lock().unwrap());
    }
}
