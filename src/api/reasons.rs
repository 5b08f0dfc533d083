//! The closed vocabulary: one enum per condition, its variants the reasons, their doc comments the reference.
//!
//! A reason knows its condition and its status, so that no two places can disagree about them. `docs/reference.md` is
//! generated from [`reference()`].
use super::{Conditions, time::Instant};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumMessage, IntoStaticStr, VariantArray};

/// `status` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It is not known yet.
    Unknown,
}

/// A reason of one condition.
pub trait Reason: Copy + Into<&'static str> + EnumMessage + VariantArray {
    /// The condition's `type`.
    const CONDITION: &'static str;
    /// The condition's `status`, which follows from the reason.
    fn truth(self) -> Truth;
}

/// `Ready`: whether requests can be granted under a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum Ready {
    /// It says who approves, with what evidence, and when access ends; every role can be bound.
    Complete,
    /// No step names anybody who could approve, so nothing is granted.
    NoApprovers,
    /// A step cannot be met by two different people: name a group, or more users.
    SingleApprover,
    /// A `when` of a step or a rule cannot be read, or is no yes or no: the message says where in it.
    BadExpression,
    /// The ticket pattern accepts anything, or cannot be read: no request would have to name a task.
    NoEvidence,
    /// A role that it offers does not exist.
    RoleNotFound,
    /// A role gives more than the level that the policy declares for it.
    LevelMismatch,
    /// A role allows more than a record can hold, or what cannot be written there: offer a smaller one.
    RoleTooLarge,
    /// The operator may not bind a role: name it in the chart's `grantableRoles`.
    MayNotBind,
    /// A role is on the list of those that are never granted.
    NeverGranted,
    /// The calendar cannot be read: an unknown time zone, or no work day.
    BadCalendar,
    /// `duration.max` is above the operator's `--max-duration`.
    DurationAboveCap,
    /// A covered namespace refuses the fuse, so access there could outlive a dead operator.
    FuseRefused,
    /// Fuses do not burn in this cluster, so access could outlive a dead operator.
    FusesDoNotBurn,
}
impl Reason for Ready {
    const CONDITION: &'static str = "Ready";
    fn truth(self) -> Truth {
        if self == Self::Complete { Truth::True } else { Truth::False }
    }
}

/// `Screened`: whether the request says what its policy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum Screened {
    /// Every check passed: those in `waitingFor` may decide.
    Complete,
    /// Something is missing, vague or not free yet: correct the manifest and apply it again, or wait where `checks` says so.
    Incomplete,
    /// Somebody who decides asked for more detail: correct the manifest and apply it again.
    DetailRequested,
    /// It can never be granted: `checks` says why. File a new one.
    Refused,
}
impl Reason for Screened {
    const CONDITION: &'static str = "Screened";
    fn truth(self) -> Truth {
        if self == Self::Complete { Truth::True } else { Truth::False }
    }
}

/// `Approved`: what those who decide made of a request. Final once it is not `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum Approved {
    /// Not everybody who must agree has done so: `waitingFor` names them.
    Waiting,
    /// Access was given at once, before anybody had agreed: it goes on only if those in `waitingFor` agree, and its note is written, before it ends.
    AtOnce,
    /// Every step is met, or a rule of the policy agreed.
    StepsMet,
    /// Nobody approved: nobody answered in an emergency, and who asked went on alone, as the policy allows.
    SelfApproved,
    /// One of those who decide said no, or a rule of the policy did.
    Denied,
    /// Nobody decided, nothing was corrected, or of an access that was given at once no note was written, in time.
    TimedOut,
    /// It was closed before it was decided.
    Withdrawn,
    /// Its role grew after somebody had agreed, so that they agreed to less: file a new request.
    RoleChanged,
}
impl Reason for Approved {
    const CONDITION: &'static str = "Approved";
    fn truth(self) -> Truth {
        match self {
            Self::Waiting | Self::AtOnce => Truth::Unknown,
            Self::StepsMet | Self::SelfApproved => Truth::True,
            Self::Denied | Self::TimedOut | Self::Withdrawn | Self::RoleChanged => Truth::False,
        }
    }
}

/// `SecondStage`: the second access of a request that asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum SecondStage {
    /// It was agreed to: its requester starts it with a finding in status.then, while the first access holds.
    Agreed,
    /// The finding does not say what was found: its requester writes status.then again.
    VagueFinding,
    /// Nothing begins at the moment: it was started, and begins as soon as it may, while the first access holds.
    Held,
    /// It was started: status.thenGrant is its record.
    Started,
    /// The first access ended before it was started: file a new request.
    Lapsed,
}
impl Reason for SecondStage {
    const CONDITION: &'static str = "SecondStage";
    fn truth(self) -> Truth {
        match self {
            Self::Agreed | Self::VagueFinding | Self::Held => Truth::Unknown,
            Self::Started => Truth::True,
            Self::Lapsed => Truth::False,
        }
    }
}

/// `Active` before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum BeginReason {
    /// It begins by itself at `notBefore`; nothing is bound before.
    Scheduled,
    /// The fuse is being made.
    Preparing,
    /// Admission does not protect decisions at the moment: nothing begins.
    Unguarded,
    /// The operator's clock and the API server's disagree: nothing begins.
    ClockSkew,
    /// Fuses do not burn in this cluster, and the installation then grants nothing.
    FusesDoNotBurn,
    /// The namespace refuses the fuse: nothing begins.
    FuseRefused,
    /// The API server refuses the binding: nothing begins.
    BindingRefused,
    /// An object that is not ours has the name of the fuse or the binding: delete it.
    NameTaken,
    /// Its policy was changed after the decision, and under the new text nothing can begin at the moment.
    PolicyChanged,
    /// The namespace has as many live grants as the installation allows.
    NamespaceFull,
    /// The binding exists: access holds until `expiresAt`.
    Bound,
}
impl Reason for BeginReason {
    const CONDITION: &'static str = "Active";
    fn truth(self) -> Truth {
        if self == Self::Bound { Truth::True } else { Truth::False }
    }
}

/// What was decided about a request, and `Active` of a grant that was not approved.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumMessage, VariantArray,
)]
pub enum Outcome {
    /// Everybody who must agree did, or a rule of the policy: access follows.
    Approved,
    /// Somebody who decides said no, or a rule of the policy did: nothing was granted.
    Denied,
    /// Nobody decided in time: nothing was granted.
    TimedOut,
    /// It was closed before it was decided: nothing was granted.
    Withdrawn,
    /// Its role grew after somebody had agreed to it: nothing was granted.
    RoleGrew,
    /// Everybody who must agree did, and the policy's mode is `DryRun`: nothing was granted.
    DryRun,
}
impl Reason for Outcome {
    const CONDITION: &'static str = "Active";
    fn truth(self) -> Truth {
        Truth::False
    }
}

/// `Active` after the end, and `endReason`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumMessage, VariantArray,
)]
pub enum EndReason {
    /// Its time was up.
    Expired,
    /// The requester ended it.
    Closed,
    /// Somebody else ended it: `endedBy` says who.
    Revoked,
    /// Its request was deleted; the API server's audit log says by whom.
    RequestDeleted,
    /// Its binding was deleted by hand; the API server's audit log says by whom.
    BindingDeleted,
    /// Its fuse was deleted by hand or burned early; the API server's audit log says by whom.
    FuseBurned,
    /// Its namespace was deleted.
    NamespaceDeleted,
    /// Its binding was not what was made, or was changed by hand, so it was deleted.
    Tampered,
    /// Its role grew: it gave more than what was agreed to. The API server's audit log says who changed it.
    RoleChanged,
    /// Its person missed a duty, of this access or of an earlier one.
    DutyMissed,
    /// Nobody used it for as long as its policy said (`duration.unusedAfter`).
    Unused,
    /// It could not begin in time, or what it was agreed under did not hold any more when it was to begin.
    NeverStarted,
}
impl Reason for EndReason {
    const CONDITION: &'static str = "Active";
    fn truth(self) -> Truth {
        Truth::False
    }
}

/// `RemovalVerified`: whether the API server itself says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum RemovalVerified {
    /// The API server denies everything that the grant added.
    Removed,
    /// Another binding still allows some of what the grant added: the message names it.
    StillAllowed,
    /// Another temporary access, such as its renewal, allows some of what it added: asked again until that has ended.
    HeldByAnother,
}
impl Reason for RemovalVerified {
    const CONDITION: &'static str = "RemovalVerified";
    fn truth(self) -> Truth {
        match self {
            Self::Removed => Truth::True,
            Self::StillAllowed => Truth::False,
            Self::HeldByAnother => Truth::Unknown,
        }
    }
}

/// `DutiesMet`: whether what is owed for an access was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum DutiesMet {
    /// Something is owed, and there is time left: `status.owed` says what, by whom and until when.
    Open,
    /// Everything that was owed was done.
    Met,
    /// Everything that was owed was done, or a reviewer wrote that it need not be.
    Waived,
    /// Nothing is owed, as access never began.
    NothingOwed,
    /// Something was not done in time: `status.owed` says what, what follows, and how to put it right.
    Overdue,
}
impl Reason for DutiesMet {
    const CONDITION: &'static str = "DutiesMet";
    fn truth(self) -> Truth {
        match self {
            Self::Open => Truth::Unknown,
            Self::Met | Self::Waived | Self::NothingOwed => Truth::True,
            Self::Overdue => Truth::False,
        }
    }
}

/// What a reader of a record must not miss.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumMessage, VariantArray,
)]
pub enum FlagType {
    /// The binding was not what the operator had made, or was changed by hand.
    ExternallyModified,
    /// The role gave more than what was agreed to, from when it was changed until the access was ended.
    RoleGrew,
    /// The record was changed past Curfew: an entry of its timeline does not follow from what is before it.
    ChainBroken,
    /// More happened than the timeline has places for: the rest is in Events and log only.
    TimelineFull,
    /// A duty of this grant was not done in time; `clearedBy` says who did it later, or waived it.
    DutyOverdue,
    /// Access was given at once, in an emergency, and ended before anybody had agreed; `clearedBy` says who reviewed it.
    NotApproved,
    /// Nobody approved it: who asked went on alone in an emergency; `clearedBy` says who reviewed it.
    SelfApproved,
    /// The access was ended because its person had missed a duty, of this grant or of another: the message names it.
    EndedForDuty,
    /// Data may have been taken out: Secrets were read, a tool that copies or dumps was run in a container, or very much was listed.
    DataExtraction,
    /// More calls in a minute than the installation takes for usual.
    HighVolume,
    /// Its person tried what they may not, in that namespace, while the access held.
    RefusedCalls,
}

/// Sets one condition; `lastTransitionTime` moves only with its status.
pub fn set<R: Reason>(
    status: &mut impl Conditions,
    reason: R,
    message: impl Into<String>,
    generation: Option<i64>,
    now: Instant,
) {
    let truth: &'static str = reason.truth().into();
    let new = Condition {
        type_: R::CONDITION.into(),
        status: truth.into(),
        reason: reason.into().to_owned(),
        message: message.into(),
        observed_generation: generation,
        last_transition_time: Time::from(now),
    };
    let conditions = status.conditions_mut();
    match conditions.iter_mut().find(|c| c.type_ == R::CONDITION) {
        Some(old) => {
            let since = if old.status == new.status {
                old.last_transition_time.clone()
            } else {
                new.last_transition_time.clone()
            };
            *old = Condition { last_transition_time: since, ..new };
        }
        None => conditions.push(new),
    }
}

/// Whether a condition has this reason now.
pub fn is<R: Reason>(status: &impl Conditions, reason: R) -> bool {
    status.conditions().iter().any(|c| c.type_ == R::CONDITION && c.reason == reason.into())
}

/// Every reason with its meaning: `(condition, status, reason, meaning)`.
pub fn reference() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    fn rows<R: Reason + 'static>(into: &mut Vec<(&'static str, &'static str, &'static str, &'static str)>) {
        into.extend(
            R::VARIANTS
                .iter()
                .map(|r| (R::CONDITION, r.truth().into(), (*r).into(), r.get_documentation().unwrap_or_default())),
        );
    }
    let mut all = Vec::new();
    rows::<Ready>(&mut all);
    rows::<Screened>(&mut all);
    rows::<Approved>(&mut all);
    rows::<SecondStage>(&mut all);
    rows::<BeginReason>(&mut all);
    rows::<Outcome>(&mut all);
    rows::<EndReason>(&mut all);
    rows::<RemovalVerified>(&mut all);
    rows::<DutiesMet>(&mut all);
    all
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reason_is_explained_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (condition, _, reason, meaning) in super::reference() {
            assert!(meaning.ends_with('.'), "{condition}/{reason} has no sentence");
            assert!(seen.insert((condition, reason)), "{condition}/{reason} twice");
        }
    }
}
