//! "Why did the bot pick these vendors?", answered from typed events.

use moltbot_audit::Actor;
use moltbot_audit::event::payload::{
    ShortlistGenerated, ShortlistInput, ShortlistItem, ShortlistOutput,
};
use serde_json::Value;

use super::{both_packs, story};
use crate::sqlite;

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
    let fresh = sqlite::open().await;
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
        (&a["candidate"]["event_id"], "vendor.candidates_selected"),
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
    let fresh = sqlite::open().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [pack, external] = both_packs(&*fresh.store, &teller.request).await;
    assert_eq!(vendor(&pack, "vendor-c")["disposition"]["ended"], "not_contacted");
    let d = &vendor(&pack, "vendor-d")["disposition"];
    assert_eq!((&d["ended"], &d["reason"]), (&"not_eligible".into(), &"opted_out".into()));
    let selection = &pack["explanation"]["content"]["selections"][0];
    assert_eq!(selection["pool_size"], 4);
    let plan = &selection["moltbot_event_id"];
    assert_eq!(event_type_of(&pack, plan), "moltbot.called");
    let order = &pack["explanation"]["content"]["order"];
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
    let fresh = sqlite::open().await;
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
    assert_eq!(explanation["order"]["follows_score"], false);
    assert_eq!(explanation["order"]["items"][0]["rank_by_score"], 2);
    let findings = explanation["findings"].to_string();
    for finding in [
        "vendor-y: the shortlist score is not the sum of its factors",
        "vendor-x: it is on the shortlist without a reply",
        "decided by moltbot, is not that of the scores",
    ] {
        assert!(findings.contains(finding), "{findings}");
    }
    assert!(!findings.contains("vendor-x: the shortlist score"), "{findings}");
    drop(fresh.keep);
}
