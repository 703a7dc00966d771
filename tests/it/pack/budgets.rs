//! What was charged is added up again, from a pack alone.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::event::payload::{
    AdmissionInput, BudgetWarned, BudgetWarningInput, ChargeInput, EffectAdmitted, EffectExpired,
    EffectRefused, ExpiryInput, Nothing, RefusalOutput,
};
use moltbot_audit::pack::sections::{BudgetVerdict, Sections};
use moltbot_audit::pack::verify_request_pack;
use moltbot_audit::redact::Profile;
use moltbot_audit::testing::SteppedClock;
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome};
use serde_json::{Value, json};
use uuid::Uuid;

use super::KEY;
use super::effects::{Effects, admission, called, charge};
use crate::support::forging::ForgingStore;

fn why(verdict: &BudgetVerdict) -> &'static str {
    match verdict {
        BudgetVerdict::NotCheckable { why, .. } => why,
        verdict => panic!("it can be checked: {verdict}"),
    }
}

fn usage<'a>(pack: &'a Value, budget: &str, period: &str) -> &'a Value {
    let mut usage = pack["budgets"]["content"]["usage"].as_array().expect("a list").iter();
    let found = usage.find(|of| of["budget"] == budget && of["period"] == period);
    found.unwrap_or_else(|| panic!("{budget} was charged"))
}

#[tokio::test]
async fn eight_of_eight_calls_are_within_the_limit_and_the_ninth_is_not() {
    let effects = Effects::new();
    for _ in 0..8 {
        effects.call().await;
    }
    for (pack, verdict) in effects.packs().await {
        assert_eq!(verdict.to_string(), "8 effects admitted, each within its limits");
        let calls = usage(&pack, "moltbot_calls", "request");
        assert_eq!(
            (&calls["used"], &calls["peak"], &calls["reserved"]),
            (&json!(8), &json!(8), &json!(0))
        );
        assert_eq!(calls["limits"], json!([8]));
    }
    // What a store that lied would write.
    effects.call().await;
    for (pack, verdict) in effects.packs().await {
        let BudgetVerdict::Passed { seq, event_id, budget, used, amount, limit, .. } = verdict
        else {
            panic!("the ninth of eight: {verdict}")
        };
        assert_eq!((seq, budget.as_str(), used, amount, limit), (17, "moltbot_calls", 8, 1, 8));
        assert_eq!(pack["events"][16]["header"]["id"], json!(event_id));
        let (code, said) = crate::cli::verify(&pack.to_string());
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(": verified: ") && said.contains("A LIMIT WAS PASSED: event 17 ("));
    }
}

#[tokio::test]
async fn a_limit_that_was_lowered_later_counts_from_then_on() {
    let effects = Effects::new();
    for limit in [15, 15, 9] {
        effects.admit("vendor.batch_sent", vec![charge("vendors", 4, limit)]).await;
    }
    let [(pack, verdict), _] = effects.packs().await;
    assert!(
        matches!(verdict, BudgetVerdict::Passed { used: 8, amount: 4, limit: 9, .. }),
        "{verdict}"
    );
    let vendors = usage(&pack, "vendors", "request");
    assert_eq!((&vendors["limits"], &vendors["reserved"]), (&json!([9, 15]), &json!(12)));
}

#[tokio::test]
async fn each_way_to_end_does_to_the_charges_what_the_rule_says() {
    let effects = Effects::new();
    let one = || vec![charge("moltbot_calls", 1, 8)];
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(effects.admit("moltbot.called", one()).await);
    }
    let ended = |outcome, code| called().ended(outcome, code);
    effects.end(ids[0], called()).await;
    effects.end(ids[1], ended(Outcome::Failed, ErrorCode::ProviderError)).await;
    effects.end(ids[2], ended(Outcome::Failed, ErrorCode::NotPerformed)).await;
    let refused = AuditEvent::new(EventType::EFFECT_REFUSED, Actor::System);
    effects.end(ids[3], refused.ended(Outcome::Refused, ErrorCode::RateLimited)).await;
    effects.end(ids[4], ended(Outcome::Cancelled, ErrorCode::Cancelled)).await;
    let expired = ExpiryInput {
        effect_id: Some(ids[5].to_string()),
        lease_until: Some(Effects::start()),
        ..Default::default()
    };
    effects.teller.typed::<EffectExpired>(Actor::System, expired, Nothing {}).await;
    for (pack, verdict) in effects.packs().await {
        assert_eq!(verdict.to_string(), "7 effects admitted, each within its limits");
        let states = pack["budgets"]["content"]["effects"].as_array().expect("a list").iter();
        let states: Vec<_> =
            states.map(|effect| effect["state"].as_str().expect("a word")).collect();
        let expected = ["done", "failed", "voided", "voided", "in_doubt", "in_doubt", "running"];
        assert_eq!(states, expected);
        let calls = usage(&pack, "moltbot_calls", "request");
        assert_eq!(
            (&calls["used"], &calls["peak"], &calls["reserved"]),
            (&json!(5), &json!(7), &json!(3))
        );
    }
    effects.resolve(ids[4], "performed").await;
    effects.resolve(ids[5], "not_performed").await;
    // The lease was over, and the process was not: its outcome agrees with what was found out.
    effects.end(ids[5], ended(Outcome::Failed, ErrorCode::NotPerformed)).await;
    for (pack, verdict) in effects.packs().await {
        assert_eq!(verdict.to_string(), "7 effects admitted, each within its limits");
        let calls = usage(&pack, "moltbot_calls", "request");
        assert_eq!((&calls["used"], &calls["reserved"]), (&json!(4), &json!(1)));
        let counts = &pack["budgets"]["content"]["counts"];
        assert_eq!(
            counts,
            &json!({
                "admitted": 7, "done": 2, "failed": 1, "voided": 3, "in_doubt": 0, "running": 1,
                "resolved": 2, "outside": 0,
            })
        );
    }
}

/// As the stores do, so that what a pack adds up to is what its store has.
#[tokio::test]
async fn an_outcome_that_comes_after_somebody_found_out_counts() {
    for (finding, outcome, state, used) in [
        (
            "not_performed",
            called().output(json!({ "input_tokens": 60, "output_tokens": 10 })),
            "done",
            70,
        ),
        ("not_performed", called().ended(Outcome::Failed, ErrorCode::ProviderError), "failed", 50),
        ("not_performed", called().ended(Outcome::Cancelled, ErrorCode::Cancelled), "voided", 0),
        (
            "performed",
            called().output(json!({ "input_tokens": 60, "output_tokens": 10 })),
            "done",
            70,
        ),
        ("performed", called().ended(Outcome::Cancelled, ErrorCode::Cancelled), "done", 50),
        ("performed", called().ended(Outcome::Failed, ErrorCode::NotPerformed), "voided", 0),
    ] {
        let effects = Effects::new();
        let id = effects.admit("moltbot.called", vec![charge("tokens", 50, 60)]).await;
        effects.resolve(id, finding).await;
        effects.end(id, outcome).await;
        for (pack, verdict) in effects.packs().await {
            assert_eq!(verdict, BudgetVerdict::WithinLimits { admitted: 1, outside: 0 });
            assert_eq!(pack["budgets"]["content"]["effects"][0]["state"], state, "{finding}");
            let tokens = usage(&pack, "tokens", "request");
            assert_eq!((&tokens["used"], &tokens["reserved"]), (&json!(used), &json!(0)));
        }
        // One more, where what was given back was used after all.
        effects.admit("moltbot.called", vec![charge("tokens", 20, 60)]).await;
        for (_, verdict) in effects.packs().await {
            let is_passed = matches!(verdict, BudgetVerdict::Passed { .. });
            assert_eq!(is_passed, used + 20 > 60, "{finding}, {state}: {verdict}");
        }
    }
}

#[tokio::test]
async fn tokens_and_cost_are_settled_at_what_was_used_even_past_the_limit() {
    let effects = Effects::new();
    let charges = || vec![charge("tokens", 100, 1_000), charge("cost_microusd", 50, 400)];
    let id = effects.admit("moltbot.called", charges()).await;
    let output = json!({ "input_tokens": 700, "output_tokens": 250, "cost_microusd": 20 });
    effects.end(id, called().output(output)).await;
    // 950 of 1000: 100 more were past it.
    let [(pack, verdict), (external, _)] = effects.packs().await;
    assert!(matches!(verdict, BudgetVerdict::WithinLimits { admitted: 1, .. }), "{verdict}");
    for pack in [&pack, &external] {
        assert_eq!(usage(pack, "tokens", "request")["used"], 950);
        assert_eq!(usage(pack, "cost_microusd", "request")["used"], 20);
        let shown = &pack["budgets"]["content"]["effects"][0]["charges"];
        assert_eq!((&shown[0]["amount"], &shown[0]["settled"]), (&json!(100), &json!(950)));
    }
    let refused = RefusalOutput {
        budget: Some("tokens".into()),
        period: Some("request".into()),
        used: Some(950),
        amount: Some(100),
        limit: Some(1_000),
        ..Default::default()
    };
    let input = admission(effects.fresh_id(), "moltbot.called", charges());
    let refusal = AuditEvent::typed::<EffectRefused>(Actor::System, &input, &refused);
    let refusal = refusal.expect("payloads are JSON");
    effects.teller.tell(refusal.ended(Outcome::Refused, ErrorCode::BudgetExceeded)).await;
    let warning = BudgetWarningInput {
        budget: Some("tokens".into()),
        period: Some("request".into()),
        used: Some(950),
        limit: Some(1_000),
        ..Default::default()
    };
    effects.teller.typed::<BudgetWarned>(Actor::System, warning, Nothing {}).await;
    let id = effects.admit("moltbot.called", vec![charge("tokens", 50, 1_000)]).await;
    effects.end(id, called().output(json!({ "input_tokens": 60, "output_tokens": 10 }))).await;
    for (pack, verdict) in effects.packs().await {
        assert!(matches!(verdict, BudgetVerdict::WithinLimits { admitted: 2, .. }), "{verdict}");
        let tokens = usage(&pack, "tokens", "request");
        assert_eq!((&tokens["used"], &tokens["peak"]), (&json!(1_020), &json!(1_020)));
        assert_eq!((&tokens["refusals"], &tokens["warnings"]), (&json!(1), &json!(1)));
        assert_eq!(pack["budgets"]["content"]["refusals"][0]["used"], 950);
    }
}

#[tokio::test]
async fn a_days_limit_is_said_not_to_be_checkable_from_one_request() {
    let effects = Effects::new();
    let day = ChargeInput { period: Some("day".into()), ..charge("tokens", 10, 5) };
    effects.admit("moltbot.called", vec![day]).await;
    for (pack, verdict) in effects.packs().await {
        assert!(matches!(verdict, BudgetVerdict::WithinLimits { admitted: 1, .. }), "{verdict}");
        let tokens = usage(&pack, "tokens", "day");
        assert_eq!(tokens["used"], 10);
        assert!(tokens["not_checkable"].as_str().is_some_and(|why| why.contains("all requests")));
    }
}

#[tokio::test]
async fn what_nobody_admitted_is_counted_and_listed() {
    let effects = Effects::new();
    effects.teller.tell(called()).await;
    effects.teller.tell(AuditEvent::new(EventType::OCR_JOB_FAILED, Actor::System)).await;
    // It did not happen.
    effects.teller.tell(called().ended(Outcome::Refused, ErrorCode::BudgetExceeded)).await;
    for (pack, verdict) in effects.packs().await {
        assert_eq!(verdict, BudgetVerdict::WithinLimits { admitted: 0, outside: 2 });
        let outside = &pack["budgets"]["content"]["outside"];
        assert_eq!(outside[0]["event_type"], "moltbot.called");
        assert_eq!(outside.as_array().expect("a list").len(), 2);
        assert!(verdict.to_string().contains("2 that were never admitted"), "{verdict}");
    }
}

#[tokio::test]
async fn an_admission_that_cannot_be_added_up_is_never_within_limits() {
    let good = || charge("moltbot_calls", 1, 8);
    for (charges, expected) in [
        (
            json!([{ "budget": "moltbot_calls", "period": "request", "amount": -1, "limit": 8 }]),
            "no amount",
        ),
        (json!([{ "budget": "moltbot_calls", "period": "request", "amount": 1 }]), "no limit"),
        (
            json!([{ "budget": "moltbot_calls", "period": "week", "amount": 1, "limit": 8 }]),
            "period",
        ),
        (
            json!([{ "budget": "Moltbot calls", "period": "request", "amount": 1, "limit": 8 }]),
            "budget",
        ),
        (
            json!([{ "budget": "moltbot_calls", "period": "request", "amount": 0.5, "limit": 8 }]),
            "be read",
        ),
        (json!({ "moltbot_calls": 1 }), "be read"),
        (json!([good(), good()]), "twice"),
    ] {
        let effects = Effects::new();
        let input = json!({ "effect_id": effects.fresh_id().to_string(), "charges": charges });
        let event = AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System).input(input);
        let id = effects.teller.tell(event).await;
        for _ in 0..9 {
            effects.call().await;
        }
        for (pack, verdict) in effects.packs().await {
            assert_eq!(pack["budgets"]["content"]["irregular"][0]["event_id"], id);
            // Also where a limit is passed later: it may have been before.
            let why = why(&verdict);
            assert!(why.contains(expected) || why.contains("hidden"), "{charges}: {why}");
        }
        let [(_, verdict), _] = effects.packs().await;
        assert!(why(&verdict).contains(expected), "{charges}: {verdict}");
    }
}

#[tokio::test]
async fn events_that_contradict_each_other_are_irregular() {
    let effects = Effects::new();
    let id = effects.admit("moltbot.called", vec![charge("moltbot_calls", 1, 8)]).await;
    effects.end(id, called()).await;
    effects.resolve(id, "performed").await;
    effects.resolve(effects.fresh_id(), "performed").await;
    let again = admission(id, "moltbot.called", Vec::new());
    effects.teller.typed::<EffectAdmitted>(Actor::System, again, Nothing {}).await;
    let late = effects.fresh_id();
    effects.end(late, called()).await;
    let late = admission(late, "moltbot.called", vec![charge("moltbot_calls", 1, 8)]);
    effects.teller.typed::<EffectAdmitted>(Actor::System, late, Nothing {}).await;
    for (pack, verdict) in effects.packs().await {
        assert_eq!(why(&verdict), "its effect had ended");
        let irregular = pack["budgets"]["content"]["irregular"].as_array().expect("a list").iter();
        let irregular: Vec<_> =
            irregular.map(|event| event["what"].as_str().expect("a text")).collect();
        assert_eq!(
            irregular,
            [
                "its effect had ended",
                "its effect was not admitted",
                "its effect was admitted before",
                "its effect had ended before it was admitted",
            ]
        );
    }
}

#[tokio::test]
async fn an_outcome_before_its_spooled_intent_is_one_effect() {
    let effects = Effects::new();
    let id = effects.fresh_id();
    effects.end(id, called()).await;
    let late = admission(id, "moltbot.called", Vec::new());
    effects.teller.typed::<EffectAdmitted>(Actor::System, late, Nothing {}).await;
    for (pack, verdict) in effects.packs().await {
        assert!(matches!(verdict, BudgetVerdict::WithinLimits { .. }), "{verdict}");
        let content = &pack["budgets"]["content"];
        let counts = ["admitted", "done", "running", "outside"].map(|of| &content["counts"][of]);
        assert_eq!(counts, [1, 1, 0, 0].map(|count| json!(count)).each_ref());
        assert_eq!(content["outside"], json!([]));
        assert_eq!(content["effects"][0]["state"], "done");
    }
}

#[tokio::test]
async fn the_time_a_request_may_take_is_checked_by_the_databases_times() {
    // What an admission waits for others, before it is recorded, is no time of the request's.
    for (after, with_shortlist, is_passed) in [
        (600_000, false, false),
        (605_000, false, false),
        (605_001, false, true),
        (605_001, true, false),
    ] {
        let clock = Arc::new(SteppedClock::new(Effects::start()));
        let effects = Effects::on(ForgingStore::with_clock(clock.clone()));
        let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
        // Dated by a provider, long before the deployment heard of it.
        effects.teller.tell(event.at(Effects::start() - TimeDelta::hours(1))).await;
        clock.advance(Duration::from_millis(after));
        if with_shortlist {
            effects
                .teller
                .tell(AuditEvent::new(EventType::SHORTLIST_GENERATED, Actor::System))
                .await;
        }
        let input = AdmissionInput {
            elapsed_max_ms: Some(600_000),
            ..admission(effects.fresh_id(), "moltbot.called", Vec::new())
        };
        let event = AuditEvent::typed::<EffectAdmitted>(Actor::System, &input, &Nothing {});
        // By another host, whose clock is eleven minutes ahead.
        let at = Effects::start() + TimeDelta::minutes(11);
        effects.teller.tell(event.expect("payloads are JSON").at(at)).await;
        for (_, verdict) in effects.packs().await {
            let said =
                matches!(&verdict, BudgetVerdict::Passed { budget, .. } if budget == "elapsed_ms");
            assert_eq!(said, is_passed, "{verdict}");
        }
    }
}

#[tokio::test]
async fn what_a_profile_hides_cannot_be_checked() {
    let effects = Effects::new();
    let id = effects.admit("moltbot.called", vec![charge("tokens", 100, 1_000)]).await;
    effects.end(id, called().output(json!({ "input_tokens": 7, "output_tokens": 5 }))).await;
    for (field, expected) in [
        ("charges", "a charge of it is hidden"),
        ("limit", "a charge of it is hidden"),
        ("effect_id", "its effect's id is hidden"),
        ("output_tokens", "what it used is hidden"),
    ] {
        for profile in [Profile::internal(), Profile::external(&KEY)] {
            let (_, verdict) = effects.judged(&profile.hide(field)).await;
            assert_eq!(why(&verdict), expected, "{field}");
        }
    }
}

#[tokio::test]
async fn a_limit_that_looks_like_a_phone_number_is_a_limit() {
    let effects = Effects::new();
    let id = effects.admit("moltbot.called", vec![charge("cost_microusd", 50, 788_123_456)]).await;
    effects.end(id, called().output(json!({ "amount": 788_123_456 }))).await;
    for (pack, verdict) in effects.packs().await {
        assert_eq!(verdict, BudgetVerdict::WithinLimits { admitted: 1, outside: 0 });
        assert_eq!(usage(&pack, "cost_microusd", "request")["limits"], json!([788_123_456]));
        // Nowhere else.
        assert_eq!(pack["events"][1]["output"]["value"]["amount"], "[hidden]");
    }
}

#[tokio::test]
async fn every_number_that_limits_are_added_up_from_is_a_count() {
    let effects = Effects::new();
    let input = AdmissionInput {
        elapsed_max_ms: Some(725_000_000),
        ..admission(effects.fresh_id(), "moltbot.called", vec![charge("tokens", 1, 1_500_000_000)])
    };
    let id = input.effect_id.clone().expect("an id");
    effects.teller.typed::<EffectAdmitted>(Actor::System, input, Nothing {}).await;
    let output = json!({
        "input_tokens": 722_000_000, "output_tokens": 733_000_000, "cost_microusd": 788_123_456,
    });
    effects
        .end(
            id.parse::<Uuid>().expect("a UUID").try_into().expect("an event's"),
            called().output(output),
        )
        .await;
    for (pack, verdict) in effects.packs().await {
        assert_eq!(verdict, BudgetVerdict::WithinLimits { admitted: 1, outside: 0 });
        assert_eq!(usage(&pack, "tokens", "request")["used"], 1_455_000_000);
        assert_eq!(pack["events"][0]["input"]["value"]["elapsed_max_ms"], 725_000_000);
    }
}

#[tokio::test]
async fn sums_beyond_64_bits_are_added_up_and_said_as_the_nearest_number() {
    const EXACT_MAX: i64 = (1 << 53) - 1;
    let effects = Effects::new();
    let mut ids = Vec::new();
    for _ in 0..1_030 {
        let charges = vec![charge("tokens", EXACT_MAX, EXACT_MAX)];
        ids.push(effects.admit("moltbot.called", charges).await);
    }
    let used = json!({ "input_tokens": EXACT_MAX, "output_tokens": EXACT_MAX });
    effects.end(ids[0], called().output(used)).await;
    for (pack, verdict) in effects.packs().await {
        assert!(matches!(verdict, BudgetVerdict::Passed { seq: 2, .. }), "{verdict}");
        let tokens = usage(&pack, "tokens", "request");
        assert_eq!((&tokens["used"], &tokens["peak"]), (&json!(i64::MAX), &json!(i64::MAX)));
    }
    // What was held is given back whole.
    for id in &ids[1..] {
        effects.end(*id, called().ended(Outcome::Failed, ErrorCode::NotPerformed)).await;
    }
    for (pack, _) in effects.packs().await {
        let tokens = usage(&pack, "tokens", "request");
        assert_eq!((&tokens["used"], &tokens["reserved"]), (&json!(2 * EXACT_MAX), &json!(0)));
    }
}

/// Changes a pack, and returns what the verifier says.
fn fault(pack: &Value, change: impl FnOnce(&mut Value)) -> String {
    let mut pack = pack.clone();
    change(&mut pack);
    let error = verify_request_pack(pack.to_string().as_bytes()).expect_err("it was changed");
    assert!(!error.is_unusable(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn whoever_changes_limits_charges_or_admissions_is_found() {
    let effects = Effects::new();
    for _ in 0..9 {
        effects.call().await;
    }
    for (pack, _) in effects.packs().await {
        for (member, to) in [("limit", 9), ("amount", 0)] {
            let said = fault(&pack, |pack| {
                pack["events"][16]["input"]["value"]["charges"][0][member] = json!(to);
            });
            assert!(said.starts_with("event 17 (effect.admitted, "), "{said}");
            assert!(said.ends_with("its /input does not match its commitment"), "{said}");
        }
        let said = fault(&pack, |pack| {
            pack["events"].as_array_mut().expect("a list").remove(16);
        });
        assert!(said.contains("event 17 is missing"), "{said}");
        let said = fault(&pack, |pack| {
            let events = pack["events"].as_array_mut().expect("a list");
            events.remove(16);
            events[16]["seq"] = json!(17);
        });
        assert!(said.starts_with("event 17 (moltbot.called, ") && said.contains("chain"), "{said}");
        let said = fault(&pack, |pack| {
            let within = json!({ "verdict": "within_limits", "admitted": 9, "outside": 0 });
            pack["budgets"]["content"]["check"] = within;
        });
        assert!(said.starts_with("section budgets at \"/content/check/"), "{said}");
        let said = fault(&pack, |pack| {
            pack["budgets"]["content"]["usage"][0]["used"] = json!(8);
        });
        assert!(said.starts_with("section budgets at \"/content/usage/0/used\""), "{said}");
    }
}

#[tokio::test]
async fn a_vendor_that_no_batch_named_is_listed_as_outside() {
    let effects = Effects::new();
    let id = effects.admit("vendor.batch_sent", vec![charge("vendors", 2, 15)]).await;
    for vendor in ["shop_one", "shop_two", "shop_two", "shop_three"] {
        let message = AuditEvent::new(EventType::VENDOR_OUTREACH_SENT, Actor::System);
        effects.teller.tell(message.input(json!({ "vendor_id": vendor }))).await;
    }
    effects.end(id, AuditEvent::new(EventType::VENDOR_BATCH_SENT, Actor::System)).await;
    for (pack, verdict) in effects.packs().await {
        assert!(matches!(verdict, BudgetVerdict::WithinLimits { admitted: 1, outside: 1 }));
        assert_eq!(pack["budgets"]["content"]["outside"][0]["event_type"], "vendor.outreach_sent");
    }
}

#[tokio::test]
async fn a_second_outcome_of_an_effect_counts_nothing_and_is_irregular() {
    let store = Arc::new(ForgingStore::default());
    let teller = super::story::Teller::new(store.clone());
    let at = chrono::DateTime::from_timestamp(1_790_001_000, 0).expect("a time");
    let id = moltbot_audit::EventId::new(at, 1).expect("a time of this century");
    let charge = json!({ "budget": "tokens", "period": "request", "amount": 100, "limit": 1_000 });
    let input =
        json!({ "effect_id": id.to_string(), "effect": "moltbot.called", "charges": [charge] });
    teller.tell(AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System).input(input)).await;
    let outcome = AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot).id(id);
    teller.tell(outcome.output(json!({ "input_tokens": 60, "output_tokens": 10 }))).await;
    let pack = super::export(&*store, &teller.request, &Profile::internal()).await;
    // No store has an id twice, and no pack verifies that does: sections are computed from one all the same.
    let mut events = pack.events.clone();
    events.push(events[1].clone());
    events[2].seq = 3;
    let budgets = Sections::of(&events, &[], &[], &[]).budgets;
    let budgets = serde_json::to_value(budgets.content().expect("recorded")).expect("JSON");
    assert_eq!(budgets["irregular"][0]["what"], "its effect has an outcome");
    assert_eq!(budgets["irregular"][0]["seq"], 3);
    assert_eq!(budgets["usage"][0]["used"], 70, "as the first says");
    assert_eq!(budgets["check"]["verdict"], "not_checkable");
}
