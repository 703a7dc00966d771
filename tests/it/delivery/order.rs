//! The order of a stream while the queue is full.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::testing::{Batcher, Fault};

use super::sink;
use crate::support::records::{fresh_request, records};

/// Polls a future once.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_keeps_its_order_through_a_full_queue() {
    for round in 0..30 {
        let sink = sink();
        sink.every_call(Fault::slow(Duration::from_micros(200)));
        let limits = QueueLimits::default().events(1 + round % 5);
        let limits = if round % 2 == 0 { limits } else { limits.bytes(3_000).events(5) };
        let batcher = Batcher::new(sink.clone(), None, limits, ());
        let mut order = Vec::new();
        for record in records(&fresh_request(), 300) {
            let id = record.header().id;
            // The caller goes away at once; what had no place at all is an error at once.
            match poll_once(Box::pin(batcher.submit(record)).as_mut()) {
                Poll::Ready(Err(_)) => tokio::task::yield_now().await,
                _ => order.push(id),
            }
            if order.len() % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
        batcher.shutdown(super::LONG).await.expect("all is written");
        let stored: Vec<_> = sink.inner().records().iter().map(|one| one.header().id).collect();
        assert_eq!(stored, order, "round {round}");
    }
}
