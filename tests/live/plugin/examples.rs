//! Each example of each `--help`, typed into a shell as it stands there by whoever would type it: in a scene that makes the names
//! in it true, and each with what came of it.
mod at_once;
mod crisis;
mod files;
mod returned;
mod routine;
mod together;

#[path = "../../plugin/help.rs"]
mod help;

use super::session::Session;
use super::{Ran, ran};
use curfew::api::reasons::Ready;
use curfew_testbed::bed::{Bed, Operator, Person};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tokio::process::Command;

#[tokio::test]
async fn each_example_of_each_help_does_what_it_says() {
    let left = Left::all();
    tokio::join!(
        files::plays(&left),
        routine::plays(&left),
        together::plays(&left),
        returned::plays(&left),
        crisis::plays(&left),
        at_once::plays(&left),
    );
    let left = left.0.into_inner().unwrap();
    assert!(left.is_empty(), "examples that are in no scene: {left:#?}");
}

/// The examples that no scene has typed so far.
struct Left(Mutex<Vec<String>>);
impl Left {
    fn all() -> Self {
        let all: Vec<_> = help::verbs().iter().flat_map(|verb| help::examples(verb)).collect();
        assert!(all.len() > 50, "{all:#?}");
        Self(Mutex::new(all))
    }
    /// Takes out the one that is this without its comment and, at its begin, without `kubectl access`; else the only one that
    /// begins so.
    fn take(&self, begin: &str) -> String {
        let mut left = self.0.lock().unwrap();
        let typed = |line: &String| line.split("  #").next().unwrap_or_default().trim_end().to_owned();
        let typed: Vec<_> = left.iter().map(|line| typed(line).replacen("kubectl access ", "", 1)).collect();
        let begun: Vec<_> = (0..typed.len()).filter(|at| typed[*at].starts_with(begin)).collect();
        let at = typed.iter().position(|line| line == begin).or(match begun.as_slice() {
            [only] => Some(*only),
            _ => None,
        });
        let at = at.unwrap_or_else(|| panic!("not one example is `{begin}`: {left:#?}"));
        left.remove(at)
    }
}

/// A namespace in which the names of some examples are true.
struct Scene<'a> {
    bed: Bed,
    left: &'a Left,
    /// Where examples are typed; the home of whoever types.
    folder: PathBuf,
    /// What is typed in place of a name.
    names: Vec<(&'static str, String)>,
}
impl<'a> Scene<'a> {
    /// With a policy under which engineers ask for `logs` or `read`, and bob or one of billing-owners agrees.
    async fn begins(test: &str, left: &'a Left, changes: Value) -> Self {
        let bed = Bed::new(test).await;
        let access = |name: &str| {
            let role = json!({"kind": "ClusterRole", "name": format!("curfew-{name}")});
            json!({"name": name, "level": "ReadOnly", "roleRef": role})
        };
        let approvers = json!([{"kind": "User", "name": format!("bob-{}", bed.namespace)}, {"kind": "Group", "name": "billing-owners"}]);
        let mut spec = json!({
            "access": [access("logs"), access("read")],
            "approval": {"steps": [{"name": "service-owner", "approvers": approvers}]},
            "evidence": {"ticket": {"pattern": "^(SUP|INC)-[0-9]+$", "message": "A case or an incident."}, "require": []},
            "limits": {"pendingPerRequester": 20, "activePerRequester": 5}});
        spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        bed.policy_with(spec).await;
        let folder = bed.connection.directory().join("examples").join(&bed.namespace);
        std::fs::create_dir_all(folder.join(".local/bin")).unwrap();
        let place = bed.namespace.clone();
        let names = vec![
            ("-n billing", format!("-n {place}")),
            ("who billing", format!("who {place}")),
            ("customer-support", place.clone()),
            ("--user alice", format!("--user alice-{place}")),
        ];
        Self { bed, left, folder, names }
    }
    /// Until it is dropped requests are judged here.
    async fn operator(&self) -> Operator {
        let operator = self.bed.operator().await;
        self.bed.policy_becomes(Ready::Complete).await;
        operator
    }
    /// Somebody of this scene alone, as what one person holds is told of all namespaces.
    async fn person(&self, name: &str, group: &str) -> Person {
        self.bed.person(&format!("{name}-{}", self.bed.namespace), &[group]).await
    }

    /// They type the example that begins so, and this is what came of it.
    async fn types(&self, who: &Person, begin: &str) -> Ran {
        self.types_and(who, begin, "").await
    }
    /// The same with another line after it, in the same shell.
    async fn types_and(&self, who: &Person, begin: &str, then: &str) -> Ran {
        let line = self.line(begin);
        let ran = ran(self.shell(who, &format!("{line}\n{then}"))).await;
        // Shown where the test fails.
        println!("{}: {line}\n{ran:?}", who.name);
        ran
    }
    /// They type it in a terminal.
    fn asks(&self, who: &Person, begin: &str) -> Session {
        // It is the shell's last command, and ends where the terminal does.
        Session::of(self.shell(who, &format!("exec {}", self.line(begin))))
    }
    fn line(&self, begin: &str) -> String {
        self.names.iter().fold(self.left.take(begin), |line, (name, here)| line.replace(name, here))
    }
    /// A shell with kubectl and its plugin, in which the context's namespace is this one.
    fn shell(&self, who: &Person, line: &str) -> Command {
        let folder_of = |program: PathBuf| program.parent().map(Path::to_owned);
        let connection = &self.bed.connection;
        let plugin = PathBuf::from(env!("CARGO_BIN_EXE_kubectl-access"));
        let programs = [connection.kubectl(), connection.helm(), plugin].map(folder_of).into_iter().flatten();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = programs.chain([self.folder.join(".local/bin")]).chain(std::env::split_paths(&path));
        let mut command = Command::new("bash");
        command.args(["-c", line]).current_dir(&self.folder).env("HOME", &self.folder);
        command.env("PATH", std::env::join_paths(path).unwrap()).env("KUBECONFIG", self.kubeconfig(who));
        command.env("TZ", "UTC").env("NO_COLOR", "1");
        command
    }
    fn kubeconfig(&self, who: &Person) -> PathBuf {
        let text = std::fs::read_to_string(&who.kubeconfig).unwrap();
        let mut config: Value = serde_saphyr::from_str(&text).unwrap();
        config["contexts"][0]["context"]["namespace"] = json!(self.bed.namespace);
        let file = self.folder.join(format!("{}.kubeconfig", who.name));
        std::fs::write(&file, config.to_string()).unwrap();
        file
    }
}
/// It has this in it, each.
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}
