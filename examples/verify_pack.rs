//! Verifies exported packs, offline: no database, no key.
#![allow(clippy::print_stdout, reason = "the verdict is the program's output")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use moltbot_audit::pack::verify_request_pack;

/// Verify exported request packs: that nothing in them was changed, left out or added.
#[derive(Parser)]
#[command(after_help = "Exit code: 0 all verified, 1 one was tampered with, 2 one is no pack or \
                        cannot be read. The first fault of each is printed.")]
struct Arguments {
    /// The packs
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Worse is greater: what cannot be read says nothing about tampering.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Verified = 0,
    Tampered = 1,
    Unusable = 2,
}

fn main() -> ExitCode {
    let files = Arguments::parse().files;
    let worst = files.iter().map(|file| verify(file)).max().unwrap_or(Verdict::Unusable);
    ExitCode::from(worst as u8)
}

fn verify(file: &Path) -> Verdict {
    let shown = file.display();
    let json = match std::fs::read(file) {
        Ok(json) => json,
        Err(error) => {
            eprintln!("{shown}: cannot be read: {error}");
            return Verdict::Unusable;
        }
    };
    match verify_request_pack(&json) {
        Ok(pack) => {
            let (request, events, head) = (pack.request_id(), pack.events(), pack.head());
            println!(
                "{shown}: verified: request {request}, {events} events, head {}",
                head.chain_hash
            );
            Verdict::Verified
        }
        Err(error) if error.is_unusable() => {
            eprintln!("{shown}: {error}");
            Verdict::Unusable
        }
        Err(error) => {
            println!("{shown}: TAMPERED: {error}");
            Verdict::Tampered
        }
    }
}
