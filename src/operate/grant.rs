//! One pass over a grant: read, ask, decide, act, store, tell.
use super::beside::{self, Beside};
use super::{Context, act, again, answers, place};
use crate::api::grant::{AccessGrant, AccessGrantStatus};
use crate::api::policy::AccessPolicy;
use crate::cluster::{Cluster, Error, read::Surroundings, trace::Trace, write::Stored};
use crate::decide::grant::{self, Basis, Found, Observed, basis};
use crate::decide::{Next, transition};
use kube::{ResourceExt, runtime::controller::Action};
use std::sync::Arc;

pub(super) async fn reconcile(changed: Arc<Trace<AccessGrant>>, context: Arc<Context>) -> Result<Action, Error> {
    let _place = place(changed.expires_at(), &context).await;
    let name = changed.name_any();
    // On the heap, as thousands may wait for a place at once.
    Box::pin(context.measured("accessgrant", again(|| pass(&name, &context)))).await
}

/// One pass over the grant of this name.
///
/// # Errors
/// When a call failed; everything done so far is found again by the next pass.
async fn pass(name: &str, context: &Context) -> Result<Next, Error> {
    let Context { cluster, clock, installation, .. } = context;
    let Some(seen) = cluster.grant(name).await? else { return Ok(Next::OnChange) };
    // Read after the reads: an end that came meanwhile is not missed by a pass that was slow.
    let (now, standing) = (clock.now(), context.standing());
    let Surroundings { grant, request, fuse, binding, namespace, renewed, role } = &seen;
    let found = Found {
        grant,
        request: request.as_ref(),
        fuse: fuse.as_ref(),
        binding: binding.as_ref(),
        namespace: namespace.as_ref(),
        role,
    };
    let read = if basis::is_needed(&found, now) { Some(read(cluster, &seen).await?) } else { None };
    let (basis, renewed, standing) = (read.as_ref().map(Read::basis), renewed.as_ref(), &standing);
    let unasked = Observed { found, renewed, installation, standing, basis, answers: &[], refused: None };

    let answers = answers(cluster, grant::questions(&unasked, now)).await?;
    let observed = Observed { answers: &answers, ..unasked };
    let mut plan = grant::decide(&observed, now);
    let acted = act(cluster, &plan.effects).await;
    if let Ok(Some((effect, refused))) = &acted {
        // A refusal is an observation: the core says what it means, and nothing more is tried in this pass.
        plan = grant::decide(&Observed { refused: Some((effect, refused)), ..observed }, now);
    }
    let stored = store(context, grant, plan.status.as_ref()).await?;
    acted.map(|_| if stored == Stored::Conflict { Next::AtOnce } else { plan.next })
}

/// What a beginning is judged by.
#[derive(Default)]
struct Read {
    policy: Option<AccessPolicy>,
    beside: Beside,
}
impl Read {
    fn basis(&self) -> Basis<'_> {
        let Beside { rules, then_rules, live, earlier } = &self.beside;
        Basis {
            policy: self.policy.as_ref(),
            rules: rules.as_deref(),
            then_rules: then_rules.as_deref(),
            earlier,
            live,
        }
    }
}

/// Reads it; the most of it only where the policy was edited since the decision.
async fn read(cluster: &Cluster, seen: &Surroundings) -> Result<Read, Error> {
    let policy = cluster.policy(&seen.grant.spec.policy.name).await?;
    let edited = policy.as_ref().filter(|policy| basis::was_edited(policy, &seen.grant)).zip(seen.request.as_ref());
    let Some((edited, request)) = edited else { return Ok(Read { policy, ..Read::default() }) };
    let beside = beside::read(cluster, request, edited).await?;
    Ok(Read { policy, beside })
}

async fn store(context: &Context, grant: &AccessGrant, status: Option<&AccessGrantStatus>) -> Result<Stored, Error> {
    let Some(status) = status else { return Ok(Stored::Done) };
    let stored = context.cluster.store_grant(grant, status).await?;
    if stored == Stored::Done {
        count(context, grant, status);
        let before = grant.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
        context.teller.tell(context.clock.now(), grant, &transition::between(before, &status.conditions));
    }
    Ok(stored)
}

/// What this status says for the first time.
fn count(context: &Context, grant: &AccessGrant, status: &AccessGrantStatus) {
    let (old, spec) = (grant.status.as_ref(), &grant.spec);
    if status.started_at.is_some() && old.is_none_or(|o| o.started_at.is_none()) {
        let waited = context.clock.now().wall - spec.not_before.get();
        context.metrics.began_after(waited.to_std().unwrap_or_default());
        if spec.renewal.is_some() {
            context.metrics.renewed(&spec.policy.name);
        }
    }
    if let (Some(reason), true) = (status.end_reason, old.is_none_or(|o| o.end_reason.is_none())) {
        context.metrics.ended(&spec.policy.name, reason.into());
    }
}
