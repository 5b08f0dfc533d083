//! The same API calls as the operator's, bare: from this process, with the operator's credentials, while no operator runs.
//!
//! To let somebody in, the operator reads the request and what it is decided by (6 calls), writes the grant, reads it and
//! what belongs to it (5), asks for room in the namespace, makes the fuse, and stores that; once the fuse is complete it
//! reads (5), stores which fuse it is, reads again (5: what it acts on is read live), has a forged decision refused, and
//! makes the binding. Here these 29 calls follow each other without a watch, a queue, a decision or an Event; reads that
//! the operator makes together are made together here too. Nobody waits for the fuse: that time is taken out of the
//! operator's as well. To let somebody out, it reads (5) and deletes the binding.
//!
//! [`Cluster`] is used for the calls, as it adds to each no more than a deadline.
use crate::one::COUNT;
use crate::site::{Site, namespace};
use crate::table::Times;
use chrono::{TimeDelta, Utc};
use curfew::api::grant::{AccessGrant, AccessGrantStatus, FuseOf};
use curfew::api::names;
use curfew::api::reasons::Outcome as Decided;
use curfew::api::request::{AccessRequest, AccessRequestStatus};
use curfew::api::subject::{RoleKind, RoleRef};
use curfew::api::time;
use curfew::cluster::Cluster;
use curfew::cluster::read::Surroundings;
use curfew::cluster::write::Stored;
use curfew::decide::effect::{Effect, Identity, Outcome, Question};
use curfew::decide::{children, role};
use futures::{StreamExt, stream};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::ResourceExt;
use serde_json::json;
use std::time::{Duration, Instant};

/// How many deletes are under way at once: as many as the operator allows itself.
const AT_ONCE: usize = 32;
/// How many bindings are deleted.
const DELETES: usize = 1000;

/// How long the calls take that let somebody in, and out.
pub struct Bare {
    /// From the first read to the binding.
    pub begun: Times,
    /// The writes among them, and the forged one.
    pub writes: Times,
    /// Binding to access.
    pub visible: Times,
    /// From the first read to no access.
    pub closed: Times,
}

/// How long it takes to delete many bindings.
pub struct Deletes(Duration);
impl Deletes {
    /// Bindings per second.
    pub fn rate(&self) -> f64 {
        DELETES as f64 / self.0.as_secs_f64()
    }
}

/// One after the other, as the operator's series.
pub async fn begin_and_close(site: &Site) -> Bare {
    let (mut begun, mut writes, mut visible, mut closed) = (vec![], vec![], vec![], vec![]);
    for n in 0..COUNT {
        let filed = prepared(site, n).await;
        let mut caller = Caller::new(site, &filed);
        let start = Instant::now();
        caller.begins().await;
        begun.push(start.elapsed());
        writes.push(caller.writing);
        let start = Instant::now();
        site.until_may(&site.carol, &caller.place, true).await;
        visible.push(start.elapsed());
        let start = Instant::now();
        caller.ends().await;
        site.until_may(&site.carol, &caller.place, false).await;
        closed.push(start.elapsed());
        site.forget(&filed).await;
    }
    let times = |of: Vec<Duration>| of.into_iter().collect();
    Bare { begun: times(begun), writes: times(writes), visible: times(visible), closed: times(closed) }
}

/// A request of carol's that has the status which a decision, also a forged one, is added to.
async fn prepared(site: &Site, n: usize) -> AccessRequest {
    let filed = site.file(&site.carol, &format!("bare-{n}"), &namespace(n)).await;
    let status = AccessRequestStatus { revision: Some(names::revision(&filed)), ..Default::default() };
    assert_eq!(Cluster::new(site.operator.clone()).store_request(&filed, &status).await.unwrap(), Stored::Done);
    filed
}

/// Makes the calls for one request.
struct Caller<'a> {
    site: &'a Site,
    cluster: Cluster,
    name: String,
    place: String,
    grant: String,
    writing: Duration,
}
impl<'a> Caller<'a> {
    fn new(site: &'a Site, filed: &AccessRequest) -> Self {
        let (name, place) = (filed.name_any(), filed.namespace().unwrap());
        let grant = names::grant(&place, &name, &filed.uid().unwrap());
        Self { site, cluster: Cluster::new(site.operator.clone()), name, place, grant, writing: Duration::ZERO }
    }
    async fn begins(&mut self) {
        let asked = self.cluster.request(&self.place, &self.name).await.unwrap().unwrap();
        let role = RoleRef { kind: RoleKind::ClusterRole, name: "curfew-logs".into() };
        let live = self.cluster.live_grants_of("carol");
        let (_, rules) = tokio::try_join!(live, self.cluster.rules(&role, &self.place)).unwrap();
        let grant = grant(&asked.request, &rules.unwrap());
        self.writes(Effect::CreateGrant(Box::new(grant))).await;

        let Surroundings { grant, .. } = self.read().await;
        let room = Question::HasRoom { namespace: self.place.clone(), limit: 200 };
        assert!(self.cluster.ask(room).await.unwrap().yes);
        let fuse = children::fuse(&grant, TimeDelta::minutes(10), &self.site.installation()).unwrap();
        self.writes(Effect::CreateFuse(Box::new(fuse))).await;
        let preparing = AccessGrantStatus { state: Some("Preparing".into()), ..Default::default() };
        self.stores(&grant, &preparing).await;

        let Surroundings { grant, fuse, .. } = self.read().await;
        let fuse = fuse.unwrap();
        let recorded = FuseOf { name: fuse.name_any(), uid: fuse.uid().unwrap() };
        self.stores(&grant, &AccessGrantStatus { fuse: Some(recorded), ..preparing }).await;

        let Surroundings { grant, fuse, .. } = self.read().await;
        let forged = Question::IsAdmissionLive { namespace: self.place.clone(), request: self.name.clone() };
        let start = Instant::now();
        assert!(self.cluster.ask(forged).await.unwrap().yes);
        self.writing += start.elapsed();
        let binding = children::binding(&grant, &fuse.unwrap()).unwrap();
        self.writes(Effect::CreateBinding(Box::new(binding))).await;
    }
    async fn ends(&mut self) {
        let binding = self.read().await.binding.unwrap();
        self.writes(Effect::DeleteBinding(Identity::of(&binding))).await;
    }
    async fn read(&self) -> Surroundings {
        self.cluster.grant(&self.grant).await.unwrap().unwrap()
    }
    async fn writes(&mut self, effect: Effect) {
        let start = Instant::now();
        assert_eq!(self.cluster.perform(&effect).await.unwrap(), Outcome::Done);
        self.writing += start.elapsed();
    }
    async fn stores(&mut self, grant: &AccessGrant, status: &AccessGrantStatus) {
        let start = Instant::now();
        assert_eq!(self.cluster.store_grant(grant, status).await.unwrap(), Stored::Done);
        self.writing += start.elapsed();
    }
}

/// A record as the operator writes it.
fn grant(request: &AccessRequest, rules: &[PolicyRule]) -> AccessGrant {
    let now = time::Instant::new(Utc::now());
    let (name, place, uid) = (request.name_any(), request.namespace().unwrap(), request.uid().unwrap());
    let labels = [
        (names::MANAGED_BY_LABEL, names::FIELD_MANAGER),
        (names::POLICY_LABEL, "bench"),
        (names::REQUEST_LABEL, &name),
    ];
    serde_json::from_value(json!({
        "apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": names::grant(&place, &name, &uid), "labels": labels.into_iter().collect::<std::collections::BTreeMap<_, _>>()},
        "spec": {
            "request": {"namespace": place, "name": name, "uid": uid, "generation": 1},
            "policy": {"name": "bench", "uid": "bench", "generation": 1, "description": "Bare.", "retentionDays": 400},
            "outcome": Decided::Approved, "user": "carol", "groups": request.spec.requester.groups,
            "entitledBy": {"kind": "Group", "name": "engineers"}, "namespace": place, "access": "logs", "level": "ReadOnly",
            "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": rules, "rulesSha256": role::digest(rules),
            "adds": ["get pods/log"], "ticket": request.spec.ticket, "reason": request.spec.reason, "askedFor": "10m",
            "approvedBy": "bob", "notBefore": now, "expiresAt": time::Instant::new(now.get() + TimeDelta::minutes(10)),
        },
    }))
    .unwrap()
}

/// The bare loop of deletes: bindings like the operator's, as many at once as the operator deletes.
///
/// kube-controller-manager is away meanwhile, as it would collect bindings whose fuse was never made.
pub async fn deletes(site: &Site) -> Deletes {
    site.stop_controller_manager().await;
    let cluster = Cluster::new(site.operator.clone());
    let perform = async |effect: Effect| assert_eq!(cluster.perform(&effect).await.unwrap(), Outcome::Done);
    let made = (0..DELETES).map(|n| Effect::CreateBinding(Box::new(binding(site, n))));
    stream::iter(made).for_each_concurrent(AT_ONCE, perform).await;
    let (_, bindings) = cluster.ends().await.unwrap();
    assert_eq!(bindings.len(), DELETES);
    let deletes: Vec<_> = bindings.iter().map(|binding| Effect::DeleteBinding(Identity::of(binding))).collect();
    let start = Instant::now();
    stream::iter(deletes).for_each_concurrent(AT_ONCE, perform).await;
    let took = start.elapsed();
    site.start_controller_manager().await;
    Deletes(took)
}

fn binding(site: &Site, n: usize) -> k8s_openapi::api::rbac::v1::RoleBinding {
    let uid = format!("{n:08x}-0000-4000-8000-000000000000");
    let request = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": format!("delete-{n}"), "namespace": namespace(n), "uid": uid},
        "spec": {"policy": "bench", "reason": "r", "ticket": "SUP-1", "requester": {"username": "carol"}}});
    let mut grant = grant(&serde_json::from_value(request).unwrap(), &[]);
    grant.metadata.uid = Some(uid.clone());
    let mut fuse: Job = children::fuse(&grant, TimeDelta::minutes(10), &site.installation()).unwrap();
    fuse.metadata.uid = Some(uid);
    children::binding(&grant, &fuse).unwrap()
}
