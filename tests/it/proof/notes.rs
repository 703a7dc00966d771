//! Keys and notes: the text forms of Go's `sumdb/note`, and the same notes that another program accepts.

use moltbot_audit::pack::PackSigner;
use moltbot_audit::proof::{KeyError, KeyId, SignedNote, VerifierKey};
use proptest::prelude::*;
use proptest::sample::Index;
use signed_note::Note;

use crate::support::signing::{NAME, note, signer};

/// The key pair of the documentation of Go's `sumdb/note`.
const SIGNING: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[test]
fn keys_are_read_and_written_as_go_has_them() {
    let signer = PackSigner::from_signing_key(SIGNING).expect("a key of Go's");
    assert_eq!(*signer.to_signing_key(), SIGNING);
    assert_eq!(signer.verifier_key().to_string(), VERIFIER);
    let key: VerifierKey = VERIFIER.parse().expect("a key of Go's");
    assert_eq!(&key, signer.verifier_key());
    assert_eq!(key.id(), KeyId::from_bytes([0xc7, 0x4f, 0x20, 0xa3]));
    // Go reads capitals as well.
    assert_eq!(VERIFIER.replace("c74f20a3", "C74F20A3").parse(), Ok(key));
}

/// RFC 8032, section 7.1, test 1.
#[test]
fn public_keys_are_those_of_the_rfc() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let bytes = |hex: &str| -> [u8; 32] {
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex"))
    };
    let signer = PackSigner::from_seed(NAME, &bytes(seed)).expect("a name");
    let text = signer.verifier_key().to_string();
    assert_eq!(text, text_of(NAME, &bytes(public)));
}

/// The text of a public key, put together by hand.
fn text_of(name: &str, public: &[u8; 32]) -> String {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};
    let typed = [&[1], &public[..]].concat();
    let hash = Sha256::digest([name.as_bytes(), b"\n", &typed].concat());
    let id = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    format!("{name}+{id:08x}+{}", base64::engine::general_purpose::STANDARD.encode(typed))
}

#[test]
fn names_that_no_key_can_have_are_refused() {
    let long = "n".repeat(256);
    for name in
        ["", "a+b", "a b", "a\u{a0}b", "a\u{3000}b", "a\nb", "a\tb", "a\u{7f}b", "a\0", &long]
    {
        assert_eq!(PackSigner::from_seed(name, &[1; 32]).err(), Some(KeyError::Name), "{name:?}");
        let text = text_of(name, &[1; 32]);
        assert!(text.parse::<VerifierKey>().is_err(), "{name:?}");
    }
    for name in ["a", "audit.example.com/packs-2026", "révision", &long[1..]] {
        PackSigner::from_seed(name, &[1; 32]).expect("a name");
    }
}

#[test]
fn what_is_no_verifier_key_is_refused_with_the_reason() {
    let (name, rest) = VERIFIER.split_once('+').expect("a name");
    let (id, data) = rest.split_once('+').expect("an id");
    let id_of = |hex: u32| KeyId::from_bytes(hex.to_be_bytes());
    let malformed = [
        (String::new(), KeyError::Form),
        (name.to_owned(), KeyError::Form),
        (format!("{name}+{id}"), KeyError::Form),
        (format!("{name}+{id}+"), KeyError::Form),
        (format!("{name}+{}+{data}", &id[1..]), KeyError::Form),
        (format!("{name}+0{id}+{data}"), KeyError::Form),
        (format!("{name}+c74f20ag+{data}"), KeyError::Form),
        (format!("{name}+{id}+{}", &data[4..]), KeyError::Algorithm { found: 0xd9 }),
        (format!("{name}+{id}+{data}\n"), KeyError::Form),
        (format!("{name}+{id}+{}", &data[..40]), KeyError::Form),
        (format!("{name}+{id}+{data}AAAA"), KeyError::Form),
        // As with ML-DSA-44, whose keys are longer.
        (format!("{name}+{id}+Bg{}", "A".repeat(1_750)), KeyError::Algorithm { found: 6 }),
        (format!("+{id}+{data}"), KeyError::Name),
        (format!(" {name}+{id}+{data}"), KeyError::Name),
        (SIGNING.to_owned(), KeyError::Secret),
        (
            format!("PeterNeuman+{id}+{data}"),
            KeyError::Id { written: id_of(0xc74f_20a3), computed: id_of(0) },
        ),
    ];
    for (text, expected) in malformed {
        let error = text.parse::<VerifierKey>().expect_err(&text);
        match (error, expected) {
            (KeyError::Id { written, .. }, KeyError::Id { written: expected, .. }) => {
                assert_eq!(written, expected);
            }
            _ => assert_eq!(error, expected, "{text:?}"),
        }
    }
    assert_eq!(PackSigner::from_signing_key(VERIFIER).err(), Some(KeyError::Public));
    let other_id = SIGNING.replace("c74f20a3", "c74f20a4");
    assert!(matches!(PackSigner::from_signing_key(&other_id), Err(KeyError::Id { .. })));
}

/// Under such a key, anyone can make signatures that fit.
#[test]
fn keys_of_low_order_are_refused() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let order_eight = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    // The last is no point at all.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    for public in [neutral, minus_one, [0; 32], order_eight, no_point] {
        assert_eq!(text_of(NAME, &public).parse::<VerifierKey>(), Err(KeyError::Point));
    }
}

proptest! {
    /// Whatever happens to a note, both programs read it or neither does, and they read the same.
    #[test]
    fn another_program_reads_the_same_notes(
        edits in prop::collection::vec((any::<Index>(), 0_usize..3, any::<Index>()), 0..4),
        text in prop_oneof![Just("a\n"), Just("a\n\nb\n"), Just("\n"), Just("—\n")],
    ) {
        const PIECES: [&str; 14] =
            ["\n", "\n\n", " ", "— ", "+", "=", "A", "\t", "\u{a0}", "é", "/", "x AAAAAAA=\n", "-", "\0"];
        let mut note = note(text, &signer(1));
        for (at, edit, piece) in edits {
            let places: Vec<_> = note.char_indices().map(|(at, _)| at).chain([note.len()]).collect();
            let at = *at.get(&places);
            match edit {
                0 => note.insert_str(at, PIECES[piece.index(PIECES.len())]),
                1 if at < note.len() => drop(note.remove(at)),
                _ => note.truncate(at),
            }
        }
        match (SignedNote::parse(&note), Note::from_bytes(note.as_bytes())) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!(ours.text().as_bytes(), theirs.text());
                prop_assert_eq!(ours.to_string().into_bytes(), theirs.to_bytes());
            }
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{:?}: {:?}, {:?}", note, ours, theirs),
        }
    }
}
