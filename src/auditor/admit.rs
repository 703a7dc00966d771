//! Asks whether an effect may run, and records the answer.
//!
//! If no decision comes, the request asks whether the database answers at all
//! (`AdmissionStore::is_answering`), and keeps a part of the caller's time for that. A database that answers may
//! know the idempotency key, so a keyed effect does not run. If the admission may still land, the refusal is
//! recorded under the effect's own id, which voids it. Any other refusal is an event of its own, recorded after
//! the decision, because a refused claim leaves nothing else behind.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::admission_request::{AdmissionRequest, NOT_RECORDED};
use super::effect_context::EffectContext;
use super::warnings::warn_of_budgets;
use super::{AdmitError, Permit, RecordError, Replay};
use crate::delivery::WriteError;
use crate::event::payload::{RefusalOutput, ReplayOutput};
use crate::event::{AuditEvent, ErrorCode, EventType, Outcome};
use crate::observe::{self, table};
use crate::policy::{Refusal, RefusalReason, SwitchedBy};
use crate::record::{Recorded, Role};
use crate::store::StoreError;
use crate::store::admission::{AdmissionStore, Claim, Decision, Lease, Obstacle};
use crate::store::log_line::log_line;

/// How often a caller checks whether its stream has left the spool.
const DRAIN_POLL: Duration = Duration::from_millis(10);

/// The time that a new connection needs to answer, over a network and with TLS. If the caller waits for less than
/// twice that, half of the wait is kept for it.
const ANSWER_MIN: Duration = Duration::from_millis(500);

/// Why there is no decision.
enum Undecided {
    /// The store is away.
    Away {
        /// The store was asked, and may have admitted the effect all the same.
        may_have_landed: bool,
    },
    /// The effect must not run: the store refuses the claim, or may know the effect's key.
    Failed {
        error: StoreError,
        /// As for `Away`.
        may_have_landed: bool,
    },
}

impl From<StoreError> for Undecided {
    fn from(error: StoreError) -> Self {
        Self::Failed { error, may_have_landed: false }
    }
}

impl AdmissionRequest {
    /// Has the store decide, and records the answer.
    pub(super) async fn admit(self) -> Result<Permit, AdmitError> {
        let EffectContext { span, auditor, .. } = &self.context;
        let (span, clock) = (span.clone(), auditor.shared.clock.clone());
        let since = clock.monotonic();
        let answer = self.answer().await;
        let took = clock.monotonic().saturating_sub(since);
        observe::measure(&table::AUDIT_ADMIT, &[], took.as_secs_f64());
        let (verdict, in_the_way) = shown(&answer);
        span.answered(verdict, in_the_way);
        answer
    }

    async fn answer(self) -> Result<Permit, AdmitError> {
        if self.context.pending.is_none() {
            return Err(AdmitError::NotRun(WriteError::Closed.into()));
        }
        self.context.auditor.start_upkeep();
        drop(self.context.auditor.announce_writer());
        if let Some(reason) = self.refused_here() {
            return Err(self.refuse(reason, false).await);
        }
        match self.decide().await {
            Ok(Decision::Proceed(admission)) => {
                self.context.auditor.stored(&self.claim.intent, &admission.receipt);
                warn_of_budgets(&self.context, &self.claim, &admission);
                Ok(self.grant(Recorded::Chained(admission.receipt)))
            }
            Ok(Decision::Refused(obstacle)) => {
                Err(self.refuse(self.reason(&obstacle), false).await)
            }
            Ok(Decision::Conflict { effect_id }) => {
                self.record_other(ErrorCode::KeyConflict, effect_id).await;
                Err(AdmitError::Conflict { effect_id })
            }
            Ok(Decision::InDoubt { effect_id }) => {
                self.record_other(ErrorCode::InDoubt, effect_id).await;
                Err(AdmitError::InDoubt { effect_id })
            }
            Ok(Decision::InProgress { effect_id, lease_until }) => {
                self.record_other(ErrorCode::InProgress, effect_id).await;
                Err(AdmitError::InProgress { effect_id, lease_until })
            }
            Ok(Decision::Replay { effect_id, output }) => {
                let other = ReplayOutput {
                    other_effect_id: Some(effect_id.to_string()),
                    ..Default::default()
                };
                self.record(self.about(EventType::EFFECT_REPLAYED, &other), Role::Event).await;
                Err(AdmitError::Replayed(Replay { effect_id, output }))
            }
            Err(Undecided::Away { may_have_landed }) => {
                self.admit_without_store(may_have_landed).await
            }
            Err(Undecided::Failed { error, may_have_landed }) => {
                if may_have_landed {
                    self.record_refusal(&RefusalReason::Unavailable, true).await;
                }
                Err(AdmitError::NotRun(WriteError::from(error).into()))
            }
        }
    }

    async fn decide(&self) -> Result<Decision, Undecided> {
        let Some(store) = self.context.auditor.admission() else {
            return Err(Undecided::Away { may_have_landed: false });
        };
        let deadline = self.deadline_to_decide();
        if self.is_behind_the_spool() {
            if !self.may_know_key(store).await {
                return Err(Undecided::Away { may_have_landed: false });
            }
            self.wait_for_drain(deadline).await?;
        }
        let warned = self.context.auditor.shared.warned.recorded(self.claim.intent.stream_id());
        // A warning that hangs is recorded later; the call below then gets no time.
        timeout_at(deadline, warned).await.ok();
        let claim = &self.claim;
        let began = Instant::now();
        let checked = self.context.auditor.check_key(deadline).await;
        let is_asked = checked.is_ok();
        let decided = match checked {
            Ok(()) => {
                self.context
                    .auditor
                    .call(store, deadline, "admit", |store| store.admit(claim))
                    .await
            }
            Err(error) => Err(error),
        };
        match decided {
            Ok(decision) => Ok(decision),
            Err(error) => Err(self.undecided(store, deadline, began, is_asked, error).await),
        }
    }

    async fn undecided(
        &self,
        store: &dyn AdmissionStore,
        deadline: Instant,
        began: Instant,
        is_asked: bool,
        error: StoreError,
    ) -> Undecided {
        if matches!(error, StoreError::KeyMismatch { .. }) {
            self.context.auditor.shared.key_check.forget();
            return error.into();
        }
        if error.is_refusal() {
            return error.into();
        }
        let is_silent = Instant::now() >= deadline;
        let is_locked = matches!(error, StoreError::Locked { .. });
        if self.may_know_key(store).await || (is_locked && self.needs_only_key()) {
            // If the store itself reported the lock, the claim was rolled back.
            let may_have_landed = is_asked && (is_silent || !is_locked);
            return Undecided::Failed { error, may_have_landed };
        }
        if is_silent && !is_locked {
            self.context.auditor.shared.batcher.unanswered(&error, began);
        }
        log_line!(
            warn,
            error = &error as &dyn std::error::Error,
            "the database cannot decide what may run: effects with a switch or a budget are refused"
        );
        Undecided::Away { may_have_landed: is_asked }
    }

    /// True if the spool holds earlier events of the effect's stream, which the intent must not overtake, or
    /// events that may be about its consent.
    fn is_behind_the_spool(&self) -> bool {
        let batcher = &self.context.auditor.shared.batcher;
        let of_consent = self.claim.consent.as_ref().map(|_| self.claim.consent_streams());
        of_consent.into_iter().flatten().flatten().any(|stream| batcher.is_away_for(stream))
            || batcher.is_away_for(self.claim.intent.stream_id())
    }

    /// When the decision has to be there. With a key, that leaves time to find out whether the database answers.
    fn deadline_to_decide(&self) -> Instant {
        if !self.needs_only_key() {
            return self.deadline;
        }
        let wait = self.context.auditor.shared.batcher.wait();
        let spare = (wait / 4).max(ANSWER_MIN).min(wait / 2);
        self.deadline.checked_sub(spare).unwrap_or(self.deadline)
    }

    /// True if the database answers, and so may know that an effect with this key has run. A lock or a drain is
    /// no outage, and no reason to run an effect twice.
    async fn may_know_key(&self, store: &dyn AdmissionStore) -> bool {
        self.needs_only_key() && timeout_at(self.deadline, store.is_answering()).await == Ok(true)
    }

    /// Waits until no earlier event of the stream is in the spool.
    async fn wait_for_drain(&self, deadline: Instant) -> Result<(), StoreError> {
        while self.is_behind_the_spool() {
            if Instant::now() + DRAIN_POLL >= deadline {
                let message = "earlier events are in the spool, and the database answers";
                return Err(StoreError::unavailable("admit", message));
            }
            sleep(DRAIN_POLL).await;
        }
        Ok(())
    }

    /// Without the store, an effect that needs its decision is refused. Any other runs once its intent is
    /// recorded like other events; the store makes the effect's entry when the intent arrives.
    async fn admit_without_store(self, may_have_landed: bool) -> Result<Permit, AdmitError> {
        if self.needs_store() {
            return Err(self.refuse(RefusalReason::Unavailable, may_have_landed).await);
        }
        let intent = self.claim.intent.clone().with_role(Role::Intent);
        match self.context.auditor.submit(self.deadline, intent).await {
            Ok(recorded) => Ok(self.grant(recorded)),
            Err(error) => Err(AdmitError::NotRun(error.into())),
        }
    }

    fn grant(self, intent: Recorded) -> Permit {
        let Claim { effect_id, lease: length, .. } = self.claim;
        Permit::new(self.context, Lease { effect_id, length }, intent)
    }

    fn reason(&self, obstacle: &Obstacle) -> RefusalReason {
        match *obstacle {
            Obstacle::ConsentDenied => RefusalReason::ConsentDenied,
            Obstacle::ConsentExpired => RefusalReason::ConsentExpired,
            Obstacle::NoConsent => RefusalReason::NoConsent,
            Obstacle::Switch { switch, scope, event_id } => {
                match self.claim.switches.get(switch).cloned() {
                    Some(switch) => {
                        RefusalReason::Switch { switch, scope, event_id, by: SwitchedBy::Store }
                    }
                    None => RefusalReason::Unavailable,
                }
            }
            Obstacle::Budget { charge, used } => match self.claim.charges.get(charge).cloned() {
                Some(charge) => RefusalReason::Budget {
                    budget: charge.budget,
                    period: charge.period,
                    used,
                    amount: charge.amount,
                    limit: charge.limit,
                },
                None => RefusalReason::Unavailable,
            },
            Obstacle::Time { elapsed } => {
                let max = self.claim.elapsed_max.unwrap_or_default();
                RefusalReason::Time { elapsed, max }
            }
        }
    }

    async fn refuse(&self, reason: RefusalReason, may_have_landed: bool) -> AdmitError {
        if let RefusalReason::Switch { switch, scope, .. } = &reason {
            self.context.inside.found_engaged(switch, *scope);
        }
        self.record_refusal(&reason, may_have_landed).await;
        AdmitError::Refused(Box::new(Refusal::new(reason, &self.context.auditor.shared.fallbacks)))
    }

    /// Records a refusal. If the effect may have been admitted all the same, the event is its outcome, which
    /// gives its charges back and frees its key.
    async fn record_refusal(&self, reason: &RefusalReason, may_have_landed: bool) {
        let event = self.about(EventType::EFFECT_REFUSED, &reason.output());
        let event = event.ended(Outcome::Refused, reason.error_code());
        if may_have_landed {
            self.record(event.id(self.context.effect_id), Role::Outcome).await;
        } else {
            self.record(event, Role::Event).await;
        }
    }

    async fn record_other(&self, code: ErrorCode, effect_id: uuid::Uuid) {
        let other =
            RefusalOutput { other_effect_id: Some(effect_id.to_string()), ..Default::default() };
        let event = self.about(EventType::EFFECT_REFUSED, &other).ended(Outcome::Refused, code);
        self.record(event, Role::Event).await;
    }

    /// A failure is counted and becomes an event later: it does not change the answer.
    async fn record(&self, event: AuditEvent, role: Role) {
        let recorded: Result<_, RecordError> =
            self.context.auditor.record_by(self.deadline, role, event).await;
        if let Err(error) = recorded {
            log_line!(
                error,
                error = &error as &dyn std::error::Error,
                "the library could not record that an effect did not run"
            );
        }
    }
}

/// The answer as the effect's span shows it, and the error that stands in the way.
fn shown(answer: &Result<Permit, AdmitError>) -> (&'static str, Option<&'static str>) {
    let refused = |code: ErrorCode| ("refused", Some(code.as_str()));
    match answer {
        Ok(_) => ("admitted", None),
        Err(AdmitError::Replayed(_)) => ("replayed", None),
        Err(AdmitError::Refused(refusal)) => refused(refusal.reason.error_code()),
        Err(AdmitError::Conflict { .. }) => refused(ErrorCode::KeyConflict),
        Err(AdmitError::InDoubt { .. }) => refused(ErrorCode::InDoubt),
        Err(AdmitError::InProgress { .. }) => refused(ErrorCode::InProgress),
        Err(AdmitError::Invalid(_) | AdmitError::NotRun(_)) => ("not_run", Some(NOT_RECORDED)),
    }
}
