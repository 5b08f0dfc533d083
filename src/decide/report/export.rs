//! One line for each decision, always with the same columns: one request can be set beside the next.
use super::{Section, Seen, or_none};
use crate::api::grant::AccessGrant;
use crate::api::reasons::{self, RemovalVerified, Screened};
use crate::api::request::AccessRequest;
use crate::api::time;
use crate::decide::table::Table;
use kube::ResourceExt;

/// Columns are only ever added, at the end.
const HEAD: &[&str] = &[
    "RECORD",
    "REQUEST",
    "TICKET",
    "USER",
    "FILED-BY",
    "POLICY",
    "NAMESPACE",
    "ACCESS",
    "LEVEL",
    "ROLE",
    "OUTCOME",
    "REASON",
    "WHY-NOT",
    "ASKED-FOR",
    "APPROVED-BY",
    "DECIDED",
    "NOT-BEFORE",
    "EXPIRES",
    "STARTED",
    "ENDED",
    "ENDED-BY",
    "END-REASON",
    "REMOVED",
    "DUTIES",
    "FLAGS",
    "RENEWS",
    "TIMELINE",
    "DIGEST",
];

pub(super) fn sections(seen: &Seen) -> Vec<Section> {
    let refused = seen.filed().into_iter().filter(|request| {
        request.status.as_ref().is_some_and(|status| reasons::is(status, Screened::Refused) && status.grant.is_none())
    });
    let decided = seen.decided();
    vec![Section {
        name: "decisions",
        title: "Decisions",
        note: "One row for each record, then one for each request that was refused at screening and so has none."
            .into(),
        table: Table { head: HEAD, rows: decided.into_iter().map(record).chain(refused.map(refusal)).collect() },
    }]
}

fn record(grant: &AccessGrant) -> Vec<String> {
    let spec = &grant.spec;
    let status = grant.status.clone().unwrap_or_default();
    let outcome: &str = spec.outcome.into();
    let removed = if reasons::is(&status, RemovalVerified::Removed) { "yes" } else { "" };
    let last = status.timeline.last();
    vec![
        grant.name_any(),
        format!("{}/{}", spec.request.namespace, spec.request.name),
        spec.ticket.clone(),
        spec.user.clone(),
        spec.filed_by.clone().unwrap_or_default(),
        spec.policy.name.clone(),
        spec.namespace.clone(),
        spec.access.clone(),
        format!("{:?}", spec.level),
        spec.role_ref.to_string(),
        outcome.to_owned(),
        spec.reason.clone(),
        spec.why.clone().unwrap_or_default(),
        spec.asked_for.to_string(),
        spec.approved_by.clone().unwrap_or_default(),
        or_none(time::made(&grant.metadata)),
        spec.not_before.to_string(),
        or_none(spec.expires_at),
        or_none(status.started_at),
        or_none(status.ended_at),
        status.ended_by.clone().unwrap_or_default(),
        status.end_reason.map(|reason| format!("{reason:?}")).unwrap_or_default(),
        removed.to_owned(),
        status.duties_state.clone().unwrap_or_default(),
        status.flagged.clone().unwrap_or_default(),
        spec.renewal.as_ref().map(|of| of.grant.clone()).unwrap_or_default(),
        last.map(|entry| entry.seq.to_string()).unwrap_or_default(),
        last.map(|entry| entry.digest.clone()).unwrap_or_default(),
    ]
}

fn refusal(request: &AccessRequest) -> Vec<String> {
    let spec = &request.spec;
    let namespace = request.namespace().unwrap_or_default();
    let status = request.status.iter();
    let failed = status.flat_map(|status| &status.checks).filter(|check| !check.passed);
    let why = failed.filter_map(|check| Some(format!("{}: {}", check.code.as_ref()?, check.message)));
    let known = [
        ("REQUEST", format!("{namespace}/{}", request.name_any())),
        ("TICKET", spec.ticket.clone()),
        ("USER", spec.requester.username.clone()),
        ("FILED-BY", spec.filed_by.clone().unwrap_or_default()),
        ("POLICY", spec.policy.clone()),
        ("NAMESPACE", namespace),
        ("ACCESS", spec.access.clone().unwrap_or_default()),
        ("OUTCOME", <&str>::from(Screened::Refused).to_owned()),
        ("REASON", spec.reason.clone()),
        ("WHY-NOT", why.collect::<Vec<_>>().join("; ")),
        ("ASKED-FOR", spec.duration.map(|span| span.to_string()).unwrap_or_default()),
        ("DECIDED", or_none(time::made(&request.metadata))),
    ];
    let cell = |column: &&str| known.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.clone());
    HEAD.iter().map(|column| cell(column).unwrap_or_default()).collect()
}
