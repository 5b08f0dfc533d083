//! Standing access: bindings in protected namespaces that Curfew did not make, what they give and to whom, now and on
//! another day.
mod show;
mod snapshot;

use super::policy::RoleSeen;
use super::table::Format;
use super::{role, selector, text};
use crate::api::names::{
    GRANT_LABEL, HAND_MADE_LABEL, OWNER_ANNOTATION, REVIEW_BY_ANNOTATION, SENSITIVITY_LABEL, ZONE_LABEL,
};
use crate::api::permission::DangerType;
use crate::api::policy::AccessPolicy;
use crate::api::subject::{Level, RoleKind, RoleRef};
use crate::api::time::{self, Instant};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef as RbacRoleRef, Subject};
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

pub use show::{Report, show};
pub use snapshot::{MOST_SNAPSHOT, Slot, as_of, line, place, read, slot};

/// How far ahead a review may be due: what stays is reviewed often.
const MOST_AHEAD: TimeDelta = TimeDelta::days(92);
/// How many lines of what a role gives are kept.
const MOST_LINES: usize = 64;

/// Who holds a binding: a user, a group, or a ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: String,
    /// The name.
    pub name: String,
    /// Of a ServiceAccount: where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}
impl Holder {
    /// Whether it may be a person. A ServiceAccount is none in any spelling, and neither is a part of Kubernetes; groups that
    /// hold everybody are.
    pub fn is_person(&self) -> bool {
        let begins = |all: &[&str]| all.iter().any(|begin| self.name.starts_with(begin));
        match self.kind.as_str() {
            "User" => {
                !begins(&["system:serviceaccount:", "system:node:", "system:kube-"]) && self.name != "system:apiserver"
            }
            "Group" => {
                let machines = ["system:nodes", "system:serviceaccounts", "system:bootstrappers"];
                !machines.contains(&self.name.as_str())
                    && !begins(&["system:serviceaccounts:", "system:bootstrappers:"])
            }
            _ => false,
        }
    }
}
impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// A binding that Curfew did not make, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Where it holds; `None`: everywhere.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What it gives.
    pub role: RoleRef,
    /// To whom, sorted.
    pub subjects: Vec<Holder>,
    /// By its annotation.
    pub owner: Option<String>,
    /// By its annotation, as it is written.
    pub review_by: Option<String>,
    /// When the API server made it.
    pub made: Option<Instant>,
}
impl Bound {
    /// `None`: Curfew made it.
    pub fn of_binding(binding: &RoleBinding) -> Option<Self> {
        Self::of(binding, &binding.role_ref, binding.subjects.as_deref())
    }
    /// The same of one that holds everywhere.
    pub fn of_cluster_binding(binding: &ClusterRoleBinding) -> Option<Self> {
        Self::of(binding, &binding.role_ref, binding.subjects.as_deref())
    }
    fn of(binding: &impl ResourceExt, role: &RbacRoleRef, subjects: Option<&[Subject]>) -> Option<Self> {
        // Nobody but the operator can make one with this label.
        if binding.labels().contains_key(GRANT_LABEL) {
            return None;
        }
        let kind = if role.kind == "Role" { RoleKind::Role } else { RoleKind::ClusterRole };
        let holder = |s: &Subject| {
            // Elsewhere RBAC ignores it.
            let namespace = s.namespace.clone().filter(|_| s.kind == "ServiceAccount");
            Holder { kind: s.kind.clone(), name: s.name.clone(), namespace }
        };
        let subjects: BTreeSet<_> = subjects.unwrap_or_default().iter().map(holder).collect();
        let note =
            |key: &str| binding.annotations().get(key).map(|text| text.trim().to_owned()).filter(|t| !t.is_empty());
        Some(Self {
            namespace: binding.namespace(),
            name: binding.name_any(),
            role: RoleRef { kind, name: role.name.clone() },
            subjects: subjects.into_iter().collect(),
            owner: note(OWNER_ANNOTATION),
            review_by: note(REVIEW_BY_ANNOTATION),
            made: time::made(binding.meta()),
        })
    }
    /// Where its role is looked for; empty for a ClusterRole.
    pub fn place(&self) -> &str {
        match self.role.kind {
            RoleKind::ClusterRole => "",
            RoleKind::Role => self.namespace.as_deref().unwrap_or_default(),
        }
    }
}

/// What somebody asks to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// As it was then; `None`: as it is.
    pub at: Option<DateTime<Utc>>,
    /// What has changed in so long.
    pub since: Option<TimeDelta>,
    /// Only what reaches this namespace.
    pub namespace: Option<String>,
    /// Whose bindings.
    pub whose: Whose,
    /// How it looks.
    pub format: Format,
    /// Where snapshots are.
    pub keep: Keep,
}

/// Where snapshots are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// They are only printed.
    Nowhere,
    /// In so many ConfigMaps of a namespace.
    InCluster {
        /// The namespace.
        home: String,
        /// How many.
        slots: usize,
    },
    /// One file each in a directory.
    InDirectory(String),
}

/// Whose bindings are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those that people hold, others beside them or not.
    People,
    /// All.
    Everybodys,
}

/// The namespaces that a policy covers, whether it is Ready or not, and those where bindings by hand are watched.
pub fn protected<'a, N: ResourceExt + 'a>(
    policies: &[AccessPolicy],
    namespaces: impl IntoIterator<Item = &'a N>,
) -> Vec<String> {
    let is_protected = |n: &&N| {
        let covers = |policy: &AccessPolicy| selector::selects(&policy.spec.namespaces, n.labels());
        n.labels().contains_key(HAND_MADE_LABEL) || policies.iter().any(covers)
    };
    let names: BTreeSet<_> = namespaces.into_iter().filter(is_protected).map(ResourceExt::name_any).collect();
    names.into_iter().collect()
}

/// The namespaces of which nobody has said where they belong or how sensitive they are, Kubernetes' own aside (F10).
pub fn unmarked<'a, N: ResourceExt + 'a>(namespaces: impl IntoIterator<Item = &'a N>) -> Vec<String> {
    let is_unmarked = |n: &&N| {
        let labels = n.labels();
        !n.name_any().starts_with("kube-")
            && !labels.contains_key(ZONE_LABEL)
            && !labels.contains_key(SENSITIVITY_LABEL)
    };
    let names: BTreeSet<_> = namespaces.into_iter().filter(is_unmarked).map(ResourceExt::name_any).collect();
    names.into_iter().collect()
}

/// Whether a binding reaches one of these namespaces, for somebody of interest.
pub fn is_of_interest(bound: &Bound, protected: &[String], whose: Whose) -> bool {
    let reaches = match &bound.namespace {
        None => !protected.is_empty(),
        Some(namespace) => protected.contains(namespace),
    };
    reaches && (whose == Whose::Everybodys || bound.subjects.iter().any(Holder::is_person))
}

/// One binding of an inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// How much it lets its holders do; `None`: there is no such role, so nothing until somebody makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Where it holds; `None`: in every protected namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name of the RoleBinding, or of the ClusterRoleBinding where there is no namespace.
    pub binding: String,
    /// What it gives; [`Inventory::roles`] says what that is.
    pub role: RoleRef,
    /// What is dangerous in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dangers: Vec<DangerType>,
    /// To whom.
    pub subjects: Vec<Holder>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when somebody looks at it again, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<String>,
    /// Since when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Instant>,
}

/// A role, as it was when the inventory was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Given {
    /// Which.
    pub role: RoleRef,
    /// Of a Role: where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// By resource, `get,list,watch pods`.
    pub gives: Vec<String>,
}

/// All standing access to protected namespaces at one time: also what a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// When it was taken.
    pub taken_at: Instant,
    /// When somebody last looked and found the same.
    pub seen_until: Instant,
    /// What was protected.
    pub namespaces: Vec<String>,
    /// What nobody has marked; not kept in snapshots.
    #[serde(skip)]
    pub unmarked: Vec<String>,
    /// The broadest first.
    pub bindings: Vec<Held>,
    /// What their roles gave.
    pub roles: Vec<Given>,
}
impl Inventory {
    /// Whether both say the same, whenever they were taken.
    pub fn says_what(&self, other: &Self) -> bool {
        (&self.namespaces, &self.bindings, &self.roles) == (&other.namespaces, &other.bindings, &other.roles)
    }
    /// Only what reaches this namespace.
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespaces.retain(|n| n == namespace);
        self.unmarked.retain(|n| n == namespace);
        let is_protected = !self.namespaces.is_empty();
        self.bindings.retain(|held| is_protected && held.namespace.as_ref().is_none_or(|n| n == namespace));
        self.roles.retain(|given| self.bindings.iter().any(|held| given.is_of(held)));
        self
    }
    /// How many users and groups hold something in each protected namespace, each counted once.
    pub fn holders(&self) -> BTreeMap<String, usize> {
        let of = |namespace: &String| {
            let reaches =
                |held: &&Held| held.level.is_some() && held.namespace.as_ref().is_none_or(|of| of == namespace);
            let people = self.bindings.iter().filter(reaches).flat_map(|held| &held.subjects);
            people.filter(|holder| holder.is_person()).collect::<BTreeSet<_>>().len()
        };
        self.namespaces.iter().map(|namespace| (namespace.clone(), of(namespace))).collect()
    }
    /// The same over all of them.
    pub fn people(&self) -> usize {
        let held = self.bindings.iter().filter(|held| held.level.is_some());
        held.flat_map(|held| &held.subjects).filter(|h| h.is_person()).collect::<BTreeSet<_>>().len()
    }
}
impl Given {
    fn is_of(&self, held: &Held) -> bool {
        let place = held.namespace.as_deref().filter(|_| held.role.kind == RoleKind::Role);
        self.role == held.role && self.namespace.as_deref() == place
    }
}

/// What these bindings amount to. One whose role gives nothing in a namespace is left out.
pub fn inventory(protected: Vec<String>, bounds: Vec<Bound>, roles: &[RoleSeen], at: Instant) -> Inventory {
    let rules = |bound: &Bound| {
        let seen = |seen: &&RoleSeen| seen.access == bound.role.to_string() && seen.namespace == bound.place();
        roles.iter().find(seen).and_then(|seen| seen.rules.as_deref())
    };
    let matters = |bound: &Bound| rules(bound).is_none_or(role::reaches_namespaces);
    let mut given: BTreeMap<(String, String), Given> = BTreeMap::new();
    let mut bindings = vec![];
    for bound in bounds.into_iter().filter(|bound| matters(bound)) {
        let rules = rules(&bound);
        if let Some(rules) = rules {
            let key = (bound.place().to_owned(), bound.role.to_string());
            given.entry(key).or_insert_with(|| gives(&bound, rules));
        }
        bindings.push(Held {
            level: rules.map(role::least_level),
            dangers: rules.map(role::dangers).unwrap_or_default().into_iter().map(|danger| danger.type_).collect(),
            namespace: bound.namespace,
            binding: bound.name,
            role: bound.role,
            subjects: bound.subjects,
            owner: bound.owner,
            review_by: bound.review_by,
            made: bound.made,
        });
    }
    bindings.sort_by(|one, other| rank(one).cmp(&rank(other)));
    let (roles, unmarked) = (given.into_values().collect(), vec![]);
    Inventory { taken_at: at, seen_until: at, namespaces: protected, unmarked, bindings, roles }
}

/// Broad admin first: by level, everywhere before somewhere, the most dangers before fewer.
fn rank(held: &Held) -> (Reverse<Option<Level>>, bool, Reverse<usize>, &Option<String>, &str) {
    let is_local = held.namespace.is_some();
    (Reverse(held.level), is_local, Reverse(held.dangers.len()), &held.namespace, &held.binding)
}

fn gives(bound: &Bound, rules: &[k8s_openapi::api::rbac::v1::PolicyRule]) -> Given {
    let (permissions, is_cut) = role::permissions(rules);
    let mut gives: Vec<_> = role::in_lines(&permissions);
    if is_cut || gives.len() > MOST_LINES {
        gives.truncate(MOST_LINES - 1);
        gives.push("…".to_owned());
    }
    let namespace = Some(bound.place().to_owned()).filter(|place| !place.is_empty());
    Given { role: bound.role.clone(), namespace, gives }
}

/// What somebody has to do about a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Need {
    /// Nobody answers for it.
    Owner,
    /// Nobody says when it is looked at again.
    ReviewBy,
    /// When is no day.
    Day,
    /// The day is over.
    Review,
    /// The day is too far ahead.
    Sooner,
    /// There is no such role: whoever makes one gives it to the subjects.
    Role,
}
impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Owner => "an owner",
            Self::ReviewBy => "a review-by",
            Self::Day => "a review-by like 2026-12-24",
            Self::Review => "its review",
            Self::Sooner => "a review-by within 92 days",
            Self::Role => "a role that exists, or to go",
        })
    }
}

/// What a binding lacks on that day (G9).
pub fn needs(held: &Held, today: NaiveDate) -> Vec<Need> {
    let mut needs = vec![];
    needs.extend(held.level.is_none().then_some(Need::Role));
    needs.extend(held.owner.is_none().then_some(Need::Owner));
    needs.extend(match held.review_by.as_deref().map(day) {
        None => Some(Need::ReviewBy),
        Some(None) => Some(Need::Day),
        Some(Some(by)) if by < today => Some(Need::Review),
        Some(Some(by)) => (by - today > MOST_AHEAD).then_some(Need::Sooner),
    });
    needs
}
/// A day as it must be written: chrono would read others too.
fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok().filter(|_| text.len() == 10 && text.starts_with("20"))
}

/// How a binding differs between two inventories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Turn {
    /// It is there now, and was not.
    Added,
    /// It is another.
    Changed,
    /// It is gone.
    Gone,
}

/// One difference between two inventories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// How.
    pub turn: Turn,
    /// The binding, as it is; if it is gone, as it was.
    #[serde(flatten)]
    pub held: Held,
    /// What is different, in words.
    pub what: String,
}

/// What is different in `after`: added first, then changed, then gone, each with the broadest first.
pub fn changes(before: &Inventory, after: &Inventory) -> Vec<Change> {
    let find = |all: &Inventory, held: &Held| {
        let same = |other: &&Held| (&other.namespace, &other.binding) == (&held.namespace, &held.binding);
        all.bindings.iter().find(same).cloned()
    };
    let is_new = |all: &Inventory, held: &Held| held.namespace.as_ref().is_some_and(|n| !all.namespaces.contains(n));
    let (mut changes, mut gone) = (vec![], vec![]);
    for held in &after.bindings {
        let change = match find(before, held) {
            None if is_new(before, held) => Some((Turn::Added, "its namespace was not protected then".to_owned())),
            None => Some((Turn::Added, String::new())),
            Some(old) => Some(difference(&old, held)).filter(|d| !d.is_empty()).map(|d| (Turn::Changed, d)),
        };
        changes.extend(change.map(|(turn, what)| Change { turn, held: held.clone(), what }));
    }
    for held in before.bindings.iter().filter(|held| find(after, held).is_none()) {
        let what = if is_new(after, held) { "its namespace is not protected any more" } else { "" };
        gone.push(Change { turn: Turn::Gone, held: held.clone(), what: what.to_owned() });
    }
    changes.sort_by_key(|change| change.turn);
    changes.into_iter().chain(gone).collect()
}

fn difference(old: &Held, new: &Held) -> String {
    let mut words = vec![];
    let without = |one: &[Holder], other: &[Holder]| {
        let only: Vec<_> = one.iter().filter(|holder| !other.contains(holder)).map(ToString::to_string).collect();
        (!only.is_empty()).then(|| text::few(only, 8))
    };
    words.extend(without(&new.subjects, &old.subjects).map(|who| format!("for {who} too")));
    words.extend(without(&old.subjects, &new.subjects).map(|who| format!("no more for {who}")));
    let level = |level: Option<Level>| level.map_or("nothing".to_owned(), |level| format!("{level:?}"));
    if old.level != new.level {
        words.push(format!("gives {} instead of {}", level(new.level), level(old.level)));
    } else if old.role != new.role || old.dangers != new.dangers {
        words.push(format!("gives {} in another way", level(new.level)));
    }
    let note = |note: &Option<String>| note.clone().unwrap_or("none".to_owned());
    for (what, was, is) in [("owner", &old.owner, &new.owner), ("review-by", &old.review_by, &new.review_by)] {
        words.extend((was != is).then(|| format!("{what} {} instead of {}", note(is), note(was))));
    }
    words.extend((old.made != new.made).then(|| "made anew".to_owned()));
    words.join("; ")
}

#[cfg(test)]
mod tests;
