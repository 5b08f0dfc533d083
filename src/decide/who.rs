//! Who had access to a namespace, to what and why: by the records of what Curfew gave, and by what is known of standing access.
use super::standing::{Held, Holder, Inventory};
use super::{grant, role};
use crate::api::duty::Change;
use crate::api::grant::{AccessGrant, Usage};
use crate::api::reasons::Outcome;
use crate::api::subject::{Level, RoleRef};
use crate::api::time::Instant;
use kube::ResourceExt;
use serde::Serialize;

/// A time: an instant where both ends are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first second.
    pub from: Instant,
    /// Its last second.
    pub until: Instant,
}
impl Window {
    /// Whether something reached into it; without an end it still does.
    fn has(&self, from: Instant, until: Option<Instant>) -> bool {
        from <= self.until && until.is_none_or(|until| until >= self.from)
    }
}

/// How somebody came to have access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Through {
    /// By Curfew.
    Grant,
    /// By a binding that Curfew did not make.
    Standing,
}

/// Access that somebody had.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Who: one person, or a group.
    pub who: Holder,
    /// How they came to have it.
    pub through: Through,
    /// How much it let them do.
    pub level: Level,
    /// What was bound.
    pub role: RoleRef,
    /// By resource, `get,list,watch pods`.
    pub gives: Vec<String>,
    /// Since when at the latest: of standing access, when its binding was made, or seen first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// Until when at the latest: absent where it still holds. Of standing access, when it was first seen gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// When it ends by itself, where it still holds and does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Instant>,
    /// The record, or the binding.
    pub name: String,
    /// Whether it held in all protected namespaces.
    pub everywhere: bool,
    /// Why, of a grant: what was asked, agreed, done and said afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Given>,
    /// Of standing access: who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// What a record says of the access that it gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Given {
    /// The access, as its policy calls it.
    pub access: String,
    /// The policy.
    pub policy: String,
    /// The ticket.
    pub ticket: String,
    /// Why it was asked for.
    pub reason: String,
    /// Who agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// What was done with it; absent where nobody watched, or nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What of that was more than looking.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// What its close-out says was changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What a reader must not miss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<String>,
}

/// The access to a namespace that Curfew gave in that time, in the order in which it began. Records of other namespaces, and of
/// what was not granted or never began, are passed over.
pub fn granted(records: &[AccessGrant], namespace: &str, window: Window) -> Vec<Access> {
    let here = records.iter().filter(|record| record.spec.namespace == namespace);
    let mut all: Vec<_> = here.filter_map(|record| of_record(record, window)).collect();
    all.sort_by(|one, other| (one.from, &one.name).cmp(&(other.from, &other.name)));
    all
}

fn of_record(record: &AccessGrant, window: Window) -> Option<Access> {
    let (spec, status) = (&record.spec, record.status.clone().unwrap_or_default());
    let still = grant::may_give_access(record);
    // A binding is there before it is seen: while it may be there, it counts.
    let began = status.started_at.or(still.then_some(spec.not_before))?;
    let until = if still { None } else { Some(status.ended_at.or(spec.expires_at).unwrap_or(began)) };
    if spec.outcome != Outcome::Approved || !window.has(began, until) {
        return None;
    }
    let writes = status.usage.iter().flat_map(|usage| &usage.verbs).filter(|done| !role::is_reading(done)).cloned();
    let changes = status.duties.and_then(|duties| duties.closeout).map(|closeout| closeout.changes);
    Some(Access {
        who: Holder { kind: "User".to_owned(), name: spec.user.clone(), namespace: None },
        through: Through::Grant,
        level: spec.level,
        role: spec.role_ref.clone(),
        gives: role::in_lines(&role::permissions(&spec.rules).0),
        from: status.started_at,
        until,
        expires: spec.expires_at.filter(|_| still),
        name: record.name_any(),
        everywhere: false,
        grant: Some(Given {
            access: spec.access.clone(),
            policy: spec.policy.name.clone(),
            ticket: spec.ticket.clone(),
            reason: spec.reason.clone(),
            approved_by: spec.approved_by.clone(),
            writes: writes.collect(),
            usage: status.usage,
            changes: changes.unwrap_or_default(),
            flags: status.flagged,
        }),
        owner: None,
    })
}

/// The standing access to a namespace in that time, the broadest first, and what is not known of it, in words.
///
/// `kept` are the inventories of other days, in any order, and one of now where the time reaches until now.
pub fn standing(kept: Vec<Inventory>, namespace: &str, window: Window) -> (Vec<Access>, Vec<String>) {
    let mut kept: Vec<_> = kept.into_iter().map(|inventory| inventory.within(namespace)).collect();
    kept.sort_by_key(|inventory| inventory.taken_at);
    kept.retain(|inventory| inventory.taken_at <= window.until);
    // The last one before says what held when the time began.
    let first = kept.iter().rposition(|inventory| inventory.taken_at <= window.from).unwrap_or_default();
    let kept = &kept[first..];
    let mut all: Vec<Access> = vec![];
    for (at, inventory) in kept.iter().enumerate() {
        for held in &inventory.bindings {
            for holder in held.subjects.iter().filter(|holder| holder.is_person()) {
                let is_known = at > 0 && holds(&kept[at - 1], held, holder);
                all.extend((!is_known).then(|| of_binding(kept, at, held, holder)).flatten());
            }
        }
    }
    all.retain(|access| access.from.is_none_or(|from| window.has(from, access.until)));
    (all, unknown(kept, namespace, window))
}

/// Whether an inventory has this holder of this binding and role.
fn holds(inventory: &Inventory, held: &Held, holder: &Holder) -> bool {
    inventory.bindings.iter().any(|other| {
        (&other.namespace, &other.binding, &other.role, other.level)
            == (&held.namespace, &held.binding, &held.role, held.level)
            && other.subjects.contains(holder)
    })
}

/// One that begins with this inventory, as far as anybody knows.
fn of_binding(kept: &[Inventory], at: usize, held: &Held, holder: &Holder) -> Option<Access> {
    let inventory = &kept[at];
    // Until somebody makes the role, it gives nothing.
    let level = held.level?;
    let before = at.checked_sub(1).map(|before| kept[before].seen_until);
    // Made since the last look: then exactly. Otherwise the holder came to it at some time before it was seen.
    let made = held.made.filter(|made| before.is_none_or(|before| *made >= before) && *made <= inventory.taken_at);
    let gone = kept[at..].iter().find(|later| !holds(later, held, holder));
    let given = inventory
        .roles
        .iter()
        .find(|given| given.role == held.role && (given.namespace.is_none() || given.namespace == held.namespace));
    Some(Access {
        who: holder.clone(),
        through: Through::Standing,
        level,
        role: held.role.clone(),
        gives: given.map(|given| given.gives.clone()).unwrap_or_default(),
        from: Some(made.unwrap_or(inventory.taken_at)),
        until: gone.map(|gone| gone.taken_at),
        expires: None,
        name: held.binding.clone(),
        everywhere: held.namespace.is_none(),
        grant: None,
        owner: held.owner.clone(),
    })
}

fn unknown(kept: &[Inventory], namespace: &str, window: Window) -> Vec<String> {
    let mut words = vec![];
    match kept.first() {
        None => {
            words.push("there is no snapshot of that time or before it: of standing access nothing is known".to_owned())
        }
        Some(first) if first.taken_at > window.from => {
            words.push(format!("standing access before {} is not known: that is the oldest snapshot", first.taken_at))
        }
        Some(_) => {}
    }
    let unprotected = kept.iter().find(|inventory| inventory.namespaces.is_empty());
    words.extend(unprotected.map(|inventory| {
        format!(
            "at {} {namespace} was not protected (no policy covered it, no label curfew.dev/hand-made): standing access to it is not known",
            inventory.taken_at
        )
    }));
    words.extend(
        kept.last().filter(|last| last.seen_until < window.until).map(|last| {
            format!("standing access that was given and taken away after {} is not known", last.seen_until)
        }),
    );
    words
}

#[cfg(test)]
mod tests;
