//! Live reads for standing access, and the ConfigMaps that keep what it was on other days.
use super::{Cluster, Error, Operation};
use crate::api::names::{FIELD_MANAGER, GRANT_LABEL, MANAGED_BY_LABEL};
use crate::api::subject::RoleRef;
use crate::api::time::Instant;
use crate::decide::policy::RoleSeen;
use crate::decide::standing::{self, Bound, Inventory, Slot, Whose};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, PolicyRule, RoleBinding};
use kube::api::{Api, ListParams, PostParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// How many objects come at once.
const PAGE: u32 = 100;
/// How many roles or snapshots are read at once.
const AT_ONCE: usize = 8;
/// The key of a snapshot in its ConfigMap.
const KEY: &str = "snapshot.json";

impl Cluster {
    /// All standing access to protected namespaces.
    ///
    /// # Errors
    /// When the API server failed us: half an inventory is none.
    pub async fn standing(&self, whose: Whose, at: Instant) -> Result<Inventory, Error> {
        let (protected, unmarked) = {
            let (policies, namespaces) = (self.policies().await?, self.namespaces().await?);
            (standing::protected(&policies, &namespaces), standing::unmarked(&namespaces))
        };
        let is_of_interest = |bound: &Bound| standing::is_of_interest(bound, &protected, whose);
        let foreign = ListParams::default().labels(&format!("!{GRANT_LABEL}"));
        let mut bounds = self.bounds(foreign, Bound::of_binding, is_of_interest).await?;
        let cluster = ListParams::default();
        bounds.extend(self.bounds(cluster, Bound::of_cluster_binding, is_of_interest).await?);
        let roles = self.roles_of_bindings(&bounds).await?;
        Ok(Inventory { unmarked, ..standing::inventory(protected, bounds, &roles, at) })
    }

    /// One binding; without a namespace, one that holds everywhere. `None`: there is none, or Curfew made it.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn bound(&self, namespace: Option<&str>, name: &str) -> Result<Option<Bound>, Error> {
        Ok(match namespace {
            Some(namespace) => {
                let api = Api::<RoleBinding>::namespaced(self.client.clone(), namespace);
                self.call(Operation::ReadBinding, api.get_opt(name)).await?.as_ref().and_then(Bound::of_binding)
            }
            None => {
                let api = Api::<ClusterRoleBinding>::all(self.client.clone());
                self.call(Operation::ReadBinding, api.get_opt(name)).await?.as_ref().and_then(Bound::of_cluster_binding)
            }
        })
    }

    /// What each of these roles gives; a Role is looked for where the binding is.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn offered(
        &self,
        roles: &[RoleRef],
        bound: &Bound,
    ) -> Result<Vec<(RoleRef, Option<Vec<PolicyRule>>)>, Error> {
        let place = bound.namespace.as_deref().unwrap_or_default();
        let read = roles.iter().map(async |role| Ok((role.clone(), self.rules(role, place).await?)));
        futures::future::try_join_all(read).await
    }

    /// Each page is cut down before the next one comes: a cluster may have many bindings, and most of them matter to nobody
    /// here.
    async fn bounds<K>(
        &self,
        params: ListParams,
        of: impl Fn(&K) -> Option<Bound>,
        keep: impl Fn(&Bound) -> bool,
    ) -> Result<Vec<Bound>, Error>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api = Api::<K>::all(self.client.clone());
        let (mut all, mut params) = (vec![], params.limit(PAGE));
        loop {
            let page = self.call(Operation::ReadBinding, api.list(&params)).await?;
            all.extend(page.items.iter().filter_map(&of).filter(&keep));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(all),
            }
        }
    }

    async fn roles_of_bindings(&self, bounds: &[Bound]) -> Result<Vec<RoleSeen>, Error> {
        let mut seen = BTreeSet::new();
        let distinct: Vec<_> =
            bounds.iter().filter(|b| seen.insert((b.role.to_string(), b.place().to_owned()))).collect();
        let read = |bound: &Bound| {
            let (role, place) = (bound.role.clone(), bound.place().to_owned());
            async move {
                let rules = self.rules(&role, &place).await?;
                Ok(RoleSeen { access: role.to_string(), namespace: place, rules })
            }
        };
        stream::iter(distinct.into_iter().map(read)).buffered(AT_ONCE).try_collect().await
    }

    /// The snapshots of these slots, as they are kept in that namespace. After the first, one that RBAC does not name is none:
    /// the chart may keep fewer.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn snapshots(&self, home: &str, slots: usize) -> Result<Vec<Slot>, Error> {
        let api = &Api::<ConfigMap>::namespaced(self.client.clone(), home);
        let read = |number: usize| async move {
            let name = standing::slot(number);
            let found = match self.call(Operation::ReadSnapshot, api.get_opt(&name)).await {
                Err(error) if number > 0 && error.code() == Some(403) => return Ok(None),
                found => found?,
            };
            let inventory = found.as_ref().and_then(|map| standing::read(map.data.as_ref()?.get(KEY)?));
            Ok(Some(Slot { version: found.and_then(|map| map.resource_version()), inventory, name }))
        };
        let all: Vec<Option<Slot>> = stream::iter((0..slots).map(read)).buffered(AT_ONCE).try_collect().await?;
        Ok(all.into_iter().flatten().collect())
    }

    /// Writes a snapshot in the place of what was read there; `false`: somebody else was first.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn keep_snapshot(&self, home: &str, slot: &Slot, line: String) -> Result<bool, Error> {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), home);
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
        let mut map = ConfigMap { data: Some(BTreeMap::from([(KEY.to_owned(), line)])), ..Default::default() };
        map.metadata.name = Some(slot.name.clone());
        map.metadata.resource_version.clone_from(&slot.version);
        map.metadata.labels = Some(BTreeMap::from([(MANAGED_BY_LABEL.into(), FIELD_MANAGER.into())]));
        let written = match slot.version {
            Some(_) => self.call(Operation::WriteSnapshot, api.replace(&slot.name, &params, &map)).await,
            None => self.call(Operation::WriteSnapshot, api.create(&params, &map)).await,
        };
        match written {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
