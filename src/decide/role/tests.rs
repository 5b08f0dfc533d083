use super::*;
use crate::api::permission::DangerType;
use crate::api::subject::{Level, RoleKind};
use proptest::prelude::*;

fn rule(verbs: &str, group: &str, resources: &str) -> PolicyRule {
    let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    PolicyRule {
        verbs: list(verbs),
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(list(resources)),
        ..PolicyRule::default()
    }
}

#[test]
fn b14_each_rule_needs_its_level() {
    use Level::*;
    for (verbs, group, resources, level) in [
        ("get list watch", "", "pods pods/log configmaps events", ReadOnly),
        ("get list watch", "apps", "deployments replicasets deployments/scale", ReadOnly),
        ("get", "rbac.authorization.k8s.io", "roles", ReadOnly),
        ("get", "curfew.dev", "accessrequests", ReadOnly),
        ("get", "example.com", "secrets", ReadOnly),
        ("get", "", "pods/exec", LimitedWrite),
        ("create", "", "pods/exec", LimitedWrite),
        ("get", "", "pods/attach", LimitedWrite),
        ("create", "", "pods/portforward", LimitedWrite),
        ("get", "", "pods/proxy", LimitedWrite),
        ("get", "", "services/proxy", LimitedWrite),
        ("patch", "", "pods/resize", LimitedWrite),
        ("delete", "", "pods", LimitedWrite),
        ("create", "", "pods/eviction", LimitedWrite),
        ("patch", "apps", "deployments/scale", LimitedWrite),
        ("update", "example.com", "widgets/scale", LimitedWrite),
        ("get", "", "secrets", Write),
        ("list", "", "secrets", Write),
        ("watch", "", "secrets", Write),
        ("patch", "", "pods/ephemeralcontainers", Write),
        ("create", "", "pods", Write),
        ("patch", "", "pods", Write),
        ("deletecollection", "", "pods", Write),
        ("patch", "apps", "deployments", Write),
        ("update", "apps", "statefulsets", Write),
        ("create", "batch", "jobs", Write),
        ("patch", "", "configmaps", Write),
        ("delete", "", "services", Write),
        ("create", "authorization.k8s.io", "localsubjectaccessreviews", Write),
        ("*", "", "pods", Admin),
        ("get", "*", "pods", Admin),
        ("get", "", "*", Admin),
        ("get", "", "pods/*", Admin),
        ("get", "apps", "*/scale", Admin),
        ("bind", "rbac.authorization.k8s.io", "clusterroles", Admin),
        ("escalate", "rbac.authorization.k8s.io", "roles", Admin),
        ("impersonate", "", "users", Admin),
        ("impersonate-on:user-info:get", "", "pods", Admin),
        ("create", "", "serviceaccounts/token", Admin),
        ("create", "rbac.authorization.k8s.io", "rolebindings", Admin),
        ("patch", "admissionregistration.k8s.io", "validatingadmissionpolicies", Admin),
        ("patch", "curfew.dev", "accessrequests/status", Admin),
        ("close", "curfew.dev", "accessrequests", Admin),
        ("update", "certificates.k8s.io", "certificatesigningrequests/approval", Admin),
        ("get", "", "nodes/proxy", Admin),
        ("use", "security.openshift.io", "securitycontextconstraints", Admin),
        ("patch", "", "namespaces", Admin),
    ] {
        assert_eq!(least_level(&[rule(verbs, group, resources)]), level, "{verbs} {group} {resources}");
    }
}

/// The chart's roles with the levels that it writes on them.
fn catalogue() -> Vec<(String, String, Vec<PolicyRule>)> {
    let template = include_str!("../../../charts/curfew/templates/rbac-catalogue.yaml");
    let role = |text: &str| {
        let (_, level) = text.split_once("(list $ \"").unwrap();
        let level = level.split('"').next().unwrap().to_owned();
        let plain: String = text.lines().filter(|l| !l.contains("{{")).map(|l| format!("{l}\n")).collect();
        let role: k8s_openapi::api::rbac::v1::ClusterRole = serde_saphyr::from_str(&plain).unwrap();
        (role.metadata.name.unwrap(), level, role.rules.unwrap())
    };
    template.split("\n---\n").map(role).collect()
}

#[test]
fn b14_the_catalogue_says_what_its_roles_give() {
    let roles = catalogue();
    for (name, level, rules) in &roles {
        assert_eq!(format!("{:?}", least_level(rules)), *level, "{name}");
    }
    let names: Vec<_> = roles.iter().map(|(name, ..)| name.as_str()).collect();
    for name in ["curfew-logs", "curfew-read", "curfew-restart", "curfew-exec", "curfew-config-edit", "curfew-debug"] {
        assert!(names.contains(&name), "{name}");
    }
}

fn flags(rules: &[PolicyRule]) -> Vec<DangerType> {
    dangers(rules).into_iter().map(|danger| danger.type_).collect()
}

#[test]
fn c4_what_is_dangerous_in_a_role_is_flagged_and_n6_what_stays_is_said() {
    use DangerType::*;
    let rows: &[(&str, &str, &str, &[DangerType], &str)] = &[
        ("get list watch", "", "pods pods/log configmaps", &[], ""),
        ("delete", "", "pods", &[], ""),
        ("delete", "apps", "deployments", &[], ""),
        ("update patch", "apps", "deployments/scale", &[], ""),
        ("get", "example.com", "secrets", &[], ""),
        ("get", "", "pods secrets", &[ReadsSecrets], "`get secrets`: it reads secrets"),
        ("patch", "", "secrets", &[ReadsSecrets], "shows what is in them"),
        ("create", "", "secrets", &[MakesTokens], "tokens outlive the end"),
        ("get create", "", "pods/exec", &[OpensConnections], "`create,get pods/exec`"),
        ("create", "", "pods/attach pods/portforward", &[OpensConnections], "outlives the end"),
        ("get", "", "services/proxy", &[OpensConnections], "outlives the end"),
        ("bind", RBAC, "clusterroles", &[Escalates], "bindings that were made stay"),
        ("escalate", RBAC, "roles", &[Escalates], "roles and bindings"),
        ("impersonate", "", "users", &[Impersonates], "audit log"),
        ("create", "", "serviceaccounts/token", &[MakesTokens], "tokens outlive the end"),
        ("create", "", "pods", &[RunsWorkloads], "runs on after the end"),
        ("patch", "apps", "deployments", &[RunsWorkloads], "it can choose the image"),
        ("create", "batch", "jobs", &[RunsWorkloads], "the secrets that it sees"),
        ("create", "", "nodes/proxy", &[OpensKubelet], "every container of the node"),
        ("*", "", "pods", &[Wildcard], "`* pods`"),
        ("get", "*", "pods", &[Wildcard], "`get pods.*`"),
        ("get", "", "*", &[Wildcard], "`get *`"),
        ("create", RBAC, "rolebindings", &[WritesRbac], "bindings that were made stay"),
        ("patch", "admissionregistration.k8s.io", "validatingadmissionpolicies", &[WritesProtection], "stays so"),
        ("patch", "", "namespaces", &[WritesProtection], "the labels that protect"),
        ("use", "security.openshift.io", "securitycontextconstraints", &[UnknownVerb], "may mean anything"),
        ("patch", "", "pods/ephemeralcontainers", &[AddsContainers], "as long as the pod"),
        ("get create", "", "secrets pods/exec pods", &[MakesTokens, ReadsSecrets, RunsWorkloads, OpensConnections], ""),
    ];
    for (verbs, group, resources, expected, says) in rows {
        let found = dangers(&[rule(verbs, group, resources)]);
        assert_eq!(found.iter().map(|d| d.type_).collect::<Vec<_>>(), *expected, "{verbs} {group} {resources}");
        let told: String = found.iter().map(|d| d.message.as_str()).collect();
        assert!(told.contains(says) && found.iter().all(|d| d.message.len() <= 512), "{told}");
    }
    for danger in <DangerType as strum::VariantArray>::VARIANTS {
        let told = rows.iter().any(|row| row.3.contains(danger)) || *danger == Unjudged;
        assert!(told, "{danger:?} has no example");
    }
}
const RBAC: &str = "rbac.authorization.k8s.io";

#[test]
fn f11_whatever_needs_level_admin_is_flagged() {
    for verb in ["get", "create", "patch", "delete", "*", "bind", "escalate", "impersonate", "approve", "use"] {
        for group in ["", "apps", "*", RBAC, "curfew.dev", "certificates.k8s.io", "example.com"] {
            for resource in ["pods", "*", "secrets", "serviceaccounts/token", "nodes/proxy", "namespaces", "roles"] {
                let rules = [rule(verb, group, resource)];
                let is_admin = least_level(&rules) == Level::Admin;
                assert!(!is_admin || !flags(&rules).is_empty(), "{verb} {group} {resource}");
                let is_too_much = |level| excess(&rules, level).is_some();
                assert_eq!(
                    (is_too_much(Level::Write), is_too_much(Level::Admin)),
                    (is_admin, false),
                    "no other switch"
                );
            }
        }
    }
}

#[test]
fn c4_the_flags_of_the_catalogue() {
    use DangerType::*;
    let expected = |name: &str| match name {
        "curfew-exec" => vec![OpensConnections],
        "curfew-debug" => vec![AddsContainers, OpensConnections],
        _ => vec![],
    };
    for (name, _, rules) in catalogue() {
        assert_eq!(flags(&rules), expected(&name), "{name}");
    }
}

#[test]
fn f5_reading_logs_needs_neither_containers_nor_secrets() {
    let (_, _, rules) = catalogue().into_iter().find(|(name, ..)| name == "curfew-logs").unwrap();
    let all: Vec<_> = permissions(&rules).0.iter().map(ToString::to_string).collect();
    assert_eq!(all, ["get pods", "get pods/log", "list pods", "watch pods"]);
}

#[test]
fn b14_one_bad_entry_among_many_decides() {
    let rules = [rule("get list", "", "pods"), rule("get list patch", "apps", "replicasets deployments")];
    assert_eq!(least_level(&rules), Level::Write);
    let words = excess(&rules, Level::LimitedWrite).unwrap();
    assert_eq!(
        words,
        "`patch replicasets.apps` is Write: it can choose the image that runs, and the secrets that it sees"
    );
    assert_eq!(excess(&rules, Level::Write), None);
    assert_eq!(least_level(&[]), Level::ReadOnly);
}

#[test]
fn b14_a_name_does_not_make_a_secret_harmless() {
    let named = PolicyRule { resource_names: Some(vec!["tls".into()]), ..rule("get", "", "secrets") };
    assert_eq!(least_level(std::slice::from_ref(&named)), Level::Write);
    assert_eq!(permissions(&[named]).0[0].to_string(), "get secrets tls");
}

#[test]
fn a_rule_that_is_too_large_to_judge_is_the_highest_level() {
    let many = |n: usize| (0..n).map(|i| format!("r{i}")).collect::<Vec<_>>();
    let huge = PolicyRule { resources: Some(many(20_000)), resource_names: Some(many(20_000)), ..rule("get", "", "") };
    assert_eq!(least_level(std::slice::from_ref(&huge)), Level::Admin);
    assert_eq!(flags(std::slice::from_ref(&huge)), [DangerType::Unjudged]);
    assert_eq!(permissions(&[huge.clone(), huge]).0.len(), MOST_PERMISSIONS);
}

#[test]
fn permissions_are_sorted_and_listed_once() {
    let urls = PolicyRule {
        non_resource_urls: Some(vec!["/metrics".into()]),
        verbs: vec!["get".into()],
        ..PolicyRule::default()
    };
    let (all, cut) = permissions(&[rule("list get", "", "pods pods/log"), rule("get", "", "pods"), urls]);
    let text: Vec<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(text, ["get pods", "get pods/log", "list pods", "list pods/log"]);
    assert!(!cut);
}

#[test]
fn a_role_with_too_many_permissions_says_so() {
    let resources: Vec<_> = (0..300).map(|i| format!("r{i}")).collect();
    let (all, cut) = permissions(&[rule("get", "", &resources.join(" "))]);
    assert_eq!((all.len(), cut), (MOST_PERMISSIONS, true));
    let (all, cut) = permissions(&[rule("get", "", &resources[..MOST_PERMISSIONS].join(" "))]);
    assert_eq!((all.len(), cut), (MOST_PERMISSIONS, false));
}

#[test]
fn g4_a_permission_that_cannot_be_written_exactly_is_not_recorded() {
    for (verbs, resources) in [("get", "po.ds"), ("get,list", "pods")] {
        let words = too_large(&[rule(verbs, "", resources)]).unwrap();
        assert!(words.contains("a permission that no API has"), "{words}");
    }
    assert_eq!(too_large(&[rule("get list", "apps", "deployments pods/log")]), None);
}

#[test]
fn f4_the_clusters_own_roles_are_never_granted() {
    for (name, never) in [("cluster-admin", true), ("system:node", true), ("admin", false), ("curfew-logs", false)] {
        let role = RoleRef { kind: RoleKind::ClusterRole, name: name.into() };
        assert_eq!(is_never_granted(&role), never, "{name}");
    }
}

#[test]
fn the_digest_is_that_of_sorted_json_without_blanks() {
    let rules = [rule("get list", "", "pods pods/log")];
    let json = r#"[{"apiGroups":[""],"resources":["pods","pods/log"],"verbs":["get","list"]}]"#;
    assert_eq!(serde_json::to_value(&rules).unwrap().to_string(), json);
    assert_eq!(digest(&rules), "dad44ec145694e911ef5642633fcbbdfa724e2989e60f0f2145736a23d77e31f");
}

#[test]
fn what_is_not_a_permission_is_not_read_as_one() {
    for text in ["", "get", "get ", " pods", "get /log", "get,list pods"] {
        assert!(text.parse::<Permission>().is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_can_be_read_again(
        verb in "[a-z*]{1,8}",
        group in "([a-z]{1,6}(\\.[a-z0-9]{1,6}){0,3})?",
        resource in "[a-z*]{1,8}",
        subresource in "[a-z*]{0,8}",
        name in "([a-z0-9:.-]{1,20})?",
    ) {
        let permission = Permission { verb, group, resource, subresource, name };
        prop_assert_eq!(permission.to_string().parse(), Ok(permission));
    }
}

#[test]
fn j14_looking_is_neither_a_change_nor_a_connection_and_what_is_unknown_is_no_looking() {
    for (done, looks) in [
        ("get pods/log", true),
        ("list deployments.apps", true),
        ("watch secrets", true),
        ("get pods/exec", false),
        ("create pods/exec", false),
        ("patch deployments.apps/scale", false),
        ("delete pods", false),
        ("odd", false),
    ] {
        assert_eq!(is_reading(done), looks, "{done}");
    }
}
