//! The lease that replicas share.
use super::{Cluster, Error, Operation};
use crate::api::names::FIELD_MANAGER;
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use kube::api::{Api, PostParams};

impl Cluster {
    /// The lease; `None`: there is none.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn lease(&self, home: &str, name: &str) -> Result<Option<Lease>, Error> {
        let api = Api::<Lease>::namespaced(self.client.clone(), home);
        self.call(Operation::ReadLease, api.get_opt(name)).await
    }

    /// Writes a lease over the version that it carries, or where none is; `None`: somebody else was first.
    ///
    /// # Errors
    /// When the API server failed us: it may have been written.
    pub async fn write_lease(&self, lease: &Lease) -> Result<Option<Lease>, Error> {
        let api = Api::<Lease>::namespaced(self.client.clone(), &lease.namespace().unwrap_or_default());
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
        let written = match lease.metadata.resource_version {
            Some(_) => self.call(Operation::WriteLease, api.replace(&lease.name_any(), &params, lease)).await,
            None => self.call(Operation::WriteLease, api.create(&params, lease)).await,
        };
        match written {
            Ok(stored) => Ok(Some(stored)),
            Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
