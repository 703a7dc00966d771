//! Effects and limits that are declared wrongly: typed errors, and nothing happens.

use std::time::Duration;

use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::policy::{DemandError, Limits, LimitsError};
use moltbot_audit::{AdmitError, Budget, Effect, EffectError, Switch};

use super::{custom, host, moltbot_call, vendor_batch};

#[tokio::test(start_paused = true)]
async fn an_effect_that_is_declared_wrongly_does_not_run_and_leaves_nothing() {
    let host = host();
    let sms = Budget::new("sms").expect("a name");
    let not_positive = |what| DemandError::Amount(LimitsError::NotPositive { what });
    let too_large = |what| DemandError::Amount(LimitsError::TooLarge { what });
    let cases = [
        (custom().charge(Budget::VENDORS, -1), not_positive("an amount")),
        (custom().charge(Budget::VENDORS, 0), not_positive("an amount")),
        (custom().charge(Budget::VENDORS, i64::MAX), too_large("an amount")),
        (custom().charge(sms.clone(), 1), DemandError::NoLimit { budget: sms }),
        (Effect::moltbot_call(&MoltbotInput::default()), DemandError::NoRequest),
        (vendor_batch(0), DemandError::EmptyBatch),
        (vendor_batch(6), DemandError::BatchTooLarge { vendors: 6, max: 5 }),
        (moltbot_call().switch(Switch::OCR), DemandError::SwitchFixed { switch: Switch::AI }),
        (moltbot_call().lease(Duration::ZERO), not_positive("the lease")),
        (moltbot_call().lease(Duration::MAX), too_large("the lease")),
        (moltbot_call().estimated_tokens(u64::MAX), too_large("an estimate")),
        (moltbot_call().idempotency_key(" "), DemandError::EmptyKey),
    ];
    for (effect, expected) in cases {
        let error = host.run(effect).await.expect_err("it is declared wrongly");
        assert!(
            matches!(&error, EffectError::NotAdmitted(AdmitError::Invalid(found)) if *found == expected),
            "{error:?}"
        );
    }
    assert!(host.store().is_empty(), "and nothing is written");
    host.run(moltbot_call().switch(Switch::AI)).await.expect("the switch that it has");
}

#[test]
fn a_limit_that_makes_no_sense_is_an_error() {
    let limits = Limits::default;
    let second = Duration::from_secs(1);
    let errors = [
        limits().per_request(Budget::VENDORS, 0),
        limits().per_day(Budget::COST_MICROUSD, -5),
        limits().per_request(Budget::VENDORS, i64::MAX),
        limits().vendors_a_batch(0),
        limits().time(Duration::ZERO, second),
        limits().time(second * 2, second),
        limits().call_tokens(0),
        limits().call_cost_microusd(-1),
        limits().warn_at_percent(0),
        limits().warn_at_percent(101),
        limits().lease(Duration::ZERO),
        limits().consent_lifetime(Duration::from_nanos(1)),
    ];
    for (at, limits) in errors.into_iter().enumerate() {
        assert!(limits.is_err(), "number {at} was taken: {limits:?}");
    }
    let at_most = limits().per_request(Budget::VENDORS, (1 << 53) - 1).expect("the largest");
    assert_eq!(at_most.of(&Budget::VENDORS, moltbot_audit::Period::Request), Some((1 << 53) - 1));
    assert!(limits().time(second, second).is_ok());
}
