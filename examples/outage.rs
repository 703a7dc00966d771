//! Records events while the database goes away and comes back.
//!
//! `cargo run --example outage` needs no database server: it uses an SQLite file, and makes its
//! calls fail for a while. With `--database postgres://…`, stop and start the server yourself.

#![allow(clippy::print_stdout, reason = "an example prints")]

#[path = "shared/said.rs"]
mod said;
#[path = "shared/key.rs"]
mod shared_key;
#[allow(dead_code, reason = "each example uses some of it")]
#[path = "shared/terminal.rs"]
mod terminal;

use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::record::Recorded;
use moltbot_audit::store::{self, AuditSink};
use moltbot_audit::testing::{Fault, FaultySink};
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
use tokio::time::{Instant, sleep};

use self::terminal::{Look, Paint};

/// Record an event every 100 ms through an outage, with a spool for the time without a database.
#[derive(Parser)]
struct Arguments {
    /// The audit database; an SQLite file is made unreachable for a while
    #[arg(long, value_name = "URL", default_value = "sqlite://target/outage/audit.sqlite")]
    database: String,
    /// The folder that keeps events while the database is away
    #[arg(long, value_name = "DIR", default_value = "target/outage/spool")]
    spool: PathBuf,
    /// How many events to record
    #[arg(long, value_name = "N", default_value_t = 60)]
    events: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", said::all_of(&*error));
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all("target/outage")?;
    let is_simulated = arguments.database.starts_with("sqlite:");
    let store = store::open(&arguments.database).await?;
    let sink = Arc::new(FaultySink::<dyn AuditSink>::new(store.clone()));
    let spool = Spool::open(arguments.spool).await?;
    let auditor = Auditor::builder(sink.clone(), shared_key::redaction_key()?)
        .spool(spool.clone())
        .limits(QueueLimits::default().wait(Duration::from_millis(500)))
        .build();

    let request = auditor.request_id(&format!("outage-{}", std::process::id()))?;
    let mut told = Told::new();
    for number in 1..=arguments.events {
        if is_simulated && number == arguments.events / 3 {
            told.say(Look::Bad, "-- the database goes away");
            sink.every_call(Fault::not_landed());
        }
        if is_simulated && number == arguments.events * 2 / 3 {
            told.say(Look::Good, "-- the database is back");
            sink.heal();
        }
        let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
            .request(&request)
            .input(serde_json::json!({ "text": "Muraho", "number": number }));
        let asked = Instant::now();
        let recorded = auditor.record(event).await;
        told.longest = told.longest.max(asked.elapsed());
        match recorded {
            Ok(Recorded::Chained(receipt)) => {
                told.one(number, End::Chained, &format!("event {} of the stream", receipt.seq));
            }
            Ok(_) => {
                let there = format!("in the spool, {} there", spool.depth().events);
                told.one(number, End::Spooled, &there);
            }
            Err(error) => {
                told.one(number, End::Lost, &format!("not recorded: {}", said::all_of(&error)));
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    told.end_run();
    // A drain pauses between tries. The next process writes what it leaves.
    for _ in 0..300 {
        if spool.depth().events == 0 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    auditor.shutdown(Duration::from_secs(10)).await?;
    if let Some(stream) = store.read_stream((&request).into()).await? {
        told.summary(stream.head.seq, spool.depth().events);
    }
    store.close().await;
    Ok(())
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Chained,
    Lost,
    Spooled,
}

/// Prints one line for each run of events that ended the same way.
struct Told {
    paint: Paint,
    /// The current run: how its events end, its first number, and its line so far.
    run: Option<(End, usize, String)>,
    counts: [usize; 3],
    longest: Duration,
}

impl Told {
    fn new() -> Self {
        let paint = Paint::of_stdout();
        Self { paint, run: None, counts: [0; 3], longest: Duration::ZERO }
    }

    fn one(&mut self, number: usize, end: End, text: &str) {
        self.counts[end as usize] += 1;
        if self.run.as_ref().is_some_and(|(last, ..)| *last != end) {
            self.end_run();
        }
        let first = self.run.as_ref().map_or(number, |(_, first, _)| *first);
        let numbers =
            if first == number { number.to_string() } else { format!("{first} to {number}") };
        let line = format!("{numbers:>12}  {text}");
        // On a terminal the line of a run is rewritten as it grows. Elsewhere it is written once.
        if std::io::stdout().is_terminal() {
            print!("\r{line}\x1b[K");
            std::io::stdout().flush().ok();
        }
        self.run = Some((end, first, line));
    }

    fn end_run(&mut self) {
        let Some((.., line)) = self.run.take() else { return };
        if std::io::stdout().is_terminal() {
            println!();
        } else {
            println!("{line}");
        }
    }

    fn say(&mut self, look: Look, text: &str) {
        self.end_run();
        println!("{}", self.paint.paint(look, text));
    }

    fn summary(&self, stored: i64, spooled: u64) {
        let [chained, lost, through] = self.counts;
        println!("{}", self.paint.paint(Look::Strong, "Summary"));
        println!("  recorded  {chained} at once, {through} through the spool");
        let look = if lost == 0 { Look::Good } else { Look::Bad };
        println!("  {}", self.paint.paint(look, &format!("not recorded {lost}")));
        println!("  longest   {} ms for one call", self.longest.as_millis());
        println!("  now       {stored} events in the stream, {spooled} spooled");
    }
}
