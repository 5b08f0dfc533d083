//! The control plane as the table finds it: the chart installed, people with their own credentials, and the few
//! rights beyond the chart's that let a call reach admission at all.
use super::scene::Call;
use curfew_testbed::chart::{self, OPERATOR, RELEASE, SWEEPER};
use curfew_testbed::connection::Connection;
use http_body_util::BodyExt;
use kube::Client;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// An engineer; files the requests.
    Alice,
    /// One of the billing-owners.
    Bob,
    /// An engineer who is one of the billing-owners too.
    Frank,
    /// Security.
    Carol,
    /// Another engineer, listed nowhere.
    Erin,
    /// An engineer whose user name is `billing-owners`.
    Namesake,
    /// Holds ClusterRole curfew-responder.
    Rita,
    /// Writes policies; holds `bind` on curfew-logs.
    Ann,
    /// One of those who own the policies.
    Olga,
    /// Writes namespaces.
    Tom,
    /// Writes namespaces, and holds `classify`.
    Clara,
    /// Makes RoleBindings of curfew-logs.
    Nadia,
    /// The same, and holds `bypass`.
    Basil,
    /// `system:masters`.
    Admin,
    /// A ServiceAccount with curfew-user, that holds `file` on the policy customer-support.
    Robot,
    /// The operator, by a token that is bound to its pod.
    Operator,
    /// The operator's name, by a token that somebody minted by hand.
    Loose,
    /// The operator's name, impersonated by an administrator.
    Impersonator,
    /// The sweep's ServiceAccount.
    Sweeper,
    /// The garbage collector of kube-controller-manager.
    Collector,
}

const PEOPLE: &[(Who, &str, &[&str])] = &[
    (Who::Alice, "alice", &["engineers"]),
    (Who::Bob, "bob", &["billing-owners"]),
    (Who::Frank, "frank", &["engineers", "billing-owners"]),
    (Who::Carol, "carol", &["security"]),
    (Who::Erin, "erin", &["engineers"]),
    (Who::Namesake, "billing-owners", &["engineers"]),
    (Who::Rita, "rita", &["on-call"]),
    (Who::Ann, "ann", &["policy-authors"]),
    (Who::Olga, "olga", &["platform-security"]),
    (Who::Tom, "tom", &["platform"]),
    (Who::Clara, "clara", &["platform-leads"]),
    (Who::Nadia, "nadia", &["namespace-admins"]),
    (Who::Basil, "basil", &["namespace-admins"]),
    (Who::Admin, "root", &["system:masters"]),
];

/// What the API server said.
#[derive(Debug)]
pub struct Reply {
    pub code: u16,
    pub warning: String,
    pub body: Value,
}

impl Reply {
    /// The message of a refusal; empty for what was accepted.
    pub fn words(&self) -> &str {
        if self.code < 300 { "" } else { self.body["message"].as_str().unwrap_or_default() }
    }
}

/// A client, and the user name that it takes on.
type Caller = (Client, Option<String>);

/// The control plane, its users, and a namespace of this test's own.
pub struct World {
    connection: Connection,
    clients: HashMap<Who, Caller>,
    pub namespace: String,
    pub home: String,
}

impl World {
    /// With the chart installed.
    pub async fn new(name: &str) -> Self {
        let connection = Connection::from_env().unwrap();
        let mut clients = HashMap::new();
        for (who, user, groups) in PEOPLE {
            let client = connection.client(&connection.user(user, groups).unwrap()).await.unwrap();
            clients.insert(*who, (client, None));
        }
        let micros = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp_micros();
        let mut world =
            Self { clients, namespace: format!("{name}-{:x}", micros & 0xff_ffff), home: RELEASE.into(), connection };
        world.grants_rights().await;
        world.has_machines().await;
        world
    }

    /// Gives somebody another certificate.
    pub async fn becomes(&mut self, who: Who, user: &str, groups: &[String]) {
        let groups: Vec<_> = groups.iter().map(String::as_str).collect();
        let client = self.connection.client(&self.connection.user(user, &groups).unwrap()).await.unwrap();
        self.clients.insert(who, (client, None));
    }

    pub fn operator(&self) -> String {
        chart::account(OPERATOR)
    }
    pub fn sweeper(&self) -> String {
        chart::account(SWEEPER)
    }
    pub fn robot(&self) -> String {
        format!("system:serviceaccount:{}:robot", self.namespace)
    }

    /// Makes a call.
    pub async fn call(&self, who: Who, call: &Call) -> Reply {
        let body = if call.body.is_null() { vec![] } else { serde_json::to_vec(&call.body).unwrap() };
        let (client, impersonated) = &self.clients[&who];
        let mut request =
            http::Request::builder().method(call.method).uri(&call.path).header("Content-Type", call.media);
        if let Some(name) = impersonated {
            request = request.header("Impersonate-User", name);
        }
        let answer = client.send(request.body(body.into()).unwrap()).await.unwrap();
        let code = answer.status().as_u16();
        let warnings = answer.headers().get_all("warning").iter().filter_map(|w| w.to_str().ok());
        let warning = warnings.collect::<Vec<_>>().join("; ");
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Reply { code, warning, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// Makes a call that must succeed. Right after an installation the API server may need a moment.
    pub async fn must(&self, who: Who, call: Call) -> Value {
        for _ in 0..100 {
            let reply = self.call(who, &call).await;
            match reply.code {
                200..300 => return reply.body,
                503 | 504 | 429 => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                code => panic!("{who:?} {} {}: {code} {}", call.method, call.path, reply.words()),
            }
        }
        panic!("{who:?} {} {}: unavailable for too long", call.method, call.path)
    }

    async fn apply(&self, path: &str, object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        self.must(Who::Admin, super::scene::apply(format!("{path}/{name}"), object)).await;
    }

    /// What admission refuses must be allowed by RBAC, or the refusal would prove nothing.
    async fn grants_rights(&self) {
        for level in ["", "-deny", "-warn", "-audit"] {
            let mut labels = json!({"curfew.dev/zone": "tests"});
            if let Some(level) = level.strip_prefix('-') {
                labels["curfew.dev/hand-made"] = json!(level);
            }
            let name = format!("{}{level}", self.namespace);
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
            self.apply("/api/v1/namespaces", object).await;
        }
        let robot = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
        self.apply(&format!("/api/v1/namespaces/{}/serviceaccounts", self.namespace), robot).await;
        let user = |name: &str| json!({"apiGroup": RBAC, "kind": "User", "name": name});
        let group = |name: &str| json!({"apiGroup": RBAC, "kind": "Group", "name": name});
        let people = json!([
            group("engineers"),
            group("billing-owners"),
            group("security"),
            group("platform-security"),
            user(&self.robot())
        ]);
        self.binds(&format!("{}-users", self.namespace), "curfew-user", people).await;
        self.binds(&format!("{}-responder", self.namespace), "curfew-responder", json!([user("rita")])).await;
        self.allows("authors", json!([user("ann")]), json!([
            {"apiGroups": ["curfew.dev"], "resources": ["accesspolicies"], "verbs": ["create", "update", "patch", "get", "delete"]},
            {"apiGroups": [RBAC], "resources": ["clusterroles"], "resourceNames": ["curfew-logs"], "verbs": ["bind"]}])).await;
        let namespaces = json!({"apiGroups": [""], "resources": ["namespaces", "namespaces/status", "namespaces/finalize"],
            "verbs": ["create", "update", "patch", "get"]});
        self.allows("namespaces", json!([user("tom"), user("clara")]), json!([namespaces])).await;
        let verb =
            |verb: &str| json!([{"apiGroups": ["curfew.dev"], "resources": ["accesspolicies"], "verbs": [verb]}]);
        self.allows("classify", json!([user("clara")]), verb("classify")).await;
        self.allows("bypass", json!([user("basil")]), verb("bypass")).await;
        let files = json!([{"apiGroups": ["curfew.dev"], "resources": ["accesspolicies"], "resourceNames": ["customer-support"], "verbs": ["file"]}]);
        self.allows("file", json!([user(&self.robot())]), files).await;
        self.allows(
            "by-hand",
            json!([user("nadia"), user("basil")]),
            json!([
            {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": ["create", "update", "patch", "get"]},
            {"apiGroups": [RBAC], "resources": ["clusterroles"], "resourceNames": ["curfew-logs"], "verbs": ["bind"]}]),
        )
        .await;
        // A role of a name that is never granted, and allows nothing.
        self.apply(&format!("/apis/{RBAC}/v1/clusterroles"), cluster_role("system:tests-nothing", json!([]))).await;
        let more = json!([{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["create"]},
            {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": ["patch"]},
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["patch"]}]);
        let role = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": {"name": "tests-more"}, "rules": more});
        self.apply(&format!("/apis/{RBAC}/v1/namespaces/{}/roles", self.namespace), role).await;
        let binding = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": {"name": "tests-more"},
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "tests-more"}, "subjects": [user(&self.operator()), user(&self.sweeper())]});
        self.apply(&super::scene::bindings_in(&self.namespace), binding).await;
    }

    async fn allows(&self, name: &str, subjects: Value, rules: Value) {
        let name = format!("{}-{name}", self.namespace);
        self.apply(&format!("/apis/{RBAC}/v1/clusterroles"), cluster_role(&name, rules)).await;
        self.binds(&name, &name, subjects).await;
    }

    async fn binds(&self, name: &str, role: &str, subjects: Value) {
        let binding = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}, "subjects": subjects});
        self.apply(&format!("/apis/{RBAC}/v1/clusterrolebindings"), binding).await;
    }

    async fn has_machines(&mut self) {
        let connection = &self.connection;
        let accounts = [
            (Who::Operator, connection.service_account(&self.home, OPERATOR).await),
            (Who::Loose, connection.loose_service_account(&self.home, OPERATOR).await),
            (Who::Sweeper, connection.service_account(&self.home, SWEEPER).await),
            (Who::Robot, connection.service_account(&self.namespace, "robot").await),
        ];
        for (who, kubeconfig) in accounts {
            self.clients.insert(who, (connection.client(&kubeconfig.unwrap()).await.unwrap(), None));
        }
        for (who, name) in [(Who::Impersonator, self.operator()), (Who::Collector, COLLECTOR.to_owned())] {
            self.clients.insert(who, (self.clients[&Who::Admin].0.clone(), Some(name)));
        }
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const COLLECTOR: &str = "system:serviceaccount:kube-system:generic-garbage-collector";

fn cluster_role(name: &str, rules: Value) -> Value {
    json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}
