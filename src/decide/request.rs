//! One request's life: screened, waiting, decided.
mod gain;
mod provisional;

use super::approval::{self, Count, Verdict};
use super::attestation::{self, Attested};
use super::effect::{Answer, Effect, Question};
use super::matrix::{Judgement, Ruled};
use super::screening::{self, Filing, Screening, Seen, checks};
use super::{
    Guard, Installation, Next, Now, Plan, Standing, at_once, brief, edits, grant, lane, record, role, second,
    self_approval, term, text,
};
use crate::api::grant::{AccessGrant, ApprovalOf};
use crate::api::names;
use crate::api::policy::{Access, ApprovalRule, Mode, ReasonRule};
use crate::api::reasons::{self, Approved, BeginReason, EndReason, Outcome, Reason, Screened, SecondStage, Truth};
use crate::api::request::{AccessRequest, AccessRequestStatus, Judged, Permissions, Waiting};
use crate::api::subject::Subject;
use crate::api::time::{Instant, Span};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::collections::BTreeSet;
use strum::VariantArray;

/// How soon to look again at a request that waits for something which no event tells.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(30);

/// What was read at the start of the pass.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// What the request is screened by.
    pub seen: Seen<'a>,
    /// What came of [`screened`].
    pub screening: Option<&'a Screening<'a>>,
    /// The record of this request, if it was made: the end that it fixed is the only one.
    pub grant: Option<&'a AccessGrant>,
    /// The record of its second access, if that was started.
    pub second: Option<&'a AccessGrant>,
    /// What the installation fixes.
    pub installation: &'a Installation,
    /// What must hold before anything is decided.
    pub standing: &'a Standing,
    /// To the questions of this pass.
    pub answers: &'a [Answer],
    /// The words of the server, if it will not have the record.
    pub refused: Option<&'a str>,
}

/// Whether nothing is left to decide: refused at screening, or decided.
pub fn is_settled(request: &AccessRequest) -> bool {
    request.status.as_ref().is_some_and(|s| reasons::is(s, Screened::Refused) || is_decided(s))
}
/// Whether nothing is left to do: settled, and what came of it has ended.
pub fn is_over(request: &AccessRequest) -> bool {
    let Some(status) = &request.status else { return false };
    let ended = EndReason::VARIANTS.iter().any(|reason| reasons::is(status, *reason));
    let ended = (ended && second::is_settled(request)) || reasons::is(status, Outcome::DryRun);
    let granted = [Approved::StepsMet, Approved::SelfApproved].iter().any(|reason| reasons::is(status, *reason));
    is_settled(request) && (ended || (!granted && (status.grant.is_some() || reasons::is(status, Screened::Refused))))
}
/// Whether a change of the policy may concern the request, as far as `status.state` alone tells.
pub fn is_undecided(state: Option<&str>) -> bool {
    let open: [&str; 5] = [
        Screened::Complete.into(),
        Screened::Incomplete.into(),
        Screened::DetailRequested.into(),
        Approved::Waiting.into(),
        Approved::AtOnce.into(),
    ];
    state.is_none_or(|state| state == "New" || open.contains(&state))
}
/// Whether nothing will begin any more, or what began has ended, as far as `status.state` of a request or a record alone tells.
pub fn is_past(state: Option<&str>) -> bool {
    let no =
        Approved::VARIANTS.iter().filter(|reason| reason.truth() == Truth::False).map(|reason| <&str>::from(*reason));
    let refused = std::iter::once(<&str>::from(Screened::Refused));
    no.chain(grant::over_states()).chain(refused).any(|past| state == Some(past))
}
/// Every `status.state` in which a request is not undecided: the converse of [`is_undecided`], for a field selector.
pub fn settled_states() -> Vec<&'static str> {
    fn all<R: Reason + 'static>() -> impl Iterator<Item = &'static str> {
        R::VARIANTS.iter().map(|reason| (*reason).into())
    }
    let screened = all::<Screened>().chain(all::<Approved>());
    let active = all::<BeginReason>().chain(all::<Outcome>()).chain(all::<EndReason>());
    let states: BTreeSet<_> = screened.chain(active).filter(|state| !is_undecided(Some(state))).collect();
    states.into_iter().collect()
}
fn is_decided(status: &AccessRequestStatus) -> bool {
    let waiting: &str = Truth::Unknown.into();
    status.conditions.iter().any(|c| c.type_ == Approved::CONDITION && c.status != waiting)
}

/// The screening of a request that is decided in this pass; `None`: it is settled, another replica decides, or nobody can
/// be asked yet.
pub fn screened<'a>(seen: &Seen<'a>, grant: Option<&AccessGrant>, standing: &Standing) -> Option<Screening<'a>> {
    let is_ours = standing.lease_held && standing.guard != Guard::Unknown;
    (is_open(seen.request, grant) && is_ours).then(|| screening::screen(seen))
}
/// Whether it is still to be decided: it is not settled, and there is no record of it but one that was made at once.
pub fn is_open(request: &AccessRequest, grant: Option<&AccessGrant>) -> bool {
    grant.is_none_or(at_once::is_open) && !is_settled(request)
}

/// What has to be asked before this pass can be decided: what the requester can do already, once for each revision and
/// for what the role gives; whether a rule may approve once more; and whether an attested change was decided on before.
pub fn questions(observed: &Observed<'_>) -> Vec<Question> {
    let Some(screening) = observed.screening else { return vec![] };
    let complete = screening.judgement.as_ref().filter(|_| screening.screened == Screened::Complete);
    let of_complete = complete.map_or(vec![], |judgement| before_a_yes(judgement, &observed.standing.guard));
    of_complete.into_iter().chain(attestation::question(observed.seen.request)).collect()
}
/// What is asked of a complete request, so that a yes says what it gives, and a rule agrees no more often than it may.
fn before_a_yes(Judgement { filing, ruled, .. }: &Judgement<'_>, guard: &Guard) -> Vec<Question> {
    let mut questions = vec![];
    if let (Guard::Intact { .. }, Ruled::Approved(_)) = (guard, ruled) {
        questions.push(auto_approvals(filing));
    }
    if !gain::are_known(shown(filing.request), filing) {
        questions.extend(rights(filing));
    }
    questions
}
/// Whether rules approved fewer of this person's requests under this policy in 24 hours than it allows.
fn auto_approvals(filing: &Filing<'_>) -> Question {
    Question::HasAutoApprovals {
        user: filing.request.spec.requester.username.clone(),
        policy: filing.request.spec.policy.clone(),
        since: filing.now - TimeDelta::hours(24),
        limit: usize::try_from(filing.policy.spec.limits.auto_approvals_per_day).unwrap_or_default(),
    }
}
/// What the requester can do already.
fn rights(filing: &Filing<'_>) -> Vec<Question> {
    let request = filing.request;
    let (requester, namespace) = (&request.spec.requester, request.metadata.namespace.clone().unwrap_or_default());
    let one = |permission| Question::IsAllowed {
        user: requester.username.clone(),
        groups: requester.groups.clone(),
        namespace: namespace.clone(),
        permission,
    };
    let second = filing.then.map_or(vec![], |stage| role::permissions(stage.rules).0);
    let mut all = role::permissions(filing.rules).0;
    let more: Vec<_> = second.into_iter().filter(|permission| !all.contains(permission)).collect();
    all.extend(more);
    all.into_iter().map(one).collect()
}

/// What the requester would gain by the first access and by the second, as the request shows it for its text.
fn shown(request: &AccessRequest) -> (Option<&Permissions>, Option<&Permissions>) {
    let current = names::revision(request);
    let status = request.status.as_ref().filter(|s| s.revision.as_ref() == Some(&current));
    (status.and_then(|s| s.permissions.as_ref()), status.and_then(|s| s.then_permissions.as_ref()))
}

/// Decides one pass over a request.
pub fn decide(observed: &Observed<'_>, now: Now) -> Plan<AccessRequestStatus> {
    let request = observed.seen.request;
    let old = request.status.clone().unwrap_or_default();
    // Another replica decides. An end that is on record any replica copies: people must not wait for a lease to read of it.
    let has_ended = observed.grant.and_then(|g| g.status.as_ref()).is_some_and(|s| s.ended_at.is_some());
    if !observed.standing.lease_held && !has_ended {
        return Plan { effects: vec![], status: None, next: Next::OnChange };
    }
    // Nobody is asked in an epoch that has no name yet: what they said before it was on record could never count.
    if is_open(request, observed.grant) && observed.standing.guard == Guard::Unknown {
        return Plan { effects: vec![], status: None, next: Next::OnChange };
    }
    let mut draft = Draft { observed, status: old.clone(), now, why: None };
    let (effects, next) = match (observed.grant, observed.screening) {
        (Some(grant), screening) if grant.spec.provisional => {
            draft.mirror(grant);
            draft.holds_at_once(grant, screening)
        }
        (Some(grant), _) => {
            draft.mirror(grant);
            draft.continues(grant)
        }
        (None, Some(screening)) => draft.judge(screening),
        (None, None) => (vec![], Next::OnChange),
    };
    let mut status = draft.status;
    status.observed_generation = request.metadata.generation;
    status.state = Some(state(&status));
    Plan { effects, status: (request.status.is_none() || status != old).then_some(status), next }
}

/// The reason of the condition that decides where the request stands.
fn state(status: &AccessRequestStatus) -> String {
    let reason = |type_: &str| status.conditions.iter().find(|c| c.type_ == type_).map(|c| c.reason.clone());
    // What was given at once and is still to be decided stands out.
    let active = reason("Active").filter(|_| !reasons::is(status, Approved::AtOnce));
    let decided = is_decided(status).then(|| reason(Approved::CONDITION)).flatten();
    let screened = reason(Screened::CONDITION).filter(|_| !reasons::is(status, Screened::Complete));
    active.or(decided).or(screened).or_else(|| reason(Approved::CONDITION)).unwrap_or_else(|| "New".into())
}

/// A status in the making.
struct Draft<'a> {
    observed: &'a Observed<'a>,
    status: AccessRequestStatus,
    now: Now,
    /// Why nothing is granted, where no decision says it.
    why: Option<String>,
}
impl Draft<'_> {
    fn set<R: Reason>(&mut self, reason: R, message: impl Into<String>) {
        let generation = self.observed.seen.request.metadata.generation;
        let message = message.into().chars().take(4096).collect::<String>();
        reasons::set(&mut self.status, reason, message, generation, self.now.for_record());
    }

    /// What the record says, copied from one that exists, never from one that is about to be made.
    fn mirror(&mut self, grant: &AccessGrant) {
        (self.status.waiting_for, self.status.brief, self.status.asked_since) = (vec![], vec![], None);
        self.status.grant = grant.metadata.name.clone();
        if self.status.expires_at.is_none() {
            self.status.expires_at = grant.spec.expires_at;
        }
        if !is_decided(&self.status) && !grant.spec.provisional {
            let by = grant.spec.approved_by.as_deref().unwrap_or("nobody");
            match (grant.spec.outcome, grant.spec.expires_at) {
                (Outcome::Approved, Some(end)) if grant.spec.self_approved.is_some() => {
                    let of = grant.spec.self_approved.as_ref();
                    let words = of.map_or_else(String::new, |of| self_approval::in_words(of, &grant.spec.user));
                    self.set(Approved::SelfApproved, format!("{words}; access ends by itself at {end}"))
                }
                (Outcome::Approved, Some(end)) => {
                    let begins = match grant.spec.not_before {
                        start if start > self.now.for_record() => format!("begins by itself at {start} and "),
                        _ => String::new(),
                    };
                    let renews = match &grant.spec.renewal {
                        Some(renewal) => format!("it renews {}; ", renewal.of),
                        None => String::new(),
                    };
                    self.set(
                        Approved::StepsMet,
                        format!("agreed by {by}; {renews}access {begins}ends by itself at {end}"),
                    )
                }
                (Outcome::DryRun, _) => self.set(
                    Approved::StepsMet,
                    format!("agreed by {by}; the policy's mode is DryRun: nothing was granted"),
                ),
                (Outcome::RoleGrew, _) => {
                    let why = grant.spec.why.clone();
                    self.set(
                        Approved::RoleChanged,
                        why.unwrap_or_else(|| "its role grew after it was agreed to".into()),
                    )
                }
                (Outcome::Denied | Outcome::Approved, _) => self.set(Approved::Denied, record::refusal(grant)),
                (Outcome::TimedOut, _) => self.set(Approved::TimedOut, "nobody decided in time: file a new request"),
                (Outcome::Withdrawn, _) => self.set(Approved::Withdrawn, "it was closed before it was decided"),
            }
        }
        let shown = second::shown(grant, self.observed.second);
        let active = shown.status.as_ref().and_then(|s| s.conditions.iter().find(|c| c.type_ == "Active"));
        if let (Some(active), Outcome::Approved | Outcome::DryRun) = (active, grant.spec.outcome) {
            self.copy(active);
        }
    }
    /// The second access, if one was agreed to: what is to be done for it, and its record once its requester has started it.
    fn continues(&mut self, first: &AccessGrant) -> (Vec<Effect>, Next) {
        let Observed { seen, second, standing, refused, .. } = *self.observed;
        if let Some(second) = second {
            self.status.then_grant = second.metadata.name.clone();
            self.status.then_expires_at = second.spec.expires_at;
        }
        // One replica alone decides whether it was started in time.
        if !standing.lease_held {
            return (vec![], Next::OnChange);
        }
        let rule = seen.policy.map_or_else(ReasonRule::default, |policy| policy.spec.evidence.reason.clone());
        let Some(stands) = second::stands(seen.request, first, second, &rule, standing) else {
            return (vec![], Next::OnChange);
        };
        let longest = second::longest(&seen, self.now);
        let grant = second::award(seen.request, first, stands.0, standing, longest, self.now);
        match (grant, refused) {
            (Some(_), Some(words)) => {
                self.set(SecondStage::Held, format!("the API server refuses the record: {words}"));
                (vec![], Next::After(LOOK_AGAIN))
            }
            (Some(grant), None) => (vec![Effect::CreateGrant(Box::new(grant))], Next::AtOnce),
            (None, _) => {
                self.set(stands.0, stands.1);
                (vec![], Next::OnChange)
            }
        }
    }
    fn copy(&mut self, active: &Condition) {
        let copied =
            Condition { observed_generation: self.observed.seen.request.metadata.generation, ..active.clone() };
        match self.status.conditions.iter_mut().find(|c| c.type_ == active.type_) {
            Some(old) => *old = copied,
            None => self.status.conditions.push(copied),
        }
    }

    /// An undecided request: screened, then counted.
    fn judge(&mut self, screening: &Screening<'_>) -> (Vec<Effect>, Next) {
        let request = self.observed.seen.request;
        let Screening { checks, screened, message, notes: _, judgement } = screening;
        let filing = judgement.as_ref().map(|judgement| &judgement.filing);
        let revision = names::revision(request);
        let is_new_text = self.status.revision.as_ref() != Some(&revision);
        self.status.checks = checks.clone();
        self.status.access = filing.map(|f| f.access.name.clone());
        self.status.duration = filing.map(|f| Span::from(f.duration));
        self.status.lane = Some(lane::of(&request.spec));
        (self.status.waiting_for, self.status.brief, self.status.asked_since) = (vec![], vec![], None);
        if is_new_text {
            (self.status.permissions, self.status.then_permissions) = (None, None);
            (self.status.mode, self.status.revision) = (None, Some(revision));
            self.status.filed_under = None;
        }
        if *screened == Screened::Refused {
            self.set(Screened::Refused, message);
            return (vec![], Next::OnChange);
        }
        if self.status.filed_under.is_none() {
            self.status.filed_under = self.observed.seen.policy.and_then(edits::filed_under);
        }
        let ends = self.times_out_at(filing);
        let is_closed = request.status.as_ref().is_some_and(|s| s.close.is_some());
        let timed_out = (ends <= self.now.wall).then_some(Outcome::TimedOut);
        if let Some(outcome) = is_closed.then_some(Outcome::Withdrawn).or(timed_out) {
            self.set(*screened, message);
            return self.conclude(judgement.as_ref(), outcome, vec![], None);
        }
        let left = ends - self.now.wall;
        match (screened, judgement) {
            (Screened::Complete, Some(judgement)) => self.weigh(screening, judgement, left),
            _ => {
                self.set(*screened, message);
                self.waits_for_its_requester();
                (vec![], Next::After(LOOK_AGAIN.min(left)))
            }
        }
    }
    /// Nobody may decide at the moment, so nothing may say that they are waited for.
    fn waits_for_its_requester(&mut self) {
        if reasons::is(&self.status, Approved::Waiting) {
            self.set(Approved::Waiting, "nobody can decide at the moment: see condition Screened");
        }
    }

    /// A complete request: what those who decide made of it.
    fn weigh(&mut self, screening: &Screening<'_>, judgement: &Judgement<'_>, left: TimeDelta) -> (Vec<Effect>, Next) {
        let count = self.count(judgement);
        let grown = self.looks_at_the_roles(&judgement.filing);
        let denied = if let Ruled::Denied(rule) = judgement.ruled { Some(rule) } else { None };
        match (denied, &count.verdict) {
            (None, Verdict::DetailWanted(by)) => self.set(Screened::DetailRequested, more_detail(by)),
            _ => self.set(Screened::Complete, &screening.message),
        }
        if denied.is_some() {
            return self.conclude(Some(judgement), Outcome::Denied, count.agreed, denied);
        }
        match (count.verdict, grown.filter(|_| !count.agreed.is_empty())) {
            (Verdict::Denied(by), _) => self.conclude(Some(judgement), Outcome::Denied, vec![*by], None),
            (Verdict::DetailWanted(_), _) => {
                self.waits_for_its_requester();
                (vec![], Next::After(left))
            }
            (Verdict::StepsMet(_) | Verdict::Waiting(_), Some(grown)) => {
                self.why = Some(format!("the {grown}: file a new request"));
                self.conclude(Some(judgement), Outcome::RoleGrew, count.agreed, None)
            }
            (Verdict::StepsMet(approvals), None) => self.all_agreed(judgement, approvals, left),
            (Verdict::Waiting(steps), None) => {
                let open = Open { steps, agreed: count.agreed, unjudged: count.unjudged, notes: &screening.notes };
                self.still_open(judgement, open, left)
            }
        }
    }
    /// Counts who decided, and writes down what came of each and under what.
    fn count(&mut self, judgement: &Judgement<'_>) -> Count {
        let (filing, guard) = (&judgement.filing, &self.observed.standing.guard);
        let Attested { judged, counted } = attestation::judge(filing, guard, self.observed.answers, self.now);
        let mut count = approval::count(judgement, guard, &counted, self.now);
        (self.status.attested, self.status.decisions) = (judged, std::mem::take(&mut count.judged));
        self.status.closers = approval::closers(filing);
        if let Guard::Intact { epoch } = guard {
            self.status.admission_epoch = Some(epoch.clone());
        }
        // Who was asked in a trial agreed to a trial.
        let is_trial = self.status.mode == Some(Mode::DryRun) || filing.policy.spec.mode == Mode::DryRun;
        self.status.mode = is_trial.then_some(Mode::DryRun);
        count
    }
    /// What a yes makes of it: access, or what a trial says of it.
    fn yes(&self) -> Outcome {
        if self.status.mode == Some(Mode::DryRun) { Outcome::DryRun } else { Outcome::Approved }
    }
    /// Every step is met: nobody has to be waited for.
    fn all_agreed(
        &mut self,
        judgement: &Judgement<'_>,
        approvals: Vec<ApprovalOf>,
        left: TimeDelta,
    ) -> (Vec<Effect>, Next) {
        let filing = &judgement.filing;
        let held = if shown(self.observed.seen.request).0.is_none() {
            self.set(Approved::Waiting, "what it would give is put on record first");
            return (vec![], Next::AtOnce);
        } else if let Ruled::Held(why) = &judgement.ruled {
            is_held(filing, why)
        } else if !matches!(self.observed.standing.guard, Guard::Intact { .. }) {
            "nothing is granted while admission is not as installed".to_owned()
        } else if !self.knows_the_roles(filing) {
            return (vec![], Next::AtOnce);
        } else {
            return self.conclude(Some(judgement), self.yes(), approvals, None);
        };
        self.set(Approved::Waiting, format!("everybody agreed, but {held}"));
        (vec![], Next::After(LOOK_AGAIN.min(left)))
    }
    /// Some steps are not met: a rule agrees, or people are waited for.
    fn still_open(&mut self, judgement: &Judgement<'_>, open: Open<'_>, left: TimeDelta) -> (Vec<Effect>, Next) {
        let filing = &judgement.filing;
        if !matches!(self.observed.standing.guard, Guard::Intact { .. }) {
            self.set(Approved::Waiting, "nobody is asked while admission is not as installed: it could not count");
            return (vec![], Next::After(LOOK_AGAIN.min(left)));
        }
        let limit = match &judgement.ruled {
            Ruled::Approved(rule) => match self.has_room_for_a_rule(filing) {
                Ok(()) if !self.knows_the_roles(filing) => return (vec![], Next::AtOnce),
                Ok(()) => return self.conclude(Some(judgement), self.yes(), open.agreed, Some(rule)),
                Err(words) => format!("; rule `{}` would agree, but {words}", rule.name),
            },
            Ruled::Held(why) => format!("; {}", is_held(filing, why)),
            Ruled::Open if self.yes() == Outcome::Approved && at_once::is_open_to(filing, &self.observed.seen) => {
                let lane = filing.policy.spec.emergency.as_ref();
                return lane.map_or((vec![], Next::OnChange), |lane| self.gives_at_once(judgement, lane));
            }
            Ruled::Open => match self.goes_on_alone(judgement, &open) {
                Some(done) => return done,
                None => String::new(),
            },
            Ruled::Denied(_) => String::new(),
        };
        self.waits(filing, open, &limit, left)
    }
    /// People are waited for: who, until when, and all that they need.
    fn waits(&mut self, filing: &Filing<'_>, open: Open<'_>, limit: &str, left: TimeDelta) -> (Vec<Effect>, Next) {
        let Open { steps, agreed: _, unjudged, notes } = open;
        let unjudged: String = unjudged.iter().map(|why| format!("; {why}")).collect();
        self.status.asked_since = Some(self.asked_since().unwrap_or_else(|| self.now.for_record()));
        let alone = self_approval::from(filing, &self.status, self.observed.seen.missed);
        let waits = format!(
            "{}{}{}; {}",
            what_is_asked(filing, self.now.wall),
            gain::in_words(&self.status),
            edits::in_words(self.observed.seen.edits, Some(filing.policy)),
            waits_for(&steps, self.times_out_at(Some(filing)), self.now)
        );
        let alone_words = alone.map_or_else(String::new, |from| format!("; {}", self_approval::warning(filing, from)));
        self.set(Approved::Waiting, waits + &alone_words + limit + &unjudged + &left_out(&self.status));
        self.status.brief = self.brief(filing, notes, &steps, None);
        let next = approval::next_backups(&steps, self.now).unwrap_or(left).min(left);
        let next = alone.map_or(next, |from| next.min(from.get() - self.now.wall)).max(TimeDelta::zero());
        self.status.waiting_for = steps;
        // What expressions speak of changes without an event: labels, and the time.
        (vec![], Next::After(if has_expressions(filing) { next.min(LOOK_AGAIN) } else { next }))
    }

    /// Since when those who decide on this text are asked, as it is stored.
    fn asked_since(&self) -> Option<Instant> {
        let request = self.observed.seen.request;
        let current = names::revision(request);
        let stored = request.status.as_ref().filter(|s| s.revision.as_ref() == Some(&current));
        stored.filter(|s| !s.waiting_for.is_empty()).and_then(|s| s.asked_since)
    }
    /// Nobody has answered, and who asked goes on alone; `None`: people are waited for.
    fn goes_on_alone(&mut self, judgement: &Judgement<'_>, open: &Open<'_>) -> Option<(Vec<Effect>, Next)> {
        let filing = &judgement.filing;
        let stored = AccessRequestStatus { asked_since: self.asked_since(), ..self.status.clone() };
        let from = self_approval::from(filing, &stored, self.observed.seen.missed)?;
        let is_granted = from.get() <= self.now.wall && self.now.is_trusted() && self.yes() == Outcome::Approved;
        if !is_granted || shown(filing.request).0.is_none() || !self.knows_the_roles(filing) {
            return None;
        }
        let record = self.award(judgement, Outcome::Approved, vec![], None);
        let record = record.map(|record| self_approval::on_record(record, filing, &open.steps));
        Some(self.records(record))
    }
    /// The record of this outcome; `None`: it cannot be made yet.
    fn award(
        &self,
        judgement: &Judgement<'_>,
        outcome: Outcome,
        approvals: Vec<ApprovalOf>,
        rule: Option<&ApprovalRule>,
    ) -> Option<AccessGrant> {
        let epoch = self.status.admission_epoch.clone().unwrap_or_default();
        let permissions = self.status.permissions.clone().unwrap_or_default();
        record::award(judgement, outcome, approvals, permissions, rule, &epoch, self.now)
    }
    /// Makes the record of what is granted without an approval.
    fn records(&mut self, record: Option<AccessGrant>) -> (Vec<Effect>, Next) {
        match (self.observed.refused, record) {
            (Some(words), _) => {
                self.set(Approved::Waiting, format!("the API server refuses the record: {words}"));
                (vec![], Next::After(LOOK_AGAIN))
            }
            (None, Some(record)) => (vec![Effect::CreateGrant(Box::new(record))], Next::AtOnce),
            (None, None) => {
                self.set(Approved::Waiting, "the record cannot be made yet");
                (vec![], Next::OnChange)
            }
        }
    }

    /// Whether rules may approve one more request of this person; no answer is no.
    fn has_room_for_a_rule(&self, filing: &Filing<'_>) -> Result<(), String> {
        let is_it = |a: &&Answer| matches!(a.question, Question::HasAutoApprovals { .. });
        match self.observed.answers.iter().find(is_it) {
            Some(answer) if answer.yes => Ok(()),
            Some(answer) => {
                let words = &answer.words;
                Err(format!("rules approve so many requests of one person in 24 hours: {words}; so people decide"))
            }
            None => {
                Err(format!("how many it approved for {} is not known yet", filing.request.spec.requester.username))
            }
        }
    }

    /// What those who decide need, as of when the request was found complete.
    fn brief(
        &self,
        filing: &Filing<'_>,
        notes: &[String],
        steps: &[Waiting],
        given: Option<&AccessGrant>,
    ) -> Vec<String> {
        let since = screening::complete_since(&self.status.conditions).map_or(self.now.wall, Instant::get);
        let end = given.and_then(|first| first.spec.expires_at);
        let until = end.map_or_else(|| self.times_out_at(Some(filing)), Instant::get);
        let alone = self_approval::from(filing, &self.status, self.observed.seen.missed).filter(|_| given.is_none());
        brief::lines(&brief::Facts { filing, status: &self.status, notes, steps, since, until, alone, given })
    }

    /// Makes the record, or says why it cannot be made. What was never complete leaves none: it stays on the request.
    fn conclude(
        &mut self,
        judgement: Option<&Judgement<'_>>,
        outcome: Outcome,
        approvals: Vec<ApprovalOf>,
        rule: Option<&ApprovalRule>,
    ) -> (Vec<Effect>, Next) {
        if let Some(words) = self.observed.refused {
            self.set(Approved::Waiting, format!("the API server refuses the record: {words}"));
            return (vec![], Next::After(LOOK_AGAIN));
        }
        let was_asked = !self.status.closers.is_empty();
        let award = |of: &Judgement<'_>| self.award(of, outcome, approvals, rule);
        if let Some(mut grant) = judgement.filter(|_| was_asked).and_then(award) {
            grant.spec.why = self.why.as_deref().map(|why| text::line(why, 1024));
            return (vec![Effect::CreateGrant(Box::new(grant))], Next::AtOnce);
        }
        match outcome {
            Outcome::Withdrawn => self.set(Approved::Withdrawn, "it was closed before anybody was asked"),
            Outcome::TimedOut => self.set(Approved::TimedOut, "it was not completed in time: file a new request"),
            Outcome::Approved | Outcome::Denied | Outcome::DryRun | Outcome::RoleGrew => {
                self.set(Approved::Waiting, "the record cannot be made yet")
            }
        }
        (vec![], Next::OnChange)
    }

    fn times_out_at(&self, filing: Option<&Filing<'_>>) -> DateTime<Utc> {
        let default = TimeDelta::hours(1);
        let request = self.observed.seen.request;
        let filed = screening::filed_at(request, self.now.wall);
        let policy = filing.map(|f| f.policy).or(self.observed.seen.policy);
        let usual = filed + policy.map_or(default, |p| p.spec.approval.pending_timeout.delta());
        // Planned work waits until its start; what is planned too far ahead is not kept for longer than anything may be.
        let start = request.spec.start_time.map(|start| start.get().min(filed + checks::FARTHEST));
        let planned = start.map_or(usual, |start| usual.max(start));
        request.spec.start_deadline.map_or(planned, |deadline| planned.min(deadline.get()))
    }

    /// Brings `permissions` up to date, and says what a role gives beyond what people were shown.
    fn looks_at_the_roles(&mut self, filing: &Filing<'_>) -> Option<String> {
        let answers = self.observed.answers;
        let AccessRequestStatus { permissions, then_permissions, .. } = &mut self.status;
        let grown =
            |access: &Access, gains: String| format!("{} grew after it was agreed to (gains {gains})", access.role_ref);
        let first = gain::update(permissions, filing.rules, answers).map(|gains| grown(filing.access, gains));
        let second = filing.then.and_then(|stage| {
            gain::update(then_permissions, stage.rules, answers).map(|gains| grown(stage.access, gains))
        });
        first.or(second)
    }
    /// Whether `permissions` speaks of what the roles give now.
    fn knows_the_roles(&self, filing: &Filing<'_>) -> bool {
        let AccessRequestStatus { permissions, then_permissions, .. } = &self.status;
        gain::are_known((permissions.as_ref(), then_permissions.as_ref()), filing)
    }
}

/// A complete request whose steps are not all met.
struct Open<'a> {
    steps: Vec<Waiting>,
    /// The approvals that count.
    agreed: Vec<ApprovalOf>,
    /// Steps whose `when` cannot be judged, and why.
    unjudged: Vec<String>,
    /// What the screening wants those who decide to read.
    notes: &'a [String],
}

fn more_detail(by: &ApprovalOf) -> String {
    let what = by.comment.as_ref().map_or(String::new(), |c| format!(": {c}"));
    format!("{} asks for more detail{what}. Correct the manifest and apply it again.", by.by)
}

/// Who decided without effect: nobody decides twice on one text, so that others must hear of it.
fn left_out(status: &AccessRequestStatus) -> String {
    let not_needed: &str = attestation::Objection::NotNeeded.into();
    let is_vain = |d: &&Judged| !d.counted && status.revision.as_ref() == Some(&d.revision) && d.reason != not_needed;
    let vain: Vec<_> = status
        .decisions
        .iter()
        .chain(&status.attested)
        .filter(is_vain)
        .map(|d| format!("{} ({})", d.by, d.message))
        .collect();
    if vain.is_empty() { String::new() } else { format!("; does not count, so another has to: {}", vain.join(", ")) }
}

/// `alice asks for logs (ReadOnly) in billing for 30m`: what a yes would give.
fn what_is_asked(filing: &Filing<'_>, now: DateTime<Utc>) -> String {
    let place = filing.request.metadata.namespace.as_deref().unwrap_or_default();
    let (spec, access) = (&filing.request.spec, filing.access);
    let who = match &spec.filed_by {
        Some(filer) => format!("{filer} asks, for {},", spec.requester.username),
        None => format!("{} asks", spec.requester.username),
    };
    let from = spec.start_time.map_or_else(String::new, |start| format!(" from {start}"));
    let length = Span::from(filing.duration);
    let (most, then) = (no_longer_than(filing, now), second::in_words(filing.then));
    let crisis = spec.emergency.as_ref().map_or(String::new(), |of| format!(" in an emergency ({:?})", of.harm));
    let renews = filing.renews.map_or(String::new(), |r| format!(", renewing {} (renewal {})", r.answers.of, r.depth));
    let (name, level) = (&access.name, access.level);
    format!("{who} for {name} ({level:?}) in {place} for {length}{from}{most}{crisis}{renews}{then}")
}

/// Where the day ends before what was asked for does.
fn no_longer_than(filing: &Filing<'_>, now: DateTime<Utc>) -> String {
    let begins = term::begins(filing.request, now);
    match term::rest_of_day(&filing.policy.spec, filing.installation, begins) {
        Some((left, until)) if left < filing.duration => format!(", {until}"),
        _ => String::new(),
    }
}

/// Why nothing is granted while a rule cannot be judged: it might have said no.
fn is_held(filing: &Filing<'_>, why: &str) -> String {
    let owner = &filing.policy.spec.owner;
    format!("nothing is granted while a rule of the policy cannot be judged; tell its owner, {owner}: {why}")
}
fn has_expressions(filing: &Filing<'_>) -> bool {
    let approval = &filing.policy.spec.approval;
    !approval.rules.is_empty() || approval.steps.iter().any(|step| step.when.is_some())
}

fn waits_for(steps: &[Waiting], until: DateTime<Utc>, now: Now) -> String {
    let one = |w: &Waiting| {
        let names = |of: &[Subject]| of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let later = w.backups_from.filter(|from| from.get() > now.wall);
        let later = later.map_or(String::new(), |from| format!("; from {from} also {}", names(&w.backups)));
        format!("{} ({} of {}{later})", w.step, w.need, names(&w.approvers))
    };
    let steps: Vec<_> = steps.iter().map(one).collect();
    format!("waits until {} for {}: status.waitingFor has the command", Instant::new(until), steps.join("; "))
}

#[cfg(test)]
mod tests;
