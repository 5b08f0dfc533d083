//! Which versions of Kubernetes and Helm the tests run on.

use std::{fmt, path::PathBuf, str::FromStr};

use anyhow::{Result, bail};

use crate::settings;

/// A minor version of Kubernetes that is pinned under `tests/control-plane/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kubernetes {
    /// 1.36, the oldest one with MutatingAdmissionPolicy on by default.
    V1_36,
    /// 1.37, the newest.
    V1_37,
}

impl Kubernetes {
    /// Every one, oldest first.
    pub const ALL: [Self; 2] = [Self::V1_36, Self::V1_37];

    /// The one that `CURFEW_KUBERNETES` names, else the newest.
    pub fn chosen() -> Result<Self> {
        settings::variable(settings::KUBERNETES).map_or(Ok(Self::V1_37), |minor| minor.parse())
    }

    /// `1.37`.
    pub fn minor(self) -> &'static str {
        match self {
            Self::V1_36 => "1.36",
            Self::V1_37 => "1.37",
        }
    }

    /// The exact version, without a leading `v`.
    pub fn version(self) -> &'static str {
        match self {
            Self::V1_36 => "1.36.3",
            Self::V1_37 => "1.37.2",
        }
    }

    /// The etcd that this version of Kubernetes is built against.
    pub fn etcd_version(self) -> &'static str {
        match self {
            Self::V1_36 => "3.6.8",
            Self::V1_37 => "3.7.0",
        }
    }
}

impl fmt::Display for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.minor())
    }
}

impl FromStr for Kubernetes {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|one| one.minor() == text) {
            Some(found) => Ok(found),
            None => bail!("Kubernetes {text:?} is not pinned here; choose {}", Self::ALL.map(Self::minor).join(" or ")),
        }
    }
}

/// The pinned Helm, without a leading `v`.
pub const HELM_VERSION: &str = "4.3.1";

/// The committed Go module that pins a set of programs: `1.36`, `1.37` or `helm`.
pub fn module(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../control-plane")).join(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_versions_named_here_are_those_the_modules_pin() {
        for one in Kubernetes::ALL {
            let pinned = fs::read_to_string(module(one.minor()).join("go.mod")).unwrap();
            assert!(pinned.contains(&format!("k8s.io/kubernetes v{}\n", one.version())), "{one}");
            assert!(pinned.contains(&format!("go.etcd.io/etcd/server/v3 v{}\n", one.etcd_version())), "{one}");
        }
        let helm = fs::read_to_string(module("helm").join("go.mod")).unwrap();
        assert!(helm.contains(&format!("helm.sh/helm/v4 v{HELM_VERSION}\n")));
    }

    #[test]
    fn an_unknown_version_is_refused_with_those_that_are_known() {
        let refusal = "1.35".parse::<Kubernetes>().unwrap_err().to_string();
        assert!(refusal.contains("1.36 or 1.37"), "{refusal}");
    }
}
