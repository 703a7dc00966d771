//! What operators see: log lines.

mod lines;
mod log;
mod log_hostile;
mod log_privacy;
mod log_writer;
