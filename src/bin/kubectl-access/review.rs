//! `review`: four answers about an emergency, by somebody who was not involved.
use crate::desk::Desk;
use crate::dossier::Dossier;
use crate::failure::Failure;
use crate::owing;
use crate::settings::duties::Review;
use curfew::api::duty::Duty;
use curfew::api::grant::AccessGrant;
use curfew::api::request::Lane;
use curfew::decide::{duties, text};
use kube::ResourceExt;
use serde_json::json;

/// Writes it.
pub async fn run(desk: &Desk, flags: &Review) -> Result<String, Failure> {
    let (record, of) = owing::to_meet(desk, flags.name.as_deref(), Duty::Review).await?;
    let (me, ticket) = (desk.name().await?, &record.spec.ticket);
    if record.spec.lane == Lane::Emergency && desk.cluster.had_access(&me, ticket).await? {
        return Err(Failure::Denied(format!(
            "you had access for {} as well: somebody who was not involved reviews it",
            text::line(ticket, 63)
        )));
    }
    if desk.terminal.asks {
        show(desk, &record).await?;
    }
    let answer = |given: &Option<String>, flag: &str, question: &str| match given {
        Some(text) => Ok(text.clone()),
        None if desk.terminal.asks => said(desk, question),
        None => Err(Failure::Usage(format!("a review answers four questions: {flag} is missing"))),
    };
    let written = json!({"review": {
        "by": me,
        "realEmergency": answer(&flags.real, "--real", "Was it a real emergency, and how do you know?")?,
        "smallestOption": answer(&flags.least, "--least", "Was it the smallest way that worked?")?,
        "evidenceAdded": answer(&flags.complete, "--complete", "Is the evidence complete?")?,
        "improvement": answer(&flags.improve, "--improve", "What would make it unnecessary next time?")?,
    }});
    let stored = owing::write(desk, &record, &of, &written).await?;
    owing::answered(desk, stored, Duty::Review, "written")
}

/// What is reviewed.
async fn show(desk: &Desk, record: &AccessGrant) -> Result<(), Failure> {
    let written = desk.cluster.record_as_written(&record.name_any()).await?.unwrap_or_default();
    let when = desk.when();
    let dossier = Dossier { record, written: &written, request: None, when: &when };
    dossier.lines().iter().for_each(|line| desk.say(line));
    Ok(())
}

fn said(desk: &Desk, question: &str) -> Result<String, Failure> {
    loop {
        let answer = desk.ask(question)?;
        if !duties::says_nothing(&answer) && answer.chars().count() >= LEAST {
            return Ok(answer);
        }
        desk.say(&desk.paint().red("say it in words of your own, in at least 10 characters"));
    }
}
/// The fewest characters of an answer.
const LEAST: usize = 10;
