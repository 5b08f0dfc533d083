//! `curfew sweep`: a second way to end access, with rights of its own and no memory.
use super::clock::Clock;
use crate::cluster::{Cluster, Error};
use crate::decide::effect::Outcome;
use crate::decide::sweep::{Leftover, Listed, leftovers};
use std::io::{self, Write};

/// Deletes what has no live grant, bindings first, and prints what went; with `dry_run` it only prints.
///
/// Returns what went wrong, for people; empty when nothing did.
///
/// # Errors
/// When `out` cannot be written to. Everything has been tried by then.
pub async fn sweep(cluster: &Cluster, clock: &Clock, dry_run: bool, out: &mut impl Write) -> io::Result<Vec<String>> {
    let mut failed = Vec::new();
    let listed = list(cluster, &mut failed).await;
    if let Some(Some(date)) = kept(cluster.server_date().await, &mut failed) {
        clock.note_server(date - clock.now().wall);
    }
    let leftovers = leftovers(&listed, clock.now());
    let rows = if dry_run { leftovers } else { delete(cluster, leftovers, &mut failed).await };
    table(&rows, out)?;
    Ok(failed)
}

/// What there is. What something belongs to is made before it: listed in this order, nothing new looks abandoned.
pub(super) async fn list(cluster: &Cluster, failed: &mut Vec<String>) -> Listed {
    Listed {
        bindings: kept(cluster.managed_bindings().await, failed),
        fuses: kept(cluster.managed_fuses().await, failed),
        grants: kept(cluster.records().await, failed),
    }
}

/// Deletes each and returns what went; what did not, and why, is added to `failed`.
pub(super) async fn delete(cluster: &Cluster, leftovers: Vec<Leftover>, failed: &mut Vec<String>) -> Vec<Leftover> {
    let mut gone = Vec::new();
    for leftover in leftovers {
        match cluster.perform(&leftover.effect).await {
            Ok(Outcome::Refused(said)) => failed.push(format!("{}: {said}", place(&leftover))),
            Err(error) => failed.push(format!("{}: {}", place(&leftover), words(&error))),
            Ok(outcome) => {
                let (of, why) = (leftover.identity(), leftover.why.to_string());
                tracing::info!(kind = leftover.name(), namespace = of.namespace, uid = of.uid, ?outcome, why, "swept");
                gone.push(leftover);
            }
        }
    }
    gone
}

pub(super) fn kept<T>(read: Result<T, Error>, failed: &mut Vec<String>) -> Option<T> {
    read.map_err(|error| failed.push(words(&error))).ok()
}
/// What failed and why: the server's own words where it said any, else what lies below.
fn words(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |e| e.source()).last();
    let cause = error.words().map(str::to_owned).or_else(|| causes.map(ToString::to_string));
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
fn place(leftover: &Leftover) -> String {
    format!("{} in {}", leftover.name(), leftover.identity().namespace.as_deref().unwrap_or_default())
}

/// Prints a line for each, with a heading; nothing where there is none.
pub(super) fn table(rows: &[Leftover], out: &mut impl Write) -> io::Result<()> {
    let head = ["NAMESPACE", "NAME", "USER", "WHY"].map(str::to_owned);
    let cells = |l: &Leftover| {
        let user = if l.user.is_empty() { "-".to_owned() } else { l.user.clone() };
        [l.identity().namespace.clone().unwrap_or_default(), l.name(), user, l.why.to_string()]
    };
    let lines: Vec<_> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    for [namespace, name, user, why] in lines.iter().skip(usize::from(rows.is_empty())) {
        writeln!(out, "{namespace:<0$}   {name:<1$}   {user:<2$}   {why}", widths[0], widths[1], widths[2])?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::names::{EXPIRES_ANNOTATION, GRANT_LABEL};
    use chrono::{DateTime, Utc};
    use http::{Method, Request, Response};
    use http_body_util::BodyExt;
    use kube::Client;
    use kube::client::Body;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};

    const NOW: &str = "2026-11-23T20:30:00Z";
    fn clock() -> Clock {
        Clock::from(|| NOW.parse::<DateTime<Utc>>().unwrap())
    }
    /// A binding, or a fuse, of a grant; `uid` is a digit.
    fn child(kind: &str, uid: &str, grant: &str, ends: &str) -> Value {
        let mut object = json!({"metadata": {"name": "curfew-sup-4812-7f3a2c1b", "namespace": "billing", "uid": uid,
            "labels": {GRANT_LABEL: grant}, "annotations": {EXPIRES_ANNOTATION: ends}}});
        if kind == "RoleBinding" {
            object["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "x"});
            object["subjects"] = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]);
        }
        object
    }
    #[derive(Clone)]
    struct World {
        /// By the last part of the path; `None`: 503.
        lists: Vec<(&'static str, Option<Vec<Value>>)>,
        /// Whether deletes are refused.
        refuses: bool,
        asked: Arc<Mutex<Vec<String>>>,
    }
    impl World {
        fn new(bindings: Option<Vec<Value>>, fuses: Option<Vec<Value>>, grants: Option<Vec<Value>>) -> Self {
            let lists = vec![("rolebindings", bindings), ("jobs", fuses), ("accessgrants", grants)];
            Self { lists, refuses: false, asked: Arc::default() }
        }
        /// Lists one object a page, to see that the pages are read.
        fn answer(&self, method: &Method, path: &str, query: &str, body: &Value) -> (u16, Value) {
            let no =
                |code: u16| (code, json!({"kind": "Status", "status": "Failure", "message": "said no", "code": code}));
            self.asked.lock().unwrap().push(format!("{method} {path}?{query} {body}"));
            let last = path.rsplit('/').next().unwrap();
            match (method.as_str(), self.lists.iter().find(|(name, _)| *name == last)) {
                ("DELETE", _) if self.refuses => no(403),
                ("DELETE", _) => (200, json!({"kind": "Status", "status": "Success"})),
                ("GET", Some((_, Some(all)))) => {
                    let at =
                        query.split("continue=").nth(1).map_or(0, |c| c.split('&').next().unwrap().parse().unwrap());
                    let next = if at + 1 < all.len() { (at + 1).to_string() } else { String::new() };
                    let items: Vec<_> = all.get(at).into_iter().collect();
                    (200, json!({"metadata": {"continue": next}, "items": items}))
                }
                ("GET", Some((_, None))) => no(503),
                _ => (200, json!({})),
            }
        }
        async fn sweep(&self, dry_run: bool) -> (String, Vec<String>) {
            let world = self.clone();
            let service = tower::service_fn(move |request: Request<Body>| {
                let world = world.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let body = serde_json::from_slice(&body).unwrap_or_default();
                    let (code, body) =
                        world.answer(&parts.method, parts.uri.path(), parts.uri.query().unwrap_or_default(), &body);
                    Response::builder().status(code).body(Body::from(body.to_string().into_bytes()))
                }
            });
            let mut out = Vec::new();
            let cluster = Cluster::new(Client::new(service, "default"));
            let failed = sweep(&cluster, &clock(), dry_run, &mut out).await.unwrap();
            (String::from_utf8(out).unwrap(), failed)
        }
        fn deletes(&self) -> Vec<String> {
            self.asked.lock().unwrap().iter().filter(|a| a.starts_with("DELETE")).cloned().collect()
        }
    }
    fn abandoned() -> World {
        let children = |kind, uid| Some(vec![child(kind, uid, "gone", "2026-11-23T21:00:00Z")]);
        World::new(children("RoleBinding", "1"), children("Job", "2"), Some(vec![]))
    }

    #[tokio::test]
    async fn g8_what_has_no_grant_is_deleted_binding_first_and_exactly_that() {
        let world = abandoned();
        let (table, failed) = world.sweep(false).await;
        assert_eq!(failed, Vec::<String>::new());
        assert_eq!(
            table,
            "NAMESPACE   NAME                                   USER    WHY\n\
             billing     rolebinding/curfew-sup-4812-7f3a2c1b   alice   its grant does not exist\n\
             billing     job/curfew-sup-4812-7f3a2c1b           -       its grant does not exist\n"
        );
        let deletes = world.deletes();
        assert_eq!(deletes.len(), 2);
        for (delete, (resource, uid)) in deletes.iter().zip([("rolebindings", "1"), ("jobs", "2")]) {
            assert!(delete.contains(&format!("/namespaces/billing/{resource}/curfew-sup-4812-7f3a2c1b?")), "{delete}");
            assert!(delete.contains("\"propagationPolicy\":\"Background\""), "{delete}");
            assert!(delete.contains(&format!("\"preconditions\":{{\"uid\":\"{uid}\"}}")), "{delete}");
        }
    }
    #[tokio::test]
    async fn a_dry_run_prints_the_same_and_deletes_nothing() {
        let (real, dry) = (abandoned(), abandoned());
        assert_eq!(dry.sweep(true).await, real.sweep(false).await);
        assert_eq!(dry.deletes(), Vec::<String>::new());
    }
    #[tokio::test]
    async fn only_labelled_objects_are_asked_for_and_all_pages_are_read() {
        let many = (1..=3).map(|i| child("RoleBinding", &i.to_string(), "gone", "2026-11-23T21:00:00Z")).collect();
        let world = World::new(Some(many), Some(vec![]), Some(vec![]));
        let (table, _) = world.sweep(true).await;
        assert_eq!(table.lines().count(), 4);
        let lists: Vec<_> = world.asked.lock().unwrap().iter().filter(|a| a.contains("limit=500")).cloned().collect();
        assert_eq!(lists.iter().filter(|l| l.contains("/rolebindings?")).count(), 3);
        assert!(
            lists
                .iter()
                .filter(|l| !l.contains("/accessgrants?"))
                .all(|l| l.contains("labelSelector=curfew.dev%2Fgrant"))
        );
    }
    #[tokio::test]
    async fn what_is_past_its_own_end_goes_although_grants_cannot_be_read() {
        let late = vec![child("RoleBinding", "1", "x", NOW), child("RoleBinding", "2", "x", "2026-11-23T20:30:01Z")];
        let world = World::new(Some(late), None, None);
        let (table, failed) = world.sweep(false).await;
        assert!(table.contains("its expires-at is past"), "{table}");
        assert_eq!(world.deletes().len(), 1);
        let why = ["failed to read fuse: said no", "failed to read grant: said no"];
        assert_eq!(failed, why, "that not everything was judged is a failure");
    }
    #[tokio::test]
    async fn what_could_not_be_deleted_is_named_and_not_in_the_table() {
        let world = World { refuses: true, ..abandoned() };
        let (table, failed) = world.sweep(false).await;
        assert_eq!(table, "");
        assert_eq!(failed[0], "rolebinding/curfew-sup-4812-7f3a2c1b in billing: said no");
        assert_eq!(failed.len(), 2, "the second is tried although the first was refused");
    }
    #[tokio::test]
    async fn nothing_to_do_prints_nothing() {
        assert_eq!(World::new(Some(vec![]), Some(vec![]), Some(vec![])).sweep(false).await, (String::new(), vec![]));
    }
}
