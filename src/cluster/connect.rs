//! How to reach the API server: what the kubeconfig or the Pod says, and limits that are ours.
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a watch may stay silent before it is closed by the server: watches ask for no longer one.
pub const WATCH: Duration = Duration::from_secs(60);
/// By what the API server's audit log tells this program from others that act with the same account.
pub const USER_AGENT: &str = concat!("curfew/", env!("CARGO_PKG_VERSION"));
/// How long a connection may stay silent; longer than a watch, or every quiet watch would break off.
const SILENCE: Duration = Duration::from_secs(90);
/// How long a connection may take to be made: most of a call's time is left for the call.
const CONNECT: Duration = Duration::from_secs(4);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NoWay {
    /// The file cannot be read.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// There is neither a kubeconfig nor a Pod's service account.
    #[error("found neither a kubeconfig nor a Pod's service account")]
    Nowhere(#[from] kube::config::InferConfigError),
    /// The configuration makes no client.
    #[error("the configuration makes no client")]
    Client(#[source] Box<kube::Error>),
}

/// What to connect with: this kubeconfig, or what is found (a kubeconfig, then the Pod's service account).
///
/// # Errors
/// When there is nothing to connect with. Nothing is sent yet.
pub async fn config(kubeconfig: Option<&Path>) -> Result<Config, NoWay> {
    let found = match kubeconfig {
        Some(path) => {
            Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await?,
    };
    Ok(bounded(found))
}

/// Who connects, and to which cluster: what `kubectl` takes as flags.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The kubeconfig; `None`: `KUBECONFIG`, then the one in the home directory, then the Pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; `None`: its current one.
    pub context: Option<String>,
    /// Whom to act as; `None`: oneself.
    pub as_user: Option<String>,
    /// In which groups, where somebody else is acted as.
    pub as_groups: Vec<String>,
}

/// What a person connects with: their kubeconfig, as `kubectl` reads it.
///
/// # Errors
/// As [`config`].
pub async fn of_person(way: &Way, user_agent: &'static str) -> Result<Config, NoWay> {
    let options = KubeConfigOptions { context: way.context.clone(), ..Default::default() };
    let mut found = match (&way.kubeconfig, &way.context) {
        (Some(path), _) => Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?,
        (None, Some(_)) => Config::from_kubeconfig(&options).await?,
        (None, None) => Config::infer().await?,
    };
    if way.as_user.is_some() {
        found.auth_info.impersonate = way.as_user.clone();
        found.auth_info.impersonate_groups = (!way.as_groups.is_empty()).then(|| way.as_groups.clone());
    }
    let mut found = bounded(found);
    found.headers.retain(|(name, _)| name != http::header::USER_AGENT);
    found.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(user_agent)));
    Ok(found)
}

/// A client with connections of its own.
///
/// # Errors
/// When the configuration is not usable. Nothing is sent yet.
pub fn client(config: Config) -> Result<Client, NoWay> {
    Client::try_from(config).map_err(|e| NoWay::Client(Box::new(e)))
}

pub(super) fn bounded(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    config.write_timeout = Some(super::DEADLINE);
    // Else the time that a pooled connection sat idle would count against the next answer.
    config.reset_reader_on_write = true;
    // The passes repeat, not the calls.
    config.default_retry = false;
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(USER_AGENT)));
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_retried_or_waits_for_ever_and_no_quiet_watch_breaks_off() {
        let config = bounded(Config::new(http::Uri::from_static("https://127.0.0.1:1")));
        assert!(!config.default_retry);
        assert!(config.connect_timeout < Some(super::super::DEADLINE));
        assert!(config.read_timeout > Some(WATCH) && config.write_timeout.is_some() && config.reset_reader_on_write);
    }
    #[tokio::test]
    async fn a_kubeconfig_that_is_not_there_is_named_as_the_cause() {
        let error = config(Some(Path::new("/nonexistent/kubeconfig"))).await.err().unwrap();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(matches!(error, NoWay::Kubeconfig(_)) && cause.contains("/nonexistent"), "{error}: {cause}");
    }
}
