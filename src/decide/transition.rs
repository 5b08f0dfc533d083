//! What changed between two statuses. Events, metrics and the timeline all come from here.
use crate::api::grant::{AccessGrantStatus, Flag};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// One fact that became true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The condition's type.
    pub condition: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Its reason.
    pub reason: String,
    /// The reason that it replaces; empty where the condition is new.
    pub before: String,
    /// The same in words.
    pub message: String,
}
/// What a flag of a record is the transition of, as if it were a condition.
pub const FLAGGED: &str = "Flagged";

impl std::fmt::Display for Transition {
    /// `CONDITION=STATUS/REASON`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}/{}", self.condition, self.status, self.reason)
    }
}

/// What a grant's status says for the first time: its flags, then its conditions.
pub fn of_grant(old: Option<&AccessGrantStatus>, new: &AccessGrantStatus) -> Vec<Transition> {
    let (flags, conditions) = old.map_or((&[][..], &[][..]), |s| (&s.flags, &s.conditions));
    let is_new = |flag: &&Flag| flags.iter().all(|old| old.type_ != flag.type_);
    new.flags.iter().filter(is_new).map(of_flag).chain(between(conditions, &new.conditions)).collect()
}
/// That a flag was raised.
pub fn of_flag(flag: &Flag) -> Transition {
    let type_: &str = flag.type_.into();
    Transition {
        condition: FLAGGED.into(),
        status: "True".into(),
        reason: type_.into(),
        before: String::new(),
        message: flag.message.clone(),
    }
}

/// The conditions whose status or reason differs, in the order of the new list.
pub fn between(old: &[Condition], new: &[Condition]) -> Vec<Transition> {
    let same = |o: &&Condition, n: &Condition| o.type_ == n.type_;
    new.iter()
        .filter(|n| !old.iter().any(|o| same(&o, n) && o.status == n.status && o.reason == n.reason))
        .map(|n| Transition {
            condition: n.type_.clone(),
            status: n.status.clone(),
            reason: n.reason.clone(),
            before: old.iter().find(|o| same(o, n)).map(|o| o.reason.clone()).unwrap_or_default(),
            message: n.message.clone(),
        })
        .collect()
}
