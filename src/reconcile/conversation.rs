//! Looks for rows of a conversation of which the trail knows nothing: messages, consents, calls.
//!
//! The host's rows of these kinds name no request. So a row is looked for in the conversation's own stream, and in the
//! streams of all its requests, by the trail and by the host's rows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::calls::{held_at, without_consent};
use super::found::Found;
use super::rows::Rows;
use super::trail::KnownIds;
use super::{Finding, ReconcileError, Side};
use crate::event::{ConversationId, EventType, FindingCode, RequestId, StreamId, Subject};
use crate::store::{
    AuditStore, HostQuery, HostRecords, HostRow, HostTable, RequestQuery, find_requests,
};

/// A request's events may be recorded this long before or after the rows that they are about.
const MARGIN: TimeDelta = TimeDelta::hours(1);

/// Events of a conversation that belong to no request, and name a row.
const NAMING: [EventType; 11] = [
    EventType::CALL_CONSENT_DENIED,
    EventType::CALL_CONSENT_EXPIRED,
    EventType::CALL_CONSENT_GRANTED,
    EventType::CALL_CONSENT_REQUESTED,
    EventType::CALL_FAILED,
    EventType::CALL_STARTED,
    EventType::CALL_STATUS_UPDATED,
    EventType::WHATSAPP_DUPLICATE_MESSAGE,
    EventType::WHATSAPP_INBOUND_RECEIVED,
    EventType::WHATSAPP_OUTBOUND_SENT,
    EventType::WHATSAPP_SEND_FAILED,
];

/// Compares the rows of these conversations in a time with the trail.
pub(super) async fn compare(
    store: &dyn AuditStore,
    host: &dyn HostRecords,
    conversations: &[Uuid],
    (from, before): (DateTime<Utc>, DateTime<Utc>),
    found: &mut Found,
) -> Result<(), ReconcileError> {
    let keys: Vec<String> = conversations.iter().map(Uuid::to_string).collect();
    let query = |table, time| HostQuery {
        table,
        column: "conversation_id",
        keys: &keys,
        between: Some((time, from, before)),
    };
    let messages = Rows::read(host, query(HostTable::Messages, "timestamp"), found).await?;
    // A consent may be older than its call.
    let all = HostQuery { between: None, ..query(HostTable::CallConsents, "created_at") };
    let consents = Rows::read(host, all, found).await?;
    let ids: Vec<String> = ids(&consents);
    let attempts = HostQuery {
        table: HostTable::CallAttempts,
        column: "consent_id",
        keys: &ids,
        between: Some(("initiated_at", from, before)),
    };
    let attempts = Rows::read(host, attempts, found).await?;
    let requests = HostQuery {
        table: HostTable::Requests,
        column: "conversation_id",
        keys: &keys,
        between: Some(("created_at", DateTime::UNIX_EPOCH, before)),
    };
    let requests = Rows::read(host, requests, found).await?;
    for (conversation, key) in conversations.iter().zip(&keys) {
        let rows = OfOne {
            messages: messages.of(key).unwrap_or_default(),
            consents: consents.of(key).unwrap_or_default(),
            attempts: &attempts,
            time: (from, before),
        };
        if rows.is_empty() {
            continue;
        }
        let rows_of = requests.of(key).unwrap_or_default();
        let known = known_ids(store, *conversation, rows_of, (from, before)).await?;
        found.conversation_id = Some(*conversation);
        rows.compare(&known, found);
        found.conversation_id = None;
    }
    Ok(())
}

fn ids(rows: &Rows) -> Vec<String> {
    rows.all().filter_map(|row| row.text("id").value().map(str::to_owned)).collect()
}

/// Every id that the trail of a conversation names, in one go: the streams are read one after the other.
async fn known_ids(
    store: &dyn AuditStore,
    conversation: Uuid,
    rows: &[HostRow],
    (from, before): (DateTime<Utc>, DateTime<Utc>),
) -> Result<KnownIds, ReconcileError> {
    let mut known = KnownIds::default();
    let own = StreamId::of(None, Some(conversation));
    known.take(&store.read_events_of(own, &NAMING).await?);
    let mut requests: BTreeSet<Uuid> =
        rows.iter().filter_map(|row| row.uuid("id").value()).collect();
    if let Ok(conversation) = ConversationId::from_uuid(conversation) {
        let mut query = RequestQuery::new()
            .conversation(&conversation)
            .began_before(before + MARGIN)
            .page(1_000);
        loop {
            let page = find_requests(store, &query).await?;
            let is_near = |last_at: DateTime<Utc>| last_at + MARGIN >= from;
            let near = page.requests.iter().filter(|request| is_near(request.last_at));
            requests.extend(near.map(|request| request.request_id));
            let Some(next) = page.next else { break };
            query = query.after(next);
        }
    }
    for request in requests {
        let Ok(request) = RequestId::from_uuid(request) else { continue };
        if let Some(stream) = store.read_stream(StreamId::from(&request)).await? {
            known.take(&stream.records);
        }
    }
    Ok(known)
}

/// The rows of one conversation.
struct OfOne<'a> {
    messages: &'a [HostRow],
    consents: &'a [HostRow],
    /// By consent.
    attempts: &'a Rows,
    time: (DateTime<Utc>, DateTime<Utc>),
}

impl OfOne<'_> {
    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.consents.is_empty()
    }

    fn compare(&self, known: &KnownIds, found: &mut Found) {
        for row in self.messages {
            let Some(id) = row.text("provider_message_id").value() else { continue };
            if !known.has(id) && !found.is_moved(row.uuid("id").value()) {
                let direction = Side::of_cell(row.text("direction"), Side::word);
                found.add(missing(Subject::Message, row).other(direction));
            }
        }
        let mut by_id: BTreeMap<&str, &HostRow> = BTreeMap::new();
        for row in self.consents {
            let Some(id) = row.text("id").value() else { continue };
            by_id.insert(id, row);
            let (from, before) = self.time;
            let is_of_time = |at: DateTime<Utc>| from <= at && at < before;
            // Only what the client was asked or said: a row that is merely there is no consent.
            let says = !matches!(row.text("state").value(), Some("not_requested"));
            let is_in_time = row.time("created_at").value().is_some_and(is_of_time);
            if is_in_time && says && !known.has(id) {
                let state = Side::of_cell(row.text("state"), Side::word);
                found.add(missing(Subject::Consent, row).other(state));
            }
        }
        for (id, consent) in by_id {
            for row in self.attempts.of(id).unwrap_or_default() {
                let names = [row.text("id").value(), row.text("provider_call_id").value()];
                if names.into_iter().flatten().any(|name| known.has(name)) {
                    continue;
                }
                let status = Side::of_cell(row.text("status"), Side::word);
                found.add(missing(Subject::Call, row).other(status));
                if row.time("initiated_at").value().is_some_and(|at| !held_at(consent, at)) {
                    found.add(without_consent().row(row.uuid("id").value()));
                }
            }
        }
    }
}

fn missing(subject: Subject, row: &HostRow) -> Finding {
    Finding::new(FindingCode::MissingInTrail, subject).row(row.uuid("id").value())
}
