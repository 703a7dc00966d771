//! Records that the time limit of a stop is over. The stop itself has ended before: admissions look at the limit.

use super::{Auditor, ControlError};
use crate::event::payload::{Nothing, SwitchInput, SwitchLapsed};
use crate::event::{Actor, AuditEvent, ConversationId, RequestId, SwitchScope};
use crate::store::admission::{AdmissionStore, SwitchState};
use crate::store::log_line::log_line;

impl Auditor {
    /// Records the end of each stop whose time limit is over. The first process is the one that records it.
    pub(super) async fn lapse_switches(&self, store: &dyn AdmissionStore) {
        if let Err(error) = self.try_lapse_switches(store).await {
            log_line!(
                warn,
                error = &error as &dyn std::error::Error,
                "the end of a switch's time limit could not be recorded"
            );
        }
    }

    async fn try_lapse_switches(&self, store: &dyn AdmissionStore) -> Result<(), ControlError> {
        let states =
            self.call(store, self.deadline(), "read the switches", |store| store.switches());
        let now = self.shared.clock.now();
        let mut lapsed = Ok(());
        for state in states.await?.iter().filter(|state| state.has_lapsed(now)) {
            lapsed = lapsed.and(self.lapse(store, state).await);
        }
        lapsed
    }

    async fn lapse(
        &self,
        store: &dyn AdmissionStore,
        state: &SwitchState,
    ) -> Result<(), ControlError> {
        let input = SwitchInput {
            switch: Some(state.switch.to_string()),
            scope: Some(state.scope.kind().to_owned()),
            until: state.until,
            ..Default::default()
        };
        let event = AuditEvent::typed::<SwitchLapsed>(Actor::System, &input, &Nothing::default())?;
        let event = match state.scope {
            SwitchScope::Conversation(id) => event.conversation(&ConversationId::from_uuid(id)?),
            SwitchScope::Everywhere => event,
            SwitchScope::Request(id) => event.request(&RequestId::from_uuid(id)?),
        };
        let record = self.seal_flip(event)?;
        let lapsed = self.call(store, self.deadline(), "end a switch's time limit", |store| {
            store.lapse_switch(state, &record)
        });
        if let Some(receipt) = lapsed.await? {
            self.stored(&record, &receipt);
        }
        Ok(())
    }
}
