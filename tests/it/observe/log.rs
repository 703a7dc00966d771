//! The shape of a line, whatever is logged where.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use moltbot_audit::observe::JsonLayer;
use tracing::level_filters::LevelFilter;
use tracing::{debug, error, info, info_span, trace, warn};
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::lines::{Lines, Parsed, layer, logged, logged_by};

#[test]
fn a_line_has_its_shape_to_the_byte() {
    let lines = Lines::default();
    let time = UNIX_EPOCH + Duration::from_micros(1_796_061_903_000_042);
    let layer = JsonLayer::new(lines.clone()).clock(move || time);
    logged_by(layer, || {
        let _request = info_span!("request", request_id = "req-7", shop = "a").entered();
        info!(
            target: "moltbot::outreach", event_type = "vendor.outreach_sent", timing_ms = 412, batch = 2,
            "sent \"it\""
        );
        info!(target: "moltbot::outreach", "");
    });
    assert_eq!(
        lines.text(),
        concat!(
            r#"{"timestamp":"2026-11-30T18:05:03.000042Z","severity":"INFO","message":"sent \"it\"","#,
            r#""event_type":"vendor.outreach_sent","request_id":"req-7","conversation_id":null,"#,
            r#""actor":null,"idempotency_key":null,"timing_ms":412,"trace_id":null,"span_id":null,"#,
            r#""target":"moltbot::outreach","batch":2,"shop":"a"}"#,
            "\n",
            r#"{"timestamp":"2026-11-30T18:05:03.000042Z","severity":"INFO","message":"","#,
            r#""event_type":null,"request_id":"req-7","conversation_id":null,"#,
            r#""actor":null,"idempotency_key":null,"timing_ms":null,"trace_id":null,"span_id":null,"#,
            r#""target":"moltbot::outreach","shop":"a"}"#,
            "\n",
        )
    );
}

#[test]
fn the_host_s_shipper_finds_its_names() {
    let lines = Lines::default();
    let layer = layer(&lines).shipper_names("molt\"bot");
    logged_by(layer, || {
        let _span = info_span!("s", service = "a span's", event_type = "request.created").entered();
        warn!(level = 3, "careful");
    });
    let line = &lines.parsed()[0];
    assert_eq!(line.text("level"), "warn");
    assert_eq!(line.text("severity"), "WARN");
    assert_eq!(line.text("msg"), "careful");
    assert_eq!(line.text("time"), line.text("timestamp"));
    assert_eq!(line.text("service"), "molt\"bot");
    assert_eq!(line.text("event"), "request.created");
    assert_eq!(line.text("field.service"), "a span's");
    assert_eq!(line.whole("field.level"), 3);
}

#[test]
fn an_event_counts_before_its_span_and_an_inner_span_before_an_outer() {
    let lines = logged(|| {
        let _outer =
            info_span!("o", request_id = "outer", actor = "outer", a = 1, b = 1, c = 1).entered();
        let _inner = info_span!("i", request_id = "inner", b = 2, c = 2).entered();
        info!(c = 3, "x");
        info!(request_id = "event", "x");
    });
    assert_eq!(lines[0].text("request_id"), "inner");
    assert_eq!(lines[0].text("actor"), "outer");
    assert_eq!(["a", "b", "c"].map(|name| lines[0].whole(name)), [1, 2, 3]);
    assert_eq!(lines[1].text("request_id"), "event");
}

#[test]
fn what_a_span_is_told_later_replaces_what_it_was_told() {
    let lines = logged(|| {
        let span = info_span!("s", request_id = tracing::field::Empty, a = 1, b = 2, c = 3);
        let _entered = span.enter();
        info!("before");
        span.record("request_id", "req-7").record("a", "one, and longer").record("c", 4);
        span.record("request_id", "req-8");
        info!("after");
    });
    assert!(lines[0].is_null("request_id"));
    assert_eq!(lines[1].text("request_id"), "req-8");
    assert_eq!(lines[1].text("a"), "one, and longer");
    assert_eq!((lines[1].whole("b"), lines[1].whole("c")), (2, 4));
}

#[test]
fn what_is_the_layer_s_own_is_not_overwritten() {
    let lines = logged(|| {
        let _span =
            info_span!("s", timestamp = 1, severity = "LOW", message = "span's", target = "t")
                .entered();
        info!(timestamp = "yesterday", "event's");
    });
    let line = &lines[0];
    assert!(line.text("timestamp").ends_with('Z'));
    assert_eq!(line.text("severity"), "INFO");
    assert_eq!(line.text("message"), "event's");
    assert_eq!(line.text("field.timestamp"), "yesterday");
    assert_eq!(line.text("field.severity"), "LOW");
    assert_eq!(line.text("field.message"), "span's");
    assert_eq!(line.text("field.target"), "t");
}

#[test]
fn every_level_has_its_name() {
    let lines = logged(|| {
        trace!("x");
        debug!("x");
        info!("x");
        warn!("x");
        error!("x");
    });
    let names: Vec<String> = lines.iter().map(|line| line.text("severity")).collect();
    assert_eq!(names, ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]);
}

/// An error with a cause, and the cause's cause said twice.
#[derive(Debug)]
struct Failed(&'static str, Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[test]
fn an_error_brings_its_code_its_whole_message_and_an_id() {
    let refused = Failed("connection refused", None);
    let call = Failed("call failed: connection refused", Some(Box::new(refused)));
    let error = Failed("no answer", Some(Box::new(call)));
    let lines = logged(|| {
        let dynamic: &(dyn std::error::Error + 'static) = &error;
        error!(error = dynamic, error_code = "TIMEOUT", "call ended");
        error!(cause = dynamic, "call ended");
        error!(error = %error, error_message = "said itself", error_id = "quoted", "call ended");
        error!("no more to say");
        warn!(err = dynamic, "call is slow");
        info_span!("s", error = dynamic).in_scope(|| info!("goes on"));
    });
    let chain = "no answer: call failed: connection refused";
    assert_eq!(lines[0].text("error_message"), chain);
    assert_eq!(lines[0].text("error_code"), "TIMEOUT");
    assert_eq!(lines[1].text("error_message"), chain);
    assert_eq!(lines[1].text("cause"), chain);
    assert!(lines[1].is_null("error_code"));
    assert_eq!(lines[2].text("error_message"), "said itself");
    assert_eq!(lines[2].text("error"), "no answer");
    assert_eq!(lines[2].text("error_id"), "quoted");
    assert!(lines[3].is_null("error_message"));
    assert_ne!(lines[0].text("error_id"), lines[1].text("error_id"));
    assert_eq!(lines[3].text("error_id").len(), 36);
    assert_eq!(lines[4].text("error_message"), chain);
    assert!(!lines[4].has("error_id"));
    // Not every line in a span is about the span's error.
    assert_eq!(lines[5].text("error"), chain);
    assert!(!lines[5].has("error_message"));
}

#[test]
fn stacks_are_written_where_somebody_asks_for_the_danger_alone() {
    let log = || {
        let text =
            "no answer\n\nStack backtrace:\n   0: moltbot::call\n             at src/call.rs:7";
        error!(
            error = text,
            backtrace = "0: moltbot::call",
            exception.stacktrace = "src/call.rs",
            "x"
        );
    };
    let line = &logged(log)[0];
    assert_eq!(line.text("error_message"), "no answer");
    assert!(!line.has("backtrace") && !line.has("exception.stacktrace"));

    let lines = Lines::default();
    logged_by(layer(&lines).danger_show_stacks(), log);
    let line = &lines.parsed()[0];
    assert!(line.text("error_message").contains("src/call.rs:7"));
    assert_eq!(line.text("backtrace"), "0: moltbot::call");
    assert_eq!(line.text("exception.stacktrace"), "src/call.rs");
}

#[test]
fn filters_and_other_layers_beside_it_keep_their_say() {
    let (all, one, env, beside) =
        (Lines::default(), Lines::default(), Lines::default(), Lines::default());
    let only_outreach = Targets::new().with_target("outreach", LevelFilter::INFO);
    let by_env = EnvFilter::new("warn,outreach=debug");
    let subscriber = tracing_subscriber::registry()
        .with(layer(&all))
        .with(layer(&one).shipper_names("moltbot").with_filter(only_outreach))
        .with(layer(&env).with_filter(by_env))
        .with(tracing_subscriber::fmt::layer().json().with_writer(beside.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let _other = info_span!(target: "other", "o", a = 1, level = 5).entered();
        let _outreach = info_span!(target: "outreach", "i", b = 2).entered();
        info!(target: "other", "1");
        debug!(target: "outreach", "2");
        info!(target: "outreach", "3");
        warn!(target: "other", "4");
    });
    let messages = |lines: &Lines| -> Vec<String> {
        lines.parsed().iter().map(|line| line.text("message")).collect()
    };
    assert_eq!(messages(&all), ["1", "2", "3", "4"]);
    assert_eq!(messages(&one), ["3"]);
    assert_eq!(messages(&env), ["2", "3", "4"]);
    assert_eq!(beside.text().lines().count(), 4);
    let has_a =
        |lines: &Lines| lines.parsed().iter().all(|line| line.has("a") && line.has("level"));
    assert!(has_a(&all));
    // A span that a layer does not see lends it nothing.
    let one = &one.parsed()[0];
    assert!(!one.has("a") && one.whole("b") == 2);
    assert_eq!(one.text("level"), "info");
}

#[test]
fn times_beyond_the_format_and_before_1970_are_written() {
    for (time, written) in [
        (UNIX_EPOCH, "1970-01-01T00:00:00.000000Z"),
        (UNIX_EPOCH - Duration::from_micros(1), "1969-12-31T23:59:59.999999Z"),
        (UNIX_EPOCH - Duration::from_nanos(1), "1969-12-31T23:59:59.999999Z"),
        (UNIX_EPOCH - Duration::from_hours(24), "1969-12-31T00:00:00.000000Z"),
        (UNIX_EPOCH + Duration::from_micros(1_709_164_799_999_999), "2024-02-28T23:59:59.999999Z"),
        (UNIX_EPOCH + Duration::from_hours(474_768), "2024-02-29T00:00:00.000000Z"),
        (UNIX_EPOCH + Duration::from_secs(1 << 60), "9999-12-31T23:59:59.999999Z"),
        (UNIX_EPOCH - Duration::from_secs(1 << 60), "0000-01-01T00:00:00.000000Z"),
    ] {
        let lines = Lines::default();
        logged_by(JsonLayer::new(lines.clone()).clock(move || time), || info!("x"));
        assert_eq!(lines.parsed()[0].text("timestamp"), written);
    }
}

#[test]
fn the_debug_text_of_the_layer_holds_no_line() {
    let layer = layer(&Lines::default()).shipper_names("moltbot");
    assert!(format!("{layer:?}").starts_with("JsonLayer { choices: "));
}

#[test]
fn every_line_has_every_required_field() {
    let required: [&str; 12] = Parsed::REQUIRED;
    for line in logged(|| info!("x")) {
        assert_eq!(line.names()[..required.len()], required);
    }
}

#[test]
fn what_ends_a_line_for_some_readers_is_escaped() {
    let text = "a\u{2028}b\u{2029}c\u{85}d \u{e9}\u{2019}\u{ab}";
    let lines = logged(|| tracing::info!(text, "x {text}"));
    let line = &lines[0];
    assert!(!line.line.contains(['\u{2028}', '\u{2029}', '\u{85}']), "{}", line.line);
    assert_eq!(line.text("text"), text);
    assert_eq!(line.text("message"), format!("x {text}"));
    for len in 0..40 {
        let text = "x".repeat(len) + "\u{2028}\u{2028}\u{85}";
        let lines = logged(|| tracing::info!(text, "x"));
        assert_eq!(lines[0].text("text"), text);
    }
}

#[test]
fn a_line_keeps_within_the_bytes_that_it_was_given() {
    for max in [8 * 1024, 16 * 1024, 40_000] {
        let long = "\u{2028}\"x\\ ".repeat(20_000);
        let lines = Lines::default();
        let layer = layer(&lines).max_line_bytes(max).shipper_names(&long);
        logged_by(layer, || {
            let error: &(dyn std::error::Error + 'static) = &std::io::Error::other(long.clone());
            let span = tracing::info_span!("s", a = long, b = long, c = long, d = long).entered();
            tracing::error!(
                error,
                request_id = long,
                conversation_id = long,
                event_type = long,
                actor = long,
                idempotency_key = long,
                trace_id = long,
                span_id = long,
                error_code = long,
                e = long,
                f = long,
                g = long,
                h = long,
                "{long}"
            );
            drop(span);
            tracing::info!(request_id = "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11", "short");
        });
        let parsed = lines.parsed();
        let longest = parsed.iter().map(|line| line.line.len() + 1).max().expect("lines");
        assert!(longest <= max && longest > max / 2, "{longest} of {max}");
        assert!(parsed[0].text("message").ends_with(" [cut]"));
        assert!(parsed[0].whole("fields_omitted") > 0);
        assert_eq!(parsed[1].text("request_id"), "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11");
    }
}

#[test]
fn two_layers_with_limits_of_their_own_do_not_share_what_they_cut() {
    use tracing_subscriber::layer::SubscriberExt;
    let (short, long) = (Lines::default(), Lines::default());
    let subscriber = tracing_subscriber::registry()
        .with(layer(&short).max_line_bytes(8 * 1024))
        .with(layer(&long));
    tracing::subscriber::with_default(subscriber, || {
        let text = "word ".repeat(1_000);
        let _span = tracing::info_span!("s", text).entered();
        tracing::info!("x");
    });
    assert!(short.parsed()[0].text("text").ends_with(" [cut]"));
    assert_eq!(long.parsed()[0].text("text").len(), 5_000);
}

/// A record as a crate writes it that knows only `log`.
#[test]
fn records_of_the_log_crate_keep_their_own_target_and_place() {
    use tracing_log::LogTracer;
    let lines = logged(|| {
        let record = log::Record::builder()
            .args(format_args!("sent to 0788 123 456"))
            .level(log::Level::Warn)
            .target("sender::sms")
            .module_path(Some("sender::sms::queue"))
            .file(Some("src/queue.rs"))
            .line(Some(41))
            .build();
        log::Log::log(&LogTracer::new(), &record);
        tracing::info!("of our own");
    });
    let line = &lines[0];
    assert_eq!(line.text("target"), "sender::sms");
    assert_eq!(line.text("severity"), "WARN");
    assert_eq!(line.text("message"), "sent to ***456");
    assert_eq!(line.text("module"), "sender::sms::queue");
    assert_eq!(line.text("file"), "src/queue.rs");
    assert_eq!(line.whole("line"), 41);
    assert!(!line.line.contains("\"log."), "{}", line.line);
    assert!(lines[1].text("target").starts_with("it::"), "{}", lines[1].line);
}
