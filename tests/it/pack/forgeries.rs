//! Forgeries by somebody who has the file, knows the format and computes every digest again.

use moltbot_audit::pack::{Unchecked, Verdict};
use moltbot_audit::redact::{FieldKind, Profile};
use moltbot_audit::{Actor, AuditEvent, EventType};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::effects::Effects;
use super::{KEY, both_packs, export, story};
use crate::support::forger::{Chain, Forger, PARTS};
use crate::support::stores;

/// Every rule there is, and one there is not.
const RULES: [&str; 11] = [
    "contact",
    "host",
    "id",
    "medical",
    "member_names",
    "name",
    "not_listed",
    "not_of_kind",
    "phone",
    "text",
    "made_up",
];

/// What a forger may put in a hidden value's place.
fn masks() -> [Value; 9] {
    [
        Value::Null,
        json!("[hidden]"),
        json!("9,000 ***123"),
        json!("in_stock [vendor]"),
        json!("rule [secret]"),
        json!("***123"),
        json!("vendor-0123456789ab"),
        json!(9_000),
        json!([]),
    ]
}

async fn story_packs() -> [Value; 2] {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let packs = both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
    packs
}

/// Asserts that the forgery is refused; or that the verifier says that it cannot check, and names the
/// value, if an honest exporter could have had to hide it. Returns the verdict on what is not refused.
#[track_caller]
fn assert_seen(forger: Forger, pointer: &str) -> Option<Verdict> {
    match forger.verify(Chain::Untouched) {
        Err(error) => {
            assert!(!error.is_unusable(), "{pointer}: {error}");
            None
        }
        Ok(pack) => {
            assert_ne!(pack.verdict(), Verdict::Intact, "{pointer}");
            let names_it = |what: &Unchecked| matches!(what, Unchecked::Withheld { pointer: named, .. } if named == pointer);
            assert!(pack.unchecked().iter().any(names_it), "{pointer}: {:?}", pack.unchecked());
            Some(pack.verdict())
        }
    }
}

/// Each way to call a value hidden.
fn hidings(
    pack: &Value,
    event: usize,
    pointer: &str,
) -> impl Iterator<Item = (&'static str, Value, Forger)> {
    let forger = Forger::of(pack);
    let pointer = pointer.to_owned();
    RULES.into_iter().flat_map(move |rule| {
        let (forger, pointer) = (forger.clone(), pointer.clone());
        masks().into_iter().take(4).map(move |masked| {
            let mut forger = forger.clone();
            forger.hide(event, &pointer, rule, masked.clone());
            (rule, masked, forger)
        })
    })
}

#[tokio::test]
async fn the_forger_changes_nothing_by_itself() {
    for pack in story_packs().await {
        for chain in [Chain::Untouched, Chain::Rebuilt] {
            let verified = Forger::of(&pack).verify(chain).expect("nothing was edited");
            assert_eq!(verified.verdict(), Verdict::Intact);
        }
    }
}

#[tokio::test]
async fn a_limit_that_was_passed_cannot_be_hidden() {
    let effects = Effects::new();
    for _ in 0..9 {
        effects.call().await;
    }
    for (pack, _) in effects.packs().await {
        for pointer in [
            "/input/charges/0/limit",
            "/input/charges/0/amount",
            "/input/charges/0/budget",
            "/input/charges/0",
            "/input/charges",
            "/input/effect_id",
            "/input",
        ] {
            for (rule, masked, forger) in hidings(&pack, 16, pointer) {
                if let Some(verdict) = assert_seen(forger, pointer) {
                    assert!(["not_of_kind", "member_names"].contains(&rule), "{rule}");
                    assert_eq!(masked, "[hidden]");
                    assert_eq!(verdict, Verdict::CannotBeChecked, "{pointer}");
                }
            }
        }
        let mut forger = Forger::of(&pack);
        forger.hide(16, "/input/charges/0/limit", "not_of_kind", json!("[hidden]"));
        forger.clone().verify(Chain::Untouched).expect("it is said, not refused");
        let (code, said) = crate::cli::verify(&forger.resealed().to_string());
        assert_eq!(code, Some(4), "{said}");
        assert!(
            said.contains("CANNOT BE CHECKED") && said.contains("/input/charges/0/limit"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_sections_compute_from_is_never_hidden_in_silence() {
    for pack in story_packs().await {
        for (event_type, pointers) in [
            ("vendor.reply_recorded", &["price_min", "availability", "confidence"][..]),
            (
                "shortlist.generated",
                &[
                    "decided_by",
                    "excluded",
                    "items",
                    "items/0/factors",
                    "items/0/total",
                    "items/0/price",
                    "items/0/factors/0/code",
                    "items/0/factors/0/score_delta",
                    "items/0/reply_event_id",
                    "excluded/0/total",
                    "tie_breaks/0",
                    "items/0",
                ],
            ),
            ("vendor.candidates_selected", &["pool_size", "candidates", "candidates/0/total"]),
            ("ocr.job_done", &["confidence", "status", "threshold", "needs_clarification"]),
            ("moltbot.called", &["action", "input_tokens"]),
        ] {
            let event = Forger::of(&pack).first(event_type);
            let pointers = pointers.iter().map(|below| format!("/output/{below}"));
            for pointer in pointers.chain(["/output".to_owned()]) {
                // Each of all the ways is tried on a limit that was passed; here are those that differ.
                let differ = ["contact", "member_names", "not_listed", "not_of_kind"];
                let ways = hidings(&pack, event, &pointer);
                for (_, _, forger) in ways.filter(|(rule, ..)| differ.contains(rule)) {
                    assert_seen(forger, &pointer);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_finding_that_is_hidden_away_leaves_its_absence_in_the_explanation() {
    let [_, pack] = story_packs().await;
    let mut forger = Forger::of(&pack);
    let event = forger.first("shortlist.generated");
    forger.hide(event, "/output", "not_of_kind", json!("[hidden]"));
    let pack = forger.resealed();
    let said = &pack["explanation"]["content"]["not_checkable"];
    let seq = &pack["events"][event]["seq"];
    assert_eq!(said, &json!([format!("event {seq} hides /output")]));
}

#[tokio::test]
async fn additions_that_are_not_applied_everywhere_are_refused() {
    let [internal, external] = story_packs().await;
    let add = |pack: &Value, hidden: &[&str], shown: Value| {
        let mut forger = Forger::of(pack);
        forger.pack["profile"]["additions"] = json!({ "hidden": hidden, "shown": shown });
        forger
    };
    for pack in [&internal, &external] {
        // One reply is hidden, the other is not.
        let mut forger = add(pack, &["/output"], json!({}));
        let reply = forger.first("vendor.reply_recorded");
        forger.hide(reply, "/output", "host", json!("[hidden]"));
        forger.verify(Chain::Untouched).expect_err("other outputs are shown");
        // Nothing is hidden.
        let forger = add(pack, &["price_min"], json!({}));
        forger.verify(Chain::Untouched).expect_err("a price is shown");
        // Something deeper than what is named.
        let mut forger = add(pack, &["factors"], json!({}));
        let shortlist = forger.first("shortlist.generated");
        forger.hide(shortlist, "/output/items/0/factors/0", "host", json!("[hidden]"));
        forger.verify(Chain::Untouched).expect_err("the list itself is shown");
    }
    // A word of a closed set is no text, whatever the additions say.
    for kind in ["text", "id", "container", "open"] {
        for (rule, masked) in [
            ("text", "in_stock [vendor]"),
            ("id", "availability-0123456789ab"),
            ("not_listed", "[hidden]"),
        ] {
            let mut forger = add(&external, &[], json!({ "availability": kind }));
            let reply = forger.first("vendor.reply_recorded");
            forger.hide(reply, "/output/availability", rule, json!(masked));
            forger.verify(Chain::Untouched).expect_err("it is a word");
        }
    }
    // Hidden everywhere, it is what a host may ask for, and nobody vouches for what is computed without it.
    let mut forger = add(&internal, &["price_min"], json!({}));
    for event in 0..internal["events"].as_array().expect("a list").len() {
        if forger.pack["events"][event]["output"]["value"]["price_min"].is_number() {
            forger.hide(event, "/output/price_min", "host", json!("[hidden]"));
        }
    }
    let verified = forger.verify(Chain::Untouched).expect("it is applied everywhere");
    assert_eq!(verified.verdict(), Verdict::CannotBeChecked);
}

#[tokio::test]
async fn a_pack_with_another_label_is_refused() {
    let [internal, external] = story_packs().await;
    let relabel = |pack: &Value, name: &str, rules: &[(&str, &str)]| {
        let mut forger = Forger::of(pack);
        forger.pack["profile"]["name"] = json!(name);
        for event in forger.pack["events"].as_array_mut().expect("a list") {
            for part in PARTS {
                let hidden = event[part]["hidden"].as_object_mut().expect("an object");
                for entry in hidden.values_mut() {
                    let renamed = rules.iter().find(|(from, _)| entry["rule"] == *from);
                    if let Some((_, to)) = renamed {
                        entry["rule"] = json!(to);
                    }
                }
            }
        }
        forger
    };
    for to in RULES {
        let forger = relabel(&internal, "external", &[("contact", to)]);
        forger.verify(Chain::Untouched).expect_err("it shows names and numbers");
        let all: Vec<_> = RULES.into_iter().map(|from| (from, to)).collect();
        let forger = relabel(&external, "internal", &all);
        forger.verify(Chain::Untouched).expect_err("it hides what is shown inside");
    }
}

#[tokio::test]
async fn a_mask_has_one_spelling() {
    for pack in story_packs().await {
        let mut changed = 0;
        for event in 0..pack["events"].as_array().expect("a list").len() {
            for part in PARTS {
                let view = &pack["events"][event][part];
                for pointer in view["hidden"].as_object().expect("an object").keys() {
                    let below = pointer.strip_prefix(&format!("/{part}")).expect("below its root");
                    for other in
                        [Value::Null, json!(""), json!("[Hidden]"), json!(0), json!(["[hidden]"])]
                    {
                        let mut forger = Forger::of(&pack);
                        let value = &mut forger.pack["events"][event][part]["value"];
                        *value.pointer_mut(below).expect("a mask") = other;
                        forger.verify(Chain::Untouched).expect_err("no rule leaves this");
                        changed += 1;
                    }
                }
            }
        }
        assert!(changed >= 20, "{changed}");
    }
}

#[tokio::test]
async fn a_header_of_no_form_is_refused_even_in_a_rebuilt_chain() {
    let [pack, _] = story_packs().await;
    for (member, values) in [
        ("actor", json!(["god", "god\u{1b}[2J", "", "Admin"])),
        ("outcome", json!(["succeeded ", "done", ""])),
        ("error_code", json!(["call 0788123456", "", "Failed", "a.b", "c_0788123456"])),
        (
            "trace_id",
            json!(["xyz", "00000000000000000000000000000000", "4BF92F3577B34DA6A3CE929D0E0E4736"]),
        ),
        ("span_id", json!(["00f067aa0ba902b", "0000000000000000"])),
        ("duration_ms", json!([-5])),
        ("event_type", json!(["nodot", "a.b\u{202e}", "vendor.reply_0788123456"])),
        ("id", json!(["7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11"])),
        ("created_at", json!(["2026-01-01T00:00:00.000000Z"])),
    ] {
        for value in values.as_array().expect("a list") {
            let mut forger = Forger::of(&pack);
            forger.pack["events"][3]["header"][member] = value.clone();
            let error = forger.verify(Chain::Rebuilt).expect_err("it has no form of a header");
            assert!(error.to_string().starts_with("event 4 "), "{member} {value}: {error}");
            assert!(error.to_string().chars().all(|c| !c.is_control()), "{error:?}");
        }
    }
    let mut forger = Forger::of(&pack);
    let first = forger.pack["events"][0]["header"].clone();
    for member in ["id", "created_at"] {
        forger.pack["events"][3]["header"][member] = first[member].clone();
    }
    let error = forger.verify(Chain::Rebuilt).expect_err("one id stands at two places");
    assert!(error.to_string().ends_with("an earlier event has its id"), "{error}");
}

#[tokio::test]
async fn an_event_that_a_forger_sets_aside_is_named() {
    for pack in story_packs().await {
        for event in [0, 6, 12] {
            for reason in ["content_changed", "malformed", "unreadable"] {
                let mut forger = Forger::of(&pack);
                forger.set_aside(event, reason);
                let verified =
                    forger.clone().verify(Chain::Untouched).expect("its place is proven");
                assert_eq!(verified.verdict(), Verdict::CannotBeChecked);
                let [Unchecked::SetAside(named)] = verified.unchecked() else {
                    panic!("one is set aside: {:?}", verified.unchecked())
                };
                assert_eq!(named.seq, i64::try_from(event).expect("small") + 1);
                let (code, said) = crate::cli::verify(&forger.clone().resealed().to_string());
                assert_eq!(code, Some(4), "{said}");
                assert!(said.contains(&format!("event {} (", named.seq)), "{said}");
                // Its hash and its time are chained.
                for (member, value) in [
                    ("event_hash", json!("00".repeat(32))),
                    ("recorded_at", json!("2026-01-01T00:00:00.000000Z")),
                    ("seq", json!(99)),
                    ("reason", json!("lost")),
                ] {
                    let mut forger = forger.clone();
                    forger.pack["set_aside"][0][member] = value;
                    forger.verify(Chain::Untouched).expect_err("it is chained");
                }
                let mut forger = forger.clone();
                forger.pack["set_aside"] = json!([]);
                forger.verify(Chain::Untouched).expect_err("its place is empty");
            }
        }
    }
}

/// A request about no health, with texts that stand in external packs.
async fn plain_packs() -> [Value; 2] {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    for (event_type, actor, input, output) in [
        (
            EventType::WHATSAPP_INBOUND_RECEIVED,
            Actor::Client,
            json!({ "message_type": "text", "category": "electronics", "text": "a charger", "rank": 3 }),
            Value::Null,
        ),
        (
            EventType::VENDOR_REPLY_RECORDED,
            Actor::Vendor,
            json!({ "vendor_id": "vendor-a", "vendor_phone": "+250788200911", "text": "yes, 0788200911" }),
            json!({ "availability": "in_stock", "price_min": 9_500, "warnings": ["late"] }),
        ),
    ] {
        teller.tell(AuditEvent::new(event_type, actor).input(input).output(output)).await;
    }
    let packs = both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
    packs
}

/// Every pointer to a value of a part, containers too.
fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, format!("{at}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                pointers(member, format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
    found.push(at);
}

/// Changes one shown value, and leaves everything consistent.
#[tokio::test]
async fn no_shown_value_can_be_changed() {
    for pack in story_packs().await.into_iter().chain(plain_packs().await) {
        for event in 0..pack["events"].as_array().expect("a list").len() {
            for part in PARTS {
                let view = &pack["events"][event][part];
                let mut all = Vec::new();
                pointers(&view["value"], format!("/{part}"), &mut all);
                for pointer in
                    all.iter().filter(|pointer| !view["salts"][pointer.as_str()].is_null())
                {
                    let below = pointer.strip_prefix(&format!("/{part}")).expect("below its root");
                    let mut forger = Forger::of(&pack);
                    let value = forger.pack["events"][event][part]["value"].pointer_mut(below);
                    let value = value.expect("a value");
                    *value = match &*value {
                        Value::Number(_) => json!(1_234),
                        Value::Bool(flag) => json!(!flag),
                        Value::String(text) => json!(format!("{text}x")),
                        _ => json!("x"),
                    };
                    forger.verify(Chain::Untouched).expect_err("its salt proves it");
                }
            }
        }
    }
}

/// Calls any value hidden, by any rule, with any mask: what is not text, and nobody's own field, is refused
/// or named.
#[tokio::test]
async fn random_masks_hide_texts_only() {
    let packs: Vec<_> = story_packs().await.into_iter().chain(plain_packs().await).collect();
    let mut seen = [0, 0];
    let mut runner = TestRunner::new(Config { cases: 600, ..Config::default() });
    let choice =
        (0..packs.len(), 0..1_000_usize, 0..4_usize, 0..1_000_usize, 0..RULES.len(), 0..9_usize);
    let counted = std::cell::RefCell::new(&mut seen);
    runner
        .run(&choice, |(pack, event, part, at, rule, masked)| {
            let pack = &packs[pack];
            let event = event % pack["events"].as_array().expect("a list").len();
            let part = PARTS[part];
            let mut all = Vec::new();
            pointers(&pack["events"][event][part]["value"], format!("/{part}"), &mut all);
            let pointer = &all[at % all.len()];
            let view = &pack["events"][event][part];
            if view["hidden"]
                .as_object()
                .expect("an object")
                .keys()
                .any(|hidden| pointer.starts_with(hidden.as_str()))
            {
                return Ok(());
            }
            let below = pointer.strip_prefix(&format!("/{part}")).expect("below its root");
            let value = view["value"].pointer(below).expect("a value").clone();
            let mut forger = Forger::of(pack);
            forger.hide(event, pointer, RULES[rule], masks()[masked].clone());
            let verified = forger.verify(Chain::Untouched);
            let is_silent = verified.is_ok_and(|pack| pack.verdict() == Verdict::Intact);
            counted.borrow_mut()[usize::from(is_silent)] += 1;
            // In an internal pack a field of the host's own may hold anything.
            let is_own = pointer.ends_with("/rank")
                || pointer.contains("/requirements")
                || pointer.contains("/extracted")
                || pointer.contains("/context");
            let is_loose = value.is_string() || is_own || value.is_null() || value.is_array();
            assert!(!is_silent || is_loose, "{pointer} by {}: {value}", RULES[rule]);
            Ok(())
        })
        .expect("every forgery is seen");
    assert!(seen[0] > 200, "{seen:?}");
}

#[tokio::test]
async fn whatever_a_profile_shows_as_an_id_verifies() {
    let names =
        ["orderId", "order2_id", "order_id", "order_ids", "id", "_id", "a_id_id", "x9", "orderIDs"];
    let kinds = [FieldKind::Container, FieldKind::Id, FieldKind::Open, FieldKind::Text];
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    for value in [
        json!("A-17"),
        json!(17),
        json!(1.5),
        json!(true),
        Value::Null,
        json!({ "a": 1 }),
        json!(["A-17", 17]),
        json!("call 0788123456"),
        json!(788_123_456),
        json!(""),
        json!([]),
        json!({}),
    ] {
        let input: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
        let event =
            AuditEvent::new(EventType::new("host.order_placed").expect("a type"), Actor::System);
        teller.tell(event.input(Value::Object(input))).await;
    }
    for kind in kinds {
        let external = names
            .iter()
            .fold(Profile::external(&KEY), |profile, name| profile.danger_show(*name, kind));
        let internal = names
            .iter()
            .fold(Profile::internal(), |profile, name| profile.danger_show(*name, kind));
        for profile in [external, internal] {
            let pack = export(&*fresh.store, &teller.request, &profile).await.to_json_pretty();
            let verified = moltbot_audit::pack::verify_request_pack(pack.as_bytes());
            verified.unwrap_or_else(|error| panic!("{kind:?} {}: {error}", profile.name()));
        }
    }
    drop(fresh.keep);
}
