//! Plays many requests with mixed outcomes, so that metrics, alerts and dashboards have something to show.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::auditor::{Clock as _, Host, SystemClock};
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::store::{AuditSink, AuditStore};
use moltbot_audit::{Auditor, RequestId};
use tokio::time::{Instant, sleep_until};

use super::simulation::{
    clock::ScriptedClock,
    play::{play, set_up},
    scenario::{Scenario, ScenarioError},
    scripted_time::ScriptedTime,
    story::Story,
    world::World,
};
use super::summary::Summary;
use super::{Stop, records, stopped, unusable};

/// The scenarios, each as often as it is named here. Most requests end well.
const MIX: [&str; 20] = [
    include_str!("../scenarios/phone_charger.json"),
    include_str!("../scenarios/ranking_worked_example.json"),
    include_str!("../scenarios/phone_charger.json"),
    include_str!("../scenarios/ocr_low_confidence.json"),
    include_str!("../scenarios/phone_charger.json"),
    include_str!("../scenarios/invalid_output.json"),
    include_str!("../scenarios/phone_charger.json"),
    include_str!("../scenarios/call_no_answer.json"),
    include_str!("../scenarios/budget_moltbot.json"),
    include_str!("../scenarios/phone_charger.json"),
    include_str!("../scenarios/providers_down.json"),
    include_str!("../scenarios/budget_vendors.json"),
    include_str!("../scenarios/call_denied.json"),
    include_str!("../scenarios/budget_time.json"),
    include_str!("../scenarios/switch_midway.json"),
    include_str!("../scenarios/webhook_replayed.json"),
    include_str!("../scenarios/duplicate_webhook.json"),
    include_str!("../scenarios/vendor_injection.json"),
    include_str!("../scenarios/refusals_fr_rw.json"),
    include_str!("../scenarios/time_up_asked.json"),
];

/// Plays `count` scenarios one after the other, spread evenly over `over`.
pub(crate) async fn load(
    count: u32,
    over: Duration,
    store: &Arc<dyn AuditStore>,
    key: &RedactionKey,
    summary: &mut Summary,
) -> Result<(), Stop> {
    let mix: Result<Vec<Scenario>, ScenarioError> =
        MIX.iter().map(|text| Scenario::parse(text)).collect();
    let mix = mix.map_err(unusable)?;
    let began = Instant::now();
    for (nth, scenario) in (0..count).zip(mix.iter().cycle()) {
        progress(nth, count);
        sleep_until(began + over * nth / count).await;
        let sink: Arc<dyn AuditSink> = store.clone();
        for request in play_once(scenario, sink, key).await? {
            summary.add(&records(&**store, &request).await?);
        }
    }
    progress(count, count);
    Ok(())
}

async fn play_once(
    scenario: &Scenario,
    sink: Arc<dyn AuditSink>,
    key: &RedactionKey,
) -> Result<Vec<RequestId>, Stop> {
    let clock = Arc::new(ScriptedClock::new(SystemClock::new().now()));
    let world = Arc::new(World::new(clock.clone()));
    let sink = Arc::new(ScriptedTime::over(sink, world.clone()));
    let host = Host::new("concierge", env!("CARGO_PKG_VERSION"));
    let auditor = Auditor::builder(sink, key.clone()).clock(clock).host(host).build();
    set_up(&auditor).await.map_err(unusable)?;
    let played = play(scenario, &auditor, &world, &Story::new(std::io::sink())).await;
    auditor.shutdown(Duration::from_secs(10)).await.map_err(unusable)?;
    played.map_err(stopped)
}

/// Redraws a progress bar on a terminal. Elsewhere, prints every tenth request.
fn progress(done: u32, count: u32) {
    const WIDTH: usize = 40;
    let part = |of: usize| of * done as usize / count as usize;
    let mut to = stderr();
    // The play goes on even if its progress cannot be printed.
    let _told = if to.is_terminal() {
        let end = if done == count { "\n" } else { "" };
        let bar = "#".repeat(part(WIDTH));
        write!(to, "\r[{bar:<WIDTH$}] {done}/{count} requests{end}")
    } else if done == count || done.is_multiple_of(count.div_ceil(10)) {
        writeln!(to, "{done}/{count} requests")
    } else {
        Ok(())
    };
}
