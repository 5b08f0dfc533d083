//! The API server: the only module that reads from or writes to it. One call, one deadline.
pub mod admission;
pub mod clock;
pub mod connect;
pub mod error;
pub mod fuse_test;
pub mod lease;
pub mod policies;
pub mod read;
pub mod sweep;
pub mod tell;
pub mod trace;
pub mod write;

pub use error::{Error, Operation};
use std::time::Duration;

/// How long one call may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A connection that acts as the operator.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    deadline: Duration,
}
impl Cluster {
    /// # Assumptions
    /// `client` was built with `default_retry` off: the passes repeat, not the calls.
    pub fn new(client: kube::Client) -> Self {
        Self { client, deadline: DEADLINE }
    }
    /// The same with another limit on each call.
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// One call under the deadline.
    async fn call<T>(&self, operation: Operation, of: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
        match tokio::time::timeout(self.deadline, of).await {
            Ok(done) => done.map_err(|source| Error::Kube { operation, source: Box::new(source) }),
            Err(_) => Err(Error::Deadline { operation }),
        }
    }
}
