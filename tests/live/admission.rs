//! What the API server accepts and refuses, with the chart installed: a table of sentences, each a call by somebody with
//! their own credentials, and the answer that they get.
mod access;
mod cluster;
mod decisions;
mod duties;
mod limits;
mod mutants;
mod records;
mod requests;
mod scene;
mod second;
mod world;

use scene::{Call, Given, Scene};
use serde_json::{Value, json};
use world::{Reply, Who, World};

/// One line of the table.
pub struct Row {
    /// What is tried.
    says: &'static str,
    given: Given,
    who: Who,
    call: fn(&Scene) -> Call,
    answer: Answer,
}

/// What the API server says.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Accepted,
    /// Accepted, with these words of warning.
    Warned(&'static str),
    /// By this admission policy, in these words.
    Refused(&'static str, &'static str),
    /// By the schema, or by RBAC.
    Rejected(&'static str),
}
const fn accepted() -> Answer {
    Answer::Accepted
}
const fn warned(words: &'static str) -> Answer {
    Answer::Warned(words)
}
const fn refused(policy: &'static str, words: &'static str) -> Answer {
    Answer::Refused(policy, words)
}
const fn rejected(words: &'static str) -> Answer {
    Answer::Rejected(words)
}

impl Answer {
    fn is(self, reply: &Reply) -> bool {
        let said = reply.words();
        match self {
            Self::Accepted => reply.code < 300 && reply.warning.is_empty(),
            Self::Warned(words) => reply.code < 300 && reply.warning.contains(words),
            Self::Refused(policy, words) => {
                reply.code == 403
                    && said.contains(&format!("ValidatingAdmissionPolicy '{policy}' with binding"))
                    && said.contains(words)
            }
            Self::Rejected(words) => {
                reply.code >= 400 && !said.contains("ValidatingAdmissionPolicy") && said.contains(words)
            }
        }
    }
}

impl Row {
    /// Tries it once, or, where it is a race with a controller, until it is won.
    async fn holds(&self, world: &World) -> Result<(), String> {
        let mut last = Ok(());
        for _ in 0..if self.given == Given::FreshFuse { 20 } else { 1 } {
            last = self.holds_in(world, &Scene::new(world, self.given).await).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    async fn holds_in(&self, world: &World, scene: &Scene) -> Result<(), String> {
        let reply = world.call(self.who, &(self.call)(scene)).await;
        if self.answer.is(&reply) {
            return Ok(());
        }
        let Reply { code, warning, .. } = &reply;
        Err(format!("{}\n    expected {:?}\n    got {code} {} {warning}", self.says, self.answer, reply.words()))
    }
}

/// Every row that holds where the chart is installed as it is.
fn table() -> impl Iterator<Item = &'static Row> {
    [requests::ROWS, decisions::ROWS, second::ROWS, access::ROWS, records::ROWS, duties::ROWS, cluster::ROWS]
        .into_iter()
        .flatten()
}

async fn all_hold(world: &World, rows: &[Row]) {
    let mut wrong = vec![];
    for row in rows {
        wrong.extend(row.holds(world).await.err());
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[tokio::test]
async fn requests_are_filed_and_amended_only_by_those_who_ask() {
    all_hold(&World::new("requests").await, requests::ROWS).await;
}

#[tokio::test]
async fn decisions_are_made_only_by_those_it_waits_for_and_ends_by_those_who_may() {
    all_hold(&World::new("decisions").await, decisions::ROWS).await;
}
#[tokio::test]
async fn b23_a_second_access_is_started_by_its_requester_once_and_while_the_first_holds() {
    all_hold(&World::new("second").await, second::ROWS).await;
}

#[tokio::test]
async fn bindings_and_fuses_are_made_by_the_operator_and_changed_by_nobody() {
    all_hold(&World::new("access").await, access::ROWS).await;
}

#[tokio::test]
async fn records_and_policies_are_written_by_those_who_answer_for_them() {
    all_hold(&World::new("records").await, records::ROWS).await;
}

#[tokio::test]
async fn g3_duties_are_met_by_who_owes_them_once_and_waived_by_reviewers_in_writing() {
    all_hold(&World::new("duties").await, duties::ROWS).await;
}

#[tokio::test]
async fn the_operator_namespaces_and_kinds_keep_to_their_rules() {
    all_hold(&World::new("cluster").await, cluster::ROWS).await;
}

#[tokio::test]
async fn the_stamp_names_the_caller_whatever_they_wrote() {
    let world = World::new("stamp").await;
    let scene = Scene::new(&world, Given::Nothing).await;
    let mut request = scene.asks();
    request["spec"]["requester"] = json!({"username": "bob", "uid": "u-bob", "groups": ["system:masters"]});
    let filed = world.must(Who::Alice, scene::create(scene.requests(), request)).await;
    assert_eq!(
        filed["spec"]["requester"],
        json!({"username": "alice", "groups": ["engineers", "system:authenticated"]})
    );
}

#[tokio::test]
async fn applying_a_request_again_changes_nothing() {
    let world = World::new("again").await;
    let scene = Scene::new(&world, Given::Nothing).await;
    let first = world.must(Who::Alice, scene::apply(scene.request(), scene.asks())).await;
    let second = world.must(Who::Alice, scene::apply(scene.request(), scene.asks())).await;
    assert_eq!(first["spec"], second["spec"]);
    assert_eq!(first["metadata"]["generation"], second["metadata"]["generation"]);
}

#[tokio::test]
async fn what_must_be_dropped_is_not_stored() {
    let world = World::new("dropped").await;
    let scene = Scene::new(&world, Given::Waiting).await;
    let before = world.must(Who::Admin, scene::get(scene.request())).await;
    world.must(Who::Alice, scene::merge(scene.request(), json!({"status": {"state": "Bound"}}))).await;
    world.must(Who::Bob, scene::merge(scene.request_status(), json!({"spec": {"duration": "8h"}}))).await;
    let after = world.must(Who::Admin, scene::get(scene.request())).await;
    assert_eq!((&before["spec"], &before["status"]), (&after["spec"], &after["status"]));
}

/// Fields of a status that people may write; each has rows of its own in the table.
const PEOPLE_WRITE: &[(&str, &[&str])] = &[
    ("accesspolicies", &["reviews"]),
    ("accessrequests", &["approvals", "close", "then"]),
    ("accessgrants", &["duties"]),
];

#[tokio::test]
async fn no_status_field_is_left_open() {
    let world = World::new("fields").await;
    for (plural, people) in PEOPLE_WRITE {
        let (given, path): (_, fn(&Scene) -> String) = match *plural {
            "accesspolicies" => (Given::Policy, Scene::policy_path),
            "accessrequests" => (Given::Filed, Scene::request),
            _ => (Given::Record, Scene::record_path),
        };
        let scene = Scene::new(&world, given).await;
        let crd = world.must(Who::Admin, scene::get(format!("{}/{plural}.curfew.dev", cluster::CRDS))).await;
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"];
        let fields = schema["properties"].as_object().unwrap();
        let others: Vec<_> = fields.keys().filter(|field| !people.contains(&field.as_str())).collect();
        let status: Value = others
            .iter()
            .map(|field| ((*field).clone(), example(&fields[*field])))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let reply =
            world.call(Who::Admin, &scene::merge(format!("{}/status", path(&scene)), json!({"status": status}))).await;
        let words = reply.words().split("status of a record is").last().unwrap();
        for field in others {
            assert!(
                reply.code == 403 && words.contains(field.as_str()),
                "{plural}: {field} is written by anybody: {} {}",
                reply.code,
                reply.words()
            );
        }
    }
}

/// The smallest value that a schema accepts.
fn example(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    match schema["type"].as_str().unwrap_or("object") {
        "string" if schema["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
        "string" if schema["pattern"].as_str().is_some_and(|p| p.contains("{64}")) => json!("0".repeat(64)),
        "string" if schema["x-kubernetes-validations"].to_string().contains("duration(self)") => json!("30m"),
        "string" => json!("Example".repeat(3)[..schema["minLength"].as_u64().unwrap_or(7).max(7) as usize]),
        "integer" => json!(1),
        "boolean" => json!(true),
        "array" => json!([example(&schema["items"])]),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let of = |field: &Value| {
                (field.as_str().unwrap().to_owned(), example(&schema["properties"][field.as_str().unwrap()]))
            };
            required.iter().map(of).collect::<serde_json::Map<_, _>>().into()
        }
    }
}

/// What the rules would leave open if they were written in the first, obvious way; each was seen.
const HOLES: &[&str] = &[
    "a fuse is deleted without options, which would leave its binding behind",
    "a fuse is deleted as an orphan, in the old spelling",
    "a binding is deleted as an orphan, in the old spelling",
    "a binding is deleted in the foreground, so it would go on to allow",
    "the garbage collector deletes a binding in the background",
    "an administrator takes the label off a fuse through jobs/status",
    "a fuse that completes late",
    "the guard's probe meets the very rule that protects people",
    "a decision about another request of the same name",
    "an administrator decides: `*` makes nobody an approver",
    "an administrator closes: `*` holds `close`",
    "an administrator labels a namespace: `*` holds `classify`",
];

/// What went wrong in other systems of this kind, as far as admission answers it.
const ELSEWHERE: &[&str] = &[
    "somebody sets a condition",
    "an administrator writes himself among those it waits for",
    "the same person decides twice",
    "a spec edited after approval",
    "a request that has not been screened is decided",
    "everybody is listed, which is nobody",
    "a policy for every namespace",
    "a binding that comes after its end",
    "an administrator makes a binding with our label",
    "a ServiceAccount cannot ask",
    "an approver closes with a reason of blanks",
    "a decision about an older version of the request",
    "a decision about another request of the same name",
    "an administrator gives a grant a later end",
    "an administrator deletes a record",
];

#[test]
fn what_went_wrong_before_has_its_row() {
    for known in HOLES.iter().chain(ELSEWHERE) {
        assert!(table().any(|row| row.says == *known), "no row says: {known}");
    }
}

#[test]
fn no_two_rows_say_the_same() {
    let mut said: Vec<_> = table().map(|row| row.says).collect();
    said.sort_unstable();
    assert!(said.windows(2).all(|two| two[0] != two[1]));
}

#[tokio::test]
async fn admission_comes_back_from_the_server_as_it_is_in_the_files() {
    let world = World::new("unchanged").await;
    let documents = mutants::documents(&world);
    assert!(documents.len() > 25);
    for document in documents {
        let live = world.must(Who::Admin, scene::get(mutants::path(&document))).await;
        assert_eq!(live["spec"], document["spec"], "{} {}", document["kind"], document["metadata"]["name"]);
    }
}
