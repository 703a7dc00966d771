//! No text makes the scanner panic, and what is masked once stays as it is.
//!
//! `cargo fuzz run -s none redact` works on stable Rust.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltbot_audit::redact::{find, mask, mask_and_truncate, mask_json};

fuzz_target!(|text: &str| {
    let mut end = 0;
    for found in find(text) {
        assert!(found.at.start >= end && found.at.end <= text.len());
        assert!(text.is_char_boundary(found.at.start) && text.is_char_boundary(found.at.end));
        end = found.at.end;
    }
    let masked = mask(text);
    assert_eq!(mask(&masked), masked);
    let _ = mask_and_truncate(text, text.len() / 2);
    if let Ok(mut value) = serde_json::from_str(text) {
        mask_json(&mut value);
        let once = value.clone();
        mask_json(&mut value);
        assert_eq!(value, once);
    }
});
