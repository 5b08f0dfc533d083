use super::*;
use chrono::{DateTime, Utc};
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policies/small-team.yaml");

/// An API server that has these requests and no records, one object a page; with what it was asked.
fn server(requests: Vec<Value>) -> (Cluster, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(vec![]));
    let log = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        log.lock().unwrap().push(format!("{method} {uri}"));
        assert_eq!(method, Method::GET);
        let all = if uri.path().ends_with("/accessrequests") { requests.clone() } else { vec![] };
        let query = uri.query().unwrap_or_default();
        let from = query.split('&').find_map(|part| part.strip_prefix("continue=")?.parse().ok()).unwrap_or(0);
        let next = if from + 1 < all.len() { (from + 1).to_string() } else { String::new() };
        let list = json!({"metadata": {"continue": next}, "items": all.get(from..(from + 1).min(all.len()))});
        async move { Ok::<_, std::convert::Infallible>(Response::new(Body::from(list.to_string().into_bytes()))) }
    });
    (Cluster::new(Client::new(service, "default")), asked)
}
fn installation() -> Installation {
    crate::decide::screening::tests::installation()
}
fn order(file: &Path, json: bool) -> Order {
    let (policy, since, namespaces) = (None, None, vec![]);
    Order { file: file.to_owned(), policy, since, namespaces, json, installation: installation() }
}
async fn printed(cluster: &Cluster, order: &Order) -> Result<String, Failure> {
    let clock = Clock::from(|| "2026-12-02T09:00:00Z".parse::<DateTime<Utc>>().unwrap());
    let mut out = vec![];
    replay(cluster, &clock, order, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}
fn refused() -> Value {
    json!({"metadata": {"name": "sup-1", "namespace": "billing", "uid": "7f3a2c1b-0000", "generation": 1, "creationTimestamp": "2026-12-01T09:00:00Z"},
        "spec": {"policy": "small-team", "reason": "Check why invoice totals changed.", "ticket": "OPS-1",
            "requester": {"username": "alice", "groups": ["support"]}},
        "status": {"checks": [{"name": "RealTask", "passed": false, "code": "TicketInvalid", "message": "no"}],
            "conditions": [{"type": "Screened", "status": "False", "reason": "Refused", "message": "", "lastTransitionTime": "2026-12-01T09:00:00Z"}]}})
}

#[tokio::test]
async fn it_lists_what_is_kept_of_the_policy_and_asks_for_nothing_else() {
    let (cluster, asked) =
        server(vec![refused(), json!({"metadata": {"name": "odd", "namespace": "billing"}, "spec": 7})]);
    let table = printed(&cluster, &order(Path::new(FILE), false)).await.unwrap();
    assert!(table.starts_with("1 request of policy small-team: 1 the same"), "{table}");
    assert!(table.contains("1 objects could not be understood"), "{table}");
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3, "two pages and one: {asked:?}");
    for call in &asked {
        let of_requests = call.contains("/apis/curfew.dev/v1alpha1/accessrequests?")
            && call.contains("fieldSelector=spec.policy%3Dsmall-team");
        assert!(call.starts_with("GET /apis/curfew.dev/v1alpha1/accessgrants?") || of_requests, "{call}");
    }
    let answer: Value = serde_json::from_str(&printed(&cluster, &order(Path::new(FILE), true)).await.unwrap()).unwrap();
    assert_eq!(
        (&answer["summary"]["requests"], &answer["unreadable"], &answer["policy"]),
        (&json!(1), &json!(1), &json!("small-team"))
    );
    assert_eq!(answer["requests"][0]["then"], json!({"verdict": "Refused", "codes": ["TicketInvalid"]}));
}
#[tokio::test]
async fn a_text_that_cannot_be_used_is_named_with_its_file_before_anything_is_read() {
    let (cluster, asked) = server(vec![]);
    let text = std::fs::read_to_string(FILE).unwrap();
    assert!(usable("policy.yaml", &text, &installation()).is_ok());
    for (changed, says) in [
        (text.replacen("spec:", "spec:\n  durations: {}", 1), "spec.durations: there is no such field"),
        (text.replacen("pattern: ^(SUP", "pattern: ^((SUP", 1), "nothing could be granted under it: NoEvidence"),
    ] {
        assert_ne!(changed, text);
        let said = usable("policy.yaml", &changed, &installation()).unwrap_err().to_string();
        assert!(said.starts_with("policy.yaml: ") && said.contains(says), "{said}");
    }
    let said = printed(&cluster, &order(Path::new("/nowhere/policy.yaml"), false)).await.unwrap_err().to_string();
    assert!(said.contains("/nowhere/policy.yaml: No such file"), "{said}");
    assert!(asked.lock().unwrap().is_empty());
}
