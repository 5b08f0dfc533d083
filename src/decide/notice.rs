//! What whoever is concerned is told outside the cluster: one CloudEvent for each transition, with all that an approver needs.
//!
//! It leaves the cluster, so what it holds is named here one by one: never the records that a request declares, never its
//! attachments (B25).
use super::transition::Transition;
use super::{Now, text};
use crate::api::grant::{AccessGrant, AccessGrantStatus};
use crate::api::policy::AccessPolicy;
use crate::api::request::{AccessRequest, AccessRequestStatus};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// What of a request's spec is told, where it is there.
const OF_REQUEST: [&str; 13] = [
    "policy",
    "access",
    "ticket",
    "duration",
    "startTime",
    "startDeadline",
    "whyNotSafer",
    "whyNotLower",
    "plan",
    "legalBasis",
    "emergency",
    "renewal",
    "filedBy",
];
/// What of its status.
const OF_ITS_STATUS: [&str; 6] = ["lane", "mode", "permissions", "waitingFor", "grant", "expiresAt"];
/// What of a record's spec.
const OF_GRANT: [&str; 14] = [
    "outcome",
    "user",
    "filedBy",
    "namespace",
    "lane",
    "emergency",
    "access",
    "level",
    "roleRef",
    "ticket",
    "approvedBy",
    "notBefore",
    "expiresAt",
    "renewal",
];
/// What of its status.
const OF_THE_RECORD: [&str; 4] = ["startedAt", "endedAt", "endedBy", "endReason"];
/// The most characters of a transition's message.
const MESSAGE: usize = 1024;

/// One CloudEvent, as it is sent: `application/cloudevents+json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same for the same news: a receiver that had it before knows it again.
    pub id: String,
    /// The whole event as JSON.
    pub body: String,
}

/// What these transitions of a request say, and what whoever decides needs to know.
pub fn of_request(
    request: &AccessRequest,
    status: &AccessRequestStatus,
    transitions: &[Transition],
    (now, cluster): (Now, &str),
) -> Vec<Notice> {
    let about = || {
        let mut about = picked(&request.spec, &OF_REQUEST);
        about.extend(picked(status, &OF_ITS_STATUS));
        about.insert("why".into(), json!(request.spec.reason));
        about.insert("user".into(), json!(request.spec.requester.username));
        let scope =
            |of: &crate::api::evidence::DataScope| json!({"system": of.system, "kind": of.kind, "tenant": of.tenant});
        about.insert("data".into(), request.spec.data.iter().map(scope).collect());
        let checks = status.checks.iter().map(
            |check| json!({"name": check.name, "passed": check.passed, "code": check.code, "message": check.message}),
        );
        about.insert("checks".into(), checks.collect());
        let decided = status.decisions.iter().map(|one| json!({"by": one.by, "counted": one.counted}));
        about.insert("decisions".into(), decided.collect());
        about
    };
    notices(request, transitions, about, now, cluster)
}

/// What these transitions of a record say.
pub fn of_grant(
    grant: &AccessGrant,
    status: &AccessGrantStatus,
    transitions: &[Transition],
    (now, cluster): (Now, &str),
) -> Vec<Notice> {
    let about = || {
        let mut about = picked(&grant.spec, &OF_GRANT);
        about.extend(picked(status, &OF_THE_RECORD));
        about.insert("why".into(), json!(grant.spec.reason));
        about.insert("whyNot".into(), json!(grant.spec.why));
        about.insert("policy".into(), json!(grant.spec.policy.name));
        about.insert("request".into(), json!(grant.spec.request.name));
        // Not the command: it is filled with what the request declared.
        let owed = status.owed.iter().map(|owed| json!({"duty": owed.duty, "by": owed.by, "due": owed.due, "state": owed.state, "consequence": owed.consequence}));
        about.insert("owed".into(), owed.collect());
        let flags = status.flags.iter().map(|flag| json!({"type": flag.type_, "since": flag.since}));
        about.insert("flags".into(), flags.collect());
        about
    };
    notices(grant, transitions, about, now, cluster)
}

/// What these transitions of a policy say, to its owner.
pub fn of_policy(policy: &AccessPolicy, transitions: &[Transition], (now, cluster): (Now, &str)) -> Vec<Notice> {
    let about = || picked(&policy.spec, &["description", "owner", "mode"]);
    notices(policy, transitions, about, now, cluster)
}

fn notices<K: Resource<DynamicType = ()>>(
    of: &K,
    transitions: &[Transition],
    about: impl Fn() -> Map<String, Value>,
    now: Now,
    cluster: &str,
) -> Vec<Notice> {
    if transitions.is_empty() {
        return vec![];
    }
    let (kind, name, uid) = (K::kind(&()), of.name_any(), of.uid().unwrap_or_default());
    let place = of.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let time = now.for_record().to_string();
    let all = about();
    let notice = |t: &Transition| {
        let id = id(&[&uid, &t.condition, &t.status, &t.reason, &t.message, &time]);
        let mut data = all.clone();
        let said = json!({"kind": kind, "name": name, "uid": uid, "condition": t.condition, "status": t.status, "reason": t.reason,
            "before": t.before, "message": text::line(&t.message, MESSAGE)});
        data.extend(said.as_object().cloned().unwrap_or_default());
        if let Some(namespace) = of.namespace() {
            data.insert("namespace".into(), namespace.into());
        }
        let event = json!({"specversion": "1.0", "id": id, "source": format!("curfew.dev/{cluster}"), "time": time,
            "type": format!("dev.curfew.{kind}.{}.{}", t.condition, t.reason), "subject": format!("{place}{name}"),
            "datacontenttype": "application/json", "data": data});
        Notice { id, body: event.to_string() }
    };
    transitions.iter().map(notice).collect()
}

/// These fields, where they are there.
fn picked(of: &impl Serialize, fields: &[&str]) -> Map<String, Value> {
    let Ok(Value::Object(all)) = serde_json::to_value(of) else { return Map::new() };
    all.into_iter().filter(|(name, _)| fields.contains(&name.as_str())).collect()
}

fn id(said: &[&str]) -> String {
    Sha256::digest(said.join("\n")).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::screening::tests::grant;
    use chrono::TimeDelta;

    fn now() -> (Now, &'static str) {
        let wall = "2026-12-01T09:00:00Z".parse().unwrap();
        (Now { wall, server_ahead: TimeDelta::zero() }, "west")
    }
    fn change(condition: &str, reason: &str) -> Transition {
        let (condition, reason, status) = (condition.into(), reason.into(), "Unknown".into());
        Transition { condition, status, reason, before: "Complete".into(), message: "one of two steps is met".into() }
    }
    fn request() -> AccessRequest {
        let data = json!([{"system": "billing-db", "kind": "invoice", "tenant": "4812", "records": ["SECRET-99017"], "fields": ["SECRET-total"]}]);
        let spec = json!({"policy": "customer-support", "reason": "Check why totals changed.", "ticket": "SUP-4812", "access": "logs",
            "duration": "30m", "data": data, "plan": ["kubectl logs deploy/invoicer"], "whyNotSafer": "The board shows sums only.",
            "attachments": [{"url": "https://files/SECRET", "kind": "Screenshot"}],
            "legalBasis": {"type": "CustomerConsent", "ref": "SUP-4812"},
            "requester": {"username": "alice", "uid": "u", "groups": ["support", "SECRET-group"]}});
        let status = json!({"checks": [{"name": "RealTask", "passed": true, "message": "PatternOnly"}],
            "brief": ["Data: SECRET"], "permissions": {"adds": ["get pods"]},
            "waitingFor": [{"step": "service-owner", "revision": "1", "need": 1, "command": "kubectl patch accessrequest",
                "approvers": [{"kind": "Group", "name": "billing-owners"}]}]});
        serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
            "metadata": {"name": "sup-4812", "namespace": "billing", "uid": "7f3a2c1b"}, "spec": spec, "status": status}))
        .unwrap()
    }
    fn read(notice: &Notice) -> Value {
        serde_json::from_str(&notice.body).unwrap()
    }

    #[test]
    fn b26_one_notice_has_all_that_an_approver_needs_and_b25_never_records_or_attachments() {
        let request = request();
        let status = request.status.clone().unwrap();
        let all =
            of_request(&request, &status, &[change("Screened", "Complete"), change("Approved", "Waiting")], now());
        assert_eq!(all.len(), 2, "one for each transition");
        for notice in &all {
            assert!(!notice.body.contains("SECRET"), "{}", notice.body);
        }
        let event = read(&all[1]);
        for (field, value) in [
            ("/specversion", json!("1.0")),
            ("/type", json!("dev.curfew.AccessRequest.Approved.Waiting")),
            ("/source", json!("curfew.dev/west")),
            ("/subject", json!("billing/sup-4812")),
            ("/time", json!("2026-12-01T09:00:00Z")),
            ("/id", json!(all[1].id)),
            ("/data/message", json!("one of two steps is met")),
            ("/data/namespace", json!("billing")),
            ("/data/user", json!("alice")),
            ("/data/policy", json!("customer-support")),
            ("/data/access", json!("logs")),
            ("/data/duration", json!("30m")),
            ("/data/ticket", json!("SUP-4812")),
            ("/data/reason", json!("Waiting")),
            ("/data/why", json!("Check why totals changed.")),
            ("/data/whyNotSafer", json!("The board shows sums only.")),
            ("/data/plan/0", json!("kubectl logs deploy/invoicer")),
            ("/data/legalBasis/type", json!("CustomerConsent")),
            ("/data/data/0", json!({"system": "billing-db", "kind": "invoice", "tenant": "4812"})),
            ("/data/checks/0/name", json!("RealTask")),
            ("/data/permissions/adds/0", json!("get pods")),
            ("/data/waitingFor/0/approvers/0/name", json!("billing-owners")),
            ("/data/waitingFor/0/command", json!("kubectl patch accessrequest")),
        ] {
            assert_eq!(event.pointer(field), Some(&value), "{field} of {event:#}");
        }
    }
    #[test]
    fn j15_the_notice_of_an_end_has_the_ticket_and_b25_no_command_that_quotes_what_was_declared() {
        let mut grant = AccessGrant::clone(&grant(json!({"ticket": "SUP-4812", "groups": ["SECRET-group"],
            "data": [{"system": "s", "kind": "k", "records": ["SECRET"]}], "attachments": [{"url": "https://SECRET", "kind": "Log"}]})));
        grant.metadata.uid = Some("7f3a2c1b".into());
        let at = "2026-12-01T09:00:00Z";
        let status: AccessGrantStatus =
            serde_json::from_value(json!({"startedAt": at, "endedAt": at, "endedBy": "curfew",
            "endReason": "Expired", "usage": {"firstSeen": at, "lastSeen": at, "count": 1, "verbs": ["get SECRET"]},
            "owed": [{"duty": "CloseOut", "by": [{"kind": "User", "name": "alice"}], "due": at, "state": "Open",
                "consequence": "live access ends", "command": "kubectl patch … SECRET"}]}))
            .unwrap();
        let all = of_grant(&grant, &status, &[change("Active", "Expired")], now());
        assert!(!all[0].body.contains("SECRET"), "{}", all[0].body);
        let event = read(&all[0]);
        for (field, value) in [
            ("/type", "dev.curfew.AccessGrant.Active.Expired"),
            ("/data/ticket", "SUP-4812"),
            ("/data/user", "alice"),
            ("/data/policy", "customer-support"),
            ("/data/endReason", "Expired"),
            ("/data/endedBy", "curfew"),
            ("/data/owed/0/consequence", "live access ends"),
            ("/data/expiresAt", "2026-11-21T05:35:00Z"),
        ] {
            assert_eq!(event.pointer(field).and_then(Value::as_str), Some(value), "{field} of {event:#}");
        }
    }
    #[test]
    fn the_same_news_has_the_same_id_and_other_news_another() {
        let request = request();
        let status = request.status.clone().unwrap();
        let of = |reason: &str| of_request(&request, &status, &[change("Approved", reason)], now()).remove(0).id;
        assert_eq!(of("Waiting"), of("Waiting"));
        assert_ne!(of("Waiting"), of("StepsMet"));
        assert!(of_request(&request, &status, &[], now()).is_empty());
    }
}
