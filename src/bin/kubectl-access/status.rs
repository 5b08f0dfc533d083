//! `status`: what one holds and until when, what one waits for, and what one owes.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::owing;
use crate::settings::Status;
use crate::when::When;
use curfew::api::duty::{Duty, DutyState};
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{self, BeginReason};
use curfew::api::request::AccessRequest;
use curfew::decide::table::Table;
use curfew::decide::{duties, request, text};
use kube::ResourceExt;

/// Shows it.
pub async fn run(desk: &Desk, flags: &Status) -> Result<String, Failure> {
    let me = desk.name().await?;
    if flags.short {
        let held = desk.cluster.live_grants_of(&me).await?;
        return Ok(short(&held, &desk.when()));
    }
    let records = desk.everywhere().with("spec.user", &me);
    let requests = desk.everywhere().with("spec.requester.username", &me);
    let (records, requests) = tokio::try_join!(desk.cluster.records_of(&records), desk.cluster.requests_of(&requests))?;
    let when = desk.when();
    let (held, over): (Vec<_>, Vec<_>) = records.into_iter().partition(curfew::decide::grant::may_give_access);
    if desk.format.is_for_people() {
        requests.iter().filter(|request| is_undecided(request)).for_each(|request| desk.say(&waits(request)));
        for (is_late, duty) in held.iter().chain(&over).flat_map(|grant| owes(grant, &when)) {
            desk.say(&if is_late { desk.paint().red(&duty) } else { duty });
        }
        if held.is_empty() {
            desk.say(&desk.paint().bold("You hold nothing."));
            return Ok(String::new());
        }
    }
    output::objects(&desk.format, &held, |wide| table(&held, &when, wide))
}

/// `logs@billing 25m, restart@payments 5m`: what holds now.
fn short(held: &[AccessGrant], when: &When) -> String {
    let mut held: Vec<_> = held.iter().filter(|grant| is_bound(grant)).collect();
    held.sort_by_key(|grant| grant.spec.expires_at);
    let one = |grant: &&AccessGrant| {
        let left = grant.spec.expires_at.map_or_else(String::new, |end| format!(" {}", when.left(end)));
        format!("{}@{}{left}", grant.spec.access, grant.spec.namespace)
    };
    let line = held.iter().map(one).collect::<Vec<_>>().join(", ");
    if line.is_empty() { line } else { text::line(&line, 120) + "\n" }
}
fn is_bound(grant: &AccessGrant) -> bool {
    grant.status.as_ref().is_some_and(|status| reasons::is(status, BeginReason::Bound))
}
fn is_undecided(of: &AccessRequest) -> bool {
    request::is_undecided(of.status.as_ref().and_then(|status| status.state.as_deref()))
}

/// What a request of one's own waits for, in a line.
fn waits(of: &AccessRequest) -> String {
    let status = of.status.clone().unwrap_or_default();
    let (name, place) = (of.name_any(), of.namespace().unwrap_or_default());
    let asks = match status.waiting_for.is_empty() {
        false => {
            let steps =
                status.waiting_for.iter().map(|step| format!("{} ({})", step.step, text::few(&step.approvers, 3)));
            format!("waits for {}", text::few(steps, 4))
        }
        true => format!(
            "is {}: kubectl -n {place} describe accessrequest {name}",
            status.state.as_deref().unwrap_or("not screened yet")
        ),
    };
    text::line(&format!("Asked: {name} in {place} {asks}"), 400)
}

/// What its person still has to do for a grant, and whether that is late. A close-out is due once the access has ended.
fn owes(grant: &AccessGrant, when: &When) -> Vec<(bool, String)> {
    let owed = grant.status.iter().flat_map(|status| &status.owed);
    let open = owed.filter(|owed| duties::is_open(owed));
    let mine = open.filter(|owed| owed.by.iter().any(|by| by.name == grant.spec.user));
    let has_ended = grant.status.as_ref().is_some_and(|status| status.ended_at.is_some());
    mine.filter(|owed| has_ended || owed.duty != Duty::CloseOut)
        .map(|owed| {
            let is_late = owed.state == DutyState::Overdue;
            let (request, due) = (&grant.spec.request.name, owing::due(owed, when));
            let (name, command) = (duties::name(owed.duty), owing::command(grant, owed.duty));
            (is_late, text::line(&format!("You owe: a {name} for {request}, which {due}: {command}"), 400))
        })
        .collect()
}

fn table(held: &[AccessGrant], when: &When, wide: bool) -> Table {
    let rows = held.iter().map(|grant| {
        let spec = &grant.spec;
        let until = spec.expires_at.map_or_else(String::new, |end| when.both(end));
        let state = grant.status.as_ref().and_then(|status| status.state.clone()).unwrap_or_default();
        let row =
            [spec.ticket.clone(), spec.access.clone(), spec.namespace.clone(), until, state, spec.request.name.clone()];
        let more = [spec.policy.name.clone(), spec.approved_by.clone().unwrap_or_default(), grant.name_any()];
        row.into_iter().chain(more.into_iter().filter(|_| wide)).collect()
    });
    let head: &[&str] = match wide {
        true => &["TICKET", "ACCESS", "NAMESPACE", "UNTIL", "STATE", "REQUEST", "POLICY", "APPROVED-BY", "RECORD"],
        false => &["TICKET", "ACCESS", "NAMESPACE", "UNTIL", "STATE", "REQUEST"],
    };
    Table { head, rows: rows.collect() }
}
