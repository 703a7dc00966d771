//! Fault injection, for the tests of this crate and of its hosts.
//!
//! - [`FaultySink`] stands before a sink and fails as told: landed or not, at once, late or never.
//! - [`FaultProxy`] stands before a database and cuts, delays or swallows what passes.
//! - [`SteppedClock`] jumps, as a time of day does that is set right.
//! - [`assert_no_personal_data`] fails a test whose text leaks.
//! - [`add_key_names`] adds names of keys, to see what becomes of what stands below them.
//! - [`Batcher`], [`intent`], [`outcome`] and [`plain`] are what an auditor does for its host, by themselves.
//! - [`MemoryStore`] keeps records without a database, under the contract of one.
//!
//! For tests only: what is kept in memory is not durable, and what is cut is meant to be.

mod clock;
mod fault;
mod key_names;
mod memory;
mod order;
mod privacy;
mod proxy;
mod relay;
mod role;
mod sink;

pub use self::{
    clock::SteppedClock,
    fault::Fault,
    key_names::add_key_names,
    memory::MemoryStore,
    privacy::assert_no_personal_data,
    proxy::{FaultProxy, Upstream},
    role::{intent, outcome, plain},
    sink::FaultySink,
};
pub use crate::delivery::{batcher::Batcher, failures::Failures, observer::Observer};
