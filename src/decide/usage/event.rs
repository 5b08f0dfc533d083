//! One audit event (`audit.k8s.io/v1`), as far as it is read.
use crate::decide::text;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Most characters of a verb with its resource.
const WHAT: usize = 128;

/// One event. What it lacks is empty: an API server leaves out what is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// The same for all events of one request.
    #[serde(rename = "auditID")]
    pub id: String,
    /// `get`, `list`, `create`, …
    pub verb: String,
    /// Path and query.
    #[serde(rename = "requestURI")]
    pub uri: String,
    user: User,
    impersonated_user: Option<User>,
    object_ref: Object,
    response_status: Answer,
    /// When the API server received the request; `None` where it does not say.
    #[serde(rename = "requestReceivedTimestamp", deserialize_with = "time")]
    pub at: Option<DateTime<Utc>>,
    annotations: BTreeMap<String, String>,
}
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    resource: String,
    namespace: Option<String>,
    api_group: String,
    subresource: String,
}
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    code: u16,
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let written = Option::<String>::deserialize(deserializer)?;
    Ok(written.and_then(|at| DateTime::parse_from_rfc3339(&at).ok()).map(|at| at.to_utc()))
}

/// What the API server's RBAC said of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// A RoleBinding allowed it.
    AllowedBy {
        /// Where it is.
        namespace: &'a str,
        /// Its name.
        binding: &'a str,
    },
    /// Nothing allowed it.
    Refused,
    /// Something else allowed it, or it was not judged yet.
    Other,
}

impl Event {
    /// Reads one event; `None` if it is none.
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(line).ok().filter(|event| !event.id.is_empty() && !event.verb.is_empty())
    }
    /// Who asked: the person as whom somebody acted, where somebody did.
    pub fn user(&self) -> &str {
        &self.impersonated_user.as_ref().unwrap_or(&self.user).username
    }
    /// Where.
    pub fn namespace(&self) -> Option<&String> {
        self.object_ref.namespace.as_ref()
    }
    /// Group, resource and subresource.
    pub fn resource(&self) -> (&str, &str, &str) {
        let Object { api_group, resource, subresource, .. } = &self.object_ref;
        (api_group, resource, subresource)
    }
    /// `get pods/log`, `list deployments.apps`: the verb with its resource, in one line.
    pub fn what(&self) -> String {
        let (group, resource, subresource) = self.resource();
        let slash = if subresource.is_empty() { "" } else { "/" };
        let dot = if group.is_empty() { "" } else { "." };
        let plain = |c: char| c.is_ascii_alphanumeric() || " ./-:*".contains(c);
        let words = format!("{} {resource}{dot}{group}{slash}{subresource}", self.verb);
        text::line(&words.chars().filter(|c| plain(*c)).collect::<String>(), WHAT)
    }
    /// Whether it was allowed and succeeded.
    pub fn is_done(&self) -> bool {
        self.note("decision") == Some("allow") && self.response_status.code < 400
    }
    /// Why it was allowed, in the API server's words; empty where it does not say.
    pub fn reason(&self) -> &str {
        self.note("reason").unwrap_or_default()
    }
    fn note(&self, name: &str) -> Option<&str> {
        self.annotations.get(&format!("authorization.k8s.io/{name}")).map(String::as_str)
    }
    /// What RBAC said, by the annotations `authorization.k8s.io/decision` and `/reason`.
    pub fn verdict(&self) -> Verdict<'_> {
        match self.note("decision") {
            Some("allow") => self.note("reason").and_then(binding).unwrap_or(Verdict::Other),
            Some("forbid") if self.response_status.code == 403 => Verdict::Refused,
            _ => Verdict::Other,
        }
    }
}

/// `RBAC: allowed by RoleBinding "NAME/NAMESPACE" of …`.
fn binding(reason: &str) -> Option<Verdict<'_>> {
    let rest = reason.strip_prefix("RBAC: allowed by RoleBinding \"")?;
    let (binding, namespace) = rest.split_once('"')?.0.split_once('/')?;
    Some(Verdict::AllowedBy { namespace, binding })
}
