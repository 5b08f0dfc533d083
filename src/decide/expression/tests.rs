use super::*;
use serde_json::json;

fn scope(groups: usize) -> Scope<'static, 'static> {
    let groups: Vec<_> = (0..groups).map(|n| format!("group-{n}")).collect();
    let request = json!({"policy": "customer-support", "ticket": "SUP-4812", "reason": "Check why invoice totals changed.",
        "data": [{"system": "billing-db", "tenant": "4812", "records": ["1", "2"]}]});
    let labels: BTreeMap<_, _> =
        [("curfew.dev/sensitivity".to_owned(), "high".to_owned()), ("team".to_owned(), "billing".to_owned())].into();
    // Kept for good, so that a test can take it anywhere.
    let facts = Scope::new(&Facts {
        request: Box::leak(Box::new(request)),
        username: "alice",
        groups: Vec::leak(groups),
        namespace: "billing",
        labels: Box::leak(Box::new(labels)),
        now: "2026-11-21T18:35:00Z".parse().unwrap(),
        in_work_hours: Some(false),
    });
    let asked = Asked { access: "logs", level: "ReadOnly", duration: TimeDelta::minutes(45) };
    Box::leak(Box::new(facts)).of(&asked)
}

#[test]
fn c12_an_expression_speaks_of_the_request_and_its_surroundings() {
    let scope = scope(512);
    for (source, answer) in [
        ("access.level != 'ReadOnly' || duration > duration('30m')", true),
        ("access.level == 'ReadOnly' && duration <= duration('45m')", true),
        ("duration > duration('45m')", false),
        ("'freeze' in namespaceObject.metadata.labels", false),
        ("namespaceObject.metadata.labels['curfew.dev/sensitivity'] == 'high'", true),
        ("has(namespaceObject.metadata.labels.team) && namespaceObject.metadata.labels.team == 'billing'", true),
        ("has(namespaceObject.metadata.labels.zone) && namespaceObject.metadata.labels.zone == 'x'", false),
        ("namespaceObject.metadata.name == 'billing'", true),
        ("now.getHours() >= 18 && !inWorkHours", true),
        ("now.getHours('Europe/Berlin') == 19", true),
        ("now > timestamp('2027-01-01T00:00:00Z')", false),
        ("requester.groups.exists(g, g == 'group-511')", true),
        ("'group-7' in requester.groups && requester.username == 'alice'", true),
        ("request.ticket.matches('^SUP-[0-9]+$')", true),
        ("has(request.duration)", false),
        ("size(data) == 1 && data[0].tenant == '4812'", true),
        ("data.all(d, size(d.records) <= 2)", true),
        ("inWorkHours", false),
        ("true", true),
        ("access.level == 'Admin' ? inWorkHours : true", true),
    ] {
        assert_eq!(read(source).map_err(|f| f.to_string()).and_then(|e| e.holds(&scope)), Ok(answer), "{source}");
    }
}

#[test]
fn c12_what_is_wrong_with_an_expression_is_said_with_its_place() {
    for (source, line, column, cause) in [
        ("acces.level == 'x'", 1, 1, "there is no `acces`; there are request"),
        ("inWorkHours ||\n  freeze", 2, 3, "there is no `freeze`"),
        ("access.level ==\n  'a' &&", 2, 0, ""),
        ("access.level =! 'ReadOnly'", 1, 0, ""),
        ("request.ticket.matches('(')", 1, 16, "unclosed group"),
        ("request.ticket.matches(request.reason)", 1, 16, "write the regular expression out"),
        ("request.ticket.matches('(((a{200}){200}){200})')", 1, 16, "size limit"),
        ("access.level", 1, 1, "must be true or false"),
        ("'freeze'", 1, 1, "must be true or false"),
        ("size(requester.groups)", 1, 1, "must be true or false"),
        ("requester.groups.map(g, g == 'a')", 1, 1, "must be true or false"),
        ("inWorkHours ? 'a' : 'b'", 1, 1, "must be true or false"),
        ("string(now) == 'x'", 1, 1, "`string` cannot be used here"),
        ("duration * 2 > duration('1h')", 1, 0, "`*` cannot be used here"),
        ("requester.groups.exists(g, requester.groups.exists(h, h == g))", 1, 1, "may not be nested"),
        ("", 1, 1, ""),
    ] {
        let fault = read(source).expect_err(source);
        assert_eq!(fault.line, line, "{source}: {fault}");
        assert!(column == 0 || fault.column == column, "{source}: {fault}");
        assert!(fault.cause.contains(cause) && !fault.cause.is_empty(), "{source}: {fault}");
    }
}

#[test]
fn c12_what_cannot_be_judged_is_no_answer() {
    let scope = scope(3);
    for (source, cause) in [
        ("namespaceObject.metadata.labels['zone'] == 'x'", "key"),
        ("request.emergency.harm == 'x'", "key"),
        ("duration > '30m'", "overload"),
        ("request.ticket", "must be true or false"),
        ("requester.groups[7] == 'x'", ""),
        ("data[0]", "must be true or false"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('9223372036s') > now", ""),
    ] {
        let why = read(source).unwrap().holds(&scope).expect_err(source);
        assert!(why.to_lowercase().contains(cause) && why.chars().count() <= MOST_CAUSE, "{source}: {why}");
    }
    // A calendar that cannot be read leaves its variable out.
    let nothing = Scope(Context::with_env(ENV.clone()));
    assert!(read("inWorkHours").unwrap().holds(&nothing).is_err());
}

#[test]
fn c12_the_work_of_an_expression_is_bounded() {
    let long = |n: usize| format!("'{}' == 'b'", "a".repeat(n - 9));
    assert!(read(&long(LONGEST)).is_ok());
    assert!(read(&long(LONGEST + 1)).is_err(), "too long");
    let sum = |n: usize| vec!["true"; n].join("||");
    assert!(read(&sum(80)).is_ok());
    assert_eq!(
        read(&vec!["1<2"; 85].join("||")).map(|_| ()).map_err(|f| f.cause),
        Err("339 parts, at most 200: make it two rules".to_owned())
    );
    for (open, close) in [("(", ")"), ("[", "]"), ("!(", ")"), ("true?true:(", ")")] {
        for n in [DEEPEST / 2, DEEPEST, DEEPEST + 1, 100] {
            let nested = format!("{}true{}", open.repeat(n), close.repeat(n));
            let _ = read(&nested); // It comes back, also on the stack of a small thread.
        }
        assert!(read(&format!("{}true{}", open.repeat(DEEPEST + 1), close.repeat(DEEPEST + 1))).is_err(), "{open}");
    }
    assert!(read(&format!("{}true", "!".repeat(MOST_SIGNS + 1))).is_err());
    // Judged on the stack of a small thread as well.
    let sums = |n: usize| format!("{} > 3", vec!["1"; n].join("+"));
    assert!(read(&sums(MOST_LEVELS)).is_err());
    let deep = read(&sums(MOST_LEVELS - 1)).unwrap();
    let judged = std::thread::Builder::new().stack_size(1 << 20).spawn(move || deep.holds(&scope(1))).unwrap();
    assert_eq!(judged.join().unwrap(), Ok(true));
    // Each list on its own is fine, one list in another is not.
    assert!(read("requester.groups.exists(g, g in ['a', 'b'])").is_ok());
    assert!(read("['a', 'b'].exists(g, g in requester.groups)").is_ok());
    let longer = ["requester.groups"; 16].join("+");
    let fault = read(&format!("({longer}).all(g, g in requester.groups)")).expect_err("16 lists in a list");
    assert!(fault.cause.contains("too long"), "{fault}");
}

#[test]
fn c12_matches_means_what_regular_expressions_mean_everywhere() {
    let scope = scope(2);
    for (text, pattern, answer) in [
        ("SUP-4812", "^SUP-[0-9]+$", true),
        ("see SUP-4812", "SUP", true),
        ("SUP\n", "^SUP$", false),
        ("sup", "SUP", false),
        ("sup", "(?i)SUP", true),
        ("é", "^.$", true),
        ("", "", true),
        ("٣", "^[0-9]$", false),
        ("٣", r"^\\d$", true),
    ] {
        let (text, at) = (text.replace('\n', "\\n"), pattern);
        for source in [format!("'{text}'.matches('{at}')"), format!("matches('{text}', '{at}')")] {
            assert_eq!(read(&source).unwrap().holds(&scope), Ok(answer), "{source}");
        }
    }
    // Each element by the same pattern, and each pattern for itself.
    assert_eq!(read("requester.groups.all(g, g.matches('^group-[01]$'))").unwrap().holds(&scope), Ok(true));
    assert_eq!(read("requester.groups.exists(g, g.matches('^group-[23]$'))").unwrap().holds(&scope), Ok(false));
    assert!(read("data.all(d, d.records.matches('1'))").unwrap().holds(&scope).is_err(), "a list is no text");
}

#[test]
fn c12_a_pattern_is_compiled_once_and_only_within_its_bounds() {
    let (first, again) = (pattern("^once-[0-9]+$").unwrap(), pattern("^once-[0-9]+$").unwrap());
    assert!(Arc::ptr_eq(&first, &again));
    for (written, cause) in [("(", "unclosed group"), ("(((a{200}){200}){200})", "size limit"), (r"(a)\1", "backref")] {
        let error = pattern(written).expect_err(written);
        assert!(error.contains(cause), "{written}: {error}");
        let refused = matches(&CelString::from("a"), &CelString::from(written));
        assert!(matches!(refused, Err(ExecutionError::FunctionError { .. })), "{written}: {refused:?}");
    }
}

#[test]
fn what_is_asked_for_second_has_its_own_access_and_nothing_else_of_its_own() {
    let labels = BTreeMap::new();
    let request = json!({});
    let facts = Facts {
        request: &request,
        username: "alice",
        groups: &[],
        namespace: "billing",
        labels: &labels,
        now: DateTime::UNIX_EPOCH,
        in_work_hours: None,
    };
    let facts = Scope::new(&facts);
    let of = |access, minutes| facts.of(&Asked { access, level: "Admin", duration: TimeDelta::minutes(minutes) });
    let (first, second) = (of("logs", 30), of("restart", 10));
    let holds = |source: &str| [&first, &second].map(|scope| read(source).unwrap().holds(scope));
    assert_eq!(holds("access.name == 'logs' && duration == duration('30m')"), [Ok(true), Ok(false)]);
    assert_eq!(holds("access.name == 'restart' && duration == duration('10m')"), [Ok(false), Ok(true)]);
    assert_eq!(holds("requester.username == 'alice' && size(data) == 0"), [Ok(true), Ok(true)]);
}

struct Dice(u64);
impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}
const ATOMS: &[&str] = &[
    "request",
    "requester",
    "access",
    "duration",
    "namespaceObject",
    "now",
    "inWorkHours",
    "data",
    "access.level",
    "requester.groups",
    "namespaceObject.metadata.labels",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "0",
    "0u",
    "18446744073709551615u",
    "1.5",
    "1e308",
    "''",
    "'a'",
    "b'\\xff'",
    "r'\\d'",
    "true",
    "null",
    "[]",
    "[1,2]",
    "{}",
    "{'a':1}",
    "duration('1h')",
    "duration('9223372036s')",
    "timestamp('9999-12-31T23:59:59Z')",
    "timestamp('0001-01-01T00:00:00Z')",
    "'\\u00e9\\U0001F600'",
    "x",
];
fn made(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return dice.one(ATOMS).to_owned();
    }
    let a = made(dice, depth - 1);
    match dice.below(16) {
        0..=4 => {
            let operator = dice.one(&["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"]);
            format!("({a} {operator} {})", made(dice, depth - 1))
        }
        5 => format!("({a} ? {} : {})", made(dice, depth - 1), made(dice, depth - 1)),
        6 => format!("!{a}"),
        7 => format!("-({a})"),
        8 => format!("{a}[{}]", made(dice, depth - 1)),
        9 => format!(
            "{}({a})",
            dice.one(&["size", "string", "int", "double", "bytes", "duration", "timestamp", "type", "max"])
        ),
        10 => {
            let of = if dice.below(3) == 0 { String::new() } else { made(dice, depth - 1) };
            format!(
                "({a}).{}({of})",
                dice.one(&["contains", "startsWith", "matches", "getHours", "getDayOfWeek", "size", "getMonth"])
            )
        }
        11 => format!(
            "({a}).{}(x, {})",
            dice.one(&["all", "exists", "exists_one", "map", "filter"]),
            made(dice, depth - 1)
        ),
        12 => format!("has({a}.y)"),
        13 => format!("[{a}, {}]", made(dice, depth - 1)),
        14 => format!("{{{a}: {}}}", made(dice, depth - 1)),
        _ => format!("{a}.{}", dice.one(&["a", "level", "labels", "?x", "", ".", "é"])),
    }
}
const GARBAGE: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\\",
    "r'",
    "b'",
    "1",
    "0x",
    "1e",
    "u",
    "-",
    "!",
    ".",
    "?",
    ":",
    ",",
    "&&",
    "||",
    "in",
    "has(",
    "all(",
    "x",
    "é",
    "\u{0}",
    "\u{202e}",
    "\n",
    "//",
    "/",
    "'''",
    "\\u",
    "\\U0011FFFF",
    "\\x",
    "\\777",
    "null",
    "true",
    "9999999999999999999",
    "@",
    "`",
    "#",
    "$",
    "%",
];

#[test]
fn c12_whatever_is_written_there_is_an_answer_or_a_cause_in_bounded_work() {
    let (scope, mut dice) = (scope(64), Dice(0x9E37_79B9_7F4A_7C15));
    let (mut understood, mut answered) = (0, 0);
    for round in 0..4000 {
        let source = if round % 4 == 0 {
            let parts = 1 + dice.below(20);
            (0..parts).map(|_| dice.one(GARBAGE)).collect()
        } else {
            let depth = 1 + dice.below(4);
            made(&mut dice, depth)
        };
        match parse(&source) {
            Err(fault) => assert!(fault.line >= 1 && fault.column >= 1 && !fault.cause.is_empty(), "{source}: {fault}"),
            Ok(expression) => {
                let root = expression.0.expression();
                assert!(
                    count(root) <= MOST_PARTS
                        && depth(root) <= MOST_LEVELS
                        && loops(root) <= 1
                        && work(root) <= MOST_WORK,
                    "{source}"
                );
                understood += 1;
                answered += usize::from(expression.holds(&scope).is_ok());
            }
        }
    }
    assert!(understood > 100 && answered > 30, "{understood} understood, {answered} answered");
}
