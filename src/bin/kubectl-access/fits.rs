//! Which policies fit a person and a place.
use crate::desk::Desk;
use crate::failure::Failure;
use curfew::api::policy::AccessPolicy;
use curfew::api::request::{AccessRequest, Lane, Requester};
use curfew::decide::{lane, screening, selector};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;

/// Whether somebody may ask under a policy, here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// They may.
    Fits,
    /// They may, if the policy covers this namespace, whose labels they may not see.
    PerhapsHere,
    /// It does not cover this namespace.
    NotHere,
    /// It does not let them ask.
    NotForYou,
    /// It knows no emergencies, and this is one.
    NoLane,
    /// Nothing can be granted under it at the moment.
    NotReady(String),
}
impl Fit {
    /// Of a policy. Of several causes the one that lasts longest is named.
    pub fn of(policy: &AccessPolicy, who: &Requester, namespace: Option<&Namespace>) -> Self {
        if screening::entitles(&policy.spec, who, true).is_none() {
            return Self::NotForYou;
        }
        let covers = namespace.map(|namespace| selector::selects(&policy.spec.namespaces, namespace.labels()));
        match (covers, screening::readiness(policy)) {
            (Some(false), _) => Self::NotHere,
            (_, Err(why)) => Self::NotReady(why),
            (Some(true), Ok(())) => Self::Fits,
            (None, Ok(())) => Self::PerhapsHere,
        }
    }
    /// The same of a policy as it applies in the lane of a request.
    pub fn in_lane(
        policy: &AccessPolicy,
        draft: &AccessRequest,
        who: &Requester,
        namespace: Option<&Namespace>,
    ) -> Self {
        if lane::of(&draft.spec) == Lane::Emergency && policy.spec.emergency.is_none() {
            return Self::NoLane;
        }
        Self::of(&lane::applied(policy, draft), who, namespace)
    }
    /// Whether a request under it may come to something.
    pub fn may(&self) -> bool {
        matches!(self, Self::Fits | Self::PerhapsHere)
    }
    /// In a word or two.
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::Fits => "yes",
            Self::PerhapsHere => "perhaps",
            Self::NotHere => "not here",
            Self::NotForYou => "not you",
            Self::NoLane => "no emergencies",
            Self::NotReady(_) => "not ready",
        }
    }
}

/// The user as a requester, as the API server would stamp them.
pub async fn requester(desk: &Desk) -> Result<Requester, Failure> {
    let me = desk.me().await?.clone();
    let (username, groups) = (me.username.unwrap_or_default(), me.groups.unwrap_or_default());
    Ok(Requester { username, uid: me.uid.filter(|uid| !uid.is_empty()), groups })
}

/// Every policy with how it fits the user in the desk's namespace, and that namespace where they may see it.
pub async fn all(desk: &Desk) -> Result<(Vec<(AccessPolicy, Fit)>, Option<Namespace>), Failure> {
    judged(desk, None).await
}
/// The same in the lane of this request.
pub async fn of(desk: &Desk, draft: &AccessRequest) -> Result<(Vec<(AccessPolicy, Fit)>, Option<Namespace>), Failure> {
    judged(desk, Some(draft)).await
}
async fn judged(
    desk: &Desk,
    draft: Option<&AccessRequest>,
) -> Result<(Vec<(AccessPolicy, Fit)>, Option<Namespace>), Failure> {
    let place = async {
        match desk.all {
            true => Ok(None),
            false => desk.cluster.visible_namespace(&desk.namespace).await.map_err(Failure::from),
        }
    };
    let policies = async { desk.cluster.policies().await.map_err(Failure::from) };
    let (policies, namespace, who) = tokio::try_join!(policies, place, requester(desk))?;
    let fits = policies.into_iter().map(|policy| {
        let fit = match draft {
            None => Fit::of(&policy, &who, namespace.as_ref()),
            Some(draft) => Fit::in_lane(&policy, draft, &who, namespace.as_ref()),
        };
        (policy, fit)
    });
    Ok((fits.collect(), namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy(ready: &str) -> AccessPolicy {
        serde_json::from_value(json!({
            "apiVersion": "curfew.dev/v1alpha1", "kind": "AccessPolicy", "metadata": {"name": "support", "generation": 1},
            "spec": {
                "description": "One account, after a real report from a customer.",
                "owner": {"kind": "Group", "name": "platform"},
                "namespaces": {"matchLabels": {"curfew.dev/zone": "production"}},
                "requesters": [{"kind": "Group", "name": "engineers"}],
                "access": [{"name": "logs", "level": "ReadOnly", "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}}],
                "duration": {"default": "30m", "max": "1h"},
                "evidence": {"ticket": {"pattern": "^SUP-[0-9]+$", "message": "A support case."}},
                "approval": {"steps": [{"name": "owner", "approvers": [{"kind": "Group", "name": "owners"}]}]}},
            "status": {"conditions": [{"type": "Ready", "status": ready, "reason": "Complete", "message": "",
                "observedGeneration": 1, "lastTransitionTime": "2026-11-21T05:00:00Z"}]}}))
        .unwrap()
    }

    #[test]
    fn a1_what_one_may_ask_follows_from_who_one_is_and_where() {
        let who = |groups: &[&str]| Requester {
            username: "alice".into(),
            uid: None,
            groups: groups.iter().map(ToString::to_string).collect(),
        };
        let place = |zone: &str| -> Namespace {
            serde_json::from_value(json!({"metadata": {"name": "billing", "labels": {"curfew.dev/zone": zone}}}))
                .unwrap()
        };
        let (ready, here, elsewhere) = (policy("True"), place("production"), place("staging"));
        for (policy, groups, namespace, says) in [
            (&ready, &["engineers"][..], Some(&here), "yes"),
            (&ready, &["engineers"][..], None, "perhaps"),
            (&ready, &["engineers"][..], Some(&elsewhere), "not here"),
            (&ready, &["others"][..], Some(&here), "not you"),
            (&policy("False"), &["engineers"][..], Some(&here), "not ready"),
        ] {
            let fit = Fit::of(policy, &who(groups), namespace);
            assert_eq!(fit.in_words(), says);
            assert_eq!(fit.may(), ["yes", "perhaps"].contains(&says));
        }
        let mut lane = policy("True");
        lane.spec.emergency = serde_json::from_value(json!({"access": ["logs"],
            "requesters": [{"kind": "Group", "name": "on-call"}], "approvers": [{"kind": "Group", "name": "incident-managers"}],
            "review": {"reviewers": [{"kind": "Group", "name": "security"}]}}))
        .unwrap();
        let draft = |emergency: Option<bool>| {
            let ask = crate::ask::Ask { emergency, ..Default::default() };
            ask.request("billing", &who(&[]), None)
        };
        for (policy, groups, emergency, says) in [
            (&ready, "engineers", Some(true), "no emergencies"),
            (&lane, "on-call", Some(true), "yes"),
            (&lane, "engineers", Some(true), "not you"),
            (&lane, "on-call", None, "not you"),
            (&lane, "engineers", None, "yes"),
        ] {
            let fit = Fit::in_lane(policy, &draft(emergency), &who(&[groups]), Some(&here));
            assert_eq!(fit.in_words(), says, "{groups} {emergency:?}");
        }
    }
}
