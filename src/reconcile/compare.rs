//! Compares one request's trail with its rows.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::agreement::{differs, is_id, other_id};
use super::calls;
use super::found::Found;
use super::rows::Tables;
use super::trail::{Message, Trail};
use super::{Finding, Side};
use crate::event::{Aspect, EventId, FindingCode, Subject};
use crate::store::{Cell, HostRow, HostTable};

/// How long a message may take until its delivery is missed.
const DELIVERED_WITHIN: TimeDelta = TimeDelta::hours(24);
/// Two confidences are the same if they are nearer than this: one of them may have been a float of 32 bits.
const CONFIDENCE_MARGIN: f64 = 1e-6;

/// Compares everything that belongs to one request. Rows that hang on its conversation alone, and that its trail does not
/// name, are found by conversation.
pub(super) fn compare(trail: &Trail, tables: &Tables, now: DateTime<Utc>, found: &mut Found) {
    found.request_id = Some(trail.request_id);
    conversation(trail, tables, found);
    messages(trail, tables, found);
    // Without the request's row, foreign keys leave no rows below it: one finding says it all.
    if request(trail, tables, found) {
        jobs(trail, tables, found);
        outreach(trail, tables, found);
    }
    calls::consents(trail, tables, found);
    calls::calls(trail, tables, found);
    by_trail_alone(trail, now, found);
    found.request_id = None;
}

/// What needs no table.
fn by_trail_alone(trail: &Trail, now: DateTime<Utc>, found: &mut Found) {
    for (event_id, from, to) in &trail.illegal {
        let step = Finding::new(FindingCode::IllegalTransition, Subject::Request);
        let step = Finding { aspect: Some(Aspect::State), ..step };
        // Both are of the trail: from where, and to where.
        found.add(step.event(*event_id).trail(Side::word(from)).other(Side::word(to)));
    }
    for open in trail.effects.open() {
        if open.is_in_doubt {
            let doubt = Finding::new(FindingCode::EffectInDoubt, Subject::Effect);
            found.add(doubt.event(open.event_id).trail(Side::Word("running")));
        } else if open.is_charged && open.is_over(now) {
            let held = Finding::new(FindingCode::ReservationNotSettled, Subject::Effect);
            found.add(held.event(open.event_id).trail(Side::Word("running")));
        }
    }
    // A host that records no reports at all leaves nothing to say about one message.
    let has_reports = trail.sent.values().any(|(_, best)| best.is_some());
    for (event_id, best) in trail.sent.values() {
        let is_old = || written(*event_id).is_none_or(|at| at + DELIVERED_WITHIN < now);
        let is_missed = match best {
            Some("failed") => true,
            Some("delivered" | "read") => false,
            _ => has_reports && is_old(),
        };
        if is_missed {
            let lost = Finding::new(FindingCode::NotDelivered, Subject::Message);
            found.add(lost.event(*event_id).trail(best.map_or(Side::Absent, Side::Word)));
        }
    }
}

/// When an event was written, by its id.
fn written(event_id: Uuid) -> Option<DateTime<Utc>> {
    EventId::from_uuid(event_id).ok().map(EventId::created_at)
}

/// False if the request's row is missing.
fn request(trail: &Trail, tables: &Tables, found: &mut Found) -> bool {
    let Some(rows) = tables.requests.of(&trail.request_id.to_string()) else { return true };
    let Some(row) = rows.first() else {
        found.add(Finding::new(FindingCode::MissingInTables, Subject::Request));
        return false;
    };
    found.matched(Subject::Request);
    let row_id = row.uuid("id").value();
    let state = found.seen(HostTable::Requests, "state", row.text("state"));
    if let Some((event_id, said)) = &trail.state
        && differs(&state, |state| *state == said)
    {
        let (said, row) = (Side::word(said), Side::of_cell(state, Side::word));
        let differs = Finding::differs(Subject::Request, Aspect::State, said, row);
        found.add(differs.event(*event_id).row(row_id));
    }
    let conversation =
        found.seen(HostTable::Requests, "conversation_id", row.uuid("conversation_id"));
    if let Some(said) = trail.conversation_id
        && differs(&conversation, |row| *row == said)
    {
        let other = other_id(conversation);
        let differs =
            Finding::differs(Subject::Request, Aspect::Conversation, Side::Unlisted, other);
        found.add(differs.row(row_id));
    }
    let list = found.seen(HostTable::Requests, "shortlist", row.list("shortlist"));
    shortlist(trail, list, row_id, found);
    true
}

fn shortlist(trail: &Trail, list: Cell<&[Value]>, row_id: Option<Uuid>, found: &mut Found) {
    let list = match list {
        Cell::NotCheckable => return,
        Cell::Unreadable => {
            let unreadable = Finding::new(FindingCode::Unreadable, Subject::Shortlist);
            return found.add(unreadable.row(row_id).other(Side::Unreadable));
        }
        Cell::Null => &[],
        Cell::Value(list) => list,
    };
    let vendor = |item: &Value| item.get("vendor_id").and_then(Value::as_str).map(str::to_owned);
    let row: Vec<(Option<String>, &Value)> = list.iter().map(|item| (vendor(item), item)).collect();
    let Some(said) = &trail.shortlist else {
        if !row.is_empty() {
            let missing = Finding::new(FindingCode::MissingInTrail, Subject::Shortlist);
            found.add(missing.row(row_id).other(Side::count(row.len())));
        }
        return;
    };
    if row.is_empty() && !said.items.is_empty() {
        let missing = Finding::new(FindingCode::MissingInTables, Subject::Shortlist);
        let missing = missing.event(said.event_id).row(row_id);
        return found.add(missing.trail(Side::count(said.items.len())));
    }
    found.matched(Subject::Shortlist);
    let mut finding = |aspect, trail, other| {
        let differs = Finding::differs(Subject::Shortlist, aspect, trail, other);
        found.add(differs.event(said.event_id).row(row_id));
    };
    let trail_ids: Vec<_> = said.items.iter().map(|(id, _)| Some(id.clone())).collect();
    let row_ids: Vec<_> = row.iter().map(|(id, _)| id.clone()).collect();
    let sorted = |ids: &[Option<String>]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    if sorted(&trail_ids) != sorted(&row_ids) {
        let is_unreadable = row_ids.contains(&None);
        let other = if is_unreadable { Side::Unreadable } else { Side::count(row.len()) };
        return finding(Aspect::Vendors, Side::count(said.items.len()), other);
    }
    if let Some(place) = (0..trail_ids.len()).find(|at| trail_ids[*at] != row_ids[*at]) {
        let here = row_ids.iter().position(|id| *id == trail_ids[place]).unwrap_or(place);
        finding(Aspect::Order, Side::count(place + 1), Side::count(here + 1));
    }
    for (id, price) in &said.items {
        let item = row.iter().find(|(other, _)| other.as_ref() == Some(id));
        let other = item.and_then(|(_, item)| item.get("price")).filter(|price| !price.is_null());
        let (Some(price), Some(other)) = (price, other) else { continue };
        match other.as_f64() {
            Some(other) if Side::Number(other) == Side::integer(*price) => {}
            Some(other) => finding(Aspect::Price, Side::integer(*price), Side::Number(other)),
            None => finding(Aspect::Price, Side::integer(*price), Side::Unreadable),
        }
    }
}

fn conversation(trail: &Trail, tables: &Tables, found: &mut Found) {
    let Some(id) = trail.conversation_id else { return };
    match tables.conversations.of(&id.to_string()) {
        None => {}
        Some([]) => found.add(Finding::new(FindingCode::MissingInTables, Subject::Conversation)),
        Some(_) => found.matched(Subject::Conversation),
    }
}

fn messages(trail: &Trail, tables: &Tables, found: &mut Found) {
    for (id, message) in &trail.messages {
        match tables.messages.of(id) {
            None => return,
            Some([]) => {
                let missing = Finding::new(FindingCode::MissingInTables, Subject::Message);
                found.add(missing.event(message.event_id).trail(Side::Word(message.direction)));
            }
            Some([row, ..]) => {
                found.matched(Subject::Message);
                one_message(trail, message, row, found);
            }
        }
    }
}

fn one_message(trail: &Trail, message: &Message, row: &HostRow, found: &mut Found) {
    const TABLE: HostTable = HostTable::Messages;
    let row_id = row.uuid("id").value();
    let direction = found.seen(TABLE, "direction", row.text("direction"));
    let message_type = found.seen(TABLE, "message_type", row.text("message_type"));
    let body = found.seen(TABLE, "body", row.text("body"));
    let conversation = found.seen(TABLE, "conversation_id", row.uuid("conversation_id"));
    let mut finding = |aspect, said, row| {
        let differs = Finding::differs(Subject::Message, aspect, said, row);
        let is_minor = aspect == Aspect::Type;
        let differs = if is_minor { differs.warning() } else { differs };
        found.add(differs.event(message.event_id).row(row_id));
    };
    if differs(&direction, |row| *row == message.direction) {
        let row = Side::of_cell(direction, Side::word);
        finding(Aspect::Direction, Side::Word(message.direction), row);
    }
    if let Some(said) = &message.kind
        && differs(&message_type, |row| row == said)
    {
        finding(Aspect::Type, Side::word(said), Side::of_cell(message_type, Side::word));
    }
    if let Some(said) = message.text.as_ref().filter(|text| !has_withheld(text))
        && differs(&body, |row| row == said)
    {
        let chars = |text: &str| Side::count(text.chars().count());
        finding(Aspect::Text, chars(said), Side::of_cell(body, chars));
    }
    if let Some(said) = trail.conversation_id
        && differs(&conversation, |row| *row == said)
    {
        finding(Aspect::Conversation, Side::Unlisted, other_id(conversation));
        found.move_row(row_id);
    }
}

/// Whether a secret was kept out of a text, so that it is not what the host's row has: `[secret 43 0f3a…]`.
fn has_withheld(text: &str) -> bool {
    text.split('[').skip(1).any(|rest| {
        let mut words = rest.split(' ');
        let kind = words.next().unwrap_or_default();
        let length = words.next().unwrap_or_default();
        !kind.is_empty()
            && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && !length.is_empty()
            && length.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn jobs(trail: &Trail, tables: &Tables, found: &mut Found) {
    const TABLE: HostTable = HostTable::OcrJobs;
    let Some(rows) = tables.jobs.of(&trail.request_id.to_string()) else { return };
    for (id, job) in &trail.jobs {
        let Some(row) = rows.iter().find(|row| is_id(row, "id", id)) else {
            let missing = Finding::new(FindingCode::MissingInTables, Subject::OcrJob);
            found.add(missing.event(job.event_id));
            continue;
        };
        found.matched(Subject::OcrJob);
        let status = found.seen(TABLE, "status", row.text("status"));
        let confidence = found.seen(TABLE, "confidence", row.number("confidence"));
        let row_id = row.uuid("id").value();
        // While a job runs, the host's row may say so in two words.
        let is_open = |row: &&str| job.status.is_none() && matches!(*row, "pending" | "processing");
        if differs(&status, |row| is_open(row) || job.status.as_deref() == Some(*row)) {
            let said = job.status.as_deref().map_or(Side::Word("pending"), Side::word);
            let row = Side::of_cell(status, Side::word);
            let differs = Finding::differs(Subject::OcrJob, Aspect::Status, said, row);
            found.add(differs.event(job.event_id).row(row_id));
        }
        if let Some(said) = job.confidence
            && differs(&confidence, |row| (row - said).abs() < CONFIDENCE_MARGIN)
        {
            let row = Side::of_cell(confidence, Side::Number);
            let differs =
                Finding::differs(Subject::OcrJob, Aspect::Confidence, Side::Number(said), row);
            found.add(differs.event(job.event_id).row(row_id));
        }
    }
    let is_known = |row: &HostRow| trail.jobs.keys().any(|id| is_id(row, "id", id));
    for row in rows.iter().filter(|row| !is_known(row)) {
        let missing = Finding::new(FindingCode::MissingInTrail, Subject::OcrJob);
        let status = Side::of_cell(row.text("status"), Side::word);
        found.add(missing.row(row.uuid("id").value()).other(status));
    }
}

fn outreach(trail: &Trail, tables: &Tables, found: &mut Found) {
    let Some(rows) = tables.outreach.of(&trail.request_id.to_string()) else { return };
    for (vendor, outreach) in &trail.outreach {
        let by_id =
            |row: &&HostRow| outreach.row_id.as_ref().is_some_and(|id| is_id(row, "id", id));
        let row = rows.iter().find(by_id);
        let Some(row) = row.or_else(|| rows.iter().find(|row| is_id(row, "vendor_id", vendor)))
        else {
            let missing = Finding::new(FindingCode::MissingInTables, Subject::Outreach);
            found.add(missing.event(outreach.event_id));
            continue;
        };
        found.matched(Subject::Outreach);
        one_outreach(outreach, row, found);
    }
    let is_known = |row: &HostRow| {
        trail.outreach.iter().any(|(vendor, outreach)| {
            is_id(row, "vendor_id", vendor)
                || outreach.row_id.as_ref().is_some_and(|id| is_id(row, "id", id))
        })
    };
    for row in rows.iter().filter(|row| !is_known(row)) {
        // A row that is queued, or was excluded before it was sent, is no message yet.
        let was_sent =
            matches!(row.text("state").value(), Some("sent" | "replied" | "no_response"))
                || row.text("outreach_sent_at").value().is_some();
        if was_sent {
            let missing = Finding::new(FindingCode::MissingInTrail, Subject::Outreach);
            let state = Side::of_cell(row.text("state"), Side::word);
            found.add(missing.row(row.uuid("id").value()).other(state));
        }
    }
}

fn one_outreach(outreach: &super::trail::Outreach, row: &HostRow, found: &mut Found) {
    const TABLE: HostTable = HostTable::Outreach;
    let row_id = row.uuid("id").value();
    let state = found.seen(TABLE, "state", row.text("state"));
    // At the closeout, the host excludes what is open.
    let is_same = |row: &&str| {
        if outreach.has_succeeded {
            matches!(*row, "sent" | "replied" | "no_response" | "excluded")
        } else {
            matches!(*row, "failed" | "queued" | "excluded")
        }
    };
    if differs(&state, is_same) {
        let said = Side::Word(if outreach.has_succeeded { "sent" } else { "failed" });
        let row = Side::of_cell(state, Side::word);
        let differs = Finding::differs(Subject::Outreach, Aspect::State, said, row);
        found.add(differs.event(outreach.event_id).row(row_id));
    }
    let at = found.seen(TABLE, "response_received_at", row.text("response_received_at"));
    let text = found.seen(TABLE, "response_message", row.text("response_message"));
    let is_readable = !matches!((at, text, state), (Cell::NotCheckable, Cell::NotCheckable, _));
    let has_reply =
        at.value().is_some() || text.value().is_some() || state.value() == Some("replied");
    match outreach.reply {
        Some(event_id) if !has_reply && is_readable => {
            // The message is there, and only what was answered is not.
            let missing = Finding::new(FindingCode::MissingInTables, Subject::Reply).warning();
            found.add(missing.event(event_id).row(row_id));
        }
        Some(_) if has_reply => found.matched(Subject::Reply),
        None if has_reply => {
            found.add(Finding::new(FindingCode::MissingInTrail, Subject::Reply).row(row_id));
        }
        _ => {}
    }
}
