//! Who may decide, which decisions count, and what they add up to.
use super::approvers::{is_service_account, may_ever_decide};
use super::attestation::has_asked;
use super::matrix::{self, Needs};
use super::screening::{Filing, words};
use super::{Guard, Now};
use crate::api::grant::ApprovalOf;
use crate::api::policy::{AccessPolicy, Step};
use crate::api::reasons::{Reason, Screened};
use crate::api::request::{AccessRequest, AccessRequestStatus, ApprovalEntry, Decision, Judged, Waiting};
use crate::api::subject::{Subject, SubjectKind};
use crate::api::{names, time::Instant};
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
    let conditions = filing.request.status.iter().flat_map(|s| &s.conditions);
    let complete = conditions.into_iter().find(|c| c.type_ == Screened::CONDITION && c.status == "True");
    let since = complete.and_then(|c| Instant::try_from(&c.last_transition_time).ok());
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
pub fn count(filing: &Filing<'_>, guard: &Guard, attested: &[ApprovalOf], now: Now) -> Count {
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
    let Needs { needed, unjudged, .. } = matrix::needs(filing);
    Count { judged, agreed, unjudged, verdict: verdict(filing, &needed, counted) }
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

/// A line that an approver can paste; `as` is the first of those listed, so that one edit is enough: the comment.
fn command(filing: &Filing<'_>, step: &str, first: Option<&Subject>) -> String {
    let request = filing.request;
    let me = r#"'"$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"'"#;
    let as_ = match first {
        Some(Subject { kind: SubjectKind::Group, name }) => name.as_str(),
        _ => me,
    };
    format!(
        r#"kubectl -n {} patch accessrequest {} --subresource=status --type=json -p '[{{"op":"add","path":"/status/approvals/-","value":{{"by":"{me}","as":"{as_}","step":"{step}","decision":"Approve","revision":"{}","comment":"SAY WHY"}}}}]'"#,
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
mod tests {
    use super::*;
    use crate::api::policy::AccessPolicy;
    use crate::api::request::AccessRequest;
    use crate::decide::Installation;
    use crate::decide::screening::tests::{installation, policy};
    use chrono::{DateTime, TimeDelta};
    use k8s_openapi::api::core::v1::Namespace;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const REVISION: &str = "7f3a2c1b-2";

    fn two_steps() -> AccessPolicy {
        policy(json!({"approval": {"steps": [
            {"name": "owner", "approvers": [{"kind": "Group", "name": "billing-owners"}],
                "backups": {"after": "15m", "approvers": [{"kind": "Group", "name": "leads"}, {"kind": "User", "name": "alice"}]}},
            {"name": "security", "count": 2, "approvers": [{"kind": "Group", "name": "security"}, {"kind": "User", "name": "carol"},
                {"kind": "Group", "name": "system:authenticated"}, {"kind": "User", "name": "system:serviceaccount:bots:tickets"},
                {"kind": "User", "name": "system:serviceaccount:bots:tracker"}]},
        ]}}))
    }
    fn request(approvals: Vec<Value>, epoch: &str) -> AccessRequest {
        serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
            "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 2},
            "spec": {"policy": "customer-support", "reason": "Check why invoice totals changed.", "ticket": "SUP-4812", "requester": {"username": "alice"},
                "filedBy": "system:serviceaccount:bots:tickets", "attestation": {"change": "https://git.example.com/1", "author": "frank", "reviewers": ["kim"]}},
            "status": {"approvals": approvals, "admissionEpoch": epoch}}))
        .unwrap()
    }
    fn entry(by: &str, as_: &str, step: &str, decision: &str) -> Value {
        json!({"by": by, "as": as_, "step": step, "decision": decision, "revision": REVISION, "comment": "Narrow and tied to a case."})
    }
    fn with(mut entry: Value, field: &str, value: Value) -> Value {
        entry[field] = value;
        entry
    }
    fn counted(policy: &AccessPolicy, request: &AccessRequest, guard: &Guard) -> Count {
        counted_at(0, policy, request, guard)
    }
    /// So many seconds after the request was complete.
    fn counted_at(after: i64, policy: &AccessPolicy, request: &AccessRequest, guard: &Guard) -> Count {
        let wall = DateTime::from_timestamp(1_800_000_000 + after, 0).unwrap();
        let now = Now { wall, server_ahead: TimeDelta::zero() };
        let installation: Installation = installation();
        let filing = Filing {
            request,
            policy,
            access: &policy.spec.access[0],
            namespace: &Namespace::default(),
            rules: &[],
            entitled_by: &policy.spec.requesters[0],
            duration: TimeDelta::minutes(30),
            renews: None,
            then: None,
            installation: &installation,
            now: now.wall,
        };
        count(&filing, guard, &[], now)
    }
    fn intact() -> Guard {
        Guard::Intact { epoch: "e1".into() }
    }
    fn reasons(approvals: Vec<Value>) -> Vec<String> {
        counted(&two_steps(), &request(approvals, "e1"), &intact()).judged.into_iter().map(|j| j.reason).collect()
    }

    #[test]
    fn d21_each_decision_counts_or_says_why_not() {
        let ok = || entry("bob", "billing-owners", "owner", "Approve");
        let rows: &[(&str, Vec<Value>, &[&str])] = &[
            ("a member of a listed group decides in its name", vec![ok()], &["Counted"]),
            ("a listed user decides in their own", vec![entry("carol", "carol", "security", "Approve")], &["Counted"]),
            ("D11 an older text", vec![with(ok(), "revision", json!("7f3a2c1b-1"))], &["OtherRevision"]),
            (
                "D22 another request of the same name",
                vec![with(ok(), "revision", json!("00000000-2"))],
                &["OtherRevision"],
            ),
            ("D9 one's own request", vec![entry("alice", "alice", "owner", "Approve")], &["OwnRequest"]),
            (
                "D9 one's own request, through a group",
                vec![entry("alice", "billing-owners", "owner", "Approve")],
                &["OwnRequest"],
            ),
            (
                "F8 who filed it for her",
                vec![entry(
                    "system:serviceaccount:bots:tickets",
                    "system:serviceaccount:bots:tickets",
                    "security",
                    "Approve",
                )],
                &["HasAsked"],
            ),
            (
                "L11 who wrote the change, through a group",
                vec![entry("frank", "billing-owners", "owner", "Approve")],
                &["HasAsked"],
            ),
            (
                "a user called like a group",
                vec![entry("billing-owners", "billing-owners", "owner", "Approve")],
                &["NotListed"],
            ),
            ("another step's group", vec![entry("bob", "billing-owners", "security", "Approve")], &["NotListed"]),
            ("a step that is not there", vec![entry("bob", "billing-owners", "emergency", "Approve")], &["NotListed"]),
            ("everybody's group", vec![entry("erin", "system:authenticated", "security", "Approve")], &["NotListed"]),
            ("somebody else's name", vec![entry("erin", "carol", "security", "Approve")], &["NotListed"]),
            (
                "B3 a bot that is listed by its full name",
                vec![entry(
                    "system:serviceaccount:bots:tracker",
                    "system:serviceaccount:bots:tracker",
                    "security",
                    "Approve",
                )],
                &["Counted"],
            ),
            (
                "a machine in a group",
                vec![entry("system:serviceaccount:a:b", "billing-owners", "owner", "Approve")],
                &["NotListed"],
            ),
            ("C13 a bare yes", vec![with(ok(), "comment", json!("ok"))], &["BareYes"]),
            ("C13 a yes without a word", vec![with(ok(), "comment", Value::Null)], &["BareYes"]),
            (
                "a bare no is a no",
                vec![with(entry("bob", "billing-owners", "owner", "Deny"), "comment", Value::Null)],
                &["Counted"],
            ),
            ("a backup before its time", vec![entry("eve", "leads", "owner", "Approve")], &["TooEarly"]),
            ("a backup's no before its time", vec![entry("eve", "leads", "owner", "Deny")], &["TooEarly"]),
            (
                "D12 one person, two steps",
                vec![
                    entry("bob", "billing-owners", "owner", "Approve"),
                    entry("bob", "security", "security", "Approve"),
                ],
                &["Counted", "CountedBefore"],
            ),
        ];
        for (sentence, approvals, expected) in rows {
            assert_eq!(reasons(approvals.clone()), *expected, "{sentence}");
        }
        let told: BTreeSet<String> = rows.iter().flat_map(|(_, _, r)| r.iter().map(|r| (*r).to_owned())).collect();
        for why in Disregard::VARIANTS.iter().filter(|w| **w != Disregard::OtherEpoch) {
            assert!(told.contains(<&str>::from(*why)), "{why:?} has no example");
        }
    }
    #[test]
    fn d12_every_step_needs_its_own_people() {
        let (bob, carol, dora) = (
            entry("bob", "billing-owners", "owner", "Approve"),
            entry("carol", "carol", "security", "Approve"),
            entry("dora", "security", "security", "Approve"),
        );
        let verdict = |approvals: &[&Value]| {
            counted(&two_steps(), &request(approvals.iter().map(|a| (*a).clone()).collect(), "e1"), &intact()).verdict
        };
        let waits = |verdict: Verdict| match verdict {
            Verdict::Waiting(steps) => steps.into_iter().map(|w| (w.step, w.need)).collect(),
            _ => vec![],
        };
        assert_eq!(waits(verdict(&[])), [("owner".into(), 1), ("security".into(), 2)]);
        assert_eq!(waits(verdict(&[&bob, &carol])), [("security".into(), 1)]);
        assert_eq!(waits(verdict(&[&carol, &dora])), [("owner".into(), 1)]);
        assert!(matches!(verdict(&[&bob, &carol, &dora]), Verdict::StepsMet(all) if all.len() == 3));
        let no = entry("dora", "security", "security", "Deny");
        assert!(matches!(verdict(&[&bob, &carol, &no]), Verdict::Denied(by) if by.by == "dora"));
        let more = entry("dora", "security", "security", "RequestDetail");
        assert!(matches!(verdict(&[&bob, &more]), Verdict::DetailWanted(by) if by.by == "dora"));
    }
    fn complete_since(mut request: AccessRequest, seconds: i64, groups: &[&str]) -> AccessRequest {
        let at = Instant::new(DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap());
        let condition = json!({"type": "Screened", "status": "True", "reason": "Complete", "message": "", "lastTransitionTime": at});
        request.status.as_mut().unwrap().conditions = vec![serde_json::from_value(condition).unwrap()];
        request.spec.requester.groups = groups.iter().map(|g| (*g).to_owned()).collect();
        request
    }
    fn first_waiting(count: &Count) -> Waiting {
        let Verdict::Waiting(steps) = &count.verdict else { panic!("{count:?}") };
        steps[0].clone()
    }
    #[test]
    fn d15_backups_may_decide_after_their_delay_and_not_before() {
        let backup = || vec![entry("eve", "leads", "owner", "Approve")];
        let at = |seconds, approvals| {
            let filed = complete_since(request(approvals, "e1"), 0, &["support"]);
            counted_at(seconds, &two_steps(), &filed, &intact())
        };
        let leads = Subject { kind: SubjectKind::Group, name: "leads".into() };
        let early = first_waiting(&at(899, vec![]));
        assert!(!early.approvers.contains(&leads) && early.backups == [leads.clone()], "{early:?}");
        assert_eq!(early.backups_from.map(|from| from.get().timestamp()), Some(1_800_000_900));
        let due = first_waiting(&at(900, vec![]));
        assert!(due.approvers.contains(&leads) && due.backups_from == early.backups_from, "{due:?}");
        assert_eq!(at(899, backup()).judged[0].reason, "TooEarly");
        assert_eq!(at(900, backup()).judged[0].reason, COUNTED);
        assert_eq!(at(900, backup()).agreed.len(), 1);
        let now = |seconds: i64| Now {
            wall: DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap(),
            server_ahead: TimeDelta::zero(),
        };
        assert_eq!(next_backups(&[early], now(899)), Some(TimeDelta::seconds(1)));
        assert_eq!(next_backups(&[due], now(900)), None);
    }
    #[test]
    fn d15_what_a_backup_said_is_judged_by_when_it_was_first_seen() {
        let mut filed = complete_since(request(vec![entry("eve", "leads", "owner", "Approve")], "e1"), 0, &[]);
        let early = counted_at(899, &two_steps(), &filed, &intact());
        filed.status.as_mut().unwrap().decisions = early.judged;
        assert_eq!(counted_at(2000, &two_steps(), &filed, &intact()).judged[0].reason, "TooEarly", "it stays so");
        filed.status.as_mut().unwrap().decisions.clear();
        let due = counted_at(900, &two_steps(), &filed, &intact());
        filed.status.as_mut().unwrap().decisions = due.judged;
        let again = complete_since(filed, 1000, &[]);
        assert_eq!(counted_at(1001, &two_steps(), &again, &intact()).judged[0].reason, COUNTED, "screened anew since");
    }
    #[test]
    fn d16_backups_act_at_once_where_the_requester_belongs_to_the_step() {
        let leads = Subject { kind: SubjectKind::Group, name: "leads".into() };
        let by_group = complete_since(request(vec![], "e1"), 0, &["support", "billing-owners"]);
        let waiting = first_waiting(&counted(&two_steps(), &by_group, &intact()));
        assert!(waiting.approvers.contains(&leads), "{waiting:?}");
        assert_eq!(waiting.backups_from.map(|from| from.get().timestamp()), Some(1_800_000_000));
        let by_name =
            policy(json!({"approval": {"steps": [{"name": "owner", "approvers": [{"kind": "User", "name": "alice"}],
            "backups": {"after": "15m", "approvers": [{"kind": "Group", "name": "leads"}]}}]}}));
        let waiting = first_waiting(&counted(&by_name, &complete_since(request(vec![], "e1"), 0, &[]), &intact()));
        assert_eq!(waiting.approvers, [leads], "and alice is not asked about herself");
        // A name that may never decide is nobody's membership.
        let system = policy(json!({"approval": {"steps": [{"name": "owner",
            "approvers": [{"kind": "Group", "name": "system:authenticated"}, {"kind": "Group", "name": "billing-owners"}],
            "backups": {"after": "15m", "approvers": [{"kind": "Group", "name": "leads"}]}}]}}));
        let everybody = complete_since(request(vec![], "e1"), 0, &["system:authenticated"]);
        assert_eq!(first_waiting(&counted(&system, &everybody, &intact())).approvers.len(), 1);
    }
    #[test]
    fn d12_a_step_that_is_not_needed_is_not_waited_for_and_no_needed_one_is_skipped() {
        let steps = |when: &str| {
            policy(json!({"approval": {"steps": [
                {"name": "owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]},
                {"name": "security", "when": when, "approvers": [{"kind": "Group", "name": "security"}]}]}}))
        };
        let owner = || request(vec![entry("bob", "billing-owners", "owner", "Approve")], "e1");
        let verdict = |when: &str| counted(&steps(when), &owner(), &intact()).verdict;
        assert!(matches!(verdict("access.level != 'ReadOnly'"), Verdict::StepsMet(all) if all.len() == 1));
        assert!(
            matches!(verdict("access.level == 'ReadOnly'"), Verdict::Waiting(steps) if steps[0].step == "security")
        );
        assert!(matches!(verdict("request.plan == 'x'"), Verdict::Waiting(steps) if steps[0].step == "security"));
        let unjudged = counted(&steps("request.plan == 'x'"), &owner(), &intact()).unjudged;
        assert!(unjudged[0].starts_with("`security` is needed, as its `when` cannot be judged: "), "{unjudged:?}");
        // Where nothing is needed, nobody agreed.
        let none = policy(
            json!({"approval": {"steps": [{"name": "owner", "when": "false", "approvers": [{"kind": "Group", "name": "billing-owners"}]}]}}),
        );
        assert!(matches!(counted(&none, &owner(), &intact()).verdict, Verdict::Waiting(steps) if steps.is_empty()));
    }
    #[test]
    fn c13_the_length_of_a_comment_is_published() {
        let policy = policy(json!({"approval": {"commentMinLength": 33,
            "steps": [{"name": "owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]}]}}));
        assert_eq!(first_waiting(&counted(&policy, &request(vec![], "e1"), &intact())).comment_min_length, 33);
    }
    #[test]
    fn g1_backups_may_end_it_and_approvers_have_the_first_places() {
        let many =
            |of: &str| (0..32).map(|n| json!({"kind": "Group", "name": format!("{of}-{n:02}")})).collect::<Vec<_>>();
        let policy = policy(json!({"approval": {"steps": [
            {"name": "a", "approvers": many("z"), "backups": {"approvers": many("a")}},
            {"name": "b", "approvers": many("y"), "backups": {"approvers": many("b")}}]}}));
        let installation = installation();
        let filed = request(vec![], "e1");
        let filing = Filing {
            request: &filed,
            policy: &policy,
            access: &policy.spec.access[0],
            namespace: &Namespace::default(),
            rules: &[],
            entitled_by: &policy.spec.requesters[0],
            duration: TimeDelta::minutes(30),
            installation: &installation,
            renews: None,
            then: None,
            now: DateTime::UNIX_EPOCH,
        };
        let all = closers(&filing);
        assert!(all.len() == CLOSERS && all.iter().all(|s| s.name.starts_with(['y', 'z'])), "{all:?}");
        let mut fewer = policy.clone();
        fewer.spec.approval.steps.remove(1);
        let all = closers(&Filing { policy: &fewer, ..filing });
        assert!(all.len() == CLOSERS && all.iter().any(|s| s.name == "a-00"), "backups too: {all:?}");
    }
    #[test]
    fn a16_a_policy_without_steps_approves_nothing() {
        let policy = policy(json!({"approval": {"steps": []}}));
        assert!(matches!(counted(&policy, &request(vec![], "e1"), &intact()).verdict, Verdict::Waiting(_)));
    }
    #[test]
    fn decisions_from_before_an_epoch_of_admission_do_not_count() {
        let policy = policy(json!({}));
        let approved = || vec![entry("bob", "billing-owners", "service-owner", "Approve")];
        let old = counted(&policy, &request(approved(), "e0"), &intact());
        assert_eq!((old.judged[0].reason.as_str(), old.judged[0].counted), ("OtherEpoch", false));
        // Once the new epoch is on the request, the same entry is still the old one.
        let mut later = request(approved(), "e1");
        later.status.as_mut().unwrap().decisions = old.judged;
        assert_eq!(counted(&policy, &later, &intact()).judged[0].reason, "OtherEpoch");
        // A refusal is a refusal whenever it was written.
        let no = vec![entry("bob", "billing-owners", "service-owner", "Deny")];
        assert!(matches!(counted(&policy, &request(no, "e0"), &intact()).verdict, Verdict::Denied(_)));
        // A guard that has not looked yet voids nothing for good.
        assert_eq!(counted(&policy, &request(approved(), "e0"), &Guard::Unknown).judged[0].reason, COUNTED);
    }
    #[test]
    fn d20_the_command_is_ready_to_paste() {
        let Verdict::Waiting(steps) = counted(&policy(json!({})), &request(vec![], "e1"), &intact()).verdict else {
            panic!("it waits")
        };
        let command = &steps[0].command;
        assert!(
            command
                .starts_with("kubectl -n billing patch accessrequest sup-4812 --subresource=status --type=json -p '["),
            "{command}"
        );
        assert!(
            command.contains(
                r#""as":"billing-owners","step":"service-owner","decision":"Approve","revision":"7f3a2c1b-2""#
            ),
            "{command}"
        );
    }

    fn any_entry() -> impl Strategy<Value = Value> {
        let who = prop::sample::select(vec!["alice", "bob", "carol", "dora", "eve", "billing-owners", "system:admin"]);
        let as_ = prop::sample::select(vec![
            "alice",
            "bob",
            "carol",
            "billing-owners",
            "leads",
            "security",
            "lawyers",
            "system:authenticated",
        ]);
        let step = prop::sample::select(vec!["owner", "security", "legal", "emergency"]);
        let decision = prop::sample::select(vec!["Approve", "Approve", "Approve", "Deny", "RequestDetail"]);
        let revision = prop::sample::select(vec![REVISION, REVISION, REVISION, "7f3a2c1b-1"]);
        (who, as_, step, decision, revision).prop_map(|(who, as_, step, decision, revision)| {
            with(entry(who, as_, step, decision), "revision", json!(revision))
        })
    }
    proptest! {
        #[test]
        fn removing_an_approval_never_grants(
            entries in prop::collection::vec(any_entry(), 0..8),
            gone in any::<prop::sample::Index>(),
            when in any_when(),
            after in 0i64..2000,
        ) {
            let approves = |entries: &[Value]| {
                let filed = complete_since(request(entries.to_vec(), "e1"), 0, &[]);
                matches!(counted_at(after, &matrix_of(when), &filed, &intact()).verdict, Verdict::StepsMet(_))
            };
            if let Some(at) = (!entries.is_empty()).then(|| gone.index(entries.len())) {
                let mut fewer = entries.clone();
                let removed = fewer.remove(at);
                if removed["decision"] == "Approve" && approves(&fewer) {
                    prop_assert!(approves(&entries), "without {removed} it is granted, with it not");
                }
            }
        }
        #[test]
        fn d9_the_requester_never_counts_and_d12_every_needed_step_has_its_own_people(
            entries in prop::collection::vec(any_entry(), 0..8),
            when in any_when(),
            after in 0i64..2000,
        ) {
            let filed = complete_since(request(entries, "e1"), 0, &["billing-owners", "leads"]);
            let count = counted_at(after, &matrix_of(when), &filed, &intact());
            prop_assert!(count.judged.iter().all(|j| j.by != "alice" || !j.counted));
            if let Verdict::StepsMet(all) = count.verdict {
                let people: BTreeSet<_> = all.iter().map(|a| &a.by).collect();
                prop_assert_eq!(people.len(), all.len(), "one person twice");
                let of = |step: &str| all.iter().filter(|a| a.step == step).count();
                prop_assert!(of("owner") >= 1 && of("security") >= 2 && (when == "false" || of("legal") >= 1), "a step was skipped");
            }
        }
        #[test]
        fn d15_a_backup_counts_only_from_its_time_on(
            entries in prop::collection::vec(any_entry(), 0..8), after in 0i64..2000,
        ) {
            let filed = complete_since(request(entries.clone(), "e1"), 0, &[]);
            let count = counted_at(after, &matrix_of("true"), &filed, &intact());
            for (entry, judged) in entries.iter().zip(&count.judged) {
                let stands_in = entry["as"] == "leads";
                prop_assert!(!stands_in || !judged.counted || after >= 900, "{entry} after {after} s");
            }
        }
    }
    /// Two steps, and a third that is needed by its condition.
    fn matrix_of(when: &str) -> AccessPolicy {
        let mut policy = two_steps();
        let legal = json!({"name": "legal", "when": when, "approvers": [{"kind": "Group", "name": "lawyers"}]});
        policy.spec.approval.steps.push(serde_json::from_value(legal).unwrap());
        policy
    }
    fn any_when() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["true", "false", "request.plan == 'x'", "acces"])
    }
}
