use super::ending::AT_ONCE;
use super::*;
use crate::api::time::Instant;
use crate::decide::Audit;
use crate::decide::screening::tests::{installation, policy};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

fn at(time: &str) -> Now {
    let wall = DateTime::parse_from_rfc3339(&format!("2026-12-01T{time}Z")).unwrap().to_utc();
    Now { wall, server_ahead: TimeDelta::zero() }
}
fn grant(status: Value) -> AccessGrant {
    serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": "billing.sup-4812.7f3a2c1b", "uid": "grant-uid", "generation": 1},
        "spec": {
            "request": {"namespace": "billing", "name": "sup-4812", "uid": "7f3a2c1b-0000", "generation": 1},
            "policy": {"name": "customer-support", "uid": "11111111-0000", "generation": 3, "description": "", "retentionDays": 400},
            "outcome": "Approved", "user": "alice", "groups": ["support"], "entitledBy": {"kind": "Group", "name": "support"},
            "namespace": "billing", "access": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"},
            "rules": [], "rulesSha256": "", "adds": ["get pods/log"], "ticket": "SUP-4812", "reason": "r", "askedFor": "30m",
            "approvedBy": "bob", "admissionEpoch": "e1", "notBefore": "2026-12-01T09:00:00Z", "expiresAt": "2026-12-01T09:30:00Z"},
        "status": status}))
    .unwrap()
}
fn request(status: Value) -> AccessRequest {
    serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1},
        "spec": {"policy": "p", "reason": "r", "ticket": "t", "requester": {"username": "alice"}}, "status": status}))
    .unwrap()
}
fn namespace() -> Namespace {
    serde_json::from_value(json!({"metadata": {"name": "billing", "labels": {"curfew.dev/zone": "production"}}}))
        .unwrap()
}
/// A fuse of this grant, complete or not.
fn fuse(complete: bool) -> Job {
    let mut job = children::fuse(&grant(json!({})), TimeDelta::minutes(30), &installation()).unwrap();
    job.metadata.uid = Some("fuse-uid".into());
    let done =
        json!({"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-12-01T09:00:01Z"}]});
    job.status = complete.then(|| serde_json::from_value(done).unwrap());
    job
}
fn binding() -> RoleBinding {
    let mut binding = children::binding(&grant(json!({})), &fuse(true)).unwrap();
    binding.metadata.uid = Some("binding-uid".into());
    binding
}
fn dying<K: kube::Resource>(mut object: K) -> K {
    object.meta_mut().deletion_timestamp = Some(Instant::new(at("09:04:00").wall).into());
    object
}
/// A role that gives `get` on these.
fn gives(resources: &[&str]) -> RoleNow {
    let rules = json!([{"apiGroups": [""], "resources": resources, "verbs": ["get"]}]);
    RoleNow::Gives(if resources.is_empty() { vec![] } else { serde_json::from_value(rules).unwrap() })
}
fn begun() -> Value {
    json!({"startedAt": "2026-12-01T09:00:02Z", "fuse": {"name": "f", "uid": "fuse-uid"}})
}
fn well() -> Standing {
    Standing { lease_held: true, guard: Guard::Intact { epoch: "e1".into() }, fuses: Fuses::Burn, audit: Audit::Absent }
}

#[test]
fn e24_each_way_to_the_end_has_its_own_reason() {
    let (open, ns) = (request(json!({})), namespace());
    let closed = |by: &str| request(json!({"close": {"by": by, "reason": "done"}}));
    let (by_alice, by_bob) = (closed("alice"), closed("bob"));
    let (fuse_now, bound) = (fuse(true), binding());
    let mut changed = binding();
    changed.role_ref.name = "cluster-admin".into();
    let mut another = fuse(true);
    another.metadata.uid = Some("another".into());
    let mut foreign = binding();
    foreign.metadata.labels = None;
    let (dying_ns, dying_fuse, dying_request) = (dying(namespace()), dying(fuse(true)), dying(request(json!({}))));
    type Row<'a> = (
        &'a str,
        &'a str,
        Value,
        Option<&'a AccessRequest>,
        Option<&'a Namespace>,
        Option<&'a Job>,
        Option<&'a RoleBinding>,
        Option<EndReason>,
    );
    let rows: &[Row<'_>] = &[
        ("it runs", "09:05:00", begun(), Some(&open), Some(&ns), Some(&fuse_now), Some(&bound), None),
        ("a second before its end", "09:29:59", begun(), Some(&open), Some(&ns), Some(&fuse_now), Some(&bound), None),
        (
            "E24 its time is up",
            "09:30:00",
            begun(),
            Some(&open),
            Some(&ns),
            Some(&fuse_now),
            Some(&bound),
            Some(EndReason::Expired),
        ),
        (
            "its time is up, and everything else is gone",
            "09:30:00",
            begun(),
            None,
            None,
            None,
            None,
            Some(EndReason::Expired),
        ),
        (
            "it never got a fuse in time",
            "09:30:00",
            json!({}),
            Some(&open),
            Some(&ns),
            None,
            None,
            Some(EndReason::NeverStarted),
        ),
        (
            "a lost status write does not make it never started",
            "09:30:00",
            json!({}),
            Some(&open),
            Some(&ns),
            Some(&fuse_now),
            Some(&bound),
            Some(EndReason::Expired),
        ),
        (
            "G1 the requester closes",
            "09:05:00",
            begun(),
            Some(&by_alice),
            Some(&ns),
            Some(&fuse_now),
            Some(&bound),
            Some(EndReason::Closed),
        ),
        (
            "G1 somebody else closes",
            "09:05:00",
            begun(),
            Some(&by_bob),
            Some(&ns),
            Some(&fuse_now),
            Some(&bound),
            Some(EndReason::Revoked),
        ),
        (
            "closed before it began",
            "09:00:01",
            json!({}),
            Some(&by_alice),
            Some(&ns),
            None,
            None,
            Some(EndReason::Closed),
        ),
        (
            "the request is deleted",
            "09:05:00",
            begun(),
            None,
            Some(&ns),
            Some(&fuse_now),
            Some(&bound),
            Some(EndReason::RequestDeleted),
        ),
        (
            "the request is being deleted",
            "09:05:00",
            begun(),
            Some(&dying_request),
            Some(&ns),
            Some(&fuse_now),
            Some(&bound),
            Some(EndReason::RequestDeleted),
        ),
        (
            "the binding is deleted by hand",
            "09:05:00",
            begun(),
            Some(&open),
            Some(&ns),
            Some(&fuse_now),
            None,
            Some(EndReason::BindingDeleted),
        ),
        (
            "the kill switch: the fuse is deleted by hand",
            "09:05:00",
            begun(),
            Some(&open),
            Some(&ns),
            None,
            Some(&bound),
            Some(EndReason::FuseBurned),
        ),
        (
            "the fuse is dying",
            "09:05:00",
            begun(),
            Some(&open),
            Some(&ns),
            Some(&dying_fuse),
            Some(&bound),
            Some(EndReason::FuseBurned),
        ),
        (
            "another fuse has its place",
            "09:05:00",
            begun(),
            Some(&open),
            Some(&ns),
            Some(&another),
            Some(&bound),
            Some(EndReason::FuseBurned),
        ),
        (
            "the namespace is being deleted",
            "09:05:00",
            begun(),
            Some(&open),
            Some(&dying_ns),
            Some(&fuse_now),
            Some(&bound),
            Some(EndReason::NamespaceDeleted),
        ),
        ("the namespace is gone", "09:05:00", begun(), None, None, None, None, Some(EndReason::NamespaceDeleted)),
        (
            "F1 the binding was changed",
            "09:05:00",
            begun(),
            Some(&open),
            Some(&ns),
            Some(&fuse_now),
            Some(&changed),
            Some(EndReason::Tampered),
        ),
        (
            "a foreign binding of its name is not its binding",
            "09:05:00",
            json!({}),
            Some(&open),
            Some(&ns),
            None,
            Some(&foreign),
            None,
        ),
        (
            "an end is final",
            "09:05:00",
            json!({"endReason": "Closed", "endedAt": "2026-12-01T09:04:00Z", "endedBy": "alice"}),
            Some(&open),
            Some(&ns),
            None,
            None,
            Some(EndReason::Closed),
        ),
    ];
    for (sentence, time, status, request, namespace, fuse, binding, expected) in rows {
        let grant = grant(status.clone());
        let role = &gives(&[]);
        let found = Found {
            grant: &grant,
            request: *request,
            fuse: *fuse,
            binding: *binding,
            namespace: *namespace,
            role,
            missed: None,
            watch: Watch::default(),
        };
        assert_eq!(end_of(&found, at(time)), *expected, "{sentence}");
    }
    let told: Vec<_> = rows
        .iter()
        .filter_map(|row| row.7)
        .chain([EndReason::RoleChanged, EndReason::DutyMissed, EndReason::Unused])
        .collect();
    for reason in <EndReason as strum::VariantArray>::VARIANTS {
        assert!(told.contains(reason), "{reason:?} has no example");
    }
}
#[test]
fn e15_access_that_nobody_uses_ends_before_its_time_and_says_so() {
    let (open, ns, fuse_now, bound) = (request(json!({})), namespace(), fuse(true), binding());
    let (installation, standing) = (installation(), well());
    let watch = Watch { since: Some(at("08:00:00").wall), ..Watch::default() };
    let pass = |grant: &AccessGrant, there: bool, watch: Watch<'_>, time: &str| {
        let (fuse, binding) = (there.then_some(&fuse_now), there.then_some(&bound));
        let found = Found {
            grant,
            request: Some(&open),
            fuse,
            binding,
            namespace: Some(&ns),
            role: &gives(&[]),
            missed: None,
            watch,
        };
        let (installation, standing, chain) = (&installation, &standing, &Chain::of(&json!(grant)));
        let observed = Observed {
            found,
            chain,
            renewed: None,
            follower: None,
            responders: &[],
            installation,
            standing,
            basis: None,
            answers: &[],
            refused: None,
        };
        decide(&observed, at(time))
    };
    let mut live = grant(begun());
    live.spec.unused_after = Some(crate::api::time::Span::from_secs(600));
    let early = pass(&live, true, watch, "09:10:01");
    assert!(early.effects.is_empty());
    assert_eq!(early.next, Next::After(SOON), "it is looked at again when it may be unused");
    let ends = pass(&live, true, watch, "09:10:02");
    assert!(matches!(&ends.effects[..], [Effect::DeleteBinding(_), Effect::DeleteFuse(_)]), "{:?}", ends.effects);
    let used = Watch { last: Some(at("09:09:00").wall), ..watch };
    assert!(pass(&live, true, used, "09:10:02").effects.is_empty(), "used a moment ago, and not on record yet");
    assert!(pass(&live, true, Watch::default(), "09:20:00").effects.is_empty(), "nobody watches");
    let record = pass(&live, false, watch, "09:10:03").status.unwrap();
    assert_eq!((record.end_reason, record.ended_by), (Some(EndReason::Unused), Some(installation.operator.clone())));
    let said = record.conditions.iter().find(|c| c.type_ == "Active").map(|c| c.message.as_str());
    assert_eq!(said, Some("nobody used it for 10m, so it ended early: file a new request when it is needed"));
}
/// A grant of `get pods`, with this status.
fn of_pods(status: Value) -> AccessGrant {
    let mut grant = grant(status);
    grant.spec.rules = match gives(&["pods"]) {
        RoleNow::Gives(rules) => rules,
        RoleNow::Unread | RoleNow::Gone => vec![],
    };
    grant
}
#[test]
fn f1_a_role_that_grew_ends_it_and_one_that_shrank_or_cannot_be_read_does_not() {
    let (open, ns, fuse_now, bound) = (request(json!({})), namespace(), fuse(true), binding());
    let closed = request(json!({"close": {"by": "alice"}}));
    let flagged = json!({"flags": [{"type": "RoleGrew", "since": "2026-12-01T09:04:00Z", "message": "m"}]});
    let role = gives(&["pods", "secrets"]);
    type Row<'a> = (&'a str, &'a str, RoleNow, Value, &'a AccessRequest, Option<&'a RoleBinding>, Option<EndReason>);
    let rows: &[Row<'_>] = &[
        ("as agreed", "09:05:00", gives(&["pods"]), begun(), &open, Some(&bound), None),
        ("it grew", "09:05:00", role.clone(), begun(), &open, Some(&bound), Some(EndReason::RoleChanged)),
        ("before it began", "09:00:01", role.clone(), json!({}), &open, None, Some(EndReason::RoleChanged)),
        ("it shrank", "09:05:00", gives(&[]), begun(), &open, Some(&bound), None),
        ("it is gone", "09:05:00", RoleNow::Gone, begun(), &open, Some(&bound), None),
        ("it cannot be read", "09:05:00", RoleNow::Unread, begun(), &open, Some(&bound), None),
        ("unread, and over", "09:30:00", RoleNow::Unread, begun(), &open, Some(&bound), Some(EndReason::Expired)),
        ("gone, and closed", "09:05:00", RoleNow::Gone, begun(), &closed, Some(&bound), Some(EndReason::Closed)),
        ("grown, and over", "09:30:00", role.clone(), begun(), &open, Some(&bound), Some(EndReason::Expired)),
        ("its binding went with it", "09:05:00", role.clone(), begun(), &open, None, Some(EndReason::RoleChanged)),
        (
            "found before, and shrunk since",
            "09:05:00",
            gives(&["pods"]),
            flagged,
            &open,
            None,
            Some(EndReason::RoleChanged),
        ),
    ];
    for (sentence, time, role, status, request, binding, expected) in rows {
        let grant = of_pods(status.clone());
        let found = Found {
            grant: &grant,
            request: Some(request),
            fuse: Some(&fuse_now),
            binding: *binding,
            namespace: Some(&ns),
            role,
            missed: None,
            watch: Watch::default(),
        };
        assert_eq!(end_of(&found, at(time)), *expected, "{sentence}");
    }
}
#[test]
fn g2_the_end_by_a_role_that_grew_is_flagged_with_the_delete_and_says_what_it_gains() {
    let (role, now) = (gives(&["pods", "secrets"]), at("09:05:00"));
    let mut grant = of_pods(begun());
    let first = pass_with(&role, &grant, Some(&fuse(true)), Some(&binding()), &Standing::unknown(), &[], now);
    assert!(matches!(&first.effects[..], [Effect::DeleteBinding(_), Effect::DeleteFuse(_)]), "{:?}", first.effects);
    grant.status = first.status;
    assert_eq!(grant.status.as_ref().unwrap().flags[0].type_, FlagType::RoleGrew);
    assert_eq!(grant.status.as_ref().unwrap().flagged.as_deref(), Some("RoleGrew"));
    assert_eq!(grant.status.as_ref().unwrap().timeline.last().unwrap().what, "Flagged=True/RoleGrew");
    // It shrinks at once: the reason stays.
    let second = pass_with(&gives(&["pods"]), &grant, None, None, &Standing::unknown(), &[], now).status.unwrap();
    assert_eq!(second.end_reason, Some(EndReason::RoleChanged));
    grant.status.as_mut().unwrap().flags.clear();
    let other = pass_with(&role, &grant, None, None, &Standing::unknown(), &[], now).status.unwrap();
    assert_eq!((other.end_reason, other.ended_by), (Some(EndReason::RoleChanged), Some(installation().operator)));
    let said = &other.conditions.iter().find(|c| c.type_ == "Active").unwrap().message;
    assert!(said.contains("(gains `get secrets`): file a new request"), "{said}");
}
#[test]
fn j13_a_record_that_was_changed_is_flagged_by_its_next_pass_alive_or_over() {
    let refused = || {
        let mut grant = grant(json!({}));
        (grant.spec.outcome, grant.spec.expires_at) = (Outcome::Denied, None);
        grant
    };
    let (fuse, bound) = (fuse(true), binding());
    for (says, mut grant, fuse, binding) in
        [("refused", refused(), None, None), ("alive", recorded(), Some(&fuse), Some(&bound))]
    {
        let passes = |grant: &AccessGrant| pass(grant, fuse, binding, &well(), &live(true), at("09:05:00")).status;
        grant.status = passes(&grant);
        assert_eq!(grant.status.as_ref().unwrap().flagged, None, "{says}");
        assert_eq!(passes(&grant), None, "{says}: nothing is said twice");
        grant.status.as_mut().unwrap().timeline[0].by = "mallory".into();
        grant.status = passes(&grant);
        let status = grant.status.as_ref().unwrap();
        assert_eq!(status.flagged.as_deref(), Some("ChainBroken"), "{says}");
        assert_eq!(status.timeline[0].by, "mallory", "{says}: nothing is repaired");
        assert_eq!(status.timeline.last().unwrap().what, "Flagged=True/ChainBroken", "{says}");
        assert_eq!(passes(&grant), None, "{says}: once");
    }
}
#[test]
fn h12_a_missed_duty_ends_live_access_whatever_becomes_of_the_duty_meanwhile() {
    let (open, ns, fuse_now, bound) = (request(json!({})), namespace(), fuse(true), binding());
    let (now, installation, standing) = (at("09:05:00"), installation(), Standing::unknown());
    let of = |since: &str| Missed {
        user: "alice".into(),
        grant: "billing.sup-7.12345678".into(),
        policy: "customer-support".into(),
        ticket: "SUP-7".into(),
        duty: crate::api::duty::Duty::CloseOut,
        due: Instant::new(at(since).wall),
        since: Instant::new(at(since).wall),
        reviewers: vec![],
        command: None,
    };
    let pass = |grant: &AccessGrant, there: bool, missed: Option<&Missed>| {
        let (fuse, binding) = (there.then_some(&fuse_now), there.then_some(&bound));
        let role = &gives(&[]);
        let found = Found {
            grant,
            request: Some(&open),
            fuse,
            binding,
            namespace: Some(&ns),
            role,
            missed,
            watch: Watch::default(),
        };
        let (installation, standing, chain) = (&installation, &standing, &Chain::of(&json!(grant)));
        let observed = Observed {
            found,
            chain,
            renewed: None,
            follower: None,
            responders: &[],
            installation,
            standing,
            basis: None,
            answers: &[],
            refused: None,
        };
        decide(&observed, now)
    };
    let mut live = grant(begun());
    let earlier = of("08:00:00");
    assert!(pass(&live, true, Some(&earlier)).effects.is_empty(), "it was granted since, in spite of it");
    let missed = of("09:04:00");
    let first = pass(&live, true, Some(&missed));
    assert!(matches!(&first.effects[..], [Effect::DeleteBinding(_), Effect::DeleteFuse(_)]), "{:?}", first.effects);
    live.status = first.status;
    let second = pass(&live, false, None).status.unwrap();
    assert_eq!(
        (second.end_reason, second.ended_by),
        (Some(EndReason::DutyMissed), Some(installation.operator.clone()))
    );
    let crashed = pass(&grant(begun()), false, Some(&missed)).status.unwrap();
    assert_eq!(crashed.end_reason, Some(EndReason::DutyMissed), "the delete was done, and not yet told");
    let said = &crashed.conditions.iter().find(|c| c.type_ == "Active").unwrap().message;
    assert!(
        said.contains("the close-out of billing.sup-7.12345678") && said.contains("kubectl get accessgrant"),
        "{said}"
    );
    assert!(crashed.flags.iter().any(|flag| flag.type_ == FlagType::EndedForDuty), "{:?}", crashed.flags);
    let planned = pass(&grant(json!({})), false, Some(&missed)).status.unwrap();
    assert_eq!(planned.end_reason, Some(EndReason::DutyMissed), "nor does it begin");
}
#[test]
fn h12_a_duty_is_looked_at_to_the_second_and_long_before_it_seldom() {
    let (minutes, hours) = (TimeDelta::minutes, TimeDelta::hours);
    for (sentence, next, due, expected) in [
        ("it is due first", Next::After(hours(1)), minutes(1), Next::After(minutes(1))),
        ("something else is first", Next::After(minutes(1)), hours(1), Next::After(minutes(1))),
        ("nothing else is left to do, and it is near", Next::OnChange, minutes(9), Next::After(minutes(9))),
        (
            "nothing else is left to do, and it is far",
            Next::OnChange,
            hours(24),
            Next::Eventually(hours(24) - minutes(5)),
        ),
        (
            "a year is left, and it is far",
            Next::Eventually(hours(8760)),
            hours(24),
            Next::Eventually(hours(24) - minutes(5)),
        ),
        ("a year is left, and it is near", Next::Eventually(hours(8760)), minutes(1), Next::After(minutes(1))),
        ("at once is sooner", Next::AtOnce, TimeDelta::zero(), Next::AtOnce),
    ] {
        assert_eq!(sooner(next, due), expected, "{sentence}");
    }
}
#[test]
fn f1_nothing_is_bound_to_a_role_that_is_gone_or_unread() {
    for role in [RoleNow::Gone, RoleNow::Unread] {
        let plan = pass_with(&role, &recorded(), Some(&fuse(true)), None, &well(), &live(true), at("09:00:05"));
        assert!(plan.effects.is_empty() && state(&plan).as_deref() == Some("Preparing"), "{role:?}");
    }
}
#[test]
fn i8_what_was_agreed_to_in_a_dry_run_is_on_record_and_never_begins() {
    let mut tried = grant(json!({}));
    (tried.spec.outcome, tried.spec.expires_at) = (Outcome::DryRun, None);
    for fuse in [None, Some(&fuse(true))] {
        let plan = pass(&tried, fuse, None, &well(), &live(true), at("09:00:05"));
        assert!(plan.effects.is_empty() && state(&plan).as_deref() == Some("DryRun"));
    }
    tried.status = pass(&tried, None, None, &well(), &[], at("09:00:05")).status;
    assert!(is_over(&tried));
}
#[test]
fn a_server_whose_clock_is_ahead_ends_it_first() {
    let (grant, open, ns, fuse, bound) = (grant(begun()), request(json!({})), namespace(), fuse(true), binding());
    let role = &RoleNow::Unread;
    let found = Found {
        grant: &grant,
        request: Some(&open),
        fuse: Some(&fuse),
        binding: Some(&bound),
        namespace: Some(&ns),
        role,
        missed: None,
        watch: Watch::default(),
    };
    assert_eq!(
        end_of(&found, Now { server_ahead: TimeDelta::seconds(30), ..at("09:29:40") }),
        Some(EndReason::Expired)
    );
    assert_eq!(
        end_of(&found, Now { server_ahead: TimeDelta::seconds(-30), ..at("09:30:00") }),
        Some(EndReason::Expired),
        "one behind does not prolong it"
    );
}

/// What one pass over these objects comes to.
fn pass(
    grant: &AccessGrant,
    fuse: Option<&Job>,
    binding: Option<&RoleBinding>,
    standing: &Standing,
    answers: &[Answer],
    now: Now,
) -> Plan<AccessGrantStatus> {
    pass_with(&gives(&[]), grant, fuse, binding, standing, answers, now)
}
/// The same while the role gives this.
fn pass_with(
    role: &RoleNow,
    grant: &AccessGrant,
    fuse: Option<&Job>,
    binding: Option<&RoleBinding>,
    standing: &Standing,
    answers: &[Answer],
    now: Now,
) -> Plan<AccessGrantStatus> {
    let (open, ns, installation) = (request(json!({})), namespace(), installation());
    let found = Found {
        grant,
        request: Some(&open),
        fuse,
        binding,
        namespace: Some(&ns),
        role,
        missed: None,
        watch: Watch::default(),
    };
    let policy = policy(json!({}));
    let basis = basis::is_needed(&found, now).then_some(Basis { policy: Some(&policy), ..Basis::default() });
    let (renewed, chain) = (None, &Chain::of(&json!(grant)));
    let installation = &installation;
    decide(
        &Observed {
            found,
            chain,
            renewed,
            follower: None,
            responders: &[],
            installation,
            standing,
            basis,
            answers,
            refused: None,
        },
        now,
    )
}
fn live(yes: bool) -> Vec<Answer> {
    let question = Question::IsAdmissionLive { namespace: "billing".into(), request: "sup-4812".into() };
    vec![Answer { question, yes, words: "said".into() }]
}
fn recorded() -> AccessGrant {
    grant(json!({"fuse": {"name": "f", "uid": "fuse-uid"}}))
}
fn state(plan: &Plan<AccessGrantStatus>) -> Option<String> {
    plan.status.as_ref().and_then(|s| s.state.clone())
}

#[test]
fn fuse_record_guard_binding_in_that_order() {
    let now = at("09:00:05");
    let first = pass(&grant(json!({})), None, None, &well(), &[], now);
    assert!(matches!(&first.effects[..], [Effect::CreateFuse(_)]));
    let waits = pass(&grant(json!({})), Some(&fuse(false)), None, &well(), &[], now);
    assert!(waits.effects.is_empty(), "not complete: kube-controller-manager may be dead");
    let records = pass(&grant(json!({})), Some(&fuse(true)), None, &well(), &[], now);
    assert!(records.effects.is_empty() && records.status.unwrap().fuse.is_some());
    assert!(
        pass(&recorded(), Some(&fuse(true)), None, &well(), &[], now).effects.is_empty(),
        "the guard was not asked"
    );
    let binds = pass(&recorded(), Some(&fuse(true)), None, &well(), &live(true), now);
    assert!(matches!(&binds.effects[..], [Effect::CreateBinding(_)]));
    let holds = pass(&recorded(), Some(&fuse(true)), Some(&binding()), &well(), &[], now);
    assert_eq!(state(&holds).as_deref(), Some("Bound"));
}
#[test]
fn e19_a_renewal_follows_without_a_gap_and_never_begins_early_for_who_has_nothing() {
    let renews = json!({"of": "sup-4811", "grant": "billing.sup-4811.1", "depth": 1, "whatChanged": "", "whatRemains": "", "whyNotEnough": ""});
    let mut renewal = recorded();
    renewal.spec.renewal = serde_json::from_value(renews).unwrap();
    let bound = json!({"conditions": [{"type": "Active", "status": "True", "reason": "Bound", "message": "", "lastTransitionTime": "2026-12-01T08:30:00Z"}]});
    let (live, over, mut other_role) = (grant(bound.clone()), grant(begun()), grant(bound));
    other_role.spec.role_ref.name = "curfew-restart".into();
    let (open, ns, installation, standing) = (request(json!({})), namespace(), installation(), well());
    let fuse = fuse(true);
    let policy = policy(json!({}));
    let basis = Some(Basis { policy: Some(&policy), ..Basis::default() });
    for (sentence, renewed, time, begins) in [
        ("long before", Some(&live), "08:50:00", false),
        ("just before the other ends", Some(&live), "08:59:55", true),
        ("just before the lead", Some(&live), "08:59:54", false),
        ("the other was closed early", Some(&over), "08:59:59", false),
        ("the other was of another role", Some(&other_role), "08:59:59", false),
        ("the other is not there", None, "08:59:59", false),
        ("its time has come", None, "09:00:00", true),
    ] {
        let found = Found {
            grant: &renewal,
            request: Some(&open),
            fuse: Some(&fuse),
            binding: None,
            namespace: Some(&ns),
            role: &gives(&[]),
            missed: None,
            watch: Watch::default(),
        };
        let answers = super::tests::live(true);
        let observed = Observed {
            found,
            chain: &Chain::of(&json!(found.grant)),
            renewed,
            follower: None,
            responders: &[],
            installation: &installation,
            standing: &standing,
            basis,
            answers: &answers,
            refused: None,
        };
        let plan = decide(&observed, at(time));
        assert_eq!(matches!(&plan.effects[..], [Effect::CreateBinding(_)]), begins, "{sentence}");
        if !begins {
            assert_eq!(state(&plan).as_deref(), Some("Scheduled"), "{sentence}");
            assert!(plan.effects.is_empty(), "{sentence}: neither fuse nor binding");
            assert!(matches!(plan.next, Next::After(wait) if wait <= TimeDelta::minutes(10)), "{sentence}");
        }
    }
    let room = |renewed: Option<&AccessGrant>| {
        let begins = AccessGrant { status: None, ..renewal.clone() };
        let found = Found {
            grant: &begins,
            request: Some(&open),
            fuse: None,
            binding: None,
            namespace: Some(&ns),
            role: &gives(&[]),
            missed: None,
            watch: Watch::default(),
        };
        let observed = Observed {
            found,
            chain: &Chain::of(&json!(found.grant)),
            renewed,
            follower: None,
            responders: &[],
            installation: &installation,
            standing: &standing,
            basis,
            answers: &[],
            refused: None,
        };
        match questions(&observed, at("08:59:57")).pop() {
            Some(Question::HasRoom { limit, .. }) => limit,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(room(Some(&live)), installation.grants_per_namespace + 1, "what it renews makes room for it");
}
#[test]
fn nothing_begins_without_lease_guard_clock_or_time() {
    let now = at("09:00:05");
    let other = |standing: Standing| standing;
    let broken = other(Standing { guard: Guard::Broken("curfew-requests is missing".into()), ..well() });
    let rows = [
        ("without the lease", Standing { lease_held: false, ..well() }, now, None),
        ("guard not looked yet", Standing { guard: Guard::Unknown, ..well() }, now, Some("Preparing")),
        ("guard broken", broken, now, Some("Unguarded")),
        ("another epoch", Standing { guard: Guard::Intact { epoch: "e2".into() }, ..well() }, now, Some("Unguarded")),
        (
            "fuses do not burn",
            Standing { fuses: Fuses::DoNotBurn("no TTL controller".into()), ..well() },
            now,
            Some("FusesDoNotBurn"),
        ),
        ("the clocks disagree", well(), Now { server_ahead: TimeDelta::seconds(5), ..now }, Some("ClockSkew")),
        ("too little time is left", well(), at("09:29:59"), Some("Preparing")),
    ];
    for (sentence, standing, now, expected) in rows {
        for fuse in [None, Some(&fuse(true))] {
            let plan = pass(&recorded_or_not(fuse), fuse, None, &standing, &live(true), now);
            assert!(plan.effects.is_empty(), "{sentence}: {:?}", plan.effects);
            assert_eq!(state(&plan).as_deref(), expected, "{sentence}");
        }
    }
    let refused = pass(&recorded(), Some(&fuse(true)), None, &well(), &live(false), now);
    assert!(
        refused.effects.is_empty() && state(&refused).as_deref() == Some("Unguarded"),
        "a forged decision was accepted"
    );
}
fn recorded_or_not(fuse: Option<&Job>) -> AccessGrant {
    if fuse.is_some() { recorded() } else { grant(json!({})) }
}
#[test]
fn a_foreign_object_of_our_name_is_never_adopted() {
    let mut foreign = fuse(true);
    foreign.metadata.labels = None;
    let plan = pass(&grant(json!({})), Some(&foreign), None, &well(), &[], at("09:00:05"));
    assert!(plan.effects.is_empty() && state(&plan).as_deref() == Some("NameTaken"));
}
#[test]
fn a_fuse_that_would_burn_late_is_replaced() {
    let mut late = fuse(true);
    late.spec.as_mut().unwrap().ttl_seconds_after_finished = Some(3600);
    let plan = pass(&grant(json!({})), Some(&late), None, &well(), &[], at("09:00:05"));
    assert!(matches!(&plan.effects[..], [Effect::DeleteFuse(_)]));
}
#[test]
fn g7_the_binding_goes_before_anything_is_written() {
    let plan = pass(&grant(begun()), Some(&fuse(true)), Some(&binding()), &Standing::unknown(), &[], at("09:30:00"));
    assert!(matches!(&plan.effects[..], [Effect::DeleteBinding(b), Effect::DeleteFuse(_)] if b.uid == "binding-uid"));
    assert!(plan.status.is_none());
}
#[test]
fn g4_the_removal_is_verified_by_what_the_api_server_says() {
    let now = at("09:30:01");
    let said = |yes: bool, words: &str| {
        let permission = "get pods/log".parse().unwrap();
        let question = Question::IsAllowed {
            user: "alice".into(),
            groups: vec!["support".into()],
            namespace: "billing".into(),
            permission,
        };
        vec![Answer { question, yes, words: words.into() }]
    };
    let verified = |answers: &[Answer]| {
        let plan = pass(&grant(begun()), None, None, &Standing::unknown(), answers, now);
        let status = plan.status.unwrap();
        (
            status
                .conditions
                .iter()
                .find(|c| c.type_ == "RemovalVerified")
                .map(|c| (c.reason.clone(), c.message.clone())),
            status.end_reason,
            plan.next,
        )
    };
    assert_eq!(added(&grant(json!({}))).len(), 1);
    let (denied, reason, _) = verified(&said(false, ""));
    assert_eq!((denied.unwrap().0.as_str(), reason), ("Removed", Some(EndReason::Expired)));
    let (still, _, next) = verified(&said(true, "allowed by RoleBinding \"by-hand/billing\""));
    let (reason, words) = still.unwrap();
    assert!(reason == "StillAllowed" && words.contains("by-hand/billing"), "{words}");
    assert!(matches!(next, Next::After(_)));
    let by_renewal = "RBAC: allowed by RoleBinding \"curfew-sup-4813-9a0b1c2d/billing\" of ClusterRole \"curfew-logs\"";
    let (held, reason, next) = verified(&said(true, by_renewal));
    assert_eq!(
        (held.unwrap().0.as_str(), reason),
        ("HeldByAnother", Some(EndReason::Expired)),
        "it is no standing right"
    );
    assert!(matches!(next, Next::After(_)), "it is asked again until that has ended too");
    let both = [said(true, by_renewal), said(true, "allowed by RoleBinding \"by-hand/billing\"")].concat();
    assert_eq!(verified(&both).0.unwrap().0, "StillAllowed", "what stands is what is said");
    let (own, reason, next) = verified(&said(true, "allowed by RoleBinding \"curfew-sup-4812-7f3a2c1b/billing\""));
    assert_eq!(
        (own, reason, next),
        (None, Some(EndReason::Expired), Next::After(AT_ONCE)),
        "the authorizer lags behind: ask again"
    );
}
#[test]
fn g4_each_permission_of_a_line_is_asked_about() {
    let (open, ns, installation, standing) = (request(json!({})), namespace(), installation(), Standing::unknown());
    let mut grant = grant(begun());
    grant.spec.adds = vec!["get,list,watch pods".into(), "get configmaps flags".into()];
    let role = &RoleNow::Unread;
    let found = Found {
        grant: &grant,
        request: Some(&open),
        fuse: None,
        binding: None,
        namespace: Some(&ns),
        role,
        missed: None,
        watch: Watch::default(),
    };
    let observed = Observed {
        found,
        chain: &Chain::of(&json!(grant)),
        renewed: None,
        follower: None,
        responders: &[],
        installation: &installation,
        standing: &standing,
        basis: None,
        answers: &[],
        refused: None,
    };
    let now = at("09:30:01");
    let mut answers: Vec<_> = questions(&observed, now)
        .into_iter()
        .map(|question| Answer { question, yes: false, words: String::new() })
        .collect();
    let verified = |answers: &[Answer]| {
        let status = decide(&Observed { answers, ..observed }, now).status.unwrap();
        reasons::is(&status, RemovalVerified::Removed)
    };
    assert_eq!(answers.len(), 4);
    assert!(verified(&answers));
    answers.pop();
    assert!(!verified(&answers), "one was not asked");
}
#[test]
fn j10_a_record_goes_after_its_retention_and_not_before() {
    let ended = |verified: &str| {
        let status = if verified == "Removed" { "True" } else { "False" };
        grant(
            json!({"endedAt": "2026-12-01T09:30:00Z", "endedBy": "curfew", "endReason": "Expired", "startedAt": "2026-12-01T09:00:02Z",
            "conditions": [{"type": "RemovalVerified", "status": status, "reason": verified, "message": "", "lastTransitionTime": "2026-12-01T09:30:01Z"}]}),
        )
    };
    let after = |days: i64| Now { wall: at("09:30:00").wall + TimeDelta::days(days), server_ahead: TimeDelta::zero() };
    let goes = |grant: &AccessGrant, now: Now| {
        matches!(&pass(grant, None, None, &well(), &[], now).effects[..], [Effect::DeleteGrant(_)])
    };
    assert!(!goes(&ended("Removed"), Now { server_ahead: TimeDelta::days(-400), ..after(400) }), "this clock is wrong");
    assert!(!goes(&ended("Removed"), after(399)));
    assert!(goes(&ended("Removed"), after(400)));
    assert!(!goes(&ended("StillAllowed"), after(4000)), "access is not known to be gone");
    assert!(!goes(&grant(begun()), after(0)));
}
#[test]
fn what_was_refused_is_on_record_and_gives_nothing() {
    let mut denied = grant(json!({}));
    (denied.spec.outcome, denied.spec.expires_at) = (Outcome::Denied, None);
    let plan = pass(&denied, None, None, &well(), &live(true), at("09:00:05"));
    assert!(plan.effects.is_empty() && state(&plan).as_deref() == Some("Denied"));
}
#[test]
fn a_second_pass_over_the_same_writes_nothing() {
    let now: DateTime<Utc> = at("09:00:05").wall;
    for (fuse, binding) in [(Some(fuse(false)), None), (Some(fuse(true)), Some(binding()))] {
        let mut grant = recorded();
        let first = pass(&grant, fuse.as_ref(), binding.as_ref(), &well(), &[], at("09:00:05"));
        grant.status = first.status.or(grant.status);
        let later = Now { wall: now + TimeDelta::minutes(1), server_ahead: TimeDelta::zero() };
        let second = pass(&grant, fuse.as_ref(), binding.as_ref(), &well(), &[], later);
        assert!(second.status.is_none() && second.effects.is_empty(), "{second:?}");
    }
}
#[test]
fn a_record_is_over_when_nothing_more_will_be_said() {
    let condition = |reason: &str| json!([{"type": "RemovalVerified", "status": "Unknown", "reason": reason, "message": "", "lastTransitionTime": "2026-12-01T09:30:01Z"}]);
    let ended = |conditions: Value| {
        grant(
            json!({"endReason": "Closed", "endedAt": "2026-12-01T09:04:00Z", "endedBy": "alice", "conditions": conditions}),
        )
    };
    assert!(!is_over(&grant(begun())));
    assert!(!is_over(&ended(json!([]))), "not verified yet");
    assert!(!is_over(&ended(condition("StillAllowed"))));
    assert!(is_over(&ended(condition("Removed"))));
}
