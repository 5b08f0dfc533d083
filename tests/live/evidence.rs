//! What a request has to say for itself, from the first refusal to the record, and what an approver reads of it.
use crate::running::{agreed, approvers};
use curfew::api::reasons::{BeginReason, EndReason, Ready, Screened};
use curfew_testbed::bed::{Bed, Person, until};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tracing_subscriber::EnvFilter;

/// In every field that nothing but request and record may show.
const CANARY: &str = "canary-99017";

/// Two accesses, personal data, and every kind of evidence.
fn demanding() -> Value {
    json!({
        "dataClass": "Personal",
        "saferMethods": [{"name": "billing-board", "url": "https://boards.example.com/billing"}],
        "access": [
            {"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}},
            {"name": "restart", "level": "LimitedWrite", "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}}],
        "evidence": {
            "ticket": {"pattern": "^SUP-[0-9]+$", "message": "A support case.", "url": "https://tracker.example.com/{ticket}"},
            "require": ["WhyNotSafer", "Data", "Tenant", "Plan", "Attachments"], "maxRecords": 3},
        "approval": {"steps": [{"name": "service-owner", "approvers": approvers()}]},
    })
}
/// Everything that [`demanding`] asks for an access above the first.
fn full() -> Value {
    json!({
        "data": [{"system": "billing-db", "kind": "invoice", "tenant": "4812", "records": [CANARY, "99018"], "fields": ["total"]}],
        "whyNotSafer": "The billing board shows totals only, not single invoices.",
        "whyNotLower": "The worker hangs, and only a restart frees its queue.",
        "plan": ["kubectl logs deploy/invoicer", "kubectl delete pod of the worker that hangs"],
        "legalBasis": {"type": "CustomerConsent", "ref": "SUP-4812"},
        "attachments": [{"kind": "Screenshot", "url": format!("https://files.example.com/{CANARY}.png"), "sha256": "0".repeat(64)}],
    })
}
fn request(of: &Person, policy: &str, evidence: Value) -> Value {
    let mut manifest = of.request("sup-4812", policy, "30m");
    let spec = manifest["spec"].as_object_mut().unwrap();
    spec.insert("access".into(), json!("restart"));
    spec.extend(evidence.as_object().unwrap().clone());
    manifest
}

#[tokio::test]
async fn b17_a_request_without_evidence_is_told_all_gaps_is_corrected_agreed_to_and_recorded() {
    let bed = Bed::new("evidence").await;
    let policy = bed.policy_with(demanding()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;

    let filed = alice.applies(request(&alice, &policy, json!({}))).await.unwrap();
    let told = filed.becomes(Screened::Incomplete).await.status.unwrap();
    let said = &told.conditions.iter().find(|c| c.type_ == "Screened").unwrap().message;
    for part in [
        "MissingEvidence: add to spec: data[].tenant, data, whyNotSafer, whyNotLower, plan, legalBasis, attachments.",
        "`legalBasis: {type: CustomerConsent, ref: SUP-4812}`",
        "Safer methods: billing-board",
    ] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    assert!(told.waiting_for.is_empty() && told.brief.is_empty(), "nobody is asked yet");

    let mut broad = full();
    broad["data"] = json!([{"system": "billing-db", "tenant": "4812"}, {"system": "crm", "tenant": "4812", "records": ["1", "2", "3", "4"]}]);
    broad["whyNotSafer"] = json!("because it was faster");
    let filed = alice.applies(request(&alice, &policy, broad)).await.unwrap();
    let codes = until("it is screened again", || async {
        let status = filed.now().await.status?;
        let codes: Vec<_> = status.checks.into_iter().filter_map(|check| check.code).collect();
        (!codes.contains(&"MissingEvidence".to_owned())).then_some(codes)
    });
    assert_eq!(codes.await, ["VagueReason", "ScopeTooBroad"], "B18, and B20 for answers");

    let filed = alice.applies(request(&alice, &policy, full())).await.unwrap();
    let record = agreed(&bob, &filed).await.becomes(BeginReason::Bound).await;
    let record = serde_json::to_value(record.spec).unwrap();
    for (field, given) in full().as_object().unwrap() {
        assert_eq!(&record[field], given, "B27: {field}");
    }
    assert_eq!((&record["policy"]["dataClass"], &record["level"]), (&json!("Personal"), &json!("LimitedWrite")));
    assert_eq!(filed.now().await.status.unwrap().brief, Vec::<String>::new(), "it is decided");
}

#[tokio::test]
async fn b26_one_kubectl_describe_tells_an_approver_everything_in_less_than_forty_lines() {
    let bed = Bed::new("brief").await;
    let policy = bed.policy_with(demanding()).await;
    let _operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let filed = alice.applies(request(&alice, &policy, full())).await.unwrap();
    let waits = filed.becomes(Screened::Complete).await;

    let line = ["-n", &bed.namespace, "describe", "accessrequest", &filed.name];
    let said = kubectl(&bed, &bob, &line);
    let lines: Vec<&str> = said.lines().collect();
    let begin = lines.iter().position(|line| line.trim() == "Brief:").unwrap_or_else(|| panic!("no brief in {said}"));
    let depth = |line: &str| line.len() - line.trim_start().len();
    let brief = lines[begin + 1..].iter().take_while(|line| depth(line) > depth(lines[begin]));
    let brief: Vec<&str> = brief.map(|line| line.trim()).collect();
    assert!(brief.len() < 40, "{} lines", brief.len());
    let text = brief.join(" ");
    for part in [
        "Asks: alice (Group engineers) for restart (LimitedWrite, ClusterRole curfew-restart)",
        &format!("in {} for 30m", bed.namespace),
        "Ends: by itself, at 20",
        "Reason: Check why invoice totals changed for customer account 4812.",
        "SUP-4812 has the right form: https://tracker.example.com/SUP-4812",
        "(data class Personal): One account, after a real report from a customer.",
        "Data, declared and not enforced: billing-db invoice, of 4812, records canary-99017 99018, fields total",
        "Why not a safer way: The billing board shows totals only, not single invoices.",
        "Why not a lower level: The worker hangs, and only a restart frees its queue.",
        "Plan: 1. kubectl logs deploy/invoicer 2. kubectl delete pod of the worker that hangs",
        "Legal basis: CustomerConsent SUP-4812",
        "Attachments: Screenshot https://files.example.com/canary-99017.png",
        "Would gain: ",
        "delete pods",
        "NarrowScope: the role does more than read: ",
        "AuditTrail: Unknown: no audit source",
        "Other live access: none",
        "must decide: service-owner, 1 of ",
        "User bob",
        "Decide: kubectl ",
    ] {
        assert!(text.contains(part), "{part} is missing in {brief:#?}");
    }
    // The line that it ends with prints what is to be pasted.
    let decide = brief.last().unwrap().strip_prefix("Decide: kubectl ").unwrap();
    let options: Vec<String> = decide.split(' ').map(|option| option.replace('\'', "")).collect();
    let command = kubectl(&bed, &bob, &options.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(command.starts_with("kubectl ") && command.contains("SAY WHY"), "{command}");
    assert_eq!(filed.now().await.metadata.resource_version, waits.metadata.resource_version, "it is not written again");
}

#[tokio::test]
async fn b25_events_metrics_and_log_never_say_which_records_or_attachments() {
    let log = Log::default();
    let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("debug")).with_writer({
        let log = log.clone();
        move || log.clone()
    });
    // With one subscriber alone, a line that another test's thread reaches first would be turned off for this thread too.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    // This test and all that it starts run on one thread.
    let _guard = tracing::subscriber::set_default(lines.finish());
    let bed = Bed::new("canary").await;
    let policy = bed.policy_with(demanding()).await;
    let operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let mut gaps = full();
    gaps["data"] = json!([{"system": "billing-db", "records": [CANARY, CANARY, CANARY, CANARY]}]);
    gaps["whyNotLower"] = json!("just in case");
    let filed = alice.applies(request(&alice, &policy, gaps)).await.unwrap();
    filed.becomes(Screened::Incomplete).await;
    let filed = alice.applies(request(&alice, &policy, full())).await.unwrap();
    let grant = agreed(&bob, &filed).await;
    grant.becomes(BeginReason::Bound).await;
    alice.closes(&filed, "Found it.").await.unwrap();
    grant.becomes(EndReason::Closed).await;

    let events = until("the end is told", || async {
        let mut all = vec![];
        for namespace in [bed.namespace.as_str(), "default"] {
            let api = Api::<Event>::namespaced(bed.admin.clone(), namespace);
            all.extend(api.list(&ListParams::default()).await.unwrap().items);
        }
        let is_ours = |e: &&Event| {
            let of =
                |name: &str| e.regarding.as_ref().and_then(|r| r.name.as_deref()).is_some_and(|n| n.contains(name));
            of(&bed.namespace) || e.metadata.namespace.as_deref() == Some(&bed.namespace)
        };
        let ours: Vec<Event> = all.iter().filter(is_ours).cloned().collect();
        ours.iter().any(|e| e.reason.as_deref() == Some("Closed")).then_some(ours)
    })
    .await;
    assert!(events.iter().any(|e| e.reason.as_deref() == Some("Incomplete")), "the refusal was told");
    let events = serde_json::to_string(&events).unwrap();
    let metrics = String::from_utf8(operator.metrics.text()).unwrap();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("transition"), "the log speaks of this request");
    assert!(metrics.contains("ScopeTooBroad"), "and so do the metrics");
    assert!(metrics.contains(&format!("curfew_tickets_unconfirmed_total{{policy=\"{policy}\"}} 1")), "B3: {metrics}");
    for (what, text) in [("events", events), ("metrics", metrics), ("log", log)] {
        let found = text.lines().find(|line| line.contains(CANARY));
        assert_eq!(found, None, "{what}");
    }
}

#[tokio::test]
async fn b3_a_ticket_that_a_bot_confirmed_is_not_counted_as_unconfirmed() {
    let bed = Bed::new("confirmed").await;
    let bot = format!("system:serviceaccount:{}:tracker", bed.namespace);
    let steps = json!([
        {"name": "service-owner", "approvers": approvers()},
        {"name": "ticket", "approvers": [{"kind": "User", "name": bot}, {"kind": "Group", "name": "support-leads"}]}]);
    let policy = bed.policy_with(json!({"approval": {"steps": steps}})).await;
    let operator = bed.operator().await;
    bed.policy_becomes(Ready::Complete).await;
    let (alice, bob) = bed.alice_and_bob().await;
    let tracker = bed.person(&bot, &[]).await;
    let filed = alice.files("sup-4812", &policy, "30m").await;
    filed.becomes(Screened::Complete).await;
    let words = "SUP-4812 is open, and of this customer.";
    tracker.decides(&filed, json!({"step": "ticket", "decision": "Approve", "comment": words})).await.unwrap();
    until("the check says who confirmed it", || async {
        let checks = filed.now().await.status?.checks;
        checks.into_iter().find(|c| c.name == "RealTask" && c.message.starts_with(&format!("Confirmed by {bot}")))
    })
    .await;
    bob.approves(&filed, "service-owner").await.unwrap();
    filed.recorded().await.becomes(BeginReason::Bound).await;
    filed.becomes(curfew::api::reasons::Approved::StepsMet).await;
    let metrics = String::from_utf8(operator.metrics.text()).unwrap();
    assert!(!metrics.contains("curfew_tickets_unconfirmed_total{"), "{metrics}");
}

fn kubectl(bed: &Bed, who: &Person, line: &[&str]) -> String {
    let done = Command::new(bed.connection.kubectl()).args(line).env("KUBECONFIG", &who.kubeconfig).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Lines that are written to it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
