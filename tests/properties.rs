//! A model of one request's life, with a second access and as a renewal too: whatever people, time, edits of the policy, the
//! garbage collector and crashes do, and in whatever order, the passes settle, access begins only while it is agreed, and it ends.
#![allow(missing_docs, reason = "a test")]
use chrono::{DateTime, TimeDelta, Utc};
use curfew::api::duty::Duty;
use curfew::api::grant::{AccessGrant, AccessGrantStatus};
use curfew::api::names;
use curfew::api::policy::{AccessPolicy, AccessPolicySpec, EmergencyGrant, Mode, Step};
use curfew::api::reasons::{self, EndReason, FlagType, Outcome, RemovalVerified, SecondStage};
use curfew::api::request::AccessRequest;
use curfew::api::time::Instant;
use curfew::decide::edits::{self, Edits};
use curfew::decide::effect::{Answer, Effect, Question};
use curfew::decide::grant::{Basis, Found, RoleNow, basis};
use curfew::decide::screening::Seen;
use curfew::decide::timeline::{self, Chain};
use curfew::decide::transition::Transition;
use curfew::decide::usage::Watch;
use curfew::decide::{
    Audit, Fuses, Guard, Installation, Next, Now, Standing, at_once, children, grant, request, role, second,
};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleBinding};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const UID: &str = "7f3a2c1b-0000-0000-0000-000000000000";

#[derive(Clone, Copy, Debug)]
enum Event {
    /// bob, for the owner.
    Approve,
    /// carol, for security.
    ApproveToo,
    /// kim, who is on call.
    ApproveAtNight,
    /// alice says what she sees and does.
    Note,
    Deny,
    Close,
    /// alice has found something, and starts the second access.
    Start,
    /// The access that is renewed is closed before its time.
    EndEarlier,
    DeleteRequest,
    /// Of the first access or the second.
    DeleteBinding(usize),
    DeleteFuse(usize),
    TamperBinding(usize),
    /// Seconds pass.
    Wait(i64),
    /// kube-controller-manager: fuses complete and burn, what they own goes.
    Controllers,
    PassOfRequest(Crash),
    PassOfGrant(usize, Crash),
    /// The lease is lost or won.
    Lease(bool),
    /// Admission is broken, or another epoch begins.
    Guard(u8),
    /// The role is as it was, gives more, gives nothing, or is gone.
    Role(u8),
    /// The policy becomes a trial, or is enforced.
    Mode(bool),
    /// Its author deletes the policy, or edits it: see [`edit`].
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

/// A record and what it brought.
#[derive(Default)]
struct Life {
    grant: Option<AccessGrant>,
    fuse: Option<Job>,
    binding: Option<RoleBinding>,
    ends: Vec<Instant>,
    bound: usize,
}

struct World {
    now: DateTime<Utc>,
    policy: Option<AccessPolicy>,
    namespace: Namespace,
    rules: Option<Vec<PolicyRule>>,
    installation: Installation,
    standing: Standing,
    request: Option<AccessRequest>,
    /// The policy's text when the request was first stored.
    filed: Option<AccessPolicySpec>,
    /// Of the first access and of the second.
    lives: [Life; 2],
    /// The access that is renewed, if one is.
    renewed: Option<AccessGrant>,
    uids: u32,
}

impl World {
    fn new(planned: Value) -> Self {
        let policy = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy", "metadata": {"name": "p", "uid": "p-uid", "generation": 1},
            "spec": {"description": "One account after a real report.", "owner": {"kind": "Group", "name": "o"}, "namespaces": {"matchLabels": {"zone": "production"}},
                "requesters": [{"kind": "User", "name": "alice"}], "access": [
                    {"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}},
                    {"name": "restart", "level": "LimitedWrite", "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}],
                "duration": {"default": "10m", "max": "1h"}, "evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A case."}, "require": []},
                "approval": {"pendingTimeout": "30m", "steps": [{"name": "owner", "approvers": [{"kind": "Group", "name": "owners"}]}]},
                "emergency": {"access": ["logs"], "grant": "AtOnce", "noteWithin": "5m", "approvers": [{"kind": "Group", "name": "emergencys"}],
                    "review": {"reviewers": [{"kind": "Group", "name": "security"}]}}},
            "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "reason": "Complete", "message": "", "observedGeneration": 1, "lastTransitionTime": "2026-12-01T08:00:00Z"}]}});
        let mut request = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
            "metadata": {"name": "r", "namespace": "ns", "uid": UID, "generation": 1, "creationTimestamp": "2026-12-01T09:00:00Z"},
            "spec": {"policy": "p", "reason": "Check why invoice totals changed for customer account 4812.", "ticket": "SUP-1", "requester": {"username": "alice"}}});
        request["spec"].as_object_mut().unwrap().extend(planned.as_object().unwrap().clone());
        let renews = request["spec"].get("renewal").is_some();
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
                cluster_name: String::new(),
                export: None,
                audit_source: None,
                calls_per_minute: 300,
                notify: None,
            },
            standing: Standing {
                lease_held: true,
                guard: Guard::Intact { epoch: "e1".into() },
                fuses: Fuses::Burn,
                audit: Audit::Absent,
            },
            request: Some(serde_json::from_value(request).unwrap()),
            filed: None,
            lives: Default::default(),
            renewed: renews.then(earlier),
            uids: 0,
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
            Event::Approve => self.decides("bob", "owner", "Approve"),
            Event::ApproveToo => self.decides("carol", "security", "Approve"),
            Event::ApproveAtNight => self.decides("kim", "emergency", "Approve"),
            Event::Note => self.notes(),
            Event::Deny => {
                self.decides("kim", "owner", "Deny");
                self.decides("leo", "emergency", "Deny");
            }
            Event::Start => self.starts(),
            Event::EndEarlier => self.ends_earlier(),
            Event::Close => self.edits(|status| status["close"] = json!({"by": "alice"})),
            Event::DeleteRequest => self.request = None,
            Event::DeleteBinding(of) => self.lives[of].binding = None,
            Event::DeleteFuse(of) => {
                self.lives[of].fuse = None;
                self.collects();
            }
            Event::TamperBinding(of) => {
                if let Some(binding) = &mut self.lives[of].binding {
                    binding.role_ref.name = "edit".into();
                }
            }
            Event::Wait(seconds) => self.now += TimeDelta::seconds(seconds),
            Event::Controllers => self.controllers(),
            Event::PassOfRequest(crash) => drop(self.pass_of_request(crash)),
            Event::PassOfGrant(of, crash) => drop(self.pass_of_grant(of, crash)),
            Event::Lease(held) => self.standing.lease_held = held,
            Event::Policy(0) => self.policy = None,
            Event::Policy(change) => {
                if let Some(policy) = &mut self.policy {
                    edit(&mut policy.spec, change);
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
    fn decides(&mut self, by: &str, step: &str, decision: &str) {
        let status = self.request.as_ref().and_then(|r| r.status.as_ref());
        let waits = status.is_some_and(|s| s.waiting_for.iter().any(|w| w.step == step));
        let entry = json!({"by": by, "as": format!("{step}s"), "step": step, "decision": decision, "revision": "7f3a2c1b-1", "comment": "Narrow and tied to a case."});
        self.edits(|status| {
            let approvals = status["approvals"].as_array_mut().unwrap();
            if waits && !approvals.iter().any(|a| a["by"] == by) {
                approvals.push(entry);
            }
        });
    }
    /// As admission has it: while the first access holds, and once.
    fn starts(&mut self) {
        let status = self.request.as_ref().and_then(|r| r.status.as_ref());
        let holds = |s: &curfew::api::request::AccessRequestStatus| {
            let active = s.conditions.iter().any(|c| c.type_ == "Active" && c.status == "True");
            active && reasons::is(s, SecondStage::Agreed) && s.close.is_none() && s.then.is_none()
        };
        if status.is_some_and(holds) {
            let finding = "The worker hangs on invoice 99017: I restart its deployment.";
            self.edits(|status| status["then"] = json!({"by": "alice", "finding": finding}));
        }
    }
    /// As admission has it: while it is owed, and until it was accepted.
    fn notes(&mut self) {
        let note = json!({"by": "alice", "text": "The payment queue stands; I look for the stuck consumer."});
        if let Some(status) = self.lives[0].grant.as_mut().and_then(|grant| grant.status.as_mut())
            && status.owed.iter().any(|o| o.duty == Duty::Note && o.settled_at.is_none())
        {
            status.duties.get_or_insert_default().note = Some(serde_json::from_value(note).unwrap());
        }
    }
    /// Whether the second record is the rest of what was given at once.
    fn goes_on(&self) -> bool {
        self.lives[1].grant.as_ref().is_some_and(|grant| at_once::goes_on(&grant.spec))
    }
    fn ends_earlier(&mut self) {
        let at = Instant::new(self.now);
        if let Some(status) = self.renewed.as_mut().and_then(|grant| grant.status.as_mut()) {
            status.ended_at.get_or_insert(at);
            status.conditions.clear();
        }
    }
    /// What is owned by nothing goes.
    fn collects(&mut self) {
        let owner =
            |b: &RoleBinding| b.metadata.owner_references.as_ref().and_then(|o| o.first()).map(|o| o.uid.clone());
        for life in &mut self.lives {
            let alive = life.fuse.as_ref().and_then(|f| f.metadata.uid.clone());
            life.binding = life.binding.take().filter(|b| owner(b) == alive);
        }
    }
    fn controllers(&mut self) {
        let at = Instant::new(self.now);
        if self.renewed.as_ref().and_then(|grant| grant.spec.expires_at).is_some_and(|end| end <= at) {
            self.ends_earlier();
        }
        for life in &mut self.lives {
            if let Some(fuse) = &mut life.fuse
                && fuse.status.is_none()
            {
                let done = json!({"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": at}]});
                fuse.status = Some(serde_json::from_value(done).unwrap());
            }
            if life.fuse.as_ref().and_then(children::burns_at).is_some_and(|burns| burns <= self.now) {
                life.fuse = None;
            }
        }
        self.collects();
    }

    fn answers(&self, questions: Vec<Question>) -> Vec<Answer> {
        let answer = |question: Question| {
            let yes = match &question {
                Question::IsAllowed { permission, .. } => {
                    let own = self.lives[usize::from(permission.verb == "delete")].binding.is_some();
                    own || (self.goes_on() && self.lives[1].binding.is_some())
                }
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
        let (restart, earlier) = (restarts(), self.renewed.clone().map(Arc::new).into_iter().collect::<Vec<_>>());
        let law = self.policy.as_ref().map(|policy| edits::law(&filed, policy));
        let seen = Seen {
            now: now.wall,
            request: &filed,
            policy: law.as_ref().map(|law| law.policy.as_ref()),
            edits: law.as_ref().map_or(&Edits::None, |law| &law.edits),
            policies: &[],
            namespace: Some(&self.namespace),
            rules: self.rules.as_deref(),
            then_rules: Some(&restart),
            live: &[],
            earlier: &earlier,
            pending: &[],
            missed: &[],
            audit: Audit::Absent,
            installation: &self.installation,
        };
        let screening = request::screened(&seen, self.lives[0].grant.as_ref(), &self.standing);
        let unasked = request::Observed {
            seen,
            screening: screening.as_ref(),
            grant: self.lives[0].grant.as_ref(),
            second: self.lives[1].grant.as_ref(),
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
            if status.filed_under.is_some() && self.filed.is_none() {
                self.filed = self.policy.as_ref().map(|policy| policy.spec.clone());
            }
            status.approvals = filed.status.map(|s| s.approvals).unwrap_or_default();
            self.request.as_mut().unwrap().status = Some(status);
        }
        moved || plan.next == Next::AtOnce
    }
    fn pass_of_grant(&mut self, of: usize, crash: Crash) -> bool {
        let Some(record) = self.lives[of].grant.clone() else { return false };
        let now = self.clock();
        let restart = restarts();
        let first = || self.rules.clone().map_or(RoleNow::Gone, RoleNow::Gives);
        let is_first = of == 0 || self.goes_on();
        let role = if is_first { first() } else { RoleNow::Gives(restart.clone()) };
        let earlier: Vec<_> = self.renewed.clone().map(Arc::new).into_iter().collect();
        let found = Found {
            grant: &record,
            request: self.request.as_ref(),
            fuse: self.lives[of].fuse.as_ref(),
            binding: self.lives[of].binding.as_ref(),
            namespace: Some(&self.namespace),
            role: &role,
            missed: None,
            watch: Watch::default(),
        };
        let policy = self.policy.clone();
        let (rules, then_rules) = (self.rules.as_deref(), Some(&restart[..]));
        let basis = Basis { policy: policy.as_ref(), rules, then_rules, earlier: &earlier, ..Basis::default() };
        let basis = basis::is_needed(&found, now).then_some(basis);
        let rest = self.lives[1].grant.as_ref().filter(|_| record.spec.provisional);
        let follower = rest.and_then(|rest| rest.metadata.name.clone());
        let first = self.lives[0].grant.clone();
        let before = self.renewed.as_ref().filter(|_| record.spec.renewal.is_some());
        let before = before.or(first.as_ref().filter(|_| at_once::goes_on(&record.spec)));
        let unasked = grant::Observed {
            found,
            chain: &Chain::of(&json!(record)),
            renewed: before,
            follower: follower.as_deref(),
            basis,
            responders: &[],
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
            let told = record.status.as_ref().map_or(&[][..], |s| &s.timeline);
            assert!(status.timeline.starts_with(told), "the timeline is append-only");
            self.lives[of].grant.as_mut().unwrap().status = Some(status);
            assert_eq!(Chain::of(&json!(self.lives[of].grant)).fault(), None, "the operator's own history is whole");
        }
        moved || plan.next == Next::AtOnce
    }
    fn performs(&mut self, effects: &[Effect], crash: Crash) {
        let most = if let Crash::AfterEffects(most) = crash { most } else { usize::MAX };
        for effect in effects.iter().take(most) {
            match effect {
                Effect::CreateGrant(made) => self.records(made),
                Effect::CreateFuse(made) => {
                    let (of, uid) = (self.life_of(made.metadata.name.as_deref()), self.uid());
                    let mut fuse = *made.clone();
                    fuse.metadata.uid = uid;
                    self.lives[of].fuse.get_or_insert(fuse);
                }
                Effect::CreateBinding(made) => {
                    let of = self.life_of(made.metadata.name.as_deref());
                    if self.lives[of].binding.is_none() {
                        self.binds(of, *made.clone());
                    }
                }
                Effect::DeleteBinding(gone) => {
                    let is_it = |b: &RoleBinding| b.metadata.uid.as_ref() == Some(&gone.uid);
                    self.lives.iter_mut().for_each(|life| life.binding = life.binding.take().filter(|b| !is_it(b)));
                }
                Effect::DeleteFuse(gone) => {
                    let is_it = |f: &Job| f.metadata.uid.as_ref() == Some(&gone.uid);
                    self.lives.iter_mut().for_each(|life| life.fuse = life.fuse.take().filter(|f| !is_it(f)));
                    self.collects();
                }
                Effect::DeleteGrant(_) => panic!("before its retention"),
            }
        }
    }
    /// Which access a fuse or a binding belongs to, by its name.
    fn life_of(&self, name: Option<&str>) -> usize {
        let is_its = |life: &Life| life.grant.as_ref().is_some_and(|g| Some(names::child_of(&g.spec).as_str()) == name);
        self.lives.iter().position(is_its).expect("made for a record")
    }
    fn records(&mut self, made: &AccessGrant) {
        let of = usize::from(made.spec.follows.is_some());
        if self.lives[of].grant.is_some() {
            return;
        }
        let uid = self.uid();
        let metadata = kube::core::ObjectMeta { uid, generation: Some(1), ..made.metadata.clone() };
        self.lives[of].grant = Some(AccessGrant { metadata, ..made.clone() });
        self.lives[of].ends.extend(made.spec.expires_at);
        if made.spec.outcome != Outcome::Approved {
            return;
        }
        if made.spec.provisional {
            return self.may_begin_at_once(made);
        }
        assert!(self.agreed(), "granted, and nobody agreed");
        if at_once::goes_on(&made.spec) {
            return self.goes_on_well(made);
        }
        match of {
            0 => self.is_agreed_under_both_texts(made),
            _ => self.follows_well(made),
        }
    }
    /// By the text that it was filed under, and by the present one.
    fn is_agreed_under_both_texts(&self, made: &AccessGrant) {
        let present = &self.policy.as_ref().expect("granted without a policy").spec;
        let lasts = made.spec.expires_at.unwrap().get() - made.spec.not_before.get();
        let status = self.request.as_ref().unwrap().status.as_ref().unwrap();
        for text in self.filed.iter().chain([present]) {
            let has_agreed = |name: &str| status.approvals.iter().any(|a| a.step == name);
            let all = |steps: &[Step]| steps.iter().all(|step| has_agreed(&step.name));
            let is_emergency = self.request.as_ref().unwrap().spec.emergency.is_some();
            let is_agreed = if is_emergency { has_agreed("emergency") } else { all(&text.approval.steps) };
            assert!(is_agreed, "granted without a step");
            assert!(lasts <= text.duration.max.delta(), "granted for longer than a text allows");
            assert_eq!(text.requesters[0].name, "alice", "granted to somebody whom a text does not list");
        }
    }
    /// Nobody has said anything yet: for five minutes, and only where the policy says so.
    fn may_begin_at_once(&self, made: &AccessGrant) {
        let request = self.request.as_ref().expect("given without a request");
        let policy = &self.policy.as_ref().expect("given without a policy").spec;
        assert_eq!(policy.emergency.as_ref().map(|lane| lane.grant), Some(EmergencyGrant::AtOnce));
        assert!(request.spec.emergency.is_some() && request.spec.renewal.is_none(), "given at once, and not asked for");
        assert!(policy.mode == Mode::Enforce && !self.asked_in_a_trial(), "given at once in a trial");
        assert_eq!(policy.requesters[0].name, "alice", "given to somebody who may not ask");
        let lasts = made.spec.expires_at.unwrap().get() - made.spec.not_before.get();
        assert!(lasts <= TimeDelta::minutes(5), "given for longer than a note may take");
    }
    /// With a note and an approval, from where the first one ends, for no longer than was asked for.
    fn goes_on_well(&self, made: &AccessGrant) {
        let first = self.lives[0].grant.as_ref().expect("the rest of nothing");
        assert!(at_once::note(first).is_some(), "it goes on without a note");
        let end = first.spec.expires_at.unwrap();
        assert!(self.now < end.get() && made.spec.not_before == end, "it goes on after the end, or cuts it");
        assert!(first.status.as_ref().unwrap().ended_at.is_none(), "it goes on after the first has ended");
        let all = made.spec.expires_at.unwrap().get() - first.spec.not_before.get();
        assert!(all <= TimeDelta::minutes(10), "longer than was asked for");
        let request = self.request.as_ref().expect("it goes on without its request");
        let said = &request.status.as_ref().unwrap().approvals;
        assert!(said.iter().any(|a| a.step == "emergency" && a.by == "kim"), "nobody on call agreed");
    }
    fn follows_well(&self, made: &AccessGrant) {
        let first = &self.lives[0].grant.as_ref().expect("a second access without a first").spec;
        let request = self.request.as_ref().expect("a second access without a request");
        let started = request.status.as_ref().is_some_and(|s| s.then.as_ref().is_some_and(|then| then.by == "alice"));
        assert!(started, "a second access that nobody started");
        assert!(first.expires_at.is_some_and(|end| self.now < end.get()), "a second access after the first");
        let lasts = made.spec.expires_at.unwrap().get() - made.spec.not_before.get();
        assert!(lasts <= first.then.as_ref().unwrap().duration.delta(), "longer than agreed to");
    }
    fn binds(&mut self, of: usize, mut made: RoleBinding) {
        let spec = &self.lives[of].grant.as_ref().unwrap().spec;
        let (start, end) = (spec.not_before, spec.expires_at.unwrap());
        assert!(self.now < end.get(), "bound after its end");
        let is_live = |grant: &AccessGrant| grant.status.as_ref().is_some_and(|s| s.ended_at.is_none());
        let first = self.lives[0].grant.as_ref().filter(|_| at_once::goes_on(spec));
        let broken = first.and_then(|g| g.status.as_ref()?.end_reason).is_some_and(|r| r != EndReason::Expired);
        assert!(!broken, "it goes on, and the first was cut short");
        let follows =
            spec.renewal.is_some() && self.renewed.as_ref().is_some_and(is_live) || first.is_some_and(is_live);
        let lead = TimeDelta::seconds(if follows { 5 } else { 0 });
        assert!(self.now >= start.get() - lead, "bound before its start");
        assert!(spec.start_deadline.is_none_or(|deadline| self.now <= deadline.get()), "bound after its startDeadline");
        let policy = self.policy.as_ref().expect("bound without a policy");
        assert_eq!(policy.spec.requesters[0].name, "alice", "bound for somebody who may not ask any more");
        let request = self.request.as_ref().expect("bound for a request that is gone");
        assert!(request.status.as_ref().is_some_and(|s| s.close.is_none()), "bound after it was closed");
        assert!(
            self.standing.lease_held && matches!(self.standing.guard, Guard::Intact { .. }),
            "bound without lease or guard"
        );
        assert!(self.lives[of].fuse.is_some(), "bound without a fuse");
        if of == 0 || at_once::goes_on(spec) {
            let gives = self.rules.as_deref().expect("bound to a role that is gone");
            assert_eq!(role::grew(&spec.rules, gives), None, "bound to a role that grew");
        }
        assert!(!self.asked_in_a_trial(), "bound in a trial");
        made.metadata.uid = self.uid();
        self.lives[of].bound += 1;
        self.lives[of].binding = Some(made);
    }

    /// Nobody does anything any more: passes, controllers and time go on until nothing changes.
    fn settles(&mut self) {
        self.standing = Standing {
            lease_held: true,
            guard: Guard::Intact { epoch: "e1".into() },
            fuses: Fuses::Burn,
            audit: Audit::Absent,
        };
        if let (Some(grant), Some(rules)) = (&self.lives[0].grant, &self.rules)
            && self.lives[0].binding.is_some()
        {
            let grew = role::grew(&grant.spec.rules, rules).is_some();
            self.pass_of_grant(0, Crash::No);
            assert!(!grew || self.lives[0].binding.is_none(), "a role that grew is still bound");
        }
        for _ in 0..30 {
            for _ in 0..20 {
                let moved = self.passes();
                self.controllers();
                if !moved {
                    break;
                }
            }
            self.now += TimeDelta::minutes(3);
        }
        assert!(!self.passes(), "it never settles");
    }
    /// Whether one of them still moves something.
    fn passes(&mut self) -> bool {
        let grants = [self.pass_of_grant(0, Crash::No), self.pass_of_grant(1, Crash::No)];
        self.pass_of_request(Crash::No) || grants.contains(&true)
    }
}

/// The access that a renewal renews: until six minutes past.
fn earlier() -> AccessGrant {
    let active = json!({"type": "Active", "status": "True", "reason": "Bound", "message": "", "lastTransitionTime": "2026-12-01T08:56:00Z"});
    let grant = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": "ns.earlier.1", "uid": "earlier", "creationTimestamp": "2026-12-01T08:55:00Z"},
        "spec": {"request": {"namespace": "ns", "name": "earlier", "uid": "1", "generation": 1},
            "policy": {"name": "p", "uid": "p-uid", "generation": 1, "description": "", "retentionDays": 400},
            "outcome": "Approved", "user": "alice", "entitledBy": {"kind": "User", "name": "alice"}, "namespace": "ns",
            "access": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [], "rulesSha256": "",
            "ticket": "SUP-1", "reason": "r", "askedFor": "10m", "notBefore": "2026-12-01T08:56:00Z", "expiresAt": "2026-12-01T09:06:00Z"},
        "status": {"conditions": [active], "startedAt": "2026-12-01T08:56:00Z"}});
    serde_json::from_value(grant).unwrap()
}
/// What the second access gives.
fn restarts() -> Vec<PolicyRule> {
    serde_json::from_value(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}])).unwrap()
}
/// What its author may change: who asks, who decides, and for how long.
fn edit(policy: &mut AccessPolicySpec, change: u8) {
    let security = json!({"name": "security", "approvers": [{"kind": "Group", "name": "securitys"}]});
    match change {
        1 => policy.requesters[0].name = "nobody".into(),
        2 => policy.requesters[0].name = "alice".into(),
        3 => {
            policy.approval.steps.truncate(1);
            policy.approval.steps.push(serde_json::from_value(security).unwrap());
        }
        4 => policy.approval.steps.truncate(1),
        5 => policy.duration.max = "10m".parse().unwrap(),
        6 => policy.duration.max = "2h".parse().unwrap(),
        _ => {}
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
        2 => Just(Event::ApproveToo),
        4 => Just(Event::ApproveAtNight),
        4 => Just(Event::Note),
        3 => Just(Event::Start),
        1 => Just(Event::EndEarlier),
        1 => Just(Event::Deny),
        1 => Just(Event::Close),
        1 => Just(Event::DeleteRequest),
        1 => (0usize..2).prop_map(Event::DeleteBinding),
        1 => (0usize..2).prop_map(Event::DeleteFuse),
        1 => (0usize..2).prop_map(Event::TamperBinding),
        2 => (0i64..400).prop_map(Event::Wait),
        6 => Just(Event::Controllers),
        8 => crash().prop_map(Event::PassOfRequest),
        12 => (0usize..2, crash()).prop_map(|(of, crash)| Event::PassOfGrant(of, crash)),
        1 => any::<bool>().prop_map(Event::Lease),
        1 => (0u8..3).prop_map(Event::Guard),
        2 => (0u8..4).prop_map(Event::Role),
        1 => any::<bool>().prop_map(Event::Mode),
        2 => (0u8..8).prop_map(Event::Policy),
    ]
}

/// For at once, or for a time when it is likely to be decided.
fn planned() -> impl Strategy<Value = Value> {
    let deadline = json!({"startDeadline": "2026-12-01T09:12:00Z"});
    let start = json!({"startTime": "2026-12-01T09:08:00Z"});
    let both = json!({"startTime": "2026-12-01T09:08:00Z", "startDeadline": "2026-12-01T09:12:00Z"});
    prop_oneof![3 => Just(json!({})), 1 => Just(deadline), 2 => Just(start), 2 => Just(both)]
}
/// Of one access or of two, and anew or as a renewal.
fn asks() -> impl Strategy<Value = Value> {
    let in_emergency = prop::bool::weighted(0.4);
    (planned(), any::<bool>(), prop::bool::weighted(0.3), in_emergency).prop_map(
        |(mut asks, with_second, renews, night)| {
            let all = asks.as_object_mut().unwrap();
            if night {
                all.remove("startTime");
                all.extend(emergency().as_object().unwrap().clone());
                if renews {
                    all.extend(renewal().as_object().unwrap().clone());
                }
                return asks;
            }
            if renews {
                all.extend(renewal().as_object().unwrap().clone());
            } else if with_second {
                all.extend(two_stages().as_object().unwrap().clone());
            }
            asks
        },
    )
}
fn renewal() -> Value {
    json!({"renewal": {"of": "earlier", "whatChanged": "Invoice totals of May match the ledger, totals of June differ.",
        "whatRemains": "Compare June invoices with ledger entries of account 4812.",
        "whyNotEnough": "Reading logs of May took half an hour, as the service restarts hourly."}})
}
fn emergency() -> Value {
    json!({"duration": "10m", "emergency": {"harm": "CustomerHarm", "impact": "No customer can pay since 02:40."}})
}
fn two_stages() -> Value {
    json!({"then": {"access": "restart", "duration": "5m"}, "whyNotLower": "The worker hangs, and only a restart frees its queue."})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn j13_no_entry_can_be_changed_taken_away_or_swapped_unseen(
        notes in prop::collection::vec(".{0,40}", 2..12), at in any::<prop::sample::Index>(), change in 0u8..4, forged in ".{0,40}"
    ) {
        let mut record = json!({"metadata": {"uid": "u-1"}, "spec": {"user": "alice", "reason": notes[0].clone()}});
        let said = |note: &String| Transition { condition: "Active".into(), status: "False".into(), reason: "Preparing".into(), before: String::new(), message: note.clone() };
        let now = Now { wall: DateTime::from_timestamp(1_800_000_000, 0).unwrap(), server_ahead: TimeDelta::zero() };
        let (mut status, chain) = (AccessGrantStatus::default(), Chain::of(&record));
        timeline::extend(&mut status, &chain, notes.iter().map(|note| (said(note), note.clone())).collect(), now);
        record["status"] = json!(status);
        prop_assert_eq!(Chain::of(&record).fault(), None);
        let before = record.clone();
        let entries = record["status"]["timeline"].as_array_mut().unwrap();
        let at = at.index(entries.len());
        match change {
            0 => entries[at]["note"] = json!(forged),
            1 => entries[at]["by"] = json!(forged),
            2 => drop(entries.remove(at)),
            _ => entries.swap(0, at),
        }
        // The last entry is what an export or an Event remembers.
        let last_is_gone = change == 2 && at + 1 == notes.len();
        prop_assert!(record == before || last_is_gone || Chain::of(&record).fault().is_some_and(|fault| fault <= at + 1));
    }
    #[test]
    fn whatever_happens_it_settles_and_access_ends(asks in asks(), events in prop::collection::vec(event(), 0..60)) {
        let mut world = World::new(asks);
        for event in events {
            world.happens(event);
        }
        world.settles();
        for life in &world.lives {
            prop_assert!(life.binding.is_none() && life.fuse.is_none(), "something is left");
            prop_assert!(life.ends.len() <= 1, "two ends");
            if let Some(grant) = &life.grant {
                let status = grant.status.as_ref().expect("a record says something");
                prop_assert_eq!(status.end_reason.is_some(), grant.spec.outcome == Outcome::Approved);
                prop_assert!(grant.spec.outcome != Outcome::Approved || reasons::is(status, RemovalVerified::Removed));
            }
        }
        if let Some(first) = world.lives[0].grant.as_ref().filter(|first| first.spec.provisional) {
            let status = first.status.as_ref().unwrap();
            let flagged = status.flags.iter().any(|flag| flag.type_ == FlagType::NotApproved);
            prop_assert!(!flagged || world.lives[1].grant.is_none(), "what goes on was agreed to");
            let said = world.request.iter().filter_map(|r| r.status.as_ref()).flat_map(|s| &s.approvals);
            let nobody = said.filter(|entry| entry.by == "kim").count() == 0;
            prop_assert!(flagged || !nobody || status.started_at.is_none(), "nobody agreed, and nothing says so");
        }
        if let (Some(first), Some(request)) = (&world.lives[0].grant, &world.request) {
            let shown = second::shown(first, world.lives[1].grant.as_ref());
            let state = match shown.spec.outcome {
                Outcome::Approved => shown.status.as_ref().unwrap().state.clone(),
                Outcome::RoleGrew => Some("RoleChanged".into()),
                other => Some(format!("{other:?}")),
            };
            prop_assert_eq!(&request.status.as_ref().unwrap().state, &state);
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
        Event::PassOfGrant(0, Crash::No),
        Event::Controllers,
    ] {
        world.happens(event);
    }
    for _ in 0..4 {
        world.happens(Event::PassOfGrant(0, Crash::No));
    }
    assert_eq!((world.lives[0].bound, world.lives[0].binding.is_some()), (1, true));
}

#[test]
fn e25_left_alone_planned_work_is_bound_at_its_start_and_not_before() {
    let mut world = World::new(json!({"startTime": "2026-12-01T09:08:00Z"}));
    for event in [Event::PassOfRequest(Crash::No), Event::Approve, Event::PassOfRequest(Crash::No)] {
        world.happens(event);
    }
    let passes = |world: &mut World| {
        for _ in 0..4 {
            world.happens(Event::PassOfGrant(0, Crash::No));
            world.happens(Event::Controllers);
        }
        (world.lives[0].bound, world.lives[0].fuse.is_some())
    };
    assert_eq!(passes(&mut world), (0, false));
    world.happens(Event::Wait(479));
    assert_eq!(passes(&mut world), (0, false), "a second before");
    world.happens(Event::Wait(1));
    assert_eq!(passes(&mut world), (1, true));
    assert_eq!(world.lives[0].ends[0].to_string(), "2026-12-01T09:18:00Z", "ten minutes from its start");
}

/// Passes and controllers until nothing moves.
fn rests(world: &mut World) {
    for _ in 0..8 {
        world.passes();
        world.controllers();
    }
}

#[test]
fn b23_left_alone_a_second_access_is_bound_once_it_was_started() {
    let mut world = World::new(two_stages());
    world.happens(Event::PassOfRequest(Crash::No));
    world.happens(Event::Approve);
    rests(&mut world);
    let said = || format!("{:?}", world.request.as_ref().and_then(|r| r.status.as_ref()).map(|s| &s.conditions));
    assert_eq!((world.lives[0].bound, world.lives[1].bound), (1, 0), "{}", said());
    world.happens(Event::Start);
    rests(&mut world);
    assert_eq!((world.lives[0].bound, world.lives[1].bound), (1, 1));
    world.settles();
}

#[test]
fn e21_left_alone_a_renewal_is_bound_when_what_it_renews_ends_and_not_before() {
    let mut world = World::new(renewal());
    world.happens(Event::PassOfRequest(Crash::No));
    world.happens(Event::Approve);
    rests(&mut world);
    world.happens(Event::Wait(354));
    rests(&mut world);
    assert_eq!(world.lives[0].bound, 0, "six seconds before");
    world.happens(Event::Wait(1));
    rests(&mut world);
    assert_eq!(world.lives[0].bound, 1, "without a gap");
    assert_eq!(world.lives[0].ends[0].to_string(), "2026-12-01T09:16:00Z", "ten minutes from where that ends");
    world.settles();
}

#[test]
fn a15_left_alone_a_step_that_was_dropped_while_it_waits_is_still_needed() {
    let mut world = World::new(json!({}));
    world.happens(Event::Policy(3));
    world.happens(Event::PassOfRequest(Crash::No));
    world.happens(Event::Policy(4));
    world.happens(Event::Approve);
    rests(&mut world);
    assert_eq!(world.lives[0].bound, 0);
    world.happens(Event::ApproveToo);
    rests(&mut world);
    assert_eq!(world.lives[0].bound, 1);
}

#[test]
fn h10_left_alone_what_was_given_at_once_ends_and_with_note_and_approval_it_goes_on_without_a_gap() {
    let mut world = World::new(emergency());
    rests(&mut world);
    assert_eq!((world.lives[0].bound, world.lives[1].grant.is_some()), (1, false), "before anybody has agreed");
    world.settles();
    assert_eq!(world.lives[1].bound, 0);

    let mut world = World::new(emergency());
    rests(&mut world);
    world.happens(Event::Note);
    rests(&mut world);
    assert!(world.lives[1].grant.is_none(), "nobody has agreed");
    world.happens(Event::ApproveAtNight);
    rests(&mut world);
    assert_eq!(world.lives[1].bound, 0, "not before the first one ends");
    world.happens(Event::Wait(294));
    rests(&mut world);
    assert_eq!(world.lives[1].bound, 0, "six seconds before");
    world.happens(Event::Wait(1));
    rests(&mut world);
    assert_eq!((world.lives[0].binding.is_some(), world.lives[1].bound), (true, 1), "the first is not cut");
    world.happens(Event::Wait(5));
    rests(&mut world);
    assert_eq!((world.lives[0].binding.is_some(), world.lives[1].binding.is_some()), (false, true), "without a gap");
    assert_eq!(world.lives[1].ends[0].to_string(), "2026-12-01T09:10:00Z", "ten minutes in all");
    world.settles();
}
