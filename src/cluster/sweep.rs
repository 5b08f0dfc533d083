//! What a sweep reads: everything that carries the label, and every grant, a page at a time.
use super::{Cluster, Error, Operation};
use crate::api::grant::AccessGrant;
use crate::api::names::GRANT_LABEL;
use crate::api::reasons::Approved;
use crate::api::request::AccessRequest;
use crate::decide::sweep::Records;
use k8s_openapi::api::{batch::v1::Job, rbac::v1::RoleBinding};
use kube::api::{Api, ListParams};
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// How many objects come at once.
const PAGE: u32 = 500;

impl Cluster {
    /// Every binding that carries the label.
    ///
    /// # Errors
    /// When the API server failed us: part of a list is no list.
    pub async fn managed_bindings(&self) -> Result<Vec<RoleBinding>, Error> {
        self.pages(Operation::ReadBinding, ListParams::default().labels(GRANT_LABEL)).await
    }
    /// Every fuse that carries the label.
    ///
    /// # Errors
    /// As [`Self::managed_bindings`].
    pub async fn managed_fuses(&self) -> Result<Vec<Job>, Error> {
        self.pages(Operation::ReadFuse, ListParams::default().labels(GRANT_LABEL)).await
    }
    /// Every grant. One that cannot be understood is there all the same.
    ///
    /// # Errors
    /// As [`Self::managed_bindings`].
    pub async fn records(&self) -> Result<Records, Error> {
        let all: Vec<DeserializeGuard<AccessGrant>> = self.pages(Operation::ReadGrant, ListParams::default()).await?;
        Ok(all.into_iter().map(|grant| (grant.uid().unwrap_or_default(), grant.0.ok())).collect())
    }

    /// The requests that wait for somebody's decision.
    ///
    /// # Errors
    /// As [`Self::managed_bindings`].
    pub async fn undecided(&self) -> Result<Vec<AccessRequest>, Error> {
        let mut undecided = vec![];
        for state in [Approved::Waiting, Approved::AtOnce].map(<&str>::from) {
            let params = ListParams::default().fields(&format!("status.state={state}"));
            let all: Vec<DeserializeGuard<AccessRequest>> = self.pages(Operation::ReadRequest, params).await?;
            undecided.extend(all.into_iter().filter_map(|request| request.0.ok()));
        }
        Ok(undecided)
    }

    /// Every object of one kind that is asked for, page by page.
    pub(super) async fn pages<K>(&self, operation: Operation, params: ListParams) -> Result<Vec<K>, Error>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api = Api::<K>::all(self.client.clone());
        let (mut all, mut params) = (Vec::new(), params.limit(PAGE));
        loop {
            let mut page = self.call(operation, api.list(&params)).await?;
            page.items.iter_mut().for_each(|k| k.meta_mut().managed_fields = None);
            all.append(&mut page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(all),
            }
        }
    }
}
