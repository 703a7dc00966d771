//! Import circles between the files of one folder. For its parent, a folder is one file: whatever its files use, it uses.
//!
//! `mod.rs` is a file like any other: what it defines and its children use ties them to it, and what it takes from a child to
//! use itself ties it to that child. What it only hands on, by `mod` and by a `pub use` that its own code does not need, ties
//! nothing: a reader of the child never has to open it.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Path, Source};

/// Every file of the crate by its module.
pub(super) struct House {
    files: BTreeMap<Path, Source>,
}

/// Which file uses which, and the names that it takes.
type Uses = BTreeMap<(Path, Path), BTreeSet<String>>;

impl House {
    pub(super) fn new(sources: impl IntoIterator<Item = Source>) -> Self {
        Self { files: sources.into_iter().map(|file| (file.module.clone(), file)).collect() }
    }

    /// Each circle among the children of each folder, as a text that names the files and what ties them.
    pub(super) fn circles(&self) -> Vec<String> {
        let uses = self.uses();
        let folders: BTreeSet<_> =
            self.files.keys().filter_map(|module| Some(module.split_last()?.1.to_vec())).collect();
        folders.iter().flat_map(|folder| circles_in(folder, &uses)).collect()
    }

    fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for file in self.files.values() {
            for path in self.used_by(file) {
                let Some((home, name)) = self.home(&path, 0) else { continue };
                if home != file.module {
                    uses.entry((file.module.clone(), home)).or_default().insert(name);
                }
            }
        }
        uses
    }

    /// Every path in this crate that `file` itself needs.
    fn used_by(&self, file: &Source) -> Vec<Path> {
        let needed = file.imports.iter().filter(|(name, import)| {
            let hands_on = import.shared && !file.names.contains(*name);
            !hands_on
        });
        let mut used: Vec<_> = needed.map(|(_, import)| import.path.clone()).collect();
        used.extend(file.paths.iter().filter_map(|path| self.absolute(file, path)));
        used.extend(file.macros.iter().filter_map(|name| self.macro_above(file, name)));
        used
    }

    /// A path from the root, also if it begins with an imported name or a child's.
    fn absolute(&self, file: &Source, path: &[String]) -> Option<Path> {
        if let Some(path) = file.absolute(path) {
            return Some(path);
        }
        let (first, rest) = path.split_first()?;
        if let Some(import) = file.imports.get(first) {
            return Some([&import.path, rest].concat());
        }
        let child = [&file.module[..], &path[..1]].concat();
        self.files.contains_key(&child).then(|| [&child, rest].concat())
    }

    /// A macro without a path comes from a `mod.rs` above, which defines it before its `mod` lines.
    fn macro_above(&self, file: &Source, name: &str) -> Option<Path> {
        if file.items.contains(name) || file.imports.contains_key(name) {
            return None;
        }
        let above = (0..file.module.len()).rev().map(|length| &file.module[..length]);
        let holder = above.filter_map(|module| self.files.get(module));
        let holder = holder.into_iter().find(|holder| holder.items.contains(name))?;
        Some([&holder.module[..], &[name.to_owned()]].concat())
    }

    /// The file that defines what `path` names, and the name; re-exports are followed. None for a module.
    fn home(&self, path: &[String], depth: usize) -> Option<(Path, String)> {
        let mut module = Path::new();
        for (at, name) in path.iter().enumerate() {
            let file = self.files.get(&module)?;
            let child = [&module[..], &path[at..=at]].concat();
            let is_last = at + 1 == path.len();
            let is_item = file.items.contains(name) || file.imports.contains_key(name);
            if self.files.contains_key(&child) && !(is_last && is_item) {
                module = child;
                continue;
            }
            if !file.items.contains(name)
                && depth < 8
                && let Some(import) = file.imports.get(name)
            {
                return self.home(&[&import.path, &path[at + 1..]].concat(), depth + 1);
            }
            return Some((module, name.clone()));
        }
        None
    }
}

/// The circles among the children of `folder`.
fn circles_in(folder: &[String], uses: &Uses) -> Vec<String> {
    let child = |module: &Path| {
        let below = module.strip_prefix(folder)?;
        Some(below.first().map_or("mod.rs", String::as_str).to_owned())
    };
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in uses.keys() {
        if let (Some(from), Some(to)) = (child(from), child(to))
            && from != to
        {
            arrows.entry(from).or_default().insert(to);
        }
    }
    let reached: BTreeMap<_, _> =
        arrows.keys().map(|from| (from.clone(), reached_from(from, &arrows))).collect();
    let mut circles = BTreeSet::new();
    for (from, to) in &reached {
        let circle: BTreeSet<_> = to
            .iter()
            .filter(|to| reached.get(*to).is_some_and(|back| back.contains(from)))
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    let told = |circle: &BTreeSet<&String>| {
        let inside = |module| child(module).is_some_and(|child| circle.contains(&child));
        let ties = uses
            .iter()
            .filter(|((from, to), _)| child(from) != child(to) && inside(from) && inside(to));
        let ties = ties.map(|((from, to), names)| {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            format!("\n    {} uses {}: {}", from.join("/"), to.join("/"), names.join(", "))
        });
        format!("src/{} holds a circle:{}", folder.join("/"), ties.collect::<String>())
    };
    circles.iter().map(told).collect()
}

/// What is reached by one arrow or more.
fn reached_from(from: &str, arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(from) = next.pop() {
        for to in arrows.get(from).into_iter().flatten() {
            if reached.insert(to.clone()) {
                next.push(to);
            }
        }
    }
    reached
}

/// The circles of a crate of these files.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let read = |(module, code): &(&str, &str)| {
        Source::read(&module.split('/').filter(|name| !name.is_empty()).collect::<Vec<_>>(), code)
    };
    let root = Source::read(&[], "");
    House::new([root].into_iter().chain(files.iter().map(read))).circles()
}

#[test]
fn a_circle_is_seen_whichever_path_closes_it() {
    for (closing, code) in [
        ("by super", "use super::a::A;"),
        ("by crate", "use crate::room::a::A;"),
        ("by self", "use self::super::a::A;"),
        ("in a group", "use super::{a::{A, f}, c};"),
        ("under another name", "use super::a::A as Other;"),
        ("inside a function", "fn g() { use super::a::A; }"),
        ("by a path in the code", "fn g() -> super::a::A { todo!() }"),
        ("by a module that is imported", "use super::a; fn g() { a::f() }"),
        ("by a module under another name", "use super::a as other; fn g() { other::f() }"),
        ("by all names of a file", "use super::a::*;"),
        ("by a second import of one name", "use super::c::A; fn g() { use super::a::A; }"),
        ("by what mod.rs hands on", "use super::A;"),
        ("by what the crate's root hands on", "use crate::Front;"),
        ("by a macro", "fn g() { super::a::made!() }"),
    ] {
        let circles = circles_of(&[
            ("", "mod room; pub use room::A as Front;"),
            ("room", "mod a; mod b; mod c; pub use a::A;"),
            ("room/a", "use super::b::B; pub struct A; macro_rules! made { () => {} }"),
            ("room/b", &format!("{code} pub struct B;")),
            ("room/c", ""),
        ]);
        assert_eq!(circles.len(), 1, "{closing}: {circles:#?}");
        assert!(circles[0].starts_with("src/room holds a circle:"), "{closing}: {}", circles[0]);
        assert!(circles[0].contains("room/a uses room/b: B"), "{closing}: {}", circles[0]);
    }
}

#[test]
fn longer_circles_and_those_of_folders_and_mod_files_are_seen() {
    for (which, files) in [
        (
            "of three files",
            [
                ("room", "mod a; mod b; mod c;"),
                ("room/a", "use super::b::B; pub struct A;"),
                ("room/b", "use super::c::C; pub struct B;"),
                ("room/c", "use super::a::A; pub struct C;"),
            ],
        ),
        (
            "of a file and a folder, by two files of it",
            [
                ("room", "mod a; mod b;"),
                ("room/a", "use super::b::C; pub struct A;"),
                ("room/b", "mod b; mod c; pub use c::C;"),
                ("room/b/b", "use crate::room::a::A;"),
            ],
        ),
        (
            "of mod.rs, whose item a child uses, and the child that it uses",
            [
                ("room", "mod a; use a::A; struct Room(A); fn helper() {}"),
                ("room/a", "pub struct A; fn f() { super::helper() }"),
                ("room/b", ""),
                ("room/c", ""),
            ],
        ),
        (
            "of mod.rs, that hands on what it uses itself",
            [
                ("room", "mod a; pub use a::A; struct Room(A);"),
                ("room/a", "use super::Room; pub struct A;"),
                ("room/b", ""),
                ("room/c", ""),
            ],
        ),
        (
            "of mod.rs, whose macro a child calls",
            [
                ("room", "macro_rules! made { () => {} } mod a; fn f() { a::g() }"),
                ("room/a", "made!(); pub fn g() {}"),
                ("room/b", ""),
                ("room/c", ""),
            ],
        ),
    ] {
        let circles = circles_of(&files);
        assert_eq!(circles.len(), 1, "{which}: {circles:#?}");
    }
}

#[test]
fn what_is_no_circle_is_none() {
    for (which, files) in [
        (
            "two files that use a third",
            [
                ("room", "mod a; mod b; mod c;"),
                ("room/a", "use super::{b::B, c::C};"),
                ("room/b", "use super::c::C; pub struct B;"),
                ("room/c", "pub struct C;"),
            ],
        ),
        (
            "mod.rs hands on what it does not use, and its children use what it defines",
            [
                ("room", "mod a; mod b; pub use a::A; pub(crate) use b::B; pub struct Room;"),
                ("room/a", "use super::Room; pub struct A;"),
                ("room/b", "use super::A; pub struct B;"),
                ("room/c", ""),
            ],
        ),
        (
            "comments, texts and visibilities name a file",
            [
                ("room", "mod a; mod b;"),
                ("room/a", "use super::b::B; pub struct A;"),
                ("room/b", "// super::a::A\n/* super::a::A */ pub(in super::a) struct B;"),
                (
                    "room/c",
                    "fn f() { (\"super::a\", r#\"crate::room::a\"#, b'\\'', '\"', 'x', super::c::C) }",
                ),
            ],
        ),
        (
            "another crate has a module of the same name",
            [
                ("room", "mod a; mod b;"),
                ("room/a", "use super::b::B; pub struct A;"),
                ("room/b", "use ::a::A; fn f() { std::a::g(); other.a::<u8>() } pub struct B;"),
                ("room/c", ""),
            ],
        ),
    ] {
        assert_eq!(circles_of(&files), [""; 0], "{which}");
    }
}
