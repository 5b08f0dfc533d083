//! `show`: all that is needed to decide about a request; once it is decided, the record of it; or all that belongs to a ticket.
use crate::desk::Desk;
use crate::dossier::Dossier;
use crate::failure::Failure;
use crate::output;
use crate::owing;
use crate::seat;
use crate::settings::decide::Show;
use crate::when::When;
use curfew::api::grant::AccessGrant;
use curfew::api::request::{AccessRequest, Judged};
use curfew::decide::text;
use k8s_openapi::api::authentication::v1::UserInfo;
use kube::ResourceExt;
use serde_json::Value;

/// The most characters of a line.
const WIDTH: usize = 160;

/// Shows it.
pub async fn run(desk: &Desk, flags: &Show) -> Result<String, Failure> {
    if let Some(ticket) = &flags.ticket {
        return of_ticket(desk, ticket).await;
    }
    let name = flags.name.as_deref().unwrap_or_default();
    match desk.cluster.request_named(&desk.namespace, name).await? {
        Some(request) => of_request(desk, &request).await,
        None => of_records(desk, name).await,
    }
}

async fn of_request(desk: &Desk, request: &AccessRequest) -> Result<String, Failure> {
    if !desk.format.is_for_people() {
        return output::objects(&desk.format, std::slice::from_ref(request), |_| unreachable!("a table is for people"));
    }
    let status = request.status.clone().unwrap_or_default();
    if let Some(grant) = &status.grant
        && let Some(shown) = record(desk, grant, Some(request)).await?
    {
        let second = status.then_grant.map(|name| format!("Second access: kubectl access show {name}\n"));
        return Ok(shown + &second.unwrap_or_default());
    }
    let me = desk.me().await?;
    Ok(escaped(&lines(request, me, &desk.when())))
}

/// What is on record of a request that is gone, or under the name of a record: the latest.
async fn of_records(desk: &Desk, name: &str) -> Result<String, Failure> {
    let found = owing::records(desk, name).await.map_err(|failure| match failure {
        Failure::Error(_) => Failure::not_found("request or record", name, &desk.namespace),
        other => other,
    })?;
    if !desk.format.is_for_people() {
        return output::objects(&desk.format, &found, |_| unreachable!("a table is for people"));
    }
    let mut names: Vec<_> = found.iter().map(|of| (of.spec.not_before, of.name_any())).collect();
    names.sort();
    let latest = names.pop().map(|(_, name)| name).unwrap_or_default();
    let request = match found.iter().find(|of| of.name_any() == latest).map(|of| &of.spec.request) {
        Some(of) => {
            desk.cluster.request_named(&of.namespace, &of.name).await?.filter(|r| r.uid().as_ref() == Some(&of.uid))
        }
        None => None,
    };
    let others =
        names.iter().map(|(_, name)| format!("Also on record: kubectl access show {name}\n")).collect::<String>();
    let shown = record(desk, &latest, request.as_ref()).await?;
    shown.map(|shown| shown + &others).ok_or_else(|| Failure::not_found("record", &latest, &desk.namespace))
}

/// A record as it is now; `None`: there is none.
async fn record(desk: &Desk, name: &str, request: Option<&AccessRequest>) -> Result<Option<String>, Failure> {
    let Some(written) = desk.cluster.record_as_written(name).await? else { return Ok(None) };
    let read: AccessGrant = serde_json::from_value(written.clone())?;
    let when = desk.when();
    let dossier = Dossier { record: &read, written: &written, request, when: &when };
    Ok(Some(escaped(&dossier.lines())))
}

/// Everything that was asked and granted for a ticket (J15): one in full, several in short.
async fn of_ticket(desk: &Desk, ticket: &str) -> Result<String, Failure> {
    let of = desk.everywhere().with("spec.ticket", ticket);
    let (mut records, requests) = tokio::try_join!(desk.cluster.records_of(&of), desk.cluster.requests_of(&of))?;
    if !desk.format.is_for_people() {
        return output::objects(&desk.format, &records, |_| unreachable!("a table is for people"));
    }
    records.sort_by_key(|record| (record.spec.not_before, record.name_any()));
    let of_record = |record: &AccessGrant| requests.iter().find(|r| r.uid().as_ref() == Some(&record.spec.request.uid));
    let undecided = requests.iter().filter(|of| of.status.as_ref().is_none_or(|status| status.grant.is_none()));
    let lines: Vec<_> = undecided.map(line).collect();
    if records.is_empty() && lines.is_empty() {
        return Err(Failure::Error(format!("nothing was asked for `{}`", text::line(ticket, 63))));
    }
    let shown = match records.as_slice() {
        [one] => record(desk, &one.name_any(), of_record(one)).await?.unwrap_or_default(),
        several => {
            let when = desk.when();
            let short = |record: &AccessGrant| {
                Dossier { record, written: &Value::Null, request: of_record(record), when: &when }.in_short()
            };
            several.iter().map(|record| escaped(&short(record)) + "\n").collect()
        }
    };
    Ok(shown + &escaped(&lines))
}
/// A request that is not decided, in a line.
fn line(of: &AccessRequest) -> String {
    let (name, place, who) = (of.name_any(), of.namespace().unwrap_or_default(), &of.spec.requester.username);
    let state = of.status.as_ref().and_then(|status| status.state.as_deref()).unwrap_or("not screened yet");
    format!("{name} in {place} by {who}: {state}: kubectl access show {name} -n {place}")
}

fn escaped(lines: &[String]) -> String {
    lines.iter().map(|line| text::line(line, 2 * WIDTH) + "\n").collect()
}

/// While it waits: the brief that its policy's approvers read, and what the user may type. Then: who decided what, and the end.
fn lines(of: &AccessRequest, me: &UserInfo, when: &When) -> Vec<String> {
    let (spec, status) = (&of.spec, of.status.clone().unwrap_or_default());
    let (place, name) = (of.namespace().unwrap_or_default(), of.name_any());
    let state = status.state.as_deref().unwrap_or("not screened yet");
    let mut lines = vec![format!("{name} in {place}: {state}")];
    if status.brief.is_empty() {
        let access = status.access.as_deref().unwrap_or("access");
        let asked = status.duration.map_or_else(String::new, |asked| format!(" for {asked}"));
        lines.push(format!("Asks: {} for {access} in {place}{asked}, under {}", spec.requester.username, spec.policy));
        lines.push(format!("Reason: {}", spec.reason));
        lines.push(format!("Ticket: {}", spec.ticket));
        let failed = status.checks.iter().filter(|check| !check.passed);
        lines.extend(failed.map(|check| format!("Check {}: {}", check.name, check.message)));
        lines.extend(status.decisions.iter().map(|judged| decision(of, judged)));
        lines.extend(status.expires_at.map(|end| format!("Ends: {}", when.both(end))));
    } else {
        // Its last line is the command for plain kubectl.
        lines.extend(status.brief.iter().filter(|line| !line.starts_with("Decide: ")).cloned());
    }
    if seat::waits_for(of, me) {
        let revision = status.revision.unwrap_or_default();
        lines.push(format!(
            "Decide: kubectl access approve|deny|send-back {name} -n {place} --revision {revision} -m WHY"
        ));
    }
    lines
}

/// `bob approved: Narrow and tied to a case. (Counted)`
fn decision(of: &AccessRequest, judged: &Judged) -> String {
    let entries = of.status.iter().flat_map(|status| &status.approvals);
    let mut entries = entries.filter(|entry| entry.by == judged.by && entry.revision == judged.revision);
    let comment = entries.next().and_then(|entry| entry.comment.as_deref()).unwrap_or("no comment");
    format!("Decided: {}: {} “{comment}”", judged.by, judged.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::when::Zone;
    use serde_json::json;

    const NASTY: &str = "bad \u{1b}[2J\u{202e}\n words";
    fn shown(status: Value, who: &str) -> Vec<String> {
        let request: AccessRequest =
            serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
            "metadata": {"name": "sup-1", "namespace": "billing"}, "status": status,
            "spec": {"policy": "support", "reason": NASTY, "ticket": NASTY, "requester": {"username": "alice"}}}))
            .unwrap();
        let me = UserInfo { username: Some(who.to_owned()), ..UserInfo::default() };
        let when = When { now: "2026-12-01T08:15:00Z".parse().unwrap(), zone: Zone::Named(chrono_tz::UTC) };
        escaped(&lines(&request, &me, &when)).lines().map(str::to_owned).collect()
    }

    #[test]
    fn c9_what_is_to_be_decided_fits_on_25_lines_and_acts_on_no_terminal() {
        let brief = [vec![NASTY; 23], vec!["Decide: kubectl"]].concat();
        let waits = json!({"state": "Waiting", "revision": "7f3a-1", "brief": brief,
            "waitingFor": [{"step": "owner", "revision": "7f3a-1", "need": 1, "command": "x", "approvers": [{"kind": "User", "name": "bob"}]}]});
        let his = shown(waits.clone(), "bob");
        assert!(his.len() == 25 && his[0] == "sup-1 in billing: Waiting", "{his:#?}");
        assert!(
            his.last().unwrap().starts_with("Decide: kubectl access approve|deny|send-back sup-1 -n billing"),
            "{his:#?}"
        );
        let hers = shown(waits, "alice");
        assert!(!hers.iter().any(|line| line.starts_with("Decide: ")), "nobody decides their own: {hers:#?}");
        let over = json!({"state": "Incomplete", "decisions": [{"by": NASTY, "revision": "7f3a-1", "counted": false, "reason": "x",
            "message": NASTY, "firstSeen": "2026-12-01T08:01:00Z"}], "checks": [{"name": "ClearReason", "passed": false, "message": NASTY}]});
        for line in his.iter().chain(&shown(over, "alice")) {
            assert!(!line.chars().any(text::acts), "{line:?}");
        }
    }
}
