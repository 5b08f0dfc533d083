//! One access after the other: asked, agreed, begun, closed.
use crate::seen::What;
use crate::site::{Site, namespace};
use crate::table::Times;
use std::time::{Duration, Instant};

/// How many.
pub const COUNT: usize = 60;
const SECONDS: i64 = 600;

/// How long each took.
#[derive(Default)]
pub struct One {
    /// Approval to binding, less the time in which the fuse completed: that is kube-controller-manager's.
    pub begun: Times,
    /// Fuse created to fuse complete.
    pub fuse: Times,
    /// Approval to binding.
    pub bound: Times,
    /// Binding to access.
    pub visible: Times,
    /// Approval to access.
    pub all: Times,
    /// Close to no access.
    pub closed: Times,
}

struct Took {
    fuse: Duration,
    bound: Duration,
    visible: Duration,
    all: Duration,
    closed: Duration,
}

/// Measures the series.
pub async fn by_one(site: &Site) -> One {
    let mut took = vec![];
    for n in 0..COUNT {
        took.push(life(site, n).await);
    }
    let each = |of: fn(&Took) -> Duration| took.iter().map(of).collect::<Times>();
    One {
        begun: each(|t| t.bound.saturating_sub(t.fuse)),
        fuse: each(|t| t.fuse),
        bound: each(|t| t.bound),
        visible: each(|t| t.visible),
        all: each(|t| t.all),
        closed: each(|t| t.closed),
    }
}

async fn life(site: &Site, n: usize) -> Took {
    let (name, place) = (format!("one-{n}"), namespace(n));
    let filed = site.file(&site.alice, &name, &place).await;
    site.seen.when(What::Waiting, &name).await;
    site.approve(&filed, SECONDS).await;
    let approved = Instant::now();
    let made = site.seen.when(What::BindingMade, &name).await;
    site.until_may(&site.alice, &place, true).await;
    let visible = Instant::now();
    let [fuse, complete] = [What::FuseMade, What::FuseComplete].map(|what| site.seen.at(what, &name).unwrap().at);

    site.close(&filed).await;
    let closed = Instant::now();
    site.until_may(&site.alice, &place, false).await;
    let gone = Instant::now();
    // alice may hold one access at a time.
    site.seen.when(What::Ended, &name).await;
    Took {
        fuse: complete - fuse,
        bound: made.at - approved,
        visible: visible.saturating_duration_since(made.at),
        all: visible - approved,
        closed: gone - closed,
    }
}
