//! What a report reads: lists, page by page, and nothing else.
use super::{Cluster, Error, Operation};
use crate::api::request::AccessRequest;
use crate::decide::Now;
use crate::decide::report::{Seen, Window};
use crate::decide::standing::Whose;
use crate::decide::sweep::Listed;
use kube::api::ListParams;
use kube::core::DeserializeGuard;

impl Cluster {
    /// Everything that a report is made of; access past Curfew only where it is asked for.
    ///
    /// # Errors
    /// When the API server failed us, or does not let us list all of it: half a report is none.
    pub async fn seen(
        &self,
        window: Window,
        now: Now,
        with_standing: bool,
        shared_accounts: Vec<String>,
    ) -> Result<Seen, Error> {
        let standing = match with_standing {
            true => Some(self.standing(Whose::People, now.for_record()).await?),
            false => None,
        };
        // In this order: what something belongs to is made before it, so it is in the later list.
        let bindings = self.managed_bindings().await?;
        let grants = self.records().await?;
        let all: Vec<DeserializeGuard<AccessRequest>> =
            self.pages(Operation::ReadRequest, ListParams::default()).await?;
        let policies = self.policies().await?;
        let listed_requests = all.len();
        let requests: Vec<_> = all.into_iter().filter_map(|request| request.0.ok()).collect();
        let unread = grants.values().filter(|grant| grant.is_none()).count() + listed_requests - requests.len();
        let listed = Listed { bindings: Some(bindings), fuses: None, grants: Some(grants) };
        Ok(Seen { listed, requests, policies, standing, writes: None, unread, shared_accounts, window, now })
    }
}
