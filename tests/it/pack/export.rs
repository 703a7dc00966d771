//! What an export is made of: one request, whole, from one moment.

use moltbot_audit::pack::{ExportError, export_recorded, export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::json;

use super::{export, story};
use crate::support::records::{fresh_request, named_conversation, named_request, records};
use crate::support::stores;

#[tokio::test]
async fn a_pack_holds_only_its_own_request() {
    let fresh = stores::sqlite().await;
    let one = story::tell_story(fresh.store.clone()).await;
    let two = story::tell_story(fresh.store.clone()).await;
    // Of the same conversation, and of no request.
    let stray = AuditEvent::new(EventType::CLIENT_RATE_LIMIT_EXCEEDED, Actor::System)
        .conversation(&named_conversation("conv_story_1"));
    one.auditor().record(stray).await.expect("the store is up");
    let pack = export(&*fresh.store, &one.request, &Profile::internal()).await;
    assert!(!pack.events.is_empty());
    for event in &pack.events {
        assert_eq!(event.header.request_id, Some(one.request.uuid()));
    }
    assert!(!pack.to_json_pretty().contains(&two.request.to_string()));
    drop(fresh.keep);
}

#[tokio::test]
async fn a_pack_of_2500_events_is_complete() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    for batch in records(&request, 2_500).chunks(500) {
        fresh.store.append(batch).await.expect("the batch lands");
    }
    let pack = export(&*fresh.store, &request, &Profile::internal()).await;
    let verified = verify_request_pack(pack.to_json_pretty().as_bytes()).expect("it verifies");
    assert_eq!(verified.events(), 2_500);
    assert_eq!(verified.head().seq, 2_500);
    drop(fresh.keep);
}

#[tokio::test]
async fn exports_during_appends_are_whole_at_some_moment() {
    let fresh = stores::sqlite().await;
    let request = fresh_request();
    let writer = {
        let (store, batches) = (fresh.store.clone(), records(&request, 60));
        tokio::spawn(async move {
            for record in batches {
                store.append(&[record]).await.expect("the record lands");
            }
        })
    };
    let mut seen = Vec::new();
    while !writer.is_finished() || seen.is_empty() {
        match export_request_pack(&*fresh.store, &request, &Profile::internal()).await {
            Ok(pack) => {
                let json = pack.to_json_pretty();
                seen.push(verify_request_pack(json.as_bytes()).expect("it verifies").events());
            }
            Err(ExportError::UnknownRequest { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    writer.await.expect("all records land");
    assert!(seen.is_sorted() && seen[0] < 60, "exports met the writer at work: {seen:?}");
    drop(fresh.keep);
}

#[tokio::test]
async fn an_unknown_request_is_a_typed_error_and_stays_unknown() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let unknown = named_request("no-such-request");
    let internal = Profile::internal();
    for _ in 0..2 {
        let error = export_recorded(teller.auditor(), &*fresh.store, &unknown, &internal, "op-1");
        let error = error.await.expect_err("nothing is known of it");
        assert!(matches!(error, ExportError::UnknownRequest { .. }), "{error}");
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn a_recorded_export_shows_itself_in_the_pack() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let internal = Profile::internal();
    let pack =
        export_recorded(teller.auditor(), &*fresh.store, &teller.request, &internal, "auditor-7")
            .await
            .expect("the request is known");
    let last = pack.events.last().expect("events");
    assert_eq!(last.header.event_type, "pack.exported");
    assert_eq!(last.input.value["by"], json!({ "how": "claimed", "who": "auditor-7" }));
    assert_eq!(last.input.value["profile"], "internal");
    verify_request_pack(pack.to_json_pretty().as_bytes()).expect("it verifies");
    drop(fresh.keep);
}

#[tokio::test]
async fn the_same_stream_and_profile_give_the_same_bytes() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let external = Profile::external(&super::KEY);
    let once = export(&*fresh.store, &teller.request, &external).await.to_json_pretty();
    let twice = export(&*fresh.store, &teller.request, &external).await.to_json_pretty();
    assert_eq!(once, twice);
    drop(fresh.keep);
}

#[tokio::test]
async fn the_hosts_own_names_stay_in_the_record() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let fallback = named_request("fallback");
    let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&fallback);
    teller.auditor().record(event).await.expect("the store is up");
    let pack = export(&*fresh.store, &fallback, &Profile::internal()).await;
    assert_eq!(pack.events[0].host_ids.value, json!({ "request_id": "fallback" }));
    drop(fresh.keep);
}
