//! A line that tells how long something takes, while it takes long.

use std::{
    io::{IsTerminal, Write},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// Runs a command to its end, printing what it is for, the time so far and how long it usually takes.
///
/// On a terminal the line is kept up to date; elsewhere there is one every 30 seconds. A silent command (below two
/// seconds) prints nothing.
pub fn run(what: &str, usual: &str, command: &mut Command) -> Result<ExitStatus> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("cannot run {program}"))?;
    let terminal = std::io::stderr().is_terminal();
    let every = Duration::from_secs(if terminal { 1 } else { 30 });
    let (start, mut next, mut shown) = (Instant::now(), Duration::from_secs(2), false);
    loop {
        if let Some(status) = child.try_wait()? {
            if shown {
                eprintln!("{}{what}: {} after {}", lead(terminal), word(status), clock(start.elapsed()));
            }
            return Ok(status);
        }
        if start.elapsed() >= next {
            eprint!("{}{what}: {} (usually {usual}){}", lead(terminal), clock(start.elapsed()), end(terminal));
            std::io::stderr().flush()?;
            (next, shown) = (start.elapsed() + every, true);
        }
        std::thread::sleep(Duration::from_millis(if shown { 200 } else { 20 }));
    }
}

fn word(status: ExitStatus) -> &'static str {
    if status.success() { "done" } else { "failed" }
}

fn lead(terminal: bool) -> &'static str {
    if terminal { "\r\x1b[K" } else { "" }
}

fn end(terminal: bool) -> &'static str {
    if terminal { "" } else { "\n" }
}

fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} m {:02} s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elapsed_time_reads_as_minutes_and_seconds() {
        assert_eq!(clock(Duration::from_secs(59)), "59 s");
        assert_eq!(clock(Duration::from_secs(254)), "4 m 14 s");
    }
}
