//! The test fuse and the ConfigMap that it owns, in the operator's own namespace.
use super::{Cluster, Error, Operation};
use crate::api::names::FIELD_MANAGER;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::{batch::v1::Job, core::v1::ConfigMap};
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use kube::{Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// What became of something that was to be made.
#[derive(Clone, Debug)]
pub enum Made<K> {
    /// It is there, as the server stored it.
    Done(K),
    /// The server will not have it.
    Refused(String),
}

impl Cluster {
    /// What is there under the name of the test.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn fuse_test(&self, home: &str, name: &str) -> Result<(Option<Job>, Option<ConfigMap>), Error> {
        let (fuses, owned) = (self.at_home::<Job>(home), self.at_home::<ConfigMap>(home));
        tokio::try_join!(
            self.call(Operation::ReadFuse, fuses.get_opt(name)),
            self.call(Operation::ReadFuse, owned.get_opt(name)),
        )
    }
    /// Makes the test fuse.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn make_test_fuse(&self, fuse: &Job) -> Result<Made<Job>, Error> {
        self.make(fuse).await
    }
    /// Makes what it owns.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn make_owned(&self, owned: &ConfigMap) -> Result<Made<ConfigMap>, Error> {
        self.make(owned).await
    }
    /// Takes away what an earlier test left.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn clear_fuse_test(&self, fuse: Option<&Job>, owned: Option<&ConfigMap>) -> Result<(), Error> {
        if let Some(fuse) = fuse {
            self.clear(fuse).await?;
        }
        if let Some(owned) = owned {
            self.clear(owned).await?;
        }
        Ok(())
    }

    async fn make<K>(&self, object: &K) -> Result<Made<K>, Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Serialize + DeserializeOwned + Debug,
    {
        let api = self.at_home::<K>(&object.namespace().unwrap_or_default());
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
        match self.call(Operation::CreateFuse, api.create(&params, object)).await {
            Ok(made) => Ok(Made::Done(made)),
            Err(error) => match (error.code(), error.words()) {
                (Some(403 | 404 | 409 | 422), Some(words)) => Ok(Made::Refused(words.to_owned())),
                _ => Err(error),
            },
        }
    }
    async fn clear<K>(&self, object: &K) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let api = self.at_home::<K>(&object.namespace().unwrap_or_default());
        let exactly = Preconditions { uid: object.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(exactly), ..DeleteParams::background() };
        match self.call(Operation::DeleteFuse, api.delete(&object.name_any(), &params)).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(()), // gone, or another has the name now
            Err(error) => Err(error),
        }
    }
    fn at_home<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self, home: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), home)
    }
}
