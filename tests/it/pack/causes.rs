//! Which event led to which: set by the host or by the effect around it, and checked by the verifier.

use std::sync::Arc;

use chrono::TimeDelta;
use moltbot_audit::auditor::{Clock as _, SystemClock, in_current_effect};
use moltbot_audit::event::payload::{BatchInput, MoltbotInput, OutreachInput};
use moltbot_audit::pack::verify_request_pack;
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use moltbot_audit::{Actor, AuditEvent, Auditor, Effect, EventId, EventType, RequestId, Switch};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{KEY, both_packs, export};
use crate::support::forger::{Chain, Forger};
use crate::support::records::fresh_request;
use crate::support::stores;

fn inbound(request: &RequestId) -> AuditEvent {
    AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
        .request(request)
        .input(json!({ "message_type": "text", "text": "Muraho" }))
}

fn plain(request: &RequestId) -> AuditEvent {
    AuditEvent::new(EventType::DISCOVERY_CALL, Actor::System).request(request)
}

async fn id_of(auditor: &Auditor, event: AuditEvent) -> EventId {
    let recorded = auditor.record(event).await.expect("it is recorded");
    EventId::from_uuid(recorded.event_id()).expect("an event id")
}

/// Type and cause of each event of a stream.
async fn causes(store: &dyn AuditStore, request: &RequestId) -> Vec<(String, Option<Uuid>)> {
    let records = stores::read(store, request).await.records;
    records.into_iter().map(|record| (record.header.event_type, record.header.caused_by)).collect()
}

/// A message that leads to a decision, which leads to a batch with one message inside.
async fn a_request(store: &Arc<dyn AuditStore>) -> (RequestId, EventId, EventId) {
    let request = fresh_request();
    let auditor = Auditor::builder(store.clone(), KEY).build();
    auditor.kill_switch().reset(&Switch::AI, "Keza", "a test").await.expect("reset");
    let message = id_of(&auditor, inbound(&request)).await;
    let decision = auditor.event_id().expect("an id");
    let call = Effect::moltbot_call(&MoltbotInput::default())
        .request(&request)
        .id(decision)
        .caused_by(message);
    let done = async || Ok::<_, String>(json!({ "action": "message_vendors" }));
    auditor.effect(call).run(done).await.expect("it may run");
    let batch = BatchInput { vendor_ids: vec!["v1".into()], ..Default::default() };
    let batch = Effect::vendor_batch(&batch).request(&request).caused_by(decision);
    let sent = auditor.effect(batch).run(async || {
        let input = OutreachInput { vendor_id: "v1".into(), ..Default::default() };
        let message = Effect::vendor_message(&input).request(&request);
        let done = async || Ok::<_, String>(json!({ "message_id": "m-1" }));
        auditor.effect(message).run(done).await.map_err(|error| error.to_string())?;
        auditor.record(plain(&request)).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(json!({}))
    });
    sent.await.expect("it may run");
    (request, message, decision)
}

#[tokio::test]
async fn what_an_effect_records_is_caused_by_its_admission() {
    let fresh = stores::sqlite().await;
    let (request, message, decision) = a_request(&fresh.store).await;
    let found = causes(&*fresh.store, &request).await;
    let admission = |nth: usize| {
        let records = found.iter().enumerate();
        records.filter(|(_, (event_type, _))| event_type == "effect.admitted").nth(nth).unwrap().0
    };
    let ids: Vec<_> = stores::read(&*fresh.store, &request).await.records;
    let batch = Some(ids[admission(1)].header.id);
    let (message, decision) = (Some(message.uuid()), Some(decision.uuid()));
    let expected = [
        ("whatsapp.inbound_received", None),
        ("effect.admitted", message),
        ("moltbot.called", message),
        ("effect.admitted", decision),
        ("effect.admitted", batch),
        ("vendor.outreach_sent", batch),
        ("discovery.call", batch),
        ("vendor.batch_sent", decision),
    ];
    let expected = expected.map(|(event_type, cause)| (event_type.to_owned(), cause));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_hosts_cause_stays_and_an_event_with_an_id_takes_none() {
    let fresh = stores::sqlite().await;
    let auditor = Auditor::builder(fresh.store.clone(), KEY).build();
    let request = fresh_request();
    let cause = id_of(&auditor, inbound(&request)).await;
    let id = auditor.event_id().expect("an id");
    let effect = Effect::custom(EventType::new("host.tried").unwrap(), Actor::System, json!({}));
    let ran = auditor.effect(effect.request(&request)).run(async || {
        auditor.record(plain(&request).caused_by(cause)).await.expect("recorded");
        // A retry elsewhere has to be the same event.
        auditor.record(plain(&request).id(id)).await.expect("recorded");
        let spawned = tokio::spawn({
            let (auditor, request) = (auditor.clone(), request.clone());
            async move { auditor.record(plain(&request)).await.map(drop) }
        });
        spawned.await.expect("no panic").expect("recorded");
        let carried = tokio::spawn(in_current_effect({
            let (auditor, request) = (auditor.clone(), request.clone());
            async move { auditor.record(plain(&request)).await.map(drop) }
        }));
        carried.await.expect("no panic").expect("recorded");
        Ok::<_, String>(json!({}))
    });
    ran.await.expect("it may run");
    assert!(auditor.record(plain(&request).id(id)).await.expect("the same event").is_duplicate());

    let records = stores::read(&*fresh.store, &request).await.records;
    let admitted = records.iter().find(|record| record.header.event_type == "effect.admitted");
    let admitted = admitted.expect("it was admitted").header.id;
    let found: Vec<_> = records
        .iter()
        .filter(|record| record.header.event_type == "discovery.call")
        .map(|record| record.header.caused_by)
        .collect();
    assert_eq!(found, [Some(cause.uuid()), None, None, Some(admitted)]);
}

#[tokio::test]
async fn packs_show_causes_in_the_header_and_in_each_section() {
    let fresh = stores::sqlite().await;
    let (request, message, decision) = a_request(&fresh.store).await;
    for pack in both_packs(&*fresh.store, &request).await {
        let calls = &pack["moltbot_decisions"]["content"]["calls"];
        assert_eq!(calls[0]["caused_by"], json!(message.uuid()), "{pack:#}");
        assert_eq!(calls[0]["event_id"], json!(decision.uuid()));
        let headers = pack["events"].as_array().expect("a list").iter();
        let causes = headers.filter(|event| event["header"]["caused_by"].is_string()).count();
        assert_eq!(causes, 7);
        // The vendor was not told of the AI, but every cause is in order.
        let findings = pack["explanation"]["content"]["findings"].as_array().expect("a list");
        assert!(
            !findings.iter().any(|one| one.to_string().contains("cause comes")),
            "{findings:?}"
        );
    }
}

#[tokio::test]
async fn a_cause_that_comes_later_is_a_finding_and_one_elsewhere_is_named() {
    let fresh = stores::sqlite().await;
    let auditor = Auditor::builder(fresh.store.clone(), KEY).build();
    let request = fresh_request();
    let later = auditor.event_id().expect("an id");
    auditor.record(inbound(&request).caused_by(later)).await.expect("recorded");
    auditor.record(plain(&request).id(later)).await.expect("recorded");
    let elsewhere = id_of(&auditor, inbound(&fresh_request())).await;
    auditor.record(plain(&request).caused_by(elsewhere)).await.expect("recorded");
    let tomorrow = SystemClock::new().now() + TimeDelta::hours(20);
    let future = EventId::new(tomorrow, 7).expect("a time");
    auditor.record(plain(&request).caused_by(future)).await.expect("recorded");

    let pack = export(&*fresh.store, &request, &Profile::internal()).await;
    let verified =
        verify_request_pack(pack.to_json_pretty().as_bytes()).expect("it is as recorded");
    let said = "2 events were caused by events of other streams, which this pack does not show";
    assert!(verified.remarks().iter().any(|remark| remark == said), "{:?}", verified.remarks());
    let pack: Value = serde_json::from_str(&pack.to_json_pretty()).expect("JSON");
    let findings = pack["explanation"]["content"]["findings"].as_array().expect("a list");
    let findings: Vec<_> = findings.iter().map(|one| (&one["seq"], &one["what"])).collect();
    let expected = [
        (&json!(1), &json!("its cause comes after it in the stream, at 2")),
        (&json!(4), &json!("its cause happened after it was recorded")),
    ];
    assert_eq!(findings, expected);
}

#[tokio::test]
async fn a_cause_cannot_be_changed_removed_or_made_up() {
    let fresh = stores::sqlite().await;
    let (request, message, decision) = a_request(&fresh.store).await;
    let [pack, _] = both_packs(&*fresh.store, &request).await;
    let forged = |cause: Value| {
        let mut forger = Forger::of(&pack);
        let event = forger.first("moltbot.called");
        forger.pack["events"][event]["header"]["caused_by"] = cause;
        forger.verify(Chain::Untouched).expect_err("it was changed").to_string()
    };
    for cause in [Value::Null, json!(Uuid::from_u128(7)), json!(decision.uuid())] {
        let said = forged(cause);
        assert!(said.contains("event 3 (moltbot.called"), "{said}");
    }
    assert!(forged(json!(decision.uuid())).contains("it names itself as its cause"));
    assert!(forged(json!(Uuid::from_u128(7))).contains("its cause is no event id"));
    let elsewhere = EventId::new(message.created_at(), 5).expect("a time");
    assert!(forged(json!(elsewhere.uuid())).contains("does not match its event hash"));
}
