//! README's example does what README says, as it is printed, on a database that was never used.

use std::process::Command;

use crate::cli::{program, verify};
use crate::support::cluster::Cluster;

#[test]
fn the_example_is_the_program_that_is_tested() {
    let (_, code) = include_str!("../../../examples/host.rs").split_once("\n\nuse ").expect("code");
    let printed = format!("```rust,no_run\nuse {code}```\n");
    assert!(
        include_str!("../../../README.md").contains(&printed),
        "README differs from examples/host.rs"
    );
}

#[tokio::test]
async fn the_example_runs_on_a_fresh_database_and_again() {
    let url = Cluster::shared().create_database().await;
    for again in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut host = Command::new(program("host"));
        let said = host.env("DATABASE_URL", &url).current_dir(folder.path()).output();
        let said = said.expect("it starts");
        assert!(said.status.success(), "{said:?}");
        let out = String::from_utf8(said.stdout).expect("UTF-8");
        assert!(out.contains(&format!("seen before: {again}")), "{out}");
        assert!(out.contains("Moltbot decided"), "{out}");
        let pack = std::fs::read_to_string(folder.path().join("pack.json")).expect("a pack");
        let (code, said) = verify(&pack);
        assert_eq!(code, Some(0), "{said}");
    }
}
