//! Live reads and questions. Nothing here changes anything.
use super::people::Which;
use super::trace::Trace;
use super::{Cluster, Error, Operation};
use crate::api::policy::AccessPolicy;
use crate::api::reasons::{BeginReason, DutiesMet, Outcome, Screened};
use crate::api::request::{AccessRequest, Lane};
use crate::api::subject::{RoleKind, RoleRef};
use crate::api::{admission, grant::AccessGrant, names, time};
use crate::decide::at_once;
use crate::decide::duties::{self, Missed};
use crate::decide::effect::{Answer, Question};
use crate::decide::grant::{self, RoleNow};
use crate::decide::request;
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use k8s_openapi::api::{batch::v1::Job, rbac::v1::RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams, Request};
use kube::core::{DeserializeGuard, DynamicObject, PartialObjectMeta, TypeMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{CustomResourceExt, Resource, ResourceExt};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;

/// How long the role of a live grant may take to be read.
const ROLE_DEADLINE: Duration = Duration::from_secs(2);
/// How many objects are read at once. A record takes ten times as much memory while it is decoded as what is kept of it.
const PAGE: u32 = 100;

/// A list of which only the length counts: decoded, the metadata of a thousand grants would take 20 MiB.
#[derive(Deserialize)]
struct Count {
    // `null` where there are none.
    items: Option<Vec<IgnoredAny>>,
}

/// A grant with all that its end is judged by.
#[derive(Debug)]
pub struct Surroundings {
    /// The record.
    pub grant: AccessGrant,
    /// The same as the API server has it, with all that a later release may have written.
    pub written: Value,
    /// The request of the same UID.
    pub request: Option<AccessRequest>,
    /// What has the fuse's name.
    pub fuse: Option<Job>,
    /// What has the binding's name.
    pub binding: Option<RoleBinding>,
    /// Where it holds.
    pub namespace: Option<Namespace>,
    /// What its role gives.
    pub role: RoleNow,
    /// The grant that it renews, or goes on with, while it has not begun.
    pub renewed: Option<AccessGrant>,
    /// The record by which it goes on, where it was given at once.
    pub follower: Option<String>,
}

/// A request with all that it is decided by.
#[derive(Debug)]
pub struct Asked {
    /// The request.
    pub request: AccessRequest,
    /// The policy that it names.
    pub policy: Option<AccessPolicy>,
    /// Its namespace.
    pub namespace: Option<Namespace>,
    /// Its grant, if it was made.
    pub grant: Option<AccessGrant>,
    /// The grant of its second access, or by which it goes on, if it was made.
    pub second: Option<AccessGrant>,
}

impl Cluster {
    /// The grant and what belongs to it, read live; `None`: no such grant. Of one that is over and has no binding, the
    /// record is all that matters.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn grant(&self, name: &str) -> Result<Option<Surroundings>, Error> {
        let grants = Api::<AccessGrant>::all(self.client.clone());
        let Some((grant, written)) = self.decoded_and_written(name).await? else { return Ok(None) };
        let (namespace, of) = (&grant.spec.namespace, &grant.spec.request);
        let child = names::child_of(&grant.spec);
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let requests = Api::<AccessRequest>::namespaced(self.client.clone(), namespace);
        let fuses = Api::<Job>::namespaced(self.client.clone(), namespace);
        let bindings = Api::<RoleBinding>::namespaced(self.client.clone(), namespace);
        if grant::is_over(&grant) && self.call(Operation::ReadBinding, bindings.get_opt(&child)).await?.is_none() {
            let (namespace, request, fuse, binding, renewed, follower) = Default::default();
            let role = RoleNow::Unread;
            return Ok(Some(Surroundings {
                grant,
                written,
                namespace,
                request,
                fuse,
                binding,
                role,
                renewed,
                follower,
            }));
        }
        let renewed = async {
            let begun = grant.status.as_ref().is_some_and(|s| s.started_at.is_some());
            match at_once::predecessor(&grant.spec).filter(|_| !begun) {
                Some(before) => self.call(Operation::ReadGrant, grants.get_opt(before)).await,
                None => Ok(None),
            }
        };
        let follower = async {
            if !grant.spec.provisional {
                return Ok(None);
            }
            let name = names::second(&of.namespace, &of.name, &of.uid);
            let found = self.call(Operation::ReadGrant, grants.get_metadata_opt(&name)).await?;
            Ok(found.map(|_| name))
        };
        let (namespace, request, fuse, binding, role, renewed, follower) = tokio::try_join!(
            self.call(Operation::ReadNamespace, namespaces.get_opt(namespace)),
            self.call(Operation::ReadRequest, requests.get_opt(&of.name)),
            self.call(Operation::ReadFuse, fuses.get_opt(&child)),
            self.call(Operation::ReadBinding, bindings.get_opt(&child)),
            async { Ok(self.role_of(&grant).await) },
            renewed,
            follower,
        )?;
        // Another request of the same name is another request.
        let request = request.filter(|r| r.uid().as_deref() == Some(&of.uid));
        Ok(Some(Surroundings { namespace, request, fuse, binding, grant, written, role, renewed, follower }))
    }

    /// A page of these records as they are written, and where the next begins.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn records_as_written(
        &self,
        which: &Which,
        from: Option<String>,
    ) -> Result<(Vec<Value>, Option<String>), Error> {
        self.as_written::<AccessGrant>(Operation::ReadGrant, which.of_records(), from).await
    }
    /// A page of the requests that were refused at screening, as they are written, and where the next begins.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn refused_as_written(&self, from: Option<String>) -> Result<(Vec<Value>, Option<String>), Error> {
        let refused: &str = Screened::Refused.into();
        let params = ListParams::default().fields(&format!("status.state={refused}"));
        self.as_written::<AccessRequest>(Operation::ReadRequest, params, from).await
    }
    async fn as_written<K: CustomResourceExt>(
        &self,
        operation: Operation,
        params: ListParams,
        from: Option<String>,
    ) -> Result<(Vec<Value>, Option<String>), Error> {
        let resource = K::api_resource();
        let params = ListParams { continue_token: from, ..params.limit(PAGE) };
        let list = async {
            let page = Api::<DynamicObject>::all_with(self.client.clone(), &resource).list(&params).await?;
            let written = |mut object: DynamicObject| {
                object.metadata.managed_fields = None;
                // The items of a list do not say what they are.
                object.types.get_or_insert_with(|| TypeMeta {
                    api_version: resource.api_version.clone(),
                    kind: resource.kind.clone(),
                });
                serde_json::to_value(object).map_err(kube::Error::SerdeError)
            };
            let items = page.items.into_iter().map(written).collect::<Result<_, _>>()?;
            Ok((items, page.metadata.continue_.filter(|token| !token.is_empty())))
        };
        self.call(operation, list).await
    }

    /// One record, decoded and as it is written.
    async fn decoded_and_written(&self, name: &str) -> Result<Option<(AccessGrant, Value)>, Error> {
        let grants = Api::<DynamicObject>::all_with(self.client.clone(), &AccessGrant::api_resource());
        let read = async {
            let Some(mut object) = grants.get_opt(name).await? else { return Ok(None) };
            object.metadata.managed_fields = None;
            let written = serde_json::to_value(object).map_err(kube::Error::SerdeError)?;
            let grant = AccessGrant::deserialize(&written).map_err(kube::Error::SerdeError)?;
            Ok(Some((grant, written)))
        };
        self.call(Operation::ReadGrant, read).await
    }

    /// What the role of a grant that may give access gives now. No end waits for it: a read that fails is an answer too, and
    /// comes soon.
    async fn role_of(&self, grant: &AccessGrant) -> RoleNow {
        if !grant::may_give_access(grant) {
            return RoleNow::Unread;
        }
        let hasty = self.clone().with_deadline(ROLE_DEADLINE);
        match hasty.rules(&grant.spec.role_ref, &grant.spec.namespace).await {
            Ok(rules) => rules.map_or(RoleNow::Gone, RoleNow::Gives),
            Err(error) => {
                let source = &error as &dyn std::error::Error;
                tracing::warn!(operation = error.label(), error = source, "the role of a grant could not be read");
                RoleNow::Unread
            }
        }
    }

    /// A request with its policy, its namespace and its grant; `None`: no such request, or nothing is left to do for it.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn request(&self, namespace: &str, name: &str) -> Result<Option<Asked>, Error> {
        let requests = Api::<AccessRequest>::namespaced(self.client.clone(), namespace);
        let Some(request) = self.call(Operation::ReadRequest, requests.get_opt(name)).await? else { return Ok(None) };
        if request::is_over(&request) {
            return Ok(None);
        }
        let grant = names::grant(namespace, name, &request.uid().unwrap_or_default());
        let policies = Api::<AccessPolicy>::all(self.client.clone());
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let grants = Api::<AccessGrant>::all(self.client.clone());
        let second = async {
            match names::second_of_request(&request)
                .filter(|_| request.spec.then.is_some() || request.spec.emergency.is_some())
            {
                Some(second) => self.call(Operation::ReadGrant, grants.get_opt(&second)).await,
                None => Ok(None),
            }
        };
        let (policy, namespace, grant, second) = tokio::try_join!(
            self.call(Operation::ReadPolicy, policies.get_opt(&request.spec.policy)),
            self.call(Operation::ReadNamespace, namespaces.get_opt(namespace)),
            self.call(Operation::ReadGrant, grants.get_opt(&grant)),
            second,
        )?;
        Ok(Some(Asked { policy, namespace, grant, second, request }))
    }

    /// Every grant that can end, and the trace of every labelled binding: what the expiry index starts from.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn ends(&self) -> Result<(Vec<AccessGrant>, Vec<Trace<RoleBinding>>), Error> {
        let (grants, bindings) = (Api::all(self.client.clone()), Api::all(self.client.clone()));
        let labelled = ListParams::default().labels(names::GRANT_LABEL);
        tokio::try_join!(
            self.list(Operation::ReadGrant, grants, ListParams::default().fields(&live())),
            self.list(Operation::ReadBinding, bindings, labelled),
        )
    }

    /// The changes of grants, for ever; one that cannot be decoded is left out, and does not stop the others.
    pub fn grant_changes(&self) -> impl Stream<Item = Event<AccessGrant>> + Send + use<> {
        let guarded = Api::<DeserializeGuard<AccessGrant>>::all(self.client.clone());
        changes(guarded, watched()).filter_map(|event| {
            let decoded = match event {
                Event::Init => Some(Event::Init),
                Event::InitDone => Some(Event::InitDone),
                Event::InitApply(grant) => grant.0.ok().map(Event::InitApply),
                Event::Apply(grant) => grant.0.ok().map(Event::Apply),
                Event::Delete(grant) => grant.0.ok().map(Event::Delete),
            };
            std::future::ready(decoded)
        })
    }

    /// The changes of labelled bindings, for ever.
    pub fn binding_changes(&self) -> impl Stream<Item = Event<Trace<RoleBinding>>> + Send + use<> {
        changes(Api::all(self.client.clone()), watched().labels(names::GRANT_LABEL))
    }

    /// Every policy.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn policies(&self) -> Result<Vec<AccessPolicy>, Error> {
        self.list(Operation::ReadPolicy, Api::all(self.client.clone()), ListParams::default()).await
    }

    /// The grants of one person that may still give access.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn live_grants_of(&self, user: &str) -> Result<Vec<AccessGrant>, Error> {
        self.live_grants("spec.user", user).await
    }

    /// One record, read live; `None`: no such record.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn record(&self, name: &str) -> Result<Option<AccessGrant>, Error> {
        let grants = Api::<AccessGrant>::all(self.client.clone());
        self.call(Operation::ReadGrant, grants.get_opt(name)).await
    }

    /// The record of each emergency under a policy; a second access is part of the first.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn emergencies_under(&self, policy: &str) -> Result<Vec<AccessGrant>, Error> {
        let lane: &str = Lane::Emergency.into();
        let labels = format!("{}={policy},{}={lane}", names::POLICY_LABEL, names::LANE_LABEL);
        let params = ListParams::default().labels(&labels);
        let records: Vec<AccessGrant> = self.list(Operation::ReadGrant, Api::all(self.client.clone()), params).await?;
        Ok(records.into_iter().filter(|record| record.spec.follows.is_none()).collect())
    }

    /// Whether a person was granted access for this ticket, anywhere.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn had_access(&self, user: &str, ticket: &str) -> Result<bool, Error> {
        let params =
            ListParams::default().fields(&format!("spec.user={},spec.ticket={}", escaped(user), escaped(ticket)));
        let records: Vec<AccessGrant> = self.list(Operation::ReadGrant, Api::all(self.client.clone()), params).await?;
        Ok(records.iter().any(|record| record.spec.outcome == Outcome::Approved))
    }

    /// What one person missed and has not made good, on all their records.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn missed_by(&self, user: &str) -> Result<Vec<Missed>, Error> {
        let overdue: &str = DutiesMet::Overdue.into();
        let selector = format!("spec.user={},status.dutiesState={overdue}", escaped(user));
        let params = ListParams::default().fields(&selector);
        let records: Vec<AccessGrant> = self.list(Operation::ReadGrant, Api::all(self.client.clone()), params).await?;
        Ok(records.iter().filter_map(duties::missed).collect())
    }

    /// What a renewal is judged by: every record of this person in the request's namespace for its ticket under its policy,
    /// and those of the request that it names.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn earlier_grants(&self, request: &AccessRequest) -> Result<Vec<AccessGrant>, Error> {
        let (spec, namespace) = (&request.spec, request.namespace().unwrap_or_default());
        let mine = format!("spec.user={},spec.namespace={namespace}", escaped(&spec.requester.username));
        let same = format!("{mine},spec.policy.name={},spec.ticket={}", escaped(&spec.policy), escaped(&spec.ticket));
        let all = || Api::<AccessGrant>::all(self.client.clone());
        let same = self.list(Operation::ReadGrant, all(), ListParams::default().fields(&same));
        let named = async {
            // What no request can be called breaks out of no selector.
            let is_name = |of: &&String| of.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
            let of = spec.renewal.as_ref().map(|r| &r.of).filter(is_name);
            let Some(of) = of else { return Ok(vec![]) };
            let params = ListParams::default().fields(&mine).labels(&format!("{}={of}", names::REQUEST_LABEL));
            self.list(Operation::ReadGrant, all(), params).await
        };
        let (mut grants, named) = tokio::try_join!(same, named)?;
        let more: Vec<_> = named.into_iter().filter(|n| !grants.iter().any(|g| g.name_any() == n.name_any())).collect();
        grants.extend(more);
        Ok(grants)
    }

    /// The undecided requests of one person under one policy, in all namespaces: who and when, whatever they say.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn pending_requests(&self, user: &str, policy: &str) -> Result<Vec<ObjectMeta>, Error> {
        let settled = request::settled_states().into_iter().map(|state| format!(",status.state!={state}"));
        let selector = format!("spec.policy={},spec.requester.username={}", escaped(policy), escaped(user));
        let params = ListParams::default().fields(&settled.fold(selector, |all, one| all + &one));
        let api = Api::<AccessRequest>::all(self.client.clone());
        let listed = self.call(Operation::ReadRequest, api.list_metadata(&params)).await?;
        Ok(listed.items.into_iter().map(|request| request.metadata).collect())
    }

    /// How many grants under one policy give access. Only counted, as there may be thousands.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn active_grants_under(&self, policy: &str) -> Result<usize, Error> {
        let bound: &str = BeginReason::Bound.into();
        let selector = format!("spec.policy.name={},status.state={bound}", escaped(policy));
        self.count_grants(Operation::ReadGrant, &selector).await
    }

    async fn live_grants(&self, field: &str, value: &str) -> Result<Vec<AccessGrant>, Error> {
        let params = ListParams::default().fields(&format!("{field}={},{}", escaped(value), live()));
        self.list(Operation::ReadGrant, Api::all(self.client.clone()), params).await
    }

    /// What a role allows; `None`: no such role.
    ///
    /// # Errors
    /// When the API server failed us.
    pub async fn rules(&self, role: &RoleRef, namespace: &str) -> Result<Option<Vec<PolicyRule>>, Error> {
        let rules = match role.kind {
            RoleKind::ClusterRole => {
                let roles = Api::<ClusterRole>::all(self.client.clone());
                self.call(Operation::ReadRole, roles.get_opt(&role.name)).await?.map(|r| r.rules)
            }
            RoleKind::Role => {
                let roles = Api::<Role>::namespaced(self.client.clone(), namespace);
                self.call(Operation::ReadRole, roles.get_opt(&role.name)).await?.map(|r| r.rules)
            }
        };
        Ok(rules.map(Option::unwrap_or_default))
    }

    /// Puts one question.
    ///
    /// # Errors
    /// When the API server failed us: no answer is never a yes.
    pub async fn ask(&self, question: Question) -> Result<Answer, Error> {
        let (yes, words) = match &question {
            Question::IsAllowed { user, groups, namespace, permission } => {
                let attributes = ResourceAttributes {
                    namespace: Some(namespace.clone()),
                    verb: Some(permission.verb.clone()),
                    group: Some(permission.group.clone()),
                    resource: Some(permission.resource.clone()),
                    subresource: Some(permission.subresource.clone()),
                    name: Some(permission.name.clone()),
                    ..Default::default()
                };
                let spec = SubjectAccessReviewSpec {
                    user: Some(user.clone()),
                    groups: Some(groups.clone()),
                    resource_attributes: Some(attributes),
                    ..Default::default()
                };
                let review = SubjectAccessReview { spec, ..Default::default() };
                let api = Api::<SubjectAccessReview>::all(self.client.clone());
                let said = self.call(Operation::Ask, api.create(&PostParams::default(), &review)).await?.status;
                said.map_or((false, String::new()), |s| (s.allowed, s.reason.unwrap_or_default()))
            }
            Question::MayBind { namespace, role } => self.may_bind(namespace, role).await?,
            Question::HasRoom { namespace, limit } => self.has_room(namespace, *limit).await?,
            Question::IsChangeUnspent { user, policy, change, request } => {
                self.is_change_unspent(user, policy, change, request).await?
            }
            Question::HasAutoApprovals { user, policy, since, limit } => {
                let approved = self.auto_approvals(user, policy, *since).await?;
                (approved < *limit, format!("{approved} of {limit}"))
            }
            Question::IsFuseAccepted { fuse } => self.is_fuse_accepted(fuse).await?,
            Question::IsAdmissionLive { namespace, request } => self.is_admission_live(namespace, request).await?,
        };
        Ok(Answer { question, yes, words })
    }

    async fn may_bind(&self, namespace: &str, role: &RoleRef) -> Result<(bool, String), Error> {
        let resource = match role.kind {
            RoleKind::ClusterRole => "clusterroles",
            RoleKind::Role => "roles",
        };
        let attributes = ResourceAttributes {
            namespace: Some(namespace.to_owned()),
            verb: Some("bind".into()),
            group: Some("rbac.authorization.k8s.io".into()),
            resource: Some(resource.into()),
            name: Some(role.name.clone()),
            ..Default::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..Default::default() };
        let api = Api::<SelfSubjectAccessReview>::all(self.client.clone());
        let said = self.call(Operation::Ask, api.create(&PostParams::default(), &review)).await?.status;
        Ok(said.map_or((false, String::new()), |s| (s.allowed, s.reason.unwrap_or_default())))
    }

    async fn has_room(&self, namespace: &str, limit: usize) -> Result<(bool, String), Error> {
        let bound: &str = BeginReason::Bound.into();
        let selector = format!("spec.namespace={namespace},status.state={bound}");
        let live = self.count_grants(Operation::Ask, &selector).await?;
        if live < limit {
            return Ok((true, format!("{live} are live")));
        }
        let params = ListParams::default().fields(&selector).match_any();
        let full: Vec<AccessGrant> = self.list(Operation::Ask, Api::all(self.client.clone()), params).await?;
        let ends = full.into_iter().filter_map(|grant| grant.spec.expires_at).min();
        let free = ends.map_or_else(String::new, |end| format!("; the first ends by itself at {end}"));
        Ok((false, format!("{live} are live{free}")))
    }

    /// By an up-to-date list: a record that was made a moment ago counts.
    async fn is_change_unspent(
        &self,
        user: &str,
        policy: &str,
        change: &str,
        request: &str,
    ) -> Result<(bool, String), Error> {
        let [user, policy, change] = [user, policy, change].map(escaped);
        let selector = format!("spec.user={user},spec.policy.name={policy},spec.attestation.change={change}");
        let params = ListParams::default().fields(&selector);
        let records: Vec<AccessGrant> = self.list(Operation::Ask, Api::all(self.client.clone()), params).await?;
        let other = records.iter().find(|record| record.spec.request.uid != request);
        Ok((other.is_none(), other.map_or_else(String::new, ResourceExt::name_any)))
    }

    /// How many requests of this person rules approved since then. Up to date, however long that takes: what is counted here
    /// was perhaps made a moment ago.
    async fn auto_approvals(&self, user: &str, policy: &str, since: DateTime<Utc>) -> Result<usize, Error> {
        let fields = format!("spec.user={},spec.policy.name={}", escaped(user), escaped(policy));
        let params = ListParams::default().fields(&fields).labels(names::RULE_LABEL);
        let grants = Api::<AccessGrant>::all(self.client.clone());
        let listed = self.call(Operation::Ask, grants.list_metadata(&params)).await?.items;
        let made =
            |grant: &PartialObjectMeta<AccessGrant>| time::made(&grant.metadata).is_none_or(|at| at.get() > since);
        Ok(listed.into_iter().filter(made).count())
    }

    async fn is_fuse_accepted(&self, fuse: &Job) -> Result<(bool, String), Error> {
        let api = Api::<Job>::namespaced(self.client.clone(), &fuse.namespace().unwrap_or_default());
        let dry = PostParams { dry_run: true, ..Default::default() };
        match self.call(Operation::Ask, api.create(&dry, fuse)).await {
            Ok(_) => Ok((true, String::new())),
            Err(error) => match (error.code(), error.words()) {
                // One of that name is there: the namespace took it.
                (Some(409), _) => Ok((true, String::new())),
                // 400: a webhook of somebody that has no dry run, so a real one may be refused too.
                (Some(400 | 403 | 404 | 422), Some(words)) => Ok((false, words.to_owned())),
                _ => Err(error),
            },
        }
    }

    async fn is_admission_live(&self, namespace: &str, request: &str) -> Result<(bool, String), Error> {
        let entry = json!({"by": "curfew:forged", "as": "curfew:forged", "step": "probe", "decision": "Approve", "revision": "none"});
        let forged = json!([{"op": "add", "path": "/status/approvals/-", "value": entry}]);
        let forged: Patch<()> = Patch::Json(serde_json::from_value(forged).unwrap_or_default());
        let api = Api::<AccessRequest>::namespaced(self.client.clone(), namespace);
        let dry = PatchParams { dry_run: true, ..Default::default() };
        match self.call(Operation::Ask, api.patch_status(request, &dry, &forged)).await {
            Ok(_) => Ok((false, "a forged decision was accepted".into())),
            Err(error) => match error.words() {
                Some(words) => Ok((admission::refuses_forgery(words), words.to_owned())),
                None => Err(error),
            },
        }
    }

    /// How many grants there are of this kind, as the API server remembers it: that is no older than the event that told
    /// of a grant, and grants that are being made at the same time are not counted anyway. An up-to-date list would wait
    /// for etcd's next sign of progress, 50 to 100 ms.
    async fn count_grants(&self, operation: Operation, selector: &str) -> Result<usize, Error> {
        let params = ListParams::default().fields(selector).match_any();
        let counted = async {
            let list = Request::new(AccessGrant::url_path(&(), None)).list_metadata(&params);
            let list = list.map_err(kube::Error::BuildRequest)?;
            self.client.request::<Count>(list).await
        };
        Ok(self.call(operation, counted).await?.items.map_or(0, |items| items.len()))
    }

    /// Everything of one kind, without the bookkeeping of who wrote which field: that is most of it, and goes page by page.
    pub(super) async fn list<K>(&self, operation: Operation, api: Api<K>, params: ListParams) -> Result<Vec<K>, Error>
    where
        K: kube::Resource + Clone + DeserializeOwned + Debug,
    {
        let mut params = params.limit(PAGE);
        let mut all = vec![];
        loop {
            let mut page = self.call(operation, api.list(&params)).await?;
            page.items.iter_mut().for_each(|k| k.meta_mut().managed_fields = None);
            all.append(&mut page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(all),
            }
        }
    }
}

/// How every watch is set: short enough that a dead connection is noticed, and read at first in pages.
pub fn watched() -> watcher::Config {
    watcher::Config::default().timeout(60).page_size(PAGE)
}

fn changes<K>(api: Api<K>, config: watcher::Config) -> impl Stream<Item = Event<K>> + Send
where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher::watcher(api, config).default_backoff().filter_map(|event| {
        if let Err(error) = &event {
            tracing::warn!(
                operation = <&str>::from(Operation::Watch),
                error = error as &dyn std::error::Error,
                "watch failed"
            );
        }
        std::future::ready(event.ok())
    })
}

/// The field selector of grants that may still give access: in no state that is over. One that has no state yet counts.
fn live() -> String {
    grant::over_states().map(|state| format!("status.state!={state}")).collect::<Vec<_>>().join(",")
}

/// A value of a field selector, whose own signs are escaped (apimachinery `fields.EscapeValue`).
pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;

    /// An API server that has so many bindings, and gives two at a time.
    fn server(bindings: usize) -> Cluster {
        let service = tower::service_fn(move |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let is_paged = query.split('&').any(|part| part == format!("limit={PAGE}"));
            let from = query.split('&').find_map(|part| part.strip_prefix("continue=")?.parse().ok()).unwrap_or(0);
            let to = if request.uri().path().ends_with("/rolebindings") { bindings.min(from + 2) } else { 0 };
            let items: Vec<_> = (from..to.max(from)).map(|n| json!({"metadata": {"name": n.to_string()}})).collect();
            let next = if to < bindings && !items.is_empty() { to.to_string() } else { String::new() };
            let list = json!({"metadata": {"continue": next}, "items": items});
            assert!(is_paged, "{query}");
            async move { Ok::<_, std::convert::Infallible>(Response::new(Body::from(list.to_string().into_bytes()))) }
        });
        Cluster::new(Client::new(service, "default"))
    }

    #[tokio::test]
    async fn what_ends_is_read_page_by_page_to_the_last() {
        let (_, bindings) = server(5).ends().await.unwrap();
        let names: Vec<_> = bindings.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["0", "1", "2", "3", "4"]);
    }
    #[tokio::test]
    async fn grants_are_counted_without_being_decoded() {
        for (items, count) in [(json!([{"metadata": 7}, "odd", null]), 3), (json!([]), 0), (json!(null), 0)] {
            let list = json!({"items": items}).to_string();
            let service = tower::service_fn(move |_: Request<Body>| {
                let list = list.clone().into_bytes();
                async { Ok::<_, std::convert::Infallible>(Response::new(Body::from(list))) }
            });
            let cluster = Cluster::new(Client::new(service, "default"));
            assert_eq!(cluster.active_grants_under("p").await.unwrap(), count, "{items}");
        }
    }
    #[test]
    fn a_user_name_cannot_break_out_of_a_selector() {
        assert_eq!(super::escaped(r"a,b=c\d"), r"a\,b\=c\\d");
    }
}
