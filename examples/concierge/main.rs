//! Plays a concierge's requests through the library, and exports and verifies their packs.
//!
//! `cargo run --example concierge` needs Rust and a C compiler: it plays a built-in scenario into an
//! SQLite file. `--help` says what else it does.

mod load;
#[path = "../shared/said.rs"]
mod said;
mod scrape;
#[path = "../shared/key.rs"]
mod shared_key;
#[path = "../shared/signer.rs"]
mod signer;
mod simulation;
mod summary;

use std::error::Error;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use clap::Parser;
use moltbot_audit::auditor::{Clock, Host, SystemClock};
use moltbot_audit::observe::{JsonLayer, LogGuard, LostLines, NonBlocking};
use moltbot_audit::pack::{
    ExportError, PackSigner, VerifyOptions, export_recorded, verify_request_pack_with,
};
use moltbot_audit::record::StoredRecord;
use moltbot_audit::redact::{Profile, RedactionKey};
use moltbot_audit::store::{self, AuditStore};
use moltbot_audit::{Auditor, RequestId, StreamId, report};
use tokio::time::Instant;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use self::simulation::{
    clock::ScriptedClock,
    play::{PlayError, play, set_up},
    scenario::{Language, Scenario},
    scripted_time::ScriptedTime,
    story::{Story, ToldSink},
    tally,
    terminal::Paint,
    texts::Say,
    world::World,
};
use self::summary::Summary;

/// Play requests of a simulated concierge, audited by the library, then export and verify their packs.
#[derive(Parser)]
#[command(after_help = "Exit code: 0 all played and verified, 1 an assertion or a verification \
                        failed, 2 something could not be used.\n\
                        MOLTBOT_AUDIT_KEY: the deployment's key for ids and pseudonyms, 64 hex digits.")]
struct Arguments {
    /// A scenario file to play; repeat the option for several. Default: a built-in scenario
    #[arg(long, value_name = "FILE")]
    scenario: Vec<PathBuf>,
    /// Where to record: `sqlite://path/to/file.sqlite` or `postgres://user@host/database`
    #[arg(long, value_name = "URL", default_value = "sqlite://target/concierge/audit.sqlite")]
    database: String,
    /// Where to write packs, in a directory for each request
    #[arg(long, value_name = "DIR", default_value = "target/concierge")]
    out: PathBuf,
    /// Sign the packs with the key in this file, as the example `keygen` makes it
    #[arg(long, value_name = "FILE", conflicts_with = "load")]
    signing_key: Option<PathBuf>,
    /// Serve metrics at this address under `/metrics` while playing, such as `127.0.0.1:9464`
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// Write log lines to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Play this many requests with mixed outcomes instead, without packs
    #[arg(long, value_name = "N", conflicts_with = "scenario", value_parser = clap::value_parser!(u32).range(1..))]
    load: Option<u32>,
    /// Spread the requests of `--load` over this many seconds
    #[arg(long, value_name = "SECONDS", requires = "load", default_value_t = 0)]
    over: u32,
}

/// Where packs go, and who signs them.
struct Output {
    folder: PathBuf,
    signer: Option<PackSigner>,
}

/// How long an auditor may take to write the remaining events.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// Why it stopped, and with which exit code.
struct Stop {
    code: u8,
    error: Box<dyn Error>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("error: {}", said::all_of(&*stop.error));
            ExitCode::from(stop.code)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Stop> {
    let paint = Paint::of_stdout();
    let narrator = Story::painted(std::io::stdout(), paint);
    let mut summary = Summary::default();
    let logging = arguments.log.as_deref().map(log_to).transpose().map_err(unusable)?;
    // This comes first, because the recorder does not count earlier events.
    if let Some(address) = arguments.metrics {
        let address = scrape::serve(address)?;
        narrator.say(&format!("Metrics are served at http://{address}/metrics"));
    }
    let key = shared_key::redaction_key().map_err(unusable)?;
    let signer = arguments.signing_key.as_deref().map(signer::of_file).transpose();
    let output = Output { folder: arguments.out, signer: signer.map_err(unusable)? };
    let scenarios = scenarios(&arguments.scenario).map_err(unusable)?;
    prepare_file(&arguments.database).map_err(unusable)?;
    let store = store::open(&arguments.database).await.map_err(unusable)?;
    if let Some(count) = arguments.load {
        let (over, began) = (Duration::from_secs(arguments.over.into()), Instant::now());
        load::load(count, over, &store, &key, &mut summary).await?;
        narrator.say(&summary.told(Some(began.elapsed()), paint));
    } else {
        for scenario in &scenarios {
            play_and_export(scenario, &store, &key, &output, &narrator, &mut summary).await?;
        }
        narrator.say(&format!("\n{}", summary.told(None, paint)));
    }
    store.close().await;
    end_log(logging);
    Ok(())
}

async fn play_and_export(
    scenario: &Scenario,
    store: &Arc<dyn AuditStore>,
    key: &RedactionKey,
    output: &Output,
    narrator: &Story,
    summary: &mut Summary,
) -> Result<(), Stop> {
    // An hour ago, so that the whole story happens before its export.
    let start = SystemClock::new().now() - TimeDelta::hours(1);
    let clock = Arc::new(ScriptedClock::new(start));
    let world = Arc::new(World::new(clock.clone()));
    let sink = Arc::new(ToldSink::new(store.clone(), narrator.clone()));
    let sink = Arc::new(ScriptedTime::over(sink, world.clone()));
    let auditor = Auditor::builder(sink, key.clone()).clock(clock).host(host()).build();
    narrator.say("Setup: what may run. The system stream is numbered on its own.");
    set_up(&auditor).await.map_err(unusable)?;
    let requests = play(scenario, &auditor, &world, narrator).await.map_err(stopped)?;
    reconcile(&world, &**store, &requests, narrator, summary).await?;
    for request in &requests {
        export(store, key, request, output, narrator).await?;
        summary.packs += 2;
    }
    auditor.shutdown(SHUTDOWN).await.map_err(unusable)?;
    Ok(())
}

/// Why a play stopped, and with which exit code.
fn stopped(error: PlayError) -> Stop {
    match error {
        PlayError::Assertion { .. } => Stop { code: 1, error: error.into() },
        PlayError::Audit { .. } => unusable(error),
    }
}

/// Logs to a file. No caller waits for the disk.
fn log_to(path: &Path) -> Result<(LogGuard, LostLines), Box<dyn Error>> {
    let file = File::options().create(true).append(true).open(path);
    let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
    let (writer, guard) = NonBlocking::new(file)?;
    let lost = writer.lost();
    let layer = JsonLayer::new(writer).count_lost_in(&lost).shipper_names("concierge");
    let layer = layer.with_filter(LevelFilter::INFO);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    Ok((guard, lost))
}

/// Writes the waiting lines, and reports how many could not be written.
fn end_log(logging: Option<(LogGuard, LostLines)>) {
    let Some((guard, lost)) = logging else { return };
    drop(guard);
    if lost.count() > 0 {
        eprintln!("{} log lines could not be written", lost.count());
    }
}

fn scenarios(paths: &[PathBuf]) -> Result<Vec<Scenario>, Box<dyn Error>> {
    if paths.is_empty() {
        return Ok(vec![Scenario::parse(include_str!("../scenarios/phone_charger.json"))?]);
    }
    let read = |path: &PathBuf| {
        let place = |error| format!("{}: {}", path.display(), said::all_of(&error)).into();
        Scenario::read(path).map_err(place)
    };
    paths.iter().map(read).collect()
}

/// Creates the directory of an SQLite file, which must exist before the file.
fn prepare_file(url: &str) -> std::io::Result<()> {
    let path = url.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//"));
    let path = path.and_then(|path| path.split('?').next());
    match path.and_then(|path| Path::new(path).parent()) {
        Some(directory) => std::fs::create_dir_all(directory),
        None => Ok(()),
    }
}

/// Checks that every call to the world is in the trail exactly once.
async fn reconcile(
    world: &World,
    store: &dyn AuditStore,
    requests: &[RequestId],
    narrator: &Story,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let mut trail = Vec::new();
    for request in requests {
        let records = records(store, request).await?;
        summary.add(&records);
        trail.extend(records);
    }
    let ledger = world.ledger();
    let reached = ledger.len();
    if let Some(difference) = tally::differences(&ledger, &trail).into_iter().next() {
        return Err(Stop { code: 1, error: difference.into() });
    }
    narrator.say(&format!("\n  {reached} calls to the outside world, each recorded once."));
    Ok(())
}

async fn records(store: &dyn AuditStore, request: &RequestId) -> Result<Vec<StoredRecord>, Stop> {
    let stream = store.read_stream(StreamId::from(request)).await.map_err(unusable)?;
    Ok(stream.map(|stream| stream.records).unwrap_or_default())
}

/// What the events name as their writer. A disclosure of the AI has the digest of its text, which is here too.
fn host() -> Host {
    let host = Host::new("concierge", env!("CARGO_PKG_VERSION"));
    [Language::En, Language::Fr, Language::Rw].into_iter().fold(host, |host, language| {
        host.works_by(format!("disclosure.{}", language.as_str()), Say::AiDisclosure.text(language))
    })
}

/// Exports both packs of a request, and verifies what was written, as a stranger would: from the file.
async fn export(
    store: &Arc<dyn AuditStore>,
    key: &RedactionKey,
    request: &RequestId,
    Output { folder, signer }: &Output,
    narrator: &Story,
) -> Result<(), Stop> {
    let directory = folder.join(request.to_string());
    std::fs::create_dir_all(&directory)
        .map_err(|error| unusable(format!("{}: {error}", directory.display())))?;
    let auditor = Auditor::builder(store.clone(), key.clone()).host(host()).build();
    for profile in [Profile::internal(), with_words(Profile::external(key))] {
        let pack = export_recorded(&auditor, &**store, request, &profile, "concierge");
        let mut pack = pack.await.map_err(|error: ExportError| unusable(error))?;
        if let Some(signer) = signer {
            pack.sign(signer);
        }
        let path = directory.join(format!("pack.{}.json", profile.name()));
        std::fs::write(&path, pack.to_json_pretty()).map_err(unusable)?;
        let page = report::render(&pack, moltbot_audit::event::Language::En);
        std::fs::write(directory.join(format!("report.{}.html", profile.name())), page)
            .map_err(unusable)?;
        let written = std::fs::read(&path).map_err(unusable)?;
        let trusted_keys = signer.iter().map(|signer| signer.verifier_key().clone()).collect();
        let options = VerifyOptions { trusted_keys, ..VerifyOptions::default() };
        let verified = verify_request_pack_with(&written, &options)
            .map_err(|error| Stop { code: 1, error: error.into() })?;
        let (events, head) = (verified.events(), verified.head().chain_hash);
        let path = path.display();
        let told = verified.ai_disclosure();
        narrator.say(&format!(
            "  {path}\n    verified: {events} events, head {head}\n    people told of the AI: {told}"
        ));
    }
    auditor.shutdown(SHUTDOWN).await.map_err(unusable)?;
    Ok(())
}

/// Lists this host's own words that outsiders may see.
fn with_words(profile: Profile) -> Profile {
    profile
        .list_words("button_id", ["micro_usb", "usb_c"])
        .list_words("model", ["moltbot-scripted-1"])
        .list_words("parser_version", ["replies-en-fr-rw.1"])
        .list_words("policy_version", ["output-contract.v1"])
        .list_words("program", ["concierge"])
        .list_words("program_version", [env!("CARGO_PKG_VERSION")])
        .list_words("prompt_version", ["concierge.1"])
        .list_words("provider", ["scripted"])
        .list_words("rule_version", ["shortlist-ranking.50", "vendor-selection.1"])
}

fn unusable(error: impl Into<Box<dyn Error>>) -> Stop {
    Stop { code: 2, error: error.into() }
}
