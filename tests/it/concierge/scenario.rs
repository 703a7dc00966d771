//! The scenario format: what cannot be played says where and why. And the state machine.

use serde_json::{Value, json};

use super::simulation::scenario::Scenario;
use super::simulation::state::RequestState;

#[test]
fn an_unknown_kind_of_step_is_named_with_its_step() {
    let said = error(&json!([{ "id": "dance", "client_dances": {} }]));
    assert!(said.starts_with("step dance: unknown kind of step `client_dances`"), "{said}");
}

#[test]
fn a_malformed_field_is_named_with_its_step_and_reason() {
    let said = error(&json!([{ "id": "s1", "client_inbound": { "message_type": "fax" } }]));
    assert!(said.starts_with("step s1, field `client_inbound`: unknown variant `fax`"), "{said}");
    let said = error(&json!([{ "id": "s1", "assert": { "request_stat": "closed" } }]));
    assert!(said.starts_with("step s1, field `assert`: unknown field `request_stat`"), "{said}");
    let said = error(&json!([{ "description": "no id" }]));
    assert_eq!(said, "step 1, field `id`: missing");
}

#[test]
fn a_vendor_outside_the_market_is_named() {
    let said = error(&json!([{ "id": "s1", "vendor_inbound": { "vendor_id": "x", "text": "" } }]));
    assert_eq!(said, "step s1: vendor x is not among initial_state.vendors");
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
