//! `run`: runs a command and, where it is refused, asks for the least access that any policy offers for that, and runs it again.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::fits;
use crate::request;
use crate::settings::Exec;
use curfew::api::policy::{Access, AccessPolicy};
use curfew::decide::role::{self, Permission};
use curfew::decide::text;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::ResourceExt;
use regex::Regex;
use std::io::Write;
use std::process::Stdio;
use tokio::io::AsyncReadExt;

/// How much of what a command says is looked at.
const LOOKED_AT: usize = 64 * 1024;
/// How many roles are read to find one.
const ROLES: usize = 6;

/// What was refused, as the API server says it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    what: Permission,
    /// `None`: cluster-wide.
    namespace: Option<String>,
}

/// Runs it.
pub async fn run(desk: &Desk, flags: &Exec) -> Result<String, Failure> {
    let Some(refusal) = once(&flags.command).await? else { return Ok(String::new()) };
    let Refusal { what, namespace } = refusal;
    let Some(namespace) = namespace else {
        return Err(Failure::Denied(format!(
            "`{what}` is for the whole cluster, and Curfew grants nothing there (N7)"
        )));
    };
    let desk = desk.within(&namespace);
    let (policy, access) = least(&desk, &what, flags.ask.policy.as_deref()).await?;
    let (name, place) = (policy.name_any(), text::line(&namespace, 63));
    desk.say(&format!("\nYou may not `{what}` in {place}. The least that gives it: {} of {name}.", access.name));
    let mut ask = flags.ask.clone();
    (ask.policy, ask.access) = (Some(name), Some(access.name));
    if ask.plan.is_empty() {
        ask.plan = vec![text::line(&flags.command.join(" "), 200)];
    }
    let draft = request::compose(&desk, ask, None).await?;
    // Without access there is nothing to run.
    let sending = crate::settings::Sending { wait: Some(true), ..flags.sending.clone() };
    let line = request::send(&desk, draft, &sending).await?;
    if sending.dry_run != crate::settings::DryRun::None {
        return Ok(line);
    }
    desk.say(line.trim_end());
    match once(&flags.command).await? {
        None => Ok(String::new()),
        Some(Refusal { what, .. }) => Err(Failure::Denied(format!("it takes `{what}` too, which you were not given"))),
    }
}

/// Runs the command with the user's own streams; what it was refused, if that is why it failed.
async fn once(command: &[String]) -> Result<Option<Refusal>, Failure> {
    let (program, arguments) = command.split_first().ok_or_else(|| Failure::Usage("there is no command".into()))?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::Error(format!("{program}: {error}")))?;
    let mut said = vec![];
    if let Some(mut talk) = child.stderr.take() {
        let (mut err, mut piece) = (std::io::stderr(), [0; 4096]);
        while let Ok(length @ 1..) = talk.read(&mut piece).await {
            drop(err.write_all(&piece[..length]));
            drop(err.flush());
            let room = LOOKED_AT.saturating_sub(said.len());
            said.extend_from_slice(&piece[..length.min(room)]);
        }
    }
    let ended = child.wait().await.map_err(|error| Failure::Error(error.to_string()))?;
    if ended.success() {
        return Ok(None);
    }
    let code = ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    refusal(&String::from_utf8_lossy(&said)).map(Some).ok_or(Failure::Exited(code))
}

fn refusal(said: &str) -> Option<Refusal> {
    const WORDS: &str = r#"cannot ([a-z]+) resource "([^"/]+)(?:/([^"]+))?" in API group "([^"]*)"(?: in the namespace "([^"]+)"| at the cluster scope)"#;
    let found = Regex::new(WORDS).ok()?.captures(said)?;
    let part = |at: usize| found.get(at).map_or_else(String::new, |part| part.as_str().to_owned());
    let what =
        Permission { verb: part(1), resource: part(2), subresource: part(3), group: part(4), name: String::new() };
    Some(Refusal { what, namespace: found.get(5).map(|place| place.as_str().to_owned()) })
}

/// The least access that gives it, of the policies under which the user may ask here.
async fn least(desk: &Desk, what: &Permission, policy: Option<&str>) -> Result<(AccessPolicy, Access), Failure> {
    let (policies, _) = fits::all(desk).await?;
    let fitting = policies.into_iter().filter(|(of, fit)| fit.may() && policy.is_none_or(|name| of.name_any() == name));
    let mut offers: Vec<(AccessPolicy, Access, usize)> = fitting
        .flat_map(|(policy, _)| {
            let all = policy.spec.access.clone().into_iter().zip(0..);
            all.map(move |(access, place)| (policy.clone(), access, place)).collect::<Vec<_>>()
        })
        .collect();
    offers.sort_by_key(|(policy, access, place)| (access.level, *place, policy.name_any()));
    let mut read: Vec<(curfew::api::subject::RoleRef, Vec<PolicyRule>)> = vec![];
    for (policy, access, _) in offers {
        if !read.iter().any(|(role, _)| *role == access.role_ref) {
            if read.len() == ROLES {
                break;
            }
            // One that may not be seen is not guessed at.
            let rules = match desk.cluster.rules(&access.role_ref, &desk.namespace).await {
                Ok(rules) => rules.unwrap_or_default(),
                Err(error) if error.code() == Some(403) => vec![],
                Err(error) => return Err(error.into()),
            };
            read.push((access.role_ref.clone(), rules));
        }
        let gives = |rules: &[PolicyRule]| role::gained(&role::permissions(rules).0, &[alone(what)]).is_none();
        if read.iter().any(|(role, rules)| *role == access.role_ref && gives(rules)) {
            return Ok((policy, access));
        }
    }
    let place = text::line(&desk.namespace, 63);
    Err(Failure::Denied(format!("no policy offers you `{what}` in {place}: see kubectl access policies -n {place}")))
}
/// A rule that gives one thing.
fn alone(what: &Permission) -> PolicyRule {
    let resource = match what.subresource.is_empty() {
        true => what.resource.clone(),
        false => format!("{}/{}", what.resource, what.subresource),
    };
    PolicyRule {
        api_groups: Some(vec![what.group.clone()]),
        resources: Some(vec![resource]),
        verbs: vec![what.verb.clone()],
        ..PolicyRule::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_read_from_the_words_of_the_api_server() {
        for (said, what, place) in [
            (
                r#"Error from server (Forbidden): pods "x" is forbidden: User "alice" cannot get resource "pods/log" in API group "" in the namespace "billing""#,
                "get pods/log",
                Some("billing"),
            ),
            (
                r#"deployments.apps is forbidden: User "a" cannot list resource "deployments" in API group "apps" in the namespace "b""#,
                "list deployments.apps",
                Some("b"),
            ),
            (
                r#"nodes is forbidden: User "alice" cannot list resource "nodes" in API group "" at the cluster scope"#,
                "list nodes",
                None,
            ),
        ] {
            let refusal = refusal(said).unwrap();
            assert_eq!((refusal.what.to_string().as_str(), refusal.namespace.as_deref()), (what, place));
        }
        assert_eq!(refusal("error: unknown flag"), None);
    }
    #[test]
    fn a_role_gives_what_its_rules_say_and_a_wildcard_gives_more() {
        let what = "get pods/log".parse().unwrap();
        let rule = |resources: &[&str], verbs: &[&str]| PolicyRule {
            api_groups: Some(vec![String::new()]),
            resources: Some(resources.iter().map(ToString::to_string).collect()),
            verbs: verbs.iter().map(ToString::to_string).collect(),
            ..PolicyRule::default()
        };
        for (rule, gives) in [
            (rule(&["pods", "pods/log"], &["get", "list"]), true),
            (rule(&["pods"], &["get"]), false),
            (rule(&["*"], &["*"]), true),
        ] {
            assert_eq!(role::gained(&role::permissions(&[rule]).0, &[alone(&what)]).is_none(), gives);
        }
    }
}
