//! What the derives leave out of our schemas: bounds, and the absence of `null`.
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use schemars::{JsonSchema, Schema, SchemaGenerator, transform::transform_subschemas};
use serde_json::{Value, json};

/// Takes `null` out of every type and enum: an absent field is absent, never `null`.
pub fn no_nulls(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|t| t != "null");
        if types.len() == 1 {
            let only = types.remove(0);
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|v| !v.is_null());
    }
    if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
        any.retain(|v| v != &json!({"type": "null"}));
        if any.len() == 1 {
            let Value::Object(only) = any.remove(0) else { unreachable!() };
            schema.remove("anyOf");
            for (k, v) in only {
                schema.ensure_object().entry(k).or_insert(v);
            }
        }
    }
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    transform_subschemas(&mut no_nulls, schema);
}

/// The bounds that k8s-openapi's schema of a condition leaves out.
pub fn conditions_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Vec::<Condition>::json_schema(generator);
    schema.insert("maxItems".into(), 16.into());
    schema.insert("description".into(), "What is true of this object now, one entry per type.".into());
    let properties = schema.pointer_mut("/items/properties").expect("Condition is inlined");
    properties["type"]["maxLength"] = 64.into();
    properties["status"]["enum"] = json!(["True", "False", "Unknown"]);
    properties["status"]["maxLength"] = 7.into();
    properties["reason"]["minLength"] = 1.into();
    properties["reason"]["maxLength"] = 64.into();
    properties["message"]["maxLength"] = 4096.into();
    properties["lastTransitionTime"]["maxLength"] = 32.into();
    schema
}

/// A label selector with bounds, that may not be empty.
pub fn selector_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = LabelSelector::json_schema(generator);
    schema.insert("x-kubernetes-map-type".into(), "atomic".into());
    schema.insert("x-kubernetes-validations".into(), json!([{
        "rule": "(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",
        "message": "an empty selector would mean every namespace: name at least one label"}]));
    let p = schema.pointer_mut("/properties").expect("LabelSelector is inlined");
    p["matchLabels"]["maxProperties"] = 16.into();
    p["matchLabels"]["additionalProperties"]["maxLength"] = 63.into();
    p["matchExpressions"]["maxItems"] = 16.into();
    p["matchExpressions"]["x-kubernetes-list-type"] = "atomic".into();
    let e = &mut p["matchExpressions"]["items"]["properties"];
    e["key"]["maxLength"] = 317.into();
    e["key"]["minLength"] = 1.into();
    e["operator"]["enum"] = json!(["In", "NotIn", "Exists", "DoesNotExist"]);
    e["operator"]["maxLength"] = 12.into();
    e["values"]["maxItems"] = 32.into();
    e["values"]["items"]["maxLength"] = 63.into();
    e["values"]["x-kubernetes-list-type"] = "atomic".into();
    schema
}

/// A namespace's labels with bounds.
pub fn labels_schema(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({
        "type": "object", "description": "Labels of the namespace at the decision.", "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 63}, "x-kubernetes-map-type": "atomic"})
}

/// A role's rules with bounds.
pub fn rules_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Vec::<PolicyRule>::json_schema(generator);
    schema.insert("maxItems".into(), 128.into());
    schema.insert("x-kubernetes-list-type".into(), "atomic".into());
    schema.insert("description".into(), "What the role allowed at the decision.".into());
    let p = schema.pointer_mut("/items/properties").expect("PolicyRule is inlined");
    for field in ["apiGroups", "resources", "verbs", "resourceNames", "nonResourceURLs"] {
        p[field]["maxItems"] = 64.into();
        p[field]["items"]["maxLength"] = 253.into();
        p[field]["x-kubernetes-list-type"] = "atomic".into();
    }
    schema
}
