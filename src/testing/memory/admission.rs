//! Admission in memory: one lock stands for the transaction.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Kept, MemoryStore};
use crate::event::{Budget, EventType, Identity, Outcome, StreamId, Switch, SwitchScope};
use crate::proof::Digest;
use crate::record::{Header, Receipt, Record};
use crate::redact::{KeyFingerprint, KeyProof};
use crate::store::admission::rules::{
    self, ConsentWord, Earlier, EffectEntry, Facts, check_conclusion, check_flip, check_lapse,
    check_rotation,
};
use crate::store::admission::{
    Admission, AdmissionStore, Claim, Conclusion, ConsentClaim, DOING, Decision, EarlierEvent,
    FirstShortlist, Flip, Lease, OpenEffect, OpenPage, Scope, SwitchState, check_claim,
};
use crate::store::{BoxFuture, StoreError};

/// How long a poll for a moved switch lasts, where none moves.
const POLL: Duration = Duration::from_secs(1);

/// The events that say whether a consent holds.
const CONSENT_WORDS: [EventType; 3] = [
    EventType::CALL_CONSENT_GRANTED,
    EventType::CALL_CONSENT_DENIED,
    EventType::CALL_CONSENT_EXPIRED,
];

impl Kept {
    fn admit(&mut self, claim: &Claim, now: DateTime<Utc>) -> Result<Decision, StoreError> {
        claim.check()?;
        rules::check_key(claim, *self.effects.key.get_or_insert(claim.key))?;
        match self.earlier(claim, now) {
            None => {}
            Some(Earlier::Decides(decision)) => return Ok(decision),
            Some(Earlier::Succeeded { effect_id }) => {
                let outcome = self.row(effect_id).map(|(record, _)| record);
                let output = outcome
                    .and_then(|record| rules::replayed(&record.header().outcome, record.output()));
                return Ok(Decision::Replay { effect_id, output });
            }
            Some(Earlier::SameClaim) => {
                let receipt = self.place(&claim.intent, now)?;
                let used = Vec::new();
                return Ok(Decision::Proceed(Admission { receipt, used, elapsed: None }));
            }
        }
        let grant = match rules::decide(claim, &self.facts(claim, now)) {
            Ok(grant) => grant,
            Err(obstacle) => return Ok(Decision::Refused(obstacle)),
        };
        if self.row(claim.intent.header().id).is_some() {
            return Err(StoreError::refused(DOING, rules::STORED_WITHOUT_ENTRY));
        }
        let receipt = self.place(&claim.intent, now)?;
        let entry = EffectEntry::admitted(claim, now);
        self.effects.apply(entry.reserved());
        self.effects.entries.push(entry);
        let rules::Grant { used, elapsed } = grant;
        Ok(Decision::Proceed(Admission { receipt, used, elapsed }))
    }

    fn earlier(&self, claim: &Claim, now: DateTime<Utc>) -> Option<Earlier> {
        let entries = &self.effects.entries;
        let own = entries.iter().find(|entry| entry.effect_id == claim.effect_id);
        let holder = |key_hash: Option<Digest>| {
            entries.iter().find(|entry| key_hash.is_some() && entry.key_hash == key_hash)
        };
        let previous = || claim.previous.iter().find_map(|hashes| holder(hashes.key_hash));
        rules::earlier(claim, own, holder(claim.key_hash).or_else(previous), now)
    }

    fn facts(&self, claim: &Claim, now: DateTime<Utc>) -> Facts {
        let used = claim
            .charges
            .iter()
            .map(|charge| self.effects.used(claim.scope(charge.period, now), &charge.budget));
        let stream_id = claim.intent.stream_id();
        let mut events = self.rows.iter().filter(|(record, _)| record.stream_id() == stream_id);
        let has_shortlist = events.any(|(record, _)| is_shortlist(record.header()));
        Facts {
            now,
            engaged: rules::engaged(&claim.switches, &self.set_switches(claim), now),
            consent: claim.consent.as_ref().and_then(|consent| self.last_word(claim, consent)),
            used: used.collect(),
            heard_at: self.heard_at.get(&stream_id).copied(),
            has_shortlist,
        }
    }

    fn first_shortlist(&self, stream_id: StreamId) -> Option<FirstShortlist> {
        let rows = self.rows.iter().filter(|(record, _)| record.stream_id() == stream_id);
        let mut headers = rows.map(|(record, _)| record.header());
        let first = headers.clone().next()?;
        let shortlist = headers.find(|header| is_shortlist(header))?;
        let after = (shortlist.created_at - first.created_at).to_std().ok();
        Some(FirstShortlist { event_id: shortlist.id, after })
    }

    fn last_word(&self, claim: &Claim, consent: &ConsentClaim) -> Option<ConsentWord> {
        let streams = claim.consent_streams();
        let is_word = |record: &Record| {
            streams.contains(&Some(record.stream_id()))
                && CONSENT_WORDS.iter().any(|word| word.as_str() == record.header().event_type)
                && record.input().is_some_and(|input| input["consent_id"] == consent.consent_id)
        };
        let words = self.rows.iter().filter(|(record, _)| is_word(record));
        let word = |(record, receipt): &(Record, Receipt)| ConsentWord {
            event_type: record.header().event_type.clone(),
            recorded_at: receipt.recorded_at,
            expires_at: record
                .input()
                .and_then(|mut input| input.get_mut("expires_at").map(serde_json::Value::take)),
        };
        // In the order of arrival, so the last of a stream has its highest place.
        let last: HashMap<_, _> = words.map(|row| (row.0.stream_id(), word(row))).collect();
        ConsentWord::that_counts(last.into_values().collect())
    }

    /// Appends a record as an event, ignoring its role; a conflict leaves nothing to answer.
    pub(super) fn place(
        &mut self,
        record: &Record,
        now: DateTime<Utc>,
    ) -> Result<Receipt, StoreError> {
        self.chain(record, now).map_err(|conflict| StoreError::refused(DOING, conflict))
    }

    fn conclude(
        &mut self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &Record,
        now: DateTime<Utc>,
    ) -> Result<Option<Receipt>, StoreError> {
        if self.row(record.header().id).is_some() {
            return self.place(record, now).map(Some);
        }
        let entry = self.effects.entry(effect_id);
        let Some(changes) = entry.and_then(|entry| entry.conclude(conclusion, now)) else {
            return Ok(None);
        };
        self.effects.apply(changes);
        self.place(record, now).map(Some)
    }

    fn rotate_key(
        &mut self,
        (from, to): (KeyFingerprint, KeyFingerprint),
        record: &Record,
        now: DateTime<Utc>,
    ) -> Result<Option<Receipt>, StoreError> {
        let effects = &self.effects;
        if effects.key != Some(from) || effects.retired_keys.contains(&to) || from == to {
            return Ok(None);
        }
        let receipt = self.place(record, now)?;
        self.effects.key = Some(to);
        self.effects.retired_keys.insert(from);
        Ok(Some(receipt))
    }
}

impl MemoryStore {
    /// Resets a switch without an event, for a test that is about something else.
    pub fn reset_switch(&self, switch: Switch) {
        let state = SwitchState {
            switch: switch.clone(),
            scope: SwitchScope::Everywhere,
            is_engaged: false,
            until: None,
            by: Some(Identity::host("a test", "a test")),
            reason: "a test".to_owned(),
            at: self.now(),
            pending: 0,
        };
        let place = (switch, SwitchScope::Everywhere);
        self.with(|kept| kept.effects.switches.insert(place, (state, None)));
        self.switch_moved.notify_waiters();
    }
}

impl AdmissionStore for MemoryStore {
    fn use_key(&self, given: KeyFingerprint) -> BoxFuture<'_, Result<KeyFingerprint, StoreError>> {
        Box::pin(async move { Ok(self.with(|kept| *kept.effects.key.get_or_insert(given))) })
    }

    fn rotate_key<'a>(
        &'a self,
        from: KeyProof,
        to: KeyFingerprint,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            check_rotation(from.fingerprint(), to, record)?;
            self.with(|kept| kept.rotate_key((from.fingerprint(), to), record, self.now()))
        })
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        Box::pin(async move {
            check_claim(claim)?;
            self.with(|kept| kept.admit(claim, self.now()))
        })
    }

    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            check_conclusion(effect_id, conclusion, record)?;
            self.with(|kept| kept.conclude(effect_id, conclusion, record, self.now()))
        })
    }

    fn renew_leases<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.with(|kept| kept.effects.renew(leases, self.now()));
            Ok(())
        })
    }

    fn open_effects(&self, page: OpenPage) -> BoxFuture<'_, Result<Vec<OpenEffect>, StoreError>> {
        Box::pin(async move {
            let mut open = self.with(|kept| kept.effects.open(self.now()));
            let is_on_page = |effect: &OpenEffect| {
                page.of.has(effect) && page.after.is_none_or(|after| effect.place() > after)
            };
            open.retain(is_on_page);
            open.sort_by_key(OpenEffect::place);
            open.truncate(usize::try_from(page.max).unwrap_or(usize::MAX));
            Ok(open)
        })
    }

    fn open_effect(
        &self,
        effect_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<OpenEffect>, StoreError>> {
        Box::pin(async move {
            let open = self.with(|kept| kept.effects.open(self.now()));
            Ok(open.into_iter().find(|effect| effect.effect_id == effect_id))
        })
    }

    fn count_in_doubt(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let open = self.with(|kept| kept.effects.open(self.now()));
            let in_doubt = open.iter().filter(|effect| effect.is_in_doubt).count();
            Ok(u64::try_from(in_doubt).unwrap_or(u64::MAX))
        })
    }

    fn usage(&self, scope: Scope) -> BoxFuture<'_, Result<Vec<(Budget, i64)>, StoreError>> {
        Box::pin(async move {
            let used = self.with(|kept| kept.effects.used.get(&scope).cloned());
            Ok(used.unwrap_or_default().into_iter().collect())
        })
    }

    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>> {
        Box::pin(async move {
            let states = |kept: &mut Kept| {
                let states = kept.effects.switches.values().map(|(state, _)| state.clone());
                states.collect()
            };
            Ok(self.with(states))
        })
    }

    fn is_answering(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { true })
    }

    fn first_shortlist(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<FirstShortlist>, StoreError>> {
        Box::pin(async move { Ok(self.with(|kept| kept.first_shortlist(stream_id))) })
    }

    fn events_before<'a>(
        &'a self,
        stream_id: StreamId,
        seq: i64,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<EarlierEvent>, StoreError>> {
        Box::pin(
            async move { Ok(self.with(|kept| kept.events_before(stream_id, seq, event_types))) },
        )
    }

    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>> {
        Box::pin(async move {
            check_flip(state, record)?;
            let receipt = self.with(|kept| kept.set_switch(state, record, self.now()))?;
            self.switch_moved.notify_waiters();
            Ok(receipt.into())
        })
    }

    fn lapse_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            check_lapse(state, record)?;
            let receipt = self.with(|kept| kept.lapse_switch(state, record, self.now()))?;
            self.switch_moved.notify_waiters();
            Ok(receipt)
        })
    }

    fn forget_switch<'a>(&'a self, switch: &'a Switch) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let forget = |kept: &mut Kept| {
                let switches = &mut kept.effects.switches;
                let place = (switch.clone(), SwitchScope::Everywhere);
                let is_engaged = switches.get(&place).is_some_and(|(state, _)| state.is_engaged);
                is_engaged && switches.remove(&place).is_some()
            };
            Ok(self.with(forget))
        })
    }

    fn switch_moved(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // A switch that moved just before is found at the next poll.
            let moved = self.switch_moved.notified();
            tokio::time::timeout(POLL, moved).await.ok();
        })
    }
}

fn is_shortlist(header: &Header) -> bool {
    header.is(&EventType::SHORTLIST_GENERATED) && header.outcome == Outcome::Succeeded.as_str()
}
