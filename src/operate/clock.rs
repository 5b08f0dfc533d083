//! The one place that reads the clock, and follows the API server's.
use crate::cluster::{Cluster, Error};
use crate::decide::Now;
use crate::decide::clock::Skew;
use crate::telemetry::Metrics;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// This machine's clock, and how far the API server's is ahead of it.
#[derive(Clone)]
pub struct Clock {
    read: fn() -> DateTime<Utc>,
    server_ahead_ms: Arc<AtomicI64>,
}
impl Clock {
    /// This machine's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn system() -> Self {
        Self::from(Utc::now)
    }
    /// Another one: a function, so that a test can hand in its own.
    pub fn from(read: fn() -> DateTime<Utc>) -> Self {
        Self { read, server_ahead_ms: Arc::default() }
    }
    /// The time of one pass.
    pub fn now(&self) -> Now {
        Now { wall: (self.read)(), server_ahead: TimeDelta::milliseconds(self.server_ahead_ms.load(Ordering::Relaxed)) }
    }
    /// Notes how far the API server's clock is ahead.
    pub fn note_server(&self, ahead: TimeDelta) {
        self.server_ahead_ms.store(ahead.num_milliseconds(), Ordering::Relaxed);
    }
}

/// How often the API server is asked for the time.
const MEASURE: Duration = Duration::from_secs(10);
/// How often this machine's two clocks are compared, and the time is asked for at first: not in whole seconds, so that
/// answers come from all over the second that `Date` leaves out.
const COMPARE: Duration = Duration::from_millis(1130);

/// Compares the clocks once, for as long as it takes: before that, nobody knows whether anything may begin or go.
pub async fn compare(cluster: &Cluster, clock: &Clock) {
    loop {
        match cluster.server_date().await {
            Ok(date) => return date.iter().for_each(|date| note(clock, *date - clock.now().wall)),
            Err(error) => {
                unread(&error);
                tokio::time::sleep(COMPARE).await;
            }
        }
    }
}
fn unread(error: &Error) {
    let (operation, error) = (error.label(), error as &(dyn std::error::Error + 'static));
    tracing::warn!(operation, error, "the API server's clock was not read");
}

/// Keeps `clock` informed of the API server's, for as long as it is polled.
pub async fn follow(cluster: Cluster, clock: Clock, metrics: Metrics) {
    let (start, mut skew, mut due) = (Instant::now(), Skew::default(), Instant::now());
    let mut ticks = interval(COMPARE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if skew.stepped(start.elapsed(), clock.now().wall) {
            tracing::warn!(outcome = "stepped", "this machine's clock was set, or the machine slept");
            due = Instant::now();
        }
        if due <= Instant::now() {
            measure(&cluster, &clock, &mut skew).await;
            due = Instant::now() + if skew.is_settled() { MEASURE } else { COMPARE };
        }
        if let Some(ahead) = skew.ahead() {
            note(&clock, ahead);
            metrics.clock_skew(ahead);
        }
    }
}

async fn measure(cluster: &Cluster, clock: &Clock, skew: &mut Skew) {
    match cluster.server_date().await {
        Ok(Some(date)) => skew.measured(date, clock.now().wall),
        Ok(None) => tracing::warn!(operation = "read_clock", "the API server's answer has no date"),
        Err(error) => unread(&error),
    }
}

fn note(clock: &Clock, ahead: TimeDelta) {
    let trusted = clock.now().is_trusted();
    clock.note_server(ahead);
    let now = clock.now();
    if now.is_trusted() != trusted {
        let ahead = now.server_ahead.num_milliseconds();
        tracing::warn!(
            outcome = if trusted { "apart" } else { "agree" },
            ahead_ms = ahead,
            "the clocks of this machine and the API server"
        );
    }
}
