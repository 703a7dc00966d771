//! Reconciliation: what the trail says, beside the host's own tables and the provider's bill.
//!
//! [`reconcile_request`] compares one request, [`reconcile_period`] every request that began in a time, and every row of
//! the host's in it. Findings hold no text that a person wrote: only closed words, numbers, times and ids of rows.
//!
//! It trusts neither side. A finding says that two records of one thing differ, not which of them is right. It does not
//! check that the trail is untampered: that is for packs and their verifier.

mod agreement;
mod bill;
mod calls;
mod compare;
mod conversation;
mod effects;
mod finding;
mod found;
mod period;
mod record;
mod report;
mod request;
mod rows;
mod trail;
mod what_if;

pub use self::{
    bill::{Bill, BillError, BillReconciled, reconcile_bill},
    finding::{Finding, Side},
    period::reconcile_period,
    record::{export_reconciled, record_reconciled},
    report::{ReconcileError, Reconciled},
    request::reconcile_request,
    what_if::{Alternative, NotReplayable, Replayed, WouldBeRefused, WouldRefuse, what_if},
};
