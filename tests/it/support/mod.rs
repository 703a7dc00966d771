//! What the tests stand on.

pub(crate) mod claims;
pub(crate) mod cluster;
pub(crate) mod forger;
pub(crate) mod forging;
pub(crate) mod json;
pub(crate) mod pgbouncer;
pub(crate) mod process;
pub(crate) mod records;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod seeded;
pub(crate) mod signing;
pub(crate) mod stores;
pub(crate) mod wait;
