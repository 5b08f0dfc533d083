//! One pass over a policy: read, ask, decide, store, tell.
use super::{Context, again, answers};
use crate::api::grant::AccessGrant;
use crate::api::policy::{AccessPolicy, AccessPolicyStatus};
use crate::api::time;
use crate::cluster::{Error, trace::Trace, write::Stored};
use crate::decide::policy::{self, Observed, Trial};
use crate::decide::{Next, duties, notice, review, transition};
use kube::{Resource, ResourceExt, runtime::controller::Action};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Between two passes over a policy that nobody changed: every grant that begins or ends calls for one, and each counts
/// all grants.
const REST: Duration = Duration::from_secs(1);
/// The same while many accesses end.
const REST_IN_RUSH: Duration = Duration::from_secs(5);

/// When each policy, in which generation, had its last pass.
#[derive(Debug, Default)]
pub struct Passes(Mutex<HashMap<String, (Option<i64>, Instant)>>);
impl Passes {
    /// How long the policy still rests; `None`: it may have its pass, which is noted.
    fn rest(&self, policy: &Trace<AccessPolicy>, rest: Duration, now: Instant) -> Option<Duration> {
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = policy.meta().generation;
        let last = passes.get(&policy.name_any()).filter(|(of, _)| *of == generation);
        let rest = last.and_then(|(_, at)| (*at + rest).checked_duration_since(now)).filter(|rest| !rest.is_zero());
        if rest.is_none() {
            passes.insert(policy.name_any(), (generation, now));
        }
        rest
    }
}

/// The last trial of fuses for each policy: it is lost with the process, and then made again.
#[derive(Debug, Default)]
pub struct Trials(Mutex<HashMap<String, Trial>>);
impl Trials {
    fn last(&self, policy: &str) -> Option<Trial> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(policy).cloned()
    }
    fn keep(&self, policy: &str, trial: Option<Trial>) {
        let mut trials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match trial {
            Some(trial) => drop(trials.insert(policy.to_owned(), trial)),
            None => drop(trials.remove(policy)),
        }
    }
}

pub(super) async fn reconcile(changed: Arc<Trace<AccessPolicy>>, context: Arc<Context>) -> Result<Action, Error> {
    let rest = if context.health.is_rush() { REST_IN_RUSH } else { REST };
    if let Some(rest) = context.passes.rest(&changed, rest, Instant::now()) {
        // No longer than it rests without a rush: that may be over.
        return Ok(Action::requeue(rest.min(REST)));
    }
    let name = changed.name_any();
    context.measured("accesspolicy", again(|| pass(&name, &context))).await
}

/// Looks at a policy and at what it names, and stores what was found.
async fn pass(name: &str, context: &Context) -> Result<Next, Error> {
    let Context { cluster, installation, trials, .. } = context;
    let standing = context.standing();
    if !standing.lease_held {
        // Two replicas that see different things would write in turns.
        context.metrics.forget_reviews(name);
        return Ok(Next::OnChange);
    }
    let Some(read) = cluster.policy(name).await? else {
        trials.keep(name, None);
        context.metrics.forget_reviews(name);
        return Ok(Next::OnChange);
    };
    let all = cluster.namespaces().await?;
    let (namespaces, sensitive) = (policy::covered(&read, &all), policy::sensitive(&read, &all));
    let roles = cluster.roles_of(&read, &namespaces).await?;
    let active = cluster.active_grants_under(name).await?;
    let overdue = context.debts.under(cluster, name).await?;
    let emergencies = emergencies(context, &read).await?;
    context.metrics.duties(name, &duties::overdue(&overdue));
    let (now, last) = (context.clock.now(), trials.last(name));
    let (policy, namespaces, roles, standing) = (&read, &namespaces[..], &roles[..], &standing);
    let (sensitive, trial, overdue) = (&sensitive[..], last.as_ref(), &overdue[..]);
    let seen = Observed {
        policy,
        namespaces,
        sensitive,
        roles,
        standing,
        installation,
        active,
        overdue,
        emergencies: &emergencies,
        trial,
        answers: &[],
        now,
    };
    let answers = answers(cluster, policy::questions(&seen, now)).await?;
    let trial = policy::trial_of(&seen, &answers, now).or_else(|| last.clone());
    let plan = policy::decide(&Observed { answers: &answers, trial: trial.as_ref(), ..seen }, now);
    trials.keep(name, trial);
    if let Some(status) = plan.status.as_ref().or(policy.status.as_ref()) {
        context.metrics.reviews(name, &review::ages(policy, status, now.wall));
    }
    let stored = store(context, policy, plan.status.as_ref()).await?;
    Ok(if stored == Stored::Conflict { Next::AtOnce } else { plan.next })
}

/// Where the emergencies under this policy were of late.
async fn emergencies(context: &Context, policy: &AccessPolicy) -> Result<Vec<String>, Error> {
    if policy.spec.emergency.is_none() {
        return Ok(vec![]);
    }
    let since = context.clock.now().wall - policy::REPEATS_WITHIN;
    let records = context.cluster.emergencies_under(&policy.name_any()).await?;
    let is_recent = |record: &AccessGrant| time::made(&record.metadata).is_some_and(|made| made.get() >= since);
    Ok(records.into_iter().filter(is_recent).map(|record| record.spec.namespace).collect())
}

async fn store(context: &Context, policy: &AccessPolicy, status: Option<&AccessPolicyStatus>) -> Result<Stored, Error> {
    let Some(status) = status else { return Ok(Stored::Done) };
    let stored = context.cluster.store_policy(policy, status).await?;
    if stored == Stored::Done {
        let before = policy.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
        let news = transition::between(before, &status.conditions);
        context.teller.tell(context.clock.now(), policy, &news);
        let at = (context.clock.now(), context.installation.cluster_name.as_str());
        context.outbox.tell(|| notice::of_policy(policy, &news, at));
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_that_nobody_changed_has_one_pass_a_second() {
        let policy = |generation: i64| -> Trace<AccessPolicy> {
            serde_json::from_value(json!({"metadata": {"name": "p", "generation": generation}})).unwrap()
        };
        let (passes, start) = (Passes::default(), Instant::now());
        assert_eq!(passes.rest(&policy(1), REST, start), None);
        assert_eq!(passes.rest(&policy(1), REST, start + REST / 4), Some(REST * 3 / 4));
        assert_eq!(passes.rest(&policy(2), REST, start + REST / 2), None, "its author need not wait");
        assert_eq!(passes.rest(&policy(2), REST, start + REST), Some(REST / 2));
        assert_eq!(passes.rest(&policy(2), REST, start + REST * 2), None);
        let again = start + REST * 4;
        assert_eq!(passes.rest(&policy(2), REST_IN_RUSH, again), Some(REST_IN_RUSH - REST * 2), "others end just now");
        assert_eq!(passes.rest(&policy(2), REST_IN_RUSH, again + REST_IN_RUSH), None, "not for ever");
    }
}
