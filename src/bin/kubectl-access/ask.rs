//! What a request says, as it is typed: in flags, from an earlier request, or in answers.
use clap::{ArgAction, Args};
use curfew::api::duty::{Change, ChangeKind};
use curfew::api::evidence::{Attachment, AttachmentKind, BasisType, DataScope, LegalBasis};
use curfew::api::request::{AccessRequest, AccessRequestSpec, Crisis, Harm, Renewal, Requester, Then};
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
    /// Ask for the lane for emergencies; leave it out for all that can wait [default: as before with --from and renew, else false]
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub emergency: Option<bool>,
    /// What is at stake in an emergency: CustomerHarm, DataExposure, BusinessOutage or RecoveryDelay
    #[arg(long, value_name = "HARM", requires = "emergency", value_parser = harm)]
    pub harm: Option<Harm>,
    /// What customers or the business suffer, in one sentence
    #[arg(long, value_name = "TEXT", requires = "emergency")]
    pub impact: Option<String>,
    /// Why you have to go on alone if nobody answers, where the policy lets you; it is told to those asked, and reviewed the same day
    #[arg(long, value_name = "TEXT", requires = "emergency")]
    pub why_self: Option<String>,
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
/// What is at stake.
pub fn harm(text: &str) -> Result<Harm, String> {
    read(text)
}
/// `TYPE=REF`.
pub fn basis(text: &str) -> Result<LegalBasis, String> {
    let (type_, ref_) = text.split_once('=').ok_or("is TYPE=REF, such as CustomerConsent=SUP-4812")?;
    Ok(LegalBasis { type_: read::<BasisType>(type_)?, ref_: ref_.to_owned() })
}
/// `KIND=URL[#SHA256]`.
pub fn attachment(text: &str) -> Result<Attachment, String> {
    let (kind, url) =
        text.split_once('=').ok_or("is KIND=URL, such as CaseReference=https://tracker.example.com/SUP-1")?;
    let (url, sha256) = match url.split_once('#') {
        Some((url, sha256)) => (url, Some(sha256.to_owned())),
        None => (url, None),
    };
    Ok(Attachment { url: url.to_owned(), sha256, kind: read::<AttachmentKind>(kind)? })
}
/// `KIND=WHAT`.
pub fn change(text: &str) -> Result<Change, String> {
    let (kind, what) = text.split_once('=').ok_or("is KIND=WHAT, such as Config=export.rounding from line to total")?;
    let what = what.trim().to_owned();
    if what.is_empty() {
        return Err("says nothing after `=`".to_owned());
    }
    Ok(Change { kind: read::<ChangeKind>(kind.trim())?, what })
}
fn then(text: &str) -> Result<Then, String> {
    let (access, duration) = match text.split_once(':') {
        Some((access, span)) => (access, Some(span.parse()?)),
        None => (text, None),
    };
    Ok(Then { access: access.to_owned(), duration })
}

impl Ask {
    /// Whether it asks for the lane for emergencies.
    pub fn is_emergency(&self) -> bool {
        self.emergency == Some(true)
    }
    /// What makes it an emergency; what is not said yet is empty, or the first of the list.
    pub fn crisis(&self) -> Option<Crisis> {
        let harm = self.harm.unwrap_or(Harm::CustomerHarm);
        let (impact, why_self) = (self.impact.clone().unwrap_or_default(), self.why_self.clone());
        self.is_emergency().then_some(Crisis { harm, impact, why_self })
    }
    /// What of an emergency has no place in it, or is missing.
    pub fn crisis_fault(&self) -> Option<&'static str> {
        let says = (self.harm.is_some(), self.impact.is_some());
        match (self.is_emergency(), says) {
            (false, (false, false)) if self.why_self.is_none() => None,
            (true, (true, true)) => None,
            (false, _) => {
                Some("--harm, --impact and --why-self are said of an emergency: add --emergency, or leave them out")
            }
            (true, (false, _)) => Some("an emergency says what is at stake: --harm is missing"),
            (true, (true, false)) => {
                Some("an emergency says what customers or the business suffer: --impact is missing")
            }
        }
    }
    /// The same in the lane of an earlier request, unless it is said here.
    pub fn in_lane_of(self, before: &AccessRequestSpec) -> Self {
        let emergency = self.emergency.or(before.emergency.as_ref().map(|_| true));
        let said = before.emergency.as_ref().filter(|_| emergency == Some(true));
        let harm = self.harm.or(said.map(|of| of.harm));
        let impact = self.impact.or(said.map(|of| of.impact.clone()));
        let why_self = self.why_self.or(said.and_then(|of| of.why_self.clone()));
        Self { emergency, harm, impact, why_self, ..self }
    }

    /// The same, with what is not said here as an earlier request said it; its times are over, and its lane is asked for anew.
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
            emergency: self.crisis(),
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
        assert!(sent["spec"].get("emergency").is_none(), "routine is the default: {sent}");
        assert!(sent["spec"].get("requester").is_none(), "{sent}");
    }
    #[test]
    fn a13_an_emergency_is_asked_for_by_name_and_says_what_is_at_stake() {
        let who = Requester { username: "alice".into(), uid: None, groups: vec![] };
        let ask = |emergency, harm, impact: Option<&str>| Ask {
            emergency,
            harm,
            impact: impact.map(str::to_owned),
            ..Ask::default()
        };
        let (harm, impact) = (Some(Harm::BusinessOutage), Some("No customer can pay since 02:40."));
        let whole = ask(Some(true), harm, impact);
        let spec = whole.request("billing", &who, None).spec;
        assert_eq!(
            json!(spec.emergency),
            json!({"harm": "BusinessOutage", "impact": "No customer can pay since 02:40."})
        );
        for (of, fault) in [
            (ask(None, None, None), None),
            (whole.clone(), None),
            (ask(Some(true), None, impact), Some("--harm is missing")),
            (ask(Some(true), harm, None), Some("--impact is missing")),
            (ask(Some(false), harm, None), Some("add --emergency, or leave them out")),
            (
                Ask { why_self: Some("Everybody else is asleep.".into()), ..ask(None, None, None) },
                Some("add --emergency, or leave them out"),
            ),
        ] {
            let found = of.crisis_fault();
            assert!(
                found.is_none() == fault.is_none() && found.unwrap_or_default().contains(fault.unwrap_or_default()),
                "{found:?}"
            );
        }
        let other = Ask::default().or_as(&spec);
        assert_eq!(
            other.request("billing", &who, None).spec.emergency,
            None,
            "another ticket is no emergency by itself"
        );
        let same = Ask::default().or_as(&spec).in_lane_of(&spec);
        assert_eq!(same.request("billing", &who, None).spec.emergency, spec.emergency);
        let alone = Ask { why_self: Some("Nobody on call answers.".into()), ..whole.clone() };
        let alone = alone.request("billing", &who, None).spec;
        assert_eq!(json!(alone.emergency)["whySelf"], "Nobody on call answers.", "H11");
        let again = Ask::default().or_as(&alone).in_lane_of(&alone);
        assert_eq!(again.request("billing", &who, None).spec.emergency, alone.emergency);
        let routine = ask(Some(false), None, None).or_as(&spec).in_lane_of(&spec);
        assert_eq!((routine.crisis(), routine.crisis_fault()), (None, None));
    }
}
