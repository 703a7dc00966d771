//! Reads cells for which the driver's types do not suffice.

use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::json::{JsonError, parse};
use crate::proof::{Digest, respell};

/// A `jsonb` cell as the value that was sealed; `None` for JSON null, which is the same as nothing.
///
/// `jsonb` keeps the scale of a number (`1.0`, `1.10`) and compares without it. Whole numbers read as
/// integers, as they are sealed.
///
/// # Errors
/// [`JsonError`] for what `jsonb` takes and no `seal` writes: numbers that no double holds, say.
pub(super) fn read_jsonb(text: &str) -> Result<Option<Value>, JsonError> {
    let mut value = parse(text)?;
    respell(&mut value);
    Ok((!value.is_null()).then_some(value))
}

pub(super) fn digest(row: &PgRow, column: &str) -> Result<Digest, sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    Digest::try_from(bytes).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: error.into(),
    })
}
