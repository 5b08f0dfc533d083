//! The control plane, Curfew on it, and the people.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::{example::Example, page::Page, shell::Shell};
use crate::{
    chart,
    connection::{BoundAccount, Connection},
    control_plane::{ControlPlane, Options},
    ports,
    supervise::Supervised,
};

/// The control plane, the operator and the people; dropping it ends all of it.
#[derive(Debug)]
pub struct Stage {
    // Dropped first: it needs the other.
    operator: Option<Supervised>,
    control_plane: ControlPlane,
    flags: Vec<String>,
    /// Where things are printed.
    pub page: Page,
    /// Member of `system:masters`.
    pub admin: Shell,
    /// She asks.
    pub alice: Shell,
    /// He is one of those who agree.
    pub bob: Shell,
    /// She may ask as alice may, and agrees to nothing.
    pub erin: Shell,
    /// What is asked for.
    pub example: Example,
}

impl Stage {
    /// Obtains and starts a control plane, and gives the people of the example their credentials.
    pub async fn set(options: &Options, page: Page) -> Result<Self> {
        let example = Example::read()?;
        let control_plane = ControlPlane::start(options).await?;
        let connection = control_plane.connection();
        let person = |name: &str, groups: &[String]| {
            let names: Vec<&str> = groups.iter().map(String::as_str).collect();
            let link = connection.directory().join(format!("{name}.kubeconfig"));
            std::os::unix::fs::symlink(connection.user(name, &names)?, &link)?;
            Shell::new(name, &format!("{name}, in {}", groups.join(", ")), link, connection, page)
        };
        Ok(Self {
            operator: None,
            flags: vec![],
            page,
            admin: Shell::new("admin", "admin, in system:masters", connection.admin(), connection, page)?,
            alice: person("alice", &example.askers)?,
            bob: person("bob", &example.approvers)?,
            erin: person("erin", &example.askers)?,
            example,
            control_plane,
        })
    }

    fn connection(&self) -> &Connection {
        self.control_plane.connection()
    }

    /// Waits until the rules of the chart, which Helm has just installed, hold.
    pub async fn rules_hold(&self) -> Result<()> {
        chart::in_force(self.connection()).await
    }

    /// Prepares the operator as the chart's Deployment would: its ServiceAccount, its flags; returns its command line.
    ///
    /// What a kubelet would give it comes as flags: the Pod's name, its token, and a port that is free.
    pub async fn prepares_operator(&mut self) -> Result<String> {
        let connection = self.connection();
        let BoundAccount { pod, kubeconfig } = connection.bound_account(chart::RELEASE, chart::OPERATOR).await?;
        let [port] = ports::free()?;
        let ours = [
            format!("--listen=127.0.0.1:{port}"),
            format!("--pod-name={pod}"),
            format!("--pod-namespace={}", chart::RELEASE),
            format!("--kubeconfig={}", kubeconfig.display()),
        ];
        let rendered = self.flags_of_the_deployment().await?;
        self.flags = rendered.into_iter().filter(|flag| !flag.starts_with("--listen=")).chain(ours).collect();
        Ok(format!("curfew {}", self.flags.join(" \\\n    ")))
    }

    async fn flags_of_the_deployment(&self) -> Result<Vec<String>> {
        let path = "{.spec.template.spec.containers[0].args}";
        let command = format!("kubectl -n {} get deployment {} -o jsonpath='{path}'", chart::RELEASE, chart::OPERATOR);
        let shown = self.admin.runs(&command).await?.works()?;
        serde_json::from_str(shown.text()).with_context(|| shown.text().to_owned())
    }

    /// Runs the operator that [`Stage::prepares_operator`] has prepared.
    pub fn starts_operator(&mut self) -> Result<()> {
        let logs = self.connection().directory().join("logs");
        self.operator = Some(Supervised::start("curfew", &logs, &operator_program()?, &self.flags)?);
        Ok(())
    }

    /// The process of the operator itself.
    pub fn operator_pid(&self) -> Result<u32> {
        // The first is its supervisor.
        self.operator.as_ref().and_then(|running| running.pids().get(1).copied()).context("the operator does not run")
    }

    /// Waits until the operator, which was killed, is gone.
    pub fn operator_is_dead(&mut self) -> Result<()> {
        self.operator.take().map_or(Ok(()), Supervised::stop)
    }

    /// Fails with the end of its log if the operator has ended by itself.
    pub fn operator_runs_or_was_killed(&mut self) -> Result<()> {
        self.operator.as_mut().map_or(Ok(()), Supervised::must_run)
    }

    /// Leaves the logs of all processes, and says where they are.
    pub fn keep_logs(&mut self) {
        self.operator = None;
        self.control_plane.keep_logs();
    }

    /// How to play with it.
    pub fn explain(&self) -> Result<()> {
        let Example { request_file, namespace, .. } = &self.example;
        let (sed, name) = self.example.another(3);
        let acts_as = |shell: &Shell| format!("export KUBECONFIG={}", shell.kubeconfig.display());
        let page = self.page;
        page.title("It keeps running until Ctrl-C")?;
        page.say(
            "The operator grants again 15 s after it came back, when the lease of the one that was killed has run out.",
        )?;
        page.say("In another terminal, in the directory of the repository. A kubeconfig says who you are:")?;
        page.output(&format!("export PATH={}/bin:$PATH", self.connection().directory().display()))?;
        for shell in [&self.alice, &self.bob, &self.erin, &self.admin] {
            page.output(&format!("{}   # {}", acts_as(shell), shell.what))?;
        }
        page.say("To begin with: as alice, ask;")?;
        page.output(&format!("sed '{sed}' {request_file} | kubectl apply -f -"))?;
        page.say("as bob, get the command that agrees, and paste it with your reason;")?;
        page.output(&look_up(namespace, &name))?;
        page.say("as anybody, see what there is.")?;
        page.output("kubectl get accessrequests,accessgrants --all-namespaces")?;
        Ok(())
    }
}

/// Prints the command that approves a request.
pub fn look_up(namespace: &str, name: &str) -> String {
    format!("kubectl -n {namespace} get accessrequest {name} -o jsonpath='{{.status.waitingFor[0].command}}'")
}

/// The operator that was built with this program.
fn operator_program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own.with_file_name("curfew");
    let answer = Command::new(&program).arg("--version").output();
    answer.with_context(|| format!("{}: `cargo build --workspace --bins` first", program.display()))?;
    Ok(program)
}
