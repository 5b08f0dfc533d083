//! Whether anything can be granted under a policy, and what about it deserves a second look.
//!
//! [`FINDINGS`] is the list: `status.conditions`, `status.warnings`, the reference and the tests walk it.
mod lint;

use super::calendar::Calendar;
use super::effect::{Answer, Question};
use super::screening::pattern;
use super::{
    Fuses, Installation, Next, Now, Plan, Standing, approvers, children, duties, lane, matrix, review, role, selector,
    term, text,
};
use crate::api::evidence::{DataClass, Required};
use crate::api::grant::AccessGrant;
use crate::api::names;
use crate::api::policy::{Access, AccessPolicy, AccessPolicyStatus, Duty, Step, Warning};
use crate::api::reasons::{self, Ready};
use crate::api::subject::{Level, RoleKind, Subject, SubjectKind};
use chrono::TimeDelta;
use k8s_openapi::api::rbac::v1::PolicyRule;
use std::collections::BTreeSet;
use strum::{EnumMessage, IntoStaticStr};

pub use lint::{Around, GROUP_NEVER_SEEN, Remark, faults_of_text, groups_seen, remarks};

/// In how many covered namespaces a fuse is tried.
pub const MOST_TRIALS: usize = 32;
/// The most characters of the condition's message and of a warning's.
const MOST_MESSAGE: usize = 2048;
const MOST_WARNING: usize = 512;

/// What was seen of a policy and of what it names.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The policy.
    pub policy: &'a AccessPolicy,
    /// Its roles, read live.
    pub roles: &'a [RoleSeen],
    /// The namespaces that it covers and that are not going away, by name.
    pub namespaces: &'a [String],
    /// Those of them that are labelled as sensitive.
    pub sensitive: &'a [String],
    /// What [`questions`] brought in this pass.
    pub answers: &'a [Answer],
    /// The last trial of fuses.
    pub trial: Option<&'a Trial>,
    /// How many grants under it give access.
    pub active: usize,
    /// The records under it on which a duty is overdue.
    pub overdue: &'a [AccessGrant],
    /// Where the emergencies under it were in the last 30 days: a namespace for each.
    pub emergencies: &'a [String],
    /// What the installation fixes.
    pub installation: &'a Installation,
    /// What the other tasks know.
    pub standing: &'a Standing,
    /// When.
    pub now: Now,
}

/// A role that a policy names, as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleSeen {
    /// The access that names it.
    pub access: String,
    /// Where it was looked for; empty for a ClusterRole.
    pub namespace: String,
    /// What it allows; `None`: there is no such role.
    pub rules: Option<Vec<PolicyRule>>,
}

/// One trial of fuses, kept between passes so that namespaces are not asked again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The policy's UID and generation.
    pub of: (Option<String>, Option<i64>),
    /// Every namespace that was covered.
    pub namespaces: Vec<String>,
    /// When.
    pub at: chrono::DateTime<chrono::Utc>,
    /// What the namespaces said.
    pub answers: Vec<Answer>,
}

/// What a finding means for the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is granted under it.
    Missing(Ready),
    /// It works.
    Warning(Concern),
}

/// What works, but deserves a second look: the reasons in `status.warnings[]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage)]
pub enum Concern {
    /// A step names a group that looks like a whole department: where everybody may agree, nobody answers for it.
    BroadApprovers,
    /// A step names nobody who stands in: on holidays and sick days people would go round it.
    NoBackups,
    /// The owner has not looked through requesters, approvers and backups for 90 days.
    StaleApprovers,
    /// The owner has not said for 7 days that what was granted is cleaned up.
    CleanUpDue,
    /// The first access, which a request gets that names none, is not `ReadOnly`.
    FirstAccessWrites,
    /// `duration.default` is above an hour, for personal or regulated data or a covered namespace labelled
    /// `curfew.dev/sensitivity`: more risk, less time.
    LongForData,
    /// `duration.default` equals `duration.max`, so everybody gets the most.
    DefaultIsMax,
    /// `evidence.require` asks for less than why safer methods do not help, and which data is needed.
    ThinEvidence,
    /// No namespace has the labels that the policy asks for.
    NoNamespaces,
    /// What is owed for access under it was not done in time: `status.owed` of the records says what follows.
    DutiesOverdue,
    /// Three emergencies or more in one namespace within 30 days: tools, dashboards or design are weak there.
    EmergencyRepeats,
    /// Every step can be met by what a filer attests: whoever runs the filer can give access alone.
    FilerDecidesAlone,
    /// `duration.unusedAfter` is set, and without an audit source (`--audit-source`) nobody sees use: no access ends by it.
    NobodyWatches,
    /// A step in `onBehalf.satisfies` lists no User, so no attested reviewer ever counts for it.
    NoAttestable,
}

/// One thing to look for; `examine` says in words what was found, and what to do.
#[derive(Debug)]
pub struct Finding {
    /// What follows.
    pub severity: Severity,
    /// The requirements that it covers.
    pub covers: &'static [&'static str],
    /// Looks.
    pub examine: fn(&Observed<'_>) -> Option<String>,
}
const fn missing(
    reason: Ready,
    covers: &'static [&'static str],
    examine: fn(&Observed<'_>) -> Option<String>,
) -> Finding {
    Finding { severity: Severity::Missing(reason), covers, examine }
}
const fn warning(
    concern: Concern,
    covers: &'static [&'static str],
    examine: fn(&Observed<'_>) -> Option<String>,
) -> Finding {
    Finding { severity: Severity::Warning(concern), covers, examine }
}

/// Everything that is looked for; the first that is missing gives `Ready` its reason.
pub const FINDINGS: &[Finding] = &[
    missing(Ready::NoApprovers, &["A16", "D21"], no_approvers),
    missing(Ready::SingleApprover, &["D16"], single_approver),
    missing(Ready::BadExpression, &["C12", "D12"], bad_expression),
    missing(Ready::NoEvidence, &["A16", "B2"], no_evidence),
    missing(Ready::NeverGranted, &["F11"], never_granted),
    missing(Ready::RoleNotFound, &["F4"], role_not_found),
    missing(Ready::LevelMismatch, &["B14"], level_mismatch),
    missing(Ready::RoleTooLarge, &["J5", "G4"], role_too_large),
    missing(Ready::MayNotBind, &["F4"], may_not_bind),
    missing(Ready::BadCalendar, &["E4"], bad_calendar),
    missing(Ready::DurationAboveCap, &["E15"], duration_above_cap),
    missing(Ready::FuseRefused, &["E24"], fuse_refused),
    missing(Ready::FusesDoNotBurn, &["E24"], fuses_do_not_burn),
    warning(Concern::BroadApprovers, &["D1"], broad_approvers),
    warning(Concern::NoBackups, &["D15", "I7"], no_backups),
    warning(Concern::StaleApprovers, &["D14"], |observed| overdue(observed, Duty::Approvers)),
    warning(Concern::CleanUpDue, &["G6"], |observed| overdue(observed, Duty::CleanUp)),
    warning(Concern::DutiesOverdue, &["G3", "H12"], |observed| duties::overdue_in_words(observed.overdue)),
    warning(Concern::EmergencyRepeats, &["H16"], emergency_repeats),
    warning(Concern::FirstAccessWrites, &["F2"], first_access_writes),
    warning(Concern::LongForData, &["E16"], long_for_data),
    warning(Concern::DefaultIsMax, &["E2"], default_is_max),
    warning(Concern::ThinEvidence, &["X13"], thin_evidence),
    warning(Concern::NoNamespaces, &["A11"], no_namespaces),
    warning(Concern::FilerDecidesAlone, &["L11"], filer_decides_alone),
    warning(Concern::NobodyWatches, &["E15", "K1"], nobody_watches),
    warning(Concern::NoAttestable, &["L11"], no_attestable),
];

/// The namespaces among these that the policy covers, by name; those that are going away are left out.
pub fn covered<'a, N: kube::ResourceExt + 'a>(
    policy: &AccessPolicy,
    all: impl IntoIterator<Item = &'a N>,
) -> Vec<String> {
    let here = all.into_iter().filter(|n| n.meta().deletion_timestamp.is_none());
    let mut names: Vec<_> =
        here.filter(|n| selector::selects(&policy.spec.namespaces, n.labels())).map(|n| n.name_any()).collect();
    names.sort();
    names
}

/// The namespaces among these that the policy covers and that are labelled as sensitive, by name.
pub fn sensitive<'a, N: kube::ResourceExt + 'a>(
    policy: &AccessPolicy,
    all: impl IntoIterator<Item = &'a N>,
) -> Vec<String> {
    covered(policy, all.into_iter().filter(|n| n.labels().contains_key(names::SENSITIVITY_LABEL)))
}

/// Where each access's role is looked for: once for a ClusterRole, in the first covered namespaces for a Role.
pub fn places<'a>(policy: &'a AccessPolicy, namespaces: &'a [String]) -> Vec<(&'a Access, &'a str)> {
    let places = |access: &'a Access| match access.role_ref.kind {
        RoleKind::ClusterRole => vec![(access, "")],
        RoleKind::Role => namespaces.iter().take(MOST_TRIALS).map(|n| (access, n.as_str())).collect(),
    };
    policy.spec.access.iter().flat_map(places).collect()
}

/// What no object says: may the operator bind these roles, and, when the last trial does not hold any more, would the
/// covered namespaces take a fuse?
pub fn questions(observed: &Observed<'_>, now: Now) -> Vec<Question> {
    let mut questions: Vec<_> = observed
        .roles
        .iter()
        .filter(|seen| seen.rules.is_some())
        .filter_map(|seen| {
            let access = observed.policy.spec.access.iter().find(|access| access.name == seen.access)?;
            Some(Question::MayBind { namespace: seen.namespace.clone(), role: access.role_ref.clone() })
        })
        .collect();
    questions.dedup();
    if !observed.trial.is_some_and(|trial| is_fresh(trial, observed, now)) {
        questions.extend(trial_questions(observed));
    }
    questions
}

/// The trial that these answers are, if they hold one.
pub fn trial_of(observed: &Observed<'_>, answers: &[Answer], now: Now) -> Option<Trial> {
    if observed.trial.is_some_and(|trial| is_fresh(trial, observed, now)) {
        return None;
    }
    let is_fuse = |answer: &&Answer| matches!(answer.question, Question::IsFuseAccepted { .. });
    let answers = answers.iter().filter(is_fuse).cloned().collect();
    Some(Trial { of: identity(observed.policy), namespaces: observed.namespaces.to_vec(), at: now.wall, answers })
}

/// What is stored, and when to look again: roles and the operator's own rights send no event.
pub fn decide(observed: &Observed<'_>, now: Now) -> Plan<AccessPolicyStatus> {
    let found = FINDINGS.iter().filter_map(|finding| Some((finding.severity, (finding.examine)(observed)?)));
    let (mut missing, mut warnings) = (Vec::new(), Vec::new());
    for (severity, words) in found {
        match severity {
            Severity::Missing(reason) => missing.push((reason, words)),
            Severity::Warning(concern) => {
                let reason: &str = concern.into();
                warnings.push(Warning { reason: reason.to_owned(), message: text::line(&words, MOST_WARNING) });
            }
        }
    }
    let generation = observed.policy.metadata.generation;
    let old = observed.policy.status.as_ref();
    let mut status = AccessPolicyStatus {
        observed_generation: generation,
        active_grants: i32::try_from(observed.active).ok(),
        reviewed: review::counted(observed.policy, now),
        warnings,
        ..old.cloned().unwrap_or_default()
    };
    let (reason, message) = sum_up(&missing);
    reasons::set(&mut status, reason, message, generation, now.for_record());
    let again = if reason == Ready::Complete { TimeDelta::minutes(5) } else { TimeDelta::seconds(30) };
    let status = Some(status).filter(|new| Some(new) != old);
    Plan { effects: vec![], status, next: Next::After(again) }
}

fn sum_up(missing: &[(Ready, String)]) -> (Ready, String) {
    let Some((first, _)) = missing.first() else {
        return (Ready::Complete, "Requests can be granted under it.".to_owned());
    };
    let room = MOST_MESSAGE / missing.len() - 32;
    let parts = missing.iter().map(|(reason, words)| {
        let reason: &str = reason.into();
        format!("{reason}: {}", text::line(words, room))
    });
    (*first, parts.collect::<Vec<_>>().join(" | "))
}

fn identity(policy: &AccessPolicy) -> (Option<String>, Option<i64>) {
    (policy.metadata.uid.clone(), policy.metadata.generation)
}

/// A trial holds for this version of the policy and these namespaces, for an hour; where a namespace refused, for half a
/// minute: what stood in the way may be gone, and nothing would say so.
fn is_fresh(trial: &Trial, observed: &Observed<'_>, now: Now) -> bool {
    let holds =
        if trial.answers.iter().all(|answer| answer.yes) { TimeDelta::hours(1) } else { TimeDelta::seconds(30) };
    let age = now.wall - trial.at;
    trial.of == identity(observed.policy)
        && trial.namespaces == observed.namespaces
        && (TimeDelta::zero()..holds).contains(&age)
}

fn trial_questions(observed: &Observed<'_>) -> impl Iterator<Item = Question> {
    let tried = observed.namespaces.iter().take(MOST_TRIALS);
    tried.map(|namespace| Question::IsFuseAccepted {
        fuse: Box::new(children::trial_fuse(namespace, observed.installation)),
    })
}

fn steps<'a>(observed: &Observed<'a>) -> &'a [Step] {
    &observed.policy.spec.approval.steps
}

/// Those who agree in an emergency, as a step.
fn lane_step(observed: &Observed<'_>) -> Option<Step> {
    observed.policy.spec.emergency.as_ref().map(lane::step)
}

/// `None` for an empty list, so that a finding is one expression.
fn some(found: Vec<String>, words: impl FnOnce(String) -> String) -> Option<String> {
    (!found.is_empty()).then(|| words(text::few(found, 8)))
}

fn no_approvers(observed: &Observed<'_>) -> Option<String> {
    let steps = steps(observed);
    if steps.is_empty() {
        return Some("spec.approval.steps: name at least one step, with those who approve".to_owned());
    }
    let nobody = |step: &&Step| !step.approvers.iter().any(approvers::may_ever_decide);
    if lane_step(observed).as_ref().is_some_and(|step| nobody(&step)) {
        return Some(
            "spec.emergency.approvers: nobody can decide: `system:` groups and users never do; name people".to_owned(),
        );
    }
    let empty = steps.iter().filter(nobody);
    some(empty.map(|step| format!("`{}`", step.name)).collect(), |names| {
        format!("spec.approval.steps: nobody can decide for {names}: `system:` groups and users never do; name people")
    })
}

fn single_approver(observed: &Observed<'_>) -> Option<String> {
    let is_single = |step: &&Step| {
        let deciders: Vec<&Subject> = approvers::of_step(step).collect();
        let people: BTreeSet<_> = deciders.iter().map(|a| &a.name).collect();
        people.len() == 1 && deciders.iter().all(|a| a.kind == SubjectKind::User)
    };
    let single: Vec<_> = steps(observed).iter().filter(is_single).map(|step| format!("`{}`", step.name)).collect();
    let short = || {
        // As if every step were needed: which are not, no request has said.
        let step = approvers::first_unmet(&steps(observed).iter().collect::<Vec<_>>(), "")?;
        let possible = step.approvers.iter().any(approvers::may_ever_decide);
        possible.then(|| {
            format!(
                "spec.approval.steps: there are too few people for `{}`: each counts once over all steps",
                step.name
            )
        })
    };
    some(single, |names| {
        format!("spec.approval.steps: only one person can decide for {names}, who then has nobody for their own requests; name a group, or more users")
    })
    .or_else(short)
    .or_else(|| {
        lane_step(observed).as_ref().is_some_and(|step| is_single(&step)).then(|| {
            "spec.emergency: only one person can decide, who then has nobody for their own emergency; name a group, more users, or \
             backups"
                .to_owned()
        })
    })
}

fn bad_expression(observed: &Observed<'_>) -> Option<String> {
    some(matrix::faults(&observed.policy.spec.approval), |faults| faults)
}

fn no_evidence(observed: &Observed<'_>) -> Option<String> {
    let spec = &observed.policy.spec;
    let lane = spec.emergency.as_ref().and_then(|lane| lane.ticket.as_ref());
    let lane = || no_evidence_in("spec.emergency.ticket.pattern", &lane?.pattern);
    no_evidence_in("spec.evidence.ticket.pattern", &spec.evidence.ticket.pattern).or_else(lane)
}
fn no_evidence_in(field: &str, rule: &str) -> Option<String> {
    match pattern::compile(rule) {
        Err(error) => Some(format!("{field}: {error}")),
        Ok(compiled) if pattern::accepts_anything(&compiled) => {
            Some(format!("{field}: `{rule}` accepts almost anything; say what a ticket looks like: ^(SUP|INC)-[0-9]+$"))
        }
        Ok(_) => None,
    }
}

fn never_granted(observed: &Observed<'_>) -> Option<String> {
    let never = observed.policy.spec.access.iter().filter(|access| role::is_never_granted(&access.role_ref));
    some(never.map(|a| format!("`{}` ({})", a.name, a.role_ref)).collect(), |names| {
        format!("spec.access: {names}: cluster-admin and system: roles are never granted; name a smaller role")
    })
}

fn role_not_found(observed: &Observed<'_>) -> Option<String> {
    let is_absent = |access: &&Access| {
        let mut seen = observed.roles.iter().filter(|seen| seen.access == access.name).peekable();
        // A Role may be in some namespaces only: a request elsewhere is told so.
        seen.peek().is_some() && seen.all(|seen| seen.rules.is_none())
    };
    let absent = observed.policy.spec.access.iter().filter(is_absent);
    some(absent.map(|a| format!("{} of `{}`", a.role_ref, a.name)).collect(), |names| {
        format!("spec.access: {names}: no such role; create it, or correct roleRef.name")
    })
}

fn level_mismatch(observed: &Observed<'_>) -> Option<String> {
    let excess = |seen: &RoleSeen| {
        let access = observed.policy.spec.access.iter().find(|access| access.name == seen.access)?;
        if role::is_never_granted(&access.role_ref) {
            return None; // That says enough.
        }
        let excess = role::excess(seen.rules.as_deref()?, access.level)?;
        let place = if seen.namespace.is_empty() { String::new() } else { format!(" in {}", seen.namespace) };
        Some(format!("`{}` is declared {:?}, but in {}{place} {excess}", access.name, access.level, access.role_ref))
    };
    some(observed.roles.iter().filter_map(excess).collect(), |found| {
        format!("spec.access: {found}; declare the higher level, or name a smaller role")
    })
}

/// What a grant cannot record it could not verify at the end either.
fn role_too_large(observed: &Observed<'_>) -> Option<String> {
    let large = |seen: &RoleSeen| {
        let access = observed.policy.spec.access.iter().find(|access| access.name == seen.access)?;
        let why = role::too_large(seen.rules.as_deref()?)?;
        Some(format!("`{}`: {} has {why}", access.name, access.role_ref))
    };
    some(observed.roles.iter().filter_map(large).collect(), |found| {
        format!("spec.access: {found}; offer a smaller role")
    })
}

fn may_not_bind(observed: &Observed<'_>) -> Option<String> {
    let may = |seen: &RoleSeen, access: &Access| {
        observed.answers.iter().any(|answer| {
            answer.yes
                && matches!(&answer.question, Question::MayBind { namespace, role }
                    if *namespace == seen.namespace && *role == access.role_ref)
        })
    };
    let refused = observed.roles.iter().filter(|seen| seen.rules.is_some()).filter_map(|seen| {
        let access = observed.policy.spec.access.iter().find(|access| access.name == seen.access)?;
        let place = if seen.namespace.is_empty() { String::new() } else { format!(" in {}", seen.namespace) };
        (!may(seen, access)).then(|| format!("{}{place}", access.role_ref))
    });
    some(refused.collect(), |names| {
        format!(
            "the operator may not bind {names}; name it in the chart's value grantableRoles (for a Role, give the operator the verb bind on it there)"
        )
    })
}

fn bad_calendar(observed: &Observed<'_>) -> Option<String> {
    Calendar::of(&observed.policy.spec, observed.installation).err()
}

fn nobody_watches(observed: &Observed<'_>) -> Option<String> {
    let after = observed.policy.spec.duration.unused_after?;
    observed.installation.audit_source.is_none().then(|| {
        format!("spec.duration.unusedAfter: {after} ends nothing, as nobody watches; give the operator an --audit-source (docs/audit.md)")
    })
}

fn duration_above_cap(observed: &Observed<'_>) -> Option<String> {
    let (max, cap) = (observed.policy.spec.duration.max, observed.installation.max_duration);
    (max.delta() > cap).then(|| {
        format!(
            "spec.duration.max: {max} is above the operator's --max-duration of {}; shorten it",
            term::in_words(cap)
        )
    })
}

fn fuse_refused(observed: &Observed<'_>) -> Option<String> {
    let answers = || {
        observed.trial.into_iter().flat_map(|trial| &trial.answers).filter_map(|answer| match &answer.question {
            Question::IsFuseAccepted { fuse } => Some((fuse.metadata.namespace.as_deref()?, answer)),
            _ => None,
        })
    };
    let refused = observed.namespaces.iter().take(MOST_TRIALS).filter_map(|namespace| {
        // No answer is never a yes.
        let answer = answers().find(|(of, _)| of == namespace).map(|(_, answer)| answer);
        match answer {
            Some(answer) if answer.yes => None,
            Some(answer) => Some(format!("{namespace}: {}", text::line(&answer.words, 200))),
            None => Some(format!("{namespace}: not tried")),
        }
    });
    some(refused.collect(), |words| {
        format!(
            "a covered namespace refuses the Job that ends access when the operator is dead: {words}; let it make Jobs, or take its label away"
        )
    })
}

fn fuses_do_not_burn(observed: &Observed<'_>) -> Option<String> {
    match &observed.standing.fuses {
        Fuses::DoNotBurn(seen) if observed.installation.stop_without_fuse_test => Some(format!(
            "access would outlive a dead operator: {seen}; look at kube-controller-manager's TTL and garbage collectors"
        )),
        Fuses::DoNotBurn(_) | Fuses::Burn | Fuses::Unknown => None,
    }
}

/// Groups that are a whole department, or everybody.
const BROAD: &[&str] = &[
    "all",
    "allstaff",
    "allusers",
    "backend",
    "company",
    "contractors",
    "dev",
    "developer",
    "developers",
    "devs",
    "employee",
    "employees",
    "engineer",
    "engineering",
    "engineers",
    "everybody",
    "everyone",
    "frontend",
    "it",
    "operations",
    "org",
    "organisation",
    "organization",
    "product",
    "rd",
    "staff",
    "tech",
    "technology",
    "users",
];

fn broad_approvers(observed: &Observed<'_>) -> Option<String> {
    let lane = lane_step(observed);
    let approvers = steps(observed).iter().chain(&lane).flat_map(approvers::of_step);
    let broad: BTreeSet<_> =
        approvers.filter(|a| a.kind == SubjectKind::Group && is_broad(&a.name)).map(|a| &a.name).collect();
    some(broad.into_iter().map(|name| format!("`{name}`")).collect(), |names| {
        format!(
            "approvers: {names} looks like a whole department: where everybody may agree, nobody answers for it; name a role"
        )
    })
}

fn no_backups(observed: &Observed<'_>) -> Option<String> {
    let lane = lane_step(observed);
    let alone = steps(observed).iter().chain(&lane).filter(|step| step.backups.is_none());
    some(alone.map(|step| format!("`{}`", step.name)).collect(), |names| {
        format!(
            "backups: nobody stands in for {names}: on holidays and sick days people would go round it; name `backups`"
        )
    })
}

/// In how many days how many emergencies point to what is weak.
pub const REPEATS_WITHIN: TimeDelta = TimeDelta::days(30);
const REPEATS: usize = 3;

/// Whether that many emergencies were so close to one another; their times are sorted.
pub(super) fn are_too_many(times: &[crate::api::time::Instant]) -> bool {
    times.windows(REPEATS).any(|some| some[REPEATS - 1].get() - some[0].get() <= REPEATS_WITHIN)
}

fn emergency_repeats(observed: &Observed<'_>) -> Option<String> {
    let names: BTreeSet<_> = observed.emergencies.iter().collect();
    let count = |name: &String| observed.emergencies.iter().filter(|other| *other == name).count();
    let often = names.into_iter().filter(|name| count(name) >= REPEATS);
    some(often.map(|name| format!("`{name}` ({})", count(name))).collect(), |names| {
        format!(
            "emergencies in {names} within 30 days: look at what their reviews want improved, such as tools or dashboards"
        )
    })
}

/// An owner's duty that was last done too long ago.
fn overdue(observed: &Observed<'_>, what: Duty) -> Option<String> {
    let (policy, now) = (observed.policy, observed.now);
    let about = match what {
        Duty::Approvers => "who may ask and decide was not looked through",
        Duty::CleanUp => "what was granted was not cleaned up",
    };
    let age = review::age(policy, &review::counted(policy, now), what, now.wall);
    (age >= review::at_most(what)).then(|| {
        let (days, owner) = (age.num_days(), &policy.spec.owner);
        format!("{about} for {days} days; when it is done, its owner, {owner}, says: {}", review::command(policy, what))
    })
}

/// Whether a group's own name, without what names the directory before it, is on the list.
fn is_broad(name: &str) -> bool {
    let own = name.rsplit([':', '/', '\\']).next().unwrap_or(name);
    let own = own.split('@').next().unwrap_or(own);
    let plain: String = own.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    BROAD.contains(&plain.as_str())
}

fn first_access_writes(observed: &Observed<'_>) -> Option<String> {
    let first = observed.policy.spec.access.first().filter(|access| access.level > Level::ReadOnly)?;
    Some(format!(
        "spec.access: who names no access gets the first, `{}`, which is {:?}; put a ReadOnly one first",
        first.name, first.level
    ))
}

fn long_for_data(observed: &Observed<'_>) -> Option<String> {
    const LONG: TimeDelta = TimeDelta::hours(1);
    let default = observed.policy.spec.duration.default;
    if default.delta() <= LONG {
        return None;
    }
    let class = observed.policy.spec.data_class;
    if class >= DataClass::Personal {
        return Some(format!(
            "spec.duration.default: {default} is long for data of class {class:?}; at most {} is usual",
            term::in_words(LONG)
        ));
    }
    let sensitive = observed.sensitive.iter().map(|namespace| format!("`{namespace}`"));
    some(sensitive.collect(), |names| {
        format!(
            "spec.duration.default: {default} is long for what is in {names}, labelled {}; at most {} is usual",
            names::SENSITIVITY_LABEL,
            term::in_words(LONG)
        )
    })
}

fn default_is_max(observed: &Observed<'_>) -> Option<String> {
    let duration = &observed.policy.spec.duration;
    (duration.default == duration.max).then(|| {
        format!(
            "spec.duration: default and max are both {}, so everybody gets the most; lower the default",
            duration.max
        )
    })
}

fn thin_evidence(observed: &Observed<'_>) -> Option<String> {
    let asked = &observed.policy.spec.evidence.require;
    let left_out = Required::DEFAULT.iter().filter(|what| !asked.contains(what));
    some(left_out.map(<&str>::from).map(str::to_owned).collect(), |names| {
        format!(
            "spec.evidence.require: without {names} an approver has little to judge by; add it, or accept it knowingly"
        )
    })
}

fn no_namespaces(observed: &Observed<'_>) -> Option<String> {
    observed.namespaces.is_empty().then(|| {
        let wanted = selector::in_words(&observed.policy.spec.namespaces);
        format!("spec.namespaces: no namespace has the labels {wanted}, so nobody can use this policy; label one")
    })
}

/// Whether what a filer attests may meet this step, and so somebody could count for it.
fn satisfies(observed: &Observed<'_>, step: &Step) -> bool {
    observed.policy.spec.on_behalf.iter().any(|on_behalf| on_behalf.satisfies.contains(&step.name))
}

fn filer_decides_alone(observed: &Observed<'_>) -> Option<String> {
    let users = |step: &Step| step.approvers.iter().filter(|a| a.kind == SubjectKind::User).count();
    let is_enough = |step: &Step| users(step) >= usize::try_from(step.count).unwrap_or(usize::MAX);
    let all = steps(observed).iter().all(|step| satisfies(observed, step) && is_enough(step));
    (all && !steps(observed).is_empty()).then(|| {
        "spec.onBehalf.satisfies: every step can be met by what a filer attests, so whoever runs it can give access alone; \
         leave one step to people"
            .to_owned()
    })
}

fn no_attestable(observed: &Observed<'_>) -> Option<String> {
    let has_user = |step: &Step| step.approvers.iter().any(|a| a.kind == SubjectKind::User);
    let groups = steps(observed).iter().filter(|step| satisfies(observed, step) && !has_user(step));
    some(groups.map(|step| format!("`{}`", step.name)).collect(), |names| {
        format!(
            "spec.onBehalf.satisfies: {names} lists no User, and of a group nobody can attest who is in it; name people"
        )
    })
}

#[cfg(test)]
mod tests;
