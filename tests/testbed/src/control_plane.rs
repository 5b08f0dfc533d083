//! etcd, kube-apiserver and kube-controller-manager on loopback ports, in a directory of their own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client, config::Kubeconfig};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    arguments::{self, Ports},
    authority::{self, Authority},
    binaries,
    connection::{self, Connection},
    control::Order,
    credentials::{self, Server},
    kubernetes::Kubernetes,
    supervise::Supervised,
};

/// Starting takes 3 to 5 seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(120);
const ATTEMPTS: usize = 5;

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The version of Kubernetes.
    pub kubernetes: Kubernetes,
    /// Also provide Helm (`bin/helm`).
    pub helm: bool,
    /// Leave the directory in place at the end.
    pub keep: bool,
}

impl Options {
    /// What the environment chooses, with Helm.
    pub fn chosen() -> Result<Self> {
        Ok(Self { kubernetes: Kubernetes::chosen()?, helm: true, keep: false })
    }
}

/// A running control plane; dropping it kills its processes and removes its directory.
#[derive(Debug)]
pub struct ControlPlane {
    controller_manager: Option<Supervised>,
    api_server: Option<Supervised>,
    etcd: Option<Supervised>,
    ports: Ports,
    connection: Connection,
    directory: Option<TempDir>,
    keep: bool,
}

impl ControlPlane {
    /// Starts one on free ports and returns when it is ready; obtains the programs first, which may take minutes.
    pub async fn start(options: &Options) -> Result<Self> {
        Self::start_on(options, Ports::free).await
    }

    /// Starts one on ports that the caller chooses, and asks again if another process has one of them.
    pub async fn start_on(options: &Options, mut choose: impl FnMut() -> io::Result<Ports>) -> Result<Self> {
        let programs = Programs::obtain(options.clone()).await?;
        for attempt in 1.. {
            let mut one = Self::prepare(options, &programs, choose()?)?;
            let Err(error) = one.start_all().await else { return Ok(one) };
            if attempt < ATTEMPTS && one.a_port_was_taken() {
                continue;
            }
            one.keep_logs();
            return Err(error);
        }
        bail!("no free ports")
    }

    /// What tests need to know of it.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The pids of all its processes.
    pub fn pids(&self) -> Vec<u32> {
        [&self.etcd, &self.api_server, &self.controller_manager]
            .into_iter()
            .flatten()
            .flat_map(Supervised::pids)
            .collect()
    }

    /// Carries out an order.
    pub async fn carry_out(&mut self, order: Order) -> Result<()> {
        match order {
            Order::StopControllerManager => self.stop_controller_manager(),
            Order::StartControllerManager => self.start_controller_manager().await,
            Order::RestartApiServer => self.restart_api_server().await,
        }
    }

    /// Kills kube-controller-manager.
    pub fn stop_controller_manager(&mut self) -> Result<()> {
        self.controller_manager.take().map_or(Ok(()), Supervised::stop)
    }

    /// Starts kube-controller-manager, unless it runs, and returns when each controller works.
    pub async fn start_controller_manager(&mut self) -> Result<()> {
        if let Some(running) = &mut self.controller_manager
            && running.ended()?.is_none()
        {
            return Ok(());
        }
        let directory = self.path("");
        let arguments = arguments::controller_manager(&directory, &self.ports);
        let running = self.spawn("kube-controller-manager", arguments)?;
        self.controller_manager = Some(running);
        let server = Server { url: url(self.ports.controller_manager), ..self.connection.server().clone() };
        let config = Kubeconfig::read_from(self.connection.admin())?;
        let health = connection::client(&aimed_at(config, &server.url)).await?;
        self.until(|| async { controllers_run(&text(&health, "/healthz?verbose").await) }).await
    }

    /// Kills the API server and starts it again on the same port.
    pub async fn restart_api_server(&mut self) -> Result<()> {
        self.api_server.take().map_or(Ok(()), Supervised::stop)?;
        self.start_api_server().await
    }

    /// Leaves the logs in place, without keys and data, and says where they are.
    pub fn keep_logs(&mut self) {
        self.kill();
        let Some(directory) = self.directory.take() else { return };
        if self.keep {
            eprintln!("the control plane's directory is kept: {}", directory.keep().display());
            return;
        }
        let kept = directory.keep();
        let entries = fs::read_dir(&kept).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !["logs", "audit.log"].iter().any(|name| entry.file_name() == *name)) {
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
        eprintln!("the control plane's logs are kept: {}", kept.display());
    }

    fn prepare(options: &Options, programs: &Programs, ports: Ports) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("curfew-bed-").tempdir()?;
        let path = directory.path();
        let authority = Authority::create()?;
        let server = Server { url: url(ports.api_server), authority: authority.certificate().to_owned() };
        write_keys(path, &authority, &server)?;
        programs.link(&path.join("bin"))?;
        fs::create_dir(path.join("logs"))?;
        fs::write(path.join("audit-policy.json"), arguments::audit_policy().to_string())?;
        fs::write(path.join("kubernetes"), options.kubernetes.minor())?;
        Ok(Self {
            etcd: None,
            api_server: None,
            controller_manager: None,
            ports,
            connection: Connection::create(path, server)?,
            directory: Some(directory),
            keep: options.keep,
        })
    }

    async fn start_all(&mut self) -> Result<()> {
        let arguments = arguments::etcd(&self.path(""), &self.ports);
        self.etcd = Some(self.spawn("etcd", arguments)?);
        self.start_api_server().await?;
        self.start_controller_manager().await?;
        let client = self.connection.client(&self.connection.admin()).await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
        self.until(|| async { accounts.get("default").await.is_ok() }).await
    }

    async fn start_api_server(&mut self) -> Result<()> {
        let arguments = arguments::api_server(&self.path(""), &self.ports);
        self.api_server = Some(self.spawn("kube-apiserver", arguments)?);
        let client = self.connection.client(&self.connection.admin()).await?;
        self.until(|| async { text(&client, "/readyz").await == "ok" }).await
    }

    fn spawn(&self, name: &str, arguments: Vec<String>) -> Result<Supervised> {
        let program = self.path("bin").join(name);
        Supervised::start_with(arguments::ENVIRONMENT, name, &self.path("logs"), &program, arguments)
    }

    /// Waits for a condition, as long as every process that was started runs.
    async fn until<F: Future<Output = bool> + Send>(&mut self, condition: impl Fn() -> F + Send) -> Result<()> {
        let start = Instant::now();
        while !condition().await {
            for process in [&mut self.etcd, &mut self.api_server, &mut self.controller_manager].into_iter().flatten() {
                process.must_run()?;
            }
            if start.elapsed() > PATIENCE {
                bail!(
                    "the control plane is not ready after {} s; logs: {}",
                    PATIENCE.as_secs(),
                    self.path("logs").display()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn a_port_was_taken(&self) -> bool {
        let processes = [&self.etcd, &self.api_server, &self.controller_manager];
        processes.into_iter().flatten().any(|process| process.last_words().contains("address already in use"))
    }

    fn kill(&mut self) {
        self.controller_manager = None;
        self.api_server = None;
        self.etcd = None;
    }

    fn path(&self, name: &str) -> PathBuf {
        self.connection.directory().join(name)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() || self.keep {
            self.keep_logs();
        }
    }
}

fn write_keys(directory: &Path, authority: &Authority, server: &Server) -> Result<()> {
    let pki = directory.join("pki");
    authority.store(&pki)?;
    let own = authority.server()?;
    fs::write(pki.join("server.crt"), own.certificate)?;
    authority::write_secret(&pki.join("server.key"), &own.key)?;
    let (private, public) = authority::token_keys()?;
    authority::write_secret(&pki.join("tokens.key"), &private)?;
    fs::write(pki.join("tokens.pub"), public)?;
    write_kubeconfig(&directory.join("admin.kubeconfig"), server, authority, "admin", &["system:masters"])?;
    let manager = directory.join("controller-manager.kubeconfig");
    write_kubeconfig(&manager, server, authority, "system:kube-controller-manager", &[])
}

fn write_kubeconfig(path: &Path, server: &Server, authority: &Authority, user: &str, groups: &[&str]) -> Result<()> {
    let kubeconfig: Value = credentials::by_certificate(server, &authority.person(user, groups)?);
    authority::write_secret(path, &kubeconfig.to_string())
}

/// The programs of one control plane.
struct Programs {
    control_plane: PathBuf,
    helm: Option<PathBuf>,
}

impl Programs {
    /// On a thread of its own: a build takes minutes, in which signals are still to be heard.
    async fn obtain(options: Options) -> Result<Self> {
        let obtain = move || {
            let control_plane = binaries::control_plane(options.kubernetes)?;
            Ok(Self { control_plane, helm: options.helm.then(binaries::helm).transpose()? })
        };
        tokio::task::spawn_blocking(obtain).await?
    }

    fn link(&self, bin: &Path) -> Result<()> {
        fs::create_dir(bin)?;
        for program in ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] {
            link(&self.control_plane.join(program), &bin.join(program))?;
        }
        self.helm.as_deref().map_or(Ok(()), |helm| link(helm, &bin.join("helm")))
    }
}

fn link(program: &Path, name: &Path) -> Result<()> {
    let program = fs::canonicalize(program).with_context(|| program.display().to_string())?;
    Ok(std::os::unix::fs::symlink(program, name)?)
}

fn aimed_at(mut kubeconfig: Kubeconfig, url: &str) -> Kubeconfig {
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        cluster.server = Some(url.to_owned());
    }
    kubeconfig
}

/// What a path answers; nothing if it refuses, or says nothing for 5 seconds.
async fn text(client: &Client, path: &str) -> String {
    let Ok(request) = http::Request::get(path).body(Vec::new()) else { return String::new() };
    let answer = tokio::time::timeout(Duration::from_secs(5), client.request_text(request)).await;
    answer.ok().and_then(Result::ok).unwrap_or_default()
}

/// Until the last controller has begun, a controller manager that cannot reach the API server gives up.
fn controllers_run(health: &str) -> bool {
    arguments::CONTROLLERS.iter().all(|name| health.contains(&format!("[+]{name} ok")))
}

fn url(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}
