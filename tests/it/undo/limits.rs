//! What stops an undo, and what does not: switches, budgets, consents, and an outage.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::event::payload::{CallInput, MoltbotInput};
use moltbot_audit::policy::{Limits, RefusalReason};
use moltbot_audit::testing::{Fault, FaultySink, MemoryStore};
use moltbot_audit::undo::{Compensation, StepEnd, UndoError, UndoHandler};
use moltbot_audit::{AdmitError, Auditor, Budget, Effect, ErrorCode, Switch};
use serde_json::{Value, json};

use super::{Teller, World, is_done};
use crate::support::records::{KEY, event, fresh_request};
use crate::support::stores;
use crate::support::wait::until;

/// Declares another effect than the plan's.
struct Declares<F>(F);

impl<F: Fn(&Compensation<'_>) -> Effect + Sync> UndoHandler for Declares<F> {
    type Error = String;

    fn declare(&self, compensation: &Compensation<'_>) -> Effect {
        (self.0)(compensation)
    }

    async fn perform(&self, _: &Compensation<'_>) -> Result<Value, String> {
        Ok(json!({}))
    }
}

async fn refused<H: UndoHandler>(teller: &Teller, handler: &H) -> ErrorCode {
    let report = teller.undo(handler).await;
    match &report.steps[0].end {
        StepEnd::NotAdmitted(AdmitError::Refused(refusal)) => refusal.reason.error_code(),
        other => panic!("expected a refusal: {other:?}"),
    }
}

#[tokio::test]
async fn the_switch_of_the_ai_stops_no_person_who_undoes_and_still_stops_the_ai() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    let ai = teller.auditor.kill_switch();
    ai.reset(&Switch::AI, "test", "set-up").await.expect("set");
    teller.run(Teller::outreach("v1").planned_by_moltbot()).await;
    ai.engage(&Switch::AI, "Aline", "it went wrong").await.expect("engaged");
    // By its own declaration, a handler may put a compensation under the switch.
    let by_ai = Declares(|one: &Compensation<'_>| one.effect().planned_by_moltbot());
    assert_eq!(refused(&teller, &by_ai).await, ErrorCode::SwitchedOff);
    let report = teller.undo(&World::default()).await;
    assert!(is_done(&report.steps[0].end), "{report:?}");
}

#[tokio::test]
async fn an_undo_inside_an_effect_of_the_ai_is_the_ais() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    let ai = teller.auditor.kill_switch();
    ai.reset(&Switch::AI, "test", "set-up").await.expect("set");
    teller.run(Teller::outreach("v1")).await;
    let call = Effect::moltbot_call(&MoltbotInput::default()).request(&teller.request);
    let called = teller.auditor.effect(call).run(async || {
        ai.engage(&Switch::AI, "Aline", "it undoes by itself").await.expect("engaged");
        Ok::<_, String>(refused(&teller, &World::default()).await.as_str().to_owned())
    });
    assert_eq!(called.await.expect("it ran"), "switched_off");
}

#[tokio::test]
async fn budgets_and_consents_hold_for_compensations() {
    let fresh = stores::memory().await;
    let mut teller = Teller::on(fresh.store.clone());
    let budget = Budget::new("corrections").expect("a name");
    let limits = Limits::default().per_request(budget.clone(), 1).expect("a limit");
    let builder = Auditor::builder(fresh.store.clone(), KEY).environment(|_| None);
    teller.auditor = builder.budgets(limits).build();
    let calling = teller.auditor.kill_switch();
    calling.reset(&Switch::CALLING, "test", "set-up").await.expect("set");
    teller.run(Teller::outreach("v1")).await;
    let charged = Declares(|one: &Compensation<'_>| one.effect().charge(budget.clone(), 2));
    assert_eq!(refused(&teller, &charged).await, ErrorCode::BudgetExceeded);
    let consent_id = Some("consent-1".to_owned());
    let input = CallInput { consent_id, ..CallInput::default() };
    let call = Declares(|_: &Compensation<'_>| Effect::call(&input));
    assert_eq!(refused(&teller, &call).await, ErrorCode::NoConsent);
    let paid = Declares(|one: &Compensation<'_>| one.effect().charge(budget.clone(), 1));
    assert!(is_done(&teller.undo(&paid).await.steps[0].end));
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_undone() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Arc::new(FaultySink::new(Arc::new(MemoryStore::new())));
    let spool = Spool::open(folder.path()).await.expect("a folder");
    let limits = QueueLimits::default().wait(Duration::from_millis(300));
    let builder = Auditor::builder(sink.clone(), KEY).environment(|_| None);
    let auditor = builder.limits(limits).spool(spool).build();
    let teller = Teller { store: sink.inner().clone(), auditor, request: fresh_request() };
    teller.run(Teller::outreach("v1")).await;
    let plan = teller.plan().await;
    // Reads pass, and writes fail: an ordinary message would be sent, and recorded in the spool.
    sink.every_call(Fault::not_landed());
    let world = World::default();
    let undone = teller.auditor.undo(&plan, "Aline", "off", &world).await;
    assert!(matches!(undone, Err(UndoError::Away)), "{undone:?}");
    // It is away once the undo has begun.
    sink.heal();
    teller.auditor.record(event(&teller.request)).await.expect("recorded");
    drained(&teller).await;
    let gone = Declares(|one: &Compensation<'_>| {
        sink.every_call(Fault::not_landed());
        one.effect()
    });
    let report = teller.auditor.undo(&plan, "Aline", "off", &gone).await;
    let report = report.expect("it is readable");
    let StepEnd::NotAdmitted(AdmitError::Refused(refusal)) = &report.steps[0].end else {
        panic!("expected a refusal: {report:?}")
    };
    assert_eq!(refusal.reason, RefusalReason::Unavailable);
    assert!(!report.is_done());
}

/// Waits until nothing is in the spool.
async fn drained(teller: &Teller) {
    let spool = teller.auditor.spool().expect("it has one");
    until("the spool is empty", || spool.depth().events == 0).await;
}
