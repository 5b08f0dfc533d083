//! `AccessPolicy`: one reason that justifies access.
use super::calendar::Calendar;
use super::duty::Within;
use super::evidence::{DataClass, Required};
use super::time::{Instant, Span};
use super::{schema::*, subject::*};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One case that justifies temporary access: who may ask, with what evidence, who must agree, and for how long.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "curfew.dev",
    version = "v1alpha1",
    kind = "AccessPolicy",
    plural = "accesspolicies",
    shortname = "apol",
    category = "curfew",
    status = "AccessPolicyStatus",
    derive = "PartialEq",
    doc = "One case that justifies temporary access to production: who may ask, with what evidence, who must agree, and for how long. `kubectl get accesspolicies` is the list of reasons that justify access.",
    printcolumn(name = "Default", type_ = "string", json_path = ".spec.duration.default"),
    printcolumn(name = "Max", type_ = "string", json_path = ".spec.duration.max"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Active", type_ = "integer", json_path = ".status.activeGrants"),
    printcolumn(name = "Description", type_ = "string", json_path = ".spec.description"),
    validation = Rule::new("self.metadata.name.size() <= 63").message("metadata.name must be at most 63 characters: it becomes a label value"),
    validation = Rule::new("!has(oldSelf.status) || has(self.status)").message("may not be removed").field_path(".status")
)]
#[x_kube(validation = Rule::new("self.access.all(a, !has(a.maxDuration) || duration(a.maxDuration) <= duration(self.duration.max))").message("access[].maxDuration may not exceed duration.max").field_path(".access"))]
#[x_kube(validation = Rule::new("!has(self.onBehalf) || !has(self.onBehalf.satisfies) || self.onBehalf.satisfies.all(s, has(self.approval.steps) && self.approval.steps.exists(t, t.name == s))").message("onBehalf.satisfies names a step that approval.steps does not have").field_path(".onBehalf"))]
#[x_kube(validation = Rule::new("!has(self.emergency) || self.emergency.access.all(n, self.access.exists(a, a.name == n))").message("emergency.access names an access that spec.access does not have").field_path(".emergency"))]
#[schemars(transform = no_nulls)]
#[serde(rename_all = "camelCase")]
pub struct AccessPolicySpec {
    /// What it is for, in plain words: people read it to choose the policy, approvers to judge a request.
    #[schemars(length(min = 20, max = 1000))]
    pub description: String,
    /// Who answers for the policy and its clean-up.
    pub owner: Subject,
    /// Whether what is agreed to is granted. `DryRun` is for a pilot: the whole workflow, and never any access.
    #[serde(default)]
    pub mode: Mode,
    /// Which namespaces it covers, by their labels. Labels `curfew.dev/*` are set by holders of the verb `classify` only.
    #[schemars(schema_with = "selector_schema")]
    pub namespaces: LabelSelector,
    /// Who may ask. An empty list would mean nobody, so it is refused.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub requesters: Vec<Subject>,
    /// What it is never for: printed, not parsed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 200)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub never_for: Vec<String>,
    /// What to try before asking: shown when a request is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub safer_methods: Vec<SaferMethod>,
    /// Which data may be seen under it. Under `Personal` and `Regulated` every request names a legal basis.
    #[serde(default)]
    pub data_class: DataClass,
    /// What can be asked for, least first; a request that names none gets the first.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub access: Vec<Access>,
    /// For how long.
    pub duration: Durations,
    /// When people work, and where their day ends. Default: the installation's (chart value `operator.calendar`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// What a request must say.
    pub evidence: Evidence,
    /// Who must agree.
    pub approval: Approval,
    /// How much one person may hold.
    #[serde(default)]
    pub limits: Limits,
    /// The lane for emergencies: less is asked before, and more is owed after. Absent: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
    /// What is owed once access has ended.
    #[serde(default)]
    pub closeout: Closeout,
    /// Who may file for others, such as a GitOps engine or a portal. Absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf: Option<OnBehalf>,
    /// How long records are kept after the access has ended, in days.
    #[serde(default = "days400")]
    #[schemars(range(min = 1, max = 3660))]
    pub retention_days: i32,
}
fn days400() -> i32 {
    400
}
fn hour() -> Span {
    Span::from_secs(3600)
}
fn one() -> i32 {
    1
}
fn two() -> i32 {
    2
}
fn three() -> i32 {
    3
}
fn four() -> i32 {
    4
}
fn five() -> i32 {
    5
}
fn ten() -> i32 {
    10
}
fn twenty() -> i32 {
    20
}
fn why_and_what() -> Vec<Required> {
    Required::DEFAULT.to_vec()
}

/// Whether what is agreed to under a policy is granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// What is agreed to is granted.
    #[default]
    Enforce,
    /// It is only put on record. A request that was filed under it is never granted, also if the policy changes.
    DryRun,
}

/// A way to get the answer without access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaferMethod {
    /// What it is called, such as `dashboards`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = "^https?://"))]
    pub url: Option<String>,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub note: Option<String>,
}

/// One thing that can be asked for: a role under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// What a request calls it in `spec.access`.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// How much it lets somebody do. A role that gives more makes the policy not Ready (`LevelMismatch`).
    pub level: Level,
    /// The role that is bound. The author of the policy needs the verb `bind` on it, and so does the operator.
    pub role_ref: RoleRef,
    /// A shorter maximum for this access. Default: the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Span>,
}

/// For how long access is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("duration(self.default) <= duration(self.max)", "default may not exceed max"))]
#[x_kube(validation = ("duration(self.max) <= duration('24h')", "max may not exceed 24h: ask again for more"))]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// What a request gets that names no duration.
    #[serde(default = "hour")]
    pub default: Span,
    /// The most that a request may ask for. At most 24h, and at most the operator's `--max-duration`.
    pub max: Span,
    /// Whether access ends at the latest when the day ends on which it begins: at midnight in the calendar's time zone.
    #[serde(default)]
    pub same_day: bool,
    /// Access ends when nobody has used it for so long, by the audit events that arrive (`--audit-source`): counted from
    /// its start, its last use, or since events arrive. Default: it does not. Much below 15m ends what somebody still reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unused_after: Option<Span>,
}

/// What a request must say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Which tickets count.
    pub ticket: TicketRule,
    /// Which reasons are too vague.
    #[serde(default)]
    pub reason: ReasonRule,
    /// What a request must say beside ticket and reason, each under the field of that name. `WhyNotLower` is asked for above
    /// the first access, and `LegalBasis` by `dataClass`, also where they are not listed.
    #[serde(default = "why_and_what")]
    #[schemars(length(max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub require: Vec<Required>,
    /// How many records one request may name, over all of its `data`.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 400))]
    pub max_records: i32,
}

/// Which tickets, cases or incidents count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("self.pattern.startsWith('^') && self.pattern.endsWith('$')", "must begin with ^ and end with $, so that the whole ticket is judged"))]
pub struct TicketRule {
    /// A regular expression (RE2 syntax) for the whole ticket: `^(SUP|INC)-[0-9]+$`.
    #[schemars(length(min = 2, max = 256))]
    pub pattern: String,
    /// What to say when it does not match: which tickets are meant.
    #[schemars(length(min = 1, max = 200))]
    pub message: String,
    /// Where a ticket is found, with `{ticket}` in it: shown to those who decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = "^https?://"))]
    pub url: Option<String>,
}

/// Which reasons are too vague; the list that every policy shares is in the documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReasonRule {
    /// How many words a reason needs beside filler and listed phrases.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 50))]
    pub min_words: i32,
    /// Phrases that say nothing here, beside the built-in ones; case, blanks and punctuation are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 100)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub reject_phrases: Vec<String>,
}
impl Default for ReasonRule {
    fn default() -> Self {
        Self { min_words: four(), reject_phrases: vec![] }
    }
}

/// Who must agree, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// How long a request waits for decisions before it ends as `TimedOut`.
    #[serde(default = "hour")]
    pub pending_timeout: Span,
    /// All of them must be met, by distinct people, in any order. Without a step nobody could approve, so the policy is not Ready.
    #[serde(default)]
    #[schemars(length(max = 9))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub steps: Vec<Step>,
    /// What is decided without people, by CEL. `Deny` beats `Approve`; while a rule cannot be judged nothing is granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub rules: Vec<ApprovalRule>,
    /// How many characters a comment needs for an approval to count: a bare yes is no approval.
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 200))]
    pub comment_min_length: i32,
}

/// One role that must agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("self.name != 'emergency'", "`emergency` is reserved"))]
pub struct Step {
    /// The role that decides, such as `service-owner`.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// How many distinct people of it must agree.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 5))]
    pub count: i32,
    /// When the step is needed, in CEL: `access.level != 'ReadOnly' || duration > duration('30m')`. Default: always. It is
    /// needed too where the expression cannot be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub when: Option<String>,
    /// Who may decide for it. `system:` names never do, but for a ServiceAccount listed as a User by its full name.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub approvers: Vec<Subject>,
    /// Who stands in for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups: Option<Backups>,
}

/// Who stands in for those who decide a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Backups {
    /// How long the approvers are waited for before backups may decide too, counted from when the request was complete. At
    /// once where the requester is one of the step's approvers.
    #[serde(default = "quarter")]
    pub after: Span,
    /// Who stands in, under the same rules as the approvers.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub approvers: Vec<Subject>,
}
fn quarter() -> Span {
    Span::from_secs(15 * 60)
}

/// What is decided without people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct ApprovalRule {
    /// What the record calls it: `rule NAME`.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// When it decides, in CEL: `'freeze' in namespaceObject.metadata.labels`.
    #[schemars(length(min = 1, max = 512))]
    pub when: String,
    /// What it decides.
    pub then: Ruling,
    /// What the requester and the record are told.
    #[schemars(length(min = 1, max = 200))]
    pub message: String,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Ruling {
    /// Access without people, at most `limits.autoApprovalsPerDay` times.
    Approve,
    /// No access, whoever agreed.
    Deny,
}

/// How much one person may hold under this policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// For how many distinct tickets one person may have live access at a time.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 20))]
    pub active_per_requester: i32,
    /// How many undecided requests one person may have at a time, in all namespaces; a later one waits until an earlier
    /// one is decided.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 20))]
    pub pending_per_requester: i32,
    /// How often work on one ticket may be renewed; 0: never.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 20))]
    pub renewals: i32,
    /// How many requests of one person the policy's rules may approve in 24 hours; beyond it people decide.
    #[serde(default = "five")]
    #[schemars(range(min = 0, max = 100))]
    pub auto_approvals_per_day: i32,
}
impl Default for Limits {
    fn default() -> Self {
        Self {
            active_per_requester: one(),
            pending_per_requester: three(),
            renewals: two(),
            auto_approvals_per_day: five(),
        }
    }
}

/// What is owed once access has ended: what was found or changed, why, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closeout {
    /// Until when it is owed, counted from the end of the access: a duration of at most `720h`, `SameDay` or
    /// `NextBusinessDay`.
    #[serde(default = "day")]
    pub within: Within,
}
fn day() -> Within {
    Within::Span(Span::from_secs(24 * 3600))
}
impl Default for Closeout {
    fn default() -> Self {
        Self { within: day() }
    }
}

/// The lane for emergencies: who may ask and agree in one, for what and how long, and what is owed for it.
///
/// Beside ticket and reason a request says only what is at stake; what else `evidence.require` asks is owed with the
/// close-out. Rules of the policy that deny still do, those that approve do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.selfApprovalAfter) || self.grant != 'AtOnce'").message("selfApprovalAfter is for grant: AfterApproval; what is given at once goes on only when somebody agrees").field_path(".selfApprovalAfter"))]
#[x_kube(validation = Rule::new("!has(self.selfApprovalAfter) || duration(self.selfApprovalAfter) < duration(self.pendingTimeout)").message("selfApprovalAfter must be shorter than pendingTimeout").field_path(".selfApprovalAfter"))]
#[x_kube(validation = Rule::new("!has(self.noteWithin) || self.grant == 'AtOnce'").message("noteWithin is for grant: AtOnce; leave it out where somebody agrees first").field_path(".noteWithin"))]
#[x_kube(validation = Rule::new("!has(self.noteWithin) || duration(self.noteWithin) <= duration('30m')").message("noteWithin is 30m at most: until then nobody has agreed").field_path(".noteWithin"))]
#[serde(rename_all = "camelCase")]
pub struct Emergency {
    /// Who may ask in an emergency. Default: the policy's `requesters`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub requesters: Vec<Subject>,
    /// What can be asked for in an emergency: names out of the policy's `access`.
    #[schemars(length(min = 1, max = 8), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub access: Vec<String>,
    /// Which incidents count. Default: the tickets of `evidence.ticket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketRule>,
    /// Whether somebody agrees first, or access is given at once.
    #[serde(default)]
    pub grant: EmergencyGrant,
    /// With `AtOnce`: for how long access is given before anybody has agreed, and until when who asked owes a note on what
    /// they see and do, counted from its start. At most 30m. Default: `15m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note_within: Option<Span>,
    /// Who may agree: one of them is enough. Few people should be.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub approvers: Vec<Subject>,
    /// Who stands in for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups: Option<EmergencyBackups>,
    /// For how long; `duration.sameDay` of the policy does not count.
    #[serde(default)]
    pub duration: EmergencyDurations,
    /// How long a request waits for a decision before it ends as `TimedOut`.
    #[serde(default = "quarter")]
    pub pending_timeout: Span,
    /// How long those who agree have, before who asked may go on alone: only where nobody has answered by then, and the request
    /// says in `emergency.whySelf` why that is needed. The record says that nobody approved, and is reviewed the same day.
    /// Default: never. Shorter than `pendingTimeout`; not with `grant: AtOnce`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_approval_after: Option<Span>,
    /// Until when the close-out of an emergency is owed, counted from the end of the access: a duration of at most `720h`,
    /// `SameDay` or `NextBusinessDay`; of this and `closeout.within` the earlier.
    #[serde(default = "same_day")]
    pub evidence_within: Within,
    /// Who looks at it afterwards.
    pub review: EmergencyReview,
}
fn same_day() -> Within {
    Within::SameDay
}
fn next_business_day() -> Within {
    Within::NextBusinessDay
}
fn five_minutes() -> Span {
    Span::from_secs(5 * 60)
}
fn half_an_hour() -> Span {
    Span::from_secs(30 * 60)
}
fn two_hours() -> Span {
    Span::from_secs(2 * 3600)
}

/// When access is given in an emergency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EmergencyGrant {
    /// Once somebody has agreed.
    #[default]
    AfterApproval,
    /// At once, for `noteWithin`. It goes on for the rest of what was asked for, without a gap, only if by then who asked has
    /// written a note and somebody has agreed. Closed to whom a duty under this policy is overdue, to renewals, and to
    /// what is filed for somebody else: there somebody agrees first.
    AtOnce,
}

/// Who stands in for those who agree in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct EmergencyBackups {
    /// How long the approvers are waited for before backups may decide too. At once where the requester is one of them.
    #[serde(default = "five_minutes")]
    pub after: Span,
    /// Who stands in.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub approvers: Vec<Subject>,
}

/// For how long access is given in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("duration(self.default) <= duration(self.max)", "default may not exceed max"))]
#[x_kube(validation = ("duration(self.max) <= duration('2h')", "an emergency lasts 2h at most: ask again for more"))]
pub struct EmergencyDurations {
    /// What a request gets that names no duration.
    #[serde(default = "half_an_hour")]
    pub default: Span,
    /// The most that a request may ask for. At most 2h; a lower maximum of policy, access or operator wins.
    #[serde(default = "two_hours")]
    pub max: Span,
}
impl Default for EmergencyDurations {
    fn default() -> Self {
        Self { default: half_an_hour(), max: two_hours() }
    }
}

/// Who reviews an emergency, one that was denied as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct EmergencyReview {
    /// Until when, counted from the decision: a duration of at most `720h`, `SameDay` or `NextBusinessDay`.
    #[serde(default = "next_business_day")]
    pub within: Within,
    /// Who reviews: one of them is enough. Neither who asked nor who decided does; nor who had access for the same incident.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub reviewers: Vec<Subject>,
}

/// Who may file for others, and what their word is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct OnBehalf {
    /// Their user names, such as `system:serviceaccount:flux-system:kustomize-controller`. They need the verb `file` on
    /// this policy as well. Whom they file for must be in `requesters` as a User.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub filers: Vec<String>,
    /// The steps for which the reviewers of a merged change count, as the filer attests them in `spec.attestation` of the
    /// request: those whom the step lists as Users. Default: none. Whoever runs the filer can meet these steps alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9), inner(length(min = 1, max = 40)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub satisfies: Vec<String>,
}

/// What the operator found about a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(transform = no_nulls)]
#[serde(rename_all = "camelCase")]
pub struct AccessPolicyStatus {
    /// The `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many grants under it give access at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_grants: Option<i32>,
    /// Written by the owner that the spec names: that they looked through the list of approvers, or cleaned up. An entry is
    /// replaced by a later one of theirs, never taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["what".into()]))]
    pub reviews: Vec<Review>,
    /// What the operator made of each review: since when it counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["what".into()]))]
    pub reviewed: Vec<Reviewed>,
    /// What works, but deserves a second look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["reason".into()]))]
    pub warnings: Vec<Warning>,
    /// `Ready`: whether requests can be granted under it; the reason names what is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Something that works, but deserves a second look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Which finding, in CamelCase.
    #[schemars(length(min = 1, max = 64))]
    pub reason: String,
    /// What it is about, and what to do.
    #[schemars(length(max = 512))]
    pub message: String,
}

/// What an owner looks after regularly.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantArray,
)]
pub enum Duty {
    /// Whether those who may ask and decide, and their backups, are still the right ones.
    Approvers,
    /// Whether what was granted under it is gone, and what was made with it too.
    CleanUp,
}

/// Somebody did what an owner has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// What was looked after.
    pub what: Duty,
    /// You, as `kubectl auth whoami` names you.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// When. One in the future counts from when the operator saw it.
    pub at: Instant,
}

/// What the operator made of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reviewed {
    /// What was looked after.
    pub what: Duty,
    /// Who says so.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// When they say it was.
    pub at: Instant,
    /// Since when it counts: then, but not later than when the operator saw it first.
    pub since: Instant,
}
