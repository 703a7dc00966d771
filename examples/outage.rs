//! Records events while the database goes away and comes back.
//!
//! `cargo run --example outage` plays it on an SQLite file, by making its calls fail for a while;
//! nothing but Rust is needed. With `--database postgres://…`, stop and start the server yourself.

#![allow(clippy::print_stdout, reason = "an example prints")]

#[path = "shared/key.rs"]
mod shared_key;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use moltbot_audit::record::Recorded;
use moltbot_audit::store::{self, AuditSink, QueueLimits, Spool};
use moltbot_audit::testing::{Fault, FaultySink};
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
use tokio::time::sleep;

/// Record an event every 100 ms, with a spool for when the database is away.
#[derive(Parser)]
struct Arguments {
    /// Where to record; an SQLite file is made unreachable for a while
    #[arg(long, value_name = "URL", default_value = "sqlite://target/outage/audit.sqlite")]
    database: String,
    /// Where events are kept while the database is away
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
            eprintln!("error: {}", chain(&*error));
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
    for number in 1..=arguments.events {
        if is_simulated && number == arguments.events / 3 {
            println!("-- the database goes away");
            sink.every_call(Fault::not_landed());
        }
        if is_simulated && number == arguments.events * 2 / 3 {
            println!("-- the database is back");
            sink.heal();
        }
        let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
            .request(&request)
            .input(serde_json::json!({ "text": "Muraho", "number": number }));
        match auditor.record(event).await {
            Ok(Recorded::Chained(receipt)) => {
                println!("{number:>4}  event {} of the stream", receipt.seq);
            }
            Ok(_) => println!("{number:>4}  in the spool, {} there", spool.depth().events),
            Err(error) => println!("{number:>4}  not recorded: {}", chain(&error)),
        }
        sleep(Duration::from_millis(100)).await;
    }
    // A drain has its pauses. What it does not get to now, the next process writes.
    for _ in 0..300 {
        if spool.depth().events == 0 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    auditor.shutdown(Duration::from_secs(10)).await?;
    if let Some(stream) = store.read_stream((&request).into()).await? {
        println!("{} events in the stream, {} spooled", stream.head.seq, spool.depth().events);
    }
    store.close().await;
    Ok(())
}

/// An error and what caused it, outermost first.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
