//! Events as the columns of one call on an SQL function, each of which a test may forge.

use chrono::{DateTime, Utc};
use moltbot_audit::record::Record;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// The columns of an event, in the order of the functions' parameters.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) stream_id: Uuid,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) conversation_id: Option<Uuid>,
    pub(crate) event_type: String,
    pub(crate) actor: String,
    pub(crate) outcome: String,
    pub(crate) error_code: Option<String>,
    pub(crate) duration_ms: Option<i32>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) trace_id: Option<String>,
    pub(crate) span_id: Option<String>,
    pub(crate) caused_by: Option<Uuid>,
    pub(crate) writer_id: Option<Uuid>,
    pub(crate) input: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) host_ids: Option<String>,
    pub(crate) salt: Vec<u8>,
    pub(crate) digests: [Vec<u8>; 5],
}

impl Row {
    pub(crate) fn of(record: &Record) -> Self {
        let (header, commitments) = (record.header(), record.commitments());
        let digests = [
            commitments.input,
            commitments.output,
            commitments.idempotency_key,
            commitments.host_ids,
            record.event_hash(),
        ];
        Self {
            id: header.id,
            stream_id: record.stream_id().uuid(),
            request_id: header.request_id,
            conversation_id: header.conversation_id,
            event_type: header.event_type.clone(),
            actor: header.actor.clone(),
            outcome: header.outcome.clone(),
            error_code: header.error_code.clone(),
            duration_ms: header.duration_ms,
            created_at: header.created_at,
            trace_id: header.trace_id.clone(),
            span_id: header.span_id.clone(),
            caused_by: header.caused_by,
            writer_id: header.writer_id,
            input: record.canonical_input().map(str::to_owned),
            output: record.canonical_output().map(str::to_owned),
            idempotency_key: record.idempotency_key().map(str::to_owned),
            host_ids: record.canonical_host_ids().map(str::to_owned),
            salt: record.salt().as_bytes().to_vec(),
            digests: digests.map(|digest| digest.as_bytes().to_vec()),
        }
    }

    /// Calls a function that takes arrays; `more` follows the columns.
    pub(crate) async fn call_with_arrays(
        &self,
        pool: &PgPool,
        function: &str,
        more: &str,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let columns: Vec<_> = (1..=24).map(|n| format!("array[${n}]")).collect();
        self.call(pool, function, &columns.join(", "), more).await
    }

    /// Calls a function that takes one event; `more` follows the columns.
    pub(crate) async fn call_alone(
        &self,
        pool: &PgPool,
        function: &str,
        more: &str,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let columns: Vec<_> = (1..=24).map(|n| format!("${n}")).collect();
        self.call(pool, function, &columns.join(", "), more).await
    }

    async fn call(
        &self,
        pool: &PgPool,
        function: &str,
        columns: &str,
        more: &str,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let sql = format!("select * from moltbot_audit.{function}({columns}{more})");
        self.bind(sqlx::query(AssertSqlSafe(sql))).fetch_all(pool).await
    }

    fn bind<'q>(
        &'q self,
        query: Query<'q, Postgres, PgArguments>,
    ) -> Query<'q, Postgres, PgArguments> {
        let query = query
            .bind(self.id)
            .bind(self.stream_id)
            .bind(self.request_id)
            .bind(self.conversation_id)
            .bind(self.event_type.as_str())
            .bind(self.actor.as_str())
            .bind(self.outcome.as_str())
            .bind(self.error_code.as_deref())
            .bind(self.duration_ms)
            .bind(self.created_at)
            .bind(self.trace_id.as_deref())
            .bind(self.span_id.as_deref())
            .bind(self.caused_by)
            .bind(self.writer_id)
            .bind(self.input.as_deref())
            .bind(self.output.as_deref())
            .bind(self.idempotency_key.as_deref())
            .bind(self.host_ids.as_deref())
            .bind(self.salt.as_slice());
        self.digests.iter().fold(query, |query, digest| query.bind(digest.as_slice()))
    }
}
