//! What holds for every text.

use moltbot_audit::redact::{mask, mask_and_truncate, mask_json};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::corpus::{around, subscriber, written};
use super::quality::leaks;
use crate::support::seeded::Seeded;

/// A number in a way people write it, in a text.
fn planted() -> impl Strategy<Value = (String, String)> {
    any::<u64>().prop_map(|seed| {
        let mut seeded = Seeded::new(seed);
        let number = subscriber(&mut seeded);
        let text = written(&mut seeded, &number);
        (around(&mut seeded, &text), number)
    })
}

proptest! {
    #[test]
    fn no_run_of_seven_digits_of_a_number_survives_on_any_surface((text, number) in planted(), cut in 0_usize..200) {
        prop_assert!(!leaks(&mask(&text), &number), "{text}");
        prop_assert!(!leaks(&mask_and_truncate(&text, cut), &number), "{text}");
        for mut value in [json!(text), json!({ "a": [text] }), json!({ text.clone(): 1 }), json!({ "a": json!({ "b": text }).to_string() })] {
            mask_json(&mut value);
            let shown = strings(&value).concat();
            prop_assert!(!leaks(&shown, &number), "{text}: {shown}");
        }
    }

    #[test]
    fn a_number_that_a_text_breaks_off_in_is_masked((text, number) in planted(), cut in 0_usize..200) {
        let text = &text[..text.floor_char_boundary(cut)];
        let all = super::quality::digits(text);
        prop_assume!(!text.contains('%'));
        // Seven digits that begin without prefix are a price as well.
        prop_assume!(!all.ends_with(&number[..7]) && !all.ends_with(&number[..8]));
        prop_assert!(!leaks(&mask(text), &number), "{text}");
    }

    #[test]
    fn masking_twice_changes_nothing(text in "\\PC{0,60}", (planted, _) in planted()) {
        for text in [format!("{text}{planted}"), format!("{planted}{text}{planted}")] {
            let once = mask(&text).into_owned();
            prop_assert_eq!(&mask(&once), &once, "{}", text);
        }
    }

    #[test]
    fn masking_json_twice_changes_nothing(text in "\\PC{0,40}", (planted, _) in planted()) {
        let mut once = json!({ "body": format!("{text} {planted}"), "access_token": text, "wa_id": 250_788_123_456_u64 });
        mask_json(&mut once);
        let mut twice = once.clone();
        mask_json(&mut twice);
        prop_assert_eq!(once, twice);
    }

    /// Beside letters that make up no word which says what a number is: `mfa` would.
    #[test]
    fn uuids_times_and_prices_come_out_unchanged(seed in any::<u128>(), seconds in 1_600_000_000_i64..1_900_000_000, price in 1_u32..999, before in "[bdfghéz ]{0,12}", after in "[bdfghéz ]{0,12}") {
        let uuid = uuid::Uuid::from_u128(seed).to_string();
        // One whose last part looks like a number, inside of an idempotency key.
        let tail = seconds % 100_000_000;
        let key = format!("request:{}-{}-2507{tail:08}:x", &uuid[..18], &uuid[19..23]);
        let time = chrono::DateTime::from_timestamp(seconds, 123_456_000).expect("a time").to_rfc3339();
        for harmless in [uuid, key, time, seconds.to_string(), format!("{seconds}123"), format!("{price},500 RWF"), format!("{price} 500 Frw")] {
            let text = format!("{before} {harmless} {after}");
            prop_assert_eq!(&*mask(&text), &text);
        }
    }

    #[test]
    fn masking_what_was_cut_changes_nothing((planted, _) in planted(), pieces in proptest::collection::vec(prop::sample::select(PIECES), 0..12)) {
        let text = format!("{}{planted}", pieces.concat());
        for cut in 0..=text.len() {
            let once = mask_and_truncate(&text, cut).into_owned();
            prop_assert!(once.len() <= cut);
            prop_assert_eq!(&mask(&once), &once, "{} cut at {}", text, cut);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            let _ = mask(&text).len() + mask_and_truncate(&text, 20).len();
        }
    }

    #[test]
    fn no_pieces_make_it_panic(pieces in proptest::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let text = pieces.concat();
        let once = mask(&text).into_owned();
        prop_assert_eq!(&mask(&once), &once, "{}", text);
    }
}

/// The scanner tells a UUID by several bytes at once; here it is told byte by byte. Its last part is a
/// phone number wherever it is none.
#[test]
fn a_uuid_with_any_other_byte_in_it_is_none() {
    let uuid = "abcdefab-cdef-abcd-efab-250788123456";
    let is_uuid = |text: &str| {
        text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    // The dash at 23 stays: without it the digits behind it would be no number.
    for at in 0..23 {
        for other in (0..128).map(char::from) {
            let mut text = uuid.to_owned();
            text.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
            assert_eq!(mask(&text) == text, is_uuid(&text), "{text:?}");
        }
    }
    for at in 0..22 {
        let mut text = uuid.to_owned();
        text.replace_range(at..at + 2, "é");
        assert_ne!(mask(&text), text, "{text:?}");
    }
}

/// What scanners stumble over.
pub(crate) const PIECES: &[&str] = &[
    "@",
    "a@b.rw",
    "+",
    "00",
    "250",
    "0788123456",
    "788",
    "123",
    "456",
    " ",
    "-",
    ".",
    "/",
    "%20",
    "%2B",
    "٠٧",
    "０",
    "eyJ",
    "sk-",
    "=",
    ":",
    "password=",
    "Bearer ",
    "://",
    "?token=",
    "DE89",
    "3704 0044 0532 0130 00",
    "4242 4242 4242 4242",
    "***",
    "[",
    "]",
    "\"",
    "{",
    "}",
    "é",
    "\u{200b}",
    "24/11/2026",
    "-----BEGIN ",
    "-----",
    "-----END ",
    "KEY",
    "*182*8*1*",
    "momo code ",
    "abcdef0123456789",
    "\n",
    ",",
    "000",
    "RWF",
];

/// Every text in a value, member names too.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| [vec![name.clone()], strings(member)].concat())
            .collect(),
        other => vec![other.to_string()],
    }
}
