//! What the screening would say of a request before it is filed: by the very code of the operator, on what the user may see.
use crate::desk::Desk;
use crate::failure::Failure;
use chrono::{DateTime, TimeDelta, Utc};
use curfew::api::grant::AccessGrant;
use curfew::api::policy::AccessPolicy;
use curfew::api::request::AccessRequest;
use curfew::api::time::Instant;
use curfew::decide::Audit;
use curfew::decide::screening::{self, Code, Seen};
use curfew::decide::{Installation, duties, edits::Edits, grant, lane, manifest};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::sync::Arc;
use strum::VariantArray;

/// What is known before a request is filed.
#[derive(Debug)]
pub struct Known {
    /// The policy that it is filed under.
    pub policy: AccessPolicy,
    /// Where; `None`: its labels may not be seen.
    pub namespace: Option<Namespace>,
    /// Every record of the user.
    pub records: Vec<Arc<AccessGrant>>,
}

/// Something that stands against a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The check that it fails; empty: the schema refuses it.
    pub check: String,
    /// What is wrong, and what to do.
    pub words: String,
    /// Whether it passes by itself, so that filing it is no mistake.
    pub passes: bool,
}

impl Known {
    /// Reads what is needed beside policy and namespace.
    pub async fn read(desk: &Desk, policy: AccessPolicy, namespace: Option<Namespace>) -> Result<Self, Failure> {
        let me = desk.name().await?;
        let mine = curfew::cluster::people::Which::within(None).with("spec.user", &me);
        let records = desk.cluster.records_of(&mine).await?.into_iter().map(Arc::new).collect();
        Ok(Self { policy, namespace, records })
    }

    /// All gaps at once, in the order in which people read them.
    pub fn gaps(&self, draft: &AccessRequest, now: DateTime<Utc>) -> Vec<Gap> {
        let faults = manifest::request(draft).into_iter();
        let faults = faults.map(|fault| Gap { check: String::new(), words: fault.to_string(), passes: false });
        faults.chain(self.screened(draft, now)).collect()
    }
    fn screened(&self, draft: &AccessRequest, now: DateTime<Utc>) -> Vec<Gap> {
        let mut draft = draft.clone();
        draft.metadata.creation_timestamp = Some(Time::from(Instant::new(now)));
        let policy = self.as_far_as_known();
        let policy = lane::applied(&policy, &draft);
        let live: Vec<_> = self.records.iter().filter(|record| grant::may_give_access(record)).cloned().collect();
        let missed: Vec<_> = self.records.iter().filter_map(|record| duties::missed(record)).collect();
        let installation = permissive();
        let seen = Seen {
            request: &draft,
            policy: Some(&policy),
            edits: &Edits::None,
            policies: &[],
            namespace: self.namespace.as_ref(),
            // What a role gives is judged by the operator alone.
            rules: Some(&[]),
            then_rules: Some(&[]),
            live: &live,
            earlier: &self.records,
            pending: &[],
            missed: &missed,
            // What it says is noted, and no gap.
            audit: Audit::Absent,
            installation: &installation,
            now,
        };
        let checks = screening::screen(&seen).checks.into_iter();
        let failed = checks.filter_map(|check| {
            let code = Code::VARIANTS.iter().find(|code| check.code.as_deref() == Some((**code).into()))?;
            Some(Gap { check: check.name, words: check.message, passes: code.passes_by_itself() })
        });
        failed.collect()
    }
    /// The policy without what only the installation knows: its calendar, where the policy has none.
    fn as_far_as_known(&self) -> AccessPolicy {
        let mut policy = self.policy.clone();
        if policy.spec.calendar.is_none() {
            policy.spec.duration.same_day = false;
        }
        policy
    }
}

/// What the installation fixes is not known here: nothing that it allows is refused.
pub fn permissive() -> Installation {
    Installation::to_judge_by(TimeDelta::hours(24), vec![], Default::default())
}
