//! The integration tests: one binary, so that they share one throwaway database server.

#![allow(clippy::panic, reason = "a test fails by panicking, also outside its own function")]

mod auditor;
mod cli;
mod concierge;
mod event;
mod house;
mod json_round_trip;
mod pack;
mod postgres;
mod postgres_faults;
mod proof;
mod redact;
mod seal;
mod sqlite;
mod store_contract;
mod support;
mod testing;
mod typescript;
