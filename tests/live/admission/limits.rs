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
    // Nine steps of 32 approvers and 32 backups, the last of which is met by the last group of the one who decides.
    let mut steps: Vec<_> = (0..9)
        .map(|n| json!({"step": format!("step-{n}"), "revision": scene.revision, "need": 1, "command": "x".repeat(2048),
            "approvers": subjects("Group", 64), "backups": subjects("Group", 32), "backupsFrom": "2026-01-01T00:00:00Z", "commentMinLength": 200}))
        .collect();
    steps[8]["approvers"][63] = json!({"kind": "Group", "name": "billing-owners"});
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

/// Every field of the evidence as long as the schema lets it be.
fn evidence(letter: &str) -> Value {
    let text = |length| letter.repeat(length);
    let numbered = |count: usize, length: usize| (0..count).map(|n| format!("{n:0>length$}")).collect::<Vec<_>>();
    let data = json!({"system": text(63), "kind": text(63), "tenant": text(64), "records": numbered(50, 64), "fields": numbered(32, 64)});
    let attachment = json!({"kind": "Screenshot", "url": format!("https://{}", text(504)), "sha256": "0".repeat(64)});
    json!({
        "data": vec![data; 8], "whyNotSafer": text(500), "whyNotLower": text(500), "plan": vec![text(200); 16],
        "legalBasis": {"type": "CustomerConsent", "ref": text(128)}, "attachments": vec![attachment; 8],
    })
}

#[tokio::test]
async fn a_request_with_all_evidence_is_filed_and_amended_and_its_record_is_made() {
    let mut world = World::new("evidence").await;
    let mine = [groups(510), vec!["engineers".to_owned()]].concat();
    world.becomes(Who::Alice, "alice", &mine).await;
    let scene = Scene::new(&world, Given::Nothing).await;
    let with = |mut object: Value, letter: &str| {
        object["spec"].as_object_mut().unwrap().extend(evidence(letter).as_object().unwrap().clone());
        object
    };
    let filed = world.must(Who::Alice, create(scene.requests(), with(scene.asks(), "ä"))).await;
    assert_eq!(filed["spec"]["data"].as_array().unwrap().len(), 8);
    let incomplete = json!({"status": {"approvals": [], "brief": vec!["ä".repeat(160); 30], "conditions": [{
        "type": "Screened", "status": "False", "reason": "Incomplete", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    world.must(Who::Operator, merge(scene.request_status(), incomplete)).await;
    let amended = world.must(Who::Alice, merge(scene.request(), with(json!({"spec": {}}), "ö"))).await;
    assert_eq!(amended["spec"]["whyNotSafer"], "ö".repeat(500));
    let mut record = with(scene.record(), "ü");
    record["spec"]["groups"] = json!((0..512).map(|n| long("team-", n)).collect::<Vec<_>>());
    let record = world.must(Who::Operator, create(GRANTS, record)).await;
    assert_eq!(record["spec"]["plan"].as_array().unwrap().len(), 16);
    world.must(Who::Operator, merge(scene.grant_status(), json!({"status": {"state": "Preparing"}}))).await;
}

#[tokio::test]
async fn evidence_beyond_its_bounds_is_refused_by_the_schema() {
    let world = World::new("bounds").await;
    let scene = Scene::new(&world, Given::Nothing).await;
    let (full, entry) = (evidence("x"), json!({"system": "crm"}));
    let attachment = |field: &str, value: &str| {
        let mut attachment = full["attachments"][0].clone();
        attachment[field] = json!(value);
        json!([attachment])
    };
    let rows = [
        ("data", json!(vec![entry.clone(); 9])),
        ("data", json!([{"system": "crm", "records": vec!["1"; 51]}])),
        ("data", json!([{"system": "crm", "fields": vec!["f"; 33]}])),
        ("data", json!([{"system": " "}])),
        ("data", json!([{"system": "crm", "records": ["r".repeat(65)]}])),
        ("data", json!([{"records": ["1"]}])),
        ("whyNotSafer", json!("x".repeat(501))),
        ("whyNotSafer", json!("   ")),
        ("whyNotLower", json!("x".repeat(501))),
        ("plan", json!(vec!["look"; 17])),
        ("plan", json!(["x".repeat(201)])),
        ("legalBasis", json!({"type": "Curiosity", "ref": "SUP-1"})),
        ("legalBasis", json!({"type": "Contract"})),
        ("legalBasis", json!({"type": "Contract", "ref": "x".repeat(129)})),
        ("attachments", json!(vec![full["attachments"][0].clone(); 9])),
        ("attachments", attachment("url", "file:///etc/passwd")),
        ("attachments", attachment("sha256", "ABC")),
        ("attachments", attachment("kind", "Data")),
    ];
    for (field, value) in rows {
        let mut request = scene.asks();
        request["spec"][field] = value.clone();
        let reply = world.call(Who::Alice, &create(scene.requests(), request)).await;
        let said = reply.words();
        assert!(
            reply.code == 422 && said.contains(&format!("spec.{field}")),
            "{field}: {value}: {} {said}",
            reply.code
        );
    }
    for (field, value) in [
        ("require", json!(["Data", "Data"])),
        ("require", json!(["Everything"])),
        ("maxRecords", json!(0)),
        ("maxRecords", json!(401)),
    ] {
        let mut policy = scene.policy(&["curfew-logs"]);
        policy["spec"]["evidence"][field] = value.clone();
        let reply = world.call(Who::Ann, &create(POLICIES, policy)).await;
        assert!(reply.code == 422 && reply.words().contains(field), "{field}: {value}: {}", reply.words());
    }
    let mut policy = scene.policy(&["curfew-logs"]);
    policy["spec"]["evidence"].as_object_mut().unwrap().remove("require");
    let stored = world.must(Who::Ann, create(POLICIES, policy)).await;
    assert_eq!(stored["spec"]["evidence"]["require"], json!(["WhyNotSafer", "Data"]), "X13: the default");
    assert_eq!((&stored["spec"]["evidence"]["maxRecords"], &stored["spec"]["dataClass"]), (&json!(20), &json!("None")));
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
    let days: Vec<_> = (0..128).map(|n| format!("20{:02}-{:02}-25", 26 + n / 12, 1 + n % 12)).collect();
    policy["spec"]["calendar"] = json!({"timeZone": "America/Argentina/ComodRivadavia", "workHours": "00:00-24:00",
        "workDays": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], "holidays": days});
    let when = format!("request.ticket != '{}'", "x".repeat(492));
    let step = |n: usize| json!({"name": format!("step-{n}"), "count": 1, "approvers": subjects("Group", 32), "when": when, "backups": {"approvers": subjects("Group", 32)}});
    let rule =
        |n: usize| json!({"name": format!("rule-{n}"), "when": when, "then": "Deny", "message": "x".repeat(200)});
    policy["spec"]["approval"]["steps"] = (0..9).map(step).collect();
    policy["spec"]["approval"]["rules"] = (0..16).map(rule).collect();
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
