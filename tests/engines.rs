//! The health checks of `docs/gitops.md` for Argo CD and Flux, run as the engines run them, on every state that there is.
use cel::{Context, Program, Value as Cel};
use curfew::api::reasons::{self, Ready, Reason};
use mlua::{Lua, LuaSerdeExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The first object of this kind that the document shows.
fn shown(kind: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gitops.md")).unwrap();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut objects = blocks.map(|yaml| serde_saphyr::from_str::<Value>(yaml).unwrap());
    objects.find(|object| object["kind"] == kind).unwrap()
}

/// What Argo CD shows: health and message. It runs Lua 5.1, with the object as `obj`.
fn argo(kind: &str, object: &Value) -> (String, String) {
    let script = shown("ConfigMap")["data"][format!("resource.customizations.health.curfew.dev_{kind}")].clone();
    let lua = Lua::new();
    lua.globals().set("obj", lua.to_value(object).unwrap()).unwrap();
    let health: mlua::Table = lua.load(script.as_str().unwrap()).eval().unwrap();
    (health.get("status").unwrap(), health.get("message").unwrap())
}

/// The expressions of Flux that hold; one that cannot be evaluated, as a field is missing, holds not.
fn flux(kind: &str, object: &Value) -> Vec<String> {
    let checks = shown("Kustomization")["spec"]["healthCheckExprs"].clone();
    let check = checks.as_array().unwrap().iter().find(|check| check["kind"] == kind).unwrap().clone();
    let holds = |name: &&str| {
        let program = Program::compile(check[*name].as_str().unwrap()).unwrap();
        let mut context = Context::default();
        for (field, value) in object.as_object().unwrap() {
            context.add_variable(field.clone(), value.clone()).unwrap();
        }
        matches!(program.execute(&context), Ok(Cel::Bool(true)))
    };
    ["inProgress", "failed", "current"].into_iter().filter(holds).map(str::to_owned).collect()
}

fn request(state: &str, observed: i64) -> Value {
    json!({"metadata": {"name": "r", "generation": 2}, "status": {"state": state, "observedGeneration": observed,
        "conditions": [{"type": "Other", "reason": "Complete", "message": "no"}, {"type": "X", "reason": state, "message": "In words."}]}})
}

/// Every state that a request can be in, with what Argo CD and Flux make of it.
const STATES: &[(&str, &str, &[&str])] = &[
    ("Suspended", "current", &["Waiting", "AtOnce", "Scheduled"]),
    (
        "Healthy",
        "current",
        &[
            "Bound",
            "Expired",
            "Closed",
            "Revoked",
            "RequestDeleted",
            "BindingDeleted",
            "FuseBurned",
            "NamespaceDeleted",
            "Unused",
            "DryRun",
        ],
    ),
    (
        "Degraded",
        "failed",
        &[
            "Incomplete",
            "DetailRequested",
            "Refused",
            "Denied",
            "TimedOut",
            "Withdrawn",
            "Tampered",
            "NeverStarted",
            "RoleChanged",
            "DutyMissed",
            "RoleGrew",
        ],
    ),
    (
        "Progressing",
        "inProgress",
        &[
            "New",
            "SelfApproved",
            "Preparing",
            "Unguarded",
            "ClockSkew",
            "FusesDoNotBurn",
            "FuseRefused",
            "BindingRefused",
            "NameTaken",
            "PolicyChanged",
            "NamespaceFull",
        ],
    ),
];

#[test]
fn l4_each_state_of_a_request_has_the_same_health_in_both_engines() {
    for (health, result, states) in STATES {
        for state in *states {
            let (status, message) = argo("AccessRequest", &request(state, 2));
            assert_eq!((status.as_str(), message.as_str()), (*health, "In words."), "{state}");
            assert_eq!(flux("AccessRequest", &request(state, 2)), [*result], "{state}");
            assert_eq!(argo("AccessRequest", &request(state, 1)).0, "Progressing", "{state} of an older text");
            assert_eq!(flux("AccessRequest", &request(state, 1)), ["inProgress"], "{state} of an older text");
        }
    }
    let new = json!({"metadata": {"name": "r", "generation": 1}});
    assert_eq!(argo("AccessRequest", &new).0, "Progressing");
    assert_eq!(flux("AccessRequest", &new), Vec::<String>::new(), "Flux waits for the field");
}

#[test]
fn l4_no_state_is_left_out() {
    let known: BTreeMap<&str, &str> =
        STATES.iter().flat_map(|(health, _, of)| of.iter().map(|s| (*s, *health))).collect();
    // What `status.state` never is: the other condition says it better.
    let never = ["Complete", "StepsMet", "Approved"];
    let of_requests = ["Screened", "Approved", "Active"];
    let all = reasons::reference().into_iter().filter(|(condition, ..)| of_requests.contains(condition));
    let forgotten: Vec<_> =
        all.map(|(_, _, reason, _)| reason).filter(|r| !known.contains_key(r) && !never.contains(r)).collect();
    assert!(forgotten.is_empty(), "docs/gitops.md and STATES say nothing of {forgotten:?}");
}

#[test]
fn l4_a_policy_is_healthy_when_it_is_ready() {
    for reason in <Ready as strum::VariantArray>::VARIANTS {
        let (name, truth): (&str, &str) = (reason.into(), reason.truth().into());
        let policy = |observed: i64| {
            json!({"metadata": {"name": "p", "generation": 3}, "status": {"observedGeneration": observed,
                "conditions": [{"type": "Ready", "status": truth, "reason": name, "message": "In words."}]}})
        };
        let expected = if *reason == Ready::Complete { ("Healthy", "current") } else { ("Degraded", "failed") };
        assert_eq!(argo("AccessPolicy", &policy(3)), (expected.0.into(), "In words.".into()), "{name}");
        assert_eq!(flux("AccessPolicy", &policy(3)), [expected.1], "{name}");
        assert_eq!(
            (argo("AccessPolicy", &policy(2)).0.as_str(), flux("AccessPolicy", &policy(2))),
            ("Progressing", vec!["inProgress".to_owned()])
        );
    }
}
