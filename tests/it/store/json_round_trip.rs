//! Property: whatever JSON the host reports, what is read back has the bytes that were hashed.

use moltbot_audit::proof::canonical;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::json::json;
use crate::support::records::{assert_unbroken, event, fresh_request, sealed, stream};
use crate::support::stores::Fresh;

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
                let of = |part: &Option<serde_json::Value>| part.as_ref().map(canonical);
                let (input, output) = (of(&stored.input), of(&stored.output));
                prop_assert_eq!(input.as_deref(), record.canonical_input());
                prop_assert_eq!(output.as_deref(), record.canonical_output());
            }
            assert_unbroken(&snapshot);
            Ok(())
        })
    });
    outcome.expect("the property holds");
}
