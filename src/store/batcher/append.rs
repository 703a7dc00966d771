//! Appending so that what the database refuses fails alone.

use std::ops::Range;
use std::sync::Arc;

use super::WriteError;
use crate::record::{Receipt, Record};
use crate::store::catch_unwind::CatchUnwind;
use crate::store::{Appended, AuditSink, StoreError};

/// What became of one record.
pub(super) type Verdict = Result<Receipt, WriteError>;

/// Appends a batch, and returns one verdict for each record.
///
/// A batch that is refused, or makes the sink panic, is halved until the record that is at fault stands
/// alone: the others land. When the database goes away in between, nothing more is tried, because a
/// later event of a stream must not land before an earlier one that is still to be written.
pub(super) async fn append_each(sink: &dyn AuditSink, batch: &[Record]) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(batch.len());
    let whole = 0..batch.len();
    let mut parts = vec![whole];
    while let Some(part) = parts.pop() {
        let appending = async { sink.append(&batch[part.clone()]).await };
        let fault = match CatchUnwind::new(appending).await {
            Ok(Ok(appended)) if answers(&appended, &batch[part.clone()]) => {
                verdicts.extend(appended.into_iter().map(|one| one.map_err(WriteError::Conflict)));
                continue;
            }
            Ok(Ok(_)) => WriteError::NoReceipt,
            Ok(Err(error)) if error.is_retryable() => {
                let rest = verdicts.len()..batch.len();
                verdicts.extend(rest.map(|_| Err(WriteError::Store(error.clone()))));
                break;
            }
            Ok(Err(error)) => WriteError::Store(error),
            Err(_panic) => WriteError::Interrupted,
        };
        match halves(&part) {
            Some((front, back)) => parts.extend([back, front]),
            None => verdicts.push(Err(fault)),
        }
    }
    verdicts
}

/// Whether there is one result for each record, in their order: nobody may get another's receipt.
fn answers(appended: &[Appended], batch: &[Record]) -> bool {
    let ids = appended.iter().map(|one| match one {
        Ok(receipt) => receipt.event_id,
        Err(conflict) => conflict.event_id,
    });
    ids.eq(batch.iter().map(|record| record.header().id))
}

/// The halves of a part that holds more than one record.
fn halves(part: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let middle = part.start + part.len() / 2;
    (part.len() > 1).then_some((part.start..middle, middle..part.end))
}

/// As [`append_each`], in a task of its own, which goes on when nobody waits for it any longer.
pub(super) async fn append_detached(
    sink: Arc<dyn AuditSink>,
    batch: Arc<Vec<Record>>,
) -> Vec<Verdict> {
    let len = batch.len();
    let task = tokio::spawn(async move { append_each(&*sink, &batch).await });
    task.await.unwrap_or_else(|_| {
        // The task does not panic: the runtime is stopping.
        let cut = StoreError::unavailable("append", "the runtime stopped before the answer came");
        vec![Err(WriteError::Store(cut)); len]
    })
}
