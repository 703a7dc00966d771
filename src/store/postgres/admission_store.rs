//! Implements `AdmissionStore`: what writes is in `admission`, what reads in `read_admission` and `open_effects`.

use uuid::Uuid;

use super::{PostgresStore, admission, open_effects, read_admission};
use crate::event::{Budget, EventType, StreamId, Switch};
use crate::record::{Receipt, Record};
use crate::redact::{KeyFingerprint, KeyProof};
use crate::store::admission::{
    AdmissionStore, Claim, Conclusion, Decision, EarlierEvent, FirstShortlist, Flip, Lease,
    OpenEffect, OpenPage, Scope, SwitchState,
};
use crate::store::{BoxFuture, StoreError};

impl AdmissionStore for PostgresStore {
    fn use_key(&self, given: KeyFingerprint) -> BoxFuture<'_, Result<KeyFingerprint, StoreError>> {
        Box::pin(admission::use_key(&self.connections, given))
    }

    fn rotate_key<'a>(
        &'a self,
        from: KeyProof,
        to: KeyFingerprint,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(admission::rotate_key(&self.connections, from, to, record))
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        Box::pin(admission::admit(&self.connections, claim))
    }

    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(admission::conclude(&self.connections, effect_id, conclusion, record))
    }

    fn renew_leases<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(admission::renew_leases(&self.connections, leases))
    }

    fn open_effects(&self, page: OpenPage) -> BoxFuture<'_, Result<Vec<OpenEffect>, StoreError>> {
        Box::pin(open_effects::page(&self.connections, page))
    }

    fn open_effect(
        &self,
        effect_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<OpenEffect>, StoreError>> {
        Box::pin(open_effects::one(&self.connections, effect_id))
    }

    fn count_in_doubt(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(open_effects::count_in_doubt(&self.connections))
    }

    fn usage(&self, scope: Scope) -> BoxFuture<'_, Result<Vec<(Budget, i64)>, StoreError>> {
        Box::pin(read_admission::usage(&self.connections, scope))
    }

    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>> {
        Box::pin(read_admission::switches(&self.connections))
    }

    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>> {
        Box::pin(admission::set_switch(&self.connections, state, record))
    }

    fn append_pending_flips(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        Box::pin(admission::append_pending_flips(&self.connections))
    }

    fn lapse_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(admission::lapse_switch(&self.connections, state, record))
    }

    fn forget_switch<'a>(&'a self, switch: &'a Switch) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(admission::forget_switch(&self.connections, switch))
    }

    fn first_shortlist(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<FirstShortlist>, StoreError>> {
        Box::pin(read_admission::first_shortlist(&self.connections, stream_id))
    }

    fn events_before<'a>(
        &'a self,
        stream_id: StreamId,
        seq: i64,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<EarlierEvent>, StoreError>> {
        Box::pin(read_admission::events_before(&self.connections, stream_id, seq, event_types))
    }

    fn last_reconciled(&self) -> BoxFuture<'_, Result<Option<EarlierEvent>, StoreError>> {
        Box::pin(read_admission::last_reconciled(&self.connections))
    }

    fn is_answering(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.connections.is_answering())
    }

    fn switch_moved(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.switch_listener.switch_moved(&self.connections))
    }
}
