//! What to paste to meet a duty: one line for a shell, with words in capitals to replace.
use crate::api::duty::{Duty, Needed, Obligation};
use crate::api::evidence::DataScope;
use crate::api::grant::AccessGrant;
use kube::ResourceExt;
use serde_json::{Map, Value, json};

/// How the words begin that are to be replaced: what still begins so is refused.
pub const PLACEHOLDER: &str = "SAY ";
/// The link that is to be replaced.
pub(super) const NO_URL: &str = "https://SAY-WHERE";
/// Stands for the caller while the JSON is put together; no such character is ever sent.
const ME: &str = "\u{1}";
/// How a shell inside single quotes fills in the caller.
const WHOAMI: &str = r#"'"$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"'"#;
/// The most characters of what is filled in.
const FILLED: usize = 300;

/// The command that meets a duty.
pub(super) fn to_meet(of: &Obligation, grant: &AccessGrant) -> String {
    let value = match of.duty {
        Duty::Note => json!({"note": {"by": ME, "text": "SAY WHAT YOU SEE AND DO"}}),
        Duty::CloseOut => json!({"closeout": closeout(of, grant)}),
        Duty::Review => json!({"review": {"by": ME, "realEmergency": "SAY WHETHER IT WAS ONE, AND HOW YOU KNOW",
            "smallestOption": "SAY WHETHER LESS WOULD HAVE DONE", "evidenceAdded": "SAY WHETHER THE EVIDENCE IS COMPLETE",
            "improvement": "SAY WHAT WOULD MAKE IT UNNECESSARY"}}),
    };
    let patch = json!({"status": {"duties": value}}).to_string().replace("\\u0001", WHOAMI);
    format!("kubectl patch accessgrant {} --subresource=status --type=merge -p '{patch}'", grant.name_any())
}

fn closeout(of: &Obligation, grant: &AccessGrant) -> Value {
    let mut fields = Map::new();
    fields.insert("by".into(), ME.into());
    fields.insert("summary".into(), "SAY WHAT YOU FOUND OR DID".into());
    fields.insert("workDone".into(), true.into());
    for needed in &of.needs {
        fields.insert(field(needed).into(), example(*needed, grant));
    }
    Value::Object(fields)
}

/// Under which field a close-out says it.
pub fn field(needed: &Needed) -> &'static str {
    match needed {
        Needed::Cause => "cause",
        Needed::FollowUps => "followUps",
        Needed::DataReviewed => "dataReviewed",
        Needed::Timeline => "timeline",
        Needed::Commands => "commands",
        Needed::Attachments => "attachments",
        Needed::WhyNotBroader => "whyNotBroader",
        Needed::WhyNotSafer => "whyNotSafer",
        Needed::LegalBasis => "legalBasis",
    }
}
fn example(needed: Needed, grant: &AccessGrant) -> Value {
    match needed {
        Needed::Cause => "SAY WHY IT WAS SO".into(),
        Needed::FollowUps => "none".into(),
        Needed::DataReviewed => reviewed(&grant.spec.data).into(),
        Needed::Timeline => json!(["SAY WHAT HAPPENED WHEN"]),
        Needed::Commands => ran(grant).into(),
        Needed::Attachments => json!([{"url": NO_URL, "kind": "Log"}]),
        Needed::WhyNotBroader => "SAY WHY MORE ACCESS WOULD HAVE BEEN A RISK".into(),
        Needed::WhyNotSafer => "SAY WHY SAFER METHODS DID NOT DO".into(),
        Needed::LegalBasis => json!({"type": "SecurityIncident", "ref": "SAY WHERE IT IS WRITTEN"}),
    }
}

/// What was declared, to be corrected where something else was looked at.
fn reviewed(data: &[DataScope]) -> String {
    let words = data_in_words(data);
    if words.len() <= FILLED && is_plain(&words) { words } else { "SAY WHICH DATA".to_owned() }
}
/// The data that was declared; empty: none was.
pub fn data_in_words(data: &[DataScope]) -> String {
    let one = |scope: &DataScope| {
        let parts = [Some(&scope.system), scope.kind.as_ref(), scope.tenant.as_ref()].into_iter().flatten();
        let named = [&scope.records, &scope.fields].into_iter().flatten();
        parts.chain(named).map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    data.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What audit events have shown, to be corrected and added to.
fn ran(grant: &AccessGrant) -> Vec<String> {
    let mut room = FILLED;
    let fits = |verb: &String| {
        room = room.saturating_sub(verb.len());
        room > 0
    };
    let seen: Vec<_> = seen(grant).into_iter().filter(|verb| is_plain(verb)).take_while(fits).collect();
    if seen.is_empty() { vec!["SAY WHAT YOU RAN".to_owned()] } else { seen }
}
/// What was done with an access, as audit events have shown it: `get pods/log`; empty where nobody watched.
pub fn seen(grant: &AccessGrant) -> Vec<String> {
    let usage = grant.status.as_ref().and_then(|status| status.usage.as_ref());
    usage.map_or_else(Vec::new, |usage| usage.verbs.clone())
}

/// Whether nothing in it may end the quotes of a shell.
fn is_plain(words: &str) -> bool {
    !words.is_empty() && words.chars().all(|c| c.is_ascii_alphanumeric() || " ._:/-,*".contains(c))
}
