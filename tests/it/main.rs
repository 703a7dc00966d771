//! The integration tests: one binary, so that they share one throwaway database server.

#![allow(clippy::panic, reason = "a test fails by panicking, also outside its own function")]

mod admission;
mod admission_contract;
mod admission_races;
mod attack;
mod auditor;
mod batcher;
mod cli;
mod concierge;
mod crashes;
mod dependencies;
mod documents;
mod endurance;
mod event;
mod find;
mod house;
mod integrate;
mod json_round_trip;
mod observe;
mod operate;
mod pack;
mod poolers;
mod postgres;
mod postgres_append_in;
mod postgres_faults;
mod postgres_limits;
mod postgres_prune;
mod postgres_roles;
mod postgres_runbook;
mod postgres_stop;
mod postgres_upkeep;
mod proof;
mod readme;
mod redact;
mod reserved;
mod scripts;
mod seal;
mod spool;
mod spooling;
mod sqlite;
mod store_contract;
mod support;
mod testing;
mod trail;
mod typescript;
