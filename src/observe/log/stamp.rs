//! The time of a line, RFC 3339 in UTC with microseconds.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// The last second of the year 9999, the last one in RFC 3339.
const LAST_SECOND: i64 = 253_402_300_799;
/// The first second of the year 0.
const FIRST_SECOND: i64 = -62_167_219_200;

/// The text of the last second that was written. Most lines share it with the line before.
pub(super) struct Stamp {
    second: i64,
    written: String,
}

impl Stamp {
    pub(super) const fn new() -> Self {
        Self { second: 0, written: String::new() }
    }

    /// Writes `2026-11-24T18:05:03.000001Z`, or the nearest time that the format can hold.
    pub(super) fn push(&mut self, out: &mut String, time: SystemTime) {
        let (second, micros) = since_epoch(time);
        if second != self.second || self.written.is_empty() {
            let time = DateTime::from_timestamp(second, 0).unwrap_or_default();
            self.written = time.to_rfc3339_opts(SecondsFormat::Secs, true);
            // Over the `Z`.
            self.written.pop();
            self.second = second;
        }
        out.push_str(&self.written);
        _ = write!(out, ".{micros:06}Z");
    }
}

/// Seconds since 1970, and microseconds of the second.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let (second, micros) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (seconds(after), after.subsec_micros()),
        Err(before) => {
            let before = before.duration();
            // Rounded up to a microsecond, so that the rest of the second is a positive number of them.
            let micros = before.subsec_nanos().div_ceil(1_000);
            let second = -seconds(before).min(i64::MAX - 1);
            match micros {
                0 => (second, 0),
                1_000_000 => (second - 1, 0),
                _ => (second - 1, 1_000_000 - micros),
            }
        }
    };
    match second {
        ..FIRST_SECOND => (FIRST_SECOND, 0),
        FIRST_SECOND..=LAST_SECOND => (second, micros),
        _ => (LAST_SECOND, 999_999),
    }
}
