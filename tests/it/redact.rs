//! What is found in text, and what never enters the store.

mod added_name;
mod at_rest;
mod attacks;
pub(crate) mod corpus;
mod disguises;
mod health;
mod health_texts;
pub(crate) mod key_names;
mod known_names;
mod nobodys;
mod numbers_in_software;
mod phone_hashes;
pub(crate) mod properties;
mod quality;
pub(crate) mod secret_rules;
mod secret_texts;
mod surfaces;
mod world;

use chrono::DateTime;
use moltbot_audit::proof::Salt;
use moltbot_audit::record::{Record, seal};
use moltbot_audit::redact::{RedactionKey, find_phones};
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use crate::support::records::KEY;

fn sealed(event: AuditEvent) -> Record {
    let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
    let key = RedactionKey::from_bytes([1; 32]);
    seal(event, now, 1, Salt::from_bytes([2; 16]), &key).expect("a valid event")
}

fn event() -> AuditEvent {
    AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot)
}

/// What becomes of a payload.
pub(crate) fn entered(payload: Value) -> Value {
    sealed(event().input(payload)).input().expect("an input")
}

#[test]
fn phone_numbers_are_found_in_every_way_they_are_written() {
    for text in [
        "+250788123456",
        "250788123456",
        "0788123456",
        "788123456",
        "00250788123456",
        "+250 788 123 456",
        "+250-788-123-456",
        "+250.788.123.456",
        "+250 (0) 788 123 456",
        "(+250) 788 123 456",
        "0788/123/456",
        "+250\u{a0}788\u{a0}123\u{a0}456",
        "+250\u{2009}788\u{2009}123456",
        "+250\u{2011}788\u{2011}123456",
        "078\u{200b}812\u{200b}3456",
        "٠٧٨٨١٢٣٤٥٦",
        "＋２５０７８８１２３４５６",
        "https://wa.me/250788123456?text=hi",
        "tel:+250788123456",
        "call0788123456now",
        "request:7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11:to:+250788123456:hash:ab12",
        "{\"from\":\"250788123456\"}",
        "+256 772 123456",
        "+44 20 7946 0958",
        "250788123456deadbeef",
        "https://wa.me/?text=call%200788123456",
        "0788_123_456",
        "078 - 812 - 3456",
    ] {
        let found = find_phones(text);
        assert_eq!(found.len(), 1, "{text}");
        assert!(text.is_char_boundary(found[0].at.start) && text.is_char_boundary(found[0].at.end));
    }
    let two = "MoMo 0788123456 or 0722654321";
    let found: Vec<_> = find_phones(two).into_iter().map(|phone| &two[phone.at]).collect();
    assert_eq!(found, ["0788123456", "0722654321"]);
}

#[test]
fn what_is_no_phone_number_is_left_alone() {
    for text in [
        "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11",
        "12345678-1234-1234-1234-250788123456",
        "1790000000",
        "1790000000123",
        "2026-11-24T03:21:45.305995Z",
        "24/11/2026 10:15",
        "15,000 RWF",
        "8,000-12,000 RWF",
        "15k–30k",
        "Order 20261124-000451",
        "version 1.2.3.4",
        "-1.9441, 30.0619",
        "eea880a02ddf7250e6e04a31178fa22d0a130b0a4106502ed54bdcc66a3a3f21",
        "KN 12 St",
        "500mg, 21 tablets, 3x daily",
        "1 + 1 = 2",
        "2026-07-28T07:15:00.781234567Z",
        "2026-07-28 07:15:00.0123456789",
        "785 000 - 790 000 Frw",
        "730 000/750 000",
        "order 0012345678",
        "ORD-250123456789",
        "",
    ] {
        let found: Vec<_> = find_phones(text).into_iter().map(|phone| &text[phone.at]).collect();
        assert_eq!(found, [""; 0], "{text}");
    }
}

/// Texts of which nothing secret may be left; the secret part contains `LEAK` or stands behind it.
const SECRETS: &[(&str, &str)] = &[
    ("the key is sk-proj-LEAKabcdefghijklmnop", "LEAK"),
    ("sbp_LEAK0123456789abcdef0123456789", "LEAK"),
    ("AKIALEAK0123456789AB", "LEAK"),
    ("ghp_LEAK0123456789abcdef0123456789abcdef", "LEAK"),
    ("xoxb-LEAK-0123456789-abcdef", "LEAK"),
    ("key=AIzaLEAK0123456789abcdef0123456789abc", "LEAK"),
    ("EAAGLEAK0123456789abcdef0123456789abcdef0123456789", "LEAK"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJMRUFLIjoxfQ.LEAKsignature", "LEAK"),
    ("Authorization: Bearer LEAK0123456789", "LEAK"),
    ("basic TEVBSzpMRUFLTEVBSw==", "TEVBSz"),
    ("postgres://audit:LEAK@db.internal/moltbot", "LEAK"),
    ("https://lookaside.fbsbx.com/whatsapp/m/?mid=1&oh=LEAK0123", "LEAK"),
    ("https://x.supabase.co/storage/v1/object/sign/a.jpg?token=LEAK", "LEAK"),
    ("https://bucket.s3.amazonaws.com/a?X-Amz-Signature=LEAK", "LEAK"),
    ("https://host?token=LEAK012345", "LEAK"),
    ("https://host/cb#access_token=LEAK012345", "LEAK"),
    ("https://host/eyJhbGciOiJIUzI1NiJ9.eyJMRUFLIjoxfQ.sig/LEAK", "LEAK"),
    ("task-sk-live-0 and sk-LEAK0123456789abcdef", "LEAK"),
    ("https://p.supabase.co/rest/v1/?apikey=eyJhbGciOiJIUzI1NiJ9.eyJMRUFLIjoxfQ.LEAK", "LEAK"),
    ("error for url (https://x.rw/?key=sk-ant-api03-LEAK0123456789abcdef)", "LEAK"),
    ("https://ghp_LEAK0123456789abcdef0123456789abcdef@github.com/x", "LEAK"),
    ("https://storage.googleapis.com/b/o?X-Goog-Signature=LEAK", "LEAK"),
    ("postgres://u:pa/LEAK@db", "LEAK"),
    ("postgres://u:hun(LEAK)@h/db", "LEAK"),
    ("postgres://u:hu|n'[LEAK]@h/db", "LEAK"),
    ("mail https://u:p@s(LEAK)@h/db now", "LEAK"),
    ("https://hooks.slack.com/services/T0/B0/LEAK0123", "LEAK"),
    ("bot 123456789:AALEAK-0123456789abcdefghijklmnopqrs", "LEAK"),
    ("https://x.rw/a?id=1&amp;signature=LEAK0123", "LEAK"),
    ("password => LEAK2", "LEAK"),
    ("{\"password\":\"LEAK2\"}", "LEAK"),
    ("AGE-SECRET-KEY-1LEAK0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "LEAK"),
    ("PRIVATE+KEY+audit.rw/packs+0badcafe+AQLEAK0123456789abcdefghijklmnopqrstuvwxyz01", "LEAK"),
    ("FLWSECK-LEAK0123456789abcdef-X", "LEAK"),
    ("xai-LEAK0123456789abcdefghij", "LEAK"),
    ("sntrys_LEAK0123456789abcdef", "LEAK"),
    ("data:image/jpeg;base64,LEAK/9j/4AAQSkZJRg==", "LEAK"),
    ("-----BEGIN PRIVATE KEY-----\nLEAK\n-----END PRIVATE KEY-----", "LEAK"),
];

#[test]
fn secrets_of_known_form_do_not_enter_anywhere() {
    let photo = "LEAKed0123".repeat(40);
    for (text, secret) in SECRETS.iter().copied().chain([(photo.as_str(), "LEAK")]) {
        let mut told = event()
            .input(json!({ "a": [text], "b": { "c": text } }))
            .output(json!(text))
            .idempotency_key(text.chars().take(500).collect::<String>());
        // Some are no ids that a host may give.
        told.conversation_id = KEY.conversation_id(text).ok();
        let record = sealed(told);
        let kept = format!(
            "{:?}{:?}{:?}{:?}",
            record.input(),
            record.output(),
            record.idempotency_key(),
            record.host_ids()
        );
        assert!(!kept.contains(secret), "{text}: {kept}");
        assert!(
            kept.contains("[secret ") || kept.contains("[signed_url ") || kept.contains("[media ")
        );
    }
}

#[test]
fn secrets_under_telling_names_do_not_enter_at_any_depth() {
    for name in [
        "access_token",
        "service_role_key",
        "apiKey",
        "API-KEY",
        "Authorization",
        "cookie",
        "set-cookie",
        "client_secret",
        "dbPassword",
        "media_url",
        "mediaUrl",
        "recording_url",
        "image_base64",
        "privateKey",
        "PassWord",
        "pass word",
        "DBPASSWORD",
        "user_pass",
        "pass",
        "passwordHash",
        "encryption_key",
        "SUPABASE_ANON_KEY",
        "X-Hub-Signature-256",
    ] {
        let deep = (0..80).fold(json!({ name: "LEAK" }), |inner, _| json!({ "in": inner }));
        for payload in [json!({ name: "LEAK" }), json!([{ name: ["LEAK", { "x": "LEAK" }] }]), deep]
        {
            let kept = entered(payload).to_string();
            assert!(!kept.contains("LEAK"), "{name}: {kept}");
        }
    }
}

#[test]
fn secrets_beside_their_names_in_pairs_do_not_enter() {
    let pairs = json!([
        ["authorization", "LEAK"],
        { "name": "authorization", "value": "LEAK" },
        { "key": "password", "value": "LEAK" },
        { "MediaUrl0": "LEAK" },
    ]);
    let kept = entered(pairs.clone()).to_string();
    assert!(!kept.contains("LEAK"), "{kept}");
    let mut masked = pairs;
    moltbot_audit::redact::mask_json(&mut masked);
    assert!(!masked.to_string().contains("LEAK"), "{masked}");
}

#[test]
fn ordinary_content_enters_as_it_is() {
    let payload = json!({
        "text": "Muraho! I have it, 12,000 RWF, call 0788123456 or see https://wa.me/250788123456",
        "input_tokens": 812, "max_tokens": 100, "token_count": 7,
        "id": "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11",
        "hash": "eea880a02ddf7250e6e04a31178fa22d0a130b0a4106502ed54bdcc66a3a3f21",
        "link": "https://example.rw/shop?id=12&page=2",
        "note": "ask-client, risk-free, basic phone",
        "wamid": "wamid.HBgMMjUwNzg4MTIzNDU2FQIAEhgUM0E=",
        "said": "need the Basic package, bearer certificate; a basic smartphone cheap",
        "shop": "Basic Electronics", "sku": "sk-samsung-galaxy-a15", "id2": "sk-electronics-kigali",
        "hey": "heyJohn.Please call", "line": "-".repeat(300), "begin": "-----BEGIN EXAMPLE, then",
        "token_type": "x", "tokenizer": "y", "stop_tokens": ["z"], "secretary_name": "w",
    });
    assert_eq!(entered(payload.clone()), payload);
}

#[test]
fn a_phone_number_in_an_idempotency_key_is_a_keyed_hash_that_still_deduplicates() {
    let key = |number: &str| {
        let record = sealed(event().idempotency_key(format!("request:1:to:{number}:hash:9")));
        record.idempotency_key().expect("a key").to_owned()
    };
    let kept = key("+250788123456");
    assert!(!kept.contains("788123456") && kept.starts_with("request:1:to:phone-"), "{kept}");
    assert_eq!(kept, key("0788123456"), "two ways to write one number");
    assert_ne!(kept, key("+250788123457"));
}

#[test]
fn an_idempotency_key_holds_no_number_of_any_country() {
    let key = |key: &str| {
        let record = sealed(event().idempotency_key(key));
        record.idempotency_key().expect("a key").to_owned()
    };
    let kept = key("seen 447911123456");
    assert!(kept.starts_with("seen phone-"), "{kept}");
    let kept = key("request:1:to:447946095812:hash:9");
    assert!(kept.starts_with("request:1:to:phone-") && kept.ends_with(":hash:9"), "{kept}");
}

#[test]
fn hostile_texts_cost_linear_time() {
    // Not timed: a quadratic scan of these would not end within the test's patience.
    for text in
        ["7".repeat(1 << 20), "a@".repeat(1 << 19), "+7 ".repeat(1 << 18), "a-".repeat(1 << 19)]
    {
        assert_eq!(find_phones(&text).len(), 0);
        let text = &text[..1 << 19];
        assert!(entered(json!({ "text": text })).is_object());
    }
}
