//! Prints the story of one request in a terminal: what the report's page says, in its words and its order.

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
#[allow(dead_code, reason = "each example uses some of it")]
#[path = "shared/terminal.rs"]
mod terminal;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use moltbot_audit::auditor::Host;
use moltbot_audit::event::Language;
use moltbot_audit::pack::{
    RequestPack, VerifyError, VerifyOptions, export_recorded, read_request_pack,
};
use moltbot_audit::redact::Profile;
use moltbot_audit::report::{self, Terminal};
use moltbot_audit::{Auditor, store};

use self::progress::Progress;
use self::terminal::Paint;

/// Print the story of one request, from a pack or from a database. Reading it from a database is recorded first.
#[derive(Parser)]
#[command(after_help = "Exit code: 0 printed, 1 the pack was tampered with, 2 not printed.\n\
                        NO_COLOR: no colours, as --no-color.\n\
                        MOLTBOT_AUDIT_KEY: the deployment's key for ids, 64 hex digits; for a database only.")]
struct Arguments {
    /// A pack's file, or `-` for standard input; with `--database`, the request: its UUID, or the host's own name for it
    #[arg(value_name = "REQUEST")]
    request: String,
    /// The audit database: `sqlite://path/to/file.sqlite` or `postgres://user@host/database`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The language of the story
    #[arg(long, value_name = "LANGUAGE", value_parser = ["en", "fr", "rw"], default_value = "en")]
    language: String,
    /// Columns of a line; default: those of the terminal, or 80
    #[arg(long, value_name = "COLUMNS", value_parser = RangedU64ValueParser::<usize>::new().range(2..=10_000))]
    width: Option<usize>,
    /// No colours, also on a terminal
    #[arg(long)]
    no_color: bool,
    /// Show the data that is folded away: what the AI was given and answered, and what was read from photos
    #[arg(long)]
    unfold: bool,
}

/// Why nothing was printed.
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
    let pack = match &arguments.database {
        Some(database) => of_database(&arguments, database).await,
        None => of_file(&arguments.request),
    };
    match pack {
        Ok(pack) => {
            let story = report::story(
                &pack,
                Language::of(&arguments.language),
                &Terminal {
                    colours: Paint::of_stdout().is_on() && !arguments.no_color,
                    unfolded: arguments.unfold,
                    width: arguments.width.unwrap_or_else(terminal::columns),
                },
            );
            // A pager that was closed early has read enough.
            let _unread = std::io::stdout().write_all(story.as_bytes());
            ExitCode::SUCCESS
        }
        Err(Failure::Tampered(fault)) => {
            eprintln!("TAMPERED, so no story is told: {fault}");
            ExitCode::from(1)
        }
        Err(Failure::Other(error)) => {
            eprintln!("error: {}", said::all_of(&*error));
            ExitCode::from(2)
        }
    }
}

/// The pack of a file, if it verifies.
fn of_file(file: &str) -> Result<RequestPack, Failure> {
    let options = VerifyOptions::default();
    let json = pack_file::read(file.as_ref(), &options);
    let json = json.map_err(|error| format!("{file}: {error}"))?;
    match read_request_pack(&json, &options) {
        Ok((pack, _)) => Ok(pack),
        Err(error) if error.is_unusable() => Err(format!("{file}: {error}").into()),
        Err(fault) => Err(Failure::Tampered(fault)),
    }
}

/// The pack of a request as it is recorded.
async fn of_database(arguments: &Arguments, database: &str) -> Result<RequestPack, Failure> {
    let key = shared_key::redaction_key()?;
    let typed = arguments.request.trim();
    let request = key.request_id(typed).map_err(|error| format!("request {typed:?}: {error}"))?;
    let store = store::connect(&existing::only(database)).await?;
    let host = Host::new("story", env!("CARGO_PKG_VERSION"));
    let auditor = Auditor::builder(store.clone(), key).host(host).build();
    let profile = Profile::internal();
    let _progress = Progress::begin(1, "reading and redacting");
    // The environment says who runs this: a claim, and recorded as one.
    let by = std::env::var("USER").unwrap_or_else(|_| "story".to_owned());
    let pack = export_recorded(&auditor, &*store, &request, &profile, by).await;
    // Says that this writer has ended. What was recorded is durable already.
    auditor.shutdown(Duration::from_secs(10)).await.ok();
    store.close().await;
    Ok(pack?)
}
