//! What a row of the table starts from, and the calls that it makes.
use super::world::{Who, World};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

/// What is there before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing but the namespace.
    Nothing,
    /// A request by alice that the operator has not seen.
    Filed,
    /// The same, screened: it waits for the group billing-owners, and for the user carol.
    Waiting,
    /// The same, filed by frank, who is one of the billing-owners himself.
    WaitingFrank,
    /// The same as `Waiting`, but it waits for the group system:authenticated.
    WaitingEverybody,
    /// The same as `Waiting`, but it waits for the ServiceAccounts of a robot and of the operator.
    WaitingRobots,
    /// A request for alice that the robot filed by a change that frank wrote; it waits for the billing-owners, of whom
    /// frank is one, and for the robot itself.
    WaitingAttested,
    /// The same, but detail was asked for.
    IncompleteAttested,
    /// A request for alice that the robot filed without an attestation, for which detail was asked.
    IncompleteForAlice,
    /// The same as `Waiting`, but detail was asked for, and waitingFor was left standing.
    Incomplete,
    /// The same, and alice has amended it since.
    Amended,
    /// `Waiting`, and bob has approved.
    Approved,
    /// `Approved`, and alice has closed it.
    Closed,
    /// `Waiting`, while access that was given at once holds.
    AtOnce,
    /// The same, and it goes on.
    GoesOn,
    /// A request by alice that asks for a second access: the first one holds, and the second was agreed to.
    Agreed,
    /// The same, and alice has started the second.
    Started,
    /// `Started`, and the operator finds the finding vague.
    Vague,
    /// `Agreed`, and the first one has ended.
    AgreedLate,
    /// `Agreed`, and alice has closed it.
    AgreedClosed,
    /// `Waiting`, and being deleted: something in the foreground holds it.
    Dying,
    /// A request by alice, screened, then deleted and filed again under the same name and screened again; its old revision is kept.
    Again,
    /// A record of something that was granted and is not over.
    Record,
    /// A record with two entries in its timeline.
    History,
    /// A record whose access has ended and is verified to be gone.
    Over,
    /// A record of a request that was denied.
    Denied,
    /// A record of access by alice that bob agreed to and that holds; alice owes a note and a close-out, and security or the
    /// billing-owners a review.
    Owing,
    /// The same, and it has ended.
    OwingEnded,
    /// The same, and alice has written the close-out.
    ClosedOut,
    /// The same, and the operator has accepted it, and that olga waived the review.
    Settled,
    /// A record with its fuse.
    Fuse,
    /// The same, when it is complete.
    BurningFuse,
    /// The same, before it is complete, if the call is quick.
    FreshFuse,
    /// A record with its fuse and its binding.
    Binding,
    /// A RoleBinding and a Job without our label.
    Foreign,
    /// A policy that offers curfew-logs; it is owned by the group platform-security.
    Policy,
    /// The same, and olga has reviewed who approves.
    Reviewed,
    /// The same as `Policy`, but owned by olga alone.
    PolicyOfOlga,
}

/// The names of what is there.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    pub namespace: String,
    /// Where hand-made bindings are denied; beside it `-warn` and `-audit`.
    pub guarded: String,
    /// The operator's own namespace.
    pub home: String,
    /// The operator's user name.
    pub operator: String,
    /// The name of the request, the policy, the record, or whatever the call makes.
    pub name: String,
    pub revision: String,
    /// The revision that was before.
    pub stale: String,
    pub grant: String,
    pub grant_uid: String,
    /// The name of fuse and binding.
    pub child: String,
    pub fuse_uid: String,
}

/// The UID of nothing.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

static SERIAL: AtomicU32 = AtomicU32::new(0);

impl Scene {
    /// Makes what is given, as those who may.
    pub async fn new(world: &World, given: Given) -> Self {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let mut s = Self {
            namespace: world.namespace.clone(),
            guarded: format!("{}-deny", world.namespace),
            home: world.home.clone(),
            operator: world.operator(),
            name: format!("{}-{serial}", world.namespace),
            grant: format!("{}.{serial}", world.namespace),
            child: format!("curfew-{}-{serial}", world.namespace),
            grant_uid: NOBODY.into(),
            fuse_uid: NOBODY.into(),
            ..Self::default()
        };
        match given {
            Given::Nothing => {}
            Given::Filed => s.files(world, Who::Alice).await,
            Given::Waiting => {
                s.waits(world, Who::Alice, json!([{"kind": "Group", "name": "billing-owners"}]), "True").await
            }
            Given::WaitingFrank => {
                s.waits(world, Who::Frank, json!([{"kind": "Group", "name": "billing-owners"}]), "True").await
            }
            Given::WaitingEverybody => {
                s.waits(world, Who::Alice, json!([{"kind": "Group", "name": "system:authenticated"}]), "True").await;
            }
            Given::WaitingRobots => {
                let robots = [world.robot(), world.operator()].map(|name| json!({"kind": "User", "name": name}));
                s.waits(world, Who::Alice, json!(robots), "True").await;
            }
            Given::WaitingAttested | Given::IncompleteAttested | Given::IncompleteForAlice => {
                let mut asks = s.asks_for("alice");
                if given != Given::IncompleteForAlice {
                    asks["spec"]["attestation"] = s.attests();
                }
                let filed = world.must(Who::Robot, create(s.requests(), asks)).await;
                s.revision = revision(&filed);
                let approvers =
                    json!([{"kind": "Group", "name": "billing-owners"}, {"kind": "User", "name": world.robot()}]);
                let screened = if given == Given::WaitingAttested { "True" } else { "False" };
                let status = s.screening(approvers, screened);
                world.must(Who::Operator, merge(s.request_status(), json!({"status": status}))).await;
            }
            Given::Incomplete => {
                s.waits(world, Who::Alice, json!([{"kind": "Group", "name": "billing-owners"}]), "False").await
            }
            Given::Amended => {
                s.waits(world, Who::Alice, json!([{"kind": "Group", "name": "billing-owners"}]), "False").await;
                s.stale = s.revision.clone();
                let amended =
                    world.must(Who::Alice, s.amend("Check why invoice totals changed for account 4813.")).await;
                s.revision = revision(&amended);
            }
            Given::Approved | Given::Closed => {
                s.waits(world, Who::Alice, json!([{"kind": "Group", "name": "billing-owners"}]), "True").await;
                world.must(Who::Bob, s.decide("bob", "service-owner", "billing-owners")).await;
                if given == Given::Closed {
                    world.must(Who::Alice, s.close(json!({"by": "alice"}))).await;
                }
            }
            Given::AtOnce | Given::GoesOn => {
                s.waits(world, Who::Alice, json!([{"kind": "Group", "name": "billing-owners"}]), "True").await;
                world.must(Who::Operator, s.says_end(json!({"grant": s.grant, "expiresAt": at(900)}))).await;
                if given == Given::GoesOn {
                    world.must(Who::Operator, s.says_end(json!({"thenGrant": "x.2", "expiresAt": at(1800)}))).await;
                }
            }
            Given::Agreed | Given::Started | Given::Vague | Given::AgreedLate | Given::AgreedClosed => {
                s.is_agreed(world, given).await;
            }
            Given::Dying => s.dies(world).await,
            Given::Again => {
                s.waits(world, Who::Alice, json!([{"kind": "Group", "name": "billing-owners"}]), "True").await;
                s.stale = s.revision.clone();
                world.must(Who::Admin, delete(s.request(), json!({}))).await;
                s.waits(world, Who::Alice, json!([{"kind": "Group", "name": "billing-owners"}]), "True").await;
            }
            Given::Record => s.is_recorded(world).await,
            Given::History => {
                s.is_recorded(world).await;
                let history = [s.entry(1, "a"), s.entry(2, "b")];
                world.must(Who::Operator, merge(s.grant_status(), json!({"status": {"timeline": history}}))).await;
            }
            Given::Over => {
                s.is_recorded(world).await;
                world.must(Who::Operator, s.ends()).await;
            }
            Given::Owing | Given::OwingEnded | Given::ClosedOut | Given::Settled => s.owes(world, given).await,
            Given::Denied => {
                let mut record = s.record();
                record["spec"]["outcome"] = json!("Denied");
                record["spec"].as_object_mut().unwrap().remove("expiresAt");
                world.must(Who::Operator, create(GRANTS, record)).await;
            }
            Given::Fuse | Given::BurningFuse | Given::FreshFuse | Given::Binding => {
                s.is_recorded(world).await;
                let fuse = world.must(Who::Operator, create(s.jobs(), s.fuse())).await;
                s.fuse_uid = uid(&fuse);
                if given == Given::Binding {
                    world.must(Who::Operator, create(s.bindings(), s.binding())).await;
                }
                if given == Given::BurningFuse {
                    s.burns(world).await;
                }
            }
            Given::Foreign => {
                let (mut binding, mut fuse) = (s.binding(), s.fuse());
                for object in [&mut binding, &mut fuse] {
                    for field in ["labels", "annotations", "ownerReferences"] {
                        object["metadata"].as_object_mut().unwrap().remove(field);
                    }
                }
                world.must(Who::Admin, create(s.bindings(), binding)).await;
                world.must(Who::Admin, create(s.jobs(), fuse)).await;
            }
            Given::Policy => {
                world.must(Who::Ann, create(POLICIES, s.policy(&["curfew-logs"]))).await;
            }
            Given::Reviewed => {
                world.must(Who::Ann, create(POLICIES, s.policy(&["curfew-logs"]))).await;
                world.must(Who::Olga, s.review("olga", "2026-01-02T00:00:00Z")).await;
            }
            Given::PolicyOfOlga => {
                let mut policy = s.policy(&["curfew-logs"]);
                policy["spec"]["owner"] = json!({"kind": "User", "name": "olga"});
                world.must(Who::Ann, create(POLICIES, policy)).await;
            }
        }
        s
    }

    async fn files(&mut self, world: &World, who: Who) {
        let filed = world.must(who, create(self.requests(), self.asks())).await;
        self.revision = revision(&filed);
    }

    async fn waits(&mut self, world: &World, who: Who, approvers: Value, screened: &str) {
        self.files(world, who).await;
        let status = self.screening(approvers, screened);
        world.must(Who::Operator, merge(self.request_status(), json!({"status": status}))).await;
    }

    async fn is_agreed(&mut self, world: &World, given: Given) {
        let mut asks = self.asks();
        asks["spec"]["then"] = json!({"access": "restart", "duration": "10m"});
        let filed = world.must(Who::Alice, create(self.requests(), asks)).await;
        self.revision = revision(&filed);
        let says = |active: &str, reason: &str, second: &str| {
            let conditions = [
                condition("Screened", "True", "Complete"),
                condition("Approved", "True", "StepsMet"),
                condition("Active", active, reason),
                condition("SecondStage", "Unknown", second),
            ];
            merge(
                self.request_status(),
                json!({"status": {"revision": self.revision, "approvals": [], "conditions": conditions}}),
            )
        };
        world.must(Who::Operator, says("True", "Bound", "Agreed")).await;
        match given {
            Given::Started => drop(world.must(Who::Alice, self.start("alice")).await),
            Given::Vague => {
                world.must(Who::Alice, self.start("alice")).await;
                world.must(Who::Operator, says("True", "Bound", "VagueFinding")).await;
            }
            Given::AgreedLate => drop(world.must(Who::Operator, says("False", "Expired", "Agreed")).await),
            Given::AgreedClosed => drop(world.must(Who::Alice, self.close(json!({"by": "alice"}))).await),
            _ => {}
        }
    }

    async fn dies(&mut self, world: &World) {
        self.files(world, Who::Alice).await;
        let request = world.must(Who::Admin, get(self.request())).await;
        let path = format!("/api/v1/namespaces/{}/configmaps", self.namespace);
        let blocker = json!({"metadata": {"name": self.name, "finalizers": ["tests.curfew.dev/held"], "ownerReferences": [{
            "apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest", "name": self.name, "uid": uid(&request), "blockOwnerDeletion": true}]}});
        world.must(Who::Admin, create(path, blocker)).await;
        // Deleting makes a new generation, which a stale operator might screen.
        let dying = world.must(Who::Admin, delete(self.request(), json!({"propagationPolicy": "Foreground"}))).await;
        self.revision = revision(&dying);
        let status = self.screening(json!([{"kind": "Group", "name": "billing-owners"}]), "True");
        world.must(Who::Operator, merge(self.request_status(), json!({"status": status}))).await;
    }

    async fn is_recorded(&mut self, world: &World) {
        let record = world.must(Who::Operator, create(GRANTS, self.record())).await;
        self.grant_uid = uid(&record);
    }

    async fn owes(&mut self, world: &World, given: Given) {
        let record = world.must(Who::Operator, create(GRANTS, self.record_with_duties())).await;
        self.grant_uid = uid(&record);
        let publishes = |closeout: &str, review: &str| {
            let one = |duty: &str, state: &str| json!({"duty": duty, "by": [{"kind": "User", "name": "alice"}], "due": at(3600), "state": state, "consequence": "c"});
            let owed = [one("Note", "Open"), one("CloseOut", closeout), one("Review", review)];
            merge(self.grant_status(), json!({"status": {"startedAt": at(-60), "owed": owed}}))
        };
        world.must(Who::Operator, publishes("Open", "Open")).await;
        if given == Given::Owing {
            return;
        }
        world.must(Who::Operator, self.ends()).await;
        if given == Given::OwingEnded {
            return;
        }
        world.must(Who::Alice, self.closes_out("alice", json!({}))).await;
        if given == Given::Settled {
            world.must(Who::Olga, self.waives("olga", "review")).await;
            let mut settled = publishes("Met", "Waived");
            settled.body["status"].as_object_mut().unwrap().remove("startedAt");
            world.must(Who::Operator, settled).await;
        }
    }

    async fn burns(&self, world: &World) {
        for _ in 0..1200 {
            let job = world.must(Who::Admin, get(self.job())).await;
            let complete = |c: &Value| c["type"] == "Complete" && c["status"] == "True";
            if job["status"]["conditions"].as_array().is_some_and(|all| all.iter().any(complete)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the fuse {} never completed", self.child);
    }

    // Paths.
    pub fn requests(&self) -> String {
        format!("/apis/curfew.dev/v1alpha1/namespaces/{}/accessrequests", self.namespace)
    }
    pub fn request(&self) -> String {
        format!("{}/{}", self.requests(), self.name)
    }
    pub fn request_status(&self) -> String {
        format!("{}/status", self.request())
    }
    pub fn record_path(&self) -> String {
        format!("{GRANTS}/{}", self.grant)
    }
    pub fn grant_status(&self) -> String {
        format!("{}/status", self.record_path())
    }
    pub fn policy_path(&self) -> String {
        format!("{POLICIES}/{}", self.name)
    }
    pub fn jobs(&self) -> String {
        format!("/apis/batch/v1/namespaces/{}/jobs", self.namespace)
    }
    pub fn job(&self) -> String {
        format!("{}/{}", self.jobs(), self.child)
    }
    pub fn bindings(&self) -> String {
        bindings_in(&self.namespace)
    }
    pub fn binding_path(&self) -> String {
        format!("{}/{}", self.bindings(), self.child)
    }

    // Objects.
    /// A request as people write it.
    pub fn asks(&self) -> Value {
        json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessRequest", "metadata": {"name": self.name}, "spec": {
            "policy": "customer-support", "reason": "Check why invoice totals changed for account 4812.", "ticket": "SUP-4812", "duration": "30m"}})
    }

    /// The same as somebody files it for another.
    pub fn asks_for(&self, who: &str) -> Value {
        let mut request = self.asks();
        request["spec"]["requester"] = json!({"username": who});
        request["spec"]["startDeadline"] = json!(at(3600));
        request
    }
    /// What a filer says of the change that it comes from.
    pub fn attests(&self) -> Value {
        json!({"change": "https://git.example.com/access/pull/7", "author": "frank", "reviewers": ["bob"]})
    }

    /// What the operator publishes about it.
    pub fn screening(&self, approvers: Value, screened: &str) -> Value {
        let step = |step: &str, approvers: &Value| {
            json!({"step": step, "revision": self.revision, "need": 1, "approvers": approvers, "command": "kubectl patch …",
            "commentMinLength": 10, "backups": [{"kind": "User", "name": "rita"}], "backupsFrom": at(900)})
        };
        let carol = json!([{"kind": "User", "name": "carol"}]);
        json!({"revision": self.revision, "approvals": [], "waitingFor": [step("service-owner", &approvers), step("security", &carol)],
            "closers": [{"kind": "Group", "name": "billing-owners"}, {"kind": "Group", "name": "system:authenticated"}, {"kind": "User", "name": "carol"}],
            "conditions": [condition("Screened", screened, if screened == "True" { "Complete" } else { "DetailRequested" })]})
    }

    /// The record of a grant that ends in ten minutes.
    pub fn record(&self) -> Value {
        json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant", "metadata": {"name": self.grant}, "spec": {
            "request": {"namespace": self.namespace, "name": self.name, "uid": "7f3a2c1b-0000-0000-0000-000000000000", "generation": 1},
            "policy": {"name": "customer-support", "uid": "7f3a2c1b-0000-0000-0000-000000000001", "generation": 1, "description": "Support cases.", "retentionDays": 400},
            "outcome": "Approved", "user": "alice", "entitledBy": {"kind": "Group", "name": "engineers"}, "namespace": self.namespace,
            "access": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}], "rulesSha256": "0".repeat(64), "ticket": "SUP-4812",
            "reason": "Check why invoice totals changed for account 4812.", "askedFor": "30m", "notBefore": at(-60), "expiresAt": at(600)}})
    }

    /// The same, with what is owed for it.
    pub fn record_with_duties(&self) -> Value {
        let (alice, owners) =
            (json!({"kind": "User", "name": "alice"}), json!({"kind": "Group", "name": "billing-owners"}));
        let owes = |duty: &str, since: &str, by: Value, needs: Value| json!({"duty": duty, "since": since, "within": ["24h"], "by": by, "needs": needs});
        let mut record = self.record();
        record["spec"]["approvals"] = json!([{"by": "bob", "step": "service-owner", "as": owners, "decision": "Approve",
            "revision": "7f3a2c1b-1", "comment": "Narrow and tied to a case.", "at": at(-90)}]);
        record["spec"]["duties"] = json!({
            "owes": [
                owes("Note", "Begun", json!([alice]), json!([])),
                owes("CloseOut", "Ended", json!([alice]), json!(["Cause", "FollowUps"])),
                owes("Review", "Ended", json!([{"kind": "Group", "name": "security"}, owners, alice]), json!([])),
            ],
            "reviewers": [{"kind": "Group", "name": "platform-security"}, owners, alice],
        });
        record
    }

    /// Its fuse.
    pub fn fuse(&self) -> Value {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": self.child, "labels": self.labels(), "annotations": {"curfew.dev/expires-at": at(600)},
            "ownerReferences": [{"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant", "name": self.grant, "uid": self.grant_uid}]},
            "spec": {"completions": 0, "parallelism": 0, "ttlSecondsAfterFinished": 603, "template": {"spec": {"restartPolicy": "Never",
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": "fuse", "image": "registry.k8s.io/pause:3.10",
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}}})
    }

    /// Its binding.
    pub fn binding(&self) -> Value {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": self.child, "labels": self.labels(),
                "annotations": {"curfew.dev/expires-at": at(600)},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": self.child, "uid": self.fuse_uid}]},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "curfew-logs"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]})
    }

    fn labels(&self) -> Value {
        json!({"curfew.dev/grant": self.grant_uid, "curfew.dev/request": self.name})
    }

    /// A policy that offers these roles.
    pub fn policy(&self, roles: &[&str]) -> Value {
        let offers = roles.iter().enumerate();
        let access: Vec<_> = offers
            .map(|(n, role)| json!({"name": format!("a{n}"), "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": role}}))
            .collect();
        json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy", "metadata": {"name": self.name}, "spec": {
            "description": "One account, after a real user report.", "owner": {"kind": "Group", "name": "platform-security"},
            "namespaces": {"matchLabels": {"curfew.dev/zone": "nowhere"}}, "requesters": [{"kind": "Group", "name": "engineers"}],
            "access": access, "duration": {"default": "30m", "max": "1h"},
            "evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A support case."}, "require": []},
            "approval": {"steps": [{"name": "service-owner", "approvers": [{"kind": "Group", "name": "billing-owners"}]}]}}})
    }

    /// An entry of the timeline: the same for the same number.
    pub fn entry(&self, seq: u32, digit: &str) -> Value {
        json!({"seq": seq, "at": "2026-01-01T00:00:00Z", "what": "Active=True/Bound", "by": "curfew", "digest": digit.repeat(64)})
    }

    // Calls that many rows make.
    /// One more decision, as `kubectl patch --subresource=status --type=json` adds it.
    pub fn decide(&self, by: &str, step: &str, as_: &str) -> Call {
        self.decide_at(&self.revision, by, step, as_)
    }
    /// The same, about another revision.
    pub fn decide_at(&self, revision: &str, by: &str, step: &str, as_: &str) -> Call {
        let entry = json!({"by": by, "step": step, "as": as_, "decision": "Approve", "revision": revision, "comment": "Narrow and tied to a case."});
        json_patch(self.request_status(), json!([{"op": "add", "path": "/status/approvals/-", "value": entry}]))
    }
    /// The same, with this decision and comment; `null`: none.
    pub fn says(&self, by: &str, step: &str, as_: &str, decision: &str, comment: Value) -> Call {
        let mut entry = json!({"by": by, "step": step, "as": as_, "decision": decision, "revision": self.revision});
        if !comment.is_null() {
            entry["comment"] = comment;
        }
        json_patch(self.request_status(), json!([{"op": "add", "path": "/status/approvals/-", "value": entry}]))
    }
    /// Says that the list of approvers was looked through.
    pub fn review(&self, by: &str, at: &str) -> Call {
        self.reviews(json!([{"what": "Approvers", "by": by, "at": at}]))
    }
    /// Writes all reviews of the policy.
    pub fn reviews(&self, reviews: Value) -> Call {
        merge(format!("{}/status", self.policy_path()), json!({"status": {"reviews": reviews}}))
    }
    /// Sets `status.close`.
    pub fn close(&self, close: Value) -> Call {
        merge(self.request_status(), json!({"status": {"close": close}}))
    }
    /// Starts the second access.
    pub fn start(&self, by: &str) -> Call {
        self.start_with(by, "The worker holds a stale lock since the deploy: a restart frees it.")
    }
    /// The same, with another finding.
    pub fn start_with(&self, by: &str, finding: &str) -> Call {
        merge(self.request_status(), json!({"status": {"then": {"by": by, "finding": finding}}}))
    }
    /// Writes, of the status, what says when it ends.
    pub fn says_end(&self, status: Value) -> Call {
        merge(self.request_status(), json!({"status": status}))
    }
    /// Changes the reason.
    pub fn amend(&self, reason: &str) -> Call {
        merge(self.request(), json!({"spec": {"reason": reason}}))
    }
    /// Writes the close-out, with these fields replaced; `null`: left out.
    pub fn closes_out(&self, by: &str, changes: Value) -> Call {
        let mut closeout = json!({"by": by, "summary": "Totals differ by a rounding in the export job.", "workDone": true,
            "cause": "The export rounds each line.", "followUps": "none"});
        closeout.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.duty(json!({"closeout": closeout}))
    }
    /// Writes the note.
    pub fn notes(&self, by: &str, text: &str) -> Call {
        self.duty(json!({"note": {"by": by, "text": text}}))
    }
    /// Writes the review.
    pub fn reviews_it(&self, by: &str) -> Call {
        self.duty(json!({"review": {"by": by, "realEmergency": "Yes: customers could not pay.", "smallestOption": "Yes: it only read logs.",
            "evidenceAdded": "Yes: timeline and logs are linked.", "improvement": "A dashboard of export errors."}}))
    }
    /// Waives a duty.
    pub fn waives(&self, by: &str, duty: &str) -> Call {
        self.duty(json!({"waiver": {duty: {"by": by, "why": "The person has left the company."}}}))
    }
    /// Writes this part of `status.duties`.
    pub fn duty(&self, duties: Value) -> Call {
        merge(self.grant_status(), json!({"status": {"duties": duties}}))
    }
    /// Writes an end, and that the access is gone.
    pub fn ends(&self) -> Call {
        let end = json!({"endedAt": at(0), "endedBy": "curfew", "endReason": "Expired", "conditions": [condition("RemovalVerified", "True", "Denied")]});
        merge(self.grant_status(), json!({"status": end}))
    }
}

pub const GRANTS: &str = "/apis/curfew.dev/v1alpha1/accessgrants";
pub const POLICIES: &str = "/apis/curfew.dev/v1alpha1/accesspolicies";

pub fn bindings_in(namespace: &str) -> String {
    format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings")
}

/// So many seconds from here, in RFC 3339.
pub fn at(seconds: i64) -> String {
    let now = DateTime::<Utc>::from(std::time::SystemTime::now());
    (now + TimeDelta::seconds(seconds)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": at(0)})
}
fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}
fn revision(request: &Value) -> String {
    format!("{}-{}", &uid(request)[..8], request["metadata"]["generation"])
}

/// One call to the API server.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub media: &'static str,
    pub body: Value,
}

impl Call {
    /// The same without effect.
    pub fn dry(mut self) -> Self {
        self.path.push_str(if self.path.contains('?') { "&dryRun=All" } else { "?dryRun=All" });
        self
    }
}

pub fn get(path: impl Into<String>) -> Call {
    Call { method: "GET", path: path.into(), media: "application/json", body: Value::Null }
}
pub fn create(path: impl Into<String>, body: Value) -> Call {
    Call { method: "POST", path: path.into(), media: "application/json", body }
}
pub fn replace(path: impl Into<String>, body: Value) -> Call {
    Call { method: "PUT", path: path.into(), media: "application/json", body }
}
pub fn merge(path: impl Into<String>, body: Value) -> Call {
    Call { method: "PATCH", path: path.into(), media: "application/merge-patch+json", body }
}
pub fn json_patch(path: impl Into<String>, body: Value) -> Call {
    Call { method: "PATCH", path: path.into(), media: "application/json-patch+json", body }
}
pub fn apply(path: impl Into<String>, body: Value) -> Call {
    let path = format!("{}?fieldManager=tests&force=true", path.into());
    Call { method: "PATCH", path, media: "application/apply-patch+yaml", body }
}
/// A DELETE with these options; none at all for an empty object.
pub fn delete(path: impl Into<String>, options: Value) -> Call {
    let body = if options == json!({}) { Value::Null } else { options };
    Call { method: "DELETE", path: path.into(), media: "application/json", body }
}
