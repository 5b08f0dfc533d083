//! The chart, by real Helm: what it renders, what it refuses, and that it asks for no more than it needs.
use clap::Parser;
use curfew::api::subject::Level;
use curfew::decide::role;
use curfew::settings::Settings;
use curfew_testbed::connection::Connection;
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::process::Command;

const HOME: &str = "curfew";
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/curfew");

fn helm() -> PathBuf {
    Connection::from_env().unwrap().helm()
}

/// What `helm template` prints, or what it complains of.
async fn render(helm: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut template = Command::new(helm);
    let output = template.args(["template", HOME, CHART, "--namespace", HOME]).args(arguments).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// What is rendered with these arguments, document by document.
async fn rendered(arguments: &[&str]) -> Vec<Value> {
    let text = render(&helm(), arguments).await.unwrap_or_else(|words| panic!("{arguments:?}: {words}"));
    let documents =
        serde_saphyr::from_multiple::<Value>(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}
fn of<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}
fn one<'a>(objects: &'a [Value], kind: &str, called: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind && name(object) == called);
    found.unwrap_or_else(|| panic!("no {kind} {called}"))
}
fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn helm_finds_nothing_to_complain_of() {
    let output = Command::new(helm()).args(["lint", "--strict", CHART]).output().await.unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn every_switch_renders_objects_with_names_of_their_own() {
    for arguments in [
        &[][..],
        &[
            "--set",
            "crds.install=false,roles.catalogue=false,sweep.enabled=false,report.snapshots.enabled=false,report.reviews.enabled=false,metrics.service=false,replicas=1",
        ],
        &[
            "--set",
            "metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.release=p,metrics.prometheusRule.enabled=true",
        ],
        &[
            "--set",
            "users[0].kind=Group,users[0].name=engineers,users[1].kind=User,users[1].name=dana",
            "--set",
            "operator.clusterName=west",
        ],
        &[
            "--set",
            "image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000,imagePullSecrets[0].name=registry",
        ],
        &[
            "--set",
            "priorityClassName=high,nodeSelector.zone=a,tolerations[0].operator=Exists,podLabels.team=a,podAnnotations.note=b",
        ],
        &[
            "--set",
            "fullnameOverride=keys",
            "--set",
            "operator.sharedAccounts={root,deploy}",
            "--set",
            "operator.logFormat=text",
        ],
        &["--set", "admission.identityStamp=never"],
        &["--kube-version", "1.34.0"],
    ] {
        let objects = rendered(arguments).await;
        let mut seen = BTreeSet::new();
        for object in &objects {
            let identity =
                [&object["apiVersion"], &object["kind"], &object["metadata"]["namespace"], &object["metadata"]["name"]];
            assert!(
                identity[..2].iter().all(|part| part.is_string()) && seen.insert(format!("{identity:?}")),
                "{arguments:?}: {identity:?}"
            );
        }
        assert!(!json!(objects).to_string().contains("CURFEW_"), "{arguments:?}: a placeholder is left");
    }
}

#[tokio::test]
async fn every_switch_does_what_it_says() {
    let none = rendered(&[
        "--set",
        "crds.install=false,roles.catalogue=false,sweep.enabled=false,report.snapshots.enabled=false,report.reviews.enabled=false,metrics.service=false,replicas=1",
    ])
    .await;
    for kind in ["CustomResourceDefinition", "CronJob", "Service", "PodDisruptionBudget"] {
        assert!(of(&none, kind).is_empty(), "{kind}");
    }
    assert!(!of(&none, "ClusterRole").iter().any(|role| name(role) == "curfew-logs"));
    assert!(
        of(&none, "ClusterRoleBinding").iter().all(|binding| name(binding) != "curfew-user"),
        "nobody is named, so nobody is bound"
    );

    let users = rendered(&["--set", "users[0].kind=Group,users[0].name=engineers"]).await;
    let binding = one(&users, "ClusterRoleBinding", "curfew-user");
    assert_eq!(
        binding["subjects"],
        json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "engineers"}])
    );

    for (arguments, stamps) in [
        (&["--kube-version", "1.34.0"][..], false),
        (&["--kube-version", "1.36.0"], true),
        (
            &["--kube-version", "1.35.0", "--api-versions", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"],
            true,
        ),
        (&["--kube-version", "1.34.0", "--set", "admission.identityStamp=always"], true),
        (&["--kube-version", "1.37.0", "--set", "admission.identityStamp=never"], false),
    ] {
        let objects = rendered(arguments).await;
        assert_eq!(of(&objects, "MutatingAdmissionPolicy").len(), usize::from(stamps), "{arguments:?}");
        assert!(of(&objects, "ValidatingAdmissionPolicy").len() > 10, "{arguments:?}");
    }
}

#[tokio::test]
async fn values_become_flags() {
    let objects = rendered(&[
        "--set",
        "operator.clusterName=west",
        "--set",
        "operator.sharedAccounts={root,deploy}",
        "--set",
        "operator.maxDuration=90m",
        "--set",
        "operator.grantsPerNamespace=7",
        "--set",
        "operator.stopWithoutFuseTest=false",
        "--set",
        "operator.fuseImage=mirror/pause:1",
        "--set",
        "operator.logFormat=text",
        "--set",
        "operator.calendar.timeZone=Europe/Berlin",
        "--set",
        "operator.calendar.workDays={Sun,Mon}",
        "--set",
        "operator.calendar.workHours=08:00-16:00",
        "--set",
        "operator.calendar.holidays={2026-12-25}",
    ])
    .await;
    let pod = &one(&objects, "Deployment", "curfew")["spec"]["template"]["spec"];
    assert_eq!(
        pod["containers"][0]["args"],
        json!([
            "run",
            "--listen=0.0.0.0:8080",
            "--user=system:serviceaccount:curfew:curfew",
            "--sweeper=system:serviceaccount:curfew:curfew-sweep",
            "--max-duration=90m",
            "--grants-per-namespace=7",
            "--fuse-image=mirror/pause:1",
            "--stop-without-fuse-test=false",
            "--shared-account=root",
            "--shared-account=deploy",
            "--calendar-time-zone=Europe/Berlin",
            "--calendar-work-days=Sun,Mon",
            "--calendar-work-hours=08:00-16:00",
            "--calendar-holiday=2026-12-25",
            "--cluster-name=west",
            "--log-format=text"
        ])
    );
    let sweep = &one(&objects, "CronJob", "curfew-sweep")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(sweep["containers"][0]["args"], json!(["sweep", "--log-format=text"]));
    let report = &one(&objects, "CronJob", "curfew-report")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(
        report["containers"][0]["args"],
        json!(["report", "standing", "--snapshot", "--keep=60", "--home=curfew", "--log-format=text"])
    );
    let review =
        |of: &str| &one(&objects, "CronJob", of)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let (weekly, monthly) = (review("curfew-reviews-weekly"), review("curfew-reviews-monthly"));
    let shared = ["--shared-account=root", "--shared-account=deploy", "--log-format=text"];
    assert_eq!(weekly["args"], json!([&["report", "weekly", "--output=markdown"][..], &shared].concat()));
    assert_eq!(monthly["args"], json!([&["report", "monthly", "--output=markdown"][..], &shared].concat()));
    for container in [&pod["containers"][0], &sweep["containers"][0], &report["containers"][0], weekly, monthly] {
        reads(container).unwrap();
    }
    assert_eq!((&pod["serviceAccountName"], &sweep["serviceAccountName"]), (&json!("curfew"), &json!("curfew-sweep")));
}

/// Whether the program understands the arguments of a container.
fn reads(container: &Value) -> Result<(), String> {
    let mut arguments = vec!["curfew"];
    arguments.extend(container["args"].as_array().unwrap().iter().filter_map(Value::as_str));
    if arguments.contains(&"run") {
        arguments.extend(["--pod-name=curfew-0", "--pod-namespace=curfew"]);
    }
    Settings::try_parse_from(arguments).map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn chart_and_program_allow_the_same_longest_access() {
    for (span, allowed) in [
        ("1m", true),
        ("90m", true),
        ("1440m", true),
        ("12h", true),
        ("24h", true),
        ("1h30m", true),
        ("23h59m", true),
        ("0m", false),
        ("0h", false),
        ("25h", false),
        ("24h1m", false),
        ("1441m", false),
        ("30", false),
        ("-1h", false),
        ("1d", false),
    ] {
        let chart = render(&helm(), &["--set", &format!("operator.maxDuration={span}")]).await.is_ok();
        let container = json!({"args": ["run", "--user=system:serviceaccount:curfew:curfew",
            "--sweeper=system:serviceaccount:curfew:curfew-sweep", format!("--max-duration={span}")]});
        assert_eq!((chart, reads(&container).is_ok()), (allowed, allowed), "{span}");
    }
}

#[tokio::test]
async fn admission_speaks_of_the_accounts_of_this_release() {
    let output = Command::new(helm()).args(["template", "keys", CHART, "--namespace", "vault"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("request.userInfo.username == 'system:serviceaccount:vault:keys-curfew'"), "{text}");
    assert!(text.contains("request.userInfo.username == 'system:serviceaccount:vault:keys-curfew-sweep'"));
    assert!(
        text.contains("--user=system:serviceaccount:vault:keys-curfew\n")
            && text.contains("--sweeper=system:serviceaccount:vault:keys-curfew-sweep\n")
    );
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let accounts: Vec<_> = of(&objects, "ServiceAccount").into_iter().map(name).collect();
    let accounts: BTreeSet<_> = accounts.into_iter().collect();
    assert_eq!(accounts, ["keys-curfew", "keys-curfew-report", "keys-curfew-reviews", "keys-curfew-sweep"].into());
}

#[tokio::test]
async fn bad_values_are_refused_with_what_is_allowed() {
    for (value, words) in [
        ("replicas=0", "minimum"),
        ("replicas=two", "got string, want integer"),
        ("replica=2", "additional properties 'replica' not allowed"),
        ("operator.maxduration=1h", "additional properties 'maxduration' not allowed"),
        ("operator.maxDuration=25h", "/operator/maxDuration"),
        ("operator.maxDuration=0m", "/operator/maxDuration"),
        ("operator.maxDuration=forever", "does not match pattern"),
        ("operator.logFormat=xml", "value must be one of 'json', 'text'"),
        ("operator.grantsPerNamespace=0", "minimum"),
        ("operator.calendar.timeZone=Mars Olympus", "does not match pattern"),
        ("operator.calendar.workDays={Mon,Funday}", "/operator/calendar/workDays/1"),
        ("operator.calendar.workHours=9-18", "does not match pattern"),
        ("operator.calendar.workHours=18:00-09:00", "the earlier first"),
        ("operator.calendar.holidays={25.12.2026}", "/operator/calendar/holidays/0"),
        ("users[0].kind=ServiceAccount,users[0].name=x", "value must be one of 'User', 'Group'"),
        ("users[0].name=x", "missing property 'kind'"),
        ("grantableRoles={}", "/grantableRoles"),
        ("grantableRoles={cluster-admin}", "/grantableRoles/0"),
        ("grantableRoles={system:node}", "/grantableRoles/0"),
        ("image.pullPolicy=Sometimes", "value must be one of 'Always', 'IfNotPresent', 'Never'"),
        ("image.digest=latest", "does not match pattern"),
        ("admission.identityStamp=maybe", "value must be one of 'auto', 'always', 'never'"),
        ("report.snapshots.keep=0", "minimum"),
        ("report.snapshots.keep=101", "maximum"),
        ("report.reviews.output=pdf", "value must be one of 'table', 'markdown', 'html', 'csv', 'json'"),
        ("operator.notify.url=example.com", "/operator/notify/url"),
        ("operator.notify.url=https://example.com/hook", "must name a Secret"),
        ("operator.notify.secret=hook", "needs operator.notify.url"),
        ("crds.install=yes please", "got string, want boolean"),
    ] {
        let answer = render(&helm(), &["--set", value]).await;
        let said = answer.expect_err(value);
        assert!(said.contains(words), "{value}: {said}");
    }
}

#[tokio::test]
async fn every_value_is_described() {
    let schema: Value = serde_json::from_str(include_str!("../../charts/curfew/values.schema.json")).unwrap();
    let values: Value = serde_saphyr::from_str(include_str!("../../charts/curfew/values.yaml")).unwrap();
    fn walk(path: &str, schema: &Value, value: &Value) {
        assert!(schema["description"].as_str().is_some_and(|text| text.len() > 5), "{path} has no description");
        for (key, of) in schema["properties"].as_object().into_iter().flatten() {
            walk(&format!("{path}.{key}"), of, &value[key]);
        }
        if let (Some(known), Some(given)) = (schema["properties"].as_object(), value.as_object()) {
            assert_eq!(schema["additionalProperties"], json!(false), "{path} takes anything");
            let missing: Vec<_> = known.keys().filter(|key| !given.contains_key(*key) && *key != "global").collect();
            assert!(missing.is_empty(), "{path}: not in values.yaml: {missing:?}");
        }
    }
    walk("", &schema, &values);
}

#[tokio::test]
async fn alerts_speak_of_metrics_that_there_are() {
    let objects = rendered(&["--set", "metrics.prometheusRule.enabled=true"]).await;
    let rule = one(&objects, "PrometheusRule", "curfew");
    let known = include_str!("../../src/telemetry/metrics.rs");
    let alerts = rule["spec"]["groups"][0]["rules"].as_array().unwrap();
    assert!(alerts.len() >= 5);
    for alert in alerts {
        let expr = alert["expr"].as_str().unwrap();
        let metric = expr
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .find(|word| word.starts_with("curfew_") || word.starts_with("leader_"))
            .unwrap();
        assert!(known.contains(&format!("\"{metric}\"")), "{metric} is not a metric");
        assert!(expr.contains("{namespace=\"curfew\""), "{expr}");
    }
}

#[tokio::test]
async fn the_kinds_are_the_generated_ones_and_are_kept() {
    let objects = rendered(&[]).await;
    let crds = of(&objects, "CustomResourceDefinition");
    assert_eq!(crds.len(), 3);
    for generated in curfew::api::crds() {
        let rendered = one(&objects, "CustomResourceDefinition", generated.metadata.name.as_deref().unwrap());
        let typed: CustomResourceDefinition = serde_json::from_value(rendered.clone()).unwrap();
        assert_eq!(typed.spec, generated.spec);
        assert_eq!(rendered["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
}

/// What no role of ours may hold: secrets, wildcards, and what leads to more rights.
#[tokio::test]
async fn no_role_reads_secrets_or_grants_more_than_it_holds() {
    let grantable =
        ["curfew-logs", "curfew-read", "curfew-restart", "curfew-exec", "curfew-config-edit", "curfew-debug"];
    let objects = rendered(&["--set", "users[0].kind=Group,users[0].name=engineers"]).await;
    let roles: Vec<_> = [of(&objects, "ClusterRole"), of(&objects, "Role")].concat();
    assert!(roles.len() > 10);
    for role in roles {
        assert!(
            role["aggregationRule"].is_null() && !role["metadata"]["labels"].to_string().contains("aggregate-to"),
            "{}",
            name(role)
        );
        for rule in role["rules"].as_array().unwrap() {
            let (groups, resources, verbs) =
                (texts(&rule["apiGroups"]), texts(&rule["resources"]), texts(&rule["verbs"]));
            let what = format!("{}: {rule}", name(role));
            assert!(!groups.contains("*") && !resources.contains("*") && !verbs.contains("*"), "{what}");
            assert!(rule["nonResourceURLs"].is_null(), "{what}");
            assert!(
                !resources
                    .iter()
                    .any(|r| r.starts_with("secrets") || r.starts_with("serviceaccounts") || r.starts_with("nodes")),
                "{what}"
            );
            assert!(
                ["escalate", "impersonate", "classify", "bypass", "file"].iter().all(|verb| !verbs.contains(verb)),
                "{what}"
            );
            if verbs.contains("bind") {
                assert_eq!(
                    (name(role), texts(&rule["resourceNames"]), verbs.clone()),
                    ("curfew-operator", grantable.into(), ["bind"].into()),
                    "{what}"
                );
            }
            if verbs.contains("close") {
                assert_eq!((name(role), resources.clone()), ("curfew-responder", ["accessrequests"].into()), "{what}");
            }
            let writes = !verbs.is_subset(&["get", "list", "watch", "bind"].into());
            assert!(!(writes && groups.contains("admissionregistration.k8s.io")), "{what}");
            if writes && groups.contains("rbac.authorization.k8s.io") {
                assert!(
                    ["curfew-operator", "curfew-sweep"].contains(&name(role)) && resources == ["rolebindings"].into(),
                    "{what}"
                );
            }
        }
    }
}

#[tokio::test]
async fn people_and_sweep_hold_what_the_docs_say_and_no_more() {
    let objects = rendered(&[]).await;
    let held = |role: &str| {
        let rules = one(&objects, "ClusterRole", role)["rules"].as_array().unwrap().clone();
        let each = rules.iter().flat_map(|rule| {
            let resources = texts(&rule["resources"]);
            resources
                .into_iter()
                .flat_map(|resource| texts(&rule["verbs"]).into_iter().map(move |verb| format!("{verb} {resource}")))
                .collect::<Vec<_>>()
        });
        each.collect::<BTreeSet<_>>()
    };
    let user = held("curfew-user");
    assert!(user.contains("create accessrequests") && user.contains("patch accessrequests/status"));
    assert!(!user.iter().any(|right| right.starts_with("delete")), "every request is kept: {user:?}");
    assert!(!user.contains("create accessgrants") && !user.contains("patch accesspolicies"));
    let filer = held("curfew-filer");
    assert!(filer.contains("create accessrequests") && filer.contains("delete accessrequests"));
    assert!(
        filer.iter().all(|right| right.ends_with(" accessrequests")),
        "no status, no policies, no records: {filer:?}"
    );
    let auditor = held("curfew-auditor");
    assert!(
        auditor.iter().all(|right| ["get ", "list ", "watch "].iter().any(|verb| right.starts_with(verb))),
        "{auditor:?}"
    );
    assert!(!auditor.iter().any(|right| right.contains("secrets") || right == "list configmaps"), "{auditor:?}");
    let report = held("curfew-report");
    assert!(report.iter().all(|right| right.starts_with("get ") || right.starts_with("list ")), "{report:?}");
    let snapshots: BTreeSet<_> = (0..60).map(curfew::decide::standing::slot).collect();
    for (kind, role) in [("Role", "curfew-report"), ("ClusterRole", "curfew-auditor")] {
        let rules = one(&objects, kind, role)["rules"].as_array().unwrap();
        let named = rules.iter().find(|rule| !rule["resourceNames"].is_null()).unwrap();
        assert_eq!(texts(&named["resourceNames"]), snapshots.iter().map(String::as_str).collect(), "{role}");
    }
    let reviews = held("curfew-reviews");
    assert!(reviews.iter().all(|right| right.starts_with("get ") || right.starts_with("list ")), "{reviews:?}");
    assert!(
        reviews.contains("list accessgrants") && !reviews.iter().any(|right| right.contains("secrets")),
        "{reviews:?}"
    );
    let sweep = held("curfew-sweep");
    assert_eq!(
        sweep.iter().filter(|right| !right.starts_with("get ") && !right.starts_with("list ")).collect::<Vec<_>>(),
        ["delete jobs", "delete rolebindings"]
    );
}

#[tokio::test]
async fn roles_of_the_catalogue_are_of_the_level_they_say() {
    let objects = rendered(&[]).await;
    let catalogue: Vec<_> =
        objects.iter().filter(|object| object["metadata"]["labels"]["curfew.dev/catalogue"] == "true").collect();
    assert_eq!(catalogue.len(), 6);
    for role in catalogue {
        let rules: Vec<PolicyRule> = serde_json::from_value(role["rules"].clone()).unwrap();
        let declared: Level = serde_json::from_value(role["metadata"]["labels"]["curfew.dev/level"].clone()).unwrap();
        assert_eq!(role::excess(&rules, declared), None, "{}", name(role));
        assert!(role["metadata"]["annotations"]["curfew.dev/description"].is_string(), "{}", name(role));
    }
}

#[tokio::test]
async fn its_pods_are_admitted_where_only_restricted_ones_are() {
    let connection = Connection::from_env().unwrap();
    let client = connection.client(&connection.admin()).await.unwrap();
    let post = async |path: &str, body: Value| {
        let request = http::Request::post(path).header("Content-Type", "application/json");
        client.request::<Value>(request.body(body.to_string().into_bytes()).unwrap()).await
    };
    let strict = json!({"metadata": {"generateName": "restricted-", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let strict = post("/api/v1/namespaces", strict).await.unwrap();
    let home = format!("/api/v1/namespaces/{}", name(&strict));
    let objects = rendered(&[]).await;
    for account in of(&objects, "ServiceAccount") {
        post(&format!("{home}/serviceaccounts"), json!({"metadata": {"name": name(account)}})).await.unwrap();
    }
    let deployment = &one(&objects, "Deployment", "curfew")["spec"]["template"]["spec"];
    let sweep = &one(&objects, "CronJob", "curfew-sweep")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let report = &one(&objects, "CronJob", "curfew-report")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let weekly = &one(&objects, "CronJob", "curfew-reviews-weekly")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    for spec in [deployment, sweep, report, weekly] {
        post(&format!("{home}/pods?dryRun=All"), json!({"metadata": {"generateName": "pod-"}, "spec": spec}))
            .await
            .unwrap();
        let container = &spec["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], json!(true));
        assert!(container["resources"]["requests"].is_object() && container["resources"]["limits"].is_object());
    }
}

#[tokio::test]
async fn the_notes_name_the_next_three_commands_and_who_may_ask() {
    let notes = async |arguments: &[&str]| {
        let output = Command::new(helm())
            .args(["install", HOME, CHART, "--namespace", HOME, "--dry-run=client"])
            .args(arguments)
            .output()
            .await
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        text.split_once("NOTES:").unwrap().1.to_owned()
    };
    let said = notes(&[]).await;
    for words in [
        "rollout status deployment/curfew",
        "kubectl get accesspolicies",
        "kubectl get accessrequests,accessgrants -A",
        "the value `users` is empty",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!notes(&["--set", "users[0].kind=Group,users[0].name=engineers"]).await.contains("is empty"));
}

#[tokio::test]
async fn k5_a_receiver_has_its_token_from_a_secret_and_i3_reports_go_into_a_volume() {
    let values = "operator.notify.url=https://example.com/hook?team=a,operator.notify.secret=hook,report.reviews.volume.emptyDir.medium=Memory,report.reviews.monthly=";
    let objects = rendered(&["--set", values]).await;
    let pod = &one(&objects, "Deployment", "curfew")["spec"]["template"]["spec"];
    let arguments = texts(&pod["containers"][0]["args"]);
    for flag in [
        "--notify=https://example.com/hook?team=a",
        "--notify-token-file=/var/run/curfew/notify/token",
        "--notify-ca-file=/var/run/curfew/notify/ca.crt",
    ] {
        assert!(arguments.contains(flag), "{flag}: {arguments:?}");
    }
    reads(&pod["containers"][0]).unwrap();
    assert_eq!(pod["volumes"], json!([{"name": "notify", "secret": {"secretName": "hook"}}]));
    assert_eq!(
        pod["containers"][0]["volumeMounts"],
        json!([{"name": "notify", "mountPath": "/var/run/curfew/notify", "readOnly": true}])
    );
    let jobs: BTreeSet<_> = of(&objects, "CronJob").into_iter().map(name).collect();
    assert_eq!(jobs, ["curfew-report", "curfew-reviews-weekly", "curfew-sweep"].into());
    let weekly = &one(&objects, "CronJob", "curfew-reviews-weekly")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert!(texts(&weekly["containers"][0]["args"]).contains("--directory=/var/lib/curfew/reports"));
    assert_eq!(weekly["volumes"], json!([{"name": "reports", "emptyDir": {"medium": "Memory"}}]));
    reads(&weekly["containers"][0]).unwrap();
}
