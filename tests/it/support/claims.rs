//! Claims to admit, and what may become of them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::event::payload::{AdmissionInput, ChargeInput, EffectAdmitted, Nothing};
use moltbot_audit::event::{Budget, Identity, Period, Switch, SwitchScope};
use moltbot_audit::proof::{Digest, stream_start};
use moltbot_audit::record::{Receipt, Record};
use moltbot_audit::store::AuditStore;
use moltbot_audit::store::admission::{
    Admission, AdmissionStore, Charge, Claim, Conclusion, Decision, Obstacle, OpenEffect, OpenKind,
    OpenPage, Scope, SwitchState,
};
use moltbot_audit::{
    Actor, AuditEvent, ConversationId, ErrorCode, EventId, EventType, Outcome, RequestId, testing,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::records::{KEY, assert_unbroken, fresh_request, morning, sealed, stream, unique};

/// A store, and a request whose effects ask to run.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) store: Arc<dyn AuditStore>,
    pub(crate) request: RequestId,
}

/// A charge to a budget of the request.
pub(crate) fn charge(budget: Budget, amount: i64, limit: i64) -> Charge {
    Charge { budget, period: Period::Request, amount, limit }
}

/// The obstacle that the claim's switch with this index is engaged everywhere.
pub(crate) fn switched(switch: usize) -> Obstacle {
    Obstacle::Switch { switch, scope: SwitchScope::Everywhere, event_id: None }
}

/// A digest that stands for the keyed hash of a text.
pub(crate) fn hash(of: &str) -> Digest {
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(of.bytes()) {
        *byte = from;
    }
    stream_start(bytes)
}

pub(crate) fn id_at(at: DateTime<Utc>) -> EventId {
    EventId::new(at, unique()).expect("a time of this century")
}

impl Case {
    pub(crate) fn new(store: Arc<dyn AuditStore>) -> Self {
        Self { store, request: fresh_request() }
    }

    pub(crate) fn admission(&self) -> &dyn AdmissionStore {
        self.store.admission().expect("a store that decides")
    }

    /// An effect without a key, a switch or a charge.
    pub(crate) fn claim(&self) -> Claim {
        self.claim_at(morning())
    }

    /// The same, whose intent happens at this time.
    pub(crate) fn claim_at(&self, at: DateTime<Utc>) -> Claim {
        let effect_id = id_at(at).uuid();
        let input = AdmissionInput { effect_id: Some(effect_id.to_string()), ..Default::default() };
        let intent = AuditEvent::typed::<EffectAdmitted>(Actor::System, &input, &Nothing {});
        let intent = intent.expect("an input is JSON").request(&self.request).id(id_at(at));
        Claim {
            intent: sealed(intent),
            effect_id,
            effect: EventType::MOLTBOT_CALLED.as_str().to_owned(),
            key: KEY.fingerprint(),
            key_hash: None,
            previous: Vec::new(),
            input_hash: hash("an input"),
            switches: Vec::new(),
            consent: None,
            elapsed_max: None,
            charges: Vec::new(),
            lease: Duration::from_mins(1),
        }
    }

    /// An effect that is charged this.
    pub(crate) fn charged(&self, charges: impl Into<Vec<Charge>>) -> Claim {
        Claim { charges: charges.into(), ..self.claim() }
    }

    /// An effect with this key.
    pub(crate) fn keyed(&self, key: &str) -> Claim {
        Claim { key_hash: Some(hash(key)), ..self.claim() }
    }

    pub(crate) async fn ask(&self, claim: &Claim) -> Decision {
        self.admission().admit(&told(claim)).await.expect("the store decides")
    }

    pub(crate) async fn admit(&self, claim: &Claim) -> Admission {
        match self.ask(claim).await {
            Decision::Proceed(admission) => admission,
            other => panic!("expected Proceed, got {other:?}"),
        }
    }

    pub(crate) async fn refusal(&self, claim: &Claim) -> Obstacle {
        match self.ask(claim).await {
            Decision::Refused(obstacle) => obstacle,
            other => panic!("expected Refused, got {other:?}"),
        }
    }

    pub(crate) async fn append(&self, record: Record) -> Receipt {
        let appended = self.store.append(&[record]).await.expect("the batch lands");
        appended[0].expect("no conflict")
    }

    /// Records something beside the effects.
    pub(crate) async fn record(&self, event_type: EventType, at: DateTime<Utc>, input: Value) {
        let event = AuditEvent::new(event_type, Actor::Client).request(&self.request);
        self.append(sealed(event.id(id_at(at)).input(input))).await;
    }

    pub(crate) async fn succeed(&self, claim: &Claim, output: Value) -> Receipt {
        self.append(outcome(claim, &self.request, |event| event.output(output))).await
    }

    pub(crate) async fn fail(&self, claim: &Claim, outcome: Outcome, code: ErrorCode) -> Receipt {
        self.append(self::outcome(claim, &self.request, |event| event.ended(outcome, code))).await
    }

    pub(crate) async fn conclude(&self, claim: &Claim, conclusion: Conclusion) -> Option<Receipt> {
        self.conclude_by(claim, conclusion, &self.conclusion(claim, conclusion)).await
    }

    /// A record of a conclusion.
    pub(crate) fn conclusion(&self, claim: &Claim, conclusion: Conclusion) -> Record {
        let finding = match conclusion {
            Conclusion::Performed => Some("performed"),
            Conclusion::NotPerformed => Some("not_performed"),
            _ => None,
        };
        let of = finding.map_or(EventType::EFFECT_EXPIRED, |_| EventType::EFFECT_RESOLVED);
        let input = match finding {
            Some(finding) => {
                json!({ "effect_id": claim.effect_id, "finding": finding, "by": operator() })
            }
            None => json!({ "effect_id": claim.effect_id }),
        };
        let event = AuditEvent::new(of, Actor::Admin).input(input);
        sealed(event.request(&self.request).id(id_at(morning())))
    }

    pub(crate) async fn conclude_by(
        &self,
        claim: &Claim,
        conclusion: Conclusion,
        record: &Record,
    ) -> Option<Receipt> {
        let concluded = self.admission().conclude(claim.effect_id, conclusion, record).await;
        concluded.expect("the store concludes")
    }

    pub(crate) async fn open(&self) -> Vec<OpenEffect> {
        self.page(OpenKind::All, None, 1_000).await
    }

    pub(crate) async fn page(
        &self,
        of: OpenKind,
        after: Option<&OpenEffect>,
        max: u32,
    ) -> Vec<OpenEffect> {
        let page = OpenPage { of, after: after.map(OpenEffect::place), max };
        self.admission().open_effects(page).await.expect("a readable store")
    }

    /// What of the request's budget is used.
    pub(crate) async fn used(&self, budget: &Budget) -> i64 {
        self.used_of(Scope::Request(self.request.uuid()), budget).await
    }

    pub(crate) async fn used_of(&self, scope: Scope, budget: &Budget) -> i64 {
        let used = self.admission().usage(scope).await.expect("a readable store");
        used.iter().find(|(of, _)| of == budget).map_or(0, |(_, used)| *used)
    }

    pub(crate) async fn set(&self, switch: Switch, is_engaged: bool) -> Receipt {
        let (state, record) = flip(switch, is_engaged);
        let flip = self.admission().set_switch(&state, &record).await.expect("the switch is set");
        flip.receipt.expect("nobody holds the stream")
    }

    pub(crate) async fn assert_unbroken(&self) {
        let snapshot = self.store.read_stream(stream(&self.request)).await;
        assert_unbroken(&snapshot.expect("a readable stream").expect("a stream with events"));
    }

    /// Events of the request's stream.
    pub(crate) async fn event_types(&self) -> Vec<String> {
        let snapshot = self.store.read_stream(stream(&self.request)).await;
        let records = snapshot.expect("a readable stream").map(|snapshot| snapshot.records);
        records.unwrap_or_default().into_iter().map(|row| row.header.event_type).collect()
    }
}

/// The claim with an intent that says it, as an auditor makes one.
pub(crate) fn told(claim: &Claim) -> Claim {
    let mut intent = AuditEvent::new(EventType::EFFECT_ADMITTED, Actor::System)
        .id(claim.intent.id())
        .input(serde_json::to_value(said(claim)).expect("an input is JSON"));
    let header = claim.intent.header();
    intent.request_id = header.request_id.map(|id| RequestId::from_uuid(id).expect("a UUID"));
    intent.conversation_id =
        header.conversation_id.map(|id| ConversationId::from_uuid(id).expect("a UUID"));
    Claim { intent: sealed(intent), ..claim.clone() }
}

fn said(claim: &Claim) -> AdmissionInput {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let charges = claim.charges.iter().map(|charge| ChargeInput {
        budget: Some(charge.budget.to_string()),
        period: Some(charge.period.to_string()),
        amount: Some(charge.amount),
        limit: Some(charge.limit),
        ..Default::default()
    });
    AdmissionInput {
        effect_id: Some(claim.effect_id.to_string()),
        effect: Some(claim.effect.clone()),
        switches: claim.switches.iter().map(ToString::to_string).collect(),
        charges: charges.collect(),
        elapsed_max_ms: claim.elapsed_max.map(millis),
        lease_ms: Some(millis(claim.lease)),
        consent_id: claim.consent.as_ref().map(|consent| consent.consent_id.clone()),
        consent_lifetime_ms: claim.consent.as_ref().map(|consent| millis(consent.lifetime)),
        key_hash: claim.key_hash.map(|hash| hash.to_hex()),
        input_hash: Some(claim.input_hash.to_hex()),
        ..Default::default()
    }
}

/// The outcome event of a claim's effect.
pub(crate) fn outcome(
    claim: &Claim,
    request: &RequestId,
    fill: impl FnOnce(AuditEvent) -> AuditEvent,
) -> Record {
    let id = EventId::from_uuid(claim.effect_id).expect("an event id");
    let event = AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot).request(request).id(id);
    testing::outcome(sealed(fill(event)))
}

/// The intent of an effect that was begun while the database was away.
pub(crate) fn spooled(claim: &Claim, request: &RequestId) -> Record {
    let input = AdmissionInput {
        effect_id: Some(claim.effect_id.to_string()),
        effect: Some(claim.effect.clone()),
        lease_ms: u64::try_from(claim.lease.as_millis()).ok(),
        key_hash: claim.key_hash.map(|hash| hash.to_hex()),
        input_hash: Some(claim.input_hash.to_hex()),
        charges: vec![ChargeInput { amount: Some(1), ..Default::default() }],
        ..Default::default()
    };
    let intent = AuditEvent::typed::<EffectAdmitted>(Actor::System, &input, &Nothing {});
    let id = EventId::from_uuid(claim.intent.header().id).expect("an event id");
    testing::intent(sealed(intent.expect("an input is JSON").request(request).id(id)))
}

pub(crate) fn operator() -> Identity {
    Identity::host("an operator", "a test")
}

/// A flip of a switch, and its record in the system's stream.
pub(crate) fn flip(switch: Switch, is_engaged: bool) -> (SwitchState, Record) {
    flip_by(switch, is_engaged, &json!(operator()))
}

/// As [`flip`], by an identity as it is written in the event.
pub(crate) fn flip_by(switch: Switch, is_engaged: bool, by: &Value) -> (SwitchState, Record) {
    let of = if is_engaged { EventType::SWITCH_ENGAGED } else { EventType::SWITCH_RESET };
    let reason = "a reason".to_owned();
    let event = AuditEvent::new(of, Actor::Admin).id(id_at(morning()));
    let input = json!({ "switch": switch.as_str(), "by": by, "reason": reason });
    let record = sealed(event.input(input));
    // The time is the store's to say.
    let at = morning() - TimeDelta::days(900);
    let by = Identity::deserialize(by).ok();
    let (scope, until) = (SwitchScope::Everywhere, None);
    (SwitchState { switch, scope, is_engaged, until, by, reason, at, pending: 0 }, record)
}
