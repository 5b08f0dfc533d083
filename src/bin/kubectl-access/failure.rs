//! What went wrong, in plain words, and what the process exits with.
use curfew::cluster::{Error, connect::NoWay};
use curfew::decide::text;
use std::process::ExitCode;

/// The most characters of what the API server says.
const MOST: usize = 4096;

/// Why a verb did not do what was asked. `Display` is what the person reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something failed: 1.
    Error(String),
    /// It was asked for in a way that cannot be meant: 2.
    Usage(String),
    /// The API server, a policy or a person said no: 3.
    Denied(String),
    /// What was waited for did not come in time: 4.
    TimedOut(String),
    /// A command that was run ended with this code, and has said why itself.
    Exited(u8),
    /// What was looked for was found, and is no good news: 1. This is the data.
    Found(String),
}
impl Failure {
    /// Stable: scripts rely on it.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Error(_) | Self::Found(_) => 1,
            Self::Usage(_) => 2,
            Self::Denied(_) => 3,
            Self::TimedOut(_) => 4,
            Self::Exited(code) => *code,
        })
    }
    /// There is no object of that name.
    pub fn not_found(what: &str, name: &str, place: &str) -> Self {
        Self::Error(format!("there is no {what} `{}` in {}", text::line(name, 253), text::line(place, 63)))
    }
}
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(words) | Self::Usage(words) | Self::Denied(words) | Self::TimedOut(words) => f.write_str(words),
            Self::Exited(code) => write!(f, "the command ended with {code}"),
            Self::Found(_) => f.write_str("something was found"),
        }
    }
}
impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Some(words) = error.words() else {
            return match &error {
                Error::Deadline { .. } => {
                    Self::TimedOut("the API server did not answer in time (--request-timeout)".into())
                }
                Error::Kube { .. } => Self::Error(chain(&error)),
            };
        };
        let said = text::line(plain(words), MOST);
        match error.code() {
            Some(401) => Self::Denied(format!("the API server does not know who you are: {said}")),
            Some(403) => Self::Denied(said),
            Some(404) if words.contains("could not find the requested resource") => {
                Self::Error("Curfew is not installed in this cluster: it has no AccessRequests".into())
            }
            _ => Self::Error(said),
        }
    }
}
impl From<NoWay> for Failure {
    fn from(error: NoWay) -> Self {
        Self::Error(chain(&error))
    }
}
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Error(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Error(text::line(&error.to_string(), MOST))
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |e| (*e).source()).map(ToString::to_string);
    text::line(&causes.collect::<Vec<_>>().join(": "), MOST)
}

/// The words that are meant for people: what an admission rule says, alone, and of a refused object what is wrong with it.
fn plain(words: &str) -> &str {
    if let Some((_, said)) = words.split_once("denied request: ") {
        return said;
    }
    match words.split_once(" is invalid: ") {
        Some((object, said)) if object.contains("curfew.dev") => said,
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curfew::cluster::Operation;
    use kube::core::{Status, response::StatusSummary};

    fn said(code: u16, words: &str) -> Failure {
        let status = Status { status: Some(StatusSummary::Failure), code, message: words.into(), ..Status::default() };
        let source = Box::new(kube::Error::Api(Box::new(status)));
        Error::Kube { operation: Operation::WriteStatus, source }.into()
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words_and_acts_on_no_terminal() {
        for (code, words, failure) in [
            (
                403,
                "accessrequests.curfew.dev \"sup-1\" is forbidden: ValidatingAdmissionPolicy 'curfew-request-status' with \
                 binding 'curfew-request-status' denied request: nobody decides their own request",
                Failure::Denied("nobody decides their own request".into()),
            ),
            (
                422,
                "AccessRequest.curfew.dev \"sup-1\" is invalid: spec.reason: Invalid value: \"x\": too short\u{1b}[2J",
                Failure::Error("spec.reason: Invalid value: \"x\": too short\\u{1b}[2J".into()),
            ),
            (
                403,
                "pods is forbidden: User \"alice\" cannot list resource \"pods\"",
                Failure::Denied("pods is forbidden: User \"alice\" cannot list resource \"pods\"".into()),
            ),
            (
                404,
                "the server could not find the requested resource",
                Failure::Error("Curfew is not installed in this cluster: it has no AccessRequests".into()),
            ),
        ] {
            assert_eq!(said(code, words), failure);
        }
        assert!(matches!(
            Failure::from(Error::Deadline { operation: Operation::ReadGrant }),
            Failure::TimedOut(words) if words.contains("--request-timeout")
        ));
    }
}
