//! A host that lives for a while, and its callers.

use std::time::Duration;

use moltbot_audit::{Auditor, RequestId};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{Heard, PERSONAL, Schedule};
use crate::support::records::{event, fresh_request, unique};
use crate::support::seeded::Seeded;

/// How long a caller waits for the spool after its time for the database, and a little.
const SPOOL_WAIT: Duration = Duration::from_secs(11);

/// Records one event after the other into one stream.
struct Caller {
    draw: Seeded,
    request: RequestId,
    auditor: Auditor,
    wait: Duration,
    heard: Heard,
}

impl Caller {
    async fn record(mut self) {
        let caller = Uuid::from_u64_pair(0, unique());
        for _ in 0..self.draw.pick(&[2, 10, 40]) {
            let (is_bad, is_long) = (self.draw.one_in(30), self.draw.one_in(20));
            let text = if is_long { "x".repeat(100_000) } else { PERSONAL.to_owned() };
            let event = event(&self.request)
                .input(json!({ "text": text }))
                .output(json!({ "is_bad": is_bad, "name": PERSONAL }));
            // Some callers go away while they wait.
            let gives_up = self.draw.one_in(8);
            let limit = if gives_up { self.wait.mul_f64(0.4) } else { self.wait + SPOOL_WAIT };
            match timeout(limit, self.auditor.record(event)).await {
                Ok(Ok(recorded)) => self.heard.note(|heard| {
                    heard.recorded.entry(caller).or_default().push(recorded);
                }),
                Ok(Err(error)) => self.heard.note(|heard| {
                    heard.errors.push(format!("{error} {error:?}"));
                }),
                Err(_) if gives_up => {}
                Err(_) => self.heard.note(|heard| {
                    heard.faults.push(format!("a caller had no answer within {limit:?}"));
                }),
            }
            sleep(Duration::from_millis(self.draw.pick(&[0, 0, 0, 1, 50, 3_000]))).await;
        }
    }
}

impl Schedule {
    /// A host lives, and ends well, or in the middle of everything.
    pub(super) async fn host(&mut self) {
        let mut auditors = Vec::new();
        for _ in 0..self.draw.pick(&[1, 1, 2]) {
            let (events, bytes) =
                (self.draw.pick(&[0, 5, u64::MAX]), self.draw.pick(&[2_000, u64::MAX]));
            auditors.push(self.auditor(self.open(events, bytes).await));
        }
        let requests = [fresh_request(), fresh_request(), fresh_request()];
        let callers: Vec<_> = (0..self.draw.pick(&[1, 4, 12]))
            .map(|_| Caller {
                draw: self.draw.fork(),
                request: self.draw.pick(&[&requests[0], &requests[1], &requests[2]]).clone(),
                auditor: auditors[self.draw.below(auditors.len())].clone(),
                wait: self.limits.wait,
                heard: self.heard.clone(),
            })
            .map(|caller| tokio::spawn(caller.record()))
            .collect();
        if self.draw.one_in(2) {
            // The end comes in the middle, and this runtime's with it.
            sleep(Duration::from_millis(self.draw.pick(&[1, 30, 400, 8_000]))).await;
        } else {
            for caller in callers {
                caller.await.expect("a caller does not panic");
            }
        }
        for auditor in &auditors {
            if self.draw.one_in(2) {
                let limit = Duration::from_millis(self.draw.pick(&[0, 100, 20_000]));
                let started = Instant::now();
                let _left = auditor.shutdown(limit).await;
                let took = started.elapsed();
                if took > limit + Duration::from_secs(1) {
                    let fault = format!("a shutdown of {limit:?} took {took:?}");
                    self.heard.note(|heard| heard.faults.push(fault));
                }
            }
        }
    }
}
