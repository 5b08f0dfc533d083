//! How fast a policy is judged, without an API server: `cargo bench --bench decide`, and part of `make bench`.
//!
//! A pass is all that the operator computes for one undecided request between reading and writing: it is screened, the
//! policy's conditions and rules are judged, the questions and the decisions on it are weighed, and its status is made.
//! The exit code says whether it could be measured, not whether the aim was met: machines differ.
#![allow(missing_docs, clippy::disallowed_methods, reason = "what is measured is measured by this machine's clock")]
mod case;

use case::Case;
use curfew::decide::matrix::Judgement;
use curfew::decide::screening::screen;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What screening may add to a request, apart from its API calls.
const AIM: Duration = Duration::from_millis(5);
/// How long each line is measured, and at least how often.
const TIME: Duration = Duration::from_secs(3);
const LEAST: usize = 200;

fn main() {
    let cases = [
        ("an ordinary policy and request", Case::ordinary()),
        ("the largest policy, an ordinary request", Case::largest_policy()),
        ("the largest policy and request", Case::largest()),
    ];
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("\ncurfew {}, one thread of {cores} cores, no API server\n", env!("CARGO_PKG_VERSION"));
    println!("{:<64}{:>8}{:>30}{:>14}   aim", "", "n", "p50 / p99 / max", "per second");
    for (name, case) in &cases {
        let filing = case.filing();
        let judged = measured(|| drop(black_box(Judgement::of(filing))));
        row(&format!("{name}: conditions and rules"), &judged, "");
        let screened = measured(|| drop(black_box(screen(&case.seen()))));
        row("  the same, and every check", &screened, "");
        let passed = measured(|| drop(black_box(case.pass())));
        row("  a whole pass", &passed, if passed.percentile(99) <= AIM { "PASS" } else { "MISS" });
    }
    println!(
        "\nTimes in ms. The aim: a whole pass takes at most {} ms, p99, apart from its API calls.",
        AIM.as_millis()
    );
}

/// Durations, from the least to the most.
struct Times(Vec<Duration>);
impl Times {
    /// The value that `percent` of all do not exceed (nearest rank).
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0[rank - 1]
    }
}

fn measured(of: impl Fn()) -> Times {
    of();
    let (start, mut times) = (Instant::now(), vec![]);
    while start.elapsed() < TIME || times.len() < LEAST {
        let from = Instant::now();
        of();
        times.push(from.elapsed());
    }
    times.sort_unstable();
    Times(times)
}

fn row(name: &str, times: &Times, aim: &str) {
    let milliseconds = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1000.0);
    let numbers = [times.percentile(50), times.percentile(99), times.percentile(100)].map(milliseconds).join(" / ");
    let rate = times.0.len() as f64 / times.0.iter().sum::<Duration>().as_secs_f64();
    println!("{name:<64}{:>8}{numbers:>30}{rate:>14.0}   {aim}", times.0.len());
}
