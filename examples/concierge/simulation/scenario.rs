//! The host's scenario format, and the fields added to it.
//!
//! ```text
//! { "name", "description", "tags": [],
//!   "initial_state": {
//!     "conversation": { "id", "client_phone", "language": "en|fr|rw", "status" },
//!     "requirements": { "budget_max" },                                                   (added)
//!     "vendors": [ { "id", "name", "phone", "category",
//!                    "tags": [], "distance_km", "rating", "response_hours", "opted_out",  (added)
//!                    "busy", "blocked", "inactive" } ] },                                 (added)
//!   "steps": [ { "id", "description", …one or more kinds… } ] }
//! ```
//! Kinds of step; within one step they happen in this order:
//! - `elapsed_seconds`: time passes (added). `repeat`: the whole step is played so often (added).
//! - `inject_failure: { provider, times }`: the next calls on it fail; `moltbot`, `ocr`, `whatsapp`,
//!   `vendor_whatsapp`, `phone` (added).
//! - `client_inbound: { message_type, text | button_id | media_fixture, provider_message_id }`;
//!   the id is added: the same one again is a webhook delivered twice.
//! - `consent_reply: { text }`: the client answers the call question (added).
//! - `ocr_result: { ocr_job_id, status, extracted, confidence, field_confidence, warnings }`.
//! - `vendor_inbound: { vendor_id, text, provider_message_id }`.
//! - `call_offer: { scope }`: a call would help now (added). `call_status: { status,
//!   duration_seconds }`: the phone provider reports (added).
//! - `moltbot_output`: what Moltbot answers when it is asked in this step; alone: its turn has come.
//! - `operator: { switch, engaged, reason }`: an operator sets a kill switch, first of all (added).
//! - `host_restarts: true`: the host forgets which webhooks it has seen, first of all (added).
//! - `assert`: what must hold after the step.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::state::RequestState;

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) initial_state: InitialState,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InitialState {
    pub(crate) conversation: Conversation,
    #[serde(default)]
    pub(crate) requirements: Requirements,
    #[serde(default)]
    pub(crate) vendors: Vec<Vendor>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) client_phone: String,
    #[serde(default)]
    pub(crate) language: Language,
    #[serde(default, rename = "status")]
    _status: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    #[default]
    En,
    Fr,
    Rw,
}

impl Language {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::Rw => "rw",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirements {
    pub(crate) budget_max: Option<i64>,
}

#[allow(clippy::struct_excessive_bools, reason = "they are the host's columns, not a state")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vendor {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) category: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    pub(crate) distance_km: Option<f64>,
    pub(crate) rating: Option<f64>,
    pub(crate) response_hours: Option<f64>,
    #[serde(default)]
    pub(crate) opted_out: bool,
    #[serde(default)]
    pub(crate) busy: bool,
    #[serde(default)]
    pub(crate) blocked: bool,
    #[serde(default)]
    pub(crate) inactive: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) repeat: u32,
    pub(crate) elapsed_seconds: u64,
    pub(crate) inject_failure: Option<InjectFailure>,
    pub(crate) operator: Option<Operator>,
    pub(crate) host_restarts: bool,
    pub(crate) client_inbound: Option<ClientInbound>,
    pub(crate) consent_reply: Option<ConsentReply>,
    pub(crate) ocr_result: Option<OcrResult>,
    pub(crate) vendor_inbound: Option<VendorInbound>,
    pub(crate) call_offer: Option<CallOffer>,
    pub(crate) call_status: Option<CallStatus>,
    /// Left as it is: it may well break the contract.
    pub(crate) moltbot_output: Option<Value>,
    pub(crate) assert: Option<Assert>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InjectFailure {
    pub(crate) provider: Provider,
    #[serde(default = "once")]
    pub(crate) times: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operator {
    pub(crate) switch: String,
    pub(crate) engaged: bool,
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Provider {
    Moltbot,
    Ocr,
    Phone,
    VendorWhatsapp,
    Whatsapp,
}

impl Provider {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Moltbot => "moltbot",
            Self::Ocr => "ocr",
            Self::Phone => "call",
            Self::VendorWhatsapp | Self::Whatsapp => "wamid.out",
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientInbound {
    pub(crate) message_type: MessageType,
    pub(crate) text: Option<String>,
    pub(crate) button_id: Option<String>,
    pub(crate) media_fixture: Option<String>,
    pub(crate) provider_message_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageType {
    Image,
    Interactive,
    #[default]
    Text,
}

impl MessageType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Interactive => "interactive",
            Self::Text => "text",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentReply {
    pub(crate) text: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OcrResult {
    #[serde(default, rename = "ocr_job_id")]
    _ocr_job_id: Option<String>,
    pub(crate) status: String,
    pub(crate) extracted: Option<Value>,
    #[serde(default)]
    pub(crate) confidence: f64,
    #[serde(default)]
    pub(crate) field_confidence: BTreeMap<String, f64>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

impl OcrResult {
    pub(crate) fn failed(&self) -> bool {
        self.status == "failed"
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VendorInbound {
    pub(crate) vendor_id: String,
    pub(crate) text: String,
    pub(crate) provider_message_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallOffer {
    pub(crate) scope: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallStatus {
    pub(crate) status: String,
    pub(crate) duration_seconds: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assert {
    pub(crate) request_state: Option<RequestState>,
    /// Each must be found in a message that this step sent to the client.
    #[serde(default)]
    pub(crate) outbound_messages: Vec<OutboundMessage>,
    /// None may be found in any message the client was ever sent (added).
    #[serde(default)]
    pub(crate) never_relayed: Vec<String>,
    pub(crate) vendor_outreach_count: Option<usize>,
    pub(crate) shortlist_wa_link_count: Option<usize>,
    /// The shops on the shortlist, in order (added).
    pub(crate) shortlist_vendor_ids: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) no_duplicate_outreach: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboundMessage {
    pub(crate) contains: String,
}

/// A scenario that cannot be played as it is written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error("{place}, field `{field}`: {reason}")]
    Field { place: String, field: String, reason: String },
    #[error("not JSON, line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("cannot be read")]
    Unreadable(#[source] std::io::Error),
    #[error("step {step}: unknown kind of step `{field}`; known are {known}", known = KINDS.join(", "))]
    UnknownKind { step: String, field: String },
    #[error("step {step}: vendor {vendor_id} is not among initial_state.vendors")]
    UnknownVendor { step: String, vendor_id: String },
}

impl Scenario {
    pub(crate) fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path).map_err(ScenarioError::Unreadable)?;
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, ScenarioError> {
        let mut root: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            ScenarioError::NotJson { line: error.line(), column: error.column() }
        })?;
        let place = "scenario";
        let steps: Vec<Map<String, Value>> = required(&mut root, place, "steps")?;
        let scenario = Self {
            name: required(&mut root, place, "name")?,
            description: optional(&mut root, place, "description")?.unwrap_or_default(),
            initial_state: required(&mut root, place, "initial_state")?,
            steps: steps.into_iter().enumerate().map(step).collect::<Result<_, _>>()?,
        };
        let _tags: Option<Vec<String>> = optional(&mut root, place, "tags")?;
        if let Some(field) = root.keys().next() {
            return Err(field_error(place, field, "unknown field"));
        }
        scenario.check_vendors()?;
        Ok(scenario)
    }

    fn check_vendors(&self) -> Result<(), ScenarioError> {
        for step in &self.steps {
            let Some(inbound) = &step.vendor_inbound else { continue };
            if !self.initial_state.vendors.iter().any(|vendor| vendor.id == inbound.vendor_id) {
                let vendor_id = inbound.vendor_id.clone();
                return Err(ScenarioError::UnknownVendor { step: step.id.clone(), vendor_id });
            }
        }
        Ok(())
    }
}

fn step((index, mut fields): (usize, Map<String, Value>)) -> Result<Step, ScenarioError> {
    let unnamed = format!("step {}", index + 1);
    let id: String = required(&mut fields, &unnamed, "id")?;
    if let Some(field) = fields.keys().find(|field| !KINDS.contains(&field.as_str())) {
        return Err(ScenarioError::UnknownKind { step: id, field: field.clone() });
    }
    let place = format!("step {id}");
    let at = &place;
    let step = Step {
        description: optional(&mut fields, at, "description")?.unwrap_or_default(),
        repeat: optional(&mut fields, at, "repeat")?.unwrap_or(1),
        elapsed_seconds: optional(&mut fields, at, "elapsed_seconds")?.unwrap_or_default(),
        inject_failure: optional(&mut fields, at, "inject_failure")?,
        operator: optional(&mut fields, at, "operator")?,
        host_restarts: optional(&mut fields, at, "host_restarts")?.unwrap_or_default(),
        client_inbound: optional(&mut fields, at, "client_inbound")?,
        consent_reply: optional(&mut fields, at, "consent_reply")?,
        ocr_result: optional(&mut fields, at, "ocr_result")?,
        vendor_inbound: optional(&mut fields, at, "vendor_inbound")?,
        call_offer: optional(&mut fields, at, "call_offer")?,
        call_status: optional(&mut fields, at, "call_status")?,
        moltbot_output: fields.remove("moltbot_output"),
        assert: optional(&mut fields, at, "assert")?,
        id,
    };
    Ok(step)
}

fn required<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    place: &str,
    field: &str,
) -> Result<T, ScenarioError> {
    optional(fields, place, field)?.ok_or_else(|| field_error(place, field, "missing"))
}

fn optional<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    place: &str,
    field: &str,
) -> Result<Option<T>, ScenarioError> {
    let Some(value) = fields.remove(field) else { return Ok(None) };
    serde_json::from_value(value)
        .map(Some)
        .map_err(|error| field_error(place, field, &error.to_string()))
}

fn field_error(place: &str, field: &str, reason: &str) -> ScenarioError {
    ScenarioError::Field { place: place.into(), field: field.into(), reason: reason.into() }
}

fn once() -> u32 {
    1
}

const KINDS: &[&str] = &[
    "description",
    "repeat",
    "elapsed_seconds",
    "inject_failure",
    "operator",
    "host_restarts",
    "client_inbound",
    "consent_reply",
    "ocr_result",
    "vendor_inbound",
    "call_offer",
    "call_status",
    "moltbot_output",
    "assert",
];
