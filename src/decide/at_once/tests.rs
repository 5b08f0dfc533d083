use super::*;
use crate::api::policy::Mode;
use crate::api::reasons::{self, Approved, DutiesMet};
use crate::decide::effect::{Answer, Effect};
use crate::decide::grant::{self, Found, RoleNow};
use crate::decide::request;
use crate::decide::screening::Seen;
use crate::decide::screening::tests::{World, installation, missed, renewal_of};
use crate::decide::timeline::Chain;
use crate::decide::usage::Watch;
use crate::decide::{Audit, Fuses, Guard, Next, Plan, Standing, children};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::{Value, json};

const NOTE: &str = "The payment queue stands since 02:40; I look for the stuck consumer.";
const BEGUN: &str = "2026-11-21T03:00:00Z";
const ENDS: &str = "2026-11-21T03:15:00Z";

fn at(time: &str) -> Now {
    Now { wall: time.parse().unwrap(), server_ahead: TimeDelta::zero() }
}
pub(crate) fn intact(epoch: &str) -> Guard {
    Guard::Intact { epoch: epoch.into() }
}

/// Alice is on call, and asks at 3 am under a policy that gives access at once.
pub(crate) struct Night {
    pub(crate) world: World,
    pub(crate) first: Option<AccessGrant>,
    rest: Option<AccessGrant>,
    pub(crate) guard: Guard,
    /// Fuse and binding of the first access, while it holds.
    kept: Option<(Job, RoleBinding)>,
}
impl Night {
    pub(crate) fn under(lane: Value, asks: Value) -> Self {
        Self { world: World::in_lane(lane, asks), first: None, rest: None, guard: intact("e1"), kept: None }
    }
    fn asks(asks: Value) -> Self {
        Self::under(json!({"grant": "AtOnce"}), asks)
    }
    /// She has access since three o'clock.
    fn begun(asks: Value) -> Self {
        let mut night = Self::asks(asks);
        night.settles(BEGUN);
        night.holds(json!({"startedAt": BEGUN}));
        night.settles(BEGUN);
        let first = night.first.as_ref().unwrap();
        let fuse = children::fuse(first, TimeDelta::minutes(15), &installation()).unwrap();
        let binding = children::binding(first, &fuse).unwrap();
        night.kept = Some((fuse, binding));
        night
    }
    fn standing(&self) -> Standing {
        Standing { lease_held: true, guard: self.guard.clone(), fuses: Fuses::Burn, audit: Audit::Absent }
    }
    /// One pass over the request; what it makes and says is stored.
    pub(crate) fn pass(&mut self, time: &str) -> Plan<crate::api::request::AccessRequestStatus> {
        let (now, standing, installation) = (at(time), self.standing(), installation());
        let seen = Seen { now: now.wall, ..self.world.seen() };
        let (grant, second) = (self.first.as_ref(), self.rest.as_ref());
        let screening = request::screened(&seen, grant, &standing);
        let (standing, installation, screening) = (&standing, &installation, screening.as_ref());
        let unasked =
            request::Observed { seen, screening, grant, second, installation, standing, answers: &[], refused: None };
        let no = |question| Answer { question, yes: false, words: String::new() };
        let answers: Vec<_> = request::questions(&unasked).into_iter().map(no).collect();
        let plan = request::decide(&request::Observed { answers: &answers, ..unasked }, now);
        for effect in &plan.effects {
            let Effect::CreateGrant(made) = effect else { panic!("{effect:?}") };
            let mut made = made.as_ref().clone();
            made.metadata.creation_timestamp = Some(now.for_record().into());
            made.metadata.uid = Some(if goes_on(&made.spec) { "second" } else { "first" }.to_owned());
            if goes_on(&made.spec) { self.rest = Some(made) } else { self.first = Some(made) }
        }
        if let Some(status) = plan.status.clone() {
            self.world.request.status = Some(status);
        }
        plan
    }
    /// Passes until nothing follows at once.
    pub(crate) fn settles(&mut self, time: &str) -> &mut Self {
        for _ in 0..6 {
            if self.pass(time).next != Next::AtOnce {
                return self;
            }
        }
        panic!("it never settles");
    }
    pub(crate) fn status(&self) -> crate::api::request::AccessRequestStatus {
        self.world.request.status.clone().unwrap()
    }
    pub(crate) fn approved(&self) -> (String, String) {
        let all = self.status().conditions;
        let of = all.into_iter().find(|c| c.type_ == "Approved").unwrap();
        (of.reason, of.message)
    }
    /// What the record of the first access says.
    pub(crate) fn holds(&mut self, status: Value) {
        self.first.as_mut().unwrap().status = Some(serde_json::from_value(status).unwrap());
    }
    fn writes_the_note(&mut self) {
        let note = json!({"by": "alice", "text": NOTE});
        let owed =
            json!([{"duty": "Note", "by": [], "due": ENDS, "state": "Met", "consequence": "", "settledAt": BEGUN}]);
        self.holds(json!({"startedAt": BEGUN, "duties": {"note": note}, "owed": owed}));
    }
    pub(crate) fn decides(&mut self, by: &str, decision: &str, duration: Option<&str>) {
        let mut entry = json!({"by": by, "as": "incident-managers", "step": "emergency", "decision": decision,
            "revision": "7f3a2c1b-1", "comment": "The incident is open, and she leads it."});
        if let Some(duration) = duration {
            entry["duration"] = json!(duration);
        }
        self.world.request.status.as_mut().unwrap().approvals.push(serde_json::from_value(entry).unwrap());
    }
    fn found<'a>(&'a self, grant: &'a AccessGrant, namespace: &'a Namespace) -> Found<'a> {
        let (request, role) = (Some(&self.world.request), &RoleNow::Unread);
        let kept = self.kept.as_ref().filter(|_| grant.spec.provisional);
        let (fuse, binding) = (kept.map(|(fuse, _)| fuse), kept.map(|(_, binding)| binding));
        let (namespace, missed, watch) = (Some(namespace), None, Watch::default());
        Found { grant, request, fuse, binding, namespace, role, missed, watch }
    }
    /// One pass over a record; what it says is returned.
    pub(crate) fn of_record(&self, grant: &AccessGrant, time: &str) -> AccessGrantStatus {
        let (namespace, standing, installation) = (Namespace::default(), self.standing(), installation());
        let follower = self.rest.as_ref().filter(|_| grant.spec.provisional).map(|rest| rest.name_any());
        let observed = grant::Observed {
            found: self.found(grant, &namespace),
            chain: &Chain::of(&json!(grant)),
            renewed: self.first.as_ref().filter(|_| goes_on(&grant.spec)),
            follower: follower.as_deref(),
            responders: &[],
            installation: &installation,
            standing: &standing,
            basis: None,
            answers: &[],
            refused: None,
        };
        grant::decide(&observed, at(time)).status.unwrap_or_else(|| grant.status.clone().unwrap_or_default())
    }
    /// The first access ends, as a pass at this time finds.
    fn first_ends(&mut self, time: &str) -> AccessGrantStatus {
        self.kept = None;
        let status = self.of_record(self.first.as_ref().unwrap(), time);
        self.first.as_mut().unwrap().status = Some(status.clone());
        status
    }
}
pub(crate) fn flags(status: &AccessGrantStatus) -> Vec<&'static str> {
    status.flags.iter().map(|flag| flag.type_.into()).collect()
}

#[test]
fn h10_access_is_given_at_once_for_a_quarter_of_an_hour_and_a_note_is_owed() {
    let night = Night::begun(json!({}));
    let (first, status) = (night.first.as_ref().unwrap(), night.status());
    assert!(first.spec.provisional && first.spec.approvals.is_empty());
    assert_eq!(first.spec.expires_at.unwrap().to_string(), ENDS);
    assert_eq!(first.spec.approved_by.as_deref(), Some(NOBODY_YET));
    let owes: Vec<_> = first.spec.duties.as_ref().unwrap().owes.iter().map(|of| (of.duty, of.since)).collect();
    assert_eq!(owes, [(Duty::Note, Moment::Begun), (Duty::CloseOut, Moment::Ended), (Duty::Review, Moment::Decided)]);
    assert_eq!(night.approved().0, "AtOnce");
    assert_eq!((status.state.as_deref(), status.expires_at), (Some("AtOnce"), first.spec.expires_at));
    assert_eq!(status.waiting_for.iter().map(|w| w.step.as_str()).collect::<Vec<_>>(), ["emergency"]);
    assert!(night.approved().1.contains("with a note and an approval it goes on until 2026-11-21T03:30:00Z"));
    assert!(status.brief.iter().any(|line| line.starts_with("Ends: given at once")), "{:?}", status.brief);
}

#[test]
fn h10_who_gets_access_at_once_and_who_waits_for_somebody() {
    let restart = json!({"access": "restart", "whyNotLower": "The worker hangs, and only a restart frees its queue."});
    let rules = |when: &str, then: &str| {
        let mut night = Night::asks(json!({}));
        let rule = json!([{"name": "r", "when": when, "then": then, "message": "A freeze."}]);
        night.world.policy.as_mut().unwrap().spec.approval.rules = serde_json::from_value(rule).unwrap();
        night
    };
    let filed =
        json!({"filedBy": "deployer", "requester": {"username": "alice"}, "startDeadline": "2026-11-21T04:00:00Z"});
    let for_alice = |mut night: Night| {
        let spec = &mut night.world.policy.as_mut().unwrap().spec;
        spec.requesters = serde_json::from_value(json!([{"kind": "User", "name": "alice"}])).unwrap();
        spec.on_behalf = serde_json::from_value(json!({"filers": ["deployer"]})).unwrap();
        night
    };
    let trial = |mut night: Night| {
        night.world.policy.as_mut().unwrap().spec.mode = Mode::DryRun;
        night
    };
    let owes = |policy: &str| {
        let mut night = Night::asks(json!({}));
        night.world.missed = vec![missed(policy)];
        night
    };
    let renews = |mut night: Night| {
        let before = json!({"ticket": "INC-1842", "request": {"namespace": "billing", "name": "other", "uid": "2", "generation": 1}});
        night.world.earlier = vec![crate::decide::screening::tests::grant(before)];
        night
    };
    // Filed along with the one that has it, so it is no renewal.
    let again = |access: &str| {
        let mut night = Night::asks(json!({}));
        let before = json!({"ticket": "INC-1842", "access": access, "provisional": true});
        let mut before = crate::decide::screening::tests::grant(before).as_ref().clone();
        let at = |time: &str| Some(Instant::new(time.parse::<DateTime<Utc>>().unwrap()).into());
        before.metadata.creation_timestamp = at("2026-11-21T02:59:59Z");
        night.world.request.metadata.creation_timestamp = at("2026-11-21T02:59:58Z");
        night.world.earlier = vec![before.into()];
        night
    };
    let guarded = |guard: Guard| Night { guard, ..Night::asks(json!({})) };
    // Made when its turn comes: all at once they are too much for the stack of a test.
    let faster = json!({"emergency": {"harm": "CustomerHarm", "impact": "I need to debug faster"}});
    let unjudged = "namespaceObject.metadata.labels['freeze'] == 'x'";
    let broken = Guard::Broken("curfew-requests is missing".into());
    let rows: [(&str, &dyn Fn() -> Night, bool); 16] = [
        ("H10: one on call", &|| Night::asks(json!({})), true),
        ("H9: who needs to write, and says why", &|| Night::asks(restart.clone()), true),
        ("X3: where somebody agrees first, by default", &|| Night::under(json!({}), json!({})), false),
        ("H12: who missed a duty under this policy", &|| owes("customer-support"), false),
        ("who missed one under another policy", &|| owes("finance-check"), true),
        ("E20: a renewal", &|| renews(Night::asks(renewal_of("other"))), false),
        ("this access, which came at once for this incident", &|| again("logs"), false),
        ("another access for it", &|| again("restart"), true),
        ("for somebody else", &|| for_alice(Night::asks(filed.clone())), false),
        ("a trial", &|| trial(Night::asks(json!({}))), false),
        ("H2: no emergency", &|| Night::asks(faster.clone()), false),
        ("C12: a rule says no", &|| rules("true", "Deny"), false),
        ("C12: a rule says nothing", &|| rules("false", "Deny"), true),
        ("C12: a rule cannot be judged", &|| rules(unjudged, "Deny"), false),
        ("admission is not as installed", &|| guarded(broken.clone()), false),
        ("nobody has looked at admission", &|| guarded(Guard::Unknown), false),
    ];
    for (sentence, made, gives) in rows {
        let mut night = made();
        night.settles(BEGUN);
        let given = night.first.as_ref().is_some_and(|first| first.spec.provisional);
        assert_eq!(given, gives, "{sentence}: {:?}", night.status().conditions);
    }
}

#[test]
fn h10_it_goes_on_only_with_a_note_and_an_approval_and_never_for_longer_than_was_agreed_to() {
    let rows = [
        ("both", true, Some(""), "30m", "03:10:00", Some("03:30:00")),
        ("no note", false, Some(""), "30m", "03:10:00", None),
        ("nobody agreed", true, None, "30m", "03:10:00", None),
        ("neither", false, None, "30m", "03:10:00", None),
        ("somebody allows less", true, Some("20m"), "30m", "03:10:00", Some("03:20:00")),
        ("somebody allows no more than that", true, Some("15m"), "30m", "03:10:00", None),
        ("nobody widens", true, Some("2h"), "30m", "03:10:00", Some("03:30:00")),
        ("two hours were asked for", true, Some(""), "2h", "03:10:00", Some("05:00:00")),
        ("no more was asked for", true, Some(""), "15m", "03:10:00", None),
        ("in the last second", true, Some(""), "30m", "03:14:59", Some("03:30:00")),
        ("a second late", true, Some(""), "30m", "03:15:00", None),
    ];
    for (sentence, has_note, agreed, duration, time, until) in rows {
        let mut night = Night::begun(json!({"duration": duration}));
        if has_note {
            night.writes_the_note();
        }
        if let Some(allowed) = agreed {
            night.decides("kim", "Approve", Some(allowed).filter(|allowed| !allowed.is_empty()));
        }
        night.settles(&format!("2026-11-21T{time}Z"));
        let rest = night.rest.as_ref().map(|rest| &rest.spec);
        let ends = rest.map(|spec| spec.expires_at.unwrap().to_string());
        assert_eq!(ends, until.map(|until| format!("2026-11-21T{until}Z")), "{sentence}");
        let Some(spec) = rest else { continue };
        assert_eq!(spec.not_before.to_string(), ENDS, "{sentence}: without a gap, and without cutting it");
        assert_eq!(spec.approved_by.as_deref(), Some("kim (incident-managers)"));
        let follows = spec.follows.as_ref().unwrap();
        assert_eq!((follows.finding.as_str(), follows.goes_on, spec.provisional), (NOTE, true, false));
        assert_eq!(spec.duties.as_ref().unwrap().owes.iter().map(|of| of.duty).collect::<Vec<_>>(), [Duty::CloseOut]);
        night.settles(&format!("2026-11-21T{time}Z"));
        assert_eq!((night.approved().0.as_str(), night.status().waiting_for.len()), ("StepsMet", 0), "{sentence}");
        assert_eq!(night.status().expires_at.map(|end| end.to_string()), ends, "{sentence}: the request tells the end");
    }
}

#[test]
fn h10_what_was_written_under_other_rules_carries_nothing_on() {
    let mut night = Night::begun(json!({}));
    night.writes_the_note();
    night.decides("kim", "Approve", None);
    night.guard = intact("e2");
    night.settles("2026-11-21T03:10:00Z");
    assert!(night.rest.is_none());
    assert!(night.approved().1.contains("it does not go on"), "{}", night.approved().1);
    let mut night = Night::begun(json!({}));
    night.writes_the_note();
    night.decides("erin", "Approve", None);
    night.world.request.status.as_mut().unwrap().approvals[0].as_ = "engineers".into();
    night.settles("2026-11-21T03:10:00Z");
    assert!(night.rest.is_none(), "somebody whom the lane does not list");
    night.decides("alice", "Approve", None);
    night.settles("2026-11-21T03:10:00Z");
    assert!(night.rest.is_none(), "D9: nobody agrees to their own");
}

#[test]
fn h10_a_no_ends_it_at_once_whatever_else_is_known() {
    let mut night = Night::begun(json!({}));
    night.decides("kim", "Deny", None);
    let first = night.first.clone().unwrap();
    let namespace = Namespace::default();
    night.guard = Guard::Unknown;
    assert_eq!(grant::end_of(&night.found(&first, &namespace), at("2026-11-21T03:05:00Z")), Some(EndReason::Revoked));
    night.guard = intact("e1");
    let status = night.first_ends("2026-11-21T03:05:00Z");
    assert_eq!((status.ended_by.as_deref(), flags(&status)), (Some("kim"), vec!["NotApproved"]));
    night.settles("2026-11-21T03:05:00Z");
    assert_eq!(night.approved().0, "Denied");
    assert!(request::is_over(&night.world.request), "nothing more is to come");
    let other = |change: fn(&mut ApprovalEntry)| {
        let mut night = Night::begun(json!({}));
        night.decides("kim", "Deny", None);
        change(&mut night.world.request.status.as_mut().unwrap().approvals[0]);
        let first = night.first.clone().unwrap();
        grant::end_of(&night.found(&first, &namespace), at("2026-11-21T03:05:00Z"))
    };
    assert_eq!(other(|entry| entry.revision = "7f3a2c1b-2".into()), None, "of another text");
    assert_eq!(other(|entry| entry.by = "alice".into()), None, "her own");
    assert_eq!(other(|entry| entry.decision = Decision::Approve), None);
}

#[test]
fn h10_what_ended_without_going_on_says_what_was_missing() {
    let rows: &[(&str, bool, bool, &[&str], &str)] = &[
        ("neither", false, false, &["NotApproved", "DutyOverdue"], "nobody had agreed by then, and there was no note"),
        ("nobody agreed", true, false, &["NotApproved"], "nobody had agreed by then"),
        ("no note", false, true, &["DutyOverdue"], "kim (incident-managers) had agreed, but there was no note"),
    ];
    for (sentence, has_note, is_agreed, flagged, words) in rows {
        let mut night = Night::begun(json!({}));
        if *is_agreed {
            night.decides("kim", "Approve", None);
            night.settles("2026-11-21T03:05:00Z");
        }
        if *has_note {
            night.writes_the_note();
        }
        let before = night.of_record(night.first.as_ref().unwrap(), "2026-11-21T03:14:59Z");
        assert_eq!((before.end_reason, flags(&before)), (None, vec![]), "{sentence}: a second before");
        let status = night.first_ends(ENDS);
        assert_eq!(status.end_reason, Some(EndReason::Expired), "{sentence}");
        let mut found = flags(&status);
        found.sort_unstable();
        let mut expected = flagged.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{sentence}");
        assert_eq!(reasons::is(&status, DutiesMet::Overdue), !has_note, "{sentence}");
        night.settles(ENDS);
        let (reason, said) = night.approved();
        assert_eq!(reason, "TimedOut", "{sentence}");
        assert!(said.contains(&words.replace(" (incident-managers)", "")), "{sentence}: {said}");
        assert!(request::is_over(&night.world.request) && night.rest.is_none(), "{sentence}");
    }
}

#[test]
fn h10_one_closeout_is_owed_for_all_of_it_and_one_review() {
    let mut night = Night::begun(json!({}));
    let owed = |status: &AccessGrantStatus| status.owed.iter().map(|owed| owed.duty).collect::<Vec<_>>();
    let alone = night.of_record(night.first.as_ref().unwrap(), "2026-11-21T03:01:00Z");
    assert_eq!(owed(&alone), [Duty::Note, Duty::CloseOut, Duty::Review]);
    night.writes_the_note();
    night.decides("kim", "Approve", None);
    night.settles("2026-11-21T03:10:00Z");
    let first = night.first_ends(ENDS);
    assert_eq!(owed(&first), [Duty::Note, Duty::Review], "the close-out is owed with the rest");
    assert_eq!(first.goes_on_as.as_deref(), Some("billing.sup-4812.7f3a2c1b.2"));
    assert_eq!(flags(&first), [""; 0]);
    let mut rest = night.rest.clone().unwrap();
    rest.status = Some(
        serde_json::from_value(
            json!({"endedAt": "2026-11-21T03:30:00Z", "endedBy": "curfew", "endReason": "NeverStarted"}),
        )
        .unwrap(),
    );
    assert_eq!(
        owed(&night.of_record(&rest, "2026-11-21T03:30:00Z")),
        [Duty::CloseOut],
        "also where the rest never began"
    );
}

#[test]
fn h10_what_was_cut_short_goes_no_further() {
    let rows = [
        ("its time was up", "Expired", false),
        ("somebody used the kill switch", "FuseBurned", true),
        ("its binding was deleted by hand", "BindingDeleted", true),
        ("H12: a duty of another record was missed", "DutyMissed", true),
        ("its role grew", "RoleChanged", true),
    ];
    for (sentence, reason, breaks) in rows {
        let mut night = Night::begun(json!({}));
        night.writes_the_note();
        night.decides("kim", "Approve", None);
        night.settles("2026-11-21T03:10:00Z");
        night
            .holds(json!({"startedAt": BEGUN, "endedAt": "2026-11-21T03:12:00Z", "endedBy": "x", "endReason": reason}));
        let rest = night.of_record(night.rest.as_ref().unwrap(), "2026-11-21T03:12:00Z");
        assert_eq!(rest.end_reason, breaks.then_some(EndReason::NeverStarted), "{sentence}");
    }
}

#[test]
fn h10_the_first_access_is_shown_until_it_has_ended_then_the_rest() {
    let mut night = Night::begun(json!({}));
    night.writes_the_note();
    night.decides("kim", "Approve", None);
    night.settles("2026-11-21T03:10:00Z");
    let (first, rest) = (night.first.clone().unwrap(), night.rest.clone().unwrap());
    let shown = |first: &AccessGrant| crate::decide::second::shown(first, Some(&rest)).name_any();
    assert_eq!(shown(&first), first.name_any());
    let mut over = first;
    over.status.as_mut().unwrap().ended_at = Some(Instant::new(ENDS.parse::<DateTime<Utc>>().unwrap()));
    assert_eq!(shown(&over), rest.name_any());
}

#[test]
fn h14_the_review_clears_what_nobody_had_agreed_to() {
    let mut night = Night::begun(json!({}));
    let mut status = night.first_ends(ENDS);
    assert!(status.flags.iter().all(|flag| flag.cleared_by.is_none()), "{:?}", status.flags);
    status.duties = serde_json::from_value(json!({"review": {"by": "rob", "realEmergency": "Yes: the status page was red by then.",
        "smallestOption": "Yes: she only read the logs of one service.", "evidenceAdded": "The note never came, else complete.",
        "improvement": "A dashboard of the consumers of that queue."}}))
    .unwrap();
    night.first.as_mut().unwrap().status = Some(status);
    let reviewed = night.first_ends("2026-11-21T10:00:00Z");
    let flag = reviewed.flags.iter().find(|flag| flag.type_ == FlagType::NotApproved).unwrap();
    assert_eq!(flag.cleared_by.as_deref(), Some("review: done by rob"));
}

#[test]
fn h10_nothing_is_decided_by_a_replica_without_the_lease() {
    let mut night = Night::begun(json!({}));
    night.first_ends(ENDS);
    let standing = Standing { lease_held: false, ..night.standing() };
    let seen = Seen { now: at(ENDS).wall, ..night.world.seen() };
    let (grant, installation) = (night.first.as_ref(), installation());
    let observed = request::Observed {
        seen,
        screening: None,
        grant,
        second: None,
        installation: &installation,
        standing: &standing,
        answers: &[],
        refused: None,
    };
    let status = request::decide(&observed, at(ENDS)).status.unwrap();
    assert!(reasons::is(&status, Approved::AtOnce), "{:?}", status.conditions);
}
