//! Lists streams, and what their events name.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Kept;
use crate::event::{EventType, StreamId};
use crate::record::Record;
use crate::store::admission::rules::EffectEntry;
use crate::store::criteria::{Asked, StreamFacts};
use crate::store::{
    FoundRequest, ListedStream, RequestCursor, StreamHead, StreamOwner, StreamScope,
};

impl Kept {
    pub(super) fn list(
        &self,
        now: DateTime<Utc>,
        scope: &StreamScope,
        after: Option<RequestCursor>,
        max: usize,
    ) -> Vec<ListedStream> {
        let is_of = |stream_id: StreamId| match scope.of {
            StreamOwner::All => true,
            StreamOwner::Request(request) => stream_id == request,
            StreamOwner::Conversation(id) => self.rows.iter().any(|(record, _)| {
                record.stream_id() == stream_id && record.header().conversation_id == Some(id)
            }),
        };
        let place = |at: &RequestCursor| (at.began_at, at.stream_id);
        let heads = self.heads.iter().map(|(stream_id, head)| {
            (RequestCursor { began_at: head.started_at, stream_id: *stream_id }, head)
        });
        let mut listed: Vec<_> = heads
            .filter(|(at, _)| (scope.from..scope.before).contains(&at.began_at))
            .filter(|(at, _)| after.is_none_or(|after| place(at) < place(&after)))
            .filter(|(at, _)| is_of(at.stream_id) && self.has_effect(at.stream_id, scope, now))
            .collect();
        listed.sort_by_key(|(at, _)| std::cmp::Reverse(place(at)));
        listed.truncate(max);
        listed.into_iter().map(|(at, head)| self.listed(scope, at, head)).collect()
    }

    fn listed(
        &self,
        scope: &StreamScope,
        cursor: RequestCursor,
        head: &StreamHead,
    ) -> ListedStream {
        let rows = || self.rows.iter().filter(|(record, _)| record.stream_id() == cursor.stream_id);
        let first = rows().next().map(|(record, _)| record.header());
        let moved = rows().rfind(|(record, _)| {
            let header = record.header();
            header.event_type == "request.state_changed" && header.outcome == "succeeded"
        });
        let state =
            moved.and_then(|(record, _)| record.input()?["to_state"].as_str().map(str::to_owned));
        let request = first.and_then(|first| {
            Some(FoundRequest {
                request_id: first.request_id?,
                conversation_id: first.conversation_id,
                state,
                events: head.seq,
                began_at: head.started_at,
                last_at: head.last_at,
            })
        });
        let mut facts = StreamFacts::default();
        rows().for_each(|(record, _)| add(&mut facts, &scope.asked, record));
        ListedStream { cursor, request, facts }
    }

    fn has_effect(&self, stream_id: StreamId, scope: &StreamScope, now: DateTime<Utc>) -> bool {
        let effects = &scope.effects;
        let is_one = |entry: &EffectEntry| {
            entry.request_id.is_some_and(|request| StreamId::of(Some(request), None) == stream_id)
                && (!effects.is_in_doubt || entry.open(now).is_some_and(|open| open.is_in_doubt))
                && (effects.keys.is_empty()
                    || entry.key_hash.is_some_and(|hash| effects.keys.contains(&hash)))
        };
        effects.is_empty() || self.effects.entries.iter().any(is_one)
    }
}

/// Adds what an event names.
fn add(facts: &mut StreamFacts, asked: &Asked, event: &Record) {
    let key = event.idempotency_key();
    facts.has_key |= key.is_some_and(|key| asked.keys.iter().any(|asked| asked == key));
    if asked.refusals && event.header().is(&EventType::EFFECT_REFUSED) {
        facts.is_ai_refused |= event.input().as_ref().is_some_and(is_of_ai);
    }
    if asked.people {
        facts.phones.extend(key.filter(|key| key.contains("phone-")).map(str::to_owned));
        for part in [event.input(), event.output()].iter().flatten() {
            add_people(facts, part);
        }
    }
}

fn add_people(facts: &mut StreamFacts, value: &Value) {
    if let Value::Array(items) = value {
        for item in items {
            add_people(facts, item);
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let named = match name.as_str() {
            "vendor_id" | "vendor_ids" => Some(&mut facts.vendors),
            name if names_phone(name) => Some(&mut facts.phones),
            _ => None,
        };
        if let Some(named) = named {
            let texts = member.as_array().map_or(std::slice::from_ref(member), Vec::as_slice);
            named.extend(texts.iter().filter_map(text));
        }
        add_people(facts, member);
    }
}

/// Whether the member holds a phone number, by its name.
fn names_phone(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("phone") || name == "wa_id"
}

/// A text or a number, as a text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether the input of `effect.refused` is of an effect of the AI: a call of it, or one that its switch governs.
fn is_of_ai(input: &Value) -> bool {
    input["effect"].as_str().is_some_and(|effect| effect.starts_with("moltbot."))
        || input["switches"].as_array().into_iter().flatten().any(|switch| switch == "ai")
}
