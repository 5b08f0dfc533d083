//! Programs built from the Go modules that are committed under `tests/control-plane/`.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{kubernetes, kubernetes::Kubernetes, progress};

/// One `go build`.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    what: String,
    usual: &'static str,
    module: String,
    packages: Vec<String>,
    /// The file to write, where the package's own name is not the program's.
    output: &'static str,
    stamps: Vec<(&'static str, String)>,
}

impl Build {
    /// Builds into a directory. Only what go.mod and go.sum of the committed module list is used.
    pub fn run(&self, directory: &Path) -> Result<()> {
        let module = fs::canonicalize(kubernetes::module(&self.module))?;
        let stamps: String = self.stamps.iter().map(|(name, value)| format!(" -X {name}={value}")).collect();
        let mut command = Command::new("go");
        command
            .current_dir(module)
            .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-p", "2"])
            .args(["-ldflags".to_owned(), format!("-s -w{stamps}")])
            .arg("-o")
            .arg(directory.join(self.output))
            .args(&self.packages)
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "")
            .env("GOWORK", "off");
        let status = progress::run(&format!("building {}", self.what), self.usual, &mut command)?;
        if !status.success() {
            bail!("go build of {} failed: {status}", self.what);
        }
        Ok(())
    }
}

/// The programs of a control plane.
pub fn control_plane(kubernetes: Kubernetes) -> Vec<Build> {
    let version = format!("v{}", kubernetes.version());
    let minor = kubernetes.minor().trim_start_matches("1.").to_owned();
    let etcd = Build {
        what: format!("etcd {}", kubernetes.etcd_version()),
        usual: "1 minute on two cores",
        module: kubernetes.minor().to_owned(),
        packages: vec!["go.etcd.io/etcd/server/v3".to_owned()],
        output: "etcd",
        stamps: vec![],
    };
    let programs = ["kube-apiserver", "kube-controller-manager", "kubectl"];
    let rest = Build {
        what: format!("Kubernetes {}", kubernetes.version()),
        usual: "4 to 8 minutes on two cores",
        module: kubernetes.minor().to_owned(),
        packages: programs.map(|program| format!("k8s.io/kubernetes/cmd/{program}")).to_vec(),
        output: "",
        stamps: vec![
            ("k8s.io/component-base/version.gitVersion", version.clone()),
            ("k8s.io/component-base/version.gitMajor", "1".to_owned()),
            ("k8s.io/component-base/version.gitMinor", minor),
            ("k8s.io/client-go/pkg/version.gitVersion", version),
        ],
    };
    vec![rest, etcd]
}

/// Helm.
pub fn helm() -> Build {
    Build {
        what: format!("Helm {}", kubernetes::HELM_VERSION),
        usual: "2 minutes on two cores",
        module: "helm".to_owned(),
        packages: vec!["helm.sh/helm/v4/cmd/helm".to_owned()],
        output: "helm",
        stamps: vec![("helm.sh/helm/v4/internal/version.version", format!("v{}", kubernetes::HELM_VERSION))],
    }
}
