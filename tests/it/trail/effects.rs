//! Property: whatever effects a host asked for, and however they ended, their request's packs verify.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::auditor::Finding;
use moltbot_audit::delivery::Spool;
use moltbot_audit::event::payload::{BatchInput, CallInput, MoltbotInput, OcrInput, OutreachInput};
use moltbot_audit::pack::{Unchecked, export_request_pack, verify_request_pack};
use moltbot_audit::policy::Limits;
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::{Fault, FaultySink};
use moltbot_audit::{
    Actor, AuditEvent, Auditor, Budget, Effect, EventType, Permit, RequestId, Switch,
};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use serde_json::{Value, json};

use super::generator::{Told, any_payloads, any_told, sampled};
use super::random::stores;
use super::settings;
use crate::support::records::{KEY, fresh_request, named_conversation, stream, unique};
use crate::support::stores::Fresh;
use crate::support::wait::until;

const SWITCHES: [Switch; 3] = [Switch::AI, Switch::OCR, Switch::CALLING];

/// What an effect does.
#[derive(Clone, Debug)]
enum Kind {
    Call,
    Job,
    Batch(Vec<&'static str>),
    Message,
    /// It rests on a consent.
    PhoneCall(Option<&'static str>),
    Custom(Option<Switch>),
}

/// How an effect ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Succeeded,
    Failed,
    NotPerformed,
    /// Its permit is dropped.
    Dropped,
    /// Its process dies.
    Lost,
}

/// One thing that happens in a request.
#[derive(Clone, Debug)]
enum Step {
    Effect {
        kind: Kind,
        key: Option<&'static str>,
        charge: Option<i64>,
        conversation: bool,
        payloads: [Value; 2],
        end: End,
    },
    Told(Box<Told>),
    Consent(&'static str, EventType),
    Flip(Switch, bool),
    /// The database is away, or back.
    Away(bool),
    /// Leases that are over are recorded, and what is in doubt is resolved, if it says how.
    Settle(Option<Finding>),
}

fn step() -> impl Strategy<Value = Step> {
    let vendor = prop::sample::select(vec!["v1", "v2", "v3", "+250788123456"]);
    let consent = prop::sample::select(vec!["c1", "c2"]);
    let switch = prop::sample::select(SWITCHES.to_vec());
    let kind = prop_oneof![
        3 => Just(Kind::Call),
        1 => Just(Kind::Job),
        2 => prop::collection::vec(vendor, 0..4).prop_map(Kind::Batch),
        1 => Just(Kind::Message),
        2 => prop::option::of(consent.clone()).prop_map(Kind::PhoneCall),
        2 => prop::option::of(switch.clone()).prop_map(Kind::Custom),
    ];
    let end = prop_oneof![
        4 => Just(End::Succeeded),
        1 => Just(End::Failed),
        1 => Just(End::NotPerformed),
        1 => Just(End::Dropped),
        1 => Just(End::Lost),
    ];
    let key = prop::option::of(prop::sample::select(vec!["k1", "k2"]));
    let charge = prop::option::weighted(0.3, 1_i64..4);
    let effect = (kind, key, charge, any::<bool>(), any_payloads(), end).prop_map(
        |(kind, key, charge, conversation, payloads, end)| Step::Effect {
            kind,
            key,
            charge,
            conversation,
            payloads,
            end,
        },
    );
    let words = vec![
        EventType::CALL_CONSENT_REQUESTED,
        EventType::CALL_CONSENT_GRANTED,
        EventType::CALL_CONSENT_DENIED,
        EventType::CALL_CONSENT_EXPIRED,
    ];
    let finding = prop::sample::select(vec![Finding::Performed, Finding::NotPerformed]);
    prop_oneof![
        8 => effect,
        1 => any_told().prop_map(|told| Step::Told(Box::new(told))),
        2 => (consent, prop::sample::select(words)).prop_map(|(id, word)| Step::Consent(id, word)),
        2 => (switch, prop::bool::weighted(0.3)).prop_map(|(switch, on)| Step::Flip(switch, on)),
        1 => prop::bool::weighted(0.3).prop_map(Step::Away),
        1 => prop::option::of(finding).prop_map(Step::Settle),
    ]
}

/// A host, and a request that it is at.
struct Host {
    auditor: Auditor,
    sink: Arc<FaultySink<dyn AuditStore>>,
    request: RequestId,
    /// Keys are of one trail.
    nth: u64,
}

impl Host {
    async fn take(&self, step: Step) {
        match step {
            Step::Effect { kind, key, charge, conversation, payloads, end } => {
                let mut effect = kind.effect(&payloads[0]).request(&self.request);
                effect = effect.lease(Duration::from_millis(1));
                if let Some(key) = key {
                    effect = effect.idempotency_key(format!("{key}:{}", self.nth));
                }
                if let Some(amount) = charge {
                    effect = effect.charge(Budget::VENDORS, amount);
                }
                if conversation {
                    effect = effect.conversation(&named_conversation("a conversation"));
                }
                // Whatever the answer is, the packs tell it.
                if let Ok(permit) = self.auditor.effect(effect).admit().await {
                    end.of(permit, &payloads[1]).await;
                }
            }
            Step::Told(told) => {
                self.auditor.record(told.event(&self.request)).await.expect("it is recorded");
            }
            Step::Consent(id, word) => {
                let event = AuditEvent::new(word, Actor::Client).request(&self.request);
                let event = event.input(json!({ "consent_id": id }));
                self.auditor.record(event).await.expect("it is recorded");
            }
            Step::Flip(switch, true) => {
                self.auditor.kill_switch().engage(&switch, "a", "b").await.ok();
            }
            Step::Flip(switch, false) => {
                self.auditor.kill_switch().reset(&switch, "a", "b").await.ok();
            }
            Step::Away(true) => self.sink.every_call(Fault::not_landed()),
            Step::Away(false) => self.back().await,
            Step::Settle(finding) => {
                // Longer than a lease.
                tokio::time::sleep(Duration::from_millis(2)).await;
                for open in self.auditor.in_doubt().await.unwrap_or_default() {
                    if let Some(finding) = finding {
                        self.auditor.resolve(open.effect_id, finding, "a", "b").await.ok();
                    }
                }
            }
        }
    }

    /// The database is back, and has what was kept meanwhile.
    async fn back(&self) {
        self.sink.heal();
        let is_drained = || self.auditor.spool().is_none_or(|spool| spool.depth().events == 0);
        until("the spool is drained", is_drained).await;
    }
}

impl Kind {
    fn effect(self, input: &Value) -> Effect {
        let text = || Some(input.to_string());
        match self {
            Self::Call => Effect::moltbot_call(&MoltbotInput::default()).estimated_tokens(5),
            Self::Job => Effect::ocr_job(&OcrInput::default()),
            Self::Batch(vendors) => {
                let vendor_ids = vendors.into_iter().map(str::to_owned).collect();
                Effect::vendor_batch(&BatchInput { vendor_ids, ..Default::default() })
                    .planned_by_moltbot()
            }
            Self::Message => {
                let input = OutreachInput { text: text(), ..Default::default() };
                Effect::vendor_message(&input)
            }
            Self::PhoneCall(consent) => {
                let consent_id = consent.map(str::to_owned);
                Effect::call(&CallInput { consent_id, ..Default::default() })
            }
            Self::Custom(switch) => {
                let effect =
                    Effect::custom(EventType::DISCOVERY_CALL, Actor::System, input.clone());
                switch.into_iter().fold(effect, Effect::switch)
            }
        }
    }
}

impl End {
    async fn of(self, permit: Permit, output: &Value) {
        match self {
            Self::Succeeded => drop(permit.succeeded(output).await),
            Self::Failed => drop(permit.failed(&"it failed").await),
            Self::NotPerformed => drop(permit.not_performed("not needed").await),
            Self::Dropped => drop(permit),
            Self::Lost => std::mem::forget(permit),
        }
    }
}

fn host(fresh: &Fresh, spool: Spool, nth: u64) -> Host {
    let sink = Arc::new(FaultySink::new(fresh.store.clone()));
    let limits = Limits::default().per_request(Budget::VENDORS, 6).expect("a limit");
    let auditor =
        Auditor::builder(sink.clone(), KEY).budgets(limits).spool(spool).environment(|_| None);
    Host { auditor: auditor.build(), sink, request: fresh_request(), nth }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_trail_of_effects_verifies() {
    let stores = stores().await;
    let (count, seed) = settings();
    let mut types = BTreeSet::new();
    for (nth, fresh) in (0..count).zip(stores.iter().cycle()) {
        let name = format!("trail of effects {nth} of MOLTBOT_AUDIT_SEED={seed}");
        let steps = sampled(seed, nth, &prop::collection::vec(step(), 1..14));
        let folder = tempfile::tempdir().expect("a folder");
        let host = host(fresh, Spool::open(folder.path()).await.expect("a spool"), unique());
        for switch in SWITCHES {
            host.auditor.kill_switch().reset(&switch, "a", "b").await.expect("it is reset");
        }
        for step in steps.clone() {
            host.take(step).await;
        }
        host.back().await;
        let snapshot = fresh.store.read_stream(stream(&host.request)).await;
        let Some(snapshot) = snapshot.unwrap_or_else(|error| panic!("{name}: {error}")) else {
            continue;
        };
        types.extend(snapshot.records.iter().map(|one| one.header.event_type.clone()));
        for profile in [Profile::internal(), Profile::external(&KEY)] {
            let pack = export_request_pack(&*fresh.store, &host.request, &profile).await;
            let pack = pack.unwrap_or_else(|error| panic!("{name}: {error}"));
            let verified = verify_request_pack(pack.to_json_pretty().as_bytes());
            let verified = verified.unwrap_or_else(|error| panic!("{name}: {error}\n{steps:#?}"));
            let set_aside = |one: &Unchecked| matches!(one, Unchecked::SetAside(_));
            assert!(!verified.unchecked().iter().any(set_aside), "{name}");
        }
    }
    // Rare words may be missing in a few trails, but not these.
    for own in ["effect.admitted", "effect.refused", "effect.expired"] {
        assert!(types.contains(own), "{own}: {types:?}");
    }
    eprintln!("{count} trails of effects: {types:?}");
}
