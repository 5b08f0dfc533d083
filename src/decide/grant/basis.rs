//! Whether what was agreed to still holds when it is to begin: planned work may begin long after it was decided.
//!
//! Only a beginning looks at it. Access that has begun keeps its terms, whatever becomes of the policy.
use super::{Found, Observed, end_of};
use crate::api::grant::{AccessGrant, AccessGrantSpec};
use crate::api::policy::{AccessPolicy, Mode};
use crate::api::reasons::Outcome;
use crate::api::time;
use crate::decide::approval::{self, Verdict};
use crate::decide::at_once;
use crate::decide::attestation;
use crate::decide::edits;
use crate::decide::effect::Answer;
use crate::decide::matrix::{Judgement, Ruled};
use crate::decide::screening::{self, Code, Filing, Screening, Seen};
use crate::decide::{Now, selector, term, text};
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::ResourceExt;
use std::sync::Arc;
use strum::VariantArray;

/// What a beginning is judged by, read live.
#[derive(Clone, Copy, Debug, Default)]
pub struct Basis<'a> {
    /// The policy of the name on record.
    pub policy: Option<&'a AccessPolicy>,
    /// What the role allows that the request asks for under it; read where the policy [was edited](was_edited).
    pub rules: Option<&'a [PolicyRule]>,
    /// The same for the access that it asks for second.
    pub then_rules: Option<&'a [PolicyRule]>,
    /// What a renewal is judged by; read where the policy was edited.
    pub earlier: &'a [Arc<AccessGrant>],
    /// This person's grants that have not ended, under any policy; read where the policy was edited.
    pub live: &'a [Arc<AccessGrant>],
}

/// What came of it.
pub(super) enum Holds {
    /// It may begin.
    Yes,
    /// Not at the moment.
    NotNow(String),
    /// Not any more: it ends without having begun.
    NoMore(String),
}

/// Whether a pass needs it: the access is to begin, and has neither begun nor ended. No end waits for it to be read.
pub fn is_needed(found: &Found<'_>, now: Now) -> bool {
    let spec = &found.grant.spec;
    let lead = if at_once::predecessor(spec).is_some() { super::LEAD } else { TimeDelta::zero() };
    let may_begin = spec.outcome == Outcome::Approved && spec.not_before.get() - lead <= now.wall;
    may_begin && found.own_binding().is_none() && end_of(found, now).is_none()
}

/// Whether the policy has another text than the one on record.
pub fn was_edited(policy: &AccessPolicy, grant: &AccessGrant) -> bool {
    policy.metadata.generation != Some(grant.spec.policy.generation)
}

/// Judges it. A policy that was not edited is only looked at for the namespace, whose labels change by themselves; under
/// another text the request must be complete, agreed to, and ask for the same once more.
pub(super) fn judge(observed: &Observed<'_>, now: Now) -> Holds {
    let (found, spec) = (&observed.found, &observed.found.grant.spec);
    let name = &spec.policy.name;
    let (Some(basis), Some(request), Some(namespace)) = (observed.basis, found.request, found.namespace) else {
        return Holds::NotNow("the policy is being read".into());
    };
    if request.metadata.generation != Some(spec.request.generation) {
        return Holds::NoMore("the request was changed after it was agreed to".into());
    }
    let Some(policy) = basis.policy else {
        return Holds::NoMore(format!("its policy `{name}` was deleted after it was agreed to"));
    };
    if policy.uid().as_ref() != Some(&spec.policy.uid) {
        return Holds::NoMore(format!(
            "its policy `{name}` was replaced by another of that name after it was agreed to"
        ));
    }
    // As before the decision: what was filed under a stricter text begins under none that is looser.
    let law = edits::law(request, policy);
    if law.policy.spec.mode == Mode::DryRun {
        return Holds::NoMore(format!("its policy `{name}` is only tried out by now (mode DryRun): nothing begins"));
    }
    if was_edited(policy, found.grant) {
        let live: Vec<_> = basis.live.iter().filter(|g| g.uid() != found.grant.uid()).cloned().collect();
        // What was granted since counts for later requests, not for this one.
        let made = time::made(&found.grant.metadata);
        let earlier: Vec<_> = basis.earlier.iter().filter(|g| time::made(&g.metadata) < made).cloned().collect();
        let installation = observed.installation;
        let seen = Seen {
            now: now.wall,
            request,
            policy: Some(&law.policy),
            edits: &law.edits,
            policies: &[],
            namespace: Some(namespace),
            rules: basis.rules,
            then_rules: basis.then_rules,
            live: &live,
            earlier: &earlier,
            pending: &[],
            // What was missed ends it, and needs no judging.
            missed: &[],
            audit: observed.standing.audit,
            installation,
        };
        return under_its_new_text(observed, screening::screen(&seen), now);
    }
    if !covers(&law.policy, namespace) {
        let words = format!("its policy `{name}` does not cover namespace {} any more", spec.namespace);
        return Holds::NoMore(words);
    }
    Holds::Yes
}

fn covers(policy: &AccessPolicy, namespace: &Namespace) -> bool {
    selector::selects(&policy.spec.namespaces, namespace.labels())
}

fn under_its_new_text(observed: &Observed<'_>, screening: Screening<'_>, now: Now) -> Holds {
    let failed: Vec<_> = screening.checks.iter().filter_map(|c| Some((c.code.as_deref()?, &c.message))).collect();
    let passes = |code: &str| Code::VARIANTS.iter().any(|c| <&str>::from(*c) == code && c.passes_by_itself());
    let words = || text::few(failed.iter().map(|(code, message)| format!("{code}: {message}")), 4);
    if failed.iter().any(|(code, _)| !passes(code)) {
        return Holds::NoMore(since_edited(&words()));
    }
    let Some(judgement) = screening.judgement.as_ref().filter(|_| failed.is_empty()) else {
        let words = if failed.is_empty() { "something that it names is not there".to_owned() } else { words() };
        return Holds::NotNow(format!("its policy was changed after it was agreed to, and now: {words}"));
    };
    match differs(observed.found.grant, &judgement.filing).or_else(|| is_not_agreed(observed, judgement, now)) {
        Some(words) => Holds::NoMore(since_edited(&words)),
        None => Holds::Yes,
    }
}
fn since_edited(words: &str) -> String {
    format!("its policy was changed after it was agreed to, and does not allow it any more: {words}")
}

/// What the request would get now, if it is something else than what was agreed to.
fn differs(grant: &AccessGrant, filing: &Filing<'_>) -> Option<String> {
    let spec = &grant.spec;
    let is_second = spec.follows.as_ref().is_some_and(|of| !of.goes_on);
    let access = if is_second { filing.then?.access } else { filing.access };
    if access.name != spec.access || access.role_ref != spec.role_ref || access.level != spec.level {
        let now = format!("`{}` ({:?}) by {}", access.name, access.level, access.role_ref);
        return Some(format!("`{}` ({:?}) by {} became {now}", spec.access, spec.level, spec.role_ref));
    }
    let lasts = spec.expires_at?.get() - spec.not_before.get();
    let (longest, most) = term::longest(&filing.policy.spec, access, filing.installation, spec.not_before.get());
    (lasts > longest).then(|| format!("it was to last {}, and it may last {most}", term::in_words(lasts)))
}

/// Which steps the decisions on record do not meet.
fn is_not_agreed(observed: &Observed<'_>, judgement: &Judgement<'_>, now: Now) -> Option<String> {
    let (guard, filing) = (&observed.standing.guard, &judgement.filing);
    match (&judgement.ruled, &observed.found.grant.spec.rule) {
        (Ruled::Denied(rule), _) => return Some(format!("rule `{}` says no: {}", rule.name, rule.message)),
        (Ruled::Held(why), _) => return Some(format!("a rule cannot be judged: {why}")),
        (Ruled::Approved(_), Some(_)) => return None,
        (Ruled::Approved(_) | Ruled::Open, _) => {}
    }
    // What a filer attested was unspent when it was decided on: this very grant is what it was spent on.
    let unspent = attestation::question(filing.request);
    let unspent: Vec<_> =
        unspent.map(|question| Answer { question, yes: true, words: String::new() }).into_iter().collect();
    let attested = attestation::judge(filing, guard, &unspent, now).counted;
    match approval::count(judgement, guard, &attested, now).verdict {
        Verdict::StepsMet(_) => None,
        // Given at once, or to somebody who went on alone: nobody has to have agreed before it begins.
        Verdict::Waiting(_) if needs_nobody(&observed.found.grant.spec) => None,
        Verdict::Waiting(steps) => {
            let steps = text::few(steps.iter().map(|w| format!("`{}` (of {})", w.step, text::few(&w.approvers, 4))), 4);
            Some(format!("it needs the approval of {steps}"))
        }
        Verdict::Denied(by) | Verdict::DetailWanted(by) => Some(format!("{} did not agree", by.by)),
    }
}

fn needs_nobody(spec: &AccessGrantSpec) -> bool {
    spec.provisional || spec.self_approved.is_some()
}

#[cfg(test)]
mod tests {
    use super::super::{Plan, RoleNow, decide};
    use super::*;
    use crate::api::grant::AccessGrantStatus;
    use crate::api::reasons::EndReason;
    use crate::api::request::AccessRequest;
    use crate::decide::Audit;
    use crate::decide::effect::Effect;
    use crate::decide::screening::tests::{installation, policy};
    use crate::decide::usage::Watch;
    use crate::decide::{Fuses, Guard, Installation, Next, Standing};
    use chrono::{DateTime, TimeDelta};
    use serde_json::{Value, json};

    fn at(time: &str) -> Now {
        let wall = DateTime::parse_from_rfc3339(&format!("2026-12-01T{time}Z")).unwrap().to_utc();
        Now { wall, server_ahead: TimeDelta::zero() }
    }
    /// Work that was agreed to in the morning, for 14:00 to 14:30.
    struct World {
        grant: AccessGrant,
        request: Option<AccessRequest>,
        policy: Option<AccessPolicy>,
        namespace: Namespace,
        rules: Vec<PolicyRule>,
        live: Vec<Arc<AccessGrant>>,
        installation: Installation,
        now: Now,
    }
    impl World {
        fn new() -> Self {
            let grant = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
                "metadata": {"name": "billing.sup-4812.7f3a2c1b", "uid": "grant-uid", "generation": 1},
                "spec": {
                    "request": {"namespace": "billing", "name": "sup-4812", "uid": "7f3a2c1b-0000", "generation": 1},
                    "policy": {"name": "customer-support", "uid": "11111111-0000", "generation": 3, "description": "", "retentionDays": 400},
                    "outcome": "Approved", "user": "alice", "groups": ["support"], "entitledBy": {"kind": "Group", "name": "support"},
                    "namespace": "billing", "access": "logs", "level": "ReadOnly",
                    "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [], "rulesSha256": "", "adds": [],
                    "ticket": "SUP-4812", "reason": "r", "askedFor": "30m", "approvedBy": "bob", "admissionEpoch": "e1",
                    "notBefore": "2026-12-01T14:00:00Z", "expiresAt": "2026-12-01T14:30:00Z"}});
            let approval = json!({"by": "bob", "as": "billing-owners", "step": "service-owner", "decision": "Approve",
                "revision": "7f3a2c1b-1", "comment": "Narrow and tied to a case."});
            let request = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
                "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1,
                             "creationTimestamp": "2026-12-01T08:00:00Z"},
                "spec": {"policy": "customer-support", "reason": "Check why invoice totals changed for customer account 4812.",
                    "ticket": "SUP-4812", "startTime": "2026-12-01T14:00:00Z",
                    "requester": {"username": "alice", "groups": ["support"]}},
                "status": {"approvals": [approval], "admissionEpoch": "e1"}});
            let rules = json!([{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]);
            let namespace = json!({"metadata": {"name": "billing", "labels": {"curfew.dev/zone": "production"}}});
            Self {
                grant: serde_json::from_value(grant).unwrap(),
                request: serde_json::from_value(request).unwrap(),
                policy: Some(policy(json!({}))),
                namespace: serde_json::from_value(namespace).unwrap(),
                rules: serde_json::from_value(rules).unwrap(),
                live: vec![],
                installation: installation(),
                now: at("14:00:00"),
            }
        }
        /// The policy as its author made it since.
        fn edited(changes: Value) -> Self {
            let mut policy = policy(changes);
            policy.metadata.generation = Some(4);
            policy.status.as_mut().unwrap().conditions[0].observed_generation = Some(4);
            Self { policy: Some(policy), ..Self::new() }
        }
        fn found(&self) -> Found<'_> {
            let (grant, request) = (&self.grant, self.request.as_ref());
            Found {
                grant,
                request,
                fuse: None,
                binding: None,
                namespace: Some(&self.namespace),
                role: &RoleNow::Unread,
                missed: None,
                watch: Watch::default(),
            }
        }
        fn pass(&self) -> Plan<AccessGrantStatus> {
            let rules = Some(&self.rules[..]);
            let basis = Basis { policy: self.policy.as_ref(), rules, live: &self.live, ..Basis::default() };
            self.pass_with(is_needed(&self.found(), self.now).then_some(basis))
        }
        fn pass_with(&self, basis: Option<Basis<'_>>) -> Plan<AccessGrantStatus> {
            self.pass_of(basis, Guard::Intact { epoch: "e1".into() })
        }
        fn pass_by(&self, guard: Guard) -> Plan<AccessGrantStatus> {
            self.pass_of(None, guard)
        }
        fn pass_of(&self, basis: Option<Basis<'_>>, guard: Guard) -> Plan<AccessGrantStatus> {
            let standing = Standing { lease_held: true, guard, fuses: Fuses::Burn, audit: Audit::Absent };
            let (found, installation) = (self.found(), &self.installation);
            let (standing, renewed, chain) =
                (&standing, None, &crate::decide::timeline::Chain::of(&serde_json::json!(found.grant)));
            decide(
                &Observed {
                    found,
                    renewed,
                    follower: None,
                    responders: &[],
                    installation,
                    standing,
                    basis,
                    answers: &[],
                    refused: None,
                    chain,
                },
                self.now,
            )
        }
    }
    fn said(plan: &Plan<AccessGrantStatus>) -> (String, String) {
        let status = plan.status.as_ref().expect("a status");
        let active = status.conditions.iter().find(|c| c.type_ == "Active").unwrap();
        (active.reason.clone(), active.message.clone())
    }
    fn begins(plan: &Plan<AccessGrantStatus>) -> bool {
        matches!(&plan.effects[..], [Effect::CreateFuse(_)])
    }

    #[test]
    fn e25_planned_work_waits_without_fuse_or_binding_and_begins_at_its_start() {
        let before = World { now: at("13:59:58"), ..World::new() }.pass();
        assert_eq!(said(&before).0, "Scheduled");
        assert!(
            said(&before)
                .1
                .contains("begins by itself at 2026-12-01T14:00:00Z, and ends by itself at 2026-12-01T14:30")
        );
        assert!(before.effects.is_empty());
        assert_eq!(before.next, Next::After(TimeDelta::seconds(2)));
        let plan = World::new().pass();
        assert!(begins(&plan), "{plan:?}");
        let Effect::CreateFuse(fuse) = &plan.effects[0] else { unreachable!() };
        let ttl = fuse.spec.as_ref().unwrap().ttl_seconds_after_finished;
        assert_eq!(ttl, Some(30 * 60 + 3), "its fuse counts from the start");
        let late = World { now: at("14:10:00"), ..World::new() }.pass();
        let Effect::CreateFuse(fuse) = &late.effects[0] else { panic!("{late:?}") };
        let ttl = fuse.spec.as_ref().unwrap().ttl_seconds_after_finished;
        assert_eq!(ttl, Some(20 * 60 + 3), "late, and its end is the same");
    }
    #[test]
    fn e25_nothing_begins_after_the_start_deadline() {
        let mut world = World::new();
        world.grant.spec.start_deadline =
            Some("2026-12-01T14:05:00Z".parse::<DateTime<chrono::Utc>>().map(crate::api::time::Instant::new).unwrap());
        world.now = at("14:05:00");
        assert!(begins(&world.pass()));
        world.now = at("14:05:01");
        assert_eq!(end_of(&world.found(), world.now), Some(EndReason::NeverStarted));
        let (reason, words) = said(&world.pass());
        assert_eq!(reason, "NeverStarted");
        assert!(words.contains("before its startDeadline, 2026-12-01T14:05:00Z"), "{words}");
        let begun: AccessGrantStatus = serde_json::from_value(json!({"startedAt": "2026-12-01T14:01:00Z"})).unwrap();
        world.grant.status = Some(begun);
        assert_ne!(end_of(&world.found(), world.now), Some(EndReason::NeverStarted), "what has begun goes on");
    }
    #[test]
    fn what_is_closed_before_its_start_says_so_and_never_gets_a_fuse() {
        for (by, reason) in [("alice", "Closed"), ("bob", "Revoked")] {
            let mut world = World { now: at("10:00:00"), ..World::new() };
            let status = world.request.as_mut().unwrap().status.as_mut().unwrap();
            status.close = serde_json::from_value(json!({"by": by, "reason": "The plan was dropped."})).unwrap();
            let plan = world.pass();
            assert!(plan.effects.is_empty(), "{plan:?}");
            let (found, words) = said(&plan);
            assert!(found == reason && words.contains("before it began: The plan was dropped."), "{words}");
        }
        let gone = World { now: at("10:00:00"), request: None, ..World::new() }.pass();
        assert_eq!((said(&gone).0.as_str(), gone.effects.is_empty()), ("RequestDeleted", true));
    }
    #[test]
    fn no_end_waits_for_the_policy_to_be_read() {
        let needed = |world: &World| is_needed(&world.found(), world.now);
        assert!(needed(&World::new()));
        assert!(!needed(&World { now: at("13:59:59"), ..World::new() }), "not before its start");
        assert!(!needed(&World { now: at("14:30:00"), ..World::new() }), "its time is up");
        assert!(!needed(&World { request: None, ..World::new() }), "its request was deleted");
    }
    #[test]
    fn planned_work_that_was_decided_under_other_rules_says_so_at_once() {
        let mut world = World { now: at("10:00:00"), ..World::new() };
        world.grant.spec.admission_epoch = "e0".into();
        let plan = world.pass();
        assert_eq!((said(&plan).0.as_str(), plan.effects.is_empty()), ("Unguarded", true));
        assert!(said(&plan).1.contains("file a new request") && matches!(plan.next, Next::After(_)), "{plan:?}");
        world.grant.status = plan.status;
        let starting = world.pass_by(Guard::Unknown);
        assert!(starting.status.is_none() && starting.effects.is_empty(), "no news from an operator that starts");
    }
    #[test]
    fn what_still_holds_under_another_text_begins() {
        let steps = json!({"steps": [{"name": "service-owner", "approvers": [
            {"kind": "Group", "name": "billing-owners"}, {"kind": "User", "name": "dana"}]}]});
        for (sentence, world) in [
            ("nothing was edited", World::new()),
            ("the words were", World::edited(json!({"description": "Another sentence that says the same thing."}))),
            ("one more may approve", World::edited(json!({"approval": steps}))),
            ("it may be exactly as long", World::edited(json!({"duration": {"default": "10m", "max": "30m"}}))),
            ("its own record is no other access", {
                let world = World::edited(json!({"limits": {"activePerRequester": 1}}));
                // By its UID alone, whatever else a check may look at.
                let mut own = world.grant.clone();
                own.spec.ticket = "SUP-1".into();
                World { live: vec![Arc::new(own)], ..world }
            }),
        ] {
            let plan = world.pass();
            assert!(begins(&plan), "{sentence}: {plan:?}");
        }
    }
    #[test]
    fn what_does_not_hold_any_more_ends_without_having_begun() {
        let steps = |steps: Value| World::edited(json!({"approval": {"steps": steps}}));
        let group = |name: &str| json!([{"kind": "Group", "name": name}]);
        let access = |role: &str, level: &str| {
            World::edited(json!({"access": [
            {"name": "logs", "level": level, "roleRef": {"kind": "ClusterRole", "name": role}}]}))
        };
        let uncovered = |mut world: World| {
            world.namespace.metadata.labels = None;
            world
        };
        let replaced = |mut world: World| {
            world.policy.as_mut().unwrap().metadata.uid = Some("another".into());
            world
        };
        let amended = |mut world: World| {
            world.request.as_mut().unwrap().metadata.generation = Some(2);
            world
        };
        for (sentence, world, says) in [
            ("it is only tried out by now", World::edited(json!({"mode": "DryRun"})), "only tried out by now"),
            ("the policy is gone", World { policy: None, ..World::new() }, "policy `customer-support` was deleted"),
            ("another has its name", replaced(World::new()), "was replaced by another of that name"),
            ("the text of the request changed", amended(World::new()), "the request was changed"),
            ("the namespace lost its label", uncovered(World::new()), "does not cover namespace billing any more"),
            ("the same under another text", uncovered(World::edited(json!({}))), "NamespaceNotCovered"),
            ("who asked may not any more", World::edited(json!({"requesters": group("others")})), "NotEligible"),
            (
                "the access is not offered",
                World::edited(json!({"access": [{"name": "restart", "level": "LimitedWrite",
                "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}]})),
                "became `restart`",
            ),
            (
                "it has another role",
                access("curfew-read", "ReadOnly"),
                "became `logs` (ReadOnly) by ClusterRole curfew-read",
            ),
            ("it has another level", access("curfew-logs", "Write"), "became `logs` (Write)"),
            (
                "it may not last as long",
                World::edited(json!({"duration": {"default": "10m", "max": "29m"}})),
                "at most 29m",
            ),
            (
                "who approved is not listed",
                steps(json!([{"name": "service-owner", "approvers": group("others")}])),
                "needs the approval of `service-owner` (of Group others)",
            ),
            (
                "one more step",
                steps(json!([{"name": "service-owner", "approvers": group("billing-owners")},
                {"name": "security", "approvers": group("security")}])),
                "needs the approval of `security`",
            ),
            (
                "the ticket has another form",
                World::edited(json!({"evidence": {"ticket": {"pattern": "^INC-[0-9]+$", "message": "m"}}})),
                "TicketInvalid",
            ),
        ] {
            let plan = world.pass();
            assert!(plan.effects.is_empty(), "{sentence}: {plan:?}");
            let (reason, words) = said(&plan);
            assert_eq!(reason, "NeverStarted", "{sentence}: {words}");
            assert!(words.contains(says) && words.ends_with("file a new request"), "{sentence}: {words}");
            let status = plan.status.unwrap();
            assert!(
                status.started_at.is_none() && status.ended_at.is_some() && status.ended_by.is_some(),
                "{sentence}"
            );
        }
    }
    #[test]
    fn a15_planned_work_that_was_filed_under_a_stricter_text_begins_under_none_that_is_looser() {
        let any = json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "Exists"}]});
        let filed = |mut world: World| {
            let status = world.request.as_mut().unwrap().status.as_mut().unwrap();
            status.revision = Some("7f3a2c1b-1".into());
            status.filed_under = edits::filed_under(&policy(json!({})));
            world
        };
        let moved = |mut world: World| {
            world.namespace.metadata.labels = Some([("kubernetes.io/metadata.name".into(), "billing".into())].into());
            world
        };
        let agreed_later = |mut world: World| {
            world.grant.spec.policy.generation = 4;
            world
        };
        let looser = || World::edited(json!({"namespaces": any}));
        assert!(begins(&moved(looser()).pass()), "the looser text alone would cover it");
        assert!(begins(&filed(World::edited(json!({}))).pass()), "both cover it");
        for world in [filed(moved(looser())), agreed_later(filed(moved(looser())))] {
            let (reason, words) = said(&world.pass());
            assert_eq!(reason, "NeverStarted", "{words}");
        }
        let other = filed(World::edited(json!({"access": [
            {"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-read"}}]})));
        let (reason, words) = said(&other.pass());
        assert!(reason == "NeverStarted" && words.contains("PolicyEdited: "), "{words}");
    }
    #[test]
    fn what_may_pass_is_waited_for() {
        let mut examined = World::edited(json!({}));
        examined.policy.as_mut().unwrap().metadata.generation = Some(5);
        let mut other = World::new().grant;
        (other.metadata.uid, other.spec.ticket) = (Some("other".into()), "SUP-1".into());
        let limited = World { live: vec![Arc::new(other)], ..World::edited(json!({})) };
        for (sentence, world, says) in [
            ("the new text is not examined yet", examined, "PolicyNotReady"),
            ("another ticket is live", limited, "LimitReached"),
        ] {
            let plan = world.pass();
            assert!(plan.effects.is_empty() && matches!(plan.next, Next::After(_)), "{sentence}: {plan:?}");
            let (reason, words) = said(&plan);
            assert!(reason == "PolicyChanged" && words.contains(says), "{sentence}: {words}");
        }
        let unread = World::new().pass_with(None);
        assert!(unread.effects.is_empty() && said(&unread).0 == "PolicyChanged", "nothing begins unread");
    }
}
