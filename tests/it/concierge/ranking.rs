//! The ranking rules, alone and as they stand in the trail.

use moltbot_audit::event::payload::ReplyOutput;
use serde_json::Value;

use super::simulation::ranking::{Reply, rank};
use super::{Played, outputs, scenario_file, scenarios};

#[tokio::test]
async fn in_the_worked_example_a_totals_102_and_b_18() {
    let played = Played::on_sqlite(&scenario_file("ranking_worked_example")).await;
    let shortlist = &outputs(&played.trail, "shortlist.generated")[0];
    let items = shortlist["items"].as_array().expect("items");
    let scores = items.iter().map(|item| (item["vendor_id"].as_str(), item["total"].as_f64()));
    let wanted = [(Some("shop_a"), Some(102.0)), (Some("shop_b"), Some(18.0))];
    assert_eq!(scores.collect::<Vec<_>>(), wanted);
    assert_eq!(shortlist["decided_by"], "rule");
}

#[tokio::test]
async fn the_factors_of_every_score_add_up_to_its_total() {
    let mut scores = 0;
    for scenario in scenarios() {
        let played = Played::on_sqlite(&scenario).await;
        for event_type in ["vendor.candidates_selected", "shortlist.generated"] {
            for output in outputs(&played.trail, event_type) {
                scores += scored(&output).map(assert_adds_up).count();
            }
        }
    }
    assert!(scores > 40, "{scores} scores were looked at");
}

#[tokio::test]
async fn an_order_of_moltbots_own_stands_beside_the_rules() {
    let played = Played::on_sqlite(&scenario_file("phone_charger")).await;
    let shortlist = &outputs(&played.trail, "shortlist.generated")[0];
    assert_eq!(shortlist["decided_by"], "moltbot");
    let ranks = |at: usize| {
        let item = &shortlist["items"][at];
        (item["vendor_id"].as_str(), item["rule_rank"].as_u64(), item["moltbot_rank"].as_u64())
    };
    assert_eq!(ranks(0), (Some("shop_plug"), Some(2), Some(1)));
    assert_eq!(ranks(1), (Some("shop_volt"), Some(1), Some(2)));
    let ids = |member: &str, of: &[Value]| -> Vec<Value> {
        of.iter().map(|item| item[member].clone()).collect()
    };
    let items = shortlist["items"].as_array().expect("items");
    let of_type = |event_type: &str| {
        let of_type = played.trail.iter().filter(|r| r.header.event_type == event_type);
        of_type.map(|record| Value::from(record.header.id.to_string())).collect::<Vec<_>>()
    };
    let replies = of_type("vendor.reply_recorded");
    assert!(ids("reply_event_id", items).iter().all(|id| replies.contains(id)));
    assert_eq!(shortlist["moltbot_event_id"], of_type("moltbot.called")[2]);
}

#[tokio::test]
async fn a_shop_that_moltbot_invents_is_excluded_by_name() {
    let played = Played::on_sqlite(&scenario_file("duplicate_webhook")).await;
    let shortlist = &outputs(&played.trail, "shortlist.generated")[0];
    let excluded = &shortlist["excluded"][0];
    assert_eq!(excluded["vendor_id"], "shop_invented");
    assert_eq!(excluded["reason"], "no_reply");
}

#[test]
fn ties_are_broken_by_confidence_then_price_then_speed() {
    // Availability, price and speed points are equal; 0.71 and 0.72 round to the same points.
    let slowest = reply("slowest", "in_stock", 0.71, 5_000, 90.0);
    let dear = reply("dear", "in_stock", 0.71, 6_000, 70.0);
    let slow = reply("slow", "in_stock", 0.72, 9_000, 80.0);
    let quick = reply("quick", "in_stock", 0.71, 5_000, 60.0);
    let first = reply("first", "out_of_stock", 0.9, 1_000, 10.0);
    let (ranked, excluded) = rank(&[first, slowest, dear, slow, quick], None);
    let order: Vec<_> = ranked.iter().map(|scored| scored.reply.vendor_id.as_str()).collect();
    assert_eq!(order, ["slow", "quick", "slowest", "dear"]);
    assert_eq!((excluded.len(), excluded[0].reason.as_str()), (1, "out_of_stock"));
}

#[test]
fn a_shop_without_the_thing_stays_only_where_there_is_no_other() {
    let (ranked, excluded) = rank(&[reply("only", "out_of_stock", 0.5, 1_000, 10.0)], None);
    assert_eq!((ranked.len(), excluded.len()), (1, 0));
    assert!(ranked[0].total < 0.0);
}

#[test]
fn at_most_five_are_kept_and_nobody_twice() {
    let mut replies: Vec<_> =
        (0..7).map(|n| reply(&format!("shop_{n}"), "in_stock", 0.8, 1_000 + n, 10.0)).collect();
    replies.push(reply("shop_0", "in_stock", 0.9, 900, 11.0));
    let (ranked, excluded) = rank(&replies, Some(10_000));
    assert_eq!(ranked.len(), 5);
    let mut reasons: Vec<_> = excluded.iter().map(|out| out.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["duplicate", "over_limit", "over_limit"]);
}

#[test]
fn a_price_counts_by_the_clients_budget() {
    let points = |price: i64, budget_max: Option<i64>| {
        let (ranked, _) = rank(&[reply("shop", "in_stock", 0.5, price, 10.0)], budget_max);
        let price = ranked[0].factors.iter().find(|factor| factor.code == "price");
        price.map(|price| price.score_delta)
    };
    assert_eq!(points(10_000, Some(10_000)), Some(20.0));
    assert_eq!(points(12_000, Some(10_000)), Some(5.0));
    assert_eq!(points(12_001, Some(10_000)), Some(0.0));
    assert_eq!(points(12_001, None), Some(10.0));
}

fn reply(vendor_id: &str, availability: &str, confidence: f64, price: i64, latency: f64) -> Reply {
    Reply {
        vendor_id: vendor_id.into(),
        event_id: String::new(),
        distance_km: None,
        parsed: ReplyOutput {
            availability: Some(availability.into()),
            price_min: Some(price),
            confidence: Some(confidence),
            latency_seconds: Some(latency),
            ..Default::default()
        },
    }
}

fn scored(output: &Value) -> impl Iterator<Item = &Value> {
    let members = ["candidates", "items", "excluded"];
    let entries = members.into_iter().filter_map(|member| output.get(member)?.as_array());
    entries.flatten().filter(|entry| entry.get("factors").is_some())
}

fn assert_adds_up(entry: &Value) {
    let factors = entry["factors"].as_array().expect("factors");
    // A zero is left out of a payload.
    let number = |of: &Value, member: &str| of.get(member).map_or(Some(0.0), Value::as_f64);
    let deltas = factors.iter().map(|factor| number(factor, "score_delta").expect("a number"));
    let sum: f64 = deltas.sum();
    let total = number(entry, "total").expect("a number");
    assert!((sum - total).abs() < 1e-9, "{entry}");
}
