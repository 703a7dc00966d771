//! This binary again, as another process in which the test that starts it plays a part.
//!
//! A test that is started this way asks for its [`part`] first. So no test of the suite does nothing when the
//! harness runs it.

use std::process::Command;

const PART: &str = "MOLTBOT_AUDIT_PART";

/// The part that this process was started to play; none if the harness runs the test.
pub(crate) fn part() -> Option<String> {
    std::env::var(PART).ok()
}

/// The same, of parts that are a number and a text.
pub(crate) fn numbered_part() -> Option<(u64, String)> {
    let part = part()?;
    let (number, text) = part.split_once(' ').expect("a number and a text");
    Some((number.parse().expect("a number"), text.to_owned()))
}

/// The path of the test in whose body it stands, as the harness names it.
macro_rules! this_test {
    () => {{
        fn here() {}
        $crate::support::process::test_around(std::any::type_name_of_val(&here))
    }};
}
pub(crate) use this_test;

/// The test in whose body the function of this path is, which may stand inside blocks that are async.
pub(crate) fn test_around(function: &'static str) -> &'static str {
    let (_, path) = function.split_once("::").expect("this crate's name first");
    path.trim_end_matches("::here").trim_end_matches("::{{closure}}")
}

/// This binary, to be started with the test that calls this and a part for it to play.
pub(crate) fn again(test: &str, part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", "--nocapture", test]).env(PART, part);
    command
}

/// Whether this process was started for the one test; if not, starts it, waits for it, and shows what it said.
pub(crate) fn is_alone(test: &str) -> bool {
    if part().is_some() {
        return true;
    }
    let output = again(test, "").output().expect("it starts");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprint!("{err}");
    assert!(output.status.success(), "{out}{err}");
    // A name that is nobody's is a success too.
    assert!(out.contains("test result: ok. 1 passed"), "{test} was not run: {out}");
    false
}
