//! Verifies exported packs, offline: no database, and no secret.

#[path = "shared/pack_file.rs"]
mod pack_file;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use moltbot_audit::pack::{
    SignatureFault, Unchecked, Verdict, VerifiedPack, VerifyError, VerifyOptions,
    verify_request_pack_with,
};
use moltbot_audit::proof::{KeyError, VerifierKey};

/// Verify exported packs: nothing in them was changed, left out or added.
#[derive(Parser)]
#[command(after_help = "\
Exit codes, the worst of all files:
  0  intact: everything was checked, and every limit was kept
  1  tampered with, or not signed by a key that --key names
  2  wrong arguments, or a file that cannot be read or is not a pack
  3  unchanged, but an effect in it was admitted beyond a limit
  4  unchanged, but something in it cannot be checked
  5  unchanged, but something in it ran while it was stopped, or while a human had taken over

Prints the first fault of each file, and everything that cannot be checked.")]
struct Arguments {
    /// The packs to verify; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The verifier key of someone whose signature counts: each pack must have one; repeat the option for several
    #[arg(long, value_name = "NAME+ID+BASE64")]
    key: Vec<String>,
    /// Largest pack that is read, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    max_mib: usize,
    /// Most events that a pack may hold
    #[arg(long, value_name = "COUNT", default_value_t = VerifyOptions::default().events_max)]
    max_events: usize,
}

/// The results, from best to worst. The worst one decides: a file that cannot be read must not hide
/// another that was tampered with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Intact,
    CannotBeChecked,
    /// The pack is unchanged, but an effect went beyond a limit.
    LimitPassed,
    /// The pack is unchanged, but something ran that was stopped.
    RanWhileStopped,
    Unusable,
    Tampered,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Not in clap's hands, which would print a signing key that was given by mistake.
    let keys = arguments.key.iter().map(|key| key.trim().parse());
    let trusted_keys: Vec<VerifierKey> = match keys.collect::<Result<_, KeyError>>() {
        Ok(keys) => keys,
        Err(error) => {
            eprintln!("error: --key: {error}");
            return ExitCode::from(2);
        }
    };
    let options = VerifyOptions {
        bytes_max: arguments.max_mib.saturating_mul(1 << 20),
        events_max: arguments.max_events,
        trusted_keys,
    };
    let outcomes = arguments.files.iter().map(|file| verify(file, &options));
    ExitCode::from(match outcomes.max().unwrap_or(Outcome::Unusable) {
        Outcome::Intact => 0,
        Outcome::Tampered => 1,
        Outcome::Unusable => 2,
        Outcome::LimitPassed => 3,
        Outcome::CannotBeChecked => 4,
        Outcome::RanWhileStopped => 5,
    })
}

fn verify(file: &Path, options: &VerifyOptions) -> Outcome {
    let shown = printable(&file.display().to_string());
    let json = match pack_file::read(file, options) {
        Ok(json) => json,
        Err(error) => {
            eprintln!("{shown}: cannot be read: {error}");
            return Outcome::Unusable;
        }
    };
    match verify_request_pack_with(&json, options) {
        Ok(pack) => tell(&shown, &pack),
        Err(error) if error.is_unusable() => {
            eprintln!("{shown}: {}", printable(&error.to_string()));
            Outcome::Unusable
        }
        // A signature that was taken away looks like one that never was.
        Err(VerifyError::Signature(
            fault @ (SignatureFault::Unsigned | SignatureFault::NotTrusted { .. }),
        )) => {
            say(&format!("{shown}: NOT SIGNED by anyone you named: {fault}"));
            Outcome::Tampered
        }
        Err(error) => {
            say(&format!("{shown}: TAMPERED: {error}"));
            Outcome::Tampered
        }
    }
}

fn tell(shown: &str, pack: &VerifiedPack) -> Outcome {
    let verdict = pack.verdict();
    let word = match verdict {
        Verdict::Intact | Verdict::LimitPassed | Verdict::RanWhileStopped => "verified",
        _ => "CANNOT BE CHECKED",
    };
    say(&format!(
        "{shown}: {word}: request {}, {} profile, {} events, {} values hidden, head {}; {}; {}; \
         people told of the AI: {}; {}",
        pack.request_id(),
        pack.profile().name,
        pack.events(),
        pack.hidden(),
        pack.head().chain_hash,
        pack.budgets(),
        pack.stops(),
        pack.ai_disclosure(),
        signers(pack)
    ));
    let unchecked = pack.unchecked().iter().map(ToString::to_string);
    for what in unchecked.chain(pack.remarks().iter().cloned()) {
        say(&format!("  {what}"));
    }
    if pack.unchecked().iter().any(|what| matches!(what, Unchecked::Withheld { .. })) {
        say(
            "  To check what is hidden, ask for a pack whose profile lists these words of the host: \
             Profile::list_words, or export_pack --word FIELD=WORD",
        );
    }
    match verdict {
        Verdict::Intact => Outcome::Intact,
        Verdict::LimitPassed => Outcome::LimitPassed,
        Verdict::RanWhileStopped => Outcome::RanWhileStopped,
        _ => Outcome::CannotBeChecked,
    }
}

fn signers(pack: &VerifiedPack) -> String {
    let named = pack.signed_by().iter().map(|key| format!("{}+{}", key.name(), key.id()));
    let named: Vec<_> = named.collect();
    if named.is_empty() {
        "not signed by anyone you named".to_owned()
    } else {
        format!("signed by {}", named.join(", "))
    }
}

/// A text without the characters that control a terminal.
fn printable(text: &str) -> String {
    let escaped =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

fn say(line: &str) {
    // If the output is closed, the exit code still tells the result.
    let _unread = writeln!(std::io::stdout(), "{}", printable(line));
}
