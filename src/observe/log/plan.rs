//! What to do with each field of a callsite, decided once for each callsite and thread.
//!
//! Values are rendered before a span's lock is taken, because their `Debug` is foreign code and may log in the same
//! span.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use tracing::Metadata;
use tracing::callsite::Identifier;

use super::NAME_MAX;
use super::limits::LineLimits;
use crate::json::write_line_string;
use crate::redact::{LogField, mask, mask_and_truncate};

/// A field's name, and its form in a line: `,"name":`.
macro_rules! lifted {
    ($name:literal) => {
        ($name, concat!(",\"", $name, "\":"))
    };
}

/// Fields that a line lifts out of its event or its spans. The first are on every line, the errors' on
/// lines that have them.
pub(super) const LIFTED: [(&str, &str); 11] = [
    lifted!("event_type"),
    lifted!("request_id"),
    lifted!("conversation_id"),
    lifted!("actor"),
    lifted!("idempotency_key"),
    lifted!("timing_ms"),
    lifted!("trace_id"),
    lifted!("span_id"),
    lifted!("error_code"),
    lifted!("error_message"),
    lifted!("error_id"),
];
pub(super) const ALWAYS: usize = 8;
pub(super) const EVENT_TYPE: usize = 0;
pub(super) const ERROR_MESSAGE: usize = 9;
pub(super) const ERROR_ID: usize = 10;

/// Names that only the layer itself writes.
const OWN: [&str; 5] = ["timestamp", "severity", "message", "target", "fields_omitted"];
/// The same if the names of the host's log shipper are written too.
const OWN_OF_HOST: [&str; 5] = ["level", "msg", "time", "service", "event"];
/// Fields that hold a stack.
const STACKS: [&str; 8] = [
    "backtrace",
    "error.backtrace",
    "error.stack",
    "error.stack_trace",
    "exception.stacktrace",
    "stack",
    "stack_trace",
    "stacktrace",
];

/// The options of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Choices {
    pub(super) has_shipper_names: bool,
    pub(super) shows_stacks: bool,
    pub(super) limits: LineLimits,
}

/// The part of a line to which a field goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldPlace {
    Dropped,
    Further,
    Lifted(usize),
    Message,
    Target,
}

/// What to do with one field.
#[derive(Debug)]
pub(super) struct FieldPlan {
    pub(super) place: FieldPlace,
    pub(super) named: LogField,
    /// The name as it is shown. The parts of it that were masked say nothing about the value.
    pub(super) name: String,
    /// `,"name":`, masked and escaped.
    pub(super) key: String,
    pub(super) hash: u64,
}

/// What to do with the fields of a callsite.
#[derive(Debug)]
pub(super) struct CallsitePlan {
    pub(super) fields: Vec<FieldPlan>,
    /// The target in quotes, masked and escaped.
    pub(super) target: String,
    pub(super) has_error_message: bool,
}

impl CallsitePlan {
    fn new(metadata: &'static Metadata<'static>, choices: Choices) -> Self {
        let names: Vec<&'static str> = metadata.fields().iter().map(|f| f.name()).collect();
        let mut fields: Vec<FieldPlan> = Vec::with_capacity(names.len());
        let mut keys: Vec<(&str, String)> = Vec::new();
        let mut has_error_message = names.contains(&LIFTED[ERROR_MESSAGE].0);
        // A record of the `log` crate. `LogTracer` has one callsite for each level, and puts the record's origin into
        // fields.
        let is_bridged =
            metadata.is_event() && metadata.target() == "log" && names.contains(&"log.target");
        for name in names {
            let mut place = place_of(name, metadata.is_event(), choices);
            if metadata.is_event() && !has_error_message && matches!(name, "error" | "err") {
                has_error_message = true;
                place = FieldPlace::Lifted(ERROR_MESSAGE);
            }
            let mut shown = key_of(name, &keys, choices);
            if is_bridged {
                (place, shown) = match name {
                    "log.target" => (FieldPlace::Target, shown),
                    "log.module_path" => (place, "module".to_owned()),
                    "log.file" => (place, "file".to_owned()),
                    "log.line" => (place, "line".to_owned()),
                    _ => (place, shown),
                };
            }
            let hash = hash_of(&shown);
            let mut key = String::from(",");
            write_line_string(&shown, &mut key);
            key.push(':');
            keys.push((name, shown.clone()));
            fields.push(FieldPlan { place, named: LogField::of(&shown), name: shown, key, hash });
        }
        let mut target = String::new();
        write_line_string(&mask_and_truncate(metadata.target(), NAME_MAX), &mut target);
        // In a span, an error is a normal field, because not every line in it is about the error.
        Self { fields, target, has_error_message: has_error_message || !metadata.is_event() }
    }
}

fn place_of(name: &str, is_event: bool, choices: Choices) -> FieldPlace {
    if name == "message" && is_event {
        FieldPlace::Message
    } else if let Some(lifted) = LIFTED.iter().position(|(lifted, _)| *lifted == name) {
        FieldPlace::Lifted(lifted)
    } else if STACKS.contains(&name) && !choices.shows_stacks {
        FieldPlace::Dropped
    } else {
        FieldPlace::Further
    }
}

/// The name that a line shows. A name that the layer uses itself gets a prefix, and names that become equal by a mask or
/// a prefix get stars, so that no field is lost.
fn key_of(name: &'static str, before: &[(&str, String)], choices: Choices) -> String {
    if let Some((_, key)) = before.iter().find(|(other, _)| *other == name) {
        return key.clone();
    }
    let is_own = OWN.contains(&name) || (choices.has_shipper_names && OWN_OF_HOST.contains(&name));
    let masked = mask(name);
    let mut key = if is_own { format!("field.{name}") } else { masked.into_owned() };
    if key.len() > NAME_MAX {
        key = mask_and_truncate(&key, NAME_MAX).into_owned();
    }
    while before.iter().any(|(_, other)| *other == key) {
        key.push('*');
    }
    key
}

/// Two names with one hash would be one field. With 64 bits that does not happen.
fn hash_of(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The plans that a thread has made: at most one for each callsite and set of options.
#[derive(Default)]
pub(super) struct CallsitePlans(HashMap<(Identifier, Choices), Rc<CallsitePlan>>);

impl CallsitePlans {
    /// The plan of a callsite.
    pub(super) fn of(
        &mut self,
        metadata: &'static Metadata<'static>,
        choices: Choices,
    ) -> Rc<CallsitePlan> {
        let key = (metadata.callsite(), choices);
        let plan =
            self.0.entry(key).or_insert_with(|| Rc::new(CallsitePlan::new(metadata, choices)));
        Rc::clone(plan)
    }
}
