//! A sink whose answer is not what it should be.

use std::sync::Arc;

use moltbot_audit::delivery::{QueueLimits, WriteError};
use moltbot_audit::record::Record;
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError};
use moltbot_audit::testing::{Batcher, MemoryStore};

use crate::support::records::{fresh_request, records};

/// Returns its receipts in another order.
#[derive(Debug)]
struct Reversing(MemoryStore);

impl AuditSink for Reversing {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move {
            let mut appended = self.0.append(batch).await?;
            appended.reverse();
            Ok(appended)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_the_receipt_of_another_event() {
    let sink = Arc::new(Reversing(MemoryStore::new()));
    let batcher = Batcher::new(sink.clone(), None, QueueLimits::default(), ());
    let callers = records(&fresh_request(), 20).into_iter().map(|record| {
        let (batcher, id) = (batcher.clone(), record.header().id);
        tokio::spawn(async move { (id, batcher.submit(record).await) })
    });
    for caller in callers.collect::<Vec<_>>() {
        let (id, answer) = caller.await.expect("a caller ends");
        match answer {
            Ok(recorded) => assert_eq!(recorded.event_id(), id),
            Err(error) => assert!(matches!(error, WriteError::NoReceipt), "{error:?}"),
        }
    }
    assert_eq!(sink.0.len(), 20);
}
