//! What is written about this repository is true of it: links lead somewhere, paths exist, and what stands in two
//! documents is the same in both.

mod integrate;
mod operate;
mod readme;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use moltbot_audit::delivery::QueueLimits;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// Every document, by its path.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(PathBuf::from).to_vec();
    for entry in fs::read_dir(root().join("docs")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let path = Path::new("docs").join(name);
        if path.extension().is_some_and(|ending| ending == "md") {
            paths.push(path);
        }
    }
    assert!(paths.len() > 10, "the walk found next to nothing");
    paths.into_iter().map(|path| (path.clone(), read(path.to_str().expect("UTF-8")))).collect()
}

/// The text between two marks, each time they stand there.
fn between<'a>(text: &'a str, opening: &str, closing: &str) -> Vec<&'a str> {
    text.split(opening).skip(1).filter_map(|rest| Some(rest.split_once(closing)?.0)).collect()
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let headings = page.lines().filter(|line| {
        is_code ^= line.starts_with("```");
        !is_code && line.starts_with('#')
    });
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    headings
        .map(|heading| heading.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.chars().filter(kept).collect::<String>().replace(' ', "-"))
        .collect()
}

/// A link of the page at `from` that leads nowhere, if it is one.
fn broken(from: &Path, link: &str) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = if file.is_empty() {
        root().join(from)
    } else {
        root().join(from).parent().expect("a folder").join(file)
    };
    if !path.exists() {
        return Some(format!("{}: {link} is no file", from.display()));
    }
    let is_there = anchor.is_empty()
        || fs::read_to_string(&path).is_ok_and(|page| anchors(&page).contains(anchor));
    (!is_there).then(|| format!("{}: {link} has no such heading", from.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    let mut faults = Vec::new();
    for (from, page) in documents() {
        for link in between(&page, "](", ")") {
            links += 1;
            faults.extend(broken(&from, link));
        }
    }
    assert!(links > 50, "the search found next to nothing");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    let from = Path::new("docs/keys.md");
    for link in ["https://example.org/x", "packs.md", "../README.md#promises", "#replacing-it"] {
        assert_eq!(broken(from, link), None);
    }
    for link in ["README.md", "packs.md#no-such-heading", "#no-such-heading"] {
        assert!(broken(from, link).is_some(), "{link}");
    }
}

/// Paths that a document gives in code, without what follows a blank or a colon.
fn paths(page: &str) -> BTreeSet<&str> {
    const FOLDERS: [&str; 11] = [
        ".agent/",
        ".ci/",
        "alerts/",
        "benches/",
        "dashboards/",
        "docs/",
        "examples/",
        "migrations/",
        "scripts/",
        "src/",
        "tests/",
    ];
    let words = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let words = words.filter_map(|code| code.split([' ', ':', '#']).next());
    let words = words.map(|word| word.trim_start_matches("./"));
    words
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains(['{', '*', '<', '…', '$']))
        .collect()
}

#[test]
fn every_path_that_is_named_exists() {
    let mut named = 0;
    let mut missing = Vec::new();
    for (from, page) in documents() {
        // The changelog tells of files that are gone.
        if from == Path::new("CHANGELOG.md") {
            continue;
        }
        for path in paths(&page) {
            named += 1;
            if !root().join(path).exists() {
                missing.push(format!("{}: {path}", from.display()));
            }
        }
    }
    assert!(named > 40, "the search found next to nothing: {named}");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The pictures of ARCHITECTURE.md name files and folders below `src/`.
#[test]
fn every_file_of_the_pictures_exists() {
    let page = read("ARCHITECTURE.md");
    let pictures = between(&page, "```text\n", "\n```");
    let words =
        pictures.iter().flat_map(|picture| picture.split([' ', '\n', ';', '(', ')', ',', ':']));
    let is_file = |word: &&str| {
        let ending = Path::new(word).extension();
        word.ends_with('/') || (word.contains('/') && ending.is_some_and(|it| it == "rs"))
    };
    let files: BTreeSet<_> = words.filter(is_file).collect();
    assert!(files.len() > 8, "the search found next to nothing: {files:?}");
    let missing = files.iter().filter(|file| !root().join("src").join(file).exists());
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_promise_of_the_readme_is_stated_in_full_and_no_other() {
    let readme = read("README.md");
    let (_, list) = readme.split_once("\n## Promises\n").expect("the promises");
    let (list, _) = list.split_once("\nWhat it cannot promise:\n").expect("the limits");
    let promised = between(list, "- **", ".**");
    assert!(promised.len() > 5, "{promised:?}");
    let stated = read("docs/guarantees.md");
    let (stated, _) = stated.split_once("\n# What is not guaranteed\n").expect("the limits");
    let stated: Vec<_> = stated.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(promised, stated);
}

#[test]
fn the_limits_that_are_written_are_those_of_the_queue() {
    let page = read("docs/outage.md");
    let is_written = |value: &str, name: &str| {
        let row = |line: &str| line.contains(&format!("| {value} | `QueueLimits::{name}`"));
        assert!(page.lines().any(row), "docs/outage.md does not say that {name} is {value}");
    };
    let limits = QueueLimits::default();
    let seconds = |limit: Duration| format!("{} s", limit.as_secs());
    is_written(&seconds(limits.wait), "wait");
    is_written(&seconds(limits.call_limit), "call_limit");
    is_written(&format!("{},{:03}", limits.events / 1000, limits.events % 1000), "events");
    is_written(&format!("{} MiB", limits.bytes >> 20), "bytes");
    is_written(&limits.connections.to_string(), "connections");
}

/// The members of a pack stand in the schema in the order of the file.
#[test]
fn the_guide_to_packs_has_an_entry_for_each_member_in_the_order_of_the_file() {
    let schema: serde_json::Value =
        serde_json::from_str(&read("docs/pack.schema.json")).expect("JSON");
    let required = schema["required"].as_array().expect("a list");
    let mut members: Vec<&str> = required.iter().filter_map(|name| name.as_str()).collect();
    members.push("signed_note");
    let page = read("docs/packs.md");
    let table = between(&page, "| look first at |\n|---|---|---|\n", "\n\n")[0];
    let names = table.lines().filter_map(|row| row.split('|').nth(1));
    let names: Vec<&str> = names.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
    assert_eq!(names, members);
}
