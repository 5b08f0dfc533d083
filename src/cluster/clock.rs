//! The API server's clock.
use super::{Cluster, Error, Operation};
use chrono::{DateTime, Utc};
use http::{Request, header::DATE};
use kube::client::Body;

impl Cluster {
    /// What the API server's clock said when it answered, in whole seconds; `None`: it did not say.
    ///
    /// Any answer of it will do, a refusal too; one that may be a proxy's (5xx) will not.
    ///
    /// # Errors
    /// When nothing answered.
    pub async fn server_date(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let request = Request::get("/version").body(Body::empty()).map_err(kube::Error::HttpError);
        let answer = self
            .call(Operation::ReadClock, async {
                let answer = self.client.send(request?).await?;
                let (parts, body) = answer.into_parts();
                // A connection whose answer was read to its end is used again.
                http_body_util::BodyExt::collect(body).await?;
                Ok(parts)
            })
            .await?;
        if answer.status.is_server_error() {
            return Ok(None);
        }
        let date = answer.headers.get(DATE).and_then(|d| d.to_str().ok());
        Ok(date.and_then(|d| DateTime::parse_from_rfc2822(d).ok()).map(|d| d.to_utc()))
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use kube::Client;

    #[tokio::test]
    async fn the_servers_date_is_read_and_nonsense_is_none() {
        for (header, seconds) in
            [(Some("Mon, 23 Nov 2026 20:30:00 GMT"), Some(1_795_465_800)), (Some("soon"), None), (None, None)]
        {
            let service = tower::service_fn(move |_: http::Request<Body>| async move {
                let answer = http::Response::builder();
                let answer = header.into_iter().fold(answer, |answer, date| answer.header(DATE, date));
                answer.body(Body::empty())
            });
            let said = Cluster::new(Client::new(service, "default")).server_date().await.unwrap();
            assert_eq!(said.map(|d| d.timestamp()), seconds, "{header:?}");
        }
    }
}
