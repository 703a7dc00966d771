//! What became of Moltbot's outputs.

use moltbot_audit::EventType;
use serde_json::json;

use super::{event, pack_of, refused};

#[tokio::test]
async fn a_blocked_output_is_told_with_its_reasons() {
    let call = || event(EventType::MOLTBOT_CALLED, json!({}), json!({}));
    let blocked = |output| event(EventType::MOLTBOT_OUTPUT_BLOCKED, json!({}), output);
    let pack = pack_of(vec![
        call(),
        refused(blocked(json!({ "warnings": ["deposit"], "fallback": "escalate" }))),
        call(),
        blocked(json!({ "reason": "unsafe_link" })),
        call(),
        blocked(json!({})),
    ])
    .await;
    let judgement = |at: usize| pack["moltbot_decisions"]["content"][at]["judgement"].clone();
    assert_eq!(judgement(0)["verdict"], "blocked");
    assert_eq!(judgement(0)["reasons"], json!(["deposit"]));
    assert_eq!(judgement(0)["fallback"], "escalate");
    assert_eq!(judgement(0)["source"]["seq"], 2);
    assert_eq!(judgement(1)["reasons"], json!(["unsafe_link"]));
    assert_eq!(
        (&judgement(2)["verdict"], &judgement(2)["reasons"]),
        (&json!("blocked"), &json!([]))
    );
}

#[tokio::test]
async fn the_last_judgement_of_a_call_stands_whatever_its_type() {
    let call = || event(EventType::MOLTBOT_CALLED, json!({}), json!({}));
    let judged = |event_type| event(event_type, json!({}), json!({}));
    let pack = pack_of(vec![
        call(),
        judged(EventType::MOLTBOT_OUTPUT_ACCEPTED),
        judged(EventType::MOLTBOT_OUTPUT_REJECTED),
        call(),
        judged(EventType::MOLTBOT_OUTPUT_REJECTED),
        judged(EventType::MOLTBOT_OUTPUT_ACCEPTED),
        call(),
        judged(EventType::MOLTBOT_OUTPUT_ACCEPTED),
        judged(EventType::MOLTBOT_OUTPUT_BLOCKED),
    ])
    .await;
    let decisions = pack["moltbot_decisions"]["content"].as_array().expect("a list").iter();
    let verdicts: Vec<_> =
        decisions.map(|decision| decision["judgement"]["verdict"].clone()).collect();
    assert_eq!(verdicts, ["rejected", "accepted", "blocked"]);
}
