//! The only reader of the environment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where `curfew-testbed run` keeps what its command needs to know.
pub const BED: &str = "CURFEW_BED";
/// A directory with the four programs of a control plane.
pub const CONTROL_PLANE: &str = "CURFEW_CONTROL_PLANE";
/// A Helm to use in place of the pinned one.
pub const HELM: &str = "CURFEW_HELM";
/// A Chromium to use in place of the pinned one.
pub const CHROMIUM: &str = "CURFEW_CHROMIUM";
/// Which minor version of Kubernetes to run.
pub const KUBERNETES: &str = "CURFEW_KUBERNETES";

/// The value of a variable; an empty one counts as absent.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that holds a path.
pub fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

/// Where programs are kept between runs: `CURFEW_CACHE`, else `curfew` in the user's cache directory.
pub fn cache() -> Result<PathBuf> {
    if let Some(given) = path("CURFEW_CACHE") {
        return Ok(given);
    }
    let user = path("XDG_CACHE_HOME").or_else(|| path("HOME").map(|home| home.join(".cache")));
    Ok(user.context("set CURFEW_CACHE or HOME: there is no place to keep the control plane's programs")?.join("curfew"))
}

/// What Cargo sets for a program that it runs, and a Cargo which that program starts must not see: build scripts that read
/// some of it would run again, and all that depends on them be built again, each time that one starts the other.
pub fn of_cargo_run() -> Vec<std::ffi::OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(describes_a_package)).collect()
}
fn describes_a_package(name: &str) -> bool {
    const NAMES: [&str; 6] =
        ["MANIFEST_DIR", "MANIFEST_PATH", "MANIFEST_LINKS", "BIN_NAME", "CRATE_NAME", "PRIMARY_PACKAGE"];
    name.strip_prefix("CARGO_").is_some_and(|name| name.starts_with("PKG_") || NAMES.contains(&name))
}

/// The programs that can be run by name, those in `first` before all others.
pub fn search_path(first: &Path) -> Result<std::ffi::OsString> {
    let rest = variable("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(first.to_path_buf()).chain(std::env::split_paths(&rest)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_of_a_package_is_not_for_the_next_cargo() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_PRE", "CARGO_BIN_NAME"] {
            assert!(describes_a_package(name), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "PKG_CONFIG_PATH", "PATH"] {
            assert!(!describes_a_package(name), "{name} is what somebody chose");
        }
        assert!(of_cargo_run().iter().any(|name| name == "CARGO_PKG_NAME"), "Cargo runs this test");
    }
}
