//! The kill switch: engaged, reset, read, and felt by work in flight.
//!
//! `engage` waits for nothing but a lock that also stops admissions, and `reset` waits for everything:
//! nothing runs again before the event is in the trail, and a reset never undoes an `engage` that came after
//! it.

use std::fmt;

use chrono::{DateTime, SubsecRound, Utc};
use serde::Deserialize;

use super::switch_reader::found_engaged;
use super::{Auditor, ControlError, RecordError};
use crate::event::payload::{SwitchEngaged, SwitchInput, SwitchReset};
use crate::event::{
    Actor, AuditEvent, ConversationId, EventError, EventId, Identity, Payload, RequestId, Switch,
    SwitchScope,
};
use crate::policy::Setting;
use crate::record::Record;
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
///
/// [`of_conversation`](Self::of_conversation) and [`of_request`](Self::of_request) limit it to one of these. A switch
/// that is engaged there stops what it governs there, whatever it is elsewhere. There, a switch that was never engaged
/// lets things run.
pub struct KillSwitch<'a> {
    auditor: &'a Auditor,
    place: Place<'a>,
    /// The event that made the library itself act; otherwise an operator acts.
    caused_by: Option<EventId>,
}

/// Where a switch is set.
#[derive(Clone, Copy)]
enum Place<'a> {
    Conversation(&'a ConversationId),
    Everywhere,
    Request(&'a RequestId),
}

impl Place<'_> {
    fn scope(self) -> SwitchScope {
        match self {
            Self::Conversation(id) => id.into(),
            Self::Everywhere => SwitchScope::Everywhere,
            Self::Request(id) => id.into(),
        }
    }

    fn of(self, event: AuditEvent) -> AuditEvent {
        match self {
            Self::Conversation(id) => event.conversation(id),
            Self::Everywhere => event,
            Self::Request(id) => event.request(id),
        }
    }
}

impl Auditor {
    /// The kill switch.
    #[must_use]
    pub fn kill_switch(&self) -> KillSwitch<'_> {
        KillSwitch { auditor: self, place: Place::Everywhere, caused_by: None }
    }
}

impl<'a> KillSwitch<'a> {
    /// The kill switch by which the library itself acts, because of an event.
    pub(super) fn caused_by(self, event: EventId) -> Self {
        Self { caused_by: Some(event), ..self }
    }

    /// The kill switch of one conversation. For the AI's, see [`Auditor::takeover`].
    #[must_use]
    pub fn of_conversation(self, conversation: &'a ConversationId) -> Self {
        Self { place: Place::Conversation(conversation), ..self }
    }

    /// The kill switch of one request.
    #[must_use]
    pub fn of_request(self, request: &'a RequestId) -> Self {
        Self { place: Place::Request(request), ..self }
    }

    /// Engages the switch. `by` says who does it, and `reason` why. Both are recorded with the
    /// change in the stream of the request or the conversation, or in the deployment's
    /// [system stream](crate::StreamId::SYSTEM). A text is a merely claimed identity; give
    /// [`Identity::host`] if the host's program verified the person.
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
        self.engage_until(switch, by.into(), reason, None).await
    }

    /// With `until`, the stop ends by itself.
    pub(super) async fn engage_until(
        &self,
        switch: &Switch,
        by: Identity,
        reason: &str,
        until: Option<DateTime<Utc>>,
    ) -> Result<Flip, ControlError> {
        self.set::<SwitchEngaged>(switch, true, by, reason, until).await
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
        self.set::<SwitchReset>(switch, false, by.into(), reason, None).await
    }

    async fn set<P: Payload<Input = SwitchInput>>(
        &self,
        switch: &Switch,
        is_engaged: bool,
        by: Identity,
        reason: &str,
        until: Option<DateTime<Utc>>,
    ) -> Result<Flip, ControlError> {
        let (by, reason) = (said_by(by)?, said("reason", reason)?);
        let auditor = self.auditor;
        let store = auditor.admission().ok_or(ControlError::Unsupported)?;
        let scope = self.place.scope();
        // As the database keeps it.
        let until = until.map(|until| until.trunc_subsecs(6));
        let input = SwitchInput {
            switch: Some(switch.to_string()),
            scope: (scope != SwitchScope::Everywhere).then(|| scope.kind().to_owned()),
            until,
            by: Some(by),
            reason: Some(reason),
            ..Default::default()
        };
        let event: Result<_, EventError> =
            AuditEvent::typed::<P>(self.actor(), &input, &P::Output::default());
        let mut event = self.place.of(event?);
        event.caused_by = self.caused_by;
        let record = auditor.seal_flip(event)?;
        let at = auditor.shared.clock.now();
        // As they were sealed: what must not enter the event must not stand beside it either.
        let sealed = record.input().unwrap_or_default();
        let by = Identity::deserialize(&sealed["by"]).ok();
        let reason = sealed["reason"].as_str().unwrap_or_default().to_owned();
        let state = SwitchState {
            switch: switch.clone(),
            scope,
            is_engaged,
            until,
            by,
            reason,
            at,
            pending: 0,
        };
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
                %scope,
                "a switch is engaged, and its event is pending: another transaction holds the stream"
            );
        }
        if !flip.may_admit.is_empty() {
            let (switch, sessions) = (switch.clone(), flip.may_admit.clone());
            log_line!(
                error,
                %switch,
                %scope,
                ?sessions,
                "a switch is engaged, but these database sessions may each still admit an effect"
            );
        }
        Ok(flip)
    }

    fn actor(&self) -> Actor {
        if self.caused_by.is_some() { Actor::System } else { Actor::Admin }
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
    /// crate, those that the environment engages, and those that are engaged in a conversation or a
    /// request.
    ///
    /// # Errors
    /// [`ControlError`] if the store cannot be read. No effect with a switch is admitted then.
    pub async fn states(&self) -> Result<Vec<SwitchState>, ControlError> {
        let auditor = self.auditor;
        let store = auditor.admission().ok_or(ControlError::Unsupported)?;
        let mut states = auditor.read_switches(store).await.map_err(ControlError::Store)?;
        let at = auditor.shared.clock.now();
        let engaged = |switch: Switch, reason: String| SwitchState {
            switch,
            scope: SwitchScope::Everywhere,
            is_engaged: true,
            until: None,
            by: None,
            reason,
            at,
            pending: 0,
        };
        for switch in KNOWN {
            if !states.iter().any(|state| is_everywhere(state, &switch)) {
                states.push(engaged(switch, "nobody ever set it".to_owned()));
            }
        }
        for (variable, switch) in auditor.shared.environment.engaged() {
            states.retain(|state| !is_everywhere(state, &switch));
            states.push(engaged(switch, format!("{variable} does not say on")));
        }
        states.sort_by(|one, other| (&one.switch, one.scope).cmp(&(&other.switch, other.scope)));
        Ok(states)
    }

    /// Returns when the switch is engaged everywhere or here, by anyone, at most some seconds later. For work in
    /// flight that can stop; a [permit](crate::Permit::stopped) knows its own switches.
    ///
    /// A store that cannot be read stops no effect that has begun. With a sink that does not
    /// decide, this never returns.
    pub async fn stopped(&self, switch: &Switch) {
        let scope = self.place.scope();
        self.engaged_of(std::slice::from_ref(switch), std::slice::from_ref(&scope)).await;
    }

    /// Returns the first of these switches that is engaged everywhere or in one of these scopes, once one is.
    pub(super) async fn engaged_of(
        &self,
        switches: &[Switch],
        scopes: &[SwitchScope],
    ) -> (Switch, SwitchScope) {
        let shared = &self.auditor.shared;
        let is_set = |switch: &&Switch| shared.environment.of(switch) != Setting::NotEngaged;
        if let Some(switch) = switches.iter().find(is_set) {
            return (switch.clone(), SwitchScope::Everywhere);
        }
        if self.auditor.admission().is_none() {
            return std::future::pending().await;
        }
        self.auditor.engaged_of(switches, scopes).await
    }
}

impl Auditor {
    /// Seals the event of a flip under an id that holds bits of the commitment to what it says. So what names the flip,
    /// such as a refusal in another stream, proves that as well.
    pub(super) fn seal_flip(&self, mut event: AuditEvent) -> Result<Record, RecordError> {
        event.writer_id = self.writer_id()?;
        self.seal_by_input(event)
    }

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
pub(crate) fn said_by(by: Identity) -> Result<Identity, ControlError> {
    let by = by.said_by_host().trimmed();
    match (by.who(), by.method()) {
        ("", _) => Err(ControlError::Blank { what: "by" }),
        (_, Some("")) => Err(ControlError::Blank { what: "the method of by" }),
        _ => Ok(by),
    }
}

fn is_everywhere(state: &SwitchState, switch: &Switch) -> bool {
    state.scope == SwitchScope::Everywhere && state.switch == *switch
}

/// A text that is not blank.
pub(crate) fn said(what: &'static str, text: &str) -> Result<String, ControlError> {
    let text = text.trim();
    if text.is_empty() { Err(ControlError::Blank { what }) } else { Ok(text.to_owned()) }
}
