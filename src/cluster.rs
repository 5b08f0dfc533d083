//! The API server: the only module that reads from or writes to it. One call, one deadline.
pub mod admission;
pub mod clock;
pub mod connect;
pub mod error;
pub mod fuse_test;
pub mod lease;
pub mod people;
pub mod policies;
pub mod post;
pub mod read;
pub mod replay;
pub mod report;
pub mod standing;
pub mod sweep;
pub mod tell;
pub mod trace;
pub mod write;

pub use error::{Error, Operation};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long one call may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A connection that acts as the operator.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    deadline: Duration,
    places: Option<Arc<Semaphore>>,
}
impl Cluster {
    /// # Assumptions
    /// `client` was built with `default_retry` off: the passes repeat, not the calls.
    pub fn new(client: kube::Client) -> Self {
        Self { client, deadline: DEADLINE, places: None }
    }
    /// The same with another limit on each call.
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }
    /// The same with no more calls under way than this; the others wait for their turn, and the deadline with them.
    pub fn with_places(self, places: usize) -> Self {
        Self { places: Some(Arc::new(Semaphore::new(places))), ..self }
    }

    /// One call under the deadline.
    async fn call<T>(&self, operation: Operation, of: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
        let in_turn = async {
            let _place = match &self.places {
                Some(places) => places.acquire().await.ok(),
                None => None,
            };
            of.await
        };
        match tokio::time::timeout(self.deadline, in_turn).await {
            Ok(done) => done.map_err(|source| Error::Kube { operation, source: Box::new(source) }),
            Err(_) => Err(Error::Deadline { operation }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use http::{Request, Response};
    use kube::client::Body;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn no_more_calls_are_under_way_than_there_are_places() {
        let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, peak) = (under_way.clone(), most.clone());
        let service = tower::service_fn(move |_: Request<Body>| {
            let (count, peak) = (count.clone(), peak.clone());
            async move {
                peak.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                count.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, std::convert::Infallible>(Response::new(Body::from(br#"{"items": []}"#.to_vec())))
            }
        });
        let cluster = Cluster::new(kube::Client::new(service, "default")).with_places(3);
        let done = join_all((0..20).map(|_| cluster.active_grants_under("p"))).await;
        assert!(done.iter().all(Result::is_ok));
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }
}
