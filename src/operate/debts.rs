//! On which records a duty was missed, as the watches have it. Only where to look: what follows is judged by a live read.
use crate::api::grant::AccessGrant;
use crate::api::names;
use crate::cluster::trace::Trace;
use crate::cluster::{Cluster, Error};
use crate::decide::duties::{self, Missed};
use crate::decide::grant;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Person and policy of each record, by its name.
#[derive(Debug, Default)]
pub struct Debts(Mutex<BTreeMap<String, (String, String)>>);
impl Debts {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, (String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Notes what a watch brought; the person, where a duty was missed.
    pub fn note(&self, record: &Trace<AccessGrant>) -> Option<String> {
        let (name, policy) = (record.name_any(), record.labels().get(names::POLICY_LABEL));
        match (record.debtor(), policy) {
            (Some(person), Some(policy)) => {
                self.all().insert(name, (person.to_owned(), policy.clone()));
                Some(person.to_owned())
            }
            _ => {
                self.all().remove(&name);
                None
            }
        }
    }
    fn records(&self, is_meant: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let all = self.all();
        let meant = all.iter().filter(|(_, (person, policy))| is_meant(person, policy));
        meant.map(|(record, _)| record.clone()).collect()
    }

    /// The missed duty that ends this grant, read live.
    ///
    /// # Errors
    /// When a call failed.
    pub async fn ending(&self, cluster: &Cluster, of: &AccessGrant) -> Result<Option<Missed>, Error> {
        if !grant::may_give_access(of) {
            return Ok(None);
        }
        for name in self.records(|person, _| person == of.spec.user) {
            let record = cluster.record(&name).await?;
            if let Some(missed) = record.as_ref().and_then(duties::missed).filter(|missed| missed.ends(of)) {
                return Ok(Some(missed));
            }
        }
        Ok(None)
    }
    /// The records under a policy on which a duty is overdue, read live.
    ///
    /// # Errors
    /// When a call failed.
    pub async fn under(&self, cluster: &Cluster, policy: &str) -> Result<Vec<AccessGrant>, Error> {
        let mut overdue = vec![];
        for name in self.records(|_, under| under == policy) {
            let record = cluster.record(&name).await?;
            let state = |record: &AccessGrant| record.status.as_ref().and_then(|s| s.duties_state.clone());
            overdue.extend(record.filter(|record| duties::is_overdue(state(record).as_deref())));
        }
        Ok(overdue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(name: &str, state: &str) -> Trace<AccessGrant> {
        serde_json::from_value(json!({"metadata": {"name": name, "labels": {"curfew.dev/policy": "customer-support"}},
            "spec": {"user": "alice"}, "status": {"dutiesState": state, "endReason": "Expired"}}))
        .unwrap()
    }
    #[test]
    fn h12_what_was_missed_is_known_until_it_is_made_good() {
        let debts = Debts::default();
        let of = |person: &str| debts.records(|who, _| who == person);
        assert_eq!(debts.note(&record("a", "Open")), None);
        assert_eq!(of("alice"), [""; 0]);
        assert_eq!(debts.note(&record("a", "Overdue")).as_deref(), Some("alice"));
        assert_eq!((of("alice"), of("bob")), (vec!["a".to_owned()], vec![]));
        assert_eq!(debts.records(|_, policy| policy == "customer-support"), ["a"]);
        assert_eq!(debts.note(&record("a", "Met")), None);
        assert_eq!(of("alice"), [""; 0]);
    }
}
