//! What a filer attests: who reviewed the merged change that a request came with, and for which steps that counts (L11).
//!
//! It is the filer's word, which the policy takes for the steps in `onBehalf.satisfies`, and for no others.
use super::approval::{self, COUNTED};
use super::effect::{Answer, Question};
use super::screening::Filing;
use super::{Guard, Now, guard};
use crate::api::grant::ApprovalOf;
use crate::api::names;
use crate::api::policy::{AccessPolicy, Step};
use crate::api::request::{AccessRequest, Attestation, Decision, Judged};
use crate::api::subject::{Subject, SubjectKind};
use crate::api::time::{self, Instant};
use chrono::TimeDelta;
use kube::ResourceExt;
use strum::{EnumMessage, IntoStaticStr, VariantArray};

/// How far the API server's clock, by which requests are dated, may be from the operator's, by which epochs are.
const CLOCKS: TimeDelta = TimeDelta::seconds(3);

/// Why an attested review does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumMessage, VariantArray)]
pub enum Objection {
    /// The policy names no step for which this filer's word counts.
    NotSatisfying,
    /// The request was filed before the rules that protect it were last changed: file it anew, or let people decide.
    OtherEpoch,
    /// This change was decided on before, for this person under this policy: merge another, or let people decide.
    AttestationSpent,
    /// The author of the change, the requester and the filer have asked: they never count.
    HasAsked,
    /// No step that may be met so lists this reviewer as a User.
    NotListed,
    /// The steps for which this reviewer could count have enough others.
    NotNeeded,
}

/// What the attestation of a request comes to.
#[derive(Clone, Debug, Default)]
pub struct Attested {
    /// One line for each reviewer.
    pub judged: Vec<Judged>,
    /// Those who count, each for one step.
    pub counted: Vec<ApprovalOf>,
}

/// Whether the policy lets this filer file for others.
pub fn is_filer(policy: &AccessPolicy, name: &str) -> bool {
    policy.spec.on_behalf.iter().any(|on_behalf| on_behalf.filers.iter().any(|filer| filer == name))
}

/// Whether this person has asked, in whatever way: for themselves, for the requester, or by the change that is attested.
pub fn has_asked(request: &AccessRequest, name: &str) -> bool {
    let spec = &request.spec;
    let author = spec.attestation.as_ref().map(|said| &said.author);
    [Some(&spec.requester.username), spec.filed_by.as_ref(), author].into_iter().flatten().any(|asked| asked == name)
}

/// Whether the change was decided on before, which no object says that was read.
pub fn question(request: &AccessRequest) -> Option<Question> {
    let said = request.spec.attestation.as_ref()?;
    Some(Question::IsChangeUnspent {
        user: request.spec.requester.username.clone(),
        policy: request.spec.policy.clone(),
        change: said.change.clone(),
        request: request.uid()?,
    })
}

/// Judges each reviewer. Without the answer to [`question`] nobody counts.
pub fn judge(filing: &Filing<'_>, guard: &Guard, answers: &[Answer], now: Now) -> Attested {
    let request = filing.request;
    let Some((filer, said)) = request.spec.filed_by.as_ref().zip(request.spec.attestation.as_ref()) else {
        return Attested::default();
    };
    let steps = satisfied(filing, filer);
    let unspent = question(request).is_some_and(|q| answers.iter().any(|a| a.yes && a.question == q));
    let against_all = if steps.is_empty() {
        Some(Objection::NotSatisfying)
    } else if !is_of_this_epoch(request, guard) {
        Some(Objection::OtherEpoch)
    } else if !unspent {
        Some(Objection::AttestationSpent)
    } else {
        None
    };
    let mut seats = Seats::of(&steps, filing);
    // The schema makes them a set.
    let reviewers = said.reviewers.iter().map(String::as_str);
    // Whoever comes first keeps a place, but not always the same one: all are seated before anybody is on record.
    let judged: Vec<_> = reviewers.map(|name| (name, against_all.or_else(|| seats.take(name).err()))).collect();
    let mut attested = Attested::default();
    for (name, against) in judged {
        let at = first_seen(request, name).unwrap_or(now.for_record());
        let step = seats.of_person(name).filter(|_| against.is_none());
        attested.judged.push(line(name, request, step, against, at));
        attested.counted.extend(step.map(|step| on_record(name, step, filer, said, request, at)));
    }
    attested
}

fn first_seen(request: &AccessRequest, name: &str) -> Option<Instant> {
    let revision = names::revision(request);
    let before = request.status.as_ref()?.attested.iter().find(|j| j.by == name && j.revision == revision)?;
    Some(before.first_seen)
}

/// The steps for which this filer's word counts.
fn satisfied<'a>(filing: &Filing<'a>, filer: &str) -> Vec<&'a Step> {
    let spec = &filing.policy.spec;
    let Some(on_behalf) = spec.on_behalf.as_ref().filter(|_| is_filer(filing.policy, filer)) else { return vec![] };
    spec.approval.steps.iter().filter(|step| on_behalf.satisfies.contains(&step.name)).collect()
}

/// Whether the request, and so what it attests, came while the rules that stand held without a break. A text that was
/// amended came later still. While the guard does not know, nothing is voided for good, and nothing is granted either.
fn is_of_this_epoch(request: &AccessRequest, guard: &Guard) -> bool {
    let Guard::Intact { epoch } = guard else { return true };
    time::made(&request.metadata)
        .zip(guard::began(epoch))
        .is_some_and(|(created, began)| created.get() >= began.get() + CLOCKS)
}

/// The places of the steps, one for each person that a step needs, and who has them.
struct Seats<'a> {
    filing: &'a Filing<'a>,
    places: Vec<(&'a Step, Option<String>)>,
}
impl<'a> Seats<'a> {
    fn of(steps: &[&'a Step], filing: &'a Filing<'a>) -> Self {
        let places = steps.iter().flat_map(|step| {
            let count = usize::try_from(step.count).unwrap_or_default();
            std::iter::repeat_n((*step, None), count)
        });
        Self { filing, places: places.collect() }
    }
    /// Gives this reviewer a place, moving others where they have a choice.
    fn take(&mut self, name: &str) -> Result<(), Objection> {
        if has_asked(self.filing.request, name) {
            return Err(Objection::HasAsked);
        }
        if !self.places.iter().any(|(step, _)| self.lists(step, name)) {
            return Err(Objection::NotListed);
        }
        let mut asked = vec![false; self.places.len()];
        if self.seat(name, &mut asked) { Ok(()) } else { Err(Objection::NotNeeded) }
    }
    /// An augmenting path.
    fn seat(&mut self, name: &str, asked: &mut [bool]) -> bool {
        for place in 0..self.places.len() {
            if asked[place] || !self.lists(self.places[place].0, name) {
                continue;
            }
            asked[place] = true;
            let other = self.places[place].1.clone();
            if other.is_none_or(|other| self.seat(&other, asked)) {
                self.places[place].1 = Some(name.to_owned());
                return true;
            }
        }
        false
    }
    /// As a User: of a group the filer could not know who is in it.
    fn lists(&self, step: &Step, name: &str) -> bool {
        approval::may_decide(step, self.filing).iter().any(|s| s.kind == SubjectKind::User && s.name == name)
    }
    fn of_person(&self, name: &str) -> Option<&'a Step> {
        self.places.iter().find(|(_, who)| who.as_deref() == Some(name)).map(|(step, _)| *step)
    }
}

fn line(name: &str, request: &AccessRequest, step: Option<&Step>, against: Option<Objection>, at: Instant) -> Judged {
    let (reason, message) = match (against, step) {
        (Some(why), _) => (why.into(), why.get_documentation().unwrap_or_default().to_owned()),
        (None, step) => (COUNTED, format!("Approve for {} counts", step.map_or("no step", |s| &s.name))),
    };
    Judged {
        by: name.to_owned(),
        revision: names::revision(request),
        counted: against.is_none(),
        reason: reason.to_owned(),
        message,
        first_seen: at,
    }
}

fn on_record(
    name: &str,
    step: &Step,
    filer: &str,
    said: &Attestation,
    request: &AccessRequest,
    at: Instant,
) -> ApprovalOf {
    ApprovalOf {
        by: name.to_owned(),
        step: step.name.clone(),
        as_: Subject { kind: SubjectKind::User, name: name.to_owned() },
        decision: Decision::Approve,
        revision: names::revision(request),
        comment: Some(said.change.clone()),
        duration: None,
        at,
        attested_by: Some(filer.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::screening::tests::{filing, installation, policy};
    use chrono::DateTime;
    use k8s_openapi::api::core::v1::Namespace;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    const FLUX: &str = "system:serviceaccount:flux-system:kustomize-controller";

    /// What a row of the tables changes.
    struct World {
        policy: Value,
        attestation: Value,
        guard: Guard,
        unspent: bool,
        status: Value,
    }
    impl World {
        fn new() -> Self {
            let users = |names: &[&str]| names.iter().map(|n| json!({"kind": "User", "name": n})).collect::<Vec<_>>();
            let mut owners = users(&["bob", "carol", "alice", "frank", FLUX]);
            owners.push(json!({"kind": "Group", "name": "owners"}));
            Self {
                policy: json!({
                    "onBehalf": {"filers": [FLUX], "satisfies": ["owner", "lead"]},
                    "approval": {"steps": [
                        {"name": "owner", "approvers": owners}, {"name": "lead", "approvers": users(&["bob", "dora"])},
                        {"name": "security", "approvers": users(&["erin", "kim"])}]}}),
                attestation: json!({"change": "https://git.example.com/pull/7", "author": "frank", "reviewers": ["bob"]}),
                guard: Guard::Intact { epoch: "2026-12-01T08:59:57Z/e1".into() },
                unspent: true,
                status: Value::Null,
            }
        }
        fn reviewed(reviewers: &[&str]) -> Self {
            let mut world = Self::new();
            world.attestation["reviewers"] = json!(reviewers);
            world
        }
        fn satisfies(on_behalf: Value) -> Self {
            let mut world = Self::new();
            world.policy["onBehalf"] = on_behalf;
            world
        }
        fn judged(&self) -> Attested {
            let mut request = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
                "metadata": {"name": "r", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1, "creationTimestamp": "2026-12-01T09:00:00Z"},
                "spec": {"policy": "customer-support", "reason": "Check why invoice totals changed.", "ticket": "SUP-1",
                    "requester": {"username": "alice"}, "filedBy": FLUX, "attestation": self.attestation}});
            if !self.status.is_null() {
                request["status"] = self.status.clone();
            }
            let request: AccessRequest = serde_json::from_value(request).unwrap();
            let (policy, installation) = (policy(self.policy.clone()), installation());
            let namespace = Namespace::default();
            let filing = filing(&request, &policy, &namespace, &installation);
            let answer = |question| Answer { question, yes: self.unspent, words: String::new() };
            let answers: Vec<_> = question(&request).map(answer).into_iter().collect();
            judge(&filing, &self.guard, &answers, noon())
        }
        fn reasons(&self) -> Vec<String> {
            self.judged().judged.into_iter().map(|j| j.reason).collect()
        }
        fn steps(&self) -> Vec<(String, String)> {
            self.judged().counted.into_iter().map(|a| (a.by, a.step)).collect()
        }
    }
    fn noon() -> Now {
        let wall = DateTime::parse_from_rfc3339("2026-12-01T12:00:00Z").unwrap().to_utc();
        Now { wall, server_ahead: TimeDelta::zero() }
    }

    #[test]
    fn l11_each_attested_review_counts_or_says_why_not() {
        let epoch = |name: &str| World { guard: Guard::Intact { epoch: name.into() }, ..World::new() };
        let rows: Vec<(&str, World, &[&str])> = vec![
            ("a reviewer whom a step lists as a User", World::new(), &["Counted"]),
            ("who is in a listed group, as far as anybody knows", World::reviewed(&["gina"]), &["NotListed"]),
            ("a group's own name", World::reviewed(&["owners"]), &["NotListed"]),
            ("whom only another step lists", World::reviewed(&["erin"]), &["NotListed"]),
            ("the requester", World::reviewed(&["alice"]), &["HasAsked"]),
            ("the author of the change", World::reviewed(&["frank"]), &["HasAsked"]),
            ("the filer", World::reviewed(&[FLUX]), &["HasAsked"]),
            ("others are not harmed by that", World::reviewed(&["frank", "bob"]), &["HasAsked", "Counted"]),
            (
                "one more than is needed",
                World::reviewed(&["bob", "carol", "dora"]),
                &["Counted", "Counted", "NotNeeded"],
            ),
            ("by default nothing is satisfied", World::satisfies(json!({"filers": [FLUX]})), &["NotSatisfying"]),
            (
                "a filer whom the policy does not name",
                World::satisfies(json!({"filers": ["argocd"], "satisfies": ["owner"]})),
                &["NotSatisfying"],
            ),
            ("filed before the epoch", epoch("2026-12-01T09:00:01Z/e2"), &["OtherEpoch"]),
            ("filed when a clock may have been wrong", epoch("2026-12-01T08:59:58Z/e2"), &["OtherEpoch"]),
            ("an epoch that does not say when it began", epoch("e2"), &["OtherEpoch"]),
            (
                "D22 a change that was decided on before",
                World { unspent: false, ..World::new() },
                &["AttestationSpent"],
            ),
            (
                "a guard that has not looked yet voids nothing",
                World { guard: Guard::Unknown, ..World::new() },
                &["Counted"],
            ),
        ];
        for (sentence, world, expected) in &rows {
            assert_eq!(world.reasons(), *expected, "{sentence}");
            let counted = world.judged().counted.len();
            assert_eq!(counted, expected.iter().filter(|reason| **reason == COUNTED).count(), "{sentence}");
        }
        let told: BTreeSet<_> = rows.iter().flat_map(|(_, _, reasons)| reasons.iter().copied()).collect();
        for why in Objection::VARIANTS {
            assert!(told.contains(<&str>::from(*why)), "{why:?} has no example");
            assert!(why.get_documentation().is_some_and(|words| words.ends_with('.')), "{why:?} has no sentence");
        }
    }
    #[test]
    fn d12_an_attested_reviewer_counts_once_and_makes_room_for_another() {
        let of = |reviewers: &[&str]| World::reviewed(reviewers).steps();
        let pairs =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        assert_eq!(of(&["bob"]), pairs(&[("bob", "owner")]));
        assert_eq!(of(&["bob", "carol"]), pairs(&[("bob", "lead"), ("carol", "owner")]), "whoever comes first");
        assert_eq!(of(&["bob", "dora"]), pairs(&[("bob", "owner"), ("dora", "lead")]));
    }
    #[test]
    fn l11_the_record_says_that_it_is_the_filers_word() {
        let approval = World::new().judged().counted.remove(0);
        assert_eq!(approval.attested_by.as_deref(), Some(FLUX));
        assert_eq!(approval.comment.as_deref(), Some("https://git.example.com/pull/7"));
        assert_eq!(approval.as_.to_string(), "User bob");
        assert_eq!(approval.revision, "7f3a2c1b-1");
    }
    #[test]
    fn an_attested_review_was_seen_when_it_was_seen_first() {
        let seen = |revision: &str| {
            let line = json!({"by": "bob", "revision": revision, "counted": true, "reason": "Counted", "message": "", "firstSeen": "2026-12-01T09:00:01Z"});
            let world = World { status: json!({"attested": [line]}), ..World::new() };
            world.judged().counted[0].at.to_string()
        };
        assert_eq!(seen("7f3a2c1b-1"), "2026-12-01T09:00:01Z");
        assert_eq!(seen("7f3a2c1b-0"), "2026-12-01T12:00:00Z", "of another text");
    }

    proptest! {
        #[test]
        fn d12_whoever_is_attested_counts_once_where_they_are_listed_and_has_not_asked(
            reviewers in prop::sample::subsequence(vec!["alice", "bob", "carol", "dora", "erin", "frank", "owners", FLUX], 1..8).prop_shuffle(),
            satisfies in prop::sample::subsequence(vec!["owner", "lead", "security"], 0..=3),
            count in 1..4,
        ) {
            let mut world = World::reviewed(&reviewers);
            world.policy["onBehalf"]["satisfies"] = json!(satisfies);
            world.policy["approval"]["steps"][0]["count"] = json!(count);
            let steps = world.steps();
            let people: BTreeSet<_> = steps.iter().map(|(who, _)| who).collect();
            prop_assert_eq!(people.len(), steps.len(), "one person twice");
            for (who, step) in &steps {
                let place = world.policy["approval"]["steps"].as_array().unwrap().iter().find(|s| s["name"] == *step).unwrap();
                let is_listed = place["approvers"].as_array().unwrap().contains(&json!({"kind": "User", "name": who}));
                prop_assert!(is_listed);
                prop_assert!(satisfies.contains(&step.as_str()) && !["alice", "frank", FLUX].contains(&who.as_str()));
                let taken = steps.iter().filter(|(_, other)| other == step).count();
                prop_assert!(taken <= usize::try_from(place["count"].as_i64().unwrap_or(1)).unwrap(), "more than {step} needs");
            }
        }
    }
}
