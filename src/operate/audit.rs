//! Reads the API server's audit events while this replica holds the lease, and has what they tell written on record.
mod tail;

use super::{Context, grant};
use crate::api::grant::AccessGrant;
use crate::api::names;
use crate::cluster::trace::Trace;
use crate::decide::Audit;
use crate::decide::usage::{Event, Holder, Ledger, SILENCE, Tally};
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use kube::ResourceExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tail::{Lines, Tail};

/// How often the source is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How many records are written at once.
const AT_ONCE: usize = 4;
/// How often a source that cannot be read is complained of.
const COMPLAIN: Duration = Duration::from_secs(60);

/// What is counted of the use of each grant, for the task and for passes.
#[derive(Debug, Default)]
pub struct Usages(Mutex<Ledger>);
impl Usages {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Notes what a watch brought.
    pub fn note(&self, record: &Trace<AccessGrant>, now: DateTime<Utc>) {
        let name = record.name_any();
        let namespace = names::request_of_grant(record).map(|(namespace, _)| namespace);
        match (record.holder(), record.expires_at(), namespace, names::child_of_grant(record)) {
            (Some(user), Some(expires_at), Some(namespace), Some(binding)) => self.ledger().holds(Holder {
                grant: name,
                namespace,
                binding,
                user: user.to_owned(),
                started_at: record.started_at().map(|at| at.get()),
                expires_at: expires_at.get(),
            }),
            _ => self.ledger().ended(&name, now),
        }
    }
    /// The last call that was seen of a grant.
    pub fn last(&self, grant: &str) -> Option<DateTime<Utc>> {
        self.ledger().last(grant)
    }
}

/// Runs while it is polled. Without a source it does nothing.
pub async fn run(context: Arc<Context>) {
    let Some(path) = context.installation.audit_source.clone() else { return };
    let mut standing = context.health.standing().subscribe();
    watched(&context, Audit::Silent);
    loop {
        // The sender lives as long as the operator.
        drop(standing.wait_for(|standing| standing.lease_held).await);
        tracing::info!(source = %path.display(), "audit events are read");
        let mut lease = context.health.standing().subscribe();
        tokio::select! {
            () = follow(&path, &context) => {}
            _ = lease.wait_for(|standing| !standing.lease_held) => {}
        }
        watched(&context, Audit::Silent);
    }
}

/// Says whether somebody watches, where that is news: everything is looked at again then.
fn watched(context: &Context, audit: Audit) {
    context.health.standing().send_if_modified(|standing| std::mem::replace(&mut standing.audit, audit) != audit);
}

async fn follow(path: &Path, context: &Context) {
    let (mut tail, mut complained) = (Some(Tail::at_its_end(path)), None::<Instant>);
    // When the last event came, and since when they have come.
    let mut delivers: Option<(Instant, DateTime<Utc>)> = None;
    loop {
        // Off the threads of passes: a file may be on a slow disk.
        let Some(mut reading) = tail.take() else { return };
        let Ok((back, read)) = tokio::task::spawn_blocking(move || {
            let read = reading.read();
            (reading, read)
        })
        .await
        else {
            return;
        };
        tail = Some(back);
        let is_more = match read {
            Ok(lines) => {
                if take(&lines, context) > 0 {
                    let since = delivers.map_or(context.clock.now().wall, |(_, since)| since);
                    delivers = Some((Instant::now(), since));
                }
                lines.is_more
            }
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() >= COMPLAIN) {
                    complained = Some(Instant::now());
                    tracing::warn!(source = %path.display(), %error, "the audit source cannot be read: nobody watches");
                }
                false
            }
        };
        let silence = SILENCE.to_std().unwrap_or_default();
        delivers = delivers.filter(|(last, _)| last.elapsed() < silence);
        watched(context, delivers.map_or(Audit::Silent, |(_, since)| Audit::Delivers { since }));
        write(context).await;
        if !is_more {
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// Counts what these lines tell; how many events they are.
fn take(lines: &Lines, context: &Context) -> usize {
    let (now, per_minute) = (context.clock.now().wall, context.installation.calls_per_minute);
    let mut read = 0;
    for line in &lines.all {
        if let Some(event) = Event::read(line) {
            context.usages.ledger().take(&event, per_minute, now);
            read += 1;
        }
    }
    context.metrics.audit_events(read, lines.dropped + lines.all.len() - read);
    read
}

/// Writes what is due. What ends now goes first, and what could not be written is written with what comes next.
async fn write(context: &Context) {
    let due = context.usages.ledger().due(context.clock.now().wall);
    if due.is_empty() {
        return;
    }
    context.health.calm().await;
    let each = |(name, tally): (String, Tally)| async move {
        let written = grant::write_usage(&name, context, &tally).await;
        if let Err(error) = &written {
            context.metrics.failed_call(error.label());
            tracing::warn!(kind = "AccessGrant", name, operation = error.label(), %error, "its use is not on record yet");
        }
        if !written.unwrap_or(false) {
            context.usages.ledger().put_back(&name, tally);
        }
    };
    stream::iter(due).for_each_concurrent(AT_ONCE, each).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn j6_the_binding_that_the_api_server_names_leads_to_the_grant() {
        let usages = Usages::default();
        let now: DateTime<Utc> = "2026-12-01T09:10:00Z".parse().unwrap();
        let record = |status: serde_json::Value| -> Trace<AccessGrant> {
            serde_json::from_value(json!({"metadata": {"name": "billing.sup-4812.7f3a2c1b", "labels": {"curfew.dev/request": "sup-4812"}},
                "spec": {"user": "alice", "expiresAt": "2026-12-01T09:30:00Z", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}},
                "status": status}))
            .unwrap()
        };
        usages.note(&record(json!({"startedAt": "2026-12-01T09:00:00Z"})), now);
        let line = json!({"auditID": "a", "verb": "get", "requestURI": "/", "user": {"username": "alice"},
            "objectRef": {"resource": "pods", "subresource": "log", "namespace": "billing"},
            "requestReceivedTimestamp": "2026-12-01T09:09:00.123456Z",
            "annotations": {"authorization.k8s.io/decision": "allow",
                "authorization.k8s.io/reason": "RBAC: allowed by RoleBinding \"curfew-sup-4812-7f3a2c1b/billing\" of ClusterRole \"curfew-logs\" to User \"alice\""}});
        assert!(usages.ledger().take(&Event::read(line.to_string().as_bytes()).unwrap(), 300, now));
        let last = "2026-12-01T09:09:00.123456Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(usages.last("billing.sup-4812.7f3a2c1b"), Some(last));
        usages.note(&record(json!({"endReason": "Closed"})), now);
        assert_eq!(usages.ledger().due(now).len(), 1, "what came before the end is still written");
    }
}
