//! Many records: how long the operator takes for them, what it needs, and how long it takes to list, report, export and verify them.
//!
//! They are denied ones, as those need no fuse: kube-controller-manager would be what is measured. Each is made as the operator
//! makes it; its status and its timeline are the operator's own work.
use crate::seen::What;
use crate::site::{Operator, Site, namespace};
use crate::table::{Row, Table};
use curfew::api::grant::AccessGrant;
use curfew::api::names;
use futures::{StreamExt, stream};
use kube::api::{Api, ListParams, PostParams};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many are made at the same time.
const AT_ONCE: usize = 16;
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(1800);

/// All of it, as rows; the operator that runs after it.
pub async fn measure(site: &Site, operator: Operator, count: usize, table: &mut Table) -> Operator {
    let began = Instant::now();
    let grants = Api::<AccessGrant>::all(site.operator.clone());
    stream::iter(0..count).for_each_concurrent(AT_ONCE, |n| make(&grants, n)).await;
    table.add(Row::seconds("records made", count, began.elapsed()));
    complete(site, count).await;
    table.add(Row::seconds("  each with status and timeline", count, began.elapsed()));
    tokio::time::sleep(Duration::from_secs(5)).await;
    table.add(Row::resident("operator, resident memory", count, operator.memory()));

    let export = site.folder().join("export.jsonl");
    let kubectl = Command::new("kubectl");
    let curfew = || Command::new(env!("CARGO_BIN_EXE_curfew"));
    for (what, mut command, arguments) in [
        ("kubectl get accessgrants", kubectl, &["get", "accessgrants"][..]),
        ("curfew report weekly", curfew(), &["report", "weekly"]),
        ("curfew report usage", curfew(), &["report", "usage"]),
        ("curfew report usage, as a page", curfew(), &["report", "usage", "-o=html"]),
        ("curfew report export", curfew(), &["report", "export"]),
        ("curfew export", curfew(), &["export"]),
        ("curfew verify, each chain", curfew(), &["verify"]),
        ("curfew verify against that export", curfew(), &["verify", "--against"]),
        ("curfew verify of the export alone", curfew(), &["verify", "--file"]),
    ] {
        command.args(arguments).env("KUBECONFIG", site.admin_kubeconfig());
        if arguments.last().is_some_and(|last| ["--against", "--file"].contains(last)) {
            command.arg(&export);
        }
        let (time, said) = timed(command, if arguments == ["export"] { &export } else { Path::new("/dev/null") });
        assert!(said.is_empty(), "{what}: {said}");
        table.add(Row::seconds(what, count, time));
    }
    let exported = std::fs::read_to_string(&export).unwrap();
    assert!(exported.lines().count() >= count, "every record is exported");
    let size = exported.len() as f64 / exported.lines().count() as f64 / 1024.0;
    table.add(Row::size("  one record in the export", exported.lines().count(), size));
    table.add(Row::resident("operator, resident memory after all that", count, operator.memory()));
    let (operator, bound) = restarted(site, operator).await;
    table.add(Row::seconds("approval -> binding, just after a restart", count, bound));
    operator
}

/// How long somebody waits for access while the next operator looks at every record again.
async fn restarted(site: &Site, operator: Operator) -> (Operator, Duration) {
    const NAME: &str = "restarted-1";
    operator.stop();
    let operator = site.operator().await;
    let filed = site.file(&site.alice, NAME, &namespace(1)).await;
    site.seen.when(What::Waiting, NAME).await;
    site.approve(&filed, 600).await;
    let approved = Instant::now();
    let made = site.seen.when(What::BindingMade, NAME).await;
    (operator, made.at - approved)
}

async fn make(grants: &Api<AccessGrant>, n: usize) {
    grants.create(&PostParams::default(), &serde_json::from_value(record(n)).unwrap()).await.unwrap();
}

/// As a record of a request with all its evidence is.
fn record(n: usize) -> Value {
    let (place, request, uid) = (namespace(n), format!("sup-{n}"), format!("{n:08x}-0000-4000-8000-000000000000"));
    let spec = json!({
        "request": {"namespace": place, "name": request, "uid": uid, "generation": 1},
        "policy": {"name": "bench", "uid": "7f3a2c1b-0000-4000-8000-000000000000", "generation": 1,
            "description": "One account, after a real report from a customer.", "retentionDays": 400},
        "outcome": "Denied", "user": format!("person-{}", n % 50), "groups": ["engineers", "people"],
        "entitledBy": {"kind": "Group", "name": "engineers"}, "namespace": place,
        "namespaceLabels": {"curfew.dev/zone": "bench"}, "access": "logs", "level": "ReadOnly",
        "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"},
        "rules": [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list", "watch"]}],
        "rulesSha256": "0".repeat(64), "adds": ["get,list,watch pods", "get,list,watch pods/log"],
        "ticket": format!("SUP-{}", n % 2000), "reason": "Check why invoice totals changed for customer account 4812.",
        "data": [{"system": "billing-db", "kind": "invoice", "tenant": "4812", "records": ["99017"], "fields": ["total"]}],
        "whyNotSafer": "The billing board shows sums, not the single invoice.", "plan": ["kubectl logs deploy/invoicer"],
        "askedFor": "30m", "notBefore": "2026-01-01T09:00:00Z",
        "approvals": [{"by": "bob", "step": "service-owner", "as": {"kind": "User", "name": "bob"}, "decision": "Deny",
            "revision": "00000000-1", "comment": "The board has it.", "at": "2026-01-01T09:00:00Z"}]});
    json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant", "spec": spec,
        "metadata": {"name": names::grant(&place, &request, &uid), "labels": {names::MANAGED_BY_LABEL: names::FIELD_MANAGER,
            names::POLICY_LABEL: "bench", names::REQUEST_LABEL: request}}})
}

/// Waits until each has a timeline.
async fn complete(site: &Site, count: usize) {
    let denied = ListParams::default().fields("status.state=Denied").limit(500);
    let grants = Api::<AccessGrant>::all(site.admin.clone());
    let end = Instant::now() + PATIENCE;
    loop {
        let (mut found, mut page) = (0, denied.clone());
        loop {
            let got = grants.list_metadata(&page).await.unwrap();
            found += got.items.len();
            match got.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => break,
            }
        }
        if found >= count {
            return;
        }
        assert!(Instant::now() < end, "{found} of {count} have a status");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// How long a command took, and what it complained of.
fn timed(mut command: Command, out: &Path) -> (Duration, String) {
    let began = Instant::now();
    let out = std::fs::File::create(out).unwrap();
    let done = command.stdin(Stdio::null()).stdout(out).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (began.elapsed(), if done.status.success() { String::new() } else { format!("{} {said}", done.status) })
}
