//! The gauges.

use std::time::Duration;

use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::observe::JsonLayer;
use moltbot_audit::{Effect, Switch};
use tracing_subscriber::layer::SubscriberExt as _;

use super::{morning, play, request};

/// Longer than a look takes to come round.
const LOOK: Duration = Duration::from_secs(16);

#[test]
fn the_heartbeat_and_the_switches_are_seen_at_once() {
    play(async |host| {
        let now = f64::from(u32::try_from(morning().timestamp()).expect("before 2106"));
        host.settles("audit_heartbeat_timestamp_seconds", now).await;
        for switch in ["ai", "ocr", "calling"] {
            let series = format!("kill_switch_enabled{{switch=\"{switch}\"}}");
            assert_eq!(host.value(&series), Some(0.0), "{switch}");
        }
    });
}

#[test]
fn a_switch_that_is_engaged_and_an_effect_in_doubt_are_seen_at_the_next_look() {
    play(async |host| {
        host.settles("audit_in_doubt_effects", 0.0).await;
        let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request());
        drop(host.auditor.effect(effect).admit().await.expect("admitted"));
        host.auditor
            .kill_switch()
            .engage(&Switch::AI, "an operator", "a drill")
            .await
            .expect("set");
        host.settles("audit_events_total{event_type=\"moltbot.called\"}", 1.0).await;
        tokio::time::pause();
        tokio::time::advance(LOOK).await;
        tokio::time::resume();
        host.settles("kill_switch_enabled{switch=\"ai\"}", 1.0).await;
        assert_eq!(host.value("kill_switch_enabled{switch=\"ocr\"}"), Some(0.0));
        host.settles("audit_in_doubt_effects", 1.0).await;
    });
}

/// A disk that is full.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn log_lines_that_could_not_be_written_are_seen() {
    let subscriber = tracing_subscriber::registry().with(JsonLayer::new(|| Full));
    tracing::subscriber::with_default(subscriber, || tracing::info!("nobody reads this"));
    play(async |host| {
        host.settles("audit_in_doubt_effects", 0.0).await;
        let lost = host.value("audit_log_lines_lost_total");
        assert!(lost.is_some_and(|lost| lost >= 1.0), "{lost:?}");
    });
}
