//! Plays a scenario step by step, and checks what it asserts.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::WriteError;
use moltbot_audit::undo::UndoError;
use moltbot_audit::{Auditor, ControlError, Identity, RecordError, RequestId, Switch};

use super::orchestrator::Orchestrator;
use super::rows;
use super::scenario::{Assert, OutboundMessage, Scenario, Step};
use super::story::Story;
use super::world::{Kind, Recorded, Went, World};

/// A play that stopped before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlayError {
    #[error("scenario {scenario}, step {step}: {failed}")]
    Assertion { scenario: String, step: String, failed: String },
    #[error("scenario {scenario}, step {step}: the audit trail could not be written")]
    Audit { scenario: String, step: String, source: RecordError },
}

/// Plays `scenario` in `world`, recorded by `auditor`, which must use the world's clock. Returns
/// the requests that were opened.
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
    story.not_understood(scenario);
    stage.orchestrator.begin().await.map_err(audit("(opening)"))?;
    for step in &scenario.steps {
        let before = Before { sent: stage.messages().len(), recorded: world.recorded().len() };
        // What the previous step planned goes out before this step is announced.
        stage.settle(scenario).await.map_err(audit(&step.id))?;
        story.step(step);
        for _ in 0..step.repeat {
            stage.perform(step).await.map_err(audit(&step.id))?;
        }
        if let Some(assert) = &step.assert {
            let mut not_judged = Vec::new();
            let checked = stage.check(assert, &before, &mut not_judged);
            for what in not_judged {
                story.not_judged(step, &what);
            }
            checked.map_err(|failed| PlayError::Assertion {
                scenario: scenario.name.clone(),
                step: step.id.clone(),
                failed,
            })?;
        }
    }
    // A batch that the last step planned still goes out, so that nothing is left half done.
    stage.settle(scenario).await.map_err(audit("(closing)"))?;
    Ok(stage.orchestrator.cases().iter().map(|case| case.trail().request().clone()).collect())
}

/// What a new deployment does once. A switch that was never reset is engaged.
pub(crate) async fn set_up(auditor: &Auditor) -> Result<(), ControlError> {
    let by = Identity::host("concierge", "scenario");
    for switch in [Switch::AI, Switch::OCR, Switch::CALLING] {
        auditor.kill_switch().reset(&switch, &by, "set-up").await?;
    }
    Ok(())
}

struct Stage {
    orchestrator: Orchestrator,
    world: Arc<World>,
}

impl Stage {
    async fn perform(&mut self, step: &Step) -> Result<(), RecordError> {
        if let Some(case) = self.orchestrator.current() {
            case.trail().act_on(None);
        }
        self.work_off().await?;
        self.world.clock().advance(BETWEEN_STEPS + step.elapsed);
        if let Some(failure) = &step.inject_failure {
            self.world.script_failure(failure.provider, failure.times);
        }
        if step.host_restarts {
            self.orchestrator.restart();
        }
        self.operate(step).await.map_err(not_audited)?;
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
        if let Some(event) = &step.call_event {
            self.orchestrator.call_happened(event).await?;
        }
        if let (Some(wrote), Some(case)) = (&step.person_wrote, self.orchestrator.current()) {
            case.person_wrote(&wrote.text).await?;
        }
        if let Some(undo) = &step.undo {
            self.orchestrator.undo(&undo.reason).await.map_err(|error| match error {
                UndoError::Control(error) => not_audited(error),
                _ => WriteError::Interrupted.into(),
            })?;
        }
        let Some(case) = self.orchestrator.current() else { return Ok(()) };
        if let Some(offer) = &step.call_offer {
            case.offer_call(&offer.scope).await?;
        }
        if let Some(report) = &step.call_status {
            case.call_reported(report).await?;
        }
        for status in &step.message_status {
            case.message_reported(status).await?;
        }
        if moltbot_due && !decided {
            case.check_time().await?;
            case.decide().await?;
        }
        // An unused answer of Moltbot must not answer the next question.
        self.world.forget_decisions();
        Ok(())
    }

    /// What people of the operator's do at their console.
    async fn operate(&self, step: &Step) -> Result<(), ControlError> {
        if let Some(operator) = &step.operator {
            self.orchestrator.operate(operator).await?;
        }
        if let Some(order) = &step.takeover {
            self.orchestrator.take_over(&order.reason).await?;
        }
        if let Some(order) = &step.release {
            self.orchestrator.release(&order.reason).await?;
        }
        Ok(())
    }

    /// Lets the workers do what was left when the last step ended.
    async fn work_off(&mut self) -> Result<(), RecordError> {
        match self.orchestrator.current() {
            Some(case) => case.send_pending_batch().await,
            None => Ok(()),
        }
    }

    /// The same, and lets the provider report on messages.
    async fn settle(&mut self, scenario: &Scenario) -> Result<(), RecordError> {
        self.work_off().await?;
        if scenario.scripts_statuses() {
            return Ok(());
        }
        self.orchestrator.report_as_usual().await
    }

    /// Messages that went out, in order.
    fn messages(&self) -> Vec<Went> {
        let is_message = |went: &Went| {
            let kinds = [
                Kind::ClientMessage,
                Kind::ConsentRequest,
                Kind::VendorMessage,
                Kind::VendorWithdrawal,
            ];
            went.succeeded && kinds.contains(&went.kind)
        };
        self.world.ledger().into_iter().filter(is_message).collect()
    }

    /// Checks an assertion of the scenario against orchestrator, world and trail. Reports what it cannot judge.
    fn check(
        &mut self,
        assert: &Assert,
        before: &Before,
        not_judged: &mut Vec<String>,
    ) -> Result<(), String> {
        not_judged.extend(assert.others.keys().cloned());
        let all = self.messages();
        let messages: Vec<_> = all.iter().filter(|went| !is_of_vendor(went.kind)).collect();
        for wanted in &assert.outbound_messages {
            let others = wanted.others.keys();
            not_judged.extend(others.map(|other| format!("outbound_messages.{other}")));
            sent(wanted, &all[before.sent..])?;
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
        let recorded = self.world.recorded();
        let of_step = &recorded[before.recorded..];
        if let Some(wanted) = assert.injection_flagged {
            let is_flag = |event: &Recorded| event.event_type == "moltbot.injection_detected";
            same("injection_flagged", &wanted, &of_step.iter().any(is_flag))?;
        }
        if let Some(wanted) = &assert.call_refused {
            rows::call_refused(wanted, of_step, not_judged)?;
        }
        if let Some(wanted) = &assert.db_row_count {
            rows::count(wanted, &recorded, not_judged)?;
        }
        self.check_case(assert)
    }

    fn check_case(&mut self, assert: &Assert) -> Result<(), String> {
        let case = self.orchestrator.current();
        if let Some(wanted) = &assert.request_state {
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

fn is_of_vendor(kind: Kind) -> bool {
    matches!(kind, Kind::VendorMessage | Kind::VendorWithdrawal)
}

fn not_audited(error: ControlError) -> RecordError {
    match error {
        ControlError::Record(error) => error,
        ControlError::Store(error) => WriteError::from(error).into(),
        _ => WriteError::Interrupted.into(),
    }
}

/// How much there was before a step.
struct Before {
    sent: usize,
    recorded: usize,
}

/// Whether a message like this went out; to the client, if the assertion does not say to whom.
fn sent(wanted: &OutboundMessage, messages: &[Went]) -> Result<(), String> {
    let to = wanted.to.as_deref().unwrap_or("client");
    let reached = || messages.iter().filter(|went| went.to.iter().any(|one| one == to));
    let texts: Vec<_> = reached().filter(|went| went.text.contains(&wanted.contains)).collect();
    ensure(!texts.is_empty(), || {
        let seen: Vec<_> = reached().map(|went| went.text.as_str()).collect();
        format!(
            "no message of this step to {to} contains {:?}; sent were {seen:?}",
            wanted.contains
        )
    })?;
    let Some(shape) = wanted.shape.as_deref() else { return Ok(()) };
    // A template is a text that was approved beforehand.
    let has_shape =
        |went: &&Went| went.shape == shape || (shape == "text" && went.shape == "template");
    ensure(texts.iter().any(has_shape), || {
        let seen: Vec<_> = texts.iter().map(|went| went.shape).collect();
        format!("a message to {to} is of type {seen:?}, and {shape:?} was expected")
    })
}

pub(super) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    wanted: &T,
    found: &T,
) -> Result<(), String> {
    ensure(wanted == found, || format!("{what}: expected {wanted:?}, found {found:?}"))
}

pub(super) fn ensure(holds: bool, failed: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(failed()) }
}

const BETWEEN_STEPS: Duration = Duration::from_secs(5);
const WA_LINK: &str = "https://wa.me/";
