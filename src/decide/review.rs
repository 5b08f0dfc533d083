//! What an owner looks after regularly: since when each review counts, and which are overdue.
use super::Now;
use crate::api::policy::{AccessPolicy, AccessPolicyStatus, Duty, Review, Reviewed};
use crate::api::time::{self, Instant};
use chrono::{DateTime, TimeDelta, Utc};
use kube::ResourceExt;
use strum::VariantArray;

/// What the operator makes of the reviews that it read. A claim holds, but for one in the future: nobody reviews ahead.
pub fn counted(policy: &AccessPolicy, now: Now) -> Vec<Reviewed> {
    let status = policy.status.as_ref();
    let before = status.map(|s| s.reviewed.as_slice()).unwrap_or_default();
    let of = |review: &Review| {
        let Review { what, by, at } = review;
        let same = before.iter().find(|known| known.what == *what && known.by == *by && known.at == *at);
        let since = same.map_or((*at).min(now.for_record()), |known| known.since);
        Reviewed { what: *what, by: by.clone(), at: *at, since }
    };
    status.map(|s| s.reviews.as_slice()).unwrap_or_default().iter().map(of).collect()
}

/// How long ago the owner did this; from the creation of the policy where they never did.
pub fn age(policy: &AccessPolicy, reviewed: &[Reviewed], what: Duty, now: DateTime<Utc>) -> TimeDelta {
    let created = time::made(&policy.metadata);
    let last = reviewed.iter().find(|one| one.what == what).map(|one| one.since);
    let since = last.max(created).map_or(now, Instant::get);
    (now - since).max(TimeDelta::zero())
}

/// How old a review may become before it is overdue.
pub fn at_most(what: Duty) -> TimeDelta {
    match what {
        Duty::Approvers => TimeDelta::days(90),
        Duty::CleanUp => TimeDelta::days(7),
    }
}

/// The age of every review, for the metric.
pub fn ages(policy: &AccessPolicy, status: &AccessPolicyStatus, now: DateTime<Utc>) -> Vec<(Duty, TimeDelta)> {
    Duty::VARIANTS.iter().map(|what| (*what, age(policy, &status.reviewed, *what, now))).collect()
}

/// How the owner says that they did it, ready to paste.
pub fn command(policy: &AccessPolicy, what: Duty) -> String {
    let reviews = policy.status.as_ref().map(|s| s.reviews.as_slice()).unwrap_or_default();
    let name: &str = what.into();
    let entry = format!(
        r#"{{"what":"{name}","by":"'"$(kubectl auth whoami -o jsonpath='{{.status.userInfo.username}}')"'","at":"'"$(date -u +%FT%TZ)"'"}}"#
    );
    // The list is a map by `what`, but a JSON patch counts.
    let patch = match reviews.iter().position(|review| review.what == what) {
        Some(at) => format!(r#"{{"op":"replace","path":"/status/reviews/{at}","value":{entry}}}"#),
        None if reviews.is_empty() => format!(r#"{{"op":"add","path":"/status/reviews","value":[{entry}]}}"#),
        None => format!(r#"{{"op":"add","path":"/status/reviews/-","value":{entry}}}"#),
    };
    format!("kubectl patch accesspolicy {} --subresource=status --type=json -p '[{patch}]'", policy.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::screening::tests::policy;
    use serde_json::{Value, json};

    fn at(text: &str) -> Now {
        Now { wall: text.parse().unwrap(), server_ahead: TimeDelta::zero() }
    }
    fn reviewed(status: Value) -> AccessPolicy {
        let mut policy = policy(json!({}));
        policy.status = serde_json::from_value(status).unwrap();
        policy
    }
    fn claim(time: &str) -> Value {
        json!({"what": "Approvers", "by": "olga", "at": time})
    }

    #[test]
    fn d14_a_review_counts_from_when_it_says_but_never_ahead() {
        let now = at("2026-11-21T05:00:00Z");
        for (sentence, status, since) in [
            ("yesterday", json!({"reviews": [claim("2026-11-20T05:00:00Z")]}), "2026-11-20T05:00:00Z"),
            ("next year", json!({"reviews": [claim("2027-11-20T05:00:00Z")]}), "2026-11-21T05:00:00Z"),
            (
                "next year, seen last week",
                json!({"reviews": [claim("2027-11-20T05:00:00Z")],
                    "reviewed": [{"what": "Approvers", "by": "olga", "at": "2027-11-20T05:00:00Z", "since": "2026-11-14T05:00:00Z"}]}),
                "2026-11-14T05:00:00Z",
            ),
            (
                "another claim since",
                json!({"reviews": [claim("2027-11-21T05:00:00Z")],
                    "reviewed": [{"what": "Approvers", "by": "olga", "at": "2027-11-20T05:00:00Z", "since": "2026-11-14T05:00:00Z"}]}),
                "2026-11-21T05:00:00Z",
            ),
        ] {
            let counted = counted(&reviewed(status), now);
            assert_eq!(counted.iter().map(|r| r.since.to_string()).collect::<Vec<_>>(), [since], "{sentence}");
        }
        assert_eq!(counted(&policy(json!({})), now), []);
    }
    #[test]
    fn d14_the_age_counts_from_the_creation_until_there_is_a_review() {
        let mut policy = reviewed(json!({"reviews": [claim("2026-11-20T05:00:00Z")]}));
        let now = at("2026-11-21T05:00:00Z");
        let time = |text: &str| serde_json::from_value(json!(text)).unwrap();
        policy.metadata.creation_timestamp = Some(time("2026-11-01T05:00:00Z"));
        let counted = counted(&policy, now);
        assert_eq!(age(&policy, &counted, Duty::Approvers, now.wall), TimeDelta::days(1));
        assert_eq!(age(&policy, &counted, Duty::CleanUp, now.wall), TimeDelta::days(20));
        policy.metadata.creation_timestamp = Some(time("2026-11-21T04:00:00Z"));
        assert_eq!(
            age(&policy, &counted, Duty::Approvers, now.wall),
            TimeDelta::hours(1),
            "another policy of that name"
        );
    }
    #[test]
    fn d14_the_command_adds_or_replaces_one_entry() {
        let other = json!({"what": "CleanUp", "by": "olga", "at": "2026-11-20T05:00:00Z"});
        for (reviews, patch) in [
            (json!([]), r#""op":"add","path":"/status/reviews","value":[{"#),
            (json!([other]), r#""op":"add","path":"/status/reviews/-","value":{"#),
            (json!([other, claim("2026-11-20T05:00:00Z")]), r#""op":"replace","path":"/status/reviews/1","value":{"#),
        ] {
            let command = command(&reviewed(json!({"reviews": reviews})), Duty::Approvers);
            assert!(command.contains(patch) && command.contains(r#""what":"Approvers""#), "{command}");
            assert!(command.chars().count() < 360, "a warning holds it: {}", command.chars().count());
        }
    }
}
