//! Many ends: at a steady rate, and all at one instant.
use crate::seen::What;
use crate::site::{Site, namespace};
use crate::table::Times;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::{StreamExt, stream};
use std::time::{Duration, Instant};

/// How many people ask and are let in at the same time. The fuses are what takes the time: kube-controller-manager
/// completes about 10 a second, as many as its default of 20 requests a second allows.
const AT_ONCE: usize = 16;
/// Ends per second, and for how many seconds. Ends are whole seconds, so 100 a second are 100 at the start of each.
const STEADY: [(usize, i64); 3] = [(1, 15), (10, 6), (100, 3)];
/// How many are begun first, to see how many this machine begins in a second.
const PACE: usize = 60;
/// Ends are planned as if everything took so much longer.
const MARGIN: f64 = 1.4;

/// How late the ends of one steady series were.
pub struct Steady {
    pub per_second: usize,
    pub late: Times,
}
/// A thousand that live, and end together.
pub struct Full {
    names: Vec<String>,
    end: DateTime<Utc>,
}
/// How they ended.
pub struct AtOnce {
    /// How many lived.
    pub begun: usize,
    pub late: Times,
    /// From the instant to the last record of an end.
    pub recorded: Duration,
}
impl AtOnce {
    /// Bindings per second, from the instant to the last one.
    pub fn rate(&self) -> f64 {
        self.late.len() as f64 / self.late.max().as_secs_f64()
    }
}

/// How many grants are begun in a second.
#[derive(Clone, Copy)]
pub struct Pace(f64);

struct Plan {
    name: String,
    place: String,
    end: DateTime<Utc>,
}

/// The three series, one after the other, of grants that were all begun before.
pub async fn steady(site: &Site) -> (Vec<Steady>, Pace) {
    let count: usize = STEADY.iter().map(|(rate, seconds)| rate * *seconds as usize).sum();
    let later = Utc::now() + TimeDelta::minutes(10);
    let first: Vec<Plan> = (0..PACE).map(|n| plan("pace", n, later)).collect();
    let pace = begin(site, first.iter()).await;
    let start = far_enough_for(count, pace);
    eprintln!("{count} grants that end at 1, 10 and 100 a second, from {start}");
    let (mut plans, mut from) = (vec![], start);
    for (rate, seconds) in STEADY {
        for n in 0..rate * seconds as usize {
            let end = from + TimeDelta::seconds((n / rate) as i64);
            plans.push((rate, plan(&format!("steady-{rate}"), n, end)));
        }
        // A pause, so that one series does not end in the work that the one before has left.
        from += TimeDelta::seconds(seconds + 2);
    }
    begin(site, plans.iter().map(|(_, plan)| plan)).await;
    assert!(Utc::now() < start, "the grants were not made in time: this machine has too much else to do");
    let mut all = vec![];
    for (per_second, _) in STEADY {
        let of_it: Vec<&Plan> = plans.iter().filter(|(rate, _)| *rate == per_second).map(|(_, p)| p).collect();
        let last = of_it.iter().map(|p| p.end).max().unwrap_or(start);
        sleep_until(last).await;
        let mut late = vec![];
        for plan in of_it {
            late.push(lateness(site, &plan.name).await);
        }
        for (second, of_it) in late.chunks(per_second).enumerate().filter(|_| per_second > 10) {
            let of_it: Times = of_it.iter().copied().collect();
            eprintln!("{per_second} a second, second {second}: {} ms", of_it.in_words());
        }
        all.push(Steady { per_second, late: late.into_iter().collect() });
    }
    for (_, plan) in &plans {
        site.seen.when(What::Ended, &plan.name).await;
    }
    (all, pace)
}

/// Begins as many as shall end at one instant.
pub async fn begin_all(site: &Site, all: usize, pace: Pace) -> Full {
    let end = far_enough_for(all, pace);
    eprintln!("{all} grants that end at {end}");
    let plans: Vec<Plan> = (0..all).map(|n| plan("all", n, end)).collect();
    begin(site, plans.iter()).await;
    let names: Vec<String> = plans.into_iter().map(|p| p.name).collect();
    assert!(Utc::now() < end, "the grants were not made in time: this machine has too much else to do");
    Full { names, end }
}
/// Waits for their end.
pub async fn end_all(site: &Site, Full { names, end }: Full) -> AtOnce {
    sleep_until(end).await;
    let (mut late, begun) = (vec![], names.len());
    for name in &names {
        late.push((site.seen.end(name), lateness(site, name).await));
    }
    let mut recorded = Duration::ZERO;
    for name in &names {
        let ended = site.seen.when(What::Ended, name).await;
        recorded = recorded.max((ended.wall - end).to_std().unwrap_or_default());
    }
    // An approval that was seen a second later ends a second later: it is another instant.
    let late = late.into_iter().filter(|(at, _)| *at == Some(end)).map(|(_, late)| late).collect();
    AtOnce { begun, late, recorded }
}

async fn lateness(site: &Site, request: &str) -> Duration {
    let gone = site.seen.when(What::BindingGone, request).await;
    (gone.wall - site.seen.end(request).unwrap()).to_std().expect("never early")
}

fn plan(series: &str, n: usize, end: DateTime<Utc>) -> Plan {
    Plan { name: format!("{series}-{n}"), place: namespace(n), end }
}

/// Has each filed by a person of its own and approved so that it ends when planned; returns when all have begun.
async fn begin(site: &Site, plans: impl Iterator<Item = &Plan>) -> Pace {
    let start = Instant::now();
    let begun = stream::iter(plans).map(|plan| begin_one(site, plan)).buffer_unordered(AT_ONCE).count().await;
    eprintln!("{begun} grants begun in {:.0} s", start.elapsed().as_secs_f64());
    Pace(begun as f64 / start.elapsed().as_secs_f64())
}
async fn begin_one(site: &Site, plan: &Plan) {
    let filed = site.file_as(&format!("person-{}", plan.name), &plan.name, &plan.place).await;
    site.seen.when(What::Waiting, &plan.name).await;
    // The end is the second in which the operator decides, and the duration: early in a second it is surely this one.
    let into = Utc::now().timestamp_subsec_millis();
    if into > 600 {
        tokio::time::sleep(Duration::from_millis((1001 - into).into())).await;
    }
    let now = Utc::now().duration_trunc(TimeDelta::seconds(1)).unwrap();
    site.approve(&filed, (plan.end - now).num_seconds()).await;
    site.seen.when(What::BindingMade, &plan.name).await;
}

fn far_enough_for(count: usize, Pace(pace): Pace) -> DateTime<Utc> {
    let seconds = 15 + (count as f64 / pace * MARGIN).ceil() as i64;
    Utc::now().duration_trunc(TimeDelta::seconds(1)).unwrap() + TimeDelta::seconds(seconds)
}
async fn sleep_until(instant: DateTime<Utc>) {
    tokio::time::sleep((instant - Utc::now()).to_std().unwrap_or_default()).await;
}
