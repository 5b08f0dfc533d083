//! The answer of a replay as a table for people: the sum first, and what changes before what does not.
use crate::decide::replay::{Replayed, Said, Summary};
use crate::decide::text;
use std::io::{self, Write};

/// The widest cell.
const WIDTH: usize = 60;

/// Writes it.
pub(super) fn write(
    policy: &str,
    summary: &Summary,
    unreadable: usize,
    all: &[Replayed],
    out: &mut impl Write,
) -> io::Result<()> {
    let Summary { requests, same, stricter, looser, unjudged, stopped_by } = summary;
    if *requests == 0 {
        writeln!(out, "No request of policy {policy} is kept here; --policy NAME judges those of another one.")?;
    } else {
        let noun = if *requests == 1 { "request" } else { "requests" };
        writeln!(
            out,
            "{requests} {noun} of policy {policy}: {same} the same, {stricter} stricter, {looser} looser, {unjudged} cannot be judged"
        )?;
    }
    if !stopped_by.is_empty() {
        let by = stopped_by.iter().map(|(code, count)| format!("{code} {count}")).collect::<Vec<_>>().join(", ");
        writeln!(out, "Stricter by: {by}")?;
    }
    if unreadable > 0 {
        writeln!(out, "{unreadable} objects could not be understood and are left out")?;
    }
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    rows(all, out)
}

fn rows(all: &[Replayed], out: &mut impl Write) -> io::Result<()> {
    let head = ["CHANGE", "NAMESPACE", "NAME", "USER", "TICKET", "FILED", "THEN", "NOW", "STEPS", "WHY"];
    let mut ordered: Vec<_> = all.iter().collect();
    ordered.sort_by_key(|one| one.change);
    let lines: Vec<[String; 10]> =
        std::iter::once(head.map(str::to_owned)).chain(ordered.into_iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    for line in &lines {
        let padded = line.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        writeln!(out, "{}", padded.collect::<Vec<_>>().join("   ").trim_end())?;
    }
    Ok(())
}

fn cells(one: &Replayed) -> [String; 10] {
    let now = one.now.as_ref();
    [
        <&str>::from(one.change).to_owned(),
        one.namespace.clone(),
        one.name.clone(),
        one.user.clone(),
        one.ticket.clone(),
        one.filed.to_string(),
        verdict(&one.then),
        now.map_or_else(|| "?".to_owned(), verdict),
        now.map_or_else(|| "-".to_owned(), steps),
        if one.why.is_empty() { "-".to_owned() } else { one.why.clone() },
    ]
    // What people wrote acts on no terminal.
    .map(|cell| text::line(&cell, WIDTH))
}
/// `Granted 30m`, `Denied by freeze`.
fn verdict(said: &Said) -> String {
    let name: &str = said.verdict.into();
    let rule = said.rule.as_ref().map_or(String::new(), |rule| format!(" by {rule}"));
    let time = said.duration.map_or(String::new(), |time| format!(" {time}"));
    format!("{name}{time}{rule}")
}
/// `owner, security (not met)`: the steps that it needs.
fn steps(said: &Said) -> String {
    let one = |step: &String| if said.unmet.contains(step) { format!("{step} (not met)") } else { step.clone() };
    if said.steps.is_empty() { "-".to_owned() } else { text::few(said.steps.iter().map(one), 9) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::time::Instant;
    use crate::decide::replay::{Change, Verdict, sum_up};
    use chrono::DateTime;

    fn said(verdict: Verdict) -> Said {
        Said { verdict, codes: vec![], rule: None, steps: vec![], unmet: vec![], duration: None }
    }
    fn row(name: &str, change: Change, now: Option<Said>, why: &str) -> Replayed {
        Replayed {
            namespace: "billing".into(),
            name: name.into(),
            user: "alice\u{1b}[31m".into(),
            ticket: "SUP-1".into(),
            filed: Instant::new(DateTime::UNIX_EPOCH),
            then: Said { duration: Some("30m".parse().unwrap()), ..said(Verdict::Granted) },
            now,
            change,
            why: why.into(),
        }
    }
    fn written(all: &[Replayed]) -> String {
        let mut out = vec![];
        write("customer-support", &sum_up(all), 0, all, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_sum_comes_first_and_what_changes_before_what_does_not() {
        let refused = Said { codes: vec!["TicketInvalid".into()], ..said(Verdict::Refused) };
        let waits = Said {
            steps: vec!["owner".into(), "security".into()],
            unmet: vec!["security".into()],
            ..said(Verdict::Waiting)
        };
        let all = [
            row("a", Change::Same, Some(said(Verdict::Granted)), ""),
            row("b", Change::Stricter, Some(refused), "refused: TicketInvalid"),
            row("c", Change::Stricter, Some(waits), "needs the approval of security"),
            row("d", Change::Unjudged, None, "no labels"),
        ];
        let text = written(&all);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "4 requests of policy customer-support: 1 the same, 2 stricter, 0 looser, 1 cannot be judged"
        );
        assert_eq!(lines[1], "Stricter by: TicketInvalid 1, Waiting 1");
        assert!(lines[3].starts_with("CHANGE"), "{text}");
        let names: Vec<_> = lines[4..].iter().map(|line| line.split_whitespace().nth(2).unwrap()).collect();
        assert_eq!(names, ["b", "c", "d", "a"]);
        assert!(lines[5].contains("owner, security (not met)") && lines[6].contains(" ? "), "{text}");
        assert!(!text.contains('\u{1b}'), "what people wrote acts on no terminal");
    }
    #[test]
    fn nothing_kept_says_what_else_can_be_asked() {
        assert_eq!(
            written(&[]),
            "No request of policy customer-support is kept here; --policy NAME judges those of another one.\n"
        );
    }
}
