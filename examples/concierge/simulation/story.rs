//! Tells what happens: one line for each committed event, from the record itself.
//!
//! The narrator wraps the store. It mentions an event only after the store has returned its
//! receipt, so the story cannot say more than the trail.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use moltbot_audit::StreamId;
use moltbot_audit::record::{Receipt, Record};
use moltbot_audit::redact::find_phones;
use moltbot_audit::store::admission::{Claim, Conclusion, Decision, Flip, SwitchState};
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError, StoreLayer};
use serde_json::Value;
use uuid::Uuid;

use super::scenario::{Scenario, Step};
use super::terminal::{Look, Paint};

/// Where the story is told. It is cheap to clone.
#[derive(Clone)]
pub(crate) struct Story {
    out: Arc<Mutex<dyn Write + Send>>,
    paint: Paint,
    told: Arc<Mutex<Told>>,
}

/// What was told already.
#[derive(Default)]
struct Told {
    /// The last place of each stream.
    places: HashMap<StreamId, i64>,
    /// The stream of the last line.
    stream: Option<StreamId>,
}

impl Story {
    pub(crate) fn new(out: impl Write + Send + 'static) -> Self {
        Self::painted(out, Paint::default())
    }

    pub(crate) fn painted(out: impl Write + Send + 'static, paint: Paint) -> Self {
        Self { out: Arc::new(Mutex::new(out)), paint, told: Arc::default() }
    }

    pub(crate) fn opens(&self, scenario: &Scenario) {
        let name = self.paint.paint(Look::Strong, &plain(&scenario.name));
        self.say(&format!("\n{name}: {}", plain(&scenario.description)));
    }

    /// Prints what the format does not have in a scenario, each place once.
    pub(crate) fn not_understood(&self, scenario: &Scenario) {
        for what in &scenario.not_understood {
            let text = format!("  not understood: {}", short(&what.as_str().into()));
            self.say(&self.paint.paint(Look::Warn, &text));
        }
    }

    /// Prints which part of an assertion cannot be judged.
    pub(crate) fn not_judged(&self, step: &Step, what: &str) {
        let text = format!("  {}: cannot be judged: {}", plain(&step.id), short(&what.into()));
        self.say(&self.paint.paint(Look::Warn, &text));
    }

    pub(crate) fn step(&self, step: &Step) {
        let times =
            if step.repeat > 1 { format!(" ({} times)", step.repeat) } else { String::new() };
        let id = self.paint.paint(Look::Strong, &plain(&step.id));
        self.say(&format!("\n  {id}{times}  {}", plain(&step.description)));
    }

    fn event(&self, record: &Record, receipt: &Receipt) {
        let header = record.header();
        let outcome = match header.outcome.as_str() {
            "succeeded" => String::new(),
            outcome => {
                let code = header.error_code.as_deref().unwrap_or("no code");
                let look = if outcome == "refused" { Look::Warn } else { Look::Bad };
                self.paint.paint(look, &format!(" [{outcome}: {code}]"))
            }
        };
        let took = header.duration_ms.map(|ms| format!(" {ms} ms")).unwrap_or_default();
        let detail = detail(record);
        let (event_type, actor) = (&header.event_type, &header.actor);
        let place = self.place(record, receipt.seq);
        let line = format!("{place}  {event_type:<30} {actor:<8}{outcome}{took} {detail}");
        self.say(line.trim_end());
    }

    /// The place of an event, and its stream if that has changed. Each stream has its own numbers.
    fn place(&self, record: &Record, seq: i64) -> String {
        let stream = record.stream_id();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_repeated = told.places.get(&stream).is_some_and(|last| seq <= *last);
        told.places.entry(stream).or_insert(seq);
        if !is_repeated {
            told.places.insert(stream, seq);
        }
        if stream == StreamId::SYSTEM {
            return self.paint.paint(Look::Faint, &format!("{:>11}", format!("system {seq}")));
        }
        if told.stream.replace(stream) != Some(stream) {
            let header = record.header();
            let of = match (header.request_id, header.conversation_id) {
                (Some(request), _) => format!("request {request}"),
                (None, Some(conversation)) => format!("conversation {conversation}, no request"),
                (None, None) => String::new(),
            };
            self.say(&self.paint.paint(Look::Faint, &format!("    {of}")));
        }
        let shown = if is_repeated { format!("again {seq}") } else { seq.to_string() };
        format!("{shown:>11}")
    }

    // A closed output must not stop the play.
    pub(crate) fn say(&self, line: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(out, "{line}").ok();
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Story")
    }
}

/// A sink that prints what it stored.
#[derive(Debug)]
pub(crate) struct ToldSink {
    inner: Arc<dyn AuditSink>,
    story: Story,
}

impl ToldSink {
    pub(crate) fn new(inner: Arc<dyn AuditSink>, story: Story) -> Self {
        Self { inner, story }
    }
}

impl StoreLayer for ToldSink {
    type Inner = dyn AuditSink;

    fn inner(&self) -> &Self::Inner {
        &*self.inner
    }

    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move {
            let appended = self.inner.append(batch).await?;
            for (record, receipt) in batch.iter().zip(&appended) {
                if let Ok(receipt) = receipt {
                    self.story.event(record, receipt);
                }
            }
            Ok(appended)
        })
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        Box::pin(async move {
            let verdict = self.inner_admission()?.admit(claim).await?;
            if let Decision::Proceed(admission) = &verdict {
                self.story.event(&claim.intent, &admission.receipt);
            }
            Ok(verdict)
        })
    }

    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            let inner = self.inner_admission()?;
            let receipt = inner.conclude(effect_id, conclusion, record).await?;
            if let Some(receipt) = &receipt {
                self.story.event(record, receipt);
            }
            Ok(receipt)
        })
    }

    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>> {
        Box::pin(async move {
            let flip = self.inner_admission()?.set_switch(state, record).await?;
            if let Some(receipt) = &flip.receipt {
                self.story.event(record, receipt);
            }
            Ok(flip)
        })
    }
}

/// What a line says about the payload: known fields only, and no phone numbers.
fn detail(record: &Record) -> String {
    let mut said = Vec::new();
    for part in [record.input(), record.output()].into_iter().flatten() {
        for path in TOLD {
            if let Some(value) = part.pointer(path).filter(|value| !value.is_null()) {
                let name = path.rsplit('/').next().unwrap_or(path);
                said.push(format!("{name}={}", short(value)));
            }
        }
    }
    said.extend(record.output().map(|output| scores(&output)).filter(|scores| !scores.is_empty()));
    said.join("  ")
}

/// Who is on a list, with the score, best first, and who is not, with the reason.
fn scores(output: &Value) -> String {
    let listed = |member: &str, second: &str| -> Vec<String> {
        let entries = output.get(member).and_then(Value::as_array).into_iter().flatten();
        let one = |entry: &Value| {
            let vendor = entry.get("vendor_id").map(short).unwrap_or_default();
            format!("{vendor} ({})", entry.get(second).map(short).unwrap_or_default())
        };
        entries.map(one).collect()
    };
    let kept = [listed("candidates", "total"), listed("items", "total")].concat();
    let out = listed("excluded", "reason");
    let parts = [("", kept), ("not: ", out)].into_iter().filter(|(_, list)| !list.is_empty());
    parts.map(|(lead, list)| format!("{lead}{}", list.join(", "))).collect::<Vec<_>>().join("; ")
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.replace('\n', " / "),
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join(", "),
        Value::Number(number) => number.to_string(),
        other => other.to_string(),
    };
    let text = masked(&plain(&text));
    if text.chars().count() <= LINE_CHARS {
        return text;
    }
    text.chars().take(LINE_CHARS).chain(['…']).collect()
}

/// A text without control characters, safe for a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Masks phone numbers: the last three digits stay.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut from = 0;
    for phone in find_phones(text) {
        out.push_str(&text[from..phone.at.start]);
        out.push_str("***");
        out.push_str(&phone.digits[phone.digits.len().saturating_sub(3)..]);
        from = phone.at.end;
    }
    out + &text[from..]
}

const LINE_CHARS: usize = 90;

const TOLD: &[&str] = &[
    "/from_state",
    "/to_state",
    "/reason",
    "/text",
    "/button_id",
    "/media_id",
    "/action/type",
    "/action_type",
    "/errors",
    "/fallback",
    "/confidence",
    "/needs_clarification",
    "/budget",
    "/used",
    "/limit",
    "/batch_number",
    "/vendor_id",
    "/availability",
    "/price_min",
    "/price_max",
    "/latency_seconds",
    "/warnings",
    "/sent",
    "/failed",
    "/decided_by",
    "/handed_off_at",
    "/cancelled_count",
    "/scope",
    "/status",
    "/error_message",
    "/effect",
    "/switch",
    "/by",
];
