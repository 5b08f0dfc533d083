//! An API server of a few canned answers.
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// How it is disposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It has a policy, a request and a record, with texts that would act on a terminal.
    Answers,
    /// It forbids everything.
    Refuses,
    /// It authenticates nobody.
    KnowsNobody,
    /// It never answers.
    IsSilent,
    /// What it says is no JSON.
    Babbles,
}

/// It lives as long as the process.
pub struct Server {
    /// How to reach it.
    pub kubeconfig: String,
    heard: Arc<Mutex<Vec<String>>>,
}
impl Server {
    /// Listens.
    pub fn start(mood: Mood) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(vec![]));
        let log = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = log.clone();
                std::thread::spawn(move || serve(stream, mood, &log));
            }
        });
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": url}}], "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "billing"}}]});
        let name = format!("kubeconfig-{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, config.to_string()).unwrap();
        Self { kubeconfig: path.to_str().unwrap().to_owned(), heard }
    }
    /// What it was asked since this was called last: method, path and query.
    pub fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

fn serve(stream: TcpStream, mood: Mood, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    if reader.read_line(&mut first).unwrap_or_default() == 0 {
        return;
    }
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or_default() == 0 || header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    drop(reader.read_exact(&mut body));
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    log.lock().unwrap().push(format!("{method} {target}"));
    let (code, said) = match mood {
        Mood::IsSilent => {
            // Until the other side has had enough.
            drop(reader.read_to_end(&mut vec![]));
            return;
        }
        Mood::Babbles => (200, "no JSON \u{1b}[2J".to_owned()),
        Mood::Refuses => (403, status(403, "Forbidden", "forbidden: you may not\u{1b}[2J").to_string()),
        Mood::KnowsNobody => (401, status(401, "Unauthorized", "Unauthorized").to_string()),
        Mood::Answers => match answer(target) {
            Some(object) => (200, object.to_string()),
            None => (404, status(404, "NotFound", "not found").to_string()),
        },
    };
    let head = format!(
        "HTTP/1.1 {code} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        said.len()
    );
    let mut stream = stream;
    drop(stream.write_all(format!("{head}{said}").as_bytes()));
}
fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message})
}

fn answer(target: &str) -> Option<Value> {
    let path = target.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let list = |items: Value| Some(json!({"metadata": {"resourceVersion": "1"}, "items": items}));
    Some(match parts.as_slice() {
        [.., "selfsubjectreviews"] => {
            json!({"metadata": {}, "status": {"userInfo": {"username": "alice", "groups": ["engineers"]}}})
        }
        [.., "accessrequests" | "accessgrants"] if target.contains("empty") => return list(json!([])),
        [.., "accesspolicies"] => return list(json!([policy("customer-support")])),
        [.., "accesspolicies", name] => policy(name),
        [.., "accessrequests"] => return list(json!([request("sup-4812")])),
        [.., "accessrequests", name] | [.., "accessrequests", name, "status"] => request(name),
        [.., "accessgrants"] => return list(json!([record("billing.sup-4812.2")])),
        [.., "accessgrants", name] | [.., "accessgrants", name, "status"] => record(name),
        [_, _, "namespaces"] => return list(json!([namespace("billing")])),
        [_, _, "namespaces", name] => namespace(name),
        [.., "rolebindings" | "clusterrolebindings" | "roles" | "clusterroles"] => return list(json!([])),
        _ => return None,
    })
}

/// What somebody wrote who means no good.
const NASTY: &str = "Check\u{1b}[2J why\u{202e} totals\u{7}\nchanged.";

fn namespace(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"curfew.dev/zone": "production"}}})
}
fn policy(name: &str) -> Value {
    json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy", "metadata": {"name": name, "uid": "1", "generation": 1},
        "spec": {
            "description": NASTY, "owner": {"kind": "Group", "name": "platform"},
            "namespaces": {"matchLabels": {"curfew.dev/zone": "production"}},
            "requesters": [{"kind": "Group", "name": "engineers"}],
            "access": [{"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}}],
            "duration": {"default": "30m", "max": "1h"},
            "evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": NASTY}, "require": []},
            "approval": {"steps": [{"name": "owner", "approvers": [{"kind": "Group", "name": "owners\u{1b}[2J"}]}]}},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Complete", "message": "",
            "observedGeneration": 1, "lastTransitionTime": "2026-11-21T05:00:00Z"}]}})
}
fn request(name: &str) -> Value {
    json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": name, "namespace": "billing", "uid": "2", "generation": 1, "creationTimestamp": "2026-11-21T05:00:00Z"},
        "spec": {"policy": "customer-support", "reason": NASTY, "ticket": "SUP-4812",
            "requester": {"username": "alice", "groups": ["engineers"]}},
        "status": {"state": "Bound", "access": "logs", "duration": "30m", "revision": "5f0c1d2e-1", "grant": "billing.sup-4812.2",
            "expiresAt": "2026-11-21T05:35:00Z"}})
}
/// Without an end: it still gives access, whatever the day is.
fn record(name: &str) -> Value {
    json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": name, "uid": "3", "creationTimestamp": "2026-11-21T05:00:00Z"},
        "spec": {
            "request": {"namespace": "billing", "name": "sup-4812", "uid": "2", "generation": 1},
            "policy": {"name": "customer-support", "uid": "1", "generation": 1, "description": NASTY, "retentionDays": 400},
            "outcome": "Approved", "user": "alice", "groups": ["engineers"], "entitledBy": {"kind": "Group", "name": "engineers"},
            "namespace": "billing", "access": "logs", "level": "ReadOnly",
            "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [], "rulesSha256": "",
            "ticket": "SUP-4812", "reason": NASTY, "askedFor": "30m", "approvedBy": "bob\u{1b}[2J",
            "notBefore": "2026-11-21T05:00:00Z", "expiresAt": "2026-11-21T05:35:00Z"}})
}
