//! What does not add up in a request is a finding for every reader; what does, is none.

use std::sync::Arc;

use moltbot_audit::{AuditEvent, ErrorCode, EventId, EventType, Outcome};
use serde_json::{Value, json};

use super::sections::{event, findings, refused};
use super::{both_packs, story};
use crate::support::forging::ForgingStore;

/// What does not add up in a trail of these events, by the internal pack; the external one says it of the same
/// events.
async fn found(events: Vec<AuditEvent>) -> Vec<String> {
    let packs = packs(events).await;
    let [internal, external] = packs.map(|pack| findings(&pack));
    // A text that nobody listed is hidden from an external reader, an empty one as well.
    let is_told = |what: &&String| !what.ends_with("no reason is given");
    let places = |found: &[String]| -> Vec<String> {
        let told = found.iter().filter(is_told);
        told.map(|what| what.split(':').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(places(&internal), places(&external), "{internal:?} {external:?}");
    internal
}

async fn packs(events: Vec<AuditEvent>) -> [Value; 2] {
    let store = Arc::new(ForgingStore::default());
    let teller = story::Teller::new(store.clone());
    for event in events {
        teller.tell(event).await;
    }
    both_packs(&*store, &teller.request).await
}

fn failed(event: AuditEvent) -> AuditEvent {
    event.ended(Outcome::Failed, ErrorCode::EffectFailed)
}

/// An id that an event can have before others name it.
fn id(nth: u64) -> EventId {
    let at = chrono::DateTime::from_timestamp(1_790_001_000, 0).expect("a time");
    EventId::new(at, nth).expect("a time of this century")
}

/// A selection with these candidates, best first, and exclusions with their reasons.
fn selected(candidates: &[&str], excluded: &[(&str, &str)]) -> AuditEvent {
    let candidate = |id: &&str| json!({ "vendor_id": id, "total": 0.0 });
    let exclusion = |(id, reason): &(&str, &str)| json!({ "vendor_id": id, "reason": reason });
    let output = json!({
        "candidates": candidates.iter().map(candidate).collect::<Vec<_>>(),
        "excluded": excluded.iter().map(exclusion).collect::<Vec<_>>(),
    });
    event(EventType::VENDOR_CANDIDATES_SELECTED, json!({}), output)
}

fn sent(vendor: &str) -> AuditEvent {
    let input = json!({ "vendor_id": vendor, "outreach_id": format!("to-{vendor}") });
    event(EventType::VENDOR_OUTREACH_SENT, input, json!({}))
}

fn replied(vendor: &str, understood: Value) -> AuditEvent {
    event(EventType::VENDOR_REPLY_RECORDED, json!({ "vendor_id": vendor }), understood)
}

fn shortlist(output: Value) -> AuditEvent {
    event(EventType::SHORTLIST_GENERATED, json!({}), output)
}

/// A score with the one factor it is made of.
fn scored(vendor: &str, total: f64) -> Value {
    let factors = json!([{ "code": "availability", "score_delta": total }]);
    json!({ "vendor_id": vendor, "total": total, "factors": factors })
}

fn with(mut value: Value, more: Value) -> Value {
    let (Value::Object(members), Value::Object(more)) = (&mut value, more) else {
        panic!("two objects");
    };
    members.extend(more);
    value
}

fn listed(vendors: &[&str]) -> AuditEvent {
    let items: Vec<_> = vendors.iter().map(|vendor| scored(vendor, 1.0)).collect();
    shortlist(json!({ "items": items }))
}

/// A vendor's ordinary way to the shortlist.
fn chosen(vendor: &str) -> Vec<AuditEvent> {
    vec![selected(&[vendor], &[]), sent(vendor), replied(vendor, json!({})), listed(&[vendor])]
}

#[tokio::test]
async fn an_ordinary_way_to_the_shortlist_adds_up() {
    assert_eq!(found(chosen("v1")).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_vendor_that_was_excluded_and_is_messaged_or_shortlisted_all_the_same() {
    let [pack, _] = packs(vec![
        selected(&[], &[("v1", "opted_out")]),
        sent("v1"),
        replied("v1", json!({})),
        listed(&["v1"]),
    ])
    .await;
    assert_eq!(
        findings(&pack),
        [
            "2: v1: it is messaged, and event 1 excludes it (opted_out)",
            "4: v1: it is on the shortlist, and event 1 excludes it (opted_out)",
        ]
    );
    let vendor = &pack["explanation"]["content"]["vendors"][0];
    assert_eq!(vendor["disposition"]["ended"], "shortlisted");
    assert_eq!(vendor["exclusions"][0]["reason"], "opted_out", "and its exclusion stays");
    assert_eq!(vendor["exclusions"][0]["seq"], 1);

    let opted_out_later = found(vec![
        selected(&["v1"], &[]),
        sent("v1"),
        replied("v1", json!({})),
        selected(&[], &[("v1", "opted_out")]),
        listed(&["v1"]),
    ])
    .await;
    assert_eq!(
        opted_out_later,
        ["5: v1: it is on the shortlist, and event 4 excludes it (opted_out)"]
    );
    let of_the_next_batch = found(vec![
        selected(&["v1"], &[]),
        sent("v1"),
        replied("v1", json!({})),
        selected(&[], &[("v1", "already_contacted")]),
        listed(&["v1"]),
    ])
    .await;
    assert_eq!(of_the_next_batch, [] as [&str; 0]);
    let not_gone_out = found(vec![selected(&[], &[("v1", "busy")]), failed(sent("v1"))]).await;
    assert_eq!(not_gone_out, [] as [&str; 0]);
}

#[tokio::test]
async fn a_vendor_that_was_excluded_and_is_a_candidate_later() {
    let events = vec![selected(&[], &[("v1", "busy")]), selected(&["v1"], &[])];
    let [pack, _] = packs(events).await;
    assert_eq!(findings(&pack), ["2: v1: it is a candidate, and event 1 excludes it (busy)"]);
    // What came last counts.
    let vendor = &pack["explanation"]["content"]["vendors"][0];
    assert_eq!(vendor["disposition"]["ended"], "not_contacted");
    let wider = vec![selected(&[], &[("v1", "out_of_radius")]), selected(&["v1"], &[])];
    assert_eq!(found(wider).await, [] as [&str; 0], "another search");
    let again = vec![selected(&["v1"], &[]), selected(&[], &[("v1", "busy")])];
    assert_eq!(found(again).await, [] as [&str; 0]);
    let at_once = vec![selected(&["v1"], &[("v1", "busy")])];
    assert_eq!(found(at_once).await, ["1: v1: it is a candidate and excluded at once"]);
}

#[tokio::test]
async fn selections_that_do_not_add_up() {
    let candidates = json!([scored("v1", 10.0), scored("v2", 20.0)]);
    let output = json!({ "candidates": candidates, "pool_size": 1, "excluded": [{ "vendor_id": "v3", "reason": "" }] });
    let odd = event(EventType::VENDOR_CANDIDATES_SELECTED, json!({}), output);
    assert_eq!(
        found(vec![odd]).await,
        [
            "1: the candidates are not in the order of their scores",
            "1: v3: it is excluded, and no reason is given",
            "1: 3 vendors are listed, and 1 were looked at",
        ]
    );
    let of_another_shape = event(EventType::VENDOR_CANDIDATES_SELECTED, json!([]), json!({}));
    assert_eq!(
        found(vec![of_another_shape]).await,
        ["1: the selection has another shape than this version reads"]
    );
}

#[tokio::test]
async fn a_score_without_factors_says_that_and_one_of_other_factors_that() {
    let bare = json!({ "vendor_id": "v1", "total": 60.0 });
    let bent = json!({ "vendor_id": "v2", "total": 60.0, "factors": [{ "code": "price", "score_delta": 5.0 }] });
    let events = vec![
        selected(&["v1", "v2"], &[]),
        replied("v1", json!({})),
        replied("v2", json!({})),
        shortlist(json!({ "items": [bare, bent] })),
    ];
    assert_eq!(
        found(events).await,
        [
            "4: v1: no factors of the shortlist score are recorded",
            "4: v2: the shortlist score is not the sum of its factors",
        ]
    );
}

#[tokio::test]
async fn a_vendor_that_replied_and_of_which_the_shortlist_does_not_speak() {
    let mut events = vec![selected(&["v1", "v2"], &[]), sent("v2"), replied("v2", json!({}))];
    events.extend(chosen("v1").into_iter().skip(1));
    assert_eq!(
        found(events).await,
        ["6: v2: it replied (event 3), and the shortlist does not speak of it"]
    );
    let late = vec![
        selected(&["v2"], &[]),
        sent("v2"),
        replied("v2", json!({ "post_handoff": true })),
        failed(replied("v2", json!({}))),
        listed(&[]),
        replied("v2", json!({})),
    ];
    assert_eq!(found(late).await, [] as [&str; 0], "nothing that the shortlist could rest on");
    let second =
        vec![selected(&["v1"], &[]), replied("v1", json!({})), listed(&["v1"]), listed(&[])];
    assert_eq!(
        found(second).await,
        ["4: v1: it replied (event 2), and the shortlist does not speak of it"]
    );
}

/// A vendor in stock at 8,000, of a budget of 9,000, is left out, and another is listed with a score of 20.
async fn left_out(exclusion: Value) -> Vec<String> {
    let understood = json!({ "availability": "in_stock", "price_min": 8_000 });
    let input = json!({ "budget_max": 9_000, "items_max": 1 });
    let output =
        json!({ "items": [scored("v1", 20.0)], "excluded": [with(scored("v2", 10.0), exclusion)] });
    found(vec![
        selected(&["v1", "v2"], &[]),
        replied("v1", json!({})),
        replied("v2", understood),
        event(EventType::SHORTLIST_GENERATED, input, output),
    ])
    .await
}

#[tokio::test]
async fn reasons_for_leaving_out_that_the_evidence_contradicts() {
    let more = |total: f64| scored("v2", total);
    for (exclusion, expected) in [
        (json!({ "reason": "" }), "4: v2: it is left out, and no reason is given"),
        (
            json!({ "reason": "out_of_stock" }),
            "4: v2: it is left out as out_of_stock, and event 3 reads its reply as in stock",
        ),
        (
            json!({ "reason": "no_reply" }),
            "4: v2: it is left out as no_reply, and event 3 is its reply",
        ),
        (
            json!({ "reason": "no_price" }),
            "4: v2: it is left out as no_price, and event 3 reads its price as 8000",
        ),
        (
            json!({ "reason": "over_budget" }),
            "4: v2: it is left out as over_budget, and its price of 8000 is within the budget of 9000",
        ),
        (
            json!({ "reason": "negative_score" }),
            "4: v2: it is left out as negative_score, and its score is 10",
        ),
        (
            json!({ "reason": "duplicate" }),
            "4: v2: it is left out as duplicate, and the shortlist names it once",
        ),
        (
            with(more(30.0), json!({ "reason": "over_limit" })),
            "4: v2: it is left out as over_limit, and v1 is on the shortlist with a lower score",
        ),
        (
            with(more(30.0), json!({ "reason": "better_alternatives" })),
            "4: v2: it is left out as better_alternatives, and v1 is on the shortlist with a lower score",
        ),
    ] {
        assert_eq!(left_out(exclusion).await, [expected]);
    }
    for fair in ["over_limit", "better_alternatives", "unsafe_reply"] {
        assert_eq!(left_out(json!({ "reason": fair })).await, [] as [&str; 0], "{fair}");
    }
}

#[tokio::test]
async fn a_shortlist_with_room_leaves_nobody_out_for_want_of_it() {
    let input = json!({ "items_max": 5 });
    let output = json!({ "items": [scored("v1", 20.0)], "excluded": [with(scored("v2", 10.0), json!({ "reason": "over_limit" }))] });
    let events = vec![
        selected(&["v1", "v2"], &[]),
        replied("v1", json!({})),
        replied("v2", json!({})),
        event(EventType::SHORTLIST_GENERATED, input, output),
    ];
    assert_eq!(
        found(events).await,
        ["4: v2: it is left out as over_limit, and the shortlist has 1 of 5 items"]
    );
}

#[tokio::test]
async fn a_shortlist_that_names_a_vendor_twice_or_has_another_shape() {
    let output = json!({
        "items": [scored("v1", 20.0), scored("v1", 20.0)],
        "excluded": [with(scored("v1", 10.0), json!({ "reason": "unsafe_reply" }))],
    });
    let events = vec![selected(&["v1"], &[]), replied("v1", json!({})), shortlist(output)];
    assert_eq!(
        found(events).await,
        [
            "3: v1: it is on the shortlist twice",
            "3: v1: it is on the shortlist and left out at once",
        ]
    );
    let events = vec![selected(&["v1"], &[]), replied("v1", json!({})), shortlist(json!(["v1"]))];
    assert_eq!(
        found(events).await,
        [
            "3: v1: it replied (event 2), and the shortlist does not speak of it",
            "3: the shortlist has another shape than this version reads",
        ]
    );
}

#[tokio::test]
async fn ranks_of_the_rule_that_the_totals_contradict() {
    let ranked =
        |vendor: &str, total, rank: u32| with(scored(vendor, total), json!({ "rule_rank": rank }));
    let of = |items: Vec<Value>, decided_by: &str| {
        let ids: Vec<_> = items.iter().filter_map(|item| item["vendor_id"].as_str()).collect();
        let mut events = vec![selected(&ids, &[])];
        events.extend(ids.iter().map(|id| replied(id, json!({}))));
        events.push(shortlist(json!({ "items": items, "decided_by": decided_by })));
        events
    };
    let contradicted = of(vec![ranked("v1", 20.0, 2), ranked("v2", 10.0, 1)], "moltbot");
    assert_eq!(
        found(contradicted).await,
        [
            "4: v2: its rule_rank 1 stands above 2 of v1, which scores more",
            "4: Moltbot decided the order, and no call of it is named",
        ]
    );
    let shared = of(vec![ranked("v1", 20.0, 1), ranked("v2", 10.0, 1)], "rule");
    assert_eq!(found(shared).await, ["4: v1: its rule_rank 1 is that of v2, too"]);
    let tie = of(vec![ranked("v1", 20.0, 2), ranked("v2", 20.0, 1)], "rule");
    assert_eq!(
        found(tie).await,
        ["4: the order, decided by rule, is not that of the rule's ranks"]
    );
    let fair = of(vec![ranked("v1", 20.0, 1), ranked("v2", 20.0, 2)], "rule");
    assert_eq!(found(fair).await, [] as [&str; 0]);
}

/// Moltbot's shortlist of these vendors, and a shortlist that names it.
fn after_moltbot(order: &[&str], output: Value) -> Vec<AuditEvent> {
    let items: Vec<_> = order.iter().map(|vendor| json!({ "vendor_id": vendor })).collect();
    let action = json!({ "type": "shortlist", "why": "both have it", "items": items });
    let call = event(EventType::MOLTBOT_CALLED, json!({}), json!({ "action": action }));
    let named = with(output, json!({ "moltbot_event_id": id(3).to_string() }));
    vec![
        selected(order, &[]),
        replied(order[0], json!({})),
        replied(order[1], json!({})),
        call.id(id(3)),
        shortlist(named),
    ]
}

#[tokio::test]
async fn ranks_of_moltbot_that_its_recorded_action_contradicts() {
    let ranked =
        |vendor: &str, rank: u32| with(scored(vendor, 5.0), json!({ "moltbot_rank": rank }));
    let items = json!({ "items": [ranked("v1", 1), ranked("v2", 2)] });
    assert_eq!(found(after_moltbot(&["v1", "v2"], items.clone())).await, [] as [&str; 0]);
    assert_eq!(
        found(after_moltbot(&["v2", "v1"], items)).await,
        [
            "5: v1: its moltbot_rank is 1, and event 4 has it at place 2",
            "5: v2: its moltbot_rank is 2, and event 4 has it at place 1",
        ]
    );
}

#[tokio::test]
async fn a_vendor_that_moltbot_put_first_and_the_host_removed() {
    let removed = |reason: &str| {
        let excluded = with(scored("scam", 9.0), json!({ "reason": reason, "moltbot_rank": 1 }));
        after_moltbot(
            &["scam", "v2"],
            json!({ "items": [scored("v2", 5.0)], "excluded": [excluded] }),
        )
    };
    assert_eq!(
        found(removed("unsafe_reply")).await,
        ["5: scam: Moltbot has it at place 1, and it is left out (unsafe_reply)"]
    );
    assert_eq!(
        found(removed("not_chosen_by_moltbot")).await,
        [
            "5: scam: it is left out as not_chosen_by_moltbot, and Moltbot has it at place 1",
            "5: scam: Moltbot has it at place 1, and it is left out (not_chosen_by_moltbot)",
        ]
    );
    let unsaid = after_moltbot(&["scam", "v2"], json!({ "items": [scored("v2", 5.0)] }));
    assert_eq!(
        found(unsaid).await,
        [
            "5: scam: it replied (event 2), and the shortlist does not speak of it",
            "5: scam: Moltbot has it at place 1, and it is left out (without a reason)",
        ]
    );
}

#[tokio::test]
async fn a_shortlist_or_a_selection_that_follows_an_output_which_was_not_accepted() {
    let named = json!({ "moltbot_event_id": id(0).to_string() });
    let action = json!({ "action": { "type": "ask_client", "why": "to know" } });
    let call = event(EventType::MOLTBOT_CALLED, json!({}), action).id(id(0));
    let rejected = event(EventType::MOLTBOT_OUTPUT_REJECTED, named.clone(), json!({}));
    let selection = event(
        EventType::VENDOR_CANDIDATES_SELECTED,
        named.clone(),
        json!({ "candidates": [scored("v1", 1.0)] }),
    );
    let decided = with(json!({ "items": [scored("v1", 1.0)], "decided_by": "moltbot" }), named);
    let reply = || replied("v1", json!({}));
    assert_eq!(
        found(vec![call.clone(), rejected, selection.clone(), reply(), shortlist(decided.clone())])
            .await,
        [
            "3: the selection follows event 1, whose output was rejected (event 2)",
            "5: the shortlist follows event 1, whose output was rejected (event 2)",
        ]
    );
    assert_eq!(
        found(vec![call, selection, reply(), shortlist(decided)]).await,
        ["4: Moltbot decided the order, and event 1 is no shortlist"]
    );
}

#[tokio::test]
async fn a_shortlist_rests_on_a_reply_that_was_there_and_was_understood() {
    let resting = |reply: AuditEvent, is_later: bool| {
        let item = with(scored("v1", 1.0), json!({ "reply_event_id": id(9).to_string() }));
        let mut events = vec![selected(&["v1"], &[]), sent("v1"), replied("v1", json!({}))];
        events.push(shortlist(json!({ "items": [item] })));
        events.insert(if is_later { 4 } else { 3 }, reply.id(id(9)));
        events
    };
    let reply = |understood| replied("v1", understood);
    assert_eq!(found(resting(reply(json!({})), false)).await, [] as [&str; 0]);
    assert_eq!(
        found(resting(reply(json!({})), true)).await,
        ["4: v1: it rests on a reply that came later (event 5)"]
    );
    assert_eq!(
        found(resting(failed(reply(json!({}))), false)).await,
        ["5: v1: it rests on a reply that failed (event 4)"]
    );
    assert_eq!(
        found(resting(reply(json!({ "post_handoff": true })), false)).await,
        ["5: v1: it rests on a reply that came after the handoff (event 4)"]
    );
    let only_later = vec![selected(&["v1"], &[]), listed(&["v1"]), replied("v1", json!({}))];
    assert_eq!(found(only_later).await, ["2: v1: it is on the shortlist without a reply"]);
}

#[tokio::test]
async fn no_story_takes_a_reply_that_came_after_the_handoff_or_after_the_shortlist() {
    let reply = |understood| replied("v1", understood);
    let of = async |events: Vec<AuditEvent>| {
        let [pack, _] = packs(events).await;
        let vendor = pack["explanation"]["content"]["vendors"][0].clone();
        (vendor["reply"]["seq"].clone(), vendor["disposition"]["ended"].clone())
    };
    let handoff = || event(EventType::SHORTLIST_HANDOFF, json!({}), json!({}));
    let flagged = vec![sent("v1"), reply(json!({})), reply(json!({ "post_handoff": true }))];
    assert_eq!(of(flagged).await, (json!(2), json!("not_ranked")));
    let only_flagged = vec![sent("v1"), reply(json!({ "post_handoff": true }))];
    assert_eq!(of(only_flagged).await, (Value::Null, json!("no_reply")));
    let after = vec![sent("v1"), reply(json!({})), handoff(), reply(json!({}))];
    assert_eq!(of(after).await, (json!(2), json!("not_ranked")));
    let after_list = vec![sent("v1"), reply(json!({})), listed(&["v1"]), reply(json!({}))];
    assert_eq!(of(after_list).await, (json!(2), json!("shortlisted")));
}

#[tokio::test]
async fn a_reply_answers_the_message_that_it_names_and_no_others() {
    let named = |vendor: &str, id: Option<&str>| {
        let input = json!({ "vendor_id": vendor, "outreach_id": id });
        event(EventType::VENDOR_REPLY_RECORDED, input, json!({}))
    };
    let to = |vendor: &str, id: Option<&str>| {
        let input = json!({ "vendor_id": vendor, "outreach_id": id });
        event(EventType::VENDOR_OUTREACH_SENT, input, json!({}))
    };
    let [pack, external] = packs(vec![
        to("v1", Some("o1")),
        to("v1", Some("o2")),
        named("v1", Some("o1")),
        named("v1", None),
        named("v9", Some("o1")),
        named("v1", Some("o3")),
        to("v1", Some("o3")),
        to("v2", None),
        named("v2", Some("o4")),
    ])
    .await;
    for pack in [&pack, &external] {
        let content = &pack["vendor_outreach"]["content"];
        let seqs = |list: &Value| {
            let list = list.as_array().expect("a list").iter();
            list.map(|reply| reply["seq"].clone()).collect::<Vec<_>>()
        };
        let sent = content["sent"].as_array().expect("a list").iter();
        let answered: Vec<_> = sent.map(|outreach| seqs(&outreach["replies"])).collect();
        assert_eq!(answered, [vec![3], vec![4], vec![], vec![9]]);
        assert_eq!(seqs(&content["unmatched_replies"]), [5, 6]);
    }
    assert_eq!(
        findings(&pack),
        [
            "5: the reply of v9 names a message to v1 (event 1)",
            "6: the reply of v1 names no message before it",
        ]
    );
    assert_eq!(findings(&external).len(), 2);
}

fn step(from: Option<&str>, to: &str) -> AuditEvent {
    let step = json!({ "from_state": from, "to_state": to });
    event(EventType::REQUEST_STATE_CHANGED, step, json!({}))
}

#[tokio::test]
async fn steps_that_the_state_machine_does_not_allow_or_from_a_state_that_is_not_the_requests() {
    let collecting = "collecting_requirements";
    let events = vec![
        step(None, collecting),
        step(Some(collecting), "awaiting_vendor_replies"),
        step(Some("shortlist_ready"), "handed_off"),
        refused(step(Some("handed_off"), "error")),
        step(Some("handed_off"), "closed"),
        step(Some("shortlist_ready"), "handed_off"),
    ];
    let [pack, _] = packs(events).await;
    assert_eq!(
        findings(&pack),
        [
            "2: the state machine does not lead from collecting_requirements to awaiting_vendor_replies",
            "3: it leaves shortlist_ready for handed_off, and the request was in awaiting_vendor_replies",
            "6: it leaves shortlist_ready for handed_off, and the request was in closed",
        ]
    );
    let transitions = pack["request"]["content"]["transitions"].as_array().expect("a list");
    let allowed: Vec<_> = transitions.iter().map(|step| step["allowed"].clone()).collect();
    assert_eq!(allowed, [true, false, false, false, true, false]);
    // Of a request whose beginning was not recorded nothing else is known.
    let middle = vec![step(Some("vendor_outreach"), "awaiting_vendor_replies")];
    assert_eq!(found(middle).await, [] as [&str; 0]);
}

fn asked() -> AuditEvent {
    event(EventType::CALL_CONSENT_REQUESTED, json!({ "consent_id": "c1" }), json!({}))
}

fn answered(event_type: EventType) -> AuditEvent {
    event(event_type, json!({ "consent_id": "c1" }), json!({}))
}

fn call(attempt: &str) -> AuditEvent {
    let input = json!({ "attempt_id": attempt, "consent_id": "c1", "target_role": "client" });
    event(EventType::CALL_STARTED, input, json!({ "provider_call_id": format!("p-{attempt}") }))
}

#[tokio::test]
async fn a_consent_that_is_granted_before_it_was_asked_for() {
    let granted = || answered(EventType::CALL_CONSENT_GRANTED);
    let [pack, _] = packs(vec![granted(), asked(), granted(), call("a1")]).await;
    assert_eq!(findings(&pack), ["1: c1 is granted before event 2 asks for it"]);
    let calls = &pack["call_attempts"]["content"];
    assert_eq!(calls["unmatched_decisions"][0]["seq"], 1);
    assert_eq!(calls["consents"][0]["decisions"][0]["seq"], 3);
    let again = [asked(), answered(EventType::CALL_CONSENT_DENIED), asked(), granted()];
    let [pack, _] = packs(again.into()).await;
    let consents = &pack["call_attempts"]["content"]["consents"];
    assert_eq!(consents[0]["decisions"][0]["decision"], "denied", "each answer to its question");
    assert_eq!(consents[1]["decisions"][0]["decision"], "granted");
}

#[tokio::test]
async fn a_call_without_a_consent_that_held() {
    let granted = || answered(EventType::CALL_CONSENT_GRANTED);
    let denied = || answered(EventType::CALL_CONSENT_DENIED);
    assert_eq!(found(vec![asked(), granted(), call("a1")]).await, [] as [&str; 0]);
    assert_eq!(
        found(vec![asked(), granted(), denied(), call("a1")]).await,
        ["4: the call rests on c1, which event 3 says is denied"]
    );
    assert_eq!(
        found(vec![asked(), call("a1"), granted()]).await,
        ["2: the call rests on c1, which was not granted before it"]
    );
    let not_placed =
        refused(event(EventType::CALL_FAILED, json!({ "consent_id": "c1" }), json!({})));
    assert_eq!(found(vec![asked(), denied(), not_placed]).await, [] as [&str; 0]);
    // Another stream may hold the answer by which a store admitted the call.
    let admitted = json!({
        "effect_id": id(4).to_string(), "effect": "call.started", "consent_id": "c1",
        "consent_lifetime_ms": 90_000,
    });
    let admitted = event(EventType::EFFECT_ADMITTED, admitted, json!({}));
    let [pack, external] = packs(vec![admitted, call("a1").id(id(4))]).await;
    for pack in [&pack, &external] {
        assert_eq!(findings(pack), [] as [&str; 0]);
        let attempt = &pack["call_attempts"]["content"]["attempts"][0];
        assert_eq!(attempt["consent_granted"], "not_checkable");
    }
}

#[tokio::test]
async fn one_id_of_two_calls_and_whose_report_it_is() {
    let report = |input: Value, status: &str| {
        event(EventType::CALL_STATUS_UPDATED, input, json!({ "status": status }))
    };
    let by_attempt = || json!({ "attempt_id": "a1" });
    let second = event(
        EventType::CALL_STARTED,
        json!({ "attempt_id": "a1", "consent_id": "c1" }),
        json!({ "provider_call_id": "p-2" }),
    );
    let [pack, external] = packs(vec![
        answered(EventType::CALL_CONSENT_GRANTED),
        call("a1"),
        report(by_attempt(), "busy"),
        second,
        report(by_attempt(), "ringing"),
        report(json!({ "attempt_id": "a1", "provider_call_id": "p-a1" }), "failed"),
    ])
    .await;
    for pack in [&pack, &external] {
        let attempts = &pack["call_attempts"]["content"]["attempts"];
        let statuses = |at: usize| {
            let list = attempts[at]["statuses"].as_array().expect("a list").iter();
            list.map(|report| report["status"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            statuses(0),
            ["busy", "failed"],
            "what came before the second, and what names it"
        );
        assert_eq!(statuses(1), ["ringing"]);
    }
    assert_eq!(findings(&pack), ["4: the call has the id a1, as the call of event 2 has"]);
    let early = vec![report(json!({ "attempt_id": "a1" }), "ringing"), call("a1")];
    let [pack, _] = packs(early).await;
    let attempt = &pack["call_attempts"]["content"]["attempts"][0];
    assert_eq!(attempt["statuses"][0]["status"], "ringing", "a webhook may be first");
}

#[tokio::test]
async fn an_ocr_job_that_ends_more_often_than_it_was_created_or_before_it() {
    let created = || event(EventType::OCR_JOB_CREATED, json!({}), json!({ "job_id": "j1" }));
    let ended = |event_type| event(event_type, json!({ "job_id": "j1" }), json!({}));
    let retried = vec![created(), ended(EventType::OCR_JOB_FAILED), ended(EventType::OCR_JOB_DONE)];
    assert_eq!(found(retried).await, ["3: OCR job j1 ends again, and was not created again"]);
    let early = vec![ended(EventType::OCR_JOB_DONE), created()];
    assert_eq!(found(early).await, ["1: OCR job j1 ends before event 2 creates it"]);
    let fair = vec![
        created(),
        ended(EventType::OCR_JOB_FAILED),
        created(),
        ended(EventType::OCR_JOB_DONE),
    ];
    assert_eq!(found(fair).await, [] as [&str; 0]);
    let never_created = vec![ended(EventType::OCR_JOB_DONE)];
    assert_eq!(found(never_created).await, [] as [&str; 0]);
}

#[tokio::test]
async fn what_kept_a_candidate_from_a_message_and_a_reply_from_being_ranked() {
    let refused_batch = |code, output| {
        let input = json!({ "effect": "vendor.batch_sent" });
        event(EventType::EFFECT_REFUSED, input, output).ended(Outcome::Refused, code)
    };
    let over = json!({ "budget": "vendor_batches" });
    let out_of_time = || {
        event(EventType::REQUEST_TIME_BUDGET_EXCEEDED, json!({}), json!({}))
            .ended(Outcome::Refused, ErrorCode::BudgetExceeded)
    };
    let ready = json!({ "from_state": "awaiting_vendor_replies", "to_state": "shortlist_ready", "reason": "3 of 3 vendors replied" });
    let ready = event(EventType::REQUEST_STATE_CHANGED, ready, json!({}));
    let cause = async |events: Vec<AuditEvent>| {
        let [pack, external] = packs(events).await;
        let of = |pack: &Value| pack["explanation"]["content"]["vendors"][0]["disposition"].clone();
        assert_eq!(of(&pack)["cause"]["seq"], of(&external)["cause"]["seq"]);
        of(&pack)
    };
    for (ends, event_type, reason) in [
        (
            refused_batch(ErrorCode::BudgetExceeded, over),
            "effect.refused",
            "budget_exceeded: vendor_batches",
        ),
        (
            refused_batch(ErrorCode::SwitchedOff, json!({ "switch": "ai" })),
            "effect.refused",
            "switched_off: ai",
        ),
        (out_of_time(), "request.time_budget_exceeded", "time_exceeded"),
        (ready, "request.state_changed", "shortlist_ready: 3 of 3 vendors replied"),
    ] {
        let other =
            || event(EventType::EFFECT_REFUSED, json!({ "effect": "call.started" }), json!({}));
        let told =
            cause(vec![refused(other()), selected(&["v1"], &[]), refused(other()), ends]).await;
        assert_eq!(told["ended"], "not_contacted");
        assert_eq!(told["cause"]["event_type"], event_type);
        assert_eq!((&told["cause"]["seq"], &told["cause"]["reason"]), (&json!(4), &json!(reason)));
    }
    let told = cause(vec![sent("v1"), replied("v1", json!({})), out_of_time()]).await;
    assert_eq!((&told["ended"], &told["cause"]["seq"]), (&json!("not_ranked"), &json!(3)));
    let told = cause(vec![sent("v1"), replied("v1", json!({}))]).await;
    assert_eq!(told, json!({ "ended": "not_ranked" }), "no event says why");
}
