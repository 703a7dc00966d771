//! How far each message came is read from the provider's reports, however they arrive.

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::event::payload::{
    MessageStatusInput, MessageStatusOutput, OutboundInput, OutboundOutput, OutreachInput,
    OutreachOutput, VendorOutreachSent, WhatsappOutboundSent, WhatsappStatusUpdated,
};
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use crate::pack::both_packs;
use crate::pack::story::Teller;
use crate::support::stores;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_790_000_000 + second)
}

async fn to_client(teller: &Teller, id: &str) {
    let input = OutboundInput { text: Some("Muraho".into()), ..Default::default() };
    let output = OutboundOutput { provider_message_id: Some(id.into()), ..Default::default() };
    teller.typed::<WhatsappOutboundSent>(Actor::System, input, output).await;
}

async fn to_vendor(teller: &Teller, vendor: &str, id: &str) {
    let input = OutreachInput { vendor_id: vendor.into(), ..Default::default() };
    let output = OutreachOutput { provider_message_id: Some(id.into()), ..Default::default() };
    teller.typed::<VendorOutreachSent>(Actor::System, input, output).await;
}

async fn report(teller: &Teller, id: &str, status: &str, second: i64) {
    let input = MessageStatusInput {
        provider_message_id: Some(id.into()),
        original_status: Some(status.into()),
        reported_at: Some(at(second)),
        ..Default::default()
    };
    let output = MessageStatusOutput { status: Some(status.into()), ..Default::default() };
    teller.typed::<WhatsappStatusUpdated>(Actor::System, input, output).await;
}

/// The deliveries of the messages to the client and to vendors, in order.
fn deliveries(pack: &Value) -> Vec<Value> {
    let to_client = pack["conversation"]["content"].as_array().into_iter().flatten();
    let to_vendors = pack["vendor_outreach"]["content"]["sent"].as_array().into_iter().flatten();
    to_client.chain(to_vendors).map(|message| message["delivery"].clone()).collect()
}

/// What a delivery says, without its reports: these count.
fn said(delivery: &Value) -> Value {
    let reports = delivery["reports"].as_array().map(Vec::len);
    let times = ["delivered_at", "read_at", "failed_at"].map(|name| delivery[name].clone());
    json!([delivery["status"], times, reports])
}

#[tokio::test]
async fn a_message_came_as_far_as_the_furthest_report_says_in_whatever_order_they_come() {
    let fresh = stores::sqlite().await;
    let teller = Teller::new(fresh.store.clone());
    // A report may overtake the event of its message.
    report(&teller, "wamid.A1", "sent", 1).await;
    for id in ["wamid.A1", "wamid.A2", "wamid.A3"] {
        to_client(&teller, id).await;
    }
    to_vendor(&teller, "v-1", "wamid.B1").await;
    to_vendor(&teller, "v-2", "wamid.B2").await;
    for (id, status, second) in [
        ("wamid.A1", "read", 9),
        ("wamid.A1", "delivered", 5),
        ("wamid.A1", "delivered", 6),
        ("wamid.A2", "read", 30),
        ("wamid.B1", "failed", 12),
        ("wamid.B2", "warped", 13),
        // Of a message that the host sent under a type of its own.
        ("wamid.C1", "delivered", 14),
    ] {
        report(&teller, id, status, second).await;
    }
    for pack in both_packs(&*fresh.store, &teller.request).await {
        let told: Vec<_> = deliveries(&pack).iter().map(said).collect();
        assert_eq!(
            told,
            [
                json!(["read", [at(5), at(9), null], 4]),
                json!(["read", [at(30), at(30), null], 1]),
                json!([null, [null, null, null], null]),
                json!(["failed", [null, null, at(12)], 1]),
                json!([null, [null, null, null], 1]),
            ],
        );
        assert_eq!(pack["explanation"]["content"]["findings"], json!([]));
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn a_message_that_failed_and_was_delivered_is_a_finding_once() {
    let fresh = stores::sqlite().await;
    let teller = Teller::new(fresh.store.clone());
    to_client(&teller, "wamid.A1").await;
    for (status, second) in
        [("sent", 1), ("failed", 2), ("delivered", 3), ("read", 4), ("failed", 5)]
    {
        report(&teller, "wamid.A1", status, second).await;
    }
    for pack in both_packs(&*fresh.store, &teller.request).await {
        assert_eq!(deliveries(&pack)[0]["status"], "read");
        let findings = pack["explanation"]["content"]["findings"].as_array().expect("a list");
        assert_eq!((findings.len(), &findings[0]["seq"]), (1, &json!(4)));
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn a_report_of_another_shape_is_shown_as_it_is() {
    let fresh = stores::sqlite().await;
    let teller = Teller::new(fresh.store.clone());
    to_client(&teller, "wamid.A1").await;
    let odd = json!({ "provider_message_id": "wamid.A1", "reported_at": "yesterday" });
    let report = AuditEvent::new(EventType::WHATSAPP_STATUS_UPDATED, Actor::System);
    teller.tell(report.input(odd.clone()).output(json!({ "status": "delivered" }))).await;
    let [internal, external] = both_packs(&*fresh.store, &teller.request).await;
    let delivery = &deliveries(&internal)[0];
    assert_eq!(said(delivery), json!(["delivered", [null, null, null], 1]));
    assert_eq!(delivery["reports"][0]["other_shape"]["input"], odd);
    assert_eq!(said(&deliveries(&external)[0]), said(delivery));
    drop(fresh.keep);
}
