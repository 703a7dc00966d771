//! Keys, signed exports, and verifying with a key.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Played, Said, read, run};

/// A signing key in a file of its own, and its verifier key.
fn key(folder: &Path, name: &str) -> (PathBuf, String) {
    let file = folder.join(name);
    let path = file.to_str().expect("UTF-8");
    let said = run("keygen", ["--name", "audit.example.com/packs", "--out", path]).expect(0);
    let verifier = said.out.trim_end().to_owned();
    assert_eq!(read(&folder.join(format!("{name}.pub"))), format!("{verifier}\n"));
    assert_keeps_secret(&read(&file), &said);
    (file, verifier)
}

/// No part of the signing key is in what a program says.
fn assert_keeps_secret(signing_key: &str, said: &Said) {
    assert!(signing_key.starts_with("PRIVATE+KEY+audit.example.com/packs+"));
    let secret = signing_key.trim_end().splitn(5, '+').last().expect("the secret part");
    assert!(!format!("{said:?}").contains(&secret[4..16]), "{said:?}");
}

fn signed(played: &Played, keys: &[&PathBuf]) -> PathBuf {
    let file = played.folder.path().join("signed.json");
    let mut arguments = vec!["--request", &played.request, "--out", file.to_str().expect("UTF-8")];
    for key in keys {
        arguments.extend(["--signing-key", key.to_str().expect("UTF-8")]);
    }
    let said = played.export(&arguments).expect(0);
    for key in keys {
        assert_keeps_secret(&read(key), &said);
    }
    file
}

#[test]
fn a_pack_is_signed_and_verified_with_keys_from_files() {
    let played = Played::new();
    let (old_file, old) = key(played.folder.path(), "old.key");
    let (new_file, new) = key(played.folder.path(), "new.key");
    assert_ne!(old, new);
    let pack = signed(&played, &[&old_file, &new_file]);
    let pack = pack.to_str().expect("UTF-8");
    // The last part may hold plus signs itself.
    let named = |key: &str| key.splitn(3, '+').take(2).collect::<Vec<_>>().join("+");
    let said = run("verify_pack", ["--key", &new, pack]).expect(0);
    assert!(said.out.ends_with(&format!("; signed by {}\n", named(&new))), "{said:?}");
    let said = run("verify_pack", ["--key", &new, "--key", &format!(" {old}\n"), pack]).expect(0);
    assert!(said.out.contains(&named(&old)) && said.out.contains(&named(&new)), "{said:?}");
    let said = run("verify_pack", [pack]).expect(0);
    assert!(said.out.ends_with("; not signed by anyone you named\n"), "{said:?}");
}

#[test]
fn the_concierge_signs_what_it_exports() {
    let folder = TempDir::new().expect("a folder");
    let (file, verifier) = key(folder.path(), "concierge.key");
    let out = folder.path().join("signed");
    let database = format!("sqlite://{}", folder.path().join("signed.sqlite").display());
    let (out, file) = (out.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    let arguments = ["--database", &database, "--out", out, "--signing-key", file];
    let said = run("concierge", arguments).expect(0);
    assert_keeps_secret(&read(&PathBuf::from(file)), &said);
    let told = "people told of the AI: delivered before the first message of the AI, or with it";
    assert_eq!(said.out.matches(told).count(), 2, "{said:?}");
    let request = fs::read_dir(out).expect("a folder").next().expect("a request").expect("listed");
    for reader in ["internal", "external"] {
        let pack = request.path().join(format!("pack.{reader}.json"));
        let pack = pack.to_str().expect("UTF-8");
        run("verify_pack", ["--key", &verifier, pack]).expect(0);
    }
}

#[test]
fn with_a_key_every_other_pack_fails() {
    let played = Played::new();
    let (old_file, _) = key(played.folder.path(), "old.key");
    let (_, new) = key(played.folder.path(), "new.key");
    let pack = signed(&played, &[&old_file]);
    let said = run("verify_pack", ["--key", &new, pack.to_str().expect("UTF-8")]).expect(1);
    assert!(said.out.contains("NOT SIGNED by anyone you named: it is not signed by a trusted key"));
    let unsigned = played.pack("internal");
    let said = run("verify_pack", ["--key", &new, unsigned.to_str().expect("UTF-8")]).expect(1);
    assert!(said.out.contains("NOT SIGNED by anyone you named: it is not signed\n"), "{said:?}");
}

#[test]
fn keys_that_cannot_be_used_are_refused_without_being_shown() {
    let played = Played::new();
    let (file, verifier) = key(played.folder.path(), "a.key");
    let signing_key = read(&file);
    let pack = played.pack("internal");
    let pack = pack.to_str().expect("UTF-8");
    for (given, why) in [
        (signing_key.trim_end(), "this is a signing key, which is secret"),
        ("audit.example.com/packs", "NAME+ID+BASE64"),
        (verifier.replace("audit", "adit").as_str(), "a part was changed"),
    ] {
        let said = run("verify_pack", ["--key", given, pack]).expect(2);
        assert!(said.err.contains(why) && said.out.is_empty(), "{said:?}");
        assert_keeps_secret(&signing_key, &said);
    }
    let exports = || {
        let said = played.export(&["--request", &played.request]).expect(0);
        said.out.matches("\"event_type\": \"pack.exported\"").count()
    };
    let before = exports();
    let damaged = played.file("damaged.key", &signing_key.replacen("audit", "adit", 1));
    let public = played.folder.path().join("a.key.pub");
    for (key, why) in [
        (damaged, "a part was changed"),
        (public, "no signing key"),
        (played.folder.path().join("none.key"), "No such file"),
    ] {
        let key = key.to_str().expect("UTF-8");
        let said = played.export(&["--request", &played.request, "--signing-key", key]).expect(2);
        assert!(said.err.contains(why) && said.err.contains(key), "{said:?}");
        assert_keeps_secret(&signing_key, &said);
    }
    assert_eq!(exports(), before + 1, "an export that could not be signed was not recorded");
}

#[test]
fn key_files_are_private_and_never_overwritten() {
    let played = Played::new();
    let (file, _) = key(played.folder.path(), "a.key");
    #[cfg(unix)]
    for name in ["a.key", "a.key.pub"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(played.folder.path().join(name)).expect("a file").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    let keygen = |name: &str, out: &str| {
        let out = played.folder.path().join(out);
        run("keygen", ["--name", name, "--out", out.to_str().expect("UTF-8")]).expect(2)
    };
    let before = read(&file);
    keygen("b", "a.key");
    fs::remove_file(played.folder.path().join("a.key.pub")).expect("our own file");
    keygen("b", "a.key");
    assert_eq!(read(&file), before);
    assert!(!played.folder.path().join("a.key.pub").exists(), "half a pair is not left");
    for name in ["", "a b", "a+b"] {
        assert!(keygen(name, "c.key").err.contains("a key's name has"));
    }
    assert!(!played.folder.path().join("c.key").exists());
}
