//! Whether each person was told of the AI before its first message, by what the record shows.

mod claims;
mod origin;

use std::sync::Arc;

use moltbot_audit::event::payload::{
    AiDisclosed, DisclosureInput, MessageStatusInput, MessageStatusOutput, MoltbotCalled,
    MoltbotInput, MoltbotOutput, Nothing, OutboundInput, OutboundOutput, OutreachInput,
    OutreachOutput, VendorOutreachSent, WhatsappOutboundSent, WhatsappStatusUpdated,
};
use moltbot_audit::pack::verify_request_pack;
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventId, EventType, Outcome};
use serde_json::json;

use crate::pack::both_packs;
use crate::pack::story::Teller;
use crate::support::forging::ForgingStore;

const TOLD: &str = "You are chatting with an AI assistant.";

/// An id as `WhatsApp` gives them, with a phone number inside.
fn wamid(nth: &str) -> String {
    format!("wamid.HBgMMjUwNzg4MTAwOTAxFQIAERgSOUEzQ0E1QjNENEQ0RDZFNjdF{nth:A>4}")
}

/// One request, told step by step. An id of a message is its last letters.
struct Talk {
    store: Arc<ForgingStore>,
    teller: Teller,
}

impl Talk {
    fn new() -> Self {
        let store = Arc::new(ForgingStore::default());
        Self { teller: Teller::new(store.clone()), store }
    }

    async fn tell(&self, event: AuditEvent, cause: Option<EventId>) -> EventId {
        let event = match cause {
            Some(cause) => event.caused_by(cause),
            None => event,
        };
        let id = self.teller.tell(event).await.parse().expect("a UUID");
        EventId::from_uuid(id).expect("an event's id")
    }

    /// Moltbot decides, and the host accepts it.
    async fn decision(&self) -> EventId {
        let (input, output) = (MoltbotInput::default(), MoltbotOutput::default());
        let call = AuditEvent::typed::<MoltbotCalled>(Actor::Moltbot, &input, &output);
        self.tell(call.expect("JSON"), None).await
    }

    async fn judged(&self, call: EventId, event_type: EventType) -> EventId {
        let input = json!({ "moltbot_event_id": call });
        self.tell(AuditEvent::new(event_type, Actor::System).input(input), Some(call)).await
    }

    fn to_client(text: &str, id: &str) -> AuditEvent {
        let input = OutboundInput { text: Some(text.into()), ..Default::default() };
        let output = OutboundOutput { provider_message_id: Some(wamid(id)), ..Default::default() };
        AuditEvent::typed::<WhatsappOutboundSent>(Actor::System, &input, &output).expect("JSON")
    }

    fn to_vendor(vendor: &str, id: &str) -> AuditEvent {
        let text = Some(format!("{TOLD}\nDo you have a charger?"));
        let input = OutreachInput { vendor_id: vendor.into(), text, ..Default::default() };
        let output = OutreachOutput { provider_message_id: Some(wamid(id)), ..Default::default() };
        AuditEvent::typed::<VendorOutreachSent>(Actor::System, &input, &output).expect("JSON")
    }

    /// A message of the AI to the client.
    async fn asks(&self, id: &str) -> EventId {
        let decision = self.decision().await;
        self.tell(Self::to_client("Which charger?", id), Some(decision)).await
    }

    /// A message with the disclosure to the client.
    async fn informs(&self, id: &str) -> EventId {
        let message = self.tell(Self::to_client(TOLD, id), None).await;
        self.discloses(Self::naming(message)).await;
        message
    }

    fn naming(message: EventId) -> DisclosureInput {
        let outbound_event_id = Some(message.to_string());
        DisclosureInput { outbound_event_id, ..DisclosureInput::of(TOLD, "en") }
    }

    async fn discloses(&self, input: DisclosureInput) -> EventId {
        let event = AuditEvent::typed::<AiDisclosed>(Actor::System, &input, &Nothing {});
        self.tell(event.expect("JSON"), None).await
    }

    async fn report(&self, id: &str, status: &str, second: i64) {
        let input = MessageStatusInput {
            provider_message_id: Some(wamid(id)),
            reported_at: chrono::DateTime::from_timestamp(1_790_000_000 + second, 0),
            ..Default::default()
        };
        let output = MessageStatusOutput { status: Some(status.into()), ..Default::default() };
        self.teller.typed::<WhatsappStatusUpdated>(Actor::System, input, output).await;
    }

    /// The verdict of the request and those of each recipient, which both packs share, and the findings.
    async fn said(&self) -> (Vec<String>, Vec<String>) {
        let packs = both_packs(&*self.store, &self.teller.request).await;
        let [internal, external] = packs.map(|pack| {
            let verified = verify_request_pack(pack.to_string().as_bytes());
            let content = &pack["ai_disclosure"]["content"];
            let overall = verified.expect("an untouched pack verifies").ai_disclosure();
            assert_eq!(content["verdict"].as_str().unwrap_or("not_needed"), overall.as_str());
            let of_recipients = content["recipients"].as_array().into_iter().flatten();
            let verdicts =
                of_recipients.map(|one| one["verdict"].as_str().expect("text").to_owned());
            ([overall.as_str().to_owned()].into_iter().chain(verdicts).collect(), pack)
        });
        assert_eq!(internal.0, external.0, "both readers are told the same");
        (internal.0, super::findings(&internal.1))
    }

    /// The one verdict, and the findings.
    async fn verdict(&self) -> (String, Vec<String>) {
        let (verdicts, findings) = self.said().await;
        assert!(verdicts.windows(2).all(|pair| pair[0] == pair[1]), "{verdicts:?}");
        (verdicts[0].clone(), findings)
    }
}

#[tokio::test]
async fn the_order_of_sending_and_of_delivery_decides() {
    // What is told, in order: `d` disclosure, `a` message of the AI; reports on `d` and `a` with their seconds.
    type Reports = &'static [(&'static str, &'static str, i64)];
    let cases: [(&str, Reports, &str); 15] = [
        ("i", &[], "not_needed"),
        ("d", &[], "not_needed"),
        ("a", &[], "never"),
        ("da", &[], "sent_before"),
        ("ad", &[], "later"),
        ("da", &[("d", "delivered", 5)], "delivered_before"),
        // Out of order, and twice.
        (
            "da",
            &[
                ("d", "read", 9),
                ("d", "delivered", 5),
                ("d", "delivered", 6),
                ("a", "delivered", 7),
            ],
            "delivered_before",
        ),
        ("da", &[("d", "delivered", 8), ("a", "delivered", 8)], "delivered_before"),
        ("da", &[("d", "delivered", 9), ("a", "delivered", 8)], "later"),
        // Another message of the AI was faster than the disclosure.
        ("dab", &[("d", "delivered", 9), ("b", "delivered", 8)], "later"),
        // Read by then, and when it was delivered is not known.
        ("da", &[("d", "read", 90), ("a", "delivered", 8)], "sent_before"),
        // It overtook the message of the AI.
        ("ad", &[("d", "delivered", 6), ("a", "delivered", 7)], "delivered_before"),
        ("da", &[("d", "sent", 1), ("d", "failed", 2)], "never"),
        ("da", &[("d", "failed", 2), ("d", "sent", 1)], "never"),
        // A message of the AI that did not arrive tells nobody anything.
        ("a", &[("a", "failed", 2)], "not_needed"),
    ];
    for (told, reports, wanted) in cases {
        let talk = Talk::new();
        for one in told.chars() {
            match one {
                'd' => drop(talk.informs("d").await),
                'i' => drop(talk.decision().await),
                id => drop(talk.asks(&id.to_string()).await),
            }
        }
        for (id, status, second) in reports {
            talk.report(id, status, *second).await;
        }
        let (verdict, findings) = talk.verdict().await;
        assert_eq!(verdict, wanted, "{told} {reports:?}");
        let is_breach = ["later", "never"].contains(&wanted);
        assert_eq!(findings.len(), usize::from(is_breach), "{told} {reports:?}: {findings:?}");
    }
}

#[tokio::test]
async fn a_breach_is_a_finding_at_the_message_of_the_ai_and_says_what_came_when() {
    let talk = Talk::new();
    talk.asks("a").await;
    talk.informs("d").await;
    assert_eq!(
        talk.verdict().await.1,
        [
            "2: the disclosure came late: event 3 carries it, and the first message of the AI to the client is event 2"
        ]
    );
    let talk = Talk::new();
    talk.asks("a").await;
    assert_eq!(
        talk.verdict().await.1,
        [
            "2: no disclosure is recorded in this request: the first message of the AI to the client is event 2"
        ]
    );
}

#[tokio::test]
async fn a_second_disclosure_counts_if_the_first_one_failed() {
    let talk = Talk::new();
    let failed = Talk::to_client(TOLD, "x").ended(Outcome::Failed, ErrorCode::ProviderError);
    let failed = talk.tell(failed, None).await;
    talk.discloses(Talk::naming(failed)).await;
    talk.informs("d").await;
    talk.asks("a").await;
    assert_eq!(talk.verdict().await.0, "sent_before");
    talk.report("d", "failed", 3).await;
    assert_eq!(talk.verdict().await.0, "never");
    talk.informs("e").await;
    assert_eq!(talk.verdict().await.0, "later");
}

#[tokio::test]
async fn the_first_message_of_the_ai_may_carry_the_disclosure_itself() {
    let talk = Talk::new();
    let decision = talk.decision().await;
    let text = format!("{TOLD}\nWhich charger?");
    let message = talk.tell(Talk::to_client(&text, "a"), Some(decision)).await;
    talk.discloses(Talk::naming(message)).await;
    assert_eq!(talk.verdict().await, ("sent_before".to_owned(), vec![]));
    talk.report("a", "delivered", 5).await;
    assert_eq!(talk.verdict().await, ("delivered_before".to_owned(), vec![]));
}

#[tokio::test]
async fn each_vendor_is_a_person_of_its_own() {
    let talk = Talk::new();
    let decision = talk.decision().await;
    for vendor in ["v1", "v2"] {
        talk.tell(Talk::to_vendor(vendor, vendor), Some(decision)).await;
        if vendor == "v1" {
            // By the provider's id alone.
            let provider_message_id = Some(wamid(vendor));
            talk.discloses(DisclosureInput {
                provider_message_id,
                ..DisclosureInput::of(TOLD, "en")
            })
            .await;
        } else {
            talk.report("v2", "delivered", 4).await;
        }
    }
    let (verdicts, findings) = talk.said().await;
    assert_eq!(verdicts, ["never", "sent_before", "never"]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].ends_with("to vendor v2 is event 4"), "{findings:?}");
}

#[tokio::test]
async fn a_pack_tells_messages_apart_and_shows_no_id_of_whatsapp() {
    let talk = Talk::new();
    talk.informs("d").await;
    talk.asks("a").await;
    talk.report("d", "delivered", 5).await;
    for pack in both_packs(&*talk.store, &talk.teller.request).await {
        let messages = &pack["conversation"]["content"];
        assert_eq!(messages[0]["delivery"]["status"], "delivered");
        assert_eq!(messages[1]["delivery"], json!(null), "that report is on the other message");
        assert!(!pack.to_string().contains("HBgM"), "the id holds the client's number");
    }
}
