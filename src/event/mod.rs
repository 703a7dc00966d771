//! The vocabulary: what the host reports, and in which terms. No I/O.

mod audit_event;
mod budget;
mod closed_sets;
mod error;
mod event_type;
mod finding;
mod host_id;
mod identity;
mod ids;
mod language;
pub mod payload;
pub(crate) mod request_state;
mod reversal;
mod switch_scope;
mod trace;

pub use self::{
    audit_event::AuditEvent,
    budget::{Budget, Switch},
    closed_sets::{Actor, ErrorCode, IdentityHow, Outcome, Period},
    error::EventError,
    event_type::EventType,
    finding::{Aspect, FindingCode, Severity, Subject},
    host_id::HostIdFault,
    identity::Identity,
    ids::{ConversationId, EventId, RequestId, StreamId},
    language::Language,
    payload::Payload,
    reversal::{Reversal, Until},
    switch_scope::SwitchScope,
    trace::TraceContext,
};

#[cfg(feature = "recorder")]
pub(crate) use self::closed_sets::closed_set;
pub(crate) use self::finding::sentence;
