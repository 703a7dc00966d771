//! Reads a database URL.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::sqlite::SqliteConnectOptions;

use crate::store::StoreError;

/// A file, and whether it may be created.
#[derive(Debug)]
pub(super) struct Location {
    pub(super) path: PathBuf,
    pub(super) create: bool,
}

impl Location {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let rest = url.strip_prefix("sqlite:").ok_or_else(|| {
            invalid("does not begin with sqlite: (expected sqlite://path/to/file.sqlite)")
        })?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (file, create) = match rest.split_once('?') {
            None => (rest, true),
            Some((file, "mode=rwc")) => (file, true),
            Some((file, "mode=rw")) => (file, false),
            Some(_) => {
                return Err(invalid("only ?mode=rw and ?mode=rwc are known after the path"));
            }
        };
        if file.is_empty() {
            return Err(invalid("names no file"));
        }
        // The trail must outlive the process, and each connection would have a database of its own.
        if file == ":memory:" {
            return Err(invalid("an audit trail cannot be kept in memory: name a file"));
        }
        // Percent signs are decoded by sqlx, so that one URL means one file to host and store.
        let decoded = SqliteConnectOptions::from_str(&format!("sqlite:{file}"))
            .map_err(|_| invalid("the path is not UTF-8 after percent decoding"))?;
        let path = decoded.get_filename().to_owned();
        check(&path, create)?;
        Ok(Self { path, create })
    }
}

/// SQLite says "unable to open database file" for all of these.
fn check(path: &Path, create: bool) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(invalid(&format!("there is no folder {}: create it first", folder.display())));
    }
    if path.is_dir() {
        return Err(invalid(&format!("{} is a folder, not a file", path.display())));
    }
    if !create && !path.exists() {
        return Err(invalid(&format!("there is no file {}", path.display())));
    }
    Ok(())
}

fn invalid(reason: &str) -> StoreError {
    StoreError::InvalidUrl { reason: reason.to_owned() }
}
