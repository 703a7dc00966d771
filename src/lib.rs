//! An embedded audit library for the Moltbot concierge. It seals what the host does, the database
//! chains it, and anyone can verify an exported pack offline.
//!
//! - [`Auditor`] is the host's handle. It records events, and runs effects so that their outcome is
//!   recorded, however they end.
//! - [`store`] keeps the records, in Postgres (Supabase) or SQLite.
//! - [`pack`] exports the whole story of one request for its reader, and verifies it.
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
//! `docs/guarantees.md` states both in full. In short: when `record` has returned, the event is
//! durable. If anything stored or exported is changed, a reader who knows the stream's head from
//! elsewhere finds it. Secrets of known form do not enter. An external pack shows the fields on its
//! profile's list, and digests for the rest.
//!
//! # Features
//!
//! `postgres` (default) and `sqlite` are the stores. `logs` (default) is the layer for JSON log
//! lines in [`observe`]. `recorder` is [`Auditor`] for a host with a store of its own. `testing`
//! injects faults in a host's tests. `otel` takes the ids of OpenTelemetry's spans. `signatures` signs
//! packs and verifies signatures. `report` makes an HTML page of a pack. Without any of them, the crate is the offline verifier, without
//! sqlx and tokio.

#[cfg(feature = "recorder")]
pub mod auditor;
#[cfg(feature = "recorder")]
pub mod delivery;
pub mod event;
pub mod json;
pub mod observe;
pub mod pack;
#[cfg(feature = "recorder")]
pub mod policy;
pub mod proof;
#[cfg(feature = "recorder")]
pub mod reconcile;
pub mod record;
pub mod redact;
#[cfg(feature = "report")]
pub mod report;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "recorder")]
pub mod undo;

#[cfg(feature = "recorder")]
pub use self::auditor::{
    AdmitError, Auditor, AuditorBuilder, ControlError, Effect, EffectError, PendingEffect, Permit,
    RecordError, ShutdownReport,
};
pub use self::event::{
    Actor, AuditEvent, Budget, ConversationId, ErrorCode, EventError, EventId, EventType, Identity,
    Outcome, Payload, Period, RequestId, Reversal, StreamId, Switch, SwitchScope, TraceContext,
};

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../docs/admission.md")]
struct Admission;

#[cfg(all(doctest, feature = "recorder", feature = "signatures"))]
#[doc = include_str!("../docs/keys.md")]
struct Keys;

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

#[cfg(all(doctest, feature = "recorder"))]
#[doc = include_str!("../docs/undo.md")]
struct Undo;

#[cfg(all(doctest, feature = "otel"))]
#[doc = include_str!("../docs/tracing.md")]
struct Tracing;
