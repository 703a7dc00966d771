//! What stores do: the contract that each keeps, and what only one of them has.

mod contract;
mod find;
mod json_round_trip;
pub(crate) mod poolers;
pub(crate) mod postgres;
pub(crate) mod sqlite;

pub(crate) use self::contract::Fresh;
