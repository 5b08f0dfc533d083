//! The import rule: api ← decide ← cluster ← operate. Read from the tokens, so that comments and texts do not count and
//! no spelling of a path gets round it.
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fs;
use std::path::{Path, PathBuf};

struct Rule {
    /// A file or a folder under `src/`, without the extension.
    layer: &'static str,
    /// Paths that may not be named, with all that is below them.
    paths: &'static [&'static str],
    /// Words that may not be used, wherever they come from.
    words: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        layer: "api",
        paths: &[
            "crate::decide",
            "crate::cluster",
            "crate::operate",
            "crate::telemetry",
            "crate::settings",
            "kube::Client",
            "kube::client",
            "kube::Api",
            "kube::api",
            "kube::runtime",
            "kube::Config",
            "tokio",
            "tracing",
            "std::env",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
        ],
        words: &["async", "await", "SystemTime"],
        why: "data knows nobody",
    },
    Rule {
        layer: "decide",
        paths: &[
            "crate::cluster",
            "crate::operate",
            "crate::telemetry",
            "crate::settings",
            "kube::Client",
            "kube::client",
            "kube::Api",
            "kube::api",
            "kube::runtime",
            "kube::Config",
            "tokio",
            "tracing",
            "futures",
            "std::env",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "std::time::Instant",
        ],
        words: &["async", "await", "SystemTime"],
        why: "decisions are pure",
    },
    Rule {
        layer: "cluster",
        paths: &["crate::operate", "crate::settings", "std::env"],
        words: &["SystemTime"],
        why: "the API server does not know who asks",
    },
    Rule {
        layer: "operate",
        paths: &["crate::settings", "std::env"],
        words: &[
            "PostParams",
            "DeleteParams",
            "PatchParams",
            "Patch",
            "ListParams",
            "Preconditions",
            "SubjectAccessReview",
            "SelfSubjectAccessReview",
            "SystemTime",
        ],
        why: "only cluster calls the API server",
    },
    Rule {
        layer: "telemetry",
        paths: &["crate::cluster", "crate::operate", "crate::settings", "kube", "std::env"],
        words: &["SystemTime"],
        why: "whoever has something to say hands it over",
    },
    Rule {
        layer: "settings",
        paths: &["crate::cluster", "crate::operate", "kube", "tokio"],
        words: &["async", "await", "SystemTime"],
        why: "settings are read, not acted on",
    },
    Rule {
        layer: "main",
        paths: &["curfew::decide", "curfew::cluster::write", "curfew::cluster::read", "std::env"],
        words: &["PostParams", "DeleteParams", "PatchParams", "SystemTime"],
        why: "it starts things and has no logic",
    },
    Rule {
        layer: "bin",
        paths: &["curfew::operate", "curfew::cluster::write", "curfew::settings"],
        words: &[],
        why: "a tool acts as its user, never as the operator",
    },
    Rule {
        layer: "bin/kubectl-access",
        paths: &["kube::Client", "kube::client", "kube::Api", "kube::api", "kube::Config"],
        words: &["perform", "store_policy", "store_request", "store_grant", "SystemTime"],
        why: "it has no power of its own: three writes, all in cluster/people.rs",
    },
];

/// What a file may name although its layer may not, and why.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("decide/expression", "std::thread", "an interpreter that calls itself needs a deep stack; it is waited for")];
fn is_excepted(file: &Path, breach: &str) -> bool {
    let of = |(at, path, _): &&(&str, &str, &str)| {
        file.to_string_lossy().contains(&format!("/src/{at}")) && breach.ends_with(&format!("is under `{path}`"))
    };
    EXCEPTIONS.iter().any(|exception| of(&exception))
}

#[test]
fn each_layer_names_only_those_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for rule in RULES {
        let files = files_of(&src, rule.layer);
        assert!(!files.is_empty(), "no file in {}", rule.layer);
        for (file, text) in files {
            let module = module(&src, &file);
            let said = breaches(rule, &module, &text).into_iter().filter(|b| !is_excepted(&file, b));
            found.extend(said.map(|b| format!("{}: {b} ({})", file.display(), rule.why)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_file_has_a_rule() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let covered: Vec<_> = RULES.iter().flat_map(|r| files_of(&src, r.layer)).map(|(file, _)| file).collect();
    let lone: Vec<_> =
        rust_files(&src).into_iter().filter(|f| !covered.contains(f) && !f.ends_with("src/lib.rs")).collect();
    assert!(lone.is_empty(), "no rule covers {lone:?}");
}

#[test]
fn clippy_guards_what_names_cannot() {
    let read = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    for layer in ["src/api.rs", "src/decide.rs"] {
        assert!(read(layer).contains("#![deny(clippy::disallowed_types)]"), "{layer}");
    }
    for name in ["chrono::Utc::now", "std::env::var", "std::time::SystemTime::now", "kube::Client", "kube::Api"] {
        assert!(read("clippy.toml").contains(&format!("path = \"{name}\"")), "{name} is not in clippy.toml");
    }
    assert!(read("Cargo.toml").contains("disallowed_methods = \"deny\""));
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    // Who lifts a ban says why, in the two places that may.
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&src).into_iter().filter(|f| !may_look(f)) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("clippy::disallowed_methods"), "{} reads a clock or the environment", file.display());
    }
}

/// The operator and the plugin have each one place that reads the clock, and one that reads the environment.
fn may_look(file: &Path) -> bool {
    ["operate/clock.rs", "kubectl-access/clock.rs", "settings.rs"].iter().any(|end| file.ends_with(end))
}

#[test]
fn the_rule_catches_every_spelling_of_a_breach() {
    let rule = |layer: &str| RULES.iter().find(|r| r.layer == layer).unwrap();
    for (layer, module, code) in [
        ("decide", "crate::decide::grant", "use crate::cluster::Cluster;"),
        ("decide", "crate::decide::grant", "use crate::{api::names, cluster::{self, Error}};"),
        ("decide", "crate::decide::grant", "fn f() { crate::cluster::x() }"),
        ("decide", "crate::decide::grant", "use super::super::cluster::Cluster;"),
        ("decide", "crate::decide", "use super::{cluster};"),
        ("decide", "crate::decide::grant", "use ::tokio::time;"),
        ("decide", "crate::decide::grant", "use kube::{ResourceExt, api::{Api}};"),
        ("decide", "crate::decide::grant", "async fn f() {}"),
        ("decide", "crate::decide::grant", "use crate::cluster as c;"),
        ("decide", "crate::decide::grant", "use crate::*;"),
        ("decide", "crate::decide::grant", "macro_rules! m { () => { tracing::info!(\"x\") } }"),
        ("decide", "crate::decide::grant", "#[cfg(test)] mod tests {} use crate::operate::Context;"),
        ("api", "crate::api::grant", "use crate::decide::Now;"),
        ("api", "crate::api::grant", "impl X for crate::decide::Plan {}"),
        ("cluster", "crate::cluster::read", "use super::super::operate::Context;"),
        ("operate", "crate::operate::grant", "let p = kube::api::DeleteParams::default();"),
        ("telemetry", "crate::telemetry::http", "use crate::cluster::Error;"),
        ("settings", "crate::settings", "use kube::Client;"),
        ("main", "crate", "use curfew::decide::Plan;"),
        ("bin", "crate", "use curfew::{api, operate::run};"),
        ("bin/kubectl-access", "crate::close", "use kube::{ResourceExt, api::Patch};"),
        ("bin/kubectl-access", "crate::close", "desk.cluster.perform(&effect).await?;"),
    ] {
        assert!(!breaches(rule(layer), module, code).is_empty(), "{layer}: {code} gets round the rule");
    }
    for (layer, module, code) in [
        ("decide", "crate::decide::grant", "// use crate::cluster::Cluster;\n/// [`crate::cluster`]\nfn f() {}"),
        ("decide", "crate::decide::grant", "const WORDS: &str = \"crate::cluster tokio async\";"),
        ("decide", "crate::decide::grant", "#[cfg(test)]\nmod tests { use crate::cluster::Cluster; }"),
        ("decide", "crate::decide::grant", "use super::effect::Effect; use crate::api::{names, reasons};"),
        ("decide", "crate::decide::grant", "let clusters = 1; let tokio_like = kube_api; x.api;"),
        ("decide", "crate::decide::grant", "use kube::ResourceExt;"),
        ("cluster", "crate::cluster::read", "use crate::decide::effect::Question; use kube::{Api, api::ListParams};"),
        ("operate", "crate::operate::grant", "use crate::{cluster::Cluster, decide, telemetry::Metrics};"),
        ("bin", "crate", "use curfew::api; fn main() {}"),
    ] {
        assert_eq!(breaches(rule(layer), module, code), Vec::<String>::new(), "{layer}: {code}");
    }
}

/// What the code of a module names although it may not.
fn breaches(rule: &Rule, module: &str, code: &str) -> Vec<String> {
    let tokens: TokenStream = code.parse().expect("it is Rust");
    let mut named = Vec::new();
    paths(&flat(tokens), &[], &mut named);
    let mut found = Vec::new();
    for name in named {
        let whole = absolute(module, &name);
        let below = |path: &&&str| whole == **path || whole.starts_with(&format!("{path}::"));
        // A glob of the crate would bring every layer.
        found.extend(rule.paths.iter().find(below).map(|path| format!("`{whole}` is under `{path}`")));
        found.extend((whole == "crate::*").then(|| "`crate::*` names every layer".to_owned()));
        found.extend(name.iter().find(|n| rule.words.contains(&n.as_str())).map(|n| format!("`{n}`")));
    }
    found
}

/// The tokens without what is only there in tests.
fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut all = tokens.into_iter().peekable();
    while let Some(token) = all.next() {
        let is_attribute = matches!(&token, TokenTree::Punct(p) if p.as_char() == '#');
        let is_test = is_attribute
            && matches!(all.peek(), Some(TokenTree::Group(g))
                if g.delimiter() == Delimiter::Bracket && g.stream().to_string().replace(' ', "") == "cfg(test)");
        if !is_test {
            kept.push(token);
            continue;
        }
        // Up to the end of the item: its body, or its semicolon.
        all.next();
        for skipped in all.by_ref() {
            match skipped {
                TokenTree::Group(g) if g.delimiter() == Delimiter::Brace => break,
                TokenTree::Punct(p) if p.as_char() == ';' => break,
                _ => {}
            }
        }
    }
    kept
}

/// What may stand before a path that begins with two colons.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "dyn", "else", "for", "if", "impl", "in", "let", "match", "move", "mut", "pub", "ref",
    "return", "use", "where", "while",
];

/// Every path that is named, with `a::{b, c}` taken apart.
fn paths(tokens: &[TokenTree], prefix: &[String], found: &mut Vec<Vec<String>>) {
    let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    let mut at = 0;
    while at < tokens.len() {
        let mut path = prefix.to_vec();
        // A path goes on as long as a name follows two colons.
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(name)) if KEYWORDS.contains(&name.to_string().as_str()) => {
                    found.push(vec![name.to_string()]);
                }
                Some(TokenTree::Ident(name)) => path.push(name.to_string()),
                Some(TokenTree::Punct(p)) if p.as_char() == '*' && path.len() > prefix.len() => path.push("*".into()),
                Some(TokenTree::Group(g)) => {
                    let inside = if path.len() > prefix.len() && is_colon(at - 1) { &path[..] } else { prefix };
                    paths(&flat(g.stream()), inside, found);
                    if inside.len() > prefix.len() {
                        path.clear();
                    }
                }
                _ => {}
            }
            at += 1;
            if !(is_colon(at) && is_colon(at + 1)) {
                break;
            }
            at += 2;
        }
        if path.len() > prefix.len() {
            found.push(path);
        }
    }
}

/// The same from the root of the crate.
fn absolute(module: &str, name: &[String]) -> String {
    let ups = name.iter().take_while(|n| *n == "super").count();
    let own: Vec<_> = module.split("::").collect();
    match name[0].as_str() {
        "super" => {
            let above = own[..own.len().saturating_sub(ups).max(1)].iter().copied();
            above.chain(name[ups..].iter().map(String::as_str)).collect::<Vec<_>>().join("::")
        }
        "self" => own.iter().copied().chain(name[1..].iter().map(String::as_str)).collect::<Vec<_>>().join("::"),
        _ => name.join("::"),
    }
}

fn module(src: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(src).unwrap().with_extension("");
    let names = inside.components().map(|c| c.as_os_str().to_string_lossy().into_owned());
    std::iter::once("crate".to_owned()).chain(names).collect::<Vec<_>>().join("::")
}
fn files_of(src: &Path, layer: &str) -> Vec<(PathBuf, String)> {
    let own = rust_files(&src.join(layer)).into_iter().chain([src.join(format!("{layer}.rs"))]);
    own.filter_map(|file| fs::read_to_string(&file).ok().map(|text| (file, text))).collect()
}
fn rust_files(under: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(under).into_iter().flatten().flatten().map(|e| e.path());
    let all = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}
