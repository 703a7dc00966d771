//! Remembers which warnings of a budget or of the time were given.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::event::{Budget, StreamId};

/// How many causes are remembered: more than there are requests at once. A forgotten one is warned of again.
const REMEMBERED_MAX: usize = 4_096;

/// A request, and the budget that is nearly used up; none for its time.
type Cause = (Uuid, Option<Budget>);

/// The warnings that were given, and those that are being recorded.
#[derive(Debug, Default)]
pub(super) struct Warned(Mutex<WarnedState>);

#[derive(Debug, Default)]
struct WarnedState {
    requests: HashSet<Cause>,
    oldest_first: VecDeque<Cause>,
    on_their_way: HashMap<StreamId, Vec<JoinHandle<()>>>,
}

impl Warned {
    /// True if this cause is new.
    pub(super) fn is_first(&self, request: Uuid, budget: Option<&Budget>) -> bool {
        let mut state = self.lock();
        let cause = (request, budget.cloned());
        if !state.requests.insert(cause.clone()) {
            return false;
        }
        state.oldest_first.push_back(cause);
        if state.oldest_first.len() > REMEMBERED_MAX
            && let Some(oldest) = state.oldest_first.pop_front()
        {
            state.requests.remove(&oldest);
        }
        true
    }

    pub(super) fn keep(&self, stream: StreamId, recording: JoinHandle<()>) {
        let mut state = self.lock();
        state.on_their_way.retain(|_, warnings| {
            warnings.retain(|warning| !warning.is_finished());
            !warnings.is_empty()
        });
        state.on_their_way.entry(stream).or_default().push(recording);
    }

    /// Returns when the warnings of a stream are recorded: the next admission does not pass through the queue,
    /// and would overtake them.
    pub(super) async fn recorded(&self, stream: StreamId) {
        let warnings = self.lock().on_their_way.remove(&stream);
        for warning in warnings.into_iter().flatten() {
            warning.await.ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, WarnedState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
