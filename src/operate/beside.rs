//! What a request is judged by beside itself, its policy and its namespace.
use crate::api::grant::AccessGrant;
use crate::api::policy::{Access, AccessPolicy};
use crate::api::request::AccessRequest;
use crate::cluster::{Cluster, Error};
use crate::decide::duties::Missed;
use crate::decide::{screening, second};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::ResourceExt;
use std::sync::Arc;

/// What was read. Nothing of it where nothing is to be judged.
#[derive(Default)]
pub(super) struct Beside {
    /// What the role allows that the request asks for; `None`: there is no such role.
    pub rules: Option<Vec<PolicyRule>>,
    /// The same for the access that it asks for second.
    pub then_rules: Option<Vec<PolicyRule>>,
    /// This person's grants that have not ended.
    pub live: Vec<Arc<AccessGrant>>,
    /// What a renewal is judged by.
    pub earlier: Vec<Arc<AccessGrant>>,
    /// What this person missed, and has not made good.
    pub missed: Vec<Missed>,
}

/// Reads what this text of a policy judges the request by.
///
/// # Errors
/// When a call failed.
pub(super) async fn read(cluster: &Cluster, request: &AccessRequest, policy: &AccessPolicy) -> Result<Beside, Error> {
    let rules = async |access: Option<&Access>| {
        let Some(access) = access else { return Ok(None) };
        cluster.rules(&access.role_ref, &request.namespace().unwrap_or_default()).await
    };
    let (first, then) = (rules(screening::access_of(request, policy)), rules(second::access(request, policy)));
    let (live, earlier) = (cluster.live_grants_of(&request.spec.requester.username), cluster.earlier_grants(request));
    let missed = cluster.missed_by(&request.spec.requester.username);
    let (rules, then_rules, live, earlier, missed) = tokio::try_join!(first, then, live, earlier, missed)?;
    let shared = |grants: Vec<AccessGrant>| grants.into_iter().map(Arc::new).collect();
    Ok(Beside { rules, then_rules, live: shared(live), earlier: shared(earlier), missed })
}
