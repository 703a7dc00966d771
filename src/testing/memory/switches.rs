//! Kill switches in memory.

use chrono::{DateTime, Utc};

use super::Kept;
use crate::event::SwitchScope;
use crate::record::{Receipt, Record};
use crate::store::StoreError;
use crate::store::admission::rules::{self, SetSwitch};
use crate::store::admission::{Claim, SwitchState};

impl Kept {
    /// The switches that were set in the claim's scopes.
    pub(super) fn set_switches(&self, claim: &Claim) -> Vec<SetSwitch> {
        let mut scopes: Vec<SwitchScope> = claim.scopes().collect();
        if claim.is_unnamed() {
            let of_request =
                |(record, _): &&(Record, Receipt)| record.stream_id() == claim.intent.stream_id();
            let rows = self.rows.iter().filter(of_request);
            let named = rows.filter_map(|(record, _)| record.header().conversation_id);
            scopes.extend(named.map(SwitchScope::Conversation));
        }
        let set = self.effects.switches.values();
        let set = set.filter(|(state, _)| scopes.contains(&state.scope));
        let set = set.map(|(state, event_id)| SetSwitch {
            switch: state.switch.to_string(),
            scope: state.scope,
            is_engaged: state.is_engaged,
            until: state.until,
            event_id: *event_id,
        });
        set.collect()
    }

    pub(super) fn set_switch(
        &mut self,
        state: &SwitchState,
        record: &Record,
        now: DateTime<Utc>,
    ) -> Result<Receipt, StoreError> {
        // It may have been set again since.
        let is_new = self.row(record.header().id).is_none();
        let is_kept = is_new.then(|| rules::is_kept(state, now)).transpose()?;
        let receipt = self.place(record, now)?;
        let place = (state.switch.clone(), state.scope);
        match is_kept {
            Some(true) => {
                let state = SwitchState { at: now, ..state.clone() };
                self.effects.switches.insert(place, (state, Some(record.header().id)));
            }
            Some(false) => drop(self.effects.switches.remove(&place)),
            None => {}
        }
        Ok(receipt)
    }

    pub(super) fn lapse_switch(
        &mut self,
        state: &SwitchState,
        record: &Record,
        now: DateTime<Utc>,
    ) -> Result<Option<Receipt>, StoreError> {
        let place = (state.switch.clone(), state.scope);
        let set = self.effects.switches.get(&place);
        let is_over = set.is_some_and(|(set, _)| set.has_lapsed(now));
        // The same call again, after its answer was lost.
        if !is_over && self.row(record.header().id).is_none() {
            return Ok(None);
        }
        let receipt = self.place(record, now)?;
        if is_over {
            self.effects.switches.remove(&place);
        }
        Ok(Some(receipt))
    }
}
