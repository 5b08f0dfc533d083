//! Whoever is told outside the cluster: one receiver, by HTTP. Nothing depends on what it answers.
use super::connect::{self, NoWay};
use crate::decide::Notify;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode, Uri};
use kube::client::Body;
use kube::{Client, Config};
use std::path::PathBuf;
use std::time::Duration;

/// How long one delivery may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// What became of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It was taken.
    Taken,
    /// Another try may do better.
    Later(String),
    /// The receiver does not want it.
    Never(String),
}

/// The receiver, as the installation names it.
#[derive(Clone)]
pub struct Receiver {
    client: Client,
    path: Uri,
    token: Option<PathBuf>,
    deadline: Duration,
}
impl Receiver {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When the configuration makes no client.
    pub fn new(to: &Notify) -> Result<Self, NoWay> {
        // The client puts paths after the address it is made with.
        let mut parts = to.url.clone().into_parts();
        let path = parts.path_and_query.replace(http::uri::PathAndQuery::from_static("/"));
        let path = path.map(Uri::from).unwrap_or_default();
        let mut config = Config::new(Uri::from_parts(parts).unwrap_or_default());
        config.root_cert_file.clone_from(&to.ca);
        let client = connect::client(connect::bounded(config))?;
        Ok(Self { client, path, token: to.token.clone(), deadline: DEADLINE })
    }
    /// The same with so long for one delivery.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }
    /// Delivers one CloudEvent.
    pub async fn post(&self, body: &str) -> Posted {
        let sent = async {
            let mut request = Request::post(self.path.clone())
                .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
                .body(Body::from(body.as_bytes().to_vec()))
                .map_err(|error| error.to_string())?;
            if let Some(bearer) = self.bearer().await? {
                request.headers_mut().insert(AUTHORIZATION, bearer);
            }
            Ok(self.client.send(request).await.map_err(|error| words(&error))?.status())
        };
        match tokio::time::timeout(self.deadline, sent).await {
            Err(_) => Posted::Later(format!("no answer within {}s", self.deadline.as_secs())),
            Ok(Err(why)) => Posted::Later(why),
            Ok(Ok(status)) if status.is_success() => Posted::Taken,
            Ok(Ok(status)) if may_pass(status) => Posted::Later(status.to_string()),
            Ok(Ok(status)) => Posted::Never(status.to_string()),
        }
    }
    /// Read each time: a Secret may be renewed.
    async fn bearer(&self) -> Result<Option<HeaderValue>, String> {
        let Some(file) = &self.token else { return Ok(None) };
        let token =
            tokio::fs::read_to_string(file).await.map_err(|error| format!("the token cannot be read: {error}"))?;
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", token.trim())).map_err(|_| "the token is none".to_owned())?;
        bearer.set_sensitive(true);
        Ok(Some(bearer))
    }
}

/// Whether the same may be taken later. A token that is not known yet may be.
fn may_pass(status: StatusCode) -> bool {
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS, StatusCode::UNAUTHORIZED];
    status.is_server_error() || passing.contains(&status)
}
fn words(error: &kube::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
