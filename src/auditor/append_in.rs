//! Records inside the host's own transaction.

use super::{Auditor, RecordError};
use crate::delivery::WriteError;
use crate::event::AuditEvent;
use crate::record::{Receipt, Record};
use crate::store::{PgConnection, PostgresStore};

/// Events appended in a transaction that is not committed yet. They are recorded when it commits,
/// and never existed otherwise.
#[must_use = "the receipts come true with the transaction's commit"]
#[derive(Debug)]
pub struct Uncommitted {
    auditor: Auditor,
    records: Vec<Record>,
    receipts: Vec<Receipt>,
}

impl Uncommitted {
    /// True if one of the events was recorded before. The transaction that recorded it has
    /// committed, and with it any change of the host in that transaction: roll this one back.
    #[must_use]
    pub fn has_duplicate(&self) -> bool {
        self.receipts.iter().any(Receipt::is_duplicate)
    }

    /// The receipts, in the order of the events. Call it once the commit has returned `Ok`: it
    /// counts the events in the metrics and writes them to the log.
    #[must_use]
    pub fn committed(self) -> Vec<Receipt> {
        for (record, receipt) in self.records.iter().zip(&self.receipts) {
            self.auditor.stored(record, receipt);
        }
        self.receipts
    }
}

impl Auditor {
    /// Records events inside the host's own transaction, so that a business change and its events
    /// commit together or not at all.
    ///
    /// `connection` must be in a transaction, on the database that holds the schema. It may be
    /// behind a pooler of any kind. Queue and spool are not involved. As with
    /// [`PostgresStore::append_in`], the streams stay locked: append last, and commit at once.
    /// Events of the same stream that are still in a spool get their places later.
    ///
    /// # Errors
    /// [`RecordError`]: roll the transaction back. If the error [is
    /// retryable](RecordError::is_retryable), run the whole transaction again. A conflict is an
    /// error too: an event with this id is already recorded, with other content.
    ///
    /// # Cancel safety
    /// Dropping the future leaves an unread answer on the connection. Roll back.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     auditor: moltbot_audit::Auditor, pool: sqlx::PgPool, event: moltbot_audit::AuditEvent
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut transaction = pool.begin().await?;
    /// sqlx::query("update request set state = 'closed' where id = 7")
    ///     .execute(&mut *transaction)
    ///     .await?;
    /// let uncommitted = auditor.append_in(&mut transaction, [event]).await?;
    /// transaction.commit().await?;
    /// let receipts = uncommitted.committed();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn append_in(
        &self,
        connection: &mut PgConnection,
        events: impl IntoIterator<Item = AuditEvent>,
    ) -> Result<Uncommitted, RecordError> {
        self.shared.self_events.check_clock(&*self.shared.clock);
        let sealed: Result<Vec<_>, _> =
            events.into_iter().map(|event| self.seal_of_host(event)).collect();
        let records = sealed?;
        self.check_key(self.deadline()).await.map_err(WriteError::from)?;
        let appended = PostgresStore::append_in(connection, &records).await;
        let appended = appended.map_err(WriteError::from)?;
        let receipts: Result<_, _> = appended.into_iter().collect();
        let receipts = receipts.map_err(WriteError::from)?;
        Ok(Uncommitted { auditor: self.clone(), records, receipts })
    }
}
