//! The section `reversal` of a pack: the plan with its progress, which a verifier computes again.

use moltbot_audit::pack::{Verdict, export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::{Actor, Effect, EventId, EventType};
use serde_json::{Value, json};

use super::{Teller, World};
use crate::support::forger::{Chain, Forger};
use crate::support::records::KEY;
use crate::support::stores;

async fn pack(teller: &Teller, profile: &Profile) -> Value {
    let pack = export_request_pack(&*teller.store, &teller.request, profile).await;
    let json = pack.expect("the request is known").to_json_pretty();
    let verified = verify_request_pack(json.as_bytes()).expect("it is as recorded");
    assert_eq!(verified.verdict(), Verdict::Intact, "{:?}", verified.unchecked());
    serde_json::from_str(&json).expect("JSON")
}

fn progress(pack: &Value) -> Vec<(&str, &str)> {
    let steps = pack["reversal"]["content"]["steps"].as_array().expect("steps");
    steps
        .iter()
        .map(|step| {
            (step["event_type"].as_str().expect("a type"), step["progress"].as_str().expect("one"))
        })
        .collect()
}

#[tokio::test]
async fn both_packs_show_the_plan_and_its_progress() {
    let fresh = stores::sqlite().await;
    let teller = Teller::on(fresh.store.clone());
    teller.whole_request().await;
    for _ in 0..2 {
        let internal = pack(&teller, &Profile::internal()).await;
        let external = pack(&teller, &Profile::external(&KEY)).await;
        assert_eq!(progress(&internal), progress(&external));
        let of_live: Vec<_> = teller.plan().await.steps.iter().map(|step| json!(step)).collect();
        assert_eq!(internal["reversal"]["content"]["steps"], json!(of_live));
        teller.undo(&World::default()).await;
    }
    let external = pack(&teller, &Profile::external(&KEY)).await;
    let undo = &external["reversal"]["content"]["undos"][0];
    assert_eq!(undo["reason"], "[hidden]", "what an operator wrote concerns no outsider");
    let acts = external["explanation"]["content"]["human_acts"].as_array().expect("a list");
    assert_eq!(acts[0]["event_type"], "effect.undo_started");
    assert_eq!(external["explanation"]["content"]["findings"], json!([]));
    drop(fresh.keep);
}

#[tokio::test]
async fn a_request_in_which_nothing_was_done_has_nothing_to_undo() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    let inbound =
        moltbot_audit::AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    teller.record(inbound).await;
    assert_eq!(pack(&teller, &Profile::internal()).await["reversal"], json!({ "status": "empty" }));
}

#[tokio::test]
async fn a_forged_plan_is_found() {
    let fresh = stores::sqlite().await;
    let teller = Teller::on(fresh.store.clone());
    teller.whole_request().await;
    let genuine = pack(&teller, &Profile::internal()).await;
    for (member, forged) in [
        ("progress", json!("done")),
        ("reversal", json!("final")),
        ("until", json!("2126-01-01T00:00:00Z")),
        ("way", json!([])),
        ("why", json!("nothing can be done")),
        ("undone_by", json!(uuid::Uuid::nil())),
    ] {
        for step in [0, 6] {
            let mut pack = genuine.clone();
            pack["reversal"]["content"]["steps"][step][member] = forged.clone();
            if pack != genuine {
                let error = verify_request_pack(pack.to_string().as_bytes());
                assert!(error.is_err(), "{member} of step {step}");
            }
        }
    }
    let mut without = genuine.clone();
    without["reversal"] = json!({ "status": "empty" });
    assert!(verify_request_pack(without.to_string().as_bytes()).is_err());
    // An event that says that it was undone is sealed with the others.
    let mut forger = Forger::of(&genuine);
    let admitted = forger.first("effect.admitted");
    forger.pack["events"][admitted]["input"]["value"]["reversal"] = json!("reversible");
    assert!(forger.verify(Chain::Untouched).is_err());
    drop(fresh.keep);
}

#[tokio::test]
async fn compensations_that_contradict_the_record_are_findings() {
    let fresh = stores::sqlite().await;
    let teller = Teller::on(fresh.store.clone());
    teller.run(Teller::outreach("v1")).await;
    let act = teller.plan().await.steps[0].act_id;
    let act = EventId::from_uuid(act).expect("an id");
    let unknown = teller.auditor.event_id().expect("an id");
    let told = |reverses| {
        Effect::custom(EventType::VENDOR_OUTREACH_WITHDRAWN, Actor::Admin, json!({ "n": 1 }))
            .reverses(reverses)
    };
    for reverses in [act, act, unknown] {
        teller.run(told(reverses)).await;
    }
    let pack = pack(&teller, &Profile::internal()).await;
    let findings = pack["explanation"]["content"]["findings"].as_array().expect("a list");
    let what: Vec<_> = findings.iter().filter_map(|finding| finding["what"].as_str()).collect();
    let twice = format!("it reverses {act} again, as event 3 did");
    let of_nothing = format!("it reverses {unknown}, which nothing before it in the request is");
    assert_eq!(what, [twice, of_nothing]);
    drop(fresh.keep);
}
