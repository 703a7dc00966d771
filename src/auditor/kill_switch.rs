//! The kill switch: engaged, reset, read, and felt by work in flight.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::{Auditor, ControlError, Shared};
use crate::admission::Setting;
use crate::event::payload::{SwitchEngaged, SwitchInput, SwitchReset};
use crate::event::{Actor, AuditEvent, EventError, Payload, Switch};
use crate::record::Receipt;
use crate::store::StoreError;
use crate::store::admission::SwitchState;
use crate::store::log_line::log_line;

/// So often the switches are read while work waits for one, whether the store says that one moved or
/// not.
const POLL: Duration = Duration::from_secs(5);
/// And not more often than this.
const POLL_MIN: Duration = Duration::from_millis(50);
/// The switches that this crate's own effects have.
const KNOWN: [Switch; 3] = [Switch::AI, Switch::CALLING, Switch::OCR];

/// Stops what is governed by a switch, in all processes, and lets it run again.
///
/// Once [`engage`](Self::engage) has returned, nothing with that switch is admitted anywhere. A switch
/// that was never reset is engaged: a new deployment says what may run.
///
/// At [`build`](crate::AuditorBuilder::build) an auditor reads `FEATURE_AI_CONCIERGE`, `FEATURE_OCR` and
/// `FEATURE_CALLING`. `false`, `0`, `off` or `no` engages the switch for this auditor, whatever the
/// database says; `true`, `1`, `on`, `yes`, or nothing leaves it to the database; anything else engages
/// it.
pub struct KillSwitch<'a> {
    auditor: &'a Auditor,
}

impl Auditor {
    /// The kill switch.
    #[must_use]
    pub fn kill_switch(&self) -> KillSwitch<'_> {
        KillSwitch { auditor: self }
    }
}

impl KillSwitch<'_> {
    /// Stops what the switch governs. `by` says who does so, and `reason` why; both are recorded, with
    /// the flip itself, in the deployment's [system stream](crate::StreamId::SYSTEM).
    ///
    /// # Errors
    /// [`ControlError`]; it may be engaged nevertheless where the store failed. Again is safe.
    pub async fn engage(
        &self,
        switch: &Switch,
        by: &str,
        reason: &str,
    ) -> Result<Receipt, ControlError> {
        self.set::<SwitchEngaged>(switch, true, by, reason).await
    }

    /// Lets what the switch governs run again. As [`engage`](Self::engage).
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn reset(
        &self,
        switch: &Switch,
        by: &str,
        reason: &str,
    ) -> Result<Receipt, ControlError> {
        self.set::<SwitchReset>(switch, false, by, reason).await
    }

    async fn set<P: Payload<Input = SwitchInput>>(
        &self,
        switch: &Switch,
        is_engaged: bool,
        by: &str,
        reason: &str,
    ) -> Result<Receipt, ControlError> {
        let (by, reason) = (said("by", by)?, said("reason", reason)?);
        let auditor = self.auditor;
        let store = auditor.admission().ok_or(ControlError::Unsupported)?;
        let input = SwitchInput {
            switch: Some(switch.to_string()),
            by: Some(by),
            reason: Some(reason),
            ..Default::default()
        };
        let event: Result<_, EventError> =
            AuditEvent::typed::<P>(Actor::Admin, &input, &P::Output::default());
        let record = auditor.seal(event?)?;
        let at = auditor.shared.clock.now();
        // As they were sealed: what must not enter the event must not stand beside it either.
        let sealed = record.input().unwrap_or_default();
        let text = |name: &str| sealed[name].as_str().unwrap_or_default().to_owned();
        let (by, reason) = (text("by"), text("reason"));
        let state = SwitchState { switch: switch.clone(), is_engaged, by, reason, at };
        let set = auditor.call(store, auditor.deadline(), "set a switch", |store| {
            store.set_switch(&state, &record)
        });
        let receipt = set.await?;
        auditor.stored(&record, &receipt);
        Ok(receipt)
    }

    /// How the switches stand for this auditor: those that were ever set, the three of this crate, and
    /// what the environment says of them.
    ///
    /// # Errors
    /// [`ControlError`] where the store cannot be read: then nothing with a switch is admitted.
    pub async fn states(&self) -> Result<Vec<SwitchState>, ControlError> {
        let auditor = self.auditor;
        let store = auditor.admission().ok_or(ControlError::Unsupported)?;
        let states =
            auditor.call(store, auditor.deadline(), "read the switches", |store| store.switches());
        let mut states = states.await.map_err(ControlError::Store)?;
        let at = auditor.shared.clock.now();
        let engaged = |switch: Switch, by: &str, reason: String| SwitchState {
            switch,
            is_engaged: true,
            by: by.to_owned(),
            reason,
            at,
        };
        for switch in KNOWN {
            if !states.iter().any(|state| state.switch == switch) {
                states.push(engaged(switch, "default", "nobody ever set it".to_owned()));
            }
        }
        for (variable, switch) in auditor.shared.environment.engaged() {
            states.retain(|state| state.switch != switch);
            states.push(engaged(switch, "environment", format!("{variable} does not say on")));
        }
        states.sort_by(|one, other| one.switch.cmp(&other.switch));
        Ok(states)
    }

    /// Returns when the switch is engaged, by anyone: at the latest some seconds after. For work in
    /// flight that can stop; a [permit](crate::Permit::stopped) knows its own switch.
    ///
    /// A store that cannot be read stops nothing that has begun, and a sink that does not decide never
    /// does.
    pub async fn stopped(&self, switch: &Switch) {
        let shared = &self.auditor.shared;
        if shared.environment.of(switch) != Setting::Left {
            return;
        }
        if self.auditor.admission().is_none() {
            return std::future::pending().await;
        }
        shared.switches.stopped(shared, switch).await;
    }
}

impl fmt::Debug for KillSwitch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KillSwitch")
    }
}

/// A text that says something.
pub(super) fn said(what: &'static str, text: &str) -> Result<String, ControlError> {
    let text = text.trim();
    if text.is_empty() { Err(ControlError::Blank { what }) } else { Ok(text.to_owned()) }
}

/// Reads the switches while work waits for one: one reader, however much work.
#[derive(Debug, Default)]
pub(super) struct SwitchWatch {
    seen: watch::Sender<Seen>,
    is_watching: Mutex<bool>,
    /// Somebody began to wait.
    newcomer: Notify,
}

/// What was read last.
#[derive(Debug, Default)]
struct Seen {
    /// How often they were read.
    reads: u64,
    /// The switches that let things run.
    reset: BTreeSet<Switch>,
}

impl SwitchWatch {
    async fn stopped(&self, shared: &Arc<Shared>, switch: &Switch) {
        let mut seen = self.seen.subscribe();
        // The read under way may have begun before a reset under which this work was admitted.
        let reads = seen.borrow_and_update().reads + 2;
        if !std::mem::replace(&mut *self.lock(), true) {
            tokio::spawn(watch_switches(Arc::downgrade(shared)));
        }
        self.newcomer.notify_one();
        let is_stopped = |seen: &Seen| seen.reads >= reads && !seen.reset.contains(switch);
        // The sender is in `shared`, which is held.
        let _stopped = seen.wait_for(is_stopped).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        self.is_watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody waits any longer. Whoever begins to afterwards starts another watch.
    fn is_over(&self) -> bool {
        let mut is_watching = self.lock();
        *is_watching = self.seen.receiver_count() > 0;
        !*is_watching
    }
}

async fn watch_switches(shared: Weak<Shared>) {
    let mut end = WatchEnd { shared, is_over: false };
    while let Some(shared) = end.shared.upgrade() {
        let watch = &shared.switches;
        if watch.is_over() {
            end.is_over = true;
            return;
        }
        let auditor = Auditor { shared: Arc::clone(&shared) };
        let Some(store) = auditor.admission() else { return };
        let states =
            auditor.call(store, auditor.deadline(), "read the switches", |store| store.switches());
        match states.await {
            Ok(states) => watch.seen.send_modify(|seen| {
                seen.reads += 1;
                let reset = states.into_iter().filter(|state| !state.is_engaged);
                seen.reset = reset.map(|state| state.switch).collect();
            }),
            Err(error) => unread(error),
        }
        sleep(POLL_MIN).await;
        tokio::select! {
            () = store.switch_moved() => {}
            () = watch.newcomer.notified() => {}
            () = watch.seen.closed() => {}
            () = sleep(POLL) => {}
        }
    }
}

/// Where the runtime stops, or a store panics, the next to wait starts another watch.
struct WatchEnd {
    shared: Weak<Shared>,
    is_over: bool,
}

impl Drop for WatchEnd {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade()
            && !self.is_over
        {
            *shared.switches.lock() = false;
        }
    }
}

#[cold]
fn unread(error: StoreError) {
    log_line!(warn, %error, "the switches cannot be read: work in flight goes on");
}
