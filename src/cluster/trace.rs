//! What the caches keep of an object: enough to know what changed, and whom that concerns. Passes read the rest live.
use crate::api::subject::RoleRef;
use crate::api::time::Instant;
use crate::decide::duties;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The trace of an object: its identity, its labels, the policy that it names, its state; of a grant, and of a request that
/// has one, when it ends, and of a grant when it began; of a grant that may give access, its role and its person, who is known too where a duty is overdue; of a policy, whether it is ready and how many grants it
/// counts. Everything else may be anything: an object that cannot be
/// decoded does not stop a watch.
pub struct Trace<K> {
    meta: ObjectMeta,
    policy: Option<String>,
    state: Option<String>,
    expires_at: Option<Instant>,
    started_at: Option<Instant>,
    role: Option<RoleRef>,
    user: Option<String>,
    is_overdue: bool,
    has_second: bool,
    ready: Option<String>,
    active_grants: Option<i64>,
    kind: PhantomData<fn() -> K>,
}
impl<K> Trace<K> {
    /// `spec.policy`, where it is a name.
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }
    /// `status.state`.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
    /// `spec.expiresAt`, of a grant; `status.expiresAt`, of a request.
    pub fn expires_at(&self) -> Option<Instant> {
        self.expires_at
    }
    /// `status.startedAt`, of a grant.
    pub fn started_at(&self) -> Option<Instant> {
        self.started_at
    }
    /// `spec.roleRef` of a grant that may give access.
    pub fn role(&self) -> Option<&RoleRef> {
        self.role.as_ref()
    }
    /// `spec.user` of a grant that may give access.
    pub fn holder(&self) -> Option<&str> {
        self.user.as_deref().filter(|_| self.role.is_some())
    }
    /// `spec.user` of a grant on which a duty is overdue.
    pub fn debtor(&self) -> Option<&str> {
        self.user.as_deref().filter(|_| self.is_overdue)
    }
    /// Whether a request asks for a second access, or has a second record.
    pub fn has_second(&self) -> bool {
        self.has_second
    }
    /// The reason of condition `Ready`, of a policy.
    pub fn ready(&self) -> Option<&str> {
        self.ready.as_deref()
    }
    /// `status.activeGrants`, of a policy.
    pub fn active_grants(&self) -> Option<i64> {
        self.active_grants
    }
}

/// What is read of `metadata`: not `managedFields`, which are most of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    generation: Option<i64>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}
#[derive(Deserialize)]
struct Raw {
    metadata: Meta,
    spec: Option<Value>,
    status: Option<Value>,
}
impl<'de, K> Deserialize<'de> for Trace<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Raw { metadata: Meta { name, namespace, uid, generation, resource_version, labels }, spec, status } =
            Raw::deserialize(deserializer)?;
        let text = |of: Option<&Value>, field: &str| of?.get(field)?.as_str().map(str::to_owned);
        let meta = ObjectMeta { name, namespace, uid, generation, resource_version, labels, ..Default::default() };
        let (policy, state) = (text(spec.as_ref(), "policy"), text(status.as_ref(), "state"));
        let end = |of: Option<&Value>| Instant::deserialize(of?.get("expiresAt")?).ok();
        let granted = end(spec.as_ref());
        let expires_at = granted.or_else(|| end(status.as_ref()));
        let started_at = status.as_ref().and_then(|s| Instant::deserialize(s.get("startedAt")?).ok());
        let has = |of: &Option<Value>, field: &str| of.as_ref().is_some_and(|of| of.get(field).is_some());
        let has_second = has(&spec, "then") || has(&status, "thenGrant");
        // Nobody looks for the role of what is over, and there may be thousands.
        let is_live = granted.is_some() && text(status.as_ref(), "endReason").is_none();
        let is_overdue = duties::is_overdue(text(status.as_ref(), "dutiesState").as_deref());
        let user = text(spec.as_ref(), "user").filter(|_| is_live || is_overdue);
        let role = spec.filter(|_| is_live).and_then(|mut s| serde_json::from_value(s.get_mut("roleRef")?.take()).ok());
        let (ready, active_grants) = status.map_or((None, None), |s| (ready(&s), s["activeGrants"].as_i64()));
        Ok(Self {
            meta,
            policy,
            state,
            expires_at,
            started_at,
            role,
            user,
            is_overdue,
            has_second,
            ready,
            active_grants,
            kind: PhantomData,
        })
    }
}
fn ready(status: &Value) -> Option<String> {
    let ready = status.get("conditions")?.as_array()?.iter().find(|c| c["type"] == "Ready")?;
    ready["reason"].as_str().map(str::to_owned)
}
impl<K> Clone for Trace<K> {
    fn clone(&self) -> Self {
        Self {
            meta: self.meta.clone(),
            policy: self.policy.clone(),
            state: self.state.clone(),
            role: self.role.clone(),
            user: self.user.clone(),
            ready: self.ready.clone(),
            ..*self
        }
    }
}
impl<K> fmt::Debug for Trace<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("name", &self.meta.name).field("state", &self.state).finish_non_exhaustive()
    }
}
impl<K: Resource> Resource for Trace<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;
    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(of)
    }
    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        K::group(of)
    }
    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        K::version(of)
    }
    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(of)
    }
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request::AccessRequest;
    use kube::ResourceExt;
    use serde_json::json;

    #[test]
    fn an_object_that_nobody_can_decode_still_leaves_a_trace() {
        let odd = json!({"metadata": {"name": "odd", "namespace": "billing", "managedFields": [{"manager": "x"}]}, "spec": {"policy": 7, "duration": "∞"}, "status": []});
        let trace: Trace<AccessRequest> = serde_json::from_value(odd).unwrap();
        assert_eq!((trace.name_any().as_str(), trace.policy(), trace.state()), ("odd", None, None));
        assert!(trace.managed_fields().is_empty());
    }
    #[test]
    fn a_trace_knows_policy_and_state() {
        let filed = json!({"metadata": {"name": "sup-1"}, "spec": {"policy": "p"}, "status": {"state": "Waiting"}});
        let trace: Trace<AccessRequest> = serde_json::from_value(filed).unwrap();
        assert_eq!((trace.policy(), trace.state()), (Some("p"), Some("Waiting")));
    }
    #[test]
    fn a_trace_of_a_grant_knows_when_it_ends() {
        let of = |end: &str| -> Trace<AccessRequest> {
            serde_json::from_value(json!({"metadata": {"name": "g"}, "spec": {"expiresAt": end}})).unwrap()
        };
        let end = of("2026-12-01T09:30:00Z").expires_at().map(|end| end.to_string());
        assert_eq!(end.as_deref(), Some("2026-12-01T09:30:00Z"));
        assert_eq!(of("soon").expires_at(), None);
    }
    #[test]
    fn a_trace_of_a_grant_knows_its_role_while_it_may_give_access() {
        let of = |status: serde_json::Value| -> Option<String> {
            let spec =
                json!({"expiresAt": "2026-12-01T09:30:00Z", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}});
            let trace: Trace<AccessRequest> =
                serde_json::from_value(json!({"metadata": {"name": "g"}, "spec": spec, "status": status})).unwrap();
            trace.role().map(ToString::to_string)
        };
        assert_eq!(of(json!({})).as_deref(), Some("ClusterRole curfew-logs"));
        assert_eq!(of(json!({"endReason": "Expired"})), None);
    }
    #[test]
    fn a_trace_of_a_request_knows_when_its_access_ends() {
        let status = json!({"state": "Bound", "expiresAt": "2026-12-01T09:30:00Z"});
        let request = json!({"metadata": {"name": "sup-1"}, "spec": {"policy": "p"}, "status": status});
        let trace: Trace<AccessRequest> = serde_json::from_value(request).unwrap();
        assert_eq!(trace.expires_at().map(|end| end.to_string()).as_deref(), Some("2026-12-01T09:30:00Z"));
    }
    #[test]
    fn a_trace_of_a_policy_knows_whether_it_is_ready_and_what_it_counts() {
        let status =
            json!({"activeGrants": 3, "conditions": [{"type": "Ready", "status": "False", "reason": "NoRole"}]});
        let policy = json!({"metadata": {"name": "p", "generation": 2}, "spec": {}, "status": status});
        let trace: Trace<AccessRequest> = serde_json::from_value(policy).unwrap();
        assert_eq!((trace.ready(), trace.active_grants(), trace.meta().generation), (Some("NoRole"), Some(3), Some(2)));
    }
}
