//! What would be gained, that people agree to what a role gives and not to its name, and trials that grant nothing.
use crate::running::{agreed, approvers, binds_by_hand, cluster_role, end_reason, ended_by, is_complete};
use curfew::api::grant::AccessGrant;
use curfew::api::permission::DangerType;
use curfew::api::reasons::{Approved, BeginReason, EndReason, FlagType, Outcome, Ready, RemovalVerified, Screened};
use curfew::api::request::Permissions;
use curfew::decide::role;
use curfew::operate::clock::Clock;
use curfew_testbed::bed::{Bed, Filed, Granted, Operator, Person, until};
use curfew_testbed::chart::{OPERATOR, RELEASE};
use curfew_testbed::faults::Faults;
use http::Method;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

const LONG: &str = "30m";

fn get(resources: &[&str]) -> Value {
    json!([{"apiGroups": [""], "resources": resources, "verbs": ["get"]}])
}
/// The Role `reader` of this test's namespace gives this; the operator may bind it.
pub async fn reader(bed: &Bed, rules: Value) {
    let rbac = "rbac.authorization.k8s.io";
    let bind = json!([{"apiGroups": [rbac], "resources": ["roles"], "resourceNames": ["reader"], "verbs": ["bind"]}]);
    for (name, rules) in [("reader", rules), ("binds-reader", bind)] {
        let role =
            json!({"apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": {"name": name}, "rules": rules});
        let api = Api::<Role>::namespaced(bed.admin.clone(), &bed.namespace);
        api.patch(name, &PatchParams::apply("testbed").force(), &Patch::Apply(role)).await.unwrap();
    }
    let binding = json!({"apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": {"name": "binds-reader"},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "binds-reader"},
        "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": RELEASE}]});
    let api = Api::<k8s_openapi::api::rbac::v1::RoleBinding>::namespaced(bed.admin.clone(), &bed.namespace);
    api.patch("binds-reader", &PatchParams::apply("testbed").force(), &Patch::Apply(binding)).await.unwrap();
}
/// A policy that offers the Role `reader`, at this level, with these parts of its spec replaced.
async fn policy(bed: &Bed, level: &str, changes: Value) -> String {
    let access = json!([{"name": "read", "level": level, "roleRef": {"kind": "Role", "name": "reader"}}]);
    let mut spec = json!({"access": access,
        "approval": {"steps": [{"name": "service-owner", "approvers": approvers()}]}});
    spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    bed.policy_with(spec).await
}
fn told<S: curfew::api::Conditions>(status: Option<&S>, condition: &str) -> String {
    status.and_then(|s| s.conditions().iter().find(|c| c.type_ == condition)).unwrap().message.clone()
}
async fn shown(request: &Filed, adds: &[&str]) -> Permissions {
    until(&format!("{adds:?} are shown"), || async {
        request.now().await.status?.permissions.filter(|p| p.adds == adds)
    })
    .await
}

/// alice may get pods by the Role `reader` for so long.
struct Live {
    bed: Bed,
    operator: Operator,
    alice: Person,
    request: Filed,
    grant: Granted,
}
impl Live {
    async fn begin(test: &str, duration: &str) -> Self {
        let bed = Bed::new(test).await;
        reader(&bed, get(&["pods"])).await;
        let policy = policy(&bed, "Write", json!({})).await;
        let operator = bed.operator().await;
        bed.policy_becomes(Ready::Complete).await;
        let (alice, bob) = bed.alice_and_bob().await;
        let request = alice.files("sup-4812", &policy, duration).await;
        let grant = agreed(&bob, &request).await;
        grant.becomes(BeginReason::Bound).await;
        assert!(alice.may("get", "pods").await);
        Self { bed, operator, alice, request, grant }
    }
    /// It ended because its role grew, and gives nothing any more.
    async fn ended(&self, gains: &str) -> AccessGrant {
        self.grant.becomes(EndReason::RoleChanged).await;
        self.alice.may_no_more("get", "pods").await;
        assert!(!self.alice.may("get", "secrets").await);
        let record = self.grant.becomes(RemovalVerified::Removed).await;
        assert_eq!(ended_by(&record), Some(self.bed.installation().operator));
        let said = told(record.status.as_ref(), "Active");
        assert!(said.contains(&format!("(gains {gains})")) || said.contains("grew after it was agreed to"), "{said}");
        let flag = &record.status.as_ref().unwrap().flags[0];
        assert!(flag.type_ == FlagType::RoleGrew && flag.message.contains(gains), "{flag:?}");
        is_complete(&record);
        assert!(self.bed.bindings().await.is_empty());
        self.request.becomes(EndReason::RoleChanged).await;
        record
    }
}

#[tokio::test]
async fn g2_access_ends_at_once_when_its_role_grows_and_the_record_says_what_it_gained() {
    let live = Live::begin("grows", LONG).await;
    reader(&live.bed, get(&["pods", "secrets"])).await;
    let record = live.ended("`get secrets`").await;
    let lasted = record.status.unwrap().ended_at.unwrap().get() - record.spec.not_before.get();
    assert!(lasted < chrono::TimeDelta::seconds(40), "{lasted}");
}

#[tokio::test]
async fn f1_a_role_that_grew_while_the_operator_was_dead_ends_it_when_the_next_one_starts() {
    let live = Live::begin("grows-unseen", LONG).await;
    live.operator.dies();
    reader(&live.bed, get(&["pods", "secrets"])).await;
    live.bed.frees_lease().await;
    let operator = live.bed.operator().await;
    let live = Live { operator, ..live };
    live.ended("`get secrets`").await;
    drop(live.operator);
}

#[tokio::test]
async fn f1_a_role_that_shrinks_or_goes_ends_nothing_and_time_still_does() {
    let live = Live::begin("shrinks", "20s").await;
    reader(&live.bed, json!([])).await;
    live.alice.may_no_more("get", "pods").await;
    let roles = Api::<Role>::namespaced(live.bed.admin.clone(), &live.bed.namespace);
    roles.delete("reader", &DeleteParams::default()).await.unwrap();
    reader(&live.bed, get(&["pods"])).await;
    until("it gives the same again", || async { live.alice.may("get", "pods").await.then_some(()) }).await;
    let record = live.grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&record), Some(EndReason::Expired));
    let late = record.status.unwrap().ended_at.unwrap().get() - record.spec.expires_at.unwrap().get();
    assert!(late <= chrono::TimeDelta::seconds(1), "{late}");
}

#[tokio::test]
async fn f1_a_role_that_grows_before_anybody_decided_is_shown_anew() {
    let bed = Bed::new("grows-early").await;
    reader(&bed, get(&["pods"])).await;
    let policy = policy(&bed, "Write", json!({})).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, LONG).await;
    let before = shown(&request, &["get pods"]).await;
    assert!(before.flags.is_empty());
    reader(&bed, json!([{"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list"]}])).await;
    let after = shown(&request, &["get,list pods", "get,list secrets"]).await;
    assert_ne!(after.rules_sha256, before.rules_sha256);
    assert_eq!(after.flags[0].type_, DangerType::ReadsSecrets);
    let said = told(request.now().await.status.as_ref(), "Approved");
    assert!(said.contains("dangerous: ReadsSecrets"), "{said}");
    let record = agreed(&bob, &request).await.becomes(BeginReason::Bound).await;
    assert_eq!((&record.spec.rules_sha256, &record.spec.adds), (&after.rules_sha256, &after.adds));
    assert_eq!(record.spec.permission_flags, after.flags);
    assert_eq!(role::digest(&record.spec.rules), record.spec.rules_sha256);
}

#[tokio::test]
async fn f1_a_role_that_grew_after_somebody_agreed_is_not_granted() {
    for dead in [false, true] {
        let bed = Bed::new(if dead { "grows-agreed-dead" } else { "grows-agreed" }).await;
        reader(&bed, get(&["pods"])).await;
        let steps = json!([{"name": "service-owner", "count": if dead { 1 } else { 2 }, "approvers": approvers()}]);
        let policy = policy(&bed, "Write", json!({"approval": {"steps": steps}})).await;
        let operator = bed.operator().await;
        bed.policy_becomes(Ready::Complete).await;
        let (alice, bob) = bed.alice_and_bob().await;
        let request = alice.files("sup-4812", &policy, LONG).await;
        shown(&request, &["get pods"]).await;
        request.becomes(Screened::Complete).await;
        if dead {
            // The only yes and the growth come while nobody looks.
            operator.dies();
            bob.approves(&request, "service-owner").await.unwrap();
            reader(&bed, get(&["pods", "secrets"])).await;
            bed.frees_lease().await;
        } else {
            bob.approves(&request, "service-owner").await.unwrap();
            until("bob counts", || async { request.now().await.status?.decisions.first()?.counted.then_some(()) })
                .await;
            reader(&bed, get(&["pods", "secrets"])).await;
        }
        let _operator = if dead { Some(bed.operator().await) } else { None };
        let grant = request.recorded().await;
        let record = grant.becomes(Outcome::RoleGrew).await;
        assert_eq!((record.spec.expires_at, record.spec.approvals.len()), (None, 1));
        let said = told(request.becomes(Approved::RoleChanged).await.status.as_ref(), "Approved");
        assert!(said.contains("Role reader grew after it was agreed to (gains `get secrets`)"), "{said}");
        assert!(bed.bindings().await.is_empty() && bed.fuses().await.is_empty());
        assert!(!alice.may("get", "pods").await);
    }
}

/// The role grows while the operator is held at its first POST of this plural; how that ended.
async fn grows_while_held(test: &str, plural: &str) -> (Bed, Faults, AccessGrant) {
    let bed = Bed::new(test).await;
    reader(&bed, get(&["pods"])).await;
    let policy = policy(&bed, "Write", json!({})).await;
    let held = Faults::hold_at(Method::POST, plural);
    let operator = bed.operator_with(held.clone(), Clock::system()).await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, LONG).await;
    request.becomes(Screened::Complete).await;
    bob.approves(&request, "service-owner").await.unwrap();
    held.held().await;
    reader(&bed, get(&["pods", "secrets"])).await;
    held.releases();
    let grant = request.recorded().await;
    grant.becomes(EndReason::RoleChanged).await;
    let record = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(role::grew(&record.spec.rules, &serde_json::from_value::<Vec<_>>(get(&["pods"])).unwrap()), None);
    assert!(!alice.may("get", "pods").await && !alice.may("get", "secrets").await);
    until("nothing is left", || async {
        (bed.bindings().await.is_empty() && bed.fuses().await.is_empty()).then_some(())
    })
    .await;
    drop(operator);
    (bed, held, record)
}
#[tokio::test]
async fn f1_a_role_that_grows_between_the_record_and_the_binding_is_never_bound() {
    let (_bed, faults, record) = grows_while_held("grows-between", "accessgrants").await;
    assert!(record.status.unwrap().started_at.is_none(), "it never began");
    let bound: Vec<_> =
        faults.writes().into_iter().filter(|w| w.starts_with("POST") && w.contains("rolebindings")).collect();
    assert_eq!(bound, [""; 0]);
}
#[tokio::test]
async fn f1_a_role_that_grows_while_the_binding_is_under_way_is_unbound_at_once() {
    let (_bed, _, record) = grows_while_held("grows-under-way", "rolebindings").await;
    assert_eq!(record.status.unwrap().flags[0].type_, FlagType::RoleGrew);
}

#[tokio::test]
async fn f1_an_aggregated_role_grows_by_what_is_added_to_it() {
    let bed = Bed::new("aggregated").await;
    let (whole, part, more) =
        (format!("{}-whole", bed.namespace), format!("{}-part", bed.namespace), format!("{}-more", bed.namespace));
    let label = format!("aggregate-to-{}", bed.namespace);
    let roles = Api::<ClusterRole>::all(bed.admin.clone());
    let apply = async |name: &str, object: Value| {
        let mut role =
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}});
        role.as_object_mut().unwrap().extend(object.as_object().unwrap().clone());
        roles.patch(name, &PatchParams::apply("testbed").force(), &Patch::Apply(role)).await.unwrap();
    };
    let labelled = |name: &str, resource: &str| json!({"metadata": {"name": name, "labels": {label.clone(): "true"}}, "rules": get(&[resource])});
    apply(&whole, json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label.clone(): "true"}}]}}))
        .await;
    apply(&part, labelled(&part, "pods")).await;
    let binds = format!("{}-binds", bed.namespace);
    let rbac = "rbac.authorization.k8s.io";
    apply(&binds, json!({"rules": [{"apiGroups": [rbac], "resources": ["clusterroles"], "resourceNames": [whole], "verbs": ["bind"]}]})).await;
    let binding = json!({"metadata": {"name": binds}, "roleRef": cluster_role(&binds),
        "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": RELEASE}]});
    let bindings = Api::<k8s_openapi::api::rbac::v1::ClusterRoleBinding>::all(bed.admin.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();

    let access = json!([{"name": "read", "level": "Write", "roleRef": {"kind": "ClusterRole", "name": whole}}]);
    let policy = bed
        .policy_with(
            json!({"access": access, "approval": {"steps": [{"name": "service-owner", "approvers": approvers()}]}}),
        )
        .await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, LONG).await;
    shown(&request, &["get pods"]).await;
    let grant = agreed(&bob, &request).await;
    grant.becomes(BeginReason::Bound).await;
    apply(&more, labelled(&more, "secrets")).await;
    let record = grant.becomes(EndReason::RoleChanged).await;
    assert!(told(record.status.as_ref(), "Active").contains("`get secrets`"));
    alice.may_no_more("get", "pods").await;
    for name in [&whole, &part, &more, &binds] {
        roles.delete(name, &DeleteParams::default()).await.unwrap();
    }
    bindings.delete(&binds, &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn b14_a_role_that_outgrows_its_level_makes_the_policy_not_ready_at_once_and_back() {
    let bed = Bed::new("outgrows").await;
    reader(&bed, get(&["pods"])).await;
    policy(&bed, "ReadOnly", json!({})).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    // Sooner than the policy is looked at by itself (30 s, 5 min).
    let within = |of| tokio::time::timeout(std::time::Duration::from_secs(20), of);
    for (rules, says) in [
        (get(&["pods", "secrets"]), "`get secrets` is Write"),
        (json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]), "`* pods` is Admin"),
        (
            json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]}]),
            "is Admin: it leads to more rights",
        ),
    ] {
        reader(&bed, rules).await;
        let found = within(bed.policy_becomes(Ready::LevelMismatch)).await.unwrap();
        let said = told(found.status.as_ref(), "Ready");
        assert!(said.contains(says), "{said}");
        reader(&bed, get(&["pods"])).await;
        within(bed.policy_becomes(Ready::Complete)).await.unwrap();
    }
}

#[tokio::test]
async fn c4_who_has_it_all_already_is_told_through_what_and_it_is_no_refusal() {
    let bed = Bed::new("already").await;
    let policy = bed.policy(approvers()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    binds_by_hand(&bed, "alice-reads", cluster_role("curfew-logs"), "alice").await;
    until("she may already", || async { alice.may("get", "pods/log").await.then_some(()) }).await;
    let request = alice.files("sup-4812", &policy, "8s").await;
    request.becomes(Screened::Complete).await;
    let status = request.now().await.status.unwrap();
    let said = told(Some(&status), "Approved");
    assert!(said.contains("you already have this through RoleBinding \"alice-reads/"), "{said}");
    let permissions = status.permissions.unwrap();
    assert!(permissions.adds.is_empty(), "{permissions:?}");
    assert!(permissions.had.iter().any(|line| line.starts_with("get,list,watch pods: RBAC: allowed by RoleBinding")));
    let record = agreed(&bob, &request).await.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&record), Some(EndReason::Expired));
    assert!(alice.may("get", "pods/log").await, "what she had before is not its business");
    assert!(told(record.status.as_ref(), "RemovalVerified").contains("it added nothing"));
}

#[tokio::test]
async fn f3_a_role_for_one_named_object_gives_that_object_only() {
    let bed = Bed::new("named").await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["account-4812"], "verbs": ["get", "patch"]}]);
    reader(&bed, rules).await;
    let policy = policy(&bed, "Write", json!({})).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let request = alice.files("sup-4812", &policy, LONG).await;
    shown(&request, &["get,patch configmaps account-4812"]).await;
    let grant = agreed(&bob, &request).await;
    grant.becomes(BeginReason::Bound).await;
    let may = async |verb: &str, name: &str| {
        let attributes = json!({"namespace": bed.namespace, "verb": verb, "resource": "configmaps", "name": name});
        let review: SelfSubjectAccessReview =
            serde_json::from_value(json!({"spec": {"resourceAttributes": attributes}})).unwrap();
        Api::all(alice.client.clone()).create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
    };
    assert!(may("get", "account-4812").await && may("patch", "account-4812").await);
    assert!(!may("get", "account-4813").await && !may("list", "").await && !may("delete", "account-4812").await);
    alice.closes(&request, "").await.unwrap();
    let record = grant.becomes(RemovalVerified::Removed).await;
    assert!(
        told(record.status.as_ref(), "RemovalVerified").contains("all 2 permissions"),
        "each was asked about by name"
    );
    assert!(!may("get", "account-4812").await);
}

#[tokio::test]
async fn f2_a_support_lead_reads_one_billing_account_for_two_hours_and_gives_it_back_early() {
    let bed = Bed::new("support").await;
    let rules =
        json!([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["account-4812"], "verbs": ["get"]}]);
    reader(&bed, rules).await;
    let group = |name: &str| json!([{"kind": "Group", "name": name}]);
    let policy = policy(
        &bed,
        "ReadOnly",
        json!({
            "description": "One account or transaction, after a real user report, when no other source can confirm it.",
            "requesters": group("support-leads"), "duration": {"default": "1h", "max": "2h"},
            "approval": {"steps": [{"name": "manager", "approvers": group("managers")}]},
        }),
    )
    .await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (sue, mia) = (bed.person("sue", &["support-leads"]).await, bed.person("mia", &["managers"]).await);
    let yes = || json!({"step": "manager", "as": "managers", "decision": "Approve", "comment": "One account, and only to read it."});

    let request = sue.files("sup-4812", &policy, "2h").await;
    let status = request.becomes(Screened::Complete).await.status.unwrap();
    assert_eq!(status.permissions.unwrap().adds, ["get configmaps account-4812"]);
    mia.decides(&request, yes()).await.unwrap();
    let grant = request.recorded().await;
    let record = grant.becomes(BeginReason::Bound).await.spec;
    assert_eq!(record.expires_at.unwrap().get() - record.not_before.get(), chrono::TimeDelta::hours(2));
    assert_eq!(record.approved_by.as_deref(), Some("mia (managers)"));
    assert!(
        !sue.may("list", "configmaps").await
            && !sue.may("get", "secrets").await
            && !sue.may("patch", "configmaps").await
    );
    sue.closes(&request, "").await.unwrap();
    let ended = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!((end_reason(&ended), ended_by(&ended).as_deref()), (Some(EndReason::Closed), Some("sue")));

    // Another case: more of the same within a day would be a renewal.
    let mut manifest = sue.request("sup-4813", &policy, "8s");
    manifest["spec"]["ticket"] = json!("SUP-4813");
    let request = sue.applies(manifest).await.unwrap();
    request.becomes(Screened::Complete).await;
    mia.decides(&request, yes()).await.unwrap();
    let grant = request.recorded().await;
    grant.becomes(BeginReason::Bound).await;
    let ended = grant.becomes(RemovalVerified::Removed).await;
    assert_eq!(end_reason(&ended), Some(EndReason::Expired));
    assert!(bed.bindings().await.is_empty());
}

#[tokio::test]
async fn i8_a_dry_run_is_the_whole_workflow_and_never_a_binding() {
    let bed = Bed::new("dry-run").await;
    let policy = bed.policy_with(json!({"mode": "DryRun"})).await;
    let operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let tried = alice.files("sup-1", &policy, LONG).await;
    tried.becomes(Screened::Complete).await;
    let waits = alice.files("sup-2", &policy, LONG).await;
    waits.becomes(Screened::Complete).await;
    let said = told(tried.now().await.status.as_ref(), "Approved");
    assert!(said.contains("nothing will be granted, as the policy's mode is DryRun"), "{said}");
    bob.approves(&tried, "service-owner").await.unwrap();
    let grant = tried.recorded().await;
    let record = grant.becomes(Outcome::DryRun).await;
    assert_eq!((record.spec.expires_at, record.spec.approved_by.as_deref()), (None, Some("bob")));
    let request = tried.becomes(Outcome::DryRun).await;
    let said = told(request.status.as_ref(), "Approved");
    assert!(said.contains("agreed by bob; the policy's mode is DryRun: nothing was granted"), "{said}");
    assert!(curfew::api::reasons::is(request.status.as_ref().unwrap(), Approved::StepsMet));
    assert_eq!(request.status.unwrap().state.as_deref(), Some("DryRun"));

    // It is enforced from here on: what was agreed to in the trial, and what waits since then, stays a trial.
    bed.policy_with(json!({})).await;
    bed.policy_becomes(Ready::Complete).await;
    until("it waits for him again", || async { bob.approves(&waits, "service-owner").await.ok() }).await;
    waits.recorded().await.becomes(Outcome::DryRun).await;
    operator.stops().await;
    let operator = bed.operator().await;
    let real = alice.files("sup-3", &policy, LONG).await;
    let begun = agreed(&bob, &real).await;
    begun.becomes(BeginReason::Bound).await;
    assert_eq!((bed.bindings().await.len(), bed.fuses().await.len()), (1, 1), "only what was filed since");
    let made: Vec<_> = operator.faults.writes().into_iter().filter(|w| w.starts_with("POST")).collect();
    assert_eq!(made.iter().filter(|w| w.contains("rolebindings")).count(), 1, "{made:?}");
    assert_eq!(grant.record().await.status.unwrap().state.as_deref(), Some("DryRun"));
}
