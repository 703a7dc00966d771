//! Lines of a layer, read back by a parser that is not ours.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use moltbot_audit::observe::JsonLayer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use tinyjson::JsonValue;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// Where a layer writes to.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<Vec<u8>>>>);

impl Lines {
    /// Everything that was written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panics").concat()).expect("UTF-8")
    }

    /// Each call of `write`, which must have been one line.
    pub(crate) fn parsed(&self) -> Vec<Parsed> {
        let calls = self.0.lock().expect("nobody panics").clone();
        calls
            .into_iter()
            .map(|call| Parsed::new(&String::from_utf8(call).expect("UTF-8")))
            .collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The layer under test.
pub(crate) fn layer(lines: &Lines) -> JsonLayer<Lines> {
    JsonLayer::new(lines.clone())
}

/// What is logged meanwhile.
pub(crate) fn logged(log: impl FnOnce()) -> Vec<Parsed> {
    let lines = Lines::default();
    logged_by(layer(&lines), log);
    lines.parsed()
}

/// Logs with this layer alone.
pub(crate) fn logged_by<W>(layer: JsonLayer<W>, log: impl FnOnce())
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
}

/// A line that is one JSON object.
pub(crate) struct Parsed {
    pub(crate) line: String,
    names: Vec<String>,
    values: HashMap<String, JsonValue>,
}

impl Parsed {
    /// What every line begins with.
    pub(crate) const REQUIRED: [&str; 12] = [
        "timestamp",
        "severity",
        "message",
        "event_type",
        "request_id",
        "conversation_id",
        "actor",
        "idempotency_key",
        "timing_ms",
        "trace_id",
        "span_id",
        "target",
    ];

    /// Panics where it is not one line with the required fields first, where a name is there twice, and where
    /// either parser objects.
    #[track_caller]
    pub(crate) fn new(line: &str) -> Self {
        let line = line.strip_suffix('\n').expect("a line feed");
        assert!(!line.contains('\n'), "two lines in one: {line}");
        let parsed = line.parse::<JsonValue>();
        let value = parsed.unwrap_or_else(|error| panic!("{error}: {line}"));
        let JsonValue::Object(values) = value else { panic!("no object: {line}") };
        let names = serde_json::from_str::<Names>(line).expect("JSON").0;
        assert_eq!(names.len(), values.len(), "a name is there twice: {line}");
        assert_eq!(names[..Self::REQUIRED.len()], Self::REQUIRED);
        Self { line: line.to_owned(), names, values }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        match self.values.get(name) {
            Some(JsonValue::String(text)) => text.clone(),
            other => panic!("{name} is {other:?} in {}", self.line),
        }
    }

    #[track_caller]
    pub(crate) fn number(&self, name: &str) -> f64 {
        match self.values.get(name) {
            Some(JsonValue::Number(number)) => *number,
            other => panic!("{name} is {other:?} in {}", self.line),
        }
    }

    /// A number without a fraction.
    #[track_caller]
    pub(crate) fn whole(&self, name: &str) -> i64 {
        let number = self.number(name).to_string();
        number.parse().unwrap_or_else(|_| panic!("{name} is {number} in {}", self.line))
    }

    pub(crate) fn is_null(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(JsonValue::Null))
    }
}

/// The names of an object, in order, as often as they are there.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = members.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
