//! Files that are named on the command line; `-` is standard input.
use crate::failure::Failure;
use curfew::decide::text;
use std::io::Read;

/// All of it.
///
/// # Errors
/// When it cannot be read, with its name.
pub fn read(file: &str) -> Result<String, Failure> {
    let mut read = String::new();
    let done = match file {
        "-" => std::io::stdin().read_to_string(&mut read).map(drop),
        _ => std::fs::File::open(file).and_then(|mut open| open.read_to_string(&mut read)).map(drop),
    };
    done.map_err(|error| Failure::Error(text::line(&format!("{file}: {error}"), 1024)))?;
    Ok(read)
}
