//! How records reach a store whatever happens.
//!
//! ```text
//! Batcher::submit ─▶ Queue ─▶ Writer ─▶ Append ─▶ AuditSink::append
//!                             │   a locked stream: tried again alone
//!                             ▼   away, or the stream has events in the spool
//!                           Spool ─▶ Drain ─▶ Append
//! ```
//!
//! A batch holds what arrived while the last one was in flight; there is no timer. A stream is in one batch at a time,
//! so that its events are never reordered. The circuit breaker decides whether the database is away.
//!
//! A crash loses nothing that was acknowledged: a caller gets its answer when the record is in the database or on
//! the spool's disk. After a crash between the database's commit and the answer, the caller may record the event
//! again. After a crash before a drain removes stored records from the spool, they are appended again. In both cases
//! the database recognises them by their ids.

mod answer_by;
mod append;
mod batch;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "only tests reach it"))]
pub(crate) mod batcher;
mod capacity;
mod circuit_breaker;
mod drain;
mod drain_report;
mod error;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "only tests reach it"))]
pub(crate) mod failures;
mod fair_queue;
mod limits;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "only tests reach it"))]
pub(crate) mod observer;
mod pending;
mod pipeline;
mod queue;
mod spool;
mod spool_upkeep;
mod writer;

pub(crate) use self::batcher::Batcher;
pub use self::drain_report::DrainReport;
pub use self::error::{ShutdownError, WriteError};
pub(crate) use self::failures::Failures;
pub use self::limits::QueueLimits;
pub(crate) use self::observer::Observer;
pub use self::spool::{Recovery, SetAside, Spool, SpoolDepth, SpoolError, SpoolOptions, Spooled};
