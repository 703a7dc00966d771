//! The table of names that the TypeScript example keeps secrets out by.

use serde_json::{Value, json};

use super::{file, run_tests, through};
use crate::redact::{entered, key_names};

#[test]
fn the_module_has_the_librarys_table_of_names() {
    let module = file("examples/typescript/names.mjs");
    assert!(module.contains(&format!("KEY_NAMES = String.raw`\n{}`;", key_names::TABLE)));
}

#[test]
fn the_module_keeps_out_what_a_name_says_is_secret() {
    run_tests("", "examples/typescript/withhold.test.mjs");
}

#[test]
fn every_name_is_withheld_in_typescript_as_in_the_library() {
    let values: Vec<Value> = key_names::rows()
        .into_iter()
        .flat_map(|(_, name)| {
            let spelled = key_names::spellings(name);
            spelled.into_iter().map(|name| {
                let text = json!({ &name: "x9!kL" }).to_string();
                json!({ &name: ["x9!kL", 482_913, 12, true, { "a": "x" }], "pair": [&name, "x9!kL"],
                    "named": { "name": &name, "value": "x9!kL" }, "text": text, "plain": "x9!kL" })
            })
        })
        .collect();
    assert!(values.len() > 2_000, "{} payloads", values.len());
    let said = through("tests/typescript/withhold_lines.mjs", &values);
    for (line, value) in said.lines().zip(&values) {
        let theirs: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(theirs, entered(value.clone()), "{value}");
    }
    assert_eq!(said.lines().count(), values.len());
}
