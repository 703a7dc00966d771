//! Makes a key pair with which packs are signed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use moltbot_audit::auditor::{Entropy, OsEntropy};
use moltbot_audit::pack::PackSigner;
use zeroize::Zeroizing;

/// Make a key pair that signs packs, and print the verifier key, which is public.
#[derive(Parser)]
#[command(after_help = "\
Exit code: 0 made, 2 not made.

FILE holds the signing key, which is secret, and FILE.pub the verifier key. Only you can read them. No file is
overwritten. docs/keys.md says where to keep them.")]
struct Arguments {
    /// Who signs: a name of your own, such as `audit.example.com/packs`
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where to write the signing key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut seed = Zeroizing::new([0; 32]);
    OsEntropy.fill(&mut *seed)?;
    let signer = PackSigner::from_seed(&arguments.name, &seed)
        .map_err(|error| format!("--name {:?}: {error}", arguments.name))?;
    let verifier_key = signer.verifier_key().to_string();
    let mut public = arguments.out.clone().into_os_string();
    public.push(".pub");
    let public = PathBuf::from(public);
    // Both files are there before either holds a key.
    let mut public_file = create(&public)?;
    let mut secret_file = create(&arguments.out).inspect_err(|_| {
        let _left = std::fs::remove_file(&public);
    })?;
    write(&mut secret_file, &arguments.out, &signer.to_signing_key())?;
    write(&mut public_file, &public, &verifier_key)?;
    eprintln!("signing key (secret): {}", arguments.out.display());
    eprintln!("verifier key (public): {}", public.display());
    writeln!(std::io::stdout(), "{verifier_key}")?;
    Ok(())
}

/// A file that was not there before, and that no one else can read.
fn create(path: &Path) -> Result<File, String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(file: &mut File, path: &Path, line: &str) -> Result<(), String> {
    let written = file
        .write_all(line.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all());
    written.map_err(|error| format!("{}: {error}", path.display()))
}
