//! The calls of an AI that took part, and the kinds of personal data that it saw.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::decisions::Decision;
use super::super::typed_events::{Source, typed_as};
use super::evidence::Evidence;
use crate::event::EventType;
use crate::event::payload::OcrJobDone;
use crate::pack::{PackEvent, View};
use crate::redact::looks_medical;

/// One call of an AI.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AiCall {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// `moltbot`, which decides, or `ocr`, which reads photos.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["moltbot", "ocr"])))]
    pub ai: &'static str,
    /// What Moltbot wanted.
    pub action_type: Option<String>,
    /// What became of the output: `accepted`, `blocked`, `rejected`, `completed`, `failed`, or `not_judged`.
    pub verdict: String,
    /// Places in the stream of the selections and shortlists that it led to.
    pub led_to: Vec<i64>,
    /// The kinds of personal data in what it was given, and in what it read from a photo, by the names of members and
    /// by the rules that hid values: `contact`, `health`, `location`, `message`, `name`, `photo`.
    pub saw: BTreeSet<&'static str>,
    /// True if the pack hides some of what it was given, so that there may be more kinds.
    pub is_partly_hidden: bool,
}

/// Names of members that hold a kind of personal data.
#[rustfmt::skip]
const KINDS: [(&str, &[&str]); 6] = [
    ("contact", &[
        "client_phone", "contact_hints", "email", "from_number", "from_phone", "phone", "to_phone", "vendor_phone",
    ]),
    ("health", &[
        "diagnosis", "doctor_name", "dosage", "drugs", "facility", "hospital", "hospital_name", "medications",
        "medicines", "patient_name", "prescriber", "prescription",
    ]),
    ("location", &[
        "address", "lat", "lng", "location", "location_hints", "location_note",
    ]),
    ("message", &[
        "body", "item_description", "last_messages", "message", "messages", "normalized_need", "text", "transcript",
    ]),
    ("name", &[
        "client_name", "contact_name", "doctor_name", "patient_name", "prescriber", "profile_name",
    ]),
    ("photo", &[
        "extracted", "image", "media_id", "media_url", "ocr", "ocr_extracted", "text_full",
    ]),
];

/// Rules that say what kind of data they hide.
const RULES: [(&str, &str); 4] =
    [("contact", "contact"), ("medical", "health"), ("name", "name"), ("phone", "contact")];

/// Calls of Moltbot and readings of photos, in the order of the stream.
pub(super) fn calls(
    events: &[PackEvent],
    decisions: &[Decision],
    evidence: &Evidence<'_>,
) -> Vec<AiCall> {
    let led_to = led_to(evidence);
    let moltbot = decisions.iter().map(|call| {
        let judged = call.judgements.last().map_or("not_judged", |judgement| judgement.verdict);
        let mut seen = Seen::default();
        if let Some(event) = call.source.event(events) {
            seen.view(&event.input);
        }
        let verdict = if call.source.succeeded() { judged } else { "failed" };
        AiCall {
            led_to: led_to.get(&call.source.event_id).cloned().unwrap_or_default(),
            ..seen.call(
                call.source.clone(),
                "moltbot",
                call.action_type.clone(),
                verdict.to_owned(),
            )
        }
    });
    let types = [(EventType::OCR_JOB_DONE, "completed"), (EventType::OCR_JOB_FAILED, "failed")];
    let ocr = types.into_iter().flat_map(|(event_type, ended)| {
        typed_as::<OcrJobDone>(events, event_type).map(move |job| {
            let mut seen = Seen::default();
            seen.kinds.insert("photo");
            if let Some(event) = job.source.event(events) {
                seen.view(&event.input);
                seen.view(&event.output);
            }
            let ended = if job.source.succeeded() { ended } else { "failed" };
            let verdict = job.output.status.unwrap_or_else(|| ended.to_owned());
            seen.call(job.source, "ocr", None, verdict)
        })
    });
    let mut calls: Vec<_> = moltbot.chain(ocr).collect();
    calls.sort_by_key(|call| call.source.seq);
    calls
}

/// The places of the selections and shortlists that name each call of Moltbot, by the id of the call's event.
fn led_to(evidence: &Evidence<'_>) -> HashMap<Uuid, Vec<i64>> {
    let selections = evidence.selections.iter();
    let selections = selections.map(|typed| (&typed.input.moltbot_event_id, typed.source.seq));
    let shortlists = evidence.shortlists.iter();
    let shortlists = shortlists.map(|typed| (&typed.output.moltbot_event_id, typed.source.seq));
    let mut led_to: HashMap<_, Vec<_>> = HashMap::new();
    for (id, seq) in selections.chain(shortlists) {
        if let Some(id) = id.as_deref().and_then(|id| id.parse().ok()) {
            led_to.entry(id).or_default().push(seq);
        }
    }
    for places in led_to.values_mut() {
        places.sort_unstable();
    }
    led_to
}

/// The kinds of personal data that were met.
#[derive(Default)]
struct Seen {
    kinds: BTreeSet<&'static str>,
    is_partly_hidden: bool,
}

impl Seen {
    fn call(
        self,
        source: Source,
        ai: &'static str,
        action_type: Option<String>,
        verdict: String,
    ) -> AiCall {
        let Self { kinds, is_partly_hidden } = self;
        AiCall {
            source,
            ai,
            action_type,
            verdict,
            led_to: Vec::new(),
            saw: kinds,
            is_partly_hidden,
        }
    }

    fn view(&mut self, view: &View) {
        self.value("", &view.value);
        for hidden in view.hidden.values() {
            match RULES.iter().find(|(rule, _)| *rule == hidden.rule) {
                Some((_, kind)) => self.kinds.extend([*kind]),
                None => self.is_partly_hidden = true,
            }
        }
    }

    fn value(&mut self, key: &str, value: &Value) {
        match value {
            Value::Null => return,
            Value::String(text) if text.is_empty() => return,
            Value::Array(items) if items.is_empty() => return,
            Value::Object(members) if members.is_empty() => return,
            // An id is not what a person wrote.
            Value::String(text)
                if !self.kinds.contains("health")
                    && !key.ends_with("_id")
                    && looks_medical(text) =>
            {
                self.kinds.insert("health");
            }
            _ => {}
        }
        let kinds = KINDS.iter().filter(|(_, names)| names.contains(&key));
        self.kinds.extend(kinds.map(|(kind, _)| *kind));
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.value("", item)),
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| self.value(name, member));
            }
            _ => {}
        }
    }
}
