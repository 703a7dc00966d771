//! The report: its verifier, a second implementation in JavaScript, and its page.

mod browser;
mod story;
mod verifier;

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::cli::program;
use crate::support::signing::signer;

/// What a program of `tests/report` prints; it fails if its claims do not hold.
fn node(name: &str, arguments: &[&str]) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/report");
    let output = Command::new("node").arg(folder.join(name)).args(arguments).output();
    let output = output.expect("Node.js 18 or later is needed: ./scripts/test installs it");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The concierge's scenarios, played in a folder of their own, with signed packs.
struct Played {
    folder: TempDir,
}

impl Played {
    fn new(scenarios: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let key = folder.path().join("signing.key");
        std::fs::write(&key, signer(1).to_signing_key().as_bytes()).expect("a file");
        let mut concierge = Command::new(program("concierge"));
        concierge
            .arg("--database")
            .arg(format!("sqlite://{}/audit.sqlite", folder.path().display()));
        concierge.arg("--out").arg(folder.path()).arg("--signing-key").arg(key);
        for scenario in scenarios {
            let file = format!("examples/scenarios/{scenario}.json");
            concierge.arg("--scenario").arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file));
        }
        let output = concierge.output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { folder }
    }

    /// The files of this name, one for each request.
    fn files(&self, name: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let files = entries.map(|entry| entry.expect("an entry").path().join(name));
        let files = files.filter(|file| file.is_file());
        files.map(|file| file.to_str().expect("UTF-8").to_owned()).collect()
    }
}

/// A reader of the outsiders' copy is told whose act was what, although names are hidden.
#[test]
fn the_outsiders_page_tells_hidden_names_apart_and_why_each_rule_hides() {
    let played = Played::new(&["undone_request", "invalid_output"]);
    let mut pages: Vec<String> = Vec::new();
    for file in played.files("report.external.html") {
        let page = std::fs::read_to_string(file).expect("a page");
        let (page, _) = page.split_once("<section aria-labelledby=\"h-events\"").expect("events");
        pages.push(page.to_owned());
    }
    let [undone, stopped] = &pages[..] else { panic!("two pages") };
    let (undone, stopped) =
        if undone.contains("kettle") { (undone, stopped) } else { (stopped, undone) };
    for said in [
        ">vendor-",
        "An undo was begun by someone whose name is hidden here",
        "An undo has nothing left to do.",
        "vendor told that it is no longer needed",
        "undone or corrected",
    ] {
        assert!(undone.contains(said), "{said}");
    }
    assert!(!undone.contains("Not all can be checked"));
    for said in ["by a program, not a person", "not undone, and still possible", "corrected by"] {
        assert!(stopped.contains(said), "{said}");
    }
    for page in [undone, stopped] {
        let (_, rules) = page.split_once("<dl class=\"rules\">").expect("rules");
        let (rules, _) = rules.split_once("</dl>").expect("an end");
        let (names, whys) = (rules.matches("<dt>").count(), rules.matches(": ").count());
        assert!(names >= 4 && whys >= names, "{rules}");
        for raw in ["undo_started", "outreach_withdrawn", "time_budget_warning", "by [hidden]"] {
            assert!(!page.contains(raw), "{raw}");
        }
    }
}
