//! What is judged before anything is sent: who may write what at the moment, and what of it says nothing. Admission and the
//! operator judge it again, by the same rules.
use super::{kind, was_involved};
use crate::api::duty::{Duties, Duty, DutyState, Obligation, Owed};
use crate::api::grant::AccessGrant;
use crate::api::subject::{Subject, SubjectKind};
use crate::decide::text;

/// Somebody, as the API server knows them.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Their user name.
    pub name: &'a str,
    /// Their groups.
    pub groups: &'a [String],
}

/// Whether somebody is on a list: by their own name or by a group of theirs. Nobody whose name begins with `system:` is in
/// one, and no such group counts.
pub fn is_listed(list: &[Subject], who: Who<'_>) -> bool {
    let is_system = |name: &str| name.starts_with("system:");
    list.iter().any(|subject| match subject.kind {
        SubjectKind::User => subject.name == who.name,
        SubjectKind::Group => !is_system(&subject.name) && !is_system(who.name) && who.groups.contains(&subject.name),
    })
}

/// Whether it is still to be done.
pub fn is_open(owed: &Owed) -> bool {
    matches!(owed.state, DutyState::Open | DutyState::Overdue)
}

/// The obligation that somebody may meet now.
///
/// # Errors
/// Why they may not, in words.
pub fn meeting<'a>(grant: &'a AccessGrant, duty: Duty, who: Who<'_>) -> Result<&'a Obligation, String> {
    let of = owes(grant, duty)?;
    if !is_listed(&of.by, who) {
        return Err(format!("only who owes it writes it: {}", text::few(&of.by, 6)));
    }
    if duty == Duty::Review && was_involved(grant, who.name) {
        return Err(INVOLVED.to_owned());
    }
    if duty == Duty::CloseOut && grant.status.as_ref().is_none_or(|status| status.ended_at.is_none()) {
        return Err("the access still holds: end it first, then write what you found or changed".to_owned());
    }
    Ok(of)
}

/// Whether somebody may waive this duty now.
///
/// # Errors
/// Why they may not, in words.
pub fn waiving(grant: &AccessGrant, duty: Duty, who: Who<'_>) -> Result<(), String> {
    owes(grant, duty)?;
    let reviewers = grant.spec.duties.as_ref().map_or(&[][..], |duties| &duties.reviewers);
    if !is_listed(reviewers, who) {
        return Err(format!("only a reviewer waives a duty: {}", text::few(reviewers, 6)));
    }
    if was_involved(grant, who.name) {
        return Err(INVOLVED.to_owned());
    }
    Ok(())
}
const INVOLVED: &str = "who asked or decided neither reviews nor waives: somebody else does";

/// The obligation, where it is open.
fn owes(grant: &AccessGrant, duty: Duty) -> Result<&Obligation, String> {
    let name = kind(duty).name;
    let of = grant.spec.duties.iter().flat_map(|duties| &duties.owes).find(|of| of.duty == duty);
    let of = of.ok_or_else(|| format!("no {name} is owed for it"))?;
    let owed = grant.status.iter().flat_map(|status| &status.owed).find(|owed| owed.duty == duty);
    match owed {
        None => Err(format!("the {name} is not owed: access has not begun")),
        Some(owed) if !is_open(owed) => Err(format!("the {name} is not owed any more: {}", owed.consequence)),
        Some(_) => Ok(of),
    }
}

/// What the operator would say of what is written for a duty; `None`: it does.
pub fn objection(of: &Obligation, written: &Duties) -> Option<String> {
    (kind(of.duty).fault)(written, of)
}
