//! Why an effect may not run, and what to do instead.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use super::{Fallback, FallbackKind, Fallbacks};
use crate::event::payload::RefusalOutput;
use crate::event::{Budget, ErrorCode, Period, Switch, SwitchScope};

/// An effect may not run. The refusal is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The reason.
    pub reason: RefusalReason,
    /// What the host does instead.
    pub fallback: Fallback,
}

/// The reason why an effect is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// A budget would exceed its limit.
    Budget {
        /// The budget.
        budget: Budget,
        /// Its period.
        period: Period,
        /// How much of it is used.
        used: i64,
        /// What was asked for.
        amount: i64,
        /// Its limit.
        limit: i64,
    },
    /// The client declined.
    ConsentDenied,
    /// The consent lapsed.
    ConsentExpired,
    /// There is no consent.
    NoConsent,
    /// It could use any amount of a limited budget: give an estimate, or configure one.
    PriceUnknown {
        /// The budget.
        budget: Budget,
        /// Its period.
        period: Period,
        /// Its limit.
        limit: i64,
    },
    /// Its switch is engaged.
    Switch {
        /// The switch.
        switch: Switch,
        /// The narrowest scope in which it is engaged.
        scope: SwitchScope,
        /// The event that engaged it there. None everywhere.
        event_id: Option<Uuid>,
        /// What says so.
        by: SwitchedBy,
    },
    /// The request has taken too long.
    Time {
        /// How long.
        elapsed: Duration,
        /// How long it may take.
        max: Duration,
    },
    /// The store that decides could not be asked.
    Unavailable,
}

/// The source that says that a switch is engaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwitchedBy {
    /// An environment variable.
    Environment,
    /// The database: it was engaged, or never reset.
    Store,
    /// An environment variable with an unknown value.
    Unknown,
}

impl SwitchedBy {
    /// As it is recorded.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Store => "store",
            Self::Unknown => "unknown",
        }
    }
}

impl Refusal {
    pub(crate) fn new(reason: RefusalReason, fallbacks: &Fallbacks) -> Self {
        let fallback = fallbacks.of(reason.fallback());
        Self { reason, fallback }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl RefusalReason {
    /// The error code under which it is recorded.
    #[must_use]
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Budget { .. } | Self::PriceUnknown { .. } => ErrorCode::BudgetExceeded,
            Self::ConsentDenied => ErrorCode::ConsentDenied,
            Self::ConsentExpired => ErrorCode::ConsentExpired,
            Self::NoConsent => ErrorCode::NoConsent,
            Self::Switch { switch, .. } if *switch == Switch::CALLING => ErrorCode::CallingDisabled,
            Self::Switch { .. } => ErrorCode::SwitchedOff,
            Self::Time { .. } => ErrorCode::TimeExceeded,
            Self::Unavailable => ErrorCode::Unavailable,
        }
    }

    /// The output of the event that records it.
    pub(crate) fn output(&self) -> RefusalOutput {
        let mut output = RefusalOutput::default();
        match self {
            Self::Budget { budget, period, used, amount, limit } => {
                output.budget = Some(budget.to_string());
                output.period = Some(period.to_string());
                output.used = Some(*used);
                output.amount = Some(*amount);
                output.limit = Some(*limit);
            }
            Self::PriceUnknown { budget, period, limit } => {
                output.budget = Some(budget.to_string());
                output.period = Some(period.to_string());
                output.limit = Some(*limit);
            }
            Self::Switch { switch, scope, event_id, by } => {
                if *scope != SwitchScope::Everywhere {
                    output.switch_scope = Some(scope.kind().to_owned());
                }
                output.switch_event_id = event_id.map(|id| id.to_string());
                output.switch = Some(switch.to_string());
                output.switched_by = Some(by.as_str().to_owned());
            }
            Self::Time { elapsed, .. } => {
                output.elapsed_ms = Some(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
            }
            Self::ConsentDenied | Self::ConsentExpired | Self::NoConsent | Self::Unavailable => {}
        }
        output
    }

    fn fallback(&self) -> FallbackKind {
        match self {
            Self::Budget { budget, .. } | Self::PriceUnknown { budget, .. } => of_budget(budget),
            Self::ConsentDenied => FallbackKind::ConsentDenied,
            Self::ConsentExpired | Self::NoConsent => FallbackKind::NoConsent,
            Self::Switch { switch, .. } => of_switch(switch),
            Self::Time { .. } => FallbackKind::Time,
            Self::Unavailable => FallbackKind::Unavailable,
        }
    }
}

/// A switch that the store has as engaged, and who lets it run again.
fn told_of(f: &mut fmt::Formatter<'_>, switch: &Switch, scope: SwitchScope) -> fmt::Result {
    match scope {
        SwitchScope::Conversation(id) if *switch == Switch::AI => write!(
            f,
            "conversation {id} is taken over, and a human answers: it is given back by select \
             moltbot_audit.release('{id}', 'who', 'why'), or by Auditor::release"
        ),
        SwitchScope::Conversation(id) | SwitchScope::Request(id) => write!(
            f,
            "switch {switch} is engaged for {kind} {id}: an operator lets it run there by select \
             moltbot_audit.reset('{switch}', 'who', 'why', {kind}_id => '{id}'), or by \
             kill_switch().of_{kind}(..).reset",
            kind = scope.kind()
        ),
        SwitchScope::Everywhere => write!(
            f,
            "switch {switch} is engaged, or was never reset: an operator lets it run by select \
             moltbot_audit.reset('{switch}', 'who', 'why'), or by kill_switch().reset"
        ),
    }
}

fn of_budget(budget: &Budget) -> FallbackKind {
    match budget.as_str() {
        "ocr_jobs" => FallbackKind::OcrBudget,
        "vendor_batches" | "vendors" => FallbackKind::VendorBudget,
        _ => FallbackKind::MoltbotBudget,
    }
}

fn of_switch(switch: &Switch) -> FallbackKind {
    match switch.as_str() {
        "calling" => FallbackKind::CallingOff,
        "ocr" => FallbackKind::OcrOff,
        _ => FallbackKind::AiOff,
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget { budget, period, used, amount, limit } => write!(
                f,
                "budget {budget} of the {period} would pass its limit ({used} + {amount} > {limit})"
            ),
            Self::ConsentDenied => f.write_str("the client declined"),
            Self::ConsentExpired => f.write_str("the consent lapsed"),
            Self::NoConsent => f.write_str("nobody consented"),
            Self::PriceUnknown { budget, .. } => write!(
                f,
                "how much it takes of budget {budget} is not known: estimate it, or configure a price"
            ),
            Self::Switch { switch, scope, by, .. } => match by {
                SwitchedBy::Environment => write!(
                    f,
                    "switch {switch} is engaged by an environment variable of this process: set it to true"
                ),
                SwitchedBy::Store => told_of(f, switch, *scope),
                SwitchedBy::Unknown => write!(
                    f,
                    "switch {switch} is engaged, because its environment variable is neither true nor \
                     false: correct it"
                ),
            },
            Self::Time { elapsed, max } => {
                write!(f, "the request has taken {elapsed:?}, and may take {max:?}")
            }
            Self::Unavailable => f.write_str("what decides about it could not be asked"),
        }
    }
}
