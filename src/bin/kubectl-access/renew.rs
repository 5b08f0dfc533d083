//! `renew`: asks for more time for the same work, with the three answers that a renewal owes (E19, E20).
use crate::desk::Desk;
use crate::failure::Failure;
use crate::request;
use crate::settings::Renew;
use curfew::api::request::Renewal;
use curfew::decide::text;
use kube::ResourceExt;

/// Asks.
pub async fn run(desk: &Desk, flags: &Renew) -> Result<String, Failure> {
    let of = match &flags.of {
        Some(name) => name.clone(),
        None => the_only(desk).await?,
    };
    let read = desk.cluster.request_named(&desk.namespace, &of).await?;
    let before = read.ok_or_else(|| Failure::not_found("request", &of, &desk.namespace))?;
    let answer = |given: &Option<String>, flag: &str, question: &str| match given {
        Some(text) => Ok(text.clone()),
        None if desk.terminal.asks => desk.ask(question),
        None => Err(Failure::Usage(format!("a renewal answers three questions: {flag} is missing"))),
    };
    let renewal = Renewal {
        what_changed: answer(&flags.changed, "--changed", "What is different from what you said then?")?,
        what_remains: answer(&flags.remains, "--remains", "What is left to do?")?,
        why_not_enough: answer(&flags.why, "--why", "Why was the time not enough?")?,
        of: before.name_any(),
    };
    let mut ask = flags.ask.clone().or_as(&before.spec).in_lane_of(&before.spec);
    // The time of a renewal is asked for anew, and a second access was for the first time only.
    ask.duration = flags.ask.duration;
    ask.then = flags.ask.then.clone();
    let draft = request::compose(desk, ask, Some(renewal)).await?;
    request::send(desk, draft, &flags.sending).await
}

/// The request of the one access that the user holds here.
async fn the_only(desk: &Desk) -> Result<String, Failure> {
    let held = desk.cluster.live_grants_of(&desk.name().await?).await?;
    let mut here: Vec<_> = held.iter().filter(|grant| grant.spec.namespace == desk.namespace).collect();
    here.dedup_by(|one, other| one.spec.request == other.spec.request);
    match here.as_slice() {
        [one] => Ok(one.spec.request.name.clone()),
        [] => Err(Failure::Usage(format!(
            "you hold nothing in {}: name the request that you renew",
            text::line(&desk.namespace, 63)
        ))),
        several => {
            let names = text::few(several.iter().map(|grant| &grant.spec.request.name), 8);
            Err(Failure::Usage(format!("you hold several: name one of {names}")))
        }
    }
}
