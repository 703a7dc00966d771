//! Compares the world's own ledger with the audit trail.

use std::collections::BTreeMap;

use moltbot_audit::ErrorCode;
use moltbot_audit::record::StoredRecord;
use serde_json::Value;

use super::world::{Kind, Went};

/// Returns where the two differ. They agree if every effect has exactly one event, and every event
/// of an effect that ran has its effect.
pub(crate) fn differences(ledger: &[Went], trail: &[StoredRecord]) -> Vec<String> {
    let mut found = Vec::new();
    let went_out = count(ledger.iter().map(Went::event));
    // Effects that were refused or given up did not run. A batch is recorded in its messages.
    let ran = trail.iter().filter(|record| {
        record.header.error_code.as_deref() != Some(ErrorCode::NotPerformed.as_str())
    });
    let effects = ran.map(|record| {
        let header = &record.header;
        (header.event_type.as_str(), header.outcome.as_str())
    });
    let recorded = count(effects.filter(|(event_type, outcome)| {
        EFFECTS.contains(event_type) && matches!(*outcome, "succeeded" | "failed")
    }));
    for event in went_out.keys().chain(recorded.keys()) {
        let (out, written) = (went_out.get(event), recorded.get(event));
        if out != written {
            found.push(format!("{event:?}: {out:?} went out, {written:?} are recorded"));
        }
    }
    for reference in ledger.iter().filter_map(|went| went.reference.as_deref()) {
        let named = trail.iter().filter(|record| names(record, reference)).count();
        if named != 1 {
            found.push(format!("{reference} is named by {named} events"));
        }
    }
    found
}

impl Went {
    /// Type and outcome of the one event that must record it.
    fn event(&self) -> (&'static str, &'static str) {
        let event_type = match (self.kind, self.succeeded) {
            (Kind::Call, true) => "call.started",
            (Kind::Call, false) => "call.failed",
            (Kind::ClientMessage, true) => "whatsapp.outbound_sent",
            (Kind::ConsentRequest, true) => "call.consent_requested",
            (Kind::VendorMessage, true) => "vendor.outreach_sent",
            (Kind::VendorWithdrawal, true) => "vendor.outreach_withdrawn",
            (
                Kind::ClientMessage
                | Kind::ConsentRequest
                | Kind::VendorMessage
                | Kind::VendorWithdrawal,
                false,
            ) => "whatsapp.send_failed",
            (Kind::Model, _) => "moltbot.called",
            (Kind::Photo, true) => "ocr.job_done",
            (Kind::Photo, false) => "ocr.job_failed",
        };
        (event_type, if self.succeeded { "succeeded" } else { "failed" })
    }
}

fn names(record: &StoredRecord, reference: &str) -> bool {
    let output = record.output.as_ref();
    let is = |member: &str| output.and_then(|o| o.get(member)).and_then(Value::as_str);
    is("provider_message_id") == Some(reference) || is("provider_call_id") == Some(reference)
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

const EFFECTS: &[&str] = &[
    "call.consent_requested",
    "call.failed",
    "call.started",
    "moltbot.called",
    "ocr.job_done",
    "ocr.job_failed",
    "vendor.outreach_sent",
    "vendor.outreach_withdrawn",
    "whatsapp.outbound_sent",
    "whatsapp.send_failed",
];
