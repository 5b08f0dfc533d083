//! People and roles, as the API server names them.
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a name is a person's or a group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SubjectKind {
    /// One person, by their user name.
    User,
    /// Everybody whom the API server's authentication puts into this group.
    Group,
}

/// A user or a group, as the API server names them (`kubectl auth whoami`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("self.name.trim() == self.name", "must not begin or end with a blank"))]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// `User` or `Group`.
    pub kind: SubjectKind,
    /// The name that the API server's authentication gives.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.kind, self.name)
    }
}

/// What kind of role is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RoleKind {
    /// A role of the whole cluster, bound in one namespace.
    ClusterRole,
    /// A role of the request's own namespace.
    Role,
}

/// The role that is bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleRef {
    /// `ClusterRole`, or a `Role` of the request's namespace.
    pub kind: RoleKind,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
impl std::fmt::Display for RoleRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.kind, self.name)
    }
}

/// How much an access lets somebody do, least first (B14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Level {
    /// get, list and watch; no secrets, no exec.
    ReadOnly,
    /// Changes that are undone easily, such as a restart; exec into containers.
    LimitedWrite,
    /// Creates, changes and deletes; reads secrets.
    Write,
    /// Wildcards, and whatever leads to more rights: bind, escalate, impersonate, tokens, writes to RBAC.
    Admin,
}
