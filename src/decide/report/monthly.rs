//! What somebody has to look at: shared accounts, access without an end or an approval, hasty approvals, refusals, ideas.
use super::{Section, Seen, Writes, ago, between, lasting, or_none};
use crate::api::names::GRANT_LABEL;
use crate::api::reasons::Screened;
use crate::api::request::{AccessRequest, Decision};
use crate::api::time::{self, Instant};
use crate::decide::screening::Code;
use crate::decide::standing::Held;
use crate::decide::table::Table;
use chrono::TimeDelta;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

/// Nobody reads a request in less.
const HASTY: TimeDelta = TimeDelta::seconds(30);
/// Groups that hold everybody.
const EVERYBODY: [&str; 2] = ["system:authenticated", "system:unauthenticated"];

pub(super) fn sections(seen: &Seen) -> Vec<Section> {
    vec![
        shared(seen),
        without_end(seen),
        without_approval(seen),
        without_task(seen),
        hasty(seen),
        refusals(seen),
        improvements(seen),
        looked(seen),
    ]
}

fn shared(seen: &Seen) -> Section {
    let is_shared = |user: &String| seen.shared_accounts.contains(user);
    let asked = seen.filed().into_iter().filter_map(|request| {
        let user = &request.spec.requester.username;
        let is_refused = failed(request).any(|code| code == <&str>::from(Code::SharedAccount));
        (is_refused || is_shared(user)).then(|| {
            let place = request.namespace().unwrap_or_default();
            vec![user.clone(), place.clone(), format!("request {place}/{}", request.name_any())]
        })
    });
    let granted = seen.decided().into_iter().filter(|grant| is_shared(&grant.spec.user));
    let granted = granted.map(|grant| {
        vec![grant.spec.user.clone(), grant.spec.namespace.clone(), format!("record {}", grant.name_any())]
    });
    let held = seen.standing.iter().flat_map(|inventory| &inventory.bindings).flat_map(|held| {
        let shared = held.subjects.iter().filter(|subject| match subject.kind.as_str() {
            "User" => is_shared(&subject.name),
            "Group" => EVERYBODY.contains(&subject.name.as_str()),
            _ => false,
        });
        shared.map(|subject| vec![subject.name.clone(), place(held), format!("binding {}", held.binding)])
    });
    Section {
        name: "shared-accounts",
        title: "Shared accounts",
        note: "Names that several people use: those that the installation lists (`--shared-account`), and groups that hold everybody."
            .into(),
        table: Table { head: &["ACCOUNT", "NAMESPACE", "WHERE"], rows: asked.chain(granted).chain(held).collect() },
    }
}

fn place(held: &Held) -> String {
    held.namespace.clone().unwrap_or_else(|| "*".to_owned())
}

fn without_end(seen: &Seen) -> Section {
    let row = |held: &Held| {
        let level = held.level.map(|level| format!("{level:?}")).unwrap_or_default();
        let subjects = held.subjects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let what = [level, place(held), held.binding.clone(), held.role.to_string(), subjects];
        let until = [held.owner.clone(), held.review_by.clone()].map(Option::unwrap_or_default);
        what.into_iter().chain(until).chain([ago(held.made, seen.now.wall)]).collect()
    };
    Section {
        name: "without-end",
        title: "Access without an end",
        note: "Bindings in protected namespaces that Curfew did not make. `curfew adopt` prints the policy that replaces one.".into(),
        table: Table {
            head: &["LEVEL", "NAMESPACE", "BINDING", "ROLE", "SUBJECTS", "OWNER", "REVIEW-BY", "AGE"],
            rows: seen.standing.iter().flat_map(|inventory| &inventory.bindings).map(row).collect(),
        },
    }
}

/// I2: what was agreed to in private left no approval on record.
fn without_approval(seen: &Seen) -> Section {
    let by_hand = seen.standing.iter().flat_map(|inventory| &inventory.bindings);
    let by_hand = by_hand.filter(|held| held.made.is_some() && seen.window.has(held.made)).map(|held| {
        let subjects = held.subjects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        vec![place(held), held.binding.clone(), subjects, or_none(held.made), "made by hand in this time".to_owned()]
    });
    let managed = seen.listed.bindings.iter().flatten().filter_map(|binding| {
        let why = unapproved(seen, binding)?;
        let subjects = binding.subjects.iter().flatten().map(|s| format!("{} {}", s.kind, s.name));
        let subjects = subjects.collect::<Vec<_>>().join(", ");
        let made = or_none(time::made(&binding.metadata));
        Some(vec![binding.namespace().unwrap_or_default(), binding.name_any(), subjects, made, why.to_owned()])
    });
    Section {
        name: "without-approval",
        title: "Bindings without an approval on record",
        note: "Whoever agreed to these did so elsewhere, or nobody did.".into(),
        table: Table {
            head: &["NAMESPACE", "BINDING", "SUBJECTS", "MADE", "WHY"],
            rows: managed.chain(by_hand).collect(),
        },
    }
}

/// Why nobody's agreement to it is on record; `None`: it is, or nobody can tell.
fn unapproved(seen: &Seen, binding: &RoleBinding) -> Option<&'static str> {
    let uid = binding.labels().get(GRANT_LABEL)?;
    let Some(found) = seen.listed.grants.as_ref()?.get(uid) else { return Some("its record does not exist") };
    let spec = &found.as_ref()?.spec;
    let agreed = spec.approvals.iter().any(|approval| approval.decision == Decision::Approve);
    (!agreed && spec.rule.is_none() && spec.approved_by.is_none()).then_some("its record names nobody who agreed")
}

/// I2.
fn without_task(seen: &Seen) -> Section {
    let note = match &seen.writes {
        Some(writes) => format!(
            "Changes by people in protected namespaces that no access by Curfew allowed, by {} audit events of this time. What had standing access allowed as well is among them.",
            writes.read()
        ),
        None => "Unknown here: `--audit-source file:PATH` says where the audit events of this time are. What was changed under an access its close-out says."
            .into(),
    };
    Section {
        name: "without-task",
        title: "Changes without a task",
        note,
        table: Table {
            head: &["NAMESPACE", "WHAT", "BY", "TIMES", "FIRST", "LAST", "ALLOWED-BY"],
            rows: seen.writes.as_ref().map(Writes::rows).unwrap_or_default(),
        },
    }
}

/// C11.
fn hasty(seen: &Seen) -> Section {
    let by_uid = seen.by_uid();
    let (mut rows, mut unknown) = (vec![], 0);
    for grant in seen.decided() {
        let own = grant.spec.approvals.iter();
        let own: Vec<_> = own.filter(|a| a.decision == Decision::Approve && a.attested_by.is_none()).collect();
        match by_uid.get(grant.spec.request.uid.as_str()).and_then(|request| complete(request)) {
            None => unknown += own.len(),
            Some(asked) => {
                // One that was there before was given on an earlier time when it was complete, and that is not kept.
                let (known, untold): (Vec<_>, Vec<_>) = own.into_iter().partition(|a| a.at >= asked);
                unknown += untold.len();
                rows.extend(known.into_iter().filter(|a| between(asked, a.at) < HASTY).map(|a| {
                    let after = lasting(between(asked, a.at));
                    let spec = &grant.spec;
                    vec![
                        grant.name_any(),
                        a.by.clone(),
                        a.step.clone(),
                        after,
                        spec.user.clone(),
                        spec.policy.name.clone(),
                        a.comment.clone().unwrap_or_default(),
                    ]
                }));
            }
        }
    }
    let unknown = match unknown {
        0 => String::new(),
        _ => {
            format!(" Of {unknown} approvals nobody can tell, as their requests are gone or were returned in between.")
        }
    };
    Section {
        name: "hasty-approvals",
        title: "Approvals given within seconds",
        note: format!("Given in less than {} after the request was complete: was it read?{unknown}", lasting(HASTY)),
        table: Table { head: &["RECORD", "BY", "STEP", "AFTER", "USER", "POLICY", "COMMENT"], rows },
    }
}

/// When the text that was decided on had passed its screening.
fn complete(request: &AccessRequest) -> Option<Instant> {
    let conditions = request.status.as_ref()?.conditions.iter();
    let mut screened = conditions.filter(|c| c.type_ == "Screened" && c.reason == <&str>::from(Screened::Complete));
    Instant::try_from(&screened.next()?.last_transition_time).ok()
}

/// The codes of the checks that a request fails now.
pub(super) fn failed(request: &AccessRequest) -> impl Iterator<Item = &str> {
    let checks = request.status.iter().flat_map(|status| &status.checks);
    checks.filter(|check| !check.passed).filter_map(|check| check.code.as_deref())
}

fn refusals(seen: &Seen) -> Section {
    let mut by_reason: BTreeMap<String, (usize, BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    let mut count = |reason: String, user: &str, policy: &str| {
        let (number, users, policies) = by_reason.entry(reason).or_default();
        *number += 1;
        users.insert(user.to_owned());
        policies.insert(policy.to_owned());
    };
    for request in seen.filed() {
        for code in failed(request) {
            count(code.to_owned(), &request.spec.requester.username, &request.spec.policy);
        }
    }
    for grant in seen.decided().into_iter().filter(|grant| grant.spec.expires_at.is_none()) {
        let outcome: &str = grant.spec.outcome.into();
        count(outcome.to_owned(), &grant.spec.user, &grant.spec.policy.name);
    }
    let mut rows: Vec<_> = by_reason.into_iter().collect();
    rows.sort_by_key(|(_, (number, ..))| std::cmp::Reverse(*number));
    let row = |(reason, (number, users, policies)): (String, (usize, BTreeSet<String>, BTreeSet<String>))| {
        vec![reason, number.to_string(), users.len().to_string(), policies.into_iter().collect::<Vec<_>>().join(", ")]
    };
    Section {
        name: "refusals",
        title: "Why nothing was granted",
        note: "Checks that requests of this time fail as they stand now, and decisions of this time that gave nothing. What many people get wrong, the policy should ask more simply."
            .into(),
        table: Table { head: &["REASON", "REQUESTS", "PEOPLE", "POLICIES"], rows: rows.into_iter().map(row).collect() },
    }
}

fn improvements(seen: &Seen) -> Section {
    let row = |grant: &crate::api::grant::AccessGrant| {
        let review = grant.status.as_ref()?.duties.as_ref()?.review.as_ref()?;
        let spec = &grant.spec;
        let what = [grant.name_any(), spec.policy.name.clone(), review.by.clone(), review.improvement.clone()];
        Some(what.to_vec())
    };
    Section {
        name: "improvements",
        title: "What would make it unnecessary next time",
        note: "From the reviews of access that was decided on in this time.".into(),
        table: Table {
            head: &["RECORD", "POLICY", "REVIEWER", "IMPROVEMENT"],
            rows: seen.decided().into_iter().filter_map(row).collect(),
        },
    }
}

/// I11.
fn looked(seen: &Seen) -> Section {
    let rows = seen.policies.iter().flat_map(|policy| {
        policy.status.iter().flat_map(|status| &status.reviews).map(|review| {
            let what: &str = review.what.into();
            let is_then = if seen.window.has(Some(review.at)) { "yes" } else { "no" };
            let who = [policy.name_any(), what.to_owned(), review.by.clone(), review.at.to_string()];
            who.into_iter().chain([is_then.to_owned()]).collect()
        })
    });
    Section {
        name: "looked",
        title: "Who looked, and when",
        note: "The last review of each kind, as the owner of the policy wrote it.".into(),
        table: Table { head: &["POLICY", "REVIEW", "BY", "AT", "IN-THIS-TIME"], rows: rows.collect() },
    }
}
