//! A policy as people write it, YAML or JSON, and a request before it is filed, read strictly: what the schema does not know is a fault, with its line.
use crate::api::crds;
use crate::api::duty::{Duties, Within};
use crate::api::grant::AccessGrant;
use crate::api::policy::AccessPolicy;
use crate::api::request::AccessRequest;
use crate::api::time::Span;
use crate::decide::text;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};
use serde_saphyr::Spanned;

/// How many faults are told at once.
const MOST: usize = 12;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1; 0: nobody knows.
    pub line: u64,
    /// Which field, from the root on.
    pub field: String,
    /// What is wrong, and what is allowed.
    pub words: String,
}
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, field, words } = self;
        match (line, field.as_str()) {
            (0, "") => write!(f, "{words}"),
            (0, field) => write!(f, "{field}: {words}"),
            (line, "") => write!(f, "line {line}: {words}"),
            (line, field) => write!(f, "line {line}: {field}: {words}"),
        }
    }
}

/// One document of a text: an object of some kind.
#[derive(Clone, Debug)]
pub struct Document {
    node: Spanned<Node>,
}
impl Document {
    /// Where it begins, from 1.
    pub fn line(&self) -> u64 {
        self.node.referenced.line()
    }
    /// Which kind of object it says it is; empty: none.
    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }
    /// What it is called; empty: it does not say.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }
    fn text(&self, path: &[&str]) -> &str {
        let found = path.iter().try_fold(&self.node, |node, name| node.value.field(name));
        match found.map(|node| &node.value) {
            Some(Node::Scalar(Value::String(text))) => text,
            _ => "",
        }
    }
    /// Where a field is, as faults and findings name it: `spec.approval.steps[NAME].when`, or with a number from 0. Of what
    /// is not there, where it would be.
    pub fn line_of(&self, field: &str) -> u64 {
        let mut node = &self.node;
        for part in field.split(['.', '[']).map(|part| part.trim_end_matches(']')) {
            let Some(next) = node.value.field(part).or_else(|| node.value.item(part)) else { break };
            node = next;
        }
        node.referenced.line()
    }
    /// The policy that it is, read strictly.
    ///
    /// # Errors
    /// All that is wrong with it, as far as the schema says. What the API server judges by CEL it judges alone.
    pub fn policy(&self) -> Result<AccessPolicy, Vec<Fault>> {
        let mut faults = vec![];
        examine(&schema::<AccessPolicy>(), &self.node, "", &mut faults);
        if !faults.is_empty() {
            faults.truncate(MOST);
            return Err(faults);
        }
        self.read().map_err(|words| vec![Fault { line: self.line(), field: String::new(), words }])
    }
    /// The object of Kubernetes' own that it is.
    ///
    /// # Errors
    /// In words, when it is none.
    pub fn read<K: DeserializeOwned>(&self) -> Result<K, String> {
        serde_json::from_value(self.node.value.clone().plain()).map_err(|error| text::line(&error.to_string(), 400))
    }
}

/// Takes a text apart, YAML or JSON; documents without content are none.
///
/// # Errors
/// When it is neither, with the line.
pub fn documents(text: &str) -> Result<Vec<Document>, Fault> {
    let documents: Vec<Spanned<Node>> = serde_saphyr::from_multiple(text).map_err(|error| {
        let line = error.location().map_or(0, |at| at.line());
        Fault { line, field: String::new(), words: text::line(&error.to_string(), 400) }
    })?;
    let documents = documents.into_iter().filter(|document| document.value != Node::Scalar(Value::Null));
    Ok(documents.map(|node| Document { node }).collect())
}

/// Reads one policy.
///
/// # Errors
/// All that is wrong with it, as far as the schema says. What the API server judges by CEL it judges alone.
pub fn policy(text: &str) -> Result<AccessPolicy, Vec<Fault>> {
    let mut documents = documents(text).map_err(|fault| vec![fault])?.into_iter();
    let Some(document) = documents.next() else {
        let words = "is empty: one AccessPolicy is expected".to_owned();
        return Err(vec![Fault { line: 0, field: String::new(), words }]);
    };
    if let Some(second) = documents.next() {
        let words = "a second document: one policy is replayed at a time, so keep it in a file of its own".into();
        return Err(vec![Fault { line: second.line(), field: String::new(), words }]);
    }
    document.policy()
}

/// What the schema does not allow of a request that is not filed yet. What the API server judges by CEL it judges alone.
pub fn request(draft: &AccessRequest) -> Vec<Fault> {
    unlike(&schema::<AccessRequest>(), draft)
}

/// The same of what somebody is to write in `status.duties` of a record, whose fields are named from there on.
pub fn duties(written: &Duties) -> Vec<Fault> {
    unlike(&as_served::<AccessGrant>()["properties"]["status"]["properties"]["duties"], written)
}

/// What of a value that nobody has written as a text a schema does not allow.
fn unlike(schema: &Value, value: &impl serde::Serialize) -> Vec<Fault> {
    let mut faults = vec![];
    // JSON is YAML, and what can be written as it can be read again.
    if let Ok(text) = serde_json::to_string(value)
        && let Ok(node) = serde_saphyr::from_str::<Spanned<Node>>(&text)
    {
        examine(schema, &node, "", &mut faults);
        // There is one line, and nobody has written it.
        faults.iter_mut().for_each(|fault| fault.line = 0);
    }
    faults
}

/// The schema of the whole object; what the API server alone writes is taken as it is.
fn schema<K: kube::Resource<DynamicType = ()>>() -> Value {
    let mut schema = as_served::<K>();
    schema["properties"]["apiVersion"] = json!({"type": "string", "enum": [K::api_version(&())]});
    schema["properties"]["kind"] = json!({"type": "string", "enum": [K::kind(&())]});
    let name = json!({"type": "string", "minLength": 1, "maxLength": 63});
    schema["properties"]["metadata"] = json!({"type": "object", "required": ["name"], "properties": {"name": name},
        "additionalProperties": {}});
    schema["properties"]["status"] = json!({});
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    schema
}

fn as_served<K: kube::Resource<DynamicType = ()>>() -> Value {
    let crd = crds().into_iter().find(|crd| crd.spec.names.kind == K::kind(&()));
    let of = crd.and_then(|mut crd| crd.spec.versions.pop()).and_then(|version| version.schema);
    json!(of.and_then(|validation| validation.open_api_v3_schema))
}

/// A value with the lines of all that is in it.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
    List(Vec<Spanned<Node>>),
    Scalar(Value),
}
impl Node {
    fn plain(self) -> Value {
        match self {
            Self::Map(entries) => entries.into_iter().map(|(key, value)| (key.value, value.value.plain())).collect(),
            Self::List(items) => items.into_iter().map(|item| item.value.plain()).collect(),
            Self::Scalar(value) => value,
        }
    }
    fn field(&self, name: &str) -> Option<&Spanned<Self>> {
        match self {
            Self::Map(entries) => entries.iter().find(|(key, _)| key.value == name).map(|(_, value)| value),
            _ => None,
        }
    }
    /// The item of a list that is called so, or has this number.
    fn item(&self, which: &str) -> Option<&Spanned<Self>> {
        let Self::List(items) = self else { return None };
        let is_called = |item: &&Spanned<Self>| match item.value.field("name").map(|name| &name.value) {
            Some(Self::Scalar(Value::String(name))) => name == which,
            _ => false,
        };
        items.iter().find(is_called).or_else(|| items.get(which.parse::<usize>().ok()?))
    }
    fn kind(&self) -> &'static str {
        match self {
            Self::Map(_) => "an object",
            Self::List(_) => "a list",
            Self::Scalar(Value::String(_)) => "a text",
            Self::Scalar(Value::Bool(_)) => "true or false",
            Self::Scalar(Value::Number(_)) => "a number",
            Self::Scalar(_) => "nothing",
        }
    }
}
impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}
struct AnyNode;
impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = vec![];
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = vec![];
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }
    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }
    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }
}

/// What of a value the schema does not allow.
fn examine(schema: &Value, node: &Spanned<Node>, field: &str, faults: &mut Vec<Fault>) {
    let wrong = |words: String| Fault { line: node.referenced.line(), field: field.to_owned(), words };
    match (schema["type"].as_str(), &node.value) {
        (None, _) => {}
        (Some("object"), Node::Map(entries)) => fields(schema, node, entries, field, faults),
        (Some("array"), Node::List(items)) => {
            faults.extend(bound(schema, ["minItems", "maxItems"], items.len() as f64, "entries").map(wrong));
            for (item, at) in items.iter().zip(0..) {
                examine(&schema["items"], item, &format!("{field}[{at}]"), faults);
            }
        }
        (Some("string"), Node::Scalar(Value::String(text))) => faults.extend(text_fault(schema, text).map(wrong)),
        (Some("boolean"), Node::Scalar(Value::Bool(_))) => {}
        (Some("integer"), Node::Scalar(Value::Number(number))) if number.is_i64() => {
            let number = number.as_f64().unwrap_or_default();
            faults.extend(bound(schema, ["minimum", "maximum"], number, "").map(wrong));
        }
        (Some(wanted), other) => {
            let wanted = match wanted {
                "object" => "an object",
                "array" => "a list",
                "string" => "a text (in quotes, if it looks like something else)",
                "boolean" => "true or false",
                _ => "a whole number",
            };
            faults.push(wrong(format!("must be {wanted}, not {}", other.kind())));
        }
    }
}

fn fields(
    schema: &Value,
    node: &Spanned<Node>,
    entries: &[(Spanned<String>, Spanned<Node>)],
    field: &str,
    faults: &mut Vec<Fault>,
) {
    let below = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    let none = serde_json::Map::new();
    let known = schema["properties"].as_object().unwrap_or(&none);
    for (key, value) in entries {
        match (known.get(&key.value), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema)) => examine(schema, value, &below(&key.value), faults),
            (None, None) => {
                let names = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let words = format!("there is no such field; there are {names}");
                faults.push(Fault { line: key.referenced.line(), field: below(&key.value), words });
            }
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = required.filter(|name| !entries.iter().any(|(key, _)| key.value == *name));
    let line = node.referenced.line();
    faults.extend(missing.map(|name| Fault { line, field: below(name), words: "is required".into() }));
}

fn bound(schema: &Value, [least, most]: [&str; 2], found: f64, of: &str) -> Option<String> {
    let of = if of.is_empty() { String::new() } else { format!(" {of}") };
    match (schema[least].as_f64(), schema[most].as_f64()) {
        (Some(least), _) if found < least => Some(format!("must be at least {least}{of}, not {found}")),
        (_, Some(most)) if found > most => Some(format!("must be at most {most}{of}, not {found}")),
        _ => None,
    }
}

fn text_fault(schema: &Value, text: &str) -> Option<String> {
    let all: Vec<_> = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !all.is_empty() && !all.contains(&text) {
        return Some(format!("must be one of {}, not `{}`", all.join(", "), text::line(text, 60)));
    }
    if let Some(words) = bound(schema, ["minLength", "maxLength"], text.chars().count() as f64, "characters") {
        return Some(words);
    }
    let pattern = schema["pattern"].as_str().and_then(|pattern| regex::Regex::new(pattern).ok());
    if let Some(pattern) = pattern.filter(|pattern| !pattern.is_match(text)) {
        return Some(format!("`{}` does not match {pattern}", text::line(text, 60)));
    }
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    let span = rules.filter_map(|rule| rule["rule"].as_str()).find(|rule| rule.contains("duration(self)"))?;
    if span.contains("'SameDay'") { text.parse::<Within>().err() } else { text.parse::<Span>().err() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"# The case.
apiVersion: curfew.dev/v1alpha1
kind: AccessPolicy
metadata: {name: customer-support, labels: {team: billing}}
spec:
  description: One account, after a real report from a customer.
  owner: {kind: Group, name: platform}
  namespaces: {matchLabels: {curfew.dev/zone: production}}
  requesters: [{kind: Group, name: engineers}]
  access:
  - {name: logs, level: ReadOnly, roleRef: {kind: ClusterRole, name: curfew-logs}}
  duration: {default: 30m, max: 1h}
  evidence:
    ticket: {pattern: "^SUP-[0-9]+$", message: A support case.}
    maxRecords: 5
  approval:
    steps:
    - name: service-owner
      approvers: [{kind: Group, name: billing-owners}]
"#;
    fn faults(text: &str) -> Vec<String> {
        policy(text).err().into_iter().flatten().map(|fault| fault.to_string()).collect()
    }

    #[test]
    fn a_policy_is_read_from_yaml_and_from_json() {
        let yaml = policy(GOOD).unwrap();
        let json = serde_json::to_string_pretty(&yaml).unwrap();
        assert_eq!(policy(&json).unwrap(), yaml);
        assert_eq!(policy(&format!("---\n{GOOD}---\n")).unwrap(), yaml, "an empty document is none");
        let printed =
            GOOD.replace("labels:", "uid: 1-2, generation: 3, creationTimestamp: \"2026-12-01T09:00:00Z\", labels:");
        let printed = policy(&format!("{printed}status: {{activeGrants: 1, conditions: []}}\n")).unwrap();
        assert_eq!(printed.spec, yaml.spec, "what kubectl prints");
    }
    #[test]
    fn several_documents_are_taken_apart_and_each_field_has_its_line() {
        let second = "apiVersion: v1\nkind: Namespace\nmetadata: {name: billing}\n";
        let all = documents(&format!("{GOOD}---\n---\n{second}")).unwrap();
        let heads: Vec<_> = all.iter().map(|of| (of.line(), of.kind(), of.name())).collect();
        assert_eq!(heads, [(2, "AccessPolicy", "customer-support"), (22, "Namespace", "billing")]);
        assert!(all[0].policy().is_ok());
        let said = all[1].policy().unwrap_err().first().map(ToString::to_string).unwrap();
        assert!(said.contains("must be one of curfew.dev/v1alpha1"), "{said}");
        for (field, line) in [
            ("spec.approval.steps[service-owner].approvers", 19),
            ("spec.approval.steps[0].name", 18),
            ("spec.approval.steps[service-owner].when", 18),
            ("spec.evidence.ticket.pattern", 14),
            ("spec.nothing", 6),
            ("approvers", 2),
        ] {
            assert_eq!(all[0].line_of(field), line, "{field}");
        }
        assert!(documents("a: [\n").unwrap_err().line > 0, "what is no YAML has a line too");
        assert!(documents("---\n---\n").unwrap().is_empty());
    }
    #[test]
    fn what_is_wrong_is_told_with_line_field_and_what_is_allowed() {
        for (sentence, from, to, says) in [
            (
                "an unknown field",
                "  duration:",
                "  durations: 1\n  duration:",
                "line 12: spec.durations: there is no such field; there are access, approval, calendar",
            ),
            (
                "an unknown field below",
                "max: 1h}",
                "max: 1h, sameday: true}",
                "line 12: spec.duration.sameday: there is no such field; there are default, max, sameDay",
            ),
            (
                "a level that is none",
                "ReadOnly",
                "Readonly",
                "line 11: spec.access[0].level: must be one of ReadOnly, LimitedWrite, Write, Admin, not `Readonly`",
            ),
            ("no duration", "30m", "30 minutes", "line 12: spec.duration.default: `30 minutes` is not a duration"),
            (
                "too short",
                "One account, after a real report from a customer.",
                "Support.",
                "line 6: spec.description: must be at least 20 characters, not 8",
            ),
            (
                "too many",
                "maxRecords: 5",
                "maxRecords: 401",
                "line 15: spec.evidence.maxRecords: must be at most 400, not 401",
            ),
            (
                "no number",
                "maxRecords: 5",
                "maxRecords: many",
                "line 15: spec.evidence.maxRecords: must be a whole number, not a text",
            ),
            (
                "no list",
                "[{kind: Group, name: engineers}]",
                "engineers",
                "line 9: spec.requesters: must be a list, not a text",
            ),
            (
                "an empty list",
                "[{kind: Group, name: engineers}]",
                "[]",
                "line 9: spec.requesters: must be at least 1 entries, not 0",
            ),
            ("what must be said", "  owner: {kind: Group, name: platform}\n", "", "spec.owner: is required"),
            (
                "a name of a step",
                "service-owner",
                "Service Owner",
                "line 18: spec.approval.steps[0].name: `Service Owner` does not match",
            ),
            (
                "another kind",
                "kind: AccessPolicy",
                "kind: AccessRequest",
                "line 3: kind: must be one of AccessPolicy, not `AccessRequest`",
            ),
            ("another version", "v1alpha1", "v1", "line 2: apiVersion: must be one of curfew.dev/v1alpha1"),
            ("no name", "{name: customer-support, labels", "{labels", "line 4: metadata.name: is required"),
        ] {
            assert!(GOOD.contains(from), "{sentence}");
            let all = faults(&GOOD.replacen(from, to, 1));
            assert!(all.iter().any(|fault| fault.contains(says)), "{sentence}: {all:?}");
        }
    }
    #[test]
    fn a_day_of_the_calendar_is_a_time_where_the_schema_has_days() {
        let closeout = |within: &str| {
            faults(&GOOD.replace("  duration:", &format!("  closeout: {{within: {within}}}\n  duration:")))
        };
        assert_eq!(closeout("SameDay"), Vec::<String>::new());
        assert_eq!(closeout("36h"), Vec::<String>::new());
        assert!(closeout("Someday")[0].contains("spec.closeout.within"), "{:?}", closeout("Someday"));
    }
    #[test]
    fn a_text_that_is_no_single_policy_is_refused() {
        for (sentence, text, says) in [
            ("two of them", format!("{GOOD}---\n{GOOD}"), "a second document"),
            ("nothing", "# only words\n".to_owned(), "is empty"),
            ("no YAML", "spec: [1, 2".to_owned(), "line "),
            ("a list", "- 1\n".to_owned(), "line 1: must be an object, not a list"),
            ("one key twice", GOOD.replace("  duration:", "  duration: {max: 1h}\n  duration:"), "duplicate"),
        ] {
            let all = faults(&text);
            assert!(all.iter().any(|fault| fault.contains(says)), "{sentence}: {all:?}");
        }
    }
    #[test]
    fn everything_wrong_is_told_at_once() {
        let text = GOOD.replace("ReadOnly", "Root").replace("max: 1h", "max: soon").replace("name: platform", "nam: x");
        assert!(faults(&text).len() >= 4, "{:?}", faults(&text));
    }
    #[test]
    fn what_somebody_is_to_write_for_a_duty_is_held_to_the_schema() {
        let faults = |written: Value| {
            let written: Duties = serde_json::from_value(written).unwrap();
            duties(&written).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let good = json!({"note": {"by": "alice", "text": "The export job fails since the deploy."}});
        assert_eq!(faults(good), [""; 0]);
        assert_eq!(
            faults(json!({"note": {"by": "alice", "text": "short"}})),
            ["note.text: must be at least 10 characters, not 5"]
        );
        let closeout = json!({"closeout": {"by": "alice", "summary": "Totals differ.", "workDone": true, "cause": " ",
            "timeline": vec!["x"; 33], "attachments": [{"kind": "Log", "url": "ftp://x"}]}});
        let all = faults(closeout).join("; ");
        for part in [
            "closeout.cause: `` does not match",
            "closeout.timeline: must be at most 32 entries",
            "closeout.attachments[0].url",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
    }
}
