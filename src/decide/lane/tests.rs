use super::*;
use crate::api::duty::{Duty, Moment, Within};
use crate::api::reasons::{Outcome, Screened};
use crate::api::time::Span;
use crate::decide::matrix::{Judgement, Ruled};
use crate::decide::screening::tests::{World, filing, grant, installation, missed, with_lane};
use crate::decide::screening::{Filing, screen};
use crate::decide::{approval, duties, term};
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};

/// What such a request owes, with these parts of it and of the lane replaced.
fn owed(lane: Value, changes: Value, outcome: Outcome) -> Option<crate::api::duty::DutiesOf> {
    let world = World::in_lane(lane, changes);
    let (policy, installation) = (world.policy.as_ref().unwrap(), installation());
    duties::declared(&filing(&world.request, policy, &Namespace::default(), &installation), outcome)
}
fn needs(of: &crate::api::duty::DutiesOf) -> Vec<&'static str> {
    of.owes.iter().find(|of| of.duty == Duty::CloseOut).unwrap().needs.iter().map(Into::into).collect()
}

#[test]
fn h17_an_emergency_says_only_ticket_reason_and_what_is_at_stake() {
    let world = World::in_lane(json!({}), json!({}));
    let screening = screen(&world.seen());
    assert_eq!((screening.screened, world.codes()), (Screened::Complete, vec![]), "{}", screening.message);
    let judgement = screening.judgement.unwrap();
    let steps: Vec<_> = judgement.needs.needed.iter().map(|step| step.name.as_str()).collect();
    assert_eq!((steps, judgement.ruled), (vec![STEP], Ruled::Open), "one agrees, and no rule does instead");
    let lower = json!({"access": "restart", "whyNotLower": "The worker hangs, and only a restart frees its queue."});
    assert_eq!(World::in_lane(json!({}), lower).codes(), [""; 0]);
}
#[test]
fn a13_the_routine_lane_knows_nothing_of_the_other() {
    let (policy, world) = (with_lane(json!({})), World::asks(json!({})));
    let routine = applied(&policy, &world.request);
    assert_eq!(routine.spec, AccessPolicySpec { emergency: None, ..policy.spec.clone() });
    let world = World::in_lane(json!({}), json!({}));
    let once = text(&policy.spec, &world.request).into_owned();
    assert_eq!(text(&once, &world.request).as_ref(), &once, "applied twice");
}
#[test]
fn h2_haste_and_comfort_are_no_emergency_and_an_outage_is_one() {
    for impact in [
        "I need to debug faster",
        "This is very urgent!!",
        "URGENT: need it right now",
        "my manager needs it today",
        "quick fix for a typo",
        "Emergency",
        "incident",
        "The normal approval takes too long",
        "it would save time",
        "as soon as possible please",
        "routine fix before the release",
    ] {
        assert!(is_none(impact), "{impact}");
    }
    for impact in [
        "No customer can pay since 02:40",
        "Invoices of one tenant are visible to another",
        "Checkout is down in Europe",
        "Orders are lost while the queue stands",
        "Recovery of the ledger waits for this volume",
        "Patients cannot see their appointments",
    ] {
        assert!(!is_none(impact), "{impact}");
    }
}
#[test]
fn e14_an_emergency_has_half_an_hour_and_two_hours_at_most_whatever_the_day() {
    let longest = |lane: Value| {
        let world = World::in_lane(lane, json!({}));
        let policy = world.policy.unwrap().spec;
        let midnight = "2026-11-21T23:59:00Z".parse().unwrap();
        (term::longest(&policy, &policy.access[0], &installation(), midnight), policy.duration.default)
    };
    let ((time, says), default) = longest(json!({}));
    assert_eq!((time, default), (TimeDelta::hours(2), Span::from_secs(1800)));
    assert!(says.contains("emergency.duration.max"), "{says}");
    assert_eq!(longest(json!({"duration": {"max": "45m"}})).0.0, TimeDelta::minutes(45));
    assert_eq!(
        longest(json!({"duration": {"default": "20m"}})).1,
        Span::from_secs(1200),
        "the lane's, not the policy's"
    );
}
#[test]
fn h3_one_of_few_agrees_and_backups_after_five_minutes() {
    let world = World::in_lane(json!({}), json!({}));
    let judgement = screen(&world.seen()).judgement.unwrap();
    let closers: Vec<_> = approval::closers(&judgement.filing).into_iter().map(|s| s.name).collect();
    assert_eq!(closers, ["incident-managers", "platform-leads"]);
    let only: &Step = judgement.needs.needed[0];
    assert_eq!((only.count, only.backups.as_ref().unwrap().after), (1, Span::from_secs(300)));
    assert_eq!(world.policy.unwrap().spec.approval.pending_timeout, Span::from_secs(900));
}
#[test]
fn h13_what_was_not_asked_for_at_filing_is_owed_with_the_closeout() {
    let all = owed(json!({}), json!({}), Outcome::Approved).unwrap();
    let expected = [
        "Cause",
        "FollowUps",
        "Timeline",
        "Attachments",
        "Commands",
        "WhyNotBroader",
        "DataReviewed",
        "WhyNotSafer",
        "LegalBasis",
    ];
    assert_eq!(needs(&all), expected);
    let said = json!({"whyNotSafer": "The billing board shows totals only, not single invoices.",
        "legalBasis": {"type": "SecurityIncident", "ref": "INC-1842"}});
    assert_eq!(
        needs(&owed(json!({}), said, Outcome::Approved).unwrap()),
        expected[..7],
        "what was said is not asked again"
    );
}
#[test]
fn h12_the_evidence_of_an_emergency_is_due_the_same_day() {
    let all = owed(json!({}), json!({}), Outcome::Approved).unwrap();
    let closeout = &all.owes[0];
    assert_eq!(closeout.since, Moment::Ended);
    assert_eq!(closeout.within, [Within::Span(Span::from_secs(24 * 3600)), Within::SameDay], "the earlier counts");
    assert!(all.calendar.is_some(), "the calendar is on record");
}
#[test]
fn h14_every_emergency_owes_a_review_a_denied_one_too_and_nothing_routine_does() {
    for outcome in [Outcome::Approved, Outcome::Denied, Outcome::TimedOut, Outcome::Withdrawn, Outcome::RoleGrew] {
        let all = owed(json!({}), json!({}), outcome).unwrap();
        let review = all.owes.iter().find(|of| of.duty == Duty::Review).unwrap();
        assert_eq!(
            (review.since, &review.within[..]),
            (Moment::Decided, &[Within::NextBusinessDay][..]),
            "{outcome:?}"
        );
        assert_eq!(review.by[0].name, "security");
        assert_eq!(all.owes.len() == 2, outcome == Outcome::Approved, "{outcome:?}: only access owes a close-out");
        assert_eq!(all.reviewers.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["billing-owners", "security"]);
    }
    let (world, installation) = (World::asks(json!({})), installation());
    let policy = with_lane(json!({}));
    let routine = applied(&policy, &world.request).into_owned();
    let of = |outcome: Outcome| {
        let filing: Filing<'_> = filing(&world.request, &routine, &NOWHERE, &installation);
        duties::declared(&filing, outcome)
    };
    assert_eq!(of(Outcome::Denied), None);
    assert_eq!(of(Outcome::Approved).unwrap().owes.len(), 1);
}
static NOWHERE: std::sync::LazyLock<Namespace> = std::sync::LazyLock::new(Namespace::default);

#[test]
fn h12_a_missed_duty_closes_no_emergency_that_somebody_agrees_to() {
    let mut world = World::in_lane(json!({}), json!({}));
    world.missed = vec![missed("customer-support")];
    let screening = screen(&world.seen());
    assert_eq!(screening.screened, Screened::Complete, "{}", screening.message);
    assert!(screening.notes.iter().any(|note| note.contains("overdue")), "who decides reads of it");
}
#[test]
fn c6_emergencies_wait_for_no_other_access_and_none_waits_for_them() {
    let mut world = World::in_lane(json!({}), json!({}));
    world.live = vec![grant(json!({}))];
    assert_eq!(world.codes(), [""; 0], "other live access");
    let mut world = World::asks(json!({}));
    world.live = vec![grant(json!({}))];
    assert_eq!(world.codes(), ["LimitReached"]);
    world.live = vec![grant(
        json!({"lane": "Emergency", "emergency": {"harm": "CustomerHarm", "impact": "No customer can pay."}}),
    )];
    assert_eq!(world.codes(), [""; 0], "an emergency does not count");
}
#[test]
fn a_refusal_by_rule_counts_in_an_emergency_too() {
    let mut policy = with_lane(json!({}));
    policy.spec.approval.rules[0].then = Ruling::Deny;
    let mut world = World::in_lane(json!({}), json!({}));
    world.policy = Some(applied(&policy, &world.request).into_owned());
    let judgement: Judgement<'_> = screen(&world.seen()).judgement.unwrap();
    assert!(matches!(judgement.ruled, Ruled::Denied(_)));
}

#[test]
fn an_edit_of_the_lane_sends_back_emergencies_that_wait_and_nothing_else() {
    use crate::decide::edits::{self, Edits};
    let filed = with_lane(json!({}));
    let mut edited = with_lane(json!({"approvers": [{"kind": "Group", "name": "engineers"}]}));
    edited.metadata.generation = Some(4);
    let under_both = |mut world: World| {
        let revision = Some(crate::api::names::revision(&world.request));
        let filed_under = edits::filed_under(&applied(&filed, &world.request));
        world.request.status =
            Some(crate::api::request::AccessRequestStatus { revision, filed_under, ..Default::default() });
        let law = edits::law(&world.request, &edited);
        (law.edits, law.policy.spec.emergency.is_some())
    };
    let (found, _) = under_both(World::in_lane(json!({}), json!({})));
    assert!(matches!(&found, Edits::Apart(why) if why.contains("spec.emergency")), "{found:?}");
    assert_eq!(under_both(World::asks(json!({}))), (Edits::Both(3), false), "the routine lane has one text");
}
