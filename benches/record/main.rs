//! What recording costs a host: many callers and one, against what it would write instead.
//!
//! `cargo bench --bench record` prints one table; every ratio is of one run. `-- --large` adds a table
//! of ten million rows, which takes ten minutes and 20 GB of disk. `-- --quick` runs everything at a
//! small size, to see that it works. `-- postgres`, `admission`, `sqlite`, `spool` and `large` run these alone.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock, divides and prints"
)]

mod admission;
mod callers;
#[path = "../../tests/it/support/cluster.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod cluster;
mod large;
mod postgres;
mod rounds;
#[path = "../append/rows.rs"]
mod rows;
mod spool;
mod sqlite;
mod table;
mod trigger;

use moltbot_audit::redact::RedactionKey;

use self::cluster::Cluster;
use self::table::Table;

const EVENTS_PER_BATCH: usize = 500;
const KEY: RedactionKey = RedactionKey::from_bytes([7; 32]);

/// How much is written. Rounds are short, because what else runs on the machine comes and goes.
struct Size {
    rounds: usize,
    /// Events in batches, or of 1,024 callers.
    many: usize,
    /// Events of 64 callers.
    some: usize,
    /// Rows that are inserted one by one.
    inserts: usize,
    /// Events of one caller.
    alone: usize,
    /// Rows of the large table.
    large: usize,
}

const FULL: Size =
    Size { rounds: 7, many: 40_000, some: 8_000, inserts: 1_500, alone: 200, large: 10_000_000 };
const QUICK: Size =
    Size { rounds: 1, many: 2_000, some: 500, inserts: 50, alone: 20, large: 20_000 };

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |argument: &str| arguments.iter().any(|given| given == argument);
    let names_none = arguments.iter().all(|given| given.starts_with("--"));
    let quick = has("--quick");
    let wants = |name: &str| names_none || has(name);
    let wants_large = has("large") || wants("large") && (quick || has("--large"));
    let size = if quick { &QUICK } else { &FULL };
    let mut table = Table::new(size.rounds);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        // The server's defaults: every commit waits for the disk.
        let cluster = Cluster::start(&["max_wal_size=4GB"]);
        if wants("postgres") {
            postgres::measure(&cluster, size, &mut table).await;
        }
        if wants("admission") {
            admission::measure(&cluster, size, &mut table).await;
        }
        if wants("sqlite") {
            sqlite::measure(size, &mut table).await;
        }
        if wants("spool") {
            spool::measure(&cluster, size, &mut table).await;
        }
        if wants_large {
            large::measure(&cluster, size, &mut table).await;
        }
    });
    print!("{table}");
}
