//! What an account did, by the API server's audit log, held against what it may do.
use super::roles::Right;
use curfew::cluster::connect::USER_AGENT;
use curfew_testbed::chart;
use curfew_testbed::connection::Connection;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// One request.
#[derive(Clone, Debug)]
pub struct Event {
    user: String,
    verb: String,
    group: String,
    resource: String,
    name: String,
    path: String,
    /// Which binding and which role allowed it, in the API server's words.
    reason: String,
    allowed: bool,
    forbidden: bool,
    code: u64,
}

/// What our program did as this account, in order.
///
/// Tests of admission forge as the same account, to see what the API server answers: those calls prove no need, and their
/// refusals no lack. They are told apart by the user agent, which the program sets and they do not.
pub fn of(connection: &Connection, account: &str) -> Vec<Event> {
    let user = chart::account(account);
    let lines = BufReader::new(File::open(connection.audit_log()).unwrap()).lines().map(Result::unwrap);
    // The file is long, and almost all of it is somebody else's.
    lines.filter(|line| line.contains(USER_AGENT) && line.contains(&user)).filter_map(|l| event(&l, &user)).collect()
}

fn event(line: &str, user: &str) -> Option<Event> {
    let event: Value = serde_json::from_str(line).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if event["user"]["username"] != user || event["userAgent"] != USER_AGENT {
        return None;
    }
    let (object, notes) = (&event["objectRef"], &event["annotations"]);
    let resource = [text(&object["resource"]), text(&object["subresource"])];
    Some(Event {
        user: user.to_owned(),
        verb: text(&event["verb"]),
        group: text(&object["apiGroup"]),
        resource: resource.join("/").trim_end_matches('/').to_owned(),
        name: text(&object["name"]),
        path: text(&event["requestURI"]),
        reason: text(&notes["authorization.k8s.io/reason"]),
        allowed: notes["authorization.k8s.io/decision"] == "allow",
        forbidden: notes["authorization.k8s.io/decision"] == "forbid",
        code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
    })
}

/// Each right that no request needed.
pub fn unused(granted: &[Right], log: &[Event]) -> Vec<String> {
    let needless = granted.iter().filter(|right| !log.iter().any(|event| needs(event, right)));
    needless.map(|right| format!("never used, so take it out of the chart or test what needs it: {right}")).collect()
}

fn needs(event: &Event, right: &Right) -> bool {
    // No request has this verb. The API server asks for it where a RoleBinding gives what its maker does not hold, as all
    // of the operator's do; which role it gave, the log does not say, so one binding speaks for all names.
    if right.verb == "bind" {
        return event.allowed && event.code == 201 && (&*event.verb, &*event.resource) == ("create", "rolebindings");
    }
    event.allowed
        && event.reason.contains(&format!("of {} to", right.role))
        && (&event.verb, &event.group, &event.resource) == (&right.verb, &right.group, &right.resource)
        && right.name.as_ref().is_none_or(|name| *name == event.name)
}

/// Each kind of request that RBAC refused. What admission refuses, RBAC has allowed; what a busy API server sends away (429),
/// RBAC was not asked about.
pub fn refused(log: &[Event]) -> Vec<String> {
    let mut said: Vec<_> = log.iter().filter(|event| event.forbidden).map(words).collect();
    said.sort_unstable();
    said.dedup_by(|one, other| one.split(" (").next() == other.split(" (").next());
    said
}
fn words(event: &Event) -> String {
    let Event { user, verb, group, resource, path, code, .. } = event;
    let dot = if group.is_empty() { "" } else { "." };
    format!("refused, so grant it in the chart: {user}: {verb} {resource}{dot}{group} ({code} {path})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::each;
    use k8s_openapi::api::rbac::v1::PolicyRule;
    use serde_json::json;

    const USER: &str = "system:serviceaccount:curfew:curfew";

    fn right(rule: Value) -> Vec<Right> {
        each("Role \"r\"", &serde_json::from_value::<PolicyRule>(rule).unwrap())
    }
    fn leases(verbs: &[&str]) -> Vec<Right> {
        right(json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs}))
    }
    fn line(changes: Value) -> String {
        let mut line = json!({"verb": "get", "user": {"username": USER}, "userAgent": USER_AGENT, "requestURI": "/x",
            "objectRef": {"apiGroup": "coordination.k8s.io", "resource": "leases", "name": "one"},
            "responseStatus": {"code": 200}, "annotations": {"authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": "RBAC: allowed by RoleBinding \"r/curfew\" of Role \"r\" to ServiceAccount \"curfew/curfew\""}});
        line.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        line.to_string()
    }
    fn log(changes: Value) -> Vec<Event> {
        event(&line(changes), USER).into_iter().collect()
    }
    fn forbidden() -> Value {
        json!({"annotations": {"authorization.k8s.io/decision": "forbid"}, "responseStatus": {"code": 403}})
    }

    #[test]
    fn a_right_is_used_by_a_request_of_the_program_that_this_role_allowed() {
        let used = |changes| unused(&leases(&["get"]), &log(changes)).is_empty();
        assert!(used(json!({})));
        assert!(!used(json!({"verb": "update"})));
        assert!(!used(json!({"objectRef": {"apiGroup": "", "resource": "leases"}})));
        assert!(!used(
            json!({"objectRef": {"apiGroup": "coordination.k8s.io", "resource": "leases", "subresource": "status"}})
        ));
        assert!(!used(json!({"user": {"username": "system:admin"}})));
        assert!(!used(json!({"userAgent": "tests"})), "a test that calls as the operator proves no need");
        let another = "RBAC: allowed by RoleBinding \"s/curfew\" of Role \"s\" to ServiceAccount \"curfew/curfew\"";
        let notes = json!({"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": another});
        assert!(!used(json!({"annotations": notes})), "another role allowed it too, so this one need not");
        assert!(!used(forbidden()));
    }

    #[test]
    fn each_verb_group_resource_and_name_is_a_right_of_its_own() {
        let all = right(json!({"apiGroups": ["", "apps"], "resources": ["a", "b/status"], "verbs": ["get", "list"]}));
        assert_eq!(all.len(), 8);
        let named = right(json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get"],
            "resourceNames": ["one", "two"]}));
        let said = unused(&named, &log(json!({})));
        assert_eq!(said.len(), 1);
        assert!(said[0].ends_with("Role \"r\": get leases.coordination.k8s.io named two"), "{said:?}");
    }

    #[test]
    fn bind_is_used_by_a_binding_that_was_made() {
        let bind = right(json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"],
            "resourceNames": ["curfew-logs"], "verbs": ["bind"]}));
        let made = |code: u16| {
            log(
                json!({"verb": "create", "objectRef": {"apiGroup": "rbac.authorization.k8s.io", "resource": "rolebindings"},
                "responseStatus": {"code": code}}),
            )
        };
        assert!(unused(&bind, &made(201)).is_empty());
        assert_eq!(unused(&bind, &made(403)).len(), 1);
    }

    #[test]
    fn what_rbac_refuses_is_named_once_and_what_admission_refuses_is_not() {
        let twice = [log(forbidden()), log(forbidden())].concat();
        let said = refused(&twice);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("get leases.coordination.k8s.io (403 /x)"), "{said:?}");
        assert!(refused(&log(json!({"responseStatus": {"code": 403}}))).is_empty());
        assert!(refused(&log(json!({"annotations": {}, "responseStatus": {"code": 429}}))).is_empty());
    }
}
