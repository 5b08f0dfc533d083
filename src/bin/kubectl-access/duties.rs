//! `duties`: what one owes, until when, what follows if it is missed, and what to type.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::owing;
use crate::settings::duties::Duties;
use crate::when::When;
use curfew::api::duty::{DutyState, Owed};
use curfew::api::grant::AccessGrant;
use curfew::decide::duties::{self, Who};
use curfew::decide::text;
use std::fmt::Write;

/// How wide a line is, and how many one duty takes at most.
const WIDTH: usize = 120;
const MOST: usize = 3;

/// Shows them, what is due first before the rest.
pub async fn run(desk: &Desk, flags: &Duties) -> Result<String, Failure> {
    let me = desk.me().await?;
    let who = flags.user.as_deref().map_or_else(|| owing::who(me), |name| Who { name, groups: &[] });
    let mut records = owing::open(desk).await?;
    records.retain(|record| of(record, who).next().is_some());
    records.sort_by_key(|record| of(record, who).map(|owed| owed.due).min());
    if !desk.format.is_for_people() {
        return output::objects(&desk.format, &records, |_| unreachable!("a table is for people"));
    }
    if records.is_empty() {
        let whom =
            flags.user.as_ref().map_or_else(|| "You owe".to_owned(), |name| format!("{} owes", text::line(name, 253)));
        desk.say(&format!("{whom} nothing."));
    }
    Ok(records.iter().map(|record| lines(record, who, &desk.when())).collect())
}

/// What they may do about a record: what they owe by name, and what somebody who was not involved does.
fn of<'a>(record: &'a AccessGrant, who: Who<'_>) -> impl Iterator<Item = &'a Owed> {
    let owed = record.status.iter().flat_map(|status| &status.owed);
    let is_theirs = move |owed: &&Owed| match duties::meeting(record, owed.duty, who) {
        Ok(_) => true,
        // What the access still stands in the way of is known already.
        Err(_) => owed.command.is_none() && duties::is_open(owed) && duties::is_listed(&owed.by, who),
    };
    owed.filter(is_theirs)
}

fn lines(record: &AccessGrant, who: Who<'_>, when: &When) -> String {
    let mut lines = String::new();
    for owed in of(record, who) {
        let (name, spec) = (duties::name(owed.duty), &record.spec);
        let late = if owed.state == DutyState::Overdue { "OVERDUE: " } else { "" };
        let due = owing::due(owed, when);
        let head = format!("{late}{name} for {} in {} ({}) {due}", spec.request.name, spec.namespace, spec.ticket);
        let follows = match owed.state {
            DutyState::Overdue => format!("Since then {}.", duties::follows(record, owed.duty)),
            _ => format!("Else {}.", duties::follows(record, owed.duty)),
        };
        let fault = owing::fault(record, owed.duty).map(|fault| format!("What was written does not do: {fault}."));
        let now = match owed.command {
            Some(_) => owing::command(record, owed.duty),
            None => format!("once it has ended: {}", owing::command(record, owed.duty)),
        };
        let parts = [Some(follows), fault, Some(format!("Do it: {now}"))].into_iter().flatten();
        for (part, indent) in [(head, "")].into_iter().chain(parts.map(|part| (part, "  "))) {
            for line in text::wrap(&text::line(&part, WIDTH * MOST), WIDTH, MOST) {
                let _ = writeln!(lines, "{indent}{line}");
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::tests::{record, when};
    use serde_json::json;

    #[test]
    fn g3_each_duty_says_until_when_what_follows_and_what_to_type() {
        let owed = |duty: &str, state: &str, by: serde_json::Value| json!({"duty": duty, "by": by, "due": "2026-12-02T10:00:00Z", "state": state, "consequence": "x", "command": "y"});
        let alice = json!([{"kind": "User", "name": "alice"}]);
        let security = json!([{"kind": "Group", "name": "security"}]);
        let owes = json!([
            {"duty": "CloseOut", "since": "Ended", "within": ["24h"], "by": alice, "needs": ["Cause"]},
            {"duty": "Review", "since": "Decided", "within": ["24h"], "by": security}]);
        let of_state = |state: &str| {
            record(json!({"spec": {"duties": {"owes": owes, "reviewers": []}},
                "status": {"owed": [owed("CloseOut", state, alice.clone()), owed("Review", state, security.clone())]}}))
        };
        let (none, groups) = (&[][..], &["security".to_owned()][..]);
        let shown = |state: &str, name: &str, groups: &[String]| lines(&of_state(state), Who { name, groups }, &when());
        assert_eq!(
            shown("Open", "alice", none),
            "close-out for sup-4812 in billing (SUP-4812) is due 2026-12-02 10:00 (in 23h)\n  \
             Else live access of alice ends, routine requests of alice under policy `customer-support` are refused, and this record\n    \
             is flagged.\n  \
             Do it: kubectl access closeout sup-4812 -n billing\n"
        );
        let late = shown("Overdue", "alice", none);
        assert!(
            late.starts_with("OVERDUE: close-out for sup-4812") && late.contains("  Since then live access"),
            "{late}"
        );
        let review = shown("Open", "rob", groups);
        assert!(
            review.contains("kubectl access review sup-4812 -n billing") && !review.contains("close-out"),
            "{review}"
        );
        assert_eq!(shown("Open", "bob", groups), "", "who decided reviews nothing");
        assert_eq!(shown("Open", "rob", none), "");
        assert_eq!(shown("Met", "alice", none), "");
        let mut nasty = of_state("Open");
        (nasty.spec.ticket, nasty.spec.user) = ("SUP\u{1b}[2J".into(), "al\u{202e}ice".into());
        let said = lines(&nasty, Who { name: "alice", groups: none }, &when());
        assert!(said.contains("SUP\\u{1b}[2J") && !said.chars().any(|c| text::acts(c) && c != '\n'), "{said:?}");
    }
}
