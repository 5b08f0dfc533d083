//! Writes the files that are generated from the code: `crds/`, and the chart's copy of them.
//!
//! `generate` writes; `generate --check` writes nothing and fails where a committed file differs.
use curfew::api;
use kube::ResourceExt;
use std::{fs, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let check = std::env::args().any(|a| a == "--check");
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut stale = vec![];
    for (path, text) in files() {
        let file = root.join(&path);
        if fs::read_to_string(&file).is_ok_and(|committed| committed == text) {
            continue;
        }
        stale.push(path);
        if !check
            && let Err(error) = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, text))
        {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    for path in &stale {
        println!("{} {path}", if check { "differs:" } else { "written:" });
    }
    if check && !stale.is_empty() {
        eprintln!("run `make generate` and commit what it writes");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn files() -> Vec<(String, String)> {
    let mut files = vec![];
    for crd in api::crds() {
        let text = serde_saphyr::to_string(&crd).unwrap_or_default();
        let name = crd.name_any();
        let plural = name.split('.').next().unwrap_or_default();
        for folder in ["crds", "charts/curfew/files/crds"] {
            files.push((format!("{folder}/{plural}.yaml"), text.clone()));
        }
    }
    files
}
