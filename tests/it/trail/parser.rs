//! The crate's own parser reads what `serde_json` reads, and no more.

use moltbot_audit::json::{JsonErrorKind, parse};
use proptest::prelude::{Strategy, prop, proptest};
use proptest::{prop_assert_eq, prop_oneof};
use serde_json::{Value, json};

use crate::support::json::json as any_json;

/// Texts that are nearly JSON: its signs in any order.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"b\"",
        "\\",
        "\\u",
        "d83d",
        "\\ud83d\\ude4f",
        "0",
        "1",
        "-",
        ".",
        "e",
        "E",
        "+",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\t",
        "\u{a0}",
        "é",
        "\u{1}",
        "\"\\n\"",
        "1e400",
        "1.5",
        "-0",
        "18446744073709551616",
        "9223372036854775808",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Numbers as people and programs write them.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,25}",
        "-?[0-9]{1,3}\\.[0-9]{1,25}",
        "-?[0-9]{1,3}(\\.[0-9]{1,9})?[eE][+-]?[0-9]{1,3}"
    ]
}

/// Two values have one text only if they are the same to the last bit.
fn bits(value: &Value) -> String {
    value.to_string()
}

proptest! {
    #[test]
    fn any_value_is_read_back(value in any_json()) {
        prop_assert_eq!(bits(&parse(&value.to_string()).unwrap()), bits(&value));
        prop_assert_eq!(bits(&parse(&serde_json::to_string_pretty(&value).unwrap()).unwrap()), bits(&value));
    }

    #[test]
    fn text_is_json_to_both_or_to_neither(text in nearly_json()) {
        agree(&text);
    }

    #[test]
    fn numbers_are_the_same_to_the_last_bit(text in number()) {
        agree(&text);
        agree(&format!("[{text}]"));
    }
}

fn agree(text: &str) {
    let theirs = serde_json::from_str::<Value>(text).ok();
    match parse(text) {
        Ok(ours) => assert_eq!(theirs.as_ref().map(bits), Some(bits(&ours)), "{text}"),
        // serde_json takes the last of two.
        Err(error) if error.kind == JsonErrorKind::Repeated => {}
        Err(error) => assert_eq!(theirs, None, "{text}: {error}"),
    }
}

#[test]
fn a_fault_is_told_with_its_place_and_without_the_text() {
    for (text, expected) in [
        ("", "the JSON breaks off (line 1, column 1)"),
        ("{\"a\":", "the JSON breaks off (line 1, column 6)"),
        ("\"Muraho", "the JSON breaks off (line 1, column 8)"),
        ("[1,\n x]", "it is not JSON (line 2, column 2)"),
        ("[1] 2", "it is not JSON (line 1, column 5)"),
        ("{\"a\":1,\"a\":2}", "a member name occurs twice in one object (line 1, column 13)"),
        (
            "{\"a\":{\"a\":1,\"\\u0061\":2}}",
            "a member name occurs twice in one object (line 1, column 23)",
        ),
        ("[1e400]", "a number is out of range (line 1, column 7)"),
        ("\"\\ud800\"", "it is not JSON (line 1, column 8)"),
        ("\"\\udc00\"", "it is not JSON (line 1, column 8)"),
        ("\u{feff}1", "it is not JSON (line 1, column 1)"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn nesting_ends_with_an_error_and_not_with_the_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(1024)).is_ok());
    for depth in [1026, 10_000_000] {
        assert_eq!(parse(&nested(depth)).unwrap_err().kind, JsonErrorKind::TooDeep);
    }
    let objects = format!("{}1{}", "{\"a\":".repeat(1025), "}".repeat(1025));
    assert_eq!(parse(&objects).unwrap_err().kind, JsonErrorKind::TooDeep);
}

#[test]
fn names_of_serde_json_mean_nothing() {
    for name in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
        let text = format!("{{\"{name}\":\"[1]\"}}");
        let value = parse(&text).unwrap();
        assert_eq!(value.as_object().map(serde_json::Map::len), Some(1));
        assert_eq!(value[name], json!("[1]"));
        assert_eq!(value.to_string(), text);
    }
}
