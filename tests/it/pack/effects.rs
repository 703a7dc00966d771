//! A request whose effects are admitted, told through typed events, and what its packs say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::event::payload::{
    AdmissionInput, ChargeInput, EffectAdmitted, EffectResolved, Nothing, ResolutionInput,
};
use moltbot_audit::pack::sections::BudgetVerdict;
use moltbot_audit::pack::verify_request_pack;
use moltbot_audit::redact::Profile;
use moltbot_audit::{Actor, AuditEvent, EventId, EventType};
use serde_json::{Value, json};

use super::{KEY, export, story};
use crate::support::forging::ForgingStore;

/// Tells of effects, and reads what a pack of them says.
pub(super) struct Effects {
    store: Arc<ForgingStore>,
    pub(super) teller: story::Teller,
    count: AtomicU64,
}

impl Effects {
    pub(super) fn new() -> Self {
        Self::on(ForgingStore::default())
    }

    pub(super) fn on(store: ForgingStore) -> Self {
        let store = Arc::new(store);
        let teller = story::Teller::new(store.clone());
        Self { store, teller, count: 0.into() }
    }

    pub(super) fn fresh_id(&self) -> EventId {
        let count = self.count.fetch_add(1, Ordering::SeqCst);
        EventId::new(Self::start() + TimeDelta::milliseconds(1), count).expect("a time")
    }

    pub(super) fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
    }

    /// Tells that an effect was admitted, and returns its id.
    pub(super) async fn admit(&self, effect: &str, charges: Vec<ChargeInput>) -> EventId {
        let id = self.fresh_id();
        self.teller
            .typed::<EffectAdmitted>(Actor::System, admission(id, effect, charges), Nothing {})
            .await;
        id
    }

    pub(super) async fn end(&self, id: EventId, event: AuditEvent) {
        self.teller.tell(event.id(id)).await;
    }

    /// A call of Moltbot that is charged one of eight, and succeeds.
    pub(super) async fn call(&self) {
        let id = self.admit("moltbot.called", vec![charge("moltbot_calls", 1, 8)]).await;
        self.end(id, called()).await;
    }

    pub(super) async fn resolve(&self, id: EventId, finding: &str) {
        let input = ResolutionInput {
            effect_id: Some(id.to_string()),
            effect: Some("moltbot.called".into()),
            finding: Some(finding.to_owned()),
            by: Some("Keza Exemple".into()),
            reason: Some("the provider's list of Keza".into()),
            ..Default::default()
        };
        self.teller.typed::<EffectResolved>(Actor::Admin, input, Nothing {}).await;
    }

    /// Both packs, and that the verifier's verdict on each is what it says itself.
    pub(super) async fn packs(&self) -> [(Value, BudgetVerdict); 2] {
        let [internal, external] = [Profile::internal(), Profile::external(&KEY)];
        [self.judged(&internal).await, self.judged(&external).await]
    }

    pub(super) async fn judged(&self, profile: &Profile) -> (Value, BudgetVerdict) {
        let pack = export(&*self.store, &self.teller.request, profile).await;
        // As it is written: a member that stands twice would be gone from what was parsed.
        let json = pack.to_json_pretty();
        let verified = verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
        let verdict = verified.budgets().clone();
        let pack: Value = serde_json::from_str(&json).expect("a pack is JSON");
        if let Some(said) = pack["budgets"].get("content") {
            assert_eq!(said["check"], json!(verdict));
        }
        (pack, verdict)
    }
}

pub(super) fn admission(id: EventId, effect: &str, charges: Vec<ChargeInput>) -> AdmissionInput {
    AdmissionInput {
        effect_id: Some(id.to_string()),
        effect: Some(effect.to_owned()),
        switches: vec!["ai".into()],
        charges,
        lease_ms: Some(60_000),
        input_hash: Some("5a".repeat(32)),
        ..Default::default()
    }
}

pub(super) fn charge(budget: &str, amount: i64, limit: i64) -> ChargeInput {
    ChargeInput {
        budget: Some(budget.to_owned()),
        period: Some("request".into()),
        amount: Some(amount),
        limit: Some(limit),
        ..Default::default()
    }
}

pub(super) fn called() -> AuditEvent {
    AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot).input(json!({ "attempt": 1 }))
}
