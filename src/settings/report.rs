//! The flags of `curfew report` and `curfew adopt`.
use super::{Common, object, request_timeout};
use crate::api::subject::{RoleKind, RoleRef, Subject, SubjectKind};
use crate::api::time::{Span, days_or_span};
use crate::decide::report::{self, Period, Subject as About, When};
use crate::decide::standing::{Ask, Keep, Whose};
use crate::decide::table::Format;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The most slots for snapshots.
const MOST_SLOTS: usize = 100;

/// Which report.
#[derive(Clone, Debug, Args)]
pub struct Report {
    /// Which report.
    #[command(subcommand)]
    pub kind: Kind,
}
impl Report {
    /// What every command takes.
    pub fn common(&self) -> &Common {
        match &self.kind {
            Kind::Standing(standing) => &standing.common,
            Kind::Monthly(Monthly { window: of, .. })
            | Kind::Weekly(of)
            | Kind::Emergencies(of)
            | Kind::Usage(of)
            | Kind::Pilot(of)
            | Kind::Export(of) => &of.common,
        }
    }
}

/// Which report.
#[derive(Clone, Debug, Subcommand)]
pub enum Kind {
    /// Who holds access to protected namespaces that Curfew did not grant, the broadest first
    ///
    /// Exits with 0 when it is printed, 1 when something could not be read, 2 when a flag is wrong, and 3 when --check was
    /// asked for and a binding needs somebody.
    Standing(Standing),
    /// What has to be cleaned up: never closed out, overdue, left over, renewed again and again, not reviewed
    ///
    /// What is open is shown whenever it began; renewals are those of the last 7 days, or of the time that is asked about.
    Weekly(Window),
    /// What somebody has to look at: shared accounts, access without an end or an approval, hasty approvals, refusals, ideas
    ///
    /// About the last whole month, if no other time is asked about.
    Monthly(Monthly),
    /// Who asks for what again and again, what was never begun, and how long people wait
    ///
    /// About the last 30 days, if no other time is asked about.
    Usage(Window),
    /// Emergencies: by service, by person, how fast they were decided, which happen again, what is still owed
    ///
    /// About the last 30 days, if no other time is asked about. Denied ones are among them.
    Emergencies(Window),
    /// What a trial shows: nobody decided, renewals, requests refused as vague
    ///
    /// About the last 14 days, if no other time is asked about.
    Pilot(Window),
    /// One row for each decision, always with the same columns
    ///
    /// About all that is kept, if no other time is asked about. All that a record holds is in `curfew export`.
    Export(Window),
}
impl Kind {
    /// What that asks for; `None`: access past Curfew, which has flags of its own.
    pub fn ask(&self) -> Option<(report::Ask, &Window)> {
        let (of, window) = match self {
            Self::Standing(_) => return None,
            Self::Weekly(window) => (About::Weekly, window),
            Self::Monthly(Monthly { window, .. }) => (About::Monthly, window),
            Self::Usage(window) => (About::Usage, window),
            Self::Emergencies(window) => (About::Emergencies, window),
            Self::Pilot(window) => (About::Pilot, window),
            Self::Export(window) => (About::Export, window),
        };
        let (when, format) = of.usual();
        let asked = window.since.map(When::Since).or(window.period.map(When::Last));
        let ask = report::Ask {
            of,
            when: asked.unwrap_or(when),
            format: window.output.unwrap_or(format),
            shared_accounts: window.shared_accounts.clone(),
            directory: window.directory.clone(),
            audit_source: match self {
                Self::Monthly(monthly) => monthly.audit_source.clone(),
                _ => None,
            },
        };
        Some((ask, window))
    }
}

/// What somebody has to look at, and where audit events are.
#[derive(Clone, Debug, Args)]
pub struct Monthly {
    /// Where the API server's audit events of that time are: file:PATH; without, nobody can tell what was changed without a task
    #[arg(long, value_name = "file:PATH", value_parser = super::audit_source)]
    pub audit_source: Option<PathBuf>,
    /// About which time, and how it looks.
    #[command(flatten)]
    pub window: Window,
}

/// About which time, and how it looks.
#[derive(Clone, Debug, Args)]
pub struct Window {
    /// About the last so long: like 7d or 12h
    #[arg(long, value_name = "SPAN", value_parser = days_or_span, conflicts_with = "period")]
    pub since: Option<TimeDelta>,
    /// About the last whole week, month or quarter that is over, in UTC
    #[arg(long, value_enum, value_name = "week|month|quarter")]
    pub period: Option<Period>,
    /// How it looks; default: table, and csv for export
    #[arg(long, short, value_enum, value_name = "table|json|csv|markdown|html")]
    pub output: Option<report::Format>,
    /// Write it into this directory too, as a file that is named after report and day
    #[arg(long, value_name = "PATH")]
    pub directory: Option<PathBuf>,
    /// A user name that several people share, as the operator is told; may be given again
    #[arg(long = "shared-account", value_name = "NAME", value_parser = super::user)]
    pub shared_accounts: Vec<String>,
    /// How long one call may take: from 1s to 5m
    #[arg(long, default_value = "30s", value_name = "SPAN", value_parser = request_timeout)]
    pub request_timeout: Span,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// What of standing access.
#[derive(Clone, Debug, Args)]
pub struct Standing {
    /// Only what reaches this namespace
    #[arg(long, short, value_name = "NAME", value_parser = object)]
    pub namespace: Option<String>,
    /// As it was then, by the snapshots: a day, as it was at its end (UTC), or an instant
    #[arg(long, value_name = "DATE", value_parser = instant, conflicts_with = "snapshot")]
    pub at: Option<DateTime<Utc>>,
    /// What has changed in so long, by the snapshots: like 7d or 12h
    #[arg(long, value_name = "SPAN", value_parser = days_or_span, conflicts_with = "snapshot")]
    pub since: Option<TimeDelta>,
    /// Bindings of ServiceAccounts and of Kubernetes' own parts too
    #[arg(long, conflicts_with_all = ["at", "since"])]
    pub all: bool,
    /// How it looks
    #[arg(long, short, default_value = "table", value_enum, value_name = "table|json|csv|markdown")]
    pub output: Format,
    /// Exit with 3 if a binding has no owner, no review soon, or no role
    #[arg(long, conflicts_with = "snapshot")]
    pub check: bool,
    /// Print a snapshot in one line instead; it is kept only with --keep or --directory
    #[arg(long)]
    pub snapshot: bool,
    /// How many snapshots are kept in Curfew's namespace: from 1 to 100; to read them, the default is 60
    #[arg(long, value_name = "COUNT", value_parser = slots)]
    pub keep: Option<usize>,
    /// Curfew's namespace
    #[arg(long, env = "POD_NAMESPACE", default_value = "curfew", value_name = "NAME", value_parser = object)]
    pub home: String,
    /// Keep and find snapshots in this directory, not in the cluster
    #[arg(long, value_name = "PATH", conflicts_with = "keep")]
    pub directory: Option<String>,
    /// How long one call may take: from 1s to 5m
    #[arg(long, default_value = "30s", value_name = "SPAN", value_parser = request_timeout)]
    pub request_timeout: Span,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}
impl Standing {
    /// What that asks for.
    pub fn ask(&self) -> Ask {
        Ask {
            at: self.at,
            since: self.since,
            namespace: self.namespace.clone(),
            whose: if self.all { Whose::Everybodys } else { Whose::People },
            format: self.output,
            keep: match (&self.directory, self.keep) {
                (Some(directory), _) => Keep::InDirectory(directory.clone()),
                (None, None) if self.snapshot => Keep::Nowhere,
                (None, slots) => Keep::InCluster { home: self.home.clone(), slots: slots.unwrap_or(60) },
            },
        }
    }
}

/// Which binding, and what replaces it.
#[derive(Clone, Debug, Args)]
pub struct Adopt {
    /// The RoleBinding, or without --namespace the ClusterRoleBinding
    #[arg(value_name = "BINDING")]
    pub binding: String,
    /// Where the RoleBinding is
    #[arg(long, short, value_name = "NAME", value_parser = object)]
    pub namespace: Option<String>,
    /// Who has to agree: a group, or User/NAME; may be given again. Default: to be filled in
    #[arg(long, value_name = "GROUP|User/NAME", value_parser = subject)]
    pub approvers: Vec<Subject>,
    /// Offer this ClusterRole, or Role/NAME of the namespace, instead of the binding's; may be given again
    #[arg(long = "role", value_name = "NAME|Role/NAME", value_parser = role)]
    pub roles: Vec<RoleRef>,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// A day means all of it.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let end = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
    let day = || text.parse::<NaiveDate>().ok().filter(|_| text.len() == 10).map(|day| day.and_time(end).and_utc());
    let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).ok().or_else(day);
    at.ok_or_else(|| "must be a day like 2026-11-20, or an instant like 2026-11-20T09:00:00Z".into())
}
fn slots(text: &str) -> Result<usize, String> {
    let good = text.parse().ok().filter(|n| (1..=MOST_SLOTS).contains(n));
    good.ok_or_else(|| format!("must be a number from 1 to {MOST_SLOTS}"))
}
fn subject(text: &str) -> Result<Subject, String> {
    let (kind, name) = match text.split_once('/') {
        Some(("User", name)) => (SubjectKind::User, name),
        Some(("Group", name)) => (SubjectKind::Group, name),
        _ => (SubjectKind::Group, text),
    };
    let good = (1..=253).contains(&name.len()) && name.trim() == name && !name.starts_with("system:");
    good.then(|| Subject { kind, name: name.to_owned() })
        .ok_or_else(|| "must be a group of people, or User/NAME of a person; `system:` names never decide".into())
}
fn role(text: &str) -> Result<RoleRef, String> {
    let (kind, name) = match text.split_once('/') {
        Some(("Role", name)) => (RoleKind::Role, name),
        Some(("ClusterRole", name)) => (RoleKind::ClusterRole, name),
        _ => (RoleKind::ClusterRole, text),
    };
    let good = (1..=253).contains(&name.len()) && !name.contains('/');
    good.then(|| RoleRef { kind, name: name.to_owned() })
        .ok_or_else(|| "must be NAME of a ClusterRole, or Role/NAME".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Command, Settings};
    use clap::Parser;

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        let all = std::iter::once("curfew").chain(arguments.iter().copied());
        Settings::try_parse_from(all).map(|settings| settings.command).map_err(|e| e.to_string())
    }
    fn standing(more: &[&str]) -> Result<Standing, String> {
        match parsed(&[&["report", "standing"], more].concat())? {
            Command::Report(Report { kind: Kind::Standing(standing) }) => Ok(standing),
            _ => unreachable!("it says report standing"),
        }
    }

    #[test]
    fn a_report_reads_the_kept_snapshots_and_a_snapshot_is_kept_only_where_it_was_told() {
        let here = |slots| Keep::InCluster { home: "curfew".into(), slots };
        for (flags, keep) in [
            (&[][..], here(60)),
            (&["--snapshot"], Keep::Nowhere),
            (&["--snapshot", "--keep=7"], here(7)),
            (&["--snapshot", "--directory=/snapshots"], Keep::InDirectory("/snapshots".into())),
            (&["--at=2026-11-20", "--directory=/snapshots"], Keep::InDirectory("/snapshots".into())),
            (&["--since=7d", "--keep=9"], here(9)),
        ] {
            assert_eq!(standing(flags).unwrap().ask().keep, keep, "{flags:?}");
        }
    }
    #[test]
    fn each_report_is_about_a_time_of_its_own_unless_another_is_asked_about() {
        let asked = |flags: &[&str]| match parsed(&[&["report"], flags].concat()) {
            Ok(Command::Report(Report { kind })) => kind.ask().map(|(ask, _)| (ask.of, ask.when, ask.format)).unwrap(),
            other => panic!("{other:?}"),
        };
        let last = |days| When::Since(TimeDelta::days(days));
        for (flags, of, when, format) in [
            (&["weekly"][..], About::Weekly, last(7), report::Format::Table),
            (&["monthly"], About::Monthly, When::Last(Period::Month), report::Format::Table),
            (&["usage", "-o", "csv"], About::Usage, last(30), report::Format::Csv),
            (&["emergencies"], About::Emergencies, last(30), report::Format::Table),
            (&["pilot", "--period", "week", "-o=html"], About::Pilot, When::Last(Period::Week), report::Format::Html),
            (&["monthly", "--period=quarter"], About::Monthly, When::Last(Period::Quarter), report::Format::Table),
            (&["export"], About::Export, When::All, report::Format::Csv),
            (&["export", "--since=90d", "-o", "json"], About::Export, last(90), report::Format::Json),
        ] {
            assert_eq!(asked(flags), (of, when, format), "{flags:?}");
        }
        for (flags, words) in [
            (["weekly", "--since=7d", "--period=week"].as_slice(), "cannot be used with"),
            (&["weekly", "--period=year"], "week, month, quarter"),
            (&["monthly", "--audit-source=audit.log"], "file:/var/log/kubernetes/audit.log"),
            (&["usage", "--audit-source=file:/audit.log"], "unexpected argument"),
            (&["usage", "--since=soon"], "7d or 12h"),
            (&["usage", "--shared-account="], "kubectl auth whoami"),
        ] {
            let said = parsed(&[&["report"], flags].concat()).map(|_| ()).expect_err(flags[0]);
            assert!(said.contains(words), "{flags:?}: {said}");
        }
    }
    #[test]
    fn a_day_is_meant_to_its_end() {
        let at = |text: &str| standing(&["--at", text]).map(|s| s.at.unwrap().to_rfc3339());
        assert_eq!(at("2026-11-20").as_deref(), Ok("2026-11-20T23:59:59+00:00"));
        assert_eq!(at("2026-11-20T09:00:00+02:00").as_deref(), Ok("2026-11-20T07:00:00+00:00"));
        assert_eq!(standing(&["--since=7d"]).unwrap().since, Some(TimeDelta::days(7)));
        assert_eq!(standing(&["--since=12h"]).unwrap().since, Some(TimeDelta::hours(12)));
    }
    #[test]
    fn wrong_flags_are_refused_with_what_is_allowed() {
        for (flags, words) in [
            (&["--at=yesterday"][..], "2026-11-20T09:00:00Z"),
            (&["--at=2026-1-2"], "2026-11-20T09:00:00Z"),
            (&["--since=week"], "7d or 12h"),
            (&["--since=0d"], "7d or 12h"),
            (&["--since=99999d"], "7d or 12h"),
            (&["--keep=0"], "from 1 to 100"),
            (&["--keep=101"], "from 1 to 100"),
            (&["--output=xml"], "table, json, csv, markdown"),
            (&["--snapshot", "--at=2026-11-20"], "cannot be used with"),
            (&["--snapshot", "--check"], "cannot be used with"),
            (&["--all", "--since=7d"], "cannot be used with"),
            (&["--keep=7", "--directory=/x"], "cannot be used with"),
            (&["--namespace=A"], "lower-case"),
        ] {
            let said = standing(flags).map(|_| ()).expect_err(flags[0]);
            assert!(said.contains(words), "{flags:?}: {said}");
        }
        assert!(parsed(&["report"]).is_err() && parsed(&["report", "weather"]).is_err() && parsed(&["adopt"]).is_err());
    }
    #[test]
    fn who_agrees_and_what_is_offered_can_be_named() {
        let arguments = [
            "adopt",
            "engineers",
            "-n",
            "billing",
            "--approvers=leads",
            "--approvers=User/dana",
            "--role=curfew-read",
            "--role=Role/logs",
        ];
        let Ok(Command::Adopt(adopt)) = parsed(&arguments) else { panic!("no adopt") };
        let texts = |all: Vec<String>| all.join(", ");
        assert_eq!(texts(adopt.approvers.iter().map(ToString::to_string).collect()), "Group leads, User dana");
        assert_eq!(texts(adopt.roles.iter().map(ToString::to_string).collect()), "ClusterRole curfew-read, Role logs");
        assert_eq!((adopt.binding.as_str(), adopt.namespace.as_deref()), ("engineers", Some("billing")));
        for bad in ["--approvers=", "--approvers=system:masters", "--approvers=User/", "--role=", "--role=a/b"] {
            assert!(parsed(&["adopt", "engineers", bad]).is_err(), "{bad}");
        }
    }
}
