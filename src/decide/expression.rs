//! CEL in a policy: read with bounds, judged without panics. What cannot be judged is an error, never a yes.
//!
//! The interpreter has neither a limit of its own nor types: what could be slow, deep or unknown is refused when it is read.
use super::memo::Memo;
use super::text;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::common::types::{CelBool, CelDuration, CelString, CelTimestamp};
use cel::{Context, Env, ExecutionError, Program, Value};
use chrono::{DateTime, TimeDelta, Utc};
use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

mod value;

/// The longest expression, in characters.
pub const LONGEST: usize = 512;
/// The most parts of an expression once it is read.
const MOST_PARTS: usize = 200;
/// How deep brackets and `? :` may be nested, and how many signs may stand in a row: the parser calls itself for each.
const DEEPEST: usize = 24;
const MOST_SIGNS: usize = 8;
/// The stack of parser and interpreter, in bytes: three times what the deepest takes in a build without optimisations.
const STACK: usize = 16 << 20;
/// How deep an expression may be once it is read: the interpreter calls itself for each level.
const MOST_LEVELS: usize = 40;
/// How many expressions are remembered.
const MOST_KNOWN: usize = 1024;
/// The most steps that one judgement may take, by [`work`].
const MOST_WORK: usize = 2_000_000;
/// The longest list that a variable can hold: the groups of a requester.
const LONGEST_LIST: usize = 512;
/// What a regular expression may take when it is compiled, in bytes.
const LARGEST_PATTERN: usize = 1 << 16;
/// How many of them are remembered: no expression has room for as many.
const MOST_PATTERNS: usize = 128;
/// The most characters of a cause.
const MOST_CAUSE: usize = 240;

/// What an expression may speak of, with what it is.
pub const VARIABLES: &[(&str, &str)] = &[
    (
        "request",
        "the request's spec as it was filed, such as `request.ticket`; a field that was left out is not there: ask by `has(request.duration)`",
    ),
    ("requester", "`requester.username` and the list `requester.groups`, as the API server stamped them"),
    ("access", "`access.name` and `access.level` of what is asked for, also where the request names none"),
    ("duration", "for how long it is asked, also where the request does not say: `duration > duration('30m')`"),
    ("namespaceObject", "`namespaceObject.metadata.name` and `namespaceObject.metadata.labels`"),
    ("now", "the time of the judgement: `now.getHours('Europe/Berlin') >= 18`"),
    ("inWorkHours", "whether people work now, by the policy's calendar or the installation's"),
    ("data", "the list of the data that is asked for; empty where the request names none"),
];
/// Operators and functions that may be used: none that makes much out of little.
const FUNCTIONS: &[&str] = &[
    "_&&_",
    "_||_",
    "!_",
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "_?_:_",
    "_[_]",
    "@in",
    "_+_",
    "_-_",
    "-_",
    "@not_strictly_false",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "duration",
    "timestamp",
    "getHours",
    "getMinutes",
    "getDayOfWeek",
    "getFullYear",
    "getMonth",
    "getDate",
];
/// Those whose answer is yes or no.
const ANSWERS: &[&str] = &[
    "_&&_",
    "_||_",
    "!_",
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "@in",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
];
/// Those whose work grows with the length of what they look at.
const LOOKS_THROUGH: &[&str] = &["@in", "_==_", "_!=_", "_+_", "contains", "startsWith", "endsWith", "matches"];

/// Why an expression cannot be used, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong, and what is allowed.
    pub cause: String,
}
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.cause)
    }
}

/// What an expression is judged by, whichever access it is about; with [`Asked`] one value for each of [`VARIABLES`].
#[derive(Debug)]
pub struct Facts<'a> {
    /// The spec, as JSON.
    pub request: &'a serde_json::Value,
    /// Who asks.
    pub username: &'a str,
    /// Their groups.
    pub groups: &'a [String],
    /// Where.
    pub namespace: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// When.
    pub now: DateTime<Utc>,
    /// Whether people work then; `None`: the calendar cannot be read.
    pub in_work_hours: Option<bool>,
}
/// One access that is asked for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its name.
    pub access: &'a str,
    /// Its level.
    pub level: &'a str,
    /// For how long.
    pub duration: TimeDelta,
}

/// The facts, ready for the interpreter.
pub struct Scope<'p, 'v>(Context<'p, 'v>);
impl<'v> Scope<'_, 'v> {
    /// What holds for every access. Texts are not copied: a loop copies each element that it looks at.
    pub fn new(facts: &Facts<'v>) -> Self {
        let mut context = Context::with_env(ENV.clone());
        let requester = [
            ("username", value::text(facts.username)),
            ("groups", value::list(facts.groups, |group| value::text(group))),
        ];
        let labels = facts.labels.iter().map(|(key, label)| (key.as_str(), value::text(label)));
        let namespace = [("name", value::text(facts.namespace)), ("labels", value::map(labels))];
        let data = facts.request.get("data").map_or_else(|| value::list(&[], value::of), value::of);
        context.add_variable_as_val("request", value::of(facts.request));
        context.add_variable_as_val("requester", value::map(requester));
        context.add_variable_as_val("namespaceObject", value::map([("metadata", value::map(namespace))]));
        context.add_variable_as_val("now", Box::new(CelTimestamp::from(facts.now.fixed_offset())));
        context.add_variable_as_val("data", data);
        if let Some(yes) = facts.in_work_hours {
            context.add_variable_as_val("inWorkHours", Box::new(CelBool::from(yes)));
        }
        Self(context)
    }
    /// The same, and what holds for one access.
    pub fn of(&self, asked: &Asked<'v>) -> Scope<'_, 'v> {
        let mut context = self.0.new_inner_scope();
        let access = [("name", value::text(asked.access)), ("level", value::text(asked.level))];
        context.add_variable_as_val("access", value::map(access));
        context.add_variable_as_val("duration", Box::new(CelDuration::from(asked.duration)));
        Scope(context)
    }
}

/// The interpreter's functions, and `matches` of our own: its own would compile the regular expression for each element of a
/// list, and is left out of the build.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let global = cel::add_overload!(env, fn matches: (CelString, CelString) -> Result<CelBool>, id = "matches");
    let member = cel::add_member_overload!(env, fn matches: (CelString, CelString) -> Result<CelBool>);
    // Refused only if there is one of that name: an expression that uses it then says so.
    debug_assert!(global.is_ok() && member.is_ok(), "the interpreter has its own `matches`");
    Arc::new(env)
});
fn matches(text: &CelString<'_>, written: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let unusable = |message| ExecutionError::FunctionError { function: "matches".to_owned(), message };
    pattern(written.inner()).map(|pattern| CelBool::from(pattern.is_match(text.inner()))).map_err(unusable)
}
/// A regular expression, compiled once. Shared, since a clone of one has to make its working memory anew.
fn pattern(written: &str) -> Result<Arc<Regex>, String> {
    static KNOWN: Memo<Result<Arc<Regex>, String>> = Memo::new(MOST_PATTERNS);
    KNOWN.get(written, || {
        let mut builder = RegexBuilder::new(written);
        let built = builder.size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN * 4).build();
        built.map(Arc::new).map_err(|error| error.to_string())
    })
}

/// An expression that was read.
#[derive(Debug)]
pub struct Expression(Program);

/// Reads an expression. What was read is remembered, since every pass over a request reads the same ones.
///
/// # Errors
/// Where it is wrong, and what is allowed.
pub fn read(source: &str) -> Result<Arc<Expression>, Fault> {
    static KNOWN: Memo<Result<Arc<Expression>, Fault>> = Memo::new(MOST_KNOWN);
    KNOWN.get(source, || parse(source).map(Arc::new))
}

fn parse(source: &str) -> Result<Expression, Fault> {
    let at_start = |cause: String| Fault { line: 1, column: 1, cause };
    if source.chars().count() > LONGEST {
        return Err(at_start(format!("at most {LONGEST} characters")));
    }
    if let Some(at) = too_deep(source) {
        return Err(fault(
            source,
            at,
            format!("nested more than {DEEPEST} deep, or more than {MOST_SIGNS} signs in a row"),
        ));
    }
    let program = apart(|| Program::compile(source)).ok_or_else(|| at_start("cannot be read".to_owned()))?;
    let program = program.map_err(|errors| misread(source, errors))?;
    let program = Expression(program);
    match program.objection() {
        Some((word, cause)) => Err(fault(source, place(source, &word), cause)),
        None => Ok(program),
    }
}

impl Expression {
    /// Whether it holds.
    ///
    /// # Errors
    /// Why it cannot be judged: a field that is not there, values that cannot be compared, or no yes or no.
    pub fn holds(&self, scope: &Scope<'_, '_>) -> Result<bool, String> {
        all_hold(&[(self, scope)]).pop().unwrap_or_else(unjudged)
    }
    /// The same on the stack of the caller. A panic is the interpreter's way to refuse.
    fn judged(&self, scope: &Scope<'_, '_>) -> Result<bool, String> {
        let answer = catch_unwind(AssertUnwindSafe(|| match self.0.execute(&scope.0) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(other) => Err(format!("must be true or false, not {}", other.type_of())),
            Err(error) => Err(error.to_string()),
        }));
        answer.unwrap_or_else(|_| unjudged()).map_err(|cause| text::line(&cause, MOST_CAUSE))
    }

    /// What is wrong with what was read, and the word that it is about.
    fn objection(&self) -> Option<(String, String)> {
        let root = self.0.expression();
        let references = self.0.references();
        let names = || VARIABLES.iter().map(|(name, _)| *name);
        let is_known = |name: &str| names().any(|known| known == name) || name.starts_with('@') || is_local(root, name);
        if let Some(name) = references.variables().into_iter().find(|name| !is_known(name)) {
            let all = names().collect::<Vec<_>>().join(", ");
            return Some((name.to_owned(), format!("there is no `{name}`; there are {all}")));
        }
        if let Some(name) = references.functions().into_iter().find(|name| !FUNCTIONS.contains(name)) {
            return Some((
                name.trim_matches('_').to_owned(),
                format!("`{}` cannot be used here", name.trim_matches('_')),
            ));
        }
        let parts = count(root);
        if parts > MOST_PARTS {
            return Some((String::new(), format!("{parts} parts, at most {MOST_PARTS}: make it two rules")));
        }
        if depth(root) > MOST_LEVELS {
            return Some((String::new(), format!("nested more than {MOST_LEVELS} deep: make it two rules")));
        }
        if loops(root) > 1 {
            let cause = "`all`, `exists`, `exists_one`, `map` and `filter` may not be nested";
            return Some((String::new(), cause.to_owned()));
        }
        if let Some(objection) = pattern_fault(root) {
            return Some(("matches".to_owned(), objection));
        }
        if work(root) > MOST_WORK {
            return Some((String::new(), "it could take too long: look through one list at most".to_owned()));
        }
        never_answers(root).then(|| (String::new(), "must be true or false: compare it with something".to_owned()))
    }
}

/// Whether each holds, in their order. All are judged on one deep stack: to make one takes longer than most of them.
pub fn all_hold(all: &[(&Expression, &Scope<'_, '_>)]) -> Vec<Result<bool, String>> {
    if all.is_empty() {
        return vec![];
    }
    let judged = apart(|| all.iter().map(|(expression, scope)| expression.judged(scope)).collect());
    judged.unwrap_or_else(|| all.iter().map(|_| unjudged()).collect())
}
fn unjudged() -> Result<bool, String> {
    Err("could not be judged".to_owned())
}

/// Calls the interpreter on a stack that is deep enough: it calls itself, and takes up to 200 kB for each bracket. `None`: it
/// panicked, which is its way to refuse some texts.
fn apart<T: Send>(call: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, call);
        thread.ok().and_then(|running| running.join().ok())
    })
}

/// Where the nesting becomes too deep, in bytes. What stands in quotes is counted too: that is on the safe side.
fn too_deep(source: &str) -> Option<usize> {
    let (mut depth, mut signs) = (0usize, 0usize);
    source.bytes().position(|byte| {
        match byte {
            b'(' | b'[' | b'{' | b'?' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        signs = match byte {
            b'!' | b'-' => signs + 1,
            b if b.is_ascii_whitespace() => signs,
            _ => 0,
        };
        depth > DEEPEST || signs > MOST_SIGNS
    })
}

fn misread(source: &str, errors: cel::ParseErrors) -> Fault {
    let Some(first) = errors.errors.first() else { return fault(source, 0, "cannot be read".to_owned()) };
    let from_one = |n: isize| usize::try_from(n).unwrap_or(1).max(1);
    let cause = text::line(first.msg.trim_start_matches("Syntax error: "), MOST_CAUSE);
    Fault { line: from_one(first.pos.0), column: from_one(first.pos.1), cause }
}

fn fault(source: &str, at: usize, cause: String) -> Fault {
    let before = source.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Fault { line, column, cause: text::line(&cause, MOST_CAUSE) }
}

/// Where a word stands as a word of its own; the beginning, if it does not.
fn place(source: &str, word: &str) -> usize {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let alone = |at: usize| {
        let (before, after) = (&source[..at], &source[at + word.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    };
    if word.is_empty() { 0 } else { source.match_indices(word).map(|(at, _)| at).find(|at| alone(*at)).unwrap_or(0) }
}

fn children(of: &IdedExpr) -> Vec<&IdedExpr> {
    match &of.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::Comprehension(c) => vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| of_entry(&entry.expr)).collect(),
        Expr::Struct(made) => made.entries.iter().flat_map(|entry| of_entry(&entry.expr)).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => vec![],
    }
}
fn of_entry(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}
fn comprehension(of: &IdedExpr) -> Option<&ComprehensionExpr> {
    if let Expr::Comprehension(c) = &of.expr { Some(c) } else { None }
}
fn count(of: &IdedExpr) -> usize {
    1 + children(of).into_iter().map(count).sum::<usize>()
}
fn depth(of: &IdedExpr) -> usize {
    1 + children(of).into_iter().map(depth).max().unwrap_or_default()
}
fn loops(of: &IdedExpr) -> usize {
    usize::from(comprehension(of).is_some()) + children(of).into_iter().map(loops).max().unwrap_or_default()
}
/// Whether a name is that of a loop's own variable.
fn is_local(of: &IdedExpr, name: &str) -> bool {
    let own = comprehension(of)
        .is_some_and(|c| c.iter_var == name || c.iter_var2.as_deref() == Some(name) || c.accu_var == name);
    own || children(of).into_iter().any(|child| is_local(child, name))
}

/// At most how many elements or characters a value has.
fn length(of: &IdedExpr) -> usize {
    match &of.expr {
        Expr::List(list) => list.elements.len(),
        Expr::Map(map) => map.entries.len(),
        Expr::Literal(LiteralValue::String(text)) => text.inner().len(),
        Expr::Literal(_) => 1,
        Expr::Call(call) if call.func_name == "_+_" => call.args.iter().map(length).sum(),
        Expr::Call(call) if call.func_name == "_?_:_" => call.args.iter().map(length).max().unwrap_or_default(),
        Expr::Comprehension(c) => length(&c.iter_range),
        _ => LONGEST_LIST,
    }
}
/// At most how many steps a judgement takes.
fn work(of: &IdedExpr) -> usize {
    let below: usize = children(of).into_iter().map(work).fold(0, usize::saturating_add);
    match &of.expr {
        Expr::Comprehension(c) => {
            let each = work(&c.loop_cond).saturating_add(work(&c.loop_step));
            below.saturating_add(length(&c.iter_range).saturating_mul(each))
        }
        Expr::Call(call) if LOOKS_THROUGH.contains(&call.func_name.as_str()) => {
            let looked_at = call.target.iter().map(AsRef::as_ref).chain(&call.args).map(length);
            // The longer list against a short value, or two texts side by side.
            below.saturating_add(1 + looked_at.max().unwrap_or_default())
        }
        _ => below.saturating_add(1),
    }
}
/// A regular expression is written out, so that nobody but the author of the policy can make it large.
fn pattern_fault(of: &IdedExpr) -> Option<String> {
    let own = match &of.expr {
        Expr::Call(call) if call.func_name == "matches" => match call.args.last().map(|arg| &arg.expr) {
            Some(Expr::Literal(LiteralValue::String(written))) => {
                let error = pattern(written.inner()).err();
                error.map(|error| format!("matches: {}", error.lines().last().unwrap_or_default()))
            }
            _ => Some("matches: write the regular expression out, in quotes".to_owned()),
        },
        _ => None,
    };
    own.or_else(|| children(of).into_iter().find_map(pattern_fault))
}
/// Whether what comes out can be no yes or no, whatever the facts.
fn never_answers(of: &IdedExpr) -> bool {
    match &of.expr {
        Expr::Literal(literal) => !matches!(literal, LiteralValue::Boolean(_)),
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => true,
        Expr::Ident(name) => name != "inWorkHours",
        Expr::Select(select) => !select.test && root_of(&select.operand) != Some("request"),
        Expr::Comprehension(c) => matches!(c.accu_init.expr, Expr::List(_)),
        Expr::Call(call) if call.func_name == "_?_:_" => call.args.iter().skip(1).any(never_answers),
        Expr::Call(call) if call.func_name == "_[_]" => false,
        Expr::Call(call) => !ANSWERS.contains(&call.func_name.as_str()),
    }
}
fn root_of(of: &IdedExpr) -> Option<&str> {
    match &of.expr {
        Expr::Ident(name) => Some(name),
        Expr::Select(select) => root_of(&select.operand),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
