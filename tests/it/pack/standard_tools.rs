//! `docs/check_pack.sh`: a pack is checked with a shell, jq, sha256sum and openssl, and nothing of ours.

use std::path::Path;
use std::process::Command;

use moltbot_audit::pack::PackSigner;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::signatures::signed_by;
use crate::support::forger::Forger;
use crate::support::signing::signer;

/// What the script says of a pack, and whether it found it right.
fn check(pack: &Value, key: Option<&PackSigner>) -> (bool, String) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("pack.json");
    std::fs::write(&file, pack.to_string()).expect("a file");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check_pack.sh");
    let mut bash = Command::new("bash");
    bash.arg(script).arg(file).args(key.map(|key| key.verifier_key().to_string()));
    let output = bash.output().expect("bash and jq are needed: ./scripts/test installs them");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).expect("UTF-8"))
}

#[tokio::test]
async fn standard_tools_find_what_is_wrong_with_hashes_chain_head_and_signature() {
    let (one, two) = (signer(1), signer(2));
    let pack = signed_by(&[&two, &one]).await;
    let events = pack["events"].as_array().expect("a list").len();
    let head = pack["integrity"]["head"]["chain_hash"].as_str().expect("a hash");
    let right = format!("{events} event hashes, and a chain of {events} events with head {head}\n");
    assert_eq!(check(&pack, None), (true, right.clone()));
    let name = one.verifier_key().to_string();
    let (name, _) = name.rsplit_once('+').expect("three parts");
    assert_eq!(check(&pack, Some(&one)), (true, format!("{right}signed by {name}\n")));

    let mut aside = Forger::of(&pack);
    aside.set_aside(1, "unreadable");
    let (is_right, said) = check(&aside.resealed(), None);
    assert!(is_right && said.starts_with(&format!("{} event hashes", events - 1)), "{said}");

    let (is_right, said) = check(&pack, Some(&signer(3)));
    assert!(!is_right && said.contains("it is signed by "), "{said}");
    let changed = |pointer: &str, value: Value| {
        let mut pack = pack.clone();
        *pack.pointer_mut(pointer).expect("a place") = value;
        pack
    };
    let hash = pack["events"][0]["chain_hash"].clone();
    let last = json!(&pack["events"].as_array().expect("a list")[..events - 1]);
    for (place, value, fault) in [
        ("/events/1/header/outcome", json!("failed"), "event 2 has the hash of its header"),
        ("/events/1/input/commitment", hash.clone(), "event 2 has the hash of its header"),
        ("/events/1/recorded_at", pack["events"][0]["recorded_at"].clone(), "event 2 follows from"),
        ("/events/1/chain_hash", hash, "event 2 follows from"),
        ("/events/1/seq", json!(3), "event 2 is there"),
        ("/request_id", pack["events"][0]["header"]["id"].clone(), "event 1 is of this request"),
        ("/events", last, "the head is that of the last event"),
        ("/profile/name", json!("external"), "the signed text is about this pack"),
    ] {
        let (is_right, said) = check(&changed(place, value), Some(&one));
        assert!(!is_right && said.contains(fault), "{place}: {said}");
    }
    let note = pack["signed_note"].as_str().expect("a note");
    let note = changed("/signed_note", json!(note.replacen("head ", "head 1", 1)));
    let (is_right, said) = check(&note, Some(&one));
    assert!(!is_right && said.contains("signed this text"), "{said}");
}
