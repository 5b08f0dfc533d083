//! Each file of `examples/` is applied and behaves as its text says.
use curfew::api::permission::DangerType;
use curfew::api::reasons::{BeginReason, Ready, Screened, SecondStage};
use curfew::api::request::AccessRequest;
use curfew_testbed::bed::{Bed, Filed, Person, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The files that the tests below, and those of the presets, apply.
const APPLIED: &[&str] = &[
    "namespaces/billing.yaml",
    "policies/bulk-export.yaml",
    "policies/customer-support.yaml",
    "policies/database-console.yaml",
    "policies/deploy-or-migration.yaml",
    "policies/disaster-recovery.yaml",
    "policies/failed-job.yaml",
    "policies/finance-check.yaml",
    "policies/hotfix.yaml",
    "policies/incident-response.yaml",
    "policies/legal-request.yaml",
    "policies/live-debugging.yaml",
    "policies/live-incident.yaml",
    "policies/planned-maintenance.yaml",
    "policies/read-only-check.yaml",
    "policies/small-team.yaml",
    "requests/bulk-export-refused.yaml",
    "requests/bulk-export.yaml",
    "requests/customer-support-refused.yaml",
    "requests/customer-support.yaml",
    "requests/database-console-refused.yaml",
    "requests/database-console.yaml",
    "requests/deploy-or-migration-refused.yaml",
    "requests/deploy-or-migration.yaml",
    "requests/disaster-recovery-refused.yaml",
    "requests/disaster-recovery.yaml",
    "requests/failed-job-refused.yaml",
    "requests/failed-job.yaml",
    "requests/finance-check-refused.yaml",
    "requests/finance-check.yaml",
    "requests/hotfix-refused.yaml",
    "requests/hotfix.yaml",
    "requests/incident-response-emergency-refused.yaml",
    "requests/incident-response-emergency.yaml",
    "requests/incident-response-refused.yaml",
    "requests/incident-response.yaml",
    "requests/legal-request-refused.yaml",
    "requests/legal-request.yaml",
    "requests/live-debugging-refused.yaml",
    "requests/live-debugging.yaml",
    "requests/live-incident-refused.yaml",
    "requests/live-incident.yaml",
    "requests/planned-maintenance-refused.yaml",
    "requests/planned-maintenance.yaml",
    "requests/read-only-check-refused.yaml",
    "requests/read-only-check.yaml",
    "requests/small-team-refused.yaml",
    "requests/small-team-renewal.yaml",
    "requests/small-team-then.yaml",
    "requests/small-team.yaml",
    "roles/database-console.yaml",
    "roles/failed-job.yaml",
];

pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}
pub fn example(name: &str) -> Value {
    assert!(APPLIED.contains(&name), "{name}");
    serde_saphyr::from_str(&std::fs::read_to_string(examples().join(name)).unwrap()).unwrap()
}
/// The policy of this test, as the example says, for the namespace of this test; it is ready, and nothing is odd about it but
/// that a small team asks for less.
pub async fn policy(bed: &Bed, name: &str) -> String {
    policy_at(bed, name, |_| {}).await
}
/// The same, where the calendar of the example is moved.
pub async fn policy_at(bed: &Bed, name: &str, moved: impl FnOnce(&mut Value)) -> String {
    let mut spec = example(name)["spec"].clone();
    assert_eq!(spec["namespaces"], example_selector(), "{name}");
    spec["namespaces"] = json!({"matchLabels": {"curfew.dev/zone": bed.namespace}});
    if let Some(calendar) = spec.get_mut("calendar") {
        moved(calendar);
    }
    let policy = bed.policy_with(spec).await;
    let ready = bed.policy_becomes(Ready::Complete).await;
    let warnings: Vec<_> = ready.status.unwrap().warnings.into_iter().map(|warning| warning.reason).collect();
    let expected: &[&str] = if name.ends_with("small-team.yaml") { &["ThinEvidence"] } else { &[] };
    assert_eq!(warnings, expected, "{name}");
    policy
}
/// The label of the example's namespace, which the examples' policies ask for.
fn example_selector() -> Value {
    let zone = &example("namespaces/billing.yaml")["metadata"]["labels"]["curfew.dev/zone"];
    json!({"matchLabels": {"curfew.dev/zone": zone}})
}
/// A request of the examples, under the policy and in the namespace of this test.
pub fn request(bed: &Bed, name: &str, policy: &str) -> Value {
    let mut manifest = example(name);
    manifest["metadata"]["namespace"] = json!(bed.namespace);
    manifest["spec"]["policy"] = json!(policy);
    manifest
}
/// The Roles that an example's policy offers, in the namespace of this test.
pub fn roles(bed: &Bed, name: &str) {
    assert!(APPLIED.contains(&name), "{name}");
    let roles = std::fs::read_to_string(examples().join(name)).unwrap();
    let here = roles.replace("namespace: billing", &format!("namespace: {}", bed.namespace));
    let done = shell(bed, &bed.connection.admin(), &format!("kubectl apply -f - <<'END'\n{here}\nEND"));
    assert!(done.status.success(), "{}", said(&done));
}
pub fn codes(request: &AccessRequest) -> BTreeSet<String> {
    request.status.iter().flat_map(|s| &s.checks).filter_map(|check| check.code.clone()).collect()
}
pub fn set<const N: usize>(of: [&str; N]) -> BTreeSet<String> {
    of.into_iter().map(str::to_owned).collect()
}
/// What a person has in a terminal: a shell, `kubectl` and their kubeconfig.
pub fn shell(bed: &Bed, kubeconfig: &Path, line: &str) -> Output {
    let bin = bed.connection.kubectl().parent().unwrap().to_owned();
    let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())));
    let mut command = Command::new("bash");
    command.args(["-c", line]).env("KUBECONFIG", kubeconfig).env("PATH", path.unwrap()).output().unwrap()
}
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
/// The command of `status.waitingFor`, with this comment.
async fn command(filed: &Filed, comment: &str) -> String {
    let status = filed.now().await.status.unwrap();
    status.waiting_for[0].command.replace("SAY WHY", comment)
}
pub async fn judged(filed: &Filed, who: &Person) -> String {
    until(&format!("the decision of {} is judged", who.name), || async {
        let decisions = filed.now().await.status?.decisions;
        decisions.into_iter().find(|d| d.by == who.name).map(|d| d.reason)
    })
    .await
}

#[test]
fn every_example_is_applied_by_a_test() {
    let mut found = BTreeSet::new();
    // The repository for GitOps has a test of its own.
    let all = std::fs::read_dir(examples()).unwrap().map(Result::unwrap);
    for folder in all.filter(|folder| folder.path().is_dir() && folder.file_name() != "gitops") {
        for file in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            found.insert(format!("{}/{}", folder.file_name().display(), file.file_name().display()));
        }
    }
    assert_eq!(found, APPLIED.iter().map(|name| (*name).to_owned()).collect());
}

#[tokio::test]
async fn i8_the_request_of_a_small_team_is_granted_by_the_pasted_command_and_j3_is_one_line() {
    let bed = Bed::new("small").await;
    let _operator = bed.operator().await;
    let policy = policy(&bed, "policies/small-team.yaml").await;
    let alice = bed.person("alice", &["engineers"]).await;
    let (bob, carol) = (bed.person("bob", &["service-owners"]).await, bed.person("carol", &["service-owners"]).await);

    let filed = alice.applies(request(&bed, "requests/small-team.yaml", &policy)).await.unwrap();
    let waits = filed.becomes(Screened::Complete).await;
    assert_eq!(codes(&waits), set([]));
    let pasted = shell(&bed, &carol.kubeconfig, &command(&filed, "SAY WHY").await);
    let refused = !pasted.status.success() && said(&pasted).contains("say in the comment why");
    assert!(refused, "who only pastes has said nothing: {}", said(&pasted));
    let line = command(&filed, "Narrow, and tied to a case.").await;
    for (who, words) in [(&alice, "nobody decides their own request"), (&bed.person("mallory", &[]).await, "not among")]
    {
        let pasted = shell(&bed, &who.kubeconfig, &line);
        assert!(!pasted.status.success() && said(&pasted).contains(words), "{}: {}", who.name, said(&pasted));
    }
    let pasted = shell(&bed, &bob.kubeconfig, &line);
    assert!(pasted.status.success(), "{}", said(&pasted));

    let grant = filed.recorded().await;
    let record = grant.becomes(BeginReason::Bound).await.spec;
    assert!(alice.may("list", "pods").await && alice.may("get", "pods/log").await);
    assert!(!alice.may("get", "secrets").await && !alice.may("create", "pods/exec").await);
    let window = record.expires_at.unwrap().get() - record.not_before.get();
    assert_eq!(window, chrono::TimeDelta::hours(1), "the default");

    let line = said(&shell(&bed, &alice.kubeconfig, &format!("kubectl get accessgrant {}", grant.name)));
    let mut lines = line.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
    let head = "NAME TICKET USER ACCESS SCOPE APPROVED-BY STARTED EXPIRES STATE FLAGS";
    assert_eq!(lines.next().unwrap(), head.split(' ').collect::<Vec<_>>());
    let values = lines.next().unwrap();
    assert_eq!(values[1..7], ["SUP-4812", "alice", "read", &bed.namespace, "bob", "(service-owners)"]);
    assert_eq!(values[9], "Bound");
}

#[tokio::test]
async fn x7_the_renewal_of_a_small_team_follows_its_request_and_b23_the_second_access_is_started_by_the_pasted_command()
{
    let bed = Bed::new("small-more").await;
    let _operator = bed.operator().await;
    let policy = policy(&bed, "policies/small-team.yaml").await;
    let (alice, erin) = (bed.person("alice", &["engineers"]).await, bed.person("erin", &["engineers"]).await);
    let bob = bed.person("bob", &["service-owners"]).await;
    let yes = || json!({"step": "service-owner", "as": "service-owners", "decision": "Approve"});
    let agreed = async |who: &Person, name: &str| {
        let filed = who.applies(request(&bed, name, &policy)).await.unwrap();
        let waits = filed.becomes(Screened::Complete).await;
        assert_eq!(codes(&waits), set([]), "{name}");
        bob.decides(&filed, yes()).await.unwrap();
        let grant = filed.recorded().await;
        (filed, grant)
    };
    let (_, first) = agreed(&alice, "requests/small-team.yaml").await;
    let first = first.becomes(BeginReason::Bound).await.spec;
    let (_, renewal) = agreed(&alice, "requests/small-team-renewal.yaml").await;
    let renewal = renewal.becomes(BeginReason::Scheduled).await.spec;
    assert_eq!(Some(renewal.not_before), first.expires_at);

    let (looks, grant) = agreed(&erin, "requests/small-team-then.yaml").await;
    grant.becomes(BeginReason::Bound).await;
    looks.becomes(BeginReason::Bound).await;
    let told = looks.becomes(SecondStage::Agreed).await.status.unwrap().conditions;
    let told = &told.iter().find(|c| c.type_ == "SecondStage").unwrap().message;
    let line = &told[told.find("kubectl").unwrap()..];
    let pasted = shell(&bed, &erin.kubeconfig, line);
    assert!(!pasted.status.success() && said(&pasted).contains("say in the finding"), "{}", said(&pasted));
    let line = line
        .replace("SAY WHAT YOU FOUND AND WILL CHANGE", "The payment worker holds a stale lock: a restart frees it.");
    let pasted = shell(&bed, &erin.kubeconfig, &line);
    assert!(pasted.status.success(), "{}", said(&pasted));
    looks.recorded_again().await.becomes(BeginReason::Bound).await;
    assert!(erin.may("delete", "pods").await);
}

#[tokio::test]
async fn b20_the_refused_request_says_every_gap_and_is_corrected_by_applying_it_again() {
    let bed = Bed::new("refused").await;
    let _operator = bed.operator().await;
    let policy = policy(&bed, "policies/small-team.yaml").await;
    let alice = bed.person("alice", &["engineers"]).await;

    let mut manifest = request(&bed, "requests/small-team-refused.yaml", &policy);
    let filed = alice.applies(manifest.clone()).await.unwrap();
    let refused = filed.becomes(Screened::Incomplete).await;
    assert_eq!(codes(&refused), set(["TicketInvalid", "VagueReason"]));
    assert_eq!(refused.status.unwrap().waiting_for, [], "it never reaches an approver");

    manifest["spec"]["ticket"] = json!("INC-1842");
    manifest["spec"]["reason"] = json!("Restart payment worker for incident 1842.");
    let filed = alice.applies(manifest).await.unwrap();
    let corrected = filed.becomes(Screened::Complete).await;
    assert_eq!(corrected.metadata.uid, refused.metadata.uid, "it is the same request");
}

#[tokio::test]
async fn d8_a_read_only_check_is_agreed_to_by_a_manager_for_half_an_hour() {
    let bed = Bed::new("check").await;
    let _operator = bed.operator().await;
    let policy = policy(&bed, "policies/read-only-check.yaml").await;
    let (sam, mia) = (bed.person("sam", &["support"]).await, bed.person("mia", &["managers"]).await);

    let complete = request(&bed, "requests/read-only-check.yaml", &policy);
    let mut manifest = complete.clone();
    manifest["spec"]["access"] = json!("restart");
    manifest["spec"]["duration"] = json!("2h");
    manifest["spec"]["ticket"] = json!("INC-7");
    manifest["spec"]["data"] = json!([]);
    manifest["spec"]["reason"] = json!("Check the logs and look around for the invoices.");
    let filed = sam.applies(manifest.clone()).await.unwrap();
    let refused = codes(&filed.becomes(Screened::Incomplete).await);
    assert!(
        refused.is_superset(&set(["AccessNotOffered", "TicketInvalid", "VagueReason", "MissingEvidence"])),
        "{refused:?}"
    );
    manifest["spec"].as_object_mut().unwrap().remove("access");
    let filed = sam.applies(manifest.clone()).await.unwrap();
    until("two hours are too long", || async { codes(&filed.now().await).contains("DurationTooLong").then_some(()) })
        .await;

    let filed = sam.applies(complete).await.unwrap();
    filed.becomes(Screened::Complete).await;
    mia.decides(&filed, json!({"step": "service-owner-or-manager", "as": "managers", "decision": "Approve"}))
        .await
        .unwrap();
    let record = filed.recorded().await.becomes(BeginReason::Bound).await.spec;
    assert_eq!(record.expires_at.unwrap().get() - record.not_before.get(), chrono::TimeDelta::minutes(30));
    assert!(sam.may("get", "configmaps").await && !sam.may("delete", "pods").await);
}

#[tokio::test]
async fn d3_live_debugging_gives_logs_and_a_shell_only_to_who_asks_for_it() {
    let bed = Bed::new("debug").await;
    let _operator = bed.operator().await;
    let policy = policy(&bed, "policies/live-debugging.yaml").await;
    let (alice, bob) = (bed.person("alice", &["engineers"]).await, bed.person("bob", &["service-owners"]).await);
    let carol = bed.person("carol", &["service-owners"]).await;
    let approve = |comment: &str| json!({"step": "service-owner", "as": "service-owners", "decision": "Approve", "comment": comment});

    let mut manifest = alice.request("bug-12", &policy, "1h");
    manifest["spec"]["ticket"] = json!("BUG-12");
    manifest["spec"]["whyNotSafer"] = json!("Staging has no load, and the fault shows under load only.");
    manifest["spec"]["data"] = json!([{"system": "invoicer", "kind": "log", "fields": ["level", "message"]}]);
    manifest["spec"]["plan"] = json!(["kubectl logs deploy/invoicer --since=1h"]);
    let filed = alice.applies(manifest.clone()).await.unwrap();
    filed.becomes(Screened::Complete).await;
    let refused = bob.decides(&filed, approve("Narrow enough.")).await.unwrap_err().to_string();
    assert!(refused.contains("of at least 20 characters"), "{refused}");
    bob.decides(&filed, approve("ok, go ahead, approve")).await.unwrap();
    assert_eq!(judged(&filed, &bob).await, "BareYes", "long enough, and says nothing");
    carol.decides(&filed, approve("One service, one bug, an hour.")).await.unwrap();
    filed.recorded().await.becomes(BeginReason::Bound).await;
    assert!(alice.may("get", "pods/log").await && !alice.may("create", "pods/exec").await, "logs come first");

    manifest["metadata"]["name"] = json!("bug-12-shell");
    manifest["spec"]["access"] = json!("shell");
    manifest["spec"]["duration"] = json!("2h");
    let filed = alice.applies(manifest.clone()).await.unwrap();
    assert_eq!(
        codes(&filed.becomes(Screened::Incomplete).await),
        set(["DurationTooLong", "MissingEvidence"]),
        "an hour, and why"
    );
    manifest["spec"]["whyNotLower"] = json!("The heap of the hanging process is not in its log.");
    manifest["spec"]["duration"] = json!("30m");
    let filed = alice.applies(manifest).await.unwrap();
    filed.becomes(Screened::Complete).await;
    bob.decides(&filed, approve("The heap dump needs a shell.")).await.unwrap();
    filed.recorded().await.becomes(BeginReason::Bound).await;
    assert!(alice.may("create", "pods/exec").await && !alice.may("get", "secrets").await);
}

#[tokio::test]
async fn f4_a_failed_job_is_run_again_by_its_role_and_no_other() {
    let bed = Bed::new("failed-job").await;
    let admin = bed.connection.admin();
    let ns = &bed.namespace;
    roles(&bed, "roles/failed-job.yaml");
    for name in ["invoice-export", "payroll"] {
        let line = format!("kubectl -n {ns} create cronjob {name} --image=example.com/none --schedule='0 0 1 1 *'");
        assert!(shell(&bed, &admin, &line).status.success());
    }
    let _operator = bed.operator().await;
    let policy = policy(&bed, "policies/failed-job.yaml").await;
    let (alice, bob) = (bed.person("alice", &["engineers"]).await, bed.person("bob", &["service-owners"]).await);
    let manifest = request(&bed, "requests/failed-job.yaml", &policy);
    let filed = alice.applies(manifest).await.unwrap();
    let shown = filed.becomes(Screened::Complete).await.status.unwrap().permissions.unwrap();
    assert!(shown.adds.contains(&"create,get,list,watch jobs.batch".to_owned()), "{:?}", shown.adds);
    assert!(shown.adds.contains(&"get cronjobs.batch invoice-export".to_owned()), "{:?}", shown.adds);
    assert_eq!(shown.flags.iter().map(|f| f.type_).collect::<Vec<_>>(), [DangerType::RunsWorkloads]);
    let again = |from: &str| {
        shell(&bed, &alice.kubeconfig, &format!("kubectl -n {ns} create job {from}-again --from=cronjob/{from}"))
    };
    assert!(!again("invoice-export").status.success(), "not before somebody agrees");
    bob.decides(&filed, json!({"step": "service-owner", "as": "service-owners", "decision": "Approve"})).await.unwrap();
    filed.recorded().await.becomes(BeginReason::Bound).await;
    let done = again("invoice-export");
    assert!(done.status.success(), "{}", said(&done));
    assert!(!again("payroll").status.success(), "another job");
    assert!(!alice.may("delete", "pods").await && !alice.may("get", "secrets").await);
}

#[tokio::test]
async fn b12_the_planned_request_of_the_documents_works_when_pasted() {
    let bed = Bed::new("maintenance").await;
    let _operator = bed.operator().await;
    let policy = policy(&bed, "policies/planned-maintenance.yaml").await;
    let (alice, bob) = (bed.person("alice", &["engineers"]).await, bed.person("bob", &["service-owners"]).await);
    let text = include_str!("../../docs/time.md");
    let block = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let line = block.replace("planned-maintenance", &policy).replace("billing", &bed.namespace);
    let pasted = shell(&bed, &alice.kubeconfig, &line);
    assert!(pasted.status.success(), "{}", said(&pasted));
    let filed = alice.filed("chg-2041");
    let waits = filed.becomes(Screened::Complete).await;
    assert_eq!(codes(&waits), set([]));
    bob.decides(&filed, json!({"step": "service-owner", "as": "service-owners", "decision": "Approve"})).await.unwrap();
    let record = filed.recorded().await.becomes(BeginReason::Scheduled).await.spec;
    assert_eq!(Some(record.not_before), waits.spec.start_time);
    assert_eq!(record.expires_at.unwrap().get() - record.not_before.get(), chrono::TimeDelta::hours(2));
}

#[tokio::test]
async fn b19_the_namespace_warns_of_bindings_by_hand_and_f10_keeps_its_labels() {
    let bed = Bed::new("labels").await;
    let name = format!("{}-billing", bed.namespace);
    let mut namespace = example("namespaces/billing.yaml");
    namespace["metadata"]["name"] = json!(name);
    let admin = |line: &str| shell(&bed, &bed.connection.admin(), line);
    let made = admin(&format!(
        "kubectl apply -f - <<<'{namespace}' &&
         kubectl create clusterrole {name} --verb=get,patch --resource=namespaces &&
         kubectl create clusterrolebinding {name} --clusterrole={name} --user={name} &&
         kubectl -n {name} create rolebinding dora --clusterrole=admin --user={name}"
    ));
    assert!(made.status.success(), "{}", said(&made));
    assert!(!said(&made).contains("Warning"), "who holds `*` is exempt: {}", said(&made));

    let dora = bed.person(&name, &[]).await;
    let line = format!("kubectl -n {name} create rolebinding by-hand --clusterrole=view --user=eve");
    // The right to do so reaches the API server's authorizer a moment after it is stored.
    let bound = until("dora may bind", || async {
        let bound = shell(&bed, &dora.kubeconfig, &line);
        bound.status.success().then_some(bound)
    })
    .await;
    assert!(said(&bound).contains("Warning") && said(&bound).contains("AccessRequest"), "{}", said(&bound));
    let line = format!("kubectl label namespace {name} --overwrite curfew.dev/zone=other");
    let labelled = shell(&bed, &dora.kubeconfig, &line);
    assert!(!labelled.status.success() && said(&labelled).contains("classify"), "{}", said(&labelled));
}
