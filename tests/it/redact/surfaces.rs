//! JSON, and the kit for hosts.

use std::sync::Arc;

use moltbot_audit::redact::mask_json;
use moltbot_audit::store::{AuditStore, StoreError};
use moltbot_audit::testing::{MemoryStore, assert_no_personal_data};
use moltbot_audit::{Auditor, Effect, StreamId, Switch, event::payload::MoltbotInput};
use serde_json::json;

use crate::support::records::{KEY, named_request};

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
fn long_hostile_texts_are_masked_in_linear_time() {
    // Not timed: a quadratic scan of 256 KiB would take an unoptimised build many minutes.
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
        let text = piece.repeat((1 << 18) / piece.len());
        let masked = moltbot_audit::redact::mask(&text);
        assert!(masked.len() <= 2 * text.len());
    }
}

/// What is stored of a call that fails with this.
async fn stored_of(error: String) -> String {
    let store = Arc::new(MemoryStore::default());
    store.reset_switch(Switch::AI);
    let auditor = Auditor::builder(store.clone(), KEY).build();
    let request = named_request("7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11");
    let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request);
    let failed = auditor.effect(effect).run(async || Err::<(), _>(error)).await;
    // The host's own error is the host's; what stands around it says nothing of it.
    assert!(!format!("{:?}", failed.expect_err("it failed")).contains("LEAK"));
    let snapshot = store.read_stream(StreamId::from(&request)).await.expect("it is there");
    let snapshot = snapshot.expect("it has events");
    let payloads = snapshot.records.iter().flat_map(|record| [&record.input, &record.output]);
    payloads.flatten().map(ToString::to_string).collect()
}

#[tokio::test]
async fn secrets_do_not_enter_through_a_hosts_errors() {
    for error in [
        "error connecting to postgres://audit:LEAKpass@db.internal/moltbot: refused",
        "401 for https://api.example/v1?key=LEAK0123456789",
        "request failed: Authorization: Bearer LEAK0123456789abcdef",
        "body was {\"access_token\":\"LEAK0123456789\",\"expires_in\":3600}",
        "{\"service_role_key\":\"LEAK\",\"retry\":[{\"media_url\":\"https://x/LEAK\"}]}",
        "password=LEAKword; host=db.internal",
    ] {
        let stored = stored_of(error.to_owned()).await;
        assert!(!stored.contains("LEAK"), "{stored}");
        assert!(stored.contains("[secret ") || stored.contains("[signed_url "), "{stored}");
    }
}

#[tokio::test]
async fn an_error_of_the_driver_shows_neither_password_nor_value() {
    let url = "postgres://audit:LEAKpass@127.0.0.1:1/none?connect_timeout=1";
    let failed = moltbot_audit::store::open(url).await.map(drop).expect_err("nobody listens there");
    let mut said = format!("{failed} {failed:?}");
    let mut source = std::error::Error::source(&failed);
    while let Some(error) = source {
        said = format!("{said} {error} {error:?}");
        source = error.source();
    }
    assert!(matches!(failed, StoreError::Unavailable { .. }), "{said}");
    assert!(!said.contains("LEAK"), "{said}");
    assert_no_personal_data(&said);
}
