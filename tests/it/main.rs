//! The integration tests: one binary, so that they share one throwaway database server.

mod json_round_trip;
mod postgres;
mod postgres_faults;
mod store_contract;
mod support;
