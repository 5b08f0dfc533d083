//! How fast access begins and ends on a real control plane, beside the bare API calls from this process: `make bench`.
//!
//! The operator is the release binary as a process of its own, with its own ServiceAccount. Everything else (people, the
//! watches that tell when something was committed, the bare calls) is this process. The exit code says whether it could
//! be measured, not whether the aims were met: machines differ, and the table says which aims this one missed.
//! The one argument is how many accesses end at one instant (default 1000); `records` and a number (default 10000) measure
//! that many records instead: made, listed, reported, exported, verified.
#![allow(missing_docs, clippy::disallowed_methods, reason = "what is measured is measured by this machine's clock")]
mod bare;
mod ends;
mod one;
mod plugin;
mod records;
mod seen;
mod site;
mod table;

use site::Site;
use table::{Row, Table};

/// The resident memory that the operator may take with 1,000 live grants.
const MEMORY_MIB: f64 = 60.0;

#[tokio::main]
async fn main() {
    // Cargo adds `--bench`.
    let number = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let site = Site::new().await;
    let mut table = Table::new(&site);
    let is_about = |what: &str| std::env::args().any(|argument| argument == what);
    if is_about("records") || is_about("plugin") {
        let mut operator = site.operator().await;
        if is_about("records") {
            operator = records::measure(&site, operator, number.unwrap_or(10_000), &mut table).await;
        } else {
            table.plugin(&plugin::measure(&site).await);
        }
        table.print();
        operator.stop();
        return;
    }
    let all = number.unwrap_or(1000);

    eprintln!("bare calls, without an operator");
    let bare = bare::begin_and_close(&site).await;
    let bare_deletes = bare::deletes(&site).await;

    let operator = site.operator().await;
    eprintln!("one access at a time");
    let one = one::by_one(&site).await;
    table.begin_and_close(&one, &bare);

    let (steady, pace) = ends::steady(&site).await;
    for series in &steady {
        table.steady(series);
    }
    let full = ends::begin_all(&site, all, pace).await;
    let memory = operator.memory();
    let at_once = ends::end_all(&site, full).await;
    table.at_once(&at_once, &bare_deletes);
    table.add(Row::memory(at_once.begun, memory, MEMORY_MIB));
    table.print();
    operator.stop();
}
