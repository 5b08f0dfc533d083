//! The image, and what the chart takes for granted of the program, as far as they can be judged without building or
//! installing anything.
use clap::CommandFactory;
use curfew::settings::Settings;
use curfew::telemetry::Metrics;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The instructions of a Dockerfile, each on one line, as `(instruction, the rest)`.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    let whole = lines.replace("\\\n", " ");
    let split = whole.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
    split.map(|(name, rest)| (name.to_uppercase(), rest.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

/// What is wrong with it.
fn faults(text: &str) -> Vec<String> {
    let all = instructions(text);
    let last = all.iter().rposition(|(name, _)| name == "FROM").unwrap_or_default();
    let image = &all[last..];
    let of = |name: &'static str| image.iter().filter(move |(n, _)| n == name).map(|(_, rest)| rest.as_str());
    let mut faults = Vec::new();
    for (name, rest) in &all {
        let base = rest.split(' ').next().unwrap_or_default();
        let pinned = base == "scratch" || base.split_once(':').is_some_and(|(_, tag)| !tag.contains("latest"));
        match name.as_str() {
            "FROM" if !pinned => faults.push(format!("`{base}` is not pinned by a tag")),
            "RUN" | "ENTRYPOINT" | "CMD" if !rest.starts_with('[') => {
                faults.push(format!("{name} {rest} needs a shell"))
            }
            "ADD" => faults.push("ADD fetches and unpacks: use COPY".into()),
            _ => {}
        }
    }
    let numeric = |user: &str| {
        let ids: Vec<_> = user.split(':').map(str::parse::<u32>).collect();
        ids.len() == 2 && ids.iter().all(|id| id.as_ref().is_ok_and(|id| *id >= 10_000))
    };
    if !of("USER").next_back().is_some_and(numeric) {
        faults.push("USER is not a number that is nobody on the node (the kubelet cannot judge a name)".into());
    }
    if !image[0].1.starts_with("scratch") {
        faults.push("the image holds more than the program".into());
    }
    if of("RUN").next().is_some() {
        faults.push("nothing can run in an empty image".into());
    }
    let user = image.iter().position(|(name, _)| name == "USER");
    if user > image.iter().position(|(name, _)| name == "ENTRYPOINT") {
        faults.push("USER comes after ENTRYPOINT".into());
    }
    if !of("ENTRYPOINT").any(|e| e == "[\"/curfew\"]") {
        faults.push("it does not start curfew".into());
    }
    for label in ["title", "description", "licenses", "version", "revision"] {
        if !of("LABEL").any(|l| l.contains(&format!("org.opencontainers.image.{label}="))) {
            faults.push(format!("label {label} is missing"));
        }
    }
    if !all.iter().any(|(name, rest)| name == "RUN" && rest.contains("\"--locked\"")) {
        faults.push("the build may choose other versions than Cargo.lock".into());
    }
    faults
}

#[test]
fn the_image_runs_as_nobody_without_a_shell() {
    assert_eq!(faults(&read("Dockerfile")), Vec::<String>::new());
}

#[test]
fn each_fault_is_found() {
    let good = read("Dockerfile");
    for (what, with) in [
        ("USER 65532:65532", "USER nonroot"),
        ("USER 65532:65532", "USER 0:0"),
        ("USER 65532:65532\n", ""),
        ("ENTRYPOINT [\"/curfew\"]", "ENTRYPOINT /curfew"),
        ("CMD [\"run\"]", "CMD run"),
        ("FROM scratch", "FROM alpine:3.22"),
        ("rust:1.95.0-alpine", "rust"),
        ("rust:1.95.0-alpine", "rust:latest"),
        ("\"--locked\", ", ""),
        ("COPY . .", "ADD . ."),
        ("org.opencontainers.image.revision=", "x="),
    ] {
        assert!(good.contains(what), "{what} is not in the Dockerfile");
        assert!(!faults(&good.replace(what, with)).is_empty(), "`{with}` for `{what}` is not found");
    }
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_repository() {
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split("channel = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let dockerfile = read("Dockerfile");
    assert!(dockerfile.contains(&format!("FROM rust:{channel}-alpine AS build")), "another image than {channel}");
    assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={channel}")), "another toolchain than {channel}");
}

#[test]
fn what_the_build_needs_is_sent_and_nothing_else() {
    let ignore = read(".dockerignore");
    assert_eq!(ignore.lines().find(|line| !line.starts_with('#')), Some("*"), "everything else stays out");
    let manifest = read("Cargo.toml");
    let members = manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let members = members.split(',').map(|m| m.trim().trim_matches('"')).filter(|m| *m != ".");
    for needed in members.chain([".cargo", "Cargo.toml", "Cargo.lock", "src", "charts", "crds", "LICENSE"]) {
        assert!(ignore.lines().any(|line| line == format!("!{needed}")), "{needed} is not sent");
    }
}

#[test]
fn one_tls_stack_is_linked() {
    let lock = read("Cargo.lock");
    for name in ["openssl-sys", "native-tls", "aws-lc-rs"] {
        assert!(read("deny.toml").contains(&format!("name = \"{name}\"")), "{name} is not banned");
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is linked");
    }
}

/// The words of a text that begin so, of these characters.
fn words(text: &str, begin: &str, of: fn(char) -> bool) -> BTreeSet<String> {
    let found = text.match_indices(begin).filter(|(at, _)| !text[..*at].ends_with(of));
    found.map(|(at, _)| text[at..].chars().take_while(|c| of(*c)).collect()).collect()
}

#[test]
fn the_chart_gives_only_flags_that_there_are() {
    let program = Settings::command();
    let flag = |c: char| c.is_ascii_lowercase() || c == '-';
    for (file, command) in [
        ("deployment.yaml", "run"),
        ("sweep.yaml", "sweep"),
        ("report.yaml", "report standing"),
        ("reviews.yaml", "report weekly"),
        ("reviews.yaml", "report monthly"),
    ] {
        let known: BTreeSet<_> = command
            .split(' ')
            .try_fold(&program, |program, name| program.find_subcommand(name))
            .into_iter()
            .flat_map(|c| c.get_arguments().filter_map(|a| a.get_long()).map(|long| format!("--{long}")))
            .collect();
        let given = words(&read(&format!("charts/curfew/templates/{file}")), "--", flag);
        let given: BTreeSet<_> = given.into_iter().filter(|word| !word.trim_matches('-').is_empty()).collect();
        assert!(!given.is_empty(), "{file} starts {command} with some flag");
        assert!(given.is_subset(&known), "{file}: {:?}", given.difference(&known).collect::<Vec<_>>());
    }
}

#[test]
fn g10_the_chart_alerts_on_metrics_that_there_are_and_on_access_that_outlives_its_end() {
    let alerts = read("charts/curfew/templates/metrics.yaml");
    let name = |c: char| c.is_ascii_lowercase() || c == '_';
    let known: BTreeSet<_> = Metrics::new().reference().into_iter().map(|metric| metric.name).collect();
    let used = &words(&alerts, "curfew_", name) | &words(&alerts, "leader_", name);
    assert!(used.is_subset(&known), "{:?}", used.difference(&known).collect::<Vec<_>>());
    for must in
        ["curfew_expired_not_removed", "curfew_removals_failed_total", "curfew_guard_intact", "curfew_fuses_burn"]
    {
        assert!(used.contains(must), "no alert on {must}");
    }
}

/// What `packaging/plugin/targets` says: system, architecture and the compiler's target.
fn platforms() -> Vec<[String; 3]> {
    let text = read("packaging/plugin/targets");
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.split(' ').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()).collect()
}

#[test]
fn the_krew_manifest_names_what_was_built_and_its_digests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp/krew");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let built = [("linux", "amd64", "kubectl-access"), ("windows", "amd64", "kubectl-access.exe")];
    for (os, arch, _) in built {
        fs::write(folder.join(format!("kubectl-access-v{version}-{os}-{arch}.tar.gz")), os).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/plugin/build.sh");
    let made = std::process::Command::new(script).arg("manifest").arg(&folder).arg("https://example.com/v1/").output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let manifest: serde_json::Value = serde_saphyr::from_str(&String::from_utf8(made.stdout).unwrap()).unwrap();
    assert_eq!(manifest["metadata"]["name"], "access", "kubectl runs kubectl-access");
    assert_eq!(manifest["spec"]["version"], format!("v{version}"));
    assert!(manifest["spec"]["shortDescription"].as_str().unwrap().len() <= 60);
    let all = manifest["spec"]["platforms"].as_array().unwrap();
    assert_eq!(all.len(), built.len(), "what was not built is not offered: {all:?}");
    for ((os, arch, program), platform) in built.iter().zip(all) {
        let labels = &platform["selector"]["matchLabels"];
        assert_eq!(
            (&labels["os"], &labels["arch"], &platform["bin"]),
            (&(*os).into(), &(*arch).into(), &(*program).into())
        );
        let digest: String = Sha256::digest(os).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(platform["sha256"], digest);
        assert_eq!(platform["files"], serde_json::json!([{"from": "*", "to": "."}]));
        assert_eq!(platform["uri"], format!("https://example.com/v1/kubectl-access-v{version}-{os}-{arch}.tar.gz"));
    }
}

#[test]
fn an_archive_holds_the_program_and_its_licence_and_what_is_not_built_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp/plugin-build");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(folder.join("bin")).unwrap();
    // In place of a compiler, one that knows neither macOS nor what it was not asked for.
    let cargo = "#!/bin/sh\nset -e\n[ \"$1 $4 $5 $6\" = 'zigbuild --bin kubectl-access --target' ]\ncase $7 in *darwin) exit 101;; esac\n\
                 to=$CARGO_TARGET_DIR/$7/release\nmkdir -p \"$to\"\necho \"for $7\" | tee \"$to/kubectl-access\" \"$to/kubectl-access.exe\"\n";
    fs::write(folder.join("bin/cargo"), cargo).unwrap();
    fs::set_permissions(folder.join("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let dist = folder.join("dist");
    let build = |targets: &[&str]| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([folder.join("bin")].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/plugin/build.sh");
        let mut command = std::process::Command::new(script);
        command.arg("build").arg(&dist).args(targets).env("PATH", path).env("CARGO_TARGET_DIR", folder.join("target"));
        let ran = command.output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let made = || fs::read_dir(&dist).into_iter().flatten().count();

    let (code, said) = build(&["x86_64-unknown-linux-gnu"]);
    assert!(code == Some(2) && said.contains("no such target: x86_64-unknown-linux-gnu; there are: "), "{said}");
    assert_eq!(
        (build(&["aarch64-unknown-linux-musl"]), made()),
        ((Some(0), String::new()), 1),
        "the one that was named"
    );
    let (code, said) = build(&[]);
    assert_eq!((code, said.as_str()), (Some(1), "not built: x86_64-apple-darwin aarch64-apple-darwin\n"));
    let built: Vec<_> = platforms().into_iter().filter(|[os, ..]| os != "darwin").collect();
    assert_eq!(made(), built.len());
    for [os, arch, target] in built {
        let program = if os == "windows" { "kubectl-access.exe" } else { "kubectl-access" };
        let archive = dist.join(format!("kubectl-access-v{}-{os}-{arch}.tar.gz", env!("CARGO_PKG_VERSION")));
        let tar = |args: &[&str]| {
            let ran = std::process::Command::new("tar").args(args).arg("-f").arg(&archive).output().unwrap();
            String::from_utf8(ran.stdout).unwrap()
        };
        let listed = tar(&["-ztv", "--numeric-owner", "--utc"]);
        let is_nobodys = |line: &str| line.contains(" 0/0 ") && line.contains(" 1970-01-01 00:00 ");
        assert!(listed.lines().all(is_nobodys), "the same files make the same archive: {listed}");
        assert_eq!(tar(&["-zt"]), format!("./\n./LICENSE\n./{program}\n"));
        assert_eq!(tar(&["-zxO", &format!("./{program}")]), format!("for {target}\n"));
    }
}

#[test]
fn what_is_linked_into_each_release_is_judged() {
    let judged = read("deny.toml");
    for [os, arch, target] in platforms() {
        assert!(judged.contains(&format!("\"{target}\"")), "deny.toml does not look at {os} {arch} ({target})");
    }
}
