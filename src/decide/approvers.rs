//! Whether there are enough people for a policy's steps.
use crate::api::policy::Step;
use crate::api::subject::{Subject, SubjectKind};

/// Whether a subject of a step may ever decide: `system:` names never do, but for a ServiceAccount listed as a User by
/// its full name.
pub fn may_ever_decide(subject: &Subject) -> bool {
    match subject.kind {
        SubjectKind::Group => !subject.name.starts_with("system:"),
        SubjectKind::User => !subject.name.starts_with("system:") || is_service_account(&subject.name),
    }
}

/// Whether a name is a ServiceAccount's user name: `system:serviceaccount:NAMESPACE:NAME`.
pub fn is_service_account(name: &str) -> bool {
    let parts = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty() && !name.contains(':'))
}

/// Everybody who may decide a step sooner or later: its approvers, then its backups.
pub fn of_step(step: &Step) -> impl Iterator<Item = &Subject> {
    let backups = step.backups.iter().flat_map(|backups| &backups.approvers);
    step.approvers.iter().chain(backups).filter(|subject| may_ever_decide(subject))
}

/// The first step that cannot be met when this person may not decide; `None`: every step can.
///
/// A Group counts as enough people, since nobody here knows who is in it. Users count once over all steps.
pub fn first_unmet<'a>(steps: &[&'a Step], without: &str) -> Option<&'a Step> {
    let seats: Vec<&Step> = steps
        .iter()
        .copied()
        .filter(|step| !of_step(step).any(|a| a.kind == SubjectKind::Group))
        .flat_map(|step| std::iter::repeat_n(step, usize::try_from(step.count).unwrap_or(1)))
        .collect();
    let mut taken: Vec<(&str, usize)> = Vec::new();
    (0..seats.len())
        .find(|seat| !seat_somebody(&seats, *seat, without, &mut taken, &mut Vec::new()))
        .map(|seat| seats[seat])
}

/// Finds somebody for one seat, moving those who sit already where they have a choice (an augmenting path).
fn seat_somebody<'a>(
    seats: &[&'a Step],
    seat: usize,
    without: &str,
    taken: &mut Vec<(&'a str, usize)>,
    asked: &mut Vec<&'a str>,
) -> bool {
    let people = of_step(seats[seat]).filter(|a| a.kind == SubjectKind::User);
    for person in people.map(|a| a.name.as_str()).filter(|name| *name != without) {
        if asked.contains(&person) {
            continue;
        }
        asked.push(person);
        let place = taken.iter().position(|(name, _)| *name == person);
        match place.map(|at| taken[at].1) {
            None => taken.push((person, seat)),
            Some(other) if seat_somebody(seats, other, without, taken, asked) => {
                // The other seat has somebody else by now; this person's entry moves here.
                taken.retain(|(name, at)| !(*name == person && *at == other));
                taken.push((person, seat));
            }
            Some(_) => continue,
        }
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::policy::Backups;
    use SubjectKind::{Group, User};

    fn step(name: &str, count: i32, approvers: &[(SubjectKind, &str)]) -> Step {
        Step { name: name.into(), count, when: None, approvers: subjects(approvers), backups: None }
    }
    fn subjects(of: &[(SubjectKind, &str)]) -> Vec<Subject> {
        of.iter().map(|(kind, name)| Subject { kind: *kind, name: (*name).into() }).collect()
    }
    fn backed(step: Step, backups: &[(SubjectKind, &str)]) -> Step {
        let after = crate::api::time::Span::from_secs(900);
        Step { backups: Some(Backups { after, approvers: subjects(backups) }), ..step }
    }

    #[test]
    fn d15_a_step_that_only_the_requester_could_meet_is_found() {
        let cases = [
            ("another user", vec![step("a", 1, &[(User, "bob")])], None),
            ("the requester alone", vec![step("a", 1, &[(User, "alice")])], Some("a")),
            ("a group is enough people", vec![step("a", 2, &[(Group, "owners"), (User, "alice")])], None),
            ("a system group is nobody", vec![step("a", 1, &[(Group, "system:authenticated")])], Some("a")),
            ("a system user is nobody", vec![step("a", 1, &[(User, "system:admin")])], Some("a")),
            ("a bot counts", vec![step("a", 1, &[(User, "system:serviceaccount:bots:tracker")])], None),
            ("a bot by half a name", vec![step("a", 1, &[(User, "system:serviceaccount:bots")])], Some("a")),
            ("two are asked for, one is there", vec![step("a", 2, &[(User, "alice"), (User, "bob")])], Some("a")),
            (
                "one person for two steps",
                vec![step("a", 1, &[(User, "bob")]), step("b", 1, &[(User, "bob"), (User, "alice")])],
                Some("b"),
            ),
            (
                "somebody makes room",
                vec![step("a", 1, &[(User, "bob"), (User, "eve")]), step("b", 1, &[(User, "bob")])],
                None,
            ),
            (
                "a chain makes room",
                vec![
                    step("a", 1, &[(User, "bob"), (User, "eve")]),
                    step("b", 1, &[(User, "eve"), (User, "kim")]),
                    step("c", 1, &[(User, "bob")]),
                ],
                None,
            ),
            (
                "the requester alone, with a backup",
                vec![backed(step("a", 1, &[(User, "alice")]), &[(User, "bob")])],
                None,
            ),
            (
                "the requester is the backup too",
                vec![backed(step("a", 1, &[(User, "alice")]), &[(User, "alice")])],
                Some("a"),
            ),
            (
                "one backup for two steps",
                vec![
                    backed(step("a", 1, &[(User, "alice")]), &[(User, "bob")]),
                    backed(step("b", 1, &[(User, "alice")]), &[(User, "bob")]),
                ],
                Some("b"),
            ),
            ("a group stands in", vec![backed(step("a", 2, &[(User, "alice")]), &[(Group, "leads")])], None),
            (
                "a system group stands in for nobody",
                vec![backed(step("a", 1, &[(User, "alice")]), &[(Group, "system:masters")])],
                Some("a"),
            ),
            (
                "three seats, two people",
                vec![step("a", 2, &[(User, "bob"), (User, "eve")]), step("b", 1, &[(User, "eve"), (User, "bob")])],
                Some("b"),
            ),
        ];
        for (sentence, steps, unmet) in cases {
            let steps: Vec<_> = steps.iter().collect();
            assert_eq!(first_unmet(&steps, "alice").map(|s| s.name.as_str()), unmet, "{sentence}");
        }
    }
}
