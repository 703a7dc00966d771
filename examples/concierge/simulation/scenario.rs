//! The host's scenario format, and the fields added to it.
//!
//! ```text
//! { "name", "description", "tags": [],
//!   "initial_state": {
//!     "conversation": { "id", "client_phone", "language": "en|fr|rw", "status" },
//!     "request": { "id", "state", "requirements": {} },
//!     "call_consent": { "id", "state" },
//!     "requirements": { "budget_max" },                                                   (added)
//!     "vendors": [ { "id", "name", "phone", "category",
//!                    "tags": [], "distance_km", "rating", "response_hours", "opted_out",  (added)
//!                    "busy", "blocked", "inactive" } ] },                                 (added)
//!   "steps": [ { "id", "description", …one or more kinds… } ] }
//! ```
//! Everything is optional. A field or a word that the format does not have is not an error: it is reported once
//! (`Scenario::not_understood`), and the play goes on. A value of another type is an error that names its place.
//!
//! Kinds of steps. Within one step they happen in this order:
//! - `wait_ms`, `elapsed_seconds` (added): time passes. `repeat`: the whole step is played so often (added).
//! - `inject_failure: { provider, times }`: the next calls on it fail; `moltbot`, `ocr`, `whatsapp`,
//!   `vendor_whatsapp`, `phone` (added).
//! - `client_inbound: { message_type, text, button_id, list_id, media_fixture, duplicate, provider_message_id }`;
//!   the last is added: the same id again is a webhook delivered twice, as `duplicate` says without an id.
//! - `consent_reply: { text }`: the client answers the call question (added).
//! - `ocr_result: { ocr_job_id, status, extracted, confidence, error_message, field_confidence, warnings }`; the
//!   last two are added.
//! - `vendor_inbound: { vendor_id, text, is_injection_attempt, provider_message_id }`; the last is added.
//! - `call_event: { event_type, consent_id, call_id }`.
//! - `call_offer: { scope }`: a call would help now (added). `call_status: { status,
//!   duration_seconds }`: the phone provider reports (added).
//! - `moltbot_output`: what Moltbot answers when it is asked in this step; alone: its turn has come.
//! - `operator: { switch, engaged, reason }`: an operator sets a kill switch, first of all (added).
//! - `takeover: { reason }`, `release: { reason }`: a person takes the conversation over, or gives it back, first of all
//!   (added).
//! - `person_wrote: { text }`: a person of the operator's writes to the client, after what came in (added).
//! - `undo: { reason }`: an operator undoes the request, last of all (added).
//! - `host_restarts: true`: the host forgets which webhooks it has seen, first of all (added).
//! - `assert`: what must hold after the step. What cannot be judged is listed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::contract::not_of_an_action;
use super::state::RequestState;

/// Members that the format does not have.
type Others = Map<String, Value>;

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) initial_state: InitialState,
    pub(crate) steps: Vec<Step>,
    /// The places of fields and words that the format does not have.
    pub(crate) not_understood: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InitialState {
    pub(crate) conversation: Conversation,
    pub(crate) request: Option<InitialRequest>,
    pub(crate) call_consent: Option<InitialConsent>,
    pub(crate) requirements: Requirements,
    pub(crate) vendors: Vec<Vendor>,
    #[serde(flatten)]
    others: Others,
}

impl InitialState {
    /// What is known about the need, from the request or else from the scenario.
    pub(crate) fn requirements(&self) -> &Requirements {
        self.request.as_ref().map_or(&self.requirements, |request| &request.requirements)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) client_phone: String,
    pub(crate) language: Word<Language>,
    status: String,
    #[serde(flatten)]
    others: Others,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            id: "conversation-1".into(),
            // A number of a range that is not assigned.
            client_phone: "+250780000000".into(),
            language: Word::default(),
            status: "active".into(),
            others: Others::new(),
        }
    }
}

/// The request as it stands when the story begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InitialRequest {
    #[serde(rename = "id")]
    _id: Option<String>,
    pub(crate) state: Word<RequestState>,
    pub(crate) requirements: Requirements,
    #[serde(flatten)]
    others: Others,
}

/// What the client has said about calls when the story begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InitialConsent {
    pub(crate) id: Option<String>,
    pub(crate) state: Word<ConsentState>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConsentState {
    Denied,
    Expired,
    Granted,
    #[default]
    NotRequested,
    Requested,
}

/// A word of a list. An unknown word stands for the default.
#[derive(Clone, Debug, Default)]
pub(crate) enum Word<T> {
    Known(T),
    Other(String),
    #[default]
    Absent,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = T::deserialize(Value::String(word.clone()));
        Ok(known.map_or(Self::Other(word), Self::Known))
    }
}

impl<T: Copy + Default> Word<T> {
    pub(crate) fn get(&self) -> T {
        match self {
            Self::Known(known) => *known,
            Self::Other(_) | Self::Absent => T::default(),
        }
    }

    fn other(&self) -> Option<&str> {
        match self {
            Self::Other(word) => Some(word),
            Self::Known(_) | Self::Absent => None,
        }
    }
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

/// What is known about the need. A host may keep more than this.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Requirements(pub(crate) Map<String, Value>);

impl Requirements {
    pub(crate) fn budget_max(&self) -> Option<i64> {
        self.0.get("budget_max")?.as_i64()
    }
}

#[allow(clippy::struct_excessive_bools, reason = "they are the host's columns, not a state")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Vendor {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) category: String,
    pub(crate) tags: Vec<String>,
    pub(crate) distance_km: Option<f64>,
    pub(crate) rating: Option<f64>,
    pub(crate) response_hours: Option<f64>,
    pub(crate) opted_out: bool,
    pub(crate) busy: bool,
    pub(crate) blocked: bool,
    pub(crate) inactive: bool,
    #[serde(flatten)]
    others: Others,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) repeat: u32,
    pub(crate) elapsed: Duration,
    pub(crate) inject_failure: Option<InjectFailure>,
    pub(crate) operator: Option<Operator>,
    pub(crate) takeover: Option<Order>,
    pub(crate) release: Option<Order>,
    pub(crate) person_wrote: Option<PersonWrote>,
    pub(crate) undo: Option<Order>,
    pub(crate) host_restarts: bool,
    pub(crate) client_inbound: Option<ClientInbound>,
    pub(crate) consent_reply: Option<ConsentReply>,
    pub(crate) ocr_result: Option<OcrResult>,
    pub(crate) vendor_inbound: Option<VendorInbound>,
    pub(crate) call_event: Option<CallEvent>,
    pub(crate) call_offer: Option<CallOffer>,
    pub(crate) call_status: Option<CallStatus>,
    /// What the provider reports on messages. If no step says so, it reports as usual.
    pub(crate) message_status: Vec<MessageStatus>,
    /// It is not parsed here, because it may break the contract on purpose.
    pub(crate) moltbot_output: Option<Value>,
    pub(crate) assert: Option<Assert>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct InjectFailure {
    pub(crate) provider: Provider,
    #[serde(default = "once")]
    pub(crate) times: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Operator {
    pub(crate) switch: String,
    pub(crate) engaged: bool,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PersonWrote {
    pub(crate) text: String,
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
#[serde(default)]
pub(crate) struct ClientInbound {
    pub(crate) message_type: Word<MessageType>,
    pub(crate) text: Option<String>,
    pub(crate) button_id: Option<String>,
    pub(crate) list_id: Option<String>,
    pub(crate) media_fixture: Option<String>,
    pub(crate) duplicate: bool,
    pub(crate) provider_message_id: Option<String>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageType {
    Audio,
    Document,
    Image,
    Interactive,
    Location,
    #[default]
    Text,
}

impl MessageType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Image => "image",
            Self::Interactive => "interactive",
            Self::Location => "location",
            Self::Text => "text",
        }
    }

    pub(crate) fn mime_type(self) -> Option<&'static str> {
        match self {
            Self::Audio => Some("audio/ogg"),
            Self::Document => Some("application/pdf"),
            Self::Image => Some("image/jpeg"),
            Self::Interactive | Self::Location | Self::Text => None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ConsentReply {
    pub(crate) text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OcrResult {
    #[serde(rename = "ocr_job_id")]
    _ocr_job_id: Option<String>,
    pub(crate) status: String,
    pub(crate) extracted: Option<Value>,
    pub(crate) confidence: Option<f64>,
    pub(crate) error_message: Option<String>,
    pub(crate) field_confidence: BTreeMap<String, f64>,
    pub(crate) warnings: Vec<String>,
    #[serde(flatten)]
    others: Others,
}

impl OcrResult {
    pub(crate) fn failed(&self) -> bool {
        self.status == "failed"
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct VendorInbound {
    pub(crate) vendor_id: String,
    pub(crate) text: String,
    /// Overrules the parser.
    pub(crate) is_injection_attempt: bool,
    pub(crate) provider_message_id: Option<String>,
    #[serde(flatten)]
    others: Others,
}

/// What happens around a call, in the host's words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallEvent {
    pub(crate) event_type: Word<CallEventType>,
    pub(crate) consent_id: Option<String>,
    pub(crate) call_id: Option<String>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallEventType {
    CallCompleted,
    CallFailed,
    CallInitiated,
    ConsentDenied,
    ConsentGranted,
    ConsentRequest,
    /// A word that the format does not have.
    #[default]
    #[serde(skip)]
    Unknown,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CallOffer {
    pub(crate) scope: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CallStatus {
    pub(crate) status: String,
    pub(crate) duration_seconds: Option<u32>,
}

/// A report on the last message to someone.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MessageStatus {
    /// `client`, or a vendor's id.
    #[serde(default = "client")]
    pub(crate) to: String,
    /// `sent`, `delivered`, `read`, `failed`.
    pub(crate) status: String,
    pub(crate) error_message: Option<String>,
    #[serde(flatten)]
    others: Others,
}

fn client() -> String {
    "client".to_owned()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Assert {
    pub(crate) request_state: Option<String>,
    /// Each must be found in a message that this step sent.
    pub(crate) outbound_messages: Vec<OutboundMessage>,
    /// None may be found in any message the client was ever sent (added).
    pub(crate) never_relayed: Vec<String>,
    pub(crate) vendor_outreach_count: Option<usize>,
    pub(crate) shortlist_wa_link_count: Option<usize>,
    /// The shops on the shortlist, in order (added).
    pub(crate) shortlist_vendor_ids: Option<Vec<String>>,
    pub(crate) no_duplicate_outreach: bool,
    /// One, or a list of them.
    pub(crate) db_row_count: Option<Value>,
    pub(crate) injection_flagged: Option<bool>,
    /// Whether a call was refused in this step, or with which code.
    pub(crate) call_refused: Option<Value>,
    /// Fields that the format does not have. They cannot be judged.
    #[serde(flatten)]
    pub(crate) others: Others,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OutboundMessage {
    pub(crate) to: Option<String>,
    pub(crate) contains: String,
    #[serde(rename = "type")]
    pub(crate) shape: Option<String>,
    #[serde(flatten)]
    pub(crate) others: Others,
}

/// A scenario that cannot be played as it is written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error("{place}, field `{field}`: {reason}")]
    Field { place: String, field: String, reason: String },
    #[error("not JSON, line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("a scenario is a JSON object with `name`, `initial_state` and `steps`")]
    NotAnObject,
    #[error("cannot be read")]
    Unreadable(#[source] std::io::Error),
}

impl Scenario {
    /// True if its steps say what the provider reports on messages.
    pub(crate) fn scripts_statuses(&self) -> bool {
        self.steps.iter().any(|step| !step.message_status.is_empty())
    }

    pub(crate) fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path).map_err(ScenarioError::Unreadable)?;
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, ScenarioError> {
        let text = text.trim_start_matches('\u{feff}');
        let root: Value = serde_json::from_str(text).map_err(|error| ScenarioError::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        let Value::Object(mut root) = root else { return Err(ScenarioError::NotAnObject) };
        let mut not_understood = Vec::new();
        let place = "scenario";
        let steps: Vec<Map<String, Value>> =
            optional(&mut root, place, "steps")?.unwrap_or_default();
        let steps = steps.into_iter().enumerate();
        let steps = steps.map(|fields| step(fields, &mut not_understood));
        let scenario = Self {
            steps: steps.collect::<Result<_, _>>()?,
            name: optional(&mut root, place, "name")?.unwrap_or_else(|| "unnamed".to_owned()),
            description: optional(&mut root, place, "description")?.unwrap_or_default(),
            initial_state: optional(&mut root, place, "initial_state")?.unwrap_or_default(),
            not_understood,
        };
        root.remove("tags");
        Ok(scenario.with_leftovers(&root))
    }

    /// Reports what the format does not have in its initial state.
    fn with_leftovers(mut self, root: &Others) -> Self {
        let mut named = Leftovers::default();
        let scene = &self.initial_state;
        named.fields("", root);
        named.fields("initial_state", &scene.others);
        named.fields("initial_state.conversation", &scene.conversation.others);
        named.word("initial_state.conversation.language", scene.conversation.language.other());
        let status = scene.conversation.status.as_str();
        let is_known = ["active", "closed", "archived"].contains(&status);
        named.word("initial_state.conversation.status", (!is_known).then_some(status));
        if let Some(request) = &scene.request {
            named.fields("initial_state.request", &request.others);
            named.word("initial_state.request.state", request.state.other());
        }
        if let Some(consent) = &scene.call_consent {
            named.fields("initial_state.call_consent", &consent.others);
            named.word("initial_state.call_consent.state", consent.state.other());
        }
        for (at, vendor) in scene.vendors.iter().enumerate() {
            named.fields(&format!("initial_state.vendors[{at}]"), &vendor.others);
        }
        for step in &self.steps {
            let Some(inbound) = &step.vendor_inbound else { continue };
            if !scene.vendors.iter().any(|vendor| vendor.id == inbound.vendor_id) {
                let id = &inbound.vendor_id;
                let place = format!("step {}: vendor_inbound.vendor_id", step.id);
                named.word(&place, Some(&format!("{id}, which is not in initial_state.vendors")));
            }
        }
        named.0.append(&mut self.not_understood);
        self.not_understood = named.0;
        self
    }
}

/// Fields and words that the format does not have, by place.
#[derive(Default)]
struct Leftovers(Vec<String>);

impl Leftovers {
    fn fields(&mut self, place: &str, others: &Others) {
        let dot = if place.is_empty() { "" } else { "." };
        self.0.extend(others.keys().map(|field| format!("{place}{dot}{field}")));
    }

    fn word(&mut self, place: &str, other: Option<&str>) {
        self.0.extend(other.map(|word| format!("{place}: {word}")));
    }
}

/// The longest wait of a step. It keeps the clock of the play within times that can be recorded.
const WAIT_MAX: Duration = Duration::from_hours(24 * 30);
/// The most repetitions of a step. No reader follows more.
const REPEAT_MAX: u32 = 1_000;

fn step(
    (index, mut fields): (usize, Map<String, Value>),
    not_understood: &mut Vec<String>,
) -> Result<Step, ScenarioError> {
    let unnamed = format!("step {}", index + 1);
    let id: Option<String> = optional(&mut fields, &unnamed, "id")?;
    let id = id.unwrap_or_else(|| (index + 1).to_string());
    let place = format!("step {id}");
    let at = &place;
    let wait: u64 = optional(&mut fields, at, "wait_ms")?.unwrap_or_default();
    let seconds: u64 = optional(&mut fields, at, "elapsed_seconds")?.unwrap_or_default();
    let elapsed = Duration::from_millis(wait).saturating_add(Duration::from_secs(seconds));
    if elapsed > WAIT_MAX {
        return Err(field_error(at, "wait_ms", "a step waits for at most 30 days"));
    }
    let repeat = optional(&mut fields, at, "repeat")?.unwrap_or(1);
    if repeat > REPEAT_MAX {
        return Err(field_error(at, "repeat", "a step is played at most 1,000 times"));
    }
    let step = Step {
        description: optional(&mut fields, at, "description")?.unwrap_or_default(),
        repeat,
        elapsed,
        inject_failure: optional(&mut fields, at, "inject_failure")?,
        operator: optional(&mut fields, at, "operator")?,
        takeover: optional(&mut fields, at, "takeover")?,
        release: optional(&mut fields, at, "release")?,
        person_wrote: optional(&mut fields, at, "person_wrote")?,
        undo: optional(&mut fields, at, "undo")?,
        host_restarts: optional(&mut fields, at, "host_restarts")?.unwrap_or_default(),
        client_inbound: optional(&mut fields, at, "client_inbound")?,
        consent_reply: optional(&mut fields, at, "consent_reply")?,
        ocr_result: optional(&mut fields, at, "ocr_result")?,
        vendor_inbound: optional(&mut fields, at, "vendor_inbound")?,
        call_event: optional(&mut fields, at, "call_event")?,
        call_offer: optional(&mut fields, at, "call_offer")?,
        call_status: optional(&mut fields, at, "call_status")?,
        message_status: optional(&mut fields, at, "message_status")?.unwrap_or_default(),
        moltbot_output: fields.remove("moltbot_output").filter(|output| !output.is_null()),
        assert: optional(&mut fields, at, "assert")?,
        id,
    };
    let mut named = Leftovers::default();
    named.fields(at, &fields);
    step.leftovers(at, &mut named);
    not_understood.append(&mut named.0);
    Ok(step)
}

impl Step {
    /// Reports what the format does not have. Such parts of an assertion are listed when it is judged.
    fn leftovers(&self, at: &str, named: &mut Leftovers) {
        if let Some(inbound) = &self.client_inbound {
            named.fields(&format!("{at}.client_inbound"), &inbound.others);
            named.word(&format!("{at}.client_inbound.message_type"), inbound.message_type.other());
        }
        if let Some(inbound) = &self.vendor_inbound {
            named.fields(&format!("{at}.vendor_inbound"), &inbound.others);
        }
        if let Some(result) = &self.ocr_result {
            named.fields(&format!("{at}.ocr_result"), &result.others);
            let is_known = ["completed", "failed"].contains(&result.status.as_str());
            let status = (!is_known).then_some(result.status.as_str());
            named.word(&format!("{at}.ocr_result.status"), status);
        }
        if let Some(event) = &self.call_event {
            named.fields(&format!("{at}.call_event"), &event.others);
            named.word(&format!("{at}.call_event.event_type"), event.event_type.other());
        }
        for status in &self.message_status {
            named.fields(&format!("{at}.message_status"), &status.others);
        }
        for field in self.moltbot_output.iter().flat_map(not_of_an_action) {
            named.word(&format!("{at}.moltbot_output"), Some(&field));
        }
    }
}

fn optional<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    place: &str,
    field: &str,
) -> Result<Option<T>, ScenarioError> {
    let Some(mut value) = fields.remove(field).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    leave_out_nulls(&mut value);
    serde_json::from_value(value)
        .map(Some)
        .map_err(|error| field_error(place, field, &error.to_string()))
}

/// Removes nulls, which mean the same as an absent member, except in what was read from a photo.
fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            for (_, member) in members.iter_mut().filter(|(name, _)| *name != "extracted") {
                leave_out_nulls(member);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        _ => {}
    }
}

fn field_error(place: &str, field: &str, reason: &str) -> ScenarioError {
    ScenarioError::Field { place: place.into(), field: field.into(), reason: reason.into() }
}

fn once() -> u32 {
    1
}
