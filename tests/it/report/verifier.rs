//! The script that verifies in the browser, run by Node.js: the files are those that the page embeds.

use super::{Played, node};
use crate::support::signing::signer;

#[test]
fn the_golden_vectors_hold() {
    let count: usize = node("vectors.mjs", &[]).trim().parse().expect("a number");
    assert!(count >= 126, "{count} vectors");
}

#[test]
fn a_signed_pack_verifies_and_one_with_a_changed_value_does_not() {
    let [key, other] = [1, 2].map(|number| signer(number).verifier_key().to_string());
    let played = Played::new(&["phone_charger"]);
    for name in ["pack.internal.json", "pack.external.json"] {
        let files = played.files(name);
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let count: usize =
            node("forgeries.mjs", &[file, &key, &other]).trim().parse().expect("a number");
        assert!(count >= 31, "{count} forgeries");
    }
}
