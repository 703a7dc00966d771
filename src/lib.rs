//! Embedded audit library for the Moltbot concierge: what the host does is sealed, chained by the
//! database itself, exported as a pack, and verified offline by anyone.
//!
//! - [`Auditor`] is what a host holds: it records events, and runs effects so that their outcome is
//!   recorded whichever way they end.
//! - [`store`] keeps the records, in SQLite or in Postgres (Supabase).
//! - [`pack`] exports one request's whole story for its reader, and verifies it.
//! - [`proof`] and [`record`] are the format: canonical JSON, commitments, hashes, chain.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use moltbot_audit::pack::{export_request_pack, verify_request_pack};
//! use moltbot_audit::redact::{Profile, RedactionKey};
//! use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
//!
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
//! let store = moltbot_audit::store::open(&url).await?;
//! let key = RedactionKey::from_bytes([7; 32]); // 32 secret random bytes of the deployment
//! let auditor = Auditor::builder(store.clone(), key).build();
//!
//! let request = auditor.request_id("req-7")?;
//! let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request);
//! let recorded = auditor.record(event).await?;
//! let receipt = recorded.receipt().expect("the database is there");
//!
//! let pack = export_request_pack(&*store, &request, &Profile::internal()).await?;
//! let verified = verify_request_pack(pack.to_json_pretty().as_bytes())?;
//! assert_eq!(verified.head().chain_hash, receipt.chain_hash);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # Guarantees, and what is not guaranteed
//!
//! `docs/guarantees.md` states both in full. In short: once `record` has returned the event is durable and in its
//! chain; a change of anything stored or exported is found by whoever knows the stream's head from
//! elsewhere; secrets of known form do not enter; an external pack shows what is on its profile's
//! list, and digests for the rest.
//!
//! # Features
//!
//! `postgres` (default) and `sqlite` are the stores, `logs` (default) is [`observe`]'s layer for log lines, `recorder` is [`Auditor`] alone for a host with a
//! sink of its own, `testing` the fault kit for a host's tests, `otel` the ids of OpenTelemetry's spans. Without any of them the crate is the offline verifier: no sqlx, no tokio.

#[cfg(feature = "recorder")]
pub mod admission;
#[cfg(feature = "recorder")]
pub mod auditor;
#[cfg(feature = "recorder")]
pub mod delivery;
pub mod event;
pub mod json;
pub mod observe;
pub mod pack;
pub mod proof;
pub mod record;
pub mod redact;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "recorder")]
pub use self::auditor::{
    AdmitError, Auditor, AuditorBuilder, ControlError, Effect, EffectError, PendingEffect, Permit,
    RecordError, ShutdownReport,
};
pub use self::event::{
    Actor, AuditEvent, Budget, ConversationId, ErrorCode, EventError, EventId, EventType, Outcome,
    Payload, Period, RequestId, StreamId, Switch, TraceContext,
};

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../docs/admission.md")]
struct Admission;

#[cfg(all(doctest, feature = "recorder"))]
#[doc = include_str!("../docs/metrics.md")]
struct MetricsDocument;

#[cfg(all(doctest, feature = "logs"))]
#[doc = include_str!("../docs/logging.md")]
struct Logging;

#[cfg(all(doctest, feature = "postgres"))]
#[doc = include_str!("../docs/outage.md")]
struct Outage;

#[cfg(all(doctest, feature = "recorder"))]
#[doc = include_str!("../docs/privacy.md")]
struct Privacy;

#[cfg(all(doctest, feature = "otel"))]
#[doc = include_str!("../docs/tracing.md")]
struct Tracing;
