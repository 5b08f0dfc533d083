//! Times as people read them: by their own clock, absolute and relative.
use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use curfew::api::time::Instant;

/// By which clock times are shown.
#[derive(Clone, Copy, Debug)]
pub enum Zone {
    /// This machine's.
    Local,
    /// A certain one.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests of what is printed stand in one zone"))]
    Named(Tz),
}

/// Now, and the zone in which times are shown.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// Now.
    pub now: DateTime<Utc>,
    /// In which zone.
    pub zone: Zone,
}
impl When {
    /// `10:30` today, else `2026-12-01 10:30`.
    pub fn at(&self, at: Instant) -> String {
        match self.zone {
            Zone::Local => self.shown(at, &Local),
            Zone::Named(zone) => self.shown(at, &zone),
        }
    }
    fn shown<Z: TimeZone>(&self, at: Instant, zone: &Z) -> String
    where
        Z::Offset: std::fmt::Display,
    {
        let (at, now) = (at.get().with_timezone(zone), self.now.with_timezone(zone));
        let is_today = at.date_naive() == now.date_naive();
        at.format(if is_today { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
    }
    /// The first and the last second of a day.
    pub fn day(&self, day: NaiveDate) -> Option<(Instant, Instant)> {
        let second = TimeDelta::seconds(1);
        Some((self.midnight(day)?, self.midnight(day.succ_opt()?)?.checked_add(-second)?))
    }
    fn midnight(&self, day: NaiveDate) -> Option<Instant> {
        // A day may begin later than at midnight, where clocks are put forward then.
        let hours = (0..3).filter_map(|hour| day.and_hms_opt(hour, 0, 0));
        let first = |zone: &dyn Fn(NaiveDateTime) -> Option<DateTime<Utc>>| hours.clone().find_map(zone);
        let found = match self.zone {
            Zone::Local => first(&|at| Local.from_local_datetime(&at).earliest().map(|at| at.to_utc())),
            Zone::Named(zone) => first(&|at| zone.from_local_datetime(&at).earliest().map(|at| at.to_utc())),
        };
        found.map(Instant::new)
    }
    /// `10:30 (in 25m)`, `09:50 (15m ago)`.
    pub fn both(&self, at: Instant) -> String {
        format!("{} ({})", self.at(at), self.relative(at))
    }
    /// `in 25m`, `15m ago`, `now`.
    pub fn relative(&self, at: Instant) -> String {
        let left = at.get() - self.now;
        match left.num_seconds() {
            0 => "now".to_owned(),
            1.. => format!("in {}", span(left)),
            _ => format!("{} ago", span(-left)),
        }
    }
    /// `25m`: how long until then; nothing is left of what is past.
    pub fn left(&self, until: Instant) -> String {
        span((until.get() - self.now).max(TimeDelta::zero()))
    }
}

/// The two largest units that say something: `45s`, `25m`, `1h 5m`, `3d 2h`.
pub fn span(of: TimeDelta) -> String {
    let seconds = of.num_seconds();
    let (d, h, m, s) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let two = |a: i64, unit: char, b: i64, below: char| match b {
        0 => format!("{a}{unit}"),
        _ => format!("{a}{unit} {b}{below}"),
    };
    match (d, h, m) {
        (1.., ..) => two(d, 'd', h, 'h'),
        (_, 1.., _) => two(h, 'h', m, 'm'),
        (_, _, 5..) => format!("{m}m"),
        (_, _, 1..) => two(m, 'm', s, 's'),
        _ => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_by_the_persons_own_clock_absolute_and_relative() {
        let now = "2026-12-01T08:15:00Z".parse().unwrap();
        let when = When { now, zone: Zone::Named(chrono_tz::Europe::Berlin) };
        for (at, shown) in [
            ("2026-12-01T08:40:00Z", "09:40 (in 25m)"),
            ("2026-12-01T08:15:00Z", "09:15 (now)"),
            ("2026-12-01T08:14:20Z", "09:14 (40s ago)"),
            ("2026-12-01T22:59:00Z", "23:59 (in 14h 44m)"),
            ("2026-12-01T23:00:00Z", "2026-12-02 00:00 (in 14h 45m)"),
            ("2026-11-27T08:15:00Z", "2026-11-27 09:15 (4d ago)"),
            ("2026-12-01T08:17:05Z", "09:17 (in 2m 5s)"),
        ] {
            assert_eq!(when.both(Instant::new(at.parse().unwrap())), shown);
        }
        assert_eq!(when.left(Instant::new(now - TimeDelta::hours(1))), "0s");
    }
    #[test]
    fn a_day_is_the_persons_own_also_where_clocks_are_put_forward() {
        let day = |zone: Tz, day: &str| {
            let when = When { now: "2026-12-01T08:15:00Z".parse().unwrap(), zone: Zone::Named(zone) };
            when.day(day.parse().unwrap()).map(|(first, last)| format!("{first} {last}")).unwrap()
        };
        use chrono_tz::{Africa::Cairo, Europe::Berlin};
        assert_eq!(day(Berlin, "2026-11-20"), "2026-11-19T23:00:00Z 2026-11-20T22:59:59Z");
        assert_eq!(day(Berlin, "2026-03-29"), "2026-03-28T23:00:00Z 2026-03-29T21:59:59Z", "23 hours");
        assert_eq!(day(Cairo, "2026-04-24"), "2026-04-23T22:00:00Z 2026-04-24T20:59:59Z", "it begins at one");
    }
}
