//! Duties: what is owed once access was given, and what people write to meet it.
use super::calendar::Calendar;
use super::evidence::{Attachment, LegalBasis};
use super::subject::Subject;
use super::time::{Instant, Span};
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::borrow::Cow;
use strum::{EnumMessage, IntoStaticStr, VariantArray};

/// What somebody owes for an access.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    IntoStaticStr,
    EnumMessage,
    VariantArray,
)]
pub enum Duty {
    /// A line on what is going on, while the access still holds: `status.duties.note`, by who asked.
    Note,
    /// What was found or changed, why, and what follows, once the access has ended: `status.duties.closeout`, by who asked.
    CloseOut,
    /// Four answers by somebody who was not involved: `status.duties.review`.
    Review,
}

/// For how long something is owed: a span of time, or a day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// So long, such as `24h`.
    Span(Span),
    /// Until the day ends; of what comes after work, until the next start of work.
    SameDay,
    /// Until the next business day ends.
    NextBusinessDay,
}
impl std::fmt::Display for Within {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Span(span) => span.fmt(f),
            Self::SameDay => f.write_str("SameDay"),
            Self::NextBusinessDay => f.write_str("NextBusinessDay"),
        }
    }
}
impl std::str::FromStr for Within {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "SameDay" => Ok(Self::SameDay),
            "NextBusinessDay" => Ok(Self::NextBusinessDay),
            _ => text.parse().map(Self::Span),
        }
    }
}
impl Serialize for Within {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}
impl JsonSchema for Within {
    fn schema_name() -> Cow<'static, str> {
        "Within".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 16,
            "x-kubernetes-validations": [{
                "rule": "self in ['SameDay', 'NextBusinessDay'] || (size(self) > 1 && self.matches('^([0-9]{1,4}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?$') && duration(self) >= duration('1s') && duration(self) <= duration('720h'))",
                "message": "must be a duration like 24h, of 1s to 720h, or SameDay, or NextBusinessDay"}]})
    }
}

/// From when on the time of a duty runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Moment {
    /// When it was decided.
    Decided,
    /// When access was to begin; where it never did, nothing is owed.
    Begun,
    /// When access ended; where it never began, nothing is owed.
    Ended,
}

/// What a close-out must hold beside `summary` and `workDone`, each under the field of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, VariantArray)]
pub enum Needed {
    /// Why it was so.
    Cause,
    /// What follows.
    FollowUps,
    /// Which data was looked at.
    DataReviewed,
    /// What happened when.
    Timeline,
    /// What was run.
    Commands,
    /// Links to logs or screenshots.
    Attachments,
    /// Why more access would have been a risk.
    WhyNotBroader,
    /// Why safer methods did not give the answer.
    WhyNotSafer,
    /// What made it lawful to see the data.
    LegalBasis,
}

/// What is owed for a grant, fixed with it: a later change of its policy changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct DutiesOf {
    /// Each duty once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["duty".into()]))]
    pub owes: Vec<Obligation>,
    /// Who may waive a duty, in writing, unless they asked or decided: the policy's owner, and those who review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 33))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub reviewers: Vec<Subject>,
    /// The calendar that `SameDay` and `NextBusinessDay` are counted by, with nothing left open; absent where no duty needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
}

/// One duty: who owes it, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Obligation {
    /// Which.
    pub duty: Duty,
    /// From when on its time runs.
    pub since: Moment,
    /// For how long; of several the earliest counts.
    #[schemars(length(min = 1, max = 2))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub within: Vec<Within>,
    /// Who owes it: one of them is enough.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub by: Vec<Subject>,
    /// What a close-out must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub needs: Vec<Needed>,
}

/// What people wrote to meet their duties. Each is final once the operator has accepted it (`status.owed[].state`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Duties {
    /// What is going on, by who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// What was found or changed, by who asked, once the access has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closeout: Option<CloseOut>,
    /// Four answers, by somebody who was not involved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// Which duties need not be met, and why, by those in `spec.duties.reviewers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waivers>,
}

/// What is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// You, as `kubectl auth whoami` names you.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// What you see and do, as short facts: no customer data.
    #[schemars(length(min = 10, max = 500), regex(pattern = r"\S"))]
    pub text: String,
}

/// What kind of thing was changed, so that a fault can be traced to one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChangeKind {
    /// A program.
    Code,
    /// A setting.
    Config,
    /// Stored data.
    Data,
    /// Something done by hand, such as a restart.
    Manual,
}

/// One thing that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What kind of thing.
    pub kind: ChangeKind,
    /// What, from what to what. Keys and settings, never what is in a record.
    #[schemars(length(min = 1, max = 200), regex(pattern = r"\S"))]
    pub what: String,
}

/// How an access was used: what was found or changed, why, and what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloseOut {
    /// You, as `kubectl auth whoami` names you.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// What was found or done, in a sentence or two.
    #[schemars(length(min = 10, max = 1000), regex(pattern = r"\S"))]
    pub summary: String,
    /// `true`: the work is finished, or handed on in `followUps`.
    pub work_done: bool,
    /// What was changed; leave it out where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub changes: Vec<Change>,
    /// Why it was so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub cause: Option<String>,
    /// What follows: tickets, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub follow_ups: Option<String>,
    /// Which data you looked at. Numbers and keys, never what is in the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub data_reviewed: Option<String>,
    /// What happened when, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 200), regex(pattern = r"\S")))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub timeline: Vec<String>,
    /// What was run, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 200), regex(pattern = r"\S")))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub commands: Vec<String>,
    /// Links to logs or screenshots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub attachments: Vec<Attachment>,
    /// Why more access would have been a risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub why_not_broader: Option<String>,
    /// Why safer methods did not give the answer, where the request did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub why_not_safer: Option<String>,
    /// What made it lawful to see the data, where the request did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<LegalBasis>,
}

/// Four questions, answered by somebody who was not involved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// You, as `kubectl auth whoami` names you.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// Was it a real emergency, and how do you know?
    #[schemars(length(min = 10, max = 500), regex(pattern = r"\S"))]
    pub real_emergency: String,
    /// Was it the smallest way that worked?
    #[schemars(length(min = 10, max = 500), regex(pattern = r"\S"))]
    pub smallest_option: String,
    /// Is the evidence complete?
    #[schemars(length(min = 10, max = 500), regex(pattern = r"\S"))]
    pub evidence_added: String,
    /// What would make it unnecessary next time?
    #[schemars(length(min = 10, max = 500), regex(pattern = r"\S"))]
    pub improvement: String,
}

/// The duties that need not be met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waivers {
    /// The note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Waiver>,
    /// The close-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closeout: Option<Waiver>,
    /// The review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Waiver>,
}

/// Why a duty need not be met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    /// You, as `kubectl auth whoami` names you.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// Why it need not be met.
    #[schemars(length(min = 10, max = 500), regex(pattern = r"\S"))]
    pub why: String,
}

/// How a duty stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumMessage, VariantArray,
)]
pub enum DutyState {
    /// It is still to be met.
    Open,
    /// It was met.
    Met,
    /// A reviewer wrote that it need not be met.
    Waived,
    /// Its time is up, and what follows has begun; it ends when the duty is met or waived.
    Overdue,
}

/// What the operator made of one duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owed {
    /// Which.
    pub duty: Duty,
    /// Who owes it; one of them is enough.
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub by: Vec<Subject>,
    /// Until when. Before the access has ended: if it lasts as long as it may.
    pub due: Instant,
    /// How it stands.
    pub state: DutyState,
    /// What is missing, and what follows if it is not met in time; then, what follows until it is; then, who met it.
    #[schemars(length(max = 1024))]
    pub consequence: String,
    /// What to paste to meet it, once the words in capitals are replaced; absent where nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub command: Option<String>,
    /// When the operator found that it was not met in time. It stays, also once the duty is met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed_at: Option<Instant>,
    /// Who met or waived it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub settled_by: Option<String>,
    /// When the operator saw that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Instant>,
}
