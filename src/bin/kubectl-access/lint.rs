//! `lint`: what the operator would say of policies, before they are applied. It writes nothing.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::input;
use crate::output::{self, Format};
use crate::preview;
use crate::settings::{Common, look::Lint};
use curfew::api::policy::AccessPolicy;
use curfew::cluster::people::Which;
use curfew::decide::manifest::{self, Document, Fault};
use curfew::decide::policy::{self, Around, RoleSeen};
use curfew::decide::text;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::ResourceExt;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;

/// The most characters of a line.
const WIDTH: usize = 2400;

/// One thing that was found, and where.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    file: String,
    /// From 1; 0: nobody knows.
    line: u64,
    policy: String,
    severity: &'static str,
    reason: String,
    message: String,
}
impl Finding {
    fn for_people(&self) -> String {
        let Self { file, line, policy, severity, reason, message } = self;
        let place = if *line == 0 { file.clone() } else { format!("{file}:{line}") };
        let policy = if policy.is_empty() { String::new() } else { format!("{policy}: ") };
        text::line(&format!("{place}: {}: {policy}{reason}: {message}", severity.to_lowercase()), WIDTH)
    }
}
const ERROR: &str = "Error";
const WARNING: &str = "Warning";
/// The reason of what the API server would not take.
const INVALID: &str = "Invalid";

/// Examines them.
pub async fn run(common: &Common, flags: &Lint) -> Result<String, Failure> {
    let texts = flags.files.iter().map(|file| Ok((file.as_str(), input::read(file)?)));
    let texts = texts.collect::<Result<Vec<_>, Failure>>()?;
    let desk = match flags.cluster {
        true => Some(Desk::open(common).await?),
        false => None,
    };
    let groups = match &desk {
        Some(desk) => groups(desk).await?,
        None => None,
    };
    let (mut found, mut documents) = (vec![], vec![]);
    for (file, text) in &texts {
        match manifest::documents(text) {
            Ok(all) => documents.extend(all.into_iter().map(|document| (*file, document))),
            Err(fault) => found.push(invalid(file, "", &fault)),
        }
    }
    let roles = Roles::of(&documents);
    let policies: Vec<_> = documents.iter().filter(|(_, document)| document.kind() == "AccessPolicy").collect();
    for (file, document) in &policies {
        match document.policy() {
            Err(faults) => found.extend(faults.iter().map(|fault| invalid(file, document.name(), fault))),
            Ok(policy) => {
                let around = around(&policy, &roles, desk.as_ref(), groups.as_ref()).await?;
                found.extend(examined(file, document, &policy, &around));
            }
        }
    }
    if policies.is_empty() && found.is_empty() {
        return Err(Failure::Error(format!("there is no AccessPolicy in {}", text::few(&flags.files, 4))));
    }
    answer(&common.output, policies.len(), &found, flags.strict)
}

fn invalid(file: &str, policy: &str, fault: &Fault) -> Finding {
    let (file, policy, reason) = (file.to_owned(), policy.to_owned(), INVALID.to_owned());
    let message = match fault.field.as_str() {
        "" => fault.words.clone(),
        field => format!("{field}: {}", fault.words),
    };
    Finding { file, line: fault.line, policy, severity: ERROR, reason, message }
}

fn examined(file: &str, document: &Document, policy: &AccessPolicy, around: &Around) -> Vec<Finding> {
    let finding = |remark: policy::Remark| {
        let field = remark.message.split(':').next().filter(|field| field.starts_with("spec."));
        Finding {
            file: file.to_owned(),
            line: field.map_or_else(|| document.line(), |field| document.line_of(field)),
            policy: policy.name_any(),
            severity: if remark.is_fatal { ERROR } else { WARNING },
            reason: remark.reason,
            message: remark.message,
        }
    };
    policy::remarks(policy, &preview::permissive(), around).into_iter().map(finding).collect()
}

fn answer(format: &Format, policies: usize, found: &[Finding], strict: bool) -> Result<String, Failure> {
    let errors = found.iter().filter(|finding| finding.severity == ERROR).count();
    let warnings = found.len() - errors;
    let data = match format {
        Format::Table | Format::Wide => {
            let lines: String = found.iter().map(|finding| finding.for_people() + "\n").collect();
            lines + &format!("{policies} policies: {errors} errors, {warnings} warnings\n")
        }
        Format::Name => {
            let names: BTreeSet<_> =
                found.iter().map(|finding| &finding.policy).filter(|name| !name.is_empty()).collect();
            names.into_iter().map(|name| format!("accesspolicy.curfew.dev/{}\n", text::line(name, 253))).collect()
        }
        Format::Json | Format::Yaml | Format::Jsonpath(_) | Format::Page(_) => {
            let all = json!({"kind": "PolicyLint", "policies": policies, "errors": errors, "warnings": warnings,
                "findings": found});
            output::value(format, &all)?
        }
    };
    match errors > 0 || (strict && warnings > 0) {
        true => Err(Failure::Found(data)),
        false => Ok(data),
    }
}

/// The roles that are in the input, where they would be as they are there.
struct Roles(Vec<(String, String, Vec<PolicyRule>)>);
impl Roles {
    fn of(documents: &[(&str, Document)]) -> Self {
        let role = |(_, document): &(&str, Document)| match document.kind() {
            "ClusterRole" => {
                let role: ClusterRole = document.read().ok()?;
                // Of an aggregated one only the cluster knows the rules.
                role.aggregation_rule
                    .is_none()
                    .then(|| (String::new(), role.name_any(), role.rules.unwrap_or_default()))
            }
            "Role" => {
                let role: Role = document.read().ok()?;
                Some((role.namespace().unwrap_or_default(), role.name_any(), role.rules.unwrap_or_default()))
            }
            _ => None,
        };
        Self(documents.iter().filter_map(role).collect())
    }
    /// Those that a policy names.
    fn named_by(&self, policy: &AccessPolicy) -> Vec<RoleSeen> {
        let of_access = |access: &curfew::api::policy::Access| {
            let is_role = access.role_ref.kind == curfew::api::subject::RoleKind::Role;
            let same = self
                .0
                .iter()
                .filter(move |(place, name, _)| *name == access.role_ref.name && place.is_empty() != is_role);
            let seen = same.map(|(place, _, rules)| RoleSeen {
                access: access.name.clone(),
                namespace: place.clone(),
                rules: Some(rules.clone()),
            });
            seen.collect::<Vec<_>>()
        };
        policy.spec.access.iter().flat_map(of_access).collect()
    }
}

/// What is known of what the policy names: from the input, and from the cluster as far as the user may see it.
async fn around(
    policy: &AccessPolicy,
    roles: &Roles,
    desk: Option<&Desk>,
    groups: Option<&BTreeSet<String>>,
) -> Result<Around, Failure> {
    let mut around = Around { roles: roles.named_by(policy), groups: groups.cloned(), ..Around::default() };
    let Some(desk) = desk else { return Ok(around) };
    if let Some(all) = allowed(desk, "list namespaces", desk.cluster.namespaces().await)? {
        around.namespaces = Some(policy::covered(policy, &all));
        around.sensitive = policy::sensitive(policy, &all);
    }
    let mut missing = policy.clone();
    missing.spec.access.retain(|access| !around.roles.iter().any(|seen| seen.access == access.name));
    let places = around.namespaces.clone().unwrap_or_default();
    let read = desk.cluster.roles_of(&missing, &places).await;
    around.roles.extend(allowed(desk, "read the roles", read)?.unwrap_or_default());
    Ok(around)
}

/// The groups that people log in with here.
async fn groups(desk: &Desk) -> Result<Option<BTreeSet<String>>, Failure> {
    let (requests, records) = (Which::default(), Which::default());
    let read = async {
        tokio::try_join!(desk.cluster.requests_of(&requests), desk.cluster.records_of(&records), desk.cluster.whoami())
    };
    let read = allowed(desk, "list requests and records", read.await)?;
    Ok(read.map(|(requests, records, me)| policy::groups_seen(&requests, &records, &me)))
}

/// What the user may not see is not judged, and that is said.
fn allowed<T>(desk: &Desk, what: &str, read: Result<T, curfew::cluster::Error>) -> Result<Option<T>, Failure> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.code() == Some(403) => {
            desk.say(&format!("You may not {what}: what follows from them is not examined."));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(flags: &[&str]) -> (Common, Lint) {
        use clap::Parser;
        let all = ["kubectl-access", "lint"].iter().chain(flags).copied();
        match crate::settings::Settings::parse_from(all) {
            crate::settings::Settings { verb: crate::settings::Verb::Lint(lint), common } => (common, lint),
            _ => unreachable!("it says lint"),
        }
    }
    async fn said(flags: &[&str]) -> Result<String, Failure> {
        let (common, lint) = settings(flags);
        run(&common, &lint).await
    }
    fn example(name: &str) -> String {
        format!("{}/examples/policies/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
    }
    /// A file of this test's own.
    fn file(name: &str, text: &str) -> String {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("lint-{name}.yaml"));
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn i7_no_example_has_an_error_and_no_cluster_is_asked() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/policies");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path().to_str().unwrap().to_owned());
        let files: Vec<String> = files.collect();
        let flags: Vec<&str> = files.iter().map(String::as_str).chain(["--kubeconfig", "/nonexistent"]).collect();
        let text = said(&flags).await.unwrap();
        assert!(text.ends_with(&format!(
            "{} policies: 0 errors, {} warnings\n",
            files.len(),
            text.lines().count() - 1
        )));
        let said = said(&[&flags[..], &["--cluster"]].concat()).await;
        assert!(matches!(&said, Err(Failure::Error(words)) if words.contains("kubeconfig")), "{said:?}");
    }
    #[tokio::test]
    async fn d19_what_is_wrong_is_told_with_file_line_and_reason_and_is_an_error() {
        let text = std::fs::read_to_string(example("small-team")).unwrap();
        let when = text.replace("- name: service-owner\n", "- name: service-owner\n      when: duration >\n");
        let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: curfew-read}\nrules:\n- {apiGroups: [''], resources: [pods], verbs: [delete]}\n";
        let bad = file("bad", &format!("{when}---\n{}---\n{role}", text.replace("max: 2h", "maximum: 2h")));
        let Err(Failure::Found(said)) = said(&[&bad]).await else { panic!("it is an error") };
        let line = |of: &str, from: usize| {
            let all = std::fs::read_to_string(&bad).unwrap();
            all.lines().enumerate().skip(from).find(|(_, line)| line.contains(of)).unwrap().0 + 1
        };
        for words in [
            format!(
                "{bad}:{}: error: small-team: BadExpression: spec.approval.steps[service-owner].when: line 1, column ",
                line("when:", 0)
            ),
            format!(
                "{bad}:{}: error: small-team: LevelMismatch: spec.access: `read` is declared ReadOnly",
                line("- {name: read, level", 0)
            ),
            format!("{bad}:{}: warning: small-team: ThinEvidence: ", line("require:", 0)),
            format!(
                "{bad}:{}: error: small-team: Invalid: spec.duration.maximum: there is no such field",
                line("maximum:", 0)
            ),
        ] {
            assert!(said.lines().any(|line| line.starts_with(&words)), "{words}\n{said}");
        }
        assert!(said.ends_with("errors, 1 warnings\n"), "{said}");
    }
    #[tokio::test]
    async fn what_it_finds_is_for_programs_too_and_a_warning_is_an_error_only_where_that_was_asked() {
        let team = example("small-team");
        let Ok(json) = said(&[&team, "-o", "json"]).await else { panic!("warnings are no error") };
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["policies"], &json["errors"]), (&json!(1), &json!(0)));
        assert_eq!(json["findings"][0]["reason"], "ThinEvidence");
        assert!(matches!(said(&[&team, "--strict"]).await, Err(Failure::Found(_))));
        let names = said(&[&team, "-o", "name"]).await.unwrap();
        assert_eq!(names, "accesspolicy.curfew.dev/small-team\n");
        let other = file("other", "kind: Namespace\n");
        let none = said(&[&other]).await;
        assert!(matches!(&none, Err(Failure::Error(words)) if words.contains("there is no AccessPolicy")), "{none:?}");
        let gone = said(&["/nonexistent.yaml"]).await;
        assert!(matches!(&gone, Err(Failure::Error(words)) if words.starts_with("/nonexistent.yaml: ")), "{gone:?}");
        let nasty = file("nasty", "kind: AccessPolicy\nmetadata: {name: \"a\\e[2Jb\"}\nx: [\n");
        let Err(Failure::Found(broken)) = said(&[&nasty]).await else { panic!("it is no YAML") };
        assert!(broken.contains("error: Invalid: ") && !broken.contains('\u{1b}'), "{broken}");
    }
}
