//! What runs inside an effect is governed by its switches too, and an effect that was stopped says so.

use moltbot_audit::auditor::in_current_effect;
use moltbot_audit::event::payload::OutreachInput;
use moltbot_audit::policy::RefusalReason;
use moltbot_audit::{AdmitError, ErrorCode};

use super::*;
use crate::support::records::KEY;

fn message(vendor: &str) -> Effect {
    let input = OutreachInput { vendor_id: vendor.into(), ..Default::default() };
    Effect::vendor_message(&input).request(&request())
}

fn switch_of(error: &EffectError<Value, String>) -> Option<&str> {
    let EffectError::Refused(refusal) = error else { return None };
    let RefusalReason::Switch { switch, .. } = &refusal.reason else { return None };
    Some(switch.as_str())
}

fn switches(record: &Record) -> Value {
    record.input().expect("an input")["switches"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_message_inside_a_batch_is_refused_once_the_batchs_switch_is_engaged() {
    let host = host();
    let sent = AtomicUsize::new(0);
    let batch = host.auditor.effect(vendor_batch(3).planned_by_moltbot()).run(async || {
        for vendor in ["v1", "v2", "v3"] {
            let message = host.auditor.effect(message(vendor));
            let message = message.run(async || {
                sent.fetch_add(1, Ordering::SeqCst);
                Ok::<_, String>(json!({ "sent": true }))
            });
            if let Err(error) = message.await {
                return Err(format!("stopped by {:?}", switch_of(&error)));
            }
            host.auditor.kill_switch().engage(&Switch::AI, "jeanne", "odd").await.expect("set");
        }
        Ok(json!({}))
    });
    let error = batch.await.expect_err("it was stopped");
    assert!(matches!(&error, EffectError::Failed(error) if error == "stopped by Some(\"ai\")"));
    assert_eq!(sent.load(Ordering::SeqCst), 1);

    let refused = &host.events("effect.refused")[0];
    assert_eq!(switches(refused), json!(["ai"]));
    assert_eq!(refused.output(), Some(json!({ "switch": "ai", "switched_by": "store" })));
    let ended = &host.events("vendor.batch_sent")[0];
    assert_eq!(ended.header().error_code.as_deref(), Some("switched_off"));
    assert_eq!(ended.output().expect("an output")["stopped_by"], "ai");
    // The message that had ended before knows nothing of it.
    assert_eq!(host.events("vendor.outreach_sent")[0].output(), Some(json!({ "sent": true })));
    // And outside, messages go on.
    host.run(message("v4")).await.expect("it has no switch");
}

#[tokio::test(start_paused = true)]
async fn switches_of_effects_inside_effects_add_up() {
    let host = host();
    let sms = Switch::new("sms").expect("a name");
    host.store().reset_switch(sms.clone());
    let outer = host.auditor.effect(vendor_batch(1).planned_by_moltbot()).run(async || {
        let inner = host.auditor.effect(custom().switch(sms.clone())).run(async || {
            host.run(custom()).await.map_err(|error| error.to_string())?;
            host.run(ocr_job()).await.map_err(|error| error.to_string())?;
            host.run(moltbot_call()).await.map_err(|error| error.to_string())?;
            host.auditor.kill_switch().engage(&sms, "jeanne", "odd").await.expect("engaged");
            assert_eq!(switch_of(&host.run(custom()).await.expect_err("stopped")), Some("sms"));
            Ok::<_, String>(json!({}))
        });
        inner.await.map_err(|error| error.to_string())?;
        host.run(custom()).await.map_err(|error| error.to_string())
    });
    outer.await.expect("its own switch was not engaged");
    let admitted: Vec<_> = host.events("effect.admitted").iter().map(switches).collect();
    let expected = [
        json!(["ai"]),
        json!(["sms", "ai"]),
        json!(["sms", "ai"]),
        json!(["ocr", "sms", "ai"]),
        json!(["ai", "sms"]),
        json!(["ai"]),
    ];
    assert_eq!(admitted, expected);
    // The one that ran inside both was stopped, and so was the inner one; the outer one was not.
    let stopped = host
        .store()
        .records()
        .into_iter()
        .filter(|record| record.output().is_some_and(|output| output["stopped_by"] == "sms"));
    assert_eq!(stopped.count(), 1);
    assert_eq!(host.events("vendor.batch_sent")[0].header().outcome, "succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_spawned_is_outside_unless_it_is_carried() {
    let host = Arc::new(host());
    let spawned = host.auditor.effect(vendor_batch(1).planned_by_moltbot()).run(async || {
        host.auditor.kill_switch().engage(&Switch::AI, "jeanne", "odd").await.expect("engaged");
        let outside = tokio::spawn({
            let host = Arc::clone(&host);
            async move { host.run(custom()).await.is_ok() }
        });
        let inside = tokio::spawn(in_current_effect({
            let host = Arc::clone(&host);
            async move { host.run(custom()).await.is_ok() }
        }));
        Ok::<_, String>(json!([outside.await.expect("ends"), inside.await.expect("ends")]))
    });
    assert_eq!(spawned.await.expect("it succeeds"), json!([true, false]));
    // Outside of everything it changes nothing.
    let outside = Box::pin(in_current_effect(async { host.run(custom()).await }));
    outside.await.expect("it has no switch");
}

#[tokio::test(start_paused = true)]
async fn what_runs_inside_a_permit_is_governed_by_it() {
    let host = host();
    let permit = host.auditor.effect(vendor_batch(1).planned_by_moltbot()).admit().await;
    let permit = permit.expect("admitted");
    host.auditor.kill_switch().engage(&Switch::AI, "jeanne", "odd").await.expect("engaged");
    host.run(custom()).await.expect("it is not inside");
    let error = Box::pin(permit.inside(host.run(custom()))).await.expect_err("it is inside");
    assert_eq!(switch_of(&error), Some("ai"));
    permit.failed(&"stopped").await.expect("recorded");
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_stops_a_switch_stops_what_runs_inside_too() {
    let host = host();
    let off = host_with(|builder| {
        builder.environment(|name| (name == "FEATURE_AI_CONCIERGE").then(|| "off".to_owned()))
    });
    let nested = host.auditor.effect(moltbot_call()).run(async || {
        let error = off.run(custom()).await.expect_err("stopped by that process's environment");
        Ok::<_, String>(json!(switch_of(&error)))
    });
    assert_eq!(nested.await.expect("it succeeds"), json!("ai"));
}

/// Each way to end, after a switch was engaged meanwhile.
#[tokio::test(start_paused = true)]
async fn an_effect_that_was_stopped_midway_says_so_in_its_outcome() {
    let host = host();
    let engage = async || {
        host.auditor.kill_switch().engage(&Switch::AI, "jeanne", "odd").await.expect("engaged");
    };
    let last = || host.events("moltbot.called").pop().expect("an outcome");
    let said = |record: &Record| {
        let code = record.header().error_code.clone();
        (code.unwrap_or_default(), record.output().unwrap_or_default()["stopped_by"].clone())
    };
    let ended = |code: &str| (code.to_owned(), json!("ai"));

    let permit = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    engage().await;
    permit.failed(&"given up").await.expect("recorded");
    assert_eq!(said(&last()), ended("switched_off"));
    assert_eq!(last().output().expect("an output")["error_message"], "given up");
    host.store().reset_switch(Switch::AI);

    let permit = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    engage().await;
    permit.not_performed("stopped in time").await.expect("recorded");
    assert_eq!(said(&last()), ended("not_performed"));
    host.store().reset_switch(Switch::AI);

    let permit = host.auditor.effect(moltbot_call()).admit().await.expect("admitted");
    engage().await;
    drop(permit);
    host.settled("moltbot.called", 3).await;
    assert_eq!(said(&last()), ended("cancelled"));
    host.store().reset_switch(Switch::AI);

    let keyed = || moltbot_call().idempotency_key("call-1");
    let done = host.auditor.effect(keyed()).run(async || {
        engage().await;
        Ok::<_, String>(json!({ "action": "ask" }))
    });
    assert_eq!(done.await.expect("it succeeds"), json!({ "action": "ask" }));
    assert_eq!(said(&last()), ended(""));
    host.store().reset_switch(Switch::AI);
    // What the host returned is what it gets again.
    let replayed = host.run(keyed()).await.expect("from its record");
    assert_eq!(replayed, json!({ "action": "ask" }));

    // An output without members stays as it is, and an effect that ends before says nothing.
    let bare = host.auditor.effect(moltbot_call()).run(async || {
        engage().await;
        Ok::<_, String>(json!(7))
    });
    assert_eq!(bare.await.expect("it succeeds"), json!(7));
    assert_eq!(last().output(), Some(json!(7)));
    host.store().reset_switch(Switch::AI);
    host.run(moltbot_call()).await.expect("it runs again");
    assert_eq!(said(&last()), (String::new(), Value::Null));
    let code = ErrorCode::SwitchedOff.as_str();
    assert_eq!(code, "switched_off");
}

/// Another process engages it: this one hears of it while the call runs.
#[tokio::test(start_paused = true)]
async fn a_long_call_hears_of_a_switch_that_another_process_engaged() {
    let host = host();
    let other = Auditor::builder(Arc::clone(host.store()) as _, KEY);
    let other = other.build();
    let call = host.auditor.effect(moltbot_call()).run(async || {
        other.kill_switch().engage(&Switch::AI, "jeanne", "odd").await.expect("engaged");
        // Until this process has heard of it, as a host that does not look goes on.
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok::<_, String>(json!({}))
    });
    call.await.expect("it succeeds");
    let ended = &host.events("moltbot.called")[0];
    assert_eq!(ended.output().expect("an output")["stopped_by"], "ai");
    let refused = host.auditor.effect(moltbot_call()).admit().await;
    assert!(matches!(refused, Err(AdmitError::Refused(_))));
}
