//! Whether a text says anything: reasons that are too vague, and comments that are a bare yes.
//!
//! Case, blanks, punctuation, accents and Unicode dress do not count. Listed phrases and filler are taken out, and what
//! is left is counted: a phrase inside a sentence that says something does no harm.
use crate::api::policy::ReasonRule;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Phrases that say nothing about a task, whoever writes them: one a line.
pub const PHRASES: &str = include_str!("words/phrases.txt");

/// Words that carry no meaning of their own here.
pub const FILLER: &str = include_str!("words/filler.txt");

/// Phrases that agree without saying why: one a line.
pub const BARE: &str = include_str!("words/bare.txt");

/// What is no emergency, such as haste: one a line.
pub const HASTE: &str = include_str!("words/haste.txt");

/// How many words an answer needs to say something, such as why a safer method does not do: it stands beside a reason that
/// has its own measure.
pub const ANSWER: usize = 2;

/// What a text has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// How many words it has beside listed phrases and filler; each counts once.
    pub words: usize,
    /// What was taken out as saying nothing.
    pub empty: Vec<String>,
}

/// Weighs a reason; `phrases` are the policy's own, beside [`PHRASES`].
pub fn weigh(text: &str, phrases: &[String]) -> Weight {
    let own = by_first_word(phrases.iter().map(String::as_str));
    weigh_without(text, &[&PHRASES_READ, &own])
}

/// How many words of an impact say something, haste left out.
pub fn weigh_impact(text: &str) -> usize {
    weigh_without(text, &[&PHRASES_READ, &HASTE_READ]).words
}

/// Whether a reason says less than its policy asks for, and what it weighs (B1, B20).
pub fn is_vague(text: &str, rule: &ReasonRule) -> (bool, Weight) {
    let weight = weigh(text, &rule.reject_phrases);
    (weight.words < usize::try_from(rule.min_words).unwrap_or(1).max(1), weight)
}

/// Whether a comment is no reason to approve: shorter than `least` characters, or a yes in other words (C13).
///
/// With `least` 0 a policy asks for no comment, so none is bare.
pub fn is_bare(comment: &str, least: usize) -> bool {
    let length =
        comment.split_whitespace().map(|word| word.chars().filter(|c| !is_unseen(*c)).count() + 1).sum::<usize>();
    let says_nothing = || weigh_without(comment, &[&PHRASES_READ, &BARE_READ]).words == 0;
    least > 0 && (length.saturating_sub(1) < least || says_nothing())
}

/// The lines of a list, without its comments.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter(|line| !line.starts_with('#'))
}

/// Phrases, word by word, under the first of each: a text is held against hundreds.
type Phrases = BTreeMap<String, Vec<Vec<String>>>;

fn by_first_word<'a>(phrases: impl Iterator<Item = &'a str>) -> Phrases {
    let mut all = Phrases::new();
    for phrase in phrases.map(tokens) {
        if let Some(first) = phrase.first() {
            all.entry(first.clone()).or_default().push(phrase);
        }
    }
    all
}

// The lists as they are compared: read once, since every text is held against all of them.
static PHRASES_READ: LazyLock<Phrases> = LazyLock::new(|| by_first_word(entries(PHRASES)));
static HASTE_READ: LazyLock<Phrases> = LazyLock::new(|| by_first_word(entries(HASTE)));
static BARE_READ: LazyLock<Phrases> = LazyLock::new(|| by_first_word(entries(BARE)));
static FILLER_READ: LazyLock<BTreeSet<String>> = LazyLock::new(|| entries(FILLER).flat_map(tokens).collect());

/// Takes out the longest listed phrase at each place, and filler; what is left is counted.
fn weigh_without(text: &str, lists: &[&Phrases]) -> Weight {
    let (mut rest, mut empty, mut left) = (&tokens(text)[..], Vec::new(), BTreeSet::new());
    while let Some(first) = rest.first() {
        let listed = lists.iter().filter_map(|list| list.get(first)).flatten();
        let matching = listed.filter(|phrase| rest.starts_with(phrase));
        let listed = matching.map(Vec::len).max().unwrap_or(0);
        let taken = if listed == 0 && (FILLER_READ.contains(first) || is_noise(first)) { 1 } else { listed };
        if taken == 0 {
            left.insert(first.clone());
        } else {
            empty.push(rest[..taken].join(" "));
        }
        rest = &rest[taken.max(1)..];
    }
    Weight { words: count(&left), empty }
}

/// Numbers count beside words only, never instead of them. Two characters of a script without spaces make a word, of
/// Hiragana four: most of it is grammar.
fn count(left: &BTreeSet<String>) -> usize {
    let is_number = |token: &&String| token.chars().all(char::is_numeric);
    let is_unspaced = |token: &&String| token.chars().all(is_unspaced);
    let is_hiragana = |token: &&String| token.chars().all(|c| matches!(c, '\u{3040}'..='\u{309f}'));
    let unspaced = left.iter().filter(is_unspaced).count();
    let quarters = 2 * unspaced - left.iter().filter(is_hiragana).count();
    let numbers = left.iter().filter(is_number).count();
    let words = left.len() - numbers - unspaced + quarters / 4;
    words + numbers.min(words)
}

/// One letter alone, or a few again and again: `aaaa`, `asdfasdf`.
fn is_noise(token: &str) -> bool {
    let letters: Vec<char> = token.chars().collect();
    if letters.iter().any(|c| c.is_numeric() || is_unspaced(*c)) {
        return false;
    }
    let repeats =
        |part: usize| letters.len().is_multiple_of(part) && letters.chunks(part).all(|c| *c == letters[..part]);
    let part = (1..=letters.len()).find(|part| repeats(*part)).unwrap_or(1);
    part == 1 || (part < letters.len() && FILLER_READ.contains(&letters[..part].iter().collect::<String>()))
}

/// The words of a text as people read them: lower case, no accents, no punctuation; in scripts without spaces each
/// character is one.
fn tokens(text: &str) -> Vec<String> {
    if text.is_ascii() {
        // The same in less time: there is no other form of these, nothing unseen, and one lower case each.
        return split(text.chars().filter(|c| !is_apostrophe(*c)).map(|c| c.to_ascii_lowercase()));
    }
    split(undressed(text))
}
/// Without what only decorates it.
fn undressed(text: &str) -> impl Iterator<Item = char> {
    let seen = text.nfkd().filter(|c| !is_combining_mark(*c) && !is_unseen(*c) && !is_apostrophe(*c));
    seen.flat_map(char::to_lowercase)
}
fn split(text: impl Iterator<Item = char>) -> Vec<String> {
    let mut tokens = vec![String::new()];
    for c in text {
        match tokens.last_mut() {
            Some(last) if c.is_alphanumeric() && !is_unspaced(c) && !last.ends_with(is_unspaced) => last.push(c),
            _ if c.is_alphanumeric() => tokens.push(c.into()),
            _ => tokens.push(String::new()),
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | '`' | 'ʼ')
}

/// Takes up no room, or shows nothing: soft hyphens, zero-width and direction marks, letters that are blanks.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

/// Scripts that put no spaces between words: Han, Kana, Thai, Lao, Burmese, Khmer.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_vague(text: &str) -> bool {
        super::is_vague(text, &ReasonRule::default()).0
    }

    /// The requirement's own words.
    const REFUSED: &[&str] = &[
        "investigate",
        "debugging",
        "investigation",
        "Need prod access",
        "Need to investigate",
        "Need access to investigate",
        "Need database access to look into a login issue",
        "just five minutes in prod",
        "just in case",
        "because it was faster",
    ];
    const ACCEPTED: &[&str] = &[
        "Need read-only access to check why invoice totals changed for customer account 4812",
        "Restart payment worker for incident 1842",
    ];

    /// What hides its words.
    const DRESSED: &[&str] = &[
        "",
        "   ",
        "inves\u{200b}tigate prod\u{ad}uction ac\u{200d}cess deb\u{2060}ugging",
        "N.e.e.d. .p.r.o.d. .a.c.c.e.s.s.",
        "i n v e s t i g a t e   t h e   i s s u e",
    ];
    /// Real reasons, and empty ones: what the rates below are measured on.
    const HONEST: &str = include_str!("words/honest.txt");
    const EMPTY: &str = include_str!("words/empty.txt");

    /// Each text in every dress that means the same.
    fn dresses(text: &str) -> Vec<String> {
        let wide = |c: char| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xfee0).unwrap() } else { c };
        vec![
            text.to_owned(),
            text.to_uppercase(),
            text.to_lowercase(),
            text.replace(' ', "\u{a0}\t  "),
            text.replace(' ', "  \n"),
            format!("  ** {text}!!! **  "),
            text.chars().map(wide).collect(),
            text.chars().flat_map(|c| [c, '\u{200b}']).collect(),
            text.chars().flat_map(|c| [c, '\u{fe0f}']).collect(),
            text.nfd().collect(),
            text.nfkc().collect(),
            format!("{text}{}", "\u{3164}".repeat(30)),
        ]
    }
    /// How many of a set are judged wrongly, in any dress, and the share of all.
    fn wrong(set: &str, is_wrong: fn(&str) -> bool) -> (Vec<String>, f64) {
        let all: Vec<_> = entries(set).flat_map(dresses).collect();
        let wrong: Vec<_> = all.iter().filter(|text| is_wrong(text)).cloned().collect();
        let share = wrong.len() as f64 / all.len() as f64;
        (wrong, share)
    }

    #[test]
    fn b20_b21_no_honest_reason_is_refused_and_no_empty_one_passes() {
        let (honest, empty) = (entries(HONEST).count(), entries(EMPTY).count());
        let (refused, false_refusals) = wrong(HONEST, is_vague);
        let (passed, false_passes) = wrong(EMPTY, |text| !is_vague(text));
        println!(
            "{honest} honest reasons: {:.1} % refused; {empty} empty: {:.1} % passed",
            false_refusals * 100.,
            false_passes * 100.
        );
        assert!(honest >= 100 && empty >= 100, "{honest} and {empty} are too few to measure");
        assert!(refused.is_empty(), "refused although they say something: {refused:#?}");
        assert!(passed.is_empty(), "passed although they say nothing: {passed:#?}");
    }

    #[test]
    fn b20_no_list_holds_a_reason_as_a_whole() {
        let listed: BTreeSet<_> = entries(PHRASES).map(tokens).collect();
        let long =
            listed.iter().filter(|phrase| phrase.len() > 6 && !phrase.iter().all(|t| t.chars().all(is_unspaced)));
        assert_eq!(long.count(), 0, "phrases are a few words, or the rates above would measure nothing");
        let honest: Vec<_> = entries(HONEST).map(tokens).collect();
        let with_phrase =
            |text: &&Vec<String>| listed.iter().any(|phrase| text.windows(phrase.len()).any(|part| part == phrase));
        let with_filler =
            |text: &&Vec<String>| text.iter().any(|token| entries(FILLER).flat_map(tokens).any(|f| f == *token));
        assert!(honest.iter().filter(with_phrase).count() >= 20, "honest reasons hold listed phrases too");
        assert!(honest.iter().filter(with_filler).count() >= 60, "and listed words");
    }

    #[test]
    fn b20_plain_text_is_read_as_any_other() {
        let every: String = (0..128u8).map(char::from).collect();
        for text in
            entries(HONEST).chain(entries(EMPTY)).chain(REFUSED.iter().copied()).chain([every.as_str(), "Don't"])
        {
            assert_eq!(tokens(text), split(undressed(text)), "{text:?}");
        }
    }

    #[test]
    fn b20_vague_reasons_are_refused() {
        for text in REFUSED.iter().chain(DRESSED) {
            assert!(is_vague(text), "{text:?}: {:?}", weigh(text, &[]));
        }
    }

    #[test]
    fn b20_a_vague_reason_in_other_dress_is_refused() {
        for text in REFUSED.iter().copied().chain(DRESSED.iter().copied()).chain(entries(EMPTY)) {
            let wide = |c: char| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xfee0).unwrap() } else { c };
            for dressed in [
                text.to_uppercase(),
                text.replace(' ', "\u{a0}\t  "),
                text.replace(' ', " - "),
                format!("  ** {text}!!! **  "),
                text.chars().map(wide).collect(),
                text.chars().flat_map(|c| [c, '\u{200b}']).collect(),
                text.chars().flat_map(|c| [c, '\u{301}']).collect(),
                format!("{text}{}", "\u{3164}".repeat(30)),
                format!("{text} {text} {text}"),
            ] {
                assert!(is_vague(&dressed), "{dressed:?}: {:?}", weigh(&dressed, &[]));
            }
        }
    }

    #[test]
    fn b21_reasons_that_say_something_pass() {
        for text in ACCEPTED.iter().copied().chain(entries(HONEST)) {
            assert!(!is_vague(text), "{text:?}: {:?}", weigh(text, &[]));
            assert!(!is_vague(&text.to_uppercase()), "{text:?} in capitals");
            assert!(!is_vague(&text.replace(' ', "  \n")), "{text:?} with more blanks");
        }
    }

    #[test]
    fn b20_a_policy_adds_phrases_and_words() {
        let text = "Verify ledger balances with the usual monthly routine";
        let rule = |min_words, phrases: &[&str]| ReasonRule {
            min_words,
            reject_phrases: phrases.iter().map(|p| (*p).to_owned()).collect(),
        };
        assert!(!super::is_vague(text, &rule(4, &[])).0);
        assert!(super::is_vague(text, &rule(4, &["Usual, MONTHLY  routine!"])).0);
        assert!(!super::is_vague(text, &rule(4, &["..."])).0, "a phrase of punctuation is none");
        assert!(super::is_vague(text, &rule(9, &[])).0);
        assert!(super::is_vague("", &rule(0, &[])).0, "at least one word, whatever the policy says");
    }

    #[test]
    fn b20_the_requester_is_told_what_said_nothing() {
        let weight = weigh("Need access to look into a login issue of Zoë", &[]);
        assert_eq!(weight.words, 1);
        assert_eq!(weight.empty, ["need", "access", "to", "look into", "a", "login issue", "of"]);
    }

    #[test]
    fn c13_a_bare_yes_is_no_approval() {
        for bare in [
            "ok",
            "go ahead",
            "approve",
            "OK!",
            "  Approved.  ",
            "lgtm",
            "looks good to me",
            "Ok, go ahead, approved!!!",
            "approve approve approve",
            "yes yes yes yes yes",
            "sure, no problem, go ahead",
            "ok                         ok",
            "o\u{200b}k\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}",
            "............",
            "",
            "ＡＰＰＲＯＶＥＤ ＡＰＰＲＯＶＥＤ",
            "承認します。承認します。",
        ] {
            assert!(is_bare(bare, 10), "{bare:?}");
        }
        for said in [
            "Narrow and tied to a case.",
            "Tied to SUP-4812.",
            "OK: one restart, no data is touched.",
            "Approved, read-only for 20 minutes.",
            "請求の原因調査に限り承認します。",
        ] {
            assert!(!is_bare(said, 10), "{said:?}");
        }
        assert!(is_bare("Tied to it.", 40), "the policy asks for more");
        assert!(is_bare("ok", 1), "a phrase is bare at any length");
        assert!(!is_bare("", 0), "a policy that asks for no comment gets none");
    }

    #[test]
    fn every_list_has_an_entry_once_and_as_it_is_compared() {
        for list in [PHRASES, BARE] {
            let distinct: BTreeSet<_> = entries(list).map(tokens).collect();
            assert_eq!(distinct.len(), entries(list).count());
            assert!(!distinct.contains(&vec![]));
        }
    }
}
