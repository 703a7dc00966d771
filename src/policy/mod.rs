//! Policy: limits, what an effect asks for, and what a host does if it is refused.
//!
//! The words and rules of it. The deciding is the store's
//! ([`AdmissionStore`](crate::store::admission::AdmissionStore)), the asking the auditor's.

mod budget_usage;
mod demand;
mod environment;
mod fallback;
mod fallback_kind;
mod limits;
mod refusal;
mod texts;

pub use self::{
    budget_usage::BudgetUsage,
    demand::DemandError,
    fallback::{Fallback, FallbackAction, Fallbacks, HandoffOption},
    fallback_kind::FallbackKind,
    limits::{Limits, LimitsError},
    refusal::{Refusal, RefusalReason, SwitchedBy},
    texts::Texts,
};
pub(crate) use self::{
    demand::{Demand, Unpriced},
    environment::{Environment, Setting},
};
pub use crate::event::Language;
