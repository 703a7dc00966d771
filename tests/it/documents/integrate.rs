//! What docs/integrate.md shows is code that runs, in both languages.

use std::path::Path;
use std::process::{Command, Output};

use moltbot_audit::pack::sections::DisclosureVerdict;
use moltbot_audit::pack::{VerifiedPack, export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use serde_json::Value;
use sqlx::Executor;
use tempfile::TempDir;

use crate::cli::program;
use crate::support::cluster::Cluster;
use crate::support::records::{KEY, named_request};
use crate::support::stores::{self, postgres_with_url};
use crate::typescript::{node, said};

/// Without the indentation, which a page has no use for.
fn flat(code: &str) -> String {
    code.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_page_shows_is_the_tested_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect(path);
    let page = read("docs/integrate.md");
    for (language, file) in
        [("rust", "examples/integrate.rs"), ("js", "examples/typescript/integrate.mjs")]
    {
        let code = flat(&read(file));
        let opening = format!("```{language}\n");
        let blocks = page.split(&opening).skip(1).filter_map(|rest| rest.split_once("\n```"));
        let blocks: Vec<_> = blocks.map(|(block, _)| block).collect();
        assert!(blocks.len() >= 6, "{language}: {}", blocks.len());
        for block in blocks {
            assert!(code.contains(&flat(block)), "not in {file}:\n{block}");
        }
    }
}

/// The items of the first shortlist of a section.
fn items(section: &Value) -> Option<&Vec<Value>> {
    match section {
        Value::Object(members) => members
            .get("items")
            .and_then(Value::as_array)
            .or_else(|| members.values().find_map(items)),
        Value::Array(values) => values.iter().find_map(items),
        _ => None,
    }
}

/// What a pack must tell of a request that went well.
fn assert_story(pack: &str) -> VerifiedPack {
    let verified = verify_request_pack(pack.as_bytes()).expect("it verifies");
    assert_eq!(verified.unchecked(), [], "{:?}", verified.unchecked());
    assert_eq!(verified.ai_disclosure(), DisclosureVerdict::DeliveredBefore);
    let pack: Value = serde_json::from_str(pack).expect("JSON");
    let items = items(&pack["shortlist"]).expect("a shortlist");
    let vendors: Vec<_> = items.iter().map(|item| item["vendor_id"].as_str()).collect();
    assert_eq!(vendors, [Some("vendor-2"), Some("vendor-1")]);
    for section in ["conversation", "moltbot_decisions", "vendor_outreach", "explanation"] {
        assert_eq!(pack[section]["status"], "recorded", "{section}");
    }
    assert_eq!(pack["explanation"]["content"]["findings"], serde_json::json!([]));
    verified
}

fn run(url: &str, folder: &Path) -> Output {
    Command::new(program("integrate"))
        .current_dir(folder)
        .env("DATABASE_URL", url)
        .output()
        .expect("the example starts")
}

#[tokio::test]
async fn the_rust_host_tells_the_whole_story_once() {
    let url = Cluster::shared().create_database().await;
    let folder = TempDir::new().expect("a folder");
    let told = said(&run(&url, folder.path()));
    assert!(told.contains("refused, instead: "), "{told}");
    assert!(told.contains("a pack of "), "{told}");
    let pack = std::fs::read_to_string(folder.path().join("pack.json")).expect("a pack");
    let verified = assert_story(&pack);
    assert!(verified.events() > 14, "{}", verified.events());
    assert_eq!(said(&run(&url, folder.path())), "delivered before\n");
}

#[tokio::test]
async fn the_typescript_host_tells_the_same_story_and_stops_with_the_switch() {
    let (fresh, url) = postgres_with_url().await;
    let pool = stores::pool(&url).await;
    let hosts = |wamid: &str| {
        let mut node = node(&url, &["examples/typescript/integrate.mjs", wamid]);
        said(&node.output().expect("node starts")).lines().count()
    };
    assert_eq!(hosts("wamid.before"), 1, "nobody has let the AI run yet");
    pool.execute("select moltbot_audit.reset('ai', 'Aline', 'first day')").await.expect("reset");
    assert_eq!(hosts("wamid.HBgL2"), 12);
    assert_eq!(hosts("wamid.HBgL2"), 1, "it was delivered before");
    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let pack =
            export_request_pack(&*fresh.store, &named_request("wamid.HBgL2"), &profile).await;
        let json = pack.expect("a pack").to_json_pretty();
        if profile.name() == "internal" {
            assert_eq!(assert_story(&json).events(), 12);
        }
        verify_request_pack(json.as_bytes()).expect("it verifies");
    }
}
