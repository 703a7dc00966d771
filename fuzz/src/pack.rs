//! No input makes the verifier panic, and a pack that it accepts is one however its JSON is written.
//!
//! `cargo fuzz run -s none pack` works on stable Rust. From nothing it does not get past the digests: first play
//! the scenarios (`cargo run --example concierge`), and copy the packs to `fuzz/corpus/pack`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltbot_audit::pack::{VerifyOptions, verify_request_pack, verify_request_pack_with};

fuzz_target!(|json: &[u8]| {
    let few = VerifyOptions { bytes_max: json.len().saturating_sub(1), ..VerifyOptions::default() };
    assert!(
        verify_request_pack_with(json, &few).is_err_and(|error| error.is_unusable())
            || json.is_empty()
    );
    match verify_request_pack(json) {
        Ok(pack) => {
            let value: serde_json::Value = serde_json::from_slice(json).expect("a pack is JSON");
            let again = verify_request_pack(value.to_string().as_bytes()).expect("the same pack");
            assert_eq!((again.verdict(), again.head()), (pack.verdict(), pack.head()));
            for unchecked in pack.unchecked() {
                assert!(unchecked.to_string().chars().all(|c| !c.is_control()));
            }
        }
        Err(error) => assert!(error.to_string().chars().all(|c| !c.is_control())),
    }
});
