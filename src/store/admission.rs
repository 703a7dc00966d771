//! The storage trait of admission, and its types: what may run is decided in the transaction that
//! records it.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use uuid::Uuid;

pub use super::claim::{Charge, Claim, ConsentClaim, KeyedHashes};
pub use super::open_effect::{Lease, OpenEffect, OpenKind, OpenPage};
use super::{BoxFuture, StoreError};
use crate::event::{Budget, EventType, StreamId, Switch};
use crate::record::{Receipt, Record};
use crate::redact::{KeyFingerprint, KeyProof};

/// A store that decides what may run, in the transaction that records the decision.
///
/// An implementation guarantees, over all processes that use one database:
/// - [`admit`](Self::admit) takes all charges of a claim or none, and and never one that exceeds its limit.
/// - Of all claims with one key, one is admitted, until its effect is voided or has failed.
/// - Once [`set_switch`](Self::set_switch) has engaged a switch and returned, no claim with it is admitted,
///   except for those that [`Flip::may_admit`] names. Engaging waits for no stream.
/// - The intent of a claim is appended if and only if the claim is admitted. The same claim again, for
///   example after an error, gets the same answer and the first receipt.
/// - [`append`](super::AuditSink::append) of a record that is an
///   [`Outcome`](crate::record::Role::Outcome) settles its effect in the same transaction, by
///   [`Settlement`](crate::record::Settlement).
/// - No effect is admitted whose outcome is stored.
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

    /// Decides about a claim. Obstacles are checked in the order of [`Verdict`].
    ///
    /// # Errors
    /// [`StoreError::KeyMismatch`] if the database belongs to another key than the claim's. After
    /// any other [`StoreError`], the claim may have been admitted or not.
    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Verdict, StoreError>>;

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

    /// Every switch that was ever set.
    ///
    /// # Errors
    /// [`StoreError`].
    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>>;

    /// Sets a switch, and appends the record of it. A switch that is already in that state is set
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

    /// Removes the entry of an engaged switch, which stays engaged, like every switch that was
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
    /// What happened.
    pub event_type: String,
    /// How it ended.
    pub outcome: String,
    /// The stored input; null if there is none.
    pub input: Value,
    /// The stored output; null if there is none.
    pub output: Value,
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

/// A store's decision about a claim: the first of these that applies.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// An effect with this key and input has succeeded.
    Replay {
        /// That effect.
        effect_id: Uuid,
        /// Its recorded output. None if an operator resolved it as performed.
        output: Option<Value>,
    },
    /// The key was used with another input, or the effect's id is taken, for example by an outcome
    /// that came first.
    Conflict {
        /// The effect that has it.
        effect_id: Uuid,
    },
    /// An effect with this key is running.
    InProgress {
        /// That effect.
        effect_id: Uuid,
        /// When it will be in doubt, unless its process renews its lease.
        lease_until: DateTime<Utc>,
    },
    /// An effect with this key is in doubt.
    InDoubt {
        /// That effect.
        effect_id: Uuid,
    },
    /// It is refused.
    Refused(Obstacle),
    /// It may run. Its charges are reserved, and its intent is appended.
    Proceed(Admission),
}

// What is replayed may be what people wrote: Debug does not print it.
impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replay { effect_id, output } => f
                .debug_struct("Replay")
                .field("effect_id", effect_id)
                .field("has_output", &output.is_some())
                .finish(),
            Self::Conflict { effect_id } => {
                f.debug_struct("Conflict").field("effect_id", effect_id).finish()
            }
            Self::InProgress { effect_id, lease_until } => f
                .debug_struct("InProgress")
                .field("effect_id", effect_id)
                .field("lease_until", lease_until)
                .finish(),
            Self::InDoubt { effect_id } => {
                f.debug_struct("InDoubt").field("effect_id", effect_id).finish()
            }
            Self::Refused(obstacle) => f.debug_tuple("Refused").field(obstacle).finish(),
            Self::Proceed(admission) => f.debug_tuple("Proceed").field(admission).finish(),
        }
    }
}

/// The answer to an admitted claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Admission {
    /// The intent's receipt.
    pub receipt: Receipt,
    /// How much of each budget is used, this effect included, in the order of the claim's charges.
    /// Empty if the claim was admitted before.
    pub used: Vec<i64>,
    /// How long the request has taken, if the claim has an `elapsed_max` and the request has no
    /// shortlist.
    pub elapsed: Option<Duration>,
}

/// Why a claim is refused: the first of these that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// One of its switches is engaged, or was never set.
    Switch {
        /// Index of the first such switch among the claim's, from 0.
        switch: usize,
    },
    /// The consent was never granted.
    NoConsent,
    /// The client declined since.
    ConsentDenied,
    /// The consent lapsed.
    ConsentExpired,
    /// A budget would exceed its limit.
    Budget {
        /// Index among the claim's charges, from 0.
        charge: usize,
        /// How much is used without it.
        used: i64,
    },
    /// The request has taken too long.
    Time {
        /// How long.
        elapsed: Duration,
    },
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

/// Whose usage is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A request's.
    Request(Uuid),
    /// A day's, in UTC.
    Day(NaiveDate),
}

/// The state of a switch.
#[derive(Clone, PartialEq, Eq)]
pub struct SwitchState {
    /// The switch.
    pub switch: Switch,
    /// True if it is engaged: the effects that it governs are refused.
    pub is_engaged: bool,
    /// Who set it last.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, by the database's clock. Ignored when a switch is set.
    pub at: DateTime<Utc>,
    /// How many of its records wait to be appended to the trail. Ignored when a switch is set.
    pub pending: u32,
}

/// A switch that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The receipt of its record. `None` while another transaction holds the stream: the record is
    /// kept beside the switch, in the same transaction, and
    /// [`append_pending_flips`](AdmissionStore::append_pending_flips) appends it.
    pub receipt: Option<Receipt>,
    /// Process ids of database sessions that began to admit an effect before the switch was
    /// engaged, and hung too long to wait for. Each may still admit that one effect. Terminate
    /// them.
    pub may_admit: Vec<i32>,
}

impl From<Receipt> for Flip {
    fn from(receipt: Receipt) -> Self {
        Self { receipt: Some(receipt), may_admit: Vec::new() }
    }
}

// Who and why are free text.
impl fmt::Debug for SwitchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchState")
            .field("switch", &self.switch)
            .field("is_engaged", &self.is_engaged)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
