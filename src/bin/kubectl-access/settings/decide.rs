//! Arguments of the verbs for those who decide.
use clap::Args;
use curfew::api::time::Span;

/// Examples of `waiting`.
pub const WAITING: &str = "Examples:
  kubectl access waiting                     # what waits for you, in all namespaces, the oldest first
  kubectl access waiting -n billing -o name";
/// Examples of `show`.
pub const SHOW: &str = "Examples:
  kubectl access show sup-4812 -n billing     # all that is needed to decide; once it is decided, the record
  kubectl access show billing.sup-4812.7f3a2c1b
  kubectl access show --ticket SUP-4812       # all that was asked and granted for a ticket";
/// Examples of `approve`.
pub const APPROVE: &str = "Examples:
  kubectl access approve sup-4812 -n billing -m 'Narrow, and tied to a case that I know.'
  kubectl access approve sup-4812 sup-4813 -n billing -m 'Both belong to one incident.' --shorten 20m
  kubectl access approve sup-4812 -n billing -m 'As we discussed on the case.' --revision 5f0c1d2e-1     # what you read";
/// Examples of `deny`.
pub const DENY: &str = "Example:
  kubectl access deny sup-4812 -n billing -m 'The billing board shows it: no access is needed.'";
/// Examples of `send-back`.
pub const SEND_BACK: &str = "Example:
  kubectl access send-back sup-4812 -n billing -m 'Which invoices of the account are wrong?'";

/// Which request or record is shown.
#[derive(Clone, Debug, Args)]
pub struct Show {
    /// The request, or the record
    #[arg(value_name = "REQUEST", required_unless_present = "ticket")]
    pub name: Option<String>,
    /// All that was asked and granted for this ticket, in all namespaces
    #[arg(short, long, value_name = "TICKET", conflicts_with = "name")]
    pub ticket: Option<String>,
}

/// What is approved.
#[derive(Clone, Debug, Args)]
pub struct Approve {
    /// What every decision takes.
    #[command(flatten)]
    pub decision: Decide,
    /// At most for so long, such as 20m; never longer than was asked
    #[arg(long, value_name = "SPAN")]
    pub shorten: Option<Span>,
}

/// What every decision takes.
#[derive(Clone, Debug, Args)]
pub struct Decide {
    /// The requests: each by its name
    #[arg(value_name = "REQUEST", required = true)]
    pub names: Vec<String>,
    /// Why; the policy says how long the comment of an approval must be
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// The step that you decide for, where several wait for you
    #[arg(long, value_name = "NAME")]
    pub step: Option<String>,
    /// In the name of this group of yours, where several fit
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// Only if the request is still the one that you read: its status.revision
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,
}
