//! What became of Moltbot's outputs.

use std::sync::Arc;

use chrono::DateTime;
use moltbot_audit::{ErrorCode, EventId, EventType, Outcome};
use serde_json::{Value, json};

use super::{event, findings, pack_of, refused};
use crate::pack::{both_packs, story};
use crate::support::forging::ForgingStore;

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
    let calls = &pack["moltbot_decisions"]["content"]["calls"];
    let judgement = |at: usize| calls[at]["judgements"][0].clone();
    assert_eq!(judgement(0)["verdict"], "blocked");
    assert_eq!(judgement(0)["reasons"], json!(["deposit"]));
    assert_eq!(judgement(0)["fallback"], "escalate");
    assert_eq!(judgement(0)["seq"], 2);
    assert_eq!(judgement(1)["reasons"], json!(["unsafe_link"]));
    assert_eq!(
        (&judgement(2)["verdict"], &judgement(2)["reasons"]),
        (&json!("blocked"), &json!([]))
    );
}

#[tokio::test]
async fn every_judgement_of_a_call_is_told_in_its_order_and_two_that_differ_are_a_finding() {
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
    let calls = pack["moltbot_decisions"]["content"]["calls"].as_array().expect("a list").iter();
    let verdicts: Vec<_> =
        calls.map(|call| [0, 1].map(|at| call["judgements"][at]["verdict"].clone())).collect();
    assert_eq!(
        verdicts,
        [["accepted", "rejected"], ["rejected", "accepted"], ["accepted", "blocked"]]
    );
    let found = findings(&pack);
    assert_eq!(
        found,
        [
            "3: the output of event 1 is rejected, and event 2 says accepted",
            "6: the output of event 4 is accepted, and event 5 says rejected",
            "9: the output of event 7 is blocked, and event 8 says accepted",
        ]
    );
}

#[tokio::test]
async fn a_judgement_goes_to_the_call_it_names_and_to_no_other() {
    let store = Arc::new(ForgingStore::default());
    let teller = story::Teller::new(store.clone());
    let action = json!({ "action": { "type": "ask_client", "why": "to know" } });
    let call = || event(EventType::MOLTBOT_CALLED, json!({}), action.clone());
    let judged =
        |event_type, call: &str| event(event_type, json!({ "moltbot_event_id": call }), json!({}));
    let unknown = "01000000-0000-7000-8000-000000000000";
    let early = event(EventType::MOLTBOT_OUTPUT_ACCEPTED, json!({}), json!({}));
    teller.tell(early).await;
    let a = teller.tell(call()).await;
    let b = teller.tell(call()).await;
    teller.tell(judged(EventType::MOLTBOT_OUTPUT_REJECTED, &a)).await;
    teller.tell(judged(EventType::MOLTBOT_OUTPUT_ACCEPTED, unknown)).await;
    teller.tell(judged(EventType::MOLTBOT_OUTPUT_ACCEPTED, &b)).await;
    for pack in both_packs(&*store, &teller.request).await {
        let content = &pack["moltbot_decisions"]["content"];
        let seqs = |list: &Value| {
            let list = list.as_array().expect("a list").iter();
            list.map(|judgement| judgement["seq"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(seqs(&content["calls"][0]["judgements"]), [4], "a is rejected, and no more");
        assert_eq!(seqs(&content["calls"][1]["judgements"]), [6]);
        assert_eq!(seqs(&content["unmatched_judgements"]), [1, 5]);
        assert_eq!(
            findings(&pack),
            [
                "1: it judges an output, and no moltbot.called event stands before it",
                "5: it judges an output of a moltbot.called event that the request does not have",
            ]
        );
    }
}

#[tokio::test]
async fn an_output_is_judged_after_it_is_there_and_only_if_there_is_one() {
    let id = EventId::new(DateTime::from_timestamp(1_790_000_900, 0).expect("a time"), 7);
    let id = id.expect("a time of this century");
    let named = json!({ "moltbot_event_id": id.to_string() });
    let failed = event(EventType::MOLTBOT_CALLED, json!({}), json!({}))
        .id(id)
        .ended(Outcome::Failed, ErrorCode::ProviderError);
    let early = event(EventType::MOLTBOT_OUTPUT_ACCEPTED, named, json!({}));
    let found = findings(&pack_of(vec![early, failed]).await);
    assert_eq!(
        found,
        [
            "1: the output of event 2 is accepted before it was there",
            "1: the output of event 2 is accepted, and that call did not succeed",
        ]
    );
}

#[tokio::test]
async fn a_decision_that_was_used_without_a_reason_is_a_finding() {
    let call =
        |action: Value| event(EventType::MOLTBOT_CALLED, json!({}), json!({ "action": action }));
    let rejected = event(EventType::MOLTBOT_OUTPUT_REJECTED, json!({}), json!({}));
    let found = findings(
        &pack_of(vec![
            call(json!({ "type": "vendor_outreach_plan", "why": null })),
            call(json!({ "type": "shortlist" })),
            call(json!({ "type": "ask_client", "why": " " })),
            call(json!({ "type": "ask_client", "why": "which cable?" })),
            call(json!({ "type": "escalate", "reason": "not safe" })),
            call(json!({ "type": "ask_client" })),
            rejected,
        ])
        .await,
    );
    assert_eq!(
        found,
        [
            "1: Moltbot gave no reason for its vendor_outreach_plan",
            "2: Moltbot gave no reason for its shortlist",
            "3: Moltbot gave no reason for its ask_client",
        ]
    );
}
