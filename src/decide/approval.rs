//! Who may decide, which decisions count, and what they add up to.
use super::approvers::{is_service_account, may_ever_decide};
use super::attestation::has_asked;
use super::matrix::Judgement;
use super::screening::{self, Filing, words};
use super::{Guard, Now, role};
use crate::api::grant::ApprovalOf;
use crate::api::policy::{AccessPolicy, Step};
use crate::api::request::{AccessRequest, AccessRequestStatus, ApprovalEntry, Decision, Judged, Waiting};
use crate::api::subject::{Subject, SubjectKind};
use crate::api::{names, time::Instant};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::ResourceExt;
use std::collections::BTreeSet;
use strum::{EnumMessage, IntoStaticStr, VariantArray};

/// The reason of a decision that counts.
pub const COUNTED: &str = "Counted";
/// Most of [`closers`].
const CLOSERS: usize = 64;

/// Why a decision does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum Disregard {
    /// It is about another request of this name, or about an older text of this one.
    OtherRevision,
    /// It was written before the rules that protect decisions were last changed: somebody else may decide, or file anew.
    OtherEpoch,
    /// Nobody decides their own request.
    OwnRequest,
    /// Who filed it for somebody else, or wrote the change that is attested, has asked: others decide.
    HasAsked,
    /// The policy does not list the subject in whose name it was given for that step.
    NotListed,
    /// It was given by a backup before backups may decide: another has to.
    TooEarly,
    /// An approval needs a comment that says why; the policy says how long.
    BareYes,
    /// This person agreed already, for another step: a person counts once.
    CountedBefore,
}

/// One entry, with what it is judged by.
struct Entry<'a> {
    entry: &'a ApprovalEntry,
    filing: &'a Filing<'a>,
    is_of_this_epoch: bool,
    before: Option<&'a Judged>,
    agreed: &'a [&'a ApprovalEntry],
    attested: &'a [ApprovalOf],
}
impl Entry<'_> {
    fn approves(&self) -> bool {
        self.entry.decision == Decision::Approve
    }
}

type Speaks = fn(&Entry<'_>) -> bool;
/// Every rule against an entry, in the order in which people read them; the first that speaks is the one on record.
const RULES: &[(Disregard, Speaks)] = &[
    (Disregard::OtherRevision, |e| e.entry.revision != names::revision(e.filing.request)),
    // A refusal counts whenever it was written: when in doubt, do not grant.
    (Disregard::OtherEpoch, |e| e.approves() && !e.is_of_this_epoch),
    (Disregard::OwnRequest, |e| e.entry.by == e.filing.request.spec.requester.username),
    (Disregard::HasAsked, |e| has_asked(e.filing.request, &e.entry.by)),
    (Disregard::NotListed, |e| listed(e.filing, e.entry).is_none()),
    (Disregard::TooEarly, is_too_early),
    (Disregard::BareYes, |e| e.approves() && is_bare(e)),
    (Disregard::CountedBefore, |e| e.approves() && has_agreed(e)),
];

fn has_agreed(e: &Entry<'_>) -> bool {
    e.agreed.iter().any(|a| a.by == e.entry.by) || e.attested.iter().any(|a| a.by == e.entry.by)
}

fn is_bare(e: &Entry<'_>) -> bool {
    let least = usize::try_from(e.filing.policy.spec.approval.comment_min_length).unwrap_or_default();
    least > 0 && words::is_bare(e.entry.comment.as_deref().unwrap_or_default(), least)
}

/// Judged once: what moves the time later does not take back what they could say when they said it.
fn is_too_early(e: &Entry<'_>) -> bool {
    let Some((step, Place::Backup)) = seat(e.filing, e.entry).map(|(step, _, place)| (step, place)) else {
        return false;
    };
    match e.before {
        Some(judged) => judged.reason == <&str>::from(Disregard::TooEarly),
        None => backups_from(step, e.filing).is_none_or(|from| from.get() > e.filing.now),
    }
}

/// Whether a subject decides a step from the first, or stands in for those who do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Approver,
    Backup,
}

/// Who may decide a step, and in which place.
///
/// `system:` names would mean everybody, or machines; a ServiceAccount that is listed as a User may hold a step (B3).
fn places<'a>(step: &'a Step, filing: &Filing<'a>) -> impl Iterator<Item = (&'a Subject, Place)> {
    let request = filing.request;
    let approvers = step.approvers.iter().map(|s| (s, Place::Approver));
    let backups = step.backups.iter().flat_map(|b| &b.approvers).filter(|s| !step.approvers.contains(s));
    let is_open =
        move |s: &Subject| may_ever_decide(s) && !(s.kind == SubjectKind::User && has_asked(request, &s.name));
    approvers.chain(backups.map(|s| (s, Place::Backup))).filter(move |(s, _)| is_open(s))
}

/// From when on the backups of a step may decide: so long after the request was complete, and at once where the requester
/// is one of its approvers, who would else be asked about their colleague first (D16).
fn backups_from(step: &Step, filing: &Filing<'_>) -> Option<Instant> {
    let after = step.backups.as_ref()?.after.delta();
    let since = filing.request.status.as_ref().and_then(|s| screening::complete_since(&s.conditions));
    let since = since.unwrap_or(Instant::new(filing.now));
    if belongs(step, filing) { Some(since) } else { since.checked_add(after) }
}
/// Whether the requester is one of a step's approvers, by name or by a group that they were stamped with.
fn belongs(step: &Step, filing: &Filing<'_>) -> bool {
    let who = &filing.request.spec.requester;
    step.approvers.iter().filter(|s| may_ever_decide(s)).any(|s| match s.kind {
        SubjectKind::User => s.name == who.username,
        SubjectKind::Group => who.groups.contains(&s.name),
    })
}

/// Who may decide a step from the first.
pub fn may_decide(step: &Step, filing: &Filing<'_>) -> Vec<Subject> {
    places(step, filing).filter(|(_, place)| *place == Place::Approver).map(|(subject, _)| subject.clone()).collect()
}

/// The policy's own entry in whose name somebody decides: by name and kind, so that a user called like a group is not it.
fn seat<'a>(filing: &Filing<'a>, entry: &ApprovalEntry) -> Option<(&'a Step, &'a Subject, Place)> {
    let step = filing.policy.spec.approval.steps.iter().find(|s| s.name == entry.step)?;
    let speaks_for = |s: &Subject| match s.kind {
        SubjectKind::User => s.name == entry.as_ && entry.as_ == entry.by,
        SubjectKind::Group => s.name == entry.as_ && entry.as_ != entry.by && !entry.by.starts_with("system:"),
    };
    places(step, filing).find(|(s, _)| speaks_for(s)).map(|(s, place)| (step, s, place))
}
fn listed(filing: &Filing<'_>, entry: &ApprovalEntry) -> Option<Subject> {
    seat(filing, entry).map(|(_, subject, _)| subject.clone())
}

/// The ServiceAccount that agreed to this text for a step that lists it: a tracker's own word that the ticket is real (B3).
pub fn confirmer<'a>(request: &'a AccessRequest, policy: &AccessPolicy) -> Option<&'a str> {
    let status = request.status.as_ref()?;
    let is_listed = |by: &str| {
        let approvers = policy.spec.approval.steps.iter().flat_map(|step| &step.approvers);
        is_service_account(by) && approvers.into_iter().any(|a| a.kind == SubjectKind::User && a.name == by)
    };
    let is_void =
        |e: &ApprovalEntry| status.decisions.iter().any(|d| d.by == e.by && d.revision == e.revision && !d.counted);
    let agrees = |e: &&ApprovalEntry| e.decision == Decision::Approve && e.revision == names::revision(request);
    let entry = status.approvals.iter().filter(agrees).find(|e| is_listed(&e.by) && !is_void(e))?;
    Some(&entry.by)
}

/// Whether a decision that counted came from a ServiceAccount, as a tracker's bot has one (B3).
pub fn is_confirmed(status: &AccessRequestStatus) -> bool {
    status.decisions.iter().any(|d| d.counted && is_service_account(&d.by))
}

/// Everybody who could decide, approvers before backups: they may also end what came of it.
pub fn closers(filing: &Filing<'_>) -> Vec<Subject> {
    let of = |place: Place| {
        let steps = filing.policy.spec.approval.steps.iter();
        let all = steps.flat_map(|step| places(step, filing)).filter(|(_, p)| *p == place).map(|(s, _)| s.clone());
        all.collect::<BTreeSet<_>>()
    };
    let (approvers, backups) = (of(Place::Approver), of(Place::Backup));
    let others: Vec<_> = backups.difference(&approvers).cloned().collect();
    approvers.into_iter().chain(others).take(CLOSERS).collect()
}

/// When backups of some step that waits may decide first, if that is to come.
pub fn next_backups(waiting: &[Waiting], now: Now) -> Option<chrono::TimeDelta> {
    let to_come = waiting.iter().filter_map(|w| w.backups_from).map(|from| from.get() - now.wall);
    to_come.filter(|left| *left > chrono::TimeDelta::zero()).min()
}

/// What the decisions add up to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// One of those who decide said no.
    Denied(Box<ApprovalOf>),
    /// One of those who decide asked for more.
    DetailWanted(Box<ApprovalOf>),
    /// Every step is met, by distinct people.
    StepsMet(Vec<ApprovalOf>),
    /// These steps are not met.
    Waiting(Vec<Waiting>),
}

/// What every entry came to, and all of them together.
#[derive(Clone, Debug)]
pub struct Count {
    /// One line for each entry, in their order.
    pub judged: Vec<Judged>,
    /// The approvals that count.
    pub agreed: Vec<ApprovalOf>,
    /// Steps whose `when` cannot be judged, and why.
    pub unjudged: Vec<String>,
    /// The sum.
    pub verdict: Verdict,
}

/// Counts the entries, and those who count already by what a filer attests: one Deny ends it, every step needs its own
/// people (D12, D21).
pub fn count(judgement: &Judgement<'_>, guard: &Guard, attested: &[ApprovalOf], now: Now) -> Count {
    let Judgement { filing, needs, .. } = judgement;
    let status = filing.request.status.clone().unwrap_or_default();
    // While the guard does not know, nothing is voided for good, and nothing is granted either.
    let is_known_epoch = match guard {
        Guard::Intact { epoch } => status.admission_epoch.as_ref() == Some(epoch),
        Guard::Unknown | Guard::Broken(_) => true,
    };
    let (mut agreed, mut counted, mut judged) = (vec![], attested.to_vec(), vec![]);
    for entry in &status.approvals {
        let before = status.decisions.iter().find(|d| d.by == entry.by && d.revision == entry.revision);
        let was_voided = before.is_some_and(|d| d.reason == <&str>::from(Disregard::OtherEpoch));
        let is_of_this_epoch = is_known_epoch && !was_voided;
        let judge = Entry { entry, filing, is_of_this_epoch, before, agreed: &agreed, attested };
        let against = RULES.iter().find(|(_, speaks)| speaks(&judge)).map(|(why, _)| *why);
        let at = before.map_or(now.for_record(), |d| d.first_seen);
        judged.push(line(entry, against, at));
        if against.is_none() {
            counted.extend(listed(filing, entry).map(|as_| on_record(entry, as_, at)));
            if entry.decision == Decision::Approve {
                agreed.push(entry);
            }
        }
    }
    let approves = |a: &&ApprovalOf| a.decision == Decision::Approve;
    let agreed = counted.iter().filter(approves).cloned().collect();
    Count { judged, agreed, unjudged: needs.unjudged.clone(), verdict: verdict(filing, &needs.needed, counted) }
}

fn verdict(filing: &Filing<'_>, needed: &[&Step], counted: Vec<ApprovalOf>) -> Verdict {
    let first = |decision: Decision| counted.iter().find(|a| a.decision == decision).cloned().map(Box::new);
    if let Some(denied) = first(Decision::Deny) {
        return Verdict::Denied(denied);
    }
    if let Some(wanted) = first(Decision::RequestDetail) {
        return Verdict::DetailWanted(wanted);
    }
    let missing = |step: &Step| {
        let have = counted.iter().filter(|a| a.step == step.name).count();
        usize::try_from(step.count).unwrap_or(usize::MAX).saturating_sub(have)
    };
    let unmet: Vec<_> = needed.iter().filter(|s| missing(s) > 0).map(|s| waiting(s, missing(s), filing)).collect();
    // Where no step is needed nobody has agreed (A16).
    if unmet.is_empty() && !needed.is_empty() { Verdict::StepsMet(counted) } else { Verdict::Waiting(unmet) }
}

fn waiting(step: &Step, need: usize, filing: &Filing<'_>) -> Waiting {
    let backups_from = backups_from(step, filing);
    let are_due = backups_from.is_some_and(|from| from.get() <= filing.now);
    let (mut approvers, mut backups) = (vec![], vec![]);
    for (subject, place) in places(step, filing) {
        if place == Place::Backup {
            backups.push(subject.clone());
        }
        if place == Place::Approver || are_due {
            approvers.push(subject.clone());
        }
    }
    Waiting {
        step: step.name.clone(),
        revision: names::revision(filing.request),
        need: i32::try_from(need).unwrap_or(i32::MAX),
        command: command(filing, &step.name, approvers.first()),
        approvers,
        backups_from: backups_from.filter(|_| !backups.is_empty()),
        backups,
        comment_min_length: filing.policy.spec.approval.comment_min_length,
    }
}

/// A line that an approver can paste; `as` is the first of those listed, so that one edit is enough: the comment. It writes
/// nothing where `permissions` were published anew since: whoever agrees, agrees to what was shown with this line.
fn command(filing: &Filing<'_>, step: &str, first: Option<&Subject>) -> String {
    let request = filing.request;
    let me = r#"'"$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"'"#;
    let as_ = match first {
        Some(Subject { kind: SubjectKind::Group, name }) => name.as_str(),
        _ => me,
    };
    let shows = |field: &str, rules: &[PolicyRule]| {
        let digest = role::digest(rules);
        format!(r#"{{"op":"test","path":"/status/{field}/rulesSha256","value":"{digest}"}},"#)
    };
    let second = filing.then.map_or(String::new(), |stage| shows("thenPermissions", stage.rules));
    let shown = shows("permissions", filing.rules) + &second;
    format!(
        r#"kubectl -n {} patch accessrequest {} --subresource=status --type=json -p '[{shown}{{"op":"add","path":"/status/approvals/-","value":{{"by":"{me}","as":"{as_}","step":"{step}","decision":"Approve","revision":"{}","comment":"SAY WHY"}}}}]'"#,
        request.namespace().unwrap_or_default(),
        request.name_any(),
        names::revision(request),
    )
}

fn on_record(entry: &ApprovalEntry, as_: Subject, at: Instant) -> ApprovalOf {
    ApprovalOf {
        by: entry.by.clone(),
        step: entry.step.clone(),
        as_,
        decision: entry.decision,
        revision: entry.revision.clone(),
        comment: entry.comment.clone(),
        duration: entry.duration,
        at,
        attested_by: None,
    }
}

fn line(entry: &ApprovalEntry, against: Option<Disregard>, first_seen: Instant) -> Judged {
    let (reason, message) = match against {
        None => (COUNTED, format!("{:?} for {} counts", entry.decision, entry.step)),
        Some(why) => (why.into(), why.get_documentation().unwrap_or_default().to_owned()),
    };
    Judged {
        by: entry.by.clone(),
        revision: entry.revision.clone(),
        counted: against.is_none(),
        reason: reason.to_owned(),
        message,
        first_seen,
    }
}

#[cfg(test)]
mod tests;
