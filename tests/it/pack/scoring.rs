//! The host's rules, run again over what was recorded: differences, rules that are not known, and forgeries.

use moltbot_audit::event::Language;
use moltbot_audit::pack::scoring::{
    Bound, Exact, Fact, Ranking, Round, Score, ScoringRule, ScoringRules,
};
use moltbot_audit::pack::sections::{Answer, Explanation, Question, RerunResult};
use moltbot_audit::pack::{VerifyOptions, explain_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use super::{KEY, export, story::Teller};
use crate::support::stores;

/// Another host's rule: the cheapest vendor first, at most one, and no vendor without a price.
struct Cheapest;

impl ScoringRule for Cheapest {
    fn version(&self) -> &'static str {
        "cheapest.2"
    }

    fn factors(&self) -> &[&'static str] {
        &["price"]
    }

    fn rank(&self, round: &Round) -> Ranking {
        let price = |at: &usize| round.entrants[*at].fact("price").number();
        let points = |at: usize| Exact::ZERO - price(&at).unwrap_or_default();
        let scores =
            (0..round.entrants.len()).map(|at| Score::of(vec![("price".into(), points(at))]));
        let mut listed: Vec<_> =
            (0..round.entrants.len()).filter(|at| price(at).is_some()).collect();
        listed.sort_by_key(price);
        listed.truncate(1);
        Ranking { scores: scores.collect(), listed, left_out: Vec::new() }
    }

    fn better(&self, round: &Round, entrant: usize, _: &str) -> Vec<Bound> {
        let mine = round.entrants[entrant].fact("price").number();
        let others = round.entrants.iter().filter_map(|other| other.fact("price").number());
        let lower = others.filter(|other| mine.is_none_or(|mine| *other < mine));
        lower.map(Bound::LessThan).collect()
    }
}

fn event(event_type: EventType, input: Value, output: Value) -> AuditEvent {
    AuditEvent::new(event_type, Actor::System).input(input).output(output)
}

/// Tells of two vendors that replied, and of a shortlist by a rule, with the recorded totals.
async fn tell(teller: &Teller, rule: Option<&str>, prices: [i64; 2], totals: [f64; 2]) {
    let mut mentions = Vec::new();
    for (at, price) in prices.into_iter().enumerate() {
        let vendor_id = ["vendor-a", "vendor-b"][at];
        let input = json!({ "vendor_id": vendor_id });
        teller.tell(event(EventType::VENDOR_OUTREACH_SENT, input.clone(), json!({}))).await;
        let parsed = json!({
            "availability": "in_stock", "price_min": price, "confidence": 0.5, "latency_seconds": 60 * (at + 1),
        });
        let reply = teller.tell(event(EventType::VENDOR_REPLY_RECORDED, input, parsed)).await;
        let factors = [json!({ "code": "availability", "score_delta": totals[at] })];
        mentions.push(json!({
            "vendor_id": vendor_id, "total": totals[at], "factors": factors, "reply_event_id": reply,
        }));
    }
    let mut excluded = mentions.split_off(1);
    excluded[0]["reason"] = "better_alternatives".into();
    let output = json!({ "items": mentions, "excluded": excluded, "decided_by": "rule" });
    let mut input = json!({ "items_max": 1 });
    if let Some(rule) = rule {
        input["rule_version"] = rule.into();
    }
    teller.tell(event(EventType::SHORTLIST_GENERATED, input, output)).await;
}

async fn explained(store: &dyn AuditStore, teller: &Teller, profile: &Profile) -> Explanation {
    export(store, &teller.request, profile).await.explain(&ScoringRules::built_in())
}

#[tokio::test]
async fn invented_scores_differ_from_the_rule_and_every_difference_is_named() {
    let fresh = stores::sqlite().await;
    let teller = Teller::new(fresh.store.clone());
    tell(&teller, Some("shortlist-ranking.50"), [9_000, 8_000], [74.0, 78.0]).await;
    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let explanation = explained(&*fresh.store, &teller, &profile).await;
        let RerunResult::Ranked { listed, left_out, differences } = &explanation.reruns[0].result
        else {
            panic!("the rule is known");
        };
        // A is first to reply: 50 + 10 + 0 + 10 + 10, and B 50 + 10 + 0 + 10 + 8.
        let [a, b] = [&listed[0], &left_out[0]];
        assert_eq!((a.total, b.total), (Exact::whole(80), Exact::whole(78)));
        let of = |id: &str| {
            let are = differences.iter().filter(|difference| difference.vendor_id == id);
            are.map(|d| {
                (
                    d.what,
                    d.factor.as_deref().unwrap_or_default(),
                    d.recorded.as_deref().unwrap_or_default(),
                )
            })
            .collect::<Vec<_>>()
        };
        let points = [
            ("points", "availability", "74"),
            ("points", "price", ""),
            ("points", "confidence", ""),
            ("points", "speed", ""),
        ];
        assert_eq!(of(&a.vendor_id), [&points[..], &[("total", "", "74")]].concat());
        let points = [("points", "availability", "78"), points[1], points[2], points[3]];
        assert_eq!(
            of(&b.vendor_id),
            [&points[..], &[("reason", "", "better_alternatives")]].concat()
        );
        let text = explanation.text(Language::En);
        assert!(text.contains("its total: recorded 74, by the rule 80."), "{text}");
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn nothing_is_claimed_of_a_rule_that_is_not_known_and_that_is_no_fault() {
    let fresh = stores::sqlite().await;
    let teller = Teller::new(fresh.store.clone());
    tell(&teller, Some("cheapest.2"), [9_000, 8_000], [-9_000.0, -8_000.0]).await;
    let json = export(&*fresh.store, &teller.request, &Profile::internal()).await.to_json_pretty();
    let verified = verify_request_pack(json.as_bytes()).expect("it is no fault");
    let remark = "was decided by the rule cheapest.2, which is not known here";
    assert!(
        verified.remarks().iter().any(|said| said.contains(remark)),
        "{:?}",
        verified.remarks()
    );
    let pack: Value = serde_json::from_str(&json).expect("JSON");
    let content = &pack["explanation"]["content"];
    let rerun = &content["reruns"][0];
    assert_eq!(
        (&rerun["rule_version"], &rerun["result"]),
        (&json!("cheapest.2"), &json!("rule_not_known"))
    );
    assert_eq!(rerun.get("listed"), None);
    for vendor in content["vendors"].as_array().expect("vendors") {
        assert_eq!(
            vendor["what_if"]["first"],
            json!({ "answer": "not_known", "why": "rule_not_known" })
        );
    }
    assert_eq!(content["unanswered"][0]["question"], "rule_not_known");

    // The host that brings its rule has the answers, from the same pack.
    let rules = ScoringRules::built_in().with(Cheapest);
    let (_, explanation) =
        explain_request_pack(json.as_bytes(), &VerifyOptions::default(), &rules).expect("sound");
    let RerunResult::Ranked { listed, .. } = &explanation.reruns[0].result else { panic!("known") };
    assert_eq!(listed[0].vendor_id, "vendor-b");
    let a = &explanation.vendors.iter().find(|v| v.vendor_id == "vendor-a").expect("told").what_if;
    let Answer::Changes { changes } = &a.listed else { panic!("{a:?}") };
    assert_eq!(changes[0].to, Bound::LessThan(Exact::whole(8_000)));

    // A rule that the host does not name is none that is known.
    let unnamed = Teller::new(fresh.store.clone());
    tell(&unnamed, None, [9_000, 8_000], [80.0, 78.0]).await;
    let explanation = explained(&*fresh.store, &unnamed, &Profile::internal()).await;
    assert!(explanation.reruns[0].result == RerunResult::RuleNotNamed);
    assert_eq!(explanation.unanswered[0].question, Question::RuleNotNamed);
    drop(fresh.keep);
}

#[tokio::test]
async fn a_forged_explanation_is_found() {
    let fresh = stores::sqlite().await;
    let teller = Teller::new(fresh.store.clone());
    tell(&teller, Some("shortlist-ranking.50"), [9_000, 8_000], [80.0, 78.0]).await;
    let json = export(&*fresh.store, &teller.request, &Profile::internal()).await.to_json_pretty();
    let pack: Value = serde_json::from_str(&json).expect("JSON");
    let content = "/explanation/content";
    let forgeries = [
        ("/reruns/0/listed/0/total", json!(90)),
        ("/reruns/0/result", json!("rule_not_known")),
        ("/reruns/0/differences", json!([])),
        ("/vendors/1/what_if/first", json!({ "answer": "no_single_factor" })),
        ("/vendors/1/stage", json!("replied_no")),
        ("/phone_calls/placed", json!([{}])),
        ("/human_acts", json!([{ "by": "marie" }])),
        ("/unanswered", json!([{ "question": "ai_choice" }])),
    ];
    for (pointer, forged) in forgeries {
        let mut pack = pack.clone();
        let at = pack.pointer_mut(&format!("{content}{pointer}")).expect("it is there");
        assert_ne!(*at, forged, "{pointer}");
        *at = forged;
        let said =
            verify_request_pack(pack.to_string().as_bytes()).expect_err("forged").to_string();
        assert!(said.contains("explanation"), "{pointer}: {said}");
    }
    drop(fresh.keep);
}

#[tokio::test]
async fn people_are_told_by_name_and_by_identity_and_hidden_from_outsiders() {
    let fresh = stores::sqlite().await;
    let teller = Teller::new(fresh.store.clone());
    let approved = EventType::new("admin.vendor_approved").expect("a type");
    for by in [
        json!("marie"),
        json!({ "who": "jean", "how": "host", "method": "sso" }),
        json!({ "who": "nadine", "how": "session" }),
    ] {
        let input = json!({ "by": by, "reason": "checked by phone" });
        teller.tell(AuditEvent::new(approved.clone(), Actor::Admin).input(input)).await;
    }
    let acts = |explanation: &Explanation| -> Vec<[Option<String>; 2]> {
        explanation.human_acts.iter().map(|act| [act.by.clone(), act.how.clone()]).collect()
    };
    let internal = explained(&*fresh.store, &teller, &Profile::internal()).await;
    let some = |text: &str| Some(text.to_owned());
    // Only the database knows a session, and a program sealed these.
    let wanted = [("marie", None), ("jean", Some("host")), ("nadine", Some("claimed"))]
        .map(|(who, how)| [some(who), how.and_then(some)]);
    assert_eq!(acts(&internal), wanted);
    assert!(
        internal
            .text(Language::En)
            .contains("admin.vendor_approved by jean (known by host): checked")
    );
    let external = explained(&*fresh.store, &teller, &Profile::external(&KEY)).await;
    let shown = serde_json::to_string(&external).expect("JSON") + &external.text(Language::Fr);
    assert_eq!(external.human_acts.len(), 3);
    for hidden in ["marie", "jean", "nadine", "checked by phone"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    drop(fresh.keep);
}

/// A price that looks like a phone number is hidden. Its points are taken as they are recorded, and a reader is told.
#[tokio::test]
async fn what_is_hidden_is_not_computed_and_named() {
    let fresh = stores::sqlite().await;
    let teller = Teller::new(fresh.store.clone());
    tell(&teller, Some("shortlist-ranking.50"), [9_000, 250_788_123_456], [80.0, 78.0]).await;
    let explanation = explained(&*fresh.store, &teller, &Profile::external(&KEY)).await;
    let questions: Vec<_> = explanation.unanswered.iter().map(|open| open.question).collect();
    assert_eq!(questions, [Question::HiddenValues]);
    let RerunResult::Ranked { left_out, .. } = &explanation.reruns[0].result else {
        panic!("known")
    };
    // Without the ten points for a price without a budget, which the host did not record.
    assert_eq!(left_out[0].total, Exact::whole(68));
    drop(fresh.keep);
}

#[test]
fn a_missing_fact_is_the_worst_and_an_unknown_one_is_taken_as_recorded() {
    let rule = moltbot_audit::pack::scoring::ShortlistRanking;
    let entrant =
        |vendor_id: &str, facts: &[(&'static str, Fact)], points: &[(&'static str, i64)]| {
            let facts = facts.iter().cloned().map(|(factor, fact)| (factor.into(), fact));
            let points =
                points.iter().map(|(factor, points)| ((*factor).into(), Exact::whole(*points)));
            moltbot_audit::pack::scoring::Entrant {
                vendor_id: vendor_id.into(),
                facts: facts.collect(),
                points: points.collect(),
                ..Default::default()
            }
        };
    let absent = [("price", Fact::Absent), ("confidence", Fact::Absent), ("speed", Fact::Absent)];
    let entrants = vec![
        entrant("b", &absent, &[("availability", 50), ("price", 20)]),
        entrant("a", &[], &[("availability", 50), ("price", 20), ("distance", 15)]),
        // The same points as the first, by a price.
        entrant("c", &[("price", Fact::Number(Exact::whole(5)))], &[("availability", 40)]),
    ];
    let ranking = rule.rank(&Round { entrants, ..Round::default() });
    let totals: Vec<_> = ranking.scores.iter().map(|score| score.total.to_f64()).collect();
    assert_eq!(totals, [50.0, 85.0, 50.0]);
    assert_eq!(ranking.listed, [1, 2, 0], "of equal totals, a price comes before none");
}
