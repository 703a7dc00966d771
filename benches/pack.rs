//! What exporting and verifying a request costs, as the request grows and as the table grows.
//!
//! The requests that are exported tell a story: messages, calls of Moltbot, one outreach after the
//! other with its replies, and one shortlist of all who replied. Vendors grow with the events.
//!
//! `cargo bench --bench pack` prints one table; every ratio is of one run, over medians of rounds in
//! which the cases take turns. `-- --quick` runs a small size, to see that it works. `-- --pages FOLDER` measures
//! pages alone, and leaves them in the folder, for a browser.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]

#[path = "../tests/it/support/cluster.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod cluster;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use moltbot_audit::event::Language;
use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::proof::Salt;
use moltbot_audit::record::{Record, seal};
use moltbot_audit::redact::{Profile, RedactionKey};
use moltbot_audit::store::{AuditStore, open};
use moltbot_audit::{Actor, AuditEvent, EventId, EventType, RequestId, report};
use serde_json::{Value, json};
use uuid::Uuid;

use self::cluster::Cluster;

const KEY: RedactionKey = RedactionKey::from_bytes([7; 32]);
const EVENTS_PER_BATCH: u64 = 500;
const EVENTS_PER_REQUEST: u64 = 20;

/// The requests that are exported, by their number of events.
const REQUESTS: [u64; 4] = [250, 500, 1_000, 2_000];
/// The requests that are exported as pages.
const PAGES: [u64; 2] = [1_000, 10_000];
/// The one that is exported from both tables.
const COMPARED: u64 = 1_000;

/// Rows of the small and the large table, messages to vendors, and how often each case is measured.
struct Size {
    small: u64,
    large: u64,
    messages: u64,
    rounds: usize,
}

const FULL: Size = Size { small: 10_000, large: 1_000_000, messages: 20_000, rounds: 15 };
const QUICK: Size = Size { small: 2_000, large: 10_000, messages: 500, rounds: 2 };

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let size = if quick { &QUICK } else { &FULL };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = std::env::args().skip_while(|argument| argument != "--pages").nth(1);
    match folder {
        Some(folder) => runtime.block_on(measure_pages(size, Path::new(&folder))),
        None => runtime.block_on(run(size)),
    }
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
    measure_vendors(size, &*open(&sqlite("vendors")).await.expect("the database is ours")).await;
}

/// A request exported as a page for people.
async fn measure_pages(size: &Size, folder: &Path) {
    let databases = tempfile::TempDir::new().expect("a folder");
    let url = format!("sqlite://{}/pages.sqlite", databases.path().display());
    let store = open(&url).await.expect("the database is ours");
    println!("{:<34} {:>9} {:>9} {:>14}", "SQLite", "export", "with HTML", "KB");
    for events in PAGES {
        append(&*store, Story::new(events).told()).await;
        let (mut exports, mut pages, mut kilobytes) = (Vec::new(), Vec::new(), 0);
        // One round more, not counted: the first fills caches.
        for round in 0..=size.rounds.min(5) {
            let started = Instant::now();
            let pack = export_request_pack(&*store, &request(events), &Profile::internal()).await;
            let pack = pack.expect("the request is known");
            let export = started.elapsed();
            let page = report::render(&pack, Language::En);
            if round > 0 {
                exports.push(export);
                pages.push(started.elapsed());
            }
            kilobytes = page.len() / 1_000;
            std::fs::write(folder.join(format!("{events}.html")), page).expect("a file");
        }
        let (export, page) = (millis(median(exports)), millis(median(pages)));
        println!("{events:>6} events {export:>30.1} {page:>9.1} {kilobytes:>14}");
    }
}

/// Verifying must not cost more when each message goes to a vendor of its own.
async fn measure_vendors(size: &Size, store: &dyn AuditStore) {
    const REQUESTS: [u64; 2] = [1 << 41, (1 << 41) + 1];
    let mut packs = Vec::new();
    for (is_distinct, request_number) in [false, true].into_iter().zip(REQUESTS) {
        let created_at = Utc::now();
        let message = |number: u64| {
            let vendor = vendor_id(if is_distinct { number } else { 0 });
            let input = json!({ "vendor_id": vendor, "text": "Muraho! Do you have a charger?" });
            let event = AuditEvent::new(EventType::VENDOR_OUTREACH_SENT, Actor::System);
            record(event.input(input), request_number, (request_number << 20) + number, created_at)
        };
        append(store, (0..size.messages).map(message).collect()).await;
        let profile = Profile::internal();
        let pack = export_request_pack(store, &request(request_number), &profile).await;
        packs.push(pack.expect("the request is known").to_json_pretty());
    }
    let mut verifies = [Vec::new(), Vec::new()];
    for _ in 0..size.rounds.min(3) {
        for (pack, times) in packs.iter().zip(&mut verifies) {
            let started = Instant::now();
            verify_request_pack(pack.as_bytes()).expect("an untouched pack verifies");
            times.push(started.elapsed());
        }
    }
    let [one, distinct] = verifies.map(|times| median(times).as_secs_f64());
    println!(
        "  {} messages to as many vendors take {:.2} times as long to verify as to one (linear: 1)",
        size.messages,
        distinct / one
    );
}

/// A store with the requests to export among `rows` rows of other requests.
async fn filled(url: &str, rows: u64) -> Arc<dyn AuditStore> {
    let store = open(url).await.expect("the database is ours");
    for events in REQUESTS {
        append(&*store, Story::new(events).told()).await;
    }
    let created_at = Utc::now();
    for batch in 0..rows / EVENTS_PER_BATCH {
        let numbers = batch * EVENTS_PER_BATCH..(batch + 1) * EVENTS_PER_BATCH;
        let other = |number| {
            let request_number = (1 << 40) + number / EVENTS_PER_REQUEST;
            record(reply(number, number), request_number, number, created_at)
        };
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
    let (high, low) = (mixed & !0xf000 | 0x4000, mixed & (u64::MAX >> 2) | 1 << 63);
    RequestId::from_uuid(Uuid::from_u64_pair(high, low)).expect("a UUID")
}

/// The events of one request of a given length, as a host would report them.
struct Story {
    length: u64,
    created_at: DateTime<Utc>,
    events: Vec<AuditEvent>,
    /// Vendors that were messaged.
    vendors: u64,
    /// Vendors that replied, each with the place of its reply.
    replied: Vec<(u64, usize)>,
}

impl Story {
    const BEGINNING: usize = 5;
    const END: usize = 6;
    /// Each round messages three vendors, two of which reply, and asks Moltbot once.
    const ROUND: usize = 8;

    fn new(length: u64) -> Self {
        // This month has a partition.
        let created_at = Utc::now();
        Self { length, created_at, events: Vec::new(), vendors: 0, replied: Vec::new() }
    }

    fn told(mut self) -> Vec<Record> {
        let length = usize::try_from(self.length).expect("a small number");
        let vendors = 3 * (self.length / u64::try_from(Self::ROUND).expect("a small number"));
        self.beginning(vendors);
        assert_eq!(self.events.len(), Self::BEGINNING);
        while self.events.len() + Self::ROUND + Self::END <= length {
            self.round();
        }
        while self.events.len() + Self::END < length {
            self.inbound();
        }
        self.end();
        let events = std::mem::take(&mut self.events).into_iter().enumerate();
        events
            .map(|(place, event)| record(event, self.length, self.number(place), self.created_at))
            .collect()
    }

    fn beginning(&mut self, vendors: u64) {
        self.inbound();
        self.tell(EventType::REQUEST_CREATED, json!({ "channel": "whatsapp" }), json!({}));
        self.state(None, "collecting_requirements");
        let factors = factors(&[("category", 40.0), ("distance", 26.0), ("rating", 8.0)]);
        let candidate = |vendor| {
            let name = format!("Shop Kigali {vendor}");
            json!({ "vendor_id": vendor_id(vendor), "vendor_name": name, "total": 74.0, "factors": factors })
        };
        let candidates: Vec<_> = (0..vendors).map(candidate).collect();
        let found = json!({ "pool_size": vendors, "candidates": candidates });
        let looked_for = json!({ "category": "electronics", "mode": "ai" });
        self.tell(EventType::VENDOR_CANDIDATES_SELECTED, looked_for, found);
        self.state(Some("collecting_requirements"), "vendor_outreach");
    }

    fn round(&mut self) {
        self.inbound();
        let call = self.moltbot("ask_client");
        self.tell(
            EventType::MOLTBOT_OUTPUT_ACCEPTED,
            json!({ "moltbot_event_id": call }),
            json!({}),
        );
        for vendor in self.vendors..self.vendors + 3 {
            let input = json!({
                "outreach_id": format!("outreach-{vendor}"), "vendor_id": vendor_id(vendor),
                "vendor_name": format!("Shop Kigali {vendor}"), "vendor_phone": "+250788200911",
                "batch_number": vendor / 5 + 1, "text": "Muraho! Do you have a USB-C charger?",
            });
            self.tell(
                EventType::VENDOR_OUTREACH_SENT,
                input,
                json!({ "provider_message_id": "wamid" }),
            );
        }
        for vendor in self.vendors..self.vendors + 2 {
            self.replied.push((vendor, self.events.len()));
            self.events.push(reply(vendor, vendor));
        }
        self.vendors += 3;
    }

    fn end(&mut self) {
        let call = self.moltbot("shortlist");
        self.tell(
            EventType::MOLTBOT_OUTPUT_ACCEPTED,
            json!({ "moltbot_event_id": call }),
            json!({}),
        );
        let factors = factors(&[("availability", 50.0), ("price", 20.0), ("confidence", 17.0)]);
        let item = |(vendor, place): &(u64, usize)| {
            json!({
                "vendor_id": vendor_id(*vendor), "price": 12_000, "total": 87.0, "factors": factors,
                "reply_event_id": self.event_id(*place),
            })
        };
        let items: Vec<_> = self.replied.iter().map(item).collect();
        let output = json!({ "items": items, "decided_by": "moltbot", "moltbot_event_id": call });
        self.tell(EventType::SHORTLIST_GENERATED, json!({ "mode": "ai" }), output);
        self.state(Some("awaiting_vendor_replies"), "shortlist_ready");
        let vendors: Vec<_> = self.replied.iter().map(|(vendor, _)| vendor_id(*vendor)).collect();
        self.tell(EventType::SHORTLIST_HANDOFF, json!({ "vendor_ids": vendors }), json!({}));
        self.state(Some("shortlist_ready"), "handed_off");
    }

    fn inbound(&mut self) {
        let input = json!({
            "from_phone": "+250788100901", "message_type": "text",
            "text": "Muraho, ndashaka charger ya USB-C, hafi ya Remera. Call 0788 100 901.",
        });
        self.tell(EventType::WHATSAPP_INBOUND_RECEIVED, input, json!({}));
    }

    fn state(&mut self, from: Option<&str>, to: &str) {
        let step = json!({ "from_state": from, "to_state": to });
        self.tell(EventType::REQUEST_STATE_CHANGED, step, json!({}));
    }

    /// Asks Moltbot, and returns the id of the event.
    fn moltbot(&mut self, action: &str) -> String {
        let id = self.event_id(self.events.len());
        let input = json!({
            "model": "m-1", "prompt_version": "p-1", "attempt": 1,
            "context": { "last_messages": ["Muraho, ndashaka charger"], "language": "rw" },
        });
        let action = json!({ "type": action, "why": "The client did not say which plug." });
        let output = json!({ "action": action, "input_tokens": 812, "output_tokens": 64 });
        self.tell(EventType::MOLTBOT_CALLED, input, output);
        id
    }

    fn tell(&mut self, event_type: EventType, input: Value, output: Value) {
        self.events.push(AuditEvent::new(event_type, Actor::System).input(input).output(output));
    }

    fn number(&self, place: usize) -> u64 {
        (self.length << 32) + u64::try_from(place).expect("a small number")
    }

    fn event_id(&self, place: usize) -> String {
        event_id(self.created_at, self.number(place)).to_string()
    }
}

fn factors(deltas: &[(&str, f64)]) -> Value {
    let factor = |(code, delta): &(&str, f64)| json!({ "code": code, "score_delta": delta });
    deltas.iter().map(factor).collect()
}

fn vendor_id(vendor: u64) -> String {
    format!("vendor-{vendor}")
}

fn reply(vendor: u64, message: u64) -> AuditEvent {
    AuditEvent::new(EventType::VENDOR_REPLY_RECORDED, Actor::Vendor)
        .input(json!({
            "vendor_id": vendor_id(vendor), "vendor_phone": "+250788200911",
            "text": "Muraho! Yes, in stock, 12,000 RWF, call 0788 200 911 or come to our shop.",
        }))
        .output(json!({ "availability": "in_stock", "price_min": 12_000, "confidence": 0.85 }))
        .idempotency_key(format!("wamid.{message}"))
}

fn event_id(created_at: DateTime<Utc>, number: u64) -> EventId {
    EventId::new(created_at, number).expect("a time of this century")
}

fn record(
    event: AuditEvent,
    request_number: u64,
    number: u64,
    created_at: DateTime<Utc>,
) -> Record {
    let event = event.request(&request(request_number)).id(event_id(created_at, number));
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    seal(event, created_at, number, Salt::from_bytes(salt), &KEY).expect("a valid event")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
