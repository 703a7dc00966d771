//! Which failures the store retries by itself: those after which the same statement is safe and
//! likely to succeed.

use std::time::Duration;

use tokio::time::Instant;

use super::error::{Failure, Remedy};
use crate::store::backoff::Backoff;

/// How long to wait before each further try after another transaction went first: up to 10, 40, 160 and 640 ms.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const WAITS: u8 = 4;

/// The tries that one call has left.
#[derive(Debug)]
pub(super) struct Retries {
    deadline: Instant,
    backoff: Backoff,
    waits: u8,
    reconnected: bool,
    unnamed: bool,
}

impl Retries {
    pub(super) fn until(deadline: Instant) -> Self {
        let backoff = Backoff::new(FIRST_WAIT, 4, Duration::MAX);
        Self { deadline, backoff, waits: WAITS, reconnected: false, unnamed: false }
    }

    /// Returns when it is time to try again, or returns the failure if the store does not retry it.
    pub(super) async fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        match failure.remedy {
            Remedy::Again => {
                let wait = self.backoff.pause();
                if self.waits == 0 || Instant::now() + wait >= self.deadline {
                    return Err(failure);
                }
                self.waits -= 1;
                tokio::time::sleep(wait).await;
            }
            Remedy::Reconnect if !self.reconnected => self.reconnected = true,
            Remedy::Unnamed if !self.unnamed => self.unnamed = true,
            _ => return Err(failure),
        }
        Ok(())
    }
}
