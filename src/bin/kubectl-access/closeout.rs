//! `closeout` and `evidence`: what was found or changed, why, and what follows; of an emergency also what shows how it went.
use crate::ask;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::owing;
use crate::settings::duties::Closeout;
use curfew::api::duty::{CloseOut, Duty, Needed, Obligation};
use curfew::api::evidence::LegalBasis;
use curfew::api::grant::AccessGrant;
use curfew::api::request::Lane;
use curfew::decide::{duties, text};
use serde_json::json;

/// What each part is asked for by.
fn question(needed: Needed) -> &'static str {
    match needed {
        Needed::Cause => "Why was it so?",
        Needed::FollowUps => "What follows? Tickets, or none",
        Needed::DataReviewed => "Which data did you look at? Numbers and keys, never what is in the records",
        Needed::Timeline => "What happened when? A line each; an empty line ends it.",
        Needed::Commands => "What did you run? A command each; an empty line ends it.",
        Needed::Attachments => "A link to logs or screenshots, such as Log=https://logs.example.com/1",
        Needed::WhyNotBroader => "Why would more access have been a risk?",
        Needed::WhyNotSafer => "Why did the safer ways not give the answer?",
        Needed::LegalBasis => "What made it lawful to see the data, such as CustomerConsent=SUP-4812",
    }
}

/// Writes the close-out of an access that has ended.
pub async fn run(desk: &Desk, flags: &Closeout) -> Result<String, Failure> {
    let (record, of) = owing::to_meet(desk, flags.name.as_deref(), Duty::CloseOut).await?;
    write(desk, &record, &of, flags.clone()).await
}

/// Says which evidence the close-out of an emergency must hold; where it can be written, asks for it.
pub async fn evidence(desk: &Desk, flags: &Closeout) -> Result<String, Failure> {
    let me = desk.me().await?;
    let is_theirs = |record: &AccessGrant| {
        let routine = || format!("{} was no emergency: its close-out asks for no evidence", record.spec.request.name);
        let of = obligation(record).filter(|_| record.spec.lane == Lane::Emergency).ok_or_else(routine)?;
        match duties::is_listed(&of.by, owing::who(me)) {
            true => Ok(()),
            false => Err(format!("only who owes it writes it: {}", text::few(&of.by, 6))),
        }
    };
    let record = owing::one(desk, flags.name.as_deref(), Duty::CloseOut, is_theirs).await?;
    let can_be_written = duties::meeting(&record, Duty::CloseOut, owing::who(me)).cloned();
    match can_be_written {
        Ok(of) if desk.terminal.asks || *flags != Closeout { name: flags.name.clone(), ..Closeout::default() } => {
            write(desk, &record, &of, flags.clone()).await
        }
        _ if !desk.format.is_for_people() => {
            output::objects(&desk.format, &[record], |_| unreachable!("a table is for people"))
        }
        _ => Ok(needed(desk, &record)),
    }
}
fn obligation(record: &AccessGrant) -> Option<&Obligation> {
    record.spec.duties.as_ref()?.owes.iter().find(|of| of.duty == Duty::CloseOut)
}

/// What the close-out must hold, a line each, with what is known already.
fn needed(desk: &Desk, record: &AccessGrant) -> String {
    let of = obligation(record).map(|of| of.needs.clone()).unwrap_or_default();
    let owed = record.status.iter().flat_map(|status| &status.owed).find(|owed| owed.duty == Duty::CloseOut);
    let due =
        owed.map_or_else(|| "is owed once the access has begun".to_owned(), |owed| owing::due(owed, &desk.when()));
    let known = filled(Closeout::default(), &of, record);
    let mut lines = format!("The close-out of {} {due}. It holds:\n", record.spec.request.name);
    for needed in of {
        let known = match needed {
            Needed::DataReviewed => known.data_reviewed.clone(),
            Needed::Commands => Some(known.commands.join("; ")).filter(|ran| !ran.is_empty()),
            _ => None,
        };
        let known = known.map_or_else(String::new, |known| format!(" [{known}]"));
        let line = format!("{:<14} {}{known}", duties::field(&needed), question(needed));
        lines += &format!("  {}\n", text::line(&line, 400));
    }
    lines + &format!("To write it, once it has ended: {}\n", owing::command(record, Duty::CloseOut))
}

/// Asks for what is missing where somebody can be asked, and writes it.
pub async fn write(desk: &Desk, record: &AccessGrant, of: &Obligation, flags: Closeout) -> Result<String, Failure> {
    let given = flags.clone();
    let mut draft = filled(flags, &of.needs, record);
    if desk.terminal.asks {
        let mut asked = Asking { desk, of };
        asked.all(&mut draft, &given)?;
    } else if given.data_reviewed != draft.data_reviewed || given.commands != draft.commands {
        let known = [draft.data_reviewed.clone(), Some(draft.commands.join("; ")).filter(|ran| !ran.is_empty())];
        desk.quote(&format!("Filled in: {}", known.into_iter().flatten().collect::<Vec<_>>().join("; ")));
    }
    let me = desk.name().await?;
    let written = json!({"closeout": closeout(&me, draft)});
    let stored = owing::write(desk, record, of, &written).await.map_err(|failure| match failure {
        Failure::Usage(words) => {
            Failure::Usage(format!("{words}\nEach field has a flag: kubectl access closeout --help"))
        }
        other => other,
    })?;
    owing::answered(desk, stored, Duty::CloseOut, "written")
}

/// The same with what is known already: the data that was declared, and what audit events have shown.
fn filled(mut flags: Closeout, needs: &[Needed], record: &AccessGrant) -> Closeout {
    let declared = duties::data_in_words(&record.spec.data);
    if needs.contains(&Needed::DataReviewed) && flags.data_reviewed.is_none() && !declared.is_empty() {
        flags.data_reviewed = Some(declared);
    }
    if needs.contains(&Needed::Commands) && flags.commands.is_empty() {
        flags.commands = duties::seen(record);
    }
    flags
}

fn closeout(me: &str, of: Closeout) -> CloseOut {
    CloseOut {
        by: me.to_owned(),
        summary: of.summary.unwrap_or_default(),
        work_done: of.done,
        changes: of.changed,
        cause: of.cause,
        follow_ups: of.follow_ups,
        data_reviewed: of.data_reviewed,
        timeline: of.timeline,
        commands: of.commands,
        attachments: of.attachments,
        why_not_broader: of.why_not_broader,
        why_not_safer: of.why_not_safer,
        legal_basis: of.legal_basis,
    }
}

struct Asking<'a> {
    desk: &'a Desk,
    of: &'a Obligation,
}
impl Asking<'_> {
    /// In the order in which somebody tells it: what was found, what was changed, why, what follows, and the evidence.
    fn all(&mut self, draft: &mut Closeout, given: &Closeout) -> Result<(), Failure> {
        if draft.summary.is_none() {
            draft.summary = Some(self.said("What did you find or do?", 10)?);
        }
        if draft.changed.is_empty() && !given.done {
            self.changes(draft)?;
        }
        for needed in self.of.needs.clone() {
            self.need(needed, draft, given)?;
        }
        if !draft.done {
            draft.done = self.is_done()?;
        }
        Ok(())
    }
    fn need(&self, needed: Needed, draft: &mut Closeout, given: &Closeout) -> Result<(), Failure> {
        let ask = question(needed);
        let text = |of: &mut Option<String>| -> Result<(), Failure> {
            if of.is_none() {
                *of = Some(self.said(ask, 1)?);
            }
            Ok(())
        };
        match needed {
            Needed::Cause => text(&mut draft.cause)?,
            Needed::WhyNotBroader => text(&mut draft.why_not_broader)?,
            Needed::WhyNotSafer => text(&mut draft.why_not_safer)?,
            Needed::FollowUps if draft.follow_ups.is_none() => draft.follow_ups = Some(self.or(ask, "none")?),
            Needed::DataReviewed if given.data_reviewed.is_none() => {
                let declared = draft.data_reviewed.clone().unwrap_or_default();
                draft.data_reviewed = Some(self.or(ask, &declared)?);
            }
            Needed::Timeline if draft.timeline.is_empty() => draft.timeline = self.lines(ask, &[])?,
            Needed::Commands if given.commands.is_empty() => draft.commands = self.lines(ask, &draft.commands)?,
            Needed::Attachments if draft.attachments.is_empty() => {
                draft.attachments = vec![self.read(ask, ask::attachment)?];
            }
            Needed::LegalBasis if draft.legal_basis.is_none() => {
                let basis: LegalBasis = self.read(ask, ask::basis)?;
                draft.legal_basis = Some(basis);
            }
            Needed::FollowUps | Needed::DataReviewed | Needed::Timeline | Needed::Commands => {}
            Needed::Attachments | Needed::LegalBasis => {}
        }
        Ok(())
    }
    /// An answer that says something.
    fn said(&self, question: &str, least: usize) -> Result<String, Failure> {
        loop {
            let answer = self.desk.ask(question)?;
            if !duties::says_nothing(&answer) && answer.chars().count() >= least {
                return Ok(answer);
            }
            self.fault("say it in words of your own");
        }
    }
    /// An answer, or what is known already.
    fn or(&self, question: &str, known: &str) -> Result<String, Failure> {
        let shown = if known.is_empty() { String::new() } else { format!(" [{}]", text::line(known, 300)) };
        loop {
            match self.desk.ask(&format!("{question}{shown}"))? {
                answer if !answer.is_empty() => return Ok(answer),
                _ if !known.is_empty() => return Ok(known.to_owned()),
                _ => {}
            }
        }
    }
    /// At least one line; what is known already is there before.
    fn lines(&self, question: &str, known: &[String]) -> Result<Vec<String>, Failure> {
        self.desk.say(question);
        let mut lines = known.to_vec();
        lines.iter().zip(1..).for_each(|(line, n)| self.desk.quote(&format!("{n}. {line} (seen in audit events)")));
        loop {
            match self.desk.ask(&format!("{}.", lines.len() + 1))? {
                line if line.is_empty() && !lines.is_empty() => return Ok(lines),
                line if line.is_empty() => {}
                line => lines.push(line),
            }
        }
    }
    fn changes(&self, draft: &mut Closeout) -> Result<(), Failure> {
        self.desk.say(
            "What did you change? Code, Config, Data or Manual, and what: `Config=export.rounding from line to total`;",
        );
        self.desk.say("an empty line: nothing, or nothing more.");
        loop {
            let typed = self.desk.ask(&format!("{}.", draft.changed.len() + 1))?;
            if typed.is_empty() {
                return Ok(());
            }
            match ask::change(&typed) {
                Ok(change) => draft.changed.push(change),
                Err(fault) => self.fault(&fault),
            }
        }
    }
    fn read<T>(&self, question: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
        loop {
            match read(&self.desk.ask(question)?) {
                Ok(value) => return Ok(value),
                Err(fault) => self.fault(&fault),
            }
        }
    }
    fn is_done(&self) -> Result<bool, Failure> {
        match self.desk.ask("Is the work finished, or handed on in what follows? [y/n]")?.as_str() {
            "y" | "yes" => Ok(true),
            _ => Err(Failure::Usage(
                "nothing was sent: finish the work, or hand it on in what follows, then say so".into(),
            )),
        }
    }
    fn fault(&self, words: &str) {
        self.desk.say(&self.desk.paint().red(&text::line(words, 600)));
    }
}
