//! What people read and write with their own rights: three writes, a request and the two statuses that people may write in.
use super::{Cluster, Error, Operation};
use crate::api::{grant::AccessGrant, request::AccessRequest};
use futures::{Stream, StreamExt};
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, UserInfo};
use k8s_openapi::api::core::v1::Namespace;
use kube::CustomResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::{Value, json};

/// What this program is called in `managedFields`: what people write from it is theirs.
const FIELD_MANAGER: &str = "kubectl-access";

/// Which objects: a field selector, a label selector, both or none.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Only of this namespace; `None`: of all.
    pub namespace: Option<String>,
    /// Fields and their values; a value of somebody else breaks out of nothing.
    pub fields: Vec<(&'static str, String)>,
    /// As `kubectl get --selector` takes it.
    pub labels: Option<String>,
}
impl Which {
    /// Everything of one namespace, or of all.
    pub fn within(namespace: Option<String>) -> Self {
        Self { namespace, ..Self::default() }
    }
    /// Only those of which this field has this value.
    pub fn with(mut self, field: &'static str, value: &str) -> Self {
        self.fields.push((field, value.to_owned()));
        self
    }
    /// Records are in no namespace: their access is.
    pub(super) fn of_records(&self) -> ListParams {
        match &self.namespace {
            Some(namespace) => self.clone().with("spec.namespace", namespace).params(),
            None => self.params(),
        }
    }
    fn params(&self) -> ListParams {
        let fields = self.fields.iter().map(|(field, value)| format!("{field}={}", super::read::escaped(value)));
        let fields = fields.collect::<Vec<_>>().join(",");
        let params = if fields.is_empty() { ListParams::default() } else { ListParams::default().fields(&fields) };
        match &self.labels {
            Some(labels) => params.labels(labels),
            None => params,
        }
    }
}

impl Cluster {
    /// Who asks, as the API server authenticates them.
    ///
    /// # Errors
    /// When the API server failed us, or knows nobody.
    pub async fn whoami(&self) -> Result<UserInfo, Error> {
        let api = Api::<SelfSubjectReview>::all(self.client.clone());
        let (params, question) = (PostParams::default(), SelfSubjectReview::default());
        let said = self.call(Operation::ReadSelf, api.create(&params, &question)).await?;
        Ok(said.status.and_then(|status| status.user_info).unwrap_or_default())
    }

    /// One namespace; `None`: there is none, or the caller may not see it.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn visible_namespace(&self, name: &str) -> Result<Option<Namespace>, Error> {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        match self.call(Operation::ReadNamespace, namespaces.get_opt(name)).await {
            Err(error) if error.code() == Some(403) => Ok(None),
            read => read,
        }
    }

    /// Requests, the oldest first within a namespace.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn requests_of(&self, which: &Which) -> Result<Vec<AccessRequest>, Error> {
        let api = match &which.namespace {
            Some(namespace) => Api::<AccessRequest>::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        self.list(Operation::ReadRequest, api, which.params()).await
    }

    /// One request; `None`: there is none of that name.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn request_named(&self, namespace: &str, name: &str) -> Result<Option<AccessRequest>, Error> {
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), namespace);
        self.call(Operation::ReadRequest, api.get_opt(name)).await
    }

    /// Records: those of a namespace by where their access holds.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn records_of(&self, which: &Which) -> Result<Vec<AccessGrant>, Error> {
        self.list(Operation::ReadGrant, Api::<AccessGrant>::all(self.client.clone()), which.of_records()).await
    }

    /// One record as it is written, whatever release wrote it: its digests are of that. `None`: there is none.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn record_as_written(&self, name: &str) -> Result<Option<Value>, Error> {
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &AccessGrant::api_resource());
        let read = async {
            let found = api.get_opt(name).await?;
            found.map(|record| serde_json::to_value(record).map_err(kube::Error::SerdeError)).transpose()
        };
        self.call(Operation::ReadGrant, read).await
    }

    /// What becomes of one request, from now on: as it is, then each change; `None`: it is not there.
    pub fn request_changes(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Stream<Item = Option<AccessRequest>> + Send + use<> {
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), namespace);
        watcher::watch_object(api, name).default_backoff().filter_map(|read| std::future::ready(read.ok()))
    }

    /// The first write: files a request, or has the API server say what it would make of it. The manifest leaves the requester
    /// out, whom the API server stamps.
    ///
    /// # Errors
    /// When the API server failed us, or refuses it: [`Error::words`] says why.
    pub async fn file(&self, manifest: &Value, dry_run: bool) -> Result<AccessRequest, Error> {
        let params = PostParams { dry_run, field_manager: Some(FIELD_MANAGER.into()) };
        let filed = async {
            let manifest: DynamicObject = serde_json::from_value(manifest.clone()).map_err(kube::Error::SerdeError)?;
            let namespace = manifest.metadata.namespace.clone().unwrap_or_default();
            let api = Api::namespaced_with(self.client.clone(), &namespace, &AccessRequest::api_resource());
            let filed = api.create(&params, &manifest).await?;
            filed.try_parse().map_err(|error| kube::Error::Service(error.into()))
        };
        self.call(Operation::FileRequest, filed).await
    }
    /// The first write again: the same manifest, corrected, as `kubectl apply` sends it.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub async fn amend(&self, manifest: &Value, dry_run: bool) -> Result<AccessRequest, Error> {
        let namespace = manifest["metadata"]["namespace"].as_str().unwrap_or_default();
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), namespace);
        let params = PatchParams { dry_run, ..PatchParams::apply(FIELD_MANAGER).force() };
        self.call(Operation::FileRequest, api.patch(name, &params, &Patch::Apply(manifest))).await
    }

    /// The second write: a decision, appended while what was `shown` is still so: each of these fields of the status has
    /// rules of this digest.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub async fn decide(
        &self,
        namespace: &str,
        name: &str,
        decision: &Value,
        shown: &[(&str, String)],
    ) -> Result<AccessRequest, Error> {
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), namespace);
        let test = |(field, digest): &(&str, String)| json!({"op": "test", "path": format!("/status/{field}/rulesSha256"), "value": digest});
        let mut patch: Vec<Value> = shown.iter().map(test).collect();
        patch.push(json!({"op": "add", "path": "/status/approvals/-", "value": decision}));
        let patch: Patch<()> = Patch::Json(serde_json::from_value(json!(patch)).unwrap_or_default());
        self.call(Operation::WriteStatus, api.patch_status(name, &by_hand(), &patch)).await
    }
    /// The second write again: `close`, or `then`.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub async fn write_request(&self, namespace: &str, name: &str, status: &Value) -> Result<AccessRequest, Error> {
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), namespace);
        let patch = Patch::Merge(json!({"status": status}));
        self.call(Operation::WriteStatus, api.patch_status(name, &by_hand(), &patch)).await
    }

    /// The third write: `duties` of a record.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub async fn write_record(&self, name: &str, status: &Value) -> Result<AccessGrant, Error> {
        let api = Api::<AccessGrant>::all(self.client.clone());
        let patch = Patch::Merge(json!({"status": status}));
        self.call(Operation::WriteStatus, api.patch_status(name, &by_hand(), &patch)).await
    }
}

fn by_hand() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_cannot_break_out_of_its_field() {
        let which = Which::within(None).with("spec.user", "a,b=c").with("spec.ticket", "SUP-1");
        assert_eq!(which.params().field_selector.as_deref(), Some(r"spec.user=a\,b\=c,spec.ticket=SUP-1"));
        assert_eq!(Which::default().params().field_selector, None);
    }
}
