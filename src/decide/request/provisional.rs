//! What was given at once: people are asked while it holds, and it goes on once they agree and its note is there.
use super::{Draft, LOOK_AGAIN, Open, gain, shown, waits_for, what_is_asked};
use crate::api::grant::{AccessGrant, ApprovalOf};
use crate::api::policy::Emergency;
use crate::api::reasons::{self, Approved, EndReason, Outcome};
use crate::decide::approval::Verdict;
use crate::decide::effect::Effect;
use crate::decide::matrix::{Judgement, Ruled};
use crate::decide::screening::{Filing, Screening};
use crate::decide::{Guard, Next, approval, at_once, record, second};
use chrono::TimeDelta;

impl Draft<'_> {
    /// Gives access before anybody has agreed, once it is on record what that gives.
    pub(super) fn gives_at_once(&mut self, judgement: &Judgement<'_>, lane: &Emergency) -> (Vec<Effect>, Next) {
        if shown(self.observed.seen.request).0.is_none() || !self.knows_the_roles(&judgement.filing) {
            self.set(Approved::Waiting, "access is given at once; what it gives is put on record first");
            return (vec![], Next::AtOnce);
        }
        let record = self.award(judgement, Outcome::Approved, vec![], None);
        self.records(record.map(|record| at_once::provisional(record, lane)))
    }

    /// Access that was given at once: how it goes on, and what came of it once it has ended.
    pub(super) fn holds_at_once(
        &mut self,
        first: &AccessGrant,
        screening: Option<&Screening<'_>>,
    ) -> (Vec<Effect>, Next) {
        if let Some(rest) = self.observed.second {
            self.goes_on(rest);
            return (vec![], Next::OnChange);
        }
        // One replica alone decides whether it goes on.
        if !self.observed.standing.lease_held || super::is_decided(&self.status) {
            return (vec![], Next::OnChange);
        }
        if let Some(reason) = first.status.as_ref().and_then(|s| s.end_reason) {
            self.goes_no_further(first, reason);
            return (vec![], Next::OnChange);
        }
        let left = first.spec.expires_at.map_or(TimeDelta::zero(), |end| end.get() - self.now.wall);
        let request = self.observed.seen.request;
        if at_once::refusal(request, first).is_some() || request.status.as_ref().is_some_and(|s| s.close.is_some()) {
            self.set(Approved::AtOnce, "somebody ended it: it does not go on");
            return (vec![], Next::OnChange);
        }
        if left <= TimeDelta::zero() {
            return (vec![], Next::OnChange);
        }
        match screening.and_then(|screening| Some((screening, screening.judgement.as_ref()?))) {
            Some((screening, judgement)) if screening.screened == reasons::Screened::Complete => {
                self.asks_while_it_holds(first, screening, judgement, left)
            }
            _ => {
                let why = screening.map_or("something that it names is not there", |of| of.message.as_str());
                self.set(Approved::AtOnce, format!("{}; nobody can decide at the moment: {why}", given(first)));
                (vec![], Next::After(LOOK_AGAIN.min(left)))
            }
        }
    }

    /// The second record is there.
    fn goes_on(&mut self, rest: &AccessGrant) {
        self.status.then_grant = rest.metadata.name.clone();
        self.status.expires_at = rest.spec.expires_at;
        if let (Some(end), false) = (rest.spec.expires_at, super::is_decided(&self.status)) {
            let by = rest.spec.approved_by.as_deref().unwrap_or("nobody");
            self.set(Approved::StepsMet, format!("agreed by {by}; access goes on, and ends by itself at {end}"));
        }
    }

    /// It has ended, and was not to go on.
    fn goes_no_further(&mut self, first: &AccessGrant, reason: EndReason) {
        let request = self.observed.seen.request;
        if let Some(no) = at_once::refusal(request, first) {
            let why = no.comment.as_ref().map_or(String::new(), |why| format!(": {why}"));
            return self.set(Approved::Denied, format!("{} said no, so the access was ended{why}", no.by));
        }
        match reason {
            EndReason::Closed | EndReason::Revoked => {
                self.set(Approved::Withdrawn, "it was closed before it was decided whether it goes on");
            }
            EndReason::RoleChanged => self.set(Approved::RoleChanged, "its role grew, so the access was ended"),
            _ => {
                let why = at_once::in_words(first, Some(request), None);
                self.set(
                    Approved::TimedOut,
                    format!("access that was given at once has ended{why}: file a new request"),
                );
            }
        }
    }

    fn asks_while_it_holds(
        &mut self,
        first: &AccessGrant,
        screening: &Screening<'_>,
        judgement: &Judgement<'_>,
        left: TimeDelta,
    ) -> (Vec<Effect>, Next) {
        let (filing, look) = (&judgement.filing, Next::After(LOOK_AGAIN.min(left)));
        let count = self.count(judgement);
        let held = match (&self.observed.standing.guard, &judgement.ruled) {
            (Guard::Intact { .. }, Ruled::Denied(rule)) => {
                Some(format!("rule {} says no: {}", rule.name, rule.message))
            }
            (Guard::Intact { .. }, Ruled::Held(why)) => Some(super::is_held(filing, why)),
            _ if self.yes() == Outcome::DryRun => Some("the policy's mode is DryRun".to_owned()),
            _ => second::obstacle(first, self.observed.standing).map(str::to_owned),
        };
        if let Some(held) = held {
            self.set(Approved::AtOnce, format!("{}; it does not go on: {held}", given(first)));
            return (vec![], look);
        }
        match count.verdict {
            Verdict::StepsMet(approvals) => self.agreed_while_it_holds(first, filing, approvals),
            Verdict::Waiting(steps) => {
                let open = Open { steps, agreed: count.agreed, unjudged: count.unjudged, notes: &screening.notes };
                self.waits_while_it_holds(first, filing, open, left)
            }
            // A no ends it, by the pass over the grant; what is asked for here goes into its note.
            Verdict::Denied(by) | Verdict::DetailWanted(by) => {
                self.set(Approved::AtOnce, format!("{}; {} did not agree", given(first), by.by));
                (vec![], look)
            }
        }
    }
    fn waits_while_it_holds(
        &mut self,
        first: &AccessGrant,
        filing: &Filing<'_>,
        open: Open<'_>,
        left: TimeDelta,
    ) -> (Vec<Effect>, Next) {
        let Open { steps, agreed: _, unjudged: _, notes } = open;
        let Some(end) = first.spec.expires_at else { return (vec![], Next::OnChange) };
        let note = match (at_once::note(first), at_once::until(first, filing, &[])) {
            (_, None) => String::new(),
            (Some(_), Some(until)) => format!("; with an approval it goes on until {until}"),
            (None, Some(until)) => format!("; with a note and an approval it goes on until {until}"),
        };
        let words = format!(
            "{}{note}; {}{}; {}",
            given(first),
            what_is_asked(filing, self.now.wall),
            gain::in_words(&self.status),
            waits_for(&steps, end.get(), self.now)
        );
        self.set(Approved::AtOnce, words + &super::left_out(&self.status));
        self.status.brief = self.brief(filing, notes, &steps, Some(first));
        let next = approval::next_backups(&steps, self.now).unwrap_or(left).min(left);
        self.status.waiting_for = steps;
        (vec![], Next::After(next.min(LOOK_AGAIN)))
    }
    /// Somebody has agreed: it goes on as soon as the note is there, for as long as is left of what was asked for.
    fn agreed_while_it_holds(
        &mut self,
        first: &AccessGrant,
        filing: &Filing<'_>,
        approvals: Vec<ApprovalOf>,
    ) -> (Vec<Effect>, Next) {
        let by = record::in_one_line(&approvals).unwrap_or_default();
        if at_once::until(first, filing, &approvals).is_none() {
            self.set(Approved::StepsMet, format!("agreed by {by}; {}", given(first)));
            return (vec![], Next::OnChange);
        }
        let Some(note) = at_once::note(first) else {
            let (who, record) = (&first.spec.user, first.metadata.name.as_deref().unwrap_or_default());
            let words = format!(
                "{}; {by} agreed; it goes on once {who} has written the note: status.owed of accessgrant {record} has the command",
                given(first)
            );
            self.set(Approved::AtOnce, words);
            return (vec![], Next::OnChange);
        };
        match (at_once::rest(first, filing, approvals, note, self.now), self.observed.refused) {
            (Some(_), Some(words)) => {
                self.set(Approved::AtOnce, format!("{}; the API server refuses the record: {words}", given(first)));
                (vec![], Next::After(LOOK_AGAIN))
            }
            (Some(rest), None) => (vec![Effect::CreateGrant(Box::new(rest))], Next::AtOnce),
            (None, _) => (vec![], Next::OnChange),
        }
    }
}

/// What was given, and until when.
fn given(first: &AccessGrant) -> String {
    let end = first.spec.expires_at.map_or_else(String::new, |end| format!(" and ends by itself at {end}"));
    format!("access was given at once, before anybody had agreed,{end}")
}
