//! The programs that a test needs: where they come from, and that they are what they were.
//!
//! Looked for in this order: where the user says (`CURFEW_CONTROL_PLANE`, `CURFEW_HELM`), the cache, the official
//! releases, a build of the pinned Go modules. What is downloaded or built goes to the cache with its checksums, and
//! the cache is checked against them at every start.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{build, checksums, download, kubernetes, kubernetes::Kubernetes, settings};

/// The directory that holds `etcd`, `kube-apiserver`, `kube-controller-manager` and `kubectl`.
pub fn control_plane(kubernetes: Kubernetes) -> Result<PathBuf> {
    let bundle = Bundle::control_plane(kubernetes);
    match settings::path(settings::CONTROL_PLANE) {
        Some(given) => given_control_plane(&given, kubernetes),
        None => bundle.obtain(&settings::cache()?),
    }
}

/// The `helm` program.
pub fn helm() -> Result<PathBuf> {
    match settings::path(settings::HELM) {
        Some(given) if given.is_file() => Ok(given),
        Some(given) => bail!("{} is {}, which is not a file", settings::HELM, given.display()),
        None => Ok(Bundle::helm().obtain(&settings::cache()?)?.join("helm")),
    }
}

/// Programs that are obtained together, at one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// `control-plane`, `helm` or `chromium`.
    pub name: &'static str,
    /// Without a leading `v`.
    pub version: String,
    /// The files in the bundle's directory.
    pub programs: &'static [&'static str],
    /// Where official releases are.
    pub releases: Vec<download::Release>,
    /// How they are built.
    pub builds: Vec<build::Build>,
}

impl Bundle {
    /// The four programs of a control plane.
    pub fn control_plane(kubernetes: Kubernetes) -> Self {
        Self {
            name: "control-plane",
            version: kubernetes.version().to_owned(),
            programs: &["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"],
            releases: download::control_plane(kubernetes),
            builds: build::control_plane(kubernetes),
        }
    }

    /// Helm.
    pub fn helm() -> Self {
        Self {
            name: "helm",
            version: kubernetes::HELM_VERSION.to_owned(),
            programs: &["helm"],
            releases: vec![download::helm()],
            builds: vec![build::helm()],
        }
    }

    /// The bundle's directory in this cache, made if it is not there or no longer what it was.
    pub fn obtain(&self, cache: &Path) -> Result<PathBuf> {
        self.obtain_by(cache, |draft| self.make(draft))
    }

    /// The same, made in this way.
    pub(crate) fn obtain_by(&self, cache: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let shelf = cache.join(self.name);
        fs::create_dir_all(&shelf).with_context(|| shelf.display().to_string())?;
        let home = shelf.join(&self.version);
        // Held until this function ends: of two who need the programs one makes them, the other finds them.
        let lock = fs::File::create(shelf.join(format!("{}.lock", self.version)))?;
        if lock.try_lock().is_err() {
            eprintln!("waiting for another process that is obtaining {} {}", self.name, self.version);
            lock.lock()?;
        }
        if home.exists() {
            match checksums::verify(&home, self.programs) {
                Ok(()) => return Ok(home),
                Err(why) => eprintln!("{} is not what it was and is made again: {why:#}", home.display()),
            }
            fs::remove_dir_all(&home)?;
        }
        let draft = tempfile::Builder::new().prefix(".draft-").tempdir_in(&shelf)?;
        make(draft.path())?;
        checksums::record(draft.path(), self.programs)?;
        fs::rename(draft.keep(), &home)?;
        Ok(home)
    }

    fn make(&self, draft: &Path) -> Result<()> {
        let Err(download) = self.releases.iter().try_for_each(|release| release.fetch(draft)) else { return Ok(()) };
        eprintln!(
            "{} {} is built from its Go modules, as no release could be had: {download:#}",
            self.name, self.version
        );
        self.builds.iter().try_for_each(|build| build.run(draft)).with_context(|| {
            format!("{} {} could be neither downloaded ({download:#}) nor built", self.name, self.version)
        })
    }
}

/// The given directory, or the one of this minor version inside it.
fn given_control_plane(given: &Path, kubernetes: Kubernetes) -> Result<PathBuf> {
    let inner = given.join(kubernetes.minor());
    let directory = if inner.is_dir() { inner } else { given.to_path_buf() };
    for program in Bundle::control_plane(kubernetes).programs {
        if !directory.join(program).is_file() {
            bail!("{} is {}, where there is no {program}", settings::CONTROL_PLANE, directory.display());
        }
    }
    let said = Command::new(directory.join("kube-apiserver")).arg("--version").output()?;
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    if !said.starts_with(&format!("Kubernetes v{}.", kubernetes.minor())) {
        bail!(
            "{} holds {said:?}, but Kubernetes {kubernetes} is asked for ({})",
            directory.display(),
            settings::KUBERNETES
        );
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        Bundle { name: "toy", version: "1".into(), programs: &["tool"], releases: vec![], builds: vec![] }
    }

    fn makes(text: &'static str) -> impl FnOnce(&Path) -> Result<()> {
        move |draft| Ok(fs::write(draft.join("tool"), text)?)
    }

    #[test]
    fn what_is_in_the_cache_is_not_made_again() {
        let cache = tempfile::tempdir().unwrap();
        let first = bundle().obtain_by(cache.path(), makes("first")).unwrap();
        let second = bundle().obtain_by(cache.path(), |_| bail!("made twice")).unwrap();
        assert_eq!(first, second);
    }

    #[test]
    fn a_program_changed_in_the_cache_is_never_handed_out() {
        let cache = tempfile::tempdir().unwrap();
        let home = bundle().obtain_by(cache.path(), makes("good")).unwrap();
        fs::write(home.join("tool"), "evil").unwrap();
        bundle().obtain_by(cache.path(), makes("good again")).unwrap();
        assert_eq!(fs::read_to_string(home.join("tool")).unwrap(), "good again");
    }

    #[test]
    fn a_failed_attempt_leaves_nothing_that_looks_complete() {
        let cache = tempfile::tempdir().unwrap();
        let failing = |draft: &Path| {
            fs::write(draft.join("tool"), "half")?;
            bail!("the disk is full")
        };
        assert!(bundle().obtain_by(cache.path(), failing).is_err());
        let left: Vec<_> = fs::read_dir(cache.path().join("toy")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["1.lock"]);
    }

    #[test]
    fn two_who_need_the_same_programs_make_them_once() {
        let cache = tempfile::tempdir().unwrap();
        let made = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let make = |draft: &Path| {
                        made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        makes("once")(draft)
                    };
                    bundle().obtain_by(cache.path(), make).unwrap();
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn a_given_directory_without_the_programs_is_refused_by_name() {
        let given = tempfile::tempdir().unwrap();
        let refusal = given_control_plane(given.path(), Kubernetes::V1_37).unwrap_err().to_string();
        assert!(refusal.contains("there is no etcd"), "{refusal}");
    }

    #[test]
    fn a_given_directory_of_another_version_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let given = tempfile::tempdir().unwrap();
        for program in Bundle::control_plane(Kubernetes::V1_37).programs {
            let path = given.path().join(program);
            fs::write(&path, "#!/bin/sh\necho Kubernetes v1.29.0\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let refusal = given_control_plane(given.path(), Kubernetes::V1_37).unwrap_err().to_string();
        assert!(refusal.contains("v1.29.0") && refusal.contains("1.37"), "{refusal}");
    }
}
