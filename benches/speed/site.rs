//! The control plane with its namespaces, its policy, the people, and the operator as a process.
use crate::seen::Seen;
use curfew::api::names;
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::{self, Ready};
use curfew::api::request::AccessRequest;
use curfew::decide::Installation;
use curfew_testbed::bed::until;
use curfew_testbed::chart::{self, OPERATOR, RELEASE, SWEEPER, USERS};
use curfew_testbed::connection::Connection;
use curfew_testbed::ports;
use curfew_testbed::supervise::Supervised;
use curfew_testbed::trail::Trail;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Request};
use kube::{Client, Resource};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Everything happens in so many namespaces, as the API server reads all bindings of one for each call in it.
pub const NAMESPACES: usize = 10;
const POLICY: &str = "bench";
const STEP: &str = "service-owner";
const LOG: &str = "operator";

/// Where everything is measured.
pub struct Site {
    connection: Connection,
    /// The version of Kubernetes.
    pub kubernetes: String,
    /// Member of `system:masters`.
    pub admin: Client,
    /// Acts as the operator, for the bare calls.
    pub operator: Client,
    /// The one who approves.
    pub bob: Client,
    /// Asks in the series of single accesses.
    pub alice: Client,
    /// Asks in the bare calls.
    pub carol: Client,
    /// What was committed when.
    pub seen: Arc<Seen>,
    kubeconfig: PathBuf,
}

/// The operator's process.
pub struct Operator(Supervised);
/// Resident memory of a process, in MiB.
#[derive(Clone, Copy)]
pub struct Memory {
    pub now: f64,
    pub most: f64,
}

/// The namespace of the n-th request.
pub fn namespace(n: usize) -> String {
    format!("bench-{}", n % NAMESPACES)
}

impl Site {
    /// On a control plane with the chart installed (`curfew-testbed run --chart`).
    pub async fn new() -> Self {
        let connection = Connection::from_env().unwrap();
        let admin = connection.client(&connection.admin()).await.unwrap();
        let kubeconfig = connection.service_account(RELEASE, OPERATOR).await.unwrap();
        let person = async |name: &str, groups: &[&str]| {
            let kubeconfig = connection.user(name, groups).unwrap();
            connection.client(&kubeconfig).await.unwrap()
        };
        let (alice, carol) =
            (person("alice", &["engineers", USERS]).await, person("carol", &["engineers", USERS]).await);
        let bob = person("bob", &[USERS]).await;
        let operator = connection.client(&kubeconfig).await.unwrap();
        let seen = Seen::start(&connection.client(&connection.admin()).await.unwrap());
        let kubernetes = admin.apiserver_version().await.unwrap().git_version;
        let site = Self { kubernetes, admin, operator, bob, alice, carol, seen, kubeconfig, connection };
        site.furnish().await;
        site
    }
    async fn furnish(&self) {
        for n in 0..NAMESPACES {
            let object = json!({"metadata": {"name": namespace(n), "labels": {"curfew.dev/zone": POLICY}}});
            self.make::<Namespace>(&Api::all(self.admin.clone()), object).await;
        }
        let spec = json!({
            "description": "One account, after a real report from a customer.",
            "owner": {"kind": "Group", "name": "platform"},
            "namespaces": {"matchLabels": {"curfew.dev/zone": POLICY}},
            "requesters": [{"kind": "Group", "name": "engineers"}],
            "access": [{"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}}],
            "duration": {"default": "1h", "max": "1h"},
            "evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A support case."}, "require": []},
            "approval": {"steps": [{"name": STEP, "approvers": [{"kind": "User", "name": "bob"}, {"kind": "User", "name": "dana"}]}]},
        });
        let policy = json!({"metadata": {"name": POLICY}, "spec": spec});
        self.make::<AccessPolicy>(&Api::all(self.admin.clone()), policy).await;
    }
    async fn make<K>(&self, api: &Api<K>, mut object: Value) -> K
    where
        K: Resource<DynamicType = ()> + Clone + serde::Serialize + serde::de::DeserializeOwned + std::fmt::Debug,
    {
        object["apiVersion"] = K::api_version(&()).into();
        object["kind"] = K::kind(&()).into();
        api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
    }

    /// Where files of this run may be.
    pub fn folder(&self) -> &Path {
        self.connection.directory()
    }
    /// The administrator's kubeconfig.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.connection.admin()
    }
    /// Credentials of somebody, for a program.
    pub fn kubeconfig_of(&self, name: &str, groups: &[&str]) -> PathBuf {
        self.connection.user(name, groups).unwrap()
    }
    /// What the API server writes down of each call from now on.
    pub fn trail(&self) -> Trail {
        Trail::begins(&self.connection)
    }
    /// What the chart's defaults come to.
    pub fn installation(&self) -> Installation {
        chart::installation("curfew-bench", "curfew")
    }
    /// Starts the operator's release binary, and waits until it would grant.
    pub async fn operator(&self) -> Operator {
        let [port] = ports::free().unwrap();
        let (logs, flag) =
            (self.connection.directory().join("logs"), |name: &str, value: &str| format!("--{name}={value}"));
        let arguments = [
            "run".into(),
            flag("kubeconfig", &self.kubeconfig.display().to_string()),
            flag("listen", &format!("127.0.0.1:{port}")),
            flag("user", &chart::account(OPERATOR)),
            flag("sweeper", &chart::account(SWEEPER)),
            flag("pod-name", "curfew-bench"),
            flag("pod-namespace", RELEASE),
        ];
        let program = Path::new(env!("CARGO_BIN_EXE_curfew"));
        let operator = Supervised::start(LOG, &logs, program, &arguments).unwrap();
        let policies = Api::<AccessPolicy>::all(self.admin.clone());
        until("the policy is ready", || async {
            let status = policies.get(POLICY).await.ok()?.status?;
            reasons::is(&status, Ready::Complete).then_some(())
        })
        .await;
        Operator(operator)
    }
    pub async fn stop_controller_manager(&self) {
        self.connection.stop_controller_manager().await.unwrap();
    }
    pub async fn start_controller_manager(&self) {
        self.connection.start_controller_manager().await.unwrap();
    }

    /// Files the request of this name as somebody, by impersonation: a client each would be a connection each.
    pub async fn file_as(&self, person: &str, request: &str, namespace: &str) -> AccessRequest {
        let url = AccessRequest::url_path(&(), Some(namespace));
        let body = serde_json::to_vec(&manifest(request, namespace)).unwrap();
        let mut call = Request::new(url).create(&PostParams::default(), body).unwrap();
        let headers = call.headers_mut();
        headers.insert("impersonate-user", person.parse().unwrap());
        for group in ["engineers", USERS, "system:authenticated"] {
            headers.append("impersonate-group", group.parse().unwrap());
        }
        self.admin.request(call).await.unwrap()
    }
    /// Files a request as the owner of this client.
    pub async fn file(&self, person: &Client, request: &str, namespace: &str) -> AccessRequest {
        let api = Api::<AccessRequest>::namespaced(person.clone(), namespace);
        let object = serde_json::from_value(manifest(request, namespace)).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap()
    }
    /// Approves as bob, for so many seconds.
    pub async fn approve(&self, filed: &AccessRequest, seconds: i64) {
        let entry = json!({"by": "bob", "as": "bob", "step": STEP, "decision": "Approve", "duration": format!("{seconds}s"),
            "revision": names::revision(filed), "comment": "Narrow and tied to a case."});
        let patch = json!([{"op": "add", "path": "/status/approvals/-", "value": entry}]);
        let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
        self.patch(&self.bob, filed, &patch).await;
    }
    /// Deletes a request that nobody needs any more.
    pub async fn forget(&self, filed: &AccessRequest) {
        let api = Api::<AccessRequest>::namespaced(self.admin.clone(), filed.metadata.namespace.as_deref().unwrap());
        api.delete(filed.metadata.name.as_deref().unwrap(), &DeleteParams::default()).await.unwrap();
    }
    /// Closes as alice.
    pub async fn close(&self, filed: &AccessRequest) {
        self.patch(&self.alice, filed, &Patch::Merge(json!({"status": {"close": {"by": "alice"}}}))).await;
    }
    async fn patch<P: serde::Serialize + std::fmt::Debug>(&self, by: &Client, filed: &AccessRequest, patch: &Patch<P>) {
        let namespace = filed.metadata.namespace.as_deref().unwrap();
        let api = Api::<AccessRequest>::namespaced(by.clone(), namespace);
        api.patch_status(filed.metadata.name.as_deref().unwrap(), &PatchParams::default(), patch).await.unwrap();
    }
    /// Asks, as the owner of this client, without a pause until the API server says that they may, or may not, read logs.
    pub async fn until_may(&self, person: &Client, namespace: &str, expected: bool) {
        let attributes = json!({"namespace": namespace, "verb": "get", "resource": "pods", "subresource": "log"});
        let review: SelfSubjectAccessReview =
            serde_json::from_value(json!({"spec": {"resourceAttributes": attributes}})).unwrap();
        let api = Api::<SelfSubjectAccessReview>::all(person.clone());
        let asks = async {
            while api.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed != expected {}
        };
        tokio::time::timeout(Duration::from_secs(30), asks).await.expect("access comes and goes");
    }
}

/// With a ticket of its own: more for the same ticket would be a renewal.
fn manifest(request: &str, namespace: &str) -> Value {
    let ticket = format!("SUP-1{}", request.chars().filter(char::is_ascii_digit).collect::<String>());
    json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest", "metadata": {"name": request, "namespace": namespace},
        "spec": {"policy": POLICY, "reason": "Check why invoice totals changed for customer account 4812.", "ticket": ticket,
            "requester": {"username": "stamped"}}})
}

impl Operator {
    /// What it takes now, and the most that it ever took.
    pub fn memory(&self) -> Memory {
        let pid = self.0.pids().pop().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let mib = |field: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<f64>().unwrap() / 1024.0
        };
        Memory { now: mib("VmRSS:"), most: mib("VmHWM:") }
    }
    pub fn stop(self) {
        self.0.stop().unwrap();
    }
}
