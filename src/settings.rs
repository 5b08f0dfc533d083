//! Arguments and environment become settings: the only module that reads either.
mod report;

use crate::api::calendar::{Weekday, WorkHours};
use crate::api::time::{Span, days_or_span};
use crate::decide::calendar::{self, Calendar};
use crate::decide::{Installation, Notify};
use crate::telemetry::log;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};
use http::Uri;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

pub use report::{Adopt, Kind, Report, Standing};

/// Temporary production access on Kubernetes that ends on time.
#[derive(Clone, Debug, Parser)]
#[command(name = "curfew", version, about, disable_help_subcommand = true)]
pub struct Settings {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Runs the operator: access begins when it is agreed, and ends on time.
    Run(Box<Run>),
    /// Deletes bindings and fuses that have no live grant, prints them, and exits: 0 if nothing failed, else 1.
    Sweep(Sweep),
    /// Ends all access that Curfew gave, before it is taken away, and exits: 0 if none is left, else 1.
    ///
    /// It deletes bindings and fuses as you: it needs to list and delete rolebindings and jobs, and to list accessgrants and accessrequests. An operator
    /// that runs meanwhile puts the ends on record, and may begin what is agreed to meanwhile.
    #[command(after_long_help = DRAIN_EXAMPLE)]
    Drain(Drain),
    /// Says whether records are what they were, and exits: 0 if they are, 3 if something was found, 1 if it could not be found out.
    Verify(Verify),
    /// Prints all records, and requests that were refused at screening, as JSON lines, and exits: 0, or 1 if it failed.
    Export(Export),
    /// Tells what a policy text would have decided about the requests that are kept, and exits: 0 done, 1 an error, 2 wrong usage.
    ///
    /// It reads AccessRequests and AccessGrants of the whole cluster (ClusterRole curfew-auditor) and writes nothing. The policy need not be in the
    /// cluster. Give it the flags of the operator that say what holds where a policy does not (--max-duration, --calendar-..., --shared-account).
    #[command(after_long_help = REPLAY_EXAMPLE)]
    Replay(Box<Replay>),
    /// Prints who holds what, and what somebody has to do about it. It only reads.
    Report(Report),
    /// Prints the AccessPolicy that would replace a standing binding, and the command that removes that. It only reads.
    Adopt(Adopt),
}

const DRAIN_EXAMPLE: &str = "Examples:
  curfew drain --dry-run
  curfew drain && helm uninstall curfew --namespace curfew
  curfew drain -n billing";

const REPLAY_EXAMPLE: &str = "Examples:
  curfew replay customer-support.yaml
  curfew replay customer-support.yaml --since 30d -n billing -o json
  curfew replay stricter.yaml --policy customer-support     # the requests of a policy of another name";

/// How the operator runs.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// What holds under every policy.
    #[command(flatten)]
    pub house: House,
    /// The image that a fuse names; it is never pulled
    #[arg(long, default_value = "registry.k8s.io/pause:3.10", value_name = "IMAGE", value_parser = image)]
    pub fuse_image: String,
    /// Grant nothing while fuses do not burn, as access would outlive a dead operator
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "true|false")]
    pub stop_without_fuse_test: bool,
    /// How many live grants one namespace may have: from 1 to 10000
    #[arg(long, default_value_t = 200, value_name = "COUNT", value_parser = grants)]
    pub grants_per_namespace: usize,
    /// Where /healthz, /readyz and /metrics are served
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS:PORT", value_parser = address)]
    pub listen: SocketAddr,
    /// The operator's own user name: system:serviceaccount:NAMESPACE:NAME
    #[arg(long, value_name = "USER", value_parser = service_account)]
    pub user: String,
    /// The sweeper's user name: system:serviceaccount:NAMESPACE:NAME
    #[arg(long, value_name = "USER", value_parser = service_account)]
    pub sweeper: String,
    /// The name of the Lease that replicas share
    #[arg(long, default_value = "curfew", value_name = "NAME", value_parser = object)]
    pub lease: String,
    /// How this cluster is called in the log and in exports
    #[arg(long, default_value = "", value_name = "NAME")]
    pub cluster_name: String,
    /// The folder to which records are exported before they are deleted; default: standard output
    #[arg(long, value_name = "FOLDER")]
    pub export: Option<PathBuf>,
    /// Where the API server's audit events come from: file:PATH, as its log backend writes it; default: nobody watches what is done
    #[arg(long, value_name = "file:PATH", value_parser = audit_source)]
    pub audit_source: Option<PathBuf>,
    /// How many calls of one grant in a minute are still usual, beyond which it is flagged HighVolume: from 1 to 100000
    #[arg(long, default_value_t = 300, value_name = "COUNT", value_parser = calls)]
    pub calls_per_minute: usize,
    /// Where a CloudEvent is posted for each transition: an address like `https://example.com/hook`; default: nobody is told
    #[arg(long, value_name = "URL", value_parser = receiver)]
    pub notify: Option<Uri>,
    /// The file with the token that is shown there as `Authorization: Bearer`; read anew each time
    #[arg(long, value_name = "FILE", requires = "notify")]
    pub notify_token_file: Option<PathBuf>,
    /// The file with the certificates, as PEM, that vouch for the receiver; default: those of the system, of which the image has none
    #[arg(long, value_name = "FILE", requires = "notify")]
    pub notify_ca_file: Option<PathBuf>,
    /// The operator's own Pod
    #[arg(long, env = "POD_NAME", value_name = "NAME", value_parser = object)]
    pub pod_name: String,
    /// The operator's own namespace
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAME", value_parser = object)]
    pub pod_namespace: String,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// What holds under every policy, or where a policy does not say.
#[derive(Clone, Debug, Args)]
pub struct House {
    /// No access is longer, whatever a policy says: from 1m to 24h
    #[arg(long, default_value = "12h", value_name = "SPAN", value_parser = max_duration)]
    pub max_duration: Span,
    /// The IANA time zone of the calendar that holds where a policy has none
    #[arg(long, default_value = "UTC", value_name = "ZONE", value_parser = calendar::zone)]
    pub calendar_time_zone: Tz,
    /// The days of the week on which people work, where a policy does not say
    #[arg(long, default_value = "Mon,Tue,Wed,Thu,Fri", value_delimiter = ',', value_name = "DAY,...", value_parser = work_day)]
    pub calendar_work_days: Vec<Weekday>,
    /// From when to when people work on those days, by the clock of that zone
    #[arg(long, default_value = "09:00-18:00", value_name = "FROM-TO")]
    pub calendar_work_hours: WorkHours,
    /// A day on which nobody works, where a policy does not say; may be given again
    #[arg(long = "calendar-holiday", value_name = "YYYY-MM-DD", value_parser = holiday)]
    pub calendar_holidays: Vec<NaiveDate>,
    /// A user name that several people share, so it may not ask; may be given again
    #[arg(long = "shared-account", value_name = "NAME", value_parser = user)]
    pub shared_accounts: Vec<String>,
}

/// How a replay runs.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// The policy: one AccessPolicy as YAML or JSON
    #[arg(value_name = "POLICY_FILE")]
    pub file: PathBuf,
    /// Whose requests are judged; default: those of the policy that the file names
    #[arg(long, value_name = "NAME", value_parser = object)]
    pub policy: Option<String>,
    /// Only requests filed within this time, like 30d or 12h; default: all that are kept
    #[arg(long, value_name = "TIME", value_parser = days_or_span)]
    pub since: Option<TimeDelta>,
    /// Only requests of this namespace; may be given again
    #[arg(short, long = "namespace", value_name = "NAME", value_parser = object)]
    pub namespaces: Vec<String>,
    /// How the answer looks
    #[arg(short, long, default_value = "table", value_enum, value_name = "table|json")]
    pub output: Output,
    /// How long one call may take: from 1s to 5m
    #[arg(long, default_value = "30s", value_name = "SPAN", value_parser = request_timeout)]
    pub request_timeout: Span,
    /// What holds under every policy.
    #[command(flatten)]
    pub house: House,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// How an answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// How a sweep runs.
#[derive(Clone, Debug, Args)]
pub struct Sweep {
    /// Only print what would go
    #[arg(long)]
    pub dry_run: bool,
    /// How long one call may take: from 1s to 5m
    #[arg(long, default_value = "10s", value_name = "SPAN", value_parser = request_timeout)]
    pub request_timeout: Span,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// How access is drained.
#[derive(Clone, Debug, Args)]
pub struct Drain {
    /// Only print what would go
    #[arg(long)]
    pub dry_run: bool,
    /// Only access to this namespace; default: all of it
    #[arg(short, long, value_name = "NAME", value_parser = object)]
    pub namespace: Option<String>,
    /// How long to wait for all to be gone, and for the records to say so: from 1s to 5m
    #[arg(long, default_value = "1m", value_name = "SPAN", value_parser = request_timeout)]
    pub wait: Span,
    /// How long one call may take: from 1s to 5m
    #[arg(long, default_value = "10s", value_name = "SPAN", value_parser = request_timeout)]
    pub request_timeout: Span,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// What is verified, and how that is printed.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// Records in a file (JSON lines, or what `kubectl get accessgrants -o json` prints) instead of the API server's; -: standard input
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// An earlier export: says which records are missing, changed, or have a shorter timeline since
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// How what was found is printed
    #[arg(short, long, default_value = "table", value_enum, value_name = "table|json")]
    pub output: Output,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// How records are exported.
#[derive(Clone, Debug, Args)]
pub struct Export {
    /// How this cluster is called in each line
    #[arg(long, default_value = "", value_name = "NAME")]
    pub cluster_name: String,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// How to reach the API server; default: a kubeconfig if there is one, else the Pod's service account
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// How a line of the log looks
    #[arg(long, default_value = "json", value_enum, value_name = "json|text")]
    pub log_format: log::Format,
    /// What is logged: a level, or levels by module (info,kube=warn)
    #[arg(long = "log", default_value = "info", value_name = "FILTER", value_parser = log::check)]
    pub log_filter: String,
}

impl Settings {
    /// Reads arguments and environment; help, version and mistakes are printed, and end the process (2: a mistake).
    pub fn read() -> Self {
        Self::parse().whole().unwrap_or_else(|error| error.exit())
    }

    /// What no flag can know alone.
    fn whole(self) -> Result<Self, clap::Error> {
        if let Command::Run(run) = &self.command {
            run.whole().map_err(|words| Self::command().error(ErrorKind::ValueValidation, words))?;
        }
        Ok(self)
    }
}

impl Run {
    fn whole(&self) -> Result<(), String> {
        let home = self.user.split(':').nth(2).unwrap_or_default();
        if home != self.pod_namespace {
            let own = &self.pod_namespace;
            return Err(format!(
                "--user is in namespace `{home}`, but this pod is in `{own}`: it must be its own user name"
            ));
        }
        if self.user == self.sweeper {
            return Err(
                "--sweeper must be another service account than --user: it must end access also when that one is lost"
                    .into(),
            );
        }
        Ok(())
    }
    /// What the core needs to know of it.
    pub fn installation(&self) -> Installation {
        Installation {
            max_duration: self.house.max_duration.delta(),
            shared_accounts: self.house.shared_accounts.clone(),
            calendar: self.house.calendar(),
            fuse_image: self.fuse_image.clone(),
            grants_per_namespace: self.grants_per_namespace,
            stop_without_fuse_test: self.stop_without_fuse_test,
            operator: self.user.clone(),
            sweeper: self.sweeper.clone(),
            home: self.pod_namespace.clone(),
            pod: self.pod_name.clone(),
            lease: self.lease.clone(),
            cluster_name: self.cluster_name.clone(),
            export: self.export.clone(),
            audit_source: self.audit_source.clone(),
            calls_per_minute: self.calls_per_minute,
            notify: self.notify.clone().map(|url| Notify {
                url,
                token: self.notify_token_file.clone(),
                ca: self.notify_ca_file.clone(),
            }),
        }
    }
}

impl House {
    fn calendar(&self) -> Calendar {
        Calendar::new(
            self.calendar_time_zone,
            self.calendar_work_days.iter().copied(),
            self.calendar_work_hours,
            self.calendar_holidays.iter().copied(),
        )
    }
}

impl Replay {
    /// What the core needs to know of the installation.
    pub fn installation(&self) -> Installation {
        let House { max_duration, shared_accounts, .. } = &self.house;
        Installation::to_judge_by(max_duration.delta(), shared_accounts.clone(), self.house.calendar())
    }
}

fn max_duration(text: &str) -> Result<Span, String> {
    span(text, Span::from_secs(60)..=Span::from_secs(24 * 3600), "from 1m to 24h")
}
fn work_day(text: &str) -> Result<Weekday, String> {
    Weekday::from_str(text).map_err(|_| "must be days of the week, like Mon,Tue,Wed,Thu,Fri".into())
}
fn holiday(text: &str) -> Result<NaiveDate, String> {
    let plain = text.len() == 10 && text.starts_with("20");
    text.parse().ok().filter(|_| plain).ok_or_else(|| "must be a date, like 2026-12-25".into())
}
fn request_timeout(text: &str) -> Result<Span, String> {
    span(text, Span::from_secs(1)..=Span::from_secs(300), "from 1s to 5m")
}
fn span(text: &str, allowed: RangeInclusive<Span>, words: &str) -> Result<Span, String> {
    Span::from_str(text)
        .ok()
        .filter(|span| allowed.contains(span))
        .ok_or_else(|| format!("must be {words}, like 30m or 1h30m"))
}
fn grants(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=10_000).contains(n)).ok_or_else(|| "must be a number from 1 to 10000".into())
}
fn calls(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(|| "must be a number from 1 to 100000".into())
}
fn audit_source(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("file:").filter(|path| path.starts_with('/'));
    path.map(PathBuf::from)
        .ok_or_else(|| "must be file: and a full path, like file:/var/log/kubernetes/audit.log".into())
}
fn receiver(text: &str) -> Result<Uri, String> {
    let good = |url: &Uri| {
        let has_user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        matches!(url.scheme_str(), Some("https" | "http"))
            && url.host().is_some_and(|host| !host.is_empty())
            && !has_user
    };
    let url = text.parse().ok().filter(good);
    url.ok_or_else(|| "must be an address like https://example.com/hook, without a user or password in it".into())
}
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port, like 0.0.0.0:8080 or [::]:8080".into())
}
fn image(text: &str) -> Result<String, String> {
    let good = (1..=512).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
    good.then(|| text.to_owned()).ok_or_else(|| "must be an image reference, like registry.k8s.io/pause:3.10".into())
}
fn user(text: &str) -> Result<String, String> {
    let good = (1..=253).contains(&text.len()) && text.trim() == text;
    good.then(|| text.to_owned()).ok_or_else(|| "must be a user name as `kubectl auth whoami` prints it".into())
}
fn object(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = (1..=253).contains(&text.len())
        && text.chars().all(|c| plain(c) || c == '-' || c == '.')
        && text.starts_with(plain)
        && text.ends_with(plain);
    good.then(|| text.to_owned())
        .ok_or_else(|| "must be the name of an object: lower-case letters, digits, `-` and `.`".into())
}
fn service_account(text: &str) -> Result<String, String> {
    let words = || "must be a service account's user name, system:serviceaccount:NAMESPACE:NAME".to_owned();
    let rest = text.strip_prefix("system:serviceaccount:").ok_or_else(words)?;
    let (namespace, name) = rest.split_once(':').ok_or_else(words)?;
    object(namespace).and_then(|_| object(name)).map_err(|_| words())?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &[&str] = &[
        "run",
        "--user=system:serviceaccount:curfew:curfew",
        "--sweeper=system:serviceaccount:curfew:curfew-sweep",
        "--pod-name=curfew-0",
        "--pod-namespace=curfew",
    ];
    fn parsed(arguments: &[&str]) -> Result<Settings, String> {
        let all = std::iter::once("curfew").chain(arguments.iter().copied());
        Settings::try_parse_from(all).and_then(Settings::whole).map_err(|e| e.to_string())
    }
    fn run(more: &[&str]) -> Result<Run, String> {
        match parsed(&[RUN, more].concat())?.command {
            Command::Run(run) => Ok(*run),
            _ => unreachable!("it says run"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Settings::command().debug_assert();
    }
    #[test]
    fn the_defaults_are_those_of_the_chart() {
        assert!(run(&["--notify-token-file=/x"]).unwrap_err().contains("--notify"), "a token for nobody");
        let run = run(&[]).unwrap();
        let installation = run.installation();
        assert_eq!(run.house.max_duration.to_string(), "12h");
        assert_eq!(installation.fuse_image, "registry.k8s.io/pause:3.10");
        assert_eq!(installation.grants_per_namespace, 200);
        assert_eq!((&installation.audit_source, installation.calls_per_minute), (&None, 300));
        assert_eq!(installation.notify, None);
        assert_eq!(installation.calendar, Calendar::default());
        assert!(installation.stop_without_fuse_test && installation.shared_accounts.is_empty());
        assert_eq!((run.listen.to_string().as_str(), installation.lease.as_str()), ("0.0.0.0:8080", "curfew"));
        assert_eq!((run.common.log_format, run.common.log_filter.as_str()), (log::Format::Json, "info"));
        assert_eq!((installation.home.as_str(), installation.pod.as_str()), ("curfew", "curfew-0"));
    }
    #[test]
    fn every_flag_reaches_the_installation() {
        let run = run(&[
            "--max-duration=1h30m",
            "--fuse-image=mirror.example/pause@sha256:0",
            "--shared-account=root",
            "--shared-account=ops@example.com",
            "--calendar-time-zone=Europe/Berlin",
            "--calendar-work-days=Sun,Mon",
            "--calendar-work-hours=08:00-16:30",
            "--calendar-holiday=2026-12-25",
            "--calendar-holiday=2026-12-26",
            "--stop-without-fuse-test=false",
            "--grants-per-namespace=7",
            "--listen=[::]:9090",
            "--lease=curfew-blue",
            "--log-format=text",
            "--log=debug,kube=warn",
            "--kubeconfig=/etc/k",
            "--cluster-name=eu-1",
            "--audit-source=file:/var/log/audit.log",
            "--calls-per-minute=60",
            "--notify=https://example.com/hook?team=a",
            "--notify-token-file=/secret/token",
            "--notify-ca-file=/secret/ca.crt",
        ])
        .unwrap();
        let i = run.installation();
        assert_eq!(i.max_duration, chrono::TimeDelta::minutes(90));
        assert_eq!(i.shared_accounts, ["root", "ops@example.com"]);
        assert!(!i.stop_without_fuse_test);
        let work = |at: &str| i.calendar.is_work_time(at.parse().unwrap());
        assert!(work("2026-11-22T07:00:00Z") && !work("2026-11-22T15:30:00Z") && !work("2026-11-24T10:00:00Z"));
        assert!(!work("2027-12-26T06:59:59Z") && work("2027-12-26T07:00:00Z"), "a holiday is of one year");
        assert_eq!((i.grants_per_namespace, i.lease.as_str()), (7, "curfew-blue"));
        assert_eq!((i.audit_source, i.calls_per_minute), (Some("/var/log/audit.log".into()), 60));
        let notify = i.notify.unwrap();
        assert_eq!(notify.url, "https://example.com/hook?team=a");
        assert_eq!((notify.token, notify.ca), (Some("/secret/token".into()), Some("/secret/ca.crt".into())));
        assert_eq!(i.fuse_image, "mirror.example/pause@sha256:0");
        assert_eq!((i.operator, i.sweeper), (run.user, run.sweeper));
        assert_eq!((run.common.log_format, run.listen.port()), (log::Format::Text, 9090));
        assert_eq!(run.common.kubeconfig, Some("/etc/k".into()));
    }
    #[test]
    fn e15_bad_values_are_refused_with_the_flag_and_what_is_allowed() {
        for (flag, allowed) in [
            ("--max-duration=25h", "from 1m to 24h"),
            ("--max-duration=59s", "from 1m to 24h"),
            ("--max-duration=12", "like 30m or 1h30m"),
            ("--max-duration=-1h", "from 1m to 24h"),
            ("--fuse-image=", "image reference"),
            ("--fuse-image=a b", "image reference"),
            ("--calendar-time-zone=Berlin", "did you mean Europe/Berlin?"),
            ("--calendar-time-zone=", "Europe/Berlin"),
            ("--calendar-work-days=", "Mon,Tue,Wed,Thu,Fri"),
            ("--calendar-work-days=Mon-Fri", "Mon,Tue,Wed,Thu,Fri"),
            ("--calendar-work-hours=22:00-06:00", "the earlier first, like 09:00-18:00"),
            ("--calendar-holiday=12-25", "2026-12-25"),
            ("--calendar-holiday=2026-02-30", "2026-12-25"),
            ("--shared-account= root", "kubectl auth whoami"),
            ("--shared-account=", "kubectl auth whoami"),
            ("--stop-without-fuse-test=perhaps", "true, false"),
            ("--grants-per-namespace=0", "from 1 to 10000"),
            ("--grants-per-namespace=10001", "from 1 to 10000"),
            ("--listen=8080", "0.0.0.0:8080"),
            ("--audit-source=/var/log/audit.log", "file:/var/log/kubernetes/audit.log"),
            ("--audit-source=file:audit.log", "file:/var/log/kubernetes/audit.log"),
            ("--calls-per-minute=0", "from 1 to 100000"),
            ("--calls-per-minute=100001", "from 1 to 100000"),
            ("--notify=example.com/hook", "https://example.com/hook"),
            ("--notify=ftp://example.com/", "https://example.com/hook"),
            ("--notify=https://user:password@example.com/", "without a user or password"),
            ("--lease=Curfew", "lower-case"),
            ("--lease=-x", "lower-case"),
            ("--log-format=xml", "json, text"),
            ("--log=loud!", "info,kube=warn"),
        ] {
            let said = run(&[flag]).expect_err(flag);
            let name = flag.split('=').next().unwrap();
            assert!(said.contains(name) && said.contains(allowed), "{flag}: {said}");
        }
    }
    #[test]
    fn the_operators_identity_is_required_and_is_its_own() {
        let with = |i: usize, argument: &'static str| {
            let mut all = RUN.to_vec();
            all[i] = argument;
            parsed(&all).expect_err(argument)
        };
        assert!(with(1, "--user=alice").contains("system:serviceaccount:NAMESPACE:NAME"));
        assert!(with(1, "--user=system:serviceaccount:curfew").contains("system:serviceaccount:NAMESPACE:NAME"));
        assert!(with(1, "--user=system:serviceaccount:other:curfew").contains("this pod is in `curfew`"));
        assert!(with(2, "--sweeper=system:serviceaccount:curfew:curfew").contains("another service account"));
        for i in 1..=2 {
            let mut all = RUN.to_vec();
            let flag = all.remove(i).split('=').next().unwrap();
            assert!(parsed(&all).expect_err(flag).contains(flag));
        }
    }
    #[test]
    fn a_sweep_needs_nothing_and_bounds_its_calls() {
        let Ok(Command::Sweep(sweep)) = parsed(&["sweep"]).map(|s| s.command) else { panic!("no sweep") };
        assert!(!sweep.dry_run && sweep.request_timeout == Span::from_secs(10));
        let Ok(Command::Sweep(sweep)) = parsed(&["sweep", "--dry-run", "--request-timeout=1m"]).map(|s| s.command)
        else {
            panic!("no sweep")
        };
        assert!(sweep.dry_run && sweep.request_timeout == Span::from_secs(60));
        for bad in ["--request-timeout=0s", "--request-timeout=6m", "--max-duration=1h"] {
            assert!(parsed(&["sweep", bad]).is_err(), "{bad}");
        }
    }
    #[test]
    fn l9_a_drain_covers_all_namespaces_or_one() {
        let Ok(Command::Drain(drain)) = parsed(&["drain"]).map(|s| s.command) else { panic!("no drain") };
        assert!(!drain.dry_run && drain.namespace.is_none() && drain.wait == Span::from_secs(60));
        let Ok(Command::Drain(drain)) = parsed(&["drain", "-n", "billing", "--wait=5s"]).map(|s| s.command) else {
            panic!("no drain")
        };
        assert_eq!((drain.namespace.as_deref(), drain.wait), (Some("billing"), Span::from_secs(5)));
        assert!(parsed(&["drain", "--wait=6m"]).is_err() && parsed(&["drain", "-n", "Billing"]).is_err());
    }
    #[test]
    fn verify_and_export_need_nothing() {
        let Ok(Command::Verify(verify)) = parsed(&["verify"]).map(|s| s.command) else { panic!("no verify") };
        assert!(verify.file.is_none() && verify.against.is_none() && verify.output == Output::Table);
        let all = ["verify", "--file=-", "--against=before.jsonl", "-o", "json"];
        let Ok(Command::Verify(verify)) = parsed(&all).map(|s| s.command) else { panic!("no verify") };
        assert!(verify.file.is_some() && verify.against.is_some() && verify.output == Output::Json);
        assert!(parsed(&["verify", "-o", "xml"]).is_err());
        let Ok(Command::Export(export)) = parsed(&["export", "--cluster-name=west"]).map(|s| s.command) else {
            panic!("no export")
        };
        assert_eq!(export.cluster_name, "west");
    }
    #[test]
    fn a_replay_needs_a_file_and_knows_what_the_operator_would() {
        let read = |arguments: &[&str]| match parsed(arguments).map(|s| s.command) {
            Ok(Command::Replay(replay)) => Ok(*replay),
            Ok(_) => unreachable!("it says replay"),
            Err(words) => Err(words),
        };
        let plain = read(&["replay", "policy.yaml"]).unwrap();
        assert!(plain.policy.is_none() && plain.since.is_none() && plain.namespaces.is_empty());
        assert_eq!((plain.output, plain.file), (Output::Table, PathBuf::from("policy.yaml")));
        let all = [
            "replay",
            "p.yaml",
            "--policy=old",
            "--since=30d",
            "-n=a",
            "-n=b",
            "-ojson",
            "--max-duration=1h",
            "--shared-account=root",
        ];
        let all = read(&all).unwrap();
        assert_eq!((all.since, all.output), (Some(TimeDelta::days(30)), Output::Json));
        assert_eq!((all.namespaces.clone(), all.policy.clone()), (vec!["a".into(), "b".into()], Some("old".into())));
        let installation = all.installation();
        assert_eq!(
            (installation.max_duration, installation.shared_accounts),
            (TimeDelta::hours(1), vec!["root".to_owned()])
        );
        for (since, time) in
            [("12h", TimeDelta::hours(12)), ("1d", TimeDelta::days(1)), ("1h30m", TimeDelta::minutes(90))]
        {
            assert_eq!(read(&["replay", "p", "--since", since]).unwrap().since, Some(time), "{since}");
        }
        for bad in ["0d", "d", "30", "1w", "-1d", "10000d"] {
            let said = read(&["replay", "p", &format!("--since={bad}")]).expect_err(bad);
            assert!(said.contains("like 7d"), "{said}");
        }
        assert!(read(&["replay"]).expect_err("no file").contains("POLICY_FILE"));
        let help = read(&["replay", "--help"]).expect_err("help");
        for part in
            ["curfew-auditor", "writes nothing", "--since 30d -n billing -o json", "0 done, 1 an error, 2 wrong usage"]
        {
            assert!(help.contains(part), "{part}: {help}");
        }
    }
    #[test]
    fn what_is_unknown_is_refused() {
        for arguments in [&["run", "--max-durations=1h"][..], &["drian"], &[]] {
            assert!(parsed(arguments).is_err(), "{arguments:?}");
        }
        assert!(parsed(&["--version"]).expect_err("version").contains(env!("CARGO_PKG_VERSION")));
    }
}
