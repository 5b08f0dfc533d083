//! What can go wrong on the way to the API server. Everything here is worth another try.
use strum::IntoStaticStr;

/// Which call it was: also the metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each name says what the call does")]
pub enum Operation {
    ReadPolicy,
    ReadRequest,
    ReadGrant,
    ReadFuse,
    ReadBinding,
    ReadNamespace,
    ReadRole,
    ReadAdmission,
    ReadLease,
    ReadEpoch,
    ReadClock,
    ReadSnapshot,
    ReadSelf,
    Ask,
    FileRequest,
    CreateGrant,
    CreateFuse,
    CreateBinding,
    DeleteBinding,
    DeleteFuse,
    DeleteGrant,
    WriteStatus,
    WriteLease,
    WriteEpoch,
    WriteSnapshot,
    WriteEvent,
    Watch,
}
impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&<&str>::from(*self).replace('_', " "))
    }
}

/// A call that failed. `Display` leaves the source out: the log walks the chain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server, or the way to it, failed.
    #[error("failed to {operation}")]
    Kube {
        /// Which call.
        operation: Operation,
        /// What was said.
        source: Box<kube::Error>,
    },
    /// No answer within [`super::DEADLINE`].
    #[error("failed to {operation} in time")]
    Deadline {
        /// Which call.
        operation: Operation,
    },
}
impl Error {
    /// The label of `curfew_failed_calls_total`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Kube { operation, .. } | Self::Deadline { operation } => (*operation).into(),
        }
    }
    /// The HTTP status that the server answered with, if it did.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Kube { source, .. } => match source.as_ref() {
                kube::Error::Api(said) => Some(said.code),
                _ => None,
            },
            Self::Deadline { .. } => None,
        }
    }
    /// What the server said, if it said something.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Kube { source, .. } => match source.as_ref() {
                kube::Error::Api(said) => Some(&said.message),
                _ => None,
            },
            Self::Deadline { .. } => None,
        }
    }
}
