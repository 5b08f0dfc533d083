//! `list`: who has, or had, which access: one line for each record.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::settings::List;
use crate::when::When;
use curfew::api::grant::AccessGrant;
use curfew::decide::{grant, table::Table};
use kube::ResourceExt;

/// Lists them, the latest first.
pub async fn run(desk: &Desk, flags: &List) -> Result<String, Failure> {
    let me = match flags.mine || flags.decided {
        true => Some(desk.name().await?),
        false => None,
    };
    let which = match &me {
        Some(me) if flags.mine => desk.everywhere().with("spec.user", me),
        Some(_) => desk.everywhere(),
        None => desk.here(),
    };
    let is_wanted = |record: &AccessGrant| match &me {
        Some(me) => flags.mine || record.spec.approvals.iter().any(|approval| approval.by == *me),
        None => flags.all || grant::may_give_access(record),
    };
    let mut records = desk.cluster.records_of(&which).await?;
    records.retain(is_wanted);
    records.sort_by_key(|record| std::cmp::Reverse((record.spec.not_before, record.name_any())));
    if records.is_empty() && desk.format.is_for_people() {
        desk.say(match me.is_some() || flags.all {
            true => "There is no record of it.",
            false => "Nobody holds access here by Curfew. What was before: kubectl access list --all",
        });
        return Ok(String::new());
    }
    output::objects(&desk.format, &records, |wide| table(&records, &desk.when(), wide))
}

fn table(records: &[AccessGrant], when: &When, wide: bool) -> Table {
    let rows = records.iter().map(|record| {
        let (spec, status) = (&record.spec, record.status.clone().unwrap_or_default());
        let time = |at: Option<_>| at.map_or_else(String::new, |at| when.at(at));
        let row = [
            spec.ticket.clone(),
            spec.user.clone(),
            spec.access.clone(),
            spec.namespace.clone(),
            spec.approved_by.clone().unwrap_or_default(),
            time(status.started_at),
            time(spec.expires_at),
            status.state.unwrap_or_default(),
            status.flagged.unwrap_or_default(),
        ];
        let more =
            [time(status.ended_at), status.ended_by.unwrap_or_default(), spec.policy.name.clone(), record.name_any()];
        row.into_iter().chain(more.into_iter().filter(|_| wide)).collect()
    });
    const HEAD: &[&str] = &[
        "TICKET",
        "USER",
        "ACCESS",
        "SCOPE",
        "APPROVED-BY",
        "STARTED",
        "EXPIRES",
        "STATE",
        "FLAGS",
        "ENDED",
        "ENDED-BY",
        "POLICY",
        "RECORD",
    ];
    Table { head: if wide { HEAD } else { &HEAD[..9] }, rows: rows.collect() }
}
