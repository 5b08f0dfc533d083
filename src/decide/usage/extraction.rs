//! What looks as if data is taken out (K2): Secrets, lists without an end, and tools that copy or dump.
//!
//! It sees what the API server sees: the command that opens a session in a container, and nothing of what is typed there (N5).
use super::Event;

/// Programs that copy or dump data.
const TOOLS: &[&str] = &[
    "aws",
    "base64",
    "bzip2",
    "cpio",
    "curl",
    "dd",
    "ftp",
    "gcloud",
    "gpg",
    "gsutil",
    "gzip",
    "mariadb-dump",
    "mongodump",
    "mongoexport",
    "mysqldump",
    "nc",
    "ncat",
    "openssl",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "rclone",
    "rsync",
    "s3cmd",
    "scp",
    "sftp",
    "socat",
    "ssh",
    "tar",
    "wget",
    "xxd",
    "xz",
    "zip",
    "zstd",
];
/// How many objects one call may ask for: `kubectl` asks for 500.
const WIDE: u64 = 2000;
/// How many further pages of lists one access may turn.
const PAGES: usize = 4;

/// What was found, in words that hold nothing of the data; `pages` counts the further pages of lists.
pub fn found(event: &Event, pages: &mut usize) -> Option<String> {
    match (event.resource(), event.verb.as_str()) {
        (("", "secrets", _), "get" | "list" | "watch") => Some("read Secrets".into()),
        (("", "pods", "exec" | "attach"), _) => {
            let tool = query(&event.uri).filter(|(name, _)| name == "command").find_map(|(_, words)| tool(&words));
            tool.map(|tool| format!("ran {tool} in a container"))
        }
        (_, "list") => wide(event, pages),
        _ => None,
    }
}

fn wide(event: &Event, pages: &mut usize) -> Option<String> {
    let all: Vec<_> = query(&event.uri).collect();
    let has = |name: &str| all.iter().any(|(key, value)| key == name && !value.is_empty());
    let limit = all.iter().find(|(key, _)| key == "limit").and_then(|(_, value)| value.parse::<u64>().ok());
    if has("continue") {
        *pages += 1;
    }
    // What keeps a cache begins at a version, and has no limit.
    let is_endless = limit.is_none_or(|limit| limit == 0)
        && !["labelSelector", "fieldSelector", "resourceVersion"].iter().any(|name| has(name));
    let is_wide = limit.is_some_and(|limit| limit > WIDE) || is_endless || *pages > PAGES;
    is_wide.then(|| format!("a very wide {}", event.what()))
}

/// The first of the tools that these words name, also within a script.
fn tool(words: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    words.split(|c| !plain(c)).find_map(|word| TOOLS.iter().find(|tool| **tool == word).copied())
}

fn query(uri: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = uri.split_once('?').map_or("", |(_, query)| query).split('&');
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (decoded(name), decoded(value)))
}
/// Without its percent signs; what is not so encoded stays as it is.
fn decoded(text: &str) -> String {
    let (bytes, mut out, mut i) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(i) {
        let hex = bytes.get(i + 1..i + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                i += 2;
            }
            (b'+', _) => out.push(b' '),
            (other, _) => out.push(*other),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
