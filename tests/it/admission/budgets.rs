//! Budgets: what is charged, where it ends, and what is given back.

use std::time::Duration;

use moltbot_audit::policy::{FallbackAction, HandoffOption, Limits, RefusalReason};
use moltbot_audit::testing::Fault;
use moltbot_audit::{Actor, AuditEvent, Budget, Effect, EffectError, ErrorCode, EventType, Period};
use serde_json::{Value, json};

use super::{custom, host, host_with, moltbot_call, ocr_job, request, used, vendor_batch};
use crate::support::records::named_request;

fn limits(
    set: impl FnOnce(Limits) -> Result<Limits, moltbot_audit::policy::LimitsError>,
) -> Limits {
    set(Limits::default()).expect("limits that make sense")
}

/// An effect, its budget and limit, and what a host does where that is used up.
type Case<'a> = (&'a dyn Fn() -> Effect, Budget, i64, FallbackAction, &'a [HandoffOption]);

#[tokio::test(start_paused = true)]
async fn each_budget_of_a_request_ends_where_the_seed_says() {
    let vendor = || vendor_batch(1);
    let cases: [Case; 3] = [
        (
            &moltbot_call,
            Budget::MOLTBOT_CALLS,
            8,
            FallbackAction::SafeText,
            &[HandoffOption::HumanQueue],
        ),
        (&ocr_job, Budget::OCR_JOBS, 2, FallbackAction::AskForText, &[HandoffOption::HumanQueue]),
        (&vendor, Budget::VENDOR_BATCHES, 3, FallbackAction::UseReplies, &[]),
    ];
    for (effect, budget, limit, action, options) in cases {
        let host = host();
        for _ in 0..limit {
            host.run(effect()).await.expect("within the limit");
        }
        let refusal = host.refused(effect()).await;
        let expected = RefusalReason::Budget {
            budget: budget.clone(),
            period: Period::Request,
            used: limit,
            amount: 1,
            limit,
        };
        assert_eq!(refusal.reason, expected);
        assert_eq!(refusal.fallback.action, action);
        assert_eq!(refusal.fallback.options, options);
        assert_eq!(host.used(&budget).await, limit);

        let refused = host.events("effect.refused");
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].header().outcome, "refused");
        assert_eq!(refused[0].header().error_code.as_deref(), Some("budget_exceeded"));
        assert_eq!(refused[0].header().request_id, Some(request().uuid()));
        let output = refused[0].output().expect("an output");
        assert_eq!(
            output,
            json!({
                "budget": budget.as_str(), "period": "request",
                "used": limit, "amount": 1, "limit": limit,
            })
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_fit_is_refused_whole() {
    let host = host();
    for vendors in [5, 5, 4] {
        host.run(vendor_batch(vendors)).await.ok();
    }
    assert_eq!(host.used(&Budget::VENDORS).await, 14);
    // The batches are looked at first; give them room, so that the vendors are what is short.
    let roomy = host_with(|builder| {
        builder.budgets(limits(|limits| limits.per_request(Budget::VENDOR_BATCHES, 9)))
    });
    for vendors in [5, 5, 4] {
        roomy.run(vendor_batch(vendors)).await.expect("within the limit");
    }
    let refusal = roomy.refused(vendor_batch(5)).await;
    let RefusalReason::Budget { budget, used, amount, limit, .. } = refusal.reason else {
        panic!("expected the budget: {:?}", refusal.reason)
    };
    assert_eq!((budget, used, amount, limit), (Budget::VENDORS, 14, 5, 15));
    assert_eq!(roomy.used(&Budget::VENDORS).await, 14, "nothing of it was taken");
    assert_eq!(roomy.used(&Budget::VENDOR_BATCHES).await, 3, "nor of the other budget");
    roomy.run(vendor_batch(1)).await.expect("one more fits");
}

#[tokio::test(start_paused = true)]
async fn an_intent_says_what_is_charged_and_under_which_limits() {
    let host = host_with(|builder| {
        builder.budgets(limits(|limits| {
            limits.per_day(Budget::MOLTBOT_CALLS, 500)?.per_request(Budget::TOKENS, 9_000)
        }))
    });
    let effect = moltbot_call().estimated_tokens(1_200).idempotency_key("call-1");
    host.run(effect).await.expect("admitted");
    let records = host.store().records();
    let [intent, outcome] = &records[..] else { panic!("an intent and an outcome") };
    assert_eq!(intent.header().event_type, "effect.admitted");
    assert_eq!(intent.header().actor, "moltbot");
    assert_eq!(intent.header().request_id, Some(request().uuid()));
    assert_eq!(intent.idempotency_key(), Some("call-1"));
    let mut input = intent.input().expect("an input");
    for hash in ["key_hash", "input_hash"] {
        let text = input[hash].take();
        let text = text.as_str().expect("a hash");
        assert!(text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit()), "{text}");
    }
    assert_eq!(
        input,
        json!({
            "effect_id": outcome.header().id, "effect": "moltbot.called", "switches": ["ai"],
            "charges": [
                { "budget": "moltbot_calls", "period": "request", "amount": 1, "limit": 8 },
                { "budget": "moltbot_calls", "period": "day", "amount": 1, "limit": 500 },
                { "budget": "tokens", "period": "request", "amount": 1_200, "limit": 9_000 },
            ],
            "elapsed_max_ms": 600_000, "lease_ms": 120_000, "key_hash": null, "input_hash": null,
            "reversal": "final",
        })
    );
}

#[tokio::test(start_paused = true)]
async fn tokens_and_cost_are_settled_to_what_they_were() {
    let host = host_with(|builder| {
        builder.budgets(limits(|limits| {
            limits
                .per_request(Budget::TOKENS, 10_000)?
                .per_request(Budget::COST_MICROUSD, 50_000)?
                .per_day(Budget::COST_MICROUSD, 80_000)
        }))
    });
    let effect = || moltbot_call().estimated_tokens(4_000).estimated_cost_microusd(20_000);
    let call = async || {
        Ok::<_, String>(
            json!({ "input_tokens": 900, "output_tokens": 100, "cost_microusd": 31_000 }),
        )
    };
    host.auditor.effect(effect()).run(call).await.expect("within the limits");
    assert_eq!(host.used(&Budget::TOKENS).await, 1_000);
    assert_eq!(host.used(&Budget::COST_MICROUSD).await, 31_000);
    // 31,000 are spent, and 20,000 more would be too much.
    let refusal = host.refused(effect()).await;
    assert!(matches!(refusal.reason, RefusalReason::Budget { used: 31_000, .. }));
    // On another request there is room, until the day is used up.
    let other = named_request("another");
    let call = async || Ok::<_, String>(json!({ "cost_microusd": 45_000 }));
    host.auditor.effect(effect().request(&other)).run(call).await.expect("within the limits");
    let today = host.auditor.budgets().usage_today().await.expect("the store is up");
    assert_eq!(used(&today, &Budget::COST_MICROUSD), 76_000);
    let third = effect().request(&named_request("a third"));
    let refusal = host.refused(third).await;
    assert!(
        matches!(refusal.reason, RefusalReason::Budget { period: Period::Day, used: 76_000, .. }),
        "{:?}",
        refusal.reason
    );
}

#[tokio::test(start_paused = true)]
async fn a_price_that_nobody_knows_is_never_nothing() {
    let limited = |limits: Limits| limits.per_request(Budget::COST_MICROUSD, 50_000);
    let host = host_with(|builder| builder.budgets(limits(limited)));
    let refusal = host.refused(moltbot_call()).await;
    let unknown = RefusalReason::PriceUnknown {
        budget: Budget::COST_MICROUSD,
        period: Period::Request,
        limit: 50_000,
    };
    assert_eq!(refusal.reason, unknown);
    assert_eq!(refusal.reason.error_code(), ErrorCode::BudgetExceeded);
    assert_eq!(host.used(&Budget::MOLTBOT_CALLS).await, 0, "nothing was charged");
    assert_eq!(host.events("effect.refused").len(), 1);
    host.run(moltbot_call().estimated_cost_microusd(0)).await.expect("a call that is free");

    let priced = host_with(|builder| {
        builder.budgets(limits(|limits| limited(limits)?.call_cost_microusd(30_000)))
    });
    priced.run(moltbot_call()).await.expect("at the configured price");
    assert_eq!(priced.used(&Budget::COST_MICROUSD).await, 30_000);
    priced.refused(moltbot_call()).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_over_its_time_is_refused_what_has_a_budget_and_nothing_else() {
    let host = host();
    host.auditor.record(super::created()).await.expect("recorded");
    host.clock.advance(Duration::from_mins(6));
    host.run(ocr_job()).await.expect("at its target");
    host.clock.advance(Duration::from_mins(4));
    host.run(moltbot_call()).await.expect("exactly ten minutes");
    host.clock.advance(Duration::from_micros(1));
    let refusal = host.refused(moltbot_call()).await;
    let RefusalReason::Time { elapsed, max } = refusal.reason else { panic!("expected the time") };
    assert_eq!(elapsed, Duration::from_mins(10) + Duration::from_micros(1));
    assert_eq!(max, Duration::from_mins(10));
    assert_eq!(refusal.fallback.action, FallbackAction::Apologise);
    assert_eq!(refusal.fallback.options, [HandoffOption::Call, HandoffOption::Wait]);
    let refused = &host.events("effect.refused")[0];
    assert_eq!(refused.header().error_code.as_deref(), Some("time_exceeded"));
    host.run(custom()).await.expect("the apology goes out");

    // The shortlist is there: no time is measured any longer.
    let listed = AuditEvent::new(EventType::SHORTLIST_GENERATED, Actor::System).request(&request());
    host.auditor.record(listed).await.expect("recorded");
    host.run(moltbot_call()).await.expect("after the shortlist");
}

#[tokio::test(start_paused = true)]
async fn there_is_a_warning_at_eighty_percent_and_over_the_target_once() {
    let host = host();
    host.auditor.record(super::created()).await.expect("recorded");
    for _ in 0..8 {
        host.run(moltbot_call()).await.expect("within the limit");
    }
    let warned = host.settled("budget.warned", 1).await;
    let expected = json!({ "budget": "moltbot_calls", "period": "request", "used": 7, "limit": 8 });
    assert_eq!(warned[0].input(), Some(expected));
    assert_eq!(warned[0].header().request_id, Some(request().uuid()));
    assert!(host.events("request.time_budget_warning").is_empty());

    host.clock.advance(Duration::from_mins(7));
    host.run(ocr_job()).await.expect("late");
    host.run(vendor_batch(1)).await.expect("late");
    let warned = host.settled("request.time_budget_warning", 1).await;
    let expected = json!({
        "budget": "elapsed_ms", "period": "request", "used": 420_000, "limit": 600_000,
    });
    assert_eq!(warned[0].input(), Some(expected));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(host.events("request.time_budget_warning").len(), 1, "once");
    assert_eq!(host.events("budget.warned").len(), 1, "once, at the crossing");
}

#[tokio::test(start_paused = true)]
async fn a_days_budget_is_warned_of_once_at_the_crossing() {
    let host = host_with(|builder| {
        builder.budgets(limits(|limits| {
            limits.per_day(Budget::OCR_JOBS, 10)?.per_request(Budget::OCR_JOBS, 10)
        }))
    });
    for _ in 0..10 {
        host.run(ocr_job()).await.expect("within the limits");
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let of_the_day = host.events("budget.warned").into_iter().filter_map(|warned| {
        let input = warned.input().unwrap_or_default();
        (input["period"] == "day").then(|| input["used"].clone())
    });
    assert_eq!(of_the_day.collect::<Vec<_>>(), [8], "not again at nine and ten");
}

#[tokio::test(start_paused = true)]
async fn a_warning_has_its_place_before_the_next_admission() {
    let host = host();
    host.run(ocr_job()).await.expect("within the limit");
    // The next admission is the third call, the warning of it the fourth.
    host.sink.at_calls([4], Fault::slow(Duration::from_millis(20)));
    // Inside the effect that is warned of, another one is admitted at once.
    let inside = async || host.run(custom()).await.map_err(|error| error.to_string());
    host.auditor.effect(ocr_job()).run(inside).await.expect("within the limit");
    let records = host.store().records();
    let types: Vec<_> = records.iter().map(|one| one.header().event_type.as_str()).collect();
    let after = ["effect.admitted", "budget.warned", "effect.admitted", "discovery.call"];
    assert_eq!(types[2..6], after);
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_the_hosts_own_is_kept_like_the_others() {
    let sms = Budget::new("sms").expect("a name");
    let host = host_with(|builder| {
        builder.budgets(limits(|limits| limits.per_request(Budget::new("sms").expect("a name"), 3)))
    });
    host.run(custom().charge(sms.clone(), 2)).await.expect("within the limit");
    let refusal = host.refused(custom().charge(sms.clone(), 2)).await;
    assert!(matches!(refusal.reason, RefusalReason::Budget { used: 2, amount: 2, limit: 3, .. }));
    assert_eq!(host.used(&sms).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_usage_names_every_budget_that_is_limited() {
    let host = host();
    host.run(vendor_batch(4)).await.expect("within the limit");
    let usage = host.auditor.budgets().usage(&request()).await.expect("the store is up");
    let figures: Vec<_> =
        usage.iter().map(|one| (one.budget.as_str(), one.used, one.limit)).collect();
    let expected = [
        ("moltbot_calls", 0, Some(8)),
        ("ocr_jobs", 0, Some(2)),
        ("vendor_batches", 1, Some(3)),
        ("vendors", 4, Some(15)),
    ];
    assert_eq!(figures, expected);
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_spent_and_what_was_not_performed_is_given_back() {
    let host = host();
    let failed = host.auditor.effect(ocr_job()).run(async || Err::<Value, _>("blurred")).await;
    assert!(matches!(failed, Err(EffectError::Failed("blurred"))));
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 1);
    let permit = host.auditor.effect(ocr_job()).admit().await.expect("admitted");
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 2, "held");
    permit.not_performed("no connection").await.expect("recorded");
    assert_eq!(host.used(&Budget::OCR_JOBS).await, 1, "given back");
    let outcome = &host.events("ocr.job_failed")[1];
    assert_eq!(outcome.header().error_code.as_deref(), Some("not_performed"));
    assert_eq!(outcome.output(), Some(json!({ "error_message": "no connection" })));
}
