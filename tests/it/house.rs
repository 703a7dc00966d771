//! The house rules: rooms, circles, file lengths, names. ARCHITECTURE.md explains them; this enforces them.

mod circles;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use circles::House;
use source::{Source, tokens};

const LINES_MAX: usize = 400;

/// A front door and a map: what does not fit into these two belongs into `docs/`, or at the top of a file.
const ENTRANCES: [(&str, usize); 2] = [("README.md", 150), ("ARCHITECTURE.md", 150)];

/// Each room under `src`, from the ground up, with the rooms it may use beside its own.
const ROOMS: [(&str, &[&str]); 15] = [
    ("json", &[]),
    ("event", &["json"]),
    ("proof", &["json"]),
    ("redact", &["json", "event"]),
    ("record", &["json", "event", "proof", "redact"]),
    ("store", &["json", "event", "proof", "redact", "record"]),
    ("delivery", &["json", "event", "proof", "redact", "record", "store"]),
    ("policy", &["json", "event", "proof", "redact", "record", "store"]),
    ("observe", &["json", "event", "proof", "redact", "record", "store"]),
    (
        "auditor",
        &["json", "event", "proof", "redact", "record", "store", "delivery", "policy", "observe"],
    ),
    (
        "pack",
        &[
            "json", "event", "proof", "redact", "record", "store", "delivery", "policy", "observe",
            "auditor",
        ],
    ),
    (
        "reconcile",
        &[
            "json", "event", "proof", "redact", "record", "store", "delivery", "policy", "observe",
            "auditor", "pack",
        ],
    ),
    ("report", &["event", "json", "pack", "redact"]),
    (
        "undo",
        &[
            "json", "event", "proof", "redact", "record", "store", "delivery", "policy", "observe",
            "auditor", "pack",
        ],
    ),
    ("testing", &["json", "event", "proof", "redact", "record", "store", "delivery", "auditor"]),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["common", "helper", "helpers", "manager", "misc", "tests", "util", "utils", "test"];

/// Where lines are handed to the thread that writes them, and written by it.
const MAY_LOG: [&str; 2] = ["observe/recorded.rs", "store/log_line.rs"];

fn logs_at_once(code: &str) -> bool {
    let macros = ["trace", "debug", "info", "warn", "error", "event"];
    macros.iter().any(|level| code.contains(&format!("tracing :: {level} !")))
}

/// What is wrong with a file under `src`.
fn faults(path: &Path, source: &str) -> Vec<String> {
    let module: Vec<&str> = module_of(path);
    let mut faults = Vec::new();
    if source.lines().count() > LINES_MAX {
        faults.push(format!("has more than {LINES_MAX} lines"));
    }
    if module.iter().any(|name| EMPTY_NAMES.contains(name)) {
        faults.push("has a name that says nothing".to_owned());
    }
    if !is_rust(path) {
        return faults;
    }
    let code = tokens(source).join(" ");
    if code.contains("cfg ( test )") || code.contains("mod tests") {
        faults.push("holds tests, which belong under tests/".to_owned());
    }
    if !MAY_LOG.contains(&path.to_str().expect("UTF-8")) && logs_at_once(&code) {
        faults.push(
            "writes a log line where callers wait for it, instead of by `log_line!`".to_owned(),
        );
    }
    // The front door uses every room.
    let Some(room) = module.first() else { return faults };
    if code.contains("sqlx ::") && *room != "store" {
        faults.push("uses sqlx outside the storage room".to_owned());
    }
    let Some((_, lower)) = ROOMS.iter().find(|(name, _)| name == room) else {
        faults.push(format!("is in a room the house does not have: {room}"));
        return faults;
    };
    for path in Source::read(&module, source).crate_paths() {
        let Some(used) = path.first() else { continue };
        if used != room && !lower.contains(&used.as_str()) {
            faults.push(format!("uses crate::{used}"));
        }
    }
    faults
}

/// What pages are made of, in other languages, has only to be short and well named.
fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// The module path of a file: `src/store/sqlite/mod.rs` is `[store, sqlite]`, `src/lib.rs` is `[]`.
fn module_of(path: &Path) -> Vec<&str> {
    let names = path.iter().map(|name| name.to_str().expect("UTF-8"));
    let names = names.map(|name| name.split_once('.').map_or(name, |(stem, _)| stem));
    names.filter(|name| !["mod", "lib"].contains(name)).collect()
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Every file under `src`: its path there and its text.
fn files() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = files_under(&src);
    assert!(files.len() > 20, "the walk found next to nothing");
    let read = |file: PathBuf| {
        let path = file.strip_prefix(&src).expect("under src").to_owned();
        (path, fs::read_to_string(&file).expect("UTF-8"))
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_file_keeps_the_rules_of_the_house() {
    let mut found = Vec::new();
    for (path, source) in files() {
        found.extend(faults(&path, &source).into_iter().map(|fault| format!("{path:?} {fault}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_files_of_one_folder_import_each_other_in_a_circle() {
    let files = files();
    let files = files.iter().filter(|(path, _)| is_rust(path));
    let files = files.map(|(path, source)| Source::read(&module_of(path), source));
    let circles = House::new(files).circles();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn a_room_may_use_itself_and_lower_rooms() {
    for (path, source) in [
        ("event/ids.rs", "use super::EventError; use crate::event::EventType;"),
        ("redact/withhold.rs", "use crate::event::Actor;"),
        (
            "record/seal.rs",
            "use crate::{event::{EventId, StreamId}, proof, redact::{self, withhold}};",
        ),
        ("store/sqlite/append.rs", "use super::super::Conflict; use crate::record::Record;"),
        ("pack/export.rs", "fn f() -> crate::auditor::Auditor { crate::store::open() }"),
        ("event/ids.rs", "// crate::store is where it goes\n/// [`crate::pack`]\nuse std::fmt;"),
        ("lib.rs", "pub mod pack; pub use crate::event::EventId;"),
    ] {
        assert_eq!(faults(Path::new(path), source), [""; 0], "{path}: {source}");
    }
}

#[test]
fn every_way_to_a_higher_room_is_seen() {
    for (path, source, fault) in [
        ("event/ids.rs", "use crate::proof::Digest;", "uses crate::proof"),
        ("proof/chain.rs", "use crate::event::EventId;", "uses crate::event"),
        ("redact/withhold.rs", "use crate::proof;", "uses crate::proof"),
        ("record/seal.rs", "fn f() { crate::store::open() }", "uses crate::store"),
        ("store/mod.rs", "use crate::{\n    event,\n    pack::Pack,\n};", "uses crate::pack"),
        ("store/mod.rs", "use crate::{event::{A, B}, auditor};", "uses crate::auditor"),
        ("store/mod.rs", "use super::auditor::Auditor;", "uses crate::auditor"),
        ("store/error.rs", "use super::super::pack;", "uses crate::pack"),
        ("store/error.rs", "use super::{super::pack, Conflict};", "uses crate::pack"),
        ("policy/guard.rs", "use crate::observe;", "uses crate::observe"),
        // Through the front door, everything would be in reach of everything.
        ("event/ids.rs", "use crate::RequestPack;", "uses crate::RequestPack"),
        ("event/ids.rs", "use crate::*;", "uses crate::*"),
        ("cellar/wine.rs", "", "is in a room the house does not have: cellar"),
        ("record/seal.rs", "use sqlx::Row;", "uses sqlx outside the storage room"),
        (
            "store/mod.rs",
            "fn f() { tracing::warn!(why, \"away\"); }",
            "writes a log line where callers wait for it, instead of by `log_line!`",
        ),
    ] {
        assert_eq!(faults(Path::new(path), source), [fault], "{path}: {source}");
    }
}

#[test]
fn long_files_tests_inside_and_empty_names_are_seen() {
    let long = "\n".repeat(LINES_MAX + 1);
    for (path, source, fault) in [
        ("event/ids.rs", long.as_str(), "has more than 400 lines"),
        ("report/script/page.js", long.as_str(), "has more than 400 lines"),
        ("event/utils.rs", "", "has a name that says nothing"),
        ("report/script/helpers.js", "", "has a name that says nothing"),
        ("store/helper/mod.rs", "", "has a name that says nothing"),
        ("store/manager.rs", "", "has a name that says nothing"),
        ("event/ids.rs", "#[cfg(test)]\nfn f() {}", "holds tests, which belong under tests/"),
        ("event/ids.rs", "mod tests {}", "holds tests, which belong under tests/"),
    ] {
        assert_eq!(faults(Path::new(path), source), [fault], "{path}");
    }
    assert_eq!(faults(Path::new("event/ids.rs"), &"\n".repeat(LINES_MAX)), [""; 0]);
}

#[test]
fn readme_and_architecture_stay_short() {
    for (name, lines_max) in ENTRANCES {
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        let lines = page.lines().count();
        assert!(lines <= lines_max, "{name} has {lines} lines, and may have {lines_max}");
        let longest = page.lines().filter(|line| !line.starts_with('|'));
        let longest = longest.max_by_key(|line| line.chars().count()).unwrap_or_default();
        assert!(longest.chars().count() <= 140, "{name} hides text in a long line: {longest}");
    }
}

/// The rooms of ARCHITECTURE.md's plan are those that are enforced, in the same order.
#[test]
fn the_plan_shows_the_rooms_that_are_there() {
    let page = include_str!("../../ARCHITECTURE.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `src/"));
    let shown: Vec<_> = rows.filter_map(|row| Some(row.split_once("/` |")?.0)).collect();
    assert_eq!(shown, ROOMS.map(|(room, _)| room));
}
