//! The host's tables, counted from the trail.

use serde_json::{Map, Value};

use super::play::{ensure, same};
use super::world::Recorded;

/// Compares expected counts of rows, one or a list of them, with the trail.
pub(crate) fn count(
    wanted: &Value,
    recorded: &[Recorded],
    not_judged: &mut Vec<String>,
) -> Result<(), String> {
    let one = std::slice::from_ref(wanted);
    for wanted in wanted.as_array().map_or(one, Vec::as_slice) {
        let table = wanted.get("table").and_then(Value::as_str).unwrap_or_default();
        let filter = wanted.get("filter").and_then(Value::as_object);
        let number = wanted.get("count").and_then(Value::as_u64);
        let (Some(number), Some(rows)) = (number, rows(table, filter, recorded)) else {
            not_judged.push(format!("db_row_count {wanted}"));
            continue;
        };
        let found = rows.len() as u64;
        same(&format!("rows of {table}"), &number, &found)?;
    }
    Ok(())
}

/// The rows of a table that match a filter. `None` if the table or the filter is unknown.
fn rows(
    table: &str,
    filter: Option<&Map<String, Value>>,
    recorded: &[Recorded],
) -> Option<Vec<Map<String, Value>>> {
    let row: fn(&Recorded) -> Option<Value> = match table {
        "moltbot_audit_events" => |event| Some(audit_event(event)),
        "moltbot_call_attempts" => call_attempt,
        "moltbot_call_consents" => call_consent,
        "moltbot_conversation_messages" => message,
        "moltbot_marketplace_requests" => request,
        "moltbot_ocr_jobs" => ocr_job,
        "moltbot_vendor_outreach" => outreach,
        _ => return None,
    };
    let rows = recorded.iter().filter_map(row);
    let rows = rows.filter_map(|row| match row {
        Value::Object(row) => Some(row),
        _ => None,
    });
    let rows: Vec<_> = rows.collect();
    let filter = filter.into_iter().flatten();
    // A filter cannot use a column that no row has. A table without rows matches any filter with no row.
    if !rows.is_empty()
        && filter.clone().any(|(column, _)| !rows.iter().any(|row| row.contains_key(column)))
    {
        return None;
    }
    let is_left = |row: &Map<String, Value>| {
        filter.clone().all(|(column, value)| row.get(column) == Some(value))
    };
    Some(rows.into_iter().filter(is_left).collect())
}

fn has_succeeded(event: &Recorded) -> bool {
    event.outcome == "succeeded"
}

fn audit_event(event: &Recorded) -> Value {
    serde_json::json!({ "event_type": event.event_type, "success": has_succeeded(event) })
}

fn message(event: &Recorded) -> Option<Value> {
    let is_duplicate = event.output["duplicate"] == true;
    let direction = match event.event_type.as_str() {
        "whatsapp.inbound_received" if !is_duplicate => "inbound",
        "whatsapp.outbound_sent" | "call.consent_requested" => "outbound",
        _ => return None,
    };
    let input = &event.input;
    let message_type = input["message_type"].as_str().unwrap_or("text");
    has_succeeded(event).then(|| {
        serde_json::json!({
            "direction": direction, "message_type": message_type, "body": input["text"],
            "provider_message_id": input["provider_message_id"],
        })
    })
}

fn request(event: &Recorded) -> Option<Value> {
    (event.event_type == "request.created").then(|| serde_json::json!({}))
}

fn ocr_job(event: &Recorded) -> Option<Value> {
    (event.event_type == "ocr.job_created")
        .then(|| serde_json::json!({ "provider": event.input["provider"] }))
}

fn outreach(event: &Recorded) -> Option<Value> {
    let is_tried =
        event.event_type == "whatsapp.send_failed" && event.input["vendor_id"].is_string();
    let is_sent = event.event_type == "vendor.outreach_sent";
    let state = if is_tried { "failed" } else { "sent" };
    (is_sent || is_tried)
        .then(|| serde_json::json!({ "vendor_id": event.input["vendor_id"], "state": state }))
}

fn call_consent(event: &Recorded) -> Option<Value> {
    (event.event_type == "call.consent_requested")
        .then(|| serde_json::json!({ "scope": event.input["scope"] }))
}

fn call_attempt(event: &Recorded) -> Option<Value> {
    let is_tried = ["call.started", "call.failed"].contains(&event.event_type.as_str());
    let is_placed = is_tried && event.outcome != "refused";
    is_placed.then(|| serde_json::json!({ "consent_id": event.input["consent_id"] }))
}

/// Whether a call was refused: `true`, `false`, or the code.
pub(crate) fn call_refused(
    wanted: &Value,
    of_step: &[Recorded],
    not_judged: &mut Vec<String>,
) -> Result<(), String> {
    let is_refused = |event: &&Recorded| {
        let is_call = event.event_type == "call.failed"
            || (event.event_type == "effect.refused" && event.input["effect"] == "call.started");
        is_call && event.outcome == "refused"
    };
    let codes = of_step.iter().filter(is_refused).filter_map(|event| event.error_code.as_deref());
    let codes: Vec<_> = codes.collect();
    match wanted {
        Value::Bool(wanted) => same("call_refused", wanted, &!codes.is_empty()),
        Value::String(code) => {
            ensure(codes.iter().any(|found| found.eq_ignore_ascii_case(code)), || {
                format!("call_refused: expected {code:?}, found {codes:?}")
            })
        }
        other => {
            not_judged.push(format!("call_refused {other}"));
            Ok(())
        }
    }
}
