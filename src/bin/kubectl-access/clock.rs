//! The one place of the plugin that reads the clock.
use chrono::{DateTime, Utc};

/// Now, by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
