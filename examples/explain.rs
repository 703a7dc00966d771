//! Explains one request in words: why these vendors, why not the others, and what would have changed it.

#[path = "shared/existing.rs"]
mod existing;
#[path = "shared/pack_file.rs"]
mod pack_file;
#[allow(dead_code, reason = "an example of one step goes on to no other")]
#[path = "shared/progress.rs"]
mod progress;
#[path = "shared/said.rs"]
mod said;
#[path = "shared/key.rs"]
mod shared_key;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use moltbot_audit::auditor::Host;
use moltbot_audit::event::Language;
use moltbot_audit::pack::scoring::ScoringRules;
use moltbot_audit::pack::sections::Explanation;
use moltbot_audit::pack::{
    RequestPack, VerifyError, VerifyOptions, explain_request_pack, export_recorded,
};
use moltbot_audit::redact::Profile;
use moltbot_audit::{Auditor, store};

use self::progress::Progress;

/// Explain one request, from a pack or from a database. Reading it from a database is recorded first.
#[derive(Parser)]
#[command(after_help = "Exit code: 0 explained, 1 the pack was tampered with, 2 not explained.\n\
                        MOLTBOT_AUDIT_KEY: the deployment's key for ids, 64 hex digits; for a database only.")]
struct Arguments {
    /// A pack's file, or `-` for standard input; with `--database`, the request: its UUID, or the host's own name for it
    #[arg(value_name = "REQUEST")]
    request: String,
    /// The audit database: `sqlite://path/to/file.sqlite` or `postgres://user@host/database`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// One vendor only, by its id as the pack shows it
    #[arg(long, value_name = "ID")]
    vendor: Option<String>,
    /// The language of the text
    #[arg(long, value_name = "LANGUAGE", value_parser = ["en", "fr", "rw"], default_value = "en")]
    language: String,
    /// Print the data instead of a text
    #[arg(long)]
    json: bool,
}

/// Why nothing was explained.
enum Failure {
    Other(Box<dyn std::error::Error>),
    Tampered(VerifyError),
}

impl<E: Into<Box<dyn std::error::Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let explained = match &arguments.database {
        Some(database) => of_database(&arguments, database).await,
        None => of_pack(&arguments.request),
    };
    match explained.and_then(|explanation| Ok(print(&arguments, &explanation)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Tampered(fault)) => {
            eprintln!("TAMPERED, so nothing is explained: {fault}");
            ExitCode::from(1)
        }
        Err(Failure::Other(error)) => {
            eprintln!("error: {}", said::all_of(&*error));
            ExitCode::from(2)
        }
    }
}

/// Explains a pack that verifies.
fn of_pack(file: &str) -> Result<Explanation, Failure> {
    let options = VerifyOptions::default();
    let json = pack_file::read(file.as_ref(), &options);
    let json = json.map_err(|error| format!("{file}: {error}"))?;
    // A host with a rule of its own adds it here.
    match explain_request_pack(&json, &options, &ScoringRules::built_in()) {
        Ok((pack, explanation)) => {
            let unchecked = pack.unchecked().iter().map(ToString::to_string);
            for what in unchecked.chain(pack.remarks().iter().cloned()) {
                eprintln!("note: {what}");
            }
            Ok(explanation)
        }
        Err(error) if error.is_unusable() => Err(format!("{file}: {error}").into()),
        Err(fault) => Err(Failure::Tampered(fault)),
    }
}

/// Explains a request as it is recorded.
async fn of_database(arguments: &Arguments, database: &str) -> Result<Explanation, Failure> {
    let key = shared_key::redaction_key()?;
    let typed = arguments.request.trim();
    let request = key.request_id(typed).map_err(|error| format!("request {typed:?}: {error}"))?;
    let store = store::connect(&existing::only(database)).await?;
    let host = Host::new("explain", env!("CARGO_PKG_VERSION"));
    let auditor = Auditor::builder(store.clone(), key).host(host).build();
    let profile = Profile::internal();
    let _progress = Progress::begin(1, "reading and redacting");
    // The environment says who runs this: a claim, and recorded as one.
    let by = std::env::var("USER").unwrap_or_else(|_| "explain".to_owned());
    let pack = export_recorded(&auditor, &*store, &request, &profile, by).await;
    // Says that this writer has ended. What was recorded is durable already.
    auditor.shutdown(Duration::from_secs(10)).await.ok();
    store.close().await;
    let pack: RequestPack = pack?;
    for event in &pack.set_aside {
        eprintln!("warning: stored event {} was tampered with: {}", event.seq, event.reason);
    }
    Ok(pack.explain(&ScoringRules::built_in()))
}

fn print(arguments: &Arguments, explanation: &Explanation) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if arguments.json {
        let vendor = arguments.vendor.as_deref();
        let of_vendor = vendor.map(|id| explanation.vendors.iter().find(|v| v.vendor_id == id));
        let json = match of_vendor {
            Some(vendor) => serde_json::to_string_pretty(&vendor)?,
            None => serde_json::to_string_pretty(explanation)?,
        };
        return writeln!(out, "{json}");
    }
    let language = Language::of(&arguments.language);
    let text = match &arguments.vendor {
        Some(vendor) => explanation.text_of(vendor, language),
        None => explanation.text(language),
    };
    write!(out, "{text}")
}
