//! Who holds the lease, with two operators in one process.
use super::{Bed, HOME, Standings, Task, becomes, installation, standings};
use curfew::cluster::Cluster;
use curfew::operate::clock::Clock;
use curfew::operate::lease;
use http::Request;
use k8s_openapi::api::coordination::v1::Lease;
use kube::client::Body;
use kube::{Api, Client};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::sleep;

struct Replica {
    standing: Standings,
    stop: Option<oneshot::Sender<()>>,
    task: Task,
}
impl Replica {
    fn new(cluster: Cluster, lease: &str) -> Self {
        let standing = standings(false);
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { drop(stopped.await) };
        let task = Task::new(lease::run(cluster, Clock::system(), installation(lease), standing.clone(), stopped));
        Self { standing, stop: Some(stop), task }
    }
    async fn holds_within(&self, seconds: u64) {
        becomes(&self.standing, seconds, |s| s.lease_held).await;
    }
    fn holds(&self) -> bool {
        self.standing.borrow().lease_held
    }
}

/// A client that can be cut off from the API server: calls then hang.
fn severable(client: Client) -> (Client, Arc<AtomicBool>) {
    let cut = Arc::new(AtomicBool::new(false));
    let severed = cut.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, severed) = (client.clone(), severed.clone());
        async move {
            if severed.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            client.send(request).await
        }
    });
    (Client::new(service, HOME), cut)
}

async fn spec(bed: &Bed, name: &str) -> k8s_openapi::api::coordination::v1::LeaseSpec {
    Api::<Lease>::namespaced(bed.admin.clone(), HOME).get(name).await.unwrap().spec.unwrap()
}

#[tokio::test]
async fn one_holds_it_and_hands_it_over_when_it_stops() {
    let bed = Bed::new().await;
    let mut first = Replica::new(bed.cluster().await, "handover");
    first.holds_within(5).await;
    let second = Replica::new(bed.cluster().await, "handover");
    sleep(Duration::from_secs(17)).await;
    assert!(first.holds() && !second.holds(), "renewed in time");
    first.stop.take().unwrap().send(()).unwrap();
    becomes(&first.standing, 2, |s| !s.lease_held).await;
    // Without a release it would be 13 s and more.
    second.holds_within(12).await;
    assert_eq!(spec(&bed, "handover").await.lease_transitions, Some(1));
    drop(first.task);
}

#[tokio::test]
async fn a_dead_holder_is_followed_after_fifteen_seconds_and_not_before() {
    let bed = Bed::new().await;
    let first = Replica::new(bed.cluster().await, "death");
    first.holds_within(5).await;
    let second = Replica::new(bed.cluster().await, "death");
    sleep(Duration::from_secs(2)).await;
    drop(first.task);
    let died = Instant::now();
    second.holds_within(30).await;
    assert!(died.elapsed() > Duration::from_secs(8), "too early: {:?}", died.elapsed());
}

#[tokio::test]
async fn a_holder_that_is_cut_off_stops_believing_before_another_begins() {
    let bed = Bed::new().await;
    let (client, cut) = severable(bed.operator().await);
    let first = Replica::new(Cluster::new(client), "partition");
    first.holds_within(5).await;
    let second = Replica::new(bed.cluster().await, "partition");
    sleep(Duration::from_secs(1)).await;
    cut.store(true, Ordering::SeqCst);
    let since = Instant::now();
    while !second.holds() {
        assert!(since.elapsed() < Duration::from_secs(30), "nobody follows");
        sleep(Duration::from_millis(20)).await;
        assert!(!(first.holds() && second.holds()), "two holders after {:?}", since.elapsed());
    }
    assert!(!first.holds());
    cut.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(7)).await;
    assert!(!first.holds() && second.holds(), "who comes back waits its turn");
}
