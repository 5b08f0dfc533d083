//! Who took the lane for emergencies, for what, how fast it was decided, where it happens again, and what is still owed.
use super::usage::{to_decision, waits};
use super::weekly::is_settled;
use super::{Section, Seen, between, lasting, or_none};
use crate::api::duty::{DutyState, Owed};
use crate::api::grant::AccessGrant;
use crate::api::reasons::Outcome;
use crate::api::request::Lane;
use crate::api::time;
use crate::decide::table::Table;
use crate::decide::{duties, policy};
use kube::ResourceExt;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn sections(seen: &Seen) -> Vec<Section> {
    let of_this_time: Vec<_> = seen.decided().into_iter().filter(|grant| is_one(grant)).collect();
    let decision = |request: &_, grant: &AccessGrant| to_decision(request, grant).filter(|_| is_one(grant));
    vec![
        services(&of_this_time),
        people(&of_this_time),
        decisions(seen, &of_this_time),
        waits("to-decision", "Time to a decision", "Of emergencies, from filing to the decision.", seen, decision),
        owed(seen),
    ]
}

fn is_one(grant: &AccessGrant) -> bool {
    grant.spec.lane == Lane::Emergency
}

/// H16: what comes back points to weak tools, dashboards or design.
fn services(all: &[&AccessGrant]) -> Section {
    let mut by_service: BTreeMap<[&str; 2], Vec<&AccessGrant>> = BTreeMap::new();
    for grant in all {
        by_service.entry([&grant.spec.namespace, &grant.spec.policy.name]).or_default().push(grant);
    }
    let mut by_service: Vec<_> = by_service.into_iter().collect();
    by_service.sort_by_key(|(_, grants)| Reverse(grants.len()));
    let row = |(service, grants): ([&str; 2], Vec<&AccessGrant>)| {
        let granted = grants.iter().filter(|grant| grant.spec.outcome == Outcome::Approved).count();
        let people: BTreeSet<_> = grants.iter().map(|grant| &grant.spec.user).collect();
        let incidents: BTreeSet<_> = grants.iter().map(|grant| &grant.spec.ticket).collect();
        let numbers = [grants.len(), granted, grants.len() - granted, people.len(), incidents.len()];
        let mut times: Vec<_> = grants.iter().filter_map(|grant| time::made(&grant.metadata)).collect();
        times.sort();
        let again = if policy::are_too_many(&times) { "yes" } else { "no" };
        let numbers = numbers.map(|number| number.to_string());
        service.map(str::to_owned).into_iter().chain(numbers).chain([again.to_owned()]).collect()
    };
    Section {
        name: "services",
        title: "Emergencies by service",
        note: "Denied ones too, the most first. AGAIN: three or more within 30 days, so look at tools, dashboards and design.".into(),
        table: Table {
            head: &["NAMESPACE", "POLICY", "EMERGENCIES", "GRANTED", "NOT", "PEOPLE", "INCIDENTS", "AGAIN"],
            rows: by_service.into_iter().map(row).collect(),
        },
    }
}

/// H3: few people hold that right, and here is who used it.
fn people(all: &[&AccessGrant]) -> Section {
    let mut by_person: BTreeMap<&str, Vec<&AccessGrant>> = BTreeMap::new();
    all.iter().for_each(|grant| by_person.entry(&grant.spec.user).or_default().push(grant));
    let mut by_person: Vec<_> = by_person.into_iter().collect();
    by_person.sort_by_key(|(_, grants)| Reverse(grants.len()));
    let row = |(person, grants): (&str, Vec<&AccessGrant>)| {
        let granted = grants.iter().filter(|grant| grant.spec.outcome == Outcome::Approved).count();
        let places: BTreeSet<_> = grants.iter().map(|grant| grant.spec.namespace.clone()).collect();
        let numbers = [grants.len(), granted, grants.len() - granted].map(|number| number.to_string());
        let places = places.into_iter().collect::<Vec<_>>().join(", ");
        std::iter::once(person.to_owned()).chain(numbers).chain([places]).collect()
    };
    Section {
        name: "people",
        title: "Who used it",
        note: "Whoever takes this lane often should ask for what they do as routine.".into(),
        table: Table {
            head: &["USER", "EMERGENCIES", "GRANTED", "NOT", "NAMESPACES"],
            rows: by_person.into_iter().map(row).collect(),
        },
    }
}

fn decisions(seen: &Seen, all: &[&AccessGrant]) -> Section {
    let by_uid = seen.by_uid();
    let row = |grant: &&AccessGrant| {
        let (spec, status) = (&grant.spec, grant.status.clone().unwrap_or_default());
        let after = by_uid.get(spec.request.uid.as_str()).and_then(|request| to_decision(request, grant));
        let (outcome, by): (&str, _) = (spec.outcome.into(), decided_by(grant));
        let what = [grant.name_any(), spec.ticket.clone(), spec.user.clone(), spec.policy.name.clone()];
        let harm = spec.emergency.as_ref().map(|crisis| format!("{:?}", crisis.harm)).unwrap_or_default();
        let impact = spec.emergency.as_ref().map(|crisis| crisis.impact.clone()).unwrap_or_default();
        let how = [spec.namespace.clone(), harm, outcome.to_owned(), by, after.map(lasting).unwrap_or_default()];
        let since = [or_none(time::made(&grant.metadata)), status.duties_state.unwrap_or_default()];
        what.into_iter().chain(how).chain(since).chain([status.flagged.unwrap_or_default(), impact]).collect()
    };
    Section {
        name: "decisions",
        title: "Each emergency",
        note: "What was decided in this time, the oldest first. AFTER: from filing to the decision, while the request is there.".into(),
        table: Table {
            head: &[
                "RECORD", "TICKET", "USER", "POLICY", "NAMESPACE", "HARM", "OUTCOME", "BY", "AFTER", "DECIDED", "DUTIES",
                "FLAGS", "IMPACT",
            ],
            rows: all.iter().map(row).collect(),
        },
    }
}

/// Who agreed or refused.
fn decided_by(grant: &AccessGrant) -> String {
    let people: BTreeSet<_> = grant.spec.approvals.iter().map(|approval| approval.by.clone()).collect();
    match &grant.spec.approved_by {
        Some(agreed) => agreed.clone(),
        None => people.into_iter().collect::<Vec<_>>().join(", "),
    }
}

/// H14: what is open now, whenever the emergency was, the most overdue first.
fn owed(seen: &Seen) -> Section {
    let now = seen.now.for_record();
    let rows = |grant: &AccessGrant| -> Vec<(_, Vec<String>)> {
        let row = |owed: &Owed| {
            let is_late = owed.state == DutyState::Overdue || owed.due < now;
            let late = if is_late { lasting(between(owed.due, now)) } else { String::new() };
            let by = owed.by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let outcome: &str = grant.spec.outcome.into();
            let what = [grant.name_any(), grant.spec.ticket.clone(), grant.spec.user.clone(), outcome.to_owned()];
            let who = [duties::name(owed.duty).to_owned(), by, owed.due.to_string(), late];
            let policy = &grant.spec.policy.name;
            (owed.due, what.into_iter().chain(who).chain([policy.clone(), seen.owner(policy)]).collect())
        };
        grant.status.iter().flat_map(|s| &s.owed).filter(|owed| !is_settled(owed)).map(row).collect()
    };
    let mut rows: Vec<_> = seen.grants().filter(|grant| is_one(grant)).flat_map(rows).collect();
    rows.sort();
    Section {
        name: "owed",
        title: "Evidence and reviews that are open",
        note: "Of all emergencies that are kept. LATE: its time is up. Every emergency is reviewed by somebody who was not involved, a denied one too.".into(),
        table: Table {
            head: &["RECORD", "TICKET", "USER", "OUTCOME", "DUTY", "BY", "DUE", "LATE", "POLICY", "OWNER"],
            rows: rows.into_iter().map(|(_, row)| row).collect(),
        },
    }
}
