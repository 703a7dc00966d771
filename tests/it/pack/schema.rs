//! `docs/pack.schema.json` is what the types say, and what packs are.

use std::path::Path;
use std::sync::Arc;

use moltbot_audit::auditor::Host;
use moltbot_audit::event::payload::{
    Reconciled, ReconciledFinding, ReconciledInput, ReconciledOutput, ReconciledSide,
};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditSink;
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
use serde_json::json;

use super::story::tell_story;
use super::{KEY, export};
use crate::support::forger::Forger;
use crate::support::records::named_conversation;
use crate::support::schema::validate;
use crate::support::signing::signer;
use crate::support::stores;

/// As for the list of public items: writes the file again.
const REWRITE: &str = "MOLTBOT_AUDIT_REWRITE";

#[cfg(feature = "schema")]
#[test]
fn the_schema_in_the_documents_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pack.schema.json");
    let generated = moltbot_audit::pack::schema();
    let text = serde_json::to_string_pretty(&generated).expect("JSON") + "\n";
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, &text).expect("our own file");
    }
    let stored = std::fs::read_to_string(&path).expect("docs/pack.schema.json");
    let first = stored.lines().zip(text.lines()).find(|(stored, generated)| stored != generated);
    assert!(
        stored == text,
        "docs/pack.schema.json is not what the types say; if that is meant, write it again with {REWRITE}=1, and say \
         it in CHANGELOG.md; the first difference: {first:?}"
    );
}

/// Writers, a takeover, a comparison with the host's tables, payloads of another shape, an event that is set aside, and
/// a signature.
#[tokio::test]
async fn a_pack_with_all_that_is_rare_has_the_form_of_the_schema() {
    let fresh = stores::sqlite().await;
    let sink: Arc<dyn AuditSink> = fresh.store.clone();
    let teller = tell_story(sink).await;
    let host = Host::new("orchestrator", "1.4.2").works_by("prompt:planner", "You are Moltbot");
    let auditor = Auditor::builder(fresh.store.clone(), KEY).host(host).build();
    let conversation = named_conversation("conv_story_1");
    auditor.takeover(&conversation, "Keza", "upset", None).await.expect("taken over");
    auditor.release(&conversation, "Keza", "calm").await.expect("given back");
    let odd = [
        EventType::WHATSAPP_INBOUND_RECEIVED,
        EventType::VENDOR_OUTREACH_SENT,
        EventType::VENDOR_REPLY_RECORDED,
        EventType::REQUEST_STATE_CHANGED,
        EventType::SHORTLIST_HANDOFF,
        EventType::MOLTBOT_CALLED,
        EventType::OCR_JOB_CREATED,
        EventType::CALL_CONSENT_GRANTED,
        EventType::CALL_STARTED,
    ];
    for event_type in odd {
        let event = AuditEvent::new(event_type, Actor::System).request(&teller.request);
        let event = event.conversation(&conversation).input(json!([1, "odd"])).output(json!("odd"));
        auditor.record(event).await.expect("recorded");
    }
    let side = |word: &str| ReconciledSide { side_word: Some(word.into()), ..Default::default() };
    let finding = ReconciledFinding {
        finding_code: Some("differs".into()),
        severity: Some("error".into()),
        subject: Some("request".into()),
        aspect: Some("state".into()),
        said_by_trail: Some(side("handed_off")),
        said_by_tables: Some(side("searching")),
        ..Default::default()
    };
    let found = ReconciledOutput { findings: vec![finding], ..Default::default() };
    teller.typed::<Reconciled>(Actor::Admin, ReconciledInput::default(), found).await;

    let pack = export(&*fresh.store, &teller.request, &Profile::internal()).await;
    let mut forger = Forger::of(&serde_json::to_value(&pack).expect("JSON"));
    forger.set_aside(forger.first("call.started"), "unreadable");
    let aside = forger.resealed();
    let mut signed = pack;
    signed.sign(&signer(1));
    let said = validate([&serde_json::to_value(signed).expect("JSON"), &aside]);
    assert!(said.starts_with("2 packs are valid; "), "{said}");
    for (place, what) in [
        ("/writers/content/0/said/program", "a writer"),
        ("/switch_events/0/header", "a takeover"),
        ("/reconciliation/content/findings/0/code", "a comparison"),
        ("/set_aside/0/reason", "an event that is set aside"),
    ] {
        assert!(aside.pointer(place).is_some(), "the pack has no {what}");
    }
}
