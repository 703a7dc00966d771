//! Every public item of the crate, so that a change to what hosts see is seen in review.
//!
//! rustdoc lists the items, hidden ones too. Its JSON output is not stable, so only what is the same in many versions
//! of it is read. After a change that is meant, `MOLTBOT_AUDIT_REWRITE=1` writes `tests/public_items.txt` again.

mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use self::signature::{bounds, function, generics, path, type_of};

const REWRITE: &str = "MOLTBOT_AUDIT_REWRITE";

#[test]
fn every_public_item_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = root.join("tests/public_items.txt");
    let found = Crate(documented(root)).listing();
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&list, &found).expect("our own file");
    }
    let listed = std::fs::read_to_string(&list).expect("tests/public_items.txt");
    let (listed, found): (BTreeSet<_>, BTreeSet<_>) =
        (listed.lines().collect(), found.lines().collect());
    let lines = |one: &BTreeSet<&str>, other: &BTreeSet<&str>, mark: &str| {
        one.difference(other).flat_map(|line| [mark, line, "\n"]).collect::<String>()
    };
    let (gone, new) = (lines(&listed, &found, "- "), lines(&found, &listed, "+ "));
    assert!(
        gone.is_empty() && new.is_empty(),
        "public items are others than tests/public_items.txt lists; if that is meant, write it again with \
         {REWRITE}=1, and say it in CHANGELOG.md:\n{gone}{new}"
    );
}

/// What rustdoc says of the crate with all its features.
fn documented(root: &Path) -> Value {
    let folder = std::env::current_exe().expect("a path");
    // <target>/debug/deps/it-…: what the build has checked is there already.
    let target = folder.ancestors().nth(3).expect("a target folder");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["rustdoc", "--quiet", "--lib", "--all-features", "--locked", "--target-dir"])
        .arg(target)
        .args(["--", "-Z", "unstable-options", "--output-format=json", "--document-hidden-items"])
        .env("RUSTDOC", root.join("tests/it/public_items/unstable_rustdoc"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json = std::fs::read(target.join("doc/moltbot_audit.json")).expect("what rustdoc wrote");
    serde_json::from_slice(&json).expect("JSON")
}

struct Crate(Value);

impl Crate {
    fn item(&self, id: &Value) -> Option<&Value> {
        self.0["index"].get(id.to_string())
    }

    fn items<'a>(&'a self, ids: &'a Value) -> impl Iterator<Item = &'a Value> {
        ids.as_array().into_iter().flatten().filter_map(|id| self.item(id))
    }

    /// One line an item, in order of their paths.
    fn listing(&self) -> String {
        let root = self.item(&self.0["root"]).expect("the crate");
        let mut paths = Vec::new();
        self.walk(root, &mut Vec::new(), &mut paths);
        // An item with several paths stands under the longest, and the others name that.
        let mut main: BTreeMap<String, &str> = BTreeMap::new();
        for (path, item) in &paths {
            let longest = main.entry(item["id"].to_string()).or_insert(path);
            if path.matches("::").count() > longest.matches("::").count() {
                *longest = path;
            }
        }
        let mut lines = BTreeSet::new();
        for (path, item) in &paths {
            match main[&item["id"].to_string()] {
                main if main != path => drop(lines.insert(format!("{path} = {main}"))),
                _ => self.describe(path, item, &mut lines),
            }
        }
        lines.into_iter().map(|line| line + "\n").collect()
    }

    /// The items of a module and of the modules in it, by the paths under which others reach them.
    fn walk<'a>(
        &'a self,
        module: &'a Value,
        at: &mut Vec<&'a str>,
        paths: &mut Vec<(String, &'a Value)>,
    ) {
        for item in self.items(&module["inner"]["module"]["items"]) {
            let inner = &item["inner"];
            let used = &inner["use"];
            let name = if used.is_null() { &item["name"] } else { &used["name"] };
            at.push(name.as_str().unwrap_or_default());
            let path = at.join("::");
            if inner.get("module").is_some() {
                paths.push((path, item));
                self.walk(item, at, paths);
            } else if used.is_null() {
                paths.push((path, item));
            } else {
                assert_eq!(used["is_glob"], false, "{path}: a glob hides what is public");
                // Another crate's item is only named.
                paths.push((path, self.item(&used["id"]).unwrap_or(item)));
            }
            at.pop();
        }
    }

    fn describe(&self, path: &str, item: &Value, lines: &mut BTreeSet<String>) {
        let (kind, inner) = kind_of(item);
        let bare = generics(&inner["generics"]);
        let line = match kind {
            "module" => format!("{path}: mod"),
            "use" => format!("{path} = {}", inner["source"].as_str().unwrap_or_default()),
            "function" => format!("{path}: {}", function(item)),
            "constant" | "assoc_const" => format!("{path}: const {}", type_of(&inner["type"])),
            "type_alias" => format!("{path}{bare}: type {}", type_of(&inner["type"])),
            "assoc_type" => format!("{path}{bare}: type {}", bounds(&inner["bounds"])),
            "struct_field" => format!("{path}: {}", type_of(inner)),
            "variant" => format!("{path}: variant"),
            "trait" => format!("{path}{bare}: trait {}", bounds(&inner["bounds"])),
            _ => format!("{path}{bare}: {kind}"),
        };
        let marks = item["attrs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let marks: String =
            marks.filter(|mark| *mark == "non_exhaustive").map(|_| " non_exhaustive").collect();
        lines.insert(format!("{}{marks}", line.trim_end()));
        if kind == "module" {
            return;
        }
        for member in self.members(inner) {
            self.describe(&below(path, member), member, lines);
        }
        let mut traits = BTreeSet::new();
        for of in self.items(&inner["impls"]).map(|of| &of["inner"]["impl"]) {
            if of["is_synthetic"] == true || !of["blanket_impl"].is_null() {
                continue;
            }
            if !of["trait"].is_null() {
                traits.insert(self::path(&of["trait"]));
                continue;
            }
            for member in self.items(&of["items"]).filter(|one| one["visibility"] == "public") {
                self.describe(&below(path, member), member, lines);
            }
        }
        // What the compiler adds to a derived trait for itself.
        traits.retain(|name| !["StructuralPartialEq", "TrivialClone"].contains(&name.as_str()));
        if !traits.is_empty() {
            let traits: Vec<_> = traits.into_iter().collect();
            lines.insert(format!("{path}: impl {}", traits.join(" + ")));
        }
    }

    /// Fields, variants and the items of a trait.
    fn members<'a>(&'a self, inner: &'a Value) -> impl Iterator<Item = &'a Value> {
        let kind = &inner["kind"];
        [
            &inner["items"],
            &inner["variants"],
            &kind["plain"]["fields"],
            &kind["tuple"],
            &kind["struct"]["fields"],
        ]
        .into_iter()
        .flat_map(|ids| self.items(ids))
    }
}

fn below(path: &str, member: &Value) -> String {
    format!("{path}::{}", member["name"].as_str().unwrap_or_default())
}

/// An item's kind, and what is said of such an item.
fn kind_of(item: &Value) -> (&str, &Value) {
    let inner = item["inner"].as_object().and_then(|inner| inner.iter().next()).expect("a kind");
    (inner.0, inner.1)
}
