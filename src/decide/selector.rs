//! Label selectors, as Kubernetes reads them, but for the empty one: here it selects nothing.
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use std::collections::BTreeMap;

/// Whether the selector selects an object with these labels.
///
/// An empty selector selects nothing, as it would mean every namespace; what Kubernetes would refuse to read selects
/// nothing either.
pub fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let wanted = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    (wanted.clone().next().is_some() || expressions.clone().next().is_some())
        && wanted.clone().all(|(key, value)| labels.get(key) == Some(value))
        && expressions.clone().all(|expression| holds(expression, labels))
}

/// The selector in the words of `kubectl get -l`.
pub fn in_words(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().flatten().map(|e| {
        let values = e.values.as_deref().unwrap_or_default().join(",");
        match e.operator.as_str() {
            "In" => format!("{} in ({values})", e.key),
            "NotIn" => format!("{} notin ({values})", e.key),
            "DoesNotExist" => format!("!{}", e.key),
            _ => e.key.clone(),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

fn holds(expression: &LabelSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&expression.key);
    let values = expression.values.as_deref().unwrap_or_default();
    match expression.operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        // As in Kubernetes, an absent label is not in any list.
        "NotIn" => !values.is_empty() && value.is_none_or(|value| !values.contains(value)),
        "Exists" => values.is_empty() && value.is_some(),
        "DoesNotExist" => values.is_empty() && value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_are_read_as_kubernetes_reads_them() {
        let labels: BTreeMap<_, _> =
            [("zone", "production"), ("team", "billing")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let one = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (selector, selected, words) in [
            (json!({"matchLabels": {"zone": "production"}}), true, "zone=production"),
            (json!({"matchLabels": {"zone": "staging"}}), false, "zone=staging"),
            (json!({"matchLabels": {"tier": "production"}}), false, "tier=production"),
            (json!({"matchLabels": {"team": "billing", "zone": "production"}}), true, "team=billing,zone=production"),
            (json!({"matchLabels": {"team": "other", "zone": "production"}}), false, "team=other,zone=production"),
            (one("zone", "In", &["staging", "production"]), true, "zone in (staging,production)"),
            (one("zone", "In", &["staging"]), false, "zone in (staging)"),
            (one("tier", "In", &["staging"]), false, "tier in (staging)"),
            (one("zone", "NotIn", &["production"]), false, "zone notin (production)"),
            (one("zone", "NotIn", &["staging"]), true, "zone notin (staging)"),
            (one("tier", "NotIn", &["staging"]), true, "tier notin (staging)"),
            (one("tier", "NotIn", &[]), false, "tier notin ()"),
            (one("zone", "Exists", &[]), true, "zone"),
            (one("tier", "Exists", &[]), false, "tier"),
            (one("tier", "DoesNotExist", &[]), true, "!tier"),
            (one("zone", "DoesNotExist", &[]), false, "!zone"),
            (one("zone", "Near", &["production"]), false, "zone"),
            (
                json!({"matchLabels": {"zone": "production"},
                    "matchExpressions": [{"key": "team", "operator": "In", "values": ["pay"]}]}),
                false,
                "zone=production,team in (pay)",
            ),
        ] {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            assert_eq!(selects(&selector, &labels), selected, "{selector:?}");
            assert_eq!(in_words(&selector), words);
        }
    }

    #[test]
    fn a11_an_empty_selector_selects_nothing() {
        for selector in [json!({}), json!({"matchLabels": {}}), json!({"matchLabels": {}, "matchExpressions": []})] {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            assert!(!selects(&selector, &BTreeMap::new()));
        }
    }
}
