//! Signed packs: who signed them, and what is refused.

use std::process::Command;

use moltbot_audit::pack::{
    PackSigner, RequestPack, SignatureFault, Verdict, VerifiedPack, VerifyError, VerifyOptions,
    verify_request_pack, verify_request_pack_with,
};
use moltbot_audit::proof::{KeyError, NoteError, NoteSignature, VerifierKey};
use moltbot_audit::redact::Profile;
use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tempfile::TempDir;

use super::{export, story};
use crate::support::signing::{NAME, note, note_text, sign, signer, trusting};
use crate::support::stores;

async fn exported() -> RequestPack {
    let fresh = stores::sqlite().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let pack = export(&*fresh.store, &teller.request, &Profile::internal()).await;
    drop(fresh.keep);
    pack
}

pub(super) async fn signed_by(signers: &[&PackSigner]) -> Value {
    let mut pack = exported().await;
    for signer in signers {
        pack.sign(signer);
    }
    serde_json::from_str(&pack.to_json_pretty()).expect("JSON")
}

fn verify(pack: &Value, options: &VerifyOptions) -> Result<VerifiedPack, VerifyError> {
    verify_request_pack_with(pack.to_string().as_bytes(), options)
}

#[track_caller]
fn fault(pack: &Value, options: &VerifyOptions) -> SignatureFault {
    match verify(pack, options) {
        Err(error @ VerifyError::Signature(_)) => {
            assert!(!error.is_unusable());
            let said = error.to_string();
            assert!(said.chars().all(|c| !c.is_control()), "{said}");
            let VerifyError::Signature(fault) = error else { unreachable!() };
            fault
        }
        other => panic!("{other:?}"),
    }
}

/// The signature lines of a pack's note.
fn lines(pack: &Value) -> String {
    let note = pack["signed_note"].as_str().expect("a note");
    note.rsplit_once("\n\n").expect("signatures").1.to_owned()
}

fn with_lines(pack: &Value, lines: &str) -> Value {
    let mut pack = pack.clone();
    pack["signed_note"] = format!("{}\n{lines}", note_text(&pack)).into();
    pack
}

/// A signature line of this pack with other bytes.
fn line(pack: &Value, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let lines = lines(pack);
    let (_, data) = lines.trim_end().rsplit_once(' ').expect("a signature");
    let mut bytes = decode(data);
    change(&mut bytes);
    format!("— {NAME} {}\n", encode(&bytes))
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test]
async fn a_signed_pack_says_by_whom() {
    let pack = signed_by(&[&signer(1)]).await;
    let verified = verify(&pack, &trusting([&signer(1)])).expect("it is signed");
    assert_eq!(verified.signed_by(), [signer(1).verifier_key().clone()]);
    assert_eq!(verified.verdict(), Verdict::Intact);

    // Without a key nobody vouches for it, which is no fault.
    let verified = verify(&pack, &VerifyOptions::default()).expect("it is unchanged");
    assert!(verified.signed_by().is_empty());
    assert_eq!(verified.verdict(), Verdict::Intact);
}

#[tokio::test]
async fn a_signature_outlives_white_space_and_another_order_of_members() {
    let mut pack = exported().await;
    pack.sign(&signer(1));
    let pretty = pack.to_json_pretty();
    let value: Value = serde_json::from_str(&pretty).expect("JSON");
    let members = value.as_object().expect("an object").iter().rev();
    let members: Vec<_> =
        members.map(|(name, member)| format!("{}: {member}", json!(name))).collect();
    let reversed = format!("{{ {} }}", members.join(" ,\n\t"));
    for text in [pretty, value.to_string(), reversed] {
        let verified = verify_request_pack_with(text.as_bytes(), &trusting([&signer(1)]));
        assert_eq!(verified.expect("the same pack").signed_by().len(), 1);
    }
}

#[tokio::test]
async fn during_a_rotation_a_pack_is_signed_with_both_keys() {
    let (old, new) = (signer(1), signer(2));
    let pack = signed_by(&[&old, &new]).await;
    for (trusted, named) in [(vec![&old], 1), (vec![&new], 1), (vec![&new, &old, &signer(3)], 2)] {
        let options = trusting(trusted);
        let verified = verify(&pack, &options).expect("a trusted key signed it");
        assert_eq!(verified.signed_by().len(), named);
        assert!(verified.signed_by().iter().all(|key| options.trusted_keys.contains(key)));
    }
    let said = fault(&pack, &trusting([&signer(3)]));
    let named = [&old, &new].map(|key| format!("{NAME}+{}", key.verifier_key().id()));
    assert_eq!(said, SignatureFault::NotTrusted { claimed: named.to_vec() });
}

#[tokio::test]
async fn a_key_that_signs_twice_has_one_signature() {
    let pack = signed_by(&[&signer(1), &signer(2), &signer(1)]).await;
    assert_eq!(lines(&pack).lines().count(), 2);
}

#[tokio::test]
async fn signatures_of_what_the_host_changed_since_are_dropped() {
    let mut pack = exported().await;
    pack.sign(&signer(1));
    pack.events.pop();
    pack.sign(&signer(2));
    let note = pack.signed_note.expect("it is signed");
    let ids: Vec<_> = note.signatures().iter().map(NoteSignature::id).collect();
    assert_eq!(ids, [signer(2).verifier_key().id()]);
}

#[tokio::test]
async fn a_note_of_another_pack_is_refused_with_and_without_a_key() {
    let (mut one, other) = (signed_by(&[&signer(1)]).await, signed_by(&[&signer(1)]).await);
    one["signed_note"] = other["signed_note"].clone();
    for options in [VerifyOptions::default(), trusting([&signer(1)])] {
        assert_eq!(fault(&one, &options), SignatureFault::OtherPack);
    }
}

#[tokio::test]
async fn what_is_found_without_a_signature_is_named_before_it() {
    let mut pack = signed_by(&[&signer(1)]).await;
    pack["events"][1]["header"]["actor"] = json!("admin");
    let error = verify(&pack, &trusting([&signer(1)])).expect_err("it was changed");
    assert!(matches!(error, VerifyError::Event { seq: 2, .. }), "{error}");
}

#[tokio::test]
async fn a_malformed_note_is_refused_and_named() {
    let pack = signed_by(&[&signer(1)]).await;
    let text = note_text(&pack);
    let good = lines(&pack);
    let data = good.trim_end().rsplit_once(' ').expect("a signature").1.to_owned();
    let signature = |line| NoteError::Signature { line };
    let malformed = [
        (String::new(), NoteError::Unsigned),
        ("\n".into(), NoteError::Unsigned),
        (text.clone(), NoteError::Unsigned),
        (format!("{text}\n"), NoteError::Unsigned),
        (format!("{text}{good}"), NoteError::Unsigned),
        (format!("{text}\n{good}\n"), NoteError::Unsigned),
        (format!("{text}\n{}", good.trim_end()), signature(1)),
        (format!("{text}\n{good}{good}x\n"), signature(3)),
        (format!("{text}\n{good}— {NAME} {data}=\n"), signature(2)),
        (format!("{text}\n— {NAME}  {data}\n"), signature(1)),
        (format!("{text}\n-- {NAME} {data}\n"), signature(1)),
        (format!("{text}\n—{NAME} {data}\n"), signature(1)),
        (format!("{text}\n— {data}\n"), signature(1)),
        (format!("{text}\n— audit+packs {data}\n"), signature(1)),
        (format!("{text}\n— audit\u{a0}packs {data}\n"), signature(1)),
        (format!("{text}\n— audit\u{2003}packs {data}\n"), signature(1)),
        (format!("{text}\n—  {data}\n"), signature(1)),
        (format!("{text}\n— {NAME} {data} \n"), signature(1)),
        (format!("{text}\n— {NAME} \n"), signature(1)),
        (format!("{text}\n— {NAME} AAAA\n"), signature(1)),
        (format!("{text}\n— {NAME} AAAAAA==\n"), signature(1)),
        (format!("{text}\n— {NAME} {}\n", data.replace('+', "-").replace('/', "_")), signature(1)),
        (format!("{text}\n{good}").replace('\n', "\r\n"), NoteError::ControlCharacter),
        (format!("{text}\t\n{good}"), NoteError::ControlCharacter),
        (format!("{text}\n{good}\0"), NoteError::ControlCharacter),
        (format!("{text}\n{}", good.repeat(101)), NoteError::TooLong),
        (format!("{text}\n— {NAME} {}\n", "A".repeat(1 << 20)), NoteError::TooLong),
    ];
    for (note, expected) in malformed {
        let mut pack = pack.clone();
        // Some keys have neither a plus nor a slash in their signatures.
        if note == format!("{text}\n{good}") {
            continue;
        }
        pack["signed_note"] = note.clone().into();
        for options in [VerifyOptions::default(), trusting([&signer(1)])] {
            match verify(&pack, &options).expect_err("it is malformed") {
                VerifyError::Signature(SignatureFault::Malformed(error)) => {
                    assert_eq!(error, expected, "{note:?}");
                }
                // Too long to be looked at.
                VerifyError::Malformed { place, .. } => {
                    assert!(place == "signed_note" && note.len() > 1 << 20, "{note:?}");
                }
                other => panic!("{note:?}: {other}"),
            }
        }
    }
    for no_text in [json!(null), json!(7), json!([pack["signed_note"]]), json!({})] {
        let mut pack = pack.clone();
        pack["signed_note"] = no_text;
        let error = verify(&pack, &VerifyOptions::default()).expect_err("it is no text");
        assert!(matches!(&error, VerifyError::Malformed { place, .. } if place == "signed_note"));
    }
}

#[tokio::test]
async fn a_second_note_is_refused_wherever_it_stands() {
    let pack = signed_by(&[&signer(1)]).await;
    let note = pack["signed_note"].to_string();
    let json = pack.to_string();
    for twice in [
        json.replacen('{', &format!("{{\"signed_note\":{note},"), 1),
        json.replacen('{', &format!("{{\"signed\\u005fnote\":{note},"), 1),
        format!("{},\"signed_note\":null}}", json.strip_suffix('}').expect("an object")),
    ] {
        let verified = verify_request_pack_with(twice.as_bytes(), &trusting([&signer(1)]));
        let error = verified.expect_err("a reader may take either");
        assert!(error.to_string().contains("occurs twice"), "{error}");
    }
    let mut inside = pack.clone();
    inside["integrity"]["signed_note"] = pack["signed_note"].clone();
    verify(&inside, &trusting([&signer(1)])).expect_err("the schema has none there");
}

#[tokio::test]
async fn signatures_by_unknown_keys_are_ignored() {
    let pack = signed_by(&[&signer(1)]).await;
    let good = lines(&pack);
    // Another name, another id, another type of signature.
    let other_name = good.replace(NAME, "audit.example.org/packs");
    let other_id = line(&pack, |bytes| bytes[0] ^= 1);
    let other_type = line(&pack, |bytes| {
        bytes[3] ^= 1;
        bytes.resize(2_424, 0);
    });
    let strangers = format!("{other_name}{other_id}{other_type}— x AAAAAAA=\n");
    let trusted = trusting([&signer(1)]);
    for lines in [format!("{strangers}{good}"), format!("{good}{strangers}")] {
        let verified = verify(&with_lines(&pack, &lines), &trusted).expect("one is trusted");
        assert_eq!(verified.signed_by().len(), 1);
    }
    let said = fault(&with_lines(&pack, &strangers), &trusted);
    assert!(matches!(said, SignatureFault::NotTrusted { claimed } if claimed.len() == 4));
}

#[tokio::test]
async fn a_forged_signature_in_a_trusted_name_is_refused_beside_a_good_one() {
    let pack = signed_by(&[&signer(1)]).await;
    let good = lines(&pack);
    let by_another = lines(&signed_by(&[&signer(2)]).await);
    let other_data = decode(by_another.trim_end().rsplit_once(' ').expect("a signature").1);
    let forged = [
        // One bit, anywhere in it.
        line(&pack, |bytes| bytes[4] ^= 1),
        line(&pack, |bytes| bytes[67] ^= 0x40),
        line(&pack, |bytes| bytes.push(0)),
        line(&pack, |bytes| bytes.truncate(67)),
        // R and S of low order: the neutral element, and nothing.
        line(&pack, |bytes| {
            bytes[4..].fill(0);
            bytes[4] = 1;
        }),
        // Another key's signature in this one's name.
        line(&pack, |bytes| bytes[4..].copy_from_slice(&other_data[4..])),
        // The same signature in a second form, which lax verifiers accept: S + L.
        line(&pack, |bytes| add_order(&mut bytes[36..])),
    ];
    for forged in forged {
        assert_ne!(forged, good);
        for lines in [forged.clone(), format!("{good}{forged}"), format!("{forged}{good}")] {
            let pack = with_lines(&pack, &lines);
            let said = fault(&pack, &trusting([&signer(1)]));
            let id = signer(1).verifier_key().id();
            assert_eq!(said, SignatureFault::Forged { name: NAME.to_owned(), id });
            // Who trusts another key only does not care.
            let said = fault(&pack, &trusting([&signer(2)]));
            assert!(matches!(said, SignatureFault::NotTrusted { .. }));
        }
    }
    let twice = with_lines(&pack, &good.repeat(2));
    let verified = verify(&twice, &trusting([&signer(1)])).expect("both are good");
    assert_eq!(verified.signed_by().len(), 1);
}

/// Adds the order of the group to a number, the lowest byte first.
fn add_order(number: &mut [u8]) {
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, add) in number.iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

#[tokio::test]
async fn a_trusted_key_wants_a_signature() {
    let mut pack = signed_by(&[&signer(1)]).await;
    pack.as_object_mut().expect("an object").remove("signed_note");
    assert_eq!(fault(&pack, &trusting([&signer(1)])), SignatureFault::Unsigned);
    verify_request_pack(pack.to_string().as_bytes()).expect("nobody was asked for");
}

#[tokio::test]
async fn another_program_accepts_the_notes_and_ours_accepts_its() {
    let (one, two) = (signer(1), signer(2));
    let pack = signed_by(&[&one, &two]).await;
    let key = |signer: &PackSigner| {
        StandardVerifier::new(&signer.verifier_key().to_string()).expect("a verifier key")
    };
    let written = pack["signed_note"].as_str().expect("a note");
    let read = Note::from_bytes(written.as_bytes()).expect("a signed note");
    assert_eq!(read.text(), note_text(&pack).as_bytes());
    let known = VerifierList::new(vec![Box::new(key(&one)), Box::new(key(&two))]);
    let (verified, unverified) = read.verify(&known).expect("both signed it");
    assert_eq!((verified.len(), unverified.len()), (2, 0));
    assert_eq!(read.to_bytes(), written.as_bytes());

    let mut other = pack.clone();
    sign(&mut other, &one);
    verify(&other, &trusting([&one])).expect("another program signed it");
    let again = signed_by(&[&one]).await;
    // Ed25519 has one signature for each text and key.
    assert_eq!(again["signed_note"], note(&note_text(&again), &one));
}

/// Node.js has OpenSSL's Ed25519, and the program has a canonical form of its own.
#[tokio::test]
async fn a_program_that_knows_only_the_specifications_verifies_the_signature() {
    let pack = signed_by(&[&signer(1), &signer(2)]).await;
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("pack.json");
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/independent/verify_signature.mjs");
    let run = |pack: &Value, signer: &PackSigner| {
        std::fs::write(&file, pack.to_string()).expect("a file");
        let key = signer.verifier_key().to_string();
        let output = Command::new("node").arg(program).arg(&file).arg(key).output();
        let output = output.expect("Node.js 18 or later is needed: ./scripts/test installs it");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        (output.status.success(), String::from_utf8(output.stdout).expect("UTF-8"), said)
    };
    for signer in [signer(1), signer(2)] {
        let (is_right, text, said) = run(&pack, &signer);
        assert!(is_right, "{said}");
        assert_eq!(text, note_text(&pack));
    }
    let (is_right, _, said) = run(&pack, &signer(3));
    assert!(!is_right && said.contains("the key signed it"), "{said}");
    let mut changed = pack.clone();
    changed["events"][0]["recorded_at"] = json!(1);
    let (is_right, _, said) = run(&changed, &signer(1));
    assert!(!is_right && said.contains("about this pack"), "{said}");
}

#[test]
fn a_signing_key_is_in_no_error_and_no_debug() {
    let signer = signer(1);
    let text = signer.to_signing_key();
    let secret = text.rsplit_once('+').expect("three parts").1;
    assert_eq!(decode(secret), [&[1][..], &[1; 32]].concat());
    let told = format!("{signer:?}");
    assert!(told.contains(NAME) && !told.contains(secret) && !told.contains("1, 1"), "{told}");
    for damaged in [
        text.replace("audit", "adit"),
        text.replace("PRIVATE+KEY+", ""),
        text.replace('+', " "),
        format!("{}=", *text),
        text.replace(secret, &secret[1..]),
    ] {
        let error = PackSigner::from_signing_key(&damaged).expect_err("it is damaged");
        let told = format!("{error} {error:?}");
        assert!(!told.contains(&secret[8..20]), "{told}");
    }
    // Given where the public key is expected.
    assert_eq!(text.parse::<VerifierKey>(), Err(KeyError::Secret));
    assert!(!KeyError::Secret.to_string().contains(secret));
}
