//! Stops the AI for a request whose outputs were rejected several times in a row.
//!
//! The trail is counted, not this process: a request's calls may run in several.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Auditor, ControlError};
use crate::event::{ErrorCode, EventType, Identity, Outcome, RequestId, Switch};
use crate::record::{Receipt, Record};
use crate::store::admission::EarlierEvent;
use crate::store::log_line::log_line;

/// The events that decide.
const TYPES: [EventType; 6] = [
    EventType::MOLTBOT_CALLED,
    EventType::MOLTBOT_OUTPUT_ACCEPTED,
    EventType::MOLTBOT_OUTPUT_BLOCKED,
    EventType::MOLTBOT_OUTPUT_REJECTED,
    EventType::SWITCH_ENGAGED,
    EventType::SWITCH_RESET,
];

impl Auditor {
    /// True if the record says that an output of Moltbot was rejected, and that may stop the AI for its request.
    pub(super) fn may_stop_request(&self, record: &Record) -> bool {
        let header = record.header();
        self.shared.limits.rejected_outputs_max > 0
            && self.admission().is_some()
            && header.request_id.is_some()
            && is_rejection(&header.event_type, &header.outcome, header.error_code.as_deref())
    }

    /// Stops the AI for the record's request, if too many outputs in a row were rejected, this one included. A failure is
    /// logged: the rejection itself is recorded, and the next one tries again.
    pub(super) async fn stop_after_rejections(&self, record: &Record, receipt: &Receipt) {
        if let Err(error) = self.try_stop_after_rejections(record, receipt.seq).await {
            log_line!(
                error,
                error = &error as &dyn std::error::Error,
                "the AI could not be stopped for a request whose outputs were rejected"
            );
        }
    }

    async fn try_stop_after_rejections(
        &self,
        record: &Record,
        seq: i64,
    ) -> Result<(), ControlError> {
        let Some(store) = self.admission() else { return Ok(()) };
        let Some(request) = record.header().request_id else { return Ok(()) };
        let request = RequestId::from_uuid(request)?;
        let (stream_id, doing) = (record.stream_id(), "read earlier outputs");
        // This event included.
        let events = self.call(store, self.deadline(), doing, |store| {
            store.events_before(stream_id, seq.saturating_add(1), &TYPES)
        });
        let max = self.shared.limits.rejected_outputs_max;
        let rejected = rejected_in_a_row(&events.await?);
        if rejected < usize::try_from(max).unwrap_or(usize::MAX) {
            return Ok(());
        }
        let reason = format!("{rejected} outputs of Moltbot in a row were rejected");
        let by = Identity::host("moltbot-audit", "its own rule");
        let kill_switch = self.kill_switch().of_request(&request).caused_by(record.id());
        kill_switch.engage(&Switch::AI, by, &reason).await?;
        Ok(())
    }
}

/// Whether an event says that an output was rejected.
fn is_rejection(event_type: &str, outcome: &str, error_code: Option<&str>) -> bool {
    event_type == EventType::MOLTBOT_OUTPUT_REJECTED.as_str()
        || event_type == EventType::MOLTBOT_OUTPUT_BLOCKED.as_str()
        || event_type == EventType::MOLTBOT_CALLED.as_str()
            && outcome == Outcome::Failed.as_str()
            && error_code == Some(ErrorCode::InvalidOutput.as_str())
}

/// What became of an output.
#[derive(Clone, Copy, PartialEq)]
enum Judged {
    Accepted,
    Rejected,
    /// Nobody said.
    Open,
}

/// How many outputs in a row were rejected, up to the last one that was. A call without an output neither counts nor
/// breaks the row; an output that nobody judged breaks it once a later one was judged. The count begins anew when the
/// switch was reset, and is 0 while the request is stopped.
fn rejected_in_a_row(events: &[EarlierEvent]) -> usize {
    let mut outputs: Vec<Judged> = Vec::new();
    let mut by_id: HashMap<Uuid, usize> = HashMap::new();
    let mut is_stopped = false;
    for event in events {
        let is = |of: &EventType| event.event_type == of.as_str();
        let is_rejected =
            is_rejection(&event.event_type, &event.outcome, event.error_code.as_deref());
        if is(&EventType::SWITCH_ENGAGED) || is(&EventType::SWITCH_RESET) {
            if event.input["switch"] == Switch::AI.as_str() {
                is_stopped = is(&EventType::SWITCH_ENGAGED);
                outputs.clear();
                by_id.clear();
            }
        } else if is(&EventType::MOLTBOT_CALLED) {
            let has_output = event.outcome == Outcome::Succeeded.as_str();
            if has_output || is_rejected {
                by_id.insert(event.id, outputs.len());
                outputs.push(if is_rejected { Judged::Rejected } else { Judged::Open });
            }
        } else {
            let judged = if is_rejected { Judged::Rejected } else { Judged::Accepted };
            let named = event.input["moltbot_event_id"].as_str();
            let named =
                named.map(|id| id.parse().ok().and_then(|id: Uuid| by_id.get(&id).copied()));
            match named.unwrap_or_else(|| outputs.len().checked_sub(1)) {
                Some(at) => outputs[at] = judged,
                None => outputs.push(judged),
            }
        }
    }
    if is_stopped {
        return 0;
    }
    let judged = outputs.iter().rev().skip_while(|judged| **judged == Judged::Open);
    judged.take_while(|judged| **judged == Judged::Rejected).count()
}
