//! One table of names for the store, for masks, for log lines and for TypeScript.

use moltbot_audit::redact::mask_json;
use serde_json::{Value, json};

use super::entered;
use crate::observe::lines::logged;

/// The table, as its own file has it.
pub(crate) const TABLE: &str = include_str!("../../../src/redact/key_rules/key_names.txt");

/// Each name of the table with its kind, without the signs that say where it matches.
pub(crate) fn rows() -> Vec<(&'static str, &'static str)> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.filter_map(|line| line.split_once(':')).flat_map(|(kind, names)| {
        names
            .split_whitespace()
            .map(move |name| (kind, name.trim_start_matches(['=', '~', '*', '^'])))
    });
    let rows: Vec<_> = rows.filter(|(kind, _)| *kind != "qualifier").collect();
    assert!(rows.len() > 300, "the table has next to nothing");
    rows
}

/// Whether the kind never enters the store.
pub(super) fn is_withheld(kind: &str) -> bool {
    matches!(kind, "code" | "media" | "password" | "secret" | "signed_url")
}

/// What `mask_json` and a log line show of a value below a name of the kind.
fn shown(kind: &str) -> &'static str {
    match kind {
        "address" => "[address]",
        "birth_date" => "[birth_date]",
        "code" | "password" | "secret" => "[secret]",
        "digits" | "phone" => "***812",
        "health" => "[health]",
        "media" => "[media]",
        "national_id" => "[national_id]",
        "person" => "[name]",
        "signed_url" => "[signed_url]",
        _ => "",
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| camel + &word[..1].to_uppercase() + &word[1..])
}

/// Ways to write a name that are all the same name.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![
        name.to_owned(),
        name.to_uppercase(),
        camel_case(name),
        name.replace('_', "-"),
        name.replace('_', "."),
        name.replace('_', ""),
        format!("new_{name}"),
        format!("{name}_confirmation"),
    ];
    if !name.ends_with(|last: char| last.is_ascii_digit()) {
        spellings.extend([format!("{name}2"), format!("{name}1_again")]);
    }
    spellings
}

fn masked(name: &str, value: Value) -> Value {
    let mut object = Value::Object([(name.to_owned(), value)].into_iter().collect());
    mask_json(&mut object);
    object[name].take()
}

#[test]
fn every_name_of_the_table_is_withheld_at_rest_in_any_spelling() {
    for (kind, name) in rows().into_iter().filter(|(kind, _)| is_withheld(kind)) {
        for spelled in spellings(name) {
            let kept = entered(json!({ "a": [{ &spelled: "x9!kL" }] }));
            let mark = kept["a"][0][&spelled].as_str().expect("a text");
            let instead = shown(kind).trim_end_matches(']');
            assert!(mark.starts_with(instead) && mark.ends_with(']'), "{spelled}: {mark}");
            assert_eq!(entered(kept.clone()), kept, "withholding twice changes nothing");
        }
    }
}

#[test]
fn every_name_of_the_table_is_masked_in_json() {
    for (kind, name) in rows() {
        let value = match kind {
            "digits" | "phone" => json!("447946095812"),
            "email" | "payload" | "plain" => continue,
            _ => json!("x9!kL"),
        };
        assert_eq!(masked(name, value), shown(kind), "{name}");
    }
    for name in ["phone_number_id", "phoneNumberId", "phone_model", "token_count"] {
        assert_eq!(masked(name, json!("106540352242922")), "106540352242922", "{name}");
    }
}

macro_rules! log_below {
    ($($name:literal)+) => {
        logged(|| {
            $(tracing::info!($name = "x9!kL", "x");)+
        })
    };
}

/// Names of log fields are fixed when the program is built, so these are some of each kind.
#[test]
fn a_log_line_masks_by_the_same_names() {
    let lines = log_below!(
        "pin" "password1" "mot_de_passe" "dob" "diagnosis" "address" "full_name" "amazina" "last_name"
        "verification_code" "authtoken" "APIToken" "appsecret_proof" "user.cvv" "ijambo_ry_ibanga"
    );
    let names = [
        "pin",
        "password1",
        "mot_de_passe",
        "dob",
        "diagnosis",
        "address",
        "full_name",
        "amazina",
        "last_name",
        "verification_code",
        "authtoken",
        "APIToken",
        "appsecret_proof",
        "user.cvv",
        "ijambo_ry_ibanga",
    ];
    assert_eq!(lines.len(), names.len());
    for (line, name) in lines.iter().zip(names) {
        assert_eq!(line.text(name), masked(name, json!("x9!kL")), "{name}");
        assert!(line.text(name).starts_with('['), "{name}");
    }
    let lines = logged(|| {
        tracing::info!(
            from = "447946095812",
            to = 447_946_095_812_u64,
            wa_id = "RW.13491208655302741918",
            "x"
        );
        tracing::info!(pin = 1234, cvv = 913, dob = 19_900_704, pregnant = true, token = 12, "x");
        tracing::info!(
            phone_number_id = "106540352242922",
            address = "10.0.0.7:5432",
            from = "2026-11-24",
            "x"
        );
    });
    for (line, name, text) in [
        (0, "from", "***812"),
        (0, "to", "***812"),
        (0, "wa_id", "***918"),
        (1, "pin", "[secret]"),
        (1, "cvv", "[secret]"),
        (1, "dob", "[birth_date]"),
        (1, "pregnant", "[health]"),
        (2, "phone_number_id", "106540352242922"),
        (2, "address", "10.0.0.7:5432"),
        (2, "from", "2026-11-24"),
    ] {
        assert_eq!(lines[line].text(name), text, "{name}");
    }
    assert_eq!(lines[1].whole("token"), 12);
}

#[test]
fn what_follows_a_secrets_name_in_french_and_kinyarwanda_is_no_other_name() {
    for name in [
        "mot_de_passe_client",
        "motDePasseBaseDeDonnees",
        "user.mdp_provisoire",
        "jeton-de-session",
        "clef_privee_serveur",
        "CODE_PIN_CARTE",
        "code_secret_de_la_carte",
        "ijambobanga_rya_wifi",
        "ijambo_ry_ibanga_rishya",
        "umubare_w_ibanga_wa_momo",
        "pinYaKontiYanjye",
        "kode_yo_kwinjira_nshya",
    ] {
        assert_eq!(masked(name, json!("Hv9-Mandarine")), json!("[secret]"), "{name}");
        let kept = entered(json!({ name: "Hv9-Mandarine" }));
        assert!(!kept.to_string().contains("Mandarine"), "{kept}");
    }
    for name in ["cle_usb", "jetons_utilises", "pin_yard", "kode_y_igicuruzwa", "code_secretariat"]
    {
        assert_eq!(masked(name, json!("Hv9-Mandarine")), json!("Hv9-Mandarine"), "{name}");
    }
}

#[test]
fn codes_and_checks_are_withheld_as_numbers_too() {
    let kept = entered(json!({
        "otp": 482_913, "verification_code": "482913", "pin": "1234", "momo_pin": 1234, "cvv": 913,
        "card": { "CVC": [913] }, "password": 123_456,
    }));
    for part in ["482", "1234", "913"] {
        // Neither do the marks hold them, whose hashes are hex.
        assert!(!kept.to_string().contains(&format!("\"{part}")), "{kept}");
    }
    assert!(kept.to_string().matches("[secret ").count() == 7, "{kept}");
    // Counts and flags are no secrets.
    let counts = json!({ "token": 12, "input_tokens": 48_291, "has_pin": true, "otp": null });
    assert_eq!(entered(counts.clone()), counts);
}

#[test]
fn numbers_below_names_of_webhooks_are_masked() {
    for name in [
        "from",
        "to",
        "recipient_id",
        "input",
        "author",
        "participant",
        "sender",
        "recipient",
        "user_id",
        "tel",
        "mobile",
        "cell",
        "contact",
        "caller_id",
        "momo_number",
        "whatsapp",
        "waId",
        "From",
        "participants",
        "numéro_de_téléphone",
    ] {
        assert_eq!(masked(name, json!("447946095812")), "***812", "{name}");
        assert_eq!(masked(name, json!(447_946_095_812_u64)), "***812", "{name}");
        assert_eq!(masked(name, json!(["447946095812"])), json!(["***812"]), "{name}");
        for nobodys in [
            json!("2026-11-24"),
            json!("20261124"),
            json!("1796061903"),
            json!(1_796_061_903_123_u64),
            json!("open"),
            json!(12),
            json!(null),
        ] {
            let says_phone = ![
                "tel",
                "mobile",
                "recipient_id",
                "caller_id",
                "momo_number",
                "whatsapp",
                "waId",
                "numéro_de_téléphone",
            ]
            .contains(&name);
            if says_phone {
                assert_eq!(masked(name, nobodys.clone()), nobodys, "{name}");
            }
        }
    }
    for id in ["RW.13491208655302741918", "13491208655302741918"] {
        assert_eq!(masked("wa_id", json!(id)), "***918");
        assert_eq!(masked("user_id", json!(id)), "***918");
    }
    assert_eq!(masked("wa_id", json!(447_911_123_456.0)), "***456");
    assert_eq!(masked("profile", json!({ "name": "Marie" })), json!({ "name": "[name]" }));
    assert_eq!(
        masked("a", json!({ "name": "client_phone", "value": "447911123456" }))["value"],
        "***456"
    );
}

/// What sections are computed from must stay readable, so no name of a payload may be one that is withheld.
#[test]
fn no_field_of_the_library_is_withheld() {
    let fields = include_str!("../../../src/redact/field.rs");
    let names = fields.split('"').skip(1).step_by(2).filter(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    let names: Vec<_> = names.collect();
    assert!(names.len() > 100);
    for name in names {
        let payload = json!({ name: "x9!kL", "n": { name: 123_456 } });
        assert_eq!(entered(payload.clone()), payload, "{name}");
    }
}
