//! Every single validation turned to `true`, one after the other: at least one row of the table must notice.
use super::scene::{Call, Given, Scene, apply, delete, get, merge};
use super::world::{Who, World};
use super::{Answer, Row, all_hold, requests, table};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// All that is in the chart's admission files, for the names of this installation.
pub fn documents(world: &World) -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/curfew/admission");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let text = |path| {
        std::fs::read_to_string(path)
            .unwrap()
            .replace("CURFEW_OPERATOR", &world.operator())
            .replace("CURFEW_SWEEPER", &world.sweeper())
    };
    files.into_iter().flat_map(|file| serde_saphyr::from_multiple::<Value>(&text(file)).unwrap()).collect()
}

/// Where such an object lives.
pub fn path(document: &Value) -> String {
    let kind = document["kind"].as_str().unwrap();
    let plural = match kind.strip_suffix("Policy") {
        Some(stem) => format!("{}policies", stem.to_lowercase()),
        None => format!("{}s", kind.to_lowercase()),
    };
    format!("{GROUP}/{plural}/{}", document["metadata"]["name"].as_str().unwrap())
}

fn put(document: &Value) -> Call {
    apply(path(document), document.clone())
}

/// A row with what it starts from, made while all rules were on.
struct Ready {
    row: &'static Row,
    scene: Scene,
}

async fn ready(world: &World, rows: &[&'static Row]) -> Vec<Ready> {
    let mut all = vec![];
    for row in rows {
        all.push(Ready { row, scene: Scene::new(world, row.given).await });
    }
    all
}

/// The first of these rows that no longer holds; waits for one until the API server uses the rule.
async fn noticed(world: &World, rows: &[Ready]) -> Option<usize> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        for (n, Ready { row, scene }) in rows.iter().enumerate() {
            let holds =
                if row.given == Given::FreshFuse { row.holds(world).await } else { row.holds_in(world, scene).await };
            if holds.is_err() {
                return Some(n);
            }
        }
    }
    None
}

async fn holds_again(world: &World, row: &Row) {
    let start = Instant::now();
    while row.holds(world).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(10), "the rule did not come back: {}", row.says);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A policy with the rows that expect to be refused by it.
struct Judged {
    policy: Value,
    rows: Vec<Ready>,
}

impl Judged {
    fn name(&self) -> &str {
        self.policy["metadata"]["name"].as_str().unwrap()
    }
    fn message(&self, n: usize) -> Option<&str> {
        self.policy["spec"]["validations"][n]["message"].as_str()
    }
    /// The same with one validation turned to `true`.
    fn without(&self, n: usize) -> Value {
        let mut mutant = self.policy.clone();
        mutant["spec"]["validations"][n]["expression"] = json!("true");
        mutant
    }
    /// Warnings come from one policy only.
    fn refuses(&self, row: &Row) -> bool {
        matches!(row.answer, Answer::Refused(by, _) if by == self.name())
            || (self.name() == "curfew-hand-made" && matches!(row.answer, Answer::Warned(_)))
    }
}

/// Turns each validation of these policies to `true`, and tells which went unnoticed.
///
/// The first validations of all policies are off together, then the second, and so on: a row asks for the words of one
/// policy, so it notices nothing of the others.
async fn mutate(
    world: &World,
    rows: &[&'static Row],
    policies: &[Value],
    skip: impl Fn(&str, &str) -> bool,
) -> Vec<String> {
    let mut judged = vec![];
    for policy in policies {
        let mut one = Judged { policy: policy.clone(), rows: vec![] };
        let rows: Vec<_> = rows.iter().copied().filter(|row| one.refuses(row)).collect();
        one.rows = ready(world, &rows).await;
        judged.push(one);
    }
    let most = policies.iter().filter_map(|policy| policy["spec"]["validations"].as_array()).map(Vec::len).max();
    let mut unnoticed = vec![];
    for n in 0..most.unwrap_or_default() {
        let round = |one: &&mut Judged| one.message(n).is_some_and(|message| !skip(one.name(), message));
        let mut round: Vec<_> = judged.iter_mut().filter(round).collect();
        for one in &round {
            world.must(Who::Admin, put(&one.without(n))).await;
        }
        let mut flipped = vec![];
        for one in &round {
            flipped.push(noticed(world, &one.rows).await);
        }
        for one in &round {
            world.must(Who::Admin, put(&one.policy)).await;
        }
        for (one, flipped) in round.iter_mut().zip(flipped) {
            let rule = format!("{}[{n}] {}", one.name(), one.message(n).unwrap_or_default());
            let Some(which) = flipped else {
                unnoticed.push(rule);
                continue;
            };
            let Ready { row, scene } = &mut one.rows[which];
            println!("{rule}\n    noticed by: {}", row.says);
            holds_again(world, row).await;
            *scene = Scene::new(world, row.given).await;
        }
    }
    unnoticed
}

/// Rules that only show where the stamp, or the status subresource, is missing.
fn needs_no_stamp(name: &str, message: &str) -> bool {
    name == "curfew-requests" && message.starts_with("spec.requester")
}
fn needs_no_subresource(message: &str) -> bool {
    message.starts_with("status is written through its subresource only")
}

/// Needs a control plane of its own: rules are off while it runs.
#[tokio::test]
#[ignore = "run by `make mutate-admission`, on a control plane of its own"]
async fn every_validation_is_missed_when_it_is_turned_off() {
    let world = World::new("mutants").await;
    let policies: Vec<_> = documents(&world).into_iter().filter(|d| d["kind"] == "ValidatingAdmissionPolicy").collect();
    let rows: Vec<_> = table().collect();
    let mut unnoticed = mutate(&world, &rows, &policies, |name, message| {
        needs_no_stamp(name, message) || needs_no_subresource(message)
    })
    .await;

    world.must(Who::Admin, delete(format!("{GROUP}/mutatingadmissionpolicybindings/curfew-identity"), json!({}))).await;
    settles(&world, requests::UNSTAMPED).await;
    let rows: Vec<_> = requests::UNSTAMPED.iter().collect();
    unnoticed.extend(mutate(&world, &rows, &policies, |name, message| !needs_no_stamp(name, message)).await);
    let stamp = documents(&world).into_iter().filter(|d| d["metadata"]["name"] == "curfew-identity");
    for document in stamp {
        world.must(Who::Admin, put(&document)).await;
    }

    world.must(Who::Admin, delete(format!("{GROUP}/validatingadmissionpolicybindings/curfew-schema"), json!({}))).await;
    without_subresource(&world).await;
    settles(&world, requests::WITHOUT_SUBRESOURCE).await;
    let rows: Vec<_> = requests::WITHOUT_SUBRESOURCE.iter().collect();
    unnoticed.extend(mutate(&world, &rows, &policies, |_, message| !needs_no_subresource(message)).await);
    assert!(unnoticed.is_empty(), "no row noticed that these were off:\n{}", unnoticed.join("\n"));
}

async fn without_subresource(world: &World) {
    for plural in ["accessrequests", "accesspolicies"] {
        let path = format!("{}/{plural}.curfew.dev", super::cluster::CRDS);
        let crd = world.must(Who::Admin, get(&path)).await;
        let mut versions = crd["spec"]["versions"].clone();
        versions[0].as_object_mut().unwrap().remove("subresources");
        let start = Instant::now();
        while world.call(Who::Admin, &merge(&path, json!({"spec": {"versions": versions}}))).await.code >= 300 {
            assert!(start.elapsed() < Duration::from_secs(10), "curfew-schema still refuses");
        }
    }
}

/// Waits until the API server has seen what changed, then requires every row.
async fn settles(world: &World, rows: &'static [Row]) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let mut calm = true;
        for row in rows {
            calm &= row.holds(world).await.is_ok();
        }
        if calm {
            return;
        }
    }
    all_hold(world, rows).await;
}
