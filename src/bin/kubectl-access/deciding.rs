//! `approve`, `deny` and `send-back`: a decision for each request that is named, in one's own name.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::seat::{self, Seat};
use crate::settings::decide::Decide;
use curfew::api::request::{AccessRequest, Decision};
use curfew::api::time::Span;
use curfew::decide::text;

/// What of the brief is told to whoever agrees: they agree to this.
const TOLD: &[&str] = &["Asks: ", "Trial: ", "Reason: ", "Would gain: ", "Dangerous"];

/// Decides each; one that fails keeps nobody from deciding the others.
pub async fn run(desk: &Desk, flags: &Decide, of: Decision, shorten: Option<Span>) -> Result<String, Failure> {
    let (mut lines, mut decided, mut failed) = (String::new(), vec![], None);
    for name in &flags.names {
        match decide(desk, name, flags, of, shorten).await {
            Ok((line, request)) => {
                lines += &line;
                decided.push(request);
            }
            Err(failure) if flags.names.len() == 1 => return Err(failure),
            Err(failure) => {
                desk.quote(&format!("{name} in {}: {failure}", desk.namespace));
                failed = Some(failure);
            }
        }
    }
    match failed {
        Some(failure) => {
            desk.say(lines.trim_end());
            Err(failure)
        }
        None if desk.format.is_for_people() => Ok(lines),
        None => output::objects(&desk.format, &decided, |_| unreachable!("a table is for people")),
    }
}

async fn decide(
    desk: &Desk,
    name: &str,
    flags: &Decide,
    of: Decision,
    shorten: Option<Span>,
) -> Result<(String, AccessRequest), Failure> {
    let (me, namespace) = (desk.me().await?, &desk.namespace);
    let read = desk.cluster.request_named(namespace, name).await?;
    let read = read.ok_or_else(|| Failure::not_found("request", name, namespace))?;
    let seat = the_one(desk, seat::fitting(&read, me, flags, &desk.when())?)?;
    let entry = seat::entry(&read, me, &seat, of, flags.comment.as_deref(), shorten)?;
    // A refusal is bound to nothing: when in doubt, it counts.
    let shown = if of == Decision::Approve { seat::shown(&read)? } else { vec![] };
    if of == Decision::Approve {
        let brief = read.status.iter().flat_map(|status| &status.brief);
        brief.filter(|line| TOLD.iter().any(|told| line.starts_with(told))).for_each(|line| desk.quote(line));
    }
    let decided = desk.cluster.decide(namespace, name, &entry, &shown).await.map_err(since)?;
    let did = match of {
        Decision::Approve => "approved",
        Decision::Deny => "denied: this ends it",
        Decision::RequestDetail => "sent back: the requester is to say more",
    };
    let line = format!("{name} in {namespace}: {did}, for {} as {}", seat.step, seat.as_);
    Ok((text::line(&line, 512) + "\n", decided))
}

/// What is tested in the patch is not as it was read.
fn since(error: curfew::cluster::Error) -> Failure {
    let is_unlike = error.words().is_some_and(|words| words.contains("due to an error in our request"));
    match is_unlike && error.code() == Some(422) {
        true => Failure::Denied("what would be gained was published anew since it was read: read it again".into()),
        false => error.into(),
    }
}

/// The seat, asked for only where two fit.
fn the_one(desk: &Desk, mut fitting: Vec<Seat>) -> Result<Seat, Failure> {
    if fitting.len() == 1 {
        return Ok(fitting.remove(0));
    }
    let several = Failure::Usage(format!("several fit, say which you mean: {}", seat::in_words(&fitting)));
    if !desk.terminal.asks {
        return Err(several);
    }
    for (at, seat) in fitting.iter().enumerate() {
        desk.quote(&format!("{}. {} as {}", at + 1, seat.step, seat.as_));
    }
    let answer = desk.ask("Which do you decide?")?.parse::<usize>().unwrap_or_default();
    match answer.checked_sub(1).filter(|at| *at < fitting.len()) {
        Some(at) => Ok(fitting.remove(at)),
        None => Err(several),
    }
}
