//! Arguments and environment of the plugin: the only module of it that reads either.
pub mod decide;
pub mod duties;
pub mod look;

use crate::ask::Ask;
use crate::failure::Failure;
use crate::output::Format;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use curfew::api::time::Span;
use curfew::cluster::connect::Way;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Ask for temporary access, decide about it, end it, and see who has what.
///
/// All of it is plain API objects: whatever this does can be done with kubectl, and it has no power of its own.
/// Exit codes: 0 ok, 1 error, 2 wrong usage, 3 denied, 4 timed out.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "kubectl-access",
    bin_name = "kubectl access",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Settings {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// What every verb takes.
    #[command(flatten)]
    pub common: Common,
}

impl Settings {
    /// What is accepted and would be ignored is refused.
    ///
    /// # Errors
    /// Which flag means nothing to the verb.
    pub fn heeded(self) -> Result<Self, Failure> {
        let Heeds { selector, everywhere, output, place, pages } = self.verb.heeds();
        let Common { selector: labels, all_namespaces, output: format, namespace, .. } = &self.common;
        let ignored = [
            ("--selector", labels.is_some() && !selector),
            ("--all-namespaces", *all_namespaces && !everywhere),
            ("--namespace", namespace.is_some() && !place),
            ("--output", *format != Format::Table && !output),
            ("this --output", matches!(format, Format::Page(_)) && !pages),
        ];
        match ignored.into_iter().find(|(_, is_ignored)| *is_ignored) {
            Some((flag, _)) => Err(Failure::Usage(format!("{flag} means nothing here"))),
            None => Ok(self),
        }
    }
}

/// Which of kubectl's flags a verb heeds.
#[derive(Clone, Copy, Debug)]
struct Heeds {
    selector: bool,
    everywhere: bool,
    output: bool,
    place: bool,
    /// The formats of reports.
    pages: bool,
}
impl Verb {
    fn heeds(&self) -> Heeds {
        let list = Heeds { selector: true, everywhere: true, output: true, place: true, pages: false };
        let one = Heeds { selector: false, everywhere: false, ..list };
        match self {
            Self::List(_) | Self::Status(_) | Self::Waiting | Self::Duties(_) | Self::Verify(_) => list,
            Self::Policies(_) => Heeds { selector: false, ..list },
            Self::Who(_) => Heeds { everywhere: false, ..list },
            Self::Report(_) => Heeds { place: false, pages: true, ..one },
            Self::Close(close) => Heeds { everywhere: close.names.is_empty(), ..one },
            Self::Request(_)
            | Self::Renew(_)
            | Self::Explain(_)
            | Self::Show(_)
            | Self::Approve(_)
            | Self::Deny(_)
            | Self::SendBack(_)
            | Self::Closeout(_)
            | Self::Evidence(_)
            | Self::Review(_)
            | Self::Waive(_)
            | Self::Note(_)
            | Self::Lint(_) => one,
            Self::Run(_) | Self::Completion(_) | Self::Complete(_) | Self::Man => Heeds { output: false, ..one },
        }
    }
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Ask for access: what is not said is inferred or, on a terminal, asked for
    #[command(after_help = REQUEST)]
    Request(Box<Request>),
    /// Ask for more time for the same work
    #[command(after_help = RENEW)]
    Renew(Box<Renew>),
    /// Run a command; where it is refused, ask for the least that lets it run, wait, and run it again
    #[command(after_help = RUN)]
    Run(Box<Exec>),
    /// What you may ask for, here
    #[command(after_help = POLICIES)]
    Policies(Policies),
    /// A policy in plain sentences
    #[command(after_help = EXPLAIN)]
    Explain(Explain),
    /// What you hold, until when, and what you wait for and owe
    #[command(after_help = STATUS)]
    Status(Status),
    /// End access now: your own, or with a reason somebody else's
    #[command(after_help = CLOSE)]
    Close(Close),
    /// Who holds access here, or held it: one line each
    #[command(after_help = LIST)]
    List(List),
    /// What waits for your decision, in all namespaces
    #[command(after_help = decide::WAITING)]
    Waiting,
    /// A request: all that is needed to decide, or what became of it
    #[command(after_help = decide::SHOW)]
    Show(decide::Show),
    /// Agree to requests that wait for you
    #[command(after_help = decide::APPROVE)]
    Approve(decide::Approve),
    /// Refuse requests that wait for you: this ends them
    #[command(after_help = decide::DENY)]
    Deny(decide::Decide),
    /// Send requests back: the requester is to say more
    #[command(after_help = decide::SEND_BACK)]
    SendBack(decide::Decide),
    /// What you owe, until when, and what follows if it is missed
    #[command(after_help = duties::DUTIES)]
    Duties(duties::Duties),
    /// Write what was found or changed, once access has ended
    #[command(after_help = duties::CLOSEOUT)]
    Closeout(Box<duties::Closeout>),
    /// The evidence that the close-out of an emergency must hold
    #[command(after_help = duties::EVIDENCE)]
    Evidence(Box<duties::Closeout>),
    /// Review an emergency that you were not involved in
    #[command(after_help = duties::REVIEW)]
    Review(duties::Review),
    /// Write that a duty need not be met
    #[command(after_help = duties::WAIVE)]
    Waive(duties::Waive),
    /// Write what is going on, while access holds that nobody has agreed to yet
    #[command(after_help = duties::NOTE)]
    Note(duties::Note),
    /// Who had access to a namespace, to what and why: by Curfew, and standing access
    #[command(after_help = look::WHO)]
    Who(look::Who),
    /// What is wrong with policies in files, before they are applied
    #[command(after_help = look::LINT)]
    Lint(look::Lint),
    /// Whether records are what they were: each by its digests, and all against an earlier export
    #[command(after_help = look::VERIFY)]
    Verify(look::Verify),
    /// What records and requests say about a time: as `curfew report`, with your rights
    #[command(after_help = look::REPORT)]
    Report(look::Report),
    /// What completes words in a shell
    #[command(after_help = look::COMPLETION)]
    Completion(look::Completion),
    /// Completes words, as kubectl asks for it
    #[command(name = "__complete", hide = true)]
    Complete(look::Typed),
    /// The manual page
    #[command(name = "__man", hide = true)]
    Man,
}

const REQUEST: &str = "Examples:
  kubectl access request -n billing                      # asks for what is needed
  kubectl access request -n billing -t SUP-4812 -r 'Check why invoice totals changed for account 4812.' --for 30m
  kubectl access request -n billing -t SUP-4812 --from sup-4711     # as an earlier one; corrects one that was returned
  kubectl access request -n billing -t INC-7 -r 'Find out why checkout returns 502 since 02:40.' --emergency --harm CustomerHarm --impact 'No customer can pay since 02:40.'
  kubectl access request -n billing -t INC-8 -r 'Move the queue to the new broker.' --after inc-7     # the next step
  kubectl access request -n billing -t SUP-4812 -r 'Check why invoice totals of account 4812 differ.' --dry-run=client -o yaml     # for Git
  kubectl access request -p customer-support -t SUP-4812 -r 'Check why invoice totals of account 4812 differ.' --data billing-db,tenant=4812,records=99017";
const RENEW: &str = "Examples:
  kubectl access renew sup-4812 -n billing               # asks the three questions
  kubectl access renew --changed 'Totals of May match the ledger, totals of June differ.' --remains 'Compare June invoices with ledger entries.' --why 'The service restarts hourly, which took half the time.'";
const RUN: &str = "Examples:
  kubectl access run -- kubectl -n billing logs deploy/invoicer
  kubectl access run -t SUP-4812 -r 'Check why invoice totals changed for account 4812.' -- kubectl -n billing get pods";
const EXPLAIN: &str = "Example:
  kubectl access explain customer-support";
const POLICIES: &str = "Examples:
  kubectl access policies -n billing     # the cases under which you may ask in billing
  kubectl access policies --all          # every case, also those that are not for you";
const STATUS: &str = "Examples:
  kubectl access status
  PS1='$(kubectl access status --short) $ '     # in the prompt: logs@billing 25m";
const CLOSE: &str = "Examples:
  kubectl access close                                   # the one access that you hold
  kubectl access close sup-4812 -n billing
  kubectl access close sup-4812 --reason 'The ticket was closed: the customer found the cause.'
  kubectl access close --user alice --reason 'She left the team today.'     # everything that alice holds";
const LIST: &str = "Examples:
  kubectl access list -n billing             # who holds access there now
  kubectl access list -A --all -o wide       # all records
  kubectl access list --decided              # what you decided";

/// What is asked for.
#[derive(Clone, Debug, Args)]
pub struct Request {
    /// What it says.
    #[command(flatten)]
    pub ask: Ask,
    /// As this earlier request of the namespace, but for what is said here; one of yours that was returned is corrected
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Begins when the access of this request ends
    #[arg(long, value_name = "NAME", conflicts_with = "start")]
    pub after: Option<String>,
    /// How it is sent.
    #[command(flatten)]
    pub sending: Sending,
}

/// How a request is sent.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How it is sent")]
pub struct Sending {
    /// Return once it gives access, or never will [default: true on a terminal]
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub wait: Option<bool>,
    /// Wait no longer than this; the request goes on
    #[arg(long, value_name = "SPAN")]
    pub timeout: Option<Span>,
    /// Send nothing, or have the API server judge it without keeping it
    #[arg(long, value_enum, default_value = "none", value_name = "none|client|server")]
    pub dry_run: DryRun,
}

/// What is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// All of it.
    #[default]
    None,
    /// Nothing.
    Client,
    /// A trial.
    Server,
}

/// What is asked for again.
#[derive(Clone, Debug, Args)]
pub struct Renew {
    /// The request whose access you need for longer; without one, the only one that you hold here
    #[arg(value_name = "REQUEST")]
    pub of: Option<String>,
    /// What is different from what you said then
    #[arg(long, value_name = "TEXT")]
    pub changed: Option<String>,
    /// What is left to do
    #[arg(long, value_name = "TEXT")]
    pub remains: Option<String>,
    /// Why the time was not enough
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// What is said anew.
    #[command(flatten)]
    pub ask: Ask,
    /// How it is sent.
    #[command(flatten)]
    pub sending: Sending,
}

/// What is run.
#[derive(Clone, Debug, Args)]
pub struct Exec {
    /// The command, after two dashes
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// What is said if it is refused.
    #[command(flatten)]
    pub ask: Ask,
    /// How it is sent.
    #[command(flatten)]
    pub sending: Sending,
}

/// What is explained.
#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// The policy
    #[arg(value_name = "POLICY")]
    pub policy: String,
}

/// Which policies are shown.
#[derive(Clone, Debug, Args)]
pub struct Policies {
    /// Every policy, also those that are not for you or not for this namespace
    #[arg(long)]
    pub all: bool,
}

/// How what you hold is shown.
#[derive(Clone, Debug, Args)]
pub struct Status {
    /// One short line for the shell's prompt; nothing if you hold nothing
    #[arg(long, conflicts_with = "output")]
    pub short: bool,
}

/// What is ended.
#[derive(Clone, Debug, Args)]
pub struct Close {
    /// The requests whose access ends; without one, the only one that you hold
    #[arg(value_name = "REQUEST")]
    pub names: Vec<String>,
    /// Why: required to end somebody else's access
    #[arg(short, long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// End all that this person holds, in all namespaces
    #[arg(long, value_name = "NAME", conflicts_with = "names", requires = "reason")]
    pub user: Option<String>,
    /// Return once the access is gone, and proved to be [default: true on a terminal]
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub wait: Option<bool>,
}

/// Which records are listed.
#[derive(Clone, Debug, Args)]
pub struct List {
    /// Your own, in all namespaces
    #[arg(long, conflicts_with_all = ["decided", "all"])]
    pub mine: bool,
    /// Those that you decided, in all namespaces
    #[arg(long, conflicts_with = "all")]
    pub decided: bool,
    /// Also what is over, or was never granted
    #[arg(long)]
    pub all: bool,
}

/// What every verb takes: kubectl's own flags.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Flags of kubectl")]
pub struct Common {
    /// The kubeconfig
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in it
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The namespace [default: that of the context]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// wide, json, yaml, name or jsonpath=TEMPLATE; of a report csv, markdown or html too [default: for people]
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "", hide_default_value = true)]
    pub output: Format,
    /// Only objects with these labels
    #[arg(short = 'l', long, global = true, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Act as this user
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub as_user: Option<String>,
    /// Act as a member of this group; may be given again
    #[arg(long = "as-group", global = true, value_name = "NAME", requires = "as_user")]
    pub as_groups: Vec<String>,
    /// How long one answer of the API server may take, such as 5s
    #[arg(long, global = true, value_name = "SPAN", default_value = "10s")]
    pub request_timeout: Span,
}
impl Common {
    /// Who connects, and to which cluster.
    pub fn way(&self) -> Way {
        let Self { kubeconfig, context, as_user, as_groups, .. } = self.clone();
        Way { kubeconfig, context, as_user, as_groups }
    }
}

/// What the three streams are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Whether somebody can be asked: input and talk are a terminal.
    pub asks: bool,
    /// Whether talk may be coloured; what is printed for others to read never is.
    pub colours: bool,
}
impl Terminal {
    /// As this process has them; never a colour with `NO_COLOR`, or where the terminal knows none.
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
    pub fn found() -> Self {
        let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let plain = is_set("NO_COLOR") || std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let talk = std::io::stderr().is_terminal();
        Self { asks: std::io::stdin().is_terminal() && talk, colours: talk && !plain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_hold_together_and_each_verb_has_an_example() {
        let mut command = Settings::command();
        command.build();
        command.clone().debug_assert();
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let own = format!("kubectl access {}", verb.get_name());
            assert!(help.starts_with("Example") && help.contains(&own), "{}: {help}", verb.get_name());
        }
    }
    #[test]
    fn what_is_decided_or_waived_is_named_one_by_one() {
        for verb in ["approve", "deny", "send-back", "waive"] {
            let typed = |more: &[&str]| Settings::try_parse_from([&["kubectl-access", verb, "-m", "x"], more].concat());
            assert!(typed(&["sup-1"]).is_ok(), "{verb}");
            for more in [&[][..], &["--all"], &["--user", "alice"]] {
                assert!(typed(more).is_err(), "{verb} {more:?}");
            }
        }
        assert!(Settings::try_parse_from(["kubectl-access", "waive", "sup-1", "sup-2"]).is_err(), "one at a time");
    }
}
