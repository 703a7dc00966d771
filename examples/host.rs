//! The host of README.md, as it is printed there: `DATABASE_URL=postgres://… cargo run --example host`.

#![allow(clippy::print_stdout, reason = "an example prints")]

use moltbot_audit::event::payload::{MoltbotInput, MoltbotOutput};
use moltbot_audit::redact::{Profile, RedactionKey};
use moltbot_audit::{Actor, AuditEvent, Auditor, Effect, EventType, Switch, pack, store};

async fn ask_moltbot() -> Result<MoltbotOutput, std::io::Error> {
    Ok(MoltbotOutput::default()) // the host's own call to the model
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    // Applies the migrations.
    let auditor = Auditor::open(&url, RedactionKey::from_bytes([7; 32])).await?;
    // Every kill switch starts engaged. An operator resets it once, on the first day.
    auditor.kill_switch().reset(&Switch::AI, "Aline", "first day").await?;
    let request = auditor.request_id("d1a1c9de-52f6-4f0b-9f0a-3a1f6f0c9b77")?;

    // Something happened. `record` returns when the event is durable. Its id comes from the provider's
    // message id, so a webhook that is delivered twice, even to two processes, is one event.
    let inbound = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
        .id(auditor.message_event_id("wamid.HBgL1", "2026-03-02T07:15:00Z".parse()?)?)
        .request(&request)
        .input(serde_json::json!({ "message_type": "text", "text": "Muraho, ndashaka charger" }));
    let recorded = auditor.record(inbound).await?;
    println!("{}, seen before: {}", recorded.event_id(), recorded.is_duplicate());

    // Something is about to happen. `run` asks first, then records input, output, duration and outcome,
    // even if the call fails, panics or is cancelled.
    let input = MoltbotInput { model: Some("m-1".into()), attempt: Some(1), ..Default::default() };
    let effect =
        Effect::moltbot_call(&input).request(&request).idempotency_key("d1a1c9de:moltbot:1");
    let plan = auditor.effect(effect).run(ask_moltbot).await?;
    println!("Moltbot decided {:?}", plan.action);

    let store = store::connect(&url).await?;
    let exported = pack::export_request_pack(&*store, &request, &Profile::internal()).await?;
    std::fs::write("pack.json", exported.to_json_pretty())?;
    Ok(())
}
