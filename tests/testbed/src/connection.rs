//! What a test holds of a running control plane, in whatever process it is.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{
    authority::Authority,
    control::{self, Order},
    credentials::{self, Server},
    kubernetes::Kubernetes,
    settings,
};

const SERVER: &str = "server.json";

/// A control plane that runs: its directory holds all that is needed to act as anybody.
///
/// | path | what |
/// |---|---|
/// | `admin.kubeconfig` | `admin`, member of `system:masters` |
/// | `server.json` | URL and authority of the API server |
/// | `pki/ca.crt`, `pki/ca.key` | signs the certificates of people |
/// | `users/` | kubeconfigs of people and ServiceAccounts |
/// | `bin/kubectl`, `bin/helm`, … | the programs |
/// | `audit.log` | one JSON object a line, level Metadata |
/// | `control.sock` | takes an [`Order`] |
/// | `logs/` | what the processes print, and their pids |
#[derive(Debug, Clone)]
pub struct Connection {
    directory: PathBuf,
    server: Server,
}

/// A ServiceAccount as a process in a Pod holds it.
#[derive(Debug, Clone)]
pub struct BoundAccount {
    /// The Pod that the token is bound to.
    pub pod: String,
    /// Acts as the account.
    pub kubeconfig: PathBuf,
}

impl Connection {
    /// The one that `curfew-testbed run` has started for this process (`CURFEW_BED`).
    pub fn from_env() -> Result<Self> {
        let directory = settings::path(settings::BED).with_context(|| {
            format!(
                "{} is not set: run the tests with `cargo run -p curfew-testbed -- run -- cargo test`",
                settings::BED
            )
        })?;
        Self::open(&directory)
    }

    /// The one in this directory.
    pub fn open(directory: &Path) -> Result<Self> {
        let path = directory.join(SERVER);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self { directory: directory.to_path_buf(), server: serde_json::from_str(&text)? })
    }

    pub(crate) fn create(directory: &Path, server: Server) -> Result<Self> {
        fs::write(directory.join(SERVER), serde_json::to_string(&server)?)?;
        Ok(Self { directory: directory.to_path_buf(), server })
    }

    /// Where all of it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The kubeconfig of `admin`, member of `system:masters`.
    pub fn admin(&self) -> PathBuf {
        self.directory.join("admin.kubeconfig")
    }

    /// `https://127.0.0.1:<port>` and the authority that vouches for it.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The `kubectl` of the same version as the API server.
    pub fn kubectl(&self) -> PathBuf {
        self.directory.join("bin/kubectl")
    }

    /// The pinned Helm.
    pub fn helm(&self) -> PathBuf {
        self.directory.join("bin/helm")
    }

    /// The audit log: one JSON object a line, level Metadata, written at the end of each request.
    pub fn audit_log(&self) -> PathBuf {
        self.directory.join("audit.log")
    }

    /// The version of Kubernetes that runs.
    pub fn kubernetes(&self) -> Result<Kubernetes> {
        fs::read_to_string(self.directory.join("kubernetes"))?.trim().parse()
    }

    /// A kubeconfig for a person: user name and groups stand in a client certificate.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<PathBuf> {
        let authority = Authority::load(&self.directory.join("pki"))?;
        credentials::person(&self.directory.join("users"), &authority, &self.server, name, groups)
    }

    /// A kubeconfig for a ServiceAccount by a token that is bound to a Pod made for it, as the kubelet would do.
    ///
    /// Its requests carry `authentication.kubernetes.io/pod-name`. The account must exist.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        Ok(self.bound_account(namespace, name).await?.kubeconfig)
    }

    /// The same, with the name of that Pod.
    pub async fn bound_account(&self, namespace: &str, name: &str) -> Result<BoundAccount> {
        let client = self.client(&self.admin()).await?;
        let pod = credentials::idle_pod(&client, namespace, name).await?;
        let token = credentials::token(&client, namespace, name, Some(&pod)).await?;
        let pod = pod.metadata.name.unwrap_or_default();
        Ok(BoundAccount { kubeconfig: self.keep_token(&format!("{namespace}.{pod}"), &token)?, pod })
    }

    /// A kubeconfig for a ServiceAccount by a token bound to nothing, as `kubectl create token` gives it to anyone who
    /// may ask.
    pub async fn loose_service_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let client = self.client(&self.admin()).await?;
        let token = credentials::token(&client, namespace, name, None).await?;
        self.keep_token(&format!("{namespace}.{name}.loose"), &token)
    }

    /// A client that acts as the owner of a kubeconfig and does not repeat refused requests by itself.
    pub async fn client(&self, kubeconfig: &Path) -> Result<Client> {
        client(&Kubeconfig::read_from(kubeconfig).with_context(|| kubeconfig.display().to_string())?).await
    }

    /// Kills kube-controller-manager. Job, TTL, garbage collection and namespace deletion stand still for **all** tests
    /// on this control plane.
    pub async fn stop_controller_manager(&self) -> Result<()> {
        self.order(Order::StopControllerManager).await
    }

    /// Starts kube-controller-manager again, and returns when each controller works.
    pub async fn start_controller_manager(&self) -> Result<()> {
        self.order(Order::StartControllerManager).await
    }

    /// Kills the API server and starts it again on the same port; returns when it is ready.
    pub async fn restart_api_server(&self) -> Result<()> {
        self.order(Order::RestartApiServer).await
    }

    async fn order(&self, order: Order) -> Result<()> {
        control::send(&self.directory, order).await
    }

    fn keep_token(&self, name: &str, token: &str) -> Result<PathBuf> {
        let users = self.directory.join("users");
        fs::create_dir_all(&users)?;
        let path = users.join(format!("{name}.kubeconfig"));
        crate::authority::write_secret(&path, &credentials::by_token(&self.server, token).to_string())?;
        Ok(path)
    }
}

/// A client for a kubeconfig: ten seconds for a connection, no repetition of refused requests.
pub(crate) async fn client(kubeconfig: &Kubeconfig) -> Result<Client> {
    // An error means that the process has chosen its provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(10));
    Ok(Client::try_from(config)?)
}
