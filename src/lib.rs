//! Curfew: temporary production access that ends on time.
//!
//! ```text
//!  watch ─▶ read ─▶ ask ─▶ decide ─▶ act ─▶ store ─▶ tell
//!           └── cluster ──┘  pure    └───── cluster ──────┘
//! ```
//! Layers, each of which may name only those before it: [`api`] (data), [`decide`] (pure), [`cluster`] (the only I/O on
//! the API server), [`operate`] (the tasks that drive them). Beside them: [`settings`] (flags) and [`telemetry`] (log, metrics,
//! health), which name neither [`cluster`] nor [`operate`].
pub mod api;
pub mod cluster;
pub mod decide;
// The operator runs on Linux, what acts as its user everywhere.
#[cfg(unix)]
pub mod operate;
pub mod settings;
pub mod telemetry;
