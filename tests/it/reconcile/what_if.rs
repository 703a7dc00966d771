//! What other limits would have refused.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::{Clock as _, SystemClock};
use moltbot_audit::event::payload::{MoltbotInput, MoltbotOutput};
use moltbot_audit::policy::Limits;
use moltbot_audit::reconcile::{
    Alternative, NotReplayable, Replayed, WouldBeRefused, WouldRefuse, what_if,
};
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::MemoryStore;
use moltbot_audit::{Auditor, Budget, Effect, EventType, Switch};
use std::sync::Arc;

use crate::support::records::{KEY, fresh_request};

/// A day in which requests asked Moltbot so often, under the usual limits.
async fn recorded(calls: &[usize]) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let auditor = Auditor::builder(store.clone(), KEY).build();
    auditor.kill_switch().reset(&Switch::AI, "Aline", "first day").await.expect("set");
    for calls in calls {
        let request = fresh_request();
        for _ in 0..*calls {
            let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request);
            let output = MoltbotOutput {
                input_tokens: Some(900),
                output_tokens: Some(100),
                ..Default::default()
            };
            let _refused =
                auditor.effect(effect).run(async || Ok::<_, std::io::Error>(output)).await;
        }
    }
    auditor.shutdown(Duration::from_secs(10)).await.ok();
    store
}

fn always() -> (DateTime<Utc>, DateTime<Utc>) {
    let now = SystemClock::new().now();
    (now - TimeDelta::days(1), now + TimeDelta::days(1))
}

async fn replayed(
    store: &dyn AuditStore,
    alternative: &Alternative,
) -> (Replayed, Vec<WouldBeRefused>) {
    let mut refused = Vec::new();
    let report = what_if(store, alternative, always(), |one| refused.push(one)).await;
    (report.expect("readable"), refused)
}

fn limits(calls: i64) -> Limits {
    Limits::default().per_request(Budget::MOLTBOT_CALLS, calls).expect("a limit")
}

#[tokio::test]
async fn six_calls_instead_of_eight_would_have_refused_what_came_after_the_sixth() {
    let store = recorded(&[3, 6, 7, 8, 10]).await;
    let alternative = Alternative { limits: limits(6), ..Default::default() };
    let (report, refused) = replayed(&*store, &alternative).await;
    assert!(report.not_replayable.is_empty(), "{report:?}");
    // The last two of ten were refused as it was.
    assert_eq!((report.requests, report.admissions), (5, 3 + 6 + 7 + 8 + 8));
    assert_eq!((report.refused, report.requests_refused), (1 + 2 + 2, 3));
    assert_eq!(report.refused_by[&WouldRefuse::BudgetExceeded], 5);
    assert_eq!(report.refused_by_budget[&Budget::MOLTBOT_CALLS], 5);
    assert_eq!((report.refusals_lifted, report.admitted_after_refusal), (0, 0));
    assert!(refused.iter().all(|one| one.budget == Some((Budget::MOLTBOT_CALLS, 6, 1, 6))));
}

#[tokio::test]
async fn the_limits_that_were_in_force_refuse_nothing_and_higher_ones_lift_refusals() {
    let store = recorded(&[10]).await;
    let as_it_was = Alternative::default();
    let (report, refused) = replayed(&*store, &as_it_was).await;
    assert!(refused.is_empty() && report.refusals_lifted == 0, "{report:?}");
    let more = Alternative { limits: limits(20), ..Default::default() };
    let (report, refused) = replayed(&*store, &more).await;
    assert_eq!((refused.len(), report.refusals_lifted), (0, 2));
}

#[tokio::test]
async fn an_engaged_switch_refuses_what_it_governs_and_nothing_else() {
    let store = recorded(&[2]).await;
    for (switch, expected) in [(Switch::AI, 2), (Switch::CALLING, 0)] {
        let alternative = Alternative { engaged: vec![switch], ..Default::default() };
        let (report, _) = replayed(&*store, &alternative).await;
        assert_eq!(report.refused, expected);
    }
}

#[tokio::test]
async fn tokens_are_settled_as_they_were_used_and_what_has_no_price_is_not_replayed() {
    let store = recorded(&[5]).await;
    let tokens = || Limits::default().per_request(Budget::TOKENS, 3_500).expect("a limit");
    let (report, refused) =
        replayed(&*store, &Alternative { limits: tokens(), ..Default::default() }).await;
    // No call said how many it would take.
    assert_eq!(report.not_replayable[&NotReplayable::NoPrice], 5);
    assert!(refused.is_empty());
    let limits = tokens().call_tokens(1_500).expect("a price");
    let (report, refused) = replayed(&*store, &Alternative { limits, ..Default::default() }).await;
    assert!(report.not_replayable.is_empty());
    // Three calls used 1,000 each. The fourth would hold 1,500 more.
    assert_eq!(refused[0].budget, Some((Budget::TOKENS, 3_000, 1_500, 3_500)));
    assert_eq!(report.refused, 2);
}

#[tokio::test]
async fn budgets_of_a_day_are_counted_as_not_replayed() {
    let store = recorded(&[2]).await;
    let limits = Limits::default().per_day(Budget::MOLTBOT_CALLS, 1).expect("a limit");
    let (report, refused) = replayed(&*store, &Alternative { limits, ..Default::default() }).await;
    assert_eq!(report.not_replayable[&NotReplayable::DayBudget], 2);
    assert!(refused.is_empty());
    assert!(EventType::KNOWN.contains(&EventType::EFFECT_ADMITTED));
}
