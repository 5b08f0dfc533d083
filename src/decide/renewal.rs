//! More time for what was granted before: a request of its own, no wider, and not for ever (E19 to E22).
use super::screening::{Code, Finding, Seen, access_of, words};
use super::{second, text};
use crate::api::evidence::DataScope;
use crate::api::grant::{AccessGrant, RenewalOf};
use crate::api::policy::{Access, AccessPolicy};
use crate::api::reasons::{EndReason, Outcome};
use crate::api::request::Renewal;
use crate::api::time::{self, Instant};
use chrono::TimeDelta;
use kube::ResourceExt;

/// For how long after its end more of the same access is a renewal.
pub const RECENT: TimeDelta = TimeDelta::hours(24);

/// What a request renews.
#[derive(Clone, Copy, Debug)]
pub struct Renews<'a> {
    /// What its requester says about it.
    pub answers: &'a Renewal,
    /// The record of the access that it renews.
    pub grant: &'a AccessGrant,
    /// How often the work has been renewed, this time included.
    pub depth: i32,
}
impl Renews<'_> {
    /// When it begins, if it is agreed to at this time: once the access that it renews has ended, so that it follows
    /// without a gap and gives nobody more than was asked for at a time.
    pub fn begins(&self, at: Instant) -> Instant {
        let ended = self.grant.status.as_ref().is_some_and(|s| s.ended_at.is_some());
        self.grant.spec.expires_at.filter(|_| !ended).map_or(at, |end| end.max(at))
    }
    /// For the record.
    pub fn record(&self) -> RenewalOf {
        let Renewal { of, what_changed, what_remains, why_not_enough } = self.answers.clone();
        RenewalOf { of, grant: self.grant.name_any(), depth: self.depth, what_changed, what_remains, why_not_enough }
    }
}

/// What the request renews, where it names access that this person had here.
pub fn of<'a>(seen: &Seen<'a>) -> Option<Renews<'a>> {
    let answers = seen.request.spec.renewal.as_ref()?;
    let named = |grant: &&AccessGrant| grant.spec.request.name == answers.of;
    let asked = seen.policy.and_then(|policy| access_of(seen.request, policy)).map(|access| &access.name);
    // Of a request with two accesses it renews the one that it asks for; of namesakes the last.
    let fits = |grant: &&AccessGrant| (Some(&grant.spec.access) == asked, made(grant));
    let grant = earlier(seen).filter(named).max_by_key(fits)?;
    // Not only of the one that it names: whoever names an older one has renewed as often.
    let same = seen.policy.and_then(|policy| access_of(seen.request, policy)).map(|access| {
        let again = |grant: &&AccessGrant| is_same_work(grant, seen, access) && !is_long_ago(grant, seen);
        earlier(seen).filter(again).map(depth).max().unwrap_or(0)
    });
    Some(Renews { answers, grant, depth: depth(grant).max(same.unwrap_or(0)) + 1 })
}
fn depth(grant: &AccessGrant) -> i32 {
    grant.spec.renewal.as_ref().map_or(0, |renewal| renewal.depth)
}

/// Access that this person had, has or is about to have here, by other requests.
fn earlier<'a>(seen: &Seen<'a>) -> impl Iterator<Item = &'a AccessGrant> {
    let request = seen.request;
    let (user, place, uid) = (&request.spec.requester.username, request.namespace(), request.uid());
    seen.earlier.iter().map(AsRef::as_ref).filter(move |grant: &&AccessGrant| {
        let (spec, status) = (&grant.spec, grant.status.as_ref());
        let never = status.is_some_and(|s| s.end_reason == Some(EndReason::NeverStarted));
        spec.outcome == Outcome::Approved
            && !never
            && spec.user == *user
            && Some(&spec.namespace) == place.as_ref()
            && Some(&spec.request.uid) != uid.as_ref()
    })
}
fn is_same_work(grant: &AccessGrant, seen: &Seen<'_>, access: &Access) -> bool {
    let (spec, asked) = (&grant.spec, &seen.request.spec);
    spec.policy.name == asked.policy && spec.ticket == asked.ticket && spec.access == access.name
}
/// When the record was made, by the API server's clock.
fn made(grant: &AccessGrant) -> Option<Instant> {
    time::made(&grant.metadata)
}
fn filed(seen: &Seen<'_>) -> Option<Instant> {
    time::made(&seen.request.metadata)
}
/// Whether it had ended for a day when the request was filed.
fn is_long_ago(grant: &AccessGrant, seen: &Seen<'_>) -> bool {
    let ended = grant.status.as_ref().and_then(|s| s.ended_at);
    ended.zip(filed(seen)).is_some_and(|(ended, filed)| filed.get() - ended.get() >= RECENT)
}
/// Whether it was agreed to after the request was filed. Steps of large work that are filed together, each with its own
/// approval, are no renewals of each other (E18).
fn is_later(grant: &AccessGrant, seen: &Seen<'_>) -> bool {
    made(grant).zip(filed(seen)).is_some_and(|(made, filed)| made > filed)
}

/// Whether the request has to be a renewal, and whether it is one, of access that is no less (E19, E21).
pub fn renewal(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs("policy") };
    let Some(access) = access_of(seen.request, policy) else { return needs("access") };
    let Some(answers) = &seen.request.spec.renewal else {
        let again = |grant: &&AccessGrant| {
            is_same_work(grant, seen, access) && !is_long_ago(grant, seen) && !is_later(grant, seen)
        };
        return match earlier(seen).filter(again).max_by_key(|grant| made(grant)) {
            Some(grant) => Finding::Failed(Code::RenewalRequired, is_required(grant)),
            None => Finding::Passed("nothing that it would have to renew".to_owned()),
        };
    };
    let Some(renews) = of(seen) else {
        let of = &answers.of;
        return Finding::Failed(
            Code::RenewalRequired,
            format!(
                "spec.renewal.of: `{of}` is no request of yours that was granted in this namespace; name the one whose \
                 access you need for longer, or leave spec.renewal out"
            ),
        );
    };
    match widens(seen, policy, second::higher(seen.request, policy).unwrap_or(access), renews.grant) {
        Some(how) => Finding::Failed(
            Code::RenewalWidens,
            format!(
                "{how}; a renewal gives the same for longer: work found on the way is a new task, with its own request"
            ),
        ),
        None => Finding::Passed(format!("renews {} ({})", answers.of, in_time(renews.grant))),
    }
}
fn is_required(grant: &AccessGrant) -> String {
    let (of, access, ticket) = (&grant.spec.request.name, &grant.spec.access, &grant.spec.ticket);
    format!(
        "spec.renewal: {access} for {ticket} here was granted to you already, by request {of} ({}). More of it is a renewal: \
         say `of: {of}` there, and answer `whatChanged` (what is different now), `whatRemains` (what is left to do) and \
         `whyNotEnough` (why the time was not enough)",
        in_time(grant)
    )
}
/// `until 2026-12-01T09:30:00Z`, or when it ended.
fn in_time(grant: &AccessGrant) -> String {
    let ended = grant.status.as_ref().and_then(|s| s.ended_at);
    match (ended, grant.spec.expires_at) {
        (Some(ended), _) => format!("ended {ended}"),
        (None, Some(end)) => format!("until {end}"),
        (None, None) => "without an end".to_owned(),
    }
}

/// What of the request is more than the access that it renews; `None`: nothing.
fn widens(seen: &Seen<'_>, policy: &AccessPolicy, access: &Access, before: &AccessGrant) -> Option<String> {
    let (asked, had) = (&seen.request.spec, &before.spec);
    if asked.policy != had.policy.name {
        return Some(format!("spec.policy: `{}` was granted under policy `{}`", had.request.name, had.policy.name));
    }
    if asked.ticket != had.ticket {
        return Some(format!("spec.ticket: `{}` was granted for {}", had.request.name, had.ticket));
    }
    let place = |name: &str| policy.spec.access.iter().position(|a| a.name == name);
    let is_higher = place(&had.access).is_some_and(|had| place(&access.name) > Some(had));
    if is_higher || access.level > had.level {
        return Some(format!("spec.access: `{}` is more than `{}`, which was granted", access.name, had.access));
    }
    let more = asked.data.iter().find(|wanted| !had.data.iter().any(|had| is_within(wanted, had)));
    more.map(|more| format!("spec.data: what is named of `{}` is more than was named then", more.system))
}

/// Whether one entry of `data` names no more than another: what an entry leaves out, it names all of.
fn is_within(wanted: &DataScope, had: &DataScope) -> bool {
    let one = |wanted: &Option<String>, had: &Option<String>| had.is_none() || wanted == had;
    let some = |wanted: &[String], had: &[String]| {
        had.is_empty() || (!wanted.is_empty() && wanted.iter().all(|name| had.contains(name)))
    };
    let DataScope { system, kind, tenant, records, fields } = wanted;
    *system == had.system
        && one(kind, &had.kind)
        && one(tenant, &had.tenant)
        && some(records, &had.records)
        && some(fields, &had.fields)
}

/// Whether the three answers say something (E20).
pub fn answers(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs("policy") };
    let Some(Renewal { of: _, what_changed, what_remains, why_not_enough }) = &seen.request.spec.renewal else {
        return Finding::Passed("not a renewal".to_owned());
    };
    let rule = &policy.spec.evidence.reason;
    let given = [("whatChanged", what_changed), ("whatRemains", what_remains), ("whyNotEnough", why_not_enough)];
    let vague: Vec<_> = given
        .iter()
        .filter(|(_, answer)| words::is_vague(answer, rule).0)
        .map(|(field, answer)| format!("spec.renewal.{field} (`{}`)", text::line(answer, 60)))
        .collect();
    if vague.is_empty() {
        return Finding::Passed("what is different, what is left, and why the time did not do".to_owned());
    }
    Finding::Failed(
        Code::VagueReason,
        format!("{}: say what is meant, in at least {} words that say something", vague.join(", "), rule.min_words),
    )
}

/// How often the work has been renewed, and whether the policy allows once more (E22).
pub fn depth_allowed(seen: &Seen<'_>) -> Finding {
    let Some(policy) = seen.policy else { return needs("policy") };
    let (most, ticket) = (policy.spec.limits.renewals, &seen.request.spec.ticket);
    let Some(Renews { depth, grant, .. }) = of(seen) else {
        return Finding::Passed(format!("not a renewal; at most {most} for one ticket"));
    };
    let words = format!("{} renewal of {ticket}, at most {most}", ordinal(depth));
    if depth <= most {
        return if depth == 1 { Finding::Passed(words) } else { Finding::Noted(words) };
    }
    let since = grant.status.as_ref().and_then(|s| s.ended_at).or(grant.spec.expires_at);
    let free = since
        .and_then(|end| end.checked_add(RECENT))
        .map_or_else(String::new, |at| format!("; a request filed from {at} on begins anew, without spec.renewal"));
    Finding::Failed(
        Code::LimitReached,
        format!(
            "this would be the {} renewal of {ticket}, and the policy allows {most}: cut the work into tasks of their own, \
             or hand it on{free}",
            ordinal(depth)
        ),
    )
}
/// `second`, `21st`.
fn ordinal(number: i32) -> String {
    match (number, number % 10, number % 100) {
        (1, ..) => "first".to_owned(),
        (2, ..) => "second".to_owned(),
        (3, ..) => "third".to_owned(),
        (_, _, 11..=13) => format!("{number}th"),
        (_, 1, _) => format!("{number}st"),
        (_, 2, _) => format!("{number}nd"),
        (_, 3, _) => format!("{number}rd"),
        _ => format!("{number}th"),
    }
}
/// Another check says what is missing.
fn needs(what: &str) -> Finding {
    Finding::Unknown(format!("Not judged: it needs the {what}."))
}

#[cfg(test)]
mod tests;
