//! Faults between the operator and the API server, as a tower layer round its client.
//!
//! A crash is what a process sees of it: after the n-th write nothing goes out and nothing comes back. The operator under
//! test knows nothing of it; the test drops its future and starts another.
use chrono::{DateTime, TimeDelta};
use http::{Method, Request, Response, header::DATE};
use kube::client::Body;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tower::{BoxError, Layer, Service};

/// Whether the n-th write reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It does not: the process died before it.
    BeforeItIsSent,
    /// It does, but nobody hears of it.
    AfterItIsStored,
}

#[derive(Default)]
struct State {
    writes: Vec<String>,
    refused: Vec<String>,
    stop_at: Option<(usize, Cut)>,
    stop_at_delete: bool,
    stopped: bool,
    server_ahead: TimeDelta,
    held: Option<String>,
}

/// Counts the writes of one operator, and stops it where told.
#[derive(Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    stopped: Arc<Notify>,
    reached: Arc<Notify>,
    released: Arc<Notify>,
}
impl Faults {
    /// Lets everything pass, and counts.
    pub fn none() -> Self {
        Self::default()
    }
    /// Crashes at the n-th write (from 1).
    pub fn crash(at: usize, cut: Cut) -> Self {
        let faults = Self::default();
        faults.state().stop_at = Some((at, cut));
        faults
    }
    /// Hangs for ever from its first DELETE on.
    pub fn hang_at_delete() -> Self {
        let faults = Self::default();
        faults.state().stop_at_delete = true;
        faults
    }
    /// Holds the first write of this method to a path that ends in this plural, until [`Faults::releases`].
    pub fn hold_at(method: Method, plural: &str) -> Self {
        let faults = Self::default();
        faults.state().held = Some(format!("{method} /{plural}"));
        faults
    }
    /// Resolves when that write is held.
    pub async fn held(&self) {
        self.reached.notified().await;
    }
    /// Lets it go on.
    pub fn releases(&self) {
        self.released.notify_one();
    }
    /// Lets everything pass, from an API server whose `Date` is so far ahead.
    pub fn none_of_a_server_ahead(by: TimeDelta) -> Self {
        let faults = Self::default();
        faults.state().server_ahead = by;
        faults
    }
    /// Stops now: nothing goes out and nothing comes back any more.
    pub fn stop(&self) {
        self.state().stopped = true;
        self.stopped.notify_one();
    }
    /// The writes so far, in order: `POST /path`. Those of the lease, of Events and of the fuse test are left out, as
    /// they come by time.
    pub fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }
    /// What the server refused as forbidden by RBAC, as `GET /path`.
    pub fn forbidden(&self) -> Vec<String> {
        self.state().refused.clone()
    }
    /// Resolves when the client has crashed.
    pub async fn crashed(&self) {
        self.stopped.notified().await;
    }
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Whether this write is the one to be held.
    fn holds(&self, method: &Method, path: &str) -> bool {
        let plural = path.rsplit('/').next().unwrap_or_default();
        self.state().held.take_if(|held| *held == format!("{method} /{plural}")).is_some()
    }
    /// Notes a call, and says whether and how it is cut.
    fn judge(&self, method: &Method, path: &str, query: &str) -> Option<Cut> {
        let by_time = ["/leases", "/events", "/configmaps", "accessreviews", "/accesspolicies/"];
        let is_test = path.contains("/jobs/curfew-fuse-test") || path.contains("/namespaces/curfew/jobs");
        let counts =
            method != Method::GET && !query.contains("dryRun") && !is_test && !by_time.iter().any(|p| path.contains(p));
        let mut state = self.state();
        if state.stopped {
            return Some(Cut::BeforeItIsSent);
        }
        if counts {
            state.writes.push(format!("{method} {path}"));
        }
        let at_delete = state.stop_at_delete && method == Method::DELETE;
        let cut = match state.stop_at.filter(|(at, _)| counts && state.writes.len() == *at) {
            Some((_, cut)) => Some(cut),
            None => at_delete.then_some(Cut::BeforeItIsSent),
        };
        state.stopped |= cut.is_some();
        cut
    }
}
impl<S> Layer<S> for Faults {
    type Service = Faulty<S>;
    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty { inner, faults: self.clone() }
    }
}

/// A client's service with faults in front.
#[derive(Clone)]
pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}
impl<S, B> Service<Request<Body>> for Faulty<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let faults = self.faults.clone();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let cut = faults.judge(&method, &path, request.uri().query().unwrap_or_default());
        if cut == Some(Cut::BeforeItIsSent) {
            faults.stopped.notify_one();
            return Box::pin(std::future::pending());
        }
        let is_dry = request.uri().query().is_some_and(|q| q.contains("dryRun"));
        let holds = !is_dry && faults.holds(&method, &path);
        // Nothing is sent before the future is polled.
        let response = self.inner.call(request);
        Box::pin(async move {
            if holds {
                faults.reached.notify_one();
                faults.released.notified().await;
            }
            let response = response.await.map_err(Into::into);
            if response.as_ref().is_ok_and(|r| r.status() == http::StatusCode::FORBIDDEN) {
                faults.state().refused.push(format!("{method} {path}"));
            }
            if cut.is_none() {
                return response.map(|answer| dated(answer, faults.state().server_ahead));
            }
            faults.stopped.notify_one();
            std::future::pending().await
        })
    }
}

/// The same answer, by another clock.
fn dated<B>(mut answer: Response<B>, ahead: TimeDelta) -> Response<B> {
    let said = answer.headers().get(DATE).and_then(|d| DateTime::parse_from_rfc2822(d.to_str().ok()?).ok());
    let other =
        said.filter(|_| !ahead.is_zero()).map(|d| (d.to_utc() + ahead).format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    if let Some(other) = other.and_then(|d| d.parse().ok()) {
        answer.headers_mut().insert(DATE, other);
    }
    answer
}
