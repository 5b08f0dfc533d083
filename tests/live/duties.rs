//! What is owed once access was given, and what follows if it is not done.
use crate::running::{agreed, approvers, ended_by, is_complete};
use curfew::api::duty::{Duty, DutyState, Owed};
use curfew::api::grant::AccessGrant;
use curfew::api::policy::AccessPolicy;
use curfew::api::reasons::{BeginReason, DutiesMet, EndReason, FlagType, Outcome, RemovalVerified, Screened};
use curfew::api::request::Lane;
use curfew_testbed::bed::{Bed, Granted, Person, until};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::process::{Command, Output};

fn owed(record: &AccessGrant) -> Owed {
    let owed = &record.status.as_ref().unwrap().owed;
    assert_eq!(owed.len(), 1, "{owed:?}");
    owed[0].clone()
}
/// Runs a line in a shell as somebody, as they would paste it.
pub fn pasted(bed: &Bed, who: &Person, line: &str) -> Output {
    let kubectl = bed.connection.kubectl();
    let path = format!("{}:{}", kubectl.parent().unwrap().display(), std::env::var("PATH").unwrap());
    Command::new("sh").args(["-c", line]).env("PATH", path).env("KUBECONFIG", &who.kubeconfig).output().unwrap()
}
pub async fn writes(who: &Person, grant: &Granted, duties: Value) -> kube::Result<()> {
    let api = Api::<AccessGrant>::all(who.client.clone());
    let patch = json!({"status": {"duties": duties}});
    api.patch_status(&grant.name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
}
pub fn closeout(by: &str) -> Value {
    json!({"closeout": {"by": by, "summary": "Totals differ by a rounding in the export job.", "workDone": true,
        "cause": "The export rounds each line.", "followUps": "SUP-4900"}})
}
/// A policy under which the close-out is owed for so long, and a person may work on several tickets.
async fn policy(bed: &Bed, within: &str) -> String {
    let steps = json!({"steps": [{"name": "service-owner", "approvers": approvers()}]});
    let limits = json!({"activePerRequester": 5, "pendingPerRequester": 20});
    bed.policy_with(json!({"approval": steps, "limits": limits, "closeout": {"within": within}})).await
}

#[tokio::test]
async fn g3_the_closeout_is_written_by_who_used_the_access_once_it_has_ended() {
    let bed = Bed::new("closeout").await;
    let policy = policy(&bed, "1h").await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let mut asks = alice.request("sup-4812", &policy, "30m");
    asks["spec"]["data"] = json!([{"system": "billing-db", "kind": "invoice", "records": ["99017"]}]);
    let request = alice.applies(asks).await.unwrap();
    let grant = agreed(&bob, &request).await;
    let record = grant.becomes(BeginReason::Bound).await;
    let before = owed(&record);
    let hour = chrono::TimeDelta::hours(1);
    assert_eq!((before.duty, before.state), (Duty::CloseOut, DutyState::Open));
    assert_eq!(before.due, record.spec.expires_at.unwrap().checked_add(hour).unwrap(), "known before it ends");
    assert!(before.consequence.contains("else: live access of alice ends"), "{}", before.consequence);
    let early = writes(&alice, &grant, closeout("alice")).await.unwrap_err().to_string();
    assert!(early.contains("the access still holds"), "{early}");

    alice.closes(&request, "").await.unwrap();
    let record = grant.becomes(RemovalVerified::Removed).await;
    let now = owed(&record);
    assert_eq!(now.due, record.status.unwrap().ended_at.unwrap().checked_add(hour).unwrap(), "counted from the end");
    let others = writes(&bob, &grant, closeout("bob")).await.unwrap_err().to_string();
    assert!(others.contains("only who owes it writes it: CloseOut (User alice)"), "{others}");

    let line = now.command.unwrap();
    assert!(line.contains("billing-db invoice 99017"), "what was declared is filled in: {line}");
    let refused = pasted(&bed, &alice, &line);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && words.contains("in place of the words in capitals"), "{words}");
    let said = line
        .replace("SAY WHAT YOU FOUND OR DID", "Totals differ by a rounding in the export job.")
        .replace("SAY WHY IT WAS SO", "The export rounds each line.");
    let done = pasted(&bed, &alice, &said);
    assert!(done.status.success(), "{said}\n{}", String::from_utf8(done.stderr).unwrap());
    let record = grant.becomes(DutiesMet::Met).await;
    is_complete(&record);
    let status = record.status.as_ref().unwrap();
    assert_eq!(status.duties_state.as_deref(), Some("Met"));
    assert_eq!(status.duties.as_ref().unwrap().closeout.as_ref().unwrap().by, "alice");
    assert_eq!(
        status.timeline.last().map(|entry| (entry.what.as_str(), entry.by.as_str())),
        Some(("DutiesMet=True/Met", "alice"))
    );
    let again = writes(&alice, &grant, closeout("alice")).await.unwrap_err().to_string();
    assert!(again.contains("CloseOut is not owed at the moment"), "{again}");
}

#[tokio::test]
async fn h12_a_missed_closeout_costs_the_person_their_access_until_it_is_done() {
    let bed = Bed::new("missed").await;
    let policy = policy(&bed, "6s").await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let dana = bed.person("dana", &["engineers"]).await;
    let first = alice.files("sup-1", &policy, "30m").await;
    let missed = agreed(&bob, &first).await;
    let (second, hers) = (alice.files("sup-2", &policy, "30m").await, dana.files("sup-3", &policy, "30m").await);
    let (live, other) = (agreed(&bob, &second).await, agreed(&bob, &hers).await);
    live.becomes(BeginReason::Bound).await;
    other.becomes(BeginReason::Bound).await;
    alice.closes(&first, "").await.unwrap();
    missed.becomes(EndReason::Closed).await;
    assert!(alice.may("get", "pods/log").await, "there is time left");

    let record = missed.becomes(DutiesMet::Overdue).await;
    let flags = record.status.as_ref().unwrap().flags.clone();
    assert!(flags.iter().any(|flag| flag.type_ == FlagType::DutyOverdue && flag.cleared_by.is_none()), "{flags:?}");
    let ended = live.becomes(EndReason::DutyMissed).await;
    alice.may_no_more("get", "pods/log").await;
    let ended = {
        live.becomes(RemovalVerified::Removed).await;
        ended
    };
    assert_eq!(ended_by(&ended), Some(bed.installation().operator));
    is_complete(&ended);
    let flags = ended.status.as_ref().unwrap().flags.clone();
    assert!(
        flags.iter().any(|flag| flag.type_ == FlagType::EndedForDuty && flag.message.contains(&missed.name)),
        "{flags:?}"
    );
    other.becomes(BeginReason::Bound).await;
    assert!(dana.may("get", "pods/log").await, "nobody else pays for it");

    let again = alice.files("sup-4", &policy, "30m").await;
    let told = again.becomes(Screened::Incomplete).await.status.unwrap();
    let check = told.checks.iter().find(|check| check.name == "DutiesDone").unwrap();
    assert_eq!(check.code.as_deref(), Some("DutyOverdue"));
    for part in [missed.name.as_str(), "close-out", "Group platform", "kubectl patch accessgrant"] {
        assert!(check.message.contains(part), "{part}: {}", check.message);
    }
    the_owner_is_told(&bed, &missed).await;
    let metric = format!("curfew_duties_overdue{{duty=\"CloseOut\",policy=\"{policy}\"}} 1");
    until("the metric says so", || async {
        String::from_utf8(operator.metrics.text()).unwrap().contains(&metric).then_some(())
    })
    .await;

    writes(&alice, &missed, closeout("alice")).await.unwrap();
    let record = missed.becomes(DutiesMet::Met).await.status.unwrap();
    let flag = record.flags.iter().find(|flag| flag.type_ == FlagType::DutyOverdue).unwrap();
    assert_eq!(flag.cleared_by.as_deref(), Some("close-out: done by alice"));
    assert!(record.owed[0].missed_at.is_some(), "that it was late stays on record");
    // The one that was ended owes a close-out too.
    writes(&alice, &live, closeout("alice")).await.unwrap();
    live.becomes(DutiesMet::Met).await;
    alice.files("sup-5", &policy, "30m").await.becomes(Screened::Complete).await;
}

/// By an Event of the policy, and by a warning in its status.
async fn the_owner_is_told(bed: &Bed, missed: &Granted) {
    let policies = Api::<AccessPolicy>::all(bed.admin.clone());
    until("the policy warns", || async {
        let status = policies.get(&bed.namespace).await.unwrap().status?;
        status.warnings.iter().any(|w| w.reason == "DutiesOverdue" && w.message.contains(&missed.name)).then_some(())
    })
    .await;
    let events = Api::<Event>::namespaced(bed.admin.clone(), "default");
    until("an Event tells the owner", || async {
        let about = format!("regarding.kind=AccessPolicy,regarding.name={}", bed.namespace);
        let all = events.list(&ListParams::default().fields(&about)).await.unwrap().items;
        let tells = |event: &Event| {
            event.reason.as_deref() == Some("Overdue") && event.note.iter().any(|note| note.starts_with(&missed.name))
        };
        all.iter().any(tells).then_some(())
    })
    .await;
}

#[tokio::test]
async fn h12_a_reviewer_waives_a_missed_duty_in_writing_and_nobody_else() {
    let bed = Bed::new("waived").await;
    let policy = policy(&bed, "1s").await;
    let _operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let olga = bed.person("olga", &["platform"]).await;
    let request = alice.files("sup-1", &policy, "30m").await;
    let grant = agreed(&bob, &request).await;
    grant.becomes(BeginReason::Bound).await;
    alice.closes(&request, "").await.unwrap();
    grant.becomes(DutiesMet::Overdue).await;
    let waiver = |by: &str, why: &str| json!({"waiver": {"closeout": {"by": by, "why": why}}});
    let why = "She was called away, and bob wrote the report in SUP-1.";
    for who in [&alice, &bob] {
        let refused = writes(who, &grant, waiver(&who.name, why)).await.unwrap_err().to_string();
        assert!(refused.contains("only a reviewer waives a duty: Group platform"), "{refused}");
    }
    writes(&olga, &grant, waiver("olga", "just because it was faster")).await.unwrap();
    alice.files("sup-2", &policy, "30m").await.becomes(Screened::Incomplete).await;
    grant.becomes(DutiesMet::Overdue).await;
    writes(&olga, &grant, waiver("olga", why)).await.unwrap();
    let status = grant.becomes(DutiesMet::Waived).await.status.unwrap();
    assert_eq!(status.owed[0].settled_by.as_deref(), Some("olga"));
    alice.files("sup-3", &policy, "30m").await.becomes(Screened::Complete).await;
}

#[tokio::test]
async fn h14_a_denied_emergency_is_reviewed_by_somebody_who_was_not_involved() {
    let bed = Bed::new("denied").await;
    let group = |name: &str| json!([{"kind": "Group", "name": name}]);
    let lane = json!({"access": ["logs"], "approvers": group("incident-managers"), "review": {"reviewers": group("security")}});
    let policy = bed.policy_with(json!({"emergency": lane})).await;
    let operator = bed.operator().await;
    let (alice, _) = bed.alice_and_bob().await;
    let kim = bed.person("kim", &["incident-managers", "security"]).await;
    let rob = bed.person("rob", &["security"]).await;
    let mut asks = alice.request("sup-1", &policy, "30m");
    asks["spec"]["emergency"] = json!({"harm": "CustomerHarm", "impact": "No customer can pay since 02:40."});
    let request = alice.applies(asks).await.unwrap();
    request.becomes(Screened::Complete).await;
    let no = json!({"step": "emergency", "as": "incident-managers", "decision": "Deny", "comment": "The status page says otherwise."});
    kim.decides(&request, no).await.unwrap();
    let grant = request.recorded().await;
    let record = grant.becomes(DutiesMet::Open).await;
    assert_eq!((record.spec.lane, record.spec.outcome), (Lane::Emergency, Outcome::Denied));
    let owed = owed(&record);
    assert_eq!((owed.duty, owed.state), (Duty::Review, DutyState::Open));
    let said = [
        "SAY WHETHER IT WAS ONE, AND HOW YOU KNOW",
        "SAY WHETHER LESS WOULD HAVE DONE",
        "SAY WHETHER THE EVIDENCE IS COMPLETE",
        "SAY WHAT WOULD MAKE IT UNNECESSARY",
    ];
    let line = said
        .iter()
        .fold(owed.command.unwrap(), |line, words| line.replace(words, "By the logs of that night it was none."));
    for (who, says) in
        [(&alice, "only who owes it writes it"), (&kim, "who asked or decided neither reviews nor waives")]
    {
        let refused = pasted(&bed, who, &line);
        let words = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && words.contains(says), "{}: {words}", who.name);
    }
    let done = pasted(&bed, &rob, &line);
    assert!(done.status.success(), "{line}\n{}", String::from_utf8(done.stderr).unwrap());
    assert_eq!(grant.becomes(DutiesMet::Met).await.status.unwrap().owed[0].settled_by.as_deref(), Some("rob"));
    let metric = format!("curfew_emergencies_total{{namespace=\"{}\",policy=\"{policy}\"}} 1", bed.namespace);
    assert!(String::from_utf8(operator.metrics.text()).unwrap().contains(&metric), "H16");
}
