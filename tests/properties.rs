//! A model of one request's life: whatever people, time, the garbage collector and crashes do, and in whatever order,
//! the passes settle, access begins only while it is agreed, and it ends.
#![allow(missing_docs, reason = "a test")]
use chrono::{DateTime, TimeDelta, Utc};
use curfew::api::grant::AccessGrant;
use curfew::api::policy::{AccessPolicy, Mode};
use curfew::api::reasons::{self, Outcome, RemovalVerified};
use curfew::api::request::AccessRequest;
use curfew::api::time::Instant;
use curfew::decide::effect::{Answer, Effect, Question};
use curfew::decide::grant::{Basis, Found, RoleNow, basis};
use curfew::decide::screening::Seen;
use curfew::decide::{Fuses, Guard, Installation, Next, Now, Standing, children, grant, request, role};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleBinding};
use proptest::prelude::*;
use serde_json::{Value, json};

const UID: &str = "7f3a2c1b-0000-0000-0000-000000000000";

#[derive(Clone, Copy, Debug)]
enum Event {
    Approve,
    Deny,
    Close,
    DeleteRequest,
    DeleteBinding,
    DeleteFuse,
    TamperBinding,
    /// Seconds pass.
    Wait(i64),
    /// kube-controller-manager: fuses complete and burn, what they own goes.
    Controllers,
    PassOfRequest(Crash),
    PassOfGrant(Crash),
    /// The lease is lost or won.
    Lease(bool),
    /// Admission is broken, or another epoch begins.
    Guard(u8),
    /// The role is as it was, gives more, gives nothing, or is gone.
    Role(u8),
    /// The policy becomes a trial, or is enforced.
    Mode(bool),
    /// Its author edits the policy without effect, takes the requester off it, or deletes it.
    Policy(u8),
}
#[derive(Clone, Copy, Debug, PartialEq)]
enum Crash {
    No,
    /// The effects are done, the status is not stored.
    BeforeStatus,
    /// Only so many effects are done.
    AfterEffects(usize),
}

struct World {
    now: DateTime<Utc>,
    policy: Option<AccessPolicy>,
    namespace: Namespace,
    rules: Option<Vec<PolicyRule>>,
    installation: Installation,
    standing: Standing,
    request: Option<AccessRequest>,
    grant: Option<AccessGrant>,
    fuse: Option<Job>,
    binding: Option<RoleBinding>,
    uids: u32,
    ends: Vec<Instant>,
    bound: usize,
}

impl World {
    fn new(planned: Value) -> Self {
        let policy = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy", "metadata": {"name": "p", "uid": "p-uid", "generation": 1},
            "spec": {"description": "One account after a real report.", "owner": {"kind": "Group", "name": "o"}, "namespaces": {"matchLabels": {"zone": "production"}},
                "requesters": [{"kind": "User", "name": "alice"}], "access": [{"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}}],
                "duration": {"default": "10m", "max": "1h"}, "evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A case."}, "require": []},
                "approval": {"pendingTimeout": "30m", "steps": [{"name": "owner", "approvers": [{"kind": "Group", "name": "owners"}]}]}},
            "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "reason": "Complete", "message": "", "observedGeneration": 1, "lastTransitionTime": "2026-12-01T08:00:00Z"}]}});
        let mut request = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
            "metadata": {"name": "r", "namespace": "ns", "uid": UID, "generation": 1, "creationTimestamp": "2026-12-01T09:00:00Z"},
            "spec": {"policy": "p", "reason": "Check why invoice totals changed for customer account 4812.", "ticket": "SUP-1", "requester": {"username": "alice"}}});
        request["spec"].as_object_mut().unwrap().extend(planned.as_object().unwrap().clone());
        Self {
            now: DateTime::parse_from_rfc3339("2026-12-01T09:00:00Z").unwrap().to_utc(),
            policy: Some(serde_json::from_value(policy).unwrap()),
            namespace: serde_json::from_value(json!({"metadata": {"name": "ns", "labels": {"zone": "production"}}}))
                .unwrap(),
            rules: role(0),
            installation: Installation {
                max_duration: TimeDelta::hours(12),
                shared_accounts: vec![],
                fuse_image: "pause".into(),
                grants_per_namespace: 10,
                calendar: Default::default(),
                stop_without_fuse_test: true,
                operator: "curfew".into(),
                sweeper: "sweep".into(),
                home: "curfew".into(),
                pod: "curfew-0".into(),
                lease: "curfew".into(),
            },
            standing: Standing { lease_held: true, guard: Guard::Intact { epoch: "e1".into() }, fuses: Fuses::Burn },
            request: Some(serde_json::from_value(request).unwrap()),
            grant: None,
            fuse: None,
            binding: None,
            uids: 0,
            ends: vec![],
            bound: 0,
        }
    }
    fn clock(&self) -> Now {
        Now { wall: self.now, server_ahead: TimeDelta::zero() }
    }
    fn uid(&mut self) -> Option<String> {
        self.uids += 1;
        Some(format!("uid-{}", self.uids))
    }
    fn agreed(&self) -> bool {
        let said = |decision: &str| {
            let entries =
                self.request.as_ref().and_then(|r| r.status.as_ref()).map(|s| s.approvals.clone()).unwrap_or_default();
            entries.iter().any(|a| format!("{:?}", a.decision) == decision)
        };
        said("Approve") && !said("Deny")
    }

    fn asked_in_a_trial(&self) -> bool {
        self.request.as_ref().and_then(|r| r.status.as_ref()).is_some_and(|s| s.mode.is_some())
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Approve => self.decides("bob", "Approve"),
            Event::Deny => self.decides("kim", "Deny"),
            Event::Close => self.edits(|status| status["close"] = json!({"by": "alice"})),
            Event::DeleteRequest => self.request = None,
            Event::DeleteBinding => self.binding = None,
            Event::DeleteFuse => {
                self.fuse = None;
                self.collects();
            }
            Event::TamperBinding => {
                if let Some(binding) = &mut self.binding {
                    binding.role_ref.name = "edit".into();
                }
            }
            Event::Wait(seconds) => self.now += TimeDelta::seconds(seconds),
            Event::Controllers => self.controllers(),
            Event::PassOfRequest(crash) => drop(self.pass_of_request(crash)),
            Event::PassOfGrant(crash) => drop(self.pass_of_grant(crash)),
            Event::Lease(held) => self.standing.lease_held = held,
            Event::Policy(0) => self.policy = None,
            Event::Policy(edit) => {
                if let Some(policy) = &mut self.policy {
                    let who = if edit == 1 { "nobody" } else { policy.spec.requesters[0].name.as_str() }.to_owned();
                    policy.spec.requesters[0].name = who;
                    let generation = policy.metadata.generation.map(|g| g + 1);
                    policy.metadata.generation = generation;
                    policy.status.as_mut().unwrap().conditions[0].observed_generation = generation;
                }
            }
            Event::Guard(0) => self.standing.guard = Guard::Broken("curfew-requests is missing".into()),
            Event::Role(change) => self.rules = role(change),
            Event::Mode(trial) => {
                let mode = if trial { Mode::DryRun } else { Mode::Enforce };
                self.policy.iter_mut().for_each(|policy| policy.spec.mode = mode);
            }
            Event::Guard(epoch) => self.standing.guard = Guard::Intact { epoch: format!("e{epoch}") },
        }
    }
    fn edits(&mut self, edit: impl FnOnce(&mut Value)) {
        if let Some(request) = &mut self.request
            && let Some(status) = &request.status
        {
            let mut status = serde_json::to_value(status).unwrap();
            edit(&mut status);
            request.status = Some(serde_json::from_value(status).unwrap());
        }
    }
    /// As admission has it: only for a step that waits, and once.
    fn decides(&mut self, by: &str, decision: &str) {
        let waits = self.request.as_ref().and_then(|r| r.status.as_ref()).is_some_and(|s| !s.waiting_for.is_empty());
        let entry = json!({"by": by, "as": "owners", "step": "owner", "decision": decision, "revision": "7f3a2c1b-1", "comment": "Narrow and tied to a case."});
        self.edits(|status| {
            let approvals = status["approvals"].as_array_mut().unwrap();
            if waits && !approvals.iter().any(|a| a["by"] == by) {
                approvals.push(entry);
            }
        });
    }
    /// What is owned by nothing goes.
    fn collects(&mut self) {
        let alive = self.fuse.as_ref().and_then(|f| f.metadata.uid.clone());
        let owner =
            |b: &RoleBinding| b.metadata.owner_references.as_ref().and_then(|o| o.first()).map(|o| o.uid.clone());
        self.binding = self.binding.take().filter(|b| owner(b) == alive);
    }
    fn controllers(&mut self) {
        let at = Instant::new(self.now);
        if let Some(fuse) = &mut self.fuse
            && fuse.status.is_none()
        {
            let done = json!({"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": at}]});
            fuse.status = Some(serde_json::from_value(done).unwrap());
        }
        if self.fuse.as_ref().and_then(children::burns_at).is_some_and(|burns| burns <= self.now) {
            self.fuse = None;
        }
        self.collects();
    }

    fn answers(&self, questions: Vec<Question>) -> Vec<Answer> {
        let answer = |question: Question| {
            let yes = match &question {
                Question::IsAllowed { .. } => self.binding.is_some(),
                Question::IsAdmissionLive { .. } => matches!(self.standing.guard, Guard::Intact { .. }),
                _ => true,
            };
            Answer { question, yes, words: "said".into() }
        };
        questions.into_iter().map(answer).collect()
    }
    /// Whether the pass changed anything, and whether it wants to follow itself.
    fn pass_of_request(&mut self, crash: Crash) -> bool {
        let Some(filed) = self.request.clone() else { return false };
        let now = self.clock();
        let seen = Seen {
            now: now.wall,
            request: &filed,
            policy: self.policy.as_ref(),
            policies: &[],
            namespace: Some(&self.namespace),
            rules: self.rules.as_deref(),
            then_rules: None,
            live: &[],
            earlier: &[],
            pending: &[],
            installation: &self.installation,
        };
        let screening = request::screened(&seen, self.grant.as_ref(), &self.standing);
        let unasked = request::Observed {
            seen,
            screening: screening.as_ref(),
            grant: self.grant.as_ref(),
            second: None,
            installation: &self.installation,
            standing: &self.standing,
            answers: &[],
            refused: None,
        };
        let answers = self.answers(request::questions(&unasked));
        let plan = request::decide(&request::Observed { answers: &answers, ..unasked }, now);
        let moved = !plan.effects.is_empty() || plan.status.is_some();
        self.performs(&plan.effects, crash);
        if let (Some(mut status), Crash::No) = (plan.status, crash) {
            status.approvals = filed.status.map(|s| s.approvals).unwrap_or_default();
            self.request.as_mut().unwrap().status = Some(status);
        }
        moved || plan.next == Next::AtOnce
    }
    fn pass_of_grant(&mut self, crash: Crash) -> bool {
        let Some(record) = self.grant.clone() else { return false };
        let now = self.clock();
        let role = self.rules.clone().map_or(RoleNow::Gone, RoleNow::Gives);
        let found = Found {
            grant: &record,
            request: self.request.as_ref(),
            fuse: self.fuse.as_ref(),
            binding: self.binding.as_ref(),
            namespace: Some(&self.namespace),
            role: &role,
        };
        let policy = self.policy.clone();
        let basis = Basis { policy: policy.as_ref(), rules: self.rules.as_deref(), ..Basis::default() };
        let basis = basis::is_needed(&found, now).then_some(basis);
        let unasked = grant::Observed {
            found,
            renewed: None,
            basis,
            installation: &self.installation,
            standing: &self.standing,
            answers: &[],
            refused: None,
        };
        let answers = self.answers(grant::questions(&unasked, now));
        let plan = grant::decide(&grant::Observed { answers: &answers, ..unasked }, now);
        let moved = !plan.effects.is_empty() || plan.status.is_some();
        self.performs(&plan.effects, crash);
        if let (Some(status), Crash::No) = (plan.status, crash) {
            let before = record.status.as_ref().and_then(|s| s.end_reason);
            assert!(before.is_none() || before == status.end_reason, "an end is final");
            self.grant.as_mut().unwrap().status = Some(status);
        }
        moved || plan.next == Next::AtOnce
    }
    fn performs(&mut self, effects: &[Effect], crash: Crash) {
        let most = if let Crash::AfterEffects(most) = crash { most } else { usize::MAX };
        for effect in effects.iter().take(most) {
            match effect {
                Effect::CreateGrant(made) if self.grant.is_none() => {
                    self.grant = Some(AccessGrant {
                        metadata: kube::core::ObjectMeta {
                            uid: self.uid(),
                            generation: Some(1),
                            ..made.metadata.clone()
                        },
                        ..*made.clone()
                    });
                    self.ends.extend(made.spec.expires_at);
                    assert!(made.spec.outcome != Outcome::Approved || self.agreed(), "granted, and nobody agreed");
                }
                Effect::CreateFuse(made) if self.fuse.is_none() => {
                    let mut fuse = *made.clone();
                    fuse.metadata.uid = self.uid();
                    self.fuse = Some(fuse);
                }
                Effect::CreateBinding(made) if self.binding.is_none() => self.binds(*made.clone()),
                Effect::DeleteBinding(of)
                    if self.binding.as_ref().is_some_and(|b| b.metadata.uid.as_ref() == Some(&of.uid)) =>
                {
                    self.binding = None
                }
                Effect::DeleteFuse(of)
                    if self.fuse.as_ref().is_some_and(|f| f.metadata.uid.as_ref() == Some(&of.uid)) =>
                {
                    self.fuse = None;
                    self.collects();
                }
                Effect::DeleteGrant(_) => panic!("before its retention"),
                _ => {}
            }
        }
    }
    fn binds(&mut self, mut made: RoleBinding) {
        let spec = &self.grant.as_ref().unwrap().spec;
        let (start, end) = (spec.not_before, spec.expires_at.unwrap());
        assert!(self.now < end.get(), "bound after its end");
        assert!(self.now >= start.get(), "bound before its start");
        assert!(spec.start_deadline.is_none_or(|deadline| self.now <= deadline.get()), "bound after its startDeadline");
        let policy = self.policy.as_ref().expect("bound without a policy");
        assert_eq!(policy.spec.requesters[0].name, "alice", "bound for somebody who may not ask any more");
        let request = self.request.as_ref().expect("bound for a request that is gone");
        assert!(request.status.as_ref().is_some_and(|s| s.close.is_none()), "bound after it was closed");
        assert!(
            self.standing.lease_held && matches!(self.standing.guard, Guard::Intact { .. }),
            "bound without lease or guard"
        );
        assert!(self.fuse.is_some(), "bound without a fuse");
        let agreed = &self.grant.as_ref().unwrap().spec.rules;
        let gives = self.rules.as_deref().expect("bound to a role that is gone");
        assert_eq!(role::grew(agreed, gives), None, "bound to a role that grew");
        assert!(!self.asked_in_a_trial(), "bound in a trial");
        made.metadata.uid = self.uid();
        self.bound += 1;
        self.binding = Some(made);
    }

    /// Nobody does anything any more: passes, controllers and time go on until nothing changes.
    fn settles(&mut self) {
        self.standing = Standing { lease_held: true, guard: Guard::Intact { epoch: "e1".into() }, fuses: Fuses::Burn };
        if let (Some(grant), Some(rules)) = (&self.grant, &self.rules)
            && self.binding.is_some()
        {
            let grew = role::grew(&grant.spec.rules, rules).is_some();
            self.pass_of_grant(Crash::No);
            assert!(!grew || self.binding.is_none(), "a role that grew is still bound");
        }
        for _ in 0..30 {
            for _ in 0..20 {
                let moved = [self.pass_of_request(Crash::No), self.pass_of_grant(Crash::No)];
                self.controllers();
                if moved == [false, false] {
                    break;
                }
            }
            self.now += TimeDelta::minutes(3);
        }
        assert!(!self.pass_of_request(Crash::No) && !self.pass_of_grant(Crash::No), "it never settles");
    }
}

fn role(change: u8) -> Option<Vec<PolicyRule>> {
    let gives = |resources: &[&str]| json!([{"apiGroups": [""], "resources": resources, "verbs": ["get"]}]);
    let rules = match change {
        0 => gives(&["pods/log"]),
        1 => gives(&["pods/log", "pods"]),
        2 => json!([]),
        _ => return None,
    };
    serde_json::from_value(rules).unwrap()
}
fn crash() -> impl Strategy<Value = Crash> {
    prop_oneof![4 => Just(Crash::No), 1 => Just(Crash::BeforeStatus), 1 => (0usize..2).prop_map(Crash::AfterEffects)]
}
fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Approve),
        1 => Just(Event::Deny),
        1 => Just(Event::Close),
        1 => Just(Event::DeleteRequest),
        1 => Just(Event::DeleteBinding),
        1 => Just(Event::DeleteFuse),
        1 => Just(Event::TamperBinding),
        2 => (0i64..400).prop_map(Event::Wait),
        6 => Just(Event::Controllers),
        8 => crash().prop_map(Event::PassOfRequest),
        12 => crash().prop_map(Event::PassOfGrant),
        1 => any::<bool>().prop_map(Event::Lease),
        1 => (0u8..3).prop_map(Event::Guard),
        2 => (0u8..4).prop_map(Event::Role),
        1 => any::<bool>().prop_map(Event::Mode),
        1 => (0u8..4).prop_map(Event::Policy),
    ]
}

/// For at once, or for a time when it is likely to be decided.
fn planned() -> impl Strategy<Value = Value> {
    let deadline = json!({"startDeadline": "2026-12-01T09:12:00Z"});
    let start = json!({"startTime": "2026-12-01T09:08:00Z"});
    let both = json!({"startTime": "2026-12-01T09:08:00Z", "startDeadline": "2026-12-01T09:12:00Z"});
    prop_oneof![3 => Just(json!({})), 1 => Just(deadline), 2 => Just(start), 2 => Just(both)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_it_settles_and_access_ends(planned in planned(), events in prop::collection::vec(event(), 0..60)) {
        let mut world = World::new(planned);
        for event in events {
            world.happens(event);
        }
        world.settles();
        prop_assert!(world.binding.is_none() && world.fuse.is_none(), "something is left");
        prop_assert!(world.ends.len() <= 1, "two ends");
        if let Some(grant) = &world.grant {
            let status = grant.status.as_ref().expect("a record says something");
            prop_assert_eq!(status.end_reason.is_some(), grant.spec.outcome == Outcome::Approved);
            prop_assert!(grant.spec.outcome != Outcome::Approved || reasons::is(status, RemovalVerified::Removed));
            if let Some(request) = &world.request {
                let request = request.status.as_ref().unwrap();
                let state = match grant.spec.outcome {
                    Outcome::Approved => status.state.clone(),
                    Outcome::RoleGrew => Some("RoleChanged".into()),
                    other => Some(format!("{other:?}")),
                };
                prop_assert_eq!(&request.state, &state);
            }
        }
    }
}

#[test]
fn left_alone_an_agreed_request_is_bound_once() {
    let mut world = World::new(json!({}));
    for event in [
        Event::PassOfRequest(Crash::No),
        Event::Approve,
        Event::PassOfRequest(Crash::No),
        Event::PassOfGrant(Crash::No),
        Event::Controllers,
    ] {
        world.happens(event);
    }
    for _ in 0..4 {
        world.happens(Event::PassOfGrant(Crash::No));
    }
    assert_eq!((world.bound, world.binding.is_some()), (1, true));
}

#[test]
fn e25_left_alone_planned_work_is_bound_at_its_start_and_not_before() {
    let mut world = World::new(json!({"startTime": "2026-12-01T09:08:00Z"}));
    for event in [Event::PassOfRequest(Crash::No), Event::Approve, Event::PassOfRequest(Crash::No)] {
        world.happens(event);
    }
    let passes = |world: &mut World| {
        for _ in 0..4 {
            world.happens(Event::PassOfGrant(Crash::No));
            world.happens(Event::Controllers);
        }
        (world.bound, world.fuse.is_some())
    };
    assert_eq!(passes(&mut world), (0, false));
    world.happens(Event::Wait(479));
    assert_eq!(passes(&mut world), (0, false), "a second before");
    world.happens(Event::Wait(1));
    assert_eq!(passes(&mut world), (1, true));
    assert_eq!(world.ends[0].to_string(), "2026-12-01T09:18:00Z", "ten minutes from its start");
}
