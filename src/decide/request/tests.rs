use super::*;
use crate::api::policy::AccessPolicy;
use crate::decide::Audit;
use crate::decide::Fuses;
use crate::decide::edits::Edits;
use crate::decide::effect::Effect;
use crate::decide::screening::tests::{installation, policy};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::{Value, json};

fn at(time: &str) -> Now {
    let wall = DateTime::parse_from_rfc3339(&format!("2026-12-01T{time}Z")).unwrap().to_utc();
    Now { wall, server_ahead: TimeDelta::zero() }
}
fn request(spec: Value, status: Value) -> AccessRequest {
    let mut whole = json!({"policy": "customer-support", "reason": "Check why invoice totals changed for customer account 4812.",
        "ticket": "SUP-4812", "requester": {"username": "alice", "groups": ["support"]}});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let mut request = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1, "creationTimestamp": "2026-12-01T09:00:00Z"},
        "spec": whole});
    if !status.is_null() {
        request["status"] = status;
    }
    serde_json::from_value(request).unwrap()
}
fn approval(by: &str, decision: &str) -> Value {
    json!({"by": by, "as": "billing-owners", "step": "service-owner", "decision": decision, "revision": "7f3a2c1b-1", "comment": "Narrow and tied to a case."})
}
/// A status as the operator left it, with what people wrote since.
fn asked(people: Value) -> Value {
    let mut status = json!({"revision": "7f3a2c1b-1", "admissionEpoch": "e1",
        "permissions": {"adds": ["get pods/log"], "rulesSha256": role::digest(&get(&["pods/log"]))},
        "closers": [{"kind": "Group", "name": "billing-owners"}], "approvals": []});
    status.as_object_mut().unwrap().extend(people.as_object().unwrap().clone());
    status
}
fn well() -> Standing {
    Standing { lease_held: true, guard: Guard::Intact { epoch: "e1".into() }, fuses: Fuses::Burn, audit: Audit::Absent }
}
/// A role that gives `get` on these.
fn get(resources: &[&str]) -> Vec<PolicyRule> {
    serde_json::from_value(json!([{"apiGroups": [""], "resources": resources, "verbs": ["get"]}])).unwrap()
}
struct World {
    policy: Option<AccessPolicy>,
    standing: Standing,
    now: Now,
    rules: Vec<PolicyRule>,
    /// What the requester can do already, and through what.
    has: &'static [(&'static str, &'static str)],
}
impl World {
    fn new() -> Self {
        let rules = get(&["pods/log"]);
        Self { policy: Some(policy(json!({}))), standing: well(), now: at("09:05:00"), rules, has: &[] }
    }
    fn observed<T>(
        &self,
        request: &AccessRequest,
        grant: Option<&AccessGrant>,
        of: impl FnOnce(&Observed<'_>, Now) -> T,
    ) -> T {
        let installation = installation();
        let namespace: Namespace = serde_json::from_value(
            json!({"metadata": {"name": "billing", "labels": {"curfew.dev/zone": "production"}}}),
        )
        .unwrap();
        let law = self.policy.as_ref().map(|policy| edits::law(request, policy));
        let seen = Seen {
            now: self.now.wall,
            request,
            policy: law.as_ref().map(|law| law.policy.as_ref()),
            edits: law.as_ref().map_or(&Edits::None, |law| &law.edits),
            policies: &[],
            namespace: Some(&namespace),
            rules: Some(&self.rules),
            then_rules: None,
            live: &[],
            earlier: &[],
            pending: &[],
            missed: &[],
            audit: self.standing.audit,
            installation: &installation,
        };
        let (standing, installation) = (&self.standing, &installation);
        let screening = screened(&seen, grant, standing);
        let screening = screening.as_ref();
        let unasked =
            Observed { seen, screening, grant, second: None, installation, standing, answers: &[], refused: None };
        let answers: Vec<_> = questions(&unasked).into_iter().map(|question| self.answer(question)).collect();
        of(&Observed { answers: &answers, ..unasked }, self.now)
    }
    fn answer(&self, question: Question) -> Answer {
        let Question::IsAllowed { permission, .. } = &question else {
            return Answer { yes: false, words: String::new(), question };
        };
        let by = self.has.iter().find(|(held, _)| *held == permission.to_string()).map(|(_, by)| *by);
        Answer { yes: by.is_some(), words: by.unwrap_or_default().to_owned(), question }
    }
    fn pass(&self, request: &AccessRequest) -> Plan<AccessRequestStatus> {
        self.observed(request, None, decide)
    }
}
fn state(plan: &Plan<AccessRequestStatus>) -> String {
    plan.status.as_ref().and_then(|s| s.state.clone()).unwrap_or_default()
}
fn record(plan: &Plan<AccessRequestStatus>) -> Option<&AccessGrant> {
    match &plan.effects[..] {
        [Effect::CreateGrant(grant)] => Some(grant),
        [] => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn c1_a_request_is_screened_then_waits_then_is_recorded() {
    let world = World::new();
    let first = world.pass(&request(json!({}), Value::Null));
    let status = first.status.clone().unwrap();
    assert_eq!(
        (state(&first).as_str(), status.revision.as_deref(), first.effects.len()),
        ("Waiting", Some("7f3a2c1b-1"), 0)
    );
    assert_eq!(status.waiting_for[0].step, "service-owner");
    assert_eq!(status.closers.len(), 1);

    let agreed = world.pass(&request(json!({}), asked(json!({"approvals": [approval("bob", "Approve")]}))));
    let grant = record(&agreed).expect("a record");
    assert_eq!(
        grant.spec.expires_at.map(|e| e.to_string()).as_deref(),
        Some("2026-12-01T09:35:00Z"),
        "30 min from the decision"
    );
    assert_eq!(
        (grant.spec.approved_by.as_deref(), grant.spec.adds.as_slice()),
        (Some("bob (billing-owners)"), &["get pods/log".to_owned()][..])
    );
    assert!(
        agreed.status.is_none_or(|s| s.grant.is_none() && s.expires_at.is_none()),
        "copied only from a record that exists"
    );
}
#[test]
fn each_decision_has_its_record_and_none_gives_access_but_an_approval() {
    let rows = [
        (
            "D17 one no ends it",
            asked(json!({"approvals": [approval("bob", "Approve"), approval("kim", "Deny")]})),
            "09:05:00",
            Outcome::Denied,
        ),
        ("L1 nobody decided in time", asked(json!({})), "10:00:00", Outcome::TimedOut),
        ("it was closed before", asked(json!({"close": {"by": "alice"}})), "09:05:00", Outcome::Withdrawn),
        (
            "closed wins over agreed",
            asked(json!({"close": {"by": "alice"}, "approvals": [approval("bob", "Approve")]})),
            "09:05:00",
            Outcome::Withdrawn,
        ),
        (
            "too late is too late, whoever agreed",
            asked(json!({"approvals": [approval("bob", "Approve")]})),
            "10:00:00",
            Outcome::TimedOut,
        ),
    ];
    for (sentence, status, time, outcome) in rows {
        let plan = World { now: at(time), ..World::new() }.pass(&request(json!({}), status));
        let grant = record(&plan).unwrap_or_else(|| panic!("{sentence}: no record"));
        assert_eq!((grant.spec.outcome, grant.spec.expires_at), (outcome, None), "{sentence}");
    }
}
#[test]
fn e17_twenty_minutes_asked_at_9_15_end_at_9_35() {
    let status = asked(json!({"approvals": [approval("bob", "Approve")]}));
    let plan = World { now: at("09:15:00"), ..World::new() }.pass(&request(json!({"duration": "20m"}), status));
    assert_eq!(record(&plan).unwrap().spec.expires_at.unwrap().to_string(), "2026-12-01T09:35:00Z");
}
#[test]
fn e25_planned_work_is_decided_before_and_counts_from_its_start() {
    let planned =
        || json!({"startTime": "2026-12-01T14:00:00Z", "startDeadline": "2026-12-01T15:00:00Z", "duration": "20m"});
    let yes = || asked(json!({"approvals": [approval("bob", "Approve")]}));
    for (sentence, time, window) in [
        ("agreed to before", "09:05:00", Some(("2026-12-01T14:00:00Z", "2026-12-01T14:20:00Z"))),
        ("beyond the pending timeout", "13:59:59", Some(("2026-12-01T14:00:00Z", "2026-12-01T14:20:00Z"))),
        ("too late: nobody decided until it was to start", "14:00:00", None),
    ] {
        let plan = World { now: at(time), ..World::new() }.pass(&request(planned(), yes()));
        let spec = &record(&plan).unwrap_or_else(|| panic!("{sentence}: no record")).spec;
        let found = spec.expires_at.map(|end| (spec.not_before.to_string(), end.to_string()));
        assert_eq!(found, window.map(|(start, end)| (start.to_owned(), end.to_owned())), "{sentence}");
        assert_eq!(spec.start_deadline.map(|d| d.to_string()).as_deref(), Some("2026-12-01T15:00:00Z"));
    }
    let soon = request(json!({"startTime": "2026-12-01T09:03:00Z"}), yes());
    let spec = &record(&World::new().pass(&soon)).unwrap().spec.clone();
    assert_eq!(spec.not_before.to_string(), "2026-12-01T09:05:00Z", "its start has come: it begins when agreed to");
    let waits = World { now: at("13:00:00"), ..World::new() }.pass(&request(planned(), asked(json!({}))));
    let said = waits.status.unwrap().conditions.iter().map(|c| c.message.clone()).collect::<String>();
    assert!(said.contains("for 20m from 2026-12-01T14:00:00Z; waits until 2026-12-01T14:00:00Z"), "E23: {said}");
}
#[test]
fn e25_what_waits_at_its_start_deadline_is_over() {
    let late = || request(json!({"startDeadline": "2026-12-01T09:04:00Z"}), asked(json!({})));
    assert_eq!(record(&World { now: at("09:03:59"), ..World::new() }.pass(&late())), None);
    let plan = World { now: at("09:04:00"), ..World::new() }.pass(&late());
    assert_eq!(record(&plan).unwrap().spec.outcome, Outcome::TimedOut);
}
#[test]
fn e25_what_is_planned_too_far_ahead_does_not_wait_for_ever() {
    let filed = || request(json!({"startTime": "2031-01-01T09:00:00Z"}), Value::Null);
    let after = |days: i64| Now { wall: at("09:00:00").wall + TimeDelta::days(days), server_ahead: TimeDelta::zero() };
    assert_eq!(state(&World { now: after(29), ..World::new() }.pass(&filed())), "Incomplete");
    assert_eq!(state(&World { now: after(30), ..World::new() }.pass(&filed())), "TimedOut");
}
#[test]
fn e4_access_of_a_same_day_policy_ends_at_midnight_of_the_day_it_begins_on() {
    let duration = json!({"default": "1h", "max": "2h", "sameDay": true});
    let changes = json!({"duration": duration, "calendar": {"timeZone": "Europe/Berlin"}, "approval": {"pendingTimeout": "24h",
        "steps": [{"name": "service-owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]}]}});
    for (sentence, spec, time, end) in [
        ("in daytime nothing changes", json!({}), "09:05:00", "2026-12-01T10:05:00Z"),
        ("the default is cut at midnight", json!({}), "22:40:00", "2026-12-01T23:00:00Z"),
        ("so is what was asked for when there was time", json!({"duration": "2h"}), "22:40:00", "2026-12-01T23:00:00Z"),
        ("agreed to after midnight it is of the new day", json!({}), "23:00:00", "2026-12-02T00:00:00Z"),
        (
            "planned work ends on the day of its start",
            json!({"startTime": "2026-12-02T22:30:00Z"}),
            "09:05:00",
            "2026-12-02T23:00:00Z",
        ),
    ] {
        let world = World { policy: Some(policy(changes.clone())), now: at(time), ..World::new() };
        let waits = world.pass(&request(spec.clone(), asked(json!({}))));
        let plan = world.pass(&request(spec, asked(json!({"approvals": [approval("bob", "Approve")]}))));
        assert_eq!(record(&plan).unwrap().spec.expires_at.unwrap().to_string(), end, "{sentence}");
        let said = waits.status.unwrap().conditions.iter().map(|c| c.message.clone()).collect::<String>();
        assert_eq!(said.contains("(Europe/Berlin) at the latest"), end.contains("T23:00"), "E23 {sentence}: {said}");
    }
}
#[test]
fn e25_nothing_is_granted_after_the_start_deadline() {
    let agreed = || asked(json!({"approvals": [approval("bob", "Approve")]}));
    let until = || request(json!({"startDeadline": "2026-12-01T09:10:00Z"}), agreed());
    let outcome = |time: &str| {
        let plan = World { now: at(time), ..World::new() }.pass(&until());
        record(&plan).map(|grant| (grant.spec.outcome, grant.spec.expires_at.is_some()))
    };
    assert_eq!(outcome("09:09:59"), Some((Outcome::Approved, true)));
    assert_eq!(outcome("09:10:00"), Some((Outcome::TimedOut, false)), "before the policy's pendingTimeout");
    let new = World { now: at("09:10:00"), ..World::new() }
        .pass(&request(json!({"startDeadline": "2026-12-01T09:10:00Z"}), Value::Null));
    assert!(record(&new).is_none() && state(&new) == "TimedOut", "nobody was asked");
    let waits =
        World::new().pass(&request(json!({"startDeadline": "2026-12-01T09:10:00Z"}), Value::Null)).status.unwrap();
    let said = &waits.conditions.iter().find(|c| c.type_ == "Approved").unwrap().message;
    assert!(said.contains("waits until 2026-12-01T09:10:00Z"), "{said}");
    let later = request(json!({"startDeadline": "2026-12-02T09:00:00Z"}), agreed());
    let plan = World { now: at("10:00:00"), ..World::new() }.pass(&later);
    assert_eq!(record(&plan).unwrap().spec.outcome, Outcome::TimedOut, "a later deadline lengthens nothing");
}
#[test]
fn l11_an_attested_request_is_put_on_record_before_it_is_granted() {
    let changes = json!({
        "requesters": [{"kind": "User", "name": "alice"}], "onBehalf": {"filers": ["deployer"], "satisfies": ["service-owner"]},
        "approval": {"steps": [{"name": "service-owner", "approvers": [{"kind": "User", "name": "bob"}, {"kind": "User", "name": "kim"}]}]}});
    let began = Guard::Intact { epoch: "2026-12-01T08:00:00Z/e1".into() };
    let world = World { policy: Some(policy(changes)), standing: Standing { guard: began, ..well() }, ..World::new() };
    let spec = json!({"requester": {"username": "alice"}, "filedBy": "deployer", "startDeadline": "2026-12-01T12:00:00Z",
        "attestation": {"change": "https://git.example.com/1", "author": "frank", "reviewers": ["bob"]}});
    let pass = |status: Value, yes: bool| {
        let filed = request(spec.clone(), status);
        world.observed(&filed, None, |observed, now| {
            let answer = |question| Answer { question, yes, words: "said".into() };
            let answers: Vec<_> = questions(observed).into_iter().map(answer).collect();
            decide(&Observed { answers: &answers, ..*observed }, now)
        })
    };
    let first = pass(Value::Null, true);
    assert!(first.effects.is_empty() && first.next == Next::AtOnce, "a record copies from the request what it adds");
    let stored = serde_json::to_value(first.status.unwrap()).unwrap();
    assert_eq!(stored["attested"][0]["reason"], "Counted");
    assert_eq!(stored["waitingFor"], Value::Null, "nobody is asked");
    let second = pass(stored.clone(), true);
    let grant = record(&second).expect("a record");
    let spec = &grant.spec;
    assert_eq!((spec.outcome, spec.approved_by.as_deref()), (Outcome::Approved, Some("bob (attested by deployer)")));
    assert_eq!(
        (spec.filed_by.as_deref(), spec.attestation.as_ref().map(|a| a.author.as_str())),
        (Some("deployer"), Some("frank"))
    );
    assert_eq!(
        (spec.approvals[0].attested_by.as_deref(), spec.approvals[0].comment.as_deref()),
        (Some("deployer"), Some("https://git.example.com/1"))
    );
    let spent = pass(stored, false);
    assert!(spent.effects.is_empty() && state(&spent) == "Waiting");
    let status = spent.status.unwrap();
    assert_eq!((status.attested[0].reason.as_str(), status.waiting_for.len()), ("AttestationSpent", 1));
}
#[test]
fn c11_an_approver_shortens_and_never_widens() {
    for (said, end) in [("10m", "2026-12-01T09:15:00Z"), ("2h", "2026-12-01T09:35:00Z")] {
        let mut yes = approval("bob", "Approve");
        yes["duration"] = json!(said);
        let plan = World::new().pass(&request(json!({}), asked(json!({"approvals": [yes]}))));
        assert_eq!(record(&plan).unwrap().spec.expires_at.unwrap().to_string(), end, "{said}");
    }
}
/// The same policy, edited once.
fn edited(changes: Value) -> AccessPolicy {
    let mut now = policy(changes);
    now.metadata.generation = Some(4);
    now.status.as_mut().unwrap().conditions[0].observed_generation = Some(4);
    now
}
/// These steps, each decided by the owners.
fn decided_by(names: &[&str]) -> Value {
    let step = |name: &&str| json!({"name": name, "approvers": [{"kind": "Group", "name": "billing-owners"}]});
    json!({"approval": {"steps": names.iter().map(step).collect::<Vec<_>>()}})
}
/// What the operator stored when it was filed under this policy, with what people wrote since.
fn filed_under(before: AccessPolicy, people: Value) -> Value {
    let first = World { policy: Some(before), ..World::new() }.pass(&request(json!({}), Value::Null));
    let mut status = serde_json::to_value(first.status.unwrap()).unwrap();
    status.as_object_mut().unwrap().extend(people.as_object().unwrap().clone());
    status
}
#[test]
fn a15_an_edit_that_tightens_reaches_a_request_that_waits_and_one_that_loosens_does_not() {
    let (one, two) = (&["service-owner"][..], &["service-owner", "security"][..]);
    for (sentence, before, after) in [("tightened", one, two), ("loosened", two, one), ("moved", &["security"], one)] {
        let agreed = |step: &str, who: &str| {
            let mut yes = approval(who, "Approve");
            yes["step"] = json!(step);
            yes
        };
        let all: Vec<_> = ["service-owner", "security"].into_iter().collect();
        let world = World { policy: Some(edited(decided_by(after))), ..World::new() };
        for missing in &all {
            let there = all.iter().filter(|step| *step != missing).map(|step| agreed(step, "bob")).collect::<Vec<_>>();
            let status = filed_under(policy(decided_by(before)), json!({"approvals": there}));
            let plan = world.pass(&request(json!({}), status));
            assert!(record(&plan).is_none() && state(&plan) == "Waiting", "{sentence} without {missing}: {plan:?}");
            assert_eq!(plan.status.as_ref().unwrap().waiting_for[0].step, **missing, "{sentence}");
            let says = "the policy was edited since this was filed (generation 3, now 4): what both texts ask applies";
            assert!(approved(&plan).contains(says), "{sentence}: {}", approved(&plan));
            assert!(plan.status.unwrap().brief.join(" ").contains("PolicyEdits: the policy was edited"), "{sentence}");
        }
        let both = json!({"approvals": [agreed("service-owner", "bob"), agreed("security", "kim")]});
        let plan = world.pass(&request(json!({}), filed_under(policy(decided_by(before)), both)));
        let of = &record(&plan).unwrap_or_else(|| panic!("{sentence}: no record")).spec.policy;
        assert_eq!((of.generation, of.filed_generation), (4, Some(3)), "{sentence}");
    }
}
#[test]
fn a15_caps_and_timeouts_of_the_text_that_it_was_filed_under_still_count() {
    let short = || {
        let mut short = decided_by(&["service-owner"]);
        short["approval"]["pendingTimeout"] = json!("10m");
        short["duration"] = json!({"default": "15m", "max": "15m"});
        short
    };
    let yes = || json!({"approvals": [approval("bob", "Approve")]});
    for (sentence, before, after) in [("loosened", short(), json!({})), ("tightened", json!({}), short())] {
        let status = || filed_under(policy(before.clone()), yes());
        let pass = |time: &str| {
            let world = World { policy: Some(edited(after.clone())), now: at(time), ..World::new() };
            world.pass(&request(json!({}), status()))
        };
        let agreed = pass("09:09:59");
        let spec = &record(&agreed).unwrap_or_else(|| panic!("{sentence}: no record")).spec;
        assert_eq!(spec.expires_at.unwrap().to_string(), "2026-12-01T09:24:59Z", "{sentence}");
        assert_eq!(record(&pass("09:10:00")).unwrap().spec.outcome, Outcome::TimedOut, "{sentence}");
    }
}
#[test]
fn a15_what_cannot_both_be_held_to_goes_back_to_its_requester_and_an_amended_text_is_judged_anew() {
    let roles = json!({"access": [{"name": "logs", "level": "LimitedWrite", "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}]});
    let yes = json!({"approvals": [approval("bob", "Approve")]});
    let filed = request(json!({}), filed_under(policy(json!({})), yes));
    let world = World { policy: Some(edited(roles)), ..World::new() };
    let plan = world.pass(&filed);
    assert!(record(&plan).is_none() && state(&plan) == "Incomplete", "{plan:?}");
    let status = plan.status.unwrap();
    let says = status.checks.iter().find(|c| c.name == "PolicyEdits").unwrap();
    assert_eq!(says.code.as_deref(), Some("PolicyEdited"));
    assert!(
        says.message.contains("access `logs` was ReadOnly") && says.message.contains("file a new request"),
        "{}",
        says.message
    );
    assert!(status.waiting_for.is_empty() && status.filed_under.as_ref().is_some_and(|f| f.generation == 3));
    let mut amended = filed;
    amended.status = Some(status);
    amended.metadata.generation = Some(2);
    let plan = world.pass(&amended);
    let status = plan.status.as_ref().unwrap();
    assert_eq!((state(&plan).as_str(), status.filed_under.as_ref().map(|f| f.generation)), ("Waiting", Some(4)));
}
#[test]
fn a15_a_text_is_kept_when_it_is_first_screened_and_not_where_nothing_waits() {
    let kept = |policy: AccessPolicy, spec: Value| {
        let plan = World { policy: Some(policy), ..World::new() }.pass(&request(spec, Value::Null));
        (state(&plan), plan.status.unwrap().filed_under.map(|filed| filed.generation))
    };
    assert_eq!(kept(policy(json!({})), json!({})), ("Waiting".into(), Some(3)));
    assert_eq!(kept(policy(json!({})), json!({"ticket": "none"})), ("Incomplete".into(), Some(3)));
    assert_eq!(kept(policy(json!({})), json!({"requester": {"username": "eve"}})), ("Refused".into(), None));
    let mut unready = edited(json!({}));
    unready.status = None;
    assert_eq!(kept(unready, json!({})), ("Incomplete".into(), None), "it binds nobody before it is Ready");
    let status = filed_under(policy(json!({})), json!({}));
    let later = World { policy: Some(edited(json!({}))), ..World::new() }.pass(&request(json!({}), status));
    assert_eq!(later.status.unwrap().filed_under.unwrap().generation, 3, "no later pass moves it");
}
#[test]
fn c4_dangers_of_the_second_access_are_named_as_such() {
    let permissions = |flag: &str| json!({"adds": ["get pods"], "flags": [{"type": flag, "message": ""}]});
    let status = |of: Value| serde_json::from_value::<AccessRequestStatus>(of).unwrap();
    let both =
        status(json!({"permissions": permissions("ReadsSecrets"), "thenPermissions": permissions("MakesTokens")}));
    assert_eq!(gain::in_words(&both), "; dangerous: ReadsSecrets; dangerous in the second access: MakesTokens");
    let had = status(
        json!({"permissions": {"had": ["get pods: RBAC: allowed by X"]}, "thenPermissions": {"adds": ["delete pods"]}}),
    );
    assert_eq!(gain::in_words(&had), "; nothing is added by the first access: you already have this through X");
}
/// A policy with these rules; beside them the owner decides.
fn ruled_by(rules: Value) -> World {
    let approval = json!({"approval": {"rules": rules,
        "steps": [{"name": "service-owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]}]}});
    World { policy: Some(policy(approval)), ..World::new() }
}
fn rule(then: &str, when: &str) -> Value {
    json!({"name": then.to_lowercase(), "then": then, "when": when, "message": "So it is written."})
}
/// What the pass does, with this answer about how many rules approved; `None`: nobody asked.
fn pass_of_rule(world: &World, request: &AccessRequest, room: Option<bool>) -> Plan<AccessRequestStatus> {
    world.observed(request, None, |observed, now| {
        let answer = |question: Question| {
            let yes = matches!(&question, Question::HasAutoApprovals { .. }) && room == Some(true);
            Answer { question, yes, words: "5 of 5".into() }
        };
        let answers: Vec<_> = questions(observed).into_iter().filter(|_| room.is_some()).map(answer).collect();
        decide(&Observed { answers: &answers, ..*observed }, now)
    })
}
#[test]
fn c12_a_rule_refuses_whoever_agreed_and_is_recorded_as_the_one() {
    let world = ruled_by(json!([rule("Approve", "true"), rule("Deny", "access.level == 'ReadOnly'")]));
    for status in [Value::Null, asked(json!({"approvals": [approval("bob", "Approve")]}))] {
        let plan = pass_of_rule(&world, &request(json!({}), status), Some(true));
        let mut grant = record(&plan).expect("a record").clone();
        let said = grant.spec.rule.as_ref().unwrap();
        assert_eq!((grant.spec.outcome, said.name.as_str(), said.policy_generation), (Outcome::Denied, "deny", 3));
        assert_eq!((grant.spec.approved_by.as_deref(), grant.spec.expires_at), (None, None));
        assert!(!grant.metadata.labels.as_ref().unwrap().contains_key(names::RULE_LABEL), "it approved nothing");
        grant.metadata.uid = Some("g".into());
        let told = world.observed(&request(json!({}), asked(json!({}))), Some(&grant), decide).status.unwrap();
        let denied = told.conditions.iter().find(|c| c.type_ == "Approved").unwrap();
        assert_eq!(denied.message, "rule deny says no: So it is written.");
    }
}
#[test]
fn c12_a_rule_agrees_without_people_so_many_times_a_day() {
    let world = ruled_by(json!([rule("Approve", "duration <= duration('30m')")]));
    let filed = || request(json!({}), Value::Null);
    let asks = world.observed(&filed(), None, |o, _| questions(o));
    let question = Question::HasAutoApprovals {
        user: "alice".into(),
        policy: "customer-support".into(),
        since: at("09:05:00").wall - TimeDelta::hours(24),
        limit: 5,
    };
    assert!(asks.contains(&question), "{asks:?}");
    let grant = record(&pass_of_rule(&world, &filed(), Some(true))).expect("a record").clone();
    assert_eq!((grant.spec.outcome, grant.spec.approved_by.as_deref()), (Outcome::Approved, Some("rule approve")));
    assert_eq!((grant.spec.rule.as_ref().map(|r| r.policy_generation), grant.spec.approvals.len()), (Some(3), 0));
    assert_eq!(grant.spec.adds, ["get pods/log"], "G4: what must be gone, though no status was stored before");
    assert_eq!(grant.metadata.labels.unwrap().get(names::RULE_LABEL).map(String::as_str), Some("approve"));
    for room in [Some(false), None] {
        let plan = pass_of_rule(&world, &filed(), room);
        let status = plan.status.unwrap();
        assert!(plan.effects.is_empty() && status.waiting_for.len() == 1, "people decide");
        let told = status.conditions.iter().find(|c| c.type_ == "Approved").unwrap();
        assert!(told.message.contains("rule `approve` would agree, but "), "{}", told.message);
    }
    // What does not hold is not asked about.
    let longer = request(json!({"duration": "1h"}), Value::Null);
    assert!(!world.observed(&longer, None, |o, _| questions(o)).contains(&question));
    assert!(pass_of_rule(&world, &longer, Some(true)).effects.is_empty());
}
#[test]
fn c12_an_approver_who_shortened_it_is_heard_though_a_rule_agrees() {
    let mut yes = approval("bob", "Approve");
    yes["duration"] = json!("10m");
    let approval = json!({"approval": {"rules": [rule("Approve", "true")],
        "steps": [{"name": "service-owner", "count": 2, "approvers": [{"kind": "Group", "name": "billing-owners"}]}]}});
    let world = World { policy: Some(policy(approval)), ..World::new() };
    let plan = pass_of_rule(&world, &request(json!({}), asked(json!({"approvals": [yes]}))), Some(true));
    let grant = record(&plan).unwrap();
    assert_eq!(grant.spec.expires_at.map(|e| e.to_string()).as_deref(), Some("2026-12-01T09:15:00Z"));
    assert_eq!((grant.spec.approvals.len(), grant.spec.approved_by.as_deref()), (1, Some("rule approve")));
}
#[test]
fn c12_a_rule_that_cannot_be_judged_holds_the_request() {
    let world = ruled_by(json!([rule("Approve", "true"), rule("Deny", "request.plan[0] == 'x'")]));
    for status in [Value::Null, asked(json!({"approvals": [approval("bob", "Approve")]}))] {
        let plan = pass_of_rule(&world, &request(json!({}), status), Some(true));
        assert!(plan.effects.is_empty(), "nothing is granted");
        let status = plan.status.unwrap();
        let told = status.conditions.iter().find(|c| c.type_ == "Approved").unwrap();
        let why = "nothing is granted while a rule of the policy cannot be judged; tell its owner, Group billing-owners: `deny`: ";
        assert!(told.status == "Unknown" && told.message.contains(why), "{}", told.message);
    }
    let no = pass_of_rule(&world, &request(json!({}), asked(json!({"approvals": [approval("bob", "Deny")]}))), None);
    assert_eq!(record(&no).map(|g| g.spec.outcome), Some(Outcome::Denied), "a no is a no");
}
#[test]
fn c12_no_rule_agrees_while_admission_is_not_as_installed() {
    for guard in [Guard::Unknown, Guard::Broken("curfew-requests is missing".into())] {
        let mut world = ruled_by(json!([rule("Approve", "true")]));
        world.standing.guard = guard;
        assert!(pass_of_rule(&world, &request(json!({}), asked(json!({}))), Some(true)).effects.is_empty());
    }
}
#[test]
fn d15_the_next_look_is_when_backups_may_decide() {
    let approval = json!({"approval": {"steps": [{"name": "service-owner", "approvers": [{"kind": "Group", "name": "billing-owners"}],
        "backups": {"after": "7m", "approvers": [{"kind": "Group", "name": "leads"}]}}]}});
    let world = World { policy: Some(policy(approval)), ..World::new() };
    let plan = world.pass(&request(json!({}), Value::Null));
    assert_eq!(plan.next, Next::After(TimeDelta::minutes(7)));
    let status = plan.status.unwrap();
    let told = status.conditions.iter().find(|c| c.type_ == "Approved").unwrap();
    assert!(told.message.contains("; from 2026-12-01T09:12:00Z also Group leads)"), "{}", told.message);
}
#[test]
fn j9_steps_that_were_not_needed_are_on_record() {
    let approval = json!({"approval": {"steps": [{"name": "service-owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]},
        {"name": "security", "when": "access.level != 'ReadOnly'", "approvers": [{"kind": "Group", "name": "security"}]}]}});
    let world = World { policy: Some(policy(approval)), ..World::new() };
    let plan = world.pass(&request(json!({}), asked(json!({"approvals": [approval_of_bob()]}))));
    assert_eq!(record(&plan).unwrap().spec.not_needed, ["security"]);
}
fn approval_of_bob() -> Value {
    approval("bob", "Approve")
}
#[test]
fn c2_an_incomplete_request_waits_for_its_correction_and_for_nobody_else() {
    let world = World::new();
    let vague = world.pass(&request(json!({"reason": "Need to investigate something", "ticket": "none"}), Value::Null));
    let status = vague.status.unwrap();
    assert_eq!(status.state.as_deref(), Some("Incomplete"));
    assert!(status.waiting_for.is_empty(), "D18: nobody may decide it");
    let codes: Vec<_> = status.checks.iter().filter_map(|c| c.code.as_deref()).collect();
    assert_eq!(codes, ["TicketInvalid", "VagueReason"], "B17: all gaps at once");
    let late = World { now: at("10:00:00"), ..World::new() }.pass(&request(json!({"ticket": "none"}), Value::Null));
    assert!(late.effects.is_empty() && state(&late) == "TimedOut", "what nobody was asked about leaves no record");
}
#[test]
fn b26_the_brief_is_there_while_they_decide_and_gone_once_it_is_decided() {
    let brief = |plan: Plan<AccessRequestStatus>| plan.status.unwrap().brief;
    let waiting = brief(World::new().pass(&request(json!({}), Value::Null)));
    let begins = |start: &str| waiting.iter().any(|line| line.starts_with(start));
    assert!(begins("Asks: alice") && begins("Ends: by itself, at 2026-12-01T09:35:00Z"), "{waiting:#?}");
    for (sentence, decision) in [("it is decided", "Deny"), ("more is wanted", "RequestDetail")] {
        let mut filed = request(json!({}), asked(json!({"approvals": [approval("bob", decision)]})));
        filed.status.as_mut().unwrap().brief = waiting.clone();
        assert_eq!(brief(World::new().pass(&filed)), Vec::<String>::new(), "{sentence}");
    }
    let vague = World::new().pass(&request(json!({"ticket": "none"}), Value::Null));
    assert_eq!(brief(vague), Vec::<String>::new(), "nobody is asked");
}
#[test]
fn b27_the_record_holds_all_evidence_and_the_class_of_the_data() {
    let evidence = json!({
        "data": [{"system": "billing-db", "kind": "invoice", "tenant": "4812", "records": ["99017"], "fields": ["total"]}],
        "whyNotSafer": "The billing board shows totals only.", "whyNotLower": "Logs do not hold the invoice lines.",
        "plan": ["kubectl logs deploy/invoicer"], "legalBasis": {"type": "CustomerConsent", "ref": "SUP-4812"},
        "attachments": [{"kind": "Screenshot", "url": "https://files.example.com/1.png", "sha256": "0".repeat(64)}]});
    let world = World { policy: Some(policy(json!({"dataClass": "Personal"}))), ..World::new() };
    let plan = world.pass(&request(evidence.clone(), asked(json!({"approvals": [approval("bob", "Approve")]}))));
    let grant = serde_json::to_value(record(&plan).unwrap()).unwrap();
    for (field, said) in evidence.as_object().unwrap() {
        assert_eq!(&grant["spec"][field], said, "{field}");
    }
    assert_eq!(grant["spec"]["policy"]["dataClass"], "Personal");
    let told = plan.status.map(|s| s.conditions.iter().map(|c| c.message.clone()).collect::<String>());
    assert!(!told.unwrap_or_default().contains("99017"), "B25: conditions become Events");
}
#[test]
fn d17_who_wants_detail_gets_an_amended_text() {
    let plan = World::new().pass(&request(json!({}), asked(json!({"approvals": [approval("bob", "RequestDetail")]}))));
    let status = plan.status.unwrap();
    assert_eq!((status.state.as_deref(), status.waiting_for.len()), (Some("DetailRequested"), 0));
    // The text was changed: what was said of the older one does not count.
    let mut amended = request(json!({}), asked(json!({"approvals": [approval("bob", "Approve")]})));
    amended.metadata.generation = Some(2);
    let plan = World::new().pass(&amended);
    let status = plan.status.unwrap();
    assert_eq!(
        (status.state.as_deref(), status.decisions[0].reason.as_str(), status.permissions.is_some()),
        (Some("Waiting"), "OtherRevision", true)
    );
}
#[test]
fn c13_a_bare_yes_is_not_passed_over_in_silence() {
    let mut yes = approval("bob", "Approve");
    yes["comment"] = json!("ok");
    let status = World::new().pass(&request(json!({}), asked(json!({"approvals": [yes]})))).status.unwrap();
    let said = status.conditions.iter().find(|c| c.type_ == "Approved").unwrap();
    assert!(said.message.contains("does not count, so another has to: bob (An approval needs"), "{}", said.message);
}
#[test]
fn a_refusal_at_screening_is_final() {
    let world = World { policy: None, ..World::new() };
    let refused = world.pass(&request(json!({}), Value::Null)).status.unwrap();
    assert_eq!(refused.state.as_deref(), Some("Refused"));
    // The policy comes later: it stays refused, and nothing is written.
    let later = World::new().pass(&request(json!({}), serde_json::to_value(&refused).unwrap()));
    assert!(later.status.is_none() && later.effects.is_empty());
}
#[test]
fn nobody_is_asked_before_the_epoch_is_on_record() {
    let unknown = World { standing: Standing { guard: Guard::Unknown, ..well() }, ..World::new() };
    assert!(unknown.pass(&request(json!({}), json!(null))).status.is_none(), "the next look comes in a moment");
    let broken = Guard::Broken("curfew-requests is missing".into());
    let broken = World { standing: Standing { guard: broken, ..well() }, ..World::new() };
    let status = broken.pass(&request(json!({}), json!(null))).status.unwrap();
    assert!(status.waiting_for.is_empty() && status.admission_epoch.is_none());
    let asked = World::new().pass(&request(json!({}), json!(null))).status.unwrap();
    assert!(!asked.waiting_for.is_empty() && asked.admission_epoch.as_deref() == Some("e1"), "both at once");
}
#[test]
fn nothing_is_granted_without_lease_or_guard() {
    let agreed = || request(json!({}), asked(json!({"approvals": [approval("bob", "Approve")]})));
    for standing in [
        Standing { lease_held: false, ..well() },
        Standing { guard: Guard::Unknown, ..well() },
        Standing { guard: Guard::Broken("curfew-requests is missing".into()), ..well() },
        Standing { guard: Guard::Intact { epoch: "e2".into() }, ..well() },
    ] {
        let plan = World { standing: standing.clone(), ..World::new() }.pass(&agreed());
        assert!(plan.effects.is_empty(), "{standing:?}");
    }
}
#[test]
fn what_a_pass_wrote_is_not_written_again() {
    let world = World::new();
    let mut filed = request(json!({}), Value::Null);
    filed.status = world.pass(&filed).status;
    let later = World { now: at("09:06:00"), ..World::new() }.pass(&filed);
    assert!(later.status.is_none() && later.effects.is_empty(), "{later:?}");
}
#[test]
fn the_request_says_what_its_record_says() {
    let world = World::new();
    let agreed = request(json!({}), asked(json!({"approvals": [approval("bob", "Approve")]})));
    let mut grant = record(&world.pass(&agreed)).unwrap().clone();
    grant.status = serde_json::from_value(json!({"conditions": [{"type": "Active", "status": "True", "reason": "Bound", "message": "until then", "lastTransitionTime": "2026-12-01T09:05:01Z"}]})).unwrap();
    let status = world.observed(&agreed, Some(&grant), decide).status.unwrap();
    assert_eq!(
        (status.state.as_deref(), status.grant, status.expires_at),
        (Some("Bound"), grant.metadata.name.clone(), grant.spec.expires_at)
    );
    assert!(reasons::is(&Status(status.conditions), Approved::StepsMet));
    let second = World { standing: Standing { lease_held: false, ..well() }, ..World::new() };
    assert!(
        second.observed(&agreed, Some(&grant), decide).status.is_none(),
        "what may change yet is the lease holder's"
    );
    let ended = grant.status.as_mut().unwrap();
    ended.ended_at = Some(grant.spec.not_before);
    ended.conditions[0].reason = "Expired".into();
    let status = second.observed(&agreed, Some(&grant), decide).status.unwrap();
    assert_eq!(status.state.as_deref(), Some("Expired"), "an end is said without the lease");
}
struct Status(Vec<Condition>);
impl crate::api::Conditions for Status {
    fn conditions(&self) -> &[Condition] {
        &self.0
    }
    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.0
    }
}
#[test]
fn a_request_is_over_when_its_access_is() {
    let with = |conditions: &[(&str, &str, &str)], grant: Value| {
        let conditions: Vec<_> = conditions
            .iter()
            .map(|(type_, status, reason)| {
                json!({"type": type_, "status": status, "reason": reason,
            "message": "", "lastTransitionTime": "2026-12-01T09:05:01Z"})
            })
            .collect();
        request(json!({}), asked(json!({"conditions": conditions, "grant": grant})))
    };
    let agreed = ("Approved", "True", "StepsMet");
    assert!(!is_over(&request(json!({}), Value::Null)));
    assert!(!is_over(&with(&[agreed, ("Active", "True", "Bound")], json!("g"))));
    assert!(is_over(&with(&[agreed, ("Active", "False", "Expired")], json!("g"))));
    assert!(is_over(&with(&[("Approved", "False", "Denied")], json!("g"))));
    assert!(is_over(&with(&[("Screened", "False", "Refused")], Value::Null)));
    assert!(!is_over(&with(&[("Screened", "False", "Incomplete")], Value::Null)));
}
/// What condition `Approved` says.
fn approved(plan: &Plan<AccessRequestStatus>) -> String {
    let status = plan.status.as_ref().unwrap();
    status.conditions.iter().find(|c| c.type_ == "Approved").unwrap().message.clone()
}
#[test]
fn c4_permissions_are_shown_by_resource_with_what_is_dangerous_and_what_they_have() {
    let mut rules = get(&["pods", "pods/log", "secrets"]);
    rules[0].verbs.push("list".into());
    let mut policy = policy(json!({}));
    policy.spec.access[0].level = crate::api::subject::Level::Write;
    let by = "RBAC: allowed by RoleBinding \"readers/billing\" of ClusterRole \"view\" to User \"alice\"";
    let world = World { rules, policy: Some(policy), has: &[("get pods", ""), ("list pods", "")], ..World::new() };
    let has = [("get pods", by), ("list pods", by)];
    let world = World { has: Box::leak(Box::new(has)), ..world };
    let plan = world.pass(&request(json!({}), Value::Null));
    let shown = plan.status.clone().unwrap().permissions.unwrap();
    assert_eq!(shown.adds, ["get,list pods/log", "get,list secrets"]);
    assert_eq!(shown.had, [format!("get,list pods: {by}")]);
    assert_eq!(shown.rules_sha256, role::digest(&world.rules));
    assert!(shown.flags[0].message.contains("`get,list secrets`"), "{:?}", shown.flags);
    assert!(approved(&plan).contains("; dangerous: ReadsSecrets; waits until"), "{}", approved(&plan));
}
#[test]
fn f1_who_has_it_all_already_is_told_through_what() {
    let by = "RBAC: allowed by RoleBinding \"readers/billing\" of ClusterRole \"view\" to User \"alice\"";
    let plan = World {
        has: &[(
            "get pods/log",
            "RBAC: allowed by RoleBinding \"readers/billing\" of ClusterRole \"view\" to User \"alice\"",
        )],
        ..World::new()
    }
    .pass(&request(json!({}), Value::Null));
    let status = plan.status.clone().unwrap();
    let shown = status.permissions.clone().unwrap();
    assert_eq!((shown.adds.len(), shown.had), (0, vec![format!("get pods/log: {by}")]));
    let words = "you already have this through RoleBinding \"readers/billing\"";
    assert!(approved(&plan).contains(words), "{}", approved(&plan));
    assert!(!status.waiting_for.is_empty(), "it is no refusal");
    // What another temporary access allows will go as well.
    let plan = World {
        has: &[("get pods/log", "RBAC: allowed by RoleBinding \"curfew-sup-1-7f3a2c1b/billing\"")],
        ..World::new()
    }
    .pass(&request(json!({}), Value::Null));
    assert_eq!(plan.status.clone().unwrap().permissions.unwrap().adds, ["get pods/log"]);
    assert!(!approved(&plan).contains("already"));
}
#[test]
fn f1_an_approval_is_bound_to_what_the_role_gave() {
    let yes = || asked(json!({"approvals": [approval("bob", "Approve")]}));
    let more = World { rules: get(&["pods/log", "pods"]), ..World::new() };

    // Nobody has decided: they are shown what it gives now.
    let plan = more.pass(&request(json!({}), asked(json!({}))));
    let shown = plan.status.clone().unwrap().permissions.unwrap();
    assert_eq!((state(&plan).as_str(), shown.adds.len()), ("Waiting", 2));
    assert_eq!(shown.rules_sha256, role::digest(&more.rules));

    // Somebody has: they agreed to less.
    let filed = request(json!({}), yes());
    let plan = more.pass(&filed);
    let grant = record(&plan).unwrap();
    assert_eq!((grant.spec.outcome, grant.spec.expires_at), (Outcome::RoleGrew, None));
    assert_eq!(grant.spec.approvals.len(), 1, "who agreed is on record");
    let told = more.observed(&filed, Some(grant), decide);
    assert_eq!(state(&told), "RoleChanged");
    assert!(approved(&told).contains("grew after it was agreed to (gains `get pods`): file a new request"));

    // One of two.
    let mut two = policy(json!({}));
    two.spec.approval.steps[0].count = 2;
    let plan = World { policy: Some(two.clone()), rules: more.rules.clone(), ..World::new() }.pass(&filed);
    assert_eq!(record(&plan).unwrap().spec.outcome, Outcome::RoleGrew);

    // An approval that does not count is none, a refusal is a refusal.
    let mut bare = approval("bob", "Approve");
    bare["comment"] = json!("ok");
    let plan = more.pass(&request(json!({}), asked(json!({"approvals": [bare]}))));
    assert_eq!((state(&plan).as_str(), plan.effects.len()), ("Waiting", 0));
    let plan = more
        .pass(&request(json!({}), asked(json!({"approvals": [approval("kim", "Deny"), approval("bob", "Approve")]}))));
    assert_eq!(record(&plan).unwrap().spec.outcome, Outcome::Denied);
}
#[test]
fn f1_a_role_that_shrank_is_granted_and_recorded_as_it_is() {
    let mut status = asked(json!({"approvals": [approval("bob", "Approve")]}));
    let before = get(&["pods/log", "pods"]);
    status["permissions"] = json!({"adds": ["get pods/log"], "had": ["get pods: RBAC: allowed by x"], "rulesSha256": role::digest(&before)});
    let plan = World::new().pass(&request(json!({}), status));
    let spec = &record(&plan).unwrap().spec;
    assert_eq!((spec.outcome, &spec.rules), (Outcome::Approved, &get(&["pods/log"])));
    assert_eq!((spec.adds.as_slice(), spec.had.len()), (&["get pods/log".to_owned()][..], 0));
}
#[test]
fn i8_in_a_dry_run_everybody_agrees_and_nothing_is_granted_whatever_the_policy_says_later() {
    let trial = || World { policy: Some(policy(json!({"mode": "DryRun"}))), ..World::new() };
    let asks = trial().pass(&request(json!({}), Value::Null));
    assert!(approved(&asks).contains("nothing will be granted, as the policy's mode is DryRun"));
    let published = asks.status.unwrap();
    assert_eq!(published.mode, Some(Mode::DryRun));

    let agreed =
        |mode: Value| request(json!({}), asked(json!({"mode": mode, "approvals": [approval("bob", "Approve")]})));
    for (sentence, world, filed) in [
        ("in the trial", trial(), agreed(json!("DryRun"))),
        ("the policy enforces since", World::new(), agreed(json!("DryRun"))),
        (
            "the policy became a trial since",
            trial(),
            request(json!({}), asked(json!({"approvals": [approval("bob", "Approve")]}))),
        ),
    ] {
        let plan = world.pass(&filed);
        let mut grant = record(&plan).unwrap().clone();
        assert_eq!((grant.spec.outcome, grant.spec.expires_at), (Outcome::DryRun, None), "{sentence}");
        assert_eq!(grant.spec.approved_by.as_deref(), Some("bob (billing-owners)"), "{sentence}");
        grant.status = serde_json::from_value(json!({"conditions": [{"type": "Active", "status": "False", "reason": "DryRun", "message": "nothing was granted", "lastTransitionTime": "2026-12-01T09:05:01Z"}]})).unwrap();
        let mut told = filed;
        told.status = world.observed(&told, Some(&grant), decide).status;
        let status = told.status.as_ref().unwrap();
        assert!(reasons::is(status, Approved::StepsMet) && status.expires_at.is_none(), "{sentence}");
        assert_eq!(status.state.as_deref(), Some("DryRun"), "{sentence}");
        assert!(is_over(&told), "{sentence}");
    }
    let plan = World::new().pass(&agreed(Value::Null));
    assert_eq!(record(&plan).unwrap().spec.outcome, Outcome::Approved);
}
#[test]
fn what_the_requester_can_do_already_is_asked_once_for_each_text() {
    let world = World::new();
    let ask = |request: &AccessRequest| world.observed(request, None, |o, _| questions(o).len());
    let grown = World { rules: get(&["pods/log", "pods"]), ..World::new() };
    let again = grown.observed(&request(json!({}), asked(json!({}))), None, |o, _| questions(o).len());
    assert_eq!(again, 2, "the role gives something else");
    assert_eq!(ask(&request(json!({}), Value::Null)), 1);
    assert_eq!(ask(&request(json!({}), asked(json!({})))), 0);
    assert_eq!(ask(&request(json!({"ticket": "none"}), Value::Null)), 0, "not before it is complete");
}
