//! `close`: ends access now, one's own or, with a reason, somebody else's, and says what is owed then.
use crate::closeout;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::owing;
use crate::settings::{Close, duties::Closeout};
use crate::when::When;
use curfew::api::duty::Duty;
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{self, RemovalVerified};
use curfew::api::request::AccessRequest;
use curfew::decide::{duties, request, text};
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;

/// For how long the end is waited for: the operator ends it within a second, where it runs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(300);

/// A request to close.
struct Target {
    namespace: String,
    name: String,
}

/// Ends what is named.
pub async fn run(desk: &Desk, flags: &Close) -> Result<String, Failure> {
    let targets = match &flags.user {
        Some(user) => all_of(desk, user).await?,
        None if flags.names.is_empty() => vec![the_only(desk).await?],
        None => {
            flags.names.iter().map(|name| Target { namespace: desk.namespace.clone(), name: name.clone() }).collect()
        }
    };
    let (mut done, mut failed) = (String::new(), None);
    for target in &targets {
        // One that fails keeps nobody from ending the others.
        match close(desk, target, flags).await {
            Ok(line) => done += &line,
            Err(failure) => {
                desk.quote(&format!("{} in {}: {failure}", target.name, target.namespace));
                failed = Some(failure);
            }
        }
    }
    match failed {
        None if desk.format.is_for_people() => Ok(done),
        None => {
            let mut closed = vec![];
            for Target { namespace, name } in &targets {
                closed.extend(desk.cluster.request_named(namespace, name).await?);
            }
            output::objects(&desk.format, &closed, |_| unreachable!("a table is for people"))
        }
        Some(failure) => {
            if !done.is_empty() {
                desk.say(done.trim_end());
            }
            Err(failure)
        }
    }
}

/// The one request whose access the user holds.
async fn the_only(desk: &Desk) -> Result<Target, Failure> {
    let me = desk.name().await?;
    let held: Vec<_> = desk.cluster.live_grants_of(&me).await?;
    let mut held: Vec<_> =
        held.iter().filter(|grant| !desk.is_named || grant.spec.namespace == desk.namespace).collect();
    // A second access ends with its first.
    held.dedup_by(|one, other| one.spec.request == other.spec.request);
    match held.as_slice() {
        [one] => Ok(target(one)),
        [] => {
            Err(Failure::Error("you hold nothing that could be closed; undecided requests are closed by name".into()))
        }
        several => {
            let names = several.iter().map(|grant| format!("{} -n {}", grant.spec.request.name, grant.spec.namespace));
            Err(Failure::Usage(format!("you hold several: name one of {}", text::few(names, 8))))
        }
    }
}
fn target(grant: &AccessGrant) -> Target {
    Target { namespace: grant.spec.namespace.clone(), name: grant.spec.request.name.clone() }
}

/// All that one person holds or waits for, in all namespaces.
async fn all_of(desk: &Desk, user: &str) -> Result<Vec<Target>, Failure> {
    let pending = desk.everywhere().with("spec.requester.username", user);
    let (held, requests) = tokio::try_join!(desk.cluster.live_grants_of(user), desk.cluster.requests_of(&pending))?;
    let is_open = |of: &&AccessRequest| request::is_undecided(of.status.as_ref().and_then(|s| s.state.as_deref()));
    let waiting = requests.iter().filter(is_open);
    let mut targets: Vec<_> =
        held.iter().filter(|grant| !desk.is_named || grant.spec.namespace == desk.namespace).map(target).collect();
    targets.extend(waiting.map(|of| Target { namespace: of.namespace().unwrap_or_default(), name: of.name_any() }));
    targets.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    targets.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    match targets.is_empty() {
        true => Err(Failure::Error(format!("{} holds nothing, and waits for nothing", text::line(user, 253)))),
        false => Ok(targets),
    }
}

async fn close(desk: &Desk, target: &Target, flags: &Close) -> Result<String, Failure> {
    let Target { namespace, name } = target;
    let me = desk.name().await?;
    let read = desk.cluster.request_named(namespace, name).await?;
    let read = read.ok_or_else(|| Failure::not_found("request", name, namespace))?;
    if read.status.as_ref().is_some_and(|status| status.close.is_some()) {
        desk.say(&format!("{name} in {namespace} was closed before."));
    } else {
        if read.spec.requester.username != me && flags.reason.is_none() {
            return Err(Failure::Usage(format!(
                "{name} is {}'s: say why you end it, with --reason",
                text::line(&read.spec.requester.username, 253)
            )));
        }
        let mut entry = json!({"by": me});
        if let Some(reason) = &flags.reason {
            entry["reason"] = json!(reason);
        }
        desk.cluster.write_request(namespace, name, &json!({"close": entry})).await?;
    }
    if flags.wait.unwrap_or(desk.terminal.asks) {
        let (line, record) = gone(desk, target).await?;
        let asks = desk.terminal.asks && desk.format.is_for_people() && flags.user.is_none();
        match record.filter(|record| asks && record.spec.user == me) {
            Some(record) => closed_out(desk, &record, line).await,
            None => Ok(line),
        }
    } else {
        Ok(format!("{name} in {namespace}: closed, and ends within a second while Curfew runs\n"))
    }
}

/// Asks for the close-out as well, where somebody is there who owes it; it can wait.
async fn closed_out(desk: &Desk, record: &AccessGrant, line: String) -> Result<String, Failure> {
    let me = desk.me().await?;
    let Ok(of) = duties::meeting(record, Duty::CloseOut, owing::who(me)) else { return Ok(line) };
    desk.say(line.trim_end());
    let later = format!("later: {}", owing::command(record, Duty::CloseOut));
    // Who does not answer has closed it all the same.
    let answer = desk.ask("Write the close-out now? [Y/n]").unwrap_or_else(|_| "no".to_owned());
    match answer.to_lowercase().as_str() {
        "" | "y" | "yes" => closeout::write(desk, record, of, Closeout::default()).await,
        _ => Ok(later + "\n"),
    }
}

/// Waits until nothing is left of it, and says what is owed.
async fn gone(desk: &Desk, target: &Target) -> Result<(String, Option<AccessGrant>), Failure> {
    let Target { namespace, name } = target;
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        let read = desk.cluster.request_named(namespace, name).await?;
        let record = match read.as_ref().and_then(|request| request.status.as_ref()?.grant.clone()) {
            Some(grant) => desk.cluster.record(&grant).await?,
            None => None,
        };
        if let Some(line) = record.as_ref().and_then(|record| ended(record, target, &desk.when())) {
            return Ok((line, record));
        }
        if tokio::time::Instant::now() >= give_up {
            return Err(Failure::TimedOut(format!(
                "{name} in {namespace} is closed and not gone yet: see kubectl access status, and whether Curfew runs"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}
/// What became of it, once it has ended.
fn ended(record: &AccessGrant, target: &Target, when: &When) -> Option<String> {
    let status = record.status.as_ref()?;
    let Target { namespace, name } = target;
    if status.ended_at.is_none() {
        // What was never granted has no end: it is over when it is on record.
        let is_over = curfew::decide::grant::is_over(record);
        return is_over.then(|| format!("{name} in {namespace}: withdrawn, nothing was granted\n"));
    }
    let proved = status.conditions.iter().find(|c| c.type_ == "RemovalVerified")?;
    let mut line = format!("{name} in {namespace}: ended");
    if reasons::is(status, RemovalVerified::Removed) {
        line += ", and nothing is left of it";
    } else {
        line += &format!("; {}", text::line(&proved.message, 300));
    }
    let closeout = status.owed.iter().find(|owed| owed.duty == Duty::CloseOut && duties::is_open(owed));
    if let Some(owed) = closeout {
        let (due, follows) = (owing::due(owed, when), duties::follows(record, owed.duty));
        let command = owing::command(record, owed.duty);
        line += &text::line(&format!(". A close-out of it {due}: {command}. Else {follows}"), 800);
    }
    Some(line + "\n")
}
