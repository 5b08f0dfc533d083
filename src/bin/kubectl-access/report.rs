//! `report`: the reports of `curfew report` about a time, read with the user's own rights.
use crate::clock;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{self, Format, PageFormat};
use crate::settings::look::Report;
use chrono::TimeDelta;
use curfew::decide::Now;
use curfew::decide::report::{self, When, Window};
use serde_json::Value;

/// Prints it.
pub async fn run(desk: &Desk, flags: &Report) -> Result<String, Failure> {
    let now = Now { wall: clock::now(), server_ahead: TimeDelta::zero() };
    let (when, format) = flags.of.usual();
    let when = flags.since.map(When::Since).or(flags.period.map(When::Last)).unwrap_or(when);
    let format = match &desk.format {
        Format::Table => format,
        Format::Wide => PageFormat::Table,
        Format::Json | Format::Yaml | Format::Jsonpath(_) => PageFormat::Json,
        Format::Page(page) => *page,
        Format::Name => {
            return Err(Failure::Usage("a report has rows, and no names: json, yaml, csv, markdown or html".into()));
        }
    };
    let window = Window::of(when, now.for_record());
    let seen = desk.cluster.seen(window, now, flags.of.has_standing(), flags.shared_accounts.clone()).await?;
    let shown = report::show(&report::page(flags.of, &seen), format)?;
    match &desk.format {
        Format::Yaml | Format::Jsonpath(_) => output::value(&desk.format, &serde_json::from_str::<Value>(&shown)?),
        _ => Ok(shown),
    }
}
