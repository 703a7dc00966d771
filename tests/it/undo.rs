//! Undoing a request: what is planned, what runs, and that nothing is undone twice.

mod deadlines;
mod limits;
mod plan;
mod processes;
mod shown;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use moltbot_audit::event::payload::{
    OutboundInput, OutreachInput, ShortlistGenerated, ShortlistInput, ShortlistOutput, StateChange,
};
use moltbot_audit::pack::sections::{UndoPlan, UndoProgress, UndoStep};
use moltbot_audit::store::AuditStore;
use moltbot_audit::undo::{Compensation, StepEnd, UndoHandler, UndoReport};
use moltbot_audit::{Actor, AuditEvent, Auditor, Effect, EventType, RequestId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::records::{KEY, fresh_request};

/// The world beyond the host: what was undone in it, in order.
#[derive(Default)]
struct World {
    undone: Mutex<Vec<(String, Uuid)>>,
    /// Calls from here on fail.
    fails_from: Option<usize>,
    calls: AtomicUsize,
}

impl World {
    fn failing_from(call: usize) -> Self {
        Self { fails_from: Some(call), ..Self::default() }
    }

    fn undone(&self) -> Vec<String> {
        self.undone.lock().expect("no panic").iter().map(|(what, _)| what.clone()).collect()
    }
}

impl UndoHandler for World {
    type Error = &'static str;

    async fn perform(&self, compensation: &Compensation<'_>) -> Result<Value, &'static str> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.fails_from.is_some_and(|first| call >= first) {
            return Err("the provider answered 503");
        }
        tokio::task::yield_now().await;
        let step = compensation.step();
        let whom = step.vendor_id.clone().unwrap_or_default();
        let state = step.way.first().cloned().unwrap_or_default();
        let what = step.compensation.as_deref().unwrap_or("nothing");
        let told = format!("{what} {whom}{state}").trim_end().to_owned();
        self.undone.lock().expect("no panic").push((told, step.act_id));
        Ok(json!({ "provider_message_id": "wamid.undo" }))
    }
}

/// A host with one request.
struct Teller {
    store: Arc<dyn AuditStore>,
    auditor: Auditor,
    request: RequestId,
}

impl Teller {
    fn on(store: Arc<dyn AuditStore>) -> Self {
        let auditor = Auditor::builder(store.clone(), KEY).environment(|_| None).build();
        Self { store, auditor, request: fresh_request() }
    }

    async fn run(&self, effect: Effect) {
        let effect = self.auditor.effect(effect.request(&self.request));
        effect.run(async || Ok::<_, String>(json!({}))).await.expect("it may run");
    }

    async fn message(&self, text: &str) {
        let to_phone = Some("+250788000111".to_owned());
        let input =
            OutboundInput { to_phone, text: Some(text.to_owned()), ..OutboundInput::default() };
        self.run(Effect::message(&input)).await;
    }

    fn outreach(vendor: &str) -> Effect {
        let input = OutreachInput { vendor_id: vendor.to_owned(), ..OutreachInput::default() };
        Effect::vendor_message(&input)
    }

    /// The state is reported, and not an effect.
    async fn state(&self, from: Option<&str>, to: &str) {
        let input = StateChange {
            from_state: from.map(str::to_owned),
            to_state: to.to_owned(),
            ..StateChange::default()
        };
        let input = serde_json::to_value(input).expect("JSON");
        self.record(AuditEvent::new(EventType::REQUEST_STATE_CHANGED, Actor::System).input(input))
            .await;
    }

    async fn shortlist(&self) {
        let (input, output) = (ShortlistInput::default(), ShortlistOutput::default());
        let event = AuditEvent::typed::<ShortlistGenerated>(Actor::System, &input, &output);
        self.record(event.expect("an event")).await;
    }

    async fn record(&self, event: AuditEvent) {
        self.auditor.record(event.request(&self.request)).await.expect("recorded");
    }

    /// A request from its first message to the handoff.
    async fn whole_request(&self) {
        self.state(None, "collecting_requirements").await;
        self.message("Muraho").await;
        self.state(Some("collecting_requirements"), "vendor_outreach").await;
        self.run(Self::outreach("v1")).await;
        self.run(Self::outreach("v2")).await;
        self.run(Self::outreach("v1")).await;
        self.state(Some("vendor_outreach"), "awaiting_vendor_replies").await;
        self.shortlist().await;
        self.shortlist().await;
        self.state(Some("awaiting_vendor_replies"), "shortlist_ready").await;
        self.message("the shortlist").await;
        self.state(Some("shortlist_ready"), "handed_off").await;
    }

    async fn plan(&self) -> UndoPlan {
        self.auditor.undo_plan(&self.request).await.expect("the request is known")
    }

    async fn undo<H: UndoHandler>(&self, world: &H) -> UndoReport<H::Error> {
        let plan = self.plan().await;
        let undone = self.auditor.undo(&plan, "Aline", "the client gave up", world);
        undone.await.expect("the store is up")
    }
}

fn progress(plan: &UndoPlan) -> Vec<(&str, UndoProgress)> {
    plan.steps.iter().map(|step| (step.event_type.as_str(), step.progress)).collect()
}

fn step<'a>(plan: &'a UndoPlan, event_type: &EventType) -> &'a UndoStep {
    let found = plan.steps.iter().find(|step| step.event_type == event_type.as_str());
    found.expect("it is in the plan")
}

fn is_done<E>(end: &StepEnd<E>) -> bool {
    matches!(end, StepEnd::Done { .. })
}
