//! The three kinds and their vocabulary: data, derives and CEL, no behaviour.
#![deny(clippy::disallowed_types)]
pub mod admission;
pub mod calendar;
pub mod duty;
pub mod evidence;
pub mod grant;
pub mod names;
pub mod permission;
pub mod policy;
pub mod reasons;
pub mod request;
pub mod schema;
pub mod subject;
pub mod time;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResourceExt;

/// A status that carries conditions.
pub trait Conditions {
    /// What is true of the object now, one entry per type.
    fn conditions(&self) -> &[Condition];
    /// The same, to be set by [`reasons::set`] only.
    fn conditions_mut(&mut self) -> &mut Vec<Condition>;
}
macro_rules! conditions {
    ($($status:ty),+) => { $(impl Conditions for $status {
        fn conditions(&self) -> &[Condition] { &self.conditions }
        fn conditions_mut(&mut self) -> &mut Vec<Condition> { &mut self.conditions }
    })+ };
}
conditions!(policy::AccessPolicyStatus, request::AccessRequestStatus, grant::AccessGrantStatus);

/// The CRDs as they are installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![policy::AccessPolicy::crd(), request::AccessRequest::crd(), grant::AccessGrant::crd()];
    for crd in &mut crds {
        // The derive makes `status` nullable, whatever the types say.
        let root = crd.spec.versions[0].schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut());
        if let Some(status) = root.and_then(|r| r.properties.as_mut()).and_then(|p| p.get_mut("status")) {
            status.nullable = None;
        }
    }
    crds
}
