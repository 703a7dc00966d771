//! The host's TypeScript: `examples/typescript` seals and appends as the library does.

mod names;
mod retryable;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use moltbot_audit::pack::{Unchecked, export_request_pack, verify_request_pack};
use moltbot_audit::proof::{Salt, canonical, commit, sanitise};
use moltbot_audit::redact::Profile;
use moltbot_audit::testing::FaultProxy;
use moltbot_audit::{Actor, AuditEvent, Auditor, ErrorCode, EventType, Outcome};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;
use sqlx::Executor;
use sqlx::postgres::PgConnectOptions;

use crate::support::json::json;
use crate::support::records::{
    KEY, assert_unbroken, fresh_request, named_conversation, named_request, verify,
};
use crate::support::stores::postgres_with_url;
use crate::support::stores::{self};

const MISSING: &str = "Node.js 18 or later and node-postgres are needed for these tests and were \
                       not found: ./scripts/test installs them, or run `npm ci --prefix \
                       examples/typescript`; `cargo test -- --skip typescript` goes without";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A run of Node.js at a database, with node-postgres at hand.
pub(crate) fn node(url: &str, arguments: &[&str]) -> Command {
    let mut found = Command::new("node");
    found.args(["-e", "require('pg')"]).current_dir(root().join("examples/typescript"));
    let found = found.output().is_ok_and(|output| output.status.success());
    assert!(found, "{MISSING}");
    let mut node = Command::new("node");
    node.args(arguments).current_dir(root());
    node.env("DATABASE_URL", url).env("MOLTBOT_AUDIT_KEY", "07".repeat(32));
    node
}

/// What a run says that succeeds.
pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout);
    assert!(output.status.success(), "node failed: {said}\n{}", text(&output.stderr));
    said
}

fn run(url: &str, arguments: &[&str]) -> String {
    said(&node(url, arguments).output().expect("node starts"))
}

/// What a program says that reads values, one a line.
fn through(program: &str, values: &[Value]) -> String {
    let mut node = node("", &[program]);
    let mut node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
    let mut stdin = node.stdin.take().expect("a pipe");
    let lines = values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let said = said(&node.wait_with_output().expect("node ends"));
    writer.join().expect("no panic").expect("node reads");
    said
}

/// Runs a file of tests: all of them, and there are some.
fn run_tests(url: &str, file: &str) {
    let said = run(url, &["--test", "--test-reporter=tap", file]);
    for (counted, is_right) in [("# pass 0", false), ("# fail 0", true), ("# skipped 0", true)] {
        assert_eq!(said.lines().any(|line| line == counted), is_right, "{counted}: {said}");
    }
}

#[test]
fn the_module_seals_as_the_golden_vectors_have_it() {
    run_tests("", "examples/typescript/seal.test.mjs");
}

#[test]
fn the_module_names_rows_as_the_golden_vectors_have_it() {
    run_tests("", "examples/typescript/host-id.test.mjs");
}

#[test]
fn the_module_hashes_phone_numbers_as_the_golden_vectors_have_it() {
    run_tests("", "examples/typescript/phone.test.mjs");
}

#[test]
fn the_module_words_events_about_messages_as_packs_read_them() {
    run_tests("", "examples/typescript/messages.test.mjs");
}

#[tokio::test]
async fn appending_keeps_its_promises_from_typescript_too() {
    let (fresh, url) = postgres_with_url().await;
    run_tests(&url, "examples/typescript/append.test.mjs");
    for (name, events) in [("a batch", 3), ("typescript", 3), ("landed", 2), ("not landed", 2)] {
        let snapshot = stores::read(&*fresh.store, &named_request(name)).await;
        assert_eq!(snapshot.records.len(), events, "{name}");
        assert_unbroken(&snapshot);
    }
}

#[tokio::test]
async fn one_story_told_from_both_sides_is_one_chain_and_one_pack() {
    let (fresh, url) = postgres_with_url().await;
    let auditor = Auditor::builder(fresh.store.clone(), KEY).build();
    let request = named_request("from both sides");
    let event = |event_type, actor| {
        AuditEvent::new(event_type, actor)
            .request(&request)
            .idempotency_key("outreach:+250788123456")
    };
    auditor.record(event(EventType::REQUEST_CREATED, Actor::System)).await.expect("it lands");
    let said = run(&url, &["examples/typescript/concierge.mjs", "from both sides"]);
    let last = event(EventType::VENDOR_OUTREACH_SENT, Actor::System);
    auditor.record(last).await.expect("it lands");

    let snapshot = stores::read(&*fresh.store, &request).await;
    assert_eq!(snapshot.records.len(), 5);
    assert_unbroken(&snapshot);
    let receipts: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("a receipt a line")).collect();
    assert_eq!(receipts.len(), 3);
    for (receipt, stored) in receipts.iter().zip(&snapshot.records[1..]) {
        assert_eq!(receipt["status"], "stored");
        assert_eq!(receipt["seq"], stored.seq.to_string());
        assert_eq!(receipt["recordedAtUs"], stored.recorded_at.timestamp_micros().to_string());
        assert_eq!(receipt["eventHash"], stored.event_hash.to_hex());
        assert_eq!(receipt["chainHash"], stored.chain_hash.to_hex());
    }
    // One phone number has one hash on both sides.
    let keys: Vec<_> = snapshot.records[3..].iter().map(|stored| &stored.idempotency_key).collect();
    assert_eq!(keys[0], keys[1]);
    let names = snapshot.records[1].host_ids.as_ref().expect("the host's own names");
    assert_eq!(names["conversation_id"], "conv_001");
    let conversation = named_conversation("conv_001").uuid();
    assert_eq!(snapshot.records[1].header.conversation_id, Some(conversation));

    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let pack = export_request_pack(&*fresh.store, &request, &profile).await.expect("a pack");
        let verified = verify_request_pack(pack.to_json_pretty().as_bytes()).expect("it verifies");
        assert_eq!(verified.events(), 5);
        assert_eq!(verified.head().chain_hash, snapshot.head.chain_hash);
    }
}

#[tokio::test]
async fn a_wrong_hash_is_taken_by_the_database_and_set_aside_by_the_pack() {
    let (fresh, url) = postgres_with_url().await;
    let request = named_request("a wrong hash");
    run(&url, &["tests/typescript/wrong_hash.mjs", "a wrong hash"]);
    let found = verify(&stores::read(&*fresh.store, &request).await);
    assert_eq!(found, Err("event 1: event_hash differs".to_owned()));
    let pack = export_request_pack(&*fresh.store, &request, &Profile::internal()).await;
    let pack = pack.expect("it is exported as it is").to_json_pretty();
    let verified = verify_request_pack(pack.as_bytes()).expect("the rest verifies");
    assert!(matches!(verified.unchecked(), [Unchecked::SetAside(event)] if event.seq == 1));
}

#[tokio::test]
async fn events_and_rows_written_over_a_wire_that_is_cut_are_there_once() {
    let (fresh, direct) = postgres_with_url().await;
    let options: PgConnectOptions = direct.parse().expect("our own URL");
    let folder = options.get_socket().expect("the cluster listens on a Unix socket");
    let socket = folder.join(format!(".s.PGSQL.{}", options.get_port()));
    let proxy = FaultProxy::start(socket.as_path()).await.expect("a free port");
    let database = options.get_database().expect("a database of its own");
    let url = format!("postgres://postgres@{}/{database}", proxy.address());
    let direct = stores::pool(&direct).await;
    direct.execute("create table calls (n int not null)").await.expect("a table");
    // Each connection is cut in the middle of some answer, after an event or two.
    for after_bytes in [1_300, 1_387, 1_474, 1_561] {
        let before = proxy.connections();
        proxy.truncate(after_bytes);
        let request = fresh_request();
        let arguments = ["tests/typescript/record_many.mjs", &request.to_string(), "12"];
        let mut command = node(&url, &arguments);
        let many = tokio::task::spawn_blocking(move || command.output().expect("node starts"));
        said(&many.await.expect("node ends"));
        let cuts = proxy.connections() - before;
        assert!(cuts >= 3, "after {after_bytes} bytes: {cuts} connections");
        let snapshot = stores::read(&*fresh.store, &request).await;
        let told: Vec<_> = snapshot.records.iter().filter_map(|row| row.input.clone()).collect();
        let expected: Vec<_> = (0..12).map(|n| serde_json::json!({ "n": n })).collect();
        assert_eq!(told, expected, "after {after_bytes} bytes");
        assert_unbroken(&snapshot);
    }
    let calls: Vec<i32> = sqlx::query_scalar("select n from calls order by n")
        .fetch_all(&direct)
        .await
        .expect("the host's rows");
    assert_eq!(calls, [1, 3, 5, 7, 9, 11].map(|n| [n; 4]).concat());
}

/// Whether an integer has more digits than JavaScript reads.
fn has_large_integer(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64() && sanitise(value.clone()).is_string(),
        Value::Array(items) => items.iter().any(has_large_integer),
        Value::Object(members) => members.values().any(has_large_integer),
        _ => false,
    }
}

#[test]
fn any_json_is_kept_and_committed_to_as_the_library_does() {
    let mut runner = TestRunner::deterministic();
    let sample = |_| json().new_tree(&mut runner).expect("a value").current();
    let values: Vec<Value> =
        (0..2_000).map(sample).filter(|value| !has_large_integer(value)).collect();
    assert!(values.len() > 500, "{} values are left", values.len());
    let said = through("tests/typescript/seal_lines.mjs", &values);
    assert_eq!(said.lines().count(), values.len());
    for (line, value) in said.lines().zip(values) {
        let kept = sanitise(value);
        let commitment = commit(&kept, Salt::from_bytes([7; 16]), "/input").to_hex();
        let ours = serde_json::json!([canonical(&kept), commitment]);
        assert_eq!(serde_json::from_str::<Value>(line).expect("JSON"), ours);
    }
}

fn file(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_closed_sets_are_the_librarys() {
    let source = file("examples/typescript/seal.mjs");
    let set = |name: &str| {
        let rest = source.split_once(&format!("export const {name} = ["));
        let (list, _) = rest.and_then(|(_, rest)| rest.split_once(']')).expect(name);
        let words = list.split(',').map(|word| word.trim().trim_matches('"').to_owned());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(set("ACTORS"), Actor::ALL.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(set("OUTCOMES"), Outcome::ALL.iter().map(ToString::to_string).collect::<Vec<_>>());
    let codes: Vec<_> = ErrorCode::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(set("ERROR_CODES"), codes);
    assert_eq!(set("RESERVED_DOMAINS"), EventType::RESERVED_DOMAINS);
}

#[test]
fn what_the_document_shows_is_the_tested_code() {
    let folder = root().join("examples/typescript");
    let files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the example's folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "mjs"))
        .collect();
    let code: Vec<String> =
        files.iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect();
    let document = file("docs/typescript.md");
    let mut shown = 0;
    for (block, _) in document.split("```js\n").skip(1).filter_map(|rest| rest.split_once("\n```"))
    {
        assert!(code.iter().any(|code| code.contains(block)), "not in the example:\n{block}");
        shown += 1;
    }
    assert!(shown >= 3, "the document shows code");
}
