//! Processes that never outlive the one that started them.
//!
//! Each runs under `curfew-testbed supervise`, which holds one end of a pipe. The other end is with the process that
//! asked for it; when that one ends, however it ends (also by SIGKILL), the pipe closes and the child is killed with
//! all of its process group. Asking Linux for a signal at the parent's death would tie the child to one *thread*.

use std::{
    ffi::OsStr,
    fs, io,
    io::Read,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// A running child and the supervisor between it and this process.
#[derive(Debug)]
pub struct Supervised {
    name: String,
    supervisor: Child,
    pid_file: PathBuf,
    log: PathBuf,
}

impl Supervised {
    /// Starts `program`; what it prints is added to `<directory>/<name>.log`, its pid is in `<directory>/<name>.pid`.
    pub fn start(
        name: &str,
        directory: &Path,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Self> {
        Self::start_with(&[], name, directory, program, arguments)
    }

    /// The same, with these variables in its environment.
    pub fn start_with(
        environment: &[(&str, &str)],
        name: &str,
        directory: &Path,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Self> {
        let (log, pid_file) = (directory.join(format!("{name}.log")), directory.join(format!("{name}.pid")));
        let output = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let supervisor = Command::new(supervisor_program()?)
            .arg("supervise")
            .arg("--pid-file")
            .arg(&pid_file)
            .arg("--")
            .arg(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Its own group: Ctrl-C reaches only the process that asked, which then ends the children in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), supervisor, pid_file, log })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.supervisor.try_wait()?)
    }

    /// Fails with the end of its log if it is no longer running.
    pub fn must_run(&mut self) -> Result<()> {
        let Some(status) = self.ended()? else { return Ok(()) };
        bail!("{} ended ({status}); the end of {}:\n{}", self.name, self.log.display(), self.last_words());
    }

    /// Kills it, and returns when it is gone.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    /// The pids of the supervisor and, once it runs, of the program itself.
    pub fn pids(&self) -> Vec<u32> {
        let program = fs::read_to_string(&self.pid_file).ok().and_then(|pid| pid.trim().parse().ok());
        std::iter::once(self.supervisor.id()).chain(program).collect()
    }

    /// The last lines of what it printed.
    pub fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    fn end(&mut self) -> Result<()> {
        drop(self.supervisor.stdin.take());
        self.supervisor.wait().with_context(|| format!("waiting for {}", self.name))?;
        match fs::remove_file(&self.pid_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("{error:#}");
        }
    }
}

/// Runs a command until it ends or standard input closes; the exit code is the command's.
pub fn supervise(pid_file: &Path, command: &[std::ffi::OsString]) -> Result<i32> {
    let (program, arguments) = command.split_first().context("nothing to supervise")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a child without a pid")?;
    std::thread::spawn(move || {
        wait_for_the_end_of(io::stdin());
        // An error means that there is nothing left to kill.
        let _ = kill_process_group(group, Signal::KILL);
    });
    fs::write(pid_file, group.as_raw_nonzero().to_string())?;
    let status = child.wait()?;
    // Whatever it started and left behind.
    let _ = kill_process_group(group, Signal::KILL);
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}

fn wait_for_the_end_of(mut pipe: impl Read) {
    let mut byte = [0];
    while !matches!(pipe.read(&mut byte), Ok(0) | Err(_)) {}
}

/// This program if it is `curfew-testbed`; else the one that Cargo has put beside the test that runs.
fn supervisor_program() -> Result<PathBuf> {
    const NAME: &str = "curfew-testbed";
    let own = std::env::current_exe()?;
    if own.file_stem() == Some(OsStr::new(NAME)) {
        return Ok(own);
    }
    let beside = own.ancestors().skip(1).take(3).map(|directory| directory.join(NAME)).find(|path| path.is_file());
    beside.with_context(|| format!("there is no {NAME} near {}: `cargo build -p {NAME}` first", own.display()))
}
