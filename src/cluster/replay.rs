//! What a replay reads: two lists, and nothing else.
use super::{Cluster, Error, Operation};
use crate::api::grant::AccessGrant;
use crate::api::request::AccessRequest;
use crate::decide::replay::Kept;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use std::sync::Arc;

impl Cluster {
    /// The requests that are kept of one policy, and every record; with the number of those that cannot be understood.
    ///
    /// # Errors
    /// When the API server failed us, or does not let us list both kinds in all namespaces.
    pub async fn kept(&self, policy: &str) -> Result<(Kept, usize), Error> {
        let of_policy = ListParams::default().fields(&format!("spec.policy={policy}"));
        let (requests, grants) = tokio::try_join!(
            self.pages::<DeserializeGuard<AccessRequest>>(Operation::ReadRequest, of_policy),
            self.pages::<DeserializeGuard<AccessGrant>>(Operation::ReadGrant, ListParams::default()),
        )?;
        let all = requests.len() + grants.len();
        let requests: Vec<_> = requests.into_iter().filter_map(|request| request.0.ok()).collect();
        let grants: Vec<_> = grants.into_iter().filter_map(|grant| grant.0.ok()).map(Arc::new).collect();
        let unread = all - requests.len() - grants.len();
        Ok((Kept { requests, grants }, unread))
    }
}
