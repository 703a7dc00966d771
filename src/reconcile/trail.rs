//! What the trail of one request says, reduced to what is compared.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::effects::Effects;
use crate::event::request_state::leads;
use crate::event::{Actor, EventType, Outcome};
use crate::pack::sections::REPORTED;
use crate::record::{StoredRecord, time_of};
use crate::store::StreamSnapshot;

/// One request's trail.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) request_id: Uuid,
    /// The conversation that its events name last.
    pub(super) conversation_id: Option<Uuid>,
    /// Its last state, and the event that says so.
    pub(super) state: Option<(Uuid, String)>,
    /// Steps that the state machine does not have: the event, from where, and to where.
    pub(super) illegal: Vec<(Uuid, String, String)>,
    pub(super) shortlist: Option<Shortlist>,
    /// Messages that have a row of the host's, by the provider's id.
    pub(super) messages: BTreeMap<String, Message>,
    /// Messages to vendors and clients that went out, by the provider's id, with the best report on each.
    pub(super) sent: BTreeMap<String, (Uuid, Option<&'static str>)>,
    pub(super) jobs: BTreeMap<String, Job>,
    pub(super) outreach: BTreeMap<String, Outreach>,
    pub(super) consents: BTreeMap<String, Consent>,
    pub(super) calls: Vec<Call>,
    pub(super) effects: Effects,
}

#[derive(Debug)]
pub(super) struct Shortlist {
    pub(super) event_id: Uuid,
    /// Vendor and price, best first.
    pub(super) items: Vec<(String, Option<i64>)>,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) event_id: Uuid,
    pub(super) direction: &'static str,
    pub(super) kind: Option<String>,
    pub(super) text: Option<String>,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) event_id: Uuid,
    pub(super) status: Option<String>,
    pub(super) confidence: Option<f64>,
}

#[derive(Debug)]
pub(super) struct Outreach {
    pub(super) event_id: Uuid,
    pub(super) has_succeeded: bool,
    pub(super) row_id: Option<String>,
    /// The event of its first reply.
    pub(super) reply: Option<Uuid>,
}

/// The last word on a consent.
#[derive(Debug)]
pub(super) struct Consent {
    pub(super) event_id: Uuid,
    pub(super) state: &'static str,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) event_id: Uuid,
    pub(super) attempt_id: Option<String>,
    pub(super) provider_call_id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) duration: Option<i64>,
    /// Whether a consent held when it was placed. None if this trail has no word on it.
    pub(super) is_consented: Option<bool>,
}

impl Trail {
    pub(super) fn of(request_id: Uuid, snapshot: &StreamSnapshot) -> Self {
        let mut trail = Self { request_id, ..Self::default() };
        for record in &snapshot.records {
            trail.conversation_id = record.header.conversation_id.or(trail.conversation_id);
            trail.take(record);
            trail.effects.take(record);
        }
        trail
    }

    fn take(&mut self, record: &StoredRecord) {
        let is = |event_type: &EventType| record.header.is(event_type);
        let has_succeeded = record.header.outcome == Outcome::Succeeded.as_str();
        match record.header.event_type.split('.').next().unwrap_or_default() {
            "call" => self.take_call(record, has_succeeded),
            "ocr" => self.take_job(record),
            "vendor" => self.take_vendor(record, has_succeeded),
            "whatsapp" => self.take_message(record, has_succeeded),
            _ if is(&EventType::REQUEST_STATE_CHANGED) && has_succeeded => self.take_step(record),
            _ if is(&EventType::SHORTLIST_GENERATED) && has_succeeded => {
                let items =
                    record.output.as_ref().and_then(|output| output.get("items")?.as_array());
                let item = |item: &Value| {
                    (text(Some(item), "vendor_id").unwrap_or_default(), item["price"].as_i64())
                };
                let items = items.into_iter().flatten().map(item).collect();
                self.shortlist = Some(Shortlist { event_id: record.header.id, items });
            }
            _ => {}
        }
    }

    fn take_step(&mut self, record: &StoredRecord) {
        let (from, to) =
            (text(record.input.as_ref(), "from_state"), text(record.input.as_ref(), "to_state"));
        let Some(to) = to else { return };
        let was = self.state.as_ref().map(|(_, state)| state.clone());
        let is_in_it = was.is_none() || was == from;
        if !is_in_it || !leads(from.as_deref(), &to) {
            let from = was.or(from).unwrap_or_default();
            self.illegal.push((record.header.id, from, to.clone()));
        }
        self.state = Some((record.header.id, to));
    }

    fn take_message(&mut self, record: &StoredRecord, has_succeeded: bool) {
        let is = |event_type: &EventType| record.header.is(event_type);
        let (input, output) = (record.input.as_ref(), record.output.as_ref());
        let event_id = record.header.id;
        if is(&EventType::WHATSAPP_INBOUND_RECEIVED) && has_succeeded {
            let is_duplicate = output.is_some_and(|output| output["duplicate"] == true);
            // Vendors write in conversations of their own, which the host does not keep.
            let is_of_client = record.header.actor == Actor::Client.as_str();
            if let Some(id) =
                text(input, "provider_message_id").filter(|_| !is_duplicate && is_of_client)
            {
                self.messages.entry(id).or_insert_with(|| message(event_id, "inbound", input));
            }
        } else if is(&EventType::WHATSAPP_OUTBOUND_SENT) && has_succeeded {
            if let Some(id) = text(output, "provider_message_id") {
                self.went_out(&id, event_id);
                self.messages.entry(id).or_insert_with(|| message(event_id, "outbound", input));
            }
        } else if is(&EventType::WHATSAPP_STATUS_UPDATED) {
            let id = text(input, "provider_message_id");
            let status = text(output, "status").and_then(|status| rank(&status));
            if let (Some(id), Some(status)) = (id, status)
                && let Some((_, best)) = self.sent.get_mut(&id)
                && best.and_then(rank) < Some(status)
            {
                *best = Some(REPORTED[status]);
            }
        }
    }

    /// A message went out: how far it came is reported later.
    fn went_out(&mut self, provider_message_id: &str, event_id: Uuid) {
        self.sent.entry(provider_message_id.to_owned()).or_insert((event_id, None));
    }

    fn take_job(&mut self, record: &StoredRecord) {
        let (input, output) = (record.input.as_ref(), record.output.as_ref());
        let Some(id) = text(input, "job_id").or(text(output, "job_id")) else { return };
        let is = |event_type: &EventType| record.header.is(event_type);
        let has_ended = is(&EventType::OCR_JOB_DONE) || is(&EventType::OCR_JOB_FAILED);
        let event_id = record.header.id;
        let job = self.jobs.entry(id).or_insert(Job { event_id, status: None, confidence: None });
        if has_ended {
            let has_failed = is(&EventType::OCR_JOB_FAILED)
                || record.header.outcome != Outcome::Succeeded.as_str();
            let failed = has_failed.then(|| "failed".to_owned());
            job.status = failed.or(text(output, "status")).or(Some("completed".to_owned()));
            job.confidence = output.and_then(|output| output["confidence"].as_f64());
            job.event_id = event_id;
        }
    }

    fn take_vendor(&mut self, record: &StoredRecord, has_succeeded: bool) {
        let is = |event_type: &EventType| record.header.is(event_type);
        let (input, output) = (record.input.as_ref(), record.output.as_ref());
        let Some(vendor) = text(input, "vendor_id") else { return };
        let event_id = record.header.id;
        if is(&EventType::VENDOR_OUTREACH_SENT)
            && record.header.outcome != Outcome::Refused.as_str()
        {
            let row_id = text(input, "outreach_id");
            let new = Outreach { event_id, has_succeeded, row_id, reply: None };
            let known = self.outreach.entry(vendor).or_insert(new);
            known.has_succeeded |= has_succeeded;
            if let Some(id) = text(output, "provider_message_id").filter(|_| has_succeeded) {
                self.went_out(&id, event_id);
            }
        } else if is(&EventType::VENDOR_REPLY_RECORDED)
            && let Some(outreach) = self.outreach.get_mut(&vendor)
        {
            outreach.reply.get_or_insert(event_id);
        }
    }

    fn take_call(&mut self, record: &StoredRecord, has_succeeded: bool) {
        let is = |event_type: &EventType| record.header.is(event_type);
        let (input, output) = (record.input.as_ref(), record.output.as_ref());
        let event_id = record.header.id;
        let states = [
            (EventType::CALL_CONSENT_REQUESTED, "requested"),
            (EventType::CALL_CONSENT_GRANTED, "granted"),
            (EventType::CALL_CONSENT_DENIED, "denied"),
            (EventType::CALL_CONSENT_EXPIRED, "expired"),
        ];
        if let Some((_, state)) = states.iter().find(|(event_type, _)| is(event_type)) {
            if let Some(id) = text(output, "provider_message_id").filter(|_| has_succeeded) {
                self.went_out(&id, event_id);
                self.messages.entry(id).or_insert_with(|| message(event_id, "outbound", input));
            }
            let Some(id) = text(input, "consent_id") else { return };
            let expires_at = input.and_then(|input| time_of(input.get("expires_at")?));
            self.consents.insert(id, Consent { event_id, state, expires_at });
        } else if is(&EventType::CALL_STARTED) && has_succeeded {
            let consent = text(input, "consent_id").and_then(|id| self.consents.get(&id));
            self.calls.push(Call {
                event_id,
                attempt_id: text(input, "attempt_id"),
                provider_call_id: text(output, "provider_call_id"),
                status: None,
                duration: None,
                is_consented: consent.map(|consent| consent.holds_at(record.recorded_at)),
            });
        } else if is(&EventType::CALL_STATUS_UPDATED) {
            self.take_status(input, output);
        }
    }

    fn take_status(&mut self, input: Option<&Value>, output: Option<&Value>) {
        let (attempt, provider) = (text(input, "attempt_id"), text(input, "provider_call_id"));
        let is_it = |call: &&mut Call| {
            (attempt.is_some() && call.attempt_id == attempt)
                || (provider.is_some() && call.provider_call_id == provider)
        };
        let Some(call) = self.calls.iter_mut().find(is_it) else { return };
        call.status = text(output, "status").or(call.status.take());
        let duration = output.and_then(|output| output["duration_seconds"].as_i64());
        call.duration = duration.or(call.duration);
    }
}

impl Consent {
    /// Whether a call may be placed. A grant without an end is taken to hold: admission has checked it against the
    /// deployment's own limit.
    fn holds_at(&self, at: DateTime<Utc>) -> bool {
        self.state == "granted" && self.expires_at.is_none_or(|expires_at| at < expires_at)
    }
}

fn rank(status: &str) -> Option<usize> {
    REPORTED.iter().position(|report| *report == status)
}

fn message(event_id: Uuid, direction: &'static str, input: Option<&Value>) -> Message {
    let (kind, text) = (text(input, "message_type"), text(input, "text"));
    Message { event_id, direction, kind, text }
}

/// A text in an event's input or output that is not empty.
pub(super) fn text(half: Option<&Value>, name: &str) -> Option<String> {
    half?.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Ids by which the host's rows of a conversation are found in the trail.
#[derive(Debug, Default)]
pub(super) struct KnownIds(BTreeSet<String>);

impl KnownIds {
    /// Every id that these events name.
    pub(super) fn take(&mut self, records: &[StoredRecord]) {
        const NAMES: [&str; 4] =
            ["attempt_id", "consent_id", "provider_call_id", "provider_message_id"];
        for half in records.iter().flat_map(|record| [&record.input, &record.output]) {
            let ids = NAMES.iter().filter_map(|name| text(half.as_ref(), name));
            self.0.extend(ids);
        }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains(id)
    }
}
