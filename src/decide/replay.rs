//! What another text of a policy would have decided about the requests that are kept.
//!
//! Nothing of the rules is written twice: each request goes once more through [`request::decide`], pass by pass, at the
//! times when people wrote what is on record of it.
mod kept;

use super::approval::Disregard;
use super::edits::Edits;
use super::effect::{Answer, Effect, Question};
use super::matrix::Judgement;
use super::request::{self, Observed};
use super::screening::{Screening, Seen};
use super::{Audit, Fuses, Guard, Installation, Next, Now, Standing, lane, policy};
use crate::api::grant::AccessGrant;
use crate::api::policy::{AccessPolicy, AccessPolicyStatus, Ruling};
use crate::api::reasons::{self, Approved, Outcome, Ready, Screened};
use crate::api::request::{AccessRequest, AccessRequestStatus};
use crate::api::time::{self, Instant, Span};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::core::v1::Namespace;
use kept::Case;
use kube::ResourceExt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use strum::IntoStaticStr;

/// How often a pass may follow itself at one time.
const IN_A_ROW: usize = 4;

/// Everything that is kept, read once.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The requests, of every policy and person.
    pub requests: Vec<AccessRequest>,
    /// The records.
    pub grants: Vec<Arc<AccessGrant>>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The text, under the name of the policy whose requests are judged.
    pub policy: &'a AccessPolicy,
    /// What the installation fixes.
    pub installation: &'a Installation,
    /// Only requests filed since then.
    pub since: Option<DateTime<Utc>>,
    /// Only requests of these namespaces; empty: of all.
    pub namespaces: &'a [String],
    /// When it is asked: until then, what is undecided has waited.
    pub now: DateTime<Utc>,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr)]
pub enum Verdict {
    /// Refused for good when it was screened.
    Refused,
    /// Something is missing that its requester may add, or that passes.
    Incomplete,
    /// One of those who decide, or a rule, says no.
    Denied,
    /// Nobody decided in time.
    TimedOut,
    /// It was closed before it was decided.
    Withdrawn,
    /// Its role grew after it was agreed to.
    RoleGrew,
    /// Somebody has to decide.
    Waiting,
    /// Agreed to under a policy that grants nothing.
    DryRun,
    /// Access.
    Granted,
}
impl Verdict {
    /// How far it gets.
    fn reach(self) -> u8 {
        match self {
            Self::Refused | Self::Incomplete | Self::Denied | Self::TimedOut | Self::Withdrawn | Self::RoleGrew => 0,
            Self::Waiting => 1,
            Self::DryRun => 2,
            Self::Granted => 3,
        }
    }
}

/// What was decided, or would have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// What came of it.
    pub verdict: Verdict,
    /// What the screening refuses, as codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The steps that it needed; of what was decided then, those for which an approval counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// The steps among them that the decisions on record do not meet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<String>,
    /// For how long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
}

/// How the text differs for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr)]
pub enum Change {
    /// It gets less far, or gives less time.
    Stricter,
    /// It gets further, or gives more time.
    Looser,
    /// What it is judged by was not kept.
    Unjudged,
    /// The same.
    Same,
}

/// One request, judged once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who asked.
    pub user: String,
    /// For which ticket.
    pub ticket: String,
    /// When it was filed; of a record whose request is gone, not later than this.
    pub filed: Instant,
    /// What was decided.
    pub then: Said,
    /// What the text says; absent where that cannot be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Said>,
    /// How they differ.
    pub change: Change,
    /// How, in words.
    pub why: String,
}

/// How many of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All of them.
    pub requests: usize,
    /// Of which nothing changes.
    pub same: usize,
    /// Which the text treats more strictly.
    pub stricter: usize,
    /// Which it treats less strictly.
    pub looser: usize,
    /// Which cannot be judged, as what they are judged by was not kept.
    pub unjudged: usize,
    /// Of the stricter ones, which code of the screening, or which verdict, stops how many.
    pub stopped_by: BTreeMap<String, usize>,
}

/// What is wrong with a text whoever asks: nothing could be granted under it.
pub fn faults(text: &AccessPolicy, installation: &Installation) -> Vec<(Ready, String)> {
    policy::faults_of_text(text, installation)
}

/// Judges every request that is kept of the policy, the oldest first.
pub fn replay(kept: &Kept, asked: &Asked<'_>) -> Vec<Replayed> {
    let policy = as_ready(asked.policy);
    let asked = &Asked { policy: &policy, ..*asked };
    let mut cases = kept::cases(kept, &policy.name_any(), asked.now);
    let wanted = |case: &Case<'_>| {
        (asked.namespaces.is_empty() || asked.namespaces.contains(&case.namespace()))
            && asked.since.is_none_or(|since| case.filed.get() >= since)
    };
    cases.retain(wanted);
    cases.sort_by_key(|case| (case.filed, case.namespace(), case.request.name_any()));
    cases.iter().map(|case| judged(case, kept, asked)).collect()
}

/// Counts them.
pub fn sum_up(all: &[Replayed]) -> Summary {
    let mut sum = Summary { requests: all.len(), ..Summary::default() };
    for one in all {
        *match one.change {
            Change::Same => &mut sum.same,
            Change::Stricter => &mut sum.stricter,
            Change::Looser => &mut sum.looser,
            Change::Unjudged => &mut sum.unjudged,
        } += 1;
        let now = one.now.as_ref().filter(|_| one.change == Change::Stricter);
        for stop in now.map(stops).unwrap_or_default() {
            *sum.stopped_by.entry(stop).or_default() += 1;
        }
    }
    sum
}
/// What keeps a request from access: every code, or the verdict where no code says it.
fn stops(said: &Said) -> Vec<String> {
    match said.verdict {
        Verdict::Granted => vec!["ShorterTime".into()],
        _ if said.codes.is_empty() => vec![<&str>::from(said.verdict).into()],
        _ => said.codes.clone(),
    }
}

/// The text as the operator would have found it: complete.
fn as_ready(policy: &AccessPolicy) -> AccessPolicy {
    let mut policy = policy.clone();
    (policy.metadata.uid, policy.metadata.generation) = (Some("replay".into()), Some(1));
    let mut status = AccessPolicyStatus { observed_generation: Some(1), ..Default::default() };
    reasons::set(&mut status, Ready::Complete, "", Some(1), Instant::new(DateTime::UNIX_EPOCH));
    policy.status = Some(status);
    policy
}

fn judged(case: &Case<'_>, kept: &Kept, asked: &Asked<'_>) -> Replayed {
    let spec = &case.request.spec;
    let then = case.said();
    let now = Replay { case, kept, asked, labels: case.labels(asked.policy) }.run().map(|now| case.settled(now, &then));
    let (change, why) = match &now {
        Ok(now) => compared(&then, now),
        Err(why) => (Change::Unjudged, why.clone()),
    };
    Replayed {
        namespace: case.namespace(),
        name: case.request.name_any(),
        user: spec.requester.username.clone(),
        ticket: spec.ticket.clone(),
        filed: case.filed,
        then,
        now: now.ok(),
        change,
        why,
    }
}

fn compared(then: &Said, now: &Said) -> (Change, String) {
    let (before, after) = (then.verdict.reach(), now.verdict.reach());
    let more = now.unmet.iter().any(|step| !then.unmet.contains(step));
    let fewer = then.unmet.iter().any(|step| !now.unmet.contains(step));
    let change = match before.cmp(&after) {
        std::cmp::Ordering::Greater => Change::Stricter,
        std::cmp::Ordering::Less => Change::Looser,
        std::cmp::Ordering::Equal if now.duration < then.duration => Change::Stricter,
        std::cmp::Ordering::Equal if now.duration > then.duration => Change::Looser,
        std::cmp::Ordering::Equal if more && now.verdict == Verdict::Waiting => Change::Stricter,
        std::cmp::Ordering::Equal if fewer && now.verdict == Verdict::Waiting => Change::Looser,
        std::cmp::Ordering::Equal => Change::Same,
    };
    let why = if change == Change::Same && then.verdict == now.verdict { String::new() } else { in_words(now) };
    (change, why)
}

fn in_words(now: &Said) -> String {
    let rule = now.rule.as_ref().map_or(String::new(), |rule| format!(" by rule {rule}"));
    let time = now.duration.map_or(String::new(), |time| format!(" for {time}"));
    let steps = now.unmet.join(", ");
    match now.verdict {
        Verdict::Refused | Verdict::Incomplete => format!("refused: {}", now.codes.join(", ")),
        Verdict::Denied => format!("denied{rule}"),
        Verdict::TimedOut => "not decided in time".to_owned(),
        Verdict::Withdrawn => "closed before it was decided".to_owned(),
        Verdict::RoleGrew => "its role grew".to_owned(),
        Verdict::Waiting if steps.is_empty() => "not decided".to_owned(),
        Verdict::Waiting => format!("needs the approval of {steps}"),
        Verdict::DryRun => format!("agreed{rule}, and nothing granted: the mode is DryRun"),
        Verdict::Granted => format!("granted{rule}{time}"),
    }
}

/// One request on its way through the passes.
struct Replay<'a> {
    case: &'a Case<'a>,
    kept: &'a Kept,
    asked: &'a Asked<'a>,
    /// The labels of the namespace then, if anybody knows them.
    labels: Option<BTreeMap<String, String>>,
}
impl Replay<'_> {
    /// What comes of it, or what was not kept that would say so.
    fn run(&self) -> Result<Said, String> {
        let mut request = self.case.unread();
        let mut said = None;
        for at in self.case.times() {
            self.case.shows(&mut request, at);
            for _ in 0..IN_A_ROW {
                let (plan_said, next) = self.pass(&mut request, at);
                said = plan_said.or(said);
                if next != Next::AtOnce {
                    break;
                }
            }
            if request::is_settled(&request) || said.as_ref().is_some_and(|said| is_final(said.verdict)) {
                break;
            }
        }
        let said = said.ok_or("it could not be read")?;
        if self.labels.is_none() && said.codes.is_empty() {
            return Err("the labels of its namespace were not kept: nobody was asked, so there is no record".into());
        }
        let early: &str = Disregard::TooEarly.into();
        let is_early = request.status.iter().flat_map(|status| &status.decisions).any(|d| d.reason == early);
        let is_late = self.case.said().verdict == Verdict::TimedOut;
        if self.case.is_from_record && said.verdict == Verdict::Waiting && (is_early || is_late) {
            return Err("its request is gone, so nobody knows for how long it had waited".into());
        }
        Ok(said)
    }

    /// One pass at this time: what it says, and whether another follows at once.
    fn pass(&self, request: &mut AccessRequest, at: Instant) -> (Option<Said>, Next) {
        let read = self.read(at);
        let filed = request.clone();
        let seen = self.seen(&filed, &read, at);
        let (now, standing) = (Now { wall: at.get(), server_ahead: TimeDelta::zero() }, self.standing());
        let screening = request::screened(&seen, None, &standing);
        let unasked = Observed {
            seen,
            screening: screening.as_ref(),
            grant: None,
            second: None,
            installation: self.asked.installation,
            standing: &standing,
            answers: &[],
            refused: None,
        };
        let answers: Vec<_> = request::questions(&unasked).into_iter().map(|q| self.answer(q, at)).collect();
        let plan = request::decide(&Observed { answers: &answers, ..unasked }, now);
        let needed = screening.as_ref().and_then(|of| of.judgement.as_ref()).map_or(vec![], needed);
        for effect in &plan.effects {
            if let Effect::CreateGrant(grant) = effect {
                return (Some(kept::of_grant(grant, needed)), Next::OnChange);
            }
        }
        if let Some(status) = plan.status {
            request.status = Some(status);
        }
        let codes = screening.map_or(vec![], codes);
        let said = request.status.as_ref().map(|status| kept::of_status(status, needed, codes));
        (said, plan.next)
    }

    fn seen<'b>(&'b self, request: &'b AccessRequest, read: &'b Read, at: Instant) -> Seen<'b> {
        Seen {
            request,
            policy: Some(&read.policy),
            edits: &Edits::None,
            missed: &[],
            audit: Audit::Absent,
            policies: &[],
            namespace: read.namespace.as_ref(),
            rules: Some(&read.rules),
            then_rules: request.spec.then.as_ref().map(|_| read.then_rules.as_slice()),
            live: &read.live,
            earlier: &read.earlier,
            pending: &read.pending,
            installation: self.asked.installation,
            now: at.get(),
        }
    }

    /// As it was before this time: who held what, and who waited.
    fn read(&self, at: Instant) -> Read {
        let (case, policy) = (self.case, self.asked.policy);
        let user = &case.request.spec.requester.username;
        let place = case.namespace();
        let before: Vec<_> = kept::grants_before(self.kept, user, at);
        let is_live = |grant: &&Arc<AccessGrant>| {
            grant.spec.outcome == Outcome::Approved && grant.status.as_ref().is_none_or(|s| s.ended_at.is_none())
        };
        let namespace = self.labels.as_ref().map(|labels| {
            let mut namespace = Namespace::default();
            (namespace.metadata.name, namespace.metadata.labels) = (Some(place.clone()), Some(labels.clone()));
            namespace
        });
        let (rules, then_rules) = case.rules(policy);
        Read {
            policy: lane::applied(policy, &case.request).into_owned(),
            namespace,
            rules,
            then_rules,
            live: before.iter().filter(is_live).cloned().collect(),
            earlier: before.iter().filter(|grant| grant.spec.namespace == place).cloned().collect(),
            pending: kept::pending_at(self.kept, &case.request, at),
        }
    }

    fn answer(&self, question: Question, at: Instant) -> Answer {
        let grants = || self.kept.grants.iter().filter(|grant| made(grant) < at);
        let yes = match &question {
            Question::HasAutoApprovals { user, policy, since, limit } => {
                let by_rule = |grant: &&Arc<AccessGrant>| {
                    let is_yes = grant.spec.rule.as_ref().is_some_and(|rule| rule.then == Ruling::Approve);
                    is_yes && grant.spec.follows.is_none() && made(grant).get() > *since
                };
                let of_them = |g: &&Arc<AccessGrant>| g.spec.user == *user && g.spec.policy.name == *policy;
                grants().filter(of_them).filter(by_rule).count() < *limit
            }
            Question::IsChangeUnspent { user, policy, change, request } => !grants().any(|grant| {
                let spec = &grant.spec;
                let is_it = spec.attestation.as_ref().is_some_and(|said| said.change == *change);
                is_it && spec.user == *user && spec.policy.name == *policy && spec.request.uid != *request
            }),
            // What somebody could do already changes what they are shown, and no decision.
            _ => false,
        };
        Answer { question, yes, words: String::new() }
    }

    /// All that must hold held: what was void because it did not was left out.
    fn standing(&self) -> Standing {
        let guard = Guard::Intact { epoch: self.case.epoch.clone() };
        Standing { lease_held: true, guard, fuses: Fuses::Burn, audit: Audit::Absent }
    }
}

/// What a pass of a replay reads.
struct Read {
    policy: AccessPolicy,
    namespace: Option<Namespace>,
    rules: Vec<k8s_openapi::api::rbac::v1::PolicyRule>,
    then_rules: Vec<k8s_openapi::api::rbac::v1::PolicyRule>,
    live: Vec<Arc<AccessGrant>>,
    earlier: Vec<Arc<AccessGrant>>,
    pending: Vec<kube::core::ObjectMeta>,
}

fn made(grant: &AccessGrant) -> Instant {
    time::made(&grant.metadata).unwrap_or(grant.spec.not_before)
}
fn needed(judgement: &Judgement<'_>) -> Vec<String> {
    judgement.needs.needed.iter().map(|step| step.name.clone()).collect()
}
fn codes(screening: Screening<'_>) -> Vec<String> {
    screening.checks.into_iter().filter_map(|check| check.code).collect()
}
/// Whether no later time changes it.
fn is_final(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Waiting | Verdict::Incomplete)
}
/// Whether a decision on record ended it.
fn is_decided(status: &AccessRequestStatus) -> bool {
    let open: &str = reasons::Truth::Unknown.into();
    let decided = |c: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        c.type_ == <Approved as reasons::Reason>::CONDITION && c.status != open
    };
    reasons::is(status, Screened::Refused) || status.conditions.iter().any(|c| decided(&c))
}

#[cfg(test)]
mod tests;
