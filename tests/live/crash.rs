//! The operator dies at every one of its writes, before it is sent and after it is stored; the next one finishes.
//!
//! Each life is lived once without a fault, and its writes are counted. Then it is lived again with a crash before, and a
//! crash right after, each of them that no other life has in common with it. What must be the same in the end: how it ended
//! and by whom, one end fixed once, one binding at most, nothing left, removal verified, the record complete, its chain
//! unbroken. By the API server's audit log, record, fuse and binding of each life are made once and never again. What may
//! differ: a write that nobody heard of is sent once more, two tasks may delete the same thing, and a few statuses are
//! written more, as the next operator first says that it looks at admission, and the request repeats what the grant says.
use crate::duties::{closeout, writes};
use crate::emergency;
use crate::running::{approvers, is_complete};
use curfew::api::grant::AccessGrant;
use curfew::api::reasons::{
    Approved, BeginReason, DutiesMet, EndReason, FlagType, Outcome, RemovalVerified, Screened, SecondStage,
};
use curfew::operate::clock::Clock;
use curfew_testbed::bed::{Bed, Filed, Granted, Person, until};
use curfew_testbed::connection::Connection;
use curfew_testbed::faults::{Cut, Faults};
use curfew_testbed::trail::Trail;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Semaphore;

/// How often what was under way at the crash is sent again.
const AGAIN: usize = 1;
/// How many more deletes two operators may send than one.
const DELETES: usize = 2;
/// How many more statuses two operators may write than one.
const STATUSES: usize = 6;
/// How many lives run at once, of all tests together: more would wait for the machine, not for the operator.
static AT_ONCE: Semaphore = Semaphore::const_new(10);

/// How a life goes on once it was agreed to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    Expires,
    IsClosed,
    IsDenied,
    IsATrial,
    IsDeletedWhileActive,
    /// Its requester starts the second access, and closes both.
    GoesOn,
    /// It is an emergency: access comes at once, is to go on once it is noted and agreed to, and is closed then.
    IsAtOnce,
    /// The same, and it goes on, and is closed after that.
    GoesOnAtOnce,
    /// Its requester closes it, and writes the close-out.
    IsClosedOut,
    /// Its requester closes it, misses the close-out, and writes it late.
    IsClosedOutLate,
}
impl Life {
    /// How many records it has.
    fn grants(self) -> usize {
        if matches!(self, Self::GoesOn | Self::IsAtOnce | Self::GoesOnAtOnce) { 2 } else { 1 }
    }
    fn is_at_once(self) -> bool {
        matches!(self, Self::IsAtOnce | Self::GoesOnAtOnce)
    }
    /// How many of its records have a fuse and a binding.
    fn bound(self) -> usize {
        match self {
            Self::IsDenied | Self::IsATrial => 0,
            Self::IsAtOnce => 1,
            _ => self.grants(),
        }
    }
    /// How it dies at a write. The routine life dies both ways; the longer ones once at each, as to die before a write leaves
    /// what dying after the one before it leaves.
    fn cuts(self) -> &'static [Cut] {
        if self.grants() > 1 { &[Cut::AfterItIsStored] } else { &[Cut::BeforeItIsSent, Cut::AfterItIsStored] }
    }
    /// From which of its writes on it is tried: what comes before is the same in another life, which is tried there.
    fn from(self, writes: &[String]) -> usize {
        let last = |what: &str| {
            let found = (1..).zip(writes).filter(|(_, write)| kind(write).starts_with(what)).last();
            found.unwrap_or_else(|| panic!("{self:?} has no {what}")).0
        };
        match self {
            Self::Expires | Self::IsDenied | Self::IsATrial | Self::GoesOn | Self::IsAtOnce => 1,
            // Until access is there, as one that expires.
            Self::IsClosed | Self::IsDeletedWhileActive => last("POST rolebindings"),
            // Until access is gone, as one that is closed.
            Self::IsClosedOut | Self::IsClosedOutLate => last("DELETE"),
            // Until it is to go on, as one that is closed before.
            Self::GoesOnAtOnce => last("POST accessgrants") + 1,
        }
    }
}

/// What is the same whether or not the operator died.
#[derive(Debug, PartialEq)]
struct End {
    outcome: Outcome,
    reason: Option<EndReason>,
    by: Option<String>,
    began: bool,
    seconds: Option<i64>,
    records: usize,
    duties: Option<String>,
    was_late: bool,
}

/// A restart takes time: the second operator must not decide anew when it ends.
fn two_seconds_on() -> chrono::DateTime<chrono::Utc> {
    Clock::system().now().wall + chrono::TimeDelta::seconds(2)
}

/// One life, with these faults in the first operator; how it ended, and all writes.
async fn live(life: Life, test: &str, first: Faults) -> (End, Vec<String>) {
    let bed = Bed::new(test).await;
    let mode = if life == Life::IsATrial { "DryRun" } else { "Enforce" };
    let role = |name: &str| json!({"kind": "ClusterRole", "name": name});
    let access = json!([{"name": "logs", "level": "ReadOnly", "roleRef": role("curfew-logs")},
        {"name": "restart", "level": "LimitedWrite", "roleRef": role("curfew-restart")}]);
    let steps = json!({"steps": [{"name": "service-owner", "approvers": approvers()}]});
    let closeout = json!({"within": if life == Life::IsClosedOutLate { "2s" } else { "24h" }});
    // Long enough for people, and operators that start anew; shorter than a test waits.
    let note_within = if life == Life::GoesOnAtOnce { "35s" } else { "30m" };
    let lane = emergency::lane(json!({"grant": "AtOnce", "noteWithin": note_within}));
    let changes = json!({"mode": mode, "access": access, "approval": steps, "closeout": closeout, "emergency": lane["emergency"]});
    let policy = bed.policy_with(changes).await;
    let (alice, bob) = match life {
        _ if life.is_at_once() => {
            (bed.person("alice", &["engineers"]).await, bed.person("kim", &["incident-managers"]).await)
        }
        _ => bed.alice_and_bob().await,
    };
    let operator = bed.operator_with(first.clone(), Clock::system()).await;
    let duration = match life {
        Life::Expires => "15s",
        Life::IsAtOnce | Life::GoesOnAtOnce => "1h",
        _ => "30m",
    };
    let mut manifest = alice.request("sup-4812", &policy, duration);
    if life == Life::GoesOn {
        manifest["spec"]["then"] = json!({"access": "restart", "duration": "10m"});
        manifest["spec"]["whyNotLower"] = json!("The worker hangs, and only a restart frees its queue.");
    }
    if life.is_at_once() {
        manifest["spec"]["emergency"] = json!({"harm": "CustomerHarm", "impact": "No customer can pay since 02:40."});
    }
    let request = alice.applies(manifest).await.unwrap();

    let second = Faults::none();
    let rest = rest(life, &bed, &alice, &bob, &request);
    tokio::pin!(rest);
    let end = tokio::select! {
        end = &mut rest => end,
        () = first.crashed() => {
            drop(operator);
            bed.frees_lease().await;
            let operator = bed.operator_with(second.clone(), Clock::from(two_seconds_on)).await;
            let end = rest.await;
            drop(operator);
            end
        }
    };
    let mut writes = first.writes();
    writes.extend(second.writes());
    (end, writes)
}

/// What people do, whether or not the operator dies meanwhile; and the end of it.
async fn rest(life: Life, bed: &Bed, alice: &Person, bob: &Person, request: &Filed) -> End {
    request.becomes(Screened::Complete).await;
    if life.is_at_once() {
        return end(bed, is_given_at_once(life, alice, bob, request).await).await;
    }
    let decision = if life == Life::IsDenied { "Deny" } else { "Approve" };
    bob.decides(request, json!({"step": "service-owner", "decision": decision})).await.unwrap();
    let grant = request.recorded().await;
    if life == Life::IsDenied {
        return end(bed, grant.becomes(Outcome::Denied).await).await;
    }
    if life == Life::IsATrial {
        return end(bed, grant.becomes(Outcome::DryRun).await).await;
    }
    let promised = grant.becomes(BeginReason::Bound).await.spec.expires_at;
    match life {
        Life::IsClosed | Life::IsClosedOut | Life::IsClosedOutLate => alice.closes(request, "").await.unwrap(),
        Life::IsDeletedWhileActive => request.is_deleted_by(&bed.admin).await,
        Life::GoesOn => goes_on(alice, request).await,
        Life::Expires | Life::IsDenied | Life::IsATrial | Life::IsAtOnce | Life::GoesOnAtOnce => {}
    }
    let record = match life {
        Life::IsClosedOut | Life::IsClosedOutLate => is_closed_out(life, alice, &grant).await,
        _ => ended(&grant).await,
    };
    if life != Life::IsDeletedWhileActive {
        assert_eq!(request.now().await.status.unwrap().expires_at, promised, "the request was told the same end");
    }
    assert!(!alice.may("get", "pods/log").await);
    assert_eq!(record.spec.expires_at, promised, "when it ends was decided once");
    is_complete(&record);
    end(bed, record).await
}

/// The second access begins, with its end fixed once; then both are closed.
async fn goes_on(alice: &Person, request: &Filed) {
    request.becomes(SecondStage::Agreed).await;
    request.becomes(BeginReason::Bound).await;
    alice.starts(request, "The worker holds a stale lock since the deploy: a restart frees it.").await.unwrap();
    let second = request.recorded_again().await;
    let promised = second.becomes(BeginReason::Bound).await.spec;
    assert_eq!((promised.expires_at.unwrap().get() - promised.not_before.get()).num_seconds(), 600);
    assert!(alice.may("delete", "pods").await);
    alice.closes(request, "").await.unwrap();
    let record = ended(&second).await;
    assert_eq!(
        request.now().await.status.unwrap().then_expires_at,
        promised.expires_at,
        "the request was told the same"
    );
    assert!(!alice.may("delete", "pods").await);
    is_complete(&record);
}

/// The access begins before anybody has agreed, and goes on by a second record, with its end fixed once; then it is closed.
async fn is_given_at_once(life: Life, alice: &Person, kim: &Person, request: &Filed) -> AccessGrant {
    let first = request.recorded().await;
    let given = first.becomes(BeginReason::Bound).await.spec;
    assert!(given.provisional && alice.may("get", "pods/log").await);
    first.becomes(DutiesMet::Open).await;
    writes(alice, &first, emergency::note()).await.unwrap();
    request.becomes(Approved::AtOnce).await;
    until("somebody is asked", || async { (!request.now().await.status?.waiting_for.is_empty()).then_some(()) }).await;
    kim.decides(request, emergency::agrees()).await.unwrap();
    let rest = request.recorded_again().await;
    let promised = rest.record().await.spec;
    assert_eq!(Some(promised.not_before), given.expires_at, "from when the first one ends");
    if life == Life::GoesOnAtOnce {
        is_complete(&first.becomes(EndReason::Expired).await);
        rest.becomes(BeginReason::Bound).await;
        assert!(alice.may("get", "pods/log").await);
    }
    alice.closes(request, "").await.unwrap();
    let record = ended(&rest).await;
    ended(&first).await;
    assert_eq!(record.spec, promised, "decided once");
    assert_eq!(
        request.now().await.status.unwrap().expires_at,
        promised.expires_at,
        "the request was told the same end"
    );
    assert!(!alice.may("get", "pods/log").await);
    is_complete(&record);
    record
}

/// The close-out is written once it is owed, or once it is overdue, and is accepted.
async fn is_closed_out(life: Life, alice: &Person, grant: &Granted) -> AccessGrant {
    ended(grant).await;
    if life == Life::IsClosedOutLate {
        grant.becomes(DutiesMet::Overdue).await;
    }
    writes(alice, grant, closeout("alice")).await.unwrap();
    grant.becomes(DutiesMet::Met).await
}

async fn ended(grant: &Granted) -> AccessGrant {
    grant.becomes(RemovalVerified::Removed).await
}

async fn end(bed: &Bed, record: AccessGrant) -> End {
    until("nothing is left", || async {
        (bed.bindings().await.is_empty() && bed.fuses().await.is_empty()).then_some(())
    })
    .await;
    let status = record.status.unwrap();
    let seconds = record.spec.expires_at.map(|end| (end.get() - record.spec.not_before.get()).num_seconds());
    End {
        outcome: record.spec.outcome,
        reason: status.end_reason,
        by: status.ended_by,
        began: status.started_at.is_some(),
        seconds,
        records: bed.grants().await.len(),
        duties: status.duties_state,
        was_late: status.flags.iter().any(|flag| flag.type_ == FlagType::DutyOverdue && flag.cleared_by.is_some()),
    }
}

/// The undisturbed life, then one for each write and cut.
async fn survives(life: Life) {
    let test = |suffix: &str| format!("crash-{life:?}-{suffix}").to_lowercase();
    let trail = Trail::begins(&Connection::from_env().unwrap());
    let (undisturbed, writes) = live(life, &test("0"), Faults::none()).await;
    println!("{life:?}, {} writes: {writes:#?}", writes.len());
    assert!(writes.len() >= 3, "the writes were counted");
    let cuts = (life.from(&writes)..=writes.len()).flat_map(|n| life.cuts().iter().map(move |cut| (n, *cut)));
    let lives = cuts.map(|(n, cut)| {
        let (undisturbed, writes) = (&undisturbed, &writes);
        async move {
            let _turn = AT_ONCE.acquire().await.unwrap();
            let name = test(&format!("{n}{}", if cut == Cut::BeforeItIsSent { 'b' } else { 'a' }));
            let (end, all) = live(life, &name, Faults::crash(n, cut)).await;
            let at = format!("{life:?}: died {cut:?}, write {n} ({})", writes[n - 1]);
            assert_eq!(end, *undisturbed, "{at}");
            compare(&all, writes, life.grants(), &at);
        }
    });
    let lived = 1 + futures::future::join_all(lives).await.len();
    all_is_made_once(&trail, &test(""), lived * life.grants(), lived * life.bound());
}

/// For none of these grants was a record, a fuse or a binding made twice, nor the latter two where nothing began.
fn all_is_made_once(trail: &Trail, prefix: &str, lives: usize, most: usize) {
    let made = made(trail, prefix);
    let count = |what: &str| made.iter().filter(|((_, resource, _), _)| resource == what).count();
    let of_each = (count("accessgrants"), count("jobs"), count("rolebindings"));
    assert!(of_each.0 <= lives && of_each.1 <= most && of_each.2 <= most, "{prefix}: {of_each:?} in {lives} lives");
    // A call that the crash cut off while it was under way may be stored, and yet be in the log as cancelled.
    assert!(of_each.0 * 2 > lives && of_each.2 * 2 >= most, "{prefix}: the log was not read: {of_each:?}");
    let twice: Vec<_> = made.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "made more than once: {twice:?}");
}

/// What the audit log says was made in namespaces of this prefix: how often, by namespace, resource and name.
fn made(trail: &Trail, prefix: &str) -> BTreeMap<(String, String, String), usize> {
    let mut made = BTreeMap::new();
    for event in trail.events(prefix) {
        let of = |field: &str| event["objectRef"][field].as_str().unwrap_or_default().to_owned();
        // A record is cluster-scoped: its name begins with the namespace.
        let place = if of("namespace").is_empty() { of("name") } else { of("namespace") };
        let resource = of("resource");
        let is_trial = event["requestURI"].as_str().is_some_and(|uri| uri.contains("dryRun"));
        let is_ours = !is_trial
            && ["accessgrants", "jobs", "rolebindings"].contains(&resource.as_str())
            && place.starts_with(prefix);
        if is_ours && event["verb"] == "create" && event["responseStatus"]["code"] == 201 {
            let place = place.split('.').next().unwrap_or_default().to_owned();
            *made.entry((place, resource, of("name"))).or_insert(0) += 1;
        }
    }
    made
}

/// Nothing is written over and over.
fn compare(all: &[String], undisturbed: &[String], grants: usize, at: &str) {
    let count = |writes: &[String], what: &str| writes.iter().filter(|w| kind(w) == what).count();
    for what in undisturbed.iter().map(|w| kind(w)).collect::<BTreeSet<_>>() {
        let more = match what.split_once(' ') {
            Some(("POST", _)) => AGAIN,
            Some(("DELETE", _)) => DELETES * grants,
            _ => STATUSES * grants,
        };
        let (found, expected) = (count(all, &what), count(undisturbed, &what));
        assert!(found <= expected + more, "{at}: {what}: {found}, undisturbed {expected}: {all:#?}");
    }
    assert!(all.iter().all(|w| undisturbed.iter().any(|u| kind(u) == kind(w))), "{at}: another write: {all:#?}");
}
/// `POST rolebindings`, `PATCH accessgrants`, …
fn kind(write: &str) -> String {
    let (method, path) = write.split_once(' ').unwrap();
    let plurals = ["accessrequests", "accessgrants", "rolebindings", "jobs"];
    let plural = plurals.into_iter().find(|plural| path.split('/').any(|part| part == *plural)).unwrap_or(path);
    format!("{method} {plural}")
}

#[tokio::test]
async fn a_crash_at_any_write_changes_nothing_when_time_ends_it() {
    survives(Life::Expires).await;
}

#[tokio::test]
async fn a_crash_at_any_write_changes_nothing_when_it_is_closed() {
    survives(Life::IsClosed).await;
}

#[tokio::test]
async fn g3_a_crash_at_any_write_changes_nothing_when_it_is_closed_out() {
    survives(Life::IsClosedOut).await;
}

#[tokio::test]
async fn h12_a_crash_at_any_write_changes_nothing_when_it_is_closed_out_late() {
    survives(Life::IsClosedOutLate).await;
}

#[tokio::test]
async fn a_crash_at_any_write_changes_nothing_when_it_is_denied() {
    survives(Life::IsDenied).await;
}

#[tokio::test]
async fn i8_a_crash_at_any_write_of_a_trial_grants_nothing() {
    survives(Life::IsATrial).await;
}

#[tokio::test]
async fn a_crash_at_any_write_changes_nothing_when_its_request_is_deleted() {
    survives(Life::IsDeletedWhileActive).await;
}

#[tokio::test]
async fn h10_a_crash_at_any_write_changes_nothing_when_access_comes_at_once() {
    survives(Life::IsAtOnce).await;
}

#[tokio::test]
async fn h10_a_crash_at_any_write_changes_nothing_when_what_came_at_once_goes_on() {
    survives(Life::GoesOnAtOnce).await;
}

#[tokio::test]
async fn b23_a_crash_at_any_write_changes_nothing_when_a_second_access_follows() {
    survives(Life::GoesOn).await;
}
