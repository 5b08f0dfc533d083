//! Whether a text says anything: reasons that are too vague, and comments that are a bare yes.
//!
//! Case, blanks, punctuation, accents and Unicode dress do not count. Listed phrases and filler are taken out, and what
//! is left is counted: a phrase inside a sentence that says something does no harm.
use crate::api::policy::ReasonRule;
use std::collections::BTreeSet;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Phrases that say nothing about a task, whoever writes them: one a line.
pub const PHRASES: &str = include_str!("words/phrases.txt");

/// Words that carry no meaning of their own here.
pub const FILLER: &str = include_str!("words/filler.txt");

/// Phrases that agree without saying why: one a line.
pub const BARE: &str = include_str!("words/bare.txt");

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
    weigh_without(text, entries(PHRASES).chain(phrases.iter().map(String::as_str)))
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
    let says_nothing = || weigh_without(comment, entries(PHRASES).chain(entries(BARE))).words == 0;
    least > 0 && (length.saturating_sub(1) < least || says_nothing())
}

/// The lines of a list, without its comments.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter(|line| !line.starts_with('#'))
}

fn weigh_without<'a>(text: &str, phrases: impl Iterator<Item = &'a str>) -> Weight {
    let mut phrases: Vec<_> = phrases.map(tokens).filter(|phrase| !phrase.is_empty()).collect();
    phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    let filler: BTreeSet<String> = entries(FILLER).flat_map(tokens).collect();
    let (mut rest, mut empty, mut left) = (&tokens(text)[..], Vec::new(), BTreeSet::new());
    while let Some(first) = rest.first() {
        let listed = phrases.iter().find(|phrase| rest.starts_with(phrase)).map_or(0, Vec::len);
        let taken = if listed == 0 && (filler.contains(first) || is_noise(first)) { 1 } else { listed };
        if taken == 0 {
            left.insert(first.clone());
        } else {
            empty.push(rest[..taken].join(" "));
        }
        rest = &rest[taken.max(1)..];
    }
    Weight { words: count(&left), empty }
}

/// Numbers count beside words only, never instead of them; two characters of a script without spaces make a word.
fn count(left: &BTreeSet<String>) -> usize {
    let is_number = |token: &&String| token.chars().all(char::is_numeric);
    let is_unspaced = |token: &&String| token.chars().all(is_unspaced);
    let unspaced = left.iter().filter(is_unspaced).count();
    let numbers = left.iter().filter(is_number).count();
    let words = left.len() - numbers - unspaced + unspaced / 2;
    words + numbers.min(words)
}

/// One letter alone, or one letter again and again.
fn is_noise(token: &str) -> bool {
    let mut letters = token.chars();
    let first = letters.next();
    first.is_none_or(|first| !first.is_numeric() && !is_unspaced(first) && letters.all(|c| c == first))
}

/// The words of a text as people read them: lower case, no accents, no punctuation; in scripts without spaces each
/// character is one.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let seen = text.nfkd().filter(|c| !is_combining_mark(*c) && !is_unseen(*c) && !is_apostrophe(*c));
    for c in seen.flat_map(char::to_lowercase) {
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

    const EMPTY: &[&str] = &[
        "",
        "   ",
        "............................",
        "I need to debug faster",
        "I need access to production to do my job please",
        "Please give me access, it is very urgent!!!",
        "Need to look into something in the production cluster",
        "Troubleshooting an issue in prod right now",
        "Working on a ticket, need access asap",
        "see ticket for details see ticket",
        "SUP-4812 SUP-4812 SUP-4812 SUP-4812",
        "asdf asdf qwer zxcv hjkl",
        "aaaa bbbb cccc dddd eeee ffff",
        "a b c d e f g h i j k l m n o p",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14",
        "test test test test test test",
        "prod prod prod prod prod prod",
        "Lorem ipsum lorem ipsum lorem ipsum",
        "I want to take a look around the system",
        "have a look at what is going on in production",
        "As discussed with my manager yesterday",
        "my manager asked me to check it out",
        "I was told to do this as soon as possible",
        "Business need, as requested by the business",
        "customer issue, need to fix the problem",
        "fixing a bug in the application in prod",
        "To find out what is wrong with the service",
        "it does not work, please help me now",
        "Same as last time, same as before, thanks",
        "root cause investigation of the incident",
        "just want to make sure everything works",
        "none none n/a n/a tbd tbd todo todo",
        "inves\u{200b}tigate prod\u{ad}uction ac\u{200d}cess deb\u{2060}ugging",
        "N.e.e.d. .p.r.o.d. .a.c.c.e.s.s.",
        "i n v e s t i g a t e   t h e   i s s u e",
        "ich brauche Zugriff auf Produktion bitte",
        "本番環境の調査のためアクセスが必要です。お願いします。",
        "需要访问生产环境排查问题,看一下,看看问题",
        "ああああああああああああああああああああああ",
    ];

    const HONEST: &[&str] = &[
        "Check why invoice totals changed for customer account 4812.",
        "Restart the payment worker: it has not consumed from the queue since 14:02.",
        "Find out why checkout returns 502 for carts with gift cards.",
        "Debug the memory leak in the pricing pods that began with release 3.14.",
        "Investigate duplicate charges that customer 771 reported on Monday.",
        "Read the logs of the importer that failed on tonight's bank file.",
        "Delete the stuck pod of the mail relay so that password resets go out again.",
        "Need production access to verify that the rollback of orders-api took effect.",
        "Look into slow queries on the ledger replica after the index was dropped.",
        "See which feature flag turned off refunds for Norwegian merchants.",
        "Confirm that the certificate of the webhook endpoint was renewed.",
        "Take a heap dump of the search pod before it is restarted for OOM.",
        "Compare the config map of the tax calculator with what was released yesterday.",
        "Scale the thumbnail workers to drain a backlog of 40000 images.",
        "Trace one request of tenant Falcon through gateway and billing.",
        "Customer cannot log in since their SSO metadata changed; read auth logs.",
        "Replay the failed settlement job for 2026-03-14.",
        "Unblock the nightly export: lock held by a dead pod.",
        "Verify whether the fraud rules reload picked up the new list.",
        "Check disk pressure on the volume that the audit writer fills.",
        "Quick check of DNS resolution from the shipping pods to the carrier's API.",
        "Just in case the migration hangs, kill its session on the orders schema.",
        "Watch error rate of checkout while release 812 rolls out to Frankfurt.",
        "Rotate the leaked API key that the courier integration still uses.",
        "Capture thread dumps of the stalled scheduler for the vendor.",
        "Kundin 4812 sieht falsche Rechnungssummen seit dem Release am Montag.",
        "Les factures du client 4812 affichent un total incorrect depuis lundi.",
        "Los totales de la factura del cliente 4812 cambiaron ayer por la noche.",
        "顧客4812の請求書の合計金額が月曜日から変わった原因を確認したい。",
        "客户4812的发票总额自周一起发生变化,需要查看计费服务日志。",
        "Перезапустить воркер платежей: очередь стоит с двух часов.",
        "고객 4812의 청구서 합계가 월요일부터 틀린 원인 확인",
        "Ødelagte faktura-PDFer for kunde 4812 siden mandag.",
    ];

    #[test]
    fn b20_vague_reasons_are_refused() {
        for text in REFUSED.iter().chain(EMPTY) {
            assert!(is_vague(text), "{text:?}: {:?}", weigh(text, &[]));
        }
        assert!(EMPTY.len() >= 30);
    }

    #[test]
    fn b20_a_vague_reason_in_other_dress_is_refused() {
        for text in REFUSED.iter().chain(EMPTY) {
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
        for text in ACCEPTED.iter().chain(HONEST) {
            assert!(!is_vague(text), "{text:?}: {:?}", weigh(text, &[]));
            assert!(!is_vague(&text.to_uppercase()), "{text:?} in capitals");
            assert!(!is_vague(&text.replace(' ', "  \n")), "{text:?} with more blanks");
        }
        assert!(HONEST.len() >= 30);
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
