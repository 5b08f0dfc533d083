//! Tells the world what changed: one line, one Event and one count per transition. Best effort: it never changes an
//! outcome, and never holds up who tells.
use super::{Cluster, Error, Operation};
use crate::api::grant::TimelineEntry;
use crate::api::names::{FIELD_MANAGER, TIMELINE_ANNOTATION};
use crate::api::reasons::{
    Approved, BeginReason, DutiesMet, EndReason, Outcome, Ready, Reason, RemovalVerified, Screened, SecondStage,
};
use crate::api::time;
use crate::decide::Now;
use crate::decide::transition::Transition;
use crate::telemetry::{Health, Metrics};
use chrono::TimeDelta;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::{Api, PostParams};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many Events may wait to be written.
const QUEUE: usize = 1000;
/// How long an Event may wait for the ends of others.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a note may be, in bytes.
const NOTE: usize = 1024;
/// Where Kubernetes keeps the Events of objects that have no namespace.
const NAMESPACE_OF_CLUSTER_SCOPED: &str = "default";

/// Publishes transitions: a handle, cheap to clone.
#[derive(Clone)]
pub struct Teller {
    queue: mpsc::Sender<Event>,
    metrics: Metrics,
    pod: Arc<str>,
}
impl Teller {
    /// A teller, and the future that writes its Events; that ends when all handles are gone and everything is written.
    pub fn new(
        cluster: Cluster,
        metrics: Metrics,
        health: Health,
        pod: &str,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = write(cluster, metrics.clone(), health, waiting);
        (Self { queue, metrics, pod: pod.into() }, writer)
    }

    /// Publishes the transitions of one object, as of `now`. Returns at once, whatever the API server does.
    pub fn tell<K: Resource<DynamicType = ()>>(&self, now: Now, object: &K, transitions: &[Transition]) {
        self.tell_of(now, &object.object_ref(&()), transitions);
    }
    /// The same where only a reference is at hand. It needs kind, API version, name and UID, and the namespace if the
    /// kind has one.
    pub fn tell_of(&self, now: Now, about: &ObjectReference, transitions: &[Transition]) {
        self.publish(now, about, transitions, None);
    }
    /// The same with the head of the record's timeline: kept elsewhere, it shows whether the record is still that one.
    pub fn tell_with_head<K: Resource<DynamicType = ()>>(
        &self,
        now: Now,
        record: &K,
        transitions: &[Transition],
        head: Option<&TimelineEntry>,
    ) {
        self.publish(now, &record.object_ref(&()), transitions, head);
    }

    fn publish(&self, now: Now, about: &ObjectReference, transitions: &[Transition], head: Option<&TimelineEntry>) {
        let of = |part: &Option<String>| part.clone().unwrap_or_default();
        let (kind, namespace) = (of(&about.kind), of(&about.namespace));
        for (nth, t) in (0..).zip(transitions) {
            // Never the message: it may quote what people wrote (B25).
            tracing::info!(
                kind,
                namespace,
                name = of(&about.name),
                uid = of(&about.uid),
                condition = t.condition,
                status = t.status,
                reason = t.reason,
                timeline = head.map(|head| head.seq),
                digest = head.map(|head| head.digest.as_str()),
                "transition"
            );
            self.metrics.transition(&kind, t);
            // `kubectl events` sorts by time: what became true in one pass keeps its order.
            let now = Now { wall: now.wall + TimeDelta::microseconds(nth), ..now };
            if self.queue.try_send(with_head(event(now, about, t, &self.pod), head)).is_err() {
                self.metrics.event_dropped();
            }
        }
    }
}

async fn write(cluster: Cluster, metrics: Metrics, health: Health, mut waiting: mpsc::Receiver<Event>) {
    while let Some(event) = waiting.recv().await {
        drop(tokio::time::timeout(PATIENCE, health.calm()).await);
        let name = event.metadata.name.clone().unwrap_or_default();
        if let Err(error) = cluster.publish(&event).await {
            metrics.failed_call(error.label());
            metrics.event_dropped();
            let why = error.words().map_or_else(|| error.to_string(), str::to_owned);
            tracing::warn!(operation = error.label(), name, "an Event was not written: {why}");
        }
    }
}

impl Cluster {
    /// Writes one Event; one of that name is the same Event.
    async fn publish(&self, event: &Event) -> Result<(), Error> {
        let namespace = event.metadata.namespace.as_deref().unwrap_or(NAMESPACE_OF_CLUSTER_SCOPED);
        let events = Api::<Event>::namespaced(self.client.clone(), namespace);
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
        match self.call(Operation::WriteEvent, events.create(&params, event)).await {
            Err(error) if error.code() == Some(409) => Ok(()),
            done => done.map(drop),
        }
    }
}

/// The Event of one transition. Its name follows from what it says and when: the same news is the same Event, and news
/// that differ only in their note are two.
fn event(now: Now, about: &ObjectReference, t: &Transition, pod: &str) -> Event {
    let at = now.for_record();
    let said =
        [about.uid.as_deref().unwrap_or_default(), &t.condition, &t.status, &t.reason, &t.message, &at.to_string()];
    let digest = Sha256::digest(said.join("\n"));
    let suffix: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{suffix}", about.name.as_deref().unwrap_or_default())),
            namespace: Some(about.namespace.clone().unwrap_or_else(|| NAMESPACE_OF_CLUSTER_SCOPED.into())),
            ..Default::default()
        },
        type_: Some(if is_warning(t) { "Warning" } else { "Normal" }.into()),
        reason: Some(t.reason.clone()),
        action: Some(t.condition.clone()),
        note: Some(note(&t.message)),
        regarding: Some(about.clone()),
        event_time: time::micro(now.wall),
        reporting_controller: Some(FIELD_MANAGER.into()),
        reporting_instance: Some(pod.chars().take(128).collect()),
        ..Default::default()
    }
}

/// `SEQ DIGEST` of the head, as an annotation: it is for programs.
fn with_head(mut event: Event, head: Option<&TimelineEntry>) -> Event {
    let mark = head.map(|head| (TIMELINE_ANNOTATION.to_owned(), format!("{} {}", head.seq, head.digest)));
    event.metadata.annotations = mark.map(|mark| [mark].into());
    event
}

/// What happens as it should. Everything else is a warning, so that a new reason is rather too loud than too quiet.
fn is_warning(t: &Transition) -> bool {
    fn says<R: Reason>(t: &Transition, reasons: &[R]) -> bool {
        t.condition == R::CONDITION && reasons.iter().any(|r| t.reason == Into::<&'static str>::into(*r))
    }
    let expected = says(t, &[Ready::Complete])
        || says(t, &[Screened::Complete, Screened::DetailRequested])
        || says(t, &[Approved::Waiting, Approved::StepsMet, Approved::Withdrawn])
        || says(t, &[SecondStage::Agreed, SecondStage::Started, SecondStage::Lapsed])
        || says(t, &[BeginReason::Scheduled, BeginReason::Preparing, BeginReason::Bound])
        || says(t, &[Outcome::Approved, Outcome::Withdrawn, Outcome::DryRun])
        || says(t, &[EndReason::Expired, EndReason::Closed, EndReason::NamespaceDeleted])
        || says(t, &[RemovalVerified::Removed, RemovalVerified::HeldByAnother])
        || says(t, &[DutiesMet::Open, DutiesMet::Met, DutiesMet::Waived, DutiesMet::NothingOwed]);
    !expected
}

/// On one line, as a message may quote people, who could else make up further lines of their own; at most [`NOTE`]
/// bytes, cut between characters.
fn note(message: &str) -> String {
    let message = message.replace(char::is_control, " ");
    if message.len() <= NOTE {
        return message;
    }
    let end = (0..=NOTE - '…'.len_utf8()).rev().find(|i| message.is_char_boundary(*i)).unwrap_or_default();
    format!("{}…", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reasons;
    use chrono::DateTime;
    use http::{Request, Response, StatusCode};
    use http_body_util::BodyExt;
    use kube::Client;
    use kube::client::Body;
    use std::sync::Mutex;

    fn now() -> Now {
        Now { wall: DateTime::from_timestamp(1_795_000_000, 999_000_000).unwrap(), server_ahead: TimeDelta::zero() }
    }
    fn about(namespace: Option<&str>) -> ObjectReference {
        ObjectReference {
            api_version: Some("curfew.dev/v1alpha1".into()),
            kind: Some("AccessGrant".into()),
            name: Some("billing.sup-4812.7f3a2c1b".into()),
            namespace: namespace.map(Into::into),
            uid: Some("7f3a2c1b-0000-0000-0000-000000000000".into()),
            ..Default::default()
        }
    }
    fn change(condition: &str, reason: &str, message: &str) -> Transition {
        Transition {
            condition: condition.into(),
            status: "True".into(),
            reason: reason.into(),
            before: String::new(),
            message: message.into(),
        }
    }
    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.text()).unwrap()
    }
    type Sent = Arc<Mutex<Vec<(String, serde_json::Value)>>>;
    /// An API server that says this to every write, and what was sent to it.
    fn server(status: StatusCode) -> (Cluster, Sent) {
        let sent = Sent::default();
        let seen = sent.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let seen = seen.clone();
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.unwrap().to_bytes();
                seen.lock().unwrap().push((path, serde_json::from_slice(&body).unwrap()));
                let words = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "message": "said no", "reason": "Forbidden", "code": status.as_u16()});
                let body = if status.is_success() { body.to_vec() } else { words.to_string().into_bytes() };
                Ok::<_, std::convert::Infallible>(Response::builder().status(status).body(Body::from(body)).unwrap())
            }
        });
        (Cluster::new(Client::new(service, "default")), sent)
    }

    #[tokio::test]
    async fn an_event_says_what_changed_where_people_look_for_it() {
        let (cluster, sent) = server(StatusCode::CREATED);
        let (teller, writer) = Teller::new(cluster, Metrics::new(), Health::new(), "curfew-0");
        let bound = change("Active", "Bound", "until 2026-11-21T05:35:00Z");
        teller.tell_of(now(), &about(None), std::slice::from_ref(&bound));
        teller.tell_of(now(), &about(Some("billing")), &[bound]);
        drop(teller);
        writer.await;
        let sent = sent.lock().unwrap();
        let (path, event) = &sent[0];
        assert_eq!(
            path, "/apis/events.k8s.io/v1/namespaces/default/events",
            "where objects without a namespace have theirs"
        );
        assert_eq!(sent[1].0, "/apis/events.k8s.io/v1/namespaces/billing/events");
        for (field, value) in [
            ("/type", "Normal"),
            ("/reason", "Bound"),
            ("/action", "Active"),
            ("/note", "until 2026-11-21T05:35:00Z"),
            ("/reportingController", "curfew"),
            ("/reportingInstance", "curfew-0"),
            ("/regarding/kind", "AccessGrant"),
            ("/regarding/uid", "7f3a2c1b-0000-0000-0000-000000000000"),
            ("/metadata/namespace", "default"),
            ("/eventTime", "2026-11-18T11:06:40.999000Z"),
        ] {
            assert_eq!(event.pointer(field).and_then(|v| v.as_str()), Some(value), "{field} of {event}");
        }
    }
    #[tokio::test]
    async fn j13_the_head_of_a_timeline_is_in_each_event_of_its_record() {
        let (cluster, sent) = server(StatusCode::CREATED);
        let (teller, writer) = Teller::new(cluster, Metrics::new(), Health::new(), "curfew-0");
        let entry = serde_json::json!({"seq": 7, "at": "2026-12-01T09:00:00Z", "what": "Active=True/Bound", "by": "curfew", "digest": "ab".repeat(32)});
        let head: TimelineEntry = serde_json::from_value(entry).unwrap();
        let bound = change("Active", "Bound", "");
        teller.publish(now(), &about(None), std::slice::from_ref(&bound), Some(&head));
        teller.tell_of(now(), &about(None), &[bound]);
        drop(teller);
        writer.await;
        let sent = sent.lock().unwrap();
        assert_eq!(
            sent[0].1["metadata"]["annotations"],
            serde_json::json!({TIMELINE_ANNOTATION: format!("7 {}", "ab".repeat(32))})
        );
        assert!(sent[1].1["metadata"].get("annotations").is_none());
    }
    #[tokio::test]
    async fn what_became_true_in_one_pass_is_told_in_its_order() {
        let (cluster, sent) = server(StatusCode::CREATED);
        let (teller, writer) = Teller::new(cluster, Metrics::new(), Health::new(), "curfew-0");
        teller.tell_of(now(), &about(None), &[change("Screened", "Complete", ""), change("Approved", "Waiting", "")]);
        drop(teller);
        writer.await;
        let times: Vec<_> = sent.lock().unwrap().iter().map(|(_, event)| event["eventTime"].to_string()).collect();
        assert!(times.len() == 2 && times[0] < times[1], "{times:?}");
    }
    #[tokio::test]
    async fn events_give_way_to_many_ends_but_not_for_ever() {
        let (cluster, sent) = server(StatusCode::CREATED);
        let health = Health::new();
        let (teller, writer) = Teller::new(cluster, Metrics::new(), health.clone(), "curfew-0");
        health.rush(true);
        let began = std::time::Instant::now();
        teller.tell_of(now(), &about(None), &[change("Active", "Bound", "1")]);
        drop(teller);
        writer.await;
        assert!(began.elapsed() >= PATIENCE && sent.lock().unwrap().len() == 1);
    }
    #[test]
    fn the_same_news_is_the_same_event_and_other_news_is_another() {
        let later = Now { wall: now().wall + TimeDelta::seconds(1), ..now() };
        let name = |now, t: &Transition| event(now, &about(None), t, "curfew-0").metadata.name.unwrap();
        let first = name(now(), &change("Active", "NamespaceFull", "200 of 200"));
        assert_eq!(first, name(now(), &change("Active", "NamespaceFull", "200 of 200")));
        assert_ne!(first, name(now(), &change("Active", "NamespaceFull", "201 of 200")), "only the note differs");
        assert_ne!(first, name(later, &change("Active", "NamespaceFull", "200 of 200")), "it became true again");
        assert!(first.starts_with("billing.sup-4812.7f3a2c1b.") && first.len() <= 253);
    }
    #[tokio::test]
    async fn g7_a_dead_api_server_holds_nobody_up_and_what_is_lost_is_counted() {
        let service =
            tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, std::io::Error>>());
        let metrics = Metrics::new();
        let (teller, writer) =
            Teller::new(Cluster::new(Client::new(service, "default")), metrics.clone(), Health::new(), "curfew-0");
        let writer = tokio::spawn(writer);
        let many: Vec<_> = (0..QUEUE + 200).map(|i| change("Active", "Bound", &i.to_string())).collect();
        let began = std::time::Instant::now();
        teller.tell_of(now(), &about(None), &many);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        let told = text(&metrics);
        let counted = format!(
            "curfew_transitions_total{{condition=\"Active\",kind=\"AccessGrant\",reason=\"Bound\"}} {}",
            many.len()
        );
        assert!(told.contains(&counted) && told.contains("curfew_events_dropped_total 200"), "{told}");
        writer.abort();
    }
    #[tokio::test]
    async fn a_refused_event_is_counted_and_the_next_is_still_written() {
        for (status, lost) in [(StatusCode::FORBIDDEN, 2), (StatusCode::CONFLICT, 0)] {
            let (cluster, sent) = server(status);
            let metrics = Metrics::new();
            let (teller, writer) = Teller::new(cluster, metrics.clone(), Health::new(), "curfew-0");
            teller.tell_of(now(), &about(None), &[change("Active", "Bound", "1"), change("Active", "Expired", "2")]);
            drop(teller);
            writer.await;
            assert_eq!(sent.lock().unwrap().len(), 2);
            let told = text(&metrics);
            assert!(told.contains(&format!("curfew_events_dropped_total {lost}")), "{status}: {told}");
        }
    }
    #[test]
    fn what_is_not_as_it_should_be_is_a_warning() {
        let loud: Vec<String> = reasons::reference()
            .into_iter()
            .filter(|(condition, _, reason, _)| is_warning(&change(condition, reason, "")))
            .map(|(condition, _, reason, _)| format!("{condition}/{reason}"))
            .collect();
        for must in [
            "Ready/NoApprovers",
            "Ready/FuseRefused",
            "Screened/Incomplete",
            "Screened/Refused",
            "Approved/Denied",
            "Approved/TimedOut",
            "Approved/RoleChanged",
            "Active/RoleChanged",
            "Active/RoleGrew",
            "Active/Unguarded",
            "Active/ClockSkew",
            "Active/FuseRefused",
            "Active/BindingRefused",
            "Active/NameTaken",
            "Active/Tampered",
            "Active/Revoked",
            "Active/FuseBurned",
            "Active/BindingDeleted",
            "RemovalVerified/StillAllowed",
            "Active/DutyMissed",
            "DutiesMet/Overdue",
        ] {
            assert!(loud.iter().any(|l| l == must), "{must} is not in {loud:?}");
        }
        for quiet in [
            "Ready/Complete",
            "Screened/Complete",
            "Approved/StepsMet",
            "Active/Scheduled",
            "Active/Bound",
            "Active/Expired",
            "Active/Closed",
            "RemovalVerified/Removed",
            "RemovalVerified/HeldByAnother",
        ] {
            assert!(!loud.iter().any(|l| l == quiet), "{quiet} is a warning");
        }
        assert!(is_warning(&change("Active", "NobodyKnowsThisOne", "")), "unknown news is loud");
    }
    #[test]
    fn a_note_fits_and_is_cut_between_characters() {
        for (message, bytes) in
            [("short".to_owned(), 5), ("x".repeat(1024), 1024), ("x".repeat(1025), 1024), ("ä".repeat(600), 1023)]
        {
            let note = note(&message);
            assert_eq!((note.len(), note.ends_with('…')), (bytes, message.len() > NOTE));
        }
        assert_eq!(note("bob: no\nNormal  Approved\u{1b}[2J"), "bob: no Normal  Approved [2J");
    }
}
