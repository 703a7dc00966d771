//! Keyed hashes of phone numbers: spellings of one number agree, two numbers never do.

use std::collections::HashMap;

use moltbot_audit::redact::{CallingCode, PhoneError, RedactionKey};
use serde_json::Value;

use crate::support::records::KEY;

fn vectors(name: &str) -> Value {
    let path = format!("{}/tests/vectors/v1/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("JSON")
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn hashes_are_those_of_the_vectors() {
    let cases = vectors("phone_hash");
    assert!(list(&cases).len() >= 8);
    for case in list(&cases).iter().filter(|case| !text(&case["number"]).starts_with('?')) {
        let key = RedactionKey::from_hex(text(&case["key"])).expect("a key");
        let number = format!("+{}", text(&case["number"]));
        assert_eq!(key.phone_hash(&number).unwrap(), text(&case["hash"]), "{number}");
    }
}

#[test]
fn spellings_of_one_number_agree() {
    let cases = vectors("phone_spellings");
    for case in list(&cases["spellings"]) {
        let home = CallingCode::new(text(&case["calling_code"])).expect("a code");
        let expected = KEY.phone_hash(&format!("+{}", text(&case["number"]))).expect("a number");
        for written in list(&case["texts"]) {
            let hash = KEY.clone().calling_code(home).phone_hash(text(written));
            assert_eq!(hash.as_deref(), Ok(&*expected), "{} in {home:?}", text(written));
        }
    }
}

#[test]
fn numbers_of_all_countries_stay_apart_with_and_without_their_plus() {
    let cases = vectors("phone_spellings");
    let numbers = list(&cases["numbers"]);
    assert!(numbers.len() > 400);
    let mut seen = HashMap::new();
    let mut differ = Vec::new();
    for number in numbers.iter().map(text) {
        let hash = KEY.phone_hash(&format!("+{number}")).expect("a number");
        for written in [format!("00{number}"), number.to_owned()] {
            if KEY.phone_hash(&written).as_deref() != Ok(&*hash) {
                differ.push(written);
            }
        }
        assert_eq!(seen.insert(hash, number), None, "{number}");
    }
    // These are as long as Rwanda's own numbers and begin like them.
    assert_eq!(differ, [""; 0]);
}

#[test]
fn what_is_no_phone_number_is_an_error_that_does_not_repeat_it() {
    let cases = vectors("phone_spellings");
    for (fault, texts) in cases["refused"].as_object().expect("lists") {
        let expected = match fault.as_str() {
            "no_digit" => PhoneError::NoDigit,
            "not_a_number" => PhoneError::NotANumber,
            "too_long" => PhoneError::TooLong,
            other => panic!("{other}"),
        };
        for written in list(texts).iter().map(text) {
            assert_eq!(KEY.phone_hash(written), Err(expected), "{written:?}");
        }
    }
    assert!(CallingCode::new("254").is_ok());
    for code in ["", "0", "2", "25", "2507", "999", "+250", "x"] {
        assert_eq!(CallingCode::new(code), Err(PhoneError::UnknownCallingCode), "{code:?}");
    }
}

#[test]
fn digits_that_are_no_countrys_number_meet_no_number() {
    let hashes = ["7881234567", "78812345", "0788 12", "912", "+7881234567", "+912"]
        .map(|written| KEY.phone_hash(written).expect("digits"));
    let distinct: std::collections::HashSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}
