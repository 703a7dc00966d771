//! A process's place in the spool's folder: a number, the files that go by it, and the lock on them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// More processes than share a folder.
const SLOTS_MAX: u32 = 4096;

/// Damaged files of one slot that are kept under names of their own.
const DAMAGED_MAX: u32 = 100_000;

/// One number's files. While it lives no other process has it: the operating system lets go of the
/// lock when the process dies, whichever way.
///
/// The lock is on a file beside the spool's, because that one is replaced. It is left where it is: a
/// lock on a file that was deleted and made anew would be two.
pub(super) struct Slot {
    folder: PathBuf,
    number: u32,
    _lock: File,
}

impl Slot {
    /// The first slot that nobody has.
    pub(super) fn first_free(folder: &Path) -> io::Result<Self> {
        for number in 0..SLOTS_MAX {
            if let Some(slot) = Self::take(folder, number)? {
                return Ok(slot);
            }
        }
        Err(io::Error::other("every slot of the folder is taken"))
    }

    /// The slot of this number, or `None` where somebody has it.
    pub(super) fn take(folder: &Path, number: u32) -> io::Result<Option<Self>> {
        let lock = private_file(&folder.join(format!("spool-{number}.lock")))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { folder: folder.to_owned(), number, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The file of the events.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join(format!("spool-{}.redb", self.number))
    }

    /// The file that salvaging writes, before it takes the place of the damaged one.
    pub(super) fn salvaged(&self) -> PathBuf {
        self.folder.join(format!("spool-{}.redb.salvaged", self.number))
    }

    /// A name for the damaged file that nothing has yet.
    pub(super) fn damaged(&self) -> io::Result<PathBuf> {
        for nth in 0..DAMAGED_MAX {
            let path = self.folder.join(format!("spool-{}.redb.damaged-{nth}", self.number));
            if !path.try_exists()? {
                return Ok(path);
            }
        }
        Err(io::Error::other("the folder is full of damaged files"))
    }

    /// Fails where the disk has no room for `len` bytes.
    pub(super) fn try_room(&self, len: usize) -> io::Result<()> {
        static PIECE: [u8; 64 << 10] = [1; 64 << 10];
        let path = self.folder.join(format!("spool-{}.room", self.number));
        let mut file = private_file(&path)?;
        // Without its name it goes when it is closed, whatever happens here.
        fs::remove_file(&path)?;
        for _ in 0..len.div_ceil(PIECE.len()) {
            file.write_all(&PIECE)?;
        }
        file.sync_all()
    }

    /// Makes what was created, renamed or deleted in the folder outlive a loss of power.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        // Other systems cannot open a folder, and have no such call.
        if cfg!(unix) { File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }
}

/// Makes the folder where it is missing, for this user alone.
pub(super) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file, and makes it where it is missing, for this user alone.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The numbers of the slots that have a file of events, in order.
pub(super) fn slots_with_events(folder: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u32> = name
            .to_str()
            .and_then(|name| name.strip_prefix("spool-"))
            .and_then(|name| name.strip_suffix(".redb").or(name.strip_suffix(".redb.salvaged")))
            .and_then(|number| number.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}
