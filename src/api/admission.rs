//! The admission policies, as the chart installs them: the same files, compiled in.
use super::crds;
use kube::ResourceExt;
use serde_json::{Value, json};

/// The policy that protects decisions: the guard's forged decision must be refused by it.
pub const DECISIONS: &str = "curfew-request-status";
/// What its first validation says: the line that refuses a decision in another's name.
pub const FORGED: &str = "a decision is written by the person who makes it";

/// Stands for the operator's user name in [`FILES`].
pub const OPERATOR: &str = "CURFEW_OPERATOR";
/// Stands for the sweeper's user name in [`FILES`].
pub const SWEEPER: &str = "CURFEW_SWEEPER";

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        /// Every file that the chart installs, by name, with the placeholders [`OPERATOR`] and [`SWEEPER`].
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../charts/curfew/admission/", $name)))),+];
    };
}
files!(
    "bindings.yaml",
    "fuses.yaml",
    "grant-status.yaml",
    "grants.yaml",
    "hand-made.yaml",
    "identity.yaml",
    "namespaces.yaml",
    "operator.yaml",
    "policies.yaml",
    "policy-status.yaml",
    "request-status.yaml",
    "requests.yaml",
    "schema.yaml",
);

/// A kind of object that decisions rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::EnumString)]
pub enum Kind {
    /// What is refused.
    #[strum(serialize = "ValidatingAdmissionPolicy")]
    Policy,
    /// That it is refused.
    #[strum(serialize = "ValidatingAdmissionPolicyBinding")]
    Binding,
    /// What is stored: an older schema drops the fields that it does not know.
    #[strum(serialize = "CustomResourceDefinition")]
    Definition,
}
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.into())
    }
}

/// One object that must be live, exactly so.
#[derive(Clone, Debug, PartialEq)]
pub struct Protection {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its `spec`, with every default that the API server adds.
    pub spec: Value,
}

/// Everything that decisions rest on, for an installation with these two user names.
///
/// Mutating policies are left out: they are a convenience, and nothing is lost without them.
///
/// # Errors
/// In words, where a file cannot be read.
pub fn protections(operator: &str, sweeper: &str) -> Result<Vec<Protection>, String> {
    let mut all = vec![];
    for (file, text) in FILES {
        let text = text.replace(OPERATOR, operator).replace(SWEEPER, sweeper);
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|e| format!("{file}: {e}"))?;
        for document in documents.iter().filter(|d| !d.is_null()) {
            all.extend(protection(document).map_err(|e| format!("{file}: {e}"))?);
        }
    }
    all.extend(definitions());
    Ok(all)
}

fn protection(document: &Value) -> Result<Option<Protection>, String> {
    let text = |path: &str| document.pointer(path).and_then(Value::as_str).ok_or(format!("{path} is missing"));
    let kind = text("/kind")?;
    if kind.starts_with("Mutating") {
        return Ok(None);
    }
    let kind = kind.parse().map_err(|_| format!("{kind} is not a kind that the guard knows"))?;
    Ok(Some(Protection { kind, name: text("/metadata/name")?.to_owned(), spec: document["spec"].clone() }))
}

fn definitions() -> impl Iterator<Item = Protection> {
    crds().into_iter().map(|crd| {
        let mut spec = json!(crd.spec);
        // What the API server fills in.
        spec["conversion"] = json!({"strategy": "None"});
        spec["names"]["listKind"] = format!("{}List", crd.spec.names.kind).into();
        Protection { kind: Kind::Definition, name: crd.name_any(), spec }
    })
}

/// Whether these words are that policy's refusal of a decision in another's name.
pub fn refuses_forgery(words: &str) -> bool {
    words.contains(&format!("ValidatingAdmissionPolicy '{DECISIONS}'")) && words.contains(FORGED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn only_the_rule_that_protects_people_proves_itself() {
        let server = "accessrequests.curfew.dev \"x\" is forbidden: ValidatingAdmissionPolicy 'curfew-request-status' with binding 'curfew-request-status' denied request: ";
        assert!(refuses_forgery(&format!("{server}{FORGED}: set `by` to your own user name")));
        assert!(!refuses_forgery(&format!("{server}the operator decides nothing")), "another rule");
        assert!(!refuses_forgery(FORGED), "another webhook of the same words");
    }

    #[test]
    fn every_file_of_the_chart_is_compiled_in() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/curfew/admission");
        let there: BTreeSet<String> =
            std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        let compiled: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(compiled, there);
    }

    #[test]
    fn every_policy_is_bound_and_names_the_installations_own_users() {
        let all = protections("system:serviceaccount:a:b", "system:serviceaccount:a:c").unwrap();
        let names = |kind| all.iter().filter(move |p| p.kind == kind);
        let bound: BTreeSet<&str> = names(Kind::Binding).filter_map(|b| b.spec["policyName"].as_str()).collect();
        for policy in names(Kind::Policy) {
            assert!(bound.contains(policy.name.as_str()), "{} has no binding", policy.name);
            assert_eq!(policy.spec["failurePolicy"], "Fail", "{}", policy.name);
            assert_eq!(policy.spec.get("paramKind"), None, "{}", policy.name);
        }
        assert!(
            names(Kind::Policy)
                .any(|p| p.name == DECISIONS && p.spec["validations"][0]["message"].as_str().unwrap().contains(FORGED))
        );
        assert_eq!(names(Kind::Definition).count(), 3);
        let text = format!("{all:?}");
        assert!(text.contains("system:serviceaccount:a:b") && text.contains("system:serviceaccount:a:c"));
        assert!(!text.contains(OPERATOR) && !text.contains(SWEEPER));
    }
}
