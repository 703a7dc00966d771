//! The scenario format: what cannot be played says where and why. And the state machine.

use serde_json::{Value, json};

use super::simulation::scenario::Scenario;
use super::simulation::state::RequestState;

#[test]
fn a_malformed_field_is_named_with_its_step_and_reason() {
    let said = error(&json!([{ "id": "s1", "client_inbound": { "message_type": 7 } }]));
    assert!(
        said.starts_with("step s1, field `client_inbound`: invalid type: integer `7`"),
        "{said}"
    );
    let said = error(&json!([{ "assert": { "vendor_outreach_count": "three" } }]));
    assert!(said.starts_with("step 1, field `assert`: invalid type: string \"three\""), "{said}");
    let said = error(&json!([{ "wait_ms": u64::MAX }]));
    assert_eq!(said, "step 1, field `wait_ms`: a step waits for at most 30 days");
    let said = error(&json!([{ "repeat": 1_001 }]));
    assert_eq!(said, "step 1, field `repeat`: a step is played at most 1,000 times");
}

#[test]
fn what_is_no_object_is_no_scenario() {
    let error = Scenario::parse("[]").expect_err("a list");
    assert_eq!(
        error.to_string(),
        "a scenario is a JSON object with `name`, `initial_state` and `steps`"
    );
    assert!(Scenario::parse("\u{feff}{}").is_ok(), "a byte order mark is no JSON, and harmless");
}

#[test]
fn text_that_is_not_json_is_refused_with_its_place() {
    let error = Scenario::parse("{\n  oops").expect_err("no JSON");
    assert_eq!(error.to_string(), "not JSON, line 2, column 3");
}

#[test]
fn the_state_machine_allows_what_the_host_allows_and_nothing_else() {
    use RequestState::{
        AwaitingVendorReplies, Closed, CollectingRequirements, Error, HandedOff, OcrProcessing,
        ShortlistReady, VendorOutreach,
    };
    let all = [
        CollectingRequirements,
        OcrProcessing,
        VendorOutreach,
        AwaitingVendorReplies,
        ShortlistReady,
        HandedOff,
        Closed,
        Error,
    ];
    // A row for each state left, a column for each state entered, both in the order above.
    let table = [
        "-xx---xx", //
        "x-x----x", "---x---x", "--x-x--x", "-----xxx", "------x-", "--------", "x-----x-",
    ];
    for (from, row) in all.iter().zip(table) {
        for (to, cell) in all.iter().zip(row.chars()) {
            assert_eq!(from.allows(*to), cell == 'x', "{from} to {to}");
        }
    }
}

fn error(steps: &Value) -> String {
    let conversation = json!({ "id": "c", "client_phone": "+250780000001" });
    let scenario = json!({
        "name": "broken",
        "initial_state": { "conversation": conversation },
        "steps": steps,
    });
    Scenario::parse(&scenario.to_string()).expect_err("it cannot be played").to_string()
}
