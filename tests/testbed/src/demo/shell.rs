//! Commands that people type, and what they must show.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result, anyhow};
use tokio::process::Command;

use super::page::Page;
use crate::{connection::Connection, settings};

/// Longer than any command of the demo takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// A shell of one person, in the directory of the repository.
#[derive(Debug, Clone)]
pub struct Shell {
    /// Whose.
    pub who: String,
    /// Their user name and groups.
    pub what: String,
    /// Their credentials.
    pub kubeconfig: PathBuf,
    page: Page,
    variables: Vec<(&'static str, std::ffi::OsString)>,
}

impl Shell {
    /// With the programs of the control plane first; kubectl and Helm leave nothing outside of its directory.
    pub fn new(who: &str, what: &str, kubeconfig: PathBuf, connection: &Connection, page: Page) -> Result<Self> {
        let directory = connection.directory();
        let variables = vec![
            ("PATH", settings::search_path(&directory.join("bin"))?),
            ("KUBECONFIG", kubeconfig.clone().into()),
            ("KUBECACHEDIR", directory.join("cache/kubectl").into()),
            ("KUBERC", "off".into()),
            ("HELM_CACHE_HOME", directory.join("cache/helm").into()),
            ("HELM_CONFIG_HOME", directory.join("cache/helm").into()),
            ("HELM_DATA_HOME", directory.join("cache/helm").into()),
        ];
        Ok(Self { who: who.to_owned(), what: what.to_owned(), kubeconfig, page, variables })
    }

    /// Prints a command, runs it, and prints what it prints.
    pub async fn types(&self, command: &str) -> Result<Shown> {
        self.types_and_shortens(command, str::to_owned).await
    }

    /// The same with its output made shorter for the page.
    pub async fn types_and_shortens(&self, command: &str, shorten: impl Fn(&str) -> String) -> Result<Shown> {
        self.page.command(&self.who, command)?;
        let shown = self.runs(command).await?;
        self.page.output(&shorten(&shown.text))?;
        Ok(shown)
    }

    /// Runs a command that nobody needs to see.
    pub async fn runs(&self, command: &str) -> Result<Shown> {
        let child = Command::new("sh")
            // Both streams in one, in the order in which a terminal shows them.
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let answer = tokio::time::timeout(PATIENCE, child);
        let answer = answer.await.with_context(|| format!("no answer in {} s: {command}", PATIENCE.as_secs()))??;
        Ok(Shown {
            line: format!("{}$ {command}", self.who),
            text: String::from_utf8_lossy(&answer.stdout).into_owned(),
            succeeded: answer.status.success(),
        })
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
#[must_use = "every step says whether it must work"]
pub struct Shown {
    line: String,
    text: String,
    succeeded: bool,
}

impl Shown {
    /// It had to succeed.
    pub fn works(self) -> Result<Said> {
        if self.succeeded { Ok(Said(self)) } else { Err(Said(self).is_not("to work")) }
    }

    /// It had to fail, with these words.
    pub fn fails_with(self, words: &str) -> Result<Said> {
        if self.succeeded { Err(Said(self).is_not("to fail")) } else { Said(self).says(words) }
    }
}

/// What a command printed that ended as it had to.
#[derive(Debug)]
pub struct Said(Shown);

impl Said {
    /// It had to say this.
    pub fn says(self, words: &str) -> Result<Self> {
        if self.0.text.contains(words) { Ok(self) } else { Err(self.is_not(&format!("to say {words:?}"))) }
    }

    /// All of it.
    pub fn text(&self) -> &str {
        self.0.text.trim()
    }

    fn is_not(&self, expected: &str) -> anyhow::Error {
        anyhow!("the demo expected this command {expected}:\n  {}\nbut it printed:\n{}", self.0.line, self.text())
    }
}
