//! Storage: the traits, and a native implementation for each database.
//!
//! Each store is written for its database, without shared SQL. One contract suite runs on all of
//! them.

#[cfg(feature = "recorder")]
pub mod admission;
mod audit_store;
#[cfg(feature = "recorder")]
pub(crate) mod backoff;
mod box_future;
#[cfg(feature = "recorder")]
pub(crate) mod catch_unwind;
pub(crate) mod criteria;
mod error;
mod find;
mod find_requests;
#[cfg(feature = "recorder")]
mod host_records;
#[cfg(feature = "recorder")]
mod layer;
#[cfg(feature = "recorder")]
pub(crate) mod log_line;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod open;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

/// A connection of the driver's, for [`PostgresStore::append_in`].
#[cfg(feature = "postgres")]
pub use sqlx::PgConnection;

pub use self::audit_store::{Appended, AuditSink, AuditStore, StreamHead, StreamSnapshot};
pub use self::box_future::BoxFuture;
pub use self::error::{Conflict, DriverError, StoreError};
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
pub(crate) use self::find::StreamOwner;
pub use self::find::{
    FindError, FoundRequest, ListedStream, RequestCursor, RequestPage, RequestQuery, StreamScope,
};
pub use self::find_requests::find_requests;
#[cfg(feature = "recorder")]
pub use self::host_records::{
    Cell, HostIds, HostQuery, HostRecords, HostRow, HostRows, HostTable, NotCheckable, WhyNot,
};
#[cfg(feature = "recorder")]
pub use self::layer::StoreLayer;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use self::open::{connect, open};
#[cfg(feature = "postgres")]
pub use self::postgres::{MoltbotTables, Pooling, PostgresStore};
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;
