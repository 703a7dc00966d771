//! Assembles one line from its rendered parts.

use std::time::SystemTime;

use tracing::{Level, Metadata};

use super::plan::{ALWAYS, CallsitePlan, ERROR_ID, EVENT_TYPE, LIFTED};
use super::scratch::Scratch;
use crate::json::write_line_string;

/// The parts of a line that are not fields of the event.
pub(super) struct JsonLine<'a> {
    pub(super) metadata: &'a Metadata<'a>,
    pub(super) plan: &'a CallsitePlan,
    pub(super) time: SystemTime,
    /// The service's name, in quotes, if the names of the host's log shipper are written too.
    pub(super) service: Option<&'a str>,
}

impl JsonLine<'_> {
    /// Writes the line, with its line feed.
    pub(super) fn write(&self, scratch: &mut Scratch) {
        let Scratch { line, stamp, fields, message, target, .. } = scratch;
        let level = *self.metadata.level();
        line.clear();
        line.push_str("{\"timestamp\":\"");
        let stamp_from = line.len();
        stamp.push(line, self.time);
        let stamp_to = line.len();
        line.push_str("\",\"severity\":\"");
        line.push_str(level.as_str());
        line.push_str("\",\"message\":");
        line.push_str(or_null(message));
        for ((_, key), value) in LIFTED.iter().zip(&fields.lifted).take(ALWAYS) {
            line.push_str(key);
            line.push_str(or_null(value));
        }
        line.push_str(",\"target\":");
        line.push_str(if target.is_empty() { &self.plan.target } else { target });
        if let Some(service) = self.service {
            line.push_str(",\"level\":\"");
            line.push_str(lower_case(level));
            line.push_str("\",\"msg\":");
            line.push_str(or_null(message));
            line.push_str(",\"time\":\"");
            line.extend_from_within(stamp_from..stamp_to);
            line.push_str("\",\"service\":");
            line.push_str(service);
            line.push_str(",\"event\":");
            line.push_str(or_null(&fields.lifted[EVENT_TYPE]));
        }
        if level == Level::ERROR && fields.lifted[ERROR_ID].is_empty() {
            push_fresh_id(&mut fields.lifted[ERROR_ID]);
        }
        for ((_, key), value) in LIFTED.iter().zip(&fields.lifted).skip(ALWAYS) {
            if level == Level::ERROR || !value.is_empty() {
                line.push_str(key);
                line.push_str(or_null(value));
            }
        }
        line.push_str(&fields.further);
        if fields.omitted > 0 {
            line.push_str(",\"fields_omitted\":");
            line.push_str(&fields.omitted.to_string());
        }
        line.push_str("}\n");
    }
}

fn or_null(value: &str) -> &str {
    if value.is_empty() { "null" } else { value }
}

fn lower_case(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        _ => "error",
    }
}

/// An id by which a user can quote the line. None if the machine has no entropy.
fn push_fresh_id(out: &mut String) {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_ok() {
        write_line_string(&uuid::Builder::from_random_bytes(bytes).into_uuid().to_string(), out);
    }
}
