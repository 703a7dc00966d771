//! The table of names that the TypeScript example keeps secrets out by.

use serde_json::{Value, json};

use super::{file, run_tests, through};
use crate::redact::{entered, key_names, secret_rules};

#[test]
fn the_module_has_the_librarys_tables() {
    let module = file("examples/typescript/names.mjs");
    assert!(module.contains(&format!("KEY_NAMES = String.raw`\n{}`;", key_names::TABLE)));
    let prefixes = file("src/redact/scan/secret_prefixes.txt");
    assert!(module.contains(&format!("SECRET_PREFIXES = String.raw`\n{prefixes}`;")));
    let letters = file("src/redact/letters.txt");
    assert!(module.contains(&format!("LETTERS = String.raw`\n{letters}`;")));
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

/// Names of one member each, by what stands at one place in them, in payloads that are not too long.
fn by_character(chars: impl Iterator<Item = char>, name: impl Fn(char) -> String) -> Vec<Value> {
    let chars: Vec<char> = chars.collect();
    let payload = |chars: &[char]| {
        chars.iter().map(|c| (name(*c), json!("x9!kL"))).collect::<serde_json::Map<_, _>>().into()
    };
    chars.chunks(500).map(payload).collect()
}

#[test]
fn names_are_compared_in_typescript_as_in_the_library_whatever_they_are_written_in() {
    let letters = file("src/redact/letters.txt");
    let lines = letters.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<_> = lines.filter_map(|line| line.split_once(' ')).collect();
    assert!(rows.len() > 30);
    let mut values = Vec::new();
    for (to, from) in rows {
        // Withheld, as long as the letters are what the table says.
        let held = [
            "password",
            "api_key",
            "code_de_verification",
            "jwt",
            "mfa_code",
            "clave",
            "csc",
            "bearer",
        ]
        .into_iter()
        .find(|name| name.contains(to));
        let held = held.map_or_else(|| format!("{to}_password"), str::to_owned);
        values.extend(by_character(from.chars(), |c| held.replacen(to, &c.to_string(), 1)));
    }
    // Signs, what has no width, accents and digits of all scripts; and letters that imitate others.
    let blocks = [
        '\u{80}'..='\u{3200}',
        '\u{a600}'..='\u{ac00}',
        '\u{fb00}'..='\u{ffff}',
        '\u{10400}'..='\u{10450}',
        '\u{1d400}'..='\u{1d800}',
        '\u{1f100}'..='\u{1f170}',
        '\u{1fbf0}'..='\u{1fbf9}',
        '\u{e0000}'..='\u{e0080}',
    ];
    let all = || blocks.clone().into_iter().flatten();
    values.extend(by_character(all(), |c| format!("to{c}ken")));
    values.extend(by_character(all(), |c| format!("password{c}")));
    values.extend(by_character(all(), |c| format!("user{c}Pin")));
    values.extend(by_character(all(), |c| format!("{c}wt")));
    let said = through("tests/typescript/withhold_lines.mjs", &values);
    let mut withheld = 0;
    for (line, value) in said.lines().zip(&values) {
        let theirs: Value = serde_json::from_str(line).expect("JSON");
        let ours = entered(value.clone());
        for (name, kept) in ours.as_object().expect("an object") {
            assert_eq!(&theirs[name], kept, "{name:?}: {:?}", name.chars().collect::<Vec<_>>());
            withheld += usize::from(kept != "x9!kL");
        }
    }
    assert_eq!(said.lines().count(), values.len());
    assert!(withheld > 3_000, "{withheld}");
}

#[test]
fn what_texts_hold_is_withheld_in_typescript_as_in_the_library() {
    let written = include_str!("secret_texts.txt").lines().map(|line| line.replace("\\n", "\n"));
    let sampled = secret_rules::samples().into_iter().map(|sample| sample.text);
    let values: Vec<Value> = written.chain(sampled).map(|text| json!({ "text": text })).collect();
    assert!(values.len() > 3_000, "{} texts", values.len());
    let said = through("tests/typescript/withhold_lines.mjs", &values);
    assert_eq!(said.lines().count(), values.len());
    let mut withheld = 0;
    for (line, value) in said.lines().zip(values) {
        let theirs: Value = serde_json::from_str(line).expect("JSON");
        let ours = entered(value.clone());
        withheld += usize::from(ours != value);
        assert_eq!(theirs, ours, "{value}");
    }
    assert!(withheld > 3_000, "{withheld}");
}
