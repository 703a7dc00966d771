//! The table of names that the TypeScript example keeps secrets out by.

use serde_json::{Value, json};

use super::{file, run_tests, through};
use crate::redact::{entered, key_names};

#[test]
fn the_module_has_the_librarys_tables() {
    let module = file("examples/typescript/names.mjs");
    assert!(module.contains(&format!("KEY_NAMES = String.raw`\n{}`;", key_names::TABLE)));
    let prefixes = file("src/redact/scan/secret_prefixes.txt");
    assert!(module.contains(&format!("SECRET_PREFIXES = String.raw`\n{prefixes}`;")));
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

#[test]
fn every_prefix_is_withheld_in_typescript_as_in_the_library() {
    let tail = "q7Zr2LmX9vTb4KcP1sWd".repeat(9);
    let hex = "0f3a9b2c1d4e".repeat(9);
    let prefixes = file("src/redact/scan/secret_prefixes.txt");
    let rows = prefixes.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut values = Vec::new();
    let mut found = 0;
    for row in rows {
        let columns: Vec<&str> = row.split(' ').collect();
        let len: usize = columns[1].trim_start_matches('=').parse().expect("a length");
        // Of `sk-` the longest part counts.
        let len = if columns[0] == "sk-" { 19 } else { len };
        let rest = match columns[2] {
            "hex" => hex.clone(),
            "upper" => tail.to_uppercase(),
            _ => columns.get(3).copied().unwrap_or_default().to_owned() + &tail,
        };
        let whole = format!("{}{rest}", columns[0])[..len].to_owned();
        let kept = entered(json!(whole)).to_string();
        assert!(kept.starts_with("\"[secret "), "{row}: {kept}");
        found += 1;
        let short = whole[..len - 1].to_owned();
        values.extend([
            json!({ "text": [&whole, format!("the key is {whole}, x"), format!("({whole})"), short] }),
            json!({ "text": format!("word{whole} x/{whole}") }),
        ]);
    }
    assert!(found > 150);
    let said = through("tests/typescript/withhold_lines.mjs", &values);
    for (line, value) in said.lines().zip(&values) {
        let theirs: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(theirs, entered(value.clone()), "{value}");
    }
}
