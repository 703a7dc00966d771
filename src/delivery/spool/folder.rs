//! The spool's folder: the names of its files, and their permissions.
//!
//! All processes that use the folder number its files together, so that a later file has a higher number.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogKind {
    /// Records that wait for the database.
    Waiting,
    /// Records that the database refuses.
    Refused,
}

impl LogKind {
    fn extension(self) -> &'static str {
        match self {
            Self::Waiting => "log",
            Self::Refused => "refused",
        }
    }
}

/// Most damaged copies that are kept of one file.
const DAMAGED_MAX: u32 = 100_000;

/// Creates the folder and its parents if they are missing, readable for this user alone. The new folders survive a
/// loss of power once this returns.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    let missing = folder.ancestors().take_while(|folder| !folder.exists()).count();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    // A folder's entry is in its parent, so we sync up to the first parent that existed before.
    for ancestor in folder.ancestors().take(missing + 1) {
        sync(if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor })?;
    }
    Ok(())
}

/// Makes files that were created, renamed or deleted in a folder survive a loss of power.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    // Other systems cannot open a folder.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Opens a file for this user alone: a new one, or an existing one.
pub(super) fn open(path: &Path, is_new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(is_new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Creates a file with a number higher than any in the folder.
pub(super) fn create(folder: &Path, kind: LogKind) -> io::Result<(PathBuf, File)> {
    let mut number = files(folder)?.last().map_or(0, |(number, ..)| number + 1);
    loop {
        let path = folder.join(format!("spool-{number}.{}", kind.extension()));
        match open(&path, true) {
            Ok(file) => return Ok((path, file)),
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The spool's files, in the order of their numbers.
pub(super) fn files(folder: &Path) -> io::Result<Vec<(u64, LogKind, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (number, extension) = name.split_once('.').unwrap_or_default();
        let number = number.strip_prefix("spool-").map(str::parse::<u64>);
        let mut kinds = [LogKind::Waiting, LogKind::Refused].into_iter();
        let kind = kinds.find(|kind| kind.extension() == extension);
        if let (Some(Ok(number)), Some(kind)) = (number, kind) {
            files.push((number, kind, path));
        }
    }
    files.sort_unstable_by_key(|(number, ..)| *number);
    Ok(files)
}

/// The path where a file is rewritten before it replaces the old one.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// A free name for a damaged file.
pub(super) fn damaged(path: &Path) -> io::Result<PathBuf> {
    for nth in 0..DAMAGED_MAX {
        let path = path.with_added_extension(format!("damaged-{nth}"));
        if !path.try_exists()? {
            return Ok(path);
        }
    }
    Err(io::Error::other("the folder is full of damaged files"))
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns true if the path still names this file.
pub(super) fn is_named(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let files = file.metadata().and_then(|file| Ok((file, fs::metadata(path)?)));
        files.is_ok_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()))
    }
    // Elsewhere a file that is open cannot be deleted.
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}
