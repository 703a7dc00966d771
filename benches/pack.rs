//! What exporting and verifying a request costs, as the request grows and as the table grows.
//!
//! `cargo bench --bench pack` prints one table; every ratio is of one run, over medians of rounds in
//! which the cases take turns. `-- --quick` runs a small size, to see that it works.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]

#[path = "../tests/it/support/cluster.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod cluster;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::record::{Randomness, Record, seal};
use moltbot_audit::redact::{Profile, RedactionKey};
use moltbot_audit::store::{AuditStore, open};
use moltbot_audit::{Actor, AuditEvent, EventId, EventType, RequestId};
use serde_json::json;
use uuid::Uuid;

use self::cluster::Cluster;

const KEY: RedactionKey = RedactionKey::from_bytes([7; 32]);
const EVENTS_PER_BATCH: u64 = 500;
const EVENTS_PER_REQUEST: u64 = 20;

/// The requests that are exported, by their number of events.
const REQUESTS: [u64; 4] = [250, 500, 1_000, 2_000];
/// The one that is exported from both tables.
const COMPARED: u64 = 1_000;

/// Rows of the small and the large table, and how often each case is measured.
struct Size {
    small: u64,
    large: u64,
    rounds: usize,
}

const FULL: Size = Size { small: 10_000, large: 1_000_000, rounds: 15 };
const QUICK: Size = Size { small: 2_000, large: 10_000, rounds: 2 };

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(if quick { &QUICK } else { &FULL }));
}

async fn run(size: &Size) {
    let cluster = Cluster::start(&["fsync=off", "synchronous_commit=off", "max_wal_size=4GB"]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let sqlite = |rows: &str| format!("sqlite://{}/{rows}.sqlite", folder.path().display());
    for (name, small, large) in [
        ("Postgres", cluster.create_database().await, cluster.create_database().await),
        ("SQLite", sqlite("small"), sqlite("large")),
    ] {
        let (small, large) = (filled(&small, size.small).await, filled(&large, size.large).await);
        measure(name, size, &*small, &*large).await;
    }
}

/// A store with the requests to export among `rows` rows of other requests.
async fn filled(url: &str, rows: u64) -> Arc<dyn AuditStore> {
    let store = open(url).await.expect("the database is ours");
    for events in REQUESTS {
        append(&*store, (0..events).map(|seq| record(events, (events << 32) + seq)).collect())
            .await;
    }
    for batch in 0..rows / EVENTS_PER_BATCH {
        let numbers = batch * EVENTS_PER_BATCH..(batch + 1) * EVENTS_PER_BATCH;
        let other = |number| record((1 << 40) + number / EVENTS_PER_REQUEST, number);
        append(&*store, numbers.map(other).collect()).await;
    }
    store
}

async fn append(store: &dyn AuditStore, records: Vec<Record>) {
    for batch in records.chunks(500) {
        let appended = store.append(batch).await.expect("the batch lands");
        assert!(appended.iter().all(Result::is_ok));
    }
}

async fn measure(name: &str, size: &Size, small: &dyn AuditStore, large: &dyn AuditStore) {
    let (mut exports, mut verifies) = (vec![Vec::new(); 5], vec![Vec::new(); 5]);
    // One round more, not counted: the first fills caches and plans.
    for round in 0..=size.rounds {
        let cases = REQUESTS.iter().map(|events| (small, *events)).chain([(large, COMPARED)]);
        for (case, (store, events)) in cases.enumerate() {
            let (export, verify) = export_and_verify(store, events).await;
            if round > 0 {
                exports[case].push(export);
                verifies[case].push(verify);
            }
        }
    }
    let exports: Vec<_> = exports.into_iter().map(median).collect();
    let verifies: Vec<_> = verifies.into_iter().map(median).collect();
    println!("{name:<34} {:>9} {:>9} {:>14}", "export", "verify", "µs an event");
    for (case, events) in REQUESTS.iter().chain([&COMPARED]).enumerate() {
        let rows = if case == 4 { size.large } else { size.small };
        let both = exports[case] + verifies[case];
        println!(
            "{events:>6} events of {rows:>8} rows    {:>9.2} {:>9.2} {:>14.2}",
            millis(exports[case]),
            millis(verifies[case]),
            both.as_secs_f64() * 1e6 / f64::from(u32::try_from(*events).expect("a small number")),
        );
    }
    let both = |case: usize| (exports[case] + verifies[case]).as_secs_f64();
    println!("  8 times the events take {:.2} times as long (linear: 8)", both(3) / both(0));
    println!(
        "  {} times the rows take {:.2} times as long (independent: 1)\n",
        size.large / size.small,
        both(4) / both(2)
    );
}

async fn export_and_verify(store: &dyn AuditStore, events: u64) -> (Duration, Duration) {
    let started = Instant::now();
    let profile = Profile::external(&KEY);
    let pack = export_request_pack(store, &request(events), &profile).await;
    let json = pack.expect("the request is known").to_json_pretty();
    let export = started.elapsed();
    let started = Instant::now();
    let verified = verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
    assert_eq!(u64::try_from(verified.events()), Ok(events));
    (export, started.elapsed())
}

fn request(number: u64) -> RequestId {
    // Ids of requests are random in a real host, and fall anywhere in an index.
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Uuid::from_u64_pair(mixed & !0xf000 | 0x4000, mixed & (u64::MAX >> 2) | 1 << 63).into()
}

fn record(request_number: u64, number: u64) -> Record {
    // This month has a partition.
    let created_at = Utc::now();
    let event = AuditEvent::new(EventType::VENDOR_REPLY_RECORDED, Actor::Vendor)
        .id(EventId::new(created_at, number).expect("a time of this century"))
        .request(&request(request_number))
        .input(json!({
            "vendor_id": format!("vendor-{}", number % 15), "vendor_phone": "+250788200911",
            "text": "Muraho! Yes, in stock, 12,000 RWF, call 0788 200 911 or come to Remera.",
        }))
        .output(json!({ "availability": "in_stock", "price_min": 12_000, "confidence": 0.85 }))
        .idempotency_key(format!("wamid.{number}"));
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    seal(event, created_at, Randomness { id: number, salt }, &KEY).expect("a valid event")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
