//! The integration tests, in one binary: a file for each part of the library.

mod event;
mod house;
mod proof;
mod samples;
mod seal;
mod sqlite;
