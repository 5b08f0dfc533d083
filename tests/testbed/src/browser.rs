//! A headless browser, in which a test opens a page as its readers do.
//!
//! Looked for in this order: where the user says (`CURFEW_CHROMIUM`), the cache, the npm registry, the releases of the same
//! package. It holds Chromium with the libraries and fonts that it needs, and is unpacked here, so that no Node is
//! needed; the SHA-256 of each part is pinned.
pub mod page;

use std::{
    fs,
    io::{BufReader, BufWriter},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{binaries::Bundle, checksums, download, settings};

/// What is unpacked and run: Chromium without a window, its libraries, its fonts.
const FILES: [&str; 17] = [
    "headless_shell",
    "fonts.conf",
    "fonts/Open_Sans/OpenSans-Bold.ttf",
    "fonts/Open_Sans/OpenSans-Italic.ttf",
    "fonts/Open_Sans/OpenSans-Regular.ttf",
    "lib/libexpat.so.1",
    "lib/libfreebl3.chk",
    "lib/libfreebl3.so",
    "lib/libfreeblpriv3.chk",
    "lib/libfreeblpriv3.so",
    "lib/libnspr4.so",
    "lib/libnss3.so",
    "lib/libnssutil3.so",
    "lib/libplc4.so",
    "lib/libplds4.so",
    "lib/libsoftokn3.chk",
    "lib/libsoftokn3.so",
];
const PACKAGE: &str = "@sparticuz/chromium";
const VERSION: &str = "147.0.0";
/// The package's parts, each as it was when it was chosen.
const PROGRAM: (&str, &str) = ("chromium.br", "64d813a054f76fc32b8010e305d87e6d7a45aa76ee02d36e66c03c8ca6667e8d");
const BESIDE: [(&str, &str); 2] = [
    ("al2023.tar.br", "2e22542d8c66b83194172f4bbbef0a79b80bbeb99d69abf3962d85c1351f478d"),
    ("fonts.tar.br", "78620f052a57d98716b8da709e9de5c14a5ae606e60810009f5051ab46e2a588"),
];

/// The package's fonts and no others: a page looks the same everywhere.
const FONTS: &str = "<fontconfig><dir prefix=\"relative\">fonts</dir></fontconfig>\n";

/// A browser that can be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Browser {
    program: PathBuf,
    /// Where its libraries and fonts are; `None`: it has them from the system.
    home: Option<PathBuf>,
}

impl Browser {
    /// One that is given, or the pinned one.
    ///
    /// # Errors
    /// When there is none: what was tried, and what to do.
    pub fn obtain() -> Result<Self> {
        Self::obtain_by(settings::path(settings::CHROMIUM), || {
            let bundle = Bundle {
                name: "chromium",
                version: VERSION.into(),
                programs: &FILES,
                releases: vec![],
                builds: vec![],
            };
            bundle.obtain_by(&settings::cache()?, |draft| make(draft, fetch))
        })
    }

    fn obtain_by(given: Option<PathBuf>, pinned: impl FnOnce() -> Result<PathBuf>) -> Result<Self> {
        match given {
            Some(program) if program.is_file() => Ok(Self { program, home: None }),
            Some(other) => bail!("{} is {}, which is not a file", settings::CHROMIUM, other.display()),
            None => {
                let home = pinned().with_context(|| {
                    format!("there is no browser to look at pages with; name a Chromium with {}", settings::CHROMIUM)
                })?;
                Ok(Self { program: home.join(FILES[0]), home: Some(home) })
            }
        }
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Ready to be run, with its libraries and fonts.
    fn command(&self, wrapped: &[&str]) -> Command {
        let mut command = Command::new(wrapped[0]);
        command.args(&wrapped[1..]).arg(&self.program);
        if let Some(home) = &self.home {
            command.env("LD_LIBRARY_PATH", home.join("lib")).env("FONTCONFIG_PATH", home);
        }
        command
    }
}

/// Unpacks the package that `get` puts into a folder.
fn make(draft: &Path, get: impl Fn(&Path) -> Result<PathBuf>) -> Result<()> {
    if (std::env::consts::OS, std::env::consts::ARCH) != ("linux", "x86_64") {
        bail!("{PACKAGE} is for Linux on x86-64");
    }
    let work = tempfile::tempdir_in(draft)?;
    extract(&get(work.path())?, work.path())?;
    let part = |(name, sha256): (&str, &str)| {
        let places = ["package/bin", ""].map(|place| work.path().join(place).join(name));
        let found = places.into_iter().find(|path| path.is_file());
        let found = found.with_context(|| format!("{PACKAGE} {VERSION} holds no {name}"))?;
        checksums::matches(&found, sha256).context("what was fetched is not what was chosen")?;
        anyhow::Ok(found)
    };
    let program = draft.join(FILES[0]);
    expand(&part(PROGRAM)?, &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    for beside in BESIDE {
        let tar = work.path().join("tar");
        expand(&part(beside)?, &tar)?;
        extract(&tar, draft)?;
    }
    // The package's own looks for fonts where the package's author has them.
    fs::write(draft.join("fonts.conf"), FONTS)?;
    Ok(())
}

/// By npm, which knows which registry is used here, else from the package's releases.
fn fetch(into: &Path) -> Result<PathBuf> {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(into);
    npm.arg(format!("{PACKAGE}@{VERSION}")).current_dir(into).stdin(Stdio::null()).stdout(Stdio::null());
    let packed = npm.status().is_ok_and(|status| status.success());
    let archive = into.join(format!("sparticuz-chromium-{VERSION}.tgz"));
    if packed && archive.is_file() {
        return Ok(archive);
    }
    let release = into.join("release.tar");
    let (base, name) = ("https://github.com/Sparticuz/chromium/releases/download", "pack.x64.tar");
    download::curl(&format!("{base}/v{VERSION}/chromium-v{VERSION}-{name}"), &release)?;
    Ok(release)
}

fn extract(archive: &Path, into: &Path) -> Result<()> {
    let status = Command::new("tar").args(["--no-same-owner", "-xf"]).arg(archive).arg("-C").arg(into).status()?;
    if !status.success() {
        bail!("{} cannot be unpacked (tar: {status})", archive.display());
    }
    Ok(())
}

fn expand(from: &Path, to: &Path) -> Result<()> {
    let (packed, mut out) = (fs::File::open(from)?, BufWriter::new(fs::File::create(to)?));
    let mut unpacked = brotli_decompressor::Decompressor::new(BufReader::new(packed), 1 << 16);
    std::io::copy(&mut unpacked, &mut out).with_context(|| from.display().to_string())?;
    Ok(std::io::Write::flush(&mut out)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_is_not_the_pinned_one_is_not_unpacked() {
        for (place, says) in
            [("package/bin", "not what was chosen"), ("", "not what was chosen"), ("lib", "holds no chromium.br")]
        {
            let draft = tempfile::tempdir().unwrap();
            let refusal = make(draft.path(), |into| {
                let (inside, archive) = (into.join("evil"), into.join("other.tar"));
                fs::create_dir_all(inside.join(place))?;
                fs::write(inside.join(place).join(PROGRAM.0), "evil")?;
                let packed = Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&inside).arg(".").status()?;
                assert!(packed.success());
                Ok(archive)
            });
            let refusal = format!("{:#}", refusal.unwrap_err());
            assert!(refusal.contains(says), "{refusal}");
            assert_eq!(fs::read_dir(draft.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn the_users_browser_comes_first_and_without_any_it_is_said_what_to_do() {
        let given = tempfile::NamedTempFile::new().unwrap();
        let browser = Browser::obtain_by(Some(given.path().into()), || bail!("not asked for")).unwrap();
        assert_eq!((browser.program(), &browser.home), (given.path(), &None));
        let refusal = Browser::obtain_by(Some("/nowhere".into()), || bail!("not asked for")).unwrap_err().to_string();
        assert!(refusal.contains("CURFEW_CHROMIUM is /nowhere"), "{refusal}");
        let refusal = format!("{:#}", Browser::obtain_by(None, || bail!("no registry answers")).unwrap_err());
        assert!(refusal.contains("no registry answers") && refusal.contains("CURFEW_CHROMIUM"), "{refusal}");
    }
}
