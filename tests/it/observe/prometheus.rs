//! From an event to an alert: a real Prometheus scrapes the library, loads the rules, and tells.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use moltbot_audit::testing::MemoryStore;
use moltbot_audit::{Actor, AuditEvent, Auditor, ErrorCode, EventType, Outcome, Switch};
use serde_json::Value;

use super::alerts::files::{read, regex};
use super::metrics::recorder;
use crate::cli::program;
use crate::support::records::KEY;

const MISSING: &str = "Prometheus is needed and was not found: ./scripts/test installs it (Debian, \
                       Ubuntu: apt-get install prometheus), or put it on the PATH";

/// Ends the server when its standard input closes, which the kernel does however the parent dies.
const WATCHDOG: &str = r#""$@" >"$0" 2>&1 & server=$!; cat >/dev/null; kill $server; wait $server"#;

/// The rules with their days and hours as ten seconds, and without patience: else nothing would be
/// seen within a test. What they compare, and with what, stays.
fn hurried_rules() -> String {
    let rules = read("alerts/moltbot-audit.rules.yml");
    let windows = regex(r"\[\d+[mhd]\]").replace_all(&rules, "[10s]").into_owned();
    let offsets = regex(r"offset \d+[mhd]").replace_all(&windows, "offset 10s");
    let paces = regex(r" +interval: \d+m\n").replace_all(&offsets, "").into_owned();
    regex(r"for: \d+[mhd]").replace_all(&paces, "for: 1s").into_owned()
}

/// A running Prometheus, until it is dropped.
struct Prometheus {
    address: SocketAddr,
    folder: tempfile::TempDir,
    // Holds the pipe that keeps the server alive.
    watchdog: Child,
}

impl Prometheus {
    /// Starts one that scrapes an address.
    fn start(scraped: SocketAddr) -> Self {
        let found = Command::new("prometheus").arg("--version").output();
        assert!(found.is_ok_and(|output| output.status.success()), "{MISSING}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("rules.yml"), hurried_rules()).expect("our own folder");
        let configuration = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 250ms }}\n\
             rule_files: [rules.yml]\n\
             scrape_configs: [ {{ job_name: moltbot, static_configs: [ {{ targets: ['{scraped}'] }} ] }} ]\n"
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, configuration).expect("our own folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let mut watchdog = Command::new("sh");
        watchdog.arg("-c").arg(WATCHDOG).arg(folder.path().join("log")).arg("prometheus");
        watchdog.arg(format!("--config.file={}", file.display()));
        watchdog.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        watchdog.arg(format!("--web.listen-address={address}")).stdin(Stdio::piped());
        let watchdog = watchdog.spawn().expect("sh starts");
        Self { address, folder, watchdog }
    }

    /// The alerts that fire, as name and severity; none while it does not answer.
    fn firing(&self) -> Option<Vec<String>> {
        let mut connection = TcpStream::connect(self.address).ok()?;
        // Of HTTP 1.0, so that the answer is in one piece and ends with the connection.
        write!(connection, "GET /api/v1/alerts HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        let alerts = answer["data"]["alerts"].as_array()?.iter();
        let firing = alerts.filter(|alert| alert["state"] == "firing").map(|alert| {
            let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", label("alertname"), label("severity"))
        });
        Some(firing.collect())
    }

    /// Waits until what fires is as it should be.
    async fn settles(&self, what: &str, is_settled: impl Fn(&[String]) -> bool) {
        let mut last = None;
        for _ in 0..3_000 {
            last = self.firing().or(last);
            if last.as_deref().is_some_and(&is_settled) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("{what}, but what fires is {last:?}\n{log}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Closes the pipe; the folder goes after the server.
        drop(self.watchdog.stdin.take());
        self.watchdog.wait().ok();
    }
}

/// Serves what the recorder has to whoever asks, as long as this process lives.
fn serve(scraped: PrometheusHandle) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let asked = BufReader::new(client.try_clone().expect("a socket"));
            asked.lines().map_while(Result::ok).find(String::is_empty);
            let body = scraped.render();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n";
            let length = body.len();
            // One that goes away in the middle has nothing to be told.
            write!(client, "{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
                .ok();
        }
    });
    address
}

async fn fail_twenty_photos(auditor: &Auditor) {
    for _ in 0..20 {
        let failed = AuditEvent::new(EventType::OCR_JOB_FAILED, Actor::System)
            .ended(Outcome::Failed, ErrorCode::TimedOut);
        auditor.record(failed).await.expect("recorded");
    }
}

#[test]
fn photos_that_fail_make_an_alert_fire_and_it_resolves_by_itself() {
    let recorder = recorder().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    metrics::with_local_recorder(&recorder, || {
        runtime.expect("a runtime").block_on(async {
            let store = Arc::new(MemoryStore::default());
            for switch in [Switch::AI, Switch::CALLING, Switch::OCR] {
                store.reset_switch(switch);
            }
            let key = KEY;
            let auditor = Auditor::builder(store, key).environment(|_| None).build();
            let inbound = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
            auditor.record(inbound).await.expect("recorded");
            let prometheus = Prometheus::start(serve(recorder.handle()));

            // A fresh host has all that the alerts need, and none fires: not even on what is absent.
            prometheus.settles("nothing should fire", <[String]>::is_empty).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            prometheus.settles("nothing should fire", <[String]>::is_empty).await;

            let is_told = |firing: &[String]| {
                ["CRITICAL", "WARNING"]
                    .iter()
                    .all(|severity| firing.contains(&format!("OcrFailureRate {severity}")))
            };
            let told = prometheus.settles("photos that fail should be told", is_told);
            // Again and again: a busy machine may miss some scrapes.
            let fail = async {
                loop {
                    fail_twenty_photos(&auditor).await;
                    tokio::time::sleep(Duration::from_secs(3)).await;
                }
            };
            tokio::select! { () = told => {}, () = fail => {} }
            prometheus.settles("it should resolve", <[String]>::is_empty).await;
        });
    });
}

/// The mix of `--load` breaks the output contract more often than one time in twenty.
#[tokio::test]
async fn a_load_of_the_concierge_makes_an_alert_fire_that_is_over_when_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = format!("sqlite://{}", folder.path().join("audit.sqlite").display());
    let mut concierge = Command::new(program("concierge"))
        .args(["--load", "160", "--over", "20", "--metrics", "127.0.0.1:0"])
        .args(["--database", &database])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let said = BufReader::new(concierge.stdout.take().expect("piped"));
    // Kept until the end: a pipe that nobody reads would end who writes to it.
    let mut said = said.lines().map_while(Result::ok);
    let address = said.find_map(|line| {
        let address = line.strip_prefix("Metrics are served at http://")?;
        address.strip_suffix("/metrics")?.parse().ok()
    });
    let prometheus = Prometheus::start(address.expect("it says where"));
    let is_told =
        |firing: &[String]| firing.iter().any(|one| one == "MoltbotRejectionRate WARNING");
    prometheus.settles("rejections should be told", is_told).await;
    let ended = tokio::task::spawn_blocking(move || concierge.wait()).await.expect("it ends");
    assert!(ended.expect("it ends").success());
    prometheus.settles("it should be over", |firing| !is_told(firing)).await;
}
