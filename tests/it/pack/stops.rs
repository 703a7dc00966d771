//! Stops of a request and takeovers of its conversation: from a pack alone it is proven that nothing ran inside one.

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::Clock as _;
use moltbot_audit::auditor::SystemClock;
use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::pack::sections::StopVerdict;
use moltbot_audit::pack::{EventFault, Verdict, VerifiedPack, VerifyError, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::{
    Actor, AuditEvent, Auditor, ConversationId, Effect, EffectError, EventType, RequestId, Switch,
};
use serde_json::{Value, json};

use super::{KEY, export};
use crate::support::forger::{Chain, Forger};
use crate::support::records::{fresh_conversation, fresh_request};
use crate::support::stores::{self, Fresh};

struct Story {
    fresh: Fresh,
    auditor: Auditor,
    request: RequestId,
    conversation: ConversationId,
}

impl Story {
    async fn begin() -> Self {
        let fresh = stores::sqlite().await;
        let auditor = Auditor::builder(fresh.store.clone(), KEY).environment(|_| None).build();
        let ai = auditor.kill_switch().reset(&Switch::AI, "test", "set-up").await;
        ai.expect("the switch is set");
        Self { fresh, auditor, request: fresh_request(), conversation: fresh_conversation() }
    }

    /// A call of Moltbot; whether it ran.
    async fn call(&self) -> bool {
        let call = Effect::moltbot_call(&MoltbotInput::default()).request(&self.request);
        let call = self.auditor.effect(call.conversation(&self.conversation));
        match call.run(async || Ok::<_, String>(())).await {
            Ok(()) => true,
            Err(EffectError::Refused(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn take_over(&self, until: Option<DateTime<Utc>>) {
        let taken = self.auditor.takeover(&self.conversation, "Keza", "upset", until).await;
        taken.expect("taken over");
    }

    async fn give_back(&self) {
        self.auditor.release(&self.conversation, "Keza", "calm").await.expect("given back");
    }

    async fn pack(&self, profile: &Profile) -> (Value, VerifiedPack) {
        let json = export(&*self.fresh.store, &self.request, profile).await.to_json_pretty();
        let verified = verify_request_pack(json.as_bytes()).expect("it is as recorded");
        let pack: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(pack["controls"]["content"]["check"], json!(verified.stops()));
        (pack, verified)
    }

    async fn internal(&self) -> (Value, VerifiedPack) {
        self.pack(&Profile::internal()).await
    }
}

/// A call, a takeover with a refusal inside it, and a call after it.
async fn taken_over() -> Story {
    let story = Story::begin().await;
    assert!(story.call().await);
    story.take_over(None).await;
    assert!(!story.call().await);
    story.give_back().await;
    assert!(story.call().await);
    story
}

fn stop(pack: &Value, nth: usize) -> &Value {
    &pack["controls"]["content"]["stops"][nth]
}

#[tokio::test]
async fn a_pack_shows_a_takeover_and_that_nothing_ran_inside_it() {
    let story = taken_over().await;
    let external = Profile::external(&KEY);
    for profile in [&Profile::internal(), &external] {
        let (pack, verified) = story.pack(profile).await;
        assert_eq!(verified.verdict(), Verdict::Intact, "{:?}", verified.unchecked());
        assert_eq!(*verified.stops(), StopVerdict::NothingRan { stops: 1 });
        let stop = stop(&pack, 0);
        assert_eq!((&stop["switch"], &stop["scope"]), (&json!("ai"), &json!("conversation")));
        assert_eq!(stop["scope_id"], json!(story.conversation.uuid()));
        assert_eq!(stop["event_id"], pack["switch_events"][0]["header"]["id"]);
        assert_eq!(stop["ended_by"]["event_id"], pack["switch_events"][1]["header"]["id"]);
        assert_eq!(stop["ran_inside"], json!([]));
        let refused = &pack["controls"]["content"]["switches"][0]["refused"][0];
        assert_eq!(refused["switch_scope"], "conversation");
        assert_eq!(refused["switch_event_id"], stop["event_id"]);
        // The pack shows who engaged it, so that this is no open question.
        let unanswered = pack["explanation"]["content"]["unanswered"].to_string();
        assert!(!unanswered.contains("switch_set_elsewhere"), "{unanswered}");
    }
    // Nobody outside reads who answers, or why.
    let (pack, _) = story.pack(&external).await;
    assert!(!pack.to_string().contains("Keza") && !pack.to_string().contains("upset"));
    let (pack, _) = story.internal().await;
    let keza = json!({ "how": "claimed", "who": "Keza" });
    assert_eq!((&stop(&pack, 0)["by"], &stop(&pack, 0)["reason"]), (&keza, &json!("upset")));
}

#[tokio::test]
async fn a_takeover_that_is_not_over_or_ended_by_its_limit_is_one_too() {
    let story = Story::begin().await;
    assert!(story.call().await);
    story.take_over(Some(SystemClock::new().now() + TimeDelta::milliseconds(400))).await;
    let mut refused = 0;
    while !story.call().await {
        refused += 1;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    story.take_over(None).await;
    let (pack, verified) = story.internal().await;
    assert_eq!(*verified.stops(), StopVerdict::NothingRan { stops: 2 }, "after {refused} refusals");
    assert_eq!(stop(&pack, 0)["ended_by"], Value::Null, "nobody recorded that it was over");
    assert!(stop(&pack, 0)["until"].is_string());
    assert_eq!(verified.verdict(), Verdict::Intact);
}

#[tokio::test]
async fn a_takeover_that_is_taken_over_again_is_one_and_its_last_limit_counts() {
    let story = Story::begin().await;
    assert!(story.call().await);
    story.take_over(Some(SystemClock::new().now() + TimeDelta::hours(1))).await;
    story.take_over(None).await;
    assert!(!story.call().await);
    let (pack, verified) = story.internal().await;
    assert_eq!(*verified.stops(), StopVerdict::NothingRan { stops: 1 });
    assert_eq!(stop(&pack, 0)["until"], Value::Null);
}

#[tokio::test]
async fn a_request_that_was_stopped_after_rejections_shows_it() {
    let story = Story::begin().await;
    for _ in 0..3 {
        assert!(story.call().await);
        let rejected = AuditEvent::new(EventType::MOLTBOT_OUTPUT_REJECTED, Actor::System);
        let rejected = rejected.request(&story.request).conversation(&story.conversation);
        story.auditor.record(rejected).await.expect("recorded");
    }
    assert!(!story.call().await);
    let (pack, verified) = story.internal().await;
    assert_eq!(*verified.stops(), StopVerdict::NothingRan { stops: 1 });
    assert_eq!(verified.verdict(), Verdict::Intact, "{:?}", verified.unchecked());
    let stop = stop(&pack, 0);
    assert_eq!(
        (&stop["scope"], &stop["scope_id"]),
        (&json!("request"), &json!(story.request.uuid()))
    );
    assert!(stop["caused_by"].is_string());

    // A forger who lets a call run after it.
    let mut forger = Forger::of(&pack);
    let admitted = forger.first("effect.admitted");
    let admission = forger.pack["events"][admitted].clone();
    push(&mut forger, admission, |event| event["recorded_at"] = last_at(&pack));
    ran_inside(forger, "request");
}

/// Adds a copy of an event at the end, under another id.
fn push(forger: &mut Forger, mut event: Value, change: impl FnOnce(&mut Value)) {
    let id = |event: &Value| event["header"]["id"].as_str().expect("an id").to_owned();
    let other = format!("{}{:012x}", &id(&event)[..24], 0xabc);
    event["header"]["id"] = json!(other);
    if let Some(effect) = event["input"]["value"].get_mut("effect_id") {
        let of = effect.as_str().expect("an id");
        *effect = json!(format!("{}{:012x}", &of[..24], 0xdef));
    }
    change(&mut event);
    forger.pack["events"].as_array_mut().expect("a list").push(event);
}

fn last_at(pack: &Value) -> Value {
    pack["integrity"]["head"]["last_at"].clone()
}

fn ran_inside(forger: Forger, in_scope: &str) {
    let verified = forger.verify(Chain::Rebuilt).expect("whoever owns the database can do it");
    assert_eq!(verified.verdict(), Verdict::RanWhileStopped, "{}", verified.stops());
    let StopVerdict::RanInside { switch, scope, .. } = verified.stops() else {
        panic!("{:?}", verified.stops())
    };
    assert_eq!((switch.as_str(), *scope), ("ai", in_scope));
    assert!(verified.stops().to_string().contains("RAN WHILE IT WAS STOPPED"));
}

#[tokio::test]
async fn a_forged_pack_with_an_effect_of_the_ai_inside_a_takeover_says_so() {
    let story = Story::begin().await;
    assert!(story.call().await);
    story.take_over(None).await;
    assert!(!story.call().await);
    let (pack, _) = story.internal().await;
    let forger = Forger::of(&pack);
    let (admitted, called) = (forger.first("effect.admitted"), forger.first("moltbot.called"));
    let [admitted, called] = [admitted, called].map(|at| pack["events"][at].clone());
    let at = last_at(&pack);

    // As it is; with its switch left out; and without being admitted at all.
    let mut plain = forger.clone();
    push(&mut plain, admitted.clone(), |event| event["recorded_at"] = at.clone());
    ran_inside(plain, "conversation");
    let mut unnamed = forger.clone();
    push(&mut unnamed, admitted.clone(), |event| {
        event["recorded_at"] = at.clone();
        event["header"]["conversation_id"] = Value::Null;
    });
    ran_inside(unnamed, "conversation");
    let mut without_switch = forger.clone();
    push(&mut without_switch, admitted, |event| {
        event["recorded_at"] = at.clone();
        event["input"]["value"]["switches"] = json!([]);
        let salts = event["input"]["salts"].as_object_mut().expect("an object");
        let salt = salts.remove("/input/switches/0").expect("it names a switch");
        salts.insert("/input/switches".to_owned(), salt);
    });
    ran_inside(without_switch, "conversation");
    let mut outside = forger.clone();
    let inside = pack["switch_events"][0]["recorded_at"].clone();
    push(&mut outside, called, |event| {
        event["recorded_at"] = at.clone();
        // An id fixes a time.
        let after: DateTime<Utc> = serde_json::from_value(inside).expect("a time");
        let after = after + TimeDelta::milliseconds(1);
        let id = moltbot_audit::EventId::new(after, 7).expect("a time");
        event["header"]["id"] = json!(id);
        event["header"]["created_at"] = json!(id.created_at());
    });
    ran_inside(outside, "conversation");
}

#[tokio::test]
async fn a_takeover_that_is_left_out_or_changed_is_found_out() {
    let story = taken_over().await;
    let (pack, _) = story.internal().await;
    let without = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut forger = Forger::of(&pack);
        change(forger.pack["switch_events"].as_array_mut().expect("a list"));
        forger.verify(Chain::Rebuilt)
    };
    // A refusal names it.
    let verified = without(&|flips| flips.clear()).expect("a pack");
    assert!(matches!(verified.stops(), StopVerdict::NotCheckable { .. }), "{}", verified.stops());
    assert_eq!(verified.verdict(), Verdict::CannotBeChecked);
    let fault = |change: &dyn Fn(&mut Vec<Value>)| match without(change) {
        Err(VerifyError::Flip { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(&|flips| flips.reverse()), EventFault::Chain);
    assert_eq!(fault(&|flips| flips.push(flips[0].clone())), EventFault::Repeated);
    let another = json!(uuid::Uuid::from_u128(7));
    let moved = fault(&|flips| flips[0]["header"]["conversation_id"] = another.clone());
    assert!(matches!(moved, EventFault::ForeignStream | EventFault::Contradiction(_)), "{moved}");
    let said = fault(&|flips| flips[0]["input"]["value"]["reason"] = json!("nothing"));
    assert_eq!(said, EventFault::Commitment { part: "/input" });
}
