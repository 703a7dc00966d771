//! The maths: canonical JSON, sanitising, commitments, hashes, chain.

mod canonical;
mod commitment;
mod sanitise;
mod vectors;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use serde_json::{Number, Value};

/// JSON of every kind, biased towards what implementations get wrong.
fn json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        double().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Finite doubles of every exponent, and the corners.
fn double() -> impl Strategy<Value = f64> {
    let corners = prop::sample::select(vec![
        0.0,
        -0.0,
        1e21,
        1e20,
        1e-6,
        1e-7,
        5e-324,
        -5e-324,
        f64::MIN_POSITIVE,
        2.225_073_858_507_201e-308,
        f64::MAX,
        f64::MIN,
        9_007_199_254_740_991.0,
        9_007_199_254_740_992.0,
        0.1,
    ]);
    let bits =
        any::<u64>().prop_map(f64::from_bits).prop_filter("JSON is finite", |d| d.is_finite());
    let everyday = (-1_000_000_i32..1_000_000).prop_map(|cents| f64::from(cents) / 100.0);
    prop_oneof![corners, bits, everyday]
}

/// Texts that mix control characters, both sides of the UTF-16 surrogates, and JSON's own signs.
fn text() -> impl Strategy<Value = String> {
    let char = prop_oneof![
        prop::char::range('\0', '\u{1f}'),
        prop::char::range('a', 'c'),
        prop::char::range('\u{d7f0}', '\u{d7ff}'),
        prop::char::range('\u{e000}', '\u{e002}'),
        prop::char::range('\u{fffd}', '\u{ffff}'),
        prop::char::range('\u{10000}', '\u{10002}'),
        prop::sample::select(vec![
            '"',
            '\\',
            '/',
            '~',
            '\u{7f}',
            '\u{2028}',
            'é',
            '🙏',
            '\u{10ffff}'
        ]),
        any::<char>(),
    ];
    prop::collection::vec(char, 0..6).prop_map(|chars| chars.into_iter().collect())
}

/// A number that JSON can hold.
fn number(double: f64) -> Value {
    Value::Number(Number::from_f64(double).expect("finite"))
}
