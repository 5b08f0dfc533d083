//! Whether a request says what its policy asks: an ordered list of small checks.
//!
//! [`CHECKS`] is the product's checklist: `status.checks[]`, the reference and the tests walk it, so a check cannot
//! exist in one of them only. Every check runs, so that all gaps are named at once (B17).
pub mod checks;
pub mod evidence;
pub mod pattern;
pub mod words;

use super::duties::Missed;
use super::edits::Edits;
use super::matrix::Judgement;
use super::renewal::{self, Renews};
use super::second::{self, Stage};
use super::{Audit, Installation, lane, role, term, text};
use crate::api::grant::AccessGrant;
use crate::api::policy::{Access, AccessPolicy, AccessPolicySpec};
use crate::api::reasons::{Reason, Screened};
use crate::api::request::{self, AccessRequest, Lane, Requester};
use crate::api::subject::{Subject, SubjectKind};
use crate::api::time::{self, Instant, Span};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::{core::v1::Namespace, rbac::v1::PolicyRule};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use std::sync::Arc;
use strum::{EnumMessage, IntoStaticStr, VariantArray};

pub use checks::{CHECKS, readiness};

/// The most characters of one check's message.
const MOST: usize = 1536;
/// And of the condition's, which has the gaps of all checks.
const MOST_IN_ALL: usize = 2048;

/// What was read for a request. References only.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The request.
    pub request: &'a AccessRequest,
    /// The policy that it names, by the [law](super::edits::law) of this request; `None`: there is none of that name.
    pub policy: Option<&'a AccessPolicy>,
    /// What became of the policy since the request was filed.
    pub edits: &'a Edits,
    /// Every policy, for the list in a refusal.
    pub policies: &'a [Arc<AccessPolicy>],
    /// The request's namespace.
    pub namespace: Option<&'a Namespace>,
    /// What the role allows that the chosen access names, read live; `None`: there is no such role.
    pub rules: Option<&'a [PolicyRule]>,
    /// The same for the access that is asked for second.
    pub then_rules: Option<&'a [PolicyRule]>,
    /// This person's grants that have not ended, under any policy.
    pub live: &'a [Arc<AccessGrant>],
    /// This person's records here for the same ticket under the same policy, ended ones too, and those of the request that
    /// it renews.
    pub earlier: &'a [Arc<AccessGrant>],
    /// This person's undecided requests under the policy, in all namespaces.
    pub pending: &'a [ObjectMeta],
    /// What this person missed and has not made good, under any policy.
    pub missed: &'a [Missed],
    /// Whether anybody watches what is done with access.
    pub audit: Audit,
    /// What the installation fixes.
    pub installation: &'a Installation,
    /// When it is screened.
    pub now: DateTime<Utc>,
}

/// A request with everything that it names resolved.
#[derive(Clone, Copy, Debug)]
pub struct Filing<'a> {
    /// The request.
    pub request: &'a AccessRequest,
    /// Its policy.
    pub policy: &'a AccessPolicy,
    /// What it asks for: named, or the policy's first.
    pub access: &'a Access,
    /// Where.
    pub namespace: &'a Namespace,
    /// What the role allows.
    pub rules: &'a [PolicyRule],
    /// The entry of the policy's `requesters` that lets this person ask.
    pub entitled_by: &'a Subject,
    /// What was asked for, or the policy's default.
    pub duration: TimeDelta,
    /// What it renews.
    pub renews: Option<Renews<'a>>,
    /// What is asked for second.
    pub then: Option<Stage<'a>>,
    /// What the installation fixes.
    pub installation: &'a Installation,
    /// When.
    pub now: DateTime<Utc>,
}

impl Filing<'_> {
    /// Which way it takes.
    pub fn lane(&self) -> Lane {
        lane::of(&self.request.spec)
    }
    /// When access begins that is agreed to at this instant: then, at the time asked for, or when the access ends that it
    /// renews, whichever is last.
    pub fn begins(&self, agreed: DateTime<Utc>) -> DateTime<Utc> {
        let begins = term::begins(self.request, agreed);
        self.renews.map_or(begins, |renews| renews.begins(Instant::new(begins)).get().max(begins))
    }
}

/// Why a check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum Code {
    /// No policy has that name: the message lists those that there are, and safer methods.
    PolicyNotFound,
    /// The policy does not cover this namespace.
    NamespaceNotCovered,
    /// The policy does not let this person ask.
    NotEligible,
    /// The policy does not let whoever filed it file for others.
    FilerNotListed,
    /// A `system:` name: access is for people.
    NotAPerson,
    /// Several people share this account, so nobody could tell who did what.
    SharedAccount,
    /// A step that is needed could only be met by the requester, or no step is needed and no rule agrees.
    NoApprover,
    /// The ticket is not of the form that the policy asks for.
    TicketInvalid,
    /// What is at stake is no emergency, or the policy has no lane for one: file it as routine.
    NotAnEmergency,
    /// `emergency.whySelf` is given, and nobody goes on alone under this policy: leave it out.
    NotAlone,
    /// The reason does not say what is wrong and what is to be reached, or an answer says nothing.
    VagueReason,
    /// The policy asks for evidence that is not there: the message names all of it, with an example each.
    MissingEvidence,
    /// `data` names no records and no fields, or more records than the policy allows in one request.
    ScopeTooBroad,
    /// More time than the lowest maximum allows.
    DurationTooLong,
    /// `startTime` or `startDeadline` was past when the request was filed.
    StartPassed,
    /// `startTime` or `startDeadline` is too far ahead.
    StartTooFar,
    /// The policy offers no access of that name.
    AccessNotOffered,
    /// More of the same within 24 hours is a renewal: the message names the request to put into `renewal.of`.
    RenewalRequired,
    /// A renewal asks for more than it renews: another policy or ticket, or a higher access. That is a new task.
    RenewalWidens,
    /// As much live access, undecided requests or renewals as the policy allows one person; screened again by itself.
    LimitReached,
    /// The requester missed a duty under this policy: the message names it, and how to do it; screened again by itself.
    DutyOverdue,
    /// Nothing can be granted under the policy at the moment; screened again when it can.
    PolicyNotReady,
    /// The policy was edited since it was filed, and the two texts cannot both be held to: file it anew.
    PolicyEdited,
}
impl Code {
    /// Whether an amended spec, or time, can meet it; else the request is refused for good.
    pub fn is_fixable(self) -> bool {
        match self {
            Self::TicketInvalid
            | Self::NotAnEmergency
            | Self::NotAlone
            | Self::VagueReason
            | Self::MissingEvidence
            | Self::ScopeTooBroad
            | Self::DurationTooLong
            | Self::StartPassed
            | Self::StartTooFar
            | Self::AccessNotOffered
            | Self::RenewalRequired
            | Self::RenewalWidens
            | Self::LimitReached
            | Self::DutyOverdue
            | Self::PolicyNotReady
            | Self::PolicyEdited => true,
            Self::PolicyNotFound
            | Self::NamespaceNotCovered
            | Self::NotEligible
            | Self::FilerNotListed
            | Self::NotAPerson
            | Self::SharedAccount
            | Self::NoApprover => false,
        }
    }
    /// Whether it passes without the requester doing anything.
    pub fn passes_by_itself(self) -> bool {
        matches!(self, Self::LimitReached | Self::DutyOverdue | Self::PolicyNotReady)
    }
}

/// What a check found; the text is for the requester and says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It holds.
    Passed(String),
    /// Nothing is wrong with the request, but those who decide are to read this.
    Noted(String),
    /// Something else is missing, and that says so: this one could not be judged.
    Unknown(String),
    /// It does not hold.
    Failed(Code, String),
}

/// One check.
#[derive(Debug)]
pub struct Criterion {
    /// The name in `status.checks[]`.
    pub name: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// The requirements that it covers.
    pub covers: &'static [&'static str],
    /// Looks.
    pub examine: Examine,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
pub enum Examine {
    /// What was read.
    Seen(fn(&Seen<'_>) -> Finding),
    /// What the policy's approval matrix says of it as well; `None`: something that the request names is not there.
    Judged(fn(&Seen<'_>, Option<&Judgement<'_>>) -> Finding),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Screening<'a> {
    /// One line for each check.
    pub checks: Vec<request::Check>,
    /// `Complete`, `Incomplete` or `Refused`.
    pub screened: Screened,
    /// One line for the condition: every code that failed, and what to do.
    pub message: String,
    /// What those who decide are to read, each led by its check.
    pub notes: Vec<String>,
    /// The request resolved and judged, where everything that it names is there, whatever the checks say.
    pub judgement: Option<Judgement<'a>>,
}

/// Runs every check.
pub fn screen<'a>(seen: &Seen<'a>) -> Screening<'a> {
    let judgement = seen.filing().map(Judgement::of);
    let find = |check: &Criterion| match check.examine {
        Examine::Seen(look) => look(seen),
        Examine::Judged(look) => look(seen, judgement.as_ref()),
    };
    let findings: Vec<_> = CHECKS.iter().map(|check| (check.name, find(check))).collect();
    let (screened, message) = sum_up(&findings, judgement.is_some());
    let note = |(name, finding): &(&str, Finding)| match finding {
        Finding::Noted(words) => Some(format!("{name}: {words}")),
        Finding::Passed(_) | Finding::Unknown(_) | Finding::Failed(..) => None,
    };
    let notes = findings.iter().filter_map(note).collect();
    Screening { checks: findings.into_iter().map(line_of).collect(), screened, message, notes, judgement }
}

/// What the request asks for: the access that it names, or the policy's first.
pub fn access_of<'a>(request: &AccessRequest, policy: &'a AccessPolicy) -> Option<&'a Access> {
    match &request.spec.access {
        None => policy.spec.access.first(),
        Some(name) => policy.spec.access.iter().find(|access| access.name == *name),
    }
}

/// The entry of the policy's `requesters` that lets this person ask; `system:` entries never do. For whom somebody else
/// filed, it is an entry for that User: nobody knows their groups.
pub fn entitlement<'a>(request: &AccessRequest, policy: &'a AccessPolicySpec) -> Option<&'a Subject> {
    entitles(policy, &request.spec.requester, request.spec.filed_by.is_none())
}
/// The same for somebody who has not asked yet.
pub fn entitles<'a>(policy: &'a AccessPolicySpec, who: &Requester, is_own: bool) -> Option<&'a Subject> {
    policy.requesters.iter().filter(|entry| !entry.name.starts_with("system:")).find(|entry| match entry.kind {
        SubjectKind::User => entry.name == who.username,
        SubjectKind::Group => is_own && who.groups.contains(&entry.name),
    })
}

/// When the request was filed; before the API server has said so, now.
pub fn filed_at(request: &AccessRequest, now: DateTime<Utc>) -> DateTime<Utc> {
    time::made(&request.metadata).map_or(now, Instant::get)
}

/// Since when a request is complete, by the conditions of its status; `None`: it is not.
pub fn complete_since(conditions: &[Condition]) -> Option<Instant> {
    let complete = conditions.iter().find(|c| c.type_ == Screened::CONDITION && c.status == "True")?;
    Instant::try_from(&complete.last_transition_time).ok()
}

/// What was asked for, or the policy's default.
fn duration_of(request: &AccessRequest, policy: &AccessPolicy) -> TimeDelta {
    request.spec.duration.map_or(policy.spec.duration.default.delta(), Span::delta)
}

impl<'a> Seen<'a> {
    fn filing(&self) -> Option<Filing<'a>> {
        let policy = self.policy?;
        Some(Filing {
            request: self.request,
            policy,
            access: access_of(self.request, policy)?,
            namespace: self.namespace?,
            rules: self.rules?,
            entitled_by: entitlement(self.request, &policy.spec)?,
            duration: duration_of(self.request, policy),
            renews: renewal::of(self),
            then: match &self.request.spec.then {
                Some(_) => Some(second::of(self)?),
                None => None,
            },
            installation: self.installation,
            now: self.now,
        })
    }
}

/// What the findings amount to. Nothing is complete that could not be judged or resolved.
fn sum_up(findings: &[(&str, Finding)], resolved: bool) -> (Screened, String) {
    let failed: Vec<(Code, &str)> = findings
        .iter()
        .filter_map(|(_, finding)| match finding {
            Finding::Failed(code, words) => Some((*code, words.as_str())),
            Finding::Passed(_) | Finding::Noted(_) | Finding::Unknown(_) => None,
        })
        .collect();
    let unjudged = findings.iter().any(|(_, finding)| matches!(finding, Finding::Unknown(_)));
    if failed.is_empty() && !unjudged && resolved {
        return (Screened::Complete, "Every check passed: those in waitingFor may decide.".to_owned());
    }
    let (screened, advice) = if failed.iter().any(|(code, _)| !code.is_fixable()) {
        (Screened::Refused, "This request can never be granted; file a new one once this is met")
    } else if failed.iter().all(|(code, _)| code.passes_by_itself()) {
        (Screened::Incomplete, "It is screened again by itself")
    } else {
        (Screened::Incomplete, "Correct the manifest and apply it again")
    };
    (screened, text::line(&format!("{advice}: {}", in_turn(&failed)), MOST_IN_ALL))
}

/// Every code, each with as much of its text as there is room for all.
fn in_turn(failed: &[(Code, &str)]) -> String {
    if failed.is_empty() {
        return "something that it names is not there yet".to_owned();
    }
    let room = (MOST_IN_ALL - 128) / failed.len() - 32;
    let parts = failed.iter().map(|(code, words)| {
        let code: &str = code.into();
        format!("{code}: {}", text::line(words, room))
    });
    parts.collect::<Vec<_>>().join(" | ")
}

fn line_of((name, finding): (&'static str, Finding)) -> request::Check {
    let (passed, code, words) = match finding {
        Finding::Passed(words) | Finding::Noted(words) => (true, None, words),
        Finding::Unknown(words) => (false, None, words),
        Finding::Failed(code, words) => (false, Some(<&str>::from(code).to_owned()), words),
    };
    request::Check { name: name.to_owned(), passed, code, message: text::line(&words, MOST) }
}

/// Whether the role still is what the policy may offer: not on the deny list, and within its level.
pub(super) fn role_fault(access: &Access, rules: &[PolicyRule]) -> Option<String> {
    if role::is_never_granted(&access.role_ref) {
        return Some(format!("{} is never granted", access.role_ref));
    }
    role::excess(rules, access.level)
        .map(|excess| format!("{} gives more than {:?}: {excess}", access.role_ref, access.level))
}

#[cfg(test)]
pub(crate) mod tests;
