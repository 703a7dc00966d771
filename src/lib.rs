//! Embedded audit library for the Moltbot concierge.

#[cfg(feature = "recorder")]
pub mod auditor;
pub mod event;
pub mod pack;
pub mod proof;
pub mod record;
pub mod redact;
pub mod store;

#[cfg(feature = "recorder")]
pub use self::auditor::{Auditor, AuditorBuilder, Effect, EffectError, PendingEffect, RecordError};
pub use self::event::{
    Actor, AuditEvent, ConversationId, ErrorCode, EventError, EventId, EventType, Outcome, Payload,
    RequestId, StreamId, TraceContext,
};
