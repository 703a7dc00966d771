//! Which failures the store retries by itself: those after which the same statement is safe and
//! likely to succeed.

use std::time::Duration;

use tokio::time::Instant;

use super::error::{Failure, Remedy};

/// How long to wait before each further try after another transaction went first, at most.
const WAITS: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(160),
    Duration::from_millis(640),
];

/// The tries that one call has left.
#[derive(Debug)]
pub(super) struct Retries {
    deadline: Instant,
    waits: std::slice::Iter<'static, Duration>,
    reconnected: bool,
    unnamed: bool,
}

impl Retries {
    pub(super) fn until(deadline: Instant) -> Self {
        Self { deadline, waits: WAITS.iter(), reconnected: false, unnamed: false }
    }

    /// Returns when it is time to try again, or gives the error back where it is not for the store to
    /// do so.
    pub(super) async fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        match failure.remedy {
            Remedy::Again => {
                let Some(wait) = self.waits.next().map(|most| jittered(*most)) else {
                    return Err(failure);
                };
                if Instant::now() + wait >= self.deadline {
                    return Err(failure);
                }
                tokio::time::sleep(wait).await;
            }
            Remedy::Reconnect if !self.reconnected => self.reconnected = true,
            Remedy::Unnamed if !self.unnamed => self.unnamed = true,
            _ => return Err(failure),
        }
        Ok(())
    }
}

/// Between half of `most` and all of it, so that those who met once do not meet again.
fn jittered(most: Duration) -> Duration {
    let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    most.mul_f64(0.5 + share / 2.0)
}
