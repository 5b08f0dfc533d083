//! A report as one page of HTML: nothing from elsewhere, no script, and texts of others mean nothing in it.
use super::{Page, Section};
use crate::decide::table::Table;
use crate::decide::text;

/// No script, no font, no picture, no form, no frame: only the styles that stand in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// Counts that are compared at a glance.
const PLOTTED: [&str; 5] = ["DECISIONS", "EMERGENCIES", "REQUESTS", "TIMES", "CALLS"];
/// How many bars a plot has: the first, as the most come first.
const BARS: usize = 20;
/// The most characters of a cell.
const MOST: usize = 4096;
/// How high a bar is, and how wide the plot, in the units of its view box.
const HIGH: usize = 22;
const WIDE: usize = 640;
/// Where the bars begin, and how long the longest is.
const LEFT: usize = 200;
const LONGEST: usize = 360;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#fff;--stripe:#f6f8fa;--bar:#2563a8}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#30363d;--back:#0d1117;--stripe:#161b22;--bar:#5b9bd5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:78rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back)}
h1{margin:.5rem 0 0;font-size:1.6rem;line-height:1.25}
h2{margin:2rem 0 .25rem;font-size:1.15rem}
p{margin:.25rem 0 .75rem;color:var(--soft);max-width:60rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:1rem 0;padding:0;list-style:none}
a{color:var(--bar)}
.rows{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.875rem}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;overflow-wrap:anywhere;min-width:5.5rem}
th{font-size:.75rem;letter-spacing:.03em;color:var(--soft);white-space:nowrap}
tbody tr:nth-child(even){background:var(--stripe)}
svg{display:block;width:100%;max-width:40rem;height:auto;margin:.5rem 0 1rem}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}
svg rect{fill:var(--bar)}
@media print{:root{--ink:#000;--soft:#333;--line:#999;--back:#fff;--stripe:#fff;--bar:#555}body{max-width:none;padding:0;font-size:11px}nav{display:none}.rows{overflow:visible}h2{break-after:avoid}tr,svg{break-inside:avoid}th,td{min-width:0}}
";

/// The whole page; `about` says which time it is about.
pub(super) fn html(page: &Page, about: &str) -> String {
    let title = escaped(page.title);
    let entry = |section: &Section| {
        let (name, title, count) = (section.name, escaped(section.title), section.table.rows.len());
        format!("<li><a href=\"#{name}\">{title}</a> ({count})</li>")
    };
    let entries: String = page.sections.iter().map(entry).collect();
    let sections: String = page.sections.iter().map(section).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>{title}</h1>\n<p>{}</p>\n<nav aria-label=\"Sections\"><ul>{entries}</ul></nav></header>\n\
         <main>\n{sections}</main>\n</body>\n</html>\n",
        escaped(about)
    )
}

fn section(section: &Section) -> String {
    let Section { name, title, note, table } = section;
    let rows = match table.rows.is_empty() {
        true => "<p>none</p>\n".to_owned(),
        false => {
            let cells = |row: &Vec<String>| row.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
            let head: String =
                table.head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escaped(name))).collect();
            let rows = table.rows.iter().map(|row| -> String { cells(row) });
            let rows: String = rows.map(|cells| format!("<tr>{cells}</tr>\n")).collect();
            format!(
                "<div class=\"rows\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n",
                escaped(title)
            )
        }
    };
    let (title, note, count, plot) = (escaped(title), escaped(note), table.rows.len(), plot(table, title));
    format!("<section id=\"{name}\">\n<h2>{title} ({count})</h2>\n<p>{note}</p>\n{plot}{rows}</section>\n")
}

/// The counts as bars, one under the other, the longest as wide as there is room; nothing where there is nothing to compare.
fn plot(table: &Table, title: &str) -> String {
    let Some(column) = table.head.iter().position(|name| PLOTTED.contains(name)) else { return String::new() };
    let count = |row: &Vec<String>| Some((row.first()?.clone(), row.get(column)?.parse().ok()?));
    let bars: Vec<(String, usize)> = table.rows.iter().filter_map(count).take(BARS).collect();
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or_default();
    if bars.len() < 2 || most == 0 {
        return String::new();
    }
    let bar = |(at, (label, count)): (usize, &(String, usize))| {
        let (top, base, high) = (at * HIGH + 3, at * HIGH + HIGH - 7, HIGH - 6);
        let (width, label_end) = ((count * LONGEST / most).max(1), LEFT - 8);
        let (whole, short, count_begin) = (escaped(label), escaped(&text::line(label, 26)), LEFT + width + 6);
        format!(
            "<text x=\"{label_end}\" y=\"{base}\" text-anchor=\"end\"><title>{whole}</title>{short}</text>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{high}\" rx=\"2\"/>\
             <text x=\"{count_begin}\" y=\"{base}\">{count}</text>"
        )
    };
    let (all, high): (String, _) = (bars.iter().enumerate().map(bar).collect(), bars.len() * HIGH);
    let title = escaped(title);
    format!("<svg viewBox=\"0 0 {WIDE} {high}\" role=\"img\" aria-label=\"{title}, as bars\">{all}</svg>\n")
}

/// A text of somebody else: shown as it is, also within quotes.
fn escaped(of: &str) -> String {
    let mut escaped = String::with_capacity(of.len());
    for c in text::line(of, MOST).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::Window;
    use super::*;
    use crate::api::time::Instant;

    fn page(rows: Vec<Vec<String>>) -> Page {
        let now = Instant::new(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let table = Table { head: &["USER", "DECISIONS"], rows };
        let section = Section { name: "people", title: "By person", note: "Decisions of this time.".into(), table };
        let window = Window { from: None, until: now };
        Page { kind: "UsageReport", title: "How access is used", window, made: now, unread: 0, sections: vec![section] }
    }
    fn rows(all: &[(&str, &str)]) -> Vec<Vec<String>> {
        all.iter().map(|(user, count)| vec![(*user).to_owned(), (*count).to_owned()]).collect()
    }

    #[test]
    fn what_people_wrote_is_shown_and_means_nothing() {
        let evil = "</title></svg><script>alert(1)</script><img src=x onerror='a()'>\" onload=\"b()&\u{1b}[2J\u{202e}";
        let html = html(&page(rows(&[(evil, "3"), ("alice", "1")])), evil);
        for markup in ["<script", "<img", "</title></svg>", "\" onload=\"", "onerror='", "&\\u{1b}"] {
            assert!(!html.contains(markup), "{markup}");
        }
        assert!(
            html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && html.contains("\\u{1b}[2J\\u{202e}"),
            "{html}"
        );
        assert!(!html.chars().any(|c| text::acts(c) && c != '\n'), "{html:?}");
    }
    #[test]
    fn the_page_asks_for_nothing_and_runs_nothing() {
        let html = html(&page(rows(&[("alice", "3"), ("bob", "1")])), "");
        for word in
            ["http:", "https:", "src=", "url(", "@import", "<script", "<link", "<iframe", "javascript:", "style=\""]
        {
            assert!(!html.contains(word), "{word}");
        }
        let policy = html.find("content=\"default-src 'none';").expect("a content security policy");
        assert!(policy < html.find("<style>").unwrap(), "before anything that it is about");
        for words in ["width=device-width", "prefers-color-scheme:dark", "@media print", "<html lang=\"en\">"] {
            assert!(html.contains(words), "{words}");
        }
        let opened = |tag: &str| html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        for tag in
            ["html", "head", "body", "header", "main", "section", "table", "tr", "td", "svg", "text", "nav", "div"]
        {
            assert_eq!(opened(tag), html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
    #[test]
    fn counts_are_bars_where_there_is_something_to_compare() {
        let plotted = |all: &[(&str, &str)]| html(&page(rows(all)), "").matches("<rect").count();
        assert_eq!(plotted(&[]), 0);
        assert_eq!(plotted(&[("alice", "3")]), 0);
        assert_eq!(plotted(&[("alice", "0"), ("bob", "0")]), 0);
        assert_eq!(plotted(&[("alice", "3"), ("bob", "1")]), 2);
        assert_eq!(plotted(&vec![("alice", "3"); 50]), BARS);
        let html = html(&page(rows(&[("alice", "3"), ("bob", "1")])), "");
        assert!(html.contains("width=\"360\"") && html.contains("width=\"120\""), "{html}");
    }
}
