//! The example programs as a person runs them: exit codes, messages, files.

mod signing;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// What a vendor of the built-in scenario writes.
const FOUND: &str = "We found one after all";

/// Runs an example that `cargo test` built beside this binary.
fn run<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Said {
    let output = Command::new(program(name)).args(arguments).env("MOLTBOT_AUDIT_KEY", KEY).output();
    Said::from(output.expect("the program starts"))
}

/// Where `cargo test` built an example.
pub(crate) fn program(name: &str) -> PathBuf {
    let this_binary = std::env::current_exe().expect("a path");
    let profile = this_binary.ancestors().nth(2).expect("target/PROFILE/deps/NAME");
    let program = profile.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is missing: `cargo test --all-features` builds the examples, as does `cargo build \
         --all-features --examples`",
        program.display()
    );
    program
}

/// What `verify_pack` says of a pack, and its exit code.
pub(crate) fn verify(pack: &str) -> (Option<i32>, String) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("pack.json");
    std::fs::write(&file, pack).expect("a file");
    let said = run("verify_pack", [file]);
    (said.code, said.out)
}

/// How a program ended, and what it printed.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// One play of the built-in scenario, in a folder of its own.
struct Played {
    folder: TempDir,
    database: String,
    request: String,
}

impl Played {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        // The folder of the database is created on the way.
        let database = format!("sqlite://{}/trail/audit.sqlite", folder.path().display());
        let out = folder.path().join("packs");
        let out = out.to_str().expect("UTF-8");
        let said = run("concierge", ["--database", &database, "--out", out]).expect(0);
        assert!(said.err.is_empty(), "{said:?}");
        assert_eq!(said.out.matches("verified: ").count(), 2, "{said:?}");
        let requests = std::fs::read_dir(out).expect("the packs' folder");
        let requests: Vec<_> = requests.map(|entry| entry.expect("listed").file_name()).collect();
        let [request] = &requests[..] else { panic!("one request was played: {requests:?}") };
        let request = request.to_str().expect("UTF-8").to_owned();
        Self { folder, database, request }
    }

    fn pack(&self, profile: &str) -> PathBuf {
        self.folder.path().join(format!("packs/{}/pack.{profile}.json", self.request))
    }

    /// A file that holds `text`.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// The internal pack with a letter changed in an event.
    fn forged(&self) -> PathBuf {
        let text = read(&self.pack("internal"));
        let events = text.find("\n  \"events\": [").expect("events");
        let at = events + text[events..].find(FOUND).expect("a vendor found one");
        let (before, after) = (&text[..at], &text[at + FOUND.len()..]);
        self.file("forged.json", &format!("{before}{}{after}", FOUND.replace("one", "two")))
    }

    fn export(&self, arguments: &[&str]) -> Said {
        let database = ["--database", &self.database];
        run("export_pack", database.iter().chain(arguments))
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a readable file")
}

/// The sequence number of the first event with this text.
fn seq_of(pack: &Path, text: &str) -> i64 {
    let pack: Value = serde_json::from_str(&read(pack)).expect("a pack is JSON");
    let events = pack["events"].as_array().expect("events");
    let event = events.iter().find(|event| event.to_string().contains(text));
    event.expect("an event with this text")["seq"].as_i64().expect("a number")
}

fn assert_is_pack(text: &str) {
    let first = text.trim_start_matches(['{', '\n', ' ']);
    assert!(first.starts_with("\"schema\": \"moltbot-audit"), "{}", &text[..80]);
    let pack: Value = serde_json::from_str(text).expect("a pack is JSON");
    assert!(pack.is_object());
}

#[test]
fn a_request_is_explained_from_a_pack_and_from_the_database() {
    let played = Played::new();
    let pack = played.pack("internal");
    let pack = pack.to_str().expect("UTF-8");
    let all = run("explain", [pack]).expect(0);
    let part = "shop_far: not asked. A filter took it out: too far away";
    assert!(all.out.starts_with("Why these vendors\n") && all.out.contains(part), "{all:?}");
    let wire = run("explain", [pack, "--vendor", "shop_wire", "--language", "rw"]).expect(0);
    assert!(wire.out.contains("iyo igisubizo cye gisomwa ko kidasobanutse"), "{wire:?}");
    let unknown = run("explain", [pack, "--vendor", "shop_none"]).expect(0);
    assert!(unknown.out.contains("No search found it"), "{unknown:?}");
    let data = run("explain", [pack, "--json"]).expect(0);
    let data: Value = serde_json::from_str(&data.out).expect("JSON");
    assert_eq!(data["reruns"].as_array().map(Vec::len), Some(2));

    let exports = || {
        let pack = played.export(&["--request", &played.request]).expect(0).out;
        pack.matches("\"event_type\": \"pack.exported\"").count()
    };
    let before = exports();
    let database = ["--database", &played.database, "--language", "fr"];
    let recorded = run("explain", database.iter().chain(&[played.request.as_str()])).expect(0);
    assert!(recorded.out.starts_with("Pourquoi ces vendeurs\n"), "{recorded:?}");
    assert_eq!(exports(), before + 2, "reading a database is recorded");

    let forged = run("explain", [played.forged()]).expect(1);
    assert!(forged.out.is_empty() && forged.err.starts_with("TAMPERED"), "{forged:?}");
    run("explain", ["no such file"]).expect(2);
    run("explain", [database[0], database[1], "req-unknown"]).expect(2);
}

#[test]
fn the_concierge_leaves_packs_that_verify() {
    let played = Played::new();
    let packs = [played.pack("internal"), played.pack("external")];
    for pack in &packs {
        assert_is_pack(&read(pack));
    }
    let said = run("verify_pack", &packs).expect(0);
    assert!(said.err.is_empty(), "{said:?}");
    for (line, pack) in said.out.lines().zip(&packs) {
        let expected = format!("{}: verified: request {}, ", pack.display(), played.request);
        assert!(line.starts_with(&expected), "{line}");
        assert!(line.contains("effects admitted, each within its limits"), "{line}");
    }
    assert_eq!(said.out.lines().count(), 2);
}

#[test]
fn verify_names_the_event_in_which_a_letter_was_changed() {
    let played = Played::new();
    let said = run("verify_pack", [played.forged()]).expect(1);
    let seq = seq_of(&played.pack("internal"), FOUND);
    assert!(said.out.contains(&format!("forged.json: TAMPERED: event {seq} (")), "{said:?}");
    assert_eq!(said.out.lines().count(), 1, "the first fault of each");
}

#[test]
fn verify_says_of_each_file_what_it_is_and_ends_with_the_worst() {
    let played = Played::new();
    let good = played.pack("external");
    let garbage = played.file("garbage.json", "{\"schema\": \"something else\"}");
    let empty = played.file("empty.json", "");
    let missing = played.folder.path().join("missing.json");
    for unusable in [&garbage, &empty, &missing] {
        let said = run("verify_pack", [unusable]).expect(2);
        assert!(said.out.is_empty(), "{said:?}");
        assert!(said.err.starts_with(&format!("{}: ", unusable.display())), "{said:?}");
    }
    run("verify_pack", [&good, &played.forged()]).expect(1);
    // A file that cannot be read must not hide another that was tampered with.
    let said = run("verify_pack", [&missing, &played.forged(), &good]).expect(1);
    assert!(said.err.contains("missing.json: cannot be read"), "{said:?}");
    assert!(said.out.contains("forged.json: TAMPERED"), "{said:?}");
    assert!(said.out.contains("pack.external.json: verified"), "{said:?}");
}

#[test]
fn export_writes_either_pack_to_a_file_or_to_standard_output() {
    let played = Played::new();
    for profile in ["internal", "external"] {
        // As it is pasted: with a blank.
        let request = format!(" {}\n", played.request);
        let said = played.export(&["--request", &request, "--profile", profile]).expect(0);
        assert_is_pack(&said.out);
        let pack: Value = serde_json::from_str(&said.out).expect("a pack is JSON");
        assert_eq!(pack["profile"]["name"], profile);
        let dash = ["--request", &played.request, "--profile", profile, "--out", "-"];
        assert_is_pack(&played.export(&dash).expect(0).out);

        let file = played.folder.path().join("exported.json");
        let file_name = file.to_str().expect("UTF-8");
        let to_file = ["--request", &played.request, "--profile", profile, "--out", file_name];
        let said = played.export(&to_file).expect(0);
        assert!(said.out.is_empty(), "{said:?}");
        // Outside, versions that nobody listed are hidden, and the sections need them.
        run("verify_pack", [&file]).expect(if profile == "internal" { 0 } else { 4 });
        let words = ["parser_version=replies-en-fr-rw.1"];
        let listed = words.iter().flat_map(|word| ["--word", word]);
        let listed: Vec<_> = to_file.into_iter().chain(listed).collect();
        played.export(&listed).expect(0);
        run("verify_pack", [&file]).expect(0);
    }
}

#[test]
fn export_refuses_what_it_cannot_use_and_says_why() {
    let played = Played::new();
    // It says what was typed, not only the id that this leads to.
    let said = played.export(&["--request", " no-such-request "]).expect(2);
    assert!(said.err.contains("nothing is recorded of request \"no-such-request\""), "{said:?}");
    assert!(said.err.contains("MOLTBOT_AUDIT_KEY") && said.out.is_empty(), "{said:?}");
    let said = played.export(&["--request", "undefined"]).expect(2);
    assert!(said.err.contains("--request \"undefined\": the id of the request is a text for a"));
    let nowhere = ["--request", &played.request, "--out", "/no/such/folder/pack.json"];
    let said = played.export(&nowhere).expect(2);
    assert!(said.err.contains("/no/such/folder/pack.json"), "{said:?}");
    let exports = || {
        let pack = played.export(&["--request", &played.request]).expect(0).out;
        pack.matches("\"event_type\": \"pack.exported\"").count()
    };
    let before = exports();
    let folder = played.folder.path().to_str().expect("UTF-8");
    played.export(&["--request", &played.request, "--out", folder]).expect(2);
    assert_eq!(exports(), before + 1, "an export that had nowhere to go was not recorded");

    let missing = played.folder.path().join("missing.sqlite");
    for (database, expected) in [
        ("mysql://audit:s3cret@localhost/audit", "expected postgres://"),
        (&*format!("sqlite://{}", missing.display()), &*missing.display().to_string()),
        // Nobody listens on port 1.
        ("postgres://audit:s3cret@127.0.0.1:1/audit", "unavailable"),
        ("postgres://audit:s3cret@127.0.0.1:port/audit", "database URL"),
    ] {
        let said = run("export_pack", ["--database", database, "--request", "r"]).expect(2);
        assert!(said.err.starts_with("error: "), "{said:?}");
        assert!(said.err.contains(expected), "{database}: {said:?}");
        assert!(!said.err.contains("s3cret") && said.out.is_empty(), "{database}: {said:?}");
    }
    assert!(!missing.exists(), "an export creates no database");
}

#[tokio::test]
async fn a_request_is_exported_by_the_name_that_its_host_gave_it() {
    let folder = TempDir::new().expect("a folder");
    let database = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let store = moltbot_audit::store::open(&database).await.expect("a store");
    // README's key, and so that of the programs where none is set.
    let key = moltbot_audit::redact::RedactionKey::from_bytes([7; 32]);
    let auditor = Auditor::builder(store.clone(), key).build();
    let request = auditor.request_id("req-7").expect("a name");
    let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request);
    auditor.record(event).await.expect("it lands");
    store.close().await;
    let export = Command::new(program("export_pack"))
        .args(["--database", &database, "--request", "req-7"])
        .env_remove("MOLTBOT_AUDIT_KEY")
        .output();
    let said = Said::from(export.expect("the program starts")).expect(0);
    assert_is_pack(&said.out);
    assert!(said.err.contains("demonstration key, which is not secret"), "{said:?}");
}

#[test]
fn every_program_says_how_it_is_used() {
    for name in ["concierge", "export_pack", "find_requests", "keygen", "story", "verify_pack"] {
        let said = run(name, ["--help"]).expect(0);
        assert!(said.out.contains(&format!("Usage: {name}")), "{said:?}");
        assert!(said.out.contains("Exit code"), "{said:?}");
        run(name, ["--no-such-option"]).expect(2);
    }
    run("verify_pack", [""; 0]).expect(2);
    // The table of the documentation is the program's own.
    let said = run("verify_pack", ["--help"]).expect(0);
    let page = include_str!("../../docs/verifying.md");
    for code in 0..=4 {
        assert!(said.out.contains(&format!("\n  {code}  ")), "{said:?}");
        assert!(page.contains(&format!("\n| {code} | ")), "{code}");
    }
}

#[test]
fn requests_are_listed_by_state_time_and_either_id() {
    let played = Played::new();
    let find = |arguments: &[&str]| {
        let database = ["--database", &played.database];
        run("find_requests", database.iter().chain(arguments))
    };
    let one: [&[&str]; 5] = [
        &[],
        &["--state", "handed_off", "--page", "1"],
        &["--from", "2026-03-02T07:15:00Z"],
        &["--id", &played.request],
        // The scenario's name for its conversation.
        &["--id", " conv_charger "],
    ];
    for arguments in one {
        let said = find(arguments).expect(0);
        let rows: Vec<_> = said.out.lines().skip(1).collect();
        assert_eq!(rows.len(), 1, "{arguments:?}: {said:?}");
        assert!(rows[0].starts_with(&played.request) && rows[0].contains("  handed_off  "));
    }
    let none: [&[&str]; 3] =
        [&["--state", "error"], &["--before", "2026-03-02T07:15:00Z"], &["--id", "nobody's"]];
    for arguments in none {
        assert_eq!(find(arguments).expect(1).out.lines().count(), 1, "{arguments:?}");
    }
    for (arguments, why) in [
        (["--page", "0"], "1 to 1000"),
        (["--after", "next"], "not a cursor"),
        (["--id", "undefined"], "missing value"),
        (["--from", "yesterday"], "--from"),
    ] {
        let said = find(&arguments).expect(2);
        assert!(said.err.contains(why), "{arguments:?}: {said:?}");
    }
    let nowhere = played.folder.path().join("no.sqlite");
    let said =
        run("find_requests", ["--database", &format!("sqlite://{}", nowhere.display())]).expect(2);
    assert!(!nowhere.exists(), "looking creates no database: {said:?}");
}

#[test]
fn an_outage_is_told_and_nothing_of_it_is_missing() {
    let folder = TempDir::new().expect("a temporary folder");
    let database = format!("sqlite://{}/audit.sqlite", folder.path().display());
    let spool = folder.path().join("spool").display().to_string();
    let arguments = ["--database", &database, "--spool", &spool, "--events", "30"];
    let said = run("outage", arguments).expect(0);
    assert!(said.out.contains("in the spool, "), "{said:?}");
    assert!(said.out.lines().count() < 20, "equal lines are one: {said:?}");
    assert!(said.out.contains("30 events in the stream, 0 spooled"), "{said:?}");
    assert!(said.out.contains("not recorded 0\n"), "{said:?}");
    assert!(!said.out.contains('\x1b'), "no colours where nobody looks: {said:?}");
}
