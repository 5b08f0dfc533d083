//! What a trial shows: weak ownership, bad defaults, loose evidence.
use super::monthly::failed;
use super::{Section, Seen, ago, or_none};
use crate::api::reasons::{Outcome, Screened};
use crate::api::request::{AccessRequest, Waiting};
use crate::api::time;
use crate::decide::screening::Code;
use crate::decide::table::Table;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn sections(seen: &Seen) -> Vec<Section> {
    vec![waits(seen), defaults(seen), vague(seen)]
}

/// Weak ownership: nobody decided.
fn waits(seen: &Seen) -> Section {
    let open = seen.filed().into_iter().filter_map(|request| {
        let status = request.status.as_ref()?;
        let (step, who, why) = match status.waiting_for.as_slice() {
            [] if failed(request).any(|code| code == <&str>::from(Code::NoApprover)) => {
                (String::new(), String::new(), <&str>::from(Code::NoApprover))
            }
            [] => return None,
            waiting => (each(waiting, |w| w.step.clone()), each(waiting, approvers), "Waiting"),
        };
        let filed = time::made(&request.metadata);
        let what = [place(request), request.spec.policy.clone(), request.spec.requester.username.clone()];
        Some(what.into_iter().chain([step, who, or_none(filed), ago(filed, seen.now.wall), why.to_owned()]).collect())
    });
    let over = seen.decided().into_iter().filter(|grant| grant.spec.outcome == Outcome::TimedOut).map(|grant| {
        let (spec, of) = (&grant.spec, &grant.spec.request);
        let what = [format!("{}/{}", of.namespace, of.name), spec.policy.name.clone(), spec.user.clone()];
        let decided = or_none(time::made(&grant.metadata));
        let none = String::new;
        what.into_iter().chain([none(), none(), decided, none(), "TimedOut".to_owned()]).collect()
    });
    Section {
        name: "waits",
        title: "Nobody decided",
        note: "Requests that wait, timed out, or have nobody who could agree: who answers for these?".into(),
        table: Table {
            head: &["REQUEST", "POLICY", "USER", "STEP", "WHO", "SINCE", "FOR", "WHY"],
            rows: open.chain(over).collect(),
        },
    }
}
fn place(request: &AccessRequest) -> String {
    format!("{}/{}", request.namespace().unwrap_or_default(), request.name_any())
}
fn each(waiting: &[Waiting], what: impl Fn(&Waiting) -> String) -> String {
    waiting.iter().map(what).collect::<Vec<_>>().join("; ")
}
fn approvers(waiting: &Waiting) -> String {
    waiting.approvers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Bad defaults: where most work is renewed, the default is too short.
fn defaults(seen: &Seen) -> Section {
    let mut by_policy: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let decided = seen.decided();
    let agreed = decided.iter().filter(|g| matches!(g.spec.outcome, Outcome::Approved | Outcome::DryRun));
    for grant in agreed {
        let (all, renewals) = by_policy.entry(&grant.spec.policy.name).or_default();
        *all += 1;
        *renewals += usize::from(grant.spec.renewal.is_some());
    }
    let row = |(policy, (all, renewals)): (&str, (usize, usize))| {
        let of = seen.policies.iter().find(|known| known.name_any() == policy);
        let default = of.map(|of| of.spec.duration.default.to_string()).unwrap_or_default();
        vec![policy.to_owned(), default, all.to_string(), renewals.to_string(), format!("{}%", renewals * 100 / all)]
    };
    Section {
        name: "defaults",
        title: "Renewals by policy",
        note: "Where much is renewed, `duration.default` is too short for the work.".into(),
        table: Table {
            head: &["POLICY", "DEFAULT", "AGREED", "RENEWALS", "SHARE"],
            rows: by_policy.into_iter().map(row).collect(),
        },
    }
}

/// Loose evidence: what people wrote that does not do.
fn vague(seen: &Seen) -> Section {
    let evidence = [Code::VagueReason, Code::MissingEvidence, Code::TicketInvalid, Code::ScopeTooBroad];
    let mut counted: BTreeMap<(&str, &str), (usize, BTreeSet<&str>)> = BTreeMap::new();
    let mut filed_by_policy: BTreeMap<&str, usize> = BTreeMap::new();
    let filed = seen.filed();
    for request in &filed {
        *filed_by_policy.entry(&request.spec.policy).or_default() += 1;
        for code in failed(request).filter(|code| evidence.iter().any(|one| *code == <&str>::from(*one))) {
            let (number, people) = counted.entry((&request.spec.policy, code)).or_default();
            *number += 1;
            people.insert(&request.spec.requester.username);
        }
    }
    let row = |((policy, code), (number, people)): ((&str, &str), (usize, BTreeSet<&str>))| {
        let of = filed_by_policy.get(policy).copied().unwrap_or_default();
        let [number, of, people] = [number, of, people.len()].map(|number| number.to_string());
        vec![policy.to_owned(), code.to_owned(), number, of, people]
    };
    let incomplete: &str = Screened::Incomplete.into();
    Section {
        name: "vague",
        title: "Refused as vague",
        note: format!(
            "Requests of this time that are {incomplete} or refused now because of what they say; those that were corrected since are not among them."
        ),
        table: Table {
            head: &["POLICY", "CODE", "REQUESTS", "OF", "PEOPLE"],
            rows: counted.into_iter().map(row).collect(),
        },
    }
}
