//! `request`: composes a request, judges it before it is sent, files it, and follows it.
use crate::ask::{Ask, manifest};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::fits::{self, Fit};
use crate::output::{self, Format};
use crate::preview::Known;
use crate::settings::{DryRun, Request, Sending};
use crate::wait::{self, Until};
use crate::wizard::{self, Scene};
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::{self, Screened};
use curfew::api::request::{AccessRequest, Renewal};
use curfew::api::time::Instant;
use curfew::decide::screening::pattern;
use curfew::decide::{lane, text};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use std::time::Duration;

/// How many names are tried, `sup-4812` to `sup-4812-9`.
const NAMES: usize = 9;
/// How long the screening may take before one is told to look later.
const SCREENING: Duration = Duration::from_secs(15);

/// A request that is ready to be sent.
pub struct Draft {
    request: AccessRequest,
    policy: AccessPolicy,
    /// Whether it corrects one that was returned.
    amends: bool,
    /// Whether its name was chosen, so that no other will do.
    is_named: bool,
}

/// Asks.
pub async fn run(desk: &Desk, flags: &Request) -> Result<String, Failure> {
    let mut ask = flags.ask.clone();
    let mut amends = false;
    if let Some(from) = &flags.from {
        let before = named(desk, from).await?;
        amends = is_returned(&before) && before.spec.requester.username == desk.name().await?;
        ask = ask.or_as(&before.spec);
        if amends {
            ask = ask.in_lane_of(&before.spec);
            ask.name = Some(from.clone());
        }
    }
    if let Some(after) = &flags.after {
        ask.start = Some(end_of(&named(desk, after).await?)?);
    }
    let mut draft = compose(desk, ask, None).await?;
    draft.amends = amends;
    send(desk, draft, &flags.sending).await
}

async fn named(desk: &Desk, name: &str) -> Result<AccessRequest, Failure> {
    let read = desk.cluster.request_named(&desk.namespace, name).await?;
    read.ok_or_else(|| Failure::not_found("request", name, &desk.namespace))
}
fn is_returned(request: &AccessRequest) -> bool {
    let returned = [Screened::Incomplete, Screened::DetailRequested];
    request.status.as_ref().is_some_and(|status| returned.iter().any(|reason| reasons::is(status, *reason)))
}
/// When the next step of large work begins (E18): where the one before ends, or would by its own text.
fn end_of(request: &AccessRequest) -> Result<Instant, Failure> {
    let promised = request.status.as_ref().and_then(|status| status.expires_at);
    let planned = || request.spec.start_time?.checked_add(request.spec.duration?.delta());
    promised.or_else(planned).ok_or_else(|| {
        let name = request.name_any();
        Failure::Usage(format!(
            "--after: {name} was not granted yet and has no --start and --for of its own, so nobody knows when it ends"
        ))
    })
}

/// Infers what only one thing fits, asks for the rest where somebody can be asked, and refuses what would come back.
pub async fn compose(desk: &Desk, ask: Ask, renewal: Option<Renewal>) -> Result<Draft, Failure> {
    if let Some(fault) = ask.crisis_fault().filter(|_| !desk.terminal.asks || !ask.is_emergency()) {
        return Err(Failure::Usage(fault.into()));
    }
    let requester = fits::requester(desk).await?;
    let draft = ask.request(&desk.namespace, &requester, None);
    let (policy, namespace) = policy(desk, &ask, &draft).await?;
    if ask.is_emergency() {
        wizard::warn(desk, &policy);
    }
    let mut ask = Ask { policy: Some(policy.name_any()), ..ask };
    if ask.access.is_none()
        && let Some(only) = only_access(&lane::applied(&policy, &draft))
    {
        desk.say(&format!("Access: {only}, the only one that this lane offers."));
        ask.access = Some(only);
    }
    let is_named = ask.name.is_some();
    let known = Known::read(desk, policy, namespace).await?;
    let scene = Scene { requester: &requester, namespace: &desk.namespace, renewal: renewal.as_ref() };
    if desk.terminal.asks {
        ask = wizard::complete(desk, &known, scene, ask)?;
    }
    let request = ask.request(&desk.namespace, &requester, renewal);
    let (passing, gaps): (Vec<_>, Vec<_>) =
        known.gaps(&request, desk.when().now).into_iter().partition(|gap| gap.passes);
    for gap in passing {
        desk.say(&text::line(&format!("It will wait: {}", gap.words), 800));
    }
    if gaps.is_empty() {
        return Ok(Draft { request, policy: known.policy, amends: false, is_named });
    }
    let each = gaps.iter().map(|gap| format!("  {}", text::line(&gap.words, 800))).collect::<Vec<_>>().join("\n");
    let advice = "Each field has a flag: kubectl access request --help";
    Err(Failure::Usage(format!("nothing was sent, as this would come back:\n{each}\n{advice}")))
}

/// The policy that is named, or the only one that fits what is asked; of several a person chooses.
async fn policy(desk: &Desk, ask: &Ask, draft: &AccessRequest) -> Result<(AccessPolicy, Option<Namespace>), Failure> {
    if desk.all {
        return Err(Failure::Usage("a request is for one namespace: name it with --namespace".into()));
    }
    let (all, namespace) = fits::of(desk, draft).await?;
    if let Some(name) = &ask.policy {
        return match all.into_iter().find(|(policy, _)| policy.name_any() == *name) {
            Some((policy, fit)) => may(desk, policy, fit, draft).map(|policy| (policy, namespace)),
            None => Err(Failure::Error(format!(
                "there is no policy `{}`: see kubectl access policies --all",
                text::line(name, 63)
            ))),
        };
    }
    let mut fitting: Vec<_> = all.into_iter().filter(|(_, fit)| fit.may()).map(|(policy, _)| policy).collect();
    fitting.retain(|policy| offers(&lane::applied(policy, draft), ask));
    match fitting.len() {
        0 => Err(Failure::Denied(format!(
            "no policy lets you ask for that in {}: see kubectl access policies --all",
            text::line(&desk.namespace, 63)
        ))),
        1 => {
            let only = fitting.remove(0);
            desk.say(&format!("Policy: {}, the only one that fits.", only.name_any()));
            Ok((only, namespace))
        }
        _ if desk.terminal.asks => {
            let chosen = wizard::choose(desk, &fitting)?;
            Ok((fitting.remove(chosen), namespace))
        }
        _ => {
            let differ = fitting.iter().map(|policy| {
                let access = text::few(policy.spec.access.iter().map(wizard::offered), 4);
                let steps = text::few(policy.spec.approval.steps.iter().map(|step| &step.name), 4);
                let (name, what) = (policy.name_any(), text::line(&policy.spec.description, 120));
                format!("  --policy {name}: {what} Gives {access}; agreed to by {steps}.")
            });
            let differ = differ.collect::<Vec<_>>().join("\n");
            Err(Failure::Usage(format!("several policies fit; name one:\n{differ}")))
        }
    }
}
/// What somebody who names no access means, where the policy's first one is not for this lane and only one other is.
fn only_access(policy: &AccessPolicy) -> Option<String> {
    let (first, rest) = policy.spec.access.split_first()?;
    let mut offered = rest.iter().map(|access| &access.name).filter(|name| lane::offers(&policy.spec, name));
    match (lane::offers(&policy.spec, &first.name), offered.next(), offered.next()) {
        (false, Some(only), None) => Some(only.clone()),
        _ => None,
    }
}
fn offers(policy: &AccessPolicy, ask: &Ask) -> bool {
    let access = ask.access.as_ref();
    let is_there = |name: &String| policy.spec.access.iter().any(|access| access.name == *name);
    let has_access = access.is_none_or(|name| is_there(name) && lane::offers(&policy.spec, name));
    let takes = |ticket: &String| {
        pattern::compile(&policy.spec.evidence.ticket.pattern).is_ok_and(|pattern| pattern.is_match(ticket))
    };
    has_access && ask.ticket.as_ref().is_none_or(takes)
}
fn may(desk: &Desk, policy: AccessPolicy, fit: Fit, draft: &AccessRequest) -> Result<AccessPolicy, Failure> {
    let (name, place) = (policy.name_any(), text::line(&desk.namespace, 63));
    let who =
        text::few(lane::applied(&policy, draft).spec.requesters.iter().map(|who| text::line(&who.to_string(), 120)), 8);
    match fit {
        Fit::Fits | Fit::PerhapsHere => Ok(policy),
        Fit::NotHere => Err(Failure::Denied(format!("{name} does not cover {place}: see kubectl access policies"))),
        Fit::NotForYou => Err(Failure::Denied(format!("{name} does not let you ask; who may: {who}"))),
        Fit::NoLane => Err(Failure::Denied(format!(
            "{name} has no lane for emergencies: leave --emergency out, and file it as routine"
        ))),
        Fit::NotReady(why) => Err(Failure::Error(format!("{name} {}", text::line(&why, 800)))),
    }
}

/// Files it, or shows what would be filed, and follows it.
pub async fn send(desk: &Desk, draft: Draft, sending: &Sending) -> Result<String, Failure> {
    let Draft { mut request, policy, amends, is_named } = draft;
    match sending.dry_run {
        DryRun::Client => return shown(desk, &manifest(&request)?),
        DryRun::Server => {
            let filed = file(desk, &mut request, amends, is_named, true).await?;
            let (name, place) = (filed.name_any(), filed.namespace().unwrap_or_default());
            return answered(desk, &filed, &format!("{name} in {place}: the API server would take it"));
        }
        DryRun::None => {}
    }
    let filed = file(desk, &mut request, amends, is_named, false).await?;
    let (name, place) = (filed.name_any(), filed.namespace().unwrap_or_default());
    let duration = filed.spec.duration.unwrap_or(policy.spec.duration.default);
    desk.say(&desk.paint().bold(&format!("Filed: {name} in {place}, under {} for {duration}.", policy.name_any())));
    let waits = sending.wait.unwrap_or(desk.terminal.asks);
    if waits {
        desk.say("Waiting until it is decided; Ctrl-C ends the waiting, not the request.");
    }
    let (until, timeout) = match waits {
        true => (Until::Active, sending.timeout.and_then(|timeout| timeout.delta().to_std().ok())),
        false => (Until::Screened, Some(SCREENING)),
    };
    let (request, line) = wait::follow(desk, &policy, &filed, until, timeout).await?;
    if !waits {
        desk.say(&format!(
            "How it stands: kubectl access status. What to paste to decide it: kubectl -n {place} get areq {name} -o jsonpath='{{.status.waitingFor[*].command}}'"
        ));
    }
    answered(desk, &request, &line)
}

/// A name that is taken is another request: the next one is tried.
async fn file(
    desk: &Desk,
    request: &mut AccessRequest,
    amends: bool,
    is_named: bool,
    dry_run: bool,
) -> Result<AccessRequest, Failure> {
    if amends {
        return Ok(desk.cluster.amend(&manifest(request)?, dry_run).await?);
    }
    let base = request.name_any();
    for n in 1..=NAMES {
        if n > 1 {
            request.metadata.name = Some(format!("{base}-{n}"));
        }
        match desk.cluster.file(&manifest(request)?, dry_run).await {
            Err(error) if error.code() == Some(409) && !is_named => {}
            answer => return Ok(answer?),
        }
    }
    Err(Failure::Usage(format!("{base} and the names after it are taken: choose one with --name")))
}

fn answered(desk: &Desk, request: &AccessRequest, line: &str) -> Result<String, Failure> {
    match &desk.format {
        Format::Table | Format::Wide => Ok(format!("{line}\n")),
        Format::Name => Ok(format!("accessrequest.curfew.dev/{}\n", request.name_any())),
        format => output::value(format, &serde_json::to_value(request)?),
    }
}
/// A manifest, as YAML where nothing else is asked for.
fn shown(desk: &Desk, manifest: &serde_json::Value) -> Result<String, Failure> {
    match &desk.format {
        Format::Table | Format::Wide => output::value(&Format::Yaml, manifest),
        Format::Name => {
            Ok(format!("accessrequest.curfew.dev/{}\n", manifest["metadata"]["name"].as_str().unwrap_or_default()))
        }
        format => output::value(format, manifest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn e18_the_next_step_begins_where_the_one_before_ends_or_is_planned_to() {
        let (start, end) = ("2026-12-01T09:00:00Z", "2026-12-01T11:00:00Z");
        for (spec, status, begins) in [
            (json!({"startTime": start, "duration": "2h"}), json!({}), Some(end)),
            (json!({"startTime": start, "duration": "4h"}), json!({"expiresAt": end}), Some(end)),
            (json!({"duration": "30m"}), json!({"expiresAt": end}), Some(end)),
            (json!({"startTime": start}), json!({}), None),
            (json!({"duration": "30m"}), json!({}), None),
        ] {
            let mut request = json!({"metadata": {"name": "inc-7"}, "status": status,
                "spec": {"policy": "support", "reason": "Move the queue.", "ticket": "INC-7", "requester": {"username": "alice"}}});
            request["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
            let known = end_of(&serde_json::from_value(request.clone()).unwrap());
            assert_eq!(known.ok().map(|at| at.to_string()).as_deref(), begins, "{request}");
        }
    }
    #[test]
    fn b22_of_a_lane_that_offers_only_one_access_that_one_is_meant() {
        let policy = |offered: Option<&[&str]>| -> AccessPolicy {
            let access = ["logs", "read", "restart"].map(|name| {
                json!({"name": name, "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": format!("curfew-{name}")}})
            });
            let group = |name: &str| json!([{"kind": "Group", "name": name}]);
            let lane = offered.map(|offered| {
                json!({"access": offered, "approvers": group("on-call"), "review": {"reviewers": group("security")}})
            });
            serde_json::from_value(json!({
                "metadata": {"name": "support"},
                "spec": {
                    "description": "One account, after a real report from a customer.",
                    "owner": {"kind": "Group", "name": "platform"},
                    "namespaces": {"matchLabels": {"curfew.dev/zone": "production"}},
                    "requesters": group("engineers"),
                    "access": access,
                    "duration": {"default": "30m", "max": "1h"},
                    "evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A support case."}},
                    "approval": {"steps": [{"name": "owner", "approvers": group("owners")}]},
                    "emergency": lane}}))
            .unwrap()
        };
        for (offered, meant) in [
            (None, None),
            (Some(&["logs"][..]), None),
            (Some(&["logs", "restart"]), None),
            (Some(&["restart"]), Some("restart")),
            (Some(&["read", "restart"]), None),
        ] {
            assert_eq!(only_access(&policy(offered)).as_deref(), meant, "{offered:?}");
        }
    }
}
