//! Ends access on time: on every replica, with its own connection and watches, no lease, no controller queue.
use super::clock::Clock;
use crate::api::grant::AccessGrant;
use crate::api::names::{GRANT_LABEL, POLICY_LABEL};
use crate::cluster::{Cluster, Error, trace::Trace};
use crate::decide::effect::{Effect, Identity, Outcome};
use crate::decide::{expiry::Index, record};
use crate::telemetry::{Health, Metrics};
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::FuturesUnordered;
use futures::{StreamExt, future::BoxFuture};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::ResourceExt;
use kube::runtime::watcher::Event;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How many deletes are under way at once.
const AT_ONCE: usize = 32;
/// How long after a delete that failed it is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest that the task sleeps: wall clocks step.
const LONGEST: Duration = Duration::from_secs(1);

/// How long a binding may have no live grant before it is swept: the two are seen by different watches.
const UNCLAIMED: Duration = Duration::from_secs(60);

type Ending = BoxFuture<'static, (String, DateTime<Utc>, Identity, Result<Outcome, Error>)>;

/// The expiry task: what it knows, and what it is deleting.
pub struct Expiry {
    cluster: Cluster,
    clock: Clock,
    health: Health,
    metrics: Metrics,
    index: Index,
    ending: FuturesUnordered<Ending>,
    listed_grants: BTreeSet<String>,
    listed_bindings: BTreeSet<String>,
    /// The policy of each binding, by the UID of its grant.
    held: HashMap<String, String>,
    /// When to look next at what changes slowly.
    next_look: Instant,
    /// Since when there has been a binding without a live grant.
    unclaimed_since: Option<Instant>,
    sweeping: Option<JoinHandle<()>>,
}
impl Expiry {
    /// Reads what there is, and ends what is overdue, before anything else starts: without the lists nothing may begin.
    pub async fn start(cluster: Cluster, clock: Clock, health: Health, metrics: Metrics) -> Self {
        let (grants, bindings) = loop {
            health.beat();
            match cluster.ends().await {
                Ok(ends) => break ends,
                Err(error) => {
                    metrics.failed_call(error.label());
                    tracing::warn!(
                        operation = error.label(),
                        error = &error as &dyn std::error::Error,
                        "the grants cannot be read yet; tried again"
                    );
                    tokio::time::sleep(LONGEST).await;
                }
            }
        };
        let (index, ending) = (Index::default(), FuturesUnordered::new());
        let mut expiry = Self {
            cluster,
            clock,
            health,
            metrics,
            index,
            ending,
            listed_grants: BTreeSet::new(),
            listed_bindings: BTreeSet::new(),
            held: HashMap::new(),
            next_look: Instant::now(),
            unclaimed_since: None,
            sweeping: None,
        };
        grants.iter().for_each(|g| expiry.note_grant(g));
        bindings.iter().for_each(|b| expiry.note_binding(b, true));
        expiry.begin_due();
        while let Some(done) = expiry.ending.next().await {
            expiry.ended(done);
            expiry.begin_due();
        }
        expiry.health.has_index(true);
        expiry
    }

    /// Deletes each binding when it is due, whatever the rest of the operator does. Never returns.
    pub async fn run(mut self) {
        let mut grants = self.cluster.grant_changes().boxed();
        let mut bindings = self.cluster.binding_changes().boxed();
        loop {
            self.health.beat();
            self.begin_due();
            self.health.rush(self.index.is_rush(self.now(), self.ending.len()));
            self.look_round();
            let sleep = tokio::time::sleep(self.sleep());
            tokio::select! {
                biased;
                Some(done) = self.ending.next(), if !self.ending.is_empty() => self.ended(done),
                Some(change) = bindings.next() => self.binding_changed(change),
                Some(change) = grants.next() => self.grant_changed(change),
                () = sleep => {}
            }
        }
    }

    /// Once a second: the gauges, and whether something has to be swept (G8).
    fn look_round(&mut self) {
        if self.next_look > Instant::now() {
            return;
        }
        self.next_look = Instant::now() + LONGEST;
        let late = self.index.overdue(self.now() - TimeDelta::seconds(1));
        self.metrics.expired_not_removed(late);
        let mut active = BTreeMap::new();
        self.held.values().for_each(|policy| *active.entry(policy.clone()).or_default() += 1);
        self.metrics.active(&active);

        let since = self.unclaimed_since.filter(|_| self.index.unclaimed() > 0);
        self.unclaimed_since = (self.index.unclaimed() > 0).then(|| since.unwrap_or_else(Instant::now));
        let is_idle = self.sweeping.as_ref().is_none_or(JoinHandle::is_finished);
        if is_idle && self.unclaimed_since.is_some_and(|since| since.elapsed() >= UNCLAIMED) {
            self.unclaimed_since = None;
            self.sweeping = Some(tokio::spawn(sweep(self.cluster.clone(), self.clock.clone())));
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now().for_ending()
    }
    fn sleep(&self) -> Duration {
        if self.ending.len() >= AT_ONCE {
            return LONGEST;
        }
        let next = self.index.next(self.now());
        next.map_or(LONGEST, |left| left.to_std().unwrap_or_default().min(LONGEST))
    }
    fn begin_due(&mut self) {
        let now = self.now();
        while self.ending.len() < AT_ONCE {
            let Some((grant, due, binding)) = self.index.take_overdue(now) else { return };
            let cluster = self.cluster.clone();
            self.ending.push(Box::pin(async move {
                let done = cluster.perform(&Effect::DeleteBinding(binding.clone())).await;
                if done.is_err() || matches!(done, Ok(Outcome::Refused(_))) {
                    tokio::time::sleep(PAUSE).await;
                }
                (grant, due, binding, done)
            }));
        }
    }
    fn ended(&mut self, (grant, due, binding, done): (String, DateTime<Utc>, Identity, Result<Outcome, Error>)) {
        let failed = match done {
            Ok(Outcome::Refused(words)) => words,
            Ok(Outcome::Done) => return self.metrics.ended_late((self.now() - due).to_std().unwrap_or_default()),
            Ok(Outcome::AlreadyGone | Outcome::AlreadyThere) => return,
            Err(error) => {
                self.metrics.failed_call(error.label());
                error.to_string()
            }
        };
        self.metrics.removal_failed();
        let Identity { namespace, name, uid } = &binding;
        tracing::error!(
            kind = "RoleBinding",
            namespace,
            name,
            uid,
            operation = "delete_binding",
            "not ended yet: {failed}"
        );
        self.index.note_binding(&grant, Some(binding));
    }

    fn note_grant(&mut self, grant: &AccessGrant) {
        self.index.note_grant(&grant.uid().unwrap_or_default(), record::due(grant).map(|due| due.get()));
    }
    fn note_binding(&mut self, binding: &Trace<RoleBinding>, exists: bool) {
        let Some(grant) = binding.labels().get(GRANT_LABEL) else { return };
        self.index.note_binding(grant, exists.then(|| Identity::of(binding)));
        match binding.labels().get(POLICY_LABEL).filter(|_| exists) {
            Some(policy) => drop(self.held.insert(grant.clone(), policy.clone())),
            None => drop(self.held.remove(grant)),
        }
    }
    fn grant_changed(&mut self, change: Event<AccessGrant>) {
        match change {
            Event::Init => self.listed_grants.clear(),
            Event::InitApply(grant) => {
                self.listed_grants.insert(grant.uid().unwrap_or_default());
                self.note_grant(&grant);
            }
            Event::InitDone => self.index.keep_grants(&std::mem::take(&mut self.listed_grants)),
            Event::Apply(grant) => self.note_grant(&grant),
            Event::Delete(grant) => self.index.note_grant(&grant.uid().unwrap_or_default(), None),
        }
    }
    fn binding_changed(&mut self, change: Event<Trace<RoleBinding>>) {
        match change {
            Event::Init => self.listed_bindings.clear(),
            Event::InitApply(binding) => {
                self.listed_bindings.extend(binding.labels().get(GRANT_LABEL).cloned());
                self.note_binding(&binding, true);
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed_bindings);
                self.held.retain(|grant, _| listed.contains(grant));
                self.index.keep_bindings(&listed);
            }
            Event::Apply(binding) => self.note_binding(&binding, true),
            Event::Delete(binding) => self.note_binding(&binding, false),
        }
    }
}

/// Deletes what has no live grant; the log says what.
async fn sweep(cluster: Cluster, clock: Clock) {
    match super::sweep::sweep(&cluster, &clock, false, &mut std::io::sink()).await {
        Ok(failed) => failed.iter().for_each(|words| tracing::error!(operation = "sweep", "{words}")),
        Err(error) => tracing::error!(operation = "sweep", error = &error as &dyn std::error::Error, "sweep failed"),
    }
}
