//! Takes over what other processes left in the spool's folder when they died.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::drain::Drain;
use super::pipeline::Pipeline;
use super::spool::SpoolError;
use crate::store::log_line::log_line;

/// How often we look for the files of dead processes.
const ADOPT_EVERY: Duration = Duration::from_mins(1);

/// The task that looks for such files.
pub(super) struct Adoption(Weak<Pipeline>);

impl Adoption {
    /// Starts the search, unless it goes on already.
    pub(super) fn start(pipeline: &Arc<Pipeline>) {
        let is_adopting = &pipeline.tending.is_adopting;
        if !is_adopting.load(Ordering::Relaxed) && !is_adopting.swap(true, Ordering::SeqCst) {
            let adoption = tokio::spawn(Self(Arc::downgrade(pipeline)).run());
            pipeline.tending.keep(adoption.abort_handle());
        }
    }

    async fn run(self) {
        loop {
            sleep(ADOPT_EVERY).await;
            let Some(pipeline) = self.0.upgrade() else { return };
            let Some(spool) = &pipeline.spool else { return };
            match spool.adopt().await {
                Ok(_) if spool.depth().events > 0 => Drain::start(&pipeline),
                Ok(_) => {}
                Err(SpoolError::Closed) => return,
                Err(error) => {
                    log_line!(error, %error, "a spool that was left cannot be taken over");
                }
            }
        }
    }
}

impl Drop for Adoption {
    fn drop(&mut self) {
        // The runtime is stopping. A task on another runtime may start the search again.
        if let Some(pipeline) = self.0.upgrade() {
            pipeline.tending.is_adopting.store(false, Ordering::SeqCst);
        }
    }
}
