//! What the crate is built from, and what of it is published: versions of Rust, licences, sources, the package.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Licences that ask no more than to be named. A crate may be used if it can be had under these alone.
const LICENCES: [&str; 8] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// TLS is the host's choice, and so is what it is done with.
const BANNED: [&str; 6] = ["aws-lc-rs", "native-tls", "openssl", "openssl-sys", "ring", "rustls"];

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).arg("--locked");
    let output = cargo.output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Every package of this platform's build, with all features, tests and benchmarks.
fn packages() -> Vec<Value> {
    let target = cargo(&["metadata", "--format-version=1", "--all-features", HERE]);
    let mut metadata: Value = serde_json::from_str(&target).expect("JSON");
    let packages = metadata["packages"].take();
    let packages: Vec<Value> = serde_json::from_value(packages).expect("a list");
    assert!(packages.len() > 100, "{} packages", packages.len());
    packages
}

/// Packages of other platforms would have to be fetched first.
const HERE: &str = if cfg!(target_arch = "aarch64") {
    "--filter-platform=aarch64-unknown-linux-gnu"
} else {
    "--filter-platform=x86_64-unknown-linux-gnu"
};

fn text<'a>(package: &'a Value, member: &str) -> &'a str {
    package[member].as_str().unwrap_or_default()
}

/// The packages of the library itself with all its features, once each, as `name version`.
fn linked(features: &str) -> Vec<String> {
    let tree = cargo(&["tree", "--edges=normal", "--prefix=none", "--format={p}", features]);
    let mut linked: Vec<String> = tree
        .lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    linked.sort_unstable();
    linked.dedup();
    linked
}

#[test]
fn no_dependency_needs_a_later_rust_than_we_say() {
    let version = |text: &str| -> Vec<u32> {
        text.split('.').take(2).map(|part| part.parse().expect("a number")).collect()
    };
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    for package in packages() {
        let needed = text(&package, "rust_version");
        assert!(needed.is_empty() || version(needed) <= ours, "{}: {needed}", package["name"]);
    }
}

/// Whether an SPDX expression can be met by the licences alone. `/` is how it was once written.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace(['(', ')'], " ").replace('/', " OR ");
    // No expression that is met has an OR inside an AND that matters: each AND is met by each of its alternatives.
    let is_met = |term: &str| LICENCES.contains(&term.trim());
    let all_of = |terms: &str| terms.split(" AND ").all(is_met);
    expression.split(" OR ").any(all_of)
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let ours = ["MIT OR Apache-2.0", "GPL-3.0 OR MIT", "MIT / Apache-2.0", "MIT AND Zlib"];
    assert!(ours.into_iter().all(is_allowed));
    assert!(["GPL-3.0", "MIT AND GPL-3.0", "", "MIT-0"].into_iter().all(|one| !is_allowed(one)));
    for package in packages() {
        let licence = text(&package, "license");
        assert!(is_allowed(licence), "{}: {licence:?}", package["name"]);
    }
}

#[test]
fn every_dependency_comes_from_the_one_registry_with_its_checksum() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = std::fs::read_to_string(lock).expect("a lock file");
    let mut sources = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let of = |name: &str| package.lines().find_map(|line| line.strip_prefix(name));
        let name = of("name = ").expect("a name");
        match of("source = ") {
            Some(source) => {
                assert!(source.starts_with("\"registry+"), "{name}: {source}");
                assert!(of("checksum = ").is_some(), "{name} has no checksum");
                sources.push(source.to_owned());
            }
            None => assert_eq!(name, "\"moltbot-audit\"", "a path"),
        }
    }
    assert!(sources.len() > 100);
    sources.dedup();
    assert_eq!(sources.len(), 1, "{sources:?}");
}

#[test]
fn the_library_brings_no_tls() {
    for package in linked("--all-features") {
        let name = package.split(' ').next().expect("a name");
        assert!(!BANNED.contains(&name), "{package}");
    }
}

#[test]
fn the_readme_says_how_many_crates_a_build_has() {
    let readme = include_str!("../../README.md");
    let default = format!("The default build has {} crates", linked("--edges=normal").len());
    assert!(readme.contains(&default), "README.md does not say: {default}");
    let verifier = format!("offline verifier, {} crates", linked("--no-default-features").len());
    assert!(readme.contains(&verifier), "README.md does not say: {verifier}");
}

/// What is not in the package is not there for whoever builds it, and what is stays published.
#[test]
fn the_package_holds_the_library_its_documents_and_nothing_else() {
    let listed = cargo(&["package", "--list", "--allow-dirty"]);
    let listed: Vec<&str> = listed.lines().collect();
    for needed in [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "alerts/moltbot-audit.rules.yml",
        "dashboards/moltbot-audit.json",
        "docs/pack.schema.json",
        "docs/runbook.md",
        "examples/concierge/main.rs",
        "migrations/sqlite/0003_moltbot_audit_logs.sql",
        "src/lib.rs",
    ] {
        assert!(listed.contains(&needed), "{needed} is missing of {listed:#?}");
    }
    let folders = ["alerts/", "dashboards/", "docs/", "examples/", "migrations/", "src/"];
    for file in listed {
        let is_listed = folders.iter().any(|folder| file.starts_with(folder))
            || (!file.contains('/') && !file.starts_with('.'))
            || file == ".cargo_vcs_info.json";
        assert!(is_listed && !file.contains("node_modules"), "{file} would be published");
    }
}
