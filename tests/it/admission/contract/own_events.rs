//! The library's own events are appended with what they report, and say that and nothing else.

use std::time::Duration;

use moltbot_audit::event::{Budget, EventType, Period, Switch};
use moltbot_audit::record::Record;
use moltbot_audit::store::StoreError;
use moltbot_audit::store::admission::{Charge, Claim, Conclusion, Decision, Obstacle, SwitchState};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, Outcome, testing};
use serde_json::{Value, json};

use crate::support::claims::{Case, charge, flip, flip_by, hash, id_at, spooled, switched, told};
use crate::support::records::{event, morning, sealed};

fn own(of: EventType, actor: Actor, input: Value) -> AuditEvent {
    AuditEvent::new(of, actor).id(id_at(morning())).input(input)
}

async fn assert_refused(case: &Case, record: Record) {
    let of = record.header().event_type.clone();
    let is_outcome = record.is_outcome();
    // Alone, and among others: the ways to the database differ.
    for batch in [vec![record.clone()], vec![sealed(event(&case.request)), record]] {
        let error = case.store.append(&batch).await.expect_err("it is not appended");
        assert!(matches!(error, StoreError::Refused { .. }), "{of} {is_outcome}: {error:?}");
    }
}

pub(crate) async fn the_librarys_events_come_only_with_what_they_report(case: Case) {
    for of in [
        EventType::AUDIT_LIMIT_SET,
        EventType::AUDIT_EFFECTS_PRUNED,
        EventType::EFFECT_ADMITTED,
        EventType::EFFECT_EXPIRED,
        EventType::EFFECT_RESOLVED,
        EventType::SWITCH_ENGAGED,
        EventType::SWITCH_RESET,
    ] {
        for role in [testing::plain, testing::outcome] {
            let told = own(of.clone(), Actor::Admin, json!({ "switch": "ai" }));
            assert_refused(&case, role(sealed(told.request(&case.request)))).await;
        }
    }
    assert_eq!(case.event_types().await, [""; 0]);
    // What else the library tells comes as any event does.
    for of in [EventType::EFFECT_REFUSED, EventType::BUDGET_WARNED, EventType::PACK_EXPORTED] {
        let told = own(of, Actor::System, json!({}));
        case.append(sealed(told.request(&case.request))).await;
    }
    assert_eq!(case.event_types().await.len(), 3);
}

pub(crate) async fn an_intent_is_an_admission_and_nothing_else_is(case: Case) {
    let intents = [EventType::MOLTBOT_CALLED, EventType::EFFECT_REFUSED, EventType::SWITCH_RESET];
    for of in intents {
        let told = own(of, Actor::System, json!({})).request(&case.request);
        assert_refused(&case, testing::intent(sealed(told))).await;
    }
    assert_eq!(case.open().await, []);
    case.append(spooled(&case.claim(), &case.request)).await;
    assert_eq!(case.event_types().await, ["effect.admitted"]);
}

pub(crate) async fn the_event_of_an_admission_says_that_claim(case: Case) {
    let day = Charge { period: Period::Day, ..charge(Budget::TOKENS, 7, 100) };
    let whole = told(&Claim {
        key_hash: Some(hash("a key")),
        elapsed_max: Some(Duration::from_mins(10)),
        charges: vec![charge(Budget::MOLTBOT_CALLS, 1, 8), day.clone()],
        ..case.claim()
    });
    let calls = |amount, limit| vec![charge(Budget::MOLTBOT_CALLS, amount, limit), day.clone()];
    let of_the_request = Charge { period: Period::Request, ..day.clone() };
    // Each takes another thing than its event, which is that of `whole`, says.
    for other in [
        Claim { effect_id: case.claim().effect_id, ..whole.clone() },
        Claim { effect: "ocr.job_done".to_owned(), ..whole.clone() },
        Claim { key_hash: Some(hash("another key")), ..whole.clone() },
        Claim { key_hash: None, ..whole.clone() },
        Claim { input_hash: hash("another input"), ..whole.clone() },
        Claim { lease: Duration::from_hours(9), ..whole.clone() },
        Claim { elapsed_max: Some(Duration::from_hours(1)), ..whole.clone() },
        // Nor may it be stricter than what is recorded.
        Claim { elapsed_max: Some(Duration::from_mins(9)), ..whole.clone() },
        Claim { elapsed_max: None, ..whole.clone() },
        Claim { charges: calls(1, 800), ..whole.clone() },
        Claim { charges: calls(0, 8), ..whole.clone() },
        Claim { charges: vec![day.clone()], ..whole.clone() },
        Claim { charges: Vec::new(), ..whole.clone() },
        Claim {
            charges: vec![charge(Budget::MOLTBOT_CALLS, 1, 8), of_the_request],
            ..whole.clone()
        },
        Claim {
            charges: [calls(1, 8), vec![charge(Budget::OCR_JOBS, 1, 2)]].concat(),
            ..whole.clone()
        },
        Claim { charges: vec![charge(Budget::VENDORS, 1, 8), day.clone()], ..whole.clone() },
        Claim { intent: sealed(event(&case.request)), ..whole.clone() },
        Claim { intent: case.conclusion(&whole, Conclusion::Expired), ..whole.clone() },
    ] {
        let error = case.admission().admit(&other).await.expect_err("another claim");
        assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    }
    assert_eq!(case.event_types().await, [""; 0]);
    assert_eq!(case.used(&Budget::MOLTBOT_CALLS).await, 0);
    case.admit(&whole).await;
    // One charge of the request is read another way.
    let one = told(&case.charged([charge(Budget::OCR_JOBS, 1, i64::MAX)]));
    for (amount, limit) in [(0, i64::MAX), (1, 2), (2, i64::MAX)] {
        let other = Claim { charges: vec![charge(Budget::OCR_JOBS, amount, limit)], ..one.clone() };
        case.admission().admit(&other).await.expect_err("another charge");
    }
    case.admit(&one).await;
}

pub(crate) async fn however_the_event_of_an_admission_is_written_the_answer_is_the_same(
    case: Case,
) {
    let written = |claim: &Claim, has_more: bool| {
        let claim = told(claim);
        if !has_more {
            return claim;
        }
        let mut input = claim.intent.input().expect("an input");
        input["note"] = json!("a member more");
        let intent = own(EventType::EFFECT_ADMITTED, Actor::System, input);
        Claim { intent: sealed(intent.request(&case.request)), ..claim }
    };
    let common = |key: &str| Claim {
        switches: vec![Switch::AI],
        elapsed_max: Some(Duration::from_mins(10)),
        charges: vec![charge(Budget::MOLTBOT_CALLS, 1, 2)],
        ..case.keyed(key)
    };
    case.set(Switch::AI, false).await;
    let ask =
        async |claim: &Claim, has_more| case.admission().admit(&written(claim, has_more)).await;
    for (nth, has_more) in [false, true].into_iter().enumerate() {
        let verdict = ask(&common(&format!("{has_more}")), has_more).await.expect("decided");
        let Decision::Proceed(admission) = verdict else { panic!("{verdict:?}") };
        assert_eq!(admission.used, [i64::try_from(nth).expect("a small number") + 1]);
        // What takes another thing than it says.
        let whole = written(&common("another"), has_more);
        for other in [
            Claim { effect_id: case.claim().effect_id, ..whole.clone() },
            Claim { effect: "ocr.job_done".to_owned(), ..whole.clone() },
            Claim { key_hash: None, ..whole.clone() },
            Claim { input_hash: hash("another input"), ..whole.clone() },
            Claim { lease: Duration::from_hours(9), ..whole.clone() },
            Claim { elapsed_max: None, ..whole.clone() },
            Claim { switches: Vec::new(), ..whole.clone() },
            Claim { switches: vec![Switch::OCR], ..whole.clone() },
            Claim { charges: vec![charge(Budget::MOLTBOT_CALLS, 1, 800)], ..whole.clone() },
            Claim { charges: Vec::new(), ..whole.clone() },
        ] {
            let error = case.admission().admit(&other).await.expect_err("another claim");
            assert!(matches!(error, StoreError::Refused { .. }), "{has_more} {error:?}");
        }
    }
    let answers = async |claim: Claim| {
        let answers = [ask(&claim, false).await, ask(&claim, true).await];
        let [first, second] = answers.map(|answer| answer.expect("decided"));
        assert_eq!(first, second);
        first
    };
    let over = Decision::Refused(Obstacle::Budget { charge: 0, used: 2 });
    assert_eq!(answers(common("over")).await, over);
    let changed = Claim { input_hash: hash("another input"), ..common("true") };
    assert!(matches!(answers(changed).await, Decision::Conflict { .. }));
    assert!(matches!(answers(common("true")).await, Decision::InProgress { .. }));
    let two = Claim { switches: vec![Switch::AI, Switch::OCR], ..common("two") };
    assert_eq!(answers(two).await, Decision::Refused(switched(1)));
    case.set(Switch::AI, true).await;
    let off = Decision::Refused(switched(0));
    assert_eq!(answers(common("switched off")).await, off);
    // Nothing of what was refused remains.
    assert_eq!(case.used(&Budget::MOLTBOT_CALLS).await, 2);
    assert_eq!(case.open().await.len(), 2);
    assert_eq!(case.event_types().await, ["effect.admitted"; 2]);
}

pub(crate) async fn a_name_that_reads_like_more_than_a_name_is_no_name(case: Case) {
    // Put between the quotes of a name, these make the text of the event: `effect_a` stands between
    // `effect` and `effect_id`.
    let whole = told(&case.claim());
    let mut input = whole.intent.input().expect("an input");
    input["effect_a"] = json!("b");
    let effect = r#"moltbot.called","effect_a":"b"#.to_owned();
    let intent = own(EventType::EFFECT_ADMITTED, Actor::System, input).request(&case.request);
    let claim = Claim { intent: sealed(intent), effect, ..whole };
    let error = case.admission().admit(&claim).await.expect_err("another effect");
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert_eq!(case.event_types().await, [""; 0]);
}

pub(crate) async fn the_event_of_a_flip_says_that_flip(case: Case) {
    let state = |is_engaged| flip(Switch::AI, is_engaged).0;
    let of = |is_engaged| {
        if is_engaged { EventType::SWITCH_ENGAGED } else { EventType::SWITCH_RESET }
    };
    let said =
        |state: &SwitchState| json!({ "switch": "ai", "by": state.by, "reason": state.reason });
    for is_engaged in [true, false] {
        let state = state(is_engaged);
        let whole = || own(of(is_engaged), Actor::Admin, said(&state));
        let saying = |name: &str, value: Value| {
            let mut input = said(&state);
            input[name] = value;
            own(of(is_engaged), Actor::Admin, input)
        };
        let others = [
            own(of(!is_engaged), Actor::Admin, said(&state)),
            own(EventType::MOLTBOT_CALLED, Actor::Admin, said(&state)),
            own(of(is_engaged), Actor::System, said(&state)),
            whole().request(&case.request),
            whole().ended(Outcome::Refused, ErrorCode::Unavailable),
            saying("switch", json!("ocr")),
            saying("by", json!("another")),
            saying("reason", json!("another")),
            saying("reason", Value::Null),
            own(of(is_engaged), Actor::Admin, json!("ai")),
        ];
        for other in others {
            let record = sealed(other);
            let error =
                case.admission().set_switch(&state, &record).await.expect_err("another flip");
            assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
        }
        assert!(
            case.admission()
                .switches()
                .await
                .expect("readable")
                .iter()
                .all(|one| one.is_engaged != is_engaged)
        );
        case.set(Switch::AI, is_engaged).await;
    }
}

pub(crate) async fn the_event_of_a_conclusion_says_that_conclusion(case: Case) {
    let lapsing = Claim { lease: Duration::ZERO, ..case.claim() };
    case.admit(&lapsing).await;
    let all = [Conclusion::Expired, Conclusion::NotPerformed, Conclusion::Performed];
    for done in all {
        let other_effect = case.conclusion(&case.claim(), done);
        let others = all.iter().filter(|told| **told != done);
        let others = others.map(|told| case.conclusion(&lapsing, *told));
        for record in others.chain([other_effect]) {
            let concluded = case.admission().conclude(lapsing.effect_id, done, &record).await;
            let error = concluded.expect_err("another conclusion");
            assert!(matches!(error, StoreError::Refused { .. }), "{done:?}: {error:?}");
        }
    }
    assert!(case.open().await[0].is_expiring, "nothing was concluded");
    case.conclude(&lapsing, Conclusion::Expired).await.expect("it expires");
    case.conclude(&lapsing, Conclusion::Performed).await.expect("it is resolved");
}

pub(crate) async fn no_program_records_what_only_the_database_can_know(case: Case) {
    let lapsing = Claim { lease: Duration::ZERO, ..case.claim() };
    case.admit(&lapsing).await;
    for by in [
        json!({ "how": "session", "who": "postgres" }),
        json!({ "how": "session", "who": "postgres", "claimed": "Aline" }),
        json!({ "how": "jwt", "who": "a-subject", "role": "authenticated" }),
        json!({ "how": "Session", "who": "postgres" }),
        json!({ "how": "host", "who": "Aline", "method": "sso", "session_user": "postgres" }),
        json!({ "how": "claimed", "who": "Aline", "role": "authenticated" }),
        json!({ "how": "claimed", "who": "Aline", "method": "sso" }),
        json!({ "how": "host", "who": "Aline" }),
        json!({ "how": "claimed", "who": "\t" }),
        json!({ "how": "claimed" }),
        json!({ "who": "Aline" }),
        json!("Aline"),
        json!([{ "how": "claimed", "who": "Aline" }]),
        Value::Null,
    ] {
        for is_engaged in [true, false] {
            let (state, record) = flip_by(Switch::AI, is_engaged, &by);
            let error = case.admission().set_switch(&state, &record).await.expect_err("false");
            assert!(matches!(error, StoreError::Refused { .. }), "{by}: {error:?}");
        }
        let said =
            json!({ "effect_id": lapsing.effect_id, "finding": "not_performed", "by": by.clone() });
        let event = own(EventType::EFFECT_RESOLVED, Actor::Admin, said).request(&case.request);
        let conclusion = Conclusion::NotPerformed;
        let concluded =
            case.admission().conclude(lapsing.effect_id, conclusion, &sealed(event)).await;
        let error = concluded.expect_err("false");
        assert!(matches!(error, StoreError::Refused { .. }), "{by}: {error:?}");
    }
    assert_eq!(case.admission().switches().await.expect("readable"), []);
    case.conclude(&lapsing, Conclusion::NotPerformed).await.expect("it is resolved");
}
