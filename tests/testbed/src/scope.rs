//! Shows an operator one namespace of a shared control plane, so that every test has an operator of its own.
//!
//! Lists and watches over all namespaces become lists and watches of the test's; the operator has no such switch.
use http::Request;
use kube::client::Body;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// The label of the policies that a test makes: its namespace.
pub const POLICY_LABEL: &str = "bed";

/// The namespace that is shown.
#[derive(Clone)]
pub struct Scope(pub String);
impl<S> Layer<S> for Scope {
    type Service = Scoped<S>;
    fn layer(&self, inner: S) -> Scoped<S> {
        Scoped { inner, namespace: self.0.clone() }
    }
}

/// A client's service that sees one namespace.
#[derive(Clone)]
pub struct Scoped<S> {
    inner: S,
    namespace: String,
}
impl<S: Service<Request<Body>>> Service<Request<Body>> for Scoped<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }
    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        if request.method() == http::Method::GET
            && let Ok(uri) = narrowed(&request.uri().to_string(), &self.namespace).parse()
        {
            *request.uri_mut() = uri;
        }
        self.inner.call(request)
    }
}

/// The same list or watch, of one namespace.
fn narrowed(uri: &str, namespace: &str) -> String {
    let Some((path, query)) = uri.split_once('?') else { return uri.to_owned() };
    for plural in ["accessrequests", "jobs", "rolebindings"] {
        if let Some(group) = path.strip_suffix(&format!("/{plural}")).filter(|g| !g.contains("/namespaces/")) {
            return format!("{group}/namespaces/{namespace}/{plural}?{query}");
        }
    }
    let selected = |field: &str, selector: &str| {
        let (mut parts, mut found) = (vec![], false);
        for part in query.split('&').filter(|p| !p.is_empty()) {
            match part.strip_prefix(&format!("{selector}=")) {
                Some(value) => {
                    found = true;
                    parts.push(format!("{selector}={value}%2C{field}%3D{namespace}"));
                }
                None => parts.push(part.to_owned()),
            }
        }
        if !found {
            parts.push(format!("{selector}={field}%3D{namespace}"));
        }
        format!("{path}?{}", parts.join("&"))
    };
    match path.rsplit('/').next() {
        Some("accessgrants") => selected("spec.namespace", "fieldSelector"),
        Some("accesspolicies") => selected(POLICY_LABEL, "labelSelector"),
        Some("namespaces") => selected("metadata.name", "fieldSelector"),
        _ => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::narrowed;

    #[test]
    fn lists_and_watches_are_narrowed_and_reads_are_not() {
        let rows = [
            (
                "/apis/curfew.dev/v1alpha1/accessrequests?&watch=true",
                "/apis/curfew.dev/v1alpha1/namespaces/ns/accessrequests?&watch=true",
            ),
            (
                "/apis/curfew.dev/v1alpha1/accessgrants?limit=500",
                "/apis/curfew.dev/v1alpha1/accessgrants?limit=500&fieldSelector=spec.namespace%3Dns",
            ),
            (
                "/apis/curfew.dev/v1alpha1/accessgrants?fieldSelector=spec.user%3Dalice",
                "/apis/curfew.dev/v1alpha1/accessgrants?fieldSelector=spec.user%3Dalice%2Cspec.namespace%3Dns",
            ),
            (
                "/apis/curfew.dev/v1alpha1/accesspolicies?",
                "/apis/curfew.dev/v1alpha1/accesspolicies?labelSelector=bed%3Dns",
            ),
            ("/apis/batch/v1/namespaces/other/jobs?limit=1", "/apis/batch/v1/namespaces/other/jobs?limit=1"),
            ("/apis/curfew.dev/v1alpha1/accessgrants/name", "/apis/curfew.dev/v1alpha1/accessgrants/name"),
        ];
        for (uri, expected) in rows {
            assert_eq!(narrowed(uri, "ns"), expected);
        }
    }
}
