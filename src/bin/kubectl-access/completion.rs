//! Completion of words in shells, and the manual page: all of it from the definition of the flags.
mod position;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::seat;
use crate::settings::{Settings, look::Completed};
use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use curfew::api::request::AccessRequest;
use curfew::decide::grant;
use curfew::decide::text;
use kube::ResourceExt;
use position::{Position, Wanted};
use std::time::Duration;

/// How the program is called.
const NAME: &str = "kubectl-access";
/// Nobody waits longer for a name.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most names that are offered.
const MOST: usize = 200;

/// What kubectl runs, as it finds it in the PATH by its name.
const FOR_KUBECTL: &str = "#!/bin/sh
# kubectl's own completion runs this for `kubectl access`: put it into your PATH as kubectl_complete-access.
exec kubectl access __complete -- \"$@\"
";

/// The script for a shell, which completes verbs and flags; for kubectl, the program that it asks.
pub fn script(of: Completed) -> Result<String, Failure> {
    let shell = match of {
        Completed::Kubectl => return Ok(FOR_KUBECTL.to_owned()),
        Completed::Bash => Shell::Bash,
        Completed::Zsh => Shell::Zsh,
        Completed::Fish => Shell::Fish,
        Completed::Powershell => Shell::PowerShell,
    };
    let mut written = vec![];
    clap_complete::generate(shell, &mut Settings::command().bin_name(NAME), NAME, &mut written);
    String::from_utf8(written).map_err(|error| Failure::Error(error.to_string()))
}

/// The manual page: the program, then each verb.
pub fn manual() -> Result<String, Failure> {
    let mut command = Settings::command();
    command.build();
    let mut written = vec![];
    let page = |of: &clap::Command, written: &mut Vec<u8>| clap_mangen::Man::new(of.clone()).render(written);
    page(&command, &mut written)?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        page(verb, &mut written)?;
    }
    String::from_utf8(written).map_err(|error| Failure::Error(error.to_string()))
}

/// What may stand in place of the last word, a line each, and then what kubectl does with it. It never fails: what cannot be
/// found out is not offered.
pub async fn complete(words: &[String]) -> String {
    /// Files are no answer.
    const NO_FILES: &str = ":4\n";
    /// Files are one.
    const FILES: &str = ":0\n";
    let position = Position::of(words);
    let lines = |all: Vec<String>| {
        let fits = all.into_iter().filter(|one| one.starts_with(&position.begun));
        let lines = fits.take(MOST).map(|one| format!("{}{}\n", position.before, text::line(&one, 253)));
        lines.collect::<String>()
    };
    match &position.wanted {
        Wanted::Words(all) => lines(all.clone()) + NO_FILES,
        Wanted::Files => FILES.to_owned(),
        Wanted::Nothing => NO_FILES.to_owned(),
        Wanted::Names { of, verb } => {
            let found = tokio::time::timeout(PATIENCE, names(of, verb, &position.common)).await;
            lines(found.ok().and_then(Result::ok).unwrap_or_default()) + NO_FILES
        }
    }
}

/// Names in the cluster, as far as the user may see them.
async fn names(of: &str, verb: &str, common: &[String]) -> Result<Vec<String>, Failure> {
    // `status` takes what every verb takes, and nothing else.
    let typed = [NAME, "status"].into_iter().map(str::to_owned).chain(common.iter().cloned());
    let settings = Settings::try_parse_from(typed).map_err(|error| Failure::Usage(error.to_string()))?;
    let desk = Desk::open(&settings.common).await?;
    let mut names: Vec<String> = match of {
        "POLICY" => desk.cluster.policies().await?.iter().map(ResourceExt::name_any).collect(),
        "REQUEST" => requests(&desk, verb).await?,
        "RECORD" => desk.cluster.records_of(&desk.everywhere()).await?.iter().map(ResourceExt::name_any).collect(),
        "NAMESPACE" => places(&desk).await?,
        _ => vec![],
    };
    names.sort();
    names.dedup();
    Ok(names)
}

/// Those that the verb can do something about.
async fn requests(desk: &Desk, verb: &str) -> Result<Vec<String>, Failure> {
    let all = desk.cluster.requests_of(&desk.here()).await?;
    let me = desk.me().await?;
    let name = me.username.clone().unwrap_or_default();
    let fits = |request: &&AccessRequest| match verb {
        "approve" | "deny" | "send-back" => seat::waits_for(request, me),
        "renew" | "request" => request.spec.requester.username == name,
        "close" => request.status.as_ref().is_none_or(|status| status.close.is_none()),
        _ => true,
    };
    Ok(all.iter().filter(fits).map(ResourceExt::name_any).collect())
}

/// Namespaces where they may be listed, else those in which somebody has access by Curfew, or had.
async fn places(desk: &Desk) -> Result<Vec<String>, Failure> {
    match desk.cluster.namespaces().await {
        Ok(all) => Ok(all.iter().map(ResourceExt::name_any).collect()),
        Err(error) if error.code() == Some(403) => {
            let records = desk.cluster.records_of(&Default::default()).await?;
            let live = records.iter().filter(|record| grant::may_give_access(record)).map(|r| r.spec.namespace.clone());
            Ok(live.chain(records.iter().map(|record| record.spec.namespace.clone())).collect())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_shell_has_a_script_with_each_verb_and_kubectl_a_program() {
        let verbs: Vec<_> = Settings::command()
            .get_subcommands()
            .filter(|verb| !verb.is_hide_set())
            .map(|verb| verb.get_name().to_owned())
            .collect();
        for shell in [Completed::Bash, Completed::Zsh, Completed::Fish, Completed::Powershell] {
            let script = script(shell).unwrap();
            assert!(verbs.iter().all(|verb| script.contains(verb.as_str())), "{shell:?}");
        }
        let program = script(Completed::Kubectl).unwrap();
        assert!(program.starts_with("#!/bin/sh\n") && program.contains("__complete -- \"$@\""), "{program}");
        let page = manual().unwrap();
        assert!(verbs.iter().all(|verb| page.contains(&verb.replace('-', "\\-"))), "{page}");
        assert!(!page.contains("__complete") && page.contains(".SH"), "what is hidden is not for people");
    }
    #[tokio::test]
    async fn it_ends_with_what_kubectl_does_and_fails_never() {
        let said = async |words: &[&str]| complete(&words.iter().map(ToString::to_string).collect::<Vec<_>>()).await;
        assert_eq!(said(&["app"]).await, "approve\n:4\n");
        assert_eq!(said(&["request", "--dry-run", "c"]).await, "client\n:4\n");
        assert_eq!(said(&["request", "--dry-run=s"]).await, "--dry-run=server\n:4\n");
        assert_eq!(said(&["lint", ""]).await, ":0\n", "files");
        let lost = said(&["approve", "--kubeconfig", "/nonexistent", ""]).await;
        assert_eq!(lost, ":4\n", "no cluster, no names, no noise");
    }
}
