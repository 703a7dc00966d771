//! Serves `/metrics` for Prometheus.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use moltbot_audit::observe::{METRICS, MetricKind};

use super::{Stop, unusable};

/// How often the exporter compacts what it gathered between two scrapes.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(2);

/// Installs a recorder for the process, with the bounds that suit each histogram, and serves it at
/// `address` as long as the process lives. Returns the address, which the system chooses if the
/// port is 0.
pub(crate) fn serve(address: SocketAddr) -> Result<SocketAddr, Stop> {
    let mut recorder = PrometheusBuilder::new();
    for metric in METRICS {
        if let MetricKind::Histogram { buckets } = metric.kind {
            let name = Matcher::Full(metric.name.to_owned());
            recorder = recorder.set_buckets_for_metric(name, buckets).map_err(unusable)?;
        }
    }
    let scraped = recorder.install_recorder().map_err(unusable)?;
    let listener = TcpListener::bind(address)
        .map_err(|error| unusable(format!("cannot serve metrics at {address}: {error}")))?;
    let address = listener.local_addr().map_err(unusable)?;
    let upkeep = scraped.clone();
    thread::spawn(move || {
        loop {
            thread::sleep(UPKEEP);
            upkeep.run_upkeep();
        }
    });
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // If the client closes the connection, there is nothing to report.
            let _answered = answer(client, &scraped);
        }
    });
    Ok(address)
}

fn answer(mut client: TcpStream, scraped: &PrometheusHandle) -> std::io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut asked = BufReader::new(client.try_clone()?);
    let mut request = String::new();
    asked.read_line(&mut request)?;
    // We read the headers first. If we closed the connection before, it would be reset and the answer lost.
    let mut header = String::new();
    while asked.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, body) = if request.starts_with("GET /metrics ") {
        ("200 OK", scraped.render())
    } else {
        ("404 Not Found", "metrics are at /metrics\n".to_owned())
    };
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}
