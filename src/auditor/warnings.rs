//! Says when something is nearly used up.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

use serde::Serialize;
use uuid::Uuid;

use super::asking::{Asking, millis};
use crate::event::payload::BudgetWarningInput;
use crate::event::{Actor, AuditEvent, EventType, Period};
use crate::record::Role;
use crate::store::admission::Admission;

/// Requests that are remembered: more than run at once. One that is forgotten is warned of again.
const REMEMBERED_MAX: usize = 4_096;

/// The requests that were warned of for their time.
#[derive(Debug, Default)]
pub(super) struct Warned(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    requests: HashSet<Uuid>,
    oldest_first: VecDeque<Uuid>,
}

impl Warned {
    /// Whether this is the first time.
    fn is_first(&self, request: Uuid) -> bool {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !remembered.requests.insert(request) {
            return false;
        }
        remembered.oldest_first.push_back(request);
        if remembered.oldest_first.len() > REMEMBERED_MAX
            && let Some(oldest) = remembered.oldest_first.pop_front()
        {
            remembered.requests.remove(&oldest);
        }
        true
    }
}

impl Asking {
    /// Records what is nearly used up since this effect, without holding it up. Inside a runtime.
    pub(super) fn warn(&self, admission: &Admission) {
        let limits = &self.auditor.shared.limits;
        let mut warnings = Vec::new();
        for (charge, used) in self.claim.charges.iter().zip(&admission.used) {
            if limits.is_crossed(*used, charge.amount, charge.limit) {
                let input = BudgetWarningInput {
                    budget: Some(charge.budget.to_string()),
                    period: Some(charge.period.to_string()),
                    used: Some(*used),
                    limit: Some(charge.limit),
                    ..Default::default()
                };
                warnings.push(self.warning(EventType::BUDGET_WARNED, &input));
            }
        }
        let elapsed = admission.elapsed.filter(|elapsed| *elapsed > limits.elapsed_target);
        if let (Some(elapsed), Some(request)) = (elapsed, &self.event.request_id)
            && self.auditor.shared.warned.is_first(request.uuid())
        {
            let input = BudgetWarningInput {
                budget: Some("elapsed_ms".to_owned()),
                period: Some(Period::Request.to_string()),
                used: i64::try_from(millis(elapsed)).ok(),
                limit: i64::try_from(millis(limits.elapsed_max)).ok(),
                ..Default::default()
            };
            warnings.push(self.warning(EventType::REQUEST_TIME_BUDGET_WARNING, &input));
        }
        for warning in warnings {
            self.queue(warning);
        }
    }

    /// Records an event in its place before what follows, without waiting for that.
    fn queue(&self, event: AuditEvent) {
        let auditor = self.auditor.clone();
        let mut recording = Box::pin(async move {
            if let Err(error) = auditor.record_as(Role::Event, event).await {
                tracing::error!(%error, "a warning of a budget could not be recorded");
            }
        });
        // Polled once, it is in the queue, and what is queued is written in its order.
        let is_over = recording.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if !is_over {
            tokio::spawn(recording);
        }
    }

    fn warning(&self, event_type: EventType, input: &impl Serialize) -> AuditEvent {
        let input = serde_json::to_value(input).unwrap_or_default();
        let mut event = AuditEvent::new(event_type, Actor::System).input(input);
        event.request_id.clone_from(&self.event.request_id);
        event.conversation_id.clone_from(&self.event.conversation_id);
        event
    }
}
