//! Performs one [`Effect`], and stores a status. The only writes of the operator.
use super::{Cluster, Error, Operation};
use crate::api::grant::{AccessGrant, AccessGrantStatus};
use crate::api::names::FIELD_MANAGER;
use crate::api::policy::{AccessPolicy, AccessPolicyStatus};
use crate::api::request::{AccessRequest, AccessRequestStatus};
use crate::decide::effect::{Effect, Identity, Outcome};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// What people write in a status: the operator's patches leave it alone.
const PEOPLES: &[&str] = &["approvals", "close", "then", "reviews", "duties"];

/// What became of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is stored.
    Done,
    /// Somebody wrote in between: another pass decides anew.
    Conflict,
    /// The object is gone.
    Gone,
}

impl Cluster {
    /// One write, under one deadline.
    ///
    /// # Errors
    /// When the API server failed us and another try may help. What it will never accept is an [`Outcome::Refused`].
    pub async fn perform(&self, effect: &Effect) -> Result<Outcome, Error> {
        let client = || self.client.clone();
        match effect {
            Effect::CreateGrant(grant) => self.create(Operation::CreateGrant, Api::all(client()), grant.as_ref()).await,
            Effect::CreateFuse(fuse) => {
                self.create(Operation::CreateFuse, self.in_namespace_of(fuse.as_ref()), fuse.as_ref()).await
            }
            Effect::CreateBinding(b) => {
                self.create(Operation::CreateBinding, self.in_namespace_of(b.as_ref()), b.as_ref()).await
            }
            Effect::DeleteBinding(of) => {
                self.delete::<RoleBinding>(Operation::DeleteBinding, self.namespaced(of), of).await
            }
            Effect::DeleteFuse(of) => self.delete::<Job>(Operation::DeleteFuse, self.namespaced(of), of).await,
            Effect::DeleteGrant(of) => self.delete::<AccessGrant>(Operation::DeleteGrant, Api::all(client()), of).await,
        }
    }

    /// Stores what was found about a policy.
    ///
    /// # Errors
    /// As [`Self::store_request`].
    pub async fn store_policy(&self, read: &AccessPolicy, new: &AccessPolicyStatus) -> Result<Stored, Error> {
        self.store(Api::all(self.client.clone()), read, read.status.as_ref(), new).await
    }
    /// Stores what became of a request, but for the fields that people write.
    ///
    /// # Errors
    /// When the API server failed us, or refused it.
    pub async fn store_request(&self, read: &AccessRequest, new: &AccessRequestStatus) -> Result<Stored, Error> {
        self.store(self.in_namespace_of(read), read, read.status.as_ref(), new).await
    }
    /// Stores what became of a grant.
    ///
    /// # Errors
    /// As [`Self::store_request`].
    pub async fn store_grant(&self, read: &AccessGrant, new: &AccessGrantStatus) -> Result<Stored, Error> {
        self.store(Api::all(self.client.clone()), read, read.status.as_ref(), new).await
    }

    async fn store<K, S>(&self, api: Api<K>, read: &K, old: Option<&S>, new: &S) -> Result<Stored, Error>
    where
        K: Resource + Clone + DeserializeOwned + Debug,
        S: Serialize,
    {
        let first = old.is_none();
        let mut status = merge(&old.map_or_else(|| json!({}), |old| json!(old)), &json!(new));
        if let (Some(fields), false) = (status.as_object_mut(), first) {
            // Only the first status brings the empty list that people add to.
            PEOPLES.iter().for_each(|field| drop(fields.remove(*field)));
        }
        let patch = json!({"metadata": {"resourceVersion": read.resource_version()}, "status": status});
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
        let stored =
            self.call(Operation::WriteStatus, api.patch_status(&read.name_any(), &params, &Patch::Merge(&patch))).await;
        match stored {
            Ok(_) => Ok(Stored::Done),
            Err(error) if error.code() == Some(409) => Ok(Stored::Conflict),
            Err(error) if error.code() == Some(404) => Ok(Stored::Gone),
            Err(error) => Err(error),
        }
    }
    fn namespaced<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self, of: &Identity) -> Api<K> {
        Api::namespaced(self.client.clone(), of.namespace.as_deref().unwrap_or_default())
    }
    fn in_namespace_of<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self, object: &K) -> Api<K> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }
    async fn create<K>(&self, operation: Operation, api: Api<K>, object: &K) -> Result<Outcome, Error>
    where
        K: Clone + Serialize + DeserializeOwned + Debug,
    {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
        settled(self.call(operation, api.create(&params, object)).await.map(drop))
    }
    async fn delete<K>(&self, operation: Operation, api: Api<K>, of: &Identity) -> Result<Outcome, Error>
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let exactly = Preconditions { uid: Some(of.uid.clone()), resource_version: None };
        let params = DeleteParams { preconditions: Some(exactly), ..DeleteParams::background() };
        match settled(self.call(operation, api.delete(&of.name, &params)).await.map(drop))? {
            Outcome::AlreadyThere => Ok(Outcome::AlreadyGone), // another object has the name now
            outcome => Ok(outcome),
        }
    }
}

/// What a JSON merge patch (RFC 7396) must hold to make `new` of `old`.
fn merge(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let gone = old.keys().filter(|k| !new.contains_key(*k)).map(|k| (k.clone(), Value::Null));
            let changed = new.iter().filter(|(k, v)| old.get(*k) != Some(v));
            let changed = changed.map(|(k, v)| (k.clone(), merge(old.get(k).unwrap_or(&Value::Null), v)));
            Value::Object(gone.chain(changed).collect::<Map<_, _>>())
        }
        (_, new) => new.clone(),
    }
}

fn settled(result: Result<(), Error>) -> Result<Outcome, Error> {
    match result {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => match (error.code(), error.words()) {
            (Some(409), _) => Ok(Outcome::AlreadyThere),
            (Some(404), _) => Ok(Outcome::AlreadyGone),
            (Some(403 | 422), Some(words)) => Ok(Outcome::Refused(words.to_owned())),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_holds_what_changed_and_takes_away_what_is_gone() {
        let (old, new) = (json!({"a": 1, "b": {"c": [1], "d": 2}, "e": 3}), json!({"a": 1, "b": {"c": [2]}, "f": 4}));
        assert_eq!(merge(&old, &new), json!({"b": {"c": [2], "d": null}, "e": null, "f": 4}));
    }
}
