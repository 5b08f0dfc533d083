//! Arguments of the verbs for those who look: before anything is granted, and long after it.
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::{Args, ValueEnum};
use curfew::api::time::days_or_span;
use curfew::decide::report::{Period, Subject};

/// Examples of `report`.
pub const REPORT: &str = "Examples:
  kubectl access report weekly                          # what has to be cleaned up now
  kubectl access report monthly -o markdown             # of the last whole month, for a ticket
  kubectl access report usage --since 90d -o json
  kubectl access report export --period quarter         # one row for each decision, as CSV";

/// Which report, about which time.
#[derive(Clone, Debug, Args)]
pub struct Report {
    /// Which
    #[arg(value_enum, value_name = "KIND")]
    pub of: Subject,
    /// About the last so long: like 7d or 12h
    #[arg(long, value_name = "SPAN", value_parser = days_or_span, conflicts_with = "period")]
    pub since: Option<TimeDelta>,
    /// About the last whole week, month or quarter that is over, in UTC
    #[arg(long, value_enum, value_name = "week|month|quarter")]
    pub period: Option<Period>,
    /// A user name that several people share, as the operator is told; may be given again
    #[arg(long = "shared-account", value_name = "NAME")]
    pub shared_accounts: Vec<String>,
}

/// Examples of `completion`.
pub const COMPLETION: &str = "Examples:
  source <(kubectl access completion bash)     # verbs and flags of kubectl-access, called by that name
  install -m 755 <(kubectl access completion kubectl) ~/.local/bin/kubectl_complete-access     # of `kubectl access`, and names in the cluster";

/// For what completion is printed.
#[derive(Clone, Debug, Args)]
pub struct Completion {
    /// The shell; kubectl: the program that kubectl's own completion asks, which also knows names in the cluster
    #[arg(value_enum, value_name = "bash|zsh|fish|powershell|kubectl")]
    pub of: Completed,
}

/// Who completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Completed {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// kubectl.
    Kubectl,
}

/// What was typed so far.
#[derive(Clone, Debug, Args)]
pub struct Typed {
    /// The words after `kubectl access`, the last of which is to be completed
    #[arg(value_name = "WORD", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// Examples of `lint`.
pub const LINT: &str = "Examples:
  kubectl access lint policies/support.yaml policies/incident.yaml     # exits with 1 if nothing could be granted under one
  kubectl access lint policies/support.yaml --strict                   # also if there is a warning
  kubectl access lint policies/support.yaml --cluster                  # also by roles, namespaces and groups that are there
  helm template ./policies | kubectl access lint -";

/// Examples of `who`.
pub const WHO: &str = "Examples:
  kubectl access who billing                       # who has access now, to what and why
  kubectl access who billing --since 2h -o wide     # who had it, and what was changed with it
  kubectl access who billing --at 2026-11-20       # at any time of that day
  kubectl access who billing --at 2026-11-20T09:00:00Z -o json";

/// To what, and when.
#[derive(Clone, Debug, Args)]
pub struct Who {
    /// The namespace [default: that of --namespace or the context]
    #[arg(value_name = "NAMESPACE")]
    pub place: Option<String>,
    /// In the last so long: like 24h or 7d
    #[arg(long, value_name = "SPAN", value_parser = days_or_span, conflicts_with = "at")]
    pub since: Option<TimeDelta>,
    /// At that instant, or at any time of that day, by your clock
    #[arg(long, value_name = "DATE", value_parser = at)]
    pub at: Option<At>,
    /// Only what Curfew gave: standing access is read by auditors only (ClusterRole curfew-auditor)
    #[arg(long)]
    pub grants_only: bool,
    /// Where snapshots of standing access are kept: Curfew's namespace
    #[arg(long, value_name = "NAME", default_value = "curfew")]
    pub home: String,
}

/// When.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A day, by the user's clock.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
}
fn at(text: &str) -> Result<At, String> {
    let instant = || DateTime::parse_from_rfc3339(text).map(|at| At::Instant(at.to_utc())).ok();
    let day = text.parse().ok().filter(|_| text.len() == 10).map(At::Day);
    day.or_else(instant).ok_or_else(|| "must be a day like 2026-11-20, or an instant like 2026-11-20T09:00:00Z".into())
}

/// Examples of `verify`.
pub const VERIFY: &str = "Examples:
  kubectl access verify                                   # all records; exits with 1 if something was found
  kubectl access verify billing.sup-4812.5f0c1d2e-0000 --against friday.jsonl
  kubectl access verify --file friday.jsonl               # without a cluster
  kubectl access verify --against friday.jsonl -o name     # what is not as it was, or is gone";

/// Which records are verified, and against what.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// The records, by their names; without one, all of them, or those of --namespace
    #[arg(value_name = "RECORD")]
    pub names: Vec<String>,
    /// Records in a file (JSON lines, or what kubectl get accessgrants -o json prints), without a cluster; -: standard input
    #[arg(long, value_name = "FILE", conflicts_with = "selector")]
    pub file: Option<String>,
    /// An earlier export: says which records are missing, changed, or have a shorter timeline since
    #[arg(long, value_name = "FILE", conflicts_with = "selector")]
    pub against: Option<String>,
}

/// Which policies are examined, and by what.
#[derive(Clone, Debug, Args)]
pub struct Lint {
    /// Files with policies, YAML or JSON, and perhaps the roles that they name; -: standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// Ask the cluster too, with your rights: roles, namespaces and groups that are there
    #[arg(long)]
    pub cluster: bool,
    /// Exit with 1 for a warning too
    #[arg(long)]
    pub strict: bool,
}
