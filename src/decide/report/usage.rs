//! Who asks for what again and again, what was never begun, and how long people wait.
use super::{Section, Seen, between, lasting, or_none};
use crate::api::grant::AccessGrant;
use crate::api::reasons::{EndReason, Outcome};
use crate::api::request::AccessRequest;
use crate::api::time;
use crate::decide::table::Table;
use chrono::TimeDelta;
use kube::ResourceExt;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// From how many on it is a repeat.
const REPEATED: usize = 2;

pub(super) fn sections(seen: &Seen) -> Vec<Section> {
    let decided = seen.decided();
    vec![
        counted("people", "By person", "Decisions of this time.", &decided, BY_PERSON, |g| &g.spec.user),
        counted("policies", "By policy", "What is asked for most deserves a safer way.", &decided, BY_POLICY, |g| {
            &g.spec.policy.name
        }),
        counted("namespaces", "By namespace", "Where people have to look by hand.", &decided, BY_NAMESPACE, |g| {
            &g.spec.namespace
        }),
        repeats(&decided),
        never_begun(&decided),
        never_used(seen, &decided),
        planned(&decided),
        waits("to-decision", "Time to a decision", "From filing to the decision.", seen, to_decision),
        waits("to-access", "Time to access", "From filing to the binding; planned work is left out.", seen, to_access),
    ]
}

fn is_renewal(grant: &AccessGrant) -> bool {
    grant.spec.renewal.is_some()
}

const BY_PERSON: &[&str] = &["USER", "DECISIONS", "GRANTED", "NOT", "RENEWALS", "TICKETS"];
const BY_POLICY: &[&str] = &["POLICY", "DECISIONS", "GRANTED", "NOT", "RENEWALS", "TICKETS"];
const BY_NAMESPACE: &[&str] = &["NAMESPACE", "DECISIONS", "GRANTED", "NOT", "RENEWALS", "TICKETS"];

/// The most first.
fn counted(
    name: &'static str,
    title: &'static str,
    note: &str,
    decided: &[&AccessGrant],
    head: &'static [&'static str],
    key: fn(&AccessGrant) -> &String,
) -> Section {
    let mut by_key: BTreeMap<String, Vec<&AccessGrant>> = BTreeMap::new();
    decided.iter().for_each(|grant| by_key.entry(key(grant).clone()).or_default().push(grant));
    let mut all: Vec<_> = by_key.into_iter().collect();
    all.sort_by_key(|(_, grants)| Reverse(grants.len()));
    let row = |(key, grants): (String, Vec<&AccessGrant>)| {
        let granted = grants.iter().filter(|grant| grant.spec.outcome == Outcome::Approved).count();
        let renewals = grants.iter().filter(|grant| is_renewal(grant)).count();
        let tickets = grants.iter().map(|grant| &grant.spec.ticket).collect::<BTreeSet<_>>().len();
        let numbers = [grants.len(), granted, grants.len() - granted, renewals, tickets];
        std::iter::once(key).chain(numbers.map(|number| number.to_string())).collect()
    };
    let rows = all.into_iter().map(row).collect();
    Section { name, title, note: note.into(), table: Table { head, rows } }
}

/// I4: the same person, policy and namespace again, for another task. More time for one task is a renewal.
fn repeats(decided: &[&AccessGrant]) -> Section {
    let mut by_case: BTreeMap<[&str; 3], Vec<&AccessGrant>> = BTreeMap::new();
    for grant in decided.iter().filter(|grant| !is_renewal(grant)) {
        let spec = &grant.spec;
        by_case.entry([&spec.user, &spec.policy.name, &spec.namespace]).or_default().push(grant);
    }
    let mut all: Vec<_> = by_case.into_iter().filter(|(_, grants)| grants.len() >= REPEATED).collect();
    all.sort_by_key(|(_, grants)| Reverse(grants.len()));
    let row = |(case, grants): ([&str; 3], Vec<&AccessGrant>)| {
        let tickets: BTreeSet<_> = grants.iter().map(|grant| grant.spec.ticket.clone()).collect();
        let tickets = tickets.into_iter().collect::<Vec<_>>().join(", ");
        case.into_iter().map(str::to_owned).chain([grants.len().to_string(), tickets]).collect()
    };
    Section {
        name: "repeats",
        title: "The same again",
        note: "One person asked under one policy for one namespace more than once, renewals not counted. Is there a better way to the answer?".into(),
        table: Table {
            head: &["USER", "POLICY", "NAMESPACE", "TIMES", "TICKETS"],
            rows: all.into_iter().map(row).collect(),
        },
    }
}

fn never_begun(decided: &[&AccessGrant]) -> Section {
    let is = |grant: &&&AccessGrant| {
        grant.status.as_ref().is_some_and(|status| {
            status.end_reason == Some(EndReason::NeverStarted)
                || (status.end_reason.is_some()
                    && status.started_at.is_none()
                    && grant.spec.outcome == Outcome::Approved)
        })
    };
    let row = |grant: &&AccessGrant| {
        let (spec, status) = (&grant.spec, grant.status.as_ref());
        let why = status.and_then(|s| s.end_reason).map(|reason| format!("{reason:?}")).unwrap_or_default();
        let who = [grant.name_any(), spec.user.clone(), spec.policy.name.clone(), spec.namespace.clone()];
        who.into_iter().chain([or_none(Some(spec.not_before)), why]).collect()
    };
    Section {
        name: "never-begun",
        title: "Granted and never begun",
        note: "Somebody agreed, and nothing came of it.".into(),
        table: Table {
            head: &["RECORD", "USER", "POLICY", "NAMESPACE", "NOT-BEFORE", "WHY"],
            rows: decided.iter().filter(is).map(row).collect(),
        },
    }
}

/// I4: somebody agreed, it held to its end, and no call was made by it. Only where somebody watched can that be told.
fn never_used(seen: &Seen, decided: &[&AccessGrant]) -> Section {
    let used = seen.grants().filter_map(|grant| grant.status.as_ref()?.usage.as_ref());
    let watched = used.map(|usage| usage.first_seen).min();
    let is = |grant: &&&AccessGrant| {
        let ended = grant.status.as_ref().filter(|s| s.ended_at.is_some() && s.usage.is_none());
        ended.and_then(|status| status.started_at).is_some_and(|started| watched.is_some_and(|since| since <= started))
    };
    let row = |grant: &&AccessGrant| {
        let (spec, status) = (&grant.spec, grant.status.clone().unwrap_or_default());
        let who = [grant.name_any(), spec.user.clone(), spec.policy.name.clone(), spec.namespace.clone()];
        let reason = status.end_reason.map(|reason| format!("{reason:?}")).unwrap_or_default();
        let held = status.started_at.zip(status.ended_at).map(|(from, to)| lasting(between(from, to)));
        who.into_iter().chain([or_none(status.started_at), held.unwrap_or_default(), reason]).collect()
    };
    let note = match watched {
        Some(since) => format!(
            "Access that held and allowed no call. What began before {since} is left out: until then no record says anything of use."
        ),
        None => "Unknown here: no record says anything of use, so nobody watches, or nothing was used. The operator has to read audit events.".into(),
    };
    Section {
        name: "never-used",
        title: "Begun and never used",
        note,
        table: Table {
            head: &["RECORD", "USER", "POLICY", "NAMESPACE", "STARTED", "HELD", "END"],
            rows: decided.iter().filter(is).map(row).collect(),
        },
    }
}

/// K6: what somebody said they would do, beside what was seen.
fn planned(decided: &[&AccessGrant]) -> Section {
    let row = |grant: &&AccessGrant| {
        let (spec, status) = (&grant.spec, grant.status.as_ref().filter(|s| s.started_at.is_some())?);
        let (calls, seen) = match &status.usage {
            Some(usage) => (usage.count.to_string(), usage.verbs.join(", ")),
            None if spec.plan.is_empty() => return None,
            None => (String::new(), String::new()),
        };
        let who = [grant.name_any(), spec.ticket.clone(), spec.user.clone(), spec.policy.name.clone()];
        Some(who.into_iter().chain([spec.plan.join("; "), calls, seen]).collect())
    };
    Section {
        name: "planned",
        title: "What was planned, and what was seen",
        note: "The plan is what they wrote when they asked, SEEN what audit events tell, at most 32 each. Empty: nobody watched, or nothing was done.".into(),
        table: Table {
            head: &["RECORD", "TICKET", "USER", "POLICY", "PLAN", "CALLS", "SEEN"],
            rows: decided.iter().filter_map(row).collect(),
        },
    }
}

pub(super) fn to_decision(request: &AccessRequest, grant: &AccessGrant) -> Option<TimeDelta> {
    let asked = time::made(&request.metadata)?;
    // A second access was agreed to with the first.
    grant.spec.follows.is_none().then_some(between(asked, time::made(&grant.metadata)?))
}
fn to_access(request: &AccessRequest, grant: &AccessGrant) -> Option<TimeDelta> {
    let is_planned = request.spec.start_time.is_some() || is_renewal(grant) || grant.spec.follows.is_some();
    let begun = grant.status.as_ref()?.started_at.filter(|_| !is_planned)?;
    Some(between(time::made(&request.metadata)?, begun))
}

/// A row for all policies together, then one for each.
pub(super) fn waits(
    name: &'static str,
    title: &'static str,
    note: &str,
    seen: &Seen,
    of: impl Fn(&AccessRequest, &AccessGrant) -> Option<TimeDelta>,
) -> Section {
    let by_uid = seen.by_uid();
    let time = |grant: &AccessGrant| of(by_uid.get(grant.spec.request.uid.as_str())?, grant);
    let mut by_policy: BTreeMap<String, Vec<TimeDelta>> = BTreeMap::new();
    for (grant, time) in seen.decided().into_iter().filter_map(|grant| Some((grant, time(grant)?))) {
        by_policy.entry(grant.spec.policy.name.clone()).or_default().push(time);
    }
    let all: Vec<_> = by_policy.values().flatten().copied().collect();
    let row = |policy: String, mut times: Vec<TimeDelta>| {
        times.sort();
        let at = |percent| percentile(&times, percent).map(lasting).unwrap_or_default();
        vec![policy, times.len().to_string(), at(50), at(90), at(99), at(100)]
    };
    let rows = if all.is_empty() { vec![] } else { vec![row("*".to_owned(), all)] };
    let rows = rows.into_iter().chain(by_policy.into_iter().map(|(policy, times)| row(policy, times))).collect();
    let note = format!("{note} P90: nine of ten waited no longer. What has no request any more is not counted.");
    Section { name, title, note, table: Table { head: &["POLICY", "COUNT", "P50", "P90", "P99", "MOST"], rows } }
}

/// The least that so many percent do not exceed; of sorted times.
pub(super) fn percentile(sorted: &[TimeDelta], percent: usize) -> Option<TimeDelta> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}
