//! Text for people: one line, bounded, without characters that act on a terminal.

/// One line of at most `most` characters: control and direction characters are written out, the rest is cut.
pub fn line(text: &str, most: usize) -> String {
    let (mut line, mut length) = (String::with_capacity(text.len().min(most.saturating_mul(4))), 0);
    for c in text.trim().chars() {
        // What is cut off is not looked at: it may be a thousand times as long.
        if length > most {
            break;
        }
        if acts(c) {
            length += c.escape_default().len();
            line.extend(c.escape_default());
        } else {
            length += 1;
            line.push(c);
        }
    }
    match line.char_indices().nth(most) {
        None => line,
        Some(_) => line.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The same text as lines of at most `width` characters, broken at blanks where there are some, and indented from the second
/// on; at most `most` lines, the last with `…` if something is left out.
pub fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let (mut lines, mut rest) = (vec![], text.trim());
    while !rest.is_empty() && lines.len() < most {
        let indent = if lines.is_empty() { "" } else { INDENT };
        let room = width - indent.len();
        let end = rest.char_indices().nth(room).map_or(rest.len(), |(end, _)| end);
        let is_last = lines.len() + 1 == most && end < rest.len();
        let cut = match rest[..end].rfind(' ') {
            _ if is_last => return lines.into_iter().chain([format!("{indent}{}", line(rest, room))]).collect(),
            Some(blank) if end < rest.len() && blank > 0 => blank,
            _ => end,
        };
        lines.push(format!("{indent}{}", rest[..cut].trim_end()));
        rest = rest[cut..].trim_start();
    }
    lines
}

/// One subject of a longer text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it says.
    pub text: String,
    /// On how many lines at most; on fewer where there is no room for all.
    pub most: usize,
}

/// Sections as lines of `width`; while there are more than `room`, the longest section gives one up.
pub fn fit(sections: &mut [Section], width: usize, room: usize) -> Vec<String> {
    loop {
        let wrapped: Vec<_> = sections.iter().map(|s| wrap(&s.text, width, s.most)).collect();
        let longest =
            wrapped.iter().enumerate().max_by_key(|(at, lines)| (lines.len(), *at)).map(|(at, l)| (at, l.len()));
        match longest {
            Some((at, length)) if wrapped.iter().map(Vec::len).sum::<usize>() > room && length > 1 => {
                sections[at].most = length - 1;
            }
            _ => return wrapped.into_iter().flatten().take(room).collect(),
        }
    }
}

/// Whether a character acts on a terminal instead of being shown.
pub fn acts(c: char) -> bool {
    c.is_control() || is_direction(c)
}

/// Turns the direction of what follows, or breaks the line.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
}

/// `a, b and 3 more`: the first few of a list.
pub fn few<T: ToString>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut items = items.into_iter();
    let shown: Vec<_> = items.by_ref().take(most).map(|item| item.to_string()).collect();
    let rest = items.count();
    match (shown.is_empty(), rest) {
        (true, _) => "none".to_owned(),
        (_, 0) => shown.join(", "),
        _ => format!("{} and {rest} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_between_characters_and_stays_one_line() {
        for (text, most, line_) in [
            ("short", 10, "short"),
            ("exactly10!", 10, "exactly10!"),
            ("éééééé", 3, "éé…"),
            ("a\nb\u{1b}[31m", 40, "a\\nb\\u{1b}[31m"),
            ("\u{202e}evil", 40, "\\u{202e}evil"),
            ("aa\u{1b}b", 4, "aa\\…"),
            ("aaa\n", 3, "aaa"),
            ("aaa\nb", 3, "aa…"),
            ("any", 0, "…"),
            ("", 0, ""),
        ] {
            assert_eq!(line(text, most), line_);
        }
        assert_eq!(line(&"\n x".repeat(900), 1024).chars().count(), 1024);
    }

    #[test]
    fn a_text_is_broken_at_blanks_and_says_that_it_was_cut() {
        let wrapped = |text: &str, most| wrap(text, 10, most).join("|");
        for (text, most, lines) in [
            ("short", 3, "short"),
            ("one two three four", 3, "one two|  three|  four"),
            ("one two three four five", 2, "one two|  three f…"),
            ("éééééééééééé", 3, "éééééééééé|  éé"),
            ("exactly 10", 1, "exactly 10"),
            ("", 3, ""),
        ] {
            assert_eq!(wrapped(text, most), lines);
        }
        assert!(wrap(&"x é ".repeat(500), 160, 4).iter().all(|line| line.chars().count() <= 160));
    }

    #[test]
    fn a_long_list_is_counted() {
        assert_eq!(few([1, 2, 3], 3), "1, 2, 3");
        assert_eq!(few([1, 2, 3], 1), "1 and 2 more");
        assert_eq!(few::<i32>([], 1), "none");
    }
}
