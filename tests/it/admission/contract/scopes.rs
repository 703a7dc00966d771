//! Kill switches of one conversation and of one request.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::event::payload::{AdmissionInput, EffectAdmitted, Nothing};
use moltbot_audit::event::{Switch, SwitchScope};
use moltbot_audit::record::{Receipt, Record};
use moltbot_audit::store::admission::{Claim, Obstacle, SwitchState};
use moltbot_audit::{Actor, AuditEvent, ConversationId, EventType, RequestId};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::claims::{Case, flip, id_at, switched};
use crate::support::records::{
    assert_unbroken, fresh_conversation, fresh_request, morning, sealed,
};

/// An effect of the AI.
fn governed(
    case: &Case,
    request: Option<&RequestId>,
    conversation: Option<&ConversationId>,
) -> Claim {
    let effect_id = id_at(morning());
    let input =
        AdmissionInput { effect_id: Some(effect_id.uuid().to_string()), ..Default::default() };
    let intent = AuditEvent::typed::<EffectAdmitted>(Actor::System, &input, &Nothing {});
    let mut intent = intent.expect("an input is JSON").id(id_at(morning()));
    (intent.request_id, intent.conversation_id) = (request.cloned(), conversation.cloned());
    let switches = vec![Switch::AI];
    Claim { intent: sealed(intent), effect_id: effect_id.uuid(), switches, ..case.claim() }
}

/// A flip of the AI's switch in a scope, as an operator's.
fn scoped(
    of: (Option<&RequestId>, Option<&ConversationId>),
    is_engaged: bool,
    until: Option<DateTime<Utc>>,
) -> (SwitchState, Record) {
    let (state, record) = flip(Switch::AI, is_engaged);
    let scope = match of {
        (Some(request), _) => SwitchScope::from(request),
        (None, Some(conversation)) => SwitchScope::from(conversation),
        (None, None) => SwitchScope::Everywhere,
    };
    let mut input = record.input().expect("a flip says what it does");
    if scope != SwitchScope::Everywhere {
        input["scope"] = json!(scope.kind());
    }
    if let Some(until) = until {
        input["until"] = json!(until);
    }
    let record = event_of(of, record.header().event_type.clone(), input, Actor::Admin);
    (SwitchState { scope, until, ..state }, record)
}

fn event_of(
    (request, conversation): (Option<&RequestId>, Option<&ConversationId>),
    event_type: String,
    input: Value,
    actor: Actor,
) -> Record {
    let of = EventType::new(event_type).expect("a type");
    let mut event = AuditEvent::new(of, actor).id(id_at(morning())).input(input);
    (event.request_id, event.conversation_id) = (request.cloned(), conversation.cloned());
    sealed(event)
}

async fn set(case: &Case, (state, record): &(SwitchState, Record)) -> Receipt {
    let flip = case.admission().set_switch(state, record).await.expect("the switch is set");
    flip.receipt.expect("nobody holds the stream")
}

fn stopped(state: &SwitchState, record: &Record) -> Obstacle {
    Obstacle::Switch { switch: 0, scope: state.scope, event_id: Some(record.header().id) }
}

pub(crate) async fn a_takeover_stops_the_ai_in_its_conversation_and_nothing_else(case: Case) {
    let (ours, theirs) = (fresh_conversation(), fresh_conversation());
    let of = (None, Some(&ours));
    set(&case, &scoped(of, true, None)).await;
    // Never set elsewhere: that refuses all, whatever is taken over.
    assert_eq!(case.refusal(&governed(&case, None, Some(&theirs))).await, switched(0));
    case.set(Switch::AI, false).await;
    let taken = scoped(of, true, None);
    set(&case, &taken).await;
    let request = Some(&case.request);
    for refused in [governed(&case, None, Some(&ours)), governed(&case, request, Some(&ours))] {
        assert_eq!(case.refusal(&refused).await, stopped(&taken.0, &taken.1));
    }
    for runs in
        [governed(&case, None, Some(&theirs)), governed(&case, Some(&fresh_request()), None)]
    {
        case.admit(&runs).await;
    }
    case.set(Switch::OCR, false).await;
    let reads = Claim { switches: vec![Switch::OCR], ..governed(&case, request, Some(&ours)) };
    case.admit(&reads).await;
    case.admit(&Claim { switches: Vec::new(), ..governed(&case, request, Some(&ours)) }).await;
    set(&case, &scoped(of, false, None)).await;
    case.admit(&governed(&case, request, Some(&ours))).await;
    case.set(Switch::AI, true).await;
    assert_eq!(case.refusal(&governed(&case, None, Some(&ours))).await, switched(0));
}

pub(crate) async fn a_stop_of_a_request_stops_no_other_of_its_conversation(case: Case) {
    case.set(Switch::AI, false).await;
    let conversation = fresh_conversation();
    let other = fresh_request();
    let stop = scoped((Some(&case.request), None), true, None);
    set(&case, &stop).await;
    let refused = governed(&case, Some(&case.request), Some(&conversation));
    assert_eq!(case.refusal(&refused).await, stopped(&stop.0, &stop.1));
    let refused = governed(&case, Some(&case.request), None);
    assert_eq!(case.refusal(&refused).await, stopped(&stop.0, &stop.1));
    case.admit(&governed(&case, Some(&other), Some(&conversation))).await;
    case.admit(&governed(&case, None, Some(&conversation))).await;
    set(&case, &scoped((Some(&case.request), None), false, None)).await;
    case.admit(&governed(&case, Some(&case.request), None)).await;
}

pub(crate) async fn a_conversation_and_a_request_may_have_one_id(case: Case) {
    case.set(Switch::AI, false).await;
    let request = RequestId::from_uuid(fresh_conversation().uuid()).expect("a UUID");
    let conversation = ConversationId::from_uuid(request.uuid()).expect("a UUID");
    set(&case, &scoped((None, Some(&conversation)), true, None)).await;
    case.admit(&governed(&case, Some(&request), Some(&fresh_conversation()))).await;
}

pub(crate) async fn the_narrowest_scope_in_the_way_is_named(case: Case) {
    let conversation = fresh_conversation();
    let claim = || governed(&case, Some(&case.request), Some(&conversation));
    assert_eq!(case.refusal(&claim()).await, switched(0));
    let taken = scoped((None, Some(&conversation)), true, None);
    set(&case, &taken).await;
    assert_eq!(case.refusal(&claim()).await, stopped(&taken.0, &taken.1));
    let stop = scoped((Some(&case.request), None), true, None);
    set(&case, &stop).await;
    assert_eq!(case.refusal(&claim()).await, stopped(&stop.0, &stop.1));
    // Of several switches, the first in the way is named.
    let several = Claim { switches: vec![Switch::OCR, Switch::AI], ..claim() };
    assert_eq!(case.refusal(&several).await, switched(0));
    case.set(Switch::OCR, false).await;
    let Obstacle::Switch { switch: 1, scope, event_id } = case.refusal(&several).await else {
        panic!("the second switch stands in the way")
    };
    assert_eq!((scope, event_id), (stop.0.scope, Some(stop.1.header().id)));
    case.set(Switch::AI, false).await;
    set(&case, &scoped((Some(&case.request), None), false, None)).await;
    assert_eq!(case.refusal(&claim()).await, stopped(&taken.0, &taken.1));
}

pub(crate) async fn an_effect_that_names_only_its_request_is_in_the_conversations_of_its_events(
    case: Case,
) {
    case.set(Switch::AI, false).await;
    let conversation = fresh_conversation();
    let taken = scoped((None, Some(&conversation)), true, None);
    set(&case, &taken).await;
    let claim = || governed(&case, Some(&case.request), None);
    case.admit(&claim()).await;
    let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).id(id_at(morning()));
    case.append(sealed(event.request(&case.request).conversation(&conversation))).await;
    assert_eq!(case.refusal(&claim()).await, stopped(&taken.0, &taken.1));
    let several = Claim { switches: vec![Switch::AI, Switch::AI], ..claim() };
    assert_eq!(case.refusal(&several).await, stopped(&taken.0, &taken.1));
    case.admit(&governed(&case, Some(&fresh_request()), None)).await;
    set(&case, &scoped((None, Some(&conversation)), false, None)).await;
    case.admit(&claim()).await;
}

pub(crate) async fn a_time_limit_ends_a_stop_by_the_stores_clock(case: Case) {
    let now = case.set(Switch::AI, false).await.recorded_at;
    let conversation = fresh_conversation();
    let of = (None, Some(&conversation));
    let claim = || governed(&case, Some(&case.request), Some(&conversation));
    // What was said last counts: this one has no limit.
    set(&case, &scoped(of, true, None)).await;
    // A busy machine may take long to the first question, so the limit is asked for again.
    let mut millis = 500;
    let (taken, lapsed) = loop {
        let taken =
            scoped(of, true, Some(now_of(&case, now).await + TimeDelta::milliseconds(millis)));
        set(&case, &taken).await;
        let input = json!({ "switch": "ai", "scope": "conversation", "until": taken.0.until });
        let lapsed = event_of(of, "switch.lapsed".to_owned(), input, Actor::System);
        let early = case.admission().lapse_switch(&taken.0, &lapsed).await;
        if early.expect("the store answers").is_none() {
            break (taken, lapsed);
        }
        millis *= 4;
    };
    let states = case.admission().switches().await.expect("a readable store");
    let found = states.iter().find(|state| state.scope == taken.0.scope).expect("it is listed");
    assert_eq!((found.is_engaged, found.until), (true, taken.0.until));
    for _ in 0..2_000 {
        if matches!(case.ask(&claim()).await, moltbot_audit::store::admission::Decision::Proceed(_))
        {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    case.admit(&claim()).await;
    // Nor is what names only the request, whose events name the conversation.
    case.admit(&governed(&case, Some(&case.request), None)).await;
    let first = case.admission().lapse_switch(&taken.0, &lapsed).await.expect("the store answers");
    let again = case.admission().lapse_switch(&taken.0, &lapsed).await.expect("the store answers");
    assert_eq!(first.map(|receipt| receipt.seq), again.map(|receipt| receipt.seq));
    assert!(first.is_some(), "it is recorded once it is over");
    let input = json!({ "switch": "ai", "scope": "conversation", "until": taken.0.until });
    let other = event_of(of, "switch.lapsed".to_owned(), input, Actor::System);
    let second = case.admission().lapse_switch(&taken.0, &other).await.expect("the store answers");
    assert_eq!(second, None, "it is recorded once");
    let states = case.admission().switches().await.expect("a readable store");
    assert!(states.iter().all(|state| state.scope == SwitchScope::Everywhere), "{states:?}");
    let snapshot = case.store.read_stream(taken.0.scope.stream_id()).await.expect("readable");
    let snapshot = snapshot.expect("a stream with events");
    assert_unbroken(&snapshot);
    let last = snapshot.records.last().expect("an event");
    assert_eq!(last.header.event_type, "switch.lapsed");
}

/// The store's time, which is not this process's: that of an event it records now.
async fn now_of(case: &Case, at_least: DateTime<Utc>) -> DateTime<Utc> {
    let event = AuditEvent::new(EventType::DISCOVERY_CALL, Actor::System).id(id_at(morning()));
    case.append(sealed(event)).await.recorded_at.max(at_least)
}

pub(crate) async fn a_time_limit_that_has_passed_or_is_everywhere_is_refused(case: Case) {
    let now = case.set(Switch::AI, false).await.recorded_at;
    let conversation = fresh_conversation();
    let (state, record) =
        scoped((None, Some(&conversation)), true, Some(now - TimeDelta::minutes(1)));
    let error = case.admission().set_switch(&state, &record).await.expect_err("it has passed");
    // Postgres's own words are not repeated, because they may hold data.
    let said = error.to_string();
    let is_named = said.contains("the time limit") || said.contains("a value does not fit");
    assert!(error.is_refusal() && is_named, "{error:?}");
    let (state, record) = scoped((None, None), true, Some(now + TimeDelta::hours(1)));
    let error = case.admission().set_switch(&state, &record).await.expect_err("everywhere");
    assert!(error.is_refusal(), "{error:?}");
    case.admit(&governed(&case, None, Some(&conversation))).await;
}

pub(crate) async fn a_flip_is_chained_in_the_stream_of_its_scope(case: Case) {
    let conversation = fresh_conversation();
    for of in [(Some(&case.request), None), (None, Some(&conversation))] {
        for (is_engaged, seq) in [(true, 1), (false, 2), (true, 3)] {
            assert_eq!(set(&case, &scoped(of, is_engaged, None)).await.seq, seq);
        }
    }
    for scope in [SwitchScope::from(&case.request), SwitchScope::from(&conversation)] {
        let snapshot = case.store.read_stream(scope.stream_id()).await.expect("a readable store");
        assert_unbroken(&snapshot.expect("a stream with events"));
    }
}

pub(crate) async fn the_same_flip_of_a_scope_again_undoes_no_later_one(case: Case) {
    case.set(Switch::AI, false).await;
    let conversation = fresh_conversation();
    let of = (None, Some(&conversation));
    let (engage, reset) = (scoped(of, true, None), scoped(of, false, None));
    set(&case, &engage).await;
    let first = set(&case, &reset).await;
    assert_eq!(set(&case, &engage).await.seq, 1);
    case.admit(&governed(&case, None, Some(&conversation))).await;
    let taken = scoped(of, true, None);
    set(&case, &taken).await;
    assert_eq!(set(&case, &reset).await.seq, first.seq);
    let refused = case.refusal(&governed(&case, None, Some(&conversation))).await;
    assert_eq!(refused, stopped(&taken.0, &taken.1));
}

pub(crate) async fn the_event_of_a_flip_says_its_scope_and_its_limit(case: Case) {
    let now = case.set(Switch::AI, false).await.recorded_at;
    let conversation = fresh_conversation();
    let (request, of) = (&case.request, (None, Some(&conversation)));
    let later = Some(now + TimeDelta::hours(1));
    let (state, record) = scoped(of, true, later);
    let input = record.input().expect("a flip says what it does");
    let but = |name: &str, value: Value| {
        let mut input = input.clone();
        input[name] = value;
        event_of(of, "switch.engaged".to_owned(), input, Actor::Admin)
    };
    let lies = [
        // Of another conversation, of a request, of everywhere.
        scoped((None, Some(&fresh_conversation())), true, later).1,
        scoped((Some(request), None), true, later).1,
        scoped((None, None), true, None).1,
        but("scope", json!("request")),
        but("scope", json!("everywhere")),
        but("until", json!(now + TimeDelta::hours(2))),
        // The library may stop a request, not a conversation.
        event_of(of, "switch.engaged".to_owned(), input.clone(), Actor::System),
    ];
    for lie in lies {
        let error = case.admission().set_switch(&state, &lie).await.expect_err("it lies");
        assert!(error.is_refusal(), "{error:?}: {:?}", lie.header());
    }
    case.admit(&governed(&case, None, Some(&conversation))).await;
    let own = scoped((Some(request), None), true, None);
    let input = own.1.input().expect("a flip says what it does");
    let by_library =
        event_of((Some(request), None), "switch.engaged".to_owned(), input, Actor::System);
    set(&case, &(own.0, by_library)).await;
}

pub(crate) async fn forgetting_a_switch_releases_no_conversation(case: Case) {
    case.set(Switch::AI, true).await;
    let conversation = fresh_conversation();
    let taken = scoped((None, Some(&conversation)), true, None);
    set(&case, &taken).await;
    assert!(case.admission().forget_switch(&Switch::AI).await.expect("it is up"));
    assert!(!case.admission().forget_switch(&Switch::AI).await.expect("it is up"));
    case.set(Switch::AI, false).await;
    let refused = case.refusal(&governed(&case, None, Some(&conversation))).await;
    assert_eq!(refused, stopped(&taken.0, &taken.1));
}
