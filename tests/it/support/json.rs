//! Any JSON, biased towards what implementations get wrong.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use serde_json::{Number, Value};

/// JSON of every kind, now and then deeper than parsers go.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let deep = (scalar(), 50..200_usize, any::<bool>()).prop_map(|(innermost, depth, list)| {
        (0..depth).fold(innermost, |inner, _| {
            if list { Value::from(vec![inner]) } else { serde_json::json!({ "a": inner }) }
        })
    });
    prop_oneof![20 => shallow_json(), 1 => deep]
}

/// JSON of every kind, of a depth that is kept.
pub(crate) fn shallow_json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        double().prop_map(number),
        text().prop_map(Value::from),
    ]
}

/// A number that JSON can hold.
pub(crate) fn number(double: f64) -> Value {
    Value::Number(Number::from_f64(double).expect("finite"))
}

/// Finite doubles of every exponent, and the corners.
fn double() -> impl Strategy<Value = f64> {
    let corners = prop::sample::select(vec![
        0.0,
        -0.0,
        0.1,
        1e20,
        1e21,
        1e22,
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
        -9_007_199_254_740_993.0,
        333_333_333.333_333_3,
    ]);
    let bits =
        any::<u64>().prop_map(f64::from_bits).prop_filter("JSON is finite", |d| d.is_finite());
    let everyday = (-1_000_000_i32..1_000_000).prop_map(|cents| f64::from(cents) / 100.0);
    prop_oneof![corners, bits, everyday]
}

/// Texts that mix control characters, both sides of the UTF-16 surrogates, and the signs of JSON
/// and SQL.
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
    let mixed = prop::collection::vec(char, 0..6).prop_map(|chars| chars.into_iter().collect());
    let corners = prop::sample::select(vec![
        "",
        "\0",
        "a\0",
        "a\u{FFFD}",
        "\\u0000",
        "__proto__",
        "1",
        "01",
        "-0",
        "é",
        "e\u{301}",
        "'; drop table x; --",
    ]);
    prop_oneof![4 => mixed, 2 => any::<String>(), 1 => corners.prop_map(str::to_owned)]
}
