//! What protects decisions, as it is live; and the epoch that the guard records.
use super::{Cluster, Error, Operation};
use crate::api::admission::{Kind, Protection};
use crate::api::names;
use crate::decide::guard::{Epoch, Live};
use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// What was found in the place of the epoch.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The epoch; `None` where there is none, or where it cannot be read.
    pub epoch: Option<Epoch>,
    /// The version of what is stored there, whatever it is.
    version: Option<String>,
}

impl Cluster {
    /// Everything that `must` be live, and is.
    ///
    /// Read as it is stored, not through our types: a field that they do not know is a difference too.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn admission(&self, must: &[Protection]) -> Result<Vec<Live>, Error> {
        let definitions = must.iter().filter(|m| m.kind == Kind::Definition).map(|m| self.definition(&m.name));
        let (policies, bindings, definitions) = tokio::try_join!(
            self.every::<ValidatingAdmissionPolicy>(),
            self.every::<ValidatingAdmissionPolicyBinding>(),
            futures::future::try_join_all(definitions),
        )?;
        let policies = policies.into_iter().map(|o| live(Kind::Policy, o));
        let bindings = bindings.into_iter().map(|o| live(Kind::Binding, o));
        let definitions = definitions.into_iter().flatten().map(|o| live(Kind::Definition, o));
        Ok(policies.chain(bindings).chain(definitions).collect())
    }

    /// Tells whenever a policy or a binding of one of these names may have changed.
    pub fn admission_changes(&self, must: &[Protection]) -> impl Stream<Item = ()> + Send + use<> {
        let names: Vec<String> = must.iter().map(|m| m.name.clone()).collect();
        stream::select(
            self.changes::<ValidatingAdmissionPolicy>(names.clone()),
            self.changes::<ValidatingAdmissionPolicyBinding>(names),
        )
    }

    /// The recorded epoch.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn epoch(&self, home: &str) -> Result<Recorded, Error> {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), home);
        let Some(found) = self.call(Operation::ReadEpoch, api.get_opt(names::EPOCH)).await? else {
            return Ok(Recorded::default());
        };
        Ok(Recorded { version: found.resource_version(), epoch: Epoch::from_data(found.data.unwrap_or_default()) })
    }

    /// Records an epoch in the place of what was read there; `false`: somebody else was first.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn record_epoch(&self, home: &str, epoch: &Epoch, over: &Recorded) -> Result<bool, Error> {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), home);
        let params = PostParams { field_manager: Some(names::FIELD_MANAGER.into()), ..Default::default() };
        let mut map = ConfigMap { data: Some(epoch.to_data()), ..Default::default() };
        map.metadata.name = Some(names::EPOCH.into());
        map.metadata.resource_version.clone_from(&over.version);
        map.metadata.labels = Some(BTreeMap::from([(names::MANAGED_BY_LABEL.into(), names::FIELD_MANAGER.into())]));
        let written = match over.version {
            Some(_) => self.call(Operation::WriteEpoch, api.replace(names::EPOCH, &params, &map)).await,
            None => self.call(Operation::WriteEpoch, api.create(&params, &map)).await,
        };
        match written {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn every<K: Resource<DynamicType = ()>>(&self) -> Result<Vec<DynamicObject>, Error> {
        let api = Api::all_with(self.client.clone(), &ApiResource::erase::<K>(&()));
        Ok(self.call(Operation::ReadAdmission, api.list(&ListParams::default())).await?.items)
    }
    async fn definition(&self, name: &str) -> Result<Option<DynamicObject>, Error> {
        let api = Api::all_with(self.client.clone(), &ApiResource::erase::<CustomResourceDefinition>(&()));
        self.call(Operation::ReadAdmission, api.get_opt(name)).await
    }
    fn changes<K>(&self, names: Vec<String>) -> impl Stream<Item = ()> + Send + use<K>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let api = Api::<PartialObjectMeta<K>>::all(self.client.clone());
        watcher(api, Config::default().timeout(60)).default_backoff().filter_map(move |event| {
            let ours = match event {
                Ok(Event::Apply(o) | Event::Delete(o)) => names.contains(&o.name_any()),
                Ok(Event::InitDone) => true,
                Ok(Event::Init | Event::InitApply(_)) => false,
                Err(error) => {
                    let error = &error as &(dyn std::error::Error + 'static);
                    tracing::warn!(
                        kind = &*K::kind(&()),
                        operation = <&str>::from(Operation::Watch),
                        error,
                        "watch failed"
                    );
                    false
                }
            };
            std::future::ready(ours.then_some(()))
        })
    }
}

fn live(kind: Kind, mut object: DynamicObject) -> Live {
    Live {
        kind,
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
        generation: object.metadata.generation.unwrap_or_default(),
        spec: object.data["spec"].take(),
    }
}
