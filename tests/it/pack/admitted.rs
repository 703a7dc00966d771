//! What a pack adds up to is what its store has: told by the library's own auditor.

use moltbot_audit::auditor::Finding;
use moltbot_audit::event::payload::{BatchInput, MoltbotInput};
use moltbot_audit::pack::sections::BudgetVerdict;
use moltbot_audit::pack::verify_request_pack;
use moltbot_audit::policy::Limits;
use moltbot_audit::redact::Profile;
use moltbot_audit::{Auditor, Budget, Effect, RequestId, Switch};
use serde_json::{Value, json};

use super::{KEY, both_packs, export};
use crate::support::records::fresh_request;
use crate::support::stores;

fn batch(request: &RequestId, vendors: usize) -> Effect {
    let vendor_ids = (0..vendors).map(|nth| format!("vendor-{nth}")).collect();
    let input = BatchInput { vendor_ids, ..Default::default() };
    Effect::vendor_batch(&input).request(request)
}

fn call(request: &RequestId) -> Effect {
    Effect::moltbot_call(&MoltbotInput::default()).request(request)
}

/// Ends effects in every way there is, and leaves one open.
async fn play(auditor: &Auditor, request: &RequestId) {
    for vendors in [5, 5, 4] {
        let sent = auditor.effect(batch(request, vendors)).run(async || Ok::<_, String>(()));
        sent.await.expect("within the limits");
    }
    let fourth = auditor.effect(batch(request, 1)).run(async || Ok::<_, String>(())).await;
    fourth.expect_err("three batches a request");
    let used = json!({ "input_tokens": 700, "output_tokens": 90 });
    let answer = auditor.effect(call(request)).run(async || Ok::<_, String>(used)).await;
    answer.expect("within the limits");
    let failed = auditor.effect(call(request)).run(async || Err::<(), _>("no answer")).await;
    failed.expect_err("the provider is away");
    let permit = async || auditor.effect(call(request)).admit().await.expect("admitted");
    permit().await.not_performed("no connection").await.expect("recorded");
    for finding in [Finding::Performed, Finding::NotPerformed] {
        let permit = permit().await;
        let id = permit.effect_id().uuid();
        // In doubt, once its outcome says that nobody saw the end.
        drop(permit);
        for _ in 0..24_000 {
            let open = auditor.in_doubt().await.expect("readable");
            if open.iter().any(|open| open.effect_id == id) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        auditor.resolve(id, finding, "Keza", "by the bill").await.expect("in doubt");
    }
    std::mem::forget(permit().await);
}

fn used(pack: &Value, budget: &str) -> i64 {
    let usage = pack["budgets"]["content"]["usage"].as_array().expect("a list").iter();
    let mut of = usage.filter(|of| of["budget"] == budget && of["period"] == "request");
    of.next().and_then(|of| of["used"].as_i64()).expect("it was charged")
}

#[tokio::test]
async fn what_a_pack_adds_up_to_is_what_its_store_has() {
    let fresh = stores::sqlite().await;
    let limits = Limits::default().per_request(Budget::TOKENS, 5_000);
    let limits = limits.and_then(|limits| limits.call_tokens(400)).expect("limits");
    let limits = limits.policy_version("v7");
    let auditor = Auditor::builder(fresh.store.clone(), KEY).budgets(limits);
    let auditor = auditor.environment(|_| None).build();
    auditor.kill_switch().reset(&Switch::AI, "Keza", "a test").await.expect("reset");
    let request = fresh_request();
    play(&auditor, &request).await;

    let ledger = auditor.budgets().usage(&request).await.expect("readable");
    for pack in both_packs(&*fresh.store, &request).await {
        for budget in ["moltbot_calls", "tokens", "vendor_batches", "vendors"] {
            let stored = ledger.iter().find(|of| of.budget.as_str() == budget).expect("listed");
            assert_eq!(used(&pack, budget), stored.used, "{budget}");
        }
        // 790 used, 400 each for the failed, the performed and the open one.
        assert_eq!(used(&pack, "tokens"), 1_990);
        let content = &pack["budgets"]["content"];
        assert_eq!(
            content["counts"],
            json!({
                "admitted": 9, "done": 5, "failed": 1, "voided": 2, "in_doubt": 0, "running": 1,
                "resolved": 2, "outside": 0,
            })
        );
        assert_eq!(content["refusals"][0]["budget"], "vendor_batches");
        // Both packs say under which policy each was decided.
        for decided in [&content["refusals"], &content["effects"]] {
            let decided = decided.as_array().expect("a list");
            assert!(!decided.is_empty());
            assert!(decided.iter().all(|one| one["policy_version"] == "v7"), "{decided:#?}");
        }
        assert_eq!(content["irregular"], json!([]));
        assert_eq!(pack["controls"]["content"]["switches"][0]["switch"], "ai");
    }
    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let pack = export(&*fresh.store, &request, &profile).await.to_json_pretty();
        let verified = verify_request_pack(pack.as_bytes()).expect("an untouched pack verifies");
        let expected = BudgetVerdict::WithinLimits { admitted: 9, outside: 0 };
        assert_eq!(verified.budgets(), &expected);
    }
    drop(fresh.keep);
}
