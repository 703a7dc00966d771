//! What may run: limits, switches, keys, doubt and outages, seen from the host.

mod budgets;
pub(crate) mod contract;
mod declared;
mod doubt;
mod fallbacks;
mod inherited;
mod keys;
mod lease_processes;
mod leases;
mod locks;
mod one_limit;
mod open_effects;
mod outage;
mod permits;
mod races;
mod redaction_keys;
mod rejections;
mod shutdown;
mod switches;
mod takeover;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::event::payload::{BatchInput, MoltbotInput, OcrInput};
use moltbot_audit::policy::{BudgetUsage, Refusal};
use moltbot_audit::record::Record;
use moltbot_audit::testing::{FaultySink, MemoryStore, SteppedClock};
use moltbot_audit::{
    Actor, AuditEvent, Auditor, AuditorBuilder, Budget, Effect, EffectError, EventType, Switch,
};
use serde_json::{Value, json};

use crate::support::records::{KEY, request};
use crate::support::stores::Sink;
use crate::support::wait::until;

/// An auditor on a store in memory, with its switches reset, and the clock that both go by.
struct Host {
    auditor: Auditor,
    sink: Arc<Sink>,
    clock: Arc<SteppedClock>,
}

fn host() -> Host {
    host_with(|builder| builder)
}

fn host_with(set: impl FnOnce(AuditorBuilder) -> AuditorBuilder) -> Host {
    let host = bare_host(set);
    for switch in [Switch::AI, Switch::CALLING, Switch::OCR] {
        host.store().reset_switch(switch);
    }
    host
}

/// A host whose switches nobody ever set.
fn bare_host(set: impl FnOnce(AuditorBuilder) -> AuditorBuilder) -> Host {
    let clock = Arc::new(SteppedClock::new(morning()));
    let sink = Arc::new(FaultySink::new(Arc::new(MemoryStore::with_clock(clock.clone()))));
    let limits = QueueLimits::default().wait(Duration::from_millis(300));
    let builder = Auditor::builder(sink.clone(), KEY)
        .clock(clock.clone())
        .limits(limits)
        .environment(|_| None);
    Host { auditor: set(builder).build(), sink, clock }
}

impl Host {
    fn store(&self) -> &Arc<MemoryStore> {
        self.sink.inner()
    }

    /// The events of a type, in their order.
    fn events(&self, event_type: &str) -> Vec<Record> {
        let records = self.store().records().into_iter();
        records.filter(|record| record.header().event_type == event_type).collect()
    }

    async fn used(&self, budget: &Budget) -> i64 {
        let usage = self.auditor.budgets().usage(&request()).await.expect("the store is up");
        used(&usage, budget)
    }

    /// Waits for what nobody waits for.
    async fn settled(&self, event_type: &str, len: usize) -> Vec<Record> {
        let is_there = || self.events(event_type).len() >= len;
        until(&format!("{len} of {event_type}"), is_there).await;
        self.events(event_type)
    }

    /// Runs an effect that succeeds; whether it ran.
    async fn run(&self, effect: Effect) -> Result<Value, EffectError<Value, String>> {
        self.auditor.effect(effect).run(async || Ok(json!({ "ran": true }))).await
    }

    /// Runs an effect that has to be refused, and must not run.
    async fn refused(&self, effect: Effect) -> Refusal {
        let ran = AtomicUsize::new(0);
        let run = self.auditor.effect(effect).run(async || {
            ran.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(json!(null))
        });
        let error = run.await.expect_err("it is refused");
        assert_eq!(ran.load(Ordering::SeqCst), 0, "and did not run");
        let EffectError::Refused(refusal) = error else { panic!("expected a refusal: {error:?}") };
        *refusal
    }
}

fn used(usage: &[BudgetUsage], budget: &Budget) -> i64 {
    usage.iter().find(|usage| usage.budget == *budget).map_or(0, |usage| usage.used)
}

fn morning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
}

fn moltbot_call() -> Effect {
    let input = MoltbotInput { model: Some("m-1".into()), ..Default::default() };
    Effect::moltbot_call(&input).request(&request())
}

fn ocr_job() -> Effect {
    Effect::ocr_job(&OcrInput::default()).request(&request())
}

fn vendor_batch(vendors: usize) -> Effect {
    let vendor_ids = (0..vendors).map(|nth| format!("v{nth}")).collect();
    let input = BatchInput { vendor_ids, ..Default::default() };
    Effect::vendor_batch(&input).request(&request())
}

fn custom() -> Effect {
    Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({})).request(&request())
}

fn created() -> AuditEvent {
    AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request())
}
