//! Budgets of one request. The library decides, and after a refusal the host follows the fallback.

use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::auditor::Clock;
use moltbot_audit::policy::{Language, Refusal, RefusalReason};
use moltbot_audit::{
    Actor, AuditEvent, Budget, ErrorCode, EventType, Outcome, RecordError, SwitchScope,
};
use serde_json::json;

use super::super::state::RequestState;
use super::super::texts::Say;
use super::Case;

/// The limit as Moltbot and payloads show it. The library enforces its own.
pub(super) const MOLTBOT_CALLS_MAX: u32 = 8;
pub(super) const OCR_JOBS_MAX: u32 = 2;
pub(super) const BATCHES_MAX: u32 = 3;
pub(super) const BATCH_VENDORS_MAX: usize = 5;
pub(super) const VENDORS_MAX: usize = 15;
const WARN_AFTER: TimeDelta = TimeDelta::minutes(4);
const TIME_MAX: TimeDelta = TimeDelta::minutes(10);

/// How often something was asked for. These numbers go into payloads and keys, and are not limits.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) moltbot_calls: u32,
    pub(super) ocr_jobs: u32,
    pub(super) batches: u32,
    warned_of_time: bool,
}

impl Case {
    /// Follows a refusal: records it in the host's own terms, and tells the client.
    pub(super) async fn heed(&mut self, refusal: &Refusal) -> Result<(), RecordError> {
        let text = refusal.fallback.message(self.tongue()).to_owned();
        if let RefusalReason::Time { elapsed, max } = &refusal.reason {
            let seconds = |time: &Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
            return self.give_up(&text, seconds(elapsed), seconds(max)).await;
        }
        self.note_refusal(refusal).await?;
        if let RefusalReason::Switch { scope: SwitchScope::Conversation(_), .. } = &refusal.reason {
            // The person who has taken the conversation over answers.
            return Ok(());
        }
        self.tell(text, Some("refused")).await.map(drop)
    }

    /// The host's own event for a budget that is used up.
    pub(super) async fn note_refusal(&self, refusal: &Refusal) -> Result<(), RecordError> {
        let RefusalReason::Budget { budget, used, limit, .. } = &refusal.reason else {
            return Ok(());
        };
        match event_of(budget) {
            Some(event) => self.refuse_over_budget(event, budget.as_str(), *used, *limit).await,
            None => Ok(()),
        }
    }

    fn tongue(&self) -> Language {
        Language::of(self.language().as_str())
    }

    /// Records that something was not done, because its budget is used up.
    pub(super) async fn refuse_over_budget(
        &self,
        event_type: EventType,
        budget: &str,
        used: i64,
        limit: i64,
    ) -> Result<(), RecordError> {
        let event = AuditEvent::new(event_type, Actor::System)
            .input(json!({ "budget": budget, "used": used, "limit": limit }))
            .ended(Outcome::Refused, ErrorCode::BudgetExceeded);
        self.trail.record(event).await.map(drop)
    }

    async fn give_up(&mut self, text: &str, used: i64, limit: i64) -> Result<(), RecordError> {
        let event_type = EventType::REQUEST_TIME_BUDGET_EXCEEDED;
        self.refuse_over_budget(event_type, "time_seconds", used, limit).await?;
        self.move_to(RequestState::Error, "timeout").await?;
        self.tell(text.to_owned(), Some("time_is_up")).await.map(drop)
    }

    /// Checks the time limit if no effect is due that the library would refuse for it.
    pub(crate) async fn check_time(&mut self) -> Result<(), RecordError> {
        let running = self.world.clock().now() - self.began;
        if self.state.is_over() || running <= TIME_MAX {
            return self.warn_of_time().await;
        }
        let (used, limit) = (running.num_seconds(), TIME_MAX.num_seconds());
        self.give_up(Say::TimeIsUp.text(self.language()), used, limit).await
    }

    /// Tells the client once that the search takes a while.
    pub(super) async fn warn_of_time(&mut self) -> Result<(), RecordError> {
        let running = self.world.clock().now() - self.began;
        let is_due = running > WARN_AFTER && running <= TIME_MAX && !self.state.is_over();
        if !is_due || self.counts.warned_of_time {
            return Ok(());
        }
        self.counts.warned_of_time = true;
        if self.state == RequestState::AwaitingVendorReplies {
            self.say(Say::StillWaiting).await?;
        }
        Ok(())
    }
}

fn event_of(budget: &Budget) -> Option<EventType> {
    if *budget == Budget::MOLTBOT_CALLS {
        Some(EventType::MOLTBOT_BUDGET_EXCEEDED)
    } else if *budget == Budget::OCR_JOBS {
        Some(EventType::OCR_BUDGET_EXCEEDED)
    } else if [Budget::VENDOR_BATCHES, Budget::VENDORS].contains(budget) {
        Some(EventType::VENDOR_BATCH_LIMIT_REACHED)
    } else {
        None
    }
}
