//! What the operator shows of itself: log lines, metrics, and whether it is alive and ready.
pub mod health;
pub mod http;
pub mod log;
pub mod metrics;

pub use health::Health;
pub use metrics::Metrics;
