//! Admission in a store: what may run is decided in the transaction that records it.
//!
//! The trait and its types are the contract. `rules` holds the decision itself, for stores without a language of
//! their own (SQLite, memory); Postgres has the same rules in SQL.

mod claim;
mod decision;
mod open_effect;
pub(crate) mod rules;
mod switch_state;

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
pub(crate) use self::claim::{DOING, check_claim};
pub use self::{
    claim::{Charge, Claim, ConsentClaim, KeyedHashes, Scope},
    decision::{Admission, Decision, Obstacle},
    open_effect::{Lease, OpenEffect, OpenKind, OpenPage},
    switch_state::{Flip, SwitchState},
};
use super::{BoxFuture, StoreError};
use crate::event::{Budget, EventType, StreamId, Switch};
use crate::record::{Receipt, Record};
use crate::redact::{KeyFingerprint, KeyProof};

/// A store that decides what may run, in the transaction that records the decision.
///
/// An implementation guarantees, over all processes that use one database:
/// - [`admit`](Self::admit) takes all charges of a claim or none, and never one that exceeds its limit.
/// - Of all claims with one key, one is admitted, until its effect is voided or has failed.
/// - Once [`set_switch`](Self::set_switch) has engaged a switch in a scope and returned, no claim of that scope with it
///   is admitted, except for those that [`Flip::may_admit`] names. Engaging waits for no stream.
/// - The intent of a claim is appended if and only if the claim is admitted. The same claim again, for
///   example after an error, gets the same answer and the first receipt.
/// - [`append`](super::AuditSink::append) of a record that
///   [is an outcome](Record::is_outcome) settles its effect in the same transaction, as the table says.
/// - No effect is admitted whose outcome is stored.
///
/// | outcome of the event | charges | idempotency key |
/// |---|---|---|
/// | `succeeded` | settled | answers again |
/// | `failed` | settled | free |
/// | `failed` with `not_performed`; `refused` | given back | free |
/// | `cancelled`, `panicked` | held | held |
///
/// A charge is settled at what the output says was used, or else at what was reserved. `cost_microusd` is the cost.
/// The tokens are the sum of `input_tokens`, `output_tokens` and, if they are given, `cache_read_input_tokens`,
/// `cache_creation_input_tokens` and `reasoning_output_tokens`. Numbers are whole, from 0 to 2^53 − 1; if one is
/// anything else, or input or output is missing, the use is unknown.
pub trait AdmissionStore: fmt::Debug + Send + Sync {
    /// Looks up the redaction key that the database belongs to. If it has none yet, it belongs to
    /// `given` from now on; of several concurrent callers, one is first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn use_key(&self, given: KeyFingerprint) -> BoxFuture<'_, Result<KeyFingerprint, StoreError>>;

    /// Replaces the key in use, and appends the record of it. Once it has returned, no claim under
    /// another key is admitted. `None`, with nothing written, if `from` does not prove the key in
    /// use, or if `to` was in use before.
    ///
    /// # Errors
    /// [`StoreError`]; it may have taken effect or not. [`use_key`](Self::use_key) tells which.
    fn rotate_key<'a>(
        &'a self,
        from: KeyProof,
        to: KeyFingerprint,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>>;

    /// Decides about a claim. Obstacles are checked in the order of [`Decision`].
    ///
    /// # Errors
    /// [`StoreError::KeyMismatch`] if the database belongs to another key than the claim's. After
    /// any other [`StoreError`], the claim may have been admitted or not.
    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>>;

    /// Concludes an effect without an outcome, and appends the record of it. `None`, with nothing
    /// written, if the effect is not open, or not in the state that the conclusion needs.
    ///
    /// # Errors
    /// [`StoreError`]; it may have taken effect or not. Trying again is safe.
    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>>;

    /// Renews leases: each now ends one lease length from now. It skips effects whose lease has run
    /// out, whose outcome is recorded, that were resolved, or that the store does not know. It also
    /// skips effects that another transaction holds, so that it waits for no lock on an effect or a
    /// stream. Appends no event.
    ///
    /// # Errors
    /// [`StoreError`]. Trying again is safe.
    fn renew_leases<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// A page of the effects that are running or in doubt, in the order in which their leases end.
    ///
    /// # Errors
    /// [`StoreError`].
    fn open_effects(&self, page: OpenPage) -> BoxFuture<'_, Result<Vec<OpenEffect>, StoreError>>;

    /// One effect, if it is running or in doubt.
    ///
    /// # Errors
    /// [`StoreError`].
    fn open_effect(&self, effect_id: Uuid)
    -> BoxFuture<'_, Result<Option<OpenEffect>, StoreError>>;

    /// How many effects are in doubt.
    ///
    /// # Errors
    /// [`StoreError`].
    fn count_in_doubt(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// How much of each budget is used. A budget without an entry is unused.
    ///
    /// # Errors
    /// [`StoreError`].
    fn usage(&self, scope: Scope) -> BoxFuture<'_, Result<Vec<(Budget, i64)>, StoreError>>;

    /// Every switch that was ever set everywhere, and those that are engaged in a conversation or a request, also if
    /// their time limit is over.
    ///
    /// # Errors
    /// [`StoreError`].
    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>>;

    /// Sets a switch in a scope, and appends the record of it to the scope's stream. A switch that is already in that state is set
    /// again.
    ///
    /// # Errors
    /// [`StoreError`]; it may have taken effect or not. Trying again is safe.
    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>>;

    /// Appends the pending records of switches, and returns how many there were. Default: 0, for a
    /// store that has none.
    ///
    /// # Errors
    /// [`StoreError`]. Either nothing was appended, or the answer was lost. Trying again is safe.
    fn append_pending_flips(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        Box::pin(async { Ok(0) })
    }

    /// Ends a stop in a conversation or a request whose time limit is over, and appends the record of that. `None`, with
    /// nothing written, if the switch is not engaged there, or not over by the database's clock. Default: `None`.
    ///
    /// # Errors
    /// [`StoreError`]; it may have taken effect or not. Trying again is safe.
    fn lapse_switch<'a>(
        &'a self,
        _state: &'a SwitchState,
        _record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    /// Removes the entry of a switch that is engaged everywhere, and that stays so, like every switch that was
    /// never reset. Returns true if there was an entry. Default: `false`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget_switch<'a>(&'a self, _switch: &'a Switch) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }

    /// The first shortlist of a request's stream, if there is one. Default: `None`, and the time to
    /// a shortlist is not measured.
    ///
    /// # Errors
    /// [`StoreError`].
    fn first_shortlist(
        &self,
        _stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<FirstShortlist>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    /// The last [`EarlierEvent::MAX`] events of some types before a place in a stream, in order.
    /// They show whether a report is a repetition. Default: none, and each report counts.
    ///
    /// # Errors
    /// [`StoreError`].
    fn events_before<'a>(
        &'a self,
        _stream_id: StreamId,
        _seq: i64,
        _event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<EarlierEvent>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// The last `audit.reconciled` of the system's stream, for a gauge that is read every 15 seconds. A store may look
    /// at the last thousands of that stream's events only. Default: by [`events_before`](Self::events_before).
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_reconciled(&self) -> BoxFuture<'_, Result<Option<EarlierEvent>, StoreError>> {
        const RECONCILED: &[EventType] = &[EventType::AUDIT_RECONCILED];
        let events = self.events_before(StreamId::SYSTEM, i64::MAX, RECONCILED);
        Box::pin(async { Ok(events.await?.pop()) })
    }

    /// Whether the database answers. The question waits for no lock and no other statement.
    ///
    /// The auditor asks this if a decision fails or does not come. While the database answers, it
    /// may know an effect's key, so a keyed effect does not run without a decision. Default:
    /// `false`: silence counts as an outage.
    fn is_answering(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }

    /// Returns when a switch may have been set, by anyone; may return at any other time too. Default:
    /// after a second.
    fn switch_moved(&self) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(Duration::from_secs(1)))
    }
}

/// An event that came before another in its stream.
#[derive(Clone, PartialEq)]
pub struct EarlierEvent {
    /// Its id.
    pub id: Uuid,
    /// What happened.
    pub event_type: String,
    /// How it ended.
    pub outcome: String,
    /// Why it did not succeed.
    pub error_code: Option<String>,
    /// The stored input; null if there is none.
    pub input: Value,
    /// The stored output; null if there is none.
    pub output: Value,
}

impl From<&Record> for EarlierEvent {
    fn from(record: &Record) -> Self {
        let header = record.header();
        Self {
            id: header.id,
            event_type: header.event_type.clone(),
            outcome: header.outcome.clone(),
            error_code: header.error_code.clone(),
            input: record.input().unwrap_or_default(),
            output: record.output().unwrap_or_default(),
        }
    }
}

impl EarlierEvent {
    /// The most that a store returns at once.
    pub const MAX: u32 = 500;
}

/// Without payloads: they may be about people.
impl fmt::Debug for EarlierEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event_type, outcome, .. } = self;
        f.debug_struct("EarlierEvent")
            .field("event_type", event_type)
            .field("outcome", outcome)
            .finish_non_exhaustive()
    }
}

/// When a request got its first shortlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstShortlist {
    /// The `shortlist.generated` event.
    pub event_id: Uuid,
    /// The time from the request's first event to it, by their own dates. `None` if the first event
    /// is no longer stored or is dated later.
    pub after: Option<Duration>,
}

/// How an effect is concluded without an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conclusion {
    /// Its lease ended while it was running: it is in doubt.
    Expired,
    /// It was performed. Its charges stay.
    Performed,
    /// It was not performed. Its charges are given back, and its key is free.
    NotPerformed,
}
