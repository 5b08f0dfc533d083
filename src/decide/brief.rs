//! What an approver needs to decide, in plain lines: `kubectl describe accessrequest` is enough to judge by (B26, C9).
//!
//! The lines follow from what is stored alone, never from the time of the pass: else every pass would write them anew.
use super::renewal::Renews;
use super::screening::Filing;
use super::second::Stage;
use super::text::{self, Section};
use super::{at_once, self_approval, term};
use crate::api::evidence::DataScope;
use crate::api::grant::AccessGrant;
use crate::api::names;
use crate::api::policy::{AccessPolicy, Mode};
use crate::api::request::{AccessRequestStatus, Permissions, Renewal, Waiting};
use crate::api::time::{Instant, Span};
use chrono::{DateTime, Utc};
use kube::ResourceExt;

/// Most lines, of which the schema allows a few more, and most characters of one. With a line before them and one after them
/// they are 25 in the plugin (C9). No request has more than 23 subjects: an emergency is not planned.
const LINES: usize = 24;
const WIDTH: usize = 160;
/// What a yes gives while the policy is tried out.
const TRIAL: &str = "nothing will be granted, whoever agrees: the policy's mode is DryRun";

/// What the lines are made of, beside the request and its policy.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Everything that the request names.
    pub filing: &'a Filing<'a>,
    /// The status in the making: its checks, permissions, decisions and since when it is complete.
    pub status: &'a AccessRequestStatus,
    /// What the screening wants them to read.
    pub notes: &'a [String],
    /// The steps that are not met.
    pub steps: &'a [Waiting],
    /// When it was found complete.
    pub since: DateTime<Utc>,
    /// Until when they may decide.
    pub until: DateTime<Utc>,
    /// From when on who asked may go on alone.
    pub alone: Option<Instant>,
    /// The record of what was given at once, while they decide whether it goes on.
    pub given: Option<&'a AccessGrant>,
}

/// At most 24 lines of at most 160 characters; nothing in them acts on a terminal.
pub fn lines(facts: &Facts<'_>) -> Vec<String> {
    let mut sections: Vec<Section> = vec![];
    let mut say = |label: &str, text: Option<String>, most: usize| {
        let text = text.filter(|text| !text.is_empty()).map(|text| format!("{label}: {text}"));
        // More than there is room for, however it is broken: what is cut here is not looked at for each line again.
        sections.extend(text.map(|text| Section { text: text::line(&text, 2 * WIDTH * most), most }));
    };
    let Facts { filing, status, steps, .. } = facts;
    let spec = &filing.request.spec;
    say("Asks", Some(who_asks(filing)), 3);
    say("Trial", (status.mode == Some(Mode::DryRun)).then(|| TRIAL.to_owned()), 1);
    say("Begins", spec.start_time.map(|start| format!("by itself, at {start} if agreed before")), 1);
    say("Ends", Some(when_it_ends(facts)), 2);
    say("Then", filing.then.map(|stage| second_access(stage, status, &spec.requester.username)), 4);
    say("Renews", filing.renews.map(|renews| renewal(&renews, filing.policy)), 5);
    say("Reason", Some(spec.reason.clone()), 4);
    say("Note", facts.given.and_then(at_once::note).map(str::to_owned), 3);
    say("Emergency", spec.emergency.as_ref().map(|of| format!("{:?}: {}", of.harm, of.impact)), 4);
    say("Ticket", Some(ticket(filing, status)), 3);
    say("Case", Some(case(filing.policy)), 3);
    say("Data, declared and not enforced", some(spec.data.iter().map(data), "; "), 5);
    say("Why not a safer way", spec.why_not_safer.clone(), 4);
    say("Why not a lower level", spec.why_not_lower.clone(), 4);
    say("Plan", some(spec.plan.iter().zip(1..).map(|(step, n)| format!("{n}. {step}")), " "), 4);
    say("Legal basis", spec.legal_basis.as_ref().map(|b| format!("{:?} {}", b.type_, b.ref_)), 1);
    say("Attachments", some(spec.attachments.iter().map(|a| format!("{:?} {}", a.kind, a.url)), "; "), 4);
    say("Would gain", status.permissions.as_ref().map(|p| gains(p, &spec.requester.username)), 4);
    say("Dangerous", dangers(status.permissions.as_ref()), 4);
    say("Dangerous in the second access", dangers(status.then_permissions.as_ref()), 4);
    say("Can do already", status.permissions.as_ref().filter(|p| !p.had.is_empty()).map(|p| text::few(&p.had, 3)), 2);
    say("Checks", Some(checks(facts)), 4);
    say("Other live access", message(status, "OtherActiveGrants").map(other_access), 2);
    say("Agreed so far", some(agreed(facts), ", "), 2);
    say("Alone", facts.alone.map(|from| self_approval::warning(filing, from)), 3);
    let until = format!("Until {} must decide", Instant::new(facts.until));
    say(&until, some(steps.iter().map(must_decide), "; "), 4);
    let mut lines = text::fit(&mut sections, WIDTH, LINES - 1);
    lines.push(command(facts));
    lines
}

fn some(items: impl Iterator<Item = String>, between: &str) -> Option<String> {
    let all = items.collect::<Vec<_>>().join(between);
    (!all.is_empty()).then_some(all)
}

fn who_asks(filing: &Filing<'_>) -> String {
    let (who, access) = (&filing.request.spec.requester.username, filing.access);
    let place = filing.request.metadata.namespace.as_deref().unwrap_or_default();
    let (asked, as_) = (Span::from(filing.duration), filing.entitled_by);
    format!("{who} ({as_}) for {} ({:?}, {}) in {place} for {asked}", access.name, access.level, access.role_ref)
}

fn when_it_ends(facts: &Facts<'_>) -> String {
    if let Some((first, end)) = facts.given.and_then(|first| Some((first, first.spec.expires_at?))) {
        let rest = at_once::until(first, facts.filing, &[]);
        let rest = rest.map_or_else(String::new, |until| format!("; if agreed and noted, it goes on until {until}"));
        return format!("given at once, at {}; by itself, at {end}{rest}", first.spec.not_before);
    }
    let Filing { policy, access, duration, installation, .. } = facts.filing;
    let after = |decided: DateTime<Utc>| {
        let begins = facts.filing.begins(decided);
        let (longest, _) = term::longest(&policy.spec, access, installation, begins);
        Instant::new(begins + longest.min(*duration))
    };
    let (soonest, latest, since) = (after(facts.since), after(facts.until), Instant::new(facts.since));
    format!("by itself, at {soonest} if agreed at {since}, at the latest at {latest}; an open shell or watch goes on")
}

fn second_access(stage: Stage<'_>, status: &AccessRequestStatus, who: &str) -> String {
    let Stage { access, duration, .. } = stage;
    let gains = status.then_permissions.as_ref().map_or(String::new(), |p| format!("; would gain {}", gains(p, who)));
    let (name, level, role, time) = (&access.name, access.level, &access.role_ref, Span::from(duration));
    format!("{name} ({level:?}, {role}) for {time} from its own start, once {who} has written what was found{gains}")
}

fn renewal(renews: &Renews<'_>, policy: &AccessPolicy) -> String {
    let Renewal { of, what_changed, what_remains, why_not_enough } = renews.answers;
    let (depth, most) = (renews.depth, policy.spec.limits.renewals);
    format!(
        "{of}, renewal {depth} of at most {most}. Changed: {what_changed} Remains: {what_remains} Not enough: {why_not_enough}"
    )
}

fn case(policy: &AccessPolicy) -> String {
    format!("{} (data class {:?}): {}", policy.name_any(), policy.spec.data_class, policy.spec.description)
}

fn ticket(filing: &Filing<'_>, status: &AccessRequestStatus) -> String {
    message(status, "RealTask").unwrap_or(&filing.request.spec.ticket).to_owned()
}

/// Data that was declared, in words.
pub fn data(scope: &DataScope) -> String {
    let DataScope { system, kind, tenant, records, fields } = scope;
    let named = |name: &str, all: &[String]| (!all.is_empty()).then(|| format!("{name} {}", all.join(" ")));
    let of = [
        kind.clone(),
        tenant.as_ref().map(|tenant| format!("of {tenant}")),
        named("records", records),
        named("fields", fields),
    ];
    let of: Vec<_> = of.into_iter().flatten().collect();
    format!("{system} {}", of.join(", "))
}

fn gains(permissions: &Permissions, who: &str) -> String {
    // What changes something comes first: reading is what is cut off.
    let reads = |permission: &&String| ["get ", "list ", "watch "].iter().any(|verb| permission.starts_with(verb));
    let (reading, changing): (Vec<_>, Vec<_>) = permissions.adds.iter().partition(reads);
    match permissions.adds.len() {
        0 => format!("nothing: {who} can do all of it already"),
        _ => text::few(changing.into_iter().chain(reading), 16),
    }
}

fn dangers(permissions: Option<&Permissions>) -> Option<String> {
    some(permissions?.flags.iter().map(|flag| flag.message.clone()), "; ")
}

fn checks(facts: &Facts<'_>) -> String {
    let all = &facts.status.checks;
    let failed = all.iter().filter(|check| !check.passed).map(|check| format!("{}: {}", check.name, check.message));
    let attention: Vec<_> = failed.chain(facts.notes.iter().cloned()).collect();
    let passed = all.iter().filter(|check| check.passed).count();
    let counted = format!("{passed} of {} passed", all.len());
    [counted].into_iter().chain(attention).collect::<Vec<_>>().join(". ")
}

fn message<'a>(status: &'a AccessRequestStatus, check: &str) -> Option<&'a str> {
    status.checks.iter().find(|c| c.name == check).map(|c| c.message.as_str())
}

fn other_access(message: &str) -> String {
    message.strip_prefix("other live access: ").unwrap_or(message).to_owned()
}

fn agreed<'a>(facts: &Facts<'a>) -> impl Iterator<Item = String> + 'a {
    let current = names::revision(facts.filing.request);
    let counted = facts.status.decisions.iter().filter(move |d| d.counted && d.revision == current);
    counted.map(|d| format!("{} ({})", d.by, d.message))
}

fn must_decide(step: &Waiting) -> String {
    format!("{}, {} of {}", step.step, step.need, text::few(&step.approvers, 6))
}

/// The line that prints the command to paste; whole, or it would be of no use.
fn command(facts: &Facts<'_>) -> String {
    let request = facts.filing.request;
    let (place, name) = (request.namespace().unwrap_or_default(), request.name_any());
    let line = format!("Decide: kubectl -n {place} get areq {name} -o jsonpath='{{.status.waitingFor[*].command}}'");
    if line.chars().count() <= WIDTH {
        return line;
    }
    "Decide: paste the command in status.waitingFor".to_owned()
}

#[cfg(test)]
mod tests;
