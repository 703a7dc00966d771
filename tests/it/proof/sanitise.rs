//! What a value gives up to survive a database, and what it keeps.

use moltbot_audit::proof::{MAX_DEPTH, canonical, sanitise};
use proptest::prelude::{ProptestConfig, proptest};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use crate::support::json::{json as any_json, shallow_json};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn sanitising_again_changes_nothing(value in any_json()) {
        let once = sanitise(value);
        prop_assert_eq!(sanitise(once.clone()), once);
    }

    #[test]
    fn every_member_and_element_is_kept(value in shallow_json()) {
        let before = size(&value);
        prop_assert_eq!(size(&sanitise(value)), before);
    }

    #[test]
    fn no_nul_and_no_integer_beyond_a_double_survives(value in any_json()) {
        let value = sanitise(value);
        prop_assert!(!has_nul(&value));
        let limit = (1_u64 << 53) - 1;
        let exact = |n: &serde_json::Number| {
            n.as_i64().map(i64::unsigned_abs).or(n.as_u64()).is_none_or(|n| n <= limit)
                && n.as_f64().is_some_and(|n| n.abs() <= 9_007_199_254_740_991.0)
        };
        prop_assert!(numbers(&value).into_iter().all(exact));
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => {
            members.iter().any(|(key, member)| key.contains('\0') || has_nul(member))
        }
        _ => false,
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

fn numbers(value: &Value) -> Vec<&serde_json::Number> {
    match value {
        Value::Number(number) => vec![number],
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Object(members) => members.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn nested(levels: usize, innermost: Value) -> Value {
    (0..levels).fold(innermost, |inner, level| {
        if level % 2 == 0 { json!([inner]) } else { json!({ "in": inner }) }
    })
}

#[test]
fn keys_that_meet_when_nul_is_replaced_stay_apart() {
    let value = json!({ "a\0": 1, "a\u{fffd}": 2, "a\u{fffd}\u{fffd}": 3 });
    let Value::Object(kept) = sanitise(value) else { panic!("no object") };
    let mut values: Vec<_> = kept.values().filter_map(Value::as_i64).collect();
    values.sort_unstable();
    assert_eq!(values, [1, 2, 3]);
    assert!(kept.keys().all(|key| !key.contains('\0')));
}

#[test]
fn integers_beyond_a_double_keep_all_their_digits_as_text() {
    let limit = 9_007_199_254_740_991_i64;
    assert_eq!(sanitise(json!([limit, -limit])), json!([limit, -limit]));
    assert_eq!(sanitise(json!(limit + 1)), json!("9007199254740992"));
    assert_eq!(sanitise(json!(-limit - 1)), json!("-9007199254740992"));
    assert_eq!(sanitise(json!(u64::MAX)), json!("18446744073709551615"));
    assert_eq!(sanitise(json!(i64::MIN)), json!("-9223372036854775808"));
}

#[test]
fn depth_is_bounded_and_what_lies_deeper_is_kept_as_text() {
    let at_limit = nested(MAX_DEPTH, json!(1));
    assert_eq!(sanitise(at_limit.clone()), at_limit);

    let deep = sanitise(nested(200, json!("the innermost \0")));
    assert_eq!(depth(&deep), MAX_DEPTH);
    let text = canonical(&deep);
    assert!(text.contains("the innermost"));
    assert_eq!(sanitise(deep.clone()), deep);
    // The parser that reads it back stops at 128.
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), deep);
}

#[test]
fn integers_below_the_depth_limit_keep_all_their_digits_too() {
    let deep = sanitise(nested(MAX_DEPTH + 3, json!(u64::MAX)));
    assert!(canonical(&deep).contains("18446744073709551615"));
}

#[test]
fn an_empty_container_at_the_depth_limit_stays_what_it_is() {
    for empty in [json!([]), json!({})] {
        let value = nested(MAX_DEPTH, empty);
        assert_eq!(sanitise(value.clone()), value);
    }
}
