//! Deadlines hold by the database's clock, whatever a host's says.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::auditor::{Clock as _, SystemClock};
use moltbot_audit::event::{Reversal, Until};
use moltbot_audit::pack::sections::UndoProgress;
use moltbot_audit::testing::SteppedClock;
use moltbot_audit::undo::{Compensation, StepEnd, UndoHandler};
use moltbot_audit::{Auditor, Effect, EventType};
use serde_json::{Value, json};

use super::{Teller, World, progress};
use crate::support::records::KEY;
use crate::support::stores;

fn compensable(until: Until) -> Effect {
    let by = EventType::VENDOR_OUTREACH_WITHDRAWN;
    Teller::outreach("v1").reversal(Reversal::Compensable { by, until: Some(until) })
}

#[tokio::test]
async fn a_step_past_its_deadline_is_refused_and_said_so_whatever_the_hosts_clock_says() {
    for hours in [-5, 0, 5] {
        let fresh = stores::sqlite().await;
        let mut teller = Teller::on(fresh.store.clone());
        let clock = SteppedClock::new(SystemClock::new().now() + TimeDelta::hours(hours));
        let builder = Auditor::builder(fresh.store.clone(), KEY).clock(Arc::new(clock));
        teller.auditor = builder.environment(|_| None).build();
        teller.run(compensable(Until::After(Duration::ZERO))).await;
        teller.run(Teller::outreach("v2")).await;
        let world = World::default();
        let report = teller.undo(&world).await;
        assert_eq!(world.undone(), ["vendor.outreach_withdrawn v2"]);
        let of = |nth: usize| (&report.plan.steps[nth].progress, report.plan.steps[nth].why);
        assert_eq!(*of(0).0, UndoProgress::Done);
        let late = (&UndoProgress::Late, "its deadline passed before it was undone");
        assert_eq!(of(1), late);
        assert!(report.is_done(), "what is too late stays");
        drop(fresh.keep);
    }
}

/// Takes its time before it declares anything.
struct Slow {
    until: chrono::DateTime<chrono::Utc>,
    world: World,
}

impl UndoHandler for Slow {
    type Error = &'static str;

    fn declare(&self, compensation: &Compensation<'_>) -> Effect {
        while SystemClock::new().now() <= self.until {
            std::thread::sleep(Duration::from_millis(5));
        }
        compensation.effect()
    }

    async fn perform(&self, compensation: &Compensation<'_>) -> Result<Value, &'static str> {
        self.world.perform(compensation).await
    }
}

#[tokio::test]
async fn a_deadline_that_passes_before_the_database_admits_the_step_holds_too() {
    let fresh = stores::sqlite().await;
    let teller = Teller::on(fresh.store.clone());
    // Long enough for a busy machine to get to the handler, which then waits for it.
    let until = SystemClock::new().now() + TimeDelta::seconds(3);
    teller.run(compensable(Until::Time(until))).await;
    let slow = Slow { until, world: World::default() };
    let report = teller.undo(&slow).await;
    assert!(matches!(report.steps[0].end, StepEnd::Late { .. }), "{report:?}");
    assert!(slow.world.undone().is_empty());
    assert_eq!(progress(&report.plan), [("vendor.outreach_sent", UndoProgress::Late)]);
    assert_eq!(json!(report.plan.steps[0].tries[0].state), json!("voided"));
    drop(fresh.keep);
}
