//! Requests that a GitOps engine files for people: who counts, what is spent, and that the engine never sees a difference.
use crate::examples::{said, shell};
use crate::running::{binds_by_hand, cluster_role, end_reason};
use curfew::api::grant::AccessGrant;
use curfew::api::names;
use curfew::api::reasons::{Approved, BeginReason, EndReason, Outcome, Ready, RemovalVerified, Screened};
use curfew::api::request::AccessRequest;
use curfew::decide::guard::Epoch;
use curfew::operate::clock::Clock;
use curfew_testbed::bed::{Bed, Filed, Operator, Person, until};
use curfew_testbed::chart::RELEASE;
use curfew_testbed::faults::Faults;
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const CHANGE: &str = "https://git.example.com/access/pull/7";

/// A namespace with a policy, an operator, and an engine that may file for alice.
struct Repository {
    bed: Bed,
    policy: String,
    _operator: Operator,
    engine: Engine,
    alice: Person,
    carol: Person,
}
/// A ServiceAccount as GitOps engines have one.
struct Engine {
    name: String,
    client: Client,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
}

impl Repository {
    /// Whose policy has a step for bob and dora, which the engine's word meets, and one for the group security.
    async fn new(test: &str, satisfies: Value) -> Self {
        Self::with(test, satisfies, true, Faults::none()).await
    }
    async fn with(test: &str, satisfies: Value, is_listed: bool, faults: Faults) -> Self {
        let bed = Bed::new(test).await;
        let engine = Engine::new(&bed).await;
        let filer = if is_listed { engine.name.as_str() } else { "another" };
        let users = |names: [&str; 2]| names.map(|name| json!({"kind": "User", "name": name}));
        let policy = bed
            .policy_with(json!({
                "requesters": [{"kind": "User", "name": "alice"}, {"kind": "Group", "name": "engineers"}],
                "onBehalf": {"filers": [filer], "satisfies": satisfies},
                "approval": {"steps": [
                    {"name": "service-owner", "approvers": users(["bob", "dora"])},
                    {"name": "security", "approvers": [{"kind": "User", "name": "erin"}, {"kind": "Group", "name": "security"}]}]},
            }))
            .await;
        let operator = bed.operator_with(faults, Clock::system()).await;
        bed.policy_becomes(Ready::Complete).await;
        an_epoch_is_old_enough(&bed).await;
        let (alice, carol) = (bed.person("alice", &["engineers"]).await, bed.person("carol", &["security"]).await);
        Self { bed, policy, _operator: operator, engine, alice, carol }
    }
    /// A manifest as it stands in Git: it says for whom, until when, and whose review it stands on.
    fn manifest(&self, name: &str) -> Value {
        let deadline =
            chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) + chrono::TimeDelta::hours(1);
        json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
            "metadata": {"name": name, "namespace": self.bed.namespace, "labels": {"app.kubernetes.io/instance": "access"}},
            "spec": {"policy": self.policy, "reason": "Check why invoice totals changed for customer account 4812.",
                "ticket": "SUP-4812", "duration": "30m", "requester": {"username": "alice"},
                "startDeadline": deadline.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "attestation": {"change": CHANGE, "author": "frank", "reviewers": ["bob"]}}})
    }
    async fn file(&self, manifest: &Value) -> Filed {
        self.engine.applies(manifest).await.unwrap();
        self.filed(manifest)
    }
    fn filed(&self, manifest: &Value) -> Filed {
        self.alice.filed(manifest["metadata"]["name"].as_str().unwrap())
    }
    /// What the step that is left to people needs.
    async fn security_agrees(&self, filed: &Filed) {
        self.carol.decides(filed, json!({"step": "security", "as": "security", "decision": "Approve"})).await.unwrap();
    }
    fn attested(&self, request: &AccessRequest) -> Vec<(String, String)> {
        let lines = request.status.iter().flat_map(|s| &s.attested);
        lines.map(|line| (line.by.clone(), line.reason.clone())).collect()
    }
}

impl Engine {
    async fn new(bed: &Bed) -> Self {
        let place = &bed.namespace;
        let accounts = Api::<ServiceAccount>::namespaced(bed.admin.clone(), place);
        let account = serde_json::from_value(json!({"metadata": {"name": "engine"}})).unwrap();
        accounts.create(&PostParams::default(), &account).await.unwrap();
        let kubeconfig = bed.connection.service_account(place, "engine").await.unwrap();
        let client = bed.connection.client(&kubeconfig).await.unwrap();
        let name = format!("system:serviceaccount:{place}:engine");
        binds_by_hand(bed, "engine", cluster_role("curfew-filer"), &name).await;
        let role = json!({"metadata": {"name": place}, "rules": [
            {"apiGroups": ["curfew.dev"], "resources": ["accesspolicies"], "resourceNames": [place], "verbs": ["file"]}]});
        let binding = json!({"metadata": {"name": place}, "roleRef": cluster_role(place),
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}]});
        let roles = Api::<ClusterRole>::all(bed.admin.clone());
        roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
        let bindings = Api::<ClusterRoleBinding>::all(bed.admin.clone());
        bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
        let engine = Self { name, client, kubeconfig, kubectl: bed.connection.kubectl() };
        engine.may_file(bed).await;
        engine
    }
    /// Rights reach the API server's authorizer a moment after they are stored.
    async fn may_file(&self, bed: &Bed) {
        for (place, verb, on) in [
            (Some(bed.namespace.as_str()), "create", "accessrequests.curfew.dev".to_owned()),
            (None, "file", format!("accesspolicies.curfew.dev/{}", bed.namespace)),
        ] {
            until(&format!("the engine may {verb} {on}"), || async {
                let mut asks = vec!["auth", "can-i", verb, &on];
                asks.extend(place.iter().flat_map(|place| ["--namespace", place]));
                self.kubectl(&asks, &Value::Null).status.success().then_some(())
            })
            .await;
        }
    }
    /// Server-side, as Flux does.
    async fn applies(&self, manifest: &Value) -> kube::Result<AccessRequest> {
        let (name, place) = (text(manifest, "name"), text(manifest, "namespace"));
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), &place);
        api.patch(&name, &PatchParams::apply("kustomize-controller").force(), &Patch::Apply(manifest)).await
    }
    /// What an engine does when the manifest is no more in Git.
    async fn prunes(&self, manifest: &Value) {
        let (name, place) = (text(manifest, "name"), text(manifest, "namespace"));
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), &place);
        api.delete(&name, &DeleteParams::foreground()).await.unwrap();
        until("the request is gone", || async { api.get_opt(&name).await.unwrap().is_none().then_some(()) }).await;
    }
    /// `kubectl` with this manifest at its standard input.
    fn kubectl(&self, arguments: &[&str], manifest: &Value) -> Output {
        use std::io::Write;
        let mut command = Command::new(&self.kubectl);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig).stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(manifest.to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}
fn text(manifest: &Value, field: &str) -> String {
    manifest["metadata"][field].as_str().unwrap().to_owned()
}

/// What is filed within some seconds of the beginning of an epoch is not known to have come after it.
async fn an_epoch_is_old_enough(bed: &Bed) {
    let api = Api::<ConfigMap>::namespaced(bed.admin.clone(), RELEASE);
    until("the epoch is old enough", || async {
        let data = api.get_opt(names::EPOCH).await.unwrap()?.data?;
        let age =
            chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) - Epoch::from_data(data)?.since.get();
        (age > chrono::TimeDelta::seconds(4)).then_some(())
    })
    .await;
}

/// Long enough for several passes to have done what they must not do.
async fn nothing_comes_of(repository: &Repository, filed: &Filed) {
    let before = repository.bed.grants().await.len();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(repository.bed.grants().await.len(), before);
    assert!(filed.now().await.status.is_none_or(|s| s.grant.is_none()));
    assert!(!repository.alice.may("get", "pods/log").await);
}

#[tokio::test]
async fn l11_a_reviewed_change_counts_for_its_step_and_the_record_says_whose_word_that_is() {
    let repository = Repository::new("attested", json!(["service-owner"])).await;
    let manifest = repository.manifest("sup-4812");
    let filed = repository.file(&manifest).await;
    let waiting = filed.becomes(Screened::Complete).await;
    assert_eq!(waiting.spec.filed_by.as_deref(), Some(repository.engine.name.as_str()), "stamped");
    let waits_for = until("it waits for the rest", || async {
        let steps = filed.now().await.status?.waiting_for;
        (!steps.is_empty()).then(|| steps.into_iter().map(|w| w.step).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(waits_for, ["security"], "a step that is not attested waits for people");
    assert_eq!(repository.attested(&filed.now().await), [("bob".into(), "Counted".into())]);
    assert!(!repository.alice.may("get", "pods/log").await);

    repository.security_agrees(&filed).await;
    let grant = filed.recorded().await;
    let spec = grant.becomes(BeginReason::Bound).await.spec;
    assert!(repository.alice.may("get", "pods/log").await);
    let engine = &repository.engine.name;
    assert_eq!(spec.approved_by, Some(format!("bob (attested by {engine}), carol (security)")));
    assert_eq!((spec.filed_by.as_ref(), spec.entitled_by.to_string()), (Some(engine), "User alice".into()));
    let attested = &spec.approvals[0];
    assert_eq!(
        (attested.by.as_str(), attested.attested_by.as_ref(), attested.comment.as_deref()),
        ("bob", Some(engine), Some(CHANGE))
    );
    assert_eq!(spec.approvals[1].attested_by, None, "carol decided herself");
    assert!(!spec.adds.is_empty(), "what must be gone at the end is on record");
}

#[tokio::test]
async fn l11_it_is_off_by_default_and_never_counts_for_who_has_asked() {
    let repository = Repository::new("default", json!([])).await;
    let filed = repository.file(&repository.manifest("sup-4812")).await;
    filed.becomes(Approved::Waiting).await;
    assert_eq!(repository.attested(&filed.now().await), [("bob".into(), "NotSatisfying".into())]);
    let said = filed.now().await.status.unwrap();
    assert_eq!(said.waiting_for.len(), 2, "both steps wait for people");

    let on_behalf = json!({"filers": [repository.engine.name], "satisfies": ["service-owner", "security"]});
    let owners = ["alice", "frank", "bob", "dora"].map(|name| json!({"kind": "User", "name": name}));
    let steps = json!([
        {"name": "service-owner", "approvers": owners},
        {"name": "security", "approvers": [{"kind": "Group", "name": "security"}, {"kind": "User", "name": "erin"}]}]);
    let requesters = json!([{"kind": "User", "name": "alice"}]);
    repository
        .bed
        .policy_with(json!({"onBehalf": on_behalf, "approval": {"steps": steps}, "requesters": requesters}))
        .await;
    repository.bed.policy_becomes(Ready::Complete).await;
    let mut manifest = repository.manifest("sup-2");
    manifest["spec"]["attestation"]["reviewers"] = json!(["alice", "frank", "carol"]);
    let filed = repository.file(&manifest).await;
    filed.becomes(Approved::Waiting).await;
    let reasons = [("alice", "HasAsked"), ("frank", "HasAsked"), ("carol", "NotListed")];
    assert_eq!(repository.attested(&filed.now().await), reasons.map(|(who, why)| (who.to_owned(), why.to_owned())));
    nothing_comes_of(&repository, &filed).await;
}

#[tokio::test]
async fn f8_a_filer_counts_only_where_the_policy_names_it_and_for_users_whom_it_names() {
    let repository = Repository::with("listed", json!(["service-owner"]), false, Faults::none()).await;
    let filed = repository.file(&repository.manifest("sup-1")).await;
    let refused = filed.becomes(Screened::Refused).await;
    let codes = |request: &AccessRequest| {
        request.status.iter().flat_map(|s| &s.checks).filter_map(|c| c.code.clone()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&refused), ["FilerNotListed"], "the verb alone is not enough: who holds `*` has it");

    let on_behalf = json!({"onBehalf": {"filers": [repository.engine.name]}, "requesters": [{"kind": "Group", "name": "engineers"}]});
    repository.bed.policy_with(on_behalf).await;
    repository.bed.policy_becomes(Ready::Complete).await;
    let mut manifest = repository.manifest("sup-2");
    manifest["spec"].as_object_mut().unwrap().remove("attestation");
    let refused = repository.file(&manifest).await.becomes(Screened::Refused).await;
    assert_eq!(codes(&refused), ["NotEligible"], "of a group nobody knows that she is in it");

    let own = repository.alice.files("sup-3", &repository.policy, "30m").await;
    let waiting = own.becomes(Screened::Complete).await;
    assert_eq!(
        (waiting.spec.filed_by, waiting.spec.requester.username.as_str()),
        (None, "alice"),
        "she asks for herself as ever"
    );
}

#[tokio::test]
async fn f8_the_manifest_that_is_taken_away_ends_the_access_and_grants_nothing_when_it_is_back() {
    let repository = Repository::new("replay", json!(["service-owner", "security"])).await;
    let mut manifest = repository.manifest("sup-4812");
    manifest["spec"]["attestation"]["reviewers"] = json!(["bob", "erin"]);
    let filed = repository.file(&manifest).await;
    let grant = filed.recorded().await;
    grant.becomes(BeginReason::Bound).await;
    assert!(repository.alice.may("get", "pods/log").await);

    repository.engine.prunes(&manifest).await;
    repository.alice.may_no_more("get", "pods/log").await;
    let record = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&record), Some(EndReason::RequestDeleted));

    let again = repository.file(&manifest).await;
    again.becomes(Screened::Incomplete).await;
    nothing_comes_of(&repository, &again).await;
    // Of another ticket it is no renewal, but the change is spent all the same.
    manifest["metadata"]["name"] = json!("sup-4814");
    manifest["spec"]["ticket"] = json!("SUP-4814");
    let again = repository.file(&manifest).await;
    again.becomes(Approved::Waiting).await;
    let spent = |by: &str| (by.to_owned(), "AttestationSpent".to_owned());
    assert_eq!(repository.attested(&again.now().await), [spent("bob"), spent("erin")], "D22: one change, one access");
    nothing_comes_of(&repository, &again).await;

    // Another change is another review.
    let mut merged = repository.manifest("sup-4813");
    merged["spec"]["ticket"] = json!("SUP-4813");
    merged["spec"]["attestation"] =
        json!({"change": format!("{CHANGE}0,x=y"), "author": "frank", "reviewers": ["bob", "erin"]});
    repository.file(&merged).await.recorded().await.becomes(BeginReason::Bound).await;
}

#[tokio::test]
async fn d22_two_requests_of_one_change_are_one_access_however_close_they_come() {
    let faults = Faults::hold_at(http::Method::POST, "accessgrants");
    let repository = Repository::with("twice", json!(["service-owner", "security"]), true, faults.clone()).await;
    let manifests: Vec<_> = (0..6)
        .map(|n| {
            let mut manifest = repository.manifest(&format!("sup-{n}"));
            manifest["spec"]["attestation"]["reviewers"] = json!(["bob", "erin"]);
            manifest
        })
        .collect();
    repository.engine.applies(&manifests[0]).await.unwrap();
    faults.held().await;
    // The record of the first is on its way, and nobody can see it yet.
    futures::future::join_all(manifests[1..].iter().map(|manifest| repository.engine.applies(manifest))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(repository.bed.grants().await.is_empty(), "another was quicker");
    faults.releases();
    until("each is judged", || async {
        let mut waiting = 0;
        for manifest in &manifests {
            let status = repository.filed(manifest).now().await.status?;
            let spent = status.attested.iter().all(|line| line.reason == "AttestationSpent");
            waiting += usize::from(spent && !status.attested.is_empty() && status.grant.is_none());
        }
        (waiting == manifests.len() - 1).then_some(())
    })
    .await;
    assert_eq!(repository.bed.grants().await.len(), 1);
}

#[tokio::test]
async fn d22_a_refusal_spends_the_change_too() {
    let repository = Repository::new("refusal", json!(["service-owner"])).await;
    let manifest = repository.manifest("sup-4812");
    let filed = repository.file(&manifest).await;
    filed.becomes(Approved::Waiting).await;
    let no = json!({"step": "security", "as": "security", "decision": "Deny", "comment": "Not while we migrate."});
    repository.carol.decides(&filed, no).await.unwrap();
    filed.recorded().await.becomes(Outcome::Denied).await;
    repository.engine.prunes(&manifest).await;
    let again = repository.file(&manifest).await;
    again.becomes(Approved::Waiting).await;
    assert_eq!(repository.attested(&again.now().await), [("bob".into(), "AttestationSpent".into())]);
    assert_eq!(again.now().await.status.unwrap().waiting_for.len(), 2, "people may still decide");
}

#[tokio::test]
async fn e25_a_manifest_that_is_applied_after_its_deadline_grants_nothing() {
    let repository = Repository::new("deadline", json!(["service-owner", "security"])).await;
    let mut manifest = repository.manifest("sup-4812");
    manifest["spec"]["attestation"]["reviewers"] = json!(["bob", "erin"]);
    manifest["spec"]["startDeadline"] = json!("2026-01-01T00:00:00Z");
    let filed = repository.file(&manifest).await;
    filed.becomes(Approved::TimedOut).await;
    nothing_comes_of(&repository, &filed).await;
    repository.engine.prunes(&manifest).await;
    let again = repository.file(&manifest).await;
    again.becomes(Approved::TimedOut).await;
    assert!(repository.bed.grants().await.is_empty());
}

/// One way in which an engine applies a manifest, and compares it with what is live.
struct Way {
    name: &'static str,
    options: &'static [&'static str],
}
const WAYS: &[Way] = &[
    // Argo CD without and with ServerSideApply=true.
    Way { name: "argocd", options: &[] },
    Way {
        name: "argocd-server-side",
        options: &["--server-side", "--force-conflicts", "--field-manager=argocd-controller"],
    },
    // Flux.
    Way { name: "flux", options: &["--server-side", "--force-conflicts", "--field-manager=kustomize-controller"] },
];

/// What an engine manages, and what it must never see changed by anybody else.
fn managed(request: &AccessRequest) -> Value {
    let metadata = &request.metadata;
    json!({"spec": request.spec, "generation": metadata.generation, "labels": metadata.labels, "uid": metadata.uid,
        "annotations": metadata.annotations, "finalizers": metadata.finalizers, "owners": metadata.owner_references})
}

#[tokio::test]
async fn l4_no_engine_ever_sees_a_difference_through_a_whole_life() {
    let repository = Repository::new("drift", json!(["service-owner"])).await;
    let engine = &repository.engine;
    for (n, way) in WAYS.iter().enumerate() {
        let mut manifest = repository.manifest(way.name);
        manifest["spec"]["attestation"]["change"] = json!(format!("{CHANGE}{n}"));
        manifest["spec"]["ticket"] = json!(format!("SUP-{}", 4812 + n));
        let filed = repository.filed(&manifest);
        let with = |verb: &str| {
            [&[verb][..], way.options, &["-f", "-"]].concat().iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()
        };
        let run = |verb: &str, manifest: &Value| {
            let arguments = with(verb);
            engine.kubectl(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), manifest)
        };
        let applied = run("apply", &manifest);
        assert!(applied.status.success(), "{}: {}", way.name, said(&applied));
        filed.becomes(Screened::Complete).await;
        let first = managed(&filed.now().await);
        assert_eq!(first["generation"], 1);
        assert_eq!(first["spec"]["filedBy"], json!(engine.name));
        let same = |stage: &str, before: Value, now: &AccessRequest| {
            assert_eq!(managed(now), before, "{} when {stage}", way.name);
        };
        let mut entries = 0;
        let mut stage = async |stage: &str, least: usize| {
            for _ in 0..2 {
                let diff = run("diff", &manifest);
                assert_eq!(diff.status.code(), Some(0), "{} when {stage}: {}", way.name, said(&diff));
                let applied = run("apply", &manifest);
                assert!(applied.status.success(), "{} when {stage}: {}", way.name, said(&applied));
                let now = filed.now().await;
                same(stage, first.clone(), &now);
                entries = now.status.unwrap().approvals.len();
                assert!(entries >= least, "{} when {stage}: a decision is gone", way.name);
            }
        };
        stage("waiting", 0).await;
        repository.security_agrees(&filed).await;
        stage("agreed to", 1).await;
        let grant = filed.recorded().await;
        grant.becomes(BeginReason::Bound).await;
        stage("live", 1).await;
        repository.alice.closes(&filed, "").await.unwrap();
        grant.becomes(EndReason::Closed).await;
        filed.becomes(EndReason::Closed).await;
        stage("over", 1).await;
        // Re-applied after the end, the same manifest grants nothing.
        nothing_comes_again(&repository, &grant.record().await).await;
    }
}
async fn nothing_comes_again(repository: &Repository, ended: &AccessGrant) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let of_it = repository.bed.grants().await.into_iter().filter(|g| g.spec.request.name == ended.spec.request.name);
    assert_eq!(of_it.map(|g| g.name_any()).collect::<Vec<_>>(), [ended.name_any()]);
    assert!(!repository.alice.may("get", "pods/log").await);
}

#[tokio::test]
async fn l4_an_engine_that_replaces_loses_no_decision_and_is_told_what_to_do() {
    let repository = Repository::new("replaces", json!(["service-owner"])).await;
    let manifest = repository.manifest("sup-4812");
    let filed = repository.file(&manifest).await;
    filed.becomes(Approved::Waiting).await;
    repository.security_agrees(&filed).await;
    let grant = filed.recorded().await;
    grant.becomes(BeginReason::Bound).await;
    let before = filed.becomes(BeginReason::Bound).await;
    let replaced = repository.engine.kubectl(&["replace", "-f", "-"], &manifest);
    let words = said(&replaced);
    assert!(
        !replaced.status.success() && words.contains("apply the manifest instead of replacing the object"),
        "{words}"
    );
    let now = filed.now().await;
    assert_eq!((managed(&now), &now.status), (managed(&before), &before.status));

    // With the filer in the manifest it is the same object, so it is no change.
    let mut whole = manifest.clone();
    whole["spec"]["filedBy"] = json!(repository.engine.name);
    let replaced = repository.engine.kubectl(&["replace", "-f", "-"], &whole);
    assert!(replaced.status.success(), "{}", said(&replaced));
    let now = filed.now().await;
    assert_eq!((&now.spec, now.metadata.generation), (&before.spec, before.metadata.generation));
    assert_eq!(now.status.unwrap().approvals, before.status.unwrap().approvals);
    assert!(repository.alice.may("get", "pods/log").await);
}

#[tokio::test]
async fn l4_a_change_of_the_manifest_after_the_decision_is_refused_in_words() {
    let repository = Repository::new("changed", json!(["service-owner"])).await;
    let mut manifest = repository.manifest("sup-4812");
    let filed = repository.file(&manifest).await;
    filed.becomes(Screened::Complete).await;
    manifest["spec"]["duration"] = json!("45m");
    let refused = repository.engine.applies(&manifest).await.unwrap_err().to_string();
    assert!(refused.contains("a request changes only while"), "{refused}");
}

/// A file of the example repository, for the namespace and the policy of this test.
fn example(bed: &Bed, path: &str) -> String {
    let text = std::fs::read_to_string(folder().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let place = &bed.namespace;
    ["namespace: access", "namespace: billing"]
        .iter()
        .fold(text, |text, here| text.replace(here, &format!("namespace: {place}")))
        .replace("support-by-merge", place)
        .replace("serviceaccount:access:", &format!("serviceaccount:{place}:"))
}
/// Where the example repository is.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitops")
}

#[tokio::test]
async fn l11_the_example_repository_gives_access_by_merge() {
    let bed = Bed::new("repository").await;
    let place = &bed.namespace;
    let admin = bed.connection.admin();
    let policy: Value = serde_saphyr::from_str(&example(&bed, "cluster/policy.yaml")).unwrap();
    let mut spec = policy["spec"].clone();
    spec["namespaces"] = json!({"matchLabels": {"curfew.dev/zone": place}});
    bed.policy_with(spec).await;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&example(&bed, "cluster/filer.yaml")).unwrap();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects.iter().filter(|o| o["kind"] != "Namespace").collect::<Vec<_>>()});
    let applied = shell(&bed, &admin, &format!("kubectl apply -f - <<'END'\n{list}\nEND"));
    assert!(applied.status.success(), "{}", said(&applied));
    for part in ["cluster", "requests/billing"] {
        let built = shell(&bed, &admin, &format!("kubectl kustomize {}", folder().join(part).display()));
        assert!(built.status.success() && said(&built).contains("curfew.dev/v1alpha1"), "{}", said(&built));
    }

    let _operator = bed.operator().await;
    let ready = bed.policy_becomes(Ready::Complete).await;
    assert_eq!(ready.status.unwrap().warnings, []);
    an_epoch_is_old_enough(&bed).await;
    let (alice, carol) = (bed.person("alice", &[]).await, bed.person("carol", &["security"]).await);
    let filer = bed.connection.service_account(place, "filer").await.unwrap();

    let file = bed.connection.directory().join(format!("{place}.yaml"));
    let (file, attest) = (file.display(), folder().join("attest"));
    let attest = attest.display();
    let tomorrow = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) + chrono::TimeDelta::days(1);
    let request = example(&bed, "requests/billing/sup-4812.yaml")
        .replace("2026-12-01T18:00:00Z", &tomorrow.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    std::fs::write(file.to_string(), &request).unwrap();
    let attested = shell(&bed, &filer, &format!("{attest} {file} {CHANGE} frank bob erin > {file}.attested"));
    assert!(attested.status.success(), "{}", said(&attested));
    let by_hand = shell(&bed, &filer, &format!("{attest} {file}.attested {CHANGE} frank bob"));
    assert_eq!(by_hand.status.code(), Some(65), "{}", said(&by_hand));
    let line = format!("kubectl apply --server-side --field-manager=kustomize-controller -f {file}.attested");
    // The rights reach the API server's authorizer a moment after they are stored.
    until("the filer has filed it", || async { shell(&bed, &filer, &line).status.success().then_some(()) }).await;

    let filed = alice.filed("sup-4812");
    filed.becomes(Approved::Waiting).await;
    let status = filed.now().await.status.unwrap();
    let waiting: Vec<_> = status.waiting_for.iter().map(|w| w.step.as_str()).collect();
    assert_eq!(waiting, ["security"], "the review counts for the service owner");
    assert!(!alice.may("get", "pods/log").await);
    carol.decides(&filed, json!({"step": "security", "as": "security", "decision": "Approve"})).await.unwrap();
    let record = filed.recorded().await.becomes(BeginReason::Bound).await.spec;
    assert!(alice.may("get", "pods/log").await);
    let expected = format!("bob (attested by system:serviceaccount:{place}:filer), carol (security)");
    assert_eq!(record.approved_by, Some(expected));

    let pruned = shell(&bed, &filer, &format!("kubectl delete -f {file}.attested"));
    assert!(pruned.status.success(), "{}", said(&pruned));
    alice.may_no_more("get", "pods/log").await;
}
