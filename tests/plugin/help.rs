//! What the help of each verb shows: its examples are what people copy.
use std::process::{Command, Stdio};

/// Every verb that the help shows.
pub fn verbs() -> Vec<String> {
    let offered = prints(&["__complete", "--", ""]);
    let verbs: Vec<_> = offered.lines().filter(|line| !line.starts_with(':')).map(str::to_owned).collect();
    assert!(verbs.len() > 12, "{offered}");
    verbs
}
/// The examples of a verb, each as the line that stands there, to be typed into a shell.
pub fn examples(verb: &str) -> Vec<String> {
    let help = prints(&[verb, "--help"]);
    let lines = help.lines().skip_while(|line| !line.starts_with("Example")).skip(1).map(str::trim);
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    assert!(lines.iter().any(|line| line.contains(&format!("kubectl access {verb}"))), "{verb}: no example: {help}");
    lines
}
fn prints(words: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_kubectl-access")).args(words).stdin(Stdio::null()).output().unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{words:?}: it is data: {ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}
