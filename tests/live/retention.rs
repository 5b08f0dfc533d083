//! How long a record is kept.
use chrono::{DateTime, TimeDelta, Utc};
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{EndReason, Outcome, RemovalVerified, Screened};
use curfew::decide::verify;
use curfew::operate::clock::Clock;
use curfew_testbed::bed::{Bed, Granted, until};
use curfew_testbed::faults::Faults;
use kube::Api;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;

fn soon() -> DateTime<Utc> {
    Utc::now() + TimeDelta::hours(23)
}
fn later() -> DateTime<Utc> {
    Utc::now() + TimeDelta::hours(25)
}

async fn is_there(bed: &Bed, grant: &Granted) -> bool {
    Api::<AccessGrant>::all(bed.admin.clone()).get_opt(&grant.name).await.unwrap().is_some()
}

#[tokio::test]
async fn j10_a_record_is_kept_for_its_retention_and_then_goes_whatever_it_says() {
    let bed = Bed::new("j10").await;
    let policy = bed.policy_with(json!({"retentionDays": 1})).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let refused = alice.files("refused", &policy, "30m").await;
    refused.becomes(Screened::Complete).await;
    bob.decides(&refused, json!({"step": "service-owner", "decision": "Deny"})).await.unwrap();
    let refused = refused.recorded().await;
    refused.becomes(Outcome::Denied).await;
    let ended = alice.files("ended", &policy, "30m").await;
    ended.becomes(Screened::Complete).await;
    bob.approves(&ended, "service-owner").await.unwrap();
    let ended_record = ended.recorded().await;
    alice.closes(&ended, "Done.").await.unwrap();
    ended_record.becomes(EndReason::Closed).await;
    ended_record.becomes(RemovalVerified::Removed).await;
    operator.stops().await;

    let operator = bed.operator_with(Faults::none_of_a_server_ahead(TimeDelta::hours(23)), Clock::from(soon)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(is_there(&bed, &refused).await && is_there(&bed, &ended_record).await, "within its retention");
    operator.stops().await;

    let operator = bed.operator_with(Faults::none(), Clock::from(later)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(is_there(&bed, &refused).await && is_there(&bed, &ended_record).await, "only this machine's clock says so");
    operator.stops().await;

    let faults = Faults::none_of_a_server_ahead(TimeDelta::hours(25));
    let _operator = bed.operator_with(faults, Clock::from(later)).await;
    for record in [&refused, &ended_record] {
        until(&format!("{} goes", record.name), || async { (!is_there(&bed, record).await).then_some(()) }).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bed.grants().await.len(), 0, "what is gone is not made again");
}

#[tokio::test]
async fn j10_a_record_is_exported_before_it_is_deleted_and_stays_while_it_cannot_be() {
    let bed = Bed::new("j10-export").await;
    let policy = bed.policy_with(json!({"retentionDays": 1})).await;
    let operator = bed.operator().await;
    let (alice, bob) = bed.alice_and_bob().await;
    let refused = alice.files("refused", &policy, "30m").await;
    refused.becomes(Screened::Complete).await;
    bob.decides(&refused, json!({"step": "service-owner", "decision": "Deny"})).await.unwrap();
    let refused = refused.recorded().await;
    let record = refused.becomes(Outcome::Denied).await;
    operator.stops().await;

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&bed.namespace);
    let ahead = || Faults::none_of_a_server_ahead(TimeDelta::hours(25));
    let operator = bed.operator_that_exports(&folder, ahead(), Clock::from(later)).await;
    until("it fails to export", || async {
        let text = String::from_utf8(operator.metrics.text()).unwrap();
        (!text.contains("curfew_exports_failed_total 0")).then_some(())
    })
    .await;
    assert!(is_there(&bed, &refused).await, "there is no such folder, so it stays");
    operator.stops().await;

    fs::create_dir_all(&folder).unwrap();
    let _operator = bed.operator_that_exports(&folder, ahead(), Clock::from(later)).await;
    until(&format!("{} goes", refused.name), || async { (!is_there(&bed, &refused).await).then_some(()) }).await;
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("one file: {files:?}") };
    let lines = verify::read(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((lines.len(), &lines[0]["spec"]), (1, &json!(record.spec)), "{file:?}");
    let judged = verify::judge(&lines[0]).unwrap();
    assert!(judged.found.is_empty() && judged.entries > 0, "{judged:?}");
}
