use crate::api::duty::{Duty, Within};
use crate::api::reasons::{Approved, FlagType};
use crate::api::time::Instant;
use crate::decide::at_once::tests::{Night, flags, intact};
use crate::decide::duties;
use crate::decide::screening::tests::{alone, grant, missed, renewal_of};
use crate::decide::{Guard, Next, Now, request};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

const WHY: &str = "Everybody else of the rota is on a plane until the morning.";
const ASKED: &str = "2026-11-21T03:00:00Z";
const FROM: &str = "2026-11-21T03:05:00Z";

/// Alice asks, those who agree are asked at three o'clock, and may be passed over after five minutes.
fn asked(lane: Value, asks: Value) -> Night {
    let mut all = json!({"emergency": alone(WHY)});
    all.as_object_mut().unwrap().extend(asks.as_object().unwrap().clone());
    let mut night = Night::under(lane, all);
    night.settles(ASKED);
    night
}
fn after_five() -> Value {
    json!({"selfApprovalAfter": "5m"})
}

#[test]
fn h11_nobody_decided_in_that_time_and_the_why_is_written_so_it_is_granted_and_says_so() {
    let mut night = asked(after_five(), json!({}));
    assert_eq!(night.approved().0, "Waiting");
    let warned = "if nobody answers by 2026-11-21T03:05:00Z, alice goes on alone: Everybody else";
    assert!(night.approved().1.contains(warned), "{}", night.approved().1);
    assert!(night.status().brief.iter().any(|line| line.starts_with("Alone: if nobody answers")), "told before");
    let plan = night.pass("2026-11-21T03:04:59Z");
    assert_eq!((night.first.is_some(), plan.next), (false, Next::After(TimeDelta::seconds(1))), "a second before");
    night.settles(FROM);
    let spec = night.first.as_ref().expect("granted").spec.clone();
    let of = spec.self_approved.unwrap();
    assert_eq!((of.why.as_str(), of.after.to_string().as_str(), spec.approvals.len()), (WHY, "5m", 0));
    assert_eq!(
        of.asked.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["Group incident-managers", "Group platform-leads"]
    );
    assert_eq!(
        spec.approved_by.as_deref(),
        Some("nobody (self-approved)"),
        "the record does not say that she approved"
    );
    assert!(!spec.provisional && spec.expires_at.unwrap().to_string() == "2026-11-21T03:35:00Z");
    night.settles(FROM);
    let (reason, words) = night.approved();
    assert_eq!(reason, <&str>::from(Approved::SelfApproved));
    for part in ["nobody approved", "Group incident-managers, Group platform-leads were asked", WHY] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[test]
fn h11_who_says_no_or_asks_is_not_passed_over_and_nothing_is_silent() {
    let answered = |by: &str, decision: &str, comment: Option<&str>| {
        let mut night = asked(after_five(), json!({}));
        night.decides(by, decision, None);
        let entry = night.world.request.status.as_mut().unwrap().approvals.last_mut().unwrap();
        entry.comment = comment.map(str::to_owned).or(entry.comment.take());
        night
    };
    let without = |field: &str| {
        let mut night = asked(
            json!({}),
            json!({"emergency": {"harm": "CustomerHarm", "impact": "No customer can pay since 02:40."}}),
        );
        night.world.policy.as_mut().unwrap().spec.emergency.as_mut().unwrap().self_approval_after =
            (field == "whySelf").then(|| "5m".parse().unwrap());
        night
    };
    let owes = |policy: &str| {
        let mut night = asked(after_five(), json!({}));
        night.world.missed = vec![missed(policy)];
        night
    };
    let renews = || {
        let mut asks = renewal_of("other");
        asks["emergency"] = alone(WHY);
        let mut night = Night::under(after_five(), asks);
        night.world.earlier = vec![grant(json!({"ticket": "INC-1842"}))];
        night.settles(ASKED);
        night
    };
    // Made when its turn comes: all at once they are too much for the stack of a test.
    let in_vain = "somebody agrees, and it does not count: they are there";
    let rows: [(&str, &dyn Fn() -> Night, bool); 9] = [
        ("nobody answered", &|| asked(after_five(), json!({})), true),
        ("X4: the policy does not say so", &|| without("selfApprovalAfter"), false),
        ("she does not say why", &|| without("whySelf"), false),
        ("somebody says no", &|| answered("kim", "Deny", None), false),
        ("somebody asks for more", &|| answered("kim", "RequestDetail", None), false),
        (in_vain, &|| answered("kim", "Approve", Some("ok, go ahead")), false),
        ("H12: who missed a duty under this policy", &|| owes("customer-support"), false),
        ("who missed one under another policy", &|| owes("finance-check"), true),
        ("E20: a renewal", &renews, false),
    ];
    for (sentence, made, granted) in rows {
        let mut night = made();
        night.settles(FROM);
        let is_self = night.first.as_ref().is_some_and(|first| first.spec.self_approved.is_some());
        assert_eq!(is_self, granted, "{sentence}: {:?}", night.approved());
    }
    let mut agreed = asked(after_five(), json!({}));
    agreed.decides("kim", "Approve", None);
    agreed.settles(FROM);
    let spec = agreed.first.unwrap().spec;
    assert_eq!((spec.self_approved, spec.approvals.len()), (None, 1), "who agrees in time is on record");
}

#[test]
fn h11_the_time_counts_only_while_somebody_is_asked() {
    let mut night = asked(after_five(), json!({}));
    night.guard = Guard::Broken("curfew-requests is missing".into());
    night.settles("2026-11-21T03:02:00Z");
    assert_eq!(night.status().asked_since, None, "nobody can answer");
    night.settles(FROM);
    assert!(night.first.is_none());
    night.guard = intact("e1");
    night.settles("2026-11-21T03:06:00Z");
    assert!(night.first.is_none(), "they are asked anew");
    night.settles("2026-11-21T03:10:59Z");
    assert!(night.first.is_none());
    night.settles("2026-11-21T03:11:00Z");
    assert!(night.first.is_some());
}

#[test]
fn h11_the_review_is_due_the_same_day_and_clears_the_flag() {
    let mut night = asked(after_five(), json!({}));
    night.settles(FROM);
    let first = night.first.clone().unwrap();
    let duties = first.spec.duties.clone().unwrap();
    let review = duties.owes.iter().find(|of| of.duty == Duty::Review).unwrap();
    assert_eq!(review.within, [Within::SameDay], "not on the next business day");
    assert!(duties.calendar.is_some());
    let status = night.of_record(&first, FROM);
    assert_eq!(flags(&status), ["SelfApproved"], "from the first pass on");
    assert!(status.flags[0].message.contains("Group incident-managers, Group platform-leads were asked"));
    let mut reviewed = first;
    let review = json!({"review": {"by": "rob", "realEmergency": "Yes: the status page was red by then.",
        "smallestOption": "Yes: she only read the logs of one service.", "evidenceAdded": "Timeline and logs are linked there.",
        "improvement": "A second person on call at night."}});
    reviewed.status =
        Some(crate::api::grant::AccessGrantStatus { duties: serde_json::from_value(review).unwrap(), ..status });
    let cleared = night.of_record(&reviewed, "2026-11-21T10:00:00Z");
    let flag = cleared.flags.iter().find(|flag| flag.type_ == FlagType::SelfApproved).unwrap();
    assert_eq!(flag.cleared_by.as_deref(), Some("review: done by rob"));
}

#[test]
fn h11_what_it_came_to_is_followed_to_its_end() {
    let mut night = asked(after_five(), json!({}));
    night.settles(FROM);
    night.holds(json!({"startedAt": FROM, "endedAt": "2026-11-21T03:35:00Z", "endedBy": "curfew", "endReason": "Expired",
        "conditions": [{"type": "Active", "status": "False", "reason": "Expired", "message": "", "lastTransitionTime": FROM}]}));
    night.settles("2026-11-21T03:35:00Z");
    assert_eq!(night.status().state.as_deref(), Some("Expired"));
    assert!(request::is_over(&night.world.request));
}

/// To the second, on both sides, where the clocks change too: Berlin went to summer time on 29 March 2026 at 01:00 UTC, and back on
/// 25 October.
#[test]
fn h12_each_deadline_of_an_emergency_strikes_to_the_second_also_where_the_clocks_change() {
    let rows = [
        ("the note, over the spring change", "Note", "2026-03-29T00:50:00Z", "2026-03-29T01:05:00Z"),
        ("the note, over the autumn change", "Note", "2026-10-25T00:50:00Z", "2026-10-25T01:05:00Z"),
        (
            "the evidence, on the night of the spring change: Monday at nine",
            "CloseOut",
            "2026-03-28T23:30:00Z",
            "2026-03-30T07:00:00Z",
        ),
        (
            "the evidence, on the night of the autumn change: Monday at nine",
            "CloseOut",
            "2026-10-24T22:30:00Z",
            "2026-10-26T08:00:00Z",
        ),
        ("the evidence, on a Friday morning: midnight", "CloseOut", "2026-03-27T09:00:00Z", "2026-03-27T23:00:00Z"),
        (
            "the review, from before the spring change: the end of Monday",
            "Review",
            "2026-03-27T09:00:00Z",
            "2026-03-30T22:00:00Z",
        ),
        (
            "the review, from before the autumn change: the end of Monday",
            "Review",
            "2026-10-23T09:00:00Z",
            "2026-10-26T23:00:00Z",
        ),
    ];
    for (sentence, duty, since, due) in rows {
        let within =
            json!({"Note": ["15m"], "CloseOut": ["24h", "SameDay"], "Review": ["NextBusinessDay"]})[duty].clone();
        let within = if sentence.contains("night") { json!(["SameDay"]) } else { within };
        let from = json!({"Note": "Begun", "CloseOut": "Ended", "Review": "Decided"})[duty].clone();
        let by = json!([{"kind": "User", "name": "alice"}]);
        let mut record = grant(json!({"notBefore": since, "expiresAt": since.replace(":00Z", ":30Z"), "lane": "Emergency",
            "duties": {"owes": [{"duty": duty, "since": from, "within": within, "by": by}], "reviewers": [],
                "calendar": {"timeZone": "Europe/Berlin", "workDays": ["Mon", "Tue", "Wed", "Thu", "Fri"], "workHours": "09:00-18:00"}}}))
        .as_ref()
        .clone();
        record.metadata.creation_timestamp = Some(Instant::new(since.parse::<DateTime<Utc>>().unwrap()).into());
        let ended = json!({"startedAt": since, "endedAt": since, "endedBy": "curfew", "endReason": "Expired"});
        let due: DateTime<Utc> = due.parse().unwrap();
        for (seconds, missed) in [(-1, false), (0, true), (1, true)] {
            let mut status = serde_json::from_value(ended.clone()).unwrap();
            let now = Now { wall: due + TimeDelta::seconds(seconds), server_ahead: TimeDelta::zero() };
            duties::judge(&record, &[], &mut status, now);
            assert_eq!(status.owed[0].due.get(), due, "{sentence}");
            assert_eq!(status.owed[0].missed_at.is_some(), missed, "{sentence}: {seconds} s");
        }
    }
}
