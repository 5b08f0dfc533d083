//! Decides, without I/O, clock or environment: the same input always gives the same plan.
#![deny(clippy::disallowed_types)]
pub mod adopt;
pub mod approval;
pub mod approvers;
pub mod at_once;
pub mod attestation;
pub mod brief;
pub mod calendar;
pub mod children;
pub mod clock;
pub mod duties;
pub mod edits;
pub mod effect;
pub mod expiry;
pub mod expression;
pub mod fuse_test;
pub mod grant;
pub mod guard;
pub mod lane;
pub mod lease;
pub mod manifest;
pub mod matrix;
pub mod memo;
pub mod notice;
pub mod policy;
pub mod record;
pub mod renewal;
pub mod replay;
pub mod report;
pub mod request;
pub mod review;
pub mod role;
pub mod screening;
pub mod second;
pub mod selector;
pub mod self_approval;
pub mod standing;
pub mod sweep;
pub mod table;
pub mod term;
pub mod text;
pub mod timeline;
pub mod transition;
pub mod usage;
pub mod verify;
pub mod who;

use crate::api::time::Instant;
use chrono::{DateTime, TimeDelta, Utc};
use effect::Effect;
use http::Uri;
use std::path::PathBuf;

/// What one pass does: the writes in order, the status to store, and when to look again.
#[derive(Clone, Debug)]
pub struct Plan<S> {
    /// In this order; the first that fails ends the pass.
    pub effects: Vec<Effect>,
    /// What was *observed*, never what the effects are about to do; `None`: unchanged.
    pub status: Option<S>,
    /// When to look again.
    pub next: Next,
}

/// When the object is looked at again, if nothing changes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once: what was written will be read back.
    AtOnce,
    /// After so long; the shell caps it, as its timers run on another clock.
    After(TimeDelta),
    /// The same where nobody waits for it: there may be thousands.
    Eventually(TimeDelta),
    /// When something changes.
    OnChange,
}

/// The time of one pass, read once by the shell.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// This machine's clock.
    pub wall: DateTime<Utc>,
    /// How far the API server's clock is ahead of it, at least (its `Date` has whole seconds); negative: behind.
    pub server_ahead: TimeDelta,
}
impl Now {
    /// The later of the two clocks: access never outlives either.
    pub fn for_ending(self) -> DateTime<Utc> {
        self.wall.max(self.wall + self.server_ahead)
    }
    /// Whole seconds, for what is stored.
    pub fn for_record(self) -> Instant {
        Instant::new(self.wall)
    }
    /// Whether the clocks agree within 2 s (and the second that `Date` leaves out), so that something may begin.
    pub fn is_trusted(self) -> bool {
        (TimeDelta::seconds(-3)..=TimeDelta::seconds(2)).contains(&self.server_ahead)
    }
}

/// What must hold before anything begins. An end never looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether this replica is the one that may grant.
    pub lease_held: bool,
    /// Whether admission protects decisions.
    pub guard: Guard,
    /// Whether fuses burn in this cluster.
    pub fuses: Fuses,
    /// Whether anybody watches what is done with access. Nothing waits for it to begin.
    pub audit: Audit,
}
impl Standing {
    /// Before anything is known, nothing may begin.
    pub fn unknown() -> Self {
        Self { lease_held: false, guard: Guard::Unknown, fuses: Fuses::Unknown, audit: Audit::Absent }
    }
}

/// Whether admission is what this release installs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Not looked at yet.
    Unknown,
    /// It is not, with what differs.
    Broken(String),
    /// It is: a decision that was there before this epoch does not count.
    Intact {
        /// Names the time since the last change; nobody can know it before.
        epoch: String,
    },
}

/// Whether a Job that is complete goes at its TTL, and takes with it what it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fuses {
    /// Not tried yet.
    Unknown,
    /// They do.
    Burn,
    /// They do not, with what was seen.
    DoNotBurn(String),
}

/// Whether audit events arrive (C7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audit {
    /// There is no source.
    #[default]
    Absent,
    /// There is one, and it has delivered nothing for a while; or another replica reads it.
    Silent,
    /// It delivers.
    Delivers {
        /// Without a pause since then.
        since: DateTime<Utc>,
    },
}

/// What the installation fixes: flags and chart values, read once at start.
#[derive(Clone, Debug)]
pub struct Installation {
    /// No access is longer, whatever a policy says (E15).
    pub max_duration: TimeDelta,
    /// User names that several people share: they cannot ask (F6).
    pub shared_accounts: Vec<String>,
    /// Work days, hours and midnight where a policy does not say.
    pub calendar: calendar::Calendar,
    /// The image that a fuse's template names; it is never pulled, as a fuse runs no pod.
    pub fuse_image: String,
    /// How many live grants one namespace may have: the RBAC authorizer reads a namespace's bindings one by one.
    pub grants_per_namespace: usize,
    /// Whether nothing is granted while fuses do not burn.
    pub stop_without_fuse_test: bool,
    /// The operator's own user name, as the API server sees it.
    pub operator: String,
    /// The sweeper's user name.
    pub sweeper: String,
    /// The operator's own namespace.
    pub home: String,
    /// The operator's own Pod.
    pub pod: String,
    /// The name of the Lease that replicas share.
    pub lease: String,
    /// How this cluster is called in the log and in exports.
    pub cluster_name: String,
    /// The folder to which records are exported before they are deleted; `None`: to standard output.
    pub export: Option<PathBuf>,
    /// Where the API server's audit events are read; `None`: nobody watches what is done.
    pub audit_source: Option<PathBuf>,
    /// How many calls of one grant in a minute are still usual (K3).
    pub calls_per_minute: usize,
    /// Who is told of each transition; `None`: nobody outside the cluster.
    pub notify: Option<Notify>,
}

/// A receiver of CloudEvents (K5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Where they are posted.
    pub url: Uri,
    /// A file with the token that is shown as `Authorization: Bearer`.
    pub token: Option<PathBuf>,
    /// A file with the certificates, as PEM, that vouch for the receiver; `None`: those of the system.
    pub ca: Option<PathBuf>,
}
impl Installation {
    /// What requests are judged by where no operator runs: nothing is granted there, so nothing else has a value.
    pub fn to_judge_by(max_duration: TimeDelta, shared_accounts: Vec<String>, calendar: calendar::Calendar) -> Self {
        Self {
            max_duration,
            shared_accounts,
            calendar,
            fuse_image: String::new(),
            grants_per_namespace: 0,
            stop_without_fuse_test: false,
            operator: String::new(),
            sweeper: String::new(),
            home: String::new(),
            pod: String::new(),
            lease: String::new(),
            cluster_name: String::new(),
            export: None,
            audit_source: None,
            calls_per_minute: 0,
            notify: None,
        }
    }
}
