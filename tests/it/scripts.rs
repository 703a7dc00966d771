//! The scripts that check this repository, with stubs in place of the programs that they call.
//!
//! Each script runs once with stubs that all work, then once for each call that it made, with a stub that fails
//! there. So a command that is added to a script later is covered too.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What the scripts themselves are made of; nothing else is on their path.
const TOOLS: [&str; 14] = [
    "bash", "cat", "cp", "dirname", "env", "grep", "id", "mktemp", "rm", "sed", "sort", "tail",
    "tee", "wc",
];

/// Programs that fail at the call they are told to; a new one needs an entry here.
const STUBBED: [&str; 10] = [
    "apt-get",
    "cargo",
    "chromium",
    "jq",
    "node",
    "npm",
    "pg_config",
    "pgbouncer",
    "prometheus",
    "promtool",
];

/// Calls that only ask whether something is there are not counted: a script goes on if they fail. The folder of
/// the stub has what `apt-get` installs.
const STUB: &str = r#"#!/usr/bin/env bash
set -eu
folder=${0%/*}
name=${0##*/}
case "$name $*" in
"node -e "*ajv*) [ -e "$folder/ajv" ]; exit ;;
"node -e "*) [ -e "$folder/node-postgres" ]; exit ;;
"pg_config --bindir") echo "$folder"; exit ;;
esac
echo "$name $*" >>"$folder/calls"
if [ "$(wc -l <"$folder/calls")" -eq "$STUB_FAILS_AT" ]; then
    echo "on purpose: $name $*" >&2
    echo "${STUB_SAYS-}"
    exit 101
fi
case "$name $*" in
"cargo check "*arbitrary_precision)
    echo "it cannot be built with the feature arbitrary_precision"
    exit 101
    ;;
"apt-get install "*" npm") cp "$0" "$folder/npm" ;;
"npm ci "*independent) : >"$folder/ajv" ;;
"apt-get install "* | "npm ci "*)
    : >"$folder/node-postgres"
    for installed in chromium jq pgbouncer prometheus promtool; do cp "$0" "$folder/$installed"; done
    ;;
"cargo tree "*) echo "moltbot-audit v0.1.0" ;;
"cargo test "*) echo "test result: ok. ${STUB_TESTS:-1} passed; 0 failed" ;;
esac
"#;

/// How a script ended with stubs in place of programs.
#[derive(Debug)]
struct Ended {
    success: bool,
    /// What it called, one a line.
    calls: Vec<String>,
    out: String,
    err: String,
}

impl Ended {
    /// The stages of `.ci/run` that it said ended so: `ok` or `FAIL`.
    fn stages(&self, verdict: &str) -> Vec<String> {
        let name = |line: &str| {
            let rest = line.strip_prefix(verdict)?.strip_suffix(" s")?;
            Some(rest.trim_end_matches(|c: char| c.is_ascii_digit()).trim().to_owned())
        };
        self.out.lines().filter_map(name).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a script with stubs of which the `fails_at`-th counted call fails; 0 is none. Without `installed`, only
/// `apt-get`, `cargo` and `node` are there.
fn run(script: &[&str], fails_at: usize, installed: bool, tests: u32) -> Ended {
    run_saying("", script, fails_at, installed, tests)
}

/// The same, where the call that fails says this.
fn run_saying(says: &str, script: &[&str], fails_at: usize, installed: bool, tests: u32) -> Ended {
    let folder = TempDir::new().expect("a folder");
    let path = std::env::var_os("PATH").expect("a path");
    for tool in TOOLS {
        let found =
            std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|at| at.exists());
        symlink(found.expect(tool), folder.path().join(tool)).expect("our own folder");
    }
    for stub in STUBBED {
        if installed || ["apt-get", "cargo", "node"].contains(&stub) {
            executable(&folder.path().join(stub));
        }
    }
    if installed {
        // Postgres's own programs, which are looked for and not called.
        for program in ["initdb", "postgres"] {
            executable(&folder.path().join(program));
        }
        for package in ["ajv", "node-postgres"] {
            fs::write(folder.path().join(package), "").expect("our own folder");
        }
    }
    let output = Command::new(root().join(script[0]))
        .args(&script[1..])
        .env("PATH", folder.path())
        .env("STUB_FAILS_AT", fails_at.to_string())
        .env("STUB_TESTS", tests.to_string())
        .env("STUB_SAYS", says)
        .output()
        .expect("it starts");
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap_or_default();
    Ended {
        success: output.status.success(),
        calls: calls.lines().map(str::to_owned).collect(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn executable(path: &PathBuf) {
    fs::write(path, STUB).expect("our own folder");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own file");
}

#[test]
fn each_stage_of_ci_fails_if_any_of_its_commands_fails() {
    let all = run(&[".ci/run"], 0, true, 1);
    assert!(all.success && !all.calls.is_empty(), "{all:#?}");
    let stages = all.stages("ok");
    let mut failed = Vec::new();
    for nth in 1..=all.calls.len() {
        let ended = run(&[".ci/run"], nth, true, 1);
        let call = &all.calls[nth - 1];
        assert!(!ended.success, "passes although this fails: {call}\n{ended:#?}");
        assert_eq!(ended.calls.len(), nth, "goes on after: {call}\n{ended:#?}");
        assert!(ended.out.contains(&format!("on purpose: {call}")), "{ended:#?}");
        let passed = ended.stages("ok");
        assert_eq!(ended.stages("FAIL"), [stages[passed.len()].as_str()], "{call}");
        failed.push(stages[passed.len()].clone());
    }
    failed.dedup();
    assert_eq!(failed, stages, "a stage runs no command that could fail");
}

#[test]
fn each_script_fails_if_any_of_its_commands_fails() {
    for script in [
        &["scripts/accessible"][..],
        &["scripts/alerts"],
        &["scripts/bench"],
        &["scripts/bench", "log", "sqlite"],
        &["scripts/proofs"],
        &["scripts/proofs", "crashes"],
        &["scripts/screenshot"],
        &["scripts/test"],
        &["scripts/test", "--postgres", "17", "--test", "it"],
    ] {
        for installed in [true, false] {
            let all = run(script, 0, installed, 1);
            assert!(all.success && !all.calls.is_empty(), "{script:?} {all:#?}");
            for nth in 1..=all.calls.len() {
                let ended = run(script, nth, installed, 1);
                let call = &all.calls[nth - 1];
                assert!(
                    !ended.success,
                    "{script:?} passes although this fails: {call}\n{ended:#?}"
                );
                assert_eq!(ended.calls.len(), nth, "{script:?} goes on after: {call}\n{ended:#?}");
            }
        }
    }
}

/// What a harness says whose tests did not all pass.
const FAILED: &str = "\
running 4 tests
test a::passes ... ok
test b::fails ... FAILED
test c::panics_not - should panic ... FAILED
test d::passes ... ok

failures:

---- b::fails stdout ----
expected 1, found 2

failures:
    b::fails
    c::panics_not

test result: FAILED. 2 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";

#[test]
fn the_suite_ends_with_what_failed_and_the_command_that_runs_it_again() {
    let ended = run_saying(FAILED, &["scripts/test"], 2, true, 1);
    assert!(!ended.success, "{ended:#?}");
    let mut lines = ended.out.lines();
    let mut next = || lines.next().expect("a line a stage");
    let (first, second) = (next(), next());
    assert!(first.starts_with("ok ") && first.ends_with(" s  build"), "{ended:#?}");
    assert!(second.starts_with("FAIL "), "{ended:#?}");
    assert!(second.ends_with(" s  tests: 2 passed, 2 failed"), "{ended:#?}");
    assert!(!ended.out.contains("a::passes"), "what passes is quiet: {ended:#?}");
    assert!(ended.out.contains("expected 1, found 2"), "{ended:#?}");
    let again = "\nAgain:\n  ./scripts/test --test it -- --exact b::fails c::panics_not\n";
    assert!(ended.out.ends_with(again), "{ended:#?}");
    assert!(!ended.out.contains('\x1b') && !ended.out.contains('\r'), "no terminal: {ended:#?}");

    let calls = run(&["scripts/test", "--postgres", "17"], 0, true, 1).calls;
    let at = calls.iter().position(|call| call.contains("--lib")).expect("the tests") + 1;
    let ended = run_saying(FAILED, &["scripts/test", "--postgres", "17"], at, true, 1);
    let again = "  ./scripts/test --postgres 17 --test it -- --exact b::fails c::panics_not\n";
    assert!(ended.out.ends_with(again), "{ended:#?}");
    // What does not build has no tests to name.
    let ended = run_saying("error[E0432]", &["scripts/test"], 1, true, 1);
    assert!(ended.out.contains("error[E0432]"), "{ended:#?}");
    assert!(ended.out.ends_with("\nAgain:\n  cargo test --all-features --no-run\n"), "{ended:#?}");
}

/// `cargo test` is content if the name it was given is nobody's.
#[test]
fn proofs_fail_if_no_test_ran() {
    let ended = run(&["scripts/proofs"], 0, true, 0);
    assert!(!ended.success, "{ended:#?}");
    assert!(ended.err.contains("no test ran: delivery::crashes::"), "{ended:#?}");
    let ended = run(&["scripts/proofs", "nobodys_name"], 0, true, 1);
    assert!(!ended.success, "{ended:#?}");
}

/// The tests of this binary, one a line.
fn tests() -> String {
    let listed = Command::new(std::env::current_exe().expect("a path")).arg("--list").output();
    String::from_utf8(listed.expect("it starts").stdout).expect("UTF-8")
}

/// A filter that is nobody's name any more would leave tests out without a word.
#[test]
fn every_filter_of_ci_selects_tests() {
    let all = run(&[".ci/run"], 0, true, 1);
    let tests = tests();
    let filtered: Vec<&str> = all
        .calls
        .iter()
        .filter_map(|call| call.split_once(" --test it -- "))
        .map(|it| it.1)
        .collect();
    assert_eq!(filtered.len(), 2, "with a later Postgres, and with the default features: {all:#?}");
    let names = filtered.iter().flat_map(|filters| filters.split(' '));
    for filter in names.filter(|name| *name != "--skip") {
        assert!(tests.contains(filter), "no test has a name with {filter}");
    }
}

#[test]
fn a_postgres_that_is_not_known_is_refused() {
    for arguments in [&["scripts/test", "--postgres"][..], &["scripts/test", "--postgres", "16"]] {
        let ended = run(arguments, 0, true, 1);
        assert!(!ended.success && ended.calls.is_empty(), "{ended:#?}");
        assert!(ended.err.contains("--postgres 17|18"), "{ended:#?}");
    }
}

#[test]
fn every_proof_is_a_test_of_today_and_its_setting_is_read() {
    let listed = tests();
    let proofs = fs::read_to_string(root().join("scripts/proofs")).expect("a script");
    let (_, proofs) = proofs.split_once("<<'PROOFS'\n").expect("a list");
    let (proofs, _) = proofs.split_once("PROOFS\n").expect("the list ends");
    assert!(proofs.lines().count() > 5, "{proofs}");
    for proof in proofs.lines() {
        let (test, setting) = proof.split_once(' ').expect("a test and a setting");
        assert!(listed.contains(&format!("{test}: test\n")), "no test has the name {test}");
        let (variable, value) = setting.split_once('=').expect("a variable and a value");
        assert!(value.parse::<u32>().is_ok(), "{setting}");
        let file = test.rsplit_once("::").expect("a module").0.replace("::", "/");
        let read = Path::new(&file).ancestors().any(|file| {
            let file = root().join("tests/it").join(file).with_extension("rs");
            let source = fs::read_to_string(file);
            source.is_ok_and(|source| source.contains(&format!("\"{variable}\"")))
        });
        assert!(read, "{test} reads no {variable}");
    }
}
