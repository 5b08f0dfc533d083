//! What is owed for an access: until when, what follows, what to type to do it, and which record a name stands for.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::when::When;
use curfew::api::duty::{Duties, Duty, DutyState, Obligation, Owed, Waiver};
use curfew::api::grant::AccessGrant;
use curfew::api::names;
use curfew::api::reasons::DutiesMet;
use curfew::cluster::people::Which;
use curfew::decide::duties::{self, Who};
use curfew::decide::{manifest, text};
use k8s_openapi::api::authentication::v1::UserInfo;
use kube::ResourceExt;
use serde_json::{Value, json};

/// The user, as duties are judged by.
pub fn who(me: &UserInfo) -> Who<'_> {
    Who { name: me.username.as_deref().unwrap_or_default(), groups: me.groups.as_deref().unwrap_or_default() }
}

/// How a record is named in a command: by its request where that is enough.
pub fn handle(record: &AccessGrant) -> String {
    match record.spec.follows.is_some() {
        true => record.name_any(),
        false => format!("{} -n {}", record.spec.request.name, record.spec.request.namespace),
    }
}

/// The verb for a duty.
pub fn verb(duty: Duty) -> &'static str {
    match duty {
        Duty::Note => "note",
        Duty::CloseOut => "closeout",
        Duty::Review => "review",
    }
}

/// What to type to meet it.
pub fn command(record: &AccessGrant, duty: Duty) -> String {
    format!("kubectl access {} {}", verb(duty), handle(record))
}

/// Until when: `is due 10:00 (in 2h)`, `was due 10:00 (2h ago)`.
pub fn due(owed: &Owed, when: &When) -> String {
    let is = if owed.state == DutyState::Overdue { "was due" } else { "is due" };
    // While the access holds, it is the latest that it may be.
    let latest = if owed.command.is_none() { " at the latest" } else { "" };
    format!("{is} {}{latest}", when.both(owed.due))
}

/// A duty in a sentence or two: who, until when, and what follows, or how it was settled.
pub fn in_words(record: &AccessGrant, owed: &Owed, when: &When) -> String {
    let name = duties::name(owed.duty);
    if !duties::is_open(owed) {
        let at = owed.settled_at.map_or(String::new(), |at| format!(", seen at {}", when.at(at)));
        let late = if owed.missed_at.is_some() { " (too late)" } else { "" };
        return format!("{name}: {}{at}{late}", owed.consequence);
    }
    let (who, due, follows) = (text::few(&owed.by, 4), due(owed, when), duties::follows(record, owed.duty));
    let command = command(record, owed.duty);
    match owed.state {
        DutyState::Overdue => format!("{name} by {who} {due}, so {follows}, until it is done or waived: {command}"),
        _ => format!("{name} by {who} {due}: {command}. Else {follows}, until it is done or waived"),
    }
}

/// What was written for it and does not do, in the operator's words.
pub fn fault(record: &AccessGrant, duty: Duty) -> Option<String> {
    let written = record.status.as_ref()?.duties.as_ref()?;
    let of = record.spec.duties.as_ref()?.owes.iter().find(|of| of.duty == duty)?;
    duties::objection(of, written)
}

/// The records that a name stands for: the one of that name, or those of a request in this namespace.
///
/// # Errors
/// When there are none.
pub async fn records(desk: &Desk, name: &str) -> Result<Vec<AccessGrant>, Failure> {
    // NAMESPACE.REQUEST.UID
    if name.matches('.').count() >= 2
        && let Some(record) = desk.cluster.record(name).await?
    {
        return Ok(vec![record]);
    }
    let is_label = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let here = Which::within(Some(desk.namespace.clone()));
    let which = Which { labels: Some(format!("{}={name}", names::REQUEST_LABEL)), ..here };
    let found = if is_label { desk.cluster.records_of(&which).await? } else { vec![] };
    match found.is_empty() {
        true => Err(Failure::Error(format!(
            "nothing is on record of `{}` in {}: what was not decided yet owes nothing",
            text::line(name, 253),
            text::line(&desk.namespace, 63)
        ))),
        false => Ok(found),
    }
}

/// The record for which the user may meet a duty: of this name, or the only one.
///
/// # Errors
/// Why there is none, or which there are.
pub async fn to_meet(desk: &Desk, name: Option<&str>, duty: Duty) -> Result<(AccessGrant, Obligation), Failure> {
    let me = desk.me().await?;
    let may = |record: &AccessGrant| duties::meeting(record, duty, who(me)).cloned();
    let record = one(desk, name, duty, |record| may(record).map(drop)).await?;
    may(&record).map(|of| (record, of)).map_err(Failure::Denied)
}

/// The record for which this may be done: of this name, or the only one.
///
/// # Errors
/// As [`to_meet`].
pub async fn one(
    desk: &Desk,
    name: Option<&str>,
    duty: Duty,
    may: impl Fn(&AccessGrant) -> Result<(), String>,
) -> Result<AccessGrant, Failure> {
    let found = match name {
        Some(name) => records(desk, name).await?,
        None => open(desk).await?,
    };
    let (fit, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|record| may(record).is_ok());
    match fit.len() {
        1 => Ok(fit.into_iter().next().ok_or_else(|| Failure::Error(String::new()))?),
        0 => {
            let why = others.iter().filter(|_| name.is_some()).find_map(|record| may(record).err());
            let none = || format!("there is no {} for you to write", duties::name(duty));
            Err(Failure::Denied(text::line(&why.unwrap_or_else(none), 1024)))
        }
        _ => {
            let names = text::few(fit.iter().map(ResourceExt::name_any), 8);
            Err(Failure::Usage(format!("there are several, name one: {names}")))
        }
    }
}

/// Every record for which something is owed, in all namespaces unless one was named.
///
/// # Errors
/// When the API server failed us.
pub async fn open(desk: &Desk) -> Result<Vec<AccessGrant>, Failure> {
    let of = |state: DutiesMet| desk.everywhere().with("status.dutiesState", state.into());
    let (open, overdue) = (of(DutiesMet::Open), of(DutiesMet::Overdue));
    let (open, overdue) = tokio::try_join!(desk.cluster.records_of(&open), desk.cluster.records_of(&overdue))?;
    Ok(open.into_iter().chain(overdue).collect())
}

/// Writes a part of `status.duties`, unless it would be refused or say nothing.
///
/// # Errors
/// What is wrong with it; then nothing is sent.
pub async fn write(
    desk: &Desk,
    record: &AccessGrant,
    of: &Obligation,
    written: &Value,
) -> Result<AccessGrant, Failure> {
    let faults = faults(of, written);
    if !faults.is_empty() {
        let each = faults.iter().map(|fault| format!("  {}", text::line(fault, 600))).collect::<Vec<_>>().join("\n");
        return Err(Failure::Usage(format!("nothing was sent, as this would not do:\n{each}")));
    }
    Ok(desk.cluster.write_record(&record.name_any(), &json!({"duties": written})).await?)
}
/// What is wrong with what is to be written.
pub fn faults(of: &Obligation, written: &Value) -> Vec<String> {
    let written: Duties = match serde_json::from_value(written.clone()) {
        Ok(written) => written,
        Err(error) => return vec![error.to_string()],
    };
    let faults: Vec<_> = manifest::duties(&written).iter().map(ToString::to_string).collect();
    match faults.is_empty() {
        true => duties::objection(of, &written).into_iter().collect(),
        false => faults,
    }
}

/// Waives a duty, unless that would be refused or say nothing.
///
/// # Errors
/// As [`write()`].
pub async fn waive(desk: &Desk, record: &AccessGrant, duty: Duty, waiver: &Waiver) -> Result<AccessGrant, Failure> {
    let written = json!({"waiver": {verb(duty): waiver}});
    let of_schema = serde_json::from_value(written.clone()).map(|written| manifest::duties(&written))?;
    let fault = of_schema.into_iter().map(|fault| fault.to_string()).next();
    let fault =
        fault.or_else(|| duties::says_nothing(&waiver.why).then(|| "why: say it in words of your own".to_owned()));
    match fault {
        Some(fault) => {
            Err(Failure::Usage(format!("nothing was sent, as this would not do: {}", text::line(&fault, 600))))
        }
        None => Ok(desk.cluster.write_record(&record.name_any(), &json!({"duties": written})).await?),
    }
}

/// Says what was done, and what is still owed for this access.
///
/// # Errors
/// When a template of `--output` does not fit it.
pub fn answered(desk: &Desk, stored: AccessGrant, done: Duty, did: &str) -> Result<String, Failure> {
    let when = desk.when();
    let owed = stored.status.iter().flat_map(|status| &status.owed);
    for owed in owed.filter(|owed| duties::is_open(owed) && owed.duty != done) {
        desk.say(&text::line(&format!("Still owed: {}", in_words(&stored, owed, &when)), 800));
    }
    let (request, place) = (&stored.spec.request.name, &stored.spec.namespace);
    match desk.format.is_for_people() {
        true => Ok(text::line(&format!("{} of {request} in {place}: {did}", duties::name(done)), 400) + "\n"),
        false => output::objects(&desk.format, &[stored], |_| unreachable!("a table is for people")),
    }
}
