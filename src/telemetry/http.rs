//! `/healthz`, `/readyz` and `/metrics`: bounded, so that nobody who reaches the port can hold up the operator.
use super::health::{Found, SILENCE};
use super::{Health, Metrics};
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How many connections are served at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// How long a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(5);
/// How long one connection may last, whatever it does.
const CONNECTION: Duration = Duration::from_secs(60);

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, health: Health, metrics: Metrics) {
    serve_within(listener, health, metrics, HEAD, CONNECTION).await;
}

async fn serve_within(listener: TcpListener, health: Health, metrics: Metrics, head: Duration, all: Duration) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    // Dropped with this future, and then every connection ends.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let one = connection(stream, health.clone(), metrics.clone(), head);
                connections.spawn(async move {
                    // Who is slow or breaks off has only itself to tell.
                    let _ = tokio::time::timeout(all, one).await;
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of file descriptors, say: the next try may do.
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, health: Health, metrics: Metrics, head: Duration) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(request.method(), request.uri().path(), request.uri().query(), &health, &metrics);
        async move { Ok::<_, Infallible>(answer) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(16 * 1024)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(
    method: &Method,
    path: &str,
    query: Option<&str>,
    health: &Health,
    metrics: &Metrics,
) -> Response<Full<Bytes>> {
    let known = matches!(path, "/healthz" | "/readyz" | "/metrics");
    let verbose = query.is_some_and(|q| q.split('&').any(|p| p == "verbose" || p.starts_with("verbose=")));
    match (known, method == Method::GET, path) {
        (false, _, _) => plain(StatusCode::NOT_FOUND, "not found: try /healthz, /readyz or /metrics\n"),
        (true, false, _) => {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            answer
        }
        (true, true, "/healthz") => alive(health),
        (true, true, "/readyz") => ready(health, verbose),
        (true, true, _) => {
            let mut answer = plain(StatusCode::OK, metrics.text());
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(prometheus::TEXT_FORMAT));
            answer
        }
    }
}

fn alive(health: &Health) -> Response<Full<Bytes>> {
    let silence = health.silence();
    if silence <= SILENCE {
        return plain(StatusCode::OK, "ok\n");
    }
    plain(StatusCode::SERVICE_UNAVAILABLE, format!("[-]expiry: silent for {}s\n", silence.as_secs()))
}

fn ready(health: &Health, verbose: bool) -> Response<Full<Bytes>> {
    let checks = health.checks();
    let bad = checks.iter().any(|c| matches!(c.found, Found::Bad(_)));
    let lines = || checks.iter().map(|c| format!("{c}\n")).collect::<String>();
    match (bad, verbose) {
        (true, _) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{}not ready\n", lines())),
        (false, true) => plain(StatusCode::OK, format!("{}ready\n", lines())),
        (false, false) => plain(StatusCode::OK, "ok\n"),
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Fuses, Guard, Standing};
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn server(health: &Health, metrics: &Metrics) -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (head, all) = (Duration::from_millis(200), Duration::from_secs(2));
        let at = listener.local_addr().unwrap();
        (at, tokio::spawn(serve_within(listener, health.clone(), metrics.clone(), head, all)))
    }
    async fn says(at: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream
            .write_all(format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
    fn good(health: &Health) {
        let well = Standing {
            lease_held: true,
            guard: Guard::Intact { epoch: "e1".into() },
            fuses: Fuses::Burn,
            audit: crate::decide::Audit::Absent,
        };
        health.standing().send_replace(well);
        health.has_index(true);
    }

    #[tokio::test]
    async fn each_path_says_what_it_is_for_and_nothing_else_is_served() {
        let (health, metrics) = (Health::new(), Metrics::new());
        let (at, _) = server(&health, &metrics).await;
        for (request, status, words) in [
            ("GET /healthz", 200, "ok"),
            ("GET /readyz", 503, "[-]admission: not looked at yet"),
            ("GET /metrics", 200, "curfew_guard_intact 0"),
            ("GET /metrics?x=y", 200, "# TYPE curfew_expiry_lateness_seconds histogram"),
            ("GET /", 404, "try /healthz"),
            ("GET /healthz/", 404, ""),
            ("POST /", 404, ""),
            ("POST /healthz", 405, "only GET"),
            ("DELETE /metrics", 405, "allow: GET"),
            ("nonsense", 400, ""),
        ] {
            let answer = says(at, request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(words), "{request}: {answer}");
        }
    }
    #[tokio::test]
    async fn it_is_ready_only_while_admission_protects_decisions() {
        let (health, metrics) = (Health::new(), Metrics::new());
        let (at, _) = server(&health, &metrics).await;
        good(&health);
        assert!(says(at, "GET /readyz").await.ends_with("\r\n\r\nok\n"));
        let verbose = says(at, "GET /readyz?verbose").await;
        assert!(verbose.contains("[+]admission ok\n[+]expiry ok\n[+]fuses ok\n[+]lease: held"), "{verbose}");
        health.standing().send_modify(|s| s.guard = Guard::Broken("curfew-bindings: failurePolicy differs".into()));
        let broken = says(at, "GET /readyz").await;
        assert!(broken.starts_with("HTTP/1.1 503"), "{broken}");
        assert!(broken.contains("[-]admission: curfew-bindings: failurePolicy differs"), "{broken}");
        assert!(says(at, "GET /healthz").await.starts_with("HTTP/1.1 200"), "a restart would not help");
    }
    #[tokio::test]
    async fn who_does_not_finish_a_request_is_cut_off() {
        let (at, _) = server(&Health::new(), &Metrics::new()).await;
        let mut slow = TcpStream::connect(at).await.unwrap();
        slow.write_all(b"GET /healthz HTT").await.unwrap();
        let mut answer = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut answer)).await;
        assert!(end.is_ok(), "the connection is open after 5 s");
    }
    #[tokio::test]
    async fn idle_connections_do_not_keep_others_out() {
        let (at, _) = server(&Health::new(), &Metrics::new()).await;
        let mut idle = vec![];
        for _ in 0..CONNECTIONS + 8 {
            idle.push(TcpStream::connect(at).await.unwrap());
        }
        let served = tokio::time::timeout(Duration::from_secs(5), says(at, "GET /healthz")).await;
        assert!(served.unwrap().starts_with("HTTP/1.1 200"));
    }
    #[tokio::test]
    async fn large_heads_are_refused() {
        let (at, _) = server(&Health::new(), &Metrics::new()).await;
        let answer = says(at, &format!("GET /healthz?{}", "x".repeat(60_000))).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
}
