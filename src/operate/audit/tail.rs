//! The lines that are added to a file, across its rotation and truncation, in bounded memory.
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Most bytes that are read at once.
const AT_ONCE: u64 = 4 << 20;
/// Most bytes of one line; longer ones are left out. An event of level Metadata has two thousand.
const LONGEST: usize = 1 << 20;

/// What was added.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Whole lines, without their ends.
    pub all: Vec<Vec<u8>>,
    /// How many lines were too long.
    pub dropped: usize,
    /// Whether there is more to read now.
    pub is_more: bool,
}

/// A file that grows.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    file: Option<Open>,
    /// Whether what is there was written before anybody followed it.
    skips_what_is_there: bool,
    partial: Vec<u8>,
    /// Whether the line that is being read is left out up to its end.
    leaves_out: bool,
}
#[derive(Debug)]
struct Open {
    file: File,
    identity: (u64, u64),
    offset: u64,
}

impl Tail {
    /// Follows what is added from now on. The file need not exist yet.
    pub fn at_its_end(path: &Path) -> Self {
        let mut tail =
            Self { path: path.to_owned(), file: None, skips_what_is_there: true, partial: vec![], leaves_out: false };
        // That it cannot be opened, the first read says.
        drop(tail.open());
        tail.skips_what_is_there = false;
        tail
    }
    fn open(&mut self) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        let offset = if self.skips_what_is_there { file.seek(SeekFrom::End(0))? } else { 0 };
        let mut last = [b'\n'];
        if offset > 0 {
            file.read_exact_at(&mut last, offset - 1)?;
        }
        self.partial.clear();
        // The rest of a line whose beginning is not read says nothing.
        self.leaves_out = last != *b"\n";
        self.file = Some(Open { identity: identity(&file.metadata()?), file, offset });
        Ok(())
    }

    /// Reads what was added since, up to a bound.
    ///
    /// # Errors
    /// When the file cannot be opened or read; the next read tries it again.
    pub fn read(&mut self) -> io::Result<Lines> {
        // Looked at before the rest of the old file is read: what was written before it was renamed is not missed.
        let at_path = match std::fs::metadata(&self.path) {
            Ok(found) => Some(identity(&found)),
            Err(error) if error.kind() == ErrorKind::NotFound && self.file.is_some() => None,
            Err(error) => return Err(error),
        };
        let mut lines = Lines::default();
        if self.file.is_none() {
            self.open()?;
        }
        self.read_on(&mut lines)?;
        let is_another = self.file.as_ref().zip(at_path).is_some_and(|(open, at_path)| open.identity != at_path);
        if is_another && !lines.is_more {
            self.open()?;
            lines.is_more = true;
        }
        Ok(lines)
    }
    fn read_on(&mut self, lines: &mut Lines) -> io::Result<()> {
        let Some(open) = &mut self.file else { return Ok(()) };
        if open.file.metadata()?.len() < open.offset {
            (open.offset, self.leaves_out) = (0, false);
            self.partial.clear();
        }
        open.file.seek(SeekFrom::Start(open.offset))?;
        let mut bytes = vec![];
        let count = (&open.file).take(AT_ONCE).read_to_end(&mut bytes)?;
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        (open.offset, lines.is_more) = (open.offset.saturating_add(count), count == AT_ONCE);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.part(part, lines);
        }
        Ok(())
    }
    /// Takes the next part of a line, or its end.
    fn part(&mut self, part: &[u8], lines: &mut Lines) {
        let (text, is_whole) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
        if !self.leaves_out && self.partial.len() + text.len() > LONGEST {
            (self.leaves_out, self.partial) = (true, vec![]);
            lines.dropped += 1;
        }
        if !self.leaves_out {
            self.partial.extend_from_slice(text);
        }
        if is_whole {
            let line = std::mem::take(&mut self.partial);
            if !std::mem::take(&mut self.leaves_out) && !line.is_empty() {
                lines.all.push(line);
            }
        }
    }
}
fn identity(of: &Metadata) -> (u64, u64) {
    (of.dev(), of.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    struct Log(PathBuf);
    impl Log {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("curfew-tail-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder.join("audit.log"))
        }
        fn add(&self, text: &str) {
            let mut file = OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
        fn rotate(&self) {
            fs::rename(&self.0, self.0.with_extension("1")).unwrap();
        }
    }
    impl Drop for Log {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(self.0.parent().unwrap()));
        }
    }
    fn all(tail: &mut Tail) -> Vec<String> {
        let mut said = vec![];
        loop {
            let lines = tail.read().unwrap();
            said.extend(lines.all.iter().map(|line| String::from_utf8(line.clone()).unwrap()));
            if !lines.is_more {
                return said;
            }
        }
    }

    #[test]
    fn what_is_added_is_read_once_and_whole() {
        let log = Log::new("added");
        log.add("before\nhalf");
        let mut tail = Tail::at_its_end(&log.0);
        assert_eq!(all(&mut tail), [""; 0]);
        log.add(" a line\none\ntw");
        assert_eq!(all(&mut tail), ["one"], "what began before is left out, and what is not whole waits");
        log.add("o\n\nthree\n");
        assert_eq!(all(&mut tail), ["two", "three"]);
    }
    #[test]
    fn a_rotation_loses_nothing() {
        let log = Log::new("rotated");
        log.add("before\n");
        let mut tail = Tail::at_its_end(&log.0);
        log.add("one\n");
        log.rotate();
        assert_eq!(all(&mut tail), ["one"], "between the rename and the new file");
        let mut old = OpenOptions::new().append(true).open(log.0.with_extension("1")).unwrap();
        old.write_all(b"two\n").unwrap();
        log.add("three\n");
        assert_eq!(all(&mut tail), ["two", "three"], "the rest of the old one, then the new one from its beginning");
    }
    #[test]
    fn a_truncation_begins_anew() {
        let log = Log::new("truncated");
        let mut tail = Tail::at_its_end(&log.0);
        assert_eq!(tail.read().unwrap_err().kind(), ErrorKind::NotFound, "it need not exist yet");
        log.add("one is long\nhalf");
        assert_eq!(all(&mut tail), ["one is long"]);
        fs::write(&log.0, "two\n").unwrap();
        assert_eq!(all(&mut tail), ["two"]);
    }
    #[test]
    fn a_huge_line_is_counted_and_left_out() {
        let log = Log::new("huge");
        log.add("");
        let mut tail = Tail::at_its_end(&log.0);
        log.add(&format!("{}\nafter\n", "x".repeat(2 * LONGEST)));
        let lines = tail.read().unwrap();
        assert_eq!((lines.all, lines.dropped), (vec![b"after".to_vec()], 1));
        log.add(&"y".repeat(usize::try_from(AT_ONCE).unwrap() * 2));
        assert_eq!(all(&mut tail), [""; 0]);
        assert!(tail.partial.is_empty(), "and is not kept while it goes on");
        log.add("\nlast\n");
        assert_eq!(all(&mut tail), ["last"]);
    }
}
