//! Nothing personal is in a line, wherever it stood.

use std::fmt;

use moltbot_audit::redact::find;
use moltbot_audit::testing::assert_no_personal_data;
use proptest::prelude::{ProptestConfig, prop, prop_assert, proptest};
use tracing::{error, info, info_span, warn};

use super::lines::{Parsed, logged};

/// What must not be in any line, in forms that people write. The last are parts that no mask leaves.
const PLANTED: [&str; 12] = [
    "+250 788 123 456",
    "0788123456",
    "0788\u{a0}123\u{a0}456",
    "788.123.456",
    "0788\u{200b}123456",
    "\u{0660}\u{0667}\u{0668}\u{0668}\u{0661}\u{0662}\u{0663}\u{0664}\u{0665}\u{0666}",
    "marie.mukiza@gmail.com",
    "sk-proj-4f9aB7xK2mQ8vT1nR5wY3zLp",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "postgres://audit:hunter2@db.internal/moltbot",
    "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=ATt9xYz123AbCdEf",
    "4242 4242 4242 4242",
];

struct Shown<'a>(&'a str);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("text", &self.0).field("all", &[self.0, self.0]).finish()
    }
}

#[derive(Debug)]
struct Failed(String, Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

/// A line for each position that a text can stand in.
fn everywhere(text: &str) -> Vec<Parsed> {
    let source = Failed(format!("refused by {text}"), None);
    let failed = Failed(format!("no answer from {text}"), Some(Box::new(source)));
    let dynamic: &(dyn std::error::Error + 'static) = &failed;
    logged(|| {
        info!("sent to {text}");
        info!(text, "x");
        info!(text = %text, debug = ?text, nested = ?Shown(text), "x");
        info!(json = serde_json::json!({ "a": [{ "b": text }] }).to_string(), "x");
        info!(idempotency_key = format!("request:req-7:to:{text}:hash:0f3a9b2c"), "x");
        info!(request_id = text, conversation_id = text, event_type = text, actor = text, "x");
        info!(trace_id = text, span_id = text, timing_ms = text, error_code = text, "x");
        info!(body = text, patient_name = text, access_token = text, wa_id = text, tel = text, "x");
        error!(error = dynamic, cause = dynamic, error_id = text, "{failed} {failed:?}");
        warn!(error = %failed, error_message = ?failed, "x");
        let span = info_span!("s", text, request_id = %text, shown = ?Shown(text), later = "");
        span.record("later", text);
        let _entered = span.entered();
        info!("x");
    })
}

#[test]
fn nothing_personal_is_in_a_line_wherever_it_stood() {
    for planted in PLANTED {
        let lines = everywhere(planted);
        assert_eq!(lines.len(), 11);
        for line in lines {
            assert!(!line.line.contains(planted), "{planted}: {}", line.line);
            assert_no_personal_data(&line.line);
        }
    }
}

/// `Debug` writes what is not seen as `\u{a0}`, which no scan takes for a part of a number.
#[test]
fn what_debug_escapes_inside_of_a_number_hides_no_number() {
    for text in ["0788\u{a0}123\u{a0}456", "0788\u{200b}123456", "+250\u{2060}788\u{feff}123456"] {
        let lines = logged(|| info!(debug = ?text, nested = ?Shown(text), "{text:?}"));
        for name in ["debug", "nested", "message"] {
            let shown = lines[0].text(name);
            assert!(!shown.contains("788") && !shown.contains("123"), "{shown}");
        }
    }
}

#[test]
fn nothing_personal_is_in_a_name() {
    let lines = logged(|| {
        let _span = info_span!("s", "marie.mukiza@gmail.com" = 1).entered();
        info!("to +250788123456" = 2, "x");
    });
    assert_no_personal_data(&lines[0].line);
    assert_eq!(lines[0].whole("to ***456"), 2);
    assert_eq!(lines[0].whole("m***@***.com"), 1);
}

#[test]
fn numbers_that_people_have_are_masked_without_quotes_too() {
    let lines = logged(|| {
        info!(
            wa_id = 447_946_095_812_u64,
            from = 250_788_123_456_u64,
            tel = 4_155_552_671_i64,
            "x"
        );
        info!(
            phone = 788_123_456_u128,
            contact_phone = -788_123_456_i128,
            mobile = 4_155_552_671.0,
            "x"
        );
        info!(number = 788_123_456.5, momo_code = 123_456, otp = 482_913, token = 12, "x");
        let span = info_span!("s", wa_id = 1);
        span.record("wa_id", 250_788_123_456_u64);
        span.in_scope(|| info!("x"));
    });
    for line in &lines {
        assert_no_personal_data(&line.line);
        for part in ["788", "4479", "415555", "123456", "482913"] {
            assert!(
                !line.line[..].contains(part) || line.text("timestamp").contains(part),
                "{}",
                line.line
            );
        }
    }
    assert_eq!(lines[0].text("wa_id"), "***812");
    assert_eq!(lines[0].text("from"), "***456");
    assert_eq!(lines[2].text("otp"), "[secret]");
    assert_eq!(lines[2].whole("token"), 12);
    assert_eq!(lines[3].text("wa_id"), "***456");
}

#[test]
fn what_is_below_a_name_that_says_so_is_hidden_whatever_it_looks_like() {
    let lines = logged(|| {
        info!(
            patient_name = "Marie",
            profileName = ?"Jean",
            apiKey = "x7",
            media_url = "https://cdn/1",
            "service-role-key" = %"k",
            "x"
        );
        info!(body = "muraho", request_body = "{}", payload = ?[1, 2], text_full = "Paracetamol", "x");
        info!(delivery_address = "KN 12 St", to_phone = "78 81 23", "x");
    });
    let written = |line: usize, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| lines[line].text(name)).collect()
    };
    assert_eq!(
        written(0, &["patient_name", "profileName", "apiKey", "media_url", "service-role-key"]),
        ["[name]", "[name]", "[secret]", "[signed_url]", "[secret]"]
    );
    assert_eq!(
        written(1, &["body", "request_body", "payload", "text_full"]),
        ["[payload 6 B]", "[payload 2 B]", "[payload 6 B]", "[payload 11 B]"]
    );
    assert_eq!(lines[2].text("delivery_address"), "[address]");
}

#[test]
fn what_is_nobodys_stays_as_it_is() {
    let uuid = "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11";
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let lines = logged(|| {
        info!(
            request_id = uuid,
            idempotency_key = "request:7f0c9f6e:vendor:12:qset:v1",
            trace_id = trace,
            span_id = "00f067aa0ba902b7",
            timing_ms = 1_234_567,
            at = "2026-11-24T18:05:03.123456Z",
            epoch_ms = 1_796_061_903_123_u64,
            price = "15,000 RWF",
            address = "127.0.0.1:9000",
            share = 0.788_123_456,
            call_id = 4_155_552_671_u64,
            "order {uuid} of 24/11/2026"
        );
    });
    let line = &lines[0];
    for (name, text) in [
        ("request_id", uuid),
        ("idempotency_key", "request:7f0c9f6e:vendor:12:qset:v1"),
        ("trace_id", trace),
        ("span_id", "00f067aa0ba902b7"),
        ("at", "2026-11-24T18:05:03.123456Z"),
        ("price", "15,000 RWF"),
        ("address", "127.0.0.1:9000"),
    ] {
        assert_eq!(line.text(name), text);
    }
    assert_eq!(line.text("message"), format!("order {uuid} of 24/11/2026"));
    assert_eq!(line.whole("timing_ms"), 1_234_567);
    assert_eq!(line.whole("epoch_ms"), 1_796_061_903_123);
    assert_eq!(line.number("share").to_bits(), 0.788_123_456_f64.to_bits());
    assert_eq!(line.whole("call_id"), 4_155_552_671);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// What is masked value by value is masked as a line: neither escaping nor a neighbour makes a number.
    #[test]
    fn a_line_of_masked_values_holds_nothing_to_mask(
        texts in prop::collection::vec("([0-9]{1,10}|[-+ .():/*=#\"\n\t\\\\]|07|250788|@|a\\.com|rwf|x|é|\u{a0}){0,9}", 5),
        number in 0_u64..10_000_000_000_000,
        float in -1e12_f64..1e12,
    ) {
        let lines = logged(|| {
            let _span = info_span!("s", a = texts[0], number, float).entered();
            info!(request_id = texts[1], tel = texts[2], call = number, d = ?texts[3], "{}", texts[4]);
        });
        let found = find(&lines[0].line);
        prop_assert!(found.is_empty(), "{found:?} in {}", lines[0].line);
    }
}

/// In a line, white space is an escape, behind which digits may be a number that they were not before.
#[test]
fn digits_that_an_escape_ends_are_masked_below_a_name_of_numbers() {
    for text in ["250788\t25078807250788", "2507881\n25078807250788", "2507881\"25078807250788"] {
        let lines = logged(|| info!(tel = text, "x"));
        assert_eq!(find(&lines[0].line), [], "{}", lines[0].line);
    }
}

/// An id in which a number seems to stand must lead to its trace all the same.
#[test]
fn the_ids_of_a_trace_are_shown_where_they_are_ids() {
    let (trace_id, span_id) = ("0788123456788123450788123456abcd", "0788123456abcdef");
    let lines = logged(|| {
        info!(trace_id, span_id, "x");
        info!(trace_id = "0788123456", span_id = "+447911123456", "x");
    });
    assert_eq!(lines[0].text("trace_id"), trace_id);
    assert_eq!(lines[0].text("span_id"), span_id);
    assert_eq!(lines[1].text("trace_id"), "***456");
    assert_eq!(lines[1].text("span_id"), "***456");
}

/// Whichever way a name is written, and whatever type its value has.
#[test]
fn payloads_and_addresses_are_withheld_in_any_case_style() {
    let lines = logged(|| {
        info!(ocrText = "take twice", rawText = "x", requestBody = "y", queryParams = "z", "x");
        info!(deliveryAddress = "KG 11 Ave 4", delivery_address = 11_u64, body = 5_u64, "x");
    });
    for name in ["ocrText", "rawText", "requestBody", "queryParams"] {
        assert!(lines[0].text(name).starts_with("[payload "), "{name}: {}", lines[0].line);
    }
    assert_eq!(lines[1].text("deliveryAddress"), "[address]");
    assert_eq!(lines[1].text("delivery_address"), "[address]");
    assert_eq!(lines[1].text("body"), "[payload 1 B]");
}

#[test]
fn a_secret_is_found_through_what_debug_wraps_it_in() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "only its Debug is read")]
    struct Sent<'a> {
        access_token: Option<&'a str>,
        api_key: Result<Option<String>, ()>,
        id: Option<u32>,
    }
    let secret = "EAAGm0PX4ZCpsBAKZ9q8";
    let sent = Sent { access_token: Some(secret), api_key: Ok(Some(secret.into())), id: Some(7) };
    let lines = logged(|| {
        info!(sent = ?sent, "x");
        info!(json = ?serde_json::json!({ "api_key": secret, "batch": "three of four" }), "x");
    });
    for line in &lines {
        assert!(!line.line.contains(secret), "{}", line.line);
    }
    assert!(lines[0].text("sent").contains("id: Some(7)"), "{}", lines[0].line);
    assert!(lines[1].text("json").contains("three of four"), "{}", lines[1].line);
}
