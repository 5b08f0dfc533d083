//! Shows what becomes of a request until it is decided and, unless it is planned for later, until it gives access.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::when::When;
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::{self, Approved, BeginReason, Outcome, Reason, Screened};
use curfew::api::request::{AccessRequest, AccessRequestStatus, Decision};
use curfew::decide::{screening, text};
use futures::StreamExt;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::time::Duration;

/// How far it is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until people are asked, or it is returned.
    Screened,
    /// Until it gives access, or never will.
    Active,
}

/// Follows a request, and says what changes. At the end: the request, and a line about it.
pub async fn follow(
    desk: &Desk,
    policy: &AccessPolicy,
    of: &AccessRequest,
    until: Until,
    timeout: Option<Duration>,
) -> Result<(AccessRequest, String), Failure> {
    let (namespace, name) = (of.namespace().unwrap_or_default(), of.name_any());
    let mut changes = std::pin::pin!(desk.cluster.request_changes(&namespace, &name));
    let mut said = BTreeSet::new();
    let give_up = timeout.map(|timeout| tokio::time::Instant::now() + timeout);
    loop {
        let next = match give_up {
            Some(at) => tokio::time::timeout_at(at, changes.next()).await.map_err(|_| {
                Failure::TimedOut(format!("{name} in {namespace} is not there yet; it goes on: kubectl access status"))
            })?,
            None => changes.next().await,
        };
        let request = match next {
            Some(Some(request)) if request.uid() == of.uid() => request,
            _ => return Err(Failure::Error(format!("{name} in {namespace} was deleted"))),
        };
        let when = desk.when();
        for line in progress(&request, policy, &when) {
            // What was said is not said again, but for the time that is left.
            if said.insert(line.split(" (in ").next().unwrap_or_default().to_owned()) {
                desk.say(&line);
            }
        }
        if let Some(end) = outcome(&request, until, &when) {
            return end.map(|line| (request, line));
        }
    }
}

/// What can be said of it now, in order.
fn progress(request: &AccessRequest, policy: &AccessPolicy, when: &When) -> Vec<String> {
    let Some(status) = request.status.as_ref().filter(|s| s.observed_generation == request.metadata.generation) else {
        return vec![];
    };
    let mut lines = vec![];
    if let Some(permissions) = status.permissions.as_ref().filter(|_| reasons::is(status, Screened::Complete)) {
        lines.push(match permissions.adds.is_empty() {
            true => "You would gain nothing: you can do all of it already.".to_owned(),
            false => text::line(&format!("You would gain: {}", text::few(&permissions.adds, 12)), 400),
        });
        lines.extend(permissions.flags.iter().map(|flag| text::line(&format!("Mind: {}", flag.message), 300)));
    }
    lines.extend(decisions(status));
    let deadline = screening::complete_since(&status.conditions)
        .and_then(|since| since.checked_add(policy.spec.approval.pending_timeout.delta()))
        .map_or_else(String::new, |by| format!("; by {}", when.both(by)));
    for step in &status.waiting_for {
        let who = text::few(step.approvers.iter().map(|who| text::line(&who.to_string(), 120)), 6);
        lines.push(format!("Waiting for {}, {} of {who}{deadline}", step.step, step.need));
    }
    lines
}
/// What people decided, and whether it counts.
fn decisions(status: &AccessRequestStatus) -> Vec<String> {
    let of = |by: &str| status.approvals.iter().find(|a| a.by == by && Some(&a.revision) == status.revision.as_ref());
    let words = |judged: &curfew::api::request::Judged| {
        let entry = of(&judged.by)?;
        let said = match (judged.counted, entry.decision) {
            (false, _) => format!("{}'s decision does not count: {}", judged.by, judged.message),
            (true, Decision::Approve) => format!("{} agreed ({})", judged.by, entry.step),
            (true, Decision::Deny) => format!("{} said no", judged.by),
            (true, Decision::RequestDetail) => format!("{} asks for more detail", judged.by),
        };
        let comment = entry.comment.as_ref().map_or_else(String::new, |comment| format!(": {comment}"));
        Some(text::line(&format!("{said}{comment}"), 400))
    };
    status.decisions.iter().filter_map(words).collect()
}

/// What it came to; `None`: it is still to be followed.
fn outcome(request: &AccessRequest, until: Until, when: &When) -> Option<Result<String, Failure>> {
    let status = request.status.as_ref().filter(|s| s.observed_generation == request.metadata.generation)?;
    let (name, place) = (request.name_any(), request.namespace().unwrap_or_default());
    let message = |condition: &str| {
        let of = status.conditions.iter().find(|c| c.type_ == condition);
        text::line(of.map_or("", |c| c.message.as_str()), 2048)
    };
    if reasons::is(status, Screened::Refused) {
        return Some(Err(Failure::Denied(message(Screened::CONDITION))));
    }
    for returned in [Screened::Incomplete, Screened::DetailRequested] {
        if reasons::is(status, returned) && !is_decided(status) {
            let again = format!("Say more: kubectl access request --from {name} -n {place}");
            return Some(Err(Failure::Error(format!("{}\n{again}", message(Screened::CONDITION)))));
        }
    }
    for no in [Approved::Denied, Approved::Withdrawn, Approved::RoleChanged] {
        if reasons::is(status, no) {
            return Some(Err(Failure::Denied(message(Approved::CONDITION))));
        }
    }
    if reasons::is(status, Approved::TimedOut) {
        return Some(Err(Failure::TimedOut(message(Approved::CONDITION))));
    }
    if until == Until::Screened && reasons::is(status, Screened::Complete) {
        return Some(Ok(format!("{name} in {place}: filed")));
    }
    if reasons::is(status, BeginReason::Bound) {
        let end = status.expires_at.map_or_else(String::new, |end| format!(" until {}", when.both(end)));
        return Some(Ok(format!("{name} in {place}: you have access{end}; it ends by itself")));
    }
    if reasons::is(status, BeginReason::Scheduled) {
        return Some(Ok(format!("{name} in {place}: agreed; {}", message("Active"))));
    }
    if reasons::is(status, Outcome::DryRun) {
        return Some(Ok(format!("{name} in {place}: agreed, and nothing is granted: the policy is on trial (DryRun)")));
    }
    let has_ended =
        status.conditions.iter().any(|c| c.type_ == "Active" && c.status == "False") && status.grant.is_some();
    let is_over = has_ended && curfew::decide::request::is_over(request);
    is_over.then(|| Err(Failure::Denied(message("Active"))))
}
fn is_decided(status: &AccessRequestStatus) -> bool {
    status.conditions.iter().any(|c| c.type_ == Approved::CONDITION && c.status != "Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::when::Zone;
    use serde_json::{Value, json};

    fn request(conditions: &[(&str, &str, &str)], more: Value) -> AccessRequest {
        let condition = |(type_, status, reason): &(&str, &str, &str)| {
            json!({"type": type_, "status": status, "reason": reason, "message": format!("because of {reason}"),
                "lastTransitionTime": "2026-12-01T08:00:00Z"})
        };
        let mut status = json!({"observedGeneration": 1, "revision": "7f3a-1", "approvals": [],
            "conditions": conditions.iter().map(condition).collect::<Vec<_>>()});
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
            "metadata": {"name": "sup-1", "namespace": "billing", "generation": 1, "uid": "7f3a"},
            "spec": {"policy": "support", "reason": "Why totals changed for account 4812.", "ticket": "SUP-1",
                "requester": {"username": "alice"}}, "status": status}))
        .unwrap()
    }
    fn when() -> When {
        When { now: "2026-12-01T08:05:00Z".parse().unwrap(), zone: Zone::Named(chrono_tz::UTC) }
    }

    #[test]
    fn each_way_a_request_may_go_has_its_words_and_its_exit_code() {
        let complete = ("Screened", "True", "Complete");
        let active = json!({"expiresAt": "2026-12-01T08:35:00Z", "grant": "g"});
        for (conditions, more, until, came_to) in [
            (vec![complete, ("Approved", "Unknown", "Waiting")], json!({}), Until::Active, "goes on"),
            (vec![complete, ("Approved", "Unknown", "Waiting")], json!({}), Until::Screened, "sup-1 in billing: filed"),
            (vec![("Screened", "False", "Incomplete")], json!({}), Until::Active, "Error: because of Incomplete"),
            (vec![("Screened", "False", "Refused")], json!({}), Until::Active, "Denied: because of Refused"),
            (vec![complete, ("Approved", "False", "Denied")], json!({}), Until::Active, "Denied: because of Denied"),
            (
                vec![complete, ("Approved", "False", "TimedOut")],
                json!({}),
                Until::Active,
                "TimedOut: because of TimedOut",
            ),
            (
                vec![complete, ("Approved", "True", "StepsMet"), ("Active", "False", "Preparing")],
                active.clone(),
                Until::Active,
                "goes on",
            ),
            (
                vec![complete, ("Approved", "True", "StepsMet"), ("Active", "True", "Bound")],
                active.clone(),
                Until::Active,
                "sup-1 in billing: you have access until 08:35 (in 30m); it ends by itself",
            ),
            (
                vec![complete, ("Approved", "True", "StepsMet"), ("Active", "False", "NeverStarted")],
                active,
                Until::Active,
                "Denied: because of NeverStarted",
            ),
        ] {
            let shown = match outcome(&request(&conditions, more), until, &when()) {
                None => "goes on".to_owned(),
                Some(Ok(line)) => line,
                Some(Err(failure)) => format!("{failure:?}").replacen("(\"", ": ", 1),
            };
            assert!(shown.starts_with(came_to), "{came_to}: {shown}");
        }
    }
    #[test]
    fn progress_names_the_gain_the_danger_and_who_decides_until_when() {
        let more = json!({
            "permissions": {"adds": ["get,list pods", "get pods/log"], "flags": [{"type": "ReadsSecrets", "message": "get secrets"}]},
            "waitingFor": [{"step": "owner", "revision": "7f3a-1", "need": 1, "command": "x",
                "approvers": [{"kind": "Group", "name": "owners\u{1b}[2J"}]}],
            "approvals": [{"by": "bob", "step": "lead", "as": "leads", "decision": "Approve", "revision": "7f3a-1",
                "comment": "Narrow and tied to a case."}],
            "decisions": [{"by": "bob", "revision": "7f3a-1", "counted": true, "reason": "Counted", "message": "",
                "firstSeen": "2026-12-01T08:01:00Z"}]});
        let policy: AccessPolicy = serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy",
            "metadata": {"name": "support"}, "spec": {"description": "One account.", "owner": {"kind": "Group", "name": "p"},
                "namespaces": {"matchLabels": {"a": "b"}}, "requesters": [], "access": [],
                "duration": {"default": "30m", "max": "1h"}, "approval": {"pendingTimeout": "1h"},
                "evidence": {"ticket": {"pattern": "^S$", "message": "A case."}}}}))
        .unwrap();
        let lines = progress(&request(&[("Screened", "True", "Complete")], more), &policy, &when());
        assert_eq!(
            lines,
            [
                "You would gain: get,list pods, get pods/log",
                "Mind: get secrets",
                "bob agreed (lead): Narrow and tied to a case.",
                "Waiting for owner, 1 of Group owners\\u{1b}[2J; by 09:00 (in 55m)",
            ]
        );
    }
}
