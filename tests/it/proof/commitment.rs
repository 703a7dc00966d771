//! Commitments: everything is bound, and any part can be disclosed alone.

use moltbot_audit::proof::{
    Digest, Salt, ValueKind, array_digest, commit, commitment, leaf_digest, leaf_salt,
    member_digest, object_digest, part_salt, push_pointer, sanitise, value_digest,
};
use proptest::prelude::{ProptestConfig, proptest};
use proptest::{prop_assert_eq, prop_assert_ne};
use serde_json::{Value, json};

use crate::support::json::json as any_json;

const SALT: Salt = Salt::from_bytes([5; 16]);

fn input(value: &Value) -> Digest {
    commit(value, SALT, "/input")
}

fn input_salt() -> Salt {
    part_salt(SALT, "/input")
}

/// The same maths once more, from the parts that a pack discloses: digests of children, leaf salts.
fn from_disclosed_parts(value: &Value, pointer: &str) -> Digest {
    let below = |token: &str, member: &Value| {
        let mut at = pointer.to_owned();
        push_pointer(&mut at, token);
        (ValueKind::of(member), from_disclosed_parts(member, &at))
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            let children = items.iter().enumerate();
            let children = children.map(|(index, item)| below(&index.to_string(), item));
            array_digest(&children.collect::<Vec<_>>())
        }
        Value::Object(members) if !members.is_empty() => {
            let children = members.iter().map(|(name, member)| {
                let (kind, digest) = below(name, member);
                member_digest(name, kind, digest)
            });
            object_digest(&mut children.collect::<Vec<_>>())
        }
        leaf => leaf_digest(leaf, leaf_salt(input_salt(), pointer)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_commitment_can_be_put_together_from_its_parts(value in any_json()) {
        let value = sanitise(value);
        let digest = from_disclosed_parts(&value, "/input");
        prop_assert_eq!(digest, value_digest(&value, input_salt(), "/input"));
        if !value.is_null() {
            prop_assert_eq!(commitment("/input", ValueKind::of(&value), digest), input(&value));
        }
    }

    #[test]
    fn different_values_have_different_commitments(a in any_json(), b in any_json()) {
        let (a, b) = (sanitise(a), sanitise(b));
        if moltbot_audit::proof::canonical(&a) == moltbot_audit::proof::canonical(&b) {
            prop_assert_eq!(input(&a), input(&b));
        } else {
            prop_assert_ne!(input(&a), input(&b));
        }
    }
}

#[test]
fn values_of_similar_bytes_never_share_a_commitment() {
    let values = [
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!("[]"),
        json!(0),
        json!("0"),
        json!(false),
        json!("null"),
        // An array and an object with the keys that its places would have.
        json!(["a", "b"]),
        json!({ "0": "a", "1": "b" }),
        json!({ "": "a" }),
        json!(["a"]),
        json!([["a"]]),
        json!([["a"], []]),
        json!([["a", []]]),
        // Keys whose bytes run on into each other.
        json!({ "ab": 1, "c": 2 }),
        json!({ "a": 1, "bc": 2 }),
        json!({ "a": { "b": 1 } }),
        json!({ "a/b": 1 }),
        json!({ "a~1b": 1 }),
        json!({ "a~b": 1 }),
        json!({ "a~0b": 1 }),
    ];
    for (index, a) in values.iter().enumerate() {
        for b in &values[index + 1..] {
            assert_ne!(input(a), input(b), "{a} and {b}");
        }
    }
}

#[test]
fn a_change_of_any_leaf_key_or_order_changes_the_commitment() {
    let original = json!({ "a": [1, 2, { "b": "x" }], "c": null, "d": {}, "e": [] });
    let changed = [
        json!({ "a": [1, 3, { "b": "x" }], "c": null, "d": {}, "e": [] }),
        json!({ "a": [2, 1, { "b": "x" }], "c": null, "d": {}, "e": [] }),
        json!({ "a": [1, { "b": "x" }], "c": null, "d": {}, "e": [] }),
        json!({ "a": [1, 2, { "B": "x" }], "c": null, "d": {}, "e": [] }),
        json!({ "a": [1, 2, { "b": "y" }], "c": null, "d": {}, "e": [] }),
        json!({ "a": [1, 2, { "b": "x" }], "c": null, "d": {}, "f": [] }),
        json!({ "a": [1, 2, { "b": "x" }], "c": null, "d": [], "e": {} }),
        json!({ "a": [1, 2, { "b": "x" }], "d": {}, "e": [] }),
        json!({ "a": [1, 2, { "b": "x" }], "c": false, "d": {}, "e": [] }),
    ];
    for value in changed {
        assert_ne!(input(&value), input(&original), "{value}");
    }
    let reordered: Value =
        serde_json::from_str(r#"{"e":[],"d":{},"c":null,"a":[1.0,2,{"b":"x"}]}"#).unwrap();
    assert_eq!(input(&reordered), input(&original));
}

#[test]
fn salt_and_place_are_part_of_a_commitment() {
    let value = json!({ "a": 1 });
    assert_ne!(commit(&value, Salt::from_bytes([6; 16]), "/input"), input(&value));
    assert_ne!(commit(&value, SALT, "/output"), input(&value));
}

#[test]
fn equal_leaves_at_two_places_do_not_show_that_they_are_equal() {
    let leaves: Vec<_> = ["/input/a", "/input/b", "/input/a/b", "/input/a~1b", "/output/a"].into();
    let digests: Vec<_> = leaves
        .iter()
        .map(|at| leaf_digest(&json!("x"), leaf_salt(part_salt(SALT, &at[..6]), at)))
        .collect();
    for (index, digest) in digests.iter().enumerate() {
        assert!(!digests[index + 1..].contains(digest));
    }
}

#[test]
fn pointer_tokens_are_escaped_as_rfc_6901_has_it() {
    for (token, expected) in
        [("a/b", "/a~1b"), ("m~n", "/m~0n"), ("~1", "/~01"), ("", "/"), ("é \"", "/é \"")]
    {
        let mut pointer = String::new();
        push_pointer(&mut pointer, token);
        assert_eq!(pointer, expected);
    }
    let mut pointer = "/input".to_owned();
    push_pointer(&mut pointer, "/");
    assert_eq!(pointer, "/input/~1");
}

#[test]
fn a_hidden_subtree_can_stand_in_as_its_digest() {
    let value = json!({ "from": { "phone": "+250788123456" }, "text": "Muraho" });
    let hidden = value_digest(&value["from"], input_salt(), "/input/from");
    let shown = leaf_digest(&value["text"], leaf_salt(input_salt(), "/input/text"));
    let whole = |hidden_kind| {
        let hidden = member_digest("from", hidden_kind, hidden);
        let shown = member_digest("text", ValueKind::Scalar, shown);
        commitment("/input", ValueKind::Object, object_digest(&mut [hidden, shown]))
    };
    assert_eq!(whole(ValueKind::Object), input(&value));
    // What is hidden cannot be passed off as another kind.
    assert_ne!(whole(ValueKind::Scalar), input(&value));
    assert_ne!(whole(ValueKind::Array), input(&value));
}

#[test]
fn one_member_can_be_shown_without_the_names_of_the_others() {
    let value = json!({ "a_name_that_tells": 1, "price": 12_500, "+250788123456": true });
    let other = |name: &str| {
        let digest = value_digest(&value[name], input_salt(), &format!("/input/{name}"));
        member_digest(name, ValueKind::Scalar, digest)
    };
    let price = leaf_digest(&json!(12_500), leaf_salt(input_salt(), "/input/price"));
    let mut members = [
        other("+250788123456"),
        member_digest("price", ValueKind::Scalar, price),
        other("a_name_that_tells"),
    ];
    let object = object_digest(&mut members);
    assert_eq!(commitment("/input", ValueKind::Object, object), input(&value));
    // Their order is that of their digests, so it tells nothing of their names.
    assert!(members.is_sorted());
}

#[test]
fn parts_under_their_own_salts_are_proven_after_the_events_salt_is_gone() {
    let (given, kept) = (json!({ "text": "Muraho" }), json!({ "price": 12_500 }));
    let salt_of_output = part_salt(SALT, "/output");
    let digest = value_digest(&kept, salt_of_output, "/output");
    assert_eq!(commitment("/output", ValueKind::Object, digest), commit(&kept, SALT, "/output"));
    // It says nothing of the other part.
    assert_ne!(
        value_digest(&given, salt_of_output, "/input"),
        value_digest(&given, input_salt(), "/input")
    );
}

#[test]
fn hex_forms_are_strict() {
    let hex = "ab".repeat(32);
    assert_eq!(hex.parse::<Digest>().unwrap().to_hex(), hex);
    for wrong in ["", "ab", &"AB".repeat(32), &"ag".repeat(32), &"ab".repeat(33), &"é".repeat(32)]
    {
        assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
    }
    assert_eq!(format!("{SALT:?}"), "Salt(***)");
}
