//! The answer before its deadline.

use tokio::task::yield_now;

/// So many times the runtime looks for what is ready.
const LOOKS: usize = 8;

/// What is ready although time is up. After a stall of the runtime an answer and its deadline are ready together,
/// and the answer counts, once whoever passes it on has run.
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
