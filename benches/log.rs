//! What one log line costs within two spans, masked, against `fmt().json()` with the same fields and against
//! `serde_json` alone writing the same object.
//!
//! `cargo bench --bench log` prints one table, over medians of rounds in which the ways take turns.
//! `-- --quick` runs a small size, to see that it works.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock, divides and prints"
)]

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use moltbot_audit::observe::JsonLayer;
use serde::Serialize;
use tracing::{Dispatch, dispatcher, info, info_span};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;

const REQUEST: &str = "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11";
const CONVERSATION: &str = "0b6b1c1e-58a0-4f7e-9a53-0a8f5c2b7d10";
const KEY: &str = "7f0c9f6e:vendor:0f3a9b2c:qset:v1";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// The object that the layer writes.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: &'a str,
    severity: &'a str,
    message: &'a str,
    event_type: &'a str,
    request_id: &'a str,
    conversation_id: &'a str,
    actor: &'a str,
    idempotency_key: &'a str,
    timing_ms: u64,
    trace_id: &'a str,
    span_id: &'a str,
    target: &'a str,
    batch: u64,
    outcome: &'a str,
}

const LINE: Line<'_> = Line {
    timestamp: "2026-11-24T18:05:03.123456Z",
    severity: "INFO",
    message: "vendor outreach sent, batch 2 of 3",
    event_type: "vendor.outreach_sent",
    request_id: REQUEST,
    conversation_id: CONVERSATION,
    actor: "system",
    idempotency_key: KEY,
    timing_ms: 412,
    trace_id: TRACE,
    span_id: SPAN,
    target: "log",
    batch: 2,
    outcome: "succeeded",
};

fn main() {
    both_write_the_same();
    let quick = std::env::args().any(|argument| argument == "--quick");
    // Rounds are short, because what else runs on the machine comes and goes.
    let (rounds, count) = if quick { (3, 200) } else { (1_001, 200) };
    let ours = Dispatch::new(tracing_subscriber::registry().with(JsonLayer::new(io::sink)));
    let host = JsonLayer::new(io::sink).shipper_names("moltbot");
    let host = Dispatch::new(tracing_subscriber::registry().with(host));
    let theirs = fmt::layer().json().with_writer(io::sink);
    let theirs = Dispatch::new(tracing_subscriber::registry().with(theirs));
    let (mut all_ours, mut all_host, mut all_theirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut all_alone = Vec::new();
    // One round more, not counted: the first fills caches.
    for nth in 0..=rounds {
        let round = [logged(&ours, count), logged(&host, count), logged(&theirs, count)];
        let alone = alone(count);
        if nth > 0 {
            all_ours.push(round[0]);
            all_host.push(round[1]);
            all_theirs.push(round[2]);
            all_alone.push(alone);
        }
    }
    let (ours, host, theirs) = (median(all_ours), median(all_host), median(all_theirs));
    let alone = median(all_alone);
    println!("{:<44} {:>9}", "medians of rounds", "ns/line");
    println!("{:<44} {ours:>9.0}", "JsonLayer, two spans, masked");
    println!("{:<44} {host:>9.0}", "JsonLayer with the host's names");
    let ratio = ours / theirs;
    let verdict = if ratio <= 0.5 { "met" } else { "MISSED" };
    println!(
        "{:<44} {theirs:>9.0}  ours takes {ratio:.2} of it, target 0.50: {verdict}",
        "fmt().json(), two spans"
    );
    println!(
        "{:<44} {alone:>9.0}  ours takes {:.1} times it",
        "serde_json alone, same object",
        ours / alone
    );
}

/// Where lines are kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is compared is the same work: every value is in either line.
fn both_write_the_same() {
    let kept = [Kept::default(), Kept::default()];
    let [ours, theirs] = kept.clone();
    let ours = JsonLayer::new(move || ours.clone());
    logged(&Dispatch::new(tracing_subscriber::registry().with(ours)), 1);
    let theirs = fmt::layer().json().with_writer(move || theirs.clone());
    logged(&Dispatch::new(tracing_subscriber::registry().with(theirs)), 1);
    let line = serde_json::to_value(&LINE).expect("it can be written");
    for kept in kept {
        let written =
            String::from_utf8(kept.0.lock().expect("nobody panics").clone()).expect("UTF-8");
        for (name, value) in line.as_object().expect("an object") {
            assert!(
                name == "timestamp" || written.contains(&value.to_string()),
                "{name}: {written}"
            );
        }
    }
}

/// Nanoseconds a line, within two spans that are there already.
fn logged(dispatch: &Dispatch, count: u32) -> f64 {
    dispatcher::with_default(dispatch, || {
        let request = info_span!("request", request_id = REQUEST, conversation_id = CONVERSATION);
        let _request = request.entered();
        let effect = info_span!(
            "effect",
            event_type = "vendor.outreach_sent",
            actor = "system",
            idempotency_key = KEY,
            trace_id = TRACE,
            span_id = SPAN
        );
        let _effect = effect.entered();
        let started = Instant::now();
        for _ in 0..count {
            let (batch, of) = black_box((2_u64, 3_u64));
            info!(
                timing_ms = 412_u64,
                batch,
                outcome = "succeeded",
                "vendor outreach sent, batch {batch} of {of}"
            );
        }
        started.elapsed().as_nanos() as f64 / f64::from(count)
    })
}

/// Nanoseconds an object, written into a buffer that is used again.
fn alone(count: u32) -> f64 {
    let mut line = Vec::with_capacity(1024);
    let started = Instant::now();
    for _ in 0..count {
        line.clear();
        serde_json::to_writer(&mut line, black_box(&LINE)).expect("it can be written");
        line.push(b'\n');
        black_box(&line);
    }
    started.elapsed().as_nanos() as f64 / f64::from(count)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
