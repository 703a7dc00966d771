//! The host of docs/integrate.md, step by step: `DATABASE_URL=postgres://… cargo run --example integrate`.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moltbot_audit::event::payload::{
    AiDisclosed, BatchInput, BatchOutput, DisclosureInput, InboundInput, InboundOutput,
    MessageStatusInput, MessageStatusOutput, MoltbotInput, MoltbotOutput, Nothing, OutboundInput,
    OutboundOutput, OutreachInput, OutreachOutput, ReplyInput, ReplyOutput, ScoreFactor,
    ShortlistGenerated, ShortlistInput, ShortlistItem, ShortlistOutput, VendorReplyRecorded,
    WhatsappInboundReceived, WhatsappStatusUpdated,
};
use moltbot_audit::policy::Language;
use moltbot_audit::redact::{Profile, RedactionKey};
use moltbot_audit::store::{self, AuditStore};
use moltbot_audit::{
    Actor, AuditEvent, Auditor, Effect, EffectError, EventId, RequestId, Switch, auditor, pack,
};

/// What people are told with the first message that they get.
const TOLD: &str =
    "Ubu butumwa bwanditswe na Moltbot, umufasha ukoresha ubwenge bw'ubukorano (AI).";

/// The host as it was before: webhooks, a model, vendors. Nothing here knows about the audit.
#[allow(clippy::unused_async, reason = "a host waits for its providers")]
mod world {
    use std::io;

    use chrono::{DateTime, Utc};
    use serde_json::{Value, json};

    #[derive(Clone)]
    pub(crate) struct Webhook {
        pub(crate) message_id: String,
        pub(crate) sent_at: DateTime<Utc>,
        pub(crate) from: String,
        pub(crate) text: String,
    }

    /// How far a message came, by the provider's webhook.
    #[derive(Clone)]
    pub(crate) struct Report {
        pub(crate) message_id: String,
        pub(crate) status: String,
        pub(crate) at: DateTime<Utc>,
    }

    pub(crate) struct Reply {
        pub(crate) vendor: &'static str,
        pub(crate) text: &'static str,
        pub(crate) price: i64,
    }

    pub(crate) const VENDORS: [(&str, &str); 2] =
        [("vendor-1", "+250788000001"), ("vendor-2", "+250788000002")];

    pub(crate) async fn ask_model(_text: &str) -> Result<(Value, u64, u64), io::Error> {
        Ok((
            json!({
                "type": "vendor_outreach_plan",
                "why": "the need is clear",
                "vendors": ["vendor-1", "vendor-2"],
            }),
            812,
            64,
        ))
    }

    pub(crate) async fn send(to: &str, _text: &str) -> Result<String, io::Error> {
        Ok(format!("wamid.sent{}", &to[to.len() - 1..]))
    }

    pub(crate) fn reports() -> Vec<Report> {
        let delivered = |message_id: &str| Report {
            message_id: message_id.to_owned(),
            status: "delivered".to_owned(),
            at: DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_514),
        };
        ["wamid.sent1", "wamid.sent2", "wamid.sent6"].map(delivered).to_vec()
    }

    pub(crate) async fn replies() -> Vec<Reply> {
        vec![
            Reply { vendor: "vendor-1", text: "Ndayifite, 12 000", price: 12_000 },
            Reply { vendor: "vendor-2", text: "Yes, 9500", price: 9_500 },
        ]
    }
}

use world::{Report, Webhook};

type Failure = Box<dyn Error + Send + Sync>;

struct Host {
    auditor: Auditor,
    store: Arc<dyn AuditStore>,
}

impl Host {
    async fn start(url: &str, key: RedactionKey) -> Result<Self, Failure> {
        let store = store::open(url).await?; // applies the migrations
        let program = auditor::Host::new("orchestrator", "1.4.2"); // what packs name as the writer
        let auditor = Auditor::builder(store.clone(), key).host(program).build();
        Ok(Self { auditor, store })
    }

    /// Returns the request, or `None` if the webhook was delivered before.
    async fn hear(&self, webhook: &Webhook) -> Result<Option<RequestId>, Failure> {
        // The name that the host gives its request. Here it is the id of the first message.
        let request = self.auditor.request_id(&webhook.message_id)?;
        let input = InboundInput {
            provider_message_id: Some(webhook.message_id.clone()),
            from_phone: Some(webhook.from.clone()),
            message_type: Some("text".to_owned()),
            text: Some(webhook.text.clone()),
            ..Default::default()
        };
        let output = InboundOutput::default();
        let event = AuditEvent::typed::<WhatsappInboundReceived>(Actor::Client, &input, &output)?
            .id(self.auditor.message_event_id(&webhook.message_id, webhook.sent_at)?)
            .request(&request);
        let recorded = self.auditor.record(event).await?;
        Ok((!recorded.is_duplicate()).then_some(request))
    }

    /// Returns what Moltbot decided, or what to tell the client instead.
    async fn decide(&self, request: &RequestId, text: &str) -> Result<Decision, Failure> {
        let input = MoltbotInput {
            model: Some("m-1".to_owned()),
            prompt_version: Some("p-7".to_owned()),
            attempt: Some(1),
            ..Default::default()
        };
        let effect = Effect::moltbot_call(&input)
            .request(request)
            .idempotency_key(format!("{request}:moltbot:1"));
        let asked = self.auditor.effect(effect).run(async || {
            let (action, input_tokens, output_tokens) = world::ask_model(text).await?;
            Ok::<_, std::io::Error>(MoltbotOutput {
                action: Some(action),
                input_tokens: Some(input_tokens),
                output_tokens: Some(output_tokens),
                ..Default::default()
            })
        });
        match asked.await {
            Ok(_) => Ok(Decision::AskVendors),
            // The switch is off, a budget is used up, or time is over.
            Err(EffectError::Refused(refusal)) => {
                Ok(Decision::Tell(refusal.fallback.message(Language::Rw).to_owned()))
            }
            Err(EffectError::Failed(_)) => Ok(Decision::Tell("Try again later.".to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    /// Messages a batch of vendors; each message is an effect within the batch's.
    async fn ask_vendors(&self, request: &RequestId) -> Result<(), Failure> {
        let vendor_ids = world::VENDORS.map(|(vendor, _)| vendor.to_owned()).to_vec();
        let batch = BatchInput { batch_number: Some(1), vendor_ids, ..Default::default() };
        let effect = Effect::vendor_batch(&batch)
            .planned_by_moltbot() // stops with the AI, and so does each message inside
            .request(request)
            .idempotency_key(format!("{request}:batch:1"));
        let sent = self.auditor.effect(effect).run(async || {
            for (vendor, phone) in world::VENDORS {
                let asked = self.ask_vendor(request, vendor, phone).await;
                asked.map_err(std::io::Error::other)?;
            }
            Ok::<_, std::io::Error>(BatchOutput {
                sent: Some(2),
                failed: Some(0),
                ..Default::default()
            })
        });
        sent.await.map(drop).map_err(Failure::from)
    }

    async fn ask_vendor(
        &self,
        request: &RequestId,
        vendor: &str,
        phone: &str,
    ) -> Result<(), Failure> {
        let text = format!("{TOLD}\nMufite charger?");
        let input = OutreachInput {
            outreach_id: Some(format!("outreach-{vendor}")),
            vendor_id: vendor.to_owned(),
            vendor_phone: Some(phone.to_owned()),
            batch_number: Some(1),
            text: Some(text.clone()),
            ..Default::default()
        };
        let message = self.auditor.event_id()?;
        let effect = Effect::vendor_message(&input)
            .id(message)
            .request(request)
            .idempotency_key(format!("{request}:vendor:{vendor}"));
        let sent = self.auditor.effect(effect).run(async || {
            let provider_message_id = Some(world::send(phone, &text).await?);
            Ok::<_, std::io::Error>(OutreachOutput { provider_message_id, ..Default::default() })
        });
        sent.await?;
        self.told(request, message).await
    }

    /// Records that a message told its receiver of the AI.
    async fn told(&self, request: &RequestId, message: EventId) -> Result<(), Failure> {
        let input = DisclosureInput {
            outbound_event_id: Some(message.to_string()),
            ..DisclosureInput::of(TOLD, "rw")
        };
        let event = AuditEvent::typed::<AiDisclosed>(Actor::System, &input, &Nothing {})?;
        self.auditor.record(event.request(request)).await?;
        Ok(())
    }

    /// The provider's webhook says how far a message came.
    async fn heard_report(&self, request: &RequestId, report: &Report) -> Result<(), Failure> {
        let input = MessageStatusInput {
            provider_message_id: Some(report.message_id.clone()),
            original_status: Some(report.status.clone()),
            reported_at: Some(report.at),
            ..Default::default()
        };
        let output =
            MessageStatusOutput { status: Some(report.status.clone()), ..Default::default() };
        let event = AuditEvent::typed::<WhatsappStatusUpdated>(Actor::System, &input, &output)?;
        self.auditor.record(event.request(request)).await?;
        Ok(())
    }

    /// Records the replies, ranks them, and sends the client the shortlist.
    async fn shortlist(&self, request: &RequestId, client: &str) -> Result<(), Failure> {
        let mut items = Vec::new();
        for reply in world::replies().await {
            let input = ReplyInput {
                outreach_id: Some(format!("outreach-{}", reply.vendor)),
                vendor_id: reply.vendor.to_owned(),
                text: Some(reply.text.to_owned()),
                ..Default::default()
            };
            let understood = ReplyOutput {
                availability: Some("in_stock".to_owned()),
                price_min: Some(reply.price),
                confidence: Some(0.9),
                ..Default::default()
            };
            let event =
                AuditEvent::typed::<VendorReplyRecorded>(Actor::Vendor, &input, &understood)?;
            let recorded = self.auditor.record(event.request(request)).await?;
            let score = if reply.price < 10_000 { 20.0 } else { 10.0 };
            let why =
                ScoreFactor { code: "price".to_owned(), score_delta: score, ..Default::default() };
            items.push(ShortlistItem {
                vendor_id: reply.vendor.to_owned(),
                price: Some(reply.price),
                total: score,
                factors: vec![why],
                // The reply on which the place on the shortlist rests.
                reply_event_id: Some(recorded.event_id().to_string()),
                ..Default::default()
            });
        }
        items.sort_by(|a, b| b.total.total_cmp(&a.total));
        let input = ShortlistInput { rule_version: Some("r-1".to_owned()), ..Default::default() };
        let output =
            ShortlistOutput { items, decided_by: Some("rule".to_owned()), ..Default::default() };
        let event = AuditEvent::typed::<ShortlistGenerated>(Actor::System, &input, &output)?;
        self.auditor.record(event.request(request)).await?;

        let text = format!("{TOLD}\n1. vendor-2: 9,500 RWF. 2. vendor-1: 12,000 RWF.");
        let input = OutboundInput {
            to_phone: Some(client.to_owned()),
            text: Some(text.clone()),
            ..Default::default()
        };
        let message = self.auditor.event_id()?;
        let effect = Effect::message(&input)
            .id(message)
            .request(request)
            .idempotency_key(format!("{request}:shortlist:1"));
        let sent = self.auditor.effect(effect).run(async || {
            let provider_message_id = Some(world::send(client, &text).await?);
            Ok::<_, std::io::Error>(OutboundOutput { provider_message_id, ..Default::default() })
        });
        sent.await?;
        self.told(request, message).await
    }

    /// Exports the request's pack, and verifies it as its reader would.
    async fn pack(&self, request: &RequestId, by: &str) -> Result<String, Failure> {
        let profile = Profile::internal();
        let exported =
            pack::export_recorded(&self.auditor, &*self.store, request, &profile, by).await?;
        let json = exported.to_json_pretty();
        let verified = pack::verify_request_pack(json.as_bytes())?;
        println!("a pack of {} events, head {}", verified.events(), verified.head().chain_hash);
        Ok(json)
    }
}

enum Decision {
    AskVendors,
    Tell(String),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let key = RedactionKey::from_bytes([7; 32]); // from the host's secrets
    let host = Host::start(&std::env::var("DATABASE_URL")?, key).await?;
    let sent_at: DateTime<Utc> = "2026-03-02T07:15:00Z".parse()?;
    let webhook = Webhook {
        message_id: std::env::args().nth(1).unwrap_or_else(|| "wamid.HBgL1".to_owned()),
        sent_at,
        from: "+250788123456".to_owned(),
        text: "Muraho, ndashaka charger".to_owned(),
    };
    let Some(request) = host.hear(&webhook).await? else {
        println!("delivered before");
        return Ok(());
    };
    println!("request {request}");
    // In a new deployment the AI switch is still engaged.
    if let Decision::Tell(text) = host.decide(&request, &webhook.text).await? {
        println!("refused, instead: {text}");
    }
    host.auditor.kill_switch().reset(&Switch::AI, "Aline", "first day").await?;
    if let Decision::AskVendors = host.decide(&request, &webhook.text).await? {
        host.ask_vendors(&request).await?;
        host.shortlist(&request, &webhook.from).await?;
        for report in world::reports() {
            host.heard_report(&request, &report).await?;
        }
    }
    std::fs::write("pack.json", host.pack(&request, "Aline").await?)?;
    host.auditor.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}
