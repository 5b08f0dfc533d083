//! One grant's life: begins, runs, ends, is verified, and goes after its retention.
//!
//! The end comes first in every pass and sees neither policy, lease nor guard: see [`end_of`].
pub mod basis;
mod ending;

pub use basis::Basis;
use basis::Holds;

use super::duties::{self, Missed};
use super::effect::{Answer, Effect, Identity, Question};
use super::role::{self, Permission};
use super::timeline::{self, Chain};
use super::usage::Watch;
use super::{
    Fuses, Guard, Installation, Next, Now, Plan, Standing, at_once, children, record, self_approval, transition,
};
use crate::api::grant::{AccessGrant, AccessGrantStatus, FuseOf};
use crate::api::reasons::{self, BeginReason, DutiesMet, EndReason, FlagType, Outcome, Reason, RemovalVerified};
use crate::api::{names, request::AccessRequest};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleBinding};
use kube::ResourceExt;
use strum::VariantArray;

/// Nothing begins when less than this is left.
const MARGIN: TimeDelta = TimeDelta::seconds(2);
/// How long after the end a pass looks after it, if no event has told of it: the expiry task is to be first.
const AFTERWARDS: TimeDelta = TimeDelta::milliseconds(500);
/// How soon to look again at something that should change by itself.
const SOON: TimeDelta = TimeDelta::seconds(5);
/// How long before a duty is due it is waited for to the second.
const NEAR: TimeDelta = TimeDelta::minutes(10);
/// How long before the access that it renews ends a renewal begins, so that there is no gap: its person has that access.
const LEAD: TimeDelta = TimeDelta::seconds(5);

/// What the role gives now.
#[derive(Clone, Debug, PartialEq)]
pub enum RoleNow {
    /// It was not read, or could not be: nothing follows from that, but that nothing begins.
    Unread,
    /// There is none of that name: it gives nothing.
    Gone,
    /// These rules.
    Gives(Vec<PolicyRule>),
}

/// What the end is judged by: read live, as an absence in a cache proves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The record.
    pub grant: &'a AccessGrant,
    /// The request of the same UID.
    pub request: Option<&'a AccessRequest>,
    /// What has the fuse's name.
    pub fuse: Option<&'a Job>,
    /// What has the binding's name.
    pub binding: Option<&'a RoleBinding>,
    /// Where it holds.
    pub namespace: Option<&'a Namespace>,
    /// What its role gives.
    pub role: &'a RoleNow,
    /// What its person missed on another record, and has not made good.
    pub missed: Option<&'a Missed>,
    /// What is known of its use.
    pub watch: Watch<'a>,
}

/// What was read at the start of the pass.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// What the end is judged by.
    pub found: Found<'a>,
    /// The chain of its history, as the API server has it.
    pub chain: &'a Chain,
    /// The grant that it renews, or goes on with.
    pub renewed: Option<&'a AccessGrant>,
    /// The record by which it goes on, where it was given at once.
    pub follower: Option<&'a str>,
    /// Who reviewed it and had access for the same ticket themselves.
    pub responders: &'a [String],
    /// What the installation fixes.
    pub installation: &'a Installation,
    /// What must hold before anything begins.
    pub standing: &'a Standing,
    /// What a beginning is judged by; `None` where it was not [needed](basis::is_needed).
    pub basis: Option<Basis<'a>>,
    /// To the questions of this pass.
    pub answers: &'a [Answer],
    /// The effect that the server will not have, and its words.
    pub refused: Option<(&'a Effect, &'a str)>,
}

impl Found<'_> {
    /// The binding, if it is this grant's.
    fn own_binding(&self) -> Option<&RoleBinding> {
        self.binding.filter(|b| children::is_ours(*b, self.grant))
    }
    /// The fuse, if it is this grant's.
    fn own_fuse(&self) -> Option<&Job> {
        self.fuse.filter(|f| children::is_ours(*f, self.grant))
    }
    /// Whether the binding is not what was made.
    fn is_tampered(&self) -> bool {
        let both = self.own_binding().zip(self.own_fuse());
        both.is_some_and(|(binding, fuse)| !children::is_as_made(binding, self.grant, fuse))
    }
    /// What the role gives beyond what was agreed to, in words.
    fn growth(&self) -> Option<String> {
        match self.role {
            RoleNow::Gives(rules) => role::grew(&self.grant.spec.rules, rules),
            RoleNow::Unread | RoleNow::Gone => None,
        }
    }
    /// The missed duty that ends it.
    fn missed_duty(&self) -> Option<&Missed> {
        self.missed.filter(|missed| missed.ends(self.grant))
    }
    /// Whether nobody has used it for as long as its policy said.
    fn is_unused(&self, now: Now) -> bool {
        self.watch.unused_at(self.grant).is_some_and(|at| at <= now.wall)
    }
    fn status(&self) -> AccessGrantStatus {
        self.grant.status.clone().unwrap_or_default()
    }
}

/// Whether the record says all that it will ever say: only its retention is left to wait for.
pub fn is_over(grant: &AccessGrant) -> bool {
    let verified = |s: &AccessGrantStatus| s.end_reason.is_some() && reasons::is(s, RemovalVerified::Removed);
    let refused = |s: &AccessGrantStatus| grant.spec.outcome != Outcome::Approved && reasons::is(s, grant.spec.outcome);
    grant.status.as_ref().is_some_and(|s| verified(s) || refused(s))
}

/// Whether it gives access, or may yet.
pub fn may_give_access(grant: &AccessGrant) -> bool {
    let ended = grant.status.as_ref().is_some_and(|s| s.end_reason.is_some());
    grant.spec.outcome == Outcome::Approved && !ended
}

/// Every `status.state` of a record under which it gives no access, and will give none: the converse of [`may_give_access`], for
/// a field selector.
pub fn over_states() -> impl Iterator<Item = &'static str> {
    let ended = EndReason::VARIANTS.iter().map(|reason| <&str>::from(*reason));
    let refused = Outcome::VARIANTS.iter().filter(|of| **of != Outcome::Approved).map(|of| <&str>::from(*of));
    ended.chain(refused)
}

/// Whether, and by what, access has ended. `None`: it has not.
pub fn end_of(found: &Found<'_>, now: Now) -> Option<EndReason> {
    let status = found.grant.status.as_ref();
    if let Some(recorded) = status.and_then(|s| s.end_reason) {
        return Some(recorded);
    }
    // The binding may be gone, and the role as it was or the duty met, since this was found.
    let is_flagged = |flag: FlagType| status.is_some_and(|s| s.flags.iter().any(|f| f.type_ == flag));
    if is_flagged(FlagType::RoleGrew) {
        return Some(EndReason::RoleChanged);
    }
    if is_flagged(FlagType::EndedForDuty) {
        return Some(EndReason::DutyMissed);
    }
    let started = status.is_some_and(|s| s.started_at.is_some()) || found.own_binding().is_some();
    let recorded_fuse = status.and_then(|s| s.fuse.as_ref());
    if record::due(found.grant).is_none_or(|due| due.get() <= now.for_ending()) {
        // Once the fuse is on record the binding may have been made, also if nobody wrote that down.
        return Some(if started || recorded_fuse.is_some() { EndReason::Expired } else { EndReason::NeverStarted });
    }
    if !started && found.grant.spec.start_deadline.is_some_and(|deadline| deadline.get() < now.for_ending()) {
        return Some(EndReason::NeverStarted);
    }
    if found.namespace.is_none_or(children::is_dying) {
        return Some(EndReason::NamespaceDeleted);
    }
    let Some(request) = found.request.filter(|r| !children::is_dying(*r)) else {
        return Some(EndReason::RequestDeleted);
    };
    if let Some(close) = request.status.as_ref().and_then(|s| s.close.as_ref()) {
        return Some(if close.by == found.grant.spec.user { EndReason::Closed } else { EndReason::Revoked });
    }
    if at_once::refusal(request, found.grant).is_some() {
        return Some(EndReason::Revoked);
    }
    if found.missed_duty().is_some() {
        return Some(EndReason::DutyMissed);
    }
    if !found.is_tampered() && found.is_unused(now) {
        return Some(EndReason::Unused);
    }
    // Before the fuse and the binding are missed: a crash may have come between their deletion and the record of why.
    if !found.is_tampered() && found.growth().is_some() {
        return Some(EndReason::RoleChanged);
    }
    if recorded_fuse
        .is_some_and(|r| found.fuse.is_none_or(|f| f.uid().as_deref() != Some(&r.uid) || children::is_dying(f)))
    {
        return Some(EndReason::FuseBurned);
    }
    match (found.own_binding(), found.own_fuse()) {
        _ if found.is_tampered() => Some(EndReason::Tampered),
        (Some(binding), _) if children::is_dying(binding) => Some(EndReason::BindingDeleted),
        (None, _) if started => Some(EndReason::BindingDeleted),
        _ => None,
    }
}

/// What has to be asked before this pass can be decided.
pub fn questions(observed: &Observed<'_>, now: Now) -> Vec<Question> {
    let (found, spec) = (&observed.found, &observed.found.grant.spec);
    if spec.outcome != Outcome::Approved {
        return vec![];
    }
    if end_of(found, now).is_some() {
        let verified = found.grant.status.as_ref().is_some_and(|s| reasons::is(s, RemovalVerified::Removed));
        return if found.own_binding().is_none() && !verified { still_allowed(found.grant) } else { vec![] };
    }
    match next_step(observed, now) {
        Step::Bind(_) => {
            vec![Question::IsAdmissionLive { namespace: spec.namespace.clone(), request: spec.request.name.clone() }]
        }
        Step::LightFuse => {
            vec![Question::HasRoom {
                namespace: spec.namespace.clone(),
                // What it renews leaves its place to it.
                limit: observed.installation.grants_per_namespace + usize::from(follows_live(observed)),
            }]
        }
        _ => vec![],
    }
}

/// Whether each permission that the grant added is still allowed to the person, with the groups on record.
fn still_allowed(grant: &AccessGrant) -> Vec<Question> {
    let spec = &grant.spec;
    let one = |permission: Permission| Question::IsAllowed {
        user: spec.user.clone(),
        groups: spec.groups.clone(),
        namespace: spec.namespace.clone(),
        permission,
    };
    added(grant).into_iter().map(one).collect()
}

/// Each permission that the grant added.
fn added(grant: &AccessGrant) -> Vec<Permission> {
    grant.spec.adds.iter().filter_map(|line| role::read(line).ok()).flatten().collect()
}

/// Decides one pass over a grant.
pub fn decide(observed: &Observed<'_>, now: Now) -> Plan<AccessGrantStatus> {
    let grant = observed.found.grant;
    // Nothing is lost to a clock that is wrong.
    let is_kept = record::kept_until(grant).is_none_or(|until| until > now.wall) || !now.is_trusted();
    if !is_kept && observed.standing.lease_held && may_go(grant) {
        return Plan { effects: vec![Effect::DeleteGrant(Identity::of(grant))], status: None, next: Next::OnChange };
    }
    let plan = match end_of(&observed.found, now) {
        _ if grant.spec.outcome != Outcome::Approved => refused(observed, now),
        Some(reason) => ending::end(observed, reason, now),
        None => begin(observed, now),
    };
    // As of now, or as it will be stored: whichever says more of what is owed.
    let owing = plan.status.as_ref().or(grant.status.as_ref());
    let due = owing.and_then(|status| duties::next(status, now));
    Plan { next: due.map_or(plan.next, |due| sooner(plan.next, due)), ..plan }
}

/// The same, but not later than when a duty is due.
fn sooner(next: Next, due: TimeDelta) -> Next {
    match next {
        Next::After(wait) => Next::After(wait.min(due)),
        Next::Eventually(wait) if due < NEAR => Next::After(wait.min(due)),
        Next::OnChange if due < NEAR => Next::After(due),
        Next::Eventually(wait) => Next::Eventually(wait.min(due - NEAR / 2)),
        Next::OnChange => Next::Eventually(due - NEAR / 2),
        Next::AtOnce => Next::AtOnce,
    }
}

/// Only a record whose access is known to be gone may go (admission says the same).
fn may_go(grant: &AccessGrant) -> bool {
    grant.spec.expires_at.is_none() || grant.status.as_ref().is_some_and(|s| reasons::is(s, RemovalVerified::Removed))
}

/// Nothing was granted: the record says so, and waits for its retention.
fn refused(observed: &Observed<'_>, now: Now) -> Plan<AccessGrantStatus> {
    let (grant, mut status) = (observed.found.grant, observed.found.status());
    let words = format!("nothing was granted: {}", outcome_in_words(grant));
    reasons::set(&mut status, grant.spec.outcome, words, grant.metadata.generation, now.for_record());
    Plan { effects: vec![], status: changed(observed, status, now), next: until_retention(grant, now) }
}
fn outcome_in_words(grant: &AccessGrant) -> String {
    match grant.spec.outcome {
        Outcome::Denied if grant.spec.rule.is_some() => record::refusal(grant),
        Outcome::Denied => format!("{} said no", grant.spec.approvals.last().map_or("somebody", |a| &a.by)),
        Outcome::TimedOut => "nobody decided in time".into(),
        Outcome::Withdrawn => "it was closed before it was decided".into(),
        Outcome::RoleGrew => grant.spec.why.clone().unwrap_or_else(|| "its role grew after it was agreed to".into()),
        Outcome::DryRun => "everybody agreed; the policy's mode is DryRun".into(),
        Outcome::Approved => format!("approved by {}", grant.spec.approved_by.as_deref().unwrap_or("nobody")),
    }
}

/// What comes next for a grant that has not ended.
enum Step<'a> {
    /// What was agreed to does not hold any more.
    Lapse(String),
    /// Something does not hold yet.
    Wait(BeginReason, String, Next),
    /// The fuse is to be made.
    LightFuse,
    /// The fuse would burn too late, or cannot be trusted: another is made.
    ReplaceFuse(&'a Job),
    /// The fuse is to be put on record.
    RecordFuse(&'a Job),
    /// The binding is to be made.
    Bind(&'a Job),
    /// The binding is there.
    Hold,
}

fn next_step<'a>(observed: &Observed<'a>, now: Now) -> Step<'a> {
    let Found { grant, fuse, binding, role: found_role, .. } = observed.found;
    let (Some(expires_at), status) = (grant.spec.expires_at, grant.status.as_ref()) else { return Step::Hold };
    let left = expires_at.get() - now.for_ending();
    if observed.found.own_binding().is_some() {
        return Step::Hold;
    }
    if let Some(words) = at_once::broken_off(&grant.spec, observed.renewed) {
        return Step::Lapse(words);
    }
    let early = begins(observed) - now.wall;
    if early > TimeDelta::zero() {
        if let Some((reason, words)) = of_another_epoch(observed) {
            return Step::Wait(reason, words, Next::After(early));
        }
        let renews = match (&grant.spec.renewal, at_once::goes_on(&grant.spec)) {
            (Some(renewal), _) => format!(" as the renewal of {}", renewal.of),
            (None, true) => " as what was given at once ends".to_owned(),
            (None, false) => String::new(),
        };
        let begins = grant.spec.not_before;
        let words = format!("begins by itself at {begins}{renews}, and ends by itself at {expires_at}");
        return Step::Wait(BeginReason::Scheduled, words, Next::After(early));
    }
    if binding.is_some() || fuse.is_some_and(|f| !children::is_ours(f, grant)) {
        let (kind, name) = (if binding.is_some() { "RoleBinding" } else { "Job" }, names::child_of(&grant.spec));
        let words = format!("{kind} {}/{name} is not ours: delete it, or file a new request", grant.spec.namespace);
        return Step::Wait(BeginReason::NameTaken, words, Next::After(SOON.min(left)));
    }
    if let Some((reason, words)) = obstacle(observed, now) {
        return Step::Wait(reason, words, Next::After(SOON.min(left)));
    }
    match basis::judge(observed, now) {
        Holds::Yes => {}
        Holds::NotNow(words) => return Step::Wait(BeginReason::PolicyChanged, words, Next::After(SOON.min(left))),
        Holds::NoMore(words) => return Step::Lapse(words),
    }
    if left < MARGIN {
        return Step::Wait(BeginReason::Preparing, "too little time is left to begin".into(), Next::After(left));
    }
    let Some(fuse) = fuse else { return Step::LightFuse };
    let Some(burns_at) = children::burns_at(fuse) else {
        return Step::Wait(BeginReason::Preparing, "the fuse is being made".into(), Next::After(SOON.min(left)));
    };
    if burns_at > expires_at.get() + children::GRACE + children::SLACK || !fuse.finalizers().is_empty() {
        return Step::ReplaceFuse(fuse);
    }
    if status.is_none_or(|s| s.fuse.is_none()) {
        return Step::RecordFuse(fuse);
    }
    let wait = |words: String| Step::Wait(BeginReason::Preparing, words, Next::After(SOON.min(left)));
    match found_role {
        RoleNow::Gives(_) => Step::Bind(fuse),
        RoleNow::Gone => wait(format!("there is no {} at the moment: it would give nothing", grant.spec.role_ref)),
        RoleNow::Unread => wait(format!("{} cannot be read at the moment", grant.spec.role_ref)),
    }
}

/// From when on fuse and binding are made. A renewal of the same role, and what goes on, is there a little before the access
/// ends that it follows; if that was closed early, it is not.
fn begins(observed: &Observed<'_>) -> DateTime<Utc> {
    let lead = if follows_live(observed) { LEAD } else { TimeDelta::zero() };
    observed.found.grant.spec.not_before.get() - lead
}
/// Whether the person has the same role by the access that this grant renews, or goes on with.
fn follows_live(observed: &Observed<'_>) -> bool {
    let spec = &observed.found.grant.spec;
    let is_bound = |grant: &AccessGrant| grant.status.as_ref().is_some_and(|s| reasons::is(s, BeginReason::Bound));
    observed.renewed.is_some_and(|renewed| {
        is_bound(renewed)
            && renewed.spec.user == spec.user
            && renewed.spec.namespace == spec.namespace
            && renewed.spec.role_ref == spec.role_ref
    })
}

/// What of the installation's standing keeps access from beginning.
fn obstacle(observed: &Observed<'_>, now: Now) -> Option<(BeginReason, String)> {
    if !now.is_trusted() {
        let seconds = now.server_ahead.num_seconds();
        return Some((
            BeginReason::ClockSkew,
            format!("the API server's clock is {seconds} s ahead of the operator's: set both by NTP"),
        ));
    }
    match &observed.standing.guard {
        Guard::Unknown => return Some((BeginReason::Preparing, "admission is being looked at".into())),
        Guard::Broken(words) => {
            return Some((
                BeginReason::Unguarded,
                format!("nothing begins while admission is not as installed: {words}"),
            ));
        }
        Guard::Intact { .. } => {}
    }
    if let Some(stale) = of_another_epoch(observed) {
        return Some(stale);
    }
    match &observed.standing.fuses {
        Fuses::DoNotBurn(words) if observed.installation.stop_without_fuse_test => {
            Some((BeginReason::FusesDoNotBurn, words.clone()))
        }
        _ => None,
    }
}

/// What was decided before the rules that protect decisions were changed never begins.
fn of_another_epoch(observed: &Observed<'_>) -> Option<(BeginReason, String)> {
    let words = "the rules that protect decisions were changed after this was decided: file a new request";
    let grant = observed.found.grant;
    let is_stale = match &observed.standing.guard {
        Guard::Intact { epoch } => *epoch != grant.spec.admission_epoch,
        // Who was told so is not told otherwise while a new operator looks at admission: an epoch does not come back.
        Guard::Unknown => grant.status.iter().flat_map(|s| &s.conditions).any(|c| c.message == words),
        Guard::Broken(_) => false,
    };
    is_stale.then(|| (BeginReason::Unguarded, words.into()))
}

fn begin(observed: &Observed<'_>, now: Now) -> Plan<AccessGrantStatus> {
    let grant = observed.found.grant;
    let Some(expires_at) = grant.spec.expires_at else {
        return Plan { effects: vec![], status: None, next: Next::OnChange };
    };
    let left = expires_at.get() - now.for_ending();
    let plan = |status: AccessGrantStatus, effects: Vec<Effect>, next: Next| Plan {
        effects,
        status: changed(observed, status, now),
        next,
    };
    let with = |reason: BeginReason, words: String| {
        let mut status = observed.found.status();
        reasons::set(&mut status, reason, words, grant.metadata.generation, now.for_record());
        status
    };
    if !observed.standing.lease_held {
        return Plan { effects: vec![], status: None, next: Next::After(left) };
    }
    if let Some((effect, words)) = observed.refused {
        let reason = if matches!(effect, Effect::CreateBinding(_)) {
            BeginReason::BindingRefused
        } else {
            BeginReason::FuseRefused
        };
        return plan(with(reason, format!("the API server refuses it: {words}")), vec![], Next::After(SOON.min(left)));
    }
    let preparing = || with(BeginReason::Preparing, "the fuse is being made".into());
    match next_step(observed, now) {
        Step::Hold => {
            let mut status = with(BeginReason::Bound, format!("until {expires_at}, when it ends by itself"));
            status.started_at.get_or_insert(now.for_record());
            // An event that came late may have moved it: then another pass finds a later one.
            let unused = observed.found.watch.unused_at(&AccessGrant { status: Some(status.clone()), ..grant.clone() });
            let look = unused.map_or(left + AFTERWARDS, |at| (at - now.wall).max(SOON).min(left + AFTERWARDS));
            plan(status, vec![], Next::After(look))
        }
        Step::Lapse(words) => ending::never_begins(observed, words, now),
        Step::Wait(reason, words, next) => plan(with(reason, words), vec![], next),
        Step::LightFuse
            if observed.answers.iter().any(|a| matches!(a.question, Question::HasRoom { .. }) && !a.yes) =>
        {
            let found = observed.answers.iter().find(|a| matches!(a.question, Question::HasRoom { .. }));
            let words = format!(
                "the namespace may have {} live grants; {}",
                observed.installation.grants_per_namespace,
                found.map_or("", |a| &a.words)
            );
            plan(with(BeginReason::NamespaceFull, words), vec![], Next::After(SOON.min(left)))
        }
        Step::LightFuse => {
            let fuse = children::fuse(grant, left, observed.installation).map(|f| Effect::CreateFuse(Box::new(f)));
            plan(preparing(), fuse.into_iter().collect(), Next::After(SOON.min(left)))
        }
        Step::ReplaceFuse(fuse) => plan(preparing(), vec![Effect::DeleteFuse(Identity::of(fuse))], Next::AtOnce),
        Step::RecordFuse(fuse) => {
            let mut status = preparing();
            status.fuse = Some(FuseOf { name: fuse.name_any(), uid: fuse.uid().unwrap_or_default() });
            plan(status, vec![], Next::AtOnce)
        }
        Step::Bind(fuse) => {
            match observed.answers.iter().find(|a| matches!(a.question, Question::IsAdmissionLive { .. })) {
                Some(Answer { yes: false, words, .. }) => {
                    let words = format!("nothing begins while a forged decision is not refused: {words}");
                    plan(with(BeginReason::Unguarded, words), vec![], Next::After(SOON.min(left)))
                }
                Some(_) => {
                    let binding = children::binding(grant, fuse).map(|b| Effect::CreateBinding(Box::new(b)));
                    Plan { effects: binding.into_iter().collect(), status: None, next: Next::AtOnce }
                }
                None => Plan { effects: vec![], status: None, next: Next::AtOnce },
            }
        }
    }
}

fn until_retention(grant: &AccessGrant, now: Now) -> Next {
    record::kept_until(grant).map_or(Next::OnChange, |until| Next::Eventually((until - now.wall).max(SOON)))
}

/// The status with its history, if it says something new.
fn changed(observed: &Observed<'_>, mut status: AccessGrantStatus, now: Now) -> Option<AccessGrantStatus> {
    let grant = observed.found.grant;
    timeline::notice(&mut status, observed.chain, now);
    observed.found.watch.write(&mut status, now);
    if let Some(follower) = observed.follower.filter(|_| grant.spec.provisional) {
        status.goes_on_as = Some(follower.to_owned());
    }
    duties::judge(grant, observed.responders, &mut status, now);
    self_approval::flag(grant, &mut status, now);
    at_once::clear(&mut status);
    // What the operator found is the operator's; an end is whoever's it was, and so is a duty that was done.
    let with_author = |transition: transition::Transition| {
        let ender = status.ended_by.clone().filter(|_| transition.condition == BeginReason::CONDITION);
        let doer = duties::settled_by(&status).filter(|_| transition.condition == DutiesMet::CONDITION);
        let by = ender.or(doer).unwrap_or_else(|| observed.installation.operator.clone());
        (transition, by)
    };
    let news = transition::of_grant(grant.status.as_ref(), &status).into_iter().map(with_author).collect();
    timeline::extend(&mut status, observed.chain, news, now);
    status.flagged = flagged(&status);
    status.observed_generation = grant.metadata.generation;
    status.state = status.conditions.iter().find(|c| c.type_ == BeginReason::CONDITION).map(|c| c.reason.clone());
    (grant.status.as_ref() != Some(&status)).then_some(status)
}
/// The flags as one text: a column cannot show a list.
fn flagged(status: &AccessGrantStatus) -> Option<String> {
    let names: Vec<&str> = status.flags.iter().map(|flag| flag.type_.into()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

#[cfg(test)]
mod tests;
