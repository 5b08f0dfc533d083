//! What was found about records, as people read it.
use super::Verdict;
use crate::decide::text;

/// How much of a digest tells it from others at a glance.
const SHORT: usize = 12;
/// The widest column.
const WIDEST: usize = 80;

/// What was found, one line for each record and finding, for people.
pub fn table(verdicts: &[Verdict]) -> String {
    let shown = |text: &str| if text.is_empty() { "-".to_owned() } else { text::line(text, WIDEST) };
    let rows = verdicts.iter().flat_map(|verdict| {
        let head = verdict.head.get(..SHORT).unwrap_or(&verdict.head);
        let cells = [&verdict.record, &verdict.ticket, &verdict.user].map(|text| shown(text));
        let [record, ticket, user] = cells;
        let row = |found: String| {
            [record.clone(), ticket.clone(), user.clone(), verdict.entries.to_string(), shown(head), found]
        };
        let found = verdict.found.iter().map(|f| format!("{}: {}", <&str>::from(f.fault), text::line(&f.message, 200)));
        let found: Vec<String> = found.collect();
        if found.is_empty() { vec![row("fine".into())] } else { found.into_iter().map(row).collect() }
    });
    let head = ["RECORD", "TICKET", "USER", "ENTRIES", "HEAD", "FOUND"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(head).chain(rows).collect();
    let widths: Vec<usize> =
        (0..5).map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()).collect();
    let mut shown = String::new();
    for [record, ticket, user, entries, head, found] in &lines {
        let [a, b, c, d, e] = widths[..] else { continue };
        shown += &format!("{record:<a$}   {ticket:<b$}   {user:<c$}   {entries:>d$}   {head:<e$}   {found}\n");
    }
    let wrong = verdicts.iter().filter(|verdict| !verdict.found.is_empty()).count();
    shown + &format!("\n{} records: {} fine, {wrong} not\n", verdicts.len(), verdicts.len() - wrong)
}
