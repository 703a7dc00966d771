//! Reads stored values, which anyone with the file may have changed.

use chrono::{DateTime, Datelike as _, Utc};
use serde_json::Value;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row as _, Type};
use uuid::Uuid;

use crate::event::StreamId;
use crate::json::parse;
use crate::proof::{Digest, Salt, canonical};
use crate::store::StoreError;

/// The cells of a row, and where the row stands.
#[derive(Clone, Copy)]
pub(super) struct Cells<'r> {
    row: &'r SqliteRow,
    stream_id: StreamId,
    seq: i64,
}

impl<'r> Cells<'r> {
    /// Takes a row found under `stream_id`, and says in which column its place in the stream stands:
    /// `None` where that is null.
    pub(super) fn of(
        row: &'r SqliteRow,
        stream_id: StreamId,
        seq: &'static str,
    ) -> Result<Option<Self>, StoreError> {
        let unplaced = Self { row, stream_id, seq: 0 };
        let seq: Option<i64> = unplaced.get(seq)?;
        Ok(seq.map(|seq| Self { seq, ..unplaced }))
    }

    pub(super) fn seq(self) -> i64 {
        self.seq
    }

    /// A value of a plain type.
    pub(super) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(
        self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|_| self.malformed(column, "is of another type"))
    }

    pub(super) fn digest(self, column: &'static str) -> Result<Digest, StoreError> {
        let bytes: &[u8] = self.get(column)?;
        Digest::try_from(bytes).map_err(|_| self.malformed(column, "has not 32 bytes"))
    }

    pub(super) fn salt(self, column: &'static str) -> Result<Salt, StoreError> {
        let bytes: &[u8] = self.get(column)?;
        Salt::try_from(bytes).map_err(|_| self.malformed(column, "has not 16 bytes"))
    }

    pub(super) fn time(self, column: &'static str) -> Result<DateTime<Utc>, StoreError> {
        // Later years have no text by RFC 3339.
        let has_text = |time: &DateTime<Utc>| (0..=9999).contains(&time.year());
        DateTime::from_timestamp_micros(self.get(column)?)
            .filter(has_text)
            .ok_or_else(|| self.malformed(column, "is beyond the calendar"))
    }

    /// A UUID in the one form in which it is written, so that no change of a cell goes unseen.
    pub(super) fn uuid(self, column: &'static str) -> Result<Option<Uuid>, StoreError> {
        let text: Option<&str> = self.get(column)?;
        text.map(|text| {
            Uuid::parse_str(text)
                .ok()
                .filter(|id| id.to_string() == text)
                .ok_or_else(|| self.malformed(column, "is no hyphenated lower-case UUID"))
        })
        .transpose()
    }

    /// JSON in its canonical form: another spelling of the same value was not written by the store.
    pub(super) fn json(self, column: &'static str) -> Result<Option<Value>, StoreError> {
        let Some(text) = self.get::<Option<&str>>(column)? else { return Ok(None) };
        match parse(text) {
            // It would commit to the same as nothing, and so go unnoticed.
            Ok(Value::Null) => {
                Err(self.malformed(column, "is JSON null where nothing is stored as NULL"))
            }
            Ok(value) if canonical(&value) == text => Ok(Some(value)),
            _ => Err(self.malformed(column, "is no canonical JSON")),
        }
    }

    /// The same, of an object.
    pub(super) fn json_object(self, column: &'static str) -> Result<Option<Value>, StoreError> {
        let value = self.json(column)?;
        if value.as_ref().is_some_and(|value| !value.is_object()) {
            return Err(self.malformed(column, "is not a JSON object"));
        }
        Ok(value)
    }

    pub(super) fn malformed(self, column: &'static str, reason: &'static str) -> StoreError {
        StoreError::Malformed { stream_id: self.stream_id, seq: self.seq, column, reason }
    }
}
