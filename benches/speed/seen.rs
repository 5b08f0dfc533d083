//! When something was committed, as four watches of this process saw it.
use chrono::{DateTime, Utc};
use curfew::api::grant::AccessGrant;
use curfew::api::names::{EXPIRES_ANNOTATION, GRANT_LABEL, REQUEST_LABEL};
use curfew::api::reasons::EndReason;
use curfew::api::request::AccessRequest;
use curfew::cluster::trace::Trace;
use curfew::decide::children;
use futures::StreamExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use strum::VariantArray;
use tokio::sync::watch;

/// How long anything may take to be seen.
const PATIENCE: Duration = Duration::from_secs(120);

/// Something that happens once to a request, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// It was screened and waits for people.
    Waiting,
    FuseMade,
    FuseComplete,
    BindingMade,
    BindingGone,
    /// The record says that access has ended.
    Ended,
}

/// Both clocks: one to measure with, one to compare with what is on record.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub at: Instant,
    pub wall: DateTime<Utc>,
}
impl Moment {
    pub fn now() -> Self {
        Self { at: Instant::now(), wall: Utc::now() }
    }
}

#[derive(Default)]
struct Notes {
    moments: HashMap<(What, String), Moment>,
    ends: HashMap<String, DateTime<Utc>>,
}

/// What was seen so far.
pub struct Seen {
    notes: Mutex<Notes>,
    changed: watch::Sender<()>,
}
impl Seen {
    /// Watches for ever.
    pub fn start(client: &Client) -> Arc<Self> {
        let seen = Arc::new(Self { notes: Mutex::default(), changed: watch::Sender::new(()) });
        seen.follow(client, |seen, request: &Trace<AccessRequest>, _| {
            if request.state() == Some("Waiting") {
                seen.note(What::Waiting, &request.name_any());
            }
        });
        seen.follow(client, |seen, grant: &Trace<AccessGrant>, _| {
            if EndReason::VARIANTS.iter().any(|reason| grant.state() == Some(reason.into())) {
                seen.note_of(What::Ended, grant);
            }
        });
        seen.follow(client, |seen, fuse: &Job, _| {
            seen.note_of(What::FuseMade, fuse);
            if children::burns_at(fuse).is_some() {
                seen.note_of(What::FuseComplete, fuse);
            }
        });
        seen.follow(client, |seen, binding: &RoleBinding, gone| {
            seen.note_end(binding);
            seen.note_of(if gone { What::BindingGone } else { What::BindingMade }, binding);
        });
        seen
    }

    fn follow<K>(self: &Arc<Self>, client: &Client, look: impl Fn(&Self, &K, bool) + Send + 'static)
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let (seen, api) = (self.clone(), Api::<K>::all(client.clone()));
        tokio::spawn(async move {
            let mut events = watcher::watcher(api, watcher::Config::default()).default_backoff().boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object)) => look(&seen, &object, false),
                    Ok(Event::Delete(object)) => look(&seen, &object, true),
                    // After an error everything is listed again: just after the CRDs were installed that happens.
                    Ok(Event::Init | Event::InitDone) | Err(_) => {}
                }
            }
        });
    }

    fn note_of(&self, what: What, object: &impl ResourceExt) {
        if let Some(request) = object.labels().get(REQUEST_LABEL) {
            self.note(what, request);
        }
    }
    fn note(&self, what: What, request: &str) {
        let moment = Moment::now();
        let mut notes = self.notes.lock().unwrap();
        notes.moments.entry((what, request.to_owned())).or_insert(moment);
        drop(notes);
        self.changed.send_replace(());
    }
    fn note_end(&self, binding: &RoleBinding) {
        let Some(request) = binding.labels().get(REQUEST_LABEL).filter(|_| binding.labels().contains_key(GRANT_LABEL))
        else {
            return;
        };
        let end = binding.annotations().get(EXPIRES_ANNOTATION);
        let end = end.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        self.notes.lock().unwrap().ends.extend(end.map(|end| (request.clone(), end.to_utc())));
    }

    /// When it happened, if it was seen.
    pub fn at(&self, what: What, request: &str) -> Option<Moment> {
        self.notes.lock().unwrap().moments.get(&(what, request.to_owned())).copied()
    }
    /// When the access of this request was to end.
    pub fn end(&self, request: &str) -> Option<DateTime<Utc>> {
        self.notes.lock().unwrap().ends.get(request).copied()
    }
    /// Waits for it.
    pub async fn when(&self, what: What, request: &str) -> Moment {
        self.until(&format!("{what:?} of {request}"), || self.at(what, request)).await
    }
    async fn until<T>(&self, what: &str, answer: impl Fn() -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        let waits = async {
            loop {
                if let Some(answer) = answer() {
                    return answer;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waits).await.unwrap_or_else(|_| panic!("never seen: {what}"))
    }
}
