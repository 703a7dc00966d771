//! Exports one request's pack from a database.

#[path = "shared/existing.rs"]
mod existing;
#[path = "shared/progress.rs"]
mod progress;
#[path = "shared/said.rs"]
mod said;
#[path = "shared/key.rs"]
mod shared_key;
#[path = "shared/signer.rs"]
mod signer;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use moltbot_audit::auditor::Host;
use moltbot_audit::event::Language;
use moltbot_audit::pack::{
    ExportError, PackSigner, RequestPack, Unchecked, VerifyOptions, export_recorded,
    verify_request_pack_with,
};
use moltbot_audit::reconcile::{ReconcileError, export_reconciled};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::{AuditStore as _, PostgresStore};
use moltbot_audit::{Auditor, RequestId, report, store};

use self::progress::Progress;

/// Export one request's pack. The export itself is recorded first.
#[derive(Parser)]
#[command(after_help = "Exit code: 0 exported, 1 exported but not intact, 2 not exported.\n\
                        MOLTBOT_AUDIT_KEY: the deployment's key for ids and pseudonyms, 64 hex digits.")]
struct Arguments {
    /// The audit database: `sqlite://path/to/file.sqlite` or `postgres://user@host/database`
    #[arg(long, value_name = "URL")]
    database: String,
    /// The request: its UUID, or the host's own name for it
    #[arg(long, value_name = "ID")]
    request: String,
    /// The reader that the pack is redacted for
    #[arg(long, value_enum, default_value_t = Reader::Internal)]
    profile: Reader,
    /// A word of the host that an external reader may see, such as `model=acme-1`; repeat the option for several
    #[arg(long, value_name = "FIELD=WORD", value_parser = word)]
    word: Vec<(String, String)>,
    /// Compare the request with the host's moltbot_* tables in the same database first, and say in the pack what was found
    #[arg(long)]
    compare: bool,
    /// A file with a signing key, as the example `keygen` makes it, to sign the pack with; repeat the option for several
    #[arg(long, value_name = "FILE")]
    signing_key: Vec<PathBuf>,
    /// Where to write the pack; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Where to write the pack as an HTML page that a person can read, and that verifies itself
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The language of that page: `en`, `fr` or `rw`
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = ["en", "fr", "rw"])]
    language: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reader {
    Internal,
    External,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(faults) => {
            for fault in &faults {
                eprintln!("warning: stored events were tampered with: {fault}");
            }
            ExitCode::from(u8::from(!faults.is_empty()))
        }
        Err(error) => {
            eprintln!("error: {}", said::all_of(&*error));
            ExitCode::from(2)
        }
    }
}

/// Exports the pack, and returns which stored events are not as they were recorded.
async fn run(arguments: &Arguments) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    // We check this first, because the export is recorded before the pack is written.
    check_destination(&arguments.out)?;
    if let Some(html) = &arguments.html {
        check_destination(html)?;
    }
    let signers = arguments.signing_key.iter().map(|file| signer::of_file(file));
    let signers: Vec<PackSigner> = signers.collect::<Result<_, _>>()?;
    let key = shared_key::redaction_key()?;
    let profile = match arguments.profile {
        Reader::External => Profile::external(&key),
        Reader::Internal => Profile::internal(),
    };
    let profile = arguments
        .word
        .iter()
        .fold(profile, |profile, (field, word)| profile.list_words(field, [word]));
    // Text that is pasted into a terminal often has a blank around it.
    let typed = arguments.request.trim();
    let request = key.request_id(typed).map_err(|error| format!("--request {typed:?}: {error}"))?;
    let progress = Progress::begin(3, "reading and redacting");
    let store = store::connect(&existing::only(&arguments.database)).await?;
    let host = Host::new("export_pack", env!("CARGO_PKG_VERSION"));
    let auditor = Auditor::builder(store.clone(), key).host(host).build();
    // The environment says who runs this: a claim, and recorded as one.
    let by = std::env::var("USER").unwrap_or_else(|_| "export_pack".to_owned());
    let pack = if arguments.compare {
        compared(&arguments.database, &auditor, &request, &profile, by).await
    } else {
        export_recorded(&auditor, &*store, &request, &profile, by)
            .await
            .map_err(ReconcileError::from)
    };
    // Says that this writer has ended. What was recorded is durable already.
    auditor.shutdown(Duration::from_secs(10)).await.ok();
    store.close().await;
    let mut pack = pack.map_err(|error| match error {
        ReconcileError::UnknownRequest { .. }
        | ReconcileError::Export(ExportError::UnknownRequest { .. }) => unknown(typed, &request),
        error => error.into(),
    })?;
    for signer in &signers {
        pack.sign(signer);
    }
    write(arguments, &pack, &signers, progress)
}

/// Writes what was exported, and returns which stored events are not as they were recorded.
fn write(
    arguments: &Arguments,
    pack: &RequestPack,
    signers: &[PackSigner],
    progress: Progress,
) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    progress.next("verifying");
    let json = pack.to_json_pretty();
    let trusted_keys = signers.iter().map(|signer| signer.verifier_key().clone()).collect();
    let options = VerifyOptions { trusted_keys, ..VerifyOptions::default() };
    let verified = verify_request_pack_with(json.as_bytes(), &options);
    progress.next("writing");
    let language = Language::of(&arguments.language);
    let page = arguments.html.as_ref().map(|file| (file, report::render(pack, language)));
    // Before anything is printed where its line is.
    drop(progress);
    if arguments.out == Path::new("-") {
        writeln!(std::io::stdout(), "{json}")?;
    } else {
        std::fs::write(&arguments.out, &json)
            .map_err(|error| format!("{}: {error}", arguments.out.display()))?;
        eprintln!("exported to {}", arguments.out.display());
    }
    if let Some((html, page)) = page {
        std::fs::write(html, page).map_err(|error| format!("{}: {error}", html.display()))?;
        eprintln!("page written to {}", html.display());
    }
    Ok(match verified {
        Ok(pack) => {
            let unchecked = pack.unchecked().iter();
            unchecked
                .filter(|what| matches!(what, Unchecked::SetAside(_)))
                .map(ToString::to_string)
                .collect()
        }
        Err(fault) => vec![fault.to_string()],
    })
}

/// Compares the request with the host's tables before it is exported.
async fn compared(
    database: &str,
    auditor: &Auditor,
    request: &RequestId,
    profile: &Profile,
    by: String,
) -> Result<RequestPack, ReconcileError> {
    let postgres = PostgresStore::connect(database).await?;
    let host = postgres.host_tables();
    let pack = export_reconciled(auditor, &postgres, &host, request, profile, by).await;
    postgres.close().await;
    pack
}

fn word(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(field, word)| !field.is_empty() && !word.is_empty());
    let (field, word) = parts.ok_or("a field, an equals sign and a word are needed")?;
    Ok((field.to_owned(), word.to_owned()))
}

fn check_destination(out: &Path) -> Result<(), String> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if out.is_dir() {
        Err(format!("{}: it is a folder", out.display()))
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        Err(format!("{}: its folder does not exist", out.display()))
    } else {
        Ok(())
    }
}

/// The error for an unknown request, with a hint. Under another key, a name gives another id.
fn unknown(typed: &str, request: &RequestId) -> Box<dyn std::error::Error> {
    let hint = match request.original() {
        Some(_) => format!(
            "this key makes it {request}; check the spelling, the key in MOLTBOT_AUDIT_KEY and the database; \
             the example find_requests lists what is there"
        ),
        None => "check the id and the database; the example find_requests lists what is there"
            .to_owned(),
    };
    format!("nothing is recorded of request {typed:?}: {hint}").into()
}
