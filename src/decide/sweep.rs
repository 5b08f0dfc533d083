//! What has no live grant, from what the objects themselves say: no policy, no request, no operator.
use super::Now;
use super::effect::{Effect, Identity};
use super::grant::may_give_access;
use crate::api::grant::AccessGrant;
use crate::api::names::{EXPIRES_ANNOTATION, FUSE_TEST, GRANT_LABEL};
use crate::api::time;
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::{batch::v1::Job, rbac::v1::RoleBinding};
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

/// How old a test fuse may be: it burns within a minute, or the test is over.
const FUSE_TEST_MAX_AGE: TimeDelta = TimeDelta::minutes(10);

/// The grants by UID; `None`: it is there, but cannot be understood.
pub type Records = BTreeMap<String, Option<AccessGrant>>;

/// What was listed, in this order: what something belongs to is made before it, so it is in the later list.
/// `None`: it could not be listed.
#[derive(Debug, Default)]
pub struct Listed {
    /// The bindings that carry [`GRANT_LABEL`].
    pub bindings: Option<Vec<RoleBinding>>,
    /// The fuses that carry it.
    pub fuses: Option<Vec<Job>>,
    /// All grants.
    pub grants: Option<Records>,
}

/// Something that must go.
#[derive(Clone, Debug, PartialEq)]
pub struct Leftover {
    /// How.
    pub effect: Effect,
    /// Who has the access.
    pub user: String,
    /// Why.
    pub why: Why,
}
impl Leftover {
    /// Which object.
    pub fn identity(&self) -> &Identity {
        match &self.effect {
            Effect::DeleteBinding(of) | Effect::DeleteFuse(of) | Effect::DeleteGrant(of) => of,
            Effect::CreateGrant(_) | Effect::CreateFuse(_) | Effect::CreateBinding(_) => {
                unreachable!("a sweep makes nothing")
            }
        }
    }
    /// Which object, as people write it.
    pub fn name(&self) -> String {
        let kind = if matches!(self.effect, Effect::DeleteBinding(_)) { "rolebinding" } else { "job" };
        format!("{kind}/{}", self.identity().name)
    }
}

/// Why something must go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// There is no grant of that UID.
    GrantMissing,
    /// Nothing was granted, or it ended.
    GrantEnded,
    /// The grant's time is up.
    GrantExpired,
    /// Its own annotation says that its time is up.
    PastExpiresAt,
    /// The fuse that owns it is gone, so nothing would end it.
    FuseMissing,
    /// A test fuse that did not burn.
    TestFuseLeft,
    /// Whoever takes Curfew away ends all access.
    Drained,
}
impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::GrantMissing => "its grant does not exist",
            Self::GrantEnded => "its grant has ended",
            Self::GrantExpired => "its grant has expired",
            Self::PastExpiresAt => "its expires-at is past",
            Self::FuseMissing => "its fuse does not exist",
            Self::TestFuseLeft => "a test fuse that did not burn",
            Self::Drained => "drained",
        })
    }
}

/// What must go: bindings first, as they are the access. Nothing without the label is ever among it.
pub fn leftovers(listed: &Listed, now: Now) -> Vec<Leftover> {
    let (bindings, fuses) = (listed.bindings.iter().flatten(), listed.fuses.iter().flatten());
    let fuse_uids: Option<BTreeSet<String>> =
        listed.fuses.as_ref().map(|all| all.iter().filter_map(ResourceExt::uid).collect());
    let bindings = bindings.filter_map(|binding| {
        let grant = grant_of(binding)?;
        let without_fuse = || is_without(binding, fuse_uids.as_ref()?).then_some(Why::FuseMissing);
        let why = is_over(grant, listed.grants.as_ref(), now)
            .or_else(|| is_past(binding, now).then_some(Why::PastExpiresAt))
            .or_else(without_fuse)?;
        let effect = Effect::DeleteBinding(Identity::of(binding));
        Some(Leftover { effect, user: subjects(binding), why })
    });
    let fuses = fuses.filter_map(|fuse| {
        let grant = grant_of(fuse)?;
        let why = if grant == FUSE_TEST {
            is_old(fuse, now).then_some(Why::TestFuseLeft)?
        } else {
            is_over(grant, listed.grants.as_ref(), now)?
        };
        Some(Leftover { effect: Effect::DeleteFuse(Identity::of(fuse)), user: user_of(fuse, listed), why })
    });
    bindings.chain(fuses).collect()
}

/// All access that is there, bindings first: for whoever takes Curfew away (L9).
pub fn all(listed: &Listed) -> Vec<Leftover> {
    let drained = |effect: Effect, user: String| Leftover { effect, user, why: Why::Drained };
    let bindings = listed.bindings.iter().flatten().filter(|b| grant_of(*b).is_some());
    let fuses = listed.fuses.iter().flatten().filter(|f| grant_of(*f).is_some_and(|grant| grant != FUSE_TEST));
    let bindings = bindings.map(|b| drained(Effect::DeleteBinding(Identity::of(b)), subjects(b)));
    bindings.chain(fuses.map(|f| drained(Effect::DeleteFuse(Identity::of(f)), user_of(f, listed)))).collect()
}

/// The grants whose access may yet begin, or whose record does not say yet that it is over.
pub fn unfinished(listed: &Listed) -> Vec<&AccessGrant> {
    listed.grants.iter().flat_map(BTreeMap::values).flatten().filter(|grant| may_give_access(grant)).collect()
}

/// Whose access a fuse ends, where its grant is known.
fn user_of(fuse: &Job, listed: &Listed) -> String {
    let grant = grant_of(fuse).and_then(|uid| listed.grants.as_ref()?.get(uid)?.as_ref());
    grant.map(|grant| grant.spec.user.clone()).unwrap_or_default()
}

fn grant_of(child: &impl ResourceExt) -> Option<&str> {
    child.labels().get(GRANT_LABEL).map(String::as_str)
}

/// Why the grant of that UID gives no access; `None`: it does, or nobody knows.
fn is_over(uid: &str, grants: Option<&Records>, now: Now) -> Option<Why> {
    let Some(found) = grants?.get(uid) else { return Some(Why::GrantMissing) };
    let grant = found.as_ref()?;
    let ended = grant.status.as_ref().is_some_and(|s| s.ended_at.is_some());
    match grant.spec.expires_at {
        Some(_) | None if ended => Some(Why::GrantEnded),
        None => Some(Why::GrantEnded),
        Some(end) => (end.get() <= now.for_ending()).then_some(Why::GrantExpired),
    }
}

/// Whether a binding says of itself that its time is up.
fn is_past(binding: &RoleBinding, now: Now) -> bool {
    let end = binding.annotations().get(EXPIRES_ANNOTATION).and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    end.is_some_and(|end| end.with_timezone(&Utc) <= now.for_ending())
}

/// Whether none of the fuses owns it.
fn is_without(binding: &RoleBinding, fuses: &BTreeSet<String>) -> bool {
    !binding.owner_references().iter().any(|o| o.kind == "Job" && fuses.contains(&o.uid))
}

/// Whether a test fuse is older than any test.
fn is_old(fuse: &Job, now: Now) -> bool {
    let made = time::made(&fuse.metadata);
    made.is_none_or(|made| made.get() + FUSE_TEST_MAX_AGE < now.for_ending())
}

fn subjects(binding: &RoleBinding) -> String {
    binding.subjects.iter().flatten().map(|s| s.name.as_str()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::time::Instant;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
    use serde_json::json;

    const GRANT: &str = "11111111-0000-0000-0000-000000000000";
    const FUSE: &str = "22222222-0000-0000-0000-000000000000";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }
    fn now() -> Now {
        Now { wall: at(0), server_ahead: TimeDelta::zero() }
    }
    fn meta(label: &str, uid: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some("curfew-sup-4812-7f3a2c1b".into()),
            namespace: Some("billing".into()),
            uid: Some(uid.into()),
            labels: Some([(GRANT_LABEL.to_owned(), label.to_owned())].into()),
            ..Default::default()
        }
    }
    /// A binding that ends in so many seconds, by its annotation.
    fn binding(ends: i64) -> RoleBinding {
        let mut binding: RoleBinding = serde_json::from_value(json!({"metadata": {},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "curfew-logs"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]}))
        .unwrap();
        binding.metadata = meta(GRANT, "33333333-0000-0000-0000-000000000000");
        binding.metadata.annotations =
            Some([(EXPIRES_ANNOTATION.to_owned(), Instant::new(at(ends)).to_string())].into());
        binding.metadata.owner_references = Some(vec![OwnerReference {
            api_version: "batch/v1".into(),
            kind: "Job".into(),
            name: "curfew-sup-4812-7f3a2c1b".into(),
            uid: FUSE.into(),
            ..Default::default()
        }]);
        binding
    }
    fn fuse() -> Job {
        Job { metadata: meta(GRANT, FUSE), ..Default::default() }
    }
    /// A grant that ends in so many seconds, or never began.
    fn grant(ends: Option<i64>, ended: bool) -> Option<AccessGrant> {
        let end = ends.map(|s| Instant::new(at(s)).to_string());
        let mut spec = json!({
            "request": {"namespace": "billing", "name": "sup-4812", "uid": "7f3a2c1b", "generation": 1},
            "policy": {"name": "customer-support", "uid": "x", "generation": 1, "description": "", "retentionDays": 400},
            "outcome": if ends.is_some() { "Approved" } else { "Denied" }, "user": "alice",
            "entitledBy": {"kind": "Group", "name": "engineers"}, "namespace": "billing", "access": "logs",
            "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [],
            "rulesSha256": "0", "ticket": "SUP-4812", "reason": "Check why invoice totals changed.",
            "askedFor": "30m", "notBefore": Instant::new(at(-600)).to_string()});
        if let Some(end) = end {
            spec["expiresAt"] = end.into();
        }
        let status = if ended {
            json!({"endedAt": Instant::new(at(-5)).to_string(), "endedBy": "alice", "endReason": "Closed"})
        } else {
            json!({})
        };
        Some(
            serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
            "metadata": {"name": "billing.sup-4812.7f3a2c1b", "uid": GRANT}, "spec": spec, "status": status}))
            .unwrap(),
        )
    }
    fn records(grant: Option<AccessGrant>) -> Option<Records> {
        Some([(GRANT.to_owned(), grant)].into())
    }
    fn listed(grants: Option<Records>) -> Listed {
        Listed { bindings: Some(vec![binding(600)]), fuses: Some(vec![fuse()]), grants }
    }
    fn whys(listed: &Listed, now: Now) -> Vec<(bool, Why)> {
        leftovers(listed, now).into_iter().map(|l| (matches!(l.effect, Effect::DeleteBinding(_)), l.why)).collect()
    }

    #[test]
    fn g8_what_has_no_live_grant_goes_and_what_has_one_stays() {
        use Why::*;
        let both = |why| vec![(true, why), (false, why)];
        let without = |f: fn(&mut Listed)| {
            let mut all = listed(records(grant(Some(600), false)));
            f(&mut all);
            all
        };
        for (sentence, listed, gone) in [
            ("a live grant keeps both", listed(records(grant(Some(600), false))), vec![]),
            ("a grant that is gone keeps nothing", listed(Some(Records::new())), both(GrantMissing)),
            ("a grant that ended early keeps nothing", listed(records(grant(Some(600), true))), both(GrantEnded)),
            ("a grant whose time is up keeps nothing", listed(records(grant(Some(0), false))), both(GrantExpired)),
            ("a grant that was denied keeps nothing", listed(records(grant(None, false))), both(GrantEnded)),
            ("a grant that cannot be understood keeps both", listed(records(None)), vec![]),
            ("grants that cannot be read keep both", listed(None), vec![]),
            (
                "a binding past its own end goes although grants cannot be read",
                Listed { bindings: Some(vec![binding(0)]), ..listed(None) },
                vec![(true, PastExpiresAt)],
            ),
            (
                "a binding past its own end goes although its grant cannot be understood",
                Listed { bindings: Some(vec![binding(-1)]), ..listed(records(None)) },
                vec![(true, PastExpiresAt)],
            ),
            ("a binding whose fuse is gone goes", without(|l| l.fuses = Some(vec![])), vec![(true, FuseMissing)]),
            (
                "a binding whose fuse is another goes",
                without(|l| {
                    l.fuses.as_mut().unwrap()[0].metadata.uid = Some("44444444-0000-0000-0000-000000000000".into());
                }),
                vec![(true, FuseMissing)],
            ),
            (
                "a binding without an owner goes",
                without(|l| {
                    l.bindings.as_mut().unwrap()[0].metadata.owner_references = None;
                }),
                vec![(true, FuseMissing)],
            ),
            ("fuses that cannot be listed condemn no binding", without(|l| l.fuses = None), vec![]),
            (
                "an end that cannot be read condemns no binding of a live grant",
                without(|l| {
                    l.bindings.as_mut().unwrap()[0].annotations_mut().insert(EXPIRES_ANNOTATION.into(), "soon".into());
                }),
                vec![],
            ),
        ] {
            assert_eq!(whys(&listed, now()), gone, "{sentence}");
        }
    }
    #[test]
    fn nothing_without_the_label_is_touched() {
        let mut all = listed(Some(Records::new()));
        all.bindings.as_mut().unwrap()[0].metadata.labels = None;
        all.fuses.as_mut().unwrap()[0].metadata.labels = Some([("app".to_owned(), "x".to_owned())].into());
        assert_eq!(leftovers(&all, now()), vec![]);
    }
    #[test]
    fn the_later_clock_decides() {
        let all = listed(records(grant(Some(10), false)));
        let ahead = |seconds| Now { wall: at(0), server_ahead: TimeDelta::seconds(seconds) };
        assert_eq!(whys(&all, ahead(9)), vec![]);
        assert_eq!(whys(&all, ahead(10)).len(), 2);
        assert_eq!(whys(&listed(records(grant(Some(0), false))), ahead(-60)).len(), 2, "our clock alone is enough");
    }
    #[test]
    fn a_test_fuse_has_ten_minutes() {
        for (age, gone) in [(0, false), (600, false), (601, true)] {
            let mut test = Job { metadata: meta(FUSE_TEST, FUSE), ..Default::default() };
            test.metadata.creation_timestamp = Some(Time::from(Instant::new(at(-age))));
            let all = Listed { fuses: Some(vec![test]), grants: Some(Records::new()), ..Default::default() };
            assert_eq!(!leftovers(&all, now()).is_empty(), gone, "{age}s");
        }
    }
    #[test]
    fn a_leftover_says_whose_it_is_and_what_to_delete() {
        let found = leftovers(&listed(records(grant(Some(0), false))), now());
        let lines: Vec<_> = found.iter().map(|l| format!("{} {} {}", l.name(), l.user, l.why)).collect();
        assert_eq!(lines[0], "rolebinding/curfew-sup-4812-7f3a2c1b alice its grant has expired");
        assert_eq!(lines[1], "job/curfew-sup-4812-7f3a2c1b alice its grant has expired");
        assert_eq!(found[1].identity().uid, FUSE, "the UID makes sure that it is this one");
    }
    #[test]
    fn l9_a_drain_takes_all_access_bindings_first_and_leaves_what_is_not_ours() {
        let mut of_others = binding(60);
        of_others.metadata.labels = None;
        let mut test_fuse = fuse();
        test_fuse.metadata.labels = Some([(GRANT_LABEL.to_owned(), FUSE_TEST.to_owned())].into());
        let listed = Listed {
            bindings: Some(vec![of_others, binding(60)]),
            fuses: Some(vec![test_fuse, fuse()]),
            grants: Some([(GRANT.to_owned(), grant(Some(60), false))].into()),
        };
        let gone: Vec<_> = all(&listed).into_iter().map(|l| (l.name(), l.user)).collect();
        let name = "curfew-sup-4812-7f3a2c1b";
        let alice = || "alice".to_owned();
        assert_eq!(gone, [(format!("rolebinding/{name}"), alice()), (format!("job/{name}"), alice())]);
        assert_eq!(unfinished(&listed).len(), 1);
    }
    #[test]
    fn l9_what_was_refused_or_has_ended_is_finished() {
        for (what, grant, is_open) in [
            ("nothing was granted", grant(None, false), false),
            ("it has ended", grant(Some(60), true), false),
            ("its record does not say so", grant(Some(-60), false), true),
            ("it cannot be understood", None, false),
        ] {
            let listed = Listed { grants: Some([(GRANT.to_owned(), grant)].into()), ..Listed::default() };
            assert_eq!(!unfinished(&listed).is_empty(), is_open, "{what}");
        }
    }
}
