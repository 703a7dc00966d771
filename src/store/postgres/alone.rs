//! Appends one record: its columns as they are, without arrays.
//!
//! A caller alone is common, and this saves it the block in which a batch looks for duplicates. If the
//! event's id is known, the statement fails and we fall back to the batch path.

use sqlx::Row;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;

use super::append::digest;
use super::error::{Remedy, unanswered};
use super::pooling::Pooling;
use super::statement::{Connections, Sql};
use crate::record::{Receipt, Record, Role};
use crate::store::StoreError;

/// A statement over the columns of one record, or of a batch as arrays, and what follows them.
macro_rules! record_sql {
    ($select:literal, $function:literal $(, $more:literal)?) => {
        $crate::store::postgres::statement::sql!(
            $select,
            " from moltbot_audit.",
            $function,
            "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
             $20, $21, $22",
            $(", ", $more,)?
            ")"
        )
    };
}
pub(super) use record_sql;

pub(super) type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

const APPEND_ALONE: Sql = record_sql!("select seq, recorded_at, chain_hash", "append_alone", "$23");

/// Appends one event, or one outcome. `None`, with nothing written, where its id is known: what it is
/// known as is for the batch's statement to say.
pub(super) async fn append_alone(
    connections: &Connections,
    record: &Record,
) -> Result<Option<Receipt>, StoreError> {
    let is_outcome = record.role() == Role::Outcome;
    let query = |pooling| bind_record(APPEND_ALONE, pooling, record).bind(is_outcome);
    let rows = match connections.try_fetch_all("append", query).await {
        Ok(rows) => rows,
        Err(failure) if failure.remedy == Remedy::Look => return Ok(None),
        Err(failure) => return Err(failure.error),
    };
    // It has landed, even if its answer is wrong.
    let [row] = &rows[..] else {
        let message = format!("{} receipts for 1 event", rows.len());
        return Err(unanswered("read the receipts", message));
    };
    let receipt = receipt(record, row);
    receipt.map(Some).map_err(|error| unanswered("read the receipts", error.to_string()))
}

fn receipt(record: &Record, row: &PgRow) -> Result<Receipt, sqlx::Error> {
    let (seq, recorded_at) = (row.try_get("seq")?, row.try_get("recorded_at")?);
    Ok(Receipt::new(record, seq, recorded_at, record.event_hash(), digest(row, "chain_hash")?))
}

pub(super) fn bind_record(sql: Sql, pooling: Pooling, record: &Record) -> PgQuery<'_> {
    let (header, commitments) = (record.header(), record.commitments());
    sql.query(pooling)
        .bind(header.id)
        .bind(record.stream_id().uuid())
        .bind(header.request_id)
        .bind(header.conversation_id)
        .bind(header.event_type.as_str())
        .bind(header.actor.as_str())
        .bind(header.outcome.as_str())
        .bind(header.error_code.as_deref())
        .bind(header.duration_ms)
        .bind(header.created_at)
        .bind(header.trace_id.as_deref())
        .bind(header.span_id.as_deref())
        .bind(record.canonical_input())
        .bind(record.canonical_output())
        .bind(record.idempotency_key())
        .bind(record.canonical_host_ids())
        .bind(*record.salt().as_bytes())
        .bind(*commitments.input.as_bytes())
        .bind(*commitments.output.as_bytes())
        .bind(*commitments.idempotency_key.as_bytes())
        .bind(*commitments.host_ids.as_bytes())
        .bind(*record.event_hash().as_bytes())
}
