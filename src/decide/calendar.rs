//! Work time and the end of a day, by the clock on the wall of one time zone.
//!
//! A zone's clock skips an hour and shows another one twice: what is skipped begins when the clock goes on, and of two
//! instants that it shows alike a start is the first.
use super::Installation;
use crate::api::calendar::{self as api, Weekday, WorkHours};
use crate::api::policy::AccessPolicySpec;
use crate::decide::text;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use std::collections::BTreeSet;

/// The longest time that a zone's clock has ever skipped, in minutes: a whole day, where one moved over the date line.
const LONGEST_GAP: i64 = 25 * 60;

/// A calendar with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
    days: BTreeSet<Weekday>,
    hours: WorkHours,
    holidays: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// A calendar of these parts.
    pub fn new(
        zone: Tz,
        days: impl IntoIterator<Item = Weekday>,
        hours: WorkHours,
        holidays: impl IntoIterator<Item = NaiveDate>,
    ) -> Self {
        Self { zone, days: days.into_iter().collect(), hours, holidays: holidays.into_iter().collect() }
    }

    /// The policy's calendar; what it leaves out is the installation's.
    ///
    /// # Errors
    /// The field that cannot be read, and what is allowed.
    pub fn of(policy: &AccessPolicySpec, installation: &Installation) -> Result<Self, String> {
        match &policy.calendar {
            None => Ok(installation.calendar.clone()),
            Some(written) => installation.calendar.with(written).map_err(|words| format!("spec.calendar.{words}")),
        }
    }

    /// This calendar, but for what is written.
    ///
    /// # Errors
    /// The field that cannot be read, and what is allowed.
    pub fn with(&self, written: &api::Calendar) -> Result<Self, String> {
        let api::Calendar { time_zone, work_days, work_hours, holidays } = written;
        let zone = time_zone.as_deref().map(zone).transpose().map_err(|words| format!("timeZone: {words}"))?;
        if work_days.as_ref().is_some_and(Vec::is_empty) {
            return Err("workDays: name at least one of Mon, Tue, Wed, Thu, Fri, Sat, Sun".to_owned());
        }
        if holidays.as_ref().is_some_and(|all| all.len() > api::MOST_HOLIDAYS) {
            return Err(format!("holidays: at most {} days", api::MOST_HOLIDAYS));
        }
        Ok(Self {
            zone: zone.unwrap_or(self.zone),
            days: work_days.as_ref().map_or_else(|| self.days.clone(), |days| days.iter().copied().collect()),
            hours: work_hours.unwrap_or(self.hours),
            holidays: holidays.as_ref().map_or_else(|| self.holidays.clone(), |days| days.iter().copied().collect()),
        })
    }

    /// The zone's name, such as `Europe/Berlin`.
    pub fn time_zone(&self) -> &'static str {
        self.zone.name()
    }
    /// Whether people work then: on a work day that is no holiday, within the hours that the clock on the wall shows.
    pub fn is_work_time(&self, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.zone).naive_local();
        self.is_business_day(local.date()) && self.hours.contain(local.time())
    }
    /// The midnight that ends the day: the first instant of the next one, always later than `at`.
    pub fn end_of_day(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let today = at.with_timezone(&self.zone).date_naive();
        let midnight = today.checked_add_days(Days::new(1)).and_then(|next| self.first(next, NaiveTime::MIN, at));
        // Beyond what chrono can count there is no day to end.
        midnight.unwrap_or(at)
    }
    /// The first start of work after this instant: that of the next business day, or of this one before it begins.
    /// `None` beyond the years that can be counted.
    pub fn next_start_of_work(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = at.with_timezone(&self.zone).date_naive();
        // In every week one work day is no holiday, or a holiday is used up.
        let longest = 7 * (self.holidays.len() + 2);
        let business = today.iter_days().take(longest).filter(|date| self.is_business_day(*date));
        business
            .filter_map(|date| self.first(date, self.hours.begin(), at))
            .find(|start| *start > at && self.is_work_time(*start))
    }
    /// Until when something is owed on the same day: the midnight that ends it; of what comes after work, the next start of
    /// work (H12).
    pub fn same_day(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let date = |at: DateTime<Utc>| at.with_timezone(&self.zone).date_naive();
        let next = self.next_start_of_work(at).filter(|next| date(*next) != date(at) && !self.is_work_time(at));
        next.unwrap_or_else(|| self.end_of_day(at))
    }
    /// The midnight that ends the next business day.
    pub fn next_business_day(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        // A start of work at that very midnight is of the next day too.
        let over = self.end_of_day(at) - TimeDelta::seconds(1);
        self.next_start_of_work(over).map_or_else(|| self.end_of_day(at), |start| self.end_of_day(start))
    }
    /// The calendar as it is written, with nothing left open.
    pub fn written(&self) -> api::Calendar {
        api::Calendar {
            time_zone: Some(self.zone.name().to_owned()),
            work_days: Some(self.days.iter().copied().collect()),
            work_hours: Some(self.hours),
            holidays: Some(self.holidays.iter().copied().collect()),
        }
    }
    /// An instant as the clock on the wall shows it: `2026-11-21 23:40 (Europe/Berlin)`.
    pub fn in_words(&self, at: DateTime<Utc>) -> String {
        format!("{} ({})", at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M"), self.zone.name())
    }

    fn is_business_day(&self, date: NaiveDate) -> bool {
        use chrono::Datelike;
        self.days.contains(&date.weekday().into()) && !self.holidays.contains(&date)
    }
    /// When the clock shows this: the first time after `at` where it does so twice, and where it never does, when it goes
    /// on behind it.
    fn first(&self, date: NaiveDate, time: NaiveTime, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let wanted: NaiveDateTime = date.and_time(time);
        (0..=LONGEST_GAP).find_map(|minutes| {
            let shown = self.zone.from_local_datetime(&wanted.checked_add_signed(TimeDelta::minutes(minutes))?);
            let later = shown.latest()?.to_utc();
            let earlier = shown.earliest().map_or(later, |first| first.to_utc());
            Some(if earlier > at { earlier } else { later })
        })
    }
}
impl Default for Calendar {
    /// UTC, Monday to Friday, 09:00 to 18:00, no holidays.
    fn default() -> Self {
        use Weekday::*;
        Self::new(Tz::UTC, [Mon, Tue, Wed, Thu, Fri], WorkHours::default(), [])
    }
}

/// An IANA time zone by its name.
///
/// # Errors
/// What is allowed, with the names that were perhaps meant.
pub fn zone(name: &str) -> Result<Tz, String> {
    let plain = |name: &str| name.to_ascii_lowercase().replace([' ', '-'], "_");
    let wanted = plain(name);
    name.parse().map_err(|_| {
        let city = |zone: &&Tz| {
            let zone = plain(zone.name());
            zone == wanted || zone.rsplit('/').next() == Some(wanted.rsplit('/').next().unwrap_or(&wanted))
        };
        let meant: Vec<_> = TZ_VARIANTS.iter().filter(city).map(|zone| zone.name()).collect();
        let meant = if meant.is_empty() { String::new() } else { format!("; did you mean {}?", text::few(meant, 3)) };
        format!(
            "`{name}` is no IANA time zone; allowed are names such as Europe/Berlin, America/New_York and UTC{meant}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::screening::tests::{installation, policy};
    use chrono::Timelike;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const BERLIN: &str = "Europe/Berlin";
    const NEW_YORK: &str = "America/New_York";
    /// Southern, with half an hour of daylight saving.
    const LORD_HOWE: &str = "Australia/Lord_Howe";
    const SYDNEY: &str = "Australia/Sydney";
    const KOLKATA: &str = "Asia/Kolkata";
    /// Skips midnight itself when summer begins.
    const CAIRO: &str = "Africa/Cairo";
    /// Goes back at midnight, so that the last hour of a day comes twice.
    const SANTIAGO: &str = "America/Santiago";

    fn calendar(written: Value) -> Calendar {
        Calendar::default().with(&serde_json::from_value(written).unwrap()).unwrap()
    }
    fn zoned(zone: &str) -> Calendar {
        calendar(json!({"timeZone": zone}))
    }
    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn e4_a_day_ends_at_midnight_of_its_zone_also_when_clocks_change() {
        for (sentence, zone, at, end) in [
            ("a plain winter day", BERLIN, "2026-11-21T05:00:00Z", "2026-11-21T23:00:00Z"),
            ("a plain summer day", BERLIN, "2026-07-01T05:00:00Z", "2026-07-01T22:00:00Z"),
            ("23:40 has twenty minutes left", BERLIN, "2026-11-21T22:40:00Z", "2026-11-21T23:00:00Z"),
            ("midnight belongs to the new day", BERLIN, "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z"),
            ("a day of 23 hours", BERLIN, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("a day of 25 hours", BERLIN, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("the hour that comes twice, first", BERLIN, "2026-10-25T00:30:00Z", "2026-10-25T23:00:00Z"),
            ("the hour that comes twice, again", BERLIN, "2026-10-25T01:30:00Z", "2026-10-25T23:00:00Z"),
            ("across the ocean", NEW_YORK, "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
            ("across the ocean in autumn", NEW_YORK, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
            ("the south springs in October", SYDNEY, "2026-10-03T14:00:00Z", "2026-10-04T13:00:00Z"),
            ("the south falls in April", SYDNEY, "2026-04-04T13:00:00Z", "2026-04-05T14:00:00Z"),
            ("half an hour of saving", LORD_HOWE, "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"),
            ("no saving, and half an hour off", KOLKATA, "2026-06-01T18:29:59Z", "2026-06-01T18:30:00Z"),
            ("a midnight that is skipped", CAIRO, "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z"),
            ("a last hour that comes twice, first", SANTIAGO, "2026-04-05T02:30:00Z", "2026-04-05T04:00:00Z"),
            ("a last hour that comes twice, again", SANTIAGO, "2026-04-05T03:30:00Z", "2026-04-05T04:00:00Z"),
            ("back from the next day", "America/St_Johns", "2010-11-07T03:00:00Z", "2010-11-07T03:30:00Z"),
            ("a day that never was", "Pacific/Apia", "2011-12-30T08:00:00Z", "2011-12-30T10:00:00Z"),
            ("nobody moved the clock", "UTC", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z"),
        ] {
            assert_eq!(zoned(zone).end_of_day(utc(at)), utc(end), "{sentence}");
        }
    }
    #[test]
    fn work_time_is_what_the_clock_on_the_wall_shows() {
        let eve = json!({"timeZone": BERLIN, "holidays": ["2026-12-25"]});
        let nights = json!({"timeZone": BERLIN, "workDays": ["Sun"], "workHours": "01:00-03:00"});
        for (sentence, calendar, at, expected) in [
            ("it begins on the minute", zoned(BERLIN), "2026-11-23T08:00:00Z", true),
            ("and not a second before", zoned(BERLIN), "2026-11-23T07:59:59Z", false),
            ("it ends on the minute", zoned(BERLIN), "2026-11-23T17:00:00Z", false),
            ("and not a second before", zoned(BERLIN), "2026-11-23T16:59:59Z", true),
            ("in summer an hour earlier by UTC", zoned(BERLIN), "2026-07-01T07:00:00Z", true),
            ("Saturday is no work day", zoned(BERLIN), "2026-11-21T10:00:00Z", false),
            ("whose Saturday it is depends on the zone", zoned(SYDNEY), "2026-11-20T23:00:00Z", false),
            ("Friday night there is morning here", zoned(SYDNEY), "2026-11-19T23:00:00Z", true),
            ("nobody works on a holiday", calendar(eve.clone()), "2026-12-25T10:00:00Z", false),
            ("but on the day before", calendar(eve), "2026-12-24T10:00:00Z", true),
            ("both of the two hours count", calendar(nights.clone()), "2026-10-25T00:30:00Z", true),
            ("both of the two hours count, again", calendar(nights.clone()), "2026-10-25T01:30:00Z", true),
            ("after it they do not", calendar(nights.clone()), "2026-10-25T02:00:00Z", false),
            ("an hour that is skipped is not made up for", calendar(nights), "2026-03-29T01:00:00Z", false),
        ] {
            assert_eq!(calendar.is_work_time(utc(at)), expected, "{sentence}");
        }
    }
    #[test]
    fn the_next_start_of_work_skips_nights_weekends_and_holidays() {
        let holidays = json!({"timeZone": BERLIN, "holidays": ["2026-12-25", "2026-12-28"]});
        let two = |hours: &str| calendar(json!({"timeZone": BERLIN, "workDays": ["Sun"], "workHours": hours}));
        for (sentence, calendar, at, start) in [
            ("in the evening: tomorrow", zoned(BERLIN), "2026-11-23T19:00:00Z", "2026-11-24T08:00:00Z"),
            ("while at work: tomorrow", zoned(BERLIN), "2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"),
            ("before it: this morning", zoned(BERLIN), "2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
            ("on Friday: Monday", zoned(BERLIN), "2026-11-20T12:00:00Z", "2026-11-23T08:00:00Z"),
            ("over the change of clocks", zoned(BERLIN), "2026-03-27T12:00:00Z", "2026-03-30T07:00:00Z"),
            ("over the change back", zoned(NEW_YORK), "2026-10-30T20:00:00Z", "2026-11-02T14:00:00Z"),
            ("over holidays and a weekend", calendar(holidays), "2026-12-24T12:00:00Z", "2026-12-29T08:00:00Z"),
            ("the first of two", two("02:30-12:00"), "2026-10-24T00:00:00Z", "2026-10-25T00:30:00Z"),
            ("when the clock goes on", two("02:30-12:00"), "2026-03-28T00:00:00Z", "2026-03-29T01:00:00Z"),
            ("not in hours that are skipped", two("02:15-02:45"), "2026-03-28T00:00:00Z", "2026-04-05T00:15:00Z"),
        ] {
            assert_eq!(calendar.next_start_of_work(utc(at)), Some(utc(start)), "{sentence}");
        }
    }
    #[test]
    fn a_calendar_full_of_holidays_still_has_a_next_day() {
        let mondays = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap().iter_weeks().take(api::MOST_HOLIDAYS);
        let calendar = calendar(json!({"workDays": ["Mon"], "holidays": mondays.collect::<Vec<_>>()}));
        let start = calendar.next_start_of_work(utc("2026-11-23T00:00:00Z")).unwrap();
        assert_eq!(start, utc("2026-11-23T09:00:00Z") + TimeDelta::weeks(128));
    }
    #[test]
    fn what_a_policy_leaves_out_is_the_installations() {
        let mut installation = installation();
        installation.calendar = calendar(json!({"timeZone": SYDNEY, "holidays": ["2026-12-25"]}));
        let of = |written: Value| Calendar::of(&policy(written).spec, &installation);
        assert_eq!(of(json!({})), Ok(installation.calendar.clone()));
        let berlin = of(json!({"calendar": {"timeZone": BERLIN}})).unwrap();
        assert_eq!(berlin, calendar(json!({"timeZone": BERLIN, "holidays": ["2026-12-25"]})));
        let none = of(json!({"calendar": {"holidays": []}})).unwrap();
        assert_eq!(none, zoned(SYDNEY));
    }
    #[test]
    fn what_cannot_be_read_is_named_with_what_is_allowed() {
        for (written, says) in [
            (
                json!({"timeZone": "Mars/Olympus"}),
                "spec.calendar.timeZone: `Mars/Olympus` is no IANA time zone; allowed",
            ),
            (json!({"timeZone": "europe/berlin"}), "did you mean Europe/Berlin?"),
            (json!({"timeZone": "Berlin"}), "did you mean Europe/Berlin?"),
            (json!({"timeZone": "US/New-York"}), "did you mean America/New_York?"),
            (json!({"workDays": []}), "spec.calendar.workDays: name at least one of Mon"),
        ] {
            let said = Calendar::of(&policy(json!({"calendar": written})).spec, &installation()).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }
    #[test]
    fn times_are_told_as_people_there_read_them() {
        assert_eq!(zoned(BERLIN).in_words(utc("2026-11-21T22:40:00Z")), "2026-11-21 23:40 (Europe/Berlin)");
    }

    fn zones() -> impl Strategy<Value = Tz> {
        prop::sample::select(TZ_VARIANTS.as_slice())
    }
    fn instants() -> impl Strategy<Value = DateTime<Utc>> {
        // 2000 to 2099, as the schema has it.
        (946_684_800i64..4_102_444_800).prop_map(|at| DateTime::from_timestamp(at, 0).unwrap())
    }
    proptest! {
        #[test]
        fn e4_the_end_of_a_day_is_the_first_instant_of_a_later_one(zone in zones(), at in instants()) {
            let calendar = Calendar { zone, ..Calendar::default() };
            let end = calendar.end_of_day(at);
            let date = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
            prop_assert!(end > at && date(end) > date(at), "{zone} {at}: {end}");
            prop_assert!(date(end - TimeDelta::seconds(1)) <= date(at), "{zone} {at}: {end} is late");
            prop_assert!(end - at <= TimeDelta::hours(26), "{zone} {at}: {end}");
        }
        #[test]
        fn work_starts_in_work_time_after_time_off(zone in zones(), at in instants(), hours in 0u32..23) {
            let hours = format!("{hours:02}:30-24:00").parse().unwrap();
            let calendar = Calendar { zone, hours, ..Calendar::default() };
            let start = calendar.next_start_of_work(at).unwrap();
            prop_assert!(start > at && calendar.is_work_time(start));
            let local = start.with_timezone(&zone);
            let skipped = local.time() != hours.begin();
            prop_assert!(!skipped || !calendar.is_work_time(start - TimeDelta::seconds(1)), "{zone} {at}: {start}");
            prop_assert!(start - at <= TimeDelta::days(5), "three days off at most, and a gap");
            prop_assert_eq!(local.second(), 0);
        }
    }
}
