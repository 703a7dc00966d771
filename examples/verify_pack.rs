//! Verifies exported packs, offline: no database, no key.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use moltbot_audit::pack::{BudgetVerdict, verify_request_pack};

/// Verify exported request packs: that nothing in them was changed, left out or added.
#[derive(Parser)]
#[command(
    after_help = "Exit code: 0 all verified, 1 one was tampered with, 2 none was, but one is no \
                        pack or cannot be read, 3 all verified, but one tells of a limit that was \
                        passed. The first fault of each is printed."
)]
struct Arguments {
    /// The packs; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Worse is greater: a file that cannot be read must not hide another that was tampered with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Verified,
    /// Nobody changed it: it is what happened that was not allowed.
    LimitPassed,
    Unusable,
    Tampered,
}

fn main() -> ExitCode {
    let files = Arguments::parse().files;
    let worst = files.iter().map(|file| verify(file)).max().unwrap_or(Verdict::Unusable);
    ExitCode::from(match worst {
        Verdict::Verified => 0,
        Verdict::Tampered => 1,
        Verdict::Unusable => 2,
        Verdict::LimitPassed => 3,
    })
}

fn verify(file: &Path) -> Verdict {
    let shown = file.display();
    let json = match read(file) {
        Ok(json) => json,
        Err(error) => {
            eprintln!("{shown}: cannot be read: {error}");
            return Verdict::Unusable;
        }
    };
    match verify_request_pack(&json) {
        Ok(pack) => {
            let (request, events, head) = (pack.request_id(), pack.events(), pack.head());
            let (hidden, head) = (pack.hidden(), head.chain_hash);
            say(&format!(
                "{shown}: verified: request {request}, {events} events, {hidden} values hidden, head \
                 {head}; {}",
                pack.budgets()
            ));
            match pack.budgets() {
                BudgetVerdict::Passed { .. } => Verdict::LimitPassed,
                _ => Verdict::Verified,
            }
        }
        Err(error) if error.is_unusable() => {
            eprintln!("{shown}: {error}");
            Verdict::Unusable
        }
        Err(error) => {
            say(&format!("{shown}: TAMPERED: {error}"));
            Verdict::Tampered
        }
    }
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file);
    }
    let mut json = Vec::new();
    std::io::stdin().read_to_end(&mut json)?;
    Ok(json)
}

fn say(line: &str) {
    // Where nobody reads on, the exit code still tells.
    let _unread = writeln!(std::io::stdout(), "{line}");
}
