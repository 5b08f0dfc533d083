//! What a request says, as it is typed: in flags, from an earlier request, or in answers.
use clap::Args;
use curfew::api::evidence::{Attachment, AttachmentKind, BasisType, DataScope, LegalBasis};
use curfew::api::request::{AccessRequest, AccessRequestSpec, Renewal, Requester, Then};
use curfew::api::time::{Instant, Span};
use kube::core::ObjectMeta;
use serde::de::{DeserializeOwned, value::StrDeserializer};
use serde_json::{Value, json};

/// What a request says; what is left out is inferred, asked for, or left to the policy.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What the request says")]
pub struct Ask {
    /// The case [default: the only one that fits]
    #[arg(short, long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Which access of the policy [default: its first, the least]
    #[arg(short, long, value_name = "NAME")]
    pub access: Option<String>,
    /// The ticket, case or incident
    #[arg(short, long, value_name = "TICKET")]
    pub ticket: Option<String>,
    /// What is wrong and what is to be reached, in one sentence
    #[arg(short, long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// For how long, such as 30m [default: the policy's]
    #[arg(short = 'd', long = "for", value_name = "SPAN")]
    pub duration: Option<Span>,
    /// Planned work: when it begins by itself, such as 2026-12-01T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = read::<Instant>)]
    pub start: Option<Instant>,
    /// Never begins after this time
    #[arg(long, value_name = "TIME", value_parser = read::<Instant>)]
    pub deadline: Option<Instant>,
    /// Data that you need to see: `SYSTEM[,kind=K][,tenant=N][,records=A+B][,fields=A+B]`; may be given again
    #[arg(long, value_name = "DATA", value_parser = data)]
    pub data: Vec<DataScope>,
    /// Why the policy's safer methods do not give the answer
    #[arg(long, value_name = "TEXT")]
    pub why_not_safer: Option<String>,
    /// Why a lower level will not do
    #[arg(long, value_name = "TEXT")]
    pub why_not_lower: Option<String>,
    /// What you will do or look at, a step each
    #[arg(long, value_name = "STEP")]
    pub plan: Vec<String>,
    /// What makes it lawful to see the data, and where that is written: CustomerConsent=SUP-4812
    #[arg(long, value_name = "TYPE=REF", value_parser = basis)]
    pub legal_basis: Option<LegalBasis>,
    /// A link to proof: CaseReference, Log, Screenshot or Other=URL[#SHA256]; may be given again
    #[arg(long = "attach", value_name = "KIND=URL", value_parser = attachment)]
    pub attachments: Vec<Attachment>,
    /// A second access, agreed to along with the first and started with a finding: `ACCESS[:SPAN]`
    #[arg(long, value_name = "ACCESS", value_parser = then)]
    pub then: Option<Then>,
    /// What the request is called [default: by its ticket]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// As the API writes it.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(StrDeserializer::<serde::de::value::Error>::new(text)).map_err(|error| error.to_string())
}
fn data(text: &str) -> Result<DataScope, String> {
    let mut parts = text.split(',');
    let system = parts.next().unwrap_or_default().trim().to_owned();
    if system.is_empty() || system.contains('=') {
        return Err("begins with the name of a system: billing-db,tenant=4812,records=99017+99018".to_owned());
    }
    let mut scope = DataScope { system, kind: None, tenant: None, records: vec![], fields: vec![] };
    for part in parts {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is no KEY=VALUE"))?;
        let all = || value.split('+').map(str::to_owned).collect();
        match key.trim() {
            "kind" => scope.kind = Some(value.to_owned()),
            "tenant" => scope.tenant = Some(value.to_owned()),
            "records" => scope.records = all(),
            "fields" => scope.fields = all(),
            other => return Err(format!("there is no `{other}`: kind, tenant, records, fields")),
        }
    }
    Ok(scope)
}
/// `TYPE=REF`.
pub fn basis(text: &str) -> Result<LegalBasis, String> {
    let (type_, ref_) = text.split_once('=').ok_or("is TYPE=REF, such as CustomerConsent=SUP-4812")?;
    Ok(LegalBasis { type_: read::<BasisType>(type_)?, ref_: ref_.to_owned() })
}
fn attachment(text: &str) -> Result<Attachment, String> {
    let (kind, url) =
        text.split_once('=').ok_or("is KIND=URL, such as CaseReference=https://tracker.example.com/SUP-1")?;
    let (url, sha256) = match url.split_once('#') {
        Some((url, sha256)) => (url, Some(sha256.to_owned())),
        None => (url, None),
    };
    Ok(Attachment { url: url.to_owned(), sha256, kind: read::<AttachmentKind>(kind)? })
}
fn then(text: &str) -> Result<Then, String> {
    let (access, duration) = match text.split_once(':') {
        Some((access, span)) => (access, Some(span.parse()?)),
        None => (text, None),
    };
    Ok(Then { access: access.to_owned(), duration })
}

impl Ask {
    /// The same, with what is not said here as an earlier request said it; its times are over.
    pub fn or_as(self, before: &AccessRequestSpec) -> Self {
        fn some<T: Clone>(own: Vec<T>, before: &[T]) -> Vec<T> {
            if own.is_empty() { before.to_vec() } else { own }
        }
        Self {
            policy: self.policy.or_else(|| Some(before.policy.clone())),
            access: self.access.or_else(|| before.access.clone()),
            ticket: self.ticket.or_else(|| Some(before.ticket.clone())),
            reason: self.reason.or_else(|| Some(before.reason.clone())),
            duration: self.duration.or(before.duration),
            data: some(self.data, &before.data),
            why_not_safer: self.why_not_safer.or_else(|| before.why_not_safer.clone()),
            why_not_lower: self.why_not_lower.or_else(|| before.why_not_lower.clone()),
            plan: some(self.plan, &before.plan),
            legal_basis: self.legal_basis.or_else(|| before.legal_basis.clone()),
            attachments: some(self.attachments, &before.attachments),
            then: self.then.or_else(|| before.then.clone()),
            ..self
        }
    }
    /// The request as it would be filed; what is missing is empty.
    pub fn request(&self, namespace: &str, requester: &Requester, renewal: Option<Renewal>) -> AccessRequest {
        let Self { access, duration, start, deadline, data, why_not_safer, why_not_lower, plan, .. } = self.clone();
        let Self { legal_basis, attachments, then, .. } = self.clone();
        let spec = AccessRequestSpec {
            policy: self.policy.clone().unwrap_or_default(),
            reason: self.reason.clone().unwrap_or_default(),
            ticket: self.ticket.clone().unwrap_or_default(),
            start_time: start,
            start_deadline: deadline,
            requester: requester.clone(),
            filed_by: None,
            attestation: None,
            access,
            duration,
            data,
            why_not_safer,
            why_not_lower,
            plan,
            legal_basis,
            attachments,
            // An emergency is filed as a manifest.
            emergency: None,
            renewal,
            then,
        };
        let name = self.name.clone().unwrap_or_else(|| name_of(&spec.ticket));
        let metadata = ObjectMeta { name: Some(name), namespace: Some(namespace.to_owned()), ..ObjectMeta::default() };
        AccessRequest { metadata, spec, status: None }
    }
}

/// A name for an object, made of a ticket.
fn name_of(ticket: &str) -> String {
    let plain: String =
        ticket.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = plain.trim_matches('-').chars().take(50).collect::<String>();
    if name.is_empty() { "access".to_owned() } else { name.trim_end_matches('-').to_owned() }
}

/// What is sent, and what can be kept in Git: without the requester, whom the API server stamps.
pub fn manifest(request: &AccessRequest) -> Result<Value, serde_json::Error> {
    let mut spec = serde_json::to_value(&request.spec)?;
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("requester");
    }
    let ObjectMeta { name, namespace, .. } = &request.metadata;
    Ok(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_what_the_api_takes() {
        let scope = data("billing-db,kind=invoice,tenant=4812,records=99017+99018,fields=total").unwrap();
        let written = json!({"system": "billing-db", "kind": "invoice", "tenant": "4812", "records": ["99017", "99018"],
            "fields": ["total"]});
        assert_eq!(serde_json::to_value(scope).unwrap(), written);
        for (typed, says) in [("=x", "begins with"), ("db,total", "no KEY=VALUE"), ("db,row=1", "there is no `row`")] {
            assert!(data(typed).unwrap_err().contains(says), "{typed}");
        }
        assert_eq!(basis("LegalHold=LH-7").unwrap().ref_, "LH-7");
        assert!(basis("Curiosity=1").unwrap_err().contains("expected one of"));
        assert_eq!(attachment("Log=https://logs.example.com/1#ab").unwrap().sha256.as_deref(), Some("ab"));
        assert_eq!(then("restart:10m").unwrap().duration, Some(Span::from_secs(600)));
        for (ticket, name) in [("SUP-4812", "sup-4812"), ("INC 7/2", "inc-7-2"), ("***", "access")] {
            assert_eq!(name_of(ticket), name);
        }
    }
    #[test]
    fn b22_an_earlier_request_is_used_again_and_nobody_is_named_in_what_is_sent() {
        let who = Requester { username: "alice".into(), uid: None, groups: vec!["engineers".into()] };
        let first = Ask { ticket: Some("SUP-1".into()), reason: Some("Why totals changed.".into()), ..Ask::default() };
        let first = first.request("billing", &who, None);
        let again = Ask { ticket: Some("SUP-2".into()), ..Ask::default() }.or_as(&first.spec);
        let sent = manifest(&again.request("billing", &who, None)).unwrap();
        assert_eq!(sent["metadata"]["name"], "sup-2");
        assert_eq!(sent["spec"]["reason"], "Why totals changed.");
        assert!(sent["spec"].get("requester").is_none(), "{sent}");
    }
}
