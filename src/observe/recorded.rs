//! Counts a stored record in the metrics, and writes its log line.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span};

use super::recorder::{count, measure};
use super::table::{self, Label};
use crate::event::{Actor, ErrorCode, EventType, Identity, IdentityHow, Outcome};
use crate::record::{Header, Receipt, Record};
use crate::redact::mask;
use crate::store::log_line::later;

/// Counts the record in its metrics, except for its [`Report`](super::Report)s, and queues its log line. It waits for
/// no file, and catches panics of the host's recorder and layers.
pub(crate) fn stored(record: &Record, receipt: &Receipt) {
    tally(record);
    line(record, receipt);
}

fn tally(record: &Record) {
    let header = record.header();
    count(&table::AUDIT_EVENTS, &[Label::EventType.value(&header.event_type)], 1);
    match header.event_type.split('.').next().unwrap_or_default() {
        "budget" | "effect" => of_admission(record),
        // The host did not do it.
        _ if is(header, Outcome::Refused) => {}
        "moltbot" => of_moltbot(record),
        "ocr" => of_ocr(record),
        "request" => of_request(header),
        "vendor" => of_vendor(header),
        _ => {}
    }
}

/// The line carries the ids of the record and none of its payload, so waiting lines are small.
fn line(record: &Record, receipt: &Receipt) {
    let how = identity_of(record);
    let is_expected = is(record.header(), Outcome::Succeeded) && !warns(record.header(), how)
        || is_of_self_test(record);
    let level = if is_expected { Level::INFO } else { Level::WARN };
    if level > LevelFilter::current() {
        return;
    }
    let (header, seq) = (record.header().clone(), receipt.seq);
    let key = record.idempotency_key().map(str::to_owned);
    // A span held until its line is written would seem to last longer.
    later(Span::none(), move |_| write(&header, key.as_deref(), how, seq, is_expected));
}

fn write(
    header: &Header,
    key: Option<&str>,
    how: Option<IdentityHow>,
    seq: i64,
    is_expected: bool,
) {
    macro_rules! line {
        ($level:ident, $message:literal) => {{
            tracing::$level!(
                target: "moltbot_audit::record",
                // An absent field must not be filled by a span of the task that records.
                parent: None,
                request_id = header.request_id.map(tracing::field::display),
                conversation_id = header.conversation_id.map(tracing::field::display),
                event_type = header.event_type,
                actor = header.actor,
                idempotency_key = key.map(mask).as_deref(),
                timing_ms = header.duration_ms,
                trace_id = header.trace_id,
                span_id = header.span_id,
                outcome = header.outcome,
                error_code = header.error_code,
                identity = how.map(IdentityHow::as_str),
                event_id = %header.id,
                seq,
                caused_by = header.caused_by.map(tracing::field::display),
                writer_id = header.writer_id.map(tracing::field::display),
                $message
            );
        }};
    }
    if is_expected {
        line!(info, "recorded");
    } else if warns(header, how) {
        line!(warn, "recorded: a warning");
    } else {
        line!(warn, "recorded: it did not succeed");
    }
}

/// How the identity of the person who acted is known. `None` if the event is no person's act.
fn identity_of(record: &Record) -> Option<IdentityHow> {
    if record.header().actor != Actor::Admin.as_str() {
        return None;
    }
    let input = record.input()?;
    Identity::deserialize(&input["by"]).ok().map(|by| by.how())
}

/// Returns true if the event itself is a warning.
fn warns(header: &Header, how: Option<IdentityHow>) -> bool {
    header.is(&EventType::SWITCH_RESET) && how == Some(IdentityHow::Claimed)
        || header.is(&EventType::EFFECT_EXPIRED)
        || header.is(&EventType::MOLTBOT_INJECTION_DETECTED)
}

/// Returns true if it is the refusal that a self-test provokes.
fn is_of_self_test(record: &Record) -> bool {
    record.header().is(&EventType::EFFECT_REFUSED)
        && record
            .input()
            .is_some_and(|input| input["effect"] == EventType::AUDIT_SELF_TEST.as_str())
}

fn of_request(header: &Header) {
    if header.is(&EventType::REQUEST_CREATED) {
        count(&table::REQUESTS_CREATED, &[], 1);
    }
}

fn of_vendor(header: &Header) {
    if !is(header, Outcome::Succeeded) {
        return;
    }
    if header.is(&EventType::VENDOR_OUTREACH_SENT) {
        count(&table::VENDOR_MESSAGES_SENT, &[], 1);
    }
}

fn of_ocr(record: &Record) {
    let header = record.header();
    let has_failed = header.is(&EventType::OCR_JOB_FAILED);
    if !has_failed && !header.is(&EventType::OCR_JOB_DONE) {
        return;
    }
    count(&table::OCR_JOBS, &[], 1);
    let output = record.output().unwrap_or_default();
    if has_failed || output["status"] == "failed" || !is(header, Outcome::Succeeded) {
        count(&table::OCR_FAILURES, &[], 1);
    }
    // A percentage instead of a share would distort the distribution.
    let confidence = output["confidence"].as_f64().filter(|share| (0.0..=1.0).contains(share));
    if let Some(confidence) = confidence {
        measure(&table::OCR_CONFIDENCE, &[], confidence);
    }
    used(&output);
}

fn of_moltbot(record: &Record) {
    let header = record.header();
    if header.is(&EventType::MOLTBOT_CALLED) {
        count(&table::MOLTBOT_CALLS, &[Label::Outcome.value(&header.outcome)], 1);
        used(&record.output().unwrap_or_default());
    } else if header.is(&EventType::MOLTBOT_OUTPUT_REJECTED) {
        count(&table::MOLTBOT_OUTPUT_REJECTED, &[reason(header)], 1);
    }
}

/// Measures a model's tokens and cost.
fn used(output: &Value) {
    for (kind, name) in [
        ("input", "input_tokens"),
        ("cache_read", "cache_read_input_tokens"),
        ("cache_creation", "cache_creation_input_tokens"),
        ("output", "output_tokens"),
        ("reasoning", "reasoning_output_tokens"),
    ] {
        if let Some(tokens) = output[name].as_u64() {
            count(&table::LLM_TOKENS, &[kind], tokens);
        }
    }
    if let Some(cost) = output["cost_microusd"].as_u64() {
        count(&table::LLM_COST, &[], cost);
    }
}

fn of_admission(record: &Record) {
    let header = record.header();
    if header.is(&EventType::EFFECT_ADMITTED) {
        for switch in governing(&record.input().unwrap_or_default()) {
            count(&table::EFFECTS_ADMITTED, &[switch], 1);
        }
    } else if header.is(&EventType::EFFECT_REFUSED) {
        count(&table::EFFECTS_REFUSED, &[reason(header)], 1);
        if let Some(kind) = limited(record) {
            count(&table::BUDGET_REFUSALS, &[kind], 1);
        }
    } else if header.is(&EventType::BUDGET_WARNED) {
        let input = record.input().unwrap_or_default();
        let budget = input["budget"].as_str().unwrap_or_default();
        count(&table::BUDGET_WARNINGS, &[Label::Limited.value(budget)], 1);
    }
}

/// The labels of the switches that govern an effect, each once.
fn governing(input: &Value) -> BTreeSet<&'static str> {
    let switches = input["switches"].as_array().map(Vec::as_slice).unwrap_or_default();
    let labels: BTreeSet<_> =
        switches.iter().filter_map(Value::as_str).map(|name| Label::Switch.value(name)).collect();
    if labels.is_empty() { BTreeSet::from([table::NO_SWITCH]) } else { labels }
}

/// What was used up, if that is why an effect was refused.
fn limited(record: &Record) -> Option<&'static str> {
    let code = record.header().error_code.as_deref()?;
    if code != ErrorCode::BudgetExceeded.as_str() {
        return (code == ErrorCode::TimeExceeded.as_str()).then_some("elapsed_ms");
    }
    let output = record.output().unwrap_or_default();
    Some(Label::Limited.value(output["budget"].as_str().unwrap_or_default()))
}

fn reason(header: &Header) -> &'static str {
    Label::Reason.value(header.error_code.as_deref().unwrap_or_default())
}

fn is(header: &Header, outcome: Outcome) -> bool {
    header.outcome == outcome.as_str()
}
