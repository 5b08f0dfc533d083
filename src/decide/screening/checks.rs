//! The checks themselves, in the order in which people read them.
use super::{
    Code, Criterion, Examine, Finding, Seen, access_of, duration_of, entitlement, evidence, filed_at, pattern,
    role_fault, words,
};
use crate::api::evidence::Required;
use crate::api::grant::AccessGrant;
use crate::api::policy::{AccessPolicy, Step, TicketRule};
use crate::api::reasons::{Ready, Reason};
use crate::api::request::Lane;
use crate::api::subject::{Level, Subject, SubjectKind};
use crate::api::time::{self, Instant};
use crate::decide::duties::Missed;
use crate::decide::matrix::{Judgement, Needs, Ruled};
use crate::decide::{
    Audit, approval, approvers, attestation, edits, lane, renewal, role, second, selector, term, text,
};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every check, in the order in which people read them.
pub const CHECKS: &[Criterion] = &[
    Criterion {
        name: "Policy",
        asks: "Is there such a policy, and can anything be granted under it?",
        covers: &["A1", "A3", "A16"],
        examine: Examine::Seen(policy),
    },
    Criterion {
        name: "Covered",
        asks: "Does the policy cover this namespace?",
        covers: &["A3"],
        examine: Examine::Seen(covered),
    },
    Criterion {
        name: "Person",
        asks: "Does a person ask, with an account of their own?",
        covers: &["F6"],
        examine: Examine::Seen(person),
    },
    Criterion {
        name: "Eligible",
        asks: "Does the policy let this person ask?",
        covers: &["A1"],
        examine: Examine::Seen(eligible),
    },
    Criterion {
        name: "Filed",
        asks: "Was it filed by the requester, or by somebody whom the policy lets file for others?",
        covers: &["F8", "L4"],
        examine: Examine::Seen(filed),
    },
    Criterion {
        name: "PolicyEdits",
        asks: "Was the policy edited since this was filed, and can what both texts ask be held to?",
        covers: &["A15"],
        examine: Examine::Seen(edits::policy_edits),
    },
    Criterion {
        name: "AccessOffered",
        asks: "Does the policy offer what is asked for, and is its role still within the declared level?",
        covers: &["B14", "F4"],
        examine: Examine::Seen(access_offered),
    },
    Criterion {
        name: "SecondStage",
        asks: "Does the policy offer what is asked for second, is its role within its level, and its time within the maximum?",
        covers: &["B23"],
        examine: Examine::Seen(second::second_stage),
    },
    Criterion {
        name: "Emergency",
        asks: "If it is filed as an emergency: is there a lane for it, and does the impact say what customers or business suffer?",
        covers: &["A13", "B16", "H1", "H2", "H6"],
        examine: Examine::Seen(emergency),
    },
    Criterion {
        name: "RealTask",
        asks: "Has the ticket the form that the policy asks for? `PatternOnly`: nobody looked it up; else who confirmed it.",
        covers: &["B2", "B3", "C3"],
        examine: Examine::Seen(real_task),
    },
    Criterion {
        name: "ClearReason",
        asks: "Does the reason say what is wrong and what is to be reached, and do the answers say something?",
        covers: &["B1", "B20", "B21"],
        examine: Examine::Seen(clear_reason),
    },
    Criterion {
        name: "Evidence",
        asks: "Is everything there that the policy asks a request to say?",
        covers: &["A4", "A15", "B6", "B7", "B8", "B9", "B10", "B11", "B17", "B24"],
        examine: Examine::Seen(evidence),
    },
    Criterion {
        name: "ExactData",
        asks: "Does `data` name records or fields, and no more records than the policy allows?",
        covers: &["B18"],
        examine: Examine::Seen(exact_data),
    },
    Criterion {
        name: "NarrowScope",
        asks: "Does the role only read, and that of the second access too? What else they give is named; it never fails, as the declared level covers it.",
        covers: &["C4"],
        examine: Examine::Seen(narrow_scope),
    },
    Criterion {
        name: "EndTimeSet",
        asks: "Is the time asked for within the lowest maximum?",
        covers: &["B13", "C5", "E4", "E16", "E23"],
        examine: Examine::Seen(end_time_set),
    },
    Criterion {
        name: "StartTimeSet",
        asks: "Does it begin at once, or at a time that is ahead and not too far, as is its last possible beginning?",
        covers: &["B12", "E25"],
        examine: Examine::Seen(start_time_set),
    },
    Criterion {
        name: "Approvable",
        asks: "Can each step that is needed be met by people other than the requester, or does a rule decide?",
        covers: &["D9", "D15", "D16"],
        examine: Examine::Judged(approvable),
    },
    Criterion {
        name: "OtherActiveGrants",
        asks: "What else does this person hold now, and does the policy allow one more ticket?",
        covers: &["C6"],
        examine: Examine::Seen(other_active_grants),
    },
    Criterion {
        name: "PendingRequests",
        asks: "Has this person fewer undecided requests than the policy allows, of those filed before?",
        covers: &["C6"],
        examine: Examine::Seen(pending_requests),
    },
    Criterion {
        name: "DutiesDone",
        asks: "Has this person done what they owe for earlier access under this policy, in time or since?",
        covers: &["G11", "H12"],
        examine: Examine::Seen(duties_done),
    },
    Criterion {
        name: "Renewal",
        asks: "Is more of what was just granted asked for as a renewal, of one's own access and no wider?",
        covers: &["E19", "E21", "X7"],
        examine: Examine::Seen(renewal::renewal),
    },
    Criterion {
        name: "RenewalAnswers",
        asks: "Does a renewal say what is different, what is left, and why the time did not do?",
        covers: &["E20"],
        examine: Examine::Seen(renewal::answers),
    },
    Criterion {
        name: "Renewals",
        asks: "How often has the work been renewed, and does the policy allow once more?",
        covers: &["E22"],
        examine: Examine::Seen(renewal::depth_allowed),
    },
    Criterion {
        name: "AuditTrail",
        asks: "Is what is done with the access recorded? `Unknown` while no audit events arrive; it never fails.",
        covers: &["C7"],
        examine: Examine::Seen(audit_trail),
    },
];

/// A check that another one's failure leaves open.
fn needs_policy() -> Finding {
    Finding::Unknown("Not judged: it needs the policy.".to_owned())
}

fn policy(seen: &Seen<'_>) -> Finding {
    let asked = &seen.request.spec.policy;
    let Some(policy) = seen.policy else {
        let list = alternatives(seen, seen.policies.iter());
        return Finding::Failed(Code::PolicyNotFound, format!("spec.policy: there is no policy `{asked}`. {list}"));
    };
    match readiness(policy) {
        Ok(()) => Finding::Passed(format!("{asked}: {}", policy.spec.description)),
        Err(words) => Finding::Failed(Code::PolicyNotReady, format!("spec.policy: `{asked}` {words}")),
    }
}

/// Whether the operator found this very version of the policy complete; else its words.
///
/// # Errors
/// What it says, or that it has not been looked at.
pub fn readiness(policy: &AccessPolicy) -> Result<(), String> {
    let conditions = policy.status.iter().flat_map(|status| &status.conditions);
    let is_current = |c: &&Condition| c.observed_generation == policy.metadata.generation;
    let ready = conditions.into_iter().find(|c| c.type_ == Ready::CONDITION).filter(is_current);
    match ready {
        None => Err("has not been examined in its current version; wait a moment".to_owned()),
        Some(ready) if ready.status == "True" => Ok(()),
        Some(ready) => {
            let owner = &policy.spec.owner;
            Err(format!("grants nothing at the moment; tell its owner, {owner}: {}: {}", ready.reason, ready.message))
        }
    }
}

fn covered(seen: &Seen<'_>) -> Finding {
    let (Some(policy), Some(namespace)) = (seen.policy, seen.namespace) else {
        return match seen.policy {
            None => needs_policy(),
            Some(_) => Finding::Unknown("Not judged: the namespace cannot be found.".to_owned()),
        };
    };
    let (name, wanted) = (namespace.name_any(), selector::in_words(&policy.spec.namespaces));
    if selector::selects(&policy.spec.namespaces, namespace.labels()) {
        return Finding::Passed(format!("{name} has the labels {wanted}"));
    }
    let covering = seen.policies.iter().filter(|p| selector::selects(&p.spec.namespaces, namespace.labels()));
    let policy = &seen.request.spec.policy;
    let list = alternatives(seen, covering);
    Finding::Failed(
        Code::NamespaceNotCovered,
        format!(
            "metadata.namespace: policy `{policy}` covers namespaces with the labels {wanted}, and {name} is none. {list}"
        ),
    )
}

/// The policies among these that could be used instead, with what they are for, and what to try without access (A3).
fn alternatives<'a>(seen: &Seen<'_>, policies: impl Iterator<Item = &'a Arc<AccessPolicy>>) -> String {
    const SHOWN: usize = 4;
    let mut policies: Vec<_> = policies.filter(|p| p.name_any() != seen.request.spec.policy).collect();
    // What this person may use comes first.
    policies.sort_by_key(|p| (entitlement(seen.request, &p.spec).is_none(), p.name_any()));
    let others = policies.iter().map(|p| format!("`{}` ({})", p.name_any(), text::line(&p.spec.description, 80)));
    let others = match policies.len() {
        0 => "See `kubectl get accesspolicies`".to_owned(),
        _ => format!("Use one of: {}", text::few(others, SHOWN)),
    };
    let methods: BTreeMap<_, _> = policies
        .iter()
        .map(AsRef::as_ref)
        .chain(seen.policy)
        .flat_map(|p| &p.spec.safer_methods)
        .map(|m| (&m.name, m.url.as_deref().unwrap_or("")))
        .collect();
    let methods: Vec<_> =
        methods.iter().map(|(name, url)| text::line(format!("{name} {url}").trim_end(), 100)).collect();
    if methods.is_empty() { others } else { format!("{others}. Safer methods: {}", text::few(methods, SHOWN)) }
}

fn person(seen: &Seen<'_>) -> Finding {
    let name = &seen.request.spec.requester.username;
    if name.starts_with("system:") {
        return Finding::Failed(
            Code::NotAPerson,
            format!("spec.requester.username: {name} is not a person; ask as yourself (`kubectl auth whoami`)"),
        );
    }
    if seen.installation.shared_accounts.contains(name) {
        return Finding::Failed(
            Code::SharedAccount,
            format!("spec.requester.username: {name} is shared by several people; ask with an account of your own"),
        );
    }
    Finding::Passed(name.clone())
}

fn eligible(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    match entitlement(seen.request, &policy.spec) {
        Some(entry) => Finding::Passed(format!("as {entry}")),
        None => {
            let name = &seen.request.spec.requester.username;
            let asked = &seen.request.spec.policy;
            let who = text::few(&policy.spec.requesters, 8);
            let as_user = match &seen.request.spec.filed_by {
                Some(_) => " by a request that somebody else filed, for which requesters must list them as a User",
                None => "",
            };
            Finding::Failed(
                Code::NotEligible,
                format!("spec.requester: policy `{asked}` does not let {name} ask{as_user}; who may: {who}"),
            )
        }
    }
}

fn filed(seen: &Seen<'_>) -> Finding {
    let Some(filer) = &seen.request.spec.filed_by else { return Finding::Passed("by the requester".to_owned()) };
    let Some(policy) = seen.policy else { return needs_policy() };
    if attestation::is_filer(policy, filer) {
        return Finding::Passed(format!("by {filer}, for {}", seen.request.spec.requester.username));
    }
    let asked = &seen.request.spec.policy;
    let who = text::few(policy.spec.on_behalf.iter().flat_map(|on_behalf| &on_behalf.filers), 8);
    Finding::Failed(
        Code::FilerNotListed,
        format!(
            "spec.filedBy: policy `{asked}` does not let {filer} file for others (onBehalf.filers: {who}); let {} file it, \
             or ask the owner of the policy",
            seen.request.spec.requester.username
        ),
    )
}

fn access_offered(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let Some(access) = access_of(seen.request, policy) else {
        let asked = seen.request.spec.access.as_deref().unwrap_or_default();
        let offered = text::few(policy.spec.access.iter().map(|a| format!("`{}` ({:?})", a.name, a.level)), 8);
        return Finding::Failed(
            Code::AccessNotOffered,
            format!("spec.access: the policy offers no `{asked}`; it offers {offered}"),
        );
    };
    if let Some(fault) = not_in_the_lane(policy, &access.name) {
        return Finding::Failed(Code::AccessNotOffered, format!("spec.access: {fault}"));
    }
    let Some(rules) = seen.rules else {
        return Finding::Failed(
            Code::PolicyNotReady,
            format!("spec.access: `{}` names {}, which does not exist here", access.name, access.role_ref),
        );
    };
    match role_fault(access, rules) {
        Some(fault) => Finding::Failed(Code::PolicyNotReady, format!("spec.access: `{}`: {fault}", access.name)),
        None => Finding::Passed(format!("`{}` ({:?}) by {}", access.name, access.level, access.role_ref)),
    }
}

/// That an access is not offered in an emergency, and what is.
pub(in crate::decide) fn not_in_the_lane(policy: &AccessPolicy, access: &str) -> Option<String> {
    let offered = || text::few(policy.spec.emergency.iter().flat_map(|lane| &lane.access).map(|a| format!("`{a}`")), 8);
    (!lane::offers(&policy.spec, access))
        .then(|| format!("`{access}` is not offered in an emergency; name one of {}", offered()))
}

fn emergency(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let Some(crisis) = &seen.request.spec.emergency else {
        return Finding::Passed("it takes the routine lane".to_owned());
    };
    if policy.spec.emergency.is_none() {
        let asked = &seen.request.spec.policy;
        let with = |p: &&Arc<AccessPolicy>| p.spec.emergency.is_some();
        let others = text::few(seen.policies.iter().filter(with).map(|p| format!("`{}`", p.name_any())), 4);
        return Finding::Failed(
            Code::NotAnEmergency,
            format!(
                "spec.emergency: policy `{asked}` has no lane for emergencies; leave it out to file this as routine, or use a \
                 policy that has one: {others}"
            ),
        );
    }
    if lane::is_none(&crisis.impact) {
        return Finding::Failed(
            Code::NotAnEmergency,
            "spec.emergency.impact: say what customers or the business suffer, such as `No customer can pay since 02:40`; haste \
             and comfort are no emergency: leave spec.emergency out, and file this as routine"
                .to_owned(),
        );
    }
    match (&crisis.why_self, policy.spec.emergency.as_ref().and_then(|lane| lane.self_approval_after)) {
        (Some(_), None) => Finding::Failed(
            Code::NotAlone,
            format!(
                "spec.emergency.whySelf: nobody goes on alone under policy `{}`, and somebody agrees: leave it out",
                seen.request.spec.policy
            ),
        ),
        (Some(why), Some(_)) if words::weigh(why, &[]).words < words::ANSWER => Finding::Failed(
            Code::VagueReason,
            "spec.emergency.whySelf: say why nobody can be waited for, in words of your own, or leave it out"
                .to_owned(),
        ),
        (Some(_), Some(after)) => {
            let words = format!("{:?}: {}; if nobody answers for {after} it goes on alone", crisis.harm, crisis.impact);
            Finding::Noted(words)
        }
        (None, _) => Finding::Passed(format!("{:?}: {}", crisis.harm, crisis.impact)),
    }
}

fn real_task(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let (rule, ticket) = (&policy.spec.evidence.ticket, &seen.request.spec.ticket);
    let matches = match pattern::compile(&rule.pattern) {
        Ok(pattern) => pattern.is_match(ticket),
        Err(error) => return Finding::Failed(Code::PolicyNotReady, format!("the policy's ticket pattern: {error}")),
    };
    if !matches {
        let TicketRule { pattern, message, .. } = rule;
        return Finding::Failed(
            Code::TicketInvalid,
            format!("spec.ticket: `{ticket}` does not match {pattern}: {message}"),
        );
    }
    let found = rule.url.as_ref().map(|url| format!(": {}", url.replace("{ticket}", &escaped(ticket))));
    let found = found.unwrap_or_default();
    Finding::Passed(match approval::confirmer(seen.request, policy) {
        Some(by) => format!("Confirmed by {by}: {ticket}{found}"),
        None => format!("PatternOnly: {ticket} has the right form{found}"),
    })
}

/// The ticket as one part of a URL.
fn escaped(ticket: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    ticket.bytes().map(escape).collect()
}

fn clear_reason(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let (rule, spec) = (&policy.spec.evidence.reason, &seen.request.spec);
    let (vague, weight) = words::is_vague(&spec.reason, rule);
    let found = weight.words;
    let mut faults = vec![];
    if vague {
        let (empty, least) = (not_counted(&weight), rule.min_words);
        faults.push(format!(
            "spec.reason: say what is wrong and what is to be reached, such as `Check why invoice totals changed for \
             customer account 4812`; at least {least} words must say something, here {found} do. Not counted: {empty}"
        ));
    }
    let answers = [("whyNotSafer", &spec.why_not_safer), ("whyNotLower", &spec.why_not_lower)];
    for (field, answer) in answers.iter().filter_map(|(field, answer)| Some((field, answer.as_ref()?))) {
        let weight = words::weigh(answer, &rule.reject_phrases);
        if weight.words < words::ANSWER {
            faults.push(format!("spec.{field}: say it in words of your own. Not counted: {}", not_counted(&weight)));
        }
    }
    match faults.is_empty() {
        true => Finding::Passed(format!("{found} words that say something")),
        false => Finding::Failed(Code::VagueReason, faults.join("; ")),
    }
}

fn not_counted(weight: &words::Weight) -> String {
    text::few(weight.empty.iter().map(|phrase| format!("`{phrase}`")), 12)
}

fn evidence(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let lane = lane::of(&seen.request.spec);
    let needed = evidence::needed(&policy.spec, second::higher(seen.request, policy), lane);
    let missing = evidence::missing(&needed, &seen.request.spec);
    let names = |forms: &[&evidence::Form]| text::few(forms.iter().map(|form| form.field), 7);
    if missing.is_empty() {
        return Finding::Passed(match needed.is_empty() {
            true if lane == Lane::Emergency => "what else the policy asks is owed with the close-out".to_owned(),
            true => "the policy asks for nothing beside ticket and reason".to_owned(),
            false => format!("given: {}", names(&needed)),
        });
    }
    // The names come first: whatever is cut off behind them, no gap is left unnamed.
    let each = missing.iter().map(|form| format!("spec.{}: {}: `{}`", form.field, form.says, form.example));
    let safer = policy.spec.safer_methods.iter().map(|method| text::line(&method.name, 40));
    let safer = match missing.iter().any(|form| form.what == Required::WhyNotSafer) {
        true => format!(". Safer methods: {}", text::few(safer, 4)),
        false => String::new(),
    };
    let each = each.collect::<Vec<_>>().join("; ");
    Finding::Failed(Code::MissingEvidence, format!("add to spec: {}. {each}{safer}", names(&missing)))
}

/// Never says which records: this is told in Events as well (B25).
fn exact_data(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let data = &seen.request.spec.data;
    let (records, most) = (data.iter().map(|d| d.records.len()).sum::<usize>(), policy.spec.evidence.max_records);
    if records > usize::try_from(most).unwrap_or(0) {
        return Finding::Failed(
            Code::ScopeTooBroad,
            format!("spec.data[].records: {records} records, and the policy allows {most} in one request; name fewer"),
        );
    }
    let is_whole = |(_, d): &(usize, &_)| {
        let crate::api::evidence::DataScope { records, fields, .. } = d;
        records.is_empty() && fields.is_empty()
    };
    let whole = data.iter().enumerate().filter(is_whole).map(|(at, d)| format!("spec.data[{at}] ({})", d.system));
    let whole: Vec<_> = whole.collect();
    let lane = lane::of(&seen.request.spec);
    let is_needed = evidence::is_needed(Required::Data, &policy.spec, access_of(seen.request, policy), lane);
    if is_needed && !whole.is_empty() {
        return Finding::Failed(
            Code::ScopeTooBroad,
            format!(
                "{}: name the records, or the fields: who needs two fields of a record does not get the table",
                text::few(whole, 8)
            ),
        );
    }
    Finding::Passed(match data.len() {
        0 => "no data is declared".to_owned(),
        entries => format!("entries: {entries}, records: {records}; declared, not enforced"),
    })
}

fn narrow_scope(seen: &Seen<'_>) -> Finding {
    let Some(rules) = seen.rules else { return Finding::Unknown("Not judged: it needs the role.".to_owned()) };
    let is_unread = seen.request.spec.then.is_some() && seen.then_rules.is_none();
    if is_unread {
        return Finding::Unknown("Not judged: it needs the role of the second access.".to_owned());
    }
    let more =
        |rules, role: &str| Some(format!("{role} does more than read: {}", role::excess(rules, Level::ReadOnly)?));
    let second = seen.then_rules.filter(|_| seen.request.spec.then.is_some());
    let first = more(rules, "the role");
    let second = second.and_then(|rules| more(rules, "the role of the second access"));
    let both: Vec<_> = [first, second].into_iter().flatten().collect();
    match both.is_empty() {
        true => Finding::Passed("it only reads: no Secrets, no commands in containers, no wildcards".to_owned()),
        false => Finding::Noted(both.join("; ")),
    }
}

fn audit_trail(seen: &Seen<'_>) -> Finding {
    let elsewhere = "nobody watches; what is done is in the API server's own audit log, if it keeps one";
    match seen.audit {
        Audit::Delivers { .. } => {
            Finding::Passed("audit events arrive: what is done with the access is counted in its record".into())
        }
        Audit::Silent => Finding::Noted(format!("Unknown: the audit source delivers nothing, so {elsewhere}")),
        Audit::Absent => Finding::Noted(format!("Unknown: no audit source, so {elsewhere}")),
    }
}

fn end_time_set(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let Some(access) = access_of(seen.request, policy) else {
        return Finding::Unknown("Not judged: it needs the access.".to_owned());
    };
    let (request, asked) = (seen.request, duration_of(seen.request, policy));
    let (longest, cap) = term::always(&policy.spec, access, seen.installation);
    let asked_words = term::in_words(asked);
    if asked > longest {
        let said = if request.spec.duration.is_some() { "" } else { " by the policy's default" };
        let most = term::in_words(longest);
        return Finding::Failed(
            Code::DurationTooLong,
            format!("spec.duration: {asked_words}{said} is too long; at most {most} ({cap})"),
        );
    }
    // Judged by when it was filed: what was complete then does not become too long while people decide.
    let begins = term::begins(request, filed_at(request, seen.now));
    let rest = term::rest_of_day(&policy.spec, seen.installation, begins);
    if let (Some((left, until)), Some(_)) = (rest, request.spec.duration)
        && asked > left + TYPING
    {
        let left = term::in_words(left);
        return Finding::Failed(
            Code::DurationTooLong,
            format!(
                "spec.duration: {asked_words} is too long for what is left of the day, {left}: access lasts {until}; \
                 leave spec.duration out to get what is left, or set spec.startTime to another day"
            ),
        );
    }
    let (_, most) = term::longest(&policy.spec, access, seen.installation, term::begins(request, seen.now));
    let from = request.spec.start_time.map_or("it was agreed to".to_owned(), |at| format!("{at}, or being agreed to"));
    Finding::Passed(format!("ends by itself {asked_words} after {from}; {most}"))
}

/// How long the typing of a request may take: what is left of a day gets less meanwhile.
const TYPING: TimeDelta = TimeDelta::minutes(5);
/// How far ahead work may be planned.
pub const FARTHEST: TimeDelta = TimeDelta::days(30);

fn start_time_set(seen: &Seen<'_>) -> Finding {
    let spec = &seen.request.spec;
    let filed = filed_at(seen.request, seen.now);
    let filed_words = Instant::new(filed);
    if let Some(deadline) = spec.start_deadline.filter(|deadline| deadline.get() <= filed) {
        return Finding::Failed(
            Code::StartPassed,
            format!("spec.startDeadline: {deadline} was past when this was filed, at {filed_words}; name a later one"),
        );
    }
    let last = filed + FARTHEST;
    if let Some(deadline) = spec.start_deadline.filter(|deadline| deadline.get() > last) {
        return Finding::Failed(Code::StartTooFar, is_too_far("startDeadline", deadline, last));
    }
    let until = spec.start_deadline.map_or_else(String::new, |deadline| format!(", but not after {deadline}"));
    match spec.start_time {
        None => Finding::Passed(format!("begins when it is agreed to{until}")),
        Some(start) if start.get() < filed - TYPING => Finding::Failed(
            Code::StartPassed,
            format!(
                "spec.startTime: {start} was past when this was filed, at {filed_words}; leave it out to begin when it is \
                 agreed to, or name a later one"
            ),
        ),
        Some(start) if start.get() > last => Finding::Failed(Code::StartTooFar, is_too_far("startTime", start, last)),
        Some(start) => Finding::Passed(format!("begins by itself at {start}, or when it is agreed to if later{until}")),
    }
}

fn is_too_far(field: &str, at: Instant, last: DateTime<Utc>) -> String {
    let (days, last) = (FARTHEST.num_days(), Instant::new(last));
    format!("spec.{field}: {at} is too far ahead; at most {days} days from filing, that is {last}")
}

fn approvable(seen: &Seen<'_>, judgement: Option<&Judgement<'_>>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let name = &seen.request.spec.requester.username;
    if policy.spec.approval.steps.is_empty() {
        return Finding::Failed(Code::PolicyNotReady, "the policy has no step, so nobody could approve".to_owned());
    }
    let Some(Judgement { needs: Needs { needed, not_needed, unjudged }, ruled, .. }) = judgement else {
        return Finding::Unknown("Not judged: it needs all that the request names.".to_owned());
    };
    if let Ruled::Approved(rule) | Ruled::Denied(rule) = ruled {
        return Finding::Passed(format!("rule `{}` decides: {:?}", rule.name, rule.then));
    }
    if needed.is_empty() && *ruled == Ruled::Open {
        let left_out = text::few(not_needed.iter().map(|step| format!("`{}`", step.name)), 9);
        let owner = &policy.spec.owner;
        return Finding::Failed(
            Code::NoApprover,
            format!(
                "no step is needed for this request ({left_out}: `when` is false), so nobody could approve it; ask the policy's owner, {owner}, or use another policy"
            ),
        );
    }
    let others = without_askers(seen, needed);
    match approvers::first_unmet(&others.iter().collect::<Vec<_>>(), name) {
        None => {
            let names = |steps: &[&Step]| text::few(steps.iter().map(|step| &step.name), 9);
            let without =
                if not_needed.is_empty() { String::new() } else { format!("; not needed: {}", names(not_needed)) };
            let unjudged = if unjudged.is_empty() { String::new() } else { format!("; {}", unjudged.join("; ")) };
            Finding::Passed(format!("somebody else can decide: {}{without}{unjudged}", names(needed)))
        }
        Some(step) => {
            let listed = needed.iter().filter(|s| s.name == step.name).flat_map(|s| approvers::of_step(s));
            let listed = text::few(listed, 8);
            let (step, owner) = (&step.name, &policy.spec.owner);
            Finding::Failed(
                Code::NoApprover,
                format!(
                    "step `{step}` needs people other than {name}, and lists {listed}; ask its owner, {owner}, for \
                     another approver, or use another policy"
                ),
            )
        }
    }
}

/// The steps without those who filed it, or wrote the change, for the requester.
fn without_askers(seen: &Seen<'_>, steps: &[&Step]) -> Vec<Step> {
    let may =
        |subject: &Subject| subject.kind == SubjectKind::Group || !attestation::has_asked(seen.request, &subject.name);
    let without = |step: &&Step| {
        let mut step = Step::clone(step);
        step.approvers.retain(may);
        step.backups.iter_mut().for_each(|backups| backups.approvers.retain(may));
        step
    };
    steps.iter().map(without).collect()
}

fn other_active_grants(seen: &Seen<'_>) -> Finding {
    let ours = &seen.request.spec;
    let Some(policy) = seen.policy else { return needs_policy() };
    let begins = term::begins(seen.request, seen.now);
    let ends = begins + duration_of(seen.request, policy);
    // What is planned for another time is not held at the same time.
    let is_apart = |grant: &AccessGrant| {
        grant.spec.not_before.get() >= ends || grant.spec.expires_at.is_some_and(|end| end.get() <= begins)
    };
    let others = || seen.live.iter().filter(|grant| grant.spec.ticket != ours.ticket && !is_apart(grant));
    let words = |grant: &&Arc<AccessGrant>| {
        let start = grant.spec.not_before;
        let start = if start.get() > seen.now { format!(" from {start}") } else { String::new() };
        let end = grant.spec.expires_at.map_or_else(String::new, |end| format!(" until {end}"));
        format!("{} in {}{start}{end}", grant.spec.ticket, grant.spec.namespace)
    };
    // An emergency waits for nothing, and nothing waits for it.
    let is_routine = |grant: &&Arc<AccessGrant>| grant.spec.lane == Lane::Routine;
    let under_this = || others().filter(|grant| grant.spec.policy.name == ours.policy).filter(is_routine);
    let tickets: std::collections::BTreeSet<_> = under_this().map(|grant| &grant.spec.ticket).collect();
    let most = policy.spec.limits.active_per_requester;
    if tickets.len() < usize::try_from(most).unwrap_or(0) || lane::of(ours) == Lane::Emergency {
        let held = text::few(others().map(|grant| words(&grant)), 6);
        return Finding::Passed(format!("other live access: {held}"));
    }
    let held = text::few(under_this().map(|grant| words(&grant)), 6);
    Finding::Failed(
        Code::LimitReached,
        format!(
            "you have live access for other tickets under this policy, and it allows {most} at a time: {held}; close \
             one, or wait: this is screened again when it ends"
        ),
    )
}

/// What was missed under another policy is for those who decide to weigh.
fn duties_done(seen: &Seen<'_>) -> Finding {
    if seen.policy.is_none() {
        return needs_policy();
    }
    let asked = &seen.request.spec.policy;
    let (here, elsewhere): (Vec<&Missed>, Vec<_>) = seen.missed.iter().partition(|missed| missed.closes(asked));
    let words = |all: &[&Missed]| text::few(all.iter().map(|missed| missed.in_words()), 4);
    let Some(first) = here.first() else {
        return match elsewhere.is_empty() {
            true => Finding::Passed("nothing is overdue".to_owned()),
            false => Finding::Noted(format!("overdue under other policies: {}", words(&elsewhere))),
        };
    };
    if lane::of(&seen.request.spec) == Lane::Emergency {
        return Finding::Noted(format!("overdue, and an emergency is agreed to in spite of it: {}", words(&here)));
    }
    Finding::Failed(
        Code::DutyOverdue,
        format!(
            "you owe {}. Do it, or ask one of {} to waive it, with status.duties.waiver; this is screened again once it is \
             done. {}",
            words(&here),
            text::few(&first.reviewers, 4),
            first.remedy()
        ),
    )
}

/// Those filed before this one count, so that of many the first ones are decided, whichever is looked at first.
fn pending_requests(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs_policy() };
    let order = |meta: &ObjectMeta| {
        let filed = time::made(meta);
        (filed, meta.namespace.clone(), meta.name.clone())
    };
    let this = &seen.request.metadata;
    let mut before: Vec<_> =
        seen.pending.iter().filter(|other| other.uid != this.uid && order(other) < order(this)).collect();
    before.sort_by_key(|meta| order(meta));
    let most = policy.spec.limits.pending_per_requester;
    let words = |meta: &&ObjectMeta| {
        let text = |of: &Option<String>| of.clone().unwrap_or_default();
        format!("{} in {}", text(&meta.name), text(&meta.namespace))
    };
    if before.len() < usize::try_from(most).unwrap_or(0) {
        return Finding::Passed(format!("undecided before it: {}", text::few(before.iter().map(words), 6)));
    }
    let filed = order(before[0]).0;
    let free = filed.and_then(|at| at.checked_add(policy.spec.approval.pending_timeout.delta()));
    let free = free.map_or_else(String::new, |at| format!(" ({} is decided by {at} at the latest)", words(&before[0])));
    Finding::Failed(
        Code::LimitReached,
        format!(
            "you have undecided requests under this policy, and it allows {most} at a time: {}; close one, or wait: this is \
             screened again when one is decided{free}",
            text::few(before.iter().map(words), 6)
        ),
    )
}
