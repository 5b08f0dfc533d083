//! Tests that change the whole installation or stop parts of the control plane: one at a time, on a control plane of their
//! own: `curfew-testbed run -- cargo test --test alone -- --test-threads=1`.
#![allow(missing_docs, clippy::disallowed_methods, reason = "tests read the clock")]
mod attested;
mod clock;
mod dead;
mod fuses;
mod guard;
mod lease;
mod record;

use curfew::api::admission::{Protection, protections};
use curfew::cluster::Cluster;
use curfew::decide::{Installation, Standing};
use curfew_testbed::chart::{self, install_for_tests};
use curfew_testbed::connection::Connection;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, watch};
use tokio::time::timeout;

const HOME: &str = "curfew";
static INSTALLED: OnceCell<()> = OnceCell::const_new();

/// The control plane, with the chart as Helm installs it.
struct Bed {
    connection: Connection,
    admin: Client,
}

impl Bed {
    async fn new() -> Self {
        drop(tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::INFO).try_init());
        let connection = Connection::from_env().unwrap();
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/curfew");
        INSTALLED.get_or_init(|| async { install_for_tests(&connection, &chart).await.unwrap() }).await;
        let admin = connection.client(&connection.admin()).await.unwrap();
        Self { connection, admin }
    }
    /// A client that acts as the operator, with the rights that the chart gives it and no others.
    async fn operator(&self) -> Client {
        Api::<ServiceAccount>::namespaced(self.admin.clone(), HOME).get("curfew").await.unwrap();
        let kubeconfig = self.connection.service_account(HOME, "curfew").await.unwrap();
        self.connection.client(&kubeconfig).await.unwrap()
    }
    async fn cluster(&self) -> Cluster {
        Cluster::new(self.operator().await)
    }
}

/// An installation with a lease of this test's own.
fn installation(lease: &str) -> Installation {
    chart::installation("curfew-0", lease)
}

fn must() -> Vec<Protection> {
    let installation = installation("any");
    protections(&installation.operator, &installation.sweeper).unwrap()
}

type Standings = Arc<watch::Sender<Standing>>;

fn standings(lease_held: bool) -> Standings {
    Arc::new(watch::Sender::new(Standing { lease_held, ..Standing::unknown() }))
}

/// Waits until it stands so, and says how.
async fn becomes(standing: &Standings, within: u64, so: impl Fn(&Standing) -> bool) -> Standing {
    let mut seen = standing.subscribe();
    match timeout(Duration::from_secs(within), seen.wait_for(|s| so(s))).await {
        Ok(stands) => stands.unwrap().clone(),
        Err(_) => panic!("after {within} s it stands: {:?}", standing.borrow()),
    }
}

/// A task that ends with the test.
struct Task(tokio::task::JoinHandle<()>);
impl Task {
    fn new(of: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(of))
    }
}
impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
