//! What the demo prints, and how it looks.

use std::io::{self, IsTerminal, Write};

use crate::settings;

/// Standard output: in colour on a terminal, unless `NO_COLOR` is set.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    colour: bool,
}

impl Page {
    /// As the environment wants it.
    pub fn new() -> Self {
        Self { colour: io::stdout().is_terminal() && settings::variable("NO_COLOR").is_none() }
    }

    /// What comes next.
    pub fn title(self, text: &str) -> io::Result<()> {
        self.print(&format!("\n{}\n", self.in_style("1", &format!("== {text}"))))
    }

    /// Who does something, and why.
    pub fn say(self, text: &str) -> io::Result<()> {
        self.print(&format!("\n{}\n", self.in_style("3", &format!("# {text}"))))
    }

    /// A further line of the same.
    pub fn more(self, text: &str) -> io::Result<()> {
        self.print(&format!("{}\n", self.in_style("3", &format!("# {text}"))))
    }

    /// A command, as one would paste it.
    pub fn command(self, who: &str, text: &str) -> io::Result<()> {
        self.print(&format!("{} {}\n", self.in_style("1;36", &format!("{who}$")), self.in_style("1", text)))
    }

    /// What a command printed.
    pub fn output(self, text: &str) -> io::Result<()> {
        let text = text.trim_end();
        if text.is_empty() { Ok(()) } else { self.print(&format!("{text}\n")) }
    }

    /// The last line.
    pub fn end(self, text: &str) -> io::Result<()> {
        self.print(&format!("\n{}\n", self.in_style("1;32", text)))
    }

    /// At once, so that whoever looks on is never behind.
    fn print(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn in_style(self, style: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
