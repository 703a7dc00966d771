//! What one request may use up. Counted here by the host.

use chrono::TimeDelta;
use moltbot_audit::auditor::Clock;
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome, RecordError};
use serde_json::json;

use super::super::state::RequestState;
use super::super::texts::Say;
use super::Case;

pub(super) const MOLTBOT_CALLS_MAX: u32 = 8;
pub(super) const OCR_JOBS_MAX: u32 = 2;
pub(super) const BATCHES_MAX: u32 = 3;
pub(super) const BATCH_VENDORS_MAX: usize = 5;
pub(super) const VENDORS_MAX: usize = 15;
const WARN_AFTER: TimeDelta = TimeDelta::minutes(4);
const TIME_MAX: TimeDelta = TimeDelta::minutes(10);

#[derive(Debug, Default)]
pub(super) struct Budgets {
    pub(super) moltbot_calls: u32,
    pub(super) ocr_jobs: u32,
    pub(super) batches: u32,
    pub(super) vendors: usize,
    warned_of_time: bool,
}

impl Case {
    /// Records that something was not done, because its budget is used up.
    pub(super) async fn refuse_over_budget(
        &self,
        event_type: EventType,
        budget: &str,
        used: impl Into<i64>,
        limit: impl Into<i64>,
    ) -> Result<(), RecordError> {
        let (used, limit): (i64, i64) = (used.into(), limit.into());
        let event = AuditEvent::new(event_type, Actor::System)
            .input(json!({ "budget": budget, "used": used, "limit": limit }))
            .ended(Outcome::Refused, ErrorCode::BudgetExceeded);
        self.trail.record(event).await.map(drop)
    }

    /// Looks at the clock before anything else is done for the request.
    pub(crate) async fn check_time(&mut self) -> Result<(), RecordError> {
        let running = self.world.clock().now() - self.began;
        if self.state.is_over() {
            return Ok(());
        }
        if running > TIME_MAX {
            let (used, limit) = (running.num_seconds(), TIME_MAX.num_seconds());
            let event_type = EventType::REQUEST_TIME_BUDGET_EXCEEDED;
            self.refuse_over_budget(event_type, "time_seconds", used, limit).await?;
            self.move_to(RequestState::Error, "timeout").await?;
            self.say(Say::TimeIsUp).await?;
        } else if running > WARN_AFTER && !self.budgets.warned_of_time {
            self.budgets.warned_of_time = true;
            let input = json!({
                "budget": "time_seconds",
                "used": running.num_seconds(),
                "limit": TIME_MAX.num_seconds(),
            });
            self.note(EventType::REQUEST_TIME_BUDGET_WARNING, Actor::System, input).await?;
            if self.state == RequestState::AwaitingVendorReplies {
                self.say(Say::StillWaiting).await?;
            }
        }
        Ok(())
    }
}
