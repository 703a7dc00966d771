//! Waits for an answer until a deadline, and takes one that is ready together with it.

use tokio::task::yield_now;

/// How often the runtime looks for ready tasks and input before we give up.
const LOOKS: usize = 8;

/// Returns the answer, or `None` if it is not ready at `deadline`. After a stall of the runtime an answer and its
/// deadline are ready together, and the answer counts; the task that passes it on may have to run first.
pub(super) async fn answer_by<F: Future>(
    deadline: impl Future<Output = ()>,
    answer: F,
) -> Option<F::Output> {
    let time_is_up = async {
        deadline.await;
        for _ in 0..LOOKS {
            // Returns after the runtime has looked for input, too.
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        answer = answer => Some(answer),
        () = time_is_up => None,
    }
}
