//! Arguments of the verbs for what is owed.
use crate::ask::{attachment, basis, change};
use clap::{Args, ValueEnum};
use curfew::api::duty::{Change, Duty};
use curfew::api::evidence::{Attachment, LegalBasis};

/// Examples of `duties`.
pub const DUTIES: &str = "Examples:
  kubectl access duties                   # what you owe, in all namespaces, what is due first before the rest
  kubectl access duties --user alice      # what alice owes
  kubectl access duties -n billing -o name";
/// Examples of `closeout`.
pub const CLOSEOUT: &str = "Examples:
  kubectl access closeout sup-4812 -n billing     # asks for what is needed
  kubectl access closeout sup-4812 -n billing --summary 'Totals differ by a rounding in the export job.' --cause 'The export rounds each line.' --follow-ups SUP-4900 --changed 'Config=export.rounding from line to total' --done";
/// Examples of `evidence`.
pub const EVIDENCE: &str = "Examples:
  kubectl access evidence inc-7 -n billing     # which evidence its close-out must hold; once it has ended, asks for it
  kubectl access evidence inc-7 -n billing --summary 'The queue was full: it was drained.' --cause 'The broker was never scaled.' --follow-ups INC-8 --when '02:40 checkout returns 502' --when '03:05 queue drained' --ran 'kubectl logs deploy/queue' --attach Log=https://logs.example.com/7 --why-not-broader 'A write to the queue may lose orders.' --done";
/// Examples of `review`.
pub const REVIEW: &str = "Examples:
  kubectl access review inc-7 -n billing     # shows the record, and asks the four questions
  kubectl access review inc-7 -n billing --real 'Yes: no customer could pay for half an hour.' --least 'Yes: logs of one namespace were read.' --complete 'Yes: timeline and logs are linked.' --improve 'An alert on the length of the queue.'";
/// Examples of `waive`.
pub const WAIVE: &str = "Example:
  kubectl access waive sup-4812 -n billing -m 'She left last week; bob wrote the report in SUP-4812.'";
/// Examples of `note`.
pub const NOTE: &str = "Example:
  kubectl access note inc-7 -n billing -m 'The queue is full since 02:40: I read its logs, and restart nothing.'";

/// Whose duties are shown.
#[derive(Clone, Debug, Args)]
pub struct Duties {
    /// Of this person [default: you]; of somebody else only what they owe by name is known
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
}

/// What a close-out says; what is not said is filled in where it is known, asked for in a terminal, or missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Closeout {
    /// The request, or the record, that it is for [default: the only one that you owe it for]
    #[arg(value_name = "REQUEST")]
    pub name: Option<String>,
    /// What was found or done, in a sentence or two
    #[arg(short, long, value_name = "TEXT")]
    pub summary: Option<String>,
    /// Something that was changed: `KIND=WHAT`, the kind one of Code, Config, Data and Manual; may be given again
    #[arg(long, value_name = "KIND=WHAT", value_parser = change)]
    pub changed: Vec<Change>,
    /// Why it was so
    #[arg(long, value_name = "TEXT")]
    pub cause: Option<String>,
    /// What follows: tickets, or none
    #[arg(long, value_name = "TEXT")]
    pub follow_ups: Option<String>,
    /// Which data you looked at: numbers and keys [default: what you declared]
    #[arg(long, value_name = "TEXT")]
    pub data_reviewed: Option<String>,
    /// What happened when, a line each; may be given again
    #[arg(long = "when", value_name = "LINE")]
    pub timeline: Vec<String>,
    /// What you ran, a command each; may be given again [default: what audit events have shown]
    #[arg(long = "ran", value_name = "COMMAND")]
    pub commands: Vec<String>,
    /// A link to proof: CaseReference, Log, Screenshot or Other=URL[#SHA256]; may be given again
    #[arg(long = "attach", value_name = "KIND=URL", value_parser = attachment)]
    pub attachments: Vec<Attachment>,
    /// Why more access would have been a risk
    #[arg(long, value_name = "TEXT")]
    pub why_not_broader: Option<String>,
    /// Why the policy's safer methods did not give the answer
    #[arg(long, value_name = "TEXT")]
    pub why_not_safer: Option<String>,
    /// What made it lawful to see the data, and where that is written: CustomerConsent=SUP-4812
    #[arg(long, value_name = "TYPE=REF", value_parser = basis)]
    pub legal_basis: Option<LegalBasis>,
    /// The work is finished, or handed on in --follow-ups
    #[arg(long)]
    pub done: bool,
}

/// What a review says.
#[derive(Clone, Debug, Args)]
pub struct Review {
    /// The request, or the record, that is reviewed [default: the only one that waits for you]
    #[arg(value_name = "REQUEST")]
    pub name: Option<String>,
    /// Was it a real emergency, and how do you know?
    #[arg(long, value_name = "TEXT")]
    pub real: Option<String>,
    /// Was it the smallest way that worked?
    #[arg(long, value_name = "TEXT")]
    pub least: Option<String>,
    /// Is the evidence complete?
    #[arg(long, value_name = "TEXT")]
    pub complete: Option<String>,
    /// What would make it unnecessary next time?
    #[arg(long, value_name = "TEXT")]
    pub improve: Option<String>,
}

/// What is waived.
#[derive(Clone, Debug, Args)]
pub struct Waive {
    /// The request, or the record
    #[arg(value_name = "REQUEST")]
    pub name: String,
    /// Which duty [default: the only one that is owed]
    #[arg(long, value_enum, value_name = "note|closeout|review")]
    pub duty: Option<Which>,
    /// Why it need not be met
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// A duty, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// What is going on.
    Note,
    /// What was found or changed.
    Closeout,
    /// The four answers.
    Review,
}
impl From<Which> for Duty {
    fn from(which: Which) -> Self {
        match which {
            Which::Note => Self::Note,
            Which::Closeout => Self::CloseOut,
            Which::Review => Self::Review,
        }
    }
}

/// What a note says.
#[derive(Clone, Debug, Args)]
pub struct Note {
    /// The request, or the record, that it is for [default: the only one that you owe it for]
    #[arg(value_name = "REQUEST")]
    pub name: Option<String>,
    /// What you see and do, as short facts: no customer data
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub text: Option<String>,
}
