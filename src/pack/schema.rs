//! The JSON Schema of packs, generated from their types.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value, json};

use super::{RequestPack, SCHEMA, SECTIONS_VERSION};

/// The JSON Schema (draft 2020-12) of the packs that this release exports and verifies. `docs/pack.schema.json` is the
/// same.
///
/// It fixes names and forms. That values agree with each other, and with the events, only a verifier can say.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<RequestPack>();
    Strict.transform(&mut schema);
    // As a pack does: the form, and the version of the sections.
    let form = SCHEMA.replace('/', ":");
    schema.insert("$id".to_owned(), json!(format!("urn:{form}:sections-{SECTIONS_VERSION}")));
    schema.insert("title".to_owned(), json!("Request pack"));
    schema.to_value()
}

/// A pack has what its types have and nothing else, and each value in one form only.
struct Strict;

impl Transform for Strict {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(schema) = schema.as_object_mut() else { return };
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = plain(description);
        }
        form(schema);
        require(schema);
        close(schema);
    }
}

/// A doc comment for readers who know no Rust: one line a paragraph, names for links, no code.
fn plain(doc: &str) -> String {
    let text = doc.split("```").next().unwrap_or_default().trim_end();
    let paragraphs: Vec<_> = text.split("\n\n").map(|part| part.replace('\n', " ")).collect();
    let mut text = paragraphs.join("\n\n");
    while let Some((before, link)) = text.split_once("[`")
        && let Some((name, after)) = link.split_once("`]")
    {
        let target = after.strip_prefix('(').and_then(|link| link.split_once(')'));
        text = format!("{before}`{name}`{}", target.map_or(after, |(_, after)| after));
    }
    text
}

/// Ids and times have one form each. Rust's kinds of numbers are no formats of JSON Schema.
fn form(schema: &mut Map<String, Value>) {
    let pattern = match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        Some("date-time") => {
            r"^[+-]?\d{4,6}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.(\d{3}|\d{6}|\d{9}))?Z$"
        }
        _ => return drop(schema.remove("format")),
    };
    schema.insert("pattern".to_owned(), json!(pattern));
}

/// Of a member that may be absent, none is ever null. One with a default is always there: payloads leave out only what
/// says nothing.
fn require(schema: &mut Map<String, Value>) {
    let mut required = schema.remove("required").unwrap_or_else(|| json!([]));
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        let Some(member) = member.as_object_mut() else { continue };
        let Some(required) = required.as_array_mut() else { continue };
        if member.remove("default").is_some() {
            required.push(json!(name));
        } else if !required.contains(&json!(name)) {
            never_null(member);
        }
    }
    if required != json!([]) {
        schema.insert("required".to_owned(), required);
    }
}

fn never_null(member: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = member.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            member.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(any)) = member.get_mut("anyOf") {
        any.retain(|one| one["type"] != "null");
        if let [Value::Object(one)] = &any[..] {
            let one = one.clone();
            member.remove("anyOf");
            member.extend(one);
        }
    }
}

/// No member that the type does not have, and none that its flattened parts do not have.
fn close(schema: &mut Map<String, Value>) {
    if !schema.contains_key("properties") {
        return;
    }
    let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    let is_closed_by = if let Some(variants) = variants {
        for variant in variants.iter_mut().filter_map(Value::as_object_mut) {
            variant.remove("additionalProperties");
        }
        "unevaluatedProperties"
    } else {
        "additionalProperties"
    };
    schema.entry(is_closed_by).or_insert_with(|| json!(false));
}
