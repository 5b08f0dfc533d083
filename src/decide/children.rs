//! The fuse and the binding of a grant: whole objects, and whether one that was found is ours.
use super::Installation;
use crate::api::{grant::AccessGrant, names, time::Instant};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements, SeccompProfile,
    SecurityContext,
};
use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;

/// The fuse burns this long after `expiresAt`, so that the operator is first.
pub const GRACE: TimeDelta = TimeDelta::seconds(3);
/// A fuse that would burn later than this after `expiresAt` is replaced.
pub const SLACK: TimeDelta = TimeDelta::seconds(60);
const RBAC: &str = "rbac.authorization.k8s.io";

/// The Job that Kubernetes itself deletes, and the binding with it; `None` where nothing was granted.
pub fn fuse(grant: &AccessGrant, left: TimeDelta, installation: &Installation) -> Option<Job> {
    let seconds = i32::try_from((left + GRACE).num_seconds()).ok()?;
    Some(Job { metadata: meta(grant, owned_by(grant))?, ..burning(seconds, &installation.fuse_image) })
}

/// A fuse that is never stored: a dry run of it tells whether a namespace would accept a real one.
pub fn trial_fuse(namespace: &str, installation: &Installation) -> Job {
    let owner = OwnerReference {
        api_version: AccessGrant::api_version(&()).into(),
        kind: AccessGrant::kind(&()).into(),
        name: "trial".into(),
        uid: "00000000-0000-0000-0000-000000000000".into(),
        ..Default::default()
    };
    let metadata = ObjectMeta {
        name: Some("curfew-trial-00000000".into()),
        namespace: Some(namespace.into()),
        labels: Some(BTreeMap::from([
            label(names::GRANT_LABEL, "trial"),
            label(names::MANAGED_BY_LABEL, names::FIELD_MANAGER),
        ])),
        // Far enough ahead for every clock; nothing of it is stored.
        annotations: Some(BTreeMap::from([label(names::EXPIRES_ANNOTATION, "2099-12-31T23:59:59Z")])),
        owner_references: Some(vec![owner]),
        ..Default::default()
    };
    Job { metadata, ..burning(60, &installation.fuse_image) }
}

/// A Job that runs nothing, is complete at once, and is deleted by Kubernetes so many seconds later.
pub fn burning(seconds: i32, image: &str) -> Job {
    let none = |name: &str| (name.to_owned(), Quantity("1m".into()));
    let memory = ("memory".to_owned(), Quantity("1Mi".into()));
    let bounds = BTreeMap::from([none("cpu"), memory]);
    let container = Container {
        name: "none".into(),
        image: Some(image.to_owned()),
        resources: Some(ResourceRequirements {
            limits: Some(bounds.clone()),
            requests: Some(bounds),
            ..Default::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Default::default() }),
            read_only_root_filesystem: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    let pod = PodSpec {
        restart_policy: Some("Never".into()),
        automount_service_account_token: Some(false),
        containers: vec![container],
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(65532),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let spec = JobSpec {
        completions: Some(0),
        parallelism: Some(0),
        ttl_seconds_after_finished: Some(seconds),
        template: PodTemplateSpec { spec: Some(pod), ..Default::default() },
        ..Default::default()
    };
    Job { spec: Some(spec), ..Default::default() }
}

/// The access itself; `None` where nothing was granted.
pub fn binding(grant: &AccessGrant, fuse: &Job) -> Option<RoleBinding> {
    let (spec, group) = (&grant.spec, || Some(RBAC.to_owned()));
    Some(RoleBinding {
        metadata: meta(grant, owned_by(fuse))?,
        role_ref: RoleRef {
            api_group: group(),
            kind: format!("{:?}", spec.role_ref.kind),
            name: spec.role_ref.name.clone(),
        },
        subjects: Some(vec![Subject {
            api_group: group(),
            kind: "User".into(),
            name: spec.user.clone(),
            namespace: None,
        }]),
    })
}

/// When Kubernetes deletes the fuse by itself; `None` while it is not complete.
pub fn burns_at(fuse: &Job) -> Option<DateTime<Utc>> {
    let conditions = fuse.status.as_ref()?.conditions.as_ref()?;
    let done = conditions.iter().find(|c| c.type_ == "Complete" && c.status == "True")?;
    let at = Instant::try_from(done.last_transition_time.as_ref()?).ok()?;
    Some(at.get() + TimeDelta::seconds(fuse.spec.as_ref()?.ttl_seconds_after_finished?.into()))
}

/// Whether an object found under the name of a child is this grant's.
pub fn is_ours<K: Resource>(found: &K, grant: &AccessGrant) -> bool {
    found.labels().get(names::GRANT_LABEL).is_some_and(|uid| Some(uid) == grant.uid().as_ref())
}

/// Whether a binding gives exactly what the grant says, for as long as its fuse.
pub fn is_as_made(found: &RoleBinding, grant: &AccessGrant, fuse: &Job) -> bool {
    binding(grant, fuse).is_some_and(|made| {
        found.role_ref == made.role_ref
            && found.subjects == made.subjects
            && found.owner_references() == made.owner_references()
            && found.labels() == made.labels()
            && found.finalizers().is_empty()
    })
}

/// Whether the object is on its way out: it may still be there, but nothing may be built on it.
pub fn is_dying<K: Resource>(found: &K) -> bool {
    found.meta().deletion_timestamp.is_some()
}

fn meta(grant: &AccessGrant, owner: OwnerReference) -> Option<ObjectMeta> {
    let (spec, uid) = (&grant.spec, grant.uid()?);
    let labels = [
        label(names::GRANT_LABEL, &uid),
        label(names::POLICY_LABEL, &spec.policy.name),
        label(names::REQUEST_LABEL, &spec.request.name),
        label(names::MANAGED_BY_LABEL, names::FIELD_MANAGER),
    ];
    Some(ObjectMeta {
        name: Some(names::child_of(spec)),
        namespace: Some(spec.namespace.clone()),
        labels: Some(BTreeMap::from(labels)),
        annotations: Some(BTreeMap::from([label(names::EXPIRES_ANNOTATION, &spec.expires_at?.to_string())])),
        owner_references: Some(vec![owner]),
        ..Default::default()
    })
}
fn label(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}
fn owned_by<K: Resource<DynamicType = ()>>(owner: &K) -> OwnerReference {
    // Never `blockOwnerDeletion`: the owner must be able to go first.
    OwnerReference {
        api_version: K::api_version(&()).into(),
        kind: K::kind(&()).into(),
        name: owner.name_any(),
        uid: owner.uid().unwrap_or_default(),
        ..Default::default()
    }
}
