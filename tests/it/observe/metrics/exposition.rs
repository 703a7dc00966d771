//! What is exposed, whatever the events say.

use std::io::Write as _;
use std::process::{Command, Stdio};

use moltbot_audit::observe::{METRICS, MetricKind};
use moltbot_audit::testing::assert_no_personal_data;
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome};
use serde_json::json;

use super::play;

fn series(exposed: &str) -> usize {
    exposed.lines().filter(|line| !line.starts_with('#')).count()
}

#[test]
fn texts_of_the_hosts_own_make_no_new_series() {
    const REASONS: u32 = 10_000;
    let rejected = |nth: u32| {
        AuditEvent::new(EventType::MOLTBOT_OUTPUT_REJECTED, Actor::Moltbot)
            .output(json!({ "errors": [format!("reason {nth}: wrote to 0788123456")] }))
            .ended(Outcome::Failed, ErrorCode::InvalidOutput)
    };
    play(async |host| {
        for nth in 0..1_000 {
            let letters = format!("{nth}").replace(|c: char| c.is_ascii_digit(), "x");
            let event_type = EventType::new(format!("host.thing_{letters}")).expect("a type");
            let own = AuditEvent::new(event_type, Actor::System);
            host.auditor.record(own).await.expect("recorded");
        }
        host.auditor.record(rejected(0)).await.expect("recorded");
        host.settles("audit_events_total{event_type=\"other\"}", 1_000.0).await;
        let before = series(&host.scraped.render());
        for nth in 1..REASONS {
            host.auditor.record(rejected(nth)).await.expect("recorded");
        }
        let counted = "moltbot_output_rejected_total{reason=\"invalid_output\"}";
        host.settles(counted, f64::from(REASONS)).await;
        let exposed = host.scraped.render();
        assert_eq!(series(&exposed), before);
        // Of each series its name and labels: a sum may look like anything.
        exposed.lines().filter_map(|line| line.rsplit_once(' ')).for_each(|(series, _)| {
            assert_no_personal_data(series);
        });
    });
}

#[test]
fn every_metric_is_described_and_promtool_objects_to_none() {
    play(async |host| {
        host.auditor.record(AuditEvent::new(EventType::REQUEST_CREATED, Actor::Client)).await.ok();
        host.settles("requests_created_total", 1.0).await;
        let exposed = host.scraped.render();
        for metric in METRICS {
            let is_described = exposed.contains(&format!("# HELP {} ", metric.name));
            // A gauge that nothing has set is not exposed.
            let is_unset = metric.kind == MetricKind::Gauge
                && !exposed.contains(&format!("\n{}", metric.name));
            assert!(is_described || is_unset, "{}", metric.name);
        }
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool, of the package prometheus, is installed");
        promtool.stdin.take().expect("piped").write_all(exposed.as_bytes()).expect("it reads");
        let output = promtool.wait_with_output().expect("it ends");
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}\n{exposed}");
    });
}
