//! What the functions of the schema are given by whoever calls them without the library.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use super::Tampered;

const RECORD: &str = "
    id => gen_random_uuid(), stream_id => moltbot_audit.stream_of(null, null), request_id => null,
    conversation_id => null, event_type => TYPE, actor => 'system', outcome => 'succeeded',
    error_code => null, duration_ms => null, created_at => '2026-09-21', trace_id => null,
    span_id => null, caused_by => null, writer_id => null, input => INPUT, output => null, idempotency_key => null, host_ids => null,
    salt => sha16(), input_commitment => sha256(''), output_commitment => sha256(''),
    key_commitment => sha256(''), host_ids_commitment => sha256(''), event_hash => sha256('')";
const SHA16: &str = "
    create function sha16() returns bytea language sql as $$ select substr(sha256(''), 1, 16) $$";

/// A call with the record's arguments and more; what is said twice counts as it is said last.
fn call(function: &str, event_type: &str, input: &str, more: &[(&str, &str)]) -> String {
    let record = RECORD.replace("TYPE", event_type).replace("INPUT", input);
    let arguments: BTreeMap<_, _> = more.iter().copied().collect();
    let arguments = arguments.iter().map(|(name, value)| format!(", {name} => {value}"));
    format!("select moltbot_audit.{function}({record}{})", arguments.collect::<String>())
}

/// The SQLSTATE and the message of what is refused.
async fn refused(tampered: &Tampered, sql: &str) -> (String, String) {
    let Err(error) = tampered.database.execute(AssertSqlSafe(sql)).await else {
        panic!("accepted: {sql}");
    };
    let error = error.into_database_error().expect("the server objects");
    (error.code().unwrap_or_default().into_owned(), error.message().to_owned())
}

async fn is_empty(tampered: &Tampered) -> bool {
    let count = "select not exists (select from moltbot_audit.audit_effects)
        and not exists (select from moltbot_audit.audit_budgets)
        and not exists (select from moltbot_audit.audit_day_budgets)
        and (select count(*) from moltbot_audit.audit_events) = 3";
    sqlx::query_scalar(count).fetch_one(&tampered.database).await.expect("a boolean")
}

const CLAIM: [(&str, &str); 3] = [
    ("key_fingerprint", "substr(sha256(''), 1, 16)"),
    ("old_key_hashes", "'{}'"),
    ("old_input_hashes", "'{}'"),
];

/// A call of `admit` with an event of a request.
fn admit(event_type: &str, input: &str) -> String {
    const REQUEST: &str = "'01a2f1a0-0000-7000-8000-0000000000aa'";
    call("admit", event_type, input, &CLAIM)
        .replace("request_id => null", &format!("request_id => {REQUEST}"))
        .replace("stream_of(null, null)", &format!("stream_of({REQUEST})"))
}

/// A claim as the library writes it, with some members changed, or left out where they are null.
fn said(changes: &Value) -> String {
    let mut said = json!({
        "effect_id": "01a2f1a0-0000-7000-8000-000000000001", "effect": "moltbot.called",
        "input_hash": "ab".repeat(32), "lease_ms": 60_000,
    });
    for (name, value) in changes.as_object().expect("members") {
        said[name] = value.clone();
    }
    said.as_object_mut().expect("members").retain(|_, value| !value.is_null());
    format!("$json${said}$json$")
}

/// What makes a claim none.
fn broken() -> Vec<Value> {
    let mut cases: Vec<Value> = Vec::new();
    for period in ["request", "day"] {
        let whole = json!({ "budget": "tokens", "period": period, "amount": 1, "limit": 10 });
        for (name, value) in [
            ("budget", json!(null)),
            ("period", json!(null)),
            ("period", json!("month")),
            ("amount", json!(null)),
            ("amount", json!(-1)),
            ("amount", json!("-1")),
            ("amount", json!(0.4)),
            ("amount", json!("NaN")),
            ("amount", json!("1e3")),
            ("amount", json!([1])),
            ("amount", json!("9223372036854775808")),
            ("limit", json!(null)),
            ("limit", json!(10.5)),
            ("limit", json!({ "of": 10 })),
        ] {
            let mut charge = whole.clone();
            charge[name] = value;
            cases.push(json!({ "charges": [charge] }));
            cases.push(json!({ "charges": [whole, charge] }));
            charge.as_object_mut().expect("members").remove(name);
            cases.push(json!({ "charges": [charge] }));
        }
        cases.push(json!({ "charges": whole }));
        cases.push(json!({ "charges": [whole, null] }));
        cases.push(json!({ "charges": [whole, whole] }));
    }
    for (name, values) in [
        (
            "effect_id",
            json!([
                null,
                "",
                "no id",
                5,
                "01a2f1a0-0000-7000-8000-00000000000x",
                "01A2F1A0-0000-7000-8000-000000000001",
                "01a2f1a0000070008000000000000001",
                "{01a2f1a0-0000-7000-8000-000000000001}"
            ]),
        ),
        ("effect", json!([null])),
        ("input_hash", json!([null, "", "ab", "ab".repeat(31), "ab".repeat(33), "xy".repeat(32)])),
        ("key_hash", json!(["", "ab", 5, "xy".repeat(32), [1]])),
        ("lease_ms", json!([null, "", "an hour", [60_000], true, -1, "-0.5", "-Infinity"])),
        ("elapsed_max_ms", json!(["", "an hour", [60_000], {}])),
        ("switches", json!(["ai", { "ai": true }, 5])),
        ("charges", json!(["tokens", 5, {}, [[]], ["tokens"]])),
        ("consent_id", json!(["a consent without a lifetime"])),
    ] {
        cases.extend(values.as_array().expect("a list").iter().map(|value| json!({ name: value })));
    }
    cases
}

#[tokio::test]
async fn an_intent_that_says_no_whole_claim_is_refused() {
    let tampered = Tampered::with(SHA16).await;
    for case in broken() {
        let admit = admit("'effect.admitted'", &said(&case));
        let (code, message) = refused(&tampered, &admit).await;
        assert!(["22", "23", "21"].contains(&&code[..2]), "{code} {message}: {case}");
    }
    for input in ["null", "'{}'", "'[]'", "'5'", "'\"text\"'"] {
        let admit = admit("'effect.admitted'", input);
        let (code, message) = refused(&tampered, &admit).await;
        assert!(code == "23514" && message.contains("says no claim"), "{code} {message}: {input}");
    }
    for event_type in ["'host.thing'", "'effect.refused'", "null"] {
        let admit = admit(event_type, &said(&json!({})));
        assert_eq!(refused(&tampered, &admit).await.0, "23514", "{event_type}");
    }
    assert!(is_empty(&tampered).await);
    let charges = json!([{ "budget": "tokens", "period": "request", "amount": "1", "limit": 10 }]);
    let another = "01a2f1a0-0000-7000-8000-000000000002";
    for whole in [json!({}), json!({ "effect_id": another, "charges": charges })] {
        tampered.execute(&admit("'effect.admitted'", &said(&whole))).await;
    }
}

#[tokio::test]
async fn a_lease_without_a_length_is_refused() {
    let tampered = Tampered::with(SHA16).await;
    for lengths in ["'{}'", "null", "'{null}'", "'{1,1}'", "'{-1}'"] {
        let renew =
            format!("select moltbot_audit.renew_leases(array[gen_random_uuid()], {lengths})");
        assert_eq!(refused(&tampered, &renew).await.0, "22023", "{lengths}");
    }
    tampered.execute("select moltbot_audit.renew_leases('{}', '{}')").await;
    tampered.execute("select moltbot_audit.renew_leases('{null}', '{7}')").await;
}

#[tokio::test]
async fn a_word_that_is_not_known_is_refused() {
    let tampered = Tampered::with(SHA16).await;
    for conclusion in ["'Performed'", "''", "'voided'", "null"] {
        let more = [("effect_id", "gen_random_uuid()"), ("conclusion", conclusion)];
        let conclude = call("conclude", "'effect.resolved'", "'{}'", &more);
        assert_eq!(refused(&tampered, &conclude).await.0, "22023", "{conclusion}");
    }
    let more = [("effect_id", "null"), ("conclusion", "'performed'")];
    let conclude = call("conclude", "'effect.resolved'", "'{}'", &more);
    assert_eq!(refused(&tampered, &conclude).await.0, "22023");
    let alone = call("append_alone", "'host.thing'", "null", &[("is_outcome", "null")]);
    assert_eq!(refused(&tampered, &alone).await.0, "22023");
    for roles in ["'{Outcome}'", "'{}'", "null", "'{event,event}'", "'{null}'"] {
        let batch = batch(
            "'host.thing'",
            "null",
            &format!(", waits_us => '{{}}', roles => {roles}"),
            "append_effects",
        );
        assert_eq!(refused(&tampered, &batch).await.0, "22023", "{roles}");
    }
    assert!(is_empty(&tampered).await);
}

/// One event as a batch.
fn batch(event_type: &str, input: &str, more: &str, function: &str) -> String {
    // Of a UUIDv7 of that day's first microsecond.
    let start = "'01a0c1432c0070008'";
    format!(
        "select moltbot_audit.{function}(
            ids => array[({start} || substr(md5(random()::text), 1, 15))::uuid], stream_ids => array[moltbot_audit.stream_of(null, null)],
            request_ids => '{{}}', conversation_ids => '{{}}', event_types => array[{event_type}],
            actors => array['system'], outcomes => array['succeeded'], error_codes => '{{}}',
            durations_ms => '{{}}', created_ats => array['2026-09-21Z'::timestamptz],
            trace_ids => '{{}}', span_ids => '{{}}', causes => '{{}}', writer_ids => '{{}}', inputs => array[{input}], outputs => '{{}}',
            idempotency_keys => '{{}}', host_ids => '{{}}', salts => array[sha16()],
            input_commitments => array[sha256('')], output_commitments => array[sha256('')],
            key_commitments => array[sha256('')], host_ids_commitments => array[sha256('')],
            event_hashes => array[sha256('')]{more})"
    )
}

#[tokio::test]
async fn a_consent_that_would_be_misread_is_refused_on_every_way() {
    let tampered = Tampered::with(SHA16).await;
    let cases: Value =
        serde_json::from_str(include_str!("../../../../vectors/consent_times.json")).expect("JSON");
    let ways = |event_type: &str, input: &str| {
        let input = format!("$json${input}$json$");
        [
            call("append_alone", event_type, &input, &[("is_outcome", "false")]),
            batch(event_type, &input, "", "append_batch"),
            batch(event_type, &input, "", "append"),
            batch(event_type, &input, ", waits_us => '{}', roles => '{event}'", "append_effects"),
        ]
    };
    for other in cases["others"].as_array().expect("a list") {
        for way in ways("'call.consent_granted'", &format!("{{\"expires_at\":{other}}}")) {
            let (code, message) = refused(&tampered, &way).await;
            assert!(code == "22023" && message.contains("expires_at"), "{message}: {way}");
        }
    }
    for event_type in ["requested", "granted", "denied", "expired"] {
        for way in ways(&format!("'call.consent_{event_type}'"), "{\"consent_id\":5}") {
            let (code, message) = refused(&tampered, &way).await;
            assert!(code == "22023" && message.contains("consent_id"), "{message}: {way}");
        }
    }
    assert!(is_empty(&tampered).await);
    for time in cases["times"].as_array().expect("a list") {
        for way in ways("'call.consent_granted'", &format!("{{\"expires_at\":{time}}}")) {
            tampered.execute(&way).await;
        }
    }
    for way in ways("'call.started'", "{\"consent_id\":5,\"expires_at\":5}") {
        tampered.execute(&way).await;
    }
}
