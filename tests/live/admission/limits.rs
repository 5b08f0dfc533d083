//! The rules with every list full: what the schema lets in, admission must be able to judge.
use super::scene::{self, GRANTS, Given, POLICIES, Scene, create, json_patch, merge};
use super::world::{Who, World};
use serde_json::{Value, json};

const LONGEST: usize = 253;

fn long(what: &str, n: usize) -> String {
    format!("{what}{n:0>width$}", width = LONGEST - what.len())
}
fn groups(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("team-{n:04}")).collect()
}
fn subjects(kind: &str, count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({"kind": kind, "name": long("team-", n)})).collect()
}

#[tokio::test]
async fn somebody_in_512_groups_may_ask() {
    let mut world = World::new("groups").await;
    let mine = [groups(510), vec!["engineers".to_owned()]].concat();
    world.becomes(Who::Alice, "alice", &mine).await;
    let scene = Scene::new(&world, Given::Nothing).await;
    let filed = world.must(Who::Alice, create(scene.requests(), scene.asks())).await;
    assert_eq!(filed["spec"]["requester"]["groups"].as_array().unwrap().len(), 512);
}

#[tokio::test]
async fn the_last_of_many_decides_and_closes() {
    let mut world = World::new("decides").await;
    let scene = Scene::new(&world, Given::Filed).await;
    // Nine steps of 32, the last of which is met by the last group of the one who decides.
    let mut steps: Vec<_> = (0..9)
        .map(|n| json!({"step": format!("step-{n}"), "revision": scene.revision, "need": 1, "command": "x".repeat(2048), "approvers": subjects("Group", 32)}))
        .collect();
    steps[8]["approvers"][31] = json!({"kind": "Group", "name": "billing-owners"});
    let closers = [subjects("Group", 63), vec![json!({"kind": "Group", "name": "billing-owners"})]].concat();
    let status =
        json!({"status": {"revision": scene.revision, "approvals": [], "waitingFor": steps, "closers": closers}});
    world.must(Who::Operator, merge(scene.request_status(), status)).await;
    for n in 0..31 {
        let name = long("approver-", n);
        world.becomes(Who::Bob, &name, &["billing-owners".to_owned()]).await;
        world.must(Who::Bob, decision(&scene, n, &name)).await;
    }
    let mine = [groups(2000), vec!["billing-owners".to_owned()]].concat();
    world.becomes(Who::Bob, "bob", &mine).await;
    world.must(Who::Bob, decision(&scene, 31, "bob")).await;
    world.must(Who::Bob, scene.close(json!({"by": "bob", "reason": "The case is solved."}))).await;
    let changed = json_patch(
        scene.request_status(),
        json!([{"op": "replace", "path": "/status/approvals/31/comment", "value": "No."}]),
    );
    let refused = world.call(Who::Bob, &changed).await;
    assert!(refused.words().contains("decisions are append-only"), "{}", refused.words());
}

fn decision(scene: &Scene, n: usize, by: &str) -> scene::Call {
    let entry = json!({"by": by, "step": "step-8", "as": "billing-owners", "decision": "Approve", "revision": scene.revision,
        "comment": format!("{n}{}", "x".repeat(490))});
    json_patch(scene.request_status(), json!([{"op": "add", "path": "/status/approvals/-", "value": entry}]))
}

#[tokio::test]
async fn a_policy_with_every_list_full_is_written() {
    let world = World::new("full").await;
    let scene = Scene::new(&world, Given::Nothing).await;
    let mut policy = scene.policy(&["curfew-logs"; 8]);
    policy["spec"]["requesters"] = json!(subjects("Group", 32));
    let step = |n: usize| json!({"name": format!("step-{n}"), "count": 1, "approvers": subjects("Group", 32)});
    policy["spec"]["approval"]["steps"] = (0..9).map(step).collect();
    world.must(Who::Ann, create(POLICIES, policy)).await;
}

#[tokio::test]
async fn a_timeline_grows_to_its_last_entry() {
    let world = World::new("timeline").await;
    let scene = Scene::new(&world, Given::Nothing).await;
    world.must(Who::Operator, create(GRANTS, scene.record())).await;
    let entry = |seq: u32| {
        let mut entry = scene.entry(seq, "a");
        entry["note"] = json!("x".repeat(512));
        entry
    };
    let history = |count: u32| json!({"status": {"timeline": (1..=count).map(entry).collect::<Vec<_>>()}});
    world.must(Who::Operator, merge(scene.grant_status(), history(255))).await;
    world.must(Who::Operator, merge(scene.grant_status(), history(256))).await;
}
