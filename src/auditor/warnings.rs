//! Records a warning when a budget or the time is nearly used up.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Auditor;
use super::admission_request::millis;
use super::effect_context::EffectContext;
use crate::event::payload::BudgetWarningInput;
use crate::event::{Actor, AuditEvent, Budget, EventType, Period, StreamId};
use crate::record::Role;
use crate::store::admission::{Admission, Claim};
use crate::store::log_line::log_line;

/// How many causes are remembered: more than there are requests at once. A forgotten one is warned of again.
const REMEMBERED_MAX: usize = 4_096;

/// A request, and the budget that is nearly used up; none for its time.
type Cause = (Uuid, Option<Budget>);

/// The warnings that were given, and those that are being recorded.
#[derive(Debug, Default)]
pub(super) struct Warned(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: HashSet<Cause>,
    oldest_first: VecDeque<Cause>,
    on_their_way: HashMap<StreamId, Vec<JoinHandle<()>>>,
}

impl Warned {
    /// True if this cause is new.
    fn is_first(&self, request: Uuid, budget: Option<&Budget>) -> bool {
        let mut state = self.lock();
        let cause = (request, budget.cloned());
        if !state.requests.insert(cause.clone()) {
            return false;
        }
        state.oldest_first.push_back(cause);
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

    /// Returns when the warnings of a stream are recorded: the next admission does not pass through the queue,
    /// and would overtake them.
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

/// Records a warning for each budget that this effect nearly used up, and for the time, without holding the effect
/// up. Inside a runtime.
pub(super) fn warn_of_budgets(effect: &EffectContext, claim: &Claim, admission: &Admission) {
    let (limits, warned) = (&effect.auditor.shared.limits, &effect.auditor.shared.warned);
    let mut warnings = Vec::new();
    for (charge, used) in claim.charges.iter().zip(&admission.used) {
        let is_at_mark = limits.is_at_mark(*used, charge.limit);
        // A request's budget may have passed the mark earlier, when a call cost more than its estimate.
        let is_due = match (charge.period, &effect.event.request_id) {
            (Period::Request, Some(request)) => {
                is_at_mark && warned.is_first(request.uuid(), Some(&charge.budget))
            }
            _ => is_at_mark && !limits.is_at_mark(used - charge.amount, charge.limit),
        };
        if is_due {
            let input = BudgetWarningInput {
                budget: Some(charge.budget.to_string()),
                period: Some(charge.period.to_string()),
                used: Some(*used),
                limit: Some(charge.limit),
                ..Default::default()
            };
            warnings.push(warning(&effect.event, EventType::BUDGET_WARNED, &input));
        }
    }
    let elapsed = admission.elapsed.filter(|elapsed| *elapsed > limits.elapsed_target);
    if let (Some(elapsed), Some(request)) = (elapsed, &effect.event.request_id)
        && warned.is_first(request.uuid(), None)
    {
        let input = BudgetWarningInput {
            budget: Some("elapsed_ms".to_owned()),
            period: Some(Period::Request.to_string()),
            used: i64::try_from(millis(elapsed)).ok(),
            limit: i64::try_from(millis(limits.elapsed_max)).ok(),
            ..Default::default()
        };
        warnings.push(warning(&effect.event, EventType::REQUEST_TIME_BUDGET_WARNING, &input));
    }
    for warning in warnings {
        queue(&effect.auditor, claim.intent.stream_id(), warning);
    }
}

/// Queues an event before those that follow, without waiting until it is recorded.
fn queue(auditor: &Auditor, stream: StreamId, event: AuditEvent) {
    let recorder = auditor.clone();
    let mut recording = Box::pin(async move {
        if let Err(error) = recorder.record_as(Role::Event, event).await {
            log_line!(error, %error, "a warning of a budget could not be recorded");
        }
    });
    // The first poll puts the event into the queue, which keeps the order.
    let is_over = recording.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    if !is_over {
        auditor.shared.warned.keep(stream, tokio::spawn(recording));
    }
}

fn warning(effect: &AuditEvent, event_type: EventType, input: &BudgetWarningInput) -> AuditEvent {
    let input = serde_json::to_value(input).unwrap_or_default();
    let mut event = AuditEvent::new(event_type, Actor::System).input(input);
    event.request_id.clone_from(&effect.request_id);
    event.conversation_id.clone_from(&effect.conversation_id);
    event
}
