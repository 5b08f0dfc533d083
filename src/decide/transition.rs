//! What changed between two statuses. Events, metrics and the timeline all come from here.
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
