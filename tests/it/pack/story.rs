//! A whole request, told through typed events: a photo, three vendors, one shortlist, one call.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{
    Candidate, CandidatesInput, CandidatesOutput, Exclusion, HandoffInput, HandoffOutput,
    MoltbotCalled, MoltbotInput, MoltbotOutput, OcrInput, OcrJobCreated, OcrJobDone, OcrJobInput,
    OcrJobOutput, OcrOutput, OutreachInput, OutreachOutput, ReplyInput, ReplyOutput,
    RequestCreated, RequestInput, RequestStateChanged, ScoreFactor, ShortlistExclusion,
    ShortlistGenerated, ShortlistHandoff, ShortlistInput, ShortlistItem, ShortlistOutput,
    StateChange, VendorCandidatesSelected, VendorOutreachSent, VendorReplyRecorded,
};
use moltbot_audit::event::payload::{Nothing, Payload};
use moltbot_audit::store::AuditSink;
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType, RequestId};
use serde_json::json;

use crate::support::records::{named_conversation, sealed};

pub(super) const CLIENT: &str = "+250788100901";
pub(super) const VENDOR_A: &str = "+250788200911";
pub(super) const VENDOR_B: &str = "+250788200922";
pub(super) const PATIENT: &str = "Ganza Testimana";

/// A clock that moves on by a second each time the day's time is read.
#[derive(Debug, Default)]
struct SecondsClock(AtomicI64);

impl Clock for SecondsClock {
    fn now(&self) -> DateTime<Utc> {
        let start = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        start + TimeDelta::seconds(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Tells the events of one request, one after the other.
pub(crate) struct Teller {
    auditor: Auditor,
    sink: Arc<dyn AuditSink>,
    pub(crate) request: RequestId,
}

impl Teller {
    pub(crate) fn new(sink: Arc<dyn AuditSink>) -> Self {
        let clock = Arc::new(SecondsClock::default());
        let auditor = Auditor::builder(sink.clone(), super::KEY).clock(clock).build();
        Self { auditor, sink, request: crate::support::records::fresh_request() }
    }

    pub(super) fn auditor(&self) -> &Auditor {
        &self.auditor
    }

    pub(crate) async fn tell(&self, event: AuditEvent) -> String {
        let conversation = named_conversation("conv_story_1");
        let event = event.request(&self.request).conversation(&conversation);
        if event.event_type.is_reserved() {
            return self.forge(event).await;
        }
        self.auditor.record(event).await.expect("the store is up").event_id().to_string()
    }

    /// Tells what only the library writes, as a forger would.
    async fn forge(&self, event: AuditEvent) -> String {
        let is_timed = event.id.is_some() || event.created_at.is_some();
        let now = self.auditor.event_id().expect("a time of this century");
        let record = sealed(if is_timed { event } else { event.id(now) });
        let id = record.id().to_string();
        self.sink.append(&[record]).await.expect("the store is up")[0].expect("no conflict");
        id
    }

    pub(super) async fn typed<P: Payload>(
        &self,
        actor: Actor,
        input: P::Input,
        output: P::Output,
    ) -> String {
        let event = AuditEvent::typed::<P>(actor, &input, &output).expect("payloads are JSON");
        self.tell(event).await
    }

    async fn state(&self, from: Option<&str>, to: &str) {
        let step = StateChange {
            from_state: from.map(str::to_owned),
            to_state: to.to_owned(),
            ..Default::default()
        };
        self.typed::<RequestStateChanged>(Actor::System, step, Nothing {}).await;
    }
}

pub(super) fn factors(deltas: &[(&str, f64)]) -> Vec<ScoreFactor> {
    let factor = |(code, score_delta): &(&str, f64)| ScoreFactor {
        code: (*code).to_owned(),
        score_delta: *score_delta,
        ..Default::default()
    };
    deltas.iter().map(factor).collect()
}

/// Tells the whole story. Vendor A scores 102 and vendor B 18, as in the host's worked example.
pub(super) async fn tell_story(sink: Arc<dyn AuditSink>) -> Teller {
    let teller = Teller::new(sink);
    opening(&teller).await;
    let plan = ocr_and_plan(&teller).await;
    let replies = outreach(&teller, &plan).await;
    closing(&teller, replies).await;
    teller
}

async fn opening(teller: &Teller) {
    let inbound = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
        .idempotency_key("wamid.story.1")
        .input(json!({
            "provider_message_id": "wamid.story.1",
            "from_phone": CLIENT,
            "profile_name": "Testeur Kigali",
            "message_type": "image",
            "media_id": "media-1",
            "text": format!("Here is the prescription of {PATIENT}, call 0788 100 901 or me@example.rw"),
        }));
    teller.tell(inbound).await;
    let opened = RequestInput {
        channel: Some("whatsapp".into()),
        language: Some("en".into()),
        requirements: Some(json!({ "from_number": CLIENT, "budget_max": 10_000 })),
        ..Default::default()
    };
    teller.typed::<RequestCreated>(Actor::System, opened, Nothing {}).await;
    teller.state(None, "collecting_requirements").await;
    teller.state(Some("collecting_requirements"), "ocr_processing").await;
}

async fn ocr_and_plan(teller: &Teller) -> String {
    let job = OcrJobInput {
        ocr_type: Some("prescription".into()),
        media_id: Some("media-1".into()),
        ..Default::default()
    };
    let created = OcrJobOutput { job_id: Some("ocr-1".into()), ..Default::default() };
    teller.typed::<OcrJobCreated>(Actor::System, job, created).await;
    let read = OcrOutput {
        status: Some("completed".into()),
        extracted: Some(json!({
            "patient_name": PATIENT,
            "doctor_name": "Dr. Exemple",
            "medications": [{ "name": "Exampline 500mg", "quantity": 21 }],
        })),
        confidence: Some(0.92),
        threshold: Some(0.6),
        needs_clarification: Some(false),
        ..Default::default()
    };
    let input = OcrInput { job_id: Some("ocr-1".into()), ..Default::default() };
    teller.typed::<OcrJobDone>(Actor::System, input, read).await;
    let asked = MoltbotInput {
        model: Some("m-1".into()),
        temperature: Some(0.2),
        seed: Some(7),
        attempt: Some(1),
        attempts_max: Some(8),
        context: Some(json!({ "last_messages": [format!("I am {PATIENT}")] })),
        ..Default::default()
    };
    let plan = MoltbotOutput {
        action: Some(json!({
            "type": "vendor_outreach_plan",
            "why": format!("{PATIENT} needs Exampline"),
            "category": "pharmacy",
            "batch_size": 2,
        })),
        model: Some("m-1-2026".into()),
        response_id: Some("msg_01".into()),
        finish_reason: Some("end_turn".into()),
        input_tokens: Some(812),
        cache_read_input_tokens: Some(90_000),
        output_tokens: Some(64),
        price_list_version: Some("v2".into()),
        ..Default::default()
    };
    teller.typed::<MoltbotCalled>(Actor::Moltbot, asked, plan).await
}

async fn outreach(teller: &Teller, plan: &str) -> Vec<String> {
    let candidate = |vendor_id: &str, deltas: &[(&str, f64)]| Candidate {
        vendor_id: vendor_id.into(),
        total: deltas.iter().map(|(_, delta)| delta).sum(),
        factors: factors(deltas),
        ..Default::default()
    };
    let looked_for = CandidatesInput {
        category: Some("pharmacy".into()),
        normalized_need: Some("Exampline 500mg (21)".into()),
        mode: Some("ai".into()),
        moltbot_event_id: Some(plan.to_owned()),
        ..Default::default()
    };
    let found = CandidatesOutput {
        pool_size: Some(4),
        candidates: vec![
            candidate("vendor-a", &[("category", 40.0), ("distance", 26.0)]),
            candidate("vendor-b", &[("category", 40.0), ("distance", 15.0)]),
            candidate("vendor-c", &[("category", 20.0), ("distance", 15.0)]),
        ],
        excluded: vec![Exclusion {
            vendor_id: "vendor-d".into(),
            reason: "opted_out".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    teller.typed::<VendorCandidatesSelected>(Actor::System, looked_for, found).await;
    teller.state(Some("ocr_processing"), "vendor_outreach").await;
    for (vendor, phone) in [("a", VENDOR_A), ("b", VENDOR_B)] {
        let sent = OutreachInput {
            outreach_id: Some(format!("outreach-{vendor}")),
            vendor_id: format!("vendor-{vendor}"),
            vendor_name: Some(format!("Pharmacie Essai {vendor}")),
            vendor_phone: Some(phone.into()),
            batch_number: Some(1),
            text: Some("Do you have Exampline 500mg?".into()),
            ..Default::default()
        };
        teller.typed::<VendorOutreachSent>(Actor::System, sent, OutreachOutput::default()).await;
    }
    teller.state(Some("vendor_outreach"), "awaiting_vendor_replies").await;
    let mut replies = Vec::new();
    for (vendor, phone, availability, price, confidence) in
        [("a", VENDOR_A, "in_stock", Some(8_500), 0.7), ("b", VENDOR_B, "unclear", None, 0.4)]
    {
        let wrote = ReplyInput {
            outreach_id: Some(format!("outreach-{vendor}")),
            vendor_id: format!("vendor-{vendor}"),
            vendor_phone: Some(phone.into()),
            text: Some(format!("Yego, call {phone} about Exampline")),
            ..Default::default()
        };
        let understood = ReplyOutput {
            availability: Some(availability.into()),
            price_min: price,
            confidence: Some(confidence),
            parser_version: Some("v3".into()),
            latency_seconds: Some(240.0),
            ..Default::default()
        };
        replies.push(teller.typed::<VendorReplyRecorded>(Actor::Vendor, wrote, understood).await);
    }
    replies
}

async fn closing(teller: &Teller, replies: Vec<String>) {
    let item = ShortlistItem {
        vendor_id: "vendor-a".into(),
        vendor_name: Some("Pharmacie Essai a".into()),
        vendor_phone: Some(VENDOR_A.into()),
        price: Some(8_500),
        total: 102.0,
        factors: factors(&[
            ("availability", 50.0),
            ("price", 20.0),
            ("distance", 10.0),
            ("confidence", 14.0),
            ("speed", 8.0),
        ]),
        reply_event_id: replies.first().cloned(),
        ..Default::default()
    };
    let left_out = ShortlistExclusion {
        vendor_id: "vendor-b".into(),
        reason: "better_alternatives".into(),
        total: Some(18.0),
        factors: factors(&[("availability", 10.0), ("confidence", 8.0)]),
        ..Default::default()
    };
    let input = ShortlistInput { rule_version: Some("50.1".into()), ..Default::default() };
    let output = ShortlistOutput {
        items: vec![item],
        excluded: vec![left_out],
        decided_by: Some("rule".into()),
        tie_breaks: vec!["confidence".into()],
        summary_text: Some("One pharmacy has it".into()),
        ..Default::default()
    };
    teller.typed::<ShortlistGenerated>(Actor::System, input, output).await;
    teller.state(Some("awaiting_vendor_replies"), "shortlist_ready").await;
    let to = HandoffInput {
        handoff_type: Some("wa_link".into()),
        vendor_ids: vec!["vendor-a".into()],
        ..Default::default()
    };
    let handed_off_at = DateTime::from_timestamp(1_790_000_300, 0);
    let handoff = HandoffOutput { handed_off_at, ..Default::default() };
    teller.typed::<ShortlistHandoff>(Actor::System, to, handoff).await;
    teller.state(Some("shortlist_ready"), "handed_off").await;
    let consent = AuditEvent::new(EventType::CALL_CONSENT_REQUESTED, Actor::System)
        .input(json!({ "consent_id": "consent-1", "scope": "concierge", "client_phone": CLIENT }));
    teller.tell(consent).await;
    let denied = AuditEvent::new(EventType::CALL_CONSENT_DENIED, Actor::Client)
        .input(json!({ "consent_id": "consent-1", "text": "oya" }));
    teller.tell(denied).await;
}
