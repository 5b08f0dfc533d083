use super::*;
use crate::decide::screening::tests::{installation, policy};
use chrono::DateTime;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use serde_json::{Value, json};

fn at(minutes: i64) -> Instant {
    let nine: DateTime<Utc> = "2026-12-01T09:00:00Z".parse().unwrap();
    Instant::new(nine + TimeDelta::minutes(minutes))
}
/// A request as people filed it, minutes after nine.
fn filed(minutes: i64, spec: &Value) -> AccessRequest {
    let mut whole = json!({"policy": "customer-support", "reason": "Check why invoice totals changed for customer account 4812.",
        "ticket": "SUP-4812", "requester": {"username": "alice", "groups": ["support"]}});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let mut request: AccessRequest = serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": format!("sup-{minutes}"), "namespace": "billing", "uid": format!("{minutes:08}-0000"), "generation": 1}, "spec": whole}))
    .unwrap();
    request.metadata.creation_timestamp = Some(Time::from(at(minutes)));
    request
}
/// What a person writes: minutes after nine, who, as whom, for which step, and what.
type Entry = (i64, &'static str, &'static str, &'static str, &'static str);

/// A small cluster in which the operator decides, so that there is something to replay.
struct World {
    kept: Kept,
    policy: AccessPolicy,
    labels: Value,
}
impl World {
    fn under(changes: Value) -> Self {
        let policy = policy(changes);
        Self { kept: Kept::default(), policy, labels: json!({"curfew.dev/zone": "production"}) }
    }
    /// What the operator makes of a request, looking every minute until so long after nine.
    fn decides(&mut self, mut request: AccessRequest, entries: &[Entry], closed: Option<i64>, until: i64) {
        let from = (time::made(&request.metadata).unwrap().get() - at(0).get()).num_minutes();
        for minute in from..=until {
            let written = entries.iter().filter(|entry| entry.0 == minute);
            for (_, by, as_, step, decision) in written {
                let revision = crate::api::names::revision(&request);
                let entry = json!({"by": by, "as": as_, "step": step, "decision": decision, "revision": revision, "comment": "Narrow and tied to a case."});
                let status = request.status.get_or_insert_default();
                status.approvals.push(serde_json::from_value(entry).unwrap());
            }
            if closed == Some(minute) {
                request.status.get_or_insert_default().close = serde_json::from_value(json!({"by": "alice"})).unwrap();
            }
            if self.passes(&mut request, at(minute)) {
                break;
            }
        }
        self.kept.requests.push(request);
    }
    /// One time's passes; whether it is on record by then.
    fn passes(&mut self, request: &mut AccessRequest, at: Instant) -> bool {
        let namespace: Namespace =
            serde_json::from_value(json!({"metadata": {"name": "billing", "labels": self.labels}})).unwrap();
        let installation = installation();
        let standing = Standing {
            lease_held: true,
            guard: Guard::Intact { epoch: "2026-12-01T08:00:00Z/e1".into() },
            fuses: Fuses::Burn,
            audit: Audit::Absent,
        };
        let rules: Vec<k8s_openapi::api::rbac::v1::PolicyRule> =
            serde_json::from_value(json!([{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}])).unwrap();
        let all: Vec<_> = self.kept.grants.iter().filter(|g| made(g) < at).cloned().collect();
        let live: Vec<_> = all.iter().filter(|g| g.spec.expires_at.is_some_and(|end| end > at)).cloned().collect();
        let is_on_record = |r: &AccessRequest| all.iter().any(|g| Some(&g.spec.request.uid) == r.metadata.uid.as_ref());
        let is_open = |r: &&AccessRequest| !r.status.as_ref().is_some_and(is_decided) && !is_on_record(r);
        let pending: Vec<_> = self.kept.requests.iter().filter(is_open).map(|r| r.metadata.clone()).collect();
        for _ in 0..8 {
            let filed = request.clone();
            let seen = Seen {
                request: &filed,
                policy: Some(&self.policy),
                edits: &crate::decide::edits::Edits::None,
                missed: &[],
                audit: Audit::Absent,
                policies: &[],
                namespace: Some(&namespace),
                rules: Some(&rules),
                then_rules: Some(&rules).filter(|_| filed.spec.then.is_some()).map(Vec::as_slice),
                live: &live,
                earlier: &all,
                pending: &pending,
                installation: &installation,
                now: at.get(),
            };
            let screening = request::screened(&seen, None, &standing);
            let unasked = Observed {
                seen,
                screening: screening.as_ref(),
                grant: None,
                second: None,
                installation: &installation,
                standing: &standing,
                answers: &[],
                refused: None,
            };
            let yes = |q: &Question| !matches!(q, Question::IsAllowed { .. });
            let answers: Vec<_> = request::questions(&unasked)
                .into_iter()
                .map(|question| Answer { yes: yes(&question), words: String::new(), question })
                .collect();
            let plan = request::decide(
                &Observed { answers: &answers, ..unasked },
                Now { wall: at.get(), server_ahead: TimeDelta::zero() },
            );
            if let Some(Effect::CreateGrant(grant)) = plan.effects.first() {
                let mut grant = grant.as_ref().clone();
                grant.metadata.creation_timestamp = Some(Time::from(at));
                self.kept.grants.push(Arc::new(grant));
                return true;
            }
            let unchanged = plan.status.is_none();
            request.status = plan.status.or(request.status.take());
            if unchanged || plan.next != Next::AtOnce {
                break;
            }
        }
        request::is_settled(request)
    }
    fn replayed(&self, text: &AccessPolicy) -> Vec<Replayed> {
        let asked =
            Asked { policy: text, installation: &installation(), since: None, namespaces: &[], now: at(600).get() };
        replay(&self.kept, &asked)
    }
    /// The one request, under these changes of the text.
    fn becomes(&self, changes: Value) -> Replayed {
        let all = self.replayed(&policy(changes));
        assert_eq!(all.len(), 1, "{all:?}");
        all.into_iter().next().unwrap()
    }
    /// The same, when the request itself is gone.
    fn of_record(mut self) -> Self {
        self.kept.requests.clear();
        self
    }
}
const BOB: Entry = (5, "bob", "billing-owners", "service-owner", "Approve");
/// bob agreed, five minutes after it was filed.
fn granted() -> World {
    let mut world = World::under(json!({}));
    world.decides(filed(0, &json!({"duration": "20m"})), &[BOB], None, 30);
    world
}
fn steps(of: Value) -> Value {
    json!({"approval": {"steps": of}})
}
fn group(name: &str) -> Value {
    json!([{"kind": "Group", "name": name}])
}

#[test]
fn a_granted_request_is_told_what_another_text_makes_of_it() {
    let two = json!([{"name": "service-owner", "approvers": group("billing-owners")}, {"name": "security", "approvers": group("security")}]);
    let rule = |then: &str| {
        json!({"approval": {"steps": [{"name": "service-owner", "approvers": group("billing-owners")}],
        "rules": [{"name": "night", "when": "duration > duration('10m')", "then": then, "message": "So it is written."}]}})
    };
    for (sentence, changes, change, why) in [
        ("the same text", json!({}), Change::Same, ""),
        ("other words", json!({"description": "Another sentence that says the same thing."}), Change::Same, ""),
        (
            "another ticket",
            json!({"evidence": {"ticket": {"pattern": "^INC-[0-9]+$", "message": "m"}, "require": []}}),
            Change::Stricter,
            "refused: TicketInvalid",
        ),
        (
            "more evidence",
            json!({"evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "m"}, "require": ["Plan", "Data"]}}),
            Change::Stricter,
            "refused: MissingEvidence",
        ),
        (
            "a lower maximum",
            json!({"duration": {"default": "10m", "max": "15m"}}),
            Change::Stricter,
            "refused: DurationTooLong",
        ),
        ("whoever asked may not", json!({"requesters": group("others")}), Change::Stricter, "refused: NotEligible"),
        (
            "other namespaces",
            json!({"namespaces": {"matchLabels": {"zone": "x"}}}),
            Change::Stricter,
            "refused: NamespaceNotCovered",
        ),
        ("one more step", steps(two), Change::Stricter, "needs the approval of security"),
        (
            "other approvers",
            steps(json!([{"name": "service-owner", "approvers": group("others")}])),
            Change::Stricter,
            "needs the approval of service-owner",
        ),
        (
            "a longer comment",
            json!({"approval": {"commentMinLength": 200, "steps": [{"name": "service-owner", "approvers": group("billing-owners")}]}}),
            Change::Stricter,
            "needs the approval of service-owner",
        ),
        (
            "less time to decide",
            json!({"approval": {"pendingTimeout": "4m", "steps": [{"name": "service-owner", "approvers": group("billing-owners")}]}}),
            Change::Stricter,
            "not decided in time",
        ),
        ("a rule that denies", rule("Deny"), Change::Stricter, "denied by rule night"),
        ("a rule that agrees: nobody is waited for, and it is as long", rule("Approve"), Change::Same, ""),
        ("a trial", json!({"mode": "DryRun"}), Change::Stricter, "agreed, and nothing granted: the mode is DryRun"),
    ] {
        let one = granted().becomes(changes.clone());
        assert_eq!((one.change, one.why.as_str()), (change, why), "{sentence}: {one:?}");
        let gone = granted().of_record().becomes(changes);
        // When it was filed its record does not say: not later than it was agreed to.
        if sentence != "less time to decide" {
            assert_eq!((gone.change, gone.why.as_str()), (change, why), "{sentence}, its request gone: {gone:?}");
        }
    }
}

#[test]
fn what_was_not_granted_is_told_what_would_have_helped() {
    let mut refused = World::under(json!({}));
    refused.decides(filed(0, &json!({"ticket": "OPS-1"})), &[], None, 90);
    let mut late = World::under(json!({}));
    late.decides(filed(0, &json!({})), &[(5, "eve", "leads", "service-owner", "Approve")], None, 90);
    let mut closed = World::under(json!({}));
    closed.decides(filed(0, &json!({})), &[], Some(7), 90);
    let leads = steps(json!([{"name": "service-owner", "approvers": group("leads")}]));
    let wide = json!({"evidence": {"ticket": {"pattern": "^[A-Z]+-[0-9]+$", "message": "m"}, "require": []}});
    for (sentence, world, changes, then, now, change) in [
        ("never complete", &refused, json!({}), Verdict::TimedOut, Some(Verdict::TimedOut), Change::Same),
        (
            "it would have been complete, and nobody was asked",
            &refused,
            wide,
            Verdict::TimedOut,
            Some(Verdict::TimedOut),
            Change::Same,
        ),
        ("nobody who counts decided", &late, json!({}), Verdict::TimedOut, Some(Verdict::TimedOut), Change::Same),
        (
            "somebody decided who would count",
            &late,
            leads.clone(),
            Verdict::TimedOut,
            Some(Verdict::Granted),
            Change::Looser,
        ),
        ("closed", &closed, json!({}), Verdict::Withdrawn, Some(Verdict::Withdrawn), Change::Same),
        (
            "closed, whoever might have decided",
            &closed,
            leads,
            Verdict::Withdrawn,
            Some(Verdict::Withdrawn),
            Change::Same,
        ),
    ] {
        let one = world.becomes(changes);
        assert_eq!(
            (one.then.verdict, one.now.as_ref().map(|n| n.verdict), one.change),
            (then, now, change),
            "{sentence}: {one:?}"
        );
    }
}

#[test]
fn what_was_not_kept_is_said_and_not_guessed() {
    let mut refused = World::under(json!({"requesters": group("others")}));
    refused.decides(filed(0, &json!({})), &[], None, 5);
    let elsewhere = refused.becomes(json!({"namespaces": {"matchLabels": {"zone": "x"}}}));
    assert_eq!(elsewhere.change, Change::Unjudged, "{elsewhere:?}");
    assert!(
        elsewhere.now.is_none() && elsewhere.why.contains("labels of its namespace were not kept"),
        "{elsewhere:?}"
    );
    let here = refused.becomes(json!({}));
    assert_eq!(
        (here.change, here.then.verdict),
        (Change::Looser, Verdict::Refused),
        "the same selector held: {here:?}"
    );
    let by_label = json!({"approval": {"steps": [{"name": "service-owner", "approvers": group("billing-owners")}],
        "rules": [{"name": "freeze", "when": "'freeze' in namespaceObject.metadata.labels", "then": "Deny", "message": "m"}]}});
    assert_eq!(refused.becomes(by_label).change, Change::Unjudged, "a rule asks for other labels");
    let still = refused.becomes(json!({"requesters": group("others"), "namespaces": {"matchLabels": {"zone": "x"}}}));
    assert_eq!(
        (still.change, still.now.unwrap().codes),
        (Change::Same, vec!["NotEligible".to_owned()]),
        "refused whatever the labels are"
    );
}

#[test]
fn limits_are_judged_as_of_then() {
    let mut world = World::under(json!({"limits": {"activePerRequester": 2, "pendingPerRequester": 2}}));
    world.decides(filed(0, &json!({"duration": "20m"})), &[BOB], None, 30);
    world.decides(
        filed(7, &json!({"duration": "20m", "ticket": "SUP-2"})),
        &[(9, "bob", "billing-owners", "service-owner", "Approve")],
        None,
        30,
    );
    world.decides(
        filed(90, &json!({"duration": "20m", "ticket": "SUP-3"})),
        &[(92, "bob", "billing-owners", "service-owner", "Approve")],
        None,
        120,
    );
    // The operator wrote when the access had ended.
    for grant in &mut world.kept.grants {
        let mut ended = grant.as_ref().clone();
        let status = json!({"endedAt": ended.spec.expires_at, "endReason": "Expired", "endedBy": "curfew"});
        ended.status = Some(serde_json::from_value(status).unwrap());
        *grant = Arc::new(ended);
    }
    let one = world.replayed(&policy(json!({"limits": {"activePerRequester": 1}})));
    let changes: Vec<_> = one.iter().map(|one| (one.name.as_str(), one.change, one.why.as_str())).collect();
    assert_eq!(
        changes,
        [
            ("sup-0", Change::Same, ""),
            ("sup-7", Change::Stricter, "refused: LimitReached"),
            ("sup-90", Change::Same, "")
        ]
    );
    assert_eq!(
        sum_up(&one),
        Summary {
            requests: 3,
            same: 2,
            stricter: 1,
            stopped_by: [("LimitReached".to_owned(), 1)].into(),
            ..Summary::default()
        }
    );
}

#[test]
fn only_the_requests_that_are_asked_for_are_judged() {
    let mut world = granted();
    world.decides(filed(60, &json!({"ticket": "SUP-9"})), &[], None, 61);
    let text = policy(json!({}));
    let count = |since: Option<i64>, namespaces: &[&str], name: &str| {
        let mut text = text.clone();
        text.metadata.name = Some(name.into());
        let namespaces: Vec<_> = namespaces.iter().map(|n| (*n).to_owned()).collect();
        let since = since.map(|minutes| at(minutes).get());
        let asked =
            Asked { policy: &text, installation: &installation(), since, namespaces: &namespaces, now: at(70).get() };
        replay(&world.kept, &asked).len()
    };
    assert_eq!(count(None, &[], "customer-support"), 2);
    assert_eq!(count(Some(30), &[], "customer-support"), 1);
    assert_eq!(count(None, &["shop"], "customer-support"), 0);
    assert_eq!(count(None, &["shop", "billing"], "customer-support"), 2);
    assert_eq!(count(None, &[], "another"), 0);
}

/// Parts of a policy that a property chooses from.
fn texts() -> impl Strategy<Value = Value> {
    let whens = prop::sample::select(vec![
        None,
        Some("access.level != 'ReadOnly'"),
        Some("duration > duration('20m')"),
        Some("request.nothing == 1"),
        Some("inWorkHours"),
    ]);
    let rules = prop::sample::subsequence(
        vec![
            json!({"name": "short", "when": "duration <= duration('10m')", "then": "Approve", "message": "Short."}),
            json!({"name": "freeze", "when": "'freeze' in namespaceObject.metadata.labels", "then": "Deny", "message": "Freeze."}),
            json!({"name": "no-eve", "when": "requester.username == 'eve'", "then": "Deny", "message": "Not for eve."}),
        ],
        0..=3,
    );
    let timeouts = prop::sample::select(vec!["10m", "30m", "1h"]);
    let afters = prop::sample::select(vec![None, Some("5m"), Some("15m")]);
    let requires = prop::sample::subsequence(vec!["Plan", "WhyNotSafer"], 0..=1);
    (
        whens,
        rules,
        timeouts,
        afters,
        requires,
        prop::bool::ANY,
        1..=2i32,
        prop::sample::select(vec!["Enforce", "DryRun"]),
    )
        .prop_map(|(when, rules, timeout, after, require, same_day, count, mode)| {
            let mut owner = json!({"name": "service-owner", "count": count, "approvers": group("billing-owners")});
            if let Some(after) = after {
                owner["backups"] = json!({"after": after, "approvers": group("leads")});
            }
            let mut all = vec![owner];
            if let Some(when) = when {
                all.push(json!({"name": "security", "when": when, "approvers": group("security")}));
            }
            json!({"approval": {"steps": all, "rules": rules, "pendingTimeout": timeout}, "mode": mode,
                "duration": {"default": "30m", "max": "2h", "sameDay": same_day},
                "evidence": {"ticket": {"pattern": "^(SUP|INC)-[0-9]+$", "message": "m"}, "require": require}})
        })
}
fn specs() -> impl Strategy<Value = Value> {
    let specs = vec![
        json!({}),
        json!({"duration": "10m"}),
        json!({"duration": "3h"}),
        json!({"ticket": "OPS-1"}),
        json!({"reason": "debugging in production please"}),
        json!({"plan": ["kubectl logs deploy/invoicer"]}),
        json!({"startTime": "2026-12-01T10:00:00Z"}),
        json!({"startDeadline": "2026-12-01T09:20:00Z"}),
        json!({"access": "restart", "whyNotLower": "The worker hangs, and only a restart frees its queue."}),
    ];
    prop::sample::select(specs)
}
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let who = prop::sample::select(vec![
        ("bob", "billing-owners", "service-owner"),
        ("carol", "billing-owners", "service-owner"),
        ("kim", "security", "security"),
        ("lea", "leads", "service-owner"),
        ("alice", "billing-owners", "service-owner"),
        ("dan", "strangers", "security"),
    ]);
    let what = prop::sample::select(vec!["Approve", "Approve", "Approve", "Deny", "RequestDetail"]);
    let one = (2..40i64, who, what).prop_map(|(minute, (by, as_, step), decision)| (minute, by, as_, step, decision));
    prop::collection::vec(one, 0..5).prop_map(|mut all| {
        let mut seen = std::collections::BTreeSet::new();
        all.sort_by_key(|entry| entry.0);
        all.retain(|entry| seen.insert(entry.1));
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn with_the_text_that_it_was_decided_under_nothing_changes(
        text in texts(), spec in specs(), entries in entries(), freeze in prop::bool::ANY,
        closed in prop::option::of(1..50i64), until in 1..90i64, gone in prop::bool::ANY,
    ) {
        let mut world = World::under(text.clone());
        if freeze {
            world.labels["freeze"] = json!("yes");
        }
        world.decides(filed(0, &spec), &entries, closed, until);
        let is_on_record = !world.kept.grants.is_empty();
        if gone && is_on_record {
            world = world.of_record();
        }
        let asked = Asked { policy: &world.policy.clone(), installation: &installation(), since: None, namespaces: &[], now: at(until).get() };
        let all = replay(&world.kept, &asked);
        prop_assert_eq!(all.len(), 1);
        let one = &all[0];
        prop_assert!(matches!(one.change, Change::Same | Change::Unjudged), "{:?}\n{:?}", one, world.kept);
        let judged = one.change == Change::Same;
        prop_assert!(judged || (!is_on_record || gone), "what is on record and still there can be judged: {:?}", one);
        if let (Some(now), false) = (&one.now, gone) {
            prop_assert_eq!(now.verdict, one.then.verdict, "{:?}", one);
        }
    }
}
