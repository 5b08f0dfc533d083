//! Facts as the interpreter holds them: in one step, and without copies of their texts.
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt};
use cel::common::value::Val;
use serde_json::Value;
use std::collections::HashMap;

/// What the interpreter holds.
type Held<'v> = Box<dyn Val + 'v>;

/// Any JSON, as `cel::to_value` would hold it: numbers without a sign are `uint`.
pub fn of(json: &Value) -> Held<'_> {
    match json {
        Value::Null => Box::new(CelNull),
        Value::Bool(yes) => Box::new(CelBool::from(*yes)),
        Value::Number(number) => self::number(number),
        Value::String(text) => self::text(text),
        Value::Array(all) => list(all, of),
        Value::Object(all) => map(all.iter().map(|(key, value)| (key.as_str(), of(value)))),
    }
}
fn number<'v>(number: &serde_json::Number) -> Held<'v> {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => Box::new(CelUInt::from(number)),
        (None, Some(number)) => Box::new(CelInt::from(number)),
        (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
    }
}
/// A text.
pub fn text(text: &str) -> Held<'_> {
    Box::new(CelString::from(text))
}
/// A list, element by element.
pub fn list<'v, T>(all: &'v [T], held: impl Fn(&'v T) -> Held<'v>) -> Held<'v> {
    Box::new(CelList::from(all.iter().map(held).collect::<Vec<_>>()))
}
/// A map.
pub fn map<'v>(all: impl IntoIterator<Item = (&'v str, Held<'v>)>) -> Held<'v> {
    let all: HashMap<CelMapKey<'v>, Held<'v>> = all.into_iter().map(|(key, held)| (key.into(), held)).collect();
    Box::new(CelMap::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn any_json_is_held_as_the_interpreter_would_make_it() {
        for json in [
            json!(null),
            json!(true),
            json!([0, 1, u64::MAX, -1, i64::MIN, 1.5, -0.0, 1e308]),
            json!(["", "a", "é\u{0}", "a b"]),
            json!([]),
            json!({}),
            json!({"a": {"b": [{"c": null}, [], [[1]]]}, "": "empty", "d": [true, false]}),
        ] {
            let ours = cel::Value::try_from(of(&json).as_ref()).unwrap();
            assert_eq!(ours, cel::to_value(&json).unwrap(), "{json}");
        }
    }
}
