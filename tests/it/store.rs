//! What stores do: the contract that each keeps, and what only one of them has.

mod contract;
mod find;
mod json_round_trip;
mod poolers;
mod postgres;
mod sqlite;
