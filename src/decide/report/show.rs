//! A page as people and programs read it: one renderer for each format.
use super::html::html;
use super::{Page, Section, Window};
use crate::api::time::Instant;
use crate::decide::table::{self, markdown};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value};

/// How a report about a time looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For tickets.
    Markdown,
    /// For browsers: one page that needs nothing else.
    Html,
}

/// What the file of a report is called: `WeeklyReport-2026-11-23.html`. One of the same day takes its place.
pub fn file_name(page: &Page, format: Format) -> String {
    let extension = match format {
        Format::Table => "txt",
        Format::Json => "json",
        Format::Csv => "csv",
        Format::Markdown => "md",
        Format::Html => "html",
    };
    format!("{}-{}.{extension}", page.kind, page.made.get().format("%Y-%m-%d"))
}

/// The whole report.
///
/// # Errors
/// As [`table::json`].
pub fn show(page: &Page, format: Format) -> serde_json::Result<String> {
    Ok(match format {
        Format::Table => for_people(page),
        Format::Markdown => for_tickets(page),
        Format::Csv => sheet(page),
        Format::Html => html(page, &about(page)),
        Format::Json => table::json(&Whole::of(page))? + "\n",
    })
}

/// Which time it is about, and what is not in it.
fn about(page: &Page) -> String {
    let Window { from, until } = page.window;
    let from = from.map_or("the beginning".to_owned(), |from| from.to_string());
    let unread = match page.unread {
        0 => String::new(),
        unread => format!(" {unread} objects cannot be understood and are not in it."),
    };
    format!("From {from} to before {until}, made at {}.{unread}", page.made)
}

fn for_people(page: &Page) -> String {
    let section = |section: &Section| {
        let rows = match section.table.rows.is_empty() {
            true => "none\n".to_owned(),
            false => section.table.aligned(),
        };
        format!("\n{} ({})\n{}\n{rows}", section.title, section.table.rows.len(), section.note)
    };
    format!("{}\n{}\n", page.title, about(page)) + &page.sections.iter().map(section).collect::<String>()
}

fn for_tickets(page: &Page) -> String {
    let section = |section: &Section| {
        let rows = match section.table.rows.is_empty() {
            true => "none\n".to_owned(),
            false => section.table.markdown(),
        };
        format!("\n## {} ({})\n\n{}\n\n{rows}", section.title, section.table.rows.len(), markdown(&section.note))
    };
    let head = format!("# {}\n\n{}\n", page.title, markdown(&about(page)));
    head + &page.sections.iter().map(section).collect::<String>()
}

/// One table. Of several, each row begins with the name of its own, heads are rows, and all are as long as the longest.
fn sheet(page: &Page) -> String {
    if let [only] = page.sections.as_slice() {
        return only.table.csv();
    }
    let longest = page.sections.iter().map(|section| section.table.head.len()).max().unwrap_or_default();
    let rows = page.sections.iter().flat_map(|section| {
        let row = |cells: Vec<String>| {
            let mut row = vec![section.name.to_owned()];
            row.extend(cells);
            row.resize(longest + 1, String::new());
            row
        };
        let head = row(section.table.head.iter().map(ToString::to_string).collect());
        std::iter::once(head).chain(section.table.rows.iter().cloned().map(row)).collect::<Vec<_>>()
    });
    table::csv_rows(&rows.collect::<Vec<_>>())
}

/// All of it, for programs.
#[derive(Serialize)]
struct Whole {
    kind: &'static str,
    made: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Instant>,
    until: Instant,
    unread: usize,
    sections: Vec<Rows>,
}
#[derive(Serialize)]
struct Rows {
    name: &'static str,
    title: &'static str,
    note: String,
    columns: &'static [&'static str],
    rows: Vec<Map<String, Value>>,
}
impl Whole {
    fn of(page: &Page) -> Self {
        let cells = |section: &Section, row: &Vec<String>| {
            let cells = section.table.head.iter().zip(row);
            cells.map(|(name, cell)| ((*name).to_owned(), Value::from(cell.as_str()))).collect()
        };
        let rows = |section: &Section| Rows {
            name: section.name,
            title: section.title,
            note: section.note.clone(),
            columns: section.table.head,
            rows: section.table.rows.iter().map(|row| cells(section, row)).collect(),
        };
        Self {
            kind: page.kind,
            made: page.made,
            from: page.window.from,
            until: page.window.until,
            unread: page.unread,
            sections: page.sections.iter().map(rows).collect(),
        }
    }
}
