//! Says when something is nearly used up.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use serde::Serialize;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::asking::{Asking, millis};
use crate::event::payload::BudgetWarningInput;
use crate::event::{Actor, AuditEvent, EventType, Period, StreamId};
use crate::record::Role;
use crate::store::admission::Admission;

/// Requests that are remembered: more than run at once. One that is forgotten is warned of again.
const REMEMBERED_MAX: usize = 4_096;

/// What was warned of, and the warnings on their way.
#[derive(Debug, Default)]
pub(super) struct Warned(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Requests that were warned of for their time.
    requests: HashSet<Uuid>,
    oldest_first: VecDeque<Uuid>,
    on_their_way: HashMap<StreamId, Vec<JoinHandle<()>>>,
}

impl Warned {
    /// Whether this is the first warning of a request's time.
    fn is_first(&self, request: Uuid) -> bool {
        let mut state = self.lock();
        if !state.requests.insert(request) {
            return false;
        }
        state.oldest_first.push_back(request);
        if state.oldest_first.len() > REMEMBERED_MAX
            && let Some(oldest) = state.oldest_first.pop_front()
        {
            state.requests.remove(&oldest);
        }
        true
    }

    fn keep(&self, stream: StreamId, recording: JoinHandle<()>) {
        let mut state = self.lock();
        state.on_their_way.retain(|_, warnings| {
            warnings.retain(|warning| !warning.is_finished());
            !warnings.is_empty()
        });
        state.on_their_way.entry(stream).or_default().push(recording);
    }

    /// Returns when what was warned of in a stream is recorded: an admission does not pass through the
    /// queue, and would come before it.
    pub(super) async fn recorded(&self, stream: StreamId) {
        let warnings = self.lock().on_their_way.remove(&stream);
        for warning in warnings.into_iter().flatten() {
            warning.await.ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            let stream = self.claim.intent.stream_id();
            self.auditor.shared.warned.keep(stream, tokio::spawn(recording));
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
