//! Embedded audit library for the Moltbot concierge.

pub mod event;
pub mod proof;
pub mod record;
pub mod redact;
pub mod store;

pub use self::event::{
    Actor, AuditEvent, ConversationId, ErrorCode, EventError, EventId, EventType, Outcome, Payload,
    RequestId, StreamId, TraceContext,
};
