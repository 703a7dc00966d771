//! The columns of a record as the arguments of a statement: of one record as they are, of a batch as arrays.

use super::pooling::Pooling;
use super::sql::{PgQuery, Sql};
use crate::record::Record;

/// A statement on a function that takes the columns of one record, or of a batch as arrays, and then more.
macro_rules! record_sql {
    ($select:literal, $function:literal $(, $more:literal)?) => {
        $crate::store::postgres::sql::sql!(
            $select,
            " from moltbot_audit.",
            $function,
            "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
             $20, $21, $22, $23, $24",
            $(", ", $more,)?
            ")"
        )
    };
}
pub(super) use record_sql;

/// Binds the columns of one record.
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
        .bind(header.caused_by)
        .bind(header.writer_id)
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

/// Binds the columns of a batch, each as an array.
pub(super) fn bind_batch(sql: Sql, pooling: Pooling, batch: &[Record]) -> PgQuery<'_> {
    sql.query_of_len(pooling, batch.iter().map(arguments_len).sum())
        .bind(column(batch, |r| r.header().id))
        .bind(column(batch, |r| r.stream_id().uuid()))
        .bind(nullable(batch, |r| r.header().request_id))
        .bind(nullable(batch, |r| r.header().conversation_id))
        .bind(column(batch, |r| r.header().event_type.as_str()))
        .bind(column(batch, |r| r.header().actor.as_str()))
        .bind(column(batch, |r| r.header().outcome.as_str()))
        .bind(nullable(batch, |r| r.header().error_code.as_deref()))
        .bind(nullable(batch, |r| r.header().duration_ms))
        .bind(column(batch, |r| r.header().created_at))
        .bind(nullable(batch, |r| r.header().trace_id.as_deref()))
        .bind(nullable(batch, |r| r.header().span_id.as_deref()))
        .bind(nullable(batch, |r| r.header().caused_by))
        .bind(nullable(batch, |r| r.header().writer_id))
        .bind(nullable(batch, Record::canonical_input))
        .bind(nullable(batch, Record::canonical_output))
        .bind(nullable(batch, Record::idempotency_key))
        .bind(nullable(batch, Record::canonical_host_ids))
        .bind(column(batch, |r| *r.salt().as_bytes()))
        .bind(column(batch, |r| *r.commitments().input.as_bytes()))
        .bind(column(batch, |r| *r.commitments().output.as_bytes()))
        .bind(column(batch, |r| *r.commitments().idempotency_key.as_bytes()))
        .bind(column(batch, |r| *r.commitments().host_ids.as_bytes()))
        .bind(column(batch, |r| *r.event_hash().as_bytes()))
}

fn column<'a, T>(batch: &'a [Record], of: impl Fn(&'a Record) -> T) -> Vec<T> {
    batch.iter().map(of).collect()
}

/// Empty if there are only nulls, which the function takes for the same.
fn nullable<'a, T>(batch: &'a [Record], of: impl Fn(&'a Record) -> Option<T>) -> Vec<Option<T>> {
    let has_any = batch.iter().any(|record| of(record).is_some());
    if has_any { column(batch, of) } else { Vec::new() }
}

/// About how many bytes the columns of a record take as arguments.
fn arguments_len(record: &Record) -> usize {
    // 24 lengths, 6 ids, 5 digests, a salt, a time, and the short texts.
    const BESIDE_PAYLOAD: usize = 512;
    record.payload_len() + record.idempotency_key().map_or(0, str::len) + BESIDE_PAYLOAD
}
