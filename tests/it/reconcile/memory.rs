//! How much memory a comparison takes: as much for many requests as for few.
//!
//! The sizes are small here. `scripts/proofs` takes a day of 10,000 requests, by `MOLTBOT_AUDIT_REQUESTS`. Each size is
//! compared by a process of its own, started from this binary.

use moltbot_audit::reconcile::reconcile_period;
use moltbot_audit::store::PostgresStore;

use super::planted::Trail;
use super::world::World;
use crate::support::process::{again, part, this_test};

/// By how much the larger one may be larger: pages differ in size, and allocators keep what they had.
const GROWTH_MAX_KIB: u64 = 4 * 1024;

#[tokio::test]
async fn comparing_ten_times_the_requests_takes_no_more_memory() {
    if let Some(url) = part() {
        return compare(&url).await;
    }
    let requests = std::env::var("MOLTBOT_AUDIT_REQUESTS");
    let many: usize = requests.map_or(500, |requests| requests.parse().expect("a number"));
    let world = World::new().await;
    let mut peaks = Vec::new();
    let mut planted = 0;
    for size in [many / 10, many] {
        for n in planted..size {
            world.plant(n, Trail::AsItWas, "").await;
        }
        planted = size;
        let output = again(this_test!(), &world.url).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        let peak =
            said.lines().find_map(|line| line.split_once("compared: ")).map(|(_, peak)| peak);
        let peak = peak.unwrap_or_else(|| panic!("{said}"));
        let (compared, kib) = peak.split_once(" requests, peak ").expect("two numbers");
        assert_eq!(compared.parse(), Ok(size));
        peaks.push(kib.trim_end_matches(" KiB").parse::<u64>().expect("a number"));
    }
    eprintln!("{many} lines, peaks of {peaks:?} KiB");
    assert!(peaks[1] <= peaks[0] + GROWTH_MAX_KIB, "{peaks:?} KiB");
}

/// The part of the other process: compares everything, and tells its peak.
async fn compare(url: &str) {
    let store = PostgresStore::connect(url).await.expect("the database accepts connections");
    let host = store.host_tables();
    let time = |text: &str| text.parse().expect("a time");
    let always = (time("2026-01-01T00:00:00Z"), time("2100-01-01T00:00:00Z"));
    let mut found = 0;
    let report = reconcile_period(&store, &host, always, always.1, |_| found += 1);
    let report = report.await.expect("both sides can be read");
    assert_eq!(found, 0);
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    let peak = line.split_whitespace().nth(1).expect("a number");
    eprintln!("compared: {} requests, peak {peak} KiB", report.requests);
}
