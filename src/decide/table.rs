//! Rows for people and for their tools: aligned, as CSV, as Markdown. What others wrote acts neither on a terminal nor on a
//! spreadsheet nor on a page.
use super::text;
use clap::ValueEnum;
use serde::Serialize;

/// The most characters of a cell where it is not cut to be read at once.
const MOST: usize = 4096;
/// The most characters of a cell of an aligned table.
const MOST_ALIGNED: usize = 72;

/// How a report looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For pages and tickets.
    Markdown,
}

/// Rows under a head, each as long as the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns.
    pub head: &'static [&'static str],
    /// What is in them.
    pub rows: Vec<Vec<String>>,
}
impl Table {
    /// One line for each row, its columns one under the other; long cells are cut.
    pub fn aligned(&self) -> String {
        let cells = |row: &[String]| row.iter().map(|cell| text::line(cell, MOST_ALIGNED)).collect::<Vec<_>>();
        let head = self.head.iter().map(ToString::to_string).collect();
        let lines: Vec<Vec<_>> = std::iter::once(head).chain(self.rows.iter().map(|row| cells(row))).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<_> = (0..self.head.len()).map(width).collect();
        let line = |cells: &Vec<String>| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("   ").trim_end().to_owned() + "\n"
        };
        lines.iter().map(line).collect()
    }
    /// By RFC 4180. What a spreadsheet would take for a formula has an apostrophe before it.
    pub fn csv(&self) -> String {
        csv_line(self.head) + &csv_rows(&self.rows)
    }
    /// A table of Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let head = line(self.head.iter().map(|name| markdown(name)).collect());
        let rule = line(self.head.iter().map(|_| "---".to_owned()).collect());
        let rows = self.rows.iter().map(|row| line(row.iter().map(|cell| markdown(cell)).collect()));
        head + &rule + &rows.collect::<String>()
    }
}

/// These rows as [`Table::csv`] writes them, without a head.
pub fn csv_rows(rows: &[Vec<String>]) -> String {
    rows.iter().map(|row| csv_line(row)).collect()
}

/// A text of somebody else in Markdown: it is shown as it is, and means nothing.
pub fn markdown(of: &str) -> String {
    let mut escaped = String::with_capacity(of.len());
    for c in text::line(of, MOST).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn csv_line(cells: &[impl AsRef<str>]) -> String {
    cells.iter().map(|cell| csv_cell(cell.as_ref())).collect::<Vec<_>>().join(",") + "\r\n"
}
fn csv_cell(of: &str) -> String {
    let cell = text::line(of, MOST);
    let is_formula = cell.starts_with(['=', '+', '-', '@']);
    format!("\"{}{}\"", if is_formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

/// As JSON in one line; characters that act on a terminal are written as their numbers, which changes no value.
///
/// # Errors
/// When it cannot be JSON, such as a map whose keys are no texts.
pub fn json(of: &impl Serialize) -> serde_json::Result<String> {
    let mut escaped = String::new();
    for c in serde_json::to_string(of)?.chars() {
        match text::acts(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped += &format!("\\u{unit:04x}")),
            false => escaped.push(c),
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "=cmd|' /C calc'!A0\u{1b}[2J\u{202e}\n\"x\" <img src=x> [a](http://b)";
    fn table() -> Table {
        let rows = [["alice", "a"], [NASTY, "longer than the head"]];
        Table { head: &["WHO", "WHAT"], rows: rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect() }
    }

    #[test]
    fn what_others_wrote_acts_on_nothing() {
        let table = table();
        for shown in [table.aligned(), table.csv(), table.markdown(), json(&table.rows).unwrap()] {
            assert!(!shown.chars().any(|c| text::acts(c) && !['\r', '\n'].contains(&c)), "{shown:?}");
        }
        assert_eq!(table.aligned().lines().count(), 3);
        assert!(
            table
                .csv()
                .contains("\r\n\"'=cmd|' /C calc'!A0\\u{1b}[2J\\u{202e}\\n\"\"x\"\" <img src=x> [a](http://b)\"")
        );
        assert!(table.markdown().contains("=cmd\\|' /C calc'\\!A0\\\\u{1b}\\[2J"), "{}", table.markdown());
        assert!(table.markdown().contains("&lt;img src=x> \\[a\\](http://b) |"), "{}", table.markdown());
    }
    #[test]
    fn json_loses_nothing() {
        let read: Vec<Vec<String>> = serde_json::from_str(&json(&table().rows).unwrap()).unwrap();
        assert_eq!(read, table().rows);
    }
    #[test]
    fn columns_are_aligned_and_nothing_trails() {
        let rows = vec![vec!["alice".to_owned(), "x".into()], vec!["ö".into(), String::new()]];
        assert_eq!(Table { head: &["WHO", "WHAT"], rows }.aligned(), "WHO     WHAT\nalice   x\nö\n");
    }
}
