//! The metrics, as a Prometheus would scrape them.

mod counted;
mod exposition;
mod gauges;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::observe::{METRICS, MetricKind};
use moltbot_audit::store::AuditSink;
use moltbot_audit::testing::{FaultySink, MemoryStore, SteppedClock};
use moltbot_audit::{Auditor, AuditorBuilder, Switch};

use crate::support::records::{KEY, request};
use crate::support::wait::until;

/// An auditor on a store in memory, with its switches reset, and what a scrape would see of it.
struct Host {
    auditor: Auditor,
    sink: Arc<FaultySink<MemoryStore>>,
    clock: Arc<SteppedClock>,
    scraped: PrometheusHandle,
}

/// Plays on a runtime of one thread, under a recorder of its own.
fn play<F: Future<Output = ()>>(scene: impl FnOnce(Host) -> F) {
    play_with(async |builder| builder, scene);
}

fn play_with<F: Future<Output = ()>>(
    set: impl AsyncFnOnce(AuditorBuilder) -> AuditorBuilder,
    scene: impl FnOnce(Host) -> F,
) {
    let recorder = recorder().build_recorder();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    metrics::with_local_recorder(&recorder, || {
        runtime.expect("a runtime").block_on(async {
            let clock = Arc::new(SteppedClock::new(morning()));
            let store = Arc::new(MemoryStore::with_clock(clock.clone()));
            for switch in [Switch::AI, Switch::CALLING, Switch::OCR] {
                store.reset_switch(switch);
            }
            let sink = Arc::new(FaultySink::new(store));
            let auditor = set(builder(sink.clone()).clock(clock.clone())).await.build();
            scene(Host { auditor, sink, clock, scraped: recorder.handle() }).await;
        });
    });
}

fn builder(sink: Arc<dyn AuditSink>) -> AuditorBuilder {
    Auditor::builder(sink, KEY)
        .limits(QueueLimits::default().wait(Duration::from_millis(300)))
        .environment(|_| None)
}

/// A recorder as the documentation sets it up.
pub(crate) fn recorder() -> PrometheusBuilder {
    METRICS.iter().fold(PrometheusBuilder::new(), |recorder, metric| match metric.kind {
        MetricKind::Histogram { buckets } => recorder
            .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
            .expect("bounds in order"),
        _ => recorder,
    })
}

impl Host {
    /// The value of a series, by its name and labels as they are exposed.
    fn value(&self, series: &str) -> Option<f64> {
        self.scraped.render().lines().find_map(|line| {
            let value = line.strip_prefix(series)?.strip_prefix(' ')?;
            Some(value.parse().expect("a number"))
        })
    }

    /// Waits until a series has a value: what nobody waits for takes a moment.
    async fn settles(&self, series: &str, value: f64) {
        until(&format!("{series} is {value}"), || self.value(series) == Some(value)).await;
    }
}

fn morning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
}
