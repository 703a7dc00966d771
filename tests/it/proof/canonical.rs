//! Canonical JSON against another implementation of RFC 8785.

use moltbot_audit::proof::{canonical, sanitise};
use proptest::prelude::{ProptestConfig, proptest};
use proptest::prop_assert_eq;
use serde_json::{Value, json};

use crate::support::json::{json as any_json, number};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn canonical_agrees_with_another_implementation_of_rfc_8785(value in any_json()) {
        let value = sanitise(value);
        prop_assert_eq!(canonical(&value), serde_json_canonicalizer::to_string(&value).unwrap());
    }

    #[test]
    fn canonical_survives_being_parsed(value in any_json()) {
        let text = canonical(&sanitise(value));
        let parsed: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(canonical(&parsed), text);
    }
}

#[test]
fn keys_are_in_the_order_of_their_utf_16_code_units() {
    // U+1F600 is D83D DE00 in UTF-16, before U+E000, though it is after it in UTF-8.
    let value = json!({ "\u{e000}": 1, "😀": 2, "\u{ffff}": 3, "\u{d7ff}": 4, "a": 5 });
    let expected = "{\"a\":5,\"\u{d7ff}\":4,\"😀\":2,\"\u{e000}\":1,\"\u{ffff}\":3}";
    assert_eq!(canonical(&value), expected);
}

#[test]
fn control_characters_are_escaped_and_nothing_else_is() {
    let value = json!("\u{0}\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}\u{2028}é");
    let expected = "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}\u{2028}é\"";
    assert_eq!(canonical(&value), expected);
}

#[test]
fn numbers_are_written_as_ecmascript_writes_them() {
    for (double, expected) in [
        (-0.0, "0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (5e-324, "5e-324"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (f64::MAX, "1.7976931348623157e+308"),
        (333_333_333.333_333_3, "333333333.3333333"),
        (-12_500.5, "-12500.5"),
    ] {
        assert_eq!(canonical(&number(double)), expected);
    }
    assert_eq!(canonical(&json!(9_007_199_254_740_991_i64)), "9007199254740991");
    assert_eq!(canonical(&json!(-9_007_199_254_740_991_i64)), "-9007199254740991");
}
