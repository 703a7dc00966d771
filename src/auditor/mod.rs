//! The host's handle: records events, and runs effects so that their outcome is recorded.

mod admission_request;
mod admit;
#[cfg(feature = "postgres")]
mod append_in;
mod batch_observer;
mod budget_guard;
mod builder;
mod current_effect;
mod effect;
mod effect_context;
mod entropy;
mod error;
mod gauges;
mod host;
mod in_doubt;
mod key_check;
mod kill_switch;
mod lapses;
mod leases;
mod lifecycle;
mod lookup_worker;
mod lookups;
mod permit;
mod rejected_outputs;
mod run;
mod self_events;
mod self_test;
mod shutdown;
#[cfg(feature = "signatures")]
mod signing_keys;
mod store_call;
mod switch_reader;
mod switch_watch;
mod takeover;
mod time;
mod unreported;
mod upkeep;
mod upkeep_tasks;
mod warned;
mod warnings;
mod writer;
mod writer_events;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use tokio::time::Instant;

#[cfg(feature = "postgres")]
pub use self::append_in::Uncommitted;
use self::current_effect::{RunningEffects, current_cause};
use self::key_check::KeyCheck;
pub(crate) use self::kill_switch::{said, said_by};
use self::leases::Leases;
use self::lifecycle::Lifecycle;
use self::lookups::Lookups;
use self::switch_watch::SwitchWatch;
use self::unreported::SelfEvents;
use self::upkeep_tasks::UpkeepTasks;
use self::warned::Warned;
use self::writer::Writer;
pub use self::{
    budget_guard::BudgetGuard,
    builder::AuditorBuilder,
    current_effect::in_current_effect,
    effect::Effect,
    entropy::{Entropy, EntropyError, OsEntropy},
    error::{AdmitError, ControlError, EffectError, RecordError, Replay, Unrecorded},
    host::Host,
    in_doubt::Finding,
    kill_switch::KillSwitch,
    permit::Permit,
    run::PendingEffect,
    self_test::{SelfTestError, SelfTestReport},
    shutdown::ShutdownReport,
    time::{Clock, SystemClock},
};
use crate::delivery::{Batcher, Spool, WriteError};
use crate::event::{AuditEvent, ConversationId, EventError, EventId, RequestId};
use crate::observe::current_trace;
use crate::policy::{Environment, Fallbacks, Limits};
use crate::proof::Salt;
use crate::record::{Record, Recorded, Role, seal};
use crate::redact::RedactionKey;

/// Records what the host does. Build it once; clones are cheap and usable from any task.
///
/// It must run inside a Tokio runtime with timers. Writes run in tasks of their own, so that a
/// caller that gives up does not cut them. Events that many callers record at once are written by
/// one statement, in a task of one of those callers: if you use an auditor from several runtimes,
/// keep each of them running, as a multi-threaded runtime does.
///
/// While the database is away, events are kept in the [spool](AuditorBuilder::spool) and drained
/// into the database when it is back. Drains, calls that failed and clock steps are events
/// themselves, with counts.
///
/// ```
/// # async fn host(
/// #     store: std::sync::Arc<dyn moltbot_audit::store::AuditStore>,
/// #     key: moltbot_audit::redact::RedactionKey,
/// # ) -> Result<(), moltbot_audit::RecordError> {
/// use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
///
/// let auditor = Auditor::builder(store, key).build();
/// let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
/// let recorded = auditor.record(event).await?;
/// if let Some(receipt) = recorded.receipt() {
///     assert_eq!(receipt.seq, 1);
/// }
/// auditor.shutdown(std::time::Duration::from_secs(10)).await.ok();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Auditor {
    shared: Arc<Shared>,
}

struct Shared {
    batcher: Batcher,
    key: RedactionKey,
    key_check: Arc<KeyCheck>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    self_events: SelfEvents,
    limits: Limits,
    fallbacks: Fallbacks,
    environment: Environment,
    switches: SwitchWatch,
    running: RunningEffects,
    leases: Arc<Leases>,
    lifecycle: Arc<Lifecycle>,
    upkeep: UpkeepTasks,
    warned: Warned,
    lookups: Lookups,
    writer: Writer,
}

impl Auditor {
    /// Opens the store that `url` names, brings its schema up to date, and records in it. `key` is the
    /// deployment's key for keyed hashes, as in [`builder`](Self::builder), which sets the rest.
    ///
    /// # Errors
    /// As [`store::open`](crate::store::open).
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub async fn open(url: &str, key: RedactionKey) -> Result<Self, crate::store::StoreError> {
        Ok(Self::builder(crate::store::open(url).await?, key).build())
    }

    /// Records an event, and returns when it is durable: in the database, or in the spool if the
    /// database is away.
    ///
    /// An event without an id takes the [current trace](crate::observe::current_trace), and inside
    /// [`run`](crate::PendingEffect::run) the effect as its cause, unless it names others. An event with an id does
    /// not, because a retry elsewhere must be the same event.
    ///
    /// # Errors
    /// [`RecordError`]. Give the event an [id](Auditor::event_id) before the first try, and a retry
    /// cannot double it. An event of a [reserved](crate::EventType::is_reserved) type is
    /// [`EventError::ReservedEventType`].
    ///
    /// # Cancel safety
    /// Once polled, the write goes on to its end even if the future is dropped.
    pub async fn record(&self, event: AuditEvent) -> Result<Recorded, RecordError> {
        if self.shared.lifecycle.is_closed() {
            return Err(WriteError::Closed.into());
        }
        let role = role_of(&event);
        self.record_as(role, in_context(event.of_host()?)).await
    }

    /// The time by its clock.
    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.shared.clock.now()
    }

    /// Records an event that the library writes, of a reserved type.
    pub(crate) async fn record_reserved(&self, event: AuditEvent) -> Result<Recorded, RecordError> {
        self.record_as(Role::Event, in_context(event)).await
    }

    #[cfg(feature = "postgres")]
    fn seal_of_host(&self, event: AuditEvent) -> Result<Record, RecordError> {
        let role = role_of(&event);
        Ok(self.seal(in_context(event.of_host()?))?.with_role(role))
    }

    async fn record_as(&self, role: Role, event: AuditEvent) -> Result<Recorded, RecordError> {
        self.record_by(self.deadline(), role, event).await
    }

    async fn record_by(
        &self,
        deadline: Instant,
        role: Role,
        event: AuditEvent,
    ) -> Result<Recorded, RecordError> {
        self.shared.self_events.check_clock(&*self.shared.clock);
        self.start_upkeep();
        let record = self.seal(event)?.with_role(role);
        let announcing = self.announce_writer();
        let recorded = self.submit(deadline, record).await?;
        // The first event waits for its writer's, so that a reader who finds the event also finds its writer.
        if let Some(announcing) = announcing {
            announcing.await.ok();
        }
        Ok(recorded)
    }

    async fn submit(&self, deadline: Instant, record: Record) -> Result<Recorded, WriteError> {
        let rejection = self.may_stop_request(&record).then(|| record.clone());
        let written = self.shared.batcher.submit_by(record, deadline).await;
        self.shared.self_events.count_failure(&written);
        if written.is_ok() {
            self.record_self_events();
        }
        if let (Some(rejection), Ok(Recorded::Chained(receipt))) = (rejection, &written) {
            let (auditor, receipt) = (self.clone(), *receipt);
            // A task of its own, because the caller may let go.
            let stop = async move { auditor.stop_after_rejections(&rejection, &receipt).await };
            tokio::spawn(stop).await.ok();
        }
        written
    }

    /// The spool that this auditor was built with. It knows its depth, and what was set aside.
    #[must_use]
    pub fn spool(&self) -> Option<&Spool> {
        self.shared.batcher.spool()
    }

    /// Makes an id for an event that happens now, so that others can refer to it before it is
    /// recorded.
    ///
    /// # Errors
    /// [`RecordError::Entropy`] if the system gives no random bytes, [`RecordError::Event`] if the
    /// clock is outside the years 1970 to 9999.
    pub fn event_id(&self) -> Result<EventId, RecordError> {
        Ok(EventId::new(self.shared.clock.now(), self.randomness()?.0)?)
    }

    /// The id of a request, made from the host's own name for it and the deployment's key.
    ///
    /// # Errors
    /// As [`RedactionKey::request_id`].
    pub fn request_id(&self, host_id: &str) -> Result<RequestId, EventError> {
        self.shared.key.request_id(host_id)
    }

    /// The id of a conversation, made from the host's own name for it and the deployment's key.
    ///
    /// # Errors
    /// As [`RedactionKey::conversation_id`].
    pub fn conversation_id(&self, host_id: &str) -> Result<ConversationId, EventError> {
        self.shared.key.conversation_id(host_id)
    }

    /// The id of the event that records a provider's message. It is the same each time the webhook
    /// is delivered.
    ///
    /// ```
    /// # async fn webhook(
    /// #     auditor: moltbot_audit::Auditor, message_id: &str, sent_at: chrono::DateTime<chrono::Utc>,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use moltbot_audit::{Actor, AuditEvent, EventType};
    ///
    /// let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
    ///     .id(auditor.message_event_id(message_id, sent_at)?);
    /// if auditor.record(event).await?.is_duplicate() {
    ///     return Ok(()); // it was delivered before
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`RedactionKey::message_event_id`].
    pub fn message_event_id(
        &self,
        message_id: &str,
        sent_at: DateTime<Utc>,
    ) -> Result<EventId, EventError> {
        self.shared.key.message_event_id(message_id, sent_at)
    }

    fn seal(&self, mut event: AuditEvent) -> Result<Record, RecordError> {
        event.writer_id = self.writer_id()?;
        let (random, salt) = self.randomness()?;
        Ok(seal(event, self.shared.clock.now(), random, salt, &self.shared.key)?)
    }

    /// Seals an event under an id that holds bits of the commitment to its input.
    fn seal_by_input(&self, event: AuditEvent) -> Result<Record, RecordError> {
        let (now, (_, salt)) = (self.shared.clock.now(), self.randomness()?);
        let sealed = |event| seal(event, now, 0, salt, &self.shared.key);
        // The commitment does not depend on the id.
        let input = sealed(event.clone())?.commitments().input;
        Ok(sealed(event.id(EventId::of_hash(now, *input.as_bytes())?))?)
    }

    fn randomness(&self) -> Result<(u64, Salt), EntropyError> {
        entropy::randomness(&*self.shared.entropy)
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor").field("batcher", &self.shared.batcher).finish_non_exhaustive()
    }
}

/// Puts the event into the current trace and under the current effect, unless it names others.
fn in_context(mut event: AuditEvent) -> AuditEvent {
    // Content is compared where an id is met again, and its trace and cause are part of that.
    if event.id.is_none() {
        event.trace = event.trace.or_else(current_trace);
        event.caused_by = event.caused_by.or_else(current_cause);
    }
    event
}

/// An outcome that could not be recorded when the effect ended settles it now.
fn role_of(event: &AuditEvent) -> Role {
    if event.is_outcome { Role::Outcome } else { Role::Event }
}
