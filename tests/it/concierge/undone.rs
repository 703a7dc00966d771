//! A request that is undone, against what was written by hand before the code (`tests/undos`).

use std::path::Path;

use moltbot_audit::pack::{Verdict, export_request_pack, verify_request_pack};
use moltbot_audit::record::StoredRecord;
use moltbot_audit::redact::Profile;
use serde_json::{Value, json};

use super::simulation::world::{Kind, Went};
use super::{Played, scenario_file};
use crate::support::records::KEY;
use crate::support::stores;

fn by_hand(scenario: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/undos");
    let text = std::fs::read_to_string(folder.join(format!("{scenario}.json"))).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// Each compensation of the trail: what, whom or which state, and whether it succeeded.
fn compensations(trail: &[StoredRecord]) -> Vec<Value> {
    let of_intent = |intent: &StoredRecord| {
        let said = intent.input.as_ref().filter(|said| said["reverses"].is_string())?;
        let is_outcome = |record: &&StoredRecord| said["effect_id"] == json!(record.header.id);
        let outcome = trail.iter().find(is_outcome).expect("it ended");
        let input = outcome.input.as_ref().expect("an input");
        let whom = ["vendor_id", "to_state"].iter().find_map(|name| input[*name].as_str());
        let whom = whom.unwrap_or(if input["to_phone"].is_string() { "client" } else { "" });
        Some(json!([said["effect"], whom, outcome.header.outcome == "succeeded"]))
    };
    trail.iter().filter_map(of_intent).collect()
}

#[tokio::test]
async fn a_request_is_undone_as_was_written_by_hand() {
    let expected = by_hand("undone_request");
    let fresh = stores::sqlite().await;
    let played = Played::on(&scenario_file("undone_request"), fresh.store.clone()).await;
    assert_eq!(json!(compensations(&played.trail)), expected["reached"]);
    // The world saw the same, and nothing else after the handoff.
    let is_undo = |went: &&Went| went.kind == Kind::VendorWithdrawal;
    let told: Vec<_> =
        played.ledger.iter().filter(is_undo).map(|went| (&*went.to[1], went.succeeded)).collect();
    assert_eq!(told, [("shop_a", false), ("shop_b", true), ("shop_a", true)]);
    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let pack = export_request_pack(&*fresh.store, &played.requests[0], &profile).await;
        let json = pack.expect("known").to_json_pretty();
        let verified = verify_request_pack(json.as_bytes()).expect("it is as recorded");
        let pack: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(pack["request"]["content"]["snapshot"]["state"], expected["state"]);
        let is_external = profile.name() == "external";
        let undos = pack["reversal"]["content"]["undos"].as_array().expect("a list");
        let undos =
            undos.iter().map(|undo| json!([undo["by"]["who"], undo["by"]["how"], undo["reason"]]));
        let steps = pack["reversal"]["content"]["steps"].as_array().expect("a list");
        let steps = steps.iter().map(|step| {
            let state =
                played.trail.iter().find(|record| step["event_id"] == json!(record.header.id));
            let state = state.and_then(|record| record.input.as_ref()?.get("to_state")?.as_str());
            let vendor = step["vendor_id"].as_str().filter(|_| !is_external);
            let whom = state.or(vendor).unwrap_or_default();
            json!([step["event_type"], whom, step["reversal"], step["progress"]])
        });
        let mut wanted = expected["progress"].clone();
        if is_external {
            // Pseudonyms of the vendors.
            for step in wanted.as_array_mut().expect("a list") {
                if step[0] == "vendor.outreach_sent" {
                    step[1] = json!("");
                }
            }
        } else {
            assert_eq!(json!(undos.collect::<Vec<_>>()), expected["undos"]);
            assert_eq!(verified.verdict(), Verdict::Intact, "{:?}", verified.unchecked());
        }
        assert_eq!(json!(steps.collect::<Vec<_>>()), wanted);
        assert_eq!(pack["explanation"]["content"]["findings"], json!([]));
    }
}
