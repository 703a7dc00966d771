//! The kill switch: engaged, reset, read, and felt by work in flight.
//!
//! `engage` waits for nothing but a lock that also stops admissions, and `reset` waits for everything:
//! nothing runs again before the event is in the trail, and a reset never undoes an `engage` that came after
//! it.

use std::fmt;

use serde::Deserialize;

use super::switch_reader::found_engaged;
use super::{Auditor, ControlError};
use crate::event::payload::{SwitchEngaged, SwitchInput, SwitchReset};
use crate::event::{Actor, AuditEvent, EventError, Identity, Payload, Switch};
use crate::policy::Setting;
use crate::store::admission::{AdmissionStore, Flip, SwitchState};
use crate::store::log_line::log_line;

/// The switches of this crate's own effects.
const KNOWN: [Switch; 3] = [Switch::AI, Switch::CALLING, Switch::OCR];

/// Stops the effects that a switch governs, in all processes, and lets them run again.
///
/// Once [`engage`](Self::engage) has returned, no effect with that switch is admitted anywhere, and
/// none that runs inside such an effect. A switch that was never reset is engaged, so a new
/// deployment states what may run.
///
/// At [`build`](crate::AuditorBuilder::build) an auditor reads `FEATURE_AI_CONCIERGE`, `FEATURE_OCR` and
/// `FEATURE_CALLING`. `false`, `0`, `off` or `no` engages the switch for this auditor and overrules
/// the database; `true`, `1`, `on`, `yes`, or nothing leaves it to the database; anything else engages
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
    /// Engages the switch. `by` says who does it, and `reason` why. Both are recorded with the
    /// change in the deployment's [system stream](crate::StreamId::SYSTEM). A text is a merely
    /// claimed identity; give [`Identity::host`] if the host's program verified the person.
    ///
    /// It does not wait for that stream. While another transaction holds it, the answer has no
    /// receipt, and any auditor's upkeep appends the event once the stream is free.
    ///
    /// # Errors
    /// [`ControlError`]. If the store failed, the switch may still be engaged. Trying again is
    /// safe.
    pub async fn engage(
        &self,
        switch: &Switch,
        by: impl Into<Identity>,
        reason: &str,
    ) -> Result<Flip, ControlError> {
        self.set::<SwitchEngaged>(switch, true, by.into(), reason).await
    }

    /// Resets the switch, so that its effects may run again. Like [`engage`](Self::engage), but no
    /// effect runs again before the event is in its stream. An alert fires while a switch stands
    /// reset by a merely claimed identity.
    ///
    /// # Errors
    /// [`ControlError`]; also if the switch was engaged again in the meantime.
    pub async fn reset(
        &self,
        switch: &Switch,
        by: impl Into<Identity>,
        reason: &str,
    ) -> Result<Flip, ControlError> {
        self.set::<SwitchReset>(switch, false, by.into(), reason).await
    }

    async fn set<P: Payload<Input = SwitchInput>>(
        &self,
        switch: &Switch,
        is_engaged: bool,
        by: Identity,
        reason: &str,
    ) -> Result<Flip, ControlError> {
        let (by, reason) = (said_by(by)?, said("reason", reason)?);
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
        let by = Identity::deserialize(&sealed["by"]).ok();
        let reason = sealed["reason"].as_str().unwrap_or_default().to_owned();
        let state = SwitchState { switch: switch.clone(), is_engaged, by, reason, at, pending: 0 };
        let deadline = auditor.deadline();
        let flip = auditor
            .call(store, deadline, "set a switch", |store| store.set_switch(&state, &record));
        let flip = flip.await?;
        if is_engaged {
            found_engaged(&auditor.shared.running.now(), std::slice::from_ref(&state));
        }
        if let Some(receipt) = &flip.receipt {
            auditor.stored(&record, receipt);
        } else {
            let switch = switch.clone();
            log_line!(
                warn,
                %switch,
                "a switch is engaged, and its event is pending: another transaction holds the stream"
            );
        }
        if !flip.may_admit.is_empty() {
            let (switch, sessions) = (switch.clone(), flip.may_admit.clone());
            log_line!(
                error,
                %switch,
                ?sessions,
                "a switch is engaged, but these database sessions may each still admit an effect"
            );
        }
        Ok(flip)
    }

    /// Forgets an engaged switch whose name was mistyped: it is no longer listed. It stays engaged,
    /// like every switch that was never reset. Returns true if the switch was known and engaged.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn forget(&self, switch: &Switch) -> Result<bool, ControlError> {
        let store = self.auditor.admission().ok_or(ControlError::Unsupported)?;
        let deadline = self.auditor.deadline();
        let forgotten = self
            .auditor
            .call(store, deadline, "forget a switch", |store| store.forget_switch(switch));
        Ok(forgotten.await?)
    }

    /// The state of the switches for this auditor: those that were ever set, the three of this
    /// crate, and those that the environment engages.
    ///
    /// # Errors
    /// [`ControlError`] if the store cannot be read. No effect with a switch is admitted then.
    pub async fn states(&self) -> Result<Vec<SwitchState>, ControlError> {
        let auditor = self.auditor;
        let store = auditor.admission().ok_or(ControlError::Unsupported)?;
        let running = auditor.shared.running.now();
        let states =
            auditor.call(store, auditor.deadline(), "read the switches", |store| store.switches());
        let mut states = states.await.map_err(ControlError::Store)?;
        found_engaged(&running, &states);
        let at = auditor.shared.clock.now();
        let engaged = |switch: Switch, reason: String| SwitchState {
            switch,
            is_engaged: true,
            by: None,
            reason,
            at,
            pending: 0,
        };
        for switch in KNOWN {
            if !states.iter().any(|state| state.switch == switch) {
                states.push(engaged(switch, "nobody ever set it".to_owned()));
            }
        }
        for (variable, switch) in auditor.shared.environment.engaged() {
            states.retain(|state| state.switch != switch);
            states.push(engaged(switch, format!("{variable} does not say on")));
        }
        states.sort_by(|one, other| one.switch.cmp(&other.switch));
        Ok(states)
    }

    /// Returns when the switch is engaged, by anyone, at most some seconds later. For work in
    /// flight that can stop; a [permit](crate::Permit::stopped) knows its own switches.
    ///
    /// A store that cannot be read stops no effect that has begun. With a sink that does not
    /// decide, this never returns.
    pub async fn stopped(&self, switch: &Switch) {
        self.engaged_of(std::slice::from_ref(switch)).await;
    }

    /// Returns the first of these switches that is engaged, once one is.
    pub(super) async fn engaged_of(&self, switches: &[Switch]) -> Switch {
        let shared = &self.auditor.shared;
        let is_set = |switch: &&Switch| shared.environment.of(switch) != Setting::NotEngaged;
        if let Some(switch) = switches.iter().find(is_set) {
            return switch.clone();
        }
        if self.auditor.admission().is_none() {
            return std::future::pending().await;
        }
        self.auditor.engaged_of(switches).await
    }
}

impl Auditor {
    /// Appends the events of switches that were set while their stream was held.
    pub(super) async fn append_pending_flips(&self, store: &dyn AdmissionStore) {
        let doing = "append the events of switches";
        let appended =
            self.call(store, self.deadline(), doing, |store| store.append_pending_flips());
        match appended.await {
            Ok(0) => {}
            Ok(events) => log_line!(info, events, "pending events of switches are in the trail"),
            Err(error) => log_line!(
                warn,
                error = &error as &dyn std::error::Error,
                "events of switches are pending, and could not be appended"
            ),
        }
    }
}

impl fmt::Debug for KillSwitch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KillSwitch")
    }
}

/// An identity that a program may give, and that is not blank.
pub(super) fn said_by(by: Identity) -> Result<Identity, ControlError> {
    let by = by.said_by_host().trimmed();
    match (by.who(), by.method()) {
        ("", _) => Err(ControlError::Blank { what: "by" }),
        (_, Some("")) => Err(ControlError::Blank { what: "the method of by" }),
        _ => Ok(by),
    }
}

/// A text that is not blank.
pub(super) fn said(what: &'static str, text: &str) -> Result<String, ControlError> {
    let text = text.trim();
    if text.is_empty() { Err(ControlError::Blank { what }) } else { Ok(text.to_owned()) }
}
