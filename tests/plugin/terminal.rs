//! The plugin in a terminal.
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::Command;

/// All that it shows there until it ends.
pub fn in_terminal(words: &[&str], environment: &[(&str, &str)]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let end = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-access"));
    command.args(words).env_remove("NO_COLOR").envs(environment.iter().copied());
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    // Else this process would hold the other side open.
    drop(command);
    let (mut terminal, mut shown) = (File::from(terminal), Vec::new());
    let mut piece = [0; 4096];
    // An error is the end: nobody holds the other side any more.
    while let Ok(length @ 1..) = terminal.read(&mut piece) {
        shown.extend_from_slice(&piece[..length]);
    }
    child.wait().unwrap();
    String::from_utf8_lossy(&shown).into_owned()
}
