//! Ticket patterns: read once, bounded, always for the whole ticket.
use crate::decide::memo::Memo;
use regex::{Regex, RegexBuilder};

/// A compiled pattern takes at most so many bytes, so that no policy can fill the operator's memory.
const MOST_BYTES: usize = 1 << 20;
/// One that takes no more than this is remembered, and so many of them: few take more.
const MOST_REMEMBERED: usize = 1 << 16;
const MOST_KNOWN: usize = 32;
/// The longest ticket that the API accepts.
const LONGEST_TICKET: usize = 63;

/// Reads a ticket pattern; the error says in words what is wrong, and where.
///
/// # Errors
/// What is wrong with it, and where.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    static KNOWN: Memo<Option<Regex>> = Memo::new(MOST_KNOWN);
    let small = KNOWN.get(pattern, || read(pattern, MOST_REMEMBERED).ok());
    small.map_or_else(|| read(pattern, MOST_BYTES), Ok)
}
fn read(pattern: &str, most: usize) -> Result<Regex, String> {
    // On its own first: an error then points into what the author wrote, and `^a)|(b$` cannot leave the brackets below.
    regex_syntax::parse(pattern).map_err(|error| explain(pattern, &error))?;
    // `^SUP|INC$` would accept `SUP or anything`: the whole ticket is judged, whatever the pattern anchors.
    RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .size_limit(most)
        .dfa_size_limit(MOST_REMEMBERED * 4)
        .build()
        .map_err(|error| explain_whole(pattern, &error))
}

/// Whether a pattern asks for nothing: it accepts words without any number or form, so no ticket has to be named (A16).
pub fn accepts_anything(pattern: &Regex) -> bool {
    nonsense().any(|text| pattern.is_match(&text))
}

/// Words that name no ticket, at every length and in every case, and a sentence that happens to hold a number.
fn nonsense() -> impl Iterator<Item = String> {
    const LETTERS: &str = "qjxwvzkypmhgnrtsuolqwzjkvxyhmpgntrsolukqzjwxvmykhpgntrsoluqjxwvz";
    let cut = |length: usize| LETTERS.get(..length).unwrap_or(LETTERS).to_owned();
    let capital = |text: &str| text[..1].to_uppercase() + &text[1..];
    let letters = (1..=LONGEST_TICKET).map(cut).flat_map(move |lower| [lower.to_uppercase(), capital(&lower), lower]);
    letters.chain(["well, you know 7", "no. 7 please", "x y", "- - -"].map(str::to_owned))
}

fn explain(pattern: &str, error: &regex_syntax::Error) -> String {
    let (what, at) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.offset),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span().start.offset),
        other => return format!("`{pattern}` is not a regular expression: {other}"),
    };
    let character = pattern.get(..at).unwrap_or(pattern).chars().count() + 1;
    format!("`{pattern}` is not a regular expression: {what}, at character {character}")
}

fn explain_whole(pattern: &str, error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            format!("`{pattern}` is too large: it takes more than {MOST_BYTES} bytes; use smaller repetitions")
        }
        // Only a comment that swallows our closing bracket gets here: `(?x)` with `#`.
        _ => format!("`{pattern}` is not a regular expression for a whole ticket: leave out (?x)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b2_the_whole_ticket_is_judged() {
        for (pattern, ticket, matches) in [
            ("^(SUP|INC)-[0-9]+$", "SUP-4812", true),
            ("^(SUP|INC)-[0-9]+$", "SUP-4812 or so", false),
            ("^(SUP|INC)-[0-9]+$", "sup-4812", false),
            ("^(SUP|INC)-[0-9]+$", "SUP-4812\n", false),
            ("^(SUP|INC)-[0-9]+$", "my SUP-4812", false),
            ("^SUP|INC$", "SUPPORT ME", false),
            ("^SUP|INC$", "INC", true),
            ("(?m)^SUP-1$", "SUP-1\nSUP-2", false),
            (r"^#\d{1,6}$", "#77", true),
            ("(?i)^inc[0-9]{7}$", "INC0012345", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(ticket), matches, "{pattern} {ticket:?}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_explained() {
        for (pattern, words) in [
            ("^(SUP-[0-9]+$", "unclosed group, at character 2"),
            ("^SUP-[0-9+$", "unclosed character class, at character 6"),
            ("^[z-a]$", "invalid character class range, the start must be <= the end, at character 3"),
            ("^é(SUP$", "unclosed group, at character 3"),
            ("^a)|(b$", "unopened group, at character 3"),
            (r"^\p{Nope}$", "Unicode property not found, at character 2"),
            ("^(?=SUP)$", "look-around"),
            ("(?x)^SUP #$", "leave out (?x)"),
            ("^((((a{100}){100}){100}){100})$", "is too large"),
        ] {
            let error = compile(pattern).unwrap_err();
            assert!(error.contains(words) && error.contains(pattern), "{error}");
            assert!(!error.contains('\n'));
        }
    }

    #[test]
    fn a16_a_pattern_that_accepts_anything_is_no_evidence() {
        for (pattern, anything) in [
            ("^.*$", true),
            ("^.+$", true),
            (r"^\S+$", true),
            (r"^\w+$", true),
            ("^.{10,}$", true),
            ("^.{20}$", true),
            ("^[A-Z]{3,8}$", true),
            ("^[a-z-]+$", true),
            ("^.*[0-9].*$", true),
            ("^$|^.*$", true),
            ("^(SUP-[0-9]+|.*)$", true),
            ("^(SUP|INC)-[0-9]+$", false),
            ("^[A-Z]+-[0-9]+$", false),
            ("^[A-Z]{2,10}[0-9]{4,}$", false),
            ("^[0-9]+$", false),
            ("^#[0-9]+$", false),
            ("^CASE-[A-Za-z0-9]+$", false),
            ("^[0-9a-f]{8}$", false),
            ("^(drill|INC-[0-9]+)$", false),
            ("^https://tracker[.]example[.]com/.+$", false),
        ] {
            assert_eq!(accepts_anything(&compile(pattern).unwrap()), anything, "{pattern}");
        }
    }
}
