//! Knows which effect a task runs inside: what is asked for there is governed by that effect's switches too.
//!
//! A task-local carries it. A spawned task is outside, because only the host knows whether it belongs to the
//! effect.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use uuid::Uuid;

use crate::event::Switch;
use crate::observe::{current_trace, within};

tokio::task_local! {
    static CURRENT: Arc<RunningEffect>;
}

/// Carries the current effect into a future that runs on another task.
///
/// Effects that run inside the call of [`run`](crate::PendingEffect::run) are governed by the outer
/// effect's kill switches too: a message that a batch sends is refused once the batch's switch is
/// engaged. That holds on the task that makes the call. A task spawned there is outside, unless you
/// wrap its future:
///
/// ```
/// # async fn host() {
/// use moltbot_audit::auditor::in_current_effect;
///
/// let message = tokio::spawn(in_current_effect(async { /* auditor.effect(…).run(…) */ }));
/// # message.await.ok();
/// # }
/// ```
///
/// Outside an effect, the future runs unchanged. The [current trace](crate::observe::current_trace)
/// is carried too.
pub fn in_current_effect<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let (trace, effect) = (current_trace(), current());
    async move {
        match (trace, effect) {
            (Some(trace), Some(effect)) => within(trace, CURRENT.scope(effect, future)).await,
            (Some(trace), None) => within(trace, future).await,
            (None, Some(effect)) => CURRENT.scope(effect, future).await,
            (None, None) => future.await,
        }
    }
}

/// The effect that this code runs inside.
pub(super) fn current() -> Option<Arc<RunningEffect>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Runs a future inside an effect.
pub(super) async fn inside<F: Future>(effect: Arc<RunningEffect>, future: F) -> F::Output {
    CURRENT.scope(effect, future).await
}

/// An effect that was admitted and has not ended.
#[derive(Debug)]
pub(super) struct RunningEffect {
    /// Its own and those of the effects around it.
    switches: Vec<Switch>,
    around: Option<Arc<Self>>,
    stopped_by: OnceLock<Switch>,
}

impl RunningEffect {
    pub(super) fn new(switches: Vec<Switch>, around: Option<Arc<Self>>) -> Self {
        Self { switches, around, stopped_by: OnceLock::new() }
    }

    pub(super) fn switches(&self) -> &[Switch] {
        &self.switches
    }

    /// The switch that was engaged while it ran, as far as this process knows.
    pub(super) fn stopped_by(&self) -> Option<&Switch> {
        self.stopped_by.get()
    }

    /// Notes that a switch was found engaged while this runs, here and in the effects around it.
    pub(super) fn found_engaged(&self, switch: &Switch) {
        let mut effect = Some(self);
        while let Some(Self { switches, around, stopped_by }) = effect {
            if switches.contains(switch) {
                // The first one stays.
                stopped_by.set(switch.clone()).ok();
            }
            effect = around.as_deref();
        }
    }
}

/// The effects of this auditor that run and have a switch.
#[derive(Debug, Default)]
pub(super) struct RunningEffects {
    by_id: Mutex<HashMap<Uuid, Weak<RunningEffect>>>,
}

impl RunningEffects {
    pub(super) fn add(&self, effect_id: Uuid, effect: &Arc<RunningEffect>) {
        if !effect.switches.is_empty() {
            self.lock().insert(effect_id, Arc::downgrade(effect));
        }
    }

    pub(super) fn remove(&self, effect_id: Uuid, effect: &RunningEffect) {
        if !effect.switches.is_empty() {
            self.lock().remove(&effect_id);
        }
    }

    /// Those that run now. They were admitted before any state that is read after this call.
    pub(super) fn now(&self) -> Vec<Arc<RunningEffect>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Weak<RunningEffect>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
