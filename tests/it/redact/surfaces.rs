//! JSON, and the kit for hosts.

use moltbot_audit::redact::mask_json;
use moltbot_audit::testing::assert_no_personal_data;
use serde_json::json;

#[test]
fn the_name_of_a_key_decides_in_any_case_style() {
    for name in [
        "access_token",
        "service_role_key",
        "api-key",
        "authorization",
        "cookie",
        "mediaUrl",
        "recording_url",
        "X-Api-Key",
    ] {
        for mut value in [
            json!({ name: "x" }),
            json!([{ "a": { name: ["x", { "b": "x" }] } }]),
            json!(json!({ name: "x" }).to_string()),
        ] {
            mask_json(&mut value);
            assert!(!value.to_string().contains("\"x"), "{value}");
        }
    }
    let mut value = json!({ "patientName": "Marie", "from_number": "447946095812", "WA_ID": 447_946_095_812_u64, "count": 447_946 });
    mask_json(&mut value);
    assert_eq!(
        value,
        json!({ "patientName": "[name]", "from_number": "***812", "WA_ID": "***812", "count": 447_946 })
    );
}

#[test]
#[should_panic(expected = "holds [(Phone, 5..15)]")]
fn the_kit_for_hosts_fails_a_text_that_leaks() {
    assert_no_personal_data("call 0788123456");
}

#[test]
fn hostile_texts_of_a_mebibyte_are_masked_in_linear_time() {
    // Not timed: a quadratic scan of these would not end within the test's patience.
    for piece in [
        "7",
        "a@",
        "[",
        "{\"a\":",
        "+7 ",
        "a-",
        "0788 ",
        "eyJ-",
        "eyJaaaaaaaaaaaaa.",
        "sk-",
        "-----BEGIN A-----",
        "password=",
        "://",
        "DE8",
        "*",
        "%2",
        "a.b@",
        "٧",
        "0 ",
        "Bearer ",
    ] {
        let text = piece.repeat((1 << 20) / piece.len());
        let masked = moltbot_audit::redact::mask(&text);
        assert!(masked.len() <= 2 * text.len());
    }
}
