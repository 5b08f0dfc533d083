//! SHA-256 of programs, in the format of `sha256sum`.

use std::{collections::BTreeMap, fs, io::Read, path::Path};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// The file that holds the checksums of a directory's programs.
pub const MANIFEST: &str = "SHA256SUMS";

/// The SHA-256 of a file, in hexadecimal digits.
pub fn of(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).with_context(|| path.display().to_string())?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes the checksums of the named programs beside them.
pub fn record(directory: &Path, programs: &[&str]) -> Result<()> {
    let mut text = String::new();
    for program in programs {
        text += &format!("{}  {program}\n", of(&directory.join(program))?);
    }
    fs::write(directory.join(MANIFEST), text).context("writing the checksums")
}

/// Fails unless each named program is what [`record`] saw.
pub fn verify(directory: &Path, programs: &[&str]) -> Result<()> {
    let path = directory.join(MANIFEST);
    let recorded = parse(&fs::read_to_string(&path).with_context(|| path.display().to_string())?);
    for program in programs {
        let Some(expected) = recorded.get(*program) else { bail!("{} does not list {program}", path.display()) };
        matches(&directory.join(program), expected)?;
    }
    Ok(())
}

/// Fails unless the file has this SHA-256.
pub fn matches(path: &Path, expected: &str) -> Result<()> {
    let found = of(path)?;
    if found != expected.to_ascii_lowercase() {
        bail!("{} has SHA-256 {found}, expected {expected}", path.display());
    }
    Ok(())
}

/// Reads `<digest>  <file>` lines; the digest of a line without a file name stands under the empty name.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let digest = words.next()?;
            Some((words.next().unwrap_or_default().trim_start_matches('*').to_owned(), digest.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_changed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("etcd"), "good").unwrap();
        record(directory.path(), &["etcd"]).unwrap();
        verify(directory.path(), &["etcd"]).unwrap();

        fs::write(directory.path().join("etcd"), "evil").unwrap();
        let refusal = verify(directory.path(), &["etcd"]).unwrap_err().to_string();
        assert!(refusal.contains("etcd has SHA-256"), "{refusal}");
    }

    #[test]
    fn a_program_that_the_checksums_do_not_list_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("etcd"), "good").unwrap();
        record(directory.path(), &[]).unwrap();
        assert!(verify(directory.path(), &["etcd"]).is_err());
    }

    #[test]
    fn the_digest_is_the_one_that_sha256sum_prints() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("empty"), "").unwrap();
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(of(&directory.path().join("empty")).unwrap(), digest);
    }
}
