//! What one Rust file defines, imports and names, read as tokens: enough for paths, not a compiler.

use std::collections::{BTreeMap, BTreeSet};

/// The segments of a path from the crate's root: `crate::event::EventId` is `[event, EventId]`.
pub(super) type Path = Vec<String>;

pub(super) struct Import {
    pub(super) path: Path,
    /// Handed on to others by `pub use`.
    pub(super) shared: bool,
}

#[derive(Default)]
pub(super) struct Source {
    pub(super) module: Path,
    /// What it defines at its top level, macros included.
    pub(super) items: BTreeSet<String>,
    /// Each import by the name that it has in this file.
    pub(super) imports: BTreeMap<String, Import>,
    /// Every path in the code below `use`, as it is written: `[super, EventId]`.
    pub(super) paths: Vec<Path>,
    /// Every identifier outside `use`.
    pub(super) names: BTreeSet<String>,
    /// Macros that are called by their bare name.
    pub(super) macros: BTreeSet<String>,
}

impl Source {
    pub(super) fn read(module: &[&str], code: &str) -> Self {
        let module = module.iter().map(|&name| name.to_owned()).collect();
        let mut source = Self { module, ..Self::default() };
        let tokens = tokens(code);
        let (mut at, mut level) = (0, 0_usize);
        while at < tokens.len() {
            match tokens[at] {
                "use" if tokens.get(at + 1) != Some(&"<") => {
                    let shared = at > 0 && (tokens[at - 1] == "pub" || tokens[at - 1] == ")");
                    at = source.import(&tokens, at + 1, &[], shared);
                }
                "mod" => at += 2,
                "{" => (level, at) = (level + 1, at + 1),
                "}" => (level, at) = (level.saturating_sub(1), at + 1),
                token if is_name(token) => at = source.name(&tokens, at, level),
                _ => at += 1,
            }
        }
        source
    }

    /// Every path that the file imports or names and that begins in this crate, from the root.
    pub(super) fn crate_paths(&self) -> impl Iterator<Item = Path> {
        let imported = self.imports.values().map(|import| import.path.clone());
        imported.chain(self.paths.iter().filter_map(|path| self.absolute(path)))
    }

    /// A path as it is written, from the crate's root. None for what is not clearly in this crate.
    pub(super) fn absolute(&self, path: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let mut root = match first.as_str() {
            "crate" => Path::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            _ => return None,
        };
        let mut rest = rest;
        while rest.first().is_some_and(|name| name == "super") {
            root.pop();
            rest = &rest[1..];
        }
        root.extend(rest.iter().filter(|name| *name != "self").cloned());
        Some(root)
    }

    /// Reads one tree of a `use`, and returns the place behind it.
    fn import(&mut self, tokens: &[&str], mut at: usize, prefix: &[String], shared: bool) -> usize {
        let mut path = prefix.to_vec();
        while let Some(&token) = tokens.get(at) {
            match token {
                "::" => at += 1,
                "{" => {
                    at += 1;
                    while tokens.get(at).is_some_and(|token| *token != "}") {
                        at = self.import(tokens, at, &path, shared);
                        at += usize::from(tokens.get(at) == Some(&","));
                    }
                    return at + 1;
                }
                "as" => {
                    let name = tokens.get(at + 1).copied().unwrap_or_default();
                    self.imported(name, &path, shared);
                    return at + 2;
                }
                _ if is_name(token) => {
                    path.push(token.to_owned());
                    at += 1;
                }
                _ => break,
            }
        }
        if tokens.get(at) == Some(&"*") {
            path.push("*".to_owned());
            at += 1;
        }
        let last = path.iter().rfind(|name| *name != "self").cloned().unwrap_or_default();
        self.imported(&last, &path, shared);
        at
    }

    /// An import that begins with the name of a child is one too: `use append::Batch` in `mod.rs`.
    fn imported(&mut self, name: &str, path: &[String], shared: bool) {
        let child = || self.module.iter().chain(path).cloned().collect();
        let path = self.absolute(path).unwrap_or_else(child);
        // A second import by one name, in another function, has a key that no code can name.
        let mut name = name.to_owned();
        while self.imports.contains_key(&name) {
            name.push('\'');
        }
        self.imports.insert(name, Import { path, shared });
    }

    /// Reads a name with the path that it begins, and returns the place behind it.
    fn name(&mut self, tokens: &[&str], at: usize, level: usize) -> usize {
        const DEFINE: [&str; 8] =
            ["const", "enum", "fn", "macro_rules", "static", "struct", "trait", "type"];
        let before = |back: usize| at.checked_sub(back).map_or("", |at| tokens[at]);
        let defined = DEFINE.contains(&before(1)) || before(2) == "macro_rules";
        if defined && level == 0 {
            self.items.insert(tokens[at].to_owned());
        }
        let mut path = vec![tokens[at].to_owned()];
        let mut end = at + 1;
        while tokens.get(end) == Some(&"::") && tokens.get(end + 1).is_some_and(|t| is_name(t)) {
            path.push(tokens[end + 1].to_owned());
            end += 2;
        }
        self.names.extend(path.iter().cloned());
        let is_visibility = before(1) == "in" && before(2) == "(";
        if path.len() == 1 {
            if tokens.get(end) == Some(&"!") && tokens.get(end + 1) != Some(&"=") {
                self.macros.extend(path);
            }
        } else if !is_visibility && before(1) != "::" && before(1) != "." {
            self.paths.push(path);
        }
        end
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and single signs. Comments, literals and lifetimes are left out.
pub(super) fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let length = if let Some(length) = left_out(rest) {
            length
        } else if c.is_alphanumeric() || c == '_' {
            let length = name_length(rest);
            tokens.push(&rest[..length]);
            length
        } else {
            let length = if rest.starts_with("::") { 2 } else { c.len_utf8() };
            if !c.is_whitespace() {
                tokens.push(&rest[..length]);
            }
            length
        };
        rest = &rest[length..];
    }
    tokens
}

fn name_length(code: &str) -> usize {
    code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len())
}

/// The length of a comment, a literal or a lifetime that `code` begins with.
fn left_out(code: &str) -> Option<usize> {
    if !code.starts_with(['/', '"', '\'', 'b', 'c', 'r']) {
        return None;
    }
    let closed = |opening: usize, closing: &str| {
        code[opening..].find(closing).map_or(code.len(), |at| opening + at + closing.len())
    };
    if code.starts_with("//") {
        return Some(code.find('\n').unwrap_or(code.len()));
    }
    if code.starts_with("/*") {
        return Some(closed(2, "*/"));
    }
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let rest = code.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.starts_with('"') || prefix.ends_with('r') && is_raw(rest))
    });
    if let Some(prefix) = prefix {
        let signs = code[prefix.len()..].find('"')?;
        let opening = prefix.len() + signs + 1;
        if prefix.ends_with('r') {
            return Some(closed(opening, &format!("\"{}", "#".repeat(signs))));
        }
        return Some(opening + escaped(&code[opening..], '"'));
    }
    let quoted = code.strip_prefix("b'").or_else(|| code.strip_prefix('\''))?;
    let opening = code.len() - quoted.len();
    let mut signs = quoted.chars();
    Some(match (signs.next()?, signs.next()) {
        ('\\', _) => opening + escaped(quoted, '\''),
        (sign, Some('\'')) => opening + sign.len_utf8() + 1,
        _ => opening + name_length(quoted),
    })
}

/// True for `#"…` or `##"…`, but not the raw name `r#type`.
fn is_raw(code: &str) -> bool {
    code.trim_start_matches('#').starts_with('"')
}

/// The length up to and with the closing `quote`.
fn escaped(code: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in code.char_indices() {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    code.len()
}
