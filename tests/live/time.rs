//! Planned work, and access that ends with its day.
use crate::running::{agreed, approvers, end_reason, ended_by, is_complete};
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use curfew::api::reasons::{BeginReason, EndReason, Ready, RemovalVerified, Screened};
use curfew::api::time::Instant;
use curfew_testbed::bed::{Bed, Filed, Granted, Operator, Person, conditions};
use serde_json::{Value, json};
use std::time::Duration;

/// A request for work that is planned for so many seconds from now.
fn planned(alice: &Person, policy: &str, start: i64, deadline: Option<i64>) -> (Value, DateTime<Utc>) {
    let start = Instant::new(Utc::now() + TimeDelta::seconds(start));
    let mut request = alice.request("sup-4812", policy, "25s");
    request["spec"]["startTime"] = json!(start);
    if let Some(seconds) = deadline {
        request["spec"]["startDeadline"] = json!(start.checked_add(TimeDelta::seconds(seconds)));
    }
    (request, start.get())
}
async fn sleeps_until(at: DateTime<Utc>) {
    tokio::time::sleep((at - Utc::now()).to_std().unwrap_or_default()).await;
}
/// What of a dead operator's writes would have begun something.
fn beginnings(operator: &Operator) -> Vec<String> {
    let begins = |w: &String| w.starts_with("POST") && (w.contains("jobs") || w.contains("rolebindings"));
    operator.faults.writes().into_iter().filter(begins).collect()
}
fn words(record: &curfew::api::grant::AccessGrant) -> String {
    conditions(record.status.as_ref().unwrap()).join("\n")
}

struct Scheduled {
    bed: Bed,
    operator: Operator,
    alice: Person,
    bob: Person,
    request: Filed,
    grant: Granted,
    start: DateTime<Utc>,
}
impl Scheduled {
    /// alice planned it, bob agreed.
    async fn new(test: &str, start: i64, deadline: Option<i64>) -> Self {
        let bed = Bed::new(test).await;
        let policy = bed.policy(approvers()).await;
        let operator = bed.operator().await;
        bed.policy_becomes(Ready::Complete).await;
        let (alice, bob) = bed.alice_and_bob().await;
        let (manifest, start) = planned(&alice, &policy, start, deadline);
        let request = alice.applies(manifest).await.unwrap();
        let grant = agreed(&bob, &request).await;
        grant.becomes(BeginReason::Scheduled).await;
        request.becomes(BeginReason::Scheduled).await;
        assert!(bed.fuses().await.is_empty() && bed.bindings().await.is_empty(), "nothing before its start");
        Self { bed, operator, alice, bob, request, grant, start }
    }
    /// It ended before it began: nothing was ever made, and nothing is made when it was to start.
    async fn never_began(self, reason: EndReason, by: &str) {
        let record = self.grant.becomes(RemovalVerified::Removed).await;
        assert_eq!((end_reason(&record), ended_by(&record).as_deref()), (Some(reason), Some(by)), "{}", words(&record));
        is_complete(&record);
        sleeps_until(self.start + TimeDelta::seconds(2)).await;
        assert!(!self.alice.may("get", "pods/log").await);
        assert_eq!(beginnings(&self.operator), [""; 0]);
        assert_eq!(self.grant.record().await.status.unwrap().started_at, None);
    }
}

#[tokio::test]
async fn e25_planned_work_begins_by_itself_at_its_start_and_ends_by_itself() {
    let work = Scheduled::new("planned", 20, None).await;
    sleeps_until(work.start - TimeDelta::milliseconds(300)).await;
    assert!(!work.alice.may("get", "pods/log").await && beginnings(&work.operator).is_empty());
    let record = work.grant.becomes(BeginReason::Bound).await;
    let began = record.status.as_ref().unwrap().started_at.unwrap().get();
    assert!(work.start <= began && began < work.start + TimeDelta::seconds(4), "{began} for {}", work.start);
    assert!(work.alice.may("get", "pods/log").await);
    assert_eq!(record.spec.not_before.get(), work.start);
    assert_eq!(record.spec.expires_at.unwrap().get(), work.start + TimeDelta::seconds(25), "counted from its start");
    assert_eq!(work.request.now().await.status.unwrap().expires_at, record.spec.expires_at);
    let record = work.grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&record), Some(EndReason::Expired));
    is_complete(&record);
}

#[tokio::test]
async fn e25_what_is_closed_or_deleted_before_its_start_never_begins() {
    let (by_alice, by_bob, deleted) = tokio::join!(
        Scheduled::new("planned-close", 25, None),
        Scheduled::new("planned-revoke", 25, None),
        Scheduled::new("planned-delete", 25, None),
    );
    by_alice.alice.closes(&by_alice.request, "").await.unwrap();
    by_bob.bob.closes(&by_bob.request, "The change was called off.").await.unwrap();
    deleted.request.is_deleted_by(&deleted.bed.admin).await;
    tokio::join!(
        by_alice.never_began(EndReason::Closed, "alice"),
        by_bob.never_began(EndReason::Revoked, "bob"),
        deleted.never_began(EndReason::RequestDeleted, "unknown"),
    );
}

#[tokio::test]
async fn e25_a_policy_that_was_tightened_before_the_start_is_the_one_that_counts() {
    let (requesters, steps, gone, same) = tokio::join!(
        Scheduled::new("tight-who", 25, None),
        Scheduled::new("tight-steps", 25, None),
        Scheduled::new("tight-gone", 25, None),
        Scheduled::new("tight-not", 25, None),
    );
    let others = json!([{"kind": "Group", "name": "others"}]);
    requesters.bed.policy_with(json!({"requesters": others})).await;
    let more = json!([{"name": "service-owner", "approvers": approvers()}, {"name": "lead", "approvers": others}]);
    steps.bed.policy_with(json!({"approval": {"steps": more}})).await;
    gone.bed.deletes_policy().await;
    same.bed.policy_with(json!({"description": "One account, after a real report from one of our customers."})).await;
    let expected = [(&requesters, "NotEligible"), (&steps, "needs the approval of `lead`"), (&gone, "was deleted")];
    for (work, says) in expected {
        let record = work.grant.becomes(EndReason::NeverStarted).await;
        assert!(words(&record).contains(says), "{}", words(&record));
        assert!(record.status.as_ref().unwrap().ended_at.unwrap().get() >= work.start, "judged when it was to begin");
    }
    same.grant.becomes(BeginReason::Bound).await;
    assert!(same.alice.may("get", "pods/log").await, "an edit that changes nothing for it");
    let operator = requesters.bed.installation().operator;
    requesters.never_began(EndReason::NeverStarted, &operator).await;
    let operator = steps.bed.installation().operator;
    steps.never_began(EndReason::NeverStarted, &operator).await;
    let operator = gone.bed.installation().operator;
    gone.never_began(EndReason::NeverStarted, &operator).await;
}

#[tokio::test]
async fn e25_an_operator_that_was_dead_at_the_start_begins_late_but_not_after_the_deadline() {
    let (late, too_late) =
        tokio::join!(Scheduled::new("late-start", 25, None), Scheduled::new("too-late", 25, Some(2)));
    let deadline = too_late.grant.record().await.spec.start_deadline.unwrap();
    for work in [&late, &too_late] {
        work.operator.faults.stop();
    }
    let promised = late.grant.record().await.spec.expires_at;
    sleeps_until(deadline.get() + TimeDelta::seconds(1)).await;
    for work in [&late, &too_late] {
        assert!(!work.alice.may("get", "pods/log").await);
        work.bed.frees_lease().await;
    }
    let _next = late.bed.operator().await;
    let next = too_late.bed.operator().await;
    let record = late.grant.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.expires_at, promised, "it begins late, and does not end later");
    assert_eq!(promised.unwrap().get(), late.start + TimeDelta::seconds(25));
    let record = too_late.grant.becomes(EndReason::NeverStarted).await;
    assert!(words(&record).contains(&format!("startDeadline, {deadline}")), "{}", words(&record));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(beginnings(&next), [""; 0]);
    assert!(!too_late.alice.may("get", "pods/log").await);
}

/// A zone in which it is about eleven in the evening, and when its day ends.
pub fn late_somewhere() -> (String, DateTime<Utc>) {
    let now = Utc::now();
    let next_hour = now + TimeDelta::seconds(i64::from(3600 - (now.minute() * 60 + now.second())));
    // Not in the last minutes of a day, which might end during the test.
    let hours = if now.minute() >= 55 { 22 } else { 23 };
    let offset = (i64::from(hours) - i64::from(now.hour()) + 9).rem_euclid(24) - 9;
    // In these names the sign is the other way round.
    let zone = if offset > 0 { format!("Etc/GMT-{offset}") } else { format!("Etc/GMT+{}", -offset) };
    (zone, Instant::new(next_hour + TimeDelta::hours(23 - i64::from(hours))).get())
}

#[tokio::test]
async fn e4_access_of_a_same_day_policy_ends_at_midnight_of_its_calendar() {
    let bed = Bed::new("same-day").await;
    let (zone, midnight) = late_somewhere();
    let policy = bed
        .policy_with(
            json!({"duration": {"default": "3h", "max": "4h", "sameDay": true}, "calendar": {"timeZone": zone}}),
        )
        .await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let long = alice.files("sup-1", &policy, "3h").await;
    let said = conditions(&long.becomes(Screened::Incomplete).await.status.unwrap()).join("\n");
    assert!(said.contains("DurationTooLong") && said.contains(&zone), "{said}");

    let mut manifest = alice.request("sup-2", &policy, "3h");
    manifest["spec"].as_object_mut().unwrap().remove("duration");
    let request = alice.applies(manifest).await.unwrap();
    let said = conditions(&request.becomes(Screened::Complete).await.status.unwrap()).join("\n");
    assert!(said.contains(&format!("00:00 ({zone}) at the latest")), "E23: {said}");
    let record = agreed(&bob, &request).await.becomes(BeginReason::Bound).await;
    assert_eq!(record.spec.expires_at.unwrap().get(), midnight);
}

#[tokio::test]
async fn a_calendar_that_cannot_be_read_is_refused_or_named() {
    let bed = Bed::new("calendar").await;
    bed.policy_with(json!({"calendar": {"timeZone": "Mars/Olympus"}})).await;
    let _operator = bed.operator().await;
    let policy = bed.policy_becomes(Ready::BadCalendar).await;
    let said = conditions(policy.status.as_ref().unwrap()).join("\n");
    assert!(said.contains("spec.calendar.timeZone: `Mars/Olympus` is no IANA time zone"), "{said}");
    bed.policy_with(json!({"calendar": {"timeZone": "Europe/Berlin", "workDays": ["Mon"], "workHours": "00:00-24:00", "holidays": ["2026-12-25"]}}))
        .await;
    bed.policy_becomes(Ready::Complete).await;
}
