//! When people work, and where their day ends: a time zone, work days, hours and holidays.
use chrono::{NaiveDate, NaiveTime};
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::borrow::Cow;
use strum::{EnumString, IntoStaticStr};

/// The most holidays of one calendar.
pub const MOST_HOLIDAYS: usize = 128;

/// When people work, and where their day ends. What is left out is as in the installation's calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Calendar {
    /// The IANA time zone, such as `Europe/Berlin`; daylight saving is as this zone has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"))]
    pub time_zone: Option<String>,
    /// The days of the week on which people work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub work_days: Option<Vec<Weekday>>,
    /// From when to when on those days, by the clock on the wall: `09:00-18:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_hours: Option<WorkHours>,
    /// Days on which nobody works, such as `2026-12-25`; an empty list means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MOST_HOLIDAYS))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub holidays: Option<Vec<NaiveDate>>,
}

/// A day of the week.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr,
)]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}
impl From<chrono::Weekday> for Weekday {
    fn from(day: chrono::Weekday) -> Self {
        match day {
            chrono::Weekday::Mon => Self::Mon,
            chrono::Weekday::Tue => Self::Tue,
            chrono::Weekday::Wed => Self::Wed,
            chrono::Weekday::Thu => Self::Thu,
            chrono::Weekday::Fri => Self::Fri,
            chrono::Weekday::Sat => Self::Sat,
            chrono::Weekday::Sun => Self::Sun,
        }
    }
}

/// From when to when, within one day: `09:00-18:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkHours {
    begin: u32, // minutes since midnight
    end: u32,   // the same; at most 24:00
}

const HOURS: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";
const HOURS_SAY: &str = "must be two times of one day, the earlier first, like 09:00-18:00";

impl WorkHours {
    /// When work begins.
    pub fn begin(self) -> NaiveTime {
        NaiveTime::MIN + chrono::TimeDelta::minutes(self.begin.into())
    }
    /// Whether this time of a day is within them; the end is not.
    pub fn contain(self, time: NaiveTime) -> bool {
        let minutes = (time - NaiveTime::MIN).num_minutes();
        (i64::from(self.begin)..i64::from(self.end)).contains(&minutes)
    }
}
impl Default for WorkHours {
    /// 09:00 to 18:00.
    fn default() -> Self {
        Self { begin: 9 * 60, end: 18 * 60 }
    }
}
impl std::str::FromStr for WorkHours {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let time = |text: &str| {
            let (hours, minutes) = text.split_once(':')?;
            let two = |text: &str| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse());
            let (hours, minutes): (u32, u32) = (two(hours)?.ok()?, two(minutes)?.ok()?);
            (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
        };
        let whole = text.split_once('-').and_then(|(begin, end)| Some((time(begin)?, time(end)?)));
        match whole {
            Some((begin, end)) if begin < end => Ok(Self { begin, end }),
            _ => Err(HOURS_SAY.to_owned()),
        }
    }
}
impl std::fmt::Display for WorkHours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { begin, end } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", begin / 60, begin % 60, end / 60, end % 60)
    }
}
impl Serialize for WorkHours {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for WorkHours {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}
impl JsonSchema for WorkHours {
    fn schema_name() -> Cow<'static, str> {
        "WorkHours".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // One rule, so that what is no time is not also called a wrong order.
        json_schema!({"type": "string", "maxLength": 11,
            "x-kubernetes-validations": [{"message": HOURS_SAY,
                "rule": format!("self.matches('{HOURS}') && self.substring(0, 5) < self.substring(6, 11)")}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_hours_are_read_and_written_alike() {
        for text in ["09:00-18:00", "00:00-24:00", "07:30-15:45", "23:59-24:00"] {
            assert_eq!(text.parse::<WorkHours>().map(|h| h.to_string()).as_deref(), Ok(text));
        }
    }
    #[test]
    fn what_is_no_span_of_a_day_is_refused() {
        for text in [
            "",
            "09:00",
            "9:00-18:00",
            "18:00-09:00",
            "09:00-09:00",
            "22:00-06:00",
            "09:00-24:01",
            "09:60-18:00",
            "09.00-18.00",
            "09:00-18:00 ",
            "+9:00-18:00",
            "09:00–18:00",
            "24:00-24:00",
            "09:00-18:00-20:00",
        ] {
            assert_eq!(text.parse::<WorkHours>(), Err(HOURS_SAY.to_owned()), "{text}");
            assert!(serde_json::from_value::<WorkHours>(text.into()).is_err(), "{text}");
        }
    }
    #[test]
    fn work_ends_when_its_last_minute_does() {
        let hours: WorkHours = "09:00-18:00".parse().unwrap();
        let at = |text: &str| hours.contain(text.parse().unwrap());
        assert!(at("09:00:00") && at("17:59:59") && !at("18:00:00") && !at("08:59:59"));
        assert_eq!(hours.begin(), "09:00:00".parse().unwrap());
    }
}
