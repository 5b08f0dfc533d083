//! Asks for what a request lacks: only what its policy needs, safer ways first, each answer judged at once.
use crate::ask::{self, Ask};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::preview::{Gap, Known};
use chrono::{DateTime, Utc};
use curfew::api::duty::Within;
use curfew::api::evidence::{Attachment, AttachmentKind, DataScope, Required};
use curfew::api::policy::{Access, AccessPolicy, Emergency};
use curfew::api::request::{AccessRequest, Renewal, Requester};
use curfew::api::time::Span;
use curfew::decide::screening::{access_of, evidence};
use curfew::decide::{lane, term, text};
use kube::ResourceExt;

/// Who asks, and where.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The user, as the API server will stamp them.
    pub requester: &'a Requester,
    /// Where.
    pub namespace: &'a str,
    /// What it renews.
    pub renewal: Option<&'a Renewal>,
}

/// The same with answers to all that the policy needs and nobody has said, in the order of the checks: what failed, whose
/// account, which data, how long.
pub fn complete(desk: &Desk, known: &Known, scene: Scene<'_>, mut ask: Ask) -> Result<Ask, Failure> {
    let now = desk.when().now;
    if ask.crisis_fault().is_none() && gaps(known, scene, &ask, now).iter().all(|gap| gap.passes) {
        return Ok(ask);
    }
    introduce(desk, &known.policy);
    let mut asked = Asking { desk, known, scene, now };
    if ask.is_emergency() {
        asked.emergency(&mut ask)?;
    }
    asked.text(&mut ask, &["ClearReason", "spec.reason"], "What is wrong, and what is to be reached?", |a, t| {
        a.reason = Some(t);
    })?;
    let applied = asked.applied(&ask);
    let ticket = format!("Ticket ({})", text::line(&applied.spec.evidence.ticket.message, 120));
    asked.text(&mut ask, &["RealTask", "spec.ticket"], &ticket, |a, t| a.ticket = Some(t))?;
    if ask.access.is_none() {
        ask.access = access(desk, &applied)?;
    }
    asked.evidence(&mut ask)?;
    asked.how_long(&mut ask)?;
    Ok(ask)
}

/// Which of several policies is meant.
pub fn choose(desk: &Desk, fitting: &[AccessPolicy]) -> Result<usize, Failure> {
    let line = |(policy, at): (&AccessPolicy, usize)| {
        format!("  {at}  {}: {}", policy.name_any(), text::line(&policy.spec.description, 160))
    };
    desk.say("Which case is it?");
    fitting.iter().zip(1..).map(line).for_each(|line| desk.say(&line));
    loop {
        let answer = desk.ask(&format!("1 to {}", fitting.len()))?;
        let by_name = fitting.iter().position(|policy| policy.name_any() == answer);
        let by_number = answer.parse::<usize>().ok().filter(|n| (1..=fitting.len()).contains(n)).map(|n| n - 1);
        if let Some(at) = by_name.or(by_number) {
            return Ok(at);
        }
    }
}

fn gaps(known: &Known, scene: Scene<'_>, ask: &Ask, now: DateTime<Utc>) -> Vec<Gap> {
    known.gaps(&ask.request(scene.namespace, scene.requester, scene.renewal.cloned()), now)
}

/// What it is for, what it is not for, and what to try first (A4).
fn introduce(desk: &Desk, policy: &AccessPolicy) {
    let spec = &policy.spec;
    desk.say(&desk.paint().bold(&format!("{}: {}", policy.name_any(), text::line(&spec.description, 300))));
    if !spec.never_for.is_empty() {
        desk.say(&format!("Never for: {}.", text::few(spec.never_for.iter().map(|what| text::line(what, 80)), 8)));
    }
    if !spec.safer_methods.is_empty() {
        desk.say("Before you ask, try:");
    }
    for method in &spec.safer_methods {
        let more = [method.url.as_deref(), method.note.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        desk.say(&format!("  {}", text::line(&format!("{} {more}", method.name), 160)));
    }
}

/// What an emergency is, that routine is the default, and what is owed afterwards: before anything is typed for it.
pub fn warn(desk: &Desk, policy: &AccessPolicy) {
    let Some(lane) = &policy.spec.emergency else { return };
    emergency(policy, lane).iter().for_each(|line| desk.quote(line));
}
fn emergency(policy: &AccessPolicy, lane: &Emergency) -> Vec<String> {
    let backups = lane.backups.as_ref().map_or_else(String::new, |backups| {
        format!(", after {} also one of {}", backups.after, text::few(&backups.approvers, 4))
    });
    let (approvers, reviewers) = (text::few(&lane.approvers, 4), text::few(&lane.review.reviewers, 4));
    vec![
        "EMERGENCY: a live problem hurts customers, exposes data, stops the business or delays recovery. All that can wait is \
         routine, which is the default: leave --emergency out."
            .to_owned(),
        format!("One of {approvers} must agree{backups}. It waits {} at most.", lane.pending_timeout),
        format!(
            "You owe afterwards, {}: a close-out with what happened when, what you ran, links to logs, and why more access would \
             have been a risk. {reviewers} will review it.",
            until_when(lane.evidence_within)
        ),
        format!(
            "If the close-out is missed your live access ends, and routine requests under {} are refused, until it is done or \
             waived.",
            policy.name_any()
        ),
    ]
}

/// Until when something is owed that is counted from the end of an access.
fn until_when(within: Within) -> String {
    match within {
        Within::Span(span) => format!("within {span} of the end"),
        Within::SameDay => "on the day on which it ends, or as your next working day begins".to_owned(),
        Within::NextBusinessDay => "by the end of the business day after it ends".to_owned(),
    }
}

/// Least first; enter takes the first. `None`: the policy's first.
fn access(desk: &Desk, policy: &AccessPolicy) -> Result<Option<String>, Failure> {
    let offers = |access: &&Access| lane::offers(&policy.spec, &access.name);
    let all: Vec<_> = policy.spec.access.iter().filter(offers).collect();
    let chosen =
        |access: &Access| policy.spec.access.first().filter(|first| *first != access).map(|_| access.name.clone());
    if let [only] = all.as_slice() {
        return Ok(chosen(only));
    }
    desk.say("Which of these is enough?");
    for (access, at) in all.iter().zip(1..) {
        desk.say(&format!("  {at}  {}", offered(access)));
    }
    loop {
        let answer = desk.ask("[1]")?;
        if answer.is_empty() {
            return Ok(all.first().and_then(|first| chosen(first)));
        }
        let number = answer.parse::<usize>().ok().and_then(|n| all.get(n.checked_sub(1)?));
        let named = all.iter().find(|access| access.name == answer);
        if let Some(access) = named.or(number) {
            return Ok(Some(access.name.clone()));
        }
    }
}
/// `restart (LimitedWrite, at most 30m)`.
pub fn offered(access: &Access) -> String {
    let most = access.max_duration.map_or_else(String::new, |most| format!(", at most {most}"));
    format!("{} ({:?}{most})", access.name, access.level)
}

struct Asking<'a> {
    desk: &'a Desk,
    known: &'a Known,
    scene: Scene<'a>,
    now: DateTime<Utc>,
}
impl Asking<'_> {
    /// The policy as it applies in the lane that is asked for.
    fn applied(&self, ask: &Ask) -> AccessPolicy {
        lane::applied(&self.known.policy, &self.draft(ask)).into_owned()
    }
    fn draft(&self, ask: &Ask) -> AccessRequest {
        ask.request(self.scene.namespace, self.scene.requester, None)
    }
    /// What is at stake, and what it does to customers or the business.
    fn emergency(&mut self, ask: &mut Ask) -> Result<(), Failure> {
        while ask.harm.is_none() {
            let answer =
                self.desk.ask("What is at stake (CustomerHarm, DataExposure, BusinessOutage, RecoveryDelay)?")?;
            match ask::harm(&answer) {
                Ok(harm) => ask.harm = Some(harm),
                Err(fault) => self.desk.say(&self.desk.paint().red(&text::line(&fault, 300))),
            }
        }
        self.text(ask, &["Emergency"], "What do customers or the business suffer, in one sentence?", |a, t| {
            a.impact = Some(t);
        })
    }
    /// What of the present text one of these checks or fields objects to.
    fn fault(&self, ask: &Ask, of: &[&str]) -> Option<String> {
        let gaps = gaps(self.known, self.scene, ask, self.now).into_iter();
        let mut ours =
            gaps.filter(|gap| of.contains(&gap.check.as_str()) || of.iter().any(|f| is_about(&gap.words, f)));
        ours.next().map(|gap| gap.words)
    }
    /// Asks until neither check nor schema objects; a text that is fine already is not asked for.
    fn text(
        &mut self,
        ask: &mut Ask,
        of: &[&str],
        question: &str,
        set: impl Fn(&mut Ask, String),
    ) -> Result<(), Failure> {
        let mut is_first = true;
        while let Some(fault) = self.fault(ask, of) {
            if !is_first {
                self.desk.say(&self.desk.paint().red(&text::line(&fault, 600)));
            }
            is_first = false;
            let answer = self.desk.ask(question)?;
            set(ask, answer);
        }
        Ok(())
    }
    fn evidence(&mut self, ask: &mut Ask) -> Result<(), Failure> {
        let (policy, draft) = (self.applied(ask), self.draft(ask));
        let needed = evidence::needed(&policy.spec, access_of(&draft, &policy), lane::of(&draft.spec));
        for form in evidence::missing(&needed, &draft.spec) {
            match form.what {
                Required::Tenant | Required::Data if ask.data.is_empty() => self.data(ask, &needed)?,
                Required::Tenant | Required::Data => {}
                Required::WhyNotSafer => {
                    self.text(ask, &["whyNotSafer"], "Why do the safer ways not answer it?", |a, t| {
                        a.why_not_safer = Some(t);
                    })?
                }
                Required::WhyNotLower => {
                    self.text(ask, &["whyNotLower"], "Why will a lower level not do?", |a, t| {
                        a.why_not_lower = Some(t);
                    })?
                }
                Required::Plan => ask.plan = self.plan()?,
                Required::LegalBasis => self.basis(ask)?,
                Required::Attachments => {
                    let url = self.desk.ask("A link to proof (no data itself)")?;
                    ask.attachments = vec![Attachment { url, sha256: None, kind: AttachmentKind::CaseReference }];
                }
            }
        }
        Ok(())
    }
    fn data(&mut self, ask: &mut Ask, needed: &[&evidence::Form]) -> Result<(), Failure> {
        loop {
            let system = self.desk.ask("Which system holds the data?")?;
            let wants_tenant = needed.iter().any(|form| form.what == Required::Tenant);
            let tenant = match wants_tenant {
                true => Some(self.desk.ask("The number of the customer, account or tenant (no names)")?),
                false => None,
            };
            let keys = self.desk.ask("Which records (keys, with blanks between; fields as .name)")?;
            let (fields, records): (Vec<&str>, Vec<&str>) =
                keys.split_whitespace().partition(|key| key.starts_with('.'));
            let owned = |all: Vec<&str>| all.into_iter().map(|key| key.trim_start_matches('.').to_owned()).collect();
            ask.data = vec![DataScope { system, kind: None, tenant, records: owned(records), fields: owned(fields) }];
            match self.fault(ask, &["ExactData", "spec.data"]) {
                Some(fault) => self.desk.say(&self.desk.paint().red(&text::line(&fault, 600))),
                None => return Ok(()),
            }
        }
    }
    fn plan(&self) -> Result<Vec<String>, Failure> {
        self.desk.say("What will you do or look at? A step a line; an empty line ends it.");
        let mut steps = vec![];
        loop {
            match self.desk.ask(&format!("{}.", steps.len() + 1))? {
                step if step.is_empty() && !steps.is_empty() => return Ok(steps),
                step if step.is_empty() => {}
                step => steps.push(step),
            }
        }
    }
    fn basis(&self, ask: &mut Ask) -> Result<(), Failure> {
        let question = "What makes it lawful (Contract, PrivacyRequest, AuditDuty, FraudReview, SecurityIncident, \
                        CustomerConsent, LegalHold, Subpoena)?";
        loop {
            let type_ = self.desk.ask(question)?;
            let ticket = ask.ticket.clone().unwrap_or_default();
            let ref_ = self.desk.ask(&format!("Where is that written? [{}]", text::line(&ticket, 63)))?;
            let ref_ = if ref_.is_empty() { ticket } else { ref_ };
            match ask::basis(&format!("{type_}={ref_}")) {
                Ok(basis) => {
                    ask.legal_basis = Some(basis);
                    return Ok(());
                }
                Err(fault) => self.desk.say(&self.desk.paint().red(&text::line(&fault, 300))),
            }
        }
    }
    fn how_long(&mut self, ask: &mut Ask) -> Result<(), Failure> {
        if ask.duration.is_some() && self.fault(ask, &["EndTimeSet", "spec.duration"]).is_none() {
            return Ok(());
        }
        let (policy, draft) = (self.applied(ask), self.draft(ask));
        let shortest = access_of(&draft, &policy).and_then(|access| access.max_duration);
        let of_lane = policy.spec.emergency.as_ref().map(|lane| lane.duration.max);
        let most = [shortest, of_lane].into_iter().flatten().fold(policy.spec.duration.max, Span::min);
        let default = term::in_words(policy.spec.duration.default.delta());
        loop {
            let answer = self.desk.ask(&format!("For how long [{default}, at most {most}]"))?;
            ask.duration = match answer.as_str() {
                "" => None,
                typed => match typed.parse() {
                    Ok(span) => Some(span),
                    Err(fault) => {
                        self.desk.quote(&fault);
                        continue;
                    }
                },
            };
            match self.fault(ask, &["EndTimeSet", "spec.duration"]) {
                Some(fault) => self.desk.say(&self.desk.paint().red(&text::line(&fault, 600))),
                None => return Ok(()),
            }
        }
    }
}
/// Whether words speak of this field.
fn is_about(words: &str, field: &str) -> bool {
    field.contains('.') && words.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').any(|word| word == field)
        || !field.contains('.') && words.contains(&format!("spec.{field}"))
}
