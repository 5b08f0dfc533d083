//! How an answer looks: a table for people, or the objects for programs, as `kubectl get` prints them.
pub mod jsonpath;

use crate::failure::Failure;
use clap::ValueEnum;
pub use curfew::decide::report::Format as PageFormat;
use curfew::decide::{table::Table, text};
use kube::{CustomResourceExt, Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};

/// What `--output` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with all columns.
    Wide,
    /// The objects.
    Json,
    /// The objects.
    Yaml,
    /// `accessrequest.curfew.dev/NAME`, a line each.
    Name,
    /// What a template makes of the objects.
    Jsonpath(jsonpath::Template),
    /// Only of reports: for spreadsheets, tickets and browsers.
    Page(PageFormat),
}
impl std::str::FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => Self::Table,
            "wide" => Self::Wide,
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "name" => Self::Name,
            _ => match text.strip_prefix("jsonpath=") {
                Some(template) => Self::Jsonpath(template.parse()?),
                None => match PageFormat::from_str(text, false).ok().filter(|page| *page != PageFormat::Table) {
                    Some(page) => Self::Page(page),
                    None => return Err("must be wide, json, yaml, name or jsonpath=TEMPLATE".to_owned()),
                },
            },
        })
    }
}
impl Format {
    /// Whether people read it.
    pub fn is_for_people(&self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }
}

/// Objects of one kind: for people by a table, for programs as a list of them.
///
/// # Errors
/// When a template does not fit them.
pub fn objects<K>(format: &Format, objects: &[K], table: impl FnOnce(bool) -> Table) -> Result<String, Failure>
where
    K: Resource<DynamicType = ()> + CustomResourceExt + Serialize,
{
    match format {
        Format::Table | Format::Wide => Ok(table(*format == Format::Wide).aligned()),
        Format::Name => {
            let kind = K::kind(&()).to_lowercase();
            let line = |object: &K| format!("{kind}.{}/{}\n", K::group(&()), object.name_any());
            Ok(objects.iter().map(line).collect())
        }
        Format::Json | Format::Yaml | Format::Jsonpath(_) | Format::Page(_) => {
            let items = objects.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
            value(
                format,
                &json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}),
            )
        }
    }
}

/// One object, for programs.
///
/// # Errors
/// As [`objects`].
pub fn value(format: &Format, value: &Value) -> Result<String, Failure> {
    match format {
        Format::Yaml => {
            let yaml = serde_saphyr::to_string(value).map_err(|error| Failure::Error(error.to_string()))?;
            Ok(harmless(&yaml))
        }
        Format::Jsonpath(template) => template.render(value).map_err(Failure::Error).map(|text| harmless(&text)),
        Format::Table | Format::Wide | Format::Name | Format::Json | Format::Page(_) => {
            Ok(harmless(&(serde_json::to_string_pretty(value)? + "\n")))
        }
    }
}

/// The same with characters that act on a terminal written as their numbers, but for line breaks and tabs.
fn harmless(of: &str) -> String {
    let mut shown = String::with_capacity(of.len());
    for c in of.chars() {
        match text::acts(c) && !matches!(c, '\n' | '\t') {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown += &format!("\\u{unit:04x}")),
            false => shown.push(c),
        }
    }
    shown
}

/// Colours, where there are any.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub bool);
impl Paint {
    /// Bad news.
    pub fn red(self, words: &str) -> String {
        self.of("31", words)
    }
    /// What matters.
    pub fn bold(self, words: &str) -> String {
        self.of("1", words)
    }
    fn of(self, code: &str, words: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{words}\u{1b}[0m") } else { words.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curfew::api::request::AccessRequest;

    const NASTY: &str = "a\u{1b}[2J\u{202e}b";
    fn request() -> AccessRequest {
        serde_json::from_value(json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest",
            "metadata": {"name": "sup-1", "namespace": "billing"},
            "spec": {"policy": "support", "reason": NASTY, "ticket": "SUP-1", "requester": {"username": "alice"}}}))
        .unwrap()
    }
    fn shown(format: &str) -> String {
        objects(&format.parse().unwrap(), &[request()], |_| Table { head: &["NAME"], rows: vec![vec![NASTY.into()]] })
            .unwrap()
    }

    #[test]
    fn every_format_is_printed_as_kubectl_does_and_acts_on_no_terminal() {
        for format in ["", "wide", "json", "yaml", "name", "jsonpath={.items[*].spec.reason}"] {
            let shown = shown(format);
            assert!(!shown.chars().any(|c| text::acts(c) && c != '\n'), "{format}: {shown:?}");
        }
        assert_eq!(shown("name"), "accessrequest.curfew.dev/sup-1\n");
        let list: Value = serde_json::from_str(&shown("json")).unwrap();
        assert_eq!((&list["kind"], &list["items"][0]["spec"]["reason"]), (&json!("List"), &json!(NASTY)));
        let yaml: Value = serde_saphyr::from_str(&shown("yaml")).unwrap();
        assert_eq!(yaml["items"][0]["metadata"]["name"], "sup-1");
        assert!("table".parse::<Format>().unwrap_err().contains("must be wide, json"));
    }
    #[test]
    fn there_is_no_colour_where_there_may_be_none() {
        assert_eq!(Paint(false).red("no"), "no");
        assert_eq!(Paint(true).bold("yes"), "\u{1b}[1myes\u{1b}[0m");
    }
}
