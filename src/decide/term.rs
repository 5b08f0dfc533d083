//! From when and how long: the one place that knows which cap is lowest.
use super::Installation;
use crate::api::policy::{Access, AccessPolicySpec};
use crate::api::request::AccessRequest;
use crate::api::time::Span;
use crate::decide::calendar::Calendar;
use chrono::{DateTime, TimeDelta, Utc};

/// When access begins that is agreed to at this instant: then, or when the request asked for it (B12).
pub fn begins(request: &AccessRequest, agreed: DateTime<Utc>) -> DateTime<Utc> {
    request.spec.start_time.map_or(agreed, |start| start.get().max(agreed))
}

/// The longest that access may last which begins then, and which maximum says so: the least of all wins (E16).
pub fn longest(
    policy: &AccessPolicySpec,
    access: &Access,
    installation: &Installation,
    begins: DateTime<Utc>,
) -> (TimeDelta, String) {
    let (fixed, says) = always(policy, access, installation);
    match rest_of_day(policy, installation, begins) {
        Some((left, says)) if left < fixed => (left, says),
        _ => (fixed, format!("at most {} ({says})", in_words(fixed))),
    }
}

/// The least maximum that holds at any hour, and which it is. A text that has an `emergency` is one as it applies in that lane.
pub fn always(policy: &AccessPolicySpec, access: &Access, installation: &Installation) -> (TimeDelta, &'static str) {
    let caps = [
        (policy.duration.max.delta(), "the policy's duration.max"),
        (
            policy.emergency.as_ref().map_or(TimeDelta::MAX, |lane| lane.duration.max.delta()),
            "the policy's emergency.duration.max",
        ),
        (access.max_duration.map_or(TimeDelta::MAX, Span::delta), "the access's maxDuration"),
    ];
    let installed = (installation.max_duration, "the operator's --max-duration");
    caps.into_iter().fold(installed, |lowest, cap| if cap.0 < lowest.0 { cap } else { lowest })
}

/// What is left of the day on which access begins, where the policy lets none go beyond it (E4). A calendar that cannot be
/// read leaves nothing: such a policy is not Ready.
pub fn rest_of_day(
    policy: &AccessPolicySpec,
    installation: &Installation,
    begins: DateTime<Utc>,
) -> Option<(TimeDelta, String)> {
    let calendar = match policy.duration.same_day.then(|| Calendar::of(policy, installation))? {
        Ok(calendar) => calendar,
        Err(words) => return Some((TimeDelta::zero(), words)),
    };
    let midnight = calendar.end_of_day(begins);
    let says = format!("until {} at the latest (the policy's duration.sameDay)", calendar.in_words(midnight));
    Some((midnight - begins, says))
}

/// `1h30m`.
pub fn in_words(time: TimeDelta) -> String {
    Span::from(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::screening::tests::{installation, policy};
    use super::*;
    use serde_json::json;

    #[test]
    fn e16_the_lowest_cap_wins_and_says_which_it_is() {
        for (installed, max, access_max, longest_, says) in [
            ("12h", "4h", None, "4h", "duration.max"),
            ("12h", "4h", Some("30m"), "30m", "maxDuration"),
            ("1h", "4h", Some("2h"), "1h", "--max-duration"),
            ("1h", "4h", None, "1h", "--max-duration"),
            ("4h", "4h", Some("4h"), "4h", "--max-duration"),
        ] {
            let policy = policy(json!({"duration": {"default": "10m", "max": max}})).spec;
            let mut access = policy.access[0].clone();
            access.max_duration = access_max.map(|text| text.parse().unwrap());
            let mut installation = installation();
            installation.max_duration = installed.parse::<Span>().unwrap().delta();
            let (time, by) = longest(&policy, &access, &installation, noon());
            assert_eq!(in_words(time), longest_);
            assert!(by.contains(says) && by.starts_with(&format!("at most {longest_}")), "{by}");
        }
    }
    fn noon() -> DateTime<Utc> {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }
    #[test]
    fn e4_same_day_is_one_more_cap_and_ends_at_midnight_of_the_calendar() {
        let berlin = json!({"timeZone": "Europe/Berlin"});
        for (sentence, begins, max, longest_, says) in [
            ("in the morning the maximum is less", "2026-12-01T08:00:00Z", "2h", "2h", "duration.max"),
            (
                "in the evening the day is",
                "2026-12-01T22:40:00Z",
                "2h",
                "20m",
                "until 2026-12-02 00:00 (Europe/Berlin)",
            ),
            ("a second before midnight", "2026-12-01T22:59:59Z", "2h", "1s", "2026-12-02 00:00 (Europe/Berlin)"),
            ("midnight begins a day", "2026-12-01T23:00:00Z", "2h", "2h", "duration.max"),
            ("where both are the same the maximum says so", "2026-12-01T21:00:00Z", "2h", "2h", "duration.max"),
            ("the night in which clocks go on", "2026-03-28T23:00:00Z", "24h", "23h", "2026-03-30 00:00"),
            ("the night in which clocks go back", "2026-10-24T22:30:00Z", "24h", "24h", "at most 24h"),
            ("an hour later in that night", "2026-10-25T01:00:00Z", "24h", "22h", "2026-10-26 00:00"),
        ] {
            let duration = json!({"default": "10m", "max": max, "sameDay": true});
            let policy = policy(json!({"duration": duration, "calendar": berlin})).spec;
            let mut installation = installation();
            installation.max_duration = TimeDelta::hours(24);
            let (time, by) = longest(&policy, &policy.access[0], &installation, begins.parse().unwrap());
            assert_eq!(in_words(time), longest_, "{sentence}");
            assert!(by.contains(says), "{sentence}: {by}");
        }
    }
    #[test]
    fn a_calendar_that_cannot_be_read_leaves_no_time() {
        let duration = json!({"default": "10m", "max": "1h", "sameDay": true});
        let policy = policy(json!({"duration": duration, "calendar": {"timeZone": "Mars/Olympus"}})).spec;
        let (time, by) = longest(&policy, &policy.access[0], &installation(), noon());
        assert!(time.is_zero() && by.contains("no IANA time zone"), "{by}");
    }
}
