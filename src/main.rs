//! The operator: parses arguments, connects, runs. No logic.
use curfew::cluster::{Cluster, connect};
use curfew::operate::verify::{self, Source};
use curfew::operate::{self, Clients, clock::Clock, drain, replay::Order};
use curfew::settings::{Adopt, Command, Drain, Export, Kind, Output, Replay, Report, Run, Settings, Sweep, Verify};
use curfew::telemetry::{Health, Metrics, http, log};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Returns what bursts of passes have used, and has little of its own: `.cargo/config.toml` has its settings.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long a stop may take before the process leaves anyhow; fuses end what is due.
const STOP: Duration = Duration::from_secs(25);

/// How long a page of records may take to come.
const READ: Duration = Duration::from_secs(60);
/// What `verify` exits with when records are not what they were.
const FOUND: u8 = 3;

fn main() -> ExitCode {
    // Before anything connects: kube and hyper use the process's provider.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("curfew: a TLS provider was installed before ours");
        return ExitCode::FAILURE;
    }
    let Settings { command } = Settings::read();
    let common = match &command {
        Command::Run(run) => &run.common,
        Command::Sweep(sweep) => &sweep.common,
        Command::Drain(drain) => &drain.common,
        Command::Verify(verify) => &verify.common,
        Command::Export(export) => &export.common,
        Command::Replay(replay) => &replay.common,
        Command::Report(report) => report.common(),
        Command::Adopt(adopt) => &adopt.common,
    };
    if let Err(error) = log::start(common.log_format, &common.log_filter) {
        return failed(&error);
    }
    let (passes, ends) = match runtimes() {
        Ok(runtimes) => runtimes,
        Err(error) => return failed(&error),
    };
    let done = passes.block_on(async {
        match command {
            Command::Run(run) => operator(*run, ends.handle().clone()).await,
            Command::Sweep(flags) => sweep(flags).await,
            Command::Drain(flags) => drain(flags).await,
            Command::Verify(flags) => verify(flags).await,
            Command::Export(flags) => export(flags).await,
            Command::Replay(flags) => replay(*flags).await,
            Command::Report(Report { kind: Kind::Standing(flags) }) => standing(flags).await,
            Command::Report(Report { kind }) => report(kind).await,
            Command::Adopt(flags) => adopt(flags).await,
        }
    });
    // Whatever is still blocked may not keep the process.
    [passes, ends].into_iter().for_each(|runtime| runtime.shutdown_timeout(Duration::from_secs(1)));
    done.unwrap_or_else(|error| failed(error.as_ref()))
}

/// One for passes, and one with a thread of its own for ends: no pass keeps that busy.
fn runtimes() -> std::io::Result<(Runtime, Runtime)> {
    let passes = Builder::new_multi_thread().enable_all().build()?;
    let ends = Builder::new_multi_thread().worker_threads(1).thread_name("curfew-ends").enable_all().build()?;
    Ok((passes, ends))
}

async fn operator(run: Run, ends: Handle) -> Result<ExitCode, Box<dyn Error>> {
    let config = connect::config(run.common.kubeconfig.as_deref()).await?;
    let granting = connect::client(config.clone())?;
    let ending = {
        // A client queues calls in a task that it starts where it is made.
        let _within = ends.enter();
        connect::client(config)?
    };
    let clients = Clients { granting, ending, ends };
    let listener = TcpListener::bind(run.listen).await.map_err(|e| format!("cannot listen on {}: {e}", run.listen))?;
    let (health, metrics) = (Health::new(), Metrics::new());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), cluster = run.cluster_name, listen = %run.listen, "curfew starts");
    let server = tokio::spawn(http::serve(listener, health.clone(), metrics.clone()));
    let (stop, stopped) = watch::channel(false);
    let mut operator =
        tokio::spawn(operate::run(clients, Clock::system(), run.installation(), health, metrics, stopped));
    let ended = tokio::select! {
        ended = &mut operator => ended,
        asked = asked_to_stop() => {
            asked?;
            tracing::info!("curfew stops");
            stop.send_replace(true);
            match tokio::time::timeout(STOP, operator).await {
                Ok(ended) => ended,
                Err(_) => return Err(format!("the stop took longer than {}s", STOP.as_secs()).into()),
            }
        }
    };
    server.abort();
    ended?;
    // It runs until it is told to stop: anything else is for the kubelet to repeat.
    Ok(if *stop.borrow() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn sweep(flags: Sweep) -> Result<ExitCode, Box<dyn Error>> {
    let client = connect::client(connect::config(flags.common.kubeconfig.as_deref()).await?)?;
    let cluster = Cluster::new(client).with_deadline(flags.request_timeout.delta().to_std()?);
    let mut out = std::io::stdout().lock();
    let failures = operate::sweep::sweep(&cluster, &Clock::system(), flags.dry_run, &mut out).await?;
    for failure in &failures {
        eprintln!("curfew: {failure}");
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn drain(flags: Drain) -> Result<ExitCode, Box<dyn Error>> {
    let client = connect::client(connect::config(flags.common.kubeconfig.as_deref()).await?)?;
    let cluster = Cluster::new(client).with_deadline(flags.request_timeout.delta().to_std()?);
    let wait = flags.wait.delta().to_std()?;
    let order = drain::Order { namespace: flags.namespace, dry_run: flags.dry_run, wait };
    let drained = drain::drain(&cluster, &order, &mut std::io::stdout().lock()).await?;
    drained.notes.iter().for_each(|note| eprintln!("{note}"));
    drained.failed.iter().for_each(|failure| eprintln!("curfew: {failure}"));
    Ok(if drained.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn verify(flags: Verify) -> Result<ExitCode, Box<dyn Error>> {
    let source = match flags.file {
        Some(file) => Source::File(file),
        None => Source::Cluster(reader(flags.common.kubeconfig.as_deref()).await?),
    };
    let (against, as_json) = (flags.against.as_deref(), flags.output == Output::Json);
    let mut out = std::io::stdout().lock();
    let is_fine = verify::verify(source, against, &Clock::system(), as_json, &mut out).await?;
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

async fn export(flags: Export) -> Result<ExitCode, Box<dyn Error>> {
    let cluster = reader(flags.common.kubeconfig.as_deref()).await?;
    let mut out = std::io::stdout().lock();
    verify::export(&cluster, &Clock::system(), &flags.cluster_name, &mut out).await?;
    Ok(ExitCode::SUCCESS)
}

async fn reader(kubeconfig: Option<&Path>) -> Result<Cluster, Box<dyn Error>> {
    Ok(Cluster::new(connect::client(connect::config(kubeconfig).await?)?).with_deadline(READ))
}

async fn replay(flags: Replay) -> Result<ExitCode, Box<dyn Error>> {
    let client = connect::client(connect::config(flags.common.kubeconfig.as_deref()).await?)?;
    let cluster = Cluster::new(client).with_deadline(flags.request_timeout.delta().to_std()?);
    let installation = flags.installation();
    let Replay { file, policy, since, namespaces, output, .. } = flags;
    let order = Order { file, policy, since, namespaces, json: output == Output::Json, installation };
    operate::replay::replay(&cluster, &Clock::system(), &order, &mut std::io::stdout().lock()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn standing(flags: curfew::settings::Standing) -> Result<ExitCode, Box<dyn Error>> {
    let client = connect::client(connect::config(flags.common.kubeconfig.as_deref()).await?)?;
    let cluster = Cluster::new(client).with_deadline(flags.request_timeout.delta().to_std()?);
    let (ask, clock, mut out) = (flags.ask(), Clock::system(), std::io::stdout().lock());
    if flags.snapshot {
        operate::standing::snapshot(&cluster, &clock, &ask, &mut out).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let needs_somebody = operate::standing::report(&cluster, &clock, &ask, &mut out).await?;
    Ok(if flags.check && needs_somebody { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

async fn report(kind: Kind) -> Result<ExitCode, Box<dyn Error>> {
    let (ask, flags) = kind.ask().ok_or("not about a time")?;
    let client = connect::client(connect::config(flags.common.kubeconfig.as_deref()).await?)?;
    let cluster = Cluster::new(client).with_deadline(flags.request_timeout.delta().to_std()?);
    operate::report::report(&cluster, &Clock::system(), ask, &mut std::io::stdout().lock()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn adopt(flags: Adopt) -> Result<ExitCode, Box<dyn Error>> {
    let cluster = Cluster::new(connect::client(connect::config(flags.common.kubeconfig.as_deref()).await?)?);
    let of = (flags.namespace.as_deref(), flags.binding.as_str());
    operate::standing::adopt(&cluster, of, &flags.roles, &flags.approvers, &mut std::io::stdout().lock()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn asked_to_stop() -> std::io::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    let causes = std::iter::successors(Some(error), |e| (*e).source()).map(ToString::to_string);
    eprintln!("curfew: {}", causes.collect::<Vec<_>>().join(": "));
    ExitCode::FAILURE
}
