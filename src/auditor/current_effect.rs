//! The effect that a task runs inside: effects that the task asks for are governed by its switches too, and what the
//! task records is caused by it.
//!
//! A task-local carries it. A spawned task is outside, because only the host knows whether it belongs to the
//! effect.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use uuid::Uuid;

use crate::event::{ConversationId, EventId, RequestId, Switch, SwitchScope};
use crate::observe::{current_trace, within};

tokio::task_local! {
    static CURRENT: Arc<CurrentEffect>;
}

/// Carries the current effect into a future that runs on another task.
///
/// Effects that run inside the call of [`run`](crate::PendingEffect::run) are governed by the outer
/// effect's kill switches too: a message that a batch sends is refused once the batch's switch is
/// engaged. And what is recorded there is [caused by](crate::AuditEvent::caused_by) the effect, unless the host
/// names another cause. That holds on the task that makes the call. A task spawned there is outside, unless you
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

fn current() -> Option<Arc<CurrentEffect>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Runs a future inside an effect.
pub(super) async fn inside<F: Future>(effect: Arc<CurrentEffect>, future: F) -> F::Output {
    CURRENT.scope(effect, future).await
}

/// The `effect.admitted` of the effect that this task runs inside.
pub(super) fn current_cause() -> Option<EventId> {
    CURRENT.try_with(|effect| effect.intent_id).ok()
}

/// What an effect passes on to what happens inside it.
#[derive(Debug)]
pub(super) struct CurrentEffect {
    /// The id of its `effect.admitted`. Unlike its outcome, that is recorded before anything inside it.
    intent_id: EventId,
    /// The effect's own first, then those of the effects around it.
    all: Vec<Switch>,
    /// The scopes of switches that it is in, as far as it names them.
    scopes: Vec<SwitchScope>,
    /// Of the effect inside which it was asked for.
    outer: Option<Arc<Self>>,
    /// The first that was found engaged, as far as this process knows.
    engaged: OnceLock<Switch>,
}

impl CurrentEffect {
    /// An effect that this task asks for, with its own switch.
    pub(super) fn here(
        intent_id: EventId,
        own: Option<&Switch>,
        request: Option<&RequestId>,
        conversation: Option<&ConversationId>,
    ) -> Self {
        let outer = current();
        let inherited = outer.as_ref().map(|outer| outer.switches()).unwrap_or_default();
        let inherited = inherited.iter().filter(|switch| Some(*switch) != own);
        let all = own.into_iter().chain(inherited).cloned().collect();
        let request = request.map(SwitchScope::from);
        let scopes = request.into_iter().chain(conversation.map(SwitchScope::from)).collect();
        Self { intent_id, all, scopes, outer, engaged: OnceLock::new() }
    }

    pub(super) fn intent_id(&self) -> EventId {
        self.intent_id
    }

    /// The switches that govern it.
    pub(super) fn switches(&self) -> &[Switch] {
        &self.all
    }

    /// The scopes of switches that it is in, beside everywhere.
    pub(super) fn scopes(&self) -> &[SwitchScope] {
        &self.scopes
    }

    pub(super) fn engaged(&self) -> Option<&Switch> {
        self.engaged.get()
    }

    /// Notes that a switch was found engaged in a scope, for this effect and for those around it.
    pub(super) fn found_engaged(&self, switch: &Switch, scope: SwitchScope) {
        let mut effect = Some(self);
        while let Some(Self { all, scopes, outer, engaged, .. }) = effect {
            let is_inside = scope == SwitchScope::Everywhere || scopes.contains(&scope);
            if is_inside && all.contains(switch) {
                // The first one stays.
                engaged.set(switch.clone()).ok();
            }
            effect = outer.as_deref();
        }
    }
}

/// The effects of this auditor that run and have a switch.
#[derive(Debug, Default)]
pub(super) struct RunningEffects {
    by_id: Mutex<HashMap<Uuid, Weak<CurrentEffect>>>,
}

impl RunningEffects {
    pub(super) fn add(&self, effect_id: Uuid, effect: &Arc<CurrentEffect>) {
        if !effect.all.is_empty() {
            self.lock().insert(effect_id, Arc::downgrade(effect));
        }
    }

    pub(super) fn remove(&self, effect_id: Uuid, effect: &CurrentEffect) {
        if !effect.all.is_empty() {
            self.lock().remove(&effect_id);
        }
    }

    /// Those that run now. They were admitted before any state that is read after this call.
    pub(super) fn now(&self) -> Vec<Arc<CurrentEffect>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Weak<CurrentEffect>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
