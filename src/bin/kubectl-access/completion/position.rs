//! Where somebody is in a line that is not finished, and what may stand there, by the definition of the flags.
use crate::settings::Settings;
use clap::{Arg, ArgAction, Command, CommandFactory};

/// What may stand in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One of these words.
    Words(Vec<String>),
    /// The name of something in the cluster: what the help calls it, and for which verb.
    Names {
        /// `POLICY`, `REQUEST`, `RECORD` or `NAMESPACE`.
        of: String,
        /// The verb.
        verb: String,
    },
    /// A file, or anything else that the shell knows.
    Files,
    /// Something that nobody knows.
    Nothing,
}

/// A place in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What may stand there.
    pub wanted: Wanted,
    /// What is typed of it already.
    pub begun: String,
    /// What stands before it in the same word: `--output=`.
    pub before: String,
    /// The flags that every verb takes and that are typed already: who asks, and which cluster.
    pub common: Vec<String>,
}
impl Position {
    /// The place of the last word; without one, that of an empty one.
    pub fn of(words: &[String]) -> Self {
        let mut root = Settings::command();
        root.build();
        let (last, typed) = words.split_last().map_or(("", words), |(last, typed)| (last.as_str(), typed));
        let mut walk =
            Walk { command: &root, verb: String::new(), positional: 0, pending: None, is_over: false, common: vec![] };
        typed.iter().for_each(|word| walk.pass(&root, word));
        let (wanted, begun, before) = walk.wants(last);
        Self { wanted, begun, before, common: walk.common }
    }
}

struct Walk<'a> {
    command: &'a Command,
    verb: String,
    /// How many arguments without a flag have passed.
    positional: usize,
    /// The flag whose value comes next.
    pending: Option<&'a Arg>,
    /// After two dashes nothing is ours.
    is_over: bool,
    common: Vec<String>,
}
impl<'a> Walk<'a> {
    fn pass(&mut self, root: &'a Command, word: &str) {
        if let Some(flag) = self.pending.take() {
            self.keep(root, flag, Some(word));
        } else if self.is_over || word == "--" {
            self.is_over = true;
        } else if let Some((flag, value)) = self.flag(word) {
            match value {
                None if takes_value(flag) => self.pending = Some(flag),
                value => self.keep(root, flag, value),
            }
        } else if let Some(verb) = self.command.find_subcommand(word) {
            (self.command, self.verb, self.positional) = (verb, verb.get_name().to_owned(), 0);
        } else {
            self.positional += 1;
        }
    }
    /// A flag that every verb takes says who asks, and where.
    fn keep(&mut self, root: &Command, flag: &Arg, value: Option<&str>) {
        let is_common = root.get_arguments().any(|arg| arg.get_id() == flag.get_id() && arg.is_global_set());
        if let (true, Some(long)) = (is_common, flag.get_long()) {
            self.common.push(match value {
                Some(value) => format!("--{long}={value}"),
                None => format!("--{long}"),
            });
        }
    }
    /// The flag that a word is, and its value where that is in the same word.
    fn flag<'w>(&self, word: &'w str) -> Option<(&'a Arg, Option<&'w str>)> {
        let find = |is: &dyn Fn(&Arg) -> bool| self.command.get_arguments().find(|arg| is(arg));
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            return find(&|arg| arg.get_long() == Some(name)).map(|arg| (arg, value));
        }
        let mut short = word.strip_prefix('-')?.chars();
        let name = short.next()?;
        let value = Some(short.as_str()).filter(|rest| !rest.is_empty());
        find(&|arg| arg.get_short() == Some(name)).map(|arg| (arg, value.map(|rest| rest.trim_start_matches('='))))
    }
    fn wants(&self, last: &str) -> (Wanted, String, String) {
        let whole = |wanted: Wanted| (wanted, last.to_owned(), String::new());
        if let Some(flag) = self.pending {
            return whole(self.value_of(flag));
        }
        if self.is_over {
            return whole(Wanted::Files);
        }
        if let (Some((flag, Some(begun))), true) = (self.flag(last), last.starts_with("--")) {
            let before = last.strip_suffix(begun).unwrap_or_default().to_owned();
            return (self.value_of(flag), begun.to_owned(), before);
        }
        if last.starts_with('-') {
            let flags = self.command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(Arg::get_long);
            return whole(Wanted::Words(flags.map(|long| format!("--{long}")).collect()));
        }
        if self.command.has_subcommands() {
            let verbs = self.command.get_subcommands().filter(|verb| !verb.is_hide_set());
            return whole(Wanted::Words(verbs.map(|verb| verb.get_name().to_owned()).collect()));
        }
        let all: Vec<_> = self.command.get_positionals().filter(|arg| !arg.is_last_set()).collect();
        let many = all.last().copied().filter(|arg| matches!(arg.get_action(), ArgAction::Append));
        let here = all.get(self.positional).copied().or(many);
        whole(here.map_or(Wanted::Nothing, |arg| self.value_of(arg)))
    }
    fn value_of(&self, arg: &Arg) -> Wanted {
        let words: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !words.is_empty() {
            return Wanted::Words(words);
        }
        let called = arg.get_value_names().and_then(<[_]>::first).map(|name| name.as_str()).unwrap_or_default();
        let of = match (arg.get_id().as_str(), called) {
            (_, "FILE") => return Wanted::Files,
            ("namespace" | "place", _) => "NAMESPACE",
            ("policy", _) => "POLICY",
            ("from" | "after", _) | (_, "REQUEST") => "REQUEST",
            (_, "RECORD") => "RECORD",
            ("output", _) => return Wanted::Words(["wide", "json", "yaml", "name"].map(str::to_owned).to_vec()),
            _ => return Wanted::Nothing,
        };
        Wanted::Names { of: of.to_owned(), verb: self.verb.clone() }
    }
}
fn takes_value(arg: &Arg) -> bool {
    let least = arg.get_num_args().map_or(1, |range| range.min_values());
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && least > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: &str) -> Position {
        Position::of(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }
    fn names(of: &str, verb: &str) -> Wanted {
        Wanted::Names { of: of.into(), verb: verb.into() }
    }

    #[test]
    fn what_may_stand_in_a_place_follows_from_the_flags() {
        for (line, wanted) in [
            ("approve ", names("REQUEST", "approve")),
            ("approve sup-1 s", names("REQUEST", "approve")),
            ("show -n billing sup", names("REQUEST", "show")),
            ("show sup-1 ", Wanted::Nothing),
            ("explain ", names("POLICY", "explain")),
            ("request --policy ", names("POLICY", "request")),
            ("request -p ", names("POLICY", "request")),
            ("request --from ", names("REQUEST", "request")),
            ("request --reason ", Wanted::Nothing),
            ("status -n ", names("NAMESPACE", "status")),
            ("who ", names("NAMESPACE", "who")),
            ("verify ", names("RECORD", "verify")),
            ("verify --against ", Wanted::Files),
            ("lint a.yaml ", Wanted::Files),
            ("run -t SUP-1 -- kubectl get ", Wanted::Files),
            ("status --wait ", Wanted::Nothing),
        ] {
            assert_eq!(at(line).wanted, wanted, "{line}");
        }
        let words = |line: &str| match at(line).wanted {
            Wanted::Words(words) => words,
            other => panic!("{line}: {other:?}"),
        };
        assert!(words("").contains(&"send-back".to_owned()) && !words("").contains(&"__complete".to_owned()));
        assert!(
            words("close --").contains(&"--reason".to_owned()) && words("close --").contains(&"--context".to_owned())
        );
        assert_eq!(words("completion "), ["bash", "zsh", "fish", "powershell", "kubectl"]);
        assert_eq!(words("-o ")[..2], ["wide", "json"]);
    }
    #[test]
    fn a_value_in_the_same_word_keeps_what_stands_before_it_and_the_cluster_is_the_one_that_was_typed() {
        let position = at("list --context prod -n billing --all --output=j");
        assert_eq!((position.begun.as_str(), position.before.as_str()), ("j", "--output="));
        assert_eq!(position.common, ["--context=prod", "--namespace=billing"]);
        let position = at("approve -nbilling --as=bob sup");
        assert_eq!(position.common, ["--namespace=billing", "--as=bob"]);
        assert_eq!(position.begun, "sup");
    }
}
