//! One pass over a grant: read, ask, decide, act, store, tell.
use super::beside::{self, Beside};
use super::{Context, act, again, answers, place};
use crate::api::grant::{AccessGrant, AccessGrantStatus};
use crate::api::policy::AccessPolicy;
use crate::api::reasons::{DutiesMet, FlagType, Reason};
use crate::api::request::{AccessRequest, Lane};
use crate::api::time;
use crate::cluster::{Cluster, Error, read::Surroundings, trace::Trace, write::Stored};
use crate::decide::effect::Effect;
use crate::decide::grant::{self, Basis, Found, Observed, basis};
use crate::decide::timeline::{self, Chain, Head};
use crate::decide::transition::{self, Transition};
use crate::decide::usage::{Tally, Watch};
use crate::decide::{Next, Now, duties, notice};
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, ResourceExt, runtime::controller::Action};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How soon a record that could not be exported is tried again.
const EXPORT_AGAIN: TimeDelta = TimeDelta::minutes(1);

pub(super) async fn reconcile(changed: Arc<Trace<AccessGrant>>, context: Arc<Context>) -> Result<Action, Error> {
    let _place = place(&changed, &context).await;
    let name = changed.name_any();
    // On the heap, as thousands may wait for a place at once.
    Box::pin(context.measured("accessgrant", again(|| pass(&name, &context)))).await
}

/// Writes what was counted of the use of this grant, with whatever else there is to do; whether it need not be tried again.
///
/// # Errors
/// As a pass.
pub(super) async fn write_usage(name: &str, context: &Context, tally: &Tally) -> Result<bool, Error> {
    let _place = context.lanes.place(None, &context.health).await;
    Ok(once(name, context, Some(tally)).await?.1)
}

/// One pass over the grant of this name.
///
/// # Errors
/// When a call failed; everything done so far is found again by the next pass.
async fn pass(name: &str, context: &Context) -> Result<Next, Error> {
    Ok(Box::pin(once(name, context, None)).await?.0)
}

/// One pass, and whether what was counted of its use is on record.
async fn once(name: &str, context: &Context, tally: Option<&Tally>) -> Result<(Next, bool), Error> {
    let Context { cluster, clock, installation, .. } = context;
    let Some(seen) = cluster.grant(name).await? else { return Ok((Next::OnChange, true)) };
    let missed = context.debts.ending(cluster, &seen.grant).await?;
    let responders = &responders(cluster, &seen.grant).await?[..];
    // Read after the reads: an end that came meanwhile is not missed by a pass that was slow.
    let (now, standing) = (clock.now(), context.standing());
    let watch = Watch { tally, ..Watch::of(standing.audit, context.usages.last(name)) };
    let Surroundings { grant, written, request, fuse, binding, namespace, renewed, follower, role } = &seen;
    let found = Found {
        grant,
        request: request.as_ref(),
        fuse: fuse.as_ref(),
        binding: binding.as_ref(),
        namespace: namespace.as_ref(),
        role,
        missed: missed.as_ref(),
        watch,
    };
    let read = if basis::is_needed(&found, now) { Some(read(cluster, &seen).await?) } else { None };
    let (basis, renewed, standing) = (read.as_ref().map(Read::basis), renewed.as_ref(), &standing);
    let chain = &context.heads.chain(name, grant, written);
    let unasked = Observed {
        found,
        chain,
        renewed,
        follower: follower.as_deref(),
        responders,
        installation,
        standing,
        basis,
        answers: &[],
        refused: None,
    };

    let answers = answers(cluster, grant::questions(&unasked, now)).await?;
    let observed = Observed { answers: &answers, ..unasked };
    let mut plan = grant::decide(&observed, now);
    if plan.effects.iter().any(|effect| matches!(effect, Effect::DeleteGrant(_))) {
        if !is_exported(context, name, written, now).await {
            return Ok((Next::After(EXPORT_AGAIN), true));
        }
        context.heads.forget(name);
    }
    let acted = act(cluster, &plan.effects).await;
    if let Ok(Some((effect, refused))) = &acted {
        // A refusal is an observation: the core says what it means, and nothing more is tried in this pass.
        plan = grant::decide(&Observed { refused: Some((effect, refused)), ..observed }, now);
    }
    let stored = store(context, grant, request.as_ref(), plan.status.as_ref()).await?;
    let is_written = match (stored, &plan.status) {
        (Stored::Conflict, _) => false,
        (Stored::Gone, _) | (_, Some(_)) => true,
        (Stored::Done, None) => !watch.is_news(grant, now),
    };
    acted.map(|_| (if stored == Stored::Conflict { Next::AtOnce } else { plan.next }, is_written))
}

/// Who reviewed it and had access for the same ticket themselves: they were involved.
async fn responders(cluster: &Cluster, grant: &AccessGrant) -> Result<Vec<String>, Error> {
    let Some(reviewer) = duties::reviewer(grant) else { return Ok(vec![]) };
    let is_involved = cluster.had_access(reviewer, &grant.spec.ticket).await?;
    Ok(if is_involved { vec![reviewer.to_owned()] } else { vec![] })
}

/// Whether this record is where it is kept from here on.
async fn is_exported(context: &Context, name: &str, written: &Value, now: Now) -> bool {
    match context.sink.keep(written, now).await {
        Ok(()) => {
            tracing::info!(kind = "AccessGrant", name, "record exported: its retention is over");
            true
        }
        Err(error) => {
            context.metrics.export_failed();
            tracing::error!(kind = "AccessGrant", name, %error, "the record was not exported, so it stays");
            false
        }
    }
}

/// The last entry of each record's timeline when this replica saw it: who rewrites a record has to rewrite this too.
#[derive(Default)]
pub struct Heads(Mutex<HashMap<String, Head>>);
impl Heads {
    /// The chain of this record, which must go on from what was seen. What does not is remembered until the record says so.
    fn chain(&self, name: &str, grant: &AccessGrant, written: &Value) -> Chain {
        let mut all = self.all();
        let chain = Chain::since(all.get(name), written);
        if chain.fault().is_none() || timeline::is_known_broken(grant) {
            all.insert(name.to_owned(), Head::of(written));
        }
        chain
    }
    fn forget(&self, name: &str) {
        self.all().remove(name);
    }
    fn all(&self) -> MutexGuard<'_, HashMap<String, Head>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a beginning is judged by.
#[derive(Default)]
struct Read {
    policy: Option<AccessPolicy>,
    beside: Beside,
}
impl Read {
    fn basis(&self) -> Basis<'_> {
        let Beside { rules, then_rules, live, earlier, missed: _ } = &self.beside;
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

async fn store(
    context: &Context,
    grant: &AccessGrant,
    request: Option<&AccessRequest>,
    status: Option<&AccessGrantStatus>,
) -> Result<Stored, Error> {
    let Some(status) = status else { return Ok(Stored::Done) };
    let stored = context.cluster.store_grant(grant, status).await?;
    if stored == Stored::Done {
        count(context, grant, request, status);
        let news = transition::of_grant(grant.status.as_ref(), status);
        context.teller.tell_with_head(context.clock.now(), grant, &news, status.timeline.last());
        tell_owner(context, grant, &news);
        let at = (context.clock.now(), context.installation.cluster_name.as_str());
        context.outbox.tell(|| notice::of_grant(grant, status, &news, at));
    }
    Ok(stored)
}

/// A duty that was missed, and what became of it, are news of the policy as well: its owner looks there (H12).
fn tell_owner(context: &Context, grant: &AccessGrant, transitions: &[Transition]) {
    let (of, overdue): (_, &str) = (&grant.spec.policy, DutiesMet::Overdue.into());
    let concerns = |t: &&Transition| t.condition == DutiesMet::CONDITION && [&*t.reason, &*t.before].contains(&overdue);
    let about = ObjectReference {
        api_version: Some(AccessPolicy::api_version(&()).into_owned()),
        kind: Some(AccessPolicy::kind(&()).into_owned()),
        name: Some(of.name.clone()),
        uid: Some(of.uid.clone()),
        ..Default::default()
    };
    let named = |t: &Transition| Transition { message: format!("{}: {}", grant.name_any(), t.message), ..t.clone() };
    let news: Vec<_> = transitions.iter().filter(concerns).map(named).collect();
    context.teller.tell_of(context.clock.now(), &about, &news);
}

/// What this status says for the first time.
fn count(context: &Context, grant: &AccessGrant, request: Option<&AccessRequest>, status: &AccessGrantStatus) {
    let (old, spec) = (grant.status.as_ref(), &grant.spec);
    if old.is_none() && spec.lane == Lane::Emergency && spec.follows.is_none() {
        context.metrics.emergency(&spec.policy.name, &spec.namespace);
    }
    for flag in [FlagType::NotApproved, FlagType::SelfApproved] {
        let has = |status: &AccessGrantStatus| status.flags.iter().any(|of| of.type_ == flag);
        if has(status) && !old.is_some_and(has) {
            context.metrics.unapproved(&spec.policy.name, flag.into());
        }
    }
    if status.started_at.is_some() && old.is_none_or(|o| o.started_at.is_none()) {
        let waited = context.clock.now().wall - spec.not_before.get();
        context.metrics.began_after(waited.to_std().unwrap_or_default());
        // What was planned, or follows other access, did not wait for us.
        let filed = request.filter(|r| r.spec.start_time.is_none() && spec.renewal.is_none() && spec.follows.is_none());
        if let Some(filed) = filed.and_then(|request| time::made(&request.metadata)) {
            let waited = context.clock.now().wall - filed.get();
            context.metrics.access_after(spec.lane, waited.to_std().unwrap_or_default());
        }
        if spec.renewal.is_some() {
            context.metrics.renewed(&spec.policy.name);
        }
    }
    if let (Some(reason), true) = (status.end_reason, old.is_none_or(|o| o.end_reason.is_none())) {
        context.metrics.ended(&spec.policy.name, reason.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(uid: &str, flags: &Value) -> (AccessGrant, Value) {
        let spec = json!({"request": {"namespace": "ns", "name": "r", "uid": "u", "generation": 1},
            "policy": {"name": "p", "uid": "p", "generation": 1, "description": "", "retentionDays": 400},
            "outcome": "Denied", "user": "alice", "entitledBy": {"kind": "Group", "name": "support"}, "namespace": "ns",
            "access": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [],
            "rulesSha256": "", "ticket": "t", "reason": "r", "askedFor": "30m", "notBefore": "2026-12-01T09:00:00Z"});
        let written = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant", "metadata": {"name": "g", "uid": uid},
            "spec": spec, "status": {"flags": flags}});
        (serde_json::from_value(written.clone()).unwrap(), written)
    }

    #[test]
    fn a_record_that_is_not_the_one_that_was_seen_is_broken_until_it_says_so() {
        let (heads, none) = (Heads::default(), json!([]));
        let fault = |uid: &str, flags: &Value| {
            let (grant, written) = record(uid, flags);
            heads.chain("g", &grant, &written).fault()
        };
        assert_eq!((fault("one", &none), fault("one", &none)), (None, None));
        assert_eq!((fault("two", &none), fault("two", &none)), (Some(1), Some(1)), "the first write was in vain");
        let flagged = json!([{"type": "ChainBroken", "since": "2026-12-01T09:00:00Z", "message": ""}]);
        assert_eq!((fault("two", &flagged), fault("two", &flagged)), (Some(1), None));
        heads.forget("g");
        assert_eq!(fault("three", &none), None);
    }
}
