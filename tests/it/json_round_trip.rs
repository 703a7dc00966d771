//! Property: whatever JSON the host reports, what is read back has the bytes that were hashed.

use moltbot_audit::proof::canonical;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Number, Value};

use super::store_contract::Fresh;
use super::support::records::{assert_unbroken, event, fresh_request, sealed, stream};

/// Checks a store, opened once, with some hundred batches of arbitrary JSON.
pub(crate) fn check<F: Future<Output = Fresh>>(open: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fresh = runtime.block_on(open());
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let batches = prop::collection::vec((json(), json()), 1..8);
    let outcome = TestRunner::new(config).run(&batches, |payloads| {
        runtime.block_on(async {
            let request = fresh_request();
            let batch: Vec<_> = payloads
                .into_iter()
                .map(|(input, output)| sealed(event(&request).input(input).output(output)))
                .collect();
            fresh.store.append(&batch).await.expect("any sealed record can be stored");
            let snapshot = fresh.store.read_stream(stream(&request)).await;
            let snapshot = snapshot.expect("what was stored can be read").expect("events");
            for (stored, record) in snapshot.records.iter().zip(&batch) {
                prop_assert_eq!(
                    stored.input.as_ref().map(canonical),
                    record.input().map(canonical)
                );
                prop_assert_eq!(
                    stored.output.as_ref().map(canonical),
                    record.output().map(canonical)
                );
            }
            assert_unbroken(&snapshot);
            Ok(())
        })
    });
    outcome.expect("the property holds");
}

fn json() -> impl Strategy<Value = Value> {
    let usual = leaf().prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    });
    // As deep as parsers go, and deeper.
    let deep = (leaf(), 50..200_usize, any::<bool>()).prop_map(|(leaf, depth, list)| {
        (0..depth).fold(leaf, |inner, _| {
            if list { Value::from(vec![inner]) } else { serde_json::json!({ "a": inner }) }
        })
    });
    prop_oneof![20 => usual, 1 => deep]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000..1_000_i64).prop_map(Value::from),
        any::<f64>().prop_map(number),
        (-1e6..1e6).prop_map(number),
        prop::sample::select(vec![
            0.1,
            -0.0,
            5e-324,
            1e-7,
            1e21,
            1e22,
            1.797_693_134_862_315_7e308,
            9_007_199_254_740_991.0,
            9_007_199_254_740_992.0,
            -9_007_199_254_740_993.0,
            333_333_333.333_333_3,
        ])
        .prop_map(number),
        text().prop_map(Value::from),
    ]
}

fn number(double: f64) -> Value {
    Number::from_f64(double).map_or(Value::Null, Value::Number)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        ".{0,12}",
        prop::sample::select(vec![
            "",
            "\0",
            "a\0",
            "a\u{FFFD}",
            "\\u0000",
            "\u{1F600}",
            "\u{E000}",
            "\u{FFFF}",
            "\u{2028}",
            "\"",
            "\\",
            "\u{7f}",
            "__proto__",
            "1",
            "01",
            "-0",
            "é",
            "e\u{301}",
            "'; drop table x; --",
        ])
        .prop_map(str::to_owned),
    ]
}
