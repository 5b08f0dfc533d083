//! A record for whoever reads it later: who asked, who agreed, what could be done, why, and when it ended; then what makes it
//! trustworthy, what was done, what is owed, and how it went.
use crate::owing;
use crate::when::When;
use chrono::TimeDelta;
use curfew::api::duty::{CloseOut, Duties, Review};
use curfew::api::grant::{AccessGrant, AccessGrantSpec, AccessGrantStatus, ApprovalOf, Flag};
use curfew::api::reasons::{DutiesMet, Outcome, Reason, RemovalVerified};
use curfew::api::request::{AccessRequest, Decision};
use curfew::api::time::Instant;
use curfew::decide::text::{self, Section};
use curfew::decide::timeline::{self, Chain};
use curfew::decide::{brief, duties, role};
use kube::ResourceExt;
use serde_json::Value;

/// How wide a line is, and how many there are at most.
const WIDTH: usize = 120;
const LINES: usize = 40;
/// The most lines of one among several.
const IN_SHORT: usize = 16;
/// How many entries of its history are shown whatever else there is to say.
const HISTORY: usize = 3;

/// What is known of a record.
#[derive(Clone, Copy)]
pub struct Dossier<'a> {
    /// The record.
    pub record: &'a AccessGrant,
    /// The same as it is written: its digests are of that.
    pub written: &'a Value,
    /// The request that it came of; `None`: it is gone, or another one.
    pub request: Option<&'a AccessRequest>,
    /// Now.
    pub when: &'a When,
}

/// Whether the task is closed: the access is proved to be gone, and nothing is owed (G5).
pub fn is_closed(record: &AccessGrant) -> bool {
    let status = record.status.clone().unwrap_or_default();
    let is_true = |type_: &str| status.conditions.iter().any(|c| c.type_ == type_ && c.status == "True");
    let was_given = record.spec.outcome == Outcome::Approved;
    let owes = record.spec.duties.is_some();
    (!was_given || is_true(RemovalVerified::CONDITION)) && (!owes || is_true(DutiesMet::CONDITION))
}

impl Dossier<'_> {
    /// At most 40 lines of at most 120 characters; nothing in them acts on a terminal.
    pub fn lines(&self) -> Vec<String> {
        let mut page = Page::default();
        self.five_answers(&mut page);
        self.flags(&mut page);
        self.evidence(&mut page);
        self.five_checks(&mut page);
        self.use_(&mut page);
        self.written_since(&mut page);
        self.owed(&mut page);
        let mut lines = text::fit(&mut page.0, WIDTH, LINES - HISTORY - 2);
        let room = LINES - lines.len() - 2;
        lines.extend(self.history(room));
        lines
    }
    /// The five answers alone, and what a reader must not miss.
    pub fn in_short(&self) -> Vec<String> {
        let mut page = Page::default();
        self.five_answers(&mut page);
        self.flags(&mut page);
        page.maybe("Ticket", self.check("RealTask"), 2);
        page.say("More", format!("kubectl access show {}", self.record.name_any()), 1);
        text::fit(&mut page.0, WIDTH, IN_SHORT)
    }
    fn status(&self) -> AccessGrantStatus {
        self.record.status.clone().unwrap_or_default()
    }

    fn five_answers(&self, page: &mut Page) {
        let (spec, status) = (&self.record.spec, self.status());
        page.0.push(Section { text: text::line(&self.heading(), 2 * WIDTH), most: 2 });
        let filer = spec.filed_by.as_ref().map_or(String::new(), |by| format!(", filed by {by}"));
        page.say("Asked", format!("{} (as {}){filer}", spec.user, spec.entitled_by), 2);
        page.say("Agreed", self.agreed(), 4);
        let had =
            if spec.had.is_empty() { String::new() } else { format!("; before already: {}", text::few(&spec.had, 2)) };
        let gained = text::few(&spec.adds, 12);
        let (access, level, place) = (&spec.access, spec.level, &spec.namespace);
        page.say("Could", format!("{access} ({level:?}, {}) in {place}: {gained}{had}", spec.role_ref), 4);
        page.say("Why", format!("{} ({}, policy {})", spec.reason, spec.ticket, spec.policy.name), 4);
        page.say("When", self.times(&status), 2);
    }
    /// `billing.sup-4812.7f3a2c1b: Closed; the task is not closed: a close-out is owed`
    fn heading(&self) -> String {
        let status = self.status();
        let state = status.state.as_deref().unwrap_or("not begun");
        let open: Vec<_> =
            status.owed.iter().filter(|owed| duties::is_open(owed)).map(|o| duties::name(o.duty)).collect();
        let task = match (is_closed(self.record), self.record.spec.outcome, open.is_empty()) {
            (true, Outcome::Approved, _) => "the task is closed".to_owned(),
            (true, ..) => "nothing was granted, and nothing is owed".to_owned(),
            (false, _, false) => format!("the task is not closed, owed: {}", text::few(open, 3)),
            (false, ..) => "the task is not closed".to_owned(),
        };
        format!("{}: {state}; {task}", self.record.name_any())
    }
    fn agreed(&self) -> String {
        let spec = &self.record.spec;
        if let Some(rule) = &spec.rule {
            let generation = rule.policy_generation;
            return format!(
                "rule {} of the policy (generation {generation}): {:?}, {}",
                rule.name, rule.then, rule.message
            );
        }
        let one = |of: &ApprovalOf| {
            let did = if of.decision == Decision::Approve { "agreed" } else { "refused" };
            let at = self.when.at(of.at);
            let comment = of.comment.as_ref().map_or(String::new(), |comment| format!(": “{comment}”"));
            let by = of.attested_by.as_ref().map_or(String::new(), |filer| format!(", as {filer} attests"));
            format!("{} {did} at {at} for {} (as {}){by}{comment}", of.by, of.step, of.as_)
        };
        let people: Vec<_> = spec.approvals.iter().map(one).collect();
        match (people.is_empty(), &spec.why) {
            (false, _) => people.join("; "),
            (true, Some(why)) => format!("nobody: {why}"),
            (true, None) => "nobody".to_owned(),
        }
    }
    fn times(&self, status: &AccessGrantStatus) -> String {
        let (spec, at) = (&self.record.spec, |time: Instant| self.when.at(time));
        let Some(most) = spec.expires_at else { return "never: nothing was granted".to_owned() };
        let most = self.when.both(most);
        match (status.started_at, status.ended_at) {
            (Some(begun), Some(end)) => {
                format!("{} to {}, {}; at most until {most}", at(begun), at(end), ended_by(status))
            }
            (Some(begun), None) => format!("since {}, until {most} at most; it ends by itself", at(begun)),
            (None, Some(end)) => format!("over at {} without having been seen to hold, {}", at(end), ended_by(status)),
            (None, None) => format!("begins at {} at the earliest, and ends by itself at {most}", at(spec.not_before)),
        }
    }

    fn evidence(&self, page: &mut Page) {
        let spec = &self.record.spec;
        let all = |items: Vec<String>| items.join("; ");
        page.maybe("Emergency", spec.emergency.as_ref().map(|of| format!("{:?}: {}", of.harm, of.impact)), 3);
        page.say("Data, declared and not enforced", all(spec.data.iter().map(brief::data).collect()), 3);
        page.maybe("Why not a safer way", spec.why_not_safer.clone(), 2);
        page.maybe("Why not a lower level", spec.why_not_lower.clone(), 2);
        page.maybe("Legal basis", spec.legal_basis.as_ref().map(|of| format!("{:?} {}", of.type_, of.ref_)), 1);
        page.say("Attachments", all(spec.attachments.iter().map(|a| format!("{:?} {}", a.kind, a.url)).collect()), 2);
        page.maybe("Renews", spec.renewal.as_ref().map(|of| format!("{}: {}", of.grant, of.what_remains)), 2);
        page.maybe("Follows", spec.follows.as_ref().map(|of| format!("{}: {}", of.grant, of.finding)), 2);
    }

    /// What even a small team checks (C10).
    fn five_checks(&self, page: &mut Page) {
        let (spec, status) = (&self.record.spec, self.status());
        let ticket = self
            .check("RealTask")
            .unwrap_or_else(|| format!("{}; its request is gone, and with it the check", spec.ticket));
        page.say("1. A real task", ticket, 2);
        page.say("2. Agreed before it began", agreed_before(spec, &status), 1);
        let fuse =
            status.fuse.as_ref().map_or(String::new(), |fuse| format!(", also without Curfew: fuse {}", fuse.name));
        let end = spec.expires_at.map(|end| format!("at {}{fuse}", self.when.at(end)));
        page.say("3. Ends by itself", end.unwrap_or_else(|| "nothing was granted".to_owned()), 1);
        page.say("4. Others see it", self.seen(&status), 2);
        let gone = status.conditions.iter().find(|c| c.type_ == RemovalVerified::CONDITION);
        let gone = gone.map(|c| format!("{}: {}", c.reason, c.message));
        page.say("5. Proved to be gone", gone.unwrap_or_else(|| "not yet, or nothing was granted".to_owned()), 2);
    }
    fn check(&self, name: &str) -> Option<String> {
        let checks = self.request.and_then(|request| request.status.as_ref()).map(|status| &status.checks)?;
        checks.iter().find(|check| check.name == name).map(|check| check.message.clone())
    }
    fn seen(&self, status: &AccessGrantStatus) -> String {
        let record = "this record, its Events and the log of the operator";
        match (&status.usage, self.check("AuditTrail")) {
            (Some(_), _) => format!("{record}; what was done with it was watched"),
            (None, Some(trail)) => format!("{record}. {trail}"),
            (None, None) => format!("{record}; nobody watched what was done with it, or nothing was"),
        }
    }

    /// What was done beside what was to be done (J8, K6).
    fn use_(&self, page: &mut Page) {
        let (spec, status) = (&self.record.spec, self.status());
        let plan: Vec<_> = spec.plan.iter().zip(1..).map(|(step, n)| format!("{n}. {step}")).collect();
        page.say("Planned", plan.join(" "), 3);
        let Some(usage) = &status.usage else {
            let watched = self.check("AuditTrail").is_some_and(|trail| !trail.starts_with("Unknown"));
            let words =
                if watched { "no call of it was seen" } else { "nobody watches: no audit events are read here (K1)" };
            return page.say("Done", words.to_owned(), 1);
        };
        let (count, verbs) = (usage.count, text::few(&usage.verbs, 12));
        let calls = if count == 1 { "call" } else { "calls" };
        let (first, last) = (self.when.at(usage.first_seen), self.when.at(usage.last_seen));
        page.say("Done", format!("{} made {count} {calls} between {first} and {last}, of {verbs}", spec.user), 3);
    }

    /// What people wrote for their duties.
    fn written_since(&self, page: &mut Page) {
        let Duties { note, closeout, review, .. } = self.status().duties.unwrap_or_default();
        page.maybe("Note", note.map(|note| format!("{}: {}", note.by, note.text)), 2);
        if let Some(closeout) = closeout {
            closed_out(page, &closeout);
        }
        let answers = |Review { by, real_emergency, smallest_option, evidence_added, improvement }: Review| {
            format!(
                "by {by}. A real one: {real_emergency} The least: {smallest_option} Complete: {evidence_added} To improve: {improvement}"
            )
        };
        page.maybe("Reviewed", review.map(answers), 4);
    }

    fn owed(&self, page: &mut Page) {
        for owed in self.status().owed {
            let label = if duties::is_open(&owed) { "Owed" } else { "Settled" };
            page.say(label, owing::in_words(self.record, &owed, self.when), 3);
        }
    }
    fn flags(&self, page: &mut Page) {
        let one = |flag: Flag| {
            let since = self.when.at(flag.since);
            let cleared = flag.cleared_by.map_or(String::new(), |by| format!(" (cleared: {by})"));
            format!("{:?} since {since}: {}{cleared}", flag.type_, flag.message)
        };
        page.say("Flags", self.status().flags.into_iter().map(one).collect::<Vec<_>>().join("; "), 4);
    }

    /// The last entries of the timeline, and whether the record is whole.
    fn history(&self, room: usize) -> Vec<String> {
        let spec = &self.record.spec;
        let all = self.status().timeline;
        let left_out = all.len().saturating_sub(room);
        let mut lines: Vec<_> = all[left_out..]
            .iter()
            .map(|entry| {
                let note = entry.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
                text::line(&format!("  {} {} by {}{note}", self.when.at(entry.at), entry.what, entry.by), WIDTH - 2)
            })
            .map(|line| format!("  {line}"))
            .collect();
        let before = if left_out == 0 { String::new() } else { format!(", the last {room} of them") };
        let chain = match Chain::of(self.written).fault() {
            None => "unbroken".to_owned(),
            Some(seq) => format!("BROKEN AT ENTRY {seq}: it was changed past Curfew"),
        };
        let head = timeline::entries(self.written).last().map_or("", timeline::digest_of);
        let head = head.chars().take(12).collect::<String>();
        lines.insert(0, text::line(&format!("History: {} entries{before}; {chain}, head {head}", all.len()), WIDTH));
        let rules = match role::digest(&spec.rules) == spec.rules_sha256 {
            true => "of the rules on record",
            false => "NOT OF THE RULES ON RECORD",
        };
        lines.push(text::line(&format!("Rules: SHA-256 {}, {rules}", spec.rules_sha256), WIDTH));
        lines
    }
}

fn ended_by(status: &AccessGrantStatus) -> String {
    let reason = status.end_reason.map_or("over", Into::into);
    format!("{reason} by {}", status.ended_by.as_deref().unwrap_or("nobody knows whom"))
}

fn agreed_before(spec: &AccessGrantSpec, status: &AccessGrantStatus) -> String {
    let last = spec.approvals.iter().map(|of| of.at).max();
    match (spec.outcome, status.started_at, last) {
        (outcome, ..) if outcome != Outcome::Approved => "nothing was granted".to_owned(),
        (_, Some(begun), Some(last)) if begun < last => "NO: it began before the last decision".to_owned(),
        (_, Some(begun), Some(last)) => {
            let waited = crate::when::span((begun.get() - last.get()).max(TimeDelta::zero()));
            format!("yes: it began {waited} after the last decision")
        }
        (_, None, Some(_)) => "yes: it has not begun".to_owned(),
        (_, _, None) if spec.rule.is_some() => "yes, by a rule of the policy".to_owned(),
        _ => "NO: nobody is on record".to_owned(),
    }
}

fn closed_out(page: &mut Page, of: &CloseOut) {
    let done = if of.work_done { "the work is done" } else { "the work is not done" };
    page.say("Found", format!("{} ({}; {done})", of.summary, of.by), 3);
    let changes: Vec<_> = of.changes.iter().map(|change| format!("{:?}: {}", change.kind, change.what)).collect();
    page.say("Changed", if changes.is_empty() { "nothing".to_owned() } else { changes.join("; ") }, 3);
    let follows = of.follow_ups.as_deref().unwrap_or("nothing is said");
    page.say("Cause", format!("{} Follows: {follows}", of.cause.as_deref().unwrap_or("not said.")), 3);
    page.maybe("Looked at", of.data_reviewed.clone(), 2);
    page.say("Happened", of.timeline.join("; "), 3);
    page.say("Ran", of.commands.join("; "), 3);
    page.say(
        "Proof",
        of.attachments.iter().map(|a| format!("{:?} {}", a.kind, a.url)).collect::<Vec<_>>().join("; "),
        2,
    );
    page.maybe("Why not more access", of.why_not_broader.clone(), 2);
}

/// What is said, subject by subject.
#[derive(Default)]
struct Page(Vec<Section>);
impl Page {
    fn say(&mut self, label: &str, words: String, most: usize) {
        if !words.is_empty() {
            let text = text::line(&format!("{label}: {words}"), 2 * WIDTH * most);
            self.0.push(Section { text, most });
        }
    }
    fn maybe(&mut self, label: &str, words: Option<String>, most: usize) {
        self.say(label, words.unwrap_or_default(), most);
    }
}

#[cfg(test)]
pub mod tests;
