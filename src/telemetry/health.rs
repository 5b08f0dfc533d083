//! Whether the operator is alive, and whether it is ready.
use crate::decide::{Fuses, Guard, Standing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long the expiry task may be silent: a loop is at most 30 s, and a call in it 10 s.
pub const SILENCE: Duration = Duration::from_secs(90);

/// What the tasks say of themselves, for whoever asks: a handle, cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);
struct Inner {
    began: Instant,
    last_beat_ms: AtomicU64,
    has_index: AtomicBool,
    rush: watch::Sender<bool>,
    standing: Arc<watch::Sender<Standing>>,
}

/// One line of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
    pub found: Found,
}
/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// As it must be.
    Good,
    /// Said, but nothing is wrong.
    Note(String),
    /// Not ready, and why.
    Bad(String),
}
impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.found {
            Found::Good => write!(f, "[+]{} ok", self.name),
            Found::Note(words) => write!(f, "[+]{}: {words}", self.name),
            Found::Bad(words) => write!(f, "[-]{}: {words}", self.name),
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}
impl Health {
    /// Alive for as long as a first beat may take; not ready.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            last_beat_ms: AtomicU64::new(0),
            has_index: AtomicBool::new(false),
            rush: watch::Sender::new(false),
            standing: Arc::new(watch::Sender::new(Standing::unknown())),
        }))
    }
    /// The expiry task went round once more. At least every [`SILENCE`]; anything less, and the process is restarted.
    pub fn beat(&self) {
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last_beat_ms.store(now, Ordering::Relaxed);
    }
    /// The expiry task knows every grant that can end, or does not any more.
    pub fn has_index(&self, whether: bool) {
        self.0.has_index.store(whether, Ordering::Relaxed);
    }
    /// Many accesses end now or in a moment, or do not any more.
    pub fn rush(&self, whether: bool) {
        self.0.rush.send_if_modified(|rush| std::mem::replace(rush, whether) != whether);
    }
    /// Whether that is so: what can wait for a moment should.
    pub fn is_rush(&self) -> bool {
        *self.0.rush.borrow()
    }
    /// Resolves when that is not so.
    pub async fn calm(&self) {
        drop(self.0.rush.subscribe().wait_for(|rush| !rush).await);
    }
    /// What holds. The lease, guard and fuse-test tasks each write their part with `send_modify`; passes `subscribe`.
    pub fn standing(&self) -> &Arc<watch::Sender<Standing>> {
        &self.0.standing
    }
    /// For how long the expiry task has been silent.
    pub fn silence(&self) -> Duration {
        self.0.began.elapsed().saturating_sub(Duration::from_millis(self.0.last_beat_ms.load(Ordering::Relaxed)))
    }
    /// The lines of `/readyz`, in the order in which people read them.
    pub fn checks(&self) -> Vec<Check> {
        checks(&self.0.standing.borrow(), self.0.has_index.load(Ordering::Relaxed))
    }
}

fn checks(standing: &Standing, has_index: bool) -> Vec<Check> {
    let admission = match &standing.guard {
        Guard::Unknown => Found::Bad("not looked at yet; nothing is granted".into()),
        Guard::Broken(what) => Found::Bad(format!("{what}; nothing is granted, ends go on")),
        Guard::Intact { .. } => Found::Good,
    };
    let expiry = match has_index {
        true => Found::Good,
        false => Found::Bad("the grants are not read yet; fuses end what is due".into()),
    };
    let fuses = match &standing.fuses {
        Fuses::Unknown => Found::Note("not tried yet".into()),
        Fuses::DoNotBurn(what) => Found::Bad(format!("access would outlive a dead operator: {what}")),
        Fuses::Burn => Found::Good,
    };
    let lease = match standing.lease_held {
        true => Found::Note("held: this replica grants".into()),
        false => Found::Note("not held: this replica only ends".into()),
    };
    vec![
        Check { name: "admission", found: admission },
        Check { name: "expiry", found: expiry },
        Check { name: "fuses", found: fuses },
        Check { name: "lease", found: lease },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_follows_the_guard_the_index_and_the_fuses_but_not_the_lease() {
        let intact = || Guard::Intact { epoch: "e1".into() };
        let broken = || Guard::Broken("curfew-grants is missing".into());
        let dead = || Fuses::DoNotBurn("it was there after 60s".into());
        for (why, ready, lease_held, guard, fuses, has_index) in [
            ("all is well", true, true, intact(), Fuses::Burn, true),
            ("another replica grants", true, false, intact(), Fuses::Burn, true),
            ("the fuse test takes a minute", true, true, intact(), Fuses::Unknown, true),
            ("nothing is known yet", false, false, Guard::Unknown, Fuses::Unknown, false),
            ("admission is not known yet", false, true, Guard::Unknown, Fuses::Burn, true),
            ("admission was changed", false, true, broken(), Fuses::Burn, true),
            ("grants are not read yet", false, true, intact(), Fuses::Burn, false),
            ("fuses do not burn", false, true, intact(), dead(), true),
        ] {
            let lines = checks(&Standing { lease_held, guard, fuses, audit: crate::decide::Audit::Absent }, has_index);
            assert_eq!(!lines.iter().any(|c| matches!(c.found, Found::Bad(_))), ready, "{why}: {lines:?}");
        }
    }
    #[test]
    fn a_line_says_what_is_wrong() {
        let standing = Standing { guard: Guard::Broken("curfew-grants is missing".into()), ..Standing::unknown() };
        let lines: Vec<_> = checks(&standing, true).iter().map(ToString::to_string).collect();
        assert_eq!(lines[0], "[-]admission: curfew-grants is missing; nothing is granted, ends go on");
        assert_eq!(lines[1], "[+]expiry ok");
        assert_eq!(lines[2], "[+]fuses: not tried yet");
    }
    #[tokio::test]
    async fn it_is_calm_when_a_rush_is_over() {
        let health = Health::new();
        health.calm().await;
        health.rush(true);
        assert!(health.is_rush());
        let (calm, ()) = (health.calm(), health.rush(true));
        tokio::pin!(calm);
        assert!(futures::poll!(&mut calm).is_pending());
        health.rush(false);
        calm.await;
        assert!(!health.is_rush());
    }
    #[test]
    fn a_beat_ends_the_silence() {
        let health = Health::new();
        std::thread::sleep(Duration::from_millis(20));
        let before = health.silence();
        health.beat();
        assert!(before >= Duration::from_millis(20) && health.silence() < before);
    }
}
