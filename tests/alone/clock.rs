//! This machine's clock and the API server's.
use super::{Bed, Task};
use chrono::{DateTime, TimeDelta, Utc};
use curfew::operate::clock::{Clock, follow};
use curfew::telemetry::Metrics;
use std::time::Duration;
use tokio::time::sleep;

fn an_hour_behind() -> DateTime<Utc> {
    Utc::now() - TimeDelta::hours(1)
}
fn an_hour_ahead() -> DateTime<Utc> {
    Utc::now() + TimeDelta::hours(1)
}

async fn followed(clock: &Clock) -> Task {
    let cluster = Bed::new().await.cluster().await;
    let task = Task::new(follow(cluster, clock.clone(), Metrics::new()));
    sleep(Duration::from_secs(4)).await;
    task
}

#[tokio::test]
async fn a_clock_that_agrees_is_trusted_and_ends_nothing_early() {
    let clock = Clock::system();
    let _task = followed(&clock).await;
    let now = clock.now();
    assert!(now.is_trusted() && now.server_ahead <= TimeDelta::zero(), "{now:?}");
    assert_eq!(now.for_ending(), now.wall);
}

#[tokio::test]
async fn a_clock_that_is_behind_begins_nothing_and_prolongs_nothing() {
    let clock = Clock::from(an_hour_behind);
    let _task = followed(&clock).await;
    let now = clock.now();
    assert!(!now.is_trusted(), "{now:?}");
    assert!((now.for_ending() - Utc::now()).abs() < TimeDelta::seconds(2), "{now:?}");
}

#[tokio::test]
async fn a_clock_that_is_ahead_begins_nothing() {
    let clock = Clock::from(an_hour_ahead);
    let _task = followed(&clock).await;
    assert!(!clock.now().is_trusted());
}

#[tokio::test]
async fn a_refusal_tells_the_time_too() {
    let bed = Bed::new().await;
    let nobody = bed.connection.client(&bed.connection.user("nobody", &[]).unwrap()).await.unwrap();
    let date = curfew::cluster::Cluster::new(nobody).server_date().await.unwrap().unwrap();
    assert!((date - Utc::now()).abs() < TimeDelta::seconds(2));
}
