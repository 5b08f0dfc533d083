//! Durations and instants: the only module that knows both chrono and Kubernetes' jiff.
use chrono::{DateTime, SubsecRound, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::borrow::Cow;

/// An RFC 3339 instant in UTC and whole seconds: `2026-11-21T05:35:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    /// Cuts off what is below a second.
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(0))
    }
    /// The same in chrono.
    pub fn get(self) -> DateTime<Utc> {
        self.0
    }
    /// So much later; `None` beyond chrono's range.
    pub fn checked_add(self, span: chrono::TimeDelta) -> Option<Self> {
        self.0.checked_add_signed(span).map(Self::new)
    }
}
impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%dT%H:%M:%SZ"))
    }
}
impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(d)?;
        DateTime::parse_from_rfc3339(&text).map(|at| Self::new(at.to_utc())).map_err(D::Error::custom)
    }
}
impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time",
                      "pattern": r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$"})
    }
}
impl From<Instant> for Time {
    fn from(at: Instant) -> Self {
        Time(Timestamp::from_second(at.0.timestamp()).expect("chrono years 2000..2099 fit jiff"))
    }
}
/// The same in microseconds, as a Lease has it; `None` outside jiff's range.
pub fn micro(at: DateTime<Utc>) -> Option<MicroTime> {
    Timestamp::from_microsecond(at.timestamp_micros()).ok().map(MicroTime)
}
impl TryFrom<&Time> for Instant {
    type Error = &'static str;
    fn try_from(at: &Time) -> Result<Self, Self::Error> {
        DateTime::from_timestamp(at.0.as_second(), 0).map(Self).ok_or("outside chrono's range")
    }
}

/// When the API server made an object; `None` before it has.
pub fn made(object: &ObjectMeta) -> Option<Instant> {
    object.creation_timestamp.as_ref().and_then(|at| Instant::try_from(at).ok())
}

/// A span of time such as `30m` or `1h30m`: hours, minutes, seconds, each at most once and in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u32); // seconds; at most 9999h9999m59999s < 2^32

const SPAN: &str = "^([0-9]{1,4}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?$";

impl Span {
    /// So many seconds.
    pub fn from_secs(seconds: u32) -> Self {
        Self(seconds)
    }
    /// The same in chrono.
    pub fn delta(self) -> chrono::TimeDelta {
        chrono::TimeDelta::seconds(self.0.into())
    }
}
/// Reads whole days like `30d`, or a [`Span`]: how far back somebody looks. Never nothing.
///
/// # Errors
/// In words, with what is allowed.
pub fn days_or_span(text: &str) -> Result<chrono::TimeDelta, String> {
    let days = text.strip_suffix('d').filter(|n| n.len() <= 4 && n.bytes().all(|b| b.is_ascii_digit()));
    let span = match days {
        Some(days) => days.parse().ok().and_then(chrono::TimeDelta::try_days),
        None => text.parse::<Span>().ok().map(Span::delta),
    };
    span.filter(|span| *span > chrono::TimeDelta::zero()).ok_or_else(|| "must be a span like 7d or 12h".into())
}

impl From<chrono::TimeDelta> for Span {
    /// Nothing below a second, and nothing below zero.
    fn from(delta: chrono::TimeDelta) -> Self {
        Self(u32::try_from(delta.num_seconds().max(0)).unwrap_or(u32::MAX))
    }
}
impl std::str::FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a duration like 30m or 1h30m");
        let (mut rest, mut total, mut any) = (text, 0u32, false);
        for (unit, factor, digits) in [('h', 3600u32, 4), ('m', 60, 4), ('s', 1, 5)] {
            if let Some((number, tail)) = rest.split_once(unit) {
                if number.is_empty() || number.len() > digits || !number.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(bad());
                }
                let value: u32 = number.parse().map_err(|_| bad())?;
                total = value.checked_mul(factor).and_then(|v| v.checked_add(total)).ok_or_else(bad)?;
                (rest, any) = (tail, true);
            }
        }
        if any && rest.is_empty() { Ok(Self(total)) } else { Err(bad()) }
    }
}
impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (h, m, s) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        if h > 0 {
            write!(f, "{h}h")?
        }
        if m > 0 {
            write!(f, "{m}m")?
        }
        if s > 0 || self.0 == 0 {
            write!(f, "{s}s")?
        }
        Ok(())
    }
}
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}
impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 16,
            "x-kubernetes-validations": [{"rule": format!("size(self) > 1 && self.matches('{SPAN}') && duration(self) >= duration('1s') && duration(self) <= duration('9999h')"),
                                          "message": "must be a duration in hours, minutes and seconds, like 30m or 1h30m, of at least 1s"}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("30m", Some(1800)),
            ("1h30m", Some(5400)),
            ("90s", Some(90)),
            ("9999h", Some(35_996_400)),
            ("", None),
            ("30", None),
            ("30m1h", None),
            ("-5m", None),
            ("1.5h", None),
            ("99999h", None),
            ("1h ", None),
            ("m", None),
            ("30M", None),
            ("٣m", None),
        ] {
            assert_eq!(text.parse::<Span>().ok(), seconds.map(Span::from_secs), "{text:?}");
        }
    }
    #[test]
    fn what_is_printed_can_be_read_again() {
        for seconds in [0, 1, 59, 60, 3599, 3600, 3661, 86400, 35_996_400] {
            let span = Span::from_secs(seconds);
            assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
    #[test]
    fn instants_are_whole_seconds_in_utc() {
        let at: Instant = serde_json::from_str("\"2026-11-21T05:35:00.9+02:00\"").unwrap();
        assert_eq!(at.to_string(), "2026-11-21T03:35:00Z");
        assert_eq!(Instant::try_from(&Time::from(at)), Ok(at));
    }
}
