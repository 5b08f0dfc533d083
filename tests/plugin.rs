//! What holds for every verb of `kubectl access`, as the binary that people run: each example of each help, against an API
//! server that answers, refuses or is silent. No control plane is needed.
#![allow(missing_docs, clippy::disallowed_methods, reason = "tests")]
mod plugin {
    pub mod help;
    pub mod server;
    pub mod terminal;
}

use plugin::help::{self, verbs};
use plugin::server::{Mood, Server};
use plugin::terminal::in_terminal;
use serde_json::Value;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-access");

/// What a run came to.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}
fn runs(words: &[&str]) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.args(words).env("TZ", "UTC").env_remove("KUBECONFIG").env_remove("NO_COLOR").env("TERM", "xterm");
    // Where files are looked for that an example names: none of them is there.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/decisions");
    let ran = command.current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr) }
}

/// The examples of a verb that run it first of all, as a shell takes them apart, without the program and the verb.
fn examples(verb: &str) -> Vec<Vec<String>> {
    let begin = format!("kubectl access {verb}");
    let is_of_it = |rest: &&str| rest.is_empty() || rest.starts_with(' ');
    help::examples(verb).iter().filter_map(|line| line.strip_prefix(&begin)).filter(is_of_it).map(words).collect()
}
fn words(line: &str) -> Vec<String> {
    let ran = Command::new("bash").args(["-c", &format!("printf '%s\\0' {line}")]).output().unwrap();
    assert!(ran.status.success(), "{line}: {ran:?}");
    let words = String::from_utf8(ran.stdout).unwrap();
    words.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
/// Runs every example of every verb, a few at once, with these flags after the verb; each with its words.
fn all_examples(flags: &[&str]) -> Vec<(String, Ran)> {
    let all: Vec<(String, Vec<String>)> = verbs()
        .into_iter()
        .flat_map(|verb| examples(&verb).into_iter().map(move |example| (verb.clone(), example)))
        .collect();
    let run = |(verb, example): &(String, Vec<String>)| {
        let words: Vec<&str> = [verb.as_str()]
            .into_iter()
            .chain(flags.iter().copied())
            .chain(example.iter().map(String::as_str))
            .collect();
        (words.join(" "), runs(&words))
    };
    std::thread::scope(|scope| {
        let pieces: Vec<_> = all
            .chunks(all.len().div_ceil(6))
            .map(|piece| scope.spawn(move || piece.iter().map(run).collect::<Vec<_>>()))
            .collect();
        pieces.into_iter().flat_map(|piece| piece.join().unwrap()).collect()
    })
}
/// Whether what was typed asks no cluster, or runs another program.
fn is_of_its_own(line: &str) -> bool {
    let verb = line.split(' ').next().unwrap_or_default();
    // Files are read before a cluster is asked.
    matches!(verb, "completion" | "run" | "lint")
        || (verb == "verify" && (line.contains("--file") || line.contains("--against")))
}
/// No character of it acts on a terminal.
fn is_harmless(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && !matches!(c, '\n' | '\t' | '\r')) || ('\u{202a}'..='\u{202e}').contains(&c))
}

#[test]
fn every_verb_takes_the_flags_of_kubectl_and_says_how_it_is_used() {
    for verb in verbs() {
        let help = runs(&[&verb, "--help"]).out;
        for flag in [
            "--kubeconfig <FILE>",
            "--context <NAME>",
            "-n, --namespace <NAME>",
            "-A, --all-namespaces",
            "-o, --output <FORMAT>",
            "-l, --selector <LABELS>",
            "--as <NAME>",
            "--as-group <NAME>",
            "--request-timeout <SPAN>",
        ] {
            assert!(help.contains(flag), "{verb} does not take {flag}");
        }
        let wrong = runs(&[&verb, "--no-such-flag"]);
        assert_eq!((wrong.code, wrong.out.as_str()), (Some(2), ""), "{verb}: {wrong:?}");
        let format = runs(&[&verb, "-o", "table"]);
        assert!(format.code == Some(2) && format.err.contains("must be "), "{verb}: {format:?}");
    }
    assert_eq!(runs(&["no-such-verb"]).code, Some(2));
    assert_eq!(runs(&[]).code, Some(2));
}

#[test]
fn without_a_cluster_every_verb_fails_with_1_and_says_it_beside_the_data() {
    for (line, ran) in all_examples(&["--kubeconfig", "/nonexistent"]) {
        assert_ne!(ran.code, Some(2), "an example is no wrong usage: {line}: {ran:?}");
        if !is_of_its_own(&line) {
            assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{line}: {ran:?}");
            assert!(ran.err.starts_with("error: ") && ran.err.contains("/nonexistent"), "{line}: {ran:?}");
        }
    }
}

#[test]
fn who_may_not_is_told_with_3_and_who_is_not_answered_with_4() {
    for (mood, code) in [(Mood::Refuses, 3), (Mood::KnowsNobody, 3), (Mood::IsSilent, 4), (Mood::Babbles, 1)] {
        let server = Server::start(mood);
        for (line, ran) in all_examples(&["--kubeconfig", &server.kubeconfig, "--request-timeout", "1s"]) {
            if !is_of_its_own(&line) {
                assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{mood:?}: {line}: {ran:?}");
                assert!(is_harmless(&ran.err), "{mood:?}: {line}: {ran:?}");
            }
        }
    }
}

/// What is wrong with an answer in this format.
fn faults(format: &str, ran: &Ran) -> Vec<&'static str> {
    let is_name = |line: &str| line.split_once('/').is_some_and(|(kind, name)| !(kind.to_owned() + name).contains(' '));
    let is_as_said = match format {
        "json" => serde_json::from_str::<Value>(&ran.out).is_ok(),
        "yaml" => serde_saphyr::from_str::<Value>(&ran.out).is_ok_and(|read| read.is_object()),
        "name" => ran.out.lines().all(is_name),
        _ => true,
    };
    let answered = ran.code == Some(0) && !ran.out.is_empty();
    let mut faults = vec![];
    faults.extend((answered && !is_as_said).then_some("it is no such format"));
    faults.extend((!is_harmless(&ran.out) || !is_harmless(&ran.err)).then_some("it acts on a terminal"));
    faults.extend((!matches!(ran.code, Some(0..=4))).then_some("there is no such exit code"));
    faults
}

#[test]
fn every_format_of_every_verb_is_what_it_says_and_what_others_wrote_acts_on_no_terminal() {
    let server = Server::start(Mood::Answers);
    let mut wrong = vec![];
    for format in ["", "wide", "json", "yaml", "name", "jsonpath={.items[*].spec.reason}"] {
        let flags = ["--kubeconfig", &server.kubeconfig, "-o", format];
        let all = all_examples(if format.is_empty() { &flags[..2] } else { &flags });
        // Those have no objects, and the other runs what it is given.
        let all: Vec<_> = all.into_iter().filter(|(line, _)| !is_of_its_own(line)).collect();
        let answered = all.iter().filter(|(_, ran)| ran.code == Some(0) && !ran.out.is_empty()).count();
        assert!(answered > 5, "{format}: hardly anything was answered: {answered}");
        for (line, ran) in &all {
            // What an example says itself counts for more.
            let format = line.split(" -o ").skip(1).last().and_then(|rest| rest.split(' ').next()).unwrap_or(format);
            wrong.extend(faults(format, ran).into_iter().map(|fault| format!("{line}: {fault}: {ran:?}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_colour_on_a_terminal_only_and_never_with_no_color() {
    let server = Server::start(Mood::Answers);
    let bold = "\u{1b}[";
    let held = ["status", "--kubeconfig", &server.kubeconfig, "-n", "empty"];
    assert!(in_terminal(&held, &[("TERM", "xterm")]).contains(bold), "a terminal shows what matters");
    for plain in [&[("TERM", "xterm"), ("NO_COLOR", "1")][..], &[("TERM", "dumb")]] {
        let shown = in_terminal(&held, plain);
        assert!(shown.contains("You hold nothing.") && !shown.contains(bold), "{plain:?}: {shown:?}");
    }
    let piped = runs(&held);
    assert!(piped.err.contains("You hold nothing.") && !piped.err.contains(bold), "{piped:?}");
}

#[test]
fn nobody_is_asked_where_nobody_can_answer() {
    let server = Server::start(Mood::Answers);
    let asked = runs(&["request", "--kubeconfig", &server.kubeconfig, "-n", "billing"]);
    assert_eq!((asked.code, asked.out.as_str()), (Some(2), ""), "{asked:?}");
    assert!(asked.err.contains("nothing was sent"), "{asked:?}");
    let wrote: Vec<_> = server.heard().into_iter().filter(|asked| !asked.starts_with("GET ")).collect();
    assert!(wrote.iter().all(|asked| asked.contains("selfsubjectreviews")), "{wrote:?}");
}

#[test]
fn no_flag_is_taken_and_ignored() {
    let server = Server::start(Mood::Answers);
    let said = |verb: &str, example: &[String], flags: &[&str]| {
        let kubeconfig = ["--kubeconfig", &server.kubeconfig];
        let words = [verb].into_iter().chain(kubeconfig).chain(flags.iter().copied());
        runs(&words.chain(example.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    for verb in verbs() {
        let example = examples(&verb)
            .into_iter()
            .find(|words| !words.iter().any(|word| word == "--short" || word == "--against"));
        let example = example.unwrap_or_else(|| vec!["bash".to_owned()]);
        server.heard();
        let ran = said(&verb, &example, &["--selector", "team=billing"]);
        let heeded = server.heard().iter().any(|asked| asked.contains("labelSelector=team%3Dbilling"));
        let refused = ran.code == Some(2) && ran.err.contains("--selector");
        assert!(heeded != refused, "{verb} {example:?}: heeded {heeded}: {ran:?}");
    }
    for (verb, flags) in [
        ("show", &["sup-4812", "-A"][..]),
        ("approve", &["sup-4812", "-A"]),
        ("who", &["billing", "-A"]),
        ("who", &["billing", "-n", "orders"]),
        ("completion", &["bash", "-o", "json"]),
        ("status", &["-o", "csv"]),
        ("report", &["weekly", "-n", "billing"]),
        ("run", &["-o", "json", "--", "true"]),
        ("status", &["--short", "-o", "json"]),
    ] {
        let ran = said(verb, &[], flags);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{verb} {flags:?}: {ran:?}");
    }
}

#[test]
fn l8_a_report_is_the_one_that_the_operators_own_program_prints() {
    let server = Server::start(Mood::Answers);
    let said = |program: &str, words: &[&str]| {
        let ran = Command::new(program).args(words).args(["--kubeconfig", &server.kubeconfig]).output().unwrap();
        assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let ours = |words: &[&str]| said(PROGRAM, words);
    let theirs = |words: &[&str]| said(env!("CARGO_BIN_EXE_curfew"), words);
    let rows = ours(&["report", "export"]);
    assert!(rows.starts_with("\"RECORD\",") && rows.contains("\"billing.sup-4812.2\""), "{rows}");
    assert_eq!(rows, theirs(&["report", "export"]));
    for report in ["weekly", "monthly", "usage", "emergencies", "pilot", "export"] {
        let words = ["report", report, "--period", "quarter", "-o", "json"];
        let read = |text: String| {
            let mut page: Value = serde_json::from_str(&text).unwrap();
            assert!(page["made"].take().is_string(), "{page}");
            page
        };
        assert_eq!(read(ours(&words)), read(theirs(&words)), "{report}");
    }
    assert!(ours(&["report", "weekly", "-o", "markdown"]).starts_with("# "));
}

#[test]
fn l8_a_report_is_about_the_time_that_is_asked_about_in_each_format_and_knows_who_is_shared() {
    let server = Server::start(Mood::Answers);
    let said = |words: &[&str]| {
        let ran = runs(&[&["report"], words, &["--kubeconfig", &server.kubeconfig]].concat());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{words:?}: {ran:?}");
        ran.out
    };
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    // Longer than there has been anything.
    let shared = ["monthly", "--since", "9999d", "-o", "json", "--shared-account", "bob", "--shared-account", "alice"];
    let accounts = |page: Value| page["sections"][0].clone();
    let alice = accounts(read(said(&shared)));
    assert_eq!((&alice["name"], &alice["rows"][0]["ACCOUNT"]), (&"shared-accounts".into(), &"alice".into()), "{alice}");
    assert_eq!(accounts(read(said(&shared[..7])))["rows"], Value::Array(vec![]), "nobody else is");

    let days = |words: &[&str]| {
        let page = read(said(&[words, &["-o", "json"]].concat()));
        let at = |name: &str| chrono::DateTime::parse_from_rfc3339(page[name].as_str().unwrap()).unwrap();
        (at("until") - at("from")).num_days()
    };
    assert_eq!((days(&["usage"]), days(&["usage", "--since", "90d"])), (30, 90));
    assert_eq!(
        (days(&["weekly"]), days(&["weekly", "--since", "36h"]), days(&["export", "--period", "week"])),
        (7, 1, 7)
    );

    let quarter = ["weekly", "--period", "quarter"];
    let of = |format: &str| said(&[&quarter[..], &["-o", format]].concat());
    // But for the line that says when it was made.
    let is_like = |one: &str, other: &str| {
        one.lines().enumerate().filter(|(at, _)| *at != 1).eq(other.lines().enumerate().filter(|(at, _)| *at != 1))
    };
    let table = said(&quarter);
    assert!(table.starts_with("Clean-up of the week\n") && is_like(&table, &of("wide")), "{table}");
    assert!(of("html").starts_with("<!doctype html>") && of("markdown").starts_with("# Clean-up of the week\n"));
    assert!(of("csv").starts_with("\"never-closed\","), "{}", of("csv"));
    assert_eq!(of("jsonpath={.kind}"), "WeeklyReport");
    let yaml: Value = serde_saphyr::from_str(&of("yaml")).unwrap();
    assert_eq!((&yaml["sections"], &yaml["until"]), (&read(of("json"))["sections"], &read(of("json"))["until"]));
    let name = runs(&["report", "weekly", "-o", "name", "--kubeconfig", &server.kubeconfig]);
    assert!(name.code == Some(2) && name.err.contains("a report has rows, and no names"), "{name:?}");
}

#[test]
fn names_in_the_cluster_are_completed_by_what_the_verb_can_do_something_about() {
    let server = Server::start(Mood::Answers);
    let kubeconfig = format!("--kubeconfig={}", server.kubeconfig);
    for (words, offered) in [
        (&["explain", "cust"][..], "customer-support\n"),
        (&["show", ""], "sup-4812\n"),
        (&["request", "--from", "sup"], "sup-4812\n"),
        // It is alice's own, and waits for nobody.
        (&["approve", ""], ""),
        (&["verify", "bil"], "billing.sup-4812.2\n"),
        (&["who", ""], "billing\n"),
        (&["list", "-n", "b"], "billing\n"),
    ] {
        let (verb, rest) = words.split_first().unwrap();
        let typed = ["__complete", "--", verb, &kubeconfig];
        let said = runs(&typed.into_iter().chain(rest.iter().copied()).collect::<Vec<_>>());
        assert_eq!((said.out.as_str(), said.err.as_str()), (format!("{offered}:4\n").as_str(), ""), "{words:?}");
    }
    let silent = Server::start(Mood::IsSilent);
    let said = runs(&["__complete", "--", "show", "--kubeconfig", &silent.kubeconfig, ""]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ":4\n"), "nobody waits for long");
}
