//! What has to be cleaned up: what is open now, whenever it began, and what was renewed in the time asked about.
use super::{Section, Seen, ago, between, lasting, or_none};
use crate::api::duty::{Duty, DutyState, Owed};
use crate::api::grant::AccessGrant;
use crate::api::policy;
use crate::api::reasons::{self, DutiesMet, RemovalVerified};
use crate::decide::standing::{Held, Holder};
use crate::decide::table::Table;
use crate::decide::{duties, review, sweep};
use kube::ResourceExt;
use std::collections::BTreeMap;
use strum::VariantArray;

pub(super) fn sections(seen: &Seen) -> Vec<Section> {
    vec![never_closed(seen), overdue(seen), debtors(seen), leftovers(seen), renewals(seen), reviews(seen)]
}

/// G5: closed is what has its removal verified and its duties met.
fn never_closed(seen: &Seen) -> Section {
    let row = |grant: &AccessGrant| {
        let status = grant.status.as_ref().filter(|s| s.started_at.is_some() && s.ended_at.is_some())?;
        let is_done = reasons::is(status, DutiesMet::Met)
            || reasons::is(status, DutiesMet::Waived)
            || reasons::is(status, DutiesMet::NothingOwed);
        let mut missing = vec![];
        if !reasons::is(status, RemovalVerified::Removed) {
            missing.push("proof that it is gone".to_owned());
        }
        if !is_done {
            let open = status.owed.iter().filter(|owed| !is_settled(owed));
            let open: Vec<_> = open.map(|owed| format!("{:?} until {}", owed.duty, owed.due)).collect();
            missing.push(if open.is_empty() { "what is owed".to_owned() } else { open.join(", ") });
        }
        let spec = &grant.spec;
        (!missing.is_empty()).then(|| {
            let who = [grant.name_any(), spec.ticket.clone(), spec.user.clone(), spec.policy.name.clone()];
            let ended = [or_none(status.ended_at), ago(status.ended_at, seen.now.wall), missing.join("; ")];
            (status.ended_at, who.into_iter().chain(ended).collect())
        })
    };
    let mut rows: Vec<(_, Vec<String>)> = seen.grants().filter_map(row).collect();
    rows.sort();
    Section {
        name: "never-closed",
        title: "Ended and not closed out",
        note: "Access that has ended, and whose removal is not proven or whose duties are not met.".into(),
        table: Table {
            head: &["RECORD", "TICKET", "USER", "POLICY", "ENDED", "AGO", "MISSING"],
            rows: rows.into_iter().map(|(_, row)| row).collect(),
        },
    }
}

pub(super) fn is_settled(owed: &Owed) -> bool {
    matches!(owed.state, DutyState::Met | DutyState::Waived)
}

fn overdue(seen: &Seen) -> Section {
    let now = seen.now.for_record();
    let late = |owed: &&Owed| owed.state == DutyState::Overdue || (!is_settled(owed) && owed.due < now);
    let rows = |grant: &AccessGrant| -> Vec<(_, Vec<String>)> {
        let row = |owed: &Owed| {
            let by = owed.by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let policy = &grant.spec.policy.name;
            let what = [grant.name_any(), grant.spec.ticket.clone(), duties::name(owed.duty).to_owned(), by];
            let when = [owed.due.to_string(), lasting(between(owed.due, now)), policy.clone(), seen.owner(policy)];
            (owed.due, what.into_iter().chain(when).collect())
        };
        grant.status.iter().flat_map(|s| &s.owed).filter(late).map(row).collect()
    };
    let mut rows: Vec<_> = seen.grants().flat_map(rows).collect();
    rows.sort();
    Section {
        name: "overdue",
        title: "Overdue duties",
        note: "A note or close-out costs its person access until it is done or waived, a review flags its record; `status.owed` of the record has the command."
            .into(),
        table: Table {
            head: &["RECORD", "TICKET", "DUTY", "BY", "DUE", "LATE", "POLICY", "OWNER"],
            rows: rows.into_iter().map(|(_, row)| row).collect(),
        },
    }
}

/// H12: who missed a duty and still holds access that no duty ends, for the owner of the policy to decide on.
fn debtors(seen: &Seen) -> Section {
    let missed = |grant: &&AccessGrant| {
        let owed = grant.status.iter().flat_map(|status| &status.owed);
        // A review is not owed by who held the access.
        owed.into_iter().any(|owed| owed.state == DutyState::Overdue && owed.duty != Duty::Review)
    };
    let rows = |grant: &AccessGrant| -> Vec<Vec<String>> {
        let spec = &grant.spec;
        let is_theirs = |holder: &&Holder| match holder.kind.as_str() {
            "User" => holder.name == spec.user,
            "Group" => spec.groups.contains(&holder.name),
            _ => false,
        };
        let bindings = seen.standing.iter().flat_map(|inventory| &inventory.bindings);
        let held = bindings.filter_map(|held| Some((held, held.subjects.iter().find(is_theirs)?)));
        let row = |(held, through): (&Held, &Holder)| {
            let level = held.level.map(|level| format!("{level:?}")).unwrap_or_default();
            let place = held.namespace.clone().unwrap_or_else(|| "*".to_owned());
            let policy = &spec.policy.name;
            let who = [spec.user.clone(), grant.name_any(), policy.clone(), seen.owner(policy)];
            who.into_iter().chain([level, place, held.binding.clone(), through.to_string()]).collect()
        };
        held.map(row).collect()
    };
    Section {
        name: "debtors",
        title: "Standing access of who missed a duty",
        note: "What was granted to them has ended; what they hold past Curfew has not. The owner of the policy decides whether it goes. Groups are those that they had when they asked.".into(),
        table: Table {
            head: &["USER", "RECORD", "POLICY", "OWNER", "LEVEL", "NAMESPACE", "BINDING", "THROUGH"],
            rows: seen.grants().filter(missed).flat_map(rows).collect(),
        },
    }
}

fn leftovers(seen: &Seen) -> Section {
    let row = |left: sweep::Leftover| {
        let namespace = left.identity().namespace.clone().unwrap_or_default();
        vec![namespace, left.identity().name.clone(), left.user.clone(), left.why.to_string()]
    };
    Section {
        name: "leftovers",
        title: "Managed bindings without a live grant",
        note: "`curfew sweep` deletes them; its CronJob does so every few minutes, so one that stays here means that it does not run."
            .into(),
        table: Table {
            head: &["NAMESPACE", "BINDING", "USER", "WHY"],
            rows: sweep::leftovers(&seen.listed, seen.now).into_iter().map(row).collect(),
        },
    }
}

/// E22: one row for each chain that grew in that time, the longest first.
fn renewals(seen: &Seen) -> Section {
    let by_name: BTreeMap<String, &AccessGrant> = seen.grants().map(|grant| (grant.name_any(), grant)).collect();
    // Each name is followed once: what claims to renew itself ends too.
    let root = |grant: &AccessGrant| {
        let (mut at, mut steps) = (grant, by_name.len());
        while let Some(before) = at.spec.renewal.as_ref().and_then(|of| by_name.get(&of.grant)).filter(|_| steps > 0) {
            (at, steps) = (before, steps - 1);
        }
        at.name_any()
    };
    let mut chains: BTreeMap<String, &AccessGrant> = BTreeMap::new();
    for grant in seen.decided().into_iter().filter(|grant| depth(grant) > 0 && grant.spec.expires_at.is_some()) {
        let last = chains.entry(root(grant)).or_insert(grant);
        if depth(grant) >= depth(last) {
            *last = grant;
        }
    }
    let row = |(root, last): (String, &AccessGrant)| {
        let spec = &last.spec;
        let policy = seen.policies.iter().find(|policy| policy.name_any() == spec.policy.name);
        let most = policy.map(|policy| policy.spec.limits.renewals.to_string()).unwrap_or_default();
        let why = spec.renewal.as_ref().map(|of| of.why_not_enough.clone()).unwrap_or_default();
        let work = [spec.ticket.clone(), spec.user.clone(), spec.policy.name.clone(), spec.namespace.clone()];
        let chain = [depth(last).to_string(), most, root, or_none(spec.expires_at), why];
        (-depth(last), work.into_iter().chain(chain).collect())
    };
    let mut rows: Vec<(i32, Vec<String>)> = chains.into_iter().map(row).collect();
    rows.sort();
    Section {
        name: "renewals",
        title: "Chains of renewals",
        note: "Work that was given more time. Long chains: the default is too short, or the access is the wrong one."
            .into(),
        table: Table {
            head: &["TICKET", "USER", "POLICY", "NAMESPACE", "RENEWED", "MOST", "FIRST-RECORD", "UNTIL", "WHY"],
            rows: rows.into_iter().map(|(_, row)| row).collect(),
        },
    }
}
fn depth(grant: &AccessGrant) -> i32 {
    grant.spec.renewal.as_ref().map_or(0, |of| of.depth)
}

fn reviews(seen: &Seen) -> Section {
    let rows = seen.policies.iter().flat_map(|policy| {
        let counted = review::counted(policy, seen.now);
        policy::Duty::VARIANTS.iter().filter_map(move |what| {
            let age = review::age(policy, &counted, *what, seen.now.wall);
            (age >= review::at_most(*what)).then(|| {
                let name: &str = what.into();
                let by = counted.iter().find(|one| one.what == *what).map(|one| one.by.clone()).unwrap_or_default();
                let head = [policy.name_any(), name.to_owned(), policy.spec.owner.to_string(), lasting(age), by];
                head.into_iter().chain([review::command(policy, *what)]).collect()
            })
        })
    });
    Section {
        name: "reviews",
        title: "Reviews that are late",
        note: "What the owner of a policy looks through: the clean-up every 7 days, those who may ask and decide every 90.".into(),
        table: Table { head: &["POLICY", "REVIEW", "OWNER", "AGE", "LAST-BY", "COMMAND"], rows: rows.collect() },
    }
}
