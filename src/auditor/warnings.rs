//! Records a warning when a budget or the time is nearly used up.

use std::task::{Context, Waker};

use super::Auditor;
use super::effect_context::EffectContext;
use super::time::millis;
use crate::event::payload::BudgetWarningInput;
use crate::event::{Actor, AuditEvent, EventType, Period, StreamId};
use crate::record::Role;
use crate::store::admission::{Admission, Claim};
use crate::store::log_line::log_line;

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
