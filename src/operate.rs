//! The tasks of a running operator, how they start and how they stop.
pub mod audit;
mod beside;
pub mod clock;
mod debts;
pub mod drain;
pub mod expiry;
pub mod export;
pub mod fuse_test;
pub mod grant;
pub mod guard;
mod lanes;
pub mod lease;
pub mod outbox;
pub mod policy;
pub mod replay;
pub mod report;
mod request;
pub mod standing;
pub mod sweep;
mod turns;
pub mod verify;

use crate::api::grant::AccessGrant;
use crate::api::names;
use crate::api::policy::AccessPolicy;
use crate::api::request::AccessRequest;
use crate::api::subject::RoleKind;
use crate::cluster::post::Receiver;
use crate::cluster::read::watched;
use crate::cluster::tell::Teller;
use crate::cluster::trace::Trace;
use crate::cluster::{Cluster, Error};
use crate::decide;
use crate::decide::effect::{Answer, Effect, Outcome, Question};
use crate::decide::{Installation, Next, Standing};
use crate::telemetry::metrics::PassResult;
use crate::telemetry::{Health, Metrics};
use audit::Usages;
use chrono::{DateTime, TimeDelta, Utc};
use clock::Clock;
use debts::Debts;
use expiry::Expiry;
use export::Sink;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use grant::Heads;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{ClusterRole, Role, RoleBinding};
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Client, Resource, ResourceExt};
use lanes::Lanes;
use outbox::Outbox;
use policy::{Passes, Trials};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{SemaphorePermit, watch};
use turns::Turns;

/// The runtime's timers are monotonic: a wall clock that steps must not prolong anything.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How often what nobody waits for is looked at.
const EVENTUALLY: Duration = Duration::from_secs(6 * 3600);
/// How soon a pass is tried again after a call that failed.
const RETRY: Duration = Duration::from_secs(1);
/// How often a pass follows itself before others have their turn.
const IN_A_ROW: usize = 8;
/// How long Events may still be written at a stop.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How many calls of passes are under way at once. Each has a connection of its own, here and in the API server, and more
/// are not faster.
const PLACES: usize = 24;
/// No bound of the runtime's: it takes those that wait for a place in no order, so that one could wait for ever while
/// others have one pass after the other. [`Lanes`] has an order.
const AS_MANY_AS_COME: u16 = 0;
/// How many questions of one pass are asked at once.
const QUESTIONS_AT_ONCE: usize = 16;

/// Two connections, so that whatever holds up the first cannot hold up an end.
pub struct Clients {
    /// For everything that begins, and for the record.
    pub granting: Client,
    /// For ends alone.
    pub ending: Client,
    /// Where the tasks run that use it: a runtime that passes cannot keep busy.
    pub ends: Handle,
}

/// What every pass shares.
pub struct Context {
    /// The connection for passes.
    pub cluster: Cluster,
    /// Both clocks.
    pub clock: Clock,
    /// What the installation fixes.
    pub installation: Installation,
    /// What the tasks say of themselves, the standing among it.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
    /// Who publishes transitions.
    pub teller: Teller,
    /// Who is told outside the cluster.
    pub outbox: Outbox,
    /// When a fuse was last tried for each policy.
    pub trials: Trials,
    /// When each policy had its last pass.
    pub passes: Passes,
    /// Whose requests are being decided.
    pub turns: Turns,
    /// Where records go before they are deleted.
    pub sink: Sink,
    /// The history of each record as it was last seen.
    pub heads: Heads,
    /// Who has a pass when.
    pub lanes: Lanes,
    /// On which records a duty was missed.
    pub debts: Debts,
    /// What is counted of the use of each grant.
    pub usages: Usages,
}
impl Context {
    fn standing(&self) -> Standing {
        self.health.standing().borrow().clone()
    }
    /// One reconciliation, counted.
    async fn measured(
        &self,
        controller: &'static str,
        of: impl Future<Output = Result<Next, Error>>,
    ) -> Result<Action, Error> {
        let pass = self.metrics.pass(controller);
        let done = of.await;
        pass.done(match &done {
            Ok(Next::OnChange) => PassResult::Success,
            Ok(Next::AtOnce) => PassResult::Requeue,
            Ok(Next::After(_) | Next::Eventually(_)) => PassResult::RequeueAfter,
            Err(_) => PassResult::Error,
        });
        done.map(action).inspect_err(|error| self.metrics.failed_call(error.label()))
    }
}

/// Runs until `stop` says true. Overdue ends come before everything else, caches included; they stop last.
pub async fn run(
    clients: Clients,
    clock: Clock,
    installation: Installation,
    health: Health,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
) {
    let (ending, ends) = (Cluster::new(clients.ending), clients.ends);
    let start = Expiry::start(ending.clone(), clock.clone(), health.clone(), metrics.clone());
    let mut start = Running(ends.spawn(start));
    let started = tokio::select! {
        started = &mut start.0 => started,
        () = stopped(stop.clone()) => return,
    };
    // If it panicked, a new process may fare better.
    let Ok(expiry) = started else { return };
    let _expiry = Running(ends.spawn(expiry.run()));
    tokio::select! {
        () = clock::compare(&ending, &clock) => {}
        () = stopped(stop.clone()) => return,
    }
    let _clock = Running(ends.spawn(clock::follow(ending, clock.clone(), metrics.clone())));

    let client = clients.granting;
    // What keeps the operator able to grant does not wait for passes.
    let free = Cluster::new(client.clone());
    let (teller, events) = Teller::new(free.clone(), metrics.clone(), health.clone(), &installation.pod);
    let events = tokio::spawn(events);
    let (outbox, notices) = Outbox::new(receiver(&installation), metrics.clone());
    let notices = tokio::spawn(notices);
    let standing = || health.standing().clone();
    let _guard = Running(tokio::spawn(guard::run(free.clone(), clock.clone(), installation.clone(), standing())));
    let _fuses = Running(tokio::spawn(fuse_test::run(free.clone(), installation.clone(), standing())));
    let _shown =
        Running(tokio::spawn(show_standing(metrics.clone(), standing().subscribe(), installation.lease.clone())));
    let counted = standing::run(free.clone(), clock.clone(), metrics.clone(), standing().subscribe());
    let _counted = Running(tokio::spawn(counted));
    let lease = lease::run(free.clone(), clock.clone(), installation.clone(), standing(), stopped(stop.clone()));
    let cluster = free.with_places(PLACES);
    let (trials, passes, turns, lanes, heads, debts, usages) = Default::default();
    let sink = Sink::new(installation.export.as_deref(), &installation.cluster_name, &installation.pod);
    let context = Context {
        cluster,
        clock,
        installation,
        health,
        metrics,
        teller,
        outbox,
        trials,
        passes,
        turns,
        lanes,
        sink,
        heads,
        debts,
        usages,
    };
    let context = Arc::new(context);
    let audit = Running(tokio::spawn(audit::run(context.clone())));
    tokio::join!(
        lease,
        policies(&client, &context, stopped(stop.clone())),
        requests(&client, &context, stopped(stop.clone())),
        grants(&client, &context, stopped(stop)),
    );
    drop(audit);
    drop(context);
    // What was told is written before the process goes, if the API server takes it.
    let told = tokio::time::timeout(LAST_WORDS, async { tokio::join!(events, notices) });
    drop(told.await);
}

/// Who is told outside the cluster. One that cannot be reached in any way costs notifications, and nothing else.
fn receiver(installation: &Installation) -> Option<Receiver> {
    let made = Receiver::new(installation.notify.as_ref()?);
    made.inspect_err(|error| {
        tracing::error!(error = error as &dyn std::error::Error, "--notify: nobody is told");
    })
    .ok()
}

/// Resolves when the operator is told to stop, or nobody is left to tell it.
async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Keeps the gauges of what must hold before anything begins.
async fn show_standing(metrics: Metrics, mut standing: watch::Receiver<Standing>, lease: String) {
    loop {
        metrics.standing(&standing.borrow_and_update(), &lease);
        if standing.changed().await.is_err() {
            return;
        }
    }
}

/// A task that ends with its handle.
struct Running<T>(tokio::task::JoinHandle<T>);
impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn policies(client: &Client, context: &Arc<Context>, stop: impl Future<Output = ()> + Send + Sync + 'static) {
    let controller = Controller::new(Api::<Trace<AccessPolicy>>::all(client.clone()), watched());
    let shared = context.clone();
    let of_grant = move |grant: Trace<AccessGrant>| {
        drop(shared.debts.note(&grant));
        grant.labels().get(names::POLICY_LABEL).map(|name| ObjectRef::new(name))
    };
    let every = |known: Store<Trace<AccessPolicy>>| {
        move || known.state().iter().map(|p| ObjectRef::from_obj(p.as_ref())).collect::<Vec<_>>()
    };
    let [for_namespaces, for_cluster_roles, for_roles] = [(); 3].map(|()| every(controller.store()));
    controller
        .watches(Api::<Trace<AccessGrant>>::all(client.clone()), watched(), of_grant)
        .watches(Api::<Trace<Namespace>>::all(client.clone()), watched(), move |_| for_namespaces())
        .watches(Api::<Trace<ClusterRole>>::all(client.clone()), watched(), move |_| for_cluster_roles())
        .watches(Api::<Trace<Role>>::all(client.clone()), watched(), move |_| for_roles())
        .reconcile_all_on(changes_of_standing(context.health.standing().subscribe()))
        .with_config(Config::default().concurrency(4))
        .graceful_shutdown_on(stop)
        .run(policy::reconcile, |_, error: &Error, _| retry(error), context.clone())
        .for_each(|_| std::future::ready(()))
        .await;
}

async fn requests(client: &Client, context: &Arc<Context>, stop: impl Future<Output = ()> + Send + Sync + 'static) {
    let controller = Controller::new(Api::<Trace<AccessRequest>>::all(client.clone()), watched());
    let (known, counted) = (controller.store(), Counted::default());
    let undecided = move |policy: Trace<AccessPolicy>| {
        let is_news = !counted.again(&policy);
        let concerns = |r: &&Arc<Trace<AccessRequest>>| {
            is_news && r.policy() == Some(&policy.name_any()) && decide::request::is_undecided(r.state())
        };
        known.state().iter().filter(concerns).map(|r| ObjectRef::from_obj(r.as_ref())).collect::<Vec<_>>()
    };
    // People are shown what the role gives.
    let shown = |known: Store<Trace<AccessRequest>>| {
        move |within: Option<String>| {
            let concerns = |r: &&Arc<Trace<AccessRequest>>| {
                (within.is_none() || r.namespace() == within) && decide::request::is_undecided(r.state())
            };
            known.state().iter().filter(concerns).map(|r| ObjectRef::from_obj(r.as_ref())).collect::<Vec<_>>()
        }
    };
    let [for_cluster_roles, for_roles] = [(); 2].map(|()| shown(controller.store()));
    controller
        .watches(Api::<Trace<ClusterRole>>::all(client.clone()), watched(), move |_| for_cluster_roles(None))
        .watches(Api::<Trace<Role>>::all(client.clone()), watched(), move |role| for_roles(role.namespace()))
        .watches(Api::<Trace<AccessPolicy>>::all(client.clone()), watched(), undecided)
        .watches(Api::<Trace<AccessGrant>>::all(client.clone()), watched(), |grant| {
            names::request_of_grant(&grant).map(to_request)
        })
        .reconcile_all_on(changes_of_standing(context.health.standing().subscribe()))
        .with_config(Config::default().concurrency(AS_MANY_AS_COME))
        .graceful_shutdown_on(stop)
        .run(request::reconcile, |_, error: &Error, _| retry(error), context.clone())
        .for_each(|_| std::future::ready(()))
        .await;
}

async fn grants(client: &Client, context: &Arc<Context>, stop: impl Future<Output = ()> + Send + Sync + 'static) {
    let ours = || watched().labels(names::GRANT_LABEL);
    let to_grant = |name: Option<String>| name.map(|n| ObjectRef::<Trace<AccessGrant>>::new(&n));
    let controller = Controller::new(Api::<Trace<AccessGrant>>::all(client.clone()), watched());
    let bound =
        |known: Store<Trace<AccessGrant>>| move |kind, name: &str, namespace| bound_by(&known, kind, name, namespace);
    let (by_cluster_role, by_role) = (bound(controller.store()), bound(controller.store()));
    let (shared, known) = (context.clone(), controller.store());
    let of_debtor = move |record: Trace<AccessGrant>| {
        shared.usages.note(&record, shared.clock.now().wall);
        let person = shared.debts.note(&record);
        person.map_or(vec![], |person| held_by(&known, &person))
    };
    controller
        .watches(Api::<Trace<ClusterRole>>::all(client.clone()), watched(), move |role| {
            by_cluster_role(RoleKind::ClusterRole, &role.name_any(), None)
        })
        .watches(Api::<Trace<Role>>::all(client.clone()), watched(), move |role| {
            by_role(RoleKind::Role, &role.name_any(), role.namespace())
        })
        .watches(Api::<Trace<AccessGrant>>::all(client.clone()), watched(), of_debtor)
        .watches(Api::<Trace<Job>>::all(client.clone()), ours(), move |job| to_grant(names::grant_of_child(&job)))
        .watches(Api::<Trace<RoleBinding>>::all(client.clone()), ours(), move |binding| {
            to_grant(names::grant_of_child(&binding))
        })
        .watches(Api::<Trace<AccessRequest>>::all(client.clone()), watched(), move |request| {
            let second = names::second_of_request(&request).filter(|_| request.has_second());
            names::grant_of_request(&request)
                .into_iter()
                .chain(second)
                .map(|name| ObjectRef::new(&name))
                .collect::<Vec<_>>()
        })
        .reconcile_all_on(changes_of_standing(context.health.standing().subscribe()))
        .with_config(Config::default().concurrency(AS_MANY_AS_COME))
        .graceful_shutdown_on(stop)
        .run(grant::reconcile, |_, error: &Error, _| retry(error), context.clone())
        .for_each(|_| std::future::ready(()))
        .await;
}

/// The grants that may give access by this role.
fn bound_by(
    known: &Store<Trace<AccessGrant>>,
    kind: RoleKind,
    name: &str,
    namespace: Option<String>,
) -> Vec<ObjectRef<Trace<AccessGrant>>> {
    let is_bound = |grant: &&Arc<Trace<AccessGrant>>| {
        let is_there = || namespace.is_none() || names::request_of_grant(grant.as_ref()).map(|(of, _)| of) == namespace;
        grant.role().is_some_and(|role| role.kind == kind && role.name == name) && is_there()
    };
    known.state().iter().filter(is_bound).map(|grant| ObjectRef::from_obj(grant.as_ref())).collect()
}

/// The grants of this person that may give access.
fn held_by(known: &Store<Trace<AccessGrant>>, person: &str) -> Vec<ObjectRef<Trace<AccessGrant>>> {
    let held = |grant: &&Arc<Trace<AccessGrant>>| grant.holder() == Some(person);
    known.state().iter().filter(held).map(|grant| ObjectRef::from_obj(grant.as_ref())).collect()
}

/// What of each policy concerns its requests, and how many grants it counted, when it was last seen.
#[derive(Default)]
struct Counted(Mutex<HashMap<String, (Substance, Option<i64>)>>);
/// UID, generation, and the reason of `Ready`.
type Substance = (Option<String>, Option<i64>, Option<String>);
impl Counted {
    /// Whether a policy was written to count its grants again: that happens with every grant, and concerns no request.
    /// A policy that was deleted, or is listed once more, still counts what it counted.
    fn again(&self, policy: &Trace<AccessPolicy>) -> bool {
        let substance = (policy.uid(), policy.meta().generation, policy.ready().map(str::to_owned));
        let seen = (substance, policy.active_grants());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(policy.name_any(), seen.clone());
        before.is_some_and(|before| before.0 == seen.0 && before.1 != seen.1)
    }
}

fn to_request((namespace, name): (String, String)) -> ObjectRef<Trace<AccessRequest>> {
    ObjectRef::new(&name).within(&namespace)
}

/// One item for each change of what must hold before anything begins: everything is looked at again.
fn changes_of_standing(standing: watch::Receiver<Standing>) -> impl Stream<Item = ()> + Send + 'static {
    stream::unfold(standing, |mut standing| async move { standing.changed().await.ok().map(|()| ((), standing)) })
}

/// Lets a pass follow itself while it says so, and no longer than is fair.
async fn again<F: Future<Output = Result<Next, Error>>>(pass: impl Fn() -> F) -> Result<Next, Error> {
    for _ in 1..IN_A_ROW {
        let next = pass().await?;
        if next != Next::AtOnce {
            return Ok(next);
        }
    }
    pass().await
}

/// Performs the effects in order; the first that the server will not have, if any, with its words.
async fn act(cluster: &Cluster, effects: &[Effect]) -> Result<Option<(Effect, String)>, Error> {
    for effect in effects {
        if let Outcome::Refused(words) = cluster.perform(effect).await? {
            return Ok(Some((effect.clone(), words)));
        }
    }
    Ok(None)
}

/// Puts all the questions of a pass.
async fn answers(cluster: &Cluster, questions: Vec<Question>) -> Result<Vec<Answer>, Error> {
    stream::iter(questions).map(|question| cluster.ask(question)).buffered(QUESTIONS_AT_ONCE).try_collect().await
}

/// A place for a pass over this object.
async fn place<'a, K>(changed: &Trace<K>, context: &'a Context) -> Option<SemaphorePermit<'a>> {
    let since = over_for(changed, context.clock.now().for_ending());
    context.lanes.place(since, &context.health).await
}
/// For how long it has been over: negative while its end is to come, `None` as long as it has none. What was never granted is
/// long over: at a start there may be thousands, and what begins does not wait behind them.
fn over_for<K>(changed: &Trace<K>, now: DateTime<Utc>) -> Option<TimeDelta> {
    let never_granted = || decide::request::is_past(changed.state()).then_some(TimeDelta::MAX);
    changed.expires_at().map(|end| now - end.get()).or_else(never_granted)
}
fn action(next: Next) -> Action {
    match next {
        Next::AtOnce => Action::requeue(Duration::ZERO),
        Next::After(wait) => Action::requeue(wait.to_std().unwrap_or_default().min(LONGEST_WAIT)),
        Next::Eventually(wait) => Action::requeue(wait.to_std().unwrap_or_default().min(EVENTUALLY)),
        Next::OnChange => Action::await_change(),
    }
}
fn retry(error: &Error) -> Action {
    tracing::warn!(operation = error.label(), error = error as &dyn std::error::Error, "pass failed");
    Action::requeue(RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_was_never_granted_keeps_nothing_that_begins_waiting() {
        let now = "2026-12-01T09:00:00Z".parse().unwrap();
        let over = |spec: Value, status: Value| {
            let trace: Trace<AccessGrant> =
                serde_json::from_value(json!({"metadata": {"name": "g"}, "spec": spec, "status": status})).unwrap();
            over_for(&trace, now)
        };
        let ends = |at: &str| json!({"expiresAt": at});
        assert_eq!(over(ends("2026-12-01T09:30:00Z"), json!({"state": "Bound"})), Some(TimeDelta::minutes(-30)));
        assert_eq!(over(ends("2026-12-01T08:59:00Z"), json!({"state": "Expired"})), Some(TimeDelta::minutes(1)));
        for state in ["Denied", "TimedOut", "Withdrawn", "DryRun", "Refused"] {
            assert_eq!(over(json!({}), json!({"state": state})), Some(TimeDelta::MAX), "{state}");
        }
        for status in
            [json!({}), json!({"state": "Waiting"}), json!({"state": "StepsMet"}), json!({"state": "Scheduled"})]
        {
            assert_eq!(over(json!({}), status.clone()), None, "{status}");
        }
    }

    fn policy(generation: i64, status: Value) -> Trace<AccessPolicy> {
        let metadata = json!({"name": "p", "uid": "u", "generation": generation});
        serde_json::from_value(json!({"metadata": metadata, "spec": {}, "status": status})).unwrap()
    }
    fn status(ready: &str, active: i64) -> Value {
        json!({"activeGrants": active, "conditions": [{"type": "Ready", "reason": ready}]})
    }

    #[test]
    fn only_a_policy_that_counts_again_is_no_news_to_its_requests() {
        let counted = Counted::default();
        for (words, policy, again) in [
            ("seen first", policy(1, json!({})), false),
            ("found ready", policy(1, status("Complete", 0)), false),
            ("a grant began", policy(1, status("Complete", 1)), true),
            ("another", policy(1, status("Complete", 2)), true),
            ("its role went, and a grant ended", policy(1, status("NoSuchRole", 1)), false),
            ("deleted, or listed again", policy(1, status("NoSuchRole", 1)), false),
            ("changed by its author, and a grant ended", policy(2, status("NoSuchRole", 0)), false),
        ] {
            assert_eq!(counted.again(&policy), again, "{words}");
        }
    }
}
