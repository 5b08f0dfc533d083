//! One pass over a request: read, ask, decide, act, store, tell.
use super::beside::{self, Beside};
use super::{Context, act, again, answers, place};
use crate::api::policy::AccessPolicy;
use crate::api::reasons::{Approved, Reason, Screened};
use crate::api::request::{AccessRequest, AccessRequestStatus};
use crate::api::time;
use crate::cluster::{Cluster, Error, read::Asked, trace::Trace, write::Stored};
use crate::decide::edits::{self, Edits};
use crate::decide::request::{self, Observed};
use crate::decide::screening::{Code, Seen};
use crate::decide::transition::{self, Transition};
use crate::decide::{Next, approval, notice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{ResourceExt, runtime::controller::Action};
use std::sync::Arc;

pub(super) async fn reconcile(changed: Arc<Trace<AccessRequest>>, context: Arc<Context>) -> Result<Action, Error> {
    let _place = place(&changed, &context).await;
    let (namespace, name) = (changed.namespace().unwrap_or_default(), changed.name_any());
    // On the heap, as thousands may wait for a place at once.
    Box::pin(context.measured("accessrequest", again(|| pass(&namespace, &name, &context)))).await
}

/// What screening needs beside the request and its policy; nothing once the request is settled.
#[derive(Default)]
struct Read {
    policies: Vec<Arc<AccessPolicy>>,
    beside: Beside,
    pending: Vec<ObjectMeta>,
}

async fn pass(namespace: &str, name: &str, context: &Context) -> Result<Next, Error> {
    let Context { cluster, clock, installation, .. } = context;
    let Some(asked) = cluster.request(namespace, name).await? else { return Ok(Next::OnChange) };
    let Asked { request, policy, namespace, grant, second } = &asked;
    let is_open = request::is_open(request, grant.as_ref());
    // One after the other, from the look for older records to the making of this one: a limit, a rule, and a change that a
    // filer attests, open no more than they may.
    let _turn = if is_open { Some(context.turns.of(&request.spec.requester.username).await) } else { None };
    let read = if is_open { read(cluster, request, policy.as_ref()).await? } else { Read::default() };
    let (now, standing) = (clock.now(), context.standing());
    let law = policy.as_ref().map(|policy| edits::law(request, policy));
    let seen = Seen {
        now: now.wall,
        request,
        policy: law.as_ref().map(|law| law.policy.as_ref()),
        edits: law.as_ref().map_or(&Edits::None, |law| &law.edits),
        policies: &read.policies,
        namespace: namespace.as_ref(),
        rules: read.beside.rules.as_deref(),
        then_rules: read.beside.then_rules.as_deref(),
        live: &read.beside.live,
        earlier: &read.beside.earlier,
        pending: &read.pending,
        missed: &read.beside.missed,
        audit: standing.audit,
        installation,
    };
    let (grant, second, standing) = (grant.as_ref(), second.as_ref(), &standing);
    let screening = request::screened(&seen, grant, standing);
    let screening = screening.as_ref();
    let unasked = Observed { seen, screening, grant, second, installation, standing, answers: &[], refused: None };

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

async fn read(cluster: &Cluster, request: &AccessRequest, policy: Option<&AccessPolicy>) -> Result<Read, Error> {
    let policies = cluster.policies().await?.into_iter().map(Arc::new).collect();
    let Some(policy) = policy else { return Ok(Read { policies, ..Read::default() }) };
    let pending = cluster.pending_requests(&request.spec.requester.username, &request.spec.policy);
    let (beside, pending) = tokio::try_join!(beside::read(cluster, request, policy), pending)?;
    Ok(Read { policies, beside, pending })
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
        let at = (context.clock.now(), context.installation.cluster_name.as_str());
        context.outbox.tell(|| notice::of_request(request, status, &transitions, at));
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
    let agreed = [Approved::StepsMet, Approved::SelfApproved].map(<&str>::from).contains(&&*transition.reason);
    if transition.condition == Approved::CONDITION && agreed && !approval::is_confirmed(status) {
        context.metrics.ticket_unconfirmed(&request.spec.policy);
    }
    if transition.condition == Approved::CONDITION && !is(Approved::CONDITION, "Unknown") {
        let waited =
            time::made(&request.metadata).map(|filed| context.clock.now().wall - filed.get()).unwrap_or_default();
        context.metrics.decided_after(waited.to_std().unwrap_or_default());
    }
}
