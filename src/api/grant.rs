//! `AccessGrant`: the record of one decision and of the access that came of it.
use super::duty::{Duties, DutiesOf, Owed};
use super::evidence::{Attachment, DataClass, DataScope, LegalBasis};
use super::permission::Danger;
use super::policy::Ruling;
use super::reasons::{EndReason, FlagType, Outcome};
use super::request::{Attestation, Crisis, Decision, Lane};
use super::time::{Instant, Span};
use super::{schema::*, subject::*};
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The record of one decision: who asked, who agreed, what, where, why, and from when to when.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "curfew.dev",
    version = "v1alpha1",
    kind = "AccessGrant",
    plural = "accessgrants",
    shortname = "agrant",
    category = "curfew",
    status = "AccessGrantStatus",
    derive = "PartialEq",
    doc = "The record of one decision: who asked, who agreed, what, where, why, and from when to when. Made by the operator at every decision, also when nothing was granted; it outlives the request, the policy and the namespace.",
    selectable = ".spec.user",
    selectable = ".spec.namespace",
    selectable = ".spec.policy.name",
    selectable = ".spec.ticket",
    selectable = ".spec.attestation.change",
    selectable = ".status.state",
    selectable = ".status.flagged",
    selectable = ".status.dutiesState",
    printcolumn(name = "Ticket", type_ = "string", json_path = ".spec.ticket"),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user"),
    printcolumn(name = "Access", type_ = "string", json_path = ".spec.access"),
    printcolumn(name = "Scope", type_ = "string", json_path = ".spec.namespace"),
    printcolumn(name = "Approved-By", type_ = "string", json_path = ".spec.approvedBy"),
    printcolumn(name = "Started", type_ = "string", json_path = ".status.startedAt"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Last-Used", type_ = "string", json_path = ".status.usage.lastSeen", priority = 1),
    printcolumn(name = "Flags", type_ = "string", json_path = ".status.flagged"),
    printcolumn(name = "Not-Before", type_ = "string", json_path = ".spec.notBefore", priority = 1),
    printcolumn(name = "Ended", type_ = "string", json_path = ".status.endedAt", priority = 1),
    printcolumn(name = "Ended-By", type_ = "string", json_path = ".status.endedBy", priority = 1),
    printcolumn(name = "Calls", type_ = "integer", json_path = ".status.usage.count", priority = 1),
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.policy.name", priority = 1),
    printcolumn(name = "Lane", type_ = "string", json_path = ".spec.lane", priority = 1),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.roleRef.name", priority = 1),
    printcolumn(name = "Filed-By", type_ = "string", json_path = ".spec.filedBy", priority = 1),
    printcolumn(name = "Duties", type_ = "string", json_path = ".status.dutiesState", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.reason", priority = 1),
    validation = Rule::new("self.spec == oldSelf.spec").message("a grant's spec is a snapshot and never changes").field_path(".spec"),
    validation = Rule::new("!has(oldSelf.status) || has(self.status)").message("may not be removed").field_path(".status")
)]
#[x_kube(validation = Rule::new("has(self.expiresAt) == (self.outcome == 'Approved')").message("a grant that was approved has an end; one that was not has none"))]
#[x_kube(validation = Rule::new("!has(self.expiresAt) || (self.notBefore < self.expiresAt && self.expiresAt - self.notBefore <= duration('24h'))").message("access ends after its start and within 24h of it"))]
#[schemars(transform = no_nulls)]
#[serde(rename_all = "camelCase")]
pub struct AccessGrantSpec {
    /// The request that it is about.
    pub request: RequestOf,
    /// The policy that it was decided under, as it was then.
    pub policy: PolicyOf,
    /// What was decided.
    pub outcome: Outcome,
    /// Who asked.
    #[schemars(length(min = 1, max = 253))]
    pub user: String,
    /// Their groups when they asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512), inner(length(max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub groups: Vec<String>,
    /// Who filed it for them; absent where they filed it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub filed_by: Option<String>,
    /// What the filer attested, whether it counted or not. The change is spent: it opens nothing else for this person
    /// under this policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
    /// The entry of the policy's `requesters` that let them ask.
    pub entitled_by: Subject,
    /// Where the access holds.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// That namespace's labels at the decision.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "labels_schema")]
    pub namespace_labels: BTreeMap<String, String>,
    /// Which way it took.
    #[serde(default)]
    pub lane: Lane,
    /// What made it an emergency; absent in the routine lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Crisis>,
    /// Which access of the policy.
    #[schemars(length(min = 1, max = 63))]
    pub access: String,
    /// How much it lets somebody do.
    pub level: Level,
    /// The role that was bound.
    pub role_ref: RoleRef,
    /// What the role allowed at the decision.
    #[schemars(schema_with = "rules_schema")]
    pub rules: Vec<PolicyRule>,
    /// What was dangerous in it, worst first: what of it may outlive the grant, the messages say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub permission_flags: Vec<Danger>,
    /// SHA-256 of those rules as JSON, in lower-case hexadecimal.
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub rules_sha256: String,
    /// What the role allowed and the person could not do before, one line for each resource: this must be gone at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub adds: Vec<String>,
    /// What the role allowed and the person could do already, and through what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub had: Vec<String>,
    /// The ticket, case or incident.
    #[schemars(length(min = 1, max = 63))]
    pub ticket: String,
    /// Why it was asked for.
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
    /// Which data they said they need: declared, not enforced (N1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub data: Vec<DataScope>,
    /// Why safer methods do not give the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub why_not_safer: Option<String>,
    /// Why a lower level will not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub why_not_lower: Option<String>,
    /// What they said they would do or look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 200), regex(pattern = r"\S")))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub plan: Vec<String>,
    /// What makes it lawful to see this data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<LegalBasis>,
    /// Links to proof.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub attachments: Vec<Attachment>,
    /// For how long it was asked for.
    pub asked_for: Span,
    /// What it renews, and why; absent where it begins something new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<RenewalOf>,
    /// The second access that was agreed to along with this one, whether or not it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<ThenOf>,
    /// Access was given at once, in an emergency, before anybody had agreed. It goes on, by a second record (`follows`), only
    /// if a note is written and somebody agrees before it ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Nobody approved: nobody answered in an emergency, and who asked went on alone, as the policy allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_approved: Option<SelfApprovedOf>,
    /// Of a second access, and of one that goes on: which one it follows, and what was written for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<FollowsOf>,
    /// The decisions that counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["by".into()]))]
    pub approvals: Vec<ApprovalOf>,
    /// Why nothing was granted, where no decision says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub why: Option<String>,
    /// The rule of the policy that decided, where no person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleOf>,
    /// Steps of the policy that were not needed, by their `when`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub not_needed: Vec<String>,
    /// Who agreed, as one line; `rule NAME` where a rule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub approved_by: Option<String>,
    /// The epoch of admission that it was decided in: after a change of the rules that protect decisions, nothing older begins.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub admission_epoch: String,
    /// Access does not begin before: when it was decided or, if that is later, when the request asked for it to begin, or when
    /// the access that it renews, or goes on with, ends.
    pub not_before: Instant,
    /// Access never begins after this instant, where the request said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<Instant>,
    /// When access ends, fixed once; absent where nothing was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Instant>,
    /// It ends early when nobody has used it for so long: as the policy said at the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unused_after: Option<Span>,
    /// What is owed for it, by whom and until when; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duties: Option<DutiesOf>,
}

/// The request that a grant is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestOf {
    /// Its namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its UID: another request of the same name is another request.
    #[schemars(length(max = 36))]
    pub uid: String,
    /// Which version of it was decided.
    pub generation: i64,
}

/// A second access as it was agreed to, with the role as it was then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThenOf {
    /// Which access of the policy.
    #[schemars(length(min = 1, max = 63))]
    pub access: String,
    /// How much it lets somebody do.
    pub level: Level,
    /// The role that is to be bound.
    pub role_ref: RoleRef,
    /// What the role allowed at the decision.
    #[schemars(schema_with = "rules_schema")]
    pub rules: Vec<PolicyRule>,
    /// SHA-256 of those rules, as `rulesSha256`.
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub rules_sha256: String,
    /// What the role allowed and the person could not do before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub adds: Vec<String>,
    /// What the role allowed and the person could do already, and through what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub had: Vec<String>,
    /// For how long, counted from its start: what was asked for, or less where an approver said so.
    pub duration: Span,
}

/// How it came that somebody went on alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct SelfApprovedOf {
    /// Why they had to.
    #[schemars(length(min = 1, max = 500))]
    pub why: String,
    /// How long those asked had.
    pub after: Span,
    /// Who was asked, and did not answer.
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub asked: Vec<Subject>,
}

/// What a second access follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FollowsOf {
    /// The record of the first access.
    #[schemars(length(max = 253))]
    pub grant: String,
    /// What the requester found, and was going to change; of what goes on, their note.
    #[schemars(length(min = 1, max = 500))]
    pub finding: String,
    /// It is the same access, which was given at once, and goes on without a gap.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
}

/// What a grant renews, and what its requester said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RenewalOf {
    /// The request whose access it renews.
    #[schemars(length(max = 63))]
    pub of: String,
    /// The record of that access.
    #[schemars(length(max = 253))]
    pub grant: String,
    /// How often the work has been renewed, this time included.
    #[schemars(range(min = 1, max = 1000))]
    pub depth: i32,
    /// What was different.
    #[schemars(length(max = 500))]
    pub what_changed: String,
    /// What was left to do.
    #[schemars(length(max = 500))]
    pub what_remains: String,
    /// Why the time before was not enough.
    #[schemars(length(max = 500))]
    pub why_not_enough: String,
}

/// The policy that a request was decided under, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyOf {
    /// Its name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its UID.
    #[schemars(length(max = 36))]
    pub uid: String,
    /// Which version of it.
    pub generation: i64,
    /// The version that it was filed under, where it was edited before the decision: then what both ask applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_generation: Option<i64>,
    /// What it was for.
    #[schemars(length(max = 1000))]
    pub description: String,
    /// Which data could be seen under it.
    #[serde(default)]
    pub data_class: DataClass,
    /// How long this record is kept, in days after the end.
    pub retention_days: i32,
}

/// One decision that counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalOf {
    /// Who decided.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// For which step of the policy.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// The entry of the policy that let them decide.
    #[serde(rename = "as")]
    #[schemars(rename = "as")]
    pub as_: Subject,
    /// What they said.
    pub decision: Decision,
    /// On which revision of the request.
    #[schemars(length(max = 32))]
    pub revision: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub comment: Option<String>,
    /// At most for so long, where they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// When the operator saw it first.
    pub at: Instant,
    /// Who says so: a filer, of the review of a merged change. Absent where they decided themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub attested_by: Option<String>,
}

/// The rule that decided, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleOf {
    /// Its name.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
    /// The version of the policy that it stood in.
    pub policy_generation: i64,
    /// What it decided.
    pub then: Ruling,
    /// What it says.
    #[schemars(length(max = 200))]
    pub message: String,
}

/// One fact of a grant's history; the digest of each covers all before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("self == oldSelf", "the timeline is append-only"))]
pub struct TimelineEntry {
    /// 1, 2, 3, …
    #[schemars(range(min = 1, max = 256))]
    pub seq: i32,
    /// When the operator saw it.
    pub at: Instant,
    /// What became true: `CONDITION=STATUS/REASON`.
    #[schemars(length(min = 1, max = 128))]
    pub what: String,
    /// Who made it so.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub note: Option<String>,
    /// SHA-256, in lower-case hexadecimal, of the canonical JSON of `[digest before, this entry without its digest]`; before
    /// the first one: of `[metadata.uid, spec]`. So it covers all before it, and the spec.
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: String,
}

/// Something that a reader of the record must not miss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flag {
    /// Which.
    #[serde(rename = "type")]
    #[schemars(rename = "type")]
    pub type_: FlagType,
    /// Since when.
    pub since: Instant,
    /// What happened.
    #[schemars(length(max = 512))]
    pub message: String,
    /// Who cleared it, and how; absent while it stands. A flag stays on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub cleared_by: Option<String>,
}

/// The fuse: the Job that ends the access also when the operator is dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FuseOf {
    /// Its name, which is the binding's too.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its UID.
    #[schemars(length(max = 36))]
    pub uid: String,
}

/// What was done with an access, by the API server's audit events: at least what arrived of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// The first call that it allowed.
    pub first_seen: Instant,
    /// The last one.
    pub last_seen: Instant,
    /// How many calls it allowed. What nobody watched is not counted.
    #[schemars(range(min = 1))]
    pub count: i64,
    /// What they did, each once: `get pods/log`. Of more than 32, those that came first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub verbs: Vec<String>,
}

/// What became of a grant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(oldSelf.fuse) || (has(self.fuse) && self.fuse == oldSelf.fuse)").message("`fuse` is final"))]
#[x_kube(validation = Rule::new("!has(oldSelf.startedAt) || (has(self.startedAt) && self.startedAt == oldSelf.startedAt)").message("`startedAt` is final"))]
#[x_kube(validation = Rule::new("!has(oldSelf.endedAt) || (has(self.endedAt) && self.endedAt == oldSelf.endedAt && has(self.endedBy) && has(oldSelf.endedBy) && self.endedBy == oldSelf.endedBy && has(self.endReason) && has(oldSelf.endReason) && self.endReason == oldSelf.endReason)").message("the end is final"))]
#[x_kube(validation = Rule::new("has(self.endedAt) == has(self.endedBy) && has(self.endedAt) == has(self.endReason)").message("endedAt, endedBy and endReason go together"))]
#[x_kube(validation = Rule::new("!has(oldSelf.usage) || (has(self.usage) && self.usage.count >= oldSelf.usage.count && self.usage.firstSeen <= oldSelf.usage.firstSeen && self.usage.lastSeen >= oldSelf.usage.lastSeen)").message("`usage` only grows"))]
#[x_kube(validation = Rule::new("!has(oldSelf.timeline) || (has(self.timeline) && size(self.timeline) >= size(oldSelf.timeline))").message("the timeline is append-only"))]
#[x_kube(validation = Rule::new("!has(self.timeline) || self.timeline.all(e, e.seq <= size(self.timeline))").message("timeline[].seq counts from 1"))]
#[schemars(transform = no_nulls)]
#[serde(rename_all = "camelCase")]
pub struct AccessGrantStatus {
    /// The fuse, written before the binding: a grant whose fuse is gone never gets another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuse: Option<FuseOf>,
    /// When the binding was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Instant>,
    /// When the binding was first seen gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Instant>,
    /// Who ended it: the operator's name where time did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub ended_by: Option<String>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// The record by which an access goes on that was given at once: its close-out is owed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub goes_on_as: Option<String>,
    /// What was done with it; absent where nobody watched, or nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What a reader must not miss.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub flags: Vec<Flag>,
    /// The types of the flags, joined by commas, for columns and field selectors; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub flagged: Option<String>,
    /// Written by people: what they owe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duties: Option<Duties>,
    /// What is owed, by whom and until when, and what follows if it is not met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["duty".into()]))]
    pub owed: Vec<Owed>,
    /// The reason of `DutiesMet`, for columns and field selectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub duties_state: Option<String>,
    /// What happened, in order. Append-only: 240 entries before the end, the last 16 places are for the end and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["seq".into()]))]
    pub timeline: Vec<TimelineEntry>,
    /// The reason of `Active`, for columns and field selectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
    /// The `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Active`, `RemovalVerified` and `DutiesMet`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
