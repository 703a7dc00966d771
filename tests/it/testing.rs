//! The fault kit: each fault does what it says, and the stores stand it.

mod admission;
mod clock;
pub(crate) mod memory;
mod proxy;
mod sink;
mod wire;
