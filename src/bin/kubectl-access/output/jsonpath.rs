//! `-o jsonpath=TEMPLATE`: text with paths in braces, as `kubectl` takes it; what it does not know it refuses.
use jsonpath_rust::JsonPath;
use serde_json::Value;

/// A template, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A path from the root, as RFC 9535 has it.
    Path(String),
    /// For each of these.
    Range(String, Vec<Part>),
}

impl std::str::FromStr for Template {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut stack: Vec<(String, Vec<Part>)> = vec![(String::new(), vec![])];
        let mut rest = text;
        while !rest.is_empty() {
            let (before, braced) = rest.split_once('{').unwrap_or((rest, ""));
            if !before.is_empty() {
                push(&mut stack, Part::Text(before.to_owned()));
            }
            if before.len() == rest.len() {
                break;
            }
            let end = end_of(braced).ok_or_else(|| format!("`{{{braced}` is never closed by `}}`"))?;
            match braced[..end].trim() {
                "end" => {
                    let (path, parts) = stack.pop().filter(|_| !stack.is_empty()).ok_or("`{end}` without `{range}`")?;
                    push(&mut stack, Part::Range(path, parts));
                }
                inside => match inside.strip_prefix("range ") {
                    Some(path) => stack.push((path_of(path)?, vec![])),
                    None if inside.starts_with('"') => push(&mut stack, Part::Text(quoted(inside)?)),
                    None => push(&mut stack, Part::Path(path_of(inside)?)),
                },
            }
            rest = &braced[end + 1..];
        }
        match (stack.len(), stack.pop()) {
            (1, Some((_, parts))) => Ok(Self(parts)),
            _ => Err("`{range}` without `{end}`".to_owned()),
        }
    }
}
fn push(stack: &mut [(String, Vec<Part>)], part: Part) {
    if let Some((_, parts)) = stack.last_mut() {
        parts.push(part);
    }
}
/// Where the brace is closed: not inside quotes.
fn end_of(braced: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in braced.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('}', None) => return Some(at),
            _ => {}
        }
    }
    None
}
fn quoted(text: &str) -> Result<String, String> {
    serde_json::from_str(text).map_err(|_| format!("{text} is no text in quotes"))
}
/// `kubectl` writes `.a`, `@.a`, `$.a` or `a` for what RFC 9535 writes `$.a`.
fn path_of(text: &str) -> Result<String, String> {
    let text = text.trim();
    let path = match text.chars().next() {
        Some('$') => text.to_owned(),
        Some('@') => format!("${}", &text[1..]),
        Some('.' | '[') => format!("${text}"),
        Some(_) => format!("$.{text}"),
        None => return Err("`{}` names nothing".to_owned()),
    };
    jsonpath_rust::parser::parse_json_path(&path).map_err(|_| format!("`{text}` is no JSONPath that is known here"))?;
    Ok(path)
}

impl Template {
    /// What it makes of a value: what is not there is empty, several values stand with a blank between them.
    ///
    /// # Errors
    /// When a path cannot be followed.
    pub fn render(&self, of: &Value) -> Result<String, String> {
        render(&self.0, of)
    }
}
fn render(parts: &[Part], of: &Value) -> Result<String, String> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(words) => text += words,
            Part::Path(path) => {
                text += &found(path, of)?.into_iter().map(shown).collect::<Vec<_>>().join(" ");
            }
            Part::Range(path, parts) => {
                for value in found(path, of)? {
                    text += &render(parts, value)?;
                }
            }
        }
    }
    Ok(text)
}
fn found<'a>(path: &str, of: &'a Value) -> Result<Vec<&'a Value>, String> {
    of.query(path).map_err(|error| error.to_string())
}
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_means_what_it_means_to_kubectl() {
        let of = json!({"items": [{"metadata": {"name": "a"}, "spec": {"n": 1}}, {"metadata": {"name": "b"}}]});
        for (template, shown) in [
            ("{.items[*].metadata.name}", "a b"),
            ("{.items[0].metadata.name}", "a"),
            ("{.items[0].spec}", "{\"n\":1}"),
            ("{$.items[1].spec.n}", ""),
            ("{range .items[*]}{.metadata.name}{\"\\t\"}{.spec.n}{\"\\n\"}{end}", "a\t1\nb\t\n"),
            ("{range .items[*]}{@.metadata.name},{end}!", "a,b,!"),
            ("{.items[?(@.spec.n==1)].metadata.name}", "a"),
            ("{.items[-1:].metadata.name}", "b"),
            ("{items[0].metadata.name}", "a"),
            ("plain", "plain"),
        ] {
            assert_eq!(template.parse::<Template>().unwrap().render(&of).unwrap(), shown, "{template}");
        }
    }
    #[test]
    fn what_it_does_not_know_is_refused_before_anything_is_asked() {
        for (template, says) in [
            ("{.items[*", "never closed"),
            ("{range .items[*]}x", "without `{end}`"),
            ("{end}", "without `{range}`"),
            ("{}", "names nothing"),
            ("{.a[}", "no JSONPath"),
        ] {
            let error = template.parse::<Template>().unwrap_err();
            assert!(error.contains(says), "{template}: {error}");
        }
    }
}
