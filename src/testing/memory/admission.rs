//! Admission in memory: one lock stands for the transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Kept, MemoryStore};
use crate::event::{Budget, EventType, Outcome, StreamId, Switch};
use crate::proof::Digest;
use crate::record::{Header, Receipt, Record, Role};
use crate::redact::{KeyFingerprint, KeyProof};
use crate::store::admission::{
    Admission, AdmissionStore, Claim, Conclusion, ConsentClaim, EarlierEvent, FirstShortlist, Flip,
    OpenEffect, Scope, SwitchState, Verdict,
};
use crate::store::decision::{
    self, Change, ConsentWord, DOING, Entry, Facts, Met, check_claim, check_conclusion, check_flip,
    check_rotation,
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

/// What is kept beside the records.
#[derive(Default)]
pub(super) struct Effects {
    /// In the order of arrival.
    entries: Vec<Entry>,
    used: HashMap<Scope, BTreeMap<Budget, i64>>,
    switches: BTreeMap<Switch, SwitchState>,
    key: Option<KeyFingerprint>,
    retired_keys: HashSet<KeyFingerprint>,
}

impl Effects {
    /// Does what a record's role says.
    pub(super) fn follow(&mut self, record: &Record, now: DateTime<Utc>) {
        match record.role() {
            Role::Event => {}
            Role::Intent => {
                if let Some(entry) = Entry::drained(record, now) {
                    self.drain(entry);
                }
            }
            Role::Outcome => {
                let header = record.header();
                let error_code = header.error_code.as_deref();
                if self.entry(header.id).is_none() {
                    self.entries.push(Entry::early(header.id, now));
                }
                let settle = |entry: &mut Entry| {
                    entry.settle(&header.outcome, error_code, record.output().as_ref())
                };
                let changes = self.entry(header.id).and_then(settle);
                self.apply(changes.unwrap_or_default());
            }
        }
    }

    /// Whether an outcome with this header may settle the effect that it names.
    pub(super) fn may_end_by(&self, header: &Header) -> bool {
        let entry = self.entries.iter().find(|entry| entry.effect_id == header.id);
        entry.is_none_or(|entry| entry.may_end_by(header.request_id, header.conversation_id))
    }

    fn drain(&mut self, mut entry: Entry) {
        if self.holder(&entry).is_some() {
            entry.key_hash = None;
        }
        match self.entry(entry.effect_id) {
            Some(known) => _ = known.learn(entry),
            None => self.entries.push(entry),
        }
    }

    fn holder(&self, of: &Entry) -> Option<&Entry> {
        let key_hash = of.key_hash?;
        self.entries.iter().find(|entry| entry.key_hash == Some(key_hash))
    }

    fn entry(&mut self, effect_id: Uuid) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.effect_id == effect_id)
    }

    fn used(&self, scope: Scope, budget: &Budget) -> i64 {
        self.used.get(&scope).and_then(|used| used.get(budget)).copied().unwrap_or(0)
    }

    fn apply(&mut self, changes: Vec<Change>) {
        for Change { scope, budget, by } in changes {
            let used = self.used.entry(scope).or_default().entry(budget).or_default();
            *used = used.saturating_add(by);
        }
    }
}

impl Kept {
    fn admit(&mut self, claim: &Claim, now: DateTime<Utc>) -> Result<Verdict, StoreError> {
        claim.check()?;
        decision::check_key(claim, *self.effects.key.get_or_insert(claim.key))?;
        match self.meet(claim, now) {
            None => {}
            Some(Met::Answered(verdict)) => return Ok(verdict),
            Some(Met::Done { effect_id }) => {
                let outcome = self.row(effect_id).map(|(record, _)| record);
                let output = outcome.and_then(|record| {
                    decision::replayed(&record.header().outcome, record.output())
                });
                return Ok(Verdict::Replay { effect_id, output });
            }
            Some(Met::Itself) => {
                let receipt = self.place(&claim.intent, now)?;
                let used = Vec::new();
                return Ok(Verdict::Proceed(Admission { receipt, used, elapsed: None }));
            }
        }
        let grant = match decision::judge(claim, &self.facts(claim, now)) {
            Ok(grant) => grant,
            Err(obstacle) => return Ok(Verdict::Refused(obstacle)),
        };
        if self.row(claim.intent.header().id).is_some() {
            return Err(StoreError::refused(DOING, decision::STORED_WITHOUT_ENTRY));
        }
        let receipt = self.place(&claim.intent, now)?;
        let entry = Entry::admitted(claim, now);
        self.effects.apply(entry.reserved());
        self.effects.entries.push(entry);
        let decision::Grant { used, elapsed } = grant;
        Ok(Verdict::Proceed(Admission { receipt, used, elapsed }))
    }

    fn meet(&self, claim: &Claim, now: DateTime<Utc>) -> Option<Met> {
        let entries = &self.effects.entries;
        let own = entries.iter().find(|entry| entry.effect_id == claim.effect_id);
        let holder = |key_hash: Option<Digest>| {
            entries.iter().find(|entry| key_hash.is_some() && entry.key_hash == key_hash)
        };
        let previous = || claim.previous.iter().find_map(|hashes| holder(hashes.key_hash));
        decision::meet(claim, own, holder(claim.key_hash).or_else(previous), now)
    }

    fn facts(&self, claim: &Claim, now: DateTime<Utc>) -> Facts {
        let is_engaged = |switch: &Switch| {
            self.effects.switches.get(switch).is_none_or(|state| state.is_engaged)
        };
        let used = claim.charges.iter().map(|charge| {
            self.effects.used(decision::scope(claim, charge.period, now), &charge.budget)
        });
        let stream_id = claim.intent.stream_id();
        let mut events = self.rows.iter().filter(|(record, _)| record.stream_id() == stream_id);
        let has_shortlist = events.any(|(record, _)| is_shortlist(record.header()));
        Facts {
            now,
            engaged: claim.switches.iter().position(is_engaged),
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

    /// Appends a record as an event, whatever its role; a conflict leaves nothing to answer.
    fn place(&mut self, record: &Record, now: DateTime<Utc>) -> Result<Receipt, StoreError> {
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

    fn set_switch(
        &mut self,
        state: &SwitchState,
        record: &Record,
        now: DateTime<Utc>,
    ) -> Result<Receipt, StoreError> {
        // Somebody may have set it again since.
        let is_new = self.row(record.header().id).is_none();
        let receipt = self.place(record, now)?;
        if is_new {
            let state = SwitchState { at: now, ..state.clone() };
            self.effects.switches.insert(state.switch.clone(), state);
        }
        Ok(receipt)
    }
}

impl MemoryStore {
    /// Resets a switch without an event, for a test that is about something else.
    pub fn reset_switch(&self, switch: Switch) {
        let (by, reason) = ("a test".to_owned(), "a test".to_owned());
        let state = SwitchState {
            switch: switch.clone(),
            is_engaged: false,
            by,
            reason,
            at: self.now(),
            pending: 0,
        };
        self.with(|kept| kept.effects.switches.insert(switch, state));
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

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Verdict, StoreError>> {
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

    fn open_effects(&self, max: u32) -> BoxFuture<'_, Result<Vec<OpenEffect>, StoreError>> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Box::pin(async move {
            let now = self.now();
            let list = |kept: &mut Kept| -> Vec<OpenEffect> {
                kept.effects.entries.iter().filter_map(|entry| entry.open(now)).collect()
            };
            let mut open = self.with(list);
            open.sort_by_key(|effect| (effect.admitted_at, effect.effect_id));
            open.truncate(max);
            Ok(open)
        })
    }

    fn usage(&self, scope: Scope) -> BoxFuture<'_, Result<Vec<(Budget, i64)>, StoreError>> {
        Box::pin(async move {
            let used = self.with(|kept| kept.effects.used.get(&scope).cloned());
            Ok(used.unwrap_or_default().into_iter().collect())
        })
    }

    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>> {
        Box::pin(
            async move { Ok(self.with(|kept| kept.effects.switches.values().cloned().collect())) },
        )
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

    fn forget_switch<'a>(&'a self, switch: &'a Switch) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let forget = |kept: &mut Kept| {
                let switches = &mut kept.effects.switches;
                let is_engaged = switches.get(switch).is_some_and(|state| state.is_engaged);
                is_engaged && switches.remove(switch).is_some()
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
    header.event_type == EventType::SHORTLIST_GENERATED.as_str()
        && header.outcome == Outcome::Succeeded.as_str()
}
