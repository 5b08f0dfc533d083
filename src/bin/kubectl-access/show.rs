//! `show`: all that is needed to decide about a request, or what became of it.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::seat;
use crate::settings::decide::Show;
use crate::when::When;
use curfew::api::request::{AccessRequest, Judged};
use curfew::decide::text;
use k8s_openapi::api::authentication::v1::UserInfo;
use kube::ResourceExt;

/// The most characters of a line.
const WIDTH: usize = 160;

/// Shows it.
pub async fn run(desk: &Desk, flags: &Show) -> Result<String, Failure> {
    let read = desk.cluster.request_named(&desk.namespace, &flags.name).await?;
    let read = read.ok_or_else(|| Failure::not_found("request", &flags.name, &desk.namespace))?;
    if !desk.format.is_for_people() {
        return output::objects(&desk.format, &[read], |_| unreachable!("a table is for people"));
    }
    let me = desk.me().await?;
    Ok(lines(&read, me, &desk.when()).iter().map(|line| text::line(line, 2 * WIDTH) + "\n").collect())
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
        lines.extend(status.grant.map(|grant| format!("Record: kubectl get accessgrant {grant} -o yaml")));
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
