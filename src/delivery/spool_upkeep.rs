//! The task that looks after the spool: it drains it, and takes over what other processes left in its folder when they
//! died.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::drain::Drain;
use super::pipeline::Pipeline;
use super::spool::SpoolError;
use crate::store::log_line::log_line;

/// How often we look for the files of dead processes.
const ADOPT_EVERY: Duration = Duration::from_mins(1);

/// Starts the task, unless it runs, or a shutdown has ended it. If the spool holds anything, it is drained.
pub(super) fn start(pipeline: &Arc<Pipeline>) {
    let Some(spool) = &pipeline.spool else { return };
    if spool.depth().events > 0 {
        pipeline.spool_task.drain();
    }
    pipeline.spool_task.start(|wanted| run(Arc::downgrade(pipeline), wanted));
}

async fn run(pipeline: Weak<Pipeline>, wanted: Arc<Notify>) {
    tokio::select! {
        () = drain(&pipeline, &wanted) => {}
        () = adopt(&pipeline, &wanted) => {}
    }
}

/// Drains the spool whenever that is wanted, until it is closed.
async fn drain(pipeline: &Weak<Pipeline>, wanted: &Notify) {
    loop {
        wanted.notified().await;
        let Some(pipeline) = pipeline.upgrade() else { return };
        let Some(spool) = &pipeline.spool else { return };
        let drained = Drain::new(&pipeline, spool).run().await;
        // No one else closes the breaker, not even if the spool failed when it was needed, or if the database is back
        // but slow.
        pipeline.breaker.close();
        if drained.is_err() {
            return;
        }
    }
}

/// Looks for the files of dead processes for as long as the batcher exists.
async fn adopt(pipeline: &Weak<Pipeline>, wanted: &Notify) {
    loop {
        sleep(ADOPT_EVERY).await;
        let Some(pipeline) = pipeline.upgrade() else { return };
        let Some(spool) = &pipeline.spool else { return };
        match spool.adopt().await {
            Ok(_) if spool.depth().events > 0 => wanted.notify_one(),
            Ok(_) => {}
            Err(SpoolError::Closed) => return,
            Err(error) => {
                log_line!(error, %error, "a spool that was left cannot be taken over");
            }
        }
    }
}
