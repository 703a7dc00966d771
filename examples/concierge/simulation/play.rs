//! Plays a scenario step by step, and checks what it asserts.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::store::WriteError;
use moltbot_audit::{Auditor, ControlError, RecordError, RequestId, Switch};

use super::orchestrator::Orchestrator;
use super::scenario::{Assert, Scenario, Step};
use super::story::Story;
use super::world::{Kind, Went, World};

/// A play that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlayError {
    #[error("scenario {scenario}, step {step}: {failed}")]
    Assertion { scenario: String, step: String, failed: String },
    #[error("scenario {scenario}, step {step}: the audit trail could not be written")]
    Audit { scenario: String, step: String, source: RecordError },
}

/// Plays `scenario` in `world`, recorded by `auditor`, which must tell the world's time. Gives the
/// requests that were opened.
pub(crate) async fn play(
    scenario: &Scenario,
    auditor: &Auditor,
    world: &Arc<World>,
    story: &Story,
) -> Result<Vec<RequestId>, PlayError> {
    let audit = |step: &str| {
        let (scenario, step) = (scenario.name.clone(), step.to_owned());
        move |source| PlayError::Audit { scenario, step, source }
    };
    let scene = scenario.initial_state.clone();
    let orchestrator = Orchestrator::new(auditor.clone(), world.clone(), scene);
    let orchestrator = orchestrator.map_err(audit("(opening)"))?;
    let mut stage = Stage { orchestrator, world: world.clone() };
    story.opens(scenario);
    for step in &scenario.steps {
        let before = stage.client_messages().len();
        // What the step before planned goes out before this one is told.
        stage.work_off().await.map_err(audit(&step.id))?;
        story.step(step);
        for _ in 0..step.repeat {
            stage.perform(step).await.map_err(audit(&step.id))?;
        }
        if let Some(assert) = &step.assert {
            stage.check(assert, before).map_err(|failed| PlayError::Assertion {
                scenario: scenario.name.clone(),
                step: step.id.clone(),
                failed,
            })?;
        }
    }
    // A batch that the last step planned still goes out: nothing is left half done.
    stage.work_off().await.map_err(audit("(closing)"))?;
    Ok(stage.orchestrator.cases().iter().map(|case| case.trail().request().clone()).collect())
}

/// What a new deployment does once: a switch that nobody ever reset is engaged.
pub(crate) async fn set_up(auditor: &Auditor) -> Result<(), ControlError> {
    for switch in [Switch::AI, Switch::OCR, Switch::CALLING] {
        auditor.kill_switch().reset(&switch, "concierge", "set-up").await?;
    }
    Ok(())
}

struct Stage {
    orchestrator: Orchestrator,
    world: Arc<World>,
}

impl Stage {
    async fn perform(&mut self, step: &Step) -> Result<(), RecordError> {
        self.work_off().await?;
        self.world.clock().advance(BETWEEN_STEPS + Duration::from_secs(step.elapsed_seconds));
        if let Some(failure) = &step.inject_failure {
            self.world.script_failure(failure.provider, failure.times);
        }
        if step.host_restarts {
            self.orchestrator.restart();
        }
        if let Some(operator) = &step.operator {
            self.orchestrator.operate(operator).await.map_err(|error| match error {
                ControlError::Record(error) => error,
                ControlError::Store(error) => WriteError::from(error).into(),
                _ => WriteError::Interrupted.into(),
            })?;
        }
        let moltbot_due = step.moltbot_output.is_some();
        if let Some(output) = &step.moltbot_output {
            self.world.script_decision(output.clone());
        }
        let mut decided = false;
        if let Some(inbound) = &step.client_inbound {
            self.orchestrator.client_wrote(inbound).await?;
            decided = true;
        }
        if let Some(reply) = &step.consent_reply {
            self.orchestrator.consent_answered(reply).await?;
        }
        if let Some(result) = &step.ocr_result {
            self.world.script_reading(result.clone());
            if let Some(case) = self.orchestrator.current() {
                case.read_photo(moltbot_due).await?;
            }
            decided = true;
        }
        if let Some(inbound) = &step.vendor_inbound {
            self.orchestrator.vendor_wrote(inbound).await?;
        }
        let Some(case) = self.orchestrator.current() else { return Ok(()) };
        if let Some(offer) = &step.call_offer {
            case.offer_call(&offer.scope).await?;
        }
        if let Some(report) = &step.call_status {
            case.call_reported(report).await?;
        }
        if moltbot_due && !decided {
            case.check_time().await?;
            case.decide().await?;
        }
        // What Moltbot was not asked for is not an answer to the next question.
        self.world.forget_decisions();
        Ok(())
    }

    /// What the workers had still to do when the last step ended.
    async fn work_off(&mut self) -> Result<(), RecordError> {
        match self.orchestrator.current() {
            Some(case) => case.send_pending_batch().await,
            None => Ok(()),
        }
    }

    fn client_messages(&self) -> Vec<Went> {
        let shown = |went: &Went| {
            went.succeeded && matches!(went.kind, Kind::ClientMessage | Kind::ConsentRequest)
        };
        self.world.ledger().into_iter().filter(shown).collect()
    }

    /// Holds an assertion of the scenario against orchestrator and world.
    fn check(&mut self, assert: &Assert, before: usize) -> Result<(), String> {
        let messages = self.client_messages();
        for wanted in &assert.outbound_messages {
            let text = &wanted.contains;
            ensure(messages[before..].iter().any(|went| went.text.contains(text)), || {
                format!("no message of this step to the client contains {text:?}")
            })?;
        }
        for text in &assert.never_relayed {
            ensure(!messages.iter().any(|went| went.text.contains(text)), || {
                format!("a message to the client contains {text:?}")
            })?;
        }
        if let Some(wanted) = assert.shortlist_wa_link_count {
            let last = messages.iter().rev().find(|went| went.text.contains(WA_LINK));
            let links = last.map_or(0, |went| went.text.matches(WA_LINK).count());
            same("shortlist_wa_link_count", &wanted, &links)?;
        }
        let case = self.orchestrator.current();
        if let Some(wanted) = assert.request_state {
            let state = case.as_ref().map_or("(no request)", |case| case.state().as_str());
            same("request_state", &wanted.as_str(), &state)?;
        }
        let asked = case.as_ref().map(|case| case.messaged()).unwrap_or_default();
        if let Some(wanted) = assert.vendor_outreach_count {
            same("vendor_outreach_count", &wanted, &asked.len())?;
        }
        if let Some(wanted) = &assert.shortlist_vendor_ids {
            let order = case.as_ref().map(|case| case.shortlist()).unwrap_or_default();
            same("shortlist_vendor_ids", &wanted.as_slice(), &order)?;
        }
        let mut once = asked.clone();
        once.sort_unstable();
        once.dedup();
        ensure(!assert.no_duplicate_outreach || once.len() == asked.len(), || {
            "a vendor was messaged twice for one request".to_owned()
        })
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &T, found: &T) -> Result<(), String> {
    ensure(wanted == found, || format!("{what}: expected {wanted:?}, found {found:?}"))
}

fn ensure(holds: bool, failed: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(failed()) }
}

const BETWEEN_STEPS: Duration = Duration::from_secs(5);
const WA_LINK: &str = "https://wa.me/";
