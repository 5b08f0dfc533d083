//! `AccessRequest`: somebody asks for temporary access to the namespace it is filed in.
use super::evidence::{Attachment, DataScope, LegalBasis};
use super::permission::Danger;
use super::policy::Mode;
use super::time::{Instant, Span};
use super::{schema::*, subject::*};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A spec is what was decided about, so it changes only while nobody may decide: it sees spec and status, so it stands at the root.
const FILED_ONCE: &str = "self.spec == oldSelf.spec || (has(oldSelf.status) && has(oldSelf.status.conditions) && oldSelf.status.conditions.exists(c, c.type == 'Screened' && c.status == 'False' && c.reason in ['Incomplete', 'DetailRequested']))";

/// Asks for temporary access to the namespace it is filed in.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "curfew.dev",
    version = "v1alpha1",
    kind = "AccessRequest",
    plural = "accessrequests",
    namespaced,
    shortname = "areq",
    category = "curfew",
    status = "AccessRequestStatus",
    derive = "PartialEq",
    doc = "Asks for temporary access to the namespace it is filed in. Once those in status.waitingFor have agreed, the requester gets one RoleBinding that ends by itself; to end it early, set status.close.",
    selectable = ".spec.policy",
    selectable = ".spec.ticket",
    selectable = ".spec.requester.username",
    selectable = ".status.state",
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.policy"),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.requester.username"),
    printcolumn(name = "Lane", type_ = "string", json_path = ".status.lane"),
    printcolumn(name = "Access", type_ = "string", json_path = ".status.access"),
    printcolumn(name = "For", type_ = "string", json_path = ".status.duration"),
    printcolumn(name = "Ticket", type_ = "string", json_path = ".spec.ticket"),
    printcolumn(name = "Waiting-On", type_ = "string", json_path = ".status.waitingFor[*].step"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "End", type_ = "string", json_path = ".status.expiresAt"),
    printcolumn(name = "Start", type_ = "string", json_path = ".spec.startTime", priority = 1),
    printcolumn(name = "Filed-By", type_ = "string", json_path = ".spec.filedBy", priority = 1),
    validation = Rule::new("self.metadata.name.size() <= 63").message("metadata.name must be at most 63 characters: it becomes a label value"),
    validation = Rule::new(FILED_ONCE).message("a request changes only while its condition Screened says Incomplete or DetailRequested: file a new one under another name").field_path(".spec"),
    validation = Rule::new("self.spec.requester == oldSelf.spec.requester && self.spec.policy == oldSelf.spec.policy && has(self.spec.filedBy) == has(oldSelf.spec.filedBy) && (!has(self.spec.filedBy) || self.spec.filedBy == oldSelf.spec.filedBy)").message("requester, filedBy and policy never change: apply the manifest instead of replacing the object, or file a new request").field_path(".spec"),
    validation = Rule::new("!has(oldSelf.status) || has(self.status)").message("may not be removed").field_path(".status")
)]
#[x_kube(validation = Rule::new("!has(self.startTime) || !has(self.startDeadline) || self.startTime < self.startDeadline").message("startDeadline must be later than startTime").field_path(".startDeadline"))]
#[x_kube(validation = Rule::new("!has(self.filedBy) || has(self.startDeadline)").message("startDeadline is required where somebody files for another: the same manifest, applied anew after it, grants nothing"))]
#[x_kube(validation = Rule::new("!has(self.attestation) || has(self.filedBy)").message("attestation is for those who file for somebody else (spec.filedBy): leave it out, and let those in status.waitingFor decide"))]
#[x_kube(validation = Rule::new("!has(self.emergency) || !has(self.startTime)").message("an emergency is not planned: leave startTime out, or leave emergency out and file it as routine").field_path(".startTime"))]
#[schemars(transform = no_nulls)]
#[serde(rename_all = "camelCase")]
pub struct AccessRequestSpec {
    /// The case that justifies it: one of `kubectl get accesspolicies`.
    #[schemars(length(min = 1, max = 63))]
    pub policy: String,
    /// Which access of the policy. Default: its first, the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub access: Option<String>,
    /// What is wrong and what is to be reached, in one clear sentence of 20 to 500 characters.
    #[schemars(length(min = 20, max = 500), regex(pattern = r"\S"))]
    pub reason: String,
    /// The ticket, case or incident that this is for, as the policy's pattern asks.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"\S"))]
    pub ticket: String,
    /// For how long, such as `30m`. Default: the policy's; an approver may shorten it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// Planned work: when access begins by itself, such as `2026-12-01T09:00:00Z`, at most 30 days ahead. It is decided
    /// before, and the duration counts from it. Default: when it is agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Instant>,
    /// Access never begins after this instant, at most 30 days ahead; whatever waits by then is over. Required when filed on
    /// behalf of somebody. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<Instant>,
    /// Which data you need to see: systems, and in them records or fields. Declared for those who decide, and for the
    /// record; RBAC cannot limit it (N1). Keys and numbers only, never the data itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub data: Vec<DataScope>,
    /// Why the policy's safer methods (`kubectl get accesspolicy NAME -o yaml`) do not give the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub why_not_safer: Option<String>,
    /// Why a lower level will not do: needed for any access but the policy's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub why_not_lower: Option<String>,
    /// What you will do or look at, in order: commands or short sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 200), regex(pattern = r"\S")))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub plan: Vec<String>,
    /// What makes it lawful to see this data, and where that is written: needed where the policy's `dataClass` is `Personal`
    /// or `Regulated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<LegalBasis>,
    /// Links to proof, such as the case, a log or a screenshot; never the data itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub attachments: Vec<Attachment>,
    /// Asks for the lane for emergencies: somebody on call agrees, and what you could not write now is owed afterwards. Leave
    /// it out for all that can wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Crisis>,
    /// More time for work that was granted here before: needed where you had this access here, for the same ticket under
    /// the same policy, within the last 24 hours. It is a request like any other, with approvals of its own, and follows
    /// the access that it renews without a gap. Work found on the way is a new task: file a request of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
    /// A second access, which is agreed to along with the first: look first, and change once the fix is known. You start it
    /// with a written finding in status.then while the first access holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
    /// Who asks: stamped by the API server. Leave it out where the stamp is installed (Kubernetes 1.36 or newer); else
    /// it must be you, exactly as `kubectl auth whoami` says. Who holds the verb `file` on the policy may name somebody
    /// else, by user name alone.
    pub requester: Requester,
    /// Who filed it for the requester: stamped by the API server, where somebody files for another. Leave it out where
    /// the stamp is installed (Kubernetes 1.36 or newer); else it must be you. Who filed it never decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub filed_by: Option<String>,
    /// What whoever filed it says of the review in Git that came before. It counts only for the steps that the policy
    /// names in `onBehalf.satisfies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
}

/// Which way a request takes.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum Lane {
    /// The usual one.
    #[default]
    Routine,
    /// The one for emergencies.
    Emergency,
}

/// What an emergency does harm to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Harm {
    /// Customers are hurt.
    CustomerHarm,
    /// Data is open to those who must not see it, or may get lost.
    DataExposure,
    /// The business stands still.
    BusinessOutage,
    /// Recovery from an incident is held up.
    RecoveryDelay,
}

/// What makes it an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Crisis {
    /// What is at stake.
    pub harm: Harm,
    /// The effect on customers or business, in one sentence: `No customer can pay since 02:40`. That something takes long, or is
    /// tedious, is none.
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub impact: String,
    /// Why you have to go on alone if nobody answers, where the policy allows that (`emergency.selfApprovalAfter`). Leave it
    /// out to wait for somebody. It is on record, told to those asked, and reviewed the same day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub why_self: Option<String>,
}

/// The review of a merged change, as the filer attests it: Curfew takes the filer's word, and the record says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Attestation {
    /// Where the merged change is, such as the URL of the pull request. One change opens access for one person once.
    #[schemars(length(max = 400), regex(pattern = r"^https?://\S+$"))]
    pub change: String,
    /// Who wrote it, by their user name here. They have asked, so they never count.
    #[schemars(length(min = 1, max = 253))]
    pub author: String,
    /// Who approved it, by their user names here (`kubectl auth whoami`).
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub reviewers: Vec<String>,
}

/// Asks for more time for work that was granted before, and no more than that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Renewal {
    /// The name of your request, in this namespace, whose access it renews.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub of: String,
    /// What is different from what you said then, in one clear sentence.
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub what_changed: String,
    /// What is left to do.
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub what_remains: String,
    /// Why the time that you had was not enough.
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    pub why_not_enough: String,
}

/// Asks for a second access, to be started by the requester once the first has shown what is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Then {
    /// Which access of the policy: another than the first.
    #[schemars(length(min = 1, max = 63))]
    pub access: String,
    /// For how long, such as `10m`, counted from its own start. Default: the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
}

/// Starts the second access of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("!self.finding.contains('SAY WHAT YOU FOUND')", "say in the finding what you found, in place of SAY WHAT YOU FOUND: it is on record"))]
pub struct Start {
    /// You, as `kubectl auth whoami` names you.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// What you found, and what you are going to change, in one clear sentence of 20 to 500 characters.
    #[schemars(length(min = 20, max = 500), regex(pattern = r"\S"))]
    pub finding: String,
}

/// Who asks, as the API server authenticated them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Requester {
    /// The user name.
    #[schemars(length(min = 1, max = 253))]
    pub username: String,
    /// The UID, where authentication gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub uid: Option<String>,
    /// The groups at the time of asking: they decide whether this person may ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512), inner(length(max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub groups: Vec<String>,
}

/// What somebody decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Decision {
    /// Yes, for this text and no longer than `duration`.
    Approve,
    /// No: this ends the request.
    Deny,
    /// Not yet: the requester is to say more and apply the manifest again.
    RequestDetail,
}

/// One decision, written by the person who makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("!has(self.comment) || !self.comment.contains('SAY WHY')", "say in the comment why, in place of SAY WHY: a decision is made once"))]
pub struct ApprovalEntry {
    /// You, as `kubectl auth whoami` names you.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// The step of status.waitingFor that you decide for.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// In whose name: your own user name, or a group of yours that the step lists.
    #[serde(rename = "as")]
    #[schemars(rename = "as", length(min = 1, max = 253))]
    pub as_: String,
    /// `Approve`, `Deny` or `RequestDetail`.
    pub decision: Decision,
    /// The `status.revision` that you read: which request, and which version of it.
    #[schemars(length(min = 1, max = 32))]
    pub revision: String,
    /// Why: the policy says how long it must be for an approval to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub comment: Option<String>,
    /// At most for so long; never longer than was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
}

/// Ends the request, or the access that came of it, now and for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Close {
    /// You, as `kubectl auth whoami` names you.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// Why: needed of anyone but the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub reason: Option<String>,
}

/// What the operator made of one decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// Who decided.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// On which revision.
    #[schemars(length(min = 1, max = 32))]
    pub revision: String,
    /// Whether it counts.
    pub counted: bool,
    /// `Counted`, or why not.
    #[schemars(length(min = 1, max = 64))]
    pub reason: String,
    /// The same in words.
    #[schemars(length(max = 512))]
    pub message: String,
    /// When the operator saw it first.
    pub first_seen: Instant,
}

/// One line of the screening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Which check.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why it failed, as a code; absent where it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub code: Option<String>,
    /// What was found, and what to do.
    #[schemars(length(max = 1536))]
    pub message: String,
}

/// What the requester would gain, asked of the API server when the request was screened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Permissions {
    /// What they cannot do now and could then, one line for each resource: `get,list pods`, `patch deployments.apps`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub adds: Vec<String>,
    /// What the role allows and they can do already, with the binding that allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub had: Vec<String>,
    /// What is dangerous in the role, worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub flags: Vec<Danger>,
    /// SHA-256 of the role's rules, which an approval is bound to: a role that gives more is not what was agreed to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub rules_sha256: String,
}

/// A step that is not met, and who may decide it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The step of the policy.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// Which revision is to be decided.
    #[schemars(length(min = 1, max = 32))]
    pub revision: String,
    /// How many more people must agree.
    pub need: i32,
    /// Who may decide it now: nobody else can, whatever their rights.
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub approvers: Vec<Subject>,
    /// Who stands in for them; from `backupsFrom` on they are among `approvers` too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub backups: Vec<Subject>,
    /// From when on `backups` may decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups_from: Option<Instant>,
    /// How many characters the comment of an approval needs.
    #[serde(default)]
    pub comment_min_length: i32,
    /// How to approve, ready to paste; put your reason in the comment.
    #[schemars(length(max = 2048))]
    pub command: String,
}

/// The policy's text that a request was filed under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FiledUnder {
    /// The policy's UID: one that was deleted and made anew is another.
    #[schemars(length(min = 1, max = 36))]
    pub uid: String,
    /// Which version of it.
    pub generation: i64,
    /// Its spec as JSON, without what is only told to people; absent where it is too long to be kept: then no edit of the
    /// policy reaches the request, which has to be filed anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub spec: Option<String>,
}

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(oldSelf.close) || (has(self.close) && self.close == oldSelf.close)").message("`close` is final"))]
#[x_kube(validation = Rule::new("!has(oldSelf.then) || (has(self.then) && (self.then == oldSelf.then || (!has(oldSelf.thenGrant) && has(oldSelf.conditions) && oldSelf.conditions.exists(c, c.type == 'SecondStage' && c.reason == 'VagueFinding'))))").message("`then` is final, but while condition SecondStage says VagueFinding"))]
#[x_kube(validation = Rule::new("!has(oldSelf.thenGrant) || (has(self.thenGrant) && self.thenGrant == oldSelf.thenGrant)").message("`thenGrant` is final"))]
#[x_kube(validation = Rule::new("!has(oldSelf.thenExpiresAt) || (has(self.thenExpiresAt) && self.thenExpiresAt == oldSelf.thenExpiresAt)").message("`thenExpiresAt` is final"))]
#[x_kube(validation = Rule::new("!has(oldSelf.grant) || (has(self.grant) && self.grant == oldSelf.grant)").message("`grant` is final"))]
#[x_kube(validation = Rule::new("!has(oldSelf.expiresAt) || (has(self.expiresAt) && (self.expiresAt == oldSelf.expiresAt || (!has(oldSelf.thenGrant) && has(self.thenGrant) && self.expiresAt > oldSelf.expiresAt)))").message("`expiresAt` is final, but once for an access that was given at once and goes on"))]
#[x_kube(validation = Rule::new("!has(oldSelf.conditions) || oldSelf.conditions.all(o, o.type != 'Approved' || o.status == 'Unknown' || (has(self.conditions) && self.conditions.exists(n, n.type == 'Approved' && n.status == o.status && n.reason == o.reason)))").message("a decision may not change"))]
#[schemars(transform = no_nulls)]
#[serde(rename_all = "camelCase")]
pub struct AccessRequestStatus {
    /// What a decision is about: the first 8 characters of the request's UID, and its generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub revision: Option<String>,
    /// The policy's text when this revision was first screened, once the policy was Ready. Where the policy is edited later,
    /// what both texts ask applies: a stricter one reaches a request that waits, a looser one does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_under: Option<FiledUnder>,
    /// Which way it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// Which access is asked for: the one that the request names, or the policy's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub access: Option<String>,
    /// For how long: what the request says, or the policy's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// Written by people: their decisions, one for each person and revision. Append-only.
    #[serde(default)]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["by".into(), "revision".into()]))]
    pub approvals: Vec<ApprovalEntry>,
    /// Written by people: end it now. The requester, an approver of it, or a holder of the verb `close` may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Close>,
    /// Written by people: the requester starts the second access, while the first holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Start>,
    /// What the operator made of each decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["by".into(), "revision".into()]))]
    pub decisions: Vec<Judged>,
    /// What the operator made of each reviewer whom `spec.attestation` names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["by".into()]))]
    pub attested: Vec<Judged>,
    /// The screening, one line for each check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub checks: Vec<Check>,
    /// What an approver needs to decide, in plain lines; empty while nobody is asked, and once it is decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 30), inner(length(max = 160)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub brief: Vec<String>,
    /// What the requester would gain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// `DryRun`: its policy was in that mode when people were asked, so nothing is granted, whatever they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// What the requester would gain by the second access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then_permissions: Option<Permissions>,
    /// Who has to decide now; empty until it is screened and once it is decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["step".into()]))]
    pub waiting_for: Vec<Waiting>,
    /// Since when those in `waitingFor` are asked, without a break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_since: Option<Instant>,
    /// Who may end it beside the requester and holders of `close`: everybody who could approve it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub closers: Vec<Subject>,
    /// When access ends by itself. Of one that was given at once: once it goes on, when that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Instant>,
    /// The AccessGrant that is the record of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub grant: Option<String>,
    /// The AccessGrant that is the record of the second access, or of the one that was given at once and goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub then_grant: Option<String>,
    /// When the second access ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then_expires_at: Option<Instant>,
    /// The epoch of admission that `decisions` speaks of: decisions that were there when it began do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub admission_epoch: Option<String>,
    /// Where it stands, for columns and field selectors: the reason of the condition that decides at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
    /// The `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Screened`, `Approved`, `Active` and, where a second access is asked for, `SecondStage`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
