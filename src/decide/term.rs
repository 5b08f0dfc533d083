//! How long: the one place that knows which cap is lowest.
use super::Installation;
use crate::api::policy::{Access, AccessPolicySpec};
use crate::api::time::Span;
use chrono::TimeDelta;

/// The longest that this access may last, and which maximum says so: the least of all wins (E16).
pub fn longest(policy: &AccessPolicySpec, access: &Access, installation: &Installation) -> (TimeDelta, &'static str) {
    let caps = [
        (policy.duration.max.delta(), "the policy's duration.max"),
        (access.max_duration.map_or(TimeDelta::MAX, Span::delta), "the access's maxDuration"),
    ];
    let installed = (installation.max_duration, "the operator's --max-duration");
    caps.into_iter().fold(installed, |lowest, cap| if cap.0 < lowest.0 { cap } else { lowest })
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
            let (time, by) = longest(&policy, &access, &installation);
            assert_eq!(in_words(time), longest_);
            assert!(by.contains(says), "{by}");
        }
    }
}
