//! Faults on purpose, for the tests of this crate and of its hosts.
