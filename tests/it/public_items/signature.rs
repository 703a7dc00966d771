//! Types and signatures, as rustdoc says them, as text.

use serde_json::Value;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn joined(list: &Value, separator: &str, one: impl Fn(&Value) -> String) -> String {
    list.as_array().into_iter().flatten().map(one).collect::<Vec<_>>().join(separator)
}

/// `async fn<T: Bound>(name: type) -> type`.
pub(super) fn function(item: &Value) -> String {
    let function = &item["inner"]["function"];
    let signature = &function["sig"];
    let inputs = joined(&signature["inputs"], ", ", |input| {
        let type_of = type_of(&input[1]);
        match (text(&input[0]), type_of.as_str()) {
            ("self", "Self") => "self".to_owned(),
            ("self", "&Self") => "&self".to_owned(),
            ("self", "&mut Self") => "&mut self".to_owned(),
            (name, type_of) => format!("{name}: {type_of}"),
        }
    });
    let output = match &signature["output"] {
        Value::Null => String::new(),
        output => format!(" -> {}", type_of(output)),
    };
    let header = &function["header"];
    let marks = [("is_const", "const "), ("is_async", "async "), ("is_unsafe", "unsafe ")];
    let marks: String =
        marks.iter().filter(|(is, _)| header[*is] == true).map(|(_, mark)| *mark).collect();
    let default = if function["has_body"] == false { "; required" } else { "" };
    format!("{marks}fn{}({inputs}){output}{default}", generics(&function["generics"]))
}

/// `<T: Bound>`, and what is said of it after `where`.
pub(super) fn generics(generics: &Value) -> String {
    let params = generics["params"].as_array().into_iter().flatten();
    let params: Vec<String> = params
        // `impl Trait` of an argument stands there.
        .filter(|param| param["kind"]["type"]["is_synthetic"] != true)
        .map(|param| with_bounds(text(&param["name"]), &param["kind"]["type"]["bounds"]))
        .collect();
    let params = if params.is_empty() { String::new() } else { format!("<{}>", params.join(", ")) };
    let clauses = joined(&generics["where_predicates"], ", ", |clause| {
        let bound = &clause["bound_predicate"];
        if bound.is_null() {
            return clause.to_string();
        }
        with_bounds(&type_of(&bound["type"]), &bound["bounds"])
    });
    if clauses.is_empty() { params } else { format!("{params} where {clauses} ") }
}

fn with_bounds(name: &str, of: &Value) -> String {
    match bounds(of) {
        bounds if bounds.is_empty() => name.to_owned(),
        bounds => format!("{name}: {bounds}"),
    }
}

pub(super) fn bounds(bounds: &Value) -> String {
    joined(bounds, " + ", |bound| {
        if let Some(lifetime) = bound["outlives"].as_str() {
            return lifetime.to_owned();
        }
        let of = &bound["trait_bound"];
        let mark = if of["modifier"] == "maybe" { "?" } else { "" };
        format!("{mark}{}", path(&of["trait"]))
    })
}

/// A type or a trait by its last name, with its arguments.
pub(super) fn path(of: &Value) -> String {
    let name = text(&of["path"]).rsplit("::").next().unwrap_or_default();
    format!("{name}{}", arguments(&of["args"]))
}

fn arguments(of: &Value) -> String {
    let parenthesized = &of["parenthesized"];
    if !parenthesized.is_null() {
        let inputs = joined(&parenthesized["inputs"], ", ", type_of);
        return match &parenthesized["output"] {
            Value::Null => format!("({inputs})"),
            output => format!("({inputs}) -> {}", type_of(output)),
        };
    }
    let angled = &of["angle_bracketed"];
    let mut arguments = vec![joined(&angled["args"], ", ", |argument| match argument {
        Value::String(infer) => infer.clone(),
        _ if argument["lifetime"].is_string() => text(&argument["lifetime"]).to_owned(),
        _ if argument["const"].is_object() => text(&argument["const"]["expr"]).to_owned(),
        _ => type_of(&argument["type"]),
    })];
    arguments.push(joined(&angled["constraints"], ", ", |constraint| {
        let (name, binding) = (text(&constraint["name"]), &constraint["binding"]);
        match &binding["equality"] {
            Value::Null => format!("{name}: {}", bounds(&binding["constraint"])),
            equality => format!("{name} = {}", type_of(&equality["type"])),
        }
    }));
    arguments.retain(|argument| !argument.is_empty());
    if arguments.is_empty() { String::new() } else { format!("<{}>", arguments.join(", ")) }
}

pub(super) fn type_of(of: &Value) -> String {
    let Some((kind, inner)) = of.as_object().and_then(|of| of.iter().next()) else {
        return if of == "infer" { "_".to_owned() } else { of.to_string() };
    };
    let lifetime = |of: &Value| of.as_str().map(|name| format!("{name} ")).unwrap_or_default();
    let mutable = |of: &Value| if of["is_mutable"] == true { "mut " } else { "" };
    match kind.as_str() {
        "generic" | "primitive" => text(inner).to_owned(),
        "resolved_path" => path(inner),
        "borrowed_ref" => {
            let lifetime = lifetime(&inner["lifetime"]);
            format!("&{lifetime}{}{}", mutable(inner), type_of(&inner["type"]))
        }
        "tuple" => format!("({})", joined(inner, ", ", type_of)),
        "slice" => format!("[{}]", type_of(inner)),
        "array" => format!("[{}; {}]", type_of(&inner["type"]), text(&inner["len"])),
        "impl_trait" => format!("impl {}", bounds(inner)),
        "dyn_trait" => {
            let traits = joined(&inner["traits"], " + ", |of| path(&of["trait"]));
            let lifetime = inner["lifetime"].as_str().map(|name| format!(" + {name}"));
            format!("dyn {traits}{}", lifetime.unwrap_or_default())
        }
        "qualified_path" => match &inner["trait"] {
            Value::Null => format!("{}::{}", type_of(&inner["self_type"]), text(&inner["name"])),
            of if text(&of["path"]).is_empty() => {
                format!("{}::{}", type_of(&inner["self_type"]), text(&inner["name"]))
            }
            of => format!(
                "<{} as {}>::{}",
                type_of(&inner["self_type"]),
                path(of),
                text(&inner["name"])
            ),
        },
        "function_pointer" => {
            let inputs = joined(&inner["sig"]["inputs"], ", ", |input| type_of(&input[1]));
            let output = &inner["sig"]["output"];
            let output =
                if output.is_null() { String::new() } else { format!(" -> {}", type_of(output)) };
            format!("fn({inputs}){output}")
        }
        // Another kind would be unreadable, and still be seen when it changes.
        _ => of.to_string(),
    }
}
