//! What a test's author sees: a namespace on the shared control plane, people with their own credentials, and an operator
//! that may crash. Tests wait on conditions.
use crate::chart::{self, OPERATOR, RELEASE, USERS};
use crate::connection::Connection;
use crate::faults::Faults;
use crate::scope::{POLICY_LABEL, Scope};
use crate::trail::Trail;
use curfew::api::grant::AccessGrant;
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::{self, Ready, Reason};
use curfew::api::request::AccessRequest;
use curfew::api::{Conditions, names};
use curfew::cluster::connect;
use curfew::decide::{Audit, Installation, Notify};
use curfew::operate::{self, Clients, clock::Clock};
use curfew::telemetry::{Health, Metrics};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::client::ClientBuilder;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, watch};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(90);
/// The operator's credentials: one Pod for the whole process.
static OPERATOR_KUBECONFIG: OnceCell<PathBuf> = OnceCell::const_new();

/// A namespace of its own on the shared control plane.
pub struct Bed {
    /// The control plane.
    pub connection: Connection,
    /// Member of `system:masters`.
    pub admin: Client,
    /// The test's namespace; its policies and its lease have the same name.
    pub namespace: String,
    /// What came into the audit log since.
    pub trail: Trail,
}
/// Somebody, with their own credentials.
pub struct Person {
    /// Their user name.
    pub name: String,
    /// Acts as them.
    pub client: Client,
    /// For `kubectl`.
    pub kubeconfig: PathBuf,
    namespace: String,
}
/// A request that was filed.
#[derive(Clone)]
pub struct Filed {
    api: Api<AccessRequest>,
    admin: Client,
    /// Its name.
    pub name: String,
}
/// A grant that was made.
#[derive(Clone)]
pub struct Granted {
    admin: Client,
    /// Its name.
    pub name: String,
}
/// An operator in this process; it dies when dropped.
pub struct Operator {
    /// What stands in front of both its connections.
    pub faults: Faults,
    /// What it says of itself.
    pub health: Health,
    /// What it counts.
    pub metrics: Metrics,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}
impl Operator {
    /// Stops it as SIGTERM does, and waits until it has gone.
    pub async fn stops(mut self) {
        self.stop.send_replace(true);
        drop((&mut self.task).await);
    }
    /// Kills it: nothing more goes out.
    pub fn dies(self) {
        self.faults.stop();
    }
}
impl Drop for Operator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bed {
    /// Makes a namespace for this test, on a control plane with the chart installed (`curfew-testbed run --chart`).
    pub async fn new(test: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connection = Connection::from_env().unwrap();
        let admin = connection.client(&connection.admin()).await.unwrap();
        let namespace = format!("{test}-{}", nonce());
        let labels = json!({"curfew.dev/zone": namespace});
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}});
        let namespaces = Api::<Namespace>::all(admin.clone());
        namespaces.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        let trail = Trail::begins(&connection);
        Self { connection, admin, namespace, trail }
    }

    /// A policy of this test: one step `service-owner` for these subjects, `curfew-logs` for 30 minutes.
    pub async fn policy(&self, approvers: Value) -> String {
        self.policy_with(json!({"approval": {"steps": [{"name": "service-owner", "approvers": approvers}]}})).await
    }
    /// The same with these parts of its spec replaced.
    pub async fn policy_with(&self, changes: Value) -> String {
        let mut spec = json!({
            "description": "One account, after a real report from a customer.",
            "owner": {"kind": "Group", "name": "platform"},
            "namespaces": {"matchLabels": {"curfew.dev/zone": self.namespace}},
            "requesters": [{"kind": "Group", "name": "engineers"}],
            "access": [{"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}}],
            "duration": {"default": "30m", "max": "1h"},
            "limits": {"pendingPerRequester": 20},
            "evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A support case."}, "require": []},
            "approval": {"steps": [{"name": "service-owner", "approvers": [{"kind": "User", "name": "bob"}, {"kind": "Group", "name": "billing-owners"}]}]},
        });
        spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let policy = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy",
            "metadata": {"name": self.namespace, "labels": {POLICY_LABEL: self.namespace}}, "spec": spec});
        let api = Api::<AccessPolicy>::all(self.admin.clone());
        let applied = api.patch(&self.namespace, &PatchParams::apply("testbed").force(), &Patch::Apply(policy)).await;
        applied.unwrap().name_any()
    }
    /// Deletes the policy of this test.
    pub async fn deletes_policy(&self) {
        let api = Api::<AccessPolicy>::all(self.admin.clone());
        api.delete(&self.namespace, &DeleteParams::default()).await.unwrap();
    }
    /// Waits for a reason of the policy of this test.
    pub async fn policy_becomes(&self, reason: Ready) -> AccessPolicy {
        let api = Api::<AccessPolicy>::all(self.admin.clone());
        let name = &self.namespace;
        until(&format!("policy {name} is {reason:?}"), || async {
            let policy = api.get(name).await.ok()?;
            let status = policy.status.as_ref()?;
            let current = status.observed_generation == policy.metadata.generation;
            (current && reasons::is(status, reason)).then_some(policy)
        })
        .await
    }

    /// Somebody who may use Curfew, in these groups too.
    pub async fn person(&self, name: &str, groups: &[&str]) -> Person {
        let groups: Vec<&str> = groups.iter().copied().chain([USERS]).collect();
        let kubeconfig = self.connection.user(name, &groups).unwrap();
        let client = self.connection.client(&kubeconfig).await.unwrap();
        Person { name: name.into(), client, kubeconfig, namespace: self.namespace.clone() }
    }
    /// alice, who asks, and bob, who agrees.
    pub async fn alice_and_bob(&self) -> (Person, Person) {
        (self.person("alice", &["engineers"]).await, self.person("bob", &["billing-owners"]).await)
    }

    /// An operator of this test alone.
    pub async fn operator(&self) -> Operator {
        self.operator_with(Faults::none(), Clock::system()).await
    }
    /// With faults in front of both its connections, and this clock.
    pub async fn operator_with(&self, faults: Faults, clock: Clock) -> Operator {
        let ending = faults.clone();
        self.operator_of(faults, ending, clock).await
    }
    /// With faults of its own on the connection that ends.
    pub async fn operator_of(&self, granting: Faults, ending: Faults, clock: Clock) -> Operator {
        self.start(granting, ending, clock, self.installation()).await
    }
    async fn start(&self, granting: Faults, ending: Faults, clock: Clock, installation: Installation) -> Operator {
        let kubeconfig = self.operator_kubeconfig().await;
        let scope = Scope(self.namespace.clone());
        let clients = Clients {
            granting: client(&kubeconfig, &scope, &granting).await,
            ending: client(&kubeconfig, &scope, &ending).await,
            ends: Handle::current(),
        };
        let (stop, stopped) = watch::channel(false);
        let (health, metrics) = (Health::new(), Metrics::new());
        let task = tokio::spawn(operate::run(clients, clock, installation, health.clone(), metrics.clone(), stopped));
        Operator { faults: granting, health, metrics, stop, task }
    }
    /// One that holds a lease of its own: two that both believe they may grant, as split brains do.
    pub async fn rival(&self, faults: Faults) -> Operator {
        let installation = Installation { lease: format!("{}-rival", self.namespace), ..self.installation() };
        self.start(faults.clone(), faults, Clock::system(), installation).await
    }
    /// The operator's ServiceAccount, by a token that is bound to a Pod.
    pub async fn operator_kubeconfig(&self) -> PathBuf {
        let made = OPERATOR_KUBECONFIG
            .get_or_init(|| async { self.connection.service_account(RELEASE, OPERATOR).await.unwrap() });
        made.await.clone()
    }
    /// One that exports records to this folder before it deletes them.
    pub async fn operator_that_exports(&self, to: &Path, faults: Faults, clock: Clock) -> Operator {
        let installation = Installation { export: Some(to.to_owned()), ..self.installation() };
        self.start(faults.clone(), faults, clock, installation).await
    }
    /// One that reads the audit log of this control plane, and does so when this returns.
    pub async fn operator_that_watches(&self) -> Operator {
        let installation = Installation { audit_source: Some(self.connection.audit_log()), ..self.installation() };
        let operator = self.start(Faults::none(), Faults::none(), Clock::system(), installation).await;
        until("audit events arrive", || async {
            matches!(operator.health.standing().borrow().audit, Audit::Delivers { .. }).then_some(())
        })
        .await;
        operator
    }
    /// One that tells this receiver of each transition.
    pub async fn operator_that_notifies(&self, url: &str) -> Operator {
        let notify = Some(Notify { url: url.parse().unwrap(), token: None, ca: None });
        let installation = Installation { notify, ..self.installation() };
        self.start(Faults::none(), Faults::none(), Clock::system(), installation).await
    }
    /// What the chart's defaults come to, with a lease of this test's own.
    pub fn installation(&self) -> Installation {
        let defaults = chart::installation(&self.namespace, &self.namespace);
        Installation { shared_accounts: vec!["shared".into()], ..defaults }
    }
    /// Takes away the lease of an operator that died, so that the next one need not wait until it has run out.
    pub async fn frees_lease(&self) {
        let leases = Api::<Lease>::namespaced(self.admin.clone(), RELEASE);
        drop(leases.delete(&self.namespace, &DeleteParams::default()).await);
    }
    /// All grants of this test.
    pub async fn grants(&self) -> Vec<AccessGrant> {
        let params = kube::api::ListParams::default().fields(&format!("spec.namespace={}", self.namespace));
        Api::<AccessGrant>::all(self.admin.clone()).list(&params).await.unwrap().items
    }
    /// All managed bindings of this test.
    pub async fn bindings(&self) -> Vec<RoleBinding> {
        let params = kube::api::ListParams::default().labels(names::GRANT_LABEL);
        Api::<RoleBinding>::namespaced(self.admin.clone(), &self.namespace).list(&params).await.unwrap().items
    }
    /// All fuses of this test.
    pub async fn fuses(&self) -> Vec<Job> {
        let params = kube::api::ListParams::default().labels(names::GRANT_LABEL);
        Api::<Job>::namespaced(self.admin.clone(), &self.namespace).list(&params).await.unwrap().items
    }
}

async fn client(kubeconfig: &Path, scope: &Scope, faults: &Faults) -> Client {
    let config = connect::config(Some(kubeconfig)).await.unwrap();
    ClientBuilder::try_from(config).unwrap().with_layer(scope).with_layer(faults).build()
}

impl Person {
    /// The manifest of a request under this policy; `sup-1` is for ticket SUP-1, as more for one ticket is a renewal.
    pub fn request(&self, name: &str, policy: &str, duration: &str) -> Value {
        let is_case = name.strip_prefix("sup-").is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
        let ticket = if is_case { name.to_uppercase() } else { "SUP-4812".to_owned() };
        json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest", "metadata": {"name": name, "namespace": self.namespace}, "spec": {
            "policy": policy, "reason": "Check why invoice totals changed for customer account 4812.", "ticket": ticket, "duration": duration}})
    }
    /// A request that somebody else filed, as they see it.
    pub fn filed(&self, name: &str) -> Filed {
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), &self.namespace);
        Filed { api, admin: self.client.clone(), name: name.into() }
    }
    /// Files a request under this policy, for so long.
    pub async fn files(&self, name: &str, policy: &str, duration: &str) -> Filed {
        self.applies(self.request(name, policy, duration)).await.unwrap()
    }
    /// `kubectl apply --server-side` of a request.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn applies(&self, manifest: Value) -> kube::Result<Filed> {
        let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), &self.namespace);
        api.patch(&name, &PatchParams::apply("kubectl").force(), &Patch::Apply(&manifest)).await?;
        Ok(Filed { api, admin: self.client.clone(), name })
    }
    /// `kubectl replace` of a request: the whole spec is what the manifest says.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn replaces(&self, mut manifest: Value) -> kube::Result<Filed> {
        let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), &self.namespace);
        loop {
            let current = api.get(&name).await?;
            manifest["metadata"]["resourceVersion"] = json!(current.resource_version());
            manifest["spec"]["requester"] = json!(current.spec.requester);
            let wanted = serde_json::from_value(manifest.clone()).unwrap();
            match api.replace(&name, &PostParams::default(), &wanted).await {
                // The operator wrote its status in between.
                Err(kube::Error::Api(status)) if status.is_conflict() => {}
                answer => break answer.map(drop)?,
            }
        }
        Ok(Filed { api, admin: self.client.clone(), name })
    }
    /// Approves as themselves, as plain `kubectl patch --subresource=status` does.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn approves(&self, filed: &Filed, step: &str) -> kube::Result<()> {
        self.decides(filed, json!({"step": step, "decision": "Approve"})).await
    }
    /// Decides; what the entry does not say is filled in: oneself, now, with a reason.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn decides(&self, filed: &Filed, changes: Value) -> kube::Result<()> {
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), &self.namespace);
        let revision = names::revision(&api.get(&filed.name).await?);
        let mut entry =
            json!({"by": self.name, "as": self.name, "revision": revision, "comment": "Narrow and tied to a case."});
        entry.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let patch: Patch<()> = Patch::Json(
            serde_json::from_value(json!([{"op": "add", "path": "/status/approvals/-", "value": entry}])).unwrap(),
        );
        api.patch_status(&filed.name, &PatchParams::default(), &patch).await.map(drop)
    }
    /// Starts the second access of a request, with this finding.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn starts(&self, filed: &Filed, finding: &str) -> kube::Result<()> {
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), &self.namespace);
        let patch = json!({"status": {"then": {"by": self.name, "finding": finding}}});
        api.patch_status(&filed.name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
    }
    /// Ends the request, or the access that came of it.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn closes(&self, filed: &Filed, reason: &str) -> kube::Result<()> {
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), &self.namespace);
        let patch = json!({"status": {"close": {"by": self.name, "reason": reason}}});
        api.patch_status(&filed.name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
    }
    /// Whether the API server lets them.
    pub async fn may(&self, verb: &str, resource: &str) -> bool {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let attributes =
            json!({"namespace": self.namespace, "verb": verb, "resource": resource, "subresource": subresource});
        let review: SelfSubjectAccessReview =
            serde_json::from_value(json!({"spec": {"resourceAttributes": attributes}})).unwrap();
        Api::all(self.client.clone()).create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
    }
    /// Waits until the API server lets them no more.
    pub async fn may_no_more(&self, verb: &str, resource: &str) {
        until(&format!("{} may not {verb} {resource}", self.name), || async {
            (!self.may(verb, resource).await).then_some(())
        })
        .await;
    }
}

impl Filed {
    /// The request as it is.
    pub async fn now(&self) -> AccessRequest {
        self.api.get(&self.name).await.unwrap()
    }
    /// The request as it is, once it was filed.
    pub async fn exists(&self) -> Option<AccessRequest> {
        self.api.get_opt(&self.name).await.unwrap()
    }
    /// Waits for a reason of one of its conditions that speaks of the text as it is now.
    pub async fn becomes(&self, reason: impl Reason) -> AccessRequest {
        let wanted: &str = reason.into();
        until(&format!("{}/{} is {wanted}", self.api.resource_url(), self.name), || async {
            let request = self.api.get(&self.name).await.ok()?;
            let status = request.status.as_ref()?;
            let current = status.observed_generation == request.metadata.generation;
            (current && reasons::is(status, reason)).then_some(request)
        })
        .await
    }
    /// The record that came of it.
    pub async fn recorded(&self) -> Granted {
        let name = until(&format!("{}/{} is on record", self.api.resource_url(), self.name), || async {
            self.api.get(&self.name).await.ok()?.status?.grant
        })
        .await;
        Granted { admin: self.admin.clone(), name }
    }
    /// The record of its second access.
    pub async fn recorded_again(&self) -> Granted {
        let name = until(&format!("{}/{} is on record again", self.api.resource_url(), self.name), || async {
            self.api.get(&self.name).await.ok()?.status?.then_grant
        })
        .await;
        Granted { admin: self.admin.clone(), name }
    }
    /// Deletes it, as its administrator or a reverted commit does.
    pub async fn is_deleted_by(&self, admin: &Client) {
        let namespace = self.now().await.namespace().unwrap_or_default();
        let api = Api::<AccessRequest>::namespaced(admin.clone(), &namespace);
        api.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}
impl Granted {
    /// The grant of this name.
    pub fn named(admin: &Client, name: &str) -> Self {
        Self { admin: admin.clone(), name: name.into() }
    }
    /// Waits for a reason of one of its conditions.
    pub async fn becomes(&self, reason: impl Reason) -> AccessGrant {
        let api = Api::<AccessGrant>::all(self.admin.clone());
        let wanted: &str = reason.into();
        until(&format!("grant {} is {wanted}", self.name), || async {
            let grant = api.get(&self.name).await.ok()?;
            grant.status.as_ref().is_some_and(|s| reasons::is(s, reason)).then_some(grant)
        })
        .await
    }
    /// The record as it is now.
    pub async fn record(&self) -> AccessGrant {
        Api::all(self.admin.clone()).get(&self.name).await.unwrap()
    }
    /// Name of its binding and its fuse.
    pub async fn child(&self) -> (String, String) {
        let spec = self.record().await.spec;
        (spec.namespace.clone(), names::child_of(&spec))
    }
}

/// What the conditions of a status say, for messages of tests.
pub fn conditions(status: &impl Conditions) -> Vec<String> {
    status.conditions().iter().map(|c| format!("{}={}/{}: {}", c.type_, c.status, c.reason, c.message)).collect()
}

/// Waits until there is an answer, and no longer than `PATIENCE` (90 s).
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, answer: impl Fn() -> F) -> T {
    let waits = tokio::time::timeout(PATIENCE, async {
        let mut pause = Duration::from_millis(25);
        loop {
            if let Some(found) = answer().await {
                return found;
            }
            tokio::time::sleep(pause).await;
            // What did not come at once is not asked for again and again: other tests share the API server.
            pause = (pause * 3 / 2).min(Duration::from_millis(100));
        }
    });
    waits.await.unwrap_or_else(|_| panic!("never: {what}"))
}

fn nonce() -> String {
    format!("{:x}", crate::ports::random() & 0xffff_ffff)
}
