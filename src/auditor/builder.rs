//! Builds an auditor.

use std::fmt;
use std::sync::Arc;

use super::batch_observer::BatchObserver;
use super::current_effect::RunningEffects;
use super::key_check::{KeyCheck, KeyedSink};
use super::lookups::Lookups;
use super::switch_watch::SwitchWatch;
use super::unreported::SelfEvents;
use super::upkeep_tasks::UpkeepTasks;
use super::warned::Warned;
use super::writer::Writer;
use super::{Auditor, Clock, Entropy, Host, OsEntropy, Shared, SystemClock};
use crate::delivery::{Batcher, QueueLimits, Spool};
use crate::observe;
use crate::policy::{Environment, Fallbacks, Limits};
use crate::redact::RedactionKey;
use crate::store::AuditSink;

/// Builds an [`Auditor`]. [`Auditor::builder`] took what is required; everything else has a
/// default.
pub struct AuditorBuilder {
    sink: Arc<dyn AuditSink>,
    key: RedactionKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    spool: Option<Spool>,
    limits: QueueLimits,
    budgets: Limits,
    fallbacks: Fallbacks,
    environment: Box<ReadVariable>,
    host: Option<Host>,
}

type ReadVariable = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Auditor {
    /// Starts to build an auditor that writes to `sink`. `key` is the deployment's key for keyed
    /// hashes. It is the same in every process; a database that belongs to another key refuses it
    /// ([`StoreError::KeyMismatch`](crate::store::StoreError::KeyMismatch)).
    #[must_use]
    pub fn builder(sink: Arc<dyn AuditSink>, key: RedactionKey) -> AuditorBuilder {
        AuditorBuilder::new(sink, key)
    }
}

impl AuditorBuilder {
    fn new(sink: Arc<dyn AuditSink>, key: RedactionKey) -> Self {
        Self {
            sink,
            key,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
            spool: None,
            limits: QueueLimits::default(),
            budgets: Limits::default(),
            fallbacks: Fallbacks::default(),
            environment: Box::new(variable),
            host: None,
        }
    }

    /// Says who writes: the host's program, and what it works by. It is recorded as an `audit.writer_started` in the
    /// system's stream with the first event, together with the limits in force, and each event names it. Default: none,
    /// so events name no writer.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.host = Some(host);
        self
    }

    /// Sets the clock. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the source of random bytes. Default: [`OsEntropy`].
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Sets the spool that keeps events while the database is away. Default: none, so recording
    /// fails meanwhile.
    #[must_use]
    pub fn spool(mut self, spool: Spool) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Sets how much may wait to be recorded, and for how long. Default: [`QueueLimits::default`].
    #[must_use]
    pub fn limits(mut self, limits: QueueLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the budgets of a request and of a day. Default: [`Limits::default`].
    #[must_use]
    pub fn budgets(mut self, budgets: Limits) -> Self {
        self.budgets = budgets;
        self
    }

    /// Sets the texts for clients whose effect is refused. Default: [`Fallbacks::default`].
    #[must_use]
    pub fn fallbacks(mut self, fallbacks: Fallbacks) -> Self {
        self.fallbacks = fallbacks;
        self
    }

    /// Sets where the environment variables of the [kill switch](crate::auditor::KillSwitch) are
    /// read, once, at [`build`](Self::build). Default: the process's environment.
    #[must_use]
    pub fn environment(
        mut self,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Box::new(variable);
        self
    }

    /// Builds the auditor. Inside a Tokio runtime, it starts at once to drain what the spool holds
    /// from before.
    #[must_use]
    pub fn build(self) -> Auditor {
        let Self { sink, key, clock, entropy, spool, limits, .. } = self;
        let environment = Environment::read(self.environment);
        let check = KeyCheck::of(key.clone(), Arc::clone(&clock), Arc::clone(&entropy));
        let key_check = Arc::new(check);
        let sink = Arc::new(KeyedSink::over(sink, Arc::clone(&key_check)));
        let shared = Arc::new_cyclic(|auditor| {
            let observer = BatchObserver(auditor.clone());
            let batcher = Batcher::new(sink.clone(), spool, limits, observer);
            Shared {
                batcher,
                key,
                key_check,
                clock,
                entropy,
                self_events: SelfEvents::default(),
                limits: self.budgets,
                fallbacks: self.fallbacks,
                environment,
                switches: SwitchWatch::default(),
                running: RunningEffects::default(),
                leases: Arc::default(),
                lookups: Lookups::default(),
                lifecycle: Arc::default(),
                upkeep: UpkeepTasks::default(),
                warned: Warned::default(),
                writer: Writer::of(self.host),
            }
        });
        shared.batcher.start();
        observe::register();
        let auditor = Auditor { shared };
        auditor.start_upkeep();
        auditor
    }
}

impl fmt::Debug for AuditorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditorBuilder").field("sink", &self.sink).finish_non_exhaustive()
    }
}

/// A variable of the process. One that is no text is not to be read, which is not the same as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
