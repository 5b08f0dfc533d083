//! What is printed.
use crate::bare::{Bare, Deletes};
use crate::ends::{AtOnce, Steady};
use crate::one::One;
use crate::plugin::{Plugin, Verb};
use crate::site::{Memory, Site};
use std::time::Duration;

/// The most that a request may take in relation to the bare calls.
const BEGIN_RATIO: f64 = 3.0;
/// The least part of the bare rate at which what ends together is drained.
const DRAIN_RATIO: f64 = 0.8;
/// The most that the plugin may take to start and end, and the calls of the API that one verb stays below.
const START: Duration = Duration::from_millis(50);
const CALLS: usize = 10;
const LATE_P99: Duration = Duration::from_millis(250);
const LATE_MAX: Duration = Duration::from_secs(1);

/// Durations of one kind.
#[derive(Clone, Default)]
pub struct Times(Vec<Duration>);
impl Times {
    /// The value that `percent` of all do not exceed (nearest rank).
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }
    pub fn max(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// `p50 / p99 / max`, in milliseconds.
    pub fn in_words(&self) -> String {
        let all = [self.percentile(50), self.percentile(99), self.max()];
        all.map(milliseconds).join(" / ")
    }
}
impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        Self(times.into_iter().collect())
    }
}

/// One line: what was measured, its numbers, the bare ones beside it, their ratio, and whether the aim was met.
pub struct Row {
    what: String,
    count: String,
    numbers: String,
    bare: String,
    ratio: String,
    aim: String,
}
impl Row {
    /// Times without anything beside them.
    fn times(what: &str, times: &Times) -> Self {
        let numbers = times.in_words();
        let empty = String::new;
        Self { what: what.into(), count: times.len().to_string(), numbers, bare: empty(), ratio: empty(), aim: empty() }
    }
    /// Beside the bare calls; the ratio is that of the medians.
    fn beside(self, times: &Times, bare: &Times) -> Self {
        let numbers = [50, 99].map(|p| milliseconds(bare.percentile(p))).join(" / ");
        Self { bare: numbers, ratio: format!("{:.2}", ratio(times, bare)), ..self }
    }
    fn aim(self, met: bool, words: &str) -> Self {
        Self { aim: format!("{} {words}", if met { "PASS" } else { "MISS" }), ..self }
    }
    /// The operator's resident memory.
    pub fn memory(live: usize, Memory { now, most }: Memory, limit: f64) -> Self {
        let empty = String::new;
        Self {
            what: "operator, resident memory".into(),
            count: live.to_string(),
            numbers: format!("{now:.0} MiB (peak {most:.0})"),
            bare: empty(),
            ratio: empty(),
            aim: empty(),
        }
        .aim(now < limit, &format!("below {limit:.0} MiB with 1,000 live grants"))
    }
    /// One time, in seconds.
    pub fn seconds(what: &str, count: usize, time: Duration) -> Self {
        Self::words(what, count, format!("{:.1} s", time.as_secs_f64()))
    }
    /// The operator's resident memory, whatever it may be.
    pub fn resident(what: &str, count: usize, Memory { now, most }: Memory) -> Self {
        Self::words(what, count, format!("{now:.0} MiB (peak {most:.0})"))
    }
    /// A size, in KiB.
    pub fn size(what: &str, count: usize, kib: f64) -> Self {
        Self::words(what, count, format!("{kib:.1} KiB"))
    }
    fn words(what: &str, count: usize, numbers: String) -> Self {
        let empty = String::new;
        Self { what: what.into(), count: count.to_string(), numbers, bare: empty(), ratio: empty(), aim: empty() }
    }
    fn cells(&self) -> [&str; 6] {
        [&self.what, &self.count, &self.numbers, &self.bare, &self.ratio, &self.aim]
    }
}

/// All lines.
pub struct Table {
    heading: String,
    rows: Vec<Row>,
}
impl Table {
    pub fn new(site: &Site) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load: Vec<&str> = load.split_whitespace().take(3).collect();
        let heading = format!(
            "curfew {}, Kubernetes {}, {cores} cores shared with etcd, API server and everything else; load before: {}",
            env!("CARGO_PKG_VERSION"),
            site.kubernetes,
            load.join(" ")
        );
        Self { heading, rows: vec![] }
    }
    /// Adds a line, and says so at once: all of it takes minutes.
    pub fn add(&mut self, row: Row) {
        eprintln!("measured: {}: {}", row.what.trim_start(), row.numbers);
        self.rows.push(row);
    }

    pub fn begin_and_close(&mut self, one: &One, bare: &Bare) {
        let met = ratio(&one.begun, &bare.begun) <= BEGIN_RATIO;
        self.add(
            Row::times("approval -> binding, without the fuse", &one.begun)
                .beside(&one.begun, &bare.begun)
                .aim(met, "within 3x of the same calls, bare"),
        );
        self.add(Row::times("  the same beside its writes alone", &one.begun).beside(&one.begun, &bare.writes));
        self.add(Row::times("  the fuse: created -> complete", &one.fuse));
        self.add(Row::times("  approval -> binding, with the fuse", &one.bound));
        self.add(Row::times("binding -> access visible", &one.visible).beside(&one.visible, &bare.visible));
        self.add(Row::times("approval -> access visible, in all", &one.all));
        self.add(Row::times("close -> access gone", &one.closed).beside(&one.closed, &bare.closed));
    }
    pub fn plugin(&mut self, Plugin { start, verbs }: &Plugin) {
        let row = Row::times("kubectl access: start and end", start);
        self.add(row.aim(start.percentile(50) < START, "p50 below 50 ms"));
        for Verb { name, times, calls } in verbs {
            let row = Row::times(&format!("  kubectl access {name}"), times);
            self.add(row.aim(*calls < CALLS, &format!("{calls} API calls at most, below {CALLS}")));
        }
    }
    pub fn steady(&mut self, Steady { per_second, late }: &Steady) {
        let met = late.percentile(99) <= LATE_P99 && late.max() <= LATE_MAX;
        let row = Row::times(&format!("lateness, {per_second} ends per second"), late);
        self.add(row.aim(met, "p99 <= 250 ms, max <= 1 s"));
    }
    pub fn at_once(&mut self, at_once: &AtOnce, deletes: &Deletes) {
        self.add(Row::times(&format!("lateness, {} ends at one instant", at_once.late.len()), &at_once.late));
        let (rate, bare) = (at_once.rate(), deletes.rate());
        let row = Row {
            what: "  drained, bindings per second".into(),
            count: at_once.late.len().to_string(),
            numbers: format!("{rate:.0}"),
            bare: format!("{bare:.0}"),
            ratio: format!("{:.2}", rate / bare),
            aim: String::new(),
        };
        self.add(row.aim(rate / bare >= DRAIN_RATIO, ">= 0.8 of the bare DELETE rate"));
        self.add(Row::times("  last record written after that instant", &[at_once.recorded].into_iter().collect()));
    }

    pub fn print(&self) {
        let names = ["", "n", "p50 / p99 / max", "bare p50 / p99", "ratio", "aim"];
        let lines: Vec<[&str; 6]> = std::iter::once(names).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..6).map(width).collect();
        println!("\n{}\n", self.heading);
        for line in &lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        let missed = self.rows.iter().filter(|row| row.aim.starts_with("MISS")).count();
        println!("\nTimes in ms unless said otherwise. A missed aim ({missed} here) does not make this fail.");
    }
}

fn ratio(times: &Times, bare: &Times) -> f64 {
    times.percentile(50).as_secs_f64() / bare.percentile(50).as_secs_f64()
}
fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 { format!("{milliseconds:.1}") } else { format!("{milliseconds:.0}") }
}
