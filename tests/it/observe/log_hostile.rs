//! Whatever is logged, a line is one JSON object of bounded length.

use std::fmt;

use moltbot_audit::redact::{find, mask};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};
use tracing::{Span, error, info, info_span};

use super::lines::{Lines, Parsed, layer, logged, logged_by};

/// As `docs/logging.md` promises.
const LINE_MAX: usize = 64 * 1024;
const VALUE_MAX: usize = 8 * 1024;

#[test]
fn hostile_names_are_names() {
    let lines = logged(|| {
        let _span =
            info_span!("s", "a\"b" = 1, "line\nfeed" = 2, "" = 3, "field.timestamp" = 4).entered();
        info!(
            "\u{0}" = 5,
            "back\\slash" = 6,
            "}{" = 7,
            "\u{1F64F}" = 8,
            "timestamp" = 9,
            "é" = 10,
            "x"
        );
    });
    let line = &lines[0];
    for (name, value) in [
        ("a\"b", 1),
        ("line\nfeed", 2),
        ("", 3),
        ("\u{0}", 5),
        ("back\\slash", 6),
        ("}{", 7),
        ("\u{1F64F}", 8),
        ("é", 10),
    ] {
        assert_eq!(line.whole(name), value);
    }
    // The event's `timestamp` counts before what the span calls `field.timestamp`.
    assert_eq!(line.whole("field.timestamp"), 9);
}

#[test]
fn names_that_meet_are_kept_apart_and_the_same_name_is_there_once() {
    let lines = logged(|| {
        info!("0788123456" = 1, "0733123456" = 2, timestamp = 3, field.timestamp = 4, "x");
        info!(a = 1, a = 2, "x");
    });
    assert_eq!((lines[0].whole("***456"), lines[0].whole("***456*")), (1, 2));
    assert_eq!((lines[0].whole("field.timestamp"), lines[0].whole("field.timestamp*")), (3, 4));
    assert_eq!(lines[1].whole("a"), 2);
}

#[test]
fn numbers_that_json_lacks_are_texts() {
    let lines = logged(|| {
        info!(nan = f64::NAN, inf = f64::INFINITY, minus = f64::NEG_INFINITY, zero = -0.0_f64, "x");
        info!(
            big = u128::MAX,
            small = i128::MIN,
            fits = u128::from(u64::MAX),
            least = i64::MIN,
            "x"
        );
        info!(tiny = 5e-324_f64, huge = f64::MAX, yes = true, timing_ms = f64::NAN, "x");
    });
    assert_eq!(["nan", "inf", "minus"].map(|name| lines[0].text(name)), ["NaN", "inf", "-inf"]);
    assert!(lines[0].line.contains("\"zero\":-0.0"));
    assert_eq!(lines[1].text("big"), u128::MAX.to_string());
    assert_eq!(lines[1].text("small"), i128::MIN.to_string());
    assert!(lines[1].line.contains(&format!("\"fits\":{},\"least\":{}", u64::MAX, i64::MIN)));
    assert_eq!(lines[2].number("tiny").to_bits(), 5e-324_f64.to_bits());
    assert_eq!(lines[2].number("huge").to_bits(), f64::MAX.to_bits());
    assert_eq!(lines[2].text("timing_ms"), "NaN");
}

struct Broken;

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

/// Would never end.
struct Endless;

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("word after word ")?;
        }
    }
}

#[test]
fn hostile_values_are_values() {
    let lines = logged(|| {
        let invalid = invalid_utf8();
        info!(invalid = ?invalid, broken = ?Broken, endless = ?Endless, bytes = &[255_u8, 0][..], "x");
        info!(controls = "\u{0}\u{1f}\u{7f}\u{85}\u{2028}\r\n\t\"\\/", "a\nb {}", "c\u{0}");
    });
    assert!(lines[0].text("invalid").contains("xFF"));
    assert_eq!(lines[0].text("broken"), "half [could not be formatted]");
    assert!(lines[0].text("endless").ends_with(" [cut]"));
    assert_eq!(lines[0].text("bytes"), "[payload 2 B]");
    assert_eq!(lines[1].text("controls"), "\u{0}\u{1f}\u{7f}\u{85}\u{2028}\r\n\t\"\\/");
    assert_eq!(lines[1].text("message"), "a\nb c\u{0}");
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("on purpose")
    }
}

#[test]
fn a_value_that_panics_spoils_no_other_line() {
    let lines = logged(|| {
        let log = || info!(a = 1, b = ?Panics, "lost");
        std::panic::catch_unwind(log).unwrap_err();
        info!(c = 2, "next");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].whole("c"), lines[0].has("a")), (2, false));
}

#[cfg(unix)]
fn invalid_utf8() -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(vec![b'a', 0xff])
}

#[test]
fn a_value_of_a_mebibyte_is_cut_and_says_so() {
    let (long, controls) = ("lorem ipsum ".repeat(90_000), "\u{1}".repeat(1 << 20));
    let lines = logged(|| {
        let _span = info_span!("s", long = %long, request_id = %long).entered();
        error!(controls = %controls, idempotency_key = %controls, error = %long, "{long}");
        info!(quotes = "\"".repeat(1 << 20), "{controls}");
    });
    for line in &lines {
        assert!(line.line.len() < LINE_MAX, "{} bytes", line.line.len());
    }
    for name in ["long", "controls", "message", "error_message", "request_id", "idempotency_key"] {
        let text = lines[0].text(name);
        assert!(text.ends_with(" [cut]"), "{name}");
        assert!(text.len() <= VALUE_MAX, "{name}");
        assert!(text.len() > 100, "{name}");
    }
    assert!(lines[0].text("long").len() > VALUE_MAX - 100, "more is cut than has to be");
    assert!(lines[0].text("request_id").len() <= 1024);
}

#[test]
fn a_number_at_the_cut_is_masked_before_it_is_cut() {
    for lead in VALUE_MAX - 40..VALUE_MAX + 4 {
        let text = format!("{}+250 788 123 456 {}", "x ".repeat(lead / 2), "y ".repeat(VALUE_MAX));
        let lines = logged(|| info!("{text}"));
        assert!(!lines[0].text("message").contains("788"), "{lead}");
    }
}

#[test]
fn fields_without_room_are_counted() {
    let long = "lorem ipsum ".repeat(1_000);
    let lines = logged(|| {
        let _outer = info_span!("o", d = "outer's", e = 1).entered();
        let _inner = info_span!("i", a = %long, b = %long, request_id = "req-7").entered();
        info!(c = %long, d = %long, short = 1, "x");
        info!("y");
    });
    let line = &lines[0];
    assert!(line.line.len() < LINE_MAX);
    // Of what has no room, the outer span's namesake must not take the place.
    assert!(line.has("c") && line.has("d") && line.has("short"));
    assert_eq!(line.whole("fields_omitted"), 3);
    assert_eq!(line.text("request_id"), "req-7");
    assert!(!lines[1].has("fields_omitted"));
}

#[test]
fn what_a_span_has_no_room_for_is_counted_on_its_lines() {
    let long = "lorem ipsum ".repeat(600);
    let lines = logged(|| {
        let _outer = info_span!("o", told = "outer's", e = 1).entered();
        let inner = info_span!("i", a = %long, b = %long, c = %long, d = %long, told = "first");
        let _entered = inner.enter();
        info!("x");
        inner.record("told", "later");
        info!("y");
    });
    for line in &lines {
        assert!(line.whole("fields_omitted") >= 1, "{}", line.line);
        // Of what has no room, the outer span's namesake must not take the place.
        assert!(!line.line.contains("outer's"), "{}", line.line);
    }
}

/// A span lives long: what it is told again and again must not gather.
#[test]
fn what_a_span_had_no_room_for_is_not_kept_for_when_there_is_some() {
    use tracing::field::Empty;
    let long = "lorem ipsum ".repeat(700);
    let lines = logged(|| {
        let span = info_span!("s", a = Empty, b = Empty, c = Empty, d = Empty);
        let _entered = span.enter();
        for name in ["a", "b", "c", "d"] {
            span.record(name, &*long);
        }
        info!("x");
        span.record("a", 1);
        info!("y");
    });
    let dropped: Vec<_> =
        ["a", "b", "c", "d"].into_iter().filter(|name| !lines[0].has(name)).collect();
    assert!(!dropped.is_empty() && dropped.len() < 4, "{dropped:?}");
    assert!(dropped.iter().all(|name| *name == "a" || !lines[1].has(name)), "{dropped:?}");
    assert_eq!(lines[1].whole("a"), 1);
    assert!(lines[1].whole("fields_omitted") >= 1);
}

#[test]
fn two_hundred_spans_in_each_other_are_one_line() {
    fn nest(depth: usize, log: &dyn Fn()) {
        if depth == 0 {
            return log();
        }
        let span = info_span!("s", depth, even = depth.is_multiple_of(2), note = "x".repeat(50));
        let own: Span = span.clone();
        let _entered = span.enter();
        own.record("depth", depth);
        nest(depth - 1, log);
    }
    let lines = Lines::default();
    logged_by(layer(&lines), || nest(200, &|| info!("inside")));
    let line = &lines.parsed()[0];
    assert_eq!(line.whole("depth"), 1);
    assert!(line.line.len() < LINE_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_anywhere_comes_back_or_is_masked(
        texts in prop::collection::vec(any::<String>(), 6), number in any::<f64>(), whole in any::<i128>()
    ) {
        let lines = logged(|| {
            let _span = info_span!("s", a = texts[0], request_id = texts[1], number).entered();
            error!(b = ?texts[2], error = texts[3], whole, actor = %texts[4], "{}", texts[5]);
        });
        let line: &Parsed = &lines[0];
        for (name, text) in [("a", 0), ("request_id", 1), ("error_message", 3), ("actor", 4), ("message", 5)] {
            let masked = mask(&texts[text]).into_owned();
            // What is something only as JSON has it loses what has to be escaped.
            let escaped = serde_json::to_string(&masked).unwrap();
            prop_assert!(line.text(name) == masked || !find(&escaped).is_empty(), "{name}");
        }
    }
}
