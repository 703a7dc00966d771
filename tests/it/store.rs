//! What stores do: the contract that each keeps, and what only one of them has.

mod contract;
mod earlier_format;
mod find;
mod find_named;
mod json_round_trip;
mod poolers;
mod postgres;
mod sqlite;
