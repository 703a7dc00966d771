//! Takes an answer that is ready together with its deadline.

use tokio::task::yield_now;

/// How often the runtime looks for ready tasks and input before we give up.
const LOOKS: usize = 8;

/// Returns the answer if it is ready although time is up. After a stall of the runtime an answer and its deadline are
/// ready together, and the answer counts; the task that passes it on may have to run first.
pub(super) async fn ready_at_deadline<F: Future>(answer: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        answer = answer => Some(answer),
        () = looks() => None,
    }
}

async fn looks() {
    for _ in 0..LOOKS {
        // Returns after the runtime has looked for input, too.
        yield_now().await;
    }
}
