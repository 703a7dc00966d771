//! The layer for JSON log lines.

use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::fields::LineFields;
use super::json::push_masked;
use super::limits::LineLimits;
use super::line::JsonLine;
use super::plan::{CallsitePlan, Choices};
use super::scratch::{ReentryGuard, Scratch};
use super::visit::Renderer;
use super::{LostLines, NAME_MAX};
use crate::redact::LogField;

/// Writes each event as one line of JSON, with everything masked that is recognised as personal or
/// secret.
///
/// Every line has, in this order, `timestamp` (RFC 3339, UTC, microseconds), `severity` (`TRACE`,
/// `DEBUG`, `INFO`, `WARN`, `ERROR`), `message`, `event_type`, `request_id`, `conversation_id`,
/// `actor`, `idempotency_key`, `timing_ms`, `trace_id`, `span_id` (`null` if absent) and `target`,
/// then all other fields. A field of the event takes precedence over one of its span, and an inner
/// span over an outer one. `docs/logging.md` has the rest: errors, limits, and how values are
/// written.
///
/// ```
/// use moltbot_audit::observe::{JsonLayer, NonBlocking};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// # fn main() -> std::io::Result<()> {
/// let (writer, _guard) = NonBlocking::new(std::io::stdout())?;
/// let subscriber = tracing_subscriber::registry().with(JsonLayer::new(writer));
/// tracing::subscriber::with_default(subscriber, || {
///     let _request = tracing::info_span!("request", request_id = "req-7").entered();
///     tracing::info!(timing_ms = 412, "sent to 0788 123 456"); // "message":"sent to ***456"
/// });
/// # Ok(())
/// # }
/// ```
pub struct JsonLayer<W> {
    writer: W,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    choices: Choices,
    /// The service's name, in quotes.
    service: String,
    lost: LostLines,
}

impl<W> JsonLayer<W> {
    /// A layer that writes to `writer`: a [`NonBlocking`](super::NonBlocking), or any other writer
    /// that `fmt` takes. Each line is flushed. If the writer blocks, callers that log wait for it.
    #[must_use]
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            clock: Box::new(system_time),
            choices: Choices::default(),
            service: String::new(),
            lost: LostLines::default(),
        }
    }

    /// Adds the names that the host's log shipper expects: `level` (in lower case), `msg`, `time`,
    /// `service`, and `event` for the event's type. Default: without them.
    #[must_use]
    pub fn shipper_names(mut self, service: &str) -> Self {
        self.choices.has_shipper_names = true;
        self.service.clear();
        push_masked(&mut self.service, LogField::PLAIN, "", service, NAME_MAX);
        self
    }

    /// Sets the clock. Default: the system's clock.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(now);
        self
    }

    /// Limits lines to this many bytes, line feed included, for container runtimes that cut lines
    /// at 16 KiB. Messages and fields are cut, and fields that do not fit are left out and counted;
    /// `docs/logging.md` has the shares. From 8 KiB to 64 KiB. Default: 64 KiB.
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.choices.limits = LineLimits::of_line(bytes);
        self
    }

    /// Counts lost lines in a shared counter. Default: a counter of its own.
    #[must_use]
    pub fn count_lost_in(mut self, lost: &LostLines) -> Self {
        self.lost = lost.clone();
        self
    }

    /// Writes stacks too: fields named `backtrace`, `stack` and the like, and the stack in an
    /// error's `Debug` text. They reveal how the host is built. Default: they are left out.
    #[must_use]
    pub fn danger_show_stacks(mut self) -> Self {
        self.choices.shows_stacks = true;
        self
    }

    /// Counts the lines that the writer refused, those that a writer logged itself, and those logged by values
    /// while they were formatted, more than 8 deep.
    #[must_use]
    pub fn lost(&self) -> LostLines {
        self.lost.clone()
    }

    /// Renders fields into the scratch without holding a lock: a value's `Debug` is foreign code,
    /// and may log within the same span.
    fn render(
        &self,
        scratch: &mut Scratch,
        metadata: &'static Metadata<'static>,
        record: impl FnOnce(&mut Renderer<'_>),
    ) -> std::rc::Rc<CallsitePlan> {
        let plan = scratch.plans.of(metadata, self.choices);
        scratch.fields.clear();
        scratch.message.clear();
        scratch.target.clear();
        record(&mut Renderer {
            plan: &plan,
            fields: &mut scratch.fields,
            message: &mut scratch.message,
            target: &mut scratch.target,
            text: &mut scratch.text,
            shows_stacks: self.choices.shows_stacks,
            limits: self.choices.limits,
        });
        plan
    }

    fn write<'a>(&'a self, line: &str, metadata: &Metadata<'_>)
    where
        W: MakeWriter<'a>,
    {
        let Some(_turn) = ReentryGuard::write() else {
            self.lost.add(1);
            return;
        };
        // A log that panics would take down the caller; a `Mutex` as a writer panics once it is poisoned.
        let write = || {
            let mut writer = self.writer.make_writer_for(metadata);
            writer.write_all(line.as_bytes())?;
            // A buffer that keeps a line may lose it without a word.
            writer.flush()
        };
        let written = catch_unwind(AssertUnwindSafe(write));
        if !matches!(written, Ok(Ok(()))) {
            self.lost.add(1);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that is injected elsewhere")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

impl<W> fmt::Debug for JsonLayer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLayer")
            .field("choices", &self.choices)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

/// A span's fields, for each choice that one of its layers made.
#[derive(Default)]
struct SpanFields(Vec<(Choices, Box<LineFields>)>);

impl SpanFields {
    fn of(&self, choices: Choices) -> Option<&LineFields> {
        self.0.iter().find(|(of, _)| *of == choices).map(|(_, fields)| &**fields)
    }

    fn get_or_insert(&mut self, choices: Choices) -> &mut LineFields {
        let at = self.0.iter().position(|(of, _)| *of == choices).unwrap_or_else(|| {
            self.0.push((choices, Box::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

impl<S, W> Layer<S> for JsonLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let Some(_turn) = ReentryGuard::format() else { return };
        Scratch::lend(|scratch| {
            self.render(scratch, attributes.metadata(), |to| attributes.record(to));
            scratch.fields.shorten(self.choices.limits.further);
            self.keep(&span, |kept| *kept = scratch.fields.clone());
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let Some(_turn) = ReentryGuard::format() else { return };
        Scratch::lend(|scratch| {
            self.render(scratch, span.metadata(), |to| values.record(to));
            self.keep(&span, |kept| {
                kept.update(&scratch.fields);
                kept.shorten(self.choices.limits.further);
            });
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(_turn) = ReentryGuard::format() else {
            self.lost.add(1);
            return;
        };
        Scratch::lend(|scratch| {
            let metadata = event.metadata();
            let plan = self.render(scratch, metadata, |to| event.record(to));
            scratch.fields.shorten(self.choices.limits.further);
            for span in context.event_scope(event).into_iter().flatten() {
                let extensions = span.extensions();
                let of_layers = extensions.get::<SpanFields>();
                let of_ours = of_layers.and_then(|all| all.of(self.choices));
                if let Some(outer) = of_ours {
                    scratch.fields.inherit(outer, self.choices.limits.further);
                }
            }
            let service = self.choices.has_shipper_names.then_some(self.service.as_str());
            let line = JsonLine { metadata, plan: &plan, time: (self.clock)(), service };
            line.write(scratch);
            self.write(&scratch.line, metadata);
        });
    }
}

impl<W> JsonLayer<W> {
    /// Changes what is kept of a span for layers that chose as this one did.
    fn keep<S>(&self, span: &SpanRef<'_, S>, change: impl FnOnce(&mut LineFields))
    where
        S: for<'a> LookupSpan<'a>,
    {
        let mut extensions = span.extensions_mut();
        if extensions.get_mut::<SpanFields>().is_none() {
            extensions.insert(SpanFields::default());
        }
        if let Some(all) = extensions.get_mut::<SpanFields>() {
            change(all.get_or_insert(self.choices));
        }
    }
}
