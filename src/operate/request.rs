//! One pass over a request: read, ask, decide, act, store, tell.
use super::{Context, act, again, answers, place};
use crate::api::grant::AccessGrant;
use crate::api::policy::{Access, AccessPolicy};
use crate::api::reasons::{Approved, Reason, Screened};
use crate::api::request::{AccessRequest, AccessRequestStatus};
use crate::api::time;
use crate::cluster::{Cluster, Error, read::Asked, trace::Trace, write::Stored};
use crate::decide::request::{self, Observed, is_settled};
use crate::decide::screening::{self, Code, Seen};
use crate::decide::second;
use crate::decide::transition::{self, Transition};
use crate::decide::{Next, approval};
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{ResourceExt, runtime::controller::Action};
use std::sync::Arc;

pub(super) async fn reconcile(changed: Arc<Trace<AccessRequest>>, context: Arc<Context>) -> Result<Action, Error> {
    let _place = place(changed.expires_at(), &context).await;
    let (namespace, name) = (changed.namespace().unwrap_or_default(), changed.name_any());
    // On the heap, as thousands may wait for a place at once.
    Box::pin(context.measured("accessrequest", again(|| pass(&namespace, &name, &context)))).await
}

/// What screening needs beside the request and its policy; nothing once the request is settled.
#[derive(Default)]
struct Beside {
    policies: Vec<Arc<AccessPolicy>>,
    rules: Option<Vec<PolicyRule>>,
    then_rules: Option<Vec<PolicyRule>>,
    live: Vec<Arc<AccessGrant>>,
    earlier: Vec<Arc<AccessGrant>>,
    pending: Vec<ObjectMeta>,
}

async fn pass(namespace: &str, name: &str, context: &Context) -> Result<Next, Error> {
    let Context { cluster, clock, installation, .. } = context;
    let Some(asked) = cluster.request(namespace, name).await? else { return Ok(Next::OnChange) };
    let Asked { request, policy, namespace, grant, second } = &asked;
    let is_open = !is_settled(request) && grant.is_none();
    // One after the other, from the look for older records to the making of this one: a limit, a rule, and a change that a
    // filer attests, open no more than they may.
    let _turn = if is_open { Some(context.turns.of(&request.spec.requester.username).await) } else { None };
    let beside = if is_open { beside(cluster, request, policy.as_ref()).await? } else { Beside::default() };
    let (now, standing) = (clock.now(), context.standing());
    let seen = Seen {
        now: now.wall,
        request,
        policy: policy.as_ref(),
        policies: &beside.policies,
        namespace: namespace.as_ref(),
        rules: beside.rules.as_deref(),
        then_rules: beside.then_rules.as_deref(),
        live: &beside.live,
        earlier: &beside.earlier,
        pending: &beside.pending,
        installation,
    };
    let (grant, second, standing) = (grant.as_ref(), second.as_ref(), &standing);
    let unasked = Observed { seen, grant, second, installation, standing, answers: &[], refused: None };

    let answers = answers(cluster, request::questions(&unasked)).await?;
    let observed = Observed { answers: &answers, ..unasked };
    let mut plan = request::decide(&observed, now);
    let acted = act(cluster, &plan.effects).await;
    if let Ok(Some((_, refused))) = &acted {
        plan = request::decide(&Observed { refused: Some(refused), ..observed }, now);
    }
    let stored = store(context, request, plan.status.as_ref()).await?;
    acted.map(|_| if stored == Stored::Conflict { Next::AtOnce } else { plan.next })
}

async fn beside(cluster: &Cluster, request: &AccessRequest, policy: Option<&AccessPolicy>) -> Result<Beside, Error> {
    let Some(policy) = policy else {
        let policies = cluster.policies().await?.into_iter().map(Arc::new).collect();
        return Ok(Beside { policies, ..Beside::default() });
    };
    let policies = cluster.policies().await?.into_iter().map(Arc::new).collect();
    let user = &request.spec.requester.username;
    let (live, earlier) = (cluster.live_grants_of(user), cluster.earlier_grants(request));
    let pending = cluster.pending_requests(user, &request.spec.policy);
    let rules = async |access: Option<&Access>| {
        let Some(access) = access else { return Ok(None) };
        cluster.rules(&access.role_ref, &request.namespace().unwrap_or_default()).await
    };
    let (first, then) = (rules(screening::access_of(request, policy)), rules(second::access(request, policy)));
    let (live, earlier, pending, rules, then_rules) = tokio::try_join!(live, earlier, pending, first, then)?;
    let shared = |grants: Vec<AccessGrant>| grants.into_iter().map(Arc::new).collect();
    Ok(Beside { policies, rules, live: shared(live), earlier: shared(earlier), then_rules, pending })
}

async fn store(
    context: &Context,
    request: &AccessRequest,
    status: Option<&AccessRequestStatus>,
) -> Result<Stored, Error> {
    let Some(status) = status else { return Ok(Stored::Done) };
    let stored = context.cluster.store_request(request, status).await?;
    if stored == Stored::Done {
        let before = request.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
        let transitions = transition::between(before, &status.conditions);
        transitions.iter().for_each(|t| count(context, request, status, t));
        context.teller.tell(context.clock.now(), request, &transitions);
    }
    Ok(stored)
}

/// What this transition adds to the measures of B3, C8 and C9.
fn count(context: &Context, request: &AccessRequest, status: &AccessRequestStatus, transition: &Transition) {
    let is = |condition: &str, status: &str| transition.condition == condition && transition.status == status;
    if is(Screened::CONDITION, "False") {
        let not_found: &str = Code::PolicyNotFound.into();
        let codes = || status.checks.iter().filter_map(|c| c.code.as_deref());
        let policy = (!codes().any(|code| code == not_found)).then_some(request.spec.policy.as_str());
        codes().for_each(|code| context.metrics.refused(policy, code));
    }
    let agreed: &str = Approved::StepsMet.into();
    if transition.condition == Approved::CONDITION && transition.reason == agreed && !approval::is_confirmed(status) {
        context.metrics.ticket_unconfirmed(&request.spec.policy);
    }
    if transition.condition == Approved::CONDITION && !is(Approved::CONDITION, "Unknown") {
        let waited =
            time::made(&request.metadata).map(|filed| context.clock.now().wall - filed.get()).unwrap_or_default();
        context.metrics.decided_after(waited.to_std().unwrap_or_default());
    }
}
