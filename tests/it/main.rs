//! The integration tests: one binary, so that they share one throwaway database server.

#![allow(clippy::panic, reason = "a test fails by panicking, also outside its own function")]

mod admission;
mod auditor;
mod cli;
mod concierge;
mod delivery;
mod dependencies;
mod documents;
mod event;
mod house;
mod observe;
mod pack;
mod proof;
mod public_items;
mod reconcile;
mod record;
mod redact;
mod report;
mod scripts;
mod store;
mod support;
mod testing;
mod trail;
mod typescript;
mod undo;
