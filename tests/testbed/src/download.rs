//! Programs from their official releases.
//!
//! A file whose SHA-256 stands in `tests/control-plane/releases.sha256` must have that one. For any other it is the one
//! that the release publishes beside the file, fetched over HTTPS from the same place: that proves that the download
//! is whole, and as much about its origin as the certificate of that place does. What was fetched once is pinned by the
//! checksums in the cache.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{checksums, kubernetes, kubernetes::Kubernetes, progress};

/// One file of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Where the file is.
    url: String,
    /// Where its SHA-256 is: a bare digest, or lines as `sha256sum` writes them.
    checksum_url: String,
    /// The program that it holds.
    program: &'static str,
    /// The program's path inside, where the file is an archive.
    member: Option<String>,
}

impl Release {
    /// Puts the program into a directory, after comparing what came with the published checksum.
    pub fn fetch(&self, directory: &Path) -> Result<()> {
        if std::env::consts::OS != "linux" {
            bail!("releases of the control plane are for Linux");
        }
        self.fetch_by(directory, curl)
    }

    fn fetch_by(&self, directory: &Path, get: impl Fn(&str, &Path) -> Result<()>) -> Result<()> {
        let work = tempfile::tempdir_in(directory)?;
        let file = work.path().join("file");
        let expected = match self.pinned() {
            Some(digest) => digest,
            None => self.published(&work.path().join("sums"), &get)?,
        };
        get(&self.url, &file)?;
        checksums::matches(&file, &expected).with_context(|| self.url.clone())?;
        let program = match &self.member {
            None => file,
            Some(member) => unpack(&file, work.path(), member)?,
        };
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        Ok(fs::rename(program, directory.join(self.program))?)
    }

    fn pinned(&self) -> Option<String> {
        checksums::parse(include_str!("../../control-plane/releases.sha256")).remove(&self.url)
    }

    fn published(&self, sums: &Path, get: impl Fn(&str, &Path) -> Result<()>) -> Result<String> {
        get(&self.checksum_url, sums)?;
        published(&fs::read_to_string(sums)?, &self.url)
            .with_context(|| format!("{} does not list {}", self.checksum_url, self.url))
    }
}

/// The digest of the file at `url` among published ones.
fn published(sums: &str, url: &str) -> Option<String> {
    let mut sums = checksums::parse(sums);
    let name = url.rsplit('/').next()?;
    let digest = sums.remove(name).or_else(|| sums.remove(""))?;
    let plausible = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    plausible.then_some(digest)
}

/// A connection that is not there within 5 seconds, or stalls for 30, counts as no internet: there is another way.
pub(crate) fn curl(url: &str, file: &Path) -> Result<()> {
    let mut command = Command::new("curl");
    command
        .args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https", "--connect-timeout", "5"])
        .args(["--speed-limit", "1000", "--speed-time", "30", "--stderr", "-", "--output"])
        .arg(file)
        .arg(url)
        .stdout(std::process::Stdio::null());
    let status = progress::run(&format!("downloading {url}"), "a minute", &mut command)?;
    if !status.success() {
        bail!("{url} cannot be had (curl: {status})");
    }
    Ok(())
}

fn unpack(archive: &Path, into: &Path, member: &str) -> Result<PathBuf> {
    let status = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(into).arg(member).status()?;
    if !status.success() {
        bail!("{} holds no {member} (tar: {status})", archive.display());
    }
    Ok(into.join(member))
}

/// The programs of a control plane.
pub fn control_plane(kubernetes: Kubernetes) -> Vec<Release> {
    let arch = architecture();
    let kubernetes_programs = ["kube-apiserver", "kube-controller-manager", "kubectl"].map(|program| {
        let url = format!("https://dl.k8s.io/release/v{}/bin/linux/{arch}/{program}", kubernetes.version());
        Release { checksum_url: format!("{url}.sha256"), url, program, member: None }
    });
    let version = kubernetes.etcd_version();
    let (base, name) = (
        format!("https://github.com/etcd-io/etcd/releases/download/v{version}"),
        format!("etcd-v{version}-linux-{arch}"),
    );
    let etcd = Release {
        url: format!("{base}/{name}.tar.gz"),
        checksum_url: format!("{base}/SHA256SUMS"),
        program: "etcd",
        member: Some(format!("{name}/etcd")),
    };
    kubernetes_programs.into_iter().chain([etcd]).collect()
}

/// Helm.
pub fn helm() -> Release {
    let arch = architecture();
    let url = format!("https://get.helm.sh/helm-v{}-linux-{arch}.tar.gz", kubernetes::HELM_VERSION);
    let checksum_url = format!("{url}.sha256sum");
    Release { url, checksum_url, program: "helm", member: Some(format!("linux-{arch}/helm")) }
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Downloads `text` as the program, of which the checksum of `published` is published.
    fn fetch(directory: &Path, url: &str, text: &str, published: &str) -> Result<()> {
        let of = directory.join("of");
        fs::write(&of, published)?;
        let digest = checksums::of(&of)?;
        fs::remove_file(of)?;
        let release = Release { url: url.into(), checksum_url: "sums".into(), program: "tool", member: None };
        release.fetch_by(directory, |asked, file| Ok(fs::write(file, if asked == "sums" { &digest } else { text })?))
    }

    #[test]
    fn a_download_that_is_not_what_was_published_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let refusal = fetch(directory.path(), "https://x/tool", "evil", "good").unwrap_err();
        assert!(format!("{refusal:#}").contains("has SHA-256"), "{refusal:#}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_download_that_is_what_was_published_can_be_run() {
        let directory = tempfile::tempdir().unwrap();
        fetch(directory.path(), "https://x/tool", "good", "good").unwrap();
        let mode = fs::metadata(directory.path().join("tool")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn a_pinned_checksum_is_stronger_than_a_published_one() {
        let directory = tempfile::tempdir().unwrap();
        let pinned = "https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl";
        assert!(fetch(directory.path(), pinned, "both replaced", "both replaced").is_err());
    }

    #[test]
    fn a_program_is_taken_out_of_its_archive() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("inside")).unwrap();
        fs::write(directory.path().join("inside/tool"), "good").unwrap();
        let archive = directory.path().join("archive.tar.gz");
        let packed =
            Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(directory.path()).arg("inside").status();
        assert!(packed.unwrap().success());
        let into = tempfile::tempdir().unwrap();
        let program = unpack(&archive, into.path(), "inside/tool").unwrap();
        assert_eq!(fs::read_to_string(program).unwrap(), "good");
        assert!(unpack(&archive, into.path(), "inside/other").is_err());
    }

    #[test]
    fn what_is_pinned_is_a_digest_of_a_file_that_is_downloaded() {
        let releases: Vec<Release> = Kubernetes::ALL.into_iter().flat_map(control_plane).chain([helm()]).collect();
        for (url, digest) in checksums::parse(include_str!("../../control-plane/releases.sha256")) {
            let foreign = architecture() != "amd64";
            assert!(foreign || releases.iter().any(|release| release.url == url), "{url} is no longer downloaded");
            assert_eq!(published(&digest, &url).as_deref(), Some(&*digest), "{url}");
        }
    }

    #[test]
    fn a_digest_is_found_in_both_forms_of_publishing() {
        let digest = "a".repeat(64);
        let listed = format!("{}  other.tar.gz\n{digest}  etcd.tar.gz\n", "b".repeat(64));
        assert_eq!(published(&listed, "https://x/etcd.tar.gz").as_deref(), Some(&*digest));
        assert_eq!(published(&format!("{digest}\n"), "https://x/kubectl").as_deref(), Some(&*digest));
    }

    #[test]
    fn a_page_that_is_no_checksum_is_refused() {
        assert_eq!(published("<html>not found</html>", "https://x/kubectl"), None);
        assert_eq!(published(&format!("{}  other\n", "a".repeat(64)), "https://x/kubectl"), None);
    }
}
