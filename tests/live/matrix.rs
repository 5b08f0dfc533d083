//! Who agrees to what: steps that are needed by a condition, backups, rules, and the owner's reviews.
use crate::examples::shell;
use curfew::api::policy::{AccessPolicy, Duty, Ruling};
use curfew::api::reasons::{Approved, BeginReason, EndReason, Outcome, Ready, Screened};
use curfew::api::request::AccessRequest;
use curfew::decide::review;
use curfew_testbed::bed::{Bed, Filed, until};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

fn group(name: &str) -> Value {
    json!([{"kind": "Group", "name": name}])
}
fn yes(step: &str, as_: &str) -> Value {
    json!({"step": step, "as": as_, "decision": "Approve"})
}
/// Two steps: the owner always, security in a namespace that is labelled as sensitive.
fn by_sensitivity() -> Value {
    let sensitive = "'curfew.dev/sensitivity' in namespaceObject.metadata.labels && namespaceObject.metadata.labels['curfew.dev/sensitivity'] == 'high'";
    json!({"approval": {"steps": [{"name": "owner", "approvers": group("billing-owners")},
        {"name": "security", "when": sensitive, "approvers": group("security")}]}})
}
/// One step whose backups may decide after so long.
fn backed(after: &str) -> Value {
    json!({"approval": {"steps": [{"name": "owner", "approvers": group("billing-owners"),
        "backups": {"after": after, "approvers": group("leads")}}]}})
}
fn ruled(rules: Value) -> Value {
    json!({"limits": {"activePerRequester": 3, "autoApprovalsPerDay": 2},
        "approval": {"rules": rules, "steps": [{"name": "owner", "approvers": group("billing-owners")}]}})
}
async fn labels(bed: &Bed, name: &str, value: &str) {
    let patch = json!({"metadata": {"labels": {name: value}}});
    let api = Api::<Namespace>::all(bed.admin.clone());
    api.patch(&bed.namespace, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}
fn waits_for(request: &AccessRequest) -> Vec<String> {
    request.status.iter().flat_map(|s| &s.waiting_for).map(|w| w.step.clone()).collect()
}
fn may_decide(request: &AccessRequest, name: &str) -> bool {
    request.status.iter().flat_map(|s| &s.waiting_for).any(|w| w.approvers.iter().any(|a| a.name == name))
}
fn told(request: &AccessRequest, condition: &str) -> String {
    let conditions = request.status.iter().flat_map(|s| &s.conditions);
    conditions.into_iter().find(|c| c.type_ == condition).map(|c| c.message.clone()).unwrap_or_default()
}
async fn judged(request: &Filed, by: &str, reason: &str) -> AccessRequest {
    until(&format!("the decision of {by} is {reason}"), || async {
        let now = request.now().await;
        let said = now.status.as_ref()?.decisions.iter().any(|d| d.by == by && d.reason == reason);
        said.then_some(now)
    })
    .await
}

#[tokio::test]
async fn d12_a_sensitive_namespace_needs_security_too_and_no_step_is_skipped() {
    let bed = Bed::new("sensitive").await;
    let policy = bed.policy_with(by_sensitivity()).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let carol = bed.person("carol", &["security"]).await;
    bed.policy_becomes(Ready::Complete).await;

    let first = alice.files("sup-1", &policy, "30m").await;
    assert_eq!(waits_for(&first.becomes(Screened::Complete).await), ["owner"]);
    carol.decides(&first, yes("security", "security")).await.unwrap_err();
    bob.decides(&first, yes("owner", "billing-owners")).await.unwrap();
    let grant = first.recorded().await;
    let record = grant.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.not_needed, ["security"], "what was not asked is on record");
    alice.closes(&first, "").await.unwrap();
    grant.becomes(EndReason::Closed).await;

    labels(&bed, "curfew.dev/sensitivity", "high").await;
    let second = alice.files("sup-2", &policy, "30m").await;
    assert_eq!(waits_for(&second.becomes(Screened::Complete).await), ["owner", "security"]);
    bob.decides(&second, yes("owner", "billing-owners")).await.unwrap();
    assert_eq!(waits_for(&judged(&second, "bob", "Counted").await), ["security"]);
    assert_eq!(bed.bindings().await.len(), 0, "one of two");
    carol.decides(&second, yes("security", "security")).await.unwrap();
    let record = second.recorded().await.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.approved_by.as_deref(), Some("bob (billing-owners), carol (security)"));
}

#[tokio::test]
async fn d15_backups_may_decide_after_their_delay_and_not_before() {
    let bed = Bed::new("backups").await;
    let policy = bed.policy_with(backed("6s")).await;
    let _operator = bed.operator().await;
    let (alice, _) = bed.alice_and_bob().await;
    let erin = bed.person("erin", &["leads"]).await;
    bed.policy_becomes(Ready::Complete).await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    let waiting = request.becomes(Screened::Complete).await;
    let published = &waiting.status.as_ref().unwrap().waiting_for[0];
    assert!(published.backups[0].name == "leads" && published.backups_from.is_some(), "{published:?}");
    assert!(!may_decide(&waiting, "leads"));
    let refused = erin.decides(&request, yes("owner", "leads")).await.unwrap_err().to_string();
    assert!(refused.contains("you are not among those this request waits for"), "{refused}");

    let due = until("backups may decide", || async {
        let now = request.now().await;
        may_decide(&now, "leads").then_some(now)
    })
    .await;
    assert_eq!(due.status.as_ref().unwrap().waiting_for[0].backups_from, published.backups_from, "nothing moved it");
    erin.decides(&request, yes("owner", "leads")).await.unwrap();
    let record = request.recorded().await.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.approved_by.as_deref(), Some("erin (leads)"));
    erin.closes(&request, "The case is solved.").await.unwrap();
    request.recorded().await.becomes(EndReason::Revoked).await;
}

#[tokio::test]
async fn d16_backups_act_at_once_where_the_requester_is_one_of_the_approvers() {
    let bed = Bed::new("own-step").await;
    let policy = bed.policy_with(backed("1h")).await;
    let _operator = bed.operator().await;
    let alice = bed.person("alice", &["engineers", "billing-owners"]).await;
    let erin = bed.person("erin", &["leads"]).await;
    bed.policy_becomes(Ready::Complete).await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    assert!(may_decide(&request.becomes(Screened::Complete).await, "leads"));
    alice.decides(&request, yes("owner", "billing-owners")).await.unwrap_err();
    erin.decides(&request, yes("owner", "leads")).await.unwrap();
    request.recorded().await.becomes(BeginReason::Bound).await;
}

#[tokio::test]
async fn d21_a_backup_who_was_removed_counts_no_more() {
    let bed = Bed::new("removed-backup").await;
    let step = |backups: Value| {
        let mut step = json!({"name": "owner", "count": 2, "approvers": group("billing-owners")});
        if !backups.is_null() {
            step["backups"] = json!({"after": "1s", "approvers": backups});
        }
        json!({"approval": {"steps": [step]}})
    };
    let policy = bed.policy_with(step(group("leads"))).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let (carol, erin) = (bed.person("carol", &["billing-owners"]).await, bed.person("erin", &["leads"]).await);
    bed.policy_becomes(Ready::Complete).await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    until("backups may decide", || async { may_decide(&request.now().await, "leads").then_some(()) }).await;
    erin.decides(&request, yes("owner", "leads")).await.unwrap();
    judged(&request, "erin", "Counted").await;

    bed.policy_with(step(Value::Null)).await;
    bed.policy_becomes(Ready::Complete).await;
    judged(&request, "erin", "NotListed").await;
    request.becomes(Screened::Complete).await;
    bob.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    judged(&request, "bob", "Counted").await;
    assert!(bed.grants().await.is_empty(), "one of two");
    carol.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    let record = request.recorded().await.becomes(BeginReason::Bound).await;
    assert!(record.spec.approvals.iter().all(|a| a.by != "erin"));
}

#[tokio::test]
async fn c12_a_rule_refuses_and_is_on_record_as_the_one_that_did() {
    let bed = Bed::new("freeze").await;
    let freeze = json!([{"name": "freeze", "when": "'freeze' in namespaceObject.metadata.labels", "then": "Deny", "message": "Change freeze."},
        {"name": "short", "when": "duration <= duration('30m')", "then": "Approve", "message": "Short enough."}]);
    let policy = bed.policy_with(ruled(freeze)).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    bed.policy_becomes(Ready::Complete).await;
    // It waits for people before the freeze begins, and their yes does not lift it.
    let waiting = alice.files("sup-1", &policy, "45m").await;
    waiting.becomes(Screened::Complete).await;
    labels(&bed, "freeze", "true").await;
    // Too late, if a pass saw the label first.
    drop(bob.decides(&waiting, yes("owner", "billing-owners")).await);
    let filed = alice.files("sup-2", &policy, "30m").await;
    for request in [waiting, filed] {
        let record = request.recorded().await.becomes(Outcome::Denied).await;
        let rule = record.spec.rule.as_ref().unwrap();
        assert_eq!((rule.name.as_str(), rule.then, rule.message.as_str()), ("freeze", Ruling::Deny, "Change freeze."));
        assert_eq!((record.spec.expires_at, record.spec.approved_by.as_deref()), (None, None));
        let note = record.status.unwrap().timeline[0].note.clone().unwrap();
        assert_eq!(note, "nothing was granted: rule freeze says no: Change freeze.", "so say timeline and Event");
        let now = request.becomes(Approved::Denied).await;
        assert_eq!(told(&now, "Approved"), "rule freeze says no: Change freeze.");
    }
    assert!(bed.bindings().await.is_empty());
}

#[tokio::test]
async fn c12_a_rule_agrees_without_people_twice_a_day_and_then_people_decide() {
    let bed = Bed::new("rule").await;
    let short = json!([{"name": "short", "when": "duration <= duration('30m') && access.level == 'ReadOnly'", "then": "Approve", "message": "Short enough."}]);
    let policy = bed.policy_with(ruled(short)).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    bed.policy_becomes(Ready::Complete).await;
    // All at once, so that they are counted at once.
    let files = |name: &'static str| alice.files(name, &policy, "30m");
    let (a, b, c, d) = tokio::join!(files("sup-1"), files("sup-2"), files("sup-3"), files("sup-4"));
    let requests = [a, b, c, d];
    let (granted, waiting) = until("two are granted and two wait", || async {
        let (mut granted, mut waiting) = (vec![], vec![]);
        for request in &requests {
            let now = request.now().await;
            let status = now.status.as_ref()?;
            if status.grant.is_some() {
                granted.push(request.clone());
            } else if !status.waiting_for.is_empty() {
                waiting.push(request.clone());
            }
        }
        (granted.len() + waiting.len() == 4).then_some((granted, waiting))
    })
    .await;
    assert_eq!((granted.len(), waiting.len()), (2, 2), "never more than the policy allows");
    for request in &granted {
        let record = request.recorded().await.becomes(BeginReason::Bound).await;
        assert_eq!(record.spec.approved_by.as_deref(), Some("rule short"));
        let rule = record.spec.rule.unwrap();
        assert_eq!((rule.then, rule.policy_generation, record.spec.approvals.len()), (Ruling::Approve, 1, 0));
    }
    let now = waiting[0].now().await;
    let said = told(&now, "Approved");
    assert!(said.contains("rule `short` would agree, but") && said.contains("2 of 2"), "{said}");
    bob.decides(&waiting[0], yes("owner", "billing-owners")).await.unwrap();
    let record = waiting[0].recorded().await.becomes(BeginReason::Bound).await;
    assert_eq!((record.spec.approved_by.as_deref(), record.spec.rule), (Some("bob (billing-owners)"), None));
}

#[tokio::test]
async fn c12_a_bad_expression_makes_the_policy_not_ready_and_says_where() {
    let bed = Bed::new("expression").await;
    let rules = json!([{"name": "freeze", "when": "inWorkHours ||\n  'freeze' in namespace.labels", "then": "Deny", "message": "Change freeze."}]);
    let policy = bed.policy_with(ruled(rules)).await;
    let _operator = bed.operator().await;
    let (alice, _) = bed.alice_and_bob().await;
    let refused = bed.policy_becomes(Ready::BadExpression).await;
    let status = refused.status.unwrap();
    let ready = status.conditions.iter().find(|c| c.type_ == "Ready").unwrap();
    assert!(ready.message.contains("spec.approval.rules[freeze].when: line 2, column "), "{}", ready.message);
    let request = alice.files("sup-4812", &policy, "30m").await;
    let told_ = told(&request.becomes(Screened::Incomplete).await, "Screened");
    assert!(told_.contains("PolicyNotReady") && told_.contains("BadExpression"), "{told_}");
}

#[tokio::test]
async fn c12_a_rule_that_cannot_be_judged_holds_the_request() {
    let bed = Bed::new("held").await;
    let rules = json!([{"name": "tier", "when": "namespaceObject.metadata.labels['tier'] == 'frozen'", "then": "Deny", "message": "Frozen."}]);
    let policy = bed.policy_with(ruled(rules)).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    bed.policy_becomes(Ready::Complete).await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    bob.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    let now = judged(&request, "bob", "Counted").await;
    let said = told(&now, "Approved");
    assert!(
        said.contains("nothing is granted while a rule of the policy cannot be judged") && said.contains("`tier`"),
        "{said}"
    );
    assert!(bed.grants().await.is_empty());
    // The label is there: nobody has to agree again.
    labels(&bed, "tier", "warm").await;
    request.recorded().await.becomes(BeginReason::Bound).await;
}

#[tokio::test]
async fn c13_an_approval_that_is_too_short_is_refused_at_once() {
    let bed = Bed::new("too-short").await;
    let policy = bed.policy_with(backed("1h")).await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    bed.policy_becomes(Ready::Complete).await;
    let request = alice.files("sup-4812", &policy, "30m").await;
    request.becomes(Screened::Complete).await;
    let short = json!({"step": "owner", "as": "billing-owners", "decision": "Approve", "comment": "ok"});
    let refused = bob.decides(&request, short).await.unwrap_err().to_string();
    assert!(refused.contains("an approval needs a comment that says why, of at least 10 characters"), "{refused}");
    bob.decides(&request, yes("owner", "billing-owners")).await.unwrap();
    request.recorded().await.becomes(BeginReason::Bound).await;
}

#[tokio::test]
async fn d14_the_owner_says_by_the_pasted_command_that_the_approvers_were_reviewed() {
    let bed = Bed::new("review").await;
    bed.policy_with(backed("15m")).await;
    let operator = bed.operator().await;
    let (_, bob) = bed.alice_and_bob().await;
    let olga = bed.person("olga", &["platform"]).await;
    let policies = Api::<AccessPolicy>::all(bed.admin.clone());
    let mut policy = bed.policy_becomes(Ready::Complete).await;
    for what in [Duty::Approvers, Duty::CleanUp, Duty::Approvers] {
        let command = review::command(&policy, what);
        let strangers = shell(&bed, &bob.kubeconfig, &command);
        let words = String::from_utf8_lossy(&strangers.stderr).into_owned();
        assert!(
            !strangers.status.success() && words.contains("only the owner of the policy reviews it: Group platform"),
            "{words}"
        );
        let before = policy.status.as_ref().unwrap().reviewed.iter().find(|r| r.what == what).map(|r| r.at);
        // Of two reviews within a second the second would be no later one.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let owners = shell(&bed, &olga.kubeconfig, &command);
        assert!(owners.status.success(), "{}", String::from_utf8_lossy(&owners.stderr));
        policy = until("the review counts", || async {
            let policy = policies.get(&bed.namespace).await.ok()?;
            let new = policy.status.as_ref()?.reviewed.iter().find(|r| r.what == what)?;
            (Some(new.at) > before && new.by == "olga" && new.since <= new.at).then_some(policy)
        })
        .await;
    }
    let served = String::from_utf8(operator.metrics.text()).unwrap();
    let series = format!("curfew_policy_review_age_seconds{{policy=\"{}\",what=\"CleanUp\"}}", bed.namespace);
    assert!(served.contains(&series), "{series}");
}
