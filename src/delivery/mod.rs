//! How records reach a store whatever happens: a queue that batches them, and a spool that keeps them
//! while the database is away.

mod queue;
mod spool;

pub use self::queue::{
    Batcher, DrainReport, Failures, Observer, QueueLimits, ShutdownError, WriteError,
};
pub use self::spool::{Recovery, SetAside, Spool, SpoolDepth, SpoolError, SpoolOptions, Spooled};
