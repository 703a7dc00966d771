//! Moltbot's output contract, version 1: exactly one object. Unknown members are ignored.

use serde::Deserialize;
use serde_json::Value;

use super::state::RequestState;

pub(crate) const CONTRACT_VERSION: &str = "output-contract.v1";

/// What Moltbot may decide.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Action {
    AskClient(AskClient),
    Escalate(Escalate),
    Shortlist(Shortlist),
    VendorOutreachPlan(VendorOutreachPlan),
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AskClient {
    pub(crate) question_text: String,
    #[serde(default, rename = "why")]
    _why: Option<String>,
    #[serde(default)]
    pub(crate) options: Vec<String>,
    pub(crate) state_suggestion: Option<RequestState>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Escalate {
    pub(crate) reason: String,
    pub(crate) safe_client_message: String,
    #[serde(default, rename = "state_suggestion")]
    _state_suggestion: Option<RequestState>,
    #[serde(default, rename = "to")]
    _to: Option<EscalateTo>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EscalateTo {
    Fallback,
    Human,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct VendorOutreachPlan {
    pub(crate) category: String,
    pub(crate) normalized_need: String,
    #[serde(default = "batch_size")]
    pub(crate) batch_size: usize,
    #[serde(default)]
    pub(crate) vendor_questions: Vec<String>,
    #[serde(default)]
    pub(crate) stop_conditions: StopConditions,
    #[serde(default, rename = "calling_allowed")]
    _calling_allowed: bool,
    #[serde(default, rename = "why")]
    _why: Option<String>,
    #[serde(default)]
    pub(crate) vendor_filters: VendorFilters,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct StopConditions {
    pub(crate) max_vendors: usize,
    pub(crate) min_replies: Option<usize>,
    pub(crate) timeout_hours: Option<f64>,
}

impl Default for StopConditions {
    fn default() -> Self {
        Self { max_vendors: VENDORS_MAX, min_replies: None, timeout_hours: None }
    }
}

fn batch_size() -> usize {
    5
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct VendorFilters {
    pub(crate) location_radius_km: Option<f64>,
    pub(crate) min_rating: Option<f64>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Shortlist {
    pub(crate) summary_text: String,
    pub(crate) items: Vec<Item>,
    #[serde(default)]
    pub(crate) handoff: Handoff,
    #[serde(default, rename = "why")]
    _why: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) vendor_id: String,
    #[serde(default, rename = "vendor_name")]
    _vendor_name: Option<String>,
    /// It is not trusted. The client gets the number from the market's own table.
    #[serde(default, rename = "vendor_phone")]
    _vendor_phone: Option<String>,
    #[serde(default)]
    pub(crate) response_summary: String,
    #[serde(default, rename = "price")]
    _price: Option<f64>,
    #[serde(default, rename = "availability")]
    _availability: Option<String>,
    #[serde(default, rename = "metadata")]
    _metadata: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Handoff {
    #[serde(default, rename = "type")]
    pub(crate) handoff_type: HandoffType,
    pub(crate) message_template: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HandoffType {
    Phone,
    #[default]
    WaLink,
}

impl Action {
    /// Checks an output against the contract.
    ///
    /// # Errors
    /// Every fault found, in words.
    pub(crate) fn parse(output: &Value) -> Result<Self, Vec<String>> {
        let mut action: Self =
            Self::deserialize(output).map_err(|error| vec![error.to_string()])?;
        let faults = action.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        action.truncate();
        Ok(action)
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::AskClient(_) => "ask_client",
            Self::Escalate(_) => "escalate",
            Self::Shortlist(_) => "shortlist",
            Self::VendorOutreachPlan(_) => "vendor_outreach_plan",
        }
    }

    /// Every text in it that a client would read.
    pub(crate) fn client_texts(&self) -> Vec<&str> {
        match self {
            Self::AskClient(ask) => vec![&ask.question_text],
            Self::Escalate(escalate) => vec![&escalate.safe_client_message],
            Self::Shortlist(list) => {
                let items = list.items.iter().map(|item| item.response_summary.as_str());
                std::iter::once(list.summary_text.as_str())
                    .chain(items)
                    .chain(list.handoff.message_template.as_deref())
                    .collect()
            }
            Self::VendorOutreachPlan(_) => vec![],
        }
    }

    fn faults(&self) -> Vec<String> {
        let checks: Vec<(bool, &str)> = match self {
            Self::AskClient(ask) => {
                vec![(ask.question_text.is_empty(), "question_text is empty")]
            }
            Self::Escalate(escalate) => vec![(escalate.reason.is_empty(), "reason is empty")],
            Self::Shortlist(_) => vec![],
            Self::VendorOutreachPlan(plan) => plan.checks(),
        };
        checks.into_iter().filter(|(broken, _)| *broken).map(|(_, say)| say.to_owned()).collect()
    }

    fn truncate(&mut self) {
        match self {
            Self::AskClient(ask) => {
                ask.question_text = ask.question_text.chars().take(QUESTION_CHARS_MAX).collect();
            }
            Self::Shortlist(list) => list.items.truncate(ITEMS_MAX),
            Self::Escalate(_) | Self::VendorOutreachPlan(_) => {}
        }
    }
}

impl VendorOutreachPlan {
    fn checks(&self) -> Vec<(bool, &'static str)> {
        let stop = &self.stop_conditions;
        let rating = self.vendor_filters.min_rating;
        vec![
            (self.category.is_empty(), "category is empty"),
            (!(1..=5).contains(&self.batch_size), "batch_size is not 1 to 5"),
            (self.vendor_questions.len() > QUESTIONS_MAX, "more than 4 vendor_questions"),
            (
                !(1..=VENDORS_MAX).contains(&stop.max_vendors),
                "stop_conditions.max_vendors is not 1 to 15",
            ),
            (stop.min_replies == Some(0), "stop_conditions.min_replies is below 1"),
            (
                stop.timeout_hours.is_some_and(|hours| hours < 0.5),
                "stop_conditions.timeout_hours is below 0.5",
            ),
            (
                rating.is_some_and(|rating| !(0.0..=5.0).contains(&rating)),
                "vendor_filters.min_rating is not 0 to 5",
            ),
        ]
    }
}

/// The members of an action that its contract does not have.
pub(crate) fn not_of_an_action(output: &Value) -> Vec<String> {
    let known: &[&str] = match output.get("type").and_then(Value::as_str) {
        Some("ask_client") => &["options", "question_text"],
        Some("escalate") => &["reason", "safe_client_message", "to"],
        Some("shortlist") => &["handoff", "items", "summary_text"],
        Some("vendor_outreach_plan") => &[
            "batch_size",
            "calling_allowed",
            "category",
            "normalized_need",
            "stop_conditions",
            "vendor_filters",
            "vendor_questions",
        ],
        _ => return Vec::new(),
    };
    let of_all = ["type", "why", "state_suggestion"];
    let is_other =
        |name: &&String| !known.contains(&name.as_str()) && !of_all.contains(&name.as_str());
    output
        .as_object()
        .into_iter()
        .flat_map(|members| members.keys())
        .filter(is_other)
        .cloned()
        .collect()
}

const VENDORS_MAX: usize = 15;
pub(crate) const ITEMS_MAX: usize = 5;
const QUESTIONS_MAX: usize = 4;
const QUESTION_CHARS_MAX: usize = 500;
