//! Exports one request's pack from a database.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use moltbot_audit::auditor::{Entropy, OsEntropy};
use moltbot_audit::pack::{VerifyError, export_recorded, verify_request_pack};
use moltbot_audit::redact::{Profile, RedactionKey};
use moltbot_audit::{Auditor, RequestId, store};

/// Export one request's pack. The export itself is recorded first.
#[derive(Parser)]
#[command(after_help = "Exit code: 0 exported, 1 exported and does not verify, 2 not exported.\n\
                        MOLTBOT_AUDIT_KEY: the deployment's key for pseudonyms, 64 hex digits.")]
struct Arguments {
    /// Where it is recorded: `sqlite://path/to/file.sqlite` or `postgres://user@host/database`
    #[arg(long, value_name = "URL")]
    database: String,
    /// The request, by its UUID or by the host's own name for it
    #[arg(long, value_name = "ID")]
    request: String,
    /// Whom the pack is redacted for
    #[arg(long, value_enum, default_value_t = Reader::Internal)]
    profile: Reader,
    /// Where the pack goes; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reader {
    Internal,
    External,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(fault) => {
            if let Some(fault) = &fault {
                eprintln!("warning: what is stored was tampered with: {fault}");
            }
            ExitCode::from(u8::from(fault.is_some()))
        }
        Err(error) => {
            let causes = std::iter::successors(Some(&*error), |error| (*error).source());
            let said: Vec<_> = causes.map(ToString::to_string).collect();
            eprintln!("error: {}", said.join(": "));
            ExitCode::from(2)
        }
    }
}

/// Exports, and returns why the pack does not verify, if so.
async fn run(arguments: &Arguments) -> Result<Option<VerifyError>, Box<dyn std::error::Error>> {
    // First, because the export is recorded before it is written.
    check_destination(&arguments.out)?;
    let key = redaction_key()?;
    let profile = match arguments.profile {
        Reader::External => Profile::external(&key),
        Reader::Internal => Profile::internal(),
    };
    let request = RequestId::from_host(&arguments.request);
    let store = store::connect(&existing(&arguments.database)).await?;
    let auditor = Auditor::builder(store.clone(), key).build();
    let pack = export_recorded(&auditor, &*store, &request, &profile, "export_pack").await;
    store.close().await;
    let json = pack?.to_json_pretty();
    if arguments.out == Path::new("-") {
        writeln!(std::io::stdout(), "{json}")?;
    } else {
        std::fs::write(&arguments.out, &json)
            .map_err(|error| format!("{}: {error}", arguments.out.display()))?;
        eprintln!("exported to {}", arguments.out.display());
    }
    Ok(verify_request_pack(json.as_bytes()).err())
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

/// Opening would create an empty database: an export wants one that is there.
fn existing(url: &str) -> Cow<'_, str> {
    if url.starts_with("sqlite:") && !url.contains('?') {
        format!("{url}?mode=rw").into()
    } else {
        url.into()
    }
}

fn redaction_key() -> Result<RedactionKey, Box<dyn std::error::Error>> {
    if let Ok(hex) = std::env::var("MOLTBOT_AUDIT_KEY") {
        let key = RedactionKey::from_hex(&hex);
        return key.ok_or_else(|| "MOLTBOT_AUDIT_KEY is not 64 hex digits".into());
    }
    eprintln!("MOLTBOT_AUDIT_KEY is not set: pseudonyms hold within this pack only");
    let mut bytes = [0; 32];
    OsEntropy.fill(&mut bytes)?;
    Ok(RedactionKey::from_bytes(bytes))
}
