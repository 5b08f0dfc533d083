//! `waiting`: what waits for the user's decision, over all namespaces, the oldest first.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::seat;
use crate::when::{When, span};
use curfew::api::reasons::Approved;
use curfew::api::request::AccessRequest;
use curfew::api::time::Instant;
use curfew::decide::table::Table;
use k8s_openapi::api::authentication::v1::UserInfo;
use kube::ResourceExt;

/// Lists them.
pub async fn run(desk: &Desk) -> Result<String, Failure> {
    let me = desk.me().await?;
    let [open, given] = [Approved::Waiting, Approved::AtOnce].map(<&str>::from);
    let of = |state: &str| desk.everywhere().with("status.state", state);
    let (open, given) = (of(open), of(given));
    let (mut waiting, given) = tokio::try_join!(desk.cluster.requests_of(&open), desk.cluster.requests_of(&given))?;
    waiting.extend(given);
    waiting.retain(|request| seat::waits_for(request, me));
    waiting.sort_by_key(|request| (filed_at(request), request.namespace(), request.name_any()));
    if waiting.is_empty() && desk.format.is_for_people() {
        desk.say("Nothing waits for you.");
        return Ok(String::new());
    }
    if desk.format.is_for_people() {
        desk.say("What each asks for: kubectl access show NAME -n NAMESPACE");
    }
    output::objects(&desk.format, &waiting, |wide| table(&waiting, me, &desk.when(), wide))
}
fn filed_at(request: &AccessRequest) -> Option<Instant> {
    request.metadata.creation_timestamp.as_ref().and_then(|time| time.0.to_string().parse().ok()).map(Instant::new)
}

fn table(waiting: &[AccessRequest], me: &UserInfo, when: &When, wide: bool) -> Table {
    let rows = waiting.iter().map(|request| {
        let (spec, status) = (&request.spec, request.status.clone().unwrap_or_default());
        let mut steps: Vec<_> = seat::seats(request, me).into_iter().map(|seat| seat.step).collect();
        steps.dedup();
        let row = [
            request.namespace().unwrap_or_default(),
            request.name_any(),
            spec.requester.username.clone(),
            status.access.clone().unwrap_or_default(),
            status.duration.map_or_else(String::new, |asked| asked.to_string()),
            spec.ticket.clone(),
            steps.join(", "),
            filed_at(request).map_or_else(String::new, |at| span(when.now - at.get())),
        ];
        let more = [spec.policy.clone(), status.revision.unwrap_or_default(), spec.reason.clone()];
        row.into_iter().chain(more.into_iter().filter(|_| wide)).collect()
    });
    const HEAD: &[&str] =
        &["NAMESPACE", "REQUEST", "USER", "ACCESS", "FOR", "TICKET", "STEP", "AGE", "POLICY", "REVISION", "REASON"];
    Table { head: if wide { HEAD } else { &HEAD[..8] }, rows: rows.collect() }
}
