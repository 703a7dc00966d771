//! Many callers, each of whom records one event after the other.

use std::time::Instant;

use moltbot_audit::{AuditEvent, Auditor};

/// What the callers saw.
pub(crate) struct Callers {
    pub(crate) per_second: f64,
    /// How many events went to the database; the rest is in the spool.
    pub(crate) chained: usize,
    took: Vec<f64>,
}

impl Callers {
    /// How long a call took that so many of a hundred were at least as quick as, in seconds.
    pub(crate) fn percentile(&mut self, nth: usize) -> f64 {
        percentile(&mut self.took, nth)
    }
}

/// So many callers, who share the events.
pub(crate) async fn record(auditor: &Auditor, events: Vec<AuditEvent>, callers: usize) -> Callers {
    let count = events.len();
    let mut shares: Vec<Vec<AuditEvent>> = (0..callers).map(|_| Vec::new()).collect();
    for (number, event) in events.into_iter().enumerate() {
        shares[number % callers].push(event);
    }
    let started = Instant::now();
    let tasks = shares.into_iter().map(|share| {
        let auditor = auditor.clone();
        tokio::spawn(async move {
            let mut took = Vec::with_capacity(share.len());
            let mut chained = 0;
            for event in share {
                let started = Instant::now();
                let recorded = auditor.record(event).await.expect("the event is durable");
                took.push(started.elapsed().as_secs_f64());
                chained += usize::from(recorded.receipt().is_some());
            }
            (took, chained)
        })
    });
    let (mut took, mut chained) = (Vec::with_capacity(count), 0);
    for task in tasks.collect::<Vec<_>>() {
        let share = task.await.expect("a caller ends");
        took.extend(share.0);
        chained += share.1;
    }
    Callers { per_second: count as f64 / started.elapsed().as_secs_f64(), chained, took }
}

pub(crate) fn percentile(values: &mut [f64], nth: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[(values.len() * nth / 100).min(values.len() - 1)]
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    percentile(&mut values, 50)
}
