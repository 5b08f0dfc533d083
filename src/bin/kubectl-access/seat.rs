//! For which step somebody decides, and in whose name: what admission would refuse is refused here, in plain words.
use crate::failure::Failure;
use crate::settings::decide::Decide;
use crate::when::When;
use curfew::api::request::{AccessRequest, Decision, Waiting};
use curfew::api::subject::{Subject, SubjectKind};
use curfew::api::time::Span;
use curfew::decide::screening::words;
use curfew::decide::{attestation, text};
use k8s_openapi::api::authentication::v1::UserInfo;
use serde_json::{Value, json};

/// A step that waits for somebody, and in whose name they may decide it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The step.
    pub step: String,
    /// Their own user name, or a group of theirs.
    pub as_: String,
}

/// Every way in which this person may decide the request now: in their own name where they are listed by it, else in that of
/// each group of theirs.
pub fn seats(request: &AccessRequest, me: &UserInfo) -> Vec<Seat> {
    let name = me.username.as_deref().unwrap_or_default();
    let groups = me.groups.as_deref().unwrap_or_default();
    let of_step = |waiting: &Waiting| {
        let (own, others): (Vec<&Subject>, Vec<&Subject>) =
            waiting.approvers.iter().partition(|subject| subject.kind == SubjectKind::User);
        let own = own.into_iter().filter(|subject| subject.name == name).take(1).cloned().collect::<Vec<_>>();
        let others = others.into_iter().filter(|subject| groups.contains(&subject.name)).cloned();
        let listed: Vec<Subject> = if own.is_empty() { others.collect() } else { own };
        let seat = |subject: Subject| Seat { step: waiting.step.clone(), as_: subject.name };
        listed.into_iter().map(seat).collect::<Vec<_>>()
    };
    request.status.iter().flat_map(|status| &status.waiting_for).flat_map(of_step).collect()
}

/// Whether the request waits for this person: somebody who has not asked and has not decided it as it is.
pub fn waits_for(request: &AccessRequest, me: &UserInfo) -> bool {
    may_decide(request, me).is_ok() && !seats(request, me).is_empty()
}

/// Whether they may decide at all, whatever the step.
///
/// # Errors
/// Why not.
fn may_decide(request: &AccessRequest, me: &UserInfo) -> Result<(), Failure> {
    let name = me.username.as_deref().unwrap_or_default();
    let status = request.status.clone().unwrap_or_default();
    if request.spec.requester.username == name {
        return Err(Failure::Denied(format!("nobody decides their own request: ask {}", those(&status.waiting_for))));
    }
    if attestation::has_asked(request, name) {
        return Err(Failure::Denied(format!(
            "you filed it for somebody else, or wrote the change that is attested, so others decide: {}",
            those(&status.waiting_for)
        )));
    }
    let has_decided = |entry: &&curfew::api::request::ApprovalEntry| {
        entry.by == name && status.revision.as_ref() == Some(&entry.revision)
    };
    match status.approvals.iter().find(has_decided) {
        Some(entry) => Err(Failure::Denied(format!(
            "you decided it already ({:?} for {}), and a decision is made once",
            entry.decision,
            text::line(&entry.step, 63)
        ))),
        None => Ok(()),
    }
}

/// The seats that fit what was typed: at least one.
///
/// # Errors
/// Why this person decides nothing here.
pub fn fitting(request: &AccessRequest, me: &UserInfo, typed: &Decide, when: &When) -> Result<Vec<Seat>, Failure> {
    let status = request.status.clone().unwrap_or_default();
    may_decide(request, me)?;
    if status.waiting_for.is_empty() {
        let state = text::line(status.state.as_deref().unwrap_or("not screened yet"), 64);
        return Err(Failure::Denied(format!("it waits for nobody: it is {state}")));
    }
    if let Some(read) = typed.revision.as_ref().filter(|read| status.revision.as_ref() != Some(read)) {
        let now = text::line(status.revision.as_deref().unwrap_or_default(), 32);
        return Err(Failure::Denied(format!(
            "it has changed since you read it: it is at revision {now}, not {}: read it again",
            text::line(read, 32)
        )));
    }
    let all = seats(request, me);
    if all.is_empty() {
        let later = status.waiting_for.iter().find(|waiting| is_backup(waiting, me));
        let later = later
            .and_then(|waiting| waiting.backups_from)
            .map_or_else(String::new, |from| format!("; you stand in for them from {}", when.both(from)));
        return Err(Failure::Denied(format!(
            "it does not wait for you, but for {}{later}",
            those(&status.waiting_for)
        )));
    }
    let is_meant = |seat: &Seat| {
        typed.step.as_ref().is_none_or(|step| *step == seat.step)
            && typed.in_name_of.as_ref().is_none_or(|as_| *as_ == seat.as_)
    };
    let meant: Vec<_> = all.iter().filter(|seat| is_meant(seat)).cloned().collect();
    match meant.is_empty() {
        true => Err(Failure::Usage(format!("you may decide it as {}, and as nothing else", in_words(&all)))),
        false => Ok(meant),
    }
}
fn is_backup(waiting: &Waiting, me: &UserInfo) -> bool {
    waiting.backups.iter().any(|subject| match subject.kind {
        SubjectKind::User => me.username.as_ref() == Some(&subject.name),
        SubjectKind::Group => me.groups.iter().flatten().any(|group| *group == subject.name),
    })
}

/// `--step service-owner --in-name-of billing-owners; …`, as it is typed.
pub fn in_words(seats: &[Seat]) -> String {
    let one = |seat: &Seat| format!("--step {} --in-name-of {}", seat.step, seat.as_);
    text::line(&seats.iter().map(one).collect::<Vec<_>>().join("; "), 1024)
}
/// Who decides, for people.
pub fn those(waiting: &[Waiting]) -> String {
    let one = |step: &Waiting| format!("{} ({})", step.step, text::few(&step.approvers, 6));
    let all = waiting.iter().map(one).collect::<Vec<_>>().join("; ");
    if all.is_empty() { "nobody yet".to_owned() } else { text::line(&all, 1024) }
}

/// The entry to append, as the command in `waitingFor` has it.
///
/// # Errors
/// What about it would be refused, or would count for nothing.
pub fn entry(
    request: &AccessRequest,
    me: &UserInfo,
    seat: &Seat,
    decision: Decision,
    comment: Option<&str>,
    shorten: Option<Span>,
) -> Result<Value, Failure> {
    let status = request.status.clone().unwrap_or_default();
    let comment = comment.map(str::trim).filter(|comment| !comment.is_empty());
    if comment.is_some_and(|comment| comment.chars().count() > 500) {
        return Err(Failure::Usage("--comment is longer than 500 characters".into()));
    }
    let step = status.waiting_for.iter().find(|waiting| waiting.step == seat.step);
    let least = step.map_or(0, |waiting| usize::try_from(waiting.comment_min_length).unwrap_or_default());
    if decision == Decision::Approve && least > 0 && words::is_bare(comment.unwrap_or_default(), least) {
        return Err(Failure::Usage(format!(
            "an approval counts here with a comment that says why, in at least {least} characters: --comment"
        )));
    }
    if decision == Decision::RequestDetail && comment.is_none() {
        return Err(Failure::Usage("say what is missing, with --comment: the requester reads it".into()));
    }
    if let (Some(shorter), Some(asked)) = (shorten, status.duration)
        && shorter.delta() > asked.delta()
    {
        return Err(Failure::Usage(format!("--shorten {shorter} is longer than the {asked} that was asked for")));
    }
    let mut entry = json!({"by": me.username, "as": seat.as_, "step": seat.step, "decision": decision,
        "revision": status.revision});
    if let Some(comment) = comment {
        entry["comment"] = json!(comment);
    }
    if let Some(shorter) = shorten {
        entry["duration"] = json!(shorter);
    }
    Ok(entry)
}

/// What an approval is bound to: under which field of the status what would be gained stands, and its digest.
///
/// # Errors
/// When it was not published: nobody agrees to what they cannot see.
pub fn shown(request: &AccessRequest) -> Result<Vec<(&'static str, String)>, Failure> {
    let status = request.status.clone().unwrap_or_default();
    let second = request.spec.then.is_some().then_some(("thenPermissions", status.then_permissions));
    let fields = [Some(("permissions", status.permissions)), second];
    let digest = |(field, permissions): (&'static str, Option<curfew::api::request::Permissions>)| {
        let digest = permissions.map(|permissions| permissions.rules_sha256).filter(|digest| !digest.is_empty());
        digest.map(|digest| (field, digest)).ok_or_else(|| {
            Failure::Denied(format!("status.{field} does not say yet what would be gained: try again in a moment"))
        })
    };
    fields.into_iter().flatten().map(digest).collect()
}

#[cfg(test)]
mod tests;
