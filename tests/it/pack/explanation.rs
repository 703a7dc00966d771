//! "Why did the bot pick these vendors?", answered from typed events.

use moltbot_audit::event::payload::{
    ShortlistGenerated, ShortlistInput, ShortlistItem, ShortlistOutput,
};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome};
use serde_json::{Value, json};

use super::sections::findings;
use super::{both_packs, story};
use crate::support::stores;

fn vendor<'a>(pack: &'a Value, vendor_id: &str) -> &'a Value {
    let vendors = pack["explanation"]["content"]["vendors"].as_array().expect("a list");
    vendors.iter().find(|vendor| vendor["vendor_id"] == vendor_id).expect("the vendor is told of")
}

fn event_type_of<'a>(pack: &'a Value, event_id: &Value) -> &'a Value {
    let events = pack["events"].as_array().expect("a list");
    let event = events.iter().find(|event| event["header"]["id"] == *event_id);
    &event.expect("the event is in the pack")["header"]["event_type"]
}

#[tokio::test]
async fn worked_example_totals_102_and_18_with_the_events_that_prove_it() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [pack, _] = both_packs(&*fresh.store, &teller.request).await;
    let a = &vendor(&pack, "vendor-a");
    assert_eq!(a["disposition"]["ended"], "shortlisted");
    assert_eq!(a["disposition"]["total"], 102.0);
    assert_eq!(a["disposition"]["factors"].as_array().map(Vec::len), Some(5));
    assert_eq!(a["reply"]["confidence"], 0.7);
    let b = &vendor(&pack, "vendor-b");
    assert_eq!(b["disposition"]["ended"], "left_out");
    assert_eq!(b["disposition"]["reason"], "better_alternatives");
    assert_eq!(b["disposition"]["total"], 18.0);
    for (event_id, event_type) in [
        (&a["disposition"]["source"]["event_id"], "shortlist.generated"),
        (&a["candidacies"][0]["event_id"], "vendor.candidates_selected"),
        (&a["contacted"]["event_id"], "vendor.outreach_sent"),
        (&a["reply"]["event_id"], "vendor.reply_recorded"),
        (&b["disposition"]["source"]["event_id"], "shortlist.generated"),
    ] {
        assert_eq!(event_type_of(&pack, event_id), event_type);
    }
    assert_eq!(pack["explanation"]["content"]["findings"], Value::Array(Vec::new()));
    drop(fresh.keep);
}

#[tokio::test]
async fn vendors_that_were_not_picked_say_why() {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [pack, external] = both_packs(&*fresh.store, &teller.request).await;
    assert_eq!(vendor(&pack, "vendor-c")["disposition"]["ended"], "not_contacted");
    let d = &vendor(&pack, "vendor-d")["disposition"];
    assert_eq!((&d["ended"], &d["reason"]), (&"not_eligible".into(), &"opted_out".into()));
    let selection = &pack["explanation"]["content"]["selections"][0];
    assert_eq!(selection["pool_size"], 4);
    let plan = &selection["moltbot_event_id"];
    assert_eq!(event_type_of(&pack, plan), "moltbot.called");
    let order = &pack["explanation"]["content"]["orders"][0];
    assert_eq!((&order["decided_by"], &order["follows_score"]), (&"rule".into(), &true.into()));

    // An outsider gets the same reasons, under keyed hashes that match across events.
    let told = |pack: &Value| -> Vec<(Value, Value)> {
        let vendors = pack["explanation"]["content"]["vendors"].as_array().cloned();
        let vendors = vendors.unwrap_or_default().into_iter();
        vendors.map(|v| (v["disposition"]["ended"].clone(), v["batch_number"].clone())).collect()
    };
    assert_eq!(told(&pack), told(&external));
    drop(fresh.keep);
}

#[tokio::test]
async fn invented_scores_and_an_order_against_them_are_findings() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let item = |vendor_id: &str, total| ShortlistItem {
        vendor_id: vendor_id.into(),
        total,
        factors: story::factors(&[("availability", 50.0), ("price", 10.0)]),
        ..Default::default()
    };
    let output = ShortlistOutput {
        items: vec![item("vendor-x", 60.0), item("vendor-y", 74.0)],
        decided_by: Some("moltbot".into()),
        ..Default::default()
    };
    teller.typed::<ShortlistGenerated>(Actor::System, ShortlistInput::default(), output).await;
    let [pack, _] = both_packs(&*fresh.store, &teller.request).await;
    let explanation = &pack["explanation"]["content"];
    assert_eq!(explanation["orders"][0]["follows_score"], false);
    assert_eq!(explanation["orders"][0]["items"][0]["rank_by_score"], 2);
    let findings = explanation["findings"].to_string();
    for finding in [
        "vendor-y: the shortlist score is not the sum of its factors",
        "vendor-x: it is on the shortlist without a reply",
        "decided by moltbot, is not that of the scores",
        "vendor-x: the shortlist speaks of it, and it was neither a candidate nor asked",
    ] {
        assert!(findings.contains(finding), "{findings}");
    }
    assert!(!findings.contains("vendor-x: the shortlist score"), "{findings}");
    drop(fresh.keep);
}

fn event(event_type: EventType, input: Value, output: Value) -> AuditEvent {
    AuditEvent::new(event_type, Actor::System).input(input).output(output)
}

fn sent(vendor_id: &str) -> AuditEvent {
    event(EventType::VENDOR_OUTREACH_SENT, json!({ "vendor_id": vendor_id }), json!({}))
}

#[tokio::test]
async fn a_vendor_whose_every_message_failed_was_not_reached() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let failed = |event: AuditEvent| event.ended(Outcome::Failed, ErrorCode::ProviderError);
    let send_failed = |vendor_id: &str| {
        event(EventType::WHATSAPP_SEND_FAILED, json!({ "vendor_id": vendor_id }), json!({}))
    };
    teller.tell(failed(sent("vendor-a"))).await;
    let last_try = teller.tell(failed(send_failed("vendor-a"))).await;
    // Some hosts report a failure as a fact that succeeded in being noticed.
    teller.tell(send_failed("vendor-b")).await;
    let got_through = teller.tell(sent("vendor-c")).await;
    teller.tell(failed(send_failed("vendor-c"))).await;
    let [pack, _] = both_packs(&*fresh.store, &teller.request).await;
    let ended = |vendor_id| &vendor(&pack, vendor_id)["disposition"];
    assert_eq!(ended("vendor-a")["ended"], "not_reached");
    assert_eq!(ended("vendor-a")["source"]["event_id"], last_try);
    assert_eq!(ended("vendor-b")["ended"], "not_reached");
    assert_eq!(ended("vendor-c")["ended"], "no_reply");
    assert_eq!(vendor(&pack, "vendor-c")["contacted"]["event_id"], got_through);
    let told = pack["vendor_outreach"]["content"]["sent"].as_array().expect("a list").iter();
    let went_out: Vec<_> = told.map(|outreach| outreach["went_out"].clone()).collect();
    assert_eq!(went_out, [false, false, false, true, false]);
    drop(fresh.keep);
}

#[tokio::test]
async fn replies_alone_are_explained() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let reply = json!({ "vendor_id": "vendor-a" });
    teller.tell(event(EventType::VENDOR_REPLY_RECORDED, reply, json!({}))).await;
    let [pack, _] = both_packs(&*fresh.store, &teller.request).await;
    assert_eq!(pack["explanation"]["status"], "recorded");
    assert_eq!(vendor(&pack, "vendor-a")["disposition"]["ended"], "not_ranked");
    drop(fresh.keep);
}

#[tokio::test]
async fn evidence_that_is_not_what_it_is_named_as_is_a_finding_for_every_reader() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let call = teller.tell(event(EventType::MOLTBOT_CALLED, json!({}), json!({}))).await;
    for plan in [call.as_str(), "01000000-0000-7000-8000-000000000000", "call 7"] {
        let input = json!({ "moltbot_event_id": plan });
        let candidate = |vendor_id: &str| json!({ "vendor_id": vendor_id, "total": 0.0 });
        let found = json!({ "candidates": [candidate("vendor-a"), candidate("vendor-b")] });
        let selected = event(EventType::VENDOR_CANDIDATES_SELECTED, input, found);
        teller.tell(selected).await;
    }
    let mut replies = Vec::new();
    for (vendor_id, text) in [("vendor-a", "first"), ("vendor-a", "second"), ("vendor-b", "hers")] {
        let input = json!({ "vendor_id": vendor_id, "text": text });
        replies.push(teller.tell(event(EventType::VENDOR_REPLY_RECORDED, input, json!({}))).await);
    }
    let item = |vendor_id: &str, reply: &str| json!({ "vendor_id": vendor_id, "total": 0.0, "reply_event_id": reply });
    let items = [item("vendor-a", &replies[0]), item("vendor-b", &replies[1])];
    let output = json!({ "items": items, "moltbot_event_id": replies[0] });
    teller.tell(event(EventType::SHORTLIST_GENERATED, json!({}), output)).await;

    let [internal, external] = both_packs(&*fresh.store, &teller.request).await;
    for pack in [&internal, &external] {
        let content = &pack["explanation"]["content"];
        let listed = &content["orders"][0]["items"][1]["vendor_id"];
        let vendor_b = listed.as_str().expect("a name");
        assert_eq!(
            findings(pack),
            [
                "3: the selection names no moltbot.called event of the request".to_owned(),
                "4: the selection names no moltbot.called event of the request".to_owned(),
                format!("8: {vendor_b}: its reply_event_id names no reply of this vendor"),
                "8: the shortlist names no moltbot.called event of the request".to_owned(),
            ]
        );
        assert_eq!(vendor(pack, vendor_b)["reply"]["event_id"], replies[2]);
    }
    assert_eq!(vendor(&internal, "vendor-a")["reply"]["text"], "first");
    drop(fresh.keep);
}

#[tokio::test]
async fn the_order_stands_beside_the_ranks_of_the_rule_and_of_moltbot() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let item = |vendor_id: &str, total: f64, rule_rank: u32| json!({ "vendor_id": vendor_id, "total": total, "rule_rank": rule_rank, "moltbot_rank": 1 });
    let items = [item("a", 5.0, 2), item("b", 9.0, 1), item("c", 5.0, 3), item("d", 1.0, 4)];
    let output = json!({ "items": items });
    teller.tell(event(EventType::SHORTLIST_GENERATED, json!({}), output)).await;
    let [pack, _] = both_packs(&*fresh.store, &teller.request).await;
    let items = pack["explanation"]["content"]["orders"][0]["items"].as_array().expect("a list");
    let of = |member: &str| items.iter().map(|item| item[member].clone()).collect::<Vec<_>>();
    assert_eq!(of("rank_by_score"), [2, 1, 2, 4]);
    assert_eq!(of("rule_rank"), [2, 1, 3, 4]);
    assert_eq!(of("moltbot_rank"), [1, 1, 1, 1]);
    drop(fresh.keep);
}
