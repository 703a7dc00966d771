//! A comparison in a pack, and in the system's stream.

use std::sync::Arc;

use moltbot_audit::pack::{RequestPack, verify_request_pack};
use moltbot_audit::reconcile::{
    Reconciled, export_reconciled, reconcile_period, record_reconciled,
};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditSink as _;
use moltbot_audit::testing::assert_no_personal_data;
use moltbot_audit::{Auditor, Switch};
use serde_json::{Value, json};

use super::planted::Trail;
use super::world::{Case, World};
use crate::support::records::KEY;

async fn exported(world: &World, case: &Case, profile: &Profile) -> Value {
    let auditor = Auditor::builder(Arc::new(world.store.clone()), KEY).build();
    let request = KEY.request_id(&case.id("request")).expect("a UUID");
    let host = world.store.host_tables();
    let pack: RequestPack =
        export_reconciled(&auditor, &world.store, &host, &request, profile, "Aline")
            .await
            .expect("exportable");
    let json = pack.to_json_pretty();
    verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
    serde_json::from_str(&json).expect("JSON")
}

#[tokio::test]
async fn a_pack_says_what_the_tables_said_to_each_reader_and_no_one_can_change_it() {
    let world = World::new().await;
    let sql = "update moltbot_marketplace_requests set state = 'closed' where id = '{request}';
        update moltbot_ocr_jobs set confidence = 0.4 where id = '{job}';
        update moltbot_conversation_messages set body = 'Ni 0788 123 456' where provider_message_id = '{outbound}'";
    let case = world.plant(1, Trail::AsItWas, sql).await;
    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let pack = exported(&world, &case, &profile).await;
        let section = &pack["reconciliation"];
        assert_eq!(section["status"], "recorded");
        let content = &section["content"];
        assert_eq!((&content["errors"], &content["warnings"]), (&json!(3), &json!(0)));
        assert_eq!(content["by"]["how"], "claimed");
        let findings = content["findings"].as_array().expect("a list");
        let told: Vec<_> = findings
            .iter()
            .map(|one| (one["code"].as_str(), one["subject"].as_str(), one["aspect"].as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (Some("differs"), Some("message"), Some("text")),
                (Some("differs"), Some("request"), Some("state")),
                (Some("differs"), Some("ocr_job"), Some("confidence")),
            ]
        );
        let state = &findings[1];
        assert_eq!((&state["trail"], &state["tables"]), (&json!("handed_off"), &json!("closed")));
        assert_eq!(
            state["sentence"],
            "the request: its state is handed_off in the trail and closed in the tables"
        );
        assert_eq!((&findings[2]["trail"], &findings[2]["tables"]), (&json!(0.91), &json!(0.4)));
        assert!(findings.iter().all(|one| one["is_event_known"] == true));
        // The host's id of a row is its own business.
        let is_shown = state["row_id"] == case.id("request").as_str();
        assert_eq!(is_shown, profile.name() == "internal");
        assert_no_personal_data(&section.to_string());

        for (pointer, forged) in [
            ("/reconciliation/content/errors", json!(0)),
            ("/reconciliation/content/findings", json!([])),
            ("/reconciliation/content/findings/1/tables", json!("handed_off")),
            (
                "/reconciliation",
                json!({ "status": "not_recorded", "reason": "the host's own tables were not compared" }),
            ),
        ] {
            let mut pack = pack.clone();
            *pack.pointer_mut(pointer).expect(pointer) = forged;
            let fault = verify_request_pack(pack.to_string().as_bytes()).expect_err(pointer);
            assert!(fault.to_string().contains("section reconciliation"), "{pointer}: {fault}");
        }
    }
    // The second comparison is in the second pack, and neither counts as an act in the request.
    let pack = exported(&world, &case, &Profile::internal()).await;
    assert_eq!(pack["reconciliation"]["content"]["comparisons"], 3);
    let acts = pack["explanation"]["content"]["human_acts"].as_array().map(Vec::len);
    assert_eq!(acts.unwrap_or_default(), 0);
}

#[tokio::test]
async fn the_last_comparison_of_a_period_is_found_among_other_events() {
    let world = World::new().await;
    world.plant(1, Trail::AsItWas, "delete from moltbot_ocr_jobs where id = '{job}'").await;
    let store = world.store.admission().expect("a store that decides");
    assert!(store.last_reconciled().await.expect("readable").is_none());
    let auditor = Auditor::builder(Arc::new(world.store.clone()), KEY).build();
    let host = world.store.host_tables();
    let period = world.period();
    let report = reconcile_period(&world.store, &host, period, world.later(), |_| {});
    let report = report.await.expect("both sides can be read");
    record_reconciled(&auditor, period, &Reconciled::default(), "Aline").await.expect("recorded");
    record_reconciled(&auditor, period, &report, "Aline").await.expect("recorded");
    auditor.kill_switch().engage(&Switch::AI, "Aline", "a drill").await.expect("set");
    let last = store.last_reconciled().await.expect("readable").expect("there are two");
    assert_eq!(
        (&last.output["errors_found"], &last.output["warnings_found"]),
        (&json!(1), &json!(0))
    );
}
