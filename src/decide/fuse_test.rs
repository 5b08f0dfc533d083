//! Whether fuses burn in this cluster: a fuse of one second that owns a ConfigMap, and what became of both.
use super::children::burning;
use super::{Fuses, Installation};
use crate::api::names::{FIELD_MANAGER, FUSE_TEST, GRANT_LABEL, MANAGED_BY_LABEL};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the fuse burns.
const TTL: i32 = 1;
/// After so long both must be gone.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What of the test is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The fuse; and whether it was ever seen complete.
    pub fuse: Option<Complete>,
    /// What it owns.
    pub owned: bool,
}

/// Whether the job controller has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complete {
    /// It has.
    Yes,
    /// Not yet.
    No,
}

impl Left {
    /// What was read.
    pub fn of(fuse: Option<&Job>, owned: Option<&ConfigMap>) -> Self {
        let conditions = |job: &Job| job.status.clone().and_then(|s| s.conditions).unwrap_or_default();
        let complete = |job: &Job| conditions(job).iter().any(|c| c.type_ == "Complete" && c.status == "True");
        let fuse = fuse.map(|job| if complete(job) { Complete::Yes } else { Complete::No });
        Self { fuse, owned: owned.is_some() }
    }
}

/// What the test shows after so long; `None`: nothing yet.
pub fn judge(left: Left, waited: Duration) -> Option<Fuses> {
    let seems_off = match left {
        Left { fuse: None, owned: false } => return Some(Fuses::Burn),
        _ if waited < LIMIT => return None,
        Left { fuse: Some(Complete::No), .. } => "job-controller",
        Left { fuse: Some(Complete::Yes), .. } => "ttl-after-finished-controller",
        Left { fuse: None, owned: true } => "garbage-collector-controller",
    };
    Some(Fuses::DoNotBurn(format!(
        "a test fuse of {TTL} s has not burnt within {} s: {seems_off} of kube-controller-manager seems off (see its \
         --controllers flag and its log); access would outlive a dead operator",
        LIMIT.as_secs()
    )))
}

/// What to say where the test could not even begin.
pub fn refused(words: &str) -> Fuses {
    Fuses::DoNotBurn(format!("the API server refuses the test fuse, so it is not known whether fuses burn: {words}"))
}

/// The name of the test fuse, and of what it owns.
pub fn name(installation: &Installation) -> String {
    format!("{}-{FUSE_TEST}", installation.lease)
}

/// A fuse like those of grants, of one second, that nothing owns.
pub fn fuse(installation: &Installation) -> Job {
    Job { metadata: meta(installation), ..burning(TTL, &installation.fuse_image) }
}

/// Something that goes only if the garbage collector takes it, once its fuse is gone.
pub fn owned(installation: &Installation, fuse: &Job) -> ConfigMap {
    let owner = OwnerReference {
        api_version: Job::api_version(&()).into(),
        kind: Job::kind(&()).into(),
        name: fuse.name_any(),
        uid: fuse.uid().unwrap_or_default(),
        ..Default::default()
    };
    ConfigMap {
        metadata: ObjectMeta { owner_references: Some(vec![owner]), ..meta(installation) },
        ..Default::default()
    }
}

fn meta(installation: &Installation) -> ObjectMeta {
    ObjectMeta {
        name: Some(name(installation)),
        namespace: Some(installation.home.clone()),
        labels: Some(BTreeMap::from([
            (GRANT_LABEL.to_owned(), FUSE_TEST.to_owned()),
            (MANAGED_BY_LABEL.to_owned(), FIELD_MANAGER.to_owned()),
        ])),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuses_burn_only_if_the_fuse_and_what_it_owns_are_gone_and_else_the_controller_is_named() {
        let late = LIMIT + Duration::from_secs(1);
        for (fuse, owned, waited, shows) in [
            (None, false, Duration::ZERO, Some(None)),
            (None, true, Duration::ZERO, None),
            (Some(Complete::Yes), true, Duration::ZERO, None),
            (Some(Complete::No), true, late, Some(Some("job-controller"))),
            (Some(Complete::Yes), true, late, Some(Some("ttl-after-finished-controller"))),
            (None, true, late, Some(Some("garbage-collector-controller"))),
            (None, false, late, Some(None)),
        ] {
            let said = judge(Left { fuse, owned }, waited);
            let as_expected = match (&said, shows) {
                (None, None) | (Some(Fuses::Burn), Some(None)) => true,
                (Some(Fuses::DoNotBurn(words)), Some(Some(controller))) => words.contains(controller),
                _ => false,
            };
            assert!(as_expected, "{fuse:?} {owned} {waited:?}: {said:?}");
        }
    }
}
