//! Whether admission is what this release installs, and since when it has been so without a break.
//!
//! An **epoch** is a time in which nothing that protects decisions was touched. The UIDs and generations of all of it are
//! recorded; whatever differs from the record, also an identical object made anew, starts the next epoch.
use super::{Guard, Now};
use crate::api::admission::{Kind, Protection};
use crate::api::time::Instant;
use chrono::TimeDelta;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// One object as it is live.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its UID: made anew, it has another.
    pub uid: String,
    /// Counts the changes of its spec.
    pub generation: i64,
    /// Its spec, as the API server returns it.
    pub spec: Value,
}

/// A time in which nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// When it began: a decision that was there before does not count.
    pub since: Instant,
    /// `<kind>.<name>` to `<uid>.<generation>`, for everything that decisions rest on.
    pub objects: BTreeMap<String, String>,
}

const SINCE: &str = "since";
/// A recorded beginning that is further ahead was written by a wrong clock.
const HASTE: TimeDelta = TimeDelta::seconds(60);

impl Epoch {
    /// As it is stored in a ConfigMap.
    pub fn to_data(&self) -> BTreeMap<String, String> {
        let mut data = self.objects.clone();
        data.insert(SINCE.to_owned(), self.since.to_string());
        data
    }
    /// As it was stored; `None`: these are not the data of an epoch, so there is none.
    pub fn from_data(mut data: BTreeMap<String, String>) -> Option<Self> {
        let since = serde_json::from_value(data.remove(SINCE)?.into()).ok()?;
        Some(Self { since, objects: data })
    }
}

impl Epoch {
    /// Its name: when it began, and a digest of that and of what is live, whose UIDs nobody can know before.
    pub fn name(&self) -> String {
        let text: String = self.to_data().iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        let digest: String = Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{}/{digest}", self.since)
    }
}

/// When the epoch of this name began.
pub fn began(epoch: &str) -> Option<Instant> {
    serde_json::from_value(epoch.split_once('/')?.0.into()).ok()
}

/// What a look at admission came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This is how it stands.
    Stands(Guard),
    /// It is what was installed, but not what was recorded: it stands once this is recorded.
    Record(Epoch),
}

/// Judges what is live by what must be, and by what was recorded.
pub fn judge(must: &[Protection], live: &[Live], recorded: Option<&Epoch>, lease_held: bool, now: Now) -> Verdict {
    let broken = |words: String| Verdict::Stands(Guard::Broken(words));
    let differences = differences(must, live);
    if !differences.is_empty() {
        return broken(format!("{}; install the chart of this release again", listed(&differences)));
    }
    let objects = fingerprints(must, live);
    match recorded {
        Some(epoch) if epoch.objects == objects => Verdict::Stands(Guard::Intact { epoch: epoch.name() }),
        _ if !lease_held => broken(match recorded {
            Some(_) => "admission was changed or made anew; waiting for the lease holder to record it".into(),
            None => "admission is not recorded yet; waiting for the lease holder to record it".into(),
        }),
        // A record with a wrong clock would void, or let pass, decisions for as long as the clock was wrong.
        _ if !now.is_trusted() => {
            broken("admission cannot be recorded while this clock and the API server's disagree".into())
        }
        _ => Verdict::Record(Epoch { since: begins(recorded, now), objects }),
    }
}

/// Whole seconds are cut off, so what was seen within this second counts as before. Epochs begin one after the other.
fn begins(recorded: Option<&Epoch>, now: Now) -> Instant {
    let after = |at: Instant| at.checked_add(TimeDelta::seconds(1)).unwrap_or(at);
    let from = after(now.for_record());
    let last = recorded.map(|e| e.since).filter(|last| last.get() - from.get() < HASTE);
    last.map_or(from, |last| from.max(after(last)))
}

fn fingerprints(must: &[Protection], live: &[Live]) -> BTreeMap<String, String> {
    must.iter()
        .filter_map(|m| find(live, m))
        .map(|l| (format!("{}.{}", l.kind, l.name), format!("{}.{}", l.uid, l.generation)))
        .collect()
}

fn find<'a>(live: &'a [Live], must: &Protection) -> Option<&'a Live> {
    live.iter().find(|l| l.kind == must.kind && l.name == must.name)
}

/// What is missing or otherwise than it must be, one line each.
pub fn differences(must: &[Protection], live: &[Live]) -> Vec<String> {
    must.iter()
        .filter_map(|m| match find(live, m) {
            None => Some(format!("{} {} is missing", m.kind, m.name)),
            Some(found) => {
                difference("spec", &m.spec, &found.spec).map(|at| format!("{} {} differs at {at}", m.kind, m.name))
            }
        })
        .collect()
}

/// The most that one message lists.
const LISTED: usize = 5;

fn listed(differences: &[String]) -> String {
    let more = differences.len().saturating_sub(LISTED);
    let first = differences.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join("; ");
    if more == 0 { first } else { format!("{first}; and {more} more") }
}

/// The path of the first value that is not the same. Numbers are the same if they are equal: `5.0` comes back as `5`.
fn difference(at: &str, must: &Value, found: &Value) -> Option<String> {
    match (must, found) {
        (Value::Object(must), Value::Object(found)) => {
            let mut keys: Vec<_> = must.keys().chain(found.keys()).collect();
            keys.sort();
            keys.dedup();
            let null = &Value::Null;
            keys.into_iter().find_map(|k| {
                difference(&format!("{at}.{k}"), must.get(k).unwrap_or(null), found.get(k).unwrap_or(null))
            })
        }
        (Value::Array(must), Value::Array(found)) if must.len() == found.len() => {
            must.iter().zip(found).enumerate().find_map(|(i, (m, f))| difference(&format!("{at}[{i}]"), m, f))
        }
        (Value::Number(must), Value::Number(found)) if must.as_f64() == found.as_f64() => None,
        (must, found) => (must != found).then(|| at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admission::protections;
    use chrono::{DateTime, Utc};
    use serde_json::json;
    use std::sync::LazyLock;

    fn must() -> &'static [Protection] {
        static MUST: LazyLock<Vec<Protection>> = LazyLock::new(|| {
            protections("system:serviceaccount:curfew:curfew", "system:serviceaccount:curfew:curfew-sweep").unwrap()
        });
        &MUST
    }
    fn installed() -> Vec<Live> {
        let live = |(i, p): (usize, Protection)| Live {
            kind: p.kind,
            name: p.name,
            uid: format!("u{i}"),
            generation: 1,
            spec: p.spec,
        };
        must().iter().cloned().enumerate().map(live).collect()
    }
    fn now(text: &str) -> Now {
        Now { wall: text.parse::<DateTime<Utc>>().unwrap(), server_ahead: TimeDelta::zero() }
    }
    fn noon() -> Now {
        now("2026-12-01T12:00:00.4Z")
    }
    fn recorded(live: &[Live]) -> Epoch {
        let Verdict::Record(epoch) = judge(must(), live, None, true, noon()) else { panic!("nothing to record") };
        epoch
    }
    fn broken(verdict: Verdict) -> String {
        let Verdict::Stands(Guard::Broken(words)) = verdict else { panic!("{verdict:?}") };
        words
    }

    #[test]
    fn the_name_of_an_epoch_says_when_it_began() {
        let epoch = recorded(&installed());
        assert_eq!(began(&epoch.name()), Some(epoch.since));
        assert!(epoch.name().len() <= 64, "as much as the status holds");
        assert_eq!((began("e1"), began("soon/e1")), (None, None));
    }
    #[test]
    fn the_first_look_is_recorded_and_stands_from_then_on() {
        let live = installed();
        let epoch = recorded(&live);
        assert_eq!(epoch.since.to_string(), "2026-12-01T12:00:01Z", "what was seen in the same second is before");
        let later = judge(must(), &live, Some(&epoch), false, now("2026-12-02T00:00:00Z"));
        assert_eq!(later, Verdict::Stands(Guard::Intact { epoch: epoch.name() }));
    }

    #[test]
    fn the_same_objects_never_start_an_epoch_whoever_looks() {
        let (live, epoch) = (installed(), recorded(&installed()));
        for lease_held in [true, false] {
            let verdict = judge(must(), &live, Some(&epoch), lease_held, now("2027-01-01T00:00:00Z"));
            assert_eq!(verdict, Verdict::Stands(Guard::Intact { epoch: epoch.name() }));
        }
    }

    #[test]
    fn an_object_made_anew_or_changed_and_changed_back_starts_an_epoch() {
        let epoch = recorded(&installed());
        for i in 0..installed().len() {
            let (mut anew, mut twice) = (installed(), installed());
            anew[i].uid = "another".into();
            twice[i].generation += 2;
            for live in [anew, twice] {
                let Verdict::Record(next) = judge(must(), &live, Some(&epoch), true, now("2026-12-02T00:00:00Z"))
                else {
                    panic!("{} was changed unnoticed", live[i].name)
                };
                assert_eq!(next.since.to_string(), "2026-12-02T00:00:01Z");
            }
        }
    }

    #[test]
    fn epochs_that_begin_within_one_second_are_still_told_apart() {
        let mut epoch = recorded(&installed());
        for uid in ["b", "c", "d"] {
            let mut live = installed();
            live[0].uid = uid.into();
            let Verdict::Record(next) = judge(must(), &live, Some(&epoch), true, noon()) else { panic!("{uid}") };
            assert!(next.since > epoch.since, "{uid}");
            epoch = next;
        }
        epoch.since = "2027-12-01T12:00:00Z".parse::<DateTime<Utc>>().map(Instant::new).unwrap();
        let Verdict::Record(next) = judge(must(), &installed(), Some(&epoch), true, noon()) else { panic!() };
        assert_eq!(next.since.to_string(), "2026-12-01T12:00:01Z", "a wrong clock is not followed");
    }

    #[test]
    fn whatever_is_missing_or_different_breaks_it_and_is_named() {
        let epoch = recorded(&installed());
        for i in 0..installed().len() {
            let (mut missing, mut other) = (installed(), installed());
            let gone = missing.remove(i);
            other[i].spec["added"] = json!({});
            let said = broken(judge(must(), &missing, Some(&epoch), true, noon()));
            assert!(said.contains(&format!("{} {} is missing", gone.kind, gone.name)), "{said}");
            let said = broken(judge(must(), &other, Some(&epoch), true, noon()));
            assert!(said.contains(&format!("{} differs at spec.added", gone.name)), "{said}");
        }
    }

    #[test]
    fn every_way_to_weaken_a_policy_is_a_difference() {
        let changes: [(&str, Value); 7] = [
            ("/failurePolicy", json!("Ignore")),
            ("/matchConstraints/resourceRules/0/operations", json!(["CREATE"])),
            ("/matchConstraints/namespaceSelector", json!({"matchLabels": {"a": "b"}})),
            ("/matchConstraints/objectSelector", json!({"matchLabels": {"a": "b"}})),
            ("/validations/0/expression", json!("true")),
            ("/validations/0/message", json!("no")),
            ("/validations", json!([])),
        ];
        for (path, value) in changes {
            let mut live = installed();
            let decisions =
                live.iter_mut().find(|l| l.name == crate::api::admission::DECISIONS && l.kind == Kind::Policy).unwrap();
            *decisions.spec.pointer_mut(path).unwrap() = value;
            assert_eq!(differences(must(), &live).len(), 1, "{path}");
        }
        for field in ["matchConditions", "paramKind", "auditAnnotations"] {
            let mut live = installed();
            live[0].spec[field] = json!([{"name": "never", "expression": "false"}]);
            assert_eq!(differences(must(), &live).len(), 1, "{field}");
        }
    }

    #[test]
    fn a_binding_that_only_audits_is_a_difference() {
        let mut live = installed();
        let binding = live.iter_mut().find(|l| l.kind == Kind::Binding).unwrap();
        binding.spec["validationActions"] = json!(["Audit"]);
        assert_eq!(differences(must(), &live).len(), 1);
    }

    #[test]
    fn an_older_schema_that_would_drop_fields_is_a_difference() {
        let mut live = installed();
        let requests = live.iter_mut().find(|l| l.name == "accessrequests.curfew.dev").unwrap();
        let status =
            requests.spec.pointer_mut("/versions/0/schema/openAPIV3Schema/properties/status/properties").unwrap();
        status.as_object_mut().unwrap().remove("decisions").unwrap();
        let said = differences(must(), &live);
        assert!(said[0].contains("accessrequests.curfew.dev differs at spec.versions[0].schema"), "{said:?}");
    }

    #[test]
    fn a_number_that_comes_back_without_its_point_is_the_same() {
        assert_eq!(difference("", &json!({"minimum": 1.0}), &json!({"minimum": 1})), None);
        assert_eq!(difference("", &json!({"minimum": 1.0}), &json!({"minimum": 2})), Some(".minimum".into()));
    }

    #[test]
    fn only_the_lease_holder_records_and_the_others_say_what_they_wait_for() {
        let live = installed();
        assert!(broken(judge(must(), &live, None, false, noon())).contains("waiting for the lease holder"));
        let mut epoch = recorded(&live);
        epoch.objects.clear();
        assert!(broken(judge(must(), &live, Some(&epoch), false, noon())).contains("waiting for the lease holder"));
    }

    #[test]
    fn nothing_is_recorded_by_a_clock_that_is_not_trusted() {
        let wrong = Now { server_ahead: TimeDelta::seconds(-60), ..noon() };
        assert!(broken(judge(must(), &installed(), None, true, wrong)).contains("disagree"));
    }

    #[test]
    fn a_long_list_is_cut() {
        let said = broken(judge(must(), &[], None, true, noon()));
        assert!(said.contains("and ") && said.len() < 600, "{said}");
    }

    #[test]
    fn an_epoch_is_read_as_it_was_stored() {
        let epoch = recorded(&installed());
        assert_eq!(Epoch::from_data(epoch.to_data()), Some(epoch));
        assert_eq!(Epoch::from_data(BTreeMap::new()), None);
        assert_eq!(Epoch::from_data(BTreeMap::from([(SINCE.into(), "soon".into())])), None);
    }

    #[test]
    fn the_stored_keys_are_those_that_a_config_map_accepts() {
        let allowed =
            |k: &String| k.len() <= 253 && k.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        assert!(recorded(&installed()).to_data().keys().all(allowed));
    }
}
