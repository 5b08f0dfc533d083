//! Live reads for what a policy names.
use super::{Cluster, Error, Operation};
use crate::api::policy::AccessPolicy;
use crate::decide::policy::{RoleSeen, places};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};
use kube::core::PartialObjectMeta;

impl Cluster {
    /// One policy; `None`: no such policy.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn policy(&self, name: &str) -> Result<Option<AccessPolicy>, Error> {
        let policies = Api::<AccessPolicy>::all(self.client.clone());
        self.call(Operation::ReadPolicy, policies.get_opt(name)).await
    }

    /// Every namespace's metadata: no more of it is needed, and there may be thousands.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn namespaces(&self) -> Result<Vec<PartialObjectMeta<Namespace>>, Error> {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let listed = self.call(Operation::ReadNamespace, namespaces.list_metadata(&ListParams::default())).await?;
        Ok(listed.items)
    }

    /// The roles that a policy names, each where it is looked for.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn roles_of(&self, policy: &AccessPolicy, namespaces: &[String]) -> Result<Vec<RoleSeen>, Error> {
        let read = places(policy, namespaces).into_iter().map(async |(access, namespace)| {
            let rules = self.rules(&access.role_ref, namespace).await?;
            Ok(RoleSeen { access: access.name.clone(), namespace: namespace.to_owned(), rules })
        });
        futures::future::try_join_all(read).await
    }
}
