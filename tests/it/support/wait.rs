//! Waiting for what comes to pass.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// What may take a while on a loaded machine, and does not take for ever.
pub(crate) const LONG: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LONG, "it did not come to pass: {what}");
        sleep(PAUSE).await;
    }
}

/// Looks again and again, until there is something to return.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < LONG, "it did not come to pass: {what}");
        sleep(PAUSE).await;
    }
}
