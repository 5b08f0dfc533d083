//! `curfew-testbed`: a real control plane to test on, or to play with.

use std::{ffi::OsString, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use curfew_testbed::{
    binaries,
    browser::Browser,
    chart, control,
    control_plane::{ControlPlane, Options},
    demo,
    kubernetes::Kubernetes,
    settings, supervise,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Mutex,
};

/// The exit code that shells give for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// A real etcd, kube-apiserver and kube-controller-manager on this machine.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Put the programs of a control plane, and Helm, into the cache.
    Obtain(Version),
    /// Put the browser in which pages are tested into the cache.
    Browser,
    /// Show the main job on a control plane with Curfew, step by step; it fails if a step does not show what it must.
    Demo {
        #[command(flatten)]
        version: Version,
        /// Leave it running until Ctrl-C, and print how to act as its people.
        #[arg(long)]
        keep: bool,
    },
    /// Start a control plane, print how to use it, and keep it until Ctrl-C.
    Up {
        #[command(flatten)]
        version: Version,
        #[command(flatten)]
        install: Install,
        /// Leave its directory (data, keys, logs) in place at the end.
        #[arg(long)]
        keep: bool,
    },
    /// Start a control plane, run a command that finds it by CURFEW_BED, and stop it; the exit code is the command's.
    Run {
        #[command(flatten)]
        version: Version,
        #[command(flatten)]
        install: Install,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Run a command until standard input closes.
    #[command(hide = true)]
    Supervise {
        #[arg(long)]
        pid_file: PathBuf,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(clap::Args)]
struct Version {
    /// 1.36 or 1.37; otherwise what CURFEW_KUBERNETES says, otherwise the newest.
    #[arg(long)]
    kubernetes: Option<Kubernetes>,
}

#[derive(clap::Args)]
struct Install {
    /// Install this chart first, by Helm, into namespace `curfew`.
    #[arg(long)]
    chart: Option<PathBuf>,
}

impl Install {
    async fn start(&self, options: &Options) -> Result<ControlPlane> {
        let mut control_plane = ControlPlane::start(options).await?;
        let Some(path) = &self.chart else { return Ok(control_plane) };
        match chart::install_for_tests(control_plane.connection(), path).await {
            Ok(()) => Ok(control_plane),
            Err(error) => {
                control_plane.keep_logs();
                Err(error)
            }
        }
    }
}

impl Version {
    fn options(&self) -> Result<Options> {
        match self.kubernetes {
            Some(kubernetes) => Ok(Options { kubernetes, helm: true, keep: false }),
            None => Options::chosen(),
        }
    }
}

fn main() -> ExitCode {
    match carry_out(Arguments::parse().verb) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("curfew-testbed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(verb: Verb) -> Result<i32> {
    match verb {
        Verb::Obtain(version) => obtain(&version.options()?),
        Verb::Browser => browser(),
        Verb::Demo { version, keep } => wait_for(play(&version.options()?, keep)),
        Verb::Up { version, install, keep } => wait_for(up(Options { keep, ..version.options()? }, &install)),
        Verb::Run { version, install, command } => wait_for(run(&version.options()?, &install, &command)),
        Verb::Supervise { pid_file, command } => supervise::supervise(&pid_file, &command),
    }
}

/// Supervisors, of which there are three to a control plane, do without the threads of a runtime.
fn wait_for(work: impl Future<Output = Result<i32>>) -> Result<i32> {
    tokio::runtime::Runtime::new()?.block_on(work)
}

fn obtain(options: &Options) -> Result<i32> {
    println!("{}", binaries::control_plane(options.kubernetes)?.display());
    println!("{}", binaries::helm()?.display());
    Ok(0)
}

fn browser() -> Result<i32> {
    println!("{}", Browser::obtain()?.program().display());
    Ok(0)
}

async fn play(options: &Options, keep: bool) -> Result<i32> {
    let stage = tokio::select! {
        played = demo::play(options) => played?,
        signal = stopped() => return signal.map(|()| INTERRUPTED),
    };
    if keep {
        demo::explain(&stage)?;
        stopped().await?;
    }
    Ok(0)
}

async fn up(options: Options, install: &Install) -> Result<i32> {
    let control_plane = tokio::select! {
        started = install.start(&options) => started?,
        signal = stopped() => return signal.map(|()| INTERRUPTED),
    };
    let connection = control_plane.connection();
    println!("Kubernetes {} at {}", options.kubernetes, connection.server().url);
    println!("export {}={}", settings::BED, connection.directory().display());
    println!("export KUBECONFIG={}", connection.admin().display());
    println!("export PATH={}:$PATH", connection.directory().join("bin").display());
    println!("Ctrl-C stops it.");
    let control_plane = Arc::new(Mutex::new(control_plane));
    tokio::select! {
        served = control::serve(control_plane.clone()) => served?,
        signal = stopped() => signal?,
    }
    Ok(0)
}

/// `KUBECONFIG` is set too, so that a command that forgets to name one does not reach another cluster.
async fn run(options: &Options, install: &Install, command: &[OsString]) -> Result<i32> {
    let (program, arguments) = command.split_first().context("nothing to run")?;
    let control_plane = tokio::select! {
        started = install.start(options) => started?,
        signal = stopped() => return signal.map(|()| INTERRUPTED),
    };
    let connection = control_plane.connection().clone();
    let control_plane = Arc::new(Mutex::new(control_plane));
    let mut command = tokio::process::Command::new(program);
    for name in settings::of_cargo_run() {
        command.env_remove(name);
    }
    let mut child = command
        .args(arguments)
        .env(settings::BED, connection.directory())
        .env(settings::KUBERNETES, options.kubernetes.minor())
        .env("KUBECONFIG", connection.admin())
        .env("PATH", settings::search_path(&connection.directory().join("bin"))?)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let code = tokio::select! {
        status = child.wait() => status?.code().unwrap_or(1),
        served = control::serve(control_plane.clone()) => served.map(|()| 1)?,
        signal = stopped() => signal.map(|()| INTERRUPTED)?,
    };
    if ![0, INTERRUPTED].contains(&code) {
        control_plane.lock().await.keep_logs();
    }
    Ok(code)
}

/// Returns at Ctrl-C, or when asked to end.
async fn stopped() -> Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
