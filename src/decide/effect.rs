//! What the core may ask of the world, and what the world may answer: closed sets.
use super::role::Permission;
use crate::api::grant::AccessGrant;
use crate::api::subject::RoleRef;
use chrono::{DateTime, Utc};
use k8s_openapi::api::{batch::v1::Job, rbac::v1::RoleBinding};
use kube::{Resource, ResourceExt};

/// One object and no other: a delete of it carries the UID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Its namespace; `None` where the kind has none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}
impl Identity {
    /// The identity of an object that was read.
    pub fn of<K: Resource>(object: &K) -> Self {
        Self { namespace: object.namespace(), name: object.name_any(), uid: object.uid().unwrap_or_default() }
    }
}

/// One write. Whole objects or exact identities: nothing is left to choose when it is performed.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Makes the record.
    CreateGrant(Box<AccessGrant>),
    /// Makes the Job that ends the access also when the operator is dead.
    CreateFuse(Box<Job>),
    /// Makes the access.
    CreateBinding(Box<RoleBinding>),
    /// Ends the access.
    DeleteBinding(Identity),
    /// Takes the fuse away, and with it what it owns.
    DeleteFuse(Identity),
    /// Takes the record away after its retention.
    DeleteGrant(Identity),
}

/// What became of a write that did not fail. A failure is an `Err`, and is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// An object of that name is there: the next read says whose.
    AlreadyThere,
    /// Nothing of that identity is there (any more).
    AlreadyGone,
    /// The server will not have it, now or later: its words are for people, so the core decides again with them.
    Refused(String),
}

/// What the core needs to know and no object says. A question never changes anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// A forged decision on this request, as a dry run: is it refused, and by our policy?
    IsAdmissionLive {
        /// The request's namespace.
        namespace: String,
        /// Its name.
        request: String,
    },
    /// SubjectAccessReview: may this person do that there?
    IsAllowed {
        /// The user name.
        user: String,
        /// Their groups.
        groups: Vec<String>,
        /// Where.
        namespace: String,
        /// What.
        permission: Permission,
    },
    /// SelfSubjectAccessReview: may the operator bind this role there?
    MayBind {
        /// Where; empty: everywhere.
        namespace: String,
        /// Which role.
        role: RoleRef,
    },
    /// Has the namespace fewer live grants than this?
    HasRoom {
        /// Which namespace.
        namespace: String,
        /// The most it may have.
        limit: usize,
    },
    /// Has no other request of this person under this policy been decided on by this merged change?
    IsChangeUnspent {
        /// The user name.
        user: String,
        /// The policy.
        policy: String,
        /// The change, as its URL.
        change: String,
        /// The UID of the request that is judged.
        request: String,
    },
    /// Did rules approve fewer requests of this person under this policy since then?
    HasAutoApprovals {
        /// Whose requests.
        user: String,
        /// Under which policy.
        policy: String,
        /// Since when.
        since: DateTime<Utc>,
        /// The most that they may approve.
        limit: usize,
    },
    /// A fuse in that namespace, as a dry run: would it be accepted?
    IsFuseAccepted {
        /// The fuse that would be made.
        fuse: Box<Job>,
    },
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// Whether it is so.
    pub yes: bool,
    /// The server's words: what allows it, or why not.
    pub words: String,
}
