//! The host's own rows, as far as they can be read.
//!
//! A host's database may be of any age: a table, a column or a right may be missing, and a value may be of another
//! type. None of that is an error, and none of it is agreement. A row is therefore a JSON object with the columns that
//! are there, and each of its cells says whether there is a value.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{BoxFuture, StoreError};
use crate::event::closed_set;
use crate::record::time_of;

closed_set! {
    /// A table of the host that is compared with the trail.
    HostTable {
        /// Phone calls.
        CallAttempts = "moltbot_call_attempts",
        /// Consents to phone calls.
        CallConsents = "moltbot_call_consents",
        /// Conversations.
        Conversations = "moltbot_conversations",
        /// Messages with clients.
        Messages = "moltbot_conversation_messages",
        /// Photos to be read.
        OcrJobs = "moltbot_ocr_jobs",
        /// Messages to vendors, and their replies.
        Outreach = "moltbot_vendor_outreach",
        /// Requests.
        Requests = "moltbot_marketplace_requests",
    }
}

impl HostTable {
    /// The columns that are compared. Nothing else is read.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::CallAttempts => &[
                "id",
                "consent_id",
                "provider_call_id",
                "status",
                "duration_seconds",
                "initiated_at",
            ],
            Self::CallConsents => &[
                "id",
                "conversation_id",
                "state",
                "granted_at",
                "denied_at",
                "expires_at",
                "created_at",
            ],
            Self::Conversations => &["id"],
            Self::Messages => &[
                "id",
                "conversation_id",
                "provider_message_id",
                "direction",
                "message_type",
                "body",
                "timestamp",
            ],
            Self::OcrJobs => &["id", "request_id", "status", "confidence", "created_at"],
            Self::Outreach => &[
                "id",
                "request_id",
                "vendor_id",
                "state",
                "outreach_sent_at",
                "response_message",
                "response_received_at",
            ],
            Self::Requests => &["id", "conversation_id", "state", "shortlist", "created_at"],
        }
    }
}

closed_set! {
    /// Why a table or a column cannot be checked.
    WhyNot {
        /// There is no such column.
        NoColumn = "there is no such column that this role can read",
        /// The role may not read it.
        NoRight = "this role may not read it",
        /// There is no such table.
        NoTable = "there is no such table",
        /// The column has another type than the host's migrations give it.
        OtherType = "the column has another type",
        /// Row-level security applies to the role, so rows may be hidden from it.
        RowSecurity = "row-level security may hide rows from this role",
        /// There are more rows than are read at once.
        TooMany = "there are more rows than are read for one comparison",
    }
}

/// A table, or a column of it, that cannot be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotCheckable {
    /// The table.
    pub table: HostTable,
    /// The column; none if it is the whole table.
    pub column: Option<&'static str>,
    /// Why.
    pub why: WhyNot,
}

impl fmt::Display for NotCheckable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "{}.{column}: {}", self.table, self.why),
            None => write!(f, "{}: {}", self.table, self.why),
        }
    }
}

/// Which rows to read: those whose column has one of the keys.
#[derive(Clone, Copy, Debug)]
pub struct HostQuery<'a> {
    /// The table.
    pub table: HostTable,
    /// The column, one of [`HostTable::columns`].
    pub column: &'static str,
    /// The keys, as texts.
    pub keys: &'a [String],
    /// A column with times, and the times from which (included) and before which they are. None: all rows.
    pub between: Option<(&'static str, DateTime<Utc>, DateTime<Utc>)>,
}

/// What there was to read.
#[derive(Clone, Debug)]
pub enum HostRows {
    /// Nothing can be said: not even that there is no row.
    NotCheckable(NotCheckable),
    /// Every row that was asked for.
    Rows(Vec<HostRow>),
}

/// Ids of a table's rows in a time, a page at a time.
#[derive(Clone, Debug)]
pub enum HostIds {
    /// Nothing can be said.
    NotCheckable(NotCheckable),
    /// The ids, in their order. Fewer than were asked for are the last.
    Ids(Vec<Uuid>),
}

/// Reads the host's own rows.
///
/// An implementation guarantees:
/// - A table, a column or a right that is missing is [`NotCheckable`], or a cell that the row does not have. It is never
///   an error, and never an empty list.
/// - Rows that are returned are all that there are for the keys.
/// - It writes nothing, and holds no lock longer than a statement.
///
/// A host with other tables maps its rows to the names of [`HostTable::columns`].
pub trait HostRecords: fmt::Debug + Send + Sync {
    /// Reads rows by a key.
    ///
    /// # Errors
    /// As the database fails.
    fn find<'a>(&'a self, query: HostQuery<'a>) -> BoxFuture<'a, Result<HostRows, StoreError>>;

    /// Lists the ids of requests that were created in a time, in their order, at most `max` after `after`.
    ///
    /// # Errors
    /// As the database fails.
    fn requests(
        &self,
        from: DateTime<Utc>,
        before: DateTime<Utc>,
        after: Option<Uuid>,
        max: u32,
    ) -> BoxFuture<'_, Result<HostIds, StoreError>>;

    /// Lists the ids of conversations with messages, consents or calls in a time, in their order, at most `max` after
    /// `after`.
    ///
    /// # Errors
    /// As the database fails.
    fn conversations(
        &self,
        from: DateTime<Utc>,
        before: DateTime<Utc>,
        after: Option<Uuid>,
        max: u32,
    ) -> BoxFuture<'_, Result<HostIds, StoreError>>;
}

/// One row of the host. `Debug` shows the names of its columns only.
#[derive(Clone, Default)]
pub struct HostRow(Map<String, Value>);

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<T> {
    /// The row has no such column.
    NotCheckable,
    /// It is null.
    Null,
    /// It holds something that is not of the column's type.
    Unreadable,
    /// It holds this.
    Value(T),
}

impl<T> Cell<T> {
    /// The value, if there is one.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::NotCheckable | Self::Null | Self::Unreadable => None,
        }
    }
}

impl HostRow {
    /// Of the columns that are there.
    #[must_use]
    pub fn new(cells: Map<String, Value>) -> Self {
        Self(cells)
    }

    /// A text.
    #[must_use]
    pub fn text(&self, column: &str) -> Cell<&str> {
        self.read(column, Value::as_str)
    }

    /// A UUID.
    #[must_use]
    pub fn uuid(&self, column: &str) -> Cell<Uuid> {
        self.read(column, |value| Uuid::parse_str(value.as_str()?).ok())
    }

    /// A time with its zone, of the years 1 to 9999.
    #[must_use]
    pub fn time(&self, column: &str) -> Cell<DateTime<Utc>> {
        self.read(column, time_of)
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, column: &str) -> Cell<i64> {
        self.read(column, Value::as_i64)
    }

    /// A number.
    #[must_use]
    pub fn number(&self, column: &str) -> Cell<f64> {
        self.read(column, Value::as_f64)
    }

    /// A list.
    #[must_use]
    pub fn list(&self, column: &str) -> Cell<&[Value]> {
        self.read(column, |value| value.as_array().map(Vec::as_slice))
    }

    fn read<'a, T>(&'a self, column: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Cell<T> {
        match self.0.get(column) {
            None => Cell::NotCheckable,
            Some(Value::Null) => Cell::Null,
            Some(value) => read(value).map_or(Cell::Unreadable, Cell::Value),
        }
    }
}

impl fmt::Debug for HostRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
