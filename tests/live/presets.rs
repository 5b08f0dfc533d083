//! Every policy of `examples/` with its two requests: one is granted as it says, one is returned for what it teaches.
use crate::examples::{codes, example, examples, judged, policy_at, request, roles, said, set, shell};
use crate::time::late_somewhere;
use chrono::{TimeDelta, Timelike, Utc};
use curfew::api::duty::Duty;
use curfew::api::permission::DangerType;
use curfew::api::reasons::{Approved, BeginReason, DutiesMet, Screened};
use curfew::api::request::{AccessRequest, Lane, Waiting};
use curfew_testbed::bed::{Bed, Filed, Operator, Person};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

/// What a preset says, and its two requests show.
struct Preset {
    /// Of the policy, and of both requests.
    name: &'static str,
    /// The group of whoever files them.
    asks: &'static str,
    /// Which steps the first one waits for, with the group whose member agrees.
    steps: &'static [(&'static str, &'static str)],
    /// For how many minutes that gives access.
    minutes: i64,
    /// To what, as `kubectl auth can-i` asks.
    gives: &'static [&'static str],
    /// And to what not.
    withholds: &'static [&'static str],
    /// Why the other one is returned: each code, with some of its words.
    returned: &'static [(&'static str, &'static str)],
    /// Whether the other one is filed while the first one gives access.
    after: bool,
}

const LOGS: &str = "get pods --subresource=log";
const EXEC: &str = "create pods --subresource=exec";
const SECRETS: &str = "get secrets";
/// What no preset that only reads may give.
const ONLY_READS: &[&str] = &["delete pods", "patch configmaps", EXEC, SECRETS];

/// A preset's policy in a namespace of its own, and somebody who may ask under it.
struct Scene {
    bed: Bed,
    _operator: Operator,
    policy: String,
    asks: Person,
}
impl Scene {
    async fn new(name: &str, asks: &str, calendar: impl FnOnce(&mut Value)) -> Self {
        let bed = Bed::new(name).await;
        let theirs = format!("roles/{name}.yaml");
        if examples().join(&theirs).exists() {
            roles(&bed, &theirs);
        }
        let operator = bed.operator().await;
        let policy = policy_at(&bed, &format!("policies/{name}.yaml"), calendar).await;
        let asks = bed.person("alice", &[asks]).await;
        Self { bed, _operator: operator, policy, asks }
    }
    fn request(&self, name: &str) -> Value {
        request(&self.bed, &format!("requests/{name}.yaml"), &self.policy)
    }
    /// Files what is complete, and says which steps it waits for.
    async fn files(&self, manifest: Value) -> (Filed, Vec<Waiting>) {
        let filed = self.asks.applies(manifest).await.unwrap();
        let waits = filed.becomes(Screened::Complete).await;
        assert_eq!(codes(&waits), set([]), "{}", words(&waits));
        (filed, waits.status.unwrap().waiting_for)
    }
    /// One of this group agrees, by the command that the step shows (which names the first group of the step).
    async fn agrees(&self, filed: &Filed, step: &str, group: &str) {
        let waiting = filed.now().await.status.unwrap().waiting_for;
        let waiting = waiting.iter().find(|w| w.step == step).unwrap();
        let who = self.bed.person(&format!("one-of-{group}"), &[group]).await;
        let first = format!(r#""as":"{}""#, waiting.approvers[0].name);
        assert!(waiting.command.contains(&first), "{}", waiting.command);
        let line = waiting.command.replace(&first, &format!(r#""as":"{group}""#));
        let line = line.replace("SAY WHY", "Narrow, tied to its ticket, and short enough.");
        let pasted = shell(&self.bed, &who.kubeconfig, &line);
        assert!(pasted.status.success(), "{step}: {}", said(&pasted));
        assert_eq!(judged(filed, &who).await, "Counted", "{step}");
    }
    /// Whether the API server lets whoever asked do this.
    fn may(&self, what: &str) -> bool {
        let ns = &self.bed.namespace;
        let answer = shell(&self.bed, &self.asks.kubeconfig, &format!("kubectl -n {ns} auth can-i {what}"));
        let answered = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        assert!(["yes", "no"].contains(&answered.as_str()), "{what}: {}", said(&answer));
        answered == "yes"
    }
    /// The other request is returned for these reasons alone, and never reaches an approver.
    async fn returns(&self, preset: &Preset) {
        let filed = self.asks.applies(self.request(&format!("{}-refused", preset.name))).await.unwrap();
        let returned = filed.becomes(Screened::Incomplete).await;
        let taught: Vec<_> = preset.returned.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(codes(&returned), taught.into_iter().collect(), "{}", words(&returned));
        for (code, says) in preset.returned {
            let checks = &returned.status.as_ref().unwrap().checks;
            let told = checks.iter().any(|c| c.code.as_deref() == Some(*code) && c.message.contains(says));
            assert!(told, "{code} does not say {says:?}: {}", words(&returned));
        }
        assert_eq!(returned.status.unwrap().waiting_for, []);
        let table = std::fs::read_to_string(examples().join("README.md")).unwrap();
        let taught: Vec<_> = preset.returned.iter().map(|(code, _)| format!("`{code}`")).collect();
        let cell = format!("](requests/{}-refused.yaml): {} |", preset.name, taught.join(", "));
        assert!(table.contains(&cell), "examples/README.md does not say {cell}");
    }
    /// The request is granted once each step has agreed, and gives what it says for as long as it says.
    async fn grants(&self, preset: &Preset) {
        let (filed, waiting) = self.files(self.request(preset.name)).await;
        assert_eq!(steps(&waiting), preset.steps.iter().map(|(step, _)| *step).collect::<Vec<_>>());
        assert!(waiting.iter().all(|w| !w.backups.is_empty()), "somebody stands in: {waiting:?}");
        for what in preset.gives {
            assert!(!self.may(what), "{what}, before anybody agreed");
        }
        for (step, group) in preset.steps {
            assert!(self.bed.bindings().await.is_empty(), "nothing before {step} has agreed");
            self.agrees(&filed, step, group).await;
        }
        let record = filed.recorded().await.becomes(BeginReason::Bound).await.spec;
        let agreed: Vec<_> = preset.steps.iter().map(|(_, group)| format!("one-of-{group} ({group})")).collect();
        assert_eq!(record.approved_by, Some(agreed.join(", ")));
        let window = record.expires_at.unwrap().get() - record.not_before.get();
        assert_eq!(window, TimeDelta::minutes(preset.minutes));
        for what in preset.gives {
            assert!(self.may(what), "it gives: {what}");
        }
        for what in preset.withholds {
            assert!(!self.may(what), "it does not give: {what}");
        }
    }
}

fn steps(waiting: &[Waiting]) -> Vec<&str> {
    waiting.iter().map(|w| w.step.as_str()).collect()
}
fn words(request: &AccessRequest) -> String {
    let checks = request.status.iter().flat_map(|s| &s.checks).filter(|check| !check.passed);
    checks.map(|check| format!("{}: {}", check.name, check.message)).collect::<Vec<_>>().join("\n")
}
/// Moves a calendar to where the clock on the wall shows this hour, on a work day.
fn at(hour: i64) -> impl FnOnce(&mut Value) {
    let ahead = (hour - i64::from(Utc::now().hour())).rem_euclid(24);
    let ahead = if ahead > 14 { ahead - 24 } else { ahead };
    // In these names the sign is the other way round.
    let zone = if ahead > 0 { format!("Etc/GMT-{ahead}") } else { format!("Etc/GMT+{}", -ahead) };
    move |calendar| {
        calendar["timeZone"] = json!(zone);
        calendar["workDays"] = json!(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
        calendar["holidays"] = json!([]);
    }
}
const MORNING: i64 = 9;
const NIGHT: i64 = 2;

async fn keeps_its_word(preset: Preset) -> Scene {
    let scene = Scene::new(preset.name, preset.asks, at(MORNING)).await;
    if preset.after {
        scene.grants(&preset).await;
        scene.returns(&preset).await;
    } else {
        scene.returns(&preset).await;
        scene.grants(&preset).await;
    }
    scene
}

#[test]
fn a14_every_example_policy_has_a_request_that_is_granted_and_one_that_is_returned() {
    let tried = include_str!("presets.rs");
    for file in std::fs::read_dir(examples().join("policies")).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".yaml").unwrap();
        assert!(tried.contains(&format!("name: \"{name}\",")), "no test tries {name}");
        for request in [format!("requests/{name}.yaml"), format!("requests/{name}-refused.yaml")] {
            assert_eq!(example(&request)["spec"]["policy"], name, "{request}");
        }
    }
}

#[tokio::test]
async fn a6_d8_customer_support_reads_one_account_when_a_manager_agrees() {
    keeps_its_word(Preset {
        name: "customer-support",
        asks: "support",
        steps: &[("manager", "managers")],
        minutes: 30,
        gives: &[LOGS, "list configmaps"],
        withholds: ONLY_READS,
        returned: &[
            ("MissingEvidence", "add to spec: data[].tenant, whyNotSafer, legalBasis"),
            ("ScopeTooBroad", "name the records, or the fields"),
        ],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn a7_e3_incident_response_reads_logs_when_the_owner_agrees_in_work_hours() {
    keeps_its_word(Preset {
        name: "incident-response",
        asks: "on-call",
        steps: &[("service-owner", "service-owners")],
        minutes: 60,
        gives: &[LOGS],
        withholds: &["get configmaps", "delete pods", EXEC, SECRETS],
        returned: &[
            ("TicketInvalid", "open one first"),
            ("VagueReason", "say what is wrong and what is to be reached"),
        ],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn a8_a_finance_check_only_reads_when_a_finance_lead_agrees() {
    keeps_its_word(Preset {
        name: "finance-check",
        asks: "finance-engineers",
        steps: &[("finance-lead", "finance-leads")],
        minutes: 60,
        gives: &[LOGS, "list configmaps"],
        withholds: ONLY_READS,
        returned: &[("AccessNotOffered", "it offers `read` (ReadOnly)")],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn a9_a_legal_request_reads_one_record_when_counsel_and_data_owner_agree() {
    keeps_its_word(Preset {
        name: "legal-request",
        asks: "privacy-engineers",
        steps: &[("counsel", "legal-counsel"), ("data-owner", "data-owners")],
        minutes: 60,
        gives: &[LOGS],
        withholds: ONLY_READS,
        returned: &[("MissingEvidence", "add to spec: legalBasis. spec.legalBasis: what makes it lawful")],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn a10_e9_a_hotfix_changes_configuration_for_an_hour() {
    keeps_its_word(Preset {
        name: "hotfix",
        asks: "engineers",
        steps: &[("service-owner", "service-owners")],
        minutes: 60,
        gives: &["patch configmaps"],
        withholds: &["delete configmaps", "delete pods", EXEC, SECRETS],
        returned: &[
            ("VagueReason", "say what is wrong and what is to be reached"),
            ("MissingEvidence", "add to spec: data, whyNotSafer, whyNotLower, plan"),
        ],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn a10_disaster_recovery_restarts_when_incident_manager_and_owner_agree() {
    keeps_its_word(Preset {
        name: "disaster-recovery",
        asks: "engineers",
        steps: &[("incident-manager", "incident-managers"), ("service-owner", "service-owners")],
        minutes: 60,
        gives: &["delete pods"],
        withholds: &["patch configmaps", EXEC, SECRETS],
        returned: &[("TicketInvalid", "The incident that was opened for the loss")],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn d3_live_debugging_opens_a_shell_for_minutes() {
    keeps_its_word(Preset {
        name: "live-debugging",
        asks: "engineers",
        steps: &[("service-owner", "service-owners")],
        minutes: 20,
        gives: &[EXEC],
        withholds: &["delete pods", SECRETS],
        returned: &[("DurationTooLong", "at most 1h (the access's maxDuration)")],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn d5_e7_a_database_console_opens_one_pod_for_half_an_hour_when_the_security_lead_agrees() {
    keeps_its_word(Preset {
        name: "database-console",
        asks: "database-engineers",
        steps: &[("security-lead", "security-leads")],
        minutes: 30,
        gives: &["create pods/billing-db-0 --subresource=exec"],
        withholds: &["create pods/invoicer-0 --subresource=exec", "patch roles/billing-db", "delete pods", SECRETS],
        returned: &[("DurationTooLong", "at most 1h (the policy's duration.max)")],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn d7_a_bulk_export_needs_data_owner_and_security_lead() {
    keeps_its_word(Preset {
        name: "bulk-export",
        asks: "data-engineers",
        steps: &[("data-owner", "data-owners"), ("security-lead", "security-leads")],
        minutes: 60,
        gives: &[EXEC],
        withholds: &["delete pods", SECRETS],
        returned: &[
            ("ScopeTooBroad", "name the records, or the fields"),
            ("MissingEvidence", "add to spec: data[].tenant, plan, legalBasis, attachments"),
        ],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn d8_e10_a_read_only_check_is_half_an_hour_and_x9_either_group_agrees() {
    keeps_its_word(Preset {
        name: "read-only-check",
        asks: "support",
        steps: &[("service-owner-or-manager", "service-owners")],
        minutes: 30,
        gives: &[LOGS, "list configmaps"],
        withholds: ONLY_READS,
        returned: &[
            ("VagueReason", "`look around`"),
            ("MissingEvidence", "Safer methods: dashboards, read-replica, screenshot"),
        ],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn e6_x12_planned_maintenance_restarts_within_a_business_day() {
    keeps_its_word(Preset {
        name: "planned-maintenance",
        asks: "engineers",
        steps: &[("service-owner", "service-owners")],
        minutes: 120,
        gives: &["delete pods"],
        withholds: &["patch configmaps", EXEC, SECRETS],
        returned: &[("DurationTooLong", "at most 12h")],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn e11_x12_a_deploy_or_migration_has_two_hours_and_two_people_and_e13_then_a_renewal() {
    let scene = keeps_its_word(Preset {
        name: "deploy-or-migration",
        asks: "engineers",
        steps: &[("service-owner", "service-owners"), ("second-reviewer", "tech-leads")],
        minutes: 120,
        gives: &["patch configmaps"],
        withholds: &["delete pods", "delete configmaps", EXEC, SECRETS],
        returned: &[("RenewalRequired", "say `of: chg-230` there, and answer `whatChanged`")],
        after: true,
    })
    .await;
    // The lines that its comment says to add.
    let text = std::fs::read_to_string(examples().join("requests/deploy-or-migration-refused.yaml")).unwrap();
    let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let mut manifest = scene.request("deploy-or-migration-refused");
    manifest["spec"]["renewal"] = serde_saphyr::from_str::<Value>(&lines.join("\n")).unwrap()["renewal"].take();
    let (renewal, waiting) = scene.files(manifest).await;
    assert_eq!(steps(&waiting), ["service-owner", "second-reviewer"], "both look at it again");
    scene.agrees(&renewal, "service-owner", "service-owners").await;
    scene.agrees(&renewal, "second-reviewer", "release-managers").await;
    let record = renewal.recorded().await.becomes(BeginReason::Scheduled).await.spec;
    let first = scene.asks.filed("chg-230").now().await.status.unwrap();
    assert_eq!(Some(record.not_before), first.expires_at, "without a gap");
}

#[tokio::test]
async fn f4_a_failed_job_is_run_again_only_if_it_has_failed() {
    keeps_its_word(Preset {
        name: "failed-job",
        asks: "engineers",
        steps: &[("service-owner", "service-owners")],
        minutes: 30,
        gives: &["create jobs", "get cronjobs/invoice-export"],
        withholds: &["get cronjobs/payroll", "delete pods", SECRETS],
        returned: &[("TicketInvalid", "The failed run (OPS-1234) or the incident (INC-1234)")],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn i8_a_small_team_reads_for_an_hour_when_one_of_it_agrees() {
    keeps_its_word(Preset {
        name: "small-team",
        asks: "engineers",
        steps: &[("service-owner", "service-owners")],
        minutes: 60,
        gives: &[LOGS, "list pods"],
        withholds: ONLY_READS,
        returned: &[
            ("VagueReason", "say what is wrong and what is to be reached"),
            ("TicketInvalid", "A support case (SUP-1234) or an incident (INC-1234)"),
        ],
        after: false,
    })
    .await;
}

#[tokio::test]
async fn x11_d4_more_than_one_account_or_more_than_reading_is_for_the_data_owner() {
    let scene = Scene::new("customer-support", "support", at(MORNING)).await;
    let asking = |name: &str, changes: Value| {
        let mut manifest = scene.request("customer-support");
        manifest["metadata"]["name"] = json!(name);
        manifest["spec"]["ticket"] = json!(name.to_uppercase());
        manifest["spec"].as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        manifest
    };
    let why = "The worker hangs, and only a restart frees its queue.";
    let of = |tenant: &str| json!({"system": "billing-db", "kind": "invoice", "tenant": tenant, "fields": ["total"]});
    let (two, waiting) = scene.files(asking("sup-1", json!({"data": [of("4812"), of("4813")]}))).await;
    assert_eq!(steps(&waiting), ["data-owner"], "two accounts");
    let (_, waiting) = scene.files(asking("sup-2", json!({"access": "restart", "whyNotLower": why}))).await;
    assert_eq!(steps(&waiting), ["data-owner"], "more than reading");
    let then = json!({"then": {"access": "restart", "duration": "10m"}, "whyNotLower": why});
    let (_, waiting) = scene.files(asking("sup-3", then)).await;
    assert_eq!(steps(&waiting), ["manager", "data-owner"], "reading first, and more then");
    scene.agrees(&two, "data-owner", "data-owners").await;
    let record = two.recorded().await.becomes(BeginReason::Bound).await.spec;
    assert_eq!(record.not_needed, ["manager"]);
    assert!(scene.may(LOGS));
}

#[tokio::test]
async fn d6_outside_work_hours_the_incident_manager_on_call_agrees() {
    let scene = Scene::new("incident-response", "on-call", at(NIGHT)).await;
    let (filed, waiting) = scene.files(scene.request("incident-response")).await;
    assert_eq!(steps(&waiting), ["incident-manager"]);
    scene.agrees(&filed, "incident-manager", "incident-managers").await;
    filed.recorded().await.becomes(BeginReason::Bound).await;
    assert!(scene.may(LOGS));
}

#[tokio::test]
async fn h3_h17_in_an_emergency_one_incident_manager_agrees_and_the_rest_is_owed_afterwards() {
    let scene = Scene::new("incident-response", "on-call", at(MORNING)).await;
    let (filed, waiting) = scene.files(scene.request("incident-response-emergency")).await;
    assert_eq!(steps(&waiting), ["emergency"]);
    scene.agrees(&filed, "emergency", "incident-managers").await;
    let record = filed.recorded().await.becomes(BeginReason::Bound).await;
    assert!(scene.may(LOGS));
    let window = record.spec.expires_at.unwrap().get() - record.spec.not_before.get();
    assert_eq!((record.spec.lane, window), (Lane::Emergency, TimeDelta::minutes(30)));
    let owed: Vec<_> = record.status.unwrap().owed.into_iter().map(|owed| owed.duty).collect();
    assert_eq!(owed, [Duty::CloseOut, Duty::Review]);
    let routine = scene.asks.applies(scene.request("incident-response-emergency-refused")).await.unwrap();
    let returned = routine.becomes(Screened::Incomplete).await;
    assert_eq!(codes(&returned), set(["NotAnEmergency"]), "{}", words(&returned));
}

#[tokio::test]
async fn e12_x3_who_is_on_call_has_access_at_once_and_owes_a_note_within_a_quarter_of_an_hour() {
    let preset = Preset {
        name: "live-incident",
        asks: "on-call",
        steps: &[],
        minutes: 15,
        gives: &[LOGS],
        withholds: ONLY_READS,
        returned: &[("NotAnEmergency", "leave spec.emergency out, and file this as routine")],
        after: false,
    };
    let scene = Scene::new(preset.name, preset.asks, at(NIGHT)).await;
    scene.returns(&preset).await;
    let filed = scene.asks.applies(scene.request(preset.name)).await.unwrap();
    let record = filed.recorded().await.becomes(BeginReason::Bound).await;
    let window = record.spec.expires_at.unwrap().get() - record.spec.not_before.get();
    assert_eq!((record.spec.provisional, window), (true, TimeDelta::minutes(preset.minutes)));
    assert!(preset.gives.iter().all(|what| scene.may(what)), "before anybody has agreed");
    assert!(!preset.withholds.iter().any(|what| scene.may(what)));
    filed.recorded().await.becomes(DutiesMet::Open).await;
    let line = filed.recorded().await.record().await.status.unwrap().owed.remove(0).command.unwrap();
    let said =
        line.replace("SAY WHAT YOU SEE AND DO", "The payment queue stands since 02:40; I look for the stuck consumer.");
    let pasted = shell(&scene.bed, &scene.asks.kubeconfig, &said);
    assert!(pasted.status.success(), "{}", crate::examples::said(&pasted));
    filed.becomes(Approved::AtOnce).await;
    scene.agrees(&filed, "emergency", "incident-managers").await;
    let rest = filed.recorded_again().await.becomes(BeginReason::Scheduled).await.spec;
    assert_eq!(
        rest.expires_at.unwrap().get() - record.spec.not_before.get(),
        TimeDelta::minutes(30),
        "half an hour in all"
    );
    assert_eq!(Some(rest.not_before), record.spec.expires_at, "without a gap");
}

#[tokio::test]
async fn d5_f11_a_change_of_privilege_is_flagged_and_names_one_role() {
    let scene = Scene::new("database-console", "database-engineers", at(MORNING)).await;
    let mut manifest = scene.request("database-console");
    manifest["spec"]["access"] = json!("privileges");
    let filed = scene.asks.applies(manifest).await.unwrap();
    let shown = filed.becomes(Screened::Complete).await.status.unwrap().permissions.unwrap();
    let flags: Vec<_> = shown.flags.iter().map(|flag| flag.type_).collect();
    assert_eq!(flags, [DangerType::Escalates, DangerType::WritesRbac]);
    scene.agrees(&filed, "security-lead", "security-leads").await;
    filed.recorded().await.becomes(BeginReason::Bound).await;
    let may = |what: &str| scene.may(&format!("{what}.rbac.authorization.k8s.io/billing-db"));
    assert!(may("patch roles") && may("escalate roles"));
    assert!(!may("patch rolebindings") && !scene.may("patch roles.rbac.authorization.k8s.io/other"));
}

#[tokio::test]
async fn e4_a_finance_check_ends_with_the_day() {
    let (zone, midnight) = late_somewhere();
    let scene = Scene::new("finance-check", "support", |calendar| calendar["timeZone"] = json!(zone)).await;
    let mut manifest = scene.request("finance-check");
    manifest["spec"]["duration"] = json!("8h");
    let filed = scene.asks.applies(manifest.clone()).await.unwrap();
    let returned = filed.becomes(Screened::Incomplete).await;
    assert!(codes(&returned) == set(["DurationTooLong"]) && words(&returned).contains("left of the day"));

    manifest["spec"].as_object_mut().unwrap().remove("duration");
    let (filed, _) = scene.files(manifest).await;
    scene.agrees(&filed, "finance-lead", "finance-leads").await;
    let record = filed.recorded().await.becomes(BeginReason::Bound).await.spec;
    let hour = record.not_before.get() + TimeDelta::hours(1);
    assert_eq!(record.expires_at.unwrap().get(), midnight.min(hour));
}

#[tokio::test]
async fn d12_a_hotfix_of_what_is_sensitive_needs_a_second_reviewer() {
    let scene = Scene::new("hotfix", "engineers", at(MORNING)).await;
    let label = json!({"metadata": {"labels": {"curfew.dev/sensitivity": "high"}}});
    let namespaces = Api::<Namespace>::all(scene.bed.admin.clone());
    namespaces.patch(&scene.bed.namespace, &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    let (_, waiting) = scene.files(scene.request("hotfix")).await;
    assert_eq!(steps(&waiting), ["service-owner", "second-reviewer"]);
}
