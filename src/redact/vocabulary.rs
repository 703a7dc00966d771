//! The words that an external reader sees, by field: closed sets of this library and of the Moltbot host.
//!
//! A word is shown because its value is listed, never because of its form: `blocked_Mukamana` has the form of a
//! status. A word that neither this file nor the host's profile lists may have been typed by a person or a model, so
//! it is hidden.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::fold::folded;
use crate::event::{ErrorCode, EventType};

/// The longest time, in bytes, with microseconds and an offset.
const TIME_LEN_MAX: usize = 32;

/// Words by field. In a field that stands here, an unlisted number is hidden too.
#[rustfmt::skip]
const WORDS: &[(&[&str], &[&str])] = &[
    (&["action_type", "type"], &[
        "ask_client", "escalate", "phone", "request_call_consent", "shortlist", "start_call",
        "vendor_outreach_plan", "wa_link",
    ]),
    // Reconciliation: what was found, of what, and in which respect.
    (&["aspect"], &[
        "cache_creation_tokens", "cache_read_tokens", "confidence", "conversation", "cost", "direction", "duration",
        "input_tokens", "model", "order", "output_tokens", "price", "reasoning_tokens", "state", "status", "text",
        "time", "type", "vendors",
    ]),
    (&["availability"], &["in_stock", "out_of_stock", "unclear"]),
    (&["button_id"], &[
        "accept", "agree", "cancel", "confirm", "consent_no", "consent_yes", "decline", "no", "non", "oui", "oya",
        "wait", "yego", "yes",
    ]),
    (&["budget"], &["cost_microusd", "elapsed_ms", "moltbot_calls", "ocr_jobs", "tokens", "vendor_batches", "vendors"]),
    // `is_category` decides.
    (&["category"], &[]),
    (&["channel"], &["call", "facebook", "instagram", "messenger", "phone", "sms", "telegram", "web", "whatsapp"]),
    (&["code"], &[
        "availability", "category", "confidence", "distance", "price", "rating", "response_time", "sla", "speed",
        "tags",
    ]),
    // The event types of the library are listed too.
    (&["compensation", "effect"], &[]),
    (&["decided_by"], &["moltbot", "price", "rule"]),
    (&["fallback"], &[
        "ask_the_shop", "best_responders", "bilingual_fallback", "bilingual_message",
        "bilingual_message_and_ai_stopped", "call_fallback", "clearer_photo", "coded", "coded_rule", "escalate", "fallback",
        "hotline", "human", "human_queue", "human_takes_over", "no_call", "none", "still_waiting", "time_is_up",
        "unsafe_reply", "wait",
    ]),
    (&["finding_code"], &[
        "billed_twice", "call_without_consent", "differs", "effect_in_doubt", "illegal_transition",
        "missing_in_bill", "missing_in_tables", "missing_in_trail", "not_delivered", "reservation_not_settled",
        "uncertain", "unreadable",
    ]),
    (&["finding"], &["not_performed", "performed"]),
    // The words of Anthropic, Gemini and OpenAI.
    (&["finish_reason"], &[
        "content_filter", "end_turn", "function_call", "length", "max_tokens", "pause_turn", "refusal", "safety", "stop",
        "stop_sequence", "tool_calls", "tool_use",
    ]),
    (&["from_state", "state_suggestion", "to_state"], &[
        "awaiting_vendor_replies", "closed", "collecting_requirements", "error", "handed_off",
        "ocr_processing", "shortlist_ready", "vendor_outreach",
    ]),
    (&["handoff_type"], &["phone", "wa_link"]),
    (&["how"], &["claimed", "host", "jwt", "session"]),
    (&["language"], &["en", "fr", "ln", "lg", "rn", "rw", "sw"]),
    (&["media_mime_type"], &[
        "application/pdf", "audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg",
        "audio/ogg; codecs=opus", "image/jpeg", "image/png", "image/webp", "text/plain", "video/3gpp", "video/mp4",
    ]),
    (&["message_type"], &[
        "audio", "button", "contacts", "document", "image", "interactive", "list", "location", "order", "reaction",
        "sticker", "system", "template", "text", "unknown", "unsupported", "video", "voice",
    ]),
    (&["mode"], &["ai", "coded"]),
    // Only the host knows its models: it lists them.
    (&["model"], &[]),
    // The host's tables and columns.
    (&["not_checkable"], &[
        "moltbot_call_attempts", "moltbot_call_attempts.id", "moltbot_call_attempts.consent_id",
        "moltbot_call_attempts.provider_call_id", "moltbot_call_attempts.status",
        "moltbot_call_attempts.duration_seconds", "moltbot_call_attempts.initiated_at", "moltbot_call_consents",
        "moltbot_call_consents.id", "moltbot_call_consents.conversation_id", "moltbot_call_consents.state",
        "moltbot_call_consents.granted_at", "moltbot_call_consents.denied_at", "moltbot_call_consents.expires_at",
        "moltbot_call_consents.created_at", "moltbot_conversations", "moltbot_conversations.id",
        "moltbot_conversation_messages", "moltbot_conversation_messages.id",
        "moltbot_conversation_messages.conversation_id", "moltbot_conversation_messages.provider_message_id",
        "moltbot_conversation_messages.direction", "moltbot_conversation_messages.message_type",
        "moltbot_conversation_messages.body", "moltbot_conversation_messages.timestamp", "moltbot_ocr_jobs",
        "moltbot_ocr_jobs.id", "moltbot_ocr_jobs.request_id", "moltbot_ocr_jobs.status",
        "moltbot_ocr_jobs.confidence", "moltbot_ocr_jobs.created_at", "moltbot_vendor_outreach",
        "moltbot_vendor_outreach.id", "moltbot_vendor_outreach.request_id", "moltbot_vendor_outreach.vendor_id",
        "moltbot_vendor_outreach.state", "moltbot_vendor_outreach.outreach_sent_at",
        "moltbot_vendor_outreach.response_message", "moltbot_vendor_outreach.response_received_at",
        "moltbot_marketplace_requests", "moltbot_marketplace_requests.id",
        "moltbot_marketplace_requests.conversation_id", "moltbot_marketplace_requests.state",
        "moltbot_marketplace_requests.shortlist", "moltbot_marketplace_requests.created_at",
    ]),
    (&["ocr_type"], &["business_card", "invoice", "menu", "price_list", "product", "receipt", "screenshot"]),
    (&["original_status", "status"], &[
        "accepted", "active", "answered", "archived", "busy", "cancelled", "canceled", "closed", "completed", "connected",
        "deleted", "delivered", "denied", "disconnected", "ended", "excluded", "expired", "failed", "granted", "in-progress",
        "in_progress", "initiated", "missed", "no-answer", "no_answer", "no_response", "not_requested", "pending",
        "processing", "queued", "read", "refused", "rejected", "replied", "requested", "ringing", "sent", "started",
        "succeeded", "terminated", "timeout", "undelivered", "warning",
    ]),
    (&["period"], &["day", "request"]),
    (&["provider"], &[
        "anthropic", "gemini", "google", "meta", "moltbot", "ocr", "openai", "phone", "twilio", "vendor_whatsapp", "whatsapp",
    ]),
    (&["purpose", "scope"], &[
        "clarify_need", "concierge", "confirm_availability", "confirm_order", "confirm_price", "conversation", "delivery",
        "request",
    ]),
    (&["description", "errors", "reason", "warnings"], &[
        "after_handoff", "already_contacted", "ambiguous", "below_min_rating", "better_alternatives", "blocked", "busy",
        "category_mismatch", "client_request", "complete", "cooldown", "declined", "duplicate", "empty_reply",
        "error", "exclusion", "expired", "incomplete", "injection_detected", "invalid_json", "in_stock", "low_confidence", "manual",
        "max_vendors", "min_replies", "missing_price", "negative_score", "new_request", "no_price", "no_reply", "no_stock", "no_whatsapp",
        "not_asked", "not_chosen_by_moltbot", "not_eligible", "nothing_found", "opted_out", "out_of_radius",
        "out_of_stock", "over_budget", "over_limit", "payment_request", "photo_received", "price_unclear",
        "prompt_injection", "stopped", "stop_conditions_met", "still_waiting", "timeout", "timeout_proceed", "time_is_up",
        "unavailable", "unclear", "unparseable", "unsafe_link", "unsafe_reply",
    ]),
    // The rules that this library knows.
    (&["reversal"], &["compensable", "final", "reversible"]),
    (&["rule_version"], &["shortlist-ranking.50", "vendor-selection.1"]),
    (&["severity"], &["error", "warning"]),
    (&["side_word"], &[
        "absent", "accepted", "active", "answered", "archived", "audio", "awaiting_vendor_replies", "busy",
        "cancelled", "closed", "collecting_requirements", "completed", "delivered", "denied", "document", "error",
        "excluded", "expired", "failed", "granted", "handed_off", "image", "inbound", "initiated", "interactive",
        "location", "no_answer", "no_response", "not_requested", "ocr_processing", "outbound", "panicked",
        "pending", "processing", "queued", "read", "rejected", "replied", "requested", "ringing", "running", "sent",
        "shortlist_ready", "template", "text", "unlisted", "unreadable", "vendor_outreach", "video",
    ]),
    (&["subject"], &[
        "bill_line", "call", "consent", "conversation", "effect", "message", "model_call", "ocr_job", "outreach",
        "reply", "request", "shortlist",
    ]),
    (&["stopped_by", "switch", "switches"], &["ai", "calling", "ocr"]),
    (&["switch_scope"], &["conversation", "request"]),
    (&["switched_by"], &["environment", "store", "unknown"]),
    (&["target_role"], &["client", "vendor"]),
    (&["template_id"], &[
        "ask_the_shop", "bilingual_fallback", "bilingual_message", "call_fallback", "call_offer", "clearer_photo",
        "nothing_found", "photo_received", "searching", "shortlist_intro", "still_waiting", "time_is_up",
    ]),
    (&["tie_breaks"], &["confidence", "distance", "price", "rating", "response_time", "speed", "vendor_id"]),
    (&["to"], &["fallback", "human"]),
];

/// Fields with versions, such as `v2` or `1.10`.
const VERSIONS: &[&str] =
    &["parser_version", "policy_version", "price_list_version", "prompt_version", "rule_version"];

/// Fields with ids of events.
const EVENT_IDS: &[&str] = &[
    "effect_id",
    "moltbot_event_id",
    "other_effect_id",
    "outbound_event_id",
    "reply_event_id",
    "reverses",
    "trail_event_id",
];

/// Fields with SHA-256 digests of texts that the host has for everyone.
const DIGESTS: &[&str] = &["text_digest"];

/// Fields with times.
const TIMES: &[&str] = &[
    "compensable_until",
    "expires_at",
    "handed_off_at",
    "lease_until",
    "period_before",
    "period_from",
    "reported_at",
    "side_time",
];

/// The words of categories that have nothing to do with health, in English, French and Kinyarwanda.
#[rustfmt::skip]
const NOT_HEALTH: &[&str] = &[
    // Words between them.
    "a", "and", "au", "aux", "by", "bya", "byo", "cy", "d", "de", "des", "du", "en", "et", "for", "l", "la", "le", "les", "mu", "n",
    "na", "of", "par", "pour", "the", "w", "wa", "y", "ya",
    // Electronics and phones.
    "accessoires", "accessories", "accessory", "amatelefoni", "batteries", "battery", "camera", "cameras", "charger", "chargers",
    "computer", "computers", "computing", "consoles", "electricite", "electrical", "electricity", "electronic",
    "electronics", "electronique", "electroniques", "gadget", "gadgets", "gaming", "headphones", "ikoranabuhanga", "informatique",
    "internet", "it", "laptop", "laptops", "mobile", "mobiles", "mudasobwa", "network", "ordinateur", "ordinateurs", "phone", "phones", "photo",
    "portable", "portables", "printer", "printers", "radio", "smartphone", "smartphones", "software", "solar", "solaire",
    "sim", "simcard", "tech", "technology", "technologie", "telecom", "telefone", "telefoni", "telephone", "telephones", "televiseur", "television", "tv",
    // House and garden.
    "ameza", "amatara", "appliance", "appliances", "bed", "bedding", "beds", "carpet", "carpets", "chair", "chairs", "chaises",
    "cuisine", "curtains", "decor", "decoration", "electromenager", "equipment", "furniture", "garden", "gardening", "home", "house",
    "household", "ibikoresho", "igikoni", "intebe", "jardin", "kitchen", "lamp", "lamps", "lighting", "linge", "maison",
    "mattress", "mattresses", "matelas", "menage", "meuble", "meubles", "mobilier", "rugo", "sofa", "sofas", "table", "tables", "ubusitani", "vaisselle",
    // Food and drink.
    "alimentation", "alimentaire", "bakery", "beverage", "beverages", "biribwa", "boisson", "boissons", "boucherie", "boulangerie", "bread",
    "butcher", "butchery", "drink", "drinks", "epicerie", "food", "foods", "fruit", "fruits", "grocery", "groceries", "ibinyobwa", "ibiribwa", "imboga", "imbuto",
    "legumes", "meat", "restaurant", "restaurants", "snacks", "supermarche", "supermarket", "takeaway", "vegetable", "vegetables",
    // Clothes.
    "bags", "bijoux", "chaussures", "clothes", "clothing", "fashion", "fabric", "fabrics", "imyenda", "inkweto", "jewellery", "jewelry", "mode", "sacs", "shoe", "shoes",
    "textile", "textiles", "tissus", "uniforms", "vetement", "vetements", "watches", "montres",
    // Building and tools.
    "architecture", "bois", "building", "carpentry", "ciment", "cement", "construction", "hardware", "imbaho", "materiaux", "materials", "menuiserie", "metal", "outillage",
    "outils", "paint", "peinture", "plomberie", "plumbing", "quincaillerie", "steel", "tiles", "tool", "tools", "ubwubatsi", "wood",
    // Vehicles and transport.
    "auto", "automobile", "autos", "bicycle", "bicycles", "bike", "bikes", "car", "cars", "garage", "imodoka", "moto", "motorcycle", "motorcycles", "motos", "parts",
    "pieces", "detachees", "pneu", "pneus", "rechange", "spare", "spares", "tire", "tires", "transport", "tyre", "tyres", "vehicle", "vehicles", "vehicule", "vehicules",
    "velo", "velos", "voiture", "voitures",
    // Paper, learning, leisure.
    "art", "arts", "book", "books", "bookshop", "bureau", "cadeaux", "crafts", "events", "fleurs", "flowers", "games", "gifts", "ibitabo", "imprimerie", "instruments", "jeux", "jouets",
    "librairie", "livres", "music", "musique", "office", "papeterie", "printing", "school", "scolaire", "scolaires", "sport", "sports", "stationery", "supplies", "fournitures", "toys", "travel",
    "tourism", "tourisme", "voyage",
    // Work and property.
    "agriculture", "cleaning", "ubuhinzi", "farming", "gaz", "gas", "housing", "immobilier", "land", "laundry", "location", "logement", "nettoyage", "packaging", "property", "real", "estate",
    "rent", "rental", "rentals", "repair", "repairs", "reparation", "reparations", "security", "tailoring", "couture",
];

/// The vocabulary as data. It is part of the rules, of which each pack holds the digest.
pub(super) fn rules() -> Value {
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let types: Vec<_> = EventType::KNOWN.iter().map(EventType::as_str).collect();
    serde_json::json!({
        "digests": DIGESTS,
        "error_codes": codes,
        "event_ids": EVENT_IDS,
        "event_types": types,
        "not_health": NOT_HEALTH,
        "times": TIMES,
        "versions": VERSIONS,
        "words": WORDS,
    })
}

/// Whether a field holds words, so that an unlisted number in it is hidden too.
pub(super) fn holds_words(field: &str) -> bool {
    WORDS.iter().any(|(fields, _)| fields.contains(&field))
}

/// Whether a text is one of those that an external reader may see in a field.
pub(super) fn is_listed(field: &str, text: &str) -> bool {
    if field == "category" {
        return is_category(text);
    }
    let mut words = WORDS.iter().filter(|(fields, _)| fields.contains(&field));
    words.any(|(_, words)| words.contains(&text))
        || is_code_or_type(field, text)
        || (VERSIONS.contains(&field) && is_version(text))
        || (DIGESTS.contains(&field) && is_digest(text))
        || (EVENT_IDS.contains(&field) && Uuid::parse_str(text).is_ok())
        || (TIMES.contains(&field) && is_time(text))
}

/// Whether a category has nothing to do with health.
fn is_category(text: &str) -> bool {
    let folded = folded(text);
    let mut words = folded.split(' ');
    text.len() <= 64 && !folded.is_empty() && words.all(|word| NOT_HEALTH.contains(&word))
}

/// Whether a text is an error code or an event type of the library.
fn is_code_or_type(field: &str, text: &str) -> bool {
    match field {
        "code" | "errors" | "reason" => ErrorCode::parse(&text.to_ascii_lowercase()).is_some(),
        "compensation" | "effect" => EventType::KNOWN.iter().any(|known| known.as_str() == text),
        _ => false,
    }
}

/// `v2`, `1.10`, `2.0.1`. It is too short for a phone number.
fn is_version(text: &str) -> bool {
    let is_part =
        |part: &str| matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.strip_prefix('v').unwrap_or(text).split('.');
    parts.clone().count() <= 3 && parts.into_iter().all(is_part)
}

/// 64 hex digits.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A time as this library writes them, to the microsecond.
pub(super) fn is_time(text: &str) -> bool {
    let is_of_time = |byte: u8| byte.is_ascii_digit() || b"-:.TZ+ ".contains(&byte);
    text.len() <= TIME_LEN_MAX
        && text.bytes().all(is_of_time)
        && text.split_once('.').is_none_or(|(_, fraction)| {
            fraction.bytes().take_while(u8::is_ascii_digit).count() <= 6
        })
        && text.parse::<DateTime<Utc>>().is_ok()
}
